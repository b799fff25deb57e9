//! Paths between a user and one item, against the legal paths to that item.

use crate::chi::{ALPHA, p_value};
use crate::context;
use crate::graphs::{plan, toy};
use crate::oracle::{CASES, legal, probabilities};
use footpath_core::{NodeId, Path};
use footpath_graph::TrainKg;
use footpath_graph::sample::{EndSet, Law, SampleSpec, Sampler, Scratch};
use proptest::prelude::*;

const DRAWS: u32 = 20_000;

fn spec(damping: f64) -> SampleSpec {
    SampleSpec { law: Law::UniformEnd, damping, ..SampleSpec::default() }
}

/// The legal paths to an item, the one that goes there at once left out.
fn paths_to(kg: &TrainKg, case: &crate::oracle::Case, user: NodeId, item: NodeId, spec: &SampleSpec) -> Vec<Path> {
    let any = SampleSpec { ends: EndSet::Any, ..spec.clone() };
    let mut paths = legal(kg, case, user, &any);
    paths.retain(|path| path.nodes.last() == Some(&item) && path.nodes.len() > 2);
    paths
}

#[test]
fn every_path_to_an_item_comes_as_often_as_the_law_says() {
    let kg = toy();
    let mut num_checked = 0;
    for case in CASES {
        for damping in [0.0, 0.7] {
            for item in kg.items().map(NodeId) {
                let spec = spec(damping);
                let paths = paths_to(&kg, case, NodeId(0), item, &spec);
                let sampler = Sampler::new(&kg, &case.pattern(&kg), &spec, context()).unwrap();
                let tables = sampler.pair(NodeId(0), item, &mut Scratch::default(), context()).unwrap();
                if paths.is_empty() {
                    assert_eq!(tables.draw(0).unwrap(), None, "{} to {}", case.text, item.0);
                    continue;
                }
                let expected = probabilities(&kg, case, &paths, &spec);
                let mut observed = vec![0; paths.len()];
                for draw in 0..DRAWS {
                    let path = tables.draw(draw).unwrap().expect("there is a path");
                    if let Ok(place) = paths.binary_search(&path) {
                        observed[place] += 1;
                    }
                }
                let p = p_value(&observed, &expected, u64::from(DRAWS));
                assert!(p > ALPHA, "{} to {}, damping {damping}: p = {p:e}", case.text, item.0);
                num_checked += 1;
            }
        }
    }
    assert!(num_checked >= 40, "only {num_checked} pairs have paths");
}

proptest! {
    /// On any graph: a path comes exactly where there is one, it is a legal one, and the same draw is the same path.
    #[test]
    fn a_pair_has_a_path_exactly_when_there_is_a_legal_one(plan in plan(), case in 0..CASES.len()) {
        let kg = plan.build();
        let case = &CASES[case];
        let sampler = Sampler::new(&kg, &case.pattern(&kg), &spec(0.0), context()).unwrap();
        for user in kg.users().map(NodeId) {
            for item in kg.items().map(NodeId) {
                let paths = paths_to(&kg, case, user, item, sampler.spec());
                let draw_alone = |draw| {
                    let tables = sampler.pair(user, item, &mut Scratch::default(), context()).unwrap();
                    tables.draw(draw).unwrap()
                };
                for draw in 0..3 {
                    let drawn = draw_alone(draw);
                    prop_assert_eq!(drawn.is_some(), !paths.is_empty());
                    prop_assert!(drawn.as_ref().is_none_or(|path| paths.binary_search(path).is_ok()));
                    prop_assert_eq!(&drawn, &draw_alone(draw));
                }
            }
        }
    }
}
