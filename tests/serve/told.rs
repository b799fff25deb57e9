//! What users chose since: counted at once, there after a kill, gone when forgotten.

use super::serve;
use crate::support::films::films;
use crate::support::server::Server;
use crate::support::{args, fail, strings};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn with_events(folder: &Path) -> Server {
    serve(&args!["--events", folder])
}

fn list(server: &Server, user: &str, k: usize) -> Value {
    server.get(&format!("/v1/users/{user}/recommendations?k={k}&proof=true")).ok()
}

fn ids(list: &Value) -> Vec<String> {
    list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["item"].as_str().expect("an id").to_owned())
        .collect()
}

fn event(user: &str, item: &str) -> Value {
    json!({ "user": user, "item": item })
}

fn tell(server: &Server, events: &[Value]) -> Value {
    server.post("/v1/events", &json!({ "events": events })).ok()
}

#[test]
fn an_event_counts_from_the_next_request_on() {
    let root = tempfile::tempdir().expect("a folder");
    let server = with_events(&root.path().join("events"));
    let before = list(&server, "user-020", 5);
    let chosen = ids(&before)[0].clone();
    let told = tell(&server, &[event("user-020", &chosen), event("user-020", "brand-new-film")]);
    assert_eq!(told, json!({ "accepted": 2, "unknown_items": ["brand-new-film"] }));
    let after = list(&server, "user-020", 50);
    assert!(!ids(&after).contains(&chosen), "it is seen now");
    assert_eq!(after["unknown_items"], json!(["brand-new-film"]));
    // And it is history: paths begin with it, and say where it was told.
    let asked = json!({ "users": ["user-020"], "k": 385, "paths": 100, "beams": 65536, "proof": true });
    let all = server.post("/v1/recommendations", &asked).ok();
    let paths = all["lists"][0]["items"]
        .as_array()
        .expect("items")
        .iter()
        .flat_map(|item| std::iter::once(&item["path"]).chain(item["more_paths"].as_array().into_iter().flatten()));
    let by_it: Vec<&Value> = paths.filter(|path| strings(&path["nodes"])[1] == format!("item:{chosen}")).collect();
    assert!(!by_it.is_empty());
    for path in by_it {
        let fact = &path["triples"][0];
        assert_eq!((&fact["file"], &fact["line"]), (&json!("events"), &json!(2)), "{path}");
    }
    // Others are not touched by it.
    let plain = serve(&[]);
    assert_eq!(list(&server, "user-021", 10), list(&plain, "user-021", 10));
    // Somebody the graph does not know has a history now.
    assert_eq!(list(&server, "newcomer", 5)["basis"], "popular");
    tell(&server, &[event("newcomer", "alien-1979"), event("newcomer", "aliens-1986")]);
    let known = list(&server, "newcomer", 5);
    assert_eq!(known["basis"], "paths");
    let history = json!({ "histories": [{ "id": "newcomer", "items": ["alien-1979", "aliens-1986"] }], "k": 5 });
    let as_history = server.post("/v1/recommendations", &history).ok()["lists"][0].clone();
    assert_eq!(ids(&known), ids(&as_history));
    // What was seen and not liked is left out, and no reason either.
    tell(&server, &[json!({ "user": "newcomer", "item": "aliens-1986", "weight": 0 })]);
    let disliked = list(&server, "newcomer", 50);
    assert!(!disliked.to_string().contains("aliens-1986"), "{disliked}");
    assert_eq!(server.figure("footpath_events"), 5.0);
}

#[test]
fn a_user_who_is_forgotten_is_as_before() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("events");
    let server = with_events(&folder);
    let before = list(&server, "user-030", 10);
    tell(
        &server,
        &[event("user-030", &ids(&before)[0]), event("user-031", "alien-1979"), event("stranger", "heat-1995")],
    );
    assert_ne!(list(&server, "user-030", 10), before);
    assert_eq!(server.send("DELETE", "/v1/users/user-030", &[], "").ok(), json!({ "events": 1, "in_graph": true }));
    assert_eq!(server.send("DELETE", "/v1/users/stranger", &[], "").ok(), json!({ "events": 1, "in_graph": false }));
    assert_eq!(list(&server, "user-030", 10), before);
    assert_eq!(list(&server, "stranger", 10)["basis"], "popular");
    let log = fs::read_to_string(folder.join("events.log")).expect("the log");
    assert!(!log.contains("user-030") && !log.contains("stranger") && log.contains("user-031"), "{log}");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("events");
    let acknowledged: std::sync::Mutex<BTreeSet<String>> = std::sync::Mutex::default();
    for round in 0..4 {
        let mut server = with_events(&folder);
        assert!(server.figure("footpath_events") as usize >= acknowledged.lock().expect("a set").len());
        let killed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for sender in 0..4 {
                let (server, killed, acknowledged) = (&server, &killed, &acknowledged);
                scope.spawn(move || {
                    for number in 0.. {
                        let item = format!("item-{round}-{sender}-{number}");
                        let body = json!({ "events": [event("user-001", &item)] }).to_string();
                        let head =
                            "POST /v1/events HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n";
                        let Ok(mut stream) = std::net::TcpStream::connect(&server.address) else { return };
                        let sent = write!(
                            stream,
                            "{head}Host: {}\r\nContent-Length: {}\r\n\r\n{body}",
                            server.address,
                            body.len()
                        );
                        let mut answer = String::new();
                        if sent.is_err() || std::io::Read::read_to_string(&mut stream, &mut answer).is_err() {
                            return;
                        }
                        if answer.starts_with("HTTP/1.1 200") {
                            acknowledged.lock().expect("a set").insert(item);
                        } else if killed.load(Ordering::SeqCst) {
                            return;
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(150 + 70 * round));
            killed.store(true, Ordering::SeqCst);
            server.signal("KILL");
        });
        server.wait();
        // Whatever the kill left of a last record, or did not.
        let log = folder.join("events.log");
        if round % 2 == 1 {
            fs::OpenOptions::new()
                .append(true)
                .open(&log)
                .expect("the log")
                .write_all(b"0123456789abcdef {\"us")
                .expect("written");
        }
    }
    let server = with_events(&folder);
    server.logged("events", 1);
    let list = list(&server, "user-001", 1);
    let there: BTreeSet<String> = strings(&list["unknown_items"]).into_iter().map(str::to_owned).collect();
    let acknowledged = acknowledged.into_inner().expect("a set");
    assert!(acknowledged.len() > 20, "{} were acknowledged", acknowledged.len());
    let lost: Vec<&String> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_clock_that_goes_back_changes_nothing_of_what_was_told_last() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("events");
    let at =
        |item: &str, weight: i32, time: f64| json!({ "user": "late", "item": item, "weight": weight, "time": time });
    let server = with_events(&folder);
    tell(&server, &[at("alien-1979", 1, 2e9), at("heat-1995", 1, 2e9 + 1.0)]);
    // Told after them, at times before them: the second is not liked any more, the first was never in doubt.
    tell(&server, &[at("heat-1995", 0, 5.0), at("alien-1979", 1, -7.5)]);
    let told = list(&server, "late", 20);
    assert_eq!(told["basis"], "paths");
    assert!(!told.to_string().contains("heat-1995"), "{told}");
    assert!(told["items"].as_array().expect("items").iter().all(|item| item["path"]["nodes"][1] == "item:alien-1979"));
    drop(server);
    assert_eq!(list(&with_events(&folder), "late", 20), told, "the log has them in the order in which they were told");
}

#[test]
fn a_folder_of_events_has_one_server_and_no_damage() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("events");
    let first = with_events(&folder);
    tell(&first, &[event("user-001", "alien-1979"), event("user-001", "heat-1995")]);
    let made = films();
    let again =
        args!["serve", "--listen", "127.0.0.1:0", "--kg", &made.kg, "--model", &made.model, "--events", &folder];
    assert!(fail(1, &again).contains("another server"));
    drop(first);
    let log = folder.join("events.log");
    let damaged = fs::read_to_string(&log).expect("the log").replace("alien", "alyen");
    fs::write(&log, &damaged).expect("written");
    let message = fail(4, &again);
    assert!(message.contains("line 2") && message.contains("events.log"), "{message}");
    assert_eq!(fs::read_to_string(&log).expect("the log"), damaged);
}

#[test]
fn bad_events_are_refused_whole() {
    let root = tempfile::tempdir().expect("a folder");
    let server = with_events(&root.path().join("events"));
    let too_many: Vec<Value> = (0..1_001).map(|_| event("u", "i")).collect();
    for events in [
        json!([]),
        json!(too_many),
        json!([event("u", "i"), event("", "i")]),
        json!([event("u", &"i".repeat(5_000))]),
        json!([{ "user": "u", "item": "i", "weight": -1 }]),
        json!([{ "user": "u", "item": "i", "time": 1e300 }]),
        json!([{ "user": "u" }]),
        json!([{ "user": "u", "item": "i", "wait": 1 }]),
    ] {
        server.post("/v1/events", &json!({ "events": events })).problem(400);
    }
    assert_eq!(server.figure("footpath_events"), 0.0);
    let plain = serve(&[]);
    let problem = plain.post("/v1/events", &json!({ "events": [event("u", "i")] })).problem(404);
    assert!(problem["hint"].as_str().expect("a hint").contains("--events"), "{problem}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_refuses_events_and_answers_questions() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("events");
    // A limit on the size of files is a disk that is full from one byte on.
    let server = Server::start_limited(
        &crate::support::args!["--kg", films().kg, "--model", films().model, "--events", &folder],
        8,
    );
    let long = "x".repeat(3_000);
    let mut accepted = 0;
    let refused = loop {
        let answer = server.post("/v1/events", &json!({ "events": [event(&long, "i")] }));
        if answer.status != 200 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 10, "the disk never fills up");
    };
    let problem = refused.problem(503);
    assert!(problem["type"].as_str().expect("a type").ends_with("events-refused"), "{problem}");
    list(&server, "user-001", 3);
    tell(&server, &[event("short", "i")]);
    drop(server);
    let server = with_events(&folder);
    assert_eq!(server.figure("footpath_events") as usize, accepted + 1, "half a record is none");
}
