//! Where the tokens of a row stand, and which of them each may see.
//!
//! A token `i` sees a token `j` of its row when `i = j` or `rank(j) ≤ reach(i)`. Two numbers a token are enough for
//! every mask that the objectives need, and a row needs no matrix:
//!
//! | mask | rank of `j` | reach of `i` |
//! |---|---|---|
//! | causal | `j` | `i` |
//! | both sides | 0 | 0 |
//! | prefix of `P` tokens | 0 below `P`, else `j` | `max(i, P − 1)` |
//! | an order π of prediction (XLNet) | `π(j)` | `π(i)`; `π − 1` of a token that asks for the one at π |
//! | padding | [`UNSEEN`] | 0 |
//!
//! A token that asks for another is itself [`UNSEEN`].

/// The rank of a token that no other token sees.
pub const UNSEEN: u32 = u32::MAX;

/// Positions and visibility of `[rows × tokens]` tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Number of rows.
    pub rows: usize,
    /// Tokens of a row.
    pub tokens: usize,
    /// The position each token is said to have: `[rows × tokens]`.
    pub positions: Vec<u32>,
    /// `[rows × tokens]`
    pub ranks: Vec<u32>,
    /// `[rows × tokens]`
    pub reaches: Vec<u32>,
}

impl Layout {
    /// Rows in which every token sees itself and those before it. Padding at the end needs nothing else: no one looks
    /// that far.
    #[must_use]
    pub fn causal(rows: usize, tokens: usize) -> Self {
        let row: Vec<u32> = (0u32..).take(tokens).collect();
        let all = row.repeat(rows);
        Self { rows, tokens, positions: all.clone(), ranks: all.clone(), reaches: all }
    }

    /// No rows yet, of this many tokens each.
    #[must_use]
    pub fn of_width(tokens: usize) -> Self {
        Self { tokens, ..Self::default() }
    }

    /// Adds a row; what it lacks in tokens is padding.
    pub fn push(&mut self, positions: Vec<u32>, ranks: Vec<u32>, reaches: Vec<u32>) {
        let plain = |numbers: &[u32]| numbers.iter().zip(0u32..).all(|(&number, place)| number == place);
        let causal = [&positions, &ranks, &reaches].into_iter().all(|numbers| plain(numbers));
        let len = positions.len();
        self.rows += 1;
        let end = self.rows * self.tokens;
        let all =
            [(&mut self.positions, positions, 0), (&mut self.ranks, ranks, UNSEEN), (&mut self.reaches, reaches, 0)];
        for (numbers, of_row, padding) in all {
            numbers.extend(of_row);
            // Padding after a causal row goes on like it: no one looks that far, and rows that are all causal share a
            // mask.
            match causal {
                true => numbers.extend((0u32..).take(self.tokens).skip(len)),
                false => numbers.resize(end, padding),
            }
        }
    }

    /// Whether all rows are as [`Layout::causal`] makes them, so that one small mask serves all.
    #[must_use]
    pub fn is_causal(&self) -> bool {
        let sequential = |numbers: &[u32]| {
            numbers.chunks(self.tokens.max(1)).all(|row| row.iter().zip(0u32..).all(|(&number, place)| number == place))
        };
        [&self.positions, &self.ranks, &self.reaches].into_iter().all(|numbers| sequential(numbers))
    }

    /// For each row, token and other token: whether the first must not see the second. `[rows × tokens × tokens]`
    #[must_use]
    pub fn hidden(&self) -> Vec<bool> {
        let tokens = self.tokens.max(1);
        let mut hidden = Vec::with_capacity(self.rows * tokens * tokens);
        for (ranks, reaches) in self.ranks.chunks(tokens).zip(self.reaches.chunks(tokens)) {
            for (i, &reach) in reaches.iter().enumerate() {
                hidden.extend(ranks.iter().enumerate().map(|(j, &rank)| i != j && rank > reach));
            }
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causal_rows_see_what_came_before() {
        let layout = Layout::causal(2, 3);
        assert!(layout.is_causal());
        let row = [false, true, true, false, false, true, false, false, false];
        assert_eq!(layout.hidden(), row.repeat(2));
    }

    #[test]
    fn ranks_and_reaches_say_who_sees_whom() {
        let layout =
            Layout { rows: 1, tokens: 3, positions: vec![0, 1, 2], ranks: vec![0, 0, UNSEEN], reaches: vec![0, 0, 1] };
        assert!(!layout.is_causal());
        assert_eq!(layout.hidden(), [false, false, true, false, false, true, false, false, false]);
    }
}
