//! `adapt`: a model on a graph that has grown since, without training it again.
//!
//! What the model knows is carried over by name. A node that is new, or an item that nobody had chosen, gets vectors
//! composed from its relations: for each of its facts `(relation, other end)`, the mean over those nodes which the
//! model knows and which stand in the same relation to the same other end; the means are averaged with weight
//! `1 / √(number of such nodes)`, for to share a director says more than to share a language. A node without such a
//! fact gets the mean of its type. So a new film by a known director lies among that director's films, and paths lead
//! to it.

use crate::artefacts::kg::Kg;
use crate::artefacts::model::{Model, NewModel, StoredModel};
use crate::artefacts::model_card::ModelCard;
use crate::error::{Error, Result};
use crate::text::words;
use footpath_core::{ArtefactKind, Context, NodeId, RelationId, Replace, TokenId, Vocabulary};
use footpath_graph::TrainKg;
use footpath_model::PathModel;
use footpath_model::config::ModelConfig;
use footpath_model::embeddings::Table;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Most nodes that a mean is taken over; of more, evenly spaced ones.
const MAX_SIBLINGS: usize = 256;

/// What was carried over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nodes the model knows.
    pub known: usize,
    /// Nodes composed from their relations.
    pub composed: usize,
    /// Nodes without a relation to compose from, which are the mean of their type.
    pub mean: usize,
    /// Users the model has not seen; they are told by what they chose.
    pub new_users: usize,
    /// Relations the model has not seen; they are the mean of all.
    pub new_relations: usize,
    /// Nodes of the earlier graph that the new one does not have.
    pub dropped: usize,
}

/// Carries a stored model, trained on the graph `from`, over to the graph `to`, and publishes it at `out`.
///
/// # Errors
/// [`footpath_core::Error::Mismatch`] when the model is not of the first graph, a pattern that the second cannot have,
/// a disk that refuses, [`footpath_core::Error::Stopped`].
pub fn run(
    stored: &StoredModel,
    from: &Kg,
    to: &Kg,
    out: &Path,
    replace: Replace,
    context: &Context,
) -> Result<Report> {
    footpath_core::artefact::refuse_existing(out, ArtefactKind::Model, replace)?;
    let old = Model::of(Arc::clone(from.train()), stored, context)?;
    let (model, report) = context.run(|| carry_over(&old.paths, &Known::new(from, to, context)?, context))??;
    let card = ModelCard {
        model: model.config.clone(),
        vocabulary: to.vocabulary(),
        // Items have other places now, and other weights.
        weights: None,
        notes: vec!["Carried over to another graph: its linear part and its weights stayed behind.".to_owned()],
        adapted_from: Some(old.hash.clone()),
        ..old.card.clone()
    };
    card.check(to)
        .map_err(|(expected, got)| Error::Usage { option: "kg", reason: format!("expected {expected}, got {got}") })?;
    // The log stays that of the training the weights come from.
    let log = stored.log()?;
    let parents = BTreeMap::from([("kg".to_owned(), to.content_hash().to_owned())]);
    NewModel { card: &card, paths: &model, linear: None, log: &log, parents }.publish(out, replace)?;
    Ok(report)
}

/// Which tokens of the new graph the model knows, and by which old ones.
struct Known<'a> {
    old: &'a TrainKg,
    new: &'a TrainKg,
    /// By new node: the old one, if the model has learned it.
    nodes: Vec<Option<NodeId>>,
    /// By new directed relation: the old one.
    relations: Vec<Option<RelationId>>,
}

impl<'a> Known<'a> {
    fn new(old: &'a TrainKg, new: &'a TrainKg, context: &Context) -> Result<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the number of nodes is limited at import")]
        let all = (0..new.num_nodes() as u32).into_par_iter().map(NodeId);
        let found = |node| {
            context.check()?;
            Ok(old.node(&new.node_name(node)).ok().filter(|&n| is_learned(old, n)))
        };
        let nodes = all.map(found).collect::<Result<_>>()?;
        let relation = |k: u32| RelationId(u16::try_from(k).unwrap_or(u16::MAX));
        let relations =
            (0..new.vocabulary().num_relations).map(|k| old.relation(&new.relation_name(relation(k)))).collect();
        Ok(Self { old, new, nodes, relations })
    }

    fn node(&self, node: NodeId) -> Option<NodeId> {
        self.nodes.get(node.index()).copied().flatten()
    }

    /// The old nodes that the means behind a node's vectors are taken over, each group with its weight; groups are
    /// empty for a node without any.
    fn siblings(&self, node: NodeId) -> Vec<Vec<NodeId>> {
        let is_known = |&tail: &u32| tail != node.0 && self.new.type_of(NodeId(tail)) == self.new.type_of(node);
        let of_fact = |(relation, other): (RelationId, NodeId)| {
            let tails = self.new.arcs(other).of(relation.inverse()).tails;
            let step = tails.len().div_ceil(MAX_SIBLINGS).max(1);
            let group =
                tails.iter().step_by(step).filter(|tail| is_known(tail)).filter_map(|&tail| self.node(NodeId(tail)));
            group.collect::<Vec<_>>()
        };
        self.new.arcs(node).iter().map(of_fact).filter(|group| !group.is_empty()).collect()
    }
}

/// Whether training has taught the model anything of a node: items nobody chose were only ever counter-examples.
fn is_learned(kg: &TrainKg, node: NodeId) -> bool {
    !kg.is_item(node) || kg.popularity(node) > 0
}

/// Where the rows of a node's vectors come from.
enum Origin {
    Row(u32),
    /// Rows with their weights, which sum to 1.
    Mean(Vec<(u32, f32)>),
}

fn carry_over(model: &PathModel, known: &Known<'_>, context: &Context) -> Result<(PathModel, Report)> {
    let (old, new) = (known.old.vocabulary(), known.new.vocabulary());
    let mut report = Report::default();
    let types: Vec<Vec<(u32, f32)>> =
        known.new.schema().types.iter().map(|kind| type_mean(known, kind.start..kind.end)).collect();
    let all_relations: Vec<(u32, f32)> =
        evenly((0..old.num_relations).map(|k| footpath_core::vocabulary::NUM_SPECIALS + k).collect());
    let stage = context.stage("carrying over", Some(new.len() as u64), "tokens");
    let origins = (0..new.len() as u32).map(|token| {
        stage.advance(1)?;
        Ok(match new.word(footpath_core::TokenId(token)) {
            Some(footpath_core::vocabulary::Word::Relation(r)) => {
                match known.relations.get(usize::from(r.0)).copied().flatten() {
                    Some(relation) => Origin::Row(old.relation(relation).0),
                    None => {
                        report.new_relations += 1;
                        Origin::Mean(all_relations.clone())
                    }
                }
            }
            Some(footpath_core::vocabulary::Word::Node(node)) => node_origin(known, node, &types, old, &mut report),
            _ => Origin::Row(token),
        })
    });
    let origins: Vec<Origin> = origins.collect::<Result<_>>()?;
    report.new_relations /= 2;
    let kept = known.nodes.iter().flatten().count();
    report.dropped = known.old.num_nodes().saturating_sub(kept + unlearned(known));
    let table = |table: &Table| {
        Table::from_values(origins.iter().flat_map(|origin| row(table, origin)).collect::<Vec<f32>>(), table.width())
    };
    let first = new.node(NodeId(known.new.items().start)).0 as usize;
    let old_first = old.node(NodeId(known.old.items().start)).0;
    let of_items = origins.get(first..first + known.new.items().len()).unwrap_or_default();
    let history = of_items.iter().flat_map(|origin| row(&model.history, &shifted(origin, old_first)));
    let history = Table::from_values(history.collect::<Vec<f32>>(), model.history.width());
    let config = ModelConfig {
        num_tokens: new.len(),
        first_item: known.new.items().start,
        num_items: known.new.items().len(),
        kinds: if model.kinds.is_some() { words::kinds(known.new) } else { Vec::new() },
        starts: if model.starts.is_some() { words::users(known.new) } else { 0..0 },
        ..model.config.clone()
    };
    config.validate()?;
    let (input, own_output, bias) = (table(&model.input), model.own_output.as_ref().map(table), table(&model.bias));
    let kinds = model.kinds.as_ref().map(|kinds| kinds_carried_over(kinds, known));
    let of_users = origins.iter().zip(0u32..).filter(|(_, token)| config.starts.contains(token));
    let start = |(origin, _): (&Origin, u32)| match origin {
        Origin::Row(token) => model.start(TokenId(*token)),
        Origin::Mean(_) => row(&model.input, origin),
    };
    let starts: Vec<f32> = of_users.flat_map(start).collect();
    let starts = model.starts.as_ref().map(|table| Table::from_values(starts, table.width()));
    Ok((PathModel { config, trunk: model.trunk.clone(), input, own_output, bias, history, kinds, starts }, report))
}

/// The vectors of kinds: those of types by name, the mean of the types of entities for a type that is new.
fn kinds_carried_over(kinds: &Table, known: &Known<'_>) -> Table {
    /// Specials and relations come before the types, users and items are the first two of these.
    const BEFORE_TYPES: u32 = 2;
    let types = |kg: &TrainKg| kg.schema().types.iter().map(|kind| kind.name.clone()).collect::<Vec<_>>();
    let old: BTreeMap<String, u32> = types(known.old).into_iter().zip(BEFORE_TYPES..).collect();
    let entities = evenly(old.values().copied().filter(|&row| row >= BEFORE_TYPES + 2).collect());
    let of_type = |name: &String| old.get(name).map_or_else(|| Origin::Mean(entities.clone()), |&row| Origin::Row(row));
    let origins = (0..BEFORE_TYPES).map(Origin::Row).chain(types(known.new).iter().map(of_type).collect::<Vec<_>>());
    Table::from_values(origins.flat_map(|origin| row(kinds, &origin)).collect::<Vec<f32>>(), kinds.width())
}

fn node_origin(
    known: &Known<'_>,
    node: NodeId,
    types: &[Vec<(u32, f32)>],
    old: Vocabulary,
    report: &mut Report,
) -> Origin {
    if let Some(before) = known.node(node) {
        report.known += 1;
        return Origin::Row(old.node(before).0);
    }
    if known.new.users().contains(&node.0) {
        report.new_users += 1;
        return Origin::Row(Vocabulary::ANY_USER.0);
    }
    let groups = known.siblings(node);
    if groups.is_empty() {
        report.mean += 1;
        return Origin::Mean(types.get(known.new.type_of(node).index()).cloned().unwrap_or_default());
    }
    report.composed += 1;
    #[expect(clippy::cast_precision_loss, reason = "at most 256")]
    let weight = |group: &Vec<NodeId>| 1.0 / (group.len() as f32).sqrt();
    let total: f32 = groups.iter().map(weight).sum();
    let mut rows: BTreeMap<u32, f32> = BTreeMap::new();
    for group in &groups {
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        let share = weight(group) / total / group.len() as f32;
        for &sibling in group {
            *rows.entry(old.node(sibling).0).or_default() += share;
        }
    }
    Origin::Mean(rows.into_iter().collect())
}

/// The mean of the nodes of a type that the model knows.
fn type_mean(known: &Known<'_>, nodes: std::ops::Range<u32>) -> Vec<(u32, f32)> {
    let step = nodes.len().div_ceil(MAX_SIBLINGS).max(1);
    let old = known.old.vocabulary();
    evenly(nodes.filter_map(|node| known.node(NodeId(node))).step_by(step).map(|node| old.node(node).0).collect())
}

fn evenly(rows: Vec<u32>) -> Vec<(u32, f32)> {
    #[expect(clippy::cast_precision_loss, reason = "a count of rows in memory")]
    let share = 1.0 / rows.len().max(1) as f32;
    rows.into_iter().map(|row| (row, share)).collect()
}

/// Nodes of the new graph that the old one has, but the model has not learned.
fn unlearned(known: &Known<'_>) -> usize {
    known
        .old
        .items()
        .filter(|&item| !is_learned(known.old, NodeId(item)))
        .filter(|&item| known.new.item(known.old.id(NodeId(item))).is_ok())
        .count()
}

fn row(table: &Table, origin: &Origin) -> Vec<f32> {
    match origin {
        Origin::Row(row) => table.row(*row).to_vec(),
        Origin::Mean(rows) => {
            let mut sum = vec![0.0; table.width()];
            for &(row, share) in rows {
                sum.iter_mut().zip(table.row(row)).for_each(|(s, v)| *s += share * v);
            }
            sum
        }
    }
}

/// The same origin in the table of items, whose first row is the token `first`.
fn shifted(origin: &Origin, first: u32) -> Origin {
    match origin {
        Origin::Row(row) => Origin::Row(row - first),
        Origin::Mean(rows) => Origin::Mean(rows.iter().map(|&(row, share)| (row - first, share)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    /// Films a to e by ann, of one genre; x, of the same genre and by bob with a, is there only if asked for.
    fn graph(with_x: bool) -> TrainKg {
        let mut data = Dataset::default();
        for item in ["a", "b", "c", "d"] {
            data.link(item, &format!("film-{item}"));
            data.fact(&format!("film-{item}"), "genre", "noir");
            data.interact("u", item);
        }
        data.fact("film-a", "by", "bob");
        data.link("unloved", "film-unloved");
        data.fact("film-unloved", "by", "bob");
        if with_x {
            data.link("x", "film-x");
            data.fact("film-x", "genre", "noir");
            data.fact("film-x", "by", "bob");
            data.fact("film-x", "in", "a language of its own");
            data.interact("newcomer", "x");
        }
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    #[test]
    fn a_new_item_lies_among_those_it_shares_facts_with() {
        let (old, new) = (graph(false), graph(true));
        let known = Known::new(&old, &new, &Context::default()).expect("not stopped");
        let mut report = Report::default();
        let types = vec![Vec::new(); new.schema().types.len()];
        let mut origin =
            |name: &str| node_origin(&known, new.node(name).expect("a node"), &types, old.vocabulary(), &mut report);
        let Origin::Mean(rows) = origin("item:x") else { panic!("x is new") };
        // By bob, with a (the other was never chosen, so nothing is known of it): weight 1. Of the genre, with four:
        // weight 1/2.
        let share = |item: &str| {
            let token = old.vocabulary().node(old.item(item).expect("an item")).0;
            rows.iter().find(|row| row.0 == token).map_or(0.0, |row| row.1)
        };
        let expected =
            [("a", 2.0 / 3.0 + 1.0 / 12.0), ("b", 1.0 / 12.0), ("c", 1.0 / 12.0), ("d", 1.0 / 12.0), ("unloved", 0.0)];
        assert!(expected.iter().all(|(item, e)| (share(item) - e).abs() < 1e-6), "{rows:?}");
        assert!((rows.iter().map(|row| row.1).sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(
            matches!(origin("item:a"), Origin::Row(row) if row == old.vocabulary().node(old.item("a").expect("a")).0)
        );
        assert!(matches!(origin("item:unloved"), Origin::Mean(_)), "what nobody chose was not learned");
        assert!(matches!(origin("user:newcomer"), Origin::Row(row) if row == Vocabulary::ANY_USER.0));
        assert!(matches!(origin("entity:a language of its own"), Origin::Mean(_)));
        assert_eq!(report, Report { known: 1, composed: 2, mean: 1, new_users: 1, new_relations: 0, dropped: 0 });
    }
}
