//! Escalation: what was decided before (E05), the levels so far (E01), DLTs (E02), who is evaluable (E03), the
//! status board (E04), and where the rule would lead from here (E14).

use std::collections::BTreeSet;

use posology_clinic::laboratory::Analyte;
use posology_design::graph::{Belief, Graph, Prediction};
use posology_trial::analysis::decision::Counts;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::{Confidence, CountedPopulation, Rate};
use posology_trial::analysis::toxicity::{DltRecord, DltStatus};
use posology_trial::analysis::{Analysis, CohortAnalysis, CohortStage};
use posology_trial::event::{Answer, DltJudgement, Recommendation, Recommended};
use posology_trial::protocol::Population;
use rust_decimal::Decimal;

use super::levels::{
    Levels, count, interval, level_label, level_of, or_none, population_words, rate, rule, treated,
};
use super::{Review, cells, decision, laboratory};
use crate::document::Block;
use crate::table::{Cell, Column, Row, RowKind, Table};

/// What a rate of dose-limiting toxicities counts.
const DLT: &str = "DLT: a dose-limiting toxicity, judged or by a rule of the protocol";

/// The tables of escalation, under their heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    if analysis.protocol.dlt.is_none() {
        return vec![
            Block::section(1, "escalation", "Cohorts and decisions"),
            Block::table(cohorts(analysis)),
            Block::table(history(analysis)),
        ];
    }
    vec![
        Block::section(1, "escalation", "Escalation and dose-limiting toxicity"),
        Block::table(summary(analysis)),
        Block::table(history(analysis)),
        Block::table(dlt_listing(analysis)),
        Block::table(evaluability(analysis)),
        Block::table(not_evaluable(analysis)),
        Block::table(board(analysis)),
    ]
    .into_iter()
    .chain(predicted(review).map(Block::table))
    .collect()
}

/// States up to which the end of the trial is predicted for a packet: a fraction of a second.
const PREDICTED_STATES: usize = 1_000_000;

/// E14: how probable it is that each level is selected in the end, if the rule is followed from here on.
fn predicted(review: Review<'_>) -> Option<Table> {
    let design = review.analysis.protocol.escalation.as_ref()?;
    let data = &review.cohort.advice.as_ref()?.data;
    let population = "Evaluable patients, and those whose window is open as they may turn out";
    let mut table = Table::new("E14", "Where the rule would lead from here", population);
    table.stub = "Selected in the end".to_owned();
    table.columns = vec![Column::new("Predictive probability")];
    let prediction = Graph::compile_from(design, data, PREDICTED_STATES, 1)
        .and_then(|graph| graph.predict(design, data, 1));
    match prediction {
        Ok(Prediction { select, select_none, belief }) => {
            for (level, (regimen, share)) in review.analysis.protocol.regimen.iter().zip(&select).enumerate()
            {
                let label = level_label(level + 1, &regimen.title());
                table.rows.push(Row::new(label, [Cell::probability("predictive probability", *share)]));
            }
            table.rows.push(
                Row::new("None", [Cell::probability("predictive probability", select_none)])
                    .kind(RowKind::Total),
            );
            table.notes.push(match belief {
                Belief::Model => "Exact, over every course of the trial, by the posterior of the design's own model.",
                Belief::IndependentBeta => {
                    "Exact, over every course of the trial; each level's DLT rate has a uniform prior of its own, so that \
                     levels not yet tried weigh heavily."
                }
            }
            .to_owned());
            table.notes.push(
                "If the rule is followed and everyone is evaluable; holds and the committee's own reasons are not in it."
                    .to_owned(),
            );
        }
        Err(why) => table.notes.push(format!("Not computed: {why}.")),
    }
    table.because.push(rule(
        "design/predicted",
        "Each course of the trial from here on, with its probability under the posterior",
        "the book, Methods, exact characteristics",
    ));
    Some(table)
}

/// E01: a row a cohort, in order of opening.
fn summary(analysis: &Analysis) -> Table {
    let mut table = Table::new("E01", "Dose-escalation summary", population_words(Population::Treated));
    table.stub = "Cohort".to_owned();
    table.columns = vec![
        Column::words("Level"),
        Column::new("Treated"),
        Column::new("Evaluable"),
        Column::new("Pending"),
        Column::new("Not eval."),
        Column::new("DLT"),
        Column::new("95% CI, %"),
        Column::words("Advice"),
        Column::words("Committee"),
        Column::words("Sponsor"),
    ];
    for cohort in &analysis.cohorts {
        let patients: Vec<&PatientAnalysis> = analysis.patients_of(cohort).collect();
        table.rows.push(Row::new(&cohort.id, summary_cells(cohort, &patients)));
        if let Some(recommendation) = cohort.recommendation.as_ref().filter(|made| departs(made)) {
            table
                .notes
                .push(format!("* {}: differs from the rule's advice. {}", cohort.id, recommendation.reason));
        }
    }
    table.notes.push("DLT: n of m evaluable patients (%), with the exact 95% interval. Pending: with the mean share of the window followed; in no denominator. Before a recommendation, where the cohort stands.".to_owned());
    table.because.push(rule(
        "dlt/counted",
        "A patient counts as DLT, no DLT, pending or not evaluable; a DLT makes a patient evaluable whatever activity was received",
        "protocol, [dlt] and [evaluability]",
    ));
    table
}

/// E01 of a trial that defines no dose-limiting toxicity: a row a cohort.
fn cohorts(analysis: &Analysis) -> Table {
    let mut table = Table::new("E01", "Cohorts", population_words(Population::Treated));
    table.stub = "Cohort".to_owned();
    table.columns = vec![
        Column::words("Regimen"),
        Column::new("Planned"),
        Column::new("Enrolled"),
        Column::new("Treated"),
        Column::new("Response-evaluable"),
        Column::words("Advice"),
        Column::words("Committee"),
        Column::words("Sponsor"),
    ];
    for cohort in &analysis.cohorts {
        let of = |keep: &dyn Fn(&PatientAnalysis) -> bool| {
            Cell::count(count(analysis.patients_of(cohort).filter(|patient| keep(patient)).count()))
        };
        let [advice, committee, sponsor] = decided(cohort);
        let cells = [
            Cell::value("regimen", &cohort.label),
            Cell::count(cohort.planned),
            of(&super::levels::is_enrolled),
            of(&PatientAnalysis::is_treated),
            of(&|patient| patient.is_in(Population::ResponseEvaluable)),
            advice,
            committee,
            sponsor,
        ];
        table.rows.push(Row::new(&cohort.id, cells));
    }
    table.notes.push(
        "The protocol defines no dose-limiting toxicity. Before a recommendation, where the cohort stands."
            .to_owned(),
    );
    table
}

/// What the rule advises on a cohort, what the committee recommended, or where it stands, and what the sponsor decided.
fn decided(cohort: &CohortAnalysis) -> [Cell; 3] {
    let advice = match (&cohort.recommendation, cohort.advised_word()) {
        (Some(made), _) => Cell::value("advice", advised_word(made)),
        (None, Some(word)) => Cell::value("advice", word),
        (None, None) => Cell::nothing(),
    };
    let stage = || Cell::value("stage", stage_words(cohort.stage));
    let committee = cohort.recommendation.as_ref().map_or_else(stage, |made| {
        let mark = if departs(made) { "*" } else { "" };
        Cell::value("recommendation", format!("{}{mark}\n{}", recommended_words(made.recommended), made.date))
    });
    let sponsor = cohort.decision.as_ref().map_or_else(Cell::nothing, |made| {
        let opens = made.opens.as_ref().map(|opens| format!(", opens {opens}")).unwrap_or_default();
        Cell::value("decision", format!("{}{opens}\n{}", answer_words(made.answer), made.date))
    });
    [advice, committee, sponsor]
}

fn summary_cells(cohort: &CohortAnalysis, patients: &[&PatientAnalysis]) -> [Cell; 10] {
    let counts = Counts::of(patients.iter().copied());
    let dlts = dlt_rate(patients);
    let [advice, committee, sponsor] = decided(cohort);
    [
        Cell::value("level", level_label(cohort.level, &cohort.label)),
        Cell::count(counts.treated),
        Cell::count(counts.evaluable()),
        pending(patients),
        Cell::count(counts.not_evaluable),
        rate(&dlts, DLT),
        interval(&dlts, DLT),
        advice,
        committee,
        sponsor,
    ]
}

/// The stage in a word or two.
fn stage_words(stage: CohortStage) -> &'static str {
    match stage {
        CohortStage::Planned => "planned",
        CohortStage::Open => "open",
        CohortStage::InWindow => "in window",
        CohortStage::UnderReview => "under review",
        CohortStage::Recommended => "recommended",
        CohortStage::Decided => "decided",
    }
}

/// Number pending, with the mean share of the window they have completed.
fn pending(patients: &[&PatientAnalysis]) -> Cell {
    let shares: Vec<Decimal> = patients
        .iter()
        .filter(|patient| patient.dlt.status == DltStatus::Pending)
        .map(|patient| patient.dlt.share)
        .collect();
    let mut cell = Cell::count(count(shares.len()));
    let sum: Decimal = shares.iter().sum();
    if let Some(mean) = (sum * Decimal::ONE_HUNDRED).checked_div(Decimal::from(shares.len())) {
        cell.text = format!("{} ({}%)", cell.text, crate::table::rounded(mean, 0));
        cell.numbers.push(cells::number("mean share of window", mean, "%"));
    }
    cell
}

/// DLTs among the evaluable.
fn dlt_rate(patients: &[&PatientAnalysis]) -> Rate {
    let evaluable = CountedPopulation {
        id: Population::DltEvaluable.id().to_owned(),
        words: Population::DltEvaluable.words().to_owned(),
    };
    let outcomes = patients
        .iter()
        .filter(|patient| patient.is_in(Population::DltEvaluable))
        .map(|patient| patient.dlt.status == DltStatus::Dlt);
    Rate::count(outcomes, "DLT", evaluable, Confidence::NINETY_FIVE)
}

/// The action that begins the advice recorded with a recommendation.
pub(super) fn advised_word(made: &Recommendation) -> &str {
    made.rule_advice.split(|c: char| !(c.is_alphanumeric() || c == '-')).next().unwrap_or_default()
}

/// Whether the recommendation names another action than the advice recorded with it.
fn departs(made: &Recommendation) -> bool {
    !advised_word(made).eq_ignore_ascii_case(recommended_word(made.recommended))
}

fn recommended_word(recommended: Recommended) -> &'static str {
    match recommended {
        Recommended::Escalate => "escalate",
        Recommended::EscalateIntermediate => "escalate-intermediate",
        Recommended::Stay => "stay",
        Recommended::ChangeSchedule => "change-schedule",
        Recommended::DeEscalate => "de-escalate",
        Recommended::Declare => "complete",
        Recommended::Hold => "hold",
        Recommended::Suspend => "suspend",
        Recommended::Terminate => "stop",
    }
}

fn recommended_words(recommended: Recommended) -> &'static str {
    match recommended {
        Recommended::Escalate => "escalate",
        Recommended::EscalateIntermediate => "escalate to an intermediate level",
        Recommended::Stay => "stay",
        Recommended::ChangeSchedule => "change the schedule",
        Recommended::DeEscalate => "de-escalate",
        Recommended::Declare => "declare the level",
        Recommended::Hold => "hold enrolment",
        Recommended::Suspend => "suspend",
        Recommended::Terminate => "terminate",
    }
}

fn answer_words(answer: Answer) -> &'static str {
    match answer {
        Answer::Accept => "accepted",
        Answer::AcceptWithChanges => "accepted with changes",
        Answer::Decline => "declined",
    }
}

/// E05: what was advised, recommended and decided, review by review.
fn history(analysis: &Analysis) -> Table {
    let mut table = Table::new("E05", "Decision history", "Cohorts with a recommendation by the cut-off");
    table.stub = "Review".to_owned();
    table.columns = [
        "Cohort",
        "Cut-off of its packet",
        "Rule's advice then",
        "Committee",
        "Vote (for, against, abstained)",
        "Sponsor",
        "Reason",
    ]
    .map(Column::words)
    .to_vec();
    let mut reviews: Vec<(&CohortAnalysis, &Recommendation)> = analysis
        .cohorts
        .iter()
        .filter_map(|cohort| Some((cohort, cohort.recommendation.as_ref()?)))
        .collect();
    reviews.sort_by_key(|(_, made)| (made.review, made.date));
    table.rows = reviews
        .into_iter()
        .map(|(cohort, made)| {
            let next = made.next_cohort.as_ref().map(|next| format!(" ({next})")).unwrap_or_default();
            let [votes_for, against, abstained] = made.votes;
            let committee = Cell::value(
                "recommendation",
                format!("{}{next}\n{}", recommended_words(made.recommended), made.date),
            );
            let sponsor = cohort.decision.as_ref().map_or_else(Cell::nothing, |decision| {
                Cell::value(
                    "decision",
                    format!("{}\n{}\n{}", answer_words(decision.answer), decision.date, decision.reason),
                )
            });
            Row::new(
                made.review.to_string(),
                [
                    Cell::value("cohort", &cohort.id),
                    cells::date(Some(made.cut_off)),
                    Cell::value("advice", &made.rule_advice),
                    if departs(made) { committee.flag() } else { committee },
                    cells::printed(
                        format!("{votes_for}, {against}, {abstained}"),
                        [
                            cells::number("votes for", votes_for, ""),
                            cells::number("votes against", against, ""),
                            cells::number("abstained", abstained, ""),
                        ],
                    ),
                    sponsor,
                    Cell::text(&made.reason),
                ],
            )
        })
        .collect();
    table.because.push(rule(
        "record/decisions",
        "Advice, recommendation and decision are three records; the advice is the one printed in the packet of that review",
        "events recommendation/1 and sponsor-decision/1",
    ));
    or_none(table, "No recommendation was recorded by the cut-off.")
}

/// E02: each event judged, or flagged, as dose-limiting.
fn dlt_listing(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        "E02",
        "Dose-limiting toxicities, judged or flagged",
        population_words(Population::Treated),
    );
    table.stub = "Subject".to_owned();
    table.columns = [
        "Level, % given",
        "Onset",
        "What",
        "Grade",
        "Serious, related",
        "Outcome",
        "Rule",
        "Investigator",
        "Committee",
        "Counts as",
    ]
    .map(Column::words)
    .to_vec();
    for patient in treated(analysis) {
        let judged =
            patient.dlt.records.iter().map(|record| (record, Cell::value("counts as", "DLT").alert()));
        let possible = patient
            .dlt
            .possible
            .iter()
            .map(|record| (record, Cell::value("counts as", "possible DLT").flag()));
        for (record, counts_as) in judged.chain(possible) {
            table.rows.push(Row::new(&patient.id, dlt_cells(analysis, patient, record, counts_as)));
        }
    }
    table.because.push(rule(
        "dlt/judged",
        "A DLT is a recorded judgement: of the committee, else of the investigator or a rule of the protocol; both judgements stay visible",
        "protocol, dlt.rules",
    ));
    or_none(table, "No event was judged or flagged as dose-limiting.")
}

fn dlt_cells(
    analysis: &Analysis,
    patient: &PatientAnalysis,
    record: &DltRecord,
    counts_as: Cell,
) -> [Cell; 10] {
    let event = record.event.as_ref();
    let text = record.rule.as_deref().map(|id| {
        let rules = analysis.protocol.dlt.iter().flat_map(|dlt| dlt.rules.iter());
        rules
            .filter(|rule| rule.id == id)
            .map(|rule| format!("{id}: {}", rule.text))
            .next()
            .unwrap_or_else(|| id.to_owned())
    });
    let what = event
        .and_then(|event| event.class.as_ref())
        .map_or_else(|| record.what.clone(), |class| format!("{} ({class})", record.what));
    let mut level = Cell::value("level", level_of(analysis, patient));
    if let Some(percent) = patient.exposure.percent() {
        level.text = format!("{}, {}%", level.text, crate::table::rounded(percent, 1));
        level.numbers.push(cells::number("percent of prescribed", percent, "%"));
    }
    let answers = [event.and_then(|event| event.serious), event.and_then(|event| event.related)];
    let answers = answers.map(|answer| answer.map_or("not recorded", |yes| if yes { "yes" } else { "no" }));
    [
        level,
        cells::day(record.onset_day),
        Cell::value("what", what),
        event.and_then(|event| event.grade).map_or_else(Cell::nothing, |grade| Cell::count(grade.into())),
        Cell::value("serious, related", answers.join(", ")),
        cells::words("outcome", event.and_then(|event| event.outcome.as_deref()).map(str::to_lowercase)),
        cells::words("rule", text),
        judgement(record.investigator.as_ref()),
        judgement(record.committee.as_ref()),
        counts_as,
    ]
}

fn judgement(judgement: Option<&DltJudgement>) -> Cell {
    judgement.map_or_else(
        || Cell::text("not yet judged"),
        |made| {
            let date = made.date.as_ref().map(|date| format!(" {date}")).unwrap_or_default();
            let reason = made.reason.as_ref().map(|reason| format!("\n{reason}")).unwrap_or_default();
            let answer = if made.dose_limiting { "yes" } else { "no" };
            Cell::value("judgement", format!("{answer}{date}{reason}"))
        },
    )
}

/// E03: the classes of the treated, which exclude each other and add up.
fn evaluability(analysis: &Analysis) -> Table {
    let levels = Levels::population(analysis, Population::Treated);
    let mut table = levels.table("E03", "Evaluability for dose-limiting toxicity");
    let status = |status: DltStatus| move |patient: &PatientAnalysis| patient.dlt.status == status;
    let pending = |open: bool| {
        move |patient: &PatientAnalysis| {
            patient.dlt.status == DltStatus::Pending && patient.dlt.window_open == open
        }
    };
    table.rows = vec![
        levels.number("Treated", |_| true).kind(RowKind::Total),
        levels.number("Completed the DLT window without DLT", status(DltStatus::NoDlt)).indent(1),
        levels.number("DLT in the window", status(DltStatus::Dlt)).indent(1),
        levels.number("Pending: window still open", pending(true)).indent(1),
        levels.number("Pending: window over, judgement awaited", pending(false)).indent(1),
        levels.number("Not evaluable", status(DltStatus::NotEvaluable)).indent(1),
    ];
    let reasons: BTreeSet<&str> = levels
        .all()
        .iter()
        .filter(|patient| patient.dlt.status == DltStatus::NotEvaluable)
        .filter_map(|patient| Some(patient.dlt.not_evaluable.as_ref()?.0.as_str()))
        .collect();
    table.rows.extend(reasons.into_iter().map(|reason| {
        levels
            .number(reason, |patient| {
                patient.dlt.status == DltStatus::NotEvaluable
                    && patient.dlt.not_evaluable.as_ref().is_some_and(|judged| judged.0 == reason)
            })
            .indent(2)
    }));
    table.rows.extend([
        levels
            .number("DLT-evaluable", |patient| patient.is_in(Population::DltEvaluable))
            .kind(RowKind::Total),
        levels.number("Possible DLT to be adjudicated, among the pending", |patient| {
            patient.dlt.status == DltStatus::Pending && !patient.dlt.possible.is_empty()
        }),
        levels.number("Replaced by another patient", |patient| replacement(analysis, patient).is_some()),
    ]);
    table.rows.extend(levels.rate("DLT among the evaluable", DLT, dlt_rate));
    table.notes.push("The five classes under Treated exclude each other and add up. Replaced patients stay in every safety table.".to_owned());
    table.notes.push(descriptive());
    table.because.push(rule(
        "evaluability",
        format!(
            "Below {}% of the prescribed activity, unless through toxicity, or after a follow-up cut short, a patient is judged; a DLT is evaluable in any case",
            analysis.protocol.evaluability.minimum_percent
        ),
        "protocol, [evaluability]",
    ));
    table
}

/// What stands under every column that pools cohorts.
pub(super) fn descriptive() -> String {
    "All pools cohorts whose sizes depended on the data: descriptive.".to_owned()
}

/// The patient who replaces this one.
fn replacement<'a>(analysis: &'a Analysis, patient: &PatientAnalysis) -> Option<&'a PatientAnalysis> {
    analysis.patients.iter().find(|other| other.replaces.as_deref() == Some(patient.id.as_str()))
}

/// Those not evaluable or replaced, with the worst that happened to them.
fn not_evaluable(analysis: &Analysis) -> Table {
    let mut table = Table::new(
        "E03L",
        "Not evaluable or replaced, with worst toxicity",
        population_words(Population::Treated),
    );
    table.stub = "Subject".to_owned();
    table.columns = [
        "Level",
        "Status",
        "Reason",
        "Judged by, on",
        "Replaced by",
        "Worst event",
        "Worst cytopenia, grade",
        "Given, % of prescribed",
    ]
    .map(Column::words)
    .to_vec();
    table.rows = treated(analysis)
        .into_iter()
        .filter_map(|patient| {
            let replaced = replacement(analysis, patient);
            if patient.dlt.status != DltStatus::NotEvaluable && replaced.is_none() {
                return None;
            }
            let judged = patient.dlt.not_evaluable.as_ref();
            Some(Row::new(
                &patient.id,
                [
                    Cell::value("level", level_of(analysis, patient)),
                    decision::status(patient),
                    cells::words("reason", judged.map(|judged| judged.0.as_str())),
                    cells::words("judgement", judged.map(|judged| format!("{}, {}", judged.1, judged.2))),
                    cells::words("replaced by", replaced.map(|other| other.id.as_str())),
                    worst_event(patient),
                    patient.worst_cytopenia().map_or_else(Cell::nothing, |grade| Cell::count(grade.into())),
                    cells::decimal("percent of prescribed", patient.exposure.percent(), 1, "%"),
                ],
            ))
        })
        .collect();
    or_none(table, "Every treated patient is evaluable or pending.")
}

fn worst_event(patient: &PatientAnalysis) -> Cell {
    let graded =
        patient.emergent.iter().filter_map(|event| Some((event.event.grade?, event.event.term.as_str())));
    graded.max_by_key(|(grade, _)| *grade).map_or_else(Cell::nothing, |(grade, term)| {
        cells::printed(format!("{term}, grade {grade}"), [cells::number("grade", grade, "")])
    })
}

/// E04: where each treated patient stands at the cut.
fn board(analysis: &Analysis) -> Table {
    let mut table = Table::new("E04", "Status board", population_words(Population::Treated));
    table.stub = "Subject".to_owned();
    table.columns = [
        "Level",
        "First fraction",
        "Window ends",
        "Day of window",
        "Share followed",
        "Last platelets, 10^9/L",
        "Last neutrophils, 10^9/L",
        "DLT",
        "Fractions",
        "Study",
    ]
    .map(Column::words)
    .to_vec();
    let mut patients = treated(analysis);
    patients.sort_by_key(|patient| std::cmp::Reverse(patient.window.as_ref().map(|window| window.end)));
    table.rows = patients
        .into_iter()
        .map(|patient| {
            let share = patient.dlt.share * Decimal::ONE_HUNDRED;
            let study = match (&patient.disposition.study_discontinued, patient.disposition.off_study) {
                (Some(why), Some(date)) => format!("left {date}: {}", why.to_lowercase()),
                _ if patient.disposition.study_completed => "completed".to_owned(),
                _ => "ongoing".to_owned(),
            };
            Row::new(
                &patient.id,
                [
                    Cell::value("level", level_of(analysis, patient)),
                    cells::date(patient.exposure.first()),
                    cells::date(patient.window.as_ref().map(|window| window.end)),
                    decision::day_of_window(analysis, patient),
                    cells::printed(
                        format!("{}%", share.trunc()),
                        [cells::number("share of window", share, "%")],
                    ),
                    laboratory::last(patient, Analyte::Platelets),
                    laboratory::last(patient, Analyte::Neutrophils),
                    decision::status(patient),
                    decision::fractions(patient),
                    Cell::value("study", study),
                ],
            )
        })
        .collect();
    table.notes.push("Sorted by the end of the window, the latest first. Share followed: of the window, up to the cut-off or the end of follow-up.".to_owned());
    or_none(table, "Nobody has been given a fraction.")
}
