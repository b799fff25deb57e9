//! Evaluations on disk.

use super::markdown::markdown;
use super::report::Report;
use crate::error::Result;
use footpath_core::{Artefact, ArtefactKind, ArtefactWriter, Context, Replace, artefact};
use footpath_eval::Metric;
use footpath_graph::TrainKg;
use std::collections::BTreeMap;
use std::path::Path;

impl Report {
    /// Publishes the evaluation as an artefact: `report.json`, `card.json`, `card.md`, `users.tsv` (the metrics of each
    /// user) and what [`crate::pages::evaluation`] draws.
    ///
    /// # Errors
    /// An output that exists, a disk that refuses.
    pub fn publish(&self, train: &TrainKg, out: &Path, replace: Replace) -> Result<()> {
        artefact::refuse_existing(out, ArtefactKind::Evaluation, replace)?;
        let mut writer = ArtefactWriter::create(out, ArtefactKind::Evaluation, replace)?;
        writer.add("report.json", |out| Ok(serde_json::to_writer_pretty(out, self)?))?;
        writer.add("card.json", |out| Ok(serde_json::to_writer_pretty(out, &self.card)?))?;
        writer.add("card.md", |out| out.write_all(markdown(self).as_bytes()))?;
        writer.add("drawn.json", |out| Ok(serde_json::to_writer(out, &self.drawn)?))?;
        writer.add("users.tsv", |out| {
            let names = Metric::ALL.map(|metric| metric.label(self.figures.metrics.k));
            writeln!(out, "user\t{}", names.join("\t"))?;
            self.figures.users.iter().try_for_each(|user| {
                let values = user.values.map(|value| format!("{value:?}"));
                writeln!(out, "{}\t{}", train.id(user.user), values.join("\t"))
            })
        })?;
        let mut parents = BTreeMap::from([("kg".to_owned(), self.kg.clone())]);
        if let Some(model) = &self.model {
            parents.insert("model".to_owned(), model.clone());
        }
        writer.publish(parents, serde_json::to_value(&self.card).unwrap_or_default())?;
        Ok(())
    }

    /// Opens an evaluation that was published; without the metrics of each user.
    ///
    /// # Errors
    /// A directory that is no evaluation, or a damaged one, or one in which a figure is missing or called otherwise.
    pub fn open(directory: &Path, context: &Context) -> Result<Self> {
        let artefact = Artefact::open(directory, ArtefactKind::Evaluation, context)?;
        let report: Self = read_part(&artefact, "report.json")?;
        Ok(Self { drawn: read_part(&artefact, "drawn.json")?, ..report })
    }
}

fn read_part<T: serde::de::DeserializeOwned>(artefact: &Artefact, name: &str) -> Result<T> {
    serde_json::from_str(&artefact.read_text(name)?).map_err(|e| {
        let (path, section, expected) =
            (artefact.directory().to_owned(), name.to_owned(), "a part of an evaluation".to_owned());
        footpath_core::Error::Corrupt { path, section, expected, got: e.to_string() }.into()
    })
}
