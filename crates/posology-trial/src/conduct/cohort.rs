//! Versions, sites and cohorts: what comes into force, where, and what opens the next cohort.

use jiff::Timestamp;

use super::{Conduct, Context, Refusal};
use crate::event::{
    Answer, CohortOpened, Event, Fact, Kind, Meaning, ProtocolAdopted, Role, SiteReleased, sha256,
};
use crate::protocol::{Cohort, Protocol};

impl Conduct {
    /// The protocol version released last at a site.
    #[must_use]
    pub fn version_at(&self, site: &str) -> Option<&str> {
        self.of_trial(Kind::SiteReleased).rev().find_map(|entry| match &entry.event.fact {
            Fact::SiteReleased(released) if released.site == site => Some(released.protocol_version.as_str()),
            _ => None,
        })
    }

    /// Whether a cohort is open for enrolment: opened, and not closed since. Being full does not close it.
    #[must_use]
    pub fn is_cohort_open(&self, cohort: &str) -> bool {
        let last = |kind| {
            self.of_trial(kind)
                .filter(|entry| match &entry.event.fact {
                    Fact::CohortOpened(opened) => opened.cohort == cohort,
                    Fact::CohortClosed(closed) => closed.cohort == cohort,
                    _ => false,
                })
                .filter_map(|entry| self.places.get(&entry.hash).copied())
                .next_back()
        };
        match (last(Kind::CohortOpened), last(Kind::CohortClosed)) {
            (Some(opened), Some(closed)) => opened > closed,
            (opened, None) => opened.is_some(),
            (None, Some(_)) => false,
        }
    }

    /// Whether a cohort was ever opened.
    #[must_use]
    pub fn was_opened(&self, cohort: &str) -> bool {
        self.of_trial(Kind::CohortOpened)
            .any(|entry| matches!(&entry.event.fact, Fact::CohortOpened(opened) if opened.cohort == cohort))
    }

    /// Places of a cohort: offered by its openings, and one for each patient replaced.
    #[must_use]
    pub fn places_offered(&self, cohort: &str) -> u32 {
        let planned =
            self.protocol().and_then(|protocol| protocol.cohort(cohort)).map_or(0, |cohort| cohort.planned);
        let offered = self
            .of_trial(Kind::CohortOpened)
            .filter_map(|entry| match &entry.event.fact {
                Fact::CohortOpened(opened) if opened.cohort == cohort => {
                    Some(opened.places.unwrap_or(planned))
                }
                _ => None,
            })
            .fold(0_u32, u32::saturating_add);
        let replaced = self.enrolled(cohort).filter(|(enrolment, _)| enrolment.replaces.is_some()).count();
        offered.saturating_add(u32::try_from(replaced).unwrap_or(u32::MAX))
    }

    /// Patients enrolled in a cohort.
    #[must_use]
    pub fn patients_in(&self, cohort: &str) -> u32 {
        u32::try_from(self.enrolled(cohort).count()).unwrap_or(u32::MAX)
    }
}

pub(super) fn admit(conduct: &Conduct, event: &Event, context: &Context) -> Result<(), Refusal> {
    match &event.fact {
        Fact::ProtocolAdopted(adopted) => admit_version(conduct, adopted),
        Fact::SiteOpened(opened) => {
            if is_open_site(conduct, &opened.site).is_ok() && event.corrects.is_none() {
                return Err(Refusal::new(
                    "site/opened-once",
                    "a site that is not open yet",
                    format!("{:?}", opened.site),
                    "nothing: it is open",
                ));
            }
            match opened.time_zone.as_deref() {
                Some(zone) if !is_zone_name(zone) => Err(Refusal::new(
                    "site/time-zone",
                    "an IANA time zone such as America/Chicago",
                    format!("{zone:?}"),
                    "write its name, or leave it out",
                )),
                _ => Ok(()),
            }
        }
        Fact::SiteApproved(approved) => {
            is_open_site(conduct, &approved.site)?;
            version_adopted(conduct, &approved.protocol_version).map(|_| ())
        }
        Fact::SiteReleased(released) => admit_release(conduct, released),
        Fact::SiteClosed(closed) => is_open_site(conduct, &closed.site),
        Fact::SiteSettings(settings) => is_open_site(conduct, &settings.site),
        Fact::CohortOpened(opened) => admit_opening(conduct, event, opened, context),
        Fact::CohortClosed(closed) => is_open(conduct, &closed.cohort),
        Fact::DatabaseLocked(_) => {
            let open = conduct.protocol().and_then(|protocol| {
                protocol.cohort.iter().find(|cohort| conduct.is_cohort_open(&cohort.id))
            });
            match open {
                None => Ok(()),
                Some(cohort) => Err(Refusal::new(
                    "trial/lock-after-closing",
                    "every cohort closed",
                    format!("cohort {}, open", cohort.id),
                    "close it first (`cohort-closed`)",
                )),
            }
        }
        Fact::HoldLifted(lifted) => {
            let known = conduct
                .protocol()
                .is_some_and(|protocol| protocol.stopping.hold.iter().any(|hold| hold.id == lifted.hold));
            if known {
                return Ok(());
            }
            Err(Refusal::new(
                "hold/known",
                "a hold of the protocol",
                format!("{:?}", lifted.hold),
                "write its id as under [[stopping.hold]]",
            ))
        }
        _ => Ok(()),
    }
}

/// `Area/Place`, in the characters that such names have.
fn is_zone_name(zone: &str) -> bool {
    zone == "UTC"
        || (zone.contains('/')
            && zone.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+')))
}

pub(super) fn is_open_site(conduct: &Conduct, site: &str) -> Result<(), Refusal> {
    let (mut open, mut closed) = (None, None);
    for entry in conduct.of_trial(Kind::SiteOpened) {
        if matches!(&entry.event.fact, Fact::SiteOpened(opened) if opened.site == site) {
            open = conduct.places.get(&entry.hash);
        }
    }
    for entry in conduct.of_trial(Kind::SiteClosed) {
        if matches!(&entry.event.fact, Fact::SiteClosed(fact) if fact.site == site) {
            closed = conduct.places.get(&entry.hash);
        }
    }
    if open.is_some() && open > closed {
        return Ok(());
    }
    Err(Refusal::new(
        "site/open",
        "a site that is open",
        format!("{site:?}"),
        "let an administrator open the site (`site-opened`)",
    ))
}

fn version_adopted<'a>(conduct: &'a Conduct, version: &str) -> Result<&'a Protocol, Refusal> {
    conduct.protocol_of(version).ok_or_else(|| {
        let known: Vec<&str> =
            conduct.adopted().iter().map(|adopted| adopted.protocol.version.id.as_str()).collect();
        Refusal::new(
            "protocol/adopted",
            format!(
                "a version adopted here: {}",
                if known.is_empty() { "none yet".to_owned() } else { known.join(", ") }
            ),
            format!("{version:?}"),
            "adopt it first (`protocol-adopted`)",
        )
    })
}

fn admit_version(conduct: &Conduct, adopted: &ProtocolAdopted) -> Result<(), Refusal> {
    if sha256(adopted.text.as_bytes()) != adopted.sha256 {
        return Err(Refusal::new(
            "protocol/bytes",
            "the SHA-256 of the file's text",
            &*adopted.sha256,
            "adopt the file itself (`posology trial record DIR protocol-adopted`)",
        ));
    }
    let protocol = match Protocol::read(&adopted.text) {
        Ok((protocol, _)) => protocol,
        Err(problems) => {
            return Err(Refusal::new(
                "protocol/whole",
                "a protocol without errors",
                problems.to_string(),
                "mend what `posology trial check` lists",
            ));
        }
    };
    if protocol.version.id != adopted.version || protocol.version.date != adopted.date {
        return Err(Refusal::new(
            "protocol/version",
            format!("version {} of {}, as the file says", protocol.version.id, protocol.version.date),
            format!("version {} of {}", adopted.version, adopted.date),
            "take version and date from the file",
        ));
    }
    let trial = conduct.founded().map(|founded| founded.trial.as_str());
    if trial != Some(protocol.trial.id.as_str()) {
        return Err(Refusal::new(
            "protocol/trial",
            format!("the protocol of {}", trial.unwrap_or("this trial")),
            protocol.trial.id.clone(),
            "adopt this trial's protocol",
        ));
    }
    if conduct.protocol_of(&adopted.version).is_some() {
        return Err(Refusal::new(
            "protocol/version-once",
            "a version that was not adopted before",
            adopted.version.clone(),
            "give the changed file a new [version] with its reason",
        ));
    }
    let Some(before) = conduct.protocol() else { return Ok(()) };
    if protocol.version.date < before.version.date {
        return Err(Refusal::new(
            "protocol/order",
            format!("a date not before {} of version {}", before.version.date, before.version.id),
            protocol.version.date.to_string(),
            "adopt versions in their order",
        ));
    }
    for regimen in &before.regimen {
        let used = conduct.adopted().iter().any(|adopted| {
            adopted.protocol.cohort.iter().any(|cohort| {
                cohort.regimen == regimen.id && conduct.of_trial(Kind::CohortOpened).any(
                    |entry| matches!(&entry.event.fact, Fact::CohortOpened(opened) if opened.cohort == cohort.id),
                )
            })
        });
        let now = protocol.regimen(&regimen.id);
        if used && now.is_some_and(|now| (&now.total, &now.fraction) != (&regimen.total, &regimen.fraction)) {
            return Err(Refusal::new(
                "protocol/ids-are-kept",
                format!("regimen {} as it was when patients entered it", regimen.id),
                "another activity or schedule under the same id",
                "give the new regimen a new id",
            ));
        }
    }
    let moved = before.cohort.iter().find(|cohort| {
        conduct.patients_in(&cohort.id) > 0
            && protocol.cohort(&cohort.id).is_none_or(|now| now.regimen != cohort.regimen)
    });
    match moved {
        Some(cohort) => Err(Refusal::new(
            "protocol/ids-are-kept",
            format!("cohort {} at regimen {}, for it has patients", cohort.id, cohort.regimen),
            "the cohort gone, or at another regimen",
            "keep the cohort and add a new one",
        )),
        None => Ok(()),
    }
}

fn admit_release(conduct: &Conduct, released: &SiteReleased) -> Result<(), Refusal> {
    is_open_site(conduct, &released.site)?;
    let protocol = version_adopted(conduct, &released.protocol_version)?;
    let signed = conduct.adopted().iter().any(|adopted| {
        adopted.protocol.version.id == released.protocol_version
            && conduct.is_signed(&adopted.hash, Role::Sponsor, Meaning::Approval)
    });
    if !signed {
        return Err(Refusal::new(
            "site/released-version-signed",
            format!("version {} signed by the sponsor", released.protocol_version),
            "no signature of approval",
            "let the sponsor sign the adoption",
        ));
    }
    let approved = |by| {
        conduct.of_trial(Kind::SiteApproved).any(|entry| {
            matches!(&entry.event.fact, Fact::SiteApproved(approved)
                if approved.site == released.site
                    && approved.protocol_version == released.protocol_version
                    && approved.by == by
                    && approved.date <= released.date)
        })
    };
    match protocol.approvals_required().into_iter().find(|by| !approved(*by)) {
        Some(by) => Err(Refusal::new(
            "site/released-after-approvals",
            format!(
                "the approval of version {} at site {}: {by:?}",
                released.protocol_version, released.site
            ),
            "none up to that day",
            "record the approval (`site-approved`) when it is there",
        )),
        None => Ok(()),
    }
}

fn admit_opening(
    conduct: &Conduct,
    event: &Event,
    opened: &CohortOpened,
    context: &Context,
) -> Result<(), Refusal> {
    let Some(protocol) = conduct.protocol() else {
        return Err(Refusal::new(
            "cohort/protocol",
            "a protocol adopted",
            "none",
            "adopt it first (`protocol-adopted`)",
        ));
    };
    let Some(cohort) = protocol.cohort(&opened.cohort) else {
        return Err(Refusal::new(
            "cohort/known",
            format!("a cohort of protocol version {}", protocol.version.id),
            format!("{:?}", opened.cohort),
            "write its id as in the protocol",
        ));
    };
    let earlier = conduct
        .of_trial(Kind::CohortOpened)
        .any(|entry| matches!(&entry.event.fact, Fact::CohortOpened(other) if other.cohort == opened.cohort));
    let first = conduct.of_trial(Kind::CohortOpened).next().is_none();
    if earlier && opened.places.is_none() {
        return Err(Refusal::new(
            "cohort/reopened",
            "how many places the cohort is opened again for",
            "none",
            "state the places that it adds (0 to take up enrolment again)",
        ));
    }
    let released = conduct.of_trial(Kind::SiteReleased).any(|entry| {
        matches!(&entry.event.fact, Fact::SiteReleased(released) if released.protocol_version == protocol.version.id)
    });
    if !released {
        return Err(Refusal::new(
            "cohort/approvals",
            format!("a site released for protocol version {}", protocol.version.id),
            "none",
            "record the approvals and release a site first (`site-approved`, `site-released`)",
        ));
    }
    no_hold(context, &cohort.regimen)?;
    // The arms of a basket are no steps of a ladder: each opens with the protocol, and again by decision.
    if protocol.is_basket_arm(cohort) && !earlier {
        return Ok(());
    }
    if first {
        let start = protocol.cohort.first().map(|cohort| cohort.id.as_str());
        if start == Some(opened.cohort.as_str()) {
            return Ok(());
        }
        return Err(Refusal::new(
            "cohort/first",
            format!("cohort {}, the protocol's first", start.unwrap_or("none")),
            opened.cohort.clone(),
            "open the first cohort first",
        ));
    }
    // One decision opens a comparison: with one arm the others open.
    let arm_open = |cohort: &Cohort| protocol.is_arm(&cohort.id) && conduct.is_cohort_open(&cohort.id);
    if !earlier && protocol.is_arm(&opened.cohort) && protocol.cohort.iter().any(arm_open) {
        return Ok(());
    }
    let resumes = earlier && opened.places == Some(0);
    if resumes && event.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty()) {
        return Ok(());
    }
    opened_by_decision(conduct, opened)
}

/// The signed decision of the sponsor, on a signed recommendation, that opens the cohort and has opened none yet.
fn opened_by_decision(conduct: &Conduct, opened: &CohortOpened) -> Result<(), Refusal> {
    let refuse = |found: String, mend: &str| {
        Err(Refusal::new(
            "cohort/opened-by-decision",
            format!("a signed sponsor decision that opens cohort {}", opened.cohort),
            found,
            mend,
        ))
    };
    let decision = conduct.of_trial(Kind::SponsorDecision).rev().find_map(|entry| match &entry.event.fact {
        Fact::SponsorDecision(decision) => Some((entry, decision)),
        _ => None,
    });
    let Some((entry, decision)) = decision else {
        return refuse("none".to_owned(), "the committee recommends and the sponsor decides first");
    };
    if decision.answer == Answer::Decline || decision.opens.as_deref() != Some(opened.cohort.as_str()) {
        let opens = decision.opens.as_deref().unwrap_or("no cohort");
        return refuse(
            format!("the decision on review {}, which opens {opens}", decision.review),
            "open the cohort that was decided on",
        );
    }
    if !conduct.is_signed(&entry.hash, Role::Sponsor, Meaning::Approval) {
        return refuse(
            format!("the decision on review {}, unsigned", decision.review),
            "let the sponsor sign the decision",
        );
    }
    let decided = conduct.places.get(&entry.hash);
    let used = conduct.of_trial(Kind::CohortOpened).any(|other| conduct.places.get(&other.hash) > decided);
    if used {
        return refuse(
            format!("the decision on review {}, which has opened a cohort", decision.review),
            "a further opening needs a further decision",
        );
    }
    if opened.date < decision.date {
        return refuse(
            format!("an opening on {} before the decision of {}", opened.date, decision.date),
            "write the day on which it was opened",
        );
    }
    Ok(())
}

pub(super) fn is_open(conduct: &Conduct, cohort: &str) -> Result<(), Refusal> {
    if conduct.is_cohort_open(cohort) {
        return Ok(());
    }
    Err(Refusal::new(
        "cohort/open",
        "a cohort that is open",
        format!("{cohort:?}"),
        "enrol into the open cohort; only a signed sponsor decision opens the next",
    ))
}

pub(super) fn has_room(
    conduct: &Conduct,
    cohort: &str,
    subject: Option<&str>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let offered = conduct.places_offered(cohort);
    let enrolled = conduct.patients_in(cohort);
    let kept = conduct.places_kept(cohort, subject, now);
    if enrolled.saturating_add(kept) < offered {
        return Ok(());
    }
    Err(Refusal::new(
        "cohort/room",
        format!("a free place of {offered} in cohort {cohort}"),
        format!("{enrolled} enrolled and {kept} kept for others"),
        "wait for the review, or let a kept place expire",
    ))
}

pub(super) fn within_caps(conduct: &Conduct, regimen: &str) -> Result<(), Refusal> {
    let Some(protocol) = conduct.protocol() else { return Ok(()) };
    let cohorts = || protocol.cohort.iter();
    let total: u32 = cohorts().map(|cohort| conduct.patients_in(&cohort.id)).sum();
    let here: u32 = cohorts()
        .filter(|cohort| cohort.regimen == regimen)
        .map(|cohort| conduct.patients_in(&cohort.id))
        .sum();
    for (cap, patients, what) in [
        (protocol.caps.total, total, "the trial".to_owned()),
        (protocol.caps.per_regimen, here, format!("regimen {regimen}")),
    ] {
        if let Some(cap) = cap.filter(|cap| patients >= *cap) {
            return Err(Refusal::new(
                "enrolment/caps",
                format!("fewer than {cap} patients in {what}"),
                patients.to_string(),
                "the cap is the protocol's: it takes an amendment",
            ));
        }
    }
    Ok(())
}

pub(super) fn no_hold(context: &Context, regimen: &str) -> Result<(), Refusal> {
    let hold =
        context.holds.iter().find(|hold| hold.regimen.is_none() || hold.regimen.as_deref() == Some(regimen));
    match hold {
        None => Ok(()),
        Some(hold) => Err(Refusal::new(
            "hold/in-force",
            "no hold in force",
            format!("{}: {}", hold.hold, hold.says),
            "those whom the protocol names lift it (`hold-lifted`)",
        )),
    }
}
