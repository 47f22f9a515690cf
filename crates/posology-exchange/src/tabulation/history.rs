//! MH, CM and PR: the disease and what else was given: blood support, growth factor, stem cells, new anti-cancer therapy.

use posology_trial::event::SupportKind;

use super::TrialAtCut;
use super::frame::{Domain, Line};
use crate::package::{Class, Column};

/// Medical history.
pub(super) fn history(of: &TrialAtCut<'_>) -> Domain {
    let mut categories: Vec<Option<&str>> = of
        .analysis
        .patients
        .iter()
        .flat_map(|patient| patient.facts.history.iter().map(|one| one.category.as_deref()))
        .collect();
    categories.sort_unstable();
    categories.dedup();
    // One category for everything tells nothing apart (CORE-000365): it stands beside the record.
    let tells = categories.len() > 1;
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for one in &patient.facts.history {
            let mut line = Line::of(&patient.id);
            line.set("MHTERM", one.term.as_str())
                .set("MHDECOD", one.term.as_str())
                .set("MHCAT", one.category.as_deref().filter(|_| tells))
                .qualify(
                    "MHCATALL",
                    "Category of All Records",
                    one.category.as_deref().filter(|_| !tells),
                    "CRF",
                )
                .set_when("MHSTDTC", one.start.as_ref())
                .set_when("MHENDTC", one.end.as_ref());
            lines.push(line);
        }
    }
    Domain {
        code: "MH",
        label: "Medical History",
        class: Class::Events,
        structure: "One record per medical history event per subject",
        columns: vec![
            Column::text("MHTERM", "Reported Term for the Medical History").required(),
            Column::text("MHDECOD", "Dictionary-Derived Term").assigned(),
            Column::text("MHCAT", "Category for Medical History").assigned(),
            Column::iso("MHSTDTC", "Start Date/Time of Medical History Event"),
            Column::iso("MHENDTC", "End Date/Time of Medical History Event"),
        ],
        order: &["MHSTDTC", "MHTERM"],
        timing: None,
        visits: false,
        lines,
    }
}

/// The standard name of a kind of support, as import reads it.
fn standard_name(kind: SupportKind) -> &'static str {
    match kind {
        SupportKind::PlateletTransfusion => "PLATELETS, HUMAN BLOOD",
        SupportKind::RedCellTransfusion => "RED BLOOD CELLS, CONCENTRATED",
        SupportKind::GrowthFactor => "GRANULOCYTE COLONY STIMULATING FACTOR",
        SupportKind::StemCellRescue => "AUTOLOGOUS STEM CELL INFUSION",
    }
}

/// Concomitant medications: blood products, growth factor, new anti-cancer therapy.
pub(super) fn medications(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for one in patient.facts.support.iter().filter(|one| one.kind != SupportKind::StemCellRescue) {
            let mut line = Line::of(&patient.id);
            line.set("CMTRT", one.product.as_deref().unwrap_or(standard_name(one.kind)))
                .set("CMDECOD", standard_name(one.kind))
                .set("CMCAT", "SUPPORTIVE CARE")
                .set_when("CMSTDTC", Some(&one.at));
            lines.push(line);
        }
        for one in &patient.facts.new_therapies {
            let mut line = Line::of(&patient.id);
            let suppresses = one.myelosuppressive.map(|yes| if yes { "Y" } else { "N" });
            line.set("CMTRT", one.name.as_deref().unwrap_or("NOT RECORDED"))
                .set("CMCAT", "NEW ANTI-CANCER THERAPY")
                .set_when("CMSTDTC", Some(&one.start))
                .qualify("MYELOSUP", "Suppresses the Marrow", suppresses, "CRF");
            lines.push(line);
        }
    }
    Domain {
        code: "CM",
        label: "Concomitant/Prior Medications",
        class: Class::Interventions,
        structure: "One record per recorded intervention occurrence or constant-dosing interval per subject",
        columns: vec![
            Column::text("CMTRT", "Reported Name of Drug, Med, or Therapy").required(),
            Column::text("CMDECOD", "Standardized Medication Name").assigned(),
            Column::text("CMCAT", "Category for Medication").assigned(),
            Column::iso("CMSTDTC", "Start Date/Time of Medication"),
        ],
        order: &["CMSTDTC", "CMTRT"],
        timing: Some("CMSTDTC"),
        visits: false,
        lines,
    }
}

/// Procedures: stem cells given back.
pub(super) fn procedures(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for one in patient.facts.support.iter().filter(|one| one.kind == SupportKind::StemCellRescue) {
            let mut line = Line::of(&patient.id);
            line.set("PRTRT", one.product.as_deref().unwrap_or(standard_name(one.kind)))
                .set("PRDECOD", standard_name(one.kind))
                .set_when("PRSTDTC", Some(&one.at));
            lines.push(line);
        }
    }
    Domain {
        code: "PR",
        label: "Procedures",
        class: Class::Interventions,
        structure: "One record per recorded procedure per occurrence per subject",
        columns: vec![
            Column::text("PRTRT", "Reported Name of Procedure").required(),
            Column::text("PRDECOD", "Standardized Procedure Name").assigned(),
            Column::iso("PRSTDTC", "Start Date/Time of Procedure").expected(),
        ],
        order: &["PRSTDTC", "PRTRT"],
        timing: Some("PRSTDTC"),
        visits: false,
        lines,
    }
}
