//! The rules a stored graph obeys; each is checked when it is opened.

use super::arrays::{KgArrays, fact_ranks, num_forward};
use super::kinds::{MAX_FURTHER_TYPES, MAX_KINDS, is_further_name};
use super::schema::{EDGE_WEIGHTS, INTERACTED, MAX_RELATIONS, Schema};
use super::sources::Sources;

type Broken = (&'static str, String, String);

fn rule(holds: bool, what: &'static str, expected: impl ToString, got: impl ToString) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err((what, expected.to_string(), got.to_string())) }
}

/// What can be seen without reading the arrays: their lengths, and the types and relations.
pub(super) fn shape(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    types(schema, arrays)?;
    kinds(schema)?;
    rule(
        schema.relations.first().is_some_and(|r| r.name == INTERACTED) && schema.relations.len() <= MAX_RELATIONS + 1,
        "relations",
        "`interacted` first and at most 32,767",
        schema.relations.len(),
    )?;
    let (num_nodes, num_arcs) = (arrays.offsets.len() - 1, arrays.tails.len());
    rule(arrays.relations.len() == num_arcs, "relations of arcs", num_arcs, arrays.relations.len())?;
    let num_weights = if arrays.weights.is_empty() { 0 } else { num_arcs };
    rule(arrays.weights.len() == num_weights, "weights of arcs", num_weights, arrays.weights.len())?;
    let num_log_offsets = if schema.users_have_facts { num_users(schema) + 1 } else { 0 };
    rule(arrays.log_offsets.len() == num_log_offsets, "log offsets", num_log_offsets, arrays.log_offsets.len())?;
    rule(2 * arrays.lines.len() == num_arcs, "lines of facts", num_arcs / 2, arrays.lines.len())?;
    rule(arrays.name_ends.len() == num_nodes, "names", num_nodes, arrays.name_ends.len())?;
    rule(arrays.label_ends.len() == num_nodes, "labels", num_nodes, arrays.label_ends.len())?;
    attributes(schema, arrays)
}

/// The kinds of a type are ranges back to back that make up its own, each with other further types.
fn kinds(schema: &Schema) -> Result<(), Broken> {
    let names = &schema.further_types;
    let are_names = names.is_sorted_by(|a, b| a < b) && names.iter().all(|name| is_further_name(name));
    rule(are_names, "further types", "names in order, each once, none of them `user`, `item` or `entity`", "others")?;
    rule(names.len() <= MAX_FURTHER_TYPES, "further types", MAX_FURTHER_TYPES, names.len())?;
    rule(schema.kinds.is_empty() == names.is_empty(), "kinds of nodes", "some with further types", "none")?;
    rule(schema.kinds.len() <= MAX_KINDS, "kinds of nodes", MAX_KINDS, schema.kinds.len())?;
    let sorted = schema.kinds.is_sorted_by(|a, b| (a.node_type, &a.further) < (b.node_type, &b.further));
    rule(sorted, "kinds of nodes", "by type and further types, each once", "another order")?;
    for kind in &schema.kinds {
        let known = kind.further.iter().all(|&number| usize::from(number) < names.len());
        rule(
            known && kind.further.is_sorted_by(|a, b| a < b),
            "further types of a kind",
            "numbers in order",
            "others",
        )?;
        rule(kind.start <= kind.end, "nodes of a kind", "a range", format!("{}..{}", kind.start, kind.end))?;
    }
    for (number, of) in schema.types.iter().enumerate().filter(|_| !schema.kinds.is_empty()) {
        let mut next = of.start;
        for kind in schema.kinds.iter().filter(|kind| kind.node_type.index() == number) {
            rule(kind.start == next, "nodes of a kind", format!("from {next} on"), kind.start)?;
            next = kind.end;
        }
        let some = schema.kinds.iter().any(|kind| kind.node_type.index() == number);
        rule(some && next == of.end, "nodes of a kind", format!("up to {}", of.end), next)?;
    }
    let outside = schema.kinds.iter().find(|kind| kind.node_type.index() >= schema.types.len());
    rule(outside.is_none(), "kinds of nodes", "of types that there are", "one of another")
}

fn attributes(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let sorted = schema.attributes.is_sorted_by(|a, b| a.name < b.name);
    rule(sorted, "attributes", "names in order, each once", "another order")?;
    let (names, columns) = (schema.attributes.len(), arrays.attributes.len());
    rule(names == columns, "attributes", names, columns)?;
    let num_items = schema.types.get(1).map_or(0, |items| items.end.saturating_sub(items.start)) as usize;
    let other = arrays.attributes.iter().find(|values| values.len() != num_items);
    rule(other.is_none(), "values of an attribute", num_items, other.map_or(0, |values| values.len()))
}

/// What the arrays must hold, once their lengths are right.
pub(super) fn content(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let num_arcs = arrays.tails.len();
    rule(arrays.offsets.first() == Some(&0), "offsets", "0 first", format!("{:?}", arrays.offsets.first()))?;
    rule(arrays.offsets.is_sorted(), "offsets", "ascending numbers", "a decrease")?;
    let last = arrays.offsets.last();
    rule(last == Some(&(num_arcs as u64)), "offsets", num_arcs, format!("{last:?}"))?;
    arcs(schema, arrays)?;
    let num_facts = num_forward(&arrays.relations);
    rule(num_facts == arrays.lines.len(), "arcs", "as many forward as inverse", num_facts)?;
    rule(*arrays.fact_ranks == fact_ranks(&arrays.relations), "ranks of facts", "their counts", "others")?;
    let outside = arrays.weights.iter().find(|weight| !EDGE_WEIGHTS.contains(weight));
    rule(outside.is_none(), "weights of arcs", "1e-6 to 1e6", outside.map_or_else(String::new, f32::to_string))?;
    let infinite = arrays.attributes.iter().flat_map(|values| values.iter()).any(|value| value.is_infinite());
    rule(!infinite, "values of an attribute", "finite numbers", "an infinite one")?;
    train(schema, arrays)?;
    lines(schema, arrays)?;
    strings("names", &arrays.name_ends, &arrays.name_bytes)?;
    strings("labels", &arrays.label_ends, &arrays.label_bytes)
}

fn types(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let names: Vec<_> = schema.types.iter().map(|t| t.name.as_str()).take(2).collect();
    rule(names == ["user", "item"], "node types", "user and item first", format!("{names:?}"))?;
    let mut next = 0;
    for kind in &schema.types {
        rule(kind.start == next && kind.end >= kind.start, "node types", "ranges back to back", &kind.name)?;
        next = kind.end;
    }
    let num_nodes = arrays.offsets.len().saturating_sub(1);
    rule(num_nodes == next as usize && !arrays.offsets.is_empty(), "node types", num_nodes, next)
}

fn arcs(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let num_nodes = arrays.offsets.len() - 1;
    let num_relations = schema.relations.len() * 2;
    let tail = arrays.tails.iter().max().copied().unwrap_or(0) as usize;
    rule(arrays.tails.is_empty() || tail < num_nodes, "tails", format!("below {num_nodes}"), tail)?;
    let relation = arrays.relations.iter().max().copied().map_or(0, usize::from);
    let below = format!("below {num_relations}");
    rule(arrays.relations.is_empty() || relation < num_relations, "relations of arcs", below, relation)?;
    for bounds in arrays.offsets.windows(2) {
        let [start, end] = bounds else { continue };
        let range = *start as usize..*end as usize;
        let relations = arrays.relations.get(range.clone()).unwrap_or_default();
        let tails = arrays.tails.get(range).unwrap_or_default();
        let sorted = relations.iter().zip(tails).is_sorted_by(|a, b| a < b);
        rule(sorted, "arcs of a node", "sorted by relation and tail, each once", "another order")?;
    }
    Ok(())
}

fn num_users(schema: &Schema) -> usize {
    schema.types.first().map_or(0, |users| users.end as usize)
}

fn train(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let num_users = num_users(schema);
    let num_train = arrays.log_offset(num_users);
    let items = schema.types.get(1).map_or(0..0, |t| t.start..t.end);
    let arcs = |from: usize, to: usize| arrays.relations.iter().zip(arrays.tails.iter()).take(to).skip(from);
    let end_of_users = arrays.offsets.get(num_users).map_or(0, |&offset| offset as usize);
    let mut chosen = 0;
    for (user, bounds) in arrays.offsets.windows(2).take(num_users).enumerate() {
        let [start, end] = bounds else { continue };
        rule(arrays.log_offset(user) == chosen, "log offsets", chosen, arrays.log_offset(user))?;
        let interactions = arrays.relations.get(*start as usize..*end as usize).unwrap_or_default();
        chosen += interactions.partition_point(|&relation| relation == 0);
    }
    rule(num_train == chosen, "log offsets", chosen, num_train)?;
    let plain = arcs(0, end_of_users).filter(|(r, _)| **r == 0).all(|(_, t)| items.contains(t));
    rule(plain, "interactions of users", "items", "something else")?;
    let known = schema.users_have_facts || chosen == end_of_users;
    rule(known, "arcs of users", "interactions with items", "something else")?;
    let others = arcs(end_of_users, arrays.tails.len()).all(|(&r, _)| r != 0);
    rule(others, "interactions", "arcs of users", "one of another node")?;
    let num = |known: bool| if known { num_train } else { 0 };
    let (num_ratings, num_times) = (num(schema.has_ratings), num(schema.has_times));
    rule(arrays.ratings.len() == num_ratings, "ratings", num_ratings, arrays.ratings.len())?;
    rule(arrays.times.len() == num_times, "times", num_times, arrays.times.len())
}

/// With several source files, every line must be one of them. Of a single one the number of lines is not known.
fn lines(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let several = |files: &Sources| files.files().len() > 1;
    if !several(&schema.interactions_files) && !several(&schema.triples_files) {
        return Ok(());
    }
    let forward = arrays.relations.iter().filter(|relation| **relation & 1 == 0);
    let mut largest = [0; 2];
    for (&relation, &line) in forward.zip(arrays.lines.iter()) {
        let [of_log, of_facts] = &mut largest;
        let largest = if relation == 0 { of_log } else { of_facts };
        *largest = line.max(*largest);
    }
    for (largest, files) in largest.into_iter().zip([&schema.interactions_files, &schema.triples_files]) {
        rule(u64::from(largest) <= files.last(), "lines of facts", format!("at most {}", files.last()), largest)?;
    }
    Ok(())
}

fn strings(what: &'static str, ends: &[u64], bytes: &[u8]) -> Result<(), Broken> {
    rule(ends.is_sorted(), what, "ascending ends", "a decrease")?;
    rule(ends.last().copied().unwrap_or(0) == bytes.len() as u64, what, bytes.len(), format!("{:?}", ends.last()))?;
    let text = std::str::from_utf8(bytes).map_err(|e| (what, "UTF-8".to_owned(), e.to_string()))?;
    let cuts = ends.iter().all(|&e| text.is_char_boundary(e as usize));
    rule(cuts, what, "ends between characters", "an end inside one")
}
