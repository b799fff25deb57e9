//! Arrow streams from Python: whatever has `__arrow_c_stream__`, taken without a copy.

#![expect(unsafe_code, reason = "a stream comes as a pointer in a capsule")]

use crate::errors::{input, usage};
use arrow_array::ffi_stream::ArrowArrayStreamReader;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The name that the Arrow PyCapsule interface gives to capsules of streams.
pub(crate) const NAME: &CStr = c"arrow_array_stream";

/// A stream that was taken. Batches say nothing of their columns, and `arrow` panics over some that are not what the
/// schema says: here that is an error.
pub(crate) struct Stream(ArrowArrayStreamReader);

impl Iterator for Stream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let wrong = || ArrowError::SchemaError("a batch is not what the schema of its stream says".to_owned());
        catch_unwind(AssertUnwindSafe(|| self.0.next())).unwrap_or_else(|_| Some(Err(wrong())))
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}

/// Takes the stream of a frame; `what` is what to call it in errors.
///
/// # Errors
/// `UsageError` for an object that gives none, `InputError` where its columns cannot be read.
pub(crate) fn take(what: &str, frame: &Bound<'_, PyAny>) -> PyResult<Stream> {
    let py = frame.py();
    let capsule = frame.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>();
    let capsule = capsule.map_err(|_| usage(py, format!("{what}: __arrow_c_stream__ gave no capsule")))?;
    let pointer = capsule.pointer_checked(Some(NAME))?;
    // SAFETY: the name of the capsule was checked, and by the Arrow PyCapsule interface a capsule of this name holds an
    // initialised `ArrowArrayStream`, aligned and valid for reads and writes while the capsule lives, which it does
    // until the end of this function. The stream is moved out, and what is left is marked as released.
    let reader = unsafe { ArrowArrayStreamReader::from_raw(pointer.as_ptr().cast()) };
    let reader = reader.map_err(|e| input(py, format!("{what}: {e}")))?;
    let schema = reader.schema();
    let mut names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
        Some(twice) => Err(input(py, format!("{what}: two columns are named `{twice}`; rename one"))),
        None => Ok(Stream(reader)),
    }
}
