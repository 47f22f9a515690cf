//! Sets of supposed truths, each a pure function of the number of levels, the target and, where random, a seed.
//!
//! A design is judged over a set rather than on one curve. [`standard`] has the shapes that a protocol's appendix is
//! expected to show, each with a name that says what it is; [`random`] draws curves of every shape, with the MTD
//! equally often at each level. All are lists of [`Scenario`], for the exact sums and for simulation alike.
//!
//! Left out: the clinical scenarios of Paoletti and O'Quigley, of which no published table could be checked against.

use libm::{exp, log, pow};

use crate::characteristics::Scenario;
use crate::ladder::LEVELS_MAX;
use crate::random::Stream;
use crate::settings::Problem;

/// Steps between neighbouring levels on the logit scale: of most curves, of the steep one and of the shallow one.
const STEPS: (f64, f64, f64) = (0.75, 1.5, 0.3);
/// How far from the target two levels near it lie, and how far above it the first level at the edge.
const NEAR: (f64, f64) = (0.05, 0.10);
/// The longest ladder of random curves: drawing one by rejection takes ever more draws.
pub const RANDOM_LEVELS_MAX: u32 = 20;
/// The greatest number of random curves.
pub const RANDOM_CURVES_MAX: u32 = 10_000;

/// The names of the sets, and what each holds.
pub const SETS: [(&str, &str); 2] = [
    (
        "standard",
        "all safe, all toxic, the MTD at each level, steep, shallow, plateau, two near the target, first level at the edge",
    ),
    ("random", "curves of the pseudo-uniform algorithm, by seed"),
];

/// The set of this name; `curves` and `seed` are read by `random` alone.
///
/// # Errors
/// A name that is none of [`SETS`], levels or a target that cannot be.
pub fn set(name: &str, levels: u32, target: f64, curves: u32, seed: u64) -> Result<Vec<Scenario>, Problem> {
    match name {
        "standard" => standard(levels, target),
        "random" => random(levels, target, curves, seed),
        _ => {
            let mend = "name one of the sets, or give the scenarios themselves";
            Err(Problem::new("scenarios", format!("`{name}`"), "`standard` or `random`", mend))
        }
    }
}

fn check(levels: u32, target: f64, most: u32) -> Result<(), Problem> {
    let mend = "give a design with fewer levels, or the scenarios themselves";
    Problem::unless_among("doses", levels, 1, most, mend).map_or(Ok(()), Err)?;
    let mend = "give the target DLT rate as a probability, such as 0.30";
    Problem::unless_inside("target", target, 0.0, 1.0, mend).map_or(Ok(()), Err)
}

/// The curve whose logit rises by `step` a level and which has `rate` at the level with this index.
fn through(levels: u32, at: u32, rate: f64, step: f64) -> Vec<f64> {
    let logit = log(rate / (1.0 - rate));
    let rate_of = |level: u32| match level == at {
        true => rate,
        false => 1.0 / (1.0 + exp(-(logit + step * (f64::from(level) - f64::from(at))))),
    };
    (0..levels).map(rate_of).collect()
}

/// The shapes that a protocol shows: the names say what each is.
///
/// Neighbouring levels of a curve are 0.75 apart on the logit scale (at a target of 0.30 the rates beside it are 0.17 and
/// 0.48), those of the steep one 1.5 and of the shallow one 0.3. `all safe` ends at half the target; `all toxic` begins
/// half way from the target to 1; the `plateau` rises to 0.8 of the target in the middle of the ladder and stays there;
/// `two levels near the target` has rates 0.05 below and above it; `first level at the edge` begins 0.10 above it.
/// Where those distances would leave 0 to 1, half of what is left is taken.
///
/// ```
/// use posology_design::scenario::standard;
/// let set = standard(5, 0.3)?;
/// let names: Vec<&str> = set.iter().map(|scenario| scenario.name.as_str()).collect();
/// assert_eq!(names[..3], ["all safe", "all toxic", "MTD at level 1"]);
/// assert_eq!(set[4].truth[2], 0.3);
/// # Ok::<(), posology_design::Problem>(())
/// ```
///
/// # Errors
/// No level or more than 100, a target outside 0 to 1.
pub fn standard(levels: u32, target: f64) -> Result<Vec<Scenario>, Problem> {
    check(levels, target, LEVELS_MAX)?;
    let (step, steep, shallow) = STEPS;
    let (near, edge) = NEAR;
    let below = |by: f64| target - by.min(target / 2.0);
    let above = |by: f64| target + by.min((1.0 - target) / 2.0);
    let middle = (levels - 1) / 2;
    let named = |name: String, truth: Vec<f64>| Scenario { name, ..Scenario::of(&truth) };
    let mut set = vec![
        named("all safe".to_owned(), through(levels, levels - 1, target / 2.0, step)),
        named("all toxic".to_owned(), through(levels, 0, above(1.0), step)),
    ];
    for level in 0..levels {
        set.push(named(format!("MTD at level {}", level + 1), through(levels, level, target, step)));
    }
    if levels > 1 {
        set.push(named("steep".to_owned(), through(levels, middle, target, steep)));
        set.push(named("shallow".to_owned(), through(levels, middle, target, shallow)));
        let mut plateau = through(levels, middle, 0.8 * target, step);
        plateau.iter_mut().skip(middle as usize).for_each(|rate| *rate = 0.8 * target);
        set.push(named("plateau".to_owned(), plateau));
        let lower = through(levels, middle, below(near), step);
        let upper = through(levels, middle + 1, above(near), step);
        let both = lower.iter().zip(&upper).enumerate();
        let two = both.map(|(level, (lower, upper))| if level <= middle as usize { *lower } else { *upper });
        set.push(named("two levels near the target".to_owned(), two.collect()));
    }
    set.push(named("first level at the edge".to_owned(), through(levels, 0, above(edge), step)));
    Ok(set)
}

/// Random curves by the pseudo-uniform algorithm: the MTD is equally often at each level, and the curve is otherwise as
/// little told as possible.
///
/// For each curve a level j of J is chosen with equal probability, a bound B = target + (1 - target) M with M from
/// Beta(max(J - j, 0.5), 1), and J uniform numbers from 0 to B in rising order are drawn until the j-th is nearest to the
/// target. Source: Clertant M, O'Quigley J. J R Stat Soc B 2017;79:1487-1508, doi:10.1111/rssb.12229.
/// Curve i draws from the stream of replicate i of scenario 2^64 - 1, which no simulation uses.
///
/// # Errors
/// No level or more than 20, a target outside 0 to 1, no curve or more than 10,000.
pub fn random(levels: u32, target: f64, curves: u32, seed: u64) -> Result<Vec<Scenario>, Problem> {
    check(levels, target, RANDOM_LEVELS_MAX)?;
    let mend = "give the number of random curves";
    Problem::unless_among("curves", curves, 1, RANDOM_CURVES_MAX, mend).map_or(Ok(()), Err)?;
    let curve = |number: u32| {
        let mut stream = Stream::new(seed, u64::MAX, u64::from(number));
        let mtd = ((stream.uniform() * f64::from(levels)) as u32).min(levels - 1);
        let shape = f64::from(levels - 1 - mtd).max(0.5);
        let bound = target + (1.0 - target) * pow(stream.uniform(), 1.0 / shape);
        let mut truth = vec![0.0; levels as usize];
        loop {
            truth.iter_mut().for_each(|rate| *rate = bound * stream.uniform());
            truth.sort_by(f64::total_cmp);
            if nearest(&truth, target) == Some(mtd as usize) {
                break;
            }
        }
        Scenario { name: format!("random {}: MTD at level {}", number + 1, mtd + 1), ..Scenario::of(&truth) }
    };
    Ok((0..curves).map(curve).collect())
}

fn nearest(truth: &[f64], target: f64) -> Option<usize> {
    let far = |rate: f64| (rate - target).abs();
    let by_distance = |a: &(usize, &f64), b: &(usize, &f64)| far(*a.1).total_cmp(&far(*b.1));
    truth.iter().enumerate().min_by(by_distance).map(|(level, _)| level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characteristics::Yardstick;
    use crate::graph::{Graph, STATES_MAX};

    #[test]
    fn every_standard_scenario_rises_and_is_what_its_name_says() {
        for (levels, target) in [(1, 0.3), (2, 0.2), (5, 0.3), (6, 0.25), (10, 0.97), (100, 0.01)] {
            let set = standard(levels, target).unwrap();
            assert_eq!(set.len() as u32, levels + if levels > 1 { 7 } else { 3 });
            for Scenario { name, truth, .. } in &set {
                assert_eq!(truth.len() as u32, levels);
                assert!(truth.is_sorted() && truth.iter().all(|rate| (0.0..=1.0).contains(rate)), "{name}");
                if let Some(level) = name.strip_prefix("MTD at level ") {
                    assert_eq!(nearest(truth, target).unwrap() + 1, level.parse::<usize>().unwrap());
                }
            }
            let names: std::collections::HashSet<&String> =
                set.iter().map(|scenario| &scenario.name).collect();
            assert_eq!(names.len(), set.len());
            assert!(
                set[0].truth.iter().all(|rate| *rate < target)
                    && set[1].truth.iter().all(|rate| *rate > target)
            );
        }
    }

    #[test]
    fn random_curves_have_their_mtd_equally_often_at_each_level_and_are_the_same_for_the_same_seed() {
        let set = random(6, 0.25, 3_000, 5).unwrap();
        let mut at = [0; 6];
        for Scenario { name, truth, .. } in &set {
            assert!(truth.is_sorted() && truth.iter().all(|rate| (0.0..=1.0).contains(rate)));
            let mtd = nearest(truth, 0.25).unwrap();
            assert!(name.ends_with(&format!("MTD at level {}", mtd + 1)), "{name}");
            at[mtd] += 1;
        }
        // 500 each, with a standard deviation of some 20.
        assert!(at.iter().all(|count| (*count - 500_i32).abs() < 90), "{at:?}");
        assert_eq!(set, random(6, 0.25, 3_000, 5).unwrap());
        assert_ne!(set[0].truth, random(6, 0.25, 1, 6).unwrap()[0].truth);
        assert_eq!(set[..10], random(6, 0.25, 10, 5).unwrap());
    }

    #[test]
    fn the_longest_random_ladder_is_drawn_and_what_cannot_be_is_refused() {
        assert_eq!(random(RANDOM_LEVELS_MAX, 0.3, 30, 1).unwrap().len(), 30);
        for problem in [
            standard(0, 0.3).unwrap_err(),
            standard(101, 0.3).unwrap_err(),
            random(21, 0.3, 1, 1).unwrap_err(),
            random(5, f64::NAN, 1, 1).unwrap_err(),
            random(5, 0.3, 0, 1).unwrap_err(),
            set("clinical", 5, 0.3, 1, 1).unwrap_err(),
        ] {
            assert!(!problem.mend.is_empty());
        }
    }

    #[test]
    fn every_scenario_of_the_standard_set_can_be_asked_of_a_design() {
        let boin = r#"{"design": "boin", "target": 0.3, "doses": 4, "max-patients": 12}"#;
        let design: crate::Design = serde_json::from_str(boin).unwrap();
        let graph = Graph::compile(&design, STATES_MAX, 1).unwrap();
        let set = set("standard", 4, 0.3, 0, 0).unwrap();
        let all = graph.characteristics(&set, Yardstick::new(0.3, 12), 1).unwrap();
        assert!(all.iter().zip(&set).all(|(oc, scenario)| oc.name == scenario.name));
        assert!(all[1].select_none > 0.5 && all[0].select[3] > 0.5);
    }
}
