//! Writes a document as one PDF: A4, tagged for screen readers (PDF/UA-1), archivable if dated (PDF/A-2a).
//!
//! [`write()`] is a pure function of the document. The typesetter sees a fixed template, the document as JSON, the
//! figures and the fonts of this crate, and nothing else: no file, no package, no clock. Text from data is never
//! read as markup, since the template takes it as JSON strings.
//!
//! Widths of table columns are computed here from the fonts' own measures (`columns`); a table that does not fit an
//! upright page is turned sideways, one that does not fit there is set smaller.

mod columns;
mod world;

use serde_json::{Value, json};
use typst::diag::SourceDiagnostic;
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::document::{Block, CalloutKind, Document};
use crate::html::icon_path;
use crate::table::Table;
use columns::{Fit, Measure};
use world::{Files, Fonts};

/// A word longer than this, in characters, may be broken anywhere: no line holds it.
const LONGEST_WORD: usize = 72;

const TEMPLATE: &str = include_str!("pdf/document.typ");

/// Why a document could not be set as PDF.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// A font of this crate could not be read.
    #[error("font {0} of this program cannot be read: the program file is damaged; install it again")]
    Font(&'static str),
    /// A figure's SVG could not be drawn.
    #[error("figure {id}: {found}; expected a whole SVG document: draw the figure again")]
    Figure {
        /// Id of the figure.
        id: String,
        /// What the typesetter found.
        found: String,
    },
    /// The typesetter refused the document.
    #[error("the document cannot be set: {0}; write it as HTML and report this as a defect of the program")]
    Typeset(String),
}

/// The document as the bytes of a PDF file; the same document gives the same bytes.
///
/// A character that the fonts lack is printed as its code point, such as `[U+4E2D]`, rather than as an empty box.
///
/// # Errors
/// If a figure is no SVG, or the typesetter refuses the document.
///
/// ```
/// use posology_report::{document::Document, pdf};
/// let bytes = pdf::write(&Document::new("Cohort 6 review", "CLR 131"))?;
/// assert!(bytes.starts_with(b"%PDF-"));
/// # Ok::<(), pdf::PdfError>(())
/// ```
pub fn write(document: &Document) -> Result<Vec<u8>, PdfError> {
    let timestamp = document.date.and_then(timestamp);
    // An archive wants to know of when a file is; a document without a date is still tagged.
    let standards: &[PdfStandard] =
        if timestamp.is_some() { &[PdfStandard::A_2a, PdfStandard::Ua_1] } else { &[PdfStandard::Ua_1] };
    let standards =
        PdfStandards::new(standards).map_err(|error| PdfError::Typeset(error.message().to_string()))?;
    let options = PdfOptions {
        creator: Smart::Custom(Some(format!("Posology {}", env!("CARGO_PKG_VERSION")))),
        timestamp,
        standards,
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&lay_out(document)?, &options).map_err(|errors| refused(&errors));
    // The typesetter remembers its work for a next edition; a server would keep every packet it ever wrote.
    typst::comemo::evict(0);
    bytes
}

fn lay_out(document: &Document) -> Result<PagedDocument, PdfError> {
    let fonts = Fonts::read()?;
    let mut files = Files::default();
    let targets = document.targets();
    let mut blocks = Vec::new();
    for (position, (block, level)) in document.blocks.iter().zip(document.levels()).enumerate() {
        let mut value = block_value(block, level, &fonts);
        value["target"] =
            block.id().filter(|id| targets.get(id) == Some(&position)).map_or(Value::Null, Value::from);
        if let Block::Figure(figure) = block {
            let name = format!("figure-{position}.svg");
            let svg = svg_of(&figure.svg).ok_or_else(|| PdfError::Figure {
                id: figure.id.clone(),
                found: "no <svg> element".to_owned(),
            })?;
            value["file"] = json!(name);
            files.add(name, fonts.printable(svg).into_bytes());
        }
        blocks.push(value);
    }
    turn_headings_with_their_tables(&mut blocks);
    for kind in KINDS {
        files.add(format!("{}.svg", kind.key()), icon_file(kind).into_bytes());
    }
    let mut data = json!({
        "title": document.title,
        "subtitle": document.subtitle,
        "cover": document.cover,
        "left": document.running.left,
        "right": document.running.right,
        "foot": document.running.foot,
        "notice": document.notice,
        "blocks": blocks,
    });
    make_printable(&mut data, &fonts);
    files.add("document.json".to_owned(), data.to_string().into_bytes());
    let world = world::World::new(TEMPLATE, files, fonts)?;
    typst::compile::<PagedDocument>(&world).output.map_err(|errors| refused(&errors))
}

const KINDS: [CalloutKind; 7] = [
    CalloutKind::Escalate,
    CalloutKind::Stay,
    CalloutKind::DeEscalate,
    CalloutKind::Wait,
    CalloutKind::Hold,
    CalloutKind::Stop,
    CalloutKind::Neutral,
];

fn refused(errors: &[SourceDiagnostic]) -> PdfError {
    PdfError::Typeset(errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>().join("; "))
}

fn timestamp(date: jiff::Timestamp) -> Option<Timestamp> {
    let utc = jiff::tz::Offset::UTC.to_datetime(date);
    let part = |number: i8| u8::try_from(number).ok();
    let date = Datetime::from_ymd_hms(
        utc.year().into(),
        part(utc.month())?,
        part(utc.day())?,
        part(utc.hour())?,
        part(utc.minute())?,
        part(utc.second())?,
    )?;
    Some(Timestamp::new_utc(date))
}

fn block_value(block: &Block, level: u8, fonts: &Fonts) -> Value {
    match block {
        Block::Section { title, .. } => json!({"kind": "section", "level": level, "title": title}),
        Block::Paragraph(text) => json!({"kind": "paragraph", "text": text}),
        Block::List(points) => json!({"kind": "list", "points": points}),
        Block::Facts(facts) => json!({"kind": "facts", "facts": facts}),
        Block::KeyPoints(points) => json!({"kind": "key-points", "points": points}),
        Block::Callout(callout) => json!({
            "kind": "callout",
            "advice": callout.kind,
            "word": callout.kind.word(),
            "title": callout.title,
            "reasons": callout.reasons,
        }),
        Block::Table { table, landscape } => table_value(table, *landscape, fonts),
        Block::Figure(figure) => json!({
            "kind": "figure",
            "id": figure.id,
            "title": figure.title,
            "alt": format!("{}. {}", figure.title, figure.alt),
            "caption": figure.caption,
        }),
        Block::Signatures(rows) => json!({"kind": "signatures", "rows": rows}),
        Block::PageBreak => json!({"kind": "page-break"}),
    }
}

fn table_value(table: &Table, landscape: bool, fonts: &Fonts) -> Value {
    let width = table.width();
    let Fit { landscape, size, widths } = Measure::of(table, fonts).fit(landscape);
    let columns: Vec<Value> = (0..width)
        .map(|position| match table.columns.get(position) {
            Some(column) => json!({
                "label": columns::breakable(&column.label),
                "n": column.n.map(|n| format!("(N={n})")),
                "align": column.align,
                "marked": column.is_marked,
            }),
            None => json!({"label": "", "n": null, "align": "left", "marked": false}),
        })
        .collect();
    let rows: Vec<Value> = table
        .rows
        .iter()
        .map(|row| {
            let cells: Vec<Value> = (0..width)
                .map(|position| match row.cells.get(position) {
                    Some(cell) => json!({"text": columns::breakable(&cell.text), "emphasis": cell.emphasis}),
                    None => json!({"text": "", "emphasis": "none"}),
                })
                .collect();
            json!({
                "label": columns::breakable(&row.label),
                "indent": row.indent,
                "kind": row.kind,
                "cells": cells,
                "alone": row.cells.is_empty(),
            })
        })
        .collect();
    let mut left = width;
    let mut groups: Vec<Value> = Vec::new();
    for group in &table.groups {
        let span = group.span.min(left);
        left -= span;
        if span > 0 {
            groups.push(json!({"label": group.label, "span": span}));
        }
    }
    if left > 0 && !groups.is_empty() {
        groups.push(json!({"label": "", "span": left}));
    }
    json!({
        "kind": "table",
        "id": table.id,
        "title": table.title,
        "population": table.population,
        "stub": table.stub,
        "columns": columns,
        "groups": groups,
        "rows": rows,
        "footnotes": table.footnotes(),
        "note": table.programming_note(),
        "landscape": landscape,
        "size": size,
        "widths": widths,
    })
}

/// A heading goes on the sideways page of the table that it opens.
fn turn_headings_with_their_tables(blocks: &mut [Value]) {
    let mut next_is_landscape = false;
    for block in blocks.iter_mut().rev() {
        match block["kind"].as_str() {
            Some("section") => block["landscape"] = json!(next_is_landscape),
            _ => next_is_landscape = block["landscape"] == json!(true),
        }
    }
}

fn svg_of(text: &str) -> Option<&str> {
    text.find("<svg").map(|start| &text[start..])
}

fn icon_file(kind: CalloutKind) -> String {
    let colour = match kind {
        CalloutKind::Escalate => "#00614c",
        CalloutKind::Stay => "#1d4a73",
        CalloutKind::DeEscalate => "#8a3b00",
        CalloutKind::Wait => "#6b4e00",
        CalloutKind::Hold | CalloutKind::Stop => "#9a1b1b",
        CalloutKind::Neutral => "#46525f",
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><path fill=\"{colour}\" d=\"{}\"/></svg>",
        icon_path(kind)
    )
}

fn make_printable(value: &mut Value, fonts: &Fonts) {
    match value {
        Value::String(text) => *text = columns::broken_up(&fonts.printable(text), LONGEST_WORD),
        Value::Array(values) => values.iter_mut().for_each(|value| make_printable(value, fonts)),
        Value::Object(fields) => fields.values_mut().for_each(|value| make_printable(value, fonts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Callout, Fact, Figure, Running, Signature, Text};
    use crate::table::{Cell, Column, Group, Row};
    use typst::layout::{Frame, FrameItem, Point};

    const TERM: &str = "Febrile neutropenia with documented infection, unknown site";

    fn listing(rows: usize) -> Table {
        let mut table = Table::new("AEL02", "Listing of adverse events", "Safety population");
        table.stub = "Subject".to_owned();
        table.columns = ["Level", "Preferred term", "Start", "Grade", "Outcome"].map(Column::words).to_vec();
        table.notes = vec!["Sorted by level, subject, date.".to_owned()];
        table.rows = (0..rows)
            .map(|row| Row::new(format!("S{row:03}"), ["DL6", TERM, "31", "4", "recovered"].map(Cell::text)))
            .collect();
        table
    }

    fn twelve_levels() -> Table {
        let mut table = Table::new("AET02", "Adverse events by class and term", "Safety population");
        table.columns =
            (1..=12).map(|level| Column::new(format!("DL{level} 18.75 mCi/m2 x2")).n(4)).collect();
        table.groups = vec![Group { label: "Two fractions".to_owned(), span: 20 }];
        table.rows = vec![
            Row::heading("Blood and lymphatic system disorders"),
            Row::new(TERM, (0..12).map(|_| Cell::count_percent(4, 4))).indent(1),
            Row::new("W".repeat(90), (0..12).map(|_| Cell::text("S".repeat(40)))),
        ];
        table
    }

    fn review() -> Document {
        let mut document = Document::new("Cohort 6 review", "CLR 131");
        document.date = "2019-05-01T00:00:00Z".parse().ok();
        document.notice = Some("Synthetic patients".to_owned());
        document.running = Running {
            left: "CLR 131".to_owned(),
            right: "Cut-off".to_owned(),
            foot: vec!["CTCAE 5.0".to_owned()],
        };
        document.cover = vec![Fact::new("Snapshot", Text::new().code("3f9a".repeat(16)))];
        document.blocks = vec![
            Block::section(1, "decision", "Decision"),
            Block::KeyPoints(vec![Fact::new("Known", Text::new().plain("see ").reference("AEL02").reference("E99"))]),
            Block::Callout(Callout { kind: CalloutKind::Escalate, title: "Escalate".to_owned(), reasons: vec!["0/4".into()] }),
            Block::List(vec!["point".into(), Text::new()]),
            Block::Facts(vec![Fact::new("Treated", "4")]),
            Block::Signatures(vec![Signature { role: "Chair".to_owned(), ..Signature::default() }]),
            Block::PageBreak,
            Block::table(listing(90)),
            Block::table(listing(0)),
            Block::section(2, "levels", "By level"),
            Block::table(twelve_levels()),
            Block::Figure(Figure {
                id: "F5".to_owned(),
                title: "Waterfall".to_owned(),
                alt: "One bar".to_owned(),
                svg: "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 20\" font-family=\"Source Sans 3\">\
                      <rect width=\"9\" height=\"9\"/><text y=\"15\" font-size=\"5\">\u{4e2d}</text></svg>"
                    .to_owned(),
                ..Figure::default()
            }),
        ];
        document
    }

    /// The texts of a page with the places where they start and end, in points.
    fn texts(frame: &Frame, origin: Point, found: &mut Vec<(String, f64, f64)>) {
        for (place, item) in frame.items() {
            let place = origin + *place;
            match item {
                FrameItem::Text(text) => {
                    found.push((text.text.to_string(), place.x.to_pt(), (place.x + text.width()).to_pt()));
                }
                FrameItem::Group(group) => texts(&group.frame, place, found),
                _ => {}
            }
        }
    }

    /// Width of a page in points, and its texts.
    type Page = (f64, Vec<(String, f64, f64)>);

    /// The pages of the review, laid out once for all tests.
    fn review_pages() -> &'static [Page] {
        static PAGES: std::sync::OnceLock<Vec<Page>> = std::sync::OnceLock::new();
        PAGES.get_or_init(|| pages(&review()))
    }

    fn pages(document: &Document) -> Vec<Page> {
        let pages = lay_out(document).unwrap();
        let read = |frame: &Frame| {
            let mut found = Vec::new();
            texts(frame, Point::zero(), &mut found);
            (frame.width().to_pt(), found)
        };
        pages.pages().iter().map(|page| read(&page.frame)).collect()
    }

    fn words(page: &[(String, f64, f64)]) -> String {
        page.iter().map(|(text, ..)| text.as_str()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn the_notice_the_running_lines_and_the_page_number_are_on_every_page() {
        let pages = review_pages();
        assert!(pages.len() > 4);
        for (number, (_, page)) in pages.iter().enumerate() {
            let page = words(page);
            for line in
                ["Synthetic patients", "CLR 131", "Cut-off", "CTCAE 5.0", &format!("Page {}", number + 1)]
            {
                assert!(page.contains(line), "page {} lacks {line}: {page}", number + 1);
            }
        }
    }

    #[test]
    fn a_long_listing_repeats_title_head_and_footnotes_and_loses_no_row() {
        let pages = review_pages();
        let mut rows = Vec::new();
        let of_listing = pages.iter().filter(|(_, page)| words(page).contains("|S0"));
        let mut count = 0;
        for (_, page) in of_listing {
            count += 1;
            let text = words(page);
            for part in ["AEL02", "Preferred term", "Safety population", "Sorted by level"] {
                assert!(text.contains(part), "{part} is missing in {text}");
            }
            let subject = |text: &&String| text.len() == 4 && text.starts_with('S');
            rows.extend(page.iter().map(|(text, ..)| text).filter(subject).cloned());
        }
        assert!(count > 1);
        assert_eq!(rows, (0..90).map(|row| format!("S{row:03}")).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_stands_outside_the_margins_even_with_twelve_levels_and_words_without_a_break() {
        let margin = 16.0 * 72.0 / 25.4 - 1.0;
        for (width, page) in review_pages() {
            for (text, from, to) in page {
                assert!(*from >= margin && *to <= width - margin, "{text:?} from {from} to {to} of {width}");
            }
        }
    }

    #[test]
    fn a_table_of_twelve_levels_turns_its_page_and_takes_its_heading_along() {
        let turned: Vec<_> = review_pages().iter().filter(|(width, _)| *width > 800.0).collect();
        assert!(!turned.is_empty());
        assert!(words(&turned[0].1).contains("By level"));
    }

    #[test]
    fn the_same_document_gives_the_same_bytes_and_claims_both_standards() {
        let bytes = write(&review()).unwrap();
        assert_eq!(bytes, write(&review()).unwrap());
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("pdfuaid:part") && text.contains("pdfaid:part"));
        let mut undated = review();
        undated.date = None;
        assert!(!String::from_utf8_lossy(&write(&undated).unwrap()).contains("pdfaid:part"));
    }

    #[test]
    fn markup_of_the_typesetter_in_a_text_is_printed_as_it_stands() {
        let hostile = "#read(\"/etc/passwd\") = *a* _b_ $x$ `c` @d <e> \\ // [f]";
        let mut document = Document::new(hostile, hostile);
        document.notice = Some(hostile.to_owned());
        document.blocks =
            vec![Block::section(1, hostile, hostile), Block::paragraph(Text::new().reference(hostile))];
        assert!(write(&document).is_ok());
        let page = words(&pages(&document)[0].1);
        assert!(page.contains("#read(\"/etc/passwd\")"), "{page}");
    }

    #[test]
    fn a_character_without_a_glyph_is_printed_as_its_code_point() {
        let mut document = Document::new("Review", "");
        document.blocks = vec![Block::paragraph("\u{4e2d}\u{0}\u{fe0f}\u{1f600} \u{2265}")];
        let page = words(&pages(&document)[0].1);
        assert!(page.contains("[U+4E2D][U+0000][U+FE0F][U+1F600]") && page.contains('\u{2265}'), "{page}");
        assert!(write(&document).is_ok());
    }

    #[test]
    fn a_figure_that_is_no_svg_is_refused_by_name() {
        let mut document = Document::new("Review", "");
        document.blocks = vec![Block::Figure(Figure { id: "F9".to_owned(), ..Figure::default() })];
        assert!(matches!(write(&document), Err(PdfError::Figure { id, .. }) if id == "F9"));
        document.blocks = vec![Block::Figure(Figure { svg: "<svg".to_owned(), ..Figure::default() })];
        assert!(matches!(write(&document), Err(PdfError::Typeset(_))));
    }
}
