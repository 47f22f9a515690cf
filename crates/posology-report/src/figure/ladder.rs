//! The ladder of the board: who stands at which level now, with what status, and how far each patient's fractions are.

use serde::Serialize;

use super::canvas::{Anchor, BODY, Canvas, NOTE, SMALL, STRONG, Symbol, Type, WIDTH};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, nothing, status_mark};
use super::style::{AXIS, BLUE, FAINT, Fill, INK, RULE, SOFT, VERMILLION, WHITE};
use super::{DataTable, DltStatus, Figure, Frame, NotDrawn};

/// How far a fraction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LadderFraction {
    /// Given.
    Given,
    /// Its day is still to come.
    Planned,
    /// Its day has passed, and it is awaited.
    Late,
    /// Decided not to be given.
    Omitted,
    /// Its day has passed, it is no longer awaited, and no decision is recorded.
    NotGiven,
}

impl LadderFraction {
    const ALL: [Self; 5] = [Self::Given, Self::Planned, Self::Late, Self::Omitted, Self::NotGiven];

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Planned => "planned",
            Self::Late => "late",
            Self::Omitted => "omitted",
            Self::NotGiven => "not given",
        }
    }
}

/// A patient on the ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LadderPatient {
    /// Subject identifier.
    pub subject: String,
    /// The identifier as it stands under the mark.
    pub short: String,
    /// DLT status; `None` before the first fraction.
    pub status: Option<DltStatus>,
    /// Each fraction of the regimen: its state, and the day on which it was given or is planned.
    pub fractions: Vec<(LadderFraction, Option<String>)>,
    /// Page of the patient, if there is one.
    pub href: Option<String>,
}

impl LadderPatient {
    /// The status in words; a possible DLT is said to wait for judgement.
    pub fn status_words(&self) -> String {
        match &self.status {
            None => "no fraction given yet".to_owned(),
            Some(DltStatus::PossibleDlt) => "possible DLT, waits for judgement".to_owned(),
            Some(DltStatus::NotEvaluable { reason }) if !reason.is_empty() => {
                format!("not evaluable: {reason}")
            }
            Some(status) => status.words(),
        }
    }

    fn fraction_words(&self) -> String {
        let each = self.fractions.iter().enumerate().map(|(place, (state, day))| {
            let day = day.as_ref().map(|day| format!(" {day}")).unwrap_or_default();
            format!("fraction {} {}{day}", place + 1, state.word())
        });
        each.collect::<Vec<_>>().join(", ")
    }
}

/// A cohort on the ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LadderCohort {
    /// Identifier.
    pub id: String,
    /// Where it stands, in words.
    pub stands: String,
    /// Places that can be filled now.
    pub free: u32,
    /// Its patients, in order of entry.
    pub patients: Vec<LadderPatient>,
}

/// A level of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LadderLevel {
    /// Short name, such as `DL6`.
    pub id: String,
    /// Activity and schedule.
    pub label: String,
    /// What stands at its right end, in short lines such as `0/4 DLT`.
    pub sum: Vec<String>,
    /// Whether this level is the one being treated or reviewed.
    pub is_current: bool,
    /// Its cohorts, in the protocol's order.
    pub cohorts: Vec<LadderCohort>,
}

/// The ladder as it stands on a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ladder {
    /// Levels, the lowest first.
    pub levels: Vec<LadderLevel>,
    /// The day on which fractions are late.
    pub as_of: String,
    /// Patients without a place on the ladder.
    pub not_drawn: Vec<NotDrawn>,
}

/// Between the middles of two marks, and the height of a line of them.
const PITCH: f64 = 40.0;
const LINE: f64 = 43.0;
const LEFT: f64 = 176.0;
const RIGHT: f64 = WIDTH - MARGIN - 78.0;
const RADIUS: f64 = 6.2;

impl Ladder {
    fn patients(&self) -> impl Iterator<Item = (&LadderLevel, &LadderCohort, &LadderPatient)> {
        self.levels.iter().flat_map(|level| {
            level
                .cohorts
                .iter()
                .flat_map(move |cohort| cohort.patients.iter().map(move |patient| (level, cohort, patient)))
        })
    }

    /// Draws the levels from the bottom up, each patient as a mark that is named on hover and leads to the patient's page.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let mut y = legend(&mut canvas, 2.0, "", &self.key()) + 10.0;
        if self.levels.is_empty() {
            let plot = Plot { left: MARGIN, top: y, right: WIDTH - MARGIN, bottom: y + 40.0 };
            nothing(&mut canvas, plot, "The protocol has no regimen.");
            y += 40.0;
        }
        let top = y;
        for level in self.levels.iter().rev() {
            y = self.draw_level(&mut canvas, level, y);
        }
        if !self.levels.is_empty() {
            for x in [LEFT - 8.0, RIGHT + 8.0] {
                canvas.line((x, top), (x, y), AXIS, 1.6, "");
            }
        }
        finish(canvas, y + 2.0, self.around(), frame)
    }

    fn key(&self) -> Vec<(Key, String)> {
        let mark = |(symbol, colour): (Symbol, &str), words: &str| {
            (Key::Mark(symbol, colour.to_owned()), words.to_owned())
        };
        let reason = String::new();
        let defined =
            self.patients().any(|(.., patient)| !matches!(patient.status, None | Some(DltStatus::Treated)));
        let anyone = self.patients().any(|(.., patient)| patient.status.is_some());
        let statuses = vec![
            mark(status_mark(&DltStatus::NoDlt), "no DLT"),
            mark(status_mark(&DltStatus::Dlt), "DLT"),
            mark(status_mark(&DltStatus::PossibleDlt), "possible DLT, waits for judgement"),
            mark(
                status_mark(&DltStatus::Pending { follow_up: 0.4 }),
                "pending (share of the window followed)",
            ),
            mark(status_mark(&DltStatus::NotEvaluable { reason }), "not evaluable"),
        ];
        let mut key = if anyone && !defined {
            vec![mark(status_mark(&DltStatus::Treated), "treated")]
        } else {
            statuses
        };
        if self.patients().any(|(.., patient)| patient.status.is_none()) {
            key.push(mark((Symbol::Ring, SOFT), "no fraction given yet"));
        }
        if self.levels.iter().flat_map(|level| &level.cohorts).any(|cohort| cohort.free > 0) {
            key.push(mark((Symbol::Ring, RULE), "free place"));
        }
        key.extend(LadderFraction::ALL.into_iter().filter(|state| self.has(*state)).map(|state| {
            let words = format!("fraction {}", state.word());
            match state {
                LadderFraction::Given => (Key::Mark(Symbol::Square, INK.to_owned()), words),
                LadderFraction::Planned => (Key::Box(PLANNED), words),
                LadderFraction::Late => (Key::Box(LATE), words),
                LadderFraction::Omitted => (Key::Mark(Symbol::Cross, SOFT.to_owned()), words),
                LadderFraction::NotGiven => (Key::Line(SOFT.to_owned(), ""), words),
            }
        }));
        key
    }

    fn has(&self, state: LadderFraction) -> bool {
        self.patients().any(|(.., patient)| patient.fractions.iter().any(|(other, _)| *other == state))
    }

    /// One level from `top` down; returns where the next begins.
    fn draw_level(&self, canvas: &mut Canvas, level: &LadderLevel, top: f64) -> f64 {
        let per_line = (((RIGHT - LEFT) / PITCH).floor() as usize).max(1);
        let lines_of =
            |cohort: &LadderCohort| (cohort.patients.len() + cohort.free as usize).div_ceil(per_line).max(1);
        let lines: usize = level.cohorts.iter().map(lines_of).sum();
        let is_empty = level.cohorts.iter().all(|cohort| cohort.patients.is_empty() && cohort.free == 0);
        let height = if is_empty { 36.0 } else { (LINE * lines as f64).max(36.0) + 4.0 };
        let bottom = top + height;
        if level.is_current {
            canvas.rect(MARGIN - 4.0, top, WIDTH - 2.0 * MARGIN + 8.0, height, FAINT);
        }
        canvas.line((LEFT - 8.0, bottom), (RIGHT + 8.0, bottom), AXIS, 1.2, "");
        canvas.text(MARGIN, top + 14.0, Anchor::Start, STRONG, &level.id);
        let beside = MARGIN + STRONG.width(&level.id) + 6.0;
        canvas.text(
            beside,
            top + 14.0,
            Anchor::Start,
            BODY,
            &BODY.fit(&level.label, (LEFT - 14.0 - beside) * 0.92),
        );
        for (index, line) in level.sum.iter().take(2).enumerate() {
            let y = top + 14.0 + 13.0 * index as f64;
            canvas.text(
                RIGHT + 14.0,
                y,
                Anchor::Start,
                SMALL,
                &SMALL.fit(line, WIDTH - MARGIN - RIGHT - 14.0),
            );
        }
        let mut line_top = top + 2.0;
        let mut words_at = top + 26.0;
        for cohort in &level.cohorts {
            words_at = words_at.max(line_top + 12.0);
            let words = format!("{}: {}", cohort.id, cohort.stands);
            for (index, line) in super::text::wrap(&words, LEFT - 16.0 - MARGIN, NOTE.size, NOTE.weight)
                .iter()
                .take(2)
                .enumerate()
            {
                canvas.text(MARGIN, words_at + 11.0 * index as f64, Anchor::Start, NOTE, line);
            }
            words_at += 22.0;
            for place in 0..cohort.patients.len() + cohort.free as usize {
                let x = LEFT + PITCH * ((place % per_line) as f64 + 0.5);
                let middle = line_top + LINE * (place / per_line) as f64 + 11.0;
                match cohort.patients.get(place) {
                    Some(patient) => draw_patient(canvas, &cohort.id, patient, x, middle),
                    None => {
                        canvas.symbol(Symbol::Ring, x, middle, RADIUS, RULE);
                        canvas.text(x, middle + 26.0, Anchor::Middle, NOTE, "free");
                    }
                }
            }
            line_top += LINE * lines_of(cohort) as f64;
        }
        bottom
    }

    fn around(&self) -> Around {
        let rows = self.patients().map(|(level, cohort, patient)| {
            vec![
                level.id.clone(),
                level.label.clone(),
                cohort.id.clone(),
                patient.subject.clone(),
                patient.status_words(),
                patient.fraction_words(),
            ]
        });
        let patients = self.patients().count();
        let with = |is: fn(&DltStatus) -> bool| {
            self.patients().filter(|(.., patient)| patient.status.as_ref().is_some_and(is)).count()
        };
        let free: u32 = self.levels.iter().flat_map(|level| &level.cohorts).map(|cohort| cohort.free).sum();
        Around {
            id: "ladder".into(),
            title: "The ladder".into(),
            alt: format!(
                "{} dose levels from the lowest at the bottom to the highest at the top, with {patients} patients as marks: {} with a DLT, {} with a possible DLT, {} pending, {} without a DLT, {} not evaluable; {free} places are free.",
                self.levels.len(),
                with(|status| *status == DltStatus::Dlt),
                with(|status| *status == DltStatus::PossibleDlt),
                with(|status| matches!(status, DltStatus::Pending { .. })),
                with(|status| *status == DltStatus::NoDlt),
                with(|status| matches!(status, DltStatus::NotEvaluable { .. })),
            ),
            caption: format!(
                "A mark a patient, in order of entry, and under it the fractions of the regimen, the first at the left; late means as of {}. The level being treated or reviewed is shaded.",
                self.as_of
            ),
            data: DataTable::new(
                &["Level", "Regimen", "Cohort", "Subject", "DLT status", "Fractions"],
                rows.collect(),
            ),
            notes: Vec::new(),
            not_drawn: self.not_drawn.clone(),
        }
    }
}

const PLANNED: Fill = Fill { colour: WHITE, hatch: None };
const LATE: Fill = Fill { colour: WHITE, hatch: Some(VERMILLION) };

fn draw_patient(canvas: &mut Canvas, cohort: &str, patient: &LadderPatient, x: f64, y: f64) {
    let words = format!(
        "{}, cohort {cohort}: {}; {}",
        patient.subject,
        patient.status_words(),
        if patient.fractions.is_empty() {
            "no fraction planned".to_owned()
        } else {
            patient.fraction_words()
        }
    );
    let target = (x - PITCH / 2.0 + 1.0, y - 10.0, PITCH - 2.0, LINE - 3.0);
    canvas.named(&words, patient.href.as_deref(), target, |canvas| {
        let (symbol, colour) = patient.status.as_ref().map_or((Symbol::Ring, SOFT), status_mark);
        canvas.symbol(symbol, x, y, RADIUS, colour);
        let step = 9.0;
        let first = x - step * (patient.fractions.len().saturating_sub(1)) as f64 / 2.0;
        for (place, (state, _)) in patient.fractions.iter().enumerate() {
            draw_fraction(canvas, *state, first + step * place as f64, y + 13.0);
        }
    });
    let how = Type { colour: if patient.href.is_some() { BLUE } else { INK }, ..NOTE };
    canvas.text(x, y + 26.0, Anchor::Middle, how, &how.fit(&patient.short, PITCH - 3.0));
    if patient.status == Some(DltStatus::PossibleDlt) {
        canvas.label(&[(x + RADIUS + 1.0, y - 2.0, Anchor::Start)], SMALL, "?");
    }
}

fn draw_fraction(canvas: &mut Canvas, state: LadderFraction, x: f64, y: f64) {
    match state {
        LadderFraction::Given => canvas.symbol(Symbol::Square, x, y, 3.4, INK),
        LadderFraction::Planned => canvas.bar(x - 2.9, y - 2.9, 5.8, 5.8, PLANNED),
        LadderFraction::Late => {
            canvas.bar(x - 2.9, y - 2.9, 5.8, 5.8, LATE);
            canvas.line((x, y - 6.0), (x, y - 4.0), VERMILLION, 1.4, "");
        }
        LadderFraction::Omitted => canvas.symbol(Symbol::Cross, x, y, 3.4, SOFT),
        LadderFraction::NotGiven => canvas.line((x - 3.0, y), (x + 3.0, y), SOFT, 1.6, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient(number: usize, href: bool) -> LadderPatient {
        LadderPatient {
            subject: format!("<S&{number}>"),
            short: number.to_string(),
            status: (number > 0).then_some(DltStatus::NoDlt),
            fractions: vec![
                (LadderFraction::Given, Some("2024-01-01".to_owned())),
                (LadderFraction::Late, Some("2024-01-08".to_owned())),
            ],
            href: href.then(|| format!("/patients/{number}")),
        }
    }

    fn ladder(patients: usize, href: bool) -> Ladder {
        let cohort = LadderCohort {
            id: "C1".to_owned(),
            stands: "open".to_owned(),
            free: 2,
            patients: (0..patients).map(|number| patient(number, href)).collect(),
        };
        let level = |id: &str, cohorts| LadderLevel {
            id: id.to_owned(),
            label: "10 mCi".to_owned(),
            sum: Vec::new(),
            is_current: true,
            cohorts,
        };
        Ladder {
            levels: vec![level("DL1", vec![cohort]), level("DL2", Vec::new())],
            as_of: "2024-02-01".to_owned(),
            not_drawn: Vec::new(),
        }
    }

    #[test]
    fn every_patient_is_a_mark_a_row_of_the_table_and_named_however_many_there_are() {
        for patients in [0, 1, 9, 25] {
            let figure = ladder(patients, true).draw(&Frame::default());
            assert_eq!(figure.data.rows.len(), patients);
            assert_eq!(figure.svg().matches("<a href=").count(), patients);
            assert_eq!(figure.svg().matches(">free<").count(), 2);
            assert!(figure.alt.contains(&format!("{patients} patients as marks")));
        }
        let figure = ladder(2, true).draw(&Frame::default());
        assert!(figure.svg().contains(
            "&lt;S&amp;1&gt;, cohort C1: no DLT; fraction 1 given 2024-01-01, fraction 2 late 2024-01-08"
        ));
        assert!(figure.svg().contains("no fraction given yet"));
    }

    #[test]
    fn what_has_links_is_no_image_and_what_has_none_is_one() {
        assert!(ladder(3, true).draw(&Frame::default()).svg().contains("role=\"group\""));
        assert!(ladder(3, false).draw(&Frame::default()).svg().contains("role=\"img\""));
    }

    #[test]
    fn the_lowest_level_stands_at_the_bottom() {
        let figure = ladder(1, true).draw(&Frame::default());
        let height = |id: &str| -> f64 {
            let line = figure.svg().lines().find(|line| line.ends_with(&format!(">{id}</text>")));
            let y = line.and_then(|line| line.split("y=\"").nth(1)?.split('"').next()?.parse().ok());
            y.unwrap_or(f64::NAN)
        };
        assert!(height("DL1") > height("DL2"));
    }
}
