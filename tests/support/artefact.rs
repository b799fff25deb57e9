//! Forging artefacts: changing a file so that every checksum is right again.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

/// Hexadecimal digits of a checksum.
const DIGITS: usize = 32;

/// The manifest of an artefact.
pub(crate) fn manifest(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("manifest.json")).expect("a manifest")).expect("JSON")
}

/// Writes a manifest with a seal that fits.
pub(crate) fn write_manifest(directory: &Path, mut manifest: Value) {
    manifest["seal"] = json!("0".repeat(DIGITS));
    let text = serde_json::to_string_pretty(&manifest).expect("JSON") + "\n";
    let seal = format!("{:032x}", xxh3_128(text.as_bytes()));
    let at = text.rfind(&"0".repeat(DIGITS)).expect("the seal comes last");
    let text = [&text[..at], &seal, &text[at + DIGITS..]].concat();
    fs::write(directory.join("manifest.json"), text).expect("written");
}

/// Changes the manifest and makes its seal fit.
pub(crate) fn forge_manifest(directory: &Path, change: impl FnOnce(&mut Value)) {
    let mut manifest = manifest(directory);
    change(&mut manifest);
    write_manifest(directory, manifest);
}

/// Puts a file into an artefact and its size and checksum into the manifest.
pub(crate) fn forge(directory: &Path, name: &str, content: &[u8]) {
    fs::write(directory.join(name), content).expect("written");
    let entry = json!({ "bytes": content.len(), "xxh3": format!("{:032x}", xxh3_128(content)) });
    forge_manifest(directory, |manifest| manifest["files"][name] = entry);
}
