//! The supposed rates as a curve that can be taken hold of: a picture without script, sliders with it.

use maud::{Markup, html};

/// The drawing and, in it, the square of levels and rates.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 290.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 424.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 248.0;

fn across(level: usize, levels: usize) -> f64 {
    LEFT + (RIGHT - LEFT) * (level as f64 + 0.5) / levels.max(1) as f64
}

fn up(rate: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * rate.clamp(0.0, 1.0)
}

fn coordinate(value: f64) -> String {
    format!("{value:.1}")
}

/// The curve of DLT rates, with that of efficacy where there is one, and the target across it. The script reads the square
/// from the drawing's own data.
pub(crate) fn curve(names: &[String], truth: &[f64], efficacy: &[f64], target: f64) -> Markup {
    let words: Vec<String> =
        truth.iter().zip(1..).map(|(rate, level)| format!("level {level}: {rate:.2}")).collect();
    let title = format!("Supposed DLT rates, target {target:.2}; {}", words.join(", "));
    let levels = truth.len();
    html! {
        svg #curve viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title)
            data-left=(LEFT) data-right=(RIGHT) data-top=(TOP) data-bottom=(BOTTOM) {
            @for tick in 0..=5 {
                @let rate = f64::from(tick) / 5.0;
                line .grid x1=(LEFT) x2=(RIGHT) y1=(coordinate(up(rate))) y2=(coordinate(up(rate))) {}
                text x=(LEFT - 6.0) y=(coordinate(up(rate) + 4.0)) text-anchor="end" { (format!("{rate:.1}")) }
            }
            @for (name, level) in names.iter().take(levels).zip(0..) {
                text x=(coordinate(across(level, levels))) y=(BOTTOM + 18.0) text-anchor="middle" { (short(name)) }
            }
            text x=((LEFT + RIGHT) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { "Dose level" }
            (series("efficacy", "Efficacy rate", efficacy, -13.0))
            (series("truth", "DLT rate", truth, if efficacy.is_empty() { -13.0 } else { 21.0 }))
            g .target data-name="target" data-says="Target DLT rate" data-value=(target) data-y=(coordinate(up(target))) transform={ "translate(0 " (coordinate(up(target))) ")" } {
                line x1=(LEFT) x2=(RIGHT) y1="0" y2="0" {}
                rect .hit x=(RIGHT - 2.0) y="-14" width="54" height="28" {}
                rect .handle x=(RIGHT + 2.0) y="-8" width="14" height="16" rx="3" {}
                text x=(RIGHT + 20.0) y="4" { (format!("{target:.2}")) }
            }
        }
    }
}

fn short(name: &str) -> String {
    if name.chars().count() > 7 { name.chars().take(6).chain(['…']).collect() } else { name.to_owned() }
}

/// One curve; where two are drawn, the numbers of one stand above its points and those of the other below.
fn series(name: &str, says: &str, rates: &[f64], beside: f64) -> Markup {
    let levels = rates.len();
    let points: Vec<String> = rates
        .iter()
        .enumerate()
        .map(|(level, rate)| format!("{},{}", coordinate(across(level, levels)), coordinate(up(*rate))))
        .collect();
    html! {
        @if !rates.is_empty() {
            polyline .curve.(name) points=(points.join(" ")) data-of=(name) {}
            @for (rate, level) in rates.iter().zip(0..) {
                g .point.(name) data-name=(name) data-place=(level) data-value=(rate)
                    data-says={ (says) " at level " (level + 1) }
                    transform={ "translate(" (coordinate(across(level, levels))) " " (coordinate(up(*rate))) ")" } {
                    circle .hit r="16" {}
                    circle .handle r="7" {}
                    text y=(beside) text-anchor="middle" { (format!("{rate:.2}")) }
                }
            }
        }
    }
}
