//! Writes a document as one HTML file: no script, no link to anything outside, readable on a phone, on paper and aloud.
//!
//! [`write()`] is a pure function of the document. Fonts, styles and figures are inside the file. A page printed from it
//! carries the notice and the running lines. Everything that came from data is escaped; a figure's SVG is taken as
//! drawn by this program: it must not come from outside.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::document::{Block, Callout, CalloutKind, Document, Fact, Figure, Inline, Signature, Text};
use crate::table::{Align, Cell, Emphasis, NOTHING, Row, RowKind, Table};

const STYLE: &str = include_str!("html/style.css");
/// A table with more columns than this is printed on a page turned sideways.
const UPRIGHT_COLUMNS: usize = 8;

/// A fact with a longer value, in bytes, takes a line of its own.
const LONG_FACT: usize = 48;

const FONTS: [(&str, u16, &[u8]); 3] = [
    ("normal", 400, include_bytes!("../fonts/SourceSans3_400Regular.ttf")),
    ("italic", 400, include_bytes!("../fonts/SourceSans3_400Regular_Italic.ttf")),
    ("normal", 600, include_bytes!("../fonts/SourceSans3_600SemiBold.ttf")),
];

/// The document as a self-contained HTML file.
pub fn write(document: &Document) -> String {
    let mut page = Page { targets: document.targets(), out: String::new() };
    page.whole(document);
    page.out
}

struct Page<'a> {
    targets: BTreeMap<&'a str, usize>,
    out: String,
}

impl Page<'_> {
    fn put(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    fn whole(&mut self, document: &Document) {
        self.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        self.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        self.put(&format!("<title>{}</title>\n<style>\n", escape(&document.title)));
        for (style, weight, bytes) in FONTS {
            self.put(&format!(
                "@font-face{{font-family:\"Source Sans 3\";font-style:{style};font-weight:{weight};\
                 src:url(data:font/ttf;base64,{}) format(\"truetype\")}}\n",
                base64(bytes)
            ));
        }
        self.put(STYLE);
        self.put(&margin_boxes(document));
        self.put("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the contents</a>\n");
        if let Some(notice) = &document.notice {
            let notice = escape(notice);
            self.put(&format!("<aside class=\"notice\" aria-label=\"Notice\">{notice}</aside>\n"));
            self.put(&format!(
                "<div class=\"edge\" aria-hidden=\"true\">{notice} · {notice} · {notice}</div>\n"
            ));
        }
        self.put("<div class=\"frame\">\n");
        self.contents(document);
        self.put("<main id=\"main\">\n");
        self.cover(document);
        for (position, (block, level)) in document.blocks.iter().zip(document.levels()).enumerate() {
            self.block(position, block, level);
        }
        self.put("</main>\n</div>\n<footer class=\"foot\">");
        let running = &document.running;
        let lines =
            [&running.left, &running.right].into_iter().chain(&running.foot).filter(|line| !line.is_empty());
        let lines = lines.map(|line| format!("<span>{}</span>", escape(line))).collect::<Vec<_>>().join(" ");
        self.put(&lines);
        self.put("</footer>\n</body>\n</html>\n");
    }

    fn cover(&mut self, document: &Document) {
        self.put(&format!("<header class=\"cover\">\n<h1>{}</h1>\n", escape(&document.title)));
        if !document.subtitle.is_empty() {
            self.put(&format!("<p class=\"subtitle\">{}</p>\n", escape(&document.subtitle)));
        }
        if !document.cover.is_empty() {
            self.facts("facts cover-facts", &document.cover);
        }
        self.put("</header>\n");
    }

    fn contents(&mut self, document: &Document) {
        self.put("<nav class=\"contents\" aria-label=\"Contents\">\n<p class=\"contents-title\">Contents</p>\n<ul>\n");
        for (position, (block, level)) in document.blocks.iter().zip(document.levels()).enumerate() {
            let (class, name) = match block {
                Block::Section { title, .. } => (format!("l{level}"), escape(title)),
                Block::Table { table, .. } => ("output".to_owned(), named(&table.id, &table.title)),
                Block::Figure(figure) => ("output".to_owned(), named(&figure.id, &figure.title)),
                _ => continue,
            };
            self.put(&format!("<li class=\"{class}\"><a href=\"#b{position}\">{name}</a></li>\n"));
        }
        self.put("</ul>\n</nav>\n");
    }

    fn block(&mut self, position: usize, block: &Block, level: u8) {
        match block {
            Block::Section { title, .. } => {
                let rank = level + 1;
                self.put(&format!("<h{rank} id=\"b{position}\">{}</h{rank}>\n", escape(title)));
            }
            Block::Paragraph(text) => {
                let text = self.text(text);
                self.put(&format!("<p>{text}</p>\n"));
            }
            Block::List(points) => {
                self.put("<ul class=\"list\">\n");
                self.items(points);
                self.put("</ul>\n");
            }
            Block::Facts(facts) => self.facts("facts", facts),
            Block::KeyPoints(points) => self.facts("key-points", points),
            Block::Callout(callout) => self.callout(callout),
            Block::Table { table, landscape } => self.table(position, table, *landscape),
            Block::Figure(figure) => self.figure(position, figure),
            Block::Signatures(rows) => self.signatures(rows),
            Block::PageBreak => self.put("<div class=\"page-break\"></div>\n"),
        }
    }

    fn text(&self, text: &Text) -> String {
        text.0
            .iter()
            .map(|inline| {
                let words = escape(inline.words()).replace('\n', "<br>");
                match inline {
                    Inline::Plain(_) => words,
                    Inline::Strong(_) => format!("<strong>{words}</strong>"),
                    Inline::Emphasis(_) => format!("<em>{words}</em>"),
                    Inline::Code(_) => format!("<code>{words}</code>"),
                    Inline::Reference(id) => match self.targets.get(id.as_str()) {
                        Some(position) => format!("<a href=\"#b{position}\">{words}</a>"),
                        None => words,
                    },
                }
            })
            .collect()
    }

    fn items(&mut self, points: &[Text]) {
        for point in points {
            let point = self.text(point);
            self.put(&format!("<li>{point}</li>\n"));
        }
    }

    fn facts(&mut self, class: &str, facts: &[Fact]) {
        self.put(&format!("<dl class=\"{class}\">\n"));
        for fact in facts {
            let value = self.text(&fact.value);
            let long = if fact.value.words().len() > LONG_FACT { " class=\"long\"" } else { "" };
            self.put(&format!("<div{long}><dt>{}</dt><dd>{value}</dd></div>\n", escape(&fact.label)));
        }
        self.put("</dl>\n");
    }

    fn callout(&mut self, callout: &Callout) {
        let Callout { kind, title, reasons } = callout;
        self.put(&format!(
            "<section class=\"callout {}\" role=\"note\" aria-label=\"{}\">\n<p class=\"advice\">{}<span>{}</span></p>\n",
            kind.key(),
            kind.word(),
            icon(*kind),
            escape(title)
        ));
        if !reasons.is_empty() {
            self.put("<ul>\n");
            self.items(reasons);
            self.put("</ul>\n");
        }
        self.put("</section>\n");
    }

    fn table(&mut self, position: usize, table: &Table, landscape: bool) {
        let wide = if landscape || table.width() > UPRIGHT_COLUMNS { " wide" } else { "" };
        let caption = named(&table.id, &table.title);
        self.put(&format!(
            "<section class=\"output{wide}\" id=\"b{position}\">\n\
             <div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n\
             <table>\n<caption><span class=\"title\">{caption}</span>",
            escape(&format!("Table {}", table.id))
        ));
        if !table.population.is_empty() {
            self.put(&format!("<span class=\"population\">{}</span>", escape(&table.population)));
        }
        self.put("</caption>\n<thead>\n");
        self.table_head(table);
        self.put("</thead>\n<tbody>\n");
        for row in &table.rows {
            self.table_row(table, row);
        }
        if table.rows.is_empty() {
            self.put(&format!(
                "<tr><td class=\"none\" colspan=\"{}\">No records.</td></tr>\n",
                table.width() + 1
            ));
        }
        self.put("</tbody>\n</table>\n</div>\n");
        let footnotes = table.footnotes();
        if !footnotes.is_empty() {
            let lines = footnotes.iter().map(|line| format!("<p>{}</p>", escape(line))).collect::<String>();
            self.put(&format!("<div class=\"footnotes\">{lines}</div>\n"));
        }
        if !table.because.is_empty() {
            let note = escape(&table.programming_note());
            self.put(&format!("<p class=\"programming-note\"><span>Programming note.</span> {note}</p>\n"));
        }
        self.put("</section>\n");
    }

    fn table_head(&mut self, table: &Table) {
        if !table.groups.is_empty() {
            self.put("<tr><td></td>");
            let mut left = table.width();
            for group in &table.groups {
                let span = group.span.min(left);
                left -= span;
                match (span, group.label.as_str()) {
                    (0, _) => {}
                    (_, "") => self.put(&format!("<td colspan=\"{span}\"></td>")),
                    (_, label) => self.put(&format!(
                        "<th class=\"group\" scope=\"colgroup\" colspan=\"{span}\">{}</th>",
                        escape(label)
                    )),
                }
            }
            if left > 0 {
                self.put(&format!("<td colspan=\"{left}\"></td>"));
            }
            self.put("</tr>\n");
        }
        self.put("<tr>");
        if table.stub.is_empty() {
            self.put("<td></td>");
        } else {
            self.put(&format!("<th class=\"left\" scope=\"col\">{}</th>", escape(&table.stub)));
        }
        for position in 0..table.width() {
            match table.columns.get(position) {
                Some(column) => {
                    let n = column.n.map(|n| format!("<span class=\"n\">(N={n})</span>")).unwrap_or_default();
                    let label = lines(&column.label);
                    let marked = if column.is_marked { "<span class=\"n\">under review</span>" } else { "" };
                    self.put(&format!(
                        "<th class=\"{}\" scope=\"col\">{label}{marked}{n}</th>",
                        side(column.align)
                    ));
                }
                None => self.put("<td></td>"),
            }
        }
        self.put("</tr>\n");
    }

    fn table_row(&mut self, table: &Table, row: &Row) {
        let class = match row.kind {
            RowKind::Heading => " class=\"heading\"",
            RowKind::Normal => "",
            RowKind::Total => " class=\"total\"",
        };
        let label = lines(&row.label);
        if row.kind == RowKind::Heading && row.cells.is_empty() {
            let span = table.width() + 1;
            let indent = row.indent;
            self.put(&format!(
                "<tr{class}><th scope=\"rowgroup\" colspan=\"{span}\" class=\"left\" style=\"--in:{indent}\">{label}</th></tr>\n"
            ));
            return;
        }
        self.put(&format!("<tr{class}><th scope=\"row\" style=\"--in:{}\">{label}</th>", row.indent));
        for position in 0..table.width() {
            let align = table.columns.get(position).map_or(Align::Left, |column| column.align);
            match row.cells.get(position) {
                Some(cell) => self.cell(cell, align),
                None => self.put("<td></td>"),
            }
        }
        self.put("</tr>\n");
    }

    fn cell(&mut self, cell: &Cell, align: Align) {
        let text = lines(&cell.text);
        let class = side(align);
        let marked = |mark: &str, aloud: &str| {
            format!(
                "<td class=\"{class} {mark}\"><span class=\"aloud\">{aloud}: </span><span class=\"mark\">{text}</span></td>"
            )
        };
        let cell = match cell.emphasis {
            Emphasis::None if cell.text == NOTHING => format!("<td class=\"{class} nothing\">{text}</td>"),
            Emphasis::None => format!("<td class=\"{class}\">{text}</td>"),
            Emphasis::Flag => marked("flag", "flagged"),
            Emphasis::Alert => marked("alert", "alert"),
        };
        self.put(&cell);
    }

    fn figure(&mut self, position: usize, figure: &Figure) {
        let Figure { id, title, alt, caption, svg, head, rows } = figure;
        self.put(&format!("<figure class=\"output\" id=\"b{position}\">\n"));
        self.put(&format!("<figcaption class=\"title\">{}</figcaption>\n", named(id, title)));
        self.put(&format!(
            "<div class=\"drawing\" role=\"img\" aria-label=\"{}\">{}</div>\n",
            escape(&format!("{title}. {alt}")),
            drawing(svg)
        ));
        if !caption.is_empty() {
            self.put(&format!("<p class=\"caption\">{}</p>\n", escape(caption)));
        }
        if !head.is_empty() || !rows.is_empty() {
            let named = escape(&format!("Values behind {id}"));
            self.put(&format!(
                "<details><summary>{named}</summary>\n<div class=\"scroll\" role=\"region\" aria-label=\"{named}\" tabindex=\"0\">\
                 <table class=\"data\">\n<caption class=\"aloud\">{named}</caption>\n<thead><tr>"
            ));
            for label in head {
                self.put(&format!("<th class=\"left\" scope=\"col\">{}</th>", escape(label)));
            }
            self.put("</tr></thead>\n<tbody>\n");
            for row in rows {
                let cells = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect::<String>();
                self.put(&format!("<tr>{cells}</tr>\n"));
            }
            self.put("</tbody></table></div></details>\n");
        }
        self.put("</figure>\n");
    }

    fn signatures(&mut self, rows: &[Signature]) {
        self.put("<div class=\"scroll\" role=\"group\" aria-label=\"Signatures\" tabindex=\"0\">\n");
        self.put("<table class=\"signatures\">\n<caption class=\"aloud\">Signatures</caption>\n<thead><tr>");
        for label in ["Role", "Name", "Recommendation", "Date", "Signature"] {
            self.put(&format!("<th class=\"left\" scope=\"col\">{label}</th>"));
        }
        self.put("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.put(&format!("<tr><th scope=\"row\">{}</th>", lines(&row.role)));
            for field in [&row.name, &row.recommendation, &row.date, &row.signature] {
                self.put(&format!("<td>{}</td>", lines(field)));
            }
            self.put("</tr>\n");
        }
        self.put("</tbody></table>\n</div>\n");
    }
}

/// The margins of a printed page: running lines, page number and notice, where the browser draws margin boxes.
fn margin_boxes(document: &Document) -> String {
    let running = &document.running;
    let mut boxes = String::from("@page{");
    let mut corner = |place: &str, text: &str| {
        if !text.is_empty() {
            let _ = write!(boxes, "@{place}{{content:{}}}", css_string(text));
        }
    };
    corner("top-left", &running.left);
    corner("top-right", &running.right);
    corner("top-center", document.notice.as_deref().unwrap_or_default());
    corner("bottom-left", &running.foot.join("  ·  "));
    boxes.push_str("@bottom-right{content:\"Page \" counter(page) \" of \" counter(pages)}}\n");
    boxes
}

/// The shape of an advice, 16 by 16; drawn in the colour of the text around it.
fn icon(kind: CalloutKind) -> String {
    format!(
        "<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path fill=\"currentColor\" d=\"{}\"/></svg>",
        icon_path(kind)
    )
}

/// The outline of an advice's shape on a field of 16 by 16.
pub(crate) fn icon_path(kind: CalloutKind) -> &'static str {
    match kind {
        CalloutKind::Escalate => "M8 1.5 15 14.5H1Z",
        CalloutKind::DeEscalate => "M8 14.5 1 1.5H15Z",
        CalloutKind::Stay => "M1 5H15V11H1Z",
        CalloutKind::Wait => "M3 1H13V3L9 8L13 13V15H3V13L7 8L3 3Z",
        CalloutKind::Hold => "M3 1.5H6.5V14.5H3ZM9.5 1.5H13V14.5H9.5Z",
        CalloutKind::Stop => "M5 1H11L15 5V11L11 15H5L1 11V5Z",
        CalloutKind::Neutral => "M8 1.5 14.5 8 8 14.5 1.5 8Z",
    }
}

/// The drawing without what may only open a file: a byte order mark, an XML declaration, a document type.
fn drawing(svg: &str) -> &str {
    svg.find("<svg").map_or("", |start| &svg[start..])
}

fn named(id: &str, title: &str) -> String {
    format!("<span class=\"id\">{}</span> {}", escape(id), escape(title))
}

fn lines(text: &str) -> String {
    escape(text).replace('\n', "<br>")
}

fn side(align: Align) -> &'static str {
    match align {
        Align::Left => "left",
        Align::Center => "center",
        Align::Right => "right",
    }
}

/// Text for element content and quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            _ if character.is_control() => safe.push('\u{fffd}'),
            _ => safe.push(character),
        }
    }
    safe
}

/// Text as a CSS string inside a style element, where neither a quote nor `</style>` may survive.
fn css_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if character.is_alphanumeric() || " .,:;·-–()/".contains(character) {
            quoted.push(character);
        } else {
            let _ = write!(quoted, "\\{:x} ", u32::from(character));
        }
    }
    quoted.push('"');
    quoted
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                let digit = (word >> (18 - 6 * place)) & 63;
                encoded.push(char::from(ALPHABET[digit as usize]));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Figure, Running, Signature};
    use crate::table::{Column, Group};
    use posology_clinic::Because;

    /// A document of every kind of block, with the same words in each of its texts.
    fn all_of(words: &str) -> Document {
        let mut table = Table::new(words, words, words);
        table.stub = words.to_owned();
        table.columns = vec![Column::words(words), Column::new(words).n(3)];
        table.groups = vec![Group { label: words.to_owned(), span: 1 }];
        table.rows = vec![
            Row::heading(words),
            Row::new(words, [Cell::text(words).flag(), Cell::text(words)]).indent(1),
        ];
        table.notes = vec![words.to_owned()];
        table.because = vec![Because::new(words, words).source(words)];
        let text = Text::new().plain(words).strong(words).emphasis(words).code(words).reference(words);
        let mut document = Document::new(words, words);
        document.notice = Some(words.to_owned());
        document.running =
            Running { left: words.to_owned(), right: words.to_owned(), foot: vec![words.to_owned()] };
        document.cover = vec![Fact::new(words, text.clone())];
        document.blocks = vec![
            Block::section(3, words, words),
            Block::Paragraph(text.clone()),
            Block::List(vec![text.clone()]),
            Block::Facts(vec![Fact::new(words, words)]),
            Block::KeyPoints(vec![Fact::new(words, text.clone())]),
            Block::Callout(Callout { kind: CalloutKind::Hold, title: words.to_owned(), reasons: vec![text] }),
            Block::Table { table, landscape: true },
            Block::Figure(Figure {
                id: words.to_owned(),
                title: words.to_owned(),
                alt: words.to_owned(),
                caption: words.to_owned(),
                svg: "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_owned(),
                head: vec![words.to_owned()],
                rows: vec![vec![words.to_owned()]],
            }),
            Block::Signatures(vec![Signature {
                role: words.to_owned(),
                name: words.to_owned(),
                ..Signature::default()
            }]),
            Block::PageBreak,
        ];
        document
    }

    #[test]
    fn no_text_of_the_data_becomes_markup() {
        let page = write(&all_of("</style><script>alert('x')</script>\"><img src=x onerror=y>&amp;"));
        assert!(!page.contains("<script"));
        assert!(!page.contains("<img"));
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.contains("&amp;amp;"));
    }

    #[test]
    fn a_page_reaches_nothing_outside_itself() {
        let page = write(&all_of("words"));
        for reach in ["src=", "url(http", "@import", "<link", "<script"] {
            assert!(!page.contains(reach), "{reach}");
        }
    }

    #[test]
    fn a_reader_who_cannot_see_finds_language_title_landmarks_headers_and_words_for_each_figure() {
        let page = write(&all_of("words"));
        assert!(page.contains("<html lang=\"en\">") && page.contains("<title>words</title>"));
        for landmark in ["<main id=\"main\">", "<nav ", "<footer", "href=\"#main\""] {
            assert!(page.contains(landmark), "{landmark}");
        }
        assert_eq!(page.matches("<h1>").count(), 1);
        assert_eq!((page.matches("<h2 ").count(), page.matches("<h4 ").count()), (1, 0));
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count());
        assert_eq!(page.matches("<th>").count(), 0, "each header cell has a scope");
        assert!(page.contains("role=\"img\" aria-label=\"words. words\""));
    }

    #[test]
    fn the_notice_is_on_the_screen_and_on_each_printed_page() {
        let mut document = Document::new("Review", "");
        document.notice = Some("Synthetic patients".to_owned());
        let page = write(&document);
        assert!(page.contains("<aside class=\"notice\" aria-label=\"Notice\">Synthetic patients</aside>"));
        assert!(page.contains("@top-center{content:\"Synthetic patients\"}"));
        assert!(page.contains("class=\"edge\""));
    }

    #[test]
    fn links_lead_to_places_that_exist() {
        let page = write(&all_of("words"));
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{name}\"")), "{name}");
        }
    }

    #[test]
    fn base64_agrees_with_the_vectors_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
