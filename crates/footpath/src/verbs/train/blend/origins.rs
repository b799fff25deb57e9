//! The place in time from which valid is looked at.
//!
//! From the end of train, what comes next is valid. The test part of a split by time lies further away, behind valid,
//! and what is best for the very next choices need not be best there. So where valid follows train in time, it is
//! looked at from as far: the same users and the same items, but as many of the last choices forgotten as valid has.

use footpath_core::NodeId;
use footpath_graph::legal::Legal;
use footpath_graph::{HeldOut, TrainKg};
use std::collections::BTreeMap;

/// Cut-off of every figure on valid.
pub(crate) const K: usize = 10;
/// Share of the users whose valid choices must be no earlier than those of train for a split to be one by time.
const BY_TIME: f64 = 0.9;
/// Decides among choices of equal time which are forgotten.
const SEED: u64 = 1;

/// Users as they are seen from one place in time, in the order of the users they are.
pub(super) struct Origin {
    /// The paths that are legal for them.
    pub(super) legal: Legal,
    /// Who they are there.
    pub(super) users: Vec<NodeId>,
    /// What they have chosen and is forgotten: no recommendation. Ascending.
    pub(super) forgotten: Vec<Vec<NodeId>>,
    /// What they chose in valid. Ascending.
    pub(super) targets: Vec<Vec<NodeId>>,
}

/// The origins for some users: the one that is as far from valid as test is from train, and the end of train where that
/// is another.
pub(super) fn origins(legal: &Legal, valid: &HeldOut, users: &[NodeId]) -> Vec<Origin> {
    let furthest = origin(legal, valid, users);
    if !is_by_time(legal.kg(), valid) {
        return vec![furthest];
    }
    let (forgotten, targets) = (vec![Vec::new(); users.len()], furthest.targets.clone());
    vec![furthest, Origin { legal: legal.clone(), users: users.to_vec(), forgotten, targets }]
}

/// The furthest origin for some users, who have something in valid.
pub(super) fn origin(legal: &Legal, valid: &HeldOut, users: &[NodeId]) -> Origin {
    let kg = legal.kg();
    let by_user = valid.by_user();
    let targets: Vec<Vec<NodeId>> = users.iter().map(|user| by_user.get(user).cloned().unwrap_or_default()).collect();
    if !is_by_time(kg, valid) {
        let forgotten = vec![Vec::new(); users.len()];
        return Origin { legal: legal.clone(), users: users.to_vec(), forgotten, targets };
    }
    let (mut histories, mut forgotten) = (Vec::new(), Vec::new());
    for (&user, targets) in users.iter().zip(&targets) {
        let mut history: Vec<u32> = kg.in_order(user, SEED).into_iter().map(|(item, _)| item).collect();
        // Something must be left to start from.
        let kept = history.len().saturating_sub(targets.len()).max(history.len().min(1));
        let mut last: Vec<NodeId> = history.drain(kept..).map(NodeId).collect();
        last.sort_unstable();
        histories.push(history);
        forgotten.push(last);
    }
    let legal = legal.with_new_users(histories);
    let users = (0..users.len()).map(|index| legal.new_user(index)).collect();
    Origin { legal, users, forgotten, targets }
}

/// Whether valid follows train in the time of nearly all users.
pub(super) fn is_by_time(kg: &TrainKg, valid: &HeldOut) -> bool {
    let mut earliest: BTreeMap<NodeId, i64> = BTreeMap::new();
    for (user, _, time) in valid.iter() {
        let first = earliest.entry(user).or_insert(time);
        *first = time.min(*first);
    }
    let with_times = earliest.into_iter().filter_map(|(user, first)| {
        let last = kg.times_of(user).iter().max()?;
        let is_order_known = kg.times_of(user).iter().min() < Some(last) || first != *last;
        is_order_known.then_some(first >= *last)
    });
    let (mut num_users, mut num_later) = (0.0, 0.0);
    for is_later in with_times {
        num_users += 1.0;
        num_later += f64::from(u8::from(is_later));
    }
    num_users > 0.0 && num_later >= BY_TIME * num_users
}

/// NDCG@10 of a list by which of its first items are targets, of whom there are so many.
pub(super) fn ndcg(hits: impl IntoIterator<Item = bool>, num_targets: usize) -> f64 {
    let gain = |rank: f64| 1.0 / (rank + 1.0).log2();
    let ranks = || (1..=K).map(|rank| u32::try_from(rank).map_or(0.0, f64::from));
    let ideal: f64 = ranks().take(num_targets).map(gain).sum();
    let found: f64 = ranks().zip(hits).filter(|(_, hit)| *hit).map(|(rank, _)| gain(rank)).sum();
    if ideal > 0.0 { found / ideal } else { 0.0 }
}

/// Means, and how sure the difference of two of them is.
pub(super) mod means {
    /// The mean.
    pub(crate) fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / number(values.len().max(1))
    }

    /// Mean difference over its standard error, user by user; 0 where there is none.
    pub(crate) fn t(better: &[f64], than: &[f64]) -> f64 {
        let differences: Vec<f64> = better.iter().zip(than).map(|(a, b)| a - b).collect();
        let (n, mean) = (number(differences.len()), mean(&differences));
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        if n < 2.0 || squares <= 0.0 { 0.0 } else { mean / (squares / (n - 1.0) / n).sqrt() }
    }

    #[expect(clippy::cast_precision_loss, reason = "users fit 53 bits")]
    fn number(count: usize) -> f64 {
        count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::Context;
    use footpath_graph::pattern::Pattern;
    use footpath_graph::{Dataset, Split, build::build};
    use std::sync::Arc;

    fn graph(valid_time: i64) -> (Legal, HeldOut) {
        let mut data = Dataset { has_times: true, ..Dataset::default() };
        for user in 0..20 {
            for n in 0..10 {
                data.interact(&format!("u{user:02}"), &format!("i{:02}", (user + n) % 20));
                let interaction = data.interactions.last_mut().expect("just put there");
                (interaction.time, interaction.split) = match n {
                    8 | 9 => (valid_time, Split::Valid),
                    n => (10 * n as i64, Split::Train),
                };
            }
        }
        let built = build(data).expect("built");
        let kg = built.train_kg().expect("a graph");
        let pattern = Pattern::hops(3, &kg).expect("a pattern");
        let valid = HeldOut::from(built.valid.as_slice());
        (Legal::new(Arc::new(kg), pattern, &Context::default()).expect("a table"), valid)
    }

    #[test]
    fn where_valid_follows_train_the_last_choices_are_forgotten_once() {
        let (legal, valid) = graph(100);
        let users: Vec<NodeId> = valid.by_user().into_keys().collect();
        let origin = origin(&legal, &valid, &users);
        for (place, &user) in users.iter().enumerate() {
            let mut known: Vec<u32> = origin.legal.items_of(origin.users[place]).to_vec();
            assert_eq!(known.len(), 6);
            known.extend(origin.forgotten[place].iter().map(|item| item.0));
            known.sort_unstable();
            assert_eq!(known, legal.kg().items_of(user));
            let last = legal.kg().in_order(user, SEED)[6..].iter().map(|(item, _)| NodeId(*item)).collect::<Vec<_>>();
            assert!(last.iter().all(|item| origin.forgotten[place].contains(item)));
            assert_eq!(origin.targets[place], valid.by_user()[&user]);
        }
    }

    #[test]
    fn the_nearer_origin_is_the_end_of_train() {
        let (legal, valid) = graph(100);
        let users: Vec<NodeId> = valid.by_user().into_keys().collect();
        let origins = origins(&legal, &valid, &users);
        assert_eq!(origins.len(), 2);
        assert!(origins[1].users == users && origins[1].forgotten.iter().all(Vec::is_empty));
        assert_eq!(origins[0].targets, origins[1].targets);
        assert!(users.iter().all(|user| origins[1].legal.items_of(*user) == legal.kg().items_of(*user)));
    }

    #[test]
    fn where_valid_is_drawn_at_random_nothing_is_forgotten() {
        let (legal, valid) = graph(35);
        let users: Vec<NodeId> = valid.by_user().into_keys().collect();
        let origin = origin(&legal, &valid, &users);
        assert!(origin.users == users && origin.forgotten.iter().all(Vec::is_empty));
        assert_eq!(origins(&legal, &valid, &users).len(), 1);
    }

    #[test]
    fn figures_are_those_of_their_definitions() {
        assert_eq!(ndcg([true, true], 2), 1.0);
        assert_eq!(ndcg([false; 10], 3), 0.0);
        assert!((ndcg([false, true], 1) - 1.0 / 3f64.log2()).abs() < 1e-12);
        assert_eq!(ndcg(std::iter::empty(), 0), 0.0);
        assert_eq!(means::t(&[1.0, 2.0, 3.0], &[0.0, 1.0, 2.0]), 0.0, "no spread, no standard error");
        assert!((means::t(&[1.0, 0.0, 2.0], &[0.0; 3]) - 3f64.sqrt()).abs() < 1e-12);
    }
}
