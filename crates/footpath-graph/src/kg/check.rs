//! The rules a stored graph obeys; each is checked when it is opened.

use super::{KgArrays, Schema, Sources};

type Broken = (&'static str, String, String);

fn rule(holds: bool, what: &'static str, expected: impl ToString, got: impl ToString) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err((what, expected.to_string(), got.to_string())) }
}

/// What can be seen without reading the arrays: their lengths, and the types and relations.
pub(super) fn shape(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    types(schema, arrays)?;
    rule(
        schema.relations.first().is_some_and(|r| r.name == super::INTERACTED)
            && schema.relations.len() <= crate::dataset::MAX_RELATIONS + 1,
        "relations",
        "`interacted` first and at most 32,767",
        schema.relations.len(),
    )?;
    let (num_nodes, num_arcs) = (arrays.offsets.len() - 1, arrays.tails.len());
    rule(arrays.relations.len() == num_arcs, "relations of arcs", num_arcs, arrays.relations.len())?;
    let num_weights = if arrays.weights.is_empty() { 0 } else { num_arcs };
    rule(arrays.weights.len() == num_weights, "weights of arcs", num_weights, arrays.weights.len())?;
    rule(2 * arrays.lines.len() == num_arcs, "lines of facts", num_arcs / 2, arrays.lines.len())?;
    rule(arrays.name_ends.len() == num_nodes, "names", num_nodes, arrays.name_ends.len())?;
    rule(arrays.label_ends.len() == num_nodes, "labels", num_nodes, arrays.label_ends.len())
}

/// What the arrays must hold, once their lengths are right.
pub(super) fn content(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let num_arcs = arrays.tails.len();
    rule(arrays.offsets.first() == Some(&0), "offsets", "0 first", format!("{:?}", arrays.offsets.first()))?;
    rule(arrays.offsets.is_sorted(), "offsets", "ascending numbers", "a decrease")?;
    let last = arrays.offsets.last();
    rule(last == Some(&(num_arcs as u64)), "offsets", num_arcs, format!("{last:?}"))?;
    arcs(schema, arrays)?;
    let num_facts = super::num_forward(&arrays.relations);
    rule(num_facts == arrays.lines.len(), "arcs", "as many forward as inverse", num_facts)?;
    rule(*arrays.fact_ranks == super::fact_ranks(&arrays.relations), "ranks of facts", "their counts", "others")?;
    let outside = arrays.weights.iter().find(|weight| !super::EDGE_WEIGHTS.contains(weight));
    rule(outside.is_none(), "weights of arcs", "1e-6 to 1e6", outside.map_or_else(String::new, f32::to_string))?;
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

fn train(schema: &Schema, arrays: &KgArrays) -> Result<(), Broken> {
    let num_users = schema.types.first().map_or(0, |t| t.end as usize);
    let num_train = arrays.offsets.get(num_users).map_or(0, |&o| o as usize);
    let items = schema.types.get(1).map_or(0..0, |t| t.start..t.end);
    let of_users = arrays.relations.iter().zip(arrays.tails.iter()).take(num_train);
    let plain = of_users.clone().all(|(&r, t)| r == 0 && items.contains(t));
    rule(plain, "arcs of users", "interactions with items", "something else")?;
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
    let num_users = schema.types.first().map_or(0, |t| t.end as usize);
    let num_train = arrays.offsets.get(num_users).map_or(0, |&o| o as usize);
    // Arcs of users come first, and all of them are forward.
    let (log, facts) = arrays.lines.split_at_checked(num_train).unwrap_or_default();
    for (lines, files) in [(log, &schema.interactions_files), (facts, &schema.triples_files)] {
        let largest = lines.iter().max().copied().unwrap_or(0);
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
