//! `footpath export`

use crate::args::refuse_overlap;
use crate::failure::Failure;
use crate::work::Work;
use clap::{Args, ValueEnum};
use footpath::corpus::{self, CorpusForm, Export};
use footpath::{Error, Kg, artefact};
use std::path::{Path, PathBuf};

/// Write a corpus as text, JSON lines or a table, or as a data set for hopwise
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath export corpus --kg kg --format jsonl --out corpus.jsonl
  footpath export corpus --kg kg --format text | head
  footpath export corpus --kg kg --format parquet --out corpus.parquet --names names.parquet
  footpath export corpus --kg kg --format hopwise --out films")]
pub(crate) struct ExportArgs {
    /// The corpus
    corpus: PathBuf,
    /// The knowledge graph it was sampled from
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Form of the paths
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// What stands in the columns of a table
    #[cfg(feature = "parquet")]
    #[arg(long, value_enum, default_value_t)]
    ids: IdsArg,
    /// Also write what the numbers of a table stand for, as another table
    #[cfg(feature = "parquet")]
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Write to a file (hopwise: a folder) instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace what exists
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// U1 R0 I5 R26 E39 R27 I12
    Text,
    /// One JSON object for each path, with the ids of the data
    #[default]
    Jsonl,
    /// A table with the columns node_0, relation_1, node_1, …
    #[cfg(feature = "parquet")]
    Parquet,
    /// A folder: the paths in the text and with the numbers that hopwise uses, and the graph and the split from which
    /// it makes these numbers
    Hopwise,
}

#[cfg(feature = "parquet")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum IdsArg {
    /// Numbers from 0; --names says what they stand for
    #[default]
    Number,
    /// user:ID, item:ID, entity:ID and the names of relations
    Name,
}

pub(crate) fn run(args: &ExportArgs, work: &Work) -> Result<(), Failure> {
    let replace = crate::args::replace(args.force);
    let context = work.context();
    let form = match args.format {
        FormatArg::Text => CorpusForm::Text,
        FormatArg::Jsonl => CorpusForm::JsonLines,
        #[cfg(feature = "parquet")]
        FormatArg::Parquet => CorpusForm::Parquet(match args.ids {
            IdsArg::Number => corpus::Ids::Number,
            IdsArg::Name => corpus::Ids::Name,
        }),
        FormatArg::Hopwise => {
            let out = args.out.as_deref().ok_or_else(|| usage("out", "hopwise reads a folder: say which"))?;
            refuse_overlap(out, [Some(&args.corpus), Some(&args.kg)])?;
            let kg = Kg::open(&args.kg, context)?;
            corpus::export_hopwise(&args.corpus, &kg, out, replace, context)?;
            return Ok(());
        }
    };
    let outputs = [args.out.as_deref(), names(args)?];
    for out in outputs.into_iter().flatten() {
        refuse_overlap(out, [Some(&args.corpus), Some(&args.kg)])?;
        artefact::refuse_existing_file(out, replace)?;
    }
    let export = Export::open(&args.corpus, &Kg::open(&args.kg, context)?, context)?;
    #[cfg(feature = "parquet")]
    if args.names.is_some() {
        work.to_file_or_stdout(args.names.as_deref(), replace, |out| {
            export.write_names(out, work.context()).map(drop)
        })?;
    }
    work.to_file_or_stdout(args.out.as_deref(), replace, |out| export.write(form, out, context).map(drop))
}

/// Where names go, which only tables have.
#[cfg(feature = "parquet")]
fn names(args: &ExportArgs) -> Result<Option<&Path>, Failure> {
    let is_table = args.format == FormatArg::Parquet;
    if args.ids == IdsArg::Name && !is_table {
        return Err(usage("ids", "only --format parquet has a choice").into());
    }
    match &args.names {
        Some(_) if !is_table => Err(usage("names", "only --format parquet has numbers that need them").into()),
        names => Ok(names.as_deref()),
    }
}

#[cfg(not(feature = "parquet"))]
fn names(_: &ExportArgs) -> Result<Option<&Path>, Failure> {
    Ok(None)
}

fn usage(option: &'static str, reason: &str) -> Error {
    Error::Usage { option, reason: reason.to_owned() }
}
