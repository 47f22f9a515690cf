//! What every domain of SDTM shares: subjects in order, sequence numbers, study days, epochs, supplemental qualifiers
//! (SUPP--) and related records (RELREC).

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Protocol;
use posology_trial::when::When;

use super::TrialAtCut;
use crate::package::{Class, Column, Core, Table, Value};
use crate::sdtm::OFFSET;

/// Subjects and the days from which their study days and epochs are counted.
pub(super) struct Frame {
    study: String,
    subjects: BTreeMap<String, Elements>,
    /// Numbers of visits that findings name, by name: SCREENING is 1, and `DAY n` of the plan as in TV.
    visits: BTreeMap<String, i64>,
}

/// Visits that findings name and the plan does not are numbered from here on.
const NAMED_VISITS: i64 = 1_000;

/// The numbers of visits by name: those of the plan first, then days in their order, then the rest by name.
fn visit_numbers(of: &TrialAtCut<'_>) -> BTreeMap<String, i64> {
    let mut numbers: BTreeMap<String, i64> =
        planned_visits(&of.analysis.protocol).into_iter().map(|visit| (visit.name, visit.number)).collect();
    let facts = || of.analysis.patients.iter().map(|patient| &patient.facts);
    let named = facts().flat_map(|facts| {
        let laboratory = facts.laboratory.iter().map(|one| &one.visit);
        let vital = facts.vital_signs.iter().map(|one| &one.visit);
        laboratory.chain(vital).chain(facts.responses.iter().map(|one| &one.visit))
    });
    let mut named: Vec<&str> = named.flatten().map(String::as_str).collect();
    let day = |name: &str| name.strip_prefix("DAY ").and_then(|day| day.trim().parse::<i64>().ok());
    named.sort_by_key(|name| (day(name).is_none(), day(name), *name));
    named.dedup();
    named.retain(|name| !numbers.contains_key(*name));
    numbers.extend(named.into_iter().zip(NAMED_VISITS..).map(|(name, number)| (name.to_owned(), number)));
    numbers
}

/// A visit of the plan.
pub(super) struct PlannedVisit {
    pub(super) number: i64,
    pub(super) name: String,
    pub(super) day: Option<i64>,
    pub(super) begins: String,
}

/// Screening, the day of each fraction of any regimen, the end of the DLT window; none without a planned fraction.
pub(super) fn planned_visits(protocol: &Protocol) -> Vec<PlannedVisit> {
    let mut days: Vec<i32> = protocol
        .regimen
        .iter()
        .flat_map(|regimen| regimen.fraction.iter().map(|fraction| fraction.day))
        .collect();
    days.sort_unstable();
    days.dedup();
    if days.is_empty() {
        return Vec::new();
    }
    let screening = ("SCREENING".to_owned(), None, "Informed consent".to_owned());
    let fractions = days.iter().map(|day| {
        (format!("DAY {day}"), Some(i64::from(*day)), format!("A fraction planned for study day {day}"))
    });
    let window = protocol.dlt.as_ref().map(|dlt| {
        let begins = format!("End of the DLT window of {} days from the first fraction", dlt.window_days);
        ("END OF DLT WINDOW".to_owned(), Some(i64::from(dlt.window_days) + 1), begins)
    });
    let all = std::iter::once(screening).chain(fractions).chain(window);
    (1..).zip(all).map(|(number, (name, day, begins))| PlannedVisit { number, name, day, begins }).collect()
}

/// The elements of the design that a subject went through, by day: each ends where the next begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Elements {
    /// Informed consent, or the first day anything is known of.
    pub(super) screening: Option<Date>,
    /// The first fraction: study day 1.
    pub(super) treatment: Option<Date>,
    /// The day after the last fraction, or after the DLT window where that ends later.
    pub(super) follow_up: Option<Date>,
    /// The last day of participation, where the subject has left or died.
    pub(super) end: Option<Date>,
}

pub(super) const SCREENING: &str = "SCREENING";
pub(super) const TREATMENT: &str = "TREATMENT";
pub(super) const FOLLOW_UP: &str = "FOLLOW-UP";

/// An element of every arm.
pub(super) struct Element {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) epoch: &'static str,
    pub(super) begins: &'static str,
    pub(super) ends: &'static str,
}

/// The elements, in the order in which a subject goes through them.
pub(super) const ELEMENTS: &[Element] = &[
    Element {
        code: "SCRN",
        name: "Screening",
        epoch: SCREENING,
        begins: "Informed consent",
        ends: "Start of the first fraction",
    },
    Element {
        code: "TRT",
        name: "Treatment and DLT window",
        epoch: TREATMENT,
        begins: "Start of the first fraction",
        ends: "The day after the last fraction or, if later, after the end of the DLT window",
    },
    Element {
        code: "FU",
        name: "Follow-up",
        epoch: FOLLOW_UP,
        begins: "The day after the last fraction or, if later, after the end of the DLT window",
        ends: "The study is left or completed, or death",
    },
];

impl Elements {
    pub(super) fn of(patient: &PatientAnalysis, cut: Date) -> Self {
        let treatment = patient.exposure.first();
        let after = |day: Date| day.tomorrow().unwrap_or(day);
        let last = patient.exposure.last().map(after);
        let window = patient.window.map(|window| after(window.end));
        let end = patient.facts.death.as_ref().map(|death| death.at.latest_date());
        let end = end.or(patient.disposition.off_study);
        let begins = last.max(window).filter(|day| *day <= cut && end.is_none_or(|end| *day <= end));
        let consent = patient.facts.subject.consent.as_ref().and_then(When::date);
        Self { screening: consent, treatment, follow_up: treatment.and(begins), end }
    }

    /// The epoch of a day; none where it lies before the consent or nothing is known.
    fn epoch(&self, day: Date) -> Option<&'static str> {
        if self.follow_up.is_some_and(|from| day >= from) {
            return Some(FOLLOW_UP);
        }
        if self.treatment.is_some_and(|from| day >= from) {
            return Some(TREATMENT);
        }
        self.screening.is_some_and(|from| day >= from).then_some(SCREENING)
    }

    /// The study day: the first fraction is day 1, the day before it -1, and there is no day 0.
    pub(super) fn study_day(&self, day: Date) -> Option<i64> {
        self.treatment.map(|first| i64::from(posology_clinic::dlt::study_day(first, day)))
    }
}

/// A domain while its lines are gathered.
pub(super) struct Domain {
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    pub(super) class: Class,
    pub(super) structure: &'static str,
    /// Variables of its own, between the identifiers and the timing variables, with their prefix.
    pub(super) columns: Vec<Column>,
    /// Variables by which a subject's lines are put in order and numbered.
    pub(super) order: &'static [&'static str],
    /// The date that tells study day and epoch, such as `AESTDTC`.
    pub(super) timing: Option<&'static str>,
    /// Whether its lines name visits, by the variable VISIT.
    pub(super) visits: bool,
    pub(super) lines: Vec<Line>,
}

/// A line of a domain: values by the names of variables, and what is said of it beside them.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    subject: String,
    values: HashMap<&'static str, Value>,
    qualifiers: Vec<Qualifier>,
    /// What other lines call it.
    named: Option<String>,
    /// The line it belongs to.
    related: Option<String>,
    /// The offset from UTC of the clock of its times.
    offset: Option<String>,
}

/// A time of day with its offset, taken apart; none where either is not recorded.
pub(super) fn clock(text: &str) -> Option<(&str, &str)> {
    let (_, time) = text.split_once('T')?;
    let at = text.len() - time.len() + time.find(['Z', '+', '-'])?;
    text.split_at_checked(at)
}

/// A time as the clock of another offset shows it, to the second.
fn moved(when: &When, offset: &str) -> Option<String> {
    let zone =
        jiff::fmt::strtime::parse("%:z", if offset == "Z" { "+00:00" } else { offset }).ok()?.offset()?;
    Some(zone.to_datetime(when.instant()?).strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

/// A supplemental qualifier.
#[derive(Debug, Clone)]
pub(super) struct Qualifier {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) origin: &'static str,
    pub(super) evaluator: Option<&'static str>,
}

impl Line {
    pub(super) fn of(subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..Self::default() }
    }

    /// Sets a variable; missing where there is no value.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) -> &mut Self {
        self.values.insert(name, value.into());
        self
    }

    /// Sets a date or time as recorded, partial or not. A time of day is that of the clock on the spot; the offset of the
    /// clock from UTC, one for the line, stands beside it: readers of --DTC drop it or stumble over it.
    pub(super) fn set_when(&mut self, name: &'static str, when: Option<&When>) -> &mut Self {
        let Some(when) = when else { return self.set(name, Value::Missing) };
        let text = when.to_string();
        let Some((local, offset)) = clock(&text) else { return self.set(name, text) };
        let same = self.offset.get_or_insert_with(|| offset.to_owned());
        let local = if same == offset { Some(local.to_owned()) } else { moved(when, same) };
        self.set(name, local.unwrap_or(text))
    }

    /// Says what no variable of the domain holds.
    pub(super) fn qualify(
        &mut self,
        name: &'static str,
        label: &'static str,
        value: Option<impl Into<String>>,
        origin: &'static str,
    ) -> &mut Self {
        if let Some(value) = value.map(Into::into).filter(|value: &String| !value.trim().is_empty()) {
            self.qualifiers.push(Qualifier { name, label, value, origin, evaluator: None });
        }
        self
    }

    /// The same, of an evaluator.
    pub(super) fn qualify_by(&mut self, qualifier: Qualifier) -> &mut Self {
        self.qualifiers.push(qualifier);
        self
    }

    /// Gives it a name by which lines of other domains may relate to it.
    pub(super) fn named(&mut self, name: impl Into<String>) -> &mut Self {
        self.named = Some(name.into());
        self
    }

    /// Relates it to the line of that name of the same subject.
    pub(super) fn relates_to(&mut self, name: impl Into<String>) -> &mut Self {
        self.related = Some(name.into());
        self
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Domain {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The day of an ISO 8601 text; none where month or day is not known.
fn day_of(text: &str) -> Option<Date> {
    text.parse::<When>().ok().and_then(|when| when.date())
}

impl Frame {
    pub(super) fn of(of: &TrialAtCut<'_>) -> Self {
        let cut = of.analysis.cut.date();
        let subjects = of.analysis.patients.iter();
        Self {
            study: of.analysis.protocol.trial.id.clone(),
            subjects: subjects.map(|patient| (patient.id.clone(), Elements::of(patient, cut))).collect(),
            visits: visit_numbers(of),
        }
    }

    pub(super) fn study(&self) -> &str {
        &self.study
    }

    /// The number of a visit that findings name.
    pub(super) fn visit_number(&self, name: &str) -> Option<i64> {
        self.visits.get(name).copied()
    }

    /// The elements of a subject.
    pub(super) fn elements(&self, subject: &str) -> Elements {
        self.subjects.get(subject).cloned().unwrap_or_default()
    }

    /// Tables of the domains with their sequence numbers, study days and epochs, each followed by its supplemental
    /// qualifiers; RELREC last. Lines of nobody in the demographics are left out.
    pub(super) fn assemble(&self, domains: Vec<Domain>) -> Vec<Table> {
        let mut tables = Vec::new();
        let mut places: HashMap<(String, String), (&'static str, i64)> = HashMap::new();
        let mut relations: Vec<(String, String, &'static str, i64)> = Vec::new();
        for mut domain in domains {
            domain.lines.retain(|line| self.subjects.contains_key(&line.subject));
            let order = domain.order;
            // Lines that agree in what orders them stand in the order of all they say, however they were recorded.
            domain.lines.sort_by_cached_key(|line| {
                let values: Vec<Value> = order
                    .iter()
                    .map(|name| line.values.get(name).cloned().unwrap_or(Value::Missing))
                    .collect();
                let mut rest: Vec<(&str, Value)> =
                    line.values.iter().map(|(name, value)| (*name, value.clone())).collect();
                rest.sort();
                (line.subject.clone(), values, rest)
            });
            let mut number = 0;
            let mut last = String::new();
            let mut supplemental = Vec::new();
            let mut rows = Vec::new();
            let columns = self.columns(&domain);
            for line in &domain.lines {
                number = if line.subject == last { number + 1 } else { 1 };
                last.clone_from(&line.subject);
                if let Some(name) = &line.named {
                    places.insert((line.subject.clone(), name.clone()), (domain.code, number));
                }
                if let Some(name) = &line.related {
                    relations.push((line.subject.clone(), name.clone(), domain.code, number));
                }
                let offset = line.offset.as_ref().map(|offset| Qualifier {
                    name: OFFSET,
                    label: "Offset of the Clock from UTC",
                    value: offset.clone(),
                    origin: "CRF",
                    evaluator: None,
                });
                for qualifier in line.qualifiers.iter().chain(&offset) {
                    supplemental.push(self.supplemental(domain.code, line, number, qualifier));
                }
                rows.push(self.row(&domain, &columns, line, number));
            }
            let code = domain.code;
            let table = Table {
                name: code.to_owned(),
                label: domain.label.to_owned(),
                class: domain.class,
                structure: domain.structure.to_owned(),
                keys: vec!["STUDYID", "USUBJID", sequence(code)],
                reference: false,
                comment: None,
                columns,
                rows,
            };
            tables.push(table.finished());
            if !supplemental.is_empty() {
                tables.push(supplemental_table(code, supplemental));
            }
        }
        let related = related_records(&self.study, &relations, &places);
        tables.extend((!related.rows.is_empty()).then(|| related.finished()));
        tables
    }

    fn columns(&self, domain: &Domain) -> Vec<Column> {
        let mut columns = vec![
            Column::text("STUDYID", "Study Identifier").required().of_protocol(),
            Column::text("DOMAIN", "Domain Abbreviation").required().assigned(),
            Column::text("USUBJID", "Unique Subject Identifier").required().assigned(),
            Column::integer(sequence(domain.code), "Sequence Number")
                .required()
                .derived("Lines of a subject numbered from 1 in the order of the keys, then of all they say"),
        ];
        columns.extend(domain.columns.iter().cloned());
        let has = |name: &str| domain.columns.iter().position(|column| column.name == name);
        let mut timing = Vec::new();
        if domain.visits {
            timing.push(Column::float("VISITNUM", "Visit Number").expected().assigned());
            timing.push(Column::text("VISIT", "Visit Name"));
        }
        if domain.timing.is_some() {
            timing.push(Column::text("EPOCH", "Epoch").assigned().coded("EPOCH"));
        }
        // EPOCH stands before the dates, study days after them (the general model's order of timing variables).
        let first_date = domain.columns.iter().position(|column| column.name.ends_with("DTC"));
        if let Some(at) = first_date {
            for (offset, column) in timing.into_iter().enumerate() {
                columns.insert(4 + at + offset, column);
            }
        }
        for (date, day, label) in days_of(domain.code) {
            // The study day of a date is a column wherever the date is, even where every date is partial.
            let said = domain.lines.iter().any(|line| line.text(date).is_some());
            if let Some(place) = has(date) {
                let expected =
                    said || domain.columns.get(place).is_some_and(|date| date.core != Core::Permissible);
                let column = Column::integer(day, label).derived(STUDY_DAY_IS);
                columns.push(if expected { column.expected() } else { column });
            }
        }
        columns
    }

    fn row(&self, domain: &Domain, columns: &[Column], line: &Line, number: i64) -> Vec<Value> {
        let elements = self.elements(&line.subject);
        let day = |name: &str| line.text(name).and_then(day_of);
        let days = days_of(domain.code);
        columns
            .iter()
            .map(|column| match column.name {
                "STUDYID" => self.study.as_str().into(),
                "DOMAIN" => domain.code.into(),
                "USUBJID" => line.subject.as_str().into(),
                "VISITNUM" => line.text("VISIT").and_then(|name| self.visit_number(name)).into(),
                "EPOCH" => domain.timing.and_then(day).and_then(|day| elements.epoch(day)).into(),
                name if name == sequence(domain.code) => number.into(),
                name => match days.iter().find(|(_, study_day, _)| *study_day == name) {
                    Some((date, ..)) => day(date).and_then(|day| elements.study_day(day)).into(),
                    None => line.values.get(name).cloned().unwrap_or(Value::Missing),
                },
            })
            .collect()
    }

    fn supplemental(&self, code: &'static str, line: &Line, number: i64, said: &Qualifier) -> Vec<Value> {
        vec![
            self.study.as_str().into(),
            code.into(),
            line.subject.as_str().into(),
            sequence(code).into(),
            number.to_string().into(),
            said.name.into(),
            said.label.into(),
            said.value.as_str().into(),
            said.origin.into(),
            said.evaluator.into(),
        ]
    }
}

/// SUPP-- of a domain.
pub(super) fn supplemental_table(code: &str, rows: Vec<Vec<Value>>) -> Table {
    let table = Table {
        name: format!("SUPP{code}"),
        label: format!("Supplemental Qualifiers for {code}"),
        class: Class::Relationship,
        structure: "One record per supplemental qualifier per related parent domain record".to_owned(),
        keys: vec!["STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM"],
        reference: false,
        comment: None,
        columns: vec![
            Column::text("STUDYID", "Study Identifier").required().of_protocol(),
            Column::text("RDOMAIN", "Related Domain Abbreviation").required().assigned(),
            Column::text("USUBJID", "Unique Subject Identifier").required().assigned(),
            Column::text("IDVAR", "Identifying Variable").expected().assigned(),
            Column::text("IDVARVAL", "Identifying Variable Value").expected().assigned(),
            Column::text("QNAM", "Qualifier Variable Name").required().assigned(),
            Column::text("QLABEL", "Qualifier Variable Label").required().assigned(),
            Column::text("QVAL", "Data Value").required(),
            Column::text("QORIG", "Origin").required().assigned(),
            Column::text("QEVAL", "Evaluator").expected().assigned(),
        ],
        rows,
    };
    table.finished()
}

type Place = (&'static str, i64);

/// RELREC: each line that belongs to another, as a pair under one RELID of the subject.
fn related_records(
    study: &str,
    relations: &[(String, String, &'static str, i64)],
    places: &HashMap<(String, String), Place>,
) -> Table {
    let mut rows = Vec::new();
    let mut pairs: Vec<(&str, Place, Place)> = relations
        .iter()
        .filter_map(|(subject, name, code, number)| {
            let to = places.get(&(subject.clone(), name.clone()))?;
            Some((subject.as_str(), *to, (*code, *number)))
        })
        .collect();
    pairs.sort_unstable();
    let (mut last, mut number) = ("", 0);
    for (subject, to, from) in pairs {
        number = if subject == last { number + 1 } else { 1 };
        last = subject;
        for (code, place) in [to, from] {
            rows.push(vec![
                study.into(),
                code.into(),
                subject.into(),
                sequence(code).into(),
                place.to_string().into(),
                Value::Missing,
                format!("R{number}").into(),
            ]);
        }
    }
    Table {
        name: "RELREC".to_owned(),
        label: "Related Records".to_owned(),
        class: Class::Relationship,
        structure: "One record per related record, group of records or dataset".to_owned(),
        keys: vec!["STUDYID", "RELID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL"],
        reference: false,
        comment: None,
        columns: vec![
            Column::text("STUDYID", "Study Identifier").required().of_protocol(),
            Column::text("RDOMAIN", "Related Domain Abbreviation").required().assigned(),
            Column::text("USUBJID", "Unique Subject Identifier").expected().assigned(),
            Column::text("IDVAR", "Identifying Variable").required().assigned(),
            Column::text("IDVARVAL", "Identifying Variable Value").expected().assigned(),
            Column::text("RELTYPE", "Relationship Type").expected().assigned(),
            Column::text("RELID", "Relationship Identifier").required().assigned(),
        ],
        rows,
    }
}

macro_rules! names_by_domain {
    ($(($code:literal, $what:literal, $day:literal)),*) => {
        /// The sequence number of a domain.
        pub(super) fn sequence(code: &str) -> &'static str {
            match code {
                $($code => concat!($code, "SEQ"),)*
                _ => "SEQ",
            }
        }

        /// Dates of a domain, each with the study day that belongs to it and its label.
        fn days_of(code: &str) -> Vec<(&'static str, &'static str, &'static str)> {
            match code {
                $($code => vec![
                    (concat!($code, "DTC"), concat!($code, "DY"), $day),
                    (concat!($code, "STDTC"), concat!($code, "STDY"), concat!("Study Day of Start of ", $what)),
                    (concat!($code, "ENDTC"), concat!($code, "ENDY"), concat!("Study Day of End of ", $what)),
                ],)*
                _ => Vec::new(),
            }
        }
    };
}

pub(super) const STUDY_DAY_IS: &str = "Days from RFSTDTC: day 1 is the day of the first fraction, the day before it is -1; only of complete dates";

// The study days' labels are the guide's own.
names_by_domain!(
    ("AE", "Adverse Event", "Study Day of Visit/Collection/Exam"),
    ("CM", "Medication", "Study Day of Visit/Collection/Exam"),
    ("DD", "Observation", "Study Day of Collection"),
    ("DS", "Disposition Event", "Study Day of Collection"),
    ("DV", "Deviation Event", "Study Day of Collection"),
    ("EC", "Treatment", "Study Day of Collection"),
    ("EX", "Treatment", "Study Day of Collection"),
    ("FA", "Observation", "Study Day of Collection"),
    ("IE", "Observation", "Study Day of Visit/Collection/Exam"),
    ("LB", "Observation", "Study Day of Specimen Collection"),
    ("MH", "Med History Event", "Study Day of History Collection"),
    ("PR", "Procedure", "Study Day of Collection"),
    ("QS", "Observation", "Study Day of Finding"),
    ("RS", "Observation", "Study Day of Assessment"),
    ("SE", "Element", "Study Day of Collection"),
    ("SV", "Observation", "Study Day of Collection"),
    ("TR", "Observation", "Study Day of Tumor/Lesion Measurement"),
    ("TU", "Observation", "Study Day of Tumor/Lesion Identification"),
    ("VS", "Observation", "Study Day of Vital Signs")
);
