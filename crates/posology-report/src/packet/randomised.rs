//! The randomised comparison, where the protocol plans one: the arms (RND01), what the rule chooses (RND02), and the exact
//! probabilities of its choices (RND03). Arm by arm; never pooled, and without a p value.

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;

use posology_clinic::quantity::Activity;
use posology_design::randomised::NOT_POWERED;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::comparison::{Arm, Comparison, low_grade_days};
use posology_trial::analysis::exposure::FractionExposure;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::Rate;
use posology_trial::event::SupportKind;
use rust_decimal::Decimal;

use super::levels::{self, count, number_of, rule};
use super::{Review, cells};
use crate::document::{Block, Text};
use crate::table::{Cell, Column, Number, Row, RowKind, Table, Value};

/// The section; nothing where the protocol randomises nobody.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    let Some(comparison) = analysis.comparison() else { return Vec::new() };
    let mut blocks = vec![Block::section(1, "randomised", "Randomised comparison")];
    blocks.push(Block::paragraph(Text::new().strong(NOT_POWERED)));
    blocks.push(Block::table(arms(analysis, &comparison)));
    blocks.push(Block::table(choice(analysis, &comparison)));
    if !comparison.characteristics.is_empty() {
        blocks.push(Block::table(probabilities(analysis, &comparison)));
    }
    blocks
}

fn columns(comparison: &Comparison) -> Vec<Column> {
    let column =
        |arm: &Arm| Column::new(format!("{} {}", arm.cohort, arm.label)).n(count(arm.patients.len()));
    comparison.arms.iter().map(column).collect()
}

type ValueOf<'a> = &'a dyn Fn(&PatientAnalysis) -> Option<Decimal>;

type RateOf = fn(&Arm) -> Option<Rate>;

type Patients<'a> = Vec<&'a PatientAnalysis>;

/// RND01: what was planned and given, and what it cost, arm by arm.
fn arms(analysis: &Analysis, comparison: &Comparison) -> Table {
    let mut table = Table::new("RND01", "Arms of the randomised comparison", "All randomised patients");
    table.columns = columns(comparison);
    let randomised: Vec<Patients<'_>> = comparison
        .arms
        .iter()
        .map(|arm| arm.patients.iter().filter_map(|place| analysis.patients.get(*place)).collect())
        .collect();
    let treated: Vec<Patients<'_>> = randomised
        .iter()
        .map(|patients| patients.iter().copied().filter(|patient| patient.is_treated()).collect())
        .collect();
    table.rows.push(Row::new("Planned", comparison.arms.iter().map(|arm| Cell::count(arm.planned))));
    table
        .rows
        .push(Row::new("Randomised", randomised.iter().map(|patients| Cell::count(count(patients.len())))));
    table.rows.push(row("Treated", &randomised, PatientAnalysis::is_treated));
    let cut = analysis.cut.date();
    let measured: [(&str, u32, &str, ValueOf<'_>); 4] = [
        ("Prescribed activity, mCi", 1, "mCi", &|patient| {
            patient.exposure.total_prescribed().map(Activity::mci)
        }),
        ("Administered activity, mCi", 1, "mCi", &|patient| {
            patient.exposure.total_administered().map(Activity::mci)
        }),
        ("Administered of prescribed activity, %", 1, "%", &|patient| patient.exposure.percent()),
        ("Days with an event of grade 1 or 2", 0, "d", &|patient| Some(low_grade_days(patient, cut).into())),
    ];
    for (label, decimals, unit, value) in measured {
        let values = |patients: &Patients<'_>| -> Vec<Decimal> {
            patients.iter().filter_map(|patient| value(patient)).collect()
        };
        let row = |label: &str, cell: &dyn Fn(&[Decimal]) -> Cell| {
            Row::new(label, treated.iter().map(|patients| cell(&values(patients)))).indent(1)
        };
        table.rows.extend([
            Row::heading(format!("{label}, of the treated")),
            row("n with a value", &|values| Cell::count(count(values.len()))),
            row("Median", &|values| Cell::median(values, decimals, unit)),
            row("Min – max", &|values| Cell::range(values, decimals, unit)),
        ]);
    }
    let late = analysis.protocol.gates.delayed_more_than_days;
    let delayed = |fraction: &FractionExposure| {
        fraction.delay_days.is_some_and(|days| u32::try_from(days).is_ok_and(|days| days > late))
    };
    table.rows.push(Row::heading("Treated patients with"));
    table.rows.push(
        row(&format!("a fraction delayed by more than {late} days"), &treated, |patient| {
            patient.exposure.fractions.iter().any(delayed)
        })
        .indent(1),
    );
    table
        .rows
        .push(row("a fraction omitted", &treated, |patient| !patient.facts.omitted.is_empty()).indent(1));
    let graded = |patient: &PatientAnalysis, is: fn(u8) -> bool| {
        patient.emergent.iter().filter_map(|event| event.event.grade).any(is)
    };
    let two = |patient: &PatientAnalysis| graded(patient, |grade| grade == 2);
    let severe = |patient: &PatientAnalysis| graded(patient, |grade| grade >= 3);
    table.rows.push(row("an event of grade 2", &treated, two).indent(1));
    table.rows.push(row("an event of grade 3 or worse", &treated, severe).indent(1));
    table.rows.push(row("a transfusion", &treated, |patient| transfusions(patient) > 0).indent(1));
    let low = |patient: &PatientAnalysis| {
        let grades = patient.emergent.iter().filter_map(|event| event.event.grade);
        grades.filter(|grade| (1..=2).contains(grade)).count()
    };
    table.rows.push(Row::heading("Number of"));
    table.rows.push(total("events of grade 1 or 2", &treated, low));
    table.rows.push(total("transfusions", &treated, transfusions));
    table.notes.push(
        "Events are those that began, or may have begun, on or after the day of the first fraction; events without a grade stand in no row of \
         grades. Patient-reported outcomes are not recorded."
            .to_owned(),
    );
    table.because.push(rule("randomised/arms", comparison.statement.join(" "), "protocol, [randomised]"));
    table
}

fn row(label: &str, arms: &[Patients<'_>], meets: impl Fn(&PatientAnalysis) -> bool) -> Row {
    Row::new(
        label,
        arms.iter().map(|patients| Cell::ratio(number_of(patients, &meets), count(patients.len()))),
    )
}

fn total(label: &str, arms: &[Patients<'_>], number: impl Fn(&PatientAnalysis) -> usize) -> Row {
    let sum = |patients: &Patients<'_>| count(patients.iter().map(|patient| number(patient)).sum());
    Row::new(label, arms.iter().map(|patients| Cell::count(sum(patients)))).indent(1)
}

fn transfusions(patient: &PatientAnalysis) -> usize {
    let is = |kind| matches!(kind, SupportKind::PlateletTransfusion | SupportKind::RedCellTransfusion);
    patient.support.iter().filter(|support| is(support.kind)).count()
}

/// RND02: outcomes by arm, and the arm that the rule names once nothing is awaited.
fn choice(analysis: &Analysis, comparison: &Comparison) -> Table {
    let mut table =
        Table::new("RND02", "Outcomes, and the arm that the rule chooses", "All randomised patients");
    table.columns = columns(comparison);
    let outcomes = |label: &str, of: fn(&posology_design::randomised::Outcomes) -> u32| {
        Row::new(label, comparison.arms.iter().map(|arm| Cell::count(of(&arm.outcomes)))).indent(1)
    };
    let efficacy = analysis.protocol.randomised.as_ref().map_or("PR", |part| part.efficacy.code());
    table.rows.extend([
        Row::heading("Outcome known"),
        outcomes("neither response nor event", |of| of.none),
        outcomes("response only", |of| of.efficacy_only),
        outcomes("event only", |of| of.toxicity_only),
        outcomes("both", |of| of.both),
        Row::new("Pending", comparison.arms.iter().map(|arm| Cell::count(count(arm.pending.len())))),
        Row::new("Not treated", comparison.arms.iter().map(|arm| Cell::count(count(arm.not_treated.len())))),
        Row::new(
            "Same regimen before, not randomised",
            comparison.arms.iter().map(|arm| Cell::count(arm.backfill.patients())),
        ),
    ]);
    let response = format!("Response ({efficacy} or better, confirmed)");
    for (label, of) in
        [(response.as_str(), Arm::response_rate as RateOf), ("Event against tolerability", Arm::event_rate)]
    {
        let row = |label: &str, cell: &dyn Fn(&Rate) -> Cell| {
            let cells =
                comparison.arms.iter().map(|arm| of(arm).map_or_else(Cell::nothing, |rate| cell(&rate)));
            Row::new(label, cells).indent(1)
        };
        table.rows.push(Row::heading(label));
        table.rows.push(row("n/m (%)", &|rate| levels::rate(rate, rate.definition())));
        table.rows.push(row("95% CI, %", &|rate| levels::interval(rate, rate.definition())));
    }
    match &comparison.choice {
        Some(choice) => {
            let utility = |value: &f64| cells::printed(format!("{value:.1}"), [real("mean utility", *value)]);
            table.rows.push(Row::new("Observed mean utility", choice.utilities.iter().map(utility)));
            let chosen = |place: usize| place + 1 == choice.arm as usize;
            let cells = (0..comparison.arms.len()).map(|place| {
                if chosen(place) { Cell::value("chosen", "chosen").flag() } else { Cell::nothing() }
            });
            table.rows.push(Row::new("The rule chooses", cells).kind(RowKind::Total));
            table.because.extend(
                choice
                    .because
                    .iter()
                    .map(|because| rule(&because.rule, because.says.clone(), because.source.clone())),
            );
        }
        None => {
            table.notes.push(format!("Nothing is chosen yet. Awaited: {}.", comparison.awaits.join("; ")))
        }
    }
    table.notes.push(
        "An event against tolerability is one by the protocol's rules; who left or died inside the window without one counts as with one. Without \
         a response counts who was followed to the outcome day, progressed, began another therapy, left or died."
            .to_owned(),
    );
    table
}

/// RND03: what the rule chooses, exactly, if these were the truth.
fn probabilities(analysis: &Analysis, comparison: &Comparison) -> Table {
    let mut table = Table::new(
        "RND03",
        "Exact probabilities of the rule under supposed truths",
        format!("Arms of {} patients each", comparison.arms.first().map_or(0, |arm| arm.planned)),
    );
    table.stub = "Supposed truth".to_owned();
    table.columns =
        comparison.arms.iter().map(|arm| Column::new(format!("Chooses {}", arm.cohort))).collect();
    let delta = analysis
        .protocol
        .randomised
        .as_ref()
        .map_or((0.0, 0.0), |part| (part.comparison.delta, part.comparison.utility_delta));
    table.columns.extend([
        Column::new("Chooses the truly better"),
        Column::new(format!("Worse in response by more than {}", delta.0)),
        Column::new(format!("Worse in utility by more than {}", delta.1)),
    ]);
    for (name, exact) in &comparison.characteristics {
        let probability = |value: f64| cells::printed(format!("{value:.3}"), [real("probability", value)]);
        let mut cells: Vec<Cell> = exact.choose.iter().map(|value| probability(*value)).collect();
        cells.extend([exact.p_best, exact.p_wrong_response, exact.p_wrong_utility].map(probability));
        table.rows.push(Row::new(name.clone(), cells));
    }
    table.notes.push(NOT_POWERED.to_owned());
    table.because.push(rule(
        "randomised/exact",
        "Sums over all counts that the arms can show; nothing is simulated",
        "protocol, [[randomised.truth]]",
    ));
    table
}

fn real(statistic: &str, value: f64) -> Number {
    Number { statistic: statistic.to_owned(), value: Value::Real(value), ..Number::default() }
}
