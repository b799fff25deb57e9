//! `footpath sample`

use crate::args::{End, OutArgs, PatternArgs, one_pattern, refuse_overlap};
use crate::failure::Failure;
use crate::text::thousands;
use crate::work::Work;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, ValueEnum};
use footpath::Kg;
use footpath::pattern::Shape;
use footpath::sample::{
    self, Amount, EndSet, Law, Options, Part, Quota, Replacement, SampleSpec, Sampled, Shard, UserRange, Views,
};
use serde::Serialize;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

/// Sample a corpus of paths, exactly by a stated law
#[derive(Debug, Args)]
#[command(group = one_pattern().arg("walk").required(true), group = one_quota(), after_help = EXAMPLES)]
pub(crate) struct SampleArgs {
    /// The knowledge graph
    kg: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    pattern: PatternArgs,
    /// A pattern of walks between any nodes, such as '(:entity)-[]-{4}()', for pre-training; needs --end any
    #[arg(long, value_name = "PATTERN")]
    walk: Option<String>,
    /// Where paths may end
    #[arg(long, value_enum, default_value_t)]
    end: End,
    #[command(flatten)]
    quota: QuotaArgs,
    /// No path twice for the same user; one who has fewer gets them all
    #[arg(long)]
    distinct: bool,
    /// Seed of every random draw
    #[arg(long, default_value_t = SampleSpec::default().seed)]
    seed: u64,
    #[command(flatten)]
    law: LawArgs,
    /// One part of the users, such as 0/4; `footpath corpus concat` makes the whole of all parts
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    /// Some of the users by number, in the order of their ids: from 0 to all of them, END left out; parts likewise
    #[arg(long, value_name = "FIRST..END", value_parser = range, conflicts_with = "shard")]
    range: Option<Range<u32>>,
    /// How the law walk finds its hops; the result does not depend on it
    #[arg(long, value_enum, default_value_t)]
    views: ViewsArg,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  footpath sample kg --out corpus --hops 3 --seed 7
  footpath sample kg --out corpus --hops 3 --end unseen --law uniform-end --damping 0.5
  footpath sample kg --out corpus --pattern '(:user)-[:interacted]->(:item)-[]-(:person)-[]-(:item)' --distinct
  footpath sample kg --out corpus --hops 3 --edge-weights --relation-weight directed_by=2
  footpath sample kg --out corpus --patterns mixture.toml --num-paths 1000000 --shard 0/4
  footpath sample kg --out part --hops 3 --end any --law walk --shard 7/1000 --views auto
  footpath sample kg --out part --hops 3 --range 0..120
  footpath sample kg --out walks --walk '(:entity)-[]-{4}()' --end any --law walk

The corpus is the same, byte for byte, for any number of threads, and however hops are found.";

/// How many paths.
#[derive(Debug, Args)]
#[group(skip)]
struct QuotaArgs {
    /// Paths for each user that has any
    #[arg(long, value_name = "N", default_value_t = Amount::PATHS_PER_USER)]
    paths_per_user: u64,
    /// Paths for each user and each end that the user has a path to
    #[arg(long, value_name = "N")]
    paths_per_end: Option<u64>,
    /// Paths in all, shared out in proportion to the numbers of paths of the users
    #[arg(long, value_name = "N")]
    num_paths: Option<u64>,
    /// Every path once, at most N of a user
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1000000")]
    all_paths: Option<u64>,
}

fn one_quota() -> ArgGroup {
    ArgGroup::new("quota").args(["paths_per_user", "paths_per_end", "num_paths", "all_paths"]).multiple(false)
}

impl QuotaArgs {
    fn quota(&self) -> Quota {
        let per_end = self.paths_per_end.map(Quota::PerEnd);
        let total = self.num_paths.map(Quota::Total);
        per_end.or(total).or(self.all_paths.map(Quota::Every)).unwrap_or(Quota::PerUser(self.paths_per_user))
    }
}

/// How paths are weighed.
#[derive(Debug, Args)]
#[group(skip)]
struct LawArgs {
    /// How paths are weighed
    #[arg(long, value_parser = laws(), default_value_t)]
    law: Law,
    /// Damping of hubs: each inner node weighs (number of its arcs)^-X
    #[arg(long, value_name = "X", default_value_t = SampleSpec::default().damping)]
    damping: f64,
    /// Damping of popular ends: each end weighs (number of its train interactions)^-X
    #[arg(long, value_name = "X", default_value_t = SampleSpec::default().end_damping)]
    end_damping: f64,
    /// Weight of a relation, both ways; can be given for several
    #[arg(long = "relation-weight", value_name = "NAME=X", value_parser = relation_weight)]
    relation_weights: Vec<(String, f64)>,
    /// Let every hop weigh what the graph says: the column `weight` of its triples, and ratings imported with
    /// --rating-weights
    #[arg(long)]
    edge_weights: bool,
    /// Let paths meet a node more than once
    #[arg(long)]
    walks: bool,
    /// The end must have been chosen later than the item of the first hop, where both have times
    #[arg(long)]
    causal: bool,
}

fn range(text: &str) -> Result<Range<u32>, String> {
    let bounds = text.split_once("..").map(|(first, end)| (first.parse(), end.parse()));
    match bounds {
        Some((Ok(first), Ok(end))) if first <= end => Ok(first..end),
        _ => Err("write first..end, numbers of users from 0, the last one left out".to_owned()),
    }
}

pub(crate) fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').map(|(index, of)| (index.parse(), of.parse()));
    match parts {
        Some((Ok(index), Ok(of))) if index < of => Ok(Shard { index, of }),
        _ => Err("write part/parts, from 0/N to (N-1)/N".to_owned()),
    }
}

pub(crate) fn relation_weight(text: &str) -> Result<(String, f64), String> {
    let (name, weight) = text.rsplit_once('=').ok_or("write the relation, `=`, and its weight")?;
    let weight = weight.parse().map_err(|_| format!("{weight:?} is not a number"))?;
    Ok((name.to_owned(), weight))
}

/// The laws by their names, with what they say of themselves.
fn laws() -> impl TypedValueParser<Value = Law> {
    let value = |law: Law| PossibleValue::new(law.name()).help(law.about());
    PossibleValuesParser::new(Law::ALL.map(value)).try_map(|name| name.parse::<Law>())
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ViewsArg {
    /// Whichever takes less time for the number of paths
    #[default]
    Auto,
    /// The pattern is compiled for the graph: a copy of its arcs for each of its hops
    Compiled,
    /// On the graph's own arcs with nothing prepared: slow, but soonest for a few paths; only where every hop counts
    /// alike
    Sought,
}

impl From<ViewsArg> for Views {
    fn from(views: ViewsArg) -> Self {
        match views {
            ViewsArg::Auto => Self::Auto,
            ViewsArg::Compiled => Self::Compiled,
            ViewsArg::Sought => Self::Sought,
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Line<'a> {
    pattern: &'a str,
    end: EndSet,
    #[serde(flatten)]
    spec: &'a SampleSpec,
    quota: Quota,
    replacement: Replacement,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<UserRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<Shard>,
    num_paths: u64,
    users_with_paths: u64,
    users_without_paths: u64,
    given_up: u64,
    users_cut_short: u64,
    seconds: f64,
    hash: String,
}

impl SampleArgs {
    fn options(&self) -> Options {
        let shape = self.walk.clone().map(Shape::Walk).or_else(|| self.pattern.shape());
        let spec = SampleSpec {
            law: self.law.law,
            damping: self.law.damping,
            end_damping: self.law.end_damping,
            relation_weights: self.law.relation_weights.iter().cloned().collect(),
            edge_weights: self.law.edge_weights,
            ends: self.end.into(),
            simple: !self.law.walks,
            causal: self.law.causal,
            seed: self.seed,
        };
        Options {
            shape: shape.unwrap_or_default(),
            spec,
            amount: Amount {
                quota: self.quota.quota(),
                replacement: if self.distinct { Replacement::Without } else { Replacement::With },
                views: self.views.into(),
            },
            part: match &self.range {
                Some(range) => Part::Range(range.clone()),
                None => Part::Shard(self.shard.unwrap_or_default()),
            },
            replace: self.out.replace(),
        }
    }
}

pub(crate) fn run(args: &SampleArgs, work: &Work) -> Result<(), Failure> {
    refuse_overlap(&args.out.out, [Some(&args.kg)])?;
    let options = args.options();
    let begun = Instant::now();
    let kg = Kg::open(&args.kg, work.context())?;
    let sampled = sample::run(&kg, &args.out.out, &options, work.context())?;
    let seconds = begun.elapsed().as_secs_f64();
    if args.json {
        return work.json(&line(&sampled, &options, seconds));
    }
    work.tell(|out| print_sampled(out, args, &sampled, seconds))
}

fn line<'a>(sampled: &'a Sampled, options: &'a Options, seconds: f64) -> Line<'a> {
    let s = &sampled.summary;
    Line {
        pattern: &sampled.pattern,
        end: options.spec.ends,
        spec: &options.spec,
        quota: options.amount.quota,
        replacement: options.amount.replacement,
        range: sampled.range,
        shard: sampled.shard,
        num_paths: s.num_paths,
        users_with_paths: s.users_with_paths,
        users_without_paths: s.users_without_paths,
        given_up: s.given_up,
        users_cut_short: s.users_cut_short,
        seconds,
        hash: sampled.manifest.content_hash(),
    }
}

fn print_sampled(out: &mut dyn Write, args: &SampleArgs, sampled: &Sampled, seconds: f64) -> io::Result<()> {
    let s = &sampled.summary;
    #[expect(clippy::cast_precision_loss, reason = "a speed for people")]
    let speed = s.num_paths as f64 / seconds.max(1e-9);
    let (paths, with) = (thousands(s.num_paths), thousands(s.users_with_paths));
    let (of, starts) = if args.walk.is_some() { ("from", "nodes") } else { ("of", "users") };
    writeln!(out, "{}: {paths} paths {of} {with} {starts}, {speed:.0} paths/s", args.out.out.display())?;
    if s.users_without_paths > 0 {
        let what = if args.walk.is_some() { "nodes start none of them" } else { "users have no path of this kind" };
        writeln!(out, " {} {what}", thousands(s.users_without_paths))?;
    }
    if s.given_up > 0 {
        writeln!(out, " {} paths asked for were not found, although there may be more", thousands(s.given_up))?;
    }
    if s.users_cut_short > 0 {
        writeln!(out, " {} {starts} have more paths than were asked for", thousands(s.users_cut_short))?;
    }
    writeln!(out, " paths {}", sampled.pattern)
}
