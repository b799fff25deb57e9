//! `footpath demo`
use crate::failure::Failure;
/// Run the whole pipeline on the bundled films
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}
pub(crate) fn run(_args: &DemoArgs) -> Result<(), Failure> {
    Ok(())
}
