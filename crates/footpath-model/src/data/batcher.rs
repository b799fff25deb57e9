//! The causal objective with legal siblings: every token is predicted from those before it.

use crate::config::TrainingConfig;
use footpath_core::{LegalSuccessors, NodeId, Purpose, Stream, Vocabulary};
use rayon::prelude::*;
use std::ops::Range;

/// A token to be predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Index of the hidden vector that predicts it: `row × tokens + position`.
    pub position: u32,
    /// Its candidates in [`Batch::candidates`], the true one first.
    pub candidates: Range<usize>,
    /// Logarithm of the weight each false candidate stands for.
    pub log_weight: f32,
    /// Weight in the loss.
    pub weight: f32,
    /// Whether it is the end item.
    pub is_end: bool,
}

/// Paths ready for a training step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of paths.
    pub rows: usize,
    /// Input tokens of a path.
    pub tokens: usize,
    /// The input tokens: `[rows × tokens]`, padded with 0.
    pub inputs: Vec<u32>,
    /// Items that stand for the users: node ids, those of a path after those of the one before.
    pub history: Vec<u32>,
    /// Where the items of each path end in [`Batch::history`].
    pub history_ends: Vec<usize>,
    /// Candidates of all targets, back to back.
    pub candidates: Vec<u32>,
    /// What is to be predicted, by ascending position.
    pub targets: Vec<Target>,
}

impl Batch {
    /// The items that stand for the user of each path.
    pub fn histories(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.history_ends.iter().copied());
        starts.zip(&self.history_ends).map(|(start, &end)| &self.history[start..end])
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
struct RowTargets {
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

    /// The batch of these rows. `first` is the number of the first row since training began: it keys every draw, so the batch does not
    /// depend on threads or restarts.
    #[must_use]
    pub fn batch(&self, rows: &[&[u32]], first: u64) -> Batch {
        // The last token of a longest path predicts nothing, so it is no input.
        let longest = rows.iter().map(|row| path(row).len()).max().unwrap_or(1);
        let tokens = longest.min(self.legal.max_tokens() - 1).max(1);
        let parts: Vec<RowTargets> = rows
            .par_iter()
            .enumerate()
            .map(|(i, row)| RowTargets {
                history: self.history(path(row), first + i as u64),
                ..self.row_targets(path(row), i * tokens, first + i as u64)
            })
            .collect();
        let mut batch = Batch {
            rows: rows.len(),
            tokens,
            inputs: vec![Vocabulary::PADDING.0; rows.len() * tokens],
            history: Vec::with_capacity(parts.iter().map(|p| p.history.len()).sum()),
            history_ends: Vec::with_capacity(rows.len()),
            candidates: Vec::with_capacity(parts.iter().map(|p| p.candidates.len()).sum()),
            targets: Vec::with_capacity(parts.iter().map(|p| p.targets.len()).sum()),
        };
        for (index, (row, part)) in rows.iter().zip(parts).enumerate() {
            let input = &mut batch.inputs[index * tokens..][..tokens];
            let path = path(row);
            let len = path.len().min(tokens);
            input[..len].copy_from_slice(&path[..len]);
            if self.drops_user(first + index as u64) {
                input[0] = Vocabulary::ANY_USER.0;
            }
            batch.history.extend(part.history);
            batch.history_ends.push(batch.history.len());
            let offset = batch.candidates.len();
            batch.candidates.extend(part.candidates);
            batch.targets.extend(part.targets.into_iter().map(|mut target| {
                target.candidates = target.candidates.start + offset..target.candidates.end + offset;
                target
            }));
        }
        batch
    }

    fn drops_user(&self, row: u64) -> bool {
        Stream::new(self.config.seed, Purpose::UserDropout, 0, row).unit() < self.config.user_dropout
    }

    /// A random part of what the user chose, without the end of the path: what is to be predicted must not be told.
    fn history(&self, path: &[u32], row: u64) -> Vec<u32> {
        let Some(&user) = path.first() else { return Vec::new() };
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

    fn row_targets(&self, path: &[u32], first_position: usize, row: u64) -> RowTargets {
        let mut part = RowTargets::default();
        let mut stream = Stream::new(self.config.seed, Purpose::Negatives, 0, row);
        for position in 1..=path.len() {
            let is_end = position + 1 == path.len();
            let count = if is_end { self.config.end_siblings } else { self.config.siblings };
            let start = part.candidates.len();
            let truth = path.get(position).copied().unwrap_or(Vocabulary::END.0);
            part.candidates.push(truth);
            let log_weight = self.legal.siblings(path, position, count, &mut stream, &mut part.candidates);
            match log_weight {
                Some(log_weight) if part.candidates.len() > start + 1 => part.targets.push(Target {
                    position: u32::try_from(first_position + position - 1).unwrap_or(u32::MAX),
                    candidates: start..part.candidates.len(),
                    log_weight,
                    weight: if is_end { self.config.end_weight } else { 1.0 },
                    is_end,
                }),
                _ => part.candidates.truncate(start),
            }
        }
        part
    }
}

/// A row without its padding.
fn path(row: &[u32]) -> &[u32] {
    let len = row.iter().position(|&t| t == Vocabulary::PADDING.0).unwrap_or(row.len());
    &row[..len]
}
