//! The design section of a protocol in words: the rule, its decision table, its operating characteristics and the
//! first cohorts' courses, and a paragraph that an ethics committee understands.

use posology_design::characteristics::Characteristics;
use posology_design::paths::Pathway;
use posology_design::{Action, Boundaries, Design, catalogue};

use crate::document::{Block, Document, Fact, Text};
use crate::figure::{Course, DesignInScenario, Frame, Pathways, ScenarioPanel, SelectionBars, TruthCurves};
use crate::table::{Cell, Column, Row, Table};

/// What a design section is written from: the design, and what was computed for it.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// The design.
    pub design: &'a Design,
    /// Names of the levels, the lowest first.
    pub levels: &'a [String],
    /// Its settings as the file gives them, key and value, without the ladder.
    pub settings: &'a [(String, String)],
    /// Its characteristics in each scenario.
    pub characteristics: &'a [Characteristics],
    /// How they were computed: `exact` sums, or the number of simulated trials.
    pub method: Method,
    /// The courses of the first cohorts, with probabilities under the first scenario; empty to leave them out.
    pub pathways: &'a [Pathway],
    /// Its characteristics where the first level is far too toxic, for the paragraph on safety.
    pub toxic_first_level: Option<&'a Characteristics>,
}

/// How characteristics were computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Exact sums over so many states.
    Exact {
        /// States of the decision graph.
        states: usize,
    },
    /// So many simulated trials.
    MonteCarlo {
        /// Trials for each scenario.
        trials: u64,
    },
}

/// The section as a document, to be written as HTML or Markdown.
pub fn compose(contents: &Contents<'_>) -> Document {
    let design = contents.design;
    let listed = catalogue().into_iter().find(|listed| listed.design == design.name());
    let (title, reference) =
        listed.as_ref().map_or((design.name(), ""), |listed| (listed.title, listed.reference));
    let mut document = Document::new("Dose-escalation design", title);
    document.cover.push(Fact::new("Design", title));
    document.cover.push(Fact::new("Source", reference));
    document.cover.push(Fact::new("Program", concat!("Posology ", env!("CARGO_PKG_VERSION"))));
    let mut blocks = vec![Block::section(1, "rule", "Escalation rule")];
    blocks.push(Block::paragraph(opening(contents, title)));
    let meaning = |key: &str| {
        let settings = listed.as_ref().map(|listed| listed.settings.as_slice()).unwrap_or_default();
        settings
            .iter()
            .find(|setting| setting.name == key)
            .map(|setting| setting.meaning.clone())
            .unwrap_or_default()
    };
    let mut settings = Table::new("settings", "Settings of the design", "");
    settings.stub = "Setting".to_owned();
    settings.columns = vec![Column::new("Value"), Column::words("Meaning")];
    for (key, value) in contents.settings {
        settings.rows.push(Row::new(key.clone(), [Cell::text(value.clone()), Cell::text(meaning(key))]));
    }
    blocks.push(Block::table(settings));
    blocks.push(Block::section(2, "counting", "Who is counted"));
    blocks.push(Block::List(counting(design).into_iter().map(Text::from).collect()));
    if let Some(table) = decision_table(contents) {
        blocks.push(Block::section(2, "table", "Decision table"));
        blocks.push(Block::table(table));
    }
    if !contents.characteristics.is_empty() {
        characteristics(contents, &mut blocks);
    }
    if let Some(toxic) = contents.toxic_first_level {
        blocks.push(Block::section(2, "safety", "What this means for patients"));
        blocks.push(Block::paragraph(for_patients(contents, toxic)));
    }
    if !contents.pathways.is_empty() {
        blocks.push(Block::section(1, "appendix", "Appendix: the first cohorts"));
        blocks.push(Block::paragraph(
            "Every course that the first cohorts can take, with the advice of the rule after each.",
        ));
        blocks.push(Block::Figure((&pathways(contents).draw(&Frame::default())).into()));
    }
    document.blocks = blocks;
    document
}

fn opening(contents: &Contents<'_>, title: &str) -> String {
    let design = contents.design;
    let cohorts = match design.cohort_size() {
        1 => "patients enter one at a time".to_owned(),
        size => format!("patients enter in cohorts of {size}"),
    };
    let target = design
        .target()
        .map(|target| format!(" The target DLT rate is {}.", percent(target)))
        .unwrap_or_default();
    let max = design.max_patients().map(|max| format!(", at most {max} in all")).unwrap_or_default();
    format!(
        "Escalation over {} dose levels ({}) follows the rule named above, {title}; {cohorts}{max}.{target} The same rule that \
         was evaluated below gives the advice during the trial; an independent committee recommends, and the sponsor \
         decides.",
        contents.levels.len(),
        contents.levels.join(", ")
    )
}

fn counting(design: &Design) -> Vec<String> {
    let pending = if design.needs_follow_up() {
        "A patient whose window is open counts by the share of follow-up, as the weights of the design say; never as \
         having no DLT."
    } else {
        "A patient whose window is open is never counted as having no DLT: the rule is asked for every way in which \
         such patients may turn out, and advises only what all agree on; else it waits."
    };
    [
        "A DLT makes a patient evaluable, whatever activity was received.",
        pending,
        "A possible DLT that is not adjudicated blocks escalation.",
        "Patients who are not evaluable for a reason other than toxicity are replaced, and stay in every safety table.",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn decision_table(contents: &Contents<'_>) -> Option<Table> {
    let design = contents.design;
    let rows = design.max_patients().unwrap_or(30).min(60);
    let boundaries = design.table(rows)?;
    let mut table =
        Table::new("decisions", "Decisions at the current level", "DLTs among evaluable patients there");
    table.stub = "Evaluable patients".to_owned();
    let mut columns = vec!["Escalate if at most", "Stay", "De-escalate if at least"];
    let eliminates = boundaries.iter().any(|row| row.eliminate_min.is_some());
    if eliminates {
        columns.push("Close the level if at least");
    }
    table.columns = columns.into_iter().map(Column::new).collect();
    let size = design.cohort_size() as usize;
    let shown = boundaries.iter().enumerate().filter(|(place, _)| (place + 1) % size == 0);
    for (place, Boundaries { escalate_max, deescalate_min, eliminate_min }) in shown {
        let n = place as u32 + 1;
        let count =
            |count: &Option<u32>| count.map_or_else(Cell::nothing, |count| Cell::text(count.to_string()));
        let stay_from = escalate_max.map_or(0, |most| most + 1);
        let stay_to = deescalate_min.unwrap_or(n + 1);
        let stay = match stay_to.checked_sub(stay_from) {
            None | Some(0) => Cell::nothing(),
            Some(1) => Cell::text(stay_from.to_string()),
            Some(_) => Cell::text(format!("{stay_from} to {}", stay_to - 1)),
        };
        let mut cells = vec![count(escalate_max), stay, count(deescalate_min)];
        if eliminates {
            cells.push(count(eliminate_min));
        }
        table.rows.push(Row::new(n.to_string(), cells));
    }
    table
        .notes
        .push("Closing a level closes those above it; at the lowest level it ends the trial.".to_owned());
    Some(table)
}

fn characteristics(contents: &Contents<'_>, blocks: &mut Vec<Block>) {
    blocks.push(Block::section(1, "characteristics", "Operating characteristics"));
    let how = match contents.method {
        Method::Exact { states } => format!(
            "The figures are exact sums over all {states} states that a trial can reach; they carry no simulation error."
        ),
        Method::MonteCarlo { trials } => format!(
            "The figures are means of {trials} simulated trials a scenario; a selection probability has a standard error of at most {}.",
            percent(0.5 / (trials.max(1) as f64).sqrt())
        ),
    };
    blocks.push(Block::paragraph(how));
    let scenarios = contents.characteristics;
    let name = |place: usize| match scenarios[place].name.as_str() {
        "" => format!("Scenario {}", place + 1),
        name => name.to_owned(),
    };
    let target = contents.design.target().unwrap_or(f64::NAN);
    let curves = TruthCurves {
        levels: contents.levels.to_vec(),
        target,
        scenarios: (0..scenarios.len()).map(|place| (name(place), scenarios[place].truth.clone())).collect(),
    };
    if target.is_finite() {
        blocks.push(Block::Figure((&curves.draw(&Frame::default())).into()));
    }
    let mut table = Table::new("oc", "Selection, patients and DLTs", "Evaluable patients");
    table.stub = "Scenario".to_owned();
    table.columns = contents.levels.iter().map(Column::new).collect();
    table.columns.extend(["None", "Total"].map(Column::new));
    for (place, oc) in scenarios.iter().enumerate() {
        table.rows.push(Row::heading(name(place)));
        let numbers = |values: &[f64], how: &dyn Fn(f64) -> String| -> Vec<Cell> {
            values.iter().map(|value| Cell::text(how(*value))).collect()
        };
        let rate = |value: f64| format!("{value:.2}");
        let mean = |value: f64| format!("{value:.1}");
        let with = |mut cells: Vec<Cell>, none: Cell, total: Cell| {
            cells.extend([none, total]);
            cells
        };
        let (nothing, text) = (Cell::nothing, Cell::text);
        let rows = [
            ("True DLT rate", with(numbers(&oc.truth, &rate), nothing(), nothing())),
            ("Selected", with(numbers(&oc.select, &percent), text(percent(oc.select_none)), nothing())),
            ("Patients", with(numbers(&oc.patients, &mean), nothing(), text(mean(oc.total_patients)))),
            ("DLTs", with(numbers(&oc.dlts, &mean), nothing(), text(mean(oc.total_dlts)))),
        ];
        table.rows.extend(rows.map(|(label, cells)| Row::new(label, cells).indent(1)));
    }
    blocks.push(Block::table(table));
    let mut risks = Table::new("risks", "Right and wrong selections, and overdosing", "");
    risks.stub = "Scenario".to_owned();
    risks.columns = [
        "True MTD",
        "Selected rightly",
        "Benchmark",
        "Selected above",
        "Patients above",
        "Over 60% of patients above",
        "Ends early",
    ]
    .map(Column::new)
    .to_vec();
    for (place, oc) in scenarios.iter().enumerate() {
        let mtd =
            oc.true_mtd.and_then(|mtd| contents.levels.get(mtd as usize - 1)).map_or("none", String::as_str);
        let benchmark =
            if oc.true_mtd.is_some() { Cell::text(percent(oc.benchmark)) } else { Cell::nothing() };
        let shares = [oc.p_select_above, oc.p_allocated_above, oc.overdose_60, oc.p_early_stop];
        let mut cells = vec![Cell::text(mtd), Cell::text(percent(oc.p_correct)), benchmark];
        cells.extend(shares.map(|share| Cell::text(percent(share))));
        risks.rows.push(Row::new(name(place), cells));
    }
    risks.notes.push(
        "Above: at a level with a higher true DLT rate than the true MTD's. Benchmark: the most that complete information on \
         every planned patient would allow."
            .to_owned(),
    );
    blocks.push(Block::table(risks));
    let panels = scenarios.iter().enumerate().map(|(place, oc)| ScenarioPanel {
        name: name(place),
        truth: oc.truth.clone(),
        true_mtd: oc.true_mtd,
        benchmark: oc.benchmark_select.clone(),
        designs: vec![DesignInScenario {
            design: contents.design.name().to_owned(),
            select: oc.select.clone(),
            select_none: oc.select_none,
            patients: oc.patients.clone(),
        }],
    });
    let bars = SelectionBars { levels: contents.levels.to_vec(), target, panels: panels.collect() };
    if target.is_finite() {
        blocks.push(Block::Figure((&bars.draw(&Frame::default())).into()));
    }
}

fn for_patients(contents: &Contents<'_>, toxic: &Characteristics) -> String {
    let first = contents.levels.first().map_or("the first level", String::as_str);
    let rate = toxic.truth.first().copied().unwrap_or(0.0);
    format!(
        "If the first level ({first}) were in truth so toxic that {} of patients had a dose-limiting toxicity, the trial would \
         end without recommending any level in {} of cases; on average {:.1} patients would be treated and {:.1} of \
         them would have a dose-limiting toxicity.",
        percent(rate),
        percent(toxic.select_none),
        toxic.total_patients,
        toxic.total_dlts
    )
}

fn pathways(contents: &Contents<'_>) -> Pathways {
    let level = |level: posology_design::Level| {
        contents.levels.get(level.index()).cloned().unwrap_or_else(|| level.to_string())
    };
    let course = |pathway: &Pathway| Course {
        cohorts: pathway
            .cohorts
            .iter()
            .map(|cohort| (level(cohort.level), cohort.patients, cohort.dlts))
            .collect(),
        advice: advice(pathway.action, pathway.level.map(level)),
        probability: pathway.probability,
    };
    let truth = contents
        .characteristics
        .first()
        .filter(|_| contents.pathways.iter().any(|one| one.probability.is_some()));
    let truth = truth.map_or(String::new(), |oc| {
        let rates: Vec<String> = oc.truth.iter().map(|rate| format!("{rate:.2}")).collect();
        format!("true DLT rates of {}", rates.join(", "))
    });
    Pathways { courses: contents.pathways.iter().map(course).collect(), truth }
}

/// An advice in words, such as `escalate to DL3`.
pub fn advice(action: Action, level: Option<String>) -> String {
    match (action, level) {
        (Action::Escalate | Action::DeEscalate, Some(level)) => format!("{} to {level}", action.word()),
        (Action::Complete, Some(level)) => format!("complete, {level} selected"),
        (_, Some(level)) => format!("{} at {level}", action.word()),
        (_, None) => action.word().to_owned(),
    }
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.000_5 { "<0.1%".to_owned() } else { format!("{:.1}%", share * 100.0) }
}
