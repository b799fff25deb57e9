//! The command line of Footpath: arguments in, calls to the façade, words out. The only place that prints.
//!
//! The program `footpath` is [`main_from`] with its arguments, and so is the command that the Python package brings.

mod allocator;
mod args;
mod command;
mod failure;
mod signals;
mod text;
mod verbs;
mod work;

use clap::{CommandFactory, Parser};
use command::{Cli, Command};
use failure::Failure;
use footpath::artefact;
use std::ffi::OsString;
use std::io::Write;
use work::Work;

/// Does what the arguments say, the first of which is the name of the program, and gives the exit status.
///
/// It takes the process for its own: it listens for signals, ends the process when a second one comes, and sets how
/// memory is allocated.
#[must_use]
pub fn main_from(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    footpath::last_words::end_in_words();
    allocator::keep_heap();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is a usage error; a closed pipe is neither.
            let _ = error.print();
            return if error.use_stderr() { 2 } else { 0 };
        }
    };
    signals::install();
    let work = Work::new(cli.threads);
    let ended = run(cli.command, &work);
    // What went wrong after an output was in place: it is there, so this is no failure.
    artefact::take_warnings().iter().for_each(|warning| work.note(&format!("warning: {warning}")));
    match ended {
        Ok(()) => 0,
        Err(failure) => {
            if let Some(message) = failure.message() {
                let _ = writeln!(std::io::stderr(), "footpath: {message}");
            }
            failure.exit_code()
        }
    }
}

fn run(command: Command, work: &Work) -> Result<(), Failure> {
    match command {
        Command::Import(args) => verbs::import::run(&args, work),
        #[cfg(feature = "parquet")]
        Command::Build(args) => verbs::build::run(&args, work),
        Command::Link(args) => verbs::link::run(&args, work),
        Command::Info(args) => verbs::info::run(&args, work),
        Command::Pattern(command) => verbs::pattern::run(&command, work),
        Command::Count(args) => verbs::count::run(&args, work),
        Command::Sample(args) => verbs::sample::run(&args, work),
        Command::Export(args) => verbs::export::run(&args, work),
        Command::ExportGraph(args) => verbs::export_graph::run(&args, work),
        Command::Corpus(args) => verbs::corpus::run(&args, work),
        Command::Audit(args) => verbs::audit::run(&args, work),
        Command::Train(args) => verbs::train::run(&args, work),
        Command::Tune(args) => verbs::tune::run(&args, work),
        Command::Adapt(args) => verbs::adapt::run(&args, work),
        Command::Model(command) => verbs::model::run(&command, work),
        Command::Recommend(args) => verbs::recommend::run(&args, work),
        Command::Recs(args) => verbs::recs::run(&args, work),
        Command::Explain(args) => verbs::explain::run(&args, work),
        Command::Serve(args) => verbs::serve::run(&args, work),
        Command::Mcp(args) => verbs::mcp::run(&args, work),
        Command::Verify(args) => verbs::verify::run(&args, work),
        Command::Patterns(args) => verbs::patterns::run(&args, work),
        Command::Evaluate(args) => verbs::evaluate::run(&args, work),
        Command::Replay(args) => verbs::replay::run(&args, work),
        Command::Report(args) => verbs::report::run(&args, work),
        Command::Check(args) => verbs::check::run(&args, work),
        Command::Demo(args) => verbs::demo::run(&args, work),
        Command::Completions(args) => verbs::completions::run(&args, Cli::command(), work),
        Command::Reference => verbs::reference::run(Cli::command(), work),
    }
}
