//! `footpath sample`
use crate::failure::Failure;
/// x
#[derive(Debug, clap::Args)]
pub(crate) struct SampleArgs {}
pub(crate) fn run(_args: &SampleArgs) -> Result<(), Failure> {
    Ok(())
}
