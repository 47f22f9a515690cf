//! SAS transport files, version 5, written (SAS technical note TS-140): byte for byte as SAS writes them.
//!
//! Numbers become IBM System/360 doubles, exactly or not at all; text is ASCII, and what is not is put in ASCII letters
//! and reported; lengths are bytes. The time in the headers is the caller's. Left out: version 8, which no agency takes.

use std::io::{self, Write};

use jiff::civil::DateTime;

use crate::dataset::{Cell, DataSet, Row, Variable, VariableKind};
use crate::problem::{Problem, quoted};

const RECORD: usize = 80;
/// Bytes of a text at most in what is handed to an agency (FDA Study Data Technical Conformance Guide).
const LONGEST: usize = 200;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// Something that the format cannot hold.
    #[error("{0}")]
    Refused(Problem),
    /// What the writer behind it said.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<Problem> for Unwritten {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// What was changed, or cannot be read back as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Each text put in ASCII letters, each longer than 200 bytes, and a last row of blanks.
    pub reported: Vec<Problem>,
}

struct Field {
    name: String,
    kind: VariableKind,
    length: usize,
}

/// Writes one data set, row by row.
///
/// ```
/// use posology_exchange::dataset::{DataSet, Row, Variable, VariableKind};
/// use posology_exchange::xpt_write::XptWriter;
/// let age = Variable {
///     name: "AGE".to_owned(), label: Some("Age".to_owned()), kind: VariableKind::Number, length: Some(8), format: None,
/// };
/// let dm = DataSet { name: "DM".to_owned(), label: None, variables: vec![age] };
/// let mut file = Vec::new();
/// let writer = XptWriter::create(&mut file, &dm, jiff::civil::date(2019, 5, 3).at(0, 0, 0, 0))?;
/// writer.finish()?;
/// assert!(file.starts_with(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"));
/// assert_eq!(file.len() % 80, 0);
/// # Ok::<(), posology_exchange::xpt_write::Unwritten>(())
/// ```
pub struct XptWriter<W: Write> {
    out: io::BufWriter<W>,
    file: String,
    fields: Vec<Field>,
    buffer: Vec<u8>,
    written: usize,
    rows: u64,
    last_is_blank: bool,
    changes: Changes,
}

impl<W: Write> XptWriter<W> {
    /// Writes the headers of a data set; `at` stands in them as time of creation and of change.
    ///
    /// # Errors
    /// A name or label that the format cannot hold, a text variable without a length.
    pub fn create(out: W, data_set: &DataSet, at: DateTime) -> Result<Self, Unwritten> {
        let file = format!("{}.xpt", data_set.name.to_lowercase());
        let mut changes = Changes::default();
        check_name(&file, &data_set.name)?;
        let label = label(&file, None, data_set.label.as_deref(), &mut changes)?;
        let mut fields = Vec::with_capacity(data_set.variables.len());
        let mut names = Vec::with_capacity(data_set.variables.len() * 140);
        let mut place = 0_usize;
        for (number, variable) in (1_i16..).zip(&data_set.variables) {
            check_name(&file, &variable.name)?;
            let length = length_of(&file, variable)?;
            let label = self::label(&file, Some(&variable.name), variable.label.as_deref(), &mut changes)?;
            names.extend(description(&file, variable, number, length, &label, place)?);
            fields.push(Field { name: variable.name.clone(), kind: variable.kind, length });
            place += length;
        }
        if data_set.variables.len() > 9_999 {
            let found = data_set.variables.len().to_string();
            return Err(Problem::in_file(&file, "at most 9999 variables", found, "split the data set").into());
        }
        let time = at.strftime("%d%b%y:%H:%M:%S").to_string().to_uppercase();
        let mut out = io::BufWriter::new(out);
        let mut record = |parts: &[&str]| -> io::Result<()> {
            let mut text = parts.concat();
            while text.len() < RECORD {
                text.push(' ');
            }
            out.write_all(text.as_bytes())
        };
        let padded = |text: &str, width: usize| format!("{text:<width$}");
        let zeros = "0".repeat(30);
        let version = padded("9.4", 8) + &padded("Posology", 8) + &" ".repeat(24);
        record(&["HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!", &zeros])?;
        record(&["SAS     SAS     SASLIB  ", &version, &time])?;
        record(&[&time])?;
        record(&["HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!", "000000000000000001600000000140"])?;
        record(&["HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!", &zeros])?;
        record(&["SAS     ", &padded(&data_set.name.to_uppercase(), 8), "SASDATA ", &version, &time])?;
        record(&[&time, &" ".repeat(16), &padded(&label, 40)])?;
        let count = format!("000000{:04}00000000000000000000", data_set.variables.len());
        record(&["HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!", &count])?;
        while names.len() % RECORD != 0 {
            names.push(b' ');
        }
        out.write_all(&names)?;
        let mut record = RECORD_OF_ROWS.to_owned();
        record.push_str(&zeros);
        record.push_str("  ");
        out.write_all(record.as_bytes())?;
        Ok(Self {
            out,
            file,
            fields,
            buffer: vec![b' '; place],
            written: 0,
            rows: 0,
            last_is_blank: false,
            changes,
        })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// A number beyond the range of an IBM double, a text with letters that ASCII has nothing for.
    pub fn row(&mut self, row: &Row) -> Result<(), Unwritten> {
        self.rows += 1;
        let mut place = 0;
        for (column, field) in self.fields.iter().enumerate() {
            let Some(bytes) = self.buffer.get_mut(place..place + field.length) else { continue };
            place += field.length;
            let problem = |expected: &str, found: &str, mend: &str| {
                Problem::in_file(&self.file, expected, found, mend)
                    .at_row(self.rows, None)
                    .in_column(&field.name)
            };
            match (field.kind, row.cell(column)) {
                (VariableKind::Text, cell) => {
                    bytes.fill(b' ');
                    let text = cell.text().unwrap_or_default();
                    let plain = ascii(text).map_err(|letter| {
                        problem(
                            "text in letters that ASCII has, or that can be put into them",
                            &format!("{:?} in {}", letter, quoted(text)),
                            "write it in Latin letters at its source, or take Dataset-JSON, which has every letter",
                        )
                    })?;
                    if plain != text {
                        let mend = format!("written as {}", quoted(&plain));
                        self.changes.reported.push(problem("text in ASCII", &quoted(text), &mend));
                    }
                    if plain.len() > LONGEST {
                        let found = format!("{} bytes", plain.len());
                        let mend = "written whole; split it for an agency";
                        self.changes.reported.push(problem("text of at most 200 bytes", &found, mend));
                    }
                    let Some(room) = bytes.get_mut(..plain.len()) else {
                        let expected = format!("text of at most {} bytes", field.length);
                        let found = format!("{} bytes: {}", plain.len(), quoted(&plain));
                        return Err(
                            problem(&expected, &found, "state the length of the longest value").into()
                        );
                    };
                    room.copy_from_slice(plain.as_bytes());
                }
                (VariableKind::Number, cell) => {
                    let number = match cell {
                        Cell::Missing(letter) => missing(letter),
                        Cell::Number(text) | Cell::Text(text) => {
                            let value: f64 = text.trim().parse().map_err(|_| {
                                problem(
                                    "a number",
                                    &quoted(text),
                                    "write the number, or declare the variable as text",
                                )
                            })?;
                            to_ibm(value).ok_or_else(|| {
                                problem(
                                    "a number from 5.4e-79 to 7.2e75, or 0",
                                    &quoted(text),
                                    "give it in another unit: SAS transport files hold no such number",
                                )
                            })?
                        }
                    };
                    bytes.copy_from_slice(&number);
                }
            }
        }
        self.last_is_blank = self.buffer.iter().all(|byte| *byte == b' ') && !self.buffer.is_empty();
        self.written += self.buffer.len();
        self.out.write_all(&self.buffer)?;
        Ok(())
    }

    /// Fills the last record with blanks and says what was changed.
    ///
    /// # Errors
    /// What the writer behind it says.
    pub fn finish(mut self) -> Result<Changes, Unwritten> {
        let padding = (RECORD - self.written % RECORD) % RECORD;
        self.out.write_all(&vec![b' '; padding])?;
        self.out.flush()?;
        if self.last_is_blank && self.buffer.len() < RECORD {
            self.changes.reported.push(
                Problem::in_file(
                    &self.file,
                    "a last row that says something",
                    "blanks alone, which no reader can tell from padding",
                    "the format has no row count: leave the row out, or take Dataset-JSON",
                )
                .at_row(self.rows, None),
            );
        }
        Ok(self.changes)
    }
}

const RECORD_OF_ROWS: &str = "HEADER RECORD*******OBS     HEADER RECORD!!!!!!!";

fn check_name(file: &str, name: &str) -> Result<(), Problem> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && name.len() <= 8 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err(Problem::in_file(
        file,
        "a name of at most 8 letters, digits and underscores, beginning with a letter",
        quoted(name),
        "rename it, or take Dataset-JSON",
    ))
}

/// A label in ASCII, at most 40 bytes.
fn label(
    file: &str,
    variable: Option<&str>,
    label: Option<&str>,
    changes: &mut Changes,
) -> Result<String, Problem> {
    let label = label.unwrap_or_default();
    let of = |problem: Problem| match variable {
        Some(variable) => problem.in_column(variable),
        None => problem,
    };
    let plain = ascii(label).map_err(|_| {
        of(Problem::in_file(file, "a label in Latin letters", quoted(label), "write the label in ASCII"))
    })?;
    if plain != label {
        let mend = format!("written as {}", quoted(&plain));
        changes.reported.push(of(Problem::in_file(file, "a label in ASCII", quoted(label), mend)));
    }
    if plain.len() > 40 {
        let found = format!("{} bytes: {}", plain.len(), quoted(&plain));
        return Err(of(Problem::in_file(file, "a label of at most 40 bytes", found, "shorten the label")));
    }
    Ok(plain)
}

fn length_of(file: &str, variable: &Variable) -> Result<usize, Problem> {
    if variable.kind == VariableKind::Number {
        return Ok(8);
    }
    let length = variable.length.filter(|length| (1..=32_767).contains(length));
    length.and_then(|length| usize::try_from(length).ok()).ok_or_else(|| {
        let found = variable.length.map_or_else(|| "none".to_owned(), |length| length.to_string());
        Problem::in_file(
            file,
            "a length from 1 to 32767 bytes",
            found,
            "state the length of the longest value",
        )
        .in_column(&variable.name)
    })
}

/// A NAMESTR.
fn description(
    file: &str,
    variable: &Variable,
    number: i16,
    length: usize,
    label: &str,
    place: usize,
) -> Result<Vec<u8>, Problem> {
    let beyond = || {
        Problem::in_file(file, "rows of at most 2 GiB", "longer ones", "split the data set")
            .in_column(&variable.name)
    };
    let (format, width, decimals) = format_parts(variable.format.as_deref().unwrap_or_default());
    let kind: i16 = if variable.kind == VariableKind::Number { 1 } else { 2 };
    let mut bytes = Vec::with_capacity(140);
    let length = i16::try_from(length).map_err(|_| beyond())?;
    for value in [kind, 0, length, number] {
        bytes.extend(value.to_be_bytes());
    }
    bytes.extend(format!("{:<8}{label:<40}{format:<8}", variable.name.to_uppercase()).into_bytes());
    for value in [width, decimals, 0] {
        bytes.extend(value.to_be_bytes());
    }
    bytes.extend([0, 0]);
    bytes.extend([b' '; 8]);
    bytes.extend([0; 4]);
    bytes.extend(i32::try_from(place).map_err(|_| beyond())?.to_be_bytes());
    bytes.resize(140, 0);
    Ok(bytes)
}

/// A display format taken apart: `$12.` is `$`, 12, 0; `E8601DA.` is `E8601DA`, 0, 0; `8.2` is nothing, 8, 2.
fn format_parts(format: &str) -> (String, i16, i16) {
    let (head, decimals) = format.rsplit_once('.').unwrap_or((format, ""));
    let name = head.trim_end_matches(|c: char| c.is_ascii_digit());
    let width = head.get(name.len()..).unwrap_or_default();
    let number = |text: &str| text.parse().unwrap_or(0);
    (name.chars().take(8).collect(), number(width), number(decimals))
}

/// A missing value, with the letter that carries its reason.
fn missing(letter: Option<char>) -> [u8; 8] {
    let first = match letter {
        Some('_') => b'_',
        Some(letter) if letter.is_ascii_alphabetic() => letter.to_ascii_uppercase() as u8,
        _ => b'.',
    };
    [first, 0, 0, 0, 0, 0, 0, 0]
}

/// An IEEE double as an IBM double: exact, or none where it lies outside the range. A zero has no sign; what is no number
/// is missing.
pub(crate) fn to_ibm(value: f64) -> Option<[u8; 8]> {
    if value.is_nan() {
        return Some(missing(None));
    }
    if value == 0.0 {
        return Some([0; 8]);
    }
    let bits = value.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).ok()?;
    if exponent == 0x7ff || exponent == 0 {
        return None;
    }
    let power = exponent - 1023;
    let hexadecimal = power.div_euclid(4) + 1;
    // 53 bits of the mantissa moved by at most 3 into the 56 bits of the fraction: none is lost.
    let fraction = ((bits & ((1 << 52) - 1)) | (1 << 52)) << power.rem_euclid(4);
    let characteristic =
        u64::try_from(hexadecimal + 64).ok().filter(|characteristic| *characteristic <= 127)?;
    Some(((bits & (1 << 63)) | (characteristic << 56) | fraction).to_be_bytes())
}

/// Text in ASCII: letters with marks without them, signs in letters; the first letter for which there is nothing else.
fn ascii(text: &str) -> Result<String, char> {
    if text.is_ascii() {
        return Ok(text.to_owned());
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            plain.push(letter);
        } else {
            plain.push_str(in_ascii(letter).ok_or(letter)?);
        }
    }
    Ok(plain)
}

/// Bytes of a text once it is put in ASCII; none where it cannot be.
pub(crate) fn length_in_ascii(text: &str) -> Option<usize> {
    ascii(text.trim_end()).ok().map(|plain| plain.len())
}

fn in_ascii(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ā' | 'Ą' => "A",
        'ä' | 'æ' => "ae",
        'Ä' | 'Æ' => "Ae",
        'ç' | 'ć' | 'č' => "c",
        'Ç' | 'Ć' | 'Č' => "C",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ę' => "E",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'İ' => "I",
        'ł' => "l",
        'Ł' => "L",
        'ñ' | 'ń' | 'ň' => "n",
        'Ñ' => "N",
        'ò' | 'ó' | 'ô' | 'õ' | 'ő' => "o",
        'Ò' | 'Ó' | 'Ô' | 'Õ' => "O",
        'ö' | 'ø' | 'œ' => "oe",
        'Ö' | 'Ø' | 'Œ' => "Oe",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ś' | 'Š' | 'Ş' => "S",
        'ß' => "ss",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ů' | 'ű' | 'ū' => "u",
        'Ù' | 'Ú' | 'Û' => "U",
        'ü' => "ue",
        'Ü' => "Ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ž' | 'ż' => "z",
        'Ž' | 'Ż' => "Z",
        '\u{a0}' | '\u{2009}' | '\u{202f}' => " ",
        '‘' | '’' | '′' => "'",
        '“' | '”' | '″' => "\"",
        '–' | '—' | '−' | '‑' => "-",
        '…' => "...",
        '±' => "+/-",
        '×' => "x",
        '·' => ".",
        '≤' => "<=",
        '≥' => ">=",
        '≠' => "<>",
        '°' => " deg",
        'µ' | 'μ' => "u",
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'κ' => "kappa",
        'λ' => "lambda",
        '¹' => "1",
        '²' => "2",
        '³' => "3",
        '½' => "1/2",
        '™' => "(TM)",
        '®' => "(R)",
        '©' => "(C)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_bytes_of_the_technical_note() {
        let bytes = |value| to_ibm(value).unwrap();
        assert_eq!(bytes(1.0), [0x41, 0x10, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(100.0), [0x42, 0x64, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(0.1), [0x40, 0x19, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A]);
        assert_eq!(bytes(-1.0), [0xC1, 0x10, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(-0.0), [0; 8], "a zero has no sign");
        assert_eq!(bytes(f64::NAN), *b".\0\0\0\0\0\0\0");
        for beyond in [1e76, -1e76, 5e-324, 1e-80, f64::INFINITY] {
            assert_eq!(to_ibm(beyond), None, "{beyond}");
        }
        assert!(to_ibm(7.2e75).is_some() && to_ibm(5.4e-79).is_some());
    }

    #[test]
    fn formats_keep_their_sign_width_and_decimals() {
        assert_eq!(format_parts("$12."), ("$".to_owned(), 12, 0));
        assert_eq!(format_parts("DATE9."), ("DATE".to_owned(), 9, 0));
        assert_eq!(format_parts("8.2"), (String::new(), 8, 2));
        assert_eq!(format_parts("E8601DA."), ("E8601DA".to_owned(), 0, 0));
        assert_eq!(format_parts(""), (String::new(), 0, 0));
    }

    #[test]
    fn letters_that_ascii_has_nothing_for_are_told() {
        assert_eq!(ascii("Waldenström ± é ≥ 2"), Ok("Waldenstroem +/- e >= 2".to_owned()));
        assert_eq!(ascii("頭痛"), Err('頭'));
    }
}
