//! One patient's course on one line of days: lanes of moments and stretches.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, STRONG, Symbol, Type, WIDTH};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, upright, x_axis};
use super::scale::{DAYS, Scale, ticks};
use super::style::{AXIS, BLUE, FAINT, Fill, INK, ORANGE, PURPLE, SOFT, VERMILLION, WHITE, response};
use super::{DataTable, Figure, Frame};

/// The mark of something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum TimelineMark {
    /// A milestone of the study.
    Milestone,
    /// A fraction given.
    Given,
    /// A fraction not given.
    NotGiven,
    /// The DLT window; `true` while open.
    Window(bool),
    /// An assessment with the code of its category.
    Response(String),
    /// Transfusion, growth factor, stem cells.
    Support,
    /// An adverse event with its grade.
    AdverseEvent(Option<u8>),
    /// New anti-cancer therapy.
    NewTherapy,
    /// Death.
    Death,
    /// The study was left.
    Left,
    /// Last contact.
    LastContact,
}

/// Something that happened, in days since day 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineItem {
    /// Place of its lane in [`Timeline::lanes`].
    pub lane: usize,
    /// Its mark.
    pub mark: TimelineMark,
    /// What it was.
    pub label: String,
    /// First day as recorded.
    pub from: String,
    /// First day, counted.
    pub day: i32,
    /// Last day as recorded.
    pub to: Option<String>,
    /// Last day, counted.
    pub to_day: Option<i32>,
    /// Whether it goes on at the cut.
    pub ongoing: bool,
}

impl TimelineItem {
    fn words(&self, lane: &str) -> String {
        let grade = match &self.mark {
            TimelineMark::AdverseEvent(Some(grade)) => format!(", grade {grade}"),
            TimelineMark::AdverseEvent(None) => ", no grade recorded".to_owned(),
            _ => String::new(),
        };
        let until = match (&self.to, self.to_day, self.ongoing) {
            (_, _, true) => ", ongoing".to_owned(),
            (Some(to), Some(day), _) => format!(" to {to} (day {day})"),
            _ => String::new(),
        };
        format!("{lane}: {}{grade}, {} (day {}){until}", self.label, self.from, self.day)
    }
}

/// A patient from screening to last contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// Subject identifier.
    pub subject: String,
    /// What day 0 is, such as `the first fraction`.
    pub origin: String,
    /// Names of the lanes, from the top.
    pub lanes: Vec<String>,
    /// Everything, by lane and day.
    pub items: Vec<TimelineItem>,
    /// What has no day.
    pub undated: Vec<String>,
}

const LEFT: f64 = MARGIN + 84.0;
const RIGHT: f64 = WIDTH - MARGIN - 6.0;
const ROW: f64 = 14.0;

/// How light grades are, the worse the darker; the digit stands beside.
const GRADES: [&str; 5] = ["#d9dee4", "#f0d9a0", ORANGE, VERMILLION, INK];

/// Where an item and its words lie.
struct Placed<'a> {
    item: &'a TimelineItem,
    from: f64,
    to: f64,
    words: (f64, Anchor, String),
    row: usize,
}

impl Timeline {
    /// Draws the lanes on a common axis; each mark is named on hover.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let top = legend(&mut canvas, 2.0, "", &self.key()) + 8.0;
        let days = || self.items.iter().flat_map(|item| [item.day].into_iter().chain(item.to_day));
        let (low, high) = (days().min().unwrap_or(0).min(0), days().max().unwrap_or(0).max(28));
        let room = f64::from(high - low) * 0.02;
        let domain = (f64::from(low) - room, f64::from(high) + room);
        let scale = Scale::linear(domain, (LEFT, RIGHT));
        let marked = ticks(domain.0, domain.1, 12, DAYS);
        let mut y = top;
        let mut lanes = Vec::new();
        for lane in 0..self.lanes.len() {
            let placed = self.place(lane, &scale);
            let rows = placed.iter().map(|one| one.row + 1).max().unwrap_or(0);
            if rows > 0 {
                lanes.push((lane, y, placed));
                y += ROW * rows as f64 + 7.0;
            }
        }
        let plot = Plot { left: LEFT, top, right: RIGHT, bottom: y + 2.0 };
        for &tick in &marked {
            upright(&mut canvas, plot, scale.at(tick), "1 3");
        }
        let zero = scale.at(0.0);
        canvas.line((zero, plot.top - 3.0), (zero, plot.bottom), AXIS, 1.0, "");
        for (lane, lane_top, placed) in &lanes {
            let name = self.lanes.get(*lane).map_or("", String::as_str);
            if *lane_top > top {
                canvas.line((MARGIN, lane_top - 3.5), (WIDTH - MARGIN, lane_top - 3.5), FAINT, 1.0, "");
            }
            canvas.text(
                MARGIN,
                lane_top + 10.2,
                Anchor::Start,
                STRONG,
                &STRONG.fit(name, LEFT - MARGIN - 6.0),
            );
            for one in placed {
                let middle = lane_top + ROW * (one.row as f64 + 0.5);
                let target = (one.from - 6.0, middle - ROW / 2.0, (one.to - one.from) + 12.0, ROW);
                canvas.named(&one.item.words(name), None, target, |canvas| draw_item(canvas, one, middle));
                let (x, anchor, words) = &one.words;
                canvas.text(*x, middle + 3.2, *anchor, Type { colour: INK, ..NOTE }, words);
                if let TimelineMark::AdverseEvent(grade) = one.item.mark {
                    let digit = grade.map_or_else(|| "?".to_owned(), |grade| grade.to_string());
                    let colour = if grade.is_some_and(|grade| grade >= 5) { WHITE } else { INK };
                    canvas.text(
                        one.from + 4.5,
                        middle + 3.0,
                        Anchor::Middle,
                        Type { size: 8.5, colour, ..STRONG },
                        &digit,
                    );
                }
            }
        }
        let bottom = x_axis(&mut canvas, plot, &scale, &marked, &format!("Days after {}", self.origin));
        finish(canvas, bottom, self.around(), frame)
    }

    fn key(&self) -> Vec<(Key, String)> {
        let has = |is: fn(&TimelineMark) -> bool| self.items.iter().any(|item| is(&item.mark));
        let mark =
            |symbol, colour: &str, words: &str| (Key::Mark(symbol, colour.to_owned()), words.to_owned());
        let mut key = vec![mark(Symbol::Down, INK, "fraction given")];
        if has(|mark| *mark == TimelineMark::NotGiven) {
            key.push(mark(Symbol::HollowDown, SOFT, "fraction not given"));
        }
        if has(|mark| matches!(mark, TimelineMark::AdverseEvent(_))) {
            for (place, colour) in GRADES.into_iter().enumerate() {
                let grade = u8::try_from(place + 1).unwrap_or(5);
                if self.items.iter().any(|item| item.mark == TimelineMark::AdverseEvent(Some(grade))) {
                    key.push((Key::Box(Fill { colour, hatch: None }), format!("grade {grade}")));
                }
            }
        }
        if self.items.iter().any(|item| item.ongoing) {
            key.push((Key::Mark(Symbol::Right, INK.to_owned()), "ongoing at the cut".to_owned()));
        }
        if has(|mark| *mark == TimelineMark::Support) {
            key.push(mark(Symbol::Diamond, PURPLE, "support"));
        }
        key
    }

    /// The items of a lane in rows, so that neither marks nor words meet.
    fn place(&self, lane: usize, scale: &Scale) -> Vec<Placed<'_>> {
        let mut ends: Vec<f64> = Vec::new();
        let mut placed = Vec::new();
        for item in self.items.iter().filter(|item| item.lane == lane) {
            let from = scale.at(f64::from(item.day));
            let to = item.to_day.map_or(from, |day| scale.at(f64::from(day)));
            let (from, to) = match item.mark {
                TimelineMark::AdverseEvent(_) => (from, to.max(from + 9.0).min(RIGHT + 5.0)),
                _ => (from, to),
            };
            let gap = 7.0;
            let width = NOTE.width(&item.label);
            let after = if item.ongoing { 6.0 } else { 0.0 };
            let (words, left, right) = if to + gap + after + width <= RIGHT + 4.0 {
                let x = to + gap + after;
                ((x, Anchor::Start, item.label.clone()), from - 5.0, x + width)
            } else if from - gap - width >= LEFT {
                ((from - gap, Anchor::End, item.label.clone()), from - gap - width, to + 6.0)
            } else {
                let x = from + 13.0;
                let label = NOTE.fit(&item.label, (RIGHT - x).max(20.0));
                let right = (x + NOTE.width(&label)).max(to);
                ((x, Anchor::Start, label), from - 5.0, right)
            };
            let row = ends.iter().position(|end| *end + 4.0 <= left).unwrap_or(ends.len());
            match ends.get_mut(row) {
                Some(end) => *end = right,
                None => ends.push(right),
            }
            placed.push(Placed { item, from, to, words, row });
        }
        placed
    }

    fn around(&self) -> Around {
        let name = |lane: usize| self.lanes.get(lane).cloned().unwrap_or_default();
        let rows = self.items.iter().map(|item| {
            let grade = match &item.mark {
                TimelineMark::AdverseEvent(Some(grade)) => grade.to_string(),
                _ => String::new(),
            };
            vec![
                name(item.lane),
                item.label.clone(),
                grade,
                item.from.clone(),
                item.day.to_string(),
                if item.ongoing { "ongoing".to_owned() } else { item.to.clone().unwrap_or_default() },
                item.to_day.map(|day| day.to_string()).unwrap_or_default(),
            ]
        });
        let counts: Vec<String> = self
            .lanes
            .iter()
            .enumerate()
            .map(|(place, lane)| (self.items.iter().filter(|item| item.lane == place).count(), lane))
            .filter(|(count, _)| *count > 0)
            .map(|(count, lane)| format!("{lane} {count}"))
            .collect();
        Around {
            id: "timeline".into(),
            title: format!("Timeline of {}", self.subject),
            alt: format!(
                "The course of {} on an axis of days since {}, a lane for each kind of thing recorded; entries by lane: {}.",
                self.subject,
                self.origin,
                counts.join(", ")
            ),
            caption: "Bars of adverse events carry their grade; an event whose end is not recorded by the cut goes on. A date known only in part stands at the first day it can have been."
                .into(),
            data: DataTable::new(&["Lane", "What", "Grade", "From", "Day", "To", "Day of end"], rows.collect()),
            notes: if self.undated.is_empty() {
                Vec::new()
            } else {
                vec![format!("Without a day: {}.", self.undated.join(", "))]
            },
            not_drawn: Vec::new(),
        }
    }
}

fn draw_item(canvas: &mut Canvas, placed: &Placed<'_>, y: f64) {
    let (from, to) = (placed.from, placed.to);
    match &placed.item.mark {
        TimelineMark::Milestone => canvas.symbol(Symbol::Disc, from, y, 3.6, SOFT),
        TimelineMark::Given => canvas.symbol(Symbol::Down, from, y, 4.6, INK),
        TimelineMark::NotGiven => canvas.symbol(Symbol::HollowDown, from, y, 4.4, SOFT),
        TimelineMark::Window(open) => {
            canvas.rect(from, y - 3.5, to - from, 7.0, "#a9d3ee");
            canvas.line((to, y - 6.0), (to, y + 6.0), INK, 1.2, if *open { "2 2" } else { "" });
        }
        TimelineMark::Response(code) => canvas.bar(from - 4.0, y - 4.0, 8.0, 8.0, response(code)),
        TimelineMark::Support => canvas.symbol(Symbol::Diamond, from, y, 4.4, PURPLE),
        TimelineMark::AdverseEvent(grade) => {
            let colour = grade
                .and_then(|grade| GRADES.get(usize::from(grade).saturating_sub(1)).copied())
                .unwrap_or(FAINT);
            canvas.bar(from, y - 5.0, (to - from).max(9.0), 10.0, Fill { colour, hatch: None });
            if placed.item.ongoing {
                canvas.symbol(Symbol::Right, to + 4.0, y, 3.4, INK);
            }
        }
        TimelineMark::NewTherapy => canvas.symbol(Symbol::HollowDiamond, from, y, 4.4, INK),
        TimelineMark::Death => canvas.symbol(Symbol::Cross, from, y, 4.8, INK),
        TimelineMark::Left => canvas.line((from, y - 5.0), (from, y + 5.0), INK, 1.6, ""),
        TimelineMark::LastContact => {
            canvas.line((from, y - 5.0), (from, y + 5.0), BLUE, 1.4, "");
            canvas.symbol(Symbol::Ring, from, y, 3.4, BLUE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(day: i32, to: Option<i32>, label: &str, grade: u8) -> TimelineItem {
        TimelineItem {
            lane: 0,
            mark: TimelineMark::AdverseEvent(Some(grade)),
            label: label.to_owned(),
            from: format!("day {day}"),
            day,
            to: to.map(|day| format!("day {day}")),
            to_day: to,
            ongoing: to.is_none(),
        }
    }

    fn timeline(items: Vec<TimelineItem>) -> Timeline {
        Timeline {
            subject: "P".to_owned(),
            origin: "the first fraction".to_owned(),
            lanes: vec!["Adverse events".to_owned(), "After".to_owned()],
            items,
            undated: vec!["Nausea".to_owned()],
        }
    }

    #[test]
    fn events_that_meet_stand_in_rows_of_their_own_and_others_share_one() {
        let line = timeline(vec![
            event(0, Some(20), "Anaemia", 2),
            event(10, Some(30), "Neutropenia", 3),
            event(300, Some(310), "Cough", 1),
        ]);
        let scale = Scale::linear((0.0, 320.0), (LEFT, RIGHT));
        let rows: Vec<usize> = line.place(0, &scale).iter().map(|one| one.row).collect();
        assert_eq!(rows, [0, 1, 0]);
    }

    #[test]
    fn a_long_name_at_the_end_of_the_line_stays_on_the_paper() {
        let long = "A very long name of an event that nobody would want to read to its end, and longer still, to the very end of it all";
        let line = timeline(vec![event(0, Some(500), long, 5), event(499, Some(500), long, 1)]);
        let scale = Scale::linear((0.0, 500.0), (LEFT, RIGHT));
        for one in line.place(0, &scale) {
            let (x, anchor, words) = &one.words;
            let width = NOTE.width(words);
            let (from, to) = if *anchor == Anchor::End { (x - width, *x) } else { (*x, x + width) };
            assert!(from >= LEFT - 1.0 && to <= WIDTH, "{from} to {to}: {words}");
        }
    }

    #[test]
    fn what_goes_on_and_what_has_no_day_is_said() {
        let figure = timeline(vec![event(3, None, "Fatigue", 2)]).draw(&Frame::default());
        assert!(
            figure.svg().contains("<title>Adverse events: Fatigue, grade 2, day 3 (day 3), ongoing</title>")
        );
        assert!(figure.svg().contains("Without a day: Nausea."));
        assert_eq!(figure.data.rows, [["Adverse events", "Fatigue", "2", "day 3", "3", "ongoing", ""]]);
    }
}
