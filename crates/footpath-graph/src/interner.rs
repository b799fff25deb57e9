//! Strings numbered in order of first appearance, stored back to back.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

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
    #[must_use]
    pub fn sorted(&self) -> Vec<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "numbers are u32 by construction")]
        let mut ids: Vec<u32> = (0..self.len() as u32).collect();
        ids.sort_unstable_by(|&a, &b| self.get(a).cmp(self.get(b)));
        ids
    }
}

fn slice<'a>(bytes: &'a str, ends: &[usize], id: u32) -> &'a str {
    let id = id as usize;
    let start = id.checked_sub(1).and_then(|i| ends.get(i)).copied().unwrap_or(0);
    ends.get(id).and_then(|&end| bytes.get(start..end)).unwrap_or_default()
}
