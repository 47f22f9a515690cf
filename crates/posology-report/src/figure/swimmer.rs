//! F4: how long each patient was followed, in which response, and how it ended.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, SMALL, STRONG, Symbol, WIDTH};
use super::chart::{
    Around, Key, MARGIN, Plot, finish, legend, level_index, levels_note, nothing, upright, x_axis,
};
use super::scale::{Scale, WEEKS, ticks};
use super::style::{self, INK, RULE, SOFT, VERMILLION};
use super::{DataTable, Figure, Frame, Level, NotDrawn};

/// A stretch of time in one response category, in days since the first fraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResponseSegment {
    /// First day.
    pub from: i32,
    /// Last day.
    pub to: i32,
    /// Code of the category, such as `PR`.
    pub response: String,
}

/// How a patient's bar ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Ending {
    /// Still on study at the cut-off: an arrow.
    Ongoing,
    /// Died on the last day.
    Death,
    /// Left the study otherwise.
    Off,
}

/// A patient's course, in days since the first fraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SwimmerPatient {
    /// Subject identifier.
    pub subject: String,
    /// Id of the level.
    pub level: String,
    /// Day of each fraction given, the first being 0; empty if none was given.
    pub fractions: Vec<i32>,
    /// Response over time; stretches without an assessment stay empty.
    pub segments: Vec<ResponseSegment>,
    /// Day of the first response, as the protocol counts responses.
    pub first_response: Option<i32>,
    /// Day of progression.
    pub progression: Option<i32>,
    /// Day of the next therapy.
    pub next_therapy: Option<i32>,
    /// Last day of follow-up.
    pub end: i32,
    /// What happened on that day.
    pub ending: Ending,
}

/// A bar a patient, the longest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Swimmer {
    /// Levels in order.
    pub levels: Vec<Level>,
    /// Bars from the top.
    pub bars: Vec<SwimmerPatient>,
    /// Patients without a first fraction.
    pub not_drawn: Vec<NotDrawn>,
}

impl Swimmer {
    /// Sorts patients by length of follow-up, ties by subject; time without a first fraction has no start.
    pub fn new(levels: Vec<Level>, patients: Vec<SwimmerPatient>) -> Self {
        let (mut bars, untreated): (Vec<_>, Vec<_>) =
            patients.into_iter().partition(|patient| !patient.fractions.is_empty());
        bars.sort_by(|a, b| b.end.cmp(&a.end).then_with(|| a.subject.cmp(&b.subject)));
        let not_drawn =
            untreated.iter().map(|patient| NotDrawn::new(&patient.subject, "no fraction given")).collect();
        Swimmer { levels, bars, not_drawn }
    }

    /// Draws weeks since the first fraction across, patients down.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let codes = style::responses_in_order(
            self.bars.iter().flat_map(|bar| &bar.segments).map(|s| s.response.as_str()),
        );
        let responses: Vec<_> = codes
            .iter()
            .map(|code| {
                let patients =
                    self.bars.iter().filter(|bar| bar.segments.iter().any(|s| s.response == **code)).count();
                (Key::Box(style::response(code)), format!("{code} (n = {patients})"))
            })
            .collect();
        let mut top = legend(&mut canvas, 2.0, "Response", &responses);
        top = legend(&mut canvas, top, "Events", &self.events_key()) + 8.0;

        let shown = |index: Option<usize>| style::level(index.unwrap_or(0), self.levels.len());
        let level_width = STRONG.widest(self.bars.iter().map(|bar| bar.level.as_str())).min(80.0);
        let subject_width = SMALL.widest(self.bars.iter().map(|bar| bar.subject.as_str())).min(120.0);
        let row = 14.0;
        let left = MARGIN + subject_width + 10.0 + 10.0 + level_width + 8.0;
        let bottom = top + row * self.bars.len().max(4) as f64 + 4.0;
        let plot = Plot { left, top, right: WIDTH - MARGIN - 18.0, bottom };
        let weeks = self.bars.iter().map(|bar| bar.end).max().map_or(12.0, |day| f64::from(day.max(7)) / 7.0);
        let scale = Scale::linear((0.0, weeks), (left + 5.0, plot.right));
        let marked = ticks(0.0, weeks, 12, WEEKS);
        for &tick in &marked {
            upright(&mut canvas, plot, scale.at(tick), "1 3");
        }
        for (index, bar) in self.bars.iter().enumerate() {
            let y = top + row * (index as f64 + 0.5) + 2.0;
            canvas.text(MARGIN, y + 3.4, Anchor::Start, SMALL, &SMALL.fit(&bar.subject, subject_width));
            let chip = MARGIN + subject_width + 10.0;
            canvas.rect(chip, y - 4.0, 6.0, 8.0, &shown(level_index(&self.levels, &bar.level)));
            canvas.text(chip + 10.0, y + 3.4, Anchor::Start, STRONG, &STRONG.fit(&bar.level, level_width));
            let target = (left, y - row / 2.0, plot.right - left, row);
            canvas.named(&words(bar), None, target, |canvas| draw_bar(canvas, bar, y, &scale));
        }
        if self.bars.is_empty() {
            nothing(&mut canvas, plot, "No patient has received a fraction.");
        }
        let bottom = x_axis(&mut canvas, plot, &scale, &marked, "Weeks since first fraction");
        finish(canvas, bottom, self.around(), frame)
    }

    fn events_key(&self) -> Vec<(Key, String)> {
        let count = |has: &dyn Fn(&SwimmerPatient) -> bool| self.bars.iter().filter(|bar| has(bar)).count();
        [
            (Symbol::Down, INK, "fraction", self.bars.len()),
            (Symbol::Disc, INK, "first response", count(&|bar| bar.first_response.is_some())),
            (Symbol::Diamond, VERMILLION, "progression", count(&|bar| bar.progression.is_some())),
            (Symbol::HollowDiamond, INK, "next therapy", count(&|bar| bar.next_therapy.is_some())),
            (Symbol::Cross, INK, "death", count(&|bar| bar.ending == Ending::Death)),
            (Symbol::Right, INK, "on study at the cut-off", count(&|bar| bar.ending == Ending::Ongoing)),
        ]
        .into_iter()
        .filter(|(.., count)| *count > 0)
        .map(|(symbol, colour, word, count)| {
            (Key::Mark(symbol, colour.to_owned()), format!("{word} (n = {count})"))
        })
        .collect()
    }

    fn around(&self) -> Around {
        let day = |day: Option<i32>| day.map(|day| day.to_string()).unwrap_or_default();
        let rows = self
            .bars
            .iter()
            .map(|bar| {
                let segments: Vec<String> = bar
                    .segments
                    .iter()
                    .map(|part| format!("{} {}-{}", part.response, part.from, part.to))
                    .collect();
                vec![
                    bar.subject.clone(),
                    bar.level.clone(),
                    bar.fractions.iter().map(i32::to_string).collect::<Vec<_>>().join(", "),
                    segments.join("; "),
                    day(bar.first_response),
                    day(bar.progression),
                    day(bar.next_therapy),
                    bar.end.to_string(),
                    match bar.ending {
                        Ending::Ongoing => "ongoing",
                        Ending::Death => "death",
                        Ending::Off => "off study",
                    }
                    .to_owned(),
                ]
            })
            .collect();
        let header = [
            "Subject",
            "Level",
            "Fractions (day)",
            "Response (days)",
            "First response (day)",
            "Progression (day)",
            "Next therapy (day)",
            "End (day)",
            "State",
        ];
        let ongoing = self.bars.iter().filter(|bar| bar.ending == Ending::Ongoing).count();
        Around {
            id: "F4".into(),
            title: "Course of each patient".into(),
            alt: format!(
                "A bar for each of {} treated patients, longest first, on an axis of weeks since the first fraction, divided by \
                 response. {ongoing} are on study at the cut-off.",
                self.bars.len()
            ),
            caption: "Bars run from the first fraction to the last day of follow-up, filled by response; thin stretches have no \
                      assessment. The chip before the level is lighter for lower levels."
                .into(),
            data: DataTable::new(&header, rows),
            notes: levels_note(&self.levels, self.bars.iter().map(|bar| bar.level.as_str())).into_iter().collect(),
            not_drawn: self.not_drawn.clone(),
        }
    }
}

/// The course in words.
fn words(bar: &SwimmerPatient) -> String {
    let mut words = format!("{} {}: followed {} days", bar.subject, bar.level, bar.end);
    for part in &bar.segments {
        words.push_str(&format!(", {} days {} to {}", part.response, part.from, part.to));
    }
    for (what, day) in [("progression", bar.progression), ("next therapy", bar.next_therapy)] {
        if let Some(day) = day {
            words.push_str(&format!(", {what} day {day}"));
        }
    }
    words.push_str(match bar.ending {
        Ending::Ongoing => ", on study at the cut-off",
        Ending::Death => ", died",
        Ending::Off => ", off study",
    });
    words
}

fn draw_bar(canvas: &mut Canvas, bar: &SwimmerPatient, y: f64, scale: &Scale) {
    let at = |day: i32| scale.at(f64::from(day) / 7.0);
    let end = at(bar.end);
    canvas.rect(at(0), y - 1.3, end - at(0), 2.6, RULE);
    for part in &bar.segments {
        let (from, to) = (at(part.from), at(part.to).min(end));
        if to > from {
            canvas.bar(from, y - 4.0, to - from, 8.0, style::response(&part.response));
        }
    }
    for &day in &bar.fractions {
        canvas.symbol(Symbol::Down, at(day), y - 1.0, 3.2, INK);
    }
    if let Some(day) = bar.first_response {
        canvas.symbol(Symbol::Disc, at(day), y, 2.9, INK);
    }
    if let Some(day) = bar.progression {
        canvas.symbol(Symbol::Diamond, at(day), y, 4.6, VERMILLION);
    }
    if let Some(day) = bar.next_therapy {
        canvas.symbol(Symbol::HollowDiamond, at(day), y, 4.2, INK);
    }
    match bar.ending {
        Ending::Ongoing => canvas.arrow_right(end, end + 13.0, y, INK),
        Ending::Death => canvas.symbol(Symbol::Cross, end, y, 4.4, INK),
        Ending::Off => canvas.line((end, y - 5.0), (end, y + 5.0), SOFT, 1.0, ""),
    }
}
