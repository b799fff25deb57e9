//! What made the rank of the items of a list.

use super::options::Options;
use super::parts::{Parts, RankedBy, Similar};
use super::request::Request;
use footpath_core::{LegalSuccessors, NodeId};
use footpath_model::decode::{ItemPrior, ScoredItem};

/// Items of the history that are named for the linear part.
const NAMED: usize = 3;

impl Request {
    /// What made the rank of an item that was found, `behind` being the first that was found and is not in the list.
    /// Nothing where a score is that of paths alone.
    pub(crate) fn rank(
        &self,
        user: NodeId,
        item: &ScoredItem,
        behind: Option<&ScoredItem>,
        options: Options,
    ) -> Option<RankedBy> {
        let parts = Parts::of(item);
        if item.prior == ItemPrior::default() {
            return None;
        }
        let shares = behind.map(|behind| parts.shares_above(Parts::of(behind)));
        Some(RankedBy { parts, shares, because_of: self.similar_in_history(user, item.item, options) })
    }

    /// The items of the history that speak most for an item in the linear part.
    fn similar_in_history(&self, user: NodeId, item: NodeId, options: Options) -> Vec<Similar> {
        let service = self.service();
        let Some(linear) = service.linear_part().filter(|_| options.linear.is_none_or(|weight| weight > 0.0)) else {
            return Vec::new();
        };
        let (model, kg, legal) = (service.model(), service.kg(), self.legal());
        let token = kg.vocabulary().node(user).0;
        let history = legal.history(token);
        let places = history.iter().map(|&item| model.history_row(item)).zip(legal.later(token));
        #[expect(clippy::cast_possible_truncation, reason = "at most 100")]
        let fading = options.fading.map_or(linear.fading(), |fading| fading as f32);
        let said = linear.contributions(places, model.history_row(item.0), fading);
        let mut speaking: Vec<(f32, u32)> =
            said.into_iter().zip(history.iter().copied()).filter(|(said, _)| *said > 0.0).collect();
        let all: f64 = speaking.iter().map(|(said, _)| f64::from(*said)).sum();
        speaking.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let similar = |(said, chosen): (f32, u32)| {
            let chosen = NodeId(chosen);
            let (item, label) = (kg.id(chosen).to_owned(), kg.title(chosen).into_owned());
            Similar { item, label, share: f64::from(said) / all }
        };
        speaking.into_iter().take(NAMED).map(similar).collect()
    }
}
