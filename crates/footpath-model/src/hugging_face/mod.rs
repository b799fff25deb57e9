//! Models of Hugging Face `transformers`: ours written as `GPT2LMHeadModel` or `LlamaForCausalLM`, and such ones read.
//!
//! What these classes have not is folded into weights they have, so that the logits stay the same:
//!
//! | ours | theirs |
//! |---|---|
//! | a vector for the kind of a token, factorised input | the rows of the input table |
//! | users told by what they chose | the row of one more token for each user, which stands at the beginning of a path |
//! | factorised output | the rows of the output table |
//! | output biases | the rows of the output table and the last norm; see `fold` |
//!
//! The two classes share one form: a list of arrays (`Entry`) and a `config.json`. Nothing here is run but our own
//! code: pickled weights are not read.

mod config;
mod export;
mod fold;
mod import;
pub mod tokenizer;

pub use export::{Exported, export};
pub use import::{ImportTarget, import};

use crate::model::{Architecture, TrunkConfig};

/// An array of ours and those it is in a file of theirs.
struct Entry {
    ours: String,
    theirs: Theirs,
}

/// How an array is stored.
enum Theirs {
    /// As it is.
    Same(String),
    /// `[out, in]` where ours is `[in, out]`; several are the parts of our `out`, in order.
    Transposed(Vec<String>),
}

/// Names that depend on the architecture.
struct Names {
    input: &'static str,
    positions: Option<&'static str>,
    output: &'static str,
    final_norm: &'static str,
}

fn names(architecture: Architecture) -> Names {
    match architecture {
        Architecture::Gpt2 { .. } => Names {
            input: "transformer.wte.weight",
            positions: Some("transformer.wpe.weight"),
            output: "lm_head.weight",
            final_norm: "transformer.ln_f",
        },
        Architecture::Llama { .. } => Names {
            input: "model.embed_tokens.weight",
            positions: None,
            output: "lm_head.weight",
            final_norm: "model.norm",
        },
    }
}

/// The arrays of the blocks.
fn entries(config: &TrunkConfig) -> Vec<Entry> {
    (0..config.num_layers)
        .flat_map(|layer| match config.architecture {
            Architecture::Gpt2 { .. } => gpt2_block(layer),
            Architecture::Llama { .. } => llama_block(layer),
        })
        .collect()
}

/// GPT-2 stores matrices as `[in, out]`, as we do.
fn gpt2_block(layer: usize) -> Vec<Entry> {
    let norms = [("attention_norm", "ln_1"), ("feed_forward_norm", "ln_2")];
    let linears = [
        ("query_key_value", "attn.c_attn"),
        ("attention_out", "attn.c_proj"),
        ("expand", "mlp.c_fc"),
        ("contract", "mlp.c_proj"),
    ];
    let entry = |(ours, our_part): (&str, &str), (theirs, their_part): (&str, &str)| Entry {
        ours: format!("trunk.blocks.{layer}.{ours}.{our_part}"),
        theirs: Theirs::Same(format!("transformer.h.{layer}.{theirs}.{their_part}")),
    };
    let norms = norms.into_iter().flat_map(|(ours, theirs)| {
        [entry((ours, "gamma"), (theirs, "weight")), entry((ours, "beta"), (theirs, "bias"))]
    });
    let linears = linears.into_iter().flat_map(|(ours, theirs)| {
        [entry((ours, "weight"), (theirs, "weight")), entry((ours, "bias"), (theirs, "bias"))]
    });
    norms.chain(linears).collect()
}

fn llama_block(layer: usize) -> Vec<Entry> {
    let ours = |name: &str| format!("trunk.blocks.{layer}.{name}");
    let theirs = |name: &str| format!("model.layers.{layer}.{name}.weight");
    let norm = |of_ours: &str, of_theirs: &str| Entry {
        ours: ours(&format!("{of_ours}.gamma")),
        theirs: Theirs::Same(theirs(of_theirs)),
    };
    let linear = |of_ours: &str, of_theirs: &[&str]| Entry {
        ours: ours(&format!("{of_ours}.weight")),
        theirs: Theirs::Transposed(of_theirs.iter().map(|name| theirs(name)).collect()),
    };
    vec![
        norm("attention_norm", "input_layernorm"),
        linear("query_key_value", &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
        linear("attention_out", &["self_attn.o_proj"]),
        norm("feed_forward_norm", "post_attention_layernorm"),
        linear("gate", &["mlp.gate_proj"]),
        linear("expand", &["mlp.up_proj"]),
        linear("contract", &["mlp.down_proj"]),
    ]
}
