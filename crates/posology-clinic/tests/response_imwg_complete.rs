//! What the criteria say beyond serum, urine and light chains, and the laws every course obeys.
//!
//! Expected categories are worked by hand from Kumar et al., Lancet Oncol 2016;17:e328-46, Rajkumar et al., Blood
//! 2011;117:4691-5 and Durie et al., Leukemia 2006;20:1467-73.

#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::ToSpan;
use jiff::civil::{Date, date};
use posology_clinic::response::best::best;
use posology_clinic::response::confirm::{Course, Rules, confirm, statuses};
use posology_clinic::response::imwg::*;
use posology_clinic::response::{Category, ProgressionKind};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(number: i32) -> Date {
    date(2024, 1, 1) + (28 * number).days()
}

fn serum(number: i32, value: &str) -> Markers {
    Markers {
        serum_m: Reading::Quantified(dec(value)),
        urine_m: Reading::NotDetected,
        serum_immunofixation: Immunofixation::Positive,
        urine_immunofixation: Immunofixation::Negative,
        ..Markers::new(day(number))
    }
}

fn complete(number: i32) -> Markers {
    Markers {
        serum_m: Reading::NotDetected,
        serum_immunofixation: Immunofixation::Negative,
        plasma_cells: Some(dec("4")),
        clonality: Clonality::Absent,
        kappa: Some(dec("1")),
        lambda: Some(dec("1")),
        ..serum(number, "0")
    }
}

fn masses(number: i32, sizes: &[(&str, &str, &str)]) -> Markers {
    Markers {
        masses: sizes
            .iter()
            .map(|(id, longest, shortest)| Mass {
                id: (*id).to_owned(),
                longest: dec(longest),
                shortest: dec(shortest),
            })
            .collect(),
        ..serum(number, "2.0")
    }
}

fn all(criteria: &Criteria, base: &Markers, visits: &[Markers]) -> Vec<Response> {
    assess_all(criteria, &Baseline::new(base.clone()), visits).unwrap()
}

fn last(criteria: &Criteria, base: &Markers, visits: &[Markers]) -> Category {
    all(criteria, base, visits).last().unwrap().category
}

fn rules(response: &Response) -> Vec<&str> {
    response.reasons.iter().map(|because| because.rule.split_once('/').unwrap().1).collect()
}

const NOW: &Criteria = &Criteria::IMWG_2016;

#[test]
fn one_mass_progresses_by_half_its_length_from_more_than_one_centimetre_in_short_axis() {
    let base = masses(0, &[("A", "3.0", "2.0")]);
    let after = |short_axis: &str, longest: &str| {
        let nadir = masses(1, &[("A", "2.0", short_axis)]);
        all(NOW, &base, &[nadir, masses(2, &[("A", longest, "1.5")])]).pop().unwrap()
    };
    assert_eq!(rules(&after("1.1", "3.0")), ["progression-mass"]);
    assert_eq!(after("1.1", "3.0").kind(), Some(ProgressionKind::Imaging));
    assert_ne!(after("1.1", "2.99").category, Category::Progressive, "49.5% longer");
    assert_ne!(after("1.0", "3.0").category, Category::Progressive, "the short axis must exceed 1 cm");
}

#[test]
fn the_sum_of_products_is_a_criterion_for_more_than_one_mass() {
    // 6 + 2 = 8 cm2 at the nadir; 12 cm2 is half more while neither mass is half longer.
    let base = masses(0, &[("A", "4.0", "3.0"), ("B", "2.0", "2.0")]);
    let nadir = masses(1, &[("A", "3.0", "2.0"), ("B", "2.0", "1.0")]);
    let grown = masses(2, &[("A", "3.2", "2.5"), ("B", "2.0", "2.0")]);
    let response = all(NOW, &base, &[nadir, grown]).pop().unwrap();
    assert_eq!(rules(&response), ["progression-plasmacytoma"]);
    // One mass alone: 2.0 x 1.0 to 2.5 x 1.6 doubles the product, and is a quarter longer.
    let base = masses(0, &[("A", "2.0", "1.0")]);
    assert_eq!(last(NOW, &base, &[masses(1, &[("A", "2.5", "1.6")])]), Category::Stable);
}

#[test]
fn a_mass_not_there_before_is_a_new_lesion_and_one_not_listed_is_not_measured() {
    let base = masses(0, &[("A", "3.0", "2.0"), ("B", "2.0", "2.0")]);
    let new = masses(1, &[("A", "1.0", "1.0"), ("B", "1.0", "1.0"), ("C", "0.8", "0.5")]);
    assert_eq!(rules(&all(NOW, &base, &[new])[0]), ["progression-new-mass"]);
    // Serum falls by 75%; one of two masses is gone and the other was not measured: one level lower.
    let partly = Markers { serum_m: Reading::Quantified(dec("0.5")), ..masses(1, &[("A", "0", "0")]) };
    let far = Markers { date: day(0) + 91.days(), ..partly };
    let response = all(NOW, &base, &[far]).pop().unwrap();
    assert_eq!(response.category, Category::Minimal);
    assert_eq!(response.reasons[0].rule, "imwg-2016/missing-plasmacytoma");
    // Where imaging at baseline found none, any mass is new; where nobody looked, the first is the reference.
    let none = Markers { imaging: Imaging::NoProgression, ..serum(0, "2.0") };
    assert_eq!(last(NOW, &none, &[masses(1, &[("A", "1", "1")])]), Category::Progressive);
    assert_eq!(last(NOW, &serum(0, "2.0"), &[masses(1, &[("A", "1", "1")])]), Category::Stable);
}

#[test]
fn a_mass_that_was_gone_and_is_there_again_is_progression() {
    let base = masses(0, &[("A", "3.0", "2.0")]);
    let course = [masses(1, &[("A", "0", "0")]), masses(2, &[("A", "0.5", "0.4")])];
    assert_eq!(last(NOW, &base, &course), Category::Progressive);
}

#[test]
fn a_compression_fracture_is_no_new_lesion() {
    let fracture = Markers { imaging: Imaging::CompressionFracture, ..serum(1, "1.0") };
    let response = all(NOW, &serum(0, "4.0"), std::slice::from_ref(&fracture)).pop().unwrap();
    assert_eq!(response.category, Category::Partial);
    assert_eq!(*rules(&response).last().unwrap(), "compression-fracture");
    let base = Baseline::new(serum(0, "4.0"));
    assert_eq!(clinical_relapses(NOW, &base, &[fracture]).unwrap(), []);
}

#[test]
fn a_plasmacytoma_of_two_centimetres_drives_where_nothing_else_can() {
    let mass = |number, longest: &str, shortest: &str| Markers {
        serum_m: Reading::NotDetected,
        ..masses(number, &[("A", longest, shortest)])
    };
    let base = mass(0, "2.0", "2.0");
    let basis = measurable(NOW, &Baseline::new(base.clone())).unwrap();
    assert_eq!(basis.driving, Some(Marker::Plasmacytoma));
    assert_eq!(last(NOW, &base, &[mass(1, "2.0", "1.0")]), Category::Partial);
    assert_eq!(last(NOW, &base, &[mass(1, "2.0", "1.1")]), Category::Stable);
    assert_eq!(last(NOW, &base, &[mass(1, "0.4", "0.4")]), Category::VeryGoodPartial);
    assert_eq!(
        last(NOW, &base, &[mass(1, "0", "0")]),
        Category::VeryGoodPartial,
        "immunofixation, no marrow"
    );
    let gone = Markers { masses: mass(1, "0", "0").masses, ..complete(1) };
    assert_eq!(last(NOW, &base, &[gone]), Category::StringentComplete);
    let small = mass(0, "1.9", "1.9");
    assert_eq!(last(NOW, &small, &[mass(1, "1.0", "1.0")]), Category::NotEvaluable);
    assert_eq!(last(&Criteria::IMWG_2011, &base, &[mass(1, "1.0", "1.0")]), Category::NotEvaluable);
    let never = Criteria { plasmacytoma_measurable: false, ..Criteria::IMWG_2016 };
    assert_eq!(last(&never, &base, &[mass(1, "1.0", "1.0")]), Category::NotEvaluable);
    let not_seen = Markers { serum_m: Reading::NotDetected, ..serum(4, "0") };
    assert_eq!(last(NOW, &base, &[not_seen]), Category::NotEvaluable);
}

#[test]
fn circulating_cells_progress_only_where_nothing_else_is_measurable() {
    let cells =
        |number, count: &str| Markers { circulating_cells: Some(dec(count)), ..Markers::new(day(number)) };
    let of = |criteria: &Criteria, low: &str, now: &str| {
        last(criteria, &cells(0, "1000"), &[cells(1, low), cells(2, low), cells(3, now)])
    };
    assert_eq!(of(NOW, "140", "210"), Category::Progressive, "half more, above 200");
    assert_eq!(of(NOW, "140", "209"), Category::NotEvaluable, "49.3% more");
    assert_eq!(of(NOW, "100", "199"), Category::NotEvaluable, "below 200");
    let rise =
        Criteria { circulating_cells_progression: CirculatingCells::Increase200, ..Criteria::IMWG_2016 };
    assert_eq!(of(&rise, "140", "339"), Category::NotEvaluable);
    assert_eq!(of(&rise, "140", "340"), Category::Progressive);
    assert_eq!(of(&Criteria::IMWG_2011, "140", "900"), Category::NotEvaluable, "not in the edition");
    let beside =
        |number, count: &str| Markers { circulating_cells: Some(dec(count)), ..serum(number, "2.0") };
    assert_eq!(last(NOW, &beside(0, "100"), &[beside(1, "900")]), Category::Stable);
    let response = all(NOW, &cells(0, "140"), &[cells(1, "900")]).pop().unwrap();
    assert_eq!(response.kind(), Some(ProgressionKind::Biochemical), "needs a second sample");
}

#[test]
fn a_band_proved_to_be_a_therapeutic_antibody_does_not_block_complete_response_and_is_named() {
    let base = serum(0, "4.0");
    let of = |fixation| {
        all(NOW, &base, &[Markers { serum_immunofixation: fixation, ..complete(1) }]).pop().unwrap()
    };
    assert_eq!(of(Immunofixation::Positive).category, Category::VeryGoodPartial);
    let proved = of(Immunofixation::TherapeuticAntibody);
    assert_eq!(proved.category, Category::StringentComplete);
    assert!(rules(&proved).contains(&"therapeutic-antibody"));
}

#[test]
fn a_band_of_another_isotype_is_no_relapse_after_complete_response_and_positive_before() {
    let base = serum(0, "4.0");
    let other = |number| Markers { serum_immunofixation: Immunofixation::OtherIsotype, ..complete(number) };
    let course = all(NOW, &base, &[other(1), complete(2), other(3)]);
    let categories: Vec<&str> = course.iter().map(|one| one.category.code()).collect();
    assert_eq!(categories, ["VGPR", "sCR", "sCR"]);
    assert!(rules(&course[2]).contains(&"oligoclonal"));
    let statuses = [(day(2), Category::StringentComplete)];
    let relapse =
        |visit| relapse_from_complete(NOW, &Baseline::new(base.clone()), &[visit], &statuses).unwrap();
    assert_eq!(relapse(other(3)), None);
    assert!(relapse(Markers { serum_immunofixation: Immunofixation::Positive, ..complete(3) }).is_some());
}

#[test]
fn serum_by_two_methods_is_never_compared() {
    let by = |method, number, value: &str| Markers { serum_method: method, ..serum(number, value) };
    let mixed = [by(SerumMethod::Nephelometry, 1, "0.2")];
    let response = all(NOW, &by(SerumMethod::Electrophoresis, 0, "4.0"), &mixed).pop().unwrap();
    assert_eq!(response.category, Category::NotEvaluable);
    assert_eq!(*rules(&response).last().unwrap(), "serum-method");
    let base = by(SerumMethod::Nephelometry, 0, "4.0");
    assert_eq!(last(NOW, &base, &[by(SerumMethod::Nephelometry, 1, "2.0")]), Category::Partial);
    // Normal immunoglobulin remains: a complete response rests on immunofixation, not on a value of zero.
    let normal = Markers {
        serum_method: SerumMethod::Nephelometry,
        serum_m: Reading::Quantified(dec("0.9")),
        ..complete(1)
    };
    assert_eq!(last(NOW, &base, &[normal]), Category::StringentComplete);
}

#[test]
fn a_marrow_sample_soon_after_completes_a_response_unless_progression_lies_between() {
    let base = serum(0, "4.0");
    let cleared = Markers { plasma_cells: None, ..complete(1) };
    let marrow = |days: i32, cells: &str| Markers {
        plasma_cells: Some(dec(cells)),
        clonality: Clonality::Absent,
        ..Markers::new(day(1) + days.days())
    };
    let first = |criteria: &Criteria, rest: &[Markers]| {
        let visits: Vec<Markers> = std::iter::once(cleared.clone()).chain(rest.iter().cloned()).collect();
        all(criteria, &base, &visits)[0].category
    };
    assert_eq!(first(NOW, &[]), Category::VeryGoodPartial);
    assert_eq!(first(NOW, &[marrow(42, "3")]), Category::StringentComplete);
    assert_eq!(first(NOW, &[marrow(43, "3")]), Category::VeryGoodPartial);
    assert_eq!(first(NOW, &[marrow(10, "5")]), Category::VeryGoodPartial);
    let lesion = Markers { imaging: Imaging::NewLesion, ..Markers::new(day(1) + 5.days()) };
    assert_eq!(first(NOW, &[lesion, marrow(10, "3")]), Category::VeryGoodPartial);
    let before = Criteria { marrow_sample: MarrowSample::Before, ..Criteria::IMWG_2016 };
    assert_eq!(first(&before, &[marrow(10, "3")]), Category::VeryGoodPartial);
}

#[test]
fn each_open_point_changes_what_it_names() {
    let older = |change: &dyn Fn(&mut Criteria)| {
        let mut criteria = Criteria::IMWG_2016;
        change(&mut criteria);
        criteria
    };
    // A baseline of 2.0 that no second sample confirms is no nadir: 2.6 and 2.6 are, and 3.1 is 19% more.
    let second = older(&|c| c.nadir_baseline = NadirBaseline::Confirmed);
    let course = [serum(1, "2.6"), serum(2, "2.6"), serum(3, "3.1")];
    assert_eq!(last(NOW, &serum(0, "2.0"), &course), Category::Progressive);
    assert_eq!(last(&second, &serum(0, "2.0"), &course), Category::Stable);
    // Urine that was not measurable escapes by the full amount, unless the protocol says it does not.
    let urine =
        |number, amount: &str| Markers { urine_m: Reading::Quantified(dec(amount)), ..serum(number, "2.0") };
    let never = older(&|c| c.progression_of_unmeasurable = false);
    assert_eq!(last(NOW, &urine(0, "20"), &[urine(1, "220")]), Category::Progressive);
    assert_eq!(last(&never, &urine(0, "20"), &[urine(1, "220")]), Category::Stable);
    // A missing serum value may be carried forward by one visit.
    let carry = older(&|c| c.missing_serum = MissingMeasurable::CarryForwardOnce);
    let none = |number| Markers { serum_m: Reading::NotDone, ..serum(number, "0") };
    assert_eq!(last(NOW, &serum(0, "4"), &[serum(1, "2"), none(2)]), Category::NotEvaluable);
    assert_eq!(last(&carry, &serum(0, "4"), &[serum(1, "2"), none(2)]), Category::Partial);
    assert_eq!(last(&carry, &serum(0, "4"), &[serum(1, "2"), none(2), none(3)]), Category::NotEvaluable);
    // Marrow of 5% after a complete response, where marrow drives.
    let cells = |number, percent: &str| Markers {
        serum_m: Reading::NotDetected,
        plasma_cells: Some(dec(percent)),
        kappa: None,
        ..complete(number)
    };
    let five = older(&|c| c.marrow_progression = MarrowProgression::Level10Or5AfterComplete);
    let ten = older(&|c| c.marrow_progression = MarrowProgression::Level10);
    let course = [cells(1, "1"), cells(2, "5")];
    assert_eq!(last(&five, &cells(0, "40"), &course), Category::Progressive);
    assert_ne!(last(&ten, &cells(0, "40"), &course), Category::Progressive);
    // Marrow alone gives a very good partial response only where the protocol says so.
    let deep = older(&|c| c.very_good_partial_by_marrow = true);
    let only =
        |number, percent: &str| Markers { plasma_cells: Some(dec(percent)), ..Markers::new(day(number)) };
    assert_eq!(last(NOW, &only(0, "40"), &[only(1, "4")]), Category::Partial);
    assert_eq!(last(&deep, &only(0, "40"), &[only(1, "4")]), Category::VeryGoodPartial);
    // Serum that was not measurable and is worse caps a response by urine.
    let worse =
        |number, m: &str, u: &str| Markers { urine_m: Reading::Quantified(dec(u)), ..serum(number, m) };
    let ignore = older(&|c| c.urine_only_serum = UrineOnlySerum::Ignore);
    assert_eq!(last(NOW, &worse(0, "0.2", "900"), &[worse(1, "0.3", "50")]), Category::Partial);
    assert_eq!(last(&ignore, &worse(0, "0.2", "900"), &[worse(1, "0.3", "50")]), Category::VeryGoodPartial);
    // A plasmacytoma not measured again.
    let mass = Markers { plasmacytoma: Some(dec("10")), ..serum(0, "4") };
    let of = |answer| last(&older(&|c| c.missing_imaging = answer), &mass, &[serum(1, "0.1")]);
    assert_eq!(of(MissingImaging::OneLevelLower), Category::Partial);
    assert_eq!(of(MissingImaging::NoComplete), Category::VeryGoodPartial);
    assert_eq!(of(MissingImaging::NotEvaluable), Category::NotEvaluable);
}

#[test]
fn clinical_relapse_is_a_report_of_its_own_and_no_progression() {
    let base = Markers {
        haemoglobin: Some(dec("11.0")),
        creatinine: Some(dec("1.0")),
        calcium: Some(dec("9.6")),
        ..masses(0, &[("A", "2.0", "2.0")])
    };
    let of = |criteria: &Criteria, change: &dyn Fn(&mut Markers)| {
        let mut first = Markers { haemoglobin: Some(dec("12.0")), ..masses(1, &[("A", "2.0", "2.0")]) };
        first.creatinine = Some(dec("1.0"));
        let mut now = serum(2, "2.0");
        change(&mut now);
        let visits = [first, now];
        assert_ne!(last(criteria, &base, &visits), Category::Progressive);
        let found = clinical_relapses(criteria, &Baseline::new(base.clone()), &visits).unwrap();
        found.iter().map(|one| (one.date, one.reasons.len())).collect::<Vec<_>>()
    };
    let here = [(day(2), 1)];
    assert_eq!(of(NOW, &|m| m.calcium = Some(dec("11.1"))), here);
    assert_eq!(of(NOW, &|m| m.calcium = Some(dec("11.0"))), []);
    assert_eq!(of(&Criteria::IMWG_2011, &|m| m.calcium = Some(dec("11.5"))), []);
    assert_eq!(of(NOW, &|m| m.haemoglobin = Some(dec("10.0"))), here, "2 below the highest, 12.0");
    assert_eq!(of(NOW, &|m| m.haemoglobin = Some(dec("10.1"))), []);
    let explained = |m: &mut Markers| {
        m.haemoglobin = Some(dec("8.0"));
        m.haemoglobin_otherwise_explained = true;
    };
    assert_eq!(of(NOW, &explained), []);
    let creatinine = |m: &mut Markers| {
        m.creatinine = Some(dec("3.0"));
        m.creatinine_due_to_myeloma = true;
    };
    assert_eq!(of(NOW, &creatinine), here);
    assert_eq!(of(NOW, &|m| m.creatinine = Some(dec("9.0"))), [], "myeloma does not explain it");
    assert_eq!(of(NOW, &|m| m.hyperviscosity = true), here);
    // 4.0 to 7.25 cm2 is 81% more, and 0.9 cm longer; from 3.0 x 2.0 it is 1.0 cm longer.
    assert_eq!(of(NOW, &|m| m.masses = masses(2, &[("A", "2.9", "2.5")]).masses), []);
}

#[test]
fn definite_growth_is_half_more_in_sum_and_one_centimetre_in_length() {
    let base = masses(0, &[("A", "2.5", "2.0")]);
    let of = |longest: &str, shortest: &str| {
        let visits = [masses(1, &[("A", longest, shortest)])];
        clinical_relapses(NOW, &Baseline::new(base.clone()), &visits).unwrap().len()
    };
    assert_eq!(of("3.5", "2.2"), 1, "7.70 of 5.00 cm2, 1.0 cm longer");
    assert_eq!(of("3.4", "2.3"), 0, "7.82 cm2, 0.9 cm longer");
    assert_eq!(of("3.5", "2.1"), 0, "7.35 cm2");
}

#[test]
fn relapse_from_complete_response_ends_disease_free_survival_only() {
    let base = Baseline::new(serum(0, "4.0"));
    let of = |change: &dyn Fn(&mut Markers)| {
        let mut now = complete(4);
        change(&mut now);
        let visits = [complete(1), complete(2), now];
        let assessed = assess_all(NOW, &base, &visits).unwrap();
        assert_ne!(assessed[2].category, Category::Progressive);
        let statuses = [(day(1), Category::StringentComplete), (day(4), Category::StringentComplete)];
        relapse_from_complete(NOW, &base, &visits, &statuses).unwrap().map(|one| one.date)
    };
    assert_eq!(of(&|_| {}), None);
    assert_eq!(of(&|m| m.serum_immunofixation = Immunofixation::Positive), Some(day(4)));
    assert_eq!(of(&|m| m.serum_m = Reading::TracePresent), Some(day(4)));
    assert_eq!(of(&|m| m.urine_m = Reading::Quantified(dec("30"))), Some(day(4)));
    let marrow = |m: &mut Markers, cells: &str| {
        m.plasma_cells = Some(dec(cells));
        m.clonality = Clonality::NotDone;
    };
    assert_eq!(of(&|m| marrow(m, "5")), Some(day(4)));
    assert_eq!(of(&|m| marrow(m, "4.9")), None);
    assert_eq!(of(&|m| m.calcium = Some(dec("11.1"))), Some(day(4)));
    let never = relapse_from_complete(NOW, &base, &[complete(1)], &[(day(1), Category::VeryGoodPartial)]);
    assert_eq!(never.unwrap(), None);
}

fn residual(number: i32, method: ResidualMethod, sensitivity: &str, found: bool, uptake: Uptake) -> Markers {
    let sensitivity = dec(sensitivity);
    Markers {
        residual_disease: Some(ResidualDisease { method, sensitivity, found }),
        uptake,
        ..complete(number)
    }
}

#[test]
fn residual_disease_counts_by_method_sensitivity_imaging_and_time() {
    use ResidualMethod::{Flow, MassSpectrometry, Sequencing};
    let in_complete = [(day(0), Category::Complete)];
    let status = |criteria: &Criteria, visit: &Markers| {
        residual_disease(criteria, &in_complete, std::slice::from_ref(visit))[0].status
    };
    let none = Uptake::NotDone;
    assert_eq!(status(NOW, &residual(1, Flow, "0.00001", false, none)), ResidualStatus::Negative);
    assert_eq!(status(NOW, &residual(1, Sequencing, "0.000001", false, none)), ResidualStatus::Negative);
    assert_eq!(status(NOW, &residual(1, Sequencing, "0.0001", false, none)), ResidualStatus::NotSensitive);
    assert_eq!(status(NOW, &residual(1, Flow, "0.00001", true, none)), ResidualStatus::Positive);
    let spectrum = residual(1, MassSpectrometry, "0.00001", false, none);
    assert_eq!(status(NOW, &spectrum), ResidualStatus::NotSensitive);
    let accepted = Criteria { mrd_mass_spectrometry: true, ..Criteria::IMWG_2016 };
    assert_eq!(status(&accepted, &spectrum), ResidualStatus::Negative);
    assert_eq!(
        status(NOW, &residual(1, Flow, "0.00001", false, Uptake::Gone)),
        ResidualStatus::ImagingNegative
    );
    assert_eq!(status(NOW, &residual(1, Flow, "0.00001", false, Uptake::Present)), ResidualStatus::Negative);

    let negative = residual(1, Flow, "0.00001", false, none);
    let of = |criteria: &Criteria, statuses: &[(Date, Category)]| {
        residual_disease(criteria, statuses, std::slice::from_ref(&negative))[0].status
    };
    assert_eq!(of(NOW, &[(day(0), Category::VeryGoodPartial)]), ResidualStatus::NotInComplete);
    assert_eq!(of(NOW, &[(day(2), Category::Complete)]), ResidualStatus::Negative, "complete 28 days later");
    assert_eq!(of(NOW, &[(day(0), Category::Progressive)]), ResidualStatus::NotInComplete);
    let anyhow = Criteria { mrd_needs_complete: false, ..Criteria::IMWG_2016 };
    assert_eq!(of(&anyhow, &[]), ResidualStatus::Negative);
}

#[test]
fn sustained_negativity_is_marrow_and_imaging_twice_at_least_a_year_apart_with_nothing_between() {
    let at = |date: Date, found: bool| Markers {
        date,
        ..residual(0, ResidualMethod::Flow, "0.00001", found, Uptake::Gone)
    };
    let of = |visits: &[Markers]| {
        let found = residual_disease(NOW, &[(date(2024, 1, 1), Category::Complete)], visits);
        found.last().unwrap().status
    };
    let first = at(date(2024, 3, 1), false);
    assert_eq!(of(&[first.clone(), at(date(2025, 3, 1), false)]), ResidualStatus::SustainedNegative);
    assert_eq!(of(&[first.clone(), at(date(2025, 2, 28), false)]), ResidualStatus::ImagingNegative);
    let broken = [first, at(date(2024, 9, 1), true), at(date(2025, 3, 1), false)];
    assert_eq!(of(&broken), ResidualStatus::ImagingNegative);
    let base = Baseline::new(serum(-1, "4.0"));
    let found = residual_disease(NOW, &[(date(2024, 1, 1), Category::Complete)], &broken);
    let relapse = relapse_from_negative(NOW, &base, &broken, &found).unwrap().unwrap();
    assert_eq!(relapse.date, date(2024, 9, 1));
    assert!(relapse.reasons[0].says.contains("flow cytometry, sensitivity 0.00001"));
}

#[test]
fn the_lines_of_a_curve_are_where_the_judge_changes_its_mind() {
    // A hundredth beside each line, for baselines and nadirs below, at and above 5 g/dL.
    let hair = dec("0.01");
    let at = |number, value: Decimal| Markers { serum_m: Reading::Quantified(value), ..serum(number, "0") };
    for criteria in [Criteria::IMWG_2016, Criteria::IMWG_2011] {
        for base in ["1.2", "4.0", "5.0", "7.6"].map(dec) {
            for (category, level) in response_levels(&criteria, Marker::SerumM, base) {
                assert_eq!(last(&criteria, &at(0, base), &[at(1, level)]), category, "{base} to {level}");
                assert_ne!(
                    last(&criteria, &at(0, base), &[at(1, level + hair)]),
                    category,
                    "{base} to {level}"
                );
            }
            for low in
                ["0", "0.3", "2.0", "4.9", "5.0", "6.4"].map(dec).into_iter().filter(|low| *low <= base)
            {
                let level = progression_level(&criteria, Marker::SerumM, Some(base), low).unwrap();
                let of = |value| last(&criteria, &at(0, base), &[at(1, low), at(2, low), at(3, value)]);
                assert_eq!(of(level), Category::Progressive, "{base}, {low} to {level}");
                assert_ne!(of(level - hair), Category::Progressive, "{base}, {low} to {level}");
            }
        }
        let urine =
            |number, value: Decimal| Markers { urine_m: Reading::Quantified(value), ..serum(number, "0") };
        for low in ["0", "300", "900"].map(dec) {
            let level = progression_level(&criteria, Marker::UrineM, None, low).unwrap();
            let of = |value| {
                last(&criteria, &urine(0, dec("1000")), &[urine(1, low), urine(2, low), urine(3, value)])
            };
            assert_eq!(of(level), Category::Progressive);
            assert_ne!(of(level - hair), Category::Progressive);
        }
    }
}

#[test]
fn diameters_that_cannot_be_are_refused_with_their_day() {
    for (sizes, found) in [
        (vec![("A", "1.0", "2.0")], "longest diameter first"),
        (vec![("A", "-1.0", "-2.0")], "from 0 to 1000 cm"),
        (vec![("A", "1.0", "1.0"), ("A", "2.0", "1.0")], "each once"),
    ] {
        let bad = assess_all(NOW, &Baseline::new(serum(0, "2")), &[masses(1, &sizes)]).unwrap_err();
        assert!(bad.to_string().contains(found) && bad.place.contains(&day(1).to_string()), "{bad}");
    }
    let both = Markers { plasmacytoma: Some(dec("5")), ..masses(1, &[("A", "2.0", "2.0")]) };
    assert!(assess_all(NOW, &Baseline::new(serum(0, "2")), &[both]).is_err());
    let twice = assess_all(NOW, &Baseline::new(serum(0, "2")), &[serum(1, "2"), serum(1, "3")]).unwrap_err();
    assert!(twice.to_string().contains("two assessments"), "{twice}");
}

#[test]
fn every_open_point_is_a_key_that_reads_back_as_written() {
    let criteria = serde_json::to_value(Criteria::IMWG_2016).unwrap();
    let settings: Settings = serde_json::from_value(criteria.clone()).unwrap();
    assert_eq!(settings.criteria(), Criteria::IMWG_2016);
    assert_eq!(criteria["mrd-sensitivity"], "1e-5");
    assert_eq!(criteria["clinical-relapse-calcium"], "11");
    assert_eq!(criteria["circulating-cells-progression"], "level-200");
    assert_eq!(criteria.as_object().unwrap().len(), 34);
}

/// A reading in tenths, often missing.
fn tenths(highest: u32) -> impl Strategy<Value = Reading> {
    prop_oneof![
        1 => Just(Reading::NotDone),
        1 => Just(Reading::NotDetected),
        6 => (0..highest).prop_map(|value| Reading::Quantified(Decimal::new(value.into(), 1))),
    ]
}

fn fixation() -> impl Strategy<Value = Immunofixation> {
    prop::sample::select(vec![
        Immunofixation::Positive,
        Immunofixation::Negative,
        Immunofixation::Negative,
        Immunofixation::NotDone,
        Immunofixation::TherapeuticAntibody,
        Immunofixation::OtherIsotype,
    ])
}

prop_compose! {
    fn marrow()(
        plasma_cells in prop::option::of(0..60_u32),
        clonality in prop::sample::select(vec![Clonality::Absent, Clonality::Present, Clonality::NotDone]),
        circulating in prop::option::weighted(0.3, 0..600_u32),
        kappa in prop::option::of(0..600_u32),
        lambda in prop::option::of(1..20_u32),
        sizes in prop::option::weighted(0.3, prop::collection::vec((0..40_u32, 0..20_u32), 1..3)),
        imaging in prop::sample::select(vec![
            Imaging::NotDone, Imaging::NotDone, Imaging::NoProgression, Imaging::CompressionFracture, Imaging::NewLesion,
        ]),
        method in prop_oneof![
            3 => Just(SerumMethod::Electrophoresis),
            1 => Just(SerumMethod::Nephelometry),
        ],
    ) -> Markers {
        Markers {
            plasma_cells: plasma_cells.map(Decimal::from),
            clonality,
            circulating_cells: circulating.map(Decimal::from),
            kappa: kappa.map(|value| Decimal::new(value.into(), 1)),
            lambda: lambda.map(|value| Decimal::new(value.into(), 1)),
            masses: sizes.unwrap_or_default().into_iter().enumerate().map(|(index, (longest, less))| Mass {
                id: format!("M{index}"),
                longest: Decimal::new(longest.into(), 1),
                shortest: Decimal::new(longest.saturating_sub(less).into(), 1),
            }).collect(),
            imaging,
            serum_method: method,
            ..Markers::new(day(0))
        }
    }
}

prop_compose! {
    fn visit()(
        at in marrow(),
        serum_m in tenths(80),
        urine_m in tenths(8000),
        serum_immunofixation in fixation(),
        urine_immunofixation in fixation(),
    ) -> Markers {
        Markers { serum_m, urine_m, serum_immunofixation, urine_immunofixation, ..at }
    }
}

/// A baseline and visits three to six weeks apart.
fn course() -> impl Strategy<Value = (Markers, Vec<Markers>)> {
    (visit(), prop::collection::vec((visit(), 21..43_i32), 1..9)).prop_map(|(base, visits)| {
        let mut date = base.date;
        let visits = visits
            .into_iter()
            .map(|(visit, days)| {
                date += days.days();
                Markers { date, ..visit }
            })
            .collect();
        (base, visits)
    })
}

fn some_criteria() -> impl Strategy<Value = Criteria> {
    (prop::sample::select(Edition::ALL.to_vec()), any::<[bool; 6]>()).prop_map(|(edition, other)| {
        let mut criteria = edition.criteria();
        if other[0] {
            criteria.nadir = if criteria.nadir == Nadir::Any { Nadir::Confirmed } else { Nadir::Any };
        }
        if other[1] {
            criteria.missing_urine = MissingMeasurable::CarryForwardOnce;
            criteria.missing_serum = MissingMeasurable::CarryForwardOnce;
        }
        if other[2] {
            criteria.marrow_sample = MarrowSample::Before;
        }
        if other[3] {
            criteria.missing_unmeasurable = MissingUnmeasurable::Ignore;
        }
        if other[4] {
            criteria.nadir_baseline = NadirBaseline::Confirmed;
        }
        if other[5] {
            criteria.progression_of_unmeasurable = false;
        }
        criteria
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_way_without_words_decides_as_the_one_that_explains(
        criteria in some_criteria(),
        (base, visits) in course(),
    ) {
        let base = Baseline::new(base);
        let told = assess_all(&criteria, &base, &visits).unwrap();
        let silent = categories(&criteria, &base, &visits).unwrap();
        let told: Vec<_> = told.iter().map(|one| (one.date, one.category, one.kind())).collect();
        let silent: Vec<_> = silent.iter().map(|one| (one.date, one.category, one.kind)).collect();
        prop_assert_eq!(told, silent);
    }

    #[test]
    fn best_response_without_words_is_the_one_with_them(
        criteria in some_criteria(),
        (base, visits) in course(),
        therapy in prop::option::of(0..300_i32),
    ) {
        let base = Baseline::new(base);
        let patient = Course { new_therapy: therapy.map(|after| day(0) + after.days()), ..Course::default() };
        let told: Vec<_> = assess_all(&criteria, &base, &visits).unwrap().into_iter().map(Response::into_assessment).collect();
        let silent = categories(&criteria, &base, &visits).unwrap();
        for rules in [Rules::REFERENCE, Rules::PROTOCOL] {
            let one = best(&rules, &patient, &confirm(&rules, &patient, &told));
            let other = best(&rules, &patient, &statuses(&rules, &patient, &silent));
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn each_visit_is_judged_by_those_before_it_alone(
        criteria in some_criteria(),
        (base, visits) in course(),
    ) {
        // With marrow samples up to the assessment only: every prefix, derived anew, ends as the whole course does there.
        let criteria = Criteria { marrow_sample: MarrowSample::Before, ..criteria };
        let base = Baseline::new(base);
        let whole = assess_all(&criteria, &base, &visits).unwrap();
        for end in 1..=visits.len() {
            let (now, before) = visits[..end].split_last().unwrap();
            prop_assert_eq!(&assess(&criteria, &base, before, now).unwrap(), &whole[end - 1]);
        }
    }

    #[test]
    fn the_nadir_kept_in_passing_is_the_one_derived_from_all_of_history(
        criteria in some_criteria(),
        (base, visits) in course(),
    ) {
        let base = Baseline::new(base);
        for marker in [Marker::UrineM, Marker::PlasmaCells, Marker::CirculatingCells] {
            let amount = |at: &Markers| match marker {
                Marker::UrineM => at.urine_m.amount(),
                Marker::PlasmaCells => at.plasma_cells,
                _ => at.circulating_cells,
            };
            let Some(start) = amount(&base.markers) else { continue };
            for (index, response) in assess_all(&criteria, &base, &visits).unwrap().iter().enumerate() {
                let Some(change) = response.changes.iter().find(|change| change.marker == marker) else { continue };
                let before: Vec<Decimal> = visits[..index].iter().filter_map(amount).collect();
                let any = criteria.nadir == Nadir::Any || marker == Marker::PlasmaCells;
                let level: Vec<Decimal> = if any {
                    before.iter().copied().chain([start]).collect()
                } else if criteria.nadir_baseline == NadirBaseline::Confirmed {
                    let all: Vec<Decimal> = std::iter::once(start).chain(before).collect();
                    let pairs: Vec<Decimal> = all.windows(2).map(|pair| pair[0].max(pair[1])).collect();
                    if pairs.is_empty() { vec![start] } else { pairs }
                } else {
                    before.windows(2).map(|pair| pair[0].max(pair[1])).chain([start]).collect()
                };
                prop_assert_eq!(change.nadir, level.into_iter().min());
            }
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        criteria in some_criteria(),
        ((base, visits), shuffled) in course().prop_flat_map(|(base, visits)| {
            (Just((base, visits.clone())), Just(visits).prop_shuffle())
        }),
    ) {
        let base = Baseline::new(base);
        prop_assert_eq!(assess_all(&criteria, &base, &visits), assess_all(&criteria, &base, &shuffled));
    }

    #[test]
    fn a_visit_added_after_progression_changes_nothing_before_it(
        criteria in some_criteria(),
        (base, visits) in course(),
        more in visit(),
    ) {
        let base = Baseline::new(base);
        let before = assess_all(&criteria, &base, &visits).unwrap();
        let Some(first) = before.iter().position(|one| one.category == Category::Progressive) else { return Ok(()) };
        let last = visits.last().unwrap().date;
        let longer: Vec<Markers> = visits.iter().cloned().chain([Markers { date: last + 28.days(), ..more }]).collect();
        let after = assess_all(&criteria, &base, &longer).unwrap();
        prop_assert_eq!(&before[..=first], &after[..=first]);
    }

    #[test]
    fn the_status_never_falls_except_to_progression(criteria in some_criteria(), (base, visits) in course()) {
        let assessments = categories(&criteria, &Baseline::new(base), &visits).unwrap();
        let confirmed = confirm(&Rules::PROTOCOL, &Course::default(), &assessments);
        for pair in confirmed.statuses.windows(2) {
            let (before, after) = (pair[0].status, pair[1].status);
            let rises = after >= before && before != Category::Progressive;
            prop_assert!(rises || after == Category::Progressive);
        }
    }

    #[test]
    fn units_do_not_matter(criteria in some_criteria(), (base, visits) in course()) {
        // The same laboratory reporting in other units: g/L, g/24 h, mg/L, 10^9/L, mm2 of a sum of products.
        let other = |at: &Markers| {
            let convert = |marker: Marker, value: Decimal, unit: &str, factor: i64| {
                marker.canonical(value * Decimal::from(factor), unit).unwrap()
            };
            let read = |marker, reading, unit: &str, factor| match reading {
                Reading::Quantified(value) => Reading::Quantified(convert(marker, value, unit, factor)),
                other => other,
            };
            let thousandth = |value: Decimal| Marker::UrineM.canonical(value * Decimal::new(1, 3), "g/24 h").unwrap();
            let light = |value: Option<Decimal>| value.map(|value| convert(Marker::FreeLightChains, value, "mg/L", 10));
            Markers {
                serum_m: read(Marker::SerumM, at.serum_m, "g/L", 10),
                urine_m: match at.urine_m {
                    Reading::Quantified(value) => Reading::Quantified(thousandth(value)),
                    other => other,
                },
                kappa: light(at.kappa),
                lambda: light(at.lambda),
                circulating_cells: at.circulating_cells.map(|value| {
                    Marker::CirculatingCells.canonical(value * Decimal::new(1, 3), "10^9/L").unwrap()
                }),
                ..at.clone()
            }
        };
        let one = categories(&criteria, &Baseline::new(base.clone()), &visits).unwrap();
        let visits: Vec<Markers> = visits.iter().map(other).collect();
        prop_assert_eq!(one, categories(&criteria, &Baseline::new(other(&base)), &visits).unwrap());
    }
}
