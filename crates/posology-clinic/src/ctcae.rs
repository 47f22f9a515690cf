//! CTCAE grades of laboratory values, from 0 (no event) to 4 (life-threatening), under a named version.
//!
//! Start at [`grade`]: a laboratory value gives one [`Graded`] for each term of its analyte (sodium can be low and
//! can be high). The version belongs to the protocol and to every grade, since a platelet count of 15 is grade 4 in
//! version 5.0 and 3 in 6.0. Thresholds are data (`data/ctcae.tsv`), comparisons exact: a multiple of a limit is
//! multiplied out, never divided.
//!
//! What the value cannot tell stays visible. Each answer has the lowest and the highest grade that the record allows;
//! where they differ because nobody recorded symptoms the worse one is the grade, and the answer says so; where they
//! differ because a limit of normal is missing the grade is unknown. Left out: grade 5, grades by clinical judgement
//! alone, and limits for children.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Because;
use crate::laboratory::{Analyte, LabValue, Qualifier, convert};

/// A published version of the Common Terminology Criteria for Adverse Events.
///
/// ```
/// use posology_clinic::ctcae::Version;
/// assert_eq!("v5.0".parse(), Ok(Version::V5));
/// assert!("4.03".parse::<Version>().unwrap_err().to_string().contains("5.0 or 6.0"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(into = "&'static str", try_from = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub enum Version {
    /// Version 5.0 of 27 November 2017.
    V5,
    /// Version 6.0 of 2025, with milder cuts for platelets and neutrophils.
    V6,
}

impl Version {
    /// The number as published, such as `5.0`.
    pub fn id(self) -> &'static str {
        match self {
            Self::V5 => "5.0",
            Self::V6 => "6.0",
        }
    }
}

impl From<Version> for &'static str {
    fn from(version: Version) -> Self {
        version.id()
    }
}

impl TryFrom<String> for Version {
    type Error = UnknownVersion;

    fn try_from(text: String) -> Result<Self, UnknownVersion> {
        text.parse()
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        match text.trim().trim_start_matches(['v', 'V']) {
            "5.0" | "5" => Ok(Self::V5),
            "6.0" | "6" => Ok(Self::V6),
            _ => Err(UnknownVersion { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A version of CTCAE whose thresholds are not here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found CTCAE version {found:?}; expected 5.0 or 6.0; mend: name the version of the protocol, as its grades are not those of another"
)]
pub struct UnknownVersion {
    /// The version that was found.
    pub found: String,
}

/// Whether a term is about low or about high values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The lower, the worse.
    Low,
    /// The higher, the worse.
    High,
}

/// What was recorded about the patient at the sample and changes a grade; `None` where nothing was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Circumstances {
    /// Symptoms of the disturbance (potassium, sodium, lipase, amylase).
    pub symptomatic: Option<bool>,
    /// Physiological consequences (urate).
    pub consequences: Option<bool>,
    /// Under anticoagulation (INR).
    pub anticoagulated: Option<bool>,
    /// A fasting sample (glucose, version 6.0).
    pub fasting: Option<bool>,
}

/// The grade, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A grade from 0 to 4; the worst that fits where something that nobody recorded would decide.
    Grade(u8),
    /// No grade, with the reason. This is not grade 0.
    Unknown(String),
}

/// One term of CTCAE, graded for one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graded {
    /// The term, as published.
    pub term: &'static str,
    /// Whether it is about low or high values.
    pub direction: Direction,
    /// The version of the thresholds.
    pub version: Version,
    /// The grade.
    pub outcome: Outcome,
    /// The lowest grade that the record allows.
    pub lowest: u8,
    /// The highest grade that the record allows.
    pub highest: u8,
    /// What was taken for granted because it was not recorded.
    pub assuming: Vec<String>,
    /// The reason, with the values read.
    pub because: Because,
}

impl Graded {
    /// The grade, unless it is unknown.
    pub fn grade(&self) -> Option<u8> {
        match self.outcome {
            Outcome::Grade(grade) => Some(grade),
            Outcome::Unknown(_) => None,
        }
    }
}

/// Grades a value for every term of its analyte in a version; empty for an analyte without a term.
///
/// `baseline` is the patient's value before treatment. Some terms count in multiples of it; where they do and it is
/// missing, it is taken as normal and `assuming` says so. A value reported in a unit for which CTCAE prints its own
/// cuts (mg/dL of calcium, magnesium, glucose) is graded by those.
///
/// Source: National Cancer Institute, CTCAE v5.0 and v6.0, as transcribed in pharmaverse/admiral.
///
/// ```
/// use posology_clinic::ctcae::{grade, Circumstances, Outcome, Version};
/// use posology_clinic::laboratory::{Analyte, LabValue};
/// let platelets = LabValue::new(Analyte::Platelets, "15 10^9/L".parse()?, Some(150.into()), None)?;
/// let under = |version| grade(version, &platelets, None, &Circumstances::default())[0].outcome.clone();
/// assert_eq!(under(Version::V5), Outcome::Grade(4));
/// assert_eq!(under(Version::V6), Outcome::Grade(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn grade(
    version: Version,
    value: &LabValue,
    baseline: Option<&LabValue>,
    circumstances: &Circumstances,
) -> Vec<Graded> {
    let sample = Sample { value, baseline: baseline.and_then(usable_baseline), circumstances };
    [Direction::Low, Direction::High]
        .into_iter()
        .filter_map(|direction| Some(sample.grade(sample.line(version, direction)?)))
        .collect()
}

/// Where a grade of a term begins for one patient, in the analyte's canonical unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Band {
    /// The term, as published.
    pub term: &'static str,
    /// Whether it is about low or about high values.
    pub direction: Direction,
    /// The grade.
    pub grade: u8,
    /// The value beyond which it begins: below it for a low term, above it for a high one.
    pub cut: Decimal,
    /// Whether a value at the cut has the grade already.
    pub includes_cut: bool,
    /// The rule in words, such as `below 75` or `above 1.5 x upper limit of normal`.
    pub rule: String,
}

/// The values at which the grades of an analyte begin for the patient of `value`: by its limits of normal and by
/// `baseline`, as [`grade`] reads them. Low before high, each from grade 1.
///
/// Of several rules for one grade that which a value meets first is told. Left out is a grade that the value alone does
/// not decide (symptoms, treatment), and one whose limit of normal is not known.
///
/// ```
/// use posology_clinic::ctcae::{bands, Version};
/// use posology_clinic::laboratory::{Analyte, LabValue};
/// let platelets = LabValue::new(Analyte::Platelets, "90 10^9/L".parse()?, Some(150.into()), None)?;
/// let cuts: Vec<String> = bands(Version::V5, &platelets, None).iter().map(|band| band.cut.to_string()).collect();
/// assert_eq!(cuts, ["150", "75", "50", "25"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn bands(version: Version, value: &LabValue, baseline: Option<&LabValue>) -> Vec<Band> {
    let circumstances = Circumstances::default();
    let sample =
        Sample { value, baseline: baseline.and_then(usable_baseline), circumstances: &circumstances };
    let mut bands = Vec::new();
    for direction in [Direction::Low, Direction::High] {
        let Some(line) = sample.line(version, direction) else { continue };
        for (grade, alternatives) in (1..).zip(&line.grades) {
            let cuts = alternatives
                .iter()
                .filter(|alternative| alternative.conditions.is_empty())
                .filter_map(|alternative| Some((sample.cut_at(alternative.cut, line)?, alternative)));
            let first = match direction {
                Direction::Low => cuts.max_by_key(|(cut, _)| *cut),
                Direction::High => cuts.min_by_key(|(cut, _)| *cut),
            };
            if let Some((cut, alternative)) = first {
                bands.push(Band {
                    term: line.term,
                    direction,
                    grade,
                    cut,
                    includes_cut: matches!(alternative.comparison, Comparison::AtMost | Comparison::AtLeast),
                    rule: format!("{} {}", alternative.comparison.words(), alternative.cut.words(line.unit)),
                });
            }
        }
    }
    bands
}

/// The terms that a version grades from values of an analyte, low before high.
pub fn terms(version: Version, analyte: Analyte) -> Vec<(&'static str, Direction)> {
    let mut terms: Vec<_> = TABLE
        .iter()
        .filter(|l| l.version == version && l.analyte == analyte)
        .map(|l| (l.term, l.direction))
        .collect();
    terms.sort_by_key(|term| term.1);
    terms.dedup();
    terms
}

/// The value below which a grade of an analyte's low term begins, in its canonical unit; `None` where the version
/// has no such cut, or only one relative to the laboratory's limit.
///
/// ```
/// use posology_clinic::ctcae::{Version, low_cut};
/// use posology_clinic::laboratory::Analyte;
/// assert_eq!(low_cut(Version::V5, Analyte::Platelets, 4), Some(25.into()));
/// assert_eq!(low_cut(Version::V6, Analyte::Platelets, 4), Some(10.into()));
/// assert_eq!(low_cut(Version::V5, Analyte::Haemoglobin, 4), None);
/// ```
pub fn low_cut(version: Version, analyte: Analyte, grade: u8) -> Option<Decimal> {
    let line = TABLE.iter().find(|l| {
        l.version == version
            && l.analyte == analyte
            && l.direction == Direction::Low
            && convert(analyte, Decimal::ONE, l.unit).is_ok_and(|quantity| quantity.value == Decimal::ONE)
    })?;
    line.grades.get(usize::from(grade).checked_sub(1)?)?.iter().find_map(|alternative| {
        match (alternative.comparison, alternative.cut) {
            (Comparison::Below, Cut::Value(cut)) => Some(cut),
            _ => None,
        }
    })
}

/// One line of the table of thresholds.
struct Line {
    version: Version,
    term: &'static str,
    analyte: Analyte,
    direction: Direction,
    when: When,
    unit: &'static str,
    /// For grades 1 to 4, the alternatives any of which makes it out.
    grades: [Vec<Alternative>; 4],
    note: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    BaselineNotHigh,
    BaselineHigh,
    BaselineNotLow,
    BaselineLow,
    Ungradeable,
}

struct Alternative {
    comparison: Comparison,
    cut: Cut,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

#[derive(Clone, Copy)]
enum Cut {
    Value(Decimal),
    LowerLimit,
    UpperLimitTimes(Decimal),
    UpperLimitPlus(Decimal),
    BaselineTimes(Decimal),
}

impl Comparison {
    const fn words(self) -> &'static str {
        match self {
            Self::Below => "below",
            Self::AtMost => "at most",
            Self::Above => "above",
            Self::AtLeast => "at least",
        }
    }
}

impl Cut {
    fn words(self, unit: &str) -> String {
        let times = |multiple: Decimal, of: &str| {
            if multiple == Decimal::ONE { of.to_owned() } else { format!("{multiple} x {of}") }
        };
        match self {
            Self::Value(cut) => format!("{cut} {unit}").trim().to_owned(),
            Self::LowerLimit => "the lower limit of normal".to_owned(),
            Self::UpperLimitTimes(multiple) => times(multiple, "the upper limit of normal"),
            Self::UpperLimitPlus(above) => format!("the upper limit of normal + {above} {unit}"),
            Self::BaselineTimes(multiple) => times(multiple, "the baseline"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Symptomatic,
    Consequences,
    Anticoagulated,
    Fasting,
    Between,
    Treatment,
    Elsewhere,
}

static TABLE: LazyLock<Vec<Line>> = LazyLock::new(|| {
    include_str!("../data/ctcae.tsv")
        .lines()
        .filter(|l| !l.starts_with('#'))
        .skip(1)
        .filter_map(parse_line)
        .collect()
});

fn parse_line(text: &'static str) -> Option<Line> {
    let mut fields = text.split('\t');
    let mut next = || fields.next();
    Some(Line {
        version: next()?.parse().ok()?,
        term: next()?,
        analyte: next()?.parse().ok()?,
        direction: match next()? {
            "low" => Direction::Low,
            "high" => Direction::High,
            _ => return None,
        },
        when: match next()? {
            "always" => When::Always,
            "baseline-not-high" => When::BaselineNotHigh,
            "baseline-high" => When::BaselineHigh,
            "baseline-not-low" => When::BaselineNotLow,
            "baseline-low" => When::BaselineLow,
            "ungradeable" => When::Ungradeable,
            _ => return None,
        },
        unit: next()?,
        grades: [parse_grade(next()?)?, parse_grade(next()?)?, parse_grade(next()?)?, parse_grade(next()?)?],
        note: next()?,
    })
}

fn parse_grade(text: &str) -> Option<Vec<Alternative>> {
    if text == "-" { Some(Vec::new()) } else { text.split('|').map(parse_alternative).collect() }
}

fn parse_alternative(text: &str) -> Option<Alternative> {
    let mut words = text.split_whitespace();
    let rule = words.next()?;
    let (comparison, cut) = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Below),
        (">", Comparison::Above),
    ]
    .into_iter()
    .find_map(|(sign, comparison)| rule.strip_prefix(sign).map(|cut| (comparison, cut)))?;
    let cut = if cut == "LLN" {
        Cut::LowerLimit
    } else if cut == "ULN" {
        Cut::UpperLimitTimes(Decimal::ONE)
    } else if let Some(multiple) = cut.strip_suffix("xULN") {
        Cut::UpperLimitTimes(multiple.parse().ok()?)
    } else if let Some(multiple) = cut.strip_suffix("xBASE") {
        Cut::BaselineTimes(multiple.parse().ok()?)
    } else if let Some(above) = cut.strip_prefix("ULN+") {
        Cut::UpperLimitPlus(above.parse().ok()?)
    } else {
        Cut::Value(cut.parse().ok()?)
    };
    let condition = |word| match word {
        "symptomatic" => Some(Condition::Symptomatic),
        "consequences" => Some(Condition::Consequences),
        "anticoagulated" => Some(Condition::Anticoagulated),
        "fasting" => Some(Condition::Fasting),
        "between" => Some(Condition::Between),
        "treatment" => Some(Condition::Treatment),
        "elsewhere" => Some(Condition::Elsewhere),
        _ => None,
    };
    Some(Alternative { comparison, cut, conditions: words.map(condition).collect::<Option<_>>()? })
}

/// Whether something holds, or what is missing to tell.
#[derive(Clone, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    /// Not recorded by anyone: the worse grade is taken.
    Unrecorded(&'static str),
    /// Not to be told from the value.
    Unknown(String),
}

/// A baseline that says "<" or ">" or is not positive has no multiples.
fn usable_baseline(baseline: &LabValue) -> Option<&LabValue> {
    (baseline.measured.qualifier == Qualifier::Exact && baseline.canonical > Decimal::ZERO)
        .then_some(baseline)
}

struct Sample<'a> {
    value: &'a LabValue,
    baseline: Option<&'a LabValue>,
    circumstances: &'a Circumstances,
}

impl Sample<'_> {
    fn grade(&self, line: &Line) -> Graded {
        let (mut lowest, mut highest, mut assuming, mut unknown) = (0, 0, Vec::new(), None);
        for (grade, alternatives) in (1..).zip(&line.grades) {
            match self.any(alternatives, line) {
                Holds::Yes => {
                    (lowest, highest, unknown) = (grade, grade, None);
                    assuming.clear();
                }
                Holds::No => {}
                Holds::Unrecorded(what) => {
                    highest = grade;
                    assuming.push(what.to_owned());
                }
                Holds::Unknown(why) => {
                    highest = grade;
                    unknown = Some(why);
                }
            }
        }
        if line.when == When::Ungradeable {
            highest = 4;
            unknown = Some(line.note.to_owned());
        }
        assuming.dedup();
        let reads_baseline = line.when != When::Always
            || line
                .grades
                .iter()
                .flatten()
                .any(|a| matches!(a.cut, Cut::BaselineTimes(_)) && a.conditions.is_empty());
        if reads_baseline && self.baseline.is_none() && line.when != When::Ungradeable {
            assuming.push("no baseline is known: it is taken as normal".to_owned());
        }
        let outcome = unknown.map_or(Outcome::Grade(highest), Outcome::Unknown);
        Graded {
            term: line.term,
            direction: line.direction,
            version: line.version,
            because: self.because(line, &outcome, &assuming),
            outcome,
            lowest,
            highest,
            assuming,
        }
    }

    fn because(&self, line: &Line, outcome: &Outcome, assuming: &[String]) -> Because {
        let (value, version) = (self.value, line.version);
        let mut says = match outcome {
            Outcome::Grade(grade) => {
                format!("{} {}: {} grade {grade}", value.analyte, value.measured, line.term)
            }
            Outcome::Unknown(why) => {
                format!("{} {}: {} has no grade: {why}", value.analyte, value.measured, line.term)
            }
        };
        for assumption in assuming {
            says.push_str("; ");
            says.push_str(assumption);
        }
        let mut because =
            Because::new(format!("ctcae-{version}/{}", line.term.to_lowercase().replace(' ', "-")), says)
                .input("value", &value.measured)
                .source(format!("CTCAE v{version}, {}", line.term));
        let unit = value.analyte.canonical_unit();
        for (name, limit) in [("lower-limit", value.lower_limit), ("upper-limit", value.upper_limit)] {
            if let Some(limit) = limit {
                because = because.input(name, format!("{} {unit}", limit.normalize()));
            }
        }
        if let Some(baseline) = self.baseline {
            because = because.input("baseline", &baseline.measured);
        }
        because
    }

    /// Whether a line is the one for this patient's baseline. A missing baseline or limit is taken as normal here;
    /// a missing upper limit then leaves the grade unknown, as the line for a normal baseline needs it.
    fn is_for(&self, when: When) -> bool {
        let high = self.baseline.is_some_and(|b| {
            b.upper_limit.or(self.value.upper_limit).is_some_and(|limit| b.canonical > limit)
        });
        let low = self.baseline.is_some_and(|b| {
            b.lower_limit.or(self.value.lower_limit).is_some_and(|limit| b.canonical < limit)
        });
        match when {
            When::Always | When::Ungradeable => true,
            When::BaselineHigh => high,
            When::BaselineNotHigh => !high,
            When::BaselineLow => low,
            When::BaselineNotLow => !low,
        }
    }

    /// The line by which it is graded: that in the reported unit, else the first.
    fn line(&self, version: Version, direction: Direction) -> Option<&'static Line> {
        let is_for = |l: &&Line| {
            l.version == version
                && l.analyte == self.value.analyte
                && l.direction == direction
                && self.is_for(l.when)
        };
        let mut lines = TABLE.iter().filter(is_for);
        lines.clone().find(|l| self.is_in(l.unit)).or_else(|| lines.next())
    }

    /// A cut in the canonical unit; `None` where the limit or the baseline that it is a multiple of is not known.
    fn cut_at(&self, cut: Cut, line: &Line) -> Option<Decimal> {
        let canonical = |value| Some(convert(line.analyte, value, line.unit).ok()?.value);
        match cut {
            Cut::Value(cut) => canonical(cut),
            Cut::LowerLimit => self.value.lower_limit,
            Cut::UpperLimitTimes(multiple) => multiple.checked_mul(self.value.upper_limit?),
            Cut::UpperLimitPlus(above) => canonical(above)?.checked_add(self.value.upper_limit?),
            Cut::BaselineTimes(multiple) => multiple.checked_mul(self.baseline?.canonical),
        }
    }

    /// Whether the value was reported in a unit of the same size.
    fn is_in(&self, unit: &str) -> bool {
        let size = |unit| convert(self.value.analyte, Decimal::ONE, unit).ok().map(|one| one.value);
        size(unit) == size(&self.value.measured.unit)
    }

    /// Whether one of the alternatives holds, what is certain going before what is not.
    fn any(&self, alternatives: &[Alternative], line: &Line) -> Holds {
        let rank = |holds: &Holds| match holds {
            Holds::Yes => 3,
            Holds::Unknown(_) => 2,
            Holds::Unrecorded(_) => 1,
            Holds::No => 0,
        };
        alternatives.iter().map(|a| self.holds(a, line)).max_by_key(rank).unwrap_or(Holds::No)
    }

    fn holds(&self, alternative: &Alternative, line: &Line) -> Holds {
        let mut holds = self.compare(alternative.comparison, alternative.cut, line);
        for condition in &alternative.conditions {
            holds = match (holds, self.condition(*condition, line)) {
                (Holds::No, _) | (_, Holds::No) => return Holds::No,
                (Holds::Unknown(why), _) | (_, Holds::Unknown(why)) => Holds::Unknown(why),
                (Holds::Yes, other) | (other, Holds::Yes) => other,
                (Holds::Unrecorded(what), Holds::Unrecorded(_)) => Holds::Unrecorded(what),
            };
        }
        holds
    }

    fn condition(&self, condition: Condition, line: &Line) -> Holds {
        let recorded = |answer: Option<bool>, unrecorded| match answer {
            Some(true) => Holds::Yes,
            Some(false) => Holds::No,
            None => Holds::Unrecorded(unrecorded),
        };
        let c = self.circumstances;
        match condition {
            Condition::Symptomatic => {
                recorded(c.symptomatic, "symptoms are not recorded: the worse grade is taken")
            }
            Condition::Consequences => recorded(
                c.consequences,
                "physiological consequences are not recorded: the worse grade is taken",
            ),
            Condition::Anticoagulated => {
                recorded(c.anticoagulated, "anticoagulation is not recorded: it is taken as given")
            }
            Condition::Fasting => {
                recorded(c.fasting, "fasting is not recorded: the sample is taken as fasting")
            }
            Condition::Between => {
                Holds::Unrecorded("the value lies between two published bands: the worse grade is taken")
            }
            Condition::Treatment | Condition::Elsewhere => Holds::Unknown(line.note.to_owned()),
        }
    }

    fn compare(&self, comparison: Comparison, cut: Cut, line: &Line) -> Holds {
        // A product or sum beyond a decimal's range is above any value.
        let product = |times: Decimal, of: Decimal| times.checked_mul(of).unwrap_or(Decimal::MAX);
        let missing = |limit| Holds::Unknown(format!("the laboratory's {limit} limit of normal is missing"));
        // Absolute cuts are in the line's unit, everything else in the canonical one.
        let as_reported = self.is_in(line.unit);
        let to_canonical = |value| convert(line.analyte, value, line.unit).map_or(value, |q| q.value);
        let (value, cut) = match cut {
            Cut::Value(cut) if as_reported => (self.value.measured.value, cut),
            Cut::Value(cut) => (self.value.canonical, to_canonical(cut)),
            Cut::LowerLimit => match self.value.lower_limit {
                Some(limit) => (self.value.canonical, limit),
                None => return missing("lower"),
            },
            Cut::UpperLimitTimes(multiple) => match self.value.upper_limit {
                Some(limit) => (self.value.canonical, product(multiple, limit)),
                None => return missing("upper"),
            },
            Cut::UpperLimitPlus(above) => match self.value.upper_limit {
                Some(limit) => {
                    (self.value.canonical, limit.checked_add(to_canonical(above)).unwrap_or(Decimal::MAX))
                }
                None => return missing("upper"),
            },
            Cut::BaselineTimes(multiple) => match self.baseline {
                Some(baseline) => (self.value.canonical, product(multiple, baseline.canonical)),
                None => return Holds::No,
            },
        };
        let certain = |yes| if yes { Holds::Yes } else { Holds::No };
        let measured = &self.value.measured;
        let open = || Holds::Unknown(format!("the value is reported only as {measured}"));
        match (measured.qualifier, comparison) {
            (Qualifier::Exact, Comparison::Below) => certain(value < cut),
            (Qualifier::Exact, Comparison::AtMost) => certain(value <= cut),
            (Qualifier::Exact, Comparison::Above) => certain(value > cut),
            (Qualifier::Exact, Comparison::AtLeast) => certain(value >= cut),
            (Qualifier::LessThan, Comparison::Below | Comparison::AtMost) if value <= cut => Holds::Yes,
            (Qualifier::LessThan, Comparison::Above | Comparison::AtLeast) if value <= cut => Holds::No,
            (Qualifier::GreaterThan, Comparison::Above | Comparison::AtLeast) if value >= cut => Holds::Yes,
            (Qualifier::GreaterThan, Comparison::Below | Comparison::AtMost) if value >= cut => Holds::No,
            (Qualifier::LessThan | Qualifier::GreaterThan, _) => open(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn value(analyte: Analyte, text: &str, lower: &str, upper: &str) -> LabValue {
        let limit = |text: &str| (text != "-").then(|| decimal(text));
        LabValue::new(analyte, text.parse().unwrap(), limit(lower), limit(upper)).unwrap()
    }

    fn one(version: Version, value: &LabValue, direction: Direction) -> Graded {
        under(version, value, None, Circumstances::default(), direction)
    }

    fn under(
        version: Version,
        value: &LabValue,
        baseline: Option<&LabValue>,
        circumstances: Circumstances,
        direction: Direction,
    ) -> Graded {
        grade(version, value, baseline, &circumstances)
            .into_iter()
            .find(|g| g.direction == direction)
            .unwrap()
    }

    #[test]
    fn beyond_each_band_a_value_has_its_grade_and_short_of_it_a_better_one() {
        let baseline = value(Analyte::Creatinine, "100 umol/L", "-", "110");
        let cases = [
            (Analyte::Platelets, "200 10^9/L", "150", "-", None),
            (Analyte::Neutrophils, "3 10^9/L", "1.8", "-", None),
            (Analyte::Haemoglobin, "130 g/L", "120", "-", None),
            (Analyte::Creatinine, "90 umol/L", "-", "110", Some(&baseline)),
            (Analyte::AlanineAminotransferase, "20 U/L", "-", "40", None),
        ];
        let mut checked = 0;
        for (analyte, text, lower, upper, baseline) in cases {
            let unit = text.split_once(' ').unwrap().1;
            for version in [Version::V5, Version::V6] {
                for band in bands(version, &value(analyte, text, lower, upper), baseline) {
                    let graded = |at: Decimal| {
                        let sample = value(analyte, &format!("{at} {unit}"), lower, upper);
                        grade(version, &sample, baseline, &Circumstances::default())
                            .into_iter()
                            .find(|graded| graded.direction == band.direction)
                            .and_then(|graded| graded.grade())
                            .unwrap()
                    };
                    let hair = decimal("0.001");
                    let (beyond, short) = match band.direction {
                        Direction::Low => (graded(band.cut - hair), graded(band.cut + hair)),
                        Direction::High => (graded(band.cut + hair), graded(band.cut - hair)),
                    };
                    assert!(beyond >= band.grade, "{band:?}");
                    assert!(short < band.grade, "{band:?}");
                    assert_eq!(graded(band.cut) >= band.grade, band.includes_cut, "{band:?}");
                    checked += 1;
                }
            }
        }
        assert!(checked >= 30, "{checked}");
    }

    #[test]
    fn of_two_rules_for_a_grade_the_band_is_that_met_first() {
        // CTCAE v5.0, creatinine increased: grade 2 above 1.5 x baseline or 1.5 x upper limit; grade 4 by the limit alone.
        let baseline = value(Analyte::Creatinine, "60 umol/L", "-", "110");
        let now = value(Analyte::Creatinine, "80 umol/L", "-", "110");
        let bands = bands(Version::V5, &now, Some(&baseline));
        let cuts: Vec<String> = bands.iter().map(|band| band.cut.normalize().to_string()).collect();
        assert_eq!(cuts, ["110", "90", "180", "660"]);
        assert_eq!(bands[1].rule, "above 1.5 x the baseline");
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = include_str!("../data/ctcae.tsv").lines().filter(|l| !l.starts_with('#')).count();
        assert_eq!(TABLE.len(), lines - 1);
        for line in TABLE.iter() {
            assert!(convert(line.analyte, Decimal::ONE, line.unit).is_ok(), "{} in {}", line.term, line.unit);
        }
    }

    #[test]
    fn each_cut_and_a_hair_beyond_it_get_the_grades_of_the_published_table() {
        // Source: CTCAE v5.0 and v6.0 thresholds as in pharmaverse/admiral; the fixture was made from them apart from this code.
        let mut checked = 0;
        for row in include_str!("../tests/data/ctcae_boundaries.tsv").lines().filter(|l| !l.starts_with('#'))
        {
            let f: Vec<&str> = row.split('\t').collect();
            let [version, analyte, direction, unit, lower, upper, baseline, measured, expected] = f[..]
            else {
                panic!("{row}")
            };
            let analyte: Analyte = analyte.parse().unwrap();
            let sample = value(analyte, &format!("{measured} {unit}"), lower, upper);
            let baseline =
                (baseline != "-").then(|| value(analyte, &format!("{baseline} {unit}"), lower, upper));
            let direction = if direction == "L" { Direction::Low } else { Direction::High };
            let circumstances =
                Circumstances { fasting: Some(true), anticoagulated: Some(false), ..Default::default() };
            let graded =
                under(version.parse().unwrap(), &sample, baseline.as_ref(), circumstances, direction);
            assert_eq!(graded.grade(), Some(expected.parse().unwrap()), "{row}: {}", graded.because.says);
            checked += 1;
        }
        assert!(checked > 300, "{checked}");
    }

    #[test]
    fn the_same_counts_are_milder_in_version_6() {
        // Source: CTCAE v5.0 and v6.0; platelets 15, neutrophils 0.3 and 0.8.
        for (analyte, text, v5, v6) in [
            (Analyte::Platelets, "15 10^9/L", 4, 3),
            (Analyte::Platelets, "9.9 10^9/L", 4, 4),
            (Analyte::Neutrophils, "0.3 10^9/L", 4, 3),
            (Analyte::Neutrophils, "0.8 10^9/L", 3, 2),
        ] {
            let value = value(analyte, text, "-", "-");
            assert_eq!(one(Version::V5, &value, Direction::Low).grade(), Some(v5), "{text}");
            assert_eq!(one(Version::V6, &value, Direction::Low).grade(), Some(v6), "{text}");
        }
    }

    #[test]
    fn a_missing_limit_is_unknown_unless_an_absolute_cut_fires() {
        let graded = one(Version::V5, &value(Analyte::Platelets, "80 10^9/L", "-", "-"), Direction::Low);
        assert_eq!((graded.grade(), graded.lowest, graded.highest), (None, 0, 1));
        assert!(graded.because.says.contains("lower limit of normal is missing"));
        let graded = one(Version::V5, &value(Analyte::Platelets, "60 10^9/L", "-", "-"), Direction::Low);
        assert_eq!(graded.grade(), Some(2));
        let graded =
            one(Version::V5, &value(Analyte::AlanineAminotransferase, "500 U/L", "-", "-"), Direction::High);
        assert_eq!((graded.grade(), graded.highest), (None, 4));
    }

    #[test]
    fn a_limit_of_the_method_is_graded_only_when_it_decides() {
        let low = |text| one(Version::V5, &value(Analyte::Platelets, text, "150", "400"), Direction::Low);
        assert_eq!(low("<10 10^9/L").grade(), Some(4));
        let open = low("<30 10^9/L");
        assert_eq!((open.grade(), open.lowest, open.highest), (None, 3, 4));
        assert_eq!(low(">160 10^9/L").grade(), Some(0));
        assert_eq!(low(">10 10^9/L").grade(), None);
    }

    #[test]
    fn what_nobody_recorded_takes_the_worse_grade_and_says_so() {
        for (analyte, text, lower, upper, direction, lowest, highest) in [
            (Analyte::Potassium, "3.2 mmol/L", "3.5", "5.0", Direction::Low, 1, 2),
            (Analyte::Sodium, "127 mmol/L", "135", "145", Direction::Low, 2, 3),
            (Analyte::Sodium, "129.5 mmol/L", "135", "145", Direction::Low, 1, 3),
            (Analyte::Lipase, "150 U/L", "-", "60", Direction::High, 2, 3),
            (Analyte::Urate, "500 umol/L", "-", "420", Direction::High, 1, 3),
        ] {
            let graded = one(Version::V5, &value(analyte, text, lower, upper), direction);
            assert_eq!((graded.lowest, graded.grade()), (lowest, Some(highest)), "{}", graded.because.says);
            assert!(!graded.assuming.is_empty());
        }
        let known = Circumstances { symptomatic: Some(false), ..Default::default() };
        let sodium = value(Analyte::Sodium, "127 mmol/L", "135", "145");
        let graded = under(Version::V5, &sodium, None, known, Direction::Low);
        assert_eq!((graded.grade(), graded.assuming.len()), (Some(2), 0));
    }

    #[test]
    fn creatinine_takes_the_worse_of_two_rules_in_version_5() {
        let now = value(Analyte::Creatinine, "90 umol/L", "60", "110");
        let baseline = value(Analyte::Creatinine, "50 umol/L", "60", "110");
        let high = |version| {
            under(version, &now, Some(&baseline), Circumstances::default(), Direction::High).grade()
        };
        assert_eq!(high(Version::V5), Some(2));
        assert_eq!(high(Version::V6), Some(2)); // baseline below the lower limit
        assert_eq!(one(Version::V5, &now, Direction::High).grade(), Some(0));
    }

    #[test]
    fn cuts_printed_in_mg_per_dl_grade_values_reported_so() {
        // Source: CTCAE prints <55 mg/dL and <3.0 mmol/L; 54 mg/dL is 2.997 mmol/L, 54.5 is 3.025.
        let reported = value(Analyte::Glucose, "54.5 mg/dL", "70", "100");
        assert_eq!(one(Version::V5, &reported, Direction::Low).grade(), Some(2));
        let converted = value(Analyte::Glucose, "3.025 mmol/L", "3.9", "5.6");
        assert_eq!(one(Version::V5, &converted, Direction::Low).grade(), Some(1));
    }

    #[test]
    fn a_term_that_a_version_lacks_is_unknown_and_not_grade_0() {
        let lymphocytes = value(Analyte::Lymphocytes, "0.1 10^9/L", "1", "4");
        assert_eq!(one(Version::V6, &lymphocytes, Direction::Low).grade(), None);
        assert_eq!(one(Version::V5, &lymphocytes, Direction::Low).grade(), Some(4));
        let calcium = value(Analyte::Calcium, "3.5 mmol/L", "2.1", "2.6");
        assert_eq!(one(Version::V5, &calcium, Direction::High).grade(), None);
        let glucose = value(Analyte::Glucose, "5 mmol/L", "3.9", "5.6");
        assert_eq!(one(Version::V5, &glucose, Direction::High).grade(), Some(0));
    }

    #[test]
    fn versions_without_thresholds_are_refused_by_name() {
        for text in ["4.03", "5.1", "", "7", "vv"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<Version>("\"6.0\"").unwrap(), Version::V6);
        assert!(serde_json::from_str::<Version>("\"4.03\"").unwrap_err().to_string().contains("4.03"));
    }

    proptest! {
        #[test]
        fn grades_never_improve_as_the_value_worsens(
            index in 0..Analyte::ALL.len(),
            a in 0i64..3_000_000, b in 0i64..3_000_000, scale in 0u32..5,
            lower in 1i64..100, width in 1i64..100, base in proptest::option::of(1i64..400),
            version in prop_oneof![Just(Version::V5), Just(Version::V6)],
        ) {
            let analyte = Analyte::ALL[index];
            let unit = analyte.canonical_unit();
            let at = |n| LabValue::new(
                analyte,
                format!("{} {unit}", Decimal::new(n, scale)).parse().unwrap(),
                Some(lower.into()),
                Some((lower + width).into()),
            ).unwrap();
            let baseline = base.map(|n| LabValue::new(analyte, format!("{n} {unit}").parse().unwrap(), Some(lower.into()), Some((lower + width).into())).unwrap());
            let (less, more) = (at(a.min(b)), at(a.max(b)));
            let graded = |v: &LabValue| grade(version, v, baseline.as_ref(), &Circumstances::default());
            for (l, m) in graded(&less).into_iter().zip(graded(&more)) {
                prop_assert!(l.lowest <= l.highest && m.lowest <= m.highest);
                match l.direction {
                    Direction::Low => prop_assert!(l.highest >= m.highest && l.lowest >= m.lowest),
                    Direction::High => prop_assert!(l.highest <= m.highest && l.lowest <= m.lowest),
                }
            }
        }
    }
}
