//! `footpath import`

use crate::args::replace;
use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::{Args, ValueEnum};
use footpath::import::{
    self, Columns, CutReport, Explained, FactsReport, Format, GraphReport, ImportReport, Imported, Inputs, Mapping,
    MaxBad, MinInteractions, Options, RatedAgain, Ratings, Ratios, Severity, Spelling, SplitSpec,
};
use footpath_server::ServeError;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Import a data set, or a knowledge graph alone, into a knowledge graph
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath import data/films --out kg
  footpath import movies --out kg --min-rating 4 --split temporal
  footpath import ml-100k --format recbole --out kg --lenient
  footpath import shop --out kg --columns user_id=userId,item_id=productId --split date
  footpath import Data/amazon-book --out kg
  footpath import FB15k-237 --format openke --out kg
  footpath import kg_parts/*.tsv --interactions clicks.csv --join-by-id --out kg
  footpath import dbpedia.nt.gz --mapping films.toml --interactions ratings.csv --out kg
  footpath import --onto kg new_facts --interactions clicks.csv --out kg2
  footpath import --onto kg --events events --removed gone.tsv --out kg2
  footpath import --explain Data/amazon-book")]
pub(crate) struct ImportArgs {
    /// Folders and files with the data, all in one layout; - is standard input
    #[arg(required_unless_present = "onto", value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    out: OptionalOutArgs,
    /// Say what would be read as what, and write nothing
    #[arg(long, conflicts_with_all = ["out", "force"])]
    explain: bool,
    /// Layout of the data
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// A table of interactions that lies elsewhere: with user_id and item_id, or RecBole's .inter
    #[arg(long, value_name = "FILE")]
    interactions: Option<PathBuf>,
    /// Add to this graph, as if its files and these were imported together: filters, spelling and, unless --split is
    /// given, the split are those it was made with
    #[arg(long, value_name = "KG", conflicts_with_all = [
        "min_rating", "rated_again", "min_interactions", "since", "until", "min_history", "same_ids", "join_by_id",
        "join_users_by_id", "skip_missing", "merge_inverses", "rating_weights",
    ])]
    onto: Option<PathBuf>,
    /// Add what was chosen, from the folder of events of `footpath serve`
    #[arg(long, value_name = "DIR", requires = "onto")]
    events: Option<PathBuf>,
    /// Facts (head, relation, tail) or interactions (user_id, item_id) to take back; may be given several times
    #[arg(long, value_name = "FILE")]
    removed: Vec<PathBuf>,
    /// A table of numbers, dates or truth values of items, which rules of `footpath serve` compare: item_id, and a
    /// column for each attribute
    #[arg(long, value_name = "FILE")]
    attributes: Option<PathBuf>,
    /// Columns of the table of items that are attributes too
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    attribute_columns: Vec<String>,
    /// What is what in a graph that does not say so, as for RDF: items, types, labels, relations, interactions
    #[arg(long, value_name = "MAP.toml")]
    mapping: Option<PathBuf>,
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
    /// Make a user without a link one node with the entity of the same id
    #[arg(long)]
    join_users_by_id: bool,
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
    /// Refuse data of which something serious is found, such as ids that do not meet; else that is a warning
    #[arg(long)]
    strict: bool,
    /// Skip bad records, and count them, instead of refusing the data
    #[arg(long, conflicts_with = "strict")]
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

/// Where to write, which an explanation does not need.
#[derive(Debug, Args)]
#[group(skip)]
struct OptionalOutArgs {
    /// Directory to create
    #[arg(long, value_name = "DIR", required_unless_present = "explain")]
    out: Option<PathBuf>,
    /// Replace the directory if it is an artefact already
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    /// Tell by the files
    #[default]
    Auto,
    /// A dataset folder: interactions, items, entities, relations, triples
    Native,
    /// RecBole atomic files, and hopwise's
    Recbole,
    /// KGAT, KGIN, KGCN: kg_final.txt, train.txt, test.txt or ratings_final.txt, all numbers
    Kgat,
    /// PEARLM, KGGLM: a folder preprocessed with kg_final.txt, e_map.txt, i2kg_map.txt, …
    Pearlm,
    /// PGPR, CAFE: a file for each relation, brand_p_b.txt.gz, …, where the number of a line counts
    Pgpr,
    /// OpenKE: train2id.txt, entity2id.txt, …, with counts, head before tail before relation
    Openke,
    /// The tables of a dataset folder as Parquet files, or folders of them
    Parquet,
    /// The same as files of Arrow's IPC: Feather, or streams
    Arrow,
    /// RDF: N-Triples, N-Quads, Turtle, TriG, RDF/XML, JSON-LD
    Rdf,
    /// A property graph: CSV for neo4j-admin, or APOC's export.csv.all and export.json.all
    Neo4j,
    /// PyKEEN: triples with tabs and without a header, or its numeric_triples.tsv.gz
    Pykeen,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Auto => Self::Auto,
            FormatArg::Native => Self::Native,
            FormatArg::Recbole => Self::RecBole,
            FormatArg::Kgat => Self::Kgat,
            FormatArg::Pearlm => Self::Pearlm,
            FormatArg::Pgpr => Self::Pgpr,
            FormatArg::Openke => Self::OpenKe,
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Arrow => Self::Arrow,
            FormatArg::Rdf => Self::Rdf,
            FormatArg::Neo4j => Self::Neo4j,
            FormatArg::Pykeen => Self::PyKeen,
        }
    }
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
pub(crate) fn columns(text: &str) -> Result<Columns, String> {
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
    if args.onto.is_some() && args.split.is_none() && (args.ratios != Ratios::default() || args.seed != 1) {
        let reason = "the graph is cut as it was; give --split as well to cut it in another way".to_owned();
        return Err(footpath::Error::Usage { option: "ratios", reason }.into());
    }
    let options = Options {
        format: args.format.into(),
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
        attributes: args.attribute_columns.clone(),
        same_ids: args.same_ids.clone(),
        join_by_id: args.join_by_id,
        join_users_by_id: args.join_users_by_id,
        skip_missing: args.skip_missing,
        merge_inverses: args.merge_inverses,
        mapping: args.mapping.as_deref().map(Mapping::read).transpose()?.map(Box::new),
        rating_weights: args.rating_weights,
        split: split(args),
        strict: args.strict,
        lenient: if args.lenient { Some(MaxBad::new(args.max_bad)?) } else { None },
        max_bytes: args.max_bytes.unwrap_or(Options::default().max_bytes),
        ..Options::default()
    };
    let (inputs, _piped) = inputs(args)?;
    let Some(out) = args.out.out.as_ref().filter(|_| !args.explain) else {
        let explained = import::explain(&inputs, &options)?;
        return if args.json { work.json(&explained) } else { work.tell(|out| print_explained(out, &explained)) };
    };
    let context = work.context();
    let Imported { report, .. } = import::run_from(&inputs, out, &options, replace(args.out.force), context)?;
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

/// What to import. What comes from standard input is put into a file first, since a table is looked at before it is
/// read; the file is there as long as what is returned beside.
fn inputs(args: &ImportArgs) -> Result<(Inputs, Option<NamedTempFile>), Failure> {
    let is_piped = |path: &&PathBuf| path.as_os_str() == "-";
    let piped = args.inputs.iter().filter(is_piped).count() > 0;
    let file = if piped { Some(spool(args.max_bytes)?) } else { None };
    let of = |path: &PathBuf| match &file {
        Some(file) if is_piped(&path) => file.path().to_owned(),
        _ => path.clone(),
    };
    let paths = args.inputs.iter().map(of).collect();
    let events = match &args.events {
        Some(folder) => footpath_server::read_choices(folder)
            .map_err(|source| Failure::Serve(ServeError::Events { folder: folder.clone(), source }))?,
        None => Vec::new(),
    };
    let inputs = Inputs {
        paths,
        interactions: args.interactions.clone(),
        attributes: args.attributes.clone(),
        onto: args.onto.clone(),
        removed: args.removed.clone(),
        events,
    };
    Ok((inputs, file))
}

fn spool(max_bytes: Option<u64>) -> Result<NamedTempFile, Failure> {
    let spooled = || {
        let mut file = tempfile::Builder::new().prefix("stdin-").tempfile()?;
        let limit = max_bytes.unwrap_or(Options::default().max_bytes);
        io::copy(&mut io::stdin().lock().take(limit.saturating_add(1)), &mut file)?;
        file.flush()?;
        Ok(file)
    };
    let error = |source: io::Error| footpath::CoreError::Io { path: PathBuf::from("(standard input)"), source };
    Ok(spooled().map_err(error)?)
}

fn print_explained(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    let Explained { format, why, read, not_read } = explained;
    writeln!(out, "{}: {}", format.name(), text::with_flags(why))?;
    for planned in read {
        writeln!(out, " {}: {}", planned.path.display(), planned.what)?;
    }
    if !not_read.is_empty() {
        writeln!(out, " not read: {}", not_read.join(", "))?;
    }
    Ok(())
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
    let has_log = has_log(report);
    let mut table = text::table(&[if has_log { "log" } else { "facts" }, "count"], 1);
    let of_log = [
        ("interactions in train", report.graph.num_train),
        ("held out for valid", report.num_valid),
        ("held out for test", report.num_test),
        ("dropped by --since and --until", report.log.num_outside),
        ("dropped by --min-rating", report.log.num_filtered),
        ("dropped by --min-interactions", report.log.num_rare),
        ("duplicate interactions dropped", report.dropped.duplicate_interactions),
    ];
    let of_facts = [
        ("duplicate triples dropped", report.dropped.duplicate_triples),
        ("self-loops (kept, never a hop)", report.dropped.self_loops),
    ];
    let removed = [("facts and interactions taken back", report.num_removed)];
    let removed = removed.into_iter().filter(|(_, count)| *count > 0);
    let cold = [("held-out items nobody chose in train", report.num_held_out_cold_items)];
    let of_log = of_log.into_iter().filter(|_| has_log);
    for (what, count) in of_log.chain(of_facts).chain(removed).chain(cold.into_iter().filter(|_| has_log)) {
        table.add_row([what.to_owned(), thousands(count)]);
    }
    for (what, count) in report.held_out_facts.iter().flat_map(of_held_out_facts) {
        table.add_row([what.to_owned(), thousands(count)]);
    }
    for (kind, count) in &report.skipped {
        table.add_row([format!("bad records skipped: {kind}"), thousands(*count)]);
    }
    text::print(out, &table)?;
    if has_log {
        print_cut(out, &report.split, &report.cut)?;
    }
    report.ratings.iter().try_for_each(|ratings| print_ratings(out, ratings))
}

/// Whether there were interactions, kept or dropped.
fn has_log(report: &ImportReport) -> bool {
    report.graph.num_users > 0 || report.log.num_read > 0
}

fn of_held_out_facts(facts: &FactsReport) -> [(&'static str, u64); 6] {
    [
        ("facts held out for valid", facts.num_valid),
        ("facts held out for test", facts.num_test),
        ("held-out facts stated again", facts.num_repeated),
        ("train facts dropped: held out as well", facts.num_same),
        ("train facts dropped: a held-out one turned round", facts.num_inverse),
        ("train facts dropped: a held-out one by another relation", facts.num_other_relation),
    ]
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
    let (has_users, has_items) = (graph.num_users > 0, graph.num_items > 0);
    if has_users {
        table.add_row(["users".to_owned(), thousands(graph.num_users)]);
    }
    if has_users || has_items {
        table.add_row(["items".to_owned(), thousands(graph.num_items)]);
    }
    table.add_row(["entities".to_owned(), thousands(graph.num_entities)]);
    for kind in &graph.entities {
        table.add_row([format!("  {}", kind.name), thousands(kind.count)]);
    }
    table.add_row(["triples".to_owned(), thousands(graph.num_triples)]);
    for relation in &graph.relations {
        table.add_row([format!("  {}", relation.name), thousands(relation.count)]);
    }
    let of_items = "items outside the knowledge graph";
    let rows = [
        (of_items, graph.num_items_outside_kg, has_users || has_items),
        ("items no path can reach", graph.num_unreachable_items, has_users),
        ("entities without a triple", graph.num_isolated_entities, true),
        ("users without a train interaction", graph.num_users_without_train, has_users),
    ];
    for (what, count, _) in rows.into_iter().filter(|(.., is_told)| *is_told) {
        table.add_row([what.to_owned(), thousands(count)]);
    }
    text::print(out, &table)?;
    for attribute in &graph.attributes {
        let (name, kind) = (&attribute.name, attribute.kind.name());
        writeln!(out, " attribute {name} ({kind}) of {} items", thousands(attribute.num_items))?;
    }
    for further in &graph.further_types {
        writeln!(out, " further type {} of {} nodes", further.name, thousands(further.count))?;
    }
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
