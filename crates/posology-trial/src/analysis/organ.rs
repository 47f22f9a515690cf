//! Absorbed doses of organs, as imported: summed over a patient's fractions or courses, and set beside what the blood counts
//! and the kidneys did. Nothing is judged here, and no limit is known.
//!
//! Start at [`OrganTotal::of`]. Only a sum to which every given fraction contributed is called one; a fraction without a value
//! makes it partial, and two values for one fraction, or values of fractions beside one of their course, are not added.
//! Decimals are added exactly, in gray. Left out: dosimetry itself, and the biologically effective dose, which is reported.

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::dlt::study_day;
use posology_clinic::laboratory::Analyte;
use rust_decimal::Decimal;
use serde::Serialize;

use super::exposure::Exposure;
use super::patient::PatientAnalysis;
use super::toxicity::Sample;
use crate::event::OrganAbsorbedDose;

/// One organ of one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrganTotal {
    /// The organ, as first recorded.
    pub organ: String,
    /// Each value, by course and fraction.
    pub values: Vec<OrganAbsorbedDose>,
    /// What they add up to.
    pub sum: OrganSum,
    /// The sum of the biologically effective doses, Gy, where the sum is complete and every value has one.
    pub biologically_effective_gray: Option<Decimal>,
    /// How the values were found, each method once.
    pub methods: Vec<String>,
}

/// What the values of an organ add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum OrganSum {
    /// Every given fraction contributed.
    Complete {
        /// The sum, Gy.
        gray: Decimal,
    },
    /// Some fractions, or courses, have no value.
    Partial {
        /// Of how many there is a value.
        with: u32,
        /// Of how many there should be.
        of: u32,
        /// What is counted: `fractions` or `courses`.
        counted: &'static str,
    },
    /// The values cannot be added.
    NotAdded {
        /// Why.
        because: Because,
    },
}

impl OrganSum {
    /// The sum, Gy, where it is one.
    #[must_use]
    pub fn gray(&self) -> Option<Decimal> {
        match self {
            Self::Complete { gray } => Some(*gray),
            _ => None,
        }
    }

    /// Why it is no sum, in words; none where it is.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        match self {
            Self::Complete { .. } => None,
            Self::Partial { with, of, counted } => Some(format!("partial: {with} of {of} {counted}")),
            Self::NotAdded { because } => Some(format!("not added: {}", because.says)),
        }
    }
}

impl OrganTotal {
    /// The organs of a patient, in the order of the alphabet.
    ///
    /// ```
    /// use posology_trial::analysis::organ::{OrganSum, OrganTotal};
    /// use posology_trial::event::OrganAbsorbedDose;
    /// let value = |fraction: u32, absorbed_dose: &str| -> OrganAbsorbedDose {
    ///     serde_json::from_value(serde_json::json!({
    ///         "subject": "P", "organ": "kidney", "absorbed-dose": absorbed_dose, "fraction": fraction, "method": "planar"
    ///     }))
    ///     .unwrap()
    /// };
    /// let both = OrganTotal::of(&[value(1, "2.05 Gy"), value(2, "1950 mGy")], &[1, 2]);
    /// assert_eq!(both[0].sum.gray().map(|gray| gray.normalize().to_string()).as_deref(), Some("4"));
    /// let one = OrganTotal::of(&[value(1, "2.05 Gy")], &[1, 2]);
    /// assert_eq!(one[0].sum.missing().as_deref(), Some("partial: 1 of 2 fractions"));
    /// ```
    #[must_use]
    pub fn of(values: &[OrganAbsorbedDose], given: &[u32]) -> Vec<Self> {
        let mut organs: Vec<(String, Vec<OrganAbsorbedDose>)> = Vec::new();
        for value in values {
            let key = value.organ.trim().to_lowercase();
            match organs.iter_mut().find(|(known, _)| *known == key) {
                Some((_, values)) => values.push(value.clone()),
                None => organs.push((key, vec![value.clone()])),
            }
        }
        organs.sort_by(|a, b| a.0.cmp(&b.0));
        organs.into_iter().map(|(_, values)| Self::of_organ(values, given)).collect()
    }

    pub(crate) fn derive(values: &[OrganAbsorbedDose], exposure: &Exposure) -> Vec<Self> {
        let given = exposure.fractions.iter().filter(|fraction| fraction.given.is_some());
        Self::of(values, &given.map(|fraction| fraction.number).collect::<Vec<_>>())
    }

    fn of_organ(mut values: Vec<OrganAbsorbedDose>, given: &[u32]) -> Self {
        values.sort_by_key(|value| (value.course, value.fraction));
        let sum = add(&values, given);
        let effective: Option<Vec<Decimal>> =
            values.iter().map(|value| Some(value.biologically_effective_dose?.gray())).collect();
        let mut methods: Vec<String> = Vec::new();
        for value in &values {
            if !methods.contains(&value.method) {
                methods.push(value.method.clone());
            }
        }
        Self {
            organ: values.first().map(|value| value.organ.trim().to_owned()).unwrap_or_default(),
            biologically_effective_gray: sum.gray().and_then(|_| total(effective?)),
            sum,
            values,
            methods,
        }
    }
}

fn total(values: impl IntoIterator<Item = Decimal>) -> Option<Decimal> {
    values.into_iter().try_fold(Decimal::ZERO, Decimal::checked_add)
}

fn not_added(says: String) -> OrganSum {
    let because = Because::new("organ/not-added", says);
    OrganSum::NotAdded { because }
}

fn add(values: &[OrganAbsorbedDose], given: &[u32]) -> OrganSum {
    let of_fractions = values.iter().filter(|value| value.fraction.is_some()).count();
    if of_fractions > 0 && of_fractions < values.len() {
        return not_added("values of fractions stand beside one of a whole course".to_owned());
    }
    // The number that a value belongs to: its fraction, or, where it is of a whole course, that.
    let (counted, belongs): (&'static str, Vec<u32>) = if of_fractions > 0 {
        ("fractions", values.iter().filter_map(|value| value.fraction).collect())
    } else {
        ("courses", values.iter().map(|value| value.course.unwrap_or(1)).collect())
    };
    let one = if of_fractions > 0 { "fraction" } else { "course" };
    if let Some(twice) =
        belongs.iter().find(|number| belongs.iter().filter(|other| other == number).count() > 1)
    {
        return not_added(format!("{one} {twice} has several values"));
    }
    let last = belongs.iter().copied().max().unwrap_or(0);
    let expected: Vec<u32> =
        if of_fractions > 0 { given.to_vec() } else { (1..=last.min(MOST_COURSES)).collect() };
    if let Some(unknown) = belongs.iter().find(|number| !expected.contains(number)) {
        return not_added(format!("{one} {unknown} has a value and was not given"));
    }
    let count = |numbers: &[u32]| u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    if belongs.len() < expected.len() {
        return OrganSum::Partial { with: count(&belongs), of: count(&expected), counted };
    }
    match total(values.iter().map(|value| value.absorbed_dose.gray())) {
        Some(gray) => OrganSum::Complete { gray },
        None => not_added("their sum has more digits than a decimal".to_owned()),
    }
}

/// More courses than anyone was given.
const MOST_COURSES: u32 = 20;

/// Names under which an organ is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownOrgan {
    /// The bone marrow.
    Marrow,
    /// The kidneys, taken together.
    Kidney,
}

impl KnownOrgan {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Marrow => &["marrow", "bone marrow", "red marrow"],
            Self::Kidney => &["kidney", "kidneys"],
        }
    }

    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Marrow => "marrow",
            Self::Kidney => "kidney",
        }
    }
}

impl PatientAnalysis {
    /// The sum of an organ, Gy.
    ///
    /// # Errors
    /// Why there is none, as a clause: no value, or values that make no sum.
    pub fn organ_gray(&self, organ: KnownOrgan) -> Result<Decimal, String> {
        let is =
            |total: &&OrganTotal| organ.names().iter().any(|name| total.organ.eq_ignore_ascii_case(name));
        let mut found = self.organs.iter().filter(is);
        match (found.next(), found.next()) {
            (None, _) => Err(format!("no absorbed dose of the {}", organ.word())),
            (Some(_), Some(_)) => Err(format!("the {} under several names", organ.word())),
            (Some(total), None) => total
                .sum
                .gray()
                .ok_or_else(|| format!("{} {}", organ.word(), total.sum.missing().unwrap_or_default())),
        }
    }

    /// The lowest platelet count after the first fraction, in 10^9/L, with its study day.
    #[must_use]
    pub fn platelet_nadir(&self) -> Option<(Decimal, i32)> {
        let platelets = self.kinetics.iter().find(|kinetics| kinetics.analyte == Analyte::Platelets)?;
        let nadir = platelets.summary.as_ref()?.nadir.as_ref()?;
        Some((nadir.value, nadir.day))
    }
}

/// How the eGFR of a patient changed: the lowest value after the first fraction against the last before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FiltrationChange {
    /// The last value on or before the day of the first fraction, mL/min/1.73 m2.
    pub baseline: Decimal,
    /// The lowest value after it.
    pub lowest: Decimal,
    /// Study day of the lowest value.
    pub day: i32,
}

impl FiltrationChange {
    /// The change, mL/min/1.73 m2; below zero for a fall.
    #[must_use]
    pub fn change(&self) -> Decimal {
        self.lowest - self.baseline
    }

    /// From a patient's samples; none without a value on both sides of the first fraction.
    pub(crate) fn derive(first: Option<Date>, samples: &[Sample]) -> Option<Self> {
        let first = first?;
        let values = || samples.iter().filter(|sample| sample.value.analyte == Analyte::EstimatedFiltration);
        let baseline = values().filter(|sample| sample.date <= first).max_by_key(|sample| sample.date)?;
        let lowest = values()
            .filter(|sample| sample.date > first)
            .min_by_key(|sample| (sample.value.canonical, sample.date))?;
        Some(Self {
            baseline: baseline.value.canonical,
            lowest: lowest.value.canonical,
            day: study_day(first, lowest.date),
        })
    }
}
