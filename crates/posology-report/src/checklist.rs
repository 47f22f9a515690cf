//! Checklists of reporting standards, filled from protocol and record, with what is missing.
//!
//! Start at [`checklist`]. An item is answered only by what stands in the protocol or was computed at the cut; what nothing
//! answers is missing, with how to supply it. The wording is ours: before a checklist is submitted, take each item's words
//! from the paper.

use posology_trial::analysis::Analysis;
use posology_trial::protocol::Texts;
use serde::Serialize;
use serde_json::{Value, json};

use crate::document::{Block, Document, Fact, Text};
use crate::table::{Cell, Column, Row, Table};

/// A reporting standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standard {
    /// Reports of early-phase dose-finding trials.
    ConsortDefine,
    /// Their protocols.
    SpiritDefine,
}

impl Standard {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConsortDefine => "CONSORT-DEFINE",
            Self::SpiritDefine => "SPIRIT-DEFINE",
        }
    }

    /// The paper.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::ConsortDefine => "BMJ 2023;383:e076387",
            Self::SpiritDefine => "BMJ 2023;383:e076386",
        }
    }
}

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Everything it asks for is there.
    Answered,
    /// Some of it.
    Partly,
    /// Nothing.
    Missing,
}

impl Standing {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Partly => "partly",
            Self::Missing => "missing",
        }
    }
}

/// An item, filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Filled {
    /// Number of the item; `*` new and `†` modified against the general statement.
    pub item: &'static str,
    /// What it asks, in our words.
    pub asks: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// Where it is answered, with the value.
    pub answered_by: Vec<String>,
    /// What is missing, and how to supply it.
    pub missing: Vec<String>,
}

/// A checklist of a trial at a cut.
#[derive(Debug, Clone)]
pub struct Checklist {
    /// The standard.
    pub standard: Standard,
    /// Its items.
    pub items: Vec<Filled>,
    /// The same for people.
    pub document: Document,
}

impl Checklist {
    /// As data.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "notice": self.document.notice,
            "standard": self.standard.name(),
            "source": self.standard.source(),
            "items": self.items,
        })
    }
}

/// A part of an answer: there, or missing.
enum Part {
    There(String),
    Not(String),
}

use Part::{Not, There};

/// Fills a checklist.
#[must_use]
pub fn checklist(standard: Standard, analysis: &Analysis) -> Checklist {
    let items = match standard {
        Standard::ConsortDefine => consort(analysis),
        Standard::SpiritDefine => spirit(analysis),
    };
    let items: Vec<Filled> = items.into_iter().map(|(item, asks, parts)| filled(item, asks, parts)).collect();
    let document = document(standard, analysis, &items);
    Checklist { standard, items, document }
}

fn filled(item: &'static str, asks: &'static str, parts: Vec<Part>) -> Filled {
    let (mut answered_by, mut missing) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            There(says) => answered_by.push(says),
            Not(says) => missing.push(says),
        }
    }
    let standing = match (answered_by.is_empty(), missing.is_empty()) {
        (true, _) => Standing::Missing,
        (false, true) => Standing::Answered,
        (false, false) => Standing::Partly,
    };
    Filled { item, asks, standing, answered_by, missing }
}

fn document(standard: Standard, analysis: &Analysis, items: &[Filled]) -> Document {
    let trial = &analysis.protocol.trial;
    let mut document = Document::new(format!("{}: {}", trial.id, standard.name()), trial.title.clone());
    document.date = Some(analysis.cut.cut_off);
    document.notice = trial.synthetic.then(|| "Synthetic patients".to_owned());
    let count =
        |standing: Standing| items.iter().filter(|item| item.standing == standing).count().to_string();
    document.cover = vec![
        Fact::new("Standard", format!("{}, {}", standard.name(), standard.source())),
        Fact::new("Answered", count(Standing::Answered)),
        Fact::new("Partly", count(Standing::Partly)),
        Fact::new("Missing", count(Standing::Missing)),
    ];
    document.running.left = format!("{} · {}", trial.id, standard.name());
    document.running.right = analysis.cut.cut_off.strftime("Cut-off %Y-%m-%d").to_string();
    let mut table = Table::new("CHECKLIST", standard.name(), standard.source());
    table.stub = "Item".to_owned();
    table.columns = ["Asks for", "Stands", "Answered by", "Missing"].map(Column::words).to_vec();
    table.rows = items
        .iter()
        .map(|item| {
            let standing = Cell::value("standing", item.standing.word());
            let standing = if item.standing == Standing::Answered { standing } else { standing.flag() };
            let cells = [
                Cell::text(item.asks),
                standing,
                Cell::text(item.answered_by.join("; ")),
                Cell::text(item.missing.join("; ")),
            ];
            Row::new(item.item, cells)
        })
        .collect();
    table.notes.push("* new and † modified against the general statement. Items are paraphrased: take the wording from the paper before submitting.".to_owned());
    document.blocks = vec![
        Block::paragraph(Text::from(
            "Filled from the protocol in force and from the record at the cut-off. Nothing is called answered that does not stand there.",
        )),
        Block::Table { table, landscape: true },
    ];
    document
}

type Item = (&'static str, &'static str, Vec<Part>);

/// A text of the protocol.
fn text(words: Option<&String>, key: &str, what: &str) -> Part {
    match words.map(|words| words.trim()).filter(|words| !words.is_empty()) {
        Some(words) => There(format!("[text] {key}: {words}")),
        None => Not(format!("{what}: write {key} under [text] of the protocol")),
    }
}

fn is(there: bool, says: impl Into<String>, missing: impl Into<String>) -> Part {
    if there { There(says.into()) } else { Not(missing.into()) }
}

/// Whether a title says that levels are found in people early.
fn title(analysis: &Analysis) -> Part {
    let trial = &analysis.protocol.trial;
    let words = trial.title.to_lowercase();
    let early = [
        "phase 1",
        "phase i",
        "first-in-human",
        "first in human",
        "dose-escalation",
        "dose escalation",
        "dose-finding",
    ];
    is(
        early.iter().any(|word| words.contains(word)),
        format!("title: {}", trial.title),
        "the title does not say that this is an early-phase dose-finding trial: change [trial] title",
    )
}

fn objectives(analysis: &Analysis) -> Part {
    let endpoints: Vec<String> = analysis
        .protocol
        .endpoint
        .iter()
        .map(|endpoint| format!("{}: {}", endpoint.id, endpoint.definition))
        .collect();
    is(
        !endpoints.is_empty(),
        format!("endpoints: {}", endpoints.join("; ")),
        "objectives: write [[endpoint]]",
    )
}

fn design(analysis: &Analysis) -> Vec<Part> {
    let protocol = &analysis.protocol;
    let watched = protocol.cohort.iter().any(|cohort| cohort.monitoring.is_some());
    let mut parts = vec![match (&protocol.escalation, watched) {
        (Some(design), _) => There(format!("escalation by {}", design.name())),
        (None, true) => There("arms watched by looks, [cohort.monitoring]".to_owned()),
        (None, false) => Not("the design: write [escalation] or [cohort.monitoring]".to_owned()),
    }];
    let ladder: Vec<String> = protocol.regimen.iter().map(posology_trial::protocol::Regimen::title).collect();
    parts.push(is(
        !ladder.is_empty(),
        format!("regimens: {}", ladder.join(", ")),
        "the levels: write [[regimen]]",
    ));
    parts
}

fn committee(analysis: &Analysis) -> Part {
    match &analysis.protocol.committee {
        Some(committee) => There(format!("{}, quorum {}", committee.name, committee.quorum)),
        None => Not("who decides: write [committee]".to_owned()),
    }
}

fn dlt(analysis: &Analysis) -> Part {
    match &analysis.protocol.dlt {
        Some(dlt) => There(format!(
            "dose-limiting toxicity over {} days, {} rules, CTCAE {}",
            dlt.window_days,
            dlt.rules.iter().count(),
            dlt.ctcae.id()
        )),
        None => Not("the definition of dose-limiting toxicity with its window: write [dlt]".to_owned()),
    }
}

fn holds(analysis: &Analysis) -> Part {
    let count = analysis.protocol.stopping.hold.len();
    is(count > 0, format!("{count} holds, [[stopping.hold]]"), "rules that stop: write [[stopping.hold]]")
}

fn texts(analysis: &Analysis) -> &Texts {
    &analysis.protocol.text
}

fn consort(analysis: &Analysis) -> Vec<Item> {
    let protocol = &analysis.protocol;
    let texts = texts(analysis);
    let treated = analysis.patients.iter().filter(|patient| patient.is_treated()).count();
    let packet = |tables: &str| is(treated > 0, format!("packet, {tables}"), "nobody is treated yet");
    let opened: Vec<String> = analysis
        .cohorts
        .iter()
        .filter_map(|cohort| Some(format!("{} on {}", cohort.id, cohort.opened?)))
        .collect();
    let decided = analysis.cohorts.iter().filter(|cohort| cohort.recommendation.is_some()).count();
    let last_seen = analysis.cut.cut_off.strftime("%Y-%m-%d").to_string();
    let enrolled: Vec<jiff::civil::Date> =
        analysis.patients.iter().filter_map(|patient| patient.enrolled).collect();
    vec![
        (
            "1a†",
            "The title or abstract says that it is an early-phase dose-finding trial, and whether it is randomised",
            vec![title(analysis)],
        ),
        (
            "1b",
            "A structured summary",
            vec![
                There("release draft: design, patients by level, outcomes, harms, registration".to_owned()),
                text(texts.funding.as_ref(), "funding", "funding"),
            ],
        ),
        (
            "2a.1†",
            "The research question and its justification",
            vec![text(texts.rationale.as_ref(), "rationale", "the rationale")],
        ),
        (
            "2a.2*",
            "Key non-clinical findings",
            vec![text(texts.non_clinical.as_ref(), "non-clinical", "non-clinical findings")],
        ),
        (
            "2b†",
            "Objectives: safety, activity, pharmacokinetics, recommended level",
            vec![objectives(analysis)],
        ),
        (
            "3a.1†",
            "The design: escalation strategy, groups, allocation, planned adaptations",
            design(analysis),
        ),
        (
            "3a.2*",
            "A diagram of the main transitions",
            vec![text(texts.transitions.as_ref(), "transitions", "transitions planned")],
        ),
        (
            "3a.3*",
            "Why this design; starting level, range and steps with reasons; cohort sizes; interim rules and who applies them",
            vec![
                text(texts.design_rationale.as_ref(), "design-rationale", "why this design"),
                text(texts.starting_level.as_ref(), "starting-level", "why the starting level and the steps"),
                committee(analysis),
            ],
        ),
        (
            "3b",
            "Changes after the start, with reasons",
            vec![There(if protocol.amendment.is_empty() {
                "no amendment".to_owned()
            } else {
                protocol
                    .amendment
                    .iter()
                    .map(|one| format!("{} of {}: {}", one.version, one.date, one.reason))
                    .collect::<Vec<_>>()
                    .join("; ")
            })],
        ),
        (
            "4a†",
            "Eligibility",
            vec![is(
                !protocol.eligibility.is_empty(),
                format!("{} criteria, [[eligibility]]", protocol.eligibility.len()),
                "criteria of eligibility: write [[eligibility]]",
            )],
        ),
        (
            "4b",
            "Settings",
            vec![
                is(
                    !protocol.trial.site.is_empty(),
                    format!("{} sites", protocol.trial.site.len()),
                    "sites: write [[trial.site]]",
                ),
                text(texts.setting.as_ref(), "setting", "settings of care"),
            ],
        ),
        (
            "5†",
            "Interventions by level, how and when given; changes of treatment; concomitant care",
            vec![
                packet("EXT01"),
                text(texts.concomitant_care.as_ref(), "concomitant-care", "concomitant care"),
            ],
        ),
        (
            "6a†",
            "Outcomes; the definition of dose-limiting toxicity with its window",
            vec![dlt(analysis), objectives(analysis)],
        ),
        (
            "7a†",
            "Sample size",
            vec![
                is(
                    !protocol.cohort.is_empty(),
                    format!(
                        "planned: {}",
                        protocol
                            .cohort
                            .iter()
                            .map(|one| format!("{} {}", one.id, one.planned))
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                    "planned sizes: write [[cohort]]",
                ),
                is(
                    protocol.escalation.is_some()
                        || protocol.cohort.iter().any(|one| one.monitoring.is_some()),
                    "operating characteristics: posology design oc",
                    "a rule whose characteristics can be computed",
                ),
            ],
        ),
        ("7b†", "Interim analyses and stopping", vec![holds(analysis), committee(analysis)]),
        (
            "8-11",
            "Randomisation and blinding, if any",
            vec![There(if protocol.randomised.is_some() {
                "[randomised]".to_owned()
            } else {
                "none: patients are assigned to the open cohort".to_owned()
            })],
        ),
        (
            "12a†",
            "Methods, analysis populations, missing and pending data, model and prior, software",
            vec![
                There("packet, methods: populations, criteria, software".to_owned()),
                text(
                    texts.missing_data.as_ref(),
                    "missing-data",
                    "missing data beyond the rules of the file",
                ),
            ],
        ),
        ("13a†", "Flow of participants by level", vec![packet("DST01, E03")]),
        ("13b", "Losses with reasons", vec![packet("DST01, E03L")]),
        (
            "14a",
            "Dates of recruitment and follow-up",
            vec![is(
                !enrolled.is_empty(),
                format!(
                    "enrolled from {} to {}, followed to {last_seen}",
                    enrolled.iter().min().map(ToString::to_string).unwrap_or_default(),
                    enrolled.iter().max().map(ToString::to_string).unwrap_or_default()
                ),
                "nobody is enrolled yet",
            )],
        ),
        (
            "14b†",
            "Levels and cohorts opened, and decisions in the order they were made",
            vec![
                is(!opened.is_empty(), format!("opened: {}", opened.join(", ")), "no cohort is open"),
                is(
                    decided > 0,
                    format!("packet, E05: {decided} recommendations"),
                    "no decision is recorded yet",
                ),
            ],
        ),
        ("15†", "Baseline by level", vec![packet("DMT01")]),
        ("16†", "Numbers analysed by set and level", vec![packet("cover and every table")]),
        ("17a†", "Outcomes by level, dose-limiting toxicities by level", vec![packet("RSPT01, E01, E02")]),
        (
            "17b",
            "Transitions made against planned; the recommended level with its reasons",
            vec![
                text(texts.transitions.as_ref(), "transitions", "transitions planned"),
                Not("the recommended level: the committee's declaration is in the record once it is made"
                    .to_owned()),
            ],
        ),
        (
            "18",
            "Other analyses, planned or exploratory",
            vec![is(
                protocol.group.iter().any(|group| group.planned) || !protocol.group.is_empty(),
                "packet, E18: each says whether it was planned",
                "none is defined in [[group]]",
            )],
        ),
        (
            "19†",
            "Harms by level, all adverse events with grade; related",
            vec![packet("AET01, AET02, AET04")],
        ),
        (
            "20-22†",
            "Limitations, generalisability, interpretation with the recommended next level",
            vec![text(texts.limitations.as_ref(), "limitations", "limitations")],
        ),
        (
            "23",
            "Registration",
            vec![is(
                protocol.trial.registry.is_some(),
                protocol.trial.registry.clone().unwrap_or_default(),
                "the registry number: write [trial] registry",
            )],
        ),
        (
            "24",
            "Access to protocol and analysis plan",
            vec![
                There(format!("protocol file, SHA-256 {}", analysis.protocol_sha256)),
                text(texts.access.as_ref(), "access", "where it can be had"),
            ],
        ),
        (
            "25†",
            "Funding, data and code, independent oversight, patients' involvement",
            vec![
                text(texts.funding.as_ref(), "funding", "funding"),
                committee(analysis),
                text(texts.patient_involvement.as_ref(), "patient-involvement", "patients' involvement"),
            ],
        ),
    ]
}

fn spirit(analysis: &Analysis) -> Vec<Item> {
    let protocol = &analysis.protocol;
    let texts = texts(analysis);
    let sizes: Vec<String> =
        protocol.cohort.iter().map(|one| format!("{} {}", one.id, one.planned)).collect();
    vec![
        ("title", "The title says that it is an early-phase dose-finding trial", vec![title(analysis)]),
        ("summary", "A synopsis in plain language", vec![text(texts.plain_summary.as_ref(), "plain-summary", "a plain summary")]),
        ("rationale", "The research question and its justification, non-clinical findings", vec![text(texts.rationale.as_ref(), "rationale", "the rationale"), text(texts.non_clinical.as_ref(), "non-clinical", "non-clinical findings")]),
        ("starting level", "Reasons for starting level, levels, increments and schedule", vec![text(texts.starting_level.as_ref(), "starting-level", "why the starting level and the steps")]),
        ("design", "The design and why it was chosen", design(analysis).into_iter().chain([text(texts.design_rationale.as_ref(), "design-rationale", "why this design")]).collect()),
        ("diagram", "A diagram of transitions", vec![text(texts.transitions.as_ref(), "transitions", "transitions planned")]),
        ("cohorts", "Cohort size and rules for opening", vec![is(!sizes.is_empty(), format!("planned: {}", sizes.join(", ")), "planned sizes: write [[cohort]]"), committee(analysis)]),
        ("decisions", "Criteria to escalate, stay, de-escalate, stop; who decides, on which data, when", vec![is(protocol.escalation.is_some(), "the decision table of the design: posology design table", "decision criteria: write [escalation]"), committee(analysis)]),
        ("levels", "Skipping or adding levels", vec![is(protocol.escalation.is_some(), "no untried level is skipped; levels are added by amendment", "write [escalation]")]),
        ("DLT", "The definition of dose-limiting toxicity and its window", vec![dlt(analysis)]),
        ("evaluability", "Evaluability and replacement", vec![is(protocol.dlt.is_some(), format!("at least {}% of the prescribed activity; {}", protocol.evaluability.minimum_percent, if protocol.evaluability.replace { "replaced where not evaluable" } else { "not replaced" }), "write [dlt] and [evaluability]")]),
        ("stopping", "Stopping rules by level and for the trial", vec![holds(analysis)]),
        ("spacing", "Spacing between participants and between cohorts", vec![is(protocol.enrolment.stagger_days > 0, format!("{} days between first fractions", protocol.enrolment.stagger_days), "days between patients: write [enrolment] stagger-days")]),
        ("expansion", "Criteria for expansion cohorts", vec![text(texts.transitions.as_ref(), "transitions", "transitions planned")]),
        ("data cut", "Quality and cut of interim data", vec![There("a cut is frozen with position, hash and clinical cut-off; gaps and queries are on the decision page".to_owned())]),
        ("simulation", "Operating characteristics", vec![is(protocol.escalation.is_some(), "exact: posology design oc", "write [escalation]")]),
        ("populations", "Estimands and populations", vec![There("treated, DLT-evaluable, response-evaluable, each defined".to_owned()), text(texts.missing_data.as_ref(), "missing-data", "intercurrent events and missing data")]),
        ("eligibility", "Eligibility", vec![is(!protocol.eligibility.is_empty(), format!("{} criteria, [[eligibility]]", protocol.eligibility.len()), "criteria of eligibility: write [[eligibility]]")]),
        ("dissemination", "Dissemination with data and code", vec![text(texts.access.as_ref(), "access", "where protocol, data and code can be had")]),
        ("funding", "Funding and who decides", vec![text(texts.funding.as_ref(), "funding", "funding")]),
        ("patients", "Patients' involvement", vec![text(texts.patient_involvement.as_ref(), "patient-involvement", "patients' involvement")]),
    ]
}
