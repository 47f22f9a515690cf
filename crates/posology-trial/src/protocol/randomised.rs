//! A randomised comparison after escalation, as the protocol plans it.

use posology_clinic::dlt::Rules;
use posology_clinic::response::Category;
use posology_design::randomised::{Randomised, Settings, Truth};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Faults;
use super::{Protocol, read};

/// Length of a SHA-256 in hexadecimal.
const DIGEST_LENGTH: usize = 64;

/// A randomised comparison of two or three regimens: its arms are cohorts of the protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RandomisedPart {
    /// Arms (ids of cohorts, the lowest activity first), sizes, blocks, strata and the rule that chooses. Backfill patients
    /// are counted from the record, and pooled only where `pool-backfill` declares it.
    pub comparison: Settings,
    /// SHA-256 of the seed, hexadecimal: stated before the first allocation, so that the list cannot change.
    pub seed_sha256: String,
    /// Who holds the seed, and so alone can allocate.
    pub seed_held_by: String,
    /// The least confirmed category that is efficacy (PR).
    #[serde(default = "partial")]
    pub efficacy: Category,
    /// What counts against tolerability: rules as in `[[dlt.rules]]`, met within the DLT window unless they say otherwise.
    #[serde(default, deserialize_with = "read::rules")]
    pub tolerability: Rules,
    /// Study day from which a patient without a response counts as one without; before it the patient is pending.
    pub outcome_day: u32,
    /// Supposed truths, under which the exact probabilities of the rule are told.
    #[serde(default)]
    pub truth: Vec<SupposedTruth>,
}

/// A supposed truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SupposedTruth {
    /// Its name.
    pub name: String,
    /// What is supposed of each arm, in their order.
    pub arm: Vec<Truth>,
}

fn partial() -> Category {
    Category::Partial
}

impl Protocol {
    /// Whether a cohort is an arm of the randomised comparison; its patients are none of the escalation's.
    #[must_use]
    pub fn is_arm(&self, cohort: &str) -> bool {
        self.randomised.as_ref().is_some_and(|part| part.comparison.arms.iter().any(|arm| arm == cohort))
    }
}

/// What contradicts something else in `[randomised]`, or in the rest of the protocol.
pub(super) fn faults(protocol: &Protocol, faults: &mut Faults) {
    let Some(part) = &protocol.randomised else { return };
    let settings = &part.comparison;
    let at = |key: &str| format!("randomised.comparison.{key}");
    for problem in settings.check() {
        // Who is pooled is counted from the record.
        if problem.key != "pool-backfill" && problem.key != "backfill" {
            faults.error(at(&problem.key), problem.found, problem.expected, problem.mend);
        }
    }
    if !settings.backfill.is_empty() {
        let mend = "leave it out: backfill patients are counted from the record";
        faults.error(at("backfill"), "counts", "none", mend);
    }
    if settings.block_sizes.is_empty() {
        let mend = "give lengths, multiples of the number of arms, such as [4, 6] for two";
        faults.error("randomised.comparison", "no block-sizes", "permuted blocks", mend);
    }
    if protocol.dlt.is_none() {
        let mend = "add [dlt] with its window, in which tolerability is assessed";
        faults.error("randomised", "[randomised] without [dlt]", "a window of assessment", mend);
    }
    let mut level_before = 0;
    for (index, arm) in settings.arms.iter().enumerate() {
        let path = at(&format!("arms[{index}]"));
        let Some(cohort) = protocol.cohort(arm) else {
            let mend = "plan each arm as a [[cohort]] with its regimen, and name it here";
            faults.error(path, format!("{arm:?}"), "the id of a cohort of the protocol", mend);
            continue;
        };
        if cohort.planned != settings.patients {
            let expected = format!("{}, the patients of each arm", settings.patients);
            let found = format!("{arm}, a cohort of {} planned patients", cohort.planned);
            faults.error(path.clone(), found, expected, "give both the same number");
        }
        let level = protocol.level_of(&cohort.regimen).unwrap_or(0);
        if level <= level_before {
            let mend = "order the arms by their regimens, the lowest activity first, each regimen once";
            faults.error(
                path,
                format!("{arm} at level {level}"),
                format!("a level above {level_before}"),
                mend,
            );
        }
        level_before = level;
    }
    let digest = &part.seed_sha256;
    if digest.len() != DIGEST_LENGTH || !digest.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
    {
        let mend = "let whoever holds the seed run `posology trial randomise --new-seed FILE`, and copy what it prints";
        faults.error("randomised.seed-sha256", format!("{digest:?}"), "64 hexadecimal digits", mend);
    }
    if part.tolerability.is_empty() {
        let mend = "add [[randomised.tolerability]] rules, as in [[dlt.rules]]";
        faults.error("randomised", "no rule of tolerability", "what counts against tolerability", mend);
    }
    if part.outcome_day == 0 {
        let mend = "write the study day by which responses are seen, such as 85";
        faults.error("randomised.outcome-day", "0", "a study day from 1", mend);
    }
    for (index, supposed) in part.truth.iter().enumerate() {
        let path = format!("randomised.truth[{index}]");
        if supposed.arm.len() != settings.arms.len() {
            let expected = format!("{}, one for each arm", settings.arms.len());
            let mend = "suppose something of each arm, in their order";
            faults.error(format!("{path}.arm"), supposed.arm.len().to_string(), expected, mend);
        }
        for (arm, truth) in supposed.arm.iter().enumerate() {
            if let Err(problem) = truth.cells() {
                let path = format!("{path}.arm[{arm}].{}", problem.key);
                faults.error(path, problem.found, problem.expected, problem.mend);
            }
        }
    }
    if part.truth.is_empty() {
        let mend = "add [[randomised.truth]] tables: what the rule chooses is known exactly under each";
        faults.warning("randomised", "no supposed truth", "at least one", mend);
    }
}

impl RandomisedPart {
    /// The rule of the comparison, without backfill patients.
    #[must_use]
    pub fn rule(&self) -> Option<Randomised> {
        Randomised::try_from(Settings { pool_backfill: false, ..self.comparison.clone() }).ok()
    }
}
