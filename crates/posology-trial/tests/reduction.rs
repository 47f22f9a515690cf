//! How far the driving marker fell and how long it stayed down; the course of a patient as a lane.

#![allow(clippy::unwrap_used)]

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use posology_clinic::response::Category;
use posology_clinic::response::imwg::{Change, Marker};
use posology_trial::analysis::Analysis;
use posology_trial::analysis::reduction::{MarkerReduction, Period, Reduction};
use posology_trial::analysis::swimmer::Lane;
use posology_trial::cut::Cut;
use posology_trial::event::sha256;
use posology_trial::protocol::Protocol;
use posology_trial::synthetic::{Plan, synthesize};
use proptest::prelude::*;
use rust_decimal::Decimal;

const PROTOCOL: &str = include_str!("../../../examples/clr131/trial.toml");
const PLAN: &str = include_str!("../../../examples/clr131/patients.toml");

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(number: i32) -> Date {
    date(2024, 1, 1).checked_add((number - 1).days()).unwrap()
}

/// Serum M-protein on days, from a baseline of 4.0 g/dL.
fn series(values: &[(i32, &str)]) -> Vec<Change> {
    let change = |(number, value): &(i32, &str)| Change {
        marker: Marker::SerumM,
        date: day(*number),
        baseline: decimal("4.0"),
        value: decimal(value),
        nadir: None,
    };
    values.iter().map(change).collect()
}

fn lasts(values: &[(i32, &str)], percent: u32) -> Option<(u32, Option<u32>)> {
    let found = Reduction::of(&series(values), None, None, &[percent]).unwrap();
    found.lasting.first().map(|lasting| (lasting.least_days(), lasting.most_days()))
}

/// Source: the boundaries of the IMWG criteria: 4.00 to 3.00 is 25%, to 3.01 is 24.75%.
#[test]
fn a_reduction_of_exactly_25_percent_counts_and_a_hair_less_does_not() {
    assert_eq!(lasts(&[(29, "3.00")], 25), Some((0, None)));
    assert_eq!(lasts(&[(29, "3.01")], 25), None);
    // 3.6 to 2.7 is 25%, though in binary floating point it is 24.999999999999996%.
    let mut change = series(&[(29, "2.7")]);
    change[0].baseline = decimal("3.6");
    assert_eq!(Reduction::of(&change, None, None, &[25]).unwrap().lasting.len(), 1);
}

#[test]
fn a_reduction_lasts_from_the_first_value_that_shows_it_to_the_first_that_does_not() {
    let values = [(29, "3.5"), (57, "2.9"), (85, "2.0"), (113, "2.8"), (141, "3.2"), (169, "2.9")];
    assert_eq!(lasts(&values, 25), Some((56, Some(84)))); // days 57 to 113, over by day 141
    assert_eq!(lasts(&values, 50), Some((0, Some(28))));
    assert_eq!(lasts(&values[..4], 25), Some((56, None))); // nothing says that it ended
}

#[test]
fn values_from_progression_or_new_therapy_on_and_after_the_period_do_not_count() {
    let values = series(&[(29, "3.0"), (57, "2.0"), (85, "1.0")]);
    let percent = |end, until| Reduction::of(&values, end, until, &[]).map(|found| found.percent.to_string());
    assert_eq!(percent(None, None).as_deref(), Some("-75"));
    assert_eq!(percent(Some(day(85)), None).as_deref(), Some("-50"));
    assert_eq!(percent(None, Some(day(57))).as_deref(), Some("-50"));
    assert_eq!(percent(Some(day(29)), None), None);
}

#[test]
fn a_marker_that_only_rose_keeps_its_positive_change() {
    let found = Reduction::of(&series(&[(29, "4.4"), (57, "5.0")]), None, None, &[25]).unwrap();
    assert_eq!((found.percent.to_string().as_str(), found.lasting.len()), ("10", 0));
}

fn example() -> (Analysis, Cut) {
    let protocol = Protocol::read(PROTOCOL).unwrap().0;
    let plan = Plan::read(PLAN).unwrap();
    let chain = synthesize(&protocol, PROTOCOL, &plan, plan.seed).unwrap();
    let cut = Cut::freeze(&chain, None).unwrap();
    (Analysis::of(&protocol, &sha256(PROTOCOL.as_bytes()), &chain, &cut).unwrap(), cut)
}

/// Source: the changes planned for the example in patients.toml: cohort 6 by -48.0, -63.4, -36.4 and -71.2%, cohort 4 by
/// -56.6, -19.5 and -22.5%.
#[test]
fn the_median_reduction_of_a_cohort_is_that_of_its_planned_changes() {
    let (analysis, _) = example();
    let of = |cohort: &str| {
        let patients = analysis.patients_of(analysis.cohort(cohort).unwrap());
        MarkerReduction::of(patients, Period::SafetyEvaluation, &[25, 50]).unwrap()
    };
    let near = |found: Option<Decimal>, expected: &str| {
        // A planned percentage is met to the decimals a laboratory reports.
        assert!(
            (found.unwrap() - decimal(expected)).abs() < decimal("1.5"),
            "{found:?} is not near {expected}"
        );
    };
    let sixth = of("C6");
    assert_eq!((sixth.patients.len(), sixth.without.len()), (4, 0));
    near(sixth.median_percent, "-55.7");
    near(sixth.range_percent.map(|range| range.0), "-71.2");
    near(sixth.range_percent.map(|range| range.1), "-36.4");
    let reached: Vec<usize> = sixth.lasting.iter().map(|lasting| lasting.reached).collect();
    assert_eq!(reached, [4, 2]);
    near(of("C4").median_percent, "-22.5");
    assert!(sixth.because.says.contains("safety evaluation period"), "{}", sixth.because.says);
}

/// Source: patients.toml: CLR131-01-401 has a partial response, progression on day 211 and new therapy on day 239.
#[test]
fn a_lane_shows_fractions_responses_progression_and_the_next_therapy_on_their_days() {
    let (analysis, cut) = example();
    let lane = |subject: &str| {
        Lane::of(analysis.patients.iter().find(|patient| patient.id == subject).unwrap(), &cut).unwrap()
    };
    let responder = lane("CLR131-01-401");
    // Study day 211 is 210 days after the first fraction.
    assert_eq!((responder.fractions.as_slice(), responder.progression), ([0].as_slice(), Some(210)));
    assert_eq!((responder.new_therapy, responder.death), (Some(238), None));
    let responses: Vec<Category> = responder.responses.iter().map(|stretch| stretch.response).collect();
    assert!(responses.contains(&Category::Partial) && responses.last() == Some(&Category::Progressive));
    assert!(responder.responses.is_sorted_by(|a, b| a.to == b.from && a.from < b.from));
    let ongoing = lane("CLR131-01-601");
    assert_eq!((ongoing.fractions.len(), ongoing.progression, ongoing.is_ongoing), (2, None, true));
    // Dead on study day 797.
    let dead = lane("CLR131-01-101");
    assert_eq!((dead.death, dead.end, dead.is_ongoing), (Some(796), 796, false));
}

proptest! {
    #[test]
    fn the_order_of_values_is_nothing_and_a_deeper_reduction_never_comes_sooner(
        values in prop::collection::btree_map(1_i32..400, 0_u32..90, 1..12)
    ) {
        let mut changes: Vec<Change> = values
            .iter()
            .map(|(number, tenths)| Change {
                marker: Marker::SerumM,
                date: day(*number),
                baseline: decimal("4.0"),
                value: Decimal::new(i64::from(*tenths), 1),
                nadir: None,
            })
            .collect();
        let found = Reduction::of(&changes, None, None, &[25, 50]);
        changes.reverse();
        prop_assert_eq!(&found, &Reduction::of(&changes, None, None, &[25, 50]));
        let found = found.unwrap();
        let from = |percent| {
            found.lasting.iter().find(|lasting| lasting.at_least_percent == percent).map(|lasting| lasting.from)
        };
        if let Some(half) = from(50) {
            prop_assert!(from(25).unwrap() <= half);
        }
        for lasting in &found.lasting {
            prop_assert!(lasting.most_days().is_none_or(|most| most > lasting.least_days()));
        }
    }
}
