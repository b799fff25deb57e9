//! The tools for agents.

use super::serve;
use crate::support::films::{Films, films};
use crate::support::server::Server;
use crate::support::{args, program, strings};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Output, Stdio};

fn ask(server: &Server, method: &str, params: Value) -> Value {
    let answer = server.tell_mcp(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).ok();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(7)));
    answer
}

/// What a client says first.
fn hello(version: &str) -> Value {
    json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } })
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
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let answered = ask(&server, "initialize", hello(version))["result"].clone();
        assert_eq!(
            (&answered["protocolVersion"], &answered["serverInfo"]["name"]),
            (&json!(version), &json!("footpath"))
        );
    }
    let told = server.tell_mcp(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
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
fn clients_that_do_not_begin_but_say_what_they_are_each_time_are_answered() {
    let server = serve(&[]);
    let version = "2026-07-28";
    let ask = |method: &str, name: Option<&str>, mut params: Value| {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        });
        let mut headers = vec![
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", version),
            ("Mcp-Method", method),
        ];
        headers.extend(name.map(|name| ("Mcp-Name", name)));
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        server.send("POST", "/mcp", &headers, &message.to_string()).ok()["result"].clone()
    };
    let found = ask("server/discover", None, json!({}));
    assert!(strings(&found["supportedVersions"]).contains(&version), "{found}");
    let arguments = json!({ "q": "ridley scott", "limit": 1 });
    let answer = ask("tools/call", Some("search"), json!({ "name": "search", "arguments": arguments }));
    assert_eq!(answer["structuredContent"]["hits"][0]["label"], "Ridley Scott", "{answer}");
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
    let batch = server.tell_mcp(&json!([]));
    assert!((400..500).contains(&batch.status), "{batch:?}");
    server.get("/mcp").problem(405);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(server.post("/mcp", &message).status, 406, "clients say that they take both forms of an answer");
    let long = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "of": "x".repeat(3 << 20) } });
    assert_eq!(server.tell_mcp(&long).status, 413);
}

/// The program as whoever starts it as a tool has it, with these messages on its standard input.
fn started_with(messages: &str) -> Output {
    let Films { kg, model, .. } = films();
    let mut child =
        program(&args!["mcp", "--kg", kg, "--model", model]).stdin(Stdio::piped()).spawn().expect("started");
    let mut input = child.stdin.take().expect("a pipe");
    let messages = messages.to_owned();
    let writer = std::thread::spawn(move || input.write_all(messages.as_bytes()));
    let output = child.wait_with_output().expect("ended");
    writer.join().expect("no panic").expect("written");
    output
}

/// What it answers.
fn told(messages: &str) -> Vec<Value> {
    let output = started_with(messages);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn an_agent_that_starts_the_program_gets_the_answers_of_the_server() {
    let server = serve(&[]);
    let requests = [
        ("initialize", hello("2025-03-26")),
        ("tools/list", json!({})),
        ("tools/call", json!({ "name": "recommend", "arguments": { "users": ["user-001"], "k": 3, "proof": true } })),
        ("tools/call", json!({ "name": "recommend", "arguments": { "users": ["nobody"], "colour": 1 } })),
        ("resources/list", json!({})),
    ];
    let message = |(id, (method, params)): (usize, &(&str, Value))| {
        format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    };
    let notice = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n\n";
    let mut messages: Vec<String> = requests.iter().enumerate().map(message).collect();
    messages.insert(1, notice.to_owned());
    let mut answers = told(&messages.concat());
    // Answers come as they are ready.
    answers.sort_by_key(|answer| answer["id"].as_u64());
    let over_http = requests.iter().map(|(method, params)| ask(&server, method, params.clone()));
    for (answer, over_http) in answers.iter().zip(over_http) {
        assert_eq!((&answer["result"], &answer["error"]), (&over_http["result"], &over_http["error"]));
    }
    assert_eq!(answers.len(), requests.len());
}

#[test]
fn what_is_no_message_is_passed_over_and_the_next_one_is_read() {
    let line = |id: u32, method: &str, params: Value| {
        format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    };
    let too_long = line(2, &"x".repeat(3 << 20), json!({}));
    let begin = line(3, "initialize", hello("2025-06-18"));
    let answers =
        told(&["{\n", &too_long, "\u{1}\n[]\n", &begin, "{\n", &too_long, &line(4, "ping", json!({}))].concat());
    let what: Vec<(&Value, &Value)> = answers.iter().map(|answer| (&answer["id"], &answer["error"]["code"])).collect();
    let null = &Value::Null;
    assert_eq!(what, [(null, &json!(-32_600)), (&json!(3), null), (&json!(4), null)]);
    assert_eq!(told(""), [] as [Value; 0], "nothing was asked");
}

#[test]
fn a_client_that_does_not_begin_as_the_protocol_says_is_told_so() {
    let output = started_with("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && words.contains("has to be `initialize`"), "{output:?}");
}
