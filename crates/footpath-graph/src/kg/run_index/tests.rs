use super::*;
use crate::dataset::{Dataset, MAX_RELATIONS};
use footpath_core::{Purpose, Stream};
use proptest::prelude::*;

/// A graph of so many relations, with a hub, loops, nodes without arcs, and relations that lead to several types.
fn graph(relations: usize, facts: usize, seed: u64) -> TrainKg {
    let mut random = Stream::new(seed, Purpose::Simulate, 0, 0);
    let mut dataset = Dataset::default();
    (0..relations).for_each(|number| _ = dataset.relation(&format!("r{number:05}")));
    for number in 0..12 {
        dataset.link(&format!("i{number}"), &format!("f{number}"));
        dataset.entity(&format!("p{number}"), "person");
        dataset.entity(&format!("g{number}"), "genre");
        dataset.users.intern(&format!("u{number}"));
    }
    for _ in 0..facts {
        // One node in three is the hub.
        let mut node =
            || ["f", "p", "g"][random.index(3)].to_owned() + &[0, random.index(11)][random.index(2)].to_string();
        let (head, tail) = (node(), node());
        dataset.fact(&head, &format!("r{:05}", random.index(relations)), &tail);
        dataset.interact(&format!("u{}", random.index(10)), &format!("i{}", random.index(12)));
    }
    crate::build::build(dataset).expect("a graph").train_kg().expect("a graph")
}

fn nodes(kg: &TrainKg) -> impl Iterator<Item = NodeId> + use<> {
    (0..kg.num_nodes() as u32).map(NodeId)
}

/// The arcs of a node in a set of kinds, by going through all.
fn arcs_in(kg: &TrainKg, node: NodeId, is_in: impl Fn(RunKind) -> bool) -> Vec<usize> {
    let arcs = kg.arcs(node);
    let kind = |(relation, tail)| RunKind { relation, tail: kg.type_of(tail) };
    (arcs.first..).zip(arcs.iter()).filter(|(_, arc)| is_in(kind(*arc))).map(|(place, _)| place).collect()
}

/// Everything the index says of every node is what going through the arcs says.
fn check(kg: &TrainKg, index: &RunIndex) {
    for node in nodes(kg) {
        let mut said = Vec::new();
        for BitRun { bit, arcs } in index.runs(node) {
            let of = arcs_in(kg, node, |kind| index.kinds_of(bit).contains(&kind));
            assert_eq!(arcs.clone().collect::<Vec<_>>(), of, "bit {bit} of {node:?}");
            said.extend(arcs);
        }
        assert_eq!(said, arcs_in(kg, node, |_| true), "all arcs of {node:?}, in order");
        assert_eq!(index.line(node).has_loop(), kg.arcs(node).tails.contains(&node.0), "{node:?}");
    }
    let relations = |wanted: fn(u16) -> bool| index.set(|kind| wanted(kind.relation.0));
    let sets =
        [relations(|r| r > 1), relations(|r| r % 3 > 0), relations(|r| r == 2), index.set(|kind| kind.tail.0 == 1)];
    for (set, node) in sets.into_iter().flat_map(|set| nodes(kg).map(move |node| (set, node))) {
        let bits = set.whole | set.part;
        let wanted =
            arcs_in(kg, node, |kind| (0..64).any(|bit| bits >> bit & 1 == 1 && index.kinds_of(bit).contains(&kind)));
        assert_eq!(index.count(node, bits), wanted.len());
        for (number, &arc) in wanted.iter().enumerate() {
            let (found, bit) = index.arc(node, bits, number).expect("an arc");
            let tail = NodeId(kg.arcs(node).tails[arc - kg.arcs(node).first]);
            let relation = RelationId(kg.arcs(node).relations[arc - kg.arcs(node).first]);
            let kind = RunKind { relation, tail: kg.type_of(tail) };
            assert!(found == arc && index.kinds_of(bit).contains(&kind), "arc {number} of {node:?}: {found}, {bit}");
        }
        assert_eq!(index.arc(node, bits, wanted.len()), None);
    }
}

#[test]
fn the_index_says_what_the_arcs_say() {
    for (seed, (relations, facts)) in
        [(1, 0), (1, 20), (3, 100), (9, 300), (31, 600), (200, 2000), (5, 60)].into_iter().enumerate()
    {
        let kg = graph(relations, facts, seed as u64);
        let index = RunIndex::new(&kg).expect("room");
        assert_eq!(index.kinds().len() > 64, relations >= 31, "{}", index.kinds().len());
        check(&kg, &index);
        check(&kg, &RunIndex::wide(&kg).expect("room"));
        // A set of kinds has bits all of whose kinds are in it, and bits some of whose kinds are.
        for number in 0..index.kinds().len() {
            let only = index.set(|kind| kind == index.kinds()[number]);
            let bit = (0..64).find(|&bit| index.kinds_of(bit).contains(&index.kinds()[number])).expect("a bit");
            let alone = index.kinds_of(bit).len() == 1;
            assert_eq!(only, RunSet { whole: u64::from(alone) << bit, part: u64::from(!alone) << bit });
        }
    }
}

#[test]
fn as_many_relations_as_there_may_be_share_bits() {
    let mut dataset = Dataset::default();
    dataset.link("i", "f");
    dataset.interact("u", "i");
    for number in 0..MAX_RELATIONS {
        dataset.fact(&format!("e{}", number % 3), &format!("r{number:05}"), "f");
    }
    let kg = crate::build::build(dataset).expect("a graph").train_kg().expect("a graph");
    let index = RunIndex::new(&kg).expect("room");
    assert_eq!(index.kinds().len(), 2 * MAX_RELATIONS + 2);
    for node in nodes(&kg) {
        let arcs: usize = index.runs(node).map(|run| run.arcs.len()).sum();
        assert_eq!(arcs, kg.degree(node));
    }
    // Interactions keep bits of their own, and no bit stands for much more than its share.
    assert_eq!([0, 1].map(|bit| index.kinds_of(bit).len()), [1, 1]);
    let most = (2..64).map(|bit| index.kinds_of(bit).len()).max();
    assert!(most <= Some(2 * MAX_RELATIONS / 62 + 1), "{most:?}");
}

#[test]
fn numbers_of_bits_are_found() {
    let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
    let mut words = vec![1, 1 << 63, u64::MAX, 0x8000_0000_0000_0001, 0xFF, 0xFF00];
    words.extend((0..500).map(|_| random.next_u64() & random.next_u64()));
    for word in words {
        let places: Vec<u32> = (0..64).filter(|place| word >> place & 1 == 1).collect();
        let found: Vec<u32> = (0..word.count_ones()).map(|rank| select(word, rank)).collect();
        assert_eq!(found, places, "{word:x}");
    }
}

proptest! {
    #[test]
    fn stretches_are_the_wanted_runs(mask: u64, bits: u64) {
        let wanted = mask & bits;
        let runs: Vec<usize> = stretches(mask, wanted).flatten().collect();
        let places = (0..64).filter(|bit| mask >> bit & 1 == 1).enumerate();
        let expected: Vec<usize> = places.filter(|(_, bit)| wanted >> bit & 1 == 1).map(|(number, _)| number).collect();
        prop_assert_eq!(runs, expected);
        let ends: Vec<_> = stretches(mask, wanted).collect();
        prop_assert!(ends.windows(2).all(|two| two[0].end < two[1].start), "stretches are as long as can be");
    }

    #[test]
    fn bits_ascend_and_are_shared_evenly(runs in proptest::collection::vec(1u64..1000, 0..400)) {
        let bits = share_bits(runs.iter().copied());
        prop_assert_eq!(bits.len(), runs.len());
        prop_assert!(bits.is_sorted() && bits.iter().all(|&bit| bit < 64));
        if runs.len() <= 64 {
            prop_assert!(bits.iter().enumerate().all(|(number, &bit)| number as u32 == bit));
        } else {
            prop_assert!(bits[0] == 0 && bits[1] == 1 && bits[2] == 2);
            let rest: u64 = runs[2..].iter().sum();
            let largest = runs.iter().max().copied().unwrap_or(0);
            for bit in 2..64 {
                let share: u64 = bits.iter().zip(&runs).filter(|(of, _)| **of == bit).map(|(_, runs)| runs).sum();
                prop_assert!(share <= rest / 62 + 1 + largest);
            }
        }
    }
}
