//! The file that says what is searched.
//!
//! ```toml
//! method = "halving"              # or "random", or "tpe"
//! trials = 27                     # 1 to 10,000
//! seed = 1
//! eta = 3                         # halving: of so many trials one goes on; 2 to 16
//! rungs = 3                       # halving: each with eta times the paths of the one before
//!
//! [train]                         # settings that are the same in all trials; the defaults of `train` where left out
//! preset = "tiny"
//!
//! [space]                         # settings that are drawn
//! learning_rate = { log = [1e-4, 1e-2] }
//! user_dropout = { uniform = [0.5, 1.0] }
//! batch_size = { int = [64, 512] }
//! siblings = { log_int = [8, 128] }
//! end_siblings = [24, 96]         # one of these
//! ```

use super::settings::{Settings, applied, known, names};
use crate::error;
use crate::train::Options;
use footpath_graph::pattern::MAX_CONFIG_BYTES;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use toml::Spanned;

/// Most trials.
pub const MAX_TRIALS: u64 = 10_000;
/// Most rungs.
pub const MAX_RUNGS: u32 = 10;
/// Least and most trials of which one goes on to the next rung.
pub const ETA: std::ops::RangeInclusive<u64> = 2..=16;
/// Significant digits of a drawn number after the first: what is tried can be written down.
const DIGITS: usize = 3;

/// How the settings of a trial are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Each trial by itself.
    Random,
    /// As random; all trials are trained with few paths, and the best go on to more (successive halving, Jamieson and
    /// Talwalkar 2016).
    #[default]
    Halving,
    /// After ten trials, by what the better ones had in common (tree-structured Parzen estimator, Bergstra et al.
    /// 2011).
    Tpe,
}

/// What is searched, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// How the settings of a trial are chosen.
    pub method: Method,
    /// Number of trials, 1 to [`MAX_TRIALS`].
    pub trials: u64,
    /// Decides every draw of settings; the seed of training is a setting.
    pub seed: u64,
    /// Of so many trials one goes on to the next rung, in [`ETA`].
    pub eta: u64,
    /// Number of rungs, 1 to [`MAX_RUNGS`]; 1 unless halving.
    pub rungs: u32,
    /// Settings that are the same in all trials.
    pub train: Settings,
    /// Settings that are drawn, by name.
    pub space: BTreeMap<String, Range>,
}

/// The values a setting may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// Each alike.
    Choices(Vec<Value>),
    /// A number, uniform between two.
    Uniform([f64; 2]),
    /// A number above 0 whose logarithm is uniform.
    Log([f64; 2]),
    /// An integer, each alike, both ends included.
    Int([i64; 2]),
    /// An integer above 0, rounded from a number whose logarithm is uniform, both ends included.
    LogInt([i64; 2]),
}

impl Range {
    /// The value at a place in [0, 1).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
    pub fn at(&self, place: f64) -> Value {
        let whole = |low: i64, high: i64, number: f64| Value::from(integer(number).clamp(low, high));
        match self {
            Self::Choices(values) => {
                values.get(index(place, values.len())).or(values.last()).cloned().unwrap_or_default()
            }
            Self::Uniform([low, high]) => rounded(low + place * (high - low), *low, *high),
            Self::Log([low, high]) => rounded(low * (high / low).powf(place), *low, *high),
            Self::Int([low, high]) => whole(*low, *high, *low as f64 + place * (high - low + 1) as f64),
            Self::LogInt([low, high]) => {
                let (from, to) = (*low as f64 - 0.5, *high as f64 + 0.5);
                whole(*low, *high, from * (to / from).powf(place) + 0.5)
            }
        }
    }

    /// The ends, or all choices.
    fn extremes(&self) -> Vec<Value> {
        match self {
            Self::Choices(values) => values.clone(),
            Self::Uniform([low, high]) | Self::Log([low, high]) => vec![Value::from(*low), Value::from(*high)],
            Self::Int([low, high]) | Self::LogInt([low, high]) => vec![Value::from(*low), Value::from(*high)],
        }
    }

    fn check(&self) -> Result<(), String> {
        let above = |low: bool, order: bool, least: &str| match (low, order) {
            (false, _) => Err(format!("the range must begin {least}")),
            (_, false) => Err("the range is empty: the first number must be the smaller one".to_owned()),
            _ => Ok(()),
        };
        match self {
            Self::Choices(values) if values.is_empty() => Err("the list is empty: give at least one value".to_owned()),
            Self::Choices(values) => {
                match (1..values.len()).find(|&n| values.iter().take(n).any(|v| Some(v) == values.get(n))) {
                    Some(twice) => Err(format!("{} stands there twice", values.get(twice).unwrap_or(&Value::Null))),
                    None => Ok(()),
                }
            }
            Self::Uniform([low, high]) => above(low.is_finite(), low < high && high.is_finite(), "with a number"),
            Self::Log([low, high]) => above(*low > 0.0, low < high && high.is_finite(), "above 0"),
            Self::Int([low, high]) => above(true, low < high, ""),
            Self::LogInt([low, high]) => above(*low > 0, low < high, "above 0"),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "below len")]
fn index(place: f64, len: usize) -> usize {
    (place * len as f64) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "the caller keeps it in its range")]
fn integer(number: f64) -> i64 {
    number.floor() as i64
}

/// The number with few digits, which stay in the range: to whoever types them in again they are the same setting.
fn rounded(number: f64, low: f64, high: f64) -> Value {
    let short: f64 = format!("{number:.DIGITS$e}").parse().unwrap_or(number);
    Value::from(short.clamp(low, high))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    method: Option<Method>,
    trials: Option<Spanned<i64>>,
    seed: Option<Spanned<i64>>,
    eta: Option<Spanned<i64>>,
    rungs: Option<Spanned<i64>>,
    #[serde(default)]
    train: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    space: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

/// What is wrong, and at which byte of the text.
type Wrong = (usize, String);

impl Space {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// As [`Space::from_toml`]; a file that cannot be read, is longer than [`MAX_CONFIG_BYTES`], or no UTF-8.
    pub fn read(path: &Path) -> error::Result<Self> {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut text));
        read.map_err(footpath_core::Error::io(path))?;
        if text.len() as u64 > MAX_CONFIG_BYTES {
            let (what, max) = ("bytes of a space file", MAX_CONFIG_BYTES);
            return Err(footpath_core::Error::Limit { what, max, got: text.len() as u64 }.into());
        }
        match String::from_utf8(text) {
            Ok(text) => Self::from_toml(&text, path),
            Err(e) => {
                let before = e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default();
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
                Err(at_line(path, line, "this line is not UTF-8".to_owned()))
            }
        }
    }

    /// Reads the text of the file `path`, which is only named in errors.
    ///
    /// # Errors
    /// [`footpath_graph::Error::Config`] with the line and the key: bad TOML, unknown keys, values and ranges that the
    /// setting cannot have.
    pub fn from_toml(text: &str, path: &Path) -> error::Result<Self> {
        parse(text).map_err(|(at, reason)| {
            let before = text.get(..at).unwrap_or(text);
            at_line(path, 1 + before.matches('\n').count() as u64, reason)
        })
    }
}

fn at_line(path: &Path, line: u64, reason: String) -> error::Error {
    footpath_graph::Error::Config { path: path.to_owned(), line, reason }.into()
}

fn parse(text: &str) -> Result<Space, Wrong> {
    let raw: Raw = toml::from_str(text).map_err(|e| (e.span().unwrap_or_default().start, e.message().to_owned()))?;
    let method = raw.method.unwrap_or_default();
    let [trials, eta, rungs] = [
        number("trials", raw.trials.as_ref(), 20, 1..=MAX_TRIALS)?,
        number("eta", raw.eta.as_ref(), 3, ETA)?,
        number("rungs", raw.rungs.as_ref(), if method == Method::Halving { 3 } else { 1 }, 1..=u64::from(MAX_RUNGS))?,
    ];
    for (name, given) in [("eta", raw.eta.as_ref()), ("rungs", raw.rungs.as_ref())] {
        if let Some(given) = given.filter(|_| method != Method::Halving) {
            return Err((given.span().start, format!("{name}: only method = \"halving\" has it")));
        }
    }
    let rungs = u32::try_from(rungs).unwrap_or(MAX_RUNGS);
    let seed = number("seed", raw.seed.as_ref(), 1, 0..=i64::MAX.unsigned_abs())?;
    let train = fixed(&raw.train)?;
    let base = applied(&Options::default(), &train).map_err(|(name, reason)| (0, format!("{name}: {reason}")))?;
    let space = drawn(&raw, &base, method)?;
    let space = Space { method, trials, seed, eta, rungs, train, space };
    check_rungs(&space, &base, raw.rungs.as_ref().or(raw.trials.as_ref()).map_or(0, |given| given.span().start))?;
    Ok(space)
}

fn number(
    name: &str,
    given: Option<&Spanned<i64>>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Wrong> {
    let Some(given) = given else { return Ok(default) };
    let value = u64::try_from(*given.get_ref()).ok().filter(|value| range.contains(value));
    let told = || format!("{name}: must be {} to {}, got {}", range.start(), range.end(), given.get_ref());
    value.ok_or_else(|| (given.span().start, told()))
}

/// The settings of `[train]`, each checked by itself.
fn fixed(raw: &BTreeMap<Spanned<String>, Spanned<toml::Value>>) -> Result<Settings, Wrong> {
    let mut settings = Settings::new();
    for (name, value) in raw {
        let at = name.span().start;
        let name = check_name(name)?;
        let value = plain(value.get_ref()).map_err(|reason| (at, format!("{name}: {reason}")))?;
        check(&Options::default(), name, &value).map_err(|reason| (at, reason))?;
        settings.insert(name.to_owned(), value);
    }
    Ok(settings)
}

/// The settings of `[space]`: each of their extremes must be one that `train` takes.
fn drawn(raw: &Raw, base: &Options, method: Method) -> Result<BTreeMap<String, Range>, Wrong> {
    let mut space = BTreeMap::new();
    for (key, value) in &raw.space {
        let at = key.span().start;
        let name = check_name(key)?;
        let told = |reason: String| (at, format!("{name}: {reason}"));
        if raw.train.contains_key(key) {
            return Err(told("stands in [train] too; give it one value there or a range here".to_owned()));
        }
        if name == "seed" {
            return Err(told("the best seed is no setting but luck; give it in [train]".to_owned()));
        }
        if method == Method::Halving && ["epochs", "paths_per_user"].contains(&name) {
            return Err(told("is what the rungs differ in; give it in [train], or take another method".to_owned()));
        }
        let range = range(value.get_ref()).map_err(told)?;
        range.check().map_err(told)?;
        range.extremes().iter().try_for_each(|value| check(base, name, value)).map_err(|reason| (at, reason))?;
        space.insert(name.to_owned(), range);
    }
    if space.is_empty() {
        let reason = format!("[space] names no setting to search; {}", known());
        return Err((0, reason));
    }
    Ok(space)
}

fn check_name(name: &Spanned<String>) -> Result<&str, Wrong> {
    let (at, name) = (name.span().start, name.get_ref());
    if names().contains(name) {
        return Ok(name);
    }
    let short: String = name.chars().take(40).collect();
    Err((at, format!("{short}: there is no such setting; {}", known())))
}

fn check(base: &Options, name: &str, value: &Value) -> Result<(), String> {
    let settings = Settings::from([(name.to_owned(), value.clone())]);
    applied(base, &settings).map(|_| ()).map_err(|(name, reason)| format!("{name}: {value}: {reason}"))
}

/// A value of a setting.
fn plain(value: &toml::Value) -> Result<Value, String> {
    match value {
        toml::Value::Datetime(_) => Err("no setting is a time".to_owned()),
        other => serde_json::to_value(other).map_err(|e| e.to_string()),
    }
}

fn range(value: &toml::Value) -> Result<Range, String> {
    const FORMS: &str = "write a list of values, or { log = [0.001, 0.1] }, { uniform = [0, 1] }, \
                         { int = [1, 9] } or { log_int = [1, 99] }";
    let table = match value {
        toml::Value::Array(values) => return Ok(Range::Choices(values.iter().map(plain).collect::<Result<_, _>>()?)),
        toml::Value::Table(table) if table.len() == 1 => table,
        _ => return Err(FORMS.to_owned()),
    };
    let Some((form, ends)) = table.iter().next() else { return Err(FORMS.to_owned()) };
    let ends = ends.as_array().map_or(&[][..], Vec::as_slice);
    let number = |value: &toml::Value| {
        #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
        let whole = || value.as_integer().map(|number| number as f64);
        value.as_float().or_else(whole)
    };
    let numbers = || match ends {
        [low, high] => Some([number(low)?, number(high)?]),
        _ => None,
    };
    let integers = || match ends {
        [low, high] => Some([low.as_integer()?, high.as_integer()?]),
        _ => None,
    };
    let found = match form.as_str() {
        "uniform" => numbers().map(Range::Uniform),
        "log" => numbers().map(Range::Log),
        "int" => integers().map(Range::Int),
        "log_int" => integers().map(Range::LogInt),
        _ => return Err(FORMS.to_owned()),
    };
    let whole = form.ends_with("int");
    found.ok_or_else(|| {
        format!("{form} takes two {}numbers: {{ {form} = [low, high] }}", if whole { "whole " } else { "" })
    })
}

/// The last rung needs a trial, and the first one a path.
fn check_rungs(space: &Space, base: &Options, at: usize) -> Result<(), Wrong> {
    let share = space.eta.saturating_pow(space.rungs - 1);
    let (trials, paths) = (space.trials, base.training.paths_per_user);
    let told = |what: &str, got: u64| {
        let reason = format!(
            "rungs: of {share} {what} in the first of {} rungs one is left in the last, but there are {got}; \
             take fewer rungs or more {what}",
            space.rungs
        );
        Err((at, reason))
    };
    match () {
        () if trials < share => told("trials", trials),
        () if paths < share => told("paths_per_user", paths),
        () => Ok(()),
    }
}
