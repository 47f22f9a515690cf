//! The state at a cut: the fold of the facts it takes, sorted by patient and by cohort.

use std::collections::{BTreeMap, HashSet};

use crate::cut::Cut;
use crate::dosing::net_of_readings;
use crate::event::{
    Administration, AdverseEvent, Amount, Assay, Chain, Characteristic, CohortOpened, Death, Disposition,
    DltJudgement, Enrolment, EvaluabilityJudgement, Fact, FractionOmitted, History, Infusion, Laboratory,
    Meaning, NewTherapy, OrganAbsorbedDose, Prescription, ProtocolAdopted, Randomisation, Recommendation,
    Residual, ResponseAssessment, Role, Signature, SponsorDecision, Subject, Support, Visit, VitalSign,
    WrittenDirective,
};
use crate::protocol::Protocol;

/// Everything recorded of the trial, up to a cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Versions of the protocol, in the order of adoption.
    pub protocols: Vec<ProtocolAdopted>,
    /// Cohorts opened, in order.
    pub opened: Vec<CohortOpened>,
    /// Recommendations, in order.
    pub recommendations: Vec<Recommendation>,
    /// Sponsor decisions, in order.
    pub decisions: Vec<SponsorDecision>,
    /// Patients, by subject id.
    pub patients: BTreeMap<String, Patient>,
    /// Facts of subjects who are not in the demographics, counted: they enter nothing.
    pub orphans: usize,
}

/// Everything recorded of one patient, each list in order of recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Demographics.
    pub subject: Subject,
    /// Enrolment.
    pub enrolment: Option<Enrolment>,
    /// Allocation to an arm.
    pub randomisation: Option<Randomisation>,
    /// Characteristics at baseline.
    pub characteristics: Vec<Characteristic>,
    /// Prescriptions.
    pub prescriptions: Vec<Prescription>,
    /// Administrations.
    pub administrations: Vec<Administration>,
    /// Activities before use.
    pub assays: Vec<Assay>,
    /// Activities left.
    pub residuals: Vec<Residual>,
    /// How fractions were given.
    pub infusions: Vec<Infusion>,
    /// Fractions not given.
    pub omitted: Vec<FractionOmitted>,
    /// Adverse events.
    pub adverse_events: Vec<AdverseEvent>,
    /// Judgements on dose-limiting toxicity.
    pub dlt_judgements: Vec<DltJudgement>,
    /// Judgements on evaluability.
    pub evaluability: Vec<EvaluabilityJudgement>,
    /// Laboratory results.
    pub laboratory: Vec<Laboratory>,
    /// Vital signs.
    pub vital_signs: Vec<VitalSign>,
    /// Responses as assessed.
    pub responses: Vec<ResponseAssessment>,
    /// New anti-cancer therapies.
    pub new_therapies: Vec<NewTherapy>,
    /// Transfusions and growth factors.
    pub support: Vec<Support>,
    /// Disposition.
    pub dispositions: Vec<Disposition>,
    /// Medical history.
    pub history: Vec<History>,
    /// Visits.
    pub visits: Vec<Visit>,
    /// Absorbed doses of organs.
    pub absorbed_doses: Vec<OrganAbsorbedDose>,
    /// Death.
    pub death: Option<Death>,
    /// Whether the record knows of a death after the cut, of which nothing else may be told.
    subject_dies: bool,
}

impl Patient {
    fn new(subject: Subject) -> Self {
        Self {
            subject,
            enrolment: None,
            randomisation: None,
            characteristics: Vec::new(),
            prescriptions: Vec::new(),
            administrations: Vec::new(),
            assays: Vec::new(),
            residuals: Vec::new(),
            infusions: Vec::new(),
            omitted: Vec::new(),
            adverse_events: Vec::new(),
            dlt_judgements: Vec::new(),
            evaluability: Vec::new(),
            laboratory: Vec::new(),
            vital_signs: Vec::new(),
            responses: Vec::new(),
            new_therapies: Vec::new(),
            support: Vec::new(),
            dispositions: Vec::new(),
            history: Vec::new(),
            visits: Vec::new(),
            absorbed_doses: Vec::new(),
            death: None,
            subject_dies: false,
        }
    }

    /// A death that only the demographics state is a death from its day on, and unknown before. Where an event
    /// or a response tells why, it is told; otherwise nobody recorded that it was unrelated.
    fn settle_death(&mut self, cut: &Cut) {
        let Some(at) = self.subject.death.take() else { return };
        if !at.may_be_by(cut.cut_off) {
            self.subject_dies = true;
            return;
        }
        self.subject.death = Some(at.clone());
        if self.death.is_none() {
            let fatal =
                self.adverse_events.iter().find(|event| event.fatal == Some(true) || event.grade == Some(5));
            self.death = Some(Death {
                subject: self.subject.subject.clone(),
                at,
                cause: fatal.map(|event| event.term.clone()),
                related: fatal.and_then(|event| event.related),
                by_progression: self
                    .responses
                    .iter()
                    .any(|response| response.death_by_progression)
                    .then_some(true),
            });
        }
    }

    /// What an event or a response that began before the cut says of later days is not known yet: its end, its
    /// outcome, that it became fatal.
    fn forget_after(&mut self, cut: &Cut) {
        let died_later = self.death.is_none() && self.subject_dies;
        for event in &mut self.adverse_events {
            let ends_later = event.end.as_ref().is_some_and(|end| !end.is_by(cut.cut_off));
            if ends_later || died_later {
                event.end = None;
                event.outcome = None;
            }
            if died_later {
                event.fatal = None;
                event.grade = event.grade.filter(|grade| *grade < 5);
            }
        }
        if died_later {
            for response in &mut self.responses {
                response.death_by_progression = false;
            }
        }
    }

    /// Subject id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.subject.subject
    }

    /// The value of a characteristic, by name without regard to case.
    #[must_use]
    pub fn characteristic(&self, name: &str) -> Option<&str> {
        self.characteristics
            .iter()
            .rev()
            .find(|characteristic| characteristic.name.eq_ignore_ascii_case(name))
            .map(|characteristic| characteristic.value.as_str())
    }
}

impl State {
    /// Folds the facts a cut takes. The order in which facts of different patients arrived does not matter.
    #[must_use]
    pub fn fold(chain: &Chain, cut: &Cut) -> Self {
        let mut state = Self::default();
        let entries = cut.entries(chain);
        let dies_later: Vec<&str> = chain
            .entries()
            .iter()
            .filter_map(|entry| match &entry.event.fact {
                Fact::Death(death) if !death.at.may_be_by(cut.cut_off) => Some(death.subject.as_str()),
                _ => None,
            })
            .collect();
        for entry in &entries {
            if let Fact::Subject(subject) = &entry.event.fact {
                state.patients.insert(subject.subject.clone(), Patient::new(subject.clone()));
            }
        }
        let signed: HashSet<&str> = entries
            .iter()
            .filter_map(|entry| match &entry.event.fact {
                Fact::Signature(Signature { statement, .. })
                    if statement.role == Role::AuthorisedUser && statement.meaning == Meaning::Approval =>
                {
                    Some(statement.signs.as_str())
                }
                _ => None,
            })
            .collect();
        for entry in entries {
            match &entry.event.fact {
                Fact::WrittenDirective(directive) if signed.contains(entry.hash.as_str()) => {
                    if let Some(patient) = state.patients.get_mut(&directive.subject) {
                        patient.prescribe(directive);
                    }
                }
                fact => state.apply(fact),
            }
        }
        state.settle_net();
        for patient in state.patients.values_mut() {
            patient.subject_dies = dies_later.contains(&patient.id());
            patient.settle_death(cut);
            patient.forget_after(cut);
        }
        state
    }

    /// An administration that states no amount has what its readings give; without both readings it stays unknown.
    fn settle_net(&mut self) {
        let asks = |patient: &Patient| {
            !patient.residuals.is_empty()
                && patient.administrations.iter().any(|given| given.amount.is_none())
        };
        if !self.patients.values().any(asks) {
            return;
        }
        let Some((protocol, _)) = self.protocols.last().and_then(|last| Protocol::read(&last.text).ok())
        else {
            return;
        };
        for patient in self.patients.values_mut() {
            let readings = (&*patient.assays, &*patient.residuals, &*patient.infusions);
            for given in &mut patient.administrations {
                if given.amount.is_none() && protocol.is_product(&given.treatment) {
                    given.amount = net_of_readings(&protocol, given, readings).map(Amount::Activity);
                }
            }
        }
    }

    fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::ProtocolAdopted(fact) => self.protocols.push(fact.clone()),
            Fact::CohortOpened(fact) => self.opened.push(fact.clone()),
            Fact::Recommendation(fact) => self.recommendations.push(fact.clone()),
            Fact::SponsorDecision(fact) => self.decisions.push(fact.clone()),
            fact => {
                let Some(subject) = fact.subject() else { return };
                match self.patients.get_mut(subject) {
                    Some(patient) => patient.apply(fact),
                    None => self.orphans += 1,
                }
            }
        }
    }
}

impl Patient {
    /// What a signed directive prescribes, fraction by fraction.
    fn prescribe(&mut self, directive: &WrittenDirective) {
        self.prescriptions.extend(directive.fractions.iter().map(|part| Prescription {
            subject: directive.subject.clone(),
            fraction: part.fraction,
            per_area: directive.per_area,
            body_surface_m2: directive.body_surface_m2,
            activity: Some(part.activity),
            planned: Some(part.planned.into()),
        }));
    }

    fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Enrolment(fact) => self.enrolment = Some(fact.clone()),
            Fact::Randomisation(fact) => self.randomisation = Some(fact.clone()),
            Fact::Characteristic(fact) => self.characteristics.push(fact.clone()),
            Fact::Prescription(fact) => self.prescriptions.push(fact.clone()),
            Fact::Administration(fact) => self.administrations.push(fact.clone()),
            Fact::Assay(fact) => self.assays.push(fact.clone()),
            Fact::Residual(fact) => self.residuals.push(fact.clone()),
            Fact::Infusion(fact) => self.infusions.push(fact.clone()),
            Fact::FractionOmitted(fact) => self.omitted.push(fact.clone()),
            Fact::AdverseEvent(fact) => self.adverse_events.push(fact.clone()),
            Fact::DltJudgement(fact) => self.dlt_judgements.push(fact.clone()),
            Fact::EvaluabilityJudgement(fact) => self.evaluability.push(fact.clone()),
            Fact::Laboratory(fact) => self.laboratory.push(fact.clone()),
            Fact::VitalSign(fact) => self.vital_signs.push(fact.clone()),
            Fact::ResponseAssessment(fact) => self.responses.push(fact.clone()),
            Fact::NewTherapy(fact) => self.new_therapies.push(fact.clone()),
            Fact::Support(fact) => self.support.push(fact.clone()),
            Fact::Disposition(fact) => self.dispositions.push(fact.clone()),
            Fact::History(fact) => self.history.push(fact.clone()),
            Fact::Visit(fact) => self.visits.push(fact.clone()),
            Fact::OrganAbsorbedDose(fact) => self.absorbed_doses.push(fact.clone()),
            Fact::Death(fact) => self.death = Some(fact.clone()),
            _ => {}
        }
    }
}
