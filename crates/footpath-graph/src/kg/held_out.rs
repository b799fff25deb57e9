//! What a KG artefact holds out, opened apart from the graph.

use crate::error::{Error, Result};
use crate::heldout::{HeldOut, HeldOutFacts, Split};
use footpath_core::{Artefact, ArtefactKind, Context};
use std::path::Path;

/// The held-out interactions of a KG artefact.
///
/// # Errors
/// As [`Artefact::open`]; [`Error::Usage`] when asked for the train split, which is in the graph.
pub fn open_held_out(directory: &Path, split: Split) -> Result<HeldOut> {
    held_out(&Artefact::open(directory, ArtefactKind::Kg, &Context::default())?, split)
}

/// As [`open_held_out`], of an artefact that is open.
///
/// # Errors
/// As there.
pub fn held_out(artefact: &Artefact, split: Split) -> Result<HeldOut> {
    let Some(name) = split.file_name() else {
        return Err(Error::Usage { option: "on", reason: "only valid and test are held out".to_owned() });
    };
    HeldOut::open(&artefact.file(name)?)
}

/// The held-out facts of a part, of an artefact that is open; none where the graph has none.
///
/// # Errors
/// As [`held_out`].
pub fn held_out_facts(artefact: &Artefact, split: Split) -> Result<HeldOutFacts> {
    let Some(name) = split.facts_file_name() else {
        return Err(Error::Usage { option: "on", reason: "only valid and test are held out".to_owned() });
    };
    match artefact.manifest().files.contains_key(name) {
        true => HeldOutFacts::open(&artefact.file(name)?),
        false => Ok(HeldOutFacts::default()),
    }
}
