//! What lists are judged by.

use super::figures::{Figures, Mean};
use super::options::Options;
use crate::artefacts::kg::Kg;
use crate::error::{Error, Result};
use footpath_core::{Context, NodeId};
use footpath_eval::{
    Evaluated, Metric, PathMetric, PathMetrics, Recommendations, Resampling, beyond, evaluate_knowing, intervals,
};
use footpath_graph::{HeldOut, Split, TrainKg};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Users shown.
const USERS: usize = 10;
/// Items shown of each.
pub(super) const ITEMS: usize = 5;
/// What lists are judged by.
pub(super) struct Protocol<'a> {
    pub(super) context: &'a Context,
    pub(super) train: Arc<TrainKg>,
    pub(super) held_out: HeldOut,
    pub(super) known: HeldOut,
    pub(super) users: Vec<NodeId>,
    pub(super) k: usize,
}

impl<'a> Protocol<'a> {
    pub(super) fn open(kg: &Kg, options: &Options, context: &'a Context) -> Result<Self> {
        let held_out = kg.held_out(options.on)?;
        let known = match options.on {
            Split::Test => kg.held_out(Split::Valid)?,
            Split::Train | Split::Valid => HeldOut::from([].as_slice()),
        };
        let users: Vec<NodeId> = held_out.by_user().into_keys().collect();
        if users.is_empty() {
            return Err(Error::NothingHeldOut { part: options.on.name() });
        }
        Ok(Self { context, train: Arc::clone(kg.train()), held_out, known, users, k: options.k })
    }

    pub(super) fn judge(&self, lists: &Recommendations) -> Result<Evaluated> {
        Ok(evaluate_knowing(lists, &self.held_out, &self.known, &self.train, self.k, self.context)?)
    }

    pub(super) fn figures(&self, lists: &Recommendations) -> Result<Figures> {
        let Evaluated { metrics, users, .. } = self.judge(lists)?;
        let found = intervals(&users, Resampling::default(), self.context)?;
        let intervals = Metric::ALL.iter().map(|metric| metric.label(self.k)).zip(found).collect();
        let beyond = beyond(lists, &self.users, &self.train, self.k, self.context)?;
        Ok(Figures { metrics, users, intervals, beyond })
    }

    /// The means of explanations with their intervals, by name.
    pub(super) fn means(&self, metrics: &PathMetrics) -> Result<BTreeMap<String, Mean>> {
        let found = metrics.intervals(Resampling::default(), self.context)?;
        let mean = |(metric, [low, high]): (&PathMetric, [f64; 2])| {
            (metric.name().to_owned(), Mean { mean: metrics.value(*metric), low, high })
        };
        Ok(PathMetric::ALL.iter().zip(found).map(mean).collect())
    }
}

/// The users that are shown: ten spread evenly over all who have a list.
pub(super) fn shown(protocol: &Protocol<'_>, lists: &Recommendations) -> Vec<NodeId> {
    let listed: Vec<NodeId> = protocol.users.iter().copied().filter(|&user| !lists.of(user).is_empty()).collect();
    let step = listed.len().div_ceil(USERS).max(1);
    listed.into_iter().step_by(step).collect()
}
