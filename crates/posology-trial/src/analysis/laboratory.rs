//! One patient's laboratory values over time, each beside the CTCAE bands of the protocol's version.
//!
//! Start at [`LaboratoryCourse::of`]. It reads the values that the tables read and grades them as they are graded there.
//! Left out: durations below a bound and recovery ([`super::toxicity::Kinetics`]).

use jiff::civil::Date;
use posology_clinic::ctcae::{self, Band, Circumstances, Direction, Version};
use posology_clinic::laboratory::{Analyte, Qualifier};
use rust_decimal::Decimal;
use serde::Serialize;

use super::exposure::days_between;
use super::patient::PatientAnalysis;
use super::toxicity::{Sample, samples};
use crate::protocol::Protocol;

/// Analytes in the order in which they are shown: blood counts first.
const ORDER: [Analyte; 4] =
    [Analyte::Platelets, Analyte::Neutrophils, Analyte::Haemoglobin, Analyte::Leukocytes];

/// One analyte of one patient over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LaboratoryCourse {
    /// The analyte.
    pub analyte: Analyte,
    /// Unit of all values and cuts.
    pub unit: &'static str,
    /// Version of CTCAE; `None` where the protocol names none, and then nothing is graded.
    pub ctcae: Option<Version>,
    /// Whether it is a blood count.
    pub is_count: bool,
    /// Values in order of date.
    pub points: Vec<LaboratoryPoint>,
    /// Where each grade begins, by the limits of normal of the last value and by the baseline.
    pub bands: Vec<Band>,
    /// Whether the limits of normal changed, so that an earlier value may have been graded by other cuts than drawn.
    pub limits_changed: bool,
    /// The place in `points` of the nadir, or for an analyte that is only graded when high, of the peak; after baseline.
    pub extreme: Option<usize>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LaboratoryPoint {
    /// Day of the sample.
    pub date: Date,
    /// Days since the first fraction; `None` for a patient without one.
    pub day: Option<i32>,
    /// Value in the canonical unit.
    pub value: Decimal,
    /// As reported.
    pub reported: String,
    /// CTCAE grade, the worst of its terms; `None` where it could not be given.
    pub grade: Option<u8>,
    /// Whether it was taken under transfusion or growth factor.
    pub supported: bool,
}

impl LaboratoryCourse {
    /// What the lowest or highest value is called.
    #[must_use]
    pub fn extreme_name(&self) -> &'static str {
        if self.is_low() { "nadir" } else { "peak" }
    }

    fn is_low(&self) -> bool {
        self.bands.is_empty() || self.bands.iter().any(|band| band.direction == Direction::Low)
    }

    /// The courses of all analytes that CTCAE grades, blood counts first.
    #[must_use]
    pub fn of(protocol: &Protocol, patient: &PatientAnalysis) -> Vec<Self> {
        let all = samples(&patient.facts);
        let mut analytes: Vec<Analyte> = ORDER.to_vec();
        let others = Analyte::ALL.iter().copied().filter(|analyte| !ORDER.contains(analyte));
        analytes.extend(others.filter(|analyte| {
            let corrected = all.iter().any(|sample| sample.value.analyte == Analyte::CorrectedCalcium);
            !(*analyte == Analyte::Calcium && corrected)
                && [Version::V5, Version::V6]
                    .into_iter()
                    .any(|version| !ctcae::terms(version, *analyte).is_empty())
        }));
        analytes.into_iter().filter_map(|analyte| course(protocol, patient, analyte, &all)).collect()
    }
}

fn course(
    protocol: &Protocol,
    patient: &PatientAnalysis,
    analyte: Analyte,
    all: &[Sample],
) -> Option<LaboratoryCourse> {
    let version = protocol.ctcae();
    let first = patient.exposure.first();
    let of: Vec<&Sample> = all.iter().filter(|sample| sample.value.analyte == analyte).collect();
    let last = of.last()?;
    let baseline = of.iter().rposition(|sample| first.is_none_or(|first| sample.date <= first));
    let baseline_value = baseline.and_then(|place| of.get(place)).map(|sample| &sample.value);
    let bands = version.map_or_else(Vec::new, |version| ctcae::bands(version, &last.value, baseline_value));
    let kinetics = patient.kinetics.iter().find(|kinetics| kinetics.analyte == analyte);
    let points: Vec<LaboratoryPoint> = of
        .iter()
        .map(|sample| LaboratoryPoint {
            date: sample.date,
            day: first.and_then(|first| days_between(first, sample.date)),
            value: sample.value.canonical,
            reported: sample.value.measured.to_string(),
            grade: version.and_then(|version| {
                ctcae::grade(version, &sample.value, baseline_value, &Circumstances::default())
                    .iter()
                    .filter_map(ctcae::Graded::grade)
                    .max()
            }),
            supported: kinetics.is_some_and(|kinetics| {
                kinetics.points.iter().any(|point| {
                    point.date == sample.date && point.value == sample.value.canonical && point.supported
                })
            }),
        })
        .collect();
    let limits = |sample: &Sample| (sample.value.lower_limit, sample.value.upper_limit);
    let mut course = LaboratoryCourse {
        analyte,
        unit: analyte.canonical_unit(),
        ctcae: version,
        is_count: ORDER.contains(&analyte),
        limits_changed: of.iter().any(|sample| limits(sample) != limits(last)),
        points,
        bands,
        extreme: None,
    };
    let (is_low, is_high) = (
        course.bands.iter().any(|band| band.direction == Direction::Low),
        course.bands.iter().any(|band| band.direction == Direction::High),
    );
    // What is graded in both directions has neither one nadir nor one peak; of counts the nadir is meant.
    let low = is_low && (course.is_count || !is_high);
    if first.is_some() && (low || (is_high && !is_low)) {
        let beyond = if low { Qualifier::GreaterThan } else { Qualifier::LessThan };
        let after = of.iter().enumerate().filter(|(place, sample)| {
            baseline.is_none_or(|baseline| *place > baseline) && sample.value.measured.qualifier != beyond
        });
        // Of equals the first.
        course.extreme = after
            .min_by(|(_, a), (_, b)| {
                let by = a.value.canonical.cmp(&b.value.canonical);
                if low { by } else { by.reverse() }
            })
            .map(|(place, _)| place);
    }
    Some(course)
}
