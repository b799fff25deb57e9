//! Times and positions in any usual form, kept exactly: a number of so many tenths, hundredths, … of a unit.

use crate::error::show;

/// Most digits after the point.
const MAX_SCALE: u32 = 18;
/// Digits that a time in seconds since 1970 has.
const DIGITS_OF_SECONDS: u32 = 10;

/// How times of a log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// Numbers, in any unit.
    Number,
    /// Dates, which become seconds since 1970.
    Date,
}

/// A time or position: `digits · 10^−scale`, with the smallest scale there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) digits: i64,
    pub(super) scale: u32,
    pub(super) form: TimeForm,
    /// Whether whoever wrote it left digits out that a time of today has, as in `1.6E+09`.
    pub(super) rounded: bool,
}

impl Time {
    /// As a number of parts of a unit, so many digits after the point; `None` where that does not fit.
    pub(super) fn at_scale(self, scale: u32) -> Option<i64> {
        self.digits.checked_mul(10i64.checked_pow(scale.checked_sub(self.scale)?)?)
    }

    /// Whole units.
    pub(super) fn units(self) -> i64 {
        10i64.checked_pow(self.scale).map_or(0, |unit| self.digits.div_euclid(unit))
    }
}

/// Reads a time.
pub(super) fn parse(text: &str) -> Result<Time, String> {
    if let Ok(digits) = text.parse() {
        return Ok(Time { digits, scale: 0, form: TimeForm::Number, rounded: false });
    }
    number(text).unwrap_or_else(|| date(text)).map_err(|why| {
        let wanted = "write seconds since 1970, a position, or a date such as 2020-09-13 or 2020-09-13T12:26:40Z";
        format!("`{}` {why}; {wanted}", show(text.as_bytes()))
    })
}

/// A decimal number with point and exponent; `None` if it is none.
fn number(text: &str) -> Option<Result<Time, String>> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<i32>().ok()?)),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let written: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let first = written.iter().position(|&digit| digit > 0).unwrap_or(written.len());
    let last = written.iter().rposition(|&digit| digit > 0).map_or(first, |last| last + 1);
    // The value is that of the digits between first and last, times ten to this power.
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let dropped = i64::try_from(written.len() - last).unwrap_or(0);
    let power = i64::from(exponent.unwrap_or(0)) - places + dropped;
    let significant = written.get(first..last).unwrap_or_default();
    if significant.is_empty() {
        let zero = Time { digits: 0, scale: 0, form: TimeForm::Number, rounded: false };
        return Some(if sign < 0 { Err("is a negative zero".to_owned()) } else { Ok(zero) });
    }
    let digits = significant.iter().try_fold(0i64, |sum, &digit| sum.checked_mul(10)?.checked_add(digit.into()));
    let scaled = digits.and_then(|digits| match u32::try_from(power) {
        Ok(power) => Some((digits.checked_mul(10i64.checked_pow(power)?)?, 0)),
        Err(_) => Some((digits, u32::try_from(-power).ok().filter(|&scale| scale <= MAX_SCALE)?)),
    });
    let Some((digits, scale)) = scaled else {
        return Some(Err("does not fit 64 bits without being rounded".to_owned()));
    };
    let kept = u32::try_from(written.len() - first).unwrap_or(u32::MAX);
    let rounded = exponent.is_some_and(|e| e >= 8) && kept < DIGITS_OF_SECONDS;
    Some(Ok(Time { digits: sign * digits, scale, form: TimeForm::Number, rounded }))
}

/// A date of ISO 8601, with or without a time of day and a time zone; UTC where there is none.
fn date(text: &str) -> Result<Time, String> {
    let no_date = || "is no time".to_owned();
    let (day, rest) = text.split_at_checked(10).ok_or_else(no_date)?;
    let day = civil_day(day).ok_or_else(|| match text.bytes().filter(|b| matches!(b, b'/' | b'.' | b'-')).count() {
        2.. if text.starts_with(|c: char| c.is_ascii_digit()) => {
            "is no date, or does not say which of its numbers is the month".to_owned()
        }
        _ => no_date(),
    })?;
    let (seconds, fraction) = match rest.strip_prefix(['T', 't', ' ']) {
        None if rest.is_empty() => (0, ""),
        None => return Err(no_date()),
        Some(rest) => clock(rest).ok_or_else(|| "has a time of day that is none".to_owned())?,
    };
    let fraction = fraction.trim_end_matches('0');
    let scale = u32::try_from(fraction.len()).ok().filter(|&scale| scale <= 9);
    let scale = scale.ok_or_else(|| "has more than nine digits after the second".to_owned())?;
    let parts = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| no_date())? };
    let whole = (day * 86_400 + seconds).checked_mul(10i64.pow(scale));
    let digits = whole.and_then(|whole| whole.checked_add(parts));
    let digits = digits.ok_or_else(|| "does not fit 64 bits".to_owned())?;
    Ok(Time { digits, scale, form: TimeForm::Date, rounded: false })
}

fn two(text: &str) -> Option<i64> {
    let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Days from 1970-01-01 to `YYYY-MM-DD` or `YYYY/MM/DD`, in the Gregorian calendar.
fn civil_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, if text.contains('/') { '/' } else { '-' });
    let (year, month, day) = (parts.next()?, two(parts.next()?)?, two(parts.next()?)?);
    let year: i64 =
        if year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()) { year.parse().ok()? } else { return None };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the leap day is the last (Hinnant, "chrono-Compatible Low-Level Date
    // Algorithms").
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468)
}

/// Seconds since 1970 of a date; `None` if it is none.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let time = parse(text).ok().filter(|time| time.form == TimeForm::Date)?;
    #[expect(clippy::cast_precision_loss, reason = "seconds of any year are far below 2^52")]
    let digits = time.digits as f64;
    Some(digits / 10f64.powi(i32::try_from(time.scale).ok()?))
}

/// A date that reads as these seconds since 1970, to a microsecond: `YYYY-MM-DD`, with the time of day where there is
/// one.
pub(crate) fn written(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "dates of four digits have far fewer microseconds than 2^63")]
    let micros = (seconds * 1e6).round() as i64;
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    // The inverse of `civil_day`, from the same source.
    let era = (days + 719_468).div_euclid(146_097);
    let day_of_era = (days + 719_468).rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let date = format!("{:04}-{month:02}-{day:02}", year + era * 400 + later);
    let (second, micros) = (rest / 1_000_000, rest % 1_000_000);
    let clock = format!("T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    match (rest, micros) {
        (0, _) => date,
        (_, 0) => format!("{date}{clock}Z"),
        _ => format!("{date}{clock}.{}Z", format!("{micros:06}").trim_end_matches('0')),
    }
}

/// Seconds of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`, less the offset of a time zone behind it; and the fraction.
fn clock(text: &str) -> Option<(i64, &str)> {
    let zone = text.find(['Z', 'z', '+', '-', 'U', ' ']).unwrap_or(text.len());
    let (clock, zone) = text.split_at_checked(zone)?;
    let (clock, fraction) = match clock.find(['.', ',']) {
        Some(point) => (clock.get(..point)?, clock.get(point + 1..)?),
        None => (clock, ""),
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
    let second = parts.next().map_or(Some(0), two)?;
    let fits = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    let is_fraction = fraction.bytes().all(|b| b.is_ascii_digit());
    if !fits || !is_fraction {
        return None;
    }
    Some((hour * 3600 + minute * 60 + second - offset(zone.trim_start())?, fraction))
}

/// Seconds that a time zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | "UTC") {
        return Some(0);
    }
    let (sign, digits) = match zone.strip_prefix('+') {
        Some(digits) => (1, digits),
        None => (-1, zone.strip_prefix('-')?),
    };
    let (hours, rest) = digits.split_at_checked(2)?;
    let minutes = rest.strip_prefix(':').unwrap_or(rest);
    let (hours, minutes) = (two(hours)?, if rest.is_empty() { 0 } else { two(minutes)? });
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_they_are_read() {
        for text in [
            "1970-01-01",
            "1969-12-31",
            "2000-02-29",
            "1900-03-01",
            "0001-01-01",
            "9999-12-31",
            "1979-05-25",
            "2020-09-13T12:26:40Z",
            "1969-12-31T23:59:59.5Z",
            "2024-02-29T00:00:01.000001Z",
        ] {
            let time = parse(text).expect(text);
            let seconds = time.digits as f64 / 10f64.powi(time.scale.try_into().expect("small"));
            assert_eq!(written(seconds), text);
        }
    }
    use proptest::prelude::*;

    #[test]
    fn numbers_are_kept_exactly() {
        for (text, digits, scale) in [
            ("964980499", 964_980_499, 0),
            ("-5", -5, 0),
            ("0.0", 0, 0),
            ("1.5e9", 1_500_000_000, 0),
            ("10.75", 1_075, 2),
            ("10.750", 1_075, 2),
            ("-0.5", -5, 1),
            ("1600000000.1234567", 16_000_000_001_234_567, 7),
            ("1.600000000000000000e+09", 1_600_000_000, 0),
            ("1.6000000005e9", 16_000_000_005, 1),
            ("25e-1", 25, 1),
            ("9223372036854775807", i64::MAX, 0),
        ] {
            let time = parse(text).expect(text);
            assert_eq!((time.digits, time.scale), (digits, scale), "{text}");
        }
        for (text, rounded) in
            [("1.6E+09", true), ("1.600000e+09", true), ("1.600000001e+09", false), ("1600000000.0", false)]
        {
            assert_eq!(parse(text).expect(text).rounded, rounded, "{text}");
        }
        for text in
            ["", "9223372036854775808", "1e19", "-1e19", "today", "NaN", "-0.0", ".", "1e", "0x10", "1,5", "1e-30"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_seconds_since_1970() {
        for (text, digits, scale) in [
            ("1970-01-01", 0, 0),
            ("2020-09-13", 1_599_955_200, 0),
            ("2020/09/13", 1_599_955_200, 0),
            ("2020-09-13 12:26:40", 1_600_000_000, 0),
            ("2020-09-13T12:26:40Z", 1_600_000_000, 0),
            ("2020-09-13T12:26", 1_599_999_960, 0),
            ("2020-09-13T14:26:40+02:00", 1_600_000_000, 0),
            ("2020-09-13 14:26:40 +0200", 1_600_000_000, 0),
            ("2020-09-13T07:26:40-05", 1_600_000_000, 0),
            ("2020-09-13 12:26:40 UTC", 1_600_000_000, 0),
            ("2020-09-13T12:26:40.250Z", 160_000_000_025, 2),
            ("2020-09-13T12:26:40,5", 16_000_000_005, 1),
            ("1969-12-31T23:59:59.5", -5, 1),
            ("2000-02-29", 951_782_400, 0),
        ] {
            let time = parse(text).expect(text);
            assert_eq!((time.digits, time.scale, time.form), (digits, scale, TimeForm::Date), "{text}");
        }
        for text in [
            "2020-02-30",
            "2021-02-29",
            "2020-13-01",
            "13/09/2020",
            "09/13/2020 12:00",
            "13.09.2020",
            "2020-9-13",
            "2020-09-13T25:00",
            "2020-09-13T12:60",
            "2020-09-13T12:00:00+1",
            "2020-09-13x",
            "Sun, 13 Sep 2020 12:26:40 +0000",
        ] {
            let why = parse(text).expect_err(text);
            assert!(why.contains("2020-09-13T12:26:40Z") && why.contains(text), "{why}");
        }
    }

    proptest! {
        #[test]
        fn dates_keep_their_order(a in 0..4_000_000_000i64, b in 0..4_000_000_000i64) {
            // Against counting days one by one would be slow; the order and the distance of days must hold.
            let day = |seconds: i64| {
                let mut days = seconds / 86_400;
                let mut year = 1970;
                let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
                while days >= 365 + i64::from(leap(year)) { days -= 365 + i64::from(leap(year)); year += 1; }
                let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
                let mut month = 0;
                while days >= lengths[month] { days -= lengths[month]; month += 1; }
                let clock = seconds % 86_400;
                let [hour, minute, second] = [clock / 3600, clock / 60 % 60, clock % 60];
                format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}", month + 1, days + 1)
            };
            prop_assert_eq!(parse(&day(a)).expect("a date").digits, a);
            prop_assert_eq!(parse(&day(b)).expect("a date").digits, b);
        }

        #[test]
        fn decimal_numbers_keep_their_order(a in any::<i32>(), b in any::<i32>(), places in 0u32..6) {
            let text = |n: i32| {
                let unit = 10i64.pow(places);
                let (whole, rest) = (i64::from(n).abs() / unit, i64::from(n).abs() % unit);
                let sign = if n < 0 { "-" } else { "" };
                let width = places as usize;
                if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest:0width$}") }
            };
            let at = |n: i32| parse(&text(n)).expect("a number").at_scale(8).expect("fits");
            prop_assert_eq!(at(a).cmp(&at(b)), a.cmp(&b));
        }
    }
}
