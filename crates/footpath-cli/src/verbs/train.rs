//! `footpath train`

use crate::args::{OutArgs, PatternArgs, one_pattern};
use crate::failure::{Failure, output};
use crate::output::{self, thousands};
use crate::signals::Polite;
use clap::{Args, ValueEnum};
use footpath::Threads;
use footpath::train::{self, Event, Options, Outcome, Unfinished};
use footpath_graph::sample::Law;
use footpath_model::Progress;
use footpath_model::config::{Preset, TrainingConfig};
use indicatif::ProgressBar;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Train a path language model
#[derive(Debug, Args)]
#[command(group = one_pattern(), after_help = "Examples:
  footpath train kg --out model
  footpath train kg --out model --preset base --epochs 20
  footpath train kg --out model --corpus corpus
  footpath train kg --out model --resume

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
    /// Size of the model
    #[arg(long, value_enum, default_value_t)]
    preset: PresetArg,
    #[command(flatten)]
    pattern: PatternArgs,
    /// Share of the paths that meet another user [default: 0.15 where there are such paths and others]
    #[arg(long, value_name = "X")]
    collaborative_share: Option<f64>,
    /// Passes over the users
    #[arg(long, value_name = "N", default_value_t = TrainingConfig::default().epochs)]
    epochs: u64,
    /// Fresh paths for each user and epoch
    #[arg(long, value_name = "N", default_value_t = TrainingConfig::default().paths_per_user)]
    paths_per_user: u64,
    /// Paths in a step
    #[arg(long, value_name = "N", default_value_t = TrainingConfig::default().batch_size)]
    batch_size: usize,
    /// Highest learning rate
    #[arg(long, value_name = "X", default_value_t = TrainingConfig::default().learning_rate)]
    learning_rate: f64,
    /// Decoupled weight decay
    #[arg(long, value_name = "X", default_value_t = TrainingConfig::default().weight_decay)]
    weight_decay: f32,
    /// Probability that a path is learned without knowing its user
    #[arg(long, value_name = "P", default_value_t = TrainingConfig::default().user_dropout)]
    user_dropout: f64,
    /// Weight of the end item in the loss
    #[arg(long, value_name = "X", default_value_t = TrainingConfig::default().end_weight)]
    end_weight: f32,
    /// Legal siblings against which the end item is learned
    #[arg(long, value_name = "N", default_value_t = TrainingConfig::default().end_siblings)]
    end_siblings: usize,
    /// Damping of hubs in the sampled paths
    #[arg(long, value_name = "X", default_value_t = Options::default().damping)]
    damping: f64,
    /// Epochs without a better validation before stopping
    #[arg(long, value_name = "N", default_value_t = TrainingConfig::default().patience)]
    patience: u64,
    /// Validations in an epoch
    #[arg(long, value_name = "N", default_value_t = TrainingConfig::default().validations_per_epoch)]
    validations_per_epoch: u64,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Go on from the last checkpoint of an unfinished run
    #[arg(long)]
    resume: bool,
    /// Discard an unfinished run
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
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

impl From<PresetArg> for Preset {
    fn from(preset: PresetArg) -> Self {
        match preset {
            PresetArg::Tiny => Self::Tiny,
            PresetArg::Small => Self::Small,
            PresetArg::Base => Self::Base,
        }
    }
}

impl TrainArgs {
    fn options(&self) -> Options {
        let unfinished = match (self.resume, self.restart) {
            (true, _) => Unfinished::Resume,
            (_, true) => Unfinished::Discard,
            _ => Unfinished::Refuse,
        };
        Options {
            preset: self.preset.into(),
            shape: self.pattern.shape(),
            collaborative_share: self.collaborative_share,
            corpus: self.corpus.clone(),
            law: Law::UniformEnd,
            damping: self.damping,
            training: TrainingConfig {
                epochs: self.epochs,
                paths_per_user: self.paths_per_user,
                batch_size: self.batch_size,
                learning_rate: self.learning_rate,
                weight_decay: self.weight_decay,
                user_dropout: self.user_dropout,
                end_weight: self.end_weight,
                end_siblings: self.end_siblings,
                patience: self.patience,
                validations_per_epoch: self.validations_per_epoch,
                seed: self.seed,
                ..TrainingConfig::default()
            },
            device: self.device.clone(),
            replace: self.out.replace(),
            unfinished,
            ..Options::default()
        }
    }
}

pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let options = args.options();
    let mut display = Display::new();
    let polite = Polite::new();
    let outcome = Threads(args.threads)
        .run(|| train::run(&args.kg, &args.out.out, &options, &mut |event| display.show(&event), polite.flag()))??;
    display.bar.finish_and_clear();
    match outcome {
        Outcome::Interrupted => {
            let _ = writeln!(io::stderr(), "stopped at a checkpoint; go on with --resume");
            Err(Failure::Interrupted)
        }
        Outcome::Finished(card) => {
            let figure = card.best_validation.map_or("none".to_owned(), |v| format!("{v:.4}"));
            let out = args.out.out.display();
            let (steps, best) = (thousands(card.steps), thousands(card.best_step));
            writeln!(io::stdout(), "{out}: {steps} steps, kept step {best} with NDCG@10 {figure} on valid")
                .map_err(output)
        }
    }
}

/// Tells how training goes: a bar on a terminal, plain lines elsewhere.
pub(crate) struct Display {
    bar: ProgressBar,
    begun: Instant,
    last_line: Instant,
    first_tokens: Option<u64>,
    first_step: u64,
    loss: Option<f64>,
}

impl Display {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            bar: output::bar(1, "training"),
            begun: now,
            last_line: now,
            first_tokens: None,
            first_step: 0,
            loss: None,
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    pub(crate) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { num_parameters, pattern, resumed_at } => {
                let at = if *resumed_at > 0 {
                    format!(", going on from step {}", thousands(*resumed_at))
                } else {
                    String::new()
                };
                self.line(&format!("{} parameters, paths {pattern}{at}", thousands(*num_parameters as u64)));
                self.begun = Instant::now();
            }
            Event::Step(progress) => self.step(progress),
            Event::End(_) => {}
        }
    }

    fn step(&mut self, progress: &Progress) {
        if self.first_tokens.is_none() {
            self.first_tokens = Some(progress.tokens);
            self.first_step = progress.step;
        }
        let smooth = self.loss.map_or(progress.loss, |old| 0.95 * old + 0.05 * progress.loss);
        self.loss = Some(smooth);
        let seconds = self.begun.elapsed().as_secs_f64().max(1e-9);
        let speed = (progress.tokens - self.first_tokens.unwrap_or(0)) as f64 / seconds;
        self.bar.set_length(progress.num_steps);
        self.bar.set_position(progress.step);
        self.bar.set_message(format!("epoch {} loss {smooth:.3} {:.1}k tok/s", progress.epoch.max(1), speed / 1e3));
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
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }
}
