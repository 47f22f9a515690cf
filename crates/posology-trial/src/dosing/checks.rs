//! What must be true of a fraction beside its activity: signature, checks, window, expiry, blockade, stem cells.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use posology_clinic::Because;
use posology_clinic::prescription::Comparison;
use posology_clinic::quantity::ActivityPerArea;
use rust_decimal::Decimal;
use serde::Serialize;

use super::arithmetic::shown_deviation;
use super::facts::{Directive, Facts, Given, Recorded, signature};
use super::gates::{GateReview, SiteRules};
use crate::analysis::exposure::days_between;
use crate::event::{Assay, SecondCheck};

/// How a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// What is asked is there.
    Met,
    /// It is not: for a person to look at.
    NotMet,
    /// It cannot be told yet, or not from what is recorded.
    NotKnown,
}

/// One thing that is asked of a fraction, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The rule, such as `dosing/second-check`.
    pub rule: &'static str,
    /// The answer.
    pub judged: Judged,
    /// What is asked.
    pub asks: String,
    /// What was found.
    pub found: String,
    /// How to mend it.
    pub mend: &'static str,
    /// Where it is asked.
    pub source: &'static str,
    /// Who looks at it where it is not met.
    pub for_review_by: &'static [&'static str],
}

impl Check {
    /// The check as a reason: its rule, one sentence, its source.
    #[must_use]
    pub fn because(&self) -> Because {
        Because::new(self.rule, format!("asked {}; found {}", self.asks, self.found)).source(self.source)
    }
}

const SAFETY: &[&str] = &["radiation safety officer", "investigator"];
const USER: &[&str] = &["authorised user", "investigator"];

/// The rules that must be met when a fraction is given: what breaks one is recorded only with a reason.
pub(crate) const BEFORE_GIVEN: &[&str] = &[
    "dosing/directive-signed",
    "dosing/as-directed",
    "dosing/assay",
    "dosing/before-use",
    "dosing/second-check",
    "dosing/weight",
    "dosing/thyroid-before",
    "dosing/stem-cells",
    "dosing/window",
    "dosing/expiry",
];

/// What is missing is a fault once the fraction was given, and still to come before.
fn missing(given: Option<&Given<'_>>) -> Judged {
    if given.is_some() { Judged::NotMet } else { Judged::NotKnown }
}

fn met_if(met: bool) -> Judged {
    if met { Judged::Met } else { Judged::NotMet }
}

/// Everything one fraction's checks read.
pub(crate) struct Asked<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) fraction: u32,
    pub(crate) given: Option<&'a Given<'a>>,
    pub(crate) directive: Option<&'a Directive<'a>>,
    pub(crate) assay: Option<Recorded<'a, Assay>>,
    pub(crate) rules: &'a SiteRules,
    pub(crate) before_use: &'a GateReview,
}

impl Asked<'_> {
    pub(crate) fn checks(&self) -> Vec<Check> {
        [
            Some(self.signed()),
            self.as_directed(),
            Some(self.assayed()),
            self.use_directed(),
            self.checked(),
            self.weighed(),
            self.thyroid(),
            self.stem_cells(),
            self.window(),
            self.expiry(),
            self.lot(),
            self.reduced(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn signed(&self) -> Check {
        let by = self.given.and_then(Given::by);
        let (judged, found) = match self.directive {
            None => (missing(self.given), "no directive that prescribes it".to_owned()),
            Some(directive) => match &directive.signed {
                None => (missing(self.given), format!("directive {}, not signed", directive.fact.directive)),
                Some(signed) => (
                    met_if(by.is_none_or(|by| signed.at <= by)),
                    format!(
                        "directive {}, signed by {} at {}",
                        directive.fact.directive, signed.printed_name, signed.at
                    ),
                ),
            },
        };
        Check {
            rule: "dosing/directive-signed",
            judged,
            asks: "a written directive signed by an authorised user before the administration".to_owned(),
            found,
            mend: "let the authorised user write and sign the directive (`written-directive`, then sign for approval)",
            source: "10 CFR 35.40(a)",
            for_review_by: SAFETY,
        }
    }

    fn as_directed(&self) -> Option<Check> {
        let (given, directive) = (self.given?.administrations.first()?.fact, self.directive?.fact);
        let same = |a: &str, b: &str| a.trim().eq_ignore_ascii_case(b.trim());
        let product = self.facts.protocol.is_some_and(|protocol| {
            protocol.product.is_some()
                && protocol.is_product(&given.treatment)
                && protocol.is_product(&directive.drug)
        });
        let drug = same(&given.treatment, &directive.drug) || product;
        let route = given.route.as_deref().is_none_or(|route| same(route, &directive.route));
        Some(Check {
            rule: "dosing/as-directed",
            judged: met_if(drug && route),
            asks: format!("{}, {}, as directed", directive.drug, directive.route),
            found: format!("{}, {}", given.treatment, given.route.as_deref().unwrap_or("route not recorded")),
            mend: "check drug and route against the directive",
            source: "10 CFR 35.41",
            for_review_by: SAFETY,
        })
    }

    fn assayed(&self) -> Check {
        let start = self.given.and_then(Given::start);
        let (judged, found) = match self.assay {
            None => (missing(self.given), "none".to_owned()),
            Some(assay) => {
                let before = start.as_ref().is_none_or(|start| {
                    assay.fact.how == crate::event::AssayBy::DecayOfLabel || assay.fact.at <= start.at
                });
                (met_if(before), format!("{} at {}", assay.fact.activity, assay.fact.at))
            }
        };
        Check {
            rule: "dosing/assay",
            judged,
            asks: "the activity determined before use".to_owned(),
            found,
            mend: "record the assay (`assay`)",
            source: "10 CFR 35.63(a)",
            for_review_by: SAFETY,
        }
    }

    /// The authorised user directs the use of a dosage beyond gate 2 by a signature on its assay.
    fn use_directed(&self) -> Option<Check> {
        if self.before_use.flagged != Some(true) {
            return None;
        }
        let assay = self.assay?;
        let directed = signature(self.facts.conduct, assay.hash);
        let by = self.given.and_then(Given::by);
        let judged = match &directed {
            Some(signed) => met_if(by.is_none_or(|by| signed.at <= by)),
            None => missing(self.given),
        };
        Some(Check {
            rule: "dosing/before-use",
            judged,
            asks: "the authorised user's direction to use a dosage beyond gate 2: a signature for approval on its assay"
                .to_owned(),
            found: directed.map_or_else(
                || format!("none; {}", self.before_use.because.says),
                |signed| format!("signed by {} at {}", signed.printed_name, signed.at),
            ),
            mend: "let the authorised user sign the assay for approval, or write a new directive",
            source: "10 CFR 35.63(d)",
            for_review_by: USER,
        })
    }

    fn checked(&self) -> Option<Check> {
        let of_fraction: Vec<_> =
            self.facts.checks.iter().filter(|check| check.fact.fraction == self.fraction).collect();
        if !self.rules.second_check && of_fraction.is_empty() {
            return None;
        }
        let start = self.given.and_then(Given::start);
        let mut faults: Vec<Vec<String>> = of_fraction
            .iter()
            .map(|check| {
                let mut faults = items_missing(check.fact);
                if start.as_ref().is_some_and(|start| check.fact.at > start.at) {
                    faults.push(format!("made at {}, after the start", check.fact.at));
                }
                if let Some(who) = self.same_person(check.by) {
                    faults.push(format!("made by {}, who {who}", check.by));
                }
                faults
            })
            .collect();
        faults.sort_by_key(Vec::len);
        let (judged, found) = match faults.first() {
            None => (missing(self.given), "none".to_owned()),
            Some(faults) if faults.is_empty() => {
                (Judged::Met, "identity, drug, activity and route checked by a second person".to_owned())
            }
            Some(faults) => (Judged::NotMet, faults.join("; ")),
        };
        Some(Check {
            rule: "dosing/second-check",
            judged,
            asks: "identity, drug, activity and route checked before administration by someone other than who assayed or gave it"
                .to_owned(),
            found,
            mend: "let a second person check (`second-check`)",
            source: "10 CFR 35.41; protocol, dosing.second-check",
            for_review_by: SAFETY,
        })
    }

    /// What else the person did for this fraction.
    fn same_person(&self, user: &str) -> Option<&'static str> {
        let name = self.facts.conduct.person(user).map(|person| person.printed_name.as_str());
        let is = |other: &str| other == user || Some(other) == name;
        let assayed =
            self.assay.is_some_and(|assay| is(assay.fact.determined_by.as_deref().unwrap_or(assay.by)));
        let gave = self.given.is_some_and(|given| given.administrations.iter().any(|a| is(a.by)));
        if assayed { Some("assayed it") } else { gave.then_some("gave it") }
    }

    fn weighed(&self) -> Option<Check> {
        let dosing = &self.facts.protocol?.dosing;
        let within = dosing.weigh_again_within_days?;
        if self.fraction < 2 {
            return None;
        }
        let directive = self.directive.map(|directive| directive.fact);
        let day = self.given.and_then(Given::day);
        let mut weights = self.facts.weights();
        weights.extend(directive.and_then(|d| Some((d.weighed?, d.weight?.kilograms()))));
        weights.sort_unstable();
        let last = weights.into_iter().rev().find(|(weighed, _)| day.is_none_or(|day| *weighed <= day));
        let asks = format!(
            "a weight at most {within} days before a further fraction, within {}% of the directive's",
            dosing.weight_change_percent
        );
        let used =
            directive.and_then(|directive| directive.weight).map(posology_clinic::quantity::Mass::kilograms);
        let (judged, found) = match last {
            None => (missing(self.given), "none".to_owned()),
            Some((weighed, weight)) => {
                let days = day.and_then(|day| days_between(weighed, day));
                let recent = days.is_none_or(|days| i64::from(days) <= i64::from(within));
                let change = used.filter(|used| !used.is_zero()).map(|used| (weight, used));
                let beyond = change.is_some_and(|(now, used)| {
                    let off = (now - used).abs().saturating_mul(Decimal::ONE_HUNDRED);
                    off > used.saturating_mul(dosing.weight_change_percent)
                });
                let mut found = format!("{weight} kg on {weighed}");
                if let Some(percent) = change
                    .and_then(|(now, used)| (now - used).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(used))
                {
                    found.push_str(&format!(", {} of the directive's", shown_deviation(percent)));
                }
                let judged = match (recent, used) {
                    (false, _) => Judged::NotMet,
                    (true, None) => Judged::NotKnown,
                    (true, Some(_)) => met_if(!beyond),
                };
                (judged, found)
            }
        };
        Some(Check {
            rule: "dosing/weight",
            judged,
            asks,
            found,
            mend: "weigh the patient (`vital-sign`); after a greater change let the authorised user write a new directive",
            source: "protocol, dosing.weigh-again-within-days",
            for_review_by: USER,
        })
    }

    fn thyroid(&self) -> Option<Check> {
        let protocol = self.facts.protocol?;
        let dosing = &protocol.dosing;
        if !dosing.blocks_thyroid(protocol.product.as_ref()) {
            return None;
        }
        let hours = dosing.thyroid_hours_before;
        let courses = blockade(self.facts);
        let first = courses.first().map(|(from, _)| *from);
        let (judged, found) = match (first, self.given.and_then(Given::by)) {
            (None, _) => (missing(self.given), "none".to_owned()),
            (Some(from), None) => {
                (Judged::NotKnown, format!("taken from {from}; the fraction is not given yet"))
            }
            (Some(_), Some(by)) => {
                let latest =
                    by.saturating_sub(SignedDuration::from_hours(hours.into())).unwrap_or(Timestamp::MIN);
                let covers =
                    courses.iter().find(|(from, to)| *from <= latest && to.is_none_or(|to| to >= by));
                let last = courses.iter().rev().find(|(from, _)| *from <= by);
                let found = match covers.or(last) {
                    None => "none begun by then".to_owned(),
                    Some((from, None)) => format!("taken from {from} on"),
                    Some((from, Some(to))) => format!("taken from {from} to {to}"),
                };
                (met_if(covers.is_some()), found)
            }
        };
        Some(Check {
            rule: "dosing/thyroid-before",
            judged,
            asks: format!("blockade of the thyroid from at least {hours} h before the fraction"),
            found,
            mend: "record what was taken (`thyroid-blockade`)",
            source: "protocol, dosing.thyroid-hours-before",
            for_review_by: &["investigator"],
        })
    }

    fn stem_cells(&self) -> Option<Check> {
        stem_cells(self.facts, self.given.and_then(Given::day))
    }

    fn window(&self) -> Option<Check> {
        let directed = self.directive?.fact.fractions.iter().find(|d| d.fraction == self.fraction)?;
        let index = usize::try_from(self.fraction.checked_sub(1)?).ok()?;
        let plan = self.facts.regimen?.fraction.get(index)?;
        let from = directed.planned.checked_sub(i64::from(plan.days_early).days()).unwrap_or(Date::MIN);
        let to = directed.planned.checked_add(i64::from(plan.days_late).days()).unwrap_or(Date::MAX);
        let put_off = self.facts.delayed.iter().any(|delayed| delayed.fraction == self.fraction);
        let (judged, found) = match self.given.and_then(Given::day) {
            None => (Judged::NotKnown, "not given yet".to_owned()),
            Some(day) => {
                let late = days_between(directed.planned, day).unwrap_or(0);
                let mut found = match late {
                    0 => format!("given on {day}, the planned day"),
                    late if late > 0 => format!("given on {day}, {late} days after the planned day"),
                    early => format!("given on {day}, {} days before the planned day", -early),
                };
                if put_off {
                    found.push_str("; it had been put off");
                }
                (met_if((from..=to).contains(&day)), found)
            }
        };
        Some(Check {
            rule: "dosing/window",
            judged,
            asks: format!("the fraction between {from} and {to}, planned for {}", directed.planned),
            found,
            mend: "check the date; a delay is recorded (`fraction-delayed`) and directed anew",
            source: "protocol, regimen.fraction, days-early and days-late",
            for_review_by: &["investigator"],
        })
    }

    fn expiry(&self) -> Option<Check> {
        let expires = self.assay?.fact.expires?;
        let (judged, found) = match self.given.and_then(Given::start) {
            Some(start) => (met_if(start.at < expires), format!("given at {start}")),
            None => (Judged::NotKnown, "no time of administration".to_owned()),
        };
        Some(Check {
            rule: "dosing/expiry",
            judged,
            asks: format!("use before it expires at {expires}"),
            found,
            mend: "check time and lot",
            source: "label",
            for_review_by: SAFETY,
        })
    }

    fn lot(&self) -> Option<Check> {
        let assayed = self.assay?.fact.lot.as_deref()?;
        let given = self.given?.administrations.first()?.fact.lot.as_deref()?;
        Some(Check {
            rule: "dosing/lot",
            judged: met_if(assayed == given),
            asks: format!("the lot that was assayed, {assayed}"),
            found: format!("{given} given"),
            mend: "check the label, and correct the assay or the administration",
            source: "10 CFR 35.2063",
            for_review_by: SAFETY,
        })
    }

    fn reduced(&self) -> Option<Check> {
        let reduced = self.facts.reduced.iter().rev().find(|reduced| reduced.fraction == self.fraction)?;
        let directed =
            self.directive.and_then(|d| d.fact.fractions.iter().find(|part| part.fraction == self.fraction));
        let agrees = directed.is_some_and(|directed| directed.activity == reduced.activity);
        Some(Check {
            rule: "dosing/reduced-as-directed",
            judged: met_if(agrees),
            asks: format!("a directive for the reduced activity, {}", reduced.activity),
            found: directed
                .map_or_else(|| "none".to_owned(), |directed| format!("one for {}", directed.activity)),
            mend: "let the authorised user revise the directive before the fraction is given",
            source: "10 CFR 35.40(c)",
            for_review_by: USER,
        })
    }
}

fn items_missing(check: &SecondCheck) -> Vec<String> {
    [("identity", check.identity), ("drug", check.drug), ("activity", check.activity), ("route", check.route)]
        .into_iter()
        .filter(|(_, fine)| !fine)
        .map(|(item, _)| format!("{item} did not agree"))
        .collect()
}

/// The times of blockade joined: an agent that follows another within a day continues it.
fn blockade(facts: &Facts<'_>) -> Vec<(Timestamp, Option<Timestamp>)> {
    let mut joined: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
    for next in &facts.blockades {
        let day = SignedDuration::from_hours(24);
        match joined.last_mut() {
            Some((_, end))
                if end.is_none_or(|end| next.start <= end.saturating_add(day).unwrap_or(Timestamp::MAX)) =>
            {
                *end = end.zip(next.end).map(|(a, b)| a.max(b));
            }
            _ => joined.push((next.start, next.end)),
        }
    }
    joined
}

/// Whether the blockade lasted long enough after the last fraction given.
pub(crate) fn thyroid_after(facts: &Facts<'_>) -> Option<Check> {
    let protocol = facts.protocol?;
    let dosing = &protocol.dosing;
    if !dosing.blocks_thyroid(protocol.product.as_ref()) {
        return None;
    }
    let fractions = facts.fractions();
    let last = fractions.iter().filter_map(|fraction| facts.given(*fraction)?.by()).max()?;
    let days = dosing.thyroid_days_after;
    let until =
        last.saturating_add(SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MAX);
    let missed: u32 = facts.blockades.iter().map(|blockade| blockade.missed).fold(0, u32::saturating_add);
    let courses = blockade(facts);
    let holding = courses.iter().find(|(from, to)| *from <= last && to.is_none_or(|to| to >= last));
    let (judged, found) = match holding {
        None => (Judged::NotMet, "none at the last fraction".to_owned()),
        Some((from, None)) => (Judged::NotKnown, format!("taken from {from} on, no end recorded")),
        Some((_, Some(to))) => (met_if(*to >= until), format!("taken until {to}")),
    };
    let found = if missed > 0 { format!("{found}; {missed} intakes missed") } else { found };
    let judged = if missed > 0 { Judged::NotMet } else { judged };
    Some(Check {
        rule: "dosing/thyroid-after",
        judged,
        asks: format!(
            "blockade of the thyroid until {until}, {days} days after the last fraction, without a missed intake"
        ),
        found,
        mend: "record what was taken (`thyroid-blockade`); a missed intake is a deviation",
        source: "protocol, dosing.thyroid-days-after",
        for_review_by: &["investigator"],
    })
}

/// Whether stem cells are stored where the planned activity, with that of earlier courses, asks for them.
pub(crate) fn stem_cells(facts: &Facts<'_>, by: Option<Date>) -> Option<Check> {
    let rule = facts.protocol?.dosing.stem_cells.as_ref()?;
    let planned = facts.regimen.and_then(crate::protocol::Regimen::total_per_area);
    let earlier = facts.characteristic(&rule.earlier_courses);
    let earlier_courses: Option<ActivityPerArea> = earlier.and_then(|text| text.parse().ok());
    let applies = |mbq: Decimal| {
        let above = rule.above.mbq_per_m2();
        mbq > above || (rule.comparison == Comparison::AtLeast && mbq == above)
    };
    let parts = planned.map(|planned| {
        let sum = earlier_courses.map(|earlier| planned.mbq_per_m2() + earlier.mbq_per_m2());
        (planned, sum)
    });
    let needed = match parts {
        None => None,
        Some((_, Some(sum))) => Some(applies(sum)),
        // What earlier courses add can only make it more.
        Some((planned, None)) => applies(planned.mbq_per_m2()).then_some(true),
    };
    let of_earlier = match (earlier, earlier_courses) {
        (None, _) => format!("{:?} not recorded", rule.earlier_courses),
        (Some(text), None) => {
            format!("{:?} recorded as {text:?}, which is no activity per area", rule.earlier_courses)
        }
        (Some(_), Some(earlier)) => format!("earlier courses {earlier}"),
    };
    let activity = format!(
        "planned {}, {of_earlier}",
        planned.map_or_else(|| "activity not known".to_owned(), |planned| planned.to_string())
    );
    let stored: Decimal = facts
        .stem_cells
        .iter()
        .filter(|cells| by.is_none_or(|by| cells.date <= by))
        .map(|cells| cells.cd34_per_kg_millions)
        .fold(Decimal::ZERO, Decimal::saturating_add);
    let any = facts.stem_cells.iter().any(|cells| by.is_none_or(|by| cells.date <= by));
    let enough = any && rule.cd34_per_kg_millions.is_none_or(|least| stored >= least);
    let cells = if any {
        format!("{stored} million CD34-positive cells/kg stored")
    } else {
        "no cells stored".to_owned()
    };
    let (judged, found) = match needed {
        None => (Judged::NotKnown, activity),
        Some(false) => (Judged::Met, format!("{activity}: none needed")),
        Some(true) => (met_if(enough), format!("{activity}; {cells}")),
    };
    let limit = match rule.comparison {
        Comparison::MoreThan => format!("above {}", rule.above),
        Comparison::AtLeast => format!("of {} or more", rule.above),
    };
    let least = rule
        .cd34_per_kg_millions
        .map_or_else(String::new, |least| format!(" (at least {least} million CD34-positive cells/kg)"));
    Some(Check {
        rule: "dosing/stem-cells",
        judged,
        asks: format!(
            "stem cells stored{least} where the planned activity with that of earlier courses is {limit}"
        ),
        found,
        mend: "record the cells (`stem-cells`) and the earlier courses (`characteristic`)",
        source: "protocol, dosing.stem-cells",
        for_review_by: &["investigator"],
    })
}
