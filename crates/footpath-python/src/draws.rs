//! Paths for models trained elsewhere: what `footpath.torch` is made of.

use crate::call::{Call, parsed};
use crate::errors::{raised, usage};
use crate::graph::Kg;
use crate::options::{self, ShapeText};
use crate::paths::bytes;
use footpath::draws;
use footpath::sample::SampleSpec;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// Draws of users by their numbers, for ever.
#[pyclass(frozen, module = "footpath._native")]
pub(crate) struct Draws {
    draws: Arc<draws::Draws>,
}

/// Rivals: their tokens, where those of each token end, and the logarithms of their weights, as bytes.
type RivalBytes<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

#[pymethods]
impl Draws {
    /// Prepares to draw paths of a shape by a law (JSON of a `SampleSpec`; the law of training where it is `None`).
    #[staticmethod]
    fn prepare(py: Python<'_>, kg: &Kg, shape: ShapeText, spec: &str, call: Call) -> PyResult<Self> {
        let (shape, kg) = (options::shape(py, shape)?, kg.kg.clone());
        let spec: SampleSpec = parsed(py, "law", spec)?;
        let draws = call.wait(py, move |context| draws::Draws::new(&kg, &shape, &spec, context))?;
        Ok(Self { draws: Arc::new(draws) })
    }

    /// Tokens of a row.
    fn width(&self) -> usize {
        self.draws.row_width()
    }

    /// Draws `first .. last` of these users, as the bytes of unsigned 32-bit numbers.
    fn rows<'py>(
        &self,
        py: Python<'py>,
        users: Vec<u32>,
        first: u64,
        last: u64,
        call: Call,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let context = call.context(py)?;
        let rows = py.detach(|| self.draws.rows(&users, first..last, &context));
        bytes(py, &rows.map_err(|e| raised(py, e))?)
    }

    /// The legal alternatives to the tokens of some rows.
    fn rivals<'py>(
        &self,
        py: Python<'py>,
        rows: &[u8],
        count: usize,
        first: u64,
        call: Call,
    ) -> PyResult<RivalBytes<'py>> {
        if !rows.len().is_multiple_of(4) {
            return Err(usage(py, "rows: these are no 32-bit numbers"));
        }
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_ne_bytes);
        let tokens: Vec<u32> = rows.chunks(4).map(number).collect();
        let context = call.context(py)?;
        let rivals = py.detach(|| self.draws.rivals(&tokens, count, first, &context));
        let rivals = rivals.map_err(|e| raised(py, e))?;
        let ends: Vec<u32> = rivals.ends.iter().map(|end| u32::try_from(*end).unwrap_or(u32::MAX)).collect();
        let weights: Vec<u32> = rivals.log_weights.iter().map(|weight| weight.to_bits()).collect();
        Ok((bytes(py, &rivals.tokens)?, bytes(py, &ends)?, bytes(py, &weights)?))
    }
}
