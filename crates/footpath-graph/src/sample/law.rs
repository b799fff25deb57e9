//! What to draw: the law, and what counts how much.
//!
//! All that tells one law from another stands in the impl of [`Law`]: its name, what it says of itself, whether the end
//! comes first, and what hops are divided by. A new law is a new variant there, and the formula in the module page.

use crate::error::{Error, Result};
use crate::kg::TrainKg;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Most damping.
pub const MAX_DAMPING: f64 = 8.0;
/// Weights a relation may have.
const RELATION_WEIGHTS: RangeInclusive<f64> = 1e-6..=1e6;

/// Which items a path may end at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndSet {
    /// The user's train items other than that of the first hop.
    #[default]
    Train,
    /// Items that the user has no train interaction with.
    Unseen,
    /// Any item.
    Any,
}

/// How the paths of a user are weighed; the module page has the formulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// Every legal path alike (with damping: in proportion to its weight).
    #[default]
    UniformPath,
    /// First the end, every end that has a legal path alike; then a path to it in proportion to its weight.
    UniformEnd,
    /// As a walk that takes one of the arcs the pattern allows, each alike (or in proportion to its weight, where arcs
    /// have some), given that the walk turns out to be a legal path. Where the pattern allows to stop as well as to go
    /// on, stopping costs nothing.
    Walk,
}

impl Law {
    /// All laws.
    pub const ALL: [Self; 3] = [Self::UniformPath, Self::UniformEnd, Self::Walk];

    /// The name, as manifests and the command line have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UniformPath => "uniform-path",
            Self::UniformEnd => "uniform-end",
            Self::Walk => "walk",
        }
    }

    /// What the law is, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::UniformPath => "Every legal path alike",
            Self::UniformEnd => "First the end, each alike; then a path to it",
            Self::Walk => "As a walk that takes each allowed arc alike, given that it is a legal path",
        }
    }

    /// Whether the end of a path is chosen before the rest of it. That takes tables of each user's own.
    pub(super) fn chooses_end_first(self) -> bool {
        match self {
            Self::UniformPath | Self::Walk => false,
            Self::UniformEnd => true,
        }
    }

    /// Whether each hop is divided by what the pattern allows where it starts: by a(v).
    pub(super) fn divides_hops(self) -> bool {
        match self {
            Self::UniformPath | Self::UniformEnd => false,
            Self::Walk => true,
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Law {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::Usage { option: "law", reason: format!("no law {name:?}; there are {known}") }
        };
        Self::ALL.into_iter().find(|law| law.name() == name).ok_or_else(unknown)
    }
}

/// What to draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampleSpec {
    /// The law.
    pub law: Law,
    /// α: each node strictly between the item of the first hop and the end weighs (number of its arcs)^−α. From 0, no
    /// damping, to 8.
    pub damping: f64,
    /// β: each end weighs (number of its train interactions)^−β. From 0, no damping, to 8.
    pub end_damping: f64,
    /// λ: the weight of a relation in both directions, by name; from 1e-6 to 1e6, and 1 where none is given.
    pub relation_weights: BTreeMap<String, f64>,
    /// Whether ω of an arc is the weight that the graph has for it, in both directions, from 1e-6 to 1e6; otherwise ω
    /// is 1. Only for graphs with weights.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub edge_weights: bool,
    /// Which items a path may end at.
    pub ends: EndSet,
    /// Whether no node may come twice on a path.
    pub simple: bool,
    /// Whether an end must have been chosen later than the item of the first hop, where both have times.
    pub causal: bool,
    /// Seed of all draws.
    pub seed: u64,
}

impl Default for SampleSpec {
    /// What `footpath sample` draws unless told otherwise: every path between two train items of the user alike.
    fn default() -> Self {
        Self {
            law: Law::default(),
            damping: 0.0,
            end_damping: 0.0,
            relation_weights: BTreeMap::new(),
            edge_weights: false,
            ends: EndSet::default(),
            simple: true,
            causal: false,
            seed: 1,
        }
    }
}

impl SampleSpec {
    /// What models are trained on unless told otherwise: every end alike, then a path to it with hubs damped by 1, so
    /// that neither popular items nor hubs swamp what is learned (measured on valid of the films, where 1 beats ½).
    #[must_use]
    pub fn training() -> Self {
        Self { law: Law::UniformEnd, damping: 1.0, ..Self::default() }
    }

    /// Checks every number and name.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the option.
    pub fn validate(&self, kg: &TrainKg) -> Result<()> {
        let bad = |option, reason| Err(Error::Usage { option, reason });
        for (option, damping) in [("damping", self.damping), ("end-damping", self.end_damping)] {
            if !(0.0..=MAX_DAMPING).contains(&damping) {
                return bad(option, format!("{damping} is not between 0 and {MAX_DAMPING}"));
            }
        }
        for (name, weight) in &self.relation_weights {
            if !RELATION_WEIGHTS.contains(weight) {
                let (least, most) = (RELATION_WEIGHTS.start(), RELATION_WEIGHTS.end());
                return bad("relation-weight", format!("{weight} of {name} is not between {least} and {most}"));
            }
            if name.starts_with('~') || kg.relation(name).is_none() {
                let known: Vec<&str> = kg.schema().relations.iter().take(20).map(|r| r.name.as_str()).collect();
                return bad("relation-weight", format!("no relation {name:?}; there are {}", known.join(", ")));
            }
        }
        if self.edge_weights && !kg.has_weights() {
            let reason = "the graph has no weights of edges; import triples with a column `weight`, or ratings with \
                 option `rating_weights`";
            return bad("edge-weights", reason.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_manifests_and_come_back() {
        for law in Law::ALL {
            assert_eq!(serde_json::to_value(law).expect("a name"), law.name());
            assert_eq!(law.name().parse::<Law>().expect("a law"), law);
        }
        assert!("uniform".parse::<Law>().is_err());
    }

    #[test]
    fn presets_are_what_they_say() {
        let stated = |spec: SampleSpec| (spec.law, spec.damping, spec.end_damping, spec.ends, spec.simple, spec.seed);
        assert_eq!(stated(SampleSpec::default()), (Law::UniformPath, 0.0, 0.0, EndSet::Train, true, 1));
        assert_eq!(stated(SampleSpec::training()), (Law::UniformEnd, 1.0, 0.0, EndSet::Train, true, 1));
    }
}
