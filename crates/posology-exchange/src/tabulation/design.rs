//! The design of the trial: arms and their elements (TA, TE), visits (TV), criteria of eligibility (TI), summary (TS).

use posology_trial::protocol::Protocol;

use super::TrialAtCut;
use super::demographics::arm_name;
use super::frame::{ELEMENTS, Element, planned_visits};
use crate::package::{Class, Column, TERMINOLOGY, Table, Value};

fn table(name: &str, label: &str, structure: &str, keys: &[&'static str], columns: Vec<Column>) -> Table {
    let mut all = vec![
        Column::text("STUDYID", "Study Identifier").required().of_protocol(),
        Column::text("DOMAIN", "Domain Abbreviation").required().assigned(),
    ];
    all.extend(columns);
    Table {
        name: name.to_owned(),
        label: label.to_owned(),
        class: Class::TrialDesign,
        structure: structure.to_owned(),
        keys: keys.to_vec(),
        reference: true,
        comment: None,
        columns: all,
        rows: Vec::new(),
    }
}

/// The tables of the design that the protocol has anything for.
pub(super) fn tables(of: &TrialAtCut<'_>) -> Vec<Table> {
    let all = [arms(of), elements(of), visits(of), criteria(of), summary(of)];
    all.into_iter().filter(|table| !table.rows.is_empty()).map(Table::finished).collect()
}

fn study<'a>(of: &TrialAtCut<'a>) -> &'a str {
    &of.analysis.protocol.trial.id
}

/// TA: each cohort is an arm, and each goes through the same elements.
fn arms(of: &TrialAtCut<'_>) -> Table {
    let mut table = table(
        "TA",
        "Trial Arms",
        "One record per planned Element per Arm",
        &["STUDYID", "ARMCD", "TAETORD"],
        vec![
            Column::text("ARMCD", "Planned Arm Code").required().of_protocol(),
            Column::text("ARM", "Description of Planned Arm").required().of_protocol(),
            Column::integer("TAETORD", "Planned Order of Element within Arm").required().of_protocol(),
            Column::text("ETCD", "Element Code").required().of_protocol(),
            Column::text("ELEMENT", "Description of Element").of_protocol(),
            Column::text("TABRANCH", "Branch").expected().of_protocol(),
            Column::text("TATRANS", "Transition Rule").expected().of_protocol(),
            Column::text("EPOCH", "Epoch").required().of_protocol().coded("EPOCH"),
        ],
    );
    for cohort in &of.analysis.protocol.cohort {
        let arm = arm_name(of, &cohort.id);
        for (element, order) in ELEMENTS.iter().zip(1_i64..) {
            let branch = (order == 1).then(|| format!("Assigned to {arm}"));
            table.rows.push(vec![
                study(of).into(),
                "TA".into(),
                cohort.id.as_str().into(),
                arm.as_str().into(),
                order.into(),
                element.code.into(),
                element.name.into(),
                branch.into(),
                Value::Missing,
                element.epoch.into(),
            ]);
        }
    }
    table
}

/// TE: the elements and what begins each.
fn elements(of: &TrialAtCut<'_>) -> Table {
    let mut table = table(
        "TE",
        "Trial Elements",
        "One record per planned Element",
        &["STUDYID", "ETCD"],
        vec![
            Column::text("ETCD", "Element Code").required().of_protocol(),
            Column::text("ELEMENT", "Description of Element").required().of_protocol(),
            Column::text("TESTRL", "Rule for Start of Element").required().of_protocol(),
            Column::text("TEENRL", "Rule for End of Element").of_protocol(),
        ],
    );
    for Element { code, name, begins, ends, .. } in ELEMENTS {
        table.rows.push(vec![
            study(of).into(),
            "TE".into(),
            (*code).into(),
            (*name).into(),
            (*begins).into(),
            (*ends).into(),
        ]);
    }
    table
}

/// TV: screening, the day of each fraction of any regimen, the end of the DLT window.
fn visits(of: &TrialAtCut<'_>) -> Table {
    let protocol = &of.analysis.protocol;
    let mut table = table(
        "TV",
        "Trial Visits",
        "One record per planned Visit per Arm",
        &["STUDYID", "VISITNUM", "ARMCD"],
        vec![
            Column::float("VISITNUM", "Visit Number").required().of_protocol(),
            Column::text("VISIT", "Visit Name").required().of_protocol(),
            Column::integer("VISITDY", "Planned Study Day of Visit").of_protocol(),
            Column::text("ARMCD", "Planned Arm Code").expected().of_protocol(),
            Column::text("TVSTRL", "Visit Start Rule").required().of_protocol(),
        ],
    );
    for visit in planned_visits(protocol) {
        table.rows.push(vec![
            study(of).into(),
            "TV".into(),
            visit.number.into(),
            visit.name.into(),
            visit.day.into(),
            Value::Missing,
            visit.begins.into(),
        ]);
    }
    table
}

/// Bytes of a character value at most (FDA Study Data Technical Conformance Guide).
const LONGEST: usize = 200;

/// A text in parts of at most 200 bytes, broken between words.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match parts.last_mut().filter(|part| part.len() + 1 + word.len() <= LONGEST) {
            Some(part) => {
                part.push(' ');
                part.push_str(word);
            }
            None => parts.push(word.to_owned()),
        }
    }
    parts
}

/// TI: the criteria that numbers decide, by the version in force.
fn criteria(of: &TrialAtCut<'_>) -> Table {
    let protocol = &of.analysis.protocol;
    let mut table = table(
        "TI",
        "Trial Inclusion/Exclusion Criteria",
        "One record per I/E criterion",
        &["STUDYID", "IETESTCD"],
        vec![
            Column::text("IETESTCD", "Incl/Excl Criterion Short Name").required().of_protocol(),
            Column::text("IETEST", "Inclusion/Exclusion Criterion").required().of_protocol(),
            Column::text("IECAT", "Inclusion/Exclusion Category").required().of_protocol().coded("IECAT"),
            Column::text("TIVERS", "Protocol Criteria Versions").of_protocol(),
        ],
    );
    for (criterion, number) in protocol.eligibility.iter().zip(1_u32..) {
        let text = parts(&criterion.text).into_iter().next().unwrap_or_else(|| criterion.id.clone());
        table.rows.push(vec![
            study(of).into(),
            "TI".into(),
            criterion_code(number).into(),
            text.into(),
            "INCLUSION".into(),
            protocol.version.id.as_str().into(),
        ]);
    }
    table
}

/// The short name of a criterion, by its place in the protocol from 1.
pub(super) fn criterion_code(place: u32) -> String {
    format!("INCL{place:02}")
}

/// TS: what a reviewer asks of a trial first.
fn summary(of: &TrialAtCut<'_>) -> Table {
    let mut table = table(
        "TS",
        "Trial Summary",
        "One record per trial summary parameter value",
        &["STUDYID", "TSPARMCD", "TSSEQ"],
        vec![
            Column::integer("TSSEQ", "Sequence Number").required().assigned(),
            Column::text("TSPARMCD", "Trial Summary Parameter Short Name")
                .required()
                .assigned()
                .coded("TSPARMCD"),
            Column::text("TSPARM", "Trial Summary Parameter").required().assigned().coded("TSPARM"),
            Column::text("TSVAL", "Parameter Value").expected().of_protocol(),
            Column::text("TSVALNF", "Parameter Value Null Flavor").of_protocol(),
            Column::text("TSVALCD", "Parameter Value Code").expected().assigned(),
            Column::text("TSVCDREF", "Name of the Reference Terminology").expected().assigned(),
            Column::text("TSVCDVER", "Version of the Reference Terminology").expected().assigned(),
        ],
    );
    let mut said = Vec::new();
    for (code, name, value) in parameters(of) {
        let number = 1 + said.iter().filter(|known| **known == code).count() as i64;
        said.push(code);
        let (text, coded, reference, version) = match value {
            Parameter::Text(text) => (text, None, None, None),
            Parameter::Term(text, term) => (text, Some(term.to_owned()), Some("CDISC CT"), Some(TERMINOLOGY)),
            Parameter::Iso(text) => (text, None, Some("ISO 8601"), None),
            Parameter::Country(text) => (text.clone(), Some(text), Some("ISO 3166-1 alpha-3"), None),
            Parameter::Registry(text) => (text.clone(), Some(text), Some("ClinicalTrials.gov"), None),
            Parameter::Unknown(flavour) => (String::new(), Some(flavour.to_owned()), None, None),
        };
        let null = coded.clone().filter(|_| text.is_empty());
        table.rows.push(vec![
            study(of).into(),
            "TS".into(),
            number.into(),
            code.into(),
            name.into(),
            text.into(),
            null.clone().into(),
            if null.is_some() { Value::Missing } else { coded.into() },
            reference.into(),
            version.into(),
        ]);
    }
    table
}

/// A value of a summary parameter, and what it is coded by.
enum Parameter {
    Text(String),
    /// A term of CDISC's terminology with its code.
    Term(String, &'static str),
    /// A date or duration.
    Iso(String),
    Country(String),
    Registry(String),
    /// Not known, and why: a null flavour of ISO 21090.
    Unknown(&'static str),
}

fn yes_no(yes: bool) -> Parameter {
    if yes { term("Y", "C49488") } else { term("N", "C49487") }
}

fn term(text: &str, code: &'static str) -> Parameter {
    Parameter::Term(text.to_owned(), code)
}

fn text(text: impl ToString) -> Parameter {
    Parameter::Text(text.to_string())
}

fn parameters(of: &TrialAtCut<'_>) -> Vec<(&'static str, &'static str, Parameter)> {
    let analysis = of.analysis;
    let protocol = &analysis.protocol;
    let enrolled = analysis.patients.iter().filter(|patient| patient.cohort.is_some()).count();
    let mut all = vec![
        ("ACTSUB", "Actual Number of Subjects", text(enrolled)),
        ("ADAPT", "Adaptive Design", yes_no(protocol.escalation.is_some())),
        ("ADDON", "Added on to Existing Treatments", Parameter::Unknown("NASK")),
    ];
    let (least, most) = ages(protocol);
    all.push((
        "AGEMAX",
        "Planned Maximum Age of Subjects",
        most.map_or(Parameter::Unknown("PINF"), Parameter::Iso),
    ));
    all.push((
        "AGEMIN",
        "Planned Minimum Age of Subjects",
        least.map_or(Parameter::Unknown("NASK"), Parameter::Iso),
    ));
    all.extend([
        ("DCUTDESC", "Data Cutoff Description", text("Clinical cut-off of the data cut")),
        ("DCUTDTC", "Data Cutoff Date", Parameter::Iso(analysis.cut.date().to_string())),
        ("DMCIND", "Data Monitoring Committee Indicator", yes_no(protocol.committee.is_some())),
    ]);
    for regimen in &protocol.regimen {
        if let Some(total) = regimen.total {
            all.push(("DOSE", "Dose per Administration", text(total.mci_per_m2().normalize())));
        }
    }
    if protocol.regimen.iter().any(|regimen| regimen.total.is_some()) {
        all.push(("DOSU", "Dose Units", text("mCi/m2")));
        all.push(("DOSFRQ", "Dosing Frequency", term("ONCE", "C64576")));
    }
    all.extend(protocol.regimen.iter().map(|regimen| ("DOSRGM", "Dose Regimen", text(regimen.title()))));
    all.push(("EXTTIND", "Extension Trial Indicator", yes_no(false)));
    let mut countries: Vec<&str> =
        analysis.patients.iter().filter_map(|patient| patient.facts.subject.country.as_deref()).collect();
    countries.sort_unstable();
    countries.dedup();
    all.extend(countries.into_iter().map(|country| {
        ("FCNTRY", "Planned Country of Investigational Sites", Parameter::Country(country.to_owned()))
    }));
    all.push(("HLTSUBJI", "Healthy Subject Indicator", yes_no(false)));
    if let Some(indication) = &protocol.trial.indication {
        all.push(("INDIC", "Trial Disease/Condition Indication", text(indication)));
        all.push(("TDIGRP", "Diagnosis Group", text(indication)));
    }
    all.push(("INTMODEL", "Intervention Model", model(protocol)));
    all.push(("INTTYPE", "Intervention Type", term("DRUG", "C1909")));
    if protocol.product.as_ref().is_some_and(|product| product.radionuclide.is_some()) {
        all.push(("INTTYPE", "Intervention Type", term("RADIATION", "C15313")));
    }
    all.push(("LENGTH", "Trial Length", Parameter::Unknown("NASK")));
    all.push(("NARMS", "Planned Number of Arms", text(protocol.cohort.len())));
    all.push(("NCOHORT", "Number of Groups/Cohorts", text(protocol.cohort.len())));
    let (primary, other): (Vec<_>, Vec<_>) = protocol.endpoint.iter().partition(|endpoint| endpoint.primary);
    for (endpoints, objective, objective_name, outcome, outcome_name) in [
        (primary, "OBJPRIM", "Trial Primary Objective", "OUTMSPRI", "Primary Outcome Measure"),
        (other, "OBJSEC", "Trial Secondary Objective", "OUTMSSEC", "Secondary Outcome Measure"),
    ] {
        for endpoint in endpoints {
            let words = parts(&endpoint.definition).into_iter().next().unwrap_or_else(|| endpoint.id.clone());
            all.push((objective, objective_name, text(format!("To assess {}", endpoint.id))));
            all.push((outcome, outcome_name, text(words)));
        }
    }
    all.push(("PCLAS", "Pharmacologic Class", Parameter::Unknown("NASK")));
    let paediatric =
        protocol.eligibility.iter().any(|one| one.age.as_ref().is_some_and(|age| age.below.is_some()))
            || most_age_of_patients(of).is_some_and(|age| age < rust_decimal::Decimal::from(18));
    all.push(("PDSTIND", "Pediatric Study Indicator", yes_no(paediatric)));
    all.push(("PIPIND", "Pediatric Investigation Plan Indicator", Parameter::Unknown("NASK")));
    let planned =
        protocol.caps.total.unwrap_or_else(|| protocol.cohort.iter().map(|cohort| cohort.planned).sum());
    all.push(("PLANSUB", "Planned Number of Subjects", text(planned)));
    all.push(("RANDOM", "Trial is Randomized", yes_no(protocol.randomised.is_some())));
    all.push(("RDIND", "Rare Disease Indicator", Parameter::Unknown("NASK")));
    all.push((
        "REGID",
        "Registry Identifier",
        protocol.trial.registry.clone().map_or(Parameter::Unknown("NASK"), Parameter::Registry),
    ));
    if let Some(route) = protocol.product.as_ref().and_then(|product| product.route.as_deref()) {
        let route = route.to_uppercase();
        let coded = if route == "INTRAVENOUS" { term(&route, "C38276") } else { Parameter::Text(route) };
        all.push(("ROUTE", "Route of Administration", coded));
    }
    all.extend([
        ("SDTIGVER", "SDTM IG Version", text("3.4")),
        ("SDTMVER", "SDTM Version", text("2.0")),
        ("SENDTC", "Study End Date", Parameter::Unknown("NASK")),
        ("SEXPOP", "Sex of Participants", term("BOTH", "C49636")),
        (
            "SPONSOR",
            "Clinical Study Sponsor",
            protocol.trial.sponsor.clone().map_or(Parameter::Unknown("NASK"), Parameter::Text),
        ),
    ]);
    let begun = analysis.patients.iter().filter_map(|patient| {
        patient.facts.subject.consent.as_ref().and_then(posology_trial::when::When::date)
    });
    all.push((
        "SSTDTC",
        "Study Start Date",
        begun.min().map_or(Parameter::Unknown("NASK"), |day| Parameter::Iso(day.to_string())),
    ));
    let holds: Vec<&str> = protocol.stopping.hold.iter().map(|hold| hold.id.as_str()).collect();
    let rules = if holds.is_empty() { "No rule stops the trial".to_owned() } else { holds.join(", ") };
    all.push(("STOPRULE", "Study Stop Rules", text(parts(&rules).into_iter().next().unwrap_or_default())));
    all.extend([
        ("STYPE", "Study Type", term("INTERVENTIONAL", "C98388")),
        ("TBLIND", "Trial Blinding Schema", term("OPEN LABEL", "C49659")),
        ("TCNTRL", "Control Type", term("NONE", "C41132")),
        ("THERAREA", "Therapeutic Area", text("Oncology")),
        ("TITLE", "Trial Title", text(parts(&protocol.trial.title).into_iter().next().unwrap_or_default())),
    ]);
    if let Some(phase) = protocol.trial.phase.as_deref().and_then(phase) {
        all.push(("TPHASE", "Trial Phase Classification", phase));
    }
    if let Some(product) = &protocol.product {
        all.push(("TRT", "Investigational Therapy or Treatment", text(&product.name)));
    }
    all.push(("TTYPE", "Trial Type", term("SAFETY", "C49667")));
    let kind = if protocol.escalation.is_some() {
        term("DOSE FINDING", "C158289")
    } else {
        term("EFFICACY", "C49666")
    };
    all.push(("TTYPE", "Trial Type", kind));
    all
}

fn most_age_of_patients(of: &TrialAtCut<'_>) -> Option<rust_decimal::Decimal> {
    of.analysis.patients.iter().filter_map(|patient| patient.facts.subject.age_years).max()
}

/// Least and most age of the criteria of eligibility, as durations.
fn ages(protocol: &Protocol) -> (Option<String>, Option<String>) {
    let limits = || protocol.eligibility.iter().filter_map(|criterion| criterion.age.as_ref());
    let years = |age: rust_decimal::Decimal| format!("P{}Y", age.normalize());
    let least = limits().filter_map(|age| age.at_least.or(age.above)).min();
    let most = limits().filter_map(|age| age.at_most.or(age.below)).max();
    (least.map(years), most.map(years))
}

fn model(protocol: &Protocol) -> Parameter {
    if protocol.randomised.is_some() || protocol.cohort.iter().any(|cohort| cohort.monitoring.is_some()) {
        term("PARALLEL", "C82639")
    } else if protocol.escalation.is_some() {
        term("SEQUENTIAL", "C142568")
    } else {
        term("SINGLE GROUP", "C82640")
    }
}

fn phase(phase: &str) -> Option<Parameter> {
    Some(match phase {
        "0" => term("PHASE 0 TRIAL", "C54721"),
        "1" => term("PHASE I TRIAL", "C15600"),
        "1/2" => term("PHASE I/II TRIAL", "C15693"),
        "2" => term("PHASE II TRIAL", "C15601"),
        "2/3" => term("PHASE II/III TRIAL", "C15694"),
        "3" => term("PHASE III TRIAL", "C15602"),
        _ => return None,
    })
}
