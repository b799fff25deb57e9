//! Records, and the tables that a simple program makes of them.

use footpath_core::{Context, Manifest, Replace};
use footpath_graph::Split;
use footpath_graph::import::{DatasetBuilder, Entity, Interaction, Item, Options, Source, Triple};
use footpath_graph::kg::Sources;
use footpath_graph::tables::{CountedType, LAYOUT_FILE, LAYOUT_VERSION, Layout, NamedRelation};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

/// What an import and an engine are both given.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    /// Entities by number, each with its type and whether it has a label.
    pub(super) entities: Vec<(u8, bool)>,
    /// Head, relation, tail.
    pub(super) triples: Vec<(usize, u8, usize)>,
    /// Items by number: the entity that each is, if it is one, and whether it has a title.
    pub(super) items: Vec<(Option<usize>, bool)>,
    /// User, item, time.
    pub(super) log: Vec<(u8, usize, i64)>,
    pub(super) has_ratings: bool,
    pub(super) has_times: bool,
    pub(super) has_weights: bool,
}

/// Ids whose order is another than that of their numbers.
pub(super) fn id(what: &str, number: usize) -> String {
    format!("{what}-{}é{number}", number * 7 % 10)
}

impl Records {
    pub(super) fn rating(&self, user: u8, item: usize) -> Option<f32> {
        self.has_ratings.then(|| 1.0 + ((usize::from(user) + item) % 9) as f32 / 2.0)
    }

    pub(super) fn weight(&self, (head, relation, tail): (usize, u8, usize)) -> Option<f32> {
        self.has_weights.then(|| 0.5 + ((head + usize::from(relation) + tail) % 5) as f32)
    }

    pub(super) fn part(user: u8, item: usize) -> Split {
        match (usize::from(user) * 3 + item) % 7 {
            5 => Split::Valid,
            6 => Split::Test,
            _ => Split::Train,
        }
    }

    pub(super) fn kind(number: u8) -> String {
        format!("type {}", number % 3)
    }

    pub(super) fn label(what: &str, number: usize, has: bool) -> String {
        if has { format!("{what} «{number}»") } else { String::new() }
    }

    /// What an import makes of them.
    pub(super) fn import(&self, out: &Path) -> Manifest {
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
    pub(super) fn tables(&self) -> Made {
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
pub(super) struct Known {
    pub(super) line: Option<i64>,
    pub(super) weight: Option<f32>,
    pub(super) rating: Option<f32>,
    pub(super) time: Option<i64>,
}

/// Tables in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) layout: Option<Layout>,
    pub(super) nodes: Vec<(String, String)>,
    pub(super) edges: Vec<(i64, i64, i64, Known)>,
    pub(super) valid: Vec<(i64, i64, Known)>,
    pub(super) test: Vec<(i64, i64, Known)>,
    pub(super) aliases: Vec<(i64, i64, String, String, String)>,
    pub(super) has_ratings: bool,
    pub(super) has_times: bool,
    pub(super) has_weights: bool,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f32>>),
    Text(Vec<Option<String>>),
}

impl Cells {
    pub(super) fn part(&self, rows: std::ops::Range<usize>) -> Self {
        match self {
            Self::Whole(all) => Self::Whole(all[rows].to_vec()),
            Self::Real(all) => Self::Real(all[rows].to_vec()),
            Self::Text(all) => Self::Text(all[rows].to_vec()),
        }
    }
}

pub(super) fn whole(all: impl Iterator<Item = i64>) -> Cells {
    Cells::Whole(all.map(Some).collect())
}

pub(super) fn text<'a>(all: impl Iterator<Item = &'a String>) -> Cells {
    Cells::Text(all.map(|text| Some(text.clone())).collect())
}

pub(super) type Columns = Vec<(&'static str, Cells)>;

impl Made {
    pub(super) fn columns(&self, name: &str) -> Columns {
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
    pub(super) fn write(&self, folder: &Path, rows: usize) {
        fs::create_dir_all(folder).expect("a folder");
        for name in ["nodes", "edges", "valid", "test", "aliases"] {
            let columns = self.columns(name);
            write_table(&folder.join(name), &columns, rows);
        }
        let layout = serde_json::to_string(self.layout.as_ref().expect("a layout")).expect("JSON");
        fs::write(folder.join(LAYOUT_FILE), layout).expect("written");
    }
}

pub(super) fn write_table(folder: &Path, columns: &Columns, rows: usize) {
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

pub(super) fn write_part(path: &Path, columns: &Columns, num_rows: usize) {
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

/// Something of everything.
pub(super) fn sample() -> Records {
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
