//! One pattern for all users: compiled, or walked on the graph itself.

use super::compile::{self, Failure, Rules};
use super::general::General;
use super::kernel::{Draw, Drawn, Form, LANES, MAX_NODES};
use super::layers::{Layers, MAX_ROW};
use super::ranges::{Span, Walks};
use super::views::Outlook;
use super::weights::Weight;
use super::{EndSet, EndWeights, Factors, Law, Sampler};
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use footpath_core::NodeId;

/// Least share of walks that must be paths for walks to be drawn without weighing them.
const MIN_ACCEPTED: f64 = 0.5;
/// Walks drawn to find that share.
const PILOT: u64 = 4096;

/// A pattern with which many walkers can draw at once.
#[derive(Debug)]
pub(super) struct Shared {
    hops: HopTables,
    /// For each start, the walks to any item that never turn straight back, where they were counted.
    counts: Option<Vec<u64>>,
    /// For each start, whether there is a walk; empty where that is not known.
    live: Vec<bool>,
}

/// How hops are found.
#[derive(Debug)]
enum HopTables {
    /// Compiled, with codes as narrow as they can be.
    Narrow(Layers<u32>),
    Wide(Layers<u64>),
    /// On the graph.
    General(General),
}

impl Shared {
    /// Prepares the pattern of a sampler for its law.
    pub(super) fn new(sampler: &Sampler<'_>, outlook: &Outlook) -> Result<Self> {
        if sampler.may_walk_unweighed() {
            let shared = match outlook.general(sampler.kg, sampler.pattern.automaton())? {
                Some(general) => Self { hops: HopTables::General(general), counts: None, live: Vec::new() },
                None => Self::plain(sampler)?,
            };
            if shared.accepted(sampler) >= MIN_ACCEPTED {
                return Ok(shared);
            }
        }
        outlook.compile("so few walks are paths that hops must be weighed")?;
        Self::compile(sampler)
    }

    fn compile(sampler: &Sampler<'_>) -> Result<Self> {
        refuse_long_rows(sampler.kg)?;
        if sampler.factors.are_ones() && !sampler.ends.are_weighed() {
            match Self::weighed::<u64>(sampler.rules()) {
                Ok((hops, totals)) => {
                    let live = totals.iter().map(|&total| total > 0).collect();
                    return Ok(Self { hops, counts: sampler.spec.simple.then_some(totals), live });
                }
                Err(Failure::Error(error)) => return Err(error),
                // Past 64 bits floating point is near enough.
                Err(Failure::Overflow) => {}
            }
        }
        sampler.weighs_in_floating_point();
        match Self::weighed::<f64>(sampler.rules()) {
            Ok((hops, totals)) => {
                Ok(Self { hops, counts: None, live: totals.iter().map(|&total| total > 0.0).collect() })
            }
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Overflow) => Err(Error::CountOverflow { who: "all users".to_owned() }),
        }
    }

    /// Counts the walks from each start that never turn straight back.
    pub(super) fn count(sampler: &Sampler<'_>) -> Option<Vec<u64>> {
        let (factors, ends) = (Factors::default(), EndWeights::default());
        let rules = Rules { factors: &factors, ends: &ends, may_return: false, ..sampler.rules() };
        Self::weighed::<u64>(rules).ok().map(|(_, totals)| totals)
    }

    fn weighed<W: Weight>(rules: Rules<'_>) -> std::result::Result<(HopTables, Vec<W>), Failure> {
        if compile::fits_32_bits(rules.kg, rules.automaton) {
            let (layers, totals) = compile::weighed(rules)?;
            return Ok((HopTables::Narrow(layers), totals));
        }
        let (layers, totals) = compile::weighed(rules)?;
        Ok((HopTables::Wide(layers), totals))
    }

    fn plain(sampler: &Sampler<'_>) -> Result<Self> {
        refuse_long_rows(sampler.kg)?;
        let rules = sampler.rules();
        let hops = match compile::fits_32_bits(rules.kg, rules.automaton) {
            true => compile::plain(rules).map(HopTables::Narrow),
            false => compile::plain(rules).map(HopTables::Wide),
        };
        match hops {
            Ok(hops) => Ok(Self { hops, counts: None, live: Vec::new() }),
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Overflow) => Err(Error::CountOverflow { who: "all users".to_owned() }),
        }
    }

    /// The share of walks that are legal paths, on a sample of the users; 1 where none has a walk.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a share; users are u32")]
    fn accepted(&self, sampler: &Sampler<'_>) -> f64 {
        let users = sampler.starts.hull();
        let num_users = users.len().max(1) as u64;
        let form = sampler.form();
        let start = |number: u64| users.start + (number * 0x9E37_79B9 % num_users) as u32;
        let draws = (0..PILOT).map(|number| Draw { start: start(number), number, place: 0 });
        let live: Vec<Draw> = draws.filter(|draw| self.has_walks(sampler, NodeId(draw.start))).collect();
        if live.is_empty() {
            return 1.0;
        }
        let placed = live.iter().zip(0..).map(|(&draw, place)| Draw { place, ..draw });
        let drawn = self.run::<LANES>(sampler, form, placed, &mut vec![0; live.len() * form.width]);
        (live.len() - drawn.failed.len()) as f64 / drawn.attempts.max(1) as f64
    }

    /// Whether a start has a walk, as far as is known.
    pub(super) fn has_walks(&self, sampler: &Sampler<'_>, start: NodeId) -> bool {
        let index = start.0.wrapping_sub(sampler.starts.hull().start) as usize;
        let live = self.live.get(index).copied().unwrap_or_else(|| sampler.kg.degree(start) > 0);
        live && sampler.starts.contains(start)
    }

    pub(super) fn counts(&self) -> Option<&[u64]> {
        self.counts.as_deref()
    }

    /// See [`super::kernel::Field::run`].
    pub(super) fn run<const N: usize>(
        &self,
        sampler: &Sampler<'_>,
        form: Form,
        draws: impl Iterator<Item = Draw>,
        rows: &mut [u32],
    ) -> Drawn {
        // Without a rule about ends there is nothing to look at.
        if sampler.spec.ends == EndSet::Any && !sampler.spec.causal {
            return self.hops.run::<N>(sampler, form, draws, |_| true, rows);
        }
        let may_end = |tokens: &[u32]| sampler.may_end(form.nodes(tokens, &mut [0; MAX_NODES]));
        self.hops.run::<N>(sampler, form, draws, may_end, rows)
    }
}

impl HopTables {
    fn run<const N: usize>(
        &self,
        sampler: &Sampler<'_>,
        form: Form,
        draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
    ) -> Drawn {
        match self {
            Self::Narrow(layers) => layers.run::<N>(form, draws, may_end, rows),
            Self::Wide(layers) => layers.run::<N>(form, draws, may_end, rows),
            Self::General(general) => {
                general.run::<N>((sampler.kg, sampler.pattern.automaton()), form, draws, may_end, rows)
            }
        }
    }
}

/// The walks of a pattern that are drawn by ranges.
#[derive(Debug)]
pub(super) enum SharedWalks {
    Narrow(Walks<u32>),
    Wide(Walks<u64>),
}

impl SharedWalks {
    /// The first walker of a span.
    pub(super) fn first(&self, span: usize) -> usize {
        match self {
            Self::Narrow(walks) => walks.first(span),
            Self::Wide(walks) => walks.first(span),
        }
    }
}

/// Drawing by ranges; see `ranges`.
impl Shared {
    /// See [`Layers::max_walkers`].
    pub(super) fn max_walkers(&self, form: Form) -> Option<usize> {
        match &self.hops {
            HopTables::Narrow(layers) => layers.max_walkers(form),
            HopTables::Wide(layers) => layers.max_walkers(form),
            HopTables::General(_) => None,
        }
    }

    /// See [`Walks::new`]; only compiled patterns are drawn by ranges.
    pub(super) fn walks(&self, form: Form, num_walkers: usize) -> Result<Option<SharedWalks>> {
        Ok(match &self.hops {
            HopTables::Narrow(layers) => Some(SharedWalks::Narrow(Walks::new(layers, form, num_walkers)?)),
            HopTables::Wide(layers) => Some(SharedWalks::Wide(Walks::new(layers, form, num_walkers)?)),
            HopTables::General(_) => None,
        })
    }

    /// See [`Walks::walk`].
    pub(super) fn walk(
        &self,
        walks: &mut SharedWalks,
        form: Form,
        spans: &[Span],
        live: impl Fn(u32) -> bool + Sync,
        stopped: impl Fn() -> bool,
    ) {
        match (&self.hops, walks) {
            (HopTables::Narrow(layers), SharedWalks::Narrow(walks)) => walks.walk(layers, form, spans, live, stopped),
            (HopTables::Wide(layers), SharedWalks::Wide(walks)) => walks.walk(layers, form, spans, live, stopped),
            _ => {}
        }
    }

    /// See [`Walks::write`]; the walks that are no paths are drawn by the other kernel.
    pub(super) fn write(
        &self,
        (walks, first): (&SharedWalks, usize),
        sampler: &Sampler<'_>,
        form: Form,
        draws: impl Iterator<Item = Draw>,
        rows: &mut [u32],
    ) -> Drawn {
        let anywhere = sampler.spec.ends == EndSet::Any && !sampler.spec.causal;
        let may_end = |tokens: &[u32]| anywhere || sampler.may_end(form.nodes(tokens, &mut [0; MAX_NODES]));
        let again = match (&self.hops, walks) {
            (HopTables::Narrow(layers), SharedWalks::Narrow(walks)) => {
                walks.write(layers, form, first, draws, may_end, rows)
            }
            (HopTables::Wide(layers), SharedWalks::Wide(walks)) => {
                walks.write(layers, form, first, draws, may_end, rows)
            }
            _ => draws.collect(),
        };
        self.run::<LANES>(sampler, form, again.into_iter(), rows)
    }
}

/// A row of a compiled state has room for so many arcs.
fn refuse_long_rows(kg: &TrainKg) -> Result<()> {
    let nodes = (0u32..).take(kg.num_nodes()).map(NodeId);
    let degree = nodes.map(|node| kg.degree(node) as u64).max().unwrap_or(0);
    match degree > MAX_ROW {
        true => Err(footpath_core::Error::Limit { what: "arcs of a node", max: MAX_ROW, got: degree }.into()),
        false => Ok(()),
    }
}

impl Sampler<'_> {
    fn rules(&self) -> Rules<'_> {
        let may_return = !self.spec.simple;
        let (automaton, starts) = (self.pattern.automaton(), &self.starts);
        Rules { kg: self.kg, automaton, starts, factors: &self.factors, ends: &self.ends, may_return }
    }

    pub(super) fn form(&self) -> Form {
        let (seed, simple) = (self.spec.seed, self.spec.simple);
        Form { seed, simple, vocabulary: self.kg.vocabulary(), width: self.row_width() }
    }

    /// Whether the law is that of a walk that takes every hop alike and is begun again where it is no path.
    fn may_walk_unweighed(&self) -> bool {
        let automaton = self.pattern.automaton();
        let goes_on = |state| automaton.is_accepting(state) && automaton.longest(state) > 0;
        self.spec.law == Law::Walk
            && self.factors.damping.is_empty()
            && !self.factors.weigh_hops()
            && !self.ends.are_weighed()
            && !automaton.states().any(goes_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, MAX_RELATIONS, RawTriple};
    use crate::pattern::Pattern;
    use crate::sample::{SampleSpec, Scratch};
    use footpath_core::Path;

    const USERS: u32 = 3;

    /// A small graph; with `padding`, the same with so many relations and nodes besides that a hop does not fit 32 bits.
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

    /// Nodes and relations of the padding come after all others, so draws must be the same; the laws of narrow codes are tested elsewhere.
    #[test]
    fn wide_codes_draw_what_narrow_ones_do() {
        let (narrow, wide) = (graph(false), graph(true));
        let text = "(:user)-[:interacted]->(:item)-[]-(:thing)-[]-(:item)";
        for law in [Law::UniformPath, Law::Walk] {
            let spec = SampleSpec { law, damping: 0.0, ends: EndSet::Any, ..SampleSpec::default() };
            let pattern = |kg: &TrainKg| Pattern::parse(text, kg).expect("a pattern");
            let [narrow, wide] =
                [&narrow, &wide].map(|kg| Sampler::new(kg, &pattern(kg), spec.clone()).expect("a sampler"));
            let layers =
                |sampler: &Sampler<'_>| matches!(sampler.shared.as_ref().expect("compiled").hops, HopTables::Wide(_));
            assert!(!layers(&narrow) && layers(&wide));
            for user in (0..USERS).map(NodeId) {
                let [narrow, wide] =
                    [&narrow, &wide].map(|sampler| sampler.tables_with(user, &mut Scratch::default()).expect("a user"));
                let (mut a, mut b) = (Path::default(), Path::default());
                for draw in 0..500 {
                    assert!(narrow.draw(draw, &mut a) && wide.draw(draw, &mut b));
                    assert_eq!(a, b, "{law:?}, user {user:?}, draw {draw}");
                }
            }
        }
    }
}
