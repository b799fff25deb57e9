//! `evaluate`: how good recommendations are, next to the baselines.

mod card;
mod examples;
mod figures;
mod groups;
mod markdown;
mod options;
mod protocol;
mod random_paths;
mod reasons;
mod report;
mod source;
mod stored;
mod subject;

pub use card::Card;
#[cfg(test)]
pub(crate) use examples::PageExtras;
pub use examples::{Example, ExampleItem, Hop, Stop};
pub use figures::{BaselineFigures, Figures, Mean};
pub use footpath_eval::groups::{ItemGroup, UserGroup, gap};
pub use groups::GroupTable;
pub use options::{Beside, Given, Options, Subject};
pub use random_paths::RandomPaths;
pub use reasons::{Counterfactual, Reasons};
pub use report::Report;
pub use source::Excluded;

use crate::artefacts::kg::Kg;
use crate::error::Result;
use crate::service::Service;
use footpath_core::Context;
pub use footpath_eval::baselines::BaselineName;
use footpath_eval::baselines::{self, Baseline, Trial, tune};
use footpath_eval::groups::{item_groups, user_groups};
pub use footpath_eval::{
    BadRows, Beyond, Calibration, Comparison, ListsBuilder, Metric, Metrics, PathMetric, Recommendations, UserMetrics,
};
use footpath_eval::{Resampling, compare, explanations};
use footpath_graph::{Split, TrainKg};
use protocol::Protocol;
use reasons::ReasonChecks;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use subject::Judged;

/// Reads anybody's lists: a table with the columns user, rank, item, score.
///
/// # Errors
/// [`Error::Eval`](crate::Error::Eval) naming the line of what is wrong.
pub fn read_lists(path: &Path, kg: &TrainKg, context: &Context) -> Result<Recommendations> {
    Ok(Recommendations::read(path, kg, context)?)
}

/// The lists of a model that [`run`] judges, of the users with these numbers: the lists of all users, judged as
/// anybody's are, come to the same figures of ranking. So lists can be made apart and judged together. A few users of
/// another part may be among them, who are then missing there.
///
/// # Errors
/// As [`run`].
pub fn lists(
    service: &Service,
    kg: &Kg,
    numbers: &Range<u32>,
    options: &Options,
    context: &Context,
) -> Result<Recommendations> {
    context.run(|| subject::lists(service, &Protocol::open(kg, options, context)?, numbers, options))?
}

/// Evaluates a subject on a graph.
///
/// Items known to be chosen since training (the valid split, when the figure is on test) take no slots, in the
/// subject's lists as in the baselines'.
///
/// # Errors
/// Whatever opening, reading and searching give, and [`footpath_core::Error::Stopped`].
pub fn run(kg: &Kg, subject: &Subject, options: &Options, context: &Context) -> Result<Report> {
    options.validate(subject)?;
    context.run(|| {
        let protocol = Protocol::open(kg, options, context)?;
        let judged = subject.judge(kg, &protocol, options)?;
        let lists = options.item_groups.as_ref().map(|_| judged.lists.clone()).unwrap_or_default();
        let mut report = Report::of_subject(kg, &protocol, subject, options, judged)?;
        let groups = [options.user_groups.as_ref(), options.item_groups.as_ref()];
        report.add_groups(&protocol, &lists, groups)?;
        report.compare_with_others(&protocol, options)?;
        report.add_baselines(kg, &protocol, options)?;
        Ok(report)
    })?
}

impl Subject {
    fn judge(&self, kg: &Kg, protocol: &Protocol<'_>, options: &Options) -> Result<Judged> {
        match self {
            Self::Model(directory) => subject::from_model(directory, kg, options, protocol),
            Self::Lists(path) => subject::from_lists(path, protocol, options.bad_rows),
            Self::Given(given) => subject::from_given(given, protocol),
        }
    }
}

/// The metrics of explanations, and how they compare with those of random paths if that is asked for.
fn explained(protocol: &Protocol<'_>, judged: &Judged, options: &Options) -> Result<PathFigures> {
    let Some(model) = judged.model.as_ref().filter(|_| !judged.explained.is_empty()) else {
        return Ok(PathFigures::default());
    };
    let metrics = explanations(&judged.explained, &protocol.users, &protocol.train, protocol.k, protocol.context)?;
    let checks = ReasonChecks::of(protocol, options.counterfactual, options.dislikes.as_deref())?;
    let random = |seed| RandomPaths::new(protocol, &judged.explained, &metrics, model, &checks, seed);
    Ok(PathFigures {
        explanations: protocol.means(&metrics)?,
        reasons: Some(checks.run(protocol, model, &judged.explained)?),
        random_paths: options.random_paths.map(random).transpose()?,
    })
}

/// What can be said of the paths of lists.
#[derive(Default)]
struct PathFigures {
    explanations: BTreeMap<String, Mean>,
    reasons: Option<Reasons>,
    random_paths: Option<RandomPaths>,
}

impl Report {
    /// What can be said of the subject alone.
    fn of_subject(
        kg: &Kg,
        protocol: &Protocol<'_>,
        subject: &Subject,
        options: &Options,
        judged: Judged,
    ) -> Result<Self> {
        let figures = protocol.figures(&judged.lists)?;
        let PathFigures { explanations, reasons, random_paths } = explained(protocol, &judged, options)?;
        Ok(Self {
            explanations,
            reasons,
            random_paths,
            on: options.on,
            kg: protocol.train.content_hash().to_owned(),
            model: judged.model.as_ref().map(|model| model.hash.clone()),
            baselines: BTreeMap::new(),
            ndcg_against: BTreeMap::new(),
            against: BTreeMap::new(),
            user_groups: BTreeMap::new(),
            item_groups: BTreeMap::new(),
            card: Card::new(kg, subject, options, protocol, &judged, &figures)?,
            drawn: examples::drawn(protocol, &judged),
            list_len: judged.lists.max_len().max(options.k),
            calibration: judged.calibration,
            path_entropy: judged.path_entropy,
            faithful: judged.faithful,
            num_paths: judged.num_paths,
            figures,
        })
    }

    /// Adds the figures of groups where tables name some.
    fn add_groups(
        &mut self,
        protocol: &Protocol<'_>,
        lists: &Recommendations,
        [of_users, of_items]: [Option<&GroupTable>; 2],
    ) -> Result<()> {
        let (train, k, context) = (&protocol.train, protocol.k, protocol.context);
        if let Some(table) = of_users {
            let groups = table.read("user_id", |id| train.user(id).ok())?;
            self.user_groups = user_groups(&self.figures.users, &groups, k, Resampling::default(), context)?;
        }
        if let Some(table) = of_items {
            let groups = table.read("item_id", |id| train.item(id).ok())?;
            self.item_groups = item_groups(lists, &protocol.users, &groups, train, k, context)?;
        }
        Ok(())
    }

    /// How far the subject is above other lists, if there are any, metric by metric.
    fn compare_with_others(&mut self, protocol: &Protocol<'_>, options: &Options) -> Result<()> {
        let Some(path) = &options.against else { return Ok(()) };
        let other = subject::from_lists(path, protocol, options.bad_rows)?;
        let theirs = protocol.judge(&other.lists)?.users;
        let resampling = Resampling::default();
        for metric in Metric::ALL {
            let comparison = compare(&self.figures.users, &theirs, metric, resampling, protocol.context)?;
            self.against.insert(metric.label(options.k), comparison);
        }
        self.card.against = Some(other.source);
        Ok(())
    }

    fn add_baselines(&mut self, kg: &Kg, protocol: &Protocol<'_>, options: &Options) -> Result<()> {
        match options.beside {
            Beside::Nothing => Ok(()),
            Beside::Baselines(seed) => baselines::standard(&protocol.train, seed, protocol.context)?
                .iter()
                .try_for_each(|baseline| self.add(protocol, baseline.as_ref(), String::new(), Vec::new())),
            Beside::Tuned(seed) => self.add_tuned(kg, protocol, &options.tuned, seed),
        }
    }

    /// Every baseline, or each that is named, at its best setting on valid.
    fn add_tuned(&mut self, kg: &Kg, protocol: &Protocol<'_>, named: &[BaselineName], seed: u64) -> Result<()> {
        let valid = kg.held_out(Split::Valid)?;
        for &name in if named.is_empty() { BaselineName::ALL } else { named } {
            match tune(name, &protocol.train, &valid, protocol.k, seed, protocol.context) {
                Ok(tuned) => self.add(protocol, tuned.baseline.as_ref(), tuned.chosen.setting, tuned.tried)?,
                // What one baseline would need is no reason to have none.
                Err(e @ footpath_eval::Error::TooLarge { .. }) => {
                    self.card.left_out.insert(name.name().to_owned(), e.to_string());
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        protocol: &Protocol<'_>,
        baseline: &dyn Baseline,
        setting: String,
        tried: Vec<Trial>,
    ) -> Result<()> {
        let context = protocol.context;
        let lists = baseline.recommend_all_except(self.list_len, &protocol.known, context)?;
        let figures = protocol.figures(&lists)?;
        let (ours, theirs) = (&self.figures.users, &figures.users);
        let comparison = compare(ours, theirs, Metric::Ndcg, Resampling::default(), context)?;
        self.ndcg_against.insert(baseline.name().to_owned(), comparison);
        self.baselines.insert(baseline.name().to_owned(), BaselineFigures { figures, setting, tried });
        Ok(())
    }
}
