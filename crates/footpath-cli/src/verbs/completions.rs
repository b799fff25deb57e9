//! `footpath completions`

use crate::args::Cli;
use crate::failure::{Failure, output};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::{self, Write};

/// Print shell completions
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath completions bash > /etc/bash_completion.d/footpath")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "footpath", &mut script);
    io::stdout().write_all(&script).map_err(output)
}
