//! `footpath link`

use crate::args::refuse_overlap;
use crate::failure::Failure;
use crate::text::thousands;
use crate::verbs::import::columns;
use crate::work::Work;
use clap::Args;
use footpath::import::Columns;
use footpath::link::{self, Entities, Options, Outcome, Proposals};
use footpath::{Kg, artefact};
use std::path::PathBuf;

/// Propose which entity of a graph each item of a log is, by title and year
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath import dbpedia.nt.gz --out dbpedia
  footpath link movies.csv --entities dbpedia --type Film --out links.tsv
  footpath import dbpedia.nt.gz --mapping map.toml --interactions ratings.csv --out kg

with items = { table = \"links.tsv\" } in map.toml. Titles are compared without case, accents, punctuation, articles and
brackets; then by the share of characters that edits leave. Two entities that are equally near are never decided
between: look at the rows with the outcomes near and ambiguous.")]
pub(crate) struct LinkArgs {
    /// Table of the items: item_id, title, and year where it has one
    items: PathBuf,
    /// A graph, or a table with entity_id, label, and type and year where it has them
    #[arg(long, value_name = "KG|FILE")]
    entities: PathBuf,
    /// Only entities of this type; can be given for several
    #[arg(long = "type", value_name = "TYPE")]
    kinds: Vec<String>,
    /// Lowest score of a proposal, above 0 and at most 1
    #[arg(long, value_name = "X", default_value_t = Options::default().min_score)]
    min_score: f64,
    /// What the files call their columns: title=name,year=release
    #[arg(long, value_name = "NAME=COLUMN,…", value_parser = columns)]
    columns: Option<Columns>,
    /// Where to write the table; standard output without it
    #[arg(long, value_name = "FILE.tsv")]
    out: Option<PathBuf>,
    /// Replace the table if it exists
    #[arg(long)]
    force: bool,
    /// Print the number of items of each outcome as one JSON object; needs --out
    #[arg(long, requires = "out")]
    json: bool,
}

pub(crate) fn run(args: &LinkArgs, work: &Work) -> Result<(), Failure> {
    let replace = crate::args::replace(args.force);
    if let Some(out) = &args.out {
        refuse_overlap(out, [Some(&args.items), Some(&args.entities)])?;
        artefact::refuse_existing_file(out, replace)?;
    }
    let options = Options { kinds: args.kinds.clone(), min_score: args.min_score };
    let columns = args.columns.clone().unwrap_or_default();
    let graph = args.entities.is_dir().then(|| Kg::open(&args.entities, work.context())).transpose()?;
    let entities = graph.as_ref().map_or(Entities::Table(&args.entities), Entities::Graph);
    let proposals = link::run(&args.items, entities, &columns, &options, work.context())?;
    work.to_file_or_stdout(args.out.as_deref(), replace, |mut out| proposals.write(&mut out))?;
    tell(&proposals, args, work)
}

/// Says how many items came out how; on standard error where the table goes to standard output.
fn tell(proposals: &Proposals, args: &LinkArgs, work: &Work) -> Result<(), Failure> {
    let summary = proposals.summary();
    if args.json {
        return work.json(&summary);
    }
    let items = |outcome: Outcome, what: &str| {
        let number = summary.outcomes.get(&outcome).copied().unwrap_or(0);
        format!("  {:>9}  {what}", thousands(number as u64))
    };
    let lines = [
        format!("{} items, {} entities", thousands(summary.items as u64), thousands(summary.entities as u64)),
        items(Outcome::Same, "same title"),
        items(Outcome::Near, "nearly the same title: look at them"),
        items(Outcome::Ambiguous, "several entities equally near: none is proposed"),
        items(Outcome::Taken, "the entity is another item's"),
        items(Outcome::None, "no entity near enough"),
    ];
    match args.out {
        Some(_) => work.tell(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}"))),
        None => {
            lines.iter().for_each(|line| work.note(line));
            Ok(())
        }
    }
}
