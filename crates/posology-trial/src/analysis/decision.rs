//! What the design advises on a cohort, what could change it, and what it does not see.

use posology_clinic::Because;
use posology_design::{Action, AtLevel, BadData, Case, Data, Decision, Design, LastCohort, Level, WhatIf};
use rust_decimal::prelude::ToPrimitive as _;

use super::patient::PatientAnalysis;
use super::toxicity::DltStatus;
use crate::protocol::{Cohort, Hold, HoldAction, HoldScope, HoldTrigger, Protocol};

/// The advice on one level at the cut.
#[derive(Debug, Clone)]
pub struct Advice {
    /// The level judged, from 1.
    pub level: usize,
    /// Its counts.
    pub counts: Counts,
    /// What the design was asked with: patients by level, and the level judged.
    pub data: Data,
    /// The design's own decision, with its reasons and every completion of the undecided.
    pub decision: Decision,
    /// What is advised after holds: the design's action, or a hold.
    pub advised: Advised,
    /// Where the next patients would be treated, if anywhere.
    pub next: Option<NextLevel>,
    /// The design's answer to each outcome of the next cohort, at the level of `next`.
    pub what_if: Vec<WhatIf>,
    /// Holds in force.
    pub holds: Vec<TriggeredHold>,
    /// First of the three lines: what is known.
    pub known: String,
    /// Second: what is pending, and whether it can change the advice.
    pub pending: String,
    /// Third: what the rule does not see.
    pub unseen: String,
    /// Gaps in mandatory counts, a flag each.
    pub gaps: Vec<Because>,
}

impl Advice {
    /// The advice in a line: the form that a recommendation quotes.
    #[must_use]
    pub fn in_words(&self) -> String {
        let because: Vec<&str> = self.decision.because.iter().map(|because| because.says.as_str()).collect();
        format!("{}: {}", self.advised.word(), because.join("; "))
    }
}

/// Patients at a level, by how they count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Given at least one fraction.
    pub treated: u32,
    /// Evaluable with a dose-limiting toxicity.
    pub dlt: u32,
    /// Evaluable without one.
    pub no_dlt: u32,
    /// Window open, or a judgement on evaluability awaited.
    pub pending: u32,
    /// A possible dose-limiting toxicity awaits adjudication.
    pub possible: u32,
    /// Judged not evaluable.
    pub not_evaluable: u32,
}

impl Counts {
    /// Counts patients.
    pub fn of<'a>(patients: impl Iterator<Item = &'a PatientAnalysis>) -> Self {
        let mut counts = Self::default();
        for patient in patients {
            match patient.dlt.status {
                DltStatus::NotTreated => continue,
                DltStatus::NotDefined => {}
                DltStatus::Dlt => counts.dlt += 1,
                DltStatus::NoDlt => counts.no_dlt += 1,
                DltStatus::Pending if !patient.dlt.possible.is_empty() => counts.possible += 1,
                DltStatus::Pending => counts.pending += 1,
                DltStatus::NotEvaluable => counts.not_evaluable += 1,
            }
            counts.treated += 1;
        }
        counts
    }

    /// Evaluable patients.
    #[must_use]
    pub fn evaluable(self) -> u32 {
        self.dlt + self.no_dlt
    }
}

/// What is advised once holds are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advised {
    /// The design's action.
    Design(Action),
    /// Enrolment is on hold: the design would escalate or go on, a hold forbids it.
    Hold,
}

impl Advised {
    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Design(action) => action.word(),
            Self::Hold => "hold",
        }
    }
}

/// Where the next patients would be treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextLevel {
    /// Level, from 1.
    pub level: usize,
    /// Regimen id.
    pub regimen: String,
    /// Label of the regimen.
    pub label: String,
    /// The cohort planned there and not yet treated, if any.
    pub cohort: Option<String>,
    /// Patients to treat before the next decision.
    pub patients: u32,
}

/// A hold in force, with the patients that triggered it.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggeredHold {
    /// The hold.
    pub hold: Hold,
    /// The patients.
    pub patients: Vec<String>,
    /// Why.
    pub because: Because,
}

/// Derives the advice on a level from the patients at all levels.
///
/// # Errors
/// What the design refuses.
pub(crate) fn derive(
    protocol: &Protocol,
    design: &Design,
    level: usize,
    cohort: &str,
    patients: &[PatientAnalysis],
) -> Result<Advice, BadData> {
    // Who was randomised after escalation is none of the design's patients, and meets its holds all the same.
    let escalated =
        |patient: &&PatientAnalysis| !patient.cohort.as_deref().is_some_and(|id| protocol.is_arm(id));
    let at = |level: usize| {
        let regimen = protocol.regimen.get(level.saturating_sub(1)).map(|regimen| regimen.id.as_str());
        let is_at =
            move |patient: &&PatientAnalysis| regimen.is_some() && patient.regimen.as_deref() == regimen;
        patients.iter().filter(escalated).filter(is_at)
    };
    let levels: Vec<AtLevel> = (1..=protocol.regimen.len()).map(|index| at_level(at(index))).collect();
    let counts = Counts::of(at(level));
    let data = Data::new(levels, Some(Level::at_index(level.saturating_sub(1))))?
        .with_last(last_cohort(at(level), design.cohort_size()))?;
    let decision = design.next(&data)?;
    let holds = holds_at(protocol, level, patients);
    let stops = holds.iter().any(|hold| hold.hold.action == HoldAction::Hold);
    let goes_on =
        matches!(decision.action, Action::Escalate | Action::Stay | Action::Start | Action::DeEscalate);
    let advised = if stops && goes_on { Advised::Hold } else { Advised::Design(decision.action) };
    let next = match (decision.action, decision.level) {
        (Action::Escalate | Action::Stay | Action::Start | Action::DeEscalate, Some(next)) => {
            next_level(protocol, next.index() + 1, cohort, decision.action, decision.enrol, patients)
        }
        _ => None,
    };
    let what_if = match &next {
        Some(next) => {
            design.what_if(&data.at(Level::at_index(next.level.saturating_sub(1)))?, next.patients)?
        }
        None => design.what_if(&data, 0)?,
    };
    Ok(Advice {
        level,
        known: known(counts, at(level)),
        pending: pending(counts, at(level), &decision),
        unseen: unseen(counts, at(level)),
        gaps: at(level).flat_map(|patient| patient.dlt.gaps.iter().cloned()).collect(),
        counts,
        data,
        decision,
        advised,
        next,
        what_if,
        holds,
    })
}

fn at_level<'a>(patients: impl Iterator<Item = &'a PatientAnalysis>) -> AtLevel {
    let mut at = AtLevel::default();
    for patient in patients {
        match patient.dlt.status {
            DltStatus::Dlt => {
                at.dlt += 1;
                at.onset.extend(onset_share(patient));
            }
            DltStatus::NoDlt => at.no_dlt += 1,
            DltStatus::Pending if !patient.dlt.possible.is_empty() => at.possible_dlt += 1,
            DltStatus::Pending => at.pending.push(patient.dlt.follow_up_share()),
            DltStatus::NotEvaluable | DltStatus::NotTreated | DltStatus::NotDefined => {}
        }
    }
    at
}

/// The share of the window at the onset of a patient's first dose-limiting toxicity, where its day is known.
fn onset_share(patient: &PatientAnalysis) -> Option<f64> {
    let window = patient.window.as_ref()?;
    let onset = patient.dlt.records.iter().filter_map(|record| record.onset).min()?;
    (window.first_fraction..=window.end).contains(&onset).then(|| window.follow_up_share(onset).to_f64())?
}

/// The cohort treated last at a level, by order of first administration.
fn last_cohort<'a>(
    patients: impl Iterator<Item = &'a PatientAnalysis>,
    cohort_size: u32,
) -> Option<LastCohort> {
    let mut in_order: Vec<&PatientAnalysis> = patients.collect();
    in_order.sort_by_key(|patient| patient.exposure.first());
    let outcome = |patient: &&PatientAnalysis| match patient.dlt.status {
        DltStatus::Dlt => Some(Some(true)),
        DltStatus::NoDlt => Some(Some(false)),
        DltStatus::Pending => Some(None),
        DltStatus::NotEvaluable | DltStatus::NotTreated | DltStatus::NotDefined => None,
    };
    let outcomes: Vec<Option<bool>> = in_order.iter().filter_map(outcome).collect();
    LastCohort::of(&outcomes, cohort_size)
}

fn next_level(
    protocol: &Protocol,
    level: usize,
    cohort: &str,
    action: Action,
    enrol: u32,
    patients: &[PatientAnalysis],
) -> Option<NextLevel> {
    let regimen = protocol.regimen.get(level.checked_sub(1)?)?;
    let untreated = |id: &str| {
        !patients.iter().any(|patient| patient.cohort.as_deref() == Some(id) && patient.is_treated())
    };
    let planned = if action == Action::Stay {
        protocol.cohort(cohort)
    } else {
        let escalates = |c: &&Cohort| c.regimen == regimen.id && !protocol.is_arm(&c.id);
        protocol.cohort.iter().filter(escalates).find(|c| untreated(&c.id))
    };
    let patients = match (action, planned) {
        (Action::Stay, _) | (_, None) => enrol,
        (_, Some(planned)) => planned.planned.max(enrol),
    };
    Some(NextLevel {
        level,
        regimen: regimen.id.clone(),
        label: regimen.title(),
        cohort: planned.map(|cohort| cohort.id.clone()),
        patients,
    })
}

/// Holds whose trigger is met by enough patients in their scope.
pub(crate) fn holds_at(
    protocol: &Protocol,
    level: usize,
    patients: &[PatientAnalysis],
) -> Vec<TriggeredHold> {
    let regimen = level.checked_sub(1).and_then(|place| protocol.regimen.get(place));
    let regimen = regimen.map(|regimen| regimen.id.as_str());
    let is_at = |patient: &&PatientAnalysis| regimen.is_some() && patient.regimen.as_deref() == regimen;
    protocol
        .stopping
        .hold
        .iter()
        .filter_map(|hold| {
            let met: Vec<String> = patients
                .iter()
                .filter(|patient| hold.scope != HoldScope::Level || is_at(patient))
                .filter(|patient| meets(hold.when, patient))
                .map(|patient| patient.id.clone())
                .collect();
            let enough = u32::try_from(met.len()).unwrap_or(u32::MAX) >= hold.patients.max(1);
            enough.then(|| {
                let says = format!(
                    "{} met by {} of at least {} needed ({}); lifted by {}",
                    hold.when.words(),
                    met.len(),
                    hold.patients,
                    met.join(", "),
                    hold.lifted_by
                );
                let because = Because::new(format!("stopping/{}", hold.id), says)
                    .input("patients", met.join(", "))
                    .input("level", level)
                    .source(format!("protocol, stopping.hold \"{}\"", hold.id));
                TriggeredHold { hold: hold.clone(), patients: met, because }
            })
        })
        .collect()
}

fn meets(trigger: HoldTrigger, patient: &PatientAnalysis) -> bool {
    if !patient.is_treated() {
        return false;
    }
    match trigger {
        HoldTrigger::RelatedDeath => {
            let unrelated = |death: &crate::event::Death| {
                death.related == Some(false)
                    || (death.related.is_none() && death.by_progression == Some(true))
            };
            patient.facts.death.as_ref().is_some_and(|death| !unrelated(death))
                || patient.emergent.iter().any(|event| {
                    (event.event.grade == Some(5) || event.event.fatal == Some(true))
                        && event.event.related != Some(false)
                })
        }
        HoldTrigger::UnrecoveredGrade4Cytopenia => {
            patient.kinetics.iter().any(super::toxicity::Kinetics::grade_4_open)
        }
        HoldTrigger::StemCellRescue => {
            patient.support.iter().any(|support| support.kind == crate::event::SupportKind::StemCellRescue)
        }
        HoldTrigger::Grade3Bleed => patient
            .emergent
            .iter()
            .any(|event| event.is_bleed() && event.event.grade.is_some_and(|grade| grade >= 3)),
    }
}

fn ids<'a>(patients: impl Iterator<Item = &'a PatientAnalysis>) -> String {
    patients.map(|patient| patient.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn known<'a>(counts: Counts, patients: impl Iterator<Item = &'a PatientAnalysis> + Clone) -> String {
    let partly = patients
        .clone()
        .filter(|patient| patient.dlt.status == DltStatus::NoDlt && !patient.dlt.whole_window)
        .count();
    let dlts = ids(patients.filter(|patient| patient.dlt.status == DltStatus::Dlt));
    let evaluable = counts.evaluable();
    let mut line = format!(
        "{} treated, {evaluable} evaluable: {} with a dose-limiting toxicity, {} without over {}.",
        counts.treated,
        counts.dlt,
        counts.no_dlt,
        if partly == 0 {
            "the whole window".to_owned()
        } else {
            format!("the window ({partly} of them not to its end)")
        }
    );
    if !dlts.is_empty() {
        line.push_str(&format!(" Dose-limiting: {dlts}."));
    }
    if let (true, Some((_, upper))) =
        (evaluable > 0, posology_design::numeric::clopper_pearson(counts.dlt, evaluable, 0.95))
    {
        line.push_str(&format!(
            " The true rate may still be as high as {:.1}% (upper limit of the exact 95% interval for {}/{evaluable}).",
            upper * 100.0,
            counts.dlt
        ));
    }
    line
}

fn pending<'a>(
    counts: Counts,
    patients: impl Iterator<Item = &'a PatientAnalysis> + Clone,
    decision: &Decision,
) -> String {
    let open = ids(patients.clone().filter(|patient| patient.dlt.status == DltStatus::Pending));
    if counts.pending + counts.possible == 0 {
        return "No window is open and no judgement is awaited: nothing pending can change the advice."
            .to_owned();
    }
    let blocked = decision.because.iter().any(|because| because.rule == "undecided/possible-dlt");
    let can = match decision.action {
        Action::Wait if blocked => {
            "No escalation before that is adjudicated, whatever the others turn out to be"
        }
        Action::Wait => "They can change the advice: every way in which they may turn out was asked for",
        _ => "They cannot change the advice: every way in which they may turn out was asked for",
    };
    let mut line = format!("{} pending ({open})", counts.pending + counts.possible);
    if counts.possible > 0 {
        line.push_str(&format!(
            ", of whom {} with a possible dose-limiting toxicity to adjudicate",
            counts.possible
        ));
    }
    line.push_str(&format!(". {can}."));
    line
}

fn unseen<'a>(counts: Counts, patients: impl Iterator<Item = &'a PatientAnalysis> + Clone) -> String {
    let late: usize = patients.clone().map(|patient| patient.late.len()).sum();
    let below = patients
        .clone()
        .filter(|patient| {
            patient.dlt.status != DltStatus::Dlt && patient.worst_cytopenia().is_some_and(|grade| grade >= 3)
        })
        .count();
    let transfused = patients.clone().filter(|patient| !patient.support.is_empty()).count();
    format!(
        "Late toxicity: {late} event{} began after a window. Not evaluable: {}. Cytopenia below the definition of a dose-limiting toxicity: \
         {below} of {} with grade 3 or 4 platelets, neutrophils or haemoglobin; {transfused} given transfusions or growth factor.",
        if late == 1 { "" } else { "s" },
        counts.not_evaluable,
        counts.treated
    )
}

/// A case of the what-if table in words.
#[must_use]
pub fn case_words(case: &Case) -> String {
    match case {
        Case::Best => "no pending patient has a dose-limiting toxicity".to_owned(),
        Case::Worst => "every pending patient has a dose-limiting toxicity".to_owned(),
        Case::NextCohort { patients, dlts } => format!("{dlts} of the next {patients}"),
    }
}

/// Reasons of the design, in the form that every surface shows.
#[must_use]
pub fn reasons(decision: &Decision) -> Vec<Because> {
    decision
        .because
        .iter()
        .map(|because| Because {
            rule: because.rule.clone(),
            says: because.says.clone(),
            inputs: because.inputs.clone(),
            source: because.source.clone(),
        })
        .collect()
}
