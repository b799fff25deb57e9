//! What a corpus is made of: how long its paths are, which patterns and relations they follow, where they end, and what
//! is said twice.
//!
//! One pass over the mapped rows, one part for each thread, and one or more passes for duplicates. Memory is that of a
//! few numbers for each node and distinct pattern, and at most 1 GiB of hashes.

mod duplicates;
mod tally;

pub use duplicates::count_duplicates;

use crate::error::Result;
use crate::kg::TrainKg;
use footpath_core::{Context, Corpus, NodeId, RelationId};
use rayon::prelude::*;
use serde::Serialize;
use tally::Tally;

/// Patterns that are named; the others are summed up.
pub const MAX_PATTERNS: usize = 20;
/// Rows between two looks at whether to stop.
const CHECKED_ROWS: usize = 1 << 14;
/// Hashes held at a time when duplicates are counted: 1 GiB.
const MAX_HASHES: usize = 1 << 26;

/// What a corpus is made of. Shares are of all paths unless said otherwise, from 0 to 1, and 0 where there is nothing
/// to share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CorpusStats {
    /// Number of paths.
    pub paths: u64,
    /// Number of nodes and relations in them.
    pub tokens: u64,
    /// Users of the graph.
    pub users: u64,
    /// Users with a path.
    pub users_with_paths: u64,
    /// Paths of the users that have any.
    pub paths_per_user: PathsPerUser,
    /// Paths by number of hops, ascending.
    pub lengths: Vec<Length>,
    /// Number of distinct metapaths: sequences of relations and types of nodes.
    pub num_patterns: u64,
    /// The most frequent metapaths, at most [`MAX_PATTERNS`].
    pub patterns: Vec<Share>,
    /// Paths of all other metapaths.
    pub other_patterns: u64,
    /// Hops by directed relation, most frequent first; shares are of all hops.
    pub relations: Vec<Share>,
    /// Where paths end.
    pub ends: Ends,
    /// Whether paths lead through hubs.
    pub hubs: Hubs,
    /// Paths that are the same as an earlier one. Exact but for collisions of 128-bit hashes (XXH3).
    pub duplicates: u64,
    /// Share of duplicates.
    pub duplicate_share: f64,
}

/// How many paths a user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PathsPerUser {
    /// Fewest.
    pub min: u64,
    /// Median, the lower of two.
    pub median: u64,
    /// Mean.
    pub mean: f64,
    /// Most.
    pub max: u64,
}

/// Paths of one length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Length {
    /// Hops.
    pub hops: usize,
    /// Number of paths.
    pub paths: u64,
    /// Share of all paths.
    pub share: f64,
}

/// Something with a name and how often it is there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// What it is.
    pub name: String,
    /// How often it is there.
    pub count: u64,
    /// Share of all of its kind.
    pub share: f64,
}

/// How the ends of paths are spread over the items of the graph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ends {
    /// Items of the graph.
    pub items: u64,
    /// Items at which a path ends.
    pub covered: u64,
    /// Share of items at which a path ends.
    pub coverage: f64,
    /// Paths that end at an item; all shares here are of these.
    pub paths: u64,
    /// Gini coefficient over all items, `Σ (2i − n − 1) x_i / (n Σ x)` with the counts `x` ascending and `i` from 1: 0
    /// when every item has as many ends, near 1 when one has all.
    pub gini: f64,
    /// Share of the hundredth of items with most ends, at least one item.
    pub top_1_percent: f64,
    /// Share of the tenth of items with most ends, at least one item.
    pub top_10_percent: f64,
    /// Items from the most to the least popular in train, in ten parts of the same size as far as that goes; equal ones
    /// by id.
    pub deciles: Vec<Decile>,
    /// Share of ends of the items with the fewest ends, at each hundredth of all items: the Lorenz curve, 101 points
    /// from 0 to 1.
    pub lorenz: Vec<f64>,
}

/// A tenth of the items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Decile {
    /// Items in it.
    pub items: u64,
    /// Share of path ends.
    pub share_of_ends: f64,
    /// Share of train interactions.
    pub share_of_train: f64,
}

/// Whether paths lead through hubs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hubs {
    /// Entities of the graph that are no items.
    pub entities: u64,
    /// Paths that meet one of them.
    pub paths_with_entity: u64,
    /// Share of these whose first entity is among the hundredth of entities (at least one) with most arcs, equal ones
    /// by id.
    pub top_1_percent: f64,
    /// Arcs of the last entity of that hundredth.
    pub degree: u64,
}

/// Describes a corpus of this graph. Works on the threads of rayon's current pool; the result does not depend on them.
///
/// # Errors
/// [`footpath_core::Error::Corrupt`] naming the first row that is no path; [`footpath_core::Error::Stopped`].
pub fn corpus_stats(corpus: &Corpus, kg: &TrainKg, context: &Context) -> Result<CorpusStats> {
    let hubs = hubs(kg, context)?;
    let tally = tally(corpus, kg, &hubs, context)?;
    let duplicates = count_duplicates(corpus, MAX_HASHES, context)?;
    summary(corpus, kg, &hubs, &tally, duplicates, context)
}

/// One part of the rows for each thread: counts by node are too large to have many of.
fn tally(corpus: &Corpus, kg: &TrainKg, hubs: &[NodeId], context: &Context) -> Result<Tally> {
    let width = corpus.header().width;
    let stage = context.stage("counting", Some(corpus.len() as u64), "paths");
    let part = corpus.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts: Vec<Result<std::result::Result<Tally, usize>>> = corpus
        .tokens()
        .par_chunks(part * width)
        .enumerate()
        .map(|(number, rows)| {
            let mut tally = Tally::new(width, kg);
            for (block, rows) in rows.chunks(CHECKED_ROWS * width).enumerate() {
                let first_row = number * part + block * CHECKED_ROWS;
                if let Err(row) = tally.rows(rows, width, first_row, kg, hubs) {
                    return Ok(Err(row));
                }
                stage.advance((rows.len() / width) as u64)?;
            }
            Ok(Ok(tally))
        })
        .collect();
    let mut whole = Tally::default();
    for part in parts {
        whole.add(part?.map_err(|row| corpus.no_path(row))?);
    }
    Ok(whole)
}

/// The hundredth of the entities with most arcs, in order of their ids.
fn hubs(kg: &TrainKg, context: &Context) -> Result<Vec<NodeId>> {
    let all = entities(kg);
    let num_hubs = all.len().div_ceil(100);
    let mut by_degree = Vec::with_capacity(all.len());
    for node in all.map(NodeId) {
        context.check()?;
        by_degree.push((std::cmp::Reverse(kg.degree(node)), node));
    }
    // Only who is among them matters, which takes a fraction of the time of putting all in order.
    if num_hubs < by_degree.len() {
        by_degree.select_nth_unstable(num_hubs);
    }
    let mut hubs: Vec<NodeId> = by_degree.into_iter().take(num_hubs).map(|(_, node)| node).collect();
    hubs.sort_unstable();
    Ok(hubs)
}

fn entities(kg: &TrainKg) -> std::ops::Range<u32> {
    kg.items().end..kg.vocabulary().num_nodes
}

fn summary(
    corpus: &Corpus,
    kg: &TrainKg,
    hubs: &[NodeId],
    tally: &Tally,
    duplicates: u64,
    context: &Context,
) -> Result<CorpusStats> {
    context.check()?;
    let paths = corpus.len() as u64;
    let lengths = tally.lengths.iter().enumerate().filter(|(_, paths)| **paths > 0);
    let per_user: Vec<u64> = tally.users.iter().copied().filter(|&paths| paths > 0).collect();
    let hops: u64 = tally.relations.iter().sum();
    let mut patterns: Vec<(u64, usize)> = tally.patterns.values().map(|p| (p.paths, p.first_row)).collect();
    patterns.par_sort_unstable_by_key(|&(paths, row)| (std::cmp::Reverse(paths), row));
    let top = patterns.iter().take(MAX_PATTERNS);
    let named: u64 = top.clone().map(|pattern| pattern.0).sum();
    Ok(CorpusStats {
        paths,
        tokens: 2 * hops + paths,
        users: kg.users().len() as u64,
        users_with_paths: per_user.len() as u64,
        paths_per_user: paths_per_user(per_user),
        lengths: lengths.map(|(hops, &n)| Length { hops, paths: n, share: share(n, paths) }).collect(),
        num_patterns: patterns.len() as u64,
        patterns: top
            .map(|&(count, row)| Share { name: metapath(corpus.row(row), kg), count, share: share(count, paths) })
            .collect(),
        other_patterns: paths - named,
        relations: relations(kg, &tally.relations, hops),
        ends: ends(kg, &tally.ends, context)?,
        hubs: Hubs {
            entities: entities(kg).len() as u64,
            paths_with_entity: tally.with_entity,
            top_1_percent: share(tally.through_hub, tally.with_entity),
            degree: hubs.iter().map(|&node| kg.degree(node) as u64).min().unwrap_or(0),
        },
        duplicates,
        duplicate_share: share(duplicates, paths),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn paths_per_user(mut paths: Vec<u64>) -> PathsPerUser {
    paths.sort_unstable();
    let at = |index: usize| paths.get(index).copied().unwrap_or(0);
    let last = paths.len().saturating_sub(1);
    let mean = share(paths.iter().sum(), paths.len() as u64);
    PathsPerUser { min: at(0), median: at(last / 2), mean, max: at(last) }
}

fn relations(kg: &TrainKg, counts: &[u64], hops: u64) -> Vec<Share> {
    let met = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let name = |id: usize| kg.relation_name(RelationId(u16::try_from(id).unwrap_or(u16::MAX)));
    let mut relations: Vec<Share> =
        met.map(|(id, &count)| Share { name: name(id), count, share: share(count, hops) }).collect();
    // Stable: equal ones stay in the order of their ids.
    relations.sort_by_key(|relation| std::cmp::Reverse(relation.count));
    relations
}

/// `(user)-[interacted]->(item)-[starring]->(person)<-[starring]-(item)`
fn metapath(row: &[u32], kg: &TrainKg) -> String {
    let tokens: Vec<_> = row.iter().copied().map(footpath_core::TokenId).collect();
    let Some(path) = kg.vocabulary().decode(&tokens) else { return String::new() };
    let kind = |node: NodeId| kg.schema().types.get(kg.type_of(node).index()).map_or("", |kind| &kind.name);
    let mut text = path.nodes.first().map_or_else(String::new, |&node| format!("({})", kind(node)));
    for hop in path.triples() {
        let name = kg.relation_name(hop.relation);
        let arrow = match name.strip_prefix('~') {
            Some(plain) if hop.relation.is_inverse() => format!("<-[{plain}]-"),
            _ => format!("-[{name}]->"),
        };
        text += &format!("{arrow}({})", kind(hop.tail));
    }
    text
}

fn ends(kg: &TrainKg, counts: &[u64], context: &Context) -> Result<Ends> {
    let items = kg.items().len() as u64;
    let mut ascending = counts.to_vec();
    ascending.resize(kg.items().len(), 0);
    let by_item = ascending.clone();
    ascending.par_sort_unstable();
    let paths: u64 = ascending.iter().sum();
    let covered = ascending.iter().filter(|&&count| count > 0).count() as u64;
    let top = |part: usize| share(ascending.iter().rev().take(ascending.len().div_ceil(part)).sum(), paths);
    context.check()?;
    Ok(Ends {
        items,
        covered,
        coverage: share(covered, items),
        paths,
        gini: gini(&ascending, paths),
        top_1_percent: top(100),
        top_10_percent: top(10),
        deciles: deciles(kg, &by_item, paths),
        lorenz: lorenz(&ascending, paths),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a coefficient")]
fn gini(ascending: &[u64], sum: u64) -> f64 {
    let n = ascending.len() as f64;
    let weighted: f64 = ascending.iter().zip(1u64..).map(|(&x, i)| (2.0 * i as f64 - n - 1.0) * x as f64).sum();
    if sum == 0 { 0.0 } else { weighted / (n * sum as f64) }
}

fn lorenz(ascending: &[u64], sum: u64) -> Vec<f64> {
    let mut below = 0;
    let mut taken = 0;
    let at = |percent: usize| {
        let until = ascending.len() * percent / 100;
        below += ascending.iter().take(until).skip(taken).sum::<u64>();
        taken = until;
        share(below, sum)
    };
    (0..=100).map(at).collect()
}

fn deciles(kg: &TrainKg, ends: &[u64], paths: u64) -> Vec<Decile> {
    let mut items: Vec<(usize, u32, u64)> =
        kg.items().zip(ends).map(|(item, &ends)| (kg.popularity(NodeId(item)), item, ends)).collect();
    items.par_sort_unstable_by_key(|&(popularity, item, _)| (std::cmp::Reverse(popularity), item));
    let train = kg.num_train() as u64;
    let bound = |decile: usize| items.len() * decile / 10;
    let decile = |number: usize| {
        let part = items.get(bound(number)..bound(number + 1)).unwrap_or_default();
        Decile {
            items: part.len() as u64,
            share_of_ends: share(part.iter().map(|item| item.2).sum(), paths),
            share_of_train: share(part.iter().map(|item| item.0 as u64).sum(), train),
        }
    };
    (0..10).map(decile).collect()
}
