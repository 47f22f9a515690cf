//! Lesions as SDTM keeps them: identification in TU, results in TR, responses in RS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::lesion::{Role, Size};
use rust_decimal::Decimal;

use super::{At, Entry, Found, Options, PartialDates, Patient, millimetres};
use crate::failure::Failure;
use crate::rows::{Line, Rows};

const SUBJECT: &[&str] = &["usubjid"];
const LINK: &[&str] = &["trlnkid"];
const TEST: &[&str] = &["trtestcd"];
const DATE: &[&str] = &["trdtc"];
const RESULT: &[&str] = &["trstresc", "trorres"];

/// The patients of a folder with one file whose name begins with `tr`.
pub(super) fn read_folder(folder: &Path, options: &Options<'_>) -> Result<Vec<Patient>, Failure> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| Failure::unreadable(folder, &error))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let name =
                path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
            name.strip_prefix("tr").is_some_and(|rest| rest.starts_with(['.', '_'])) && !path.is_dir()
        })
        .collect();
    found.sort();
    match &found[..] {
        [one] => read(one, &Rows::read(one)?, options),
        other => Err(Failure::input(format!(
            "{}: expected one file tr.csv or tr.xpt, found {}; mend: name the file itself",
            folder.display(),
            other.len()
        ))),
    }
}

/// The file of another domain beside that of TR, named alike.
fn beside(file: &Path, domain: &str) -> Option<PathBuf> {
    let name = file.file_name()?.to_str()?;
    let rest = name.get(2..)?;
    let upper = name.starts_with("TR");
    let domain = if upper { domain.to_ascii_uppercase() } else { domain.to_owned() };
    let path = file.with_file_name(format!("{domain}{rest}"));
    path.is_file().then_some(path)
}

/// Whether a row is of the evaluator that counts.
fn counts(line: &Line<'_>, domain: &str, evaluator: &str) -> bool {
    let (name, id) = evaluator.split_once('/').unwrap_or((evaluator, ""));
    let text = |suffix: &str| line.text(&[&format!("{domain}{suffix}")]).unwrap_or("");
    // A file that names no evaluator holds the results of one.
    let named = text("eval");
    (named.is_empty() || named.eq_ignore_ascii_case(name.trim()))
        && (id.is_empty() || text("evalid").eq_ignore_ascii_case(id.trim()))
}

/// What TU says of a lesion.
struct Identified {
    role: Role,
    site: Option<String>,
    method: Option<String>,
}

/// What TR says of a lesion on one day.
#[derive(Default)]
struct Results {
    longest: Option<Decimal>,
    shortest: Option<Decimal>,
    short_axis: Option<Decimal>,
    state: Option<Size>,
    method: Option<String>,
    reader: Option<String>,
}

pub(super) fn read(file: &Path, rows: &Rows, options: &Options<'_>) -> Result<Vec<Patient>, Failure> {
    rows.need(&[
        ("a subject", SUBJECT),
        ("a lesion", LINK),
        ("a test", TEST),
        ("a date", DATE),
        ("a result", RESULT),
    ])?;
    let Some(tu) = beside(file, "tu") else {
        return Err(
            rows.bad(&"expected the domain TU in a file beside it, named alike, found none; mend: add it")
        );
    };
    let identified = identified(&Rows::read(&tu)?, options.reading.evaluator)?;
    let mut found = Found::default();
    let mut lines: BTreeMap<(String, Date, String), (Results, Line<'_>)> = BTreeMap::new();
    let mut any = false;
    for line in rows.lines().filter(|line| counts(line, "tr", options.reading.evaluator)) {
        any = true;
        let test: String = line.required(TEST)?;
        // A sum of diameters belongs to no lesion.
        let Some(id) = line.text(LINK).map(str::to_owned) else { continue };
        let subject: String = line.required(SUBJECT)?;
        let date = day(&line, DATE, options, &mut found)?;
        let reader = line.text(&["trevalid"]).map(str::to_owned);
        let at = At { line: &line, subject: &subject, date };
        let length = || -> Result<(Decimal, String), Failure> {
            let text = line.text(&["trstresn", "trstresc", "trorres"]).unwrap_or("");
            let unit = line.text(&["trstresu", "trorresu"]);
            millimetres(text, unit).map_err(|says| at.bad(RESULT, says))
        };
        let not_done = line.text(&["trstat"]).is_some_and(|stat| stat.eq_ignore_ascii_case("NOT DONE"));
        let mut one =
            Results { reader, method: line.text(&["trmethod"]).map(str::to_owned), ..Results::default() };
        match test.as_str() {
            _ if not_done => one.state = Some(Size::NotAssessed),
            "LDIAM" | "DIAMETER" => one.longest = Some(keep_unit(&mut found, &subject, length()?)),
            "LPERP" | "SDIAM" => one.shortest = Some(keep_unit(&mut found, &subject, length()?)),
            "SAXIS" => one.short_axis = Some(keep_unit(&mut found, &subject, length()?)),
            "TUMSTATE" => one.state = Some(state(&at)?),
            _ => continue,
        }
        match lines.entry((subject.clone(), date, id)) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert((one, line));
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                place.get_mut().0.add(one).map_err(|says| at.bad(TEST, says))?;
            }
        }
    }
    if !any {
        return Err(rows.bad(&format!(
            "expected results of the evaluator {:?} in TREVAL, found none; mend: choose another with --evaluator",
            options.reading.evaluator
        )));
    }
    for ((subject, date, id), (results, line)) in &lines {
        let at = At { line, subject, date: *date };
        let lesion = identified.get(&(subject.clone(), id.clone())).or_else(|| {
            // The parts of a lesion that split, and one made of several, are what the first was.
            let whole = id
                .split(['.', '/', '+'])
                .next()
                .unwrap_or(id)
                .trim_end_matches(|letter: char| letter.is_ascii_lowercase());
            identified.get(&(subject.clone(), whole.to_owned()))
        });
        let Some(lesion) = lesion else {
            return Err(at.bad(
                LINK,
                format!("expected {id} among TULNKID of TU, found none; mend: identify it there"),
            ));
        };
        let is_node =
            lesion.site.as_deref().is_some_and(|site| site.to_ascii_uppercase().contains("LYMPH NODE"));
        let entry = Entry {
            id: id.clone(),
            role: Some(lesion.role),
            is_node: Some(is_node),
            site: lesion.site.clone(),
            method: results.method.clone().or_else(|| lesion.method.clone()),
            size: results.size(lesion.role),
        };
        let chart = found.chart(subject);
        let flagged = line.text(&["trblfl", "trlobxfl"]).is_some_and(|flag| flag.eq_ignore_ascii_case("Y"));
        chart.visit(*date, || line.place()).is_baseline |= flagged;
        chart.add(&at, entry)?;
    }
    if let Some(path) = beside(file, "rs") {
        responses(&Rows::read(&path)?, options, &mut found)?;
    }
    let demographics =
        beside(file, "dm").or_else(|| Some(file.with_file_name("dm.csv")).filter(|path| path.is_file()));
    if let Some(path) = demographics {
        course(&Rows::read(&path)?, options, &mut found)?;
    }
    found.patients()
}

/// First treatment and death of the subjects found, from DM.
fn course(rows: &Rows, options: &Options<'_>, found: &mut Found) -> Result<(), Failure> {
    for line in rows.lines() {
        let Some(subject) = line.text(SUBJECT).filter(|subject| found.0.contains_key(*subject)) else {
            continue;
        };
        let subject = subject.to_owned();
        let mut date = |columns: &[&str]| match line.text(columns) {
            None => Ok(None),
            Some(_) => day(&line, columns, options, found).map(Some),
        };
        let (first, death) = (date(&["rfxstdtc"])?, date(&["dthdtc"])?);
        let course = &mut found.chart(&subject).subject.course;
        course.first_treatment = first;
        course.death = death;
    }
    Ok(())
}

fn keep_unit(found: &mut Found, subject: &str, (length, unit): (Decimal, String)) -> Decimal {
    found.chart(subject).units.insert(unit);
    length
}

/// A whole day; a time is cut off, and a month is completed only as the user says.
fn day(line: &Line<'_>, columns: &[&str], options: &Options<'_>, found: &mut Found) -> Result<Date, Failure> {
    let text: String = line.required(columns)?;
    let who = line.text(SUBJECT).unwrap_or("-").to_owned();
    let day = text.split('T').next().unwrap_or(&text);
    let error = match day.parse::<Date>() {
        Ok(date) => return Ok(date),
        Err(error) => error,
    };
    let first: Option<Date> = format!("{day}-01").parse().ok();
    let completed = match options.reading.partial_dates {
        PartialDates::Refuse => None,
        PartialDates::FirstDay => first,
        PartialDates::LastDay => first.map(Date::last_of_month),
    };
    let Some(date) = completed else {
        return Err(line.bad(columns, &format!("subject {who}: expected a whole date, found {text:?} ({error}); mend: complete the date at its source, or say with --partial-dates what a month becomes")));
    };
    let subject = &mut found.chart(&who).subject;
    let says = format!("the date {text} has no day and is read as {date}");
    if subject.warnings.iter().all(|known| known.says != says) {
        subject.warnings.push(Because::new("response/partial-date", says).input("date", text));
    }
    Ok(date)
}

fn state(at: &At<'_>) -> Result<Size, Failure> {
    let text: String = at.line.required(RESULT)?;
    match text.to_ascii_uppercase().as_str() {
        "PRESENT" | "STABLE" | "DECREASED" | "UNEQUIVOCAL" => Ok(Size::Present),
        "ABSENT" | "RESOLVED" => Ok(Size::Absent),
        "TOO SMALL TO MEASURE" | "TOO SMALL" => Ok(Size::TooSmall),
        "UNEQUIVOCAL PROGRESSION" | "PROGRESSION" | "WORSENED" => Ok(Size::Worse),
        "NOT EVALUABLE" | "NOT ASSESSABLE" | "NOT ASSESSED" | "NE" | "EQUIVOCAL" => Ok(Size::NotAssessed),
        other => Err(at.bad(
            RESULT,
            format!(
                "expected PRESENT, ABSENT, TOO SMALL TO MEASURE, UNEQUIVOCAL PROGRESSION or NOT EVALUABLE, found {other:?}; mend: use one of them"
            ),
        )),
    }
}

impl Results {
    fn add(&mut self, other: Self) -> Result<(), String> {
        if self.reader != other.reader {
            let name = |reader: &Option<String>| reader.clone().unwrap_or_else(|| "none".to_owned());
            return Err(format!(
                "expected results of one reader, found {} and {}; mend: choose one with --evaluator NAME/ID",
                name(&self.reader),
                name(&other.reader)
            ));
        }
        // The same result recorded twice says nothing new; two that differ contradict each other.
        let twice = || Err("expected one result a lesion and day, found two; mend: keep one".to_owned());
        for (known, new) in [
            (&mut self.longest, other.longest),
            (&mut self.shortest, other.shortest),
            (&mut self.short_axis, other.short_axis),
        ] {
            if known.is_some() && new.is_some() && *known != new {
                return twice();
            }
            *known = known.or(new);
        }
        if self.state.is_some() && other.state.is_some() && self.state != other.state {
            return twice();
        }
        self.state = self.state.take().or(other.state);
        self.method = self.method.take().or(other.method);
        Ok(())
    }

    /// Of a target a state that says more than a number goes first; otherwise the number does.
    fn size(&self, role: Role) -> Size {
        let shortest = self.short_axis.or(self.shortest);
        let measured = self.longest.is_some() || shortest.is_some();
        match &self.state {
            Some(state) if role != Role::Target || !measured || *state == Size::TooSmall => state.clone(),
            _ if measured => Size::Measured { longest: self.longest, shortest },
            _ => Size::NotAssessed,
        }
    }
}

fn identified(rows: &Rows, evaluator: &str) -> Result<BTreeMap<(String, String), Identified>, Failure> {
    const ROLE: &[&str] = &["tustresc", "tuorres"];
    rows.need(&[("a subject", SUBJECT), ("a lesion", &["tulnkid"]), ("a role", ROLE)])?;
    let mut known = BTreeMap::new();
    for line in rows.lines().filter(|line| counts(line, "tu", evaluator)) {
        let Some(id) = line.text(&["tulnkid"]) else { continue };
        let subject: String = line.required(SUBJECT)?;
        let role = match line.required::<String>(ROLE)?.to_ascii_uppercase().as_str() {
            "TARGET" => Role::Target,
            "NON-TARGET" => Role::NonTarget,
            "NEW" => Role::New,
            // A record that a lesion split or merged names it once more.
            _ if line.text(&["tutestcd"]).is_some_and(|test| test != "TUMIDENT") => continue,
            other => {
                return Err(line.bad(ROLE, &format!("subject {subject}: expected TARGET, NON-TARGET or NEW for {id}, found {other:?}; mend: use one of them")));
            }
        };
        let text = |column: &str| line.text(&[column]).map(str::to_owned);
        let lesion = Identified { role, site: text("tuloc"), method: text("tumethod") };
        if let Some(before) = known.insert((subject.clone(), id.to_owned()), lesion)
            && before.role != role
        {
            return Err(line.bad(ROLE, &format!("subject {subject}: expected one role for {id}, found two; mend: give a new lesion a name of its own")));
        }
    }
    Ok(known)
}

/// What the evaluator said of the whole, by day.
fn responses(rows: &Rows, options: &Options<'_>, found: &mut Found) -> Result<(), Failure> {
    const SAID: &[&str] = &["rsstresc", "rsorres"];
    if !rows.has_any(&["rstestcd"]) {
        return Ok(());
    }
    let overall = |line: &Line<'_>| line.text(&["rstestcd"]).is_none_or(|test| test == "OVRLRESP");
    for line in rows.lines().filter(|line| overall(line) && counts(line, "rs", options.reading.evaluator)) {
        let subject: String = line.required(SUBJECT)?;
        let Some(said) = line.text(SAID) else { continue };
        let date = day(&line, &["rsdtc"], options, found)?;
        options
            .set
            .category(said)
            .map_err(|bad| line.bad(SAID, &format!("subject {subject}, {date}: {bad}")))?;
        if let Some(chart) = found.0.get_mut(&subject) {
            chart.subject.investigator.insert(date, said.to_owned());
        }
    }
    Ok(())
}
