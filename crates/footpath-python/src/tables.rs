//! Graphs of sorted tables, and what an engine needs to know to make these.

use crate::batches::{Batches, batch};
use crate::call::{Call, json};
use crate::columns::{Texts, named};
use crate::errors::input;
use crate::frames::replace;
use crate::stream;
use arrow_array::{Int64Array, RecordBatch};
use footpath::{build, import};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// Builds a graph of the sorted tables in a folder; what was built, as JSON.
#[pyfunction]
pub(crate) fn build_tables(py: Python<'_>, folder: PathBuf, out: PathBuf, force: bool, call: Call) -> PyResult<String> {
    call.wait(py, move |context| Ok(json(&build::run(&folder, &out, replace(force), context)?.report)))
}

/// What decides between choices of a user at the same time, for columns `user` and `item`: a column `key`, the lowest
/// first.
#[pyfunction]
pub(crate) fn tie_keys(py: Python<'_>, frame: &Bound<'_, PyAny>, seed: u64) -> PyResult<Batches> {
    let batches = stream::take("pairs", frame)?.map(|batch| keys(&batch.map_err(|e| e.to_string())?, seed));
    let batches: Result<Vec<RecordBatch>, String> = batches.collect();
    let mut batches = batches.map_err(|message| input(py, message))?;
    if batches.is_empty() {
        batches.push(batch(vec![("key", Arc::new(Int64Array::from(Vec::<i64>::new())))]));
    }
    Ok(Batches::of_parts(batches))
}

fn keys(pairs: &RecordBatch, seed: u64) -> Result<RecordBatch, String> {
    let column = |name: &str| named(pairs, &[name]).ok_or_else(|| format!("there is no column {name}"));
    let (users, items) = (Texts::of(column("user")?)?, Texts::of(column("item")?)?);
    let key = |row: usize| {
        let pair = users.get(row).zip(items.get(row));
        let (user, item) = pair.ok_or_else(|| format!("row {} has no user or no item", row + 1))?;
        // The order of numbers without a sign, in numbers with one.
        Ok((import::tie_key(seed, &user, &item) ^ 1 << 63).cast_signed())
    };
    let keys: Result<Vec<i64>, String> = (0..pairs.num_rows()).map(key).collect();
    Ok(batch(vec![("key", Arc::new(Int64Array::from(keys?)))]))
}

/// Ids that mean that there is none.
#[pyfunction]
pub(crate) fn missing_words() -> Vec<&'static str> {
    import::MISSING_WORDS.to_vec()
}
