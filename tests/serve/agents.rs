//! The tools for agents.

use super::serve;
use crate::support::films::{Films, films};
use crate::support::server::Server;
use crate::support::{args, program, strings};
use serde_json::{Value, json};
use std::io::Write;

fn ask(server: &Server, method: &str, params: Value) -> Value {
    let answer = server.post("/mcp", &json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).ok();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)));
    answer
}

fn call(server: &Server, tool: &str, arguments: Value) -> Value {
    let result = ask(server, "tools/call", json!({ "name": tool, "arguments": arguments }))["result"].clone();
    assert_eq!(result["isError"], false, "{result}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().expect("a text")).expect("JSON");
    assert_eq!(text, result["structuredContent"]);
    text
}

#[test]
fn an_agent_finds_its_way_and_cites_facts() {
    let server = serve(&[]);
    let hello = ask(&server, "initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {} }));
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    let told = server.post("/mcp", &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    assert_eq!((told.status, told.body.as_str()), (202, ""));
    let tools = ask(&server, "tools/list", json!({}))["result"]["tools"].clone();
    let names: Vec<&str> =
        tools.as_array().expect("tools").iter().map(|t| t["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["recommend", "explain", "paths", "neighbours", "search", "verify"]);
    assert!(tools.as_array().expect("tools").iter().all(|tool| tool["inputSchema"]["type"] == "object"));
    for tool in tools.as_array().expect("tools") {
        for property in tool["inputSchema"]["properties"].as_object().expect("properties").keys() {
            let arguments = json!({ property: { "of no": "type" } });
            let params = json!({ "name": tool["name"], "arguments": arguments });
            let told = ask(&server, "tools/call", params)["result"].to_string();
            // Nothing is announced that is not known when it is used.
            let unknown = format!("unknown field `{property}`");
            assert!(told.contains("\"isError\":true") && !told.contains(&unknown), "{property}: {told}");
        }
    }
    let of_model = |model: &str| json!({ "users": ["user-001"], "k": 3, "model": model });
    assert_eq!(
        call(&server, "recommend", of_model("main")),
        call(&server, "recommend", json!({ "users": ["user-001"], "k": 3 }))
    );
    let refused = ask(&server, "tools/call", json!({ "name": "recommend", "arguments": of_model("beside") }));
    assert!(refused["result"].to_string().contains("--beside MODEL"), "{refused}");
    let node = call(&server, "search", json!({ "q": "ridley scott", "limit": 1 }))["hits"][0]["node"].clone();
    let neighbours = call(&server, "neighbours", json!({ "node": node, "limit": 3 }));
    assert_eq!(neighbours["label"], "Ridley Scott");
    let list = call(&server, "recommend", json!({ "users": ["user-001"], "k": 2, "proof": true }))["lists"][0].clone();
    let item = list["items"][0].clone();
    let why = call(&server, "explain", json!({ "user": "user-001", "item": item["item"], "why_not": true }));
    assert_eq!(why["standing"]["rank"], 1);
    let path = &item["path"];
    let claim = json!({ "nodes": path["nodes"], "relations": path["relations"] });
    let verified = call(&server, "verify", claim);
    assert_eq!(verified["holds"], true);
    for (fact, triple) in
        verified["facts"].as_array().expect("facts").iter().zip(path["triples"].as_array().expect("facts"))
    {
        assert_eq!((&fact["file"], &fact["line"]), (&triple["file"], &triple["line"]));
    }
    let mut nodes = strings(&path["nodes"]);
    nodes[1] = "item:metropolis-1927";
    let relations = &path["relations"];
    let claimed = call(&server, "verify", json!({ "nodes": nodes, "relations": relations }));
    assert_eq!(claimed["holds"], false, "{claimed}");
    let paths = call(&server, "paths", json!({ "from": "item:alien-1979", "to": "item:aliens-1986", "n": 2 }));
    assert_eq!(paths["paths"].as_array().expect("paths").len(), 2);
}

#[test]
fn what_an_agent_gets_wrong_it_is_told() {
    let server = serve(&[]);
    for (tool, arguments, words) in [
        ("recommend", json!({}), "users and histories"),
        ("recommend", json!({ "users": ["u"], "colour": 1 }), "colour"),
        ("explain", json!({ "user": "user-001", "item": "none" }), "none"),
        ("paths", json!({ "from": "item:alien-1979", "to": "alien" }), "alien"),
        ("verify", json!({ "nodes": [], "relations": [] }), "1 to 64"),
        ("recommend", json!({ "users": ["user-001"], "rules": "genre:" }), "after the colon"),
    ] {
        let result = ask(&server, "tools/call", json!({ "name": tool, "arguments": arguments }))["result"].clone();
        assert_eq!(result["isError"], true, "{result}");
        assert!(result["content"][0]["text"].as_str().expect("words").contains(words), "{result}");
    }
    assert_eq!(ask(&server, "tools/call", json!({ "name": "delete" }))["error"]["code"], -32602);
    assert_eq!(ask(&server, "resources/list", json!({}))["error"]["code"], -32601);
    assert_eq!(server.post("/mcp", &json!([])).ok()["error"]["code"], -32600);
    server.get("/mcp").problem(405);
}

/// Messages on standard input, as whoever starts the program as a tool sends them; the answers.
fn told(messages: &str) -> Vec<Value> {
    let Films { kg, model, .. } = films();
    let mut child = program(&args!["mcp", "--kg", kg, "--model", model])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("started");
    let mut input = child.stdin.take().expect("a pipe");
    let messages = messages.to_owned();
    let writer = std::thread::spawn(move || input.write_all(messages.as_bytes()));
    let output = child.wait_with_output().expect("ended");
    writer.join().expect("no panic").expect("written");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn an_agent_that_starts_the_program_gets_the_answers_of_the_server() {
    let server = serve(&[]);
    let requests = [
        ("initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {} })),
        ("tools/list", json!({})),
        ("tools/call", json!({ "name": "recommend", "arguments": { "users": ["user-001"], "k": 3, "proof": true } })),
        ("tools/call", json!({ "name": "recommend", "arguments": { "users": ["nobody"], "colour": 1 } })),
        ("resources/list", json!({})),
    ];
    let message = |(method, params): &(&str, Value)| {
        format!("{}\n", json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }))
    };
    let messages: String = requests.iter().map(message).collect();
    let notice = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n\n";
    let answers = told(&[notice, &messages].concat());
    let over_http = requests.iter().map(|(method, params)| ask(&server, method, params.clone()));
    assert_eq!(answers, over_http.collect::<Vec<_>>());
}

#[test]
fn what_is_no_message_is_answered_and_the_next_one_is_read() {
    let ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    let too_long = format!("{{\"id\":2,\"method\":\"{}\"}}", "x".repeat(3 << 20));
    let answers = told(&format!("{{\n{too_long}\n\u{1}\n[]\n{ping}\n{ping}"));
    let codes: Vec<&Value> = answers.iter().map(|answer| &answer["error"]["code"]).collect();
    let no_json = json!(-32_700);
    assert_eq!(codes, [&no_json, &no_json, &no_json, &json!(-32_600), &Value::Null, &Value::Null]);
    assert!(answers[1]["error"]["message"].as_str().expect("words").contains("2097152 bytes"), "{answers:?}");
    assert_eq!(answers[5]["result"], json!({}), "the last line need not end");
}
