//! `footpath replay`

use crate::failure::Failure;
use crate::text::{print, table, thousands};
use crate::verbs::import::columns;
use crate::verbs::recommend::SearchArgs;
use crate::work::Work;
use clap::Args;
use footpath::import::Columns;
use footpath::replay::{self, Event, Mean, Options, Replay};
use footpath::{Kg, Model, Service, StoredModel};
use footpath_server::ServeError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Compare models on what users did next
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath replay kg --model today --model tomorrow --events events
  footpath replay kg --model model --events january.tsv --json

Events are gone through in the order of time. Before each, every model makes the list that it would have made then,
from the graph and the user's events so far; what counts is where the item that was chosen stands in it. An item that
the user had chosen before is no target. --events is the folder of footpath serve, or a table with user_id and item_id,
and timestamp where it has one.")]
pub(crate) struct ReplayArgs {
    /// The knowledge graph
    kg: PathBuf,
    /// A model of it; the first is what the others are compared with
    #[arg(long = "model", value_name = "MODEL", required = true)]
    models: Vec<PathBuf>,
    /// What users did: the folder of a server's events, or a table
    #[arg(long, value_name = "DIR|FILE")]
    events: PathBuf,
    /// Length of the lists
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    k: usize,
    #[command(flatten)]
    search: SearchArgs,
    /// What a table calls its columns: user_id=customer
    #[arg(long, value_name = "NAME=COLUMN,…", value_parser = columns)]
    columns: Option<Columns>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &ReplayArgs, work: &Work) -> Result<(), Failure> {
    let context = work.context();
    let events = events(args, work)?;
    let kg = Kg::open(&args.kg, context)?;
    let open = |path: &PathBuf| {
        let stored = StoredModel::open(path)?;
        let service = Service::of(Model::of(Arc::clone(kg.train()), &stored, context)?, context)?;
        Ok((path.display().to_string(), service))
    };
    let models: Vec<(String, Service)> = args.models.iter().map(open).collect::<footpath::Result<_>>()?;
    let options = Options { search: args.search.options(args.k, 1), ..Options::default() };
    let replay = replay::run(&models, &events, &options, context)?;
    if args.json { work.json(&replay) } else { work.tell(|out| show(&replay, out)) }
}

fn events(args: &ReplayArgs, work: &Work) -> Result<Vec<Event>, Failure> {
    let path: &Path = &args.events;
    if !path.is_dir() {
        return Ok(replay::read_table(path, &args.columns.clone().unwrap_or_default(), work.context())?);
    }
    let failed = |source| Failure::Serve(ServeError::Events { folder: path.to_owned(), source });
    footpath_server::read_events(path).map_err(failed)
}

fn show(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    let [users, targets] = [replay.num_users, replay.num_targets].map(|number| thousands(number as u64));
    writeln!(out, "{targets} next items of {users} users; lists of {}, 95 % intervals over users", replay.k)?;
    let mut figures = table(&["", "NDCG", "", "hit rate", "", "MRR", ""], 1);
    for system in &replay.systems {
        let cells = [system.ndcg, system.hit_rate, system.mrr].map(words).concat();
        figures.add_row([vec![system.name.clone()], cells].concat());
    }
    print(out, &figures)?;
    for against in &replay.against_first {
        let (name, difference) = (&against.name, &against.ndcg);
        let first = replay.systems.first().map_or("", |system| &system.name);
        writeln!(
            out,
            "{name} less {first}: NDCG {:+.4} ({:+.4} to {:+.4}), p = {:.4}",
            difference.difference, difference.low, difference.high, difference.p
        )?;
    }
    let left_out = replay.left_out;
    let reasons = [
        (left_out.repeated, "of items that the user had chosen or seen"),
        (left_out.unknown_items, "of items that the graph does not have"),
        (left_out.not_liked, "of items that were seen and not liked"),
    ];
    for (number, what) in reasons.into_iter().filter(|(number, _)| *number > 0) {
        writeln!(out, "no targets: {} events {what}", thousands(number as u64))?;
    }
    let popular = replay.systems.first().map_or(0, |system| system.num_popular_lists);
    match popular {
        0 => Ok(()),
        lists => {
            let lists = thousands(lists as u64);
            writeln!(out, "{lists} lists of each model are popularity's: nothing was known of the user yet")
        }
    }
}

/// A mean, and its interval.
fn words(mean: Mean) -> Vec<String> {
    vec![format!("{:.4}", mean.mean), format!("{:.4}–{:.4}", mean.low, mean.high)]
}
