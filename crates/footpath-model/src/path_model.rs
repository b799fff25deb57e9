//! The path language model: embeddings on the host, transformer on a device.

use crate::config::{ModelConfig, Tables};
use crate::device::Device;
use crate::embeddings::Table;
use crate::error::Result;
use crate::layout::Layout;
use crate::legal_softmax::score;
use crate::model::{Engine, Trunk, TrunkWeights};
use footpath_core::{Purpose, Stop, Stream, TokenId, Vocabulary};

/// A path language model.
#[derive(Clone, Debug)]
pub struct PathModel {
    /// Its shape.
    pub config: ModelConfig,
    /// The transformer.
    pub trunk: Trunk,
    /// Input embeddings: `[tokens, d_table]`.
    pub input: Table,
    /// What an item in the history of a user says of the user: `[items, d_table]`.
    pub history: Table,
    /// Output embeddings, `[tokens, d_table]`; `None` where they are the input embeddings. Read them with
    /// [`PathModel::output`].
    pub own_output: Option<Table>,
    /// Output biases: `[tokens, 1]`; zeros that are never learned where [`ModelConfig::has_bias`] says no.
    pub bias: Table,
    /// What the kind of a token adds to its embedding: `[kinds, d_table]`.
    pub kinds: Option<Table>,
    /// What some tokens have at the beginning of a text, in place of their embedding and kind: `[starts, d_table]`; see
    /// [`ModelConfig::starts`].
    pub starts: Option<Table>,
}

impl PathModel {
    /// A model with random weights; the same seed gives the same weights.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a shape that cannot be.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        config.validate()?;
        let table = |rows, width, std, which| {
            Table::new(rows, width, std, &mut Stream::new(seed, Purpose::Initialise, which, 0))
        };
        let (tokens, width) = (config.num_tokens, config.d_table());
        let own_output = (config.tables == Tables::Apart).then(|| table(tokens, width, 0.1, 1));
        let kinds = (!config.kinds.is_empty()).then(|| table(config.kinds.len(), width, 0.1, 6));
        let starts = (!config.starts.is_empty()).then(|| table(config.starts.len(), width, 0.1, 7));
        Ok(Self {
            trunk: Trunk::new(
                TrunkWeights::random(&config.trunk, &mut Stream::new(seed, Purpose::Initialise, 3, 0)),
                device,
            ),
            input: table(tokens, width, 0.1, 0),
            history: table(config.num_items, width, 0.1, 4),
            own_output,
            bias: table(tokens, 1, 0.0, 2),
            kinds,
            starts,
            config,
        })
    }

    /// The same model with room for longer texts: positions that are new to it are random. A shorter length changes
    /// nothing.
    #[must_use]
    pub fn with_positions(mut self, max_tokens: usize, seed: u64) -> Self {
        let added = max_tokens.saturating_sub(self.config.trunk.max_tokens);
        if added > 0 {
            let std = self.config.trunk.initial_std("positions");
            let mut stream = Stream::new(seed, Purpose::Initialise, 5, 0);
            let rows = Table::new(added, self.config.trunk.d_model, std, &mut stream).values;
            self.trunk.weights_mut().add_positions(&rows);
            self.config.trunk.max_tokens = max_tokens;
        }
        self
    }

    /// Output embeddings: `[tokens, d_table]`.
    #[must_use]
    pub fn output(&self) -> &Table {
        self.own_output.as_ref().unwrap_or(&self.input)
    }

    /// The vectors that tokens go into the trunk with, except that a path begins with [`PathModel::prompt`].
    ///
    /// # Shapes
    /// - returns: `[tokens, d_table]`
    #[must_use]
    pub fn embed(&self, tokens: &[u32]) -> Vec<f32> {
        let mut vectors = self.input.gather(tokens);
        if let Some(kinds) = &self.kinds {
            for (vector, &token) in vectors.chunks_exact_mut(self.config.d_table()).zip(tokens) {
                let row = kinds.row(self.config.kind(TokenId(token)));
                vector.iter_mut().zip(row).for_each(|(v, r)| *v += r);
            }
        }
        vectors
    }

    /// The vector of a token where a text begins, but for what a history adds.
    ///
    /// # Shapes
    /// - returns: `[d_table]`
    #[must_use]
    pub fn start(&self, token: TokenId) -> Vec<f32> {
        let mut vector = self.embed(&[token.0]);
        self.begin(token, &mut vector);
        vector
    }

    /// Turns the vector of a token into the one that it has where a text begins.
    pub(crate) fn begin(&self, token: TokenId, vector: &mut [f32]) {
        if let (Some(starts), Some(row)) = (&self.starts, self.config.start_row(token)) {
            vector.copy_from_slice(starts.row(row));
        }
    }

    /// The vector that a path of this user begins with: the user's own, or that of "any user" for a token the model
    /// does not know, plus `Σ P[i] · √min(n, c) / n` over the n items `i` of the history, with `c` =
    /// [`ModelConfig::history`].
    ///
    /// The size grows as √n up to c items, as the item similarities of FISM (Kabbur et al. 2013, α = ½) do, and not
    /// beyond, for training never sees more than c at once.
    ///
    /// # Shapes
    /// - `history`: node ids of items
    /// - returns: `[d_table]`
    #[must_use]
    pub fn prompt(&self, user: TokenId, history: &[u32]) -> Vec<f32> {
        let known = if (user.0 as usize) < self.config.num_tokens { user } else { Vocabulary::ANY_USER };
        let mut vector = self.start(known);
        self.add_history(history, &mut vector);
        vector
    }

    /// Adds what the items of a history say of their user.
    pub(crate) fn add_history(&self, items: &[u32], vector: &mut [f32]) {
        let (scale, rows) = (self.history_scale(items.len()), self.history.rows());
        for row in items.iter().map(|&item| rows.get(self.history_row(item))) {
            vector.iter_mut().zip(row).for_each(|(v, r)| *v += scale * r);
        }
    }

    /// Row of an item in the history table.
    pub fn history_row(&self, item: u32) -> u32 {
        item - self.config.first_item
    }

    /// Factor of each of `n` items in the vector of a user.
    #[expect(clippy::cast_precision_loss, reason = "a length, far below 2^24")]
    pub(crate) fn history_scale(&self, n: usize) -> f32 {
        (n.min(self.config.history) as f32).sqrt() / n.max(1) as f32
    }

    /// What computes the trunk.
    #[must_use]
    pub fn engine(&self) -> &dyn Engine {
        self.trunk.engine()
    }

    /// The logit of every token after each token of one sequence.
    ///
    /// # Shapes
    /// - `inputs`: `[tokens × d_table]`, embedded tokens
    /// - returns: `[tokens, vocabulary]`
    #[must_use]
    pub fn logits(&self, inputs: Vec<f32>) -> Vec<Vec<f32>> {
        let width = self.config.d_table();
        let tokens = inputs.len() / width;
        // Nobody stops it.
        let hidden = self.engine().forward(inputs, &Layout::causal(1, tokens), &Stop::default()).unwrap_or_default();
        let all = 0..u32::try_from(self.config.num_tokens).unwrap_or(u32::MAX);
        let of = |hidden: &[f32]| {
            all.clone().map(|token| score(hidden, self.output(), &self.bias, TokenId(token))).collect()
        };
        hidden.chunks_exact(width).map(of).collect()
    }

    /// The tables with a name in stored files, in the order of [`ModelConfig::stored_tables`].
    pub(crate) fn stored_tables(&self) -> Vec<(&'static str, &Table)> {
        let mut tables = vec![("input", &self.input), ("history", &self.history)];
        tables.extend(self.own_output.as_ref().map(|table| ("output", table)));
        tables.extend(self.config.has_bias().then_some(("bias", &self.bias)));
        tables.extend(self.kinds.as_ref().map(|table| ("kinds", table)));
        tables.extend(self.starts.as_ref().map(|table| ("starts", table)));
        tables
    }

    /// The weights of the trunk and the tables of [`PathModel::stored_tables`], to be changed.
    pub(crate) fn arrays_mut(&mut self) -> (&mut TrunkWeights, Vec<(&'static str, &mut Table)>) {
        let Self { config, trunk, input, history, own_output, bias, kinds, starts } = self;
        let mut tables = vec![("input", input), ("history", history)];
        tables.extend(own_output.as_mut().map(|table| ("output", table)));
        tables.extend(config.has_bias().then_some(("bias", bias)));
        tables.extend(kinds.as_mut().map(|table| ("kinds", table)));
        tables.extend(starts.as_mut().map(|table| ("starts", table)));
        (trunk.weights_mut(), tables)
    }
}
