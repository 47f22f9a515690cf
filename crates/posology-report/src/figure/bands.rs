//! One patient's laboratory values, a small chart an analyte, over the grades of CTCAE as shaded bands.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, SMALL, STRONG, Symbol, Type, WIDTH, number};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, nothing, x_axis};
use super::scale::{DAYS, Scale, fine_ticks, log_ticks, ticks};
use super::style::{AXIS, BLUE, FAINT, INK, SOFT};
use super::text::spread;
use super::{DataTable, Figure, Frame};

/// A value of an analyte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BandedValue {
    /// Days since the first fraction.
    pub day: i32,
    /// Date, as printed.
    pub date: String,
    /// Value in the panel's unit.
    pub value: Decimal,
    /// As reported.
    pub reported: String,
    /// Grade; `None` where it could not be given.
    pub grade: Option<u8>,
    /// Taken under transfusion or growth factor.
    pub supported: bool,
}

/// Where a grade begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GradeBand {
    /// Grade.
    pub grade: u8,
    /// The value beyond which it begins.
    pub cut: Decimal,
    /// Whether it lies below the cut.
    pub below: bool,
    /// The rule in words.
    pub rule: String,
}

/// One analyte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BandedPanel {
    /// Name.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Whether values stand on a logarithmic axis.
    pub logarithmic: bool,
    /// Values in order of day.
    pub values: Vec<BandedValue>,
    /// Where grades begin.
    pub bands: Vec<GradeBand>,
    /// Place of the nadir or peak among the values, and which of the two it is.
    pub extreme: Option<(usize, String)>,
    /// What must be said of the bands, such as that limits of normal changed.
    pub note: Option<String>,
}

/// Analytes of one patient, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BandedValues {
    /// Id of the figure.
    pub id: String,
    /// Title.
    pub title: String,
    /// Panels in order.
    pub panels: Vec<BandedPanel>,
    /// Day of each fraction given.
    pub fractions: Vec<i32>,
    /// Last day of the DLT window.
    pub window_end: Option<i32>,
    /// What the grades are of, such as `CTCAE 5.0`.
    pub grading: String,
}

/// Shades of the grades, the worse the darker.
const SHADES: [&str; 4] = ["#fbf6e6", "#f8e6bd", "#f3cf9f", "#eab28f"];
const HEIGHT: f64 = 104.0;
const AXIS_ROOM: f64 = 30.0;
const NAME_ROOM: f64 = 20.0;

impl BandedValues {
    /// Draws the panels in two columns with a common axis of days.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let mut key = vec![
            (Key::Mark(Symbol::Disc, BLUE.to_owned()), "value".to_owned()),
            (Key::Mark(Symbol::HollowDiamond, INK.to_owned()), "nadir, or peak".to_owned()),
            (Key::Mark(Symbol::Down, INK.to_owned()), "fraction".to_owned()),
        ];
        if self.panels.iter().any(|panel| panel.values.iter().any(|value| value.supported)) {
            key.insert(1, (Key::Mark(Symbol::Ring, BLUE.to_owned()), "value under support".to_owned()));
        }
        if self.window_end.is_some() {
            key.push((Key::Line(AXIS.to_owned(), "4 3"), "end of the DLT window".to_owned()));
        }
        for (place, shade) in SHADES.into_iter().enumerate() {
            key.push((Key::Band(shade.to_owned()), format!("G{}", place + 1)));
        }
        let top = legend(&mut canvas, 2.0, "", &key) + 6.0;
        let columns = if self.panels.len() == 1 { 1 } else { 2 };
        let width = (WIDTH - 2.0 * MARGIN) / columns as f64;
        let days = self.days();
        let mut bottom = top;
        for (index, panel) in self.panels.iter().enumerate() {
            let (column, row) = (index % columns, index / columns);
            let left = MARGIN + width * column as f64;
            let y = top + (HEIGHT + 46.0) * row as f64;
            let plot = Plot {
                left: left + AXIS_ROOM,
                top: y + 20.0,
                right: left + width - NAME_ROOM - 10.0,
                bottom: y + 20.0 + HEIGHT,
            };
            let name = STRONG.fit(&panel.name, 150.0);
            canvas.text(left, y + 11.0, Anchor::Start, STRONG, &name);
            // The fallback fonts are wider than the one measured.
            let beside = left + STRONG.width(&name) * 1.15 + 8.0;
            canvas.text(beside, y + 11.0, Anchor::Start, NOTE, &panel.unit);
            let across = Scale::linear(days, (plot.left + 2.0, plot.right - 2.0));
            self.draw_panel(&mut canvas, panel, plot, &across);
            let marked = ticks(days.0, days.1, ((plot.right - plot.left) / 30.0) as usize, DAYS);
            bottom = x_axis(&mut canvas, plot, &across, &marked, "").max(bottom);
        }
        if self.panels.is_empty() {
            let plot = Plot { left: MARGIN, top, right: WIDTH - MARGIN, bottom: top + 40.0 };
            nothing(&mut canvas, plot, "No value is recorded.");
            bottom = plot.bottom;
        }
        let words = "Days since the first fraction";
        canvas.text(WIDTH / 2.0, bottom + 12.0, Anchor::Middle, super::canvas::BODY, words);
        finish(canvas, bottom + 16.0, self.around(), frame)
    }

    fn days(&self) -> (f64, f64) {
        let days = || self.panels.iter().flat_map(|panel| panel.values.iter().map(|value| value.day));
        let last = days().max().unwrap_or(0).max(self.window_end.unwrap_or(28));
        (f64::from(days().min().unwrap_or(0).min(0)) - 1.0, f64::from(last) + 2.0)
    }

    fn draw_panel(&self, canvas: &mut Canvas, panel: &BandedPanel, plot: Plot, across: &Scale) {
        let (low, high) = panel.extent();
        let range = (plot.bottom, plot.top);
        let up = if panel.logarithmic {
            Scale::log10((low, high), range)
        } else {
            Scale::linear((low, high), range)
        };
        draw_bands(canvas, panel, plot, &up);
        canvas.line((plot.left, plot.top), (plot.left, plot.bottom), AXIS, 0.8, "");
        let marked = if panel.logarithmic { log_ticks(low, high) } else { fine_ticks(low, high) };
        let mut named_above = f64::INFINITY;
        for tick in marked {
            let y = up.at(tick);
            canvas.line((plot.left - 3.0, y), (plot.left, y), AXIS, 0.8, "");
            if named_above - y > 12.0 {
                canvas.text(plot.left - 5.0, y + 3.1, Anchor::End, SMALL, &number(tick));
                named_above = y;
            }
        }
        if let Some(end) = self.window_end {
            let x = across.at(f64::from(end));
            canvas.line((x, plot.top), (x, plot.bottom), AXIS, 0.8, "4 3");
        }
        for day in &self.fractions {
            canvas.symbol(Symbol::Down, across.at(f64::from(*day)), plot.top - 4.0, 3.2, INK);
        }
        let points: Vec<(f64, f64)> = panel
            .values
            .iter()
            .map(|value| (across.at(f64::from(value.day)), up.at(float(value.value))))
            .collect();
        canvas.path(&points, BLUE, 1.3, "");
        canvas.occupy_path(&points);
        for (index, (&(x, y), value)) in points.iter().zip(&panel.values).enumerate() {
            let grade = value.grade.map_or_else(|| "not graded".to_owned(), |grade| format!("grade {grade}"));
            let support = if value.supported { ", under support" } else { "" };
            let extreme = panel.extreme.as_ref().filter(|(place, _)| *place == index);
            let name = extreme.map(|(_, name)| format!(", {name}")).unwrap_or_default();
            let words = format!(
                "{} {} on {}, day {}: {grade}{support}{name}",
                panel.name, value.reported, value.date, value.day
            );
            canvas.named(&words, None, (x - 4.0, y - 4.0, 8.0, 8.0), |canvas| match extreme {
                Some(_) => canvas.symbol(Symbol::HollowDiamond, x, y, 4.6, INK),
                None if value.supported => canvas.symbol(Symbol::Ring, x, y, 2.8, BLUE),
                None => canvas.symbol(Symbol::Disc, x, y, 1.9, BLUE),
            });
            canvas.occupy(x - 3.0, y - 3.0, x + 3.0, y + 3.0);
        }
        if let Some((place, name)) = &panel.extreme
            && let (Some(&(x, y)), Some(value)) = (points.get(*place), panel.values.get(*place))
        {
            let words = format!("{name} {}, day {}", number(float(value.value)), value.day);
            let how = Type { colour: INK, ..NOTE };
            let mut places = Vec::new();
            for (dx, anchor) in [(0.0, Anchor::Middle), (8.0, Anchor::Start), (-8.0, Anchor::End)] {
                for dy in [13.0, -7.0, 22.0, -16.0, 3.0, 34.0, -28.0] {
                    let inside = y + dy < plot.bottom - 1.0 && y + dy > plot.top + 8.0;
                    let width = how.width(&words);
                    let (from, to) = match anchor {
                        Anchor::Start => (x + dx, x + dx + width),
                        Anchor::Middle => (x - width / 2.0, x + width / 2.0),
                        Anchor::End => (x + dx - width, x + dx),
                    };
                    if inside && from > plot.left && to < plot.right + NAME_ROOM {
                        places.push((x + dx, y + dy, anchor));
                    }
                }
            }
            canvas.label(&places, how, &words);
        }
        if panel.values.is_empty() {
            nothing(canvas, plot, "No value.");
        }
    }

    fn around(&self) -> Around {
        let rows = self.panels.iter().flat_map(|panel| {
            panel.values.iter().enumerate().map(move |(index, value)| {
                let extreme = panel.extreme.as_ref().filter(|(place, _)| *place == index);
                vec![
                    panel.name.clone(),
                    value.date.clone(),
                    value.day.to_string(),
                    value.reported.clone(),
                    format!("{} {}", value.value, panel.unit).trim().to_owned(),
                    value.grade.map(|grade| grade.to_string()).unwrap_or_default(),
                    extreme.map(|(_, name)| name.clone()).unwrap_or_default(),
                    if value.supported { "yes".to_owned() } else { String::new() },
                ]
            })
        });
        let rules: Vec<String> = self
            .panels
            .iter()
            .filter(|panel| !panel.bands.is_empty())
            .map(|panel| {
                let bands: Vec<String> =
                    panel.bands.iter().map(|band| format!("G{} {}", band.grade, band.rule)).collect();
                format!("{}: {}", panel.name, bands.join(", "))
            })
            .collect();
        Around {
            id: self.id.clone(),
            title: self.title.clone(),
            alt: format!(
                "{} over days since the first fraction, each over the bands of its grades ({}). {}.",
                self.panels.iter().map(|panel| panel.name.as_str()).collect::<Vec<_>>().join(", "),
                self.grading,
                rules.join("; ")
            ),
            caption: format!("Grades by {}. {}.", self.grading, rules.join("; ")),
            data: DataTable::new(
                &[
                    "Analyte",
                    "Date",
                    "Day",
                    "As reported",
                    "Value",
                    "Grade",
                    "Nadir or peak",
                    "Under support",
                ],
                rows.collect(),
            ),
            notes: self.panels.iter().filter_map(|panel| panel.note.clone()).collect(),
            not_drawn: Vec::new(),
        }
    }
}

impl BandedPanel {
    /// Lowest and highest value of the axis: all values, the bands that they reach, and the next.
    fn extent(&self) -> (f64, f64) {
        let values: Vec<f64> = self.values.iter().map(|value| float(value.value)).collect();
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        if !highest.is_finite() {
            return (0.0, 1.0);
        }
        let high_cuts = self.bands.iter().filter(|band| !band.below).map(|band| float(band.cut));
        // A grade far above all values would press them to the floor.
        let near = |cut: &f64| *cut > highest && *cut < 3.0 * highest;
        let next = high_cuts.filter(near).fold(f64::INFINITY, f64::min);
        let mut high = highest
            .max(self.bands.iter().filter(|band| band.below).map(|band| float(band.cut)).fold(0.0, f64::max));
        if next.is_finite() {
            high = high.max(next * 1.12);
        }
        let low_cuts = || self.bands.iter().filter(|band| band.below).map(|band| float(band.cut));
        if self.logarithmic {
            let low = low_cuts().fold(lowest, f64::min);
            return (low * 0.6, high * 1.15);
        }
        let has_both = low_cuts().next().is_some() && self.bands.iter().any(|band| !band.below);
        if has_both && lowest > 0.0 {
            // A narrow range of normal, such as that of potassium, is not pressed together by an axis from zero.
            let next = low_cuts().filter(|cut| *cut < lowest).fold(0.0, f64::max);
            let low = if next > 0.0 { next * 0.93 } else { lowest * 0.8 };
            return (low, high * 1.05);
        }
        (0.0, if high > 0.0 { high * 1.08 } else { 1.0 })
    }
}

fn draw_bands(canvas: &mut Canvas, panel: &BandedPanel, plot: Plot, up: &Scale) {
    let mut names: Vec<(f64, String)> = Vec::new();
    for below in [true, false] {
        let mut bands: Vec<&GradeBand> = panel.bands.iter().filter(|band| band.below == below).collect();
        bands.sort_by_key(|band| band.grade);
        for (place, band) in bands.iter().enumerate() {
            let near = up.at(float(band.cut));
            let far = bands
                .get(place + 1)
                .map_or(if below { plot.bottom } else { plot.top }, |next| up.at(float(next.cut)));
            let (top, bottom) = (near.min(far), near.max(far));
            let shade = SHADES.get(usize::from(band.grade).saturating_sub(1)).copied().unwrap_or(FAINT);
            if bottom - top > 0.2 {
                canvas.rect(plot.left, top, plot.right - plot.left, bottom - top, shade);
                canvas.line((plot.left, near), (plot.right, near), SOFT, 0.5, "");
                names.push(((top + bottom) / 2.0, format!("G{}", band.grade)));
            }
        }
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted: Vec<f64> = names.iter().map(|(y, _)| *y).collect();
    for ((_, name), y) in names.iter().zip(spread(&wanted, 9.6, plot.top + 4.0, plot.bottom - 3.0)) {
        canvas.text(plot.right + 4.0, y + 3.1, Anchor::Start, NOTE, name);
    }
}

fn float(value: Decimal) -> f64 {
    value.to_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(values: &[(i32, i64)], bands: &[(u8, i64, bool)]) -> BandedPanel {
        BandedPanel {
            name: "platelets".to_owned(),
            unit: "10^9/L".to_owned(),
            logarithmic: false,
            values: values
                .iter()
                .map(|(day, value)| BandedValue {
                    day: *day,
                    date: format!("2024-01-{day:02}"),
                    value: Decimal::from(*value),
                    reported: format!("{value} 10^9/L"),
                    grade: Some(3),
                    supported: false,
                })
                .collect(),
            bands: bands
                .iter()
                .map(|(grade, cut, below)| GradeBand {
                    grade: *grade,
                    cut: Decimal::from(*cut),
                    below: *below,
                    rule: format!("below {cut}"),
                })
                .collect(),
            extreme: (!values.is_empty()).then(|| (0, "nadir".to_owned())),
            note: None,
        }
    }

    fn draw(panels: Vec<BandedPanel>) -> Figure {
        let figure = BandedValues {
            id: "counts".to_owned(),
            title: "Blood counts".to_owned(),
            panels,
            fractions: vec![0, 7],
            window_end: Some(85),
            grading: "CTCAE 5.0".to_owned(),
        };
        figure.draw(&Frame::default())
    }

    #[test]
    fn each_grade_is_a_band_with_its_name() {
        let bands = [(1, 150, true), (2, 75, true), (3, 50, true), (4, 25, true)];
        let figure = draw(vec![panel(&[(1, 40), (9, 200)], &bands)]);
        for (shade, name) in SHADES.iter().zip(["G1", "G2", "G3", "G4"]) {
            // Once in the key and once in the panel.
            assert_eq!(figure.svg().matches(&format!("fill=\"{shade}\"")).count(), 2, "{name}");
            assert_eq!(figure.svg().matches(&format!(">{name}<")).count(), 2, "{name}");
        }
        assert!(figure.svg().contains("nadir 40, day 1"));
    }

    #[test]
    fn the_axis_reaches_the_bands_that_values_reach_and_the_next() {
        let high = panel(&[(1, 90)], &[(1, 110, false), (2, 165, false), (3, 330, false)]);
        let (low, top) = high.extent();
        assert!(low == 0.0 && top > 110.0 && top < 165.0, "{low} to {top}");
        let both = panel(&[(1, 42)], &[(1, 35, true), (3, 30, true), (1, 51, false)]);
        let (low, top) = both.extent();
        assert!(low > 30.0 && low < 35.0 && top > 51.0, "{low} to {top}");
    }

    #[test]
    fn nothing_recorded_is_said_and_not_drawn_as_zero() {
        assert!(draw(Vec::new()).svg().contains("No value is recorded."));
        assert!(draw(vec![panel(&[], &[])]).svg().contains("No value."));
    }
}
