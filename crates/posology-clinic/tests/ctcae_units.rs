//! The unit in which a laboratory reports does not change a grade.

#![allow(clippy::unwrap_used)]

use posology_clinic::ctcae::{Circumstances, Version, grade};
use posology_clinic::laboratory::{Analyte, LabValue};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Units whose factor is a power of ten, so that the same value is exact in both; CTCAE prints cuts of its own for the
/// others (mg/dL), which differ by rounding.
const PAIRS: [(Analyte, &str, &str, i64); 8] = [
    (Analyte::Platelets, "10^9/L", "/mm3", 1_000),
    (Analyte::Platelets, "10^9/L", "10^3/uL", 1),
    (Analyte::Neutrophils, "10^9/L", "cells/uL", 1_000),
    (Analyte::Lymphocytes, "10^9/L", "10^3/mL", 1_000),
    (Analyte::Haemoglobin, "g/dL", "g/L", 10),
    (Analyte::Albumin, "g/dL", "g/L", 10),
    (Analyte::Sodium, "mmol/L", "mEq/L", 1),
    (Analyte::Creatinine, "mmol/L", "umol/L", 1_000),
];

proptest! {
    #[test]
    fn the_same_value_in_another_unit_has_the_same_grade(
        pair in prop::sample::select(PAIRS.to_vec()),
        thousandths in 0_i64..400_000,
        baseline in prop::option::of(0_i64..400_000),
        lower in prop::option::of(1_i64..200_000),
        upper in prop::option::of(200_000_i64..400_000),
    ) {
        let (analyte, unit, other, factor) = pair;
        let in_units = |unit: &str, factor: i64| {
            let amount = |thousandths: i64| Decimal::new(thousandths, 3) * Decimal::from(factor);
            let value = |thousandths: i64| {
                let measured = format!("{} {unit}", amount(thousandths)).parse().unwrap();
                LabValue::new(analyte, measured, lower.map(amount), upper.map(amount)).unwrap()
            };
            let (now, before) = (value(thousandths), baseline.map(value));
            [Version::V5, Version::V6].map(|version| {
                let graded = grade(version, &now, before.as_ref(), &Circumstances::default());
                graded.into_iter().map(|graded| (graded.term, graded.grade())).collect::<Vec<_>>()
            })
        };
        prop_assert_eq!(in_units(unit, 1), in_units(other, factor));
    }
}
