//! Late toxicity as the protocol asks for it: what is followed for years after the window, and which events are counted.

use posology_clinic::dlt::{Condition, Rules};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Faults;
use super::{Protocol, read};

/// Longest follow-up that a protocol may ask for, years.
const LONGEST_YEARS: u32 = 50;
/// Days of the shortest month: two visits must not share a day.
const SHORTEST_MONTH: u32 = 28;

/// Follow-up of late toxicity: a schedule of years that outlives the DLT window, and the events it looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Late {
    /// Years after the first fraction for which patients are followed (5).
    #[serde(default = "five")]
    pub until_years: u32,
    /// Months after the first fraction at which the cumulative incidence is stated (each year of follow-up).
    #[serde(default)]
    pub at_months: Vec<u32>,
    /// Whether follow-up for late events ends with a new anti-cancer therapy (`followed`).
    #[serde(default)]
    pub new_therapy: AfterNewTherapy,
    /// What is followed, and how often.
    #[serde(default)]
    pub follow: Vec<LateFollow>,
    /// The kinds of late event: rules as in `[[dlt.rules]]`, met by what begins after the patient's DLT window.
    #[serde(default, deserialize_with = "read::rules")]
    pub event: Rules,
}

/// What a new anti-cancer therapy does to the follow-up for late events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AfterNewTherapy {
    /// Nothing: what comes later still counts.
    #[default]
    Followed,
    /// It ends it: what comes later may be the other therapy's.
    Censored,
}

/// One thing that is followed for years.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LateFollow {
    /// Id.
    pub id: String,
    /// What, in words, such as `Blood counts`.
    pub what: String,
    /// Months between two occasions, counted from the first fraction; only those after the DLT window are asked for.
    pub every_months: u32,
    /// Last month (`until-years`).
    #[serde(default)]
    pub until_months: Option<u32>,
    /// Days before its day from which an occasion may take place (30).
    #[serde(default = "thirty")]
    pub days_early: u32,
    /// Days after its day until which it is not overdue (30).
    #[serde(default = "thirty")]
    pub days_late: u32,
    /// Tests that must all have a result, by analyte or LBTESTCD; without any, a visit is enough.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Names of the visits that count, where no test is named; any visit if empty.
    #[serde(default)]
    pub visits: Vec<String>,
}

fn five() -> u32 {
    5
}

fn thirty() -> u32 {
    30
}

impl Late {
    /// Last month of follow-up.
    #[must_use]
    pub fn until_months(&self) -> u32 {
        self.until_years.saturating_mul(12)
    }

    /// The months at which the cumulative incidence is stated.
    #[must_use]
    pub fn stated_months(&self) -> Vec<u32> {
        if !self.at_months.is_empty() {
            return self.at_months.clone();
        }
        (1..=self.until_years.min(LONGEST_YEARS)).map(|year| year.saturating_mul(12)).collect()
    }
}

impl LateFollow {
    /// The months of its occasions, up to its last or the protocol's.
    pub fn months(&self, late: &Late) -> impl Iterator<Item = u32> + use<> {
        let last = self.until_months.unwrap_or(late.until_months()).min(LONGEST_YEARS * 12);
        let every = self.every_months.max(1);
        (1..=last / every).map(move |occasion| occasion * every)
    }
}

/// What contradicts something else in `[late]`, or in the rest of the protocol.
pub(super) fn faults(protocol: &Protocol, faults: &mut Faults) {
    let Some(late) = &protocol.late else { return };
    let Some(dlt) = &protocol.dlt else {
        let mend = "add [dlt] with its window, or remove [late]";
        faults.error("late", "[late] without [dlt]", "a window, after which toxicity is late", mend);
        return;
    };
    if !(1..=LONGEST_YEARS).contains(&late.until_years) {
        let expected = format!("1 to {LONGEST_YEARS} years");
        faults.error(
            "late.until-years",
            late.until_years.to_string(),
            expected,
            "write the years of follow-up",
        );
    }
    let last = late.until_months();
    for (index, months) in late.at_months.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| late.at_months.get(before));
        if *months == 0 || *months > last || before.is_some_and(|before| before >= months) {
            faults.error(
                format!("late.at-months[{index}]"),
                months.to_string(),
                format!("months from 1 to {last}, ascending"),
                "list the times at which the cumulative incidence is stated",
            );
        }
    }
    faults.ids("late.follow", "id", late.follow.iter().map(|follow| follow.id.as_str()));
    for (index, follow) in late.follow.iter().enumerate() {
        let path = |key: &str| format!("late.follow[{index}].{key}");
        if follow.every_months == 0 || follow.every_months > last {
            let expected = format!("1 to {last} months");
            faults.error(path("every-months"), follow.every_months.to_string(), expected, "write how often");
            continue;
        }
        if let Some(until) = follow.until_months.filter(|until| !(follow.every_months..=last).contains(until))
        {
            let expected = format!("{} to {last} months, the end of follow-up", follow.every_months);
            faults.error(path("until-months"), until.to_string(), expected, "correct it, or until-years");
        }
        let slack = follow.days_early.saturating_add(follow.days_late);
        if slack >= follow.every_months.saturating_mul(SHORTEST_MONTH) {
            faults.error(
                path("days-late"),
                format!("{} days early to {} late", follow.days_early, follow.days_late),
                format!("less than the {} months between two occasions", follow.every_months),
                "narrow them: as it stands a visit belongs to two occasions",
            );
        }
        if !follow.tests.is_empty() && !follow.visits.is_empty() {
            let mend = "leave visits out: the tests say when the occasion took place";
            faults.error(path("visits"), "visits beside tests", "one of the two", mend);
        }
    }
    if late.follow.is_empty() {
        let mend = "add [[late.follow]] tables, such as blood counts every 6 months";
        faults.warning("late", "no schedule", "what is followed, and how often", mend);
    } else if !late.follow.iter().any(|follow| {
        let last = follow.months(late).last().unwrap_or(0);
        last.saturating_mul(SHORTEST_MONTH) > dlt.window_days
    }) {
        let expected = format!("follow-up beyond the DLT window of {} days", dlt.window_days);
        faults.error(
            "late.until-years",
            "a schedule that ends inside the window",
            expected,
            "follow patients longer",
        );
    }
    events(late, faults);
}

fn events(late: &Late, faults: &mut Faults) {
    if late.event.is_empty() {
        let mend = "add [[late.event]] rules, such as an adverse event by its terms";
        faults.error("late", "no kind of late event", "at least one", mend);
    }
    for (index, rule) in late.event.iter().enumerate() {
        if rule.to_day.is_some() {
            let mend = "leave it out: a late event may come at any time after the window";
            faults.error(format!("late.event[{index}].to-day"), "a last day", "none", mend);
        }
        for condition in rule.conditions() {
            let Condition::Lab(lab) = condition else { continue };
            let followed = late.follow.iter().flat_map(|follow| &follow.tests);
            if !followed.clone().any(|test| crate::analysis::late::names(test, lab.analyte)) {
                faults.warning(
                    format!("late.event[{index}]"),
                    format!("{}, which no [[late.follow]] asks for", lab.analyte),
                    "a schedule on which it is measured",
                    format!("add a [[late.follow]] with tests = [\"{}\"]", lab.analyte.id()),
                );
            }
        }
    }
}
