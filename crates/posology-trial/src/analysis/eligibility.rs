//! What numbers say of the criteria of eligibility: the arithmetic beside the investigator's judgement.

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::laboratory::{Analyte, Qualifier, convert};
use rust_decimal::Decimal;

use super::exposure::days_between;
use crate::event::{Characteristic, Laboratory, Subject, Support, SupportKind};
use crate::protocol::{EligibilityCriterion, LaboratoryLimit, Limits, Protocol};
use crate::state::Patient;

/// Multiples of the laboratory's upper limit of normal, as a unit of limits.
pub const TIMES_UPPER_LIMIT: &str = "x ULN";

/// What is known of a subject on whom eligibility is judged.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// Demographics.
    pub subject: Option<&'a Subject>,
    /// Characteristics, in order of recording.
    pub characteristics: Vec<&'a Characteristic>,
    /// Laboratory results.
    pub laboratory: Vec<&'a Laboratory>,
    /// Transfusions and growth factors.
    pub support: Vec<&'a Support>,
}

impl<'a> From<&'a Patient> for Known<'a> {
    fn from(patient: &'a Patient) -> Self {
        Self {
            subject: Some(&patient.subject),
            characteristics: patient.characteristics.iter().collect(),
            laboratory: patient.laboratory.iter().collect(),
            support: patient.support.iter().collect(),
        }
    }
}

/// What numbers say of one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriterionFinding {
    /// Id of the criterion.
    pub id: String,
    /// The criterion in words.
    pub text: String,
    /// Whether it concerns the subject; `None` where that depends on an age that is not known.
    pub concerns: Option<bool>,
    /// Whether the numbers meet it; `None` where none decides it, or the number is missing.
    pub met: Option<bool>,
    /// Why.
    pub because: Because,
}

/// What numbers say of each criterion of a protocol version, on the day of the judgement.
#[must_use]
pub fn findings(protocol: &Protocol, known: &Known<'_>, on: Date) -> Vec<CriterionFinding> {
    protocol.eligibility.iter().map(|criterion| finding(criterion, known, on)).collect()
}

fn finding(criterion: &EligibilityCriterion, known: &Known<'_>, on: Date) -> CriterionFinding {
    let age = known.subject.and_then(|subject| subject.age_years);
    let rule = format!("eligibility/{}", criterion.id);
    let source = format!("protocol, eligibility \"{}\"", criterion.id);
    let found = |concerns: Option<bool>, met: Option<bool>, says: String| CriterionFinding {
        id: criterion.id.clone(),
        text: criterion.text.clone(),
        concerns,
        met,
        because: Because::new(rule.clone(), says).source(source.clone()),
    };
    let (from, below) = (criterion.from_age_years, criterion.below_age_years);
    if from.is_some() || below.is_some() {
        let Some(age) = age else {
            return found(None, None, "it depends on the age, which is not recorded".to_owned());
        };
        if from.is_some_and(|from| age < from) || below.is_some_and(|below| age >= below) {
            return found(
                Some(false),
                None,
                format!("it does not concern an age of {} years", age.normalize()),
            );
        }
    }
    let mut met = None;
    let mut says = Vec::new();
    let mut take = |one: (Option<bool>, String)| {
        met = match (met, one.0) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (None, first) if says.is_empty() => first,
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        says.push(one.1);
    };
    if let Some(limits) = &criterion.age {
        take(within(limits, age, "age", "years"));
    }
    if let Some(limit) = &criterion.characteristic {
        let recorded = known.characteristics.iter().rev();
        let value = recorded.into_iter().find(|one| one.name.eq_ignore_ascii_case(&limit.name));
        let number = value.and_then(|one| one.value.trim().parse().ok());
        take(within(&limit.limits, number, &limit.name, ""));
    }
    if let Some(limit) = &criterion.laboratory {
        take(laboratory(limit, known, on));
    }
    if says.is_empty() {
        return found(
            Some(true),
            None,
            "no number decides it: it is the investigator's judgement".to_owned(),
        );
    }
    found(Some(true), met, says.join("; "))
}

fn within(limits: &Limits, value: Option<Decimal>, what: &str, unit: &str) -> (Option<bool>, String) {
    match value {
        None => (None, format!("{what} is not recorded as a number; asked is {}", limits.words())),
        Some(value) => {
            let holds = limits.hold(value);
            let verb = if holds { "is" } else { "is not" };
            let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
            (Some(holds), format!("{what} {}{unit} {verb} {}", value.normalize(), limits.words()))
        }
    }
}

/// The last sample in time before the judgement against the limits, exactly.
fn laboratory(limit: &LaboratoryLimit, known: &Known<'_>, on: Date) -> (Option<bool>, String) {
    let name = limit.analyte.name();
    let asked = format!("{} {}", limit.limits.words(), limit.unit);
    let in_time = |date: Date| {
        days_between(date, on)
            .is_some_and(|days| (0..=i64::from(limit.within_days)).contains(&i64::from(days)))
    };
    let mut samples: Vec<(Date, &Laboratory)> = known
        .laboratory
        .iter()
        .filter(|result| result.analyte == Some(limit.analyte))
        .filter_map(|result| Some((result.at.as_ref()?.date()?, *result)))
        .filter(|(date, _)| in_time(*date))
        .collect();
    samples.sort_by_key(|(date, _)| *date);
    let Some((date, sample)) = samples.last() else {
        let days = limit.within_days;
        return (None, format!("no {name} within {days} days before {on}; asked is {asked}"));
    };
    let text = format!("{} {}", sample.result.as_deref().unwrap_or(""), sample.unit.as_deref().unwrap_or(""));
    let measured = match text.parse::<posology_clinic::laboratory::Measured>() {
        Ok(measured) if measured.qualifier == Qualifier::Exact => measured,
        _ => {
            return (
                None,
                format!("{name} of {date} is {:?}, no plain number; asked is {asked}", text.trim()),
            );
        }
    };
    if let Some(days) = limit.days_since_transfusion
        && let Some(transfused) = transfused_before(limit.analyte, known, *date, days)
    {
        return (
            None,
            format!("{name} of {date} is less than {days} days after the transfusion of {transfused}"),
        );
    }
    let compared = if limit.unit.eq_ignore_ascii_case(TIMES_UPPER_LIMIT) {
        // value < k x ULN, both in the unit of the laboratory.
        sample.upper_limit.map(|upper| limit.limits.scaled(upper).map(|limits| limits.hold(measured.value)))
    } else {
        let canonical = |value: Decimal, unit: &str| {
            convert(limit.analyte, value, unit).ok().map(|quantity| quantity.value)
        };
        canonical(measured.value, &measured.unit)
            .map(|value| limit.limits.map(|one| canonical(one, &limit.unit)).map(|limits| limits.hold(value)))
    };
    match compared.flatten() {
        Some(true) => (Some(true), format!("{name} {measured} of {date} is {asked}")),
        Some(false) => (Some(false), format!("{name} {measured} of {date} is not {asked}")),
        None => (None, format!("{name} {measured} of {date} cannot be compared with {asked}")),
    }
}

fn transfused_before(analyte: Analyte, known: &Known<'_>, sample: Date, days: u32) -> Option<Date> {
    let kind = match analyte {
        Analyte::Platelets => SupportKind::PlateletTransfusion,
        Analyte::Haemoglobin => SupportKind::RedCellTransfusion,
        _ => return None,
    };
    let given = known.support.iter().filter(|support| support.kind == kind).map(|s| s.at.latest_date());
    given
        .filter(|date| {
            days_between(*date, sample).is_some_and(|gap| gap >= 0 && i64::from(gap) < i64::from(days))
        })
        .max()
}

impl Limits {
    fn map(&self, each: impl Fn(Decimal) -> Option<Decimal>) -> Option<Self> {
        let one = |limit: Option<Decimal>| match limit {
            None => Some(None),
            Some(limit) => each(limit).map(Some),
        };
        Some(Self {
            at_least: one(self.at_least)?,
            above: one(self.above)?,
            at_most: one(self.at_most)?,
            below: one(self.below)?,
        })
    }

    fn scaled(&self, by: Decimal) -> Option<Self> {
        self.map(|limit| limit.checked_mul(by))
    }
}
