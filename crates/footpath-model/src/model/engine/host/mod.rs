//! The trunk on the CPU, forward and backward, by hand.
//!
//! It is the same function as burn's with the same gradients (`tests/model/host.rs` compares them for every
//! architecture), in a third of the time: a backend goes over the whole batch once for each operation and makes a
//! tensor of each result; here a few rows go through all blocks while they are in the cache, and what lies between two
//! matrix products is one pass. The weights are used where they lie.
//!
//! | file | what |
//! |---|---|
//! | `norm`, `attention`, `feed_forward` | layers, each with its derivative |
//! | `pass` | whole batches: forward, and backward with the sum over all rows |
//! | `step` | one more token for each row, with the keys and values of those before |

mod attention;
mod feed_forward;
mod norm;
mod pass;
mod step;

use super::{Engine, Pass, Stepper};
use crate::dropout::Dropout;
use crate::layout::Layout;
use crate::model::weights::TrunkWeights;
use footpath_core::{Result, Stop};

impl Engine for TrunkWeights {
    fn record(
        &self,
        inputs: Vec<f32>,
        layout: &Layout,
        dropout: &mut Dropout,
        stop: &Stop,
    ) -> Result<Box<dyn Pass + '_>> {
        let masks = dropout.masks(self.places_of_dropout(), layout.rows * layout.tokens * self.d_model);
        Ok(Box::new(pass::HostPass::forward(self, &inputs, layout, masks, stop)?))
    }

    fn begin(&self) -> Box<dyn Stepper + '_> {
        Box::new(step::HostStepper::new(self))
    }
}
