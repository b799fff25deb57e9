//! The bytes of an input file: plain, gzip, zstd, bzip2 or xz, told apart by their first bytes, within limits.
//!
//! Input files are never memory-mapped: one that shrinks while it is read must give an error, not a signal.

use super::problems::Flaw;
use crate::error::{Error, Result};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

/// Most bytes that one compressed byte may expand to, over a whole file.
pub const MAX_EXPANSION: u64 = 200;
/// Bytes a compressed file may always expand to, so that short files of repetitive lines pass.
pub const FREE_EXPANSION_BYTES: u64 = 64 << 10;
const BUFFER_BYTES: usize = 64 << 10;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Packing {
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::Plain,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// What to tell where the file name says otherwise.
    pub(super) fn misnamed(self, path: &Path) -> Option<&'static str> {
        let named = match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            Some("bz2") => Self::Bzip2,
            Some("xz") => Self::Xz,
            _ => Self::Plain,
        };
        (self != named).then_some(match self {
            Self::Plain => "named as if packed, but is plain; read as plain",
            Self::Gzip => "is gzip, but not named .gz; unpacked",
            Self::Zstd => "is zstd, but not named .zst; unpacked",
            Self::Bzip2 => "is bzip2, but not named .bz2; unpacked",
            Self::Xz => "is xz, but not named .xz; unpacked",
        })
    }
}

/// Unpacked bytes that may still be read, over all files of an import.
pub(super) type Budget = Rc<Cell<u64>>;

/// An open input file.
pub(super) struct Source {
    reader: Box<dyn BufRead>,
    consumed: Rc<Cell<u64>>,
    pub(super) packing: Packing,
}

impl Source {
    pub(super) fn open(path: &Path, budget: Budget) -> Result<Self> {
        let file = File::open(path).map_err(footpath_core::Error::io(path))?;
        let consumed = Rc::new(Cell::new(0));
        let mut packed = Counted { inner: BufReader::with_capacity(BUFFER_BYTES, file), consumed: consumed.clone() };
        let packing = Packing::of(packed.fill_buf().map_err(footpath_core::Error::io(path))?);
        let unpacked: Box<dyn Read> = match packing {
            Packing::Plain => Box::new(packed),
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Packing::Zstd => Box::new(zstd::Decoder::with_buffer(packed).map_err(footpath_core::Error::io(path))?),
            Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
            Packing::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(packed)),
        };
        let guarded = Guarded { inner: unpacked, packing, consumed: consumed.clone(), produced: 0, budget };
        let reader = Box::new(BufReader::with_capacity(BUFFER_BYTES, guarded));
        Ok(Self { reader, consumed, packing })
    }

    /// No bytes.
    pub(super) fn nothing() -> Self {
        Self { reader: Box::new(io::empty()), consumed: Rc::new(Cell::new(0)), packing: Packing::Plain }
    }

    /// The first unpacked bytes, not consumed.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    /// Appends bytes up to and including the next line feed, at most `limit` of them; 0 at the end.
    pub(super) fn read_line(&mut self, limit: usize, line: &mut Vec<u8>) -> io::Result<usize> {
        (&mut self.reader).take(limit as u64).read_until(b'\n', line)
    }

    /// Bytes of the file on disk used so far.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// What a failed read means: a limit, damaged packing, or trouble with the disk.
    pub(super) fn explain(&self, path: &Path, error: io::Error) -> std::result::Result<Flaw, Error> {
        if let Some(TooLarge(message)) = error.get_ref().and_then(|e| e.downcast_ref()) {
            return Ok(Flaw::fatal("expansion", message.clone()));
        }
        if self.packing == Packing::Plain || error.raw_os_error().is_some() {
            return Err(footpath_core::Error::Io { path: path.to_owned(), source: error }.into());
        }
        let kind = self.packing.kind();
        Ok(Flaw::fatal(kind, format!("the {kind} data is damaged or cut short ({error}); fetch the file again")))
    }
}

/// Counts what is taken out of the file.
struct Counted<R> {
    inner: R,
    consumed: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let num_read = self.inner.read(buffer)?;
        self.consumed.set(self.consumed.get() + num_read as u64);
        Ok(num_read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.consumed.set(self.consumed.get() + amount as u64);
        self.inner.consume(amount);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct TooLarge(String);

/// Stops unpacking at the limits.
struct Guarded {
    inner: Box<dyn Read>,
    packing: Packing,
    consumed: Rc<Cell<u64>>,
    produced: u64,
    budget: Budget,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let num_read = self.inner.read(buffer)?;
        self.produced += num_read as u64;
        let allowed = self.consumed.get().saturating_mul(MAX_EXPANSION).saturating_add(FREE_EXPANSION_BYTES);
        if self.packing != Packing::Plain && self.produced > allowed {
            let message =
                format!("unpacks to more than {MAX_EXPANSION} times its size; unpack it yourself if this is right");
            return Err(io::Error::other(TooLarge(message)));
        }
        let Some(left) = self.budget.get().checked_sub(num_read as u64) else {
            let message =
                "the input is larger than the limit on all files together; raise it with option `max_bytes`".to_owned();
            return Err(io::Error::other(TooLarge(message)));
        };
        self.budget.set(left);
        Ok(num_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("packed");
        encoder.finish().expect("packed")
    }

    /// All unpacked bytes, or the kind of the flaw.
    fn read(bytes: &[u8], budget: u64) -> std::result::Result<Vec<u8>, &'static str> {
        let mut file = tempfile::NamedTempFile::new().expect("temporary file");
        file.write_all(bytes).expect("written");
        let mut source = Source::open(file.path(), Rc::new(Cell::new(budget))).expect("opens");
        let mut all = Vec::new();
        loop {
            match source.read_line(1 << 20, &mut all) {
                Ok(0) => return Ok(all),
                Ok(_) => {}
                Err(error) => return Err(source.explain(file.path(), error).expect("a flaw, not an I/O error").kind),
            }
        }
    }

    #[test]
    fn plain_gzip_and_zstd_give_the_same_bytes() {
        let text = b"one\ntwo\nthree".as_slice();
        let members = [gzip(b"one\nt"), gzip(b"wo\nthree")].concat();
        let zstd = zstd::encode_all(text, 3).expect("packed");
        for packed in [text, &gzip(text), &members, &zstd] {
            assert_eq!(read(packed, 1 << 20).as_deref(), Ok(text));
        }
    }

    /// `bzip2` and `xz` of the text, by the programs of these names.
    #[test]
    fn bzip2_and_xz_are_unpacked_and_damage_is_named() {
        let text = b"some text\n".repeat(50);
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        bzip2.write_all(&text).expect("packed");
        let bzip2 = bzip2.finish().expect("packed");
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
        xz.write_all(&text).expect("packed");
        let xz = xz.finish().expect("packed");
        for (packed, kind) in [(&bzip2, "bzip2"), (&xz, "xz")] {
            assert_eq!(read(packed, 1 << 20).as_deref(), Ok(text.as_slice()), "{kind}");
            for cut in [packed.len() / 2, packed.len() - 1] {
                assert_eq!(read(&packed[..cut], 1 << 20), Err(kind), "cut at {cut}");
            }
            let bomb_free = read(&[packed.as_slice(), packed].concat(), 1 << 20);
            assert_eq!(bomb_free.map(|all| all.len()), Ok(2 * text.len()), "{kind} of two members");
        }
    }

    #[test]
    fn damaged_packing_is_named() {
        let good = gzip(&b"some text\n".repeat(100));
        for cut in 2..good.len() {
            assert_eq!(read(&good[..cut], 1 << 20), Err("gzip"), "cut at {cut}");
        }
        for at in good.len() - 8..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(read(&bad, 1 << 20), Err("gzip"), "trailer byte {at}");
        }
        for garbage in [b"x".as_slice(), b"garbage after the trailer"] {
            assert_eq!(read(&[&good, garbage].concat(), 1 << 20), Err("gzip"));
        }
        let zstd = zstd::encode_all(b"some text\n".repeat(100).as_slice(), 3).expect("packed");
        assert_eq!(read(&zstd[..zstd.len() - 3], 1 << 20), Err("zstd"));
    }

    #[test]
    fn bombs_stop_at_the_ratio_and_everything_at_the_budget() {
        let bomb = vec![b'\n'; 64 << 20];
        assert_eq!(read(&gzip(&bomb), u64::MAX), Err("expansion"));
        assert_eq!(read(&zstd::encode_all(bomb.as_slice(), 3).expect("packed"), u64::MAX), Err("expansion"));
        assert_eq!(read(b"0123456789", 10).as_deref(), Ok(b"0123456789".as_slice()));
        assert_eq!(read(b"0123456789x", 10), Err("expansion"));
    }
}
