//! What the graph says: nodes, neighbours, paths, what is alike.

use super::{Sources, within};
use crate::api::{
    Count, FindPaths, FoundPaths, Neighbour, Neighbourhood, Neighbours, NodeQuery, SearchHits, SearchQuery,
    SimilarNode, SimilarNodes, SimilarQuery, Summary,
};
use crate::hashes::Hashes;
use crate::problem::Problem;
use crate::rules::Asked;
use crate::snapshot::{Snapshot, file_name};
use axum::http::StatusCode;
use footpath::paths::{self, Options, Pattern};
use footpath::similar::{self, Similar};
use footpath::{Context, NodeId, NodeSet, RelationId, Triple};

/// Shared paths shown as the reason of a likeness.
const SHARED_PATHS: usize = 3;

/// Whether a set, where there is one, holds a node.
fn holds(set: Option<&NodeSet>, node: NodeId) -> bool {
    set.is_some_and(|set| set.contains(node))
}

/// Paths between two nodes.
pub(crate) fn find_paths(ask: &FindPaths, sources: &Sources, context: &Context) -> Result<FoundPaths, Problem> {
    let snapshot = &sources.snapshot;
    let kg = snapshot.kg();
    let hidden = snapshot.hidden(&sources.metrics)?;
    let [from, to] = [&ask.from, &ask.to].map(|name| snapshot.node(name, hidden.as_deref()));
    let (from, to) = (from?, to?);
    let asked = Asked { hide: ask.hide.clone(), ..Asked::default() };
    let rules = snapshot.book.of(&asked, [], snapshot.lookup(&sources.metrics))?;
    let pattern = ask.pattern.as_deref().map(|text| Pattern::parse_walk(text, kg)).transpose();
    let pattern = pattern.map_err(|error| {
        let title = "The pattern makes no sense in this graph";
        Problem::new(StatusCode::BAD_REQUEST, "pattern", title, error.to_string())
    })?;
    let default = Options::default();
    let longest = pattern.as_ref().map_or(default.max_hops, |pattern| pattern.max_hops().min(paths::MAX_HOPS));
    let options =
        Options { pattern, max_hops: ask.max_hops.unwrap_or(longest), num_paths: ask.n.unwrap_or(default.num_paths) };
    let leave_out = |node: NodeId| holds(rules.hidden.as_deref(), node);
    let found = paths::connect(kg, [from, to], &options, leave_out, context)?;
    Ok(FoundPaths {
        from: snapshot.view(from, hidden.as_deref()),
        to: snapshot.view(to, hidden.as_deref()),
        paths: found.paths.iter().map(|path| snapshot.path(path, ask.proof)).collect(),
        complete: found.complete,
    })
}

/// Items like an item.
pub(crate) fn similar_items(
    id: &str,
    query: &SimilarQuery,
    sources: &Sources,
    context: &Context,
) -> Result<SimilarNodes, Problem> {
    let k = within("k", query.k, 10, 1_000)?;
    let snapshot = &sources.snapshot;
    let hidden = snapshot.hidden(&sources.metrics)?;
    let item = snapshot.item(id, hidden.as_deref())?;
    let asked = Asked { rules: query.rules.clone(), rule_set: query.rule_set.clone(), ..Asked::default() };
    let rules = snapshot.book.of(&asked, [], snapshot.lookup(&sources.metrics))?;
    let leave_out = |node: NodeId| holds(rules.unlisted.as_deref(), node) || holds(hidden.as_deref(), node);
    let found = similar::items(snapshot.service(query.model)?, item, k, leave_out, context)?;
    similar_nodes(item, found, hidden.as_deref(), snapshot, context)
}

/// Users like a user.
pub(crate) fn similar_users(
    id: &str,
    query: &SimilarQuery,
    sources: &Sources,
    context: &Context,
) -> Result<SimilarNodes, Problem> {
    let k = within("k", query.k, 10, 1_000)?;
    if query.rules.is_some() || query.rule_set.is_some() {
        return Err(Problem::bad_request("rules are about items, and these are users"));
    }
    let snapshot = &sources.snapshot;
    let hidden = snapshot.hidden(&sources.metrics)?;
    let user = snapshot.kg().user(id).ok().filter(|&user| !holds(hidden.as_deref(), user));
    let user = user.ok_or_else(|| Problem::unknown("user", id))?;
    let service = snapshot.service(query.model)?;
    let leave_out = |node: NodeId| holds(hidden.as_deref(), node);
    let found = match snapshot.kg().items_of(user) {
        // Nothing is known that anybody could be like.
        [] => Vec::new(),
        _ => similar::users(service, user, k, leave_out, context)?,
    };
    similar_nodes(user, found, hidden.as_deref(), snapshot, context)
}

fn similar_nodes(
    to: NodeId,
    found: Vec<Similar>,
    hidden: Option<&NodeSet>,
    snapshot: &Snapshot,
    context: &Context,
) -> Result<SimilarNodes, Problem> {
    let options = Options { pattern: None, max_hops: 2, num_paths: SHARED_PATHS };
    let mut similar = Vec::with_capacity(found.len());
    for Similar { node, similarity } in found {
        let leave_out = |node: NodeId| holds(hidden, node);
        let shared = paths::connect(snapshot.kg(), [to, node], &options, leave_out, context)?;
        let shared = shared.paths.iter().map(|path| snapshot.path(path, false)).collect();
        similar.push(SimilarNode { node: snapshot.view(node, hidden), similarity, shared });
    }
    Ok(SimilarNodes { to: snapshot.view(to, hidden), similar })
}

/// A node and its neighbours.
pub(crate) fn neighbourhood(name: &str, query: &NodeQuery, sources: &Sources) -> Result<Neighbourhood, Problem> {
    let limit = within("limit", query.limit, 20, 1_000)?;
    let offset = query.offset.unwrap_or(0);
    let snapshot = &sources.snapshot;
    let kg = snapshot.kg();
    let hidden = snapshot.hidden(&sources.metrics)?;
    let node = snapshot.node(name, hidden.as_deref())?;
    let only = match &query.relation {
        None => None,
        Some(name) => Some(kg.relation(name).ok_or_else(|| {
            let known: Vec<&str> = kg.schema().relations.iter().take(50).map(|r| r.name.as_str()).collect();
            Problem::unknown("relation", name).hint(format!("relations are {}", known.join(", ")))
        })?),
    };
    let runs = kg.arcs(node).runs().filter(|(relation, _)| only.is_none_or(|only| *relation == only));
    let of_relation = |(relation, tails): (RelationId, &[u32])| {
        let shown: Vec<NodeId> =
            tails.iter().map(|&tail| NodeId(tail)).filter(|&tail| !holds(hidden.as_deref(), tail)).collect();
        let neighbour = |&tail: &NodeId| {
            let (file, line) = kg.source(Triple { head: node, relation, tail }).unwrap_or_default();
            Neighbour { node: snapshot.view(tail, hidden.as_deref()), file: file_name(file).to_owned(), line }
        };
        let end = offset.saturating_add(limit);
        Neighbours {
            relation: kg.relation_name(relation),
            reading: kg.reading(relation).to_owned(),
            count: shown.len(),
            neighbours: shown.iter().skip(offset).take(limit).map(neighbour).collect(),
            next_offset: (end < shown.len()).then_some(end),
        }
    };
    Ok(Neighbourhood { node: snapshot.view(node, hidden.as_deref()), relations: runs.map(of_relation).collect() })
}

/// Nodes by the words of their labels.
pub(crate) fn search(query: &SearchQuery, sources: &Sources) -> Result<SearchHits, Problem> {
    let limit = within("limit", query.limit, 10, 100)?;
    let snapshot = &sources.snapshot;
    let kg = snapshot.kg();
    let kind = match &query.kind {
        None => None,
        Some(name) => Some(kg.schema().named(name).ok_or_else(|| {
            let types = kg.schema().types.iter().map(|of| &of.name);
            let known: Vec<&str> = types.chain(&kg.schema().further_types).take(50).map(String::as_str).collect();
            Problem::bad_request(format!("there is no type `{name}`")).hint(format!("types are {}", known.join(", ")))
        })?),
    };
    let hidden = snapshot.hidden(&sources.metrics)?;
    let hits = snapshot.index().find(&query.q, kind.as_deref(), limit, |node| holds(hidden.as_deref(), node));
    Ok(SearchHits { hits: hits.into_iter().map(|hit| snapshot.view(hit.node, hidden.as_deref())).collect() })
}

/// What is served.
pub(crate) fn summary(sources: &Sources) -> Summary {
    let snapshot = &sources.snapshot;
    let kg = snapshot.kg();
    let types = kg.schema().types.iter().map(|t| Count { name: t.name.clone(), count: u64::from(t.end - t.start) });
    let relations = kg.schema().relations.iter().map(|r| Count { name: r.name.clone(), count: r.num_triples });
    let Hashes { model, beside, graph } = snapshot.hashes();
    Summary {
        model,
        beside,
        graph,
        pattern: snapshot.pattern().to_owned(),
        types: types.collect(),
        relations: relations.collect(),
        nodes: kg.num_nodes(),
        facts: kg.num_arcs() / 2,
        rule_sets: snapshot.book.names().map(str::to_owned).collect(),
        events: sources.events.as_ref().map(|events| events.count()),
    }
}
