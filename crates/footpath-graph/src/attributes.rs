//! What is known of items as numbers, dates or truth values: beside the graph, for filters, and never on a path.
//!
//! ```text
//! attributes.safetensors   in a KG artefact, only where items have attributes
//!   NAME    f64 [items]    a value for each item; NaN where none is known
//! ```
//!
//! `schema.json` names them, with what their numbers mean.

use crate::error::Result;
use crate::import::times;
use footpath_core::{Array, ArrayFile, Artefact};
use serde::{Deserialize, Serialize};

/// Name of the file in a KG artefact.
pub const ATTRIBUTES_FILE: &str = "attributes.safetensors";
/// Most attributes of a graph.
pub const MAX_ATTRIBUTES: usize = 256;

/// What the numbers of an attribute mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeKind {
    /// Themselves.
    Number,
    /// Seconds since 1970.
    Date,
    /// 0 is false, 1 is true.
    Boolean,
}

impl AttributeKind {
    /// As reports write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Date => "date",
            Self::Boolean => "boolean",
        }
    }
}

/// An attribute, as the schema of a graph names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeName {
    /// Name, unique.
    pub name: String,
    /// What its numbers mean.
    pub kind: AttributeKind,
}

/// The seconds since 1970 that a date stands for, as those of attributes are read; `None` if it is none.
#[must_use]
pub fn date(text: &str) -> Option<f64> {
    times::seconds(text)
}

/// A date that [`date`] reads as these seconds since 1970, to a microsecond.
#[must_use]
pub fn written_date(seconds: f64) -> String {
    times::written(seconds)
}

/// An attribute of the items of a graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute<'a> {
    /// Name.
    pub name: &'a str,
    /// What its numbers mean.
    pub kind: AttributeKind,
    /// A value for each item, in their order; NaN where none is known.
    pub values: &'a [f64],
}

impl Attribute<'_> {
    /// The value of the item at a place among all, as an import reads it; empty where none is known.
    #[must_use]
    pub fn text(&self, place: usize) -> String {
        match (self.values.get(place).filter(|value| !value.is_nan()), self.kind) {
            (None, _) => String::new(),
            (Some(&value), AttributeKind::Number) => value.to_string(),
            (Some(&value), AttributeKind::Date) => times::written(value),
            (Some(&value), AttributeKind::Boolean) => (value > 0.5).to_string(),
        }
    }
}

/// The values of all attributes, in the order of their names in the schema: of each as many as there are items.
pub type AttributeArrays = Vec<Array<f64>>;

/// The values of these attributes of a graph that is open.
pub(crate) fn open(artefact: &Artefact, names: &[AttributeName]) -> Result<AttributeArrays> {
    if names.is_empty() {
        return Ok(AttributeArrays::new());
    }
    let file = ArrayFile::open(&artefact.file(ATTRIBUTES_FILE)?)?;
    Ok(names.iter().map(|attribute| file.array(&attribute.name)).collect::<footpath_core::Result<_>>()?)
}
