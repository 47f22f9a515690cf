//! What is retained from all fractions at a release, against the site's limits.

use jiff::Timestamp;
use posology_clinic::nuclide::HalfLife;
use posology_clinic::quantity::Activity;
use rust_decimal::Decimal;
use serde::Serialize;

use super::arithmetic::{Line, retain, shown_activity};
use super::checks::{Check, Judged};
use super::facts::Facts;
use super::gates::SiteRules;
use super::{Sheet, Status, sheet};
use crate::conduct::Conduct;
use crate::event::{PatientRelease, ReleaseBasis};

/// What is in the body at an instant, from all fractions given by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Retained {
    /// The instant.
    pub at: Timestamp,
    /// The effective half-life used, days; `None` where no radionuclide is known either.
    pub effective_half_life_days: Option<Decimal>,
    /// Where it comes from: the release, the protocol, or the physical half-life.
    pub half_life_from: &'static str,
    /// The sum; `None` where a fraction's net administered activity or time is not known, which is not zero.
    pub activity: Option<Activity>,
    /// The arithmetic, line by line.
    pub lines: Vec<Line>,
    /// Why there is no sum.
    pub missing: Option<String>,
}

/// A release, as recorded, against the site's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    /// As recorded.
    pub recorded: PatientRelease,
    /// What was retained.
    pub retained: Retained,
    /// The basis, and whether instructions were due.
    pub checks: Vec<Check>,
}

/// What would be in the body at an instant, for a release that is being considered: from all fractions given by then, with
/// the protocol's effective half-life unless another is named.
///
/// ```
/// use posology_trial::conduct::Conduct;
/// use posology_trial::dosing::retained;
/// let nothing = retained(&Conduct::default(), "01-001", "2026-03-09T12:00:00Z".parse()?, None);
/// assert!(nothing.activity.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn retained(
    conduct: &Conduct,
    subject: &str,
    at: Timestamp,
    effective_half_life_days: Option<Decimal>,
) -> Retained {
    let facts = Facts::gather(conduct, subject, None);
    let half_life = facts.half_life();
    let fractions: Vec<Sheet> =
        facts.fractions().into_iter().map(|fraction| sheet(&facts, fraction, &half_life)).collect();
    retained_of(&facts, &fractions, at, effective_half_life_days)
}

fn retained_of(facts: &Facts<'_>, sheets: &[Sheet], at: Timestamp, named: Option<Decimal>) -> Retained {
    let of_protocol = facts.protocol.and_then(|protocol| protocol.dosing.effective_half_life_days);
    let physical = || facts.half_life().map(HalfLife::days);
    let (days, half_life_from) = match (named, of_protocol) {
        (Some(days), _) => (Ok(days), "named with the release"),
        (None, Some(days)) => (Ok(days), "protocol, dosing.effective-half-life-days"),
        (None, None) => (physical(), "physical half-life, which keeps more than the body does"),
    };
    let mut lines = Vec::new();
    let sum = days.clone().and_then(|days| {
        if days <= Decimal::ZERO {
            return Err(format!("an effective half-life of {days} days"));
        }
        let mut parts = Vec::new();
        for sheet in sheets.iter().filter(|sheet| sheet.status == Status::Given) {
            let number = sheet.fraction;
            let given = sheet.given.as_ref().and_then(|given| given.reference.as_ref());
            let given =
                given.ok_or_else(|| format!("fraction {number}: no time of administration recorded"))?;
            if given.at > at {
                continue;
            }
            let net = sheet.net.ok_or_else(|| {
                format!("fraction {number}: {}", sheet.net_missing.as_deref().unwrap_or("not known"))
            })?;
            let part = retain(&mut lines, number, net, given, at, days);
            parts.push(part.ok_or_else(|| format!("fraction {number}: not computable"))?);
        }
        if parts.is_empty() {
            return Err("no fraction given by then".to_owned());
        }
        let sum = Activity::total(parts).map_err(|error| error.to_string())?;
        lines.push(Line::new(
            "retained in all",
            "the sum of what is retained of each fraction",
            sum.mbq(),
            "MBq",
        ));
        lines.push(Line::new("retained in all", "the same divided by 37 MBq/mCi", sum.mci(), "mCi"));
        Ok(sum)
    });
    let (activity, missing) = match sum {
        Ok(sum) => (Some(sum), None),
        Err(why) => (None, Some(why)),
    };
    Retained { at, effective_half_life_days: days.ok(), half_life_from, activity, lines, missing }
}

pub(super) fn release_of(facts: &Facts<'_>, sheets: &[Sheet], release: &PatientRelease) -> Release {
    let rules = SiteRules::on(facts, Some(release.at.to_zoned(jiff::tz::TimeZone::UTC).date()));
    let retained = retained_of(facts, sheets, release.at, release.effective_half_life_days);
    let in_body = || match &retained.activity {
        Some(activity) => format!("{} retained", shown_activity(*activity)),
        None => retained.missing.clone().unwrap_or_default(),
    };
    let below = |met: Option<bool>| match met {
        Some(true) => Judged::Met,
        Some(false) => Judged::NotMet,
        None => Judged::NotKnown,
    };
    let (judged, asks, found) = match release.basis {
        ReleaseBasis::RetainedActivity => (
            below(retained.activity.zip(rules.release_activity).map(|(activity, limit)| activity < limit)),
            rules.release_activity.map_or_else(
                || "a limit of retained activity, which neither protocol nor site sets".to_owned(),
                |limit| format!("less than {limit} retained from all fractions"),
            ),
            in_body(),
        ),
        ReleaseBasis::DoseRate => (
            below(
                release.dose_rate_usv_h.zip(rules.release_dose_rate_usv_h).map(|(rate, limit)| rate < limit),
            ),
            rules.release_dose_rate_usv_h.map_or_else(
                || "a limit of the dose rate, which neither protocol nor site sets".to_owned(),
                |limit| format!("less than {limit} microsievert an hour at 1 m"),
            ),
            release.dose_rate_usv_h.map_or_else(
                || "no dose rate recorded".to_owned(),
                |rate| format!("{rate} microsievert an hour"),
            ),
        ),
        ReleaseBasis::Calculation => (
            Judged::NotKnown,
            "a calculation for this patient, kept with the record".to_owned(),
            format!("named as the basis; {}", in_body()),
        ),
    };
    let officer: &'static [&'static str] = &["radiation safety officer"];
    let mut checks = vec![Check {
        rule: "dosing/release-basis",
        judged,
        asks,
        found,
        mend: "measure the dose rate, wait, or calculate for this patient",
        source: "10 CFR 35.75(a); NRC Regulatory Guide 8.39",
        for_review_by: officer,
    }];
    if let Some(limit) = rules.instructions_above {
        let due = retained.activity.map(|activity| activity > limit);
        checks.push(Check {
            rule: "dosing/release-instructions",
            judged: if release.instructions { Judged::Met } else { below(due.map(|due| !due)) },
            asks: format!("written instructions above {limit} retained"),
            found: format!("{}; {}", in_body(), if release.instructions { "given" } else { "not given" }),
            mend: "give written instructions and record it",
            source: "10 CFR 35.75(b); NRC Regulatory Guide 8.39",
            for_review_by: officer,
        });
    }
    Release { recorded: release.clone(), retained, checks }
}
