//! `footpath export`
use crate::failure::Failure;
/// x
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {}
pub(crate) fn run(_args: &ExportArgs) -> Result<(), Failure> {
    Ok(())
}
