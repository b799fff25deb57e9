//! JSON lines with the ids of the data.

use super::{RowFormat, write_rows};
use crate::error::Result;
use crate::kg::TrainKg;
use footpath_core::{Context, Corpus, NodeId, RelationId, Vocabulary};
use rayon::prelude::*;
use std::io::Write;

/// Names prepared at a time.
const BLOCK_NAMES: u32 = 1 << 14;
/// Between two strings of a list; every prepared name ends with it.
const COMMA: &[u8] = b", ";

/// Writes a corpus as JSON, one object a line:
///
/// ```text
/// {"nodes": ["user:1", "item:804", "entity:10908", "item:2018"], "relations": ["interacted", "starring", "~starring"]}
/// ```
///
/// Ids are those of the input, inverse relations have a leading `~`. Returns the number of lines. All names are
/// prepared once, so memory is that of the names of the graph, whatever the size of the corpus. The bytes do not depend
/// on the threads.
///
/// # Errors
/// As [`super::write_text`].
pub fn write_jsonl(corpus: &Corpus, kg: &TrainKg, context: &Context, out: &mut dyn Write) -> Result<u64> {
    let names = context.run(|| Names::new(kg, context))??;
    write_rows(corpus, &names, context, out)
}

/// The JSON strings of all tokens but the specials, in the order of the tokens, each with a comma after it.
struct Names {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    num_relations: u32,
}

impl Names {
    fn new(kg: &TrainKg, context: &Context) -> Result<Self> {
        let Vocabulary { num_relations, num_nodes } = kg.vocabulary();
        let relation = |id: u32| kg.relation_name(RelationId(u16::try_from(id).unwrap_or(u16::MAX)));
        let name = |index: u32| {
            index.checked_sub(num_relations).map_or_else(|| relation(index), |node| kg.node_name(NodeId(node)))
        };
        let total = num_relations + num_nodes;
        let block = |first: u32| {
            context.check()?;
            let mut names = Self { bytes: Vec::new(), ends: Vec::new(), num_relations };
            (first..total.min(first + BLOCK_NAMES)).for_each(|index| names.push(&name(index)));
            Ok(names)
        };
        let firsts: Vec<u32> = (0..total).step_by(BLOCK_NAMES as usize).collect();
        let blocks: Vec<Self> = firsts.par_iter().map(|&first| block(first)).collect::<Result<_>>()?;
        let mut names = Self { bytes: Vec::new(), ends: Vec::with_capacity(total as usize), num_relations };
        for block in blocks {
            context.check()?;
            let start = names.bytes.len();
            names.bytes.extend_from_slice(&block.bytes);
            names.ends.extend(block.ends.iter().map(|end| start + end));
        }
        Ok(names)
    }

    fn push(&mut self, name: &str) {
        // A string always has a JSON form, and memory does not refuse.
        let _ = serde_json::to_writer(&mut self.bytes, name);
        self.bytes.extend_from_slice(COMMA);
        self.ends.push(self.bytes.len());
    }

    /// The name at an index that counts relations, then nodes.
    #[inline]
    fn get(&self, index: u32) -> Option<&[u8]> {
        let index = index as usize;
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.bytes.get(start..*self.ends.get(index)?)
    }

    #[inline]
    fn relation(&self, token: u32) -> Option<&[u8]> {
        let index = token.checked_sub(footpath_core::vocabulary::NUM_SPECIALS)?;
        if index < self.num_relations { self.get(index) } else { None }
    }

    #[inline]
    fn node(&self, token: u32) -> Option<&[u8]> {
        let index = token.checked_sub(footpath_core::vocabulary::NUM_SPECIALS)?;
        if index < self.num_relations { None } else { self.get(index) }
    }

    #[inline]
    fn line(&self, row: &[u32], out: &mut Vec<u8>) -> Option<()> {
        let (&user, hops) = row.split_first()?;
        let hops = || hops.chunks_exact(2).take_while(|hop| hop.first() != Some(&Vocabulary::PADDING.0));
        out.extend_from_slice(b"{\"nodes\": [");
        out.extend_from_slice(self.node(user)?);
        for hop in hops() {
            out.extend_from_slice(self.node(*hop.get(1)?)?);
        }
        out.truncate(out.len() - COMMA.len());
        out.extend_from_slice(b"], \"relations\": [");
        let bare = out.len();
        for hop in hops() {
            out.extend_from_slice(self.relation(*hop.first()?)?);
        }
        out.truncate(bare.max(out.len() - COMMA.len()));
        out.extend_from_slice(b"]}\n");
        Some(())
    }
}

impl RowFormat for Names {
    fn row_bytes(&self, width: usize) -> usize {
        width * 20
    }

    fn append(&self, rows: &[u32], width: usize, out: &mut Vec<u8>) -> std::result::Result<(), usize> {
        rows.chunks_exact(width).enumerate().try_for_each(|(index, row)| self.line(row, out).ok_or(index))
    }
}
