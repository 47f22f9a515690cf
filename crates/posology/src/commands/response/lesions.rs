//! Tables of lesions: what RECIST, Lugano, RANO and INRC read, in two layouts.
//!
//! A, for people: a row for each lesion on each day, beside it columns that belong to the visit. B, of SDTM: TR
//! with TU beside it, and RS for what the investigator said. Start at [`read`]. What can be read in one way only is
//! read; anything else is an error with its row, or a warning on the subject.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::CriteriaSet;
use posology_clinic::response::lesion::{Lesion, Role, Size};
use rust_decimal::Decimal;

use super::{DATE, SUBJECT, Subject};
use crate::failure::Failure;
use crate::rows::{Line, Rows};

mod sdtm;

/// What to read.
pub(super) struct Options<'a> {
    /// The criteria, whose categories an investigator may have given.
    pub set: CriteriaSet,
    /// Columns of layout A that belong to the visit and not to a lesion.
    pub columns: &'a [&'static str],
    /// Whose results count, and how dates are completed.
    pub reading: Reading<'a>,
}

/// What the user says of how SDTM is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Of several evaluators whose results count, as `INVESTIGATOR` or `INDEPENDENT ASSESSOR/RADIOLOGIST 1`.
    pub evaluator: &'a str,
    /// What a month without a day becomes.
    pub partial_dates: PartialDates,
}

/// What a date without its day becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PartialDates {
    /// An error
    Refuse,
    /// The first day of the month, with a warning
    FirstDay,
    /// The last day of the month, with a warning
    LastDay,
}

/// One patient: what any layout may say of the course, the baseline, and the later visits by date.
pub(super) struct Patient {
    pub subject: Subject,
    pub baseline: Visit,
    pub visits: Vec<Visit>,
}

/// All that was recorded on one day.
#[derive(Debug, Default)]
pub(super) struct Visit {
    pub date: Date,
    pub lesions: Vec<Lesion>,
    values: BTreeMap<&'static str, (String, String)>,
    of_lesions: BTreeMap<(String, &'static str), (String, String)>,
    is_baseline: bool,
    place: String,
}

impl Visit {
    /// What a column of the visit says; `None` where it is empty.
    pub(super) fn value(&self, column: &str) -> Option<&str> {
        self.values.get(column).map(|(text, _)| text.as_str())
    }

    /// What a column of a lesion says; `None` where it is empty.
    pub(super) fn of_lesion(&self, lesion: &str, column: &'static str) -> Option<&str> {
        self.of_lesions.get(&(lesion.to_owned(), column)).map(|(text, _)| text.as_str())
    }

    /// An error at a column of a lesion.
    pub(super) fn bad_lesion(&self, lesion: &str, column: &'static str, error: &dyn Display) -> Failure {
        let place = self.of_lesions.get(&(lesion.to_owned(), column)).map_or(&self.place, |(_, place)| place);
        Failure::input(format!("{place}, column {column}, lesion {lesion}: {error}"))
    }

    /// An error at a column of the visit.
    pub(super) fn bad(&self, column: &str, error: &dyn Display) -> Failure {
        let place = self.values.get(column).map_or(&self.place, |(_, place)| place);
        Failure::input(format!("{place}, column {column}: {error}"))
    }
}

const LESION: &[&str] = &["lesion"];
const ROLE: &[&str] = &["role"];
const SITE: &[&str] = &["site"];
const NODE: &[&str] = &["node"];
const LONGEST: &[&str] = &["longest"];
const SHORTEST: &[&str] = &["shortest"];
const UNIT: &[&str] = &["unit"];
const STATE: &[&str] = &["state"];
const METHOD: &[&str] = &["method"];
const BASELINE: &[&str] = &["baseline"];
const COURSE: &[&str] = &["first_treatment", "therapy_start", "death", "investigator"];

/// What criteria want of layout A beyond lesions and visits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct More<'a> {
    /// Columns that belong to a lesion on its day.
    pub lesion_columns: &'a [&'static str],
    /// Whether there need be no lesions, because the visit may say enough.
    pub lesions_optional: bool,
}

/// The patients of a table of lesions, or of a folder of SDTM.
pub(super) fn read(file: &Path, options: &Options<'_>) -> Result<Vec<Patient>, Failure> {
    read_more(file, options, More::default())
}

/// As [`read`], with what layout A may say beyond lesions and visits.
pub(super) fn read_more(file: &Path, options: &Options<'_>, more: More<'_>) -> Result<Vec<Patient>, Failure> {
    if file.is_dir() {
        return sdtm::read_folder(file, options);
    }
    let rows = Rows::read_some(file)?;
    if rows.has_any(&["trtestcd"]) {
        return sdtm::read(file, &rows, options);
    }
    let known =
        [SUBJECT, DATE, LESION, ROLE, SITE, NODE, LONGEST, SHORTEST, UNIT, STATE, METHOD, BASELINE, COURSE];
    rows.refuse_misspelt(
        &known.into_iter().chain([options.columns, more.lesion_columns]).collect::<Vec<_>>(),
    )?;
    rows.need(&[("a subject", SUBJECT), ("a date", DATE)])?;
    if !more.lesions_optional {
        rows.need(&[("a lesion", LESION)])?;
    }
    let mut found = Found::default();
    for line in rows.lines() {
        let name: String = line.required(SUBJECT)?;
        let date: Date = line.required(DATE)?;
        let at = At { line: &line, subject: &name, date };
        let chart = found.chart(&name);
        chart.read_course(&line, date, options.set)?;
        chart.read_visit(&at, options.columns)?;
        if let Some(id) = line.text(LESION) {
            let visit = chart.visit(date, || at.place());
            for &column in more.lesion_columns {
                if let Some(text) = at.line.text(&[column]) {
                    visit.of_lesions.insert((id.to_owned(), column), (text.to_owned(), at.place()));
                }
            }
            let entry = entry(&at, id, chart)?;
            chart.add(&at, entry)?;
        } else if let Some(column) =
            [LONGEST, SHORTEST, STATE, ROLE].iter().find(|column| line.text(column).is_some())
        {
            return Err(at.bad(
                column,
                "expected the lesion this belongs to, found none; mend: name it in the column lesion",
            ));
        }
    }
    found.patients()
}

/// A row with the words that place it.
struct At<'a> {
    line: &'a Line<'a>,
    subject: &'a str,
    date: Date,
}

impl At<'_> {
    fn bad(&self, columns: &[&str], error: impl Display) -> Failure {
        self.line.bad(columns, &format!("subject {}, {}: {error}", self.subject, self.date))
    }

    fn place(&self) -> String {
        self.line.place()
    }
}

/// A lesion on one day as recorded; what its other rows say of it may fill in the rest.
#[derive(Debug, Clone)]
struct Entry {
    id: String,
    role: Option<Role>,
    is_node: Option<bool>,
    site: Option<String>,
    method: Option<String>,
    size: Size,
}

/// One patient while the rows are read.
struct Chart {
    subject: Subject,
    visits: BTreeMap<Date, Visit>,
    entries: BTreeMap<Date, Vec<Entry>>,
    units: BTreeSet<String>,
    places: BTreeMap<(Date, String), String>,
}

#[derive(Default)]
struct Found(BTreeMap<String, Chart>);

impl Found {
    fn chart(&mut self, name: &str) -> &mut Chart {
        self.0.entry(name.to_owned()).or_insert_with(|| Chart {
            subject: Subject::new(name.to_owned()),
            visits: BTreeMap::new(),
            entries: BTreeMap::new(),
            units: BTreeSet::new(),
            places: BTreeMap::new(),
        })
    }

    fn patients(self) -> Result<Vec<Patient>, Failure> {
        self.0.into_values().filter(|chart| !chart.visits.is_empty()).map(Chart::patient).collect()
    }
}

impl Chart {
    /// Dates of the course and the investigator's category, which must be one of the criteria, letter for letter.
    fn read_course(&mut self, line: &Line<'_>, date: Date, set: CriteriaSet) -> Result<(), Failure> {
        self.subject.read_course(line, date)?;
        if let Some(said) = line.text(&["investigator"]) {
            set.category(said).map_err(|bad| {
                line.bad(&["investigator"], &format!("subject {}, {date}: {bad}", self.subject.name))
            })?;
        }
        Ok(())
    }

    fn visit(&mut self, date: Date, place: impl FnOnce() -> String) -> &mut Visit {
        self.visits.entry(date).or_insert_with(|| Visit { date, place: place(), ..Visit::default() })
    }

    fn read_visit(&mut self, at: &At<'_>, columns: &[&'static str]) -> Result<(), Failure> {
        let flagged = match at.line.text(BASELINE).map(str::to_ascii_uppercase).as_deref() {
            None | Some("N") => false,
            Some("Y") => true,
            Some(other) => {
                return Err(at.bad(
                    BASELINE,
                    format!("expected Y, N or nothing, found {other:?}; mend: write Y at baseline"),
                ));
            }
        };
        let visit = self.visit(at.date, || at.place());
        visit.is_baseline |= flagged;
        for &column in columns {
            let Some(text) = at.line.text(&[column]) else { continue };
            match visit.values.get(column) {
                Some((known, place)) if known != text => {
                    return Err(at.bad(
                        &[column],
                        format!("expected one value a day, found {text:?} here and {known:?} in {place}; mend: keep one"),
                    ));
                }
                _ => {
                    visit.values.insert(column, (text.to_owned(), at.place()));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, at: &At<'_>, entry: Entry) -> Result<(), Failure> {
        if let Some(first) = self.places.insert((at.date, entry.id.clone()), at.place()) {
            return Err(at.bad(
                LESION,
                format!(
                    "expected one result for {} on this day, found another in {first}; mend: keep one",
                    entry.id
                ),
            ));
        }
        self.visit(at.date, || at.place());
        self.entries.entry(at.date).or_default().push(entry);
        Ok(())
    }

    fn warn(&mut self, rule: &str, says: String) {
        self.subject.warnings.push(Because::new(rule, says));
    }

    /// What all rows of a lesion agree on, and the visits in order with the baseline apart.
    fn patient(mut self) -> Result<Patient, Failure> {
        let name = self.subject.name.clone();
        if self.units.len() > 1 {
            let units: Vec<&str> = self.units.iter().map(String::as_str).collect();
            let says =
                format!("lengths are given in {}: each is read in its own unit", units.join(" and in "));
            self.warn("response/two-units", says);
        }
        let mut known: BTreeMap<String, Entry> = BTreeMap::new();
        let mut warnings = Vec::new();
        for (date, entries) in &self.entries {
            for entry in entries {
                let place = self.places.get(&(*date, entry.id.clone())).map_or("", String::as_str);
                agree(&mut known, entry, |rule, says| warnings.push((rule, format!("{date}: {says}"))))
                    .map_err(|says| Failure::input(format!("{place}: subject {name}, {date}: {says}")))?;
            }
        }
        for (rule, says) in warnings {
            self.warn(rule, says);
        }
        for (date, entries) in std::mem::take(&mut self.entries) {
            let Some(visit) = self.visits.get_mut(&date) else { continue };
            for entry in entries {
                let shared = known.get(&entry.id);
                let Some(role) = shared.and_then(|shared| shared.role) else {
                    return Err(Failure::input(format!(
                        "{}: subject {name}, {date}: expected what {} is followed as, found nothing; mend: write target, non-target or new in the column role",
                        self.places.get(&(date, entry.id.clone())).map_or("", String::as_str),
                        entry.id
                    )));
                };
                visit.lesions.push(Lesion {
                    role,
                    is_node: shared.and_then(|shared| shared.is_node).unwrap_or(false),
                    site: shared.and_then(|shared| shared.site.clone()).unwrap_or_default(),
                    method: entry.method.unwrap_or_default(),
                    id: entry.id,
                    size: entry.size,
                });
            }
        }
        let flagged: Vec<Date> =
            self.visits.values().filter(|visit| visit.is_baseline).map(|visit| visit.date).collect();
        let baseline = match flagged[..] {
            [] => self.visits.keys().next().copied(),
            [one] => Some(one),
            [one, other, ..] => {
                return Err(Failure::input(format!(
                    "subject {name}, column baseline: expected one day, found {one} and {other}; mend: keep Y on the day of the baseline"
                )));
            }
        };
        let mut visits = self.visits;
        let Some(baseline) = baseline.and_then(|date| visits.remove(&date)) else {
            return Err(Failure::input(format!(
                "subject {name}: expected a baseline, found none; mend: add its rows"
            )));
        };
        if let Some(early) = visits.values().find(|visit| visit.date < baseline.date) {
            return Err(Failure::input(format!(
                "{}: subject {name}: expected no visit before the baseline of {}, found {}; mend: correct the date or the baseline",
                early.place, baseline.date, early.date
            )));
        }
        Ok(Patient { subject: self.subject, baseline, visits: visits.into_values().collect() })
    }
}

/// Adds what a row says of a lesion to what is known of it. What changes the meaning of a number is an error, and
/// what may is told.
fn agree(
    known: &mut BTreeMap<String, Entry>,
    entry: &Entry,
    mut warn: impl FnMut(&'static str, String),
) -> Result<(), String> {
    let Some(known) = known.get_mut(&entry.id) else {
        known.insert(entry.id.clone(), entry.clone());
        return Ok(());
    };
    let id = &entry.id;
    if let (Some(before), Some(now)) = (known.role, entry.role)
        && before != now
    {
        return Err(format!(
            "expected {id} to keep its role, found {} after {}; mend: give a new lesion a name of its own",
            role_name(now),
            role_name(before)
        ));
    }
    if let (Some(before), Some(now)) = (known.is_node, entry.is_node)
        && before != now
    {
        return Err(format!(
            "expected {id} to stay a node or none, found both; mend: correct the column node"
        ));
    }
    let differ = |before: &Option<String>, now: &Option<String>| {
        before.as_ref().zip(now.as_ref()).is_some_and(|(before, now)| !before.eq_ignore_ascii_case(now))
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    if differ(&known.method, &entry.method) {
        warn(
            "response/method-changed",
            format!(
                "{id} by {}, before by {}: sizes by two methods are not comparable",
                text(&entry.method),
                text(&known.method)
            ),
        );
    }
    if differ(&known.site, &entry.site) {
        warn(
            "response/site-changed",
            format!("{id} at {}, before at {}", text(&entry.site), text(&known.site)),
        );
    }
    known.role = known.role.or(entry.role);
    known.is_node = known.is_node.or(entry.is_node);
    known.site = known.site.take().or_else(|| entry.site.clone());
    known.method = entry.method.clone().or_else(|| known.method.take());
    Ok(())
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Target => "target",
        Role::NonTarget => "non-target",
        Role::New => "new",
    }
}

/// The lesion of a row of layout A.
fn entry(at: &At<'_>, id: &str, chart: &mut Chart) -> Result<Entry, Failure> {
    let line = at.line;
    let role = match line.text(ROLE) {
        None => None,
        Some("target") => Some(Role::Target),
        Some("non-target") => Some(Role::NonTarget),
        Some("new") => Some(Role::New),
        Some(other) => {
            return Err(at.bad(
                ROLE,
                format!("expected target, non-target or new, found {other:?}; mend: write one of them"),
            ));
        }
    };
    let is_node = match line.text(NODE).map(str::to_ascii_uppercase).as_deref() {
        None => None,
        Some("Y") => Some(true),
        Some("N") => Some(false),
        Some(other) => {
            return Err(
                at.bad(NODE, format!("expected Y or N, found {other:?}; mend: write Y for a lymph node"))
            );
        }
    };
    let mut length = |columns: &[&str]| -> Result<Option<Decimal>, Failure> {
        let Some(text) = line.text(columns) else { return Ok(None) };
        let (length, unit) = millimetres(text, line.text(UNIT)).map_err(|says| at.bad(columns, says))?;
        chart.units.insert(unit);
        Ok(Some(length))
    };
    let (longest, shortest) = (length(LONGEST)?, length(SHORTEST)?);
    if let (Some(longest), Some(shortest)) = (longest, shortest)
        && shortest > longest
    {
        let says = format!(
            "{}: {id} has the longest diameter {longest} mm below the shortest {shortest} mm: exchanged?",
            at.date
        );
        chart.warn("response/shortest-longer", says);
    }
    let measured = longest.is_some() || shortest.is_some();
    let size = match line.text(STATE) {
        None | Some("measured") if measured => Size::Measured { longest, shortest },
        Some("too-small") if !measured => Size::TooSmall,
        Some("absent") if !measured => Size::Absent,
        Some("present") => Size::Present,
        Some("worse") => Size::Worse,
        Some("not-assessed") if !measured => Size::NotAssessed,
        None => {
            return Err(at.bad(STATE, "expected a length or a state, found neither; mend: measure it, or write too-small, absent, present, worse or not-assessed"));
        }
        Some("measured") => {
            return Err(at.bad(
                LONGEST,
                format!("expected a length, since {id} is measured, found none; mend: fill it in"),
            ));
        }
        Some(other @ ("too-small" | "absent" | "not-assessed")) => {
            return Err(at.bad(
                STATE,
                format!("expected no length beside {other}, found one; mend: keep one of the two"),
            ));
        }
        Some(other) => {
            return Err(at.bad(STATE, format!("expected measured, too-small, absent, present, worse or not-assessed, found {other:?}; mend: write one of them")));
        }
    };
    Ok(Entry {
        id: id.to_owned(),
        role,
        is_node,
        site: line.text(SITE).map(str::to_owned),
        method: line.text(METHOD).map(str::to_owned),
        size,
    })
}

/// A length with its unit in the cell or beside it, in millimetres, and the unit. A unit is never guessed.
fn millimetres(text: &str, beside: Option<&str>) -> Result<(Decimal, String), String> {
    let split = text.find(char::is_alphabetic).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = if unit.trim().is_empty() { beside.unwrap_or("") } else { unit.trim() };
    let value: Decimal = number
        .trim()
        .parse()
        .map_err(|_| format!("expected a length, found {text:?}; mend: write the number and its unit"))?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "mm" => Decimal::ONE,
        "cm" => Decimal::TEN,
        "" => {
            return Err(format!(
                "expected mm or cm, found {text:?} without a unit; mend: write the unit in the cell or in the column unit"
            ));
        }
        other => return Err(format!("expected mm or cm, found {other:?}; mend: convert the length")),
    };
    if value.is_sign_negative() && !value.is_zero() {
        return Err(format!("expected a length of 0 or more, found {text:?}; mend: correct it"));
    }
    match value
        .checked_mul(factor)
        .filter(|length| *length <= Decimal::from(LONGEST_MM) && length.scale() <= 9)
    {
        Some(length) => Ok((length.normalize(), unit.to_ascii_lowercase())),
        None => Err(format!(
            "expected a length up to {LONGEST_MM} mm in at most 9 decimals, found {text:?}; mend: correct it"
        )),
    }
}

/// Longer than any lesion: a length in the wrong unit.
const LONGEST_MM: u32 = 2_000;
