//! The path language model: embeddings on the host, transformer on a device.

use crate::config::ModelConfig;
use crate::embeddings::Table;
use crate::error::{Error, Result};
use crate::model::{Cache, Trunk, TrunkConfig};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use footpath_core::{ArrayFile, ArrayWriter, Purpose, Stream, Vocabulary};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// A path language model.
#[derive(Clone, Debug)]
pub struct PathModel {
    /// Its shape.
    pub config: ModelConfig,
    /// The transformer.
    pub trunk: Trunk,
    /// Input embeddings: `[tokens, d_model]`.
    pub input: Table,
    /// What an item in the history of a user says of the user: `[items, d_model]`.
    pub history: Table,
    /// Output embeddings: `[tokens, d_model]`.
    pub output: Table,
    /// Output biases: `[tokens, 1]`.
    pub bias: Table,
}

impl PathModel {
    /// A model with random weights; the same seed gives the same weights.
    ///
    /// # Errors
    /// [`Error::Config`] for a shape that cannot be.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        config.validate()?;
        let table = |rows, width, std, which| {
            Table::new(rows, width, std, &mut Stream::new(seed, Purpose::Initialise, which, 0))
        };
        let (tokens, width) = (config.num_tokens, config.trunk.d_model);
        let (input, output, bias) =
            (table(tokens, width, 0.1, 0), table(tokens, width, 0.1, 1), table(tokens, 1, 0.0, 2));
        let history = table(config.num_items, width, 0.1, 4);
        let mut stream = Stream::new(seed, Purpose::Initialise, 3, 0);
        let trunk = config.trunk.init(device);
        let trunk = trunk.map(&mut Initialiser {
            location: Location::default(),
            config: &config.trunk,
            device,
            stream: &mut stream,
        });
        Ok(Self { trunk, input, history, output, bias, config })
    }

    /// The same model with room for longer texts: positions that are new to it are random. A shorter length changes nothing.
    #[must_use]
    pub fn with_positions(mut self, max_tokens: usize, seed: u64, device: &Device) -> Self {
        let added = max_tokens.saturating_sub(self.config.trunk.max_tokens);
        if added > 0 {
            let std = self.config.trunk.initial_std("positions");
            let mut stream = Stream::new(seed, Purpose::Initialise, 5, 0);
            let rows = Table::new(added, self.config.trunk.d_model, std, &mut stream).values;
            self.trunk = self.trunk.with_positions(rows, device);
            self.config.trunk.max_tokens = max_tokens;
        }
        self
    }

    /// The device the trunk is on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.trunk.devices().first().cloned().unwrap_or_else(Device::flex)
    }

    /// The vector that a path of this user begins with: the user's own, or that of "any user" for a token the model does not know,
    /// plus `Σ P[i] · √min(n, c) / n` over the n items `i` of the history, with `c` = [`ModelConfig::history`].
    ///
    /// The size grows as √n up to c items, as the item similarities of FISM (Kabbur et al. 2013, α = ½) do, and not beyond, for training never
    /// sees more than c at once.
    ///
    /// # Shapes
    /// - `history`: node ids of items
    /// - returns: `[d_model]`
    #[must_use]
    pub fn prompt(&self, user: u32, history: &[u32]) -> Vec<f32> {
        let known = if (user as usize) < self.config.num_tokens { user } else { Vocabulary::ANY_USER.0 };
        let mut vector = self.input.row(known).to_vec();
        self.add_history(history, &mut vector);
        vector
    }

    /// Adds what the items of a history say of their user.
    pub(crate) fn add_history(&self, items: &[u32], vector: &mut [f32]) {
        let scale = self.history_scale(items.len());
        for row in items.iter().map(|&item| self.history.row(self.history_row(item))) {
            vector.iter_mut().zip(row).for_each(|(v, r)| *v += scale * r);
        }
    }

    /// Row of an item in the history table.
    pub(crate) fn history_row(&self, item: u32) -> u32 {
        item - self.config.first_item
    }

    /// Factor of each of `n` items in the vector of a user.
    #[expect(clippy::cast_precision_loss, reason = "a length, far below 2^24")]
    pub(crate) fn history_scale(&self, n: usize) -> f32 {
        (n.min(self.config.history) as f32).sqrt() / n.max(1) as f32
    }

    /// Hidden vectors of one more token for each row; see [`Trunk::step`].
    ///
    /// # Shapes
    /// - `inputs`: `[rows × d_model]`, embedded tokens; `parents`: the row of `cache` each continues, or `None` at the first token
    /// - returns: `[rows × d_model]`
    #[must_use]
    pub fn step(&self, inputs: Vec<f32>, parents: Option<&[u32]>, cache: &mut Cache) -> Vec<f32> {
        let device = self.device();
        if let Some(parents) = parents {
            let parents: Vec<i64> = parents.iter().map(|&p| i64::from(p)).collect();
            let len = parents.len();
            let parents = Tensor::<1, Int>::from_data(TensorData::new(parents, [len]), &device);
            *cache = std::mem::take(cache).select(parents);
        }
        let width = self.config.trunk.d_model;
        let rows = inputs.len() / width;
        let inputs = TensorData::new(inputs, [rows, width]);
        let hidden = self.trunk.step(Tensor::from_data(inputs, &device), cache);
        to_vec(hidden.into_data())
    }

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
        let shape = vec![self.config.num_tokens, self.config.trunk.d_model];
        arrays = arrays.with_shape("input", shape.clone(), &self.input.values);
        arrays = arrays.with_shape("output", shape, &self.output.values).with("bias", &self.bias.values);
        let shape = vec![self.config.num_items, self.config.trunk.d_model];
        arrays = arrays.with_shape("history", shape, &self.history.values);
        arrays.write(&mut { out })
    }

    /// Reads weights written by [`PathModel::write`].
    ///
    /// # Errors
    /// [`footpath_core::Error::Corrupt`] when an array is missing, surplus or of another shape, [`Error::NonFinite`].
    pub fn read(config: ModelConfig, path: &Path, device: &Device) -> Result<Self> {
        config.validate()?;
        let file = ArrayFile::open(path)?;
        let table = |name: &str, rows: usize, width: usize| -> Result<Table> {
            let expected = rows.checked_mul(width).ok_or_else(|| Error::Config {
                option: "num_tokens",
                reason: "times d_model is more than memory can hold".to_owned(),
            })?;
            let values = file.array_of::<f32>(name, expected)?;
            finite(name, &values)?;
            Ok(Table::from_values(values.to_vec(), width))
        };
        let (tokens, width) = (config.num_tokens, config.trunk.d_model);
        let (input, output) = (table("input", tokens, width)?, table("output", tokens, width)?);
        let (bias, history) = (table("bias", tokens, 1)?, table("history", config.num_items, width)?);
        let (trunk, mut shapes) = load_trunk(config.trunk.init(device), &file, device)?;
        let (rows, columns, items) = (config.num_tokens as u64, width as u64, config.num_items as u64);
        let tables = [
            ("input", vec![rows, columns]),
            ("output", vec![rows, columns]),
            ("bias", vec![rows]),
            ("history", vec![items, columns]),
        ];
        shapes.extend(tables.map(|(name, shape)| (name.to_owned(), shape)));
        file.holds_exactly(&shapes)?;
        Ok(Self { trunk, input, history, output, bias, config })
    }
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

/// Fills the matrices of a trunk with normal random numbers; biases stay 0 and norms 1.
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

/// Puts stored arrays into a module.
struct Loader<'a> {
    location: Location,
    file: &'a ArrayFile,
    device: &'a Device,
    shapes: BTreeMap<String, Vec<u64>>,
    error: Option<Error>,
}

impl Loader<'_> {
    fn values(&self, name: &str, len: usize) -> Result<Vec<f32>> {
        let values = self.file.array_of::<f32>(name, len)?;
        finite(name, &values)?;
        Ok(values.to_vec())
    }
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
        match self.values(&name, shape.num_elements()) {
            Ok(values) => param.map(|_| on_device(TensorData::new(values, shape), self.device)),
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}

/// A trunk with the stored arrays, and the shape each must have.
fn load_trunk(trunk: Trunk, file: &ArrayFile, device: &Device) -> Result<(Trunk, BTreeMap<String, Vec<u64>>)> {
    let mut loader = Loader { location: Location::default(), file, device, shapes: BTreeMap::new(), error: None };
    let trunk = trunk.map(&mut loader);
    loader.error.map_or(Ok((trunk, loader.shapes)), Err)
}
