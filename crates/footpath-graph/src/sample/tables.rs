//! Drawing the paths of one user.
//!
//! Why the ways a draw may take do not change its law. A draw repeats *attempts*, each of which gives the path `p` with
//! probability c·w(p) for every legal path, with one and the same c, and otherwise nothing. The first path given
//! therefore has the law of the sampler, however many attempts it took, and so has a path from a list of all legal
//! paths drawn in proportion to weight. Whether to go on with attempts, to change from the table shared by all users to
//! the user's own, or to take the list depends only on how many attempts gave nothing, never on what they would have given.

use super::dag::Dag;
use super::enumerate::{Enumeration, visit};
use super::weights::{Weight, Weights};
use super::{EndSet, Law, LawWeights, Sampler, Scratch, Table, overflow};
use crate::error::Result;
use footpath_core::{NodeId, Path, Purpose, Stream, Vocabulary};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Attempts with one table before the next means is tried.
const MAX_ATTEMPTS: u32 = 64;
/// Attempts of a draw for a user with too many walks to list, before the draw is given up.
const MAX_LAST_ATTEMPTS: u32 = 100_000;
/// Most paths kept in a list.
const MAX_LISTED: usize = 100_000;
/// Most arcs looked at to make a list.
const MAX_LIST_STEPS: u64 = 4_000_000;
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
    /// At the ends, each with its slots; the walks lead back to the user.
    Ends(Vec<Vec<u32>>),
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
            let own = Own::new(sampler, user, scratch)?;
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
        let vocabulary = self.sampler.kg.vocabulary();
        let end = row.len() + self.sampler.row_width();
        let mut relations = path.relations.iter();
        for &node in &path.nodes {
            row.push(vocabulary.node(node).0);
            row.extend(relations.next().map(|&relation| vocabulary.relation(relation).0));
        }
        row.resize(end, Vocabulary::PADDING.0);
    }

    pub(super) fn try_draw(&self, draw: u64, path: &mut Path) -> Drawn {
        let mut stream = Stream::new(self.sampler.spec.seed, Purpose::SamplePath, self.user.0, draw);
        if let Some(table) = &self.sampler.shared {
            if !table.has_walks(self.user.0) {
                return Drawn::NoPath;
            }
            for _ in 0..MAX_ATTEMPTS {
                if table.attempt(self.user.0, &mut stream, path) && self.may_end(path) {
                    return Drawn::Path;
                }
            }
        }
        match self.own() {
            Some(Own { table, roots: Roots::User }) => self.draw_from_user(table, &mut stream, path),
            Some(Own { table, roots: Roots::Ends(ends) }) => self.draw_from_ends(table, ends, &mut stream, path),
            None => Drawn::GivenUp,
        }
    }

    fn may_end(&self, path: &Path) -> bool {
        let items = self.sampler.kg.items_of(self.user);
        let seen = || path.nodes.last().is_some_and(|end| items.binary_search(&end.0).is_ok());
        self.sampler.spec.ends != EndSet::Unseen || !seen()
    }

    /// The user's own tables, made when they are first needed.
    fn own(&self) -> Option<&Own> {
        // Where a shared table exists its counts did not overflow, and the user's own count fewer walks.
        let make = || Own::new(self.sampler, self.user, &mut Scratch::default()).ok();
        self.own.get_or_init(make).as_ref()
    }

    fn draw_from_user(&self, table: &Table, stream: &mut Stream, path: &mut Path) -> Drawn {
        if !table.has_walks(0) {
            return Drawn::NoPath;
        }
        if (0..MAX_ATTEMPTS).any(|_| table.attempt(0, stream, path)) {
            return Drawn::Path;
        }
        let listed = self.listed();
        if listed.complete {
            return if listed.draw(|_| true, stream, path) { Drawn::Path } else { Drawn::NoPath };
        }
        let drawn = (0..MAX_LAST_ATTEMPTS).any(|_| table.attempt(0, stream, path));
        if drawn { Drawn::Path } else { Drawn::GivenUp }
    }

    fn draw_from_ends(&self, table: &Table, ends: &[Vec<u32>], stream: &mut Stream, path: &mut Path) -> Drawn {
        if ends.is_empty() {
            return Drawn::NoPath;
        }
        // An end whose walks all meet a node twice is no end of a legal path: another end is drawn instead.
        while let Some(slots) = ends.get(stream.index(ends.len())) {
            if (0..MAX_ATTEMPTS).any(|_| table.attempt_back(slots, stream, path)) {
                return Drawn::Path;
            }
            let listed = self.listed();
            if !listed.complete {
                let drawn = (0..MAX_LAST_ATTEMPTS).any(|_| table.attempt_back(slots, stream, path));
                return if drawn { Drawn::Path } else { Drawn::GivenUp };
            }
            if listed.paths.is_empty() {
                return Drawn::NoPath;
            }
            let end = slots.first().map(|&slot| table.node(slot));
            if listed.draw(|path| path.nodes.last().copied() == end, stream, path) {
                return Drawn::Path;
            }
        }
        Drawn::GivenUp
    }

    fn listed(&self) -> &Listed {
        self.listed.get_or_init(|| {
            let Enumeration { paths, complete } = self.list(MAX_LISTED, MAX_LIST_STEPS);
            let sampler = self.sampler;
            let weights = paths.iter().map(|path| sampler.factors.weight(sampler, path)).collect();
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
        let complete = visit(&dag, max_steps, |path| {
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
        if sampler.pattern.max_hops() <= MAX_SIMPLE_HOPS || walks > MAX_COUNTED {
            return Ok(Count { paths: walks, exact: sampler.pattern.max_hops() <= MAX_SIMPLE_HOPS });
        }
        let mut paths = 0;
        visit(dag, u64::MAX, |_| {
            paths += 1;
            true
        });
        Ok(Count { paths, exact: true })
    }

    fn count(&self, dag: &Dag) -> Result<u64> {
        let counts = Weights::<u64>::new(dag, Vec::new());
        let who = || overflow(&self.sampler.kg.node_name(self.user));
        counts.map(|counts| counts.total(dag, 0)).map_err(|_| who())
    }

    /// The number of paths to unseen items as that to all items less that to train items, which spares looking at the
    /// surroundings of the user once more. Only where walks are simple without more ado.
    fn by_difference(&self, scratch: &mut Scratch) -> Result<Option<u64>> {
        let sampler = self.sampler;
        let automaton = sampler.pattern.automaton();
        let ends_at_first_hop = super::linked_state(automaton).is_some_and(|state| automaton.is_accepting(state));
        if sampler.pattern.max_hops() > MAX_SIMPLE_HOPS || ends_at_first_hop {
            return Ok(None);
        }
        let Some(shared) = sampler.shared_counts() else { return Ok(None) };
        let (dag, counts) = shared?;
        let all = counts.total(dag, self.user.0);
        if sampler.spec.ends == EndSet::Any {
            return Ok(Some(all));
        }
        let train = self.count(&sampler.user_dag(self.user, EndSet::Train, scratch))?;
        Ok(Some(all.saturating_sub(train)))
    }
}

impl Own {
    fn new(sampler: &Sampler<'_>, user: NodeId, scratch: &mut Scratch) -> Result<Self> {
        let mut dag = sampler.user_dag(user, sampler.spec.ends, scratch);
        let backward = sampler.spec.law == Law::UniformEnd;
        let mut stops = Vec::new();
        if backward {
            let forward = std::mem::take(&mut dag);
            dag = forward.transposed(&[0]);
            stops = forward.stops;
        }
        let weights = sampler.weigh(&dag).map_err(|_| overflow(&sampler.kg.node_name(user)))?;
        let table = Table { dag, weights };
        let roots = if backward { Roots::Ends(table.ends(&stops)) } else { Roots::User };
        Ok(Self { table, roots })
    }
}

impl Table {
    fn node(&self, slot: u32) -> NodeId {
        NodeId(self.dag.nodes.get(slot as usize).copied().unwrap_or(u32::MAX))
    }

    fn has_walks(&self, slot: u32) -> bool {
        match &self.weights {
            LawWeights::Counts(weights) => weights.total(&self.dag, slot) > 0,
            LawWeights::Weighted(weights) => weights.total(&self.dag, slot) > 0.0,
        }
    }

    fn attempt(&self, root: u32, stream: &mut Stream, path: &mut Path) -> bool {
        match &self.weights {
            LawWeights::Counts(weights) => weights.attempt(&self.dag, root, stream, path),
            LawWeights::Weighted(weights) => weights.attempt(&self.dag, root, stream, path),
        }
    }

    /// A path to one end, whose slots are given, drawn from the end back to the user.
    fn attempt_back(&self, slots: &[u32], stream: &mut Stream, path: &mut Path) -> bool {
        let root = match &self.weights {
            LawWeights::Counts(weights) => weights.root(&self.dag, slots, stream),
            LawWeights::Weighted(weights) => weights.root(&self.dag, slots, stream),
        };
        let drawn = root.is_some_and(|root| self.attempt(root, stream, path));
        path.nodes.reverse();
        path.relations.reverse();
        drawn
    }

    /// The ends that walks lead to, ascending, each with its slots; `stops` says which slots are ends.
    fn ends(&self, stops: &[bool]) -> Vec<Vec<u32>> {
        let mut ends: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for ((slot, &node), _) in (0u32..).zip(&self.dag.nodes).zip(stops).filter(|(_, stop)| **stop) {
            if self.has_walks(slot) {
                ends.entry(node).or_default().push(slot);
            }
        }
        ends.into_values().collect()
    }
}

impl<W: Weight> Weights<W> {
    /// One of the slots, in proportion to the weight of the walks from it.
    fn root(&self, dag: &Dag, slots: &[u32], stream: &mut Stream) -> Option<u32> {
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
    fn draw(&self, fits: impl Fn(&Path) -> bool, stream: &mut Stream, path: &mut Path) -> bool {
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
