//! Settings of a training run as text: a TOML file, and `key=value` on top of it.
//!
//! ```toml
//! preset = "small"
//! learning_rate = 3e-3
//! softmax = "legal"
//!
//! [[objective]]
//! kind = "causal"
//! weight = 1.0
//!
//! [[objective]]
//! kind = "fill-in-the-middle"
//! weight = 0.5
//! ```
//!
//! Keys are those of [`TrainingConfig`] and the few of [`Options`] that shape a run: [`OPTIONS`].

use super::Options;
use crate::error::{Error, Result};
use crate::text::lines;
use footpath_model::config::TrainingConfig;
use footpath_model::model::Architecture;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Spanned, Table, Value};

/// Largest settings file, in bytes.
const MOST: usize = 1 << 20;

/// Keys that are not of [`TrainingConfig`].
pub const OPTIONS: [&str; 10] = [
    "preset",
    "architecture",
    "tables",
    "factorised",
    "token_kinds",
    "collaborative_share",
    "damping",
    "end_damping",
    "relation_weights",
    "edge_weights",
];

/// Changes `options` as a settings file says.
///
/// # Errors
/// [`Error::BadFile`] with the line of what is wrong: no TOML, a key that does not exist, a value of another type or
/// out of range.
pub fn read(path: &Path, options: &mut Options) -> Result<()> {
    let bad = |reason: String| Error::BadFile { path: path.to_owned(), reason };
    let text = lines::whole(path, MOST)?;
    let line = |at: usize| 1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count();
    let syntax = |e: toml::de::Error| {
        let place = e.span().map_or(String::new(), |span| format!("line {}: ", line(span.start)));
        bad(format!("{place}{}", e.message()))
    };
    let entries: BTreeMap<Spanned<String>, Value> = toml::from_str(&text).map_err(syntax)?;
    for (key, value) in entries {
        let at = line(key.span().start);
        set(options, key.get_ref(), value).map_err(|reason| bad(format!("line {at}: {}: {reason}", key.get_ref())))?;
    }
    Ok(())
}

/// Changes one setting, given as `key=value` with a TOML value; a word needs no quotes.
///
/// # Errors
/// [`Error::Usage`] for whatever [`read`] refuses.
pub fn assign(options: &mut Options, assignment: &str) -> Result<()> {
    let usage = |reason: String| Error::Usage { option: "set", reason };
    let Some((key, text)) = assignment.split_once('=') else {
        return Err(usage(format!("`{assignment}` is no key=value, such as learning_rate=1e-3")));
    };
    let (key, text) = (key.trim(), text.trim());
    let value = toml::from_str::<Table>(&format!("value = {text}")).ok().and_then(|mut table| table.remove("value"));
    set(options, key, value.unwrap_or_else(|| Value::String(text.to_owned())))
        .map_err(|reason| usage(format!("{key}: {reason}")))
}

/// Changes one setting; the reason why not on failure.
///
/// # Errors
/// A key that does not exist, a value of another type or out of range.
pub fn set(options: &mut Options, key: &str, value: Value) -> std::result::Result<(), String> {
    match key {
        "preset" => options.preset = parsed(value)?,
        "architecture" => options.design.architecture = architecture(&parsed::<String>(value)?)?,
        "tables" => options.design.tables = parsed(value)?,
        "factorised" => options.design.factorised = Some(parsed(value)?),
        "token_kinds" => options.token_kinds = parsed(value)?,
        "collaborative_share" => options.collaborative_share = Some(parsed(value)?),
        "damping" => options.damping = parsed(value)?,
        "end_damping" => options.end_damping = parsed(value)?,
        "relation_weights" => options.relation_weights = parsed(value)?,
        "edge_weights" => options.edge_weights = parsed(value)?,
        _ => options.training = with(&options.training, key, value)?,
    }
    options.training.validate().map_err(|e| e.to_string())
}

fn architecture(name: &str) -> std::result::Result<Architecture, String> {
    let known = [Architecture::GPT2, Architecture::LLAMA].into_iter().find(|known| known.name() == name);
    known.ok_or_else(|| format!("unknown variant `{name}`, expected `gpt2` or `llama`"))
}

fn parsed<T: DeserializeOwned>(value: Value) -> std::result::Result<T, String> {
    value.try_into().map_err(|e: toml::de::Error| e.message().to_owned())
}

/// The training settings with one changed.
fn with(training: &TrainingConfig, key: &str, value: Value) -> std::result::Result<TrainingConfig, String> {
    let mut table = Table::try_from(training).map_err(|e| e.to_string())?;
    if !table.contains_key(key) {
        let keys: Vec<&str> = OPTIONS.into_iter().chain(table.keys().map(String::as_str)).collect();
        return Err(format!("no such setting; there are {}", keys.join(", ")));
    }
    // Whole numbers may stand for others.
    let value = match (table.get(key), value) {
        #[expect(clippy::cast_precision_loss, reason = "a setting written as a whole number")]
        (Some(Value::Float(_)), Value::Integer(number)) => Value::Float(number as f64),
        (_, value) => value,
    };
    table.insert(key.to_owned(), value);
    table.try_into().map_err(|e: toml::de::Error| e.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_model::config::{Design, Preset, Softmax, Tables};
    use footpath_model::data::ObjectiveKind;

    fn read_text(text: &str) -> std::result::Result<Options, String> {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), text).expect("written");
        let mut options = Options::default();
        read(file.path(), &mut options).map(|()| options).map_err(|e| e.to_string())
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let text = "preset = \"base\"\ndamping = 0.5\nlearning_rate = 1e-4\nsoftmax = \"typed\"\nweight_decay = 1\n\
            [[objective]]\nkind = \"causal\"\n[[objective]]\nkind = \"fill-in-the-middle\"\nweight = 0.5\n";
        let options = read_text(text).expect("settings");
        assert_eq!((options.preset, options.damping), (Preset::Base, 0.5));
        assert_eq!((options.training.learning_rate, options.training.softmax), (1e-4, Softmax::Typed));
        let kinds: Vec<_> = options.training.objectives.iter().map(|o| (o.kind, o.weight)).collect();
        assert_eq!(kinds, [(ObjectiveKind::Causal, 1.0), (ObjectiveKind::FillInTheMiddle, 0.5)]);
        let same =
            Options { training: TrainingConfig { seed: 1, ..Options::default().training }, ..Options::default() };
        assert_eq!(read_text("seed = 1\n"), Ok(same));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, words) in [
            (
                "learning_rate = 1e-4\nlerning_rate = 2\n",
                ["line 2", "lerning_rate: no such setting; there are preset, "],
            ),
            ("epochs = \"many\"\n", ["line 1", "epochs: invalid type"]),
            ("\n\nepochs = 0\n", ["line 3", "must be 1 to 100,000"]),
            ("[[objective]]\nkind = \"casual\"\n", ["line 1", "unknown variant `casual`, expected one of `causal`"]),
            ("[[objective]]\nkind = \"masked\"\nprompt = 2\n", ["line 1", "is a setting of `causal` only"]),
            ("objective = []\n", ["line 1", "must be one at least"]),
            ("epochs 3\n", ["line 1", ""]),
        ] {
            let error = read_text(text).expect_err(text);
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
    }

    #[test]
    fn assignments_take_words_and_numbers() {
        let mut options = Options::default();
        for text in ["architecture=llama", "tables=tied", "factorised=24", "token_kinds=true"] {
            assign(&mut options, text).expect(text);
        }
        let Design { architecture, tables, factorised } = options.design;
        assert_eq!((architecture, tables, factorised), (Architecture::LLAMA, Tables::Tied, Some(24)));
        assert!(options.token_kinds && assign(&mut options, "architecture=bert").is_err());
        for text in ["end_damping=0.5", "edge_weights=true", "relation_weights={directed_by=2.0, 'won prize'=3}"] {
            assign(&mut options, text).expect(text);
        }
        let weights = [("directed_by".to_owned(), 2.0), ("won prize".to_owned(), 3.0)];
        assert_eq!((options.end_damping, options.edge_weights), (0.5, true));
        assert_eq!(options.relation_weights, weights.into());
        for text in ["softmax=full", "batch_size = 64", "preset=tiny", "objective=[{kind='masked', rate=0.2}]"] {
            assign(&mut options, text).expect(text);
        }
        assert_eq!((options.training.softmax, options.training.batch_size), (Softmax::Full, 64));
        assert_eq!((options.preset, options.training.objectives[0].kind), (Preset::Tiny, ObjectiveKind::Masked));
        for (text, words) in
            [("batch_size", "no key=value"), ("batch_size=x", "invalid type"), ("x=1", "no such setting")]
        {
            let error = assign(&mut options, text).expect_err(text).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
