//! Weights as named arrays: filled from a seed, collected from a model, put into one.

use crate::config::ModelConfig;
use crate::embeddings::Table;
use crate::error::{Error, Result};
use crate::model::{Trunk, TrunkConfig};
use crate::numbers::Numbers;
use crate::path_model::PathModel;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use footpath_core::{ArrayFile, ArrayWriter, Stream};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Gives the values of the array with this name and shape.
pub(crate) type Source<'a> = &'a dyn Fn(&str, &[usize]) -> Result<Numbers>;

impl PathModel {
    /// Writes all weights as one array file.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let trunk = trunk_arrays(&self.trunk);
        let mut arrays = ArrayWriter::default();
        for (name, (shape, values)) in &trunk {
            arrays = arrays.with_shape(name, shape.clone(), values);
        }
        for (name, table) in self.stored_tables() {
            arrays = arrays.with_shape(name, shape_of(name, table.num_rows(), table.width()), &table.values);
        }
        arrays.write(&mut { out })
    }

    /// Reads weights written by [`PathModel::write`].
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when an array is missing, surplus or of another shape, [`Error::NonFinite`].
    pub fn read(config: ModelConfig, path: &Path, device: &Device) -> Result<Self> {
        let file = ArrayFile::open(path)?;
        let values = |name: &str, shape: &[usize]| -> Result<Numbers> {
            let len = shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
            let len = len.ok_or_else(|| Error::Config {
                option: "num_tokens",
                reason: "times d_model is more than memory can hold".to_owned(),
            })?;
            Ok(file.array_of::<f32>(name, len)?.into())
        };
        let (model, shapes) = Self::from_arrays(config, &values, device)?;
        file.holds_exactly(&shapes)?;
        Ok(model)
    }

    /// A model of this shape with the arrays that `values` gives; also the shape of each that was asked for.
    pub(crate) fn from_arrays(
        config: ModelConfig,
        values: Source<'_>,
        device: &Device,
    ) -> Result<(Self, BTreeMap<String, Vec<u64>>)> {
        config.validate()?;
        let checked = |name: &str, shape: &[usize]| -> Result<Numbers> {
            let values = values(name, shape)?;
            finite(name, &values)?;
            Ok(values)
        };
        let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
        let mut shapes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (name, rows, width) in config.stored_tables() {
            let shape = shape_of(name, rows, width);
            tables.insert(name, Table::from_values(checked(name, &shape)?, width));
            shapes.insert(name.to_owned(), shape.into_iter().map(|dim| dim as u64).collect());
        }
        let mut loader = Loader { location: Location::default(), values: &checked, device, shapes, error: None };
        let trunk = config.trunk.init(device).map(&mut loader);
        if let Some(error) = loader.error {
            return Err(error);
        }
        let mut take = |name| tables.remove(name);
        let empty = || Table::from_values(Vec::new(), config.d_table());
        let model = Self {
            trunk,
            input: take("input").unwrap_or_else(empty),
            history: take("history").unwrap_or_else(empty),
            own_output: take("output"),
            bias: take("bias").unwrap_or_else(|| Table::from_values(vec![0.0; config.num_tokens], 1)),
            kinds: take("kinds"),
            starts: take("starts"),
            config: config.clone(),
        };
        Ok((model, loader.shapes))
    }
}

/// A table of numbers is stored with two dimensions, the biases with one.
fn shape_of(name: &str, rows: usize, width: usize) -> Vec<usize> {
    if name == "bias" { vec![rows] } else { vec![rows, width] }
}

/// The values of a tensor as `f32`.
pub(crate) fn to_vec(data: TensorData) -> Vec<f32> {
    // The trunk computes in f32 and nothing else, so the conversion cannot fail.
    data.try_into_vec::<f32>().unwrap_or_default()
}

fn finite(name: &str, values: &[f32]) -> Result<()> {
    if values.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(Error::NonFinite { name: name.to_owned() }) }
}

/// Shape and values of every parameter of a trunk, by path.
pub(crate) fn trunk_arrays(trunk: &Trunk) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let mut collector = Collector::default();
    trunk.visit(&mut collector);
    collector.arrays
}

/// A trunk whose matrices are normal random numbers; biases are 0 and norms 1.
pub(crate) fn random_trunk(config: &TrunkConfig, stream: &mut Stream, device: &Device) -> Trunk {
    config.init(device).map(&mut Initialiser { location: Location::default(), config, device, stream })
}

/// Follows where in a module a traversal is, for the name of a parameter.
#[derive(Default)]
pub(crate) struct Location(Vec<String>);

impl Location {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    /// `trunk.blocks.0.expand.weight`
    pub(crate) fn name(&self) -> String {
        format!("trunk.{}", self.0.join("."))
    }
}

#[derive(Default)]
struct Collector {
    location: Location,
    arrays: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.location.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.location.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        self.arrays.insert(self.location.name(), (shape, to_vec(tensor.into_data())));
    }
}

struct Initialiser<'a> {
    location: Location,
    config: &'a TrunkConfig,
    device: &'a Device,
    stream: &'a mut Stream,
}

impl ModuleMapper for Initialiser<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.location.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.location.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D != 2 {
            return param;
        }
        let std = self.config.initial_std(&self.location.name());
        let shape = param.lazy_shape();
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let values: Vec<f32> = (0..shape.num_elements()).map(|_| (self.stream.normal() * std) as f32).collect();
        param.map(|_| on_device(TensorData::new(values, shape), self.device))
    }
}

/// A parameter on its device, with gradients where the device records them.
fn on_device<const D: usize>(data: TensorData, device: &Device) -> Tensor<D> {
    let tensor = Tensor::from_data(data, device);
    if device.is_autodiff() { tensor.require_grad() } else { tensor }
}

/// Puts arrays into a module.
struct Loader<'a> {
    location: Location,
    values: Source<'a>,
    device: &'a Device,
    shapes: BTreeMap<String, Vec<u64>>,
    error: Option<Error>,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.location.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.location.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.location.name();
        let shape = param.lazy_shape();
        self.shapes.insert(name.clone(), shape.to_vec().into_iter().map(|dim| dim as u64).collect());
        match (self.values)(&name, &shape.to_vec()) {
            Ok(values) => param.map(|_| on_device(TensorData::new(values.into_vec(), shape), self.device)),
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}
