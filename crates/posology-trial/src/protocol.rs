//! The protocol file `trial.toml`: one file from which the trial is simulated, run and reported.
//!
//! Start at [`Protocol::read`]: text in, a whole and consistent protocol or every problem with its place
//! out. Each table of the file is one type here; every setting has the default given in its description.

mod check;
mod dosing;
mod eligibility;
mod grouping;
mod late;
mod monitoring;
mod problem;
mod randomised;
mod read;
mod schema;
mod stratum;
mod texts;

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::body_surface::Formula;
use posology_clinic::ctcae;
use posology_clinic::dlt::Rules;
use posology_clinic::prescription::Comparison;
use posology_clinic::quantity::{ActivityPerArea, Area};
use posology_clinic::response::Category;
use posology_clinic::response::imwg;
use posology_design::Design;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::endpoint;
use crate::event::ApprovalBy;

pub use dosing::{Dosing, ReferenceTime, StemCellRule};
pub use eligibility::{CharacteristicLimit, EligibilityCriterion, LaboratoryLimit, Limits};
pub use grouping::{CutComparison, GroupBy, Grouping};
pub use late::{AfterNewTherapy, Late, LateFollow};
pub use monitoring::{Monitoring, MonitoringRule};
pub use problem::{Problem, Problems, Severity};
pub use randomised::{RandomisedPart, SupposedTruth};
pub(crate) use read::date as read_date;
pub use read::{DesignFile, nearest, read_checked, read_design, read_scenarios, read_toml};
pub use schema::{json_schema, of as schema_of};
pub use stratum::Stratum;
pub use texts::Texts;

/// A protocol. Had from [`Protocol::read`] it is whole and free of contradictions, and its escalation design knows
/// its ladder: the regimens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Protocol {
    /// Who and what: title, registry, sponsor, sites.
    pub trial: Identity,
    /// The version of this file.
    pub version: Version,
    /// Earlier versions, oldest first; the last one is superseded by `version`.
    #[serde(default)]
    pub amendment: Vec<Amendment>,
    /// The product; absent in a trial without one product under escalation.
    #[serde(default)]
    pub product: Option<Product>,
    /// How body surface area is computed.
    #[serde(default)]
    pub body_surface: BodySurface,
    /// Tolerances and review gates for administered activity.
    #[serde(default)]
    pub gates: Gates,
    /// Radiopharmacy: checks, weighing again, blockade of the thyroid, release, stem cells.
    #[serde(default)]
    pub dosing: Dosing,
    /// Regimens: a dose level is an activity per area and its schedule. In the order of the ladder.
    #[serde(default)]
    pub regimen: Vec<Regimen>,
    /// Kinds of disease, each with its own response criteria; none in a trial of one disease.
    #[serde(default)]
    pub stratum: Vec<Stratum>,
    /// Cohorts, in the order of opening.
    #[serde(default)]
    pub cohort: Vec<Cohort>,
    /// Criteria of eligibility, as far as numbers decide them.
    #[serde(default)]
    pub eligibility: Vec<EligibilityCriterion>,
    /// How toxicity is graded in a trial without `[dlt]`.
    #[serde(default)]
    pub toxicity: Option<ToxicityGrading>,
    /// Dose-limiting toxicity: window, grading version and rules.
    #[serde(default)]
    pub dlt: Option<Dlt>,
    /// Late toxicity: follow-up of years beyond the window, and the events that are counted.
    #[serde(default)]
    pub late: Option<Late>,
    /// Who can be evaluated, and replacement.
    #[serde(default)]
    pub evaluability: Evaluability,
    /// Holds: what stops enrolment, whatever the rule advises.
    #[serde(default)]
    pub stopping: Stopping,
    /// The escalation design; its `doses` are the regimen ids, or absent.
    #[serde(default)]
    pub escalation: Option<Design>,
    /// Response criteria, with their open points as parameters.
    #[serde(default)]
    pub response: Response,
    /// A randomised comparison of regimens after escalation.
    #[serde(default)]
    pub randomised: Option<RandomisedPart>,
    /// Endpoints.
    #[serde(default)]
    pub endpoint: Vec<Endpoint>,
    /// Times to an event: the set of censoring rules, and what the guidance leaves open.
    #[serde(default)]
    pub times: endpoint::Settings,
    /// Dose-response: the test that the protocol names in advance.
    #[serde(default)]
    pub dose_response: DoseResponse,
    /// Rates: each percentage that may be printed, by definition id.
    #[serde(default = "default_rates")]
    pub rate: Vec<RateDefinition>,
    /// Groupings in which rates are shown beside the prescribed regimen.
    #[serde(default)]
    pub group: Vec<Grouping>,
    /// The committee.
    #[serde(default)]
    pub committee: Option<Committee>,
    /// Caps on enrolment.
    #[serde(default)]
    pub caps: Caps,
    /// Enrolment: places kept, time between patients, approvals.
    #[serde(default)]
    pub enrolment: EnrolmentRules,
    /// Entry of data.
    #[serde(default)]
    pub entry: EntryRules,
    /// Dictionaries other than CTCAE, as name and version, printed on every cover (MedDRA, WHODrug).
    #[serde(default)]
    pub dictionaries: BTreeMap<String, String>,
    /// Words that reporting standards ask for.
    #[serde(default)]
    pub text: Texts,
    /// What this file assumes because it is not public or not yet decided; printed in every packet.
    #[serde(default)]
    pub assumption: Vec<Assumption>,
}

/// Identity of the trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Identity {
    /// Short id, used in file names and as STUDYID.
    pub id: String,
    /// Title.
    pub title: String,
    /// Registry id, such as NCT02278315.
    #[serde(default)]
    pub registry: Option<String>,
    /// Phase, such as `1`.
    #[serde(default)]
    pub phase: Option<String>,
    /// Sponsor.
    #[serde(default)]
    pub sponsor: Option<String>,
    /// Indication.
    #[serde(default)]
    pub indication: Option<String>,
    /// Whether the patients are synthetic; then every page and file says so.
    #[serde(default)]
    pub synthetic: bool,
    /// Sites.
    #[serde(default)]
    pub site: Vec<Site>,
}

/// A site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Site {
    /// Id, as in SITEID.
    pub id: String,
    /// Name.
    pub name: String,
}

/// The version of the protocol file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Version {
    /// Version, such as `6.0`.
    pub id: String,
    /// Date of the version.
    #[serde(deserialize_with = "read::date")]
    #[schemars(schema_with = "schema::date")]
    pub date: Date,
    /// Why this version.
    pub reason: String,
}

/// An earlier version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Amendment {
    /// Version it brought.
    pub version: String,
    /// Its date.
    #[serde(deserialize_with = "read::date")]
    #[schemars(schema_with = "schema::date")]
    pub date: Date,
    /// Why.
    pub reason: String,
}

/// The product under study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Product {
    /// Name, as in EXTRT.
    pub name: String,
    /// Other names under which EXTRT may record it.
    #[serde(default)]
    pub also: Vec<String>,
    /// Radionuclide, such as I-131.
    #[serde(default)]
    pub radionuclide: Option<String>,
    /// Which published half-life is used: an id of the nuclide table, such as `ensdf`.
    #[serde(default)]
    pub half_life: Option<String>,
    /// Route.
    #[serde(default)]
    pub route: Option<String>,
    /// Length of the infusion, minutes.
    #[serde(default)]
    pub infusion_minutes: Option<u32>,
}

/// How body surface area is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BodySurface {
    /// Formula (default Mosteller).
    pub formula: Formula,
    /// Cap, such as `2.2 m2`; none unless given.
    pub cap: Option<Area>,
    /// Other formulae for the young or the small; the first that fits is taken.
    pub smaller: Vec<SmallerFormula>,
}

/// Another formula for the young or the small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SmallerFormula {
    /// Formula.
    pub formula: Formula,
    /// For those younger than this, years; for any age without.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub below_age_years: Option<Decimal>,
    /// For those lighter than this, kg; for any weight without.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimal")]
    pub below_weight_kg: Option<Decimal>,
}

impl Default for BodySurface {
    fn default() -> Self {
        Self { formula: Formula::Mosteller, cap: None, smaller: Vec::new() }
    }
}

/// The formula depends on an age that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no age was given; expected one, since the protocol takes {formula} below {below} years; mend: give the age in years"
)]
pub struct AgeNeeded {
    /// The formula that may apply.
    pub formula: Formula,
    /// Below this age, years.
    pub below: Decimal,
}

impl BodySurface {
    /// As the settings of the computation for a patient.
    ///
    /// # Errors
    /// [`AgeNeeded`] where the formula depends on an age that is not given.
    ///
    /// ```
    /// use posology_clinic::body_surface::Formula;
    /// use posology_trial::protocol::{BodySurface, SmallerFormula};
    /// let surface = BodySurface {
    ///     smaller: vec![SmallerFormula { formula: Formula::Haycock, below_age_years: Some(18.into()), below_weight_kg: None }],
    ///     ..BodySurface::default()
    /// };
    /// assert_eq!(surface.settings(Some(7.into()), 24.into()).unwrap().formula, Formula::Haycock);
    /// assert_eq!(surface.settings(Some(18.into()), 24.into()).unwrap().formula, Formula::Mosteller);
    /// assert!(surface.settings(None, 24.into()).is_err());
    /// ```
    pub fn settings(
        &self,
        age_years: Option<Decimal>,
        weight_kg: Decimal,
    ) -> Result<posology_clinic::body_surface::Settings, AgeNeeded> {
        let mut formula = self.formula;
        for smaller in &self.smaller {
            if smaller.below_weight_kg.is_some_and(|below| weight_kg >= below) {
                continue;
            }
            let fits = match (smaller.below_age_years, age_years) {
                (None, _) => true,
                (Some(below), Some(age)) => age < below,
                (Some(below), None) => return Err(AgeNeeded { formula: smaller.formula, below }),
            };
            if fits {
                formula = smaller.formula;
                break;
            }
        }
        Ok(posology_clinic::body_surface::Settings { formula, cap: self.cap, decimals: None })
    }

    /// How it is computed, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words: Vec<String> = self
            .smaller
            .iter()
            .map(|smaller| {
                let age = smaller.below_age_years.map(|age| format!("below {} years", age.normalize()));
                let weight = smaller.below_weight_kg.map(|weight| format!("below {} kg", weight.normalize()));
                let whom: Vec<String> = age.into_iter().chain(weight).collect();
                format!("{} {}", smaller.formula, whom.join(" and "))
            })
            .collect();
        words.push(if words.is_empty() {
            self.formula.to_string()
        } else {
            format!("else {}", self.formula)
        });
        let cap = self.cap.map_or_else(|| "no cap".to_owned(), |cap| format!("at most {cap}"));
        format!("{}, {cap}", words.join(", "))
    }
}

/// How toxicity is graded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ToxicityGrading {
    /// CTCAE version of every grade.
    pub ctcae: ctcae::Version,
}

impl Protocol {
    /// The CTCAE version of every grade: that of `[dlt]`, else that of `[toxicity]`.
    #[must_use]
    pub fn ctcae(&self) -> Option<ctcae::Version> {
        self.dlt.as_ref().map(|dlt| dlt.ctcae).or(self.toxicity.as_ref().map(|toxicity| toxicity.ctcae))
    }
}

/// Gates on administered activity; they flag, they never declare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Gates {
    /// Protocol tolerance of net administered against prescribed activity, percent (10).
    #[schemars(schema_with = "schema::decimal")]
    pub tolerance_percent: Decimal,
    /// How a deviation is held against it (`more-than`).
    pub tolerance_comparison: Comparison,
    /// Before use: more than this off the prescribed dosage needs the authorised user's direction (20).
    #[schemars(schema_with = "schema::decimal")]
    pub before_use_percent: Decimal,
    /// How a deviation is held against it (`more-than`, by 10 CFR 35.63(d)).
    pub before_use_comparison: Comparison,
    /// After use: this much off or more is for review by the radiation safety officer (20).
    #[schemars(schema_with = "schema::decimal")]
    pub after_use_percent: Decimal,
    /// How a deviation is held against it (`at-least`, by 10 CFR 35.3045(a)(1)).
    pub after_use_comparison: Comparison,
    /// Later than this many days after its planned day, a fraction counts as delayed (3).
    pub delayed_more_than_days: u32,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            tolerance_percent: Decimal::TEN,
            tolerance_comparison: Comparison::MoreThan,
            before_use_percent: Decimal::from(20),
            before_use_comparison: Comparison::MoreThan,
            after_use_percent: Decimal::from(20),
            after_use_comparison: Comparison::AtLeast,
            delayed_more_than_days: 3,
        }
    }
}

impl Gates {
    /// As the settings of the comparison.
    #[must_use]
    pub fn settings(&self) -> posology_clinic::prescription::GateSettings {
        posology_clinic::prescription::GateSettings {
            tolerance_percent: self.tolerance_percent,
            tolerance_comparison: self.tolerance_comparison,
            before_use_percent: self.before_use_percent,
            before_use_comparison: self.before_use_comparison,
            after_use_percent: self.after_use_percent,
            after_use_comparison: self.after_use_comparison,
            single_fraction_percent: None,
        }
    }
}

/// A regimen: an activity per area and a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Regimen {
    /// Id, never reused.
    pub id: String,
    /// Label for people; built from the total and the number of fractions if absent.
    #[serde(default)]
    pub label: Option<String>,
    /// Total prescribed activity per area over all fractions.
    #[serde(default)]
    pub total: Option<ActivityPerArea>,
    /// Fractions, in order of day.
    pub fraction: Vec<Fraction>,
    /// Eligibility gates of this regimen.
    #[serde(default)]
    pub gate: Vec<EligibilityGate>,
}

/// A planned fraction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fraction {
    /// Study day (day 1 is the first fraction; there is no day 0).
    pub day: i32,
    /// Prescribed activity per area.
    #[serde(default)]
    pub activity: Option<ActivityPerArea>,
    /// Days it may be given early.
    #[serde(default)]
    pub days_early: u32,
    /// Days it may be given late.
    #[serde(default)]
    pub days_late: u32,
    /// Whether it may be left out without a reason (false): it is in no total, and never awaited.
    #[serde(default)]
    pub optional: bool,
}

/// An eligibility gate that depends on the regimen, such as a stem-cell back-up above a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EligibilityGate {
    /// Id.
    pub id: String,
    /// The requirement in words.
    pub requires: String,
    /// It applies where the total planned activity per area, earlier courses included, is above this …
    pub above: ActivityPerArea,
    /// … or also where it is equal (false).
    #[serde(default)]
    pub or_equal: bool,
}

/// A cohort.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cohort {
    /// Id, never reused.
    pub id: String,
    /// Regimen id.
    pub regimen: String,
    /// Planned number of patients.
    pub planned: u32,
    /// The stratum of all its patients: an arm of a basket. Without it each enrolment names the patient's.
    #[serde(default)]
    pub stratum: Option<String>,
    /// How the arm is watched, where it is not part of an escalation.
    #[serde(default)]
    pub monitoring: Option<Monitoring>,
}

/// Dose-limiting toxicity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dlt {
    /// Length of the window from the first fraction, days.
    pub window_days: u32,
    /// The window lasts at least this many days after the last given fraction (0).
    #[serde(default)]
    pub min_days_after_last_fraction: u32,
    /// The last contact of the window may be this many days before its end (0). Without it a patient last seen a day
    /// early is pending.
    #[serde(default)]
    pub visit_tolerance_days: u32,
    /// A fraction counts as reduced below this percentage of its first prescription (90).
    #[serde(default = "ninety")]
    pub reduced_below_percent: u32,
    /// From this day a patient without a dose-limiting toxicity counts as complete although the window is open.
    #[serde(default)]
    pub evaluable_from_day: Option<u32>,
    /// CTCAE version of every grade.
    pub ctcae: ctcae::Version,
    /// The rules.
    #[serde(default, deserialize_with = "read::rules")]
    pub rules: Rules,
    /// Whether a fraction omitted, reduced or delayed through toxicity is itself dose-limiting (false).
    #[serde(default)]
    pub fraction_changed_by_toxicity: bool,
    /// Day of the lowest counts after the last fraction, as known or assumed; `check` holds the window against it.
    #[serde(default)]
    pub nadir_day: Option<u32>,
    /// Days from the nadir to recovery, as known or assumed.
    #[serde(default)]
    pub recovery_days: Option<u32>,
    /// Median progression-free survival in days, as known or assumed; `check` estimates who will not complete the window.
    #[serde(default)]
    pub median_pfs_days: Option<u32>,
    /// Counts that must be taken, and how often.
    #[serde(default)]
    pub counts: MandatoryCounts,
    /// Days after support during which a count does not show recovery.
    #[serde(default)]
    pub support: SupportDays,
}

/// Counts that must not be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MandatoryCounts {
    /// First day (28).
    pub from_day: u32,
    /// Last day (70).
    pub to_day: u32,
    /// Longest allowed time between two counts, days (7, with two days' grace: 9).
    pub every_days: u32,
}

impl Default for MandatoryCounts {
    fn default() -> Self {
        Self { from_day: 28, to_day: 70, every_days: 9 }
    }
}

/// Days after support during which a count does not show recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SupportDays {
    /// After a platelet transfusion (7).
    pub platelet_transfusion: u32,
    /// After a red-cell transfusion (7).
    pub red_cell_transfusion: u32,
    /// After a growth factor (14).
    pub growth_factor: u32,
}

impl Default for SupportDays {
    fn default() -> Self {
        Self { platelet_transfusion: 7, red_cell_transfusion: 7, growth_factor: 14 }
    }
}

/// Who can be evaluated for dose-limiting toxicity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Evaluability {
    /// Least share of the prescribed activity that must have been given, percent (75), unless toxicity was the reason.
    #[schemars(schema_with = "schema::decimal")]
    pub minimum_percent: Decimal,
    /// Whether patients who cannot be evaluated are replaced (true).
    pub replace: bool,
    /// Who judges it: someone other than the person who decides on replacement.
    pub adjudicator: Option<String>,
}

impl Default for Evaluability {
    fn default() -> Self {
        Self { minimum_percent: Decimal::from(75), replace: true, adjudicator: None }
    }
}

/// Holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Stopping {
    /// The holds.
    pub hold: Vec<Hold>,
}

/// A hold: it overrides any advice to escalate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hold {
    /// Id.
    pub id: String,
    /// What triggers it.
    pub when: HoldTrigger,
    /// How many patients must meet the trigger (1).
    #[serde(default = "one")]
    pub patients: u32,
    /// Where it applies.
    pub scope: HoldScope,
    /// What happens.
    pub action: HoldAction,
    /// Days within which the committee meets, where the action is to meet.
    #[serde(default)]
    pub within_days: Option<u32>,
    /// Who lifts it.
    pub lifted_by: String,
}

/// What triggers a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldTrigger {
    /// A death not recorded as unrelated to treatment.
    RelatedDeath,
    /// A grade 4 neutrophil or platelet count that has not recovered at the cut.
    UnrecoveredGrade4Cytopenia,
    /// Stem cells were returned.
    StemCellRescue,
    /// A bleed of grade 3 or worse.
    Grade3Bleed,
}

impl HoldTrigger {
    /// The trigger in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::RelatedDeath => "death not recorded as unrelated to treatment",
            Self::UnrecoveredGrade4Cytopenia => {
                "grade 4 platelet or neutrophil count not recovered at the cut"
            }
            Self::StemCellRescue => "stem-cell rescue",
            Self::Grade3Bleed => "bleed of grade 3 or worse",
        }
    }
}

impl Hold {
    /// What the protocol says of it, in one clause: how many patients with what, and what happens then.
    #[must_use]
    pub fn words(&self) -> String {
        let patients = match self.patients.max(1) {
            1 => "1 patient".to_owned(),
            more => format!("{more} patients"),
        };
        let scope = match self.scope {
            HoldScope::Level => "at the level",
            HoldScope::Trial => "in the trial",
            HoldScope::Programme => "in all trials of the product",
        };
        let action = match (self.action, self.within_days) {
            (HoldAction::Hold, _) => format!("enrolment {scope} stops"),
            (HoldAction::Notify, _) => format!("those named are told, {scope}"),
            (HoldAction::Meet, Some(days)) => format!("the committee meets within {days} days"),
            (HoldAction::Meet, None) => "the committee meets".to_owned(),
        };
        format!("{patients} with {}: {action}", self.when.words())
    }
}

/// Where a hold applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldScope {
    /// The level at which it arose.
    Level,
    /// The trial.
    Trial,
    /// All trials of the product.
    Programme,
}

/// What a hold does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldAction {
    /// Enrolment stops.
    Hold,
    /// Those named are told.
    Notify,
    /// The committee meets.
    Meet,
}

/// Response criteria of the trial: the set, and the points that it leaves open.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Response {
    /// The criteria with their open points (IMWG 2016, each point at its default).
    pub criteria: posology_clinic::response::Settings,
}

impl Response {
    /// The criteria, where they are those of myeloma and categories are computed from marker values.
    #[must_use]
    pub fn imwg(&self) -> Option<&imwg::Settings> {
        match &self.criteria {
            posology_clinic::response::Settings::Imwg(settings) => Some(settings),
            _ => None,
        }
    }
}

impl Default for Response {
    fn default() -> Self {
        let settings = imwg::Settings::new(imwg::Edition::Imwg2016);
        Self { criteria: posology_clinic::response::Settings::Imwg(settings) }
    }
}

impl<'de> Deserialize<'de> for Response {
    /// The key `criteria` says which settings the table has.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use posology_clinic::response::{CriteriaSet, Settings, UnknownCriteria};
        use serde::de::Error;
        let mut table = toml::Table::deserialize(deserializer)?;
        let Some(named) = table.get("criteria") else {
            // Perhaps misspelt: then the other key is the fault.
            let settings: imwg::Settings = toml::Value::Table(table).try_into().map_err(D::Error::custom)?;
            return Ok(Self { criteria: Settings::Imwg(settings) });
        };
        let named = named.as_str().map_or_else(|| named.to_string(), str::to_owned);
        let set: CriteriaSet = named.parse().map_err(|bad: UnknownCriteria| D::Error::custom(bad))?;
        table.insert("criteria".to_owned(), set.id().into());
        let table = toml::Value::Table(table);
        let criteria = match set {
            CriteriaSet::Imwg2006 | CriteriaSet::Imwg2011 | CriteriaSet::Imwg2016 => {
                table.try_into().map(Settings::Imwg)
            }
            CriteriaSet::Iwcll2018 => table.try_into().map(Settings::Iwcll),
            CriteriaSet::Iwwm6 | CriteriaSet::Iwwm11 => table.try_into().map(Settings::Iwwm),
            CriteriaSet::Inrc2017 => table.try_into().map(Settings::Inrc),
            CriteriaSet::Lugano2014 | CriteriaSet::Lyric => table.try_into().map(Settings::Lugano),
            CriteriaSet::RanoHgg | CriteriaSet::Rano2 | CriteriaSet::RapnoHgg => {
                table.try_into().map(Settings::Rano)
            }
            CriteriaSet::Recist11 | CriteriaSet::Irecist => table.try_into().map(Settings::Recist),
        };
        Ok(Self { criteria: criteria.map_err(D::Error::custom)? })
    }
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Endpoint {
    /// Id.
    pub id: String,
    /// Definition in words.
    pub definition: String,
    /// Whether it is primary (false).
    #[serde(default)]
    pub primary: bool,
}

/// Dose-response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DoseResponse {
    /// The test named in advance, in words, such as `Cochran-Armitage on the ORR, one-sided at 5%`. Without it every
    /// p value for a trend is exploratory.
    pub named_test: Option<String>,
}

/// Who stands in a rate's denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Population {
    /// At least one fraction given.
    Treated,
    /// At least one fraction, a measurable baseline, and an assessment afterwards or early progression or death.
    ResponseEvaluable,
    /// Evaluable for dose-limiting toxicity.
    DltEvaluable,
}

/// A percentage that may be printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RateDefinition {
    /// Id, such as `ORR`.
    pub id: String,
    /// Name in words.
    pub name: String,
    /// The least category that counts as a success.
    pub at_least: Category,
    /// Another least category under some criteria, such as `{ "iwwm-11" = "MR" }`: in macroglobulinaemia the overall
    /// response begins with minimal response.
    #[serde(default)]
    pub at_least_by: BTreeMap<String, Category>,
    /// Denominator.
    pub population: Population,
    /// Least day on which stable disease counts, where `at-least` is SD.
    #[serde(default)]
    pub minimum_days: Option<u32>,
}

/// ORR, CBR and DCR as imwg.md section 8 and K16 define them.
fn default_rates() -> Vec<RateDefinition> {
    let rate = |id: &str, name: &str, at_least| RateDefinition {
        id: id.to_owned(),
        name: name.to_owned(),
        at_least,
        at_least_by: BTreeMap::new(),
        population: Population::ResponseEvaluable,
        minimum_days: (at_least == Category::Stable).then_some(42),
    };
    vec![
        rate("ORR", "Overall response rate (partial response or better)", Category::Partial),
        rate("CBR", "Clinical benefit rate (minimal response or better)", Category::Minimal),
        rate("DCR", "Disease control rate (stable disease or better)", Category::Stable),
    ]
}

/// The independent Data Monitoring Committee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Committee {
    /// Name.
    pub name: String,
    /// Members.
    #[serde(default)]
    pub member: Vec<Member>,
    /// Members who must be present.
    pub quorum: u32,
    /// Roles that must be present.
    #[serde(default)]
    pub quorum_roles: Vec<String>,
    /// How it votes.
    pub voting: Voting,
    /// Whether abstentions count among those voting (false).
    #[serde(default)]
    pub abstentions_count: bool,
    /// Whether the chair's vote decides a tie (false).
    #[serde(default)]
    pub chair_casts: bool,
    /// Whether a member who did not sit may vote in writing after the meeting (false).
    #[serde(default)]
    pub written_votes: bool,
}

/// A committee member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Member {
    /// Name, or the role where names are not public.
    pub name: String,
    /// User name in the record; without it the printed name of a person tells who it is.
    #[serde(default)]
    pub user: Option<String>,
    /// Discipline or role; `Chair` and `Deputy chair` lead.
    pub role: String,
    /// Whether the member votes (true).
    #[serde(default = "yes")]
    pub votes: bool,
}

/// How the committee votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Voting {
    /// More than half of those voting.
    Majority,
    /// Two thirds of those voting.
    TwoThirds,
    /// All of those voting.
    Unanimous,
}

/// Caps on enrolment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Caps {
    /// Most patients in the trial.
    pub total: Option<u32>,
    /// Most patients at one regimen.
    pub per_regimen: Option<u32>,
}

/// Enrolment: places kept, time between patients, approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EnrolmentRules {
    /// Least days between the first fractions of consecutive patients of a cohort (0: none asked).
    pub stagger_days: u32,
    /// Days for which a confirmed place is kept (14).
    pub slot_days: u32,
    /// Approvals of a protocol version that a site needs before it works under it; by default the ethics committee's
    /// and, where the product is radioactive, radiation safety's.
    pub approvals: Option<Vec<ApprovalBy>>,
}

/// Entry of data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EntryRules {
    /// Kinds of event whose measured values are typed twice where they are typed into a form, such as `assay` (none).
    pub double: Vec<String>,
}

impl Default for EnrolmentRules {
    fn default() -> Self {
        Self { stagger_days: 0, slot_days: 14, approvals: None }
    }
}

impl Protocol {
    /// The approvals of this version that a site needs.
    #[must_use]
    pub fn approvals_required(&self) -> Vec<ApprovalBy> {
        if let Some(approvals) = &self.enrolment.approvals {
            return approvals.clone();
        }
        let radioactive = self.product.as_ref().is_some_and(|product| product.radionuclide.is_some());
        let mut approvals = vec![ApprovalBy::EthicsCommittee];
        if radioactive {
            approvals.push(ApprovalBy::RadiationSafety);
        }
        approvals
    }
}

/// Something assumed, with the setting it stands behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Assumption {
    /// The setting, such as `dlt.window-days`.
    pub key: String,
    /// What is assumed, and why.
    pub text: String,
}

fn ninety() -> u32 {
    90
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

impl Regimen {
    /// The label for people: the one given, or built as `37.5 mCi/m2 in 2`.
    #[must_use]
    pub fn title(&self) -> String {
        if let Some(label) = &self.label {
            return label.clone();
        }
        match (self.total_per_area(), self.required().count()) {
            (Some(total), 1) => format!("{total} x1"),
            (Some(total), n) => format!("{total} in {n}"),
            (None, _) => self.id.clone(),
        }
    }

    /// The total prescribed activity per area: as stated, else the sum of the fractions where all state theirs.
    #[must_use]
    pub fn total_per_area(&self) -> Option<ActivityPerArea> {
        self.total.or_else(|| self.sum_of_fractions())
    }

    /// The fractions that are not optional.
    pub fn required(&self) -> impl Iterator<Item = &Fraction> {
        self.fraction.iter().filter(|fraction| !fraction.optional)
    }

    /// The sum of the fractions that are not optional, in the unit of the first; none where one states no activity.
    fn sum_of_fractions(&self) -> Option<ActivityPerArea> {
        let mut parts = self.required().map(|fraction| fraction.activity);
        let first = parts.next()??;
        parts.try_fold(first, |sum, part| {
            let sum = ActivityPerArea::from_mbq_per_m2(sum.mbq_per_m2() + part?.mbq_per_m2());
            Some(sum.ok()?.show_in(first.shown_in()))
        })
    }

    /// Study day of the last planned fraction that is not optional.
    #[must_use]
    pub fn last_day(&self) -> Option<i32> {
        self.required().map(|fraction| fraction.day).max()
    }
}

impl Protocol {
    /// Whether a treatment as recorded is the product under study; without a product in the protocol, all are.
    #[must_use]
    pub fn is_product(&self, treatment: &str) -> bool {
        self.product.as_ref().is_none_or(|product| {
            std::iter::once(&product.name)
                .chain(&product.also)
                .any(|name| name.eq_ignore_ascii_case(treatment.trim()))
        })
    }

    /// The regimen of an id.
    #[must_use]
    pub fn regimen(&self, id: &str) -> Option<&Regimen> {
        self.regimen.iter().find(|regimen| regimen.id == id)
    }

    /// The cohort of an id.
    #[must_use]
    pub fn cohort(&self, id: &str) -> Option<&Cohort> {
        self.cohort.iter().find(|cohort| cohort.id == id)
    }

    /// The place of a regimen on the ladder, from 1.
    #[must_use]
    pub fn level_of(&self, regimen: &str) -> Option<usize> {
        self.regimen.iter().position(|r| r.id == regimen).map(|index| index + 1)
    }
}
