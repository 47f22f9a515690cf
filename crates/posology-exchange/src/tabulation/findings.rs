//! LB and VS: results as reported and in standard units, with limits of normal and the last value before treatment; RS:
//! responses as assessed.

use std::collections::HashMap;

use jiff::civil::Date;
use posology_clinic::laboratory::convert;
use posology_trial::event::{Laboratory, ProgressionFoundBy, VitalSign};
use posology_trial::when::When;
use rust_decimal::Decimal;

use super::TrialAtCut;
use super::frame::{Domain, Line};
use crate::package::{Class, Column, Value};

/// Names of the tests of CDISC's codelists LBTESTCD and LBTEST that the program knows.
const LABORATORY_TESTS: [(&str, &str, &str); 32] = [
    ("ALB", "Albumin", "CHEMISTRY"),
    ("ALT", "Alanine Aminotransferase", "CHEMISTRY"),
    ("AST", "Aspartate Aminotransferase", "CHEMISTRY"),
    ("B2MICG", "Beta-2 Microglobulin", "CHEMISTRY"),
    ("BILI", "Bilirubin", "CHEMISTRY"),
    ("CA", "Calcium", "CHEMISTRY"),
    ("CACRALB", "Calcium Corrected for Albumin", "CHEMISTRY"),
    ("CREAT", "Creatinine", "CHEMISTRY"),
    ("GFRE", "Glomerular Filtration Rate, Estimated", "CHEMISTRY"),
    ("GLUC", "Glucose", "CHEMISTRY"),
    ("HGB", "Hemoglobin", "HEMATOLOGY"),
    ("IGA", "Immunoglobulin A", "CHEMISTRY"),
    ("IGG", "Immunoglobulin G", "CHEMISTRY"),
    ("IGM", "Immunoglobulin M", "CHEMISTRY"),
    ("K", "Potassium", "CHEMISTRY"),
    ("KAPPALC", "Kappa Light Chain", "CHEMISTRY"),
    ("KLCFR", "Kappa Light Chain, Free", "CHEMISTRY"),
    ("KLCLLCFR", "Kappa Lt Chain,Free/Lambda Lt Chain,Free", "CHEMISTRY"),
    ("LDH", "Lactate Dehydrogenase", "CHEMISTRY"),
    ("LLCFR", "Lambda Light Chain, Free", "CHEMISTRY"),
    ("LMBDLC", "Lambda Light Chain", "CHEMISTRY"),
    ("LYM", "Lymphocytes", "HEMATOLOGY"),
    ("MCPROT", "Monoclonal Protein", "CHEMISTRY"),
    ("MPIGISO", "Monoclonal Prot Immunoglobulin Isotype", "CHEMISTRY"),
    ("MPROTEXR", "Monoclonal Protein Excretion Rate", "CHEMISTRY"),
    ("NEUT", "Neutrophils", "HEMATOLOGY"),
    ("NEUTB", "Neutrophils Band Form", "HEMATOLOGY"),
    ("PLAT", "Platelets", "HEMATOLOGY"),
    ("PLSTCECE", "Total Plasma Cells/Total Cells", "HEMATOLOGY"),
    ("SODIUM", "Sodium", "CHEMISTRY"),
    ("URATE", "Urate", "CHEMISTRY"),
    ("WBC", "Leukocytes", "HEMATOLOGY"),
];

/// Units as laboratories write them and as CDISC's codelist UNIT does.
const UNITS: [(&str, &str); 4] =
    [("mg/24h", "mg/day"), ("g/24h", "g/day"), ("mg/24 h", "mg/day"), ("lb", "LB")];

fn unit_term(unit: &str) -> &str {
    UNITS.iter().find(|(written, _)| *written == unit).map_or(unit, |(_, term)| term)
}

/// Laboratory results.
pub(super) fn laboratory(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        let results = &patient.facts.laboratory;
        let key = |one: &Laboratory| (one.test.clone(), one.specimen.clone().unwrap_or_default());
        let baseline = last_before(
            patient.exposure.first(),
            results
                .iter()
                .enumerate()
                .filter(|(_, one)| one.result.is_some())
                .map(|(place, one)| (place, key(one), one.at.as_ref())),
        );
        for (place, one) in results.iter().enumerate() {
            lines.push(laboratory_line(&patient.id, one, baseline.values().any(|at| *at == place)));
        }
    }
    Domain {
        code: "LB",
        label: "Laboratory Test Results",
        class: Class::Findings,
        structure: "One record per lab test per time point per visit per subject",
        columns: vec![
            Column::text("LBTESTCD", "Lab Test or Examination Short Name")
                .required()
                .assigned()
                .coded("LBTESTCD"),
            Column::text("LBTEST", "Lab Test or Examination Name").required().assigned().coded("LBTEST"),
            Column::text("LBCAT", "Category for Lab Test").expected().assigned(),
            Column::text("LBORRES", "Result or Finding in Original Units").expected(),
            Column::text("LBORRESU", "Original Units").expected().coded("UNIT"),
            Column::text("LBORNRLO", "Reference Range Lower Limit in Orig Unit").expected(),
            Column::text("LBORNRHI", "Reference Range Upper Limit in Orig Unit").expected(),
            Column::text("LBSTRESC", "Character Result/Finding in Std Format")
                .expected()
                .derived(IN_STANDARD),
            Column::float("LBSTRESN", "Numeric Result/Finding in Standard Units")
                .expected()
                .derived(IN_STANDARD),
            Column::text("LBSTRESU", "Standard Units").expected().assigned().coded("UNIT"),
            Column::float("LBSTNRLO", "Reference Range Lower Limit-Std Units")
                .expected()
                .derived(IN_STANDARD),
            Column::float("LBSTNRHI", "Reference Range Upper Limit-Std Units")
                .expected()
                .derived(IN_STANDARD),
            Column::text("LBNRIND", "Reference Range Indicator")
                .expected()
                .derived("The result compared with its own limits of normal, exactly in decimal")
                .coded("NRIND"),
            Column::text("LBSTAT", "Completion Status").coded("ND"),
            Column::text("LBSPEC", "Specimen Type").coded("SPECTYPE"),
            Column::text("LBMETHOD", "Method of Test or Examination").coded("METHOD"),
            Column::text("LBLOBXFL", "Last Observation Before Exposure Flag")
                .expected()
                .derived(LAST_BEFORE)
                .coded("NY"),
            Column::iso("LBDTC", "Date/Time of Specimen Collection").expected(),
        ],
        order: &["LBDTC", "LBTESTCD", "LBSPEC"],
        timing: Some("LBDTC"),
        visits: true,
        lines,
    }
}

const IN_STANDARD: &str = "The original result converted exactly to the standard unit of the analyte";
const LAST_BEFORE: &str = "Y for the last result of the test before the first fraction, or on its day where no time of day was recorded";

/// The place of the last value of each test before the first fraction.
fn last_before<'a, K: Eq + std::hash::Hash>(
    first: Option<Date>,
    values: impl Iterator<Item = (usize, K, Option<&'a When>)>,
) -> HashMap<K, usize> {
    let Some(first) = first else { return HashMap::new() };
    let mut last: HashMap<K, ((Date, Option<jiff::Timestamp>), usize)> = HashMap::new();
    for (place, key, at) in values {
        let Some((at, day)) = at.and_then(|at| Some((at, at.date()?))) else { continue };
        if day > first || (day == first && at.instant().is_some()) {
            continue;
        }
        let when = (day, at.instant());
        let known = last.entry(key).or_insert((when, place));
        if when >= known.0 {
            *known = (when, place);
        }
    }
    last.into_iter().map(|(key, (_, place))| (key, place)).collect()
}

fn laboratory_line(subject: &str, one: &Laboratory, baseline: bool) -> Line {
    let mut line = Line::of(subject);
    let known = LABORATORY_TESTS.iter().find(|(code, ..)| *code == one.test);
    let number = one.result.as_deref().and_then(|text| text.parse::<Decimal>().ok());
    let converted = |value: Decimal| {
        let quantity = convert(one.analyte?, value, one.unit.as_deref()?).ok()?;
        Some((quantity.value.normalize(), quantity.unit))
    };
    let standard = number.and_then(converted);
    let (text, value, unit) = match (&standard, number) {
        (Some((value, unit)), _) => (Some(value.to_string()), Some(*value), Some((*unit).to_owned())),
        (None, Some(number)) => (one.result.clone(), Some(number.normalize()), one.unit.clone()),
        (None, None) => (one.result.clone(), None, one.unit.clone().filter(|_| one.result.is_some())),
    };
    let limit = |limit: Option<Decimal>| {
        limit.map(|limit| {
            converted(limit).filter(|_| standard.is_some()).map_or(limit.normalize(), |(value, _)| value)
        })
    };
    let range = number.and_then(|number| match (one.lower_limit, one.upper_limit) {
        (Some(lower), _) if number < lower => Some("LOW"),
        (_, Some(upper)) if number > upper => Some("HIGH"),
        (None, None) => None,
        _ => Some("NORMAL"),
    });
    let has = one.result.is_some();
    line.set("LBTESTCD", one.test.as_str())
        .set("LBTEST", known.map_or(one.test.as_str(), |(_, name, _)| name))
        .set("LBCAT", known.map(|(.., category)| *category))
        .set("LBORRES", one.result.as_deref())
        .set("LBORRESU", one.unit.as_deref().filter(|_| has).map(unit_term))
        .set("LBORNRLO", one.lower_limit.map(|limit| limit.to_string()))
        .set("LBORNRHI", one.upper_limit.map(|limit| limit.to_string()))
        .set("LBSTRESC", text)
        .set("LBSTRESN", value)
        .set("LBSTRESU", unit.as_deref().map(unit_term))
        .set("LBSTNRLO", limit(one.lower_limit))
        .set("LBSTNRHI", limit(one.upper_limit))
        .set("LBNRIND", range)
        .set("LBSTAT", (!has).then_some("NOT DONE"))
        .set("LBSPEC", one.specimen.as_deref())
        .set("LBMETHOD", one.method.as_deref())
        .set("LBLOBXFL", Value::y_or_missing(baseline))
        .set("VISIT", one.visit.as_deref())
        .set_when("LBDTC", one.at.as_ref());
    line
}

const VITAL_SIGNS: [(&str, &str); 9] = [
    ("BMI", "Body Mass Index"),
    ("BSA", "Body Surface Area"),
    ("DIABP", "Diastolic Blood Pressure"),
    ("HEIGHT", "Height"),
    ("PULSE", "Pulse Rate"),
    ("RESP", "Respiratory Rate"),
    ("SYSBP", "Systolic Blood Pressure"),
    ("TEMP", "Temperature"),
    ("WEIGHT", "Weight"),
];

/// Vital signs.
pub(super) fn vital_signs(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        let results = &patient.facts.vital_signs;
        let measured = results.iter().enumerate().filter(|(_, one)| one.result.is_some());
        let baseline = last_before(
            patient.exposure.first(),
            measured.map(|(place, one)| (place, one.test.clone(), one.at.as_ref())),
        );
        for (place, one) in results.iter().enumerate() {
            lines.push(vital_line(&patient.id, one, baseline.values().any(|at| *at == place)));
        }
    }
    Domain {
        code: "VS",
        label: "Vital Signs",
        class: Class::Findings,
        structure: "One record per vital sign measurement per time point per visit per subject",
        columns: vec![
            Column::text("VSTESTCD", "Vital Signs Test Short Name").required().assigned().coded("VSTESTCD"),
            Column::text("VSTEST", "Vital Signs Test Name").required().assigned().coded("VSTEST"),
            Column::text("VSORRES", "Result or Finding in Original Units").expected(),
            Column::text("VSORRESU", "Original Units").expected().coded("UNIT"),
            Column::text("VSSTRESC", "Character Result/Finding in Std Format")
                .expected()
                .derived("As reported"),
            Column::float("VSSTRESN", "Numeric Result/Finding in Standard Units")
                .expected()
                .derived("As reported"),
            Column::text("VSSTRESU", "Standard Units").expected().assigned().coded("UNIT"),
            Column::text("VSSTAT", "Completion Status").coded("ND"),
            Column::text("VSLOBXFL", "Last Observation Before Exposure Flag")
                .expected()
                .derived(LAST_BEFORE)
                .coded("NY"),
            Column::iso("VSDTC", "Date/Time of Measurements").expected(),
        ],
        order: &["VSDTC", "VSTESTCD"],
        timing: Some("VSDTC"),
        visits: true,
        lines,
    }
}

fn vital_line(subject: &str, one: &VitalSign, baseline: bool) -> Line {
    let mut line = Line::of(subject);
    let name =
        VITAL_SIGNS.iter().find(|(code, _)| *code == one.test).map_or(one.test.as_str(), |(_, name)| name);
    let unit = one.unit.as_deref().filter(|_| one.result.is_some()).map(unit_term);
    line.set("VSTESTCD", one.test.as_str())
        .set("VSTEST", name)
        .set("VSORRES", one.result.as_deref())
        .set("VSORRESU", unit)
        .set("VSSTRESC", one.result.as_deref())
        .set(
            "VSSTRESN",
            one.result
                .as_deref()
                .and_then(|text| text.parse::<Decimal>().ok())
                .map(|number| number.normalize()),
        )
        .set("VSSTRESU", unit)
        .set("VSSTAT", one.result.is_none().then_some("NOT DONE"))
        .set("VSLOBXFL", Value::y_or_missing(baseline))
        .set("VISIT", one.visit.as_deref())
        .set_when("VSDTC", one.at.as_ref());
    line
}

/// Names of criteria as recorded, and their terms in CDISC's codelist ONCRSCAT; others stand as recorded, an extension.
const CRITERIA: [(&str, &str); 6] = [
    ("IWCLL 2018", "IWC HALLEK CLL 2018"),
    ("LUGANO CLASSIFICATION 2014", "LUGANO CLASSIFICATION"),
    ("LUGANO 2014", "LUGANO CLASSIFICATION"),
    ("RANO 2010", "RANO"),
    ("IMWG 2016", "KUMAR IMWG 2016"),
    ("IMWG", "KUMAR IMWG 2016"),
];

/// A response as CDISC's codelist ONCRSR spells it, which is case-sensitive: `sCR`.
fn response_term(response: &str) -> &str {
    const CASED: [&str; 12] = [
        "sCR",
        "nPR",
        "CRi",
        "iCR",
        "iPR",
        "iSD",
        "iUPD",
        "iCPD",
        "NON-CR/NON-PD",
        "PR WITH LYMPHOCYTOSIS",
        "CMR",
        "PMR",
    ];
    let trimmed = response.trim();
    CASED.iter().find(|term| term.eq_ignore_ascii_case(trimmed)).copied().unwrap_or(trimmed)
}

/// Responses as assessed.
pub(super) fn responses(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for one in &patient.facts.responses {
            let mut line = Line::of(&patient.id);
            let flag = |yes: bool| yes.then_some("Y");
            let criteria = one.criteria.as_deref().map(|criteria| {
                CRITERIA.iter().find(|(recorded, _)| *recorded == criteria).map_or(criteria, |(_, term)| term)
            });
            let (code, name) = match one.test.as_str() {
                "OVRLRESP" => ("OVRLRESP", "Overall Response"),
                "BESTRESP" => ("BESTRESP", "Best Overall Response"),
                other => (other, other),
            };
            line.set("RSTESTCD", code)
                .set("RSTEST", name)
                .set("RSCAT", criteria)
                .set("RSORRES", one.response.as_deref())
                .set("RSSTRESC", one.response.as_deref().map(response_term))
                .set("RSSTAT", one.response.is_none().then_some("NOT DONE"))
                .set("RSMETHOD", one.method.as_deref())
                .set("RSEVAL", one.evaluator.as_deref())
                .set("RSEVALID", one.evaluator_id.as_deref())
                .set("VISIT", one.visit.as_deref())
                .set_when("RSDTC", one.at.as_ref())
                .qualify(
                    "PDIFL",
                    "Progression Found by Imaging",
                    flag(one.progression_found_by == Some(ProgressionFoundBy::Imaging)),
                    "CRF",
                )
                .qualify(
                    "PDOFL",
                    "Progression Found Biochemically",
                    flag(one.progression_found_by == Some(ProgressionFoundBy::Biochemical)),
                    "CRF",
                )
                .qualify("DTHPDFL", "Death Due to Progression", flag(one.death_by_progression), "CRF");
            lines.push(line);
        }
    }
    Domain {
        code: "RS",
        label: "Disease Response and Clin Classification",
        class: Class::Findings,
        structure: "One record per response assessment or clinical classification assessment per time point per visit per subject per assessor per medical evaluator",
        columns: vec![
            Column::text("RSTESTCD", "Assessment Short Name").required().assigned().coded("ONCRTSCD"),
            Column::text("RSTEST", "Assessment Name").required().assigned().coded("ONCRTS"),
            Column::text("RSCAT", "Category for Assessment").expected().assigned().coded("ONCRSCAT"),
            Column::text("RSORRES", "Result or Finding in Original Units").expected(),
            Column::text("RSSTRESC", "Character Result/Finding in Std Format")
                .expected()
                .assigned()
                .coded("ONCRSR"),
            Column::text("RSSTAT", "Completion Status").coded("ND"),
            Column::text("RSMETHOD", "Method of Test or Examination").coded("METHOD"),
            Column::text("RSEVAL", "Evaluator").expected().assigned().coded("EVAL"),
            Column::text("RSEVALID", "Evaluator Identifier").assigned().coded("MEDEVAL"),
            Column::iso("RSDTC", "Date/Time of Assessment").expected(),
        ],
        order: &["RSDTC", "RSTESTCD", "RSEVAL", "RSEVALID"],
        timing: Some("RSDTC"),
        visits: true,
        lines,
    }
}
