//! A synthetic trial as it would have been conducted: founded, its people with their keys, sites approved and released,
//! each patient screened, judged eligible, enrolled and dosed upon a signed directive, each cohort cut, reviewed, voted
//! on, recommended and decided upon before the next one opened.
//!
//! The patients' facts come as they are made; this puts around them what people do. Each event is admitted by the rules
//! of conduct as any other, so a plan that breaks them is refused. Keys follow from the seed: whoever knows the plan can
//! sign as these people, of whom none exists.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use posology_clinic::nuclide::{HalfLife, decay_factor};
use posology_clinic::quantity::Activity;
use posology_record::account::{Account, LockedRoot, Settings};
use posology_record::record::Actor;
use posology_record::signature::{KeyRing, SecretKey};
use posology_trial::analysis::eligibility::findings;
use posology_trial::analysis::{Analysis, CohortAnalysis};
use posology_trial::committee::{packet_digest, seal};
use posology_trial::conduct::{Conduct, Context};
use posology_trial::cut::Cut;
use posology_trial::event::{
    Administration, Amount, ApprovalBy, Assay, AssayBy, Attendance, Chain, Choice, Closed, CohortOpened,
    Criterion, DataCut, DirectedFraction, Eligibility, Enrolment, Event, Fact, KeyIssued, Kind, Meaning,
    Meeting, Mode, PacketFile, PacketFrozen, Person, Prescription, ProtocolAdopted, Recommendation, Residual,
    Role, RoleGranted, Screening, SecondCheck, SessionKind, SiteApproved, SiteOpened, SiteReleased,
    SponsorDecision, Statement, ThyroidBlockade, TrialFounded, Vote, WrittenDirective, sha256,
};
use posology_trial::permission::{Reach, reach};
use posology_trial::protocol::Protocol;
use posology_trial::synthetic::{Plan, ReviewPlan};
use rust_decimal::Decimal;
use serde_json::json;

use crate::desk::SOFTWARE;
use crate::failure::Failure;
use posology_record::desk::ROOT;

/// The password of every invented person, and the passphrase of the invented root key.
pub(super) const PASSWORD: &str = "synthetic patients only";

/// Days before a meeting on which its packet is frozen.
const READING_DAYS: i64 = 1;

/// The trial, conducted.
pub(super) struct Conducted {
    conduct: Conduct,
    keys: KeyRing,
    trial: String,
    seed: u64,
    /// Users with their secret keys, by user name.
    people: BTreeMap<String, SecretKey>,
}

impl Conducted {
    pub(super) fn chain(&self) -> &Chain {
        self.conduct.chain()
    }

    /// The accounts of the people, and the root key, as `trial restore --accounts` takes them.
    pub(super) fn accounts(&self) -> Result<Vec<u8>, Failure> {
        let settings = Settings::default();
        let since = self.chain().entries().first().map(|entry| entry.event.recorded_at).unwrap_or_default();
        let mut kept = vec![(ROOT.to_owned(), {
            let root = self.secret("root");
            let locked = LockedRoot::lock(&root, PASSWORD, &self.entropy("lock of root"), &settings);
            serde_json::to_string(&locked.map_err(Failure::fault)?).map_err(Failure::fault)?
        })];
        for (user, key) in &self.people {
            let entropy = self.entropy(&format!("lock of {user}"));
            let account = Account::create(user, PASSWORD, false, key, &entropy, since, &settings);
            let body = serde_json::to_string(&account.map_err(Failure::fault)?).map_err(Failure::fault)?;
            kept.push((user.clone(), body));
        }
        crate::commands::bundle::write_accounts(&self.trial, &kept)
    }

    /// Bytes that follow from the seed.
    fn entropy<const N: usize>(&self, what: &str) -> [u8; N] {
        let mut bytes = [0; N];
        for (block, place) in bytes.chunks_mut(32).zip(0_u32..) {
            let hash =
                sha256(format!("posology synthetic/{}/{}/{what}/{place}", self.trial, self.seed).as_bytes());
            for (byte, digits) in block.iter_mut().zip(hash.as_bytes().chunks(2)) {
                let text = std::str::from_utf8(digits).unwrap_or_default();
                *byte = u8::from_str_radix(text, 16).unwrap_or_default();
            }
        }
        bytes
    }

    fn secret(&self, whose: &str) -> SecretKey {
        SecretKey::from_entropy(self.entropy(&format!("key of {whose}")))
    }

    /// Records a fact by someone in a role; its hash.
    fn by(
        &mut self,
        user: &str,
        role: Role,
        at: Timestamp,
        fact: impl Into<Fact>,
    ) -> Result<String, Failure> {
        self.record(Self::actor(user, role).event(at, fact))
    }

    fn actor(user: &str, role: Role) -> Actor {
        Actor {
            user: user.to_owned(),
            role,
            local_offset: Some("-06:00".to_owned()),
            software: SOFTWARE.to_owned(),
        }
    }

    fn record(&mut self, event: Event) -> Result<String, Failure> {
        let what = format!("{} on {}", event.fact.kind().word(), event.recorded_at);
        let refuse = |error: String| Failure::input(format!("the plan cannot be conducted: {what}: {error}"));
        self.keys.check(&event).map_err(|error| refuse(error.to_string()))?;
        let context = Context::at(event.recorded_at);
        let entry = self.conduct.record(event, &context).map_err(|error| refuse(error.to_string()))?.clone();
        self.keys.take(&entry).map_err(|error| refuse(error.to_string()))?;
        Ok(entry.hash)
    }

    fn sign(&mut self, user: &str, role: Role, at: Timestamp, signs: &str) -> Result<(), Failure> {
        let Some(key) = self.people.get(user) else {
            return Err(Failure::fault(format!("{user} has no key")));
        };
        let statement = Statement {
            trial: self.trial.clone(),
            signs: signs.to_owned(),
            user: user.to_owned(),
            printed_name: self
                .conduct
                .person(user)
                .map(|person| person.printed_name.clone())
                .unwrap_or_default(),
            role,
            meaning: Meaning::Approval,
            at,
            key: key.public().to_string(),
        };
        let signature = key.sign(statement).map_err(Failure::fault)?;
        self.by(user, role, at, signature).map(|_| ())
    }

    /// A person with a key, in a role.
    fn person(
        &mut self,
        at: Timestamp,
        user: &str,
        name: &str,
        role: Role,
        site: Option<&str>,
    ) -> Result<(), Failure> {
        let (user, key, root) = (user.to_owned(), self.secret(user), self.secret("root"));
        let admin = Role::Administrator;
        let printed_name = name.to_owned();
        self.by("administrator", admin, at, Person { user: user.clone(), printed_name, discipline: None })?;
        let site = site.map(str::to_owned);
        self.by("administrator", admin, at, RoleGranted { user: user.clone(), role, site })?;
        self.issue(at, &user, key, &root)
    }

    fn issue(&mut self, at: Timestamp, user: &str, key: SecretKey, root: &SecretKey) -> Result<(), Failure> {
        let certificate = root.certify(&self.trial, user, &key.public()).map_err(Failure::fault)?;
        let issued = KeyIssued { user: user.to_owned(), key: key.public().to_string(), certificate };
        self.by("administrator", Role::Administrator, at, issued)?;
        self.people.insert(user.to_owned(), key);
        Ok(())
    }
}

/// Something that happens at an instant.
enum Happening<'a> {
    Version(&'a Protocol, &'a str),
    Freeze(&'a ReviewPlan, &'a str),
    Fact(&'a Fact),
}

/// Conducts the trial of a plan around the patients' facts, which `facts` holds in the order of recording.
pub(super) fn conduct(
    protocol: &Protocol,
    versions: &[(Protocol, String)],
    plan: &Plan,
    seed: u64,
    facts: &Chain,
) -> Result<Conducted, Failure> {
    let mut trial = Conducted {
        conduct: Conduct::default(),
        keys: KeyRing::default(),
        trial: protocol.trial.id.clone(),
        seed,
        people: BTreeMap::new(),
    };
    let mut happenings: Vec<(Timestamp, Happening<'_>)> = Vec::new();
    for (version, text) in versions {
        happenings.push((noon(after(version.version.date, 1))?, Happening::Version(version, text)));
    }
    for cohort in &plan.cohort {
        if let Some(review) = &cohort.review {
            let at = noon(after(review.date, -READING_DAYS))?;
            happenings.push((at, Happening::Freeze(review, &cohort.id)));
        }
    }
    let recorded =
        facts.entries().iter().filter(|entry| !matches!(entry.event.fact, Fact::ProtocolAdopted(_)));
    happenings.extend(recorded.map(|entry| (entry.event.recorded_at, Happening::Fact(&entry.event.fact))));
    happenings.sort_by_key(|(at, happening)| {
        let order = match happening {
            Happening::Version(..) => 0,
            Happening::Fact(_) => 1,
            Happening::Freeze(..) => 2,
        };
        (*at, order)
    });

    let mut founded = false;
    for (at, happening) in happenings {
        match happening {
            Happening::Version(version, text) => {
                if !founded {
                    found(&mut trial, protocol, at)?;
                    founded = true;
                }
                adopt(&mut trial, version, text, at)?;
            }
            Happening::Freeze(review, cohort) => freeze(&mut trial, review, cohort, at)?,
            Happening::Fact(fact) => take(&mut trial, fact, at)?,
        }
    }
    Ok(trial)
}

fn noon(date: Date) -> Result<Timestamp, Failure> {
    let noon = date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).map_err(Failure::input)?;
    Ok(noon.timestamp())
}

fn after(date: Date, days: i64) -> Date {
    date.saturating_add(days.days())
}

fn found(trial: &mut Conducted, protocol: &Protocol, at: Timestamp) -> Result<(), Failure> {
    let (root, key) = (trial.secret("root"), trial.secret("administrator"));
    let admin = Role::Administrator;
    let user = "administrator".to_owned();
    let founding = TrialFounded {
        trial: trial.trial.clone(),
        root_key: root.public().to_string(),
        mode: Mode::Capture,
        except: Vec::new(),
    };
    trial.by(&user, admin, at, founding)?;
    let printed_name = "Trial administrator (invented)".to_owned();
    trial.by(&user, admin, at, Person { user: user.clone(), printed_name, discipline: None })?;
    trial.by(&user, admin, at, RoleGranted { user: user.clone(), role: admin, site: None })?;
    trial.issue(at, &user, key, &root)?;
    for site in &protocol.trial.site {
        let opened = SiteOpened {
            site: site.id.clone(),
            name: site.name.clone(),
            time_zone: None,
            date: at.to_zoned(TimeZone::UTC).date(),
        };
        trial.by(&user, admin, at, opened)?;
        for role in [Role::SiteCoordinator, Role::Investigator, Role::AuthorisedUser, Role::Pharmacist] {
            let name = format!("{} at site {} (invented)", words(role), site.id);
            trial.person(at, &at_site(role, &site.id), &name, role, Some(&site.id))?;
        }
    }
    let adjudicator = protocol.evaluability.adjudicator.clone();
    let monitor = adjudicator.unwrap_or_else(|| "Medical monitor (invented)".to_owned());
    trial.person(at, "medical-monitor", &monitor, Role::MedicalMonitor, None)?;
    trial.person(at, "sponsor", "Sponsor's signatory (invented)", Role::Sponsor, None)?;
    trial.person(at, "auditor", "Auditor (invented)", Role::Auditor, None)?;
    for (number, member) in protocol.committee.iter().flat_map(|committee| &committee.member).enumerate() {
        let (user, role) = if member.votes {
            (format!("member-{}", number + 1), Role::CommitteeMember)
        } else {
            ("statistician".to_owned(), Role::Statistician)
        };
        trial.person(at, &user, &member.name, role, None)?;
    }
    Ok(())
}

fn words(role: Role) -> &'static str {
    match role {
        Role::SiteCoordinator => "Coordinator",
        Role::Investigator => "Investigator",
        Role::AuthorisedUser => "Authorised user",
        _ => "Pharmacist",
    }
}

fn at_site(role: Role, site: &str) -> String {
    format!("{}-{site}", role.word())
}

/// A version comes into force: signed, approved and released at every site.
fn adopt(trial: &mut Conducted, protocol: &Protocol, text: &str, at: Timestamp) -> Result<(), Failure> {
    let version = &protocol.version;
    let adopted = ProtocolAdopted {
        version: version.id.clone(),
        date: version.date,
        reason: version.reason.clone(),
        sha256: sha256(text.as_bytes()),
        text: text.to_owned(),
    };
    let hash = trial.by("administrator", Role::Administrator, at, adopted)?;
    trial.sign("sponsor", Role::Sponsor, at, &hash)?;
    let date = version.date;
    for site in &protocol.trial.site {
        let approvals: Vec<ApprovalBy> = protocol.approvals_required().into_iter().collect();
        for by in approvals {
            let approved = SiteApproved {
                site: site.id.clone(),
                protocol_version: version.id.clone(),
                by,
                date,
                reference: None,
            };
            trial.by(&at_site(Role::SiteCoordinator, &site.id), Role::SiteCoordinator, at, approved)?;
        }
        let released = SiteReleased { site: site.id.clone(), protocol_version: version.id.clone(), date };
        trial.by("administrator", Role::Administrator, at, released)?;
    }
    Ok(())
}

/// Who records a fact of a patient at a site.
fn recorder(kind: Kind, site: &str) -> (String, Role) {
    let preferred = match kind {
        Kind::Prescription | Kind::Administration => Role::AuthorisedUser,
        Kind::ResponseAssessment | Kind::FractionOmitted => Role::Investigator,
        Kind::EvaluabilityJudgement => return ("medical-monitor".to_owned(), Role::MedicalMonitor),
        _ => Role::SiteCoordinator,
    };
    let able = |role: &Role| reach(*role, kind) == Reach::Site;
    let others = [Role::SiteCoordinator, Role::Investigator];
    let role = [preferred].into_iter().chain(others).find(able).unwrap_or(preferred);
    (at_site(role, site), role)
}

fn take(trial: &mut Conducted, fact: &Fact, at: Timestamp) -> Result<(), Failure> {
    match fact {
        Fact::CohortOpened(opened) => open(trial, opened, at),
        Fact::Recommendation(recommendation) => recommend(trial, recommendation, at),
        Fact::SponsorDecision(decision) => decide(trial, decision, at),
        fact => {
            let site = match fact {
                Fact::Subject(subject) => subject.site.clone(),
                other => other.subject().and_then(|id| trial.conduct.subject_site(id)).map(str::to_owned),
            };
            let site = site.unwrap_or_default();
            match fact {
                Fact::Enrolment(enrolment) => before_enrolment(trial, enrolment, &site, at)?,
                Fact::Administration(given) => before_administration(trial, given, &site, at)?,
                _ => {}
            }
            let (user, role) = recorder(fact.kind(), &site);
            // Late, or less than directed, it stands with a flag and the reason that the plan gives.
            let reason = match fact {
                Fact::Administration(given) => given.adjustment.as_ref().map(|why| why.reason.clone()),
                _ => None,
            };
            let event = Conducted::actor(&user, role).event(at, fact.clone());
            trial.record(Event { reason, ..event })?;
            match fact {
                Fact::Prescription(prescription) => direct(trial, prescription, &site, at),
                Fact::Administration(given) => after_administration(trial, given, &site, at),
                _ => Ok(()),
            }
        }
    }
}

fn open(trial: &mut Conducted, opened: &CohortOpened, at: Timestamp) -> Result<(), Failure> {
    trial.by("sponsor", Role::Sponsor, at, opened.clone()).map(|_| ())
}

fn before_enrolment(
    trial: &mut Conducted,
    fact: &Enrolment,
    site: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let (subject, version) = (fact.subject.clone(), fact.protocol_version.clone());
    let screening =
        Screening { subject: subject.clone(), date: fact.date, protocol_version: version.clone() };
    trial.by(&at_site(Role::SiteCoordinator, site), Role::SiteCoordinator, at, screening)?;
    let protocol = trial.conduct.protocol_of(&version);
    let regimen = protocol.and_then(|p| p.cohort(&fact.cohort)).map(|cohort| cohort.regimen.clone());
    let criteria = protocol.map_or_else(Vec::new, |protocol| {
        let known = trial.conduct.known_of(&subject);
        let of_version = findings(protocol, &known, fact.date)
            .into_iter()
            .filter(|finding| finding.concerns != Some(false))
            .map(|finding| (finding.id, finding.because.says));
        let gates = regimen.as_deref().map(|regimen| protocol.gates_of(regimen)).unwrap_or_default();
        let gates = gates.into_iter().map(|gate| (gate.id.clone(), gate.requires.clone()));
        let met = |(id, evidence)| Criterion { id, met: true, evidence: Some(evidence) };
        of_version.chain(gates).map(met).collect()
    });
    let eligibility = Eligibility {
        subject,
        date: fact.date,
        protocol_version: version,
        regimen,
        criteria,
        eligible: true,
        reason: None,
    };
    trial.by(&at_site(Role::Investigator, site), Role::Investigator, at, eligibility).map(|_| ())
}

/// The directive, once the last fraction of the regimen is prescribed: written and signed before the first is given.
fn direct(trial: &mut Conducted, last: &Prescription, site: &str, at: Timestamp) -> Result<(), Failure> {
    let subject = last.subject.clone();
    let protocol = trial.conduct.protocol().cloned();
    let regimen = trial.conduct.assignment(&subject).map(|(_, regimen, _)| regimen.to_owned());
    let planned = protocol
        .as_ref()
        .zip(regimen.as_ref())
        .and_then(|(protocol, regimen)| protocol.regimen(regimen))
        .map_or(1, |regimen| regimen.required().count());
    let optional = usize::try_from(last.fraction).is_ok_and(|number| number > planned);
    let fractions: Vec<DirectedFraction> = trial
        .conduct
        .of_subject(&subject, Kind::Prescription)
        .filter_map(|entry| match &entry.event.fact {
            Fact::Prescription(fact) if !optional || fact.fraction == last.fraction => {
                Some(DirectedFraction {
                    fraction: fact.fraction,
                    activity: fact.activity?,
                    planned: fact.planned.as_ref()?.date()?,
                })
            }
            _ => None,
        })
        .collect();
    if fractions.len() < planned && !optional {
        return Ok(());
    }
    let product = protocol.and_then(|protocol| protocol.product);
    let nuclide = product.as_ref().and_then(|product| product.radionuclide.clone()).unwrap_or_default();
    let first = fractions.iter().map(|fraction| fraction.planned).min();
    let directive = WrittenDirective {
        directive: if optional { format!("WD-{subject}-{}", last.fraction) } else { format!("WD-{subject}") },
        date: at.to_zoned(TimeZone::UTC).date(),
        drug: product.as_ref().map(|product| product.name.clone()).unwrap_or_default(),
        radionuclide: nuclide.clone(),
        route: product.as_ref().and_then(|product| product.route.clone()).unwrap_or_default(),
        per_area: last.per_area,
        height: None,
        weight: None,
        weighed: None,
        body_surface_m2: last.body_surface_m2,
        fractions,
        range: None,
        revises: None,
        reason: None,
        subject: subject.clone(),
    };
    let user = at_site(Role::AuthorisedUser, site);
    let hash = trial.by(&user, Role::AuthorisedUser, at, directive)?;
    trial.sign(&user, Role::AuthorisedUser, at, &hash)?;
    if let Some(first) = first.filter(|_| nuclide.starts_with("I-")) {
        let start = noon(after(first, -2))?;
        let blockade = ThyroidBlockade {
            subject,
            agent: "Potassium iodide 130 mg daily".to_owned(),
            start,
            end: None,
            missed: 0,
        };
        trial.by(&at_site(Role::SiteCoordinator, site), Role::SiteCoordinator, at, blockade)?;
    }
    Ok(())
}

/// What is left after an infusion, in mCi: invented.
const LEFT: Decimal = Decimal::from_parts(3, 0, 0, false, 1);

/// A fraction given, with its times and the half-life of the product.
fn times(
    trial: &Conducted,
    given: &Administration,
) -> Option<(u32, Timestamp, Timestamp, Activity, HalfLife)> {
    let start = given.start.instant()?;
    let end = given.end.as_ref().and_then(posology_trial::when::When::instant).unwrap_or(start);
    let Some(Amount::Activity(net)) = given.amount else { return None };
    let product = trial.conduct.protocol()?.product.clone()?;
    let half_life = HalfLife::of(product.radionuclide.as_deref()?, product.half_life.as_deref()).ok()?;
    Some((given.fraction?, start, end, net, half_life))
}

fn minutes(at: Timestamp, minutes: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(at)
}

/// Assay and second check: the reading is what leaves the net activity once what is left was subtracted.
fn before_administration(
    trial: &mut Conducted,
    given: &Administration,
    site: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let Some((fraction, start, _, net, half_life)) = times(trial, given) else { return Ok(()) };
    let read_at = minutes(start, -45);
    let factor = decay_factor(half_life, read_at, start).map_err(Failure::fault)?;
    let millicurie = ((net.mci() + LEFT) / factor).round_dp(2);
    let subject = given.subject.clone();
    let assay = Assay {
        subject: subject.clone(),
        fraction,
        activity: Activity::from_mci(millicurie).map_err(Failure::fault)?,
        at: read_at,
        local_offset: Some("-06:00".to_owned()),
        how: AssayBy::Measured,
        instrument: Some(format!("Calibrator of site {site} (invented)")),
        setting: None,
        lot: given.lot.clone(),
        expires: None,
        determined_by: None,
    };
    trial.by(&at_site(Role::Pharmacist, site), Role::Pharmacist, at, assay)?;
    let check = SecondCheck {
        subject,
        fraction,
        at: minutes(start, -10),
        identity: true,
        drug: true,
        activity: true,
        route: true,
    };
    trial.by(&at_site(Role::Investigator, site), Role::Investigator, at, check).map(|_| ())
}

fn after_administration(
    trial: &mut Conducted,
    given: &Administration,
    site: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let Some((fraction, start, end, _, half_life)) = times(trial, given) else { return Ok(()) };
    let read_at = minutes(end, 20);
    let factor = decay_factor(half_life, start, read_at).map_err(Failure::fault)?;
    let residual = Residual {
        subject: given.subject.clone(),
        fraction,
        activity: Activity::from_mci((LEFT * factor).round_dp(2)).map_err(Failure::fault)?,
        at: read_at,
        local_offset: Some("-06:00".to_owned()),
        instrument: Some(format!("Calibrator of site {site} (invented)")),
    };
    trial.by(&at_site(Role::Pharmacist, site), Role::Pharmacist, at, residual).map(|_| ())
}

/// The cut of a review with its packet: the results as the committee read them.
fn freeze(trial: &mut Conducted, plan: &ReviewPlan, cohort: &str, at: Timestamp) -> Result<(), Failure> {
    let cut_off = plan.cut_off.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map_err(Failure::input)?.timestamp();
    let chain = trial.conduct.chain();
    // Where nothing was recorded between the planned cut-off and the meeting, the last fact is the cut-off.
    let last = Cut::freeze(chain, None).map_err(Failure::input)?;
    let cut = if cut_off < last.cut_off { Cut { cut_off, ..last } } else { last };
    let Some((protocol, text)) = trial.conduct.adopted().last().map(|last| (&last.protocol, &last.sha256))
    else {
        return Err(Failure::fault("a review before any protocol"));
    };
    let analysis = Analysis::of(protocol, text, chain, &cut).map_err(Failure::input)?;
    let advice = analysis.cohort(cohort).and_then(CohortAnalysis::advice_in_words);
    let program = posology_report::packet::ProgramVersion {
        name: "posology".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let packet = posology_report::packet::compose(&analysis, cohort, &program, Some(plan.number))
        .map_err(Failure::input)?;
    let files = vec![PacketFile {
        name: "packet.json".to_owned(),
        sha256: sha256(format!("{:#}\n", packet.json()).as_bytes()),
    }];
    let fact = DataCut { review: plan.number, cohort: Some(cohort.to_owned()), cut, advice };
    trial.by("statistician", Role::Statistician, at, fact)?;
    let prepared_by = Some("Independent statistician (invented)".to_owned());
    let fact = PacketFrozen { review: plan.number, files, prepared_by };
    trial.by("statistician", Role::Statistician, at, fact).map(|_| ())
}

/// Meeting, sealed votes, and the recommendation, which the chair signs.
fn recommend(trial: &mut Conducted, fact: &Recommendation, at: Timestamp) -> Result<(), Failure> {
    let review = fact.review;
    let standing = posology_trial::committee::review(&trial.conduct, review);
    let (Some((_, packet)), Some((_, cut))) = (standing.packet, standing.cut) else {
        return Err(Failure::input(format!("review {review}: expected a cut in the plan, found none")));
    };
    let documents = packet.files.iter().map(|file| file.sha256.clone()).collect();
    let digest = packet_digest(&packet.files).map_err(Failure::fault)?;
    let cut_off = cut.cut.date();
    let rule_advice = cut.advice.clone().unwrap_or_else(|| fact.rule_advice.clone());
    let charter = trial.conduct.protocol().and_then(|protocol| protocol.committee.clone());
    let voting: Vec<String> = charter
        .iter()
        .flat_map(|charter| charter.member.iter().enumerate())
        .filter(|(_, member)| member.votes)
        .map(|(number, _)| format!("member-{}", number + 1))
        .collect();
    let hour = |hour: i8| {
        let when = fact.date.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).map_err(Failure::input);
        when.map(|when| when.timestamp())
    };
    let mut attendance = Vec::new();
    for user in &voting {
        for (session, from, to) in [(SessionKind::Open, 15, 16), (SessionKind::Closed, 16, 17)] {
            let (from, to) = (hour(from)?, hour(to)?);
            attendance.push(Attendance { user: user.clone(), session, from, to, conflict: None });
        }
    }
    let (user, session) = ("statistician".to_owned(), SessionKind::Open);
    attendance.push(Attendance { user, session, from: hour(15)?, to: hour(16)?, conflict: None });
    let meeting = Meeting { review, date: fact.date, attendance, documents, next_meeting: None };
    let chair = voting.first().cloned().unwrap_or_default();
    trial.by(&chair, Role::CommitteeMember, at, meeting)?;

    let [for_it, against, _] = fact.votes;
    let cast: u32 = fact.votes.iter().copied().fold(0, u32::saturating_add);
    for (user, place) in voting.iter().zip(0..cast) {
        let choice = if place < for_it {
            Choice::For
        } else if place < for_it.saturating_add(against) {
            Choice::Against
        } else {
            Choice::Abstain
        };
        let vote = Closed::Vote(Vote {
            review,
            user: user.clone(),
            motion: fact.recommended,
            next_cohort: fact.next_cohort.clone(),
            choice,
            written: false,
            packet: digest.clone(),
        });
        let salt = sha256(json!([trial.trial, trial.seed, review, user]).to_string().as_bytes());
        let sealed = seal(&vote, &salt).map_err(Failure::fault)?;
        trial.by(user, Role::CommitteeMember, at, sealed)?;
    }
    let recommendation = Recommendation { rule_advice, cut_off, packet: Some(digest), ..fact.clone() };
    let hash = trial.by(&chair, Role::CommitteeMember, at, recommendation)?;
    trial.sign(&chair, Role::CommitteeMember, at, &hash)
}

fn decide(trial: &mut Conducted, fact: &SponsorDecision, at: Timestamp) -> Result<(), Failure> {
    let standing = posology_trial::committee::review(&trial.conduct, fact.review);
    let recommendation = standing.recommendation.map(|(entry, _)| entry.hash.clone());
    let hash = trial.by("sponsor", Role::Sponsor, at, SponsorDecision { recommendation, ..fact.clone() })?;
    trial.sign("sponsor", Role::Sponsor, at, &hash)
}
