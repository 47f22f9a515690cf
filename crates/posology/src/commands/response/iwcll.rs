//! Chronic lymphocytic leukaemia: a row an assessment.

use std::collections::BTreeMap;

use posology_clinic::Because;
use posology_clinic::response::amount::Measure;
use posology_clinic::response::iwcll::{
    CytopeniaCause, HAEMOGLOBIN, LENGTH, LYMPHOCYTES, MARROW_CELLS, Marrow, NODE_ENLARGED, Node, PLATELETS,
    Settings, Visit, assess_all, confirm, recurrence,
};
use rust_decimal::Decimal;
use serde_json::json;

use super::wide::{COURSE, Wide, decimal, split, word, yes};
use super::{DATE, SUBJECT, Subject};
use crate::failure::Failure;
use crate::rows::{Line, Rows};

const NODES: [&str; 6] = ["node1", "node2", "node3", "node4", "node5", "node6"];
const COLUMNS: &[&str] = &[
    "node1",
    "node2",
    "node3",
    "node4",
    "node5",
    "node6",
    "nodes",
    "new_node",
    "spleen",
    "liver",
    "symptoms",
    "lymphocytes",
    "lymphocytes_unit",
    "platelets",
    "platelets_unit",
    "haemoglobin",
    "haemoglobin_unit",
    "hemoglobin",
    "hemoglobin_unit",
    "platelets_transfused",
    "red_cells_transfused",
    "erythropoietin",
    "cytopenia",
    "marrow",
    "marrow_percent",
    "mrd",
    "transformation",
];

/// The subjects of a table, their assessments judged.
pub(super) fn subjects(settings: &Settings, rows: &Rows) -> Result<Vec<Subject>, Failure> {
    rows.refuse_misspelt(&[COURSE, COLUMNS])?;
    rows.need(&[("lymphocytes", &["lymphocytes"])])?;
    let mut found: BTreeMap<String, Wide<Visit>> = BTreeMap::new();
    for line in rows.lines() {
        let name: String = line.required(SUBJECT)?;
        let wide = found.entry(name.clone()).or_insert_with(|| Wide::new(name));
        let visit = visit(wide, &line)?;
        wide.subject.read_course(&line, visit.date)?;
        wide.add(&line, visit.date, visit)?;
    }
    found.into_values().map(|wide| judged(settings, rows, wide)).collect()
}

fn judged(settings: &Settings, rows: &Rows, wide: Wide<Visit>) -> Result<Subject, Failure> {
    let (mut subject, baseline, visits) = wide.split(rows)?;
    let responses = assess_all(settings, &baseline, &visits)
        .map_err(|bad| rows.bad(&format!("subject {}: {bad}", subject.name)))?;
    for visit in visits.iter().filter(|visit| !visit.nodes.is_empty()) {
        let missing: Vec<&str> = baseline
            .nodes
            .keys()
            .filter(|node| !visit.nodes.contains_key(*node))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() && !visit.no_enlarged_node {
            subject.warnings.push(
                Because::new(
                    "response/node-missing",
                    format!("{}: of the nodes of baseline not measured: {}", visit.date, missing.join(", ")),
                )
                .input("date", visit.date),
            );
        }
    }
    let parts: Vec<_> = responses
        .iter()
        .map(|response| json!({"date": response.date, "components": response.components}))
        .collect();
    subject.also.insert("components".to_owned(), json!(parts));
    subject.assessments = responses.into_iter().map(|response| response.into_assessment()).collect();
    let confirmed = confirm(settings, &subject.course, &subject.assessments);
    subject.also.insert("recurrence".to_owned(), json!(recurrence(settings, &subject.course, &confirmed)));
    subject.basis = vec![Because::new(
        "iwcll-2018/baseline",
        format!("values of {}; {} nodes followed", baseline.date, baseline.nodes.len()),
    )];
    Ok(subject)
}

fn visit(wide: &mut Wide<Visit>, line: &Line<'_>) -> Result<Visit, Failure> {
    let mut visit = Visit::new(line.required(DATE)?);
    for column in NODES {
        if let Some(node) = node(wide, line, column)? {
            visit.nodes.insert(column.to_owned(), node);
        }
    }
    visit.no_enlarged_node = word(line, "nodes", &[("none", true)])?.unwrap_or(false);
    let enlarged = visit.nodes.iter().find(|(_, node)| node.longest >= NODE_ENLARGED);
    if let Some((column, node)) = enlarged.filter(|_| visit.no_enlarged_node) {
        let says = format!(
            "subject {}, {}: expected no node of {NODE_ENLARGED} mm or more beside `none`, found {column} of {} mm; mend: correct one of the two",
            wide.subject.name, visit.date, node.longest
        );
        return Err(line.bad(&["nodes"], &says));
    }
    visit.new_node = wide.amount(line, "new_node", &LENGTH)?;
    visit.spleen = organ(wide, line, "spleen", &LENGTH)?;
    visit.liver = organ(wide, line, "liver", &LENGTH)?;
    visit.symptoms = yes(line, "symptoms")?;
    visit.lymphocytes = wide.amount(line, "lymphocytes", &LYMPHOCYTES)?;
    visit.platelets = wide.amount(line, "platelets", &PLATELETS)?;
    let (british, american) =
        (wide.amount(line, "haemoglobin", &HAEMOGLOBIN)?, wide.amount(line, "hemoglobin", &HAEMOGLOBIN)?);
    if british.is_some() && american.is_some() {
        return Err(line.bad(
            &["hemoglobin"],
            &"expected one haemoglobin, found haemoglobin and hemoglobin; mend: keep one column",
        ));
    }
    visit.haemoglobin = british.or(american);
    visit.platelet_support = yes(line, "platelets_transfused")?.unwrap_or(false);
    visit.red_cell_support =
        yes(line, "red_cells_transfused")?.unwrap_or(false) || yes(line, "erythropoietin")?.unwrap_or(false);
    visit.cytopenia = word(
        line,
        "cytopenia",
        &[
            ("disease", CytopeniaCause::Disease),
            ("therapy", CytopeniaCause::Therapy),
            ("other", CytopeniaCause::Other),
        ],
    )?;
    let percent = wide.amount(line, "marrow_percent", &MARROW_CELLS)?;
    let marrow =
        |leukaemia_cells, nodules, hypocellular| Marrow { leukaemia_cells, percent, nodules, hypocellular };
    visit.marrow = word(
        line,
        "marrow",
        &[
            ("normal", marrow(Some(false), false, false)),
            ("hypocellular", marrow(Some(false), false, true)),
            ("nodules", marrow(Some(false), true, false)),
            ("leukaemia", marrow(Some(true), false, false)),
            ("leukemia", marrow(Some(true), false, false)),
        ],
    )?
    .or(percent.map(|share| marrow((share > Decimal::ZERO).then_some(true), false, false)));
    let said_free = line.text(&["marrow"]).is_some()
        && visit.marrow.is_some_and(|marrow| marrow.leukaemia_cells == Some(false));
    if let Some(share) = percent.filter(|share| said_free && *share > Decimal::ZERO) {
        let says = format!(
            "subject {}, {}: expected no leukaemia cells beside the marrow {:?}, found {share}%; mend: correct one of the two",
            wide.subject.name,
            visit.date,
            line.text(&["marrow"]).unwrap_or_default()
        );
        return Err(line.bad(&["marrow_percent"], &says));
    }
    visit.residual = line.parse(&["mrd"])?;
    if let Some(share) = visit.residual.filter(|share| !(Decimal::ZERO..=Decimal::ONE).contains(share)) {
        let says = format!(
            "subject {}, {}: expected a share between 0 and 1, such as 0.0001, found {share}; mend: write it as a fraction of 1",
            wide.subject.name, visit.date
        );
        return Err(line.bad(&["mrd"], &says));
    }
    visit.transformation = yes(line, "transformation")?.unwrap_or(false);
    Ok(visit)
}

/// "30 x 20 mm", or "absent".
fn node(wide: &mut Wide<Visit>, line: &Line<'_>, column: &'static str) -> Result<Option<Node>, Failure> {
    let Some(text) = line.text(&[column]) else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "not done" | "nd" => return Ok(None),
        "absent" => return Ok(Some(Node { longest: Decimal::ZERO, shortest: Decimal::ZERO })),
        _ => {}
    }
    let bad = || {
        line.bad(
            &[column],
            &format!(
                "expected two diameters and their unit, found {text:?}; mend: write it as \"30 x 20 mm\""
            ),
        )
    };
    let (first, second) = text.split_once(['x', '×', 'X']).ok_or_else(bad)?;
    let (second, unit) = split(second.trim());
    let (first, first_unit) = split(first.trim());
    if !first_unit.is_empty() && first_unit != unit {
        return Err(bad());
    }
    let length = |number: &str| {
        let value = decimal(line, column, number, text)?;
        LENGTH.canonical(value, unit).map_err(|wrong| line.bad(&[column], &wrong))
    };
    let (first, second) = (length(first)?, length(second)?);
    wide.note_unit(line, column, unit)?;
    Ok(Some(Node { longest: first.max(second), shortest: first.min(second) }))
}

/// A length, or "normal".
fn organ(
    wide: &mut Wide<Visit>,
    line: &Line<'_>,
    column: &'static str,
    measure: &Measure,
) -> Result<Option<Decimal>, Failure> {
    match line.text(&[column]) {
        Some(text) if text.eq_ignore_ascii_case("normal") => Ok(Some(Decimal::ZERO)),
        _ => wide.amount(line, column, measure),
    }
}
