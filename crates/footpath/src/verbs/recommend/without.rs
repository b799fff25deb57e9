//! What becomes of an item when a choice is taken away from a user: whether a reason is the reason.

use super::lists::{ChoiceRemoval, RemovedChoice};
use super::new_users::NewUser;
use super::options::Options;
use super::request::Request;
use crate::error::{Error, Result};
use footpath_core::{Context, NodeId, NodeSet};
use footpath_eval::counterfactual::another_choice;
use footpath_model::decode::Rules;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Request {
    /// The same request for a user of the graph who has not made one of their choices: it is in their history no more,
    /// no path begins with it, and it is in no list.
    #[must_use]
    pub fn without(&self, user: NodeId, choice: NodeId) -> Self {
        let kg = self.service().kg();
        let mut order = self.service().with_new_choices(user, &[]);
        order.retain(|&item| item != choice);
        let id = kg.id(user).to_owned();
        let less = NewUser { id, items: BTreeMap::new(), order, file: String::new() };
        let unlisted = Some(Arc::new(NodeSet::of(&kg.items(), &[choice.0])));
        self.clone().with_updated([(user, less)].into()).with_rules(Rules { unlisted, ..Rules::default() })
    }

    /// Where an item stands in the list of a user of the graph, and where without one of their choices, beside taking
    /// away another one that `seed` draws.
    ///
    /// # Errors
    /// [`Error::Usage`] where the user has not made the choice; [`footpath_core::Error::Stopped`].
    pub fn place_without(
        &self,
        [user, item, choice]: [NodeId; 3],
        seed: u64,
        options: Options,
        context: &Context,
    ) -> Result<ChoiceRemoval> {
        let kg = self.service().kg();
        if kg.items_of(user).binary_search(&choice.0).is_err() {
            let reason = format!("{} did not choose {} in train", kg.node_name(user), kg.node_name(choice));
            return Err(Error::Usage { option: "without", reason });
        }
        let taken_away = |choice: NodeId| -> Result<RemovedChoice> {
            let place = self.without(user, choice).place_of(user, item, options, context)?;
            Ok(RemovedChoice { choice: kg.id(choice).to_owned(), label: kg.title(choice).into_owned(), place })
        };
        let other = another_choice(kg, user, item, choice, seed);
        Ok(ChoiceRemoval {
            place: self.place_of(user, item, options, context)?,
            without: taken_away(choice)?,
            without_random: other.map(taken_away).transpose()?,
        })
    }
}
