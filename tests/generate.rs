//! Every way to ask for recommendations: modes, scores, users the graph does not know, forms of output, and the verbs
//! that read them back.

use crate::support::films::films;
use crate::support::{args, fail, object, objects, strings, succeed};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Items of a list, in order.
fn items(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["item"].as_str().expect("an item").to_owned()).collect()
}

fn chosen(user: &str) -> Vec<String> {
    let log = fs::read_to_string(crate::support::films::folder().join("interactions.tsv")).expect("readable");
    let truth = crate::support::films::Truth::read();
    assert!(log.contains(user));
    truth.train.iter().filter(|(u, _)| u == user).map(|(_, item)| item.clone()).collect()
}

#[test]
fn all_modes_and_scores_give_true_lists_that_fill_their_slots() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let modes = [
        args!["--mode", "beam"],
        args!["--mode", "exact", "--beams", "50"],
        args!["--mode", "diverse", "--groups", "3", "--diversity", "1"],
        args!["--mode", "sample", "--draws", "200", "--temperature", "0.8", "--top-k", "30", "--top-p", "0.95"],
        args!["--score", "max"],
        args!["--score", "mean", "--mode", "exact"],
    ];
    for (number, mode) in modes.iter().enumerate() {
        let out = root.path().join(format!("{number}.jsonl"));
        let users = root.path().join("users.txt");
        fs::write(&users, "user-001\nuser-002\nuser-003\n").expect("written");
        let ask = args![
            "recommend",
            &films.model,
            "--kg",
            &films.kg,
            "--users",
            &users,
            "--paths",
            "4",
            "--json",
            "--out",
            &out
        ];
        succeed(&[&ask[..], &mode[..]].concat());
        let lists = objects(&fs::read_to_string(&out).expect("readable"));
        assert_eq!(lists.len(), 3);
        for list in &lists {
            assert_eq!(items(list).iter().collect::<BTreeSet<_>>().len(), 10, "{mode:?}");
        }
        let report = object(&succeed(&args!["verify", &out, "--kg", &films.kg, "--json"]));
        assert_eq!((report["wrong"].as_u64(), report["items"].as_u64()), (Some(0), Some(30)), "{mode:?}: {report}");
        assert_eq!(report["sources"], report["hops"], "every hop has its file and line");
    }
}

#[test]
fn exact_lists_are_proven_and_do_not_depend_on_where_the_search_began() {
    let films = films();
    let exact = |beams: &str| {
        let ask = args!["recommend", &films.model, "--kg", &films.kg, "--user", "user-004", "--mode", "exact"];
        object(&succeed(&[&ask[..], &args!["--beams", beams, "--json"][..]].concat()))
    };
    let (narrow, wide) = (exact("10"), exact("65536"));
    assert_eq!(narrow["proven"], true);
    assert_eq!((&wide["proven"], wide["unexplored"].as_f64()), (&Value::Bool(true), Some(0.0)));
    assert_eq!(items(&narrow), items(&wide));
}

#[test]
fn a_guest_with_a_users_choices_gets_unseen_items_and_true_paths() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let choices = chosen("user-005");
    let out = root.path().join("guest.jsonl");
    let list = choices.join(",");
    let ask = args!["recommend", &films.model, "--kg", &films.kg, "--history", &list, "--json", "--out", &out];
    succeed(&ask);
    let guest = object(&fs::read_to_string(&out).expect("readable"));
    assert_eq!(guest["user"], "guest");
    assert_eq!(
        strings(&guest["history"]).into_iter().collect::<BTreeSet<_>>(),
        choices.iter().map(String::as_str).collect()
    );
    assert_eq!(items(&guest).len(), 10);
    assert!(items(&guest).iter().all(|item| !choices.contains(item)), "nothing they have chosen");
    let texts = guest["items"].as_array().expect("items").iter().map(|item| item["text"].as_str().expect("text"));
    assert!(texts.into_iter().all(|text| text.starts_with("you chose ")));
    let report = object(&succeed(&args!["verify", &out, "--kg", &films.kg, "--json"]));
    assert_eq!(report["wrong"], 0);

    // The same choices from a file, beside another guest.
    let table = root.path().join("histories.tsv");
    let rows: String = choices.iter().map(|item| format!("{item}\tnew\n")).collect();
    fs::write(&table, format!("item_id\tuser_id\n{rows}alien-1979\tother\n")).expect("written");
    let lists =
        objects(&succeed(&args!["recommend", &films.model, "--kg", &films.kg, "--histories", &table, "--json"]));
    assert_eq!((lists[0]["user"].as_str(), lists[1]["user"].as_str()), (Some("new"), Some("other")));
    assert_eq!(items(&lists[0]), items(&guest));
    let first = &lists[0]["items"][0]["triples"][0];
    assert_eq!(first["file"], "histories.tsv");
    let line = usize::try_from(first["line"].as_u64().expect("a line")).expect("small");
    let text = fs::read_to_string(&table).expect("readable");
    let item = first["tail"].as_str().and_then(|tail| tail.strip_prefix("item:")).expect("an item");
    assert_eq!(text.lines().nth(line - 1), Some(format!("{item}\tnew").as_str()));

    let why =
        args!["explain", &films.model, "--kg", &films.kg, "--history", &list, "--item", &items(&guest)[0], "--json"];
    assert!(!object(&succeed(&why))["paths"].as_array().expect("paths").is_empty());
}

#[test]
fn bad_histories_are_told_by_name_and_line() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let ask = |history: &str| args!["recommend", &films.model, "--kg", &films.kg, "--history", history];
    let message = fail(3, &ask("alien-1979,no-such-film,nor-this"));
    assert!(message.contains("no-such-film, nor-this"), "{message}");
    assert!(fail(3, &ask(" , ")).contains("bad_history"));
    let table = root.path().join("h.tsv");
    let cases = [
        ("user\titem\na\talien-1979\n", "h.tsv:1"),
        ("user_id\titem_id\na\talien-1979\nb\tno-such-film\n", "h.tsv:3"),
        ("user_id\titem_id\na\n", "h.tsv:2"),
        ("user_id\titem_id\n", "no history"),
        ("user_id\titem_id\na\talien-1979\n\u{fffd}", "h.tsv: line 3: no UTF-8"),
    ];
    for (text, place) in cases {
        // The replacement character stands for a byte that is no UTF-8.
        let bytes: Vec<u8> =
            text.chars().flat_map(|c| if c == '\u{fffd}' { vec![0xff] } else { c.to_string().into_bytes() }).collect();
        fs::write(&table, bytes).expect("written");
        let message = fail(3, &args!["recommend", &films.model, "--kg", &films.kg, "--histories", &table]);
        assert!(message.contains(place), "{message}");
    }
}

#[test]
fn settings_of_a_mode_out_of_range_are_usage_errors() {
    let films = films();
    let cases = [
        (args!["-k", "0"], "k: must be 1 to 1000"),
        (args!["-k", "1000000000"], "k: must be 1 to 1000"),
        (args!["--beams", "0"], "beams: must be 1 to 65536"),
        (args!["--mode", "diverse", "--groups", "65"], "groups: must be 1 to 64"),
        (args!["--mode", "diverse", "--diversity=-1"], "diversity: must be"),
        (args!["--mode", "sample", "--draws", "0"], "draws: must be"),
        (args!["--mode", "sample", "--temperature", "0"], "temperature: must be"),
        (args!["--mode", "sample", "--top-p", "1.5"], "top-p: must be"),
        (args!["--mode", "best"], "possible values"),
        (args!["--json", "--format", "dot"], "cannot be used with"),
    ];
    for (extra, words) in cases {
        let ask = args!["recommend", &films.model, "--kg", &films.kg, "--user", "user-001"];
        let message = fail(2, &[&ask[..], &extra[..]].concat());
        assert!(message.contains(words), "{extra:?}: {message}");
    }
}

#[test]
fn every_form_says_the_same() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let ask = |format: &str| {
        let ask = args!["recommend", &films.model, "--kg", &films.kg, "--user", "user-006", "-k", "3", "--proof"];
        succeed(&[&ask[..], &args!["--format", format][..]].concat())
    };
    let json = object(&ask("json"));
    let (markdown, dot, table) = (ask("markdown"), ask("dot"), ask("table"));
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    for item in json["items"].as_array().expect("items") {
        let label =
            item["labels"].as_array().and_then(|labels| labels.last()).and_then(Value::as_str).expect("a label");
        assert_eq!(item["label"], label);
        assert!(markdown.contains(&format!("{}. **", item["rank"])));
        for fact in item["triples"].as_array().expect("facts") {
            let place = format!("({}:{})", fact["file"].as_str().expect("a file"), fact["line"]);
            assert!(markdown.contains(&place) && table.contains(&place), "{place}");
        }
        for name in strings(&item["nodes"]) {
            assert!(dot.contains(&format!("\"0 {name}\"")), "{name}");
        }
    }
    let out = root.path().join("lists.parquet");
    let ask =
        args!["recommend", &films.model, "--kg", &films.kg, "--user", "user-006", "--format", "parquet", "--out", &out];
    succeed(&ask);
    let bytes = fs::read(&out).expect("readable");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[test]
fn relations_can_be_read_in_other_words() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let file = root.path().join("words.toml");
    let ask = args!["recommend", &films.model, "--kg", &films.kg, "--user", "user-007", "--readings", &file];
    fs::write(&file, "[readings]\ninteracted = { forward = \"{tail}, which {head} liked,\" }\n").expect("written");
    let list = object(&succeed(&[&ask[..], &args!["--json"][..]].concat()));
    let texts: Vec<&str> = list["items"].as_array().expect("items").iter().filter_map(|i| i["text"].as_str()).collect();
    assert!(texts.len() == 10 && texts.iter().all(|text| text.contains(", which user-007 liked,; ")), "{texts:?}");
    fs::write(&file, "[readings]\nno_such = { forward = \"x\" }\n").expect("written");
    assert!(fail(3, &ask).contains("no relation `no_such`; it has interacted"));
    fs::write(&file, "[readings\n").expect("written");
    assert!(fail(3, &ask).contains("words.toml"));
}

#[test]
fn the_first_reason_that_explain_gives_is_the_one_that_recommend_shows() {
    let films = films();
    let root = tempfile::tempdir().expect("a directory");
    let lists = root.path().join("lists.tsv");
    let how = ["--all", "-k", "3", "--beams", "100"];
    let recommend = |form: &[&str]| {
        let arguments = args!["recommend", &films.model, "--kg", &films.kg];
        let more = how.iter().chain(form).map(std::ffi::OsString::from);
        succeed(&arguments.into_iter().chain(more).collect::<Vec<_>>())
    };
    fs::write(&lists, recommend(&["--tsv"])).expect("written");
    let explain = ["explain", "--recs", "--beams", "100", "--paths", "1", "--json"];
    let [verb, recs, rest @ ..] = explain;
    let mut arguments = args![verb, &films.model, "--kg", &films.kg, recs, &lists];
    arguments.extend(rest.map(Into::into));
    let reason = |of: &Value| {
        let [nodes, relations, log_probability] = ["nodes", "relations", "log_probability"].map(|key| of[key].clone());
        assert!(nodes.is_array() && log_probability.is_number(), "{of}");
        (nodes, relations, log_probability)
    };
    let explained: BTreeMap<(String, String), _> = objects(&succeed(&arguments))
        .iter()
        .map(|why| {
            let name = |key: &str| why[key].as_str().expect("a name").to_owned();
            assert_eq!(why["is_ranked"], true, "{why}");
            ((name("user"), name("item")), reason(&why["paths"][0]))
        })
        .collect();
    let mut compared = 0;
    for list in objects(&recommend(&["--json"])) {
        let user = list["user"].as_str().expect("a user");
        for item in list["items"].as_array().expect("items") {
            let key = (user.to_owned(), item["item"].as_str().expect("an item").to_owned());
            let (same, shown) = (&explained[&key], reason(item));
            assert_eq!((&same.0, &same.1), (&shown.0, &shown.1), "{key:?}");
            // Users that are searched together share matrix products, whose sums end in other last bits.
            let [given, shown] = [&same.2, &shown.2].map(|p| p.as_f64().expect("a number"));
            assert!((given - shown).abs() < 1e-6, "{key:?}: {given} for {shown}");
            compared += 1;
        }
    }
    assert_eq!(compared, 480 * 3);
}

#[test]
fn anyones_recommendations_get_paths() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let recs = root.path().join("theirs.tsv");
    succeed(&args![
        "recommend",
        &films.model,
        "--kg",
        &films.kg,
        "--user",
        "user-008",
        "-k",
        "4",
        "--tsv",
        "--out",
        &recs
    ]);
    let whys = objects(&succeed(&args!["explain", &films.model, "--kg", &films.kg, "--recs", &recs, "--json"]));
    let rows = fs::read_to_string(&recs).expect("readable");
    let pairs: Vec<(&str, &str)> = rows
        .lines()
        .skip(1)
        .filter_map(|l| {
            let fields: Vec<&str> = l.split('\t').collect();
            Some((*fields.first()?, *fields.get(2)?))
        })
        .collect();
    let explained: Vec<(&str, &str)> = whys
        .iter()
        .map(|why| (why["user"].as_str().expect("a user"), why["item"].as_str().expect("an item")))
        .collect();
    assert_eq!(explained, pairs);
    assert!(whys.iter().all(|why| !why["paths"].as_array().expect("paths").is_empty()));
}

#[test]
fn a_single_falsehood_is_found_without_the_model() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let good = succeed(&args![
        "recommend",
        &films.model,
        "--kg",
        &films.kg,
        "--user",
        "user-009",
        "-k",
        "3",
        "--paths",
        "2",
        "--json"
    ]);
    let file = root.path().join("lists.jsonl");
    let verify = args!["verify", &file, "--kg", &films.kg];
    fs::write(&file, &good).expect("written");
    assert!(succeed(&verify).contains("all true"));
    let mine = chosen("user-009");
    let lies: Vec<(&str, Box<dyn Fn(&mut Value)>)> = vec![
        ("rank", Box::new(|l| l["items"][1]["rank"] = 7.into())),
        ("no number or above", Box::new(|l| l["items"][1]["score"] = 3.0.into())),
        ("confidence", Box::new(|l| l["items"][0]["confidence"] = 1.5.into())),
        ("no such item", Box::new(|l| l["items"][0]["item"] = "no-such-film".into())),
        ("comes twice", Box::new(|l| l["items"][1] = l["items"][0].clone())),
        ("chosen the item already", Box::new(move |l| l["items"][2]["item"] = mine[0].clone().into())),
        ("does not start", Box::new(|l| l["items"][0]["nodes"][0] = "user:user-001".into())),
        ("does not end", Box::new(|l| l["items"][0]["nodes"][3] = l["items"][1]["nodes"][3].clone())),
        ("not in the graph", Box::new(|l| l["items"][2]["relations"][1] = "sequel_of_nothing".into())),
        ("not in the graph", Box::new(|l| l["items"][2]["more_paths"][0]["nodes"][1] = "item:nowhere".into())),
        ("no such fact from there", Box::new(|l| l["items"][0]["triples"][1]["line"] = 1.into())),
        ("no such user", Box::new(|l| l["user"] = "nobody".into())),
    ];
    for (words, lie) in &lies {
        let mut list = object(&good);
        lie(&mut list);
        fs::write(&file, format!("{list}\n")).expect("written");
        let told = object(&crate::support::footpath(&[&verify[..], &args!["--json"][..]].concat()).stdout);
        let findings = told["findings"].as_array().expect("findings");
        assert!(findings.iter().any(|f| f["what"].as_str().is_some_and(|w| w.contains(words))), "{words}: {told}");
        assert_eq!(crate::support::footpath(&verify).code, Some(3), "{words}");
    }
    fs::write(&file, "not json\n").expect("written");
    assert!(fail(3, &verify).contains("line 1"));
}

#[test]
fn the_masses_of_all_patterns_sum_to_one() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let (file, plot) = (root.path().join("lists.jsonl"), root.path().join("masses.svg"));
    succeed(&args![
        "recommend",
        &films.model,
        "--kg",
        &films.kg,
        "--all",
        "--beams",
        "50",
        "--paths",
        "3",
        "--json",
        "--out",
        &file
    ]);
    let report = object(&succeed(&args!["patterns", &file, "--kg", &films.kg, "--plot", &plot, "--json"]));
    let patterns = report["patterns"].as_array().expect("patterns");
    let mass: f64 = patterns.iter().map(|p| p["mass"].as_f64().expect("a mass")).sum();
    assert!((mass - 1.0).abs() < 1e-9, "{mass}");
    let paths: u64 = patterns.iter().map(|p| p["paths"].as_u64().expect("a number")).sum();
    assert_eq!(report["paths"].as_u64(), Some(paths));
    assert_eq!(report["users"], 480);
    assert!(report["popularity"]["recommended"].as_f64().expect("a mean") > 0.0);
    let users = objects(&succeed(&args!["patterns", &file, "--per-user"]));
    assert_eq!(users.len(), 480);
    for user in &users {
        let masses = user["patterns"].as_array().expect("patterns").iter().map(|p| p["mass"].as_f64().expect("a mass"));
        assert!((masses.sum::<f64>() - 1.0).abs() < 1e-9, "{}", user["user"]);
    }
    let picture = fs::read_to_string(&plot).expect("readable");
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n") && picture.contains("class=\"bar\""));
    assert!(succeed(&args!["patterns", &file]).contains("mass"));
}

#[test]
fn better_explanations_cost_what_is_told() {
    let films = films();
    let root = tempfile::tempdir().expect("temporary directory");
    let lists = |name: &str, optimise: &[&str]| {
        let out = root.path().join(name);
        let ask =
            args!["recommend", &films.model, "--kg", &films.kg, "--all", "--beams", "100", "--json", "--out", &out];
        let more: Vec<std::ffi::OsString> = optimise.iter().map(Into::into).collect();
        succeed(&[ask, more].concat());
        let report = object(&succeed(&args!["verify", &out, "--kg", &films.kg, "--json"]));
        assert_eq!(report["wrong"], 0, "{name}: {report}");
        objects(&fs::read_to_string(&out).expect("readable"))
    };
    let kinds = |list: &Value| {
        let last = |item: &Value| item["relations"][2].as_str().expect("a relation").to_owned();
        list["items"].as_array().expect("items").iter().map(last).collect::<BTreeSet<_>>().len()
    };
    let probability = |list: &Value| {
        let items = list["items"].as_array().expect("items").iter();
        items.map(|item| item["score"].as_f64().expect("a score").exp()).sum::<f64>()
    };
    let (plain, nothing, varied) =
        (lists("plain", &[]), lists("nothing", &["--optimise", "ptd=0"]), lists("varied", &["--optimise", "ptd=0.9"]));
    let mut more = 0;
    for ((plain, nothing), varied) in plain.iter().zip(&nothing).zip(&varied) {
        assert_eq!(items(plain), items(nothing), "no weight, no change");
        assert_eq!(nothing["given_up"], 0.0);
        assert!(kinds(varied) >= kinds(plain), "{}", plain["user"]);
        more += kinds(varied) - kinds(plain);
        let given_up = varied["given_up"].as_f64().expect("a share");
        assert!((given_up - (1.0 - probability(varied) / probability(plain)).max(0.0)).abs() < 1e-9);
        assert_eq!(items(varied).len(), 10);
    }
    assert!(more > 480, "only {more} more kinds of paths for 480 users");
    let ask =
        args!["recommend", &films.model, "--kg", &films.kg, "--user", "user-001", "--optimise", "lir=0.7,sep=0.7"];
    assert!(fail(2, &ask).contains("optimise: weights must"));
}

#[test]
fn a_model_goes_on_with_a_graph_that_has_grown() {
    use crate::support::small::{small, write};
    let small = small();
    let root = tempfile::tempdir().expect("temporary directory");
    let [folder, kg, model, recs] = ["folder", "kg", "model", "recs"].map(|name| root.path().join(name));
    write(&folder, "test");
    let append = |file: &str, lines: &str| {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).expect("readable") + lines;
        fs::write(path, text).expect("written");
    };
    append("items.tsv", "brand-new\te-brand-new\n");
    append("triples.tsv", "e-brand-new\tin_series\tseries-0-1\ne-brand-new\tpraised_by\tcritic\n");
    append("interactions.tsv", "newcomer\tbook-0-1-0\ttrain\n");
    succeed(&args!["import", &folder, "--out", &kg]);
    let refused = fail(4, &args!["recommend", &small.model, "--kg", &kg, "--all"]);
    assert!(refused.contains("made from kg"), "{refused}");
    let adapt = args!["adapt", &small.model, "--from", &small.kg, "--kg", &kg, "--out", &model, "--json"];
    let report = object(&succeed(&adapt));
    // New: the book, its critic and the newcomer. Composed: the book, the held-out answers and the decoys, which nobody
    // chose in train.
    let cold = u64::try_from(crate::support::small::NUM_USERS).expect("small");
    assert_eq!((&report["new_users"], &report["new_relations"], &report["dropped"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!(report["composed"].as_u64(), Some(1 + 2 * cold), "{report}");
    assert_eq!(report["mean"], 1, "the critic shares no fact with anybody: {report}");
    succeed(&args!["recommend", &model, "--kg", &kg, "--user", "newcomer", "-k", "100", "--json", "--out", &recs]);
    let list = object(&fs::read_to_string(&recs).expect("readable"));
    assert!(items(&list).contains(&"brand-new".to_owned()), "paths lead to the new book");
    assert_eq!(object(&succeed(&args!["verify", &recs, "--kg", &kg, "--json"]))["wrong"], 0);
    succeed(&args!["check", &model]);
    let judged = object(&succeed(&args!["evaluate", "--kg", &kg, "--model", &model, "-k", "3", "--json"]));
    assert_eq!(judged["faithful"], 1.0, "a model that was carried over is judged as any other");
    let again = fail(2, &adapt);
    assert!(again.contains("exists"), "{again}");
    let wrong = args!["adapt", &small.model, "--from", &kg, "--kg", &kg, "--out", root.path().join("other")];
    fail(4, &wrong);
}
