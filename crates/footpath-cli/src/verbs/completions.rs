//! `footpath completions`

use crate::args::Cli;
use crate::failure::Failure;
use crate::work::Work;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print shell completions
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath completions bash > /etc/bash_completion.d/footpath")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, work: &Work) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "footpath", &mut script);
    work.print(|out| out.write_all(&script))
}
