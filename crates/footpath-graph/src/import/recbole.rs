//! RecBole atomic files: `NAME.inter`, `NAME.kg`, `NAME.link` and optionally `NAME.item` and `NAME.user` in one folder.
//!
//! Tab separated, without quoting. Each column of the header is `name:type`, the type one of `token`, `token_seq`, `float`,
//! `float_seq`. Used are `user_id`, `item_id`, `rating`, `timestamp` and `split` of `.inter`; `head_id`, `relation_id` and
//! `tail_id` of `.kg`, and its `weight` if that is a float; `item_id` and `entity_id` of `.link`; `item_id` and the title (`title`, `name`, or a name ending in
//! `_title`) of `.item`. Other columns are checked and ignored.
//!
//! The format has no entity types. Where every entity of `.kg` is written `type:name`, as in `person:Tom Hanks`, with at most
//! [`MAX_PREFIXES`] types, these give type and label; otherwise all entities are of type `entity`.

use super::collect::{Collector, FactColumns, LogColumns, RESERVED_TYPES};
use super::fields;
use super::folder::Folder;
use super::problems::{Checked, Flaw};
use super::reader::{Context, Delimiter, Record, Table};
use crate::dataset::Dataset;
use crate::error::{Result, show};
use crate::interner::Interner;
use std::path::Path;

/// Most prefixes of entity names that are taken for types; more are taken for parts of the names.
pub const MAX_PREFIXES: usize = 64;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Token,
    TokenSeq,
    Float,
    FloatSeq,
}

/// Whether the folder has a file of this format.
pub(super) fn is_here(folder: &Folder) -> Result<bool> {
    Ok(folder.with_suffix(".inter")?.is_some() || folder.with_suffix(".kg")?.is_some())
}

/// Reads a folder of atomic files.
pub(super) fn read(folder: &Folder, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let required = |suffix: &str| folder.with_suffix(suffix)?.ok_or_else(|| folder.missing(&format!("NAME{suffix}")));
    let (log, name) = required(".inter")?;
    let (facts, facts_name) = required(".kg")?;
    let (links_file, links_name) = required(".link")?;
    let (items_file, users_file) = (folder.with_suffix(".item")?, folder.with_suffix(".user")?);
    let others = [&items_file, &users_file].into_iter().flatten().map(|(_, name)| *name);
    for other in [facts_name, links_name].into_iter().chain(others) {
        if other != name {
            let message =
                format!("files of two data sets, `{}` and `{}`", show(name.as_bytes()), show(other.as_bytes()));
            return Err(Flaw::new("ambiguous", message).fail(folder.path()));
        }
    }
    triples(&facts, collector, context)?;
    type_entities(&mut collector.dataset);
    if let Some((path, _)) = items_file {
        items(&path, collector, context)?;
    }
    if let Some((path, _)) = users_file {
        users(&path, context)?;
    }
    links(&links_file, collector, context)?;
    interactions(&log, collector, context)
}

/// A table with typed columns.
struct Typed {
    table: Table,
    names: Vec<String>,
    kinds: Vec<Kind>,
}

impl Typed {
    /// Opens a file whose header has the required columns, of type token.
    fn open<const N: usize>(path: &Path, required: [&str; N], context: &mut Context<'_>) -> Result<(Self, [usize; N])> {
        let table = Table::open(path, Delimiter::Tab, context)?;
        table.require(&required.map(|name| format!("{name}:token")).each_ref().map(String::as_str), context)?;
        let mut typed = Self { table, names: Vec::new(), kinds: Vec::new() };
        for (number, column) in typed.table.header().to_vec().iter().enumerate() {
            let Some((name, kind)) = column.rsplit_once(':').and_then(|(name, kind)| Some((name, parse(kind)?))) else {
                let shown = show(column.as_bytes());
                let message =
                    format!("column `{shown}` is not `name:type` with type token, token_seq, float or float_seq");
                typed.table.refuse_header(context, Flaw::new("header", message).at(number))?;
                continue;
            };
            typed.names.push(name.to_owned());
            typed.kinds.push(kind);
        }
        typed.refuse_repeated(context)?;
        let columns = required.map(|name| typed.column(name).unwrap_or(0));
        Ok((typed, columns))
    }

    /// Two types of one name would be two columns of that name.
    fn refuse_repeated(&self, context: &mut Context<'_>) -> Result<()> {
        let twice = self.names.iter().enumerate().find(|(i, name)| self.names.iter().take(*i).any(|n| n == *name));
        let Some((number, name)) = twice else { return Ok(()) };
        let message = format!("column `{}` stands twice", show(name.as_bytes()));
        self.table.refuse_header(context, Flaw::new("header", message).at(number))
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// Passes on the records whose numeric fields are numbers; `special` columns have checks of their own.
    fn each(
        &mut self,
        context: &mut Context<'_>,
        special: &[Option<usize>],
        mut take: impl FnMut(Record<'_>) -> Checked<()>,
    ) -> Result<()> {
        let numeric = |(column, kind): (usize, &Kind)| {
            let checked = matches!(kind, Kind::Float | Kind::FloatSeq) && !special.contains(&Some(column));
            checked.then_some(column)
        };
        let numeric: Vec<usize> = self.kinds.iter().enumerate().filter_map(numeric).collect();
        self.table.each(context, |record| {
            numeric.iter().try_for_each(|&column| numbers(record, column))?;
            take(record)
        })
    }
}

fn parse(kind: &str) -> Option<Kind> {
    match kind {
        "token" => Some(Kind::Token),
        "token_seq" => Some(Kind::TokenSeq),
        "float" => Some(Kind::Float),
        "float_seq" => Some(Kind::FloatSeq),
        _ => None,
    }
}

/// Checks a field of numbers parted by blanks; an empty one means unknown.
fn numbers(record: Record<'_>, column: usize) -> Checked<()> {
    let field = record.field(column);
    let parts = field.text.split(' ').filter(|_| !field.text.is_empty());
    parts
        .map(|text| super::reader::Field { text, ..field })
        .try_for_each(|part| fields::number(part, "number").map(|_| ()))
}

fn triples(path: &Path, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let (mut file, [head, relation, tail]) = Typed::open(path, ["head_id", "relation_id", "tail_id"], context)?;
    collector.start_facts(path);
    let is_number = |column: &usize| file.kinds.get(*column) == Some(&Kind::Float);
    let columns = FactColumns { head, tail, weight: file.column("weight").filter(is_number) };
    file.each(context, &[columns.weight], |record| {
        let name = collector.name(record, relation)?;
        let raw = collector.relation(name, relation)?;
        collector.triple(record, &columns, raw)
    })?;
    collector.end_of_file(path, &mut context.problems);
    Ok(())
}

fn links(path: &Path, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let (mut file, [item, entity]) = Typed::open(path, ["item_id", "entity_id"], context)?;
    file.each(context, &[], |record| {
        let id = collector.name(record, item)?;
        let item = collector.list_item(id, None)?;
        collector.link(item, record.field(entity))
    })?;
    collector.end_of_file(path, &mut context.problems);
    Ok(())
}

fn items(path: &Path, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let (mut file, [item]) = Typed::open(path, ["item_id"], context)?;
    let title = file.column("title").or_else(|| file.column("name"));
    let title = title.or_else(|| file.names.iter().position(|name| name.ends_with("_title")));
    file.each(context, &[], |record| {
        let id = collector.name(record, item)?;
        collector.list_item(id, title.map(|c| record.field(c))).map(|_| ())
    })?;
    collector.end_of_file(path, &mut context.problems);
    Ok(())
}

/// Nothing of a user but the id is part of the graph; the file is checked all the same.
fn users(path: &Path, context: &mut Context<'_>) -> Result<()> {
    let (mut file, [user]) = Typed::open(path, ["user_id"], context)?;
    file.each(context, &[], |record| fields::name(record.field(user)).map(|_| ()))
}

fn interactions(path: &Path, collector: &mut Collector, context: &mut Context<'_>) -> Result<()> {
    let (mut file, [user, item]) = Typed::open(path, ["user_id", "item_id"], context)?;
    let time = file.column("timestamp").or_else(|| file.column("position"));
    let columns = LogColumns { user, item, rating: file.column("rating"), time, split: file.column("split") };
    collector.start_log(path, &columns);
    file.each(context, &[columns.rating, columns.time], |record| collector.interaction(record, &columns))?;
    collector.end_of_file(path, &mut context.problems);
    Ok(())
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
