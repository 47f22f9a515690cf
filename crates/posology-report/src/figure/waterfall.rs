//! F5: how far the driving marker fell (or rose) in each patient, at best.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, SMALL, Type, WIDTH};
use super::chart::{
    Around, Key, MARGIN, Plot, finish, legend, levels_note, nothing, rule, signed, y_axis, y_title,
};
use super::scale::{Scale, TENS, ticks};
use super::style::{self, INK, SOFT, WHITE};
use super::{DataTable, Figure, Frame, Level, NotDrawn};

/// A patient as the waterfall asks for one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WaterfallPatient {
    /// Subject identifier.
    pub subject: String,
    /// Id of the level.
    pub level: String,
    /// Short name of the marker by which the patient is measurable, such as `sM`; joins to the figure's key.
    pub marker: String,
    /// Best change of that marker from baseline, in percent (-48 is a fall by 48%); none without a value after baseline.
    pub change: Option<Decimal>,
    /// Why there is no change, as a clause; used only when `change` is none.
    pub missing: String,
    /// Code of the best response, such as `PR`.
    pub best_response: String,
    /// Whether that response is confirmed; others get an asterisk.
    pub confirmed: bool,
}

/// A bar of the waterfall.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WaterfallBar {
    /// Subject identifier.
    pub subject: String,
    /// Id of the level.
    pub level: String,
    /// Short name of the marker.
    pub marker: String,
    /// Best change in percent, uncut.
    pub change: Decimal,
    /// Code of the best response.
    pub best_response: String,
    /// Whether that response is confirmed.
    pub confirmed: bool,
}

/// Bars from the greatest rise to the deepest fall.
///
/// ```
/// use posology_report::figure::*;
/// let patient = WaterfallPatient {
///     subject: "P-01".into(), level: "DL6".into(), marker: "sM".into(), change: Some((-48).into()),
///     missing: String::new(), best_response: "MR".into(), confirmed: true,
/// };
/// let figure = Waterfall::new(vec![], vec![("sM".into(), "serum M-protein".into())], vec![patient]);
/// assert_eq!(figure.bars[0].change, (-48).into());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waterfall {
    /// Levels in order, for the footnote.
    pub levels: Vec<Level>,
    /// Short and full name of each marker.
    pub markers: Vec<(String, String)>,
    /// Bars from left to right.
    pub bars: Vec<WaterfallBar>,
    /// Lines across: change in percent and its meaning. IMWG 2016 by default: MR, PR, VGPR and PD.
    pub thresholds: Vec<(i32, String)>,
    /// Patients without a change.
    pub not_drawn: Vec<NotDrawn>,
}

const RESPONSE: Type = Type { colour: INK, ..NOTE };

/// A rise above this is cut and labelled.
const CUT_ABOVE: i64 = 100;

/// Changes that bound IMWG 2016 categories by percent alone. A rise by 25% has no name: progression is counted from the lowest
/// value, not from baseline.
pub(super) fn imwg_thresholds() -> Vec<(i32, String)> {
    [(25, ""), (-25, "MR"), (-50, "PR"), (-90, "VGPR")].map(|(change, name)| (change, name.to_owned())).into()
}

impl Waterfall {
    /// Sorts patients by change, ties by subject, and names those without one.
    pub fn new(levels: Vec<Level>, markers: Vec<(String, String)>, patients: Vec<WaterfallPatient>) -> Self {
        let mut bars = Vec::new();
        let mut not_drawn = Vec::new();
        for patient in patients {
            let WaterfallPatient { subject, level, marker, change, missing, best_response, confirmed } =
                patient;
            match change {
                Some(change) => {
                    bars.push(WaterfallBar { subject, level, marker, change, best_response, confirmed })
                }
                None => not_drawn.push(NotDrawn { subject, reason: missing }),
            }
        }
        bars.sort_by(|a, b| b.change.cmp(&a.change).then_with(|| a.subject.cmp(&b.subject)));
        Waterfall { levels, markers, bars, thresholds: imwg_thresholds(), not_drawn }
    }

    /// Draws the bars with response above or below, level and subject under the plot.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let codes = style::responses_in_order(self.bars.iter().map(|bar| bar.best_response.as_str()));
        let key: Vec<_> = codes
            .iter()
            .map(|code| {
                let patients = self.bars.iter().filter(|bar| bar.best_response == *code).count();
                (Key::Box(style::response(code)), format!("{code} (n = {patients})"))
            })
            .collect();
        let top = legend(&mut canvas, 2.0, "Best response", &key) + 18.0;

        let right_labels: Vec<String> =
            self.thresholds.iter().map(|(change, name)| threshold(*change, name)).collect();
        let several = self.bars.iter().any(|bar| bar.marker != self.bars[0].marker);
        let plot = Plot {
            left: MARGIN + 46.0,
            top,
            right: WIDTH - MARGIN - SMALL.widest(right_labels.iter().map(String::as_str)) - 6.0,
            bottom: top + 190.0,
        };
        y_title(
            &mut canvas,
            MARGIN,
            top - 8.0,
            &format!("Best change from baseline, %, of {}", self.marker_words()),
        );
        let highest = self.bars.iter().map(|bar| value(bar.change)).fold(0.0, f64::max);
        let ceiling = if highest > 50.0 { CUT_ABOVE as f64 } else { 50.0 };
        let slot = ((plot.right - plot.left - 8.0) / self.bars.len().max(1) as f64).min(46.0);
        let upright = RESPONSE.widest(self.bars.iter().map(|bar| bar.best_response.as_str())) + 2.0 > slot;
        // Headroom for the word over a full bar, foot room for the one under a bar at -100%.
        let (foot_room, headroom) = if upright { (32.0, 42.0) } else { (13.0, 13.0) };
        let scale = Scale::linear((-100.0 - foot_room, ceiling + headroom), (plot.bottom, plot.top));
        let marked: Vec<(f64, String)> =
            ticks(-100.0, ceiling, 9, TENS).into_iter().map(|tick| (tick, signed(tick))).collect();
        y_axis(&mut canvas, plot, &scale, &marked);
        for ((change, _), label) in self.thresholds.iter().zip(&right_labels) {
            let y = scale.at(f64::from(*change));
            rule(&mut canvas, plot, y, "4 3");
            canvas.text(plot.right + 5.0, y + 3.2, Anchor::Start, SMALL, label);
        }

        let width = slot * 0.74;
        let zero = scale.at(0.0);
        let mut foot = Foot::new(self, slot, several);
        for (index, bar) in self.bars.iter().enumerate() {
            let left = plot.left + 4.0 + slot * index as f64 + (slot - width) / 2.0;
            let middle = left + width / 2.0;
            let cut = bar.change > Decimal::from(CUT_ABOVE);
            let end = scale.at(if cut { ceiling } else { value(bar.change) });
            let fill = style::response(&bar.best_response);
            let (high, size) = (end.min(zero), (end - zero).abs().max(0.8));
            let words = format!(
                "{} {}: {}% of {}, best response {}{}",
                bar.subject,
                bar.level,
                bar.change.round_dp(1),
                bar.marker,
                bar.best_response,
                if bar.confirmed { "" } else { ", not confirmed" }
            );
            canvas.named(&words, None, (left, high, width, size), |canvas| {
                canvas.bar(left, high, width, size, fill);
            });
            if cut {
                let y = end + 7.0;
                canvas.polygon(
                    &[
                        (left - 1.0, y + 3.0),
                        (left + width + 1.0, y - 2.0),
                        (left + width + 1.0, y + 1.5),
                        (left - 1.0, y + 6.5),
                    ],
                    WHITE,
                    1.0,
                );
            }
            let above = bar.change > Decimal::ZERO;
            let beyond = if above { end - 3.5 } else { end + 9.5 };
            let star = if bar.confirmed { "" } else { "*" };
            let response = format!("{}{star}", bar.best_response);
            let words = if cut { format!("{}%", rounded(bar.change)) } else { response };
            if slot < 9.5 {
                continue;
            } else if upright {
                let (anchor, y) = if above { (Anchor::Start, end - 3.0) } else { (Anchor::End, end + 3.0) };
                canvas.text_upward(middle + 3.0, y, anchor, RESPONSE, &words);
            } else {
                let places = [
                    (middle, beyond, Anchor::Middle),
                    (left, beyond, Anchor::Start),
                    (middle, beyond - 11.0, Anchor::Middle),
                ];
                canvas.label(&places, RESPONSE, &words);
            }
            foot.write(&mut canvas, middle, plot.bottom, bar);
        }
        canvas.line((plot.left, zero), (plot.right, zero), INK, 0.9, "");
        if self.bars.is_empty() {
            nothing(&mut canvas, plot, "No patient has a value after baseline.");
        }
        let bottom = foot.head(&mut canvas, plot.bottom);
        finish(canvas, bottom, self.around(several), frame)
    }

    /// The marker, if it is the same for all.
    fn marker_words(&self) -> String {
        let Some(first) = self.bars.first() else { return "the driving marker".to_owned() };
        if self.bars.iter().any(|bar| bar.marker != first.marker) {
            return "the driving marker".to_owned();
        }
        self.full_name(&first.marker)
    }

    fn full_name(&self, marker: &str) -> String {
        self.markers
            .iter()
            .find(|(short, _)| short == marker)
            .map_or_else(|| marker.to_owned(), |(_, full)| full.clone())
    }

    fn around(&self, several: bool) -> Around {
        let rows = self
            .bars
            .iter()
            .map(|bar| {
                vec![
                    bar.subject.clone(),
                    bar.level.clone(),
                    self.full_name(&bar.marker),
                    crate::table::rounded(bar.change, 1),
                    bar.best_response.clone(),
                    if bar.confirmed { "yes" } else { "no" }.to_owned(),
                ]
            })
            .collect();
        let header =
            ["Subject", "Level", "Marker", "Best change from baseline (%)", "Best response", "Confirmed"];
        let mut notes: Vec<String> =
            levels_note(&self.levels, self.bars.iter().map(|bar| bar.level.as_str())).into_iter().collect();
        if several {
            let mut used: Vec<&str> = Vec::new();
            for bar in &self.bars {
                if !used.contains(&bar.marker.as_str()) {
                    used.push(&bar.marker);
                }
            }
            let names: Vec<String> =
                used.iter().map(|short| format!("{short}: {}", self.full_name(short))).collect();
            notes.push(format!("Marker: {}.", names.join("; ")));
        }
        if self.bars.iter().any(|bar| !bar.confirmed) {
            notes.push("* Best response not confirmed.".to_owned());
        }
        let reached =
            |change: i32| self.bars.iter().filter(|bar| bar.change <= Decimal::from(change)).count();
        Around {
            id: "F5".into(),
            title: "Best change of the driving marker".into(),
            alt: format!(
                "A bar for each of {} patients, from the greatest rise to the deepest fall of {}. {} fell by at least 25%, {} by \
                 at least 50%, {} by at least 90%. {} patients are not drawn.",
                self.bars.len(),
                self.marker_words(),
                reached(-25),
                reached(-50),
                reached(-90),
                self.not_drawn.len()
            ),
            caption: "Bars are filled by best response. Dashed lines are the percent changes at which categories begin; a category \
                      may ask for more than percent, and progression is counted from the lowest value. A bar over +100% is cut and labelled with its value."
                .into(),
            data: DataTable::new(&header, rows),
            notes,
            not_drawn: self.not_drawn.clone(),
        }
    }
}

/// The lines of names under the bars: level, marker where it differs, subject.
struct Foot {
    slot: f64,
    lines: Vec<FootLine>,
}

struct FootLine {
    title: &'static str,
    name: fn(&WaterfallBar) -> &str,
    upright: bool,
    height: f64,
}

impl Foot {
    fn new(waterfall: &Waterfall, slot: f64, several: bool) -> Self {
        let line = |title, name: fn(&WaterfallBar) -> &str| {
            let widest = NOTE.widest(waterfall.bars.iter().map(name)).min(70.0);
            let upright = widest + 2.0 > slot;
            FootLine { title, name, upright, height: if upright { widest + 5.0 } else { 12.0 } }
        };
        let mut lines = vec![line("Level", |bar| &bar.level)];
        if several {
            lines.push(line("Marker", |bar| &bar.marker));
        }
        lines.push(line("Patient", |bar| &bar.subject));
        Foot { slot, lines }
    }

    fn write(&mut self, canvas: &mut Canvas, middle: f64, top: f64, bar: &WaterfallBar) {
        if self.slot < 9.5 {
            return;
        }
        let mut y = top;
        for line in &self.lines {
            let how = Type { colour: INK, ..NOTE };
            if line.upright {
                canvas.text_upward(middle + 3.0, y + 4.0, Anchor::End, how, &how.fit((line.name)(bar), 70.0));
            } else {
                canvas.text(middle, y + 10.0, Anchor::Middle, how, (line.name)(bar));
            }
            y += line.height;
        }
    }

    /// Names the lines at the left; returns the lowest point used.
    fn head(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let mut y = top;
        if self.slot < 9.5 {
            return y + 4.0;
        }
        for line in &self.lines {
            canvas.text(MARGIN, y + 10.0, Anchor::Start, Type { colour: SOFT, ..NOTE }, line.title);
            y += line.height;
        }
        y + 4.0
    }
}

fn value(change: Decimal) -> f64 {
    change.to_f64().unwrap_or(0.0)
}

/// `−50% PR`, or the percent alone.
pub(super) fn threshold(change: i32, name: &str) -> String {
    let sign = if change > 0 { "+" } else { "" };
    format!("{sign}{}% {name}", signed(f64::from(change))).trim_end().to_owned()
}

/// Whole percent with its sign, halves away from zero.
pub(super) fn rounded(change: Decimal) -> String {
    let whole = change.round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    let sign = if whole > Decimal::ZERO { "+" } else { "" };
    format!("{sign}{}", whole.normalize().to_string().replace('-', "−"))
}
