//! Mixtures of patterns in a TOML file.
//!
//! ```toml
//! collaborative_share = 0.3       # optional, 0 to 1
//!
//! [pattern]                       # optional: patterns with names
//! people = "(:user)-[:interacted]->(:item)-[]-(:person)-[]-(:item)"
//!
//! [[mixture]]                     # 1 to 64 parts
//! pattern = "people"              # a name from above, a preset, or a pattern
//! weight = 2                      # over 0; 1 if left out
//!
//! [[mixture]]
//! pattern = "collaborative"
//! ```

use super::presets::PRESETS;
use super::{Mixture, Part, Pattern};
use crate::error::{Error, Result, show};
use crate::kg::TrainKg;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// Longest file accepted, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    pattern: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    mixture: Vec<Entry>,
    collaborative_share: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    pattern: Spanned<String>,
    weight: Option<Spanned<f64>>,
}

impl Mixture {
    /// Reads the mixture of a TOML file.
    ///
    /// # Errors
    /// As [`Mixture::from_toml`]; a file that cannot be read or has more than [`MAX_CONFIG_BYTES`].
    pub fn read(path: &Path, kg: &TrainKg) -> Result<Self> {
        let io = |error| footpath_core::Error::Io { path: path.to_owned(), source: error };
        let mut text = Vec::new();
        File::open(path).and_then(|file| file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut text)).map_err(io)?;
        if text.len() as u64 > MAX_CONFIG_BYTES {
            return Err(footpath_core::Error::Limit {
                what: "bytes of a patterns file",
                max: MAX_CONFIG_BYTES,
                got: text.len() as u64,
            }
            .into());
        }
        let text = String::from_utf8(text).map_err(|e| {
            let before = e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            Error::Config { path: path.to_owned(), line, reason: "this line is not UTF-8".to_owned() }
        })?;
        Self::from_toml(&text, path, kg)
    }

    /// Reads a mixture from the text of the file `path`, which is only named in errors.
    ///
    /// # Errors
    /// [`Error::Config`] with the line: bad TOML, unknown keys, names that are used twice or not known, weights and
    /// shares out of range, bad patterns.
    pub fn from_toml(text: &str, path: &Path, kg: &TrainKg) -> Result<Self> {
        let fail = |span: Range<usize>, reason: String| {
            let before = text.get(..span.start).unwrap_or(text);
            Error::Config { path: path.to_owned(), line: before.matches('\n').count() as u64 + 1, reason }
        };
        let config: Config =
            toml::from_str(text).map_err(|e| fail(e.span().unwrap_or_default(), show(e.message().as_bytes())))?;
        let mut named = BTreeMap::new();
        for (name, pattern) in &config.pattern {
            let span = pattern.span();
            if PRESETS.iter().any(|preset| preset.name == name) {
                return Err(fail(span, format!("`{name}` is the name of a preset; choose another")));
            }
            let pattern = Pattern::parse(pattern.get_ref(), kg).map_err(|e| fail(span, e.to_string()))?;
            named.insert(name.as_str(), pattern);
        }
        let mut parts = Vec::new();
        let mut seen = BTreeSet::new();
        for Entry { pattern, weight } in &config.mixture {
            let (span, name) = (pattern.span(), pattern.get_ref().as_str());
            let pattern = resolve(name, &named, kg).map_err(|reason| fail(span.clone(), reason))?;
            let name = if named.contains_key(name) || is_preset(name) { name } else { pattern.source() };
            if !seen.insert(name.to_owned()) {
                return Err(fail(
                    span,
                    format!("`{}` is in the mixture twice; give it one weight", show(name.as_bytes())),
                ));
            }
            let (at, weight) = weight.as_ref().map_or((span, 1.0), |weight| (weight.span(), *weight.get_ref()));
            if !(weight.is_finite() && weight > 0.0) {
                return Err(fail(at, format!("a weight is a number over 0, got {weight}")));
            }
            parts.push(Part { name: name.to_owned(), pattern, weight });
        }
        let last = config.mixture.last().map_or(0..0, |entry| entry.pattern.span());
        let told = |span: Range<usize>| {
            move |error: Error| match error {
                Error::Usage { option: "patterns", reason } => fail(span, reason),
                Error::Usage { option, reason } => fail(span, format!("{option} {reason}")),
                other => other,
            }
        };
        if parts.is_empty() {
            return Err(fail(0..0, "there is no [[mixture]]; write one with pattern = \"…\"".to_owned()));
        }
        let mixture = Self::new(parts).map_err(told(last))?;
        match &config.collaborative_share {
            Some(share) => mixture.with_collaborative_share(*share.get_ref()).map_err(told(share.span())),
            None => Ok(mixture),
        }
    }
}

fn is_preset(name: &str) -> bool {
    PRESETS.iter().any(|preset| preset.name == name)
}

/// A name of the file or of a preset, or else the text of a pattern.
fn resolve(name: &str, named: &BTreeMap<&str, Pattern>, kg: &TrainKg) -> std::result::Result<Pattern, String> {
    if let Some(pattern) = named.get(name) {
        return Ok(pattern.clone());
    }
    let preset = PRESETS.iter().find(|preset| preset.name == name).map(|preset| preset.text);
    if preset.is_none() && !name.contains('(') {
        let names = named.keys().copied().chain(PRESETS.iter().map(|preset| preset.name));
        let names = show(names.collect::<Vec<_>>().join(", ").as_bytes());
        return Err(format!("`{}` is neither a pattern nor one of the names {names}", show(name.as_bytes())));
    }
    Pattern::parse(preset.unwrap_or(name), kg).map_err(|e| e.to_string())
}
