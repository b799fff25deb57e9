//! Faithfulness: whether an explanation is true. Every hop of the path is a fact of the graph, and it leads from the
//! user to the item.

use crate::error::Result;
use crate::metrics::count;
use footpath_core::{Context, NodeId, Path};
use footpath_graph::TrainKg;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;

/// How many paths are faithful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faithfulness {
    /// Paths checked.
    pub num_paths: usize,
    /// Of these, the faithful ones.
    pub num_faithful: usize,
}

impl Faithfulness {
    /// Faithful paths as a share of all, in [0, 1]; `None` when there was no path.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        (self.num_paths > 0).then(|| count(self.num_faithful) / count(self.num_paths))
    }
}

/// Checks the path given for each (user, item).
///
/// # Errors
/// A stop.
pub fn faithful<P: Borrow<Path>>(
    kg: &TrainKg,
    explanations: impl IntoIterator<Item = (NodeId, NodeId, P)>,
    context: &Context,
) -> Result<Faithfulness> {
    let stage = context.stage("checking paths", None, "paths");
    let mut checked = Faithfulness::default();
    for (user, item, path) in explanations {
        checked.num_paths += 1;
        checked.num_faithful += usize::from(is_faithful(kg, user, item, path.borrow()));
        stage.advance(1)?;
    }
    Ok(checked)
}

/// Whether the path has at least one hop, starts at the user, ends at the item, and states only facts of the graph.
#[must_use]
pub fn is_faithful(kg: &TrainKg, user: NodeId, item: NodeId, path: &Path) -> bool {
    let well_formed = path.num_hops() > 0 && path.nodes.len() == path.num_hops() + 1;
    let ends = path.nodes.first() == Some(&user) && path.nodes.last() == Some(&item);
    well_formed && ends && path.triples().all(|triple| kg.find(triple).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::RelationId;
    use footpath_graph::{Dataset, Split, build::build};

    #[test]
    fn only_true_paths_from_user_to_item_count() {
        let mut data = Dataset::default();
        data.interact("ann", "a");
        data.interact("ann", "b");
        data.interactions[1].split = Split::Test;
        for (item, entity) in [("a", "film a"), ("b", "film b")] {
            data.link(item, entity);
            data.fact(entity, "genre", "noir");
        }
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let node = |name: &str| kg.node(name).expect("known");
        let (ann, a, b, noir) = (node("user:ann"), node("item:a"), node("item:b"), node("entity:noir"));
        let genre = kg.relation("genre").expect("known");
        let path =
            |nodes: &[NodeId], relations: &[RelationId]| Path { nodes: nodes.into(), relations: relations.into() };
        let hops = [RelationId::INTERACTED, genre, genre.inverse()];
        let good = path(&[ann, a, noir, b], &hops);
        let bad = [
            (ann, a, good.clone()),                                                      // another item
            (a, b, good.clone()),                                                        // another user
            (ann, b, path(&[ann, b], &[RelationId::INTERACTED])),                        // held out
            (ann, b, path(&[ann, a, noir, b], &[RelationId::INTERACTED, genre, genre])), // wrong direction
            (ann, b, path(&[ann, a, b], &[RelationId::INTERACTED, genre])),              // no such fact
            (ann, b, path(&[ann, a, noir, b], &hops[..2])),                              // a relation short
            (ann, ann, path(&[ann], &[])),                                               // no hop
            (NodeId(u32::MAX), b, path(&[NodeId(u32::MAX), b], &[RelationId(0)])),       // outside the graph
            (ann, b, Path::default()),
        ];
        fn check<'a>(kg: &TrainKg, paths: impl IntoIterator<Item = (NodeId, NodeId, &'a Path)>) -> Faithfulness {
            faithful(kg, paths, &Context::default()).expect("nobody asked for the end")
        }
        assert_eq!(check(&kg, [(ann, b, &good)]).share(), Some(1.0));
        for (user, item, path) in &bad {
            assert_eq!(check(&kg, [(*user, *item, path)]).share(), Some(0.0), "{path:?}");
        }
        let mixed = bad.iter().map(|(user, item, path)| (*user, *item, path)).chain([(ann, b, &good)]);
        assert_eq!(check(&kg, mixed), Faithfulness { num_paths: bad.len() + 1, num_faithful: 1 });
        assert_eq!(check(&kg, []).share(), None);
    }
}
