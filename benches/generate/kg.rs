//! A made-up graph in memory, equal to what the import of its folder gives when nothing is held out.

use super::facts::{EdgeKind, Rows, Shape, time};
use super::folder::{ENTITY, ITEM, TYPES, USER, WORK, id, relation_name};
use crate::harness::Outcome;
use footpath_graph::build::build;
use footpath_graph::dataset::{RawInteraction, RawTriple};
use footpath_graph::{Dataset, Split, TrainKg};

/// The knowledge graph by which samplers are compared: 200 thousand users, 100 thousand items, 500 thousand entities,
/// 20 relations, 20.3 million arcs. Every interaction is in train.
pub(crate) fn walks_kg(seed: u64) -> Outcome<TrainKg> {
    power_law_kg(&Shape::walks(seed))
}

/// The graph of any shape.
pub(crate) fn power_law_kg(shape: &Shape) -> Outcome<TrainKg> {
    Ok(build(dataset(shape)?)?.train_kg()?)
}

fn dataset(shape: &Shape) -> Outcome<Dataset> {
    shape.check()?;
    let mut dataset = Dataset { has_times: true, ..Dataset::default() };
    for number in 0..shape.items {
        dataset.entity(std::str::from_utf8(&id(WORK, number))?, TYPES[0]);
        dataset.item(std::str::from_utf8(&id(ITEM, number))?);
    }
    dataset.links = (0..shape.items as u32).collect();
    for number in 0..shape.entities {
        dataset.entity(std::str::from_utf8(&id(ENTITY, number))?, TYPES[1]);
    }
    for number in 0..shape.users {
        dataset.users.intern(std::str::from_utf8(&id(USER, number))?);
    }
    for (kind, num) in [(EdgeKind::ItemFact, shape.relations[0]), (EdgeKind::EntityFact, shape.relations[1])] {
        for name in (0..num).map(|number| relation_name(kind, number)) {
            dataset.relation(&name);
        }
    }
    facts(shape, &mut dataset.triples);
    interactions(shape, &mut dataset.interactions);
    Ok(dataset)
}

/// Numbers are as in the folder: the works of the items, then the other entities; lines start after the header.
fn facts(shape: &Shape, triples: &mut Vec<RawTriple>) {
    triples.reserve_exact((shape.item_facts + shape.entity_facts) as usize);
    let (first_entity, mut row) = (shape.items as u32, Vec::new());
    for (kind, first_head, first_relation) in
        [(EdgeKind::ItemFact, 0, 0), (EdgeKind::EntityFact, first_entity, shape.relations[0] as u32)]
    {
        let rows = Rows::new(shape, kind);
        for head in 0..rows.heads() {
            rows.fill(head, &mut row);
            for tail in &row {
                let (head, relation) = (first_head + head as u32, first_relation + tail.relation);
                let line = triples.len() as u32 + 2;
                triples.push(RawTriple { head, relation, tail: first_entity + tail.node, line });
            }
        }
    }
}

fn interactions(shape: &Shape, log: &mut Vec<RawInteraction>) {
    log.reserve_exact(shape.interactions as usize);
    let (rows, mut row) = (Rows::new(shape, EdgeKind::Interaction), Vec::new());
    for user in 0..rows.heads() {
        let mut random = rows.fill(user, &mut row);
        for tail in &row {
            let (user, item, line) = (user as u32, tail.node, log.len() as u32 + 2);
            let time = time(&mut random) as i64;
            log.push(RawInteraction { user, item, rating: f32::NAN, time, line, split: Split::Train });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::write_folder;
    use super::*;
    use footpath_core::ArrayWriter;
    use footpath_graph::import::{self, Options};
    use footpath_graph::split::SplitSpec;

    #[test]
    fn the_folder_imports_to_the_same_graph() {
        let (shape, scratch) = (Shape::of_edges(30_000, 5), tempfile::tempdir().expect("temporary directory"));
        write_folder(&shape, &scratch.path().join("data")).expect("written");
        let options = Options { split: SplitSpec::None, ..Options::default() };
        let imported = import::import(&scratch.path().join("data"), &options, &footpath_core::Context::default())
            .expect("imported")
            .built;
        let made = build(dataset(&shape).expect("a shape with room")).expect("built");
        assert_eq!((&imported.schema, imported.dropped), (&made.schema, made.dropped));
        let bytes = |built: &footpath_graph::build::Built| {
            let (a, mut bytes) = (&built.arrays, Vec::new());
            let arrays = ArrayWriter::default().with("offsets", &a.offsets).with("tails", &a.tails);
            let arrays = arrays.with("relations", &a.relations).with("lines", &a.lines).with("times", &a.times);
            arrays.with("names", &a.name_bytes).write(&mut bytes).expect("written");
            bytes
        };
        assert!(bytes(&imported) == bytes(&made), "arrays differ");
        assert_eq!(made.arrays.tails.len(), 60_000);
    }
}
