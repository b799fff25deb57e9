//! Language-modelling objectives: what is hidden of a text, and what is to be predicted from which side.
//!
//! An objective arranges a text into tokens, positions, visibility and questions ([`ModelInput`]); the model never
//! knows which one it learns. Every loss below is a cross-entropy in nats over the candidates of the
//! [softmax](crate::config::Softmax); `x₀` is the user.
//!
//! | kind | loss of a text x₀ … x_T | for |
//! |---|---|---|
//! | `causal` | −Σ_{t ≥ max(1, prompt)} log p(x_t ∣ x_<t) | generating paths: the default |
//! | `prefix` | −Σ_{t ≥ P} log p(x_t ∣ x_<t), the first P seeing each other | patterns whose beginning is given |
//! | `masked` | −Σ_{t ∈ M} log p(x_t ∣ x with M corrupted) | gap filling; next items from both sides |
//! | `permuted` | −Σ_{t late in π} log p(x_t ∣ x_s, π(s) < π(t)) | both directions without masks in the input |
//! | `unified` | one of causal, prefix and masked, each a third of the texts | one model for all three |
//! | `fill-in-the-middle` | −log p(middle, end ∣ prefix, suffix) − log p(prefix) | explaining a given item |
//! | `rearranged` | −log p(intact or not ∣ text) + `masked` if intact | telling true texts from shuffled ones |
//!
//! P is drawn among the nodes; of M, 80 % are masked, 10 % random and 10 % as they were; π is a random order; middles
//! are cut at nodes and written as `prefix, suffix, middle` or `suffix, prefix, middle`; in a text that is not intact
//! nodes changed places.
//!
//! Sources: `causal` GPT (Radford et al. 2018), on paths PLM-Rec (Geng et al. 2022) and PEARLM (Balloccu et al. 2023),
//! on histories SpeedyFeed (Xiao et al. 2022); `prefix` and `unified` UniLM (Dong et al. 2019); `masked` BERT (Devlin
//! et al. 2019), on histories GRec and PeterRec (Yuan et al. 2020); `permuted` XLNet (Yang et al. 2019) and
//! Transformers4Rec (de Souza Pereira Moreira et al. 2021); `fill-in-the-middle` Bavarian et al. 2022; `rearranged`
//! RESETBERT4Rec (Zhao 2022).
//!
//! The text is a path (`text = "paths"`), or what the user chose in the order of time (`text = "histories"`). The
//! variant with two heads of PLM-Rec and PEARLM, one for relations and one for entities, is the typed softmax: rows of
//! the output table belong to one token each, so two heads are one table with candidates of one kind.

use crate::error::{Error, Result};
use crate::layout::UNSEEN;
use footpath_core::{Stream, Vocabulary};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a text becomes a question; formulas in the [module](self).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveKind {
    /// Every token from those before it.
    #[default]
    Causal,
    /// The rest from a beginning that sees itself from both sides.
    Prefix,
    /// Some tokens from all others.
    Masked,
    /// Some tokens from others, in a random order.
    Permuted,
    /// Causal, prefix or masked.
    Unified,
    /// A part from what is before and after it.
    FillInTheMiddle,
    /// Whether the nodes are in their places.
    Rearranged,
}

impl ObjectiveKind {
    /// Its name in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Causal => "causal",
            Self::Prefix => "prefix",
            Self::Masked => "masked",
            Self::Permuted => "permuted",
            Self::Unified => "unified",
            Self::FillInTheMiddle => "fill-in-the-middle",
            Self::Rearranged => "rearranged",
        }
    }
}

/// What an objective reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Text {
    /// User, relation, node, …, item.
    #[default]
    Paths,
    /// User and the items they chose, in the order of time.
    Histories,
    /// User and the end of a path, with nothing between: which items suit the user, whatever leads there.
    Ends,
}

/// An objective, and its weight among others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objective {
    /// Which.
    pub kind: ObjectiveKind,
    /// What it reads.
    pub text: Text,
    /// Its share of the texts, relative to the other objectives.
    pub weight: f64,
    /// Of `causal`: tokens at the beginning that are given and not predicted ("partial" auto-regressive modelling).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<usize>,
    /// Of `masked`, `permuted`, `unified` and `rearranged`: share of the tokens that are predicted, of a text that has
    /// one; 0.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Of `fill-in-the-middle`: share of the texts with the suffix first. Of `rearranged`: share of those that are.
    /// 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Of histories: most items of a text, the last ones; 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            kind: ObjectiveKind::Causal,
            text: Text::Paths,
            weight: 1.0,
            prompt: None,
            rate: None,
            share: None,
            length: None,
        }
    }
}

impl Objective {
    /// An objective of a kind with its default settings.
    #[must_use]
    pub fn of(kind: ObjectiveKind, text: Text) -> Self {
        Self { kind, text, ..Self::default() }
    }

    /// Most items of a history.
    #[must_use]
    pub fn max_items(&self) -> usize {
        self.length.unwrap_or(50)
    }

    fn rate(&self) -> f64 {
        self.rate.unwrap_or(0.3)
    }

    fn share(&self) -> f64 {
        self.share.unwrap_or(0.5)
    }

    /// Positions that a text of at most this many tokens takes in the model: what its position table must hold.
    #[must_use]
    pub fn num_positions(&self, path_tokens: usize) -> usize {
        let tokens = match self.text {
            Text::Paths => path_tokens,
            Text::Histories => 1 + self.max_items(),
            Text::Ends => 2,
        };
        // Three marks stand between the parts. A masked text asks for an item after its last one when it is used.
        if self.kind == ObjectiveKind::FillInTheMiddle {
            tokens + 3
        } else {
            tokens + usize::from(self.text == Text::Histories)
        }
    }

    /// Whether a model that learned it can generate paths token by token.
    #[must_use]
    pub fn generates_paths(&self) -> bool {
        self.text == Text::Paths
            && matches!(self.kind, ObjectiveKind::Causal | ObjectiveKind::Prefix | ObjectiveKind::Unified)
    }

    /// Whether a model that learned it can tell what comes after a history.
    #[must_use]
    pub fn predicts_items(&self) -> bool {
        match self.text {
            Text::Paths => false,
            Text::Histories => self.kind != ObjectiveKind::FillInTheMiddle,
            Text::Ends => true,
        }
    }

    /// Whether a model that learned it can tell what leads from a user to a given item.
    #[must_use]
    pub fn fills_in(&self) -> bool {
        self.text == Text::Paths && self.kind == ObjectiveKind::FillInTheMiddle
    }

    /// Checks all settings.
    ///
    /// # Errors
    /// [`Error::Config`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        let rule = |holds: bool, option: &'static str, reason: &str| {
            if holds { Ok(()) } else { Err(Error::Config { option, reason: reason.to_owned() }) }
        };
        let share = |value: Option<f64>| value.is_none_or(|v| v > 0.0 && v <= 1.0);
        rule(self.weight > 0.0 && self.weight.is_finite(), "objective.weight", "must be above 0")?;
        rule(share(self.rate), "objective.rate", "must be above 0 and at most 1")?;
        rule(self.share.is_none_or(|v| (0.0..=1.0).contains(&v)), "objective.share", "must be 0 to 1")?;
        rule(self.max_items() >= 2 && self.max_items() <= 1_000, "objective.length", "must be 2 to 1,000 items")?;
        let predicts = matches!(
            self.kind,
            ObjectiveKind::Masked | ObjectiveKind::Permuted | ObjectiveKind::Unified | ObjectiveKind::Rearranged
        );
        rule(
            self.prompt.is_none() || self.kind == ObjectiveKind::Causal,
            "objective.prompt",
            "is a setting of `causal` only",
        )?;
        rule(
            self.rate.is_none() || predicts,
            "objective.rate",
            "is a setting of `masked`, `permuted`, `unified` and `rearranged` only",
        )?;
        rule(
            self.share.is_none() || matches!(self.kind, ObjectiveKind::FillInTheMiddle | ObjectiveKind::Rearranged),
            "objective.share",
            "is a setting of `fill-in-the-middle` and `rearranged` only",
        )?;
        rule(
            self.text != Text::Ends || self.kind == ObjectiveKind::Causal,
            "objective.kind",
            "can only be `causal` where the text is the end of a path",
        )?;
        rule(
            self.length.is_none() || self.text == Text::Histories,
            "objective.length",
            "is a setting of `text = \"histories\"` only",
        )
    }
}

/// What is asked at a place of an arranged text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// The token at this position of the text; its end where it has none.
    Token(usize),
    /// That the middle ends here, where the token at this position of the text follows.
    Stop(usize),
    /// Whether the nodes are in their places.
    Intact(bool),
}

/// A text as an objective arranges it: four numbers a token, and what is to be predicted where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInput {
    /// Tokens that go in.
    pub inputs: Vec<u32>,
    /// See [`Layout`](crate::layout::Layout).
    pub positions: Vec<u32>,
    /// See [`Layout`](crate::layout::Layout).
    pub ranks: Vec<u32>,
    /// See [`Layout`](crate::layout::Layout).
    pub reaches: Vec<u32>,
    /// Where the user is.
    pub user: usize,
    /// Index of the token whose hidden vector predicts, and what; ascending, each index once.
    pub questions: Vec<(usize, Label)>,
}

/// A text, as an objective gets it.
#[derive(Clone, Copy, Debug)]
pub struct TextTokens<'a> {
    /// The tokens, from the user on.
    pub tokens: &'a [u32],
    /// Tokens from one node to the next: 2 in a path, 1 in a history.
    pub stride: usize,
    /// Whether the text could have gone on, so that its end is worth a prediction.
    pub could_go_on: bool,
}

impl TextTokens<'_> {
    fn nodes(&self) -> impl ExactSizeIterator<Item = usize> {
        (0..self.tokens.len()).step_by(self.stride)
    }
}

/// Arranges a text. `alike` gives all tokens of the kind of a token, for the random ones of `masked`.
#[must_use]
pub fn arrange(
    objective: &Objective,
    text: TextTokens<'_>,
    stream: &mut Stream,
    alike: &dyn Fn(u32) -> Range<u32>,
) -> ModelInput {
    match objective.kind {
        ObjectiveKind::Causal => after(text, objective.prompt.unwrap_or(0), 0),
        ObjectiveKind::Prefix => prefix(text, stream),
        ObjectiveKind::Masked => masked(text, objective.rate(), stream, alike),
        ObjectiveKind::Permuted => permuted(text, objective.rate(), stream),
        ObjectiveKind::Unified => match stream.index(3) {
            0 => after(text, 0, 0),
            1 => prefix(text, stream),
            _ => masked(text, objective.rate(), stream, alike),
        },
        ObjectiveKind::FillInTheMiddle => fill_in_the_middle(text, objective.share(), stream),
        ObjectiveKind::Rearranged => rearranged(text, objective, stream, alike),
    }
}

/// Every token from `first` on, predicted from those before it; the first `together` see each other from both sides.
fn after(text: TextTokens<'_>, first: usize, together: usize) -> ModelInput {
    let end = text.tokens.len() + usize::from(text.could_go_on);
    // A last token that predicts nothing is no input.
    let inputs = text.tokens[..end.saturating_sub(1).min(text.tokens.len())].to_vec();
    let places = || (0u32..).take(inputs.len());
    let within = u32::try_from(together).unwrap_or(u32::MAX);
    ModelInput {
        positions: places().collect(),
        ranks: places().map(|place| if place < within { 0 } else { place }).collect(),
        reaches: places().map(|place| place.max(within.saturating_sub(1))).collect(),
        user: 0,
        questions: (first.max(1)..end).map(|position| (position - 1, Label::Token(position))).collect(),
        inputs,
    }
}

fn prefix(text: TextTokens<'_>, stream: &mut Stream) -> ModelInput {
    // The last node is never given.
    let cut = stream.index(text.nodes().len().saturating_sub(1).max(1)) * text.stride;
    after(text, cut + 1, cut + 1)
}

/// All tokens see each other.
fn both_sides(inputs: Vec<u32>, questions: Vec<(usize, Label)>) -> ModelInput {
    ModelInput {
        positions: (0u32..).take(inputs.len()).collect(),
        ranks: vec![0; inputs.len()],
        reaches: vec![0; inputs.len()],
        user: 0,
        questions,
        inputs,
    }
}

fn masked(text: TextTokens<'_>, rate: f64, stream: &mut Stream, alike: &dyn Fn(u32) -> Range<u32>) -> ModelInput {
    let mut chosen: Vec<usize> = (1..text.tokens.len()).filter(|_| stream.unit() < rate).collect();
    if chosen.is_empty() && text.tokens.len() > 1 {
        chosen.push(1 + stream.index(text.tokens.len() - 1));
    }
    let mut inputs = text.tokens.to_vec();
    for &position in &chosen {
        let draw = stream.unit();
        if draw < 0.8 {
            inputs[position] = Vocabulary::MASK.0;
        } else if draw < 0.9 {
            let Range { start, end } = alike(inputs[position]);
            #[expect(clippy::cast_possible_truncation, reason = "a token id")]
            let offset = stream.index((end - start) as usize) as u32;
            inputs[position] = start + offset;
        }
    }
    both_sides(inputs, chosen.into_iter().map(|position| (position, Label::Token(position))).collect())
}

/// The text, and after it a mask for each token asked for, which sees what comes before that token in the order drawn.
fn permuted(text: TextTokens<'_>, rate: f64, stream: &mut Stream) -> ModelInput {
    let len = text.tokens.len();
    // The user comes first; `order[i]` is the position of the token that comes i-th.
    let mut order: Vec<usize> = (1..len).collect();
    stream.shuffle(&mut order);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a path length")]
    let asked = ((rate * order.len() as f64).ceil() as usize).clamp(1, order.len().max(1)).min(order.len());
    let mut rank = vec![0u32; len];
    for (place, &position) in (1u32..).zip(&order) {
        rank[position] = place;
    }
    let mut last: Vec<usize> = order[order.len() - asked..].to_vec();
    last.sort_unstable();
    let mut arranged = both_sides(text.tokens.to_vec(), Vec::new());
    arranged.ranks.clone_from(&rank);
    arranged.reaches.clone_from(&rank);
    for position in last {
        arranged.questions.push((arranged.inputs.len(), Label::Token(position)));
        arranged.inputs.push(Vocabulary::MASK.0);
        arranged.positions.push(u32::try_from(position).unwrap_or(u32::MAX));
        arranged.ranks.push(UNSEEN);
        arranged.reaches.push(rank[position] - 1);
    }
    arranged
}

/// Cuts before and after at least one hop; the prefix ends and the suffix begins with a node.
fn fill_in_the_middle(text: TextTokens<'_>, suffix_first: f64, stream: &mut Stream) -> ModelInput {
    let num_nodes = text.nodes().len();
    if num_nodes < 2 {
        return after(text, 0, 0);
    }
    let (one, other) = (stream.index(num_nodes), stream.index(num_nodes - 1));
    let other = if other >= one { other + 1 } else { other };
    let (before, after) = (one.min(other) * text.stride, one.max(other) * text.stride);
    let (prefix, suffix) = (before + 1, after);
    let head: &[u32] = if stream.unit() < suffix_first {
        &[Vocabulary::PREFIX.0, Vocabulary::SUFFIX.0]
    } else {
        &[Vocabulary::PREFIX.0]
    };
    let mut inputs = head.to_vec();
    let mut questions = Vec::new();
    let mut user = 0;
    let mut prefix_part = |inputs: &mut Vec<u32>, questions: &mut Vec<(usize, Label)>| {
        user = inputs.len();
        questions.extend((1..prefix).map(|position| (user + position - 1, Label::Token(position))));
        inputs.extend(&text.tokens[..prefix]);
    };
    if head.len() == 1 {
        prefix_part(&mut inputs, &mut questions);
        inputs.push(Vocabulary::SUFFIX.0);
        inputs.extend(&text.tokens[suffix..]);
        inputs.push(Vocabulary::MIDDLE.0);
    } else {
        inputs.extend(&text.tokens[suffix..]);
        inputs.push(Vocabulary::MIDDLE.0);
        prefix_part(&mut inputs, &mut questions);
    }
    // The token before the middle is the mark of the middle or the last one of the prefix.
    let first = inputs.len() - 1;
    questions.extend((prefix..suffix).map(|position| (first + position - prefix, Label::Token(position))));
    questions.push((first + suffix - prefix, Label::Stop(suffix)));
    inputs.extend(&text.tokens[prefix..suffix]);
    let places: Vec<u32> = (0u32..).take(inputs.len()).collect();
    ModelInput { positions: places.clone(), ranks: places.clone(), reaches: places, user, questions, inputs }
}

fn rearranged(
    text: TextTokens<'_>,
    objective: &Objective,
    stream: &mut Stream,
    alike: &dyn Fn(u32) -> Range<u32>,
) -> ModelInput {
    let shuffles = stream.unit() < objective.share();
    let nodes: Vec<usize> = text.nodes().skip(1).collect();
    let mut tokens = text.tokens.to_vec();
    if shuffles {
        let mut places = nodes.clone();
        stream.shuffle(&mut places);
        for (&from, &to) in nodes.iter().zip(&places) {
            tokens[to] = text.tokens[from];
        }
    }
    // A shuffle may leave everything in its place.
    let intact = tokens == text.tokens;
    let mut arranged =
        if intact { masked(text, objective.rate(), stream, alike) } else { both_sides(tokens, Vec::new()) };
    arranged.questions.insert(0, (0, Label::Intact(intact)));
    arranged
}

#[cfg(test)]
mod tests;
