//! Patterns of well-known recommenders, over labels that every graph has.
//!
//! The originals name the relations of one data set; here the lists of relations are left open.
//!
//! - `pgpr`
//!   - the original: Xian et al., SIGIR 2019: user–item–user–item by purchases; user–item–x–item by one of six
//!     relations of Amazon products (words, brands, categories, related products), the same relation both ways and the
//!     direction ignored; two more shapes by words that users wrote themselves
//!   - here: the same shapes by any facts; both facts may be of different relations, none about a user
//! - `cafe`
//!   - the original: Xian et al., CIKM 2020: a file of metapaths for each data set, with inverse relations spelled out,
//!     so that what leads out forward leads back inverse
//!   - here: user–item–user–item, and facts walked forward to an entity and inverse to an item
//! - `collaborative`
//!   - the original: user–item–user–item alone, which later comparisons list beside the metapaths by facts
//!   - here: the same

use super::Pattern;
use crate::error::{Error, Result};
use crate::kg::TrainKg;

/// A named pattern that fits every graph with facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What it is asked for by.
    pub name: &'static str,
    /// The pattern.
    pub text: &'static str,
    /// What its paths are, in words.
    pub about: &'static str,
}

/// All presets.
pub const PRESETS: [Preset; 3] = [
    Preset {
        name: "pgpr",
        text: "(:user)-[:interacted]->(:item)<-[:interacted]-(:user)-[:interacted]->(:item) | \
               (:user)-[:interacted]->(:item)-[:!interacted]-(:!user)-[:!interacted]-(:item)",
        about: "through another user, or by any two facts",
    },
    Preset {
        name: "cafe",
        text: "(:user)-[:interacted]->(:item)<-[:interacted]-(:user)-[:interacted]->(:item) | \
               (:user)-[:interacted]->(:item)-[:!interacted]->(:entity)<-[:!interacted]-(:item)",
        about: "through another user, or through an entity that two items point to",
    },
    Preset {
        name: "collaborative",
        text: "(:user)-[:interacted]->(:item)<-[:interacted]-(:user)-[:interacted]->(:item)",
        about: "through another user",
    },
];

impl Preset {
    /// The preset of a name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the names there are.
    pub fn named(name: &str) -> Result<Self> {
        let found = PRESETS.into_iter().find(|preset| preset.name == name);
        found.ok_or_else(|| {
            let names = PRESETS.map(|preset| preset.name).join(", ");
            Error::Usage { option: "pattern-preset", reason: format!("there is no `{name}`, but {names}") }
        })
    }

    /// The pattern of the preset for a graph.
    ///
    /// # Errors
    /// [`Error::Pattern`] when the graph has no facts or no entities.
    pub fn pattern(self, kg: &TrainKg) -> Result<Pattern> {
        Pattern::parse(self.text, kg)
    }
}
