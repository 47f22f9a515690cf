//! Following another system: what an import changes, row by row, and what that does to the trial.
//!
//! Start at [`difference`] for the rows and at [`effect`] for their consequence. Most sponsors capture data elsewhere.
//! A record founded in the mode `follow` takes such data by import alone, a snapshot at a time; adjudications, votes,
//! decisions and packets originate in the record. In the mode `capture` it is the other way round; a trial may turn the
//! mode round for some kinds of fact. Pure; reading files is left to whoever imports.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::analysis::Analysis;
use crate::conduct::{Conduct, Refusal};
use crate::event::{Chain, Event, Fact, Judge, Kind, Mode, TrialFounded};

/// Whether another system may be the origin of a kind of fact: what patients' data consist of. Everything else (people,
/// acts of conduct, adjudications, directives, reviews) originates in the record whatever its mode.
#[must_use]
pub fn can_be_followed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Subject
            | Kind::Characteristic
            | Kind::Prescription
            | Kind::Administration
            | Kind::FractionOmitted
            | Kind::AdverseEvent
            | Kind::Laboratory
            | Kind::VitalSign
            | Kind::ResponseAssessment
            | Kind::LesionAssessment
            | Kind::NewTherapy
            | Kind::Support
            | Kind::Disposition
            | Kind::History
            | Kind::Visit
            | Kind::Death
    )
}

/// Where facts of a kind originate, by the founding.
#[must_use]
pub fn mode_of(founded: &TrialFounded, kind: Kind) -> Mode {
    let excepted = founded.except.iter().any(|word| Kind::of(word) == Some(kind));
    match (founded.mode, excepted) {
        (Mode::Capture, false) | (Mode::Follow, true) => Mode::Capture,
        (Mode::Follow, false) | (Mode::Capture, true) => Mode::Follow,
    }
}

/// Whether an event comes from where facts of its kind originate. A retraction comes from where its fact came. Of
/// judgements only an investigator's can come with a snapshot: the committee judges here.
///
/// # Errors
/// `follow/origin`, `follow/mode` or `follow/originates-here`.
pub fn admit(conduct: &Conduct, event: &Event) -> Result<(), Refusal> {
    let Some(founded) = conduct.founded() else { return Ok(()) };
    let kind = match &event.fact {
        Fact::Retracted(retracted) => {
            conduct.entry(&retracted.event).map_or(Kind::Retracted, |entry| entry.event.fact.kind())
        }
        fact => fact.kind(),
    };
    let imported = event.origin.is_some();
    if !can_be_followed(kind) {
        let investigators =
            matches!(&event.fact, Fact::DltJudgement(judged) if judged.by == Judge::Investigator);
        if !imported || investigators {
            return Ok(());
        }
        return Err(Refusal::new(
            "follow/originates-here",
            format!(
                "{} recorded here: acts, adjudications and decisions originate in the record",
                kind.word()
            ),
            "one imported",
            "let whoever does it record it (`posology trial record`)",
        ));
    }
    match (mode_of(founded, kind), imported) {
        (Mode::Capture, false) | (Mode::Follow, true) => Ok(()),
        (Mode::Follow, false) => Err(Refusal::new(
            "follow/origin",
            format!("{} by import: this trial follows another system", kind.word()),
            "one recorded by hand",
            "record it in that system and import (`posology trial import`)",
        )),
        (Mode::Capture, true) => Err(Refusal::new(
            "follow/mode",
            format!("{} recorded by hand: this trial captures it", kind.word()),
            "one imported",
            "record it (`posology trial record`); a trial that imports is founded with --mode follow, or with --except for some kinds",
        )),
    }
}

/// What an import does to a row of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RowChange {
    /// Data set, such as `lb`.
    pub data_set: String,
    /// Its key there.
    pub key: String,
    /// Subject, if it speaks of one.
    pub subject: Option<String>,
    /// Kind of fact.
    pub kind: &'static str,
    /// New, changed or gone.
    pub change: Change,
    /// What differs: of a changed row the fields that do, of a new or gone one all of them.
    pub fields: Vec<FieldChange>,
}

/// How a row differs from the last snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there.
    New,
    /// It says something else.
    Changed,
    /// It is there no longer.
    Gone,
}

/// A field before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FieldChange {
    /// Name of the field.
    pub field: String,
    /// What it said; none where it was not there.
    pub before: Option<String>,
    /// What it says; none where it is no longer there.
    pub after: Option<String>,
}

/// What events to be appended to a chain change, row by row, in the order of data set, key and kind.
///
/// ```
/// use posology_trial::event::{Chain, Event, History, Origin};
/// use posology_trial::follow::{Change, difference};
/// let history = History {
///     subject: "P-1".to_owned(),
///     term: "Gout".to_owned(),
///     category: None,
///     start: None,
///     end: None,
/// };
/// let origin = Origin { data_set: "mh".to_owned(), key: "P-1/1".to_owned(), row_hash: "aa".to_owned() };
/// let event = Event { origin: Some(origin), ..Event::new("2026-01-05T08:00:00Z".parse()?, "import", history) };
/// let rows = difference(&Chain::default(), &[event]);
/// assert_eq!((rows[0].change, rows[0].kind), (Change::New, "history"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn difference(chain: &Chain, events: &[Event]) -> Vec<RowChange> {
    let by_hash: BTreeMap<&str, &Event> =
        chain.entries().iter().map(|entry| (entry.hash.as_str(), &entry.event)).collect();
    let mut rows: Vec<RowChange> = events
        .iter()
        .filter_map(|event| {
            let origin = event.origin.as_ref()?;
            let (change, before, after) = match (&event.fact, &event.corrects) {
                (Fact::Retracted(retracted), _) => {
                    (Change::Gone, by_hash.get(retracted.event.as_str()).map(|earlier| &earlier.fact), None)
                }
                (fact, Some(correction)) => {
                    let earlier = by_hash.get(correction.hash.as_str()).map(|earlier| &earlier.fact);
                    (Change::Changed, earlier, Some(fact))
                }
                (fact, None) => (Change::New, None, Some(fact)),
            };
            Some(RowChange {
                data_set: origin.data_set.clone(),
                key: origin.key.clone(),
                subject: event.fact.subject().map(str::to_owned),
                kind: after.or(before).unwrap_or(&event.fact).kind().word(),
                change,
                fields: fields(before, after),
            })
        })
        .collect();
    rows.sort_by(|a, b| (&a.data_set, &a.key, a.kind).cmp(&(&b.data_set, &b.key, b.kind)));
    rows
}

fn fields(before: Option<&Fact>, after: Option<&Fact>) -> Vec<FieldChange> {
    let parts = |fact: Option<&Fact>| -> BTreeMap<String, String> {
        let value = fact.and_then(|fact| serde_json::to_value(fact).ok()).unwrap_or_default();
        let body = value.get("body").and_then(Value::as_object).cloned().unwrap_or_default();
        body.into_iter()
            .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect()
    };
    let (before, after) = (parts(before), parts(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| FieldChange {
            field: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect()
}

/// A consequence of changed data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Effect {
    /// A subject, or a cohort.
    pub on: String,
    /// What changes: `DLT status`, `evaluable`, or `advice`.
    pub what: &'static str,
    /// Before; none where there was nothing.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
    /// Why it is now so.
    pub because: Vec<String>,
}

/// What differs between the analyses before and after: the DLT status and evaluability of each patient, and the rule's
/// advice on each cohort. Patients and cohorts for whom nothing changes are left out. Before the first data there is no
/// analysis.
#[must_use]
pub fn effect(before: Option<&Analysis>, after: &Analysis) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut note = |on: &str, what, before: Option<String>, after: Option<String>, because: Vec<String>| {
        if before != after {
            effects.push(Effect { on: on.to_owned(), what, before, after, because });
        }
    };
    let earlier =
        |id: &str| before.and_then(|before| before.patients.iter().find(|patient| patient.id == id));
    for patient in &after.patients {
        let because = || patient.dlt.because.iter().map(|because| because.says.clone()).collect();
        let status = |patient: &crate::analysis::patient::PatientAnalysis| {
            patient.is_treated().then(|| patient.dlt.status.words().to_owned())
        };
        let evaluable = |patient: &crate::analysis::patient::PatientAnalysis| {
            let population = crate::protocol::Population::DltEvaluable;
            patient.is_treated().then(|| if patient.is_in(population) { "yes" } else { "no" }.to_owned())
        };
        let was = earlier(&patient.id);
        note(&patient.id, "DLT status", was.and_then(status), status(patient), because());
        note(&patient.id, "evaluable", was.and_then(evaluable), evaluable(patient), because());
    }
    let gone = before.into_iter().flat_map(|before| &before.patients);
    for patient in gone.filter(|patient| !after.patients.iter().any(|other| other.id == patient.id)) {
        let was = patient.is_treated().then(|| patient.dlt.status.words().to_owned());
        note(&patient.id, "DLT status", was, None, Vec::new());
    }
    for cohort in &after.cohorts {
        let advised = |cohort: &crate::analysis::CohortAnalysis| cohort.advised_word().map(str::to_owned);
        let was = before.and_then(|before| before.cohort(&cohort.id)).and_then(advised);
        let by_design = cohort.advice.iter().flat_map(|advice| &advice.decision.because);
        let by_monitoring = cohort.monitored.iter().flat_map(|monitored| &monitored.because);
        let because = by_design
            .map(|because| because.says.clone())
            .chain(by_monitoring.map(|because| because.says.clone()))
            .collect();
        note(&cohort.id, "advice", was, advised(cohort), because);
    }
    effects
}
