//! The rules of a protocol as they are written in its file.

use std::fmt;
use std::ops::Deref;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::course::{AdverseEvent, Sample, SupportKind};
use super::kinetics::Status;
use crate::ctcae::{Direction, Outcome, Version, terms};
use crate::laboratory::{Analyte, Measured, Qualifier, convert};

/// The DLT rules of a protocol: read from a list, checked whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Vec<Rule>", into = "Vec<Rule>")]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Checks a list of rules.
    ///
    /// # Errors
    /// All that is wrong with any of them, each by the rule's id.
    pub fn new(rules: Vec<Rule>) -> Result<Self, BadRules> {
        let mut problems: Vec<String> = rules.iter().flat_map(Rule::problems).collect();
        for (at, rule) in rules.iter().enumerate() {
            if rules.iter().take(at).any(|earlier| earlier.id == rule.id) {
                problems.push(format!(
                    "dlt rule {:?}: found this id twice; expected each id once; mend: rename one",
                    rule.id
                ));
            }
        }
        if problems.is_empty() { Ok(Self(rules)) } else { Err(BadRules { problems }) }
    }
}

impl Deref for Rules {
    type Target = [Rule];

    fn deref(&self) -> &[Rule] {
        &self.0
    }
}

impl TryFrom<Vec<Rule>> for Rules {
    type Error = BadRules;

    fn try_from(rules: Vec<Rule>) -> Result<Self, BadRules> {
        Self::new(rules)
    }
}

impl From<Rules> for Vec<Rule> {
    fn from(rules: Rules) -> Self {
        rules.0
    }
}

/// Rules that cannot be evaluated as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct BadRules {
    /// What is wrong: rule, found, expected, mend.
    pub problems: Vec<String>,
}

/// One rule that makes a toxicity dose-limiting.
///
/// It has exactly one of `lab`, `adverse-event`, `fraction`, `support` and `all-of`; the last is a list of such conditions that
/// must hold at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// Identifier, never reused within a protocol.
    pub id: String,
    /// The rule in the protocol's words.
    pub text: String,
    /// A laboratory value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<LabRule>,
    /// An adverse event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adverse_event: Option<AdverseEventRule>,
    /// A fraction that was delayed, omitted or reduced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<FractionRule>,
    /// Support that was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<SupportRule>,
    /// Conditions that must all hold at the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all_of: Vec<Condition>,
    /// Which adverse events count by their relation to treatment.
    #[serde(default)]
    pub attribution: Attribution,
    /// First study day of onset; day 1, the first fraction, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_day: Option<i32>,
    /// Last study day of onset; the end of the DLT window if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_day: Option<i32>,
    /// Exceptions that only a reader can judge; shown beside each finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<String>,
}

/// One thing that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// A laboratory value.
    Lab(LabRule),
    /// An adverse event.
    AdverseEvent(AdverseEventRule),
    /// A fraction that was delayed, omitted or reduced.
    Fraction(FractionRule),
    /// Support that was needed.
    Support(SupportRule),
}

/// Which adverse events count by their relation to treatment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Attribution {
    /// All that are not recorded as unrelated; a missing relation counts.
    #[default]
    Related,
    /// All.
    Any,
}

/// The patient's own value before treatment, as a bound: written `"baseline"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// The only way to write it.
    Baseline,
}

/// What a value is below: `"25 10^9/L"`, or `"baseline"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected a laboratory value with its unit, such as \"25 10^9/L\", or \"baseline\""
)]
pub enum Below {
    /// The patient's value before treatment.
    Baseline(Baseline),
    /// A value with its unit.
    Value(Measured),
}

/// A laboratory value beyond a bound, on one sample or for some time.
///
/// Exactly one bound of `below`, `above`, `below-percent-of-baseline` and `grade-at-least`; and at most one of
/// `more-than-days` and `not-recovered-by-day`. With neither, a single sample is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LabRule {
    /// What is measured.
    pub analyte: Analyte,
    /// Strictly below this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Below>,
    /// Strictly above this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Measured>,
    /// Strictly below this percentage of the patient's value before treatment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_percent_of_baseline: Option<u32>,
    /// At least this CTCAE grade, 1 to 4, under the protocol's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade_at_least: Option<u8>,
    /// Which of an analyte's terms is meant, low or high; if left out the low one, or the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub direction: Option<Direction>,
    /// For more than this many consecutive days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_than_days: Option<u32>,
    /// Not recovered by this study day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_recovered_by_day: Option<i32>,
    /// Only if worse than the patient's own baseline by this many grades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worse_than_baseline_by_grades: Option<u8>,
}

/// An adverse event of a grade, by its term and class. Names are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdverseEventRule {
    /// At least this grade, 1 to 5.
    pub grade_at_least: u8,
    /// Only these terms; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
    /// Only these system organ classes; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// But not these terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_terms: Vec<String>,
    /// But not these system organ classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_classes: Vec<String>,
    /// Only serious (`true`) or only non-serious (`false`) events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serious: Option<bool>,
    /// For more than this many days, counting the first and the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_than_days: Option<u32>,
}

/// A fraction that was delayed, omitted or reduced through toxicity; any of the three that is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FractionRule {
    /// Given, or still awaited, more than this many days after its planned date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delayed_more_than_days: Option<u32>,
    /// Omitted.
    #[serde(default)]
    pub omitted: bool,
    /// Given with a reduced activity.
    #[serde(default)]
    pub reduced: bool,
}

/// Transfusion, growth factor or stem cells given, and still needed after a study day where one is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SupportRule {
    /// Any of these kinds.
    pub kinds: Vec<SupportKind>,
    /// Given later than this study day; any day of the rule's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_day: Option<i32>,
}

impl Rule {
    /// What the rule asks for, all of it at the same time.
    pub fn conditions(&self) -> Vec<Condition> {
        let lab = self.lab.clone().map(Condition::Lab);
        let adverse_event = self.adverse_event.clone().map(Condition::AdverseEvent);
        let fraction = self.fraction.clone().map(Condition::Fraction);
        let support = self.support.clone().map(Condition::Support);
        [lab, adverse_event, fraction, support]
            .into_iter()
            .flatten()
            .chain(self.all_of.iter().cloned())
            .collect()
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut say = |found: &str, expected: &str, mend: &str| {
            problems
                .push(format!("dlt rule {:?}: found {found}; expected {expected}; mend: {mend}", self.id));
        };
        if self.id.trim().is_empty() {
            say("an empty id", "an identifier such as \"platelets-25\"", "name the rule");
        }
        let written = [
            self.lab.is_some(),
            self.adverse_event.is_some(),
            self.fraction.is_some(),
            self.support.is_some(),
            !self.all_of.is_empty(),
        ];
        let kinds = written.into_iter().filter(|is| *is).count();
        if kinds != 1 {
            say(
                &format!("{kinds} conditions"),
                "exactly one of lab, adverse-event, fraction, support and all-of",
                "put conditions that must hold together into all-of",
            );
        }
        for (name, day) in [("from-day", self.from_day), ("to-day", self.to_day)] {
            if day == Some(0) {
                say(
                    &format!("{name} = 0"),
                    "a study day",
                    "write 1 for the day of the first fraction, as there is no day 0",
                );
            }
        }
        if let (Some(from), Some(to)) = (self.from_day, self.to_day)
            && from > to
        {
            say(
                &format!("from-day {from} after to-day {to}"),
                "from-day at or before to-day",
                "exchange them",
            );
        }
        for condition in self.conditions() {
            match condition {
                Condition::Lab(rule) => rule.problems(&mut say),
                Condition::AdverseEvent(rule) if !(1..=5).contains(&rule.grade_at_least) => {
                    say(
                        &format!("grade {}", rule.grade_at_least),
                        "a grade from 1 to 5",
                        "write the protocol's grade",
                    );
                }
                Condition::Fraction(rule)
                    if rule.delayed_more_than_days.is_none() && !rule.omitted && !rule.reduced =>
                {
                    say(
                        "a fraction rule that names no change",
                        "delayed-more-than-days, omitted or reduced",
                        "name at least one",
                    );
                }
                Condition::Support(rule) if rule.kinds.is_empty() || rule.after_day == Some(0) => {
                    say(
                        "a support rule without a kind, or after day 0",
                        "kinds such as [\"platelet-transfusion\"], and a study day where after-day is written",
                        "name the kinds; there is no day 0",
                    );
                }
                Condition::AdverseEvent(_) | Condition::Fraction(_) | Condition::Support(_) => {}
            }
        }
        problems
    }
}

impl LabRule {
    fn problems(&self, say: &mut impl FnMut(&str, &str, &str)) {
        let bounds = [
            self.below.is_some(),
            self.above.is_some(),
            self.below_percent_of_baseline.is_some(),
            self.grade_at_least.is_some(),
        ];
        let bounds = bounds.into_iter().filter(|is| *is).count();
        if bounds != 1 {
            say(
                &format!("{bounds} bounds for {}", self.analyte.id()),
                "exactly one of below, above, below-percent-of-baseline and grade-at-least",
                "write one rule for each bound",
            );
        }
        let below = match &self.below {
            Some(Below::Value(measured)) => Some(measured),
            _ => None,
        };
        for measured in below.into_iter().chain(&self.above) {
            if measured.qualifier != Qualifier::Exact {
                say(&format!("the bound {measured}"), "a bound without < or >", "leave the sign out");
            }
            if let Err(unknown) = convert(self.analyte, measured.value, &measured.unit) {
                say(
                    &format!("unit {:?} for {}", unknown.unit, unknown.analyte),
                    &format!("one of {}", unknown.known.join(", ")),
                    &format!(
                        "write the unit, such as \"{} {}\"",
                        measured.value,
                        self.analyte.canonical_unit()
                    ),
                );
            }
        }
        if let Some(grade) = self.grade_at_least
            && !(1..=4).contains(&grade)
        {
            say(&format!("grade {grade}"), "a grade from 1 to 4", "a laboratory value has no other grade");
        }
        if self.more_than_days.is_some() && self.not_recovered_by_day.is_some() {
            say(
                "more-than-days and not-recovered-by-day together",
                "one of them",
                "write one rule for each, since either makes a DLT",
            );
        }
    }

    /// The term of the analyte that is meant.
    pub(super) fn direction(&self, version: Version) -> Direction {
        let asked = self.direction.or_else(|| self.above.as_ref().map(|_| Direction::High));
        asked.or_else(|| terms(version, self.analyte).first().map(|term| term.1)).unwrap_or(Direction::Low)
    }

    /// The bound in words.
    pub(super) fn bound(&self) -> String {
        match (&self.below, &self.above, self.below_percent_of_baseline, self.grade_at_least) {
            (Some(Below::Value(value)), ..) => format!("below {value}"),
            (Some(Below::Baseline(_)), ..) => "below baseline".to_owned(),
            (_, Some(value), ..) => format!("above {value}"),
            (_, _, Some(percent), _) => format!("below {percent}% of baseline"),
            (_, _, _, Some(grade)) => format!("of grade {grade} or worse"),
            _ => "without a bound".to_owned(),
        }
    }

    /// Whether a sample is beyond the bound.
    pub(super) fn status(&self, version: Version, sample: &Sample, baseline: Option<&Sample>) -> Status {
        if let Some(grade) = self.grade_at_least {
            return match sample.graded(version, baseline, self.direction(version)) {
                None => Status::Unknown(format!("{} has no term in CTCAE {version}", self.analyte)),
                Some(graded) if graded.lowest >= grade => Status::Ill,
                Some(graded) if graded.highest < grade => Status::Well,
                Some(graded) => match graded.outcome {
                    Outcome::Grade(_) => Status::Perhaps(graded.assuming.join("; ")),
                    Outcome::Unknown(why) => Status::Unknown(why),
                },
            };
        }
        let canonical =
            |measured: &Measured| convert(self.analyte, measured.value, &measured.unit).ok().map(|q| q.value);
        let exact_baseline =
            || baseline.filter(|b| b.value.measured.qualifier == Qualifier::Exact).map(|b| b.value.canonical);
        let (below, bound) = match (&self.below, &self.above, self.below_percent_of_baseline) {
            (Some(Below::Value(value)), ..) => (true, canonical(value)),
            (Some(Below::Baseline(_)), ..) => (true, exact_baseline()),
            (_, Some(value), _) => (false, canonical(value)),
            (_, _, Some(percent)) => {
                (true, exact_baseline().and_then(|b| b.checked_mul(Decimal::new(i64::from(percent), 2))))
            }
            _ => (true, None),
        };
        let Some(bound) = bound else {
            return Status::Unknown("there is no baseline value to compare with".to_owned());
        };
        let (value, measured) = (sample.value.canonical, &sample.value.measured);
        match measured.qualifier {
            Qualifier::Exact if (below && value < bound) || (!below && value > bound) => Status::Ill,
            Qualifier::Exact => Status::Well,
            Qualifier::LessThan if value <= bound => {
                if below {
                    Status::Ill
                } else {
                    Status::Well
                }
            }
            Qualifier::GreaterThan if value >= bound => {
                if below {
                    Status::Well
                } else {
                    Status::Ill
                }
            }
            Qualifier::LessThan | Qualifier::GreaterThan => {
                Status::Unknown(format!("{} is reported only as {measured}", self.analyte))
            }
        }
    }
}

impl AdverseEventRule {
    /// Whether the rule is about the event, by term and class, or may be: a class not recorded excludes nothing.
    pub(super) fn may_name(&self, event: &AdverseEvent) -> bool {
        let among =
            |names: &[String], name: &str| names.iter().any(|n| n.trim().eq_ignore_ascii_case(name.trim()));
        (self.terms.is_empty() || among(&self.terms, &event.term))
            && (self.classes.is_empty() || event.class.is_empty() || among(&self.classes, &event.class))
            && !among(&self.except_terms, &event.term)
            && !among(&self.except_classes, &event.class)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
