//! Trials of another kind than an escalation in one disease: the basket and the children's trial of the examples agree
//! with what is published of their models, and with what semantics asks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use posology_clinic::response::{Category, CriteriaSet};
use posology_trial::analysis::Analysis;
use posology_trial::analysis::eligibility::{Known, findings};
use posology_trial::analysis::monitoring::Watched;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::Rate;
use posology_trial::cut::Cut;
use posology_trial::event::Chain;
use posology_trial::protocol::{Protocol, Severity};

const BASKET: &str = include_str!("../../../examples/clover1/trial.toml");
const CHILDREN: &str = include_str!("../../../examples/paediatric/trial.toml");

fn analysed(protocol: &str, events: &str) -> Analysis {
    let read = Protocol::read(protocol).unwrap().0;
    let chain = Chain::read(events).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    Analysis::of(&read, &posology_trial::event::sha256(protocol.as_bytes()), &chain, &cut).unwrap()
}

fn basket() -> Analysis {
    analysed(BASKET, include_str!("../../../examples/clover1/events.ndjson"))
}

fn children() -> Analysis {
    analysed(CHILDREN, include_str!("../../../examples/paediatric/events.ndjson"))
}

fn single(patient: &PatientAnalysis) -> bool {
    patient.regimen.as_deref() == Some("25x1")
}

fn rate(analysis: &Analysis, id: &str, keep: impl Fn(&PatientAnalysis) -> bool) -> (u32, u32) {
    let definition = analysis.protocol.rate.iter().find(|rate| rate.id == id).unwrap();
    let found: Rate =
        analysis.rate(definition, analysis.patients.iter().filter(|patient| keep(patient)), true);
    (found.successes(), found.denominator())
}

#[test]
fn the_first_twenty_of_the_basket_agree_with_the_published_interim_result() {
    // Interim report of December 2019: 20 patients on one activity, 10 with myeloma and 10 with lymphoma; median age
    // 71 (52 to 82), 7 women; ORR 30%, clinical benefit 75%; mean PFS 4.5 months. First 10 with myeloma: ORR 30%.
    let basket = basket();
    let first: Vec<&PatientAnalysis> = basket.patients.iter().filter(|patient| single(patient)).collect();
    assert_eq!(first.len(), 20);
    assert_eq!(rate(&basket, "ORR", single), (6, 20));
    assert_eq!(rate(&basket, "CB", single), (15, 20));
    let of_myeloma = |patient: &PatientAnalysis| single(patient) && patient.stratum.as_deref() == Some("MM");
    assert_eq!(rate(&basket, "ORR", of_myeloma), (3, 10));
    let of_large_cell = |patient: &PatientAnalysis| patient.stratum.as_deref() == Some("DLBCL");
    assert_eq!(rate(&basket, "ORR", of_large_cell), (2, 6));
    assert_eq!(rate(&basket, "CB", of_large_cell), (3, 6));
    let mut ages: Vec<_> = first.iter().map(|patient| patient.facts.subject.age_years.unwrap()).collect();
    ages.sort();
    assert_eq!((ages[0], ages[9], ages[10], ages[19]), (52.into(), 71.into(), 71.into(), 82.into()));
    assert_eq!(first.iter().filter(|patient| patient.facts.subject.sex.as_deref() == Some("F")).count(), 7);
    for patient in &first {
        let time = patient.progression_free.as_ref().unwrap();
        assert!(time.is_event, "{}: {}", patient.id, time.because.says);
    }
    let days: u32 = first.iter().map(|patient| patient.progression_free.as_ref().unwrap().days).sum();
    // 137 days are 4.5 months of 30.4375.
    assert_eq!((f64::from(days) / 20.0 / 30.4375 * 10.0).round(), 45.0);
}

#[test]
fn each_stratum_is_judged_by_its_own_criteria_and_the_overall_response_begins_where_they_say() {
    let basket = basket();
    let of = |stratum: &str| {
        let patient = basket.patients.iter().find(|patient| patient.stratum.as_deref() == Some(stratum));
        patient.unwrap().response.criteria
    };
    assert_eq!(of("MM"), CriteriaSet::Imwg2016);
    assert_eq!(of("CLL-SLL"), CriteriaSet::Iwcll2018);
    assert_eq!(of("LPL-WM"), CriteriaSet::Iwwm11);
    assert_eq!(of("MZL"), CriteriaSet::Lugano2014);
    let overall = basket.protocol.rate.iter().find(|rate| rate.id == "ORR").unwrap();
    assert_eq!(overall.floor(CriteriaSet::Iwwm11), Category::Minimal);
    assert_eq!(overall.floor(CriteriaSet::Imwg2016), Category::Partial);
}

#[test]
fn an_arm_goes_on_past_a_first_stage_that_nothing_can_make_futile() {
    let basket = basket();
    let arm = |id: &str| basket.cohort(id).unwrap().monitored.clone().unwrap();
    // 10 of the 11 patients of the first stage; 3 of 6 are more than the 2 that are too few.
    assert_eq!((arm("MM").look, arm("MM").advised, arm("MM").responded), (0, Watched::GoOn, 8));
    assert_eq!((arm("DLBCL").look, arm("DLBCL").advised, arm("DLBCL").responded), (1, Watched::GoOn, 3));
    assert!(basket.cohorts.iter().all(|cohort| cohort.advice.is_none()));
}

#[test]
fn groups_by_activity_count_what_was_given_by_the_landmark_and_say_that_nobody_planned_them() {
    let basket = basket();
    let by_activity = basket.protocol.group.iter().find(|group| group.id == "TAD").unwrap();
    let grouped = basket.grouped(by_activity);
    assert_eq!(grouped.len(), 1, "nobody is within 1 mCi of the cut");
    let [below, above] = &grouped[0].groups[..] else { panic!("two groups") };
    // The optional second activity came after the landmark, or those who lived to get it would stand above.
    let second: Vec<&PatientAnalysis> = basket
        .patients
        .iter()
        .filter(|patient| single(patient) && patient.exposure.total_administered().unwrap().mci() > 60.into())
        .collect();
    assert_eq!(second.len(), 4);
    let in_below: Vec<&str> = basket.patients_in(below).map(|patient| patient.id.as_str()).collect();
    assert!(second.iter().all(|patient| in_below.contains(&patient.id.as_str())));
    assert!(grouped[0].notes.iter().any(|note| note.rule == "group/not-planned"));
    assert!(grouped[0].notes.iter().any(|note| note.rule == "group/later-activity"));
    // Published: 40% of those refractory to three classes and given more than 60 mCi.
    let triple = |patient: &&PatientAnalysis| {
        let is = |one: &posology_trial::event::Characteristic| {
            one.name == "Refractory class" && one.value == "Triple-class"
        };
        patient.facts.characteristics.iter().any(is)
    };
    let definition = basket.protocol.rate.iter().find(|rate| rate.id == "ORR").unwrap();
    let rate = basket.rate(definition, basket.patients_in(above).filter(triple), true);
    assert_eq!((rate.successes(), rate.denominator()), (2, 5));
}

#[test]
fn a_cut_within_one_millicurie_of_someone_is_shown_both_ways() {
    let basket = basket();
    let mut grouping = basket.protocol.group.iter().find(|group| group.id == "TAD").unwrap().clone();
    let someone = basket.patients.iter().find(|patient| single(patient)).unwrap();
    let given = someone.exposure.administered_by(someone.exposure.first().unwrap()).unwrap();
    let posology_trial::protocol::GroupBy::TotalAdministeredActivity { cut, .. } = &mut grouping.by else {
        panic!("by activity")
    };
    *cut = given;
    let grouped = basket.grouped(&grouping);
    assert_eq!(grouped.len(), 2);
    let upper = |place: usize| grouped[place].groups[1].patients.len();
    assert_eq!(upper(1), upper(0) + 1, "at least the cut takes the patient who is at it");
}

#[test]
fn the_prescribed_regimens_come_first_and_part_everyone_treated() {
    let basket = basket();
    let regimens = basket.by_regimen();
    let sizes: Vec<usize> = regimens.groups.iter().map(|group| group.patients.len()).collect();
    assert_eq!(sizes, [20, 7]);
    assert!(regimens.planned);
    let strata: usize = basket.by_stratum().unwrap().groups.iter().map(|group| group.patients.len()).sum();
    assert_eq!(strata, 27);
}

#[test]
fn an_optional_fraction_is_in_no_total_and_its_absence_leaves_treatment_complete() {
    let basket = basket();
    assert_eq!(basket.protocol.regimen("25x1").unwrap().total_per_area().unwrap().to_string(), "25 mCi/m2");
    for patient in basket.patients.iter().filter(|patient| single(patient)) {
        assert!(patient.exposure.is_complete(), "{}", patient.id);
        let percent = patient.exposure.percent().unwrap();
        assert!((95.into()..=103.into()).contains(&percent), "{}: {percent}", patient.id);
    }
}

#[test]
fn children_are_dosed_by_their_own_formula_and_counted_by_stratum_across_levels() {
    let children = children();
    let surface = &children.protocol.body_surface;
    for patient in &children.patients {
        let age = patient.facts.subject.age_years.unwrap();
        let weight = patient.weight_kg.unwrap();
        let settings = surface.settings(Some(age), weight).unwrap();
        let found = posology_clinic::body_surface::body_surface(
            format!("{} cm", patient.height_cm.unwrap()).parse().unwrap(),
            format!("{weight} kg").parse().unwrap(),
            &posology_clinic::body_surface::Settings { decimals: Some(2), ..settings },
        );
        assert_eq!(
            found.unwrap().area.square_metres(),
            patient.exposure.body_surface_m2.unwrap(),
            "{}",
            patient.id
        );
    }
    // Haycock 0.024265 H^0.3964 W^0.5378 for 95 cm and 14.2 kg: 0.61 m2 (Mosteller would be 0.61 too); for 181 cm and
    // 77.2 kg at 19 years Mosteller: 1.97 m2, where Haycock would give 1.98.
    let of = |id: &str| children.patients.iter().find(|patient| patient.id == id).unwrap();
    assert_eq!(of("PED-01-303").exposure.body_surface_m2.unwrap().to_string(), "1.97");
    let strata = children.by_stratum().unwrap();
    let sizes: Vec<usize> = strata.groups.iter().map(|group| group.patients.len()).collect();
    assert_eq!(sizes, [6, 2, 4, 2]);
}

#[test]
fn performance_is_scored_by_age_and_the_amended_haemoglobin_counts_from_its_version_on() {
    let children = children();
    let of = |id: &str| children.patients.iter().find(|patient| patient.id == id).unwrap();
    let found = |protocol: &Protocol, id: &str, criterion: &str| {
        let patient = of(id);
        let all = findings(protocol, &Known::from(&patient.facts), patient.enrolled.unwrap());
        all.into_iter().find(|finding| finding.id == criterion).unwrap()
    };
    let now = &children.protocol;
    assert_eq!(found(now, "PED-01-305", "lansky").met, Some(true));
    assert_eq!(found(now, "PED-01-305", "karnofsky").concerns, Some(false));
    assert_eq!(found(now, "PED-01-303", "karnofsky").met, Some(true));
    let earlier = Protocol::read(include_str!("../../../examples/paediatric/versions/1.0.toml")).unwrap().0;
    let limit = |protocol: &Protocol| {
        let all = protocol.eligibility.iter().find(|one| one.id == "haemoglobin").unwrap();
        all.laboratory.as_ref().unwrap().limits.at_least.unwrap().to_string()
    };
    assert_eq!((limit(&earlier).as_str(), limit(now).as_str()), ("10", "8"));
}

#[test]
fn contradictions_of_strata_arms_and_eligibility_are_told_with_their_place() {
    let problem = |text: String| {
        let problems = Protocol::read(&text).unwrap_err();
        let first =
            problems.as_slice().iter().find(|problem| problem.severity == Severity::Error).unwrap().clone();
        format!("{}: {}", first.path, first.expected)
    };
    assert!(
        problem(BASKET.replacen("stratum = \"MM\"", "stratum = \"AML\"", 1))
            .starts_with("cohort[0].stratum: the id of a stratum")
    );
    assert!(
        problem(BASKET.replacen("rate = \"CB\"", "rate = \"CBR\"", 1))
            .starts_with("cohort[0].monitoring.rate")
    );
    assert!(problem(BASKET.replacen("r1 = 5", "r1 = 12", 1)).starts_with("cohort[0].monitoring.rule"));
    assert!(
        problem(CHILDREN.replacen("unit = \"x ULN\"", "unit = \"parsec\"", 1))
            .starts_with("eligibility[6].laboratory.unit")
    );
    assert!(
        problem(CHILDREN.replacen("limits = { at-least = 60 }", "limits = { }", 1))
            .starts_with("eligibility[1].characteristic.limits")
    );
    assert!(
        problem(BASKET.replacen(
            "{ day = 1, activity = \"25 mCi/m2\" }",
            "{ day = 1, activity = \"25 mCi/m2\", optional = true }",
            1
        ))
        .contains("optional")
    );
}
