//! How much of a file is read at most, whatever it claims or unpacks to.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use crate::problem::Problem;

/// Bounds on what is read from one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes at most, after decompression.
    pub max_bytes: u64,
    /// Bytes unpacked for each byte packed at most, from the first MiB on.
    pub max_ratio: u64,
}

impl Default for Limits {
    /// 2 GiB and 200:1.
    fn default() -> Self {
        Self { max_bytes: 2 << 30, max_ratio: 200 }
    }
}

/// Bytes of one row (or one JSON value) at most: an unclosed quote must not swallow the file into memory.
const MAX_ROW_BYTES: u64 = 4 << 20;

/// Below this, a ratio says nothing.
const RATIO_FROM_BYTES: u64 = 1 << 20;

/// The bytes of a file, unpacked, within its limits.
pub(crate) struct Guarded<R: Read> {
    bytes: Packing<R>,
    limits: Limits,
    unpacked: u64,
    row_start: u64,
}

type Start<R> = Counted<Chain<Cursor<Vec<u8>>, R>>;

enum Packing<R: Read> {
    None(Start<R>),
    Gzip(MultiGzDecoder<Start<R>>),
    Zlib(ZlibDecoder<Start<R>>),
}

struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected {expected}, found {found}")]
struct LimitHit {
    expected: String,
    found: String,
    mend: String,
}

impl<R: Read> Guarded<R> {
    /// Unpacks gzip wherever it is found by its first bytes, and zlib where `zlib` says that it may occur.
    pub(crate) fn open(mut source: R, zlib: bool, limits: Limits) -> io::Result<Self> {
        let mut first = Vec::with_capacity(2);
        source.by_ref().take(2).read_to_end(&mut first)?;
        let packed = |first: Vec<u8>| Counted { inner: Cursor::new(first).chain(source), count: 0 };
        let bytes = match *first.as_slice() {
            [0x1f, 0x8b] => Packing::Gzip(MultiGzDecoder::new(packed(first))),
            [0x78, flags] if zlib && (0x7800 + u16::from(flags)).is_multiple_of(31) => {
                Packing::Zlib(ZlibDecoder::new(packed(first)))
            }
            _ => Packing::None(packed(first)),
        };
        Ok(Self { bytes, limits, unpacked: 0, row_start: 0 })
    }

    /// Says that a new row begins about here.
    pub(crate) fn start_row(&mut self) {
        self.row_start = self.unpacked;
    }

    fn check(&self) -> Result<(), LimitHit> {
        if self.unpacked > self.limits.max_bytes {
            return Err(LimitHit {
                expected: format!("at most {} bytes after decompression", self.limits.max_bytes),
                found: "more".to_owned(),
                mend: "split the file, or raise --max-bytes".to_owned(),
            });
        }
        if self.unpacked - self.row_start > MAX_ROW_BYTES {
            return Err(LimitHit {
                expected: format!("rows of at most {MAX_ROW_BYTES} bytes"),
                found: "a longer one".to_owned(),
                mend: "look for a quotation mark or a bracket that is never closed".to_owned(),
            });
        }
        let packed = match &self.bytes {
            Packing::None(_) => return Ok(()),
            Packing::Gzip(decoder) => decoder.get_ref().count,
            Packing::Zlib(decoder) => decoder.get_ref().count,
        };
        if self.unpacked > RATIO_FROM_BYTES && self.unpacked > packed.saturating_mul(self.limits.max_ratio) {
            return Err(LimitHit {
                expected: format!("at most {} bytes unpacked for each byte packed", self.limits.max_ratio),
                found: format!("{} from {packed}", self.unpacked),
                mend: "unpack the file yourself if you trust it".to_owned(),
            });
        }
        Ok(())
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.bytes {
            Packing::None(bytes) => bytes.read(buffer),
            Packing::Gzip(decoder) => decoder.read(buffer),
            Packing::Zlib(decoder) => decoder.read(buffer),
        }?;
        self.unpacked += read as u64;
        self.check().map_err(io::Error::other)?;
        Ok(read)
    }
}

/// What an input error means for the person who has the file.
pub(crate) fn problem_of_io(file: &str, error: &io::Error) -> Problem {
    if let Some(hit) = error.get_ref().and_then(|inner| inner.downcast_ref::<LimitHit>()) {
        return Problem::in_file(file, &hit.expected, &hit.found, &hit.mend);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Problem::in_file(
            file,
            "a whole file",
            "an end in the middle",
            "the file was cut off: fetch it again from its source",
        ),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Problem::in_file(
            file,
            "an undamaged compressed file",
            error.to_string(),
            "the file is damaged: fetch it again from its source",
        ),
        _ => Problem::in_file(file, "a readable file", error.to_string(), "check that the file can be read"),
    }
}
