//! A document as Markdown, to be pasted into a protocol: tables as pipe tables, figures by the name of their file.

use crate::document::{Block, Document, Fact, Figure, Inline, Text};
use crate::table::{Align, Table};

/// The document as Markdown (CommonMark with pipe tables). A figure is named by its alternative text and the file
/// `ID.svg`, which the caller writes beside it; the table behind it is left to the SVG's readers.
///
/// ```
/// use posology_report::document::{Block, Document};
/// let mut document = Document::new("Design", "");
/// document.blocks.push(Block::paragraph("Cohorts of 3."));
/// assert_eq!(posology_report::markdown::write(&document), "# Design\n\nCohorts of 3.\n");
/// ```
pub fn write(document: &Document) -> String {
    let mut parts = vec![format!("# {}", escape(&document.title))];
    if !document.subtitle.is_empty() {
        parts.push(escape(&document.subtitle));
    }
    if let Some(notice) = &document.notice {
        parts.push(format!("**{}**", escape(notice)));
    }
    if !document.cover.is_empty() {
        parts.push(facts(&document.cover));
    }
    for (block, level) in document.blocks.iter().zip(document.levels()) {
        parts.extend(written(block, level));
    }
    parts.join("\n\n") + "\n"
}

fn written(block: &Block, level: u8) -> Option<String> {
    Some(match block {
        Block::Section { title, .. } => format!("{} {}", "#".repeat(usize::from(level) + 1), escape(title)),
        Block::Paragraph(text) => inline(text),
        Block::List(points) => {
            points.iter().map(|point| format!("- {}", inline(point))).collect::<Vec<_>>().join("\n")
        }
        Block::Facts(all) | Block::KeyPoints(all) => facts(all),
        Block::Callout(callout) => {
            let mut lines = vec![format!("> **{}: {}**", callout.kind.word(), escape(&callout.title))];
            lines.extend(callout.reasons.iter().map(|reason| format!("> {}", inline(reason))));
            lines.join("  \n")
        }
        Block::Table { table, .. } => pipes(table),
        Block::Figure(Figure { id, title, alt, caption, .. }) => {
            format!("![{}]({id}.svg)\n\n*{}.* {}", escape(alt), escape(title), escape(caption))
        }
        Block::Signatures(_) | Block::PageBreak => return None,
    })
}

fn facts(all: &[Fact]) -> String {
    let line = |fact: &Fact| format!("- **{}:** {}", escape(&fact.label), inline(&fact.value));
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn pipes(table: &Table) -> String {
    let mut lines =
        vec![format!("**{}.** {}", escape(&table.title), escape(&table.population)), String::new()];
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let head = table.columns.iter().map(|column| match column.n {
        Some(n) => format!("{} (N={n})", column.label),
        None => column.label.clone(),
    });
    lines.push(row(std::iter::once(table.stub.clone()).chain(head).map(|cell| escape(&cell)).collect()));
    let rule = table.columns.iter().map(|column| match column.align {
        Align::Left => "---",
        Align::Center => ":-:",
        Align::Right => "--:",
    });
    lines.push(row(std::iter::once("---").chain(rule).map(str::to_owned).collect()));
    for line in &table.rows {
        let cells =
            (0..table.columns.len()).map(|at| line.cells.get(at).map_or("", |cell| cell.text.as_str()));
        lines.push(row(std::iter::once(line.label.as_str()).chain(cells).map(escape).collect()));
    }
    for note in table.footnotes() {
        lines.push(String::new());
        lines.push(format!("*{}*", escape(&note)));
    }
    lines.join("\n")
}

fn inline(text: &Text) -> String {
    let run = |run: &Inline| match run {
        Inline::Plain(words) | Inline::Reference(words) => escape(words),
        Inline::Strong(words) => format!("**{}**", escape(words)),
        Inline::Emphasis(words) => format!("*{}*", escape(words)),
        Inline::Code(words) => format!("`{}`", words.replace('`', "'")),
    };
    text.0.iter().map(run).collect()
}

/// Words as they are: what Markdown would read as a mark, and what would end a cell, is escaped.
fn escape(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column, Row};

    #[test]
    fn a_table_is_a_pipe_table_and_a_bar_in_a_cell_does_not_end_it() {
        let mut table = Table::new("T1", "Rates", "Evaluable patients");
        table.stub = "Level".to_owned();
        table.columns.push(Column::new("DLTs").n(3));
        table.rows.push(Row::new("1 | a", [Cell::text("0/3")]));
        let mut document = Document::new("A *title*", "");
        document.blocks.push(Block::table(table));
        assert_eq!(
            write(&document),
            "# A \\*title\\*\n\n**Rates.** Evaluable patients\n\n| Level | DLTs (N=3) |\n| --- | --: |\n| 1 \\| a | 0/3 |\n"
        );
    }
}
