//! Knowledge graphs, opened once for any number of verbs.

use super::origin::Origin;
use crate::error::Result;
use crate::text::words;
use footpath_core::{Artefact, ArtefactKind, Context, Manifest};
use footpath_graph::report::GraphReport;
use footpath_graph::{HeldOut, HeldOutFacts, Split, TrainKg};
use serde::Serialize;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// A knowledge graph with what is held out of it. Clones share both.
///
/// It reads as the train graph, which has no held-out interaction; these have to be asked for ([`Kg::held_out`]).
#[derive(Clone, Debug)]
pub struct Kg {
    train: Arc<TrainKg>,
    artefact: Arc<Artefact>,
}

impl Deref for Kg {
    type Target = TrainKg;

    fn deref(&self) -> &TrainKg {
        &self.train
    }
}

/// A graph in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KgSummary {
    /// Nodes and facts by kind.
    #[serde(flatten)]
    pub graph: GraphReport,
    /// Interactions held out for choosing a model.
    pub num_valid: usize,
    /// Interactions held out for the final figure.
    pub num_test: usize,
    /// Facts held out for choosing a model.
    pub num_valid_facts: usize,
    /// Facts held out for the final figure.
    pub num_test_facts: usize,
    /// Hash of the content.
    pub hash: String,
    /// How it came about.
    pub origin: Origin,
}

impl Kg {
    /// Opens the graph at `directory`.
    ///
    /// # Errors
    /// What is there is no graph, a damaged one, or one that breaks the rules that every graph obeys.
    pub fn open(directory: &Path, context: &Context) -> Result<Self> {
        let open = || {
            let artefact = Artefact::open(directory, ArtefactKind::Kg, context)?;
            Ok::<_, crate::Error>(Self { train: Arc::new(TrainKg::of(&artefact)?), artefact: Arc::new(artefact) })
        };
        context.run(open)?
    }

    /// The graph with the train interactions and no others.
    #[must_use]
    pub fn train(&self) -> &Arc<TrainKg> {
        &self.train
    }

    /// The same artefact, read as another train graph of the same nodes.
    pub(crate) fn with_train(&self, train: TrainKg) -> Self {
        Self { train: Arc::new(train), ..self.clone() }
    }

    /// The interactions of a held-out part.
    ///
    /// # Errors
    /// Its file is damaged; [`footpath_graph::Error::Usage`] for [`Split::Train`].
    pub fn held_out(&self, split: Split) -> Result<HeldOut> {
        Ok(footpath_graph::kg::held_out(&self.artefact, split)?)
    }

    /// The words of all tokens, in the order of the tokens: nodes as `user:ID`, `item:ID` or `entity:ID`, relations by
    /// name, an inverse with a leading `~`. Blanks and the like are percent-encoded, so no two tokens share a word.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        words::words(&self.train)
    }

    /// The facts of a held-out part; none where the data held no facts out.
    ///
    /// # Errors
    /// As [`Kg::held_out`].
    pub fn held_out_facts(&self, split: Split) -> Result<HeldOutFacts> {
        Ok(footpath_graph::kg::held_out_facts(&self.artefact, split)?)
    }

    /// The directory it was opened from.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.artefact.directory()
    }

    /// How it came about: what its import did and found.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::of(&self.manifest().config)
    }

    /// What it was made of, and how.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.artefact.manifest()
    }

    /// The graph in figures.
    ///
    /// # Errors
    /// As [`Kg::held_out`]; [`footpath_core::Error::Stopped`].
    pub fn summary(&self, context: &Context) -> Result<KgSummary> {
        Ok(KgSummary {
            graph: context.run(|| GraphReport::of(&self.train, context))??,
            num_valid: self.held_out(Split::Valid)?.len(),
            num_test: self.held_out(Split::Test)?.len(),
            num_valid_facts: self.held_out_facts(Split::Valid)?.len(),
            num_test_facts: self.held_out_facts(Split::Test)?.len(),
            hash: self.content_hash().to_owned(),
            origin: self.origin(),
        })
    }
}
