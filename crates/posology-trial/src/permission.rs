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
        Kind::OrganAbsorbedDose => (&[AuthorisedUser, Investigator, SiteCoordinator], &[]),
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
        Kind::Randomisation => (&[], &[Statistician]),
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

/// What there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matter {
    /// The ladder, counts by cohort, places, and what is awaited of one's own patients.
    Board,
    /// Patients, each with all that is recorded of them.
    Patients,
    /// Results over patients: figures, rates, survival.
    Results,
    /// Reviews: packets, meetings, recommendations, decisions.
    Reviews,
    /// Votes and closed minutes.
    ClosedSessions,
    /// The events of the record, of what one may read.
    Audit,
    /// People, accounts, keys and sessions.
    People,
}

impl Matter {
    /// Every matter.
    pub const ALL: [Self; 7] = [
        Self::Board,
        Self::Patients,
        Self::Results,
        Self::Reviews,
        Self::ClosedSessions,
        Self::Audit,
        Self::People,
    ];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Board => "the board",
            Self::Patients => "patients",
            Self::Results => "results",
            Self::Reviews => "reviews and packets",
            Self::ClosedSessions => "closed sessions",
            Self::Audit => "the audit trail",
            Self::People => "people and accounts",
        }
    }
}

/// How far a role reads. People of a site read their own patients and none of another's; the administrator, who gives
/// access, reads no patient; closed sessions are the committee's alone.
///
/// ```
/// use posology_trial::event::Role;
/// use posology_trial::permission::{Matter, Reach, reads};
/// assert_eq!(reads(Role::SiteCoordinator, Matter::Patients), Reach::Site);
/// assert_eq!(reads(Role::Sponsor, Matter::ClosedSessions), Reach::Nowhere);
/// ```
#[must_use]
pub fn reads(role: Role, matter: Matter) -> Reach {
    use Role::{
        Administrator, Auditor, AuthorisedUser, CommitteeMember, Investigator, MedicalMonitor, Pharmacist,
        SiteCoordinator, Sponsor, Statistician,
    };
    match (matter, role) {
        (Matter::Board, _) | (Matter::People, Administrator | Auditor) => Reach::Trial,
        (Matter::ClosedSessions, CommitteeMember) => Reach::Trial,
        (Matter::ClosedSessions | Matter::People, _) => Reach::Nowhere,
        (Matter::Patients | Matter::Audit, SiteCoordinator | Investigator | AuthorisedUser | Pharmacist) => {
            Reach::Site
        }
        (_, MedicalMonitor | Statistician | CommitteeMember | Sponsor | Auditor)
        | (Matter::Audit, Administrator) => Reach::Trial,
        (
            Matter::Patients | Matter::Results | Matter::Reviews,
            Administrator | SiteCoordinator | Investigator | AuthorisedUser | Pharmacist,
        ) => Reach::Nowhere,
    }
}

/// What a person may read, by all the roles that they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Roles with their sites; no site is every site.
    grants: Vec<(Role, Option<String>)>,
    everything: bool,
}

impl Reading {
    /// What a user of a record may read now.
    #[must_use]
    pub fn of(conduct: &Conduct, user: &str) -> Self {
        let mut grants = Vec::new();
        for role in Role::ALL {
            for site in conduct.grants(user, role) {
                grants.push((role, site.map(str::to_owned)));
            }
        }
        Self { grants, everything: false }
    }

    /// Everything but closed sessions: of a file of events without people, which whoever has it can read anyway.
    #[must_use]
    pub fn everything() -> Self {
        Self { grants: Vec::new(), everything: true }
    }

    /// The roles held, each with its site.
    #[must_use]
    pub fn grants(&self) -> &[(Role, Option<String>)] {
        &self.grants
    }

    /// How far they read of a matter.
    #[must_use]
    pub fn reach(&self, matter: Matter) -> Reach {
        if self.everything {
            return if matter == Matter::ClosedSessions { Reach::Nowhere } else { Reach::Trial };
        }
        let of = |(role, site): &(Role, Option<String>)| match (reads(*role, matter), site) {
            (Reach::Site, None) => Reach::Trial,
            (reach, _) => reach,
        };
        self.grants.iter().map(of).max().unwrap_or(Reach::Nowhere)
    }

    /// Whether they read what a site has of a matter; what has no site is the trial's.
    #[must_use]
    pub fn reads_at(&self, matter: Matter, site: Option<&str>) -> bool {
        match self.reach(matter) {
            Reach::Nowhere => false,
            Reach::Trial => true,
            Reach::Site => self.grants.iter().any(|(role, granted)| {
                reads(*role, matter) == Reach::Site && granted.is_some() && granted.as_deref() == site
            }),
        }
    }

    /// Whether they read a patient.
    #[must_use]
    pub fn reads_patient(&self, conduct: &Conduct, subject: &str) -> bool {
        self.reads_at(Matter::Patients, conduct.subject_site(subject))
    }

    /// Whether they read an event of the record.
    #[must_use]
    pub fn reads_event(&self, conduct: &Conduct, event: &Event) -> bool {
        let patients = self.reach(Matter::Patients);
        match self.reach(Matter::Audit) {
            Reach::Nowhere => false,
            Reach::Trial if patients == Reach::Trial => true,
            // Of an administrator: what is no patient's and no committee's.
            Reach::Trial => conduct.subject_of(event).is_none() && is_of_access(event.fact.kind()),
            Reach::Site => match conduct.site_of(event) {
                Some(site) => self.reads_at(Matter::Audit, Some(site)),
                None => is_of_everyone(event.fact.kind()),
            },
        }
    }
}

/// Kinds that every site may read although they belong to none.
fn is_of_everyone(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::TrialFounded
            | Kind::ProtocolAdopted
            | Kind::CohortOpened
            | Kind::CohortClosed
            | Kind::DatabaseLocked
    )
}

/// Kinds that tell of no patient and no deliberation.
fn is_of_access(kind: Kind) -> bool {
    is_of_everyone(kind)
        || matches!(
            kind,
            Kind::SiteOpened
                | Kind::SiteApproved
                | Kind::SiteReleased
                | Kind::SiteClosed
                | Kind::SiteSettings
                | Kind::Person
                | Kind::RoleGranted
                | Kind::RoleWithdrawn
                | Kind::KeyIssued
                | Kind::KeyRevoked
                | Kind::RootKeyRotated
                | Kind::Access
                | Kind::Exported
                | Kind::SnapshotImported
        )
}

/// Who may record a kind of event, in words.
#[must_use]
pub fn who_may(kind: Kind) -> String {
    let words = Role::ALL.into_iter().filter_map(|role| match reach(role, kind) {
        Reach::Nowhere => None,
        Reach::Site => Some(format!("{} of the site", role.word())),
        Reach::Trial => Some(role.word().to_owned()),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Who must sign a kind before it has effect, where somebody must.
#[must_use]
pub fn awaits_signature(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::WrittenDirective => Some("an authorised user"),
        Kind::Recommendation => Some("the chair"),
        Kind::SponsorDecision => Some("the sponsor"),
        _ => None,
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
            let unknown = |subject: &str| {
                Refusal::new(
                    "subject/known",
                    "a subject of this record",
                    format!("{subject:?}"),
                    "record the subject first (`subject`), or correct the id",
                )
            };
            if let (None, Some(subject)) = (site, event.fact.subject())
                && conduct.of_subject(subject, Kind::Subject).next().is_none()
            {
                return Err(unknown(subject));
            }
            let theirs = grants.iter().any(|granted| granted.is_none() || *granted == site);
            // Another site's subject is to this one as if there were none.
            if let (false, Some(subject)) = (theirs || kind == Kind::Subject, event.fact.subject()) {
                return Err(unknown(subject));
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
