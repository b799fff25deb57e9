//! `footpath count`

use crate::args::{End, PatternArgs, one_pattern};
use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::Args;
use footpath::Kg;
use footpath::pattern::Shape;
use footpath::sample::{self, Counted};
use std::io::{self, Write};
use std::path::PathBuf;

/// Count the paths of every user, or the walks from every node
#[derive(Debug, Args)]
#[command(group = one_pattern().arg("walk").required(true), after_help = "Examples:
  footpath count kg --hops 3
  footpath count kg --walk '(:entity)-[]-{2}()' --end any
  footpath count kg --pattern '(:user)-[:interacted]->(:item)-[]-(:person)-[]-(:item)' --end unseen --json")]
pub(crate) struct CountArgs {
    /// The knowledge graph
    kg: PathBuf,
    #[command(flatten)]
    pattern: PatternArgs,
    /// A pattern of walks between any nodes; needs --end any
    #[arg(long, value_name = "PATTERN")]
    walk: Option<String>,
    /// Where paths may end
    #[arg(long, value_enum, default_value_t)]
    end: End,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &CountArgs, work: &Work) -> Result<(), Failure> {
    let kg = Kg::open(&args.kg, work.context())?;
    let shape = args.walk.clone().map(Shape::Walk).or_else(|| args.pattern.shape()).unwrap_or_default();
    let counted = sample::count(&kg, &shape, args.end.into(), work.context())?;
    if args.json {
        return work.json(&counted);
    }
    work.tell(|out| print_counted(out, &counted, args.walk.is_some()))
}

fn print_counted(out: &mut dyn Write, counted: &Counted, are_walks: bool) -> io::Result<()> {
    let s = &counted.summary;
    let (of_one, of_all, starts) = match are_walks {
        false => ("paths of a user", "of all users", "users"),
        true => ("walks from a node", "from all nodes", "nodes to start at"),
    };
    let mut table = text::table(&[of_one, "count"], 1);
    let rows = [
        ("fewest", thousands(s.min)),
        ("median", thousands(s.median)),
        ("mean", format!("{:.1}", s.mean)),
        ("most", thousands(s.max)),
        (of_all, thousands(s.total)),
    ];
    for (what, count) in rows {
        table.add_row([what.to_owned(), count]);
    }
    text::print(out, &table)?;
    writeln!(out, " {} {starts}, {} without a path", thousands(s.num_users), thousands(s.users_without_paths))?;
    if !s.exact {
        writeln!(out, " upper bounds: walks that meet a node again after three hops or more are counted too")?;
    }
    writeln!(out, " paths {}", counted.pattern)
}
