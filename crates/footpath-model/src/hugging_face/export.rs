//! A model of ours in the form of `transformers`.

use super::fold::{self, transposed};
use super::{Theirs, config, entries, names};
use crate::path_model::PathModel;
use crate::weights::trunk_arrays;
use footpath_core::ArrayWriter;
use std::collections::BTreeMap;
use std::io::Write;

/// Shape and values of arrays, by name.
pub(super) type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The content of `config.json` and `model.safetensors`.
#[derive(Clone, Debug)]
pub struct Exported {
    /// What `config.json` holds.
    pub config: serde_json::Value,
    arrays: Arrays,
}

impl Exported {
    /// Writes `model.safetensors`.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let arrays = self.arrays.iter();
        let writer = arrays.fold(ArrayWriter::default(), |writer, (name, (shape, values))| {
            writer.with_shape(name, shape.clone(), values)
        });
        writer.write(&mut { out })
    }

    /// Number of numbers in `model.safetensors`.
    #[must_use]
    pub fn num_parameters(&self) -> usize {
        self.arrays.values().map(|(_, values)| values.len()).sum()
    }
}

/// The model as `GPT2LMHeadModel` or `LlamaForCausalLM`. `prompt` gives the vector that a path of a user begins with, for the tokens of
/// users ([`PathModel::prompt`]), and `None` for others.
///
/// One table serves as input and output where the two come out the same, bit by bit. Biases that are all 0 are not folded, so that what was
/// imported is exported as it was.
#[must_use]
pub fn export(model: &PathModel, prompt: &dyn Fn(u32) -> Option<Vec<f32>>) -> Exported {
    let (config, names) = (&model.config, names(model.config.trunk.architecture));
    let trunk = trunk_arrays(&model.trunk);
    let ours = |name: &str| trunk.get(name).map(|(_, values)| values.clone()).unwrap_or_default();
    let input = fold::input_rows(model, &trunk, prompt);
    let mut output = fold::output_rows(model, &trunk);
    let (mut gamma, mut beta) = (ours("trunk.norm.gamma"), ours("trunk.norm.beta"));
    if config.has_bias() && model.bias.values.iter().any(|&bias| bias != 0.0) {
        fold::biases(&mut output, &model.bias.values, &mut gamma, &mut beta);
    }
    let d_model = config.trunk.d_model;
    let mut arrays = Arrays::new();
    let mut put = |name: String, shape: Vec<usize>, values: Vec<f32>| arrays.insert(name, (shape, values));
    put(format!("{}.weight", names.final_norm), vec![d_model], gamma);
    if config.has_bias() {
        put(format!("{}.bias", names.final_norm), vec![d_model], beta);
    }
    if let Some(name) = names.positions {
        put(name.to_owned(), vec![config.trunk.max_tokens, d_model], ours("trunk.positions"));
    }
    for entry in entries(&config.trunk) {
        let Some((shape, values)) = trunk.get(&entry.ours) else { continue };
        match (entry.theirs, shape.as_slice()) {
            (Theirs::Transposed(parts), &[d_in, d_out]) => {
                let turned = transposed(values, d_out); // [out, in]
                let rows = d_out / parts.len().max(1);
                for (name, part) in parts.into_iter().zip(turned.chunks(rows * d_in)) {
                    put(name, vec![rows, d_in], part.to_vec());
                }
            }
            (Theirs::Same(name), shape) => drop(put(name, shape.to_vec(), values.clone())),
            // Only matrices are stored turned.
            (Theirs::Transposed(_), _) => {}
        }
    }
    let tied = input.iter().map(|v| v.to_bits()).eq(output.iter().map(|v| v.to_bits()));
    put(names.input.to_owned(), vec![config.num_tokens, d_model], input);
    if !tied {
        put(names.output.to_owned(), vec![config.num_tokens, d_model], output);
    }
    Exported { config: config::write(config, tied), arrays }
}
