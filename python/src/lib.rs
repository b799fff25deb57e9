//! The module `footpath._native` of the Python package: all of `footpath-python`, and the command `footpath`.

use pyo3::prelude::*;
use std::ffi::OsString;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    footpath_python::register(module)?;
    module.add_function(wrap_pyfunction!(command, module)?)
}

/// The command line: does what the arguments say, the first of which is the name of the program, and gives the exit
/// status.
#[pyfunction]
fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| footpath_cli::main_from(arguments))
}
