//! `config.json`.

use crate::config::{ModelConfig, Tables};
use crate::model::{Activation, Architecture, TrunkConfig};
use footpath_core::Vocabulary;
use serde::Deserialize;
use serde_json::{Value, json};

/// What `config.json` says of an exported model with so many tokens.
pub(super) fn write(model: &ModelConfig, num_tokens: usize, tables: Tables) -> Value {
    let trunk = &model.trunk;
    let of_architecture = match trunk.architecture {
        Architecture::Gpt2 { activation } => json!({
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "n_positions": trunk.max_tokens,
            "n_embd": trunk.d_model,
            "n_layer": trunk.num_layers,
            "n_head": trunk.num_heads,
            "n_inner": trunk.d_feed_forward(),
            "activation_function": match activation {
                Activation::Gelu => "gelu",
                Activation::GeluTanh => "gelu_new",
            },
            "layer_norm_epsilon": trunk.norm_epsilon,
            "resid_pdrop": trunk.dropout,
            "embd_pdrop": trunk.dropout,
            "attn_pdrop": 0.0,
        }),
        Architecture::Llama { rope_theta } => json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "max_position_embeddings": trunk.max_tokens,
            "hidden_size": trunk.d_model,
            "intermediate_size": trunk.d_feed_forward(),
            "num_hidden_layers": trunk.num_layers,
            "num_attention_heads": trunk.num_heads,
            "num_key_value_heads": trunk.num_heads,
            "head_dim": trunk.d_model / trunk.num_heads.max(1),
            "hidden_act": "silu",
            "rms_norm_eps": trunk.norm_epsilon,
            // The place up to transformers 4, and since 5.
            "rope_theta": rope_theta,
            "rope_parameters": { "rope_type": "default", "rope_theta": rope_theta },
            "attention_bias": false,
            "mlp_bias": false,
            "attention_dropout": 0.0,
        }),
    };
    let common = json!({
        "vocab_size": num_tokens,
        "tie_word_embeddings": tables == Tables::Tied,
        "bos_token_id": null,
        "eos_token_id": Vocabulary::END.0,
        "pad_token_id": Vocabulary::PADDING.0,
        "dtype": "float32",
    });
    let fields = [of_architecture, common].into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

/// What `config.json` says of a model that is imported.
#[derive(Debug)]
pub(super) struct Read {
    /// Shape of the trunk, for as many tokens as the model has positions.
    pub(super) trunk: TrunkConfig,
    pub(super) tables: Tables,
    pub(super) vocab_size: usize,
}

/// Reads `config.json`.
///
/// # Errors
/// What is missing, or what our models cannot do.
pub(super) fn read(text: &str) -> Result<Read, String> {
    #[derive(Deserialize)]
    struct Kind {
        model_type: String,
    }
    let kind: Kind = parse(text)?;
    match kind.model_type.as_str() {
        "gpt2" => gpt2(parse(text)?),
        "llama" => llama(parse(text)?),
        other => Err(format!("model_type is `{}`; gpt2 and llama can be imported", short(other))),
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

/// At most 40 characters of what a file says.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn refuse(unlike: bool, what: &str) -> Result<(), String> {
    if unlike { Err(format!("{what}, which our models cannot")) } else { Ok(()) }
}

/// Fields that may be missing have the defaults of `transformers`.
#[derive(Deserialize)]
struct Gpt2 {
    vocab_size: usize,
    n_positions: usize,
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    n_inner: Option<usize>,
    activation_function: Option<String>,
    layer_norm_epsilon: Option<f64>,
    resid_pdrop: Option<f64>,
    scale_attn_weights: Option<bool>,
    scale_attn_by_inverse_layer_idx: Option<bool>,
    add_cross_attention: Option<bool>,
    tie_word_embeddings: Option<bool>,
}

fn gpt2(c: Gpt2) -> Result<Read, String> {
    refuse(c.scale_attn_weights == Some(false), "attention is not scaled")?;
    refuse(c.scale_attn_by_inverse_layer_idx == Some(true), "attention is scaled by layer")?;
    refuse(c.add_cross_attention == Some(true), "there is cross-attention")?;
    let activation = match c.activation_function.as_deref().unwrap_or("gelu_new") {
        "gelu" => Activation::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
        other => return Err(format!("activation_function is `{}`; gelu and gelu_new can be imported", short(other))),
    };
    let trunk = TrunkConfig {
        architecture: Architecture::Gpt2 { activation },
        d_feed_forward: c.n_inner.filter(|&inner| inner != c.n_embd.saturating_mul(4)),
        dropout: c.resid_pdrop.unwrap_or(0.1),
        norm_epsilon: c.layer_norm_epsilon.unwrap_or(1e-5),
        ..TrunkConfig::gpt2(c.n_embd, c.n_layer, c.n_head, c.n_positions)
    };
    Ok(Read { trunk, tables: tables(c.tie_word_embeddings.unwrap_or(true)), vocab_size: c.vocab_size })
}

#[derive(Deserialize)]
struct Llama {
    vocab_size: usize,
    max_position_embeddings: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_act: Option<String>,
    rms_norm_eps: Option<f64>,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Rope>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    tie_word_embeddings: Option<bool>,
}

#[derive(Deserialize)]
struct Rope {
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
}

fn llama(c: Llama) -> Result<Read, String> {
    let heads = c.num_attention_heads;
    refuse(c.num_key_value_heads.is_some_and(|n| n != heads), "heads share keys and values (num_key_value_heads)")?;
    refuse(c.head_dim.is_some_and(|d| d.checked_mul(heads) != Some(c.hidden_size)), "head_dim is its own")?;
    refuse(c.hidden_act.as_deref().is_some_and(|name| name != "silu"), "hidden_act is not silu")?;
    refuse(c.attention_bias == Some(true) || c.mlp_bias == Some(true), "there are biases")?;
    refuse(c.rope_scaling.is_some(), "rotary positions are scaled (rope_scaling)")?;
    let rope = c.rope_parameters.as_ref();
    let kind = rope.and_then(|r| r.rope_type.as_deref()).unwrap_or("default");
    refuse(kind != "default", "rotary positions are scaled (rope_type)")?;
    let part = rope.and_then(|r| r.partial_rotary_factor).unwrap_or(1.0);
    refuse((part - 1.0).abs() > 0.0, "positions turn a part of a head only (partial_rotary_factor)")?;
    let rope_theta = rope.and_then(|r| r.rope_theta).or(c.rope_theta).unwrap_or(10_000.0);
    let trunk = TrunkConfig {
        architecture: Architecture::Llama { rope_theta },
        d_feed_forward: Some(c.intermediate_size),
        dropout: 0.0,
        norm_epsilon: c.rms_norm_eps.unwrap_or(1e-6),
        ..TrunkConfig::gpt2(c.hidden_size, c.num_hidden_layers, heads, c.max_position_embeddings)
    };
    Ok(Read { trunk, tables: tables(c.tie_word_embeddings.unwrap_or(false)), vocab_size: c.vocab_size })
}

fn tables(tied: bool) -> Tables {
    if tied { Tables::Tied } else { Tables::Apart }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Design, Preset};

    #[test]
    fn what_is_written_is_read() {
        for architecture in [
            Architecture::GPT2,
            Architecture::Gpt2 { activation: Activation::GeluTanh },
            Architecture::LLAMA,
            Architecture::Llama { rope_theta: 5e5 },
        ] {
            let design = Design { architecture, ..Design::default() };
            let mut model = ModelConfig::preset(Preset::Tiny, 100, 10..30, 7).designed(design);
            if let Architecture::Llama { .. } = architecture {
                // Theirs has none to tell of.
                model.trunk.dropout = 0.0;
            }
            for tables in [Tables::Apart, Tables::Tied] {
                let read = read(&write(&model, 110, tables).to_string()).expect("readable");
                assert_eq!((read.trunk, read.vocab_size), (model.trunk.clone(), 110));
                assert_eq!(read.tables, tables);
            }
        }
    }

    #[test]
    fn what_our_models_cannot_do_is_refused() {
        let config = |architecture| {
            let design = Design { architecture, ..Design::default() };
            write(&ModelConfig::preset(Preset::Tiny, 100, 10..30, 7).designed(design), 100, Tables::Apart)
        };
        let cases = [
            (Architecture::GPT2, "activation_function", json!("relu")),
            (Architecture::GPT2, "scale_attn_by_inverse_layer_idx", json!(true)),
            (Architecture::GPT2, "scale_attn_weights", json!(false)),
            (Architecture::GPT2, "add_cross_attention", json!(true)),
            (Architecture::GPT2, "n_embd", json!("wide")),
            (Architecture::GPT2, "model_type", json!("mamba")),
            (Architecture::LLAMA, "num_key_value_heads", json!(1)),
            (Architecture::LLAMA, "head_dim", json!(2)),
            (Architecture::LLAMA, "hidden_act", json!("gelu")),
            (Architecture::LLAMA, "attention_bias", json!(true)),
            (Architecture::LLAMA, "rope_scaling", json!({"rope_type": "linear", "factor": 2.0})),
            (Architecture::LLAMA, "rope_parameters", json!({"rope_type": "yarn", "rope_theta": 1e4})),
        ];
        for (architecture, field, value) in cases {
            let mut config = config(architecture);
            config[field] = value.clone();
            assert!(read(&config.to_string()).is_err(), "{field} = {value}");
        }
    }
}
