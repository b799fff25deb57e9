//! Rows of tokens, and what came of drawing them.

/// What came of drawing a corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleSummary {
    /// Paths given to the sink.
    pub num_paths: u64,
    /// Users that have a path.
    pub users_with_paths: u64,
    /// Users that have none.
    pub users_without_paths: u64,
    /// Paths asked for and not found although there may be more; see [`super::UserTables::draw`].
    pub given_up: u64,
    /// Users of whom [`super::Quota::Every`] left out paths.
    pub users_cut_short: u64,
    /// Whether walks were weighed by numbers in floating point: because the law has weights, or because 64 bits could
    /// not count those of a user. Otherwise all numbers were integers, and the law holds without any rounding.
    pub rounded: bool,
}

impl SampleSummary {
    pub(super) fn add(&mut self, other: &Self) {
        self.num_paths += other.num_paths;
        self.users_with_paths += other.users_with_paths;
        self.users_without_paths += other.users_without_paths;
        self.given_up += other.given_up;
        self.users_cut_short += other.users_cut_short;
        self.rounded |= other.rounded;
    }

    pub(super) fn count_user(&mut self, has_paths: bool) {
        self.users_with_paths += u64::from(has_paths);
        self.users_without_paths += u64::from(!has_paths);
    }
}

/// Rows of tokens, and what came of drawing them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) tokens: Vec<u32>,
    pub(super) summary: SampleSummary,
}
