//! The values of fields: names, labels, ratings, times, parts of the log.

use super::field::Field;
use super::problems::{Checked, Flaw};
use super::records::FileNumber;
use crate::error::show;
use crate::heldout::Split;
use crate::kg::EDGE_WEIGHTS;
use std::borrow::Cow;

/// Longest name of a user, item, entity, type or relation, in bytes.
pub const MAX_NAME_BYTES: usize = 4 << 10;
/// Times from here on, up to the next constant, are taken for seconds: 1973 and later.
const SECONDS_FROM: u64 = 100_000_000;
/// Times from here on are taken for milliseconds or finer.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// An id or a name that is not empty, not too long, and on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    pub(super) fn text(self) -> &'a str {
        self.0
    }
}

/// An id or a name.
pub(super) fn name(field: Field<'_>) -> Checked<Name<'_>> {
    let text = field.text;
    if text.trim().is_empty() {
        return Err(field.flaw("empty_field", "a name is missing"));
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(field.flaw("field_too_long", format!("the name is longer than {MAX_NAME_BYTES} bytes")));
    }
    if field.quoted && text.contains(['\n', '\r', '\t']) {
        return Err(field.flaw("control_char", "a name with a line break or a tab"));
    }
    Ok(Name(text))
}

/// What is wrong with a name, if anything is.
#[cfg(feature = "parquet")]
pub(crate) fn flaw_of_name(text: &str) -> Option<String> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Some("a name with a control character".to_owned());
    }
    name(Field { text, number: 0, quoted: true }).err().map(|flaw| flaw.message)
}

/// Whether a name starts or ends with white space, which is kept.
pub(super) fn has_blanks(name: &str) -> bool {
    name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace)
}

/// A label on one line; empty where there is none.
pub(super) fn label(field: Field<'_>) -> Cow<'_, str> {
    if field.quoted && field.text.contains(['\n', '\r', '\t']) {
        return Cow::Owned(field.text.replace(['\n', '\r', '\t'], " "));
    }
    Cow::Borrowed(field.text)
}

/// A finite number in plain or scientific notation; `-0` is refused, since it is never meant.
pub(super) fn number(field: Field<'_>, kind: &'static str) -> Checked<f64> {
    let plain = field.text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let value = if plain { field.text.parse::<f64>().ok() } else { None };
    let usable = value.filter(|v| v.is_finite() && !(*v == 0.0 && v.is_sign_negative()));
    usable.ok_or_else(|| {
        let hint = if field.text.contains(',') { "; write the decimal point as `.`" } else { "" };
        field.flaw(kind, format!("`{}` is not a finite number{hint}", show(field.text.as_bytes())))
    })
}

/// A rating.
pub(super) fn rating(field: Field<'_>) -> Checked<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "checked below")]
    let rating = number(field, "rating")? as f32;
    if rating.is_finite() { Ok(rating) } else { Err(field.flaw("rating", "the rating is out of range")) }
}

/// The weight of a fact, or a rating that is to be one.
pub(super) fn weight(field: Field<'_>) -> Checked<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "checked below")]
    let weight = number(field, "weight")? as f32;
    if EDGE_WEIGHTS.contains(&weight) {
        return Ok(weight);
    }
    Err(not_a_weight(field.text).at(field.number))
}

/// The flaw of a weight out of bounds.
pub(super) fn not_a_weight(text: &str) -> Flaw {
    let (least, most) = (EDGE_WEIGHTS.start(), EDGE_WEIGHTS.end());
    Flaw::new("weight", format!("the weight `{}` is not between {least:e} and {most:e}", show(text.as_bytes())))
}

/// The part of the log named by a `split` column.
pub(super) fn split(field: Field<'_>) -> Checked<Split> {
    match field.text {
        "train" => Ok(Split::Train),
        "valid" | "validation" | "dev" => Ok(Split::Valid),
        "test" => Ok(Split::Test),
        other => {
            let message = format!("`{}` is not train, valid, validation, dev or test", show(other.as_bytes()));
            Err(field.flaw("split", message))
        }
    }
}

/// Finds logs in which some times are seconds and some milliseconds.
#[derive(Debug, Default)]
pub(super) struct TimeUnits {
    seconds: Option<i64>,
    milliseconds: Option<(i64, FileNumber, u32)>,
}

impl TimeUnits {
    pub(super) fn add(&mut self, time: i64, file: FileNumber, line: u32) {
        match time.unsigned_abs() {
            MILLISECONDS_FROM.. => self.milliseconds = self.milliseconds.or(Some((time, file, line))),
            SECONDS_FROM.. => self.seconds = self.seconds.or(Some(time)),
            _ => {}
        }
    }

    /// File, line and text of a warning, if both units were seen.
    pub(super) fn mixed(&self) -> Option<(FileNumber, u32, String)> {
        let (seconds, (milliseconds, file, line)) = (self.seconds?, self.milliseconds?);
        let message =
            format!("times of different units: {seconds} looks like seconds, {milliseconds} like milliseconds; kept");
        Some((file, line, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> Field<'_> {
        Field { text, number: 2, quoted: true }
    }

    #[test]
    fn ratings_are_finite_numbers() {
        for (text, value) in [("4", 4.0), ("0", 0.0), ("-1.5", -1.5), ("1e2", 100.0), ("+3", 3.0), ("0.5", 0.5)] {
            assert_eq!(rating(field(text)), Ok(value), "{text}");
        }
        for text in [
            "", " 4", "4 ", "NaN", "inf", "-inf", "infinity", "1e400", "1e39", "-0", "4,5", "five", "0x1f", "1_0",
            "--1",
        ] {
            let flaw = rating(field(text)).expect_err(text);
            assert_eq!((flaw.kind, flaw.column), ("rating", 3), "{text}");
        }
    }

    #[test]
    fn weights_are_positive_and_bounded() {
        for (text, value) in [("1", 1.0), ("0.5", 0.5), ("1e-6", 1e-6), ("1e6", 1e6), ("+3", 3.0)] {
            assert_eq!(weight(field(text)), Ok(value), "{text}");
        }
        for text in ["", "0", "-0", "-1", "NaN", "inf", "1e400", "9e-7", "1000001", "0,5", "heavy"] {
            let flaw = weight(field(text)).expect_err(text);
            assert_eq!((flaw.kind, flaw.column), ("weight", 3), "{text}");
        }
    }

    #[test]
    fn names_are_bounded_and_on_one_line() {
        assert_eq!(name(field(&"x".repeat(MAX_NAME_BYTES))).map(|n| n.text().len()), Ok(MAX_NAME_BYTES));
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for (text, kind) in [
            ("", "empty_field"),
            (" \u{a0}", "empty_field"),
            ("a\nb", "control_char"),
            (long.as_str(), "field_too_long"),
        ] {
            assert_eq!(name(field(text)).expect_err(text).kind, kind);
        }
        assert!([" a", "a ", "a\u{a0}"].into_iter().all(has_blanks));
        assert!(["a", "a b", "é"].into_iter().all(|n| !has_blanks(n)));
        assert_eq!(label(field("a\nb")), "a b");
    }

    #[test]
    fn mixed_units_are_seen_and_positions_are_not() {
        let units = |times: &[i64]| {
            let mut units = TimeUnits::default();
            (1..).zip(times).for_each(|(line, &time)| units.add(time, FileNumber(1), line));
            units.mixed().map(|(_, line, _)| line)
        };
        assert_eq!(units(&[1_500_000_000, 3, 1_500_000_000_000]), Some(3));
        assert_eq!(units(&[1_500_000_000, 1_400_000_000]), None);
        assert_eq!(units(&[1_500_000_000_000, 0, 7]), None);
    }
}
