//! Parquet files that may be damaged.
//!
//! The library panics at some of them. Whatever reads such a file asks through [`guarded`], so that it is refused like
//! others that are damaged.

use crate::error::show;
use footpath_core::caught;
use parquet::errors::{ParquetError, Result};

/// What the library gives; an error where it panics.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(read).unwrap_or_else(|panic| Err(ParquetError::General(panic)))
}

/// What is said of a file that the library does not read.
pub(crate) fn damage(error: &ParquetError) -> String {
    format!("the Parquet file is damaged or cut short ({})", show(error.to_string().as_bytes()))
}
