//! One visit judged by the visits before it: targets by their sum, the others by what was seen.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::super::Category;
use super::super::lesion::{Lesion, Role, Size};
use super::sum::{Found, SumOfDiameters, length, stands_for};
use super::{
    BadLesion, Baseline, NoDisease, Reappearance, Response, SOURCE, Settings, TumourMarkers, Visit,
    millimetres, overall,
};
use crate::Because;

/// A node below it is normal, mm of its short axis.
const NORMAL_NODE_MM: u32 = 10;
/// The least rise of the sum that can be progression, mm.
const RISE_MM: u32 = 5;

/// Rule of a partial response that is one only since not everything was looked at.
pub(super) const NOT_ALL_EVALUATED: &str = "recist-1.1/complete-not-all-evaluated";

pub(super) struct Judge<'a> {
    settings: &'a Settings,
    baseline: &'a Baseline,
    nadir: (Decimal, Date),
    /// Day on which the targets were all gone for the first time.
    complete_since: Option<Date>,
    /// Day of the first complete response overall.
    gone_since: Option<Date>,
    /// The parts that a lesion was seen in, by its id at baseline.
    parts: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(settings: &'a Settings, baseline: &'a Baseline) -> Self {
        Self {
            settings,
            baseline,
            nadir: (baseline.sum, baseline.date()),
            complete_since: None,
            gone_since: None,
            parts: BTreeMap::new(),
        }
    }

    /// The response at the next visit; visits come in date order.
    pub(super) fn judge(&mut self, visit: &Visit) -> Result<Response, BadLesion> {
        let date = visit.date;
        for (place, lesion) in visit.lesions.iter().enumerate() {
            length_is_possible(self.settings, date, lesion)?;
            if lesion.role == Role::Target && lesion.size == Size::Worse {
                return Err(BadLesion::new(
                    date,
                    &lesion.id,
                    "a target marked worse",
                    "its length: a target is judged by the sum",
                    "measure it, or mark it as not assessed",
                ));
            }
            if visit.lesions[..place].iter().any(|other| other.id == lesion.id) {
                return Err(BadLesion::new(date, &lesion.id, "two results", "one a day", "keep one of them"));
            }
        }
        let mut reasons = Vec::new();
        let non_target_found = Found::new(date, &self.baseline.non_targets, &visit.lesions, Role::NonTarget)?;
        let abnormal_node = self.abnormal_non_target_node(date, &non_target_found)?;
        let (target, sum) = self.target(visit, abnormal_node.as_deref(), &mut reasons)?;
        let non_target = self.non_target(visit, &non_target_found, &mut reasons)?;
        let mut new_lesions: Vec<String> = visit
            .lesions
            .iter()
            .filter(|lesion| lesion.role == Role::New && is_there(lesion))
            .map(|lesion| lesion.id.clone())
            .collect();
        new_lesions.sort();
        if !new_lesions.is_empty() {
            reasons.push(because("new-lesion", format!("new lesions: {}: PD", new_lesions.join(", "))));
        }
        let overall = overall(target, non_target, !new_lesions.is_empty()).unwrap_or_else(|| {
            let (category, says) = match self.settings.no_disease {
                NoDisease::NoEvidence => (Category::NoEvidence, "no disease at baseline and none now: NED"),
                NoDisease::NotEvaluable => {
                    (Category::NotEvaluable, "no disease was followed from baseline: NE")
                }
            };
            reasons.push(because("no-disease", says.to_owned()));
            category
        });
        if overall == Category::Partial && target == Some(Category::Complete) {
            let (rule, says) = if non_target == Some(Category::NotEvaluable) {
                (
                    NOT_ALL_EVALUATED,
                    "the targets are gone, but not all non-target lesions were evaluated: PR overall",
                )
            } else {
                (
                    "recist-1.1/complete-with-non-target",
                    "the targets are gone, the non-target disease is not: PR overall",
                )
            };
            reasons.push(Because::new(rule, says).source(SOURCE));
        }
        self.remember_parts(visit);
        if overall == Category::Complete && self.gone_since.is_none() {
            self.gone_since = Some(date);
        }
        if let Some(sum) = sum.as_ref().filter(|sum| sum.is_complete()) {
            if sum.sum_mm < self.nadir.0 {
                self.nadir = (sum.sum_mm, date);
            }
            if target == Some(Category::Complete) && self.complete_since.is_none() {
                self.complete_since = Some(date);
            }
        }
        Ok(Response { date, target, non_target, new_lesions, overall, sum, reasons })
    }

    fn remember_parts(&mut self, visit: &Visit) {
        for known in self.baseline.targets.iter().chain(&self.baseline.non_targets) {
            let parts = visit.lesions.iter().filter(|lesion| lesion.role == known.role);
            let parts = parts.filter(|lesion| is_part(&lesion.id, &known.id)).map(|lesion| lesion.id.clone());
            let parts: Vec<String> = parts.collect();
            if !parts.is_empty() {
                self.parts.entry(known.id.clone()).or_default().extend(parts);
            }
        }
    }

    /// Whether a lesion that split is not told whole: a part seen before is missing, or only one part was ever named.
    fn lacks_a_part(&self, id: &str, found: &[&Lesion]) -> bool {
        let now: BTreeSet<&str> =
            found.iter().map(|lesion| lesion.id.as_str()).filter(|part| is_part(part, id)).collect();
        if now.is_empty() {
            return false;
        }
        let before = self.parts.get(id);
        let missing = before.is_some_and(|parts| parts.iter().any(|part| !now.contains(part.as_str())));
        missing || (now.len() < 2 && before.is_none_or(|parts| parts.len() < 2))
    }

    fn target(
        &self,
        visit: &Visit,
        abnormal_node: Option<&str>,
        reasons: &mut Vec<Because>,
    ) -> Result<(Option<Category>, Option<SumOfDiameters>), BadLesion> {
        let date = visit.date;
        let found = Found::new(date, &self.baseline.targets, &visit.lesions, Role::Target)?;
        if self.baseline.targets.is_empty() {
            return Ok((None, None));
        }
        let mut sum = SumOfDiameters {
            sum_mm: Decimal::ZERO,
            not_assessed: Vec::new(),
            baseline_mm: self.baseline.sum,
            nadir_mm: self.nadir.0,
            nadir_date: self.nadir.1,
        };
        let mut all_gone = true;
        let mut back = None;
        for target in &self.baseline.targets {
            let lacking = self.lacks_a_part(&target.id, found.of(&target.id));
            match found.length(self.settings, date, &target.id)?.filter(|_| !lacking) {
                None => sum.not_assessed.push(target.id.clone()),
                Some(length) => {
                    sum.sum_mm = sum.sum_mm.saturating_add(length);
                    let gone =
                        if target.is_node { length < millimetres(NORMAL_NODE_MM) } else { length.is_zero() };
                    all_gone &= gone;
                    if !gone && !target.is_node {
                        back = Some(target.id.clone());
                    }
                }
            }
        }
        let category = self.category(&sum, all_gone, abnormal_node, back, reasons);
        Ok((Some(category), Some(sum)))
    }

    fn category(
        &self,
        sum: &SumOfDiameters,
        all_gone: bool,
        abnormal_node: Option<&str>,
        back: Option<String>,
        reasons: &mut Vec<Because>,
    ) -> Category {
        let shown = |length: Decimal| length.normalize().to_string();
        let values = |because: Because| {
            because
                .input("sum", format!("{} mm", shown(sum.sum_mm)))
                .input("baseline", format!("{} mm", shown(sum.baseline_mm)))
                .input("nadir", format!("{} mm on {}", shown(sum.nadir_mm), sum.nadir_date))
        };
        let mut settle = |rule: &str, says: String, category: Category| {
            reasons.push(values(because(rule, says)));
            category
        };
        let of = if sum.is_complete() {
            format!("sum {} mm", shown(sum.sum_mm))
        } else {
            format!("sum {} mm without {}", shown(sum.sum_mm), sum.not_assessed.join(", "))
        };
        if all_gone && sum.is_complete() {
            return match abnormal_node {
                None => settle(
                    "target-cr",
                    format!("all targets are gone and every node is below {NORMAL_NODE_MM} mm ({of}): CR"),
                    Category::Complete,
                ),
                Some(node) => settle(
                    "target-node-abnormal",
                    format!("all targets are gone, but the node {node} is {NORMAL_NODE_MM} mm or more: PR"),
                    Category::Partial,
                ),
            };
        }
        if let (Some(back), Some(since)) = (back, self.complete_since)
            && self.settings.reappearance == Reappearance::Progression
        {
            return settle(
                "target-back",
                format!("{back} is back after all targets had gone on {since}: PD"),
                Category::Progressive,
            );
        }
        let change = sum.sum_mm.saturating_sub(sum.nadir_mm);
        let risen = sum.sum_mm.saturating_mul(Decimal::TEN) >= sum.nadir_mm.saturating_mul(millimetres(12))
            && change >= millimetres(RISE_MM);
        if risen && (sum.is_complete() || self.settings.progression_by_partial_sum) {
            let says = format!(
                "{of}, {} from the nadir {} mm of {}: PD (at least 20% and {RISE_MM} mm up)",
                rise(change, sum.nadir_mm),
                shown(sum.nadir_mm),
                sum.nadir_date
            );
            return settle("target-pd", says, Category::Progressive);
        }
        if !sum.is_complete() {
            return settle(
                "target-ne",
                format!("{of}: no progression is shown, and the rest cannot be judged: NE"),
                Category::NotEvaluable,
            );
        }
        let fallen = sum.baseline_mm.saturating_sub(sum.sum_mm);
        if sum.sum_mm.saturating_mul(Decimal::TEN) <= sum.baseline_mm.saturating_mul(millimetres(7)) {
            let says = format!(
                "{of}, down {} from {} mm at baseline: PR (at least 30% down)",
                percent(fallen, sum.baseline_mm),
                shown(sum.baseline_mm)
            );
            return settle("target-pr", says, Category::Partial);
        }
        let says = format!(
            "{of}, against {} mm at baseline and a nadir of {} mm: neither 30% down nor 20% and {RISE_MM} mm up: SD",
            shown(sum.baseline_mm),
            shown(sum.nadir_mm)
        );
        settle("target-sd", says, Category::Stable)
    }

    /// A non-target node that is not normal, if there is one.
    fn abnormal_non_target_node(&self, date: Date, found: &Found<'_>) -> Result<Option<String>, BadLesion> {
        for node in self.baseline.non_targets.iter().filter(|lesion| lesion.is_node) {
            let abnormal = found
                .length(self.settings, date, &node.id)?
                .is_some_and(|axis| axis >= millimetres(NORMAL_NODE_MM));
            if abnormal {
                return Ok(Some(node.id.clone()));
            }
        }
        Ok(None)
    }

    fn non_target(
        &self,
        visit: &Visit,
        found: &Found<'_>,
        reasons: &mut Vec<Because>,
    ) -> Result<Option<Category>, BadLesion> {
        // Complete response asks for normal markers, whatever they were at baseline.
        let raised = visit.tumour_markers == TumourMarkers::Raised
            || (self.baseline.markers_raised && visit.tumour_markers != TumourMarkers::Normal);
        if self.baseline.non_targets.is_empty() && !raised {
            return Ok(None);
        }
        let (mut worse, mut unseen, mut there) = (Vec::new(), Vec::new(), Vec::new());
        for lesion in &self.baseline.non_targets {
            let id = lesion.id.as_str();
            let all = found.of(id);
            if all.iter().any(|now| now.size == Size::Worse) {
                worse.push(id);
            } else if all.is_empty()
                || self.lacks_a_part(id, all)
                || all.iter().any(|now| now.size == Size::NotAssessed)
            {
                unseen.push(id);
            } else if all.iter().any(|now| now.size == Size::Present) {
                there.push(id);
            } else {
                let length = found.length(self.settings, visit.date, id)?.unwrap_or_default();
                let gone =
                    if lesion.is_node { length < millimetres(NORMAL_NODE_MM) } else { length.is_zero() };
                if !gone {
                    there.push(id);
                }
            }
        }
        let back = self
            .gone_since
            .filter(|_| !there.is_empty() && self.settings.reappearance == Reappearance::Progression);
        let (rule, says, category) = if let Some(since) = back {
            (
                "non-target-back",
                format!("non-target {} is back after all disease had gone on {since}: PD", there.join(", ")),
                Category::Progressive,
            )
        } else if !worse.is_empty() {
            (
                "non-target-pd",
                format!("non-target {} unequivocally worse: PD", worse.join(", ")),
                Category::Progressive,
            )
        } else if !unseen.is_empty() {
            (
                "non-target-ne",
                format!("non-target {} not evaluated: NE", unseen.join(", ")),
                Category::NotEvaluable,
            )
        } else if !there.is_empty() {
            let says = format!("non-target {} still there: neither CR nor PD", there.join(", "));
            ("non-target-stable", says, Category::NonCompleteNonProgressive)
        } else if raised && visit.tumour_markers == TumourMarkers::NotFollowed {
            let says = "tumour markers, raised at baseline, were not measured: NE".to_owned();
            ("markers-not-measured", says, Category::NotEvaluable)
        } else if raised {
            let says = "tumour markers are raised: neither CR nor PD".to_owned();
            ("markers-raised", says, Category::NonCompleteNonProgressive)
        } else {
            ("non-target-cr", "all non-target lesions are gone: CR".to_owned(), Category::Complete)
        };
        reasons.push(because(rule, says));
        Ok(Some(category))
    }
}

/// Whether an id is that of a part of a lesion, and not of a mass it went into.
fn is_part(id: &str, whole: &str) -> bool {
    id != whole && !id.contains(['+', '/']) && stands_for(id, whole)
}

fn length_is_possible(settings: &Settings, date: Date, lesion: &Lesion) -> Result<(), BadLesion> {
    match (&lesion.size, lesion.role) {
        // Only of a target a particular diameter is needed.
        (Size::Measured { longest, shortest }, Role::NonTarget | Role::New) => {
            let both = Lesion {
                size: Size::Measured { longest: longest.or(*shortest), shortest: shortest.or(*longest) },
                ..lesion.clone()
            };
            length(settings, date, &both).map(|_| ())
        }
        _ => length(settings, date, lesion).map(|_| ()),
    }
}

/// Whether a new lesion is there: neither gone again nor left unjudged.
pub(super) fn is_there(lesion: &Lesion) -> bool {
    match &lesion.size {
        Size::Absent | Size::NotAssessed => false,
        Size::Measured { longest, shortest } => {
            [longest, shortest].into_iter().flatten().any(|length| !length.is_zero())
        }
        Size::TooSmall | Size::Present | Size::Worse => true,
    }
}

fn because(rule: &str, says: String) -> Because {
    Because::new(format!("recist-1.1/{rule}"), says).source(SOURCE)
}

/// A share in percent with one decimal, cut off; for display only.
fn percent(part: Decimal, whole: Decimal) -> String {
    part.saturating_mul(Decimal::ONE_HUNDRED)
        .checked_div(whole)
        .map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", share.trunc_with_scale(1)))
}

fn rise(change: Decimal, nadir: Decimal) -> String {
    if nadir.is_zero() {
        return format!("up {} mm", change.normalize());
    }
    format!("up {} and {} mm", percent(change, nadir), change.normalize())
}
