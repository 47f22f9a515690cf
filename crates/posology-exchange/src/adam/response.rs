//! ADRS: responses by visit, the best of them, the protocol's rates as yes or no, progression, death, and the change of the
//! driving marker.

use std::collections::BTreeSet;

use jiff::civil::Date;
use posology_clinic::laboratory::Analyte;
use posology_clinic::response::Category;
use posology_clinic::response::imwg::Marker;
use posology_trial::analysis::efficacy::{Basis, exact_percent};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::event::Laboratory;
use posology_trial::protocol::{Population, Protocol, RateDefinition};

use super::records::Source;
use super::sheet::{Record, Sheet, place, shared_columns, whole};
use super::{Context, laboratory};
use crate::package::{Class, Column, Table, Value};

/// ADRS.
pub(super) fn table(context: &Context<'_>) -> Table {
    let rates = rate_codes(context.protocol());
    let mut rows = Vec::new();
    for (patient, start) in context.patients().filter(|(patient, _)| patient.is_treated()) {
        let found = parameters(context, patient, &rates);
        for (number, parameter) in found.into_iter().enumerate() {
            rows.push(row(patient, parameter, number, &start));
        }
    }
    let sheet = Sheet {
        name: "ADRS",
        label: "Disease Response Analysis Dataset",
        class: Class::BasicDataStructure,
        structure: "One record per subject per parameter per assessment",
        keys: &["STUDYID", "USUBJID", "PARAMCD", "ADT", "ASEQ"],
        comment: Some(
            "Of treated subjects. Assessments are computed from marker values where any were recorded, else they are the investigator's categories; each is confirmed as the criteria ask."
                .to_owned(),
        ),
        columns: columns(context, &rates),
        rows,
    };
    sheet.table()
}

fn columns(context: &Context<'_>, rates: &[(String, &RateDefinition)]) -> Vec<Column> {
    let protocol = context.protocol();
    let confirmation = "a response and a biochemical progression count once the next evaluable sample agrees, dated at the first of the two; imaging, marrow and death need no second";
    let rates: Vec<String> = rates
        .iter()
        .map(|(code, rate)| {
            format!(
                "{code}: Y where the best confirmed response is {} or better{}{} (protocol, [[rate]] \"{}\"), {}U the same of the unconfirmed",
                rate.at_least,
                by_criteria(rate),
                rate.minimum_days.map(|days| format!(", stable disease seen at least {days} days after the first fraction")).unwrap_or_default(),
                rate.id,
                code.chars().take(7).collect::<String>(),
            )
        })
        .collect();
    let mut columns = shared_columns();
    columns.extend([
        Column::integer("ASEQ", "Analysis Sequence Number")
            .required()
            .derived("Rows of a subject numbered from 1"),
        Column::text("PARAM", "Parameter").required().assigned(),
        Column::text("PARAMCD", "Parameter Code").required().assigned().coded("PARAMCD_ADRS"),
        Column::text("AVALC", "Analysis Value (C)").derived(format!(
            "OVR: category of the visit by the criteria. CSTAT: confirmed status on that day; {confirmation} (protocol, [response]). BOR, CBOR: deepest unconfirmed and confirmed category from the first fraction to progression, new therapy or the data cut, MISSING where no assessment counts. RSP, VGPRRSP, CRRSP: Y where CBOR is PR, VGPR or CR or better, else N. {}. PD: Y where progression is confirmed. LSTAC: category of the last adequate assessment. DEATH: Y where a death is recorded",
            rates.join(". ")
        )),
        Column::float("AVAL", "Analysis Value").derived(
            "Of a category its rank, from 0 for NE to the deepest response; of Y and N 1 and 0; MRKPCHG, MRKBPCHG: 100 x (value - baseline) / baseline of the marker by which the disease is followed, not rounded, MRKBPCHG of the lowest value before progression and new therapy",
        ),
        Column::date("ADT", "Analysis Date").derived(
            "Day of the assessment, of a visit the day of its last sample; of CBOR the first of the two samples that made it; of PD the first of the two that confirm it; of DEATH ADSL.DTHDT",
        ),
        Column::integer("ADY", "Analysis Relative Day")
            .derived("ADT - TRTSDT + 1 from TRTSDT on, ADT - TRTSDT before"),
        Column::date("CONFDT", "Date of Confirmation")
            .derived("Of CSTAT: day of the second sample that confirmed the category of the day, where one was needed and agreed"),
        Column::text("CRITERIA", "Response Criteria")
            .derived("Criteria of the protocol, or of the subject's kind of disease (protocol, [response], [[stratum]])"),
        Column::text("BASIS", "Basis of the Assessment")
            .derived("MARKERS where the categories are computed from marker values, CATEGORIES where they are the investigator's, NOTHING where neither was recorded"),
        Column::text("MARKER", "Driving Marker").derived("Of MRKPCHG and MRKBPCHG: the marker measurable at baseline by which response is read first"),
        Column::text("ANL01FL", "Analysis Flag 01")
            .derived(format!(
                "OVR, CSTAT: Y where the assessment counts (not where another of the same day does, nor before the first fraction). Rates: Y for who stands in the rate's population, which is {}. Others: Y for {}",
                populations(protocol),
                Population::ResponseEvaluable.words()
            ))
            .coded("NY"),
        Column::text("SRCDOM", "Source Data").derived("LB where the category is computed from markers, RS where it is the investigator's; DS, DD or DM of a death"),
        Column::text("SRCVAR", "Source Variable").derived("Variable of that record that gives ADT"),
        Column::integer("SRCSEQ", "Source Sequence Number").derived("--SEQ of that record: of a result of the driving marker where there is one"),
    ]);
    columns
}

/// Where the category from which a rate counts differs by criteria, in words.
fn by_criteria(rate: &RateDefinition) -> String {
    let each =
        rate.at_least_by.iter().map(|(criteria, category)| format!(", by {criteria} {category} or better"));
    each.collect()
}

fn populations(protocol: &Protocol) -> String {
    let named: BTreeSet<String> =
        protocol.rate.iter().map(|rate| format!("{} for {}", rate.population.words(), rate.id)).collect();
    named.into_iter().collect::<Vec<_>>().join("; ")
}

/// A parameter code for each rate of the protocol: its id, as far as a code can hold it.
fn rate_codes(protocol: &Protocol) -> Vec<(String, &RateDefinition)> {
    const FIXED: [&str; 12] = [
        "OVR", "CSTAT", "BOR", "CBOR", "RSP", "VGPRRSP", "CRRSP", "PD", "LSTAC", "DEATH", "MRKPCHG",
        "MRKBPCHG",
    ];
    let mut taken: BTreeSet<String> = FIXED.iter().map(|code| (*code).to_owned()).collect();
    let codes = protocol.rate.iter().enumerate().map(|(at, rate)| {
        let letters = rate.id.to_uppercase();
        let code: String = letters.chars().filter(char::is_ascii_alphanumeric).take(7).collect();
        let usable = code.starts_with(|first: char| first.is_ascii_alphabetic());
        let both = |code: &str| [code.to_owned(), format!("{code}U")];
        let free = usable && both(&code).iter().all(|code| !taken.contains(code));
        let code = if free { code } else { format!("RATE{}", at + 1) };
        taken.extend(both(&code));
        (code, rate)
    });
    codes.collect()
}

/// What one row says.
#[derive(Default)]
struct Parameter {
    code: String,
    name: String,
    text: Option<String>,
    number: Option<Value>,
    date: Option<Date>,
    confirmed: Option<Date>,
    marker: Option<String>,
    counts: bool,
    source: Source,
}

impl Parameter {
    fn of(code: &str, name: &str) -> Self {
        Self { code: code.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    fn category(self, category: Option<Category>) -> Self {
        Self {
            text: Some(category.map_or_else(|| "MISSING".to_owned(), |category| category.code().to_owned())),
            number: category.map(rank),
            ..self
        }
    }

    fn yes_no(self, yes: bool) -> Self {
        Self { text: Some(if yes { "Y" } else { "N" }.to_owned()), number: Some(whole(yes)), ..self }
    }

    fn on(self, date: Option<Date>) -> Self {
        Self { date, ..self }
    }

    fn counted(self, counts: bool) -> Self {
        Self { counts, ..self }
    }

    fn from(self, source: Source) -> Self {
        Self { source, ..self }
    }
}

/// The rank of a category: 0 for not evaluable, the deepest response last.
fn rank(category: Category) -> Value {
    let at = Category::ALL.iter().position(|other| *other == category);
    at.map_or(Value::Missing, |at| whole(at as i64))
}

fn parameters(
    context: &Context<'_>,
    patient: &PatientAnalysis,
    rates: &[(String, &RateDefinition)],
) -> Vec<Parameter> {
    let response = &patient.response;
    let evaluable = patient.is_in(Population::ResponseEvaluable);
    let source = |date: Option<Date>| date.map(|date| assessment(context, patient, date)).unwrap_or_default();
    let mut found = Vec::new();
    for status in &response.confirmed.statuses {
        let on = |parameter: Parameter| {
            parameter.on(Some(status.date)).counted(status.counts).from(source(Some(status.date)))
        };
        found.push(on(Parameter::of("OVR", "Overall Response by Visit").category(Some(status.assessed))));
        let confirmed = on(Parameter::of("CSTAT", "Confirmed Status by Visit").category(Some(status.status)));
        found.push(Parameter { confirmed: status.confirmed_by, ..confirmed });
    }
    let best = &response.best;
    found.push(
        Parameter::of("BOR", "Best Overall Response, Unconfirmed")
            .category(best.unconfirmed)
            .on(best.unconfirmed_date)
            .counted(evaluable)
            .from(source(best.unconfirmed_date)),
    );
    found.push(
        Parameter::of("CBOR", "Best Overall Response, Confirmed")
            .category(best.confirmed)
            .on(best.date)
            .counted(evaluable)
            .from(source(best.date)),
    );
    let has = |floor: Category| response.criteria.categories().contains(&floor);
    for (code, name, floor) in [
        ("RSP", "Confirmed Response (PR or Better)", Category::Partial),
        ("VGPRRSP", "Confirmed Response (VGPR or Better)", Category::VeryGoodPartial),
        ("CRRSP", "Confirmed Response (CR or Better)", Category::Complete),
    ] {
        if has(floor) {
            let reached = best.confirmed.is_some_and(|best| best.is_at_least(floor));
            found.push(
                Parameter::of(code, name)
                    .yes_no(reached)
                    .on(best.date.filter(|_| reached))
                    .counted(evaluable),
            );
        }
    }
    for (code, rate) in rates {
        let counted = patient.is_in(rate.population);
        found.push(Parameter::of(code, &rate.name).yes_no(response.meets(rate, true)).counted(counted));
        let unconfirmed = Parameter::of(&format!("{code}U"), &format!("{}, Unconfirmed", rate.name));
        found.push(unconfirmed.yes_no(response.meets(rate, false)).counted(counted));
    }
    let progression = response.confirmed.progression();
    found.push(
        Parameter::of("PD", "Confirmed Progression")
            .yes_no(progression.is_some())
            .on(progression)
            .counted(evaluable)
            .from(source(progression)),
    );
    let followed = patient.followed.as_ref();
    if let Some(last) = followed.and_then(|followed| followed.adequate.iter().copied().max()) {
        let status = response.confirmed.statuses.iter().find(|status| status.date == last);
        found.push(
            Parameter::of("LSTAC", "Last Adequate Disease Assessment")
                .category(status.map(|status| status.assessed))
                .on(Some(last))
                .counted(evaluable)
                .from(source(Some(last))),
        );
    }
    let death = followed.and_then(|followed| followed.death);
    found.push(
        Parameter::of("DEATH", "Death")
            .yes_no(death.is_some())
            .on(death.map(|death| death.date))
            .counted(evaluable)
            .from(death.map(|_| super::times::death(context, patient)).unwrap_or_default()),
    );
    for change in &response.series {
        let mut parameter = Parameter::of("MRKPCHG", "Percent Change of the Driving Marker")
            .on(Some(change.date))
            .counted(evaluable)
            .from(source(Some(change.date)));
        parameter.number = exact_percent(change).map(Value::Number);
        parameter.marker = Some(change.marker.name().to_uppercase());
        found.push(parameter);
    }
    if let Some(change) = &response.best_change {
        let mut parameter = Parameter::of("MRKBPCHG", "Best Percent Change of the Driving Marker")
            .on(Some(change.date))
            .counted(evaluable)
            .from(source(Some(change.date)));
        parameter.number = response.best_percent().map(Value::Number);
        parameter.marker = Some(change.marker.name().to_uppercase());
        found.push(parameter);
    }
    found
}

fn row(patient: &PatientAnalysis, parameter: Parameter, number: usize, start: &Record) -> Record {
    let mut row = start.clone();
    let basis = match patient.response.basis {
        Basis::Markers => "MARKERS",
        Basis::Categories => "CATEGORIES",
        Basis::Nothing => "NOTHING",
    };
    row.set("ASEQ", place(number))
        .set("PARAM", parameter.name)
        .set("PARAMCD", parameter.code)
        .set("AVALC", parameter.text)
        .set("AVAL", parameter.number.unwrap_or(Value::Missing))
        .set("ADT", parameter.date)
        .set("ADY", parameter.date.and_then(|date| patient.study_day(date)).map(i64::from))
        .set("CONFDT", parameter.confirmed)
        .set("CRITERIA", patient.response.criteria.id().to_uppercase())
        .set("BASIS", basis)
        .set("MARKER", parameter.marker)
        .mark("ANL01FL", parameter.counts)
        .set("SRCDOM", parameter.source.domain)
        .set("SRCVAR", parameter.source.variable)
        .set("SRCSEQ", parameter.source.sequence.unwrap_or(Value::Missing));
    row
}

/// The record on which the assessment of a day rests: a result of the driving marker, else of another marker; or the
/// response as the investigator assessed it.
pub(super) fn assessment(context: &Context<'_>, patient: &PatientAnalysis, date: Date) -> Source {
    let response = &patient.response;
    if response.basis != Basis::Markers {
        let mut found = context.records.of_subject("RS", &patient.id).filter(|found| {
            found.text("RSTESTCD") == Some("OVRLRESP")
                && found.when("RSDTC").is_some_and(|when| when.latest_date() == date)
        });
        return Source::of("RS", "RSDTC", found.next());
    }
    let driving = response.measurable.as_ref().and_then(|measurable| measurable.driving);
    let of_day = || {
        let on_day = move |fact: &&Laboratory| fact.at.as_ref().and_then(|at| at.date()) == Some(date);
        patient.facts.laboratory.iter().filter(on_day)
    };
    let is_of = |fact: &&Laboratory, markers: &[Marker]| {
        markers.iter().any(|marker| fact.analyte.is_some_and(|one| analytes(*marker).contains(&one)))
    };
    let driven = driving.and_then(|driving| of_day().find(|fact| is_of(fact, &[driving])));
    let fact = driven.or_else(|| of_day().find(|fact| is_of(fact, &Marker::ALL)));
    fact.map(|fact| laboratory::source(context, patient, fact)).unwrap_or_default()
}

/// The analytes by which a marker is followed.
fn analytes(marker: Marker) -> &'static [Analyte] {
    match marker {
        Marker::SerumM => &[Analyte::SerumMProtein],
        Marker::UrineM => &[Analyte::UrineMProtein],
        Marker::FreeLightChains => &[Analyte::FreeKappa, Analyte::FreeLambda],
        Marker::PlasmaCells => &[Analyte::MarrowPlasmaCells],
        Marker::Plasmacytoma | Marker::CirculatingCells => &[],
    }
}
