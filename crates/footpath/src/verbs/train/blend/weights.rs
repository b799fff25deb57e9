//! How much each part of an item's score weighs: chosen on valid, from several beginnings, on a grid without an edge,
//! and drawn back to the defaults as far as valid is too small to tell.
//!
//! One beginning for each part is that part alone, or as good as alone: on valid no part is better than all together.

use super::origins::{K, Origin, means, ndcg};
use crate::error::Result;
use crate::service::DIRECT;
use footpath_core::{Context, Goal, NodeId};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_model::decode::{ItemPrior, ItemPriors, Recommender, SearchOptions, UserList, WhenShort};
use footpath_model::{Linear, PathModel};
use rayon::prelude::*;

/// Weights tried, for every part.
const WEIGHTS: [f64; 21] =
    [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0, 18.0, 25.0, 35.0, 50.0, 70.0, 85.0, 100.0];
/// The largest: what has it decides alone, but for equals.
const ALONE: f64 = 100.0;
/// Weight of the linear part unless valid says otherwise.
const LINEAR: f64 = 2.0;
/// Powers tried by which the first items of paths lose probability, where there are times.
const RECENCIES: [f64; 3] = [0.0, 0.5, 1.0];
/// Standard errors by which a recency must be better than none.
const SURE: f64 = 1.0;
/// Users whose lists are wide at the same time, which bounds memory, and how often a stop is looked for.
const USERS_AT_ONCE: usize = 64;
/// Beams of the search among whose items the weights order.
const BEAMS: usize = 400;
/// Items of a user that are looked at: so many of the best by each part, and by some mixtures.
const BEST_BY_EACH: usize = 60;
/// Rounds of the climb at most.
const MAX_ROUNDS: usize = 6;
/// Steps on the grid that are tried to either side in a round, beside none at all.
const STEPS: usize = 3;

/// Weights of the parts beside paths: the user alone, the linear part, counted paths, popularity.
pub(super) type Weights = [f64; 4];

/// What the weights come to.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    pub(super) weights: Weights,
    pub(super) recency: f64,
    /// NDCG@10 of each user.
    figures: Vec<f64>,
}

impl Weighed {
    pub(super) fn figure(&self) -> f64 {
        means::mean(&self.figures)
    }
}

/// An item that paths lead to, what each part has to say of it, paths first, and whether the user chose it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    item: NodeId,
    says: [f32; 5],
    is_target: bool,
}

impl Candidate {
    fn worth(&self, weights: &Weights) -> f64 {
        let [paths, beside @ ..] = self.says;
        f64::from(paths) + beside.iter().zip(weights).map(|(says, weight)| f64::from(*says) * weight).sum::<f64>()
    }
}

/// What a user might be shown.
struct Seen {
    candidates: Vec<Candidate>,
    num_targets: usize,
}

/// Chooses weights.
pub(super) struct Choice<'a> {
    pub(super) paths: &'a PathModel,
    pub(super) linear: Option<&'a Linear>,
    pub(super) kg: &'a TrainKg,
    pub(super) origin: &'a Origin,
    /// Whether the model has learned what follows from the user alone.
    pub(super) learns_ends: bool,
}

impl Choice<'_> {
    /// The weights that are best on valid, of those that the model and the linear part allow.
    pub(super) fn best(&self, context: &Context) -> Result<Weighed> {
        let knows_times = self.kg.users().any(|user| !self.kg.times_of(NodeId(user)).is_empty());
        let recencies: Vec<f64> = RECENCIES.into_iter().filter(|&recency| recency == 0.0 || knows_times).collect();
        let num_users = self.origin.users.len();
        let stage = context.stage("choosing weights", Some((recencies.len() * num_users) as u64), "searches");
        let mut best: Option<Weighed> = None;
        for recency in recencies {
            let mut seen = Vec::with_capacity(num_users);
            for first in (0..num_users).step_by(USERS_AT_ONCE) {
                seen.extend(self.seen(first, recency, context)?);
                stage.advance(USERS_AT_ONCE.min(num_users - first) as u64)?;
            }
            let found = self.climb(&seen, recency, context)?;
            let is_sure =
                |best: &Weighed| found.figure() > best.figure() && means::t(&found.figures, &best.figures) >= SURE;
            if best.as_ref().is_none_or(is_sure) {
                best = Some(found);
            }
        }
        Ok(best.unwrap_or(Weighed { weights: self.defaults(), recency: 0.0, figures: Vec::new() }))
    }

    /// The weights where valid says nothing.
    pub(super) fn defaults(&self) -> Weights {
        let linear = if self.linear.is_some() { LINEAR } else { 0.0 };
        [if self.learns_ends { DIRECT } else { 0.0 }, linear, 0.0, 0.0]
    }

    fn is_allowed(&self, part: usize) -> bool {
        match part {
            0 => self.learns_ends,
            1 => self.linear.is_some(),
            _ => true,
        }
    }

    /// Climbs from the defaults and from each part alone, takes the best, and goes back towards the defaults.
    fn climb(&self, seen: &[Seen], recency: f64, context: &Context) -> Result<Weighed> {
        let weighed = |weights: Weights| Weighed { weights, recency, figures: figures(seen, &weights) };
        let default = weighed(self.defaults());
        let parts = || (0..4).filter(|&part| self.is_allowed(part));
        let mut best = default.clone();
        let alone = |part: usize| std::array::from_fn(|other| if other == part { ALONE } else { 0.0 });
        for start in std::iter::once(self.defaults()).chain(parts().map(alone)) {
            let mut here = weighed(start);
            for _ in 0..MAX_ROUNDS {
                let before = here.weights;
                for part in parts() {
                    context.check()?;
                    let with = |weight: f64| {
                        let mut weights = here.weights;
                        weights.iter_mut().skip(part).take(1).for_each(|own| *own = weight);
                        weighed(weights)
                    };
                    let own = here.weights.get(part).copied().unwrap_or(0.0);
                    let tried: Vec<Weighed> = near(own).map(with).collect();
                    // Of equal ones the first, and what is here already before all others.
                    for found in tried {
                        if found.figure() > here.figure() {
                            here = found;
                        }
                    }
                }
                if here.weights == before {
                    break;
                }
            }
            if here.figure() > best.figure() {
                best = here;
            }
        }
        // Shrunk by how sure the difference is: half way where it is one standard error, beside the one by which the
        // best of so many is better by chance.
        let t = (means::t(&best.figures, &default.figures) - 1.0).max(0.0);
        let share = t * t / (1.0 + t * t);
        let drawn_back: Weights = std::array::from_fn(|part| {
            let (from, to) = (default.weights.get(part), best.weights.get(part));
            let [from, to] = [from, to].map(|weight| weight.copied().unwrap_or(0.0));
            ((from + share * (to - from)) * 1e3).round() / 1e3
        });
        Ok(weighed(drawn_back))
    }

    /// What a wide search finds for some users.
    fn seen(&self, first: usize, recency: f64, context: &Context) -> Result<Vec<Seen>> {
        let origin = self.origin;
        let wide = SearchOptions {
            k: usize::MAX,
            beams: BEAMS,
            recency,
            paths_per_item: 1,
            goal: Goal::Unseen,
            when_short: WhenShort::Accept,
            ..SearchOptions::default()
        };
        let users: Vec<NodeId> = origin.users.iter().copied().skip(first).take(USERS_AT_ONCE).collect();
        let recommender: Recommender<'_, Legal> = Recommender::new(self.paths, &origin.legal).with_linear(self.linear);
        let lists = recommender.recommend(&users, wide, &context.quietly())?;
        let priors = recommender.item_priors(&users, context)?;
        let places = (first..).take(users.len()).collect::<Vec<usize>>();
        let found: Vec<(usize, (UserList, ItemPriors))> =
            places.into_iter().zip(lists.into_iter().zip(priors)).collect();
        let of_user = |(place, (list, priors)): &(usize, (UserList, ItemPriors))| {
            let nothing = Vec::new();
            let forgotten = origin.forgotten.get(*place).unwrap_or(&nothing);
            let targets = origin.targets.get(*place).unwrap_or(&nothing);
            let open = list.items.iter().filter(|found| forgotten.binary_search(&found.item).is_err());
            let candidate = |found: &footpath_model::decode::ScoredItem| {
                let prior = priors.of(self.kg.vocabulary().node(found.item));
                Candidate {
                    item: found.item,
                    says: says(found.score, prior),
                    is_target: targets.binary_search(&found.item).is_ok(),
                }
            };
            let candidates = few(open.map(candidate).collect(), &self.defaults());
            Seen { candidates, num_targets: targets.len() }
        };
        Ok(found.par_iter().map(of_user).collect())
    }
}

/// The weights of the grid that stand near one, and 0.
fn near(weight: f64) -> impl Iterator<Item = f64> {
    let at = WEIGHTS.partition_point(|&other| other < weight);
    let is_near = move |place: usize| place == 0 || (place + STEPS >= at && place <= at + STEPS && place != at);
    WEIGHTS.into_iter().enumerate().filter(move |&(place, _)| is_near(place)).map(|(_, weight)| weight)
}

#[expect(clippy::cast_possible_truncation, reason = "what they differ by less than an f32 holds is noise")]
fn says(paths: f64, prior: ItemPrior) -> [f32; 5] {
    let ItemPrior { direct, linear, popularity, path_count } = prior;
    [paths, direct, linear, path_count, popularity].map(|says| says as f32)
}

/// The best by each part and by some mixtures: no other has a chance to be among the first ten.
fn few(candidates: Vec<Candidate>, defaults: &Weights) -> Vec<Candidate> {
    let mut orders: Vec<(f64, Weights)> = vec![(1.0, [0.0; 4]), (1.0, *defaults)];
    for part in 0..4 {
        let alone = |weight: f64| std::array::from_fn(|other| if other == part { weight } else { 0.0 });
        orders.extend([(0.0, alone(1.0)), (1.0, alone(1.0)), (1.0, alone(5.0))]);
    }
    let mut kept = vec![false; candidates.len()];
    for (paths, weights) in orders {
        let worth = |candidate: &Candidate| {
            let own = f64::from(candidate.says[0]);
            // Of equals by a part alone the paths decide, as with the largest weight.
            candidate.worth(&weights) - (1.0 - paths) * own * (1.0 - 1e-6)
        };
        let mut order: Vec<(f64, usize)> = candidates.iter().map(worth).zip(0..).collect();
        if order.len() > BEST_BY_EACH {
            order.select_nth_unstable_by(BEST_BY_EACH, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            order.truncate(BEST_BY_EACH);
        }
        for (_, place) in order {
            kept.get_mut(place).into_iter().for_each(|kept| *kept = true);
        }
    }
    candidates.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(candidate, _)| candidate).collect()
}

/// NDCG@10 of each user with these weights.
fn figures(seen: &[Seen], weights: &Weights) -> Vec<f64> {
    seen.par_iter().map(|seen| figure(seen, weights)).collect()
}

/// NDCG@10 of one list, ordered by these weights, ties by item.
fn figure(seen: &Seen, weights: &Weights) -> f64 {
    let better = |a: &(f64, &Candidate), b: &(f64, &Candidate)| a.0 > b.0 || (a.0 == b.0 && a.1.item < b.1.item);
    let mut top: Vec<(f64, &Candidate)> = Vec::with_capacity(K + 1);
    for candidate in &seen.candidates {
        let new = (candidate.worth(weights), candidate);
        if top.len() == K && top.last().is_some_and(|last| !better(&new, last)) {
            continue;
        }
        let place = top.partition_point(|other| better(other, &new));
        top.insert(place, new);
        top.truncate(K);
    }
    ndcg(top.iter().map(|(_, candidate)| candidate.is_target), seen.num_targets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{Purpose, Stream};

    fn candidates(draw: &mut Stream, num: u32) -> Vec<Candidate> {
        let candidate = |item| Candidate {
            item: NodeId(item),
            says: std::array::from_fn(|_| -(draw.index(40) as f32) / 4.0),
            is_target: draw.index(12) == 0,
        };
        (0..num).map(candidate).collect()
    }

    #[test]
    fn the_figure_is_that_of_a_sorted_list() {
        let mut draw = Stream::new(1, Purpose::Simulate, 0, 0);
        for weights in [[0.0; 4], [0.2, 2.0, 0.0, 0.5], [0.0, 100.0, 0.0, 0.0]] {
            let seen = Seen { candidates: candidates(&mut draw, 90), num_targets: 7 };
            let mut sorted = seen.candidates.clone();
            sorted.sort_by(|a, b| b.worth(&weights).total_cmp(&a.worth(&weights)).then(a.item.cmp(&b.item)));
            assert_eq!(figure(&seen, &weights), ndcg(sorted.iter().map(|c| c.is_target), 7));
        }
    }

    #[test]
    fn what_is_left_out_is_never_among_the_first() {
        let mut draw = Stream::new(2, Purpose::Simulate, 0, 0);
        let all = candidates(&mut draw, 3_000);
        let kept = few(all.clone(), &[0.2, 2.0, 0.0, 0.0]);
        assert!(kept.len() < all.len());
        for part in 0..4 {
            for weight in [1.0, ALONE] {
                let weights = std::array::from_fn(|other| if other == part { weight } else { 0.0 });
                let of = |candidates: &[Candidate]| {
                    let seen = Seen { candidates: candidates.to_vec(), num_targets: 5 };
                    figure(&seen, &weights)
                };
                assert_eq!(of(&kept), of(&all), "part {part} at {weight}");
            }
        }
    }
}
