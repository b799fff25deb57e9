//! `footpath train`

use crate::args::{DeviceArg, OutArgs, PatternArgs, one_pattern, refuse_overlap};
use crate::failure::Failure;
use crate::signals::Saving;
use crate::text::thousands;
use crate::verbs::sample::relation_weight;
use crate::work::Work;
use clap::{Args, ValueEnum};
use footpath::train::{
    self, Architecture, BlendWeights, Event, LinearPart, Objective, Options, Preset, Tables, Text, TrainingConfig,
    TrainingProgress, Unfinished, settings,
};
use footpath::{ErrorClass, Kg};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Train a path language model
#[derive(Debug, Args)]
#[command(group = one_pattern(), after_help = "Examples:
  footpath train kg --out model
  footpath train kg --out model --preset base --epochs 20
  footpath train kg --out model --architecture llama --tied
  footpath train kg --out model --corpus corpus
  footpath train kg --out model --config train.toml --set learning_rate=1e-3
  footpath train kg --out model --objective causal --objective fill-in-the-middle:0.5
  footpath train kg --out tuned --init model --corpus corpus
  footpath train kg --out model --budget 30m
  footpath train kg --out model --resume
  footpath train everything --out production --refit model

Paths have 3 hops, or the pattern of the corpus, unless a pattern is given.
Checkpoints are kept in OUT.train until the model is in place. Ctrl-C writes one; --resume goes on from the last.")]
pub(crate) struct TrainArgs {
    /// The knowledge graph
    kg: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// A sampled corpus [default: fresh paths for every epoch]
    #[arg(long, value_name = "CORPUS")]
    corpus: Option<PathBuf>,
    #[command(flatten)]
    pattern: PatternArgs,
    /// Share of the paths that meet another user [default: 0.15 where there are such paths and others]
    #[arg(long, value_name = "X")]
    collaborative_share: Option<f64>,
    #[command(flatten)]
    settings: SettingArgs,
    /// Start from the weights of this model of the same graph, for a second stage of training
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
    /// Take over all settings of this model and choose nothing again, to learn from a graph that has all of the log
    /// (import it with --split none)
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["init", "vectors", "corpus"])]
    refit: Option<PathBuf>,
    /// Vectors to start with, as word2vec writes text: on each line a name of the graph and its numbers
    #[arg(long, value_name = "FILE", conflicts_with = "init")]
    vectors: Option<PathBuf>,
    /// Learn paths alone: no linear part beside them, and no weights chosen on valid
    #[arg(long)]
    no_linear: bool,
    /// What the linear part knows of the order of choices [default: what is best on valid]
    #[arg(long, value_enum, conflicts_with = "no_linear")]
    linear_part: Option<LinearArg>,
    /// Time that all of it may take, such as 90s, 30m or 1h30m: as many steps as fit, and the learning rate ends with
    /// them
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "refit")]
    budget: Option<Duration>,
    #[command(flatten)]
    device: DeviceArg,
    /// Go on from the last checkpoint of an unfinished run
    #[arg(long)]
    resume: bool,
    /// Discard an unfinished run
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
}

/// Settings of a run: a file, then `--set`, then the options for what is changed most.
#[derive(Clone, Debug, Args)]
pub(crate) struct SettingArgs {
    /// Settings in a TOML file; the other options go before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, as it would stand in the file; may be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    assignments: Vec<String>,
    /// Size of the model [default: small]
    #[arg(long, value_enum)]
    preset: Option<PresetArg>,
    /// How the model is built [default: gpt2]
    #[arg(long, value_enum)]
    architecture: Option<ArchitectureArg>,
    /// One embedding table for input and output instead of two
    #[arg(long)]
    tied: bool,
    /// Width of the embedding tables, less than that of the model, which projects from it and back
    #[arg(long, value_name = "WIDTH")]
    factorised: Option<usize>,
    /// Add a vector for the kind of each token: relation, user, item, or the type of the entity
    #[arg(long)]
    token_kinds: bool,
    /// What is learned, each for a share of the paths: KIND[:WEIGHT], `history-KIND` for what users chose in the order
    /// of time
    #[arg(long = "objective", value_name = "KIND[:WEIGHT]", long_help = OBJECTIVES)]
    objectives: Vec<String>,
    #[arg(
        long,
        value_name = "legal|typed|full",
        help = default(|t| word(t.softmax), "What the true token is picked from")
    )]
    softmax: Option<String>,
    #[arg(long, value_name = "N", help = default(|t| t.epochs, "Passes over the users"))]
    epochs: Option<u64>,
    #[arg(
        long,
        value_name = "X",
        help = default(|t| t.users_share, "Share of the users whose paths are learned")
    )]
    users_share: Option<f64>,
    #[arg(long, value_name = "N", help = default(|t| t.paths_per_user, "Fresh paths for each user and epoch"))]
    paths_per_user: Option<u64>,
    #[arg(long, value_name = "N", help = default(|t| t.batch_size, "Paths in a step"))]
    batch_size: Option<usize>,
    #[arg(long, value_name = "X", help = default(|t| t.learning_rate, "Highest learning rate"))]
    learning_rate: Option<f64>,
    #[arg(long, value_name = "X", help = default(|t| t.weight_decay, "Decoupled weight decay"))]
    weight_decay: Option<f32>,
    #[arg(
        long,
        value_name = "P",
        help = default(|t| t.user_dropout, "Probability that a path is learned without knowing its user")
    )]
    user_dropout: Option<f64>,
    #[arg(long, value_name = "X", help = default(|t| t.end_weight, "Weight of the end item in the loss"))]
    end_weight: Option<f32>,
    #[arg(
        long,
        value_name = "N",
        help = default(|t| t.end_siblings, "Legal siblings against which the end item is learned")
    )]
    end_siblings: Option<usize>,
    /// Damping of hubs in the sampled paths [default: 1]
    #[arg(long, value_name = "X")]
    damping: Option<f64>,
    /// Damping of popular ends in the sampled paths [default: 0]
    #[arg(long, value_name = "X")]
    end_damping: Option<f64>,
    /// Weight of a relation in the sampled paths, both ways; can be given for several
    #[arg(long = "relation-weight", value_name = "NAME=X", value_parser = relation_weight)]
    relation_weights: Vec<(String, f64)>,
    /// Let every hop of the sampled paths weigh what the graph says
    #[arg(long)]
    edge_weights: bool,
    #[arg(long, value_name = "N", help = default(|t| t.patience, "Epochs without a better validation before stopping"))]
    patience: Option<u64>,
    #[arg(long, value_name = "N", help = default(|t| t.validations_per_epoch, "Validations in an epoch"))]
    validations_per_epoch: Option<u64>,
    #[arg(long, value_name = "N", help = default(|t| t.seed, "Seed of every random draw"))]
    seed: Option<u64>,
}

const OBJECTIVES: &str = "What is learned, each for a share of the paths, by weight [default: causal and end:0.5]

  causal              every token from those before it
  prefix              the rest of a path from its beginning, which is read from both sides
  masked              hidden tokens from both sides
  permuted            hidden tokens in a random order
  unified             causal, prefix or masked
  fill-in-the-middle  what leads from a user to a given item; `explain --fill-in` uses it
  rearranged          whether the nodes are in their places, and masked
  end                 the end of a path from the user alone, whatever leads there

With history- before it an objective reads what a user chose in the order of time instead of a path:
history-causal learns the next item, history-masked hidden ones. \
For more, --set 'objective=[{kind = \"masked\", rate = 0.2}]'.";

/// Help that ends with the default of a setting.
fn default<T: std::fmt::Display>(value: impl FnOnce(&TrainingConfig) -> T, help: &str) -> String {
    format!("{help} [default: {}]", value(&TrainingConfig::default()))
}

/// The name of a setting's value.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum PresetArg {
    /// 1 layer, width 48
    Tiny,
    /// 2 layers, width 64
    #[default]
    Small,
    /// 4 layers, width 128
    Base,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LinearArg {
    /// Nothing: all choices of a user count alike
    Ease,
    /// What stands near each other
    Window,
    /// What was chosen after what
    Slist,
}

impl From<LinearArg> for LinearPart {
    fn from(part: LinearArg) -> Self {
        match part {
            LinearArg::Ease => Self::Ease,
            LinearArg::Window => Self::Window,
            LinearArg::Slist => Self::Slist,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ArchitectureArg {
    /// LayerNorm, learned positions, GELU
    #[default]
    Gpt2,
    /// RMSNorm, rotary positions, SwiGLU, no biases
    Llama,
}

impl From<ArchitectureArg> for Architecture {
    fn from(architecture: ArchitectureArg) -> Self {
        match architecture {
            ArchitectureArg::Gpt2 => Self::GPT2,
            ArchitectureArg::Llama => Self::LLAMA,
        }
    }
}

impl From<PresetArg> for Preset {
    fn from(preset: PresetArg) -> Self {
        match preset {
            PresetArg::Tiny => Self::Tiny,
            PresetArg::Small => Self::Small,
            PresetArg::Base => Self::Base,
        }
    }
}

impl SettingArgs {
    /// Changes `options` by the file, the assignments and the options, in this order.
    pub(crate) fn apply(&self, options: &mut Options) -> Result<(), Failure> {
        if let Some(path) = &self.config {
            settings::read(path, options)?;
        }
        for assignment in &self.assignments {
            settings::assign(options, assignment)?;
        }
        if let Some(preset) = self.preset {
            options.preset = preset.into();
        }
        if let Some(architecture) = self.architecture {
            options.design.architecture = architecture.into();
        }
        if self.tied {
            options.design.tables = Tables::Tied;
        }
        options.design.factorised = self.factorised.or(options.design.factorised);
        options.token_kinds |= self.token_kinds;
        if !self.objectives.is_empty() {
            let objectives: Result<Vec<_>, _> = self.objectives.iter().map(|text| objective(text)).collect();
            options.training.objectives = objectives?;
        }
        if let Some(softmax) = &self.softmax {
            settings::assign(options, &format!("softmax={softmax}"))?;
        }
        let training = &mut options.training;
        change(&mut training.epochs, self.epochs);
        change(&mut training.users_share, self.users_share);
        change(&mut training.paths_per_user, self.paths_per_user);
        change(&mut training.batch_size, self.batch_size);
        change(&mut training.learning_rate, self.learning_rate);
        change(&mut training.weight_decay, self.weight_decay);
        change(&mut training.user_dropout, self.user_dropout);
        change(&mut training.end_weight, self.end_weight);
        change(&mut training.end_siblings, self.end_siblings);
        change(&mut training.patience, self.patience);
        change(&mut training.validations_per_epoch, self.validations_per_epoch);
        change(&mut training.seed, self.seed);
        change(&mut options.damping, self.damping);
        change(&mut options.end_damping, self.end_damping);
        options.relation_weights.extend(self.relation_weights.iter().cloned());
        options.edge_weights |= self.edge_weights;
        Ok(())
    }
}

/// A time as hours, minutes and seconds, each with its letter; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write it like 90s, 30m or 1h30m");
    let (mut seconds, mut digits) = (0u64, String::new());
    for letter in text.chars().chain(text.ends_with(|c: char| c.is_ascii_digit()).then_some('s')) {
        let unit = match letter {
            '0'..='9' => {
                digits.push(letter);
                continue;
            }
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(wrong()),
        };
        let number: u64 = std::mem::take(&mut digits).parse().map_err(|_| wrong())?;
        seconds = number.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
    }
    // More than a century is a slip of the finger.
    let is_sensible = digits.is_empty() && (1..=3_600 * 24 * 366 * 100).contains(&seconds);
    is_sensible.then(|| Duration::from_secs(seconds)).ok_or_else(wrong)
}

fn change<T: Copy>(setting: &mut T, to: Option<T>) {
    *setting = to.unwrap_or(*setting);
}

/// `KIND`, `history-KIND`, either with `:WEIGHT`.
fn objective(text: &str) -> Result<Objective, Failure> {
    let usage = |reason: String| footpath::Error::Usage { option: "objective", reason };
    let (name, weight) = text.split_once(':').unwrap_or((text, "1"));
    let (of, kind) = match (name.strip_prefix("history-"), name) {
        (Some(kind), _) => (Text::Histories, kind),
        (None, "end") => (Text::Ends, "causal"),
        (None, kind) => (Text::Paths, kind),
    };
    let kind = serde_json::from_value(serde_json::Value::String(kind.to_owned()))
        .map_err(|e| usage(format!("`{name}`: {e}")))?;
    let weight = weight.parse().map_err(|_| usage(format!("`{weight}` is no weight; give a number above 0")))?;
    Ok(Objective { weight, ..Objective::of(kind, of) })
}

impl TrainArgs {
    fn options(&self) -> Result<Options, Failure> {
        let unfinished = match (self.resume, self.restart) {
            (true, _) => Unfinished::Resume,
            (_, true) => Unfinished::Discard,
            _ => Unfinished::Refuse,
        };
        let mut options = Options {
            shape: self.pattern.shape(),
            corpus: self.corpus.clone(),
            vectors: self.vectors.clone(),
            init: self.init.clone(),
            refit: self.refit.clone(),
            linear: !self.no_linear,
            linear_part: self.linear_part.map_or(LinearPart::default(), LinearPart::from),
            budget: self.budget,
            replace: self.out.replace(),
            unfinished,
            ..Options::default()
        };
        self.settings.apply(&mut options)?;
        options.collaborative_share = self.collaborative_share.or(options.collaborative_share);
        Ok(options)
    }
}

pub(crate) fn run(args: &TrainArgs, work: &Work) -> Result<(), Failure> {
    let TrainArgs { kg, corpus, init, vectors, refit, .. } = args;
    let inputs = [Some(kg), corpus.as_ref(), init.as_ref(), vectors.as_ref(), refit.as_ref()];
    refuse_overlap(&args.out.out, inputs)?;
    let options = args.options()?;
    let begun = Instant::now();
    let context = work.on(&args.device.device).with_clock(move || begun.elapsed());
    let kg = Kg::open(&args.kg, &context)?;
    let card = watched(work, |observe| train::run(&kg, &args.out.out, &options, observe, &context))?;
    let figure = card.best_validation.map_or("none".to_owned(), |v| format!("{v:.4}"));
    let (steps, best) = (thousands(card.steps), thousands(card.best_step));
    let weighed = card.weights.map(|w| {
        let BlendWeights { direct, linear, popularity, path_count, recency, validation, .. } = w;
        let beside = format!("{linear} of the linear part, {direct} of the user alone");
        let counted = format!("{path_count} of counted paths, {popularity} of popularity");
        // Where valid follows train in time it is not seen from the end of train alone, as the figure of the step is,
        // so the two are not to be compared.
        let chosen = format!("NDCG@10 {validation:.4} on valid, by which they were chosen");
        format!("weights: {beside}, {counted}, {recency} of recency; {chosen}")
    });
    let place = args.out.out.display();
    work.tell(|out| {
        writeln!(out, "{place}: {steps} steps, kept step {best} with NDCG@10 {figure} on valid")?;
        weighed.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        if let Some(solved) = card.weights.and_then(|weights| weights.solved) {
            writeln!(out, "linear part: {}", solved.words())?;
        }
        card.notes.iter().try_for_each(|note| writeln!(out, "{note}"))
    })
}

/// Trains while telling how it goes. Asked to stop, it is waited for, since it writes a checkpoint.
pub(crate) fn watched<T>(
    work: &Work,
    train: impl FnOnce(&mut train::Observe<'_>) -> footpath::Result<T>,
) -> Result<T, Failure> {
    let saving = Saving::new();
    let mut display = Display::new(work);
    let trained = train(&mut |event| display.show(&event));
    drop(saving);
    if trained.as_ref().is_err_and(|error| error.class() == ErrorClass::Stopped) {
        work.note("stopped at a checkpoint; go on with --resume");
    }
    Ok(trained?)
}

/// Tells how training goes: a bar on a terminal, plain lines elsewhere.
struct Display<'a> {
    work: &'a Work,
    begun: Instant,
    last_line: Instant,
    first_tokens: Option<u64>,
    first_step: u64,
    loss: Option<f64>,
}

impl<'a> Display<'a> {
    fn new(work: &'a Work) -> Self {
        let now = Instant::now();
        Self { work, begun: now, last_line: now, first_tokens: None, first_step: 0, loss: None }
    }

    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { plan, pattern, resumed_at } => {
                let at = if *resumed_at > 0 {
                    format!(", going on from step {}", thousands(*resumed_at))
                } else {
                    String::new()
                };
                let (parameters, steps) = (thousands(plan.num_parameters as u64), thousands(plan.num_steps));
                let memory = plan.memory.div_ceil(1 << 20);
                self.line(&format!(
                    "{parameters} parameters, {steps} steps, at least {memory} MiB, paths {pattern}{at}"
                ));
                plan.warnings.iter().for_each(|warning| self.line(&format!("warning: {warning}")));
                self.begun = Instant::now();
            }
            Event::Step(progress) => self.step(progress),
            Event::Blend => {
                self.line("choosing on valid what the linear part is, and how much each part counts beside paths");
            }
            Event::End(_) => {}
        }
    }

    fn step(&mut self, progress: &TrainingProgress) {
        if self.first_tokens.is_none() {
            self.first_tokens = Some(progress.tokens);
            self.first_step = progress.step;
        }
        let smooth = self.loss.map_or(progress.loss, |old| 0.95 * old + 0.05 * progress.loss);
        self.loss = Some(smooth);
        let seconds = self.begun.elapsed().as_secs_f64().max(1e-9);
        let speed = (progress.tokens - self.first_tokens.unwrap_or(0)) as f64 / seconds;
        self.work.steps(progress.step, progress.num_steps);
        self.work.bar().set_message(format!(
            "epoch {} loss {smooth:.3} {:.1}k tok/s",
            progress.epoch.max(1),
            speed / 1e3
        ));
        if let Some(figure) = progress.validation {
            let loss = progress.validation_loss.map_or(String::new(), |l| format!(", loss {l:.3}"));
            self.line(&format!("step {:>6}  train loss {smooth:.3}  valid NDCG@10 {figure:.4}{loss}", progress.step));
        } else if !io::stderr().is_terminal() && self.last_line.elapsed() > Duration::from_secs(10) {
            let done = (progress.step - self.first_step).max(1) as f64;
            let left = (progress.num_steps - progress.step) as f64 * seconds / done;
            self.line(&format!(
                "step {:>6}/{}  train loss {smooth:.3}  {:.1}k tokens/s  {left:.0} s left",
                progress.step,
                progress.num_steps,
                speed / 1e3
            ));
        }
    }

    fn line(&mut self, text: &str) {
        self.last_line = Instant::now();
        self.work.note(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_nonsense_is_not() {
        let of = |text| duration(text).map(|time| time.as_secs());
        assert_eq!(["90", "90s", "30m", "1h30m", "2h5s"].map(of), [90, 90, 1_800, 5_400, 7_205].map(Ok));
        let wrong = ["", "0", "m", "h30m", "1.5h", "-3s", "3d", "30 m", "99999999999999999999", "9999999999h"];
        assert!(wrong.iter().all(|text| of(text).is_err_and(|message| message.contains(text))));
    }
}
