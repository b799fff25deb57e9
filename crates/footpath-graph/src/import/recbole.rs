//! RecBole atomic files: `NAME.inter`, `NAME.kg`, `NAME.link` and optionally `NAME.item` and `NAME.user` in one folder;
//! or `NAME.kg` alone. hopwise's `NAME.item_link` is a `.link`, and its `NAME.user_link` says which entity a user is.
//! The log may lie in parts: `NAME.train.inter`, `NAME.valid.inter`, `NAME.test.inter`; or `NAME.part1.inter` and on.
//!
//! Tab separated, without quoting. Each column of the header is `name:type`, the type one of `token`, `token_seq`,
//! `float`, `float_seq`. Used are `user_id`, `item_id`, `rating`, `timestamp` and `split` of `.inter`; `head_id`,
//! `relation_id` and `tail_id` of `.kg`, and its `weight` if that is a float; `item_id` and `entity_id` of `.link`;
//! `item_id` and the title (`title`, `name`, or a name ending in `_title`) of `.item`, and the columns of it that are
//! named as attributes. Other columns are checked and ignored.
//!
//! The format has no entity types. Where every entity of `.kg` is written `type:name`, as in `person:Tom Hanks`, with
//! at most [`MAX_PREFIXES`] types, these give type and label; otherwise all entities are of type `entity`.

use super::attributes;
use super::collector::{Collector, RESERVED_TYPES};
use super::field::Field;
use super::findings::{Finding, Severity};
use super::folder::{File, Folder};
use super::gathered::At;
use super::log::{self, LogColumns};
use super::problems::{Checked, Flaw, MaxBad, Problems};
use super::reading::Reading;
use super::record::Record;
use super::table::{Delimiter, Table};
use super::tables::{Plan, Tables};
use super::values::{self, Name};
use crate::dataset::Dataset;
use crate::error::{Result, show};
use crate::interner::Interner;
use std::path::Path;

/// Most prefixes of entity names that are taken for types; more are taken for parts of the names.
pub const MAX_PREFIXES: usize = 64;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnType {
    Token,
    TokenSeq,
    Float,
    FloatSeq,
}

/// The files of a data set.
pub(super) struct RecBole {
    /// The log, or its parts; none of a knowledge graph alone.
    inter: Vec<File>,
    kg: File,
    link: Option<File>,
    item: Option<File>,
    user: Option<File>,
    /// Entities of users.
    user_link: Option<File>,
}

/// What shows that a folder has a file of this format.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    let log = folder.in_parts(".inter", part)?.and_then(|(files, _)| files.into_iter().next());
    let file = log.or(folder.with_suffix(".kg")?.map(|(file, _)| file));
    Ok(file.map(|file| format!("there is {}", file.shown_name())))
}

/// Finds the files, which must be of one data set.
pub(super) fn find(folder: &Folder) -> Result<RecBole> {
    let required = |suffix: &str| folder.with_suffix(suffix)?.ok_or_else(|| folder.missing(&format!("NAME{suffix}")));
    let log = folder.in_parts(".inter", part)?;
    // hopwise calls it by what it links, since it links users as well.
    let item_link = folder.with_suffix(".item_link")?.filter(|_| !matches!(folder.with_suffix(".link"), Ok(Some(_))));
    let link = item_link.map_or_else(|| folder.with_suffix(".link"), |link| Ok(Some(link)))?;
    if log.is_none() && link.is_none() {
        let (kg, _) = required(".kg")?;
        return Ok(RecBole { inter: Vec::new(), kg, link: None, item: None, user: None, user_link: None });
    }
    let (inter, name) = log.ok_or_else(|| folder.missing("NAME.inter"))?;
    let (kg, kg_name) = required(".kg")?;
    let (link, link_name) = link.map_or_else(|| required(".link"), Ok)?;
    let (item, user) = (folder.with_suffix(".item")?, folder.with_suffix(".user")?);
    let user_link = folder.with_suffix(".user_link")?;
    let others = [&item, &user, &user_link].into_iter().flatten().map(|(_, name)| name);
    for other in [&kg_name, &link_name].into_iter().chain(others) {
        if *other != name {
            let message =
                format!("files of two data sets, `{}` and `{}`", show(name.as_bytes()), show(other.as_bytes()));
            return Err(Flaw::new("ambiguous", message).fail(folder.path()));
        }
    }
    let [item, user, user_link] = [item, user, user_link].map(|found| found.map(|(file, _)| file));
    Ok(RecBole { inter, kg, link: Some(link), item, user, user_link })
}

/// The part of a log by its name, or by its number in RecBole's documents: train, valid and test in this order.
fn part(name: &str) -> Option<&str> {
    match name {
        "part1" => Some("train"),
        "part2" => Some("valid"),
        "part3" => Some("test"),
        name => log::part(name).map(|_| name),
    }
}

impl Tables for RecBole {
    fn plan(&self) -> Vec<(File, String)> {
        let plan = Plan::default().with([&self.kg], "facts").with(&self.item, "titles of items");
        let plan = plan.with(&self.user, "users; nothing but their ids counts");
        let plan = plan.with(&self.link, "which entity an item is");
        plan.with(&self.inter, "interactions").with(&self.user_link, "which entity a user is").done()
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        triples(&self.kg.path, collector, reading)?;
        type_entities(&mut collector.dataset);
        let Some(link) = &self.link else { return Ok(()) };
        let field = item_field(&link.path, reading)?;
        if let Some(file) = &self.item {
            items(&file.path, &field, collector, reading)?;
        }
        if let Some(file) = &self.user {
            users(&file.path, reading)?;
        }
        links(&link.path, &field, collector, reading)?;
        self.inter.iter().try_for_each(|file| interactions(file, &field, collector, reading))?;
        self.user_link.iter().try_for_each(|file| user_links(&file.path, collector, reading))
    }
}

/// A table with typed columns.
struct Typed {
    table: Table,
    names: Vec<String>,
    kinds: Vec<ColumnType>,
}

impl Typed {
    /// Opens a file whose header has the required columns, of type token.
    fn open<const N: usize>(path: &Path, required: [&str; N], reading: &mut Reading<'_>) -> Result<(Self, [usize; N])> {
        let table = Table::open(path, Delimiter::Tab, reading)?;
        table.require(&required.map(|name| format!("{name}:token")).each_ref().map(String::as_str), reading)?;
        let mut typed = Self { table, names: Vec::new(), kinds: Vec::new() };
        for (number, column) in typed.table.header().to_vec().iter().enumerate() {
            let Some((name, kind)) = column.rsplit_once(':').and_then(|(name, kind)| Some((name, parse(kind)?))) else {
                let shown = show(column.as_bytes());
                let message =
                    format!("column `{shown}` is not `name:type` with type token, token_seq, float or float_seq");
                typed.table.refuse_header(reading, Flaw::new("header", message).at(number))?;
                continue;
            };
            typed.names.push(name.to_owned());
            typed.kinds.push(kind);
        }
        typed.refuse_repeated(reading)?;
        let columns = required.map(|name| typed.column(name, reading).unwrap_or(0));
        Ok((typed, columns))
    }

    /// Two types of one name would be two columns of that name.
    fn refuse_repeated(&self, reading: &mut Reading<'_>) -> Result<()> {
        let twice = self.names.iter().enumerate().find(|(i, name)| self.names.iter().take(*i).any(|n| n == *name));
        let Some((number, name)) = twice else { return Ok(()) };
        let message = format!("column `{}` stands twice", show(name.as_bytes()));
        self.table.refuse_header(reading, Flaw::new("header", message).at(number))
    }

    fn column(&self, name: &str, reading: &Reading<'_>) -> Option<usize> {
        reading.columns.position(name, &self.names)
    }

    /// Passes on the records whose numeric fields are numbers; `special` columns have checks of their own.
    fn each<S>(
        &mut self,
        reading: &mut Reading<'_>,
        special: &[Option<usize>],
        state: &mut S,
        look: impl FnMut(&mut S, &[Record<'_>]),
        mut take: impl FnMut(&mut S, Record<'_>) -> Checked<()>,
    ) -> Result<()> {
        let numeric = |(column, kind): (usize, &ColumnType)| {
            let checked = matches!(kind, ColumnType::Float | ColumnType::FloatSeq) && !special.contains(&Some(column));
            checked.then_some(column)
        };
        let numeric: Vec<usize> = self.kinds.iter().enumerate().filter_map(numeric).collect();
        self.table.each_ahead(reading, state, look, |state, record| {
            numeric.iter().try_for_each(|&column| numbers(record, column))?;
            take(state, record)
        })
    }
}

fn parse(kind: &str) -> Option<ColumnType> {
    match kind {
        "token" => Some(ColumnType::Token),
        "token_seq" => Some(ColumnType::TokenSeq),
        "float" => Some(ColumnType::Float),
        "float_seq" => Some(ColumnType::FloatSeq),
        _ => None,
    }
}

/// Checks a field of numbers parted by blanks; an empty one means unknown.
fn numbers(record: Record<'_>, column: usize) -> Checked<()> {
    let field = record.field(column);
    let parts = field.text.split(' ').filter(|_| !field.text.is_empty());
    parts.map(|text| Field { text, ..field }).try_for_each(|part| values::number(part, "number").map(|_| ()))
}

fn name(record: Record<'_>, column: usize) -> Checked<Name<'_>> {
    values::name(record.field(column))
}

fn triples(path: &Path, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut file, [head, relation, tail]) = Typed::open(path, ["head_id", "relation_id", "tail_id"], reading)?;
    let number = collector.begin_file(path)?;
    let is_number = |column: &usize| file.kinds.get(*column) == Some(&ColumnType::Float);
    let weight = file.column("weight", reading).filter(is_number);
    if let Err(flaw) = collector.set_weighed(weight.is_some()) {
        return file.table.refuse_header(reading, flaw);
    }
    let look = |collector: &mut Collector, records: &[Record<'_>]| collector.look_up_ends(records, [head, tail]);
    file.each(reading, &[weight], collector, look, |collector, record| {
        let at = At::record(number, record);
        let raw = collector.relation(at, name(record, relation)?).map_err(|flaw| flaw.in_columns(&[relation]))?;
        // All else is looked at before a name is added, so that a refused fact leaves no entity behind.
        let weight = weight.map(|column| values::weight(record.field(column))).transpose()?;
        let taken = collector.triple(at, name(record, head)?, raw, name(record, tail)?, weight);
        taken.map_err(|flaw| flaw.in_columns(&[head, relation, tail]))
    })
}

fn links(path: &Path, field: &str, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut file, [item, entity]) = Typed::open(path, [field, "entity_id"], reading)?;
    let number = collector.begin_file(path)?;
    file.each(
        reading,
        &[],
        collector,
        |_, _| (),
        |collector, record| {
            let at = At::record(number, record);
            let listed = collector.list_item(at, name(record, item)?, None)?;
            collector.link(at, listed, name(record, entity)?).map_err(|flaw| flaw.in_columns(&[item, entity]))
        },
    )
}

/// The name of the items' field in a file of links: `item_id`, or the one other field of tokens that ends in `_id`.
fn item_field(path: &Path, reading: &mut Reading<'_>) -> Result<String> {
    let given = reading.columns.name("item_id").to_owned();
    let mut problems = Problems::new(Some(MaxBad::default()));
    let header = match Table::open(path, Delimiter::Tab, &mut reading.aside(&mut problems)) {
        Ok(table) => table.header().to_vec(),
        // What is wrong with the file is told when it is read.
        Err(_) => return Ok("item_id".to_owned()),
    };
    let tokens = || header.iter().filter_map(|column| column.strip_suffix(":token"));
    let mut others = tokens().filter(|name| name.ends_with("_id") && *name != "entity_id" && *name != "user_id");
    match (tokens().any(|name| name == given || name == "item_id"), others.next(), others.next()) {
        (false, Some(only), None) => {
            let message = format!("no field item_id; `{}` is taken for the items", show(only.as_bytes()));
            let finding = Finding::new("item_field", Severity::Note, 1, message);
            reading.problems.find(finding.way_out(format!("option `columns` = item_id={only} says the same")));
            Ok(only.to_owned())
        }
        _ => Ok("item_id".to_owned()),
    }
}

fn user_links(path: &Path, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut file, [user, entity]) = Typed::open(path, ["user_id", "entity_id"], reading)?;
    let number = collector.begin_file(path)?;
    file.each(
        reading,
        &[],
        collector,
        |_, _| (),
        |collector, record| {
            let linked = collector.link_user(At::record(number, record), name(record, user)?, name(record, entity)?);
            linked.map_err(|flaw| flaw.in_columns(&[user, entity]))
        },
    )
}

fn items(path: &Path, field: &str, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let (mut file, [item]) = Typed::open(path, [field], reading)?;
    let title = file.column("title", reading).or_else(|| file.column("name", reading));
    let title = title.or_else(|| file.names.iter().position(|name| name.ends_with("_title")));
    let attributes = attributes::columns_named(&file.table, &file.names, reading.attributes, collector, reading)?;
    let number = collector.begin_file(path)?;
    file.each(
        reading,
        &[],
        collector,
        |_, _| (),
        |collector, record| {
            let (title, named) = (title.map(|column| record.field(column)), name(record, item)?);
            collector.list_item(At::record(number, record), named, title)?;
            attributes::take(&attributes, named, record, collector)
        },
    )
}

/// Nothing of a user but the id is part of the graph; the file is checked all the same.
fn users(path: &Path, reading: &mut Reading<'_>) -> Result<()> {
    let (mut file, [user]) = Typed::open(path, ["user_id"], reading)?;
    file.each(reading, &[], &mut (), |(), _| (), |(), record| name(record, user).map(|_| ()))
}

/// Reads a log, alone or among other files; `field` is what it calls the items.
pub(super) fn interactions(
    log: &File,
    field: &str,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let (mut file, pair) = Typed::open(&log.path, ["user_id", field], reading)?;
    let number = collector.begin_file(&log.path)?;
    let columns = LogColumns::find(&file.table, &file.names, pair, log::part(&log.part), collector, reading)?;
    let look = |collector: &mut Collector, records: &[Record<'_>]| collector.look_up_pairs(records, pair);
    file.each(reading, &columns.special(), collector, look, |collector, record| columns.take(collector, number, record))
}

/// The type and the label in an entity name, if it has both.
fn prefix(name: &str) -> Option<(&str, &str)> {
    let (kind, label) = name.split_once(':')?;
    let plain = kind.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    let usable = plain && kind.starts_with(|c: char| c.is_ascii_lowercase()) && !RESERVED_TYPES.contains(&kind);
    (usable && !label.starts_with("//") && !label.trim().is_empty()).then_some((kind, label))
}

/// Gives the entities types and labels if all their names have them.
fn type_entities(dataset: &mut Dataset) {
    let mut types = Interner::default();
    let mut of_entities = Vec::with_capacity(dataset.entities.len());
    for number in (0..).take(dataset.entities.len()) {
        let Some((kind, _)) = prefix(dataset.entities.get(number)) else { return };
        of_entities.push(types.intern(kind).0);
        if types.len() > MAX_PREFIXES {
            return;
        }
    }
    let label = |number| prefix(dataset.entities.get(number)).map_or("", |(_, label)| label.trim());
    dataset.entity_labels =
        (0..).take(of_entities.len()).map(|number| dataset.labels.intern(label(number)).0).collect();
    (dataset.types, dataset.entity_types) = (types, of_entities);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_lower_case_words_and_not_schemes() {
        assert_eq!(prefix("person:Tom Hanks"), Some(("person", "Tom Hanks")));
        assert_eq!(prefix("a-b_1:x:y"), Some(("a-b_1", "x:y")));
        for name in
            ["http://x.org/a", "m.0abc", "Person:x", "1a:x", ":x", "person:", "person: ", "item:5", "user:5", ""]
        {
            assert_eq!(prefix(name), None, "{name}");
        }
    }

    fn typed(names: &[&str]) -> Dataset {
        let mut dataset = Dataset::default();
        for name in names {
            dataset.entity(name, "entity");
        }
        type_entities(&mut dataset);
        dataset
    }

    #[test]
    fn one_name_without_prefix_leaves_all_untyped() {
        let all = typed(&["film:A", "person:B", "film:C"]);
        let of = |d: &Dataset, e: usize| (d.types.get(d.entity_types[e]).to_owned(), d.entity_labels[e]);
        assert_eq!((of(&all, 0).0, of(&all, 1).0, of(&all, 2).0), ("film".into(), "person".into(), "film".into()));
        assert_eq!(all.labels.get(all.entity_labels[1]), "B");
        let mixed = typed(&["film:A", "B"]);
        assert_eq!(of(&mixed, 0), ("entity".into(), crate::dataset::NONE));
    }

    #[test]
    fn too_many_prefixes_are_no_types() {
        let names = |n: usize| (0..n).map(|i| format!("p{i}:x")).collect::<Vec<_>>();
        let kinds = |n: usize| typed(&names(n).iter().map(String::as_str).collect::<Vec<_>>()).types.len();
        assert_eq!((kinds(MAX_PREFIXES), kinds(MAX_PREFIXES + 1)), (MAX_PREFIXES, 1));
    }
}
