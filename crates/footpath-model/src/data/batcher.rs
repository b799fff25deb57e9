//! From texts to batches: who stands for the user, which objective a text gets, and what each answer is told apart
//! from.

use super::objective::{self, Label, ModelInput, Objective, Text, TextTokens};
use crate::config::{Softmax, TrainingConfig};
use crate::layout::Layout;
use footpath_core::vocabulary::NUM_SPECIALS;
use footpath_core::{LegalSuccessors, NodeId, Purpose, Stream, Vocabulary};
use rayon::prelude::*;
use std::ops::Range;

/// What an answer is told apart from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateSet {
    /// The tokens at these places of [`Batch::candidates`], the answer itself the first.
    Listed(Range<usize>),
    /// All tokens of a range, the answer among them.
    All(Range<u32>),
}

/// A token to be predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Index of the hidden vector that predicts it: `row × tokens + place`.
    pub position: u32,
    /// The token.
    pub answer: u32,
    /// Who it is told apart from.
    pub candidates: CandidateSet,
    /// Logarithm of the weight each listed rival stands for.
    pub log_weight: f32,
    /// Weight in the loss.
    pub weight: f32,
    /// Whether it is an item at the end of a path, or one of a history.
    pub is_end: bool,
}

/// Texts ready for a training step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Where tokens stand and what each sees.
    pub layout: Layout,
    /// The input tokens: `[rows × tokens]`, padded with 0.
    pub inputs: Vec<u32>,
    /// Index in [`Batch::inputs`] of the user of each row.
    pub users: Vec<u32>,
    /// Items that stand for the users: node ids, those of a row after those of the one before.
    pub history: Vec<u32>,
    /// Where the items of each row end in [`Batch::history`].
    pub history_ends: Vec<usize>,
    /// Candidates of all targets that list them, back to back.
    pub candidates: Vec<u32>,
    /// What is to be predicted, by ascending position, no two at the same.
    pub targets: Vec<Target>,
}

impl Batch {
    /// The index of the user of each row, with the items that stand for them.
    pub fn histories(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let starts = std::iter::once(0).chain(self.history_ends.iter().copied());
        let items = starts.zip(&self.history_ends).map(|(start, &end)| &self.history[start..end]);
        self.users.iter().copied().zip(items)
    }
}

/// Turns rows of tokens into batches.
#[derive(Debug)]
pub struct Batcher<'a, L> {
    legal: &'a L,
    config: &'a TrainingConfig,
    /// Most items that stand for a user.
    cap: usize,
}

/// What belongs to one row, before it is put together.
#[derive(Default)]
struct Row {
    arranged: ModelInput,
    history: Vec<u32>,
    candidates: Vec<u32>,
    targets: Vec<Target>,
}

impl<'a, L: LegalSuccessors> Batcher<'a, L> {
    /// A batcher that asks `legal` for siblings, and lets at most `cap` items stand for a user.
    #[must_use]
    pub fn new(legal: &'a L, config: &'a TrainingConfig, cap: usize) -> Self {
        Self { legal, config, cap }
    }

    /// The batch of these paths. `first` is the number of the first row since training began: it keys every draw, so
    /// the batch does not depend on threads or restarts.
    #[must_use]
    pub fn batch(&self, paths: &[&[u32]], first: u64) -> Batch {
        let rows: Vec<Row> =
            paths.par_iter().enumerate().map(|(i, row)| self.row(path(row), first + i as u64)).collect();
        let tokens = rows.iter().map(|row| row.arranged.inputs.len()).max().unwrap_or(1).max(1);
        let inputs = Vec::with_capacity(rows.len() * tokens);
        let mut batch = Batch { layout: Layout::of_width(tokens), inputs, ..Batch::default() };
        rows.into_iter().for_each(|row| batch.push(row));
        batch
    }

    fn row(&self, path: &[u32], number: u64) -> Row {
        let mut stream = Stream::new(self.config.seed, Purpose::Objective, 0, number);
        let objective = self.choose(&mut stream);
        let written;
        let text = match objective.text {
            Text::Paths => TextTokens { tokens: path, stride: 2, could_go_on: path.len() < self.legal.max_tokens() },
            Text::Histories => {
                written = self.timeline(path, objective);
                TextTokens { tokens: &written, stride: 1, could_go_on: false }
            }
            Text::Ends => {
                written = path.first().into_iter().chain(path.last()).copied().collect();
                TextTokens { tokens: &written, stride: 1, could_go_on: false }
            }
        };
        let mut arranged = objective::arrange(objective, text, &mut stream, &|token| self.legal.alike(token));
        let user = path.first().copied().unwrap_or_default();
        let mut row = self.targets(text, &arranged, objective.text, number);
        if objective.text != Text::Histories {
            row.history = self.history(user, path, number);
        }
        // Only a user can be any user: other texts begin with what is known of them.
        let is_user = !self.legal.history(user).is_empty();
        if is_user
            && self.drops_user(number)
            && let Some(token) = arranged.inputs.get_mut(arranged.user)
        {
            *token = Vocabulary::ANY_USER.0;
        }
        Row { arranged, ..row }
    }

    /// An objective, by weight. One alone costs no draw.
    fn choose(&self, stream: &mut Stream) -> &'a Objective {
        let objectives = &self.config.objectives;
        let mut left = match objectives.len() {
            1 => 0.0,
            _ => stream.unit() * objectives.iter().map(|o| o.weight).sum::<f64>(),
        };
        let chosen = objectives.iter().find(|o| {
            left -= o.weight;
            left < 0.0
        });
        // Rounding may leave a grain past the last weight. The settings are checked to have an objective.
        chosen.unwrap_or(&objectives[objectives.len() - 1])
    }

    /// The user, and the last items they chose.
    fn timeline(&self, path: &[u32], objective: &Objective) -> Vec<u32> {
        let user = path.first().copied().unwrap_or_default();
        let items = self.legal.timeline(user);
        let last = items.len().saturating_sub(objective.max_items());
        std::iter::once(user).chain(items.into_iter().skip(last)).collect()
    }

    fn drops_user(&self, row: u64) -> bool {
        Stream::new(self.config.seed, Purpose::UserDropout, 0, row).unit() < self.config.user_dropout
    }

    /// A random part of what the user chose, without the end of the path: what is to be predicted must not be told.
    fn history(&self, user: u32, path: &[u32], row: u64) -> Vec<u32> {
        let node = |token: u32| token.wrapping_sub(self.legal.vocabulary().node(NodeId(0)).0);
        let end = path.last().map(|&end| node(end));
        let mut items: Vec<u32> = self.legal.history(user).iter().copied().filter(|&item| Some(item) != end).collect();
        let mut stream = Stream::new(self.config.seed, Purpose::History, 0, row);
        for place in 0..items.len().min(self.cap) {
            let other = place + stream.index(items.len() - place);
            items.swap(place, other);
        }
        items.truncate(self.cap);
        items
    }

    /// The answers to the questions of a text, each with its rivals. A question without a choice is none.
    fn targets(&self, text: TextTokens<'_>, arranged: &ModelInput, kind: Text, number: u64) -> Row {
        let mut row = Row::default();
        let mut stream = Stream::new(self.config.seed, Purpose::Negatives, 0, number);
        for &(place, wanted) in &arranged.questions {
            let is_end = match wanted {
                Label::Token(position) => kind != Text::Paths || position + 1 == text.tokens.len(),
                _ => false,
            };
            let answer = match wanted {
                Label::Token(position) => text.tokens.get(position).copied().unwrap_or(Vocabulary::END.0),
                Label::Stop(_) | Label::Intact(true) => Vocabulary::END.0,
                Label::Intact(false) => Vocabulary::REARRANGED.0,
            };
            let start = row.candidates.len();
            let Some((candidates, log_weight)) = (match (wanted, self.config.softmax) {
                (Label::Intact(_), _) => {
                    row.candidates.extend([answer, Vocabulary::END.0 + Vocabulary::REARRANGED.0 - answer]);
                    Some((CandidateSet::Listed(start..start + 2), 0.0))
                }
                (Label::Token(position) | Label::Stop(position), Softmax::Legal) => {
                    row.candidates.push(answer);
                    let count = if is_end { self.config.end_siblings } else { self.config.siblings };
                    let log_weight = match kind {
                        Text::Histories | Text::Ends => {
                            let here = text.tokens.get(position).copied().unwrap_or_default();
                            Some(self.other_items(here, count, &mut stream, &mut row.candidates))
                        }
                        Text::Paths => {
                            self.legal.siblings(text.tokens, position, count, &mut stream, &mut row.candidates)
                        }
                    };
                    let listed = start..row.candidates.len();
                    log_weight.filter(|_| listed.len() > 1).map(|log_weight| (CandidateSet::Listed(listed), log_weight))
                }
                (Label::Token(position) | Label::Stop(position), softmax) => {
                    Some((CandidateSet::All(self.all(softmax, text.tokens.get(position).copied(), answer)), 0.0))
                }
            }) else {
                row.candidates.truncate(start);
                continue;
            };
            let weight = if is_end && kind == Text::Paths { self.config.end_weight } else { 1.0 };
            let position = u32::try_from(place).unwrap_or(u32::MAX);
            row.targets.push(Target { position, answer, candidates, log_weight, weight, is_end });
        }
        row
    }

    /// Items other than this one: all, or a uniform sample of them with its importance weight.
    fn other_items(&self, item: u32, count: usize, stream: &mut Stream, out: &mut Vec<u32>) -> f32 {
        let items = self.legal.items();
        let len = items.len();
        if len <= count + 1 {
            out.extend(items.filter(|&other| other != item));
            return 0.0;
        }
        for _ in 0..count {
            #[expect(clippy::cast_possible_truncation, reason = "a token id")]
            let other = items.start + stream.index(len) as u32;
            out.extend((other != item).then_some(other));
        }
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a weight, not a count")]
        let log_weight = (len as f64 / count as f64).ln() as f32;
        log_weight
    }

    /// All candidates of the softmax where a text has the token `here`, or nothing more.
    fn all(&self, softmax: Softmax, here: Option<u32>, answer: u32) -> Range<u32> {
        let vocabulary = self.legal.vocabulary();
        let first_node = NUM_SPECIALS + vocabulary.num_relations;
        let kind = match (softmax, here) {
            (Softmax::Typed, Some(token)) if token >= first_node => self.legal.alike(token),
            // Where a relation may stand the text may end as well.
            (Softmax::Typed, _) => 0..first_node,
            _ => 0..0,
        };
        // The end of a middle stands where a node may, and is of no node's kind.
        if kind.contains(&answer) { kind } else { 0..u32::try_from(vocabulary.len()).unwrap_or(u32::MAX) }
    }
}

impl Batch {
    /// Adds a row.
    fn push(&mut self, row: Row) {
        let Row { arranged, history, candidates, targets } = row;
        let tokens = self.layout.tokens;
        let start = self.inputs.len();
        let end = start + tokens;
        let at = u32::try_from(start).unwrap_or(u32::MAX);
        self.users.push(at + u32::try_from(arranged.user).unwrap_or(u32::MAX));
        self.inputs.extend(arranged.inputs);
        self.inputs.resize(end, Vocabulary::PADDING.0);
        self.layout.push(arranged.positions, arranged.ranks, arranged.reaches);
        self.history.extend(history);
        self.history_ends.push(self.history.len());
        let offset = self.candidates.len();
        self.candidates.extend(candidates);
        self.targets.extend(targets.into_iter().map(|mut target| {
            target.position += at;
            if let CandidateSet::Listed(places) = &mut target.candidates {
                *places = places.start + offset..places.end + offset;
            }
            target
        }));
    }
}

/// A row without its padding.
fn path(row: &[u32]) -> &[u32] {
    let len = row.iter().position(|&t| t == Vocabulary::PADDING.0).unwrap_or(row.len());
    &row[..len]
}
