//! Workbooks: values as a person sees them, what a person would not see told, hostile files refused.
//!
//! `fixtures/workbook.xlsx` and `workbook_1904.xlsx` were written by openpyxl 3.1; the others are put together here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use posology_exchange::dataset::{Cell, ReadOptions, Reader, Row};
use posology_exchange::problem::Unreadable;
use proptest::prelude::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

fn open(bytes: &[u8]) -> Result<Reader<&[u8]>, String> {
    Reader::open("x.xlsx", bytes, &ReadOptions::default()).map_err(|problem| problem.to_string())
}

/// Rows of the sheet that is being read, each as its values or its problem.
fn rows(reader: &mut Reader<&[u8]>) -> Vec<Result<Vec<String>, String>> {
    let mut rows = Vec::new();
    let mut row = Row::default();
    loop {
        match reader.next_row(&mut row) {
            Ok(false) => return rows,
            Ok(true) => rows.push(Ok((0..row.width())
                .map(|column| match row.cell(column) {
                    Cell::Missing(_) => String::new(),
                    Cell::Text(text) => format!("'{text}"),
                    Cell::Number(number) => number.to_owned(),
                })
                .collect())),
            Err(Unreadable::Row(problem)) => rows.push(Err(problem.to_string())),
            Err(Unreadable::File(problem)) => panic!("{problem}"),
        }
    }
}

/// A ZIP file of parts, deflated; `sum` spoils the check sums.
fn zip(parts: &[(&str, Vec<u8>)], sum: u32) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in parts {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        std::io::Write::write_all(&mut packed, text).unwrap();
        let packed = packed.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(text);
        let mut fields = Vec::new();
        fields.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        fields.extend((crc.sum() ^ sum).to_le_bytes());
        fields.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        fields.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(u32::try_from(file.len()).unwrap().to_le_bytes());
        directory.extend(name.as_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&fields);
        file.extend(name.as_bytes());
        file.extend(&packed);
    }
    let (count, start) = (u16::try_from(parts.len()).unwrap(), u32::try_from(file.len()).unwrap());
    let size = u32::try_from(directory.len()).unwrap();
    file.extend(directory);
    file.extend(b"PK\x05\x06\x00\x00\x00\x00");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

/// A workbook of one sheet with this XML as its content.
fn workbook(sheet: &str) -> Vec<u8> {
    let book =
        r#"<workbook xmlns:r="r"><sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    let relations =
        r#"<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>"#;
    let parts = [
        ("xl/workbook.xml", book.as_bytes().to_vec()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes().to_vec()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes().to_vec()),
    ];
    zip(&parts, 0)
}

fn cells(cells: &str) -> Vec<u8> {
    workbook(&format!(
        r#"<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>ID</t></is></c></row>{cells}</sheetData></worksheet>"#
    ))
}

#[test]
fn values_are_read_as_a_person_sees_them() {
    let bytes = fixture("workbook.xlsx");
    let mut reader = open(&bytes).unwrap();
    assert_eq!(reader.data_set().name, "Data");
    let read = rows(&mut reader);
    assert_eq!(read.len(), 4);
    // Text stays text, a number has no noise, a date is its day, a time of day its clock.
    assert_eq!(read[0].as_ref().unwrap(), &["'P-1", "0.1", "'007", "'2019-07-03", "'08:15", "0.3", ""]);
    assert_eq!(
        read[1].as_ref().unwrap_err(),
        "x.xlsx row 2 (line 3), column COMPUTED: expected a value, found a formula that was never computed; mend: \
         open the workbook in a spreadsheet program and save it"
    );
    assert!(
        read[2].as_ref().unwrap_err().contains("row 3 (line 4), column VALUE: expected a value, found #N/A")
    );
    assert_eq!(read[3].as_ref().unwrap(), &["'P-4", "12", "'é & <ü>", "", "", "-0.5", ""]);
    let told: Vec<String> = reader.take_warnings().iter().map(|warning| warning.found.clone()).collect();
    assert_eq!(told, ["1 hidden or filtered away: 2", "hidden: E", "F6:G6 merged"]);
    // The hidden sheet is passed over.
    assert!(reader.next_data_set().unwrap());
    assert_eq!(reader.data_set().name, "Second");
    assert_eq!(rows(&mut reader), [Ok(vec!["'P-9".to_owned(), "3".to_owned()])]);
    assert!(!reader.next_data_set().unwrap());
}

// As Excel writes a sheet: texts shared, numbers in seventeen digits, formats by their number.
#[test]
fn shared_texts_and_styles_are_those_of_their_number() {
    let book = r#"<x:workbook xmlns:x="m" xmlns:r="r"><x:sheets><x:sheet name="Data" sheetId="1" r:id="rId7"/></x:sheets></x:workbook>"#;
    let relations =
        r#"<Relationships><Relationship Id="rId7" Target="/xl/worksheets/a.xml"/></Relationships>"#;
    let strings = "<sst><si><t>ID</t></si><si><t>AT</t></si><si/><si><t>007</t></si></sst>";
    let styles = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="d/m/yy\\ h:mm;@"/></numFmts>
        <cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>"#;
    let sheet = r#"<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
        <row r="2"><c r="A2" t="s"><v>3</v></c><c r="B2" s="1"><v>43649.34375</v></c></row>
        <row r="3"><c r="A3"><v>4.5999999999999996</v></c><c r="B3" t="s"><v>2</v></c></row>
        <row r="4"><c r="A4" t="s"><v>4</v></c></row></sheetData></worksheet>"#;
    let parts = [
        ("xl/workbook.xml", book),
        ("xl/_rels/workbook.xml.rels", relations),
        ("xl/sharedStrings.xml", strings),
        ("xl/styles.xml", styles),
        ("xl/worksheets/a.xml", sheet),
    ];
    let bytes = zip(&parts.map(|(name, text)| (name, text.as_bytes().to_vec())), 0);
    let read = rows(&mut open(&bytes).unwrap());
    assert_eq!(read[0].as_ref().unwrap(), &["'007", "'2019-07-03T08:15"]);
    assert_eq!(read[1].as_ref().unwrap(), &["4.6", ""]);
    assert!(read[2].as_ref().unwrap_err().contains("a text that is not there"));
}

#[test]
fn days_count_from_where_the_workbook_says() {
    let bytes = fixture("workbook_1904.xlsx");
    assert_eq!(rows(&mut open(&bytes).unwrap()), [Ok(vec!["'P-1".to_owned(), "'2019-07-03".to_owned()])]);
}

#[test]
fn what_is_no_workbook_is_refused_with_what_it_is() {
    let refused = |bytes: &[u8]| open(bytes).err().unwrap();
    assert!(refused(b"ID,AGE\n1,2\n").contains("found \"ID,AGE\\n1,2\\n\""));
    assert!(refused(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1]).contains("an old or an encrypted workbook"));
    assert!(refused(b"").contains("an Excel workbook"));
    assert!(
        refused(&zip(&[("word/document.xml", b"<a/>".to_vec())], 0)).contains("a ZIP file of another kind")
    );
    let whole = fixture("workbook.xlsx");
    assert!(refused(&whole[..whole.len() / 2]).contains("a damaged one"));
    assert!(
        refused(&zip(&[("xl/workbook.xml", b"<workbook/>".to_vec())], 1)).contains("xl/workbook.xml damaged")
    );
    assert!(
        refused(&zip(&[("xl/workbook.xml", b"<workbook/>".to_vec())], 0)).contains("a sheet that is shown")
    );
    assert!(refused(&workbook("<worksheet><sheetData/></worksheet>")).contains("names of columns in row 1"));
    assert!(refused(&workbook("<worksheet><sheetData>")).contains("an end in the middle"));
}

#[test]
fn a_small_file_that_unpacks_to_a_large_one_is_refused() {
    let bomb = zip(&[("xl/workbook.xml", vec![b' '; 8 << 20])], 0);
    assert!(bomb.len() < 20_000);
    let found = open(&bomb).err().unwrap();
    assert!(found.contains("at most 200 bytes unpacked for each byte packed"), "{found}");
}

#[test]
fn entities_and_depth_are_bounded() {
    let entity = r#"<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet><sheetData/></worksheet>"#;
    assert!(open(&workbook(entity)).err().unwrap().contains("a DOCTYPE"));
    let own = r#"<row r="2"><c r="A2" t="str"><v>&a;</v></c></row>"#;
    assert!(open(&cells(own)).err().unwrap().contains("an entity of its own"));
    let deep = format!("{}{}", "<a>".repeat(1_000), "</a>".repeat(1_000));
    assert!(open(&workbook(&deep)).err().unwrap().contains("elements within each other"));
    let outside = r#"<row r="2"><c r="XFE2"><v>1</v></c></row>"#;
    assert!(open(&cells(outside)).err().unwrap().contains("a cell within the sheet"));
    // One cell at the far end of the sheet costs a row of columns without names, not a sheet of them.
    let far = r#"<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
    assert!(open(&cells(far)).err().unwrap().contains("variable names"));
}

#[test]
fn runs_of_rich_text_are_one_text_and_phonetic_hints_none_of_it() {
    let rich = r#"<row r="2"><c r="A2" t="inlineStr"><is><r><t>Plate</t></r><r><t xml:space="preserve">lets &#x3c; 5 </t></r><rPh><t>x</t></rPh></is></c></row>"#;
    let bytes = cells(rich);
    assert_eq!(rows(&mut open(&bytes).unwrap()), [Ok(vec!["'Platelets < 5".to_owned()])]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_sheet_is_read_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "<row r=\"2\">", "<row>", "<row r=\"4294967295\" hidden=\"1\">", "</row>", "<c>", "<c r=\"B2\" s=\"9\">",
                "<c t=\"s\">", "<c t=\"e\" r=\"C3\">", "<c/>", "</c>", "<v>", "</v>", "<v/>", "1e400", "-", "45000.5", "<f>", "</f>",
                "<is>", "</is>", "<t>", "</t>", "&lt;", "&#0;", "&#x110000;", "]]>", "<mergeCell ref=\"A1:\"/>",
                "<col min=\"1\" max=\"4294967295\" hidden=\"1\"/>", "</sheetData>", "<sheetData>",
            ]),
            0..40,
        ),
    ) {
        let bytes = cells(&pieces.concat());
        if let Ok(mut reader) = open(&bytes) {
            let width = reader.data_set().variables.len();
            prop_assert!(rows(&mut reader).iter().flatten().all(|row| row.len() == width));
        }
    }

    #[test]
    fn a_workbook_with_spoilt_bytes_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = cells(r#"<row r="2"><c r="A2"><v>1</v></c></row>"#);
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(mut reader) = open(&bytes) {
            rows(&mut reader);
        }
    }
}
