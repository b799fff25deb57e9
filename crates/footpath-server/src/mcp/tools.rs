//! The tools as agents are told of them.

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The tools.
pub(super) fn all() -> &'static [Tool] {
    static ALL: LazyLock<Vec<Tool>> = LazyLock::new(described);
    &ALL
}

fn described() -> Vec<Tool> {
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
    vec![
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
    ]
}

fn tool(name: &'static str, description: &'static str, properties: Value, required: &[&str]) -> Tool {
    let schema = [
        ("type", json!("object")),
        ("properties", properties),
        ("required", json!(required)),
        ("additionalProperties", json!(false)),
    ];
    let schema: serde_json::Map<String, Value> =
        schema.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    Tool::new(name, description, schema).with_annotations(ToolAnnotations::new().read_only(true).open_world(false))
}
