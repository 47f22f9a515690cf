//! What the facts at a cut say: per patient, per cohort, and for the decision.
//!
//! Start at [`Analysis::of`]. Every table, figure, page and JSON shows values of this type; none of them
//! derives a number of its own.

pub mod comparison;
pub mod decision;
pub mod dose_response;
pub mod efficacy;
pub mod eligibility;
pub mod endpoint;
pub mod exposure;
pub mod groups;
pub mod incidence;
pub mod laboratory;
pub mod late;
pub mod marker;
pub mod monitoring;
pub mod organ;
pub mod patient;
pub mod rates;
pub mod reduction;
pub mod regrade;
pub mod survival;
pub mod swimmer;
pub mod timeline;
pub mod toxicity;

use jiff::Timestamp;
use posology_clinic::Because;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::cut::Cut;
use crate::event::{Chain, Fact, Meaning, Recommendation, Role, SponsorDecision};
use crate::protocol::{Population, Protocol, RateDefinition};
use crate::state::State;
use decision::{Advice, TriggeredHold};
use dose_response::{BadGroups, DoseResponse, Group};
use endpoint::{CensoringSet, EndpointTime, TimeEndpoint};
use monitoring::Monitored;
use patient::PatientAnalysis;
use rates::{Confidence, Rate};
use reduction::{MarkerReduction, Period};
use survival::{BadTime, TimeToEvent};

/// Decimals of a total activity that make a score: regimens of one total written in other units must share it.
const SCORE_DECIMALS: u32 = 6;

/// A trial at a cut, analysed.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The protocol in force at the cut.
    pub protocol: Protocol,
    /// SHA-256 of its file.
    pub protocol_sha256: String,
    /// The cut.
    pub cut: Cut,
    /// Everyone in the demographics at the cut, in order of enrolment, then of subject id.
    pub patients: Vec<PatientAnalysis>,
    /// The cohorts of the protocol, in its order.
    pub cohorts: Vec<CohortAnalysis>,
    /// What does not fit: facts of subjects who are not there, treatments that are not the product, a protocol file
    /// that is not the one adopted. Each is a flag on the decision page.
    pub misfits: Vec<Because>,
    /// What stands in the record's protocol versions: version, date and reason, in the order of adoption.
    pub adopted: Vec<(String, jiff::civil::Date, String)>,
    /// Signatures on versions, recommendations and decisions at the cut, in order.
    pub signatures: Vec<SignedAct>,
}

/// A signature as it is printed: name, time and meaning (21 CFR 11.50).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SignedAct {
    /// What is signed, in words.
    pub what: String,
    /// Hash of the event signed.
    pub signs: String,
    /// Printed name.
    pub printed_name: String,
    /// In which role.
    pub role: Role,
    /// Meaning.
    pub meaning: Meaning,
    /// When, UTC.
    pub at: Timestamp,
}

/// A cohort at the cut.
#[derive(Debug, Clone)]
pub struct CohortAnalysis {
    /// Id.
    pub id: String,
    /// Regimen id.
    pub regimen: String,
    /// Label of the regimen.
    pub label: String,
    /// Place of the regimen on the ladder, from 1.
    pub level: usize,
    /// Planned number of patients.
    pub planned: u32,
    /// Where it stands.
    pub stage: CohortStage,
    /// Day it was opened.
    pub opened: Option<jiff::civil::Date>,
    /// The committee's recommendation on it.
    pub recommendation: Option<Recommendation>,
    /// The sponsor's decision on it.
    pub decision: Option<SponsorDecision>,
    /// Its patients, as places in [`Analysis::patients`].
    pub patients: Vec<usize>,
    /// What the design advises on its level, at this cut, with reasons. `None` without a design or a patient.
    pub advice: Option<Advice>,
    /// Where an arm that is watched stands, with reasons; `None` where the protocol watches none or nobody is treated.
    pub monitored: Option<Monitored>,
}

impl CohortAnalysis {
    /// What the rule of the protocol advises, in a line: the form that a recommendation quotes.
    #[must_use]
    pub fn advice_in_words(&self) -> Option<String> {
        let monitored = || self.monitored.as_ref().map(Monitored::in_words);
        self.advice.as_ref().map(Advice::in_words).or_else(monitored)
    }

    /// The same in a word.
    #[must_use]
    pub fn advised_word(&self) -> Option<&'static str> {
        let monitored = || self.monitored.as_ref().map(|monitored| monitored.advised.word());
        self.advice.as_ref().map(|advice| advice.advised.word()).or_else(monitored)
    }
}

/// The times of patients to an endpoint.
#[derive(Debug, Clone)]
pub struct Times<'a> {
    /// Each patient who stands in the endpoint, with the time.
    pub counted: Vec<(&'a PatientAnalysis, EndpointTime)>,
    /// Each who does not, with the reason.
    pub not_counted: Vec<(&'a PatientAnalysis, Because)>,
}

impl Times<'_> {
    /// As data of an estimate.
    #[must_use]
    pub fn data(&self) -> Vec<TimeToEvent> {
        self.counted.iter().map(|(_, time)| time.time()).collect()
    }
}

/// Where a cohort stands: no step is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CohortStage {
    /// In the protocol, not open.
    Planned,
    /// Open, with places left.
    Open,
    /// Full; at least one window is open.
    InWindow,
    /// Every window is closed; no recommendation yet.
    UnderReview,
    /// The committee has recommended; the sponsor has not decided.
    Recommended,
    /// The sponsor has decided.
    Decided,
}

impl CohortStage {
    /// The stage in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Planned => "planned, not open",
            Self::Open => "open",
            Self::InWindow => "full, in window",
            Self::UnderReview => "windows closed, under review",
            Self::Recommended => "recommended, awaiting the sponsor",
            Self::Decided => "decided",
        }
    }
}

/// An analysis that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnalysis {
    /// An enrolment into a cohort that the protocol does not have.
    #[error(
        "subject {subject}: expected an enrolment into a cohort of the protocol, found {found:?}; mend: correct the enrolment, or add the cohort to trial.toml"
    )]
    UnknownCohort {
        /// Subject.
        subject: String,
        /// The cohort named.
        found: String,
    },
    /// The design refuses the counts.
    #[error("cohort {cohort}: {problem}")]
    Design {
        /// Cohort.
        cohort: String,
        /// The design's own message.
        problem: String,
    },
}

impl Analysis {
    /// Analyses a trial at a cut.
    ///
    /// # Errors
    /// [`BadAnalysis`] where the escalation design refuses the counts (more patients than it allows, say).
    pub fn of(
        protocol: &Protocol,
        protocol_sha256: &str,
        chain: &Chain,
        cut: &Cut,
    ) -> Result<Self, BadAnalysis> {
        let state = State::fold(chain, cut);
        for patient in state.patients.values() {
            if let Some(enrolment) = &patient.enrolment
                && !protocol.cohort.is_empty()
                && protocol.cohort(&enrolment.cohort).is_none()
            {
                return Err(BadAnalysis::UnknownCohort {
                    subject: patient.id().to_owned(),
                    found: enrolment.cohort.clone(),
                });
            }
        }
        let mut patients: Vec<PatientAnalysis> =
            state.patients.values().map(|patient| PatientAnalysis::derive(protocol, patient, cut)).collect();
        patients.sort_by(|a, b| {
            (a.enrolled.is_none(), a.enrolled, &a.id).cmp(&(b.enrolled.is_none(), b.enrolled, &b.id))
        });
        let mut analysis = Self {
            protocol: protocol.clone(),
            protocol_sha256: protocol_sha256.to_owned(),
            cut: cut.clone(),
            patients,
            cohorts: Vec::new(),
            misfits: misfits(protocol, protocol_sha256, &state),
            signatures: signatures(chain, cut),
            adopted: state.protocols.iter().map(|p| (p.version.clone(), p.date, p.reason.clone())).collect(),
        };
        analysis.cohorts = protocol
            .cohort
            .iter()
            .map(|cohort| crate::cohort::derive(&analysis, &state, cohort))
            .collect::<Result<_, _>>()?;
        Ok(analysis)
    }

    /// The analysis of some of the patients: what is computed over patients is then computed over these. The rule's
    /// advice rests on all of them, so no cohort has any here.
    #[must_use]
    pub fn among(&self, keep: impl Fn(&PatientAnalysis) -> bool) -> Self {
        let mut some = self.clone();
        let kept: Vec<bool> = self.patients.iter().map(keep).collect();
        let place = |index: usize| kept.iter().take(index).filter(|kept| **kept).count();
        let is_kept = |index: &usize| kept.get(*index).copied().unwrap_or(false);
        for cohort in &mut some.cohorts {
            cohort.advice = None;
            cohort.monitored = None;
            cohort.patients = cohort.patients.iter().copied().filter(is_kept).map(place).collect();
        }
        let mut each = kept.iter().copied();
        some.patients.retain(|_| each.next().unwrap_or(false));
        some
    }

    /// A cohort by id.
    #[must_use]
    pub fn cohort(&self, id: &str) -> Option<&CohortAnalysis> {
        self.cohorts.iter().find(|cohort| cohort.id == id)
    }

    /// The holds whose trigger is met at the level of a cohort, or wherever they look: in a cohort on which no design
    /// advises, such as an arm, as in any other.
    #[must_use]
    pub fn holds_of(&self, cohort: &CohortAnalysis) -> Vec<TriggeredHold> {
        match &cohort.advice {
            Some(advice) => advice.holds.clone(),
            None if self.patients_of(cohort).any(PatientAnalysis::is_treated) => {
                decision::holds_at(&self.protocol, cohort.level, &self.patients)
            }
            None => Vec::new(),
        }
    }

    /// The patients of a cohort, in order of enrolment.
    pub fn patients_of<'a>(
        &'a self,
        cohort: &'a CohortAnalysis,
    ) -> impl Iterator<Item = &'a PatientAnalysis> {
        cohort.patients.iter().filter_map(|index| self.patients.get(*index))
    }

    /// The cohort to review when none is named: the last under review, else the last with a treated patient.
    #[must_use]
    pub fn cohort_to_review(&self) -> Option<&CohortAnalysis> {
        let mut cohorts = self.cohorts.iter().rev();
        cohorts
            .clone()
            .find(|cohort| cohort.stage == CohortStage::UnderReview)
            .or_else(|| cohorts.find(|cohort| self.patients_of(cohort).any(PatientAnalysis::is_treated)))
    }

    /// The times of some patients to an endpoint by a set of censoring rules, and why the others have none.
    #[must_use]
    pub fn times<'a>(
        &self,
        endpoint: TimeEndpoint,
        set: CensoringSet,
        patients: impl Iterator<Item = &'a PatientAnalysis>,
    ) -> Times<'a> {
        let mut times = Times { counted: Vec::new(), not_counted: Vec::new() };
        for patient in patients {
            let found = match &patient.followed {
                Some(followed) => followed.time_to(endpoint, set, &self.protocol.times),
                None => Err(Because::new("time/not-treated", "no fraction was given")),
            };
            match found {
                Ok(time) => times.counted.push((patient, time)),
                Err(because) => times.not_counted.push((patient, because)),
            }
        }
        times
    }

    /// Whether a rate of the protocol rises from one prescribed regimen to the next: trend tests and curves over the
    /// regimens, along their total prescribed activity in mCi/m2, or along the ladder where one states none. A test that
    /// the protocol does not name in `[dose-response]` is exploratory, and the answer says so.
    ///
    /// # Errors
    /// [`BadGroups`], as where fewer than two regimens have patients.
    pub fn dose_response(
        &self,
        definition: &RateDefinition,
        confirmed: bool,
    ) -> Result<DoseResponse, BadGroups> {
        let ladder = &self.protocol.regimen;
        let totals: Option<Vec<Decimal>> = ladder
            .iter()
            .map(|regimen| Some(regimen.total_per_area()?.mci_per_m2().round_dp(SCORE_DECIMALS)))
            .collect();
        let groups: Vec<Group> = ladder
            .iter()
            .enumerate()
            .map(|(place, regimen)| {
                let given = self
                    .patients
                    .iter()
                    .filter(|patient| patient.regimen.as_deref() == Some(regimen.id.as_str()));
                let rate = self.rate(definition, given, confirmed);
                let score = totals.as_ref().and_then(|totals| totals.get(place).copied());
                Group {
                    label: regimen.title(),
                    score: score.unwrap_or_else(|| Decimal::from(place + 1)),
                    schedule: match regimen.required().count() {
                        1 => "one fraction".to_owned(),
                        fractions => format!("{fractions} fractions"),
                    },
                    patients: rate.denominator(),
                    with: rate.successes(),
                }
            })
            .collect();
        DoseResponse::of(&groups, Confidence::NINETY_FIVE, self.protocol.dose_response.named_test.as_deref())
    }

    /// Marker reduction of a cohort over a period: best change, and how long the reductions that
    /// `[times]` asks for lasted.
    ///
    /// # Errors
    /// [`BadTime`], of which none can come from dates in order.
    pub fn marker_reduction(
        &self,
        cohort: &CohortAnalysis,
        period: Period,
    ) -> Result<MarkerReduction, BadTime> {
        MarkerReduction::of(self.patients_of(cohort), period, &self.protocol.times.marker_reduction_percent)
    }

    /// A rate of the protocol over some patients, on confirmed or on unconfirmed best response.
    #[must_use]
    pub fn rate<'a>(
        &self,
        definition: &RateDefinition,
        patients: impl Iterator<Item = &'a PatientAnalysis>,
        confirmed: bool,
    ) -> Rate {
        efficacy::rate(&self.protocol, definition, patients, confirmed)
    }
}

/// What in the record does not fit the protocol.
fn misfits(protocol: &Protocol, protocol_sha256: &str, state: &State) -> Vec<Because> {
    let mut misfits = Vec::new();
    if let Some(adopted) = state.protocols.last().filter(|adopted| adopted.sha256 != protocol_sha256) {
        misfits.push(
            Because::new(
                "record/protocol",
                format!(
                    "the protocol file is not the one the record adopted (version {} of {})",
                    adopted.version, adopted.date
                ),
            )
            .input("adopted", &adopted.sha256)
            .input("file", protocol_sha256),
        );
    }
    if let Some(in_force) = protocol.ctcae() {
        let earlier = state.protocols.iter().filter_map(|adopted| {
            let (earlier, _) = Protocol::read(&adopted.text).ok()?;
            Some((adopted, earlier.ctcae()?)).filter(|(_, version)| *version != in_force)
        });
        for (adopted, version) in earlier {
            let says = format!(
                "version {} of the protocol graded by CTCAE {version}, the one in force by {in_force}: every grade here is derived anew by {in_force}; `posology toxicity regrade` lists whose dose-limiting toxicity that changes",
                adopted.version
            );
            misfits.push(Because::new("record/ctcae-changed", says).input("adopted", adopted.date));
        }
    }
    if state.orphans > 0 {
        let says = format!(
            "{} facts speak of subjects who are not in the demographics; they count nowhere",
            state.orphans
        );
        misfits.push(Because::new("record/orphans", says));
    }
    for patient in state.patients.values() {
        for other in exposure::other_activities(protocol, patient) {
            let says = format!(
                "{}: {other} was given in an activity and is not the product; it counts neither as a fraction nor in the total",
                patient.id()
            );
            misfits.push(Because::new("record/other-activity", says));
        }
    }
    misfits
}

impl Population {
    /// Id, as printed with every percentage.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Treated => "treated",
            Self::ResponseEvaluable => "response-evaluable",
            Self::DltEvaluable => "dlt-evaluable",
        }
    }

    /// Definition in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Treated => "patients given at least one fraction",
            Self::ResponseEvaluable => {
                "patients given at least one fraction, with a measurable baseline and an assessment afterwards, or early progression or death"
            }
            Self::DltEvaluable => "patients evaluable for dose-limiting toxicity",
        }
    }
}

/// Signatures that stand at a cut on what opens cohorts, in the order of signing.
fn signatures(chain: &Chain, cut: &Cut) -> Vec<SignedAct> {
    let taken = cut.entries(chain);
    let mut signed: Vec<SignedAct> = Vec::new();
    for entry in &taken {
        let Fact::Signature(signature) = &entry.event.fact else { continue };
        let statement = &signature.statement;
        let what = taken.iter().find(|other| other.hash == statement.signs).and_then(|other| {
            Some(match &other.event.fact {
                Fact::ProtocolAdopted(adopted) => format!("version {} of the protocol", adopted.version),
                Fact::Recommendation(made) => {
                    format!("recommendation of review {} on {}", made.review, made.cohort)
                }
                Fact::SponsorDecision(made) => format!("decision on review {}, {}", made.review, made.cohort),
                _ => return None,
            })
        });
        if let Some(what) = what {
            signed.push(SignedAct {
                what,
                signs: statement.signs.clone(),
                printed_name: statement.printed_name.clone(),
                role: statement.role,
                meaning: statement.meaning,
                at: statement.at,
            });
        }
    }
    signed
}
