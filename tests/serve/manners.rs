//! Manners: what is refused and how, load, ends, other states, who may ask.

use super::serve;
use crate::support::films::films;
use crate::support::server::{Server, answer};
use crate::support::{args, copy, fail, succeed};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn what_makes_no_sense_is_refused_as_a_problem() {
    let server = serve(&[]);
    for path in [
        "/v1/users/user-001/recommendations?k=0",
        "/v1/users/user-001/recommendations?k=1001",
        "/v1/users/user-001/recommendations?k=many",
        "/v1/users/user-001/recommendations?kk=3",
        "/v1/users/user-001/recommendations?beams=0",
        "/v1/users/user-001/recommendations?paths=101",
        "/v1/users/%ff/recommendations",
        "/v1/search",
        "/v1/search?q=a&limit=0",
        "/v1/search?q=a&type=nonsense",
        "/v1/nodes/item:alien-1979?limit=100000",
        "/v1/items/alien-1979/similar?k=0",
        "/v1/users/user-001/similar?rules=genre:Drama",
    ] {
        server.get(path).problem(400);
    }
    for path in
        ["/v1/nodes/alien", "/v1/nodes/item:none", "/v1/nodes/item:alien-1979?relation=none", "/nothing", "/page/x"]
    {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    for (path, body) in [
        ("/v1/recommendations", json!({})),
        ("/v1/recommendations", json!({ "users": [] })),
        ("/v1/recommendations", json!({ "users": vec!["u"; 1_001] })),
        ("/v1/recommendations", json!({ "users": "user-001" })),
        ("/v1/recommendations", json!({ "users": [7] })),
        ("/v1/recommendations", json!({ "users": ["user-001"], "k": -1 })),
        ("/v1/recommendations", json!({ "users": ["user-001"], "other": 1 })),
        ("/v1/recommendations", json!({ "users": [""] })),
        ("/v1/recommendations", json!([])),
        ("/v1/explanations", json!({ "user": "user-001" })),
        ("/v1/explanations", json!({ "item": "alien-1979" })),
        ("/v1/explanations", json!({ "user": "u", "history": { "items": [] }, "item": "alien-1979" })),
        ("/v1/paths", json!({ "from": "item:alien-1979" })),
        ("/v1/paths", json!({ "from": "item:alien-1979", "to": "item:heat-1995", "max_hops": 7 })),
        ("/v1/paths", json!({ "from": "item:alien-1979", "to": "item:heat-1995", "n": 0 })),
        ("/v1/paths", json!({ "from": "item:alien-1979", "to": "item:heat-1995", "pattern": "(:item)-[" })),
        ("/v1/paths", json!({ "from": "item:alien-1979", "to": "item:heat-1995", "pattern": "(:user)-[]-(:item)" })),
        ("/v1/paths", json!({ "from": "item:alien-1979", "to": "item:heat-1995", "hide": "x y" })),
    ] {
        server.post(path, &body).problem(400);
    }
    let json = [("Content-Type", "application/json")];
    let deep = format!("{{\"users\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [deep.as_str(), "", "{", "null", "\"\u{0}\"", "{\"users\": [\"u\"]} x"] {
        server.send("POST", "/v1/recommendations", &json, body).problem(400);
    }
    server.send("POST", "/v1/recommendations", &[("Content-Type", "text/plain")], "{}").problem(415);
    server.send("POST", "/v1/recommendations", &json, &" ".repeat(3 << 20)).problem(413);
    server.send("PUT", "/v1/recommendations", &json, "{}").problem(405);
    server.send("GET", "/v1/admin/reload", &[], "").problem(405);
    assert_eq!(server.get("/health/live").ok()["status"], "live");
}

#[test]
fn more_than_can_be_answered_is_told_to_come_back() {
    let root = tempfile::tempdir().expect("a folder");
    let config = root.path().join("serve.toml");
    fs::write(&config, "[limits]\nqueue = 2\nburst_ms = 600000\nrequest_ms = 600000\n").expect("written");
    let server = serve(&args!["--config", &config, "--threads", "1"]);
    let users: Vec<String> = (1..=60).map(|n| format!("user-{n:03}")).collect();
    let body = json!({ "users": users, "k": 20, "beams": 1000 });
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| server.post("/v1/recommendations", &body));
        let asked: Vec<_> = (0..12).map(|_| ask()).collect();
        asked.into_iter().map(|asked| asked.join().expect("answered")).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(answers.len() - refused.len() >= 3, "one is searched for and two wait");
    assert!(!refused.is_empty());
    for answer in &refused {
        let problem = answer.problem(503);
        assert!(problem["type"].as_str().expect("a type").ends_with("overloaded"), "{problem}");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert_eq!(server.figure("footpath_refused_total") as usize, refused.len());
    server.get("/v1/users/user-001/recommendations").ok();
}

#[test]
fn a_search_ends_with_its_time_and_with_its_client() {
    let root = tempfile::tempdir().expect("a folder");
    let config = root.path().join("serve.toml");
    fs::write(&config, "[limits]\nrequest_ms = 1000\n").expect("written");
    let server = serve(&args!["--config", &config, "--threads", "1"]);
    let users: Vec<String> = (1..=480).map(|n| format!("user-{n:03}")).collect();
    let body = json!({ "users": users, "k": 300, "beams": 65536, "paths": 100 });
    let began = Instant::now();
    let problem = server.post("/v1/recommendations", &body).problem(503);
    assert!(problem["type"].as_str().expect("a type").ends_with("time-limit"), "{problem}");
    // A slow machine may need longer than the limit, but not as long as the search.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    is_idle(&server);
    drop(server);
    let patient = serve(&args!["--threads", "1"]);
    let body = body.to_string();
    let mut stream = patient.connect();
    let head =
        format!("POST /v1/recommendations HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n", patient.address);
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    std::thread::sleep(Duration::from_millis(150));
    drop(stream);
    is_idle(&patient);
    let gone = patient.logged("request", 1).iter().any(|line| line["status"] == 499);
    assert!(gone, "{:?}", patient.logged("request", 1));
}

/// Checks that the one thread that searches is free at once, as it is when what it did was stopped.
fn is_idle(server: &Server) {
    let began = Instant::now();
    server.get("/v1/nodes/item:alien-1979").ok();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(server.figure("footpath_queue"), 0.0);
}

#[test]
fn slow_clients_are_let_go() {
    let root = tempfile::tempdir().expect("a folder");
    let config = root.path().join("serve.toml");
    fs::write(&config, "[limits]\nheader_ms = 300\nrequest_ms = 400\nconnections = 8\n").expect("written");
    let server = serve(&args!["--config", &config]);
    let mut slow: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for (place, stream) in slow.iter_mut().enumerate() {
        let head = match place % 2 {
            0 => "GET /health/live HTTP/1.1\r\nHo".to_owned(),
            _ => format!(
                "POST /v1/paths HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{",
                server.address
            ),
        };
        stream.write_all(head.as_bytes()).expect("sent");
    }
    let began = Instant::now();
    server.get("/health/live").ok();
    assert!(began.elapsed() < Duration::from_secs(10), "the places are free again: {:?}", began.elapsed());
    for stream in slow {
        let mut text = String::new();
        let mut stream = stream;
        let _ = std::io::Read::read_to_string(&mut stream, &mut text);
        assert!(!text.starts_with("HTTP/1.1 200"), "{text}");
    }
}

#[test]
fn only_this_server_is_asked_by_those_who_may() {
    let root = tempfile::tempdir().expect("a folder");
    let tokens = root.path().join("tokens");
    fs::write(&tokens, "read reader-0123456789\nwrite writer-0123456789\nadmin admin-0123456789\n").expect("written");
    let server =
        serve(&args!["--token-file", &tokens, "--events", root.path().join("events"), "--host", "shop.example"]);
    let with = |method: &str, path: &str, token: &str, body: &str| {
        let authorization = format!("Bearer {token}");
        server.send(method, path, &[("Authorization", &authorization), ("Content-Type", "application/json")], body)
    };
    for path in ["/health/live", "/health/ready", "/openapi.json", "/", "/page/app.js"] {
        assert_eq!(server.get(path).status, 200, "{path} is for all");
    }
    let ask = "/v1/users/user-001/recommendations";
    assert_eq!(server.get(ask).headers.get("www-authenticate").map(String::as_str), Some("Bearer"));
    server.get(ask).problem(401);
    server.get("/metrics").problem(401);
    with("GET", ask, "reader-012345678X", "").problem(401);
    with("GET", ask, "reader-0123456789", "").ok();
    let event = r#"{"events":[{"user":"u","item":"alien-1979"}]}"#;
    with("POST", "/v1/events", "reader-0123456789", event).problem(403);
    with("POST", "/v1/events", "writer-0123456789", event).ok();
    with("DELETE", "/v1/users/u", "reader-0123456789", "").problem(403);
    with("POST", "/v1/admin/reload", "writer-0123456789", "").problem(403);
    with("POST", "/v1/admin/reload", "admin-0123456789", "").ok();
    // Tokens are read anew.
    fs::write(&tokens, "read another-0123456789\nadmin admin-0123456789\n").expect("written");
    with("POST", "/v1/admin/reload", "admin-0123456789", "").ok();
    with("GET", ask, "reader-0123456789", "").problem(401);
    with("GET", ask, "another-0123456789", "").ok();
    for (host, status) in [("evil.example", 421), ("shop.example", 200), ("localhost:80", 200), ("127.0.0.1", 200)] {
        assert_eq!(server.send("GET", "/health/live", &[("Host", host)], "").status, status, "{host}");
    }
    let from = |origin: &str| {
        let headers = [("Origin", origin), ("Authorization", "Bearer admin-0123456789")];
        server.send("POST", "/v1/admin/reload", &headers, "").status
    };
    assert_eq!((from("http://evil.example"), from(&format!("http://{}", server.address))), (403, 200));
    let page = server.get("/");
    assert!(page.headers["content-security-policy"].contains("default-src 'none'"));
    assert!(!page.headers.contains_key("access-control-allow-origin"));
    assert!(!page.body.contains("<script>") && !page.body.contains(" style="), "nothing inline");
    // Nobody else is let in by accident.
    let made = films();
    let open = args!["serve", "--listen", "0.0.0.0:0", "--kg", &made.kg, "--model", &made.model];
    assert!(fail(2, &open).contains("--token-file"));
    assert!(
        fail(3, &args!["serve", "--kg", &made.kg, "--model", &made.model, "--token-file", root.path().join("none")])
            .contains("none")
    );
}

#[test]
fn another_state_is_taken_over_whole_or_not_at_all() {
    let root = tempfile::tempdir().expect("a folder");
    let made = films();
    let [kg, model] = ["kg", "model"].map(|name| root.path().join(name));
    copy(&made.kg, &kg);
    copy(&made.model, &model);
    let server = Server::start(&args!["--kg", &kg, "--model", &model]);
    let ask = "/v1/users/user-001/recommendations";
    let (before, hash) = (server.get(ask).ok(), server.get("/v1/graph/summary").ok()["model"].clone());
    let reload = || server.post("/v1/admin/reload", &Value::Null);
    assert_eq!(reload().ok()["changed"], false);
    let damage = |name: &str, place: usize| {
        let path = model.join(name);
        let mut bytes = fs::read(&path).expect("a file");
        bytes[place] ^= 1;
        fs::remove_file(&path).expect("removed");
        fs::write(&path, bytes).expect("written");
    };
    damage("weights.safetensors", 5_000);
    let problem = reload().problem(409);
    assert!(problem["type"].as_str().expect("a type").ends_with("reload-refused"), "{problem}");
    assert_eq!(server.get(ask).ok(), before);
    assert_eq!(server.figure("footpath_reloads_refused_total"), 1.0);
    fs::remove_dir_all(&model).expect("removed");
    server.signal("HUP");
    assert!(server.logged("reload", 3)[2]["level"] == "ERROR");
    assert_eq!(server.get(ask).ok(), before);
    let size = ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "5", "--seed", "9"].map(Into::into);
    succeed(&[args!["train", &kg, "--out", &model].as_slice(), &size].concat());
    // Requests go on meanwhile, each answered from one state or the other.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asked = || {
            let mut lists = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                lists.push(server.get(ask).ok());
            }
            lists
        };
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(asked)).collect();
        for reloads in 4..8 {
            server.signal("HUP");
            server.logged("reload", reloads);
        }
        is_over.store(true, Ordering::SeqCst);
        let after = server.get(ask).ok();
        assert_ne!(after, before);
        let lists: Vec<Value> = asking.into_iter().flat_map(|one| one.join().expect("answered")).collect();
        assert!(lists.len() >= 4 && lists.iter().all(|list| *list == before || *list == after), "{}", lists.len());
    });
    assert_ne!(server.get("/v1/graph/summary").ok()["model"], hash);
}

#[test]
fn an_end_lets_requests_end_first_and_waits_for_nobody_for_ever() {
    let root = tempfile::tempdir().expect("a folder");
    let config = root.path().join("serve.toml");
    let users: Vec<String> = (1..=480).map(|n| format!("user-{n:03}")).collect();
    let short = json!({ "users": &users[..60], "k": 50, "beams": 2000 }).to_string();
    let long = json!({ "users": users, "k": 300, "beams": 65536, "paths": 100 }).to_string();
    for (shutdown_ms, is_answered) in [(60_000, true), (50, false)] {
        let body = if is_answered { &short } else { &long };
        fs::write(&config, format!("[limits]\nshutdown_ms = {shutdown_ms}\nrequest_ms = 100000\n")).expect("written");
        let mut server = serve(&args!["--config", &config, "--threads", "1"]);
        let mut stream = server.connect();
        let head = format!(
            "POST /v1/recommendations HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n",
            server.address
        );
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
        std::thread::sleep(Duration::from_millis(100));
        let began = Instant::now();
        server.signal("TERM");
        if is_answered {
            assert_eq!(answer(stream).status, 200);
        }
        assert_eq!(server.wait().code(), Some(0));
        assert!(is_answered || began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(std::net::TcpStream::connect(&server.address).is_err());
    }
}

#[test]
fn the_description_is_the_one_in_the_repository() {
    let server = serve(&[]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../footpath-server/openapi.json");
    assert_eq!(server.get("/openapi.json").body, fs::read_to_string(path).expect("in the repository"));
}

#[test]
fn the_log_names_each_request_and_tells_neither_who_asked_nor_by_what_token() {
    let root = tempfile::tempdir().expect("a folder");
    let tokens = root.path().join("tokens");
    fs::write(&tokens, "admin admin-0123456789\n").expect("written");
    let config = root.path().join("serve.toml");
    fs::write(&config, "").expect("written");
    let server = serve(&args!["--token-file", &tokens, "--config", &config]);
    let ask = |method: &str, path: &str, name: &str| {
        let headers = [("Authorization", "Bearer admin-0123456789"), ("X-Request-Id", name)];
        server.send(method, path, &headers, "")
    };
    let answered = ask("GET", "/v1/users/user-001/recommendations?rules=genre:Drama", "shop-17");
    assert_eq!(answered.headers["x-request-id"], "shop-17");
    let refused = ask("GET", "/v1/users/user-001/recommendations?k=0", "forged\" name");
    let own = refused.headers["x-request-id"].clone();
    assert!(!own.is_empty() && !own.contains("forged"), "{own}");
    // A rule that drives a terminal, and turns what comes after it.
    fs::write(&config, "rules = \"\\\"\\u001b[31m\\u202Ered\\\":x\"\n").expect("written");
    ask("POST", "/v1/admin/reload", "shop-18").problem(409);
    let lines = server.logged("request", 3);
    let figures = |line: &Value| {
        assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0) && line["timestamp"].is_string(), "{line}");
        ["id", "method", "route", "level"].map(|part| line[part].as_str().expect("words").to_owned())
    };
    let route = "/v1/users/{id}/recommendations";
    assert_eq!(figures(&lines[0]), ["shop-17", "GET", route, "INFO"]);
    assert_eq!(figures(&lines[1]), [own.as_str(), "GET", route, "INFO"]);
    assert_eq!(figures(&lines[2]), ["shop-18", "POST", "/v1/admin/reload", "INFO"]);
    assert_eq!(lines.iter().map(|line| &line["status"]).collect::<Vec<_>>(), [200, 400, 409]);
    // What is told while a request is answered names it.
    let reload = &server.logged("reload", 1)[0];
    assert_eq!((&reload["level"], &reload["span"]["id"]), (&json!("ERROR"), &json!("shop-18")));
    assert!(reload["message"].as_str().expect("words").contains("\u{1b}[31m\u{202e}red"), "{reload}");
    let text = server.log_text();
    for secret in ["user-001", "admin-0123456789", "Drama", "\u{1b}", "\u{202e}"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
