//! Path patterns: which typed paths are legal.
//!
//! The language is a subset of the path patterns of ISO GQL:
//!
//! ```text
//! (:user)-[:interacted]->(:item)-[]-(:person|company)-[]-(:item)
//!
//! node         ()   (:item)   (:person|company)   (:!user)   (:entity&!person)   (:%)
//! edge         -[:r]->   <-[:r]-   -[:r]-   -[]-   -[:r|s]->   -[:!(r|s)]-   -->  <--  --   ->  <-  -
//! repetition   -[]-{2}   -[]-{1,3}   -[:r]->?   (-[]-(:item)){,2}
//! alternatives (:user)-->(:item) | (:user)-->(:item)((-[:a]->(:item)) | (-[:b]-(:item))){1,2}
//! ```
//!
//! Node labels are the node types of the graph; `entity` stands for every type other than `user` and `item`. A further
//! type is a label of every node that has it, whatever its own type is: `(:award_winner)`, `(:film&award_winner)`. Edge
//! labels are its relations; an edge without `->` or `<-` may be walked either way. In labels, `!` (not) binds closest,
//! then `&` (and), then `|` (or), and `%` is any label. Labels with other characters than letters, digits and `_-./#`
//! are quoted with backticks. A variable before the colon is allowed and has no meaning.
//!
//! A quantifier `{n}`, `{m,n}`, `{,n}` or `?` follows an edge or a group. On an edge it leaves the nodes inside free. A
//! group holds parts of paths with `|` between them. Where two nodes meet, at the border of a group or at an edge or
//! group that is left out, one node must fit both. There is no `*` and no `+`: paths have 1 to [`MAX_HOPS`] hops.
//!
//! Patterns are joined with `|`, and of each a word before it can leave only a part, which is our addition to GQL:
//! `COLLABORATIVE` the paths that meet another user after their start, `KNOWLEDGE` those that do not.
//!
//! A pattern starts at `(:user)` and ends at `(:item)`; a walk pattern ([`Pattern::parse_walk`]) may start and end
//! anywhere. All are compiled to a minimal deterministic [`Automaton`], so that each path is counted once however many
//! ways the pattern has to produce it. Patterns with the same paths have the same automaton.

mod automaton;
mod compile;
mod compile_error;
mod compiled;
mod config;
mod determine;
mod explain;
mod facts;
mod labels;
mod mixture;
mod nfa;
mod parse;
mod presets;
mod symbols;
mod syntax;
mod words;

pub use automaton::{Automaton, MAX_STATES, MAX_STEPS, StateId};
pub use compiled::{MAX_PATTERN_BYTES, Pattern};
pub use config::MAX_CONFIG_BYTES;
pub use explain::{Hop, Step};
pub use facts::Facts;
pub use mixture::{MAX_PARTS, Mixture, Part};
pub use presets::{PRESETS, Preset};
pub use syntax::MAX_HOPS;
pub use words::{kind_names, kinds_in_words, relations_in_words};

#[cfg(test)]
mod tests;
