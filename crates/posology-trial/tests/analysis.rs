//! Who is counted, when and as what: the binding rules, one scenario a test.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::civil::{Date, date};
use posology_clinic::laboratory::Analyte;
use posology_clinic::response::Category;
use posology_design::Action;
use posology_trial::analysis::decision::Advised;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::analysis::{Analysis, CohortStage};
use posology_trial::cut::{BadCut, Cut};
use posology_trial::event::{
    Adjustment, Administration, AdverseEvent, Amount, Chain, CohortOpened, Correction, Death, Disposition,
    DltJudgement, Enrolment, EvaluabilityJudgement, Event, Fact, FractionOmitted, Judge, Laboratory,
    NewTherapy, Prescription, ResponseAssessment, Subject, Support, SupportKind,
};
use posology_trial::protocol::Protocol;

const PROTOCOL: &str = r#"
[trial]
id = "T"
title = "A trial of two levels"

[version]
id = "1"
date = 2020-01-01
reason = "first"

[product]
name = "AGENT"

[[regimen]]
id = "low"
total = "20 mCi/m2"
fraction = [{ day = 1, activity = "10 mCi/m2" }, { day = 8, activity = "10 mCi/m2", days-late = 7 }]

[[regimen]]
id = "high"
total = "30 mCi/m2"
fraction = [{ day = 1, activity = "15 mCi/m2" }, { day = 8, activity = "15 mCi/m2", days-late = 7 }]

[[cohort]]
id = "A"
regimen = "low"
planned = 3

[[cohort]]
id = "B"
regimen = "high"
planned = 3

[dlt]
window-days = 85
ctcae = "5.0"

[[dlt.rules]]
id = "platelets-25"
text = "Platelets below 25 x 10^9/L for more than 7 days"
lab = { analyte = "platelets", below = "25 10^9/L", more-than-days = 7 }

[[dlt.rules]]
id = "other-3"
text = "Any related non-haematological event of grade 3 or worse"
adverse-event = { grade-at-least = 3, except-classes = ["Investigations"] }

[[stopping.hold]]
id = "death"
when = "related-death"
scope = "trial"
action = "hold"
lifted-by = "the committee"

[escalation]
design = "3+3"
"#;

const FIRST: Date = date(2020, 3, 2);

struct Trial {
    facts: Vec<Fact>,
}

impl Trial {
    /// Three patients of cohort A, two full fractions each, nothing else; seen on days 86 and 100.
    fn of_three() -> Self {
        let mut trial = Self {
            facts: vec![Fact::CohortOpened(CohortOpened {
                cohort: "A".into(),
                date: date(2020, 2, 1),
                places: None,
            })],
        };
        for subject in ["1", "2", "3"] {
            trial.enrol(subject, "A");
            trial.count(subject, 86, "150");
            trial.count(subject, 100, "150");
        }
        trial
    }

    fn enrol(&mut self, subject: &str, cohort: &str) {
        let id = subject.to_owned();
        self.facts.push(Fact::Subject(Subject {
            subject: id.clone(),
            site: None,
            age_years: None,
            sex: None,
            race: None,
            ethnicity: None,
            country: None,
            arm: None,
            no_arm_reason: None,
            consent: None,
            first_treatment: None,
            death: None,
        }));
        self.facts.push(Fact::Enrolment(Enrolment {
            subject: id,
            cohort: cohort.into(),
            date: date(2020, 3, 1),
            protocol_version: "1".into(),
            replaces: None,
            stratum: None,
        }));
        for (fraction, day) in [(1, 1), (2, 8)] {
            self.prescribe(subject, fraction, day);
            self.give(subject, fraction, day, "740 MBq");
        }
    }

    fn prescribe(&mut self, subject: &str, fraction: u32, day: i32) {
        self.facts.push(Fact::Prescription(Prescription {
            subject: subject.into(),
            fraction,
            per_area: None,
            body_surface_m2: None,
            activity: Some("740 MBq".parse().unwrap()),
            planned: Some(on(day).into()),
        }));
    }

    fn give(&mut self, subject: &str, fraction: u32, day: i32, activity: &str) {
        self.facts.push(Fact::Administration(Administration {
            subject: subject.into(),
            treatment: "agent".into(),
            fraction: Some(fraction),
            amount: Some(Amount::Activity(activity.parse().unwrap())),
            start: on(day).into(),
            end: None,
            route: None,
            lot: None,
            adjustment: None,
        }));
    }

    fn count(&mut self, subject: &str, day: i32, platelets: &str) {
        self.facts.push(Fact::Laboratory(Laboratory {
            subject: subject.into(),
            test: "PLAT".into(),
            analyte: Some(Analyte::Platelets),
            result: Some(platelets.into()),
            unit: Some("10^9/L".into()),
            lower_limit: Some(150.into()),
            upper_limit: Some(400.into()),
            specimen: None,
            method: None,
            visit: None,
            at: Some(on(day).into()),
        }));
    }

    fn event(&mut self, subject: &str, key: &str, term: &str, grade: u8, day: i32) {
        self.facts.push(Fact::AdverseEvent(AdverseEvent {
            subject: subject.into(),
            key: key.into(),
            verbatim: term.into(),
            term: term.into(),
            class: Some("Infections and infestations".into()),
            grade: Some(grade),
            severity: None,
            serious: None,
            causality: None,
            related: None,
            action: None,
            outcome: None,
            fatal: None,
            start: Some(on(day).into()),
            end: None,
        }));
    }

    fn judge(&mut self, subject: &str, key: &str, by: Judge, dose_limiting: bool) {
        self.facts.push(Fact::DltJudgement(DltJudgement {
            subject: subject.into(),
            event: Some(key.into()),
            rule: None,
            by,
            dose_limiting,
            date: Some(on(90).into()),
            reason: None,
        }));
    }

    fn without(mut self, is: impl Fn(&Fact) -> bool) -> Self {
        self.facts.retain(|fact| !is(fact));
        self
    }

    fn chain(&self) -> Chain {
        let mut chain = Chain::default();
        for fact in &self.facts {
            chain.append(recorded(fact.clone())).unwrap();
        }
        chain
    }

    fn analyse_at(&self, cut: Option<&str>) -> Analysis {
        analyse(&self.chain(), cut)
    }

    fn analyse(&self) -> Analysis {
        self.analyse_at(None)
    }
}

fn recorded(fact: Fact) -> Event {
    Event::new("2020-07-01T00:00:00Z".parse().unwrap(), "test", fact)
}

fn analyse(chain: &Chain, cut: Option<&str>) -> Analysis {
    let (protocol, _) = Protocol::read(PROTOCOL).unwrap();
    let cut = Cut::freeze(chain, cut.map(|cut| cut.parse().unwrap())).unwrap();
    Analysis::of(&protocol, "sha", chain, &cut).unwrap()
}

fn on(day: i32) -> Date {
    posology_clinic::dlt::study_date(FIRST, day)
}

fn status(analysis: &Analysis, subject: &str) -> DltStatus {
    analysis.patients.iter().find(|patient| patient.id == subject).unwrap().dlt.status
}

fn advised(analysis: &Analysis) -> Advised {
    analysis.cohort("A").unwrap().advice.as_ref().unwrap().advised
}

#[test]
fn three_patients_through_their_windows_escalate() {
    let analysis = Trial::of_three().analyse();
    let cohort = analysis.cohort("A").unwrap();
    assert_eq!(cohort.stage, CohortStage::UnderReview);
    assert_eq!(advised(&analysis), Advised::Design(Action::Escalate));
    let next = cohort.advice.as_ref().unwrap().next.as_ref().unwrap();
    assert_eq!((next.level, next.cohort.as_deref()), (2, Some("B")));
    assert_eq!(analysis.cohort("B").unwrap().stage, CohortStage::Planned);
}

#[test]
fn a_patient_whose_window_is_open_is_pending_and_the_rule_waits() {
    let analysis = Trial::of_three().analyse_at(Some("2020-05-01T00:00:00Z"));
    assert_eq!(status(&analysis, "1"), DltStatus::Pending);
    assert_eq!(advised(&analysis), Advised::Design(Action::Wait));
    assert_eq!(analysis.cohort("A").unwrap().stage, CohortStage::InWindow);
}

#[test]
fn a_cut_off_after_the_last_fact_is_refused_since_nobody_followed_the_patients_there() {
    let chain = Trial::of_three().chain();
    let late = Cut::freeze(&chain, Some("2021-01-01T00:00:00Z".parse().unwrap()));
    assert!(matches!(late, Err(BadCut::AfterLastFact { .. })));
}

#[test]
fn a_rule_that_fires_counts_until_the_committee_says_otherwise() {
    let mut trial = Trial::of_three();
    trial.event("1", "7", "Sepsis", 4, 30);
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::Dlt);
    trial.judge("1", "7", Judge::Investigator, false);
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::Dlt, "the investigator alone cannot dismiss a rule");
    trial.judge("1", "7", Judge::Committee, false);
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::NoDlt);
}

#[test]
fn an_event_the_investigator_judged_dose_limiting_counts_though_no_rule_names_it() {
    let mut trial = Trial::of_three();
    trial.event("2", "1", "Fatigue", 2, 20);
    trial.judge("2", "1", Judge::Investigator, true);
    let analysis = trial.analyse();
    assert_eq!(status(&analysis, "2"), DltStatus::Dlt);
    assert_eq!(advised(&analysis), Advised::Design(Action::Stay), "1 of 3: enrol to six");
}

#[test]
fn a_possible_dose_limiting_toxicity_blocks_escalation_until_adjudicated() {
    let mut trial = Trial::of_three();
    for (day, count) in [(36, "60"), (40, "20"), (46, "22"), (52, "40")] {
        trial.count("3", day, count);
    }
    let analysis = trial.analyse();
    let patient = analysis.patients.iter().find(|patient| patient.id == "3").unwrap();
    assert_eq!(patient.dlt.possible.len(), 1, "between 6 and 16 days below 25");
    assert_eq!(patient.dlt.status, DltStatus::Pending);
    assert_eq!(advised(&analysis), Advised::Design(Action::Wait));
}

#[test]
fn a_count_after_a_transfusion_does_not_show_recovery() {
    let mut trial = Trial::of_three();
    for (day, count) in [(38, "60"), (40, "20"), (43, "30"), (46, "30"), (49, "21"), (52, "40")] {
        trial.count("3", day, count);
    }
    assert_eq!(status(&trial.analyse(), "3"), DltStatus::NoDlt, "two spells of a few days");
    trial.facts.push(Fact::Support(Support {
        subject: "3".into(),
        kind: SupportKind::PlateletTransfusion,
        at: on(42).into(),
        product: None,
    }));
    assert_eq!(status(&trial.analyse(), "3"), DltStatus::Dlt, "from day 40 to 49 without recovery shown");
}

#[test]
fn follow_up_that_ends_before_the_window_awaits_a_judgement_and_is_never_no_dlt() {
    let mut trial = Trial::of_three();
    trial.facts.push(Fact::NewTherapy(NewTherapy {
        subject: "1".into(),
        start: on(40).into(),
        name: None,
        myelosuppressive: None,
    }));
    let analysis = trial.analyse();
    assert_eq!(status(&analysis, "1"), DltStatus::Pending);
    trial.facts.push(Fact::EvaluabilityJudgement(EvaluabilityJudgement {
        subject: "1".into(),
        evaluable: false,
        reason: "new therapy for progression on day 40".into(),
        adjudicator: "independent physician".into(),
        date: on(95),
    }));
    let analysis = trial.analyse();
    assert_eq!(status(&analysis, "1"), DltStatus::NotEvaluable);
    let counts = analysis.cohort("A").unwrap().advice.as_ref().unwrap().counts;
    assert_eq!((counts.treated, counts.evaluable(), counts.not_evaluable), (3, 2, 1));
}

#[test]
fn progression_alone_does_not_end_follow_up() {
    let mut trial = Trial::of_three();
    trial.facts.push(Fact::Disposition(Disposition {
        subject: "1".into(),
        term: "PROGRESSIVE DISEASE".into(),
        standard: "PROGRESSIVE DISEASE".into(),
        category: Some("DISPOSITION EVENT".into()),
        scope: Some("STUDY TREATMENT".into()),
        at: Some(on(40).into()),
    }));
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::NoDlt);
}

#[test]
fn too_little_activity_awaits_a_judgement_unless_toxicity_was_the_reason() {
    let omitted = |toxicity| {
        let mut trial = Trial::of_three().without(
            |fact| matches!(fact, Fact::Administration(given) if given.subject == "1" && given.fraction == Some(2)),
        );
        trial.facts.push(Fact::FractionOmitted(FractionOmitted {
            subject: "1".into(),
            fraction: 2,
            date: on(8).into(),
            adjustment: Adjustment { reason: "as recorded".into(), toxicity: Some(toxicity) },
        }));
        status(&trial.analyse(), "1")
    };
    assert_eq!(omitted(false), DltStatus::Pending);
    assert_eq!(omitted(true), DltStatus::NoDlt);
}

#[test]
fn a_dlt_makes_a_patient_evaluable_whatever_was_judged_or_received() {
    let mut trial = Trial::of_three();
    trial.event("1", "1", "Sepsis", 4, 5);
    trial.facts.push(Fact::EvaluabilityJudgement(EvaluabilityJudgement {
        subject: "1".into(),
        evaluable: false,
        reason: "withdrew consent".into(),
        adjudicator: "independent physician".into(),
        date: on(20),
    }));
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::Dlt);
}

#[test]
fn a_death_not_recorded_as_unrelated_holds_whatever_the_rule_advises() {
    let mut trial = Trial::of_three();
    let death = |related| {
        Fact::Death(Death {
            subject: "1".into(),
            at: on(99).into(),
            cause: None,
            related,
            by_progression: None,
        })
    };
    trial.facts.push(death(Some(false)));
    assert_eq!(advised(&trial.analyse()), Advised::Design(Action::Escalate));
    trial.facts.pop();
    trial.facts.push(death(None));
    assert_eq!(advised(&trial.analyse()), Advised::Hold);
}

#[test]
fn the_order_of_recording_does_not_matter_and_later_facts_are_not_seen() {
    let mut trial = Trial::of_three();
    trial.event("1", "7", "Sepsis", 4, 30);
    let cut = Some("2020-06-08T12:00:00Z");
    let told = |trial: &Trial| {
        let analysis = trial.analyse_at(cut);
        let patients: Vec<_> = analysis
            .patients
            .iter()
            .map(|patient| {
                (&patient.dlt, &patient.exposure, &patient.response, &patient.kinetics, &patient.late)
            })
            .collect();
        format!("{patients:?} {:?}", analysis.cohort("A").unwrap().advice)
    };
    let before = told(&trial);
    trial.facts.reverse();
    assert_eq!(told(&trial), before);
    trial.event("2", "9", "Sepsis", 4, 120);
    assert_eq!(told(&trial), before, "an event after the cut-off changes nothing");
}

#[test]
fn a_correction_replaces_what_it_corrects() {
    let mut trial = Trial::of_three();
    trial.event("1", "7", "Sepsis", 4, 30);
    let mut chain = trial.chain();
    assert_eq!(status(&analyse(&chain, None), "1"), DltStatus::Dlt);
    let wrong = chain.head().to_owned();
    trial.event("1", "7", "Sepsis", 1, 30);
    let mut event = recorded(trial.facts.last().unwrap().clone());
    event.corrects = Some(Correction { hash: wrong, reason: "grade mistyped".into() });
    chain.append(event).unwrap();
    assert_eq!(status(&analyse(&chain, None), "1"), DltStatus::NoDlt);
}

#[test]
fn an_event_that_begins_after_the_window_is_late_and_no_dlt() {
    let mut trial = Trial::of_three();
    trial.event("1", "7", "Sepsis", 4, 95);
    let analysis = trial.analyse();
    let patient = analysis.patients.iter().find(|patient| patient.id == "1").unwrap();
    assert_eq!(patient.dlt.status, DltStatus::NoDlt);
    assert_eq!(patient.late.len(), 1);
    assert!(analysis.cohort("A").unwrap().advice.as_ref().unwrap().unseen.contains("Late toxicity: 1 event"));
}

#[test]
fn a_death_in_the_demographics_is_a_death_once_the_cut_has_reached_it() {
    let mut trial = Trial::of_three();
    for fact in &mut trial.facts {
        if let Fact::Subject(subject) = fact
            && subject.subject == "1"
        {
            subject.death = Some(on(95).into());
        }
    }
    assert_eq!(advised(&trial.analyse()), Advised::Hold, "nobody recorded that it was unrelated");
    let before = trial.analyse_at(Some("2020-05-30T00:00:00Z"));
    assert_eq!(advised(&before), Advised::Design(Action::Escalate));
    assert!(before.patients.iter().all(|patient| patient.facts.subject.death.is_none()));
}

#[test]
fn a_level_that_was_stopped_is_not_escalated_into_when_a_lower_one_is_reviewed() {
    let mut trial = Trial::of_three();
    for subject in ["7", "8", "9"] {
        trial.enrol(subject, "B");
        trial.count(subject, 100, "150");
    }
    trial.event("7", "1", "Sepsis", 4, 20);
    trial.event("8", "1", "Sepsis", 4, 20);
    assert_ne!(advised(&trial.analyse()), Advised::Design(Action::Escalate));
}

#[test]
fn nobody_was_followed_beyond_the_day_they_were_last_seen() {
    let mut trial =
        Trial::of_three().without(|fact| matches!(fact, Fact::Laboratory(result) if result.subject == "1"));
    let analysis = trial.analyse();
    assert_eq!(status(&analysis, "1"), DltStatus::Pending, "another patient's count follows nobody else");
    assert_eq!(advised(&analysis), Advised::Design(Action::Wait));
    trial.count("1", 85, "150");
    assert_eq!(
        status(&trial.analyse(), "1"),
        DltStatus::Pending,
        "one day short of the window, without a tolerance"
    );
}

#[test]
fn what_a_rule_needs_and_cannot_read_is_awaited_and_never_no_dlt() {
    let mut trial = Trial::of_three();
    trial.event("1", "1", "Sepsis", 4, 30);
    let Some(Fact::AdverseEvent(event)) = trial.facts.last_mut() else { panic!("an event") };
    event.grade = None;
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::Pending, "a grade is missing");
    trial.judge("1", "1", Judge::Committee, false);
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::NoDlt);

    let mut trial = Trial::of_three();
    trial.count("2", 40, "1,234");
    assert_eq!(status(&trial.analyse(), "2"), DltStatus::Pending, "a count that is no number");
    let mut trial = Trial::of_three();
    trial.count("2", 40, "10");
    let Some(Fact::Laboratory(count)) = trial.facts.last_mut() else { panic!("a count") };
    count.at = Some("2020-04".parse().unwrap());
    assert_eq!(status(&trial.analyse(), "2"), DltStatus::Pending, "a count without its day");
}

#[test]
fn a_fatal_event_is_grade_5_and_ends_follow_up() {
    let mut trial = Trial::of_three();
    trial.event("1", "1", "Sepsis", 2, 30);
    let Some(Fact::AdverseEvent(event)) = trial.facts.last_mut() else { panic!("an event") };
    event.fatal = Some(true);
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::Dlt);
}

#[test]
fn a_low_count_still_running_at_the_last_visit_is_possible() {
    let mut trial =
        Trial::of_three().without(|fact| matches!(fact, Fact::Laboratory(result) if result.subject == "1"));
    for (day, count) in [(80, "150"), (84, "10"), (86, "8")] {
        trial.count("1", day, count);
    }
    let analysis = trial.analyse_at(Some("2020-05-26T23:59:59Z"));
    assert_eq!(status(&analysis, "1"), DltStatus::Pending);
    assert_eq!(analysis.patients[0].dlt.possible.len(), 1);
}

#[test]
fn a_judgement_speaks_of_its_own_event_and_of_no_other() {
    let mut trial = Trial::of_three();
    trial.event("1", "1", "Pneumonia", 3, 30);
    trial.event("1", "2", "Pneumonia fungal", 4, 30);
    trial.judge("1", "1", Judge::Committee, false);
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::Dlt);
    trial.judge("1", "2", Judge::Committee, false);
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::NoDlt);

    let mut trial = Trial::of_three();
    trial.judge("2", "none such", Judge::Committee, true);
    assert_eq!(
        status(&trial.analyse(), "2"),
        DltStatus::Dlt,
        "a judgement stands though its event is not recorded"
    );
}

#[test]
fn a_possible_dlt_is_not_lost_by_a_judgement_on_evaluability_nor_is_toxicity_a_reason_for_one() {
    let mut trial = Trial::of_three();
    let judgement = |reason: &str| {
        Fact::EvaluabilityJudgement(EvaluabilityJudgement {
            subject: "3".into(),
            evaluable: false,
            reason: reason.into(),
            adjudicator: "independent physician".into(),
            date: on(95),
        })
    };
    trial.facts.push(judgement("toxicity"));
    assert_eq!(status(&trial.analyse(), "3"), DltStatus::Pending);
    trial.facts.pop();
    trial.facts.push(judgement("withdrew consent"));
    assert_eq!(status(&trial.analyse(), "3"), DltStatus::NotEvaluable);
    for (day, count) in [(36, "60"), (40, "20"), (46, "22"), (52, "40")] {
        trial.count("3", day, count);
    }
    assert_eq!(status(&trial.analyse(), "3"), DltStatus::Pending);
}

#[test]
fn a_partial_date_never_hides_an_event_from_a_cut() {
    let mut trial = Trial::of_three();
    trial.event("1", "1", "Sepsis", 4, 70);
    let Some(Fact::AdverseEvent(event)) = trial.facts.last_mut() else { panic!("an event") };
    event.start = Some("2020-05".parse().unwrap());
    assert_eq!(status(&trial.analyse_at(Some("2020-05-30T00:00:00Z")), "1"), DltStatus::Dlt);
}

#[test]
fn leaving_the_study_on_no_recorded_day_awaits_a_judgement() {
    let mut trial =
        Trial::of_three().without(|fact| matches!(fact, Fact::Laboratory(result) if result.subject == "1"));
    trial.facts.push(Fact::Disposition(Disposition {
        subject: "1".into(),
        term: "LOST TO FOLLOW-UP".into(),
        standard: "LOST TO FOLLOW-UP".into(),
        category: Some("DISPOSITION EVENT".into()),
        scope: None,
        at: None,
    }));
    assert_eq!(status(&trial.analyse(), "1"), DltStatus::Pending);
}

#[test]
fn an_omitted_fraction_keeps_its_number_where_the_others_have_none() {
    let mut trial = Trial::of_three();
    for fact in &mut trial.facts {
        if let Fact::Administration(given) = fact {
            given.fraction = None;
        }
    }
    trial.facts.retain(|fact| !matches!(fact, Fact::Administration(given) if given.subject == "1" && given.start == on(1).into()));
    trial.facts.push(Fact::FractionOmitted(FractionOmitted {
        subject: "1".into(),
        fraction: 1,
        date: on(1).into(),
        adjustment: Adjustment { reason: "supply".into(), toxicity: Some(false) },
    }));
    let analysis = trial.analyse();
    let fractions = &analysis.patients[0].exposure.fractions;
    assert!(fractions[0].given.is_none() && fractions[1].given == Some(on(8)));
}

#[test]
fn a_trial_in_another_disease_confirms_the_investigators_categories_by_its_own_criteria() {
    let mut trial = Trial::of_three();
    let mut assessed = |day: i32, criteria: &str, response: &str| {
        trial.facts.push(Fact::ResponseAssessment(ResponseAssessment {
            subject: "1".into(),
            criteria: Some(criteria.into()),
            test: "OVRLRESP".into(),
            response: Some(response.into()),
            evaluator: Some("INVESTIGATOR".into()),
            evaluator_id: None,
            method: None,
            visit: None,
            at: Some(on(day).into()),
            progression_found_by: None,
            death_by_progression: false,
        }));
    };
    assessed(29, "IWWM-11", "MR");
    assessed(57, "IWWM-11", "MR");
    assessed(64, "RECIST 1.1", "CR");
    assessed(71, "IWWM-11", "sCR");
    let protocol = format!("{PROTOCOL}\n[response]\ncriteria = \"iwwm-11\"\n");
    let (protocol, _) = Protocol::read(&protocol).unwrap();
    let chain = trial.chain();
    let analysis = Analysis::of(&protocol, "", &chain, &Cut::freeze(&chain, None).unwrap()).unwrap();
    let response = &analysis.patients.iter().find(|patient| patient.id == "1").unwrap().response;
    assert_eq!(response.best.confirmed.map(Category::code), Some("MR"));
    assert_eq!(response.visits.len(), 2);
    let left_out: Vec<&str> = response.findings.iter().map(|finding| finding.says.as_str()).collect();
    assert!(left_out.iter().any(|says| says.contains("\"sCR\" is no category of iwwm-11")), "{left_out:?}");
}
