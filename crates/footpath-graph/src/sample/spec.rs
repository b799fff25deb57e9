//! What to draw: the law, and what counts how much.

use crate::error::{Error, Result};
use crate::kg::TrainKg;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    UniformPath,
    /// First the end, every end that has a legal path alike; then a path to it in proportion to its weight.
    #[default]
    UniformEnd,
    /// As a walk that takes one of the arcs the pattern allows, each alike (or in proportion to its weight, where arcs have some), given that the walk turns out to be a legal path.
    /// Where the pattern allows to stop as well as to go on, stopping costs nothing.
    Walk,
}

/// What to draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampleSpec {
    /// The law.
    pub law: Law,
    /// α: each node strictly between the item of the first hop and the end weighs (number of its arcs)^−α. From 0, no damping, to 8.
    pub damping: f64,
    /// β: each end weighs (number of its train interactions)^−β. From 0, no damping, to 8.
    pub end_damping: f64,
    /// λ: the weight of a relation in both directions, by name; from 1e-6 to 1e6, and 1 where none is given.
    pub relation_weights: BTreeMap<String, f64>,
    /// Whether ω of an arc is the weight that the graph has for it, in both directions, from 1e-6 to 1e6; otherwise ω is 1.
    /// Only for graphs with weights.
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
    /// Uniform over the user's items with damping ½: hubs do not swamp the corpus (the accuracy of models trained on
    /// corpora of this law is why it is the default).
    fn default() -> Self {
        Self {
            law: Law::UniformEnd,
            damping: 0.5,
            end_damping: 0.0,
            relation_weights: BTreeMap::new(),
            edge_weights: false,
            ends: EndSet::Train,
            simple: true,
            causal: false,
            seed: 0,
        }
    }
}

impl SampleSpec {
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
            let reason = "the graph has no weights of edges; import triples with a column `weight`, or ratings with --rating-weights";
            return bad("edge-weights", reason.to_owned());
        }
        Ok(())
    }
}

/// Weights a relation may have.
const RELATION_WEIGHTS: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

/// Most damping.
pub const MAX_DAMPING: f64 = 8.0;
