//! From a record of a domain to a fact of the trial: one function a domain, nothing guessed.

use std::collections::{HashMap, HashSet};

use posology_clinic::laboratory::Analyte;
use posology_clinic::quantity::{Activity, ActivityPerArea};
use posology_trial::event::{
    Adjustment, Administration, AdverseEvent, Amount, Death, Deviation, DeviationCategory, Disposition,
    DltJudgement, Enrolment, Fact, FractionOmitted, History, Judge, Laboratory, NewTherapy, Prescription,
    ProgressionFoundBy, ResponseAssessment, Subject, Support, SupportKind, Visit, VitalSign,
};
use rust_decimal::Decimal;

use super::record::Record;
use crate::intake::sense::{
    self, BODY_SIZE_UNITS, LaboratoryUnits, SEXES, activity_unit, is_measurement, is_related, is_toxicity,
    parse_decimal, speaks_of_activity,
};
use crate::problem::{Problem, quoted};
use crate::tabulation::{AT_CUT_OFF, ENTERED};

/// What a record says to the trial.
pub(super) enum Mapped {
    Fact(Box<Fact>),
    Aside(&'static str),
}

impl From<Fact> for Mapped {
    fn from(fact: Fact) -> Self {
        Self::Fact(Box::new(fact))
    }
}

/// What records of one import must know of each other.
#[derive(Default)]
pub(super) struct Context {
    /// Whether EX is among the data sets; it then says what was given, and EC what was planned or omitted.
    exposure_in_ex: bool,
    /// Treatments that EC gives in a unit of activity: only their omissions are omitted fractions.
    pub(super) radioactive: HashSet<String>,
    laboratory: LaboratoryUnits,
    /// Days on which fractions are planned, by subject.
    planned: HashMap<String, HashSet<String>>,
}

/// The fact of a record, by its domain.
pub(super) fn fact_of(record: &mut Record<'_>, context: &mut Context) -> Result<Mapped, Problem> {
    match record.domain {
        "DM" => subject(record),
        "EC" => exposure_as_collected(record, context),
        "EX" => exposure(record, context),
        "AE" => adverse_event(record),
        "LB" => laboratory(record, context),
        "VS" => vital_sign(record),
        "RS" => response(record),
        "DS" => disposition(record),
        "MH" => history(record),
        "SV" => visit(record),
        "DD" => death_details(record),
        "FA" => adjudication(record),
        "DV" => deviation(record),
        super::organ::DOMAIN => super::organ::absorbed_dose(record),
        _ => support_or_new_therapy(record),
    }
}

fn subject(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    if let Some(sex) = record.text("SEX")
        && !SEXES.contains(&sex)
    {
        return Err(record.problem(
            "SEX",
            "F, M, U or UNDIFFERENTIATED",
            &quoted(sex),
            "use the term of the codelist SEX",
        ));
    }
    let death = record.when("DTHDTC")?;
    if record.yes("DTHFL")? == Some(true) && death.is_none() {
        record.warn(
            "DTHDTC",
            "the date of a death that DTHFL states",
            "none",
            "fill it in at its source, in part if need be",
        );
    }
    let fact = Subject {
        subject: record.subject()?,
        site: record.owned("SITEID"),
        age_years: age_years(record)?,
        sex: record.owned("SEX"),
        race: record.owned("RACE"),
        ethnicity: record.owned("ETHNIC"),
        country: record.owned("COUNTRY"),
        arm: record.owned("ARMCD"),
        no_arm_reason: record.owned("ARMNRS"),
        consent: record.when("RFICDTC")?,
        first_treatment: match record.when("RFXSTDTC")? {
            Some(when) => Some(when),
            None => record.when("RFSTDTC")?,
        },
        death,
    };
    Ok(Fact::Subject(fact).into())
}

fn age_years(record: &Record<'_>) -> Result<Option<Decimal>, Problem> {
    let Some(age) = record.decimal("AGE")? else { return Ok(None) };
    if age.is_sign_negative() && !age.is_zero() {
        return Err(record.problem(
            "AGE",
            "an age of 0 or more",
            &age.to_string(),
            "correct it at its source",
        ));
    }
    match record.text("AGEU") {
        Some("YEARS") => Ok(Some(age)),
        Some("MONTHS") => Ok(Some(age / Decimal::from(12))),
        other => Err(record.problem("AGEU", "YEARS or MONTHS", &found(other), "state the unit of the age")),
    }
}

fn found(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), quoted)
}

fn amount(record: &Record<'_>) -> Result<Option<Amount>, Problem> {
    let (value_name, unit_name) = (format!("{}DOSE", record.domain), format!("{}DOSU", record.domain));
    let Some(value) = record.decimal(&value_name)? else { return Ok(None) };
    let Some(unit) = record.text(&unit_name) else {
        return Err(record.problem(
            &unit_name,
            "the unit of the amount",
            "none",
            "fill it in at its source: a unit is never guessed",
        ));
    };
    sense::amount(value, unit).map(Some).map_err(|bad| {
        let column = if bad.is_unit { &unit_name } else { &value_name };
        record.problem(column, &bad.expected, &bad.found, &bad.mend)
    })
}

fn adjustment(record: &Record<'_>) -> Option<Adjustment> {
    let reason = record.text(&format!("{}ADJ", record.domain))?;
    Some(Adjustment { reason: reason.to_owned(), toxicity: is_toxicity(reason) })
}

fn administration(record: &Record<'_>) -> Result<Administration, Problem> {
    let name = |part: &str| format!("{}{part}", record.domain);
    let fraction = record
        .qualifier("FRACTION")
        .map(|text| {
            text.trim().parse().ok().filter(|number| *number > 0_u32).ok_or_else(|| {
                record.problem(
                    "FRACTION",
                    "the number of the fraction, from 1",
                    &quoted(text),
                    "correct it at its source",
                )
            })
        })
        .transpose()?;
    Ok(Administration {
        subject: record.subject()?,
        treatment: record.required(&name("TRT"))?,
        fraction,
        amount: amount(record)?,
        start: record.required_when(&name("STDTC"))?,
        end: record.when(&name("ENDTC"))?,
        route: record.owned(&name("ROUTE")),
        lot: record.owned(&name("LOT")),
        adjustment: adjustment(record),
    })
}

fn exposure(record: &mut Record<'_>, context: &Context) -> Result<Mapped, Problem> {
    let fact = administration(record)?;
    if matches!(fact.amount, Some(Amount::Activity(_))) && !context.planned.is_empty() {
        let day = fact.start.to_string().chars().take(10).collect::<String>();
        match context.planned.get(&fact.subject) {
            Some(days) if days.contains(&day) => {}
            own => {
                let other = context
                    .planned
                    .iter()
                    .filter(|(_, days)| days.contains(&day))
                    .map(|(subject, _)| subject.as_str())
                    .min();
                let what = if own.is_some() {
                    "no fraction planned for that day"
                } else {
                    "no fraction planned at all"
                };
                let found = match other {
                    Some(other) => format!("{what}; {other} has one on {day}"),
                    None => what.to_owned(),
                };
                record.warn(
                    "USUBJID",
                    "an administration to the patient it was prescribed for",
                    &found,
                    "check that the fraction is recorded for the right patient",
                );
            }
        }
    }
    Ok(Fact::Administration(fact).into())
}

/// A supplemental qualifier read as what it holds.
fn qualified<T>(
    record: &Record<'_>,
    name: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(text) = record.qualifier(name) else { return Ok(None) };
    read(text)
        .map(Some)
        .ok_or_else(|| record.problem(name, expected, &quoted(text), "correct the supplemental qualifier"))
}

/// EC says what was planned (SCHEDULED), what was omitted (ECOCCUR N) and, where EX is absent, what was given.
fn exposure_as_collected(record: &mut Record<'_>, context: &mut Context) -> Result<Mapped, Problem> {
    let fraction = || {
        record.fraction.ok_or_else(|| {
            record.problem(
                "ECSTDTC",
                "a date, which gives the fraction its place",
                "none",
                "fill it in, or give SUPPEC.FRACTION",
            )
        })
    };
    match (record.text("ECMOOD"), record.yes("ECOCCUR")?) {
        (Some("SCHEDULED"), _) => {
            let (Some(value), Some(unit)) = (record.decimal("ECDOSE")?, record.text("ECDOSU")) else {
                return Ok(Mapped::Aside("a planned administration without amount and unit"));
            };
            let (symbol, per_area) = match unit.split_once('/') {
                Some((symbol, "m2" | "m^2" | "m²")) => (symbol, true),
                Some(_) => ("", false),
                None => (unit, false),
            };
            let Some(known) = activity_unit(symbol) else {
                if speaks_of_activity(unit) {
                    return Err(record.problem(
                        "ECDOSU",
                        "mCi/m2, MBq/m2, GBq/m2, mCi, MBq or GBq",
                        &quoted(unit),
                        "convert it at its source",
                    ));
                }
                return Ok(Mapped::Aside("a planned amount that is no activity"));
            };
            let bad = |error: posology_clinic::quantity::BadQuantity| {
                record.problem("ECDOSE", &error.expected, &error.found, &error.mend)
            };
            let planned = record.when("ECSTDTC")?;
            let subject = record.subject()?;
            let fact = Prescription {
                subject: subject.clone(),
                fraction: fraction()?,
                per_area: if per_area {
                    Some(ActivityPerArea::new(value, known).map_err(bad)?)
                } else {
                    None
                },
                body_surface_m2: qualified(record, "PRSBSA", "an area in m2, such as 1.97", parse_decimal)?,
                activity: if per_area {
                    qualified(record, "PRSACT", "an activity, such as 50.2 mCi", |text| text.parse().ok())?
                } else {
                    Some(Activity::new(value, known).map_err(bad)?)
                },
                planned: planned.clone(),
            };
            if let Some(planned) = planned {
                let day = planned.to_string().chars().take(10).collect();
                context.planned.entry(subject).or_default().insert(day);
            }
            Ok(Fact::Prescription(fact).into())
        }
        (None | Some("PERFORMED"), Some(false)) => {
            if !record.text("ECTRT").is_some_and(|treatment| context.radioactive.contains(treatment)) {
                return Ok(Mapped::Aside("not given, of a treatment that is no activity"));
            }
            let reason =
                record.text("ECADJ").or_else(|| record.text("ECREASOC")).or_else(|| record.text("ECREASND"));
            let adjustment = adjustment(record).unwrap_or_else(|| Adjustment {
                reason: reason.unwrap_or("not recorded").to_owned(),
                toxicity: None,
            });
            let fact = FractionOmitted {
                subject: record.subject()?,
                fraction: fraction()?,
                date: record.required_when("ECSTDTC")?,
                adjustment,
            };
            Ok(Fact::FractionOmitted(fact).into())
        }
        (None | Some("PERFORMED"), _) if context.exposure_in_ex => {
            Ok(Mapped::Aside("given: EX says what was given"))
        }
        (None | Some("PERFORMED"), _) => Ok(Fact::Administration(administration(record)?).into()),
        (Some(other), _) => Err(record.problem(
            "ECMOOD",
            "SCHEDULED or PERFORMED",
            &quoted(other),
            "use the term of the codelist",
        )),
    }
}

fn adverse_event(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let verbatim = record.required("AETERM")?;
    let grade = match record.text("AETOXGR") {
        None => None,
        Some(text) => match text.trim().parse() {
            Ok(grade @ 1..=5_u8) => Some(grade),
            _ => {
                return Err(record.problem(
                    "AETOXGR",
                    "a CTCAE grade, 1 to 5",
                    &quoted(text),
                    "write the digit of the grade",
                ));
            }
        },
    };
    let causality = record.owned("AEREL");
    let related = causality.as_deref().and_then(is_related);
    if let (Some(causality), None) = (&causality, related) {
        record.warn(
            "AEREL",
            "a causality of the lists in use (RELATED, PROBABLE, POSSIBLE, UNLIKELY RELATED, NOT RELATED, …)",
            &quoted(causality),
            "kept as recorded; whether it counts as related is not known",
        );
    }
    let outcome = record.owned("AEOUT");
    let fatal = match record.yes("AESDTH")? {
        Some(true) => Some(true),
        stated if outcome.as_deref() == Some("FATAL") => {
            if stated == Some(false) {
                record.warn(
                    "AESDTH",
                    "Y beside the outcome FATAL",
                    "N",
                    "read as fatal; correct one of the two",
                );
            }
            Some(true)
        }
        stated => stated,
    };
    let fact = AdverseEvent {
        subject: record.subject()?,
        key: match record.qualifier("EVENTKEY") {
            Some(key) => key.to_owned(),
            None => event_key(record)?,
        },
        term: record.owned("AEDECOD").unwrap_or_else(|| verbatim.clone()),
        verbatim,
        class: record.owned("AESOC").or_else(|| record.owned("AEBODSYS")),
        grade,
        severity: record.owned("AESEV"),
        serious: record.yes("AESER")?,
        causality,
        related,
        action: record.owned("AEACN"),
        outcome,
        fatal,
        start: record.when("AESTDTC")?,
        end: record.when("AEENDTC")?,
    };
    Ok(Fact::AdverseEvent(fact).into())
}

/// The event's key within its subject.
pub(super) fn event_key(record: &Record<'_>) -> Result<String, Problem> {
    let key = record.key()?;
    let subject = record.text("USUBJID").unwrap_or_default();
    Ok(key.strip_prefix(subject).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&key).to_owned())
}

fn laboratory(record: &mut Record<'_>, context: &mut Context) -> Result<Mapped, Problem> {
    let test = record.required("LBTESTCD")?;
    let done = record.text("LBSTAT") != Some("NOT DONE");
    let specimen = record.text("LBSPEC").unwrap_or_default();
    // A urinalysis without a stated specimen is one of urine; its glucose is not that of the blood.
    let urine = specimen.is_empty()
        && record.text("LBCAT").is_some_and(|category| category.eq_ignore_ascii_case("URINALYSIS"));
    let specimen = if urine { "URINE" } else { specimen };
    let analyte = context.laboratory.analyte(&test, specimen);
    let original = Reported::of(record, "LBORRES", "LBORRESU", "LBORNRLO", "LBORNRHI");
    let standard = Reported::of(record, "LBSTRESC", "LBSTRESU", "LBSTNRLO", "LBSTNRHI");
    let mut reported =
        if original.result.is_some() || standard.result.is_none() { original } else { standard };
    if !done {
        reported.result = None;
    }
    if let (Some(analyte), Some(result)) = (analyte, reported.result)
        && is_measurement(result)
    {
        if let Some(refusal) = context.laboratory.refusal(analyte, reported.unit) {
            let stands_in = standard.result.is_some_and(is_measurement)
                && context.laboratory.refusal(analyte, standard.unit).is_none();
            if !stands_in {
                return Err(record.problem(
                    reported.unit_name,
                    &refusal,
                    &found(reported.unit),
                    "give the unit of the laboratory's report: it is never guessed",
                ));
            }
            let unit = found(reported.unit);
            record.warn(
                reported.unit_name,
                &refusal,
                &unit,
                "the result in standard units was taken instead",
            );
            reported = standard;
        }
        let subject = record.text("USUBJID").unwrap_or_default();
        let unit = reported.unit.unwrap_or_default();
        if let Some(first) = context.laboratory.other_unit(analyte, subject, unit) {
            record.warn(
                reported.unit_name,
                &format!("one unit for the {} of a subject", analyte.name()),
                &format!("{} after {}", quoted(unit), quoted(&first)),
                "both are known and are compared after exact conversion; check that neither is a slip",
            );
        }
    }
    let lower_limit = limit(record, reported.lower_name, analyte)?;
    let upper_limit = limit(record, reported.upper_name, analyte)?;
    let fact = Laboratory {
        subject: record.subject()?,
        test,
        analyte,
        result: reported.result.map(str::to_owned),
        unit: reported.unit.map(str::to_owned),
        lower_limit,
        upper_limit,
        specimen: record.owned("LBSPEC"),
        method: record.owned("LBMETHOD"),
        visit: record.owned("VISIT").or_else(|| record.owned("VISITNUM")),
        at: record.when("LBDTC")?,
    };
    Ok(Fact::Laboratory(fact).into())
}

/// A result with its unit, and the variables that hold its unit and limits.
#[derive(Clone, Copy)]
struct Reported<'a> {
    result: Option<&'a str>,
    unit: Option<&'a str>,
    unit_name: &'static str,
    lower_name: &'static str,
    upper_name: &'static str,
}

impl<'a> Reported<'a> {
    fn of(
        record: &Record<'a>,
        result: &str,
        unit_name: &'static str,
        lower_name: &'static str,
        upper_name: &'static str,
    ) -> Self {
        Self { result: record.text(result), unit: record.text(unit_name), unit_name, lower_name, upper_name }
    }
}

/// A limit of normal; one that is no number (`<5`) is left out for a test nobody grades, and warned of otherwise.
fn limit(record: &mut Record<'_>, name: &str, analyte: Option<Analyte>) -> Result<Option<Decimal>, Problem> {
    let Some(text) = record.text(name) else { return Ok(None) };
    let limit = parse_decimal(text);
    if limit.is_none() && analyte.is_some() {
        record.warn(
            name,
            "a limit of normal as a plain number",
            &quoted(text),
            "read as not stated: grades that need it are unknown",
        );
    }
    Ok(limit)
}

impl Context {
    pub(super) fn new(exposure_in_ex: bool) -> Self {
        Self { exposure_in_ex, ..Self::default() }
    }
}

fn vital_sign(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let test = record.required("VSTESTCD")?;
    let done = record.text("VSSTAT") != Some("NOT DONE");
    let (result, unit, unit_name) = match record.text("VSORRES") {
        Some(result) => (Some(result), record.text("VSORRESU"), "VSORRESU"),
        None => (record.text("VSSTRESC"), record.text("VSSTRESU"), "VSSTRESU"),
    };
    let result = result.filter(|_| done);
    if let (Some((_, known)), Some(_)) = (BODY_SIZE_UNITS.iter().find(|(code, _)| *code == test), result)
        && !unit.is_some_and(|unit| known.contains(&unit))
    {
        return Err(record.problem(
            unit_name,
            &format!("a unit of {test}: {}", known.join(", ")),
            &found(unit),
            "fill it in at its source: a unit is never guessed",
        ));
    }
    let fact = VitalSign {
        subject: record.subject()?,
        test,
        result: result.map(str::to_owned),
        unit: unit.map(str::to_owned),
        visit: record.owned("VISIT").or_else(|| record.owned("VISITNUM")),
        at: record.when("VSDTC")?,
    };
    Ok(Fact::VitalSign(fact).into())
}

/// Supplemental qualifiers that a response reads.
pub(super) const RESPONSE_QUALIFIERS: [&str; 3] = ["PDOFL", "PDIFL", "DTHPDFL"];

fn response(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let flag = |name: &str| match record.qualifier(name) {
        Some("Y") => Ok(true),
        None | Some("N" | "") => Ok(false),
        Some(other) => {
            Err(record.problem(name, "Y or N", &quoted(other), "correct the supplemental qualifier"))
        }
    };
    let done = record.text("RSSTAT") != Some("NOT DONE");
    let fact = ResponseAssessment {
        subject: record.subject()?,
        criteria: record.owned("RSCAT"),
        test: record.required("RSTESTCD")?,
        response: record.owned("RSSTRESC").or_else(|| record.owned("RSORRES")).filter(|_| done),
        evaluator: record.owned("RSEVAL"),
        evaluator_id: record.owned("RSEVALID"),
        method: record.owned("RSMETHOD").or_else(|| record.owned("RSSCAT")),
        visit: record.owned("VISIT").or_else(|| record.owned("VISITNUM")),
        at: record.when("RSDTC")?,
        progression_found_by: if flag("PDIFL")? {
            Some(ProgressionFoundBy::Imaging)
        } else if flag("PDOFL")? {
            Some(ProgressionFoundBy::Biochemical)
        } else {
            None
        },
        death_by_progression: flag("DTHPDFL")?,
    };
    Ok(Fact::ResponseAssessment(fact).into())
}

fn disposition(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let term = record.required("DSTERM")?;
    if term == AT_CUT_OFF {
        return Ok(Mapped::Aside("on study when the data were cut: no disposition"));
    }
    if let Some(cohort) = record.qualifier("COHORT").filter(|_| record.text("DSDECOD") == Some(ENTERED)) {
        let date = record.required_when("DSSTDTC")?.date().ok_or_else(|| {
            record.problem("DSSTDTC", "the whole day of enrolment", "a part of it", "write it as YYYY-MM-DD")
        })?;
        let fact = Enrolment {
            subject: record.subject()?,
            cohort: cohort.to_owned(),
            date,
            protocol_version: record.qualifier("PROTVER").unwrap_or("not recorded").to_owned(),
            replaces: record.qualifier("REPLACES").map(str::to_owned),
            stratum: record.qualifier("STRATUM").map(str::to_owned),
        };
        return Ok(Fact::Enrolment(fact).into());
    }
    let fact = Disposition {
        subject: record.subject()?,
        standard: record.owned("DSDECOD").unwrap_or_else(|| term.clone()),
        term,
        category: record.owned("DSCAT"),
        scope: record.owned("DSSCAT"),
        at: match record.when("DSSTDTC")? {
            Some(when) => Some(when),
            None => record.when("DSDTC")?,
        },
    };
    Ok(Fact::Disposition(fact).into())
}

fn history(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let fact = History {
        subject: record.subject()?,
        term: record.required("MHTERM")?,
        category: record.owned("MHCAT").or_else(|| record.qualifier("MHCATALL").map(str::to_owned)),
        start: record.when("MHSTDTC")?,
        end: record.when("MHENDTC")?,
    };
    Ok(Fact::History(fact).into())
}

fn visit(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    if record.yes("SVOCCUR")? == Some(false) {
        return Ok(Mapped::Aside("a planned visit that did not occur"));
    }
    let fact = Visit {
        subject: record.subject()?,
        number: record.decimal("VISITNUM")?,
        name: record.owned("VISIT"),
        start: record.when("SVSTDTC")?,
        end: record.when("SVENDTC")?,
    };
    Ok(Fact::Visit(fact).into())
}

/// Of concomitant medications and procedures the trial records support of the blood and new anti-cancer therapy.
fn support_or_new_therapy(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let name = |part: &str| format!("{}{part}", record.domain);
    let upper = |part: &str| record.text(&name(part)).unwrap_or_default().to_uppercase();
    let (treatment, standard, category) = (upper("TRT"), upper("DECOD"), upper("CAT"));
    if record.yes(&name("OCCUR"))? == Some(false) {
        return Ok(Mapped::Aside("a treatment that did not occur"));
    }
    let new_therapy = [
        "NEW ANTI-CANCER THERAPY",
        "NEW ANTICANCER THERAPY",
        "SUBSEQUENT ANTI-CANCER THERAPY",
        "SUBSEQUENT ANTICANCER THERAPY",
    ];
    if new_therapy.contains(&category.as_str()) {
        let fact = NewTherapy {
            subject: record.subject()?,
            start: record.required_when(&name("STDTC"))?,
            name: record.owned(&name("TRT")).filter(|name| name != "NOT RECORDED"),
            myelosuppressive: yes_of(record, "MYELOSUP")?,
        };
        return Ok(Fact::NewTherapy(fact).into());
    }
    let Some(kind) = [&standard, &treatment].into_iter().find_map(|text| support_kind(text)) else {
        return Ok(Mapped::Aside("a treatment other than blood support or new anti-cancer therapy"));
    };
    let fact = Support {
        subject: record.subject()?,
        kind,
        at: record.required_when(&name("STDTC"))?,
        product: record.owned(&name("TRT")),
    };
    Ok(Fact::Support(fact).into())
}

/// Y or N in a supplemental qualifier.
fn yes_of(record: &Record<'_>, name: &str) -> Result<Option<bool>, Problem> {
    qualified(record, name, "Y or N", |text| match text {
        "Y" => Some(true),
        "N" => Some(false),
        _ => None,
    })
}

/// Why a subject died.
fn death_details(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    if record.text("DDTESTCD") != Some("PRCDTH") {
        return Ok(Mapped::Aside("a detail of a death other than its primary cause"));
    }
    let fact = Death {
        subject: record.subject()?,
        at: record.required_when("DDDTC")?,
        cause: record.owned("DDSTRESC").or_else(|| record.owned("DDORRES")),
        related: yes_of(record, "DTHREL")?,
        by_progression: yes_of(record, "DTHPD")?,
    };
    Ok(Fact::Death(fact).into())
}

/// The committee's judgement whether an event is a dose-limiting toxicity. The event is named by its key.
fn adjudication(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let evaluator = record.text("FAEVAL").unwrap_or_default();
    if record.text("FATESTCD") != Some("DLTIND") || !evaluator.contains("COMMITTEE") {
        return Ok(Mapped::Aside("a finding other than a committee's judgement on a dose-limiting toxicity"));
    }
    let Some(event) = record.qualifier("EVENTKEY") else {
        return Ok(Mapped::Aside("a judgement whose event no qualifier EVENTKEY names"));
    };
    let word = record.text("FASTRESC").or_else(|| record.text("FAORRES"));
    let dose_limiting = match word {
        Some("Y") => true,
        Some("N") => false,
        other => return Err(record.problem("FASTRESC", "Y or N", &found(other), "correct it at its source")),
    };
    let fact = DltJudgement {
        subject: record.subject()?,
        event: Some(event.to_owned()),
        rule: None,
        by: Judge::Committee,
        dose_limiting,
        date: record.when("FADTC")?,
        reason: None,
    };
    Ok(Fact::DltJudgement(fact).into())
}

/// A deviation from the protocol.
fn deviation(record: &mut Record<'_>) -> Result<Mapped, Problem> {
    let category = match record.text("DVCAT").map(str::to_ascii_uppercase).as_deref() {
        Some("MINOR") => DeviationCategory::Minor,
        Some("MAJOR" | "IMPORTANT") => DeviationCategory::Important,
        other => {
            return Err(record.problem(
                "DVCAT",
                "MINOR, MAJOR or IMPORTANT",
                &found(other),
                "correct it at its source",
            ));
        }
    };
    let fact = Deviation {
        subject: Some(record.subject()?),
        site: None,
        date: record.required_when("DVSTDTC")?,
        category,
        what: record.required("DVTERM")?,
        action: record.qualifier("DVACTION").map(str::to_owned),
    };
    Ok(Fact::Deviation(fact).into())
}

fn support_kind(text: &str) -> Option<SupportKind> {
    match text {
        "PLATELETS" | "PLATELET TRANSFUSION" | "PLATELET CONCENTRATE" | "PLATELETS, HUMAN BLOOD" => {
            Some(SupportKind::PlateletTransfusion)
        }
        "RED BLOOD CELLS"
        | "RED BLOOD CELL TRANSFUSION"
        | "PACKED RED BLOOD CELLS"
        | "PACKED RED BLOOD CELL TRANSFUSION"
        | "RED BLOOD CELLS, CONCENTRATED" => Some(SupportKind::RedCellTransfusion),
        "FILGRASTIM"
        | "PEGFILGRASTIM"
        | "LENOGRASTIM"
        | "LIPEGFILGRASTIM"
        | "SARGRAMOSTIM"
        | "G-CSF"
        | "GRANULOCYTE COLONY STIMULATING FACTOR" => Some(SupportKind::GrowthFactor),
        "AUTOLOGOUS STEM CELL INFUSION"
        | "AUTOLOGOUS STEM CELL REINFUSION"
        | "STEM CELL RESCUE"
        | "AUTOLOGOUS STEM CELL RESCUE"
        | "STEM CELL REINFUSION" => Some(SupportKind::StemCellRescue),
        _ => None,
    }
}
