//! The word-level vocabulary: one token for each special, relation and node, contiguous by kind.
//!
//! ```text
//! 0 ───────── 8 ──────────────── 8+R ───────────────────────────── 8+R+N
//! ├ specials ─┼ directed relations ┼ nodes: users, items, entities by type ┤
//! ```
//!
//! A special is a number, never a string, so no name in the data can collide with one.

use crate::ids::{NodeId, Path, RelationId, TokenId};
use serde::{Deserialize, Serialize};

/// Number of token ids set aside for specials.
pub const NUM_SPECIALS: u32 = 8;

/// Maps relations and nodes to tokens and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Directed relations: two for each relation of the graph.
    pub num_relations: u32,
    /// Nodes of the graph.
    pub num_nodes: u32,
}

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A special token.
    Special(u32),
    /// A directed relation.
    Relation(RelationId),
    /// A node.
    Node(NodeId),
}

impl Vocabulary {
    /// Fills the end of short rows; never an input of the model.
    pub const PADDING: TokenId = TokenId(0);
    /// The text is whole: a path ends here although it could go on, a middle is filled, nothing was rearranged.
    pub const END: TokenId = TokenId(1);
    /// Stands for a user the model does not know.
    pub const ANY_USER: TokenId = TokenId(2);
    /// Stands for a token that is to be predicted.
    pub const MASK: TokenId = TokenId(3);
    /// Before the beginning of a text whose middle is left out.
    pub const PREFIX: TokenId = TokenId(4);
    /// Before the end of a text whose middle is left out.
    pub const SUFFIX: TokenId = TokenId(5);
    /// Before the middle of a text, after its beginning and end.
    pub const MIDDLE: TokenId = TokenId(6);
    /// The nodes of the text are not in their places.
    pub const REARRANGED: TokenId = TokenId(7);

    /// How the specials are written, in the order of their numbers.
    const SPECIAL_NAMES: [&str; NUM_SPECIALS as usize] =
        ["<pad>", "<end>", "<any-user>", "<mask>", "<prefix>", "<suffix>", "<middle>", "<rearranged>"];

    /// How a special token is written; empty for any other.
    #[must_use]
    pub fn special_name(token: TokenId) -> &'static str {
        Self::SPECIAL_NAMES.get(token.0 as usize).copied().unwrap_or_default()
    }

    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        (NUM_SPECIALS + self.num_relations + self.num_nodes) as usize
    }

    /// Whether there is nothing but specials.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.num_relations + self.num_nodes == 0
    }

    /// The token of a directed relation.
    #[must_use]
    pub fn relation(&self, relation: RelationId) -> TokenId {
        TokenId(NUM_SPECIALS + u32::from(relation.0))
    }

    /// The token of a node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> TokenId {
        TokenId(NUM_SPECIALS + self.num_relations + node.0)
    }

    /// What a token stands for, or `None` past the end of the vocabulary.
    #[must_use]
    pub fn word(&self, token: TokenId) -> Option<Word> {
        let Some(index) = token.0.checked_sub(NUM_SPECIALS) else { return Some(Word::Special(token.0)) };
        if let Some(node) = index.checked_sub(self.num_relations) {
            return (node < self.num_nodes).then_some(Word::Node(NodeId(node)));
        }
        u16::try_from(index).ok().map(|r| Word::Relation(RelationId(r)))
    }

    /// The tokens of a path: node, relation, node, …
    #[must_use]
    pub fn encode(&self, path: &Path) -> Vec<TokenId> {
        let mut tokens = Vec::with_capacity(path.nodes.len() * 2);
        for (position, &node) in path.nodes.iter().enumerate() {
            if let Some(&relation) = position.checked_sub(1).and_then(|p| path.relations.get(p)) {
                tokens.push(self.relation(relation));
            }
            tokens.push(self.node(node));
        }
        tokens
    }

    /// The path a row of tokens stands for (padding at its end is dropped), or `None` when it is not
    /// node, relation, node, …, node.
    #[must_use]
    pub fn decode(&self, tokens: &[TokenId]) -> Option<Path> {
        let mut path = Path::default();
        for &token in tokens.iter().take_while(|&&t| t != Self::PADDING) {
            match self.word(token)? {
                Word::Node(node) if path.nodes.len() == path.relations.len() => path.nodes.push(node),
                Word::Relation(relation) if path.nodes.len() == path.relations.len() + 1 => {
                    path.relations.push(relation)
                }
                _ => return None,
            }
        }
        (path.nodes.len() == path.relations.len() + 1).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_decoding_are_inverse() {
        let vocabulary = Vocabulary { num_relations: 4, num_nodes: 10 };
        let path = Path { nodes: vec![NodeId(0), NodeId(9), NodeId(4)], relations: vec![RelationId(0), RelationId(3)] };
        let mut tokens = vocabulary.encode(&path);
        assert_eq!(tokens.iter().map(|t| t.0).collect::<Vec<_>>(), [12, 8, 21, 11, 16]);
        tokens.push(Vocabulary::PADDING);
        assert_eq!(vocabulary.decode(&tokens), Some(path));
    }

    #[test]
    fn rows_that_are_no_path_are_refused() {
        let vocabulary = Vocabulary { num_relations: 4, num_nodes: 10 };
        for row in [vec![], vec![8], vec![12, 12], vec![12, 8], vec![12, 8, 8], vec![22], vec![2, 8, 12]] {
            let tokens: Vec<_> = row.iter().copied().map(TokenId).collect();
            assert_eq!(vocabulary.decode(&tokens), None, "{row:?}");
        }
    }
}
