//! What another version of CTCAE would change: grades, who has a dose-limiting toxicity, and the rule's advice.
//!
//! Start at [`regrade`]. A version belongs to the protocol and to every grade, so a grade under another version is a
//! new derivation beside the old one and never replaces it. The report is what an amendment that changes the version
//! needs: a platelet count of 15 is grade 4 in version 5.0 and 3 in 6.0, and a rule written on "grade 4" then counts
//! other patients. A rule written on the value itself does not move.
//!
//! Left out: grades that an investigator gave to adverse events. They stay as they were given, and how many there are
//! is said.

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::ctcae::{Circumstances, Direction, Graded, Version, grade};
use posology_clinic::laboratory::Analyte;
use serde::{Serialize, Serializer};

use super::decision::Counts;
use super::patient::PatientAnalysis;
use super::toxicity::{DltRecord, DltStatus, samples, to_grade};
use super::{Analysis, BadAnalysis, CohortAnalysis};
use crate::cut::Cut;
use crate::event::Chain;
use crate::protocol::Protocol;

/// A trial at a cut under the protocol's version of CTCAE and under another.
#[derive(Debug, Clone, Serialize)]
pub struct Regrading {
    /// The cut.
    pub cut: Cut,
    /// The protocol's version.
    pub from: Version,
    /// The version it is compared with.
    pub to: Version,
    /// Every treated patient, in order of enrolment, with what changes; nothing is listed where nothing does.
    pub patients: Vec<PatientRegraded>,
    /// Every cohort with a treated patient, in the protocol's order.
    pub cohorts: Vec<CohortRegraded>,
    /// Grades that an investigator gave to adverse events of these patients; they are not derived and stay.
    pub investigator_grades: usize,
}

/// One patient under both versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatientRegraded {
    /// Subject.
    pub subject: String,
    /// Cohort, if enrolled into one.
    pub cohort: Option<String>,
    /// Values, from the baseline on, whose grade differs; by day, then analyte.
    pub grades: Vec<GradeChange>,
    /// How the patient counts under the protocol's version.
    pub before: Standing,
    /// How the patient would count under the other.
    pub after: Standing,
    /// Whether the status, or a finding, differs.
    pub changed: bool,
}

/// How a patient counts, and on what findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Status.
    #[serde(serialize_with = "in_words")]
    pub status: DltStatus,
    /// Findings, dose-limiting ones first.
    pub findings: Vec<Found>,
    /// What a rule needed and could not read, in words.
    pub not_judged: Vec<String>,
}

/// A finding in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The protocol's rule, if one fired.
    pub rule: Option<String>,
    /// Whether it counts; else it is possible and awaits adjudication.
    pub dose_limiting: bool,
    /// Study day of onset.
    pub onset_day: Option<i32>,
    /// What it is.
    pub says: String,
}

/// One value whose grade differs; a grade is `None` where a version has no grade for it, which is not grade 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GradeChange {
    /// Analyte.
    pub analyte: Analyte,
    /// Low or high.
    pub direction: Direction,
    /// Day of the sample.
    pub date: Date,
    /// Study day.
    pub day: i32,
    /// Whether it is the patient's baseline.
    pub baseline: bool,
    /// The value as reported, with its unit.
    pub value: String,
    /// Grade under the protocol's version.
    pub before: Option<u8>,
    /// Grade under the other.
    pub after: Option<u8>,
    /// The reasons, of each version that has the term.
    pub because: Vec<Because>,
}

/// One cohort under both versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CohortRegraded {
    /// Cohort.
    pub id: String,
    /// Dose-limiting toxicities, evaluable and undecided patients under the protocol's version.
    pub before: Tally,
    /// The same under the other.
    pub after: Tally,
    /// Whether the advice differs.
    pub advice_changes: bool,
}

/// A cohort's counts and the advice on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Patients with a dose-limiting toxicity.
    pub dlt: u32,
    /// Evaluable patients.
    pub evaluable: u32,
    /// Patients who are pending, or whose possible toxicity awaits adjudication.
    pub pending: u32,
    /// The advice in one word; `None` without a design.
    pub advice: Option<&'static str>,
}

impl Regrading {
    /// The patients whose DLT status or findings differ.
    pub fn affected(&self) -> impl Iterator<Item = &PatientRegraded> {
        self.patients.iter().filter(|patient| patient.changed)
    }

    /// The patients whose DLT status differs.
    pub fn status_changes(&self) -> impl Iterator<Item = &PatientRegraded> {
        self.patients.iter().filter(|patient| patient.before.status != patient.after.status)
    }

    /// The same report for one cohort; `None` if no patient of it was treated.
    #[must_use]
    pub fn of_cohort(mut self, id: &str) -> Option<Self> {
        self.cohorts.retain(|cohort| cohort.id == id);
        self.patients.retain(|patient| patient.cohort.as_deref() == Some(id));
        (!self.cohorts.is_empty()).then_some(self)
    }
}

/// A report that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegrade {
    /// The protocol names no version.
    #[error(
        "found a protocol without [dlt]; expected the CTCAE version of its grades (dlt.ctcae); mend: add the table"
    )]
    NoVersion,
    /// One of the two analyses cannot be made.
    #[error(transparent)]
    Analysis(#[from] BadAnalysis),
}

/// Derives a trial at a cut twice, under the protocol's version of CTCAE and under `to`, and lists what differs.
///
/// Neither derivation is stored, and the protocol is not changed. Under its own version nothing differs.
///
/// # Errors
/// [`BadRegrade`] where the protocol has no `[dlt]`, or where the trial cannot be analysed.
pub fn regrade(
    protocol: &Protocol,
    protocol_sha256: &str,
    chain: &Chain,
    cut: &Cut,
    to: Version,
) -> Result<Regrading, BadRegrade> {
    let mut other = protocol.clone();
    let from = std::mem::replace(&mut other.dlt.as_mut().ok_or(BadRegrade::NoVersion)?.ctcae, to);
    let before = Analysis::of(protocol, protocol_sha256, chain, cut)?;
    let after = Analysis::of(&other, protocol_sha256, chain, cut)?;
    // Both follow the enrolment, which knows no grade, so they hold the same people in the same order.
    let treated = || before.patients.iter().zip(&after.patients).filter(|(patient, _)| patient.is_treated());
    let cohorts = before
        .cohorts
        .iter()
        .zip(&after.cohorts)
        .filter(|(cohort, _)| before.patients_of(cohort).any(PatientAnalysis::is_treated))
        .map(|(old, new)| {
            let (old, new) = ((&before, old), (&after, new));
            let (before, after) = (tally(old.0, old.1), tally(new.0, new.1));
            CohortRegraded {
                id: old.1.id.clone(),
                before,
                after,
                advice_changes: before.advice != after.advice,
            }
        })
        .collect();
    Ok(Regrading {
        cut: cut.clone(),
        from,
        to,
        patients: treated().map(|(old, new)| patient(old, new, from, to)).collect(),
        cohorts,
        investigator_grades: treated()
            .flat_map(|(patient, _)| &patient.emergent)
            .filter(|emergent| emergent.event.grade.is_some())
            .count(),
    })
}

fn patient(old: &PatientAnalysis, new: &PatientAnalysis, from: Version, to: Version) -> PatientRegraded {
    let (before, after) = (standing(old), standing(new));
    PatientRegraded {
        subject: old.id.clone(),
        cohort: old.cohort.clone(),
        grades: grades(old, from, to),
        changed: before != after,
        before,
        after,
    }
}

fn standing(patient: &PatientAnalysis) -> Standing {
    let found = |record: &DltRecord, dose_limiting: bool| Found {
        rule: record.rule.clone(),
        dose_limiting,
        onset_day: record.onset_day,
        says: record.because.first().map_or_else(|| record.what.clone(), |because| because.says.clone()),
    };
    let records = patient.dlt.records.iter().map(|record| found(record, true));
    let possible = patient.dlt.possible.iter().map(|record| found(record, false));
    Standing {
        status: patient.dlt.status,
        findings: records.chain(possible).collect(),
        not_judged: patient.dlt.unknown.iter().map(|because| because.says.clone()).collect(),
    }
}

fn grades(patient: &PatientAnalysis, from: Version, to: Version) -> Vec<GradeChange> {
    let Some(first) = patient.exposure.first() else { return Vec::new() };
    let samples = samples(&patient.facts);
    let mut changes = Vec::new();
    for (sample, baseline) in to_grade(first, &samples) {
        let under =
            |version| grade(version, &sample.value, baseline.map(|b| &b.value), &Circumstances::default());
        let (old, new) = (under(from), under(to));
        for direction in [Direction::Low, Direction::High] {
            let of = |graded: &[Graded]| graded.iter().find(|one| one.direction == direction).cloned();
            let (old, new) = (of(&old), of(&new));
            let (before, after) =
                (old.as_ref().and_then(Graded::grade), new.as_ref().and_then(Graded::grade));
            if before != after {
                changes.push(GradeChange {
                    analyte: sample.value.analyte,
                    direction,
                    date: sample.date,
                    day: posology_clinic::dlt::study_day(first, sample.date),
                    baseline: baseline.is_some_and(|baseline| std::ptr::eq(baseline, sample)),
                    value: sample.value.measured.to_string(),
                    before,
                    after,
                    because: [old, new].into_iter().flatten().map(|graded| graded.because).collect(),
                });
            }
        }
    }
    changes.sort_by_key(|change| (change.date, change.analyte, change.direction));
    changes
}

fn tally(analysis: &Analysis, cohort: &CohortAnalysis) -> Tally {
    let counts = Counts::of(analysis.patients_of(cohort));
    Tally {
        dlt: counts.dlt,
        evaluable: counts.evaluable(),
        pending: counts.pending + counts.possible,
        advice: cohort.advised_word(),
    }
}

fn in_words<S: Serializer>(status: &DltStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.words())
}
