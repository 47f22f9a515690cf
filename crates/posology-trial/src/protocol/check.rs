//! Contradictions of a protocol that is right in form: settings that are each possible and together are not.
//!
//! Start at [`faults`]. An error stops the trial; a warning is a choice that a reader of
//! the protocol should have made knowingly. Each fault names one setting, the one most likely to be wrong.

use std::collections::BTreeSet;

use posology_clinic::ctcae;
use posology_clinic::dlt::{Condition, LabRule};
use posology_clinic::nuclide::{HALF_LIVES, HalfLife};
use posology_clinic::response::Category;
use posology_design::Design;
use rust_decimal::Decimal;

use super::problem::Severity;
use super::read::Fault;
use super::{Cohort, Committee, Dlt, HoldAction, Protocol, Regimen};
use crate::event::Kind;

/// A warning is given when more than this share of patients is expected not to complete the window.
const INCOMPLETE_SHARE: f64 = 0.20;

/// Everything in the protocol that contradicts something else in it.
pub(super) fn faults(protocol: &Protocol) -> Vec<Fault> {
    let mut faults = Faults::default();
    identity(protocol, &mut faults);
    versions(protocol, &mut faults);
    product(protocol, &mut faults);
    percentages(protocol, &mut faults);
    dosing(protocol, &mut faults);
    regimens(protocol, &mut faults);
    strata(protocol, &mut faults);
    cohorts(protocol, &mut faults);
    eligibility(protocol, &mut faults);
    groups(protocol, &mut faults);
    window(protocol, &mut faults);
    rules(protocol, &mut faults);
    escalation(protocol, &mut faults);
    holds(protocol, &mut faults);
    rates(protocol, &mut faults);
    times(protocol, &mut faults);
    super::late::faults(protocol, &mut faults);
    super::randomised::faults(protocol, &mut faults);
    entry(protocol, &mut faults);
    if let Some(committee) = &protocol.committee {
        quorum(committee, &mut faults);
    }
    caps(protocol, &mut faults);
    faults.found
}

#[derive(Default)]
pub(super) struct Faults {
    found: Vec<Fault>,
}

impl Faults {
    pub(super) fn error(
        &mut self,
        path: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.push(Severity::Error, path.into(), found.into(), expected.into(), mend.into());
    }

    pub(super) fn warning(
        &mut self,
        path: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.push(Severity::Warning, path.into(), found.into(), expected.into(), mend.into());
    }

    fn push(&mut self, severity: Severity, path: String, found: String, expected: String, mend: String) {
        self.found.push(Fault { severity, path, found, expected, mend });
    }

    /// Ids name records for the life of the trial, so each is given once and is not empty.
    pub(super) fn ids<'i>(&mut self, list: &str, key: &str, ids: impl Iterator<Item = &'i str>) {
        let mut seen = BTreeSet::new();
        for (index, id) in ids.enumerate() {
            let path = format!("{list}[{index}].{key}");
            if id.trim().is_empty() {
                self.error(path, "an empty id", "an id of its own", "name it; ids are never reused");
            } else if !seen.insert(id) {
                self.error(
                    path,
                    format!("{id} a second time"),
                    "an id of its own",
                    "rename one of the two; ids are never reused",
                );
            }
        }
    }
}

fn identity(protocol: &Protocol, faults: &mut Faults) {
    let id = &protocol.trial.id;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.starts_with('.') || !id.chars().all(plain) {
        let expected = "letters, digits, - _ and . only, not beginning with a dot: the id names files";
        faults.error("trial.id", format!("{id:?}"), expected, "write a short id, such as CLR131-MM");
    }
    faults.ids("trial.site", "id", protocol.trial.site.iter().map(|site| site.id.as_str()));
    faults.ids("endpoint", "id", protocol.endpoint.iter().map(|endpoint| endpoint.id.as_str()));
}

fn versions(protocol: &Protocol, faults: &mut Faults) {
    let version = &protocol.version;
    let earlier = &protocol.amendment;
    faults.ids("amendment", "version", earlier.iter().map(|amendment| amendment.version.as_str()));
    for (index, amendment) in earlier.iter().enumerate() {
        if amendment.version == version.id {
            faults.error(
                format!("amendment[{index}].version"),
                format!("{}, which is the version of this file", version.id),
                "an earlier version",
                "list only the versions that this file supersedes",
            );
        }
        let previous = index.checked_sub(1).and_then(|before| earlier.get(before));
        if let Some(previous) = previous.filter(|previous| previous.date >= amendment.date) {
            faults.error(
                format!("amendment[{index}].date"),
                amendment.date.to_string(),
                format!("a date after {}, that of version {}", previous.date, previous.version),
                "list the versions from the oldest on, and check the dates",
            );
        }
        if amendment.date >= version.date {
            faults.error(
                format!("amendment[{index}].date"),
                amendment.date.to_string(),
                format!("a date before {}, that of version {} in force", version.date, version.id),
                "correct the date here, or that under [version]",
            );
        }
    }
}

/// The radionuclide and its half-life must be of the published table.
fn product(protocol: &Protocol, faults: &mut Faults) {
    let Some(product) = &protocol.product else { return };
    let Some(nuclide) = &product.radionuclide else {
        if let Some(id) = &product.half_life {
            let mend = "add radionuclide, such as \"I-131\"";
            faults.error(
                "product.half-life",
                format!("{id:?} and no radionuclide"),
                "a radionuclide beside it",
                mend,
            );
        }
        return;
    };
    let of_nuclide: Vec<&str> =
        HALF_LIVES.iter().filter(|known| known.nuclide == nuclide).map(|known| known.id).collect();
    if of_nuclide.is_empty() {
        let known: BTreeSet<&str> = HALF_LIVES.iter().map(|known| known.nuclide).collect();
        faults.error(
            "product.radionuclide",
            format!("{nuclide:?}"),
            format!("one of {}", known.into_iter().collect::<Vec<_>>().join(", ")),
            "write the symbol, a hyphen and the mass number",
        );
    } else if let Some(id) = product.half_life.as_deref().filter(|id| !of_nuclide.contains(id)) {
        faults.error(
            "product.half-life",
            format!("{id:?}"),
            format!("one of {}, the published half-lives of {nuclide}", of_nuclide.join(", ")),
            "name one of them, or leave it out for the first",
        );
    }
}

/// Nothing stays in the body longer than it takes to decay.
fn dosing(protocol: &Protocol, faults: &mut Faults) {
    let Some(days) = protocol.dosing.effective_half_life_days else { return };
    let product = protocol.product.as_ref();
    let physical = product.and_then(|product| {
        HalfLife::of(product.radionuclide.as_deref()?, product.half_life.as_deref()).ok().map(HalfLife::days)
    });
    if days <= Decimal::ZERO || physical.is_some_and(|physical| days > physical) {
        faults.error(
            "dosing.effective-half-life-days",
            days.to_string(),
            match physical {
                Some(physical) => {
                    format!("above 0 and at most {physical} days, the physical half-life: it is shortened by excretion")
                }
                None => "above 0 days".to_owned(),
            },
            "write the effective half-life in days, such as 6.5",
        );
    }
}

fn percentages(protocol: &Protocol, faults: &mut Faults) {
    let gates = &protocol.gates;
    for (path, percent) in [
        ("gates.tolerance-percent", gates.tolerance_percent),
        ("gates.before-use-percent", gates.before_use_percent),
        ("gates.after-use-percent", gates.after_use_percent),
        ("evaluability.minimum-percent", protocol.evaluability.minimum_percent),
        ("dosing.weight-change-percent", protocol.dosing.weight_change_percent),
    ] {
        if !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent) {
            faults.error(path, percent.to_string(), "a percentage from 0 to 100", "write 10 for ten percent");
        }
    }
}

fn regimens(protocol: &Protocol, faults: &mut Faults) {
    faults.ids("regimen", "id", protocol.regimen.iter().map(|regimen| regimen.id.as_str()));
    for (index, regimen) in protocol.regimen.iter().enumerate() {
        let path = format!("regimen[{index}]");
        faults.ids(&format!("{path}.gate"), "id", regimen.gate.iter().map(|gate| gate.id.as_str()));
        if regimen.fraction.is_empty() {
            let mend = "add a fraction with its day";
            faults.error(format!("{path}.fraction"), "no fraction", "at least one fraction", mend);
        }
        if regimen.fraction.first().is_some_and(|first| first.optional) {
            faults.error(
                format!("{path}.fraction[0].optional"),
                "true",
                "a first fraction that is given: study days count from it",
                "remove optional; only later fractions may be left out",
            );
        }
        schedule(regimen, &path, faults);
        activities(regimen, &path, faults);
    }
}

fn schedule(regimen: &Regimen, path: &str, faults: &mut Faults) {
    if let Some(first) = regimen.fraction.first().filter(|first| first.day != 1) {
        faults.error(
            format!("{path}.fraction[0].day"),
            first.day.to_string(),
            "1: study days count from the first fraction, and there is no day 0",
            "give the first fraction day 1 and count the others from it",
        );
    }
    for (index, pair) in regimen.fraction.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        let day = format!("{path}.fraction[{}].day", index + 1);
        if after.day <= before.day {
            let expected = format!("a day after {}, that of the fraction before", before.day);
            faults.error(
                day,
                after.day.to_string(),
                expected,
                "list the fractions in the order of their days",
            );
        } else if i64::from(before.day) + i64::from(before.days_late)
            >= i64::from(after.day) - i64::from(after.days_early)
        {
            faults.error(
                day,
                format!("day {}, or {} days early", after.day, after.days_early),
                format!(
                    "a day after the latest of the fraction before: day {} + {}",
                    before.day, before.days_late
                ),
                "shorten days-late or days-early, so that the two cannot meet",
            );
        }
    }
}

fn activities(regimen: &Regimen, path: &str, faults: &mut Faults) {
    let stated = regimen.fraction.iter().filter(|fraction| fraction.activity.is_some()).count();
    let wanted = regimen.total.is_some() || stated > 0;
    if wanted && stated < regimen.fraction.len() {
        for (index, fraction) in regimen.fraction.iter().enumerate() {
            if fraction.activity.is_none() {
                faults.error(
                    format!("{path}.fraction[{index}].activity"),
                    "no activity",
                    "the activity per area of each fraction, since the total or another fraction states one",
                    "add activity, such as \"20 mCi/m2\"",
                );
            }
        }
        return;
    }
    if let (Some(total), Some(sum)) = (regimen.total, regimen.sum_of_fractions())
        && total != sum
    {
        faults.error(
            format!("{path}.total"),
            total.to_string(),
            format!("{}, the sum of its {} fractions", sum.show_in(total.shown_in()), regimen.fraction.len()),
            "correct the total or the fractions, or leave the total out",
        );
    }
}

fn cohorts(protocol: &Protocol, faults: &mut Faults) {
    faults.ids("cohort", "id", protocol.cohort.iter().map(|cohort| cohort.id.as_str()));
    for (index, cohort) in protocol.cohort.iter().enumerate() {
        if protocol.regimen(&cohort.regimen).is_none() {
            let ids: Vec<&str> = protocol.regimen.iter().map(|regimen| regimen.id.as_str()).collect();
            let expected = if ids.is_empty() {
                "the id of a regimen, and there is none".to_owned()
            } else {
                format!("the id of a regimen: one of {}", ids.join(", "))
            };
            let mend = "name a regimen of this file, or add [[regimen]]";
            faults.error(format!("cohort[{index}].regimen"), format!("{:?}", cohort.regimen), expected, mend);
        }
        if cohort.planned == 0 {
            let mend = "give the planned size, or remove the cohort";
            faults.error(format!("cohort[{index}].planned"), "0", "at least 1 patient", mend);
        }
        monitoring(protocol, index, cohort, faults);
    }
}

/// Strata are named where patients are counted: a cohort of one that there is not would count nobody.
fn strata(protocol: &Protocol, faults: &mut Faults) {
    faults.ids("stratum", "id", protocol.stratum.iter().map(|stratum| stratum.id.as_str()));
    let known = |id: &str| protocol.stratum(id).is_some();
    let mut check = |path: String, id: &str| {
        if !known(id) {
            let ids: Vec<&str> = protocol.stratum.iter().map(|stratum| stratum.id.as_str()).collect();
            let expected = if ids.is_empty() {
                "the id of a stratum, and there is none".to_owned()
            } else {
                format!("the id of a stratum: one of {}", ids.join(", "))
            };
            faults.error(path, format!("{id:?}"), expected, "name one of them, or add [[stratum]]");
        }
    };
    for (index, cohort) in protocol.cohort.iter().enumerate() {
        if let Some(id) = &cohort.stratum {
            check(format!("cohort[{index}].stratum"), id);
        }
    }
    for (index, grouping) in protocol.group.iter().enumerate() {
        for (place, id) in grouping.strata.iter().enumerate() {
            check(format!("group[{index}].strata[{place}]"), id);
        }
    }
}

/// The looks of an arm must be a rule, and watch a rate that the protocol defines.
fn monitoring(protocol: &Protocol, index: usize, cohort: &Cohort, faults: &mut Faults) {
    let Some(monitoring) = &cohort.monitoring else { return };
    let path = |key: &str| format!("cohort[{index}].monitoring.{key}");
    if !protocol.rate.iter().any(|rate| rate.id == monitoring.rate) {
        let ids: Vec<&str> = protocol.rate.iter().map(|rate| rate.id.as_str()).collect();
        let expected = format!("the id of a rate: one of {}", ids.join(", "));
        faults.error(
            path("rate"),
            format!("{:?}", monitoring.rate),
            expected,
            "name a [[rate]] of this file",
        );
    }
    match monitoring.rule.looks() {
        Err(problems) => {
            for problem in problems {
                faults.error(
                    path(&format!("rule.{}", problem.key)),
                    problem.found,
                    problem.expected,
                    problem.mend,
                );
            }
        }
        Ok(looks) => {
            let most = looks.last().map_or(0, |look| look.n);
            if most != cohort.planned {
                faults.warning(
                    format!("cohort[{index}].planned"),
                    cohort.planned.to_string(),
                    format!("{most}, the evaluable patients of the last look"),
                    "plan as many, or more where some will not be evaluable",
                );
            }
        }
    }
    if protocol.escalation.is_some() {
        faults.error(
            path("rule"),
            "a rule of an arm beside [escalation]",
            "one rule: an escalation decides on its cohorts itself",
            "remove the monitoring, or the escalation",
        );
    }
}

/// A criterion without a limit would say nothing, one with an unknown unit would never be compared.
fn eligibility(protocol: &Protocol, faults: &mut Faults) {
    let criteria = &protocol.eligibility;
    faults.ids("eligibility", "id", criteria.iter().map(|criterion| criterion.id.as_str()));
    for (index, criterion) in criteria.iter().enumerate() {
        let path = |key: &str| format!("eligibility[{index}].{key}");
        if let (Some(from), Some(below)) = (criterion.from_age_years, criterion.below_age_years)
            && from >= below
        {
            let expected = format!("an age below {}", below.normalize());
            faults.error(
                path("from-age-years"),
                from.to_string(),
                expected,
                "exchange the two, or correct them",
            );
        }
        let limits = [
            ("age", criterion.age.as_ref()),
            ("characteristic.limits", criterion.characteristic.as_ref().map(|one| &one.limits)),
            ("laboratory.limits", criterion.laboratory.as_ref().map(|one| &one.limits)),
        ];
        for (key, limits) in limits {
            if limits.is_some_and(super::Limits::is_empty) {
                let expected = "at-least, above, at-most or below";
                faults.error(path(key), "no limit", expected, "add the limit, such as at-least = 60");
            }
        }
        if let Some(laboratory) = &criterion.laboratory
            && !laboratory.unit.eq_ignore_ascii_case(crate::analysis::eligibility::TIMES_UPPER_LIMIT)
            && let Err(unknown) =
                posology_clinic::laboratory::convert(laboratory.analyte, Decimal::ONE, &laboratory.unit)
        {
            let known: Vec<&str> = laboratory.analyte.units_known().collect();
            faults.error(
                path("laboratory.unit"),
                unknown.to_string(),
                format!("one of {}, or x ULN", known.join(", ")),
                "write the unit of the limits",
            );
        }
    }
}

fn groups(protocol: &Protocol, faults: &mut Faults) {
    faults.ids("group", "id", protocol.group.iter().map(|group| group.id.as_str()));
    for (index, grouping) in protocol.group.iter().enumerate() {
        if matches!(grouping.by, super::GroupBy::Stratum) && protocol.stratum.is_empty() {
            faults.error(
                format!("group[{index}].by"),
                "stratum, and the protocol has none",
                "strata to group by",
                "add [[stratum]], or group by something else",
            );
        }
    }
}

/// The window against the schedule, against what is known of the lowest counts, and against progression.
/// Ten years: no window for dose-limiting toxicity is longer.
const WINDOW_DAYS_MAX: u32 = 3650;

fn window(protocol: &Protocol, faults: &mut Faults) {
    let Some(dlt) = &protocol.dlt else { return };
    // The regimen whose last fraction is latest asks for the longest window.
    let latest =
        |regimen: &&Regimen| regimen.fraction.iter().map(|f| i64::from(f.day) + i64::from(f.days_late)).max();
    if let Some(regimen) = protocol.regimen.iter().rev().max_by_key(latest) {
        window_of(regimen, dlt, faults);
    }
    let end = dlt.window_days;
    if !(1..=WINDOW_DAYS_MAX).contains(&end) {
        faults.error(
            "dlt.window-days",
            end.to_string(),
            format!("1 to {WINDOW_DAYS_MAX} days"),
            "write the length of the window in days, such as 85",
        );
    }
    if let Some(day) = dlt.evaluable_from_day.filter(|day| *day == 0 || *day > end) {
        faults.error(
            "dlt.evaluable-from-day",
            day.to_string(),
            format!("a day of the window, 1 to {end}"),
            "leave it out, if a patient counts only when the window has closed",
        );
    }
    let counts = &dlt.counts;
    if counts.from_day > counts.to_day {
        faults.error(
            "dlt.counts.from-day",
            counts.from_day.to_string(),
            format!("at most to-day, {}", counts.to_day),
            "give the first day before the last",
        );
    }
    if counts.every_days == 0 {
        faults.error(
            "dlt.counts.every-days",
            "0",
            "at least 1 day",
            "give the longest time between two counts",
        );
    }
    if dlt.rules.is_empty() {
        faults.warning(
            "dlt",
            "no rule",
            "at least one rule: without any, only a person's judgement makes a dose-limiting toxicity",
            "add [[dlt.rules]]",
        );
    }
    if let Some(median) = dlt.median_pfs_days {
        let followed = dlt.evaluable_from_day.unwrap_or(end);
        let share = 1.0 - libm::exp2(-f64::from(followed) / f64::from(median.max(1)));
        if median == 0 {
            faults.error("dlt.median-pfs-days", "0", "at least 1 day", "leave it out if it is not known");
        } else if share > INCOMPLETE_SHARE {
            faults.warning(
                "dlt.median-pfs-days",
                format!(
                    "a median of {median} days: some {:.0}% of patients will have progressed by day {followed} (exponential)",
                    share * 100.0
                ),
                "at most 20% who may leave follow-up before they can be evaluated",
                "plan for replacements, set evaluable-from-day, and follow patients for toxicity after progression",
            );
        }
    }
}

fn window_of(regimen: &Regimen, dlt: &Dlt, faults: &mut Faults) {
    let Some(last) = regimen.fraction.iter().max_by_key(|fraction| fraction.day) else { return };
    let id = &regimen.id;
    let window = i64::from(dlt.window_days);
    let last_day = i64::from(last.day);
    let latest = last_day + i64::from(last.days_late);
    let least = i64::from(dlt.min_days_after_last_fraction);
    if window < latest {
        faults.error(
            "dlt.window-days",
            window.to_string(),
            format!("at least {latest}, the latest day of the last fraction of regimen {id}"),
            "lengthen the window, or shorten the schedule",
        );
        return;
    }
    // Days since the first fraction, which is on day 1.
    let after_first = last_day - 1;
    if window < after_first + least {
        faults.error(
            "dlt.min-days-after-last-fraction",
            least.to_string(),
            format!(
                "at most {}: the window of {window} days leaves no more after day {last_day}, the last of regimen {id}",
                window - after_first
            ),
            "lengthen window-days, so that it states the window that applies",
        );
    }
    let (Some(nadir), recovery) = (dlt.nadir_day, dlt.recovery_days.unwrap_or(0)) else { return };
    let recovered = after_first + i64::from(nadir) + i64::from(recovery);
    if window < recovered {
        faults.warning(
            "dlt.window-days",
            window.to_string(),
            format!(
                "at least {recovered}: after the last fraction of regimen {id} counts are lowest on day {nadir} and \
                 recover {recovery} days later"
            ),
            "lengthen the window: toxicity after it is not seen by the rule",
        );
    }
}

/// What each rule looks at must lie in the window, and have a grade where it asks for one.
fn rules(protocol: &Protocol, faults: &mut Faults) {
    let Some(dlt) = &protocol.dlt else { return };
    let window = i64::from(dlt.window_days);
    for (index, rule) in dlt.rules.iter().enumerate() {
        let path = format!("dlt.rules[{index}]");
        for (key, day) in [("from-day", rule.from_day), ("to-day", rule.to_day)] {
            if let Some(day) = day.filter(|day| !(1..=window).contains(&i64::from(*day))) {
                let mend = "shorten the rule's days, or lengthen the window";
                faults.error(
                    format!("{path}.{key}"),
                    day.to_string(),
                    format!("a day of the window, 1 to {window}"),
                    mend,
                );
            }
        }
        let alone = rule.lab.as_ref().map(|lab| (format!("{path}.lab"), lab));
        let joined = rule.all_of.iter().enumerate().filter_map(|(at, condition)| match condition {
            Condition::Lab(lab) => Some((format!("{path}.all-of[{at}].lab"), lab)),
            Condition::AdverseEvent(_) | Condition::Fraction(_) | Condition::Support(_) => None,
        });
        for (path, lab) in alone.into_iter().chain(joined) {
            laboratory_rule(&path, lab, dlt, faults);
        }
    }
}

fn laboratory_rule(path: &str, lab: &LabRule, dlt: &Dlt, faults: &mut Faults) {
    let window = dlt.window_days;
    if let Some(day) =
        lab.not_recovered_by_day.filter(|day| !(1..=i64::from(window)).contains(&i64::from(*day)))
    {
        let expected = format!("a day of the window, 1 to {window}: later recovery is not awaited");
        let mend = "name an earlier day, or lengthen the window";
        faults.error(format!("{path}.not-recovered-by-day"), day.to_string(), expected, mend);
    }
    if let Some(days) = lab.more_than_days.filter(|days| *days >= window) {
        let expected = format!("less than the window of {window} days: else the rule can never be met");
        faults.error(format!("{path}.more-than-days"), days.to_string(), expected, "shorten the time");
    }
    if lab.grade_at_least.is_none() {
        return;
    }
    let graded = ctcae::terms(dlt.ctcae, lab.analyte);
    if graded.is_empty() {
        let (version, id) = (dlt.ctcae, lab.analyte.id());
        faults.error(
            format!("{path}.analyte"),
            format!("{id}, which has no term in CTCAE {version}"),
            format!("an analyte that CTCAE {version} grades"),
            "write the rule on the value itself, with below or above",
        );
    } else if let Some(direction) =
        lab.direction.filter(|direction| graded.iter().all(|term| term.1 != *direction))
    {
        let terms: Vec<&str> = graded.iter().map(|term| term.0).collect();
        faults.error(
            format!("{path}.direction"),
            format!("{direction:?}").to_lowercase(),
            format!("the direction of a term of CTCAE {}: {}", dlt.ctcae, terms.join(", ")),
            "leave the direction out, or correct it",
        );
    }
}

fn escalation(protocol: &Protocol, faults: &mut Faults) {
    if let Some(Design::ThreePlusThree(rule)) = &protocol.escalation
        && rule.settings().expand_to < 6
    {
        faults.warning(
            "escalation.expand-to",
            rule.settings().expand_to.to_string(),
            "6: after 1 DLT the published rule asks for 6 patients before it clears a level",
            "leave it out: the default is 6",
        );
    }
    if let Some(design) = &protocol.escalation {
        let levels = u32::try_from(protocol.regimen.len()).unwrap_or(u32::MAX);
        if matches!(design.stops_at_toxic_first_level(levels), Ok(false)) {
            faults.error(
                "escalation",
                format!("`{}` going on at the first level after a DLT in every patient there", design.name()),
                "a design that stops for a too toxic first level: no trial runs without",
                "leave out the setting that turns the stop off, such as stop-toxic = false",
            );
        }
        late_onset(protocol, design, faults);
    }
    if protocol.escalation.is_some() && protocol.dlt.is_none() {
        faults.error(
            "escalation",
            "a design without [dlt]",
            "a window and rules of dose-limiting toxicity, on which a design decides",
            "add [dlt], or remove [escalation]",
        );
    }
}

/// Days at which the weight of a pending patient is told: a blood count every fortnight, and the nadir of an I-131 agent.
const WEIGHED_DAYS: [f64; 4] = [14.0, 28.0, 49.0, 64.0];

/// A design that weighs pending patients: its window is the protocol's, and its weights are said aloud.
fn late_onset(protocol: &Protocol, design: &Design, faults: &mut Faults) {
    let Some(late) = design.late_onset() else { return };
    let window = late.window();
    if let Some(dlt) = protocol.dlt.as_ref().filter(|dlt| f64::from(dlt.window_days) != window) {
        faults.error(
            "escalation.window",
            window.to_string(),
            format!("{}, as dlt.window-days says", dlt.window_days),
            "give both the same number of days",
        );
    }
    let days: Vec<f64> = WEIGHED_DAYS.into_iter().filter(|day| *day < window).collect();
    let weights = days.iter().zip(late.weights_on(&days));
    let weights: Vec<String> = weights.map(|(day, weight)| format!("{weight:.2} on day {day}")).collect();
    if !weights.is_empty() {
        faults.warning(
            "escalation.weights",
            format!("a pending patient counts {}", weights.join(", ")),
            "weights no greater than the share of DLTs that have come by then",
            "compare them with the days on which counts are lowest; `weights` takes a table or a law of onset",
        );
    }
}

fn holds(protocol: &Protocol, faults: &mut Faults) {
    let holds = &protocol.stopping.hold;
    faults.ids("stopping.hold", "id", holds.iter().map(|hold| hold.id.as_str()));
    for (index, hold) in holds.iter().enumerate() {
        let path = |key: &str| format!("stopping.hold[{index}].{key}");
        if hold.patients == 0 {
            faults.error(path("patients"), "0", "at least 1 patient", "leave it out: the default is 1");
        }
        if hold.action == HoldAction::Meet && hold.within_days.is_none() {
            faults.error(
                path("within-days"),
                "no within-days",
                "the days within which the committee meets",
                "add within-days, such as 5",
            );
        }
    }
    if holds.is_empty() && protocol.escalation.is_some() {
        faults.warning(
            "escalation",
            "no hold",
            "at least one [[stopping.hold]]: nothing stops enrolment between two reviews",
            "add holds, such as a related death or a stem-cell rescue",
        );
    }
}

/// Double entry of a kind that there is not would never be asked for.
fn entry(protocol: &Protocol, faults: &mut Faults) {
    for (index, word) in protocol.entry.double.iter().enumerate() {
        if Kind::of(word).is_none() {
            faults.error(
                format!("entry.double[{index}]"),
                word,
                "a kind of event, such as assay or administration",
                "write one that `posology trial record DIR` lists",
            );
        }
    }
}

/// A schedule of assessments without length would call every visit missed, or none.
fn times(protocol: &Protocol, faults: &mut Faults) {
    let times = &protocol.times;
    for (path, found, expected) in [
        ("times.interval-days", times.interval_days, "at least 1 day between two scheduled assessments"),
        ("times.missed-visits", times.missed_visits, "at least 1 missed assessment"),
    ] {
        if found == 0 {
            faults.error(path, "0", expected, "write the schedule of assessments of the protocol");
        }
    }
    for (index, percent) in times.marker_reduction_percent.iter().enumerate() {
        if !(1..=100).contains(percent) {
            let path = format!("times.marker-reduction-percent[{index}]");
            faults.error(path, percent.to_string(), "1 to 100 percent", "write the reduction from baseline");
        }
    }
    if times.window_days.saturating_mul(2) >= times.interval_days.max(1) {
        faults.warning(
            "times.window-days",
            times.window_days.to_string(),
            format!("less than half of the {} days between two assessments", times.interval_days),
            "narrow the window: as it stands an assessment belongs to two visits",
        );
    }
}

fn rates(protocol: &Protocol, faults: &mut Faults) {
    faults.ids("rate", "id", protocol.rate.iter().map(|rate| rate.id.as_str()));
    for (index, rate) in protocol.rate.iter().enumerate() {
        if matches!(rate.at_least, Category::NotEvaluable | Category::Progressive) {
            faults.error(
                format!("rate[{index}].at-least"),
                rate.at_least.to_string(),
                "SD or better: every patient would be a success",
                "write the least category that counts as a success",
            );
        }
        for (criteria, category) in &rate.at_least_by {
            let path = format!("rate[{index}].at-least-by.{criteria}");
            match criteria.parse::<posology_clinic::response::CriteriaSet>() {
                Err(unknown) => {
                    faults.error(path, criteria, unknown.to_string(), "write the id of the criteria");
                }
                Ok(set) if !set.categories().contains(category) => {
                    let known: Vec<&str> = set.categories().iter().map(|category| category.code()).collect();
                    let expected = format!("a category of {set}: one of {}", known.join(", "));
                    faults.error(path, category.to_string(), expected, "write a category of these criteria");
                }
                Ok(_) => {}
            }
        }
        if rate.at_least == Category::Stable && rate.minimum_days.is_none() {
            faults.error(
                format!("rate[{index}].minimum-days"),
                "no minimum-days",
                "the least day on which stable disease counts",
                "add minimum-days, such as 42; else SD at the first visit is a success",
            );
        }
    }
}

fn quorum(committee: &Committee, faults: &mut Faults) {
    let voting = committee.member.iter().filter(|member| member.votes).count();
    let quorum = committee.quorum;
    if quorum == 0 || quorum as usize > voting {
        faults.error(
            "committee.quorum",
            quorum.to_string(),
            format!("1 to {voting}, the number of voting members"),
            "correct the quorum, or list the members under [[committee.member]]",
        );
    }
    for (index, role) in committee.quorum_roles.iter().enumerate() {
        if !committee.member.iter().any(|member| member.role == *role) {
            let roles: BTreeSet<&str> = committee.member.iter().map(|member| member.role.as_str()).collect();
            faults.error(
                format!("committee.quorum-roles[{index}]"),
                format!("{role:?}, which no member has"),
                format!("one of {}", roles.into_iter().collect::<Vec<_>>().join(", ")),
                "spell the role as the member's, or add the member",
            );
        }
    }
}

fn caps(protocol: &Protocol, faults: &mut Faults) {
    let planned = |cohorts: &mut dyn Iterator<Item = &Cohort>| {
        cohorts.map(|cohort| u64::from(cohort.planned)).sum::<u64>()
    };
    let in_all = planned(&mut protocol.cohort.iter());
    if let Some(cap) = protocol.caps.total.filter(|cap| u64::from(*cap) < in_all) {
        faults.error(
            "caps.total",
            cap.to_string(),
            format!("at least {in_all}, the planned patients of all cohorts"),
            "raise the cap, or plan smaller cohorts",
        );
    }
    for regimen in &protocol.regimen {
        let here = planned(&mut protocol.cohort.iter().filter(|cohort| cohort.regimen == regimen.id));
        if let Some(cap) = protocol.caps.per_regimen.filter(|cap| u64::from(*cap) < here) {
            faults.error(
                "caps.per-regimen",
                cap.to_string(),
                format!("at least {here}, the planned patients at regimen {}", regimen.id),
                "raise the cap, or plan smaller cohorts",
            );
        }
    }
}
