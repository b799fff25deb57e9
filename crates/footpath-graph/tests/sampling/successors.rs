//! What the model may generate: exactly the continuations that lead on along some legal path.

use crate::graphs::plan;
use crate::oracle::{CASES, Case, legal};
use footpath_core::{Context, Goal, LegalSuccessors, NodeId, Path, Successors, Vocabulary};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_graph::sample::{EndSet, SampleSpec};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Of each beginning of these paths, the tokens that follow it; [`Vocabulary::END`] where a path ends, unless the
/// pattern is at its longest.
fn continuations(kg: &TrainKg, case: &Case, paths: &[Path]) -> BTreeMap<Vec<u32>, BTreeSet<u32>> {
    let vocabulary = kg.vocabulary();
    let mut next: BTreeMap<Vec<u32>, BTreeSet<u32>> = BTreeMap::new();
    for path in paths {
        let tokens: Vec<u32> = vocabulary.encode(path).into_iter().map(|token| token.0).collect();
        for at in 1..tokens.len() {
            next.entry(tokens[..at].to_vec()).or_default().insert(tokens[at]);
        }
        if path.relations.len() < case.max_hops {
            next.entry(tokens).or_default().insert(Vocabulary::END.0);
        }
    }
    next
}

pub(crate) fn check(kg: &TrainKg, case: &Case, user: NodeId) -> Result<usize, TestCaseError> {
    let pattern = case.pattern(kg);
    let table = Legal::new(kg.clone(), pattern, &Context::default()).expect("a table");
    let spec = |ends| SampleSpec { ends, ..SampleSpec::default() };
    let unseen = legal(kg, case, user, &spec(EndSet::Unseen));
    let any = legal(kg, case, user, &spec(EndSet::Any));
    let to = |item: u32| any.iter().filter(|p| p.nodes.last() == Some(&NodeId(item))).cloned().collect::<Vec<_>>();
    let goals = std::iter::once((Goal::Unseen, unseen));
    let goals = goals.chain(kg.items().map(|item| (Goal::Item(NodeId(item)), to(item))));
    let mut compared = 0;
    for (goal, paths) in goals {
        let begin = vec![kg.vocabulary().node(user).0];
        let mut expected = continuations(kg, case, &paths);
        expected.entry(begin).or_default();
        let mut each = Vec::new();
        table.successors_of_each(expected.keys().map(Vec::as_slice), goal, |found| each.push(found.clone()));
        prop_assert_eq!(each.len(), expected.len(), "asked together, none is left out");
        for ((prefix, expected), together) in expected.into_iter().zip(each) {
            let mut found = Successors::default();
            table.successors(&prefix, goal, &mut found);
            prop_assert_eq!(&together, &found, "asked together and alone, after {:?} of {}", prefix, case.text);
            let all: Vec<u32> = found.continuing.iter().chain(&found.ending).copied().collect();
            let set: BTreeSet<u32> = all.iter().copied().collect();
            prop_assert_eq!(set.len(), all.len(), "each once");
            prop_assert_eq!(set, expected, "{:?} after {:?} of {}", goal, prefix, case.text);
            compared += 1;
        }
    }
    Ok(compared)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_may_follow_is_what_some_legal_path_goes_on_with(plan in plan(), case in 0..CASES.len()) {
        let kg = plan.build();
        for user in kg.users() {
            check(&kg, &CASES[case], NodeId(user))?;
        }
    }
}

/// The property says nothing of graphs without paths.
#[test]
fn the_toy_has_many_beginnings() {
    let kg = crate::graphs::toy();
    for case in CASES {
        let compared: usize = kg.users().map(|user| check(&kg, case, NodeId(user)).unwrap()).sum();
        assert!(compared >= kg.users().len() * (1 + kg.items().len()), "{compared} of {}", case.text);
    }
}
