//! `footpath completions`

use crate::failure::Failure;
use crate::work::Work;
use clap::{Args, Command};
use clap_complete::Shell;

/// Print shell completions
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath completions bash > /etc/bash_completion.d/footpath")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the completions of a program.
pub(crate) fn run(args: &CompletionsArgs, mut program: Command, work: &Work) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "footpath", &mut script);
    work.print(|out| out.write_all(&script))
}
