//! The courses that the next cohorts can take, as a tree from left to right.

use std::collections::BTreeMap;

use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, SMALL, STRONG, WIDTH};
use super::chart::{Around, MARGIN, Plot, finish, nothing};
use super::style::{AXIS, FAINT, Fill, RULE};
use super::{DataTable, Figure, Frame};

/// One course: the cohorts treated, and what is advised after them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Course {
    /// For each cohort the level's name, the patients and the DLTs among them.
    pub cohorts: Vec<(String, u32, u32)>,
    /// What is advised then, such as `escalate to 3` or `stop`.
    pub advice: String,
    /// How probable the course is; none without a truth.
    pub probability: Option<f64>,
}

/// Dose transition pathways.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pathways {
    /// Every course, fewest DLTs first.
    pub courses: Vec<Course>,
    /// The truth behind the probabilities, in words; empty without.
    pub truth: String,
}

/// The most courses that are drawn; all are in the table.
pub const DRAWN_MAX: usize = 128;

const ROW: f64 = 15.0;

/// A step of the tree: where it stands, and what it leads to.
#[derive(Default)]
struct Step {
    label: String,
    probability: f64,
    rows: (usize, usize),
    next: BTreeMap<usize, Step>,
}

impl Pathways {
    /// Draws a column a cohort and a row a course, joined where they are the same so far.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let drawn = &self.courses[..self.courses.len().min(DRAWN_MAX)];
        let depth = drawn.iter().map(|course| course.cohorts.len()).max().unwrap_or(0);
        let told = drawn.iter().any(|course| course.probability.is_some());
        let last = 170.0;
        let column = (WIDTH - 2.0 * MARGIN - last) / depth.max(1) as f64;
        let top = 22.0;
        for cohort in 0..depth {
            let x = MARGIN + column * cohort as f64;
            let heading =
                if cohort == 0 { "First cohort".to_owned() } else { format!("then cohort {}", cohort + 1) };
            canvas.text(x, 12.0, Anchor::Start, STRONG, &STRONG.fit(&heading, column - 4.0));
        }
        let x = MARGIN + column * depth as f64;
        canvas.text(x, 12.0, Anchor::Start, STRONG, "Advice");
        if told {
            canvas.text(WIDTH - MARGIN, 12.0, Anchor::End, STRONG, "Probability");
        }
        let mut root = Step::default();
        for (row, course) in drawn.iter().enumerate() {
            grow(&mut root, course, row);
        }
        let y = |row: f64| top + ROW * (row + 0.5);
        draw_steps(&mut canvas, &root, 0, column, &y, told);
        for (row, course) in drawn.iter().enumerate() {
            let at = y(row as f64);
            // A course that ended early has its advice at the end of its own line.
            let from = MARGIN + column * course.cohorts.len() as f64;
            if course.cohorts.len() < depth {
                canvas.line((from + 2.0, at), (x - 5.0, at), FAINT, 1.0, "1.5 2");
            }
            let room = if told { last - 52.0 } else { last };
            canvas.text(x, at + 3.2, Anchor::Start, SMALL, &SMALL.fit(&course.advice, room));
            if let Some(probability) = course.probability {
                canvas.text(WIDTH - MARGIN, at + 3.2, Anchor::End, SMALL, &percent(probability));
            }
        }
        if drawn.is_empty() {
            let plot = Plot { left: MARGIN, top, right: WIDTH - MARGIN, bottom: top + 40.0 };
            nothing(&mut canvas, plot, "The trial has ended: there is no next cohort.");
        }
        let bottom = top + ROW * drawn.len().max(3) as f64 + 4.0;
        finish(canvas, bottom, self.around(drawn.len()), frame)
    }

    fn around(&self, drawn: usize) -> Around {
        let row = |course: &Course| {
            let cohorts: Vec<String> =
                course.cohorts.iter().map(|(level, n, dlts)| format!("{level}: {dlts}/{n}")).collect();
            let probability =
                course.probability.map(|probability| probability.to_string()).unwrap_or_default();
            vec![cohorts.join("; "), course.advice.clone(), probability]
        };
        let most = self
            .courses
            .iter()
            .filter(|course| course.probability.is_some())
            .max_by(|a, b| a.probability.unwrap_or(0.0).total_cmp(&b.probability.unwrap_or(0.0)));
        let words = most.map_or(String::new(), |course| {
            let [cohorts, advice, _] = &row(course)[..] else { return String::new() };
            format!(" The most probable is {cohorts}, then {advice}.")
        });
        let mut notes = Vec::new();
        if drawn < self.courses.len() {
            notes.push(format!(
                "The first {drawn} of {} courses are drawn; all are in the table.",
                self.courses.len()
            ));
        }
        if !self.truth.is_empty() {
            notes.push(format!("Probabilities under {}.", self.truth));
        }
        Around {
            id: "pathways".to_owned(),
            title: "Dose transition pathways".to_owned(),
            alt: format!("{} courses that the next cohorts can take.{words}", self.courses.len()),
            caption: "Each row is a course; DLTs among patients stand in each cohort's box, the advice at the right."
                .to_owned(),
            data: DataTable::new(&["Cohorts (DLTs/patients)", "Advice", "Probability"], self.courses.iter().map(row).collect()),
            notes,
            not_drawn: Vec::new(),
        }
    }
}

fn grow(root: &mut Step, course: &Course, row: usize) {
    let mut at = root;
    for (level, patients, dlts) in &course.cohorts {
        // Courses come in order, so that one that differs from the last row's begins a new branch.
        let label = format!("{level}: {dlts}/{patients}");
        let same = at.next.last_key_value().filter(|(_, step)| step.label == label).map(|(key, _)| *key);
        let key = same.unwrap_or(row);
        let step = at.next.entry(key).or_insert_with(|| Step { label, rows: (row, row), ..Step::default() });
        step.rows.1 = row;
        step.probability += course.probability.unwrap_or(0.0);
        at = step;
    }
}

fn draw_steps(
    canvas: &mut Canvas,
    step: &Step,
    depth: usize,
    column: f64,
    y: &dyn Fn(f64) -> f64,
    told: bool,
) {
    let middle = |step: &Step| y((step.rows.0 + step.rows.1) as f64 / 2.0);
    let left = MARGIN + column * depth as f64;
    for next in step.next.values() {
        let at = middle(next);
        if depth > 0 {
            let from = (left - 12.0, middle(step));
            canvas.path(&[from, (left - 6.0, from.1), (left - 6.0, at), (left, at)], AXIS, 0.8, "");
        }
        let box_width = column - 14.0;
        canvas.bar(left, at - 6.3, box_width, 12.6, Fill { colour: FAINT, hatch: None });
        let probability = if told { percent(next.probability) } else { String::new() };
        let room = box_width - 8.0 - NOTE.width(&probability) - 4.0;
        canvas.text(left + 4.0, at + 3.2, Anchor::Start, SMALL, &SMALL.fit(&next.label, room));
        if box_width > 90.0 {
            canvas.text(left + box_width - 4.0, at + 3.0, Anchor::End, NOTE, &probability);
        }
        if next.next.is_empty() {
            canvas.line((left + box_width, at), (left + column - 4.0, at), RULE, 0.8, "");
        }
        draw_steps(canvas, next, depth + 1, column, y, told);
    }
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.000_5 { "<0.1%".to_owned() } else { format!("{:.1}%", share * 100.0) }
}
