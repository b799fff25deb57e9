//! Columns of frames: ids, texts and numbers out of whatever type a library keeps them in.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use arrow_schema::{DataType, TimeUnit};
use std::borrow::Cow;

/// The column of a batch that has one of these names, the first that there is.
pub(crate) fn named<'b>(batch: &'b RecordBatch, names: &[&str]) -> Option<&'b ArrayRef> {
    names.iter().find_map(|name| batch.column_by_name(name))
}

/// A column of ids or texts.
pub(crate) enum Texts<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    /// Places in another column, which has every text once; `None` for a null.
    Places(Vec<Option<usize>>, Box<Texts<'a>>),
    Integers(Vec<Option<i128>>),
}

impl<'a> Texts<'a> {
    /// The texts of a column; why it has none otherwise.
    pub(crate) fn of(column: &'a ArrayRef) -> Result<Self, String> {
        Ok(match column.data_type() {
            DataType::Utf8 => Self::Utf8(column.as_string()),
            DataType::LargeUtf8 => Self::Large(column.as_string()),
            DataType::Utf8View => Self::View(column.as_string_view()),
            DataType::Dictionary(..) => {
                let dictionary = column.as_any_dictionary();
                let keys = integers(dictionary.keys()).unwrap_or_default();
                let places = keys.into_iter().map(|key| key.and_then(|key| usize::try_from(key).ok()));
                Self::Places(places.collect(), Box::new(Self::of(dictionary.values())?))
            }
            DataType::Null => Self::Integers(vec![None; column.len()]),
            DataType::Float32 | DataType::Float64 => Self::Integers(whole(column)?),
            _ => match integers(column.as_ref()) {
                Some(numbers) => Self::Integers(numbers),
                None => return Err(format!("is of type {}; ids are text or whole numbers", column.data_type())),
            },
        })
    }

    /// The text of a row; `None` for a null.
    pub(crate) fn get(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8(column) => is_there(*column, row).then(|| Cow::Borrowed(column.value(row))),
            Self::Large(column) => is_there(*column, row).then(|| Cow::Borrowed(column.value(row))),
            Self::View(column) => is_there(*column, row).then(|| Cow::Borrowed(column.value(row))),
            Self::Places(places, texts) => texts.get((*places.get(row)?)?),
            Self::Integers(numbers) => (*numbers.get(row)?).map(|number| Cow::Owned(number.to_string())),
        }
    }
}

/// Whether a column has something in a row. It is asked for every id of every row, hence for each type of column.
fn is_there<A: Array>(column: &A, row: usize) -> bool {
    row < column.len() && column.is_valid(row)
}

/// The numbers of a column; `None` for nulls and for what is no number. Why it has none otherwise.
pub(crate) fn numbers(column: &ArrayRef) -> Result<Vec<Option<f64>>, String> {
    #[expect(clippy::cast_precision_loss, reason = "ratings and scores")]
    let from_integers = |numbers: Vec<Option<i128>>| numbers.into_iter().map(|n| n.map(|n| n as f64)).collect();
    let no_nan = |numbers: Vec<Option<f64>>| numbers.into_iter().map(|n| n.filter(|n| !n.is_nan())).collect();
    match column.data_type() {
        DataType::Float64 => Ok(no_nan(all::<Float64Type, _>(column.as_ref(), |n| n))),
        DataType::Float32 => Ok(no_nan(all::<Float32Type, _>(column.as_ref(), f64::from))),
        DataType::Null => Ok(vec![None; column.len()]),
        other => integers(column.as_ref())
            .map(from_integers)
            .ok_or_else(|| format!("is of type {other}; numbers are expected")),
    }
}

/// The times of a column, each in the unit it is in; `None` for nulls. Why it has none otherwise.
pub(crate) fn times(column: &ArrayRef) -> Result<Vec<Option<i64>>, String> {
    let column_ref = column.as_ref();
    match column.data_type() {
        DataType::Int64 => Ok(all::<Int64Type, _>(column_ref, |n| n)),
        DataType::Timestamp(TimeUnit::Second, _) => Ok(all::<TimestampSecondType, _>(column_ref, |n| n)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Ok(all::<TimestampMillisecondType, _>(column_ref, |n| n)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(all::<TimestampMicrosecondType, _>(column_ref, |n| n)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Ok(all::<TimestampNanosecondType, _>(column_ref, |n| n)),
        DataType::Date32 => Ok(all::<Date32Type, _>(column_ref, i64::from)),
        DataType::Date64 => Ok(all::<Date64Type, _>(column_ref, |n| n)),
        other => {
            let numbers = match other {
                DataType::Float32 | DataType::Float64 => whole(column)?,
                _ => integers(column_ref)
                    .ok_or_else(|| format!("is of type {other}; times are whole numbers, dates or timestamps"))?,
            };
            numbers
                .into_iter()
                .map(|number| number.map(i64::try_from).transpose().map_err(|e| format!("has a time too large: {e}")))
                .collect()
        }
    }
}

/// The values of a column as an import reads attributes: numbers, dates, `true` and `false`, or text; `None` for nulls.
/// Why it has none otherwise.
pub(crate) fn written(column: &ArrayRef) -> Result<Vec<Option<String>>, String> {
    let per_second = match column.data_type() {
        DataType::Boolean => {
            return Ok(column.as_boolean().iter().map(|truth| truth.map(|truth| truth.to_string())).collect());
        }
        DataType::Float32 | DataType::Float64 => {
            return Ok(numbers(column)?.into_iter().map(|number| number.map(|number| number.to_string())).collect());
        }
        DataType::Date32 => 1.0 / 86_400.0,
        DataType::Timestamp(TimeUnit::Second, _) => 1.0,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => 1e3,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1e6,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1e9,
        _ => {
            let texts = Texts::of(column)?;
            return Ok((0..column.len()).map(|row| texts.get(row).map(Cow::into_owned)).collect());
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "dates, to a microsecond")]
    let date = |time: i64| footpath::attribute_date_written(time as f64 / per_second);
    Ok(times(column)?.into_iter().map(|time| time.map(date)).collect())
}

/// Floating-point numbers that are whole, as integers become in a column that has had a null; NaN is a null.
fn whole(column: &ArrayRef) -> Result<Vec<Option<i128>>, String> {
    /// Above this, neighbouring whole numbers are the same.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within ±2^53")]
    let exact = |(row, number): (usize, Option<f64>)| match number {
        None => Ok(None),
        Some(number) if number.fract() == 0.0 && number.abs() <= EXACT => Ok(Some(number as i128)),
        Some(number) => Err(format!("has {number} in row {}, which is no whole number", row + 1)),
    };
    numbers(column)?.into_iter().enumerate().map(exact).collect()
}

fn integers(column: &dyn Array) -> Option<Vec<Option<i128>>> {
    Some(match column.data_type() {
        DataType::Int8 => all::<Int8Type, _>(column, i128::from),
        DataType::Int16 => all::<Int16Type, _>(column, i128::from),
        DataType::Int32 => all::<Int32Type, _>(column, i128::from),
        DataType::Int64 => all::<Int64Type, _>(column, i128::from),
        DataType::UInt8 => all::<UInt8Type, _>(column, i128::from),
        DataType::UInt16 => all::<UInt16Type, _>(column, i128::from),
        DataType::UInt32 => all::<UInt32Type, _>(column, i128::from),
        DataType::UInt64 => all::<UInt64Type, _>(column, i128::from),
        _ => return None,
    })
}

fn all<T: ArrowPrimitiveType, N>(column: &dyn Array, number: impl Fn(T::Native) -> N) -> Vec<Option<N>> {
    column.as_primitive::<T>().iter().map(|value| value.map(&number)).collect()
}
