//! What the tools do.

use crate::answers::{self, How, Sources, Subject};
use crate::api::{Explain, Fact, FindPaths, History, NodeQuery, Recommend, SearchQuery};
use crate::problem::Problem;
use crate::rules::Asked;
use crate::snapshot::file_name;
use axum::http::StatusCode;
use footpath::{Context, Triple};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Most hops that are verified.
const MAX_HOPS: usize = 64;

/// A path that somebody claims.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    nodes: Vec<String>,
    relations: Vec<String>,
}

/// A node, and which of its neighbours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    node: String,
    #[serde(default)]
    relation: Option<String>,
    #[serde(default)]
    offset: Option<usize>,
    #[serde(default)]
    limit: Option<usize>,
}

/// Calls the tool of this name.
pub(super) fn call(name: &str, arguments: Value, sources: &Sources, context: &Context) -> Result<Value, Problem> {
    match name {
        "recommend" => recommend(read(arguments)?, sources, context),
        "explain" => explain(read(arguments)?, sources, context),
        "paths" => value(answers::find_paths(&read::<FindPaths>(arguments)?, sources, context)?),
        "neighbours" => {
            let Walk { node, relation, offset, limit } = read(arguments)?;
            value(answers::neighbourhood(&node, &NodeQuery { relation, offset, limit }, sources)?)
        }
        "search" => value(answers::search(&read::<SearchQuery>(arguments)?, sources)?),
        _ => verify(&read(arguments)?, sources),
    }
}

fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, Problem> {
    serde_json::from_value(arguments).map_err(|error| Problem::bad_request(error.to_string()))
}

fn value(answer: impl serde::Serialize) -> Result<Value, Problem> {
    serde_json::to_value(answer).map_err(|_| Problem::internal())
}

/// Few lists at a time: an agent reads them one by one.
const MAX_LISTS: usize = 16;

fn recommend(ask: Recommend, sources: &Sources, context: &Context) -> Result<Value, Problem> {
    let Recommend { users, histories, model, k, beams, paths, exact, proof, rules, rule_set, hide, exclude, only } =
        ask;
    let subjects: Vec<Subject> =
        users.into_iter().map(Subject::User).chain(histories.into_iter().map(Subject::History)).collect();
    if !(1..=MAX_LISTS).contains(&subjects.len()) {
        return Err(Problem::bad_request(format!("users and histories must be 1 to {MAX_LISTS} together")));
    }
    subjects.iter().try_for_each(Subject::check)?;
    let asked = Asked { rules, rule_set, hide, exclude, only };
    let how = How { model, k, beams, paths, exact, proof, asked };
    Ok(json!({ "lists": answers::recommend(&subjects, &how, sources, context)? }))
}

fn explain(ask: Explain, sources: &Sources, context: &Context) -> Result<Value, Problem> {
    let Explain { user, history, item, model, paths, beams, why_not, proof, rules, rule_set, hide, .. } = ask;
    let subject = match (user, history) {
        (Some(user), None) => Subject::User(user),
        (None, Some(History { id, items })) => Subject::History(History { id, items }),
        _ => return Err(Problem::bad_request("give a user or a history")),
    };
    subject.check()?;
    let item = item.ok_or_else(|| Problem::bad_request("give an item"))?;
    let asked = Asked { rules, rule_set, hide, ..Asked::default() };
    let how = How { model, k: None, beams, paths, exact: false, proof, asked };
    value(answers::explain(&subject, &item, &how, why_not, sources, context)?)
}

/// Looks up each hop of a path.
fn verify(claim: &Claim, sources: &Sources) -> Result<Value, Problem> {
    let Claim { nodes, relations } = claim;
    if nodes.len() != relations.len() + 1 || !(1..=MAX_HOPS).contains(&relations.len()) {
        return Err(Problem::bad_request(format!("a path has 1 to {MAX_HOPS} relations, and one node more")));
    }
    let snapshot = &sources.snapshot;
    let kg = snapshot.kg();
    let hidden = snapshot.hidden(&sources.metrics)?;
    let mut facts = Vec::new();
    for (ends, name) in nodes.windows(2).zip(relations) {
        let [from, to] = ends else { continue };
        let [head, tail] = [from, to].map(|name| snapshot.node(name, hidden.as_deref()));
        let relation = kg.relation(name).ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "unknown",
                "The graph does not have this",
                format!("no relation `{name}`"),
            )
        })?;
        let triple = Triple { head: head?, relation, tail: tail? };
        let Some((file, line)) = kg.source(triple) else {
            return Ok(json!({ "holds": false, "missing": { "head": from, "relation": name, "tail": to } }));
        };
        let (head, relation, tail) = (from.clone(), name.clone(), to.clone());
        facts.push(Fact { head, relation, tail, file: file_name(file).to_owned(), line });
    }
    Ok(json!({ "holds": true, "facts": facts }))
}
