//! The messages of a file of Arrow's IPC, each checked before the library decodes it.
//!
//! The library takes lengths at their word: it asks for the memory that a message claims, and panics at buffers that
//! leave their message (arrow-ipc 59.3). So nothing reaches it that claims more than the file holds, and where it
//! still panics the file is refused like others that are damaged.
//!
//! A file has a footer that says where each message is; a stream is messages one after the other, of which the first is
//! the schema (<https://arrow.apache.org/docs/format/Columnar.html>).

use super::super::problems::Flaw;
use super::super::source::MAX_EXPANSION;
use crate::error::show;
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::{
    Block, CompressionType, Endianness, Message, MessageHeader, MetadataVersion, RecordBatch as BatchHeader,
    root_as_footer, root_as_message,
};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use footpath_core::caught;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// How a file begins and ends that is no stream.
const MAGIC: &[u8] = b"ARROW1";
/// How the first version of Feather begins, which is another format.
const FEATHER_1: &[u8] = b"FEA1";
/// Bytes of a file after its footer: the length of the footer and the mark.
const AFTER_FOOTER_BYTES: usize = 10;
/// What stands before the length of a message since Arrow 0.15.
const CONTINUATION: u32 = u32::MAX;
/// Bytes before the metadata of a message.
const PREFIX_BYTES: usize = 8;
/// Bytes before a packed buffer that say its unpacked length.
const LENGTH_BYTES: usize = 8;
/// Most rows of a batch. Their number times the width of any value is far from overflowing.
const MAX_ROWS: i64 = u32::MAX as i64;
/// Bytes that a file may unpack to whatever its size, as columns of one value pack well. Beyond that the limit of other
/// packed files holds, [`MAX_EXPANSION`].
const FREE_EXPANSION_BYTES: u64 = 64 << 20;
/// Most bytes that one batch may unpack to.
const MAX_UNPACKED_BYTES: u64 = 4 << 30;

/// Why a file is refused.
pub(super) enum Damage {
    /// It is damaged, or cut short.
    Broken(String),
    /// It is sound, and not read nevertheless.
    Refused(Flaw),
}

impl Damage {
    pub(super) fn flaw(self) -> Flaw {
        match self {
            Self::Broken(why) => {
                let why = show(why.as_bytes());
                Flaw::fatal("arrow", format!("the Arrow file is damaged or cut short ({why})"))
            }
            Self::Refused(flaw) => flaw,
        }
    }
}

impl From<ArrowError> for Damage {
    fn from(error: ArrowError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<std::io::Error> for Damage {
    fn from(error: std::io::Error) -> Self {
        Self::Refused(Flaw::fatal("io", error.to_string()))
    }
}

fn broken<T>(why: impl Into<String>) -> Result<T, Damage> {
    Err(Damage::Broken(why.into()))
}

/// What the library gives; damage where it panics.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, Damage> {
    match caught(read) {
        Ok(read) => Ok(read?),
        Err(panic) => broken(panic),
    }
}

/// The batches of a file that are still to come.
pub(super) struct Messages {
    file: BufReader<File>,
    num_bytes: u64,
    /// How far it was read; dictionaries may stand behind batches that need them.
    num_read: u64,
    /// Where the messages end, and how many bytes before that were not read yet.
    end: u64,
    num_left: u64,
    /// Where the messages are that are still to come, dictionaries first; none for a stream.
    places: Option<VecDeque<u64>>,
    schema: SchemaRef,
    /// The columns that are decoded.
    columns: Vec<usize>,
    decoder: FileDecoder,
    /// Bytes that may still be unpacked.
    num_unpackable: u64,
}

impl Messages {
    /// Opens a file. Columns of types that are not `wanted` are skipped.
    pub(super) fn open(path: &Path, wanted: fn(&DataType) -> bool) -> Result<Self, Damage> {
        let mut file = BufReader::new(File::open(path)?);
        let num_bytes = file.get_ref().metadata()?.len();
        let mut start = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
        if start.starts_with(FEATHER_1) {
            let why = "Feather version 1, an older format; write the table as version 2, which is Arrow's IPC";
            return Err(Damage::Refused(Flaw::fatal("arrow", why)));
        }
        if start == MAGIC {
            let (end, bytes) = footer(&mut file, num_bytes)?;
            let footer = root_as_footer(&bytes).or_else(|error| broken(error.to_string()))?;
            let Some(schema) = footer.schema() else { return broken("no schema") };
            let mut messages = Self::of(file, num_bytes, schema, footer.version(), wanted)?;
            let blocks = [footer.dictionaries(), footer.recordBatches()];
            let places = blocks.map(|blocks| places(blocks.into_iter().flatten(), end));
            messages.places = Some(places.into_iter().collect::<Result<Vec<_>, _>>()?.concat().into());
            messages.end = end;
            return Ok(messages);
        }
        file.rewind()?;
        let mut num_left = num_bytes;
        let Some(first) = Envelope::read(&mut file, &mut num_left)? else { return broken("no messages") };
        let message = first.message()?;
        let Some(schema) = message.header_as_schema() else { return broken("the first message is no schema") };
        Ok(Self { num_left, ..Self::of(file, num_bytes, schema, message.version(), wanted)? })
    }

    /// A stream of which nothing was read.
    fn of(
        file: BufReader<File>,
        num_bytes: u64,
        schema: arrow_ipc::Schema<'_>,
        version: MetadataVersion,
        wanted: fn(&DataType) -> bool,
    ) -> Result<Self, Damage> {
        if schema.endianness() != Endianness::Little {
            let why = "written on a big-endian machine; write it anew on another";
            return Err(Damage::Refused(Flaw::fatal("arrow", why)));
        }
        let schema = Arc::new(guarded(|| Ok(arrow_ipc::convert::fb_to_schema(schema)))?);
        let is_wanted = |&column: &usize| schema.fields().get(column).is_some_and(|field| wanted(field.data_type()));
        let columns: Vec<usize> = (0..schema.fields().len()).filter(is_wanted).collect();
        let decoder = FileDecoder::new(schema.clone(), version).with_projection(columns.clone());
        let num_unpackable = num_bytes.saturating_mul(MAX_EXPANSION).saturating_add(FREE_EXPANSION_BYTES);
        let (num_read, end, num_left, places) = (0, num_bytes, num_bytes, None);
        Ok(Self { file, num_bytes, num_read, end, num_left, places, schema, columns, decoder, num_unpackable })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The columns of the schema that batches have.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// How many bytes were read, and of how many.
    pub(super) fn share(&self) -> (u64, u64) {
        (self.num_read, self.num_bytes.max(1))
    }

    /// The next batch, or none at the end.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, Damage> {
        while let Some(envelope) = self.next_envelope()? {
            self.num_read = self.num_read.max(self.num_bytes.saturating_sub(self.num_left));
            let message = envelope.message()?;
            let unpackable = self.num_unpackable;
            match message.header_type() {
                MessageHeader::RecordBatch => {
                    let Some(header) = message.header_as_record_batch() else {
                        return broken("a batch without header");
                    };
                    self.num_unpackable -= check(&header, envelope.body(), unpackable)?;
                    let (block, decoder) = (envelope.block()?, &self.decoder);
                    let bytes = envelope.bytes.into();
                    return guarded(|| decoder.read_record_batch(&block, &bytes));
                }
                MessageHeader::DictionaryBatch => {
                    let header = message.header_as_dictionary_batch().and_then(|header| header.data());
                    let Some(header) = header else { return broken("a dictionary without values") };
                    self.num_unpackable -= check(&header, envelope.body(), unpackable)?;
                    let (block, decoder) = (envelope.block()?, &mut self.decoder);
                    let bytes = envelope.bytes.into();
                    guarded(|| decoder.read_dictionary(&block, &bytes))?;
                }
                other => return broken(format!("a message of the kind {other:?} among the batches")),
            }
        }
        self.num_read = self.num_bytes;
        Ok(None)
    }

    fn next_envelope(&mut self) -> Result<Option<Envelope>, Damage> {
        let Some(places) = &mut self.places else { return Envelope::read(&mut self.file, &mut self.num_left) };
        let Some(place) = places.pop_front() else { return Ok(None) };
        self.file.seek(SeekFrom::Start(place))?;
        self.num_left = self.end.saturating_sub(place);
        match Envelope::read(&mut self.file, &mut self.num_left)? {
            Some(envelope) => Ok(Some(envelope)),
            None => broken("no message where the footer says one is"),
        }
    }
}

/// Where the footer of a file begins, and its bytes.
fn footer(file: &mut BufReader<File>, num_bytes: u64) -> Result<(u64, Vec<u8>), Damage> {
    let Some(end) = num_bytes.checked_sub(AFTER_FOOTER_BYTES as u64) else { return broken("no footer") };
    let mut tail = [0; AFTER_FOOTER_BYTES];
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut tail)?;
    let length = read_footer_length(tail)? as u64;
    let Some(at) = end.checked_sub(length) else { return broken("the footer is longer than the file") };
    let (mut bytes, mut num_left) = (Vec::new(), length);
    file.seek(SeekFrom::Start(at))?;
    append(file, &mut num_left, length, &mut bytes)?;
    Ok((at, bytes))
}

/// Where the messages of a footer begin: each before the end and after the one before it, so that none is read twice.
fn places<'a>(blocks: impl Iterator<Item = &'a Block>, end: u64) -> Result<Vec<u64>, Damage> {
    let place = |block: &Block| u64::try_from(block.offset()).ok().filter(|place| *place < end);
    match blocks.map(place).collect::<Option<Vec<u64>>>() {
        Some(places) if places.is_sorted_by(|a, b| a < b) => Ok(places),
        _ => broken("a footer whose messages are not where they can be"),
    }
}

/// A message as it stands in a file: a mark and a length, metadata, and a body.
struct Envelope {
    bytes: Vec<u8>,
    body_at: usize,
}

impl Envelope {
    /// Reads the next one of the bytes that are left; none at the end of the stream.
    fn read(file: &mut BufReader<File>, num_left: &mut u64) -> Result<Option<Self>, Damage> {
        if *num_left == 0 {
            return Ok(None);
        }
        let mut length = word(file, num_left)?;
        if length == CONTINUATION {
            length = word(file, num_left)?;
        }
        if length == 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; PREFIX_BYTES];
        append(file, num_left, u64::from(length), &mut bytes)?;
        let body_at = bytes.len();
        let mut envelope = Self { bytes, body_at };
        let body_length = u64::try_from(envelope.message()?.bodyLength());
        let Ok(body_length) = body_length else { return broken("a message of negative length") };
        append(file, num_left, body_length, &mut envelope.bytes)?;
        let metadata_length = length.to_le_bytes();
        let prefix = CONTINUATION.to_le_bytes().into_iter().chain(metadata_length);
        envelope.bytes.iter_mut().zip(prefix).for_each(|(to, from)| *to = from);
        Ok(Some(envelope))
    }

    fn message(&self) -> Result<Message<'_>, Damage> {
        let metadata = self.bytes.get(PREFIX_BYTES..self.body_at).unwrap_or_default();
        root_as_message(metadata).or_else(|error| broken(error.to_string()))
    }

    fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }

    /// What the decoder asks of a message: where its body begins.
    fn block(&self) -> Result<Block, Damage> {
        let lengths = i32::try_from(self.body_at).ok().zip(i64::try_from(self.body().len()).ok());
        let Some((metadata, body)) = lengths else { return broken("metadata of more than 2 GiB") };
        Ok(Block::new(0, metadata, body))
    }
}

fn word(file: &mut BufReader<File>, num_left: &mut u64) -> Result<u32, Damage> {
    let mut word = Vec::new();
    append(file, num_left, 4, &mut word)?;
    Ok(word.try_into().map_or(0, u32::from_le_bytes))
}

/// Appends the next bytes of a file, if so many are left.
fn append(file: &mut BufReader<File>, num_left: &mut u64, length: u64, out: &mut Vec<u8>) -> Result<(), Damage> {
    let Some(left) = num_left.checked_sub(length) else {
        return broken(format!("a message of {length} bytes, and only {num_left} are left"));
    };
    let before = out.len();
    out.reserve_exact(usize::try_from(length).unwrap_or(usize::MAX));
    file.take(length).read_to_end(out)?;
    if (out.len() - before) as u64 != length {
        return broken("the file became shorter while it was read");
    }
    *num_left = left;
    Ok(())
}

/// Checks the lengths in the header of a batch, so that decoding it stays within its body and within the bytes that may
/// be unpacked; gives how many are.
fn check(header: &BatchHeader<'_>, body: &[u8], unpackable: u64) -> Result<u64, Damage> {
    let is_length = |length: i64| (0..=MAX_ROWS).contains(&length);
    if !is_length(header.length()) {
        return broken(format!("a batch of {} rows", header.length()));
    }
    for node in header.nodes().into_iter().flatten() {
        let (length, num_nulls) = (node.length(), node.null_count());
        if !is_length(length) || !(0..=length).contains(&num_nulls) {
            return broken(format!("a column of {length} values and {num_nulls} nulls"));
        }
    }
    let is_packed = header.compression().is_some();
    let is_lz4 = header.compression().is_some_and(|compression| compression.codec() == CompressionType::LZ4_FRAME);
    let mut num_unpacked = 0_u64;
    for buffer in header.buffers().into_iter().flatten() {
        let range = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
        let range = range.and_then(|(at, length)| Some(at..at.checked_add(length)?));
        let Some(bytes) = range.and_then(|range| body.get(range)) else {
            return broken("a buffer outside its message");
        };
        if is_packed {
            num_unpacked = num_unpacked.saturating_add(unpacked_length(bytes, is_lz4)?);
        }
    }
    if num_unpacked > unpackable.min(MAX_UNPACKED_BYTES) {
        let why = format!(
            "unpacks to more than {MAX_EXPANSION} times its size, or a batch to more than {MAX_UNPACKED_BYTES} bytes; \
             write it without compression if this is right"
        );
        return Err(Damage::Refused(Flaw::fatal("expansion", why)));
    }
    Ok(num_unpacked)
}

/// The bytes that a packed buffer says it unpacks to; 0 for one that is not packed after all.
fn unpacked_length(buffer: &[u8], is_lz4: bool) -> Result<u64, Damage> {
    /// Most bytes that one byte of LZ4 unpacks to, and the bytes of its frame.
    const MAX_LZ4_EXPANSION: u64 = 255;
    const LZ4_FRAME_BYTES: u64 = 64;
    let Some((length, packed)) = buffer.split_first_chunk::<LENGTH_BYTES>() else {
        return if buffer.is_empty() { Ok(0) } else { broken("a packed buffer without its length") };
    };
    let length = match i64::from_le_bytes(*length) {
        -1 => return Ok(0),
        length => u64::try_from(length),
    };
    let Ok(length) = length else { return broken("a packed buffer of negative length") };
    let most = (packed.len() as u64 + LZ4_FRAME_BYTES).saturating_mul(MAX_LZ4_EXPANSION);
    if is_lz4 && length > most {
        return broken(format!("a packed buffer of {length} bytes in {}", packed.len()));
    }
    Ok(length)
}
