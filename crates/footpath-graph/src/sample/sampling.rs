//! What the manifest of a corpus and the card of a model state of how their paths were drawn.

use super::corpus::Amount;
use super::law::SampleSpec;
use super::quota::{Quota, Replacement, Shard};
use super::rows::SampleSummary;
use crate::error::Result;
use crate::pattern::Mixture;
use footpath_core::{Corpus, Error};
use serde::{Deserialize, Serialize, Serializer};

/// How paths were drawn. What only a corpus has, or only a training run, is absent from the other.
///
/// The fields of every object are written in the order of their names, as they always were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// By which numbers, of a corpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// The patterns that shared the draws.
    #[serde(default)]
    pub parts: Vec<SampledPart>,
    /// Paths of each user in an epoch, of a training run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths_per_user: Option<u64>,
    /// The pattern that all paths have.
    pub pattern: String,
    /// How many, of a corpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// Some of the users by number, of a corpus that is a part of another and no shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<UserRange>,
    /// Whether a path could come twice, of a corpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Replacement>,
    /// For which users, of a corpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The law.
    #[serde(serialize_with = "by_name")]
    pub spec: SampleSpec,
}

/// Users by number, in the order of their ids, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRange {
    /// The first.
    pub first: u32,
    /// The one after the last.
    pub end: u32,
    /// How many users there are in all.
    pub of: u32,
}

/// A pattern of a mixture as it is stated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampledPart {
    /// The pattern in canonical form.
    pub pattern: String,
    /// Its weight among the others.
    pub weight: f64,
}

/// The numbers that walks were weighed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// Integers: the law holds exactly.
    U64,
    /// Floating point: the law is off by no more than the last bit of numbers.
    F64,
}

/// Where the paths of a model came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PathOrigin {
    /// They were drawn.
    Drawn(Box<Sampling>),
    /// Other software had them; it is said which.
    Imported {
        /// The software.
        imported_from: String,
    },
}

impl Sampling {
    /// How a corpus was drawn.
    #[must_use]
    pub fn of_corpus(
        mixture: &Mixture,
        spec: &SampleSpec,
        amount: Amount,
        shard: Shard,
        summary: &SampleSummary,
    ) -> Self {
        Self {
            numbers: Some(if summary.rounded { Numbers::F64 } else { Numbers::U64 }),
            quota: Some(amount.quota),
            replacement: Some(amount.replacement),
            shard: Some(shard),
            ..Self::of(mixture, spec)
        }
    }

    /// How so many paths of each user are drawn for each epoch of a training run.
    #[must_use]
    pub fn of_training(mixture: &Mixture, spec: &SampleSpec, paths_per_user: u64) -> Self {
        Self { paths_per_user: Some(paths_per_user), ..Self::of(mixture, spec) }
    }

    fn of(mixture: &Mixture, spec: &SampleSpec) -> Self {
        let part = |part: &crate::pattern::Part| SampledPart {
            pattern: part.pattern.source().to_owned(),
            weight: part.weight,
        };
        Self {
            numbers: None,
            parts: mixture.parts().iter().map(part).collect(),
            paths_per_user: None,
            pattern: mixture.union().source().to_owned(),
            quota: None,
            range: None,
            replacement: None,
            shard: None,
            spec: spec.clone(),
        }
    }

    /// What a corpus states.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it states something else.
    pub fn stated(corpus: &Corpus) -> Result<Self> {
        let corrupt = |error: serde_json::Error| Error::Corrupt {
            path: corpus.artefact().directory().to_owned(),
            section: "manifest".to_owned(),
            expected: "how the paths were sampled".to_owned(),
            got: error.to_string(),
        };
        Ok(serde_json::from_value(corpus.header().sampling.clone()).map_err(corrupt)?)
    }

    /// As it stands in a manifest.
    ///
    /// # Errors
    /// [`Error::Io`] for numbers that JSON does not have.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|error| Error::io("manifest")(error.into()).into())
    }
}

/// Writes the fields of a law in the order of their names; it has them in the order of what they mean.
fn by_name<S: Serializer>(spec: &SampleSpec, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serde_json::to_value(spec).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{EndSet, Law};

    /// As it has been written since there are corpora, and as it must come back.
    const OF_A_CORPUS: &str = r#"{"numbers":"u64","parts":[{"pattern":"(:user)-[]-{3}(:item)","weight":1.0}],
"pattern":"(:user)-[]-{3}(:item)","quota":{"per-user":100},"replacement":"with","shard":{"index":0,"of":1},
"spec":{"causal":false,"damping":0.0,"end_damping":0.0,"ends":"train","law":"uniform-path","relation_weights":{},
"seed":1,"simple":true}}"#;
    const OF_A_RUN: &str = r#"{"parts":[{"pattern":"(:user)-[]-{2}(:item)","weight":0.85},
{"pattern":"(:user)-[]-{3}(:item)","weight":0.15}],"paths_per_user":300,"pattern":"(:user)-[]-{2,3}(:item)",
"spec":{"causal":false,"damping":1.0,"edge_weights":true,"end_damping":0.5,"ends":"train","law":"uniform-end",
"relation_weights":{"starring":2.0},"seed":7,"simple":true}}"#;

    #[test]
    fn manifests_and_cards_are_written_as_they_always_were() {
        let corpus = Sampling {
            numbers: Some(Numbers::U64),
            parts: vec![SampledPart { pattern: "(:user)-[]-{3}(:item)".to_owned(), weight: 1.0 }],
            paths_per_user: None,
            pattern: "(:user)-[]-{3}(:item)".to_owned(),
            quota: Some(Quota::PerUser(100)),
            range: None,
            replacement: Some(Replacement::With),
            shard: Some(Shard::default()),
            spec: SampleSpec::default(),
        };
        let part = |hops: u8, weight| SampledPart { pattern: format!("(:user)-[]-{{{hops}}}(:item)"), weight };
        let run = Sampling {
            numbers: None,
            parts: vec![part(2, 0.85), part(3, 0.15)],
            paths_per_user: Some(300),
            pattern: "(:user)-[]-{2,3}(:item)".to_owned(),
            quota: None,
            range: None,
            replacement: None,
            shard: None,
            spec: SampleSpec {
                law: Law::UniformEnd,
                damping: 1.0,
                end_damping: 0.5,
                relation_weights: [("starring".to_owned(), 2.0)].into(),
                edge_weights: true,
                ends: EndSet::Train,
                seed: 7,
                ..SampleSpec::default()
            },
        };
        for (sampling, text) in [(corpus, OF_A_CORPUS), (run, OF_A_RUN)] {
            let text = text.replace('\n', "");
            assert_eq!(serde_json::to_string(&sampling).expect("JSON"), text);
            assert_eq!(sampling.to_json().expect("JSON").to_string(), text);
            assert_eq!(serde_json::from_str::<Sampling>(&text).expect("itself"), sampling);
            let origin = PathOrigin::Drawn(Box::new(sampling));
            assert_eq!(serde_json::to_string(&origin).expect("JSON"), text);
            assert_eq!(serde_json::from_str::<PathOrigin>(&text).expect("itself"), origin);
        }
        let imported = PathOrigin::Imported { imported_from: "hugging-face".to_owned() };
        let text = r#"{"imported_from":"hugging-face"}"#;
        assert_eq!(serde_json::to_string(&imported).expect("JSON"), text);
        assert_eq!(serde_json::from_str::<PathOrigin>(text).expect("itself"), imported);
    }
}
