//! What computes a trunk: our own kernels on the CPU, burn's tensors anywhere else.

use super::host::{self, Host};
use super::{KeysAndValues, Trunk};
use crate::dropout::Dropout;
use crate::layout::Layout;
use crate::optimizer::{TrunkGradients, TrunkOptimizer};
use crate::weights::to_vec;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// A trunk, ready to compute on vectors of the host.
#[derive(Debug)]
pub struct Engine<'a> {
    trunk: &'a Trunk,
    device: Device,
    /// The arrays of the trunk, where it is on the CPU.
    host: Option<Host>,
}

/// Keys and values of the tokens so far, for each block.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    host: host::Cache,
    device: Vec<KeysAndValues>,
}

impl Cache {
    /// Number of tokens held.
    #[must_use]
    pub fn num_tokens(&self) -> usize {
        let on_device = self.device.first().map_or(0, |(key, _)| key.dims()[2]);
        self.host.num_tokens().max(on_device)
    }
}

/// A forward pass that can go backward.
#[derive(Debug)]
pub struct Recorded<'a> {
    trunk: &'a Trunk,
    pass: Pass,
}

/// What has been computed, by whom. A device has its inputs and hidden vectors as tensors.
#[derive(Debug)]
enum Pass {
    Host { pass: Box<host::Pass>, device: Device },
    Device { tensors: Box<[Tensor<3>; 2]>, values: Vec<f32> },
}

impl<'a> Engine<'a> {
    /// Reads the arrays of the trunk, if it is to be computed on the CPU: not for every token, please.
    #[must_use]
    pub fn new(trunk: &'a Trunk) -> Self {
        let device = trunk.devices().first().cloned().unwrap_or_else(Device::flex);
        // Whether gradients are recorded makes no difference to what a device is.
        let host = (device == Device::flex()).then(|| Host::of(trunk));
        Self { trunk, device, host }
    }

    /// As [`Engine::new`], but by burn's tensors on every device: what our own kernels are compared with.
    #[must_use]
    pub fn of_tensors(trunk: &'a Trunk) -> Self {
        Self { host: None, ..Self::new(trunk) }
    }

    /// Hidden vectors of whole sequences.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_table]`, embedded tokens; the same comes back
    #[must_use]
    pub fn forward(self, inputs: Vec<f32>, layout: &Layout) -> Vec<f32> {
        self.record(inputs, layout, &mut Dropout::none()).into_hidden()
    }

    /// Hidden vectors of whole sequences, with what the way back needs. The trunk must be on a device that records gradients for that.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, tokens, d_table]`, embedded tokens
    #[must_use]
    pub fn record(self, inputs: Vec<f32>, layout: &Layout, dropout: &mut Dropout) -> Recorded<'a> {
        let Self { trunk, device, host } = self;
        let pass = match host {
            Some(host) => {
                let masks = dropout.masks(host.places_of_dropout(), layout.rows * layout.tokens * host.d_model());
                Pass::Host { pass: Box::new(host::Pass::forward(host, &inputs, layout, masks)), device }
            }
            None => {
                let width = inputs.len() / (layout.rows * layout.tokens).max(1);
                let inputs = TensorData::new(inputs, [layout.rows, layout.tokens, width]);
                let inputs = Tensor::<3>::from_data(inputs, &device);
                let inputs = if device.is_autodiff() { inputs.require_grad() } else { inputs };
                let hidden = trunk.forward(inputs.clone(), layout, dropout);
                let values = to_vec(hidden.clone().inner().into_data());
                Pass::Device { tensors: Box::new([inputs, hidden]), values }
            }
        };
        Recorded { trunk, pass }
    }

    /// Hidden vectors of one more token for each row. `parents` says which row of the cache each row continues; `None` is each its own, and the
    /// first token.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, d_table]`, embedded tokens; the same comes back
    #[must_use]
    pub fn step(&self, inputs: Vec<f32>, parents: Option<&[u32]>, cache: &mut Cache) -> Vec<f32> {
        self.step_for_some(inputs, parents, &[], cache)
    }

    /// As [`Engine::step`], where the hidden vectors of the rows that `unread` tells are not needed, now or later: they may be anything. Their tokens are
    /// seen by what follows like any others.
    ///
    /// # Shapes
    /// - `inputs`: `[rows, d_table]`, embedded tokens; the same comes back
    /// - `unread`: `[rows]`, or empty where all are read
    #[must_use]
    pub fn step_for_some(
        &self,
        inputs: Vec<f32>,
        parents: Option<&[u32]>,
        unread: &[bool],
        cache: &mut Cache,
    ) -> Vec<f32> {
        if let Some(host) = &self.host {
            return host.step(&inputs, parents, unread, &mut cache.host);
        }
        if let Some(parents) = parents {
            let parents: Vec<i64> = parents.iter().map(|&p| i64::from(p)).collect();
            let len = parents.len();
            let parents = Tensor::<1, Int>::from_data(TensorData::new(parents, [len]), &self.device);
            let row = |t: Tensor<4>| t.select(0, parents.clone());
            cache.device = std::mem::take(&mut cache.device).into_iter().map(|(k, v)| (row(k), row(v))).collect();
        }
        let width = self.trunk.d_table();
        let rows = inputs.len() / width;
        let inputs = TensorData::new(inputs, [rows, width]);
        let hidden = self.trunk.step(Tensor::from_data(inputs, &self.device), &mut cache.device);
        to_vec(hidden.into_data())
    }
}

impl Recorded<'_> {
    /// The hidden vectors: `[rows, tokens, d_table]`.
    #[must_use]
    pub fn hidden(&self) -> &[f32] {
        match &self.pass {
            Pass::Host { pass, .. } => &pass.hidden,
            Pass::Device { values, .. } => values,
        }
    }

    fn into_hidden(self) -> Vec<f32> {
        match self.pass {
            Pass::Host { pass, .. } => pass.hidden,
            Pass::Device { values, .. } => values,
        }
    }

    /// The gradients of the trunk's weights and of the inputs, from that of the hidden vectors.
    ///
    /// # Shapes
    /// - `d_hidden`, and the second that comes back: `[rows, tokens, d_table]`
    #[must_use]
    pub fn backward(self, d_hidden: Vec<f32>) -> (TrunkGradients, Vec<f32>) {
        match self.pass {
            Pass::Host { pass, device } => {
                let (arrays, d_inputs) = pass.backward(&d_hidden);
                (TrunkGradients::from_arrays(arrays, &device.inner()), d_inputs)
            }
            Pass::Device { tensors, .. } => {
                let [inputs, hidden] = *tensors;
                // The derivative enters the graph as the linear form whose gradient it is.
                let derivative = Tensor::from_data(TensorData::new(d_hidden, hidden.dims()), &hidden.device());
                let mut gradients = (hidden * derivative).sum().backward();
                let d_inputs = inputs.grad_remove(&mut gradients).map(|g| to_vec(g.into_data())).unwrap_or_default();
                (TrunkOptimizer::collect(self.trunk, &mut gradients), d_inputs)
            }
        }
    }
}
