//! One pattern for all users: compiled, or walked on the graph itself.

use super::compile::{self, Rules};
use super::factors::{EndWeights, Factors};
use super::kernel::{Draw, LANES, MAX_NODES, RowForm, Walked};
use super::law::EndSet;
use super::layers::{Layers, MAX_ROW};
use super::path_law::{PathLaw, overflow};
use super::sought::Sought;
use super::views::ViewRequest;
use super::weight::{Failure, Weight};
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use footpath_core::{Context, NodeId};

/// Least share of walks that must be paths for walks to be drawn without weighing them.
const MIN_ACCEPTED: f64 = 0.5;
/// Walks drawn to find that share.
const PILOT: u64 = 4096;
/// Nodes between two looks at whether to stop.
const CHUNK: usize = 1 << 16;

/// A pattern with which many walkers can draw at once.
#[derive(Debug)]
pub(super) struct Shared {
    hops: HopTables,
    /// For each start, the walks to any item that never turn straight back, where they were counted.
    counts: Option<Vec<u64>>,
    /// For each start, whether there is a walk; empty where that is not known.
    live: Vec<bool>,
    /// Whether walks are weighed in floating point.
    pub(super) is_rounded: bool,
}

/// How hops are found.
#[derive(Debug)]
enum HopTables {
    /// Compiled, with codes as narrow as they can be.
    Narrow(Layers<u32>),
    Wide(Layers<u64>),
    /// On the graph.
    Sought(Sought),
}

impl Shared {
    /// Prepares a pattern for its law.
    pub(super) fn new(law: &PathLaw, request: ViewRequest, context: &Context) -> Result<Self> {
        if law.may_walk_unweighed() {
            let shared = match request.sought(&law.kg, law.automaton()) {
                Some(sought) => Self::unweighed(HopTables::Sought(sought)),
                None => Self::plain(law, context)?,
            };
            if shared.accepted(law, context)? >= MIN_ACCEPTED {
                return Ok(shared);
            }
        }
        request.may_compile("so few walks are paths that hops must be weighed")?;
        Self::compile(law, context)
    }

    fn unweighed(hops: HopTables) -> Self {
        Self { hops, counts: None, live: Vec::new(), is_rounded: false }
    }

    fn compile(law: &PathLaw, context: &Context) -> Result<Self> {
        refuse_long_rows(&law.kg, context)?;
        if law.factors.are_ones() && !law.ends.are_weighed() {
            match Self::weighed::<u64>(law.rules(), context) {
                Ok((hops, totals)) => {
                    let live = totals.iter().map(|&total| total > 0).collect();
                    let counts = law.spec.simple.then_some(totals);
                    return Ok(Self { hops, counts, live, is_rounded: false });
                }
                Err(Failure::Error(error)) => return Err(error),
                // Past 64 bits floating point is near enough.
                Err(Failure::Overflow) => {}
            }
        }
        let (hops, totals) = Self::weighed::<f64>(law.rules(), context).map_err(of_all)?;
        let live = totals.iter().map(|&total| total > 0.0).collect();
        Ok(Self { hops, counts: None, live, is_rounded: true })
    }

    /// Counts the walks from each start that never turn straight back; `None` where 64 bits cannot.
    pub(super) fn count(law: &PathLaw, context: &Context) -> Result<Option<Vec<u64>>> {
        let (factors, ends) = (Factors::default(), EndWeights::default());
        let rules = Rules { factors: &factors, ends: &ends, may_return: false, ..law.rules() };
        match Self::weighed::<u64>(rules, context) {
            Ok((_, totals)) => Ok(Some(totals)),
            Err(Failure::Overflow) => Ok(None),
            Err(Failure::Error(error)) => Err(error),
        }
    }

    fn weighed<W: Weight>(rules: Rules<'_>, context: &Context) -> std::result::Result<(HopTables, Vec<W>), Failure> {
        if compile::fits_32_bits(rules.kg, rules.automaton) {
            let (layers, totals) = compile::weighed(rules, context)?;
            return Ok((HopTables::Narrow(layers), totals));
        }
        let (layers, totals) = compile::weighed(rules, context)?;
        Ok((HopTables::Wide(layers), totals))
    }

    fn plain(law: &PathLaw, context: &Context) -> Result<Self> {
        refuse_long_rows(&law.kg, context)?;
        let rules = law.rules();
        let hops = match compile::fits_32_bits(rules.kg, rules.automaton) {
            true => compile::plain(rules, context).map(HopTables::Narrow),
            false => compile::plain(rules, context).map(HopTables::Wide),
        };
        Ok(Self::unweighed(hops.map_err(of_all)?))
    }

    /// The share of walks that are legal paths, on a sample of the users; 1 where none has a walk.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a share; users are u32")]
    fn accepted(&self, law: &PathLaw, context: &Context) -> Result<f64> {
        let users = law.starts.hull();
        let num_users = users.len().max(1) as u64;
        let form = law.form();
        let start = |number: u64| users.start + (number * 0x9E37_79B9 % num_users) as u32;
        let draws = (0..PILOT).map(|number| Draw { start: start(number), number, place: 0 });
        let live: Vec<Draw> = draws.filter(|draw| self.has_walks(law, NodeId(draw.start))).collect();
        if live.is_empty() {
            return Ok(1.0);
        }
        let placed = live.iter().zip(0..).map(|(&draw, place)| Draw { place, ..draw });
        let walked = self.run::<LANES>(law, form, placed, &mut vec![0; live.len() * form.width], context)?;
        Ok((live.len() - walked.failed.len()) as f64 / walked.attempts.max(1) as f64)
    }

    /// Whether a start has a walk, as far as is known.
    pub(super) fn has_walks(&self, law: &PathLaw, start: NodeId) -> bool {
        let index = start.0.wrapping_sub(law.starts.hull().start) as usize;
        let live = self.live.get(index).copied().unwrap_or_else(|| law.kg.degree(start) > 0);
        live && law.starts.contains(start)
    }

    pub(super) fn counts(&self) -> Option<&[u64]> {
        self.counts.as_deref()
    }

    /// Whether hops have codes of 64 bits.
    #[cfg(test)]
    pub(super) fn is_wide(&self) -> bool {
        matches!(self.hops, HopTables::Wide(_))
    }

    /// See [`super::kernel::Field::run`].
    pub(super) fn run<const N: usize>(
        &self,
        law: &PathLaw,
        form: RowForm,
        draws: impl Iterator<Item = Draw>,
        rows: &mut [u32],
        context: &Context,
    ) -> Result<Walked> {
        // Without a rule about ends there is nothing to look at, and the loop is compiled without it.
        if law.spec.ends == EndSet::Any && !law.spec.causal {
            return self.hops.run::<N>(law, form, draws, |_| true, rows, context);
        }
        let may_end = |tokens: &[u32]| law.may_end(form.nodes(tokens, &mut [0; MAX_NODES]));
        self.hops.run::<N>(law, form, draws, may_end, rows, context)
    }
}

impl HopTables {
    fn run<const N: usize>(
        &self,
        law: &PathLaw,
        form: RowForm,
        draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
        context: &Context,
    ) -> Result<Walked> {
        Ok(match self {
            Self::Narrow(layers) => layers.run::<N>(form, draws, may_end, rows, context),
            Self::Wide(layers) => layers.run::<N>(form, draws, may_end, rows, context),
            Self::Sought(sought) => sought.run::<N>((&law.kg, law.automaton()), form, draws, may_end, rows, context),
        }?)
    }
}

/// A failure of weighing for all users.
fn of_all(failure: Failure) -> Error {
    match failure {
        Failure::Overflow => overflow("all users"),
        Failure::Error(error) => error,
    }
}

/// A row of a compiled state has room for so many arcs.
fn refuse_long_rows(kg: &TrainKg, context: &Context) -> Result<()> {
    let nodes = 0..kg.vocabulary().num_nodes;
    for first in nodes.clone().step_by(CHUNK) {
        context.check()?;
        let some = (first..nodes.end).take(CHUNK).map(NodeId);
        let degree = some.map(|node| kg.degree(node) as u64).max().unwrap_or(0);
        if degree > MAX_ROW {
            return Err(footpath_core::Error::Limit { what: "arcs of a node", max: MAX_ROW, got: degree }.into());
        }
    }
    Ok(())
}

impl PathLaw {
    fn rules(&self) -> Rules<'_> {
        let (kg, automaton, starts) = (&*self.kg, self.automaton(), &self.starts);
        let may_return = !self.spec.simple;
        Rules { kg, automaton, starts, factors: &self.factors, ends: &self.ends, may_return }
    }

    pub(super) fn form(&self) -> RowForm {
        let (seed, simple) = (self.spec.seed, self.spec.simple);
        RowForm { seed, simple, vocabulary: self.vocabulary(), width: self.row_width() }
    }

    /// Whether the law is that of a walk that takes every hop alike and is begun again where it is no path.
    fn may_walk_unweighed(&self) -> bool {
        let automaton = self.automaton();
        let goes_on = |state| automaton.is_accepting(state) && automaton.longest(state) > 0;
        self.factors.divided
            && self.factors.damping.is_empty()
            && !self.factors.weigh_hops()
            && !self.ends.are_weighed()
            && !automaton.states().any(goes_on)
    }
}
