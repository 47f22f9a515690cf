//! The design lab: a design, supposed DLT rates, and at once the exact characteristics. Works without a trial's patients.

use std::num::NonZero;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use maud::{Markup, html};
use posology_design::characteristics::{Characteristics, Scenario, Yardstick};
use posology_design::graph::Graph;
use posology_report::figure::{DesignInScenario, Frame, ScenarioPanel, SelectionBars};
use posology_trial::protocol::read_design;
use serde::{Deserialize, Serialize};

use super::drawing;
use crate::Site;
use crate::layout::{self, Failed};

/// Designs that the lab offers: those that decide on counts at levels in order, with settings that all of them share.
const DESIGNS: [&str; 7] = ["boin", "3+3", "keyboard", "mtpi", "mtpi-2", "i3plus3", "crm"];

/// A graph of more states is refused: the answer would not come at once.
const STATES: usize = 2_000_000;

/// What is asked: a design in few settings, or as TOML, and the supposed rates.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Asked {
    /// Name of the design.
    pub(crate) design: String,
    /// Target DLT rate.
    pub(crate) target: f64,
    /// Patients in a cohort.
    pub(crate) cohort_size: u32,
    /// Most patients.
    pub(crate) max_patients: u32,
    /// Supposed DLT rate at each level, with commas.
    pub(crate) truth: String,
    /// The design as TOML; empty where the settings above make it.
    pub(crate) toml: String,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            design: "boin".to_owned(),
            target: 0.30,
            cohort_size: 3,
            max_patients: 30,
            truth: "0.05,0.15,0.30,0.45,0.60".to_owned(),
            toml: String::new(),
        }
    }
}

/// The answer, from the same functions as `design oc` and `design table`.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    /// The design as TOML.
    pub(crate) toml: String,
    /// States of the compiled graph.
    pub(crate) states: usize,
    /// Exact characteristics.
    pub(crate) characteristics: Characteristics,
    /// Decision table: DLTs to escalate at most, to de-escalate and to eliminate at least, by patients; empty where the
    /// design does not decide by the current level alone.
    pub(crate) table: Vec<posology_design::Boundaries>,
}

impl Asked {
    fn rates(&self) -> Result<Vec<f64>, String> {
        let rates: Option<Vec<f64>> = self
            .truth
            .split(',')
            .map(|rate| rate.trim().parse::<f64>().ok().filter(|rate| (0.0..=1.0).contains(rate)))
            .collect();
        rates.filter(|rates| (1..=12).contains(&rates.len())).ok_or_else(|| {
            format!(
                "truth: expected 1 to 12 rates between 0 and 1 with commas between them, found {:?}; mend: write them such as 0.05,0.15,0.30",
                self.truth
            )
        })
    }

    /// The design as a file, with as many levels as there are rates.
    fn file(&self, levels: usize) -> String {
        if !self.toml.trim().is_empty() {
            return self.toml.clone();
        }
        let mut text = format!("design = \"{}\"\ndoses = {levels}\n", self.design);
        if self.design != "3+3" {
            text.push_str(&format!(
                "target = {}\ncohort-size = {}\nmax-patients = {}\n",
                self.target, self.cohort_size, self.max_patients
            ));
        }
        if self.design == "crm" {
            let middle = levels.div_ceil(2);
            text.push_str(&format!("half-width = 0.05\nprior-mtd = {middle}\n"));
        }
        text
    }

    /// The answer, or what is wrong.
    pub(crate) fn answer(&self) -> Result<Answer, String> {
        let truth = self.rates()?;
        let toml = self.file(truth.len());
        let file = read_design(&toml).map_err(|problems| problems.to_string())?;
        let design = &file.design;
        if design.levels().map(usize::try_from) != Some(Ok(truth.len())) {
            return Err(format!(
                "truth: expected as many rates as the design has levels, {}, found {}; mend: make them agree",
                design.levels().unwrap_or(0),
                truth.len()
            ));
        }
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let graph = Graph::compile(design, STATES, threads).map_err(|error| error.to_string())?;
        let yardstick = Yardstick::new(design.target().unwrap_or(self.target), graph.planned(design));
        let scenario = Scenario { name: String::new(), truth, efficacy: Vec::new(), odds_ratio: None };
        let characteristics = graph
            .characteristics(&[scenario], yardstick, threads)
            .map_err(|error| error.to_string())?
            .into_iter()
            .next()
            .ok_or("no scenario")?;
        let rows = design.max_patients().unwrap_or(self.max_patients).min(60);
        Ok(Answer {
            toml,
            states: graph.size().states,
            characteristics,
            table: design.table(rows).unwrap_or_default(),
        })
    }
}

pub(crate) async fn page(
    State(site): State<Arc<Site>>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Failed> {
    let view = site.view().map_err(layout::unreadable)?;
    let rates = asked.rates().unwrap_or_else(|_| Asked::default().rates().unwrap_or_default());
    let body = html! {
        form #lab method="get" action="/lab" {
            label { "Design " select name="design" { @for name in DESIGNS { option value=(name) selected[name == asked.design] { (name) } } } }
            label { "Target DLT rate " input type="number" name="target" min="0.05" max="0.6" step="0.01" value=(asked.target); }
            label { "Cohort size " input type="number" name="cohort-size" min="1" max="6" value=(asked.cohort_size); }
            label { "Most patients " input type="number" name="max-patients" min="3" max="60" value=(asked.max_patients); }
            fieldset {
                legend { "Supposed DLT rate at each level" }
                div #sliders data-levels=(rates.len()) {
                    @for (rate, level) in rates.iter().zip(1..) {
                        label { "Level " (level) " " input type="range" min="0" max="1" step="0.01" value=(rate) aria-label={ "DLT rate at level " (level) }; " " output { (format!("{rate:.2}")) } }
                    }
                }
                label { "As numbers " input name="truth" size="40" value=(asked.truth); }
            }
            details {
                summary { "The design as a file (takes the place of the settings above)" }
                label { "TOML" textarea name="toml" rows="8" cols="60" { (asked.toml) } }
            }
            button { "Compute" }
        }
        section #answer aria-live="polite" { (shown(&asked)) }
        script src="/static/lab.js" defer {}
    };
    Ok(layout::page(&view.analysis.protocol, "/lab", "Design lab", &body))
}

/// The answer alone, as the page puts it in while a rate is dragged.
pub(crate) async fn answer(Query(asked): Query<Asked>) -> (StatusCode, Markup) {
    (StatusCode::OK, shown(&asked))
}

fn shown(asked: &Asked) -> Markup {
    let answer = match asked.answer() {
        Ok(answer) => answer,
        Err(problem) => return html! { p .flag role="alert" { (problem) } },
    };
    let oc = &answer.characteristics;
    let percent = |probability: f64| {
        if probability > 0.0 && probability < 0.0005 {
            "<0.1%".to_owned()
        } else {
            format!("{:.1}%", 100.0 * probability)
        }
    };
    html! {
        p { "Exact over " (answer.states) " states: every course that the trial can take." }
        (drawing(&picture(asked, oc), "Selection and patients at each level"))
        table {
            thead { tr { th scope="col" { "Level" } @for level in 1..=oc.truth.len() { th scope="col" .n { (level) } } th scope="col" .n { "None" } } }
            tbody {
                tr { th scope="row" { "Supposed DLT rate" } @for rate in &oc.truth { td .n { (format!("{rate:.2}")) } } td {} }
                tr { th scope="row" { "Selected" } @for share in &oc.select { td .n { (percent(*share)) } } td .n { (percent(oc.select_none)) } }
                tr { th scope="row" { "Patients" } @for patients in &oc.patients { td .n { (format!("{patients:.1}")) } } td {} }
                tr { th scope="row" { "DLTs" } @for dlts in &oc.dlts { td .n { (format!("{dlts:.2}")) } } td {} }
            }
        }
        dl {
            dt { "Right level selected" } dd { (percent(oc.p_correct)) ", benchmark " (percent(oc.benchmark)) }
            dt { "A higher one selected" } dd { (percent(oc.p_select_above)) }
            dt { "Patients, DLTs" } dd { (format!("{:.1}, {:.1}", oc.total_patients, oc.total_dlts)) }
            dt { "More than 60% of the patients above the MTD" } dd { (percent(oc.overdose_60)) }
            dt { "Stopped early" } dd { (percent(oc.p_early_stop)) }
        }
        @if !answer.table.is_empty() {
            details {
                summary { "Decision table" }
                table {
                    thead { tr { th scope="col" .n { "Patients" } th scope="col" .n { "Escalate, DLTs at most" } th scope="col" .n { "De-escalate, at least" } th scope="col" .n { "Eliminate, at least" } } }
                    tbody {
                        @for (bounds, n) in answer.table.iter().zip(1..) {
                            tr { td .n { (n) } td .n { (or_dash(bounds.escalate_max)) } td .n { (or_dash(bounds.deescalate_min)) } td .n { (or_dash(bounds.eliminate_min)) } }
                        }
                    }
                }
            }
        }
        details { summary { "As a design file" } pre { (answer.toml) } }
    }
}

fn or_dash(dlts: Option<u32>) -> String {
    dlts.map_or_else(|| "–".to_owned(), |dlts| dlts.to_string())
}

fn picture(asked: &Asked, oc: &Characteristics) -> String {
    let design = DesignInScenario {
        design: asked.design.clone(),
        select: oc.select.clone(),
        select_none: oc.select_none,
        patients: oc.patients.clone(),
    };
    let panel = ScenarioPanel {
        name: "Supposed rates".to_owned(),
        truth: oc.truth.clone(),
        true_mtd: oc.true_mtd,
        benchmark: oc.benchmark_select.clone(),
        designs: vec![design],
    };
    let levels = (1..=oc.truth.len()).map(|level| level.to_string()).collect();
    let bars = SelectionBars { levels, target: asked.target, panels: vec![panel] };
    bars.draw(&Frame { cut_off: None, synthetic: false }).svg().to_owned()
}
