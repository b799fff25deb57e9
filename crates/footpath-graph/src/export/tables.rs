//! A graph as the tables of a dataset folder, from which an import makes the same graph again.

use crate::error::Result;
use crate::heldout::{HeldOut, HeldOutFacts, Split};
use crate::kg::TrainKg;
use footpath_core::{ArtefactWriter, Context, NodeId, RelationId, Triple, TypeId};
use std::io::{self, Write};

/// Nodes between two looks at whether to stop.
const NODES_PER_CHECK: usize = 1 << 14;

/// What is held out of a graph: valid, then test.
#[derive(Clone, Copy, Debug)]
pub struct HeldOutParts<'a> {
    /// Interactions.
    pub interactions: [&'a HeldOut; 2],
    /// Facts.
    pub facts: [&'a HeldOutFacts; 2],
}

const PARTS: [&str; 2] = ["valid", "test"];

/// Writes `entities.tsv`, `relations.tsv`, `triples.tsv`, `items.tsv`, `interactions.tsv` and `users.tsv` into an
/// artefact in the making; the number of facts. A graph without users has no interactions, one without items no items,
/// and one whose users have no facts no list of users.
///
/// Which entity an item was is not known to a graph, where both are one node; it is called `item:ID` here, and that of
/// a user `user:ID`.
///
/// # Errors
/// What the artefact says; [`footpath_core::Error::Stopped`].
pub fn write_tables(
    kg: &TrainKg,
    held_out: HeldOutParts<'_>,
    context: &Context,
    folder: &mut ArtefactWriter,
) -> Result<u64> {
    let [item_prefix, user_prefix] = ["item:", "user:"].map(|prefix| free_prefix(kg, prefix));
    let tables = Tables { kg, held_out, context, item_prefix, user_prefix };
    let mut num_facts = 0;
    folder.add("entities.tsv", |out| tables.entities(out))?;
    folder.add("relations.tsv", |out| tables.relations(out))?;
    folder.add("triples.tsv", |out| {
        num_facts = tables.triples(out)?;
        Ok(())
    })?;
    if !kg.items().is_empty() {
        folder.add("items.tsv", |out| tables.items(out))?;
    }
    if !kg.users().is_empty() {
        folder.add("interactions.tsv", |out| tables.interactions(out))?;
    }
    if kg.schema().users_have_facts {
        folder.add("users.tsv", |out| tables.users(out))?;
    }
    Ok(num_facts)
}

/// What stands before the id of an item or user in that of its entity, so that no other entity has it.
fn free_prefix(kg: &TrainKg, wanted: &str) -> String {
    let mut prefix = wanted.to_owned();
    let is_taken = |prefix: &str| {
        (0..).take(kg.num_nodes()).skip(kg.items().end as usize).any(|node| kg.id(NodeId(node)).starts_with(prefix))
    };
    while is_taken(&prefix) {
        prefix.insert(0, '_');
    }
    prefix
}

struct Tables<'a> {
    kg: &'a TrainKg,
    held_out: HeldOutParts<'a>,
    context: &'a Context,
    item_prefix: String,
    user_prefix: String,
}

impl Tables<'_> {
    /// Passes on some nodes, heeding a stop.
    fn each(&self, nodes: std::ops::Range<u32>, mut take: impl FnMut(NodeId) -> io::Result<()>) -> io::Result<()> {
        for (number, node) in nodes.map(NodeId).enumerate() {
            if number.is_multiple_of(NODES_PER_CHECK) {
                self.context.check().map_err(io::Error::other)?;
            }
            take(node)?;
        }
        Ok(())
    }

    fn all_nodes(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.kg.num_nodes()).unwrap_or(u32::MAX)
    }

    /// A node as facts name it.
    fn entity(&self, node: NodeId, out: &mut dyn Write) -> io::Result<()> {
        let prefix = match self.kg.type_of(node) {
            TypeId::USER => &self.user_prefix,
            TypeId::ITEM => &self.item_prefix,
            _ => "",
        };
        out.write_all(prefix.as_bytes())?;
        out.write_all(self.kg.id(node).as_bytes())
    }

    /// The label of a node; nothing where that is its id.
    fn label(&self, node: NodeId) -> &str {
        let label = self.kg.label(node);
        if label == self.kg.id(node) { "" } else { label }
    }

    /// Whether a node has a fact, in the graph or held out.
    fn has_facts(&self, node: NodeId) -> bool {
        let is_fact = |relation: RelationId| relation.0 > RelationId::INTERACTED_BY.0;
        self.kg.arcs(node).iter().any(|(relation, _)| is_fact(relation))
    }

    fn entities(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "entity_id\ttype\tlabel")?;
        let held_out = self.held_out_ends();
        self.each(0..self.kg.items().end, |node| {
            if !self.has_facts(node) && !held_out.contains(&node) {
                return Ok(());
            }
            self.entity(node, out)?;
            // The title of an item stands in the list of items, and a user has its label from here.
            let label = if self.kg.is_item(node) { "" } else { self.label(node) };
            writeln!(out, "\tentity\t{label}")
        })?;
        self.each(self.kg.items().end..self.all_nodes().end, |node| {
            self.entity(node, out)?;
            let kind = self.kg.schema().types.get(self.kg.type_of(node).index()).map_or("", |kind| &kind.name);
            writeln!(out, "\t{kind}\t{}", self.label(node))
        })
    }

    /// Nodes of held-out facts.
    fn held_out_ends(&self) -> std::collections::BTreeSet<NodeId> {
        let facts = self.held_out.facts.into_iter().flat_map(HeldOutFacts::iter);
        facts.flat_map(|fact| [fact.triple.head, fact.triple.tail]).collect()
    }

    fn relations(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "relation_id\tname\tforward_label\tinverse_label")?;
        for (number, relation) in self.kg.schema().relations.iter().enumerate().skip(1) {
            writeln!(out, "{number}\t{}\t{}\t{}", relation.name, relation.forward, relation.inverse)?;
        }
        Ok(())
    }

    fn triples(&self, out: &mut dyn Write) -> io::Result<u64> {
        let has_weights = self.kg.has_weights();
        writeln!(out, "head\trelation\ttail\tsplit{}", if has_weights { "\tweight" } else { "" })?;
        let mut num_facts = 0;
        let mut write = |triple: Triple, split: &str, weight: f32| {
            num_facts += 1;
            self.entity(triple.head, out)?;
            write!(out, "\t{}\t", triple.relation.index() / 2)?;
            self.entity(triple.tail, out)?;
            write!(out, "\t{split}")?;
            if has_weights { writeln!(out, "\t{weight}") } else { writeln!(out) }
        };
        self.each(self.all_nodes(), |head| {
            let weights = self.kg.weights(head);
            for (place, (relation, tail)) in self.kg.arcs(head).iter().enumerate() {
                if relation.is_inverse() || relation == RelationId::INTERACTED {
                    continue;
                }
                write(Triple { head, relation, tail }, "train", weights.get(place).copied().unwrap_or(1.0))?;
            }
            Ok(())
        })?;
        for (facts, part) in self.held_out.facts.into_iter().zip(PARTS) {
            facts.iter().try_for_each(|fact| write(fact.triple, part, 1.0))?;
        }
        Ok(num_facts)
    }

    fn items(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "item_id\tentity_id\ttitle")?;
        let held_out = self.held_out_ends();
        self.each(self.kg.items(), |item| {
            write!(out, "{}\t", self.kg.id(item))?;
            if self.has_facts(item) || held_out.contains(&item) {
                self.entity(item, out)?;
            }
            writeln!(out, "\t{}", self.label(item))
        })
    }

    fn users(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "user_id\tentity_id")?;
        let held_out = self.held_out_ends();
        self.each(self.kg.users(), |user| {
            if !self.has_facts(user) && !held_out.contains(&user) {
                return Ok(());
            }
            write!(out, "{}\t", self.kg.id(user))?;
            self.entity(user, out)?;
            writeln!(out)
        })
    }

    fn interactions(&self, out: &mut dyn Write) -> io::Result<()> {
        let schema = self.kg.schema();
        let header = [(schema.has_ratings, "\trating"), (schema.has_times, "\ttimestamp")];
        let header: String = header.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect();
        writeln!(out, "user_id\titem_id\tsplit{header}")?;
        let mut write = |user: NodeId, item: NodeId, split: Split, rating: f32, time: i64| {
            let part = match split {
                Split::Train => "train",
                Split::Valid => PARTS[0],
                Split::Test => PARTS[1],
            };
            write!(out, "{}\t{}\t{part}", self.kg.id(user), self.kg.id(item))?;
            if schema.has_ratings {
                write!(out, "\t{rating}")?;
            }
            if schema.has_times { writeln!(out, "\t{time}") } else { writeln!(out) }
        };
        self.each(self.kg.users(), |user| {
            let (ratings, times) = (self.kg.ratings_of(user), self.kg.times_of(user));
            for (place, &item) in self.kg.items_of(user).iter().enumerate() {
                let rating = ratings.get(place).copied().unwrap_or(f32::NAN);
                write(user, NodeId(item), Split::Train, rating, times.get(place).copied().unwrap_or(0))?;
            }
            Ok(())
        })?;
        for (log, split) in self.held_out.interactions.into_iter().zip([Split::Valid, Split::Test]) {
            for (number, (user, item, time)) in log.iter().enumerate() {
                write(user, item, split, log.rating(number), time)?;
            }
        }
        Ok(())
    }
}
