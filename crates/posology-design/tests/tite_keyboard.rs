//! TITE-Keyboard: Keyboard where nobody is pending, and what must hold for any data.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use posology_design::{Action, AtLevel, Data, Design, Level};
use proptest::prelude::*;
use serde_json::{Value, json};

fn design(settings: Value) -> Design {
    let mut whole =
        json!({"design": "tite-keyboard", "target": 0.3, "doses": 3, "window": 28, "max-patients": 60});
    for (key, value) in settings.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn at(dlt: u32, evaluable: u32, pending: &[f64]) -> AtLevel {
    AtLevel { dlt, no_dlt: evaluable - dlt, pending: pending.to_vec(), ..AtLevel::default() }
}

fn advice(design: &Design, levels: Vec<AtLevel>, current: u32) -> (Action, Option<u32>) {
    let decision = design.next(&Data::new(levels, Level::new(current)).unwrap()).unwrap();
    (decision.action, decision.level.map(Level::number))
}

/// Keys of width 0.1 about 0.3. Beta(2, 3.5) (1 DLT, effective 3.5 patients) by its
/// masses per width over 0.15 to 0.45, computed by another program.
#[test]
fn the_strongest_key_of_the_effective_number_of_patients_decides() {
    let levels = |share: f64| vec![at(0, 3, &[]), at(1, 2, &[share, share]), at(0, 0, &[])];
    let masses = |share: f64| {
        let next = design(json!({})).next(&Data::new(levels(share), Level::new(2)).unwrap()).unwrap();
        let because =
            next.because.into_iter().find(|because| because.inputs.contains_key("mass-target")).unwrap();
        ["mass-below", "mass-target", "mass-above"].map(|key| because.inputs[key].parse::<f64>().unwrap())
    };
    for (mass, expected) in masses(0.75).into_iter().zip(MASSES) {
        assert!((mass - expected).abs() < 1e-9, "{mass} {expected}");
    }
}

const MASSES: [f64; 3] = [1.784081667844, 1.924029246973, 1.749151703458];

#[test]
fn too_many_pending_suspend_and_too_few_complete_wait() {
    let design = design(json!({"suspend-above": 0.9}));
    let levels = |n: u32, pending: &[f64]| vec![at(0, n, pending), at(0, 0, &[]), at(0, 0, &[])];
    assert_eq!(advice(&design, levels(1, &[0.9, 0.9]), 1), (Action::Wait, Some(1)));
    assert_eq!(advice(&design, levels(2, &[0.9]), 1), (Action::Escalate, Some(2)));
    assert_eq!(advice(&self::design(json!({})), levels(2, &[0.9; 3]), 1), (Action::Wait, Some(1)));
}

type Trial = (Vec<(u32, u32)>, Vec<Vec<f64>>, u32);

fn trial() -> impl Strategy<Value = Trial> {
    let count = (0..8_u32).prop_flat_map(|n| (Just(n), 0..=n));
    let pending = prop::collection::vec(0.0..=1.0_f64, 0..4);
    (prop::collection::vec(count, 3), prop::collection::vec(pending, 3), 1..=3_u32)
}

fn data((counts, pending, current): &Trial) -> Data {
    let levels = counts.iter().zip(pending).map(|(&(n, dlts), pending)| at(dlts, n, pending)).collect();
    Data::new(levels, Level::new(*current)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_nobody_pending_it_is_keyboard(trial in trial(), target in 0.15..0.4_f64) {
        let none = data(&(trial.0.clone(), vec![Vec::new(); 3], trial.2));
        let keyboard: Design = serde_json::from_value(json!({"design": "keyboard", "target": target, "doses": 3, "max-patients": 60})).unwrap();
        let tite = design(json!({"target": target}));
        let (one, other) = (tite.next(&none).unwrap(), keyboard.next(&none).unwrap());
        prop_assert_eq!((one.action, one.level, one.enrol), (other.action, other.level, other.enrol));
        prop_assert_eq!(tite.mtd(&none).unwrap().level, keyboard.mtd(&none).unwrap().level);
        prop_assert_eq!(tite.numbers(&none), keyboard.numbers(&none));
    }

    #[test]
    fn a_patient_followed_to_the_end_of_the_window_is_a_patient_without_a_dlt(counts in (0..8_u32).prop_flat_map(|n| (Just(n), 0..=n))) {
        let whole = design(json!({"suspend-above": 0.99, "min-completed": 0}));
        let pending = advice(&whole, vec![at(0, 3, &[]), at(counts.1, counts.0, &[1.0]), at(0, 0, &[])], 2);
        let complete = advice(&whole, vec![at(0, 3, &[]), at(counts.1, counts.0 + 1, &[]), at(0, 0, &[])], 2);
        prop_assert_eq!(if counts.0 == 0 { complete } else { pending }, complete);
    }

    #[test]
    fn a_dlt_in_place_of_none_never_leads_to_a_higher_level(trial in trial(), at in 0..3_usize) {
        prop_assume!(trial.0[at].1 < trial.0[at].0);
        let mut worse = trial.clone();
        worse.0[at].1 += 1;
        let design = design(json!({}));
        let (better, worse) = (design.next(&data(&trial)).unwrap(), design.next(&data(&worse)).unwrap());
        prop_assert!(worse.level <= better.level, "{:?} {:?}", better, worse);
        let numbers = design.numbers(&data(&trial)).unwrap();
        if let (Some(level), true) = (better.level, better.enrol > 0) {
            prop_assert!(!numbers.levels[level.index()].eliminated && level.number() <= trial.2 + 1);
        }
    }
}
