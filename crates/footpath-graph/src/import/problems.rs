//! What is wrong with the input, gathered while it is read.

use super::findings::{Finding, Severity};
use crate::error::{Diagnostic, Error, ImportFailure, MAX_DIAGNOSTICS, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest share of records that a lenient import may skip.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct MaxBad(f64);

impl MaxBad {
    /// A share in [0, 1].
    ///
    /// # Errors
    /// [`Error::Usage`] for any other number.
    pub fn new(share: f64) -> Result<Self> {
        if (0.0..=1.0).contains(&share) {
            return Ok(Self(share));
        }
        Err(Error::Usage { option: "max-bad", reason: format!("{share} is not a share between 0 and 1") })
    }

    /// The share, in [0, 1].
    #[must_use]
    pub fn share(self) -> f64 {
        self.0
    }
}

impl Default for MaxBad {
    /// One record in a hundred: enough for the scattered damage of real dumps, too little for a wrong file.
    fn default() -> Self {
        Self(0.01)
    }
}

/// Something odd that is not an error, with the place where it was first seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Short stable name, such as `blanks`.
    pub kind: String,
    /// The file.
    pub path: PathBuf,
    /// Line of the first case, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// Number of cases.
    pub count: u64,
    /// What was seen and what was done.
    pub message: String,
}

/// Why a record (or a whole file) cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) kind: &'static str,
    /// Field, from 1; 0 for the whole record.
    pub(super) column: u64,
    pub(super) message: String,
    /// Reading cannot go on, not even when lenient.
    pub(super) fatal: bool,
}

impl Flaw {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, column: 0, message: message.into(), fatal: false }
    }

    pub(super) fn fatal(kind: &'static str, message: impl Into<String>) -> Self {
        Self { fatal: true, ..Self::new(kind, message) }
    }

    /// The same in a field, counted from 0.
    pub(super) fn at(mut self, field: usize) -> Self {
        self.column = field as u64 + 1;
        self
    }

    /// The same where the fields of a record are the columns with these numbers of a file.
    pub(super) fn in_columns(mut self, columns: &[usize]) -> Self {
        let field = usize::try_from(self.column).unwrap_or(0).checked_sub(1);
        self.column = field.and_then(|field| columns.get(field)).map_or(0, |&column| column as u64 + 1);
        self
    }

    /// A failure of its own, outside any record.
    pub(super) fn fail(self, path: &Path) -> Error {
        let mut problems = Problems::new(None);
        problems.keep(path, 0, self);
        problems.failure()
    }
}

/// What is left of the problems of an import that went well.
#[derive(Debug)]
pub(super) struct Settled {
    /// Bad records that were skipped, by kind.
    pub(super) skipped: BTreeMap<String, u64>,
    pub(super) warnings: Vec<Warning>,
    pub(super) findings: Vec<Finding>,
}

pub(super) type Checked<T> = std::result::Result<T, Flaw>;

/// The problems of one import so far.
#[derive(Debug)]
pub(super) struct Problems {
    lenient: Option<MaxBad>,
    failure: ImportFailure,
    skipped: BTreeMap<&'static str, u64>,
    warnings: BTreeMap<(&'static str, PathBuf), Warning>,
    findings: Vec<Finding>,
    /// Flaws of records that were read ahead and have not had their turn, while that is done.
    ahead: Option<Vec<(u64, Flaw)>>,
    /// Records read from all files, bad ones included.
    pub(super) num_records: u64,
}

impl Problems {
    pub(super) fn new(lenient: Option<MaxBad>) -> Self {
        let (failure, skipped, warnings) = (ImportFailure::default(), BTreeMap::new(), BTreeMap::new());
        Self { lenient, failure, skipped, warnings, findings: Vec::new(), ahead: None, num_records: 0 }
    }

    /// Notes a flaw.
    ///
    /// # Errors
    /// All problems so far, when this one is fatal.
    pub(super) fn bad(&mut self, path: &Path, line: u64, flaw: Flaw) -> Result<()> {
        let fatal = flaw.fatal;
        match &mut self.ahead {
            Some(ahead) => ahead.push((line, flaw)),
            None => self.keep(path, line, flaw),
        }
        if fatal { Err(self.failure()) } else { Ok(()) }
    }

    /// From here on flaws are put aside, until [`Problems::come_back`] hands them out to be noted in their turn.
    pub(super) fn look_ahead(&mut self) {
        self.ahead = Some(Vec::new());
    }

    /// How many flaws were put aside so far.
    pub(super) fn num_ahead(&self) -> usize {
        self.ahead.as_ref().map_or(0, Vec::len)
    }

    /// The flaws put aside, with their lines.
    pub(super) fn come_back(&mut self) -> Vec<(u64, Flaw)> {
        self.ahead.take().unwrap_or_default()
    }

    fn keep(&mut self, path: &Path, line: u64, flaw: Flaw) {
        let Flaw { kind, column, message, .. } = flaw;
        self.failure.total += 1;
        *self.skipped.entry(kind).or_default() += 1;
        if self.failure.diagnostics.len() < MAX_DIAGNOSTICS {
            self.failure.diagnostics.push(Diagnostic { path: path.to_owned(), line, column, kind, message });
        }
    }

    /// Notes `count` cases of something odd.
    pub(super) fn warn(&mut self, kind: &'static str, path: &Path, line: u64, count: u64, message: &str) {
        let warning = self.warnings.entry((kind, path.to_owned())).or_insert_with(|| Warning {
            kind: kind.to_owned(),
            path: path.to_owned(),
            line,
            count: 0,
            message: message.to_owned(),
        });
        warning.count += count;
    }

    /// Notes something about the whole.
    pub(super) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// To be called after each file: a strict import stops here, so that one bad file does not make the next look bad.
    ///
    /// # Errors
    /// All problems so far, if there is any and the import is strict.
    pub(super) fn stop_if_strict(&mut self) -> Result<()> {
        if self.lenient.is_none() && self.failure.total > 0 { Err(self.failure()) } else { Ok(()) }
    }

    /// Makes problems of all serious findings, and stops if there is any.
    ///
    /// # Errors
    /// These problems.
    pub(super) fn refuse_serious(&mut self, whole: &Path) -> Result<()> {
        let serious = self.findings.iter().filter(|finding| finding.severity == Severity::Serious);
        let told: Vec<String> = serious.map(ToString::to_string).collect();
        let any = !told.is_empty();
        told.into_iter().for_each(|finding| self.keep(whole, 0, Flaw::new("serious", finding)));
        if any { Err(self.failure()) } else { Ok(()) }
    }

    /// To be called at the end: a lenient import fails here when too much was skipped.
    ///
    /// # Errors
    /// All problems, if there is any and the import is strict, or if they are too many.
    pub(super) fn finish(mut self, directory: &Path) -> Result<Settled> {
        self.stop_if_strict()?;
        let share = self.lenient.unwrap_or_default().share();
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
        let bad = self.failure.total as f64 / self.num_records.max(1) as f64;
        if bad > share {
            let (total, records) = (self.failure.total, self.num_records);
            let message = format!(
                "{total} of {records} records are bad, over the limit of {share}; repair them or raise the limit \
                 (option `max_bad`)"
            );
            self.keep_first(Diagnostic {
                path: directory.to_owned(),
                line: 0,
                column: 0,
                kind: "too_many_bad",
                message,
            });
            return Err(self.failure());
        }
        // What matters most comes first.
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let skipped = self.skipped.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect();
        Ok(Settled { skipped, warnings: self.warnings.into_values().collect(), findings: self.findings })
    }

    /// Puts the verdict before the list of cases, which may be cut.
    fn keep_first(&mut self, verdict: Diagnostic) {
        self.failure.diagnostics.truncate(MAX_DIAGNOSTICS - 1);
        self.failure.diagnostics.insert(0, verdict);
        self.failure.total += 1;
    }

    fn failure(&mut self) -> Error {
        if self.ahead.is_some() {
            // The flaw makes the real one when it has its turn.
            return Error::Import(Box::default());
        }
        Error::Import(Box::new(std::mem::take(&mut self.failure)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_bad(lenient: Option<f64>, bad: u64, records: u64) -> Result<BTreeMap<String, u64>> {
        let mut problems = Problems::new(lenient.map(|share| MaxBad::new(share).expect("a share")));
        problems.num_records = records;
        for line in 0..bad {
            problems.bad(Path::new("f"), line, Flaw::new("utf8", "bad"))?;
        }
        Ok(problems.finish(Path::new("d"))?.skipped)
    }

    #[test]
    fn strict_allows_nothing_and_lenient_its_share() {
        assert!(with_bad(None, 0, 100).is_ok());
        assert!(with_bad(None, 1, 1_000_000).is_err());
        assert_eq!(with_bad(Some(0.01), 1, 100).expect("at the limit")["utf8"], 1);
        assert!(with_bad(Some(0.01), 2, 100).is_err());
        assert!(with_bad(Some(0.0), 1, 100).is_err());
    }

    #[test]
    fn at_most_a_hundred_are_kept_and_all_are_counted() {
        let Err(Error::Import(strict)) = with_bad(None, 250, 250) else { panic!("must fail") };
        assert_eq!((strict.diagnostics.len(), strict.total), (MAX_DIAGNOSTICS, 250));
        let Err(Error::Import(lenient)) = with_bad(Some(0.01), 250, 250) else { panic!("must fail") };
        assert_eq!((lenient.diagnostics.len(), lenient.total), (MAX_DIAGNOSTICS, 251));
        assert_eq!(lenient.diagnostics[0].kind, "too_many_bad");
    }

    #[test]
    fn shares_outside_zero_to_one_are_refused() {
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(MaxBad::new(share).is_err(), "{share}");
        }
    }
}
