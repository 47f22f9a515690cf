//! An arm that is watched, and response by stratum and by the protocol's groupings.

use posology_design::monitoring::Characteristics;
use posology_trial::analysis::CohortAnalysis;
use posology_trial::analysis::groups::Grouped;
use posology_trial::analysis::monitoring::{Monitored, Watched};
use posology_trial::protocol::Population;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::decision::reason;
use super::levels::{Levels, rule};
use super::response::best_response;
use super::{Review, cells};
use crate::document::{Block, Callout, CalloutKind, Text};
use crate::table::{Cell, Column, Interval, Row, Table, rounded};

/// The rule of an arm that is watched: what it says, its looks and what it does at two true rates.
pub(super) fn monitored(monitored: &Monitored) -> Vec<Block> {
    let (kind, title) = match monitored.advised {
        Watched::GoOn => (CalloutKind::Stay, "Go on: enrolment goes on to the next look"),
        Watched::Wait => (CalloutKind::Wait, "Wait: those who are awaited can change what the rule says"),
        Watched::Futile => (CalloutKind::Stop, "Stop for futility: too few responses at this look"),
        Watched::NotTakenFurther => (CalloutKind::Stop, "Not taken further: too few responses at the end"),
        Watched::Promising => (CalloutKind::Escalate, "Promising: enough responses"),
    };
    let mut reasons: Vec<Text> = monitored.because.iter().map(reason).collect();
    if !monitored.awaited.is_empty() {
        reasons.push(Text::from(format!("Awaited: {}.", monitored.awaited.join(", "))));
    }
    if !monitored.not_counted.is_empty() {
        let who = monitored.not_counted.join(", ");
        reasons.push(Text::from(format!("Treated, and counted neither way: {who}.")));
    }
    reasons.push(Text::new().emphasis(format!("{}; {}", monitored.title, monitored.source)));
    let callout = Callout { kind, title: title.to_owned(), reasons };
    let mut blocks = vec![Block::Callout(callout), Block::table(looks(monitored))];
    blocks.extend(after(monitored).map(Block::table));
    blocks
}

/// E15: the looks, and what the rule does at the rate that is too low and at the one that is wanted.
fn looks(monitored: &Monitored) -> Table {
    let [low, high] = &monitored.characteristics;
    let mut table =
        Table::new("E15", "Looks of this arm", "Patients in the order of treatment who count for the rate");
    table.stub = "Look".to_owned();
    table.columns = [
        "Patients".to_owned(),
        "Too few, at most".to_owned(),
        "Enough, at least".to_owned(),
        format!("Ends here at {}", percent(low.rate)),
        format!("Ends here at {}", percent(high.rate)),
    ]
    .map(Column::new)
    .to_vec();
    let bound = |statistic: &str, bound: Option<u32>| {
        bound.map_or_else(Cell::nothing, |bound| {
            cells::printed(bound.to_string(), [cells::number(statistic, bound, "")])
        })
    };
    for (place, look) in monitored.looks.iter().enumerate() {
        let ends = |characteristics: &Characteristics| {
            characteristics
                .ends_at
                .get(place)
                .map_or_else(Cell::nothing, |share| Cell::probability("probability of ending here", *share))
        };
        let here = if place == monitored.look { " (now)" } else { "" };
        let row = [
            Cell::count(look.n),
            bound("too few", look.futility_max),
            bound("enough", look.efficacy_min),
            ends(low),
            ends(high),
        ];
        table.rows.push(Row::new(format!("{}{here}", place + 1), row));
    }
    let ending = if monitored.looks.iter().any(|look| look.efficacy_min.is_some()) {
        "is called promising"
    } else {
        "is not ended as futile"
    };
    let said = |characteristics: &Characteristics| {
        format!(
            "At a true rate of {} the arm {ending} with probability {:.3}, and treats {:.1} patients on average.",
            percent(characteristics.rate),
            characteristics.go,
            characteristics.expected_n
        )
    };
    table.notes.push(format!("{} {} Exact, if everyone treated is evaluable.", said(low), said(high)));
    table.because.push(rule("monitoring/looks", monitored.title.as_str(), monitored.source));
    table
}

/// E16: what may be said of the rate after an arm of two stages has ended.
fn after(monitored: &Monitored) -> Option<Table> {
    let found = monitored.estimate?;
    let mut table = Table::new(
        "E16",
        format!("{} after two stages", monitored.rate),
        "Patients of the stages that count for the rate",
    );
    table.columns = vec![Column::new("Estimate")];
    let interval = Interval {
        lower: found.lower,
        upper: found.upper,
        level: found.confidence,
        method: "Koyama and Chen 2008".to_owned(),
    };
    table.rows = vec![
        Row::new("Unbiased estimate", [Cell::probability("unbiased estimate", found.estimate)]),
        Row::new("95% CI, %", [Cell::interval(&interval)]),
        Row::new("p value", [Cell::probability("p value", found.p_value)]),
    ];
    table.notes.push(
        "The plain proportion would be too low on average, and its exact interval that of one stage: the interval here belongs to the design."
            .to_owned(),
    );
    table.because.push(rule(
        "monitoring/after-two-stages",
        "Estimate, interval and p value by the order of results that the two stages give",
        "Jung and Kim, Stat Med 2004;23:881-896; Koyama and Chen, Stat Med 2008;27:3145-3154",
    ));
    Some(table)
}

fn percent(rate: f64) -> String {
    let percent = Decimal::from_f64_retain(rate * 100.0).unwrap_or_default();
    format!("{}%", rounded(percent, 1).trim_end_matches('0').trim_end_matches('.'))
}

/// Response by stratum and by the groupings of the protocol, after that by prescribed regimen.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    let mut tables = Vec::new();
    if let Some(strata) = analysis.by_stratum() {
        tables.push(table(review, &strata, "E17", "by stratum"));
    }
    let groupings = analysis.protocol.group.iter().flat_map(|grouping| analysis.grouped(grouping));
    for (place, grouped) in groupings.enumerate() {
        let title = format!("by {}", lower(&grouped.name));
        tables.push(table(review, &grouped, &format!("E18.{}", place + 1), &title));
    }
    if tables.is_empty() {
        return tables;
    }
    [vec![Block::section(2, "groups", "Response in groups")], tables].concat()
}

fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn table(review: Review<'_>, grouped: &Grouped, id: &str, by: &str) -> Block {
    let analysis = review.analysis;
    let population = Population::ResponseEvaluable;
    let levels = Levels::grouped(analysis, grouped, population);
    let title = format!("Best overall response, confirmed, {by}");
    let mut table = best_response(analysis, &levels, id, &title, population, true);
    table
        .notes
        .splice(0..0, grouped.notes.iter().map(|note| super::levels::sentence(&format!("{}.", note.says))));
    if !grouped.left_out.is_empty() {
        let each: Vec<String> =
            grouped.left_out.iter().map(|(id, because)| format!("{id}: {}", because.says)).collect();
        table.notes.push(format!("Treated and in no group: {}.", each.join("; ")));
    }
    table.because.extend(grouped.notes.iter().cloned());
    Block::table(table)
}

/// The decision on an arm that is watched, as data.
pub(super) fn json(cohort: &CohortAnalysis, monitored: &Monitored) -> Value {
    json!({
        "cohort": cohort.id,
        "advised": monitored.advised.word(),
        "because": monitored.because,
        "rate": monitored.rate,
        "rule": monitored.title,
        "source": monitored.source,
        "look": monitored.look + 1,
        "looks": monitored.looks,
        "counts": {
            "responded": monitored.responded,
            "without": monitored.without,
            "awaited": monitored.awaited,
            "not-counted": monitored.not_counted,
        },
        "characteristics": monitored.characteristics,
        "estimate": monitored.estimate,
    })
}
