//! The whole of parts that were made apart, and whether what lies on this machine is what it should be.

use crate::call::{Call, json};
use crate::frames::replace;
use crate::graph::Kg;
use footpath::concat::{self, ListsOptions};
use pyo3::prelude::*;
use std::path::{Path, PathBuf};

/// Publishes the corpus whose parts these are; what was made, as JSON.
#[pyfunction]
pub(crate) fn concat_corpora(
    py: Python<'_>,
    parts: Vec<PathBuf>,
    out: PathBuf,
    force: bool,
    call: Call,
) -> PyResult<String> {
    call.wait(py, move |context| {
        footpath::artefact::refuse_overlap(&out, &parts.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())?;
        Ok(json(&concat::corpora(&parts, &out, replace(force), context)?))
    })
}

/// Writes the recommendations whose parts these files are; what was made, as JSON.
#[pyfunction]
pub(crate) fn concat_lists(
    py: Python<'_>,
    parts: Vec<PathBuf>,
    kg: &Kg,
    out: PathBuf,
    partial: bool,
    force: bool,
    call: Call,
) -> PyResult<String> {
    let kg = kg.kg.clone();
    call.wait(py, move |context| {
        let inputs = parts.iter().map(PathBuf::as_path).chain([kg.directory()]).collect::<Vec<&Path>>();
        footpath::artefact::refuse_overlap(&out, &inputs)?;
        let options = ListsOptions { partial, replace: replace(force) };
        Ok(json(&concat::lists(&parts, &kg, &out, options, context)?))
    })
}

/// Reads all of the artefact at a directory and compares it with its manifest; its kind and its content hash.
#[pyfunction]
pub(crate) fn check(py: Python<'_>, directory: PathBuf, call: Call) -> PyResult<(String, String)> {
    call.wait(py, move |context| {
        let sound = footpath::check::run(&directory, context)?;
        Ok((sound.kind.name().to_owned(), sound.hash))
    })
}
