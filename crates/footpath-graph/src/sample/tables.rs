//! Drawing the paths of one user.
//!
//! Why the ways a draw may take do not change its law. A draw repeats *attempts*, each of which gives the path `p` with
//! probability c·w(p) for every legal path, with one and the same c, and otherwise nothing. The first path given
//! therefore has the law of the sampler, however many attempts it took, and so has a path from a list of all legal
//! paths drawn in proportion to weight. Whether to go on with attempts, to change from the table shared by all users to
//! the user's own, or to take the list depends only on how many attempts gave nothing, never on what they would have
//! given.

use super::dag::Scratch;
use super::enumerate::{Enumeration, visit};
use super::kernel::Draw;
use super::sampler::Sampler;
use super::table::{Ends, Own, Roots, Table};
use crate::error::Result;
use footpath_core::{Context, NodeId, Path, Purpose, QuickStream, TokenId, Vocabulary};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Attempts with one table before the next means is tried.
pub(super) const MAX_ATTEMPTS: u32 = 64;
/// Attempts of a draw for a user with too many walks to list, before the draw is given up.
pub(super) const MAX_LAST_ATTEMPTS: u32 = 100_000;
/// Attempts between two looks at whether to stop.
const CHECK: u32 = 1 << 10;
/// Most paths kept in a list.
pub(super) const MAX_LISTED: usize = 100_000;
/// Most arcs looked at to make a list.
pub(super) const MAX_LIST_STEPS: u64 = 4_000_000;

/// Draws the paths of one user; see [`Sampler::tables`].
#[derive(Debug)]
pub struct UserTables<'s> {
    pub(super) sampler: &'s Sampler,
    pub(super) context: &'s Context,
    user: NodeId,
    pub(super) own: OnceLock<Own>,
    listed: OnceLock<Listed>,
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

impl Sampler {
    /// The tables to draw the paths of one user with.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] when the node is no user; [`footpath_core::Error::Stopped`], also of every draw.
    pub fn tables<'s>(&'s self, user: NodeId, context: &'s Context) -> Result<UserTables<'s>> {
        self.tables_with(user, &mut Scratch::default(), context)
    }

    /// As [`Sampler::tables`], using memory of earlier calls again.
    ///
    /// # Errors
    /// As [`Sampler::tables`].
    pub fn tables_with<'s>(
        &'s self,
        user: NodeId,
        scratch: &mut Scratch,
        context: &'s Context,
    ) -> Result<UserTables<'s>> {
        self.law.starts.check(user)?;
        let tables = UserTables::empty(self, user, context);
        if self.shared.is_none() {
            let own = Own::new(self, user, scratch, context)?;
            tables.own.get_or_init(|| own);
        }
        Ok(tables)
    }
}

impl<'s> UserTables<'s> {
    /// Tables still to be made; enough to count with.
    pub(super) fn empty(sampler: &'s Sampler, user: NodeId, context: &'s Context) -> Self {
        Self { sampler, context, user, own: OnceLock::new(), listed: OnceLock::new() }
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
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn draw(&self, draw: u64, path: &mut Path) -> Result<bool> {
        Ok(self.try_draw(draw, path)? == Drawn::Path)
    }

    /// As [`UserTables::draw`], appending the tokens of the path to `row`, padded to [`Sampler::row_width`]; `path` is
    /// working memory.
    ///
    /// # Errors
    /// As [`UserTables::draw`].
    pub fn draw_row(&self, draw: u64, path: &mut Path, row: &mut Vec<u32>) -> Result<bool> {
        let drawn = self.draw(draw, path)?;
        if drawn {
            self.append_row(path, row);
        }
        Ok(drawn)
    }

    pub(super) fn append_row(&self, path: &Path, row: &mut Vec<u32>) {
        let end = row.len() + self.sampler.row_width();
        self.append_tokens(path, row);
        row.resize(end, Vocabulary::PADDING.0);
    }

    /// Appends the tokens of a path and no padding.
    pub(super) fn append_tokens(&self, path: &Path, row: &mut Vec<u32>) {
        let vocabulary = self.sampler.law.vocabulary();
        let mut relations = path.relations.iter();
        for &node in &path.nodes {
            row.push(vocabulary.node(node).0);
            row.extend(relations.next().map(|&relation| vocabulary.relation(relation).0));
        }
    }

    pub(super) fn try_draw(&self, draw: u64, path: &mut Path) -> Result<Drawn> {
        if let Some(shared) = &self.sampler.shared {
            let law = &self.sampler.law;
            if !shared.has_walks(law, self.user) {
                return Ok(Drawn::NoPath);
            }
            let form = law.form();
            let mut row = vec![0; form.width];
            let only = std::iter::once(Draw { start: self.user.0, number: draw, place: 0 });
            if shared.run::<1>(law, form, only, &mut row, self.context)?.failed.is_empty() {
                let tokens: Vec<TokenId> = row.into_iter().map(TokenId).collect();
                return Ok(law.vocabulary().decode(&tokens).map_or(Drawn::GivenUp, |drawn| {
                    *path = drawn;
                    Drawn::Path
                }));
            }
        }
        self.draw_slowly(draw, path)
    }

    /// As [`UserTables::try_draw`] with the user's own tables; where there are shared ones, after they have failed.
    fn draw_slowly(&self, draw: u64, path: &mut Path) -> Result<Drawn> {
        self.context.check()?;
        let seed = self.sampler.law.spec.seed;
        let purpose = if self.sampler.shared.is_some() { Purpose::SampleSlowly } else { Purpose::SamplePath };
        let mut stream = QuickStream::new(seed, purpose, self.user.0, draw);
        match self.own()? {
            Own { table, roots: Roots::User } => self.draw_from_user(table, &mut stream, path),
            Own { table, roots: Roots::Ends(ends) } => self.draw_from_ends(table, ends, &mut stream, path),
        }
    }

    /// Whether a walk drawn from a table is legal; its law takes care of the rest.
    pub(super) fn is_legal(&self, path: &Path) -> bool {
        let law = &self.sampler.law;
        !law.looks_at_ends() || {
            let nodes: Vec<u32> = path.nodes.iter().map(|node| node.0).collect();
            law.may_end(&nodes)
        }
    }

    /// The user's own tables, made when they are first needed.
    fn own(&self) -> Result<&Own> {
        if let Some(own) = self.own.get() {
            return Ok(own);
        }
        let own = Own::new(self.sampler, self.user, &mut Scratch::default(), self.context)?;
        Ok(self.own.get_or_init(|| own))
    }

    fn draw_from_user(&self, table: &Table, stream: &mut QuickStream, path: &mut Path) -> Result<Drawn> {
        if !table.has_walks(0) {
            return Ok(Drawn::NoPath);
        }
        let attempt = |path: &mut Path, stream: &mut QuickStream| table.attempt(0, stream, path) && self.is_legal(path);
        if (0..MAX_ATTEMPTS).any(|_| attempt(path, stream)) {
            return Ok(Drawn::Path);
        }
        let listed = self.listed()?;
        if !listed.complete {
            return self.last_attempts(|path| attempt(path, stream), path);
        }
        let drawn = listed.draw(|_| true, stream, path);
        Ok(if drawn { Drawn::Path } else { Drawn::NoPath })
    }

    fn draw_from_ends(&self, table: &Table, ends: &Ends, stream: &mut QuickStream, path: &mut Path) -> Result<Drawn> {
        if ends.slots.is_empty() {
            return Ok(Drawn::NoPath);
        }
        // An end whose walks all meet a node twice is no end of a legal path: another end is drawn instead.
        while let Some(slots) = ends.draw(stream) {
            match self.draw_to(table, slots, stream, path)? {
                Drawn::NoPath if self.listed()?.paths.is_empty() => return Ok(Drawn::NoPath),
                Drawn::NoPath => self.context.check()?,
                drawn => return Ok(drawn),
            }
        }
        Ok(Drawn::GivenUp)
    }

    /// A path to the end with these slots.
    fn draw_to(&self, table: &Table, slots: &[u32], stream: &mut QuickStream, path: &mut Path) -> Result<Drawn> {
        let attempt =
            |path: &mut Path, stream: &mut QuickStream| table.attempt_back(slots, stream, path) && self.is_legal(path);
        if (0..MAX_ATTEMPTS).any(|_| attempt(path, stream)) {
            return Ok(Drawn::Path);
        }
        let listed = self.listed()?;
        if !listed.complete {
            return self.last_attempts(|path| attempt(path, stream), path);
        }
        let end = slots.first().map(|&slot| table.node(slot));
        let drawn = listed.draw(|path| path.nodes.last().copied() == end, stream, path);
        Ok(if drawn { Drawn::Path } else { Drawn::NoPath })
    }

    /// Draws walks until one is a path, or there is little hope.
    fn last_attempts(&self, mut attempt: impl FnMut(&mut Path) -> bool, path: &mut Path) -> Result<Drawn> {
        for number in 0..MAX_LAST_ATTEMPTS {
            if number % CHECK == 0 {
                self.context.check()?;
            }
            if attempt(path) {
                return Ok(Drawn::Path);
            }
        }
        Ok(Drawn::GivenUp)
    }

    /// Number of ends that walks lead to, where paths are drawn by end.
    pub(super) fn num_ends(&self) -> Result<usize> {
        Ok(match self.own()? {
            Own { roots: Roots::Ends(ends), .. } => ends.slots.len(),
            Own { roots: Roots::User, .. } => 0,
        })
    }

    /// Draws a path to an end by its number; [`Drawn::NoPath`] when all walks there meet a node twice.
    pub(super) fn draw_to_end(&self, end: usize, draw: u64, path: &mut Path) -> Result<Drawn> {
        self.context.check()?;
        let Own { table, roots: Roots::Ends(ends) } = self.own()? else { return Ok(Drawn::NoPath) };
        let Some(slots) = ends.slots.get(end) else { return Ok(Drawn::NoPath) };
        let mut stream = QuickStream::new(self.sampler.law.spec.seed, Purpose::SamplePath, self.user.0, draw);
        self.draw_to(table, slots, &mut stream, path)
    }

    /// Whether any tables made so far are of floating point.
    pub(super) fn is_rounded(&self) -> bool {
        self.own.get().is_some_and(|own| own.table.is_rounded())
    }

    /// Whether the user may have paths, as far as is known without looking for them.
    pub(super) fn may_have_paths(&self) -> bool {
        self.sampler.may_have_paths(self.user)
    }

    /// All legal paths with their probabilities, up to a factor they share; `None` when there are more than `limit`.
    pub(super) fn weighed(&self, limit: usize) -> Result<Option<Vec<(Path, f64)>>> {
        let Enumeration { paths, complete } = self.enumerate(limit)?;
        if !complete {
            return Ok(None);
        }
        let law = &self.sampler.law;
        let end = |path: &Path| path.nodes.last().map_or(0, |end| end.0);
        let weight = |path: &Path| law.factors.weight(&law.kg, law.automaton(), path);
        let mut weighed: Vec<(Path, f64)> = paths.into_iter().map(|path| (path, 0.0)).collect();
        let mut of_end: BTreeMap<u32, f64> = BTreeMap::new();
        for (path, probability) in &mut weighed {
            *probability = weight(path);
            if law.spec.law.chooses_end_first() {
                *of_end.entry(end(path)).or_default() += *probability;
            }
        }
        for (path, probability) in &mut weighed {
            let by_end = of_end.get(&end(path)).unwrap_or(&1.0);
            *probability = *probability * law.ends.of(end(path)) / by_end;
        }
        Ok(Some(weighed))
    }

    fn listed(&self) -> Result<&Listed> {
        if let Some(listed) = self.listed.get() {
            return Ok(listed);
        }
        let Enumeration { paths, complete } = self.list(MAX_LISTED, MAX_LIST_STEPS)?;
        let law = &self.sampler.law;
        // Where the end is drawn first its weight is no matter of the path.
        let end = |path: &Path| match path.nodes.last() {
            Some(end) if !law.end_first => law.ends.of(end.0),
            _ => 1.0,
        };
        let weight = |path: &Path| law.factors.weight(&law.kg, law.automaton(), path) * end(path);
        let weights = paths.iter().map(weight).collect();
        Ok(self.listed.get_or_init(|| Listed { paths, weights, complete }))
    }

    /// The first `limit` legal paths, or all if there are not more. The result is also incomplete when the search
    /// among walks that are not simple takes too long.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn enumerate(&self, limit: usize) -> Result<Enumeration> {
        let max_steps = (limit as u64).saturating_mul(1000).max(MAX_LIST_STEPS);
        self.list(limit, max_steps)
    }

    fn list(&self, limit: usize, max_steps: u64) -> Result<Enumeration> {
        let spec = &self.sampler.law.spec;
        let dag = self.sampler.user_dag(self.user, spec.ends, &mut Scratch::default(), self.context)?;
        let mut paths = Vec::new();
        let complete = visit(&dag, spec.simple, max_steps, self.context, |path| {
            if !self.is_legal(path) {
                return true;
            }
            let room = paths.len() < limit;
            if room {
                paths.push(path.clone());
            }
            room
        })?;
        Ok(Enumeration { paths, complete })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainKg;
    use crate::dataset::{Dataset, MAX_RELATIONS, RawTriple};
    use crate::pattern::Pattern;
    use crate::sample::{EndSet, Law, SampleSpec};

    const USERS: u32 = 3;

    /// A small graph; with `padding`, the same with so many relations and nodes besides that a hop does not fit 32
    /// bits.
    fn graph(padding: bool) -> TrainKg {
        let mut dataset = Dataset::default();
        let relations = ["r0", "r1", "r2"].map(|name| dataset.relation(name));
        for number in 0..4 {
            dataset.link(&format!("i{number}"), &format!("f{number}"));
        }
        for (user, item) in (0..USERS).flat_map(|user| (0..4).map(move |item| (user, item))) {
            if (user + item) % 3 > 0 {
                dataset.interact(&format!("u{user}"), &format!("i{item}"));
            }
        }
        for number in 0..12u32 {
            let head = dataset.entity(&format!("f{}", number % 4), "film");
            let tail = dataset.entity(&format!("e{}", number / 3), "thing");
            let relation = relations[number as usize % 3];
            dataset.triples.push(RawTriple { head, relation, tail, line: 0 });
        }
        if padding {
            (3..MAX_RELATIONS).for_each(|number| _ = dataset.relation(&format!("s{number:05}")));
            (0..1u32 << 16).for_each(|number| _ = dataset.entity(&format!("z{number:05}"), "zzz"));
        }
        crate::build::build(dataset).expect("a graph").train_kg().expect("a graph")
    }

    /// Nodes and relations of the padding come after all others, so draws must be the same; the laws of narrow codes
    /// are tested elsewhere.
    #[test]
    fn wide_codes_draw_what_narrow_ones_do() {
        let (narrow, wide, context) = (graph(false), graph(true), Context::default());
        let text = "(:user)-[:interacted]->(:item)-[]-(:thing)-[]-(:item)";
        for law in [Law::UniformPath, Law::Walk] {
            let spec = SampleSpec { law, damping: 0.0, ends: EndSet::Any, ..SampleSpec::default() };
            let pattern = |kg: &TrainKg| Pattern::parse(text, kg).expect("a pattern");
            let [narrow, wide] =
                [&narrow, &wide].map(|kg| Sampler::new(kg, &pattern(kg), &spec, &context).expect("a sampler"));
            let is_wide = |sampler: &Sampler| sampler.shared.as_ref().expect("compiled").is_wide();
            assert!(!is_wide(&narrow) && is_wide(&wide));
            for user in (0..USERS).map(NodeId) {
                let [narrow, wide] = [&narrow, &wide].map(|sampler| sampler.tables(user, &context).expect("a user"));
                let (mut a, mut b) = (Path::default(), Path::default());
                for draw in 0..500 {
                    assert!(narrow.draw(draw, &mut a).expect("drawn") && wide.draw(draw, &mut b).expect("drawn"));
                    assert_eq!(a, b, "{law:?}, user {user:?}, draw {draw}");
                }
            }
        }
    }
}
