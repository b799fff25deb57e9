//! Attributes of items as they are read: columns of numbers, dates or truth values, told apart by what stands in them.

use super::collector::Collector;
use super::field::Field;
use super::findings::{Finding, Severity};
use super::folder::File;
use super::problems::{Checked, Flaw, Problems};
use super::reading::Reading;
use super::record::Record;
use super::table::Table;
use super::times;
use super::values::{self, Name};
use crate::attributes::{AttributeKind, MAX_ATTRIBUTES};
use crate::dataset::{Dataset, RawAttribute};
use crate::error::{Result, show};

/// Whose attribute is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// An item by its id.
    Item(&'a str),
    /// An item by the entity that it is.
    Entity(&'a str),
}

/// A column of a table, and the attribute that it holds.
#[derive(Clone, Debug)]
pub(super) struct AttributeColumn {
    pub(super) column: usize,
    /// Number among those of the data set.
    pub(super) attribute: usize,
}

impl Collector {
    /// The number of an attribute, added when it is new. Field: the name.
    pub(super) fn attribute(&mut self, name: Name<'_>) -> Checked<usize> {
        let known = &mut self.dataset.attributes;
        if let Some(number) = known.iter().position(|attribute| attribute.name == name.text()) {
            return Ok(number);
        }
        if known.len() == MAX_ATTRIBUTES {
            return Err(Flaw::fatal("limit", format!("more than {MAX_ATTRIBUTES} attributes")).at(0));
        }
        known.push(RawAttribute { name: name.text().to_owned(), ..RawAttribute::default() });
        Ok(known.len() - 1)
    }

    /// Takes the value of an attribute; an empty field says nothing.
    pub(super) fn set_attribute(&mut self, owner: Owner<'_>, attribute: usize, field: Field<'_>) -> Checked<()> {
        let text = field.text.trim();
        if text.is_empty() {
            return Ok(());
        }
        let Dataset { attributes, attribute_items, attribute_entities, .. } = &mut self.dataset;
        let Some(attribute) = attributes.get_mut(attribute) else { return Ok(()) };
        let kind = *attribute.kind.get_or_insert_with(|| kind_of(text));
        let value = value(text, kind).ok_or_else(|| {
            let (name, shown) = (show(attribute.name.as_bytes()), show(text.as_bytes()));
            let message = match kind {
                AttributeKind::Number => format!("`{shown}` is no number, as an attribute `{name}` of numbers wants"),
                AttributeKind::Date => {
                    format!("`{shown}` is no date such as 2020-09-13, as those of `{name}` before it")
                }
                AttributeKind::Boolean => {
                    format!("`{shown}` is neither true nor false, as those of `{name}` before it")
                }
            };
            field.flaw("attribute", message)
        })?;
        let (number, values) = match owner {
            Owner::Item(id) => (attribute_items.intern(id).0, &mut attribute.of_items),
            Owner::Entity(id) => (attribute_entities.intern(id).0, &mut attribute.of_entities),
        };
        let number = number as usize;
        values.resize(values.len().max(number + 1), f64::NAN);
        let Some(slot) = values.get_mut(number) else { return Ok(()) };
        if !slot.is_nan() && *slot != value {
            let name = show(attribute.name.as_bytes());
            return Err(field.flaw("conflict", format!("another value of `{name}` for the same item")));
        }
        *slot = value;
        Ok(())
    }

    /// Tells of attributes of what is no item at all. To be called before any item is dropped.
    pub(super) fn settle_attributes(&self, problems: &mut Problems) {
        let Dataset { items, attribute_items, .. } = &self.dataset;
        let mut strangers = (0..).take(attribute_items.len()).map(|number| attribute_items.get(number));
        let mut strangers = strangers.by_ref().filter(|id| items.find(id).is_none());
        let Some(first) = strangers.next() else { return };
        let (count, first) = (1 + strangers.count() as u64, show(first.as_bytes()));
        let message = format!(
            "{count} of {} items with attributes are not in the data, such as `{first}`; their \
                               attributes are left out",
            attribute_items.len()
        );
        let all = count == attribute_items.len() as u64;
        let severity = if all { Severity::Serious } else { Severity::Note };
        problems.find(Finding::new("attributes_of_strangers", severity, count, message));
    }
}

/// What the first value of an attribute says that all are.
fn kind_of(text: &str) -> AttributeKind {
    match text {
        _ if truth(text).is_some() => AttributeKind::Boolean,
        _ if times::seconds(text).is_some() => AttributeKind::Date,
        _ => AttributeKind::Number,
    }
}

fn truth(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(true) } else { is("false").then_some(false) }
}

fn value(text: &str, kind: AttributeKind) -> Option<f64> {
    match kind {
        AttributeKind::Boolean => truth(text).map(|truth| f64::from(u8::from(truth))),
        AttributeKind::Number => values::number(Field { text, number: 0, quoted: true }, "attribute").ok(),
        AttributeKind::Date => times::seconds(text),
    }
}

/// The columns of a header that hold the attributes of these names; one that is not there is refused.
pub(super) fn columns_named(
    table: &Table,
    header: &[String],
    names: &[String],
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<Vec<AttributeColumn>> {
    let mut columns = Vec::new();
    for name in names {
        let found = header.iter().position(|column| column == name);
        let taken = found.ok_or_else(|| {
            let (shown, file) = (show(name.as_bytes()), table.file_name());
            Flaw::fatal("header", format!("no column `{shown}`, given as an attribute, in the header of {file}"))
        });
        let taken = taken.and_then(|column| {
            let field = Field { text: name, number: column, quoted: true };
            Ok(AttributeColumn { column, attribute: collector.attribute(values::name(field)?)? })
        });
        match taken {
            Ok(column) => columns.push(column),
            Err(flaw) => table.refuse_header(reading, flaw)?,
        }
    }
    Ok(columns)
}

/// Reads a table of attributes: `item_id`, and a column for each attribute, called like it.
pub(super) fn table(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let mut table = Table::open(&file.path, file.delimiter, reading)?;
    table.require(&["item_id"], reading)?;
    let id = table.column("item_id", reading).unwrap_or(0);
    let header = table.header().to_vec();
    let others: Vec<String> =
        header.iter().enumerate().filter(|(column, _)| *column != id).map(|(_, name)| name.clone()).collect();
    let columns = columns_named(&table, &header, &others, collector, reading)?;
    collector.begin_file(&file.path)?;
    table.each(reading, |record| take(&columns, values::name(record.field(id))?, record, collector))
}

/// Takes the attributes of an item from its record.
pub(super) fn take(
    columns: &[AttributeColumn],
    item: Name<'_>,
    record: Record<'_>,
    collector: &mut Collector,
) -> Checked<()> {
    if columns.is_empty() {
        return Ok(());
    }
    let item = collector.spelled(item).into_owned();
    let mut set = |column: &AttributeColumn| {
        collector.set_attribute(Owner::Item(&item), column.attribute, record.field(column.column))
    };
    columns.iter().try_for_each(&mut set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_says_what_all_are() {
        for (text, kind) in [
            ("true", AttributeKind::Boolean),
            ("False", AttributeKind::Boolean),
            ("12.5", AttributeKind::Number),
            ("1979", AttributeKind::Number),
            ("1e3", AttributeKind::Number),
            ("1979-05-25", AttributeKind::Date),
            ("2020-09-13T12:26:40Z", AttributeKind::Date),
            ("soon", AttributeKind::Number),
        ] {
            assert_eq!(kind_of(text), kind, "{text}");
        }
        assert_eq!(value("true", AttributeKind::Boolean), Some(1.0));
        assert_eq!(value("1970-01-02", AttributeKind::Date), Some(86_400.0));
        assert_eq!(value("1970-01-01T00:00:00.5Z", AttributeKind::Date), Some(0.5));
        assert_eq!(value("-3.5", AttributeKind::Number), Some(-3.5));
        for (text, kind) in [
            ("soon", AttributeKind::Number),
            ("NaN", AttributeKind::Number),
            ("1,5", AttributeKind::Number),
            ("12", AttributeKind::Boolean),
            ("12", AttributeKind::Date),
            ("1979-13-01", AttributeKind::Date),
        ] {
            assert_eq!(value(text, kind), None, "{text}");
        }
    }
}
