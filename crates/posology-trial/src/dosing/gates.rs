//! The three gates on activity. Each has its own percentage and its own comparison, which the site may set; each asks a
//! person to look and says nothing of what it means.

use posology_clinic::Because;
use posology_clinic::prescription::{
    Compared, Comparison, Gate, GateSettings, percent_of_prescribed, review,
};
use posology_clinic::quantity::Activity;
use rust_decimal::Decimal;
use serde::Serialize;

use super::arithmetic::{shown_activity, shown_deviation, shown_percent};
use super::facts::Facts;
use crate::protocol::{Dosing, Gates};

/// What holds at the subject's site: the protocol's settings, and what the site set otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteRules {
    /// Percentages and comparisons of the gates.
    pub gates: GateSettings,
    /// Whether a second person's check is asked for.
    pub second_check: bool,
    /// Retained activity below which a patient may go without further basis.
    pub release_activity: Option<Activity>,
    /// Dose rate at 1 m below which a patient may go, microsievert an hour.
    pub release_dose_rate_usv_h: Option<Decimal>,
    /// Retained activity above which written instructions are due.
    pub instructions_above: Option<Activity>,
    /// Who reviews flags at the site, where the site named the person.
    pub radiation_safety_officer: Option<String>,
    /// The settings that the site made for itself, by name.
    pub set_by_site: Vec<&'static str>,
}

impl SiteRules {
    /// The rules on a day, or those last set.
    pub(crate) fn on(facts: &Facts<'_>, day: Option<jiff::civil::Date>) -> Self {
        let (gates, dosing) = facts.protocol.map_or_else(
            || (Gates::default(), Dosing::default()),
            |protocol| (protocol.gates.clone(), protocol.dosing.clone()),
        );
        let product = facts.protocol.and_then(|protocol| protocol.product.as_ref());
        let (release_activity, release_dose_rate_usv_h, instructions_above) = dosing.release_limits(product);
        let mut rules = Self {
            gates: gates.settings(),
            second_check: dosing.second_check,
            release_activity,
            release_dose_rate_usv_h,
            instructions_above,
            radiation_safety_officer: None,
            set_by_site: Vec::new(),
        };
        let Some(site) = facts.site_settings(day) else { return rules };
        rules.radiation_safety_officer.clone_from(&site.radiation_safety_officer);
        let names = &mut rules.set_by_site;
        take(&mut rules.gates.tolerance_percent, site.tolerance_percent, "tolerance-percent", names);
        take(&mut rules.gates.before_use_percent, site.before_use_percent, "before-use-percent", names);
        take(&mut rules.gates.after_use_percent, site.after_use_percent, "after-use-percent", names);
        take(&mut rules.gates.tolerance_comparison, site.tolerance_comparison, "tolerance-comparison", names);
        take(
            &mut rules.gates.before_use_comparison,
            site.before_use_comparison,
            "before-use-comparison",
            names,
        );
        take(&mut rules.gates.after_use_comparison, site.after_use_comparison, "after-use-comparison", names);
        let single = site.single_fraction_percent.map(Some);
        take(&mut rules.gates.single_fraction_percent, single, "single-fraction-percent", names);
        take(&mut rules.second_check, site.second_check, "second-check", names);
        take(&mut rules.release_activity, site.release_activity.map(Some), "release-activity", names);
        let dose_rate = site.release_dose_rate_usv_h.map(Some);
        take(&mut rules.release_dose_rate_usv_h, dose_rate, "release-dose-rate-usv-h", names);
        take(&mut rules.instructions_above, site.instructions_above.map(Some), "instructions-above", names);
        rules
    }

    fn of_gate(&self, gate: Gate) -> (Decimal, Comparison, &'static str) {
        let gates = &self.gates;
        match gate {
            Gate::ProtocolTolerance => {
                (gates.tolerance_percent, gates.tolerance_comparison, "tolerance-percent")
            }
            Gate::BeforeUse => (gates.before_use_percent, gates.before_use_comparison, "before-use-percent"),
            Gate::AfterUse => (gates.after_use_percent, gates.after_use_comparison, "after-use-percent"),
        }
    }
}

fn take<T>(setting: &mut T, of_site: Option<T>, name: &'static str, names: &mut Vec<&'static str>) {
    if let Some(value) = of_site {
        *setting = value;
        names.push(name);
    }
}

/// A gate's answer on a fraction or a directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GateReview {
    /// 1 protocol tolerance, 2 before use, 3 after use.
    pub number: u8,
    /// The gate.
    pub gate: Gate,
    /// Its operator.
    pub comparison: Comparison,
    /// Its percentage.
    pub threshold_percent: Decimal,
    /// Whether the site set percentage or operator itself.
    pub set_by_site: bool,
    /// Deviation from prescribed in percent, not rounded; `None` where it is not known.
    pub deviation_percent: Option<Decimal>,
    /// The deviation as printed: cut off after the first decimal.
    pub shown: String,
    /// Whether it asks for review; `None` where it cannot be judged yet.
    pub flagged: Option<bool>,
    /// Who reviews.
    pub for_review_by: Vec<String>,
    /// The sentence, the values and the source.
    pub because: Because,
}

/// One fraction as a gate sees it.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) fraction: u32,
    pub(crate) compared: Compared,
    /// Why less was given, where recorded.
    pub(crate) reason: Option<String>,
}

/// What a gate is about: what is compared, in words, and the prescribed range where it bears on it.
pub(crate) struct About<'a> {
    pub(crate) what: String,
    pub(crate) range: Option<[Activity; 2]>,
    pub(crate) directive: Option<&'a str>,
}

/// Judges a gate, or says why it cannot be judged.
pub(crate) fn judge(
    gate: Gate,
    rules: &SiteRules,
    sides: Result<&[Side], String>,
    about: &About<'_>,
) -> GateReview {
    let (threshold_percent, comparison, setting) = rules.of_gate(gate);
    let (number, name, rule, source) = match gate {
        Gate::ProtocolTolerance => {
            (1, "protocol tolerance", "gate/protocol-tolerance", "protocol, gates.tolerance-percent")
        }
        Gate::BeforeUse => (2, "before use", "gate/before-use", "10 CFR 35.63(d)"),
        Gate::AfterUse => (3, "after use", "gate/after-use", "10 CFR 35.3045(a)(1)"),
    };
    let officer = || match &rules.radiation_safety_officer {
        Some(name) => format!("radiation safety officer ({name})"),
        None => "radiation safety officer".to_owned(),
    };
    let for_review_by = match gate {
        Gate::BeforeUse => vec!["authorised user".to_owned()],
        Gate::ProtocolTolerance | Gate::AfterUse => vec![officer(), "investigator".to_owned()],
    };
    let limit = comparison.limit(threshold_percent);
    let of_site = rules.set_by_site.iter().any(|name| name.starts_with(setting.trim_end_matches("percent")));
    let whose = if of_site { "the site asks" } else { "the protocol asks" };
    let head = format!("gate {number} ({name})");
    let mut answer = GateReview {
        number,
        gate,
        comparison,
        threshold_percent,
        set_by_site: of_site,
        deviation_percent: None,
        shown: String::new(),
        flagged: None,
        for_review_by,
        because: Because::new(rule, "")
            .input(setting, threshold_percent)
            .input("comparison", comparison.words()),
    };
    answer.because.source = source.to_owned();
    if let Some(directive) = about.directive {
        answer.because = answer.because.input("directive", directive);
    }
    let reviewed = sides.and_then(|sides| {
        let compared: Vec<Compared> = sides.iter().map(|side| side.compared).collect();
        let range = about.range.map(|[low, high]| (low, high));
        let review = review(gate, &compared, range, &rules.gates)
            .map_err(|error| format!("not computable: {error}"))?;
        let total = |part: fn(&Side) -> Activity| {
            Activity::total(sides.iter().map(part)).map_err(|error| error.to_string())
        };
        Ok((sides, review, total(|side| side.compared.delivered)?, total(|side| side.compared.prescribed)?))
    });
    let (sides, review, delivered, prescribed) = match reviewed {
        Ok(reviewed) => reviewed,
        Err(why) => {
            "not known".clone_into(&mut answer.shown);
            answer.because.says =
                format!("{head}: not judged, {why}; {whose} for review at {limit} off the prescribed dosage");
            return answer;
        }
    };
    answer.deviation_percent = review.deviation_percent;
    answer.shown = review.deviation_percent.map_or_else(|| "not in percent".to_owned(), shown_deviation);
    answer.flagged = Some(review.flagged);
    let percent = percent_of_prescribed(delivered, prescribed).map_or_else(
        || "in no percentage of it".to_owned(),
        |percent| format!("{}% of it", shown_percent(percent)),
    );
    let mut says = format!(
        "{head}: {} {} against {} prescribed is {percent}, {} off; {whose} for review at {limit}",
        about.what,
        shown_activity(delivered),
        shown_activity(prescribed),
        answer.shown,
    );
    if let Some([low, high]) = about.range {
        let outside = delivered < low || delivered > high;
        let word = if outside { "outside" } else { "within" };
        if gate != Gate::ProtocolTolerance {
            says.push_str(&format!(" or outside the prescribed range; it is {word} {low} to {high}"));
        }
        answer.because = answer.because.input("range", format!("{low} to {high}"));
    }
    if let (Gate::AfterUse, Some(percent)) = (gate, rules.gates.single_fraction_percent) {
        says.push_str(&format!(", and at {percent}% or more in a single fraction, as the site set"));
    }
    if sides.len() > 1 {
        let each: Vec<String> = sides
            .iter()
            .map(|side| {
                let off = side.compared.deviation_percent().map_or_else(|| "-".to_owned(), shown_deviation);
                format!("fraction {} {off}", side.fraction)
            })
            .collect();
        says.push_str(&format!("; {}", each.join(", ")));
    }
    for side in sides {
        if let Some(reason) = &side.reason {
            says.push_str(&format!("; reason recorded for fraction {}: {reason}", side.fraction));
        }
    }
    says.push_str(&if review.flagged {
        format!(": for review by {}", answer.for_review_by.join(" and "))
    } else {
        ": no review asked".to_owned()
    });
    answer.because.says = says;
    answer.because = answer.because.input("delivered", delivered).input("prescribed", prescribed);
    answer
}
