//! Linear models of items by items that know the order of choices and the graph: for each item the weights of the items
//! nearest to it, from a ridge regression among these.
//!
//! With A and C from [`Together`] (what users chose together, in or without their order, and what items have in common
//! in the graph), the weights of item j are w = (A_NN + λ1)⁻¹ C_Nj, where N are the 100 items i ≠ j of the largest
//! C_ij / √(A_ii A_jj) > 0, of equal ones the first. The score of j for a user is Σ w_i · (1 + l)^−fading over the
//! items i ∈ N that they chose in training, l being how many they chose later.
//!
//! If N were all items but j, A = C = XᵀX would give EASE exactly (Steck, WWW 2019: leaving j out of the regression is
//! its zero diagonal), and with columns for entities beside the users Add-EASE (Jeunen et al., RecSys 2020). Where some
//! choices are left out of what is read, A_ii is divided by 1 − p (EDLAE, Steck, NeurIPS 2020). That N is
//! small costs nothing on the data of docs/experiments.md and makes the work grow with the number of items instead of
//! its cube: there is no number of items that is too large. Items that nobody chose have no score but 0.

mod order;
mod search;
mod together;

pub use order::Order;
pub use search::{Chosen, Found, Space, choose};
pub use together::Together;

use super::solve::Equations;
use super::{Baseline, BaselineName};
use crate::error::Result;
use crate::recommendations::Recommendation;
use footpath_core::{Context, NodeId};
use footpath_graph::TrainKg;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use together::Mixed;

/// Items whose choices say something of an item.
pub const NEAREST: usize = 100;

/// How a linear model is solved and read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearSettings {
    /// What the order of choices is worth.
    pub order: Order,
    /// Share of what was chosen together without regard to the order, in [0, 1].
    pub alike: f32,
    /// Weight of what items have in common in the graph, at least 0.
    pub knowledge: f32,
    /// λ of the ridge regression, above 0.
    pub lambda: f32,
    /// p of EDLAE, in [0, 1): the share of the choices that is left out of what is read, see [`super::Edlae`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropout: f32,
    /// Power by which a history fades; 0 where all of it counts alike.
    pub fading: f32,
}

impl LinearSettings {
    /// Where the search for settings of an order begins.
    #[must_use]
    pub fn of(order: Order) -> Self {
        let (alike, knowledge, lambda) = match order {
            Order::Alike => (1.0, 2.0, 100.0),
            Order::Window { .. } => (0.2, 4.0, 40.0),
            Order::Ahead { .. } => (0.3, 2.0, 60.0),
        };
        Self { order, alike, knowledge, lambda, dropout: 0.0, fading: 0.0 }
    }

    /// The settings in words.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { order, alike, knowledge, lambda, dropout, fading } = self;
        let mut words = order.words();
        if *order != Order::Alike {
            words += &format!(", {alike} without order");
        }
        words += &format!(", lambda {lambda}, knowledge {knowledge}, fading {fading}");
        if *dropout > 0.0 {
            words += &format!(", dropout {dropout}");
        }
        words
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

/// For each item, by its place among the items, those it speaks for, with weights.
pub type Rows = Vec<Vec<(u32, f32)>>;

/// A linear model of items by items.
#[derive(Clone, Debug)]
pub struct LinearModel<'a> {
    kg: &'a TrainKg,
    id: BaselineName,
    rows: Arc<Rows>,
    fading: f32,
}

impl<'a> LinearModel<'a> {
    /// Solves a model; `id` is what it is called.
    ///
    /// # Errors
    /// A stop.
    pub fn new(
        together: &Together<'a>,
        id: BaselineName,
        settings: &LinearSettings,
        context: &Context,
    ) -> Result<Self> {
        let LinearSettings { order, alike, knowledge, fading, .. } = *settings;
        let mixed = together.mixed(order, alike, knowledge, context)?;
        let rows = solved(together, &mixed, settings, context)?;
        Ok(Self { kg: together.kg, id, rows: Arc::new(rows), fading })
    }

    /// The same model, read with another fading.
    #[must_use]
    pub fn with_fading(&self, fading: f32) -> Self {
        Self { fading, ..self.clone() }
    }

    /// For each item those it speaks for.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// What a history says of each item.
    ///
    /// # Shapes
    /// - `history`: places of items; with each, how many items were chosen later
    /// - returns: `[items]`
    #[must_use]
    pub fn scores_of_history(&self, history: impl IntoIterator<Item = (u32, u32)>) -> Vec<f32> {
        let mut scores = vec![0.0f32; self.rows.len()];
        for (place, later) in history {
            #[expect(clippy::cast_precision_loss, reason = "beyond 2^24 one more or less makes no difference")]
            let factor = if self.fading == 0.0 { 1.0 } else { (1.0 + later as f32).powf(-self.fading) };
            for &(item, weight) in self.rows.get(place as usize).into_iter().flatten() {
                scores.get_mut(item as usize).into_iter().for_each(|score| *score += factor * weight);
            }
        }
        scores
    }
}

/// Of each train item of a user, in the order of the items, how many they chose later; 0 of all without times.
#[must_use]
pub fn later(kg: &TrainKg, user: NodeId) -> Vec<u32> {
    let times = kg.times_of(user);
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let later = |time: &i64| sorted.len() - sorted.partition_point(|other| other <= time);
    let known = times.iter().map(|time| u32::try_from(later(time)).unwrap_or(u32::MAX));
    known.chain(std::iter::repeat(0)).take(kg.items_of(user).len()).collect()
}

/// The weights of the nearest of all items, by the item that speaks.
fn solved(together: &Together<'_>, mixed: &Mixed, settings: &LinearSettings, context: &Context) -> Result<Rows> {
    let num_items = together.num_items();
    let of_item = |room: &mut Room, item: usize| {
        context.check()?;
        let is_chosen = together.kg.popularity(NodeId(together.kg.items().start + narrow(item))) > 0;
        Ok(if is_chosen { room.weights(together, mixed, item, settings) } else { Vec::new() })
    };
    let columns: Vec<Vec<(u32, f32)>> =
        (0..num_items).into_par_iter().map_init(|| Room::new(num_items), of_item).collect::<Result<_>>()?;
    let mut rows: Rows = vec![Vec::new(); num_items];
    for (item, column) in columns.into_iter().enumerate() {
        for (from, weight) in column {
            rows.get_mut(from as usize).into_iter().for_each(|row| row.push((narrow(item), weight)));
        }
    }
    Ok(rows)
}

fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// No place among the nearest.
const NOWHERE: u32 = u32::MAX;

/// What is written while an item is solved.
struct Room {
    equations: Equations,
    /// Of each item its place among the nearest.
    places: Vec<u32>,
}

impl Room {
    fn new(num_items: usize) -> Self {
        Self { equations: Equations::default(), places: vec![NOWHERE; num_items] }
    }

    /// The nearest items of an item, ascending, and their weights.
    fn weights(
        &mut self,
        together: &Together<'_>,
        mixed: &Mixed,
        item: usize,
        settings: &LinearSettings,
    ) -> Vec<(u32, f32)> {
        let nearest = nearest(together, mixed, item);
        let own = |item: u32| mixed.own.get(item as usize).copied().unwrap_or(0.0);
        self.equations.begin(nearest.len());
        for (row, &(other, says)) in (0..).zip(&nearest) {
            self.equations.set_right(row as usize, says);
            self.equations.set(row as usize, row as usize, own(other) / (1.0 - settings.dropout));
            self.places.get_mut(other as usize).into_iter().for_each(|place| *place = row);
        }
        for (row, &(other, _)) in nearest.iter().enumerate() {
            let (start, others) = together.entries(other as usize);
            // What stands before in the row is on the other side of the diagonal.
            let after = others.partition_point(|&third| third <= other);
            let near = mixed.near.get(start + after..).unwrap_or_default();
            for (&third, &value) in others.get(after..).into_iter().flatten().zip(near) {
                let column = self.places.get(third as usize).copied().unwrap_or(NOWHERE);
                if column != NOWHERE {
                    self.equations.set(row, column as usize, value);
                }
            }
        }
        for (other, _) in &nearest {
            self.places.get_mut(*other as usize).into_iter().for_each(|place| *place = NOWHERE);
        }
        let weights = self.equations.solve(settings.lambda);
        let found = nearest.iter().zip(weights).map(|(&(other, _), &weight)| (other, weight));
        found.filter(|(_, weight)| weight.is_finite() && *weight != 0.0).collect()
    }
}

/// The items that say most of an item, ascending, with what they say.
fn nearest(together: &Together<'_>, mixed: &Mixed, item: usize) -> Vec<(u32, f32)> {
    let (start, others) = together.entries(item);
    let says = if mixed.says.is_empty() { &mixed.near } else { &mixed.says };
    let own = |item: usize| mixed.own.get(item).copied().unwrap_or(0.0);
    let mut found: Vec<(f32, u32, f32)> = (others.iter().zip(says.get(start..).into_iter().flatten()))
        .filter(|(_, says)| **says > 0.0)
        .map(|(&other, &says)| (says / (own(item) * own(other as usize)).sqrt(), other, says))
        .collect();
    if found.len() > NEAREST {
        found.select_nth_unstable_by(NEAREST, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(NEAREST);
    }
    let mut nearest: Vec<(u32, f32)> = found.into_iter().map(|(_, other, says)| (other, says)).collect();
    nearest.sort_unstable_by_key(|(other, _)| *other);
    nearest
}

impl Baseline for LinearModel<'_> {
    fn id(&self) -> BaselineName {
        self.id
    }

    fn kg(&self) -> &TrainKg {
        self.kg
    }

    fn scores(&self, user: NodeId, context: &Context) -> Result<Vec<Recommendation>> {
        context.check()?;
        if !self.kg.users().contains(&user.0) {
            return Ok(Vec::new());
        }
        let first = self.kg.items().start;
        let history = self.kg.items_of(user).iter().map(|item| item - first).zip(later(self.kg, user));
        let scores = self.scores_of_history(history);
        let score = |(item, score): (u32, f32)| Recommendation { item: NodeId(item), score: f64::from(score) };
        Ok(self.kg.items().zip(scores).map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{random_graph, random_log};
    use crate::baselines::{Ease, Edlae, dense};
    use ndarray::Array2;

    fn settings(order: Order, knowledge: f32) -> LinearSettings {
        LinearSettings { order, alike: 0.5, knowledge, lambda: 5.0, dropout: 0.0, fading: 0.0 }
    }

    fn solve<'a>(together: &Together<'a>, settings: &LinearSettings) -> LinearModel<'a> {
        LinearModel::new(together, BaselineName::WindowEase, settings, &Context::default()).expect("small")
    }

    #[test]
    fn where_all_items_are_near_it_is_ease() {
        // Every two items were chosen together, so all are among the nearest.
        let kg = random_log(6, 60, 12, 500);
        let context = Context::default();
        let together = Together::new(&kg, &context).expect("small");
        let (ours, ease) = (solve(&together, &settings(Order::Alike, 0.0)), Ease::new(&kg, 5.0, &context));
        let ease = ease.expect("small");
        for item in kg.items() {
            let mut row = vec![0.0; kg.items().len()];
            for &(other, weight) in &ours.rows()[(item - kg.items().start) as usize] {
                row[other as usize] = f64::from(weight);
            }
            let expected = ease.weights(NodeId(item));
            assert!(row.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4), "{row:?} and {expected:?}");
        }
    }

    #[test]
    fn where_some_choices_are_left_out_it_is_edlae() {
        let kg = random_log(6, 60, 12, 500);
        let context = Context::default();
        let together = Together::new(&kg, &context).expect("small");
        let ours = solve(&together, &LinearSettings { dropout: 0.25, ..settings(Order::Alike, 0.0) });
        let edlae = Edlae::new(&kg, 5.0, 0.25, &context).expect("small");
        for user in kg.users().map(NodeId) {
            let [ours, exact] = [ours.recommend(user, 12, &context), edlae.recommend(user, 12, &context)];
            let (ours, exact) = (ours.expect("a list"), exact.expect("a list"));
            let near = |(a, b): (&Recommendation, &Recommendation)| (a.score - b.score).abs() < 1e-4;
            assert!(ours.iter().zip(&exact).all(near), "{ours:?} and {exact:?}");
        }
    }

    /// SLIT (Choi et al., WWW 2021): with a row for each cut, S what came before and T what came after, the ridge
    /// regression of T on S with a zero diagonal.
    #[test]
    fn slit_is_that_of_its_definition() {
        let mut draw = footpath_core::Stream::new(3, footpath_core::Purpose::Simulate, 0, 0);
        let mut data = footpath_graph::Dataset { has_times: true, ..footpath_graph::Dataset::default() };
        for user in 0..80 {
            let mut items: Vec<usize> = (0..9).collect();
            draw.shuffle(&mut items);
            for (time, item) in items.into_iter().take(6).enumerate() {
                data.interact(&format!("u{user}"), &format!("i{item}"));
                data.interactions.last_mut().expect("just put there").time = time as i64;
            }
        }
        let kg = footpath_graph::build::build(data).and_then(|built| built.train_kg()).expect("a graph");
        let (past, future) = (2.0f64, 3.0f64);
        let (mut gram, mut across) = (Array2::<f64>::eye(9) * 5.0, Array2::<f64>::zeros((9, 9)));
        for user in kg.users().map(NodeId) {
            let order: Vec<usize> =
                kg.in_order(user, 0).iter().map(|(item, _)| (item - kg.items().start) as usize).collect();
            for cut in 1..order.len() {
                let before = |at: usize| (-((cut - 1 - at) as f64) / past).exp();
                let after = |at: usize| (-((at - cut) as f64) / future).exp();
                for a in 0..cut {
                    (0..cut).for_each(|b| gram[[order[a], order[b]]] += before(a) * before(b));
                    (cut..order.len()).for_each(|b| across[[order[a], order[b]]] += before(a) * after(b));
                }
            }
        }
        dense::invert(&mut gram, &Context::default(), |_| Ok(())).expect("small");
        let product = gram.dot(&across);
        let together = Together::new(&kg, &Context::default()).expect("small");
        let order = Order::Ahead { past: 2.0, future: 3.0 };
        let slit = solve(&together, &LinearSettings { alike: 0.0, ..settings(order, 0.0) });
        for (from, row) in slit.rows().iter().enumerate() {
            assert_eq!(row.len(), 8, "every item came before every other once");
            for &(to, weight) in row {
                let to = to as usize;
                let expected = product[[from, to]] - gram[[from, to]] * product[[to, to]] / gram[[to, to]];
                assert!((f64::from(weight) - expected).abs() < 1e-4, "{from} {to}: {weight} and {expected}");
            }
        }
    }

    #[test]
    fn without_times_a_window_knows_no_order() {
        let kg = random_log(3, 10, 12, 60);
        let together = Together::new(&kg, &Context::default()).expect("small");
        let ahead = solve(&together, &settings(Order::Ahead { past: 2.0, future: 3.0 }, 0.0));
        let backward = |from: u32, to: u32| {
            let weight = |from: u32, to: u32| {
                ahead.rows()[from as usize].iter().find(|(item, _)| *item == to).map(|(_, weight)| *weight)
            };
            weight(from, to).is_some() == weight(to, from).is_some()
        };
        let items = 0..kg.items().len() as u32;
        assert!(items.clone().all(|a| items.clone().all(|b| backward(a, b))), "each item speaks for the other");
    }

    #[test]
    fn knowledge_speaks_where_no_user_does_and_not_for_what_nobody_chose() {
        let mut data = footpath_graph::Dataset::default();
        for (user, item) in [("u", "a"), ("v", "b"), ("w", "c")] {
            data.interact(user, item);
        }
        for (item, by) in [("a", "kim"), ("b", "kim"), ("c", "lee"), ("d", "kim")] {
            data.link(item, &format!("film {item}"));
            data.fact(&format!("film {item}"), "by", by);
        }
        let kg = footpath_graph::build::build(data).and_then(|built| built.train_kg()).expect("a graph");
        let together = Together::new(&kg, &Context::default()).expect("small");
        assert!(together.has_knowledge());
        let of = |knowledge| {
            let model = solve(&together, &settings(Order::Alike, knowledge));
            let scores = model.scores(kg.user("u").expect("u"), &Context::default()).expect("scores");
            scores.iter().map(|r| (kg.id(r.item).to_owned(), r.score > 0.0)).collect::<Vec<_>>()
        };
        let positive = |of: Vec<(String, bool)>| of.into_iter().filter(|(_, p)| *p).map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(positive(of(0.0)), Vec::<String>::new());
        // The two that kim made and somebody chose; nobody chose d.
        assert_eq!(positive(of(1.0)), ["b"]);
    }

    #[test]
    fn a_history_fades_and_threads_decide_nothing() {
        let kg = random_graph(2);
        let run = |threads: usize| {
            let context = Context::default().with_threads(footpath_core::Threads::new(threads).expect("few"));
            let solve = || {
                let together = Together::new(&kg, &context).expect("small");
                solve(&together, &settings(Order::Window { width: 2.0 }, 1.0)).rows().clone()
            };
            context.run(solve).expect("threads")
        };
        assert_eq!(run(1), run(4));
        let together = Together::new(&kg, &Context::default()).expect("small");
        let model = solve(&together, &settings(Order::Window { width: 2.0 }, 1.0));
        let (now, before) = (model.scores_of_history([(0, 0)]), model.with_fading(1.0).scores_of_history([(0, 3)]));
        assert!(now.iter().zip(&before).all(|(now, before)| (now / 4.0 - before).abs() < 1e-6));
    }
}
