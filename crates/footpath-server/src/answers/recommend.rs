//! Recommendations.

use super::people::{People, Person};
use super::{How, Sources, Subject};
use crate::api::{Basis, Parts, RecommendedItem, UserList};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::snapshot::path_view;
use footpath::recommend::{Explanation, Item, List, Options, Rules};
use footpath::{Context, NodeId};
use std::sync::Arc;

/// The lists of these subjects, in their order.
pub(crate) fn recommend(
    subjects: &[Subject],
    how: &How,
    sources: &Sources,
    context: &Context,
) -> Result<Vec<UserList>, Problem> {
    let options = how.options(1)?;
    let service = sources.snapshot.service(how.model)?;
    service.check(&options)?;
    let People { people, request } = People::of(subjects, service, sources);
    let rules = rules_of(&people, how, sources)?;
    let nodes: Vec<NodeId> = people.iter().filter_map(|person| person.node).collect();
    let found = request.with_rules(rules.clone()).recommend(&nodes, options, context)?;
    let mut found = found.into_iter();
    let list = |person: Person| {
        context.check().map_err(footpath::Error::from)?;
        match person.node {
            Some(_) => Ok(of_paths(found.next().ok_or_else(Problem::internal)?, person, how.proof, sources)),
            None => of_popular(person, &rules, options, sources, context),
        }
    };
    people.into_iter().map(list).collect()
}

/// The rules for these people: those of the configuration and the request, and what they did not like.
pub(super) fn rules_of(people: &[Person], how: &How, sources: &Sources) -> Result<Rules, Problem> {
    let snapshot = &sources.snapshot;
    let users = people.iter().map(|person| (person.node.unwrap_or(NOBODY), person.id.as_str()));
    let mut rules = snapshot.book.of(&how.asked, users, snapshot.lookup(&sources.metrics))?;
    for person in people.iter().filter(|person| !person.disliked.is_empty()) {
        let node = person.node.unwrap_or(NOBODY);
        let denied = rules.denied.get(&node).into_iter().flat_map(|denied| denied.iter().copied());
        let mut denied: Vec<NodeId> = denied.chain(person.disliked.iter().copied()).collect();
        denied.sort_unstable();
        denied.dedup();
        rules.denied.insert(node, denied.into());
    }
    Ok(rules)
}

/// The node of those of whom nothing is known, who are searched for by nobody.
const NOBODY: NodeId = NodeId(u32::MAX);

fn of_paths(list: List, person: Person, proof: bool, sources: &Sources) -> UserList {
    Metrics::one(&sources.metrics.lists_of_paths);
    UserList {
        user: person.id,
        basis: Basis::Paths,
        items: list.items.iter().map(|item| item_view(item, proof)).collect(),
        reason: list.reason,
        unexplored: Some(list.unexplored),
        proven: Some(list.proven),
        unknown_items: person.unknown_items,
    }
}

fn item_view(item: &Item, proof: bool) -> RecommendedItem {
    let path = |path: &Explanation| path_view(&path.path, Some(path.log_probability), proof);
    // A model of histories has no path, and says so in words.
    let has_path = item.num_paths > 0;
    let more_paths: Vec<_> = item.more_paths.iter().map(path).collect();
    let shown: f64 = item.best.log_probability;
    let of_paths = if item.confidence > 0.0 { shown - item.confidence.ln() } else { shown };
    RecommendedItem {
        rank: item.rank,
        item: item.item.clone(),
        label: item.label.clone(),
        score: Some(item.score),
        parts: has_path.then_some(Parts { paths: of_paths, beside_paths: item.score - of_paths }),
        confidence: Some(item.confidence),
        num_paths: Some(item.num_paths),
        popularity: None,
        path: has_path.then(|| path(&item.best)),
        more_paths,
    }
}

/// What most have chosen, of what this person has not seen and the rules leave in.
fn of_popular(
    person: Person,
    rules: &Rules,
    options: Options,
    sources: &Sources,
    context: &Context,
) -> Result<UserList, Problem> {
    Metrics::one(&sources.metrics.lists_of_popular);
    let snapshot = &sources.snapshot;
    let kg = snapshot.kg();
    // Denials go by id, and those of nobody in particular are looked up apart, for there may be several here.
    let denied = snapshot.book.denied(&person.id);
    let leaves_in = |item: NodeId| {
        let holds = |set: &Option<Arc<footpath::NodeSet>>| set.as_ref().is_some_and(|set| set.contains(item));
        !holds(&rules.unlisted) && !holds(&rules.hidden) && denied.binary_search(&item).is_err()
    };
    let popular = snapshot.popular().iter().copied();
    let left_in = popular.filter(|item| leaves_in(*item) && !person.seen.contains(item));
    let items: Vec<RecommendedItem> = (1..)
        .zip(left_in.take(options.k))
        .map(|(rank, item)| RecommendedItem {
            rank,
            item: kg.id(item).to_owned(),
            label: kg.label(item).to_owned(),
            score: None,
            parts: None,
            confidence: None,
            num_paths: None,
            popularity: Some(kg.popularity(item) as u64),
            path: None,
            more_paths: Vec::new(),
        })
        .collect();
    context.check().map_err(footpath::Error::from)?;
    let reason = (items.len() < options.k)
        .then(|| format!("only {} items are left that rules leave in and the user has not seen", items.len()));
    Ok(UserList {
        user: person.id,
        basis: Basis::Popular,
        items,
        reason,
        unexplored: None,
        proven: None,
        unknown_items: person.unknown_items,
    })
}
