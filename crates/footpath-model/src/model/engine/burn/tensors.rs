//! Weights as tensors of burn, and what layers share.

use crate::dropout::Dropout;
use crate::model::weights::{Affine, Parameter};
use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};

pub(super) fn linear(affine: &Affine, device: &Device) -> Linear {
    Linear { weight: parameter(&affine.weight, device), bias: affine.bias.as_ref().map(|bias| parameter(bias, device)) }
}

pub(super) fn parameter<const D: usize>(parameter: &Parameter, device: &Device) -> Param<Tensor<D>> {
    Param::from_data(TensorData::new(parameter.values.clone(), parameter.shape.clone()), device)
}

/// Sets some numbers to 0, and scales the others so that the mean stays.
///
/// # Shapes
/// Any; the same comes back.
pub(super) fn dropped<const D: usize>(x: Tensor<D>, dropout: &mut Dropout) -> Tensor<D> {
    let shape = x.shape();
    let Some(mask) = dropout.masks(1, shape.num_elements()).pop() else { return x };
    let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
    x * mask
}
