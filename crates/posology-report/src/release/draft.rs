//! A top-line summary drafted from a data cut, cohort by cohort: no percentage without n/N, population, interval and
//! definition; confirmed and unconfirmed apart; what is still open said. Beside it a claim sheet.

use posology_trial::analysis::decision::Counts;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::Rate;
use posology_trial::analysis::{Analysis, CohortAnalysis};
use posology_trial::event::sha256;
use posology_trial::protocol::Population;
use serde::Serialize;
use serde_json::{Value, json};

use crate::document::{Block, Callout, CalloutKind, Document, Fact, Text};
use crate::table::{Cell, Column, Row, Table};

/// Below so many patients the counts come before the percentage.
const FEW: u32 = 10;

/// A sentence of the draft with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DraftClaim {
    /// Id, in the order of the draft.
    pub id: String,
    /// The sentence.
    pub sentence: String,
    /// What was asked of the record.
    pub query: String,
    /// The answer.
    pub value: Value,
    /// SHA-256 of query, answer, protocol and cut: the same record gives the same.
    pub evidence: String,
}

/// A drafted release.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What people read.
    pub document: Document,
    /// The claim sheet.
    pub claims: Vec<DraftClaim>,
    cut: Value,
}

impl Draft {
    /// The claim sheet with the cut it rests on.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "notice": self.document.notice, "cut": self.cut, "claims": self.claims })
    }
}

struct Writer<'a> {
    analysis: &'a Analysis,
    claims: Vec<DraftClaim>,
}

impl Writer<'_> {
    /// A sentence that the sheet keeps.
    fn say(&mut self, sentence: String, query: &str, value: Value) -> Text {
        let Analysis { cut, protocol_sha256, .. } = self.analysis;
        let rests = json!([query, value, protocol_sha256, cut.head, cut.position, cut.cut_off.to_string()]);
        self.claims.push(DraftClaim {
            id: format!("K{}", self.claims.len() + 1),
            sentence: sentence.clone(),
            query: query.to_owned(),
            value,
            evidence: sha256(rests.to_string().as_bytes()),
        });
        Text::from(sentence)
    }
}

/// Drafts the release of a cut: of every cohort with a treated patient.
#[must_use]
pub fn draft(analysis: &Analysis) -> Draft {
    let protocol = &analysis.protocol;
    let trial = &protocol.trial;
    let cut_off = analysis.cut.cut_off.strftime("%Y-%m-%d").to_string();
    let mut document = Document::new(format!("{}: summary of results", trial.id), trial.title.clone());
    document.date = Some(analysis.cut.cut_off);
    document.notice = trial.synthetic.then(|| "Synthetic patients".to_owned());
    document.cover = vec![
        Fact::new("Sponsor", trial.sponsor.clone().unwrap_or_else(|| "[sponsor]".to_owned())),
        Fact::new("Registry", trial.registry.clone().unwrap_or_else(|| "[registry number]".to_owned())),
        Fact::new("Data cut-off", cut_off.clone()),
        Fact::new("Protocol", format!("version {} of {}", protocol.version.id, protocol.version.date)),
    ];
    document.running.left = trial.id.clone();
    document.running.right = format!("Cut-off {cut_off}");
    let mut writer = Writer { analysis, claims: Vec::new() };
    let mut blocks = vec![Block::Callout(Callout {
        kind: CalloutKind::Neutral,
        title: "Draft: not released".to_owned(),
        reasons: vec![
            Text::from("Embargo: to be set before it leaves the company."),
            Text::from("Fair disclosure (Regulation FD): whoever releases it says whether it is material."),
        ],
    })];
    blocks.push(Block::paragraph(Text::from(
        "[City, date] Results of the patients treated so far follow, cohort by cohort.",
    )));
    let treated: Vec<&CohortAnalysis> = analysis
        .cohorts
        .iter()
        .filter(|cohort| analysis.patients_of(cohort).any(PatientAnalysis::is_treated))
        .collect();
    for cohort in &treated {
        blocks.push(Block::section(1, format!("cohort-{}", cohort.id), format!("Cohort {}", cohort.id)));
        blocks.push(Block::List(of_cohort(&mut writer, cohort)));
    }
    blocks.push(Block::section(1, "severe", "Adverse events of grade 3 or worse"));
    blocks.push(Block::table(severe(analysis, &treated)));
    blocks.push(Block::section(1, "open", "Still open"));
    blocks.push(Block::List(open(&mut writer, &treated)));
    blocks.push(Block::section(1, "definitions", "Definitions"));
    blocks.push(Block::List(definitions(analysis)));
    blocks.push(Block::section(1, "next", "Next step"));
    blocks.push(Block::List(vec![Text::from(
        "[What is planned next, and by when: each date is then tracked as a promise.]",
    )]));
    blocks.push(Block::section(1, "safe-harbour", "Forward-looking statements"));
    blocks.push(Block::paragraph(Text::from("[Safe-harbour text of the sponsor.]")));
    document.blocks = blocks;
    let cut = json!({ "cut-off": analysis.cut.cut_off.to_string(), "position": analysis.cut.position, "head": analysis.cut.head, "protocol": analysis.protocol_sha256 });
    Draft { document, claims: writer.claims, cut }
}

fn of_cohort(writer: &mut Writer<'_>, cohort: &CohortAnalysis) -> Vec<Text> {
    let analysis = writer.analysis;
    let protocol = &analysis.protocol;
    let id = &cohort.id;
    let mut points = Vec::new();
    if let Some(regimen) = protocol.regimen(&cohort.regimen) {
        let parts: Vec<String> = regimen
            .required()
            .filter_map(|fraction| Some(format!("{} on day {}", fraction.activity?, fraction.day)))
            .collect();
        let total = regimen.total_per_area().map(|total| total.to_string()).unwrap_or_default();
        let sentence = if parts.len() > 1 {
            format!("Cohort {id} was prescribed {total}: {}.", parts.join(" and "))
        } else {
            format!("Cohort {id} was prescribed {total} in one infusion.")
        };
        let value = json!({ "regimen": regimen.id, "version": protocol.version.id });
        points.push(writer.say(sentence, &format!("regimen of cohort {id}"), value));
    }
    let patients: Vec<&PatientAnalysis> = analysis.patients_of(cohort).collect();
    let counts = Counts::of(patients.iter().copied());
    let enrolled = patients.iter().filter(|patient| patient.enrolled.is_some()).count();
    let sentence =
        format!("In cohort {id}, {enrolled} patients were enrolled and {} treated.", counts.treated);
    let value = json!({ "enrolled": enrolled, "treated": counts.treated });
    points.push(writer.say(sentence, &format!("enrolled and treated in cohort {id}"), value));
    if protocol.dlt.is_some() {
        let (dlt, evaluable) = (counts.dlt, counts.evaluable());
        let pending = counts.pending + counts.possible;
        let interval = posology_design::numeric::clopper_pearson(dlt, evaluable, 0.95);
        let bound = interval
            .map(|(_, upper)| format!("; the exact 95% interval ends at {:.1}%", upper * 100.0))
            .unwrap_or_default();
        let rest = if pending > 0 {
            format!(" {pending} more are still in their window and count neither way.")
        } else {
            String::new()
        };
        let sentence = format!(
            "In cohort {id}, {dlt} of {evaluable} evaluable patients had a dose-limiting toxicity{bound}.{rest}"
        );
        let value = json!({ "dlt": dlt, "evaluable": evaluable, "pending": pending, "not-evaluable": counts.not_evaluable });
        points.push(writer.say(sentence, &format!("dose-limiting toxicity in cohort {id}"), value));
    }
    for definition in &protocol.rate {
        let confirmed = analysis.rate(definition, patients.iter().copied(), true);
        if confirmed.denominator() == 0 {
            continue;
        }
        let sentence = format!("In cohort {id}, {} had {}, confirmed.", counted(&confirmed), definition.id);
        points.push(writer.say(
            sentence,
            &format!("{} confirmed in cohort {id}", definition.id),
            value_of(&confirmed),
        ));
    }
    let awaiting = patients.iter().filter(|patient| patient.response.best.awaiting.is_some()).count();
    if awaiting > 0 {
        let sentence = format!(
            "In cohort {id}, {awaiting} await the sample that would confirm a response; none of them is counted above."
        );
        points.push(writer.say(
            sentence,
            &format!("responses awaiting confirmation in cohort {id}"),
            json!(awaiting),
        ));
    }
    let on_study = patients
        .iter()
        .filter(|patient| patient.is_treated() && patient.disposition.on_study() && !is_over(patient))
        .count();
    let sentence = if on_study > 0 {
        format!(
            "In cohort {id}, {on_study} of {} treated patients are still on study; their best response is not final.",
            counts.treated
        )
    } else {
        format!("In cohort {id}, no treated patient is still on study without progression.")
    };
    points.push(writer.say(
        sentence,
        &format!("on study without progression in cohort {id}"),
        json!(on_study),
    ));
    if let Some(made) = &cohort.recommendation {
        let [for_it, against, abstained] = made.votes;
        let sentence = format!(
            "The committee's signed recommendation on cohort {id}, of {}: {}; {for_it} votes for, {against} against, {abstained} abstained.",
            made.date,
            recommended(made.recommended)
        );
        let value = json!({ "review": made.review, "date": made.date.to_string(), "votes": made.votes });
        points.push(writer.say(sentence, &format!("recommendation on cohort {id}"), value));
    }
    points
}

fn is_over(patient: &PatientAnalysis) -> bool {
    patient
        .followed
        .as_ref()
        .is_some_and(|followed| followed.progression.is_some() || followed.death.is_some())
}

fn recommended(made: posology_trial::event::Recommended) -> String {
    let word = json!(made);
    word.as_str().unwrap_or_default().replace('-', " ")
}

/// `2 of 4 response-evaluable patients (50.0%; exact 95% interval 6.8% to 93.2%)`; of few patients the counts lead.
fn counted(rate: &Rate) -> String {
    let (x, n) = (rate.successes(), rate.denominator());
    let population = rate.population().id.clone();
    let percent = rate.percent(0).map(|percent| percent.to_string()).unwrap_or_default();
    let interval = rate
        .interval()
        .map(|interval| {
            format!("; exact 95% interval {:.1}% to {:.1}%", interval.lower * 100.0, interval.upper * 100.0)
        })
        .unwrap_or_default();
    let warning =
        if x == n && n < FEW { format!("; all of {n} is not all of those to come") } else { String::new() };
    format!("{x} of {n} {population} patients ({percent}%{interval}{warning})")
}

fn value_of(rate: &Rate) -> Value {
    json!({
        "n": rate.successes(),
        "N": rate.denominator(),
        "population": rate.population().words,
        "definition": rate.definition(),
        "interval": rate.interval().map(|interval| json!([interval.lower, interval.upper])),
        "method": rate.interval().map(|interval| interval.method.to_owned()),
    })
}

/// Grade 3 or worse by cohort, each patient once a row.
fn severe(analysis: &Analysis, cohorts: &[&CohortAnalysis]) -> Table {
    let mut table =
        Table::new("R1", "Patients with an adverse event of grade 3 or worse", "Treated patients, by cohort");
    table.stub = "Preferred term".to_owned();
    let mut terms: Vec<&str> = analysis
        .patients
        .iter()
        .flat_map(|patient| &patient.emergent)
        .filter(|event| event.event.grade.is_some_and(|grade| grade >= 3))
        .map(|event| event.event.term.as_str())
        .collect();
    terms.sort_unstable();
    terms.dedup();
    let treated: Vec<Vec<&PatientAnalysis>> = cohorts
        .iter()
        .map(|cohort| analysis.patients_of(cohort).filter(|patient| patient.is_treated()).collect())
        .collect();
    let whole = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    table.columns = cohorts
        .iter()
        .zip(&treated)
        .map(|(cohort, patients)| Column::new(&cohort.id).n(whole(patients.len())))
        .collect();
    let row = |label: &str, is: &dyn Fn(&str) -> bool| {
        let cells = treated.iter().map(|patients| {
            let with = patients
                .iter()
                .filter(|patient| {
                    patient.emergent.iter().any(|event| {
                        event.event.grade.is_some_and(|grade| grade >= 3) && is(&event.event.term)
                    })
                })
                .count();
            Cell::ratio(whole(with), whole(patients.len()))
        });
        Row::new(label, cells)
    };
    table.rows.push(row("Any", &|_| true));
    for term in terms {
        table.rows.push(row(term, &|other| other == term));
    }
    table.notes.push(
        "n of m treated patients (%). Each patient counts once in a row. Grades as recorded.".to_owned(),
    );
    table
}

fn open(writer: &mut Writer<'_>, cohorts: &[&CohortAnalysis]) -> Vec<Text> {
    let analysis = writer.analysis;
    let pending: u32 = cohorts
        .iter()
        .map(|cohort| Counts::of(analysis.patients_of(cohort)))
        .map(|counts| counts.pending + counts.possible)
        .sum();
    let mut points = vec![writer.say(
        format!("{pending} treated patients are still in the window for dose-limiting toxicity."),
        "pending in all cohorts",
        json!(pending),
    )];
    for cohort in cohorts.iter().filter(|cohort| cohort.recommendation.is_none()) {
        points.push(writer.say(
            format!("No recommendation of the committee on cohort {} is recorded by the cut-off.", cohort.id),
            &format!("recommendation on cohort {}", cohort.id),
            Value::Null,
        ));
    }
    points
}

fn definitions(analysis: &Analysis) -> Vec<Text> {
    let protocol = &analysis.protocol;
    let mut points: Vec<Text> = protocol
        .rate
        .iter()
        .map(|rate| Text::from(format!("{}: {}, of {}.", rate.id, rate.name, rate.population.words())))
        .collect();
    let criteria: Vec<String> = if protocol.stratum.is_empty() {
        vec![protocol.response.criteria.set().to_string()]
    } else {
        protocol
            .stratum
            .iter()
            .map(|stratum| {
                format!("{} by {}", stratum.name, protocol.response_of(Some(&stratum.id)).criteria.set())
            })
            .collect()
    };
    points.push(Text::from(format!("Response criteria: {}.", criteria.join("; "))));
    if let Some(dlt) = &protocol.dlt {
        points.push(Text::from(format!(
            "Dose-limiting toxicity: by the rules of the protocol, over {} days from the first fraction.",
            dlt.window_days
        )));
    }
    points.push(Text::from(format!("Evaluable: {}.", Population::DltEvaluable.words())));
    points.push(Text::from("Intervals are exact (Clopper and Pearson), two-sided at 95%."));
    points
}
