//! What artefacts there are.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What an artefact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtefactKind {
    /// A knowledge graph with its interactions.
    Kg,
    /// Paths, as rows of tokens.
    Corpus,
    /// A trained model.
    Model,
    /// A training that goes on.
    Checkpoint,
    /// Figures and what they were made from.
    Evaluation,
    /// A data set in the form of hopwise.
    Hopwise,
    /// A model in the form of transformers.
    HuggingFace,
    /// A data set as tables.
    Dataset,
}

impl ArtefactKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Kg,
        Self::Corpus,
        Self::Model,
        Self::Checkpoint,
        Self::Evaluation,
        Self::Hopwise,
        Self::HuggingFace,
        Self::Dataset,
    ];

    /// As it stands in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kg => "kg",
            Self::Corpus => "corpus",
            Self::Model => "model",
            Self::Checkpoint => "checkpoint",
            Self::Evaluation => "evaluation",
            Self::Hopwise => "hopwise",
            Self::HuggingFace => "hugging-face",
            Self::Dataset => "dataset",
        }
    }
}

impl fmt::Display for ArtefactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_are_written_and_differ() {
        let names: std::collections::BTreeSet<_> = ArtefactKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ArtefactKind::ALL.len());
        for kind in ArtefactKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("text"), kind.name());
            assert_eq!(serde_json::from_value::<ArtefactKind>(kind.name().into()).expect("a kind"), kind);
        }
    }
}
