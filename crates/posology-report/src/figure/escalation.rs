//! F1: who entered at which level, in order, with what outcome, and what was decided between cohorts.

use jiff::civil::Date;
use serde::Serialize;

use super::canvas::{Anchor, BODY, Canvas, NOTE, SMALL, STRONG, Symbol, WIDTH};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, level_index, nothing, status_mark, y_title};
use super::style::{AXIS, BLUE, FAINT, INK, RULE, SOFT, VERMILLION};
use super::{DataTable, DltStatus, Figure, Frame, Level, NotDrawn};

/// What a committee decides about the next cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Move {
    /// Go to a higher level.
    Escalate,
    /// Go to a level between this one and the next.
    EscalateIntermediate,
    /// Treat more patients at the same level.
    Stay,
    /// Give the same activity on another schedule.
    ChangeSchedule,
    /// Go to a lower level.
    DeEscalate,
    /// End the escalation with a level declared.
    Declare,
    /// Treat no more patients.
    Stop,
    /// Enrol nobody until more is known.
    Hold,
    /// Decide later, when pending patients have completed.
    Wait,
}

impl Move {
    /// Every move.
    pub const ALL: [Self; 9] = [
        Move::Escalate,
        Move::EscalateIntermediate,
        Move::Stay,
        Move::ChangeSchedule,
        Move::DeEscalate,
        Move::Declare,
        Move::Stop,
        Move::Hold,
        Move::Wait,
    ];

    /// The move as a verb in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Move::Escalate => "escalate",
            Move::EscalateIntermediate => "escalate-intermediate",
            Move::Stay => "stay",
            Move::ChangeSchedule => "change-schedule",
            Move::DeEscalate => "de-escalate",
            Move::Declare => "complete",
            Move::Stop => "stop",
            Move::Hold => "hold",
            Move::Wait => "wait",
        }
    }

    fn symbol(self) -> Symbol {
        match self {
            Move::Escalate | Move::EscalateIntermediate => Symbol::Up,
            Move::Stay => Symbol::Right,
            Move::ChangeSchedule => Symbol::Diamond,
            Move::DeEscalate => Symbol::Down,
            Move::Declare | Move::Stop => Symbol::Square,
            Move::Hold | Move::Wait => Symbol::Ring,
        }
    }
}

/// A decision taken after a cohort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelDecision {
    /// Day it was signed.
    pub date: Date,
    /// What was decided.
    pub taken: Move,
    /// What the rule advised, where it was asked; another value than `taken` is marked as an override.
    pub advised: Option<Move>,
}

impl LevelDecision {
    fn overrides(&self) -> Option<Move> {
        self.advised.filter(|advised| *advised != self.taken)
    }
}

/// A patient of a cohort.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EscalationPatient {
    /// Subject identifier.
    pub subject: String,
    /// DLT status at the cut-off.
    pub status: DltStatus,
}

/// A cohort: patients at one level, in order of entry, and the decision that followed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EscalationCohort {
    /// Name, such as `C6`.
    pub id: String,
    /// Id of its level.
    pub level: String,
    /// Whether it fills up a level outside the escalation: drawn a little lower.
    pub backfill: bool,
    /// Patients in order of entry.
    pub patients: Vec<EscalationPatient>,
    /// The decision after this cohort, if one was taken.
    pub decision: Option<LevelDecision>,
}

/// The escalation history: levels from low to high, cohorts in order of opening.
///
/// ```
/// use posology_report::figure::*;
/// let levels = vec![Level { id: "DL1".into(), label: "12.5 mCi/m² in 1".into() }];
/// let patient = EscalationPatient { subject: "P-01".into(), status: DltStatus::NoDlt };
/// let cohort = EscalationCohort {
///     id: "C1".into(), level: "DL1".into(), backfill: false, patients: vec![patient], decision: None,
/// };
/// let figure = EscalationHistory::new(levels, vec![cohort]).draw(&Frame::default());
/// assert!(figure.svg().starts_with("<svg") && figure.not_drawn.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EscalationHistory {
    /// The ladder, from low to high, tried or not.
    pub levels: Vec<Level>,
    /// Cohorts at a level of the ladder.
    pub cohorts: Vec<EscalationCohort>,
    /// Patients whose cohort names no level of the ladder.
    pub not_drawn: Vec<NotDrawn>,
}

impl EscalationHistory {
    /// Takes cohorts in order of opening; those at an unknown level are named in `not_drawn`.
    pub fn new(levels: Vec<Level>, cohorts: Vec<EscalationCohort>) -> Self {
        let (cohorts, unknown): (Vec<_>, Vec<_>) =
            cohorts.into_iter().partition(|cohort| level_index(&levels, &cohort.level).is_some());
        let not_drawn = unknown
            .iter()
            .flat_map(|cohort| {
                cohort.patients.iter().map(|patient| {
                    NotDrawn::new(&patient.subject, format!("level {} is not on the ladder", cohort.level))
                })
            })
            .collect();
        EscalationHistory { levels, cohorts, not_drawn }
    }

    /// Draws patients in order of entry (across) by level (up), with cohort brackets and decisions.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let mut y = legend(&mut canvas, 2.0, "", &self.key());
        y += 12.0;

        let names: Vec<String> = self.levels.iter().map(|level| SMALL.fit(&level.label, 190.0)).collect();
        let ids = STRONG.widest(self.levels.iter().map(|level| level.id.as_str())).min(70.0);
        let left = MARGIN + ids + 7.0 + SMALL.widest(names.iter().map(String::as_str)) + 10.0;

        let slots: f64 =
            self.cohorts.iter().map(|cohort| cohort.patients.len().max(1) as f64 + 1.0).sum::<f64>().max(1.0);
        let slot = ((WIDTH - MARGIN - left - 8.0) / slots).min(26.0);
        let radius = (slot * 0.36).clamp(1.5, 5.4);

        let strip = self.decisions(&mut canvas, y, left, slot);
        let row = (190.0 / self.levels.len().max(1) as f64).clamp(22.0, 36.0);
        let top = strip + 6.0;
        let bottom = top + row * self.levels.len().max(2) as f64 + 6.0;
        let plot = Plot { left, top, right: WIDTH - MARGIN, bottom };
        let level_y =
            |id: &str| bottom - 6.0 - row * (level_index(&self.levels, id).unwrap_or(0) as f64 + 0.5);

        for (level, name) in self.levels.iter().zip(&names) {
            let y = level_y(&level.id);
            let tried =
                self.cohorts.iter().any(|cohort| cohort.level == level.id && !cohort.patients.is_empty());
            let colour = if tried { INK } else { SOFT };
            canvas.line((left, y), (plot.right, y), FAINT, 1.0, "");
            let id = STRONG.fit(&level.id, ids);
            canvas.text(MARGIN, y + 3.4, Anchor::Start, super::canvas::Type { colour, ..STRONG }, &id);
            canvas.text(
                MARGIN + ids + 7.0,
                y + 3.4,
                Anchor::Start,
                super::canvas::Type { colour, ..SMALL },
                name,
            );
        }
        y_title(&mut canvas, MARGIN, top - 4.0, "Dose level");
        canvas.line((left, top), (left, bottom), AXIS, 0.8, "");
        canvas.line((left, bottom), (plot.right, bottom), AXIS, 0.8, "");
        if self.cohorts.is_empty() {
            nothing(&mut canvas, plot, "No patient has entered.");
        }
        self.patients(&mut canvas, plot, slot, radius, &level_y);
        canvas.text(
            plot.middle(),
            bottom + 43.0,
            Anchor::Middle,
            BODY,
            "Patients in order of entry, by cohort",
        );
        finish(canvas, bottom + 47.0, self.around(), frame)
    }

    /// Signs of decisions with their dates, above the gap after each cohort; returns where they end.
    fn decisions(&self, canvas: &mut Canvas, top: f64, left: f64, slot: f64) -> f64 {
        let mut x = left + 4.0;
        let mut rows: Vec<f64> = Vec::new();
        let mut placed: Vec<(f64, usize, &LevelDecision)> = Vec::new();
        for cohort in &self.cohorts {
            x += (cohort.patients.len().max(1) as f64 + 0.5) * slot;
            if let Some(decision) = &cohort.decision {
                let half = NOTE.width("2016-12-28").max(NOTE.width(&override_words(decision))) / 2.0 + 3.0;
                let x = x.min(WIDTH - MARGIN - half);
                let row = rows.iter().position(|&end| x - half >= end).unwrap_or(rows.len());
                rows.truncate(rows.len().max(row));
                match rows.get_mut(row) {
                    Some(end) => *end = x + half,
                    None => rows.push(x + half),
                }
                placed.push((x, row, decision));
            }
            x += 0.5 * slot;
        }
        let tall =
            if placed.iter().any(|(.., decision)| decision.overrides().is_some()) { 36.0 } else { 25.0 };
        for (x, row, decision) in placed {
            let y = top + row as f64 * tall;
            let colour = if decision.overrides().is_some() { VERMILLION } else { INK };
            canvas.symbol(decision.taken.symbol(), x, y + 4.0, 4.6, colour);
            canvas.text(x, y + 19.0, Anchor::Middle, NOTE, &decision.date.to_string());
            if decision.overrides().is_some() {
                let how = super::canvas::Type { colour: VERMILLION, ..NOTE };
                canvas.text(x, y + 29.5, Anchor::Middle, how, &override_words(decision));
            }
        }
        top + rows.len() as f64 * tall + 6.0
    }

    fn patients(
        &self,
        canvas: &mut Canvas,
        plot: Plot,
        slot: f64,
        radius: f64,
        level_y: &dyn Fn(&str) -> f64,
    ) {
        let mut x = plot.left + 4.0;
        let mut order = 0;
        let mut before: Option<(f64, f64)> = None;
        let mut notes = Vec::new();
        for cohort in &self.cohorts {
            let width = cohort.patients.len().max(1) as f64 * slot;
            let y = level_y(&cohort.level) + if cohort.backfill { 5.0 } else { 0.0 };
            if let Some((end, was)) = before {
                canvas.path(
                    &[(end, was), (end + slot / 2.0, was), (end + slot / 2.0, y), (x, y)],
                    RULE,
                    1.2,
                    "",
                );
            }
            canvas.line((x, y), (x + width, y), RULE, 1.2, "");
            before = Some((x + width, y));
            for (place, patient) in cohort.patients.iter().enumerate() {
                let centre = x + (place as f64 + 0.5) * slot;
                let (symbol, colour) = status_mark(&patient.status);
                canvas.symbol(symbol, centre, y, radius, colour);
                canvas.occupy(centre - radius, y - radius, centre + radius, y + radius);
                order += 1;
                if slot >= 15.0 || order % 5 == 0 {
                    canvas.text(centre, plot.bottom + 12.0, Anchor::Middle, NOTE, &order.to_string());
                }
                if !matches!(patient.status, DltStatus::NoDlt | DltStatus::Treated) {
                    notes.push((centre, y, patient));
                }
            }
            let bracket = plot.bottom + 17.0;
            canvas.path(
                &[
                    (x + 1.5, bracket),
                    (x + 1.5, bracket + 3.0),
                    (x + width - 1.5, bracket + 3.0),
                    (x + width - 1.5, bracket),
                ],
                AXIS,
                0.8,
                "",
            );
            let long = format!(
                "{}, n = {}{}",
                cohort.id,
                cohort.patients.len(),
                if cohort.backfill { ", backfill" } else { "" }
            );
            let middle = x + width / 2.0;
            let places = [(middle, bracket + 13.0, Anchor::Middle)];
            if !(SMALL.width(&long) <= width + 0.8 * slot && canvas.label(&places, SMALL, &long)) {
                canvas.label(&places, SMALL, &SMALL.fit(&cohort.id, width + 0.9 * slot));
            }
            x += width + slot;
        }
        for (centre, y, patient) in notes {
            let words = match &patient.status {
                DltStatus::Pending { follow_up } => {
                    format!("{} {}", patient.subject, super::share(*follow_up))
                }
                _ => patient.subject.clone(),
            };
            let (below, above) = (y + radius + 9.0, y - radius - 3.5);
            let side = radius + 3.0;
            let places = [
                (centre, below, Anchor::Middle),
                (centre, above, Anchor::Middle),
                (centre - side, below, Anchor::Start),
                (centre + side, below, Anchor::End),
                (centre - side, above, Anchor::Start),
                (centre + side, above, Anchor::End),
            ];
            canvas.label(&places, NOTE, &words);
        }
    }

    fn key(&self) -> Vec<(Key, String)> {
        let count = |wanted: &dyn Fn(&DltStatus) -> bool| {
            self.cohorts
                .iter()
                .flat_map(|cohort| &cohort.patients)
                .filter(|patient| wanted(&patient.status))
                .count()
        };
        let mark = |symbol, colour: &str, words: String| (Key::Mark(symbol, colour.to_owned()), words);
        let possible = count(&|status| *status == DltStatus::PossibleDlt);
        let treated = count(&|status| *status == DltStatus::Treated);
        if treated > 0 && treated == self.cohorts.iter().map(|cohort| cohort.patients.len()).sum::<usize>() {
            return vec![mark(Symbol::Disc, BLUE, format!("treated (n = {treated})"))];
        }
        let mut items = vec![
            mark(
                Symbol::Disc,
                BLUE,
                format!("no DLT (n = {})", count(&|status| *status == DltStatus::NoDlt)),
            ),
            mark(Symbol::Cross, VERMILLION, format!("DLT ({})", count(&|status| *status == DltStatus::Dlt))),
        ];
        if possible > 0 {
            items.push(mark(
                Symbol::HollowCross,
                VERMILLION,
                format!("possible DLT, not adjudicated ({possible})"),
            ));
        }
        let pending = count(&|status| matches!(status, DltStatus::Pending { .. }));
        items.push(mark(
            Symbol::Share(0.3),
            BLUE,
            format!("pending, filled: share of window followed ({pending})"),
        ));
        let not_evaluable = count(&|status| matches!(status, DltStatus::NotEvaluable { .. }));
        items.push(mark(Symbol::Half, SOFT, format!("not evaluable ({not_evaluable})")));
        for taken in Move::ALL {
            if self
                .cohorts
                .iter()
                .filter_map(|cohort| cohort.decision.as_ref())
                .any(|decision| decision.taken == taken)
            {
                items.push(mark(taken.symbol(), INK, format!("decision: {}", taken.word())));
            }
        }
        items
    }

    fn around(&self) -> Around {
        let mut rows = Vec::new();
        for cohort in &self.cohorts {
            let decided = cohort.decision.as_ref();
            for patient in &cohort.patients {
                rows.push(vec![
                    (rows.len() + 1).to_string(),
                    patient.subject.clone(),
                    cohort.id.clone(),
                    cohort.level.clone(),
                    patient.status.words(),
                    match &patient.status {
                        DltStatus::NotEvaluable { reason } => reason.clone(),
                        _ => String::new(),
                    },
                    decided.map(|decision| decision.taken.word().to_owned()).unwrap_or_default(),
                    decided.map(|decision| decision.date.to_string()).unwrap_or_default(),
                    decided
                        .and_then(|decision| decision.advised)
                        .map(|advised| advised.word().to_owned())
                        .unwrap_or_default(),
                ]);
            }
        }
        let header = [
            "Order",
            "Subject",
            "Cohort",
            "Level",
            "DLT status",
            "Reason not evaluable",
            "Decision after the cohort",
            "Date",
            "Rule's advice",
        ];
        let cohorts: Vec<String> = self
            .cohorts
            .iter()
            .map(|cohort| {
                let of = |wanted: &dyn Fn(&DltStatus) -> bool| {
                    cohort.patients.iter().filter(|patient| wanted(&patient.status)).count()
                };
                format!(
                    "{} at {}: {} patients, {} DLT, {} pending{}",
                    cohort.id,
                    cohort.level,
                    cohort.patients.len(),
                    of(&|status| *status == DltStatus::Dlt),
                    of(&|status| matches!(status, DltStatus::Pending { .. })),
                    cohort
                        .decision
                        .as_ref()
                        .map(|decision| format!(", then {}", decision.taken.word()))
                        .unwrap_or_default()
                )
            })
            .collect();
        let treated = rows.len();
        Around {
            id: "F1".into(),
            title: "Escalation history".into(),
            alt: format!("Patients in order of entry by dose level, {treated} in all. {}.", cohorts.join("; ")),
            caption: "Each mark is a patient, at the level of the cohort, in order of entry; brackets are cohorts. Signs above \
                      the gaps are the decisions taken after a cohort, with their dates; one that departs from the rule's \
                      advice is red and names the advice."
                .into(),
            data: DataTable::new(&header, rows),
            notes: Vec::new(),
            not_drawn: self.not_drawn.clone(),
        }
    }
}

fn override_words(decision: &LevelDecision) -> String {
    decision.overrides().map(|advised| format!("rule: {}", advised.word())).unwrap_or_default()
}
