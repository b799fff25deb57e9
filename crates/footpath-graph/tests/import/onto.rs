//! Adding to a graph gives the graph of all files together, to the byte; and what is taken back was never there.

use crate::{failure, strict};
use footpath_core::{Artefact, ArtefactKind, Context, Purpose, Replace, Stream};
use footpath_graph::aliases::Aliases;
use footpath_graph::import::{Event, Imported, Inputs, Options, import_from};
use footpath_graph::split::{Ratios, SplitSpec};
use footpath_graph::{AttributeKind, Error, TrainKg};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const NUM_DATA_SETS: u32 = 80;

/// Rows of the tables of a data set, which all have a header.
type Tables = BTreeMap<String, (String, Vec<String>)>;

struct Random(Stream);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

fn write(folder: &Path, tables: &Tables) -> PathBuf {
    fs::create_dir_all(folder).expect("created");
    for (name, (header, rows)) in tables.iter().filter(|(_, (_, rows))| !rows.is_empty()) {
        let text = rows.iter().fold(format!("{header}\n"), |mut text, row| {
            writeln!(text, "{row}").expect("a string takes all");
            text
        });
        fs::write(folder.join(format!("{name}.tsv")), text).expect("written");
    }
    folder.to_owned()
}

/// Half of the data sets have further types.
fn further(seed: u32, number: u64, header: &str, row: String) -> (String, String) {
    if seed.is_multiple_of(2) {
        return (header.to_owned(), row);
    }
    let names = ["", "prize", "place;prize", "", "classic"][(number * 3 + u64::from(seed)) as usize % 5];
    (format!("{header}\tfurther_types"), format!("{row}\t{names}"))
}

/// A data set in two parts. Of the log and the facts each part has a file of its own; of the lists the whole has one.
fn data(seed: u32) -> ([Tables; 2], Tables) {
    let mut random = Random(Stream::new(7, Purpose::History, seed, 0));
    let (has_rating, has_split, has_weight) = (random.coin(), random.below(3) == 0, random.below(3) == 0);
    let lists_entities = random.coin();
    let mut parts = [Tables::new(), Tables::new()];
    let mut whole = Tables::new();
    let mut add = |part: usize, table: &str, is_list: bool, header: &str, row: String| {
        let of = |name: String| (name, (header.to_owned(), Vec::new()));
        let file = if is_list { table.to_owned() } else { format!("{table}.{part}") };
        for tables in [&mut parts[part], &mut whole] {
            let (name, empty) = of(file.clone());
            tables.entry(name).or_insert(empty).1.push(row.clone());
        }
    };
    // Items share entities, have their ids, or have none; entities are named by facts, or listed first.
    let fact_header = ["head\trelation\ttail", if has_weight { "\tweight" } else { "" }].concat();
    for number in 0..30 {
        let part = usize::from(number > 20 || random.below(4) == 0);
        let (head, tail) = (random.below(9), random.below(14));
        let weight = if has_weight { format!("\t{}", 1 + (head + 3 * tail) % 5) } else { String::new() };
        let relation = ["by", "in_the", "like"][random.below(3) as usize];
        add(part, "triples", false, &fact_header, format!("e{head}\t{relation}\te{tail}{weight}"));
    }
    if lists_entities {
        for entity in 0..14 {
            // Whatever a part's facts name is listed in the first.
            let label = if random.coin() { format!("Entity {entity}") } else { String::new() };
            let row = format!("e{entity}\t{}\t{label}", ["person", "place"][usize::from(entity % 3 == 0)]);
            let (header, row) = further(seed, entity, "entity_id\ttype\tlabel", row);
            add(0, "entities", true, &header, row);
        }
    }
    for item in 0..8 {
        let entity = match random.below(4) {
            0 => String::new(),
            1 => "e1".to_owned(),
            _ => format!("e{item}"),
        };
        let title = if random.coin() { format!("Title of {item}") } else { String::new() };
        let id = if random.coin() { format!("e{item}") } else { format!("i{item}") };
        let row = format!("{id}\t{entity}\t{title}");
        let (header, row) = further(seed, item + 3, "item_id\tentity_id\ttitle", row);
        add(usize::from(item > 4), "items", true, &header, row);
        let price = random.below(40);
        let row = format!("{id}\t{price}\t{}", if random.coin() { "2001-02-03" } else { "" });
        add(usize::from(item > 4), "attributes", true, "item_id\tprice\tsince", row);
    }
    let mut header = "user_id\titem_id\ttimestamp".to_owned();
    header += if has_rating { "\trating" } else { "" };
    header += if has_split { "\tsplit" } else { "" };
    for user in 0..5 {
        for item in 0..8u64 {
            if random.below(3) == 0 {
                continue;
            }
            let id = if random.coin() { format!("e{item}") } else { format!("i{item}") };
            let mut row = format!("u{user}\t{id}\t{}", 100 + random.below(50));
            row += &if has_rating { format!("\t{}", 1 + random.below(5)) } else { String::new() };
            row += if has_split { ["\ttrain", "\ttrain", "\tvalid", "\ttest"][random.below(4) as usize] } else { "" };
            add(usize::from(random.below(3) == 0), "interactions", false, &header, row);
        }
    }
    (parts, whole)
}

fn publish(imported: &Imported, out: &Path) -> BTreeMap<String, String> {
    let config = serde_json::json!({ "options": imported.options, "report": imported.report });
    let context = Context::default();
    let manifest = imported.built.publish(out, Replace::No, config, &context).expect("published");
    manifest.files.into_iter().map(|(name, file)| (name, file.xxh3)).collect()
}

fn import(inputs: &Inputs, options: &Options) -> Imported {
    import_from(inputs, options, &Context::default()).unwrap_or_else(|e| panic!("{inputs:?}: {e}"))
}

fn of(path: PathBuf) -> Inputs {
    Inputs { paths: vec![path], ..Inputs::default() }
}

#[test]
fn adding_gives_what_all_files_together_give() {
    let mut num_compared = 0;
    for seed in 0..NUM_DATA_SETS {
        let root = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| root.path().join(name);
        let ([first, second], whole) = data(seed);
        let ratios = Ratios::new(0.6, 0.2, 0.2).expect("shares");
        let splits = [
            SplitSpec::Auto { ratios, seed: 3 },
            SplitSpec::Random { ratios, seed: 3 },
            SplitSpec::LeaveOneOut { seed: 3 },
            SplitSpec::Date { ratios },
            SplitSpec::None,
        ];
        let split = splits[seed as usize % splits.len()];
        let has_rating = whole.values().any(|(header, _)| header.contains("rating"));
        let options = Options {
            split,
            min_history: 3,
            min_rating: (has_rating && seed % 2 == 0).then_some(2.0),
            rating_weights: has_rating && seed % 3 == 0,
            join_by_id: seed % 4 == 0,
            ..strict()
        };
        // A first part of which no link leads anywhere is refused.
        let base = import_from(&of(write(&at("a"), &first)), &options, &Context::default());
        let Ok(base) = base else { continue };
        num_compared += 1;
        publish(&base, &at("base"));
        // What concerns the whole is as it was: only how files are read is asked for again.
        let asked = Options { lenient: None, ..Options::default() };
        let inputs = Inputs { onto: Some(at("base")), ..of(write(&at("b"), &second)) };
        let grown = import(&inputs, &asked);
        let together = import(&of(write(&at("all"), &whole)), &options);
        assert_eq!(publish(&grown, &at("grown")), publish(&together, &at("together")), "data set {seed}");
        assert_eq!(grown.report.last_lines, together.report.last_lines, "data set {seed}");
    }
    assert!(num_compared > NUM_DATA_SETS * 9 / 10, "{num_compared}");
}

#[test]
fn adding_nothing_changes_nothing_and_a_split_may_be_made_anew() {
    let root = tempfile::tempdir().expect("temporary folder");
    let ([first, _], _) = data(1);
    let base = import(&of(write(&root.path().join("a"), &first)), &strict());
    let files = publish(&base, &root.path().join("base"));
    let onto = Inputs { onto: Some(root.path().join("base")), ..Inputs::default() };
    assert_eq!(publish(&import(&onto, &Options::default()), &root.path().join("same")), files);
    let all_train = import(&onto, &Options { split: SplitSpec::None, ..Options::default() });
    let num = |imported: &Imported| {
        let report = &imported.report;
        (report.graph.num_train, report.num_valid + report.num_test)
    };
    assert_eq!(num(&all_train), (num(&base).0 + num(&base).1, 0));
}

/// A film shop of three tables.
fn shop(folder: &Path) -> PathBuf {
    let tables = [
        ("triples", "head\trelation\ttail", &["alien\tby\tscott", "blade\tby\tscott", "jaws\tby\tspielberg"][..]),
        ("items", "item_id\tentity_id\ttitle", &["1\talien\tAlien", "2\tblade\tBlade Runner", "3\tjaws\tJaws"][..]),
        ("interactions", "user_id\titem_id\ttimestamp", &["ann\t1\t10", "ben\t3\t11", "ben\t2\t12"][..]),
    ];
    let rows = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect();
    let tables = tables.map(|(name, header, of)| (name.to_owned(), (header.to_owned(), rows(of))));
    write(folder, &Tables::from(tables))
}

struct Shop {
    root: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("temporary folder");
        let imported = import(&of(shop(&root.path().join("data"))), &Options { split: SplitSpec::None, ..strict() });
        publish(&imported, &root.path().join("kg"));
        Self { root }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn onto(&self) -> Inputs {
        Inputs { onto: Some(self.root.path().join("kg")), ..Inputs::default() }
    }

    fn add(&self, inputs: &Inputs) -> Result<TrainKg, Error> {
        import_from(inputs, &Options::default(), &Context::default())?.built.train_kg()
    }
}

#[test]
fn facts_and_interactions_are_taken_back() {
    let shop = Shop::new();
    let facts = shop.file("facts.tsv", "head\trelation\ttail\njaws\tby\tspielberg\n");
    let log = shop.file("log.csv", "user_id,item_id\nben,3\n");
    let kg = shop.add(&Inputs { removed: vec![facts, log], ..shop.onto() }).expect("removed");
    assert_eq!(kg.items_of(kg.user("ben").expect("ben")).len(), 1);
    let jaws = kg.item("3").expect("jaws is listed");
    assert_eq!((kg.degree(jaws), kg.popularity(jaws)), (0, 0));
    for (name, text, line) in [
        ("facts.tsv", "head\trelation\ttail\njaws\tby\tscott\n", 2),
        ("facts.tsv", "head\trelation\ttail\njaws\tby\tnobody\n", 2),
        ("facts.tsv", "head\trelation\ttail\njaws\tby\tspielberg\njaws\tnear\tscott\n", 3),
        ("log.csv", "user_id,item_id\nann,1\nann,2\n", 3),
    ] {
        let removed = vec![shop.file(name, text)];
        let refused =
            failure(import_from(&Inputs { removed, ..shop.onto() }, &Options::default(), &Context::default()), name);
        let first = refused.diagnostics.first().expect("a diagnostic");
        assert_eq!((first.kind, first.line), ("not_there", line), "{text}");
    }
}

#[test]
fn events_count_as_interactions() {
    let shop = Shop::new();
    let event = |user: &str, item: &str, time| Event { user: user.into(), item: item.into(), rating: 1.0, time };
    let events = vec![event("ann", "3", 20), event("cleo", "new", 21), event("ann", "1", 22)];
    let kg = shop.add(&Inputs { events, ..shop.onto() }).expect("added");
    let times: Vec<i64> = kg.times_of(kg.user("ann").expect("ann")).to_vec();
    assert_eq!(times, [10, 20], "of a repeated choice the first counts");
    assert_eq!(kg.items_of(kg.user("cleo").expect("cleo")).len(), 1);
}

#[test]
fn newer_attributes_win_and_others_stay() {
    let shop = Shop::new();
    let first = shop.file("first.tsv", "item_id\tprice\tin_stock\n1\t10\ttrue\n2\t20\t\n");
    let options = Options::default();
    let imported = import(&Inputs { attributes: Some(first), ..shop.onto() }, &options);
    publish(&imported, &shop.root.path().join("priced"));
    let second = shop.file("second.csv", "item_id,price\n1,12.5\n3,30\n");
    let onto = Some(shop.root.path().join("priced"));
    let kg = import(&Inputs { attributes: Some(second), onto, ..Inputs::default() }, &options).built.train_kg();
    let kg = kg.expect("a graph");
    let price = kg.attribute("price").expect("a price");
    assert_eq!((price.kind, price.values), (AttributeKind::Number, &[12.5, 20.0, 30.0][..]));
    let in_stock = kg.attribute("in_stock").expect("kept");
    assert_eq!((in_stock.kind, in_stock.values.first()), (AttributeKind::Boolean, Some(&1.0)));
}

#[test]
fn what_contradicts_the_graph_is_refused() {
    let shop = Shop::new();
    for (name, text, kind) in [
        ("relations.tsv", "relation_id\tname\tforward_label\nby\t~by\tmade by\n", "relation_collision"),
        ("items.tsv", "item_id\tentity_id\n1\tblade\n", "link_conflict"),
        ("triples.tsv", "head\trelation\ttail\tweight\nalien\tby\tcameron\t2\n", "fields"),
    ] {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::write(folder.path().join(name), text).expect("written");
        let inputs = Inputs { paths: vec![folder.path().to_owned()], ..shop.onto() };
        let refused = failure(import_from(&inputs, &Options::default(), &Context::default()), name);
        assert_eq!(refused.diagnostics.first().map(|d| d.kind), Some(kind), "{name}: {refused:?}");
    }
}

#[test]
fn a_type_that_an_entity_has_stays_and_one_that_it_lacks_is_added() {
    let shop = Shop::new();
    let add = |kg: &str, out: &str, kind: &str| {
        let file = shop.file("entities.tsv", &format!("entity_id\ttype\tlabel\nscott\t{kind}\tRidley Scott\n"));
        let inputs = Inputs { paths: vec![file], onto: Some(shop.root.path().join(kg)), ..Inputs::default() };
        let added = import_from(&inputs, &Options::default(), &Context::default())?;
        publish(&added, &shop.root.path().join(out));
        Ok(added)
    };
    let kg = add("kg", "typed", "person").and_then(|added| added.built.train_kg()).expect("a graph");
    let scott = kg.node("entity:scott").expect("scott");
    assert_eq!(
        (kg.label(scott), kg.schema().types.last().map(|kind| kind.name.as_str())),
        ("Ridley Scott", Some("person"))
    );
    let refused = failure(add("typed", "other", "place"), "another type");
    assert_eq!(refused.diagnostics.first().map(|d| d.kind), Some("other_type"));
}

#[test]
fn the_entities_of_items_are_kept() {
    let shop = Shop::new();
    let artefact =
        Artefact::open(&shop.root.path().join("kg"), ArtefactKind::Kg, &Context::default()).expect("a graph");
    let aliases = Aliases::of(&artefact).expect("aliases");
    let ids: Vec<&str> = aliases.iter().map(|alias| alias.id).collect();
    assert_eq!(ids, ["alien", "blade", "jaws"]);
    // A new fact about an entity is one about its item.
    let facts = shop.file("triples.more.tsv", "head\trelation\ttail\njaws\tstarring\tscheider\n");
    let kg = shop.add(&Inputs { paths: vec![facts], ..shop.onto() }).expect("added");
    assert_eq!(kg.degree(kg.item("3").expect("jaws")), 3);
}
