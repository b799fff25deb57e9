//! One step of the table, measured from inside its own process.

use crate::harness::{Outcome, cpu_seconds};
use footpath::import::{Options, SplitSpec};
use footpath::pattern::Shape;
use footpath::sample::{self, Part};
use footpath::{Context, Kg, Replace, import};
use footpath_core::{ArrayFile, Artefact};
use footpath_graph::TrainKg;
use footpath_graph::sample::{Amount, EndSet, Quota, SampleSpec};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

const HOPS: u32 = 3;
const PATHS_PER_USER: u64 = 50;

/// Time and memory of a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// Processor time of all threads, in seconds, where the system tells it.
    pub(crate) cpu_seconds: Option<f64>,
    /// Peak of the resident memory in bytes, pages of mapped files included, where the system tells it.
    pub(crate) peak_bytes: Option<u64>,
    /// What came out: arcs, paths counted, paths drawn.
    pub(crate) amount: f64,
}

/// Size of a stored graph.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Store {
    pub(crate) nodes: u64,
    pub(crate) arcs: u64,
    /// Bytes of all files.
    pub(crate) bytes: u64,
    /// Bytes of names and labels and where they end.
    pub(crate) text_bytes: u64,
}

impl Store {
    pub(crate) fn of(kg: &Path) -> Outcome<Self> {
        let artefact = Artefact::open(kg, footpath_core::ArtefactKind::Kg, &footpath_core::Context::default())?;
        let file = ArrayFile::open(&artefact.file("graph.safetensors")?)?;
        let len = |name: &str| file.shapes().find(|(n, _)| *n == name).map_or(0, |(_, shape)| shape.iter().product());
        let (names, labels) = (len("name_bytes") + 8 * len("name_ends"), len("label_bytes") + 8 * len("label_ends"));
        let bytes = artefact.manifest().files.values().map(|file| file.bytes).sum();
        Ok(Self { nodes: len("offsets") - 1, arcs: len("tails"), bytes, text_bytes: names + labels })
    }
}

/// Runs the step that the arguments name; what was measured, as JSON.
pub(crate) fn run(arguments: &[String]) -> Outcome<String> {
    let [name, paths @ ..] = arguments else { return Err("no step".into()) };
    let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let context = Context::default();
    let amount = match (name.as_str(), paths.as_slice()) {
        ("import", [folder, kg]) => {
            let options = Options { split: SplitSpec::None, ..Options::default() };
            import::run(folder, kg, &options, Replace::No, &context)?.report.log.num_records as f64
        }
        ("open", [kg]) => TrainKg::open(kg)?.num_arcs() as f64,
        ("count", [kg]) => {
            let kg = Kg::open(kg, &context)?;
            let counted = sample::count(&kg, &Shape::Hops(HOPS), EndSet::Any, &context)?;
            counted.summary.total as f64
        }
        ("sample", [kg, corpus]) => {
            let spec = SampleSpec { ends: EndSet::Any, ..SampleSpec::default() };
            let amount = Amount { quota: Quota::PerUser(PATHS_PER_USER), ..Amount::default() };
            let (shape, part, replace) = (Shape::Hops(HOPS), Part::default(), Replace::No);
            let options = sample::Options { shape, spec, amount, part, replace };
            let kg = Kg::open(kg, &context)?;
            sample::run(&kg, corpus, &options, &context)?.summary.num_paths as f64
        }
        _ => return Err(format!("no step {arguments:?}").into()),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let spent = cpu_seconds().and_then(|end| Some(end - cpu?));
    Ok(serde_json::to_string(&Measured { seconds, cpu_seconds: spent, peak_bytes: peak_bytes(), amount })?)
}

fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Shape, write_folder};

    #[test]
    fn every_step_runs_on_what_the_one_before_made() {
        let scratch = tempfile::tempdir().expect("temporary directory");
        let path = |name: &str| scratch.path().join(name).to_string_lossy().into_owned();
        let (folder, kg, corpus) = (path("data"), path("kg"), path("corpus"));
        write_folder(&Shape::of_edges(30_000, 1), folder.as_ref()).expect("written");
        let measured = |step: &str, paths: &[&String]| -> Measured {
            let arguments: Vec<String> =
                std::iter::once(step.to_owned()).chain(paths.iter().map(|&p| p.clone())).collect();
            serde_json::from_str(&run(&arguments).expect(step)).expect("JSON")
        };
        measured("import", &[&folder, &kg]);
        assert_eq!(measured("open", &[&kg]).amount, 60_000.0);
        assert!(measured("count", &[&kg]).amount > 1_000.0);
        assert!(measured("sample", &[&kg, &corpus]).amount > 1_000.0);
        let store = Store::of(kg.as_ref()).expect("a store");
        let rest = (store.bytes - store.text_bytes) as f64 / store.arcs as f64;
        assert!(store.arcs == 60_000 && (8.0..13.0).contains(&rest), "{store:?}");
        assert!(run(&["fly".to_owned()]).is_err());
    }
}
