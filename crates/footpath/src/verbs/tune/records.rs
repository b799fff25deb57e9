//! What came of the trainings: the log, the table.

use super::settings::Settings;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// A training to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Number of the trial, from 0.
    pub trial: u64,
    /// Rung, from 0; the last one counts.
    pub rung: u32,
    /// Paths drawn for each user in an epoch; `None` leaves that to the settings.
    pub paths_per_user: Option<u64>,
    /// The settings that were drawn.
    pub settings: Settings,
}

/// A line of `trials.jsonl`: a training and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Number of the trial, from 0.
    pub trial: u64,
    /// Rung, from 0.
    pub rung: u32,
    /// Paths drawn for each user in an epoch, where rungs differ in that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths_per_user: Option<u64>,
    /// The settings that were drawn.
    pub settings: Settings,
    /// NDCG@10 on valid of the best weights; none when the training failed.
    pub figure: Option<f64>,
    /// Step of these weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_step: Option<u64>,
    /// Steps done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Hash of the model's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Why the training failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Record {
    /// A training with its figure and nothing else.
    #[must_use]
    pub fn of(job: &Job, figure: Option<f64>) -> Self {
        let Job { trial, rung, paths_per_user, settings } = job.clone();
        Self { trial, rung, paths_per_user, settings, figure, best_step: None, steps: None, model: None, failed: None }
    }

    /// As it reads when it was written: a number may change in its last digit, and what follows must not depend on
    /// whether the search was interrupted.
    pub(super) fn settled(&self) -> Self {
        let text = serde_json::to_string(self).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_else(|_| self.clone())
    }
}

/// Reads the log; none is one without lines.
pub(super) fn read(path: &Path) -> Result<Vec<Record>> {
    let text = match fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(footpath_core::Error::io(path))?,
    };
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|e| Error::BadFile { path: path.to_owned(), reason: format!("line {}: {e}", number + 1) })
    };
    text.lines().enumerate().map(parse).collect()
}

/// The names of the settings that were drawn.
pub fn columns(records: &[Record]) -> Vec<&str> {
    records.first().map_or_else(Vec::new, |record| record.settings.keys().map(String::as_str).collect())
}

/// The order of a table: the last rung first, in each the best first, failures last.
#[must_use]
pub fn ranked(records: &[Record]) -> Vec<&Record> {
    let mut ranked: Vec<&Record> = records.iter().collect();
    let figure = |record: &Record| record.figure.unwrap_or(f64::NEG_INFINITY);
    ranked.sort_by(|a, b| b.rung.cmp(&a.rung).then(figure(b).total_cmp(&figure(a))).then(a.trial.cmp(&b.trial)));
    ranked
}

/// A setting as it reads in a table.
#[must_use]
pub fn cell(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The table as Markdown.
pub(super) fn markdown(records: &[Record]) -> String {
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = write_markdown(records, &mut text);
    text
}

fn write_markdown(records: &[Record], text: &mut String) -> std::fmt::Result {
    let columns = columns(records);
    let has_rungs = records.iter().any(|record| record.paths_per_user.is_some());
    let mut header = vec!["trial"];
    header.extend(has_rungs.then_some("paths per user"));
    header.push("NDCG@10 on valid");
    header.extend(&columns);
    writeln!(text, "| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()))?;
    for record in ranked(records) {
        let mut row = vec![record.trial.to_string()];
        row.extend(has_rungs.then(|| record.paths_per_user.map_or_else(String::new, |paths| paths.to_string())));
        row.push(record.figure.map_or_else(|| "failed".to_owned(), |figure| format!("{figure:.4}")));
        row.extend(columns.iter().map(|name| cell(record.settings.get(*name)).replace('|', "\\|")));
        writeln!(text, "| {} |", row.join(" | "))?;
    }
    Ok(())
}
