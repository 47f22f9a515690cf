//! F2: what the design's model makes of each level: estimate, interval, and where it lies to the target.

use serde::Serialize;

use super::canvas::{Anchor, BODY, Canvas, SMALL, STRONG, Symbol, WIDTH};
use super::chart::{Around, MARGIN, Plot, finish, nothing, upright};
use super::scale::{Scale, TENS, ticks};
use super::style::{AXIS, BLUE, FAINT, VERMILLION};
use super::{DataTable, Figure, Frame};

/// A level as the model sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PosteriorLevel {
    /// Name of the level.
    pub label: String,
    /// Evaluable patients.
    pub evaluable: u32,
    /// DLTs among them.
    pub dlt: u32,
    /// Posterior mean of the DLT rate.
    pub mean: Option<f64>,
    /// Its 95% credible interval.
    pub interval: Option<(f64, f64)>,
    /// Probability that the DLT rate is above the target or the target interval.
    pub over: Option<f64>,
    /// Whether the level is closed.
    pub eliminated: bool,
}

/// The model's posterior, level by level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Posterior {
    /// Name of the design.
    pub design: String,
    /// The target DLT rate, if there is one.
    pub target: Option<f64>,
    /// Rows from the top.
    pub levels: Vec<PosteriorLevel>,
}

impl Posterior {
    /// Draws the DLT rate across and levels down, with DLTs of patients and the probability of being above at the right.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let words: Vec<String> = self.levels.iter().map(in_words).collect();
        let labels: Vec<String> = self.levels.iter().map(|level| SMALL.fit(&level.label, 170.0)).collect();
        let label_width = SMALL.widest(labels.iter().map(String::as_str)).max(60.0);
        let heading = "DLT/n; mean; Pr(too high)";
        let words_width = SMALL.widest(words.iter().map(String::as_str)).max(STRONG.width(heading));
        let (top, row_height) = (24.0, 19.0);
        let plot = Plot {
            left: MARGIN + label_width + 14.0,
            top,
            right: WIDTH - MARGIN - words_width - 16.0,
            bottom: top + row_height * self.levels.len().max(2) as f64 + 4.0,
        };
        let scale = Scale::linear((0.0, 100.0), (plot.left + 4.0, plot.right));
        let marked = ticks(0.0, 100.0, 6, TENS);
        for &tick in &marked {
            upright(&mut canvas, plot, scale.at(tick), "1 3");
        }
        canvas.text(MARGIN, 13.0, Anchor::Start, STRONG, "Dose level");
        canvas.text(WIDTH - MARGIN, 13.0, Anchor::End, STRONG, heading);
        for (index, level) in self.levels.iter().enumerate() {
            let y = top + row_height * (index as f64 + 0.5);
            if level.eliminated {
                canvas.rect(plot.left, y - row_height / 2.0, plot.right - plot.left, row_height, FAINT);
            }
            canvas.text(MARGIN, y + 3.3, Anchor::Start, SMALL, &labels[index]);
            canvas.text(WIDTH - MARGIN, y + 3.3, Anchor::End, SMALL, &words[index]);
            if let Some((low, high)) = level.interval {
                let (from, to) = (scale.at(low * 100.0), scale.at(high * 100.0));
                canvas.line((from, y), (to, y), AXIS, 1.3, "");
                for x in [from, to] {
                    canvas.line((x, y - 3.0), (x, y + 3.0), AXIS, 1.1, "");
                }
            }
            if let Some(mean) = level.mean {
                let symbol = if level.evaluable > 0 { Symbol::Disc } else { Symbol::Ring };
                canvas.symbol(symbol, scale.at(mean * 100.0), y, 3.8, BLUE);
            }
        }
        if let Some(target) = self.target {
            let x = scale.at(target * 100.0);
            canvas.line((x, plot.top), (x, plot.bottom), VERMILLION, 1.2, "4 2");
            canvas.text(x, plot.top - 3.0, Anchor::Middle, SMALL, &format!("target {:.0}%", target * 100.0));
        }
        if self.levels.is_empty() {
            nothing(&mut canvas, plot, "The design has no levels.");
        }
        canvas.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS, 0.8, "");
        for &tick in &marked {
            canvas.line((scale.at(tick), plot.bottom), (scale.at(tick), plot.bottom + 3.5), AXIS, 0.8, "");
            let label = super::canvas::number(tick);
            canvas.text(scale.at(tick), plot.bottom + 13.5, Anchor::Middle, SMALL, &label);
        }
        canvas.text(plot.middle(), plot.bottom + 28.5, Anchor::Middle, BODY, "DLT rate, %");
        finish(canvas, plot.bottom + 33.0, self.around(&words), frame)
    }

    fn around(&self, words: &[String]) -> Around {
        let text = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let row = |level: &PosteriorLevel| {
            vec![
                level.label.clone(),
                level.evaluable.to_string(),
                level.dlt.to_string(),
                text(level.mean),
                text(level.interval.map(|interval| interval.0)),
                text(level.interval.map(|interval| interval.1)),
                text(level.over),
            ]
        };
        let rows: Vec<String> =
            self.levels.iter().zip(words).map(|(level, words)| format!("{}: {words}", level.label)).collect();
        Around {
            id: "F2".to_owned(),
            title: format!("DLT rate by level as {} sees it", self.design),
            alt: format!("Posterior of the DLT rate by level. {}.", rows.join("; ")),
            caption: "Marks are posterior means, filled where the level has been treated, lines 95% credible intervals; \
                      a shaded level is closed. Untried levels are read off the model."
                .to_owned(),
            data: DataTable::new(
                &["Level", "Evaluable", "DLTs", "Posterior mean", "Lower 95%", "Upper 95%", "Pr(too high)"],
                self.levels.iter().map(row).collect(),
            ),
            notes: vec!["Evaluable patients; 95% credible intervals.".to_owned()],
            not_drawn: Vec::new(),
        }
    }
}

fn in_words(level: &PosteriorLevel) -> String {
    let percent =
        |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{:.0}%", value * 100.0));
    format!("{}/{}; {}; {}", level.dlt, level.evaluable, percent(level.mean), percent(level.over))
}
