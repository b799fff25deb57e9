//! The manifest of an artefact, and how it is read and written.
//!
//! A configuration that is too long for it, such as the report on tens of thousands of relations, is a file of its own:
//!
//! ```text
//! manifest.json   at most 1 MiB; its `config` is null where there is a
//! config.json     at most 1 GiB
//! ```

use super::kind::ArtefactKind;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Format version that is written unless
/// [`ArtefactWriter::with_format_version`](super::ArtefactWriter::with_format_version) says otherwise.
pub const FORMAT_VERSION: u32 = 2;
/// Format version of a graph whose facts of a kind came from several files. Whoever reads it checks that they did.
pub const SEVERAL_FILES_VERSION: u32 = 3;
/// Format version of a graph whose users have facts of their own, which older tools take for damage.
pub const USER_FACTS_VERSION: u32 = 4;
/// Format version of a graph whose items have attributes.
pub const ATTRIBUTES_VERSION: u32 = 5;
/// Format version of a graph whose nodes have further types.
pub const FURTHER_TYPES_VERSION: u32 = 6;
/// Longest manifest written and read, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// Longest configuration written and read, in bytes. The names of 32,766 relations of 4 KiB take an eighth of it.
pub const MAX_CONFIG_BYTES: u64 = 1 << 30;
/// Name of the manifest.
pub(super) const MANIFEST: &str = "manifest.json";
/// Name of a configuration of its own.
pub(super) const CONFIG: &str = "config.json";
/// Stands for the seal of a manifest while it is computed.
const NO_SEAL: &str = "00000000000000000000000000000000";

/// Size and hash of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Size in bytes.
    pub bytes: u64,
    /// XXH3-128 of the content, 32 hexadecimal digits.
    pub xxh3: String,
}

/// What an artefact is, what it is made of and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What it is.
    pub kind: ArtefactKind,
    /// [`FORMAT_VERSION`] or, of some graphs, a later one: up to [`FURTHER_TYPES_VERSION`].
    pub format_version: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// Every file but the manifest.
    pub files: BTreeMap<String, FileEntry>,
    /// Content hashes of the artefacts it was made from, by kind.
    pub parents: BTreeMap<String, String>,
    /// Everything that decided the content: options, seed, laws, counts.
    pub config: serde_json::Value,
    /// XXH3-128 of `manifest.json` itself, in which the digits of the seal are counted as zeros.
    pub seal: String,
}

impl Manifest {
    /// Hash of the content: kind, files and nothing else, so that two artefacts with the same bytes have the same hash.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Xxh3::new();
        hash.update(self.kind.name().as_bytes());
        for (name, entry) in &self.files {
            hash.update(format!("\n{name} {} {}", entry.bytes, entry.xxh3).as_bytes());
        }
        written(&hash)
    }

    /// As it is written.
    fn text(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Puts the seal in; with the text to be written.
    pub(super) fn sealed(self) -> serde_json::Result<(Self, Vec<u8>)> {
        let unsealed = Self { seal: NO_SEAL.to_owned(), ..self };
        let manifest = Self { seal: seal_of(&unsealed.text()?, NO_SEAL), ..unsealed };
        let text = manifest.text()?;
        Ok((manifest, text))
    }
}

/// Reads the manifest of an artefact; of the given kind, if one is given.
pub(super) fn read(directory: &Path, kind: Option<ArtefactKind>) -> Result<Manifest> {
    let path = directory.join(MANIFEST);
    let expected = kind.map_or("artefact", ArtefactKind::name);
    let not_an_artefact =
        |reason: &str| Error::NotAnArtefact { path: directory.to_owned(), kind: expected, reason: reason.to_owned() };
    let text = match text(&path, MAX_MANIFEST_BYTES) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(not_an_artefact("its manifest.json is over 1 MiB")),
        Err(e) if e.kind() == io::ErrorKind::NotFound && directory.is_dir() => {
            return Err(not_an_artefact("it has no manifest.json"));
        }
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Err(not_an_artefact("it is a file")),
        Err(e) => return Err(Error::io(directory)(e)),
    };
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|e| not_an_artefact(&format!("manifest.json: {e}")))?;
    // The version decides how the rest is read, so it is looked at first.
    let version = value.get("format_version").and_then(serde_json::Value::as_u64);
    let version = version.ok_or_else(|| not_an_artefact("manifest.json has no format_version"))?;
    let newest = match value.get("kind").and_then(serde_json::Value::as_str) {
        Some(kind) if kind == ArtefactKind::Kg.name() => FURTHER_TYPES_VERSION,
        _ => FORMAT_VERSION,
    };
    if !(u64::from(FORMAT_VERSION)..=u64::from(newest)).contains(&version) {
        let tool = value.get("tool_version").and_then(|v| v.as_str()).unwrap_or("unknown").chars().take(40).collect();
        let got = u32::try_from(version).unwrap_or(u32::MAX);
        return Err(Error::Version { path, expected: newest, got, tool });
    }
    let manifest: Manifest =
        serde_json::from_value(value).map_err(|e| not_an_artefact(&format!("manifest.json: {e}")))?;
    let seal = seal_of(&text, &manifest.seal);
    if seal != manifest.seal {
        return Err(Error::Corrupt { path, section: "seal".to_owned(), expected: manifest.seal, got: seal });
    }
    match kind {
        Some(kind) if kind != manifest.kind => Err(not_an_artefact(&format!("it is a {}", manifest.kind))),
        _ => Ok(manifest),
    }
}

/// Reads a configuration that is a file of its own.
pub(super) fn read_config(directory: &Path) -> Result<serde_json::Value> {
    let path = directory.join(CONFIG);
    let corrupt = |got: String| Error::Corrupt {
        path: path.clone(),
        section: "configuration".to_owned(),
        expected: format!("JSON of at most {MAX_CONFIG_BYTES} bytes"),
        got,
    };
    let text = text(&path, MAX_CONFIG_BYTES).map_err(Error::io(&path))?;
    let text = text.ok_or_else(|| corrupt("more".to_owned()))?;
    serde_json::from_slice(&text).map_err(|e| corrupt(e.to_string()))
}

/// The kind of the artefact in a directory, as its manifest says, whether or not it is whole; `None` where there is no
/// manifest of ours.
pub(super) fn kind_of(directory: &Path) -> Option<ArtefactKind> {
    #[derive(Deserialize)]
    struct Claim {
        kind: ArtefactKind,
        #[serde(rename = "format_version")]
        _version: u32,
    }
    let text = text(&directory.join(MANIFEST), MAX_MANIFEST_BYTES).ok().flatten()?;
    serde_json::from_slice::<Claim>(&text).ok().map(|claim| claim.kind)
}

/// The whole of a plain file, `None` if it is longer than `most`.
fn text(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no file", path.display())));
    }
    let mut text = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut text)?;
    Ok((text.len() as u64 <= most).then_some(text))
}

/// The seal of a manifest in which `written` stands for it: the files have their checksums there, this is its own.
fn seal_of(text: &[u8], written: &str) -> String {
    let mut hash = Xxh3::new();
    let at = text.windows(NO_SEAL.len()).rposition(|digits| digits == written.as_bytes());
    match at.and_then(|at| Some((text.get(..at)?, text.get(at + NO_SEAL.len()..)?))) {
        Some((before, after)) => [before, NO_SEAL.as_bytes(), after].iter().for_each(|part| hash.update(part)),
        None => hash.update(text),
    }
    self::written(&hash)
}

/// An XXH3-128 as it is written: in 32 hexadecimal digits.
pub(super) fn written(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}
