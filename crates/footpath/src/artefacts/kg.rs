//! Knowledge graphs, opened once for any number of verbs.

use crate::error::Result;
use footpath_core::{Artefact, ArtefactKind, Context, Manifest};
use footpath_graph::report::GraphReport;
use footpath_graph::{HeldOut, Split, TrainKg};
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
    /// Hash of the content.
    pub hash: String,
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

    /// The directory it was opened from.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.artefact.directory()
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
            hash: self.content_hash().to_owned(),
        })
    }
}
