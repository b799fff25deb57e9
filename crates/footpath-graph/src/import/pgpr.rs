//! The layout of PGPR and CAFE: a file for each kind of entity and each relation, where the number of a line counts.
//!
//! ```text
//! users.txt.gz, product.txt.gz, brand.txt.gz, …   one name a line; its number, from 0, is the id
//! brand_p_b.txt.gz, category_p_c.txt.gz, …        line i: the numbers of what product i is related to, by blanks;
//!                                                 an empty line is a product without any
//! train.txt.gz, test.txt.gz                       user, product, numbers of words, by tabs
//! ```
//!
//! Words of reviews are not read. Related products are the products of the same name.

use super::collector::Collector;
use super::field::Field;
use super::findings::{Finding, Severity};
use super::folder::{File, Folder};
use super::gathered::{At, Choice, LogFields};
use super::lines::{Lines, number};
use super::log;
use super::numbers;
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::tables::{Plan, Tables};
use crate::error::{Result, show};
use crate::heldout::Split;
use std::collections::HashMap;

/// Files of facts: their name, the relation, the file of what products are related to.
const RELATIONS: [(&str, &str, &str); 5] = [
    ("brand_p_b.txt", "produced_by", "brand.txt"),
    ("category_p_c.txt", "belongs_to", "category.txt"),
    ("also_bought_p_p.txt", "also_bought", "related_product.txt"),
    ("also_viewed_p_p.txt", "also_viewed", "related_product.txt"),
    ("bought_together_p_p.txt", "bought_together", "related_product.txt"),
];
const PRODUCTS: &str = "product.txt";
const RELATED: &str = "related_product.txt";

/// The files of a data set.
pub(super) struct Pgpr {
    products: File,
    users: Option<File>,
    /// Facts with their relation and the file of their tails.
    relations: Vec<(File, &'static str, File)>,
    parts: Vec<File>,
}

/// What shows that a folder has this layout.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    let files = RELATIONS.map(|(file, ..)| file);
    Ok(folder.shown_by(&files)?.filter(|_| matches!(folder.named(PRODUCTS), Ok(Some(_)))))
}

/// Finds the files.
pub(super) fn find(folder: &Folder) -> Result<Pgpr> {
    let mut relations = Vec::new();
    for (file, relation, tails) in RELATIONS {
        if let Some(file) = folder.named(file)? {
            relations.push((file, relation, folder.required(tails)?));
        }
    }
    if relations.is_empty() {
        return Err(folder.missing("brand_p_b.txt.gz or another file of facts"));
    }
    let mut parts = Vec::new();
    for part in ["train", "test"] {
        let file = folder.named(&format!("{part}.txt"))?;
        parts.extend(file.map(|file| File { part: part.to_owned(), ..file }));
    }
    Ok(Pgpr { products: folder.required(PRODUCTS)?, users: folder.named("users.txt")?, relations, parts })
}

impl Tables for Pgpr {
    fn plan(&self) -> Vec<(File, String)> {
        let mut plan = Plan::default().with([&self.products], "products, one a line");
        let mut seen: Vec<&File> = Vec::new();
        for (file, relation, tails) in &self.relations {
            if !seen.iter().any(|known| known.path == tails.path) {
                plan = plan.with([tails], "entities, one a line");
                seen.push(tails);
            }
            plan = plan.with([file], &format!("facts {relation}: line i has the numbers for product i"));
        }
        let plan = plan.with(&self.users, "users, one a line");
        plan.with(&self.parts, "interactions: user, product; numbers of words are not read").done()
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        let products = names(&self.products, reading)?;
        let kinds = EntityKinds::read(&self.relations, &products, reading)?;
        collector.entities_listed = true;
        list(&self.products, "product", &products, |number| Some(format!("product:{number}")), collector, reading)?;
        for kind in &kinds.0 {
            let id = |number: usize| kind.ids.get(number).filter(|(_, is_new)| *is_new).map(|(id, _)| id.clone());
            list(&kind.file, kind.name, &kind.names, id, collector, reading)?;
        }
        if let Err(flaw) = collector.set_weighed(false) {
            return reading.problems.bad(&self.products.path, 0, flaw);
        }
        for (file, relation, tails) in &self.relations {
            let Some(kind) = kinds.0.iter().find(|kind| kind.file.path == tails.path) else { continue };
            facts(file, relation, kind, products.len(), collector, reading)?;
        }
        items(&self.products, &products, collector, reading)?;
        let users = self.users.as_ref().map(|file| names(file, reading)).transpose()?;
        let mut num_words = 0;
        for file in &self.parts {
            num_words += interactions(file, users.as_deref(), products.len(), collector, reading)?;
        }
        if num_words > 0 {
            let message = format!("{num_words} words of reviews are not read; a path goes through facts alone");
            reading.problems.find(Finding::new("words_not_read", Severity::Note, num_words, message));
        }
        Ok(())
    }
}

/// The names in a file, one a line; the number of a line, from 0, is the id. A name may be empty.
fn names(file: &File, reading: &mut Reading<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    Lines::open(&file.path, reading)?.each(reading, true, |_, text| {
        names.push(text.trim().to_owned());
        Ok(())
    })?;
    Ok(names)
}

/// A kind of entity: its name, its file, names, and the id of each with whether it is not a product.
struct EntityKind {
    name: &'static str,
    file: File,
    names: Vec<String>,
    ids: Vec<(String, bool)>,
}

struct EntityKinds(Vec<EntityKind>);

impl EntityKinds {
    fn read(relations: &[(File, &'static str, File)], products: &[String], reading: &mut Reading<'_>) -> Result<Self> {
        let by_name: HashMap<&str, usize> = products.iter().enumerate().map(|(n, name)| (name.as_str(), n)).collect();
        let mut kinds: Vec<EntityKind> = Vec::new();
        for (.., file) in relations {
            if kinds.iter().any(|kind| kind.file.path == file.path) {
                continue;
            }
            let all = names(file, reading)?;
            let stem = |wanted: &str| RELATIONS.iter().any(|(.., tails)| *tails == wanted) && is_called(file, wanted);
            let name = if stem(RELATED) {
                "related_product"
            } else if stem("brand.txt") {
                "brand"
            } else {
                "category"
            };
            let id = |(number, text): (usize, &String)| match by_name.get(text.as_str()) {
                Some(product) if name == "related_product" => (format!("product:{product}"), false),
                _ => (format!("{name}:{number}"), true),
            };
            let ids: Vec<(String, bool)> = all.iter().enumerate().map(id).collect();
            if name == "related_product" {
                let count = ids.iter().filter(|(_, is_new)| !is_new).count();
                let message = format!("{count} of {} related products are products of the same name", ids.len());
                let finding = Finding::new("related_products", Severity::Note, count as u64, message);
                reading.problems.find(finding);
            }
            kinds.push(EntityKind { name, file: file.clone(), names: all, ids });
        }
        Ok(Self(kinds))
    }
}

fn is_called(file: &File, wanted: &str) -> bool {
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    super::folder::unpacked(name) == wanted
}

/// Lists entities, those of which an id is given.
fn list(
    file: &File,
    kind: &str,
    names: &[String],
    id: impl Fn(usize) -> Option<String>,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    for (number, label) in names.iter().enumerate() {
        let Some(id) = id(number) else { continue };
        let line = u32::try_from(number + 1).unwrap_or(0);
        let at = At { file: of_file, line, ahead: None };
        let label = Field { text: label, number: 0, quoted: false };
        let listed =
            numbers::name(&id, 0).and_then(|id| collector.list_entity(at, id, numbers::name(kind, 0)?, Some(label)));
        if let Err(flaw) = listed {
            reading.problems.bad(&file.path, line.into(), flaw)?;
        }
    }
    reading.problems.stop_if_strict()
}

fn facts(
    file: &File,
    relation: &str,
    kind: &EntityKind,
    num_products: usize,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let mut num_lines = 0;
    Lines::open(&file.path, reading)?.each(reading, true, |line, text| {
        num_lines += 1;
        let product = (line as usize).saturating_sub(1);
        if product >= num_products {
            return Err(Flaw::fatal("count", format!("line {line}, but there are {num_products} products")));
        }
        let at = At { file: of_file, line, ahead: None };
        let raw = collector.relation(at, numbers::name(relation, 0)?)?;
        let head = format!("product:{product}");
        for (place, tail) in text.split_ascii_whitespace().enumerate() {
            let number = number(tail, place, kind.name)?;
            let Some((tail, _)) = kind.ids.get(number as usize) else {
                let (count, of) = (kind.names.len(), kind.file.shown_name());
                let message = format!("{} {number}, but {of} has {count} lines, 0 to {}", kind.name, count.max(1) - 1);
                return Err(Flaw::new("outside", message).at(place));
            };
            collector.triple(at, numbers::name(&head, 0)?, raw, numbers::name(tail, 0)?, None)?;
        }
        Ok(())
    })?;
    if num_lines < num_products {
        let message = format!(
            "{num_lines} lines for {num_products} products; an empty line stands for a product without any, so no \
             line may be missing"
        );
        return reading.problems.bad(&file.path, 0, Flaw::fatal("count", message));
    }
    Ok(())
}

fn items(file: &File, products: &[String], collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    for (number, title) in products.iter().enumerate() {
        let line = u32::try_from(number + 1).unwrap_or(0);
        let at = At { file: of_file, line, ahead: None };
        let (id, entity) = (number.to_string(), format!("product:{number}"));
        let title = Field { text: title, number: 0, quoted: false };
        let mut take = || -> Checked<()> {
            let item = collector.list_item(at, numbers::name(&id, 0)?, Some(title))?;
            collector.link(at, item, numbers::name(&entity, 0)?)
        };
        if let Err(flaw) = take() {
            reading.problems.bad(&file.path, line.into(), flaw)?;
        }
    }
    reading.problems.stop_if_strict()
}

/// Reads a part of the log; the number of words that were left out.
fn interactions(
    file: &File,
    users: Option<&[String]>,
    num_products: usize,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<u64> {
    let of_file = collector.begin_file(&file.path)?;
    let split = log::part(&file.part).unwrap_or(Split::Train);
    if let Err(flaw) = collector.set_log_fields(LogFields { rating: false, time: false, split: true }) {
        reading.problems.bad(&file.path, 0, flaw)?;
    }
    let mut num_words = 0;
    Lines::open(&file.path, reading)?.each(reading, false, |line, text| {
        let fields: Vec<&str> = text.split('\t').collect();
        let [user, product, ref words @ ..] = *fields.as_slice() else {
            let message =
                format!("expected user, product and words with tabs between, found `{}`", show(text.as_bytes()));
            return Err(Flaw::new("columns", message).at(fields.len()));
        };
        num_words += words.iter().map(|words| words.split_ascii_whitespace().count() as u64).sum::<u64>();
        let (user, product) = (number(user, 0, "a user")?, number(product, 1, "a product")?);
        if let Some(users) = users.filter(|users| user as usize >= users.len()) {
            return Err(Flaw::new("outside", format!("user {user}, but there are {} users", users.len())).at(0));
        }
        if product as usize >= num_products {
            return Err(Flaw::new("outside", format!("product {product}, but there are {num_products}")).at(1));
        }
        let (user, item) = (user.to_string(), product.to_string());
        let (user, item) = (numbers::name(&user, 0)?, numbers::name(&item, 1)?);
        let at = At { file: of_file, line, ahead: None };
        collector.interaction(at, &Choice { user, item, rating: f32::NAN, time: 0, split })
    })?;
    Ok(num_words)
}
