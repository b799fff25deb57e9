//! `footpath export`

use crate::failure::Failure;
use crate::output;
use clap::{Args, ValueEnum};
use footpath::Replace;
use footpath::corpus::{Export, Form};
use std::path::PathBuf;

/// Write a corpus as text or JSON lines
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath export corpus --kg kg --format jsonl --out corpus.jsonl
  footpath export corpus --kg kg --format text | head")]
pub(crate) struct ExportArgs {
    /// The corpus
    corpus: PathBuf,
    /// The knowledge graph it was sampled from
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Form of a path
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    /// U1 R0 I5 R26 E39 R27 I12
    Text,
    /// One JSON object for each path, with the ids of the data
    #[default]
    Jsonl,
}

pub(crate) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let replace = if args.force { Replace::Yes } else { Replace::No };
    if let Some(out) = &args.out
        && replace == Replace::No
        && out.symlink_metadata().is_ok()
    {
        return Err(footpath_core::Error::Exists { path: out.clone() }.into());
    }
    let form = match args.format {
        FormatArg::Text => Form::Text,
        FormatArg::Jsonl => Form::JsonLines,
    };
    let export = Export::open(&args.corpus, &args.kg)?;
    output::to_file_or_stdout(args.out.as_deref(), replace, |out| export.write(form, out).map(|_| ()))
}
