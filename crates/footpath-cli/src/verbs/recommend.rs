//! `footpath recommend`

use crate::failure::Failure;
use crate::output;
use clap::Args;
use footpath::recommend::{List, Options, Session};
use footpath::{Replace, Threads};
use footpath_core::NodeId;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Recommend items, each with the path that explains it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath recommend model --kg kg --user user-001
  footpath recommend model --kg kg --all -k 20 --json --out recs.jsonl
  footpath recommend model --kg kg --users ids.txt --tsv")]
pub(crate) struct RecommendArgs {
    /// The model
    model: PathBuf,
    /// The knowledge graph it was trained on
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    #[command(flatten)]
    users: UserArgs,
    /// Items for each user
    #[arg(short, value_name = "K", default_value_t = Options::default().k)]
    k: usize,
    /// Prefixes kept for each user at each token
    #[arg(long, value_name = "N", default_value_t = Options::default().beams)]
    beams: usize,
    /// Paths shown for each item
    #[arg(long, value_name = "N", default_value_t = 1)]
    paths: usize,
    /// One JSON object for each user and line
    #[arg(long, conflicts_with = "tsv")]
    json: bool,
    /// Tab-separated: user, rank, item, score
    #[arg(long)]
    tsv: bool,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Threads; the result does not depend on it [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
}

#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct UserArgs {
    /// One user
    #[arg(long, value_name = "U")]
    user: Option<String>,
    /// A file of users, one id on each line
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// All users
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: &RecommendArgs) -> Result<(), Failure> {
    let options = Options { k: args.k, beams: args.beams, paths_per_item: args.paths };
    options.validate()?;
    let replace = if args.force { Replace::Yes } else { Replace::No };
    if let Some(out) = &args.out
        && replace == Replace::No
        && out.symlink_metadata().is_ok()
    {
        return Err(footpath_core::Error::Exists { path: out.clone() }.into());
    }
    let session = Session::open(&args.model, &args.kg, &args.device)?;
    let users = users(&session, &args.users)?;
    let bar = output::bar(users.len() as u64, "recommending");
    let lists =
        Threads(args.threads).run(|| session.recommend(&users, options, &mut |done| bar.set_position(done as u64)))?;
    bar.finish_and_clear();
    output::to_file_or_stdout(args.out.as_deref(), replace, |out| {
        if args.json {
            write_json(out, &lists)
        } else if args.tsv {
            write_tsv(out, &lists)
        } else {
            lists.iter().try_for_each(|list| print_list(out, list))
        }
    })
}

fn users(session: &Session, args: &UserArgs) -> Result<Vec<NodeId>, Failure> {
    if let Some(id) = &args.user {
        return Ok(vec![session.warm_user(id)?]);
    }
    let Some(path) = &args.users else {
        return Ok(session.kg().users().map(NodeId).collect());
    };
    let ids = read_ids(path)?;
    Ok(ids.iter().map(|id| session.warm_user(id)).collect::<Result<_, _>>()?)
}

fn read_ids(path: &Path) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(path).map_err(footpath_core::Error::io(path))?;
    Ok(text.trim_start_matches('\u{feff}').lines().map(str::to_owned).filter(|l| !l.is_empty()).collect())
}

fn write_json(out: &mut dyn Write, lists: &[List]) -> io::Result<()> {
    for list in lists {
        serde_json::to_writer(&mut *out, list)?;
        writeln!(out)?;
    }
    Ok(())
}

fn write_tsv(out: &mut dyn Write, lists: &[List]) -> io::Result<()> {
    writeln!(out, "user\trank\titem\tscore")?;
    for list in lists {
        for item in &list.items {
            writeln!(out, "{}\t{}\t{}\t{:.6}", list.user, item.rank, item.item, item.score)?;
        }
    }
    Ok(())
}

/// The list of one user as a table, with a sentence for each item.
pub(crate) fn print_list(mut out: &mut dyn Write, list: &List) -> io::Result<()> {
    writeln!(out, "Recommendations for {}", list.user)?;
    let mut table = output::table(&["#", "item", "because", "score", "confidence"], 3);
    for item in &list.items {
        let because = item.text.replace("; ", ";\n");
        let (score, confidence) = (format!("{:.3}", item.score), format!("{:.0} %", item.confidence * 100.0));
        table.add_row([item.rank.to_string(), item.label.clone(), because, score, confidence]);
    }
    output::print(&mut out, &table)?;
    if let Some(reason) = &list.reason {
        writeln!(out, " {reason}")?;
    }
    writeln!(out)
}
