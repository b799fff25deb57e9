//! What the relations of a graph of nodes and edges are called, once all are known.

use super::collector::Collector;
use super::mapping::Mapping;
use super::numbers::local;
use super::problems::Flaw;
use super::reading::Reading;
use crate::error::{Result, show};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Calls relations as the mapping says, or by their local names where these tell them apart.
pub(super) fn give(mapping: &Mapping, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    // Those of a graph that is added to have their names.
    let num_known = collector.base.num_relations as usize;
    let known: HashMap<String, u32> = (0..)
        .zip(collector.dataset.relations.iter().take(num_known))
        .map(|(number, relation)| (relation.name.clone(), number))
        .collect();
    let mut of_local: HashMap<String, usize> = HashMap::new();
    for relation in collector.dataset.relations.iter().skip(num_known) {
        *of_local.entry(local(&relation.name).to_owned()).or_default() += 1;
    }
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let mut same = Vec::new();
    for (number, relation) in (0..).zip(&mut collector.dataset.relations).skip(num_known) {
        let iri = relation.name.clone();
        let short = local(&iri);
        let usable = of_local.get(short) == Some(&1) && short != crate::kg::INTERACTED && !short.starts_with('~');
        let plain = if usable { Cow::Borrowed(short) } else { mapping.shorten(&iri) };
        relation.name = mapping.relations.rename.get(&iri).map_or_else(|| plain.into_owned(), Clone::clone);
        if let Some(&of_base) = known.get(&relation.name) {
            relation.name.clear();
            same.push((number, of_base));
            continue;
        }
        if let Some([forward, inverse]) = mapping.relations.readings.get(&relation.name) {
            (relation.forward, relation.inverse) = (forward.clone(), inverse.clone());
        }
        let name = relation.name.clone();
        let shown = show(name.as_bytes());
        let refused = if name == crate::kg::INTERACTED || name.starts_with('~') || name.trim().is_empty() {
            Some(format!("a relation cannot be called `{shown}`"))
        } else {
            taken.insert(name, iri.clone()).map(|other| {
                format!("`{}` and `{}` are both called `{shown}`", show(other.as_bytes()), show(iri.as_bytes()))
            })
        };
        if let Some(message) = refused {
            reading.problems.bad(&mapping.path, 0, Flaw::fatal("relation_collision", message))?;
        }
    }
    collector.make_one(&same);
    Ok(())
}
