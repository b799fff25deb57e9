//! `train`: from a graph to a path model.

pub(crate) mod blend;
mod events;
mod learned_users;
mod options;
mod paths;
mod plan;
mod refit;
pub mod settings;
mod sources;
mod validation;
mod vectors;
mod workplace;

pub use blend::{BlendWeights, LinearPart};
pub use events::{Event, Observe};
pub use footpath_eval::baselines::{LinearSettings, Order};
pub use footpath_graph::sample::Law;
pub use footpath_model::TrainingProgress;
pub use footpath_model::config::{Design, Preset, Softmax, Tables, TrainingConfig};
pub use footpath_model::data::ObjectiveKind;
pub use footpath_model::data::{Objective, Text};
pub use footpath_model::model::Architecture;
pub use options::Options;
pub use paths::COLLABORATIVE_SHARE;
pub use plan::Plan;
pub use workplace::Unfinished;

use crate::artefacts::kg::Kg;
use crate::artefacts::model::{NewModel, StoredModel};
use crate::artefacts::model_card::ModelCard;
use crate::corpus;
use crate::error::{Error, Result};
use crate::text::words;
use blend::{Blend, Times};
use footpath_core::{ArtefactKind, Context, Corpus, NodeId, artefact};
use footpath_graph::kg::Carved;
use footpath_graph::legal::Legal;
use footpath_graph::sample::{PathOrigin, Sampling};
use footpath_graph::{HeldOut, Split};
use footpath_model::config::ModelConfig;
use footpath_model::data::PathSource;
use footpath_model::{Ending, PathModel, Trainer};
use learned_users::LearnedUsers;
use refit::Earlier;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use validation::Validation;
use workplace::{Log, Workplace};

/// Share of a budget of time that steps and validations may take; the rest is for what goes beside the paths.
const TIME_OF_STEPS: f64 = 0.6;

/// Trains a model on a graph and publishes it at `out`.
///
/// Checkpoints live beside it, in `out` with `.train` appended, and are removed when the model is in place. A run that
/// is stopped writes one, and [`Unfinished::Resume`] goes on from there.
///
/// # Errors
/// Whatever graph, corpus, settings or disk give, and [`footpath_core::Error::Stopped`]; the checkpoints written so far
/// stay.
pub fn run(kg: &Kg, out: &Path, options: &Options, observe: &mut Observe<'_>, context: &Context) -> Result<ModelCard> {
    artefact::refuse_existing(out, ArtefactKind::Model, options.replace)?;
    options.training.validate()?;
    if options.budget.is_some_and(|budget| budget.is_zero() || context.now().is_none()) {
        let reason = "give a time above 0, and a context with a clock".to_owned();
        return Err(Error::Usage { option: "budget", reason });
    }
    let Some(directory) = &options.refit else {
        return context.run(|| Run::begin(kg, out, options, None, context)?.run_on(observe))?;
    };
    let earlier = Earlier::open(directory)?;
    let options = earlier.options(options)?;
    context.run(|| Run::begin(kg, out, &options, Some(&earlier), context)?.run_on(observe))?
}

/// What a run learns from and what it chooses by.
struct Parts {
    /// The graph that is learned from.
    kg: Kg,
    /// What settings are chosen on.
    valid: HeldOut,
    /// Whether that was taken out of train.
    is_carved: bool,
    /// What there is to say of it.
    notes: Vec<String>,
}

impl Parts {
    /// The valid part of the graph; where there is none, one that is taken out of train. Nothing is chosen where the
    /// settings are those of an earlier model.
    fn of(kg: &Kg, options: &Options, earlier: Option<&Earlier>, context: &Context) -> Result<Self> {
        let valid = kg.held_out(Split::Valid)?;
        let whole = |valid, notes| Ok(Self { kg: kg.clone(), valid, is_carved: false, notes });
        if let (Some(earlier), Some(directory)) = (earlier, &options.refit) {
            let num_held_out = valid.len() + kg.held_out(Split::Test)?.len();
            return whole(HeldOut::from(&[][..]), vec![earlier.note(directory, num_held_out)]);
        }
        if !valid.is_empty() || !options.linear || options.training.item_objective().is_some() {
            return whole(valid, Vec::new());
        }
        let nothing_chosen = |why: &str| {
            format!("There is no valid part, and {why}: no weights were chosen, and there is no linear part.")
        };
        if options.corpus.is_some() {
            let note = nothing_chosen("none is taken out of train where a corpus was drawn from all of it");
            return whole(valid, vec![note]);
        }
        let Some(Carved { kg: left, held_out }) = kg.train().carve(options.training.seed, context)? else {
            let note = nothing_chosen("all users have too few choices for one to be taken out of train");
            return whole(valid, vec![note]);
        };
        let (taken, all) = (held_out.len(), kg.num_train());
        let note = format!(
            "There is no valid part: {taken} of {all} train interactions were left out of the training of paths, to \
             choose weights on; the linear part was solved on all of them."
        );
        Ok(Self { kg: kg.with_train(left), valid: held_out, is_carved: true, notes: vec![note] })
    }
}

/// A run with everything it needs.
struct Run<'a> {
    /// The whole train graph.
    whole: &'a Kg,
    /// What is learned from: the same, unless a part was taken out to choose weights on.
    kg: Kg,
    is_carved: bool,
    notes: Vec<String>,
    out: &'a Path,
    options: &'a Options,
    earlier: Option<&'a Earlier>,
    context: &'a Context,
    valid: HeldOut,
    legal: Legal,
    source: Box<dyn PathSource>,
    sampling: Sampling,
    learned: LearnedUsers,
    workplace: Workplace,
    parents: BTreeMap<String, String>,
    trainer: Trainer,
    /// Step it goes on from; 0 at the beginning.
    resumed_at: u64,
    plan: Plan,
}

impl<'a> Run<'a> {
    fn begin(
        whole: &'a Kg,
        out: &'a Path,
        options: &'a Options,
        earlier: Option<&'a Earlier>,
        context: &'a Context,
    ) -> Result<Self> {
        let Parts { kg, valid, is_carved, notes } = Parts::of(whole, options, earlier, context)?;
        let inputs = Inputs::open(&kg, options, context)?;
        let mixture = match earlier {
            Some(earlier) => earlier.mixture(&kg)?,
            None => paths::mixture(&kg, options, inputs.corpus.as_ref())?,
        };
        let pattern = mixture.union().clone();
        let learned = LearnedUsers::of(&kg, &options.training);
        refuse_tied(options)?;
        let num_users = learned.learned.len() as u64;
        let rows = inputs.num_rows(num_users, options);
        let Inputs { corpus, start, parents } = inputs;
        let (source, sampling) = paths::source(&kg, &mixture, options, corpus, &learned, context)?;
        let workplace = Workplace::open(out, options.unfinished, parents.clone(), sampling.to_json()?)?;
        let legal = Legal::new(Arc::clone(kg.train()), pattern, context)?;
        let max_tokens = options.training.num_positions(2 * legal.pattern().max_hops() + 1);
        let shape = match earlier {
            Some(earlier) => earlier.config(&kg, max_tokens),
            None => config(&kg, options, start.as_ref(), max_tokens)?,
        };
        let (mut trainer, resumed_at) = trainer(&kg, shape, options, start.as_ref(), &workplace, context)?;
        trainer.share = earlier.map_or(1.0, Earlier::share);
        trainer.budget = options.budget.map(|budget| budget.mul_f64(TIME_OF_STEPS));
        let mut plan = Plan::new(&trainer.model.config, &options.training, rows, num_users, &legal);
        plan.warnings.extend(whole.origin().serious());
        Ok(Self {
            whole,
            kg,
            is_carved,
            notes,
            out,
            options,
            earlier,
            context,
            valid,
            legal,
            source,
            sampling,
            learned,
            workplace,
            parents,
            trainer,
            resumed_at,
            plan,
        })
    }

    fn run_on(mut self, observe: &mut Observe<'_>) -> Result<ModelCard> {
        let pattern = self.legal.pattern().source().to_owned();
        observe(Event::Start { plan: &self.plan, pattern: &pattern, resumed_at: self.resumed_at });
        let (log, users) = self.take_steps(observe)?;
        let mut best = self.workplace.checkpoints.best(&footpath_model::device(self.context.device())?)?;
        self.learned.make_others_any_user(&mut best.model);
        // Only paths are reordered by weights; without users to choose them on there is nothing to go by.
        let blends = self.options.linear && self.trainer.config.item_objective().is_none() && !users.is_empty();
        let Blend { linear, weights } = if let Some(earlier) = self.earlier {
            earlier.blend(self.whole.train(), self.context)?
        } else if blends {
            observe(Event::Blend);
            // All steps are in the checkpoint: going on after a stop begins here again.
            let (part, training) = (self.options.linear_part, &self.trainer.config);
            let times = self.times_left();
            let chosen =
                blend::choose(&best.model, &self.legal, &self.valid, &users, part, training, times, self.context)?;
            if self.is_carved { chosen.refit(self.whole.train(), self.context)? } else { chosen }
        } else {
            Blend::default()
        };
        self.notes.extend(self.note_of_budget());
        self.notes.extend(self.learned.note());
        let card = ModelCard {
            model: best.model.config.clone(),
            training: self.trainer.config.clone(),
            pattern,
            vocabulary: self.kg.vocabulary(),
            sampling: PathOrigin::Drawn(Box::new(self.sampling)),
            steps: self.trainer.position.step,
            best_step: best.position.step,
            best_validation: best.position.best,
            weights,
            notes: self.notes,
            adapted_from: None,
        };
        let (paths, linear, log, parents) = (&best.model, linear.as_ref(), &log[..], self.parents);
        NewModel { card: &card, paths, linear, log, parents }.publish(self.out, self.options.replace)?;
        self.workplace.remove()?;
        observe(Event::End(&card));
        Ok(card)
    }

    /// When the linear part and when the weights are to be there, where there is a budget.
    fn times_left(&self) -> Times {
        let Some((budget, now)) = self.options.budget.zip(self.context.now()) else { return Times::default() };
        // Where the run went on after a stop, its steps took longer than this program.
        let spent = now.max(Duration::from_millis(self.trainer.position.spent_ms));
        let left = budget.saturating_sub(spent);
        Times { linear: Some(now + left.mul_f64(0.4)), weights: Some(now + left.mul_f64(0.9)) }
    }

    /// What there is to say of a run that was cut short.
    fn note_of_budget(&self) -> Option<String> {
        let (budget, step) = (self.options.budget?, self.trainer.position.step);
        let is_cut = step < self.plan.num_steps && self.trainer.position.planned.is_some_and(|planned| planned <= step);
        let (seconds, most) = (budget.as_secs_f64(), self.plan.num_steps);
        is_cut.then(|| format!("A budget of {seconds} s had time for {step} of at most {most} steps."))
    }

    /// All steps of training; gives the log and the users it was validated on.
    fn take_steps(&mut self, observe: &mut Observe<'_>) -> Result<(Vec<String>, Vec<NodeId>)> {
        let log = Log::open(&self.workplace.log(), self.resumed_at)?;
        let mut validation =
            Validation::new(&self.legal, &self.valid, self.options, &self.learned, log, observe, self.context);
        let (checkpoints, source) = (&self.workplace.checkpoints, self.source.as_ref());
        let ending = self.trainer.run(&self.legal, source, checkpoints, &mut validation, self.context)?;
        match ending {
            Ending::Interrupted => Err(footpath_core::Error::Stopped.into()),
            Ending::Finished => Ok(validation.into_log_and_users()),
        }
    }
}

/// What a run is made from, beside the graph.
struct Inputs {
    corpus: Option<Corpus>,
    start: Option<StoredModel>,
    /// Content hashes of all of them, by kind.
    parents: BTreeMap<String, String>,
}

impl Inputs {
    fn open(kg: &Kg, options: &Options, context: &Context) -> Result<Self> {
        let corpus = options.corpus.as_deref().map(|directory| corpus::open(directory, kg)).transpose()?;
        let start = options.init.as_deref().map(|directory| StoredModel::open_for(directory, kg)).transpose()?;
        let refit = options.refit.as_deref().map(StoredModel::open).transpose()?;
        let vectors = options.vectors.as_deref().map(|path| artefact::hash_file(path, context)).transpose()?;
        let hashes = [
            ("kg", Some(kg.content_hash().to_owned())),
            ("corpus", corpus.as_ref().map(|corpus| corpus.artefact().manifest().content_hash())),
            ("model", start.as_ref().map(StoredModel::hash)),
            ("vectors", vectors),
            ("settings", refit.map(|model| model.hash())),
        ];
        let parents = hashes.into_iter().filter_map(|(kind, hash)| Some((kind.to_owned(), hash?))).collect();
        Ok(Self { corpus, start, parents })
    }

    /// Most paths of an epoch.
    fn num_rows(&self, num_users: u64, options: &Options) -> u64 {
        match &self.corpus {
            Some(corpus) => corpus.len() as u64,
            None => num_users * options.training.paths_per_user,
        }
    }
}

/// Refuses one table for what a sample of users needs two for: what stands for a user who was not learned would be what
/// paths through that user are told by as well.
fn refuse_tied(options: &Options) -> Result<()> {
    if options.training.users_share < 1.0 && options.design.tables == Tables::Tied {
        let reason = "a sample of users needs tables for input and output of their own; leave out tied".to_owned();
        return Err(Error::Usage { option: "users-share", reason });
    }
    Ok(())
}

/// The run that goes on, with the step it is at, or one that begins.
fn trainer(
    kg: &Kg,
    config: ModelConfig,
    options: &Options,
    start: Option<&StoredModel>,
    workplace: &Workplace,
    context: &Context,
) -> Result<(Trainer, u64)> {
    let device = footpath_model::device(context.device())?;
    let max_tokens = config.trunk.max_tokens;
    if options.unfinished == Unfinished::Resume
        && let Some(mut trainer) = workplace.checkpoints.latest(&device)?
    {
        // More epochs may be asked for; everything else must be as it was, or the run would not be the same.
        let asked = TrainingConfig { epochs: trainer.config.epochs, ..options.training.clone() };
        if asked != trainer.config || config != trainer.model.config {
            let path = workplace.directory().to_owned();
            return Err(Error::OtherRun { path, what: "settings" });
        }
        trainer.config.epochs = options.training.epochs;
        let step = trainer.position.step;
        return Ok((trainer, step));
    }
    let seed = options.training.seed;
    let mut model = match start {
        Some(start) => start.paths(&device)?.with_positions(max_tokens, seed),
        None => PathModel::new(config, seed, &device)?,
    };
    if let Some(path) = &options.vectors {
        vectors::start_with(path, kg, &mut model.input)?;
    }
    Ok((Trainer::new(model, options.training.clone())?, 0))
}

/// The shape of the model: as asked for, or that of the model it starts from, with room for longer texts.
fn config(kg: &Kg, options: &Options, start: Option<&StoredModel>, max_tokens: usize) -> Result<ModelConfig> {
    let Some(start) = start else {
        let config = ModelConfig::preset(options.preset, kg.vocabulary().len(), kg.items(), max_tokens);
        let kinds = if options.token_kinds { words::kinds(kg) } else { Vec::new() };
        return Ok(config.designed(options.design).with_kinds(kinds));
    };
    if options.design != Design::default() || options.token_kinds || options.vectors.is_some() {
        let reason = "the model it starts from says how it is built; leave out architecture, tables, kinds and vectors";
        return Err(Error::Usage { option: "init", reason: reason.to_owned() });
    }
    let mut config = start.card().model.clone();
    config.trunk.max_tokens = config.trunk.max_tokens.max(max_tokens);
    Ok(config)
}
