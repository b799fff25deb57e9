//! Values of Arrow's columns as text.

use super::messages::{Damage, guarded};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use std::fmt::Display;
use std::io::Write;

/// Whether values of a type are one each, and so have a text. Lists, structures and the like do not, nor intervals.
pub(super) fn has_text(of: &DataType) -> bool {
    match of {
        DataType::Dictionary(_, values) => !matches!(**values, DataType::Dictionary(..)) && has_text(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        DataType::Boolean | DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => true,
        DataType::Float32 | DataType::Float64 => true,
        other => other.is_integer() || other.is_decimal(),
    }
}

/// A column of a batch.
pub(super) struct Column {
    values: ArrayRef,
    write: Writer,
}

impl Column {
    /// Appends the text of the value in a row; nothing where there is none.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.values.is_valid(row) {
            (self.write)(row, out);
        }
    }
}

/// Writes the value of a row as text.
type Writer = Box<dyn Fn(usize, &mut Vec<u8>)>;

/// A column whose values [have a text](has_text). Times are numbers in the unit they are in, dates are seconds.
pub(super) fn column(values: &ArrayRef) -> Result<Column, Damage> {
    Ok(Column { values: values.clone(), write: writer(values)? })
}

fn writer(column: &ArrayRef) -> Result<Writer, Damage> {
    Ok(match column.data_type() {
        DataType::Utf8 => bytes(column.as_string::<i32>().clone(), |values, row| values.value(row).as_bytes()),
        DataType::LargeUtf8 => bytes(column.as_string::<i64>().clone(), |values, row| values.value(row).as_bytes()),
        DataType::Utf8View => bytes(column.as_string_view().clone(), |values, row| values.value(row).as_bytes()),
        DataType::Binary => bytes(column.as_binary::<i32>().clone(), |values, row| values.value(row)),
        DataType::LargeBinary => bytes(column.as_binary::<i64>().clone(), |values, row| values.value(row)),
        DataType::BinaryView => bytes(column.as_binary_view().clone(), |values, row| values.value(row)),
        DataType::Boolean => {
            let column = column.as_boolean().clone();
            Box::new(move |row, out| put(out, column.value(row)))
        }
        DataType::Dictionary(..) => dictionary(column)?,
        DataType::Int8 => number::<Int8Type>(column),
        DataType::Int16 => number::<Int16Type>(column),
        DataType::Int32 => number::<Int32Type>(column),
        DataType::Int64 => number::<Int64Type>(column),
        DataType::UInt8 => number::<UInt8Type>(column),
        DataType::UInt16 => number::<UInt16Type>(column),
        DataType::UInt32 => number::<UInt32Type>(column),
        DataType::UInt64 => number::<UInt64Type>(column),
        DataType::Float32 => number::<Float32Type>(column),
        DataType::Float64 => number::<Float64Type>(column),
        DataType::Decimal32(..) => decimal::<Decimal32Type>(column),
        DataType::Decimal64(..) => decimal::<Decimal64Type>(column),
        DataType::Decimal128(..) => decimal::<Decimal128Type>(column),
        DataType::Decimal256(..) => decimal::<Decimal256Type>(column),
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().clone();
            Box::new(move |row, out| put(out, i64::from(days.value(row)) * 86_400))
        }
        DataType::Date64 => {
            let milliseconds = column.as_primitive::<Date64Type>().clone();
            Box::new(move |row, out| put(out, milliseconds.value(row).div_euclid(1_000)))
        }
        DataType::Timestamp(TimeUnit::Second, _) => number::<TimestampSecondType>(column),
        DataType::Timestamp(TimeUnit::Millisecond, _) => number::<TimestampMillisecondType>(column),
        DataType::Timestamp(TimeUnit::Microsecond, _) => number::<TimestampMicrosecondType>(column),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => number::<TimestampNanosecondType>(column),
        _ => Box::new(|_, _| ()),
    })
}

fn bytes<A: Array + 'static>(column: A, value: impl Fn(&A, usize) -> &[u8] + 'static) -> Writer {
    Box::new(move |row, out| out.extend_from_slice(value(&column, row)))
}

fn number<T: ArrowPrimitiveType>(column: &ArrayRef) -> Writer
where
    T::Native: Display,
{
    let column = column.as_primitive::<T>().clone();
    Box::new(move |row, out| put(out, column.value(row)))
}

fn decimal<T: DecimalType>(column: &ArrayRef) -> Writer {
    let column = column.as_primitive::<T>().clone();
    Box::new(move |row, out| put(out, column.value_as_string(row)))
}

/// Values that stand once in a column of their own.
fn dictionary(column: &ArrayRef) -> Result<Writer, Damage> {
    let dictionary = column.as_any_dictionary();
    let values = dictionary.values().clone();
    if values.is_empty() {
        return Ok(Box::new(|_, _| ()));
    }
    let places = guarded(|| Ok(dictionary.normalized_keys()))?;
    let values = self::column(&values)?;
    Ok(Box::new(move |row, out| {
        if let Some(&place) = places.get(row) {
            values.write(place, out);
        }
    }))
}

fn put(out: &mut Vec<u8>, value: impl Display) {
    // A vector takes all.
    let written = write!(out, "{value}");
    debug_assert!(written.is_ok());
}
