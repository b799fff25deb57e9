//! Vectors that tokens start with, from a file in the text form of word2vec.
//!
//! ```text
//! 2 64                              a header, which may be missing
//! entity:stanley-kubrick 0.1 -0.7 … a name as in all output, then the numbers of its vector
//! ```
//!
//! The numbers are the last fields of a line, so a name may have blanks. Names that are not there keep their random
//! start.

use crate::error::{Error, Result};
use crate::text::lines::{self, bad};
use crate::text::words;
use footpath_graph::TrainKg;
use footpath_model::embeddings::Table;
use std::collections::BTreeSet;
use std::path::Path;

/// Longest line, in bytes: room for the widest model.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Puts the vectors of a file into the rows of a table.
///
/// # Errors
/// [`Error::BadFile`] naming the line: a name that the graph does not have or that came before, another width than the
/// table's, a number that is none.
pub(crate) fn start_with(path: &Path, kg: &TrainKg, table: &mut Table) -> Result<()> {
    let mut named = BTreeSet::new();
    let width = table.width();
    lines::each(path, MAX_LINE_BYTES, |number, line| {
        if line.trim().is_empty() || number == 1 && is_header(path, line, width)? {
            return Ok(());
        }
        let (name, vector) = parse(line, width).map_err(|what| bad(path, number, &what))?;
        let token = words::token(kg, name);
        let token =
            token.ok_or_else(|| bad(path, number, &format!("the graph has no node or relation `{}`", short(name))))?;
        if !named.insert(token) {
            return Err(bad(path, number, &format!("`{}` has a vector already", short(name))));
        }
        let start = token.0 as usize * width;
        if let Some(row) = table.values.get_mut(start..start + width) {
            row.copy_from_slice(&vector);
        }
        Ok(())
    })?;
    if named.is_empty() {
        return Err(Error::BadFile { path: path.to_owned(), reason: "no vector in it".to_owned() });
    }
    Ok(())
}

/// Whether a first line is `number of vectors, width`; the width must then be that of the table.
fn is_header(path: &Path, line: &str, width: usize) -> Result<bool> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [count, stated] = fields.as_slice() else { return Ok(false) };
    match (count.parse::<u64>(), stated.parse::<u64>()) {
        (Ok(_), Ok(stated)) if stated == width as u64 => Ok(true),
        (Ok(_), Ok(stated)) => Err(bad(path, 1, &format!("vectors of {stated} numbers, the model has {width}"))),
        _ => Ok(false),
    }
}

/// A name, and as many numbers as a vector has.
fn parse(line: &str, width: usize) -> std::result::Result<(&str, Vec<f32>), String> {
    let mut rest = line.trim_end();
    let mut vector = Vec::with_capacity(width);
    for _ in 0..width {
        let Some((before, field)) = rest.rsplit_once([' ', '\t']) else {
            return Err(format!("{} numbers after the name, the model has {width}", vector.len()));
        };
        let number = field.parse::<f32>().ok().filter(|number| number.is_finite());
        vector.push(number.ok_or_else(|| format!("`{}` is no number; the model has {width}", short(field)))?);
        rest = before.trim_end();
    }
    vector.reverse();
    match rest.trim_start() {
        "" => Err("no name before the numbers".to_owned()),
        name => Ok((name, vector)),
    }
}

/// At most 200 bytes of what the file says.
fn short(text: &str) -> &str {
    let end = (0..=text.len().min(200)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::{Dataset, build::build};

    fn graph() -> TrainKg {
        let mut data = Dataset::default();
        data.interact("jane doe", "x");
        data.link("x", "film-x");
        data.fact("film-x", "by", "bob");
        build(data).and_then(|built| built.train_kg()).expect("a graph")
    }

    fn read(content: &str) -> std::result::Result<Table, String> {
        let kg = graph();
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), content).expect("written");
        let mut table = Table::from_values(vec![9.0; kg.vocabulary().len() * 2], 2);
        start_with(file.path(), &kg, &mut table).map(|()| table).map_err(|e| e.to_string())
    }

    #[test]
    fn named_rows_are_replaced_and_others_stay() {
        let kg = graph();
        for header in ["", "3 2\n"] {
            let table = read(&format!("{header}user:jane doe 1 -2\n\n~by 0.5\t1e-3 \nitem:x 3 4\n")).expect("vectors");
            for (token, row) in (0u32..).zip(table.values.chunks(2)) {
                let is = |name: &str| words::token(&kg, name).expect("a token").0 == token;
                let expected = match () {
                    () if is("user:jane doe") => [1.0, -2.0],
                    () if is("~by") => [0.5, 1e-3],
                    () if is("item:x") => [3.0, 4.0],
                    () => [9.0, 9.0],
                };
                assert_eq!(row, expected, "token {token}");
            }
        }
    }

    #[test]
    fn bad_lines_are_named() {
        for (content, words) in [
            ("item:x 1 2\nitem:y 1 2\n", "line 2: the graph has no node or relation `item:y`"),
            ("item:x 1 2\nitem:x 1 2\n", "line 2: `item:x` has a vector already"),
            ("1 3\nitem:x 1 2 3\n", "line 1: vectors of 3 numbers, the model has 2"),
            ("item:x 1\n", "line 1: 1 numbers after the name"),
            ("item:x 1 nan\n", "line 1: `nan` is no number"),
            ("item:x 1 two\n", "line 1: `two` is no number"),
            ("item:x 1 2 3\n", "line 1: the graph has no node or relation `item:x 1`"),
            ("item:x 1 2\n 3 4\n", "line 2: no name before the numbers"),
            ("", "no vector in it"),
        ] {
            let error = read(content).expect_err("bad");
            assert!(error.contains(words), "{content:?}: {error}");
        }
    }
}
