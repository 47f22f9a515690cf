//! F6: how the driving marker moved in each patient over time.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, SMALL, Symbol, Type, WIDTH};
use super::chart::{
    Around, Key, MARGIN, Plot, finish, legend, level_index, level_legend, nothing, rule, signed, x_axis,
    y_axis, y_title,
};
use super::scale::{Scale, TENS, WEEKS, ticks};
use super::style::{self, INK, RULE, VERMILLION};
use super::text::spread;
use super::waterfall::{imwg_thresholds, rounded, threshold};
use super::{DataTable, Figure, Frame, Level, NotDrawn};

/// What ended a patient's series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SpiderEnd {
    /// Nothing: on study at the cut-off, or left without progression.
    None,
    /// Progression.
    Progression,
    /// Another therapy was begun.
    NextTherapy,
}

/// A patient's marker at each planned visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpiderPatient {
    /// Subject identifier.
    pub subject: String,
    /// Id of the level.
    pub level: String,
    /// Day since the first fraction and change from baseline in percent, in order of day; none where the visit or the
    /// value is missing, which is drawn as a gap.
    pub visits: Vec<(i32, Option<Decimal>)>,
    /// How the series ended.
    pub end: SpiderEnd,
}

/// A patient's line: pieces between missing visits, the first from (0, 0).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpiderLine {
    /// Subject identifier.
    pub subject: String,
    /// Id of the level.
    pub level: String,
    /// Pieces of days and percent; a missing visit stands between two pieces.
    pub pieces: Vec<Vec<(i32, Decimal)>>,
    /// How the series ended.
    pub end: SpiderEnd,
}

/// Lines of change from baseline, one a patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spider {
    /// Levels in order; lines are darker at higher levels.
    pub levels: Vec<Level>,
    /// What is measured, such as `serum M-protein`, or `the driving marker` when it differs by patient.
    pub marker: String,
    /// Lines in the order given.
    pub lines: Vec<SpiderLine>,
    /// Lines across: change in percent and its meaning.
    pub thresholds: Vec<(i32, String)>,
    /// Patients without a value after baseline.
    pub not_drawn: Vec<NotDrawn>,
}

/// Least distance between names at the right.
const NAME_GAP: f64 = 9.6;

/// A rise above this is drawn at the edge and labelled.
const CUT_ABOVE: f64 = 100.0;

impl Spider {
    /// Breaks each patient's series at missing visits; a patient without any value is named in `not_drawn`.
    pub fn new(levels: Vec<Level>, marker: String, patients: Vec<SpiderPatient>) -> Self {
        let mut lines = Vec::new();
        let mut not_drawn = Vec::new();
        for patient in patients {
            if patient.visits.iter().all(|(_, change)| change.is_none()) {
                not_drawn.push(NotDrawn::new(&patient.subject, "no value after baseline"));
                continue;
            }
            let mut pieces = vec![vec![(0, Decimal::ZERO)]];
            for (day, change) in patient.visits {
                match (change, pieces.last_mut()) {
                    (Some(change), Some(piece)) => piece.push((day, change)),
                    (None, Some(piece)) if !piece.is_empty() => pieces.push(Vec::new()),
                    _ => {}
                }
            }
            pieces.retain(|piece| !piece.is_empty());
            lines.push(SpiderLine {
                subject: patient.subject,
                level: patient.level,
                pieces,
                end: patient.end,
            });
        }
        Spider { levels, marker, lines, thresholds: imwg_thresholds(), not_drawn }
    }

    /// Draws weeks since the first fraction across and percent change up, with names at the lines' ends.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let colour =
            |level: &str| style::level(level_index(&self.levels, level).unwrap_or(0), self.levels.len());
        let key = level_legend(&self.levels, self.lines.iter().map(|line| line.level.as_str()), |index| {
            Key::Line(style::level(index, self.levels.len()), "")
        });
        let mut top = legend(&mut canvas, 2.0, "Level", &key);
        let mut ends = Vec::new();
        for (end, symbol, colour, word) in [
            (SpiderEnd::Progression, Symbol::Diamond, VERMILLION, "progression"),
            (SpiderEnd::NextTherapy, Symbol::HollowDiamond, INK, "next therapy"),
        ] {
            let count = self.lines.iter().filter(|line| line.end == end).count();
            if count > 0 {
                ends.push((Key::Mark(symbol, colour.to_owned()), format!("{word} (n = {count})")));
            }
        }
        top = legend(&mut canvas, top, "Ended by", &ends) + 18.0;

        let names: Vec<String> = self
            .lines
            .iter()
            .map(|line| NOTE.fit(&format!("{} {}", line.subject, line.level), 110.0))
            .collect();
        let thresholds: Vec<String> =
            self.thresholds.iter().map(|(change, name)| threshold(*change, name)).collect();
        let name_width = NOTE.widest(names.iter().map(String::as_str));
        let height = (NAME_GAP * self.lines.len() as f64 + 6.0).clamp(205.0, 700.0);
        let rule_width = SMALL.widest(thresholds.iter().map(String::as_str)) + 8.0;
        let plot = Plot {
            left: MARGIN + 32.0,
            top,
            right: WIDTH - MARGIN - rule_width - if names.is_empty() { 0.0 } else { name_width + 26.0 },
            bottom: top + height,
        };
        y_title(&mut canvas, MARGIN, top - 8.0, &format!("Change from baseline, %, of {}", self.marker));
        let points = || self.lines.iter().flat_map(|line| line.pieces.iter().flatten());
        let highest = points().map(|(_, change)| value(*change)).fold(0.0, f64::max);
        let ceiling = if highest > 50.0 { CUT_ABOVE } else { 50.0 };
        let scale = Scale::linear((-100.0, ceiling), (plot.bottom - 3.0, plot.top + 14.0));
        let weeks = points().map(|(day, _)| f64::from(*day) / 7.0).fold(4.0, f64::max);
        let across = Scale::linear((0.0, weeks), (plot.left, plot.right));
        let marked: Vec<(f64, String)> =
            ticks(-100.0, ceiling, 9, TENS).into_iter().map(|tick| (tick, signed(tick))).collect();
        y_axis(&mut canvas, plot, &scale, &marked);
        let far = WIDTH - MARGIN - rule_width + 8.0;
        for ((change, _), label) in self.thresholds.iter().zip(&thresholds) {
            let y = scale.at(f64::from(*change));
            rule(&mut canvas, plot, y, "4 3");
            canvas.text(far, y + 3.2, Anchor::Start, SMALL, label);
        }
        canvas.line((plot.left, scale.at(0.0)), (plot.right, scale.at(0.0)), INK, 0.9, "");

        let at = |(day, change): (i32, Decimal)| (across.at(f64::from(day) / 7.0), scale.at(value(change)));
        let tips: Vec<(f64, f64)> = self
            .lines
            .iter()
            .filter_map(|line| line.pieces.last().and_then(|piece| piece.last()).copied())
            .map(at)
            .collect();
        for (line, &(x, y)) in self.lines.iter().zip(&tips) {
            let colour = colour(&line.level);
            let last = line.pieces.last().and_then(|piece| piece.last());
            let words = last.map_or_else(String::new, |(day, change)| {
                format!("{} {}: {}% on day {day}", line.subject, line.level, change.round_dp(1))
            });
            canvas.named(&words, None, (x - 4.0, y - 4.0, 8.0, 8.0), |canvas| {
                for piece in &line.pieces {
                    let points: Vec<(f64, f64)> = piece.iter().copied().map(at).collect();
                    canvas.path(&points, &colour, 1.4, "");
                    canvas.occupy_path(&points);
                    for (&(x, y), &(day, change)) in points.iter().zip(piece) {
                        if value(change) > CUT_ABOVE {
                            canvas.symbol(Symbol::Up, x, y, 3.6, &colour);
                        } else if day > 0 {
                            canvas.symbol(Symbol::Disc, x, y, 1.5, &colour);
                        }
                        canvas.occupy(x - 2.5, y - 2.5, x + 2.5, y + 2.5);
                    }
                }
                match line.end {
                    SpiderEnd::None => {}
                    SpiderEnd::Progression => canvas.symbol(Symbol::Diamond, x, y, 4.0, VERMILLION),
                    SpiderEnd::NextTherapy => canvas.symbol(Symbol::HollowDiamond, x, y, 3.8, INK),
                }
            });
        }
        for height in [0.0].into_iter().chain(self.thresholds.iter().map(|(change, _)| f64::from(*change))) {
            canvas.occupy_path(&[(plot.left, scale.at(height)), (plot.right, scale.at(height))]);
        }
        self.name_lines(&mut canvas, plot, &names, &tips);
        for line in &self.lines {
            let highest = line.pieces.iter().flatten().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
            if let Some(&(day, change)) = highest.filter(|(_, change)| value(*change) > CUT_ABOVE) {
                let (x, y) = at((day, change));
                let places = [
                    (x, y - 5.0, Anchor::Middle),
                    (x - 6.0, y - 5.0, Anchor::End),
                    (x + 6.0, y + 11.0, Anchor::Start),
                ];
                canvas.label(&places, NOTE, &format!("{}%", rounded(change)));
            }
        }
        if self.lines.is_empty() {
            nothing(&mut canvas, plot, "No patient has a value after baseline.");
        }
        let bottom =
            x_axis(&mut canvas, plot, &across, &ticks(0.0, weeks, 12, WEEKS), "Weeks since first fraction");
        finish(canvas, bottom, self.around(), frame)
    }

    /// Each name beside its line's end, if there is room; else at the right, joined to the end by a thin line.
    fn name_lines(&self, canvas: &mut Canvas, plot: Plot, names: &[String], tips: &[(f64, f64)]) {
        let how = Type { colour: INK, ..NOTE };
        for &(x, y) in tips {
            canvas.occupy(x - 4.0, y - 4.0, x + 4.0, y + 4.0);
        }
        let mut left_over = Vec::new();
        for (name, &(x, y)) in names.iter().zip(tips) {
            let places = [
                (x + 7.0, y + 3.1, Anchor::Start),
                (x + 5.0, y - 3.5, Anchor::Start),
                (x + 5.0, y + 10.0, Anchor::Start),
                (x, y - 7.0, Anchor::Middle),
                (x, y + 13.0, Anchor::Middle),
            ];
            let inside = x + 7.0 + how.width(name) <= plot.right;
            if !(inside && canvas.label(&places, how, name)) {
                left_over.push((name, (x, y)));
            }
        }
        let wanted: Vec<f64> = left_over.iter().map(|(_, tip)| tip.1).collect();
        let placed = spread(&wanted, NAME_GAP, plot.top + 4.0, plot.bottom - 4.0);
        for ((name, (x, y)), label_y) in left_over.into_iter().zip(placed) {
            let start = plot.right + 22.0;
            let elbow = plot.right + 5.0;
            canvas.path(&[(x + 5.0, y), (elbow, y)], RULE, 0.7, "1 2");
            canvas.path(&[(elbow, y), (start - 4.0, label_y), (start - 1.5, label_y)], RULE, 0.7, "");
            canvas.text(start, label_y + 3.1, Anchor::Start, how, name);
        }
    }

    fn around(&self) -> Around {
        let rows = self
            .lines
            .iter()
            .flat_map(|line| {
                line.pieces.iter().enumerate().flat_map(move |(piece, points)| {
                    points.iter().map(move |(day, change)| {
                        let (subject, level) = (line.subject.clone(), line.level.clone());
                        let percent = crate::table::rounded(*change, 1);
                        vec![subject, level, (piece + 1).to_string(), day.to_string(), percent]
                    })
                })
            })
            .collect();
        let gaps = self.lines.iter().filter(|line| line.pieces.len() > 1).count();
        Around {
            id: "F6".into(),
            title: format!("Change over time of {}", self.marker),
            alt: format!(
                "A line for each of {} patients from 0 at the first fraction, on an axis of weeks; {} ended in progression. \
                 {gaps} lines have gaps for missing visits.",
                self.lines.len(),
                self.lines.iter().filter(|line| line.end == SpiderEnd::Progression).count()
            ),
            caption: "Lines are darker at higher dose levels and named at their ends. Gaps are missing visits. Dashed lines are the \
                      percent changes at which categories begin. Values over +100% stand at the edge with their number."
                .into(),
            data: DataTable::new(&["Subject", "Level", "Piece", "Day", "Change from baseline (%)"], rows),
            notes: Vec::new(),
            not_drawn: self.not_drawn.clone(),
        }
    }
}

fn value(change: Decimal) -> f64 {
    change.to_f64().unwrap_or(0.0)
}
