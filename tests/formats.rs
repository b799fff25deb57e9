//! Data of others: a knowledge graph alone through every verb, explanations, standard input, mappings.

use crate::support::{PROGRAM, args, fail, files, object, succeed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::tempdir;

fn bad(layout: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/bad").join(layout).join("good")
}

/// A graph of link prediction: a ring of nations with some facts held out.
fn nations(folder: &Path) -> PathBuf {
    let data = folder.join("nations");
    fs::create_dir(&data).expect("created");
    let mut train = String::new();
    for n in 0..40 {
        train += &format!("n{n}\tborders\tn{}\nn{n}\tmember_of\tu{}\nc{n}\tcapital_of\tn{n}\n", (n + 1) % 40, n % 4);
    }
    fs::write(data.join("train.txt"), train).expect("written");
    fs::write(data.join("valid.txt"), "n0\tborders\tn20\n").expect("written");
    fs::write(data.join("test.txt"), "n1\tborders\tn21\nn2\tborders\tn22\n").expect("written");
    data
}

#[test]
fn a_graph_without_a_log_goes_through_the_verbs_and_nobody_speaks_of_users() {
    let root = tempdir().expect("a directory");
    let [kg, walks, model, text] = ["kg", "walks", "model", "text"].map(|name| root.path().join(name));
    let said = succeed(&args!["import", nations(root.path()), "--out", &kg]);
    assert!(said.contains("facts held out for test") && !said.contains("user"), "{said}");
    let said = succeed(&args!["info", &kg]);
    assert!(said.contains("facts: 120 train, 1 valid, 2 test"), "{said}");
    // That there are none is told, once.
    let others = said.lines().filter(|line| !line.starts_with(" note: no_log"));
    assert!(others.into_iter().all(|line| !line.contains("user")), "{said}");
    let said = succeed(&args!["count", &kg, "--walk", "()-[]-{2}()", "--end", "any"]);
    assert!(said.contains("nodes to start at") && !said.contains("user"), "{said}");
    let sample = args!["sample", &kg, "--out", &walks, "--walk", "()-[]-{2,3}()", "--end", "any", "--num-paths", "400"];
    let said = succeed(&sample);
    assert!(said.contains("400 paths from") && !said.contains("user"), "{said}");
    succeed(&args!["audit", &walks, "--kg", &kg]);
    succeed(&args!["export", &walks, "--kg", &kg, "--out", &text]);
    assert_eq!(fs::read_to_string(&text).expect("written").lines().count(), 400);
    succeed(&args!["corpus", "stats", &walks, "--kg", &kg]);
    let train = args!["train", &kg, "--corpus", &walks, "--out", &model, "--epochs", "1"];
    succeed(&train);
    let message = fail(2, &args!["sample", &kg, "--out", root.path().join("paths"), "--hops", "3"]);
    assert!(message.contains("has no users") && message.contains("--walk"), "{message}");
    fail(2, &args!["count", &kg, "--hops", "3"]);
}

#[test]
fn what_would_be_read_is_explained_and_nothing_is_written() {
    let root = tempdir().expect("a directory");
    for layout in ["kgat", "pearlm", "pgpr", "openke", "pykeen", "neo4j", "rdf", "native", "recbole"] {
        let said = succeed(&args!["import", "--explain", bad(layout)]);
        assert!(said.starts_with(&format!("{layout}: ")), "{layout}: {said}");
        let explained = object(&succeed(&args!["import", "--explain", "--json", bad(layout)]));
        assert_eq!(explained["format"], layout);
        assert!(!explained["read"].as_array().expect("a list").is_empty(), "{layout}");
    }
    fail(2, &args!["import", "--explain", bad("kgat"), "--out", root.path().join("kg")]);
    fail(2, &args!["import", bad("kgat")]);
    fail(
        2,
        &args!["import", bad("kgat"), "--mapping", bad("rdf").join("mapping.toml"), "--out", root.path().join("kg")],
    );
    assert_eq!(fs::read_dir(root.path()).expect("there").count(), 0);
}

/// The program with these arguments and this on its standard input.
fn piped(arguments: &[OsString], input: &[u8]) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    child.stdin.take().expect("standard input").write_all(input).expect("written");
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn standard_input_is_read_and_what_it_is_is_told_by_how_it_begins() {
    let root = tempdir().expect("a directory");
    let import = |out: &str| args!["import", "-", "--out", root.path().join(out), "--json"];
    let triples = fs::read(bad("rdf").join("graph.nt")).expect("read");
    let report = object(&piped(&import("rdf"), &triples));
    assert_eq!((report["format"].as_str(), report["graph"]["num_triples"].as_u64()), (Some("rdf"), Some(3)));
    let report = object(&piped(&import("tabs"), b"a\tof\tb\nb\tof\tc\n"));
    assert_eq!((report["format"].as_str(), report["graph"]["num_triples"].as_u64()), (Some("pykeen"), Some(2)));
    let ran = piped(&args!["import", "--explain", "-"], &triples);
    assert!(ran.starts_with("rdf: "), "{ran}");
}

#[test]
fn a_mapping_makes_items_and_users_of_a_graph() {
    let root = tempdir().expect("a directory");
    let kg = root.path().join("kg");
    let good = bad("rdf");
    let mapping = good.join("mapping.toml");
    succeed(&args!["import", good.join("graph.nt"), "--mapping", &mapping, "--out", &kg]);
    let info = object(&succeed(&args!["info", &kg, "--json"]));
    assert_eq!((info["num_users"].as_u64(), info["num_items"].as_u64()), (Some(2), Some(2)));
    let message =
        fail(2, &args!["import", &good, "--mapping", good.join("graph.nt"), "--out", root.path().join("other")]);
    assert!(message.contains("graph.nt:1"), "{message}");
}

/// The movies as RDF with their log, as the book shows: the same facts as the native folder.
#[test]
fn the_movies_as_rdf_are_the_movies_as_tables() {
    let movies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/movies");
    if !movies.exists() {
        return;
    }
    let root = tempdir().expect("a directory");
    let export = movies.join("export");
    let mapping = root.path().join("movies.toml");
    let text = format!(
        r#"
            [items]
            table = "{export}/ml-small-dbpedia.link"
            match = "type:label"
            [interactions]
            table = "{export}/ml-small-dbpedia.inter"
            [relations.rename]
            "dbo:director" = "directed_by"
            "dbo:writer" = "written_by"
            "dbo:producer" = "produced_by"
            "dbo:musicComposer" = "music_by"
            "dbo:cinematography" = "cinematography_by"
            "dbo:editing" = "edited_by"
            "dbo:distributor" = "distributed_by"
            "dct:subject" = "in_category"
        "#,
        export = export.display()
    );
    fs::write(&mapping, text).expect("written");
    let [rdf, native] = ["rdf", "native"].map(|name| root.path().join(name));
    let triples = export.join("ml-small-dbpedia.nt");
    let report = |arguments: Vec<OsString>| object(&succeed(&arguments));
    let of_rdf = report(args!["import", triples, "--mapping", &mapping, "--out", &rdf, "--json"]);
    let of_tables = report(args!["import", &movies, "--out", &native, "--json"]);
    assert_eq!(of_rdf["graph"], of_tables["graph"]);
    assert_eq!((&of_rdf["num_valid"], &of_rdf["num_test"]), (&of_tables["num_valid"], &of_tables["num_test"]));
}

/// A graph whose users live somewhere goes through every verb, and facts about users are hops like any others.
#[test]
fn facts_about_users_are_learned_from_and_shown() {
    let root = tempdir().expect("a directory");
    let at = |name: &str| root.path().join(name);
    let (data, kg, paths, model) = (at("data"), at("kg"), at("paths"), at("model"));
    fs::create_dir(&data).expect("created");
    // Neighbours of a town choose the same games.
    let mut log = "user_id\titem_id\ttimestamp\n".to_owned();
    let mut facts = "head\trelation\ttail\n".to_owned();
    for player in 0..16 {
        facts += &format!("p{player}\tlives_in\ttown{}\n", player % 4);
        for n in 0..10 {
            log += &format!("p{player}\tg{}\t{n}\n", (player % 4) * 12 + (player / 4 + n) % 12);
        }
    }
    (0..48).for_each(|game| facts += &format!("g{game}\tmade_by\tstudio{}\n", game % 5));
    fs::write(data.join("interactions.tsv"), log).expect("written");
    fs::write(data.join("triples.tsv"), facts).expect("written");
    let report = object(&succeed(&args!["import", &data, "--out", &kg, "--json"]));
    assert_eq!(report["log"]["num_linked_users"], 16);
    let neighbours = "(:user)-[:lives_in]->()<-[:lives_in]-(:user)-[:interacted]->(:item)";
    succeed(&args!["sample", &kg, "--pattern", neighbours, "--end", "train", "--out", &paths]);
    succeed(&args!["audit", &paths, "--kg", &kg]);
    let small = ["--preset", "tiny", "--epochs", "2", "--paths-per-user", "20"].map(OsString::from);
    succeed(&[args!["train", &kg, "--pattern", neighbours, "--out", &model].as_slice(), &small].concat());
    let lists = at("lists.jsonl");
    succeed(&args!["recommend", &model, "--kg", &kg, "--all", "--json", "--out", &lists]);
    succeed(&args!["verify", &lists, "--kg", &kg]);
    let text = fs::read_to_string(&lists).expect("lists");
    let parsed = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let items = text.lines().flat_map(|line| parsed(line)["items"].as_array().cloned().unwrap_or_default());
    let items: Vec<serde_json::Value> = items.collect();
    assert!(!items.is_empty());
    for item in items {
        assert!(item["relations"].to_string().contains("lives_in"), "{item}");
        // Without words for the inverse the fact is told in its own direction.
        let text = item["text"].to_string();
        assert_eq!((text.matches(" lives in town").count(), text.contains(" of ")), (2, false), "{text}");
    }
    succeed(&args!["evaluate", "--kg", &kg, "--model", &model]);
    succeed(&args!["explain", &model, "--kg", &kg, "--user", "p3", "--item", "g40"]);
    succeed(&args!["export", &paths, "--kg", &kg, "--format", "text", "--out", at("text.txt")]);
    // Files of hopwise keep users and entities apart.
    let refused = fail(2, &args!["export", &paths, "--kg", &kg, "--format", "hopwise", "--out", at("theirs")]);
    assert!(refused.contains("facts about users"), "{refused}");
}

/// What was imported comes out again, and makes the same graph: of a log with ratings and times, of link prediction, of
/// weights, of facts about users.
#[test]
fn a_graph_that_is_written_as_tables_is_the_same_again() {
    let root = tempdir().expect("a directory");
    let data = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let weighed = root.path().join("weighed");
    fs::create_dir(&weighed).expect("created");
    fs::write(weighed.join("triples.tsv"), "head\trelation\ttail\tweight\na\tr\tx\t0.5\nb\tr\tx\t2\n")
        .expect("written");
    fs::write(weighed.join("interactions.tsv"), "user_id\titem_id\nu\ta\nv\tb\nv\tc\n").expect("written");
    let homes = root.path().join("homes");
    fs::create_dir(&homes).expect("created");
    fs::write(homes.join("triples.tsv"), "head\trelation\ttail\nann\tlives_in\trome\nrome\tmayor\tbob\nx\tr\trome\n")
        .expect("written");
    fs::write(homes.join("interactions.tsv"), "user_id\titem_id\tposition\nann\tx\t1\nann\ty\t2\nbob\tx\t3\n")
        .expect("written");
    let prized = prized(root.path());
    let lonely = root.path().join("lonely");
    fs::create_dir(&lonely).expect("created");
    fs::write(lonely.join("triples.tsv"), "head\trelation\ttail\na\tr\tx\nb\tr\tx\n").expect("written");
    fs::write(lonely.join("interactions.tsv"), "user_id\titem_id\nu\ti\nu\tj\nv\ti\n").expect("written");
    let entities =
        "entity_id\ttype\tlabel\na\tbook\tA\nb\tentity\t\nx\tentity\tX\nnothing\tentity\t\nodd/50 %\tentity\t\n";
    fs::write(lonely.join("entities.tsv"), entities).expect("written");
    let sets = [
        ("lonely", lonely),
        ("films", data("data/films")),
        ("kgat", bad("kgat")),
        ("openke", bad("openke")),
        ("weighed", weighed),
        ("homes", homes),
        ("prized", prized),
        ("labelled", bad("neo4j")),
    ];
    for (name, source) in sets {
        let kg = root.path().join(format!("{name}-kg"));
        let more: &[OsString] = match name {
            "weighed" => &args!["--join-by-id"],
            "labelled" => &args!["--mapping", bad("neo4j").join("mapping.toml")],
            _ => &[],
        };
        succeed(&[args!["import", &source, "--out", &kg].as_slice(), more].concat());
        for format in ["tables", "csv", "parquet", "ntriples"] {
            let [out, again] = ["out", "again"].map(|part| root.path().join(format!("{name}-{format}-{part}")));
            let export = args!["export-graph", &kg, "--format", format, "--out", &out];
            if format == "ntriples" && ["openke", "weighed", "homes"].contains(&name) {
                let refused = fail(2, &export);
                assert!(refused.contains("ntriples cannot say") && !out.exists(), "{name}: {refused}");
                continue;
            }
            succeed(&export);
            succeed(&args!["check", &out]);
            let import = match format {
                "ntriples" => args!["import", out.join("graph.nt"), "--mapping", out.join("mapping.toml")],
                _ => args!["import", &out],
            };
            succeed(&[import.as_slice(), &args!["--out", &again]].concat());
            assert_eq!(described(&kg), described(&again), "{name} as {format}");
            assert_eq!(tables_of(&kg, root.path()), tables_of(&again, root.path()), "{name} as {format}");
        }
    }
}

/// Films, people and places with further types: of what has facts and what has none, of a type that is a further type
/// elsewhere, and of names that XML, IRIs and patterns write in another way.
fn prized(root: &Path) -> PathBuf {
    let folder = root.join("prized");
    fs::create_dir(&folder).expect("created");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("triples.tsv", "head\trelation\ttail\na\tby\tx\nb\tby\tx\nb\tin\ty\nc\tin\ty\n");
    write(
        "entities.tsv",
        "entity_id\ttype\tlabel\tfurther_types\na\tfilm\tA\tclassic\nb\tfilm\t\t\nc\tfilm\t\tclassic;won & lost\n\
         x\tperson\tX\tplace;won & lost\ny\tplace\tY\t\nz\tplace\t\tclassic\n",
    );
    let items =
        "item_id\tentity_id\ttitle\tfurther_types\ni\ta\tA\t\nj\tb\tB\tbest of\nk\tc\t\tclassic\nl\t\tL\tbest of\n";
    write("items.tsv", items);
    write("interactions.tsv", "user_id\titem_id\nu\ti\nu\tj\nv\ti\nv\tl\n");
    folder
}

/// What `info` says of a graph, but for how it was imported and what depends on the lines that facts came from.
fn described(kg: &Path) -> Value {
    let mut info = object(&succeed(&args!["info", kg, "--json"]));
    let fields = info.as_object_mut().expect("an object");
    fields.remove("hash");
    fields.remove("origin");
    info
}

/// All that a graph has, as tables whose every byte it decides.
fn tables_of(kg: &Path, root: &Path) -> BTreeMap<String, Vec<u8>> {
    let out = root.join(format!("{}-written", kg.file_name().expect("a name").display()));
    succeed(&args!["export-graph", kg, "--out", &out, "--force"]);
    let mut files = files(&out);
    files.remove("manifest.json");
    files
}

/// What was written for other programs has every node, every fact and every interaction of the tables, and no other.
#[test]
fn graphs_for_other_programs_have_the_same_edges() {
    let root = tempdir().expect("a directory");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/films");
    let [kg, json, xml] = ["kg", "json", "xml"].map(|name| root.path().join(name));
    succeed(&args!["import", &source, "--out", &kg]);
    succeed(&args!["export-graph", &kg, "--format", "petgraph-json", "--out", &json]);
    succeed(&args!["export-graph", &kg, "--format", "graphml", "--out", &xml]);
    let json: Value = serde_json::from_slice(&fs::read(json.join("graph.json")).expect("read")).expect("JSON");
    let list = |name: &str| json[name].as_array().expect("a list").clone();
    let (nodes, edges) = (list("nodes"), list("edges"));
    let end = |edge: &Value, place: usize| {
        let node = &nodes[usize::try_from(edge[place].as_u64().expect("a number")).expect("small")];
        format!("{}:{}", node["type"].as_str().expect("a type"), node["id"].as_str().expect("an id"))
    };
    let words = |edge: &Value| {
        let about = &edge[2];
        [end(edge, 0), about["relation"].to_string(), end(edge, 1), about["split"].to_string()].join(" ")
    };
    let mut from_json: Vec<String> = edges.iter().map(words).collect();
    from_json.sort_unstable();
    let xml = fs::read_to_string(xml.join("graph.graphml")).expect("read");
    let mut from_xml = edges_of_graphml(&xml);
    from_xml.sort_unstable();
    assert_eq!(from_json, from_xml);
    let tables = tables_of(&kg, root.path());
    let rows = |name: &str| tables[name].iter().filter(|&&byte| byte == b'\n').count() - 1;
    assert_eq!(edges.len(), rows("triples.tsv") + rows("interactions.tsv"));
    let interacted = |edge: &&Value| edge[2]["relation"] == "interacted";
    assert_eq!(edges.iter().filter(interacted).count(), rows("interactions.tsv"));
}

#[test]
fn graphs_for_other_programs_have_further_types() {
    let root = tempdir().expect("a directory");
    let [kg, json, xml] = ["kg", "json", "xml"].map(|name| root.path().join(name));
    succeed(&args!["import", prized(root.path()), "--out", &kg]);
    succeed(&args!["export-graph", &kg, "--format", "petgraph-json", "--out", &json]);
    succeed(&args!["export-graph", &kg, "--format", "graphml", "--out", &xml]);
    let json: Value = serde_json::from_slice(&fs::read(json.join("graph.json")).expect("read")).expect("JSON");
    let nodes = json["nodes"].as_array().expect("nodes");
    let further = |id: &str| nodes.iter().find(|node| node["id"] == id).expect("a node")["further_types"].clone();
    assert_eq!(further("k"), serde_json::json!(["classic", "won & lost"]));
    assert_eq!((further("u"), further("x")), (Value::Null, serde_json::json!(["place", "won & lost"])));
    let xml = fs::read_to_string(xml.join("graph.graphml")).expect("read");
    assert!(xml.contains("attr.name=\"further_types\""), "{xml}");
    assert_eq!(xml.matches("<data key=\"node_further_types\">classic;won &amp; lost</data>").count(), 1);
    let info = succeed(&args!["info", &kg]);
    assert!(info.contains("further type classic of 3 nodes"), "{info}");
    let list = succeed(&args!["pattern", "list", "--kg", &kg]);
    assert!(list.contains("best of (further type)"), "{list}");
    // A further type is a label of any node that has it, alone or beside the node's own.
    let count = |pattern: &str| {
        let counted = object(&succeed(&args!["count", &kg, "--pattern", pattern, "--end", "any", "--json"]));
        counted["total"].as_u64().unwrap_or_else(|| panic!("{counted}"))
    };
    assert_eq!(count("(:user)-[:interacted]->(:item)"), 4);
    assert_eq!(count("(:user)-[:interacted]->(:`best of`)"), 2);
    assert_eq!(count("(:user)-[:interacted]->(:item&classic)"), 2);
    assert_eq!(count("(:user)-[:interacted]->(:item)-[]-(:place)-[]-(:item)"), 4, "x is a place as well");
    assert_eq!(count("(:user)-[:interacted]->(:item)-[]-(:place&!person)-[]-(:item)"), 1);
    // What is drawn obeys it, all of it, and the auditor says so of this pattern and not of another.
    let [paths, text] = ["paths", "text.jsonl"].map(|name| root.path().join(name));
    let pattern = "(:user)-[:interacted]->(:item)-[]-(:place&!person)-[]-(:item&classic)";
    let amount = args!["--end", "any", "--paths-per-user", "20"];
    succeed(&[args!["sample", &kg, "--out", &paths, "--pattern", pattern].as_slice(), &amount].concat());
    succeed(&args!["audit", &paths, "--kg", &kg]);
    succeed(&args!["export", &paths, "--kg", &kg, "--format", "jsonl", "--out", &text]);
    let drawn = fs::read_to_string(text).expect("read");
    let rows: Vec<&str> = drawn.lines().collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.contains("item:j") && row.contains("item:k")), "{drawn}");
    let checked = succeed(&args!["pattern", "check", pattern, "--kg", &kg]);
    assert!(checked.contains("to item&classic&won & lost"), "{checked}");
    let refused = fail(2, &args!["count", &kg, "--pattern", "(:user)-->(:clasic)-->(:item)"]);
    assert!(refused.contains("the graph has no node type `clasic`") && refused.contains("classic"), "{refused}");
}

/// `type:id "relation" type:id "split"` of every edge, read line by line.
fn edges_of_graphml(xml: &str) -> Vec<String> {
    let of = |element: &str, key: &str| {
        let (_, rest) = element.split_once(&format!("<data key=\"{key}\">")).expect("the attribute");
        rest.split_once("</data>").expect("its end").0.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    let attribute = |element: &str, name: &str| {
        element
            .split_once(&format!("{name}=\""))
            .expect("the attribute")
            .1
            .split_once('"')
            .expect("its end")
            .0
            .to_owned()
    };
    let lines = |start: &'static str| xml.lines().filter(move |line| line.starts_with(start));
    let name = |line: &str| (attribute(line, "id"), format!("{}:{}", of(line, "node_type"), of(line, "node_id")));
    let nodes: BTreeMap<String, String> = lines("<node").map(name).collect();
    let words = |line: &str| {
        let [head, tail] = ["source", "target"].map(|end| nodes[&attribute(line, end)].clone());
        format!("{head} \"{}\" {tail} \"{}\"", of(line, "edge_relation"), of(line, "edge_split"))
    };
    lines("<edge").map(words).collect()
}
