//! `model logits`: what a model says of every token at every place of given paths.

use crate::artefacts::model::Model;
use crate::error::Result;
use crate::text::lines::{self, bad};
use crate::text::words;
use footpath_core::{Context, NodeId, TokenId};
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

/// Computes the logits along every path of a file and hands them to `take`. A line is a path in the words of
/// [`export`](crate::hugging_face::export), separated by white space; a user at its beginning is told by what they
/// chose, where the model learned that.
///
/// # Errors
/// [`crate::Error::BadFile`] naming the line with a word the graph does not have or with more tokens than the model
/// takes; what `take` says.
pub fn each(model: &Model, file: &Path, context: &Context, take: &mut dyn FnMut(Logits) -> Result<()>) -> Result<()> {
    let (kg, paths) = (&model.kg, &model.paths);
    let words = words::words(kg);
    let tokens: BTreeMap<&str, u32> = words.iter().map(String::as_str).zip(0..).collect();
    let first = kg.vocabulary().node(NodeId(0)).0;
    lines::each(file, MAX_LINE_BYTES, |number, line| {
        let token = |word: &str| {
            let unknown = || {
                bad(file, number, &format!("`{}` is no word of this graph", word.chars().take(100).collect::<String>()))
            };
            tokens.get(word).copied().ok_or_else(unknown)
        };
        context.check()?;
        let tokens = line.split_whitespace().map(token).collect::<Result<Vec<u32>>>()?;
        let most = paths.config.trunk.max_tokens;
        if tokens.len() > most {
            return Err(bad(file, number, &format!("{} tokens, the model takes {most}", tokens.len())));
        }
        let Some((&start, rest)) = tokens.split_first() else { return Ok(()) };
        let history = start.checked_sub(first).map_or(&[][..], |node| model.prompt_items(NodeId(node)));
        let mut inputs = paths.prompt(TokenId(start), history);
        inputs.extend(paths.embed(rest));
        let logits = context.run(|| paths.logits(inputs))?;
        take(Logits { path: line.split_whitespace().collect::<Vec<_>>().join(" "), tokens, logits })
    })
}
