//! `footpath sample`

use crate::args::{End, OutArgs, PatternArgs, one_pattern};
use crate::failure::{Failure, output};
use crate::output::{self, thousands};
use crate::signals::Polite;
use clap::{Args, ValueEnum};
use footpath::Threads;
use footpath::sample::{self, Options, Outcome, Sampled};
use footpath_graph::sample::{EndSet, Law, SampleSpec};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Sample a corpus of paths, exactly by a stated law
#[derive(Debug, Args)]
#[command(group = one_pattern().required(true), after_help = "Examples:
  footpath sample kg --out corpus --hops 3 --seed 7
  footpath sample kg --out corpus --hops 3 --end unseen --law uniform-end --damping 0.5
  footpath sample kg --out corpus --pattern '(:user)-[:interacted]->(:item)-[]-(:person)-[]-(:item)'

The corpus is the same, byte for byte, for any number of threads.")]
pub(crate) struct SampleArgs {
    /// The knowledge graph
    kg: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    pattern: PatternArgs,
    /// Where paths may end
    #[arg(long, value_enum, default_value_t)]
    end: End,
    /// Paths for each user that has any, drawn with replacement
    #[arg(long, value_name = "N", default_value_t = 100)]
    paths_per_user: u64,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How paths are weighed
    #[arg(long, value_enum, default_value_t)]
    law: LawArg,
    /// Damping of hubs: each inner node weighs (number of its arcs)^-X
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    damping: f64,
    /// Threads; the result does not depend on it [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LawArg {
    /// Every legal path alike
    #[default]
    UniformPath,
    /// First the end, each alike; then a path to it
    UniformEnd,
    /// As a walk that takes each allowed arc alike, given that it is a legal path
    Walk,
}

impl From<LawArg> for Law {
    fn from(law: LawArg) -> Self {
        match law {
            LawArg::UniformPath => Self::UniformPath,
            LawArg::UniformEnd => Self::UniformEnd,
            LawArg::Walk => Self::Walk,
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Line<'a> {
    pattern: &'a str,
    end: EndSet,
    law: Law,
    damping: f64,
    seed: u64,
    paths_per_user: u64,
    num_paths: u64,
    users_with_paths: u64,
    users_without_paths: u64,
    given_up: u64,
    seconds: f64,
    hash: String,
}

impl SampleArgs {
    fn options(&self) -> Options {
        let (law, ends) = (self.law.into(), self.end.into());
        Options {
            shape: self.pattern.shape().unwrap_or_default(),
            spec: SampleSpec { law, damping: self.damping, ends, seed: self.seed },
            paths_per_user: self.paths_per_user,
            threads: Threads(self.threads),
            replace: self.out.replace(),
        }
    }
}

pub(crate) fn run(args: &SampleArgs) -> Result<(), Failure> {
    let options = args.options();
    let polite = Polite::new();
    let bar = output::bar(1, "sampling");
    let begun = Instant::now();
    let mut progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let outcome = sample::run(&args.kg, &args.out.out, &options, &mut progress, polite.flag())?;
    bar.finish_and_clear();
    let Outcome::Finished(sampled) = outcome else { return Err(Failure::Interrupted) };
    let seconds = begun.elapsed().as_secs_f64();
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &line(&sampled, &options, seconds)).map_err(|e| output(e.into()))?;
        return writeln!(out).map_err(output);
    }
    print_sampled(&mut out, args, &sampled, seconds).map_err(output)
}

fn line<'a>(sampled: &'a Sampled, options: &Options, seconds: f64) -> Line<'a> {
    let s = &sampled.summary;
    Line {
        pattern: &sampled.pattern,
        end: options.spec.ends,
        law: options.spec.law,
        damping: options.spec.damping,
        seed: options.spec.seed,
        paths_per_user: options.paths_per_user,
        num_paths: s.num_paths,
        users_with_paths: s.users_with_paths,
        users_without_paths: s.users_without_paths,
        given_up: s.given_up,
        seconds,
        hash: sampled.manifest.content_hash(),
    }
}

fn print_sampled(out: &mut impl Write, args: &SampleArgs, sampled: &Sampled, seconds: f64) -> io::Result<()> {
    let s = &sampled.summary;
    #[expect(clippy::cast_precision_loss, reason = "a speed for people")]
    let speed = s.num_paths as f64 / seconds.max(1e-9);
    let (paths, with) = (thousands(s.num_paths), thousands(s.users_with_paths));
    writeln!(out, "{}: {paths} paths of {with} users, {speed:.0} paths/s", args.out.out.display())?;
    if s.users_without_paths > 0 {
        writeln!(out, " {} users have no path of this kind", thousands(s.users_without_paths))?;
    }
    if s.given_up > 0 {
        writeln!(out, " {} draws met a node twice too often and were given up", thousands(s.given_up))?;
    }
    writeln!(out, " paths {}", sampled.pattern)
}
