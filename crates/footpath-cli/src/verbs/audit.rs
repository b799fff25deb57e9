//! `footpath audit`
use crate::failure::Failure;
/// x
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {}
pub(crate) fn run(_args: &AuditArgs) -> Result<(), Failure> {
    Ok(())
}
