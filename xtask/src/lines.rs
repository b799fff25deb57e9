//! The length of lines: no line of code, comment or document has more than [`MAX`] characters.

use std::fs;
use std::path::{Path, PathBuf};

/// Most characters of a line.
pub(crate) const MAX: usize = 120;

/// Files with these endings are looked at.
const ENDINGS: [&str; 6] = ["rs", "md", "toml", "sh", "py", "yml"];
/// Folders that are not: what is built, and what a version control system keeps.
const LEFT_OUT: [&str; 2] = ["target", ".git"];
/// A folder with one of these was made by the program, by whoever tried it here.
const OF_AN_OUTPUT: [&str; 2] = ["manifest.json", "search.json"];

/// Looks at all files below a folder; an error that names file and line of each line that is too long.
pub(crate) fn check(root: &Path) -> Result<usize, String> {
    let mut files = Vec::new();
    gather(root, &mut files)?;
    files.sort();
    let mut long = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        long.extend(too_long(&text).map(|(line, length)| format!("{name}:{line}: {length} characters")));
    }
    if long.is_empty() {
        return Ok(files.len());
    }
    Err(format!("lines of more than {MAX} characters:\n{}", long.join("\n")))
}

/// Numbers and lengths of the lines that are too long.
fn too_long(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.lines()
        .map(|line| line.chars().count())
        .enumerate()
        .filter(|(_, length)| *length > MAX)
        .map(|(n, l)| (n + 1, l))
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if OF_AN_OUTPUT.iter().any(|file| folder.join(file).exists()) {
        return Ok(());
    }
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        let name = entry.file_name();
        if kind.is_dir() && !LEFT_OUT.iter().any(|left_out| name == *left_out) {
            gather(&path, files)?;
        } else if kind.is_file() && is_text(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_text(path: &Path) -> bool {
    path.ends_with(".ci/run") || path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_and_not_bytes() {
        let text = format!("{}\n{}\n\n{}", "x".repeat(MAX), "─".repeat(MAX), "─".repeat(MAX + 1));
        assert_eq!(too_long(&text).collect::<Vec<_>>(), [(4, MAX + 1)]);
    }

    #[test]
    fn files_are_chosen_by_their_endings() {
        let cases = [("a/b.rs", true), (".ci/run", true), ("x/run", false), ("data/a.tsv", false), ("README.md", true)];
        assert!(cases.iter().all(|(path, looked_at)| is_text(Path::new(path)) == *looked_at));
    }
}
