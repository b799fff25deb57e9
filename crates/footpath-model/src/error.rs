//! What can go wrong with the model.

use footpath_core::ErrorClass;
use std::ops::Range;

/// Result of the model crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of the model crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, artefact or limit of the core crate.
    #[error(transparent)]
    Core(#[from] footpath_core::Error),
    /// A setting is out of range.
    #[error("{option}: {reason}")]
    Config {
        /// The setting.
        option: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The loss became NaN or infinite.
    #[error(
        "step {step}, rows {} to {} of the run: the loss is {loss}; lower the learning rate. {}",
        rows.start, rows.end.saturating_sub(1), last_checkpoint(*checkpoint)
    )]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        loss: f64,
        /// Numbers of the rows since training began.
        rows: Range<u64>,
        /// Step of the last checkpoint, 0 where there is none.
        checkpoint: u64,
    },
    /// A checkpoint stands where no run of its epoch can.
    #[error(
        "the checkpoint stands at batch {batch} of epoch {epoch}, which has {num_batches}: it is damaged or of other \
         paths; discard the run and begin again"
    )]
    OutOfEpoch {
        /// The epoch, from 0.
        epoch: u64,
        /// Batches of it said to be done.
        batch: u64,
        /// Batches it has.
        num_batches: u64,
    },
    /// There is nothing to train on.
    #[error("the corpus has no path; sample with another pattern or end set")]
    EmptyCorpus,
    /// A model of another program cannot be read as one of ours.
    #[error("{}: {reason}", path.display())]
    Foreign {
        /// The file or directory.
        path: std::path::PathBuf,
        /// What is missing or different.
        reason: String,
    },
    /// A weight is NaN or infinite.
    #[error("{name}: a weight is NaN or infinite; the model file is damaged or training diverged")]
    NonFinite {
        /// The array.
        name: String,
    },
}

fn last_checkpoint(step: u64) -> String {
    match step {
        0 => "There is no checkpoint yet".to_owned(),
        step => format!("The last good checkpoint is that of step {step}"),
    }
}

impl Error {
    /// Whether this is no failure but the end that was asked for.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Core(error) if error.is_stop())
    }

    /// Which exit status the error stands for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Core(e) => e.class(),
            Self::Config { .. } => ErrorClass::Usage,
            Self::Diverged { .. } => ErrorClass::Runtime,
            Self::EmptyCorpus | Self::Foreign { .. } => ErrorClass::Input,
            Self::NonFinite { .. } | Self::OutOfEpoch { .. } => ErrorClass::Artefact,
        }
    }
}
