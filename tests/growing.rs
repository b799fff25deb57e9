//! A graph that grows, and what is known of items beside its edges.

use crate::support::films::{films, folder};
use crate::support::server::Server;
use crate::support::{args, fail, files, succeed, tables};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// The rows of a table of the films that one of two parts has, below the header.
fn part(name: &str, takes: impl Fn(usize) -> bool) -> String {
    let text = fs::read_to_string(folder().join(name)).expect("read");
    let (header, rows) = text.split_once('\n').expect("a header");
    let rows = rows.lines().enumerate().filter(|(number, _)| takes(*number)).map(|(_, row)| row);
    std::iter::once(header).chain(rows).map(|line| format!("{line}\n")).collect()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    fs::create_dir_all(folder).expect("created");
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    path
}

/// The files of a graph but the manifest, which tells how it was made.
fn content(kg: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut content = files(kg);
    content.remove("manifest.json");
    content
}

#[test]
fn sorted_tables_make_the_graph_that_their_data_makes() {
    let root = tempdir().expect("a directory");
    let [built, imported, cut] = ["built", "imported", "cut"].map(|name| root.path().join(name));
    succeed(&args!["build", tables().join("sorted"), "--out", &built]);
    succeed(&args!["import", tables().join("plain"), "--split", "none", "--out", &imported]);
    assert!(content(&built) == content(&imported));
    // Tables that are not whole make nothing.
    fs::create_dir_all(cut.join("edges")).expect("created");
    for name in ["tables.json", "nodes.parquet", "aliases.parquet"] {
        fs::copy(tables().join("sorted").join(name), cut.join(name)).expect("copied");
    }
    let edges = Path::new("edges/part-00000.parquet");
    let bytes = fs::read(tables().join("sorted").join(edges)).expect("read");
    fs::write(cut.join(edges), &bytes[..bytes.len() - 9]).expect("written");
    let told = fail(3, &args!["build", cut, "--out", root.path().join("none")]);
    assert!(told.contains("part-00000.parquet") && !root.path().join("none").exists(), "{told}");
}

#[test]
fn films_that_come_in_two_parts_are_the_films() {
    let root = tempdir().expect("a directory");
    let at = |name: &str| root.path().join(name);
    let is_later = |number: usize| number % 7 == 3;
    for (name, is_first) in [("first", true), ("second", false)] {
        let takes = |number: usize| is_later(number) != is_first;
        for table in ["triples", "interactions"] {
            let text = part(&format!("{table}.tsv"), takes);
            write(&at(name), &format!("{table}.{name}.tsv"), &text);
            write(&at("whole"), &format!("{table}.{name}.tsv"), &text);
        }
    }
    for table in ["entities.tsv", "relations.tsv", "items.tsv"] {
        for folder in ["first", "whole"] {
            write(&at(folder), table, &part(table, |_| true));
        }
    }
    succeed(&args!["import", at("first"), "--out", at("base"), "--attribute-columns", "year"]);
    succeed(&args!["import", "--onto", at("base"), at("second"), "--out", at("grown")]);
    succeed(&args!["import", at("whole"), "--out", at("together"), "--attribute-columns", "year"]);
    assert!(content(&at("grown")) == content(&at("together")), "another graph than of all files together");
    // It says how it was made as if it were made so, and can grow on.
    let options = |kg: &str| -> Value {
        let manifest = fs::read_to_string(at(kg).join("manifest.json")).expect("read");
        serde_json::from_str::<Value>(&manifest).expect("JSON")["config"]["options"].clone()
    };
    assert_eq!(options("grown")["split"], options("together")["split"]);
    succeed(&args!["import", "--onto", at("grown"), "--out", at("same")]);
    assert!(content(&at("same")) == content(&at("together")));
}

#[test]
fn what_concerns_the_whole_is_not_asked_for_again() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let out = root.path().join("out");
    for option in [["--min-rating", "3"], ["--same-ids", "case"], ["--min-history", "3"]] {
        let said = fail(2, &args!["import", "--onto", &films.kg, "--out", &out, option[0], option[1]]);
        assert!(said.contains("cannot be used with"), "{said}");
    }
    for option in [["--ratios", "0.6,0.2,0.2"], ["--seed", "2"]] {
        let said = fail(2, &args!["import", "--onto", &films.kg, "--out", &out, option[0], option[1]]);
        assert!(said.contains("give --split as well"), "{said}");
    }
    let removed = write(root.path(), "gone.tsv", "head\trelation\ttail\nalien-1979\thas_genre\tgenre-western\n");
    let said = fail(3, &args!["import", "--onto", &films.kg, "--removed", removed, "--out", &out]);
    assert!(said.contains("gone.tsv:2: not_there"), "{said}");
    assert!(!out.exists());
}

/// What users tell a server becomes part of a graph, and what is known of items rules its lists.
#[test]
fn a_graph_takes_the_events_of_a_server_and_its_attributes_are_ruled_by() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let at = |name: &str| root.path().join(name);
    let start = |kg: &Path, model: &Path| Server::start(&args!["--kg", kg, "--model", model, "--events", at("events")]);
    let server = start(&films.kg, &films.model);
    let told = json!([{ "user": "somebody-new", "item": "alien-1979" }, { "user": "user-001", "item": "brand-new" }]);
    server.post("/v1/events", &json!({ "events": told })).ok();
    drop(server);
    let years: Vec<(String, u32)> = part("items.tsv", |_| true)
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            (fields[0].to_owned(), fields[3].parse().expect("a year"))
        })
        .collect();
    let table: String = years.iter().map(|(id, year)| format!("{id},{year},{year}-07-01,9.5\n")).collect();
    let table = write(root.path(), "known.csv", &format!("item_id,year,released,price in {{€}} (net)\n{table}"));
    let grow = args!["import", "--onto", &films.kg, "--events", at("events"), "--attributes", table, "--out", at("kg")];
    let report = succeed(&grow);
    assert!(report.contains("attribute released (date) of 385 items"), "{report}");
    succeed(&args!["adapt", &films.model, "--from", &films.kg, "--kg", at("kg"), "--out", at("model")]);
    let server = Server::start(&args!["--kg", at("kg"), "--model", at("model")]);
    let year: BTreeMap<&str, u32> = years.iter().map(|(id, year)| (id.as_str(), *year)).collect();
    let list = |user: &str, rule: &str| -> Vec<u32> {
        let path = format!("/v1/users/{user}/recommendations?k=20&rules={rule}");
        let list: Value = server.get(&path).ok();
        let items = list["items"].as_array().expect("items").clone();
        items.iter().map(|item| year[item["item"].as_str().expect("an id")]).collect()
    };
    let early = list("somebody-new", "released+%3C+1975-01-01");
    assert!(early.len() == 20 && early.iter().all(|&year| year < 1975), "{early:?}");
    let by_number = list("somebody-new", "year+%3C+1975");
    assert_eq!(early, by_number);
    let refused = server.get("/v1/users/somebody-new/recommendations?rules=price+%3C+20");
    let hint = refused.json()["hint"].as_str().unwrap_or_default().to_owned();
    assert!(hint.contains("attributes are price in {€} (net), released, year"), "{hint}");
    // Whatever it is written as has the same attributes again.
    for format in ["tables", "csv", "parquet", "ntriples"] {
        let [written, again] = ["written", "again"].map(|what| at(&format!("{what}-{format}")));
        succeed(&args!["export-graph", at("kg"), "--format", format, "--out", &written]);
        let mut import = args!["import", "--out", &again];
        match format {
            "ntriples" => import.extend(args![written.join("graph.nt"), "--mapping", written.join("mapping.toml")]),
            _ => import.extend(args![&written]),
        }
        succeed(&import);
        let attributes = |kg: &Path| content(kg)["attributes.safetensors"].clone();
        assert!(attributes(&again) == attributes(&at("kg")), "{format}");
    }
}

#[test]
fn bad_attributes_are_told_with_their_place_and_what_is_added_can_be_explained() {
    let (films, root) = (films(), tempdir().expect("a directory"));
    let out = root.path().join("out");
    for (rows, said) in [
        ("alien-1979,9.5\nheat-1995,dear\n", "known.csv:3:2: attribute: `dear` is no number"),
        ("alien-1979,true\nheat-1995,1\n", "known.csv:3:2: attribute: `1` is neither true nor false"),
        ("alien-1979,1979-05-25\nheat-1995,1995\n", "known.csv:3:2: attribute: `1995` is no date"),
        ("alien-1979,9.5\nalien-1979,9\n", "known.csv:3:2: conflict: another value of `price`"),
    ] {
        let table = write(root.path(), "known.csv", &format!("item_id,price\n{rows}"));
        let told = fail(3, &args!["import", "--onto", &films.kg, "--attributes", table, "--out", &out]);
        assert!(told.contains(said), "{told}");
        assert!(!out.exists());
    }
    let told = fail(3, &args!["import", folder(), "--attribute-columns", "price", "--out", &out]);
    assert!(told.contains("items.tsv:1") && told.contains("no column `price`"), "{told}");
    let log = write(root.path(), "clicks.csv", "user_id,item_id,timestamp\nuser-001,alien-1979,1\n");
    let told = succeed(&args!["import", "--explain", "--onto", &films.kg, "--interactions", log]);
    assert!(told.contains("clicks.csv: interactions"), "{told}");
}
