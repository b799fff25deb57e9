//! Weighted mixtures of patterns.

use super::{MAX_PATTERN_BYTES, Pattern, determine};
use crate::error::{Error, Result};

/// Most parts of a mixture.
pub const MAX_PARTS: usize = 64;

/// A pattern of a [`Mixture`].
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is called, for people.
    pub name: String,
    /// Its paths.
    pub pattern: Pattern,
    /// Share of the drawn paths that are of this part, over 0; the shares of a mixture add up to 1.
    pub weight: f64,
}

/// Patterns with the shares in which paths of them are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    parts: Vec<Part>,
    union: Pattern,
}

impl Mixture {
    /// A mixture of parts whose weights are over 0 and need not add up to 1. All patterns must be for the same graph.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no part or more than [`MAX_PARTS`], a weight is not a number over 0, the parts
    /// start at different node types, or all of them together are too large for one automaton.
    pub fn new(parts: Vec<Part>) -> Result<Self> {
        if parts.is_empty() || parts.len() > MAX_PARTS {
            return Err(usage(format!("a mixture has 1 to {MAX_PARTS} parts, got {}", parts.len())));
        }
        if let Some(part) = parts.iter().find(|part| !(part.weight > 0.0 && part.weight.is_finite())) {
            return Err(usage(format!("the weight of `{}` must be a number over 0, got {}", part.name, part.weight)));
        }
        let union = union(&parts)?;
        Ok(Self { parts: normalised(parts)?, union })
    }

    /// All paths of one pattern.
    #[must_use]
    pub fn single(pattern: Pattern) -> Self {
        let part = Part { name: pattern.source().to_owned(), pattern: pattern.clone(), weight: 1.0 };
        Self { parts: vec![part], union: pattern }
    }

    /// The parts; their weights add up to 1.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The paths of any part.
    #[must_use]
    pub fn union(&self) -> &Pattern {
        &self.union
    }

    /// Most hops of a path.
    #[must_use]
    pub fn max_hops(&self) -> usize {
        self.union.max_hops()
    }

    /// Every part split into its paths that meet another user and those that do not; the former get `share` of the
    /// weight together, the latter the rest, each in the proportions the parts had. A part without paths of the kind
    /// passes its weight to the others.
    ///
    /// # Errors
    /// [`Error::Usage`] unless `share` is between 0 and 1, and when there is nothing to give a weight to.
    pub fn with_collaborative_share(&self, share: f64) -> Result<Self> {
        let usage = |reason: String| Error::Usage { option: "collaborative_share", reason };
        if !(0.0..=1.0).contains(&share) {
            return Err(usage(format!("must be 0 to 1, got {share}")));
        }
        let split = |restricted: fn(&Pattern) -> Option<Pattern>, kind: &str, share: f64| -> Result<Vec<Part>> {
            if share <= 0.0 {
                return Ok(Vec::new());
            }
            let parts = self.parts.iter().filter_map(|part| {
                let name = format!("{} ({kind})", part.name);
                Some(Part { name, pattern: restricted(&part.pattern)?, weight: part.weight })
            });
            let mut parts: Vec<Part> = parts.collect();
            if parts.is_empty() {
                return Err(usage(format!("no pattern has {kind} paths, which were to have a share of {share}")));
            }
            let sum: f64 = parts.iter().map(|part| part.weight).sum();
            parts.iter_mut().for_each(|part| part.weight *= share / sum);
            Ok(parts)
        };
        let mut parts = split(Pattern::collaborative, "collaborative", share)?;
        parts.extend(split(Pattern::knowledge, "knowledge", 1.0 - share)?);
        if parts.len() > MAX_PARTS {
            return Err(usage(format!("the split makes {} parts, and {MAX_PARTS} are allowed", parts.len())));
        }
        // Both kinds of paths together are all paths.
        let union = if share > 0.0 && share < 1.0 { self.union.clone() } else { union(&parts)? };
        Ok(Self { parts: normalised(parts)?, union })
    }
}

fn union(parts: &[Part]) -> Result<Pattern> {
    let Some((first, others)) = parts.split_first() else { return Err(usage("a mixture needs a part".to_owned())) };
    if others.is_empty() {
        return Ok(first.pattern.clone());
    }
    if let Some(part) = others.iter().find(|part| part.pattern.starts() != first.pattern.starts()) {
        let reason = format!("`{}` and `{}` start at different node types", first.name, part.name);
        return Err(usage(reason));
    }
    let automata: Vec<_> = parts.iter().map(|part| part.pattern.automaton()).collect();
    let source = parts.iter().map(|part| part.pattern.source()).collect::<Vec<_>>().join(" | ");
    match determine::union(&automata) {
        Ok(Some(automaton)) if source.len() <= MAX_PATTERN_BYTES => Ok(first.pattern.with_paths(source, automaton)),
        _ => Err(usage("the patterns together are too large; use fewer or simpler ones".to_owned())),
    }
}

/// Weights that add up to 1.
fn normalised(mut parts: Vec<Part>) -> Result<Vec<Part>> {
    let sum: f64 = parts.iter().map(|part| part.weight).sum();
    parts.iter_mut().for_each(|part| part.weight /= sum);
    match parts.iter().find(|part| part.weight <= 0.0 || part.weight.is_nan()) {
        Some(part) => Err(usage(format!("the weight of `{}` vanishes beside the others", part.name))),
        None => Ok(parts),
    }
}

fn usage(reason: String) -> Error {
    Error::Usage { option: "patterns", reason }
}
