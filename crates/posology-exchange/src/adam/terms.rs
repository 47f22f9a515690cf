//! The code lists that variables of analysis data sets name, with the terms in use.

use std::collections::BTreeMap;

use crate::package::{CodeList, Table, Term, Value};

/// A list: its id, its name, its code in NCI's terminology where it is CDISC's, whether a sponsor may add terms, and what is
/// known of its terms: decode and code.
struct Known {
    id: &'static str,
    name: &'static str,
    code: Option<&'static str>,
    extensible: bool,
    terms: &'static [(&'static str, &'static str, &'static str)],
}

const fn of_cdisc(
    id: &'static str,
    name: &'static str,
    code: &'static str,
    terms: &'static [(&'static str, &'static str, &'static str)],
) -> Known {
    Known { id, name, code: Some(code), extensible: false, terms }
}

const fn of_sponsor(
    id: &'static str,
    name: &'static str,
    terms: &'static [(&'static str, &'static str, &'static str)],
) -> Known {
    Known { id, name, code: None, extensible: false, terms }
}

/// Source: CDISC SDTM controlled terminology 2022-09-30; of DATEFL the ADaM terminology 2020-12-18.
const LISTS: [Known; 16] = [
    of_cdisc("NY", "No Yes Response", "C66742", &[("N", "No", "C49487"), ("Y", "Yes", "C49488")]),
    of_cdisc(
        "SEX",
        "Sex",
        "C66731",
        &[
            ("F", "Female", "C16576"),
            ("M", "Male", "C20197"),
            ("U", "Unknown", "C17998"),
            ("UNDIFFERENTIATED", "", "C45908"),
        ],
    ),
    of_cdisc(
        "RACE",
        "Race",
        "C74457",
        &[
            ("AMERICAN INDIAN OR ALASKA NATIVE", "", "C41259"),
            ("ASIAN", "", "C41260"),
            ("BLACK OR AFRICAN AMERICAN", "", "C16352"),
            ("NATIVE HAWAIIAN OR OTHER PACIFIC ISLANDER", "", "C41219"),
            ("NOT REPORTED", "", "C43234"),
            ("OTHER", "", "C17649"),
            ("UNKNOWN", "", "C17998"),
            ("WHITE", "", "C41261"),
        ],
    ),
    of_cdisc(
        "ETHNIC",
        "Ethnic Group",
        "C66790",
        &[
            ("HISPANIC OR LATINO", "", "C17459"),
            ("NOT HISPANIC OR LATINO", "", "C41222"),
            ("NOT REPORTED", "", "C43234"),
            ("UNKNOWN", "", "C17998"),
        ],
    ),
    of_cdisc("AGEU", "Age Unit", "C66781", &[("YEARS", "", "C29848")]),
    of_cdisc(
        "ACN",
        "Action Taken with Study Treatment",
        "C66767",
        &[
            ("DOSE INCREASED", "", "C49503"),
            ("DOSE NOT CHANGED", "", "C49504"),
            ("DOSE REDUCED", "", "C49505"),
            ("DRUG INTERRUPTED", "", "C49501"),
            ("DRUG WITHDRAWN", "", "C49502"),
            ("NOT APPLICABLE", "", "C48660"),
            ("UNKNOWN", "", "C17998"),
        ],
    ),
    of_cdisc(
        "OUT",
        "Outcome of Event",
        "C66768",
        &[
            ("FATAL", "", "C48275"),
            ("NOT RECOVERED/NOT RESOLVED", "", "C49494"),
            ("RECOVERED/RESOLVED", "", "C49498"),
            ("RECOVERED/RESOLVED WITH SEQUELAE", "", "C49495"),
            ("RECOVERING/RESOLVING", "", "C49496"),
            ("UNKNOWN", "", "C17998"),
        ],
    ),
    Known {
        extensible: true,
        ..of_cdisc(
            "NRIND",
            "Reference Range Indicator",
            "C78736",
            &[
                ("ABNORMAL", "", "C78802"),
                ("HIGH", "", "C78800"),
                ("LOW", "", "C78801"),
                ("NORMAL", "", "C78727"),
            ],
        )
    },
    of_cdisc(
        "DATEFL",
        "Date Imputation Flag",
        "C81223",
        &[
            ("D", "Day imputed", "C81212"),
            ("M", "Day and Month imputed", "C81211"),
            ("Y", "Date (Day, Month and Year) imputed", "C81210"),
        ],
    ),
    of_sponsor("SBJTSTAT", "Subject Status", &[]),
    of_sponsor(
        "DLTSTAT",
        "Status for Dose-Limiting Toxicity",
        &[
            ("DLT", "Evaluable, with a dose-limiting toxicity", ""),
            ("NO DLT", "Evaluable, without a dose-limiting toxicity", ""),
            ("NOT EVALUABLE", "Judged not evaluable, for a reason other than toxicity", ""),
            ("NOT TREATED", "No fraction given", ""),
            ("PENDING", "Window open, or a judgement or value awaited", ""),
        ],
    ),
    of_sponsor("PARAMCD_ADDLT", "Parameter Code of ADDLT", &[]),
    of_sponsor("PARAMCD_ADEX", "Parameter Code of ADEX", &[]),
    of_sponsor("PARAMCD_ADLB", "Parameter Code of ADLB", &[]),
    of_sponsor("PARAMCD_ADRS", "Parameter Code of ADRS", &[]),
    of_sponsor("PARAMCD_ADTTE", "Parameter Code of ADTTE", &[]),
];

/// The lists that the columns of these tables name, each once with the terms in use; a parameter code is decoded by its
/// parameter. A term without a code is the sponsor's.
pub(super) fn code_lists(tables: &[Table]) -> Vec<CodeList> {
    let mut used: BTreeMap<&'static str, BTreeMap<String, Option<String>>> = BTreeMap::new();
    for table in tables {
        for (at, column) in table.columns.iter().enumerate() {
            let Some(id) = column.code_list else { continue };
            let decoded = if column.name == "PARAMCD" { table.column("PARAM") } else { None };
            let terms = used.entry(id).or_default();
            for row in &table.rows {
                let Some(Value::Text(text)) = row.get(at) else { continue };
                let decode = match decoded.and_then(|decoded| row.get(decoded)) {
                    Some(Value::Text(decode)) => Some(decode.clone()),
                    _ => None,
                };
                terms.entry(text.clone()).or_insert(decode);
            }
        }
    }
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let lists = LISTS.iter().filter_map(|list| {
        let terms = used.remove(list.id)?.into_iter().map(|(value, decode)| {
            let known = list.terms.iter().find(|(term, ..)| *term == value);
            Term {
                decode: decode.or_else(|| some(known?.1)),
                code: known.and_then(|known| some(known.2)),
                extension: known.is_none() && list.code.is_some(),
                value,
            }
        });
        Some(CodeList {
            id: list.id,
            name: list.name,
            code: list.code,
            extensible: list.extensible,
            terms: terms.collect(),
        })
    });
    lists.collect()
}
