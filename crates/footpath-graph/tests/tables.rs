//! Tables that a simple program makes of records give the store that an import of the same records gives; tables that
//! are wrong in any way are refused, with file and row.

#![cfg(feature = "parquet")]

use footpath_core::{Context, Manifest, Replace};
use footpath_graph::import::{DatasetBuilder, Entity, Interaction, Item, Options, Source, Triple};
use footpath_graph::kg::Sources;
use footpath_graph::tables::{CountedType, LAYOUT_FILE, LAYOUT_VERSION, Layout, NamedRelation, build};
use footpath_graph::{Error, Split, TrainKg};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an import and an engine are both given.
#[derive(Clone, Debug, Default)]
struct Records {
    /// Entities by number, each with its type and whether it has a label.
    entities: Vec<(u8, bool)>,
    /// Head, relation, tail.
    triples: Vec<(usize, u8, usize)>,
    /// Items by number: the entity that each is, if it is one, and whether it has a title.
    items: Vec<(Option<usize>, bool)>,
    /// User, item, time.
    log: Vec<(u8, usize, i64)>,
    has_ratings: bool,
    has_times: bool,
    has_weights: bool,
}

/// Ids whose order is another than that of their numbers.
fn id(what: &str, number: usize) -> String {
    format!("{what}-{}é{number}", number * 7 % 10)
}

impl Records {
    fn rating(&self, user: u8, item: usize) -> Option<f32> {
        self.has_ratings.then(|| 1.0 + ((usize::from(user) + item) % 9) as f32 / 2.0)
    }

    fn weight(&self, (head, relation, tail): (usize, u8, usize)) -> Option<f32> {
        self.has_weights.then(|| 0.5 + ((head + usize::from(relation) + tail) % 5) as f32)
    }

    fn part(user: u8, item: usize) -> Split {
        match (usize::from(user) * 3 + item) % 7 {
            5 => Split::Valid,
            6 => Split::Test,
            _ => Split::Train,
        }
    }

    fn kind(number: u8) -> String {
        format!("type {}", number % 3)
    }

    fn label(what: &str, number: usize, has: bool) -> String {
        if has { format!("{what} «{number}»") } else { String::new() }
    }

    /// What an import makes of them.
    fn import(&self, out: &Path) -> Manifest {
        // The log names its parts, where there is one.
        let mut builder = DatasetBuilder::new(&Options::default()).expect("options");
        let [interactions, triples] = ["interactions.tsv", "facts.tsv"].map(|name| builder.file(name.as_ref()));
        let (interactions, triples) = (interactions.expect("a file"), triples.expect("a file"));
        for (number, &(kind, has_label)) in self.entities.iter().enumerate() {
            let (id, kind) = (id("entity", number), Self::kind(kind));
            let label = Self::label("entity", number, has_label);
            let entity = Entity { id: &id, kind: &kind, label: Some(&label) };
            builder.entity(Source::default(), &entity).expect("an entity");
        }
        for (line, &fact) in (2..).zip(&self.triples) {
            let (head, relation, tail) = (id("entity", fact.0), format!("r{}", fact.1), id("entity", fact.2));
            let triple = Triple { head: &head, relation: &relation, tail: &tail, weight: self.weight(fact) };
            builder.triple(Source::at(triples, line), &triple).expect("a fact");
        }
        for (number, &(entity, has_title)) in self.items.iter().enumerate() {
            let (item, entity) = (id("item", number), entity.map(|entity| id("entity", entity)));
            let title = Self::label("item", number, has_title);
            let item = Item { id: &item, entity: entity.as_deref(), title: Some(&title) };
            builder.item(Source::default(), &item).expect("an item");
        }
        for (line, &(user, item, time)) in (2..).zip(&self.log) {
            let (rating, split) = (self.rating(user, item), Some(Self::part(user, item)));
            let (user, item) = (id("user", user.into()), id("item", item));
            let time = self.has_times.then_some(time);
            let choice = Interaction { user: &user, item: &item, rating, time, split };
            builder.interaction(Source::at(interactions, line), &choice).expect("a choice");
        }
        let context = Context::default();
        let built = builder.finish(&context).expect("good records").built;
        built.publish(out, Replace::No, serde_json::Value::Null, &context).expect("published")
    }

    /// What an engine makes of them, in the simplest way.
    fn tables(&self) -> Made {
        let users: BTreeSet<String> = self.log.iter().map(|(user, ..)| id("user", (*user).into())).collect();
        let in_log = self.log.iter().map(|(_, item, _)| *item);
        let items: BTreeMap<String, usize> = (0..self.items.len()).chain(in_log).map(|n| (id("item", n), n)).collect();
        let linked: BTreeSet<usize> = self.items.iter().filter_map(|(entity, _)| *entity).collect();
        let free = (0..self.entities.len()).filter(|entity| !linked.contains(entity));
        let free: BTreeMap<(String, String), usize> =
            free.map(|n| ((Self::kind(self.entities[n].0), id("entity", n)), n)).collect();
        let mut types = vec![("user".to_owned(), users.len()), ("item".to_owned(), items.len())];
        for (kind, _) in free.keys() {
            match types.last_mut() {
                Some((last, num)) if last == kind => *num += 1,
                _ => types.push((kind.clone(), 1)),
            }
        }
        let entity_label = |n: usize| Self::label("entity", n, self.entities[n].1);
        let (mut nodes, mut aliases) = (Vec::new(), Vec::new());
        let mut nodes_of: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        nodes.extend(users.iter().map(|user| (user.clone(), String::new())));
        for (name, number) in &items {
            let (entity, has_title) = self.items.get(*number).copied().unwrap_or_default();
            let node = nodes.len() as i64;
            let title = Self::label("item", *number, has_title);
            let label = entity.filter(|_| title.is_empty()).map_or(title, entity_label);
            nodes.push((name.clone(), label));
            if let Some(entity) = entity {
                nodes_of.entry(entity).or_default().push(node);
                let kind = Self::kind(self.entities[entity].0);
                aliases.push((node, 0, id("entity", entity), kind, entity_label(entity)));
            }
        }
        for ((_, name), entity) in &free {
            nodes_of.entry(*entity).or_default().push(nodes.len() as i64);
            nodes.push((name.clone(), entity_label(*entity)));
        }
        let names: BTreeSet<u8> = self.triples.iter().map(|(_, relation, _)| *relation).collect();
        let relation_of = |relation: u8| 1 + names.iter().position(|name| *name == relation).expect("used") as i64;
        let mut facts: BTreeMap<(i64, i64, i64), Known> = BTreeMap::new();
        for (line, &fact) in (2..).zip(&self.triples) {
            for &head in &nodes_of[&fact.0] {
                for &tail in nodes_of[&fact.2].iter().filter(|tail| fact.0 != fact.2 || **tail == head) {
                    let known = Known { line: Some(line), weight: self.weight(fact), ..Known::default() };
                    facts.entry((head, relation_of(fact.1), tail)).or_insert(known);
                }
            }
        }
        let node = |name: &str, range: std::ops::Range<usize>| {
            range.start as i64 + nodes[range].iter().position(|(id, _)| id == name).expect("a node") as i64
        };
        let mut made = Made { has_weights: self.has_weights, ..Made::default() };
        let mut log: Vec<_> = (2..).zip(&self.log).collect();
        log.sort_by_key(|(line, (user, item, time))| (*user, *item, if self.has_times { *time } else { 0 }, *line));
        log.dedup_by_key(|(_, (user, item, _))| (*user, *item));
        for (line, &(user, item, time)) in log {
            let pair = (
                node(&id("user", user.into()), 0..users.len()),
                node(&id("item", item), users.len()..users.len() + items.len()),
            );
            let (rating, time) = (self.rating(user, item), self.has_times.then_some(time));
            let known = Known { line: Some(line), weight: self.has_weights.then_some(1.0), rating, time };
            match Self::part(user, item) {
                Split::Train => _ = facts.insert((pair.0, 0, pair.1), known),
                Split::Valid => made.valid.push((pair.0, pair.1, known)),
                Split::Test => made.test.push((pair.0, pair.1, known)),
            }
        }
        for part in [&mut made.valid, &mut made.test] {
            part.sort_by_key(|(user, item, _)| (*user, *item));
        }
        for (&(head, relation, tail), &known) in &facts {
            made.edges.push((head, 2 * relation, tail, known));
            let turned = Known { weight: known.weight, ..Known::default() };
            made.edges.push((tail, 2 * relation + 1, head, turned));
        }
        made.edges.sort_by_key(|(node, relation, tail, _)| (*node, *relation, *tail));
        made.has_ratings = self.has_ratings && !self.log.is_empty();
        made.has_times = self.has_times && !self.log.is_empty();
        let relations = names.iter().map(|name| {
            let (name, forward, inverse) = (format!("r{name}"), String::new(), String::new());
            NamedRelation { name, forward, inverse }
        });
        made.layout = Some(Layout {
            version: LAYOUT_VERSION,
            types: types.into_iter().map(|(name, num)| CountedType { name, num: num as u64 }).collect(),
            relations: relations.collect(),
            interactions_file: Sources::one(if self.log.is_empty() { "" } else { "interactions.tsv" }),
            triples_file: Sources::one("facts.tsv"),
            import: serde_json::Map::new(),
        });
        (made.nodes, made.aliases) = (nodes, aliases);
        made
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    line: Option<i64>,
    weight: Option<f32>,
    rating: Option<f32>,
    time: Option<i64>,
}

/// Tables in memory.
#[derive(Clone, Debug, Default)]
struct Made {
    layout: Option<Layout>,
    nodes: Vec<(String, String)>,
    edges: Vec<(i64, i64, i64, Known)>,
    valid: Vec<(i64, i64, Known)>,
    test: Vec<(i64, i64, Known)>,
    aliases: Vec<(i64, i64, String, String, String)>,
    has_ratings: bool,
    has_times: bool,
    has_weights: bool,
}

/// A column of a table.
#[derive(Clone, Debug)]
enum Cells {
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f32>>),
    Text(Vec<Option<String>>),
}

impl Cells {
    fn part(&self, rows: std::ops::Range<usize>) -> Self {
        match self {
            Self::Whole(all) => Self::Whole(all[rows].to_vec()),
            Self::Real(all) => Self::Real(all[rows].to_vec()),
            Self::Text(all) => Self::Text(all[rows].to_vec()),
        }
    }
}

fn whole(all: impl Iterator<Item = i64>) -> Cells {
    Cells::Whole(all.map(Some).collect())
}

fn text<'a>(all: impl Iterator<Item = &'a String>) -> Cells {
    Cells::Text(all.map(|text| Some(text.clone())).collect())
}

type Columns = Vec<(&'static str, Cells)>;

impl Made {
    fn columns(&self, name: &str) -> Columns {
        let known = |with_weight: bool, all: Vec<Known>| {
            let mut columns: Columns = vec![("line", Cells::Whole(all.iter().map(|known| known.line).collect()))];
            let weights = Cells::Real(all.iter().map(|known| known.weight).collect());
            columns.extend((with_weight && self.has_weights).then_some(("weight", weights)));
            let ratings = Cells::Real(all.iter().map(|known| known.rating).collect());
            columns.extend(self.has_ratings.then_some(("rating", ratings)));
            let times = Cells::Whole(all.iter().map(|known| known.time).collect());
            columns.extend(self.has_times.then_some(("time", times)));
            columns
        };
        let held_out = |part: &[(i64, i64, Known)]| {
            let pairs =
                vec![("user", whole(part.iter().map(|row| row.0))), ("item", whole(part.iter().map(|row| row.1)))];
            [pairs, known(false, part.iter().map(|row| row.2).collect())].concat()
        };
        match name {
            "nodes" => vec![
                ("id", text(self.nodes.iter().map(|row| &row.0))),
                ("label", text(self.nodes.iter().map(|row| &row.1))),
            ],
            "edges" => {
                let ends = vec![
                    ("node", whole(self.edges.iter().map(|row| row.0))),
                    ("relation", whole(self.edges.iter().map(|row| row.1))),
                    ("tail", whole(self.edges.iter().map(|row| row.2))),
                ];
                [ends, known(true, self.edges.iter().map(|row| row.3).collect())].concat()
            }
            "valid" => held_out(&self.valid),
            "test" => held_out(&self.test),
            _ => vec![
                ("node", whole(self.aliases.iter().map(|row| row.0))),
                ("kind", whole(self.aliases.iter().map(|row| row.1))),
                ("id", text(self.aliases.iter().map(|row| &row.2))),
                ("type", text(self.aliases.iter().map(|row| &row.3))),
                ("label", text(self.aliases.iter().map(|row| &row.4))),
            ],
        }
    }

    /// Writes the tables, in parts of so many rows, each of several row groups.
    fn write(&self, folder: &Path, rows: usize) {
        fs::create_dir_all(folder).expect("a folder");
        for name in ["nodes", "edges", "valid", "test", "aliases"] {
            let columns = self.columns(name);
            write_table(&folder.join(name), &columns, rows);
        }
        let layout = serde_json::to_string(self.layout.as_ref().expect("a layout")).expect("JSON");
        fs::write(folder.join(LAYOUT_FILE), layout).expect("written");
    }
}

fn write_table(folder: &Path, columns: &Columns, rows: usize) {
    let num_rows = columns.first().map_or(0, |(_, cells)| match cells {
        Cells::Whole(all) => all.len(),
        Cells::Real(all) => all.len(),
        Cells::Text(all) => all.len(),
    });
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("_SUCCESS"), "").expect("written");
    for (part, start) in (0..num_rows).step_by(rows).enumerate() {
        let range = start..num_rows.min(start + rows);
        let path = folder.join(format!("part-{part:05}-x.snappy.parquet"));
        let cut: Columns = columns.iter().map(|(name, cells)| (*name, cells.part(range.clone()))).collect();
        write_part(&path, &cut, range.len());
    }
}

fn write_part(path: &Path, columns: &Columns, num_rows: usize) {
    let fields: String = columns
        .iter()
        .map(|(name, cells)| match cells {
            Cells::Whole(_) => format!("OPTIONAL INT64 {name};"),
            Cells::Real(_) => format!("OPTIONAL FLOAT {name};"),
            Cells::Text(_) => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
        })
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message table {{ {fields} }}")).expect("a schema"));
    let file = File::create(path).expect("created");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).expect("a writer");
    for start in (0..num_rows).step_by(5) {
        let range = start..num_rows.min(start + 5);
        let mut group = writer.next_row_group().expect("a group");
        for (_, cells) in columns {
            let mut column = group.next_column().expect("a column").expect("a column");
            fn levels<T>(all: &[Option<T>]) -> Vec<i16> {
                all.iter().map(|cell| i16::from(cell.is_some())).collect()
            }
            match cells.part(range.clone()) {
                Cells::Whole(all) => {
                    let values: Vec<i64> = all.iter().flatten().copied().collect();
                    column.typed::<Int64Type>().write_batch(&values, Some(&levels(&all)), None)
                }
                Cells::Real(all) => {
                    let values: Vec<f32> = all.iter().flatten().copied().collect();
                    column.typed::<FloatType>().write_batch(&values, Some(&levels(&all)), None)
                }
                Cells::Text(all) => {
                    let values: Vec<ByteArray> = all.iter().flatten().map(|text| text.as_str().into()).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels(&all)), None)
                }
            }
            .expect("written");
            column.close().expect("closed");
        }
        group.close().expect("closed");
    }
    writer.close().expect("closed");
}

fn records() -> impl Strategy<Value = Records> {
    let entities = prop::collection::vec((0u8..3, any::<bool>()), 1..9);
    entities.prop_flat_map(|entities| {
        let num = entities.len();
        let triples = prop::collection::vec((0..num, 0u8..4, 0..num), 1..30);
        let items = prop::collection::vec((prop::option::of(0..num), any::<bool>()), 0..6);
        let log = prop::collection::vec((0u8..5, 0usize..8, 0i64..4), 0..40);
        (Just(entities), triples, items, log, any::<[bool; 3]>()).prop_map(
            |(entities, triples, items, log, [has_ratings, has_times, has_weights])| Records {
                entities,
                triples,
                items,
                log,
                has_ratings,
                has_times,
                has_weights,
            },
        )
    })
}

proptest! {
    // Each case writes two graphs to the disk, and waits for it.
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_graph_of_tables_is_the_graph_of_an_import(records in records(), rows in 1usize..40) {
        let root = tempfile::tempdir().expect("temporary folder");
        let [imported, tables, built] = ["imported", "tables", "built"].map(|name| root.path().join(name));
        let expected = records.import(&imported);
        records.tables().write(&tables, rows);
        let (report, manifest) = build(&tables, &built, Replace::No, &Context::default()).expect("good tables");
        for (name, entry) in &expected.files {
            prop_assert_eq!(Some(entry), manifest.files.get(name), "{}", name);
        }
        prop_assert_eq!(expected.content_hash(), manifest.content_hash());
        let kg = TrainKg::open(&built).expect("opens");
        prop_assert_eq!(kg.num_train() as u64, report.num_train);
        prop_assert_eq!(kg.num_arcs() as u64, 2 * (report.num_train + report.num_triples));
    }
}

/// Something of everything.
fn sample() -> Records {
    Records {
        entities: (0..6).map(|n| (n, n % 2 == 0)).collect(),
        triples: (0..24).map(|n| (n % 6, (n % 3) as u8, n * 5 % 6)).collect(),
        items: vec![(Some(1), true), (Some(1), false), (Some(2), true), (None, false)],
        log: (0..30u8).map(|n| (n % 5, usize::from(n % 6), i64::from(n % 4))).collect(),
        has_ratings: true,
        has_times: true,
        has_weights: true,
    }
}

fn refused(case: &str, folder: &Path) -> (String, u64, &'static str) {
    let root = tempfile::tempdir().expect("temporary folder");
    let out = root.path().join("kg");
    let error = build(folder, &out, Replace::No, &Context::default()).expect_err(case);
    assert!(fs::read_dir(root.path()).expect("read").next().is_none(), "{case}: {error}: something was left behind");
    let Error::Import(failure) = error else { panic!("{case}: {error}: not a failure of the tables") };
    let first = &failure.diagnostics[0];
    let place = first.path.strip_prefix(folder).expect("below the folder").to_string_lossy().into_owned();
    (place, first.line, first.kind)
}

#[test]
fn tables_that_are_wrong_are_refused_with_file_and_row() {
    type Spoil = fn(&mut Made);
    let at = |place: &'static str, row: u64, kind: &'static str| (place, row, kind);
    // Parts have 7 rows, and edges begin with those of users.
    let cases: Vec<(&str, Spoil, (&str, u64, &str))> = vec![
        ("edges out of order", |made| made.edges.swap(8, 9), at("edges/part-00001", 3, "order")),
        ("an edge twice", |made| made.edges.insert(3, made.edges[2]), at("edges/part-00000", 4, "order")),
        ("a node out of range", |made| made.edges.last_mut().expect("one").0 = 1000, at("edges/", 0, "id")),
        ("a tail out of range", |made| made.edges[9].2 = 99, at("edges/part-00001", 3, "id")),
        ("a tail below zero", |made| made.edges[0].2 = -1, at("edges/part-00000", 1, "id")),
        ("a relation out of range", |made| made.edges[1].1 = 100, at("edges/part-00000", 2, "id")),
        ("a user with a fact", |made| made.edges[1].1 = 2, at("edges/part-00000", 2, "ends")),
        ("an interaction with a user", |made| made.edges[1].2 = 0, at("edges/part-00000", 2, "ends")),
        ("no line", |made| made.edges[2].3.line = None, at("edges/part-00000", 3, "line")),
        ("a line below zero", |made| made.edges[2].3.line = Some(-1), at("edges/part-00000", 3, "line")),
        ("a line too large", |made| made.edges[2].3.line = Some(1 << 32), at("edges/part-00000", 3, "line")),
        (
            "an inverse with a line",
            |made| made.edges.iter_mut().find(|edge| edge.1 & 1 == 1).expect("one").3.line = Some(1),
            at("edges/", 0, "line"),
        ),
        ("no weight", |made| made.edges[2].3.weight = None, at("edges/part-00000", 3, "weight")),
        ("a weight of zero", |made| made.edges[2].3.weight = Some(0.0), at("edges/part-00000", 3, "weight")),
        ("a weight that is none", |made| made.edges[2].3.weight = Some(f32::NAN), at("edges/part-00000", 3, "weight")),
        ("another weight there and back", |made| made.edges[2].3.weight = Some(9.0), at("edges", 0, "inverse")),
        ("no rating", |made| made.edges[2].3.rating = None, at("edges/part-00000", 3, "rating")),
        (
            "an infinite rating",
            |made| made.edges[2].3.rating = Some(f32::INFINITY),
            at("edges/part-00000", 3, "rating"),
        ),
        ("a fact with a time", |made| made.edges.last_mut().expect("one").3.time = Some(1), at("edges/", 0, "time")),
        ("an edge without its inverse", |made| _ = made.edges.remove(0), at("edges", 0, "inverse")),
        ("no edge", |made| (made.edges, made.valid, made.test) = Default::default(), at("edges", 0, "relations")),
        (
            "a relation without facts",
            |made| {
                let (name, forward, inverse) = ("z".to_owned(), String::new(), String::new());
                made.layout.as_mut().expect("one").relations.push(NamedRelation { name, forward, inverse });
            },
            at("edges", 0, "relations"),
        ),
        ("nodes out of order", |made| made.nodes.swap(0, 1), at("nodes/part-00000", 2, "order")),
        ("an id twice", |made| made.nodes[1] = made.nodes[0].clone(), at("nodes/part-00000", 2, "order")),
        ("an empty id", |made| made.nodes[0].0 = " ".to_owned(), at("nodes/part-00000", 1, "name")),
        ("an id of two lines", |made| made.nodes[0].0 = "a\nb".to_owned(), at("nodes/part-00000", 1, "name")),
        ("an id too long", |made| made.nodes[0].0 = "x".repeat(5000), at("nodes/part-00000", 1, "name")),
        ("a label with blanks", |made| made.nodes[1].1 = " a".to_owned(), at("nodes/part-00000", 2, "label")),
        ("too few nodes", |made| _ = made.nodes.pop(), at("nodes", 0, "layout")),
        (
            "an id of two types",
            |made| {
                let types = &made.layout.as_ref().expect("one").types;
                let first = (types[0].num + types[1].num) as usize;
                let other = first + types[2].num as usize;
                made.nodes[other].0 = made.nodes[first].0.clone();
            },
            at("nodes/", 0, "duplicate_id"),
        ),
        (
            "held out and not",
            |made| {
                let (user, _, item, known) = made.edges[0];
                made.valid.insert(0, (user, item, known));
            },
            at("valid/part-00000", 1, "leak"),
        ),
        ("held out twice", |made| made.test.insert(0, made.valid[0]), at("test/part-00000", 1, "leak")),
        ("held out, out of order", |made| made.valid.reverse(), at("valid/part-00000", 2, "order")),
        ("held out, no item", |made| made.valid[0].1 = 0, at("valid/part-00000", 1, "id")),
        ("held out, no rating", |made| made.test[0].2.rating = None, at("test/part-00000", 1, "null")),
        ("held out, no line", |made| made.test[0].2.line = None, at("test/part-00000", 1, "null")),
        ("an alias of a user", |made| made.aliases[0].0 = 0, at("aliases/part-00000", 1, "id")),
        ("an alias of no kind", |made| made.aliases[0].1 = 3, at("aliases/part-00000", 1, "kind")),
        ("an alias without a type", |made| made.aliases[0].3.clear(), at("aliases/part-00000", 1, "type")),
        (
            "an alias that is the id itself",
            |made| {
                made.aliases[0].2 = made.nodes[made.aliases[0].0 as usize].0.clone();
            },
            at("aliases/part-00000", 1, "id"),
        ),
        ("aliases out of order", |made| made.aliases.swap(0, 1), at("aliases/part-00000", 2, "order")),
        (
            "types out of order",
            |made| made.layout.as_mut().expect("one").types.swap(2, 3),
            at("tables.json", 0, "layout"),
        ),
        (
            "no type of users",
            |made| _ = made.layout.as_mut().expect("one").types.remove(0),
            at("tables.json", 0, "layout"),
        ),
        ("an empty type", |made| made.layout.as_mut().expect("one").types[2].num = 0, at("tables.json", 0, "layout")),
        (
            "a reserved relation",
            |made| {
                made.layout.as_mut().expect("one").relations[0].name = "interacted".to_owned();
            },
            at("tables.json", 0, "layout"),
        ),
        (
            "an inverse as a relation",
            |made| {
                made.layout.as_mut().expect("one").relations[2].name = "~r2".to_owned();
            },
            at("tables.json", 0, "layout"),
        ),
        ("another version", |made| made.layout.as_mut().expect("one").version = 2, at("tables.json", 0, "version")),
    ];
    for (case, spoil, (place, row, kind)) in cases {
        let root = tempfile::tempdir().expect("temporary folder");
        let mut made = sample().tables();
        spoil(&mut made);
        made.write(root.path(), 7);
        let (found, line, got) = refused(case, root.path());
        assert!(found.starts_with(place), "{case}: {found}");
        assert_eq!(got, kind, "{case}: {found}:{line}");
        // Where the row is not told here, it is not the whole file that is meant.
        assert!(line == row || (row == 0 && place.ends_with('/') && line > 0), "{case}: row {line}");
    }
}

#[test]
fn files_that_are_wrong_are_refused() {
    type Spoil = fn(&Path);
    fn part(folder: &Path, name: &str) -> PathBuf {
        folder.join(name).join("part-00000-x.snappy.parquet")
    }
    fn cut(path: &Path, keep: impl Fn(usize) -> usize) {
        let bytes = fs::read(path).expect("read");
        fs::write(path, &bytes[..keep(bytes.len())]).expect("written");
    }
    let cases: Vec<(&str, Spoil, (&str, &str))> = vec![
        ("cut at the end", |f| cut(&part(f, "edges"), |len| len - 1), ("edges/part-00000", "parquet")),
        ("cut in the middle", |f| cut(&part(f, "nodes"), |len| len / 2), ("nodes/part-00000", "parquet")),
        ("an empty file", |f| cut(&part(f, "valid"), |_| 0), ("valid/part-00000", "parquet")),
        (
            "damaged pages",
            |f| {
                let mut bytes = fs::read(part(f, "edges")).expect("read");
                bytes[4..60].fill(0xff);
                fs::write(part(f, "edges"), bytes).expect("written");
            },
            ("edges/part-00000", "parquet"),
        ),
        ("no edges", |f| fs::remove_dir_all(f.join("edges")).expect("removed"), ("", "missing")),
        ("no nodes", |f| fs::remove_dir_all(f.join("nodes")).expect("removed"), ("", "missing")),
        ("a part is missing", |f| fs::remove_file(part(f, "nodes")).expect("removed"), ("nodes", "layout")),
        (
            "a file that is no part",
            |f| fs::write(f.join("edges/readme.txt"), "").expect("written"),
            ("edges/readme.txt", "layout"),
        ),
        (
            "both a file and a folder",
            |f| _ = fs::copy(part(f, "nodes"), f.join("nodes.parquet")).expect("copied"),
            ("nodes.parquet", "layout"),
        ),
        ("no JSON", |f| fs::write(f.join(LAYOUT_FILE), "{").expect("written"), ("tables.json", "json")),
        (
            "something unknown",
            |f| {
                let text = fs::read_to_string(f.join(LAYOUT_FILE)).expect("read");
                fs::write(f.join(LAYOUT_FILE), text.replacen('{', "{\"more\":1,", 1)).expect("written");
            },
            ("tables.json", "json"),
        ),
        (
            "a column is missing",
            |f| {
                let nothing: Columns = vec![("node", whole([0].into_iter())), ("relation", whole([0].into_iter()))];
                fs::remove_dir_all(f.join("edges")).expect("removed");
                write_table(&f.join("edges"), &nothing, 7);
            },
            ("edges/part-00000", "columns"),
        ),
        (
            "other columns in one part",
            |f| {
                write_part(&part(f, "edges"), &vec![("node", whole([0].into_iter()))], 1);
            },
            ("edges/part-00001", "columns"),
        ),
        (
            "another type",
            |f| {
                fs::remove_dir_all(f.join("nodes")).expect("removed");
                let num = sample().tables().nodes.len();
                write_table(&f.join("nodes"), &vec![("id", whole(0..num as i64))], 7);
            },
            ("nodes/part-00000", "columns"),
        ),
    ];
    for (case, spoil, (place, kind)) in cases {
        let root = tempfile::tempdir().expect("temporary folder");
        sample().tables().write(root.path(), 7);
        spoil(root.path());
        let (found, line, got) = refused(case, root.path());
        assert!(found.starts_with(place) && (place.is_empty() == found.is_empty()), "{case}: {found}:{line}: {got}");
        assert_eq!(got, kind, "{case}: {found}");
    }
}

#[test]
fn what_is_stopped_leaves_nothing() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (tables, out) = (root.path().join("tables"), root.path().join("kg"));
    sample().tables().write(&tables, 7);
    for stage in ["checking", "writing"] {
        let context = Context::default();
        let stop = context.stop().clone();
        let context = context.with_progress(move |progress| {
            if progress.stage == stage && progress.done > 0 {
                stop.request();
            }
        });
        let error = build(&tables, &out, Replace::No, &context).expect_err("stopped");
        assert!(matches!(&error, Error::Core(core) if core.is_stop()), "{stage}: {error}");
        assert_eq!(fs::read_dir(root.path()).expect("read").count(), 1, "{stage}");
    }
}

#[test]
fn a_graph_of_tables_says_so_and_is_not_added_to() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (tables, out) = (root.path().join("tables"), root.path().join("kg"));
    let mut made = sample().tables();
    let split = serde_json::json!({ "split": { "by": "column" } });
    made.layout.as_mut().expect("one").import.insert("report".to_owned(), split.clone());
    made.write(&tables, 100);
    let (report, manifest) = build(&tables, &out, Replace::No, &Context::default()).expect("good tables");
    assert_eq!(manifest.config["tables"], serde_json::json!(report));
    assert_eq!(manifest.config["report"], split);
    let added = DatasetBuilder::onto(&out, &Options::default(), &Context::default());
    assert!(matches!(added, Err(Error::Usage { option: "onto", .. })));
    assert!(matches!(build(&tables, &tables.join("kg"), Replace::No, &Context::default()), Err(Error::Core(_))));
    assert!(matches!(build(&tables, &out, Replace::No, &Context::default()), Err(Error::Core(_))));
    build(&tables, &out, Replace::Yes, &Context::default()).expect("replaced");
}
