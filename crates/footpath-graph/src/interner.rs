//! Strings numbered in order of first appearance, stored back to back.

use crate::error::Result;
use crate::sorting;
use footpath_core::Context;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Marks an absent number.
pub const NONE: u32 = u32::MAX;

/// A set of strings, each with a dense number. Memory: the bytes of the strings plus about 16 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    bytes: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
}

impl Interner {
    /// The number of `text`, which is added when it is new; the flag says whether it was.
    pub fn intern(&mut self, text: &str) -> (u32, bool) {
        let Self { bytes, ends, table } = self;
        let at = |id: u32| slice(bytes, ends, id);
        match table.entry(xxh3_64(text.as_bytes()), |&id| at(id) == text, |&id| xxh3_64(at(id).as_bytes())) {
            Entry::Occupied(entry) => (*entry.get(), false),
            Entry::Vacant(entry) => {
                // Callers bound the number of names well below u32::MAX (the node limit).
                let id = u32::try_from(ends.len()).unwrap_or(u32::MAX);
                entry.insert(id);
                bytes.push_str(text);
                ends.push(bytes.len());
                (id, true)
            }
        }
    }

    /// The number of `text`, if it is in the set.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        self.table.find(xxh3_64(text.as_bytes()), |&id| self.get(id) == text).copied()
    }

    /// The numbers of several strings, [`NONE`] for those that are not in the set. Faster than one after the other in a
    /// large set: each of the steps below waits for memory for many of them at a time.
    pub fn find_all<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Vec<u32> {
        let hashed: Vec<(&str, u64)> = texts.map(|text| (text, xxh3_64(text.as_bytes()))).collect();
        // The first whose hash looks alike is nearly always the one.
        let likely: Vec<u32> =
            hashed.iter().map(|&(_, hash)| self.table.find(hash, |_| true).map_or(NONE, |&id| id)).collect();
        let ranges: Vec<Range<usize>> = likely.iter().map(|&id| range(&self.ends, id)).collect();
        let found = hashed.iter().zip(likely).zip(ranges).map(|((&(text, _), id), range)| {
            let is_it = id != NONE && self.bytes.get(range) == Some(text);
            if is_it { id } else { self.find(text).unwrap_or(NONE) }
        });
        found.collect()
    }

    /// The string with this number; empty for a number never given.
    #[must_use]
    pub fn get(&self, id: u32) -> &str {
        slice(&self.bytes, &self.ends, id)
    }

    /// How many strings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All numbers, by byte order of their strings.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn sorted(&self, context: &Context) -> Result<Vec<u32>> {
        let mut ids: Vec<u32> = (0..).take(self.len()).collect();
        sorting::sort_by(&mut ids, context, |&a, &b| self.get(a).cmp(self.get(b)))?;
        Ok(ids)
    }
}

fn slice<'a>(bytes: &'a str, ends: &[usize], id: u32) -> &'a str {
    bytes.get(range(ends, id)).unwrap_or_default()
}

/// Where a string is; empty for a number never given.
fn range(ends: &[usize], id: u32) -> Range<usize> {
    let id = id as usize;
    let start = id.checked_sub(1).and_then(|i| ends.get(i)).copied().unwrap_or(0);
    start..ends.get(id).copied().unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_found_as_one_by_one() {
        let mut set = Interner::default();
        let name = |n: u32| format!("name {}", n * 7919 % 5000);
        (0..4000).for_each(|n| _ = set.intern(&name(n)));
        set.intern("");
        let asked: Vec<String> = (0..5000).map(name).chain([String::new()]).collect();
        let one_by_one: Vec<u32> = asked.iter().map(|text| set.find(text).unwrap_or(NONE)).collect();
        assert_eq!(set.find_all(asked.iter().map(String::as_str)), one_by_one);
        assert_eq!(one_by_one.iter().filter(|&&id| id == NONE).count(), 1000);
        assert_eq!(Interner::default().find_all(["a", ""].into_iter()), [NONE, NONE]);
    }
}
