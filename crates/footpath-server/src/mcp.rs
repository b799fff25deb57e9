//! The Model Context Protocol, at `/mcp` or line by line: tools by which an agent asks the graph, so that it can cite
//! facts.
//!
//! Requests are JSON-RPC and each is answered by itself: over HTTP there are no sessions and no streams, as the
//! protocol allows. What a tool answers is what the route of the same name does.

use crate::answers::{self, How, Sources, Subject};
use crate::api::{Explain, Fact, FindPaths, History, NodeQuery, Recommend, SearchQuery};
use crate::problem::Problem;
use crate::rules::Asked;
use crate::shared::Shared;
use crate::snapshot::file_name;
use axum::http::StatusCode;
use footpath::{Context, Triple};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Versions of the protocol that are spoken, the newest first.
const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];
/// JSON-RPC: this is no request.
const INVALID_REQUEST: i32 = -32_600;
/// JSON-RPC: there is no such method.
const NO_METHOD: i32 = -32_601;
/// JSON-RPC: the parameters make no sense.
const INVALID_PARAMS: i32 = -32_602;
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

/// Answers a message; none where it is one that wants no answer.
pub(crate) async fn answer(shared: &Shared, message: Value) -> Option<Value> {
    let id = message.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
    let Some(method) = message.get("method").and_then(Value::as_str).map(str::to_owned) else {
        return Some(failure(id, INVALID_REQUEST, "a request has a method, and there are no batches"));
    };
    // What has no id is told, not asked.
    let id = id?;
    let params = message.get("params").cloned().unwrap_or_else(|| json!({}));
    let result = match method.as_str() {
        "initialize" => Ok(initialised(&params)),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools() })),
        "tools/call" => call(shared, &params).await,
        other => Err((NO_METHOD, format!("there is no method `{other}`"))),
    };
    Some(match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err((code, message)) => failure(Some(id), code, &message),
    })
}

fn failure(id: Option<Value>, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

fn initialised(params: &Value) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let version = VERSIONS.into_iter().find(|version| Some(*version) == asked).unwrap_or(VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "footpath", "version": env!("CARGO_PKG_VERSION") },
        "instructions": "A knowledge graph with recommendations. Find nodes with search; nodes are user:ID, item:ID or \
                         entity:ID. Every path is a chain of facts of the graph: cite them with the file and line that \
                         proof gives.",
    })
}

/// The tools with their schemas.
fn tools() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let number = |description: &str, most: u32| {
        let mut number = json!({ "type": "integer", "minimum": 1, "maximum": most });
        number["description"] = description.into();
        number
    };
    let texts =
        |description: &str| json!({ "type": "array", "items": { "type": "string" }, "description": description });
    let rules = text("which items may be listed, such as: not genre:Horror and popularity > 5");
    let proof = json!({ "type": "boolean", "description": "name the file and line of every fact" });
    let hide = text("nodes no path may touch, such as: type:user");
    let tool = |name: &str, description: &str, properties: Value, required: &[&str]| {
        json!({
            "name": name,
            "description": description,
            "inputSchema": {
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            },
            "annotations": { "readOnlyHint": true, "openWorldHint": false },
        })
    };
    let history = json!({
        "type": "object",
        "properties": {
            "id": text("a name for whoever it is"), "items": texts("ids of items, the last chosen last"),
        },
        "required": ["items"],
        "additionalProperties": false,
    });
    let model = json!({
        "type": "string", "enum": ["main", "beside"],
        "description": "which of two models; beside is there only where the server was started with it",
    });
    let rule_set = text("name of rules of the server");
    json!([
        tool(
            "recommend",
            "Items for users of the graph, or for people by what they chose, each with the path that is the reason",
            json!({
                "users": texts("ids of users"), "histories": { "type": "array", "items": history },
                "k": number("items for each", 1_000), "model": model, "rules": rules, "rule_set": rule_set,
                "hide": hide, "exclude": texts("ids of items that are not to be listed"),
                "only": texts("ids of the only items that may be listed"), "proof": proof,
            }),
            &[],
        ),
        tool(
            "explain",
            "Why an item suits a user; with why_not, what place it has or what keeps it out",
            json!({
                "user": text("id of the user, unless a history is given"), "history": history,
                "item": text("id of the item"), "paths": number("paths", 100), "model": model,
                "why_not": { "type": "boolean", "description": "what place it has, or what keeps it out" },
                "proof": proof, "rules": rules, "rule_set": rule_set, "hide": hide,
            }),
            &["item"],
        ),
        tool(
            "paths",
            "How two nodes are connected: the shortest paths first",
            json!({
                "from": text("a node"), "to": text("a node"), "max_hops": number("most hops", 6),
                "n": number("most paths", 1_000), "pattern": text("a pattern of the paths"), "hide": hide,
                "proof": proof,
            }),
            &["from", "to"],
        ),
        tool(
            "neighbours",
            "A node's neighbours by relation, with the file and line of each fact",
            json!({
                "node": text("a node"), "relation": text("only along this one; an inverse begins with ~"),
                "limit": number("neighbours of each relation", 1_000),
                "offset": { "type": "integer", "minimum": 0 },
            }),
            &["node"],
        ),
        tool(
            "search",
            "Nodes by words of their labels; the last word may be begun, and a letter or two may be wrong",
            json!({ "q": text("words"), "type": text("only nodes of this type"), "limit": number("nodes", 100) }),
            &["q"],
        ),
        tool(
            "verify",
            "Whether a path is true: each hop a fact of the graph, with its file and line",
            json!({
                "nodes": texts("the nodes in order"), "relations": texts("a relation between each two nodes"),
            }),
            &["nodes", "relations"],
        ),
    ])
}

/// Calls a tool. What goes wrong with it is told to the agent, who may do better.
async fn call(shared: &Shared, params: &Value) -> Result<Value, (i32, String)> {
    let name = params.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
    if !tools().as_array().is_some_and(|tools| tools.iter().any(|tool| tool["name"] == name)) {
        return Err((INVALID_PARAMS, format!("there is no tool `{name}`")));
    }
    let answered = match shared.admit() {
        Ok(_place) => shared.search(move |sources, context| use_tool(&name, arguments, sources, context)).await,
        Err(problem) => Err(problem),
    };
    Ok(match answered {
        Ok(answer) => json!({
            "content": [{ "type": "text", "text": answer.to_string() }],
            "structuredContent": answer,
            "isError": false,
        }),
        Err(problem) => told(&problem),
    })
}

/// What went wrong with a tool, as its result.
pub(crate) fn told(problem: &Problem) -> Value {
    let hint = problem.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    json!({ "content": [{ "type": "text", "text": format!("{}{hint}", problem.detail) }], "isError": true })
}

fn use_tool(name: &str, arguments: Value, sources: &Sources, context: &Context) -> Result<Value, Problem> {
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
