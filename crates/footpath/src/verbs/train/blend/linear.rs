//! The linear part: its settings, chosen on valid, and the table that is stored.

use super::origins::{K, Origin, means, ndcg};
use crate::error::Result;
use footpath_core::{Context, LegalSuccessors, NodeId};
use footpath_eval::Recommendation;
use footpath_eval::baselines::linear::{Chosen, Space, choose};
use footpath_eval::baselines::{BaselineName, LinearModel, LinearSettings, Order, Together, best};
use footpath_graph::TrainKg;
use footpath_model::Linear;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::time::Duration;

/// Powers tried by which a history fades, where there are times.
const FADINGS: [f32; 6] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5];
/// Settings that are fewer standard errors below the best are as good.
const ALIKE: f64 = 1.0;

/// Which linear part a model gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinearPart {
    /// That of the following which is best on valid.
    #[default]
    Best,
    /// One that knows no order of choices.
    Ease,
    /// One of what stands near each other in the users' order.
    Window,
    /// One in which an item speaks for those chosen after it.
    Slist,
}

impl LinearPart {
    fn orders(self, knows_times: bool) -> Vec<Order> {
        let (window, ahead) = (Order::Window { width: 3.0 }, Order::Ahead { past: 2.0, future: 3.0 });
        match self {
            // Where all is at the same time the others say nothing more.
            Self::Best if !knows_times => vec![Order::Alike],
            Self::Best => vec![window, ahead, Order::Alike],
            Self::Ease => vec![Order::Alike],
            Self::Window => vec![window],
            Self::Slist => vec![ahead],
        }
    }
}

/// The settings for test: of those that are as good as the best from the furthest origin, as far as that can tell, the
/// ones that are best in the mean over all origins.
pub(super) fn settings(
    part: LinearPart,
    kg: &TrainKg,
    origins: &[Origin],
    until: Option<Duration>,
    context: &Context,
) -> Result<Option<LinearSettings>> {
    let Some((furthest, others)) = origins.split_first() else { return Ok(None) };
    let knows_times = kg.users().any(|user| !kg.times_of(NodeId(user)).is_empty());
    let fadings = if knows_times { FADINGS.to_vec() } else { vec![0.0] };
    let orders = part.orders(knows_times);
    let id = BaselineName::WindowEaseKg;
    let space = Space { id, orders, knowledge: true, alike: true, dropout: true, fadings, until };
    let together = Together::new(kg, &context.quietly())?;
    // Of each settings tried, in their order, the mean over all origins.
    let over_all = RefCell::new(Vec::new());
    let judge = |model: &LinearModel<'_>| {
        let own = figures(model, kg, furthest);
        let again = others.iter().map(|origin| means::mean(&figures(model, kg, origin)));
        let (sum, number) = again.fold((means::mean(&own), 1.0), |(sum, n), figure| (sum + figure, n + 1.0));
        over_all.borrow_mut().push(sum / number);
        Ok(own)
    };
    let Some(Chosen { best, tried, .. }) = choose(&together, &space, &judge, context)? else { return Ok(None) };
    let as_good = tried.iter().zip(over_all.into_inner());
    let as_good = as_good.filter(|(found, _)| means::t(&best.of_users, &found.of_users) < ALIKE);
    // Of equal ones the first.
    let taken = as_good.reduce(|taken, other| if other.1 > taken.1 { other } else { taken });
    Ok(Some(taken.map_or(best.settings, |(found, _)| found.settings)))
}

/// NDCG@10 of each user.
fn figures(model: &LinearModel<'_>, kg: &TrainKg, origin: &Origin) -> Vec<f64> {
    let first = kg.items().start;
    let of_user = |((&user, forgotten), targets): ((&NodeId, &Vec<NodeId>), &Vec<NodeId>)| {
        let (history, token) = (origin.legal.items_of(user), kg.vocabulary().node(user).0);
        let places = history.iter().map(|item| item - first).zip(origin.legal.later(token));
        let mut scores = model.scores_of_history(places);
        for item in history.iter().chain(forgotten.iter().map(|item| &item.0)) {
            scores.get_mut((item - first) as usize).into_iter().for_each(|score| *score = 0.0);
        }
        let open = kg.items().zip(scores).filter(|(_, score)| *score > 0.0);
        let scored = open.map(|(item, score)| Recommendation { item: NodeId(item), score: f64::from(score) });
        let top = best(scored.collect(), K);
        ndcg(top.iter().map(|r| targets.binary_search(&r.item).is_ok()), targets.len())
    };
    origin.users.par_iter().zip(&origin.forgotten).zip(&origin.targets).map(of_user).collect()
}

/// The table with these settings.
pub(super) fn table(kg: &TrainKg, settings: &LinearSettings, context: &Context) -> Result<Linear> {
    let together = Together::new(kg, context)?;
    let model = LinearModel::new(&together, BaselineName::WindowEaseKg, settings, context)?;
    Ok(Linear::new(model.rows().iter().cloned()).with_fading(settings.fading))
}
