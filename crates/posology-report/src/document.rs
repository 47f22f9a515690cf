//! A document as values: what a committee reads, in order, before it is set as HTML or PDF.
//!
//! Start at [`Document`]: a cover, the lines that run on every page, and [`Block`]s. The writers (`html`, `pdf`) take
//! it and nothing else, so both forms hold the same words and numbers, and the same document gives the same bytes.
//! All text is plain: what looks like markup is printed as it stands. Left out: what the packet says (`packet`) and
//! how it looks (the writers).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::table::Table;

/// A whole document.
///
/// ```
/// use posology_report::document::{Block, Document, Fact};
/// let mut document = Document::new("Cohort 6 review", "CLR 131 in multiple myeloma, phase 1");
/// document.cover.push(Fact::new("Cut-off", "2019-03-31 24:00 UTC"));
/// document.notice = Some("Synthetic patients".to_owned());
/// document.blocks.push(Block::section(1, "decision", "Decision"));
/// document.blocks.push(Block::paragraph("Four patients completed the window."));
/// assert!(posology_report::html::write(&document).contains("Synthetic patients"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Title; also that of the file.
    pub title: String,
    /// One line under the title.
    pub subtitle: String,
    /// The instant the document speaks of, such as its cut-off; the date that its file carries. No clock is read.
    pub date: Option<Timestamp>,
    /// What the cover states: cut-off, snapshot, protocol and versions.
    pub cover: Vec<Fact>,
    /// What runs on every page.
    pub running: Running,
    /// Printed on every page, and prominently on the first, such as `Synthetic patients`.
    pub notice: Option<String>,
    /// The contents in order.
    pub blocks: Vec<Block>,
}

/// The lines at the head and foot of every page; the page number is added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Running {
    /// Head, left: trial and purpose.
    pub left: String,
    /// Head, right: cut-off in UTC.
    pub right: String,
    /// Foot: protocol and amendment, snapshot hash, dictionary and program versions, in this order.
    pub foot: Vec<String>,
}

/// A label and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Such as `Cut-off`.
    pub label: String,
    /// Such as `2019-03-31 24:00 UTC`.
    pub value: Text,
}

/// A part of the document, from one heading, table or figure to the next.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading; what follows belongs to it until the next of the same or a higher level.
    Section {
        /// 1 to 3. A level may be left upwards freely, downwards one step at a time; the writers close a gap.
        level: u8,
        /// Name for links, unique in the document.
        id: String,
        /// The heading.
        title: String,
    },
    /// Running text.
    Paragraph(Text),
    /// Points of equal rank.
    List(Vec<Text>),
    /// Labels with their values, such as a cohort at a glance.
    Facts(Vec<Fact>),
    /// The few lines that a member reads first, such as: known, pending, not seen by the rule.
    KeyPoints(Vec<Fact>),
    /// An advice or a warning.
    Callout(Callout),
    /// A table or listing; it breaks over pages with its head and footnotes repeated.
    Table {
        /// The table.
        table: Table,
        /// Sets it on a page turned sideways; a table that is too wide for an upright page is turned anyway.
        landscape: bool,
    },
    /// A figure.
    Figure(Figure),
    /// Where people sign.
    Signatures(Vec<Signature>),
    /// What follows starts on a new page.
    PageBreak,
}

/// An advice box: what is advised, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callout {
    /// What it advises; shown by shape, word and colour.
    pub kind: CalloutKind,
    /// The advice in a few words, such as `Escalate to cohort 7`.
    pub title: String,
    /// Why, a reason a line.
    pub reasons: Vec<Text>,
}

/// What a callout advises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalloutKind {
    /// The next level may open.
    Escalate,
    /// The present level goes on.
    Stay,
    /// A lower level.
    DeEscalate,
    /// No decision yet: what is pending can change it.
    Wait,
    /// A hold is in force, whatever the rule says.
    Hold,
    /// The level or the trial ends.
    Stop,
    /// For information.
    Neutral,
}

impl CalloutKind {
    /// The kind as a word for readers who do not see shape or colour.
    pub fn word(self) -> &'static str {
        match self {
            Self::Escalate => "Escalate",
            Self::Stay => "Stay",
            Self::DeEscalate => "De-escalate",
            Self::Wait => "Wait",
            Self::Hold => "Hold",
            Self::Stop => "Stop",
            Self::Neutral => "Note",
        }
    }

    /// Name in class attributes and templates.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Escalate => "escalate",
            Self::Stay => "stay",
            Self::DeEscalate => "de-escalate",
            Self::Wait => "wait",
            Self::Hold => "hold",
            Self::Stop => "stop",
            Self::Neutral => "neutral",
        }
    }
}

/// A figure with all that a reader needs who cannot see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figure {
    /// Number of the output, such as `F1`; unique in the document.
    pub id: String,
    /// What the figure shows.
    pub title: String,
    /// What a reader would see, in words.
    pub alt: String,
    /// Population, cut-off, and who is not drawn and why.
    pub caption: String,
    /// A whole SVG document, drawn by this program; never one from outside, since HTML holds it as it stands.
    pub svg: String,
    /// The table behind the figure: head and rows; empty where there is none.
    pub head: Vec<String>,
    /// The rows of the table behind the figure.
    pub rows: Vec<Vec<String>>,
}

/// A row of a signature block; what is empty is left open to be written by hand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Signature {
    /// Role, such as `Chair`.
    pub role: String,
    /// Printed name.
    pub name: String,
    /// What is recommended or decided.
    pub recommendation: String,
    /// Date of the signature.
    pub date: String,
    /// The electronic signature as the record prints it.
    pub signature: String,
}

/// Plain text with a little emphasis.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Inline>);

/// A run of text of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "text", rename_all = "kebab-case")]
pub enum Inline {
    /// Ordinary words.
    Plain(String),
    /// Words that carry the sentence.
    Strong(String),
    /// Words set apart.
    Emphasis(String),
    /// An identifier or a hash.
    Code(String),
    /// The id of a section, table or figure of the same document; a link if it is there, the bare id if not.
    Reference(String),
}

impl From<&crate::figure::Figure> for Figure {
    /// The drawn figure, with those who are not drawn named in the caption.
    fn from(drawn: &crate::figure::Figure) -> Self {
        let absent: Vec<String> =
            drawn.not_drawn.iter().map(|absent| format!("{} ({})", absent.subject, absent.reason)).collect();
        let caption = match absent.as_slice() {
            [] => drawn.caption.clone(),
            _ => format!("{} Not drawn: {}.", drawn.caption, absent.join("; ")).trim_start().to_owned(),
        };
        Self {
            id: drawn.id.clone(),
            title: drawn.title.clone(),
            alt: drawn.alt.clone(),
            caption,
            svg: drawn.svg().to_owned(),
            head: drawn.data.header.clone(),
            rows: drawn.data.rows.clone(),
        }
    }
}

impl Inline {
    /// The words alone.
    pub fn words(&self) -> &str {
        match self {
            Self::Plain(words)
            | Self::Strong(words)
            | Self::Emphasis(words)
            | Self::Code(words)
            | Self::Reference(words) => words,
        }
    }
}

impl Text {
    /// No text yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds ordinary words.
    #[must_use]
    pub fn plain(mut self, words: impl Into<String>) -> Self {
        self.0.push(Inline::Plain(words.into()));
        self
    }

    /// Adds words that carry the sentence.
    #[must_use]
    pub fn strong(mut self, words: impl Into<String>) -> Self {
        self.0.push(Inline::Strong(words.into()));
        self
    }

    /// Adds words set apart.
    #[must_use]
    pub fn emphasis(mut self, words: impl Into<String>) -> Self {
        self.0.push(Inline::Emphasis(words.into()));
        self
    }

    /// Adds an identifier or a hash.
    #[must_use]
    pub fn code(mut self, words: impl Into<String>) -> Self {
        self.0.push(Inline::Code(words.into()));
        self
    }

    /// Adds a link to a section, table or figure of the same document, by its id.
    #[must_use]
    pub fn reference(mut self, id: impl Into<String>) -> Self {
        self.0.push(Inline::Reference(id.into()));
        self
    }

    /// The words alone.
    pub fn words(&self) -> String {
        self.0.iter().map(Inline::words).collect()
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self::new().plain(words)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self::new().plain(words)
    }
}

impl Fact {
    /// A label and what it says.
    pub fn new(label: impl Into<String>, value: impl Into<Text>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

impl Block {
    /// A heading of level 1 to 3 with its name for links.
    pub fn section(level: u8, id: impl Into<String>, title: impl Into<String>) -> Self {
        Self::Section { level, id: id.into(), title: title.into() }
    }

    /// Running text.
    pub fn paragraph(text: impl Into<Text>) -> Self {
        Self::Paragraph(text.into())
    }

    /// A table, turned sideways only if it must be.
    pub fn table(table: Table) -> Self {
        Self::Table { table, landscape: false }
    }
}

impl Document {
    /// A document with its title and nothing in it.
    pub fn new(title: impl Into<String>, subtitle: impl Into<String>) -> Self {
        Self { title: title.into(), subtitle: subtitle.into(), ..Self::default() }
    }

    /// The link target of each block that has an id, by that id, each a plain word unique in the document whatever
    /// characters the ids hold; of two blocks with one id the first is the target.
    pub(crate) fn targets(&self) -> BTreeMap<&str, usize> {
        let mut targets = BTreeMap::new();
        for (position, block) in self.blocks.iter().enumerate() {
            if let Some(id) = block.id() {
                targets.entry(id).or_insert(position);
            }
        }
        targets
    }

    /// The headings' levels with gaps closed: the first is 1, none is more than one below the last.
    pub(crate) fn levels(&self) -> Vec<u8> {
        let mut last = 0;
        let mut close = |block: &Block| match block {
            Block::Section { level, .. } => {
                last = (*level).clamp(1, 3).min(last + 1);
                last
            }
            _ => last,
        };
        self.blocks.iter().map(&mut close).collect()
    }
}

impl Block {
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Section { id, .. } => Some(id),
            Self::Table { table, .. } => Some(&table.id),
            Self::Figure(figure) => Some(&figure.id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heading_levels_never_skip_a_step_downwards() {
        let mut document = Document::new("", "");
        document.blocks = [3, 1, 3, 3, 1, 2, 9].map(|level| Block::section(level, "", "")).to_vec();
        assert_eq!(document.levels(), [1, 1, 2, 3, 1, 2, 3]);
    }
}
