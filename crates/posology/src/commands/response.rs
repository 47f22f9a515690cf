//! `response`: categories from values; `response confirm`: confirmation of categories.
//!
//! A file a set of criteria reads its layout and judges each assessment; confirmation, best response and printing
//! are the same for all.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::confirm::{Confirmed, Course};
use posology_clinic::response::{Assessment, Category, CriteriaSet, ProgressionKind, Settings};
use posology_trial::protocol::read_toml;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::output;
use crate::rows::{Line, Rows};

mod imwg;
mod inrc;
mod iwcll;
mod iwwm;
mod lesions;
mod lugano;
mod rano;
mod recist;
mod wide;

pub(crate) use lesions::{PartialDates, Reading};

const SUBJECT: &[&str] = &["subject", "usubjid"];
const DATE: &[&str] = &["date", "adt", "lbdtc", "trdtc", "rsdtc"];

/// One subject, assessments judged and not yet confirmed.
struct Subject {
    name: String,
    course: Course,
    assessments: Vec<Assessment>,
    /// What the investigator said, by day.
    investigator: BTreeMap<Date, String>,
    /// What could be followed from baseline on, and why.
    basis: Vec<Because>,
    /// Keys of the answer that only these criteria have.
    also: Map<String, Value>,
    /// What was doubtful in the rows.
    warnings: Vec<Because>,
}

impl Subject {
    fn new(name: String) -> Self {
        Self {
            name,
            course: Course::default(),
            assessments: Vec::new(),
            investigator: BTreeMap::new(),
            basis: Vec::new(),
            also: Map::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads what a row of any layout may say of the subject: `first_treatment`, `last_treatment`, `therapy_start`,
    /// `death`, and `investigator`, the investigator's own category of that day.
    fn read_course(&mut self, line: &Line<'_>, date: Date) -> Result<(), Failure> {
        let fields: [(&str, &mut Option<Date>); 4] = [
            ("first_treatment", &mut self.course.first_treatment),
            ("therapy_start", &mut self.course.new_therapy),
            ("death", &mut self.course.death),
            ("last_treatment", &mut self.course.last_treatment),
        ];
        for (column, known) in fields {
            let Some(found) = line.parse::<Date>(&[column])? else { continue };
            if known.is_some_and(|known| known != found) {
                self.warnings.push(Because::new(
                    "response/two-dates",
                    format!("{column} is given on two days, {} among them: the earlier counts", found),
                ));
            }
            *known = known.iter().copied().chain([found]).min();
        }
        if let Some(said) = line.text(&["investigator"]) {
            self.investigator.insert(date, said.to_owned());
        }
        Ok(())
    }
}

/// Y or N in a column of a visit.
fn flag(visit: &lesions::Visit, column: &str) -> Result<Option<bool>, Failure> {
    match visit.value(column).map(str::to_ascii_uppercase).as_deref() {
        None => Ok(None),
        Some("Y") => Ok(Some(true)),
        Some("N") => Ok(Some(false)),
        Some(other) => {
            let says =
                format!("expected Y or N, found {other:?}; mend: write one of them, or leave it empty");
            Err(visit.bad(column, &says))
        }
    }
}

/// A word of a closed list in a column of a visit.
fn word<T: std::str::FromStr<Err = String>>(
    visit: &lesions::Visit,
    column: &str,
) -> Result<Option<T>, Failure> {
    let Some(text) = visit.value(column) else { return Ok(None) };
    text.parse().map(Some).map_err(|bad| visit.bad(column, &bad))
}

/// The settings named, or the defaults of the set.
fn settings(criteria: &str, file: Option<&Path>) -> Result<Settings, Failure> {
    let set: CriteriaSet = criteria.parse().map_err(|bad| Failure::input(format!("criteria: {bad}")))?;
    let Some(path) = file else { return Ok(Settings::of(set)) };
    let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    let read = match set {
        CriteriaSet::Imwg2006 | CriteriaSet::Imwg2011 | CriteriaSet::Imwg2016 => {
            read_toml(&text).map(Settings::Imwg)
        }
        CriteriaSet::Iwcll2018 => read_toml(&text).map(Settings::Iwcll),
        CriteriaSet::Iwwm6 | CriteriaSet::Iwwm11 => read_toml(&text).map(Settings::Iwwm),
        CriteriaSet::Inrc2017 => read_toml(&text).map(Settings::Inrc),
        CriteriaSet::Lugano2014 | CriteriaSet::Lyric => read_toml(&text).map(Settings::Lugano),
        CriteriaSet::RanoHgg | CriteriaSet::Rano2 | CriteriaSet::RapnoHgg => {
            read_toml(&text).map(Settings::Rano)
        }
        CriteriaSet::Recist11 | CriteriaSet::Irecist => read_toml(&text).map(Settings::Recist),
    };
    let settings = read.map_err(|problems| Failure::Problems {
        file: path.display().to_string(),
        text,
        problems: problems.as_slice().to_vec(),
    })?;
    if settings.set() == set {
        return Ok(settings);
    }
    Err(Failure::input(format!(
        "{}: expected criteria = \"{set}\" as on the command line, found {}; mend: make them agree",
        path.display(),
        settings.set()
    )))
}

/// A table with a row a subject and date.
fn table(file: &Path) -> Result<Rows, Failure> {
    let rows = Rows::read_some(file)?;
    rows.need(&[("a subject", SUBJECT), ("a date", DATE)])?;
    Ok(rows)
}

pub(crate) fn assess(
    criteria: &str,
    file: &Path,
    settings_file: Option<&Path>,
    reading: Reading<'_>,
    explain: Option<&str>,
    best_only: bool,
    json: bool,
) -> Result<(), Failure> {
    let settings = settings(criteria, settings_file)?;
    let mut subjects = match &settings {
        Settings::Imwg(settings) if best_only => return imwg::best(settings, file, json),
        _ if best_only => {
            return Err(Failure::input(format!(
                "--best: expected criteria of myeloma, found {}; mend: leave it out",
                settings.set()
            )));
        }
        Settings::Imwg(settings) => {
            let rows = table(file)?;
            if let Some(wanted) = explain {
                return imwg::explain(settings, &rows, wanted, json);
            }
            imwg::subjects(settings, &rows)?
        }
        Settings::Iwcll(settings) => iwcll::subjects(settings, &table(file)?)?,
        Settings::Iwwm(settings) => iwwm::subjects(settings, &table(file)?)?,
        Settings::Inrc(settings) => inrc::subjects(settings, file, reading)?,
        Settings::Lugano(settings) => lugano::subjects(settings, file, reading)?,
        Settings::Rano(settings) => rano::subjects(settings, file, reading)?,
        Settings::Recist(settings) => recist::subjects(settings, file, reading)?,
    };
    for subject in &subjects {
        let Some(death) = subject.course.death else { continue };
        if let Some(later) =
            subject.assessments.iter().map(|assessment| assessment.date).find(|date| *date > death)
        {
            return Err(Failure::input(format!(
                "{}: subject {}: expected no assessment after the death on {death}, found one on {later}; mend: correct one of the two dates",
                file.display(),
                subject.name
            )));
        }
    }
    if let Some(wanted) = explain {
        subjects.retain(|subject| subject.name == wanted);
        let Some(subject) = subjects.first() else {
            return Err(Failure::input(format!(
                "--explain: expected a subject of {}, found {wanted:?}; mend: name one",
                file.display()
            )));
        };
        output::text(&explained(&settings, &document(&settings, subject), &subject.basis));
        return Ok(());
    }
    for subject in &subjects {
        for warning in &subject.warnings {
            output::error(&format!("warning: {}: {}", subject.name, warning.says));
        }
    }
    print(settings.set(), subjects.iter().map(|subject| document(&settings, subject)).collect(), json);
    Ok(())
}

pub(crate) fn confirm(
    criteria: &str,
    file: &Path,
    settings_file: Option<&Path>,
    json: bool,
) -> Result<(), Failure> {
    let settings = settings(criteria, settings_file)?;
    let rows = Rows::read_some(file)?;
    rows.need(&[("a subject", SUBJECT), ("a date", DATE), ("a response", &["response", "rsstresc"])])?;
    let mut subjects: BTreeMap<String, Subject> = BTreeMap::new();
    for line in rows.lines() {
        let name: String = line.required(SUBJECT)?;
        let subject = subjects.entry(name.clone()).or_insert_with(|| Subject::new(name.clone()));
        let response: String = line.required(&["response", "rsstresc"])?;
        let category =
            settings.set().category(&response).map_err(|bad| line.bad(&["response", "rsstresc"], &bad))?;
        let date: Date = line.required(DATE)?;
        let kind = match line.text(&["pd_kind"]).map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("biochemical") => Some(ProgressionKind::Biochemical),
            Some("imaging") => Some(ProgressionKind::Imaging),
            Some("clinical") => Some(ProgressionKind::Clinical),
            Some("marrow") => Some(ProgressionKind::Marrow),
            Some(other) => {
                return Err(line.bad(&["pd_kind"], &format!("expected biochemical, imaging, clinical or marrow, found {other:?}; mend: write one of them, or leave it empty")));
            }
        };
        let by_death = match line.text(&["death_pd"]).map(str::to_ascii_uppercase).as_deref() {
            None | Some("N") => false,
            Some("Y") => true,
            Some(other) => return Err(line.bad(&["death_pd"], &format!("expected Y, N or nothing, found {other:?}; mend: write Y where death was due to progression"))),
        };
        let kind =
            if by_death && category == Category::Progressive { Some(ProgressionKind::Death) } else { kind };
        let first: Option<Date> = line.parse(&["first_treatment"])?;
        subject.course.first_treatment = subject.course.first_treatment.into_iter().chain(first).min();
        let therapy: Option<Date> = line.parse(&["therapy_start"])?;
        if let (Some(known), Some(other)) = (subject.course.new_therapy, therapy)
            && known != other
        {
            crate::output::error(&format!(
                "warning: {name}: next therapy on {known} and on {other}: the earlier counts"
            ));
        }
        subject.course.new_therapy = subject.course.new_therapy.into_iter().chain(therapy).min();
        subject.course.first_treatment = subject.course.first_treatment.or(line.parse(&["first_treatment"])?);
        subject.course.last_treatment = subject.course.last_treatment.or(line.parse(&["last_treatment"])?);
        subject.assessments.push(Assessment::new(date, category, kind));
    }
    let answers: Vec<Value> = subjects.values().map(|subject| document(&settings, subject)).collect();
    for (name, answer) in subjects.keys().zip(&answers) {
        for finding in answer["warnings"].as_array().into_iter().flatten() {
            output::error(&format!("warning: {name}: {}", finding["says"].as_str().unwrap_or_default()));
        }
    }
    print(settings.set(), answers, json);
    Ok(())
}

/// The answer for one subject.
fn document(settings: &Settings, subject: &Subject) -> Value {
    let confirmed: Confirmed = settings.confirm(&subject.course, &subject.assessments);
    let best = settings.best(&subject.course, &confirmed);
    let (floor, major) = (settings.set().overall_response_floor(), settings.set().major_response_floor());
    let said = |date: &Date| subject.investigator.get(date);
    let assessments: Vec<Value> = confirmed
        .statuses
        .iter()
        .map(|status| {
            json!({
                "date": status.date, "response": status.assessed, "confirmed": status.status,
                "reasons": status.reasons, "confirmed_by": status.confirmed_by, "counts": status.counts,
                "kind": status.kind, "investigator": said(&status.date),
            })
        })
        .collect();
    let disagreements: Vec<Value> = confirmed
        .statuses
        .iter()
        .filter(|status| status.counts)
        .filter_map(|status| {
            let said = said(&status.date).filter(|said| said.as_str() != status.assessed.code())?;
            Some(json!({
                "date": status.date, "computed": status.assessed, "investigator": said,
                "because": status.reasons,
            }))
        })
        .collect();
    let mut answer = json!({
        "subject": subject.name,
        "criteria": settings,
        "assessments": assessments,
        "best": {
            "confirmed": best.confirmed, "unconfirmed": best.unconfirmed, "date": best.date,
            "overall_response": best.confirmed.map(|best| best.is_at_least(floor)),
            "major_response": major.and_then(|floor| Some(best.confirmed?.is_at_least(floor))),
            "awaiting": best.awaiting, "progression": best.progression, "reasons": best.reasons,
        },
        "disagreements": disagreements,
        "warnings": subject.warnings.iter().chain(&confirmed.findings).collect::<Vec<_>>(),
    });
    if let Some(answer) = answer.as_object_mut() {
        answer.extend(subject.also.clone());
    }
    answer
}

fn print(set: CriteriaSet, answers: Vec<Value>, json: bool) {
    if json {
        output::json(&answers);
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = answers.iter().map(|answer| {
        let course: Vec<String> = answer["assessments"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| {
                format!("{} {} ({})", text(&row["date"]), text(&row["response"]), text(&row["confirmed"]))
            })
            .collect();
        let best = &answer["best"];
        vec![
            text(&answer["subject"]),
            text(&best["confirmed"]),
            text(&best["date"]),
            text(&best["unconfirmed"]),
            course.join("\n"),
        ]
    });
    output::text(&output::table(
        &["subject", "confirmed", "dated", "unconfirmed", "assessments (confirmed status)"],
        rows,
    ));
    let rate = |name: &str, key: &str, floor: Category| {
        let reached = answers.iter().filter(|answer| answer["best"][key] == true).count();
        output::text(&format!("{name} ({floor} or better, confirmed): {reached} of {}", answers.len()));
    };
    rate("overall response", "overall_response", set.overall_response_floor());
    if let Some(floor) = set.major_response_floor() {
        rate("major response", "major_response", floor);
    }
}

/// One subject's course in words: what could be followed, and each visit's category and why.
fn explained(settings: &Settings, answer: &Value, basis: &[Because]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut told = format!("{} by {}\n\nAt baseline\n", text(&answer["subject"]), settings.set());
    for because in basis {
        told.push_str(&format!("  {}\n", because.says));
    }
    for row in answer["assessments"].as_array().into_iter().flatten() {
        told.push_str(&format!(
            "\n{}: {}, confirmed status {}\n",
            text(&row["date"]),
            text(&row["response"]),
            text(&row["confirmed"])
        ));
        if let Some(said) = row["investigator"].as_str() {
            let agrees = if row["response"] == said { "agrees" } else { "differs" };
            told.push_str(&format!("  the investigator said {said}, which {agrees}\n"));
        }
        for because in row["reasons"].as_array().into_iter().flatten() {
            told.push_str(&format!("  {}\n", text(&because["says"])));
        }
    }
    let best = &answer["best"];
    told.push_str(&format!(
        "\nBest response: {} confirmed, {} unconfirmed\n",
        text(&best["confirmed"]),
        text(&best["unconfirmed"])
    ));
    for because in best["reasons"].as_array().into_iter().flatten() {
        told.push_str(&format!("  {}\n", text(&because["says"])));
    }
    told
}
