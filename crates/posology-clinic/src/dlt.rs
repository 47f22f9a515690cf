//! Dose-limiting toxicity: a protocol's rules as data, and what they find in one patient's course.
//!
//! Start at [`evaluate`]: the [`Rules`] of a protocol, the [`Course`] of a patient (samples, adverse events, fractions
//! up to a cut) and the DLT [`Window`] give [`Finding`]s, each with its reason. Counts are seen on sampling days only,
//! so how long one stayed low is an [`Interval`]: a rule *fires* when the shortest time the samples allow is long
//! enough, and is *possible* when only the longest is. A possible DLT waits for adjudication; it is never "none".
//! A count under transfusion or growth factor never shows recovery. What could not be judged is listed, not dropped.
//!
//! Left out: adjudication, evaluability and what a cohort does about it.

mod course;
mod kinetics;
mod rule;

use std::fmt::Write as _;

use jiff::civil::Date;
use serde::Serialize;

use crate::Because;
use crate::ctcae::Version;
pub use course::{
    AdverseEvent, Course, Fraction, FractionOutcome, Gap, Reason, Sample, Support, SupportKind, Window,
    largest_gap, study_date, study_day,
};
pub use kinetics::{Episode, Interval, Kinetics, Nadir, Recovery, kinetics};
pub use rule::{
    AdverseEventRule, Attribution, BadRules, Baseline, Below, Condition, FractionRule, LabRule, Rule, Rules,
    SupportRule,
};

use kinetics::{Run, Seen, Status, runs};

/// Whether a rule is met for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The record leaves room for it: adjudicate. It blocks escalation until then.
    Possible,
    /// The rule is met whatever happened between the samples.
    Fired,
}

/// A rule met, or possibly met, at one time of a patient's course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Identifier of the rule.
    pub rule_id: String,
    /// Whether it is certain.
    pub certainty: Certainty,
    /// First date at which what the rule asks for was seen.
    pub onset_date: Date,
    /// That date as a study day; day 1 is the first fraction.
    pub onset_day: i32,
    /// How long it lasted, where the rule is about something that lasts.
    pub interval: Option<Interval>,
    /// Keys of the adverse events it rests on ([`AdverseEvent::key`]); none for a laboratory or fraction rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The reason, with the values read.
    pub because: Because,
}

/// Something a rule would have read but could not judge, such as an adverse event without a grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    /// Identifier of the rule.
    pub rule_id: String,
    /// When.
    pub date: Date,
    /// Key of the adverse event, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What is missing.
    pub why: String,
}

/// What the rules find in one course.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    /// What counts for the DLT window, by onset.
    pub findings: Vec<Finding>,
    /// The same with onset after the window, which no escalation rule sees.
    pub late: Vec<Finding>,
    /// What could not be judged.
    pub not_judged: Vec<NotJudged>,
}

impl Evaluation {
    /// The most certain finding within the window: `Fired` is a DLT, `Possible` asks for adjudication.
    pub fn certainty(&self) -> Option<Certainty> {
        self.findings.iter().map(|finding| finding.certainty).max()
    }
}

/// What a protocol's rules find in a course, grades being those of one CTCAE version.
///
/// A rule looks at onsets from `from-day` (else day 1) to `to-day` (else the end of the window). What begins within
/// that time and outlasts it still counts.
///
/// ```
/// use posology_clinic::{ctcae::Version, dlt::{evaluate, Certainty, Course, Rules, Sample, Window}};
/// use posology_clinic::laboratory::{Analyte, LabValue};
/// let rules: Rules = serde_json::from_str(r#"[{
///     "id": "platelets-25",
///     "text": "Platelets below 25 x 10^9/L for more than 7 consecutive days",
///     "lab": { "analyte": "platelets", "below": "25 10^9/L", "more-than-days": 7 }
/// }]"#)?;
/// let first = jiff::civil::date(2026, 1, 1);
/// let mut course = Course::new(first, jiff::civil::date(2026, 4, 1));
/// for (day, count) in [(39, "60 10^9/L"), (42, "20 10^9/L"), (46, "18 10^9/L"), (52, "40 10^9/L")] {
///     let value = LabValue::new(Analyte::Platelets, count.parse()?, None, None)?;
///     course.samples.push(Sample::new(posology_clinic::dlt::study_date(first, day), value));
/// }
/// let found = evaluate(&rules, &course, &Window::new(first, 85, None, 0), Version::V5);
/// assert_eq!(found.certainty(), Some(Certainty::Possible)); // between 4 and 13 days
/// assert_eq!(found.findings[0].onset_day, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn evaluate(rules: &Rules, course: &Course, window: &Window, version: Version) -> Evaluation {
    let mut evaluation = Evaluation::default();
    for rule in rules.iter() {
        let judge = Judge {
            rule,
            course,
            version,
            from: rule.from_day.map_or(course.first_fraction, |day| study_date(course.first_fraction, day)),
        };
        let to = rule.to_day.map_or(window.end, |day| study_date(course.first_fraction, day));
        let (hits, not_judged) = judge.all_conditions();
        evaluation.not_judged.extend(not_judged);
        for hit in hits {
            let finding = judge.finding(hit);
            if finding.onset_date <= to {
                evaluation.findings.push(finding)
            } else {
                evaluation.late.push(finding)
            }
        }
    }
    for findings in [&mut evaluation.findings, &mut evaluation.late] {
        findings.sort_by(|a, b| a.onset_date.cmp(&b.onset_date).then_with(|| a.rule_id.cmp(&b.rule_id)));
    }
    evaluation
}

/// A condition met, with the dates between which it held for certain and at the widest.
#[derive(Clone)]
struct Hit {
    certainty: Certainty,
    onset: Date,
    sure: (Date, Date),
    widest: (Date, Date),
    interval: Option<Interval>,
    events: Vec<String>,
    says: String,
}

impl Hit {
    /// Both at the same time, if they can have been.
    fn and(&self, other: &Self) -> Option<Self> {
        let meet = |a: (Date, Date), b: (Date, Date)| {
            let both = (a.0.max(b.0), a.1.min(b.1));
            (both.0 <= both.1).then_some(both)
        };
        let widest = meet(self.widest, other.widest)?;
        let sure = meet(self.sure, other.sure);
        let certainty =
            if sure.is_some() { self.certainty.min(other.certainty) } else { Certainty::Possible };
        Some(Self {
            certainty,
            onset: sure.unwrap_or(widest).0,
            sure: sure.unwrap_or(widest),
            widest,
            interval: None,
            events: [self.events.as_slice(), &other.events].concat(),
            says: format!("{}; and {}", self.says, other.says),
        })
    }
}

struct Judge<'a> {
    rule: &'a Rule,
    course: &'a Course,
    version: Version,
    from: Date,
}

type Judged = (Vec<Hit>, Vec<NotJudged>);

impl Judge<'_> {
    fn finding(&self, hit: Hit) -> Finding {
        let mut because =
            Because::new(format!("dlt/{}", self.rule.id), hit.says).input("rule", &self.rule.text);
        if let Some(interval) = hit.interval {
            because = because.input("lasted", interval);
        }
        if let Some(exceptions) = &self.rule.exceptions {
            because = because.input("exceptions to consider", exceptions);
        }
        Finding {
            rule_id: self.rule.id.clone(),
            certainty: hit.certainty,
            onset_date: hit.onset,
            onset_day: study_day(self.course.first_fraction, hit.onset),
            interval: hit.interval,
            events: hit.events,
            because: because.source("protocol, [[dlt.rules]]"),
        }
    }

    fn all_conditions(&self) -> Judged {
        let mut conditions = self.rule.conditions().into_iter();
        let Some(first) = conditions.next() else { return Judged::default() };
        let (mut hits, mut not_judged) = self.condition(&first);
        for condition in conditions {
            let (others, more) = self.condition(&condition);
            not_judged.extend(more);
            hits = hits.iter().flat_map(|hit| others.iter().filter_map(|other| hit.and(other))).collect();
        }
        (hits, not_judged)
    }

    fn condition(&self, condition: &Condition) -> Judged {
        match condition {
            Condition::Lab(rule) => self.lab(rule),
            Condition::AdverseEvent(rule) => self.adverse_event(rule),
            Condition::Fraction(rule) => self.fraction(rule),
            Condition::Support(rule) => self.support(rule),
        }
    }

    fn not_judged(&self, date: Date, why: impl Into<String>) -> NotJudged {
        NotJudged { rule_id: self.rule.id.clone(), date, event: None, why: why.into() }
    }

    fn lab(&self, rule: &LabRule) -> Judged {
        let baseline = self.course.baseline(rule.analyte);
        let seen: Vec<Seen> = self
            .course
            .of(rule.analyte)
            .into_iter()
            // The value before treatment is what others are compared with.
            .filter(|sample| !baseline.is_some_and(|b| std::ptr::eq(b, *sample)))
            .map(|sample| Seen {
                date: sample.date,
                status: self.status(rule, sample, baseline),
                supported: sample.supported,
            })
            .collect();
        // A baseline that is not low dates the last time the count was known not to be.
        let known_well = baseline.filter(|b| self.status(rule, b, Some(b)) == Status::Well).map(|b| b.date);
        let (mut hits, mut not_judged) = Judged::default();
        for run in runs(&seen, known_well, self.from) {
            match self.lab_certainty(rule, &run) {
                Some(certainty) if run.seen() => hits.push(self.lab_hit(rule, &run, certainty)),
                Some(_) => not_judged.push(self.not_judged(run.first, run.why.unwrap_or_default())),
                None => {}
            }
        }
        (hits, not_judged)
    }

    fn lab_certainty(&self, rule: &LabRule, run: &Run) -> Option<Certainty> {
        let certain = if run.sure.is_some() { Certainty::Fired } else { Certainty::Possible };
        if let Some(day) = rule.not_recovered_by_day {
            let by = study_date(self.course.first_fraction, day);
            return if run.first > by || self.course.cut < by || run.after.is_some_and(|after| after <= by) {
                None
            } else if run.last_unrecovered >= by {
                Some(certain)
            } else {
                Some(Certainty::Possible)
            };
        }
        let Some(days) = rule.more_than_days else { return Some(certain) };
        let (shortest, longest) = (run.interval().lower_days, run.longest_until(self.course.cut));
        // A low count that is still running when the record ends may yet last long enough.
        let running = run.after.is_none() && run.seen();
        if shortest > days {
            Some(Certainty::Fired)
        } else {
            (longest > days || running).then_some(Certainty::Possible)
        }
    }

    fn lab_hit(&self, rule: &LabRule, run: &Run, certainty: Certainty) -> Hit {
        let onset = run.sure.map_or(run.first, |sure| sure.0);
        let interval = run.interval();
        let mut says = format!(
            "{} {} from day {}",
            rule.analyte,
            rule.bound(),
            study_day(self.course.first_fraction, onset)
        );
        // Writing to a string cannot fail.
        let _ = match (rule.not_recovered_by_day, rule.more_than_days) {
            (Some(day), _) => write!(says, ", not shown to have recovered by day {day}"),
            (_, Some(days)) => write!(says, ", for {interval}; the rule asks for more than {days}"),
            _ => Ok(()),
        };
        if let Some(why) = &run.why {
            let _ = write!(says, "; {why}");
        }
        let widest = (run.before.unwrap_or(run.first), run.after.unwrap_or(self.course.cut.max(run.last)));
        Hit {
            certainty,
            onset,
            sure: run.sure.unwrap_or((onset, onset)),
            widest,
            interval: Some(interval),
            events: Vec::new(),
            says,
        }
    }

    /// Whether a sample is what the rule calls low (or high).
    fn status(&self, rule: &LabRule, sample: &Sample, baseline: Option<&Sample>) -> Status {
        let status = rule.status(self.version, sample, baseline);
        let Some(grades) = rule.worse_than_baseline_by_grades else { return status };
        if status == Status::Well {
            return status;
        }
        let direction = rule.direction(self.version);
        let graded = |s: &Sample| s.graded(self.version, baseline, direction);
        match (graded(sample), baseline.and_then(graded)) {
            (Some(now), Some(then)) if now.lowest >= then.highest.saturating_add(grades) => status,
            (Some(now), Some(then)) if now.highest < then.lowest.saturating_add(grades) => Status::Well,
            _ => Status::Unknown("the grades to compare with the baseline's are not known".to_owned()),
        }
    }

    fn adverse_event(&self, rule: &AdverseEventRule) -> Judged {
        let (mut hits, mut not_judged) = Judged::default();
        for event in self.course.adverse_events.iter().filter(|event| rule.may_name(event)) {
            let unrelated = self.rule.attribution == Attribution::Related && event.related == Some(false);
            let end = event.end.unwrap_or(self.course.cut).max(event.start);
            // The length of an event counts both its days, as ADURN of CDISC does.
            let lower_days = days_between(event.start, end) + 1;
            let too_short = rule.more_than_days.is_some_and(|days| lower_days <= days);
            let over = event.end.is_some();
            let wrong = rule.serious.is_some_and(|serious| event.serious.is_some_and(|is| is != serious));
            let graded_lower = event.grade.is_some_and(|grade| grade < rule.grade_at_least);
            if unrelated
                || (too_short && over)
                || wrong
                || graded_lower
                || event.start < self.from
                || event.start > self.course.cut
            {
                continue;
            }
            let missing = if event.grade.is_none() {
                Some("the grade is missing")
            } else if rule.serious.is_some() && event.serious.is_none() {
                Some("whether it was serious is not recorded")
            } else if !rule.classes.is_empty() && event.class.is_empty() {
                Some("its class is not recorded")
            } else {
                None
            };
            if let Some(missing) = missing {
                let unread = self.not_judged(event.start, format!("{}: {missing}", event.term));
                not_judged.push(NotJudged { event: Some(event.key.clone()), ..unread });
                continue;
            }
            let grade = event.grade.unwrap_or_default();
            let day = study_day(self.course.first_fraction, event.start);
            let mut says = format!("{} grade {grade} from day {day}", event.term);
            if self.rule.attribution == Attribution::Related && event.related.is_none() {
                says.push_str("; its relation is not recorded, which counts as related");
            }
            if too_short {
                says.push_str("; it is still running");
            }
            hits.push(Hit {
                certainty: if too_short { Certainty::Possible } else { Certainty::Fired },
                events: vec![event.key.clone()],
                onset: event.start,
                sure: (event.start, end),
                widest: (event.start, end),
                interval: Some(Interval { lower_days, upper_days: event.end.map(|_| lower_days) }),
                says,
            });
        }
        (hits, not_judged)
    }

    fn fraction(&self, rule: &FractionRule) -> Judged {
        let (mut hits, not_judged) = Judged::default();
        for (number, fraction) in (1..).zip(&self.course.fractions) {
            let certainty = match fraction.reason {
                Some(Reason::Toxicity) => Certainty::Fired,
                Some(Reason::Other) => continue,
                None => Certainty::Possible,
            };
            let delayed_until = |until: Date| {
                let days = if until > fraction.planned { days_between(fraction.planned, until) } else { 0 };
                rule.delayed_more_than_days.filter(|more_than| days > *more_than).map(|more_than| {
                    (
                        format!("delayed by {days} days; the rule asks for more than {more_than}"),
                        fraction.planned,
                    )
                })
            };
            let change = match fraction.outcome {
                FractionOutcome::Given { on, reduced } if reduced && rule.reduced => {
                    Some(("reduced".to_owned(), on))
                }
                FractionOutcome::Given { on, .. } => delayed_until(on),
                FractionOutcome::Omitted if rule.omitted => Some(("omitted".to_owned(), fraction.planned)),
                FractionOutcome::Omitted => None,
                FractionOutcome::Awaited => delayed_until(self.course.cut),
            };
            let Some((how, onset)) =
                change.filter(|(_, onset)| *onset >= self.from && *onset <= self.course.cut)
            else {
                continue;
            };
            let reason =
                if certainty == Certainty::Fired { "through toxicity" } else { "for a reason not recorded" };
            hits.push(Hit {
                certainty,
                onset,
                sure: (onset, onset),
                widest: (onset, self.course.cut),
                interval: None,
                events: Vec::new(),
                says: format!("fraction {number} {how}, {reason}"),
            });
        }
        (hits, not_judged)
    }

    /// Support given in the days of the rule. Several are one finding, dated by the first: what matters is whether
    /// it was still needed, not how often.
    fn support(&self, rule: &SupportRule) -> Judged {
        let after = rule.after_day.map(|day| study_date(self.course.first_fraction, day));
        let falls = |date: Date| {
            date >= self.from && date <= self.course.cut && after.is_none_or(|after| date > after)
        };
        let mut given: Vec<(Certainty, Date, &Support)> = (self.course.support.iter())
            .filter(|support| rule.kinds.contains(&support.kind))
            .filter_map(|support| {
                if falls(support.earliest) && falls(support.latest) {
                    Some((Certainty::Fired, support.earliest, support))
                } else {
                    // Somewhere between the two days; the first of them that would count.
                    let from = after.map_or(self.from, |after| self.from.max(next_day(after)));
                    let onset = support.earliest.max(from);
                    (onset <= support.latest.min(self.course.cut)).then_some((
                        Certainty::Possible,
                        onset,
                        support,
                    ))
                }
            })
            .collect();
        // The certain ones first, then by day.
        given.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (a.1, a.2.kind).cmp(&(b.1, b.2.kind))));
        let Some((certainty, onset, support)) = given.first() else { return Judged::default() };
        let mut says =
            format!("{} on day {}", support.kind.words(), study_day(self.course.first_fraction, *onset));
        // Writing to a string cannot fail.
        let _ = match (certainty, rule.after_day) {
            (Certainty::Possible, _) => {
                write!(says, " or later or earlier: its day is recorded only in part")
            }
            (_, Some(day)) => write!(says, ", still needed after day {day}"),
            _ => Ok(()),
        };
        let hit = Hit {
            certainty: *certainty,
            onset: *onset,
            sure: (*onset, *onset),
            widest: (support.earliest, support.latest),
            interval: None,
            events: Vec::new(),
            says,
        };
        (vec![hit], Vec::new())
    }
}

/// The day after a date; the date itself at the end of the calendar.
fn next_day(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}

/// Whole days from one date to a later one; 0 if it is not later.
fn days_between(from: Date, to: Date) -> u32 {
    u32::try_from((to - from).get_days()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
