//! Drawing the paths of one user.
//!
//! Why the ways a draw may take do not change its law. A draw repeats *attempts*, each of which gives the path `p` with
//! probability c·w(p) for every legal path, with one and the same c, and otherwise nothing. The first path given
//! therefore has the law of the sampler, however many attempts it took, and so has a path from a list of all legal
//! paths drawn in proportion to weight. Whether to go on with attempts, to change from the table shared by all users to
//! the user's own, or to take the list depends only on how many attempts gave nothing, never on what they would have given.

use super::dag::Dag;
use super::enumerate::{Enumeration, visit};
use super::kernel::Draw;
use super::weights::Turns;
use super::weights::{Measure, Weight, Weights};
use super::{EndSet, EndWeights, Law, LawWeights, SampleSpec, Sampler, Scratch, Table, overflow};
use crate::error::Result;
use footpath_core::{NodeId, Path, Purpose, QuickStream, TokenId, Vocabulary};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Attempts with one table before the next means is tried.
pub(super) const MAX_ATTEMPTS: u32 = 64;
/// Attempts of a draw for a user with too many walks to list, before the draw is given up.
pub(super) const MAX_LAST_ATTEMPTS: u32 = 100_000;
/// Most paths kept in a list.
pub(super) const MAX_LISTED: usize = 100_000;
/// Most arcs looked at to make a list.
pub(super) const MAX_LIST_STEPS: u64 = 4_000_000;
/// Most walks counted one by one.
const MAX_COUNTED: u64 = 2_000_000;
/// Walks of no more hops that never turn straight back are simple: the user is met only once, and the two
/// other nodes that are not neighbours on the path are two hops apart.
const MAX_SIMPLE_HOPS: usize = 3;

/// A number of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub paths: u64,
    /// Whether it is the number of legal paths; otherwise it counts also walks that meet a node again after three hops or more.
    pub exact: bool,
}

/// Draws the paths of one user; see [`Sampler::tables`].
#[derive(Debug)]
pub struct UserTables<'s> {
    sampler: &'s Sampler<'s>,
    user: NodeId,
    own: OnceLock<Option<Own>>,
    listed: OnceLock<Listed>,
}

/// The user's own tables.
#[derive(Debug)]
struct Own {
    table: Table,
    roots: Roots,
}

/// Where walks start.
#[derive(Debug)]
enum Roots {
    /// At the user, slot 0.
    User,
    /// At the ends; the walks lead back to the user.
    Ends(Ends),
}

/// The ends that walks lead to, ascending.
#[derive(Debug)]
struct Ends {
    /// The slots of each.
    slots: Vec<Vec<u32>>,
    /// For each, the sum of the weights up to and including it; empty where all weigh the same.
    sums: Vec<f64>,
}

/// All legal paths with their weights, unless there are too many.
#[derive(Debug)]
struct Listed {
    paths: Vec<Path>,
    weights: Vec<f64>,
    complete: bool,
}

/// What came of a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    Path,
    /// The user has no legal path.
    NoPath,
    /// So many walks are not simple that no path was found.
    GivenUp,
}

impl<'s> UserTables<'s> {
    pub(super) fn new(sampler: &'s Sampler<'s>, user: NodeId, scratch: &mut Scratch) -> Result<Self> {
        let tables = Self::empty(sampler, user);
        if sampler.shared.is_none() {
            let own = Own::new(sampler, user, scratch);
            tables.own.get_or_init(|| Some(own));
        }
        Ok(tables)
    }

    /// Tables still to be made; enough to count with.
    pub(super) fn empty(sampler: &'s Sampler<'s>, user: NodeId) -> Self {
        Self { sampler, user, own: OnceLock::new(), listed: OnceLock::new() }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> NodeId {
        self.user
    }

    /// Draws path number `draw` into `path`. False when the user has no legal path.
    ///
    /// Also false, in graphs made for the purpose, when hardly any of millions of walks is simple and
    /// 100,000 of them were drawn in vain.
    pub fn draw(&self, draw: u64, path: &mut Path) -> bool {
        self.try_draw(draw, path) == Drawn::Path
    }

    /// As [`UserTables::draw`], appending the tokens of the path to `row`, padded to [`Sampler::row_width`]; `path` is working memory.
    pub fn draw_row(&self, draw: u64, path: &mut Path, row: &mut Vec<u32>) -> bool {
        let drawn = self.draw(draw, path);
        if drawn {
            self.append_row(path, row);
        }
        drawn
    }

    pub(super) fn append_row(&self, path: &Path, row: &mut Vec<u32>) {
        let end = row.len() + self.sampler.row_width();
        self.append_tokens(path, row);
        row.resize(end, Vocabulary::PADDING.0);
    }

    /// Appends the tokens of a path and no padding.
    pub(super) fn append_tokens(&self, path: &Path, row: &mut Vec<u32>) {
        let vocabulary = self.sampler.kg.vocabulary();
        let mut relations = path.relations.iter();
        for &node in &path.nodes {
            row.push(vocabulary.node(node).0);
            row.extend(relations.next().map(|&relation| vocabulary.relation(relation).0));
        }
    }

    pub(super) fn try_draw(&self, draw: u64, path: &mut Path) -> Drawn {
        if let Some(shared) = &self.sampler.shared {
            if !shared.has_walks(self.sampler, self.user) {
                return Drawn::NoPath;
            }
            let form = self.sampler.form();
            let mut row = vec![0; form.width];
            let only = std::iter::once(Draw { start: self.user.0, number: draw, place: 0 });
            if shared.run::<1>(self.sampler, form, only, &mut row).failed.is_empty() {
                let tokens: Vec<TokenId> = row.into_iter().map(TokenId).collect();
                return self.sampler.kg.vocabulary().decode(&tokens).map_or(Drawn::GivenUp, |drawn| {
                    *path = drawn;
                    Drawn::Path
                });
            }
        }
        self.draw_slowly(draw, path)
    }

    /// As [`UserTables::try_draw`] with the user's own tables; where there are shared ones, after they have failed.
    pub(super) fn draw_slowly(&self, draw: u64, path: &mut Path) -> Drawn {
        let seed = self.sampler.spec.seed;
        let purpose = if self.sampler.shared.is_some() { Purpose::SampleSlowly } else { Purpose::SamplePath };
        let mut stream = QuickStream::new(seed, purpose, self.user.0, draw);
        match self.own() {
            Some(Own { table, roots: Roots::User }) => self.draw_from_user(table, &mut stream, path),
            Some(Own { table, roots: Roots::Ends(ends) }) => self.draw_from_ends(table, ends, &mut stream, path),
            None => Drawn::GivenUp,
        }
    }

    /// Whether a walk drawn from a table is legal; its law takes care of the rest.
    fn is_legal(&self, path: &Path) -> bool {
        !self.sampler.looks_at_ends() || {
            let nodes: Vec<u32> = path.nodes.iter().map(|node| node.0).collect();
            self.sampler.may_end(&nodes)
        }
    }

    /// The user's own tables, made when they are first needed.
    fn own(&self) -> Option<&Own> {
        let make = || Some(Own::new(self.sampler, self.user, &mut Scratch::default()));
        self.own.get_or_init(make).as_ref()
    }

    fn draw_from_user(&self, table: &Table, stream: &mut QuickStream, path: &mut Path) -> Drawn {
        if !table.has_walks(0) {
            return Drawn::NoPath;
        }
        let mut attempt = |path: &mut Path| table.attempt(0, stream, path) && self.is_legal(path);
        if (0..MAX_ATTEMPTS).any(|_| attempt(path)) {
            return Drawn::Path;
        }
        let listed = self.listed();
        if listed.complete {
            return if listed.draw(|_| true, stream, path) { Drawn::Path } else { Drawn::NoPath };
        }
        let mut attempt = |path: &mut Path| table.attempt(0, stream, path) && self.is_legal(path);
        let drawn = (0..MAX_LAST_ATTEMPTS).any(|_| attempt(path));
        if drawn { Drawn::Path } else { Drawn::GivenUp }
    }

    fn draw_from_ends(&self, table: &Table, ends: &Ends, stream: &mut QuickStream, path: &mut Path) -> Drawn {
        if ends.slots.is_empty() {
            return Drawn::NoPath;
        }
        // An end whose walks all meet a node twice is no end of a legal path: another end is drawn instead.
        while let Some(slots) = ends.draw(stream) {
            match self.draw_to(table, slots, stream, path) {
                Drawn::NoPath if self.listed().paths.is_empty() => return Drawn::NoPath,
                Drawn::NoPath => {}
                drawn => return drawn,
            }
        }
        Drawn::GivenUp
    }

    /// A path to the end with these slots.
    fn draw_to(&self, table: &Table, slots: &[u32], stream: &mut QuickStream, path: &mut Path) -> Drawn {
        let attempt =
            |path: &mut Path, stream: &mut QuickStream| table.attempt_back(slots, stream, path) && self.is_legal(path);
        if (0..MAX_ATTEMPTS).any(|_| attempt(path, stream)) {
            return Drawn::Path;
        }
        let listed = self.listed();
        if !listed.complete {
            let drawn = (0..MAX_LAST_ATTEMPTS).any(|_| attempt(path, stream));
            return if drawn { Drawn::Path } else { Drawn::GivenUp };
        }
        let end = slots.first().map(|&slot| table.node(slot));
        let drawn = listed.draw(|path| path.nodes.last().copied() == end, stream, path);
        if drawn { Drawn::Path } else { Drawn::NoPath }
    }

    /// Number of ends that walks lead to, where paths are drawn by end.
    pub(super) fn num_ends(&self) -> usize {
        match self.own() {
            Some(Own { roots: Roots::Ends(ends), .. }) => ends.slots.len(),
            _ => 0,
        }
    }

    /// Draws a path to an end by its number; [`Drawn::NoPath`] when all walks there meet a node twice.
    pub(super) fn draw_to_end(&self, end: usize, draw: u64, path: &mut Path) -> Drawn {
        let Some(Own { table, roots: Roots::Ends(ends) }) = self.own() else { return Drawn::NoPath };
        let Some(slots) = ends.slots.get(end) else { return Drawn::NoPath };
        let mut stream = QuickStream::new(self.sampler.spec.seed, Purpose::SamplePath, self.user.0, draw);
        self.draw_to(table, slots, &mut stream, path)
    }

    /// Whether the user may have paths, as far as is known without looking for them.
    pub(super) fn may_have_paths(&self) -> bool {
        self.sampler.may_have_paths(self.user)
    }

    /// All legal paths with their probabilities, up to a factor they share; `None` when there are more than `limit`.
    pub(super) fn weighed(&self, limit: usize) -> Option<Vec<(Path, f64)>> {
        let Enumeration { paths, complete } = self.enumerate(limit);
        if !complete {
            return None;
        }
        let sampler = self.sampler;
        let end = |path: &Path| path.nodes.last().map_or(0, |end| end.0);
        let weight = |path: &Path| sampler.factors.weight(sampler.kg, sampler.pattern.automaton(), path);
        let mut weighed: Vec<(Path, f64)> = paths.into_iter().map(|path| (path, 0.0)).collect();
        let mut of_end: BTreeMap<u32, f64> = BTreeMap::new();
        for (path, probability) in &mut weighed {
            *probability = weight(path);
            if sampler.spec.law == Law::UniformEnd {
                *of_end.entry(end(path)).or_default() += *probability;
            }
        }
        for (path, probability) in &mut weighed {
            let by_end = of_end.get(&end(path)).unwrap_or(&1.0);
            *probability = *probability * sampler.ends.of(end(path)) / by_end;
        }
        Some(weighed)
    }

    fn listed(&self) -> &Listed {
        self.listed.get_or_init(|| {
            let Enumeration { paths, complete } = self.list(MAX_LISTED, MAX_LIST_STEPS);
            let sampler = self.sampler;
            // Where the end is drawn first its weight is no matter of the path.
            let end = |path: &Path| match path.nodes.last() {
                Some(end) if !sampler.by_end => sampler.ends.of(end.0),
                _ => 1.0,
            };
            let weight =
                |path: &Path| sampler.factors.weight(sampler.kg, sampler.pattern.automaton(), path) * end(path);
            let weights = paths.iter().map(weight).collect();
            Listed { paths, weights, complete }
        })
    }

    /// The first `limit` legal paths, or all if there are not more. The result is also incomplete when the search
    /// among walks that are not simple takes too long.
    #[must_use]
    pub fn enumerate(&self, limit: usize) -> Enumeration {
        let max_steps = (limit as u64).saturating_mul(1000).max(MAX_LIST_STEPS);
        self.list(limit, max_steps)
    }

    fn list(&self, limit: usize, max_steps: u64) -> Enumeration {
        let dag = self.sampler.user_dag(self.user, self.sampler.spec.ends, &mut Scratch::default());
        let mut paths = Vec::new();
        let complete = visit(&dag, self.sampler.spec.simple, max_steps, |path| {
            if !self.is_legal(path) {
                return true;
            }
            let room = paths.len() < limit;
            if room {
                paths.push(path.clone());
            }
            room
        });
        Enumeration { paths, complete }
    }

    /// The number of legal paths: exact up to three hops, and for more where no more than two million walks need to be looked at.
    ///
    /// # Errors
    /// [`crate::Error::CountOverflow`].
    pub fn num_paths(&self) -> Result<Count> {
        self.num_paths_with(&mut Scratch::default())
    }

    pub(super) fn num_paths_with(&self, scratch: &mut Scratch) -> Result<Count> {
        if let Some(paths) = self.by_difference(scratch)? {
            return Ok(Count { paths, exact: true });
        }
        let sampler = self.sampler;
        let own = self.own.get().and_then(Option::as_ref);
        let (walks, made);
        let dag = match own {
            Some(Own { table: Table { dag, weights: LawWeights::Counts(counts) }, roots: Roots::User }) => {
                walks = counts.total(dag, 0);
                dag
            }
            _ => {
                made = sampler.user_dag(self.user, sampler.spec.ends, scratch);
                walks = self.count(&made)?;
                &made
            }
        };
        let simple = sampler.spec.simple;
        let all_legal = !sampler.looks_at_ends() && (!simple || sampler.pattern.max_hops() <= MAX_SIMPLE_HOPS);
        if all_legal || walks > MAX_COUNTED {
            return Ok(Count { paths: walks, exact: all_legal });
        }
        let mut paths = 0;
        visit(dag, simple, u64::MAX, |path| {
            paths += u64::from(self.is_legal(path));
            true
        });
        Ok(Count { paths, exact: true })
    }

    fn count(&self, dag: &Dag) -> Result<u64> {
        let turns = if self.sampler.spec.simple { Turns::Onward } else { Turns::Any };
        let counts = Weights::<u64>::new(dag, Measure::ones(turns));
        let who = || overflow(&self.sampler.kg.node_name(self.user));
        counts.map(|counts| counts.total(dag, 0)).map_err(|_| who())
    }

    /// The number of paths to unseen items as that to all items less that to train items, which spares looking at the
    /// surroundings of the user once more. Only where walks are simple without more ado.
    fn by_difference(&self, scratch: &mut Scratch) -> Result<Option<u64>> {
        let sampler = self.sampler;
        let automaton = sampler.pattern.automaton();
        let ends_at_first_hop = super::linked_state(automaton).is_some_and(|state| automaton.is_accepting(state));
        let SampleSpec { simple, causal, .. } = sampler.spec;
        if !simple
            || causal
            || sampler.pattern.max_hops() > MAX_SIMPLE_HOPS
            || ends_at_first_hop
            || sampler.shared.is_none()
        {
            return Ok(None);
        }
        let Some(counts) = sampler.shared_counts() else { return Ok(None) };
        let start = self.user.0.wrapping_sub(sampler.starts.hull().start) as usize;
        let all = counts.get(start).copied().unwrap_or(0);
        if sampler.spec.ends == EndSet::Any {
            return Ok(Some(all));
        }
        let train = self.count(&sampler.user_dag(self.user, EndSet::Train, scratch))?;
        Ok(Some(all.saturating_sub(train)))
    }
}

impl Own {
    fn new(sampler: &Sampler<'_>, user: NodeId, scratch: &mut Scratch) -> Self {
        let dag = sampler.user_dag(user, sampler.spec.ends, scratch);
        if !sampler.by_end {
            let weights = sampler.weigh(&dag, Some(&sampler.ends));
            return Self { table: Table { dag, weights }, roots: Roots::User };
        }
        let turned = dag.transposed(&[0]);
        let weights = sampler.weigh(&turned, None);
        let table = Table { dag: turned, weights };
        let roots = Roots::Ends(table.ends(&dag.stops, &sampler.ends));
        Self { table, roots }
    }
}

impl Ends {
    /// The slots of an end drawn by weight.
    fn draw(&self, stream: &mut QuickStream) -> Option<&[u32]> {
        let index = match self.sums.last() {
            None => stream.index(self.slots.len()),
            Some(total) => {
                let drawn = stream.unit() * total;
                self.sums.partition_point(|sum| *sum <= drawn).min(self.slots.len() - 1)
            }
        };
        self.slots.get(index).map(Vec::as_slice)
    }
}

impl Table {
    fn node(&self, slot: u32) -> NodeId {
        NodeId(self.dag.nodes.get(slot as usize).copied().unwrap_or(u32::MAX))
    }

    pub(super) fn has_walks(&self, slot: u32) -> bool {
        match &self.weights {
            LawWeights::Counts(weights) => weights.total(&self.dag, slot) > 0,
            LawWeights::Weighted(weights) => weights.total(&self.dag, slot) > 0.0,
        }
    }

    pub(super) fn attempt(&self, root: u32, stream: &mut QuickStream, path: &mut Path) -> bool {
        match &self.weights {
            LawWeights::Counts(weights) => weights.attempt(&self.dag, root, stream, path),
            LawWeights::Weighted(weights) => weights.attempt(&self.dag, root, stream, path),
        }
    }

    /// A path to one end, whose slots are given, drawn from the end back to the user.
    fn attempt_back(&self, slots: &[u32], stream: &mut QuickStream, path: &mut Path) -> bool {
        let root = match &self.weights {
            LawWeights::Counts(weights) => weights.root(&self.dag, slots, stream),
            LawWeights::Weighted(weights) => weights.root(&self.dag, slots, stream),
        };
        let drawn = root.is_some_and(|root| self.attempt(root, stream, path));
        path.nodes.reverse();
        path.relations.reverse();
        drawn
    }

    /// The ends that walks lead to; `stops` says which slots are ends.
    fn ends(&self, stops: &[bool], weights: &EndWeights) -> Ends {
        let mut ends: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for ((slot, &node), _) in (0u32..).zip(&self.dag.nodes).zip(stops).filter(|(_, stop)| **stop) {
            if self.has_walks(slot) {
                ends.entry(node).or_default().push(slot);
            }
        }
        let sums = ends.keys().scan(0.0, |sum, &end| {
            *sum += weights.of(end);
            Some(*sum)
        });
        let sums = if weights.are_weighed() { sums.collect() } else { Vec::new() };
        Ends { slots: ends.into_values().collect(), sums }
    }
}

impl<W: Weight> Weights<W> {
    /// One of the slots, in proportion to the weight of the walks from it.
    fn root(&self, dag: &Dag, slots: &[u32], stream: &mut QuickStream) -> Option<u32> {
        if let [only] = slots {
            return Some(*only);
        }
        let total = slots.iter().try_fold(W::ZERO, |sum, &slot| sum.plus(self.total(dag, slot)))?;
        if total <= W::ZERO {
            return None;
        }
        let drawn = W::draw(total, stream);
        let mut sum = W::ZERO;
        slots.iter().copied().find(|&slot| {
            sum = sum.plus(self.total(dag, slot)).unwrap_or(total);
            sum > drawn
        })
    }
}

impl Listed {
    /// One of the paths that fit, in proportion to weight; false when none does.
    fn draw(&self, fits: impl Fn(&Path) -> bool, stream: &mut QuickStream, path: &mut Path) -> bool {
        let fitting = || self.paths.iter().zip(&self.weights).filter(|(path, _)| fits(path));
        let total: f64 = fitting().map(|(_, weight)| weight).sum();
        let drawn = stream.unit() * total;
        let mut sum = 0.0;
        let chosen = fitting().find(|(_, weight)| {
            sum += *weight;
            sum > drawn
        });
        let Some((chosen, _)) = chosen else { return false };
        path.clone_from(chosen);
        true
    }
}
