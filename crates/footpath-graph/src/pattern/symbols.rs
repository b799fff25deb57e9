//! What automata read: pairs of a class of directed relations and a class of kinds of nodes.

use footpath_core::{KindId, TypeId};
use std::ops::Range;
use std::sync::Arc;

/// The automaton would pass [`MAX_STATES`](super::MAX_STATES) or [`MAX_STEPS`](super::MAX_STEPS), or take too long to
/// make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The kinds of nodes of a graph: the type of each, and its nodes.
pub(super) type Kinds = Arc<[(TypeId, Range<u32>)]>;

/// What a path is spelled in: pairs of a class of directed relations and a class of kinds of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Symbols {
    pub(super) relation_class: Vec<u16>,
    /// By kind of node.
    pub(super) kind_class: Vec<u16>,
    pub(super) num_relation_classes: usize,
    pub(super) num_kind_classes: usize,
    pub(super) kinds: Kinds,
}

impl Symbols {
    pub(super) fn new(relation_class: Vec<u16>, kind_class: Vec<u16>, kinds: Kinds) -> Self {
        let number = |classes: &[u16]| classes.iter().max().map_or(0, |&class| usize::from(class) + 1);
        let (num_relation_classes, num_kind_classes) = (number(&relation_class), number(&kind_class));
        Self { relation_class, kind_class, num_relation_classes, num_kind_classes, kinds }
    }

    /// Number of symbols.
    pub(super) fn len(&self) -> usize {
        self.num_relation_classes * self.num_kind_classes
    }

    /// The class of a kind.
    pub(super) fn of_kind(&self, kind: KindId) -> usize {
        self.kind_class.get(kind.index()).map_or(0, |&class| usize::from(class))
    }

    /// The classes of the kinds of a type, each as often as there are kinds of it.
    pub(super) fn of_type(&self, of: TypeId) -> impl Iterator<Item = usize> + '_ {
        let kinds = self.kinds.iter().zip(&self.kind_class).filter(move |((own, _), _)| *own == of);
        kinds.map(|(_, &class)| usize::from(class))
    }
}
