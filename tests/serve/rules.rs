//! Rules inside the search: what they leave out, and that the rest is as it was.

use super::serve;
use crate::support::films::{Truth, folder, rows};
use crate::support::server::{Server, encoded};
use crate::support::{args, fail, strings};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What rules ask of a film, by the raw files.
#[derive(Default)]
struct Film {
    genres: BTreeSet<String>,
    directors: BTreeSet<String>,
    stars: BTreeSet<String>,
    year: i64,
    popularity: usize,
}

fn films() -> BTreeMap<String, Film> {
    let truth = Truth::read();
    let labels: BTreeMap<String, String> =
        rows("entities.tsv").into_iter().map(|r| (r[0].clone(), r[2].clone())).collect();
    let items: BTreeMap<&String, &String> = truth.entities.iter().map(|(item, entity)| (entity, item)).collect();
    let mut films: BTreeMap<String, Film> = BTreeMap::new();
    for row in rows("items.tsv") {
        films.entry(row[0].clone()).or_default().year = row[3].parse().expect("a year");
    }
    for (head, relation, tail) in &truth.triples {
        let Some(film) = items.get(head).and_then(|item| films.get_mut(*item)) else { continue };
        match relation.as_str() {
            "has_genre" => drop(film.genres.insert(labels[tail].clone())),
            "directed_by" => drop(film.directors.insert(tail.clone())),
            "starring" => drop(film.stars.insert(tail.clone())),
            _ => {}
        }
    }
    for (_, item) in &truth.train {
        films.get_mut(item).expect("a film").popularity += 1;
    }
    films
}

/// Numbers that look drawn, the same every time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A rule, and whether a film obeys it.
type Rule<'a> = (String, Box<dyn Fn(&str, &Film) -> bool + 'a>);

fn rule<'a>(draws: &mut Draws, films: &'a BTreeMap<String, Film>, depth: usize) -> Rule<'a> {
    let names: Vec<&String> = films.keys().collect();
    match draws.below(if depth == 0 { 6 } else { 10 }) {
        0 => {
            let film = &films[*draws.of(&names)];
            let genre = film.genres.iter().next().cloned().unwrap_or_else(|| "Drama".to_owned());
            (format!("genre:\"{}\"", genre.to_uppercase()), Box::new(move |_, film| film.genres.contains(&genre)))
        }
        1 => {
            let film = &films[*draws.of(&names)];
            let director = film.directors.iter().next().expect("a director").clone();
            (format!("directed_by:{director}"), Box::new(move |_, film| film.directors.contains(&director)))
        }
        2 => {
            let year = films[*draws.of(&names)].year;
            (format!("year >= {year}"), Box::new(move |_, film| film.year >= year))
        }
        3 => {
            let number = draws.below(60);
            (format!("popularity < {number}"), Box::new(move |_, film| film.popularity < number))
        }
        4 => {
            let some: Vec<String> = (0..5).map(|_| (*draws.of(&names)).clone()).collect();
            (format!("item in ({})", some.join(", ")), Box::new(move |name, _| some.iter().any(|other| other == name)))
        }
        5 => {
            // With an actor who directed that film.
            let item = (*draws.of(&names)).clone();
            let directors = films[&item].directors.clone();
            let holds = move |_: &str, film: &Film| !film.stars.is_disjoint(&directors);
            (format!("starring/~directed_by:{item}"), Box::new(holds))
        }
        6 => {
            let (text, holds) = rule(draws, films, depth - 1);
            (format!("not ({text})"), Box::new(move |name, film| !holds(name, film)))
        }
        joined => {
            let [(a, in_a), (b, in_b)] = [rule(draws, films, depth - 1), rule(draws, films, depth - 1)];
            match joined % 2 {
                0 => (format!("({a}) and ({b})"), Box::new(move |name, film| in_a(name, film) && in_b(name, film))),
                _ => (format!("({a}) or ({b})"), Box::new(move |name, film| in_a(name, film) || in_b(name, film))),
            }
        }
    }
}

/// Every user's list, searched so widely that nothing is cut.
fn lists(server: &Server, users: &[String], k: usize, more: &Value) -> Vec<Vec<(String, f64)>> {
    let mut found = Vec::new();
    for users in users.chunks(200) {
        let mut ask = json!({ "users": users, "k": k, "beams": 65536 });
        ask.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let answer = server.post("/v1/recommendations", &ask).ok();
        for list in answer["lists"].as_array().expect("lists") {
            assert_eq!(list["unexplored"], 0.0, "nothing is cut");
            let item = |item: &Value| {
                (item["item"].as_str().expect("an id").to_owned(), item["score"].as_f64().expect("a score"))
            };
            found.push(list["items"].as_array().expect("items").iter().map(item).collect());
        }
    }
    found
}

fn config(folder_of_config: &Path, text: &str) -> std::path::PathBuf {
    let path = folder_of_config.join("serve.toml");
    std::fs::write(&path, text).expect("written");
    path
}

/// A configuration with the years of the films, and time enough for a test among others.
fn with_years() -> String {
    let table = folder().canonicalize().expect("the films").join("items.tsv");
    format!("attributes = {:?}\n", table.to_string_lossy())
}

const PATIENT: &str = "[limits]\nrequest_ms = 600000\n";

#[test]
fn a_list_under_a_rule_is_the_full_list_without_what_the_rule_leaves_out() {
    const K: usize = 10;
    let root = tempfile::tempdir().expect("a folder");
    let server = serve(&args!["--config", config(root.path(), &(with_years() + PATIENT))]);
    let films = films();
    let users: Vec<String> = (1..=480).map(|n| format!("user-{n:03}")).collect();
    let full = lists(&server, &users, 1_000, &json!({}));
    let mut draws = Draws(7);
    let (mut full_lists, mut left_out) = (0, 0);
    for number in 0..50 {
        let (text, holds) = rule(&mut draws, &films, 2);
        // Every rule meets a twentieth of the users, and every user two rules or three.
        let some: Vec<usize> = (0..users.len()).filter(|user| user % 20 == number % 20).collect();
        let asked: Vec<String> = some.iter().map(|&user| users[user].clone()).collect();
        let ruled = lists(&server, &asked, K, &json!({ "rules": text }));
        for (&user, ruled) in some.iter().zip(ruled) {
            let obeys = |item: &&(String, f64)| holds(&item.0, &films[&item.0]);
            let expected: Vec<(String, f64)> = full[user].iter().filter(obeys).take(K).cloned().collect();
            left_out += full[user].len() - full[user].iter().filter(obeys).count();
            full_lists += usize::from(expected.len() == K);
            assert_eq!(ruled, expected, "{} under {text}", users[user]);
        }
    }
    assert!(full_lists > 200 && left_out > 10_000, "the rules rule something: {full_lists}, {left_out}");
}

#[test]
fn items_can_be_left_out_and_asked_for_by_id() {
    let server = serve(&[]);
    let ids = |path: &str| {
        let list = server.get(path).ok();
        list["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|i| i["item"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    let all = ids("/v1/users/user-011/recommendations?k=12");
    let without = ids(&format!("/v1/users/user-011/recommendations?k=10&exclude={},{}", all[0], all[3]));
    let expected: Vec<&String> =
        all.iter().enumerate().filter(|(at, _)| *at != 0 && *at != 3).map(|(_, id)| id).collect();
    assert_eq!(without.iter().collect::<Vec<_>>(), expected);
    let only = ids(&format!("/v1/users/user-011/recommendations?only={},{},no-such-film", all[5], all[2]));
    assert_eq!(only, [all[2].clone(), all[5].clone()]);
    let popular = ids("/v1/users/nobody/recommendations?k=20&rules=not+genre:Drama");
    let films = films();
    assert!(popular.len() == 20 && popular.iter().all(|id| !films[id].genres.contains("Drama")), "{popular:?}");
}

/// The logarithms of the probabilities of paths, by their nodes and relations.
fn by_route(paths: impl Iterator<Item = Value>) -> BTreeMap<String, f64> {
    let route = |path: &Value| format!("{} {}", path["nodes"], path["relations"]);
    paths.map(|path| (route(&path), path["log_probability"].as_f64().expect("a number"))).collect()
}

#[test]
fn hidden_nodes_are_nowhere_and_paths_that_are_left_are_worth_what_they_were() {
    let root = tempfile::tempdir().expect("a folder");
    let text = format!("hide = \"type:user or item:heat-1995\"\n{PATIENT}");
    let hiding = serve(&args!["--config", config(root.path(), &text)]);
    let patient = root.path().join("patient.toml");
    std::fs::write(&patient, PATIENT).expect("written");
    let open = serve(&args!["--config", &patient]);
    let users: Vec<String> = (1..=20).map(|n| format!("user-{n:03}")).collect();
    let ask = json!({ "users": users, "k": 1000, "paths": 100, "beams": 65536 });
    let lists =
        |server: &Server| server.post("/v1/recommendations", &ask).ok()["lists"].as_array().expect("lists").clone();
    let paths = |item: &Value| -> Vec<Value> {
        std::iter::once(item["path"].clone())
            .chain(item["more_paths"].as_array().into_iter().flatten().cloned())
            .collect()
    };
    let touches = |path: &Value| {
        strings(&path["nodes"])[1..].iter().any(|node| node.starts_with("user:") || *node == "item:heat-1995")
    };
    let (mut compared, mut gone) = (0, 0);
    for (open, hidden) in lists(&open).iter().zip(lists(&hiding)) {
        let by_item: BTreeMap<&str, &Value> = hidden["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| (item["item"].as_str().expect("an id"), item))
            .collect();
        for item in open["items"].as_array().expect("items") {
            let id = item["item"].as_str().expect("an id");
            // Of items with few enough paths all are there.
            if item["num_paths"].as_u64().expect("a number") > 100 {
                continue;
            }
            let left = by_route(paths(item).into_iter().filter(|path| !touches(path)));
            gone += usize::from(left.is_empty());
            let found = by_route(by_item.get(id).map(|item| paths(item)).unwrap_or_default().into_iter());
            let routes = |paths: &BTreeMap<String, f64>| paths.keys().cloned().collect::<Vec<_>>();
            assert_eq!(routes(&found), routes(&left), "{id} for {}", open["user"]);
            // Other prefixes go through the model beside them, so the last digits may be rounded otherwise.
            assert!(found.iter().all(|(route, p)| (p - left[route]).abs() < 1e-4), "{found:?} {left:?}");
            compared += left.len();
        }
        assert!(hidden["items"].as_array().expect("items").iter().flat_map(paths).all(|path| !touches(&path)));
    }
    assert!(compared > 10_000 && gone > 0, "{compared} {gone}");
    hiding.get("/v1/nodes/item:heat-1995").problem(404);
    hiding.get("/v1/nodes/user:user-001").problem(404);
    hiding.get("/v1/items/heat-1995/similar").problem(404);
    assert_eq!(
        hiding.get("/v1/search?q=heat+1995").ok()["hits"]
            .as_array()
            .expect("hits")
            .iter()
            .filter(|h| h["node"] == "item:heat-1995")
            .count(),
        0
    );
    let answers = [
        hiding.get("/v1/nodes/entity:genre-crime?limit=1000").ok(),
        hiding.get("/v1/items/alien-1979/similar?k=1000").ok(),
        hiding.get("/v1/users/nobody/recommendations?k=1000").ok(),
        hiding.post("/v1/paths", &json!({ "from": "item:alien-1979", "to": "entity:genre-crime", "n": 1000 })).ok(),
    ];
    assert!(answers.iter().all(|answer| !answer.to_string().contains("heat-1995")));
}

#[test]
fn nothing_of_what_is_hidden_is_found_out_by_a_rule_or_a_count() {
    let root = tempfile::tempdir().expect("a folder");
    let text = "hide = \"entity:genre-horror or item:heat-1995\"\n[rule_sets]\ncalm = \"not genre:Horror\"\n";
    let (hiding, open) = (serve(&args!["--config", config(root.path(), text)]), serve(&[]));
    let refused = |server: &Server, rule: &str| {
        let ask = json!({ "users": ["user-001"], "rules": rule });
        server.post("/v1/recommendations", &ask).problem(400)["detail"].as_str().expect("words").to_owned()
    };
    for (hidden, unknown) in [
        ("not genre:Horror", "not genre:Horrid"),
        ("not genre:genre-horror", "not genre:genre-horrid"),
        ("not entity:genre-horror", "not entity:genre-horrid"),
        ("item:heat-1995", "item:heat-1996"),
    ] {
        let name = |rule: &str| rule.rsplit(':').next().unwrap_or_default().to_owned();
        assert_eq!(refused(&hiding, hidden).replace(&name(hidden), &name(unknown)), refused(&hiding, unknown));
        open.post("/v1/recommendations", &json!({ "users": ["user-001"], "rules": hidden })).ok();
    }
    // The server knows what it hides.
    hiding.get("/v1/users/user-001/recommendations?rule_set=calm").ok();
    let node = |server: &Server, film: &str| {
        let node = server.get(&format!("/v1/nodes/item:{film}?limit=1")).ok();
        let counts = node["relations"].as_array().expect("relations").iter();
        let counted: u64 = counts.map(|relation| relation["count"].as_u64().expect("a count")).sum();
        assert_eq!(node["degree"], counted, "{film}");
        counted
    };
    let films = films();
    let hidden_less = films.iter().filter(|(id, _)| *id != "heat-1995").filter(|(id, film)| {
        let (shown, all) = (node(&hiding, id), node(&open, id));
        assert_eq!(all - shown, u64::from(film.genres.contains("Horror")), "{id}");
        // A rule counts what is shown.
        let rule = encoded(&format!("item:{id} and degree = {shown}"));
        hiding.get(&format!("/v1/users/nobody/recommendations?k=1&rules={rule}")).ok()["items"][0]["item"] == **id
            && shown < all
    });
    assert!(hidden_less.count() > 5);
}

#[test]
fn users_are_shown_nothing_that_they_are_denied() {
    let root = tempfile::tempdir().expect("a folder");
    let plain = serve(&[]);
    let list = |server: &Server, user: &str| server.get(&format!("/v1/users/{user}/recommendations?k=5&paths=5")).ok();
    let first = list(&plain, "user-005")["items"][0]["item"].as_str().expect("an id").to_owned();
    let denials =
        format!("user_id\tnode\nuser-005\titem:{first}\nuser-005\tentity:genre-drama\nnobody\titem:{first}\n");
    std::fs::write(root.path().join("denials.tsv"), denials).expect("written");
    let server = serve(&args!["--config", config(root.path(), "denials = \"denials.tsv\"")]);
    let denied = list(&server, "user-005").to_string();
    assert!(!denied.contains(&first) && !denied.contains("genre-drama"), "{denied}");
    assert_eq!(list(&server, "user-006"), list(&plain, "user-006"), "others are shown what they were");
    let popular = |server: &Server, user: &str| server.get(&format!("/v1/users/{user}/recommendations?k=385")).ok();
    server.post("/v1/explanations", &json!({ "user": "user-005", "item": first })).problem(404);
    server.post("/v1/explanations", &json!({ "user": "user-006", "item": first })).ok();
    assert!(popular(&server, "somebody").to_string().contains(&first));
    assert!(!popular(&server, "nobody").to_string().contains(&first));
}

#[test]
fn what_a_user_is_denied_is_hidden_from_them_and_from_nobody_else() {
    let root = tempfile::tempdir().expect("a folder");
    let names: Vec<String> = films().into_keys().collect();
    let mut draws = Draws(11);
    let entities = ["genre-drama", "genre-crime", "genre-comedy", "person-steven-spielberg", "person-tom-hanks"];
    let (mut table, mut rules) = ("user_id\tnode\n".to_owned(), Vec::new());
    for user in (1..=480).step_by(12).map(|number| format!("user-{number:03}")) {
        let mut nodes = vec![format!("entity:{}", draws.of(&entities))];
        nodes.extend((0..3).map(|_| format!("item:{}", draws.of(&names))));
        nodes.iter().for_each(|node| table.push_str(&format!("{user}\t{node}\n")));
        rules.push((user, nodes.join(" or ")));
    }
    std::fs::write(root.path().join("denials.tsv"), table).expect("written");
    let path = config(root.path(), &format!("denials = \"denials.tsv\"\n{PATIENT}"));
    let (denying, plain) = (serve(&args!["--config", path]), serve(&[]));
    let asked = |server: &Server, user: &str, hide: &str| {
        let ask = json!({ "users": [user], "k": 50, "paths": 20, "beams": 65536, "hide": hide });
        let ask = if hide.is_empty() { json!({ "users": [user], "k": 50, "paths": 20, "beams": 65536 }) } else { ask };
        server.post("/v1/recommendations", &ask).ok()["lists"][0].clone()
    };
    let mut changed = 0;
    for (user, rule) in &rules {
        let list = asked(&denying, user, "");
        assert_eq!(list, asked(&plain, user, rule), "{user} is denied {rule}");
        assert!(rule.split(" or ").all(|node| !list.to_string().contains(&format!("\"{node}\""))), "{user}: {rule}");
        changed += usize::from(list != asked(&plain, user, ""));
    }
    assert!(changed > rules.len() / 2, "{changed} of {}", rules.len());
    for user in ["user-002", "user-100"] {
        assert_eq!(asked(&denying, user, ""), asked(&plain, user, ""), "{user} is denied nothing");
    }
}

#[test]
fn what_has_expired_is_nowhere_and_what_expires_later_is_there() {
    let root = tempfile::tempdir().expect("a folder");
    let table = "item_id\texpires\nheat-1995\t1000000000\nalien-1979\t1e11\n";
    std::fs::write(root.path().join("offers.tsv"), table).expect("written");
    let text = "attributes = \"offers.tsv\"\nhide = \"expires < now\"\n";
    let server = serve(&args!["--config", config(root.path(), &format!("{text}{PATIENT}"))]);
    server.get("/v1/nodes/item:alien-1979").ok();
    server.get("/v1/nodes/item:heat-1995").problem(404);
    server.post("/v1/explanations", &json!({ "user": "user-001", "item": "heat-1995" })).problem(404);
    server.post("/v1/paths", &json!({ "from": "item:heat-1995", "to": "item:alien-1979" })).problem(404);
    let tool = |name: &str, arguments: Value| {
        let params = json!({ "name": name, "arguments": arguments });
        let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        server.tell_mcp(&ask).ok()["result"].clone()
    };
    let claim = json!({ "nodes": ["item:heat-1995", "entity:genre-crime"], "relations": ["has_genre"] });
    assert_eq!(tool("verify", claim)["isError"], true, "a fact of what is hidden is not told");
    let chose_it: Vec<String> =
        Truth::read().train.into_iter().filter(|(_, item)| item == "heat-1995").map(|(user, _)| user).take(3).collect();
    let lists = json!({ "users": chose_it, "histories": [{ "items": ["alien-1979"] }], "k": 385, "paths": 100 });
    let around = json!({ "node": "entity:genre-crime", "limit": 1000 });
    let explained = json!({ "user": chose_it[0], "item": "alien-1979", "paths": 100, "why_not": true });
    let answers = [
        server.post("/v1/recommendations", &lists).ok(),
        server.get("/v1/users/nobody/recommendations?k=385").ok(),
        server.post("/v1/explanations", &explained).ok(),
        server.post("/v1/paths", &json!({ "from": "item:alien-1979", "to": "entity:genre-crime", "n": 1000 })).ok(),
        server.get(&format!("/v1/nodes/user:{}?limit=1000", chose_it[0])).ok(),
        server.get("/v1/items/alien-1979/similar?k=384").ok(),
        server.get(&format!("/v1/users/{}/similar?k=100", chose_it[0])).ok(),
        server.get("/v1/search?q=heat&limit=100").ok(),
        tool("neighbours", around),
        tool("search", json!({ "q": "heat 1995" })),
    ];
    for answer in answers {
        assert!(!answer.to_string().contains("heat-1995"), "{answer}");
    }
}

#[test]
fn rule_sets_have_names_and_bad_rules_a_place() {
    let root = tempfile::tempdir().expect("a folder");
    let text = with_years() + "rules = \"year >= 1950\"\n[rule_sets]\nkids = \"not genre in (Horror, War)\"\n";
    let server = serve(&args!["--config", config(root.path(), &text)]);
    let films = films();
    let list = server.get("/v1/users/user-009/recommendations?k=50&rule_set=kids&rules=genre:Drama").ok();
    let obeys = |film: &Film| {
        film.year >= 1950
            && !["Horror", "War"].iter().any(|g| film.genres.contains(*g))
            && film.genres.contains("Drama")
    };
    let items = list["items"].as_array().expect("items");
    assert!(
        !items.is_empty() && items.iter().all(|item| obeys(&films[item["item"].as_str().expect("an id")])),
        "{list}"
    );
    assert_eq!(server.get("/v1/graph/summary").ok()["rule_sets"], json!(["kids"]));
    for (rule, position, words) in [
        ("genre:Nonsense", 6, "Nonsense"),
        ("not gnre:Drama", 4, "gnre"),
        ("genre:Drama and", 15, "expected"),
        ("popularity > many", 13, "no number"),
        ("colour = red", 0, "no attribute"),
    ] {
        let problem = server.get(&format!("/v1/users/user-001/recommendations?rules={}", encoded(rule))).problem(400);
        assert_eq!(problem["position"], position, "{problem}");
        assert!(problem["detail"].as_str().expect("words").contains(words), "{problem}");
    }
    server.get("/v1/users/user-001/recommendations?rule_set=adults").problem(400);
    let films_made = crate::support::films::films();
    for (text, words) in [
        ("rules = \"gnre:Drama\"", "rules: character 1"),
        ("rulez = \"a:b\"", "rulez"),
        ("attributes = \"none.tsv\"", "none.tsv"),
    ] {
        let path = config(root.path(), text);
        let arguments = args!["serve", "--kg", &films_made.kg, "--model", &films_made.model, "--config", path];
        let message = fail(3, &arguments);
        assert!(message.contains(words), "{message}");
    }
}
