//! `tokenizer.json` and what stands beside it: one word for each token, told apart by white space.

use footpath_core::{TokenId, Vocabulary, vocabulary::NUM_SPECIALS};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

/// How the word of a user begins.
const USER: &str = "user:";
/// How the word of a user begins who stands at the beginning of a path. Only specials have a `<` otherwise, and none of
/// these a `:`.
const START: &str = "<user>:";

/// The word of a user at the beginning of a path, where it is not `word`, the user's word anywhere else: `<user>:ID`
/// for `user:ID`. `None` if it is no word of a user.
#[must_use]
pub fn start_word(word: &str) -> Option<String> {
    word.strip_prefix(USER).map(|id| format!("{START}{id}"))
}

/// Writes `tokenizer.json`; `words` are those of all tokens, in the order of the tokens. The words of the specials must
/// be in no other. `starts` are [`start_word`]s, with the tokens after these; a text that begins with the word of a
/// user gets the user's start word by itself.
///
/// A word that is not in the vocabulary is an error of the tokenizer, not a token of its own: `unk_token` names none.
///
/// # Errors
/// Whatever the writer says.
pub fn write(words: &[String], starts: &[String], out: &mut dyn Write) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct File<'a> {
        version: &'static str,
        truncation: Option<()>,
        padding: Option<()>,
        added_tokens: Vec<Value>,
        normalizer: Option<Value>,
        pre_tokenizer: Value,
        post_processor: Option<()>,
        decoder: Option<()>,
        model: Model<'a>,
    }
    #[derive(Serialize)]
    struct Model<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(serialize_with = "numbered")]
        vocab: [&'a [String]; 2],
        unk_token: &'static str,
    }
    let special = |id: u32| {
        json!({
            "id": id, "content": Vocabulary::special_name(TokenId(id)), "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true,
        })
    };
    let file = File {
        version: "1.0",
        truncation: None,
        padding: None,
        added_tokens: (0..NUM_SPECIALS).map(special).collect(),
        // A text, not a word: what follows a blank or a special is on the way.
        normalizer: (!starts.is_empty())
            .then(|| json!({ "type": "Replace", "pattern": { "Regex": format!("\\A{USER}") }, "content": START })),
        pre_tokenizer: json!({ "type": "WhitespaceSplit" }),
        post_processor: None,
        decoder: None,
        model: Model { kind: "WordLevel", vocab: [words, starts], unk_token: "<unk>" },
    };
    Ok(serde_json::to_writer(out, &file)?)
}

/// Words with their numbers, in their order.
fn numbered<S: Serializer>(words: &[&[String]; 2], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(words.iter().copied().flatten().zip(0u32..))
}

/// What `tokenizer_config.json` holds, for sequences of at most `max_tokens`.
#[must_use]
pub fn config(max_tokens: usize) -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_tokens,
        "pad_token": Vocabulary::special_name(Vocabulary::PADDING),
        "eos_token": Vocabulary::special_name(Vocabulary::END),
        "clean_up_tokenization_spaces": false,
    })
}

/// What `generation_config.json` holds: the most probable token each time, to the end of the longest path, and never
/// one of `starts`. Probabilities are those among the others, also where beams are compared.
#[must_use]
pub fn generation_config(max_tokens: usize, starts: Range<usize>) -> Value {
    let mut config = json!({
        "do_sample": false,
        "max_length": max_tokens,
        "eos_token_id": Vocabulary::END.0,
        "pad_token_id": Vocabulary::PADDING.0,
    });
    if !starts.is_empty() {
        config["suppress_tokens"] = starts.collect();
        config["renormalize_logits"] = true.into();
    }
    config
}

/// Where words are in a vocabulary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The number of each word.
    pub words: Vec<u32>,
    /// The number of each [`start_word`] of users, in the order of the users; empty where the vocabulary has none of
    /// them.
    pub starts: Vec<u32>,
}

/// The numbers of `words`, and of their start words where there are any, in the `tokenizer.json` with this text.
///
/// # Errors
/// What is wrong: no word-level tokenizer, a word that it has not, or one that is none of `words`; start words of some
/// users only.
pub fn read(text: &str, words: &[String]) -> Result<Numbers, String> {
    #[derive(Deserialize)]
    struct File {
        model: Model,
    }
    #[derive(Deserialize)]
    struct Model {
        #[serde(rename = "type")]
        kind: Option<String>,
        vocab: Value,
    }
    let file: File = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let kind = file.model.kind.unwrap_or_default();
    if kind != "WordLevel" {
        return Err(format!(
            "the tokenizer is `{}`, not WordLevel: its tokens are no nodes and relations",
            short(&kind)
        ));
    }
    let mut vocab: BTreeMap<String, u32> = serde_json::from_value(file.model.vocab).map_err(|e| e.to_string())?;
    let numbers = take(&mut vocab, words)?;
    let starts: Vec<String> = words.iter().filter_map(|word| start_word(word)).collect();
    let has_starts = starts.iter().any(|word| vocab.contains_key(word));
    let starts = if has_starts { take(&mut vocab, &starts)? } else { Vec::new() };
    match vocab.keys().next() {
        Some(word) => {
            Err(format!("its word `{}` is not in the graph, nor are {} others", short(word), vocab.len() - 1))
        }
        None => Ok(Numbers { words: numbers, starts }),
    }
}

/// Takes the numbers of `words` out of a vocabulary, which must have them all.
fn take(vocab: &mut BTreeMap<String, u32>, words: &[String]) -> Result<Vec<u32>, String> {
    let mut missing = words.iter().filter(|word| !vocab.contains_key(*word));
    if let Some(first) = missing.next() {
        let others = missing.count();
        return Err(format!("`{}` of the graph is not among its words, nor are {others} others", short(first)));
    }
    Ok(words.iter().filter_map(|word| vocab.remove(word)).collect())
}

/// At most 100 characters of what a file says.
fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(names: &[&str]) -> Vec<String> {
        let specials = (0..NUM_SPECIALS).map(|id| Vocabulary::special_name(TokenId(id)).to_owned());
        specials.chain(names.iter().map(|&name| name.to_owned())).collect()
    }

    #[test]
    fn words_are_found_again_in_any_order() {
        let ours = words(&["r", "~r", "user:a", "item:b"]);
        let mut file = Vec::new();
        write(&words(&["item:b", "user:a", "~r", "r"]), &[], &mut file).expect("written");
        let text = String::from_utf8(file).expect("UTF-8");
        let numbers = (0..8).chain([11, 10, 9, 8]).collect();
        assert_eq!(read(&text, &ours), Ok(Numbers { words: numbers, starts: Vec::new() }));
    }

    #[test]
    fn users_at_the_beginning_are_found_again() {
        let ours = words(&["r", "user:a", "user:<user>:a", "item:b"]);
        let starts: Vec<String> = ours.iter().filter_map(|word| start_word(word)).rev().collect();
        assert_eq!(starts, ["<user>:<user>:a", "<user>:a"]);
        let mut file = Vec::new();
        write(&ours, &starts, &mut file).expect("written");
        let text = String::from_utf8(file).expect("UTF-8");
        assert_eq!(read(&text, &ours), Ok(Numbers { words: (0..12).collect(), starts: vec![13, 12] }));
        let error = read(&text.replace("\"<user>:a\":13", "\"\":13"), &ours).expect_err("refused");
        assert!(error.contains("`<user>:a` of the graph is not among its words, nor are 0 others"), "{error}");
    }

    #[test]
    fn no_user_at_the_beginning_is_generated() {
        let config = generation_config(7, 12..14);
        assert_eq!((&config["suppress_tokens"], &config["renormalize_logits"]), (&json!([12, 13]), &json!(true)));
        assert_eq!(generation_config(7, 12..12).get("suppress_tokens"), None);
    }

    #[test]
    fn other_vocabularies_are_refused() {
        let file = |names: &[&str]| {
            let mut file = Vec::new();
            write(&words(names), &[], &mut file).expect("written");
            String::from_utf8(file).expect("UTF-8")
        };
        let ours = words(&["r", "user:a"]);
        for (text, expected) in [
            (file(&["r"]), "`user:a` of the graph is not among its words, nor are 0 others"),
            (file(&["r", "user:a", "user:b"]), "its word `user:b` is not in the graph, nor are 0 others"),
            (file(&["r", "user:a"]).replace("WordLevel", "BPE"), "the tokenizer is `BPE`"),
            ("[]".to_owned(), "invalid"),
            (String::new(), "EOF"),
        ] {
            let error = read(&text, &ours).expect_err("refused");
            assert!(error.contains(expected), "{error}");
        }
    }
}
