//! Who may record what: a function of role, place and state.
//!
//! [`reach`] is the whole table of roles; [`admit`](crate::conduct::Conduct::admit) asks it for each event. Two further
//! rules depend on the state: the founder of a record may name the first administrator, and facts followed from another
//! system come by import alone.

use crate::conduct::{Conduct, Refusal};
use crate::event::{Event, Fact, Judge, Kind, Role};

/// How far a role reaches with a kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Not at all.
    Nowhere,
    /// At the sites for which the role was granted.
    Site,
    /// In the whole trial.
    Trial,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 10] = [
        Self::Administrator,
        Self::SiteCoordinator,
        Self::Investigator,
        Self::AuthorisedUser,
        Self::Pharmacist,
        Self::MedicalMonitor,
        Self::Statistician,
        Self::CommitteeMember,
        Self::Sponsor,
        Self::Auditor,
    ];

    /// The word people type, such as `site-coordinator`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::SiteCoordinator => "site-coordinator",
            Self::Investigator => "investigator",
            Self::AuthorisedUser => "authorised-user",
            Self::Pharmacist => "pharmacist",
            Self::MedicalMonitor => "medical-monitor",
            Self::Statistician => "statistician",
            Self::CommitteeMember => "committee-member",
            Self::Sponsor => "sponsor",
            Self::Auditor => "auditor",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether the role may read what belongs to closed sessions.
    #[must_use]
    pub fn reads_closed_sessions(self) -> bool {
        self == Self::CommitteeMember
    }
}

/// How far a role reaches with a kind of event recorded by hand.
///
/// ```
/// use posology_trial::event::{Kind, Role};
/// use posology_trial::permission::{Reach, reach};
/// assert_eq!(reach(Role::AuthorisedUser, Kind::WrittenDirective), Reach::Site);
/// assert_eq!(reach(Role::Sponsor, Kind::SponsorDecision), Reach::Trial);
/// assert_eq!(reach(Role::Auditor, Kind::Laboratory), Reach::Nowhere);
/// ```
#[must_use]
pub fn reach(role: Role, kind: Kind) -> Reach {
    use Role::{
        Administrator, AuthorisedUser, CommitteeMember, Investigator, MedicalMonitor, Pharmacist,
        SiteCoordinator, Sponsor, Statistician,
    };
    let (site, trial): (&[Role], &[Role]) = match kind {
        Kind::TrialFounded => (&[], &[]),
        Kind::ProtocolAdopted => (&[], &[Administrator, Sponsor]),
        Kind::Person
        | Kind::RoleGranted
        | Kind::RoleWithdrawn
        | Kind::KeyIssued
        | Kind::KeyRevoked
        | Kind::RootKeyRotated
        | Kind::SiteOpened => (&[], &[Administrator]),
        Kind::SiteApproved => (&[SiteCoordinator, Investigator], &[Administrator]),
        Kind::SiteReleased | Kind::SiteClosed => (&[], &[Administrator, Sponsor]),
        Kind::SiteSettings => (&[AuthorisedUser], &[Administrator]),
        Kind::CohortOpened | Kind::DatabaseLocked => (&[], &[Sponsor]),
        Kind::CohortClosed => (&[], &[Sponsor, MedicalMonitor]),
        Kind::HoldLifted => (&[], &[Sponsor, CommitteeMember, MedicalMonitor]),
        Kind::SlotConfirmed | Kind::Assignment => (&[], &[Sponsor, MedicalMonitor]),
        Kind::SlotExpired => (&[SiteCoordinator], &[Sponsor, MedicalMonitor]),
        Kind::SlotRequested
        | Kind::Subject
        | Kind::Screening
        | Kind::Enrolment
        | Kind::Characteristic
        | Kind::AdverseEvent
        | Kind::Laboratory
        | Kind::VitalSign
        | Kind::NewTherapy
        | Kind::Support
        | Kind::Disposition
        | Kind::History
        | Kind::Visit
        | Kind::Death
        | Kind::ThyroidBlockade
        | Kind::StemCells
        | Kind::LesionAssessment => (&[SiteCoordinator, Investigator], &[]),
        Kind::Retracted => (&[SiteCoordinator, Investigator], &[]),
        Kind::Eligibility | Kind::ResponseAssessment => (&[Investigator], &[]),
        Kind::DltJudgement => (&[Investigator], &[CommitteeMember]),
        Kind::EvaluabilityJudgement => (&[], &[MedicalMonitor]),
        Kind::WrittenDirective => (&[AuthorisedUser], &[]),
        Kind::FractionOmitted | Kind::FractionDelayed | Kind::FractionReduced => {
            (&[Investigator, AuthorisedUser], &[])
        }
        Kind::Prescription => (&[Investigator, AuthorisedUser], &[]),
        Kind::ActivityOrder | Kind::Assay | Kind::Residual => (&[Pharmacist], &[]),
        Kind::SecondCheck => (&[Pharmacist, AuthorisedUser, Investigator, SiteCoordinator], &[]),
        Kind::Infusion | Kind::Administration => (&[Pharmacist, AuthorisedUser, SiteCoordinator], &[]),
        Kind::Extravasation | Kind::PatientRelease => (&[AuthorisedUser, Investigator], &[]),
        Kind::Deviation => (&[SiteCoordinator, Investigator, Pharmacist], &[MedicalMonitor]),
        Kind::QueryRaised | Kind::QueryClosed => (&[], &[MedicalMonitor, Statistician, Sponsor]),
        Kind::QueryAnswered => {
            (&[SiteCoordinator, Investigator, Pharmacist, AuthorisedUser], &[MedicalMonitor])
        }
        Kind::SnapshotImported => (&[], &[Statistician, Administrator]),
        Kind::DataCut | Kind::PacketFrozen => (&[], &[Statistician]),
        Kind::Meeting | Kind::Minutes => (&[], &[CommitteeMember, Statistician]),
        Kind::Recusal | Kind::Sealed | Kind::Unsealed | Kind::Recommendation => (&[], &[CommitteeMember]),
        Kind::SponsorDecision => (&[], &[Sponsor]),
        Kind::Signature => {
            return match role {
                Role::Auditor => Reach::Nowhere,
                SiteCoordinator | Investigator | AuthorisedUser | Pharmacist => Reach::Site,
                _ => Reach::Trial,
            };
        }
        Kind::Access | Kind::Exported => return Reach::Trial,
    };
    if trial.contains(&role) {
        Reach::Trial
    } else if site.contains(&role) {
        Reach::Site
    } else {
        Reach::Nowhere
    }
}

/// The kinds that a person may record now in a role at a site: what a form offers.
#[must_use]
pub fn allowed(conduct: &Conduct, user: &str, role: Role, site: Option<&str>) -> Vec<Kind> {
    let grants = conduct.grants(user, role);
    Kind::ALL
        .iter()
        .copied()
        .filter(|kind| match reach(role, *kind) {
            Reach::Nowhere => false,
            Reach::Trial => !grants.is_empty(),
            Reach::Site => grants.iter().any(|granted| granted.is_none() || *granted == site),
        })
        .collect()
}

/// Whether the person who records an event may record it.
pub(crate) fn admit(conduct: &Conduct, event: &Event) -> Result<(), Refusal> {
    let kind = event.fact.kind();
    if conduct.names_first_administrator(event) {
        return Ok(());
    }
    let user = event.recorded_by.as_str();
    let Some(role) = event.recorded_as else {
        return Err(Refusal::new(
            "permission/role",
            "the role in which it is recorded",
            format!("none, by {user:?}"),
            "name the role with --in-role, or POSOLOGY_ROLE",
        ));
    };
    let grants = conduct.grants(user, role);
    if grants.is_empty() {
        let found = format!("no such role of {user:?}");
        return Err(Refusal::new(
            "permission/granted",
            format!("the role {} granted to the person and not withdrawn", role.word()),
            found,
            "an administrator grants roles (`role-granted`)",
        ));
    }
    if event.origin.is_some() {
        return match role {
            Role::Statistician | Role::Administrator => Ok(()),
            _ => Err(Refusal::new(
                "permission/import",
                "an import by a statistician or an administrator",
                role.word(),
                "let one of them import",
            )),
        };
    }
    match reach(role, kind) {
        Reach::Nowhere => Err(refuse_role(kind, role)),
        Reach::Trial => admit_judge(event, role),
        Reach::Site => {
            let site = conduct.site_of(event);
            if let (None, Some(subject)) = (site, event.fact.subject())
                && conduct.of_subject(subject, Kind::Subject).next().is_none()
            {
                return Err(Refusal::new(
                    "subject/known",
                    "a subject of this record",
                    format!("{subject:?}"),
                    "record the subject first (`subject`), or correct the id",
                ));
            }
            if grants.iter().any(|granted| granted.is_none() || *granted == site) {
                return admit_judge(event, role);
            }
            Err(Refusal::new(
                "permission/site",
                format!(
                    "the role {} at the site of the event, {}",
                    role.word(),
                    site.unwrap_or("none recorded")
                ),
                format!("it at {}", grants.iter().flatten().copied().collect::<Vec<_>>().join(", ")),
                "let someone of that site record it",
            ))
        }
    }
}

/// An investigator judges as the investigator, a committee member as the committee.
fn admit_judge(event: &Event, role: Role) -> Result<(), Refusal> {
    let Fact::DltJudgement(judgement) = &event.fact else { return Ok(()) };
    match (judgement.by, role) {
        (Judge::Investigator, Role::Investigator) | (Judge::Committee, Role::CommitteeMember) => Ok(()),
        (by, role) => Err(Refusal::new(
            "permission/judge",
            "a judgement recorded by who judges",
            format!("one by the {by:?} from a {}", role.word()).to_lowercase(),
            "let the judge record it",
        )),
    }
}

fn refuse_role(kind: Kind, role: Role) -> Refusal {
    let may: Vec<&str> =
        Role::ALL.into_iter().filter(|role| reach(*role, kind) != Reach::Nowhere).map(Role::word).collect();
    Refusal::new(
        "permission/kind",
        format!(
            "{} recorded by: {}",
            kind.word(),
            if may.is_empty() { "nobody".to_owned() } else { may.join(", ") }
        ),
        role.word(),
        "let one of them record it",
    )
}
