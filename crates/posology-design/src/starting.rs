//! A design to begin with: settings that make a whole design of each kind before anyone has chosen its own.
//!
//! For whoever offers all designs side by side, such as the design lab. Start at [`settings`]: what every design is
//! asked for, and for those that cannot do without more (a skeleton, dose values, a window) a value that is plain and
//! neutral. They are a beginning, never advice: a protocol states its own.

use crate::boin;
use crate::crm::{Model, skeleton};
use crate::design::{Boundaries, Design, Settings};
use crate::ladder::Doses;

/// What is wanted of any design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// How many levels there are.
    pub levels: u32,
    /// The target DLT rate.
    pub target: f64,
    /// Patients in a cohort.
    pub cohort_size: u32,
    /// Most patients.
    pub max_patients: u32,
}

/// The half-width of the indifference intervals of a skeleton; half the target where that is less.
const HALF_WIDTH: f64 = 0.05;
/// The window of designs for late-onset toxicity, days: one within which weights may be linear without being chosen.
pub const WINDOW_DAYS: f64 = 28.0;
/// Rows of a decision table of one's own, at most.
const ROWS: u32 = 60;

/// The keys of a design file and their TOML values, such as `("target", "0.3")`, that make the design of this name whole:
/// the ladder first, then what all designs share, then what this one cannot do without.
///
/// The 3+3 rule, rolling six and accelerated titration have cohorts of their own and no target; the 3+3 rule ends by itself too.
///
/// ```
/// use posology_design::starting::{Wanted, settings};
/// let wanted = Wanted { levels: 3, target: 0.3, cohort_size: 3, max_patients: 24 };
/// let words: Vec<String> = settings("tite-boin", wanted).iter().map(|(key, value)| format!("{key} = {value}")).collect();
/// assert_eq!(words, ["doses = 3", "target = 0.3", "cohort-size = 3", "max-patients = 24", "window = 28"]);
/// ```
pub fn settings(design: &str, wanted: Wanted) -> Vec<(&'static str, String)> {
    let Wanted { levels, target, cohort_size, max_patients } = wanted;
    let mut all = vec![("doses", levels.to_string())];
    match design {
        "3+3" => return all,
        // Nothing else bounds how many they treat.
        "rolling-6" | "accelerated-titration" => {
            all.push(("max-patients", max_patients.to_string()));
            return all;
        }
        _ => {}
    }
    // The BLRM aims at an interval, not at a rate.
    if design != "blrm" {
        all.push(("target", target.to_string()));
    }
    all.push(("cohort-size", cohort_size.to_string()));
    all.push(("max-patients", max_patients.to_string()));
    let middle = levels.div_ceil(2).max(1);
    let listed =
        |values: &mut dyn Iterator<Item = String>| format!("[{}]", values.collect::<Vec<_>>().join(", "));
    let by_number = || listed(&mut (1..=levels).map(|level| level.to_string()));
    let half_width = HALF_WIDTH.min(target / 2.0);
    let by_middle = [("half-width", half_width.to_string()), ("prior-mtd", middle.to_string())];
    match design {
        "crm" => all.extend(by_middle),
        "tite-crm" => {
            all.push(("window", WINDOW_DAYS.to_string()));
            all.extend(by_middle);
        }
        "tite-boin" | "tite-keyboard" => all.push(("window", WINDOW_DAYS.to_string())),
        "po-crm" => {
            all.extend(by_middle);
            let mut swapped: Vec<u32> = (1..=levels).collect();
            if levels > 2 {
                // The one order that is in doubt is that of the two levels below the top.
                swapped.swap(levels as usize - 3, levels as usize - 2);
            }
            let other = listed(&mut swapped.iter().map(u32::to_string));
            let orders =
                if levels > 2 { format!("[{}, {other}]", by_number()) } else { format!("[{}]", by_number()) };
            all.push(("orders", orders));
        }
        "bma-crm" => {
            // The MTD is expected in the middle, and near either end.
            let mut at = vec![1, middle, levels.max(1)];
            at.dedup();
            let rates = |mtd: u32| skeleton(Model::Empiric, half_width, target, mtd, levels, 0.0);
            let mut skeletons = at.into_iter().map(|mtd| listed(&mut rates(mtd).iter().map(f64::to_string)));
            all.push(("skeletons", listed(&mut skeletons)));
        }
        "ewoc" => {
            all.push(("dose-values", by_number()));
            all.push(("maximum-dose", (levels + 1).to_string()));
        }
        "blrm" => {
            all.push(("dose-values", by_number()));
            all.push(("reference-dose", middle.to_string()));
        }
        "boin-comb" => {
            let rows =
                (1..=levels).rev().find(|rows| rows * rows <= levels && levels % rows == 0).unwrap_or(1);
            all.push(("rows", rows.to_string()));
            all.push(("columns", (levels / rows).to_string()));
        }
        "table" => {
            let rows = letters_of_boin(target, max_patients.min(ROWS));
            all.push(("table", listed(&mut rows.iter().map(|row| format!("\"{row}\"")))));
        }
        _ => {}
    }
    all
}

/// The letters of BOIN's decisions, a row for each number of patients: a table of one's own begins with them.
fn letters_of_boin(target: f64, rows: u32) -> Vec<String> {
    let boin =
        boin::Settings { target: Some(target), doses: Some(Doses::Count(1)), ..boin::Settings::default() };
    let Ok(design) = Design::try_from(Settings::Boin(boin)) else { return Vec::new() };
    let letter = |bounds: &Boundaries, dlts: u32| {
        if bounds.eliminate_min.is_some_and(|least| dlts >= least) {
            "DU"
        } else if bounds.deescalate_min.is_some_and(|least| dlts >= least) {
            "D"
        } else if bounds.escalate_max.is_some_and(|most| dlts <= most) {
            "E"
        } else {
            "S"
        }
    };
    let row = |(patients, bounds): (u32, Boundaries)| {
        (0..=patients).map(|dlts| letter(&bounds, dlts)).collect::<Vec<_>>().join(" ")
    };
    (1..).zip(design.table(rows).unwrap_or_default()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    /// The design of these settings, each value written as JSON: numbers, lists and strings are the same in TOML.
    fn made(design: &str, wanted: Wanted) -> Result<Design, String> {
        let mut all = serde_json::Map::new();
        all.insert("design".to_owned(), design.into());
        for (key, value) in settings(design, wanted) {
            all.insert(key.to_owned(), serde_json::from_str(&value).unwrap());
        }
        serde_json::from_value(all.into()).map_err(|why| why.to_string())
    }

    #[test]
    fn every_design_of_the_catalogue_is_whole_from_its_starting_settings() {
        for listed in catalogue() {
            for levels in [1, 2, 3, 4, 5, 6, 8, 12] {
                for target in [0.1, 0.2, 0.3, 0.45] {
                    let wanted = Wanted { levels, target, cohort_size: 3, max_patients: 30 };
                    match made(listed.design, wanted) {
                        Ok(design) => assert_eq!(design.levels(), Some(levels), "{}", listed.design),
                        Err(why) => panic!("{}, {levels} levels, target {target}: {why}", listed.design),
                    }
                }
            }
        }
    }

    #[test]
    fn a_table_of_ones_own_begins_as_the_table_of_boin() {
        // Liu and Yuan (2015), target 0.30: of 3 patients 0 DLTs escalate, 1 stays, 2 de-escalate, 3 eliminate.
        let wanted = Wanted { levels: 4, target: 0.3, cohort_size: 3, max_patients: 6 };
        let all = settings("table", wanted);
        let (_, rows) = all.iter().find(|(key, _)| *key == "table").unwrap();
        let rows: Vec<String> = serde_json::from_str(rows).unwrap();
        assert_eq!((rows.len(), rows[2].as_str()), (6, "E S D DU"));
    }
}
