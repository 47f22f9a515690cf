//! Writes a document as one PDF: A4, tagged for screen readers (PDF/UA-1), archivable if dated (PDF/A-2a).
//!
//! [`write`] is a pure function of the document. The typesetter sees a fixed template, the document as JSON, the
//! figures and the fonts of this crate, and nothing else: no file, no package, no clock. Text from data is never
//! read as markup, since the template takes it as JSON strings.
//!
//! Widths of table columns are computed here from the fonts' own measures ([`columns`]); a table that does not fit an
//! upright page is turned sideways, one that does not fit there is set smaller.

mod columns;
mod world;

use serde_json::{Value, json};
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::document::{Block, CalloutKind, Document};
use crate::html::icon_path;
use crate::table::Table;
use columns::{Fit, Measure};
use world::{Files, Fonts};

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
    let fonts = Fonts::read()?;
    let mut files = Files::default();
    let targets = document.targets();
    let mut blocks = Vec::new();
    for (position, (block, level)) in document.blocks.iter().zip(document.levels()).enumerate() {
        let mut value = block_value(block, level, &fonts);
        value["target"] = block.id().filter(|id| targets.get(id) == Some(&position)).map_or(Value::Null, Value::from);
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
    typeset(files, fonts, document.date)
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

fn typeset(files: Files, fonts: Fonts, date: Option<jiff::Timestamp>) -> Result<Vec<u8>, PdfError> {
    let world = world::World::new(TEMPLATE, files, fonts)?;
    let told = |errors: &[typst::diag::SourceDiagnostic]| {
        let messages = errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>();
        PdfError::Typeset(messages.join("; "))
    };
    let pages = typst::compile::<PagedDocument>(&world).output.map_err(|errors| told(&errors))?;
    let timestamp = date.and_then(timestamp);
    // An archive wants to know of when a file is; a document without a date is still tagged.
    let standards: &[PdfStandard] =
        if timestamp.is_some() { &[PdfStandard::A_2a, PdfStandard::Ua_1] } else { &[PdfStandard::Ua_1] };
    let standards = PdfStandards::new(standards)
        .map_err(|error| PdfError::Typeset(error.message().to_string()))?;
    let options = PdfOptions {
        creator: Smart::Custom(Some(format!("Posology {}", env!("CARGO_PKG_VERSION")))),
        timestamp,
        standards,
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&pages, &options).map_err(|errors| told(&errors));
    typst::comemo::evict(0);
    bytes
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
                "label": column.label,
                "n": column.n.map(|n| format!("(N={n})")),
                "align": column.align,
            }),
            None => json!({"label": "", "n": null, "align": "left"}),
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
        Value::String(text) => *text = fonts.printable(text),
        Value::Array(values) => values.iter_mut().for_each(|value| make_printable(value, fonts)),
        Value::Object(fields) => fields.values_mut().for_each(|value| make_printable(value, fonts)),
        _ => {}
    }
}
