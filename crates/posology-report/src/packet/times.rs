//! Times to an event beside progression-free survival (TTET02), and the outcome along the regimens (TREND01).

use posology_trial::analysis::Analysis;
use posology_trial::analysis::dose_response::{DoseResponse, Slope, Trend};
use posology_trial::analysis::endpoint::TimeEndpoint;
use posology_trial::analysis::rates::Confidence;
use posology_trial::analysis::survival::{IntervalScale, KaplanMeier};
use posology_trial::protocol::Population;

use super::cells;
use super::levels::{population_words, rule};
use super::response::quantile;
use crate::table::{Cell, Column, Number, Row, Table, Value};

/// The endpoints told beside progression-free survival.
const ENDPOINTS: [TimeEndpoint; 6] = [
    TimeEndpoint::OverallSurvival,
    TimeEndpoint::TimeToProgression,
    TimeEndpoint::DurationOfResponse,
    TimeEndpoint::TimeToResponse,
    TimeEndpoint::TimeToBestResponse,
    TimeEndpoint::TimeToNextTherapy,
];

/// TTET02: each endpoint with who counts, the events, the median and the median follow-up.
pub(super) fn endpoints(analysis: &Analysis) -> Option<Table> {
    let set = analysis.protocol.times.censoring;
    let mut table = Table::new(
        "TTET02",
        "Times to an event, days from the first fraction (duration: from the first response)",
        population_words(Population::Treated),
    );
    table.columns = vec![
        Column::new("Patients"),
        Column::new("Events"),
        Column::new("Median (95% CI)"),
        Column::new("Median follow-up (95% CI)"),
    ];
    for endpoint in ENDPOINTS {
        let times = analysis.times(endpoint, set, analysis.patients.iter());
        let data = times.data();
        let curve = KaplanMeier::estimate(&data, IntervalScale::LogLog, Confidence::NINETY_FIVE).ok()?;
        if curve.patients() == 0 {
            continue;
        }
        let follow_up = KaplanMeier::follow_up(&data, IntervalScale::LogLog, Confidence::NINETY_FIVE).ok()?;
        table.rows.push(Row::new(
            endpoint.words(),
            [
                count("patients", curve.patients()),
                count("events", curve.events()),
                quantile(&curve.median()),
                if follow_up.events() == 0 { Cell::nothing() } else { quantile(&follow_up.median()) },
            ],
        ));
    }
    if table.rows.is_empty() {
        return None;
    }
    table.notes.push(
        "NE: not reached, or not estimable. Follow-up is the median of the reverse curve, event and censoring exchanged. Responders only for the times of a response; cohorts pooled, descriptive."
            .to_owned(),
    );
    table.because.push(rule(
        "times/censoring",
        format!("Censored by {}: {}", set.word(), set.words()),
        "protocol, [times]; FDA guidance on endpoints 2007, appendix 3",
    ));
    Some(table)
}

/// TREND01: each rate of the protocol along the prescribed regimens, with exact intervals, the tests
/// that the protocol names, and what confounds them.
pub(super) fn trend(analysis: &Analysis) -> Option<Table> {
    let definition = analysis.protocol.rate.first()?;
    let trend = analysis.dose_response(definition, true).ok()?;
    let title = format!("{} along the prescribed regimens", definition.name);
    let mut table = Table::new("TREND01", title, definition.population.words());
    table.stub = "Prescribed regimen".to_owned();
    table.columns = vec![Column::new("n (%)"), Column::new("Rate if it may not fall, %")];
    for (group, isotonic) in trend.groups.iter().zip(&trend.isotonic) {
        if group.patients == 0 {
            continue;
        }
        table.rows.push(Row::new(
            format!("{} ({}), N = {}", group.label, group.schedule, group.patients),
            [Cell::count_percent(group.with, group.patients), percent("isotonic rate", *isotonic)],
        ));
    }
    tests(&mut table, &trend, analysis.protocol.dose_response.named_test.is_some());
    table.notes.extend(trend.because.iter().filter(|because| because.rule != "dose-response/methods").map(
        |because| {
            let mut says = capital(&because.says);
            says.push('.');
            says
        },
    ));
    table.because.extend(trend.because.iter().cloned());
    table.because.push(rule(
        &format!("rate/{}", definition.id),
        format!("Best response {} or better, confirmed", definition.at_least),
        format!("protocol, rate \"{}\"", definition.id),
    ));
    Some(table)
}

/// Without a test named by the protocol no p value stands in a packet.
fn tests(table: &mut Table, trend: &DoseResponse, named: bool) {
    let mut row = |name: &str, cell: Cell| table.rows.push(Row::new(name, [cell, Cell::nothing()]));
    let two_sided = |trend: &Trend| match trend.exact {
        Some(exact) => p_value("exact, two-sided", exact.two_sided),
        None => p_value("normal approximation, two-sided", trend.approximate.two_sided),
    };
    if let Some(test) = trend.cochran_armitage.as_ref().filter(|_| named) {
        row("Cochran-Armitage, p", two_sided(test));
    }
    if let Some(test) = trend.jonckheere_terpstra.as_ref().filter(|_| named) {
        row("Jonckheere-Terpstra, p", two_sided(test));
    }
    if let Some(slope) = &trend.exact_logistic {
        row("Odds ratio for 10 units of activity, exact (95% CI)", odds_ratio(slope, "exact conditional"));
    }
    row("Odds ratio for 10 units of activity, Firth (95% CI)", odds_ratio(&trend.firth_logistic, "Firth"));
}

fn odds_ratio(slope: &Slope, method: &str) -> Cell {
    let ratio = |ln: f64| (10.0 * ln).exp();
    let shown = |ratio: f64| {
        if ratio.is_infinite() {
            "no upper limit".to_owned()
        } else if ratio >= 100.0 {
            ">100".to_owned()
        } else {
            format!("{ratio:.2}")
        }
    };
    let parts = [("odds ratio", slope.estimate), ("lower", slope.lower), ("upper", slope.upper)];
    let [estimate, lower, upper] = parts.map(|(_, ln)| shown(ratio(ln)));
    let numbers = parts.map(|(statistic, ln)| real(statistic, ratio(ln), method));
    cells::printed(format!("{estimate} ({lower}, {upper})"), numbers)
}

fn p_value(method: &str, p: f64) -> Cell {
    let text = if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") };
    cells::printed(text, [real("p", p, method)])
}

fn percent(statistic: &str, share: f64) -> Cell {
    cells::printed(format!("{:.1}%", 100.0 * share), [real(statistic, share, "pooled adjacent violators")])
}

fn count(statistic: &str, number: u32) -> Cell {
    cells::printed(number.to_string(), [cells::number(statistic, number, "")])
}

fn real(statistic: &str, value: f64, method: &str) -> Number {
    let value = if value.is_finite() { Value::Real(value) } else { Value::Missing };
    Number { statistic: statistic.to_owned(), value, method: Some(method.to_owned()), ..Number::default() }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
