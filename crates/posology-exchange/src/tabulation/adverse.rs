//! AE, with the investigator's judgement whether an event is a dose-limiting toxicity (SUPPAE.AEDLT); FA, the committee's
//! adjudication of that event, tied to it in RELREC; DD, why a subject died.
//!
//! No standard variable and no term for a dose-limiting toxicity exists: both ways are a convention, stated in
//! Define-XML. A judgement on a finding of a rule that is no adverse event is ADaM's.

use posology_trial::event::{AdverseEvent, DltJudgement, Judge};

use super::TrialAtCut;
use super::frame::{Domain, Line, Qualifier};
use crate::package::{Class, Column, Value};

/// Adverse events.
pub(super) fn events(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for event in &patient.facts.adverse_events {
            let mut line = event_line(&patient.id, event);
            let judged = last_judgement(&patient.facts.dlt_judgements, &event.key, Judge::Investigator);
            if let Some(judged) = judged {
                line.qualify_by(Qualifier {
                    name: "AEDLT",
                    label: "Dose Limiting Toxicity",
                    value: if judged.dose_limiting { "Y" } else { "N" }.to_owned(),
                    origin: "CRF",
                    evaluator: Some("INVESTIGATOR"),
                });
            }
            lines.push(line);
        }
    }
    Domain {
        code: "AE",
        label: "Adverse Events",
        class: Class::Events,
        structure: "One record per adverse event per subject",
        columns: event_columns(),
        order: &["AESTDTC", "AEDECOD", "AETERM"],
        timing: Some("AESTDTC"),
        visits: false,
        lines,
    }
}

fn last_judgement<'a>(judgements: &'a [DltJudgement], key: &str, by: Judge) -> Option<&'a DltJudgement> {
    judgements.iter().rev().find(|judged| judged.by == by && judged.event.as_deref() == Some(key))
}

fn event_columns() -> Vec<Column> {
    let coded = |name, label| Column::text(name, label).expected().assigned();
    let number = |name, label| Column::integer(name, label).expected().assigned();
    vec![
        Column::text("AETERM", "Reported Term for the Adverse Event").required(),
        coded("AELLT", "Lowest Level Term"),
        number("AELLTCD", "Lowest Level Term Code"),
        Column::text("AEDECOD", "Dictionary-Derived Term").required().assigned(),
        number("AEPTCD", "Preferred Term Code"),
        coded("AEHLT", "High Level Term"),
        number("AEHLTCD", "High Level Term Code"),
        coded("AEHLGT", "High Level Group Term"),
        number("AEHLGTCD", "High Level Group Term Code"),
        coded("AEBODSYS", "Body System or Organ Class"),
        number("AEBDSYCD", "Body System or Organ Class Code"),
        coded("AESOC", "Primary System Organ Class"),
        number("AESOCCD", "Primary System Organ Class Code"),
        Column::text("AESEV", "Severity/Intensity"),
        Column::text("AESER", "Serious Event").expected().coded("NY"),
        Column::text("AEACN", "Action Taken with Study Treatment").expected().coded("ACN"),
        Column::text("AEREL", "Causality").expected(),
        Column::text("AEOUT", "Outcome of Adverse Event").coded("OUT"),
        Column::text("AESDTH", "Results in Death").coded("NY"),
        Column::text("AETOXGR", "Standard Toxicity Grade"),
        Column::iso("AESTDTC", "Start Date/Time of Adverse Event").expected(),
        Column::iso("AEENDTC", "End Date/Time of Adverse Event").expected(),
    ]
}

/// Codes of MedDRA's system organ classes, by their names.
const CLASSES: [(&str, i64); 27] = [
    ("Blood and lymphatic system disorders", 10_005_329),
    ("Cardiac disorders", 10_007_541),
    ("Congenital, familial and genetic disorders", 10_010_331),
    ("Ear and labyrinth disorders", 10_013_993),
    ("Endocrine disorders", 10_014_698),
    ("Eye disorders", 10_015_919),
    ("Gastrointestinal disorders", 10_017_947),
    ("General disorders and administration site conditions", 10_018_065),
    ("Hepatobiliary disorders", 10_019_805),
    ("Immune system disorders", 10_021_428),
    ("Infections and infestations", 10_021_881),
    ("Injury, poisoning and procedural complications", 10_022_117),
    ("Investigations", 10_022_891),
    ("Metabolism and nutrition disorders", 10_027_433),
    ("Musculoskeletal and connective tissue disorders", 10_028_395),
    ("Neoplasms benign, malignant and unspecified (incl cysts and polyps)", 10_029_104),
    ("Nervous system disorders", 10_029_205),
    ("Pregnancy, puerperium and perinatal conditions", 10_036_585),
    ("Product issues", 10_077_536),
    ("Psychiatric disorders", 10_037_175),
    ("Renal and urinary disorders", 10_038_359),
    ("Reproductive system and breast disorders", 10_038_604),
    ("Respiratory, thoracic and mediastinal disorders", 10_038_738),
    ("Skin and subcutaneous tissue disorders", 10_040_785),
    ("Social circumstances", 10_041_244),
    ("Surgical and medical procedures", 10_042_613),
    ("Vascular disorders", 10_047_065),
];

fn class_code(class: &str) -> Option<i64> {
    CLASSES.iter().find(|(name, _)| name.eq_ignore_ascii_case(class)).map(|(_, code)| *code)
}

fn event_line(subject: &str, event: &AdverseEvent) -> Line {
    let mut line = Line::of(subject);
    let yes = |said: Option<bool>| Value::from(said.map(Value::yes_no));
    let causality = event
        .causality
        .as_deref()
        .or_else(|| event.related.map(|related| if related { "RELATED" } else { "NOT RELATED" }));
    let class = event.class.as_deref().and_then(class_code);
    line.set("AETERM", event.verbatim.as_str())
        .set("AEDECOD", event.term.as_str())
        .set("AEBODSYS", event.class.as_deref())
        .set("AEBDSYCD", class)
        .set("AESOC", event.class.as_deref())
        .set("AESOCCD", class)
        .set("AESEV", event.severity.as_deref())
        .set("AESER", yes(event.serious))
        .set("AEACN", event.action.as_deref())
        .set("AEREL", causality)
        .set("AEOUT", event.outcome.as_deref())
        // Said only of a fatal event: an N of every other event says nothing that the outcome does not.
        .set("AESDTH", yes(event.fatal.filter(|fatal| *fatal)))
        .set("AETOXGR", event.grade.map(|grade| grade.to_string()))
        .set_when("AESTDTC", event.start.as_ref())
        .set_when("AEENDTC", event.end.as_ref())
        .qualify("EVENTKEY", "Key of the Event in the Record", Some(event.key.as_str()), "Assigned")
        .named(format!("event {}", event.key));
    line
}

/// The committee's adjudications of events.
pub(super) fn adjudications(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        for event in &patient.facts.adverse_events {
            let judged = last_judgement(&patient.facts.dlt_judgements, &event.key, Judge::Committee);
            let Some(judged) = judged else { continue };
            let mut line = Line::of(&patient.id);
            let word = if judged.dose_limiting { "Y" } else { "N" };
            line.set("FATESTCD", "DLTIND")
                .set("FATEST", "Dose Limiting Toxicity Indicator")
                .set("FAOBJ", event.term.as_str())
                .set("FAORRES", word)
                .set("FASTRESC", word)
                .set("FAEVAL", "ADJUDICATION COMMITTEE")
                .set_when("FADTC", judged.date.as_ref())
                .qualify("EVENTKEY", "Key of the Event in the Record", Some(event.key.as_str()), "Assigned")
                .relates_to(format!("event {}", event.key));
            lines.push(line);
        }
    }
    Domain {
        code: "FA",
        label: "Findings About Events or Interventions",
        class: Class::FindingsAbout,
        structure: "One record per finding, per object, per time point, per visit per subject",
        columns: vec![
            Column::text("FATESTCD", "Findings About Test Short Name")
                .required()
                .assigned()
                .coded("FATESTCD"),
            Column::text("FATEST", "Findings About Test Name").required().assigned().coded("FATEST"),
            Column::text("FAOBJ", "Object of the Observation").required().assigned(),
            Column::text("FAORRES", "Result or Finding in Original Units").expected(),
            Column::text("FASTRESC", "Character Result/Finding in Std Format").expected(),
            Column::text("FAEVAL", "Evaluator").assigned().coded("EVAL"),
            Column::iso("FADTC", "Date/Time of Collection").expected(),
        ],
        order: &["FADTC", "FAOBJ"],
        timing: Some("FADTC"),
        visits: true,
        lines,
    }
}

/// Details of deaths whose cause was recorded.
pub(super) fn deaths(of: &TrialAtCut<'_>) -> Domain {
    let mut lines = Vec::new();
    for patient in &of.analysis.patients {
        let Some(death) = &patient.facts.death else { continue };
        let Some(cause) = death.cause.as_deref() else { continue };
        let mut line = Line::of(&patient.id);
        let yes = |said: Option<bool>| said.map(|yes| if yes { "Y" } else { "N" });
        line.set("DDTESTCD", "PRCDTH")
            .set("DDTEST", "Primary Cause of Death")
            .set("DDORRES", cause)
            .set("DDSTRESC", cause)
            .set_when("DDDTC", Some(&death.at))
            .qualify("DTHREL", "Death Related to Study Treatment", yes(death.related), "CRF")
            .qualify("DTHPD", "Death Due to Progression", yes(death.by_progression), "CRF");
        lines.push(line);
    }
    Domain {
        code: "DD",
        label: "Death Details",
        class: Class::Findings,
        structure: "One record per finding per subject",
        columns: vec![
            Column::text("DDTESTCD", "Death Detail Assessment Short Name")
                .required()
                .assigned()
                .coded("DDTESTCD"),
            Column::text("DDTEST", "Death Detail Assessment Name").required().assigned().coded("DDTEST"),
            Column::text("DDORRES", "Result or Finding as Collected").expected(),
            Column::text("DDSTRESC", "Character Result/Finding in Std Format").expected(),
            Column::iso("DDDTC", "Date/Time of Collection").expected(),
        ],
        order: &["DDTESTCD"],
        timing: Some("DDDTC"),
        visits: false,
        lines,
    }
}
