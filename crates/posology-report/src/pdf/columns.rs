//! How wide the columns of a table are, on which page, in which size of type.
//!
//! Each column has a least width (its longest word) and a wished width (its longest line). If all wishes fit, the rest
//! of the line is shared out; if not, each gets its least width and a share of what is left, by what it still wishes.

use super::world::Fonts;
use crate::table::{Align, Table};

/// Text width of an upright and of a sideways page, in points: A4 less margins of 16 mm.
const UPRIGHT_POINTS: f64 = (210.0 - 32.0) * 72.0 / 25.4;
const SIDEWAYS_POINTS: f64 = (297.0 - 32.0) * 72.0 / 25.4;

/// Size of type in points, and whether the page is turned: the first that fits wins, the last is taken in any case.
const SETTINGS: [(f64, bool); 6] =
    [(8.0, false), (7.5, false), (8.0, true), (7.5, true), (7.0, true), (6.5, true)];

/// Room between columns, in points.
const GUTTER_POINTS: f64 = 9.0;

/// Bold type is a little wider than the regular that is measured.
const BOLD: f64 = 1.05;

/// A line of words longer than this wishes to be broken, in ems.
const WISHED_LINE_EMS: f64 = 22.0;

/// A word longer than this may be broken after as many characters.
const LONG_WORD: usize = 22;

/// A word no longer than this is not broken after a stroke, in characters.
const SHORT_WORD: usize = 14;

/// Type size, page and column widths, the row labels first.
pub(super) struct Fit {
    pub(super) landscape: bool,
    pub(super) size: f64,
    pub(super) widths: Vec<f64>,
}

/// Least and wished width of each column in ems, the row labels first.
pub(super) struct Measure(Vec<Wish>);

#[derive(Clone, Copy, Default)]
struct Wish {
    least: f64,
    wished: f64,
}

impl Measure {
    pub(super) fn of(table: &Table, fonts: &Fonts) -> Self {
        let mut columns = vec![Wish::default(); table.width() + 1];
        let mut put = |position: usize, text: &str, keep: bool, indent: u8| {
            if let Some(column) = columns.get_mut(position) {
                column.widen(&breakable(text), keep, f64::from(indent), fonts);
            }
        };
        put(0, &table.stub, false, 0);
        for (position, column) in table.columns.iter().enumerate() {
            put(position + 1, &column.label, false, 0);
            if let Some(n) = column.n {
                put(position + 1, &format!("(N={n})"), true, 0);
            }
        }
        for row in &table.rows {
            if !row.cells.is_empty() {
                put(0, &row.label, false, row.indent);
            }
            for (position, cell) in row.cells.iter().enumerate() {
                let keep = table.columns.get(position).is_some_and(|column| column.align == Align::Right);
                put(position + 1, &cell.text, keep, 0);
            }
        }
        Self(columns)
    }

    /// The largest type that fits upright; else sideways; `landscape` asks for sideways from the start.
    pub(super) fn fit(&self, landscape: bool) -> Fit {
        let tries: Vec<(f64, bool)> =
            SETTINGS.into_iter().filter(|(_, sideways)| *sideways || !landscape).collect();
        let fits = |(size, sideways): &&(f64, bool)| self.comfortable(*size, room(*sideways, self.0.len()));
        let (size, landscape) = tries.iter().find(fits).or(tries.last()).copied().unwrap_or((8.0, landscape));
        Fit { landscape, size, widths: self.widths(size, room(landscape, self.0.len())) }
    }

    /// Whether no column must break a word and none is squeezed below 45% of its wish.
    fn comfortable(&self, size: f64, room: f64) -> bool {
        let least: f64 = self.0.iter().map(|wish| wish.least).sum();
        let wished: f64 = self.0.iter().map(|wish| wish.wished).sum();
        least * size <= room && wished * size * 0.45 <= room
    }

    fn widths(&self, size: f64, room: f64) -> Vec<f64> {
        let least: f64 = self.0.iter().map(|wish| wish.least * size).sum();
        let wished: f64 = self.0.iter().map(|wish| wish.wished * size).sum();
        let share = |wish: &Wish| {
            let (low, high) = (wish.least * size, wish.wished * size);
            if wished <= room {
                high + (room - wished) * high / wished.max(1.0)
            } else if least <= room {
                low + (room - least) * (high - low) / (wished - least).max(1.0)
            } else {
                low * room / least.max(1.0)
            }
        };
        self.0.iter().map(|wish| (share(wish) * 100.0).round() / 100.0).collect()
    }
}

impl Wish {
    /// Widens the column for a text; `keep` holds its lines together, as numbers need.
    fn widen(&mut self, text: &str, keep: bool, indent: f64, fonts: &Fonts) {
        let ems = |text: &str| text.chars().map(|character| fonts.advance(character)).sum::<f64>() * BOLD;
        for line in text.lines() {
            let whole = ems(line) + indent;
            let line = line.replace("/\u{2060}", "|");
            let longest = pieces(&line).into_iter().map(ems).fold(0.0, f64::max) + 0.35 + indent;
            self.least = self.least.max(if keep && whole <= WISHED_LINE_EMS { whole } else { longest });
            self.wished = self.wished.max(whole.min(WISHED_LINE_EMS)).max(self.least);
        }
    }
}

/// What a line may be broken into; a hyphen before a digit, as in a subject id, is no place to break.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, character) in line.char_indices() {
        let after = at + character.len_utf8();
        let breaks = match character {
            ' ' | '\u{200b}' | '/' => true,
            '-' => !line[after..].starts_with(|next: char| next.is_ascii_digit()),
            _ => false,
        };
        if breaks {
            pieces.push(&line[start..at]);
            start = after;
        }
    }
    pieces.push(&line[start..]);
    pieces
}

/// The text with room to break inside words that no column could hold, and none after the stroke of a short one, such
/// as a unit.
pub(super) fn breakable(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let length = word.trim_end().chars().count();
        if length <= SHORT_WORD {
            broken.push_str(&word.replace('/', "/\u{2060}"));
        } else {
            broken.push_str(&broken_up(word, LONG_WORD));
        }
    }
    broken
}

/// The text with room to break in each run of `most` characters that has none.
pub(super) fn broken_up(text: &str, most: usize) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut run = 0;
    for character in text.chars() {
        run = if character.is_whitespace() || "-/\u{200b}".contains(character) { 0 } else { run + 1 };
        if run > most {
            broken.push('\u{200b}');
            run = 1;
        }
        broken.push(character);
    }
    broken
}

fn room(sideways: bool, columns: usize) -> f64 {
    let page = if sideways { SIDEWAYS_POINTS } else { UPRIGHT_POINTS };
    let gutters = GUTTER_POINTS * (columns.saturating_sub(1)) as f64;
    (page - gutters).max(page * 0.3)
}
