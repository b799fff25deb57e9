//! `model logits`: what a model says of every token at every place of given paths.

use crate::error::Result;
use crate::lines::{self, bad};
use crate::recommend::Session;
use crate::words;
use footpath_core::NodeId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Longest line of a file of paths, in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// The logits along one path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Logits {
    /// The path, as words.
    pub path: String,
    /// The tokens of these words.
    pub tokens: Vec<u32>,
    /// After each token, the logit of every token of the vocabulary: `[tokens, vocabulary]`.
    pub logits: Vec<Vec<f32>>,
}

/// Computes the logits along every path of a file and hands them to `take`. A line is a path in the words of [`export`](crate::hugging_face::export), separated by white
/// space; a user at its beginning is told by what they chose, where the model learned that.
///
/// # Errors
/// [`crate::Error::BadFile`] naming the line with a word the graph does not have or with more tokens than the model takes; what `take` says.
pub fn each(session: &Session, paths: &Path, take: &mut dyn FnMut(Logits) -> Result<()>) -> Result<()> {
    let (kg, model) = (session.kg(), session.model());
    let words = words::words(kg);
    let tokens: BTreeMap<&str, u32> = words.iter().map(String::as_str).zip(0..).collect();
    let first = kg.vocabulary().node(NodeId(0)).0;
    lines::each(paths, MAX_LINE_BYTES, |number, line| {
        let token = |word: &str| {
            let unknown = || {
                bad(
                    paths,
                    number,
                    &format!("`{}` is no word of this graph", word.chars().take(100).collect::<String>()),
                )
            };
            tokens.get(word).copied().ok_or_else(unknown)
        };
        let tokens = line.split_whitespace().map(token).collect::<Result<Vec<u32>>>()?;
        let most = model.config.trunk.max_tokens;
        if tokens.len() > most {
            return Err(bad(paths, number, &format!("{} tokens, the model takes {most}", tokens.len())));
        }
        let Some((&start, rest)) = tokens.split_first() else { return Ok(()) };
        let told = start.checked_sub(first).map_or(&[][..], |node| session.told(NodeId(node)));
        let mut inputs = model.prompt(start, told);
        inputs.extend(model.embed(rest));
        let logits = model.logits(inputs);
        take(Logits { path: line.split_whitespace().collect::<Vec<_>>().join(" "), tokens, logits })
    })
}
