//! BOIN against the R package BOIN 2.7.2: boundaries and selections, number for number.

#![allow(clippy::unwrap_used, missing_docs)]

use posology_design::{AtLevel, Data, Design};
use serde_json::{Value, json};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/boin.json")).unwrap()
}

fn design(settings: Value) -> Design {
    serde_json::from_value(settings).unwrap()
}

fn counts(list: &Value) -> Vec<Option<u32>> {
    list.as_array().unwrap().iter().map(|dlts| dlts.as_u64().map(|dlts| dlts as u32)).collect()
}

#[test]
fn boundaries_are_those_of_the_package() {
    for case in fixture()["boundaries"].as_array().unwrap() {
        let boin = design(json!({
            "design": "boin", "doses": 5, "target": case["target"], "p-under": case["p_saf"],
            "p-over": case["p_tox"], "elimination": case["cutoff_eli"], "extra-safe": case["extrasafe"],
            "offset": case["offset"],
        }));
        let table = boin.table(30).unwrap();
        let column =
            |of: fn(&posology_design::Boundaries) -> Option<u32>| table.iter().map(of).collect::<Vec<_>>();
        assert_eq!(column(|row| row.escalate_max), counts(&case["b_e"]), "{case}");
        assert_eq!(column(|row| row.eliminate_min), counts(&case["elim"]), "{case}");
        // The package prints a de-escalation bound above n where there is none.
        let beyond = |(place, dlts): (usize, Option<u32>)| dlts.filter(|dlts| *dlts as usize <= place + 1);
        let expected: Vec<_> = counts(&case["b_d"]).into_iter().enumerate().map(beyond).collect();
        assert_eq!(column(|row| row.deescalate_min), expected, "{case}");
    }
}

#[test]
fn selections_are_those_of_the_package() {
    for case in fixture()["select"].as_array().unwrap() {
        let input = &case["input"];
        let treated = counts(&input["npts"]);
        let toxic = counts(&input["ntox"]);
        let levels = treated.iter().zip(&toxic).map(|(n, y)| {
            let (n, y) = (n.unwrap(), y.unwrap());
            AtLevel { dlt: y, no_dlt: n - y, ..AtLevel::default() }
        });
        let levels: Vec<AtLevel> = levels.collect();
        let boin = design(json!({
            "design": "boin", "doses": levels.len(), "target": input["target"],
            "elimination": input.get("cutoff.eli").unwrap_or(&json!(0.95)),
            "extra-safe": input.get("extrasafe").unwrap_or(&json!(false)),
            "bounded-mtd": input.get("boundMTD").unwrap_or(&json!(false)),
        }));
        let data = Data::new(levels, None).unwrap();
        let selected = boin.mtd(&data).unwrap().level.map(|level| u64::from(level.number()));
        assert_eq!(selected, case["mtd"].as_u64().filter(|level| *level != 99), "{case}");
        let Some(expected) = case["iso"].as_array() else { continue };
        let numbers = boin.numbers_at_end(&data).unwrap();
        let rates: Vec<f64> =
            numbers.levels.iter().filter(|at| at.evaluable > 0).map(|at| at.estimate.unwrap()).collect();
        for (rate, expected) in rates.iter().zip(expected) {
            assert!((rate - expected.as_f64().unwrap()).abs() < 1e-12, "{case}");
        }
    }
}
