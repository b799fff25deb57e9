//! `footpath count`
use crate::failure::Failure;
/// x
#[derive(Debug, clap::Args)]
pub(crate) struct CountArgs {}
pub(crate) fn run(_args: &CountArgs) -> Result<(), Failure> {
    Ok(())
}
