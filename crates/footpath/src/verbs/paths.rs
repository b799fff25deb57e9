//! `paths`: how two nodes are connected.
//!
//! The shortest paths come first; of equally long ones those whose inner nodes have few neighbours, for what is
//! connected to everything explains nothing: a path costs the sum of the logarithms of the degrees of its inner nodes.

use crate::error::{Error, Result};
use footpath_core::{Context, NodeId, Path, RelationId};
use footpath_graph::TrainKg;
pub use footpath_graph::pattern::Pattern;
use footpath_graph::pattern::StateId;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// Most hops of a path that no pattern bounds.
pub const MAX_HOPS: usize = 6;
/// Most paths.
pub const MAX_PATHS: usize = 1_000;
/// Hops looked at before the search ends with what it has: seconds, and about 100 MB.
const MAX_LOOKS: usize = 4_000_000;
/// Unfinished paths held at once.
const MAX_OPEN: usize = 1_000_000;
/// Hops looked at from one look at the stop flag to the next.
const LOOKS_PER_CHECK: usize = 1 << 14;

/// How to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// The pattern of the paths; `None` is every path of at most `max_hops`.
    pub pattern: Option<Pattern>,
    /// Most hops of a path, 1 to [`MAX_HOPS`]; a pattern has its own bound beside it.
    pub max_hops: usize,
    /// Paths wanted, 1 to [`MAX_PATHS`].
    pub num_paths: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { pattern: None, max_hops: 3, num_paths: 10 }
    }
}

impl Options {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Usage`] naming it.
    pub fn validate(&self) -> Result<()> {
        let rule =
            |holds: bool, option, reason: String| if holds { Ok(()) } else { Err(Error::Usage { option, reason }) };
        rule((1..=MAX_HOPS).contains(&self.max_hops), "max_hops", format!("must be 1 to {MAX_HOPS}"))?;
        rule((1..=MAX_PATHS).contains(&self.num_paths), "n", format!("must be 1 to {MAX_PATHS}"))
    }
}

/// What connects two nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connections {
    /// Paths from one to the other, best first.
    pub paths: Vec<Path>,
    /// Whether the search looked at everything that could be among them.
    pub complete: bool,
}

/// The best paths from one node to another that touch none of the nodes that `leave_out` holds of.
///
/// # Errors
/// [`Error::Usage`] for a bad number or a pattern that does not start at such a node;
/// [`footpath_core::Error::Stopped`].
pub fn connect(
    kg: &TrainKg,
    [from, to]: [NodeId; 2],
    options: &Options,
    leave_out: impl Fn(NodeId) -> bool,
    context: &Context,
) -> Result<Connections> {
    options.validate()?;
    let pattern = options.pattern.as_ref();
    if let Some(pattern) = pattern.filter(|pattern| !pattern.starts().contains(&kg.kind_of(from))) {
        let reason = format!("{} does not start at a node such as {}", pattern.source(), kg.node_name(from));
        return Err(Error::Usage { option: "pattern", reason });
    }
    if from == to {
        return Ok(Connections { paths: Vec::new(), complete: true });
    }
    let max_hops = pattern.map_or(options.max_hops, |pattern| pattern.max_hops().min(options.max_hops));
    let mut search = Search { kg, to, pattern, leave_out, context, looks: 0, distances: HashMap::new() };
    if !search.measure(max_hops)? {
        return search.from(from, max_hops, options.num_paths, false);
    }
    search.from(from, max_hops, options.num_paths, true)
}

/// A path that may go on to the end.
struct Open {
    /// Hops it will have at least.
    num_hops: usize,
    /// Sum of the logarithms of the degrees of its inner nodes, its last among them.
    cost: f64,
    nodes: Vec<NodeId>,
    relations: Vec<RelationId>,
    state: Option<StateId>,
}

impl Open {
    /// Best first; equal ones in the order of their nodes and relations, so that nothing else decides.
    fn order(&self, other: &Self) -> Ordering {
        let of_length = self.num_hops.cmp(&other.num_hops).then(self.cost.total_cmp(&other.cost));
        of_length.then_with(|| (&self.nodes, &self.relations).cmp(&(&other.nodes, &other.relations)))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    /// The greatest is the best, which is what a heap gives first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.order(self)
    }
}

struct Search<'a, F> {
    kg: &'a TrainKg,
    to: NodeId,
    pattern: Option<&'a Pattern>,
    leave_out: F,
    context: &'a Context,
    looks: usize,
    /// Hops from each node to the end, of those not too far away.
    distances: HashMap<NodeId, usize>,
}

impl<F: Fn(NodeId) -> bool> Search<'_, F> {
    /// Counts a look at a hop; false when there were too many.
    fn look(&mut self) -> Result<bool> {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS_PER_CHECK) {
            self.context.check()?;
        }
        Ok(self.looks < MAX_LOOKS)
    }

    /// Finds how far the nodes near the end are from it; false when it had to give up.
    fn measure(&mut self, max_hops: usize) -> Result<bool> {
        self.distances.insert(self.to, 0);
        let mut border = vec![self.to];
        // Whoever is as far away as the paths are long can only be their start.
        for distance in 1..max_hops {
            let mut next = Vec::new();
            for node in std::mem::take(&mut border) {
                for (_, tail) in self.kg.arcs(node).iter() {
                    if !self.look()? {
                        return Ok(false);
                    }
                    if !self.distances.contains_key(&tail) && !(self.leave_out)(tail) {
                        self.distances.insert(tail, distance);
                        next.push(tail);
                    }
                }
            }
            border = next;
        }
        Ok(true)
    }

    /// Follows the best unfinished path, again and again: so paths are finished in their order.
    fn from(&mut self, from: NodeId, max_hops: usize, num_paths: usize, mut complete: bool) -> Result<Connections> {
        let state = self.pattern.map(|pattern| pattern.automaton().start());
        let start = Open { num_hops: 1, cost: 0.0, nodes: vec![from], relations: Vec::new(), state };
        let (mut open, mut paths) = (BinaryHeap::from([start]), Vec::new());
        self.looks = 0;
        while let Some(best) = open.pop() {
            if best.nodes.last() == Some(&self.to) {
                paths.push(Path { nodes: best.nodes, relations: best.relations });
                if paths.len() == num_paths {
                    break;
                }
                continue;
            }
            if !self.follow(&best, max_hops, &mut open)? {
                complete = false;
                break;
            }
        }
        Ok(Connections { paths, complete })
    }

    /// Adds what a path can go on to; false when that is too much.
    fn follow(&mut self, path: &Open, max_hops: usize, open: &mut BinaryHeap<Open>) -> Result<bool> {
        let Some(&node) = path.nodes.last() else { return Ok(true) };
        let num_hops = path.relations.len() + 1;
        for (relation, tail) in self.kg.arcs(node).iter() {
            if !self.look()? || open.len() >= MAX_OPEN {
                return Ok(false);
            }
            let Some(&distance) = self.distances.get(&tail) else { continue };
            if num_hops + distance > max_hops || path.nodes.contains(&tail) {
                continue;
            }
            let Some(state) = self.step(path.state, relation, tail) else { continue };
            #[expect(clippy::cast_precision_loss, reason = "a number of neighbours, far below 2^52")]
            let cost = if tail == self.to { 0.0 } else { (self.kg.degree(tail) as f64).ln() };
            open.push(Open {
                num_hops: num_hops + distance,
                cost: path.cost + cost,
                nodes: [path.nodes.as_slice(), &[tail]].concat(),
                relations: [path.relations.as_slice(), &[relation]].concat(),
                state,
            });
        }
        Ok(true)
    }

    /// The state after a hop, if the pattern allows the hop and, where it leads to the end, to end there.
    fn step(&self, state: Option<StateId>, relation: RelationId, tail: NodeId) -> Option<Option<StateId>> {
        let (Some(pattern), Some(state)) = (self.pattern, state) else { return Some(None) };
        let next = pattern.automaton().step(state, relation, self.kg.kind_of(tail))?;
        let ends = tail != self.to || pattern.automaton().is_accepting(next);
        ends.then_some(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::Dataset;
    use footpath_graph::build::build;

    fn graph() -> TrainKg {
        let mut d = Dataset::default();
        for (film, person) in [("a", "ann"), ("b", "ann"), ("b", "bob"), ("c", "bob"), ("a", "hub"), ("b", "hub")] {
            d.link(film, film);
            d.fact(film, "starring", person);
        }
        for film in ["c", "d", "e", "f"] {
            d.link(film, film);
            d.fact(film, "genre", "hub");
        }
        d.interact("u1", "a");
        d.interact("u2", "a");
        d.interact("u2", "c");
        build(d).expect("built").train_kg().expect("valid")
    }

    fn names(kg: &TrainKg, found: &Connections) -> Vec<String> {
        let of = |path: &Path| path.nodes.iter().map(|&node| kg.id(node)).collect::<Vec<_>>().join(" ");
        found.paths.iter().map(of).collect()
    }

    /// All simple paths of at most so many hops, in their order, by looking at all.
    fn by_hand(kg: &TrainKg, from: NodeId, to: NodeId, max_hops: usize) -> Vec<(Vec<NodeId>, Vec<RelationId>)> {
        let mut rows = vec![(vec![from], Vec::new())];
        let mut found = Vec::new();
        while let Some((nodes, relations)) = rows.pop() {
            let last = *nodes.last().expect("a node");
            if last == to {
                found.push((nodes, relations));
                continue;
            }
            if relations.len() == max_hops {
                continue;
            }
            for (relation, tail) in kg.arcs(last).iter().filter(|(_, tail)| !nodes.contains(tail)) {
                rows.push(([nodes.as_slice(), &[tail]].concat(), [relations.as_slice(), &[relation]].concat()));
            }
        }
        let cost =
            |nodes: &[NodeId]| nodes[1..nodes.len() - 1].iter().map(|&n| (kg.degree(n) as f64).ln()).sum::<f64>();
        found.sort_by(|a, b| {
            let by_length = a.1.len().cmp(&b.1.len());
            by_length.then(cost(&a.0).total_cmp(&cost(&b.0))).then_with(|| a.cmp(b))
        });
        found
    }

    #[test]
    fn the_paths_are_those_of_a_look_at_all_in_their_order() {
        let kg = graph();
        let all = || (0..u32::try_from(kg.num_nodes()).expect("few")).map(NodeId);
        for (from, to) in all().flat_map(|from| all().map(move |to| (from, to))).filter(|(from, to)| from != to) {
            for max_hops in 1..=4 {
                let options = Options { max_hops, num_paths: MAX_PATHS, pattern: None };
                let found = connect(&kg, [from, to], &options, |_| false, &Context::default()).expect("found");
                assert!(found.complete);
                let found: Vec<_> = found.paths.into_iter().map(|path| (path.nodes, path.relations)).collect();
                assert_eq!(found, by_hand(&kg, from, to, max_hops), "{} to {}", kg.id(from), kg.id(to));
            }
        }
    }

    #[test]
    fn patterns_numbers_and_what_is_left_out_bound_them() {
        let kg = graph();
        let node = |name: &str| kg.node(name).expect("a node");
        let ends = [node("item:a"), node("item:b")];
        let paths = |options: &Options, leave_out: &[NodeId]| {
            connect(&kg, ends, options, |node| leave_out.contains(&node), &Context::default()).expect("found")
        };
        let two = Options { max_hops: 2, ..Options::default() };
        assert_eq!(names(&kg, &paths(&two, &[])), ["a ann b", "a hub b"], "the rarer first");
        assert_eq!(names(&kg, &paths(&two, &[node("entity:ann")])), ["a hub b"]);
        assert_eq!(names(&kg, &paths(&Options { num_paths: 1, ..two.clone() }, &[])), ["a ann b"]);
        let parse = |text: &str| Some(Pattern::parse_walk(text, &kg).expect("a pattern"));
        let pattern = parse("(:item)<-[:interacted]-(:user)-[:interacted]->(:item)-[]-()-[]-(:item)");
        let through_users = Options { pattern, max_hops: 6, ..two };
        let found = paths(&through_users, &[]);
        assert_eq!(names(&kg, &found), ["a u2 c bob b", "a u2 c hub b"]);
        let bad = Options { pattern: parse("(:user)-[]-(:item)"), ..Options::default() };
        assert!(connect(&kg, ends, &bad, |_| false, &Context::default()).is_err(), "it starts at a user");
        for bad in [Options { max_hops: 0, ..Options::default() }, Options { num_paths: 0, ..Options::default() }] {
            assert!(connect(&kg, ends, &bad, |_| false, &Context::default()).is_err());
        }
    }
}
