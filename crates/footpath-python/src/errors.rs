//! Errors of the library as exceptions: by their class, with the words of the library.

use footpath::{Error, ErrorClass};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Where the exceptions are defined: in Python, since they have two bases.
const MODULE: &str = "footpath._errors";

/// An error of the library as an exception.
pub(crate) fn raised(py: Python<'_>, error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let message = match hint(&error) {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    exception(py, error.class(), message)
}

/// An argument makes no sense.
pub(crate) fn usage(py: Python<'_>, message: impl Into<String>) -> PyErr {
    exception(py, ErrorClass::Usage, message.into())
}

/// A frame is not what it should be.
pub(crate) fn input(py: Python<'_>, message: impl Into<String>) -> PyErr {
    exception(py, ErrorClass::Input, message.into())
}

fn exception(py: Python<'_>, class: ErrorClass, message: String) -> PyErr {
    let name = match class {
        ErrorClass::Runtime => "RuntimeFailure",
        ErrorClass::Usage => "UsageError",
        ErrorClass::Input => "InputError",
        ErrorClass::Artefact => "ArtefactError",
        ErrorClass::Stopped => "Stopped",
    };
    let kind = py.import(MODULE).and_then(|module| module.getattr(name)).map(Bound::cast_into::<PyType>);
    match kind {
        Ok(Ok(kind)) => PyErr::from_type(kind, (message,)),
        // Somebody took the module away; the words are what matters.
        _ => PyRuntimeError::new_err(message),
    }
}

/// What to give instead: libraries name facts, and only the face knows its keywords.
fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Core(footpath::CoreError::Exists { .. }) => Some("give another `out`, or force=True to replace it"),
        Error::Unfinished { .. } => Some("give unfinished=\"resume\" to go on or \"discard\" to delete it"),
        Error::OtherRun { .. } => Some("give the same, or unfinished=\"discard\""),
        _ => None,
    }
}
