//! What the path model knows of the graph: which tokens may follow a path.

use crate::ids::NodeId;
use crate::random::Stream;
use crate::vocabulary::Vocabulary;
use std::ops::Range;

/// The items a path may end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Items the user has no train interaction with.
    Unseen,
    /// Any item, whether the user knows it or not.
    Any,
    /// This item and no other, whether the user knows it or not.
    Item(NodeId),
}

/// The tokens that may follow a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Successors {
    /// Tokens after which the path goes on.
    pub continuing: Vec<u32>,
    /// Tokens that complete the path: an end item, or [`Vocabulary::END`] to stop at the node the path has reached.
    pub ending: Vec<u32>,
}

impl Successors {
    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.continuing.clear();
        self.ending.clear();
    }

    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.continuing.len() + self.ending.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Legal continuations of paths in a graph. Paths are rows of tokens: user, relation, node, relation, node, …
///
/// Every successor has at least one completion to the goal, so a search that follows successors never dies.
pub trait LegalSuccessors: Sync {
    /// The vocabulary of the tokens.
    fn vocabulary(&self) -> Vocabulary;

    /// Tokens of the longest path.
    fn max_tokens(&self) -> usize;

    /// The items that stand for a user in the prompt of the model: node ids, ascending, each once. `user` is the first
    /// token of a path.
    fn history(&self, user: u32) -> &[u32];

    /// Of each item of [`LegalSuccessors::history`], in its order, how many the user chose later; all 0 where no times
    /// are known.
    fn later(&self, user: u32) -> Vec<u32>;

    /// What a user chose in the order of time, as tokens; in the order of the items where no times are known. Empty for
    /// any other token.
    fn timeline(&self, user: u32) -> Vec<u32>;

    /// The tokens of the kind of this one: all relations, or all nodes of its type. A special is alone.
    fn alike(&self, token: u32) -> Range<u32>;

    /// The tokens of all items.
    fn items(&self) -> Range<u32>;

    /// All tokens that may follow `prefix`, which starts with a user, each list in ascending order.
    ///
    /// What this does NOT promise: that `prefix` itself is checked. A prefix that is not legal has no meaning here.
    fn successors(&self, prefix: &[u32], goal: Goal, out: &mut Successors);

    /// As [`LegalSuccessors::successors`] for several prefixes of one user, one after the other; `take` is given the
    /// successors of each. What depends on the user alone may be looked up once for all.
    fn successors_of_each<'p>(
        &self,
        prefixes: impl IntoIterator<Item = &'p [u32]>,
        goal: Goal,
        mut take: impl FnMut(&mut Successors),
    ) {
        let mut successors = Successors::default();
        for prefix in prefixes {
            self.successors(prefix, goal, &mut successors);
            take(&mut successors);
        }
    }

    /// Draws alternatives to the token at `position` of a complete `path` (its end where `position` is past the last
    /// token), for training.
    ///
    /// The alternatives are the tokens that could have followed instead, on the way to an item the user has not chosen.
    /// Where there are more than `count`, a uniform sample of the candidates is returned, the illegal ones among them
    /// left out. Returns the logarithm of the weight each returned token stands for (0 when all are there), or `None`
    /// when there was no choice to make.
    fn siblings(
        &self,
        path: &[u32],
        position: usize,
        count: usize,
        stream: &mut Stream,
        out: &mut Vec<u32>,
    ) -> Option<f32>;
}
