//! A corpus of paths on disk: rows of tokens of one width, memory-mapped.
//!
//! ```text
//! paths.u32   num_paths × width little-endian u32 tokens: node, relation, node, …, padded with 0
//! ```
//!
//! The manifest states width, number of paths, law, pattern, end set and seed, and the content hash of the graph.

use crate::artefact::{Artefact, ArtefactFile, ArtefactKind, ArtefactWriter, Manifest, Replace};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{Path, TokenId};
use crate::mapped;
use crate::vocabulary::Vocabulary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path as FilePath;
use zerocopy::{FromBytes, IntoBytes};

const PATHS: &str = "paths.u32";
/// Bytes copied between two looks at whether to stop: whole tokens.
const COPIED_AT_ONCE: usize = 1 << 20;

/// What the manifest of a corpus states beside files and parents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorpusHeader {
    /// Tokens of a row: `2 × max_hops + 1`.
    pub width: usize,
    /// Number of rows.
    pub num_paths: u64,
    /// The vocabulary the tokens belong to.
    pub vocabulary: Vocabulary,
    /// How the paths were drawn: pattern, law, end set, seed and so on.
    pub sampling: serde_json::Value,
}

impl CorpusHeader {
    /// What the manifest of the corpus in a directory states.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it states something else.
    pub fn of(manifest: &Manifest, directory: &FilePath) -> Result<Self> {
        serde_json::from_value(manifest.config.clone()).map_err(|e| Error::Corrupt {
            path: directory.to_owned(),
            section: "manifest".to_owned(),
            expected: "the description of a corpus".to_owned(),
            got: e.to_string(),
        })
    }
}

/// A corpus opened for reading.
#[derive(Debug)]
pub struct Corpus {
    artefact: Artefact,
    header: CorpusHeader,
    map: Option<mapped::Map>,
}

impl Corpus {
    /// Opens and checks a corpus.
    ///
    /// # Errors
    /// As [`Artefact::open`]; [`Error::Corrupt`] when the rows do not fit the manifest.
    pub fn open(directory: &FilePath, context: &Context) -> Result<Self> {
        let artefact = Artefact::open(directory, ArtefactKind::Corpus, context)?;
        let corrupt = |section: &str, expected: String, got: String| Error::Corrupt {
            path: directory.to_owned(),
            section: section.to_owned(),
            expected,
            got,
        };
        let header = CorpusHeader::of(artefact.manifest(), directory)?;
        let path = artefact.file(PATHS)?;
        let bytes = artefact.manifest().files.get(PATHS).map_or(0, |f| f.bytes);
        let expected = (header.width as u64).checked_mul(4).and_then(|row| row.checked_mul(header.num_paths));
        if header.width == 0 || expected != Some(bytes) {
            let expected = format!("{} paths of {} tokens", header.num_paths, header.width);
            return Err(corrupt(PATHS, expected, format!("{bytes} bytes")));
        }
        let map = if bytes == 0 { None } else { Some(mapped::map(&path)?) };
        Ok(Self { artefact, header, map })
    }

    /// Tokens of row `index`, padded with [`Vocabulary::PADDING`]; empty past the end.
    #[must_use]
    pub fn row(&self, index: usize) -> &[u32] {
        let start = index * self.header.width;
        self.tokens().get(start..start + self.header.width).unwrap_or_default()
    }

    /// All rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.tokens().chunks_exact(self.header.width)
    }

    /// All paths, in order.
    ///
    /// # Errors
    /// An item is [`Error::Corrupt`], naming the row, when the row is no path.
    pub fn paths(&self) -> impl Iterator<Item = Result<Path>> + '_ {
        self.rows().enumerate().map(|(index, row)| {
            let tokens: Vec<_> = row.iter().copied().map(TokenId).collect();
            self.header.vocabulary.decode(&tokens).ok_or_else(|| self.no_path(index))
        })
    }

    /// The error that row `index` is no path.
    #[must_use]
    pub fn no_path(&self, index: usize) -> Error {
        Error::Corrupt {
            path: self.artefact.directory().join(PATHS),
            section: format!("row {index}"),
            expected: "node, relation, node, …".to_owned(),
            got: format!("{:?}", self.row(index)),
        }
    }

    /// Number of paths.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens().len() / self.header.width
    }

    /// Whether there is no path.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_none()
    }

    /// What the manifest states.
    #[must_use]
    pub fn header(&self) -> &CorpusHeader {
        &self.header
    }

    /// The artefact.
    #[must_use]
    pub fn artefact(&self) -> &Artefact {
        &self.artefact
    }

    /// The tokens of all rows, one row after the other.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        self.map.as_deref().and_then(|bytes| <[u32]>::ref_from_bytes(bytes).ok()).unwrap_or_default()
    }
}

/// Writes a corpus row by row.
#[derive(Debug)]
pub struct CorpusWriter {
    writer: ArtefactWriter,
    file: ArtefactFile,
    width: usize,
    num_tokens: u64,
}

impl CorpusWriter {
    /// Starts a corpus of rows of `width` tokens.
    ///
    /// # Errors
    /// As [`ArtefactWriter::create`].
    pub fn create(directory: &FilePath, width: usize, replace: Replace) -> Result<Self> {
        let writer = ArtefactWriter::create(directory, ArtefactKind::Corpus, replace)?;
        let file = writer.open(PATHS)?;
        Ok(Self { writer, file, width, num_tokens: 0 })
    }

    /// Appends whole rows.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses.
    pub fn append(&mut self, rows: &[u32]) -> Result<()> {
        debug_assert_eq!(rows.len() % self.width, 0, "only whole rows");
        self.num_tokens += rows.len() as u64;
        self.file.write_all(rows.as_bytes()).map_err(Error::io(PATHS))
    }

    /// Appends all rows of a corpus of the same width, whatever it has of memory: a window at a time is looked at.
    ///
    /// # Errors
    /// As [`CorpusWriter::append`]; whatever reading it gives; what `advance`, told of bytes, says.
    pub fn append_all(&mut self, corpus: &Corpus, mut advance: impl FnMut(u64) -> Result<()>) -> Result<()> {
        debug_assert_eq!(corpus.header.width, self.width, "rows of one width");
        if corpus.is_empty() {
            return Ok(());
        }
        mapped::in_windows(&corpus.artefact.file(PATHS)?, mapped::WINDOW, |bytes| {
            for piece in bytes.chunks(COPIED_AT_ONCE) {
                self.file.write_all(piece).map_err(Error::io(PATHS))?;
                self.num_tokens += piece.len() as u64 / 4;
                advance(piece.len() as u64)?;
            }
            Ok(())
        })
    }

    /// Publishes the corpus.
    ///
    /// # Errors
    /// As [`ArtefactWriter::publish`].
    pub fn publish(mut self, kg_hash: String, vocabulary: Vocabulary, sampling: serde_json::Value) -> Result<Manifest> {
        self.writer.close(self.file)?;
        let num_paths = self.num_tokens / self.width as u64;
        let header = CorpusHeader { width: self.width, num_paths, vocabulary, sampling };
        let config = serde_json::to_value(header).map_err(|e| Error::io(PATHS)(e.into()))?;
        self.writer.publish(BTreeMap::from([("kg".to_owned(), kg_hash)]), config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_written() {
        let root = tempfile::tempdir().expect("temporary directory");
        let directory = root.path().join("corpus");
        let vocabulary = Vocabulary { num_relations: 2, num_nodes: 3 };
        let mut writer = CorpusWriter::create(&directory, 5, Replace::No).expect("created");
        writer.append(&[10, 8, 11, 0, 0, 10, 8, 11, 9, 12]).expect("appended");
        writer.publish("hash".to_owned(), vocabulary, serde_json::json!({ "seed": 1 })).expect("published");
        let corpus = Corpus::open(&directory, &Context::default()).expect("opens");
        assert_eq!(corpus.len(), 2);
        assert_eq!(corpus.row(1), [10, 8, 11, 9, 12]);
        let hops: Vec<_> = corpus.paths().map(|p| p.expect("a path").num_hops()).collect();
        assert_eq!(hops, [1, 2]);
        corpus.artefact().check_parent("kg", "hash").expect("same graph");
        assert!(corpus.artefact().check_parent("kg", "other").is_err());
    }
}
