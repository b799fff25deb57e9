//! The command line of Footpath: arguments in, calls to the façade, words out. The only place that prints.

mod allocator;
mod args;
mod failure;
mod output;
mod signals;
mod verbs;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_heap();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is a usage error; a closed pipe is neither.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    signals::install();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                let _ = writeln!(std::io::stderr(), "footpath: {message}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Import(args) => verbs::import::run(&args),
        Command::Info(args) => verbs::info::run(&args),
        Command::Pattern(command) => verbs::pattern::run(&command),
        Command::Count(args) => verbs::count::run(&args),
        Command::Sample(args) => verbs::sample::run(&args),
        Command::Export(args) => verbs::export::run(&args),
        Command::Corpus(args) => verbs::corpus::run(&args),
        Command::Audit(args) => verbs::audit::run(&args),
        Command::Train(args) => verbs::train::run(&args),
        Command::Tune(args) => verbs::tune::run(&args),
        Command::Adapt(args) => verbs::adapt::run(&args),
        Command::Model(command) => verbs::model::run(&command),
        Command::Recommend(args) => verbs::recommend::run(&args),
        Command::Explain(args) => verbs::explain::run(&args),
        Command::Verify(args) => verbs::verify::run(&args),
        Command::Patterns(args) => verbs::patterns::run(&args),
        Command::Evaluate(args) => verbs::evaluate::run(&args),
        Command::Report(args) => verbs::report::run(&args),
        Command::Check(args) => verbs::check::run(&args),
        Command::Demo(args) => verbs::demo::run(&args),
        Command::Completions(args) => verbs::completions::run(&args),
        Command::Reference => verbs::reference::run(),
    }
}
