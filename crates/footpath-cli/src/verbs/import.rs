//! `footpath import`

use crate::args::OutArgs;
use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::{Args, ValueEnum};
use footpath::import::{
    self, Columns, CutReport, Format, GraphReport, ImportReport, Imported, MaxBad, MinInteractions, Options,
    RatedAgain, Ratings, Ratios, Severity, Spelling, SplitSpec,
};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Import a data set into a knowledge graph
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath import data/films --out kg
  footpath import movies --out kg --min-rating 4 --split temporal
  footpath import ml-100k --format recbole --out kg --lenient
  footpath import shop --out kg --columns user_id=userId,item_id=productId --split date")]
pub(crate) struct ImportArgs {
    /// Folder with the data: interactions.tsv, triples.tsv, … or RecBole's .inter, .kg, .link, …
    dataset_dir: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// Layout of the folder
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// How to hold out interactions [default: the split column if there is one, else temporal, else random]
    #[arg(long, value_enum)]
    split: Option<SplitArg>,
    /// Shares of train, valid and test
    #[arg(long, value_name = "A,B,C", default_value = "0.8,0.1,0.1", value_parser = ratios)]
    ratios: Ratios,
    /// Drop interactions rated lower
    #[arg(long, value_name = "X")]
    min_rating: Option<f32>,
    /// Which of several different ratings of an item by one user counts, before --min-rating
    #[arg(long, value_enum, default_value_t)]
    rated_again: RatedAgainArg,
    /// Drop users and items with fewer interactions, again and again until none has fewer
    #[arg(long, value_name = "user=N,item=N", value_parser = min_interactions)]
    min_interactions: Option<MinInteractions>,
    /// Drop interactions before this time, written as the log writes times
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Drop interactions at this time and later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Users with fewer interactions stay in train when the split is by shares of each user's log
    #[arg(long, value_name = "N", default_value_t = Options::default().min_history)]
    min_history: usize,
    /// What the files call their columns, or a TOML file that says so; an empty name leaves a column out
    #[arg(long, value_name = "NAME=COLUMN,…", value_parser = columns)]
    columns: Option<Columns>,
    /// Ways of spelling that make no difference between two ids: number (12.0 is 12), zeros, blanks, quotes, case,
    /// accents, local (an IRI is its local name)
    #[arg(long, value_name = "WAY,…", value_delimiter = ',')]
    same_ids: Vec<Spelling>,
    /// Make an item without a link one node with the entity of the same id
    #[arg(long)]
    join_by_id: bool,
    /// Leave out records with an id that means none, such as nan, NULL or \N
    #[arg(long)]
    skip_missing: bool,
    /// Keep one of two relations that state the same facts in both directions
    #[arg(long)]
    merge_inverses: bool,
    /// Let an interaction weigh as much as its rating says, for laws with --edge-weights
    #[arg(long)]
    rating_weights: bool,
    /// Seed of a random split, and of the order of equal times
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Skip bad records, and count them, instead of refusing the data
    #[arg(long)]
    lenient: bool,
    /// Largest share of bad records that --lenient skips
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, requires = "lenient")]
    max_bad: f64,
    /// Most bytes to read, after unpacking
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    /// Tell by the files
    #[default]
    Auto,
    /// A dataset folder: interactions, items, entities, relations, triples
    Native,
    /// RecBole atomic files
    Recbole,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum RatedAgainArg {
    /// The latest
    #[default]
    Last,
    /// The earliest
    First,
    /// The highest
    Max,
    /// None: refuse such data
    Refuse,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitArg {
    /// The latest interactions of each user
    Temporal,
    /// The last interaction of each user for test, the one before for valid
    LeaveOneOut,
    /// What is later than one date, the same for everybody
    Date,
    /// Interactions of each user drawn by the seed
    Random,
    /// As the split column says
    Column,
    /// Nothing is held out
    None,
}

fn ratios(text: &str) -> Result<Ratios, String> {
    let shares: Result<Vec<f64>, _> = text.split(',').map(|s| s.trim().parse::<f64>()).collect();
    match shares.as_deref() {
        Ok(&[train, valid, test]) => Ratios::new(train, valid, test).map_err(|e| e.to_string()),
        _ => Err("expected three numbers such as 0.8,0.1,0.1".to_owned()),
    }
}

/// `NAME=COLUMN,…`, or a file of TOML with the same.
fn columns(text: &str) -> Result<Columns, String> {
    if text.contains('=') || !text.ends_with(".toml") {
        return text.parse::<Columns>().map_err(|e| e.to_string());
    }
    import::read_columns(Path::new(text)).map_err(|e| e.to_string())
}

fn min_interactions(text: &str) -> Result<MinInteractions, String> {
    let mut min = MinInteractions::default();
    for pair in text.split(',') {
        let slot = match pair.split_once('=') {
            Some(("user", number)) => number.parse().ok().map(|number| min.user = number),
            Some(("item", number)) => number.parse().ok().map(|number| min.item = number),
            _ => None,
        };
        slot.ok_or_else(|| format!("`{pair}` is neither user=N nor item=N"))?;
    }
    Ok(min)
}

pub(crate) fn run(args: &ImportArgs, work: &Work) -> Result<(), Failure> {
    let options = Options {
        format: match args.format {
            FormatArg::Auto => Format::Auto,
            FormatArg::Native => Format::Native,
            FormatArg::Recbole => Format::RecBole,
        },
        min_rating: args.min_rating,
        rated_again: match args.rated_again {
            RatedAgainArg::Last => RatedAgain::Last,
            RatedAgainArg::First => RatedAgain::First,
            RatedAgainArg::Max => RatedAgain::Max,
            RatedAgainArg::Refuse => RatedAgain::Refuse,
        },
        min_interactions: args.min_interactions.unwrap_or_default(),
        since: args.since.clone(),
        until: args.until.clone(),
        min_history: args.min_history,
        columns: args.columns.clone().unwrap_or_default(),
        same_ids: args.same_ids.clone(),
        join_by_id: args.join_by_id,
        skip_missing: args.skip_missing,
        merge_inverses: args.merge_inverses,
        rating_weights: args.rating_weights,
        split: split(args),
        lenient: if args.lenient { Some(MaxBad::new(args.max_bad)?) } else { None },
        max_bytes: args.max_bytes.unwrap_or(Options::default().max_bytes),
        ..Options::default()
    };
    let context = work.context();
    let Imported { report, .. } = import::run(&args.dataset_dir, &args.out.out, &options, args.out.replace(), context)?;
    for warning in &report.warnings {
        work.note(&format!("warning: {}: {}", warning.kind, warning.message));
    }
    for finding in &report.findings {
        let word = if finding.severity == Severity::Note { "note" } else { "warning" };
        work.note(&format!("{word}: {finding}"));
    }
    if args.json {
        return work.json(&report);
    }
    work.tell(|out| print_report(out, &report))
}

fn split(args: &ImportArgs) -> SplitSpec {
    let (ratios, seed) = (args.ratios, args.seed);
    match args.split {
        None => SplitSpec::Auto { ratios, seed },
        Some(SplitArg::Temporal) => SplitSpec::Temporal { ratios, seed },
        Some(SplitArg::LeaveOneOut) => SplitSpec::LeaveOneOut { seed },
        Some(SplitArg::Date) => SplitSpec::Date { ratios },
        Some(SplitArg::Random) => SplitSpec::Random { ratios, seed },
        Some(SplitArg::Column) => SplitSpec::Column,
        Some(SplitArg::None) => SplitSpec::None,
    }
}

fn print_report(out: &mut dyn Write, report: &ImportReport) -> io::Result<()> {
    print_graph(out, &report.graph)?;
    let mut table = text::table(&["log", "count"], 1);
    let rows = [
        ("interactions in train", report.graph.num_train),
        ("held out for valid", report.num_valid),
        ("held out for test", report.num_test),
        ("dropped by --since and --until", report.log.num_outside),
        ("dropped by --min-rating", report.log.num_filtered),
        ("dropped by --min-interactions", report.log.num_rare),
        ("duplicate interactions dropped", report.dropped.duplicate_interactions),
        ("duplicate triples dropped", report.dropped.duplicate_triples),
        ("self-loops (kept, never a hop)", report.dropped.self_loops),
        ("held-out items nobody chose in train", report.num_held_out_cold_items),
    ];
    for (what, count) in rows {
        table.add_row([what.to_owned(), thousands(count)]);
    }
    for (kind, count) in &report.skipped {
        table.add_row([format!("bad records skipped: {kind}"), thousands(*count)]);
    }
    text::print(out, &table)?;
    print_cut(out, &report.split, &report.cut)?;
    report.ratings.iter().try_for_each(|ratings| print_ratings(out, ratings))
}

/// Which split was made, why, and what it holds out.
pub(crate) fn print_cut(out: &mut dyn Write, split: &SplitSpec, cut: &CutReport) -> io::Result<()> {
    writeln!(out, " split {} ({})", split.words(), cut.why)?;
    writeln!(out, " {}", cut.words())
}

pub(crate) fn print_ratings(out: &mut dyn Write, ratings: &Ratings) -> io::Result<()> {
    let bars: Vec<String> =
        ratings.histogram.iter().map(|bar| format!("{} ×{}", bar.rating, thousands(bar.count))).collect();
    writeln!(out, " ratings {} to {}: {}", ratings.min, ratings.max, bars.join(", "))
}

/// The part of the report that `info` shares.
pub(crate) fn print_graph(out: &mut dyn Write, graph: &GraphReport) -> io::Result<()> {
    let mut table = text::table(&["graph", "count"], 1);
    table.add_row(["users".to_owned(), thousands(graph.num_users)]);
    table.add_row(["items".to_owned(), thousands(graph.num_items)]);
    table.add_row(["entities".to_owned(), thousands(graph.num_entities)]);
    for kind in &graph.entities {
        table.add_row([format!("  {}", kind.name), thousands(kind.count)]);
    }
    table.add_row(["triples".to_owned(), thousands(graph.num_triples)]);
    for relation in &graph.relations {
        table.add_row([format!("  {}", relation.name), thousands(relation.count)]);
    }
    table.add_row(["items outside the knowledge graph".to_owned(), thousands(graph.num_items_outside_kg)]);
    table.add_row(["items no path can reach".to_owned(), thousands(graph.num_unreachable_items)]);
    table.add_row(["entities without a triple".to_owned(), thousands(graph.num_isolated_entities)]);
    table.add_row(["users without a train interaction".to_owned(), thousands(graph.num_users_without_train)]);
    text::print(out, &table)?;
    if graph.has_weights {
        writeln!(out, " arcs have weights, which --edge-weights asks for")?;
    }
    let d = &graph.degrees;
    writeln!(
        out,
        " degrees: min {}, 10 % {}, median {}, 90 % {}, 99 % {}, max {}\n",
        thousands(d.min),
        thousands(d.p10),
        thousands(d.p50),
        thousands(d.p90),
        thousands(d.p99),
        thousands(d.max)
    )
}
