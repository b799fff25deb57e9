//! Footpath for Python: the functions and classes of the module `footpath._native`, over the façade.
//!
//! Nothing here is for people: the typed face is the Python package in `python/python/footpath`, which gives keywords,
//! defaults and documentation to what is here. Frames come and go as Arrow streams (`stream`, `batches`), options
//! and reports as JSON. Every call that may take long works on a thread of its own, so that the interpreter goes on and
//! Ctrl-C ends it (`call`).
//!
//! The module is registered by the crate of the wheel, `python`, which is nothing but that.

mod batches;
mod call;
mod columns;
mod draws;
mod errors;
mod frames;
mod graph;
mod judging;
mod lists;
mod model;
mod options;
mod parts;
mod paths;
mod stream;
mod tables;
mod training;

use pyo3::prelude::*;

/// Adds everything there is to a module.
///
/// # Errors
/// Whatever the interpreter says.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("USERS_TOGETHER", footpath::recommend::USERS_TOGETHER)?;
    module.add_class::<batches::Batches>()?;
    module.add_class::<draws::Draws>()?;
    module.add_class::<graph::Kg>()?;
    module.add_class::<lists::Lists>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<paths::Paths>()?;
    module.add_class::<training::Search>()?;
    module.add_function(wrap_pyfunction!(frames::import_folder, module)?)?;
    module.add_function(wrap_pyfunction!(frames::import_frames, module)?)?;
    module.add_function(wrap_pyfunction!(frames::import_defaults, module)?)?;
    module.add_function(wrap_pyfunction!(tables::build_tables, module)?)?;
    module.add_function(wrap_pyfunction!(tables::tie_keys, module)?)?;
    module.add_function(wrap_pyfunction!(tables::missing_words, module)?)?;
    module.add_function(wrap_pyfunction!(training::train, module)?)?;
    module.add_function(wrap_pyfunction!(training::train_job, module)?)?;
    module.add_function(wrap_pyfunction!(training::tune, module)?)?;
    module.add_function(wrap_pyfunction!(model::from_huggingface, module)?)?;
    module.add_function(wrap_pyfunction!(judging::evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(judging::verify, module)?)?;
    module.add_function(wrap_pyfunction!(judging::audit, module)?)?;
    module.add_function(wrap_pyfunction!(judging::replay, module)?)?;
    module.add_function(wrap_pyfunction!(parts::check, module)?)?;
    module.add_function(wrap_pyfunction!(parts::concat_corpora, module)?)?;
    module.add_function(wrap_pyfunction!(parts::concat_lists, module)?)?;
    Ok(())
}
