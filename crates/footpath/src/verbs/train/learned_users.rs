//! The users whose paths are learned: all of them, or a sample where all would take too long.
//!
//! The others are served as well, by what they chose. A model knows users by a vector of their own and by the items of
//! their history; where a vector was never learned, that of "any user" takes its place.

use footpath_core::{NodeId, Purpose, Stream, Vocabulary};
use footpath_graph::TrainKg;
use footpath_model::PathModel;
use footpath_model::config::TrainingConfig;
use std::borrow::Cow;

/// Who is learned and who is not.
#[derive(Debug)]
pub(super) struct LearnedUsers {
    /// Users whose paths are learned, ascending; at least one where there are any.
    pub(super) learned: Vec<u32>,
    /// The tokens of all others.
    others: Vec<u32>,
}

impl LearnedUsers {
    /// The draw of these settings. A smaller share is a part of every larger one of the same seed.
    pub(super) fn of(kg: &TrainKg, training: &TrainingConfig) -> Self {
        let place = |user: u32| Stream::new(training.seed, Purpose::LearnedUsers, 0, user.into()).unit();
        let (mut learned, mut others): (Vec<u32>, Vec<u32>) =
            kg.users().partition(|&user| training.users_share >= 1.0 || place(user) < training.users_share);
        if learned.is_empty()
            && let Some(first) = (0..others.len()).min_by(|&a, &b| place(others[a]).total_cmp(&place(others[b])))
        {
            learned.push(others.remove(first));
        }
        let token = |user: u32| kg.vocabulary().node(NodeId(user)).0;
        Self { learned, others: others.into_iter().map(token).collect() }
    }

    /// Whether these are all users.
    pub(super) fn are_all(&self) -> bool {
        self.others.is_empty()
    }

    /// The model with "any user" for those whose paths it did not learn.
    pub(super) fn known<'m>(&self, model: &'m PathModel) -> Cow<'m, PathModel> {
        if self.are_all() {
            return Cow::Borrowed(model);
        }
        let mut model = model.clone();
        self.make_others_any_user(&mut model);
        Cow::Owned(model)
    }

    /// Puts the vector of "any user" in place of those that were not learned.
    pub(super) fn make_others_any_user(&self, model: &mut PathModel) {
        let width = model.input.width();
        let row = |token: u32| token as usize * width..(token as usize + 1) * width;
        let any = model.input.values.get(row(Vocabulary::ANY_USER.0)).unwrap_or_default().to_vec();
        for &token in &self.others {
            if let Some(values) = model.input.values.get_mut(row(token)) {
                values.copy_from_slice(&any);
            }
        }
    }

    /// What there is to say of it.
    pub(super) fn note(&self) -> Option<String> {
        let (learned, all) = (self.learned.len(), self.learned.len() + self.others.len());
        (!self.are_all()).then(|| {
            format!("The paths of {learned} of {all} users were learned; the others are known by what they chose.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    fn graph(num_users: usize) -> TrainKg {
        let mut data = Dataset::default();
        (0..num_users).for_each(|user| data.interact(&format!("u{user}"), "a"));
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    fn sample(kg: &TrainKg, users_share: f64) -> LearnedUsers {
        LearnedUsers::of(kg, &TrainingConfig { users_share, ..TrainingConfig::default() })
    }

    #[test]
    fn a_sample_is_a_part_of_every_larger_one_and_about_as_large_as_asked_for() {
        let kg = graph(4_000);
        let shares = [0.01, 0.1, 0.5, 1.0];
        let samples = shares.map(|share| sample(&kg, share));
        for (share, pair) in shares.iter().zip(samples.windows(2)) {
            let [small, large] = pair else { continue };
            assert!(small.learned.iter().all(|user| large.learned.binary_search(user).is_ok()));
            let expected = share * 4_000.0;
            assert!((small.learned.len() as f64 - expected).abs() < 5.0 * expected.sqrt(), "{share}");
            assert_eq!(small.learned.len() + small.others.len(), 4_000);
        }
        assert!(samples[3].are_all() && samples[3].note().is_none());
        assert!(samples[1].note().expect("words").contains("of 4000 users"));
        let other = LearnedUsers::of(&kg, &TrainingConfig { users_share: 0.1, seed: 2, ..TrainingConfig::default() });
        assert_ne!(other.learned, samples[1].learned, "another seed, another draw");
    }

    #[test]
    fn somebody_is_learned_whatever_the_share() {
        assert_eq!(sample(&graph(3), 1e-9).learned.len(), 1);
        assert_eq!(sample(&graph(0), 0.5).learned.len(), 0);
    }
}
