//! Rankers without a learnt model, to be run beside every model: a figure means little without them.
//!
//! All learn from the train graph alone, recommend no item of the user's train set, and break ties by item id.

mod bpr;
mod dense;
mod ease;
mod item_knn;
mod metapath;
mod page_rank;
mod path_count;
mod popularity;
mod random;
mod rp3beta;
mod scores;
#[cfg(test)]
mod testing;
pub mod tune;
mod user_knn;

pub use bpr::{BprConfig, BprMf};
pub use ease::{Ease, MAX_EASE_ROWS};
pub use item_knn::ItemKnn;
pub use metapath::{MetapathConfig, MetapathLogistic};
pub use page_rank::PageRank;
pub use path_count::PathCount;
pub use popularity::Popularity;
pub use random::Random;
pub use rp3beta::Rp3Beta;
pub use tune::{Trial, Tuned, tune};
pub use user_knn::UserKnn;

use crate::recommendations::{Recommendation, Recommendations};
use footpath_core::NodeId;
use footpath_graph::{HeldOut, TrainKg};
use rayon::prelude::*;
use std::cmp::Ordering;

/// A ranker that learns from the train graph alone.
///
/// Scores of different baselines, or of different users, are not comparable.
pub trait Baseline: Send + Sync {
    /// Short name for tables.
    fn name(&self) -> &'static str;

    /// The graph it was made from.
    fn kg(&self) -> &TrainKg;

    /// The items that have a score for this user, each once, by ascending id; train items may be among them. Items without a
    /// score are never recommended. All scores are finite. A node that is no user has no scores.
    fn scores(&self, user: NodeId) -> Vec<Recommendation>;

    /// The scores of several users, in their order: for baselines that work faster on a few at a time.
    fn scores_of(&self, users: &[NodeId]) -> Vec<Vec<Recommendation>> {
        users.iter().map(|&user| self.scores(user)).collect()
    }

    /// The best `k` items that are neither in the user's train set nor in `known` (ascending), best first, ties by item id; fewer
    /// when fewer have a score.
    ///
    /// `known` is for what the user is known to have chosen since training, such as the valid items when the figure is on test.
    fn recommend_except(&self, user: NodeId, k: usize, known: &[NodeId]) -> Vec<Recommendation> {
        best_unseen(self.kg().items_of(user), self.scores(user), k, known)
    }

    /// The best `k` items that are not in the user's train set.
    fn recommend(&self, user: NodeId, k: usize) -> Vec<Recommendation> {
        self.recommend_except(user, k, &[])
    }

    /// The best `k` items of every user of the graph, without the items of `known`, in parallel; the result does not depend on
    /// the number of threads.
    fn recommend_all_except(&self, k: usize, known: &HeldOut) -> Recommendations {
        let known = known.by_user();
        let list = |(user, scores): (NodeId, Vec<Recommendation>)| {
            let known = known.get(&user).map_or(&[][..], Vec::as_slice);
            (user, best_unseen(self.kg().items_of(user), scores, k, known))
        };
        let users: Vec<NodeId> = self.kg().users().map(NodeId).collect();
        let lists =
            users.par_chunks(8).flat_map_iter(|users| users.iter().copied().zip(self.scores_of(users)).map(list));
        lists.collect::<Vec<_>>().into_iter().collect()
    }

    /// The best `k` items of every user of the graph that are not in the user's train set.
    fn recommend_all(&self, k: usize) -> Recommendations {
        self.recommend_all_except(k, &HeldOut::from([].as_slice()))
    }
}

/// The baselines every evaluation reports, with their default options.
#[must_use]
pub fn standard<'a>(kg: &'a TrainKg, seed: u64) -> Vec<Box<dyn Baseline + 'a>> {
    vec![
        Box::new(Random::new(kg, seed)),
        Box::new(Popularity::new(kg)),
        Box::new(PathCount::new(kg)),
        Box::new(PathCount::tempered(kg)),
        Box::new(ItemKnn::new(kg, ItemKnn::DEFAULT_NUM_NEIGHBOURS)),
    ]
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

#[cfg(test)]
mod contract {
    //! What every baseline promises, checked on every baseline.

    use super::*;
    use footpath_core::{Purpose, Stream};
    use footpath_graph::build::{Built, build};
    use footpath_graph::{Dataset, Split};

    /// 30 users, 40 items, 12 entities and some held-out choices, drawn at random; item `alone` is chosen by nobody and linked to
    /// nothing, user `keen` has chosen every item, user `new` has only a held-out choice.
    fn graph() -> TrainKg {
        built().train_kg().expect("a graph")
    }

    fn built() -> Built {
        let mut data = Dataset::default();
        let mut draw = Stream::new(5, Purpose::Simulate, 0, 0);
        for item in 0..40 {
            let item = format!("i{item}");
            data.link(&item, &format!("film {item}"));
            for _ in 0..3 {
                let relation = ["genre", "cast"][draw.index(2)];
                data.fact(&format!("film {item}"), relation, &format!("e{}", draw.index(12)));
            }
            data.interact("keen", &item);
        }
        for user in 0..30 {
            for _ in 0..8 {
                data.interact(&format!("u{user}"), &format!("i{}", draw.index(40)));
            }
        }
        data.item("alone");
        data.interact("keen", "alone");
        data.interact("new", "i1");
        for interaction in data.interactions.iter_mut().rev().take(20) {
            interaction.split = Split::Test;
        }
        build(data).expect("built")
    }

    /// Every baseline, with default options where it has options.
    fn all(kg: &TrainKg) -> Vec<Box<dyn Baseline + '_>> {
        let mut all = standard(kg, 7);
        all.push(Box::new(UserKnn::new(kg, 5)));
        all.push(Box::new(PageRank::new(kg, PageRank::DEFAULT_RESTART)));
        all.push(Box::new(Rp3Beta::new(kg, 0.8, 0.5)));
        all.push(Box::new(Ease::new(kg, 50.0).expect("small")));
        all.push(Box::new(BprMf::new(kg, BprConfig { num_epochs: 2, ..BprConfig::default() })));
        all.push(Box::new(MetapathLogistic::new(kg, MetapathConfig::default())));
        all
    }

    fn for_all(check: impl Fn(&dyn Baseline)) {
        let kg = graph();
        all(&kg).iter().for_each(|baseline| check(baseline.as_ref()));
    }

    #[test]
    fn names_differ() {
        let kg = graph();
        let names: std::collections::BTreeSet<_> = all(&kg).iter().map(|b| b.name()).collect();
        assert_eq!(names, tune::NAMES.into_iter().collect());
    }

    #[test]
    fn scores_are_finite_and_of_items_in_order() {
        for_all(|baseline| {
            for user in baseline.kg().users().map(NodeId) {
                let scores = baseline.scores(user);
                assert!(scores.iter().all(|r| r.score.is_finite() && baseline.kg().is_item(r.item)));
                assert!(scores.is_sorted_by(|a, b| a.item < b.item), "{}", baseline.name());
            }
        });
    }

    #[test]
    fn lists_are_the_best_unseen_items_in_order() {
        for_all(|baseline| {
            for user in baseline.kg().users().map(NodeId) {
                let train = baseline.kg().items_of(user);
                let mut unseen = baseline.scores(user);
                unseen.retain(|r| !train.contains(&r.item.0));
                // The stable sort of items by id leaves ties in the order of ids.
                unseen.sort_by(|a, b| b.score.partial_cmp(&a.score).expect("finite"));
                for k in [0, 1, 5, 10, 100] {
                    let expected = unseen.get(..k).unwrap_or(&unseen);
                    assert_eq!(baseline.recommend(user, k), expected, "{} at {k}", baseline.name());
                }
            }
        });
    }

    #[test]
    fn known_items_make_room_for_the_next() {
        let test = HeldOut::from(built().test.as_slice());
        let known = test.by_user();
        for_all(|baseline| {
            let lists = baseline.recommend_all_except(5, &test);
            for user in baseline.kg().users().map(NodeId) {
                let mut expected = baseline.recommend(user, usize::MAX);
                expected.retain(|r| known.get(&user).is_none_or(|known| !known.contains(&r.item)));
                expected.truncate(5);
                assert_eq!(lists.of(user), expected, "{}", baseline.name());
            }
        });
    }

    #[test]
    fn users_with_a_train_item_get_a_list() {
        for_all(|baseline| {
            let kg = baseline.kg();
            for user in kg.users().map(NodeId).filter(|u| (1..30).contains(&kg.items_of(*u).len())) {
                assert_eq!(baseline.recommend(user, 5).len(), 5, "{} {}", baseline.name(), kg.id(user));
            }
        });
    }

    #[test]
    fn what_is_no_user_has_no_list() {
        for_all(|baseline| {
            let item = NodeId(baseline.kg().items().start);
            for node in [item, NodeId(u32::MAX)] {
                assert_eq!(baseline.recommend(node, 5), [], "{}", baseline.name());
            }
        });
    }

    #[test]
    fn all_at_once_is_one_by_one_for_any_number_of_threads() {
        for_all(|baseline| {
            let one_by_one = baseline.kg().users().map(|u| (NodeId(u), baseline.recommend(NodeId(u), 10))).collect();
            for threads in [1, 4] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                let all: Recommendations = pool.install(|| baseline.recommend_all(10));
                assert_eq!(all, one_by_one, "{} with {threads} threads", baseline.name());
            }
        });
    }

    #[test]
    fn an_empty_graph_gives_nothing() {
        let kg = build(Dataset::default()).and_then(|built| built.train_kg()).expect("a graph");
        for baseline in all(&kg) {
            assert_eq!(baseline.recommend_all(10), Recommendations::default(), "{}", baseline.name());
        }
    }
}
