//! Text files line by line, in bounded memory.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Hands every line of a file to `take`, with its number from 1, without its end and without the mark some programs put
/// before the first.
///
/// # Errors
/// [`Error::BadFile`] with the number of a line that is longer than `most` bytes or no UTF-8;
/// [`footpath_core::Error::Io`]; what `take` says.
pub(crate) fn each(path: &Path, most: usize, mut take: impl FnMut(usize, &str) -> Result<()>) -> Result<()> {
    let io = |e| footpath_core::Error::io(path)(e);
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        // Room for the end of the line and for the mark, which do not count.
        let room = (most as u64).saturating_add(5);
        if (&mut reader).take(room).read_until(b'\n', &mut bytes).map_err(io)? == 0 {
            break;
        }
        let end = bytes.strip_suffix(b"\n").map_or(&*bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let line = if number == 1 { end.strip_prefix(b"\xef\xbb\xbf").unwrap_or(end) } else { end };
        if line.len() > most {
            return Err(bad(path, number, &format!("longer than {most} bytes")));
        }
        let line = std::str::from_utf8(line).map_err(|_| bad(path, number, "no UTF-8; save it as UTF-8"))?;
        take(number, line)?;
    }
    Ok(())
}

/// Hands two fields of every row of a table with a header, parted by tabs, to `take`, with the number of the line.
/// Which columns they are `find` says by the names; those of RecBole's files end in types, which are left out of them.
/// A field that a row lacks is empty. What `find` refuses is an error as `bad` makes it.
///
/// # Errors
/// As [`each`]; what `find` and `take` say.
pub(crate) fn pairs(
    path: &Path,
    most: usize,
    find: impl Fn(&[&str]) -> std::result::Result<[usize; 2], String>,
    bad: impl Fn(usize, &str) -> Error,
    mut take: impl FnMut(usize, [&str; 2]) -> Result<()>,
) -> Result<()> {
    let mut columns = None;
    each(path, most, |number, line| {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let Some(pair) = columns else {
            let names: Vec<&str> = fields.iter().map(|name| name.split(':').next().unwrap_or(name)).collect();
            columns = Some(find(&names).map_err(|what| bad(number, &what))?);
            return Ok(());
        };
        take(number, pair.map(|column: usize| fields.get(column).copied().unwrap_or_default()))
    })
}

/// The places of users and items among the names of columns, for [`pairs`].
pub(crate) fn user_and_item(names: &[&str]) -> std::result::Result<[usize; 2], String> {
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    let pair = place("user_id").zip(place("item_id")).map(|(user, item)| [user, item]);
    pair.ok_or_else(|| "expected a header with the columns user_id and item_id, parted by tabs".to_owned())
}

/// The text of a small file, of which no more than `most` bytes are read.
///
/// # Errors
/// [`Error::BadFile`] when it is longer, or with the line that is no UTF-8; [`footpath_core::Error::Io`].
pub(crate) fn whole(path: &Path, most: usize) -> Result<String> {
    let io = |e| footpath_core::Error::io(path)(e);
    let mut bytes = Vec::new();
    let room = (most as u64).saturating_add(1);
    File::open(path).map_err(io)?.take(room).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > most {
        return Err(Error::BadFile { path: path.to_owned(), reason: format!("longer than {most} bytes") });
    }
    String::from_utf8(bytes).map_err(|e| {
        let before = e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default();
        bad(path, 1 + before.iter().filter(|&&byte| byte == b'\n').count(), "no UTF-8; save it as UTF-8")
    })
}

/// Something wrong at a line.
pub(crate) fn bad(path: &Path, number: usize, what: &str) -> Error {
    Error::BadFile { path: path.to_owned(), reason: format!("line {number}: {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], most: usize) -> std::result::Result<Vec<(usize, String)>, String> {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), content).expect("written");
        let mut lines = Vec::new();
        let take = |number: usize, line: &str| {
            lines.push((number, line.to_owned()));
            Ok(())
        };
        each(file.path(), most, take).map(|()| lines).map_err(|e| e.to_string())
    }

    #[test]
    fn whole_files_are_bounded_and_checked() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        let read = |content: &[u8]| {
            std::fs::write(file.path(), content).expect("written");
            whole(file.path(), 4).map_err(|e| e.to_string())
        };
        assert_eq!(read(b"a\nb\n"), Ok("a\nb\n".to_owned()));
        for (content, words) in [(&b"a\nb\nc"[..], "longer than 4 bytes"), (b"a\n\xff", "line 2: no UTF-8")] {
            let error = read(content).expect_err("bad");
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn lines_are_numbered_and_bounded() {
        let line = |number: usize, text: &str| (number, text.to_owned());
        assert_eq!(read(b"", 4), Ok(vec![]));
        assert_eq!(read(b"\xef\xbb\xbfabcd\r\n\nxyz", 4), Ok(vec![line(1, "abcd"), line(2, ""), line(3, "xyz")]));
        for (content, words) in
            [(&b"ab\nabcde\n"[..], "line 2: longer than 4 bytes"), (b"a\n\xff\n", "line 2: no UTF-8")]
        {
            let error = read(content, 4).expect_err("bad");
            assert!(error.contains(words), "{error}");
        }
    }
}
