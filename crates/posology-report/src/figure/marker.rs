//! A marker of one patient over time, with the lines by which response and progression are read.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, SMALL, STRONG, Symbol, Type, WIDTH, number};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, x_axis, y_title};
use super::scale::{DAYS, Scale, fine_ticks, ticks};
use super::style::{AXIS, BLUE, INK, SOFT, VERMILLION};
use super::text::spread;
use super::{DataTable, Figure, Frame};

/// A value after baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarkerValue {
    /// Days since the first fraction.
    pub day: i32,
    /// Date, as printed.
    pub date: String,
    /// Value.
    pub value: Decimal,
    /// Change from baseline, percent.
    pub from_baseline: Option<Decimal>,
    /// Nadir before it.
    pub nadir: Option<Decimal>,
    /// Change from the nadir, percent.
    pub from_nadir: Option<Decimal>,
    /// The value from which this visit would have shown progression.
    pub progresses_from: Option<Decimal>,
    /// Code of the category assessed that day.
    pub assessed: Option<String>,
    /// Whether that was progression.
    pub is_progression: bool,
}

/// A marker against its thresholds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarkerChart {
    /// Place among the patient's markers: part of the figure's id.
    pub place: usize,
    /// Name of the marker.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Criteria, in words.
    pub criteria: String,
    /// Day and value of the baseline.
    pub baseline: (i32, Decimal),
    /// Date of the baseline, as printed.
    pub baseline_date: String,
    /// Values after it.
    pub values: Vec<MarkerValue>,
    /// Thresholds of response: what stands at the line, and its value.
    pub levels: Vec<(String, Decimal)>,
    /// Day of each fraction given.
    pub fractions: Vec<i32>,
    /// Day on which new therapy began.
    pub new_therapy: Option<i32>,
}

impl MarkerChart {
    /// Draws the curve; the threshold of progression is a stair, since the nadir before each visit decides it.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let mark =
            |symbol, colour: &str, words: &str| (Key::Mark(symbol, colour.to_owned()), words.to_owned());
        let mut key = vec![
            mark(Symbol::Ring, INK, "baseline"),
            mark(Symbol::Disc, BLUE, "visit, with its category"),
            (Key::Line(AXIS.to_owned(), "4 3"), "reaches the category at or below".to_owned()),
            (Key::Line(VERMILLION.to_owned(), "2 2"), "progression from here".to_owned()),
            mark(Symbol::Down, INK, "fraction"),
        ];
        if self.values.iter().any(|value| value.is_progression) {
            key.insert(2, mark(Symbol::Up, VERMILLION, "visit assessed as progression"));
        }
        let mut top = legend(&mut canvas, 2.0, "", &key) + 16.0;
        y_title(&mut canvas, MARGIN, top, &format!("{}, {}", self.name, self.unit));
        top += 12.0;
        let names: Vec<String> =
            self.levels.iter().map(|(name, value)| format!("{name}: {}", value.normalize())).collect();
        // The fallback fonts are wider than the one measured.
        let room = SMALL.widest(names.iter().map(String::as_str)).max(60.0) * 1.15 + 10.0;
        let plot = Plot { left: MARGIN + 36.0, top, right: WIDTH - MARGIN - room, bottom: top + 190.0 };
        let highest = self
            .values
            .iter()
            .flat_map(|value| [Some(value.value), value.progresses_from])
            .flatten()
            .chain([self.baseline.1])
            .map(float)
            .fold(0.0, f64::max);
        let up =
            Scale::linear((0.0, if highest > 0.0 { highest * 1.08 } else { 1.0 }), (plot.bottom, plot.top));
        let days =
            || self.values.iter().map(|value| value.day).chain([self.baseline.0]).chain(self.new_therapy);
        let domain = (
            f64::from(days().min().unwrap_or(0).min(0)) - 2.0,
            f64::from(days().max().unwrap_or(0).max(28)) + 4.0,
        );
        let across = Scale::linear(domain, (plot.left, plot.right));
        canvas.line((plot.left, plot.top), (plot.left, plot.bottom), AXIS, 0.8, "");
        let top_value = if highest > 0.0 { highest * 1.08 } else { 1.0 };
        for tick in fine_ticks(0.0, top_value) {
            let y = up.at(tick);
            canvas.line((plot.left - 3.5, y), (plot.left, y), AXIS, 0.8, "");
            canvas.text(plot.left - 6.0, y + 3.2, Anchor::End, SMALL, &number(tick));
        }
        let heights: Vec<f64> = self.levels.iter().map(|(_, value)| up.at(float(*value))).collect();
        let placed = spread(&heights, 11.0, plot.top, plot.bottom + 2.0);
        for ((y, name), label) in heights.iter().zip(&names).zip(placed) {
            canvas.line((plot.left, *y), (plot.right, *y), AXIS, 0.9, "4 3");
            canvas.line((plot.right, *y), (plot.right + 6.0, label), AXIS, 0.6, "");
            canvas.text(plot.right + 8.0, label + 3.2, Anchor::Start, SMALL, name);
        }
        let stair = self.stair(&mut canvas, &across, &up);
        for day in &self.fractions {
            canvas.symbol(Symbol::Down, across.at(f64::from(*day)), plot.top - 5.0, 3.6, INK);
        }
        if let Some(day) = self.new_therapy {
            let x = across.at(f64::from(day));
            canvas.line((x, plot.top), (x, plot.bottom), INK, 1.0, "1 2");
            canvas.label(
                &[(x + 3.0, plot.top + 8.0, Anchor::Start), (x - 3.0, plot.top + 8.0, Anchor::End)],
                NOTE,
                "new therapy",
            );
        }
        self.curve(&mut canvas, &across, &up);
        if let (Some((x, y)), Some(level)) =
            (stair, self.values.iter().rev().find_map(|value| value.progresses_from))
        {
            let words = format!("PD from {}", level.normalize());
            let places = [
                (x + 8.0, y + 3.0, Anchor::Start),
                (x - 4.0, y - 5.0, Anchor::End),
                (x - 4.0, y + 11.0, Anchor::End),
                (x - 60.0, y - 5.0, Anchor::End),
                (x - 60.0, y + 11.0, Anchor::End),
            ];
            canvas.label(&places, Type { colour: SOFT, ..NOTE }, &words);
        }
        let marked = ticks(domain.0, domain.1, 12, DAYS);
        let bottom = x_axis(&mut canvas, plot, &across, &marked, "Days since the first fraction");
        finish(canvas, bottom, self.around(), frame)
    }

    fn stair(&self, canvas: &mut Canvas, across: &Scale, up: &Scale) -> Option<(f64, f64)> {
        let mut points: Vec<(f64, f64)> = Vec::new();
        let mut before = across.at(f64::from(self.baseline.0));
        for value in &self.values {
            let x = across.at(f64::from(value.day));
            if let Some(level) = value.progresses_from {
                let y = up.at(float(level));
                points.extend([(before, y), (x, y)]);
            }
            before = x;
        }
        canvas.path(&points, VERMILLION, 1.2, "2 2");
        canvas.occupy_path(&points);
        points.last().copied()
    }

    fn curve(&self, canvas: &mut Canvas, across: &Scale, up: &Scale) {
        let start = (across.at(f64::from(self.baseline.0)), up.at(float(self.baseline.1)));
        let points: Vec<(f64, f64)> = [start]
            .into_iter()
            .chain(
                self.values.iter().map(|value| (across.at(f64::from(value.day)), up.at(float(value.value)))),
            )
            .collect();
        canvas.path(&points, BLUE, 1.5, "");
        canvas.occupy_path(&points);
        let words =
            format!("{} {} {} at baseline, {}", self.name, self.baseline.1, self.unit, self.baseline_date);
        canvas.named(&words, None, (start.0 - 6.0, start.1 - 6.0, 12.0, 12.0), |canvas| {
            canvas.symbol(Symbol::Ring, start.0, start.1, 4.2, INK);
        });
        for (value, &(x, y)) in self.values.iter().zip(points.iter().skip(1)) {
            let percent = |of: Option<Decimal>, from: &str| {
                of.map(|percent| format!(", {percent}% from {from}")).unwrap_or_default()
            };
            let words = format!(
                "{} {} {} on {}, day {}{}{}: {}",
                self.name,
                value.value,
                self.unit,
                value.date,
                value.day,
                percent(value.from_baseline, "baseline"),
                percent(value.from_nadir, "nadir"),
                value.assessed.as_deref().unwrap_or("no category")
            );
            canvas.named(&words, None, (x - 6.0, y - 6.0, 12.0, 12.0), |canvas| {
                if value.is_progression {
                    canvas.symbol(Symbol::Up, x, y, 4.6, VERMILLION);
                } else {
                    canvas.symbol(Symbol::Disc, x, y, 3.0, BLUE);
                }
            });
            canvas.occupy(x - 4.0, y - 4.0, x + 4.0, y + 4.0);
        }
        for (value, &(x, y)) in self.values.iter().zip(points.iter().skip(1)) {
            if let Some(code) = &value.assessed {
                let places = [
                    (x, y - 6.0, Anchor::Middle),
                    (x, y + 13.0, Anchor::Middle),
                    (x + 6.0, y - 4.0, Anchor::Start),
                    (x - 6.0, y - 4.0, Anchor::End),
                    (x + 6.0, y + 11.0, Anchor::Start),
                    (x, y - 15.0, Anchor::Middle),
                    (x, y + 22.0, Anchor::Middle),
                    (x, y - 25.0, Anchor::Middle),
                ];
                canvas.label(&places, STRONG, code);
            }
        }
    }

    fn around(&self) -> Around {
        let shown = |value: Option<Decimal>| value.map(|value| value.to_string()).unwrap_or_default();
        let mut rows = vec![vec![
            self.baseline_date.clone(),
            self.baseline.0.to_string(),
            self.baseline.1.to_string(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            "baseline".to_owned(),
        ]];
        rows.extend(self.values.iter().map(|value| {
            vec![
                value.date.clone(),
                value.day.to_string(),
                value.value.to_string(),
                shown(value.from_baseline),
                shown(value.nadir),
                shown(value.from_nadir),
                shown(value.progresses_from),
                value.assessed.clone().unwrap_or_default(),
            ]
        }));
        let levels: Vec<String> =
            self.levels.iter().map(|(name, value)| format!("{name} at {}", value.normalize())).collect();
        Around {
            id: format!("marker-{}", self.place),
            title: format!("Curve of {}", self.name),
            alt: format!(
                "{} from {} {} at baseline over {} visits, with the thresholds of {}: {}.",
                self.name,
                self.baseline.1,
                self.unit,
                self.values.len(),
                self.criteria,
                levels.join(", ")
            ),
            caption: format!(
                "Thresholds of {} for this marker alone; the category beside each visit rests on all of them and stands below with its reasons. The stair is the value from which that visit would have shown progression by it: 25% above the nadir before, and above it by the least amount that the criteria ask.",
                self.criteria
            ),
            data: DataTable::new(
                &[
                    "Date",
                    "Day",
                    "Value",
                    "From baseline, %",
                    "Nadir before",
                    "From nadir, %",
                    "Progression from",
                    "Assessed",
                ],
                rows,
            ),
            notes: Vec::new(),
            not_drawn: Vec::new(),
        }
    }
}

fn float(value: Decimal) -> f64 {
    value.to_f64().unwrap_or(0.0)
}
