//! Where facts were read: a file and a line in one number.

use serde::{Deserialize, Serialize};

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its own name, without folders; empty for records that came from no file.
    pub name: String,
    /// Number of the last line that anything was read from.
    pub lines: u32,
}

/// The files that facts of a kind were read from. Their lines are counted on from file to file, so that one number for
/// each fact says both: with files of 10 and 20 lines, 13 is line 3 of the second.
///
/// One file is written as its name, which is how all graphs were written before format version 3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Sources(Vec<SourceFile>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<SourceFile>),
}

impl Sources {
    /// The one file of this name, whose number of lines does not matter.
    #[must_use]
    pub fn one(name: impl Into<String>) -> Self {
        Self(vec![SourceFile { name: name.into(), lines: u32::MAX }])
    }

    /// These files, in this order.
    #[must_use]
    pub fn several(files: Vec<SourceFile>) -> Self {
        match <[SourceFile; 1]>::try_from(files) {
            Ok([only]) => Self::one(only.name),
            Err(files) => Self(files),
        }
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.0
    }

    /// The number that stands for a line of a file; 0, which is no line, where it is too large to keep.
    #[must_use]
    pub fn number(&self, file: usize, line: u32) -> u32 {
        if line == 0 { 0 } else { self.before(file).checked_add(line).unwrap_or(0) }
    }

    /// Number of the last line before a file.
    pub(crate) fn before(&self, file: usize) -> u32 {
        self.0.iter().take(file).fold(0, |sum: u32, file| sum.saturating_add(file.lines))
    }

    /// Number of the file and line that a number stands for; `None` where it stands for none.
    #[must_use]
    pub fn place(&self, number: u32) -> Option<(usize, u32)> {
        let mut line = number;
        for (file, SourceFile { lines, .. }) in self.0.iter().enumerate() {
            if line <= *lines {
                return (line > 0).then_some((file, line));
            }
            line -= lines;
        }
        None
    }

    /// Name of the file and line that a number stands for. Line 0 is unknown; of records from no file the line is not
    /// told.
    #[must_use]
    pub fn find(&self, number: u32) -> (&str, u32) {
        let only = self.0.first().filter(|_| self.0.len() == 1).map(|file| (file.name.as_str(), number));
        let several = || self.place(number).and_then(|(file, line)| Some((self.0.get(file)?.name.as_str(), line)));
        only.or_else(several).filter(|(name, _)| !name.is_empty()).unwrap_or(("", 0))
    }

    /// Numbers above this one stand for nothing.
    #[must_use]
    pub(crate) fn last(&self) -> u64 {
        self.0.iter().map(|file| u64::from(file.lines)).sum()
    }
}

impl From<Written> for Sources {
    fn from(written: Written) -> Self {
        match written {
            Written::One(name) => Self::one(name),
            Written::Several(files) => Self(files),
        }
    }
}

impl From<Sources> for Written {
    fn from(Sources(files): Sources) -> Self {
        match <[SourceFile; 1]>::try_from(files) {
            Ok([only]) => Self::One(only.name),
            Err(files) => Self::Several(files),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Sources {
        let file = |name: &str, lines| SourceFile { name: name.to_owned(), lines };
        Sources::several(vec![file("a", 10), file("", 3), file("b", 20), file("c", u32::MAX)])
    }

    #[test]
    fn a_number_says_file_and_line() {
        let files = files();
        for (file, line) in [(0, 1), (0, 10), (1, 1), (1, 3), (2, 1), (2, 20), (3, 1), (3, u32::MAX - 33)] {
            assert_eq!(files.place(files.number(file, line)), Some((file, line)));
        }
        assert_eq!((files.number(3, u32::MAX), files.number(0, 0), files.place(0)), (0, 0, None));
        assert_eq!((files.find(10), files.find(11), files.find(14)), (("a", 10), ("", 0), ("b", 1)));
        assert_eq!(files.find(0), ("", 0));
        let one = Sources::one("a");
        assert_eq!((one.find(0), one.find(7), one.number(0, 7)), (("a", 0), ("a", 7), 7));
    }

    #[test]
    fn one_file_is_written_as_its_name_and_several_as_a_list() {
        for (sources, start) in [(Sources::one("a.tsv"), "\"a.tsv\""), (files(), "[{\"name\":\"a\",\"lines\":10}")] {
            let text = serde_json::to_string(&sources).expect("JSON");
            assert!(text.starts_with(start), "{text}");
            assert_eq!(serde_json::from_str::<Sources>(&text).expect("read back"), sources);
        }
        let one = Sources::several(vec![SourceFile { name: "a".to_owned(), lines: 5 }]);
        assert_eq!(one, Sources::one("a"));
    }
}
