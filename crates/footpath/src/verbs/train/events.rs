//! What happens in a run, for whoever looks on.

use super::plan::Plan;
use crate::artefacts::model_card::ModelCard;
use footpath_model::TrainingProgress;

/// What happens in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// Training is about to begin.
    Start {
        /// What it will come to.
        plan: &'a Plan,
        /// The pattern of the paths.
        pattern: &'a str,
        /// Step it goes on from; 0 at the beginning.
        resumed_at: u64,
    },
    /// A step was done.
    Step(&'a TrainingProgress),
    /// All steps are done; the linear part is solved, and the weights of what is said beside paths are chosen on valid.
    Blend,
    /// The run ended.
    End(&'a ModelCard),
}

/// Who is told what happens, on a thread of the context.
pub type Observe<'a> = dyn FnMut(Event<'_>) + Send + 'a;
