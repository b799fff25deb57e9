//! The shape of a trunk.

use serde::{Deserialize, Serialize};

/// How a block is built, and how a trunk knows where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Architecture {
    /// LayerNorm, a vector for each position, biases everywhere (Radford et al. 2019).
    Gpt2 {
        /// Nonlinearity of the feed-forward layers.
        activation: Activation,
    },
    /// RMSNorm (Zhang and Sennrich 2019), rotary positions (Su et al. 2021, RoFormer), SwiGLU (Shazeer 2020), no
    /// biases: as in LLaMA (Touvron et al. 2023).
    Llama {
        /// Base of the wave lengths of the rotary positions.
        rope_theta: f64,
    },
}

impl Architecture {
    /// LLaMA with the base of its paper.
    pub const LLAMA: Self = Self::Llama { rope_theta: 10_000.0 };
    /// GPT-2 with the exact GELU.
    pub const GPT2: Self = Self::Gpt2 { activation: Activation::Gelu };

    /// Its name: `gpt2` or `llama`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gpt2 { .. } => "gpt2",
            Self::Llama { .. } => "llama",
        }
    }
}

impl Default for Architecture {
    fn default() -> Self {
        Self::GPT2
    }
}

/// A form of the Gaussian error linear unit (Hendrycks and Gimpel 2016).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x · Φ(x)`
    #[default]
    Gelu,
    /// `x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`, what GPT-2 was published with.
    GeluTanh,
}

/// Shape of the trunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkConfig {
    /// How its blocks are built.
    #[serde(default)]
    pub architecture: Architecture,
    /// Width of a hidden vector.
    pub d_model: usize,
    /// Width of the embedding tables where they are factorised (Lan et al. 2020, ALBERT): the trunk then projects from
    /// it and back. `None` is `d_model`, without projections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factorised: Option<usize>,
    /// Width within the feed-forward layers. `None` is `4 · d_model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_feed_forward: Option<usize>,
    /// Number of blocks.
    pub num_layers: usize,
    /// Attention heads; divides `d_model`.
    pub num_heads: usize,
    /// Longest sequence, in tokens.
    pub max_tokens: usize,
    /// Dropout probability after attention and feed-forward, in [0, 1).
    pub dropout: f64,
    /// What the norms add to the variance.
    #[serde(default = "norm_epsilon")]
    pub norm_epsilon: f64,
}

fn norm_epsilon() -> f64 {
    TrunkConfig::NORM_EPSILON
}

impl TrunkConfig {
    /// What the norms add to the variance unless an imported model says otherwise.
    pub const NORM_EPSILON: f64 = 1e-5;

    /// The shape of GPT-2, with dropout at its default of 0.1.
    #[must_use]
    pub fn gpt2(d_model: usize, num_layers: usize, num_heads: usize, max_tokens: usize) -> Self {
        Self {
            architecture: Architecture::default(),
            d_model,
            factorised: None,
            d_feed_forward: None,
            num_layers,
            num_heads,
            max_tokens,
            dropout: 0.1,
            norm_epsilon: Self::NORM_EPSILON,
        }
    }

    /// Width of the embedding tables.
    #[must_use]
    pub fn d_table(&self) -> usize {
        self.factorised.unwrap_or(self.d_model)
    }

    /// Width within the feed-forward layers.
    #[must_use]
    pub fn d_feed_forward(&self) -> usize {
        self.d_feed_forward.unwrap_or(4 * self.d_model)
    }

    /// Standard deviation of the initial weights of a parameter: 0.02 as in GPT-2, less by `√(2·layers)` where a block
    /// adds to the residual stream; projections keep the size of what they project.
    #[must_use]
    pub fn initial_std(&self, parameter: &str) -> f64 {
        if parameter.ends_with("project_in.weight") {
            1.0 / (self.d_table() as f64).sqrt()
        } else if parameter.ends_with("project_out.weight") {
            1.0 / (self.d_model as f64).sqrt()
        } else if parameter.ends_with("attention_out.weight") || parameter.ends_with("contract.weight") {
            0.02 / (2.0 * self.num_layers as f64).sqrt()
        } else {
            0.02
        }
    }

    /// Number of parameters of the trunk.
    #[must_use]
    pub fn num_parameters(&self) -> usize {
        let (d, f) = (self.d_model, self.d_feed_forward());
        let projections = self.factorised.map_or(0, |e| 2 * e * d);
        projections
            + match self.architecture {
                Architecture::Gpt2 { .. } => {
                    let block = 4 * d * d + 2 * d * f + 9 * d + f;
                    self.max_tokens * d + self.num_layers * block + 2 * d
                }
                Architecture::Llama { .. } => self.num_layers * (4 * d * d + 3 * d * f + 2 * d) + d,
            }
    }
}
