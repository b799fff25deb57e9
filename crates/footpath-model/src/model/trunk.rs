//! A trunk where it is computed.

use super::engine::Engine;
use super::engine::burn::BurnEngine;
use super::weights::TrunkWeights;
use crate::device::Device;
use std::sync::OnceLock;

/// The decoder-only transformer between the embeddings: its weights, and the device that computes with them.
#[derive(Clone, Debug)]
pub struct Trunk {
    weights: TrunkWeights,
    device: Device,
    /// The weights on a device of burn, copied when they are first needed there; none on the host, which needs no copy.
    copied: OnceLock<BurnEngine>,
}

impl Trunk {
    /// These weights on this device.
    #[must_use]
    pub fn new(weights: TrunkWeights, device: &Device) -> Self {
        Self { weights, device: device.clone(), copied: OnceLock::new() }
    }

    /// The weights.
    #[must_use]
    pub fn weights(&self) -> &TrunkWeights {
        &self.weights
    }

    /// The weights, to be changed.
    pub fn weights_mut(&mut self) -> &mut TrunkWeights {
        self.copied.take();
        &mut self.weights
    }

    /// What computes it. It is made in no time, but for the first one after a change of the weights on a device that is
    /// not the host.
    #[must_use]
    pub fn engine(&self) -> &dyn Engine {
        match &self.device {
            Device::Host => &self.weights,
            Device::Burn(device) => self.copied.get_or_init(|| BurnEngine::new(&self.weights, device)),
        }
    }
}
