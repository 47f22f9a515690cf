//! How many patients a trial treats and how many DLTs it sees: the probability of each number, design by design.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, NOTE, SMALL, STRONG, WIDTH};
use super::chart::{Around, MARGIN, Plot, finish, nothing};
use super::scale::{Scale, TENS, ticks};
use super::style::{AXIS, FAINT, Fill};
use super::{DataTable, Figure, Frame};

/// One design under one truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Name of the design.
    pub design: String,
    /// Probability of each number of evaluable patients, from 0.
    pub patients: Vec<f64>,
    /// Probability of each number of DLTs, from 0.
    pub dlts: Vec<f64>,
}

/// The distributions of patients and of DLTs, a row a design.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distributions {
    /// The designs, from the top.
    pub designs: Vec<Spread>,
    /// The truth behind the probabilities, in words; empty without.
    pub truth: String,
}

const PLOT_HEIGHT: f64 = 62.0;
const HEAD: f64 = 24.0;
const ROW: f64 = PLOT_HEIGHT + HEAD + 26.0;
const FILL: Fill = Fill { colour: "#0072b2", hatch: None };

impl Distributions {
    /// Draws a row a design: patients at the left, DLTs at the right.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let middle = WIDTH * 0.5;
        let mut top = 0.0;
        for spread in &self.designs {
            canvas.text(
                MARGIN,
                top + 10.0,
                Anchor::Start,
                STRONG,
                &STRONG.fit(&spread.design, middle - 110.0),
            );
            canvas.text(middle - 16.0, top + 10.0, Anchor::End, NOTE, "patients treated");
            canvas.text(WIDTH - MARGIN, top + 10.0, Anchor::End, NOTE, "patients with DLT");
            let (from, to) = (top + HEAD, top + HEAD + PLOT_HEIGHT);
            let left = Plot { left: MARGIN + 30.0, top: from, right: middle - 16.0, bottom: to };
            let right = Plot { left: middle + 30.0, top: from, right: WIDTH - MARGIN, bottom: to };
            bars(&mut canvas, left, &spread.patients);
            bars(&mut canvas, right, &spread.dlts);
            top += ROW;
        }
        if self.designs.is_empty() {
            let plot = Plot { left: MARGIN, top, right: WIDTH - MARGIN, bottom: top + 40.0 };
            nothing(&mut canvas, plot, "No design was asked for.");
            top += 44.0;
        }
        finish(canvas, top, self.around(), frame)
    }

    fn around(&self) -> Around {
        let mut rows = Vec::new();
        let mut words = Vec::new();
        for spread in &self.designs {
            for (what, shares) in [("patients", &spread.patients), ("DLTs", &spread.dlts)] {
                for (count, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                    rows.push(vec![
                        spread.design.clone(),
                        what.to_owned(),
                        count.to_string(),
                        share.to_string(),
                    ]);
                }
                let most = shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                if let Some((count, share)) = most {
                    words.push(format!(
                        "{}: most often {count} {what}, {:.1}%",
                        spread.design,
                        share * 100.0
                    ));
                }
            }
        }
        let notes = if self.truth.is_empty() { Vec::new() } else { vec![format!("Under {}.", self.truth)] };
        Around {
            id: "distributions".to_owned(),
            title: "How many patients, how many DLTs".to_owned(),
            alt: format!("Distributions of the numbers of patients and of DLTs. {}.", words.join("; ")),
            caption: "Each bar is the probability that a trial treats so many evaluable patients (left) or that so many \
                      of them have a DLT (right)."
                .to_owned(),
            data: DataTable::new(&["Design", "What", "Number", "Probability"], rows),
            notes,
            not_drawn: Vec::new(),
        }
    }
}

/// A bar for each number, up to the last that is not all but impossible.
fn bars(canvas: &mut Canvas, plot: Plot, shares: &[f64]) {
    let last = shares.iter().rposition(|share| *share >= 5e-4).unwrap_or(0);
    let highest = shares.iter().copied().fold(0.0, f64::max);
    // Whole tenths, so that neighbouring rows are often on one scale.
    let upper = ((highest * 10.0 - 1e-9).ceil() / 10.0).clamp(0.1, 1.0);
    let scale = Scale::linear((0.0, upper), (plot.bottom, plot.top));
    for share in [0.0, upper / 2.0, upper] {
        let y = scale.at(share);
        canvas.line((plot.left, y), (plot.right, y), if share > 0.0 { FAINT } else { AXIS }, 0.8, "");
        canvas.text(plot.left - 4.0, y + 3.2, Anchor::End, NOTE, &format!("{:.0}%", share * 100.0));
    }
    let width = (plot.right - plot.left) / (last + 1) as f64;
    let middle = |count: f64| plot.left + width * (count + 0.5);
    for (count, share) in shares.iter().enumerate().take(last + 1).filter(|(_, share)| **share > 0.0) {
        let y = scale.at(*share);
        let from = middle(count as f64) - width * 0.4;
        canvas.bar(from, y, width * 0.8, plot.bottom - y, FILL);
    }
    for tick in ticks(0.0, last as f64, 8, TENS) {
        canvas.text(middle(tick), plot.bottom + 12.5, Anchor::Middle, SMALL, &format!("{tick:.0}"));
    }
}
