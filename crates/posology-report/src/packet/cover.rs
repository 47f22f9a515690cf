//! The cover: what was cut, from which record, under which versions, and how many are counted.

use posology_clinic::response::CriteriaSet;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Population;
use serde_json::{Value, json};

use super::Review;
use super::levels::{count, is_enrolled, level_label};
use crate::document::{Fact, Text};

/// What the cover states of the cut while no record keeps it.
const UNRECORDED: &str = "unrecorded cut: computed from the events, not stored as an event";

/// The facts of the cover.
pub(super) fn facts(review: Review<'_>) -> Vec<Fact> {
    let Review { analysis, cohort, program, recorded } = review;
    let protocol = &analysis.protocol;
    let mut facts = vec![
        Fact::new(
            "Cohort under review",
            format!("{}: {}", cohort.id, level_label(cohort.level, &cohort.label)),
        ),
        Fact::new("Stage", cohort.stage.words()),
        Fact::new("Cut-off", cut_off(analysis)),
        Fact::new(
            "Record",
            Text::new()
                .plain(format!("{} events, head ", analysis.cut.position))
                .code(short(&analysis.cut.head)),
        ),
        Fact::new("Treated", counted(analysis, PatientAnalysis::is_treated)),
    ];
    if protocol.dlt.is_some() {
        let evaluable = counted(analysis, |patient| patient.is_in(Population::DltEvaluable));
        facts.push(Fact::new("DLT-evaluable", evaluable));
    }
    facts.extend([
        Fact::new(
            "Response-evaluable",
            counted(analysis, |patient| patient.is_in(Population::ResponseEvaluable)),
        ),
        Fact::new("Protocol", format!("{} of {}", protocol.version.id, protocol.version.date)),
    ]);
    let grades = protocol.ctcae().map(|ctcae| format!("CTCAE {}, ", ctcae.id())).unwrap_or_default();
    facts.push(Fact::new("Grades, response", format!("{grades}{}", edition(analysis))));
    let standing =
        recorded.map_or_else(|| "unrecorded cut".to_owned(), |number| format!("cut of review {number}"));
    facts.push(Fact::new("Standing of the cut", standing));
    facts.push(Fact::new("Program", format!("{} {}", program.name, program.version)));
    facts.push(Fact::new(
        "Assumptions",
        Text::new().plain(format!("{}, see ", protocol.assumption.len())).reference("methods"),
    ));
    facts
}

/// Whether a record keeps the cut, in full.
fn standing(recorded: Option<u32>) -> String {
    recorded.map_or_else(
        || UNRECORDED.to_owned(),
        |number| format!("frozen in the record as the cut of review {number}"),
    )
}

/// Identity of the cut in full, for the methods pages.
pub(super) fn identity(review: Review<'_>) -> Vec<Fact> {
    let Review { analysis, program, recorded, .. } = review;
    let standing = standing(recorded);
    let protocol = &analysis.protocol;
    let trial = &protocol.trial;
    let mut facts = vec![Fact::new("Trial", trial.id.as_str())];
    let named = [
        ("Registry", &trial.registry),
        ("Phase", &trial.phase),
        ("Sponsor", &trial.sponsor),
        ("Indication", &trial.indication),
    ];
    facts.extend(named.into_iter().filter_map(|(label, value)| Some(Fact::new(label, value.as_deref()?))));
    facts.extend([
        Fact::new("Cut-off", cut_off(analysis)),
        Fact::new("Position in the record", analysis.cut.position.to_string()),
        Fact::new("Standing of the cut", standing),
        Fact::new("Head of the record (SHA-256)", Text::new().code(&analysis.cut.head)),
        Fact::new("Protocol file (SHA-256)", Text::new().code(&analysis.protocol_sha256)),
        Fact::new(
            "Protocol version",
            format!("{} of {}: {}", protocol.version.id, protocol.version.date, protocol.version.reason),
        ),
    ]);
    if let Some(ctcae) = protocol.ctcae() {
        facts.push(Fact::new("CTCAE", ctcae.id()));
    }
    facts.extend(protocol.dictionaries.iter().map(|(name, version)| Fact::new(name, version.as_str())));
    facts.push(Fact::new("Body surface area", body_surface(analysis)));
    if let Some(product) = &protocol.product {
        let half_life = product.half_life.as_ref().map(|id| format!(", half-life {id}")).unwrap_or_default();
        let nuclide = product
            .radionuclide
            .as_ref()
            .map(|nuclide| format!(" ({nuclide}{half_life})"))
            .unwrap_or_default();
        facts.push(Fact::new("Product", format!("{}{nuclide}", product.name)));
    }
    facts.push(Fact::new("Program", format!("{} {}", program.name, program.version)));
    facts
}

/// The editions of the response criteria, such as `IMWG 2016`.
pub(super) fn edition(analysis: &Analysis) -> String {
    let named = |set: &CriteriaSet| set.id().to_uppercase().replace('-', " ");
    criteria(analysis).iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The response criteria of the trial, or of its strata, each once.
pub(super) fn criteria(analysis: &Analysis) -> Vec<CriteriaSet> {
    let protocol = &analysis.protocol;
    let mut sets: Vec<CriteriaSet> = Vec::new();
    let of_strata = protocol.stratum.iter().map(|stratum| protocol.response_of(Some(&stratum.id)));
    let all: Vec<_> =
        if protocol.stratum.is_empty() { vec![&protocol.response] } else { of_strata.collect() };
    for response in all {
        if !sets.contains(&response.criteria.set()) {
            sets.push(response.criteria.set());
        }
    }
    sets
}

/// The formula and cap of the body surface area.
pub(super) fn body_surface(analysis: &Analysis) -> String {
    analysis.protocol.body_surface.words()
}

/// The clinical cut-off, UTC.
pub(super) fn cut_off(analysis: &Analysis) -> String {
    analysis.cut.cut_off.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The first digits of a hash, enough to recognise it.
pub(super) fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

fn counted(analysis: &Analysis, included: impl Fn(&PatientAnalysis) -> bool) -> String {
    let all = analysis.patients.iter().filter(|patient| is_enrolled(patient)).count();
    format!("{} of {all} enrolled", analysis.patients.iter().filter(|patient| included(patient)).count())
}

/// The criteria of response with every open point answered.
fn response_criteria(protocol: &posology_trial::protocol::Protocol) -> Value {
    match protocol.response.imwg() {
        Some(myeloma) => json!(myeloma.criteria()),
        None => json!(protocol.response.criteria),
    }
}

/// The cover as data.
pub(super) fn json(review: Review<'_>) -> Value {
    let Review { analysis, cohort, program, recorded } = review;
    let protocol = &analysis.protocol;
    let number =
        |population| count(analysis.patients.iter().filter(|patient| patient.is_in(population)).count());
    json!({
        "trial": protocol.trial,
        "cohort": cohort.id,
        "stage": cohort.stage,
        "cut": analysis.cut,
        "cut-standing": standing(recorded),
        "protocol": {
            "version": protocol.version.id,
            "date": protocol.version.date.to_string(),
            "reason": protocol.version.reason,
            "sha256": analysis.protocol_sha256,
        },
        "ctcae": protocol.ctcae().map(|ctcae| ctcae.id()),
        "dictionaries": protocol.dictionaries,
        "response-criteria": response_criteria(protocol),
        "body-surface": body_surface(analysis),
        "program": { "name": program.name, "version": program.version },
        "populations": {
            "enrolled": analysis.patients.iter().filter(|patient| is_enrolled(patient)).count(),
            "treated": number(Population::Treated),
            "dlt-evaluable": number(Population::DltEvaluable),
            "response-evaluable": number(Population::ResponseEvaluable),
        },
        "assumptions": protocol.assumption,
        "synthetic": protocol.trial.synthetic,
    })
}
