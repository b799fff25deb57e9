//! What all baselines have in common.

use super::name::BaselineName;
use crate::error::Result;
use crate::recommendations::{Recommendation, Recommendations};
use footpath_core::{Context, NodeId};
use footpath_graph::{HeldOut, TrainKg};
use rayon::prelude::*;
use std::cmp::Ordering;

/// Users whose scores are asked for together.
const USERS_AT_ONCE: usize = 8;

/// A ranker that learns from the train graph alone.
///
/// Scores of different baselines, or of different users, are not comparable. Everything that looks at more than one
/// user can be stopped, within the work for a part of one.
pub trait Baseline: Send + Sync {
    /// Which it is.
    fn id(&self) -> BaselineName;

    /// The graph it was made from.
    fn kg(&self) -> &TrainKg;

    /// The items that have a score for this user, each once, by ascending id; train items may be among them. Items
    /// without a score are never recommended. All scores are finite. A node that is no user has no scores.
    ///
    /// # Errors
    /// A stop.
    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>>;

    /// The scores of several users, in their order: for baselines that work faster on a few at a time.
    ///
    /// # Errors
    /// A stop.
    fn scores_of(&self, users: &[NodeId], context: &Context) -> Result<Vec<Vec<Recommendation>>> {
        users.iter().map(|&user| self.scores(user, context)).collect()
    }

    /// Short name for tables.
    fn name(&self) -> &'static str {
        self.id().name()
    }

    /// The best `k` items that are neither in the user's train set nor in `known` (ascending), best first, ties by item
    /// id; fewer when fewer have a score.
    ///
    /// `known` is for what the user is known to have chosen since training, such as the valid items when the figure is
    /// on test.
    ///
    /// # Errors
    /// A stop.
    fn recommend_except(
        &self,
        user: NodeId,
        k: usize,
        known: &[NodeId],
        context: &Context,
    ) -> Result<Vec<Recommendation>> {
        Ok(best_unseen(self.kg().items_of(user), self.scores(user, context)?, k, known))
    }

    /// The best `k` items that are not in the user's train set.
    ///
    /// # Errors
    /// A stop.
    fn recommend(&self, user: NodeId, k: usize, context: &Context) -> Result<Vec<Recommendation>> {
        self.recommend_except(user, k, &[], context)
    }

    /// The best `k` items of every user of the graph, without the items of `known`, in parallel; the result does not
    /// depend on the number of threads.
    ///
    /// # Errors
    /// A stop.
    fn recommend_all_except(&self, k: usize, known: &HeldOut, context: &Context) -> Result<Recommendations> {
        let known = known.by_user();
        let list = |(user, scores): (NodeId, Vec<Recommendation>)| {
            let known = known.get(&user).map_or(&[][..], Vec::as_slice);
            (user, best_unseen(self.kg().items_of(user), scores, k, known))
        };
        let users: Vec<NodeId> = self.kg().users().map(NodeId).collect();
        let stage = context.stage(self.id().stage(), Some(users.len() as u64), "users");
        let lists = |users: &[NodeId]| {
            let scores = self.scores_of(users, context)?;
            stage.advance(users.len() as u64)?;
            Ok(users.iter().copied().zip(scores).map(list).collect())
        };
        let lists: Vec<Vec<_>> = users.par_chunks(USERS_AT_ONCE).map(lists).collect::<Result<_>>()?;
        Ok(lists.into_iter().flatten().collect())
    }

    /// The best `k` items of every user of the graph that are not in the user's train set.
    ///
    /// # Errors
    /// A stop.
    fn recommend_all(&self, k: usize, context: &Context) -> Result<Recommendations> {
        self.recommend_all_except(k, &HeldOut::from([].as_slice()), context)
    }
}

/// The best `k` of the scores whose items are neither in `train` nor in `known`.
fn best_unseen(train: &[u32], mut scores: Vec<Recommendation>, k: usize, known: &[NodeId]) -> Vec<Recommendation> {
    scores.retain(|r| train.binary_search(&r.item.0).is_err() && known.binary_search(&r.item).is_err());
    best(scores, k)
}

/// The first `k` by descending score, ties by item id.
#[must_use]
pub fn best(mut scores: Vec<Recommendation>, k: usize) -> Vec<Recommendation> {
    if k > 0 && k < scores.len() {
        scores.select_nth_unstable_by(k - 1, by_rank);
    }
    scores.truncate(k);
    scores.sort_unstable_by(by_rank);
    scores
}

fn by_rank(a: &Recommendation, b: &Recommendation) -> Ordering {
    b.score.total_cmp(&a.score).then(a.item.cmp(&b.item))
}
