//! Waldenström macroglobulinaemia: a row an assessment.

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::iwwm::{
    Baseline, Extramedullary, IGM, Marrow, Method, Pause, Settings, Visit, assess_all,
};
use serde_json::json;

use super::wide::{COURSE, Wide, word, yes};
use super::{DATE, SUBJECT, Subject};
use crate::failure::Failure;
use crate::rows::{Line, Rows};

const COLUMNS: &[&str] = &[
    "igm",
    "igm_unit",
    "igm_upper",
    "igm_upper_unit",
    "igm_method",
    "ife",
    "emd",
    "marrow",
    "clinical_pd",
    "plasmapheresis",
    "anti_cd20",
    "btk_paused",
    "btk_resumed",
];

/// The treatments of one subject that move IgM without the disease.
#[derive(Default)]
struct Treatments {
    plasmapheresis: Vec<Date>,
    anti_cd20: Vec<Date>,
    pauses: BTreeMap<Date, Option<Date>>,
}

/// The subjects of a table, their assessments judged.
pub(super) fn subjects(settings: &Settings, rows: &Rows) -> Result<Vec<Subject>, Failure> {
    rows.refuse_misspelt(&[COURSE, COLUMNS])?;
    rows.need(&[("serum IgM", &["igm"])])?;
    let mut found: BTreeMap<String, (Wide<Visit>, Treatments)> = BTreeMap::new();
    for line in rows.lines() {
        let name: String = line.required(SUBJECT)?;
        let (wide, treatments) =
            found.entry(name.clone()).or_insert_with(|| (Wide::new(name), Treatments::default()));
        let visit = visit(wide, &line)?;
        wide.subject.read_course(&line, visit.date)?;
        treatments.plasmapheresis.extend(line.parse::<Date>(&["plasmapheresis"])?);
        treatments.anti_cd20.extend(line.parse::<Date>(&["anti_cd20"])?);
        let resumed: Option<Date> = line.parse(&["btk_resumed"])?;
        match line.parse::<Date>(&["btk_paused"])? {
            Some(from) => {
                let known = treatments.pauses.entry(from).or_default();
                *known = known.or(resumed);
            }
            None if resumed.is_some() => {
                return Err(line.bad(
                    &["btk_resumed"],
                    &"expected the first day of the pause in btk_paused as well, found none; mend: fill it in",
                ));
            }
            None => {}
        }
        wide.add(&line, visit.date, visit)?;
    }
    found.into_values().map(|(wide, treatments)| judged(settings, rows, wide, treatments)).collect()
}

fn judged(
    settings: &Settings,
    rows: &Rows,
    wide: Wide<Visit>,
    treatments: Treatments,
) -> Result<Subject, Failure> {
    let (mut subject, baseline, visits) = wide.split(rows)?;
    let pauses = treatments.pauses.into_iter().map(|(from, resumed)| Pause { from, resumed }).collect();
    if let Some(method) = baseline.method {
        let other =
            visits.iter().filter(|visit| visit.igm.is_some() && visit.method.is_some_and(|m| m != method));
        for visit in other {
            subject.warnings.push(
                Because::new(
                    "response/method-changes",
                    format!("{}, column igm_method: another method than at baseline", visit.date),
                )
                .input("date", visit.date)
                .input("column", "igm_method"),
            );
        }
    }
    let shown =
        baseline.igm.map_or_else(|| "not measured".to_owned(), |igm| format!("{} mg/dL", igm.normalize()));
    subject.basis = vec![Because::new("iwwm/baseline", format!("serum IgM at baseline {shown}"))];
    let baseline = Baseline {
        plasmapheresis: treatments.plasmapheresis,
        anti_cd20: treatments.anti_cd20,
        pauses,
        ..Baseline::new(baseline)
    };
    let responses = assess_all(settings, &baseline, &visits)
        .map_err(|bad| rows.bad(&format!("subject {}: {bad}", subject.name)))?;
    let parts: Vec<_> = responses
        .iter()
        .map(|response| json!({"date": response.date, "components": response.components}))
        .collect();
    subject.also.insert("components".to_owned(), json!(parts));
    subject.assessments = responses.into_iter().map(|response| response.into_assessment()).collect();
    Ok(subject)
}

fn visit(wide: &mut Wide<Visit>, line: &Line<'_>) -> Result<Visit, Failure> {
    let date = line.required(DATE)?;
    Ok(Visit {
        igm: wide.amount(line, "igm", &IGM)?,
        igm_upper_limit: wide.amount(line, "igm_upper", &IGM)?,
        method: word(
            line,
            "igm_method",
            &[("nephelometry", Method::Nephelometry), ("electrophoresis", Method::Electrophoresis)],
        )?,
        immunofixation_positive: word(line, "ife", &[("positive", true), ("negative", false)])?,
        extramedullary: word(
            line,
            "emd",
            &[
                ("absent", Extramedullary::Absent),
                ("present", Extramedullary::Present),
                ("smaller", Extramedullary::Smaller),
                ("larger", Extramedullary::Larger),
                ("new", Extramedullary::New),
            ],
        )?
        .unwrap_or_default(),
        marrow: word(line, "marrow", &[("normal", Marrow::Normal), ("involved", Marrow::Involved)])?
            .unwrap_or_default(),
        clinical_progression: yes(line, "clinical_pd")?.unwrap_or(false),
        ..Visit::new(date)
    })
}
