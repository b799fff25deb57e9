//! Tokens by name, and as words of a text: no blank in a word, and no two tokens with the same one.
//!
//! A node is written as everywhere, `user:ID`, `item:ID` or `entity:ID`, and a relation by its name, `~` leading for an
//! inverse. White space, control characters, `%` and `<` are percent-encoded, byte by byte in UTF-8, and in relations
//! `:` as well. So a node has a `:` and a relation none, and only the specials have a `<`, and what stands for a user
//! at the beginning of a path in an export ([`footpath_model::hugging_face::tokenizer::start_word`]).

use footpath_core::vocabulary::Word;
use footpath_core::{NodeId, RelationId, TokenId, Vocabulary};
use footpath_graph::TrainKg;
use std::ops::Range;

/// First token of each kind: specials, relations, and each type of nodes, in the order of their tokens.
pub(crate) fn kinds(kg: &TrainKg) -> Vec<u32> {
    let vocabulary = kg.vocabulary();
    let types = kg.schema().types.iter().map(|kind| vocabulary.node(NodeId(kind.start)).0);
    [0, vocabulary.relation(RelationId(0)).0].into_iter().chain(types).collect()
}

/// The tokens of all users.
pub(crate) fn users(kg: &TrainKg) -> Range<u32> {
    let token = |node: u32| kg.vocabulary().node(NodeId(node)).0;
    token(kg.users().start)..token(kg.users().end)
}

/// The token of a node or relation by its plain name.
pub(crate) fn token(kg: &TrainKg, name: &str) -> Option<TokenId> {
    let vocabulary = kg.vocabulary();
    let relation = || kg.relation(name).map(|relation| vocabulary.relation(relation));
    kg.node(name).ok().map(|node| vocabulary.node(node)).or_else(relation)
}

/// The words of all tokens, in the order of the tokens.
pub(crate) fn words(kg: &TrainKg) -> Vec<String> {
    let vocabulary = kg.vocabulary();
    let tokens = (0u32..).take(vocabulary.len()).map(TokenId);
    tokens
        .map(|token| match vocabulary.word(token) {
            Some(Word::Node(node)) => encoded(&kg.node_name(node), &['%', '<']),
            Some(Word::Relation(relation)) => encoded(&kg.relation_name(relation), &['%', '<', ':']),
            _ => Vocabulary::special_name(token).to_owned(),
        })
        .collect()
}

fn encoded(name: &str, also: &[char]) -> String {
    let mut word = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_whitespace() || c.is_control() || also.contains(&c) {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| word.push_str(&format!("%{byte:02X}")));
        } else {
            word.push(c);
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};
    use std::collections::BTreeSet;

    #[test]
    fn no_word_has_a_blank_and_no_two_are_the_same() {
        let mut data = Dataset::default();
        data.interact("a b", "x");
        data.interact("a%20b", "<pad>");
        data.interact("a\u{2028}b", "tab\there");
        data.link("x", "film x");
        data.fact("film x", "user:a", "é");
        data.fact("film x", "<mask>", "é");
        let kg = build(data).and_then(|built| built.train_kg()).expect("a graph");
        let words = words(&kg);
        assert_eq!(words.len(), kg.vocabulary().len());
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
        assert!(words.iter().all(|word| !word.is_empty() && word.split_whitespace().count() == 1));
        for expected in
            ["user:a%20b", "user:a%2520b", "user:a%E2%80%A8b", "item:%3Cpad>", "item:tab%09here", "entity:é"]
        {
            assert!(words.iter().any(|word| word == expected), "{expected} is not in {words:?}");
        }
        assert!(words.iter().any(|word| word == "~user%3Aa") && words.iter().any(|word| word == "%3Cmask>"));
    }
}
