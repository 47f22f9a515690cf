//! F3: whose DLT window is still open, and what happened in each.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, SMALL, STRONG, Symbol, WIDTH};
use super::chart::{
    Around, Key, MARGIN, Plot, finish, legend, level_index, levels_note, nothing, status_mark, upright,
    x_axis,
};
use super::scale::{DAYS, Scale, ticks};
use super::style::{BLUE, FAINT, Fill, INK, RULE, VERMILLION};
use super::{DataTable, DltStatus, Figure, Frame, Level, NotDrawn};

/// The blood cells of a nadir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Lineage {
    /// Platelets.
    Platelets,
    /// Neutrophils.
    Neutrophils,
}

/// The day of the lowest count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Nadir {
    /// Which count.
    pub lineage: Lineage,
    /// Days since the first fraction.
    pub day: i32,
}

/// A patient's DLT window, in days since the first fraction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowPatient {
    /// Subject identifier.
    pub subject: String,
    /// Id of the level.
    pub level: String,
    /// Day of each fraction given, the first being 0; empty if none was given.
    pub fractions: Vec<i32>,
    /// Last day of the DLT window.
    pub window_end: i32,
    /// Last day with follow-up, at most the cut-off.
    pub followed_to: i32,
    /// DLT status at the cut-off.
    pub status: DltStatus,
    /// Day of the DLT's onset.
    pub dlt: Option<i32>,
    /// Lowest counts.
    pub nadirs: Vec<Nadir>,
}

/// DLT windows, a row a patient, by level and in the order given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Windows {
    /// Levels in order; a level that occurs but is not listed comes last, under its id.
    pub levels: Vec<Level>,
    /// The rows, from the top.
    pub rows: Vec<WindowPatient>,
    /// Patients without a first fraction.
    pub not_drawn: Vec<NotDrawn>,
}

impl Windows {
    /// Sorts patients by level, otherwise in the order given; one without a fraction has no window.
    pub fn new(levels: Vec<Level>, patients: Vec<WindowPatient>) -> Self {
        let (mut rows, untreated): (Vec<_>, Vec<_>) =
            patients.into_iter().partition(|patient| !patient.fractions.is_empty());
        rows.sort_by_key(|patient| level_index(&levels, &patient.level).unwrap_or(levels.len()));
        let not_drawn =
            untreated.iter().map(|patient| NotDrawn::new(&patient.subject, "no fraction given")).collect();
        Windows { levels, rows, not_drawn }
    }

    /// The last day shown: past the longest window and every mark, but not all of a long follow-up.
    fn last_day(&self) -> i32 {
        self.rows
            .iter()
            .flat_map(|row| {
                let marks = row
                    .fractions
                    .iter()
                    .copied()
                    .chain(row.dlt)
                    .chain(row.nadirs.iter().map(|nadir| nadir.day));
                marks.chain([row.window_end])
            })
            .max()
            .map_or(85, |day| day.clamp(1, 3_650) + 7)
    }

    /// Draws follow-up within and after the window, with fractions, DLT and nadirs.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let has =
            |lineage| self.rows.iter().any(|row| row.nadirs.iter().any(|nadir| nadir.lineage == lineage));
        let mark =
            |symbol, colour: &str, words: &str| (Key::Mark(symbol, colour.to_owned()), words.to_owned());
        let mut key = vec![
            (Key::Box(IN_WINDOW), "followed in the window".to_owned()),
            (Key::Box(LEFT_OPEN), "window still open".to_owned()),
            (Key::Box(AFTER), "followed after it".to_owned()),
            mark(Symbol::Down, INK, "fraction"),
        ];
        if self.rows.iter().any(|row| row.dlt.is_some()) {
            key.push(mark(Symbol::Cross, VERMILLION, "DLT"));
        }
        if has(Lineage::Platelets) {
            key.push(mark(Symbol::Diamond, PLATELETS, "platelet nadir"));
        }
        if has(Lineage::Neutrophils) {
            key.push(mark(Symbol::HollowDiamond, NEUTROPHILS, "neutrophil nadir"));
        }
        let top = legend(&mut canvas, 2.0, "", &key) + 8.0;

        let level_width = STRONG.widest(self.rows.iter().map(|row| row.level.as_str())).min(80.0);
        let subject_width = SMALL.widest(self.rows.iter().map(|row| row.subject.as_str())).min(110.0);
        let status_width = SMALL.widest(["not evaluable", "possible DLT", "pending 100%"]);
        let row_height = 15.0;
        let left = MARGIN + level_width + 10.0 + subject_width + 9.0;
        let plot = Plot {
            left,
            top,
            right: WIDTH - MARGIN - status_width - 22.0,
            bottom: top + row_height * self.rows.len().max(4) as f64 + 4.0,
        };
        let last_day = self.last_day();
        let scale = Scale::linear((0.0, f64::from(last_day)), (plot.left + 6.0, plot.right));
        let marked = ticks(0.0, f64::from(last_day), 10, DAYS);
        for &tick in &marked {
            upright(&mut canvas, plot, scale.at(tick), "1 3");
        }
        let mut level_before = None;
        for (index, row) in self.rows.iter().enumerate() {
            let y = top + row_height * (index as f64 + 0.5) + 2.0;
            if level_before != Some(&row.level) {
                if level_before.is_some() {
                    canvas.line(
                        (MARGIN, y - row_height / 2.0),
                        (WIDTH - MARGIN, y - row_height / 2.0),
                        RULE,
                        0.7,
                        "",
                    );
                }
                canvas.text(MARGIN, y + 3.4, Anchor::Start, STRONG, &STRONG.fit(&row.level, level_width));
                level_before = Some(&row.level);
            }
            let subject = SMALL.fit(&row.subject, subject_width);
            canvas.text(left - 9.0, y + 3.4, Anchor::End, SMALL, &subject);
            draw_row(&mut canvas, row, y, &scale);
            let (symbol, colour) = status_mark(&row.status);
            let x = plot.right + 16.0;
            canvas.symbol(symbol, x, y, 4.2, colour);
            canvas.text(x + 9.0, y + 3.4, Anchor::Start, SMALL, &row.status.words());
        }
        if self.rows.is_empty() {
            nothing(&mut canvas, plot, "No patient has received a fraction.");
        }
        let bottom = x_axis(&mut canvas, plot, &scale, &marked, "Days since first fraction");
        finish(canvas, bottom, self.around(last_day), frame)
    }

    fn around(&self, last_day: i32) -> Around {
        let day = |day: Option<i32>| day.map(|day| day.to_string()).unwrap_or_default();
        let nadir = |row: &WindowPatient, lineage| {
            row.nadirs
                .iter()
                .filter(|nadir| nadir.lineage == lineage)
                .map(|nadir| nadir.day.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let rows = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    row.subject.clone(),
                    row.level.clone(),
                    row.fractions.iter().map(i32::to_string).collect::<Vec<_>>().join(", "),
                    row.window_end.to_string(),
                    row.followed_to.to_string(),
                    row.status.words(),
                    day(row.dlt),
                    nadir(row, Lineage::Platelets),
                    nadir(row, Lineage::Neutrophils),
                ]
            })
            .collect();
        let header = [
            "Subject",
            "Level",
            "Fractions (day)",
            "Window end (day)",
            "Followed to (day)",
            "DLT status",
            "DLT (day)",
            "Platelet nadir (day)",
            "Neutrophil nadir (day)",
        ];
        let open = self.rows.iter().filter(|row| matches!(row.status, DltStatus::Pending { .. })).count();
        let dlt = self.rows.iter().filter(|row| row.status == DltStatus::Dlt).count();
        let cut = self.rows.iter().filter(|row| row.followed_to > last_day).count();
        Around {
            id: "F3".into(),
            title: "DLT windows".into(),
            alt: format!(
                "A row for each of {} treated patients, by dose level, on an axis of days since the first fraction. \
                 {open} windows are open; {dlt} patients had a dose-limiting toxicity.",
                self.rows.len()
            ),
            caption: "Dark bars are follow-up within the DLT window, thin ones after it; the upright line is the window's end. \
                      An arrow marks a window still open at the cut-off. The status at the right is the recorded judgement."
                .into(),
            data: DataTable::new(&header, rows),
            notes: levels_note(&self.levels, self.rows.iter().map(|row| row.level.as_str()))
                .into_iter()
                .chain((cut > 0).then(|| format!("Follow-up after day {last_day} is not shown (n = {cut}).")))
                .collect(),
            not_drawn: self.not_drawn.clone(),
        }
    }
}

const IN_WINDOW: Fill = Fill { colour: "#a9d3ee", hatch: None };
const LEFT_OPEN: Fill = Fill { colour: FAINT, hatch: None };
const AFTER: Fill = Fill { colour: RULE, hatch: None };
const PLATELETS: &str = "#8a3f6d";
const NEUTROPHILS: &str = INK;

fn draw_row(canvas: &mut Canvas, row: &WindowPatient, y: f64, scale: &Scale) {
    let at = |day: i32| scale.at(f64::from(day));
    let (start, end, followed) = (at(0), at(row.window_end), at(row.followed_to));
    canvas.rect(start, y - 4.0, end - start, 8.0, FAINT);
    canvas.rect(start, y - 4.0, followed.min(end) - start, 8.0, IN_WINDOW.colour);
    if row.followed_to > row.window_end {
        canvas.rect(end, y - 1.5, followed - end, 3.0, RULE);
    } else if matches!(row.status, DltStatus::Pending { .. }) && row.followed_to < row.window_end {
        canvas.arrow_right(followed, (followed + 14.0).min(end), y, BLUE);
    }
    canvas.line((end, y - 6.0), (end, y + 6.0), INK, 1.2, "");
    for &day in &row.fractions {
        canvas.symbol(Symbol::Down, at(day), y - 1.0, 3.4, INK);
    }
    for nadir in &row.nadirs {
        match nadir.lineage {
            Lineage::Platelets => canvas.symbol(Symbol::Diamond, at(nadir.day), y - 1.8, 3.7, PLATELETS),
            Lineage::Neutrophils => {
                canvas.symbol(Symbol::HollowDiamond, at(nadir.day), y + 1.8, 3.4, NEUTROPHILS)
            }
        }
    }
    if let Some(day) = row.dlt {
        canvas.symbol(Symbol::Cross, at(day), y, 5.2, VERMILLION);
    }
}
