//! The kinds of event as people look for them: in groups, each by its form or on a page of its own.

use posology_trial::event::Kind;
use posology_trial::permission::{Reach, Reading, reach};

/// Kinds that have a page of their own, with that page.
const ELSEWHERE: [(Kind, &str); 10] = [
    (Kind::Randomisation, "/audit"),
    (Kind::TrialFounded, "/"),
    (Kind::KeyIssued, "/people"),
    (Kind::Signature, "/audit"),
    (Kind::Access, "/audit"),
    (Kind::Sealed, "/reviews"),
    (Kind::Unsealed, "/reviews"),
    (Kind::DataCut, "/reviews"),
    (Kind::PacketFrozen, "/reviews"),
    (Kind::Exported, "/people"),
];

/// The kinds in groups, as people look for them.
pub(crate) const GROUPS: [(&str, &[Kind]); 6] = [
    (
        "Enrolment",
        &[
            Kind::Subject,
            Kind::Screening,
            Kind::Eligibility,
            Kind::SlotRequested,
            Kind::SlotConfirmed,
            Kind::SlotExpired,
            Kind::Enrolment,
            Kind::Assignment,
            Kind::Characteristic,
            Kind::History,
        ],
    ),
    (
        "Dosing",
        &[
            Kind::WrittenDirective,
            Kind::Prescription,
            Kind::ActivityOrder,
            Kind::ThyroidBlockade,
            Kind::StemCells,
            Kind::Assay,
            Kind::SecondCheck,
            Kind::Administration,
            Kind::Infusion,
            Kind::Residual,
            Kind::Extravasation,
            Kind::PatientRelease,
            Kind::FractionDelayed,
            Kind::FractionReduced,
            Kind::FractionOmitted,
        ],
    ),
    (
        "Follow-up",
        &[
            Kind::Visit,
            Kind::Laboratory,
            Kind::VitalSign,
            Kind::AdverseEvent,
            Kind::Support,
            Kind::ResponseAssessment,
            Kind::LesionAssessment,
            Kind::OrganAbsorbedDose,
            Kind::NewTherapy,
            Kind::Disposition,
            Kind::Death,
            Kind::Deviation,
        ],
    ),
    (
        "Judgement and data",
        &[
            Kind::DltJudgement,
            Kind::EvaluabilityJudgement,
            Kind::QueryRaised,
            Kind::QueryAnswered,
            Kind::QueryClosed,
            Kind::Retracted,
            Kind::SnapshotImported,
        ],
    ),
    (
        "Review and decision",
        &[
            Kind::Meeting,
            Kind::Recusal,
            Kind::Minutes,
            Kind::Recommendation,
            Kind::SponsorDecision,
            Kind::CohortOpened,
            Kind::CohortClosed,
            Kind::HoldLifted,
            Kind::DatabaseLocked,
        ],
    ),
    (
        "Trial, sites and people",
        &[
            Kind::ProtocolAdopted,
            Kind::SiteOpened,
            Kind::SiteApproved,
            Kind::SiteReleased,
            Kind::SiteSettings,
            Kind::SiteClosed,
            Kind::Person,
            Kind::RoleGranted,
            Kind::RoleWithdrawn,
            Kind::KeyRevoked,
            Kind::RootKeyRotated,
        ],
    ),
];

/// Kinds recorded by other means than a form of their fields.
pub(crate) fn elsewhere(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::SnapshotImported => Some("/import"),
        Kind::Person | Kind::RootKeyRotated => Some("/people"),
        _ => ELSEWHERE.iter().find(|(other, _)| *other == kind).map(|(_, page)| *page),
    }
}

/// Whether there is something that someone may record by its fields.
pub(crate) fn offers_something(reading: &Reading) -> bool {
    let mut kinds = GROUPS.iter().flat_map(|(_, kinds)| kinds.iter());
    kinds.any(|kind| reading.grants().iter().any(|(role, _)| reach(*role, *kind) != Reach::Nowhere))
}

/// A kind's word as people read it.
pub(crate) fn plain(kind: Kind) -> String {
    let word = kind.word().replace('-', " ");
    match word.strip_prefix("dlt") {
        Some(rest) => format!("DLT{rest}"),
        None => word,
    }
}
