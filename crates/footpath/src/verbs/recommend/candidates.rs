//! Which items may be recommended at all.

use crate::error::{Error, Result};
use crate::service::Service;
use crate::text::lines;
use footpath_core::{NodeId, NodeSet};
use footpath_graph::TrainKg;
use footpath_model::decode::Rules;
use std::path::Path;
use std::sync::Arc;

/// Most bytes of a line of a file of items.
const MAX_LINE_BYTES: usize = 1 << 20;
/// Ids that a message names.
const MAX_NAMED: usize = 20;

/// Some items, and how many ids of a file the graph does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// The items, in their order; one may be there twice.
    pub items: Vec<NodeId>,
    /// Ids that are none of the graph's.
    pub num_unknown: u64,
}

/// Reads items: from the file of this name, an id on each line, if there is one; else ids parted by commas. What a file
/// names and the graph does not have is counted, since a list of what is sold out may be longer than the graph.
///
/// # Errors
/// [`Error::Usage`] naming ids that the graph does not have, where there is no such file; [`Error::BadFile`];
/// [`footpath_core::Error::Io`].
pub fn read_items(option: &'static str, text: &str, kg: &TrainKg) -> Result<Items> {
    let mut found = Items::default();
    let path = Path::new(text);
    if path.exists() {
        lines::each(path, MAX_LINE_BYTES, |_, id| {
            match kg.item(id) {
                Ok(item) => found.items.push(item),
                Err(_) => found.num_unknown += u64::from(!id.is_empty()),
            }
            Ok(())
        })?;
        return Ok(found);
    }
    let mut unknown = Vec::new();
    for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        kg.item(id).map_or_else(|_| unknown.push(id), |item| found.items.push(item));
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    let named = unknown.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
    let reason = format!(
        "the graph has no item {named}, and there is no file of that name; an id with a comma goes into a file"
    );
    Err(Error::Usage { option, reason })
}

impl Service {
    /// Rules for lists of nothing but `only`, where that is given, and without `exclude`.
    #[must_use]
    pub fn candidates(&self, only: Option<&[NodeId]>, exclude: &[NodeId]) -> Rules {
        if only.is_none() && exclude.is_empty() {
            return Rules::default();
        }
        let items = self.kg().items();
        let mut unlisted = NodeSet::none(&items);
        if let Some(only) = only {
            let listed = NodeSet::of(&items, &only.iter().map(|item| item.0).collect::<Vec<_>>());
            items.clone().map(NodeId).filter(|&item| !listed.contains(item)).for_each(|item| unlisted.insert(item));
        }
        exclude.iter().for_each(|&item| unlisted.insert(item));
        Rules { unlisted: Some(Arc::new(unlisted)), ..Rules::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::Dataset;
    use footpath_graph::build::build;

    #[test]
    fn items_are_given_by_ids_or_in_a_file() {
        let mut data = Dataset::default();
        ["a", "b", "-c", "d,e"].iter().for_each(|item| data.interact("u", item));
        data.fact("x", "r", "y");
        let kg = build(data).expect("built").train_kg().expect("a graph");
        let ids = |items: &Items| items.items.iter().map(|&item| kg.id(item).to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&read_items("only", "-c, a,,", &kg).expect("ids")), ["-c", "a"]);
        let error = read_items("exclude", "a,z,d", &kg).expect_err("unknown").to_string();
        assert!(error.contains("no item z, d,"), "{error}");
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), "d,e\r\n\nz\nb\n").expect("written");
        let found = read_items("only", file.path().to_str().expect("UTF-8"), &kg).expect("a file");
        assert_eq!((ids(&found), found.num_unknown), (vec!["d,e".to_owned(), "b".to_owned()], 1));
    }
}
