//! How much each part of an item's score weighs: chosen on valid, from several beginnings, on a grid without an edge.
//!
//! One beginning for each part is that part alone, or as good as alone: on valid no part is better than all together.
//! Where valid follows train in time a figure is the mean over two places in time, and what is taken is the mean of all
//! weights that are as good as the best, as far as valid can tell: docs/experiments.md has what else was tried.

use super::origins::{K, Origin, means, ndcg};
use crate::error::Result;
use crate::service::DIRECT;
use footpath_core::{Context, Goal, NodeId};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_model::decode::{ItemPrior, ItemPriors, Recommender, SearchOptions, UserList, WhenShort};
use footpath_model::{Linear, PathModel};
use rayon::prelude::*;
use std::ops::Range;
use std::time::Duration;

/// Weights tried, for every part.
const WEIGHTS: [f64; 21] =
    [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0, 18.0, 25.0, 35.0, 50.0, 70.0, 85.0, 100.0];
/// The largest: what has it decides alone, but for equals.
const ALONE: f64 = 100.0;
/// Weight of the linear part unless valid says otherwise.
const LINEAR: f64 = 5.0;
/// Weight of counted paths, likewise.
const PATH_COUNT: f64 = 0.2;
/// Weights that are fewer standard errors below the best are as good.
const ALIKE: f64 = 0.5;
/// Powers tried by which the first items of paths lose probability, where there are times.
const RECENCIES: [f64; 2] = [0.5, 1.0];
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

/// All weights that were tried, each looked at once.
struct Tried<'s> {
    /// What users might be shown, by origin.
    seen: &'s [Vec<Seen>],
    of: Vec<Weighed>,
}

impl Tried<'_> {
    fn at(&mut self, weights: Weights) -> Weighed {
        if let Some(known) = self.of.iter().find(|known| known.weights == weights) {
            return known.clone();
        }
        let found = Weighed { weights, recency: 0.0, figures: figures(self.seen, &weights) };
        self.of.push(found.clone());
        found
    }

    /// The mean of the weights that are as good as the best, each with the weight of paths beside it and all of them
    /// together 1.
    fn mean_of_those_like(&self, best: &Weighed) -> Weights {
        let (mut paths, mut beside) = (0.0, [0.0; 4]);
        for found in self.of.iter().filter(|found| means::t(&best.figures, &found.figures) < ALIKE) {
            let all = 1.0 + found.weights.iter().sum::<f64>();
            paths += 1.0 / all;
            beside.iter_mut().zip(found.weights).for_each(|(sum, weight)| *sum += weight / all);
        }
        beside.map(|sum: f64| (sum / paths * 1e3).round() / 1e3)
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
    /// The places in time from which valid is looked at, of the same users each; the furthest first.
    pub(super) origins: &'a [Origin],
    /// Whether the model has learned what follows from the user alone.
    pub(super) learns_ends: bool,
    /// By when, by the clock of the context: then fewer users are looked at, and no recency is tried.
    pub(super) until: Option<Duration>,
}

impl Choice<'_> {
    /// The weights for test, of those that the model and the linear part allow.
    pub(super) fn best(&self, context: &Context) -> Result<Weighed> {
        let Some((furthest, others)) = self.origins.split_first() else { return Ok(self.unknown()) };
        let knows_times = self.kg.users().any(|user| !self.kg.times_of(NodeId(user)).is_empty());
        let recencies: Vec<f64> = RECENCIES.into_iter().filter(|_| knows_times).collect();
        let num_users = furthest.users.len();
        let num_searches = (self.origins.len() + recencies.len()) * num_users;
        let (begun, stage) = (context.now(), context.stage("choosing weights", Some(num_searches as u64), "searches"));
        let mut seen = vec![Vec::with_capacity(num_users)];
        for first in (0..num_users).step_by(USERS_AT_ONCE) {
            if first > 0 && self.is_over(context, Duration::ZERO) {
                break;
            }
            let users = first..num_users.min(first + USERS_AT_ONCE);
            stage.advance(users.len() as u64)?;
            seen.iter_mut().try_for_each(|seen| self.see(furthest, users.clone(), 0.0, seen, context))?;
        }
        let num_users = seen.first().map_or(0, Vec::len);
        let took = context.now().zip(begun).map_or(Duration::ZERO, |(now, begun)| now - begun);
        for origin in others {
            if self.is_over(context, took) {
                break;
            }
            let mut again = Vec::with_capacity(num_users);
            self.see(origin, 0..num_users, 0.0, &mut again, context)?;
            stage.advance(num_users as u64)?;
            seen.push(again);
        }
        let mut found = self.climb(&seen, context)?;
        let without = figures(seen.get(..1).unwrap_or_default(), &found.weights);
        let mut best = without.clone();
        for recency in recencies {
            if self.is_over(context, took) {
                break;
            }
            let mut later = Vec::with_capacity(num_users);
            self.see(furthest, 0..num_users, recency, &mut later, context)?;
            stage.advance(num_users as u64)?;
            let with = figures(&[later], &found.weights);
            if means::mean(&with) > means::mean(&best) && means::t(&with, &without) >= SURE {
                (found.recency, best) = (recency, with);
            }
        }
        Ok(found)
    }

    /// Whether there is no time left for what takes so long.
    fn is_over(&self, context: &Context, more: Duration) -> bool {
        context.now().zip(self.until).is_some_and(|(now, until)| now + more >= until)
    }

    /// The weights where valid says nothing.
    pub(super) fn defaults(&self) -> Weights {
        let linear = if self.linear.is_some() { LINEAR } else { 0.0 };
        [if self.learns_ends { DIRECT } else { 0.0 }, linear, PATH_COUNT, 0.0]
    }

    fn unknown(&self) -> Weighed {
        Weighed { weights: self.defaults(), recency: 0.0, figures: Vec::new() }
    }

    fn is_allowed(&self, part: usize) -> bool {
        match part {
            0 => self.learns_ends,
            1 => self.linear.is_some(),
            _ => true,
        }
    }

    /// Climbs from the defaults and from each part alone, and takes the mean of all weights that were tried and cannot
    /// be told from the best: the best of so many is the luckiest, and what is alike about those near it is no luck.
    fn climb(&self, seen: &[Vec<Seen>], context: &Context) -> Result<Weighed> {
        let mut tried = Tried { seen, of: Vec::new() };
        let parts = || (0..4).filter(|&part| self.is_allowed(part));
        let mut best = tried.at(self.defaults());
        let alone = |part: usize| std::array::from_fn(|other| if other == part { ALONE } else { 0.0 });
        for start in std::iter::once(self.defaults()).chain(parts().map(alone)) {
            let mut here = tried.at(start);
            for _ in 0..MAX_ROUNDS {
                let before = here.weights;
                for part in parts() {
                    context.check()?;
                    let own = here.weights.get(part).copied().unwrap_or(0.0);
                    // Of equal ones the first, and what is here already before all others.
                    for weight in near(own) {
                        let mut weights = here.weights;
                        weights.iter_mut().skip(part).take(1).for_each(|own| *own = weight);
                        let found = tried.at(weights);
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
        // Of a single user, or where nothing is found at all, no two can be told apart.
        if best.figures.len() < 2 || best.figure() <= 0.0 {
            return Ok(tried.at(self.defaults()));
        }
        Ok(tried.at(tried.mean_of_those_like(&best)))
    }

    /// What a wide search finds for some of the users of an origin, by their places.
    fn see(
        &self,
        origin: &Origin,
        users: Range<usize>,
        recency: f64,
        seen: &mut Vec<Seen>,
        context: &Context,
    ) -> Result<()> {
        for first in users.clone().step_by(USERS_AT_ONCE) {
            let some = first..users.end.min(first + USERS_AT_ONCE);
            seen.extend(self.seen(origin, some, recency, context)?);
        }
        Ok(())
    }

    fn seen(&self, origin: &Origin, places: Range<usize>, recency: f64, context: &Context) -> Result<Vec<Seen>> {
        let wide = SearchOptions {
            k: usize::MAX,
            beams: BEAMS,
            recency,
            paths_per_item: 1,
            goal: Goal::Unseen,
            when_short: WhenShort::Accept,
            ..SearchOptions::default()
        };
        let users: Vec<NodeId> = origin.users.iter().copied().skip(places.start).take(places.len()).collect();
        let recommender: Recommender<'_, Legal> = Recommender::new(self.paths, &origin.legal).with_linear(self.linear);
        let lists = recommender.recommend(&users, wide, &context.quietly())?;
        let priors = recommender.item_priors(&users, context)?;
        let found: Vec<(usize, (UserList, ItemPriors))> = places.zip(lists.into_iter().zip(priors)).collect();
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

/// NDCG@10 of each user with these weights, in the mean over the origins.
fn figures(seen: &[Vec<Seen>], weights: &Weights) -> Vec<f64> {
    let Some((first, others)) = seen.split_first() else { return Vec::new() };
    let mean = |(place, own): (usize, &Seen)| {
        let again = others.iter().filter_map(|seen| seen.get(place)).map(|seen| figure(seen, weights));
        let (sum, number) = again.fold((figure(own, weights), 1.0), |(sum, n), figure| (sum + figure, n + 1.0));
        sum / number
    };
    first.par_iter().enumerate().map(mean).collect()
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
    fn weights_that_cannot_be_told_apart_are_averaged() {
        let mut draw = Stream::new(3, Purpose::Simulate, 0, 0);
        let users: Vec<Seen> =
            (0..40).map(|_| Seen { candidates: candidates(&mut draw, 60), num_targets: 5 }).collect();
        let seen = [users];
        let mut tried = Tried { seen: &seen, of: Vec::new() };
        let weights = [[0.2, 2.0, 0.0, 0.0], [0.2, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 100.0]];
        let of: Vec<Weighed> = weights.map(|weights| tried.at(weights)).to_vec();
        assert_eq!(tried.at(weights[1]).figures, of[1].figures);
        assert_eq!(tried.of.len(), 3, "each is looked at once");
        // A best that is far above all others, user by user, stands alone.
        let above = |by: f64| of[0].figures.iter().zip(0..).map(|(f, n)| f + by + 0.01 * f64::from(n % 2)).collect();
        let alone = Weighed { figures: above(1.0), ..of[0].clone() };
        tried.of = vec![alone.clone(), of[1].clone(), of[2].clone()];
        assert_eq!(tried.mean_of_those_like(&alone), weights[0]);
        // One that is the same for every user counts as much.
        tried.of = vec![alone.clone(), Weighed { weights: weights[1], ..alone.clone() }, of[2].clone()];
        let [a, b] = [3.2f64, 4.2];
        let paths = 1.0 / a + 1.0 / b;
        let expected = [0.2, (2.0 / a + 3.0 / b) / paths, 0.0, 0.0];
        let got = tried.mean_of_those_like(&alone);
        assert!(got.iter().zip(expected).all(|(got, e)| (got - e).abs() < 1e-3), "{got:?} and {expected:?}");
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
