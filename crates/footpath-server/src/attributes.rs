//! What is known of items beside the edges of the graph, which rules compare: attributes that the graph has, and more
//! from a table.

use footpath::{AttributeKind, NodeId, TrainKg};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

/// Most bytes of a table of attributes.
const MAX_BYTES: u64 = 1 << 30;
/// Most columns.
const MAX_COLUMNS: usize = 64;

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A number, also of a date where it was written as one.
    Number(f64),
    /// `true` or `false`.
    Truth(bool),
    /// Anything else.
    Text(String),
}

impl Value {
    /// What a text says.
    pub(crate) fn read(text: &str) -> Self {
        match text {
            "true" => Self::Truth(true),
            "false" => Self::Truth(false),
            _ => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Self::Number(number),
                _ => Self::Text(text.to_owned()),
            },
        }
    }

    /// How it stands to another; values of different kinds do not compare.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Truth(a), Self::Truth(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// The attributes of the items of a graph.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    columns: BTreeMap<String, Column>,
}

/// An attribute.
#[derive(Debug, Default)]
pub(crate) struct Column {
    /// Values by item, in order.
    pub(crate) values: Vec<(NodeId, Value)>,
    /// Whether its numbers are dates, in seconds since 1970.
    pub(crate) is_date: bool,
}

impl Column {
    /// What a text in a rule says where it is compared with these values.
    pub(crate) fn wanted(&self, text: &str) -> Value {
        let date = self.is_date.then(|| footpath::attribute_date(text)).flatten();
        date.map_or_else(|| Value::read(text), Value::Number)
    }
}

impl Attributes {
    /// Those that the graph has.
    pub(crate) fn of(kg: &TrainKg) -> Self {
        let column = |attribute: footpath::Attribute<'_>| {
            let known = kg.items().map(NodeId).zip(attribute.values).filter(|(_, value)| !value.is_nan());
            let values = known.map(|(item, &value)| match attribute.kind {
                AttributeKind::Boolean => (item, Value::Truth(value > 0.5)),
                AttributeKind::Number | AttributeKind::Date => (item, Value::Number(value)),
            });
            let is_date = attribute.kind == AttributeKind::Date;
            (attribute.name.to_owned(), Column { values: values.collect(), is_date })
        };
        Self { columns: kg.attributes().map(column).collect() }
    }

    /// Reads a table parted by tabs, with a header and a column `item_id`. Items the graph does not have are skipped,
    /// and empty fields are no value. A column counts instead of an attribute of the graph with the same name.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub(crate) fn with_table(mut self, path: &Path, kg: &TrainKg) -> Result<Self, String> {
        let text = read_bounded(path, MAX_BYTES)?;
        self.columns.extend(Self::parse(&text, kg)?.columns);
        Ok(self)
    }

    fn parse(text: &str, kg: &TrainKg) -> Result<Self, String> {
        let mut lines = text.lines().enumerate();
        let header: Vec<&str> = lines.next().map(|(_, line)| line.split('\t').collect()).unwrap_or_default();
        let id = header.iter().position(|name| *name == "item_id");
        let id = id.ok_or("line 1: expected a header with the column item_id, parted by tabs")?;
        if header.len() > MAX_COLUMNS {
            return Err(format!("line 1: more than {MAX_COLUMNS} columns"));
        }
        let mut columns: Vec<(String, Vec<(NodeId, Value)>)> =
            header.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let fields: Vec<&str> = line.split('\t').collect();
            if fields.len() != header.len() {
                return Err(format!("line {}: {} fields, the header has {}", number + 1, fields.len(), header.len()));
            }
            let Some(item) = fields.get(id).and_then(|id| kg.item(id).ok()) else { continue };
            for ((_, values), field) in columns.iter_mut().zip(&fields).filter(|(_, field)| !field.is_empty()) {
                values.push((item, Value::read(field)));
            }
        }
        columns.remove(id);
        let column = |(name, values)| (name, Column { values, is_date: false });
        Ok(Self { columns: columns.into_iter().map(column).collect() })
    }

    /// A column by its name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }
}

/// The text of a file of no more than so many bytes.
pub(crate) fn read_bounded(path: &Path, most: u64) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if metadata.len() > most {
        return Err(format!("longer than {most} bytes"));
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}
