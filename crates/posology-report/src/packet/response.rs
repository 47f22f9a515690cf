//! Response: best response and rates (RSPT01), the driving marker, each assessment (ONCL01), and progression-free
//! survival (TTET01).

use posology_clinic::response::Category;
use posology_clinic::response::imwg::{Change, Marker};
use posology_trial::analysis::Analysis;
use posology_trial::analysis::efficacy::{AssessedVisit, Basis};
use posology_trial::analysis::endpoint::TimeEndpoint;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::Confidence;
use posology_trial::analysis::survival::{IntervalScale, KaplanMeier, Quantile, TimeToEvent};
use posology_trial::protocol::Population;
use rust_decimal::Decimal;

use super::escalation::descriptive;
use super::levels::{
    Levels, count, level_label, level_of, number_of, or_none, population_words, rule, sentence, treated,
};
use super::{Review, cells, cover, times};
use crate::document::Block;
use crate::table::{Cell, Column, Interval, NOTHING, Number, Row, RowKind, Table, Value, rounded};

/// Landmarks of progression-free survival: three, six and twelve months, in days.
const LANDMARKS: [(u32, &str); 3] = [(91, "3 months"), (182, "6 months"), (365, "12 months")];

/// The tables of response, under their heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    let mut blocks = vec![
        Block::section(1, "response", "Response"),
        Block::table(by_level(analysis, "RSPT01", Population::ResponseEvaluable, true)),
        Block::table(by_level(analysis, "RSPT01T", Population::Treated, true)),
        Block::table(by_level(analysis, "RSPT01U", Population::ResponseEvaluable, false)),
        Block::table(reduction(analysis)),
    ];
    blocks.extend(progression_free(analysis).map(Block::table));
    blocks.extend(times::endpoints(analysis).map(Block::table));
    blocks.extend(times::trend(analysis).map(Block::table));
    blocks
}

/// The best response of a patient, confirmed; beside it what awaits confirmation.
pub(super) fn best(patient: &PatientAnalysis) -> Cell {
    let best = &patient.response.best;
    let confirmed = best.confirmed.map_or("not assessed", Category::code);
    let text = match best.awaiting {
        Some(awaiting) => format!("{confirmed}, awaits {}", awaiting.would_become),
        None => confirmed.to_owned(),
    };
    Cell::value("best response", text)
}

/// RSPT01 by dose level.
fn by_level(analysis: &Analysis, id: &str, population: Population, confirmed: bool) -> Table {
    let title =
        if confirmed { "Best overall response, confirmed" } else { "Best overall response, unconfirmed" };
    best_response(analysis, &Levels::population(analysis, population), id, title, population, confirmed)
}

/// Categories that add up to N, then the protocol's rates, in any columns.
pub(super) fn best_response(
    analysis: &Analysis,
    levels: &Levels<'_>,
    id: &str,
    title: &str,
    population: Population,
    confirmed: bool,
) -> Table {
    let mut table = levels.table(id, title);
    let best = |patient: &PatientAnalysis| {
        if confirmed { patient.response.best.confirmed } else { patient.response.best.unconfirmed }
    };
    table.rows.push(Row::heading(if confirmed {
        "Confirmed best response"
    } else {
        "Best response as assessed, confirmed or not"
    }));
    let sets = cover::criteria(analysis);
    let mut categories: Vec<Category> = sets.iter().flat_map(|set| set.categories()).copied().collect();
    categories.sort_unstable();
    categories.dedup();
    if sets.len() > 1 {
        // Several sets have many categories between them: those that nobody has are left out.
        categories.retain(|category| number_of(levels.all(), |patient| best(patient) == Some(*category)) > 0);
        table.notes.push("Categories that nobody has are left out.".to_owned());
    }
    let categories = || categories.iter().rev().copied();
    table.rows.extend(
        categories().map(|category| {
            levels.share(category.code(), |patient| best(patient) == Some(category)).indent(1)
        }),
    );
    table.rows.push(levels.share("Not assessed", |patient| best(patient).is_none()).indent(1));
    for definition in analysis.protocol.rate.iter().filter(|definition| definition.population == population) {
        let days = definition
            .minimum_days
            .map(|days| format!(", stable disease at least to day {days}"))
            .unwrap_or_default();
        let otherwise: Vec<String> = definition
            .at_least_by
            .iter()
            .map(|(criteria, floor)| format!(" ({floor} by {})", criteria.to_uppercase().replace('-', " ")))
            .collect();
        let met = format!(
            "{}: best response {}{} or better{days}",
            definition.id,
            definition.at_least,
            otherwise.concat()
        );
        table.rows.extend(levels.rate(format!("{}: {}", definition.id, definition.name), &met, |patients| {
            analysis.rate(definition, patients.iter().copied(), confirmed)
        }));
        table.because.push(rule(
            &format!("rate/{}", definition.id),
            format!("{met}, of {}", definition.population.words()),
            format!("protocol, rate \"{}\"", definition.id),
        ));
    }
    if confirmed {
        table
            .rows
            .push(levels.number("Awaiting confirmation", |patient| patient.response.best.awaiting.is_some()));
        table.notes.push("Who awaits confirmation is counted above by what is confirmed so far.".to_owned());
        for category in categories() {
            let would = |patient: &PatientAnalysis| {
                patient.response.best.awaiting.is_some_and(|awaiting| awaiting.would_become == category)
            };
            if number_of(levels.all(), would) > 0 {
                table.rows.push(levels.number(format!("would become {category}"), would).indent(1));
            }
        }
    } else {
        table.notes.push("One category a patient. Nothing of this table enters a confirmed row.".to_owned());
    }
    table.notes.push(format!("Intervals are Clopper-Pearson, exact. {}", descriptive()));
    table.because.push(rule(
        "response/criteria",
        format!(
            "Categories by {}; open points and rules of confirmation as listed under methods",
            cover::edition(analysis)
        ),
        sets.iter().map(|set| set.source()).collect::<Vec<_>>().join("; "),
    ));
    table
}

/// The best change of the marker that drives each patient's response, by cohort.
fn reduction(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        "E13",
        "Best change of the driving marker, by cohort",
        population_words(Population::Treated),
    );
    table.stub = "Cohort".to_owned();
    table.columns = vec![
        Column::words("Level"),
        Column::new("Treated"),
        Column::new("With a value after baseline"),
        Column::new("Median, %"),
        Column::new("Min – max, %"),
    ];
    let cells = |level: Cell, patients: &[&PatientAnalysis]| {
        let changes: Vec<Decimal> =
            patients.iter().filter_map(|patient| patient.response.best_percent()).collect();
        [
            level,
            Cell::count(count(patients.len())),
            Cell::count(count(changes.len())),
            Cell::median(&changes, 0, "%"),
            Cell::range(&changes, 1, "%"),
        ]
    };
    for cohort in &analysis.cohorts {
        let patients: Vec<_> = analysis.patients_of(cohort).filter(|patient| patient.is_treated()).collect();
        if !patients.is_empty() {
            let level = Cell::value("level", level_label(cohort.level, &cohort.label));
            table.rows.push(Row::new(&cohort.id, cells(level, &patients)));
        }
    }
    table.rows.push(Row::new("All", cells(Cell::nothing(), &treated(analysis))).kind(RowKind::Total));
    table.notes.push(format!("Negative is a fall. {}", descriptive()));
    table.because.push(rule(
        "response/best-change",
        "The lowest value of the driving marker after baseline, before progression and new therapy, against baseline; the driving marker is serum \
         M-protein where measurable, else urine M-protein, else the free light chain difference",
        "protocol, [response]",
    ));
    table
}

/// TTET01 of progression-free survival, once someone is treated.
fn progression_free(analysis: &Analysis) -> Option<Table> {
    let times: Vec<TimeToEvent> = analysis
        .patients
        .iter()
        .filter_map(|patient| Some(patient.progression_free.as_ref()?.time()))
        .collect();
    let curve = KaplanMeier::estimate(&times, IntervalScale::LogLog, Confidence::NINETY_FIVE).ok()?;
    if curve.events() == 0 {
        return None;
    }
    let (patients, events) = (curve.patients(), curve.events());
    let mut table =
        Table::new("TTET01", "Progression-free survival, days", population_words(Population::Treated));
    table.columns = vec![Column::new("All").n(patients)];
    let [first, median, third] = curve.quartiles();
    table.rows = vec![
        Row::new("Events", [Cell::count_percent(events, patients)]),
        Row::new("Censored", [Cell::count_percent(patients.saturating_sub(events), patients)]),
        Row::new("First quartile (95% CI)", [quantile(&first)]),
        Row::new("Median (95% CI)", [quantile(&median)]),
        Row::new("Third quartile (95% CI)", [quantile(&third)]),
        Row::new("Min – max", [extent(&times)]),
    ];
    for (days, words) in LANDMARKS {
        let cell = curve.at(f64::from(days)).map_or_else(Cell::nothing, |landmark| {
            let percent = Decimal::from_f64_retain(landmark.survival * 100.0).unwrap_or_default();
            let mut cell = Cell::probability("survival", landmark.survival);
            cell.text = format!("{}%", rounded(percent, 1));
            if let Some((lower, upper)) = landmark.interval {
                let bounds = Interval { lower, upper, level: 0.95, method: "Greenwood, log-log".to_owned() };
                let interval = Cell::interval(&bounds);
                cell.text = format!("{} {}", cell.text, interval.text);
                cell.numbers.extend(interval.numbers);
            }
            cell.text = format!("{}; {} at risk", cell.text, landmark.at_risk);
            cell.numbers.push(cells::number("at risk", landmark.at_risk, ""));
            cell
        });
        table.rows.push(Row::new(format!("Free of progression at {words}, % (95% CI)"), [cell]));
    }
    table.notes.push(format!(
        "+ censored. Intervals: Brookmeyer-Crowley, log-log; pointwise at landmarks. {}",
        descriptive()
    ));
    table.because.push(curve.because().clone());
    let settings = &analysis.protocol.times;
    for set in &settings.sensitivity {
        let times = analysis.times(TimeEndpoint::ProgressionFreeSurvival, *set, analysis.patients.iter());
        let other =
            KaplanMeier::estimate(&times.data(), IntervalScale::LogLog, Confidence::NINETY_FIVE).ok()?;
        let mut cell = quantile(&other.median());
        cell.text = format!("{}; {} events", cell.text, other.events());
        cell.numbers.push(cells::number("events", other.events(), ""));
        table.rows.push(Row::new(format!("Median by {} (95% CI)", set.word()), [cell]));
        table.because.push(rule(set.word(), set.words(), "protocol, [times], sensitivity"));
    }
    table.because.push(rule(
        "pfs",
        format!(
            "From the first fraction to confirmed progression or death, by {}: {}. Assessments every {} days, window {} days, {} missed",
            settings.censoring.word(),
            settings.censoring.words(),
            settings.interval_days,
            settings.window_days,
            settings.missed_visits,
        ),
        "protocol, [times]; FDA guidance on endpoints 2007, appendix 3",
    ));
    Some(table)
}

pub(super) fn quantile(quantile: &Quantile) -> Cell {
    let shown = |days: Option<f64>| days.map_or_else(|| "NE".to_owned(), |days| format!("{days}"));
    let numbers = [("days", quantile.days), ("lower", quantile.lower), ("upper", quantile.upper)].map(
        |(statistic, days)| Number {
            statistic: statistic.to_owned(),
            value: days.map_or(Value::Missing, Value::Real),
            unit: Some("days".to_owned()),
            method: Some("Brookmeyer-Crowley, log-log, 95% interval".to_owned()),
            ..Number::default()
        },
    );
    cells::printed(
        format!("{} ({}, {})", shown(quantile.days), shown(quantile.lower), shown(quantile.upper)),
        numbers,
    )
}

/// The shortest and the longest time, `+` where censored.
fn extent(times: &[TimeToEvent]) -> Cell {
    let mut sorted = times.to_vec();
    sorted.sort_by(|a, b| a.days.total_cmp(&b.days));
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return Cell::nothing() };
    let shown = |time: &TimeToEvent| format!("{}{}", time.days, if time.event { "" } else { "+" });
    let number = |statistic: &str, time: &TimeToEvent| Number {
        statistic: statistic.to_owned(),
        value: Value::Real(time.days),
        unit: Some("days".to_owned()),
        ..Number::default()
    };
    cells::printed(format!("{} – {}", shown(first), shown(last)), [number("min", first), number("max", last)])
}

/// ONCL01: each assessment with its values, category, confirmation and reasons.
pub(super) fn listing(analysis: &Analysis) -> Table {
    let mut table =
        Table::new("ONCL01", "Response, assessment by assessment", population_words(Population::Treated));
    table.stub = "Subject, day".to_owned();
    table.columns = vec![
        Column::words("Date"),
        Column::words("Serum M-protein, g/dL"),
        Column::words("Urine M-protein, mg/24 h"),
        Column::words("Free light chain difference, mg/dL"),
        Column::words("Computed"),
        Column::words("Status"),
        Column::words("Confirmed by"),
        Column::words("Investigator"),
        Column::words("Reason"),
    ];
    for patient in treated(analysis) {
        if patient.response.visits.is_empty() {
            continue;
        }
        table.rows.push(Row::heading(format!(
            "{}, {}: {}",
            patient.id,
            level_of(analysis, patient),
            followed_by(patient)
        )));
        for visit in &patient.response.visits {
            let day =
                patient.study_day(visit.date).map_or_else(|| NOTHING.to_owned(), |day| format!("D{day}"));
            table.rows.push(Row::new(day, visit_cells(patient, visit)).indent(1));
        }
    }
    table.notes.push("Values with the change from baseline. Status: what is confirmed so far; it never falls, except to PD, which is final.".to_owned());
    or_none(table, "No assessment after a first fraction.")
}

/// What the patient's response rests on.
fn followed_by(patient: &PatientAnalysis) -> String {
    let response = &patient.response;
    match (response.basis, response.measurable.as_ref().and_then(|measurable| measurable.driving)) {
        (Basis::Markers, Some(marker)) => {
            let baseline = response
                .series
                .first()
                .map(|change| format!(", baseline {} {}", change.baseline.normalize(), marker.unit()));
            format!("driving marker {marker}{}", baseline.unwrap_or_default())
        }
        (Basis::Markers, None) => "nothing measurable at baseline".to_owned(),
        (Basis::Categories, _) => "categories of the investigator".to_owned(),
        (Basis::Nothing, _) => "nothing recorded".to_owned(),
    }
}

fn visit_cells(patient: &PatientAnalysis, visit: &AssessedVisit) -> [Cell; 9] {
    let status =
        patient.response.confirmed.statuses.iter().find(|status| status.date == visit.date && status.counts);
    let computed = visit.computed.as_ref();
    let reasons: Vec<&str> = match computed {
        Some(computed) => computed.reasons.iter().map(|because| because.says.as_str()).take(1).collect(),
        None => status
            .into_iter()
            .flat_map(|status| &status.reasons)
            .map(|because| because.says.as_str())
            .take(1)
            .collect(),
    };
    let investigator = cells::words("investigator's category", visit.investigator.as_deref());
    let differs = computed
        .zip(visit.investigator.as_deref())
        .is_some_and(|(computed, investigator)| computed.category.code() != investigator);
    let marker = |marker: Marker| value(visit, marker);
    [
        cells::date(Some(visit.date)),
        marker(Marker::SerumM),
        marker(Marker::UrineM),
        marker(Marker::FreeLightChains),
        cells::words("computed category", computed.map(|computed| computed.category.code())),
        cells::words("status", status.map(|status| status.status.code())),
        cells::date(status.and_then(|status| status.confirmed_by)),
        if differs { investigator.flag() } else { investigator },
        Cell::text(sentence(&reasons.join("; "))),
    ]
}

/// The value of a marker at a visit, with its change from baseline where it was followed.
fn value(visit: &AssessedVisit, marker: Marker) -> Cell {
    let mut changes = visit.computed.iter().flat_map(|computed| &computed.changes);
    if let Some(change) = changes.find(|change| change.marker == marker) {
        return changed(change);
    }
    let of_visit = |markers: &posology_clinic::response::imwg::Markers| match marker {
        Marker::SerumM => markers.serum_m.amount(),
        Marker::UrineM => markers.urine_m.amount(),
        Marker::FreeLightChains => Some((markers.kappa? - markers.lambda?).abs()),
        Marker::PlasmaCells => markers.plasma_cells,
        Marker::Plasmacytoma => markers.plasmacytoma,
        Marker::CirculatingCells => markers.circulating_cells,
    };
    let amount = visit.markers.as_ref().and_then(of_visit);
    amount.map_or_else(Cell::nothing, |amount| {
        cells::printed(amount.normalize().to_string(), [cells::number("value", amount, marker.unit())])
    })
}

fn changed(change: &Change) -> Cell {
    let value = cells::number("value", change.value, change.marker.unit());
    match posology_trial::analysis::efficacy::exact_percent(change) {
        Some(percent) => cells::printed(
            format!("{} ({})", change.value.normalize(), cells::change(percent)),
            [value, cells::number("change from baseline", percent, "%")],
        ),
        None => cells::printed(change.value.normalize().to_string(), [value]),
    }
}
