//! F9: how blood counts fell and recovered after each infusion.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, SMALL, STRONG, Symbol, Type, WIDTH};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, level_index, nothing, x_axis, y_title};
use super::scale::{DAYS, Scale, TENS, log_ticks, ticks};
use super::style::{self, AXIS, FAINT, INK, RULE, SOFT};
use super::text::spread;
use super::{DataTable, Figure, Frame, Level, NotDrawn};

/// A bound between grades, drawn as a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GradeBound {
    /// In the unit of the values.
    pub value: Decimal,
    /// Such as `Grade 4` for values below.
    pub label: String,
}

/// What is measured, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountsSetting {
    /// Name of the count, such as `Platelets`; also part of the figure's id.
    pub analyte: String,
    /// Unit of all values, such as `10⁹/L`.
    pub unit: String,
    /// Bounds between grades.
    pub bounds: Vec<GradeBound>,
    /// Last day of the DLT window, shaded from day 0.
    pub window_end: i32,
    /// Whether values stand on a logarithmic axis.
    pub logarithmic: bool,
}

/// A patient's counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountSeries {
    /// Subject identifier.
    pub subject: String,
    /// Id of the level.
    pub level: String,
    /// Day since the first fraction (before it: negative) and value, in order of day.
    pub values: Vec<(i32, Decimal)>,
    /// Day of each fraction given.
    pub fractions: Vec<i32>,
}

/// Counts over time, a panel a level, a line a patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counts {
    /// What is shown.
    pub setting: CountsSetting,
    /// Level ids, one a panel, in the ladder's order.
    pub panels: Vec<String>,
    /// Names of levels.
    pub levels: Vec<Level>,
    /// Lines, sorted by panel, otherwise in the order given.
    pub lines: Vec<CountSeries>,
    /// Patients without a value, or without a first fraction.
    pub not_drawn: Vec<NotDrawn>,
}

impl Counts {
    /// Sorts patients by level; one without a value or a first fraction has no line.
    pub fn new(setting: CountsSetting, levels: Vec<Level>, patients: Vec<CountSeries>) -> Self {
        let mut lines = Vec::new();
        let mut not_drawn = Vec::new();
        for patient in patients {
            if patient.fractions.is_empty() {
                not_drawn.push(NotDrawn::new(&patient.subject, "no fraction given"));
            } else if patient.values.is_empty() {
                not_drawn.push(NotDrawn::new(&patient.subject, "no value"));
            } else {
                lines.push(patient);
            }
        }
        lines.sort_by_key(|line| level_index(&levels, &line.level).unwrap_or(levels.len()));
        let mut panels: Vec<String> = Vec::new();
        for line in &lines {
            if !panels.contains(&line.level) {
                panels.push(line.level.clone());
            }
        }
        Counts { setting, panels, levels, lines, not_drawn }
    }

    /// Draws panels in rows of three (one or two panels: side by side) with common axes.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let setting = &self.setting;
        let key = vec![
            (Key::Mark(Symbol::Down, INK.to_owned()), "fraction".to_owned()),
            (Key::Band(FAINT.to_owned()), format!("DLT window, to day {}", setting.window_end)),
            (Key::Line(AXIS.to_owned(), "4 3"), "grade begins below the line".to_owned()),
        ];
        let mut y = legend(&mut canvas, 2.0, "", &key) + 16.0;
        let scale_words = if setting.logarithmic { ", logarithmic" } else { "" };
        y_title(&mut canvas, MARGIN, y, &format!("{}, {}{scale_words}", setting.analyte, setting.unit));
        y += 8.0;

        let columns = self.panels.len().clamp(1, 3);
        let name_width = NOTE.widest(self.lines.iter().map(|line| line.subject.as_str())).min(70.0);
        let bound_width = NOTE.widest(setting.bounds.iter().map(|bound| bound.label.as_str()));
        let axis_room = 34.0;
        let width = (WIDTH - 2.0 * MARGIN - axis_room - bound_width - 6.0) / columns as f64;
        let most = self.panels.iter().map(|panel| self.of(panel).count()).max().unwrap_or(0);
        let height = (9.8 * most as f64 + 24.0).max(if columns == 1 { 215.0 } else { 132.0 });
        let (low, high) = self.extent();
        let days = self.days();

        let shown: Vec<&str> =
            if self.panels.is_empty() { vec![""] } else { self.panels.iter().map(String::as_str).collect() };
        let mut bottom = y;
        for (index, panel) in shown.iter().enumerate() {
            let (column, row) = (index % columns, index / columns);
            let left = MARGIN + axis_room + width * column as f64;
            let top = y + 16.0 + (height + 34.0) * row as f64;
            let plot = Plot { left, top, right: left + width - name_width - 16.0, bottom: top + height };
            let range = (plot.bottom, plot.top + 9.0);
            let up = if setting.logarithmic {
                Scale::log10((low, high), range)
            } else {
                Scale::linear((low, high), range)
            };
            let across = Scale::linear(days, (plot.left + 2.0, plot.right));
            let is_last = column + 1 == columns || index + 1 == shown.len();
            self.ground(
                &mut canvas,
                plot,
                &across,
                &up,
                column == 0,
                is_last.then_some(plot.right + name_width + 16.0),
            );
            self.lines_of(&mut canvas, panel, plot, &across, &up);
            let words = level_words(&self.levels, panel, self.of(panel).count());
            canvas.text(plot.left, top - 3.0, Anchor::Start, STRONG, &STRONG.fit(&words, width - 12.0));
            let marked = ticks(days.0, days.1, ((plot.right - plot.left) / 26.0) as usize, DAYS);
            bottom = x_axis(&mut canvas, plot, &across, &marked, "").max(bottom);
            if self.panels.is_empty() {
                nothing(&mut canvas, plot, "No patient has a value.");
            }
        }
        let middle = (MARGIN + axis_room + WIDTH - MARGIN) / 2.0;
        canvas.text(middle, bottom + 12.0, Anchor::Middle, super::canvas::BODY, "Days since first fraction");
        finish(canvas, bottom + 16.0, self.around(), frame)
    }

    fn of<'a>(&'a self, panel: &'a str) -> impl Iterator<Item = &'a CountSeries> + 'a {
        self.lines.iter().filter(move |line| line.level == panel)
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.lines.iter().flat_map(|line| line.values.iter().map(|(_, count)| value(*count)))
    }

    /// Lowest and highest value of the axis, room for the bounds included.
    fn extent(&self) -> (f64, f64) {
        let bounds = self.setting.bounds.iter().map(|bound| value(bound.value));
        let all: Vec<f64> = self.values().chain(bounds).filter(|count| *count > 0.0).collect();
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        match (self.setting.logarithmic, high.is_finite()) {
            (true, true) => (low * 0.8, high * 1.15),
            (true, false) => (1.0, 100.0),
            (false, true) => (0.0, high * 1.05),
            (false, false) => (0.0, 100.0),
        }
    }

    fn days(&self) -> (f64, f64) {
        let days = || self.lines.iter().flat_map(|line| line.values.iter().map(|(day, _)| *day));
        let first = days().min().unwrap_or(0).clamp(-56, 0);
        let last = days().max().unwrap_or(0).max(self.setting.window_end).clamp(7, 3_650);
        (f64::from(first), f64::from(last) + 2.0)
    }

    /// Window, grade bounds and the vertical axis of a panel; bounds are named only in the last of a row.
    fn ground(
        &self,
        canvas: &mut Canvas,
        plot: Plot,
        across: &Scale,
        up: &Scale,
        first: bool,
        names_at: Option<f64>,
    ) {
        let (from, to) = (across.at(0.0), across.at(f64::from(self.setting.window_end)));
        canvas.rect(from, plot.top, to - from, plot.bottom - plot.top, FAINT);
        canvas.line((plot.left, plot.top), (plot.left, plot.bottom), AXIS, 0.8, "");
        let (low, high) = self.extent();
        let marked = if self.setting.logarithmic { log_ticks(low, high) } else { ticks(low, high, 6, TENS) };
        // Values are named once a row of panels; on a log axis only as densely as they can be read.
        let mut named_above = f64::INFINITY;
        for tick in marked {
            let y = up.at(tick);
            canvas.line((plot.left - 3.0, y), (plot.left, y), AXIS, 0.8, "");
            if first && named_above - y > 11.0 {
                canvas.text(plot.left - 5.5, y + 3.1, Anchor::End, SMALL, &super::canvas::number(tick));
                named_above = y;
            }
        }
        let heights: Vec<f64> = self.setting.bounds.iter().map(|bound| up.at(value(bound.value))).collect();
        for &y in &heights {
            canvas.line((plot.left, y), (plot.right, y), AXIS, 0.8, "4 3");
        }
        if let Some(x) = names_at {
            let placed = spread(&heights, 10.0, plot.top + 4.0, plot.bottom - 2.0);
            for (bound, y) in self.setting.bounds.iter().zip(placed) {
                canvas.text(x, y + 3.1, Anchor::Start, Type { colour: SOFT, ..NOTE }, &bound.label);
            }
        }
    }

    fn lines_of(&self, canvas: &mut Canvas, panel: &str, plot: Plot, across: &Scale, up: &Scale) {
        let mut fractions: Vec<i32> =
            self.of(panel).flat_map(|line| line.fractions.iter().copied()).collect();
        fractions.sort_unstable();
        fractions.dedup();
        for day in fractions {
            canvas.symbol(Symbol::Down, across.at(f64::from(day)), plot.top + 4.0, 3.2, INK);
        }
        let mut tips = Vec::new();
        for (index, line) in self.of(panel).enumerate() {
            let (colour, dash) = style::line(index);
            let points: Vec<(f64, f64)> = line
                .values
                .iter()
                .map(|(day, count)| (across.at(f64::from(*day)), up.at(value(*count))))
                .collect();
            canvas.path(&points, colour, 1.3, dash);
            for (&(x, y), (_, count)) in points.iter().zip(&line.values) {
                if self.setting.logarithmic && *count <= Decimal::ZERO {
                    canvas.symbol(Symbol::HollowDown, x, y - 2.0, 3.0, colour);
                } else if points.len() <= 30 {
                    canvas.symbol(Symbol::Disc, x, y, 1.1, colour);
                }
            }
            if let Some(&tip) = points.last() {
                tips.push((tip, colour, &line.subject));
            }
        }
        let wanted: Vec<f64> = tips.iter().map(|((_, y), ..)| *y).collect();
        let placed = spread(&wanted, 9.6, plot.top + 4.0, plot.bottom - 4.0);
        for (((x, y), _, subject), label) in tips.into_iter().zip(placed) {
            let start = plot.right + 12.0;
            canvas.path(&[(x + 2.0, y), (plot.right + 2.0, y), (start - 2.0, label)], RULE, 0.6, "");
            let how = Type { colour: INK, ..NOTE };
            canvas.text(start, label + 3.1, Anchor::Start, how, &how.fit(subject, 70.0));
        }
    }

    fn around(&self) -> Around {
        let setting = &self.setting;
        let rows = self
            .lines
            .iter()
            .flat_map(|line| {
                line.values.iter().map(move |(day, count)| {
                    vec![line.subject.clone(), line.level.clone(), day.to_string(), count.to_string()]
                })
            })
            .collect();
        let below = self.setting.logarithmic
            && self.lines.iter().any(|line| line.values.iter().any(|(_, count)| *count <= Decimal::ZERO));
        let bounds: Vec<String> = setting
            .bounds
            .iter()
            .map(|bound| {
                // A unit that is itself a power of ten reads as a product.
                let times = if setting.unit.starts_with("10") { "× " } else { "" };
                format!("{} below {} {times}{}", bound.label, bound.value, setting.unit)
            })
            .collect();
        Around {
            id: format!("F9-{}", setting.analyte.to_lowercase()),
            title: format!("{} over time", setting.analyte),
            alt: format!(
                "{} in {} of {} patients against days since the first fraction, a panel for each of {} dose levels. {}.",
                setting.analyte,
                setting.unit,
                self.lines.len(),
                self.panels.len(),
                bounds.join("; ")
            ),
            caption: format!(
                "A line a patient, named at its end; triangles at the top are fractions, the shaded days the DLT window. {}.",
                bounds.join("; ")
            ),
            data: DataTable::new(
                &["Subject", "Level", "Day", &format!("{} ({})", setting.analyte, setting.unit)],
                rows,
            ),
            notes: if below {
                vec!["Hollow triangles: values of 0, which a logarithmic axis cannot show.".into()]
            } else {
                Vec::new()
            },
            not_drawn: self.not_drawn.clone(),
        }
    }
}

fn level_words(levels: &[Level], id: &str, count: usize) -> String {
    match levels.iter().find(|level| level.id == id) {
        Some(level) => format!("{id}  {} (n = {count})", level.label),
        None if id.is_empty() => String::new(),
        None => format!("{id} (n = {count})"),
    }
}

fn value(count: Decimal) -> f64 {
    count.to_f64().unwrap_or(0.0)
}
