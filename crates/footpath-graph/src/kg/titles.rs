//! Titles that several items share, which alone do not tell which item is meant.

use super::TrainKg;
use footpath_core::NodeId;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

/// The items whose title is that of another item as well, in order.
fn shared(kg: &TrainKg) -> Vec<u32> {
    let title = |item: u32| kg.label(NodeId(item));
    let mut items: Vec<(u64, u32)> = kg.items().map(|item| (xxh3_64(title(item).as_bytes()), item)).collect();
    items.sort_unstable();
    let mut shared = Vec::new();
    for alike in items.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
        let is_shared = |item: u32| alike.iter().any(|&(_, other)| other != item && title(other) == title(item));
        shared.extend(alike.iter().map(|&(_, item)| item).filter(|&item| is_shared(item)));
    }
    shared.sort_unstable();
    shared
}

impl TrainKg {
    fn shares_title(&self, item: NodeId) -> bool {
        self.shared_titles.get_or_init(|| shared(self)).binary_search(&item.0).is_ok()
    }

    /// What people read of a node: its label, and where other items have the same one its id as well, as in
    /// `Chess (g1)`. The first call compares all items.
    #[must_use]
    pub fn title(&self, node: NodeId) -> Cow<'_, str> {
        let (label, id) = (self.label(node), self.id(node));
        if self.is_item(node) && label != id && self.shares_title(node) {
            Cow::Owned(format!("{label} ({id})"))
        } else {
            Cow::Borrowed(label)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::build::build;
    use crate::dataset::Dataset;

    #[test]
    fn a_title_that_several_items_share_comes_with_the_id() {
        let mut data = Dataset::default();
        for (item, title) in [("g1", "Chess"), ("g2", "Go"), ("g3", "Chess"), ("g4", ""), ("g5", "g4")] {
            let number = data.item(item) as usize;
            if !title.is_empty() {
                data.item_titles[number] = data.labels.intern(title).0;
            }
            data.link(item, &format!("about {item}"));
            data.fact(&format!("about {item}"), "kind", "Chess");
        }
        let kg = build(data).expect("built").train_kg().expect("a graph");
        let title = |name: &str| kg.title(kg.item(name).expect("an item")).into_owned();
        let titles = ["g1", "g2", "g3", "g4", "g5"].map(title);
        assert_eq!(titles, ["Chess (g1)", "Go", "Chess (g3)", "g4", "g4 (g5)"]);
        let entity = kg.node("entity:Chess").expect("an entity");
        assert_eq!(kg.title(entity), "Chess", "an entity is told apart by what is said of it");
    }
}
