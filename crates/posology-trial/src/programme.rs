//! The register of a programme: its products, partners, trials, designations, and what was promised in public.
//!
//! Start at [`Programme::read`]; [`Milestone::stands`] says how a promise stands on a day that is given, and
//! [`Safety::of`] counts over the records of several trials. Pure: files and the day come in. Left out: any forecast.

use jiff::civil::Date;
use posology_clinic::laboratory::Analyte;
use posology_clinic::quantity::Activity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::analysis::Analysis;
use crate::analysis::patient::PatientAnalysis;
use crate::analysis::rates::{Confidence, CountedPopulation, Rate};
use crate::analysis::toxicity::DltStatus;
use crate::protocol::{Assumption, CutComparison, Problems};

/// A programme. Had from [`Programme::read`] everything it names is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Programme {
    /// Whose programme.
    pub programme: Identity,
    /// Products.
    #[serde(default)]
    pub product: Vec<Product>,
    /// Partners.
    #[serde(default)]
    pub partner: Vec<Partner>,
    /// Trials.
    #[serde(default)]
    pub trial: Vec<Trial>,
    /// Designations by regulators.
    #[serde(default)]
    pub designation: Vec<Designation>,
    /// What was promised in public.
    #[serde(default)]
    pub milestone: Vec<Milestone>,
    /// What this file assumes.
    #[serde(default)]
    pub assumption: Vec<Assumption>,
}

/// Whose programme, and as of when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Company.
    pub company: String,
    /// Day by which promises are judged, where none is given.
    #[serde(with = "day")]
    #[schemars(with = "String")]
    pub as_of: Date,
    /// Total administered activity at which patients are parted, such as `60 mCi`; not parted without.
    #[serde(default)]
    pub activity_cut: Option<Activity>,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Product {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// What it is, such as `phospholipid drug conjugate`.
    #[serde(default)]
    pub class: Option<String>,
    /// What it carries.
    #[serde(default)]
    pub payload: Option<String>,
    /// Radionuclide, such as I-131.
    #[serde(default)]
    pub radionuclide: Option<String>,
    /// Id of the partner, if one.
    #[serde(default)]
    pub partner: Option<String>,
    /// Where it stands, such as `clinical` or `research`.
    #[serde(default)]
    pub stage: Option<String>,
}

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Partner {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// What for.
    #[serde(default)]
    pub role: Option<String>,
}

/// A trial of the programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trial {
    /// Id.
    pub id: String,
    /// Product id.
    pub product: String,
    /// Phase.
    pub phase: String,
    /// Indication.
    pub indication: String,
    /// Registry number.
    #[serde(default)]
    pub registry: Option<String>,
    /// Where it stands.
    pub status: TrialStatus,
    /// Folder of its protocol and record, beside this file, where it is run here.
    #[serde(default)]
    pub folder: Option<String>,
}

/// Where a trial stands, as registries say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrialStatus {
    /// Not begun.
    Planned,
    /// Enrolling.
    Recruiting,
    /// Under way, enrolling no more.
    Active,
    /// Over as planned.
    Completed,
    /// Ended early.
    Terminated,
}

/// A designation by a regulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Designation {
    /// Product id.
    pub product: String,
    /// Which.
    pub kind: DesignationKind,
    /// Regulator, such as FDA.
    pub agency: String,
    /// For which disease.
    pub indication: String,
    /// Where it stands.
    pub status: DesignationStatus,
    /// Since when, as precisely as is known: `2018`, `2018-05` or a day.
    #[serde(default)]
    pub date: Option<Period>,
}

/// Kinds of designation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DesignationKind {
    /// Orphan drug (FDA), orphan medicinal product (EMA).
    Orphan,
    /// Rare paediatric disease (FDA).
    RarePaediatricDisease,
    /// Fast track (FDA).
    FastTrack,
    /// Breakthrough therapy (FDA).
    Breakthrough,
    /// Regenerative medicine advanced therapy (FDA).
    Rmat,
    /// Priority medicines (EMA).
    Prime,
    /// Priority review.
    PriorityReview,
}

/// Where a designation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DesignationStatus {
    /// Asked for.
    Requested,
    /// Granted.
    Granted,
    /// Withdrawn.
    Withdrawn,
}

/// Something promised in public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Milestone {
    /// Id.
    pub id: String,
    /// What, in the words of the promise.
    pub what: String,
    /// Trial id, if of one.
    #[serde(default)]
    pub trial: Option<String>,
    /// By when: `2019-Q4`, `2019-H2`, `2019`, `2019-12` or a day. Due on the last day of it.
    pub due: Period,
    /// Who said it, and where.
    pub said: String,
    /// When it was said.
    #[serde(with = "day")]
    #[schemars(with = "String")]
    pub said_on: Date,
    /// What settled it, and when.
    #[serde(default)]
    pub settled: Option<Settled>,
}

/// What settled a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settled {
    /// When.
    #[serde(with = "day")]
    #[schemars(with = "String")]
    pub on: Date,
    /// How.
    pub how: String,
}

/// A day, a month, a quarter, half or whole of a year.
///
/// ```
/// use posology_trial::programme::Period;
/// let quarter: Period = "2019-Q4".parse()?;
/// assert_eq!(quarter.last().to_string(), "2019-12-31");
/// assert!("2019-Q5".parse::<Period>().is_err());
/// # Ok::<(), posology_trial::programme::BadPeriod>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    text: String,
    first: Date,
    last: Date,
}

/// A text that is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a period such as 2019-Q4, 2019-H2, 2019, 2019-12 or 2019-12-31, found {found:?}; mend: write it so"
)]
pub struct BadPeriod {
    /// The text.
    pub found: String,
}

impl Period {
    /// Its first day.
    #[must_use]
    pub fn first(&self) -> Date {
        self.first
    }

    /// Its last day.
    #[must_use]
    pub fn last(&self) -> Date {
        self.last
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        let bad = || BadPeriod { found: text.chars().take(40).collect() };
        let months = |year: i16, from: i8, to: i8| {
            let first = Date::new(year, from, 1).map_err(|_| bad())?;
            let last = Date::new(year, to, 1).map_err(|_| bad())?.last_of_month();
            Ok(Self { text: text.to_owned(), first, last })
        };
        let (year, rest) = text.split_once('-').unwrap_or((text, ""));
        if year.len() != 4 {
            return Err(bad());
        }
        let year: i16 = year.parse().map_err(|_| bad())?;
        match rest {
            "" => months(year, 1, 12),
            "Q1" => months(year, 1, 3),
            "Q2" => months(year, 4, 6),
            "Q3" => months(year, 7, 9),
            "Q4" => months(year, 10, 12),
            "H1" => months(year, 1, 6),
            "H2" => months(year, 7, 12),
            month if month.len() == 2 => {
                let month = month.parse().map_err(|_| bad())?;
                months(year, month, month)
            }
            _ => {
                let day: Date = text.parse().map_err(|_| bad())?;
                Ok(Self { text: text.to_owned(), first: day, last: day })
            }
        }
    }
}

impl TryFrom<String> for Period {
    type Error = BadPeriod;
    fn try_from(text: String) -> Result<Self, BadPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.text
    }
}

impl JsonSchema for Period {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A day, a month, a quarter (2019-Q4), a half (2019-H2) or a whole year",
            "pattern": "^[0-9]{4}(-(Q[1-4]|H[12]|[0-9]{2}(-[0-9]{2})?))?$"
        })
    }
}

/// How a promise stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "stands")]
pub enum Stands {
    /// Not settled, and its last day is still to come.
    #[serde(rename_all = "kebab-case")]
    Due {
        /// Days left.
        days_left: i32,
    },
    /// Settled in time.
    Met,
    /// Settled after its last day.
    #[serde(rename_all = "kebab-case")]
    Late {
        /// Days late.
        days: i32,
    },
    /// Not settled, and its last day has passed.
    #[serde(rename_all = "kebab-case")]
    Missed {
        /// Days since.
        days: i32,
    },
}

impl Stands {
    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        let days = |days: i32| if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        match self {
            Self::Due { days_left } => format!("due, {} left", days(days_left)),
            Self::Met => "met".to_owned(),
            Self::Late { days: late } => format!("met {} late", days(late)),
            Self::Missed { days: since } => format!("missed, {} ago", days(since)),
        }
    }
}

impl Milestone {
    /// How the promise stands on a day. What settled it later is not known on that day.
    #[must_use]
    pub fn stands(&self, as_of: Date) -> Stands {
        let due = self.due.last();
        let between =
            |from: Date, to: Date| crate::analysis::exposure::days_between(from, to).unwrap_or(i32::MAX);
        match self.settled.as_ref().filter(|settled| settled.on <= as_of) {
            Some(settled) if settled.on <= due => Stands::Met,
            Some(settled) => Stands::Late { days: between(due, settled.on) },
            None if as_of <= due => Stands::Due { days_left: between(as_of, due) },
            None => Stands::Missed { days: between(due, as_of) },
        }
    }
}

/// How a programme stands on a day: its register, and what the records of its trials add. Command, page and API show this.
#[derive(Debug, Clone)]
pub struct Status {
    /// Day by which promises are judged.
    pub as_of: Date,
    /// The register.
    pub register: Programme,
    /// Its trials as their records tell them, in the register's order.
    pub records: Vec<TrialRecord>,
    /// How its promises stand, in the register's order.
    pub promises: Vec<Stands>,
    /// Counts over every patient of the trials whose record is at hand; none where no record is.
    pub safety: Option<Safety>,
}

/// What the record of a trial adds to its entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrialRecord {
    /// Whether its patients are invented; none where no record is at hand.
    pub synthetic: Option<bool>,
    /// Patients given at least one fraction.
    pub treated: Option<usize>,
    /// Clinical cut-off of what was read.
    pub cut_off: Option<jiff::Timestamp>,
}

impl Status {
    /// How a programme stands on a day; `analyses` in the order of its trials, none where no record is at hand.
    #[must_use]
    pub fn of(register: Programme, as_of: Date, analyses: &[Option<Analysis>]) -> Self {
        let of_trial = |(place, _): (usize, &Trial)| {
            let analysis = analyses.get(place).and_then(Option::as_ref)?;
            Some(TrialRecord {
                synthetic: Some(analysis.protocol.trial.synthetic),
                treated: Some(analysis.patients.iter().filter(|patient| patient.is_treated()).count()),
                cut_off: Some(analysis.cut.cut_off),
            })
        };
        let records =
            register.trial.iter().enumerate().map(|one| of_trial(one).unwrap_or_default()).collect();
        let promises = register.milestone.iter().map(|milestone| milestone.stands(as_of)).collect();
        let known: Vec<&Analysis> = analyses.iter().flatten().collect();
        let safety = (!known.is_empty()).then(|| Safety::of(&known, register.programme.activity_cut));
        Self { as_of, register, records, promises, safety }
    }

    /// The same with promises judged by another day.
    #[must_use]
    pub fn on(mut self, as_of: Date) -> Self {
        self.promises = self.register.milestone.iter().map(|milestone| milestone.stands(as_of)).collect();
        self.as_of = as_of;
        self
    }

    /// The register's trials, each with what its record adds.
    pub fn trials(&self) -> impl Iterator<Item = (&Trial, &TrialRecord)> {
        self.register.trial.iter().zip(&self.records)
    }

    /// The register's promises, each with how it stands.
    pub fn milestones(&self) -> impl Iterator<Item = (&Milestone, Stands)> {
        self.register.milestone.iter().zip(self.promises.iter().copied())
    }

    /// Whether any patient counted is invented.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        self.records.iter().any(|record| record.synthetic == Some(true))
    }

    /// The same without any count of patients, for those who may not read them.
    #[must_use]
    pub fn without_patients(mut self) -> Self {
        self.safety = None;
        for record in &mut self.records {
            record.treated = None;
        }
        self
    }

    /// The same as JSON.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        let trials = self.trials().map(|(trial, record)| {
            json!({
                "id": trial.id,
                "product": trial.product,
                "phase": trial.phase,
                "indication": trial.indication,
                "registry": trial.registry,
                "status": trial.status,
                "folder": trial.folder,
                "synthetic": record.synthetic,
                "treated": record.treated,
                "cut_off": record.cut_off.map(|cut_off| cut_off.to_string()),
            })
        });
        let milestones = self.milestones().map(|(milestone, stands)| {
            json!({
                "id": milestone.id,
                "what": milestone.what,
                "trial": milestone.trial,
                "due": milestone.due.to_string(),
                "last_day": milestone.due.last().to_string(),
                "said": milestone.said,
                "said_on": milestone.said_on.to_string(),
                "settled": milestone.settled,
                "stands": stands,
                "words": stands.words(),
            })
        });
        let Programme { programme, product, partner, designation, assumption, .. } = &self.register;
        json!({
            "as_of": self.as_of.to_string(),
            "programme": { "name": programme.name, "company": programme.company },
            "products": product,
            "partners": partner,
            "trials": trials.collect::<Vec<_>>(),
            "designations": designation,
            "milestones": milestones.collect::<Vec<_>>(),
            "safety": self.safety,
            "assumptions": assumption,
        })
    }
}

/// The JSON Schema of the register, made from its types; a copy stands in `schemas/programme.schema.json`.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    crate::protocol::schema_of::<Programme>("The register of a programme (programme.toml)")
}

impl Programme {
    /// Reads a register: whole, or every problem with its place.
    ///
    /// # Errors
    /// Text that is not TOML, an unknown key, a value of the wrong kind, an id given twice or one that names nothing.
    pub fn read(text: &str) -> Result<Self, Problems> {
        crate::protocol::read_checked(text, |programme: &Self| programme.faults())
    }

    /// What it names that is not there, as path, found, expected and mend.
    fn faults(&self) -> Vec<[String; 4]> {
        let mut faults = Vec::new();
        let mut unique = |list: &str, ids: Vec<&str>| {
            for (place, id) in ids.iter().enumerate() {
                if ids.iter().take(place).any(|other| other == id) {
                    faults.push([
                        format!("{list}[{place}].id"),
                        format!("{id} a second time"),
                        "an id of its own".to_owned(),
                        "rename one of the two".to_owned(),
                    ]);
                }
            }
        };
        unique("product", self.product.iter().map(|one| one.id.as_str()).collect());
        unique("partner", self.partner.iter().map(|one| one.id.as_str()).collect());
        unique("trial", self.trial.iter().map(|one| one.id.as_str()).collect());
        unique("milestone", self.milestone.iter().map(|one| one.id.as_str()).collect());
        let mut known = |path: String, id: &str, ids: Vec<&str>, what: &str| {
            if !ids.contains(&id) {
                let expected = format!("the id of a {what}: one of {}", ids.join(", "));
                faults.push([
                    path,
                    format!("{id:?}"),
                    expected,
                    format!("name one of them, or add [[{what}]]"),
                ]);
            }
        };
        let products = || self.product.iter().map(|one| one.id.as_str()).collect::<Vec<_>>();
        for (place, trial) in self.trial.iter().enumerate() {
            known(format!("trial[{place}].product"), &trial.product, products(), "product");
        }
        for (place, designation) in self.designation.iter().enumerate() {
            known(format!("designation[{place}].product"), &designation.product, products(), "product");
        }
        for (place, product) in self.product.iter().enumerate() {
            if let Some(partner) = &product.partner {
                let partners = self.partner.iter().map(|one| one.id.as_str()).collect();
                known(format!("product[{place}].partner"), partner, partners, "partner");
            }
        }
        for (place, milestone) in self.milestone.iter().enumerate() {
            if let Some(trial) = &milestone.trial {
                let trials = self.trial.iter().map(|one| one.id.as_str()).collect();
                known(format!("milestone[{place}].trial"), trial, trials, "trial");
            }
        }
        for (place, milestone) in self.milestone.iter().enumerate() {
            if milestone.settled.as_ref().is_some_and(|settled| settled.on < milestone.said_on) {
                faults.push([
                    format!("milestone[{place}].settled"),
                    "a day before it was promised".to_owned(),
                    format!("{} or later", milestone.said_on),
                    "correct one of the two days".to_owned(),
                ]);
            }
        }
        faults
    }
}

/// Safety over all patients ever given the products, from the records of several trials.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Safety {
    /// Groups by total administered activity, and all.
    pub groups: Vec<SafetyGroup>,
    /// Patients with no activity recorded: in all, and in no group by activity.
    pub activity_not_recorded: u32,
    /// What a reader must know of it.
    pub notes: Vec<String>,
}

/// Patients of a group.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SafetyGroup {
    /// The group.
    pub label: String,
    /// Patients given at least one fraction.
    pub treated: u32,
    /// Dose-limiting toxicity, of the evaluable in trials that define it.
    pub dose_limiting: Rate,
    /// Platelets of grade 3 or 4 after the first fraction, of those with a graded count.
    pub platelets: Rate,
    /// Neutrophils of grade 3 or 4.
    pub neutrophils: Rate,
    /// Haemoglobin of grade 3 or 4.
    pub haemoglobin: Rate,
    /// Deaths not recorded as unrelated to treatment, of the treated.
    pub related_deaths: Rate,
}

/// Someone within so much of a cut has it shown both ways, mCi.
const NEAR_MCI: rust_decimal::Decimal = rust_decimal::Decimal::ONE;

impl Safety {
    /// Counts over the analyses of trials, each at its own cut.
    #[must_use]
    pub fn of(trials: &[&Analysis], cut: Option<Activity>) -> Self {
        let patients: Vec<&PatientAnalysis> = trials
            .iter()
            .flat_map(|analysis| &analysis.patients)
            .filter(|patient| patient.is_treated())
            .collect();
        let mut notes = vec![
            "Trials differ in their patients, schedules and definitions: pooled counts describe and compare nothing.".to_owned(),
        ];
        let mut groups = vec![SafetyGroup::of("All", &patients)];
        let given = |patient: &PatientAnalysis| patient.exposure.total_administered();
        if let Some(cut) = cut {
            let near = patients
                .iter()
                .filter_map(|patient| given(patient))
                .filter(|activity| (activity.mci() - cut.mci()).abs() <= NEAR_MCI)
                .count();
            let mut ways = vec![CutComparison::MoreThan];
            if near > 0 {
                ways.push(CutComparison::AtLeast);
                notes.push(format!("{near} within 1 mCi of the cut: both ways of comparing are shown."));
            }
            for way in ways {
                let upper = |activity: Activity| match way {
                    CutComparison::MoreThan => activity > cut,
                    CutComparison::AtLeast => activity >= cut,
                };
                let (below, above) = match way {
                    CutComparison::MoreThan => (format!("At most {cut}"), format!("More than {cut}")),
                    CutComparison::AtLeast => (format!("Less than {cut}"), format!("At least {cut}")),
                };
                let of = |wanted: bool| {
                    patients
                        .iter()
                        .copied()
                        .filter(|patient| given(patient).is_some_and(|activity| upper(activity) == wanted))
                        .collect::<Vec<_>>()
                };
                groups.push(SafetyGroup::of(&below, &of(false)));
                groups.push(SafetyGroup::of(&above, &of(true)));
            }
            notes.push(
                "Total administered activity is known only after baseline: who tolerated more was given more.".to_owned(),
            );
        }
        let unknown = patients.iter().filter(|patient| given(patient).is_none()).count();
        Self { groups, activity_not_recorded: u32::try_from(unknown).unwrap_or(u32::MAX), notes }
    }
}

impl SafetyGroup {
    fn of(label: &str, patients: &[&PatientAnalysis]) -> Self {
        let rate = |id: &str, words: &str, outcomes: Vec<bool>| {
            let population = CountedPopulation { id: "treated".to_owned(), words: words.to_owned() };
            Rate::count(outcomes, id.to_owned(), population, Confidence::NINETY_FIVE)
        };
        let worst = |analyte: Analyte| -> Vec<bool> {
            patients
                .iter()
                .filter_map(|patient| {
                    let kinetics = patient.kinetics.iter().find(|kinetics| kinetics.analyte == analyte)?;
                    let grades =
                        kinetics.points.iter().filter(|point| point.day >= 1).filter_map(|point| point.grade);
                    grades.max().map(|grade| grade >= 3)
                })
                .collect()
        };
        let graded = "patients given at least one fraction, with a graded count after it";
        let evaluable: Vec<bool> = patients
            .iter()
            .filter(|patient| matches!(patient.dlt.status, DltStatus::Dlt | DltStatus::NoDlt))
            .map(|patient| patient.dlt.status == DltStatus::Dlt)
            .collect();
        let deaths = patients
            .iter()
            .map(|patient| {
                patient.facts.death.as_ref().is_some_and(|death| {
                    death.related == Some(true)
                        || (death.related.is_none() && death.by_progression != Some(true))
                })
            })
            .collect();
        Self {
            label: label.to_owned(),
            treated: u32::try_from(patients.len()).unwrap_or(u32::MAX),
            dose_limiting: rate("DLT", "patients evaluable for dose-limiting toxicity", evaluable),
            platelets: rate("platelets of grade 3 or 4", graded, worst(Analyte::Platelets)),
            neutrophils: rate("neutrophils of grade 3 or 4", graded, worst(Analyte::Neutrophils)),
            haemoglobin: rate("haemoglobin of grade 3 or 4", graded, worst(Analyte::Haemoglobin)),
            related_deaths: rate(
                "death not recorded as unrelated",
                "patients given at least one fraction",
                deaths,
            ),
        }
    }
}

/// A day, written in TOML with or without quotation marks.
mod day {
    use jiff::civil::Date;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        crate::protocol::read_date(deserializer)
    }
}
