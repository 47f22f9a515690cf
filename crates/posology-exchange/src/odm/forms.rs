//! The forms as metadata: study events, a form a kind of fact, item groups, items with their questions, code lists.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use posology_trial::event::Kind;
use posology_trial::form::{Form, Shape};

use super::items::{self, Group, GroupDef, ItemDef, RECORD, RECORD_ITEMS, clean};
use super::markup::Markup;
use crate::package::Study;

/// Version of the forms: they are those of the kinds of facts, whatever the protocol's version.
pub(super) const VERSION: &str = "MDV.facts-1";

/// Study events, each with its name and whose it is.
pub(super) const STUDY_EVENTS: [(&str, &str); 6] = [
    ("SE.entry", "Screening and enrolment"),
    ("SE.treatment", "Treatment"),
    ("SE.assessment", "Assessments and events"),
    ("SE.course", "Disposition and death"),
    ("SE.trial", "Conduct of the trial: sites, cohorts, committee, decisions"),
    ("SE.record", "Keeping of the record: people, keys, signatures, queries, what was taken back"),
];

/// The study event to which the form of a kind belongs.
pub(super) fn study_event(kind: Kind) -> &'static str {
    use Kind as K;
    match kind {
        K::Subject
        | K::Screening
        | K::Eligibility
        | K::Enrolment
        | K::Assignment
        | K::Randomisation
        | K::Characteristic
        | K::History
        | K::StemCells
        | K::SlotRequested
        | K::SlotConfirmed
        | K::SlotExpired => "SE.entry",
        K::Prescription
        | K::Administration
        | K::FractionOmitted
        | K::FractionDelayed
        | K::FractionReduced
        | K::WrittenDirective
        | K::ActivityOrder
        | K::Assay
        | K::Residual
        | K::SecondCheck
        | K::Infusion
        | K::Extravasation
        | K::PatientRelease
        | K::ThyroidBlockade
        | K::Support
        | K::NewTherapy => "SE.treatment",
        K::AdverseEvent
        | K::DltJudgement
        | K::EvaluabilityJudgement
        | K::Laboratory
        | K::VitalSign
        | K::ResponseAssessment
        | K::LesionAssessment
        | K::OrganAbsorbedDose
        | K::Visit => "SE.assessment",
        K::Disposition | K::Death => "SE.course",
        K::TrialFounded
        | K::ProtocolAdopted
        | K::CohortOpened
        | K::CohortClosed
        | K::Recommendation
        | K::SponsorDecision
        | K::SiteOpened
        | K::SiteApproved
        | K::SiteReleased
        | K::SiteClosed
        | K::SiteSettings
        | K::HoldLifted
        | K::DatabaseLocked
        | K::Exported
        | K::SnapshotImported
        | K::DataCut
        | K::PacketFrozen
        | K::Meeting
        | K::Recusal
        | K::Sealed
        | K::Unsealed
        | K::Minutes => "SE.trial",
        K::Deviation
        | K::Retracted
        | K::QueryRaised
        | K::QueryAnswered
        | K::QueryClosed
        | K::Person
        | K::RoleGranted
        | K::RoleWithdrawn
        | K::KeyIssued
        | K::KeyRevoked
        | K::RootKeyRotated
        | K::Signature
        | K::Access => "SE.record",
    }
}

/// The form of a kind.
pub(super) fn form_oid(kind: Kind) -> String {
    format!("F.{}", kind.name())
}

/// How long the values of each item are.
#[derive(Default)]
pub(super) struct Lengths(HashMap<String, (usize, usize)>);

impl Lengths {
    pub(super) fn measure(&mut self, groups: &[Group]) {
        for held in groups.iter().flat_map(|group| &group.items) {
            let digits = held.value.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let (length, most) = self.0.entry(held.oid.clone()).or_default();
            *length = (*length).max(held.value.chars().count());
            *most = (*most).max(digits);
        }
    }

    fn of(&self, oid: &str) -> (String, String) {
        let (length, digits) = self.0.get(oid).copied().unwrap_or_default();
        (length.max(1).to_string(), digits.to_string())
    }
}

/// Writes the element Study.
pub(super) fn write(
    markup: &mut Markup<impl Write>,
    study: &Study,
    forms: &[Form],
    lengths: &Lengths,
) -> io::Result<()> {
    let groups: Vec<Vec<GroupDef>> = forms.iter().map(items::definitions).collect();
    let all_items = || groups.iter().flatten().flat_map(|group| &group.items);
    markup.open("Study", &[("OID", &clean(&study.id))])?;
    markup.open("GlobalVariables", &[])?;
    markup.text("StudyName", &[], &named(&study.id))?;
    let notice = if study.synthetic { " (synthetic patients: nobody was treated)" } else { "" };
    markup.text("StudyDescription", &[], &format!("{}{notice}", clean(&study.title)))?;
    markup.text("ProtocolName", &[], &named(&study.protocol))?;
    markup.close()?;
    let units: BTreeSet<&str> = all_items().flat_map(|item| item.shape.units()).copied().collect();
    markup.open("BasicDefinitions", &[])?;
    for unit in units {
        markup.open("MeasurementUnit", &[("OID", &unit_oid(unit)), ("Name", unit)])?;
        markup.translated("Symbol", unit)?;
        markup.close()?;
    }
    markup.close()?;
    markup.open("MetaDataVersion", &[("OID", VERSION), ("Name", "Facts of a trial, version 1")])?;
    markup.open("Protocol", &[])?;
    for (place, (oid, _)) in STUDY_EVENTS.iter().enumerate() {
        let order = (place + 1).to_string();
        markup.empty(
            "StudyEventRef",
            &[("StudyEventOID", oid), ("OrderNumber", &order), ("Mandatory", "No")],
        )?;
    }
    markup.close()?;
    for (oid, name) in STUDY_EVENTS {
        markup.open(
            "StudyEventDef",
            &[("OID", oid), ("Name", name), ("Repeating", "No"), ("Type", "Common")],
        )?;
        for form in forms.iter().filter(|form| study_event(form.kind) == oid) {
            markup.empty("FormRef", &[("FormOID", &form_oid(form.kind)), ("Mandatory", "No")])?;
        }
        markup.close()?;
    }
    for (form, groups) in forms.iter().zip(&groups) {
        let (oid, name) = (form_oid(form.kind), form.kind.word());
        markup.open("FormDef", &[("OID", &oid), ("Name", name), ("Repeating", "Yes")])?;
        markup.translated("Description", &form.says)?;
        for group in groups {
            markup.empty(
                "ItemGroupRef",
                &[("ItemGroupOID", &group.oid), ("Mandatory", yes_no(!group.repeating))],
            )?;
        }
        markup.empty("ItemGroupRef", &[("ItemGroupOID", RECORD), ("Mandatory", "No")])?;
        markup.close()?;
    }
    for group in groups.iter().flatten() {
        let attributes =
            [("OID", group.oid.as_str()), ("Name", &group.name), ("Repeating", yes_no(group.repeating))];
        markup.open("ItemGroupDef", &attributes)?;
        for item in &group.items {
            markup.empty("ItemRef", &[("ItemOID", &item.oid), ("Mandatory", yes_no(item.mandatory))])?;
        }
        markup.close()?;
    }
    markup.open("ItemGroupDef", &[("OID", RECORD), ("Name", "record"), ("Repeating", "No")])?;
    for (name, _) in RECORD_ITEMS {
        markup.empty("ItemRef", &[("ItemOID", &format!("I.record.{name}")), ("Mandatory", "No")])?;
    }
    markup.close()?;
    for item in all_items() {
        write_item(markup, item, lengths)?;
    }
    for (name, says) in RECORD_ITEMS {
        let oid = format!("I.record.{name}");
        let (length, _) = lengths.of(&oid);
        let name = format!("record {name}");
        markup
            .open("ItemDef", &[("OID", &oid), ("Name", &name), ("DataType", "text"), ("Length", &length)])?;
        markup.translated("Question", says)?;
        markup.close()?;
    }
    for item in all_items() {
        if let Shape::OneOf(words) = &item.shape {
            write_code_list(markup, item, words)?;
        }
    }
    markup.close()?;
    markup.close()
}

fn named(text: &str) -> String {
    if text.is_empty() { "not named".to_owned() } else { clean(text) }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "Yes" } else { "No" }
}

/// Identifier of a measurement unit.
pub(super) fn unit_oid(unit: &str) -> String {
    format!("MU.{unit}")
}

fn write_item(markup: &mut Markup<impl Write>, item: &ItemDef, lengths: &Lengths) -> io::Result<()> {
    let (length, digits) = lengths.of(&item.oid);
    let data_type = match &item.shape {
        Shape::Date => "date",
        Shape::Time => "datetime",
        Shape::When => "partialDatetime",
        Shape::Integer => "integer",
        Shape::YesOrNo => "boolean",
        shape if !shape.units().is_empty() => "float",
        Shape::Decimal => "float",
        _ => "text",
    };
    let mut attributes = vec![("OID", item.oid.as_str()), ("Name", &item.name), ("DataType", data_type)];
    if matches!(data_type, "text" | "integer" | "float") {
        attributes.push(("Length", &length));
    }
    if data_type == "float" {
        attributes.push(("SignificantDigits", &digits));
    }
    markup.open("ItemDef", &attributes)?;
    markup.translated("Question", if item.question.is_empty() { &item.name } else { &item.question })?;
    for unit in item.shape.units() {
        markup.empty("MeasurementUnitRef", &[("MeasurementUnitOID", &unit_oid(unit))])?;
    }
    if matches!(item.shape, Shape::OneOf(_)) {
        markup.empty("CodeListRef", &[("CodeListOID", &code_list_oid(item))])?;
    }
    markup.close()
}

fn code_list_oid(item: &ItemDef) -> String {
    item.oid.replacen("I.", "CL.", 1)
}

fn write_code_list(
    markup: &mut Markup<impl Write>,
    item: &ItemDef,
    words: &[(String, String)],
) -> io::Result<()> {
    let oid = code_list_oid(item);
    markup.open("CodeList", &[("OID", &oid), ("Name", &item.name), ("DataType", "text")])?;
    let said = words.iter().all(|(_, says)| !says.is_empty());
    for (word, says) in words {
        if said {
            markup.open("CodeListItem", &[("CodedValue", word)])?;
            markup.translated("Decode", says.trim_end_matches('.'))?;
            markup.close()?;
        } else {
            markup.empty("EnumeratedItem", &[("CodedValue", word)])?;
        }
    }
    markup.close()
}
