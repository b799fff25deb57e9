//! A data set for hopwise with the paths in its text form, so that it learns from a corpus of ours instead of sampling
//! one.

use super::text::Text;
use super::write_rows;
use crate::audit::HeldOutItems;
use crate::error::{Error, Result};
use crate::kg::TrainKg;
use footpath_core::{ArtefactWriter, Context, Corpus, NodeId, RelationId, TypeId};
use std::io::{self, Write};

/// Writes a corpus, its graph and its split as files that hopwise (0.9) reads, into an artefact in the making; the
/// number of paths.
///
/// hopwise numbers everything itself, in the order in which it first meets it, with 0 for padding:
///
/// ```text
/// U1 R9 I5 R2 E39 R2 I12
///
/// U  users: by first interaction (train, valid, test, then the file of users)
/// I  items: those without a fact first, then those with facts, each by first interaction as users are
/// E  entities that are no items: by first head of a fact, then by first tail, counted on from the last item
/// R  relations: by first fact; the last is the interaction. A relation and its inverse have one number
/// ```
///
/// The files state everything in an order for which its numbers are known here, and name everything by the token it
/// must get. So hopwise gives each token the meaning it has in the paths, which it can be asked to confirm. Files, for
/// a data set called `name`:
///
/// ```text
/// name.train.inter, name.valid.inter, name.test.inter   user_id, item_id: the split, to be used as it is
/// name.user, name.item                                  every user, every item
/// name.kg                                               head_id, relation_id, tail_id: the facts
/// name.link                                             item_id, entity_id: every item that has facts
/// name.yaml                                             settings that make hopwise read these files, and only so
/// name.paths                                            the paths, one a line
/// name.tokens.jsonl                                     what the tokens stand for in the data
/// ```
///
/// # Errors
/// As [`super::write_text`]; what the artefact says; [`Error::Usage`] for a graph whose users have facts.
pub fn write_hopwise(
    corpus: &Corpus,
    kg: &TrainKg,
    held_out: [&HeldOutItems; 2],
    context: &Context,
    name: &str,
    folder: &mut ArtefactWriter,
) -> Result<u64> {
    if kg.schema().users_have_facts {
        let reason = "the files of hopwise have no facts about users, and this graph has; export another format";
        return Err(Error::Usage { option: "format", reason: reason.to_owned() });
    }
    let [valid, test] = held_out;
    let numbers = Numbers::new(kg, held_out, context)?;
    let file = |suffix: &str| format!("{name}.{suffix}");
    folder.add(&file("train.inter"), |out| interactions(&numbers, train(kg), context, out))?;
    folder.add(&file("valid.inter"), |out| interactions(&numbers, pairs(valid), context, out))?;
    folder.add(&file("test.inter"), |out| interactions(&numbers, pairs(test), context, out))?;
    folder.add(&file("user"), |out| column("user_id", kg.users(), &numbers, context, out))?;
    folder.add(&file("item"), |out| column("item_id", kg.items(), &numbers, context, out))?;
    folder.add(&file("kg"), |out| facts_file(kg, &numbers, context, out))?;
    folder.add(&file("link"), |out| links(kg, &numbers, context, out))?;
    let hops = corpus.header().width / 2;
    folder.add(&file("yaml"), |out| settings(name, hops, out))?;
    folder.add(&file("tokens.jsonl"), |out| tokens(kg, &numbers, context, out))?;
    let mut paths = folder.open(&file("paths"))?;
    let relation = |id: u16| numbers.relation(RelationId(id));
    let form = Text::numbered(kg, Some(numbers.nodes.clone()), relation);
    let num_paths = write_rows(corpus, &form, context, &mut paths)?;
    folder.close(paths)?;
    Ok(num_paths)
}

/// The numbers hopwise will give.
struct Numbers {
    /// Of each node among the users, the items, or items and entities; 0 for entities without a fact, which are in no
    /// path.
    nodes: Vec<u32>,
    /// Of each relation, whichever way it is read.
    relations: Vec<u32>,
    /// First item, first entity.
    bounds: [u32; 2],
}

impl Numbers {
    fn new(kg: &TrainKg, held_out: [&HeldOutItems; 2], context: &Context) -> Result<Self> {
        let mut nodes = vec![0; kg.num_nodes()];
        let chosen = || train(kg).chain(held_out.into_iter().flat_map(pairs));
        let all = |range: std::ops::Range<u32>| range.map(NodeId);
        number(&mut nodes, 1, chosen().map(|pair| pair.0).chain(all(kg.users())), context)?;
        let items: Vec<NodeId> = chosen().map(|pair| pair.1).chain(all(kg.items())).collect();
        context.check()?;
        let (bare, linked) = items.iter().partition::<Vec<_>, _>(|&&item| !has_facts(kg, item));
        let next = number(&mut nodes, 1, bare.into_iter().chain(linked), context)?;
        let entity = |node: &NodeId| kg.type_of(*node) != TypeId::ITEM;
        let (heads, tails) = (facts(kg).map(|fact| fact.0), facts(kg).map(|fact| fact.2));
        number(&mut nodes, next, heads.chain(tails).filter(entity), context)?;
        let mut relations = vec![0; kg.num_relations() / 2];
        let met = facts(kg).map(|fact| NodeId(u32::from(fact.1.0 / 2)));
        let last = number(&mut relations, 1, met, context)?;
        if let Some(interacted) = relations.first_mut() {
            *interacted = last;
        }
        Ok(Self { nodes, relations, bounds: [kg.items().start, kg.items().end] })
    }

    fn relation(&self, relation: RelationId) -> u32 {
        self.relations.get(relation.index() / 2).copied().unwrap_or(0)
    }

    fn token(&self, node: NodeId) -> String {
        let letter = match node.0 {
            id if id < self.bounds[0] => 'U',
            id if id < self.bounds[1] => 'I',
            _ => 'E',
        };
        format!("{letter}{}", self.nodes.get(node.index()).copied().unwrap_or(0))
    }
}

/// Numbers what has none yet in the order of `met`, from `next` on; the number after the last.
fn number(numbers: &mut [u32], mut next: u32, met: impl IntoIterator<Item = NodeId>, context: &Context) -> Result<u32> {
    for node in met {
        context.check()?;
        if let Some(number @ 0) = numbers.get_mut(node.index()) {
            *number = next;
            next += 1;
        }
    }
    Ok(next)
}

/// Train interactions by user, then item.
fn train(kg: &TrainKg) -> impl Iterator<Item = (NodeId, NodeId)> {
    kg.users().map(NodeId).flat_map(|user| kg.items_of(user).iter().map(move |&item| (user, NodeId(item))))
}

fn pairs(held_out: &HeldOutItems) -> impl Iterator<Item = (NodeId, NodeId)> {
    held_out.iter().flat_map(|(&user, items)| items.iter().map(move |&item| (user, item)))
}

/// Facts as stated, by head.
fn facts(kg: &TrainKg) -> impl Iterator<Item = (NodeId, RelationId, NodeId)> {
    let nodes = (kg.users().end..).take(kg.num_nodes() - kg.users().len()).map(NodeId);
    let stated = |relation: RelationId| !relation.is_inverse() && relation != RelationId::INTERACTED;
    nodes.flat_map(move |head| {
        kg.arcs(head).iter().filter(move |arc| stated(arc.0)).map(move |(relation, tail)| (head, relation, tail))
    })
}

/// Whether an item is in a fact.
fn has_facts(kg: &TrainKg, item: NodeId) -> bool {
    kg.arcs(item).iter().any(|(relation, _)| relation != RelationId::INTERACTED_BY)
}

fn interactions(
    numbers: &Numbers,
    pairs: impl Iterator<Item = (NodeId, NodeId)>,
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "user_id:token\titem_id:token")?;
    for (user, item) in pairs {
        context.check()?;
        writeln!(out, "{}\t{}", numbers.token(user), numbers.token(item))?;
    }
    Ok(())
}

fn column(
    name: &str,
    nodes: std::ops::Range<u32>,
    numbers: &Numbers,
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{name}:token")?;
    nodes.map(NodeId).try_for_each(|node| {
        context.check()?;
        writeln!(out, "{}", numbers.token(node))
    })
}

fn facts_file(kg: &TrainKg, numbers: &Numbers, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "head_id:token\trelation_id:token\ttail_id:token")?;
    for (head, relation, tail) in facts(kg) {
        context.check()?;
        writeln!(out, "{}\tR{}\t{}", numbers.token(head), numbers.relation(relation), numbers.token(tail))?;
    }
    Ok(())
}

fn links(kg: &TrainKg, numbers: &Numbers, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "item_id:token\tentity_id:token")?;
    let linked = kg.items().map(NodeId).filter(|&item| has_facts(kg, item));
    for token in linked.map(|item| numbers.token(item)) {
        context.check()?;
        writeln!(out, "{token}\t{token}")?;
    }
    Ok(())
}

/// YAML that hopwise takes as a configuration file. JSON strings are YAML strings.
fn settings(name: &str, hops: usize, out: &mut dyn Write) -> io::Result<()> {
    let name = serde_json::to_string(name)?;
    write!(
        out,
        "dataset: {name}
path_hop_length: {hops}
benchmark_filename: [train, valid, test]
load_col:
  inter: [user_id, item_id]
  user: [user_id]
  item: [item_id]
  kg: [head_id, relation_id, tail_id]
  link: [item_id, entity_id]
kg_reverse_r: False
ui_relation: '[UI-Relation]'
"
    )
}

/// What every token stands for: `{"token": "U1", "name": "user:7", "label": "7"}`.
fn tokens(kg: &TrainKg, numbers: &Numbers, context: &Context, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |token: String, name: &str, label: &str| {
        context.check()?;
        serde_json::to_writer(&mut *out, &serde_json::json!({ "token": token, "name": name, "label": label }))?;
        writeln!(out)
    };
    for relation in &kg.schema().relations {
        let id = kg.relation(&relation.name).unwrap_or(RelationId::INTERACTED);
        if numbers.relation(id) > 0 {
            line(format!("R{}", numbers.relation(id)), &relation.name, kg.reading(id))?;
        }
    }
    let nodes = (0..).map(NodeId).zip(&numbers.nodes).filter(|(_, number)| **number > 0);
    nodes.map(|(node, _)| node).try_for_each(|node| line(numbers.token(node), &kg.node_name(node), kg.label(node)))
}
