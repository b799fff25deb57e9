//! `link`: proposes which entity of a graph each item of a log is, by title and year.

use crate::artefacts::kg::Kg;
use crate::error::Result;
use footpath_core::{Context, NodeId};
use footpath_graph::import::{self, Columns};
pub use footpath_graph::link::{Link, Options, Outcome, Titled};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Most bytes read of a table, after unpacking.
const MAX_BYTES: u64 = 1 << 36;

/// Where entities are looked for.
#[derive(Clone, Copy, Debug)]
pub enum Entities<'a> {
    /// A table with `entity_id`, `label`, and `type` and `year` where it has them.
    Table(&'a Path),
    /// The entities of a graph. What it has as users and items is no entity.
    Graph(&'a Kg),
}

/// Items, entities, and a proposal for each item.
#[derive(Clone, Debug)]
pub struct Proposals {
    items: Vec<Titled>,
    entities: Vec<Titled>,
    links: Vec<Link>,
}

/// How many items came out how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All of them.
    pub items: usize,
    /// Entities that were looked at.
    pub entities: usize,
    /// By outcome.
    pub outcomes: BTreeMap<Outcome, usize>,
}

/// Reads a table of items (`item_id`, `title`, `year` where it has one) and proposes an entity for each.
///
/// # Errors
/// Bad tables with file and line, options that make no sense, [`footpath_core::Error::Stopped`].
pub fn run(
    items: &Path,
    entities: Entities<'_>,
    columns: &Columns,
    options: &Options,
    context: &Context,
) -> Result<Proposals> {
    let items = import::titles_of_items(items, columns, MAX_BYTES, context)?;
    let entities = match entities {
        Entities::Table(path) => import::titles_of_entities(path, columns, MAX_BYTES, context)?,
        Entities::Graph(kg) => of_graph(kg, context)?,
    };
    let links = footpath_graph::link::propose(&items, &entities, options, context)?;
    Ok(Proposals { items, entities, links })
}

fn of_graph(kg: &Kg, context: &Context) -> Result<Vec<Titled>> {
    let titled = |node: NodeId| {
        context.check()?;
        let kind = kg.schema().types.get(kg.type_of(node).index()).map_or_else(String::new, |kind| kind.name.clone());
        Ok(Titled { id: kg.id(node).to_owned(), kind, title: kg.label(node).to_owned(), year: None })
    };
    let entities = kg.items().end..u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX);
    entities.map(NodeId).map(titled).collect()
}

impl Proposals {
    /// Counts the outcomes.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut outcomes = BTreeMap::new();
        for link in &self.links {
            *outcomes.entry(link.outcome).or_insert(0) += 1;
        }
        Summary { items: self.items.len(), entities: self.entities.len(), outcomes }
    }

    /// Writes a table that an import takes as the table of items: `item_id`, `entity_id` (empty where none is
    /// proposed), `title`, `score`, `outcome`, `label` of the entity, and `candidates`, the ids of those that came
    /// closest where none is proposed.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "item_id\tentity_id\ttitle\tscore\toutcome\tlabel\tcandidates")?;
        for (item, link) in self.items.iter().zip(&self.links) {
            let entities: Vec<&Titled> = link.entities.iter().filter_map(|&place| self.entities.get(place)).collect();
            let ids: Vec<&str> = entities.iter().map(|entity| entity.id.as_str()).collect();
            let is_proposed = matches!(link.outcome, Outcome::Same | Outcome::Near);
            let (entity, candidates) =
                if is_proposed { (ids.concat(), String::new()) } else { (String::new(), ids.join(" ")) };
            let label = entities.first().map_or("", |entity| &entity.title);
            let (id, title, score, outcome) = (&item.id, &item.title, link.score, link.outcome.name());
            writeln!(out, "{id}\t{entity}\t{title}\t{score:.3}\t{outcome}\t{label}\t{candidates}")?;
        }
        Ok(())
    }
}
