//! What was prescribed and what was given, fraction by fraction.

use std::collections::BTreeSet;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::prescription::{Compared, Gate, percent_of_prescribed, review};
use posology_clinic::quantity::{Activity, ActivityPerArea};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::event::{Administration, Amount, Prescription};
use crate::protocol::{Protocol, Regimen};
use crate::state::Patient;

/// Exposure of one patient.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exposure {
    /// Each fraction of the regimen, and any given beyond it, in order.
    pub fractions: Vec<FractionExposure>,
    /// Body surface area the prescription used, m2.
    pub body_surface_m2: Option<Decimal>,
}

/// A fraction as planned, prescribed and given.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FractionExposure {
    /// Number, from 1.
    pub number: u32,
    /// Whether the regimen leaves it open whether it is given.
    pub optional: bool,
    /// Prescribed activity per area.
    pub per_area: Option<ActivityPerArea>,
    /// Activity as first prescribed, before any directive was revised.
    pub first_prescribed: Option<Activity>,
    /// Prescribed activity.
    pub prescribed: Option<Activity>,
    /// Day it was planned for.
    pub planned: Option<Date>,
    /// Day it was given; `None` where it was not.
    pub given: Option<Date>,
    /// Net administered activity.
    pub net: Option<Activity>,
    /// Days after the planned day.
    pub delay_days: Option<i32>,
    /// Why it was changed, delayed or not given, as recorded.
    pub reason: Option<String>,
    /// Whether that reason was toxicity.
    pub through_toxicity: Option<bool>,
    /// Flags for review: they name a gate, they declare nothing.
    pub flags: Vec<Because>,
}

impl FractionExposure {
    /// Whether it is, or was, to be given: every fraction but an optional one that nobody prescribed or gave.
    #[must_use]
    pub fn is_meant(&self) -> bool {
        !self.optional || self.prescribed.is_some() || self.given.is_some()
    }

    /// Whether it was not given, for a recorded reason; without one it is awaited.
    #[must_use]
    pub fn is_omitted(&self) -> bool {
        self.given.is_none() && self.reason.is_some()
    }

    /// Whether less than so many percent of what was first prescribed was given.
    #[must_use]
    pub fn is_reduced(&self, below_percent: u32) -> bool {
        self.given.is_some()
            && self
                .percent_of_first_prescribed()
                .is_some_and(|percent| percent < Decimal::from(below_percent))
    }

    /// Net administered against prescribed activity, in percent.
    #[must_use]
    pub fn percent(&self) -> Option<Decimal> {
        percent_of_prescribed(self.net?, self.prescribed?)
    }

    /// Net administered against first prescribed activity, in percent.
    #[must_use]
    pub fn percent_of_first_prescribed(&self) -> Option<Decimal> {
        percent_of_prescribed(self.net?, self.first_prescribed?)
    }
}

impl Exposure {
    /// Derives it from what was recorded.
    #[must_use]
    pub fn derive(protocol: &Protocol, regimen: Option<&Regimen>, patient: &Patient) -> Self {
        let mut given: Vec<&Administration> = patient
            .administrations
            .iter()
            .filter(|administration| protocol.is_product(&administration.treatment))
            .collect();
        given.sort_by_key(|administration| {
            (administration.start.earliest_date(), administration.start.instant(), administration.fraction)
        });
        let first = given.first().map(|administration| administration.start.latest_date());
        let planned = u32::try_from(regimen.map_or(0, |regimen| regimen.fraction.len())).unwrap_or(0);
        let numbered = number(patient, &given);
        let last = (numbered.iter().map(|(number, _)| *number))
            .chain(patient.prescriptions.iter().map(|prescription| prescription.fraction))
            .chain(patient.omitted.iter().map(|omitted| omitted.fraction))
            .filter(|number| FRACTIONS.contains(number))
            .max()
            .unwrap_or(0)
            .max(planned);
        let fractions = (1..=last)
            .map(|fraction| {
                let given: Vec<&Administration> = numbered
                    .iter()
                    .filter(|(number, _)| *number == fraction)
                    .map(|(_, given)| *given)
                    .collect();
                derive_fraction(protocol, regimen, patient, fraction, first, &given)
            })
            .collect();
        let body_surface_m2 =
            patient.prescriptions.iter().find_map(|prescription| prescription.body_surface_m2);
        Self { fractions, body_surface_m2 }
    }

    /// Day of the first fraction given.
    #[must_use]
    pub fn first(&self) -> Option<Date> {
        self.fractions.iter().filter_map(|fraction| fraction.given).min()
    }

    /// Day of the last fraction given.
    #[must_use]
    pub fn last(&self) -> Option<Date> {
        self.fractions.iter().filter_map(|fraction| fraction.given).max()
    }

    /// Total administered activity over the fractions given; `None` where one of them has none recorded.
    #[must_use]
    pub fn total_administered(&self) -> Option<Activity> {
        let given: Vec<_> = self.fractions.iter().filter(|fraction| fraction.given.is_some()).collect();
        if given.is_empty() {
            return None;
        }
        total(given.iter().map(|fraction| fraction.net))
    }

    /// Total prescribed activity; `None` where a fraction has none recorded. An optional fraction that was neither
    /// prescribed nor given is none of it.
    #[must_use]
    pub fn total_prescribed(&self) -> Option<Activity> {
        if self.fractions.is_empty() {
            return None;
        }
        total(
            self.fractions.iter().filter(|fraction| fraction.is_meant()).map(|fraction| fraction.prescribed),
        )
    }

    /// Activity administered up to a day, that day included; `None` where one of those fractions has none recorded, or
    /// none was given by then.
    #[must_use]
    pub fn administered_by(&self, day: Date) -> Option<Activity> {
        let given: Vec<_> = self
            .fractions
            .iter()
            .filter(|fraction| fraction.given.is_some_and(|given| given <= day))
            .collect();
        if given.is_empty() {
            return None;
        }
        total(given.iter().map(|fraction| fraction.net))
    }

    /// Total administered against total prescribed activity, percent.
    #[must_use]
    pub fn percent(&self) -> Option<Decimal> {
        percent_of_prescribed(self.total_administered()?, self.total_prescribed()?)
    }

    /// Whether every fraction of the regimen was given.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.fractions.is_empty()
            && self.fractions.iter().all(|fraction| fraction.optional || fraction.given.is_some())
    }
}

/// Numbers a fraction can have; another is a mistyped one and read as not recorded.
const FRACTIONS: std::ops::RangeInclusive<u32> = 1..=100;

/// The fraction of each administration: the number recorded, else the lowest that neither an administration nor
/// an omission has.
fn number<'a>(patient: &Patient, given: &[&'a Administration]) -> Vec<(u32, &'a Administration)> {
    let recorded =
        |administration: &Administration| administration.fraction.filter(|number| FRACTIONS.contains(number));
    let mut taken: BTreeSet<u32> =
        given.iter().filter_map(|administration| recorded(administration)).collect();
    taken.extend(patient.omitted.iter().map(|omitted| omitted.fraction));
    given
        .iter()
        .map(|administration| {
            let number = recorded(administration).unwrap_or_else(|| {
                let free =
                    FRACTIONS.into_iter().find(|number| !taken.contains(number)).unwrap_or(*FRACTIONS.end());
                taken.insert(free);
                free
            });
            (number, *administration)
        })
        .collect()
}

/// The sum, where every part is known.
fn total(parts: impl Iterator<Item = Option<Activity>>) -> Option<Activity> {
    Activity::total(parts.collect::<Option<Vec<_>>>()?).ok()
}

/// Treatments given in an activity that are not the product, such as a tracer: shown apart, never a fraction.
pub(super) fn other_activities(protocol: &Protocol, patient: &Patient) -> BTreeSet<String> {
    patient
        .administrations
        .iter()
        .filter(|administration| matches!(administration.amount, Some(Amount::Activity(_))))
        .filter(|administration| !protocol.is_product(&administration.treatment))
        .map(|administration| administration.treatment.clone())
        .collect()
}

/// The activity of a prescription: as recorded, else the activity per area times the body surface recorded with it.
fn prescribed_activity(prescription: &Prescription) -> Option<Activity> {
    prescription.activity.or_else(|| {
        let mbq = prescription.per_area?.mbq_per_m2().checked_mul(prescription.body_surface_m2?)?;
        Activity::from_mbq(mbq).ok()
    })
}

fn derive_fraction(
    protocol: &Protocol,
    regimen: Option<&Regimen>,
    patient: &Patient,
    number: u32,
    first: Option<Date>,
    administrations: &[&Administration],
) -> FractionExposure {
    let administration = administrations.first().copied();
    let index = number.saturating_sub(1) as usize;
    let plan = regimen.and_then(|regimen| regimen.fraction.get(index));
    let prescriptions =
        || patient.prescriptions.iter().filter(|prescription| prescription.fraction == number);
    let prescription = prescriptions().next_back();
    let omitted = patient.omitted.iter().rev().find(|omitted| omitted.fraction == number);
    let planned = prescription
        .and_then(|prescription| prescription.planned.as_ref()?.date())
        .or_else(|| first?.checked_add(jiff::Span::new().try_days(i64::from(plan?.day) - 1).ok()?).ok());
    let given = administrations.iter().map(|administration| administration.start.latest_date()).max();
    let adjustment = administration
        .and_then(|administration| administration.adjustment.as_ref())
        .or(omitted.map(|omitted| &omitted.adjustment));
    let mut fraction = FractionExposure {
        number,
        optional: plan.is_some_and(|plan| plan.optional),
        per_area: prescription.and_then(|p| p.per_area).or(plan.and_then(|plan| plan.activity)),
        first_prescribed: prescriptions().next().and_then(prescribed_activity),
        prescribed: prescription.and_then(prescribed_activity),
        planned,
        given,
        net: administration.and_then(|_| {
            total(administrations.iter().map(|administration| match administration.amount {
                Some(Amount::Activity(activity)) => Some(activity),
                _ => None,
            }))
        }),
        delay_days: given.zip(planned).and_then(|(given, planned)| days_between(planned, given)),
        reason: adjustment.map(|adjustment| adjustment.reason.clone()),
        through_toxicity: adjustment.and_then(|adjustment| adjustment.toxicity),
        flags: Vec::new(),
    };
    fraction.flags = flags(protocol, &fraction, administrations.len());
    fraction
}

/// The gates of the protocol on one fraction, each a flag for review. Every fraction is taken as a written
/// directive of its own.
fn flags(protocol: &Protocol, fraction: &FractionExposure, administrations: usize) -> Vec<Because> {
    let mut flags = Vec::new();
    if administrations > 1 {
        flags.push(Because::new(
            "gates/several",
            format!(
                "fraction {}: {administrations} administrations are recorded and added up",
                fraction.number
            ),
        ));
    }
    let gates = &protocol.gates;
    if let (Some(delivered), Some(prescribed)) = (fraction.net, fraction.prescribed) {
        let compared = [Compared { prescribed, delivered }];
        flags.extend([Gate::AfterUse, Gate::ProtocolTolerance].into_iter().find_map(|gate| {
            let review = review(gate, &compared, None, &gates.settings()).ok()?;
            let says = format!("fraction {}: {}", fraction.number, review.because.says);
            review.flagged.then_some(Because { says, ..review.because })
        }));
    }
    if let Some(days) = fraction
        .delay_days
        .filter(|days| *days > i32::try_from(gates.delayed_more_than_days).unwrap_or(i32::MAX))
    {
        flags.push(
            Because::new(
                "gates/delay",
                format!("fraction {} was given {days} days after its planned day", fraction.number),
            )
            .source("protocol, gates.delayed-more-than-days"),
        );
    }
    flags
}

/// Days from one day to another; negative where the second is earlier.
#[must_use]
pub fn days_between(from: Date, to: Date) -> Option<i32> {
    from.until((jiff::Unit::Day, to)).ok().map(|span| span.get_days())
}
