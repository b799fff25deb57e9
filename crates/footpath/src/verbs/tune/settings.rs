//! The settings of `train` by name, as they stand in a log; [`crate::train::settings`] says what they may be.

use crate::train::Options;
use crate::train::settings::{OPTIONS, set};
use footpath_graph::sample::MAX_DAMPING;
use footpath_model::config::TrainingConfig;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Settings with their values.
pub type Settings = BTreeMap<String, Value>;

/// The names of all settings, in alphabetical order.
#[must_use]
pub fn names() -> Vec<String> {
    let beside = OPTIONS.map(str::to_owned);
    let mut names: Vec<String> = fields(&TrainingConfig::default()).into_iter().map(|(name, _)| name).collect();
    names.extend(beside);
    names.sort();
    names
}

/// Options with some settings changed.
///
/// # Errors
/// The name of the setting, and what is wrong with its value.
pub fn applied(options: &Options, settings: &Settings) -> Result<Options, (String, String)> {
    let mut options = options.clone();
    for (name, value) in settings {
        apply(&mut options, name, value).map_err(|reason| (name.clone(), reason))?;
    }
    Ok(options)
}

/// Every setting of these options, those left to the defaults of `train` included.
#[must_use]
pub fn all_of(options: &Options) -> Settings {
    let mut settings: Settings = fields(&options.training).into_iter().collect();
    settings.insert("damping".to_owned(), options.damping.into());
    settings.insert("end_damping".to_owned(), options.end_damping.into());
    settings.insert("relation_weights".to_owned(), serde_json::to_value(&options.relation_weights).unwrap_or_default());
    settings.insert("edge_weights".to_owned(), options.edge_weights.into());
    settings.insert("preset".to_owned(), serde_json::to_value(options.preset).unwrap_or_default());
    settings.insert("architecture".to_owned(), options.design.architecture.name().into());
    settings.insert("tables".to_owned(), serde_json::to_value(options.design.tables).unwrap_or_default());
    settings.insert("token_kinds".to_owned(), options.token_kinds.into());
    if let Some(width) = options.design.factorised {
        settings.insert("factorised".to_owned(), width.into());
    }
    if let Some(share) = options.collaborative_share {
        settings.insert("collaborative_share".to_owned(), share.into());
    }
    settings
}

fn apply(options: &mut Options, name: &str, value: &Value) -> Result<(), String> {
    let most = match name {
        "damping" | "end_damping" => Some(MAX_DAMPING),
        "collaborative_share" => Some(1.0),
        _ => None,
    };
    if let (Some(most), Some(number)) = (most, value.as_f64())
        && !(0.0..=most).contains(&number)
    {
        return Err(format!("must be 0 to {most}"));
    }
    // What these hold is written as a number, so a whole one must do.
    let value = most.and(value.as_f64()).map_or_else(|| value.clone(), Value::from);
    set(options, name, toml::Value::try_from(value).map_err(|e| e.to_string())?)
}

/// The names of all settings in a sentence.
pub(super) fn known() -> String {
    format!("there are {}", names().join(", "))
}

fn fields(training: &TrainingConfig) -> Map<String, Value> {
    match serde_json::to_value(training) {
        Ok(Value::Object(fields)) => fields,
        // A struct of numbers is an object.
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_model::config::{Design, Preset, Tables};
    use footpath_model::model::Architecture;
    use serde_json::json;

    fn one(name: &str, value: Value) -> Settings {
        BTreeMap::from([(name.to_owned(), value)])
    }

    #[test]
    fn every_setting_can_be_set_and_read_back() {
        let design = Design { architecture: Architecture::LLAMA, tables: Tables::Tied, factorised: Some(24) };
        let collaborative_share = Some(0.25);
        let law = Options {
            end_damping: 0.5,
            relation_weights: BTreeMap::from([("directed_by".to_owned(), 2.0)]),
            edge_weights: true,
            ..Options::default()
        };
        let options = Options { collaborative_share, design, token_kinds: true, ..law };
        let settings = all_of(&options);
        assert_eq!(settings.keys().cloned().collect::<Vec<_>>(), names());
        assert_eq!(applied(&Options::default(), &settings), Ok(options));
        let changed = applied(&Options::default(), &one("learning_rate", json!(0.01))).expect("a setting");
        assert!((changed.training.learning_rate - 0.01).abs() < 1e-12);
        assert_eq!(applied(&Options::default(), &one("preset", json!("tiny"))).expect("a size").preset, Preset::Tiny);
    }

    #[test]
    fn bad_settings_are_refused_by_name() {
        let bad = [
            ("learning_rate", json!(-1.0)),
            ("learning_rate", json!("fast")),
            ("batch_size", json!(64.5)),
            ("batch_size", json!(0)),
            ("preset", json!("huge")),
            ("damping", json!(9)),
            ("end_damping", json!(-1)),
            ("relation_weights", json!({"directed_by": "twice"})),
            ("collaborative_share", json!(1.5)),
            ("lr", json!(1)),
        ];
        for (name, value) in bad {
            let (blamed, reason) = applied(&Options::default(), &one(name, value)).expect_err(name);
            assert!(blamed == name && !reason.is_empty(), "{name}: {blamed}: {reason}");
        }
    }
}
