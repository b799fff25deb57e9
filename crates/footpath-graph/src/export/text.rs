//! The text form of the field: one path a line.

use super::{RowFormat, write_rows};
use crate::error::Result;
use crate::kg::TrainKg;
use footpath_core::{Context, Corpus, NodeId, RelationId, Vocabulary};
use std::io::Write;

/// Longest node: a letter and the digits of 2³² − 1.
const NODE_BYTES: usize = 11;
/// A relation with a blank on both sides, at most ` R65535 `, and its length in the last byte.
type RelationText = [u8; 16];

/// Writes a corpus in the form of the field, one path a line:
///
/// ```text
/// U1 R0 I5 R26 E39 R27 I12
/// ```
///
/// `U`, `I` and `E` stand for users, items and entities, each followed by an index from 0: the position of the node
/// among the users, the items, or the entities of all types, in the order of their ids in the graph. An item that is
/// linked to an entity is an item. `R` is followed by the directed relation: relation `k` of the graph is `R2k` from
/// head to tail and `R2k+1` from tail to head; `R0` is `interacted`. Fields are separated by one space, lines end with
/// a line feed. Returns the number of lines.
///
/// The bytes do not depend on the threads.
///
/// # Errors
/// [`footpath_core::Error::Corrupt`] when a row is no path, [`footpath_core::Error::Io`] when the writer fails,
/// [`footpath_core::Error::Stopped`] when the work was to end; `out` has some of the lines then.
pub fn write_text(corpus: &Corpus, kg: &TrainKg, context: &Context, out: &mut dyn Write) -> Result<u64> {
    write_rows(corpus, &Text::new(kg), context, out)
}

/// How nodes and relations are numbered. Three comparisons tell the letter of a node; relations are few and are looked
/// up as they are written.
pub(super) struct Text {
    /// First tokens of users, items and entities, and one past the last.
    bounds: [u32; 4],
    /// Numbers of nodes that differ from their position among those of their letter.
    numbers: Option<Vec<u32>>,
    relations: Vec<RelationText>,
}

impl Text {
    pub(super) fn new(kg: &TrainKg) -> Self {
        Self::numbered(kg, None, u32::from)
    }

    /// With the number of each node and of each directed relation.
    pub(super) fn numbered(kg: &TrainKg, numbers: Option<Vec<u32>>, relation: impl Fn(u16) -> u32) -> Self {
        let vocabulary = kg.vocabulary();
        let token = |node: u32| vocabulary.node(NodeId(node)).0;
        let (users, items) = (kg.users(), kg.items());
        let bounds = [token(users.start), token(items.start), token(items.end), token(vocabulary.num_nodes)];
        let relations = (0..kg.num_relations()).filter_map(|id| u16::try_from(id).ok());
        let relations = relations.map(|id| relation_text(relation(RelationId(id).0))).collect();
        Self { bounds, numbers, relations }
    }

    /// Writes a row with its line feed; the number of bytes, or `None` when it is no path.
    #[inline]
    fn line(&self, row: &[u32], line: &mut [u8]) -> Option<usize> {
        let mut digits = itoa::Buffer::new();
        let (&user, hops) = row.split_first()?;
        let mut end = self.node(user, &mut digits, line, 0)?;
        for hop in hops.chunks_exact(2) {
            let &[relation, node] = hop else { return None };
            if relation == Vocabulary::PADDING.0 {
                break;
            }
            let text = self.relations.get(relation.wrapping_sub(footpath_core::vocabulary::NUM_SPECIALS) as usize)?;
            *line.get_mut(end..)?.first_chunk_mut()? = *text;
            end += usize::from(text[15]);
            end = self.node(node, &mut digits, line, end)?;
        }
        *line.get_mut(end)? = b'\n';
        Some(end + 1)
    }

    #[inline]
    fn node(&self, token: u32, digits: &mut itoa::Buffer, line: &mut [u8], start: usize) -> Option<usize> {
        let [users, items, entities, end] = self.bounds;
        let (letter, first) = match token {
            _ if token < items => (b'U', users),
            _ if token < entities => (b'I', items),
            _ if token < end => (b'E', entities),
            _ => return None,
        };
        let number = match &self.numbers {
            None => token.checked_sub(first)?,
            Some(numbers) => *numbers.get(token.checked_sub(users)? as usize)?,
        };
        let text = digits.format(number).as_bytes();
        let end = start + 1 + text.len();
        let (to, place) = line.get_mut(start..end)?.split_first_mut()?;
        *to = letter;
        place.copy_from_slice(text);
        Some(end)
    }
}

impl RowFormat for Text {
    fn row_bytes(&self, width: usize) -> usize {
        // Most numbers are shorter than they could be.
        width * 7
    }

    fn append(&self, rows: &[u32], width: usize, out: &mut Vec<u8>) -> std::result::Result<(), usize> {
        let mut line = vec![0; width * NODE_BYTES + size_of::<RelationText>()];
        for (index, row) in rows.chunks_exact(width).enumerate() {
            let text = self.line(row, &mut line).and_then(|len| line.get(..len)).ok_or(index)?;
            out.extend_from_slice(text);
        }
        Ok(())
    }
}

fn relation_text(number: u32) -> RelationText {
    let text = format!(" R{number} ");
    let mut padded = RelationText::default();
    padded.iter_mut().zip(text.bytes()).for_each(|(to, byte)| *to = byte);
    // At most 8: relations are u16.
    padded[15] = u8::try_from(text.len()).unwrap_or(0);
    padded
}
