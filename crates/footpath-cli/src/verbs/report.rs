//! `footpath report`

use crate::args::refuse_overlap;
use crate::failure::Failure;
use crate::work::Work;
use clap::Args;
use footpath::{evaluate, pages};
use std::path::PathBuf;

/// Draw an evaluation as one page
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath evaluate --kg kg --model model --baselines --out evaluation
  footpath report evaluation --out report.html

The page holds everything it shows: no network, no script.")]
pub(crate) struct ReportArgs {
    /// What `footpath evaluate --out` wrote
    evaluation: PathBuf,
    /// Page to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "out")]
    force: bool,
}

pub(crate) fn run(args: &ReportArgs, work: &Work) -> Result<(), Failure> {
    args.out.iter().try_for_each(|out| refuse_overlap(out, [Some(&args.evaluation)]))?;
    let page = pages::evaluation::html(&evaluate::Report::open(&args.evaluation, work.context())?);
    let replace = crate::args::replace(args.force);
    work.to_file_or_stdout(args.out.as_deref(), replace, |out| out.write_all(page.as_bytes()))
}
