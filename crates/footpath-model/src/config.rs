//! Shape of a model and settings of its training.

use crate::data::objective::ObjectiveKind;
use crate::data::{Objective, Text};
use crate::error::{Error, Result};
use crate::model::{Architecture, TrunkConfig};
use footpath_core::TokenId;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Sizes offered by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// 1 layer, width 48: for trying things out.
    Tiny,
    /// 2 layers, width 64: the default, and the size of all published figures.
    #[default]
    Small,
    /// 4 layers, width 128.
    Base,
}

/// What a size leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Design {
    /// How the blocks are built.
    pub architecture: Architecture,
    /// One table for input and output, or two.
    pub tables: Tables,
    /// Width of the tables where they are factorised; see [`TrunkConfig::factorised`].
    pub factorised: Option<usize>,
}

/// How many embedding tables a model has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tables {
    /// One for the input and one for the output.
    #[default]
    Apart,
    /// One for both (Press and Wolf 2017).
    Tied,
}

/// Shape of a path model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The transformer between the embeddings.
    pub trunk: TrunkConfig,
    /// Number of tokens in the vocabulary.
    pub num_tokens: usize,
    /// Node id of the first item; items are contiguous.
    pub first_item: u32,
    /// Number of items.
    pub num_items: usize,
    /// Most items of a user that count towards the size of the user's vector; see
    /// [`PathModel::prompt`](crate::PathModel::prompt).
    pub history: usize,
    /// Whether input and output share their table.
    #[serde(default)]
    pub tables: Tables,
    /// First token of each kind of tokens, ascending from 0, where a vector for its kind is added to every token. Empty
    /// where none is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<u32>,
    /// Tokens with another vector at the beginning of a text than on the way: the users of an imported model, whose
    /// histories are not known. Empty where none has; users who are told by what they chose need none.
    #[serde(default, skip_serializing_if = "Range::is_empty")]
    pub starts: Range<u32>,
}

/// Most kinds of tokens: specials, relations and the types of a graph.
const MAX_KINDS: usize = 4_100;

impl ModelConfig {
    /// The shape of a preset for a vocabulary of this many tokens, these nodes that are items, and a longest path.
    #[must_use]
    pub fn preset(preset: Preset, num_tokens: usize, items: Range<u32>, max_tokens: usize) -> Self {
        let (d_model, num_layers, num_heads) = match preset {
            Preset::Tiny => (48, 1, 2),
            Preset::Small => (64, 2, 2),
            Preset::Base => (128, 4, 4),
        };
        Self::new(TrunkConfig::gpt2(d_model, num_layers, num_heads, max_tokens), num_tokens, items)
    }

    /// The shape around a trunk, for a vocabulary of this many tokens and these nodes that are items: two tables, no
    /// kinds.
    #[must_use]
    pub fn new(trunk: TrunkConfig, num_tokens: usize, items: Range<u32>) -> Self {
        let (first_item, num_items) = (items.start, items.len());
        Self {
            trunk,
            num_tokens,
            first_item,
            num_items,
            history: 50,
            tables: Tables::Apart,
            kinds: Vec::new(),
            starts: 0..0,
        }
    }

    /// The same size in another design. A gated feed-forward layer has three matrices for two, so it is made two thirds
    /// as wide, in eights.
    #[must_use]
    pub fn designed(mut self, design: Design) -> Self {
        let Design { architecture, tables, factorised } = design;
        let d_feed_forward = match architecture {
            Architecture::Gpt2 { .. } => None,
            Architecture::Llama { .. } => Some((8 * self.trunk.d_model).div_ceil(3).next_multiple_of(8)),
        };
        self.trunk = TrunkConfig { architecture, factorised, d_feed_forward, ..self.trunk };
        self.tables = tables;
        self
    }

    /// The same with a vector for each kind of tokens; `firsts` are the first tokens of the kinds, ascending from 0.
    #[must_use]
    pub fn with_kinds(mut self, firsts: Vec<u32>) -> Self {
        self.kinds = firsts;
        self
    }

    /// The same with other vectors for these tokens where a text begins.
    #[must_use]
    pub fn with_starts(mut self, tokens: Range<u32>) -> Self {
        self.starts = tokens;
        self
    }

    /// The row of a token in the table of beginnings, if it has one.
    #[must_use]
    pub fn start_row(&self, token: TokenId) -> Option<u32> {
        self.starts.contains(&token.0).then(|| token.0 - self.starts.start)
    }

    /// Width of an embedding.
    #[must_use]
    pub fn d_table(&self) -> usize {
        self.trunk.d_table()
    }

    /// Whether tokens have an output bias.
    #[must_use]
    pub fn has_bias(&self) -> bool {
        matches!(self.trunk.architecture, Architecture::Gpt2 { .. })
    }

    /// The kind of a token, counted from 0.
    #[must_use]
    pub fn kind(&self, token: TokenId) -> u32 {
        let kinds_begun = self.kinds.partition_point(|&first| first <= token.0);
        u32::try_from(kinds_begun.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The tables a model of this shape stores beside its trunk: name, rows, width.
    #[must_use]
    pub fn stored_tables(&self) -> Vec<(&'static str, usize, usize)> {
        let (tokens, width) = (self.num_tokens, self.d_table());
        let mut tables = vec![("input", tokens, width), ("history", self.num_items, width)];
        if self.tables == Tables::Apart {
            tables.push(("output", tokens, width));
        }
        if self.has_bias() {
            tables.push(("bias", tokens, 1));
        }
        if !self.kinds.is_empty() {
            tables.push(("kinds", self.kinds.len(), width));
        }
        if !self.starts.is_empty() {
            tables.push(("starts", self.starts.len(), width));
        }
        tables
    }

    /// Number of trainable numbers: the trunk and all tables.
    #[must_use]
    pub fn num_parameters(&self) -> usize {
        self.trunk.num_parameters() + self.stored_tables().iter().map(|(_, rows, width)| rows * width).sum::<usize>()
    }

    /// Checks that a model of this shape can be built.
    ///
    /// # Errors
    /// [`Error::Config`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        let t = &self.trunk;
        let rule = |holds: bool, option: &'static str, reason: &str| {
            if holds { Ok(()) } else { Err(Error::Config { option, reason: reason.to_owned() }) }
        };
        rule((1..=8192).contains(&t.d_model), "d_model", "must be 1 to 8,192")?;
        rule((1..=128).contains(&t.num_layers), "num_layers", "must be 1 to 128")?;
        rule(t.num_heads > 0 && t.d_model.is_multiple_of(t.num_heads), "num_heads", "must divide d_model")?;
        rule((3..=4_096).contains(&t.max_tokens), "max_tokens", "must be 3 to 4,096")?;
        rule((0.0..1.0).contains(&t.dropout), "dropout", "must be at least 0 and below 1")?;
        rule((1..1 << 31).contains(&self.num_tokens), "num_tokens", "must be 1 to 2^31 - 1")?;
        let end = (self.first_item as usize).checked_add(self.num_items);
        rule(end.is_some_and(|end| end <= self.num_tokens), "num_items", "must be nodes of the graph")?;
        rule((1..=65_536).contains(&self.history), "history", "must be 1 to 65,536")?;
        let width = t.factorised.is_none_or(|width| (1..=t.d_model).contains(&width));
        rule(width, "factorised", "must be 1 to the width of a hidden vector")?;
        rule(t.d_feed_forward.is_none_or(|d| (1..=65_536).contains(&d)), "d_feed_forward", "must be 1 to 65,536")?;
        rule(t.norm_epsilon > 0.0 && t.norm_epsilon <= 1.0, "norm_epsilon", "must be above 0 and at most 1")?;
        if let Architecture::Llama { rope_theta } = t.architecture {
            let even = (t.d_model / t.num_heads).is_multiple_of(2);
            rule(even, "num_heads", "must leave each head an even width, for rotary positions")?;
            rule((1.0..=1e12).contains(&rope_theta), "rope_theta", "must be 1 to 10^12")?;
        }
        let ascending = self.kinds.is_sorted() && self.kinds.first().is_none_or(|&first| first == 0);
        let within = self.kinds.len() <= MAX_KINDS && self.kinds.last().is_none_or(|&k| k as usize <= self.num_tokens);
        rule(ascending && within, "kinds", "must be first tokens of kinds, ascending from 0")?;
        rule(self.starts.end as usize <= self.num_tokens, "starts", "must be tokens of the vocabulary")
    }
}

/// What a token is told apart from in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Softmax {
    /// Tokens that could legally stand in its place, all or a sample of them: the distribution generation uses.
    #[default]
    Legal,
    /// All tokens of its kind: relations and specials, or nodes of its type. PLM-Rec's and PEARLM's two heads, one head
    /// for each type.
    Typed,
    /// All tokens, as in the peers.
    Full,
}

/// How the end item of a path is told apart from its rivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndLoss {
    /// Cross-entropy, as everywhere else.
    #[default]
    Softmax,
    /// Mean over the rivals c of ln(1 + exp(z_c − z)) (Rendle et al. 2009).
    Bpr,
    /// Mean over the rivals c of max(0, 1 + z_c − z).
    Margin,
}

/// Settings of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Passes over the users; each draws fresh paths unless a corpus is given.
    pub epochs: u64,
    /// Share of the users whose paths are learned, when sampled on the fly; the others are known by what they chose.
    pub users_share: f64,
    /// Paths drawn for each user in an epoch, when sampled on the fly.
    pub paths_per_user: u64,
    /// Paths in a step.
    pub batch_size: usize,
    /// Highest learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// Share of all steps in which the learning rate rises from 0.
    pub warm_up: f64,
    /// Decoupled weight decay (Loshchilov and Hutter 2019).
    pub weight_decay: f32,
    /// Largest norm of a step's gradient; larger ones are scaled down.
    pub gradient_clip: f64,
    /// Probability that the user token is replaced by "any user".
    pub user_dropout: f64,
    /// Legal siblings against which an inner hop is learned; all of them where there are fewer.
    pub siblings: usize,
    /// Legal siblings against which the end item is learned.
    pub end_siblings: usize,
    /// Weight of the end item in the loss, relative to an inner token.
    pub end_weight: f32,
    /// What a token is told apart from.
    pub softmax: Softmax,
    /// How the end item is; other than by cross-entropy only among legal siblings.
    pub end_loss: EndLoss,
    /// What is learned, each for its share of the paths.
    #[serde(rename = "objective", default = "causal_alone")]
    pub objectives: Vec<Objective>,
    /// Batches whose gradients are averaged in a step.
    pub accumulate: usize,
    /// Epochs without a better validation figure after which training stops.
    pub patience: u64,
    /// Validations in an epoch.
    pub validations_per_epoch: u64,
    /// Decides every random draw.
    pub seed: u64,
}

/// What models learned whose description names no objective.
fn causal_alone() -> Vec<Objective> {
    vec![Objective::default()]
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 1,
            users_share: 1.0,
            paths_per_user: 300,
            batch_size: 128,
            learning_rate: 3e-3,
            warm_up: 0.05,
            weight_decay: 1.0,
            gradient_clip: 1.0,
            user_dropout: 0.95,
            siblings: 24,
            end_siblings: 400,
            end_weight: 3.0,
            softmax: Softmax::Legal,
            end_loss: EndLoss::Softmax,
            // Two paths in three are learned as paths; the third tells which items suit the user, whatever leads there.
            objectives: vec![
                Objective::default(),
                Objective { weight: 0.5, ..Objective::of(ObjectiveKind::Causal, Text::Ends) },
            ],
            accumulate: 1,
            patience: 3,
            validations_per_epoch: 4,
            seed: 1,
        }
    }
}

impl TrainingConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Config`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        let rule = |holds: bool, option: &'static str, reason: &str| {
            if holds { Ok(()) } else { Err(Error::Config { option, reason: reason.to_owned() }) }
        };
        rule((1..=100_000).contains(&self.epochs), "epochs", "must be 1 to 100,000")?;
        rule(self.users_share > 0.0 && self.users_share <= 1.0, "users_share", "must be above 0 and at most 1")?;
        rule((1..=1_000_000).contains(&self.paths_per_user), "paths_per_user", "must be 1 to 1,000,000")?;
        rule((1..=65_536).contains(&self.batch_size), "batch_size", "must be 1 to 65,536")?;
        rule(self.learning_rate > 0.0 && self.learning_rate <= 1.0, "learning_rate", "must be above 0 and at most 1")?;
        rule((0.0..=1.0).contains(&self.warm_up), "warm_up", "must be 0 to 1")?;
        rule((0.0..=1.0).contains(&self.weight_decay), "weight_decay", "must be 0 to 1")?;
        rule(self.gradient_clip > 0.0, "gradient_clip", "must be above 0")?;
        rule((0.0..=1.0).contains(&self.user_dropout), "user_dropout", "must be 0 to 1")?;
        rule((1..=65_536).contains(&self.siblings), "siblings", "must be 1 to 65,536")?;
        rule((1..=65_536).contains(&self.end_siblings), "end_siblings", "must be 1 to 65,536")?;
        rule(self.end_weight > 0.0 && self.end_weight.is_finite(), "end_weight", "must be above 0")?;
        rule((1..=65_536).contains(&self.accumulate), "accumulate", "must be 1 to 65,536")?;
        rule(!self.objectives.is_empty(), "objective", "must be one at least")?;
        self.objectives.iter().try_for_each(Objective::validate)?;
        let ranks = self.end_loss != EndLoss::Softmax;
        rule(
            !ranks || self.softmax == Softmax::Legal,
            "end_loss",
            "ranks among legal siblings, so it needs `softmax = \"legal\"`",
        )?;
        rule(self.validations_per_epoch >= 1, "validations_per_epoch", "must be at least 1")?;
        rule(self.patience >= 1, "patience", "must be at least 1")
    }

    /// Whether a model trained like this generates paths.
    #[must_use]
    pub fn generates_paths(&self) -> bool {
        self.objectives.iter().any(Objective::generates_paths)
    }

    /// Whether a model trained like this tells from the user alone which items suit them.
    #[must_use]
    pub fn learns_ends(&self) -> bool {
        self.objectives.iter().any(|o| o.text == Text::Ends)
    }

    /// The objective by which a model that generates no paths tells the next item, if it has one.
    #[must_use]
    pub fn item_objective(&self) -> Option<&Objective> {
        let predicts = self.objectives.iter().find(|o| o.predicts_items());
        predicts.filter(|_| !self.generates_paths())
    }

    /// Texts of a step.
    #[must_use]
    pub fn rows_per_step(&self) -> usize {
        self.batch_size.saturating_mul(self.accumulate)
    }

    /// Positions that the position table of a model must hold, for paths of at most this many tokens.
    #[must_use]
    pub fn num_positions(&self, path_tokens: usize) -> usize {
        self.objectives.iter().map(|o| o.num_positions(path_tokens)).max().unwrap_or(0).max(path_tokens)
    }

    /// Learning rate of a step (from 0): linear warm-up, then a cosine down to a twentieth.
    #[must_use]
    pub fn learning_rate_at(&self, step: u64, num_steps: u64) -> f64 {
        let warm_up = (self.warm_up * num_steps as f64).max(1.0);
        let step = step as f64 + 1.0;
        if step < warm_up {
            return self.learning_rate * step / warm_up;
        }
        let progress = ((step - warm_up) / (num_steps as f64 - warm_up).max(1.0)).min(1.0);
        self.learning_rate * (0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rate_rises_then_falls() {
        let config = TrainingConfig { learning_rate: 1.0, warm_up: 0.1, ..TrainingConfig::default() };
        let rates: Vec<_> = (0..100).map(|s| config.learning_rate_at(s, 100)).collect();
        assert!((rates[0] - 0.1).abs() < 1e-12 && (rates[9] - 1.0).abs() < 1e-12);
        assert!(rates[..10].is_sorted() && rates[9..].is_sorted_by(|a, b| a >= b));
        assert!((rates[99] - 0.05).abs() < 1e-9);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let bad: [fn(&mut TrainingConfig); 6] = [
            |c| c.learning_rate = f64::NAN,
            |c| c.epochs = 0,
            |c| c.batch_size = 0,
            |c| c.user_dropout = 1.5,
            |c| c.end_weight = f32::INFINITY,
            |c| c.gradient_clip = 0.0,
        ];
        for change in bad {
            let mut config = TrainingConfig::default();
            change(&mut config);
            assert!(config.validate().is_err(), "{config:?}");
        }
        let mut shape = ModelConfig::preset(Preset::Small, 100, 10..30, 7);
        shape.validate().expect("presets are valid");
        shape.trunk.num_heads = 3;
        assert!(shape.validate().is_err());
    }

    #[test]
    fn parameters_are_counted() {
        let config = ModelConfig::preset(Preset::Small, 100, 10..30, 7);
        // Positions, two blocks of 12·64² + 13·64, the last norm; two tables and a bias; a vector for each item.
        assert_eq!(config.num_parameters(), 7 * 64 + 2 * (49_152 + 832) + 128 + 100 * 129 + 20 * 64);
    }

    #[test]
    fn shapes_written_before_there_were_designs_mean_what_they_meant() {
        let old = r#"{"trunk": {"d_model": 48, "num_layers": 1, "num_heads": 2, "max_tokens": 7, "dropout": 0.1},
            "num_tokens": 100, "first_item": 10, "num_items": 20, "history": 50}"#;
        let read: ModelConfig = serde_json::from_str(old).expect("a shape");
        assert_eq!(read, ModelConfig::preset(Preset::Tiny, 100, 10..30, 7));
    }

    #[test]
    fn tokens_are_of_the_kind_begun_last() {
        let config = ModelConfig::preset(Preset::Tiny, 30, 10..20, 7).with_kinds(vec![0, 8, 8, 20]);
        config.validate().expect("kinds may be empty");
        assert_eq!([0, 7, 8, 19, 20, 29].map(|token| config.kind(TokenId(token))), [0, 0, 2, 2, 3, 3]);
        assert!(config.clone().with_kinds(vec![1, 8]).validate().is_err());
        assert!(config.with_kinds(vec![0, 31]).validate().is_err());
    }
}
