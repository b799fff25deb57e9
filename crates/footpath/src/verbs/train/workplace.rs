//! Where an unfinished run lives: its directory, its checkpoints and its log.

use crate::error::{Error, Result};
use footpath_core::Replace;
use footpath_core::artefact::{self, OutputLock};
use footpath_model::TrainingProgress;
use footpath_model::checkpoint::Checkpoints;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What to do about an unfinished run at the same output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unfinished {
    /// Refuse to touch it.
    #[default]
    Refuse,
    /// Go on from its last checkpoint; begin where there is none.
    Resume,
    /// Delete it and begin.
    Discard,
}

/// The directory of an unfinished run, locked.
pub(super) struct Workplace {
    pub(super) checkpoints: Checkpoints,
    directory: PathBuf,
    _lock: OutputLock,
}

impl Workplace {
    pub(super) fn open(
        out: &Path,
        unfinished: Unfinished,
        parents: BTreeMap<String, String>,
        sampling: serde_json::Value,
    ) -> Result<Self> {
        let name = out.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let directory = out.with_file_name(format!("{name}.train"));
        let lock = OutputLock::take(&directory)?;
        if directory.exists() {
            match unfinished {
                Unfinished::Refuse => return Err(Error::Unfinished { path: directory }),
                Unfinished::Resume => {}
                Unfinished::Discard => {
                    fs::remove_dir_all(&directory).map_err(footpath_core::Error::io(&directory))?;
                }
            }
        }
        fs::create_dir_all(&directory).map_err(footpath_core::Error::io(&directory))?;
        let checkpoints = Checkpoints::new(directory.clone(), parents).of_paths(sampling);
        Ok(Self { checkpoints, directory, _lock: lock })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("metrics.jsonl")
    }

    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.directory).map_err(footpath_core::Error::io(&self.directory))?;
        Ok(())
    }
}

/// The log of a run, in memory and, line by line, in the directory of the unfinished run.
pub(super) struct Log {
    pub(super) lines: Vec<String>,
    file: fs::File,
}

impl Log {
    /// Goes on with the log at `path` up to a step; later lines belong to steps that will be done again.
    pub(super) fn open(path: &Path, resumed_at: u64) -> Result<Self> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let parse = |line: &str| Some((line.to_owned(), serde_json::from_str::<TrainingProgress>(line).ok()?));
        let kept = text.lines().filter_map(parse).filter(|(_, step)| step.step <= resumed_at);
        let lines: Vec<String> = kept.map(|(line, _)| line).collect();
        // The lines are kept as they are written: numbers read back and written again may differ in the last digit.
        artefact::publish_file(path, Replace::Yes, |out| write_lines(&lines, out))?;
        let file = fs::File::options().append(true).open(path).map_err(footpath_core::Error::io(path))?;
        Ok(Self { lines, file })
    }

    pub(super) fn push(&mut self, progress: &TrainingProgress) {
        // Numbers and options of numbers always have a JSON form.
        let line = serde_json::to_string(progress).unwrap_or_default();
        // The log is for people: a full disk must not end a run that checkpoints would save.
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
        self.lines.push(line);
    }
}

fn write_lines(lines: &[String], out: &mut dyn Write) -> std::io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}
