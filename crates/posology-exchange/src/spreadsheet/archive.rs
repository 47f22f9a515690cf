//! The parts of a workbook's file (ZIP, APPNOTE 6.3): found by its directory, unpacked within limits, checked by sum.

use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::limits::Limits;
use crate::problem::{Problem, quoted};

/// Bytes of all parts of a workbook at most, whatever the limits of a file are: they are held in memory.
const MOST_BYTES: u64 = 256 << 20;
/// Parts at most.
const MOST_PARTS: usize = 10_000;
/// Below this, a ratio says nothing.
const RATIO_FROM_BYTES: u64 = 1 << 20;

const END_OF_DIRECTORY: u32 = 0x0605_4b50;
const IN_DIRECTORY: u32 = 0x0201_4b50;
const BEFORE_PART: u32 = 0x0403_4b50;

/// A workbook's file.
pub(super) struct Archive {
    file: String,
    bytes: Vec<u8>,
    parts: Vec<Part>,
    limits: Limits,
    /// Bytes unpacked so far.
    unpacked: u64,
}

struct Part {
    name: String,
    method: u16,
    sum: u32,
    packed: usize,
    at: usize,
}

impl Archive {
    /// Finds the parts; unpacks none.
    pub(super) fn open(file: &str, bytes: Vec<u8>, limits: Limits) -> Result<Self, Problem> {
        let refuse =
            |found: String, mend: &str| Problem::in_file(file, "an Excel workbook (.xlsx)", found, mend);
        if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            let mend = "save it as .xlsx without a password";
            return Err(refuse("an old or an encrypted workbook".to_owned(), mend));
        }
        if !bytes.starts_with(b"PK") {
            let start =
                String::from_utf8_lossy(bytes.get(..bytes.len().min(16)).unwrap_or_default()).into_owned();
            return Err(refuse(
                quoted(&start),
                "save it as .xlsx, or give the file the ending of its format",
            ));
        }
        let parts = directory(&bytes).ok_or_else(|| {
            refuse(
                "a damaged one".to_owned(),
                "the file was cut off or damaged: fetch it again from its source",
            )
        })?;
        Ok(Self { file: file.to_owned(), bytes, parts, limits, unpacked: 0 })
    }

    /// A part as text; `None` where there is none of the name.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(part) = self.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name)) else {
            return Ok(None);
        };
        let refuse = |expected: String, found: String, mend: &str| {
            Err(Problem::in_file(&self.file, expected, found, mend))
        };
        let damaged = || format!("{name} damaged");
        let fetch = "fetch it again from its source";
        let packed = data_of(&self.bytes, part).unwrap_or_default();
        let most = self.limits.max_bytes.min(MOST_BYTES).saturating_sub(self.unpacked);
        let mut text = Vec::new();
        let read = match part.method {
            0 => packed.take(most + 1).read_to_end(&mut text),
            8 => DeflateDecoder::new(packed).take(most + 1).read_to_end(&mut text),
            other => {
                let found = format!("method {other}");
                return refuse(
                    "parts stored or deflated".to_owned(),
                    found,
                    "save the workbook again as .xlsx",
                );
            }
        };
        if read.is_err() {
            return refuse("an undamaged workbook".to_owned(), damaged(), fetch);
        }
        let length = text.len() as u64;
        if length > most {
            let expected =
                format!("a workbook of at most {} bytes unpacked", self.limits.max_bytes.min(MOST_BYTES));
            return refuse(expected, "more".to_owned(), "save the sheet that is needed in a file of its own");
        }
        if length > RATIO_FROM_BYTES && length > (packed.len() as u64).saturating_mul(self.limits.max_ratio) {
            let expected = format!("at most {} bytes unpacked for each byte packed", self.limits.max_ratio);
            let found = format!("{length} from {}", packed.len());
            return refuse(expected, found, "save the sheet as CSV if you trust the file");
        }
        let mut sum = Crc::new();
        sum.update(&text);
        if sum.sum() != part.sum {
            return refuse("an undamaged workbook".to_owned(), damaged(), fetch);
        }
        self.unpacked += length;
        match String::from_utf8(text) {
            Ok(text) => Ok(Some(text)),
            Err(_) => refuse(
                "parts in UTF-8".to_owned(),
                format!("{name} in another encoding"),
                "save it again as .xlsx",
            ),
        }
    }
}

/// Where a part's packed bytes stand.
fn data_of<'b>(bytes: &'b [u8], part: &Part) -> Option<&'b [u8]> {
    if u32_at(bytes, part.at)? != BEFORE_PART {
        return None;
    }
    let start =
        part.at + 30 + usize::from(u16_at(bytes, part.at + 26)?) + usize::from(u16_at(bytes, part.at + 28)?);
    bytes.get(start..start.checked_add(part.packed)?)
}

fn directory(bytes: &[u8]) -> Option<Vec<Part>> {
    let last = bytes.len().checked_sub(22)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let end = (first..=last).rev().find(|at| u32_at(bytes, *at) == Some(END_OF_DIRECTORY))?;
    let (count, mut at) =
        (usize::from(u16_at(bytes, end + 10)?), usize::try_from(u32_at(bytes, end + 16)?).ok()?);
    if count > MOST_PARTS {
        return None;
    }
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        if u32_at(bytes, at)? != IN_DIRECTORY {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|offset| u16_at(bytes, at + offset).map(usize::from));
        let (name, extra, comment) = (name?, extra?, comment?);
        let place = |offset| u32_at(bytes, at + offset).and_then(|place| usize::try_from(place).ok());
        parts.push(Part {
            name: String::from_utf8_lossy(bytes.get(at + 46..at + 46 + name)?).into_owned(),
            method: u16_at(bytes, at + 10)?,
            sum: u32_at(bytes, at + 16)?,
            packed: place(20)?,
            at: place(42)?,
        });
        at += 46 + name + extra + comment;
    }
    Some(parts)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    bytes.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}
