//! What all figures share around their marks: plot area, axes, legend, footnotes.

use super::canvas::{Anchor, BODY, Canvas, NOTE, SMALL, STRONG, Symbol, TITLE, WIDTH, number};
use super::scale::Scale;
use super::style::{AXIS, FAINT, Fill, RULE};
use super::{DataTable, DltStatus, Figure, Frame, Level, NotDrawn, text};

/// Free space at the left and right edge of every figure.
pub(crate) const MARGIN: f64 = 8.0;

/// The rectangle in which marks stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Plot {
    pub(crate) fn middle(&self) -> f64 {
        (self.left + self.right) / 2.0
    }
}

/// A horizontal axis under the plot: line, ticks, numbers and, unless empty, a title. Returns the lowest point used.
pub(crate) fn x_axis(canvas: &mut Canvas, plot: Plot, scale: &Scale, ticks: &[f64], title: &str) -> f64 {
    canvas.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS, 0.8, "");
    for &tick in ticks {
        let x = scale.at(tick);
        canvas.line((x, plot.bottom), (x, plot.bottom + 3.5), AXIS, 0.8, "");
        canvas.text(x, plot.bottom + 13.5, Anchor::Middle, SMALL, &signed(tick));
    }
    if title.is_empty() {
        return plot.bottom + 17.0;
    }
    canvas.text(plot.middle(), plot.bottom + 28.5, Anchor::Middle, BODY, title);
    plot.bottom + 33.0
}

/// A vertical axis left of the plot, with faint lines across it.
pub(crate) fn y_axis(canvas: &mut Canvas, plot: Plot, scale: &Scale, ticks: &[(f64, String)]) {
    canvas.line((plot.left, plot.top), (plot.left, plot.bottom), AXIS, 0.8, "");
    for (tick, label) in ticks {
        let y = scale.at(*tick);
        canvas.line((plot.left, y), (plot.right, y), FAINT, 0.8, "");
        canvas.line((plot.left - 3.5, y), (plot.left, y), AXIS, 0.8, "");
        canvas.text(plot.left - 6.0, y + 3.2, Anchor::End, SMALL, label);
    }
}

/// A labelled line across the plot, its label outside at the right.
pub(crate) fn rule(canvas: &mut Canvas, plot: Plot, y: f64, dash: &str) {
    canvas.line((plot.left, y), (plot.right, y), AXIS, 0.8, dash);
}

/// A number with a true minus sign and without needless decimals.
pub(crate) fn signed(value: f64) -> String {
    number(value).replace('-', "−")
}

/// The sample beside a legend's word.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    Mark(Symbol, String),
    Box(Fill),
    Line(String, &'static str),
    Band(String),
}

/// A legend in as many lines as needed, its first baseline just below `top`; returns the lowest point used.
pub(crate) fn legend(canvas: &mut Canvas, top: f64, heading: &str, items: &[(Key, String)]) -> f64 {
    if items.is_empty() {
        return top;
    }
    let (mut x, mut y) = (MARGIN, top + 10.0);
    if !heading.is_empty() {
        canvas.text(x, y, Anchor::Start, STRONG, heading);
        x += STRONG.width(heading) + 10.0;
    }
    let indent = x;
    for (key, word) in items {
        let sample = match key {
            Key::Mark(..) => 13.0,
            Key::Box(_) | Key::Band(_) => 17.0,
            Key::Line(..) => 22.0,
        };
        let word = SMALL.fit(word, WIDTH - MARGIN - indent - sample);
        let width = sample + SMALL.width(&word);
        if x + width > WIDTH - MARGIN && x > indent {
            x = indent;
            y += 14.0;
        }
        let middle = y - 3.3;
        match key {
            Key::Mark(symbol, colour) => canvas.symbol(*symbol, x + 5.0, middle, 4.4, colour),
            Key::Box(fill) => canvas.bar(x, middle - 4.0, 13.0, 8.0, *fill),
            Key::Line(colour, dash) => canvas.line((x, middle), (x + 18.0, middle), colour, 1.6, dash),
            Key::Band(colour) => canvas.rect(x, middle - 4.0, 13.0, 8.0, colour),
        }
        canvas.text(x + sample, y, Anchor::Start, SMALL, &word);
        x += width + 14.0;
    }
    y + 4.0
}

/// The title of a vertical axis, level above its line, at most `room` wide.
pub(crate) fn y_title(canvas: &mut Canvas, x: f64, y: f64, title: &str) {
    canvas.text(x, y, Anchor::Start, TITLE, &TITLE.fit(title, WIDTH - MARGIN - x));
}

/// What [`finish`] prints around a drawing.
pub(crate) struct Around {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) alt: String,
    pub(crate) caption: String,
    pub(crate) data: DataTable,
    /// Footnotes besides those on patients not drawn.
    pub(crate) notes: Vec<String>,
    pub(crate) not_drawn: Vec<NotDrawn>,
}

/// Footnotes, the cut-off and the notice of synthetic patients below `bottom`; then the figure.
pub(crate) fn finish(mut canvas: Canvas, bottom: f64, around: Around, frame: &Frame) -> Figure {
    let mut notes = around.notes;
    if !around.not_drawn.is_empty() {
        notes.push(not_drawn_note(&around.not_drawn));
    }
    let stamp: Vec<String> = [
        frame.synthetic.then(|| "Synthetic patients".to_owned()),
        frame.cut_off.as_ref().map(|cut| format!("Data cut-off {cut}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !stamp.is_empty() {
        notes.push(stamp.join("  ·  "));
    }
    let mut y = bottom + 2.0;
    for line in notes.iter().flat_map(|note| text::wrap(note, WIDTH - 2.0 * MARGIN, NOTE.size, NOTE.weight)) {
        y += 11.5;
        canvas.text(MARGIN, y, Anchor::Start, NOTE, &line);
    }
    let svg = canvas.finish(&around.id, &around.title, &around.alt, y + 6.0);
    Figure {
        id: around.id,
        title: around.title,
        alt: around.alt,
        caption: around.caption,
        not_drawn: around.not_drawn,
        data: around.data,
        svg,
    }
}

/// `Not drawn: P-05 (reason), …`, one reason for all who share it.
fn not_drawn_note(not_drawn: &[NotDrawn]) -> String {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for NotDrawn { subject, reason } in not_drawn {
        match by_reason.iter_mut().find(|(known, _)| known == reason) {
            Some((_, subjects)) => subjects.push(subject),
            None => by_reason.push((reason, vec![subject])),
        }
    }
    let parts: Vec<String> =
        by_reason.iter().map(|(reason, subjects)| format!("{} ({reason})", subjects.join(", "))).collect();
    format!("Not drawn, n = {}: {}.", not_drawn.len(), parts.join("; "))
}

/// Says in the middle of an empty plot that there is nothing to draw.
pub(crate) fn nothing(canvas: &mut Canvas, plot: Plot, why: &str) {
    canvas.text(plot.middle(), (plot.top + plot.bottom) / 2.0, Anchor::Middle, NOTE, why);
}

/// The mark of a DLT status, with its colour.
pub(crate) fn status_mark(status: &DltStatus) -> (Symbol, &'static str) {
    use super::style::{BLUE, SOFT, VERMILLION};
    match status {
        DltStatus::Dlt => (Symbol::Cross, VERMILLION),
        DltStatus::PossibleDlt => (Symbol::HollowCross, VERMILLION),
        DltStatus::NoDlt => (Symbol::Disc, BLUE),
        DltStatus::Pending { follow_up } => (Symbol::Share(*follow_up), BLUE),
        DltStatus::NotEvaluable { .. } => (Symbol::Half, SOFT),
        DltStatus::Treated => (Symbol::Disc, BLUE),
    }
}

/// Place of `id` on the ladder, or among those that follow it.
pub(crate) fn level_index(levels: &[Level], id: &str) -> Option<usize> {
    levels.iter().position(|level| level.id == id)
}

/// `Levels: DL1, 12.5 mCi/m²; …` for the levels that occur; none if no label says more than its id.
pub(crate) fn levels_note<'a>(
    levels: &[Level],
    patients: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    let named: Vec<String> = levels
        .iter()
        .filter(|level| level.label != level.id && patients.clone().any(|id| id == level.id))
        .map(|level| format!("{}, {}", level.id, level.label))
        .collect();
    (!named.is_empty()).then(|| format!("Levels: {}.", named.join("; ")))
}

/// Legend entries for the levels that occur, each with its number of patients.
pub(crate) fn level_legend<'a>(
    levels: &[Level],
    patients: impl Iterator<Item = &'a str> + Clone,
    key: impl Fn(usize) -> Key,
) -> Vec<(Key, String)> {
    levels
        .iter()
        .enumerate()
        .map(|(index, level)| (index, level, patients.clone().filter(|id| *id == level.id).count()))
        .filter(|(_, _, count)| *count > 0)
        .map(|(index, level, count)| (key(index), format!("{} {} (n = {count})", level.id, level.label)))
        .collect()
}

/// A thin vertical line through the plot.
pub(crate) fn upright(canvas: &mut Canvas, plot: Plot, x: f64, dash: &str) {
    canvas.line((x, plot.top), (x, plot.bottom), RULE, 0.8, dash);
}
