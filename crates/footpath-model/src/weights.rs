//! The weights of a model as named arrays: written, read.

use crate::config::ModelConfig;
use crate::device::Device;
use crate::embeddings::Table;
use crate::error::{Error, Result};
use crate::model::{Trunk, TrunkWeights};
use crate::numbers::Numbers;
use crate::path_model::PathModel;
use footpath_core::{ArrayFile, ArrayWriter};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Gives the values of the array with this name and shape.
pub(crate) type Arrays<'a> = &'a dyn Fn(&str, &[usize]) -> Result<Numbers>;

impl PathModel {
    /// Writes all weights as one array file.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let mut arrays = ArrayWriter::default();
        for parameter in self.trunk.weights().parameters() {
            arrays = arrays.with_shape(&parameter.name, parameter.shape.clone(), &parameter.values);
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
        let model = Self::from_arrays(config, &values, device)?;
        file.holds_exactly(&model.shapes())?;
        Ok(model)
    }

    /// A model of this shape with the arrays that `values` gives.
    pub(crate) fn from_arrays(config: ModelConfig, values: Arrays<'_>, device: &Device) -> Result<Self> {
        config.validate()?;
        let checked = |name: &str, shape: &[usize]| -> Result<Numbers> {
            let values = values(name, shape)?;
            finite(name, &values)?;
            Ok(values)
        };
        let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
        for (name, rows, width) in config.stored_tables() {
            tables.insert(name, Table::from_values(checked(name, &shape_of(name, rows, width))?, width));
        }
        let trunk = TrunkWeights::new(&config.trunk, |name, shape| checked(name, shape).map(Numbers::into_vec))?;
        let mut take = |name| tables.remove(name);
        let empty = || Table::from_values(Vec::new(), config.d_table());
        Ok(Self {
            trunk: Trunk::new(trunk, device),
            input: take("input").unwrap_or_else(empty),
            history: take("history").unwrap_or_else(empty),
            own_output: take("output"),
            bias: take("bias").unwrap_or_else(|| Table::from_values(vec![0.0; config.num_tokens], 1)),
            kinds: take("kinds"),
            starts: take("starts"),
            config: config.clone(),
        })
    }

    /// The shape of every stored array.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<u64>> {
        let of_trunk = self.trunk.weights().parameters().map(|p| (p.name.clone(), p.shape.clone()));
        let tables = self.stored_tables().into_iter();
        let of_tables = tables.map(|(name, table)| (name.to_owned(), shape_of(name, table.num_rows(), table.width())));
        let shape = |(name, shape): (String, Vec<usize>)| (name, shape.into_iter().map(|dim| dim as u64).collect());
        of_trunk.chain(of_tables).map(shape).collect()
    }
}

/// A table of numbers is stored with two dimensions, the biases with one.
fn shape_of(name: &str, rows: usize, width: usize) -> Vec<usize> {
    if name == "bias" { vec![rows] } else { vec![rows, width] }
}

/// Refuses numbers that are none.
pub(crate) fn finite(name: &str, values: &[f32]) -> Result<()> {
    // Without a way out at the first bad one, eight are looked at together; nearly always all are good.
    let all_are = values.iter().fold(true, |so_far, value| so_far & value.is_finite());
    if all_are { Ok(()) } else { Err(Error::NonFinite { name: name.to_owned() }) }
}
