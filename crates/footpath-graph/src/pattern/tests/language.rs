//! Random patterns: the automaton accepts exactly what a naive matcher of the parts accepts, and is minimal.

use super::*;
use std::collections::BTreeSet;

/// A small graph: two relations, three types.
fn small() -> TrainKg {
    let mut d = Dataset::default();
    d.interact("u", "i");
    d.link("i", "film");
    let (head, tail, relation) = (d.entity("film", "film"), d.entity("ann", "person"), d.relation("by"));
    d.triples.push(RawTriple { head, relation, tail, line: 0 });
    build(d).expect("built").train_kg().expect("valid")
}

const TYPES: [&str; 3] = ["user", "item", "person"];
const RELATIONS: [&str; 2] = ["interacted", "by"];

/// A part of a pattern as its text says, and as a matcher reads it.
#[derive(Clone, Debug)]
enum Part {
    Node([bool; 3]),
    /// Which of the two relations, and the directions: forward, inverse.
    Edge([bool; 2], [bool; 2], (usize, usize)),
    Group(Vec<Vec<Part>>, (usize, usize)),
}

/// (directed relation, type of the tail) of each hop.
type Word = Vec<(usize, usize)>;

/// The places in the word where the parts can end when they begin at `at`.
fn ends(parts: &[Part], word: &[(usize, usize)], at: usize) -> BTreeSet<usize> {
    let mut here = BTreeSet::from([at]);
    for part in parts {
        here = here.into_iter().flat_map(|at| part_ends(part, word, at)).collect();
    }
    here
}

fn part_ends(part: &Part, word: &[(usize, usize)], at: usize) -> BTreeSet<usize> {
    let kind = at.checked_sub(1).map_or(0, |last| word[last].1);
    let repeat = |(min, max): (usize, usize), once: &dyn Fn(usize) -> BTreeSet<usize>| {
        let mut all = BTreeSet::new();
        let mut here = BTreeSet::from([at]);
        for round in 0..=max {
            if round >= min {
                all.extend(here.iter().copied());
            }
            here = here.into_iter().flat_map(once).collect();
        }
        all
    };
    match part {
        Part::Node(types) => types[kind].then_some(at).into_iter().collect(),
        Part::Edge(relations, directions, times) => repeat(*times, &|at| {
            let fits = |&(relation, _): &(usize, usize)| relations[relation / 2] && directions[relation % 2];
            word.get(at).filter(|hop| fits(hop)).map(|_| at + 1).into_iter().collect()
        }),
        Part::Group(alternatives, times) => {
            repeat(*times, &|at| alternatives.iter().flat_map(|parts| ends(parts, word, at)).collect())
        }
    }
}

fn text_of(parts: &[Part]) -> String {
    parts.iter().map(part_text).collect()
}

fn part_text(part: &Part) -> String {
    let labels = |names: &[&str], flags: &[bool]| -> String {
        let of =
            |wanted: bool| names.iter().zip(flags).filter(move |(_, flag)| **flag == wanted).map(|(name, _)| *name);
        // The same set is written in three ways, by how many it has.
        match of(true).count() {
            n if n == names.len() => ":%".to_owned(),
            n if n + 1 == names.len() => format!(":{}", of(false).map(|name| format!("!{name}")).collect::<String>()),
            _ => format!(":{}", of(true).collect::<Vec<_>>().join("|")),
        }
    };
    let times = |(min, max): (usize, usize)| match (min, max) {
        (1, 1) => String::new(),
        (0, 1) => "?".to_owned(),
        (0, max) => format!("{{,{max}}}"),
        (min, max) => format!("{{{min},{max}}}"),
    };
    match part {
        Part::Node(types) => format!("({})", labels(&TYPES, types)),
        Part::Edge(relations, directions, count) => {
            let labels = labels(&RELATIONS, relations);
            let arrow = match directions {
                [true, true] => format!("-[{labels}]-"),
                [true, false] => format!("-[{labels}]->"),
                _ => format!("<-[{labels}]-"),
            };
            arrow + &times(*count)
        }
        Part::Group(alternatives, count) => {
            let inside: Vec<_> = alternatives.iter().map(|parts| text_of(parts)).collect();
            format!("({}){}", inside.join(" | "), times(*count))
        }
    }
}

fn node() -> impl Strategy<Value = Part> {
    (1usize..8).prop_map(|bits| Part::Node([0, 1, 2].map(|bit| bits >> bit & 1 == 1)))
}

fn times() -> impl Strategy<Value = (usize, usize)> {
    prop_oneof![4 => Just((1, 1)), 1 => Just((0, 1)), 1 => Just((0, 2)), 1 => Just((1, 2)), 1 => Just((2, 2))]
}

fn hop() -> impl Strategy<Value = Vec<Part>> {
    (1usize..4, 1usize..4, times(), node()).prop_map(|(relations, directions, times, node)| {
        let pair = |bits: usize| [bits & 1 == 1, bits & 2 == 2];
        vec![Part::Edge(pair(relations), pair(directions), times), node]
    })
}

/// Hops and groups of them.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    let leaf = proptest::collection::vec(hop(), 1..3).prop_map(|hops| hops.concat());
    leaf.prop_recursive(2, 12, 3, |inner| {
        let group = (proptest::collection::vec(inner.clone(), 1..3), times());
        let group = group.prop_map(|(alternatives, times)| vec![Part::Group(alternatives, times)]);
        (prop_oneof![hop(), group], proptest::option::of(inner)).prop_map(|(first, rest)| {
            let mut parts = first;
            parts.extend(rest.into_iter().flatten());
            parts
        })
    })
}

/// From a user, over random parts, to an item.
fn whole() -> impl Strategy<Value = Vec<Part>> {
    (parts(), hop()).prop_map(|(parts, mut last)| {
        last[1] = Part::Node([false, true, false]);
        [vec![Part::Node([true, false, false])], parts, last].concat()
    })
}

fn accepts(automaton: &Automaton, word: &[(usize, usize)]) -> bool {
    let id = |number: usize| u16::try_from(number).expect("few");
    let step =
        |state, &(relation, kind): &(usize, usize)| automaton.step(state, RelationId(id(relation)), KindId(id(kind)));
    word.iter().try_fold(automaton.start(), step).is_some_and(|state| automaton.is_accepting(state))
}

fn symbols() -> impl Iterator<Item = (usize, usize)> {
    (0..4).flat_map(|relation| (0..3).map(move |kind| (relation, kind)))
}

/// Every word of at most so many hops.
fn short_words(hops: usize) -> Vec<Word> {
    let mut words = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..hops {
        let to = words.len();
        for index in from..to {
            words.extend(symbols().map(|symbol| [words[index].as_slice(), &[symbol]].concat()).collect::<Vec<_>>());
        }
        from = to;
    }
    words
}

/// Checks that all states can be got to, all lead to an end, and no two have the same future.
pub(super) fn check_minimal(automaton: &Automaton, num_relations: usize, num_types: usize) {
    let id = |number: usize| u16::try_from(number).expect("few");
    let symbols: Vec<_> =
        (0..num_relations).flat_map(|r| (0..num_types).map(move |t| (RelationId(id(r)), KindId(id(t))))).collect();
    let states: Vec<StateId> = automaton.states().collect();
    let rows: Vec<Vec<Option<usize>>> = states
        .iter()
        .map(|&state| symbols.iter().map(|&(r, t)| automaton.step(state, r, t).map(StateId::index)).collect())
        .collect();
    let mut reached = vec![false; states.len()];
    let mut open = vec![0];
    while let Some(state) = open.pop() {
        if !std::mem::replace(&mut reached[state], true) {
            open.extend(rows[state].iter().flatten());
        }
    }
    assert!(reached.iter().all(|reached| *reached), "a state that no path gets to");
    let mut useful: Vec<bool> = states.iter().map(|&state| automaton.is_accepting(state)).collect();
    // One more state than there are stands for the missing step.
    let missing = states.len();
    let accepting = |state: usize| state < missing && automaton.is_accepting(states[state]);
    let next =
        |state: usize, symbol: usize| if state < missing { rows[state][symbol].unwrap_or(missing) } else { missing };
    let mut differ = vec![vec![false; missing + 1]; missing + 1];
    loop {
        let mut changed = false;
        for state in 0..missing {
            let leads = rows[state].iter().flatten().any(|&next| useful[next]);
            changed |= leads && !std::mem::replace(&mut useful[state], true);
        }
        for (a, b) in (0..=missing).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let now = accepting(a) != accepting(b)
                || (0..symbols.len()).any(|symbol| {
                    let (a, b) = (next(a, symbol), next(b, symbol));
                    differ[a.max(b)][a.min(b)]
                });
            changed |= now && !std::mem::replace(&mut differ[a][b], true);
        }
        if !changed {
            break;
        }
    }
    assert!(useful.iter().all(|useful| *useful), "a state that leads to no end");
    for (a, b) in (0..=missing).flat_map(|a| (0..a).map(move |b| (a, b))) {
        assert!(differ[a][b], "states {a} and {b} of {missing} have the same future");
    }
}

proptest! {
    #[test]
    fn automata_accept_what_a_naive_matcher_accepts_and_are_minimal(
        parts in whole(),
        choices in proptest::collection::vec(0usize..1000, 16)
    ) {
        let kg = small();
        let text = text_of(&parts);
        let matches = |word: &[(usize, usize)]| !word.is_empty() && ends(&parts, word, 0).contains(&word.len());
        let words = short_words(3);
        let pattern = match Pattern::parse(&text, &kg) {
            Ok(pattern) => pattern,
            Err(Error::Pattern(failure)) => {
                let told = ["no path gets past", "hops", "too complicated"];
                prop_assert!(told.iter().any(|told| failure.message.contains(told)), "{}", failure);
                if failure.message.contains(told[0]) {
                    prop_assert!(!words.iter().any(|word| matches(word)), "{}", failure);
                }
                return Ok(());
            }
            Err(other) => panic!("{other}"),
        };
        let automaton = pattern.automaton();
        for word in &words {
            prop_assert_eq!(accepts(automaton, word), matches(word), "{} on {:?}", text, word);
        }
        // A long word of the automaton, and words one hop away from it.
        let mut word = Word::new();
        let mut state = automaton.start();
        for choice in &choices {
            let id = |number: usize| u16::try_from(number).expect("few");
            let on = |&(r, t): &(usize, usize)| automaton.step(state, RelationId(id(r)), KindId(id(t)));
            let open: Vec<_> = symbols().filter(|symbol| on(symbol).is_some()).collect();
            let Some(&symbol) = open.get(choice % open.len().max(1)) else { break };
            state = on(&symbol).expect("open");
            word.push(symbol);
            prop_assert_eq!(automaton.is_accepting(state), matches(&word), "{} on {:?}", text, word);
        }
        for (place, symbol) in (0..word.len()).flat_map(|place| symbols().map(move |symbol| (place, symbol))) {
            let mut other = word.clone();
            other[place] = symbol;
            prop_assert_eq!(accepts(automaton, &other), matches(&other), "{} on {:?}", text, other);
        }
        check_minimal(automaton, 4, 3);
        prop_assert_eq!(&Pattern::parse(pattern.source(), &kg).expect("canonical"), &pattern);
    }

    #[test]
    fn equal_languages_have_equal_automata(a in whole(), b in whole()) {
        let kg = small();
        let (a, b) = (text_of(&a), text_of(&b));
        let parse = |text: String| Pattern::parse(&text, &kg);
        let (Ok(left), Ok(right)) = (parse(format!("{a}|{b}|{a}")), parse(format!("({b}|{a})"))) else { return Ok(()) };
        prop_assert_eq!(left.automaton(), right.automaton());
        check_minimal(left.automaton(), 4, 3);
        // What meets a user and what does not are all paths, and nothing is both.
        let (collaborative, knowledge) = (left.collaborative(), left.knowledge());
        for word in short_words(3) {
            let has_user = word.iter().any(|&(_, kind)| kind == 0);
            let of = |part: &Option<Pattern>| part.as_ref().is_some_and(|part| accepts(part.automaton(), &word));
            let whole = accepts(left.automaton(), &word);
            prop_assert_eq!((of(&collaborative), of(&knowledge)), (whole && has_user, whole && !has_user));
        }
        for part in [&collaborative, &knowledge].into_iter().flatten() {
            check_minimal(part.automaton(), 4, 3);
            prop_assert_eq!(&parse(part.source().to_owned()).expect("canonical"), part);
        }
        let both = [collaborative, knowledge].into_iter().flatten().map(|part| part.source().to_owned());
        let both = parse(both.collect::<Vec<_>>().join("|")).expect("valid");
        prop_assert_eq!(both.automaton(), left.automaton());
    }
}
