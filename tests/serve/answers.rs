//! What each route answers.

use super::serve;
use crate::support::films::{Truth, films, forward};
use crate::support::server::{Server, encoded};
use crate::support::{args, fail, object, strings, succeed};
use serde_json::{Value, json};

/// The fields of the items of a list.
fn items(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("items").iter().map(|item| item["item"].as_str().expect("an id")).collect()
}

#[test]
fn recommendations_are_those_of_the_program_with_reasons_that_are_facts() {
    let server = serve(&[]);
    let films = films();
    let facts = Truth::read().facts();
    for user in ["user-001", "user-100", "user-480"] {
        let served = server.get(&format!("/v1/users/{user}/recommendations?k=7&proof=true&paths=2")).ok();
        let said = succeed(&args!["recommend", &films.model, "--kg", &films.kg, "--user", user, "-k", "7", "--json"]);
        let said = object(&said);
        assert_eq!(items(&served), items(&said), "{user}");
        assert_eq!(served["basis"], "paths");
        for (item, said) in
            served["items"].as_array().expect("items").iter().zip(said["items"].as_array().expect("items"))
        {
            assert_eq!(item["score"], said["score"]);
            assert_eq!(item["path"]["text"], said["text"]);
            let parts = ["paths", "beside_paths"].map(|part| item["parts"][part].as_f64().expect("a number"));
            assert!((parts[0] + parts[1] - item["score"].as_f64().expect("a number")).abs() < 1e-9);
            let paths = std::iter::once(&item["path"]).chain(item["more_paths"].as_array().into_iter().flatten());
            for path in paths {
                let (nodes, relations) = (strings(&path["nodes"]), strings(&path["relations"]));
                for (hop, relation) in relations.iter().enumerate() {
                    assert!(facts.contains(&forward(nodes[hop], relation, nodes[hop + 1])), "{path}");
                }
                assert_eq!(path["triples"].as_array().expect("facts").len(), relations.len());
                assert!(path["triples"][0]["line"].as_u64().is_some_and(|line| line > 1), "{path}");
            }
        }
    }
    let without = server.get("/v1/users/user-001/recommendations").ok();
    assert!(without["items"][0]["path"]["triples"].is_null(), "facts on demand alone");
}

#[test]
fn many_users_and_histories_are_answered_in_their_order() {
    let server = serve(&[]);
    let truth = Truth::read();
    let chosen: Vec<&str> =
        truth.interactions.iter().filter(|(u, _)| u == "user-003").map(|(_, i)| i.as_str()).collect();
    let users: Vec<String> = (1..=40).map(|n| format!("user-{n:03}")).collect();
    let ask = json!({ "users": users, "histories": [
        { "id": "visitor", "items": &chosen[..4] }, { "items": ["no-such-film"] }, { "items": [] },
    ], "k": 5 });
    let answer = server.post("/v1/recommendations", &ask).ok();
    let lists = answer["lists"].as_array().expect("lists");
    assert_eq!(lists.len(), 43);
    for (user, list) in users.iter().zip(lists) {
        assert_eq!(list["user"], *user);
        assert_eq!(items(list).len(), 5);
        let alone = server.get(&format!("/v1/users/{user}/recommendations?k=5")).ok();
        assert_eq!(items(list), items(&alone), "{user}");
    }
    let [visitor, stranger, nobody] = [&lists[40], &lists[41], &lists[42]];
    assert_eq!((&visitor["user"], &visitor["basis"]), (&json!("visitor"), &json!("paths")));
    let is_new = |item: &str| !chosen[..4].contains(&item);
    assert!(items(visitor).into_iter().all(is_new), "{visitor}");
    assert_eq!(visitor["items"][0]["path"]["nodes"][0], "user:visitor");
    for (list, unknown) in [(stranger, json!(["no-such-film"])), (nobody, Value::Null)] {
        assert_eq!((&list["basis"], &list["unknown_items"]), (&json!("popular"), &unknown));
        assert_eq!(items(list).len(), 5);
        assert!(
            list["items"].as_array().expect("items").iter().all(|item| item["path"].is_null()),
            "no reason: {list}"
        );
    }
    let counts: Vec<u64> = nobody["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["popularity"].as_u64().expect("a count"))
        .collect();
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    let unknown = server.get("/v1/users/somebody%20new/recommendations?k=5").ok();
    assert_eq!((&unknown["basis"], items(&unknown)), (&json!("popular"), items(nobody)));
}

#[test]
fn the_graph_can_be_walked() {
    let server = serve(&[]);
    let truth = Truth::read();
    let node = server.get("/v1/nodes/item:heat-1995").ok();
    assert_eq!(node["label"], "Heat (1995)");
    let mut compared = 0;
    for relation in node["relations"].as_array().expect("relations") {
        let name = relation["relation"].as_str().expect("a name");
        for neighbour in relation["neighbours"].as_array().expect("neighbours") {
            let (file, line) = (&neighbour["file"], neighbour["line"].as_u64().expect("a line") as usize);
            let (head, plain, tail) = forward("item:heat-1995", name, neighbour["node"].as_str().expect("a node"));
            if file == "triples.tsv" {
                let fact = &truth.triples[line - 2];
                let entity = |node: &str| truth.entity(node).expect("an entity");
                assert_eq!(*fact, (entity(&head), plain, entity(&tail)), "line {line}");
                compared += 1;
            } else {
                assert_eq!(file, "interactions.tsv");
                let (user, item) = &truth.interactions[line - 2];
                assert_eq!((head, tail), (format!("user:{user}"), format!("item:{item}")));
            }
        }
    }
    assert!(compared > 5, "{node}");
    // Page by page it is the same as at once.
    let all = server.get("/v1/nodes/item:heat-1995?relation=~interacted&limit=1000").ok()["relations"][0].clone();
    let (mut paged, mut offset) = (Vec::new(), Some(0));
    while let Some(at) = offset {
        let page = server.get(&format!("/v1/nodes/item:heat-1995?relation=~interacted&limit=7&offset={at}")).ok();
        paged.extend(page["relations"][0]["neighbours"].as_array().expect("neighbours").clone());
        offset = page["relations"][0]["next_offset"].as_u64();
    }
    assert_eq!(Value::Array(paged), all["neighbours"]);
    let summary = server.get("/v1/graph/summary").ok();
    let relations = summary["relations"].as_array().expect("relations");
    let facts: u64 = relations.iter().map(|relation| relation["count"].as_u64().expect("a count")).sum();
    assert_eq!(summary["facts"], facts);
}

#[test]
fn nodes_are_found_by_what_one_remembers_of_their_names() {
    let server = serve(&[]);
    let hits = |query: &str| {
        let hits = server.get(&format!("/v1/search?{query}")).ok()["hits"].clone();
        hits.as_array()
            .expect("hits")
            .iter()
            .map(|hit| hit["label"].as_str().expect("a label").to_owned())
            .collect::<Vec<_>>()
    };
    for query in ["q=blade%20runner", "q=BLADE%20run", "q=blabe%20runner", "q=blade%20runer", "q=blade-runner-1982"] {
        assert!(hits(query)[0].starts_with("Blade Runner"), "{query}: {:?}", hits(query));
    }
    assert_eq!(hits("q=ridley%20scott&limit=1"), ["Ridley Scott"]);
    assert!(hits("q=heat&type=person").iter().all(|label| label != "Heat (1995)"));
    assert!(hits("q=xyzzyxyzzy").is_empty());
    assert!(hits("q=").is_empty());
}

#[test]
fn paths_lead_from_any_node_to_any_other() {
    let server = serve(&[]);
    let facts = Truth::read().facts();
    let ask =
        json!({ "from": "item:alien-1979", "to": "item:blade-runner-1982", "n": 50, "max_hops": 2, "proof": true });
    let found = server.post("/v1/paths", &ask).ok();
    let paths = found["paths"].as_array().expect("paths");
    assert!(found["complete"] == true && !paths.is_empty(), "{found}");
    assert!(paths.iter().any(|path| strings(&path["labels"]).contains(&"Ridley Scott")), "{found}");
    for path in paths {
        let (nodes, relations) = (strings(&path["nodes"]), strings(&path["relations"]));
        assert_eq!((nodes[0], nodes[nodes.len() - 1]), ("item:alien-1979", "item:blade-runner-1982"));
        let hop = |at: usize| forward(nodes[at], relations[at], nodes[at + 1]);
        assert!((0..relations.len()).all(|at| facts.contains(&hop(at))), "{path}");
    }
    let pattern = "(:item)-[]->(:person)<-[]-(:item)";
    let by_people = json!({ "from": "item:alien-1979", "to": "item:blade-runner-1982", "n": 50, "pattern": pattern });
    let by_people = server.post("/v1/paths", &by_people).ok();
    let of = |path: &Value| strings(&path["nodes"])[1].to_owned();
    assert!(by_people["paths"].as_array().expect("paths").iter().all(|path| of(path).starts_with("entity:person-")));
    let without =
        json!({ "from": "item:alien-1979", "to": "item:blade-runner-1982", "max_hops": 2, "hide": "type:person" });
    let without = server.post("/v1/paths", &without).ok();
    assert!(without["paths"].as_array().expect("paths").iter().all(|path| !of(path).starts_with("entity:person-")));
}

#[test]
fn what_is_alike_shares_something_or_is_said_to_share_nothing() {
    let server = serve(&[]);
    for path in ["/v1/items/alien-1979/similar?k=5", "/v1/users/user-001/similar?k=5"] {
        let answer = server.get(path).ok();
        let similar = answer["similar"].as_array().expect("a list");
        assert_eq!(similar.len(), 5, "{answer}");
        let values: Vec<f64> = similar.iter().map(|s| s["similarity"].as_f64().expect("a number")).collect();
        assert!(values.is_sorted_by(|a, b| a >= b) && values.iter().all(|v| (-1.0..=1.0).contains(v)), "{values:?}");
        for one in similar {
            for path in one["shared"].as_array().expect("paths") {
                assert_eq!(strings(&path["nodes"]).first(), Some(&answer["to"]["node"].as_str().expect("a node")));
                assert_eq!(strings(&path["nodes"]).last(), Some(&one["node"].as_str().expect("a node")));
            }
        }
    }
}

#[test]
fn explanations_are_those_of_the_list_and_say_why_not() {
    let server = serve(&[]);
    let list = server.get("/v1/users/user-007/recommendations?k=10").ok();
    let ids: Vec<&str> = items(&list);
    let ask = json!({ "lists": [{ "user": "user-007", "items": ids }], "why_not": true, "paths": 1 });
    let answer = server.post("/v1/explanations", &ask).ok();
    let explanations = answer["explanations"].as_array().expect("explanations");
    assert_eq!(explanations.len(), 10);
    for (place, (explanation, item)) in explanations.iter().zip(list["items"].as_array().expect("items")).enumerate() {
        assert_eq!(explanation["item"], item["item"]);
        assert_eq!(explanation["paths"][0]["text"], item["path"]["text"]);
        assert_eq!(explanation["standing"]["rank"], place + 1);
    }
    let why_not = |item: &str, more: Value| {
        let mut ask = json!({ "user": "user-007", "item": item, "why_not": true });
        ask.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        server.post("/v1/explanations", &ask).ok()["explanations"][0]["standing"].clone()
    };
    let truth = Truth::read();
    let seen = truth.train.iter().find(|(user, _)| user == "user-007").expect("a choice");
    assert_eq!(why_not(&seen.1, json!({}))["verdict"], "seen");
    let ruled = why_not(ids[0], json!({ "rules": format!("not item:{}", ids[0]) }));
    assert_eq!((&ruled["verdict"], &ruled["rank_without_rules"]), (&json!("rule"), &json!(1)), "{ruled}");
    assert!(ruled["text"].as_str().expect("words").contains("not item:"), "{ruled}");
    let unknown = server.post("/v1/explanations", &json!({ "user": "nobody", "item": ids[0], "why_not": true })).ok();
    assert_eq!(unknown["explanations"][0]["standing"]["verdict"], "unknown_user");
    server.post("/v1/explanations", &json!({ "user": "user-007", "item": "no-such-film" })).problem(404);
    let name = encoded("item:no such film/ä");
    server.get(&format!("/v1/nodes/{name}")).problem(404);
}

#[test]
fn two_models_answer_side_by_side_each_as_it_does_alone() {
    let root = tempfile::tempdir().expect("a folder");
    let other = root.path().join("other");
    let made = films();
    succeed(&[args!["train", &made.kg, "--out", &other, "--seed", "9"].as_slice(), &size_of_tiny()].concat());
    let both = serve(&args!["--beside", &other]);
    let [main, alone] = [&made.model, &other].map(|model| Server::start(&args!["--kg", &made.kg, "--model", model]));
    let summary = both.get("/v1/graph/summary").ok();
    let hash = |server: &Server| server.get("/v1/graph/summary").ok()["model"].clone();
    assert_eq!((&summary["model"], &summary["beside"]), (&hash(&main), &hash(&alone)));
    let asked = |server: &Server, model: &str| -> Vec<Value> {
        let post = |path: &str, mut body: Value| {
            if !model.is_empty() {
                body["model"] = json!(model);
            }
            server.post(path, &body).ok()
        };
        let history = json!({ "items": ["alien-1979", "heat-1995"] });
        let query = if model.is_empty() { String::new() } else { format!("&model={model}") };
        vec![
            post("/v1/recommendations", json!({ "users": ["user-001"], "histories": [history], "k": 5 })),
            post("/v1/explanations", json!({ "user": "user-001", "item": "alien-1979", "why_not": true })),
            server.get(&format!("/v1/users/user-002/recommendations?k=5{query}")).ok(),
            server.get(&format!("/v1/items/alien-1979/similar?k=5{query}")).ok(),
            server.get(&format!("/v1/users/user-001/similar?k=5{query}")).ok(),
        ]
    };
    let (of_main, of_other) = (asked(&main, ""), asked(&alone, ""));
    assert!(of_main.iter().zip(&of_other).all(|(a, b)| a != b), "the models differ");
    assert_eq!(asked(&both, ""), of_main);
    assert_eq!(asked(&both, "main"), of_main);
    assert_eq!(asked(&both, "beside"), of_other);
    let problem = main.get("/v1/users/user-001/recommendations?model=beside").problem(400);
    assert!(problem["hint"].as_str().expect("a hint").contains("--beside"), "{problem}");
    main.get("/v1/users/user-001/recommendations?model=third").problem(400);
    // A reload takes both anew, or neither.
    std::fs::remove_dir_all(&other).expect("removed");
    both.post("/v1/admin/reload", &Value::Null).problem(409);
    assert_eq!(asked(&both, "beside"), of_other);
    // A model of another graph is none of this one.
    let kg = root.path().join("kg");
    succeed(&args!["import", crate::support::films::folder(), "--out", &kg, "--split", "none"]);
    succeed(&[args!["train", &kg, "--out", &other].as_slice(), &size_of_tiny()].concat());
    let start = args!["serve", "--kg", &made.kg, "--model", &made.model, "--beside", &other];
    assert!(fail(4, &start).contains("was given"));
}

fn size_of_tiny() -> [std::ffi::OsString; 6] {
    ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "5"].map(Into::into)
}
