//! A model of ours in the form of `transformers`.

use super::fold::{self, Arrays, transposed};
use super::{Theirs, config, entries, names};
use crate::config::Tables;
use crate::path_model::PathModel;
use footpath_core::ArrayWriter;
use std::io::Write;

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

/// The model as `GPT2LMHeadModel` or `LlamaForCausalLM`. `starts` are vectors that stand at the beginning of a path in
/// place of a token's own ([`PathModel::prompt`]); each gets a token, after those of the model.
///
/// One table serves as input and output where the two come out the same, bit by bit. Otherwise no token of `starts` can
/// be what comes next: its logit is −10,000 in gpt2 always. In llama, which has nothing like a bias, it is 0, and it is
/// for whoever generates to leave it out ([`generation_config`](super::tokenizer::generation_config)); as it is in one
/// table. Biases that are all 0 are folded only for that, so that what was imported is exported as it was.
///
/// # Shapes
/// - `starts`: `[starts × d_table]`
#[must_use]
pub fn export(model: &PathModel, starts: &[f32]) -> Exported {
    let (config, names) = (&model.config, names(model.config.trunk.architecture));
    let parameters = model.trunk.weights().parameters();
    let trunk: Arrays = parameters.map(|p| (p.name.clone(), (p.shape.clone(), p.values.clone()))).collect();
    let ours = |name: &str| trunk.get(name).map(|(_, values)| values.clone()).unwrap_or_default();
    let input = fold::input_rows(model, &trunk, starts);
    let mut output = fold::output_rows(model, &trunk);
    let (mut gamma, mut beta) = (ours("trunk.norm.gamma"), ours("trunk.norm.beta"));
    let d_model = config.trunk.d_model;
    let (num_tokens, num_starts) = (config.num_tokens, starts.len() / config.d_table().max(1));
    let has_biases = config.has_bias() && model.bias.values.iter().any(|&bias| bias != 0.0);
    let bits = |values: &[f32]| values.iter().take(num_tokens * d_model).map(|v| v.to_bits()).collect::<Vec<_>>();
    let tied = !has_biases && bits(&input) == bits(&output);
    if !tied {
        if has_biases || (config.has_bias() && num_starts > 0) {
            fold::biases(&mut output, &model.bias.values, &mut gamma, &mut beta);
        }
        output.extend(fold::start_rows(num_starts, d_model, if config.has_bias() { fold::NEVER } else { 0.0 }));
    }
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
    let num_rows = num_tokens + num_starts;
    put(names.input.to_owned(), vec![num_rows, d_model], input);
    if !tied {
        put(names.output.to_owned(), vec![num_rows, d_model], output);
    }
    Exported { config: config::write(config, num_rows, if tied { Tables::Tied } else { Tables::Apart }), arrays }
}
