//! A rate with its interval, level by level.

use serde::Serialize;

use super::canvas::{Anchor, BODY, Canvas, SMALL, STRONG, Symbol, WIDTH};
use super::chart::{Around, MARGIN, Plot, finish, nothing, upright};
use super::scale::{Scale, TENS, ticks};
use super::style::{AXIS, BLUE, INK, RULE};
use super::{DataTable, Figure, Frame};

/// A rate of one row, as computed elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateAtLevel {
    /// Name of the row: a level, or `All (descriptive)`.
    pub label: String,
    /// Patients with the event.
    pub count: u32,
    /// Patients counted.
    pub total: u32,
    /// Bounds of the interval, 0 to 1; none for 0 of 0.
    pub interval: Option<(f64, f64)>,
    /// Whether the row pools levels: drawn apart, as a diamond.
    pub pooled: bool,
}

/// A rate by dose level, with intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateByLevel {
    /// Part of the figure's id, such as `ORR`.
    pub short: String,
    /// What is counted, such as `Overall response (PR or better, confirmed)`.
    pub definition: String,
    /// Who is counted, such as `response-evaluable`.
    pub population: String,
    /// How intervals were computed, such as `Clopper-Pearson`.
    pub interval_method: String,
    /// Rows from the top.
    pub rows: Vec<RateAtLevel>,
}

impl RateByLevel {
    /// Draws percent across and levels down, with n/N and the interval in words at the right.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let words: Vec<String> = self.rows.iter().map(in_words).collect();
        let labels: Vec<String> = self.rows.iter().map(|row| SMALL.fit(&row.label, 200.0)).collect();
        let label_width = SMALL.widest(labels.iter().map(String::as_str)).max(60.0);
        let heading = "n/N (%; 95% interval)";
        let words_width = SMALL.widest(words.iter().map(String::as_str)).max(STRONG.width(heading));
        let row_height = 19.0;
        let top = 24.0;
        let pooled_gap = if self.rows.iter().any(|row| row.pooled) { 8.0 } else { 0.0 };
        let plot = Plot {
            left: MARGIN + label_width + 14.0,
            top,
            right: WIDTH - MARGIN - words_width - 16.0,
            bottom: top + row_height * self.rows.len().max(2) as f64 + pooled_gap + 4.0,
        };
        let scale = Scale::linear((0.0, 100.0), (plot.left + 4.0, plot.right));
        let marked = ticks(0.0, 100.0, 6, TENS);
        for &tick in &marked {
            upright(&mut canvas, plot, scale.at(tick), "1 3");
        }
        canvas.text(WIDTH - MARGIN, 13.0, Anchor::End, STRONG, heading);
        canvas.text(MARGIN, 13.0, Anchor::Start, STRONG, "Dose level");
        let mut offset = 0.0;
        for (index, row) in self.rows.iter().enumerate() {
            if row.pooled && offset == 0.0 {
                offset = pooled_gap;
                let y = top + row_height * index as f64 + pooled_gap / 2.0;
                canvas.line((MARGIN, y), (WIDTH - MARGIN, y), RULE, 0.7, "");
            }
            let y = top + row_height * (index as f64 + 0.5) + offset;
            canvas.text(MARGIN, y + 3.3, Anchor::Start, SMALL, &labels[index]);
            canvas.text(WIDTH - MARGIN, y + 3.3, Anchor::End, SMALL, &words[index]);
            if let Some((low, high)) = row.interval {
                let (from, to) = (scale.at(low * 100.0), scale.at(high * 100.0));
                canvas.line((from, y), (to, y), AXIS, 1.3, "");
                for x in [from, to] {
                    canvas.line((x, y - 3.0), (x, y + 3.0), AXIS, 1.1, "");
                }
            }
            if row.total > 0 {
                let (symbol, colour) = if row.pooled { (Symbol::Diamond, INK) } else { (Symbol::Disc, BLUE) };
                canvas.symbol(symbol, scale.at(percent(row)), y, if row.pooled { 5.0 } else { 3.8 }, colour);
            }
        }
        if self.rows.is_empty() {
            nothing(&mut canvas, plot, "No level has been opened.");
        }
        canvas.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS, 0.8, "");
        for &tick in &marked {
            canvas.line((scale.at(tick), plot.bottom), (scale.at(tick), plot.bottom + 3.5), AXIS, 0.8, "");
            canvas.text(
                scale.at(tick),
                plot.bottom + 13.5,
                Anchor::Middle,
                SMALL,
                &super::canvas::number(tick),
            );
        }
        let title = BODY.fit(&format!("{}, % of patients", self.definition), 2.0 * (plot.middle() - MARGIN));
        canvas.text(plot.middle(), plot.bottom + 28.5, Anchor::Middle, BODY, &title);
        finish(canvas, plot.bottom + 33.0, self.around(), frame)
    }

    fn around(&self) -> Around {
        let rows = self
            .rows
            .iter()
            .map(|row| {
                let bound = |pick: fn((f64, f64)) -> f64| {
                    row.interval.map(|pair| pick(pair).to_string()).unwrap_or_default()
                };
                let (count, total) = (row.count.to_string(), row.total.to_string());
                vec![row.label.clone(), count, total, bound(|pair| pair.0), bound(|pair| pair.1)]
            })
            .collect();
        let words: Vec<String> =
            self.rows.iter().map(|row| format!("{}: {}", row.label, in_words(row))).collect();
        Around {
            id: format!("rate-{}", self.short),
            title: format!("{} by dose level", self.definition),
            alt: format!(
                "{} by dose level, {} patients. {}.",
                self.definition,
                self.population,
                words.join("; ")
            ),
            caption: format!(
                "Marks are n/N in {} patients, lines their 95% intervals ({}). N is too small to infer a relation between level and \
                 rate; a pooled row is descriptive, since the size of the cohorts depended on the data.",
                self.population, self.interval_method
            ),
            data: DataTable::new(&["Level", "n", "N", "Lower 95%", "Upper 95%"], rows),
            notes: vec![format!(
                "{}; intervals: {}. N is too small to infer a relation between level and rate.",
                capital(&self.population),
                self.interval_method
            )],
            not_drawn: Vec::new(),
        }
    }
}

fn percent(row: &RateAtLevel) -> f64 {
    f64::from(row.count) / f64::from(row.total.max(1)) * 100.0
}

/// One decimal, halves up, from whole numbers.
fn in_words(row: &RateAtLevel) -> String {
    if row.total == 0 {
        return "0/0".to_owned();
    }
    let thousandths = (u64::from(row.count) * 2_000 + u64::from(row.total)) / (u64::from(row.total) * 2);
    let rate = format!("{}/{} ({}.{}", row.count, row.total, thousandths / 10, thousandths % 10);
    match row.interval {
        Some((low, high)) => format!("{rate}; {:.1} to {:.1})", low * 100.0, high * 100.0),
        None => format!("{rate})"),
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
