//! The program `footpath`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(footpath_cli::main_from(std::env::args_os()))
}
