//! Named arrays of numbers in one `.safetensors` file, read through a memory map without copying.
//!
//! ```text
//! 0        8              8+N                                  EOF
//! ├ u64 N ─┼ JSON header ─┼ arrays, little-endian, back to back ┤
//! ```
//!
//! The header names each array with its type, shape and byte range; the file can be opened by NumPy or PyTorch as well.
//! Limits: header ≤ 1 MiB; arrays must lie back to back without hole or overlap and end with the file.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::mapped;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Longest header accepted, in bytes.
pub const MAX_HEADER_BYTES: u64 = 1 << 20;

/// A number that can be stored in an array file.
pub trait Element: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + Send + Sync + 'static {
    /// Name of the type in the header.
    const DTYPE: &'static str;
}

macro_rules! element {
    ($($number:ty => $name:literal),*) => { $(impl Element for $number { const DTYPE: &'static str = $name; })* };
}
element!(u8 => "U8", u16 => "U16", u32 => "U32", u64 => "U64", i64 => "I64", f32 => "F32", f64 => "F64");

/// An immutable array, owned or borrowed from a mapped file; cheap to clone.
#[derive(Clone, Debug)]
pub struct Array<T> {
    source: Source,
    element: PhantomData<T>,
}

#[derive(Clone, Debug)]
enum Source {
    Owned(Arc<dyn Bytes>),
    Part { whole: Arc<Whole>, start: usize, end: usize },
}

/// All bytes of a file, at an address that every number may stand at.
#[derive(Debug)]
enum Whole {
    Mapped(mapped::Map),
    Read { words: Vec<u64>, len: usize },
}

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Read { words, len } => words.as_bytes().get(..*len).unwrap_or_default(),
        }
    }
}

trait Bytes: Send + Sync + std::fmt::Debug {
    fn bytes(&self) -> &[u8];
}

impl<T: Element + std::fmt::Debug> Bytes for Vec<T> {
    fn bytes(&self) -> &[u8] {
        self.as_slice().as_bytes()
    }
}

impl<T: Element> Deref for Array<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let bytes = match &self.source {
            Source::Owned(values) => values.bytes(),
            Source::Part { whole, start, end } => whole.get(*start..*end).unwrap_or_default(),
        };
        // Alignment and length were checked when the view was made; an owned vector has both by construction.
        <[T]>::ref_from_bytes(bytes).unwrap_or_default()
    }
}

impl<T: Element + std::fmt::Debug> From<Vec<T>> for Array<T> {
    fn from(values: Vec<T>) -> Self {
        Self { source: Source::Owned(Arc::new(values)), element: PhantomData }
    }
}

#[derive(serde::Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Number type, shape and byte range of an array.
type Description = (String, Vec<u64>, [u64; 2]);

/// An array file opened for reading.
#[derive(Debug)]
pub struct ArrayFile {
    path: PathBuf,
    whole: Arc<Whole>,
    data_start: usize,
    entries: BTreeMap<String, Description>,
}

impl ArrayFile {
    /// Maps a file of a published artefact and checks its header.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be mapped, [`Error::Corrupt`] when the header or the layout is wrong.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of(path, Whole::Mapped(mapped::map(path)?))
    }

    /// Reads a file that is no part of an artefact, and so may change at any time, into memory, and checks its header.
    ///
    /// # Errors
    /// As [`ArrayFile::open`]; [`Error::OutOfMemory`]; a stop.
    pub fn read(path: &Path, context: &Context) -> Result<Self> {
        Self::of(path, read(path, context)?)
    }

    fn of(path: &Path, whole: Whole) -> Result<Self> {
        let (header, data_start) = header(path, &whole)?;
        let entries = parse_header(path, header)?;
        check_layout(path, &entries, whole.len() - data_start)?;
        Ok(Self { path: path.to_owned(), whole: Arc::new(whole), data_start, entries })
    }

    /// The array called `name`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is missing or holds another type.
    pub fn array<T: Element>(&self, name: &str) -> Result<Array<T>> {
        let (dtype, _, [start, end]) = self.entry(name)?;
        if dtype != T::DTYPE {
            return Err(corrupt(&self.path, name, T::DTYPE, dtype));
        }
        let (start, end) = (self.data_start + *start as usize, self.data_start + *end as usize);
        let bytes = self.whole.get(start..end).unwrap_or_default();
        if <[T]>::ref_from_bytes(bytes).is_err() {
            return Err(corrupt(&self.path, name, "an aligned array", "a misaligned one"));
        }
        Ok(Array { source: Source::Part { whole: Arc::clone(&self.whole), start, end }, element: PhantomData })
    }

    /// Whether there is an array called `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The array called `name`, which must have `len` elements.
    ///
    /// # Errors
    /// As [`ArrayFile::array`], and [`Error::Corrupt`] for another length.
    pub fn array_of<T: Element>(&self, name: &str, len: usize) -> Result<Array<T>> {
        let array = self.array::<T>(name)?;
        if array.len() == len {
            Ok(array)
        } else {
            Err(corrupt(&self.path, name, format!("{len} elements"), format!("{} elements", array.len())))
        }
    }

    /// Checks that the file holds arrays of these names and shapes, and no others.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming the first array that is missing, surplus or of another shape.
    pub fn holds_exactly(&self, expected: &BTreeMap<String, Vec<u64>>) -> Result<()> {
        let shape = |shape: Option<&Vec<u64>>| shape.map_or("no array of this name".to_owned(), |s| format!("{s:?}"));
        for name in expected.keys().chain(self.entries.keys()) {
            let (wanted, found) = (expected.get(name), self.entries.get(name).map(|(_, shape, _)| shape));
            if wanted != found {
                return Err(corrupt(&self.path, name, shape(wanted), shape(found)));
            }
        }
        Ok(())
    }

    /// Names and shapes of all arrays.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[u64])> {
        self.entries.iter().map(|(name, (_, shape, _))| (name.as_str(), shape.as_slice()))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn entry(&self, name: &str) -> Result<&Description> {
        self.entries.get(name).ok_or_else(|| corrupt(&self.path, name, "an array of this name", "none"))
    }
}

/// Bytes read between two looks at whether to stop.
const READ_AT_ONCE: usize = 4 << 20;

/// As many bytes of a file as it says it has.
fn read(path: &Path, context: &Context) -> Result<Whole> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let bytes = file.metadata().map_err(Error::io(path))?.len();
    let no_room = || Error::OutOfMemory { bytes };
    let len = usize::try_from(bytes).map_err(|_| no_room())?;
    let mut words = Vec::new();
    words.try_reserve_exact(len.div_ceil(size_of::<u64>())).map_err(|_| no_room())?;
    words.resize(len.div_ceil(size_of::<u64>()), 0u64);
    let stage = context.stage("reading", Some(bytes), "bytes");
    let whole = words.as_mut_bytes().get_mut(..len).unwrap_or_default();
    for part in whole.chunks_mut(READ_AT_ONCE) {
        file.read_exact(part).map_err(Error::io(path))?;
        stage.advance(part.len() as u64)?;
    }
    Ok(Whole::Read { words, len })
}

fn corrupt(path: &Path, section: &str, expected: impl Into<String>, got: impl Into<String>) -> Error {
    Error::Corrupt { path: path.to_owned(), section: section.to_owned(), expected: expected.into(), got: got.into() }
}

fn header<'a>(path: &Path, map: &'a [u8]) -> Result<(&'a [u8], usize)> {
    let Some((length, rest)) = map.split_first_chunk::<8>() else {
        return Err(corrupt(path, "header", "at least 8 bytes", format!("{} bytes", map.len())));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(corrupt(path, "header", format!("at most {MAX_HEADER_BYTES} bytes"), format!("{length} bytes")));
    }
    let header = rest.get(..length as usize);
    let header = header.ok_or_else(|| corrupt(path, "header", format!("{length} bytes"), "the end of the file"))?;
    Ok((header, 8 + header.len()))
}

fn parse_header(path: &Path, header: &[u8]) -> Result<BTreeMap<String, Description>> {
    let bad = |e: serde_json::Error| corrupt(path, "header", "JSON of array descriptions", e.to_string());
    let Pairs(pairs) = serde_json::from_slice(header).map_err(bad)?;
    let mut entries = BTreeMap::new();
    for (name, value) in pairs {
        if name == "__metadata__" {
            serde_json::from_value::<BTreeMap<String, String>>(value).map_err(bad)?;
            continue;
        }
        let entry: Entry = serde_json::from_value(value).map_err(bad)?;
        if entries.insert(name.clone(), (entry.dtype, entry.shape, entry.data_offsets)).is_some() {
            return Err(corrupt(path, "header", "unique names", format!("`{name}` twice")));
        }
    }
    Ok(entries)
}

/// A JSON object with duplicate keys kept, so that they can be refused.
struct Pairs(Vec<(String, serde_json::Value)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn check_layout(path: &Path, entries: &BTreeMap<String, Description>, data_len: usize) -> Result<()> {
    let mut ranges: Vec<_> = entries.iter().map(|(name, (dtype, shape, range))| (*range, name, dtype, shape)).collect();
    ranges.sort();
    let mut position = 0u64;
    for ([start, end], name, dtype, shape) in ranges {
        let width = match dtype.as_str() {
            "U8" => 1,
            "U16" => 2,
            "U32" | "F32" => 4,
            "U64" | "I64" | "F64" => 8,
            other => return Err(corrupt(path, name, "a known number type", other)),
        };
        let bytes = shape.iter().try_fold(width, |product: u64, &dim| product.checked_mul(dim));
        if start != position || end.checked_sub(start) != bytes || bytes.is_none() {
            let expected = format!("bytes from {position}, as long as its shape says");
            return Err(corrupt(path, name, expected, format!("bytes {start} to {end}")));
        }
        position = end;
    }
    if position == data_len as u64 {
        Ok(())
    } else {
        Err(corrupt(path, "file length", format!("{position} bytes of data"), format!("{data_len} bytes")))
    }
}

/// What an array file is made of, known before any of its numbers is: so that they can be written as they come.
///
/// The header is written first, and then each array in the order of [`ArrayLayout::names`], whole.
#[derive(Clone, Debug, Default)]
pub struct ArrayLayout<'a>(Vec<(&'a str, safetensors::Dtype, Vec<usize>)>);

impl<'a> ArrayLayout<'a> {
    /// Adds a one-dimensional array of so many numbers.
    #[must_use]
    pub fn with<T: Element>(self, name: &'a str, len: usize) -> Self {
        self.with_shape::<T>(name, vec![len])
    }

    fn with_shape<T: Element>(mut self, name: &'a str, shape: Vec<usize>) -> Self {
        self.0.retain(|(known, ..)| *known != name);
        self.0.push((name, dtype::<T>(), shape));
        // Widest numbers first, so that every array is aligned.
        self.0.sort_by_key(|(name, dtype, _)| (std::cmp::Reverse(dtype.bitsize()), *name));
        self
    }

    /// The arrays in the order in which they lie in the file.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.iter().map(|(name, ..)| *name)
    }

    /// The same, with how many bytes each has.
    pub fn arrays(&self) -> impl Iterator<Item = (&'a str, u64)> + '_ {
        self.0.iter().map(|entry| (entry.0, bytes_of(entry) as u64))
    }

    /// Bytes of all arrays together.
    #[must_use]
    pub fn num_bytes(&self) -> u64 {
        self.0.iter().map(|entry| bytes_of(entry) as u64).sum()
    }

    /// What stands before the first array.
    ///
    /// # Errors
    /// Of a header that is no JSON, which would be a defect.
    pub fn header(&self) -> std::io::Result<Vec<u8>> {
        let mut header = serde_json::Map::new();
        header.insert("__metadata__".into(), serde_json::json!({ "format": "pt" }));
        let mut position = 0usize;
        for entry in &self.0 {
            let (name, dtype, shape) = entry;
            let end = position + bytes_of(entry);
            let described =
                serde_json::json!({ "dtype": dtype.to_string(), "shape": shape, "data_offsets": [position, end] });
            header.insert((*name).to_owned(), described);
            position = end;
        }
        let mut header = serde_json::to_vec(&header)?;
        header.resize(header.len().next_multiple_of(8), b' ');
        Ok([&(header.len() as u64).to_le_bytes()[..], &header].concat())
    }
}

fn bytes_of((_, dtype, shape): &(&str, safetensors::Dtype, Vec<usize>)) -> usize {
    shape.iter().product::<usize>() * (dtype.bitsize() / 8)
}

fn dtype<T: Element>() -> safetensors::Dtype {
    match T::DTYPE {
        "U8" => safetensors::Dtype::U8,
        "U16" => safetensors::Dtype::U16,
        "U32" => safetensors::Dtype::U32,
        "U64" => safetensors::Dtype::U64,
        "I64" => safetensors::Dtype::I64,
        "F64" => safetensors::Dtype::F64,
        _ => safetensors::Dtype::F32,
    }
}

/// Collects arrays and writes them as one file.
#[derive(Default)]
pub struct ArrayWriter<'a> {
    layout: ArrayLayout<'a>,
    arrays: BTreeMap<&'a str, &'a [u8]>,
}

impl<'a> ArrayWriter<'a> {
    /// Adds a one-dimensional array.
    #[must_use]
    pub fn with<T: Element>(self, name: &'a str, values: &'a [T]) -> Self {
        self.with_shape(name, vec![values.len()], values)
    }

    /// Adds an array of any shape; the product of `shape` must be the number of values.
    #[must_use]
    pub fn with_shape<T: Element>(mut self, name: &'a str, shape: Vec<usize>, values: &'a [T]) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        self.layout = self.layout.with_shape::<T>(name, shape);
        self.arrays.insert(name, values.as_bytes());
        self
    }

    /// Writes the file: widest numbers first, so that every array is aligned.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        out.write_all(&self.layout.header()?)?;
        self.layout.names().filter_map(|name| self.arrays.get(name)).try_for_each(|bytes| out.write_all(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("temporary file");
        file.write_all(bytes).expect("written");
        file
    }

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        let writer = ArrayWriter::default().with("a", &[1u8, 2, 3]).with("b", &[7u64, 8]).with("c", &[0.5f32]);
        writer.write(&mut bytes).expect("written");
        bytes
    }

    #[test]
    fn what_was_written_is_read_back() {
        let file = file(&sample());
        let arrays = ArrayFile::open(file.path()).expect("valid");
        assert_eq!(&*arrays.array::<u8>("a").expect("a"), &[1, 2, 3]);
        assert_eq!(&*arrays.array::<u64>("b").expect("b"), &[7, 8]);
        assert_eq!(&*arrays.array::<f32>("c").expect("c"), &[0.5]);
        assert!(arrays.array::<u32>("a").is_err(), "another type is refused");
        assert!(arrays.array::<u8>("z").is_err(), "a missing array is refused");
        let shapes = |shapes: &[(&str, u64)]| shapes.iter().map(|&(name, len)| (name.to_owned(), vec![len])).collect();
        arrays.holds_exactly(&shapes(&[("a", 3), ("b", 2), ("c", 1)])).expect("these and no others");
        let others =
            [&[("a", 3), ("b", 2)][..], &[("a", 3), ("b", 2), ("c", 1), ("d", 1)], &[("a", 4), ("b", 2), ("c", 1)]];
        assert!(others.iter().all(|other| arrays.holds_exactly(&shapes(other)).is_err()));
        safetensors::SafeTensors::deserialize(&sample()).expect("the reference reader accepts the file");
    }

    #[test]
    fn what_is_read_is_what_is_mapped() {
        let file = file(&sample());
        let read = ArrayFile::read(file.path(), &Context::default()).expect("valid");
        let mapped = ArrayFile::open(file.path()).expect("valid");
        assert_eq!(&*read.array::<u8>("a").expect("a"), &*mapped.array::<u8>("a").expect("a"));
        let array = read.array::<u64>("b").expect("b");
        // Nothing that is done to the file matters any more.
        file.as_file().set_len(0).expect("cut short");
        assert_eq!(&*array, &[7, 8]);
        let stopped = Context::default();
        stopped.stop().request();
        file.as_file().set_len(100).expect("longer");
        assert!(ArrayFile::read(file.path(), &stopped).expect_err("asked for the end").is_stop());
    }

    #[test]
    fn every_truncation_and_every_extension_is_refused() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(ArrayFile::open(file(&bytes[..length]).path()).is_err(), "cut at {length}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(ArrayFile::open(file(&longer).path()).is_err());
    }

    #[test]
    fn bad_headers_are_refused() {
        let entry = |range: &str| format!(r#"{{"dtype":"U8","shape":[1],"data_offsets":{range}}}"#);
        let headers = [
            format!(r#"{{"a":{},"a":{}}}"#, entry("[0,1]"), entry("[0,1]")),
            format!(r#"{{"a":{},"b":{}}}"#, entry("[0,1]"), entry("[0,1]")),
            format!(r#"{{"a":{}}}"#, entry("[1,2]")),
            format!(r#"{{"a":{}}}"#, entry("[1,0]")),
            r#"{"a":{"dtype":"U9","shape":[1],"data_offsets":[0,1]}}"#.to_owned(),
            r#"{"a":{"dtype":"U8","shape":[18446744073709551615,2],"data_offsets":[0,1]}}"#.to_owned(),
            r#"{"__metadata__":{"a":1}}"#.to_owned(),
            "[".repeat(100_000),
            "not json".to_owned(),
        ];
        for header in headers {
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.push(0);
            assert!(ArrayFile::open(file(&bytes).path()).is_err(), "{}", &header[..header.len().min(80)]);
        }
        assert!(ArrayFile::open(file(&u64::MAX.to_le_bytes()).path()).is_err(), "header length 2^64-1");
    }
}
