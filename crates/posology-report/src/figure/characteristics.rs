//! What designs select and whom they treat where, scenario by scenario, beside what complete information would allow.

use serde::Serialize;

use super::canvas::{Anchor, BODY, Canvas, NOTE, SMALL, STRONG, WIDTH};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, nothing};
use super::scale::Scale;
use super::style::{AXIS, FAINT, Fill, INK, RULE, SKY, VERMILLION, WHITE};
use super::{DataTable, Figure, Frame};

/// One design in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DesignInScenario {
    /// Name of the design.
    pub design: String,
    /// Probability that each level is selected.
    pub select: Vec<f64>,
    /// Probability that none is.
    pub select_none: f64,
    /// Expected patients at each level.
    pub patients: Vec<f64>,
}

/// One supposed truth, with every design under it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioPanel {
    /// Name of the scenario; may be empty.
    pub name: String,
    /// True DLT rate at each level.
    pub truth: Vec<f64>,
    /// The level rightly selected, from 1; none where no level is.
    pub true_mtd: Option<u32>,
    /// Probability that the benchmark selects each level.
    pub benchmark: Vec<f64>,
    /// The designs, in the same order in every panel.
    pub designs: Vec<DesignInScenario>,
}

/// Selection and allocation of one design or several, a row a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelectionBars {
    /// Names of the levels, the lowest first.
    pub levels: Vec<String>,
    /// The target DLT rate.
    pub target: f64,
    /// The scenarios, from the top.
    pub panels: Vec<ScenarioPanel>,
}

/// Fills of the designs, told apart in grey too.
const FILLS: [Fill; 6] = [
    Fill { colour: "#0072b2", hatch: None },
    Fill { colour: SKY, hatch: Some(WHITE) },
    Fill { colour: "#12334f", hatch: None },
    Fill { colour: "#e69f00", hatch: None },
    Fill { colour: "#c3c8ce", hatch: None },
    Fill { colour: "#009e73", hatch: Some(WHITE) },
];

const PLOT_HEIGHT: f64 = 64.0;
/// Room above the plots for the heading and, under it, the number over a bar of 100%.
const HEAD: f64 = 25.0;
const ROW: f64 = PLOT_HEIGHT + HEAD + 36.0;

impl SelectionBars {
    /// Draws a row a scenario: at the left how often each level is selected, with the benchmark's tick, at the right
    /// the share of patients treated at each level.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let names: Vec<String> = self
            .panels
            .first()
            .map(|panel| panel.designs.iter().map(|design| design.design.clone()).collect())
            .unwrap_or_default();
        let mut keys: Vec<(Key, String)> =
            names.iter().enumerate().map(|(index, name)| (Key::Box(fill(index)), name.clone())).collect();
        keys.push((Key::Line(VERMILLION.to_owned(), ""), "benchmark".to_owned()));
        let mut top = legend(&mut canvas, 0.0, "Design", &keys) + 8.0;
        let middle = WIDTH * 0.56;
        for panel in &self.panels {
            let heading = if panel.name.is_empty() { "Scenario" } else { panel.name.as_str() };
            let right = match panel.true_mtd {
                Some(level) => format!("true MTD: level {level}"),
                None => "no level is right".to_owned(),
            };
            canvas.text(MARGIN, top + 9.0, Anchor::Start, STRONG, &STRONG.fit(heading, middle - 120.0));
            canvas.text(middle - 24.0, top + 9.0, Anchor::End, NOTE, &right);
            canvas.text(middle + 18.0, top + 9.0, Anchor::Start, NOTE, "patients treated, %");
            let bottom = top + HEAD + PLOT_HEIGHT;
            let left = Plot { left: MARGIN + 26.0, top: top + HEAD, right: middle - 24.0, bottom };
            let beside = Plot { left: middle + 18.0, top: top + HEAD, right: WIDTH - MARGIN, bottom };
            self.bars(&mut canvas, left, panel, true);
            self.bars(&mut canvas, beside, panel, false);
            top += ROW;
        }
        if self.panels.is_empty() {
            let plot = Plot { left: MARGIN, top, right: WIDTH - MARGIN, bottom: top + 40.0 };
            nothing(&mut canvas, plot, "No scenario was asked for.");
            top += 44.0;
        }
        finish(canvas, top, self.around(&names), frame)
    }

    fn bars(&self, canvas: &mut Canvas, plot: Plot, panel: &ScenarioPanel, selects: bool) {
        let levels = panel.truth.len();
        let groups = if selects { levels + 1 } else { levels };
        let width = (plot.right - plot.left) / groups.max(1) as f64;
        let scale = Scale::linear((0.0, 1.0), (plot.bottom, plot.top));
        for share in [0.0, 0.5, 1.0] {
            let y = scale.at(share);
            canvas.line((plot.left, y), (plot.right, y), if share > 0.0 { FAINT } else { AXIS }, 0.8, "");
            if selects {
                let label = format!("{:.0}%", share * 100.0);
                canvas.text(plot.left - 4.0, y + 3.2, Anchor::End, NOTE, &label);
            }
        }
        // The benchmark always selects: where no level is right it has nothing to say.
        let benchmark = |group: usize| {
            panel.benchmark.get(group).copied().filter(|_| selects && panel.true_mtd.is_some())
        };
        for group in 0..groups {
            let from = plot.left + width * group as f64;
            let room = width * 0.76;
            let bar = room / panel.designs.len().max(1) as f64;
            for (index, design) in panel.designs.iter().enumerate() {
                let total: f64 = design.patients.iter().sum();
                let share = match (selects, group < levels) {
                    (true, true) => design.select.get(group).copied().unwrap_or(0.0),
                    (true, false) => design.select_none,
                    (false, _) if total > 0.0 => design.patients.get(group).copied().unwrap_or(0.0) / total,
                    (false, _) => 0.0,
                };
                let x = from + width * 0.12 + bar * index as f64;
                let y = scale.at(share);
                canvas.bar(x, y, bar * 0.92, plot.bottom - y, fill(index));
                if selects && panel.designs.len() == 1 {
                    let middle = x + bar * 0.46;
                    let tick = benchmark(group).map_or(y, |benchmark| scale.at(benchmark));
                    // A tick just above the bar would run through the number.
                    let above = if tick < y && y - tick < 14.0 { tick } else { y };
                    canvas.text(middle, above - 2.5, Anchor::Middle, NOTE, &percent(share));
                }
            }
            if let Some(benchmark) = benchmark(group) {
                let y = scale.at(benchmark);
                canvas.line((from + width * 0.06, y), (from + width * 0.94, y), VERMILLION, 1.8, "");
            }
            let label = match self.levels.get(group).filter(|_| group < levels) {
                Some(name) => SMALL.fit(name, width - 2.0),
                None => "none".to_owned(),
            };
            canvas.text(from + width / 2.0, plot.bottom + 11.5, Anchor::Middle, SMALL, &label);
            if let Some(rate) = panel.truth.get(group).filter(|_| selects) {
                let right = panel.true_mtd == Some(group as u32 + 1);
                let how = if right { STRONG } else { NOTE };
                canvas.text(
                    from + width / 2.0,
                    plot.bottom + 22.5,
                    Anchor::Middle,
                    how,
                    &rate_in_words(*rate),
                );
            }
        }
        if selects {
            canvas.line((plot.right + 8.0, plot.top), (plot.right + 8.0, plot.bottom + 24.0), RULE, 0.7, "");
        }
    }

    fn around(&self, names: &[String]) -> Around {
        let mut rows = Vec::new();
        let mut words = Vec::new();
        for panel in &self.panels {
            for design in &panel.designs {
                for (level, truth) in panel.truth.iter().enumerate() {
                    rows.push(vec![
                        panel.name.clone(),
                        design.design.clone(),
                        self.levels.get(level).cloned().unwrap_or_default(),
                        truth.to_string(),
                        design.select.get(level).map(f64::to_string).unwrap_or_default(),
                        design.patients.get(level).map(f64::to_string).unwrap_or_default(),
                        panel.benchmark.get(level).map(f64::to_string).unwrap_or_default(),
                    ]);
                }
                let none = design.select_none.to_string();
                let (name, scenario) = (design.design.clone(), panel.name.clone());
                rows.push(vec![
                    scenario,
                    name,
                    "none".to_owned(),
                    String::new(),
                    none,
                    String::new(),
                    String::new(),
                ]);
                if let Some(mtd) = panel.true_mtd {
                    let right = design.select.get(mtd as usize - 1).copied().unwrap_or(0.0);
                    words.push(format!(
                        "{}, {}: the true MTD, level {mtd}, is selected in {}",
                        panel.name,
                        design.design,
                        percent(right)
                    ));
                }
            }
        }
        let title = format!("Selection and allocation of {}", names.join(", "));
        Around {
            id: "operating-characteristics".to_owned(),
            alt: format!("{title}. {}.", words.join("; ")),
            title,
            caption: format!(
                "Bars are probabilities of selection (left) and shares of the expected patients (right) at each level; under \
                 the levels stand the true DLT rates, the true MTD's in bold; target {}. The line is the selection \
                 probability of the non-parametric benchmark, which knows every patient's outcome at every level.",
                rate_in_words(self.target)
            ),
            data: DataTable::new(
                &["Scenario", "Design", "Level", "True DLT rate", "Selected", "Patients", "Benchmark"],
                rows,
            ),
            notes: vec![format!("Target DLT rate {}.", rate_in_words(self.target))],
            not_drawn: Vec::new(),
        }
    }
}

fn fill(index: usize) -> Fill {
    FILLS[index % FILLS.len()]
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0%".to_owned(),
        tiny if tiny < 0.1 => "<0.1%".to_owned(),
        some => format!("{some:.1}%"),
    }
}

/// A rate as it was given, to four decimals.
fn rate_in_words(rate: f64) -> String {
    let text = format!("{rate:.4}");
    let short = text.trim_end_matches('0');
    if short.len() < 4 { format!("{rate:.2}") } else { short.to_owned() }
}

/// The supposed truths as curves, with the target across them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TruthCurves {
    /// Names of the levels, the lowest first.
    pub levels: Vec<String>,
    /// The target DLT rate.
    pub target: f64,
    /// Name and true DLT rates of each scenario.
    pub scenarios: Vec<(String, Vec<f64>)>,
}

impl TruthCurves {
    /// Draws DLT rate upward and levels across, a line a scenario.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let keys: Vec<(Key, String)> = self
            .scenarios
            .iter()
            .enumerate()
            .map(|(index, (name, _))| {
                let (colour, dash) = super::style::line(index);
                (Key::Line(colour.to_owned(), dash), name.clone())
            })
            .collect();
        let top = legend(&mut canvas, 0.0, "Scenario", &keys) + 24.0;
        let plot = Plot { left: MARGIN + 32.0, top, right: WIDTH - MARGIN - 46.0, bottom: top + 190.0 };
        let highest = self.scenarios.iter().flat_map(|(_, truth)| truth).fold(self.target, |a, b| a.max(*b));
        let upper = (highest * 10.0).ceil().clamp(1.0, 10.0) / 10.0;
        let scale = Scale::linear((0.0, upper), (plot.bottom, plot.top));
        let steps = if upper > 0.55 { 5 } else { 10 };
        let step = 1.0 / f64::from(steps);
        let ticks: Vec<(f64, String)> = (0..=steps)
            .map(|tick| f64::from(tick) * step)
            .filter(|tick| *tick <= upper + 1e-9)
            .map(|tick| (tick, format!("{tick:.1}")))
            .collect();
        super::chart::y_axis(&mut canvas, plot, &scale, &ticks);
        super::chart::y_title(&mut canvas, MARGIN, plot.top - 10.0, "True DLT rate");
        let levels = self.levels.len().max(1);
        let across =
            |level: usize| plot.left + (plot.right - plot.left) * (level as f64 + 0.5) / levels as f64;
        let y = scale.at(self.target);
        canvas.line((plot.left, y), (plot.right, y), INK, 0.9, "4 2");
        canvas.text(
            plot.right + 4.0,
            y + 3.2,
            Anchor::Start,
            SMALL,
            &format!("target {}", rate_in_words(self.target)),
        );
        for (index, (_, truth)) in self.scenarios.iter().enumerate() {
            let (colour, dash) = super::style::line(index);
            let points: Vec<(f64, f64)> =
                truth.iter().enumerate().map(|(level, rate)| (across(level), scale.at(*rate))).collect();
            canvas.path(&points, colour, 1.6, dash);
            for (x, y) in points {
                canvas.symbol(super::canvas::Symbol::Disc, x, y, 2.4, colour);
            }
        }
        canvas.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS, 0.8, "");
        let room = (plot.right - plot.left) / levels as f64 - 3.0;
        for (level, name) in self.levels.iter().enumerate() {
            canvas.text(across(level), plot.bottom + 13.0, Anchor::Middle, SMALL, &SMALL.fit(name, room));
        }
        canvas.text(plot.middle(), plot.bottom + 28.0, Anchor::Middle, BODY, "Dose level");
        let rows = self
            .scenarios
            .iter()
            .flat_map(|(name, truth)| {
                truth
                    .iter()
                    .zip(&self.levels)
                    .map(move |(rate, level)| vec![name.clone(), level.clone(), rate.to_string()])
            })
            .collect();
        let words: Vec<String> = self
            .scenarios
            .iter()
            .map(|(name, truth)| {
                let rates: Vec<String> = truth.iter().map(|rate| rate_in_words(*rate)).collect();
                format!("{name}: {}", rates.join(", "))
            })
            .collect();
        let around = Around {
            id: "scenarios".to_owned(),
            title: "Supposed DLT rates by level".to_owned(),
            alt: format!("Supposed DLT rates by level. {}.", words.join("; ")),
            caption: "Each line is one supposed truth; the dashed line is the target.".to_owned(),
            data: DataTable::new(&["Scenario", "Level", "True DLT rate"], rows),
            notes: Vec::new(),
            not_drawn: Vec::new(),
        };
        finish(canvas, plot.bottom + 33.0, around, frame)
    }
}
