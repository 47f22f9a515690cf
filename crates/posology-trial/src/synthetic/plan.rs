//! The plan of a synthetic trial: per patient the course that must come out, whatever the seed.

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::response::Category;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::event::{Answer, Recommended};
use crate::protocol::Assumption;

/// What a synthetic trial shall look like; the seed fills in the rest.
///
/// Days are study days: day 1 is the first fraction, the day before it is day -1. Dates are text, `"2015-03-02"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// The seed of the checked-in record.
    pub seed: u64,
    /// Nothing is recorded of any later day.
    pub last_fact: Date,
    /// Cohorts, in order of opening.
    pub cohort: Vec<CohortPlan>,
    /// What is assumed, and not published.
    #[serde(default)]
    pub assumption: Vec<Assumption>,
}

/// A cohort: its opening, its patients and, once it is decided, its review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CohortPlan {
    /// Cohort id of the protocol.
    pub id: String,
    /// Day of opening.
    pub opened: Date,
    /// Its patients.
    #[serde(default)]
    pub patient: Vec<PatientPlan>,
    /// Its review; absent while under review.
    #[serde(default)]
    pub review: Option<ReviewPlan>,
}

/// The committee's recommendation on a cohort and the sponsor's decision on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReviewPlan {
    /// Number of the review.
    pub number: u32,
    /// Day of the meeting.
    pub date: Date,
    /// Clinical cut-off of its packet.
    pub cut_off: Date,
    /// The recommendation.
    pub recommended: Recommended,
    /// The cohort recommended to open next.
    #[serde(default)]
    pub next_cohort: Option<String>,
    /// Votes for, against, abstained.
    pub votes: [u32; 3],
    /// Reason given.
    pub reason: String,
    /// What the rule advised.
    pub rule_advice: String,
    /// Day of the sponsor's decision.
    pub decided: Date,
    /// The sponsor's answer.
    pub answer: Answer,
    /// Why.
    pub decision_reason: String,
}

/// A patient: dates, marker and counts with the course they must take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PatientPlan {
    /// Unique subject id. Its digits are the patient's number in the generator.
    pub subject: String,
    /// Site id of the protocol.
    pub site: String,
    /// Day of enrolment.
    pub enrolled: Date,
    /// Day of the first fraction, study day 1.
    pub first_fraction: Date,
    /// The subject this one replaces.
    #[serde(default)]
    pub replaces: Option<String>,
    /// Earlier lines of therapy.
    pub earlier_lines: u32,
    /// Stratum id, where the cohort is not of one alone.
    #[serde(default)]
    pub stratum: Option<String>,
    /// Age in years; drawn where absent, as are the next three.
    #[serde(default)]
    pub age: Option<i64>,
    /// Sex, `F` or `M`.
    #[serde(default)]
    pub sex: Option<Sex>,
    /// Height, cm.
    #[serde(default)]
    pub height: Option<i64>,
    /// Weight, kg with at most one decimal.
    #[serde(default)]
    pub weight: Option<Decimal>,
    /// Characteristics at baseline, in place of those drawn or beside them.
    #[serde(default)]
    pub characteristic: BTreeMap<String, String>,
    /// CD34-positive cells stored before treatment, millions for each kilogram.
    #[serde(default)]
    pub stem_cells: Option<Decimal>,
    /// Study day on which the regimen's optional fraction is given; it is not without.
    #[serde(default)]
    pub optional_fraction: Option<i32>,
    /// The marker that drives the response; absent where the response is assessed.
    #[serde(default)]
    pub marker: Option<Marker>,
    /// Its value on day -7, in the marker's unit and with its decimals.
    #[serde(default)]
    pub baseline: Option<Decimal>,
    /// The investigator's assessments, where no marker drives the response.
    #[serde(default)]
    pub assessed: Vec<AssessedPlan>,
    /// What becomes of it; absent where no sample was taken after baseline.
    #[serde(default)]
    pub response: Option<ResponsePlan>,
    /// Lowest platelets, 10^9/L.
    pub platelets: Nadir,
    /// Lowest neutrophils, 10^9/L.
    pub neutrophils: Nadir,
    /// Lowest haemoglobin, g/dL; drawn above 8.0 where absent.
    #[serde(default)]
    pub haemoglobin: Option<Decimal>,
    /// Day of a platelet transfusion.
    #[serde(default)]
    pub platelet_transfusion: Option<i32>,
    /// Day of a red-cell transfusion.
    #[serde(default)]
    pub red_cell_transfusion: Option<i32>,
    /// Day of a granulocyte growth factor.
    #[serde(default)]
    pub growth_factor: Option<i32>,
    /// A second fraction given late, not through toxicity.
    #[serde(default)]
    pub delay: Option<Delay>,
    /// A withdrawal that leaves the patient not evaluable.
    #[serde(default)]
    pub withdrawal: Option<Withdrawal>,
    /// New therapy.
    #[serde(default)]
    pub new_therapy: Option<Therapy>,
    /// Day of death, of progressive disease.
    #[serde(default)]
    pub death: Option<i32>,
    /// Adverse events beside those that follow from the counts and those drawn.
    #[serde(default)]
    pub event: Vec<PlannedEvent>,
}

/// Sex as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sex {
    /// Female.
    F,
    /// Male.
    M,
}

/// An assessment of response by the investigator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AssessedPlan {
    /// Study day.
    pub day: i32,
    /// The overall response, by the criteria of the stratum.
    pub response: Category,
}

/// The marker that drives a patient's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marker {
    /// Serum M-protein of class IgG, g/dL with two decimals.
    SerumIgg,
    /// Serum M-protein of class IgA, g/dL with two decimals.
    SerumIga,
    /// M-protein of a 24-hour urine, mg/24h, whole.
    Urine,
    /// Involved free kappa less free lambda, mg/dL with one decimal.
    FreeKappa,
    /// Involved free lambda less free kappa, mg/dL with one decimal.
    FreeLambda,
}

/// The course of the driving marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResponsePlan {
    /// Category of the best sample.
    pub best: Category,
    /// Change from baseline of the best sample, percent with one decimal.
    pub change_percent: Decimal,
    /// Day of the best sample: 29, 57, 85, then every 42 days; the day of progression where that is best.
    pub day: i32,
    /// Whether the sample before or after it confirms it (true). If not, both neighbours fall short of it.
    #[serde(default = "yes")]
    pub confirmed: bool,
    /// Day of progression; confirmed 14 days later.
    #[serde(default)]
    pub progression: Option<i32>,
    /// An assessment of the investigator that differs from the criteria: day and category.
    #[serde(default)]
    pub investigator_differs: Option<(i32, Category)>,
}

/// The lowest count, when it comes and how long it takes to recover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Nadir {
    /// Lowest value, 10^9/L.
    pub lowest: Decimal,
    /// Its day.
    pub day: i32,
    /// Days from there to grade 1 or better.
    pub recovery_days: i32,
}

/// A second fraction given late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Delay {
    /// Days late.
    pub days: i32,
    /// Reason, other than toxicity.
    pub reason: String,
}

/// A withdrawal that leaves the patient not evaluable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Withdrawal {
    /// Study day.
    pub day: i32,
    /// Reason, other than toxicity.
    pub reason: String,
    /// Who judged.
    pub adjudicator: String,
    /// Day of the judgement.
    pub judged: Date,
}

/// New therapy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Therapy {
    /// Study day of its start.
    pub day: i32,
    /// Name.
    pub name: String,
    /// Whether it suppresses the marrow.
    pub myelosuppressive: bool,
}

/// An adverse event that the plan asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlannedEvent {
    /// Preferred term.
    pub term: String,
    /// System organ class.
    pub class: String,
    /// Grade.
    pub grade: u8,
    /// First day.
    pub start: i32,
    /// Last day; ongoing if absent.
    #[serde(default)]
    pub end: Option<i32>,
    /// Related to treatment.
    pub related: bool,
    /// Serious (false).
    #[serde(default)]
    pub serious: bool,
}

fn yes() -> bool {
    true
}

/// A plan that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    /// Text that is no plan.
    #[error("patients.toml: expected a plan of synthetic patients, found {found}; mend: correct that place")]
    NotAPlan {
        /// What was found and where, as the reader of TOML words it.
        found: String,
    },
    /// A setting that contradicts the protocol or another setting.
    #[error("patients.toml, {place}: found {found}; expected {expected}; mend: change one of the two")]
    Impossible {
        /// Cohort or patient, and the setting.
        place: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
}

impl BadPlan {
    pub(super) fn impossible(place: &str, found: impl ToString, expected: impl ToString) -> Self {
        Self::Impossible { place: place.to_owned(), found: found.to_string(), expected: expected.to_string() }
    }
}

impl PatientPlan {
    /// Day of progression, of the marker or as assessed.
    #[must_use]
    pub fn progression(&self) -> Option<i32> {
        let assessed = self.assessed.iter().find(|assessed| assessed.response == Category::Progressive);
        let marker = self.response.as_ref().and_then(|response| response.progression);
        marker.or(assessed.map(|assessed| assessed.day))
    }
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`BadPlan::NotAPlan`] where the text is no TOML, holds an unknown setting or lacks one.
    pub fn read(text: &str) -> Result<Self, BadPlan> {
        toml::from_str(text).map_err(|error| BadPlan::NotAPlan { found: error.to_string() })
    }
}
