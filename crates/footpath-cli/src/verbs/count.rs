//! `footpath count`

use crate::args::{End, PatternArgs, one_pattern};
use crate::failure::{Failure, output};
use crate::output::{self, thousands};
use clap::Args;
use footpath::Threads;
use footpath::sample::{self, Counted};
use footpath_graph::sample::EndSet;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// Count the paths of every user
#[derive(Debug, Args)]
#[command(group = one_pattern().required(true), after_help = "Examples:
  footpath count kg --hops 3
  footpath count kg --pattern '(:user)-[:interacted]->(:item)-[]-(:person)-[]-(:item)' --end unseen --json")]
pub(crate) struct CountArgs {
    /// The knowledge graph
    kg: PathBuf,
    #[command(flatten)]
    pattern: PatternArgs,
    /// Where paths may end
    #[arg(long, value_enum, default_value_t)]
    end: End,
    /// Threads; the result does not depend on it [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Line<'a> {
    pattern: &'a str,
    end: EndSet,
    num_users: u64,
    users_without_paths: u64,
    min: u64,
    median: u64,
    mean: f64,
    max: u64,
    total: u128,
    exact: bool,
}

pub(crate) fn run(args: &CountArgs) -> Result<(), Failure> {
    let bar = output::bar(1, "counting");
    let counted = sample::count(
        &args.kg,
        &args.pattern.shape().unwrap_or_default(),
        args.end.into(),
        Threads(args.threads),
        &mut |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        },
    )?;
    bar.finish_and_clear();
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &line(&counted, args.end.into())).map_err(|e| output(e.into()))?;
        return writeln!(out).map_err(output);
    }
    print_counted(&mut out, &counted).map_err(output)
}

fn line(counted: &Counted, end: EndSet) -> Line<'_> {
    let s = &counted.summary;
    Line {
        pattern: &counted.pattern,
        end,
        num_users: s.num_users,
        users_without_paths: s.users_without_paths,
        min: s.min,
        median: s.median,
        mean: s.mean,
        max: s.max,
        total: s.total,
        exact: s.exact,
    }
}

fn print_counted(out: &mut impl Write, counted: &Counted) -> io::Result<()> {
    let s = &counted.summary;
    let mut table = output::table(&["paths of a user", "count"], 1);
    let rows = [
        ("fewest", thousands(s.min)),
        ("median", thousands(s.median)),
        ("mean", format!("{:.1}", s.mean)),
        ("most", thousands(s.max)),
        ("of all users", thousands(s.total)),
    ];
    for (what, count) in rows {
        table.add_row([what.to_owned(), count]);
    }
    output::print(out, &table)?;
    writeln!(out, " {} users, {} without a path", thousands(s.num_users), thousands(s.users_without_paths))?;
    if !s.exact {
        writeln!(out, " upper bounds: walks that meet a node again after three hops or more are counted too")?;
    }
    writeln!(out, " paths {}", counted.pattern)
}
