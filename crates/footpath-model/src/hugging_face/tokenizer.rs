//! `tokenizer.json` and what stands beside it: one word for each token, told apart by white space.

use footpath_core::{TokenId, Vocabulary, vocabulary::NUM_SPECIALS};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;

/// Writes `tokenizer.json`; `words` are those of all tokens, in the order of the tokens. The words of the specials must be in no other.
///
/// A word that is not in the vocabulary is an error of the tokenizer, not a token of its own: `unk_token` names none.
///
/// # Errors
/// Whatever the writer says.
pub fn write(words: &[String], out: &mut dyn Write) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct File<'a> {
        version: &'static str,
        truncation: Option<()>,
        padding: Option<()>,
        added_tokens: Vec<Value>,
        normalizer: Option<()>,
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
        vocab: &'a [String],
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
        normalizer: None,
        pre_tokenizer: json!({ "type": "WhitespaceSplit" }),
        post_processor: None,
        decoder: None,
        model: Model { kind: "WordLevel", vocab: words, unk_token: "<unk>" },
    };
    Ok(serde_json::to_writer(out, &file)?)
}

/// Words with their numbers, in their order.
fn numbered<S: Serializer>(words: &&[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(words.iter().zip(0u32..))
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

/// What `generation_config.json` holds: the most probable token each time, to the end of the longest path.
#[must_use]
pub fn generation_config(max_tokens: usize) -> Value {
    json!({
        "do_sample": false,
        "max_length": max_tokens,
        "eos_token_id": Vocabulary::END.0,
        "pad_token_id": Vocabulary::PADDING.0,
    })
}

/// For each of `words`, its number in the `tokenizer.json` with this text.
///
/// # Errors
/// What is wrong: no word-level tokenizer, a word that it has not, or one that is none of `words`.
pub fn read(text: &str, words: &[String]) -> Result<Vec<u32>, String> {
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
    let mut missing = words.iter().filter(|word| !vocab.contains_key(*word));
    if let Some(first) = missing.next() {
        let others = missing.count();
        return Err(format!("`{}` of the graph is not among its words, nor are {others} others", short(first)));
    }
    let rows = words.iter().filter_map(|word| vocab.remove(word)).collect();
    match vocab.keys().next() {
        Some(word) => {
            Err(format!("its word `{}` is not in the graph, nor are {} others", short(word), vocab.len() - 1))
        }
        None => Ok(rows),
    }
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
        write(&words(&["item:b", "user:a", "~r", "r"]), &mut file).expect("written");
        let text = String::from_utf8(file).expect("UTF-8");
        assert_eq!(read(&text, &ours), Ok((0..8).chain([11, 10, 9, 8]).collect()));
    }

    #[test]
    fn other_vocabularies_are_refused() {
        let file = |names: &[&str]| {
            let mut file = Vec::new();
            write(&words(names), &mut file).expect("written");
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
