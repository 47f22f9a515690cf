//! The decision page: three lines, the rule's advice with its reasons, the cohort at a glance, and what comes next.

use posology_clinic::Because;
use posology_clinic::laboratory::Analyte;
use posology_design::{Action, Case, Decision};
use posology_trial::analysis::Analysis;
use posology_trial::analysis::decision::{Advice, Advised, case_words, reasons};
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::protocol::{HoldAction, HoldScope};
use serde_json::{Value, json};

use super::levels::{count, level_label, rule};
use super::{Review, cells, groups, laboratory, response};
use crate::document::{Block, Callout, CalloutKind, Fact, Signature, Text};
use crate::table::{Cell, Column, NOTHING, Row, RowKind, Table};

/// The decision, from the three lines to the signatures.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let Review { analysis, cohort, .. } = review;
    let mut blocks = vec![Block::section(1, "decision", format!("Decision on cohort {}", cohort.id))];
    match &cohort.advice {
        Some(advice) => {
            blocks.push(Block::KeyPoints(vec![
                Fact::new("Known", advice.known.as_str()),
                Fact::new("Pending", advice.pending.as_str()),
                Fact::new("Not seen by the rule", advice.unseen.as_str()),
            ]));
            blocks.push(Block::Callout(callout(analysis, advice)));
        }
        None => match &cohort.monitored {
            Some(monitored) => blocks.extend(groups::monitored(monitored)),
            None => blocks.push(Block::Callout(Callout {
                kind: CalloutKind::Neutral,
                title: "The rule has nothing to advise yet".to_owned(),
                reasons: vec![Text::from(nothing_to_advise(review))],
            })),
        },
    }
    blocks.extend(analysis.holds_of(cohort).iter().map(|triggered| {
        Block::Callout(Callout {
            kind: if triggered.hold.action == HoldAction::Hold {
                CalloutKind::Hold
            } else {
                CalloutKind::Neutral
            },
            title: format!(
                "{}: {} ({})",
                action_words(triggered.hold.action, triggered.hold.within_days),
                triggered.hold.id,
                scope_words(triggered.hold.scope)
            ),
            reasons: vec![reason(&triggered.because)],
        })
    }));
    let gaps = gaps(review);
    if !gaps.is_empty() {
        blocks.push(Block::Callout(Callout {
            kind: CalloutKind::Neutral,
            title: "Mandatory counts are missing".to_owned(),
            reasons: gaps.into_iter().map(Text::from).collect(),
        }));
    }
    if !analysis.misfits.is_empty() {
        blocks.push(Block::Callout(Callout {
            kind: CalloutKind::Neutral,
            title: "The record does not fit the protocol".to_owned(),
            reasons: analysis.misfits.iter().map(|misfit| Text::from(misfit.says.as_str())).collect(),
        }));
    }
    blocks.push(Block::Facts(standing(review)));
    blocks.push(Block::table(at_a_glance(review)));
    if let Some(advice) = &cohort.advice {
        if !advice.decision.completions.is_empty() {
            blocks.push(Block::table(completions(advice)));
        }
        if !advice.what_if.is_empty() {
            blocks.push(Block::table(what_if(analysis, advice)));
        }
    }
    blocks.push(Block::section(2, "signatures", "Recommendation and decision"));
    blocks.push(Block::paragraph(
        "The rule advises. The committee recommends; the sponsor decides, with a record and a signature of its own. \
         Departing from the rule is lawful and needs a reason.",
    ));
    blocks.extend(signatures(analysis));
    blocks.push(Block::PageBreak);
    blocks
}

fn nothing_to_advise(review: Review<'_>) -> &'static str {
    let Review { analysis, cohort, .. } = review;
    let watched = analysis.protocol.cohort(&cohort.id).is_some_and(|cohort| cohort.monitoring.is_some());
    if analysis.protocol.is_arm(&cohort.id) {
        "The cohort is an arm of the randomised comparison, which has a section of its own."
    } else if watched || analysis.protocol.escalation.is_some() {
        "Nobody in this cohort has been given a fraction."
    } else {
        "The protocol names no escalation design, and watches no rate in this cohort."
    }
}

fn callout(analysis: &Analysis, advice: &Advice) -> Callout {
    let place = advice.next.as_ref().map(|next| {
        let cohort = next.cohort.as_ref().map(|id| format!(", cohort {id}")).unwrap_or_default();
        format!("{} at {}{cohort}", patients(next.patients), level_label(next.level, &next.label))
    });
    let rest = place.map(|place| format!(": the next {place}")).unwrap_or_default();
    let (kind, title) = match advice.advised {
        Advised::Hold => (
            CalloutKind::Hold,
            format!(
                "Hold: a hold of the protocol is in force; the rule alone would advise to {}",
                advice.decision.action.word()
            ),
        ),
        Advised::Design(Action::Start) => (CalloutKind::Stay, format!("Start{rest}")),
        Advised::Design(Action::Escalate) => (CalloutKind::Escalate, format!("Escalate{rest}")),
        Advised::Design(Action::Stay) => (CalloutKind::Stay, format!("Stay{rest}")),
        Advised::Design(Action::DeEscalate) => (CalloutKind::DeEscalate, format!("De-escalate{rest}")),
        Advised::Design(Action::Stop) => (CalloutKind::Stop, "Stop: no level can be selected".to_owned()),
        Advised::Design(Action::Complete) => {
            (CalloutKind::Stop, format!("Complete: {} is selected", destination(analysis, &advice.decision)))
        }
        Advised::Design(Action::Wait) => {
            (CalloutKind::Wait, "Wait: those who are pending can change the advice".to_owned())
        }
    };
    let because = reasons(&advice.decision);
    let mut reasons: Vec<Text> = because.iter().map(reason).collect();
    let asked = advice.decision.enrol;
    if let Some(next) = advice.next.as_ref().filter(|next| next.patients != asked && next.cohort.is_some()) {
        reasons.push(Text::from(format!(
            "The rule asks for {asked}; the protocol plans {} for that cohort.",
            next.patients
        )));
    }
    reasons.extend(sources(&because));
    Callout { kind, title, reasons }
}

pub(super) fn reason(because: &Because) -> Text {
    Text::new().plain(format!("{} ", prose(&because.says))).emphasis(format!("[{}]", because.rule))
}

/// The words of a reason as a sentence, without the marks of code.
fn prose(says: &str) -> String {
    super::levels::sentence(&says.replace('`', ""))
}

/// Where the rules behind some reasons are written, each once.
fn sources(reasons: &[Because]) -> Option<Text> {
    let mut sources: Vec<&str> = Vec::new();
    for because in reasons {
        if !because.source.is_empty() && !sources.contains(&because.source.as_str()) {
            sources.push(&because.source);
        }
    }
    (!sources.is_empty()).then(|| Text::new().emphasis(sources.join("; ")))
}

fn patients(number: u32) -> String {
    if number == 1 { "patient".to_owned() } else { format!("{number} patients") }
}

/// The level a decision names, by its label; nothing where it names none.
fn destination(analysis: &Analysis, decision: &Decision) -> String {
    decision.level.map_or_else(
        || NOTHING.to_owned(),
        |level| {
            let title = analysis.protocol.regimen.get(level.index()).map(|regimen| regimen.title());
            level_label(level.index() + 1, &title.unwrap_or_default())
        },
    )
}

/// Holds, gaps in mandatory counts, judgements awaited and places left: what to look at before signing.
fn standing(review: Review<'_>) -> Vec<Fact> {
    let Review { analysis, cohort, .. } = review;
    let protocol = &analysis.protocol;
    let level: Vec<&PatientAnalysis> = at_level(review).collect();
    let holds = analysis.holds_of(cohort).len();
    let mut facts = vec![Fact::new(
        "Holds in force",
        match (holds, protocol.stopping.hold.len()) {
            (_, 0) => "the protocol names none".to_owned(),
            (0, all) => format!("none of {all}"),
            (met, all) => format!("{met} of {all}, see above"),
        },
    )];
    let gaps = gaps(review).len();
    facts.push(Fact::new(
        "Mandatory counts missing",
        match &protocol.dlt {
            None => NOTHING.to_owned(),
            Some(dlt) if gaps == 0 => {
                format!("none, days {} to {}", dlt.counts.from_day, dlt.counts.to_day)
            }
            Some(_) => format!("{gaps}, see above"),
        },
    ));
    let awaited: Vec<String> = level
        .iter()
        .filter_map(|patient| Some(format!("{}: {}", patient.id, patient.dlt.awaits.as_ref()?)))
        .collect();
    facts.push(Fact::new(
        "Awaited",
        if awaited.is_empty() { "nothing".to_owned() } else { awaited.join("; ") },
    ));
    let enrolled = analysis.patients.iter().filter(|patient| super::levels::is_enrolled(patient)).count();
    if let Some(most) = protocol.caps.total {
        facts.push(Fact::new("Enrolled in the trial", format!("{enrolled} of at most {most}")));
    }
    if let Some(most) = protocol.caps.per_regimen {
        facts.push(Fact::new("At this level", format!("{} of at most {most}", level.len())));
    }
    facts
}

/// The gaps in mandatory counts at the level, with whose they are.
fn gaps(review: Review<'_>) -> Vec<String> {
    at_level(review)
        .flat_map(|patient| patient.dlt.gaps.iter().map(|gap| format!("{}: {}", patient.id, gap.says)))
        .collect()
}

/// The patients on whom the rule is asked: in an escalation those of the cohort and of others at the same level, else
/// those of the cohort.
fn at_level(review: Review<'_>) -> impl Iterator<Item = &PatientAnalysis> {
    let Review { analysis, cohort, .. } = review;
    let escalates = analysis.protocol.escalation.is_some();
    analysis.patients.iter().filter(move |patient| {
        if escalates {
            patient.regimen.as_deref() == Some(cohort.regimen.as_str())
        } else {
            patient.cohort.as_deref() == Some(cohort.id.as_str())
        }
    })
}

/// The patients of the level on one line each.
fn at_a_glance(review: Review<'_>) -> Table {
    let Review { analysis, cohort, .. } = review;
    let mut table = Table::new(
        "COHORT",
        "Cohort at a glance",
        format!("Enrolled at {}", level_label(cohort.level, &cohort.label)),
    );
    table.stub = "Subject".to_owned();
    table.columns = [
        "First fraction",
        "Day of window",
        "Fractions, % of prescribed",
        "Platelets: nadir, 10^9/L",
        "Platelets: recovered",
        "Neutrophils: nadir, 10^9/L",
        "Neutrophils: recovered",
        "Support",
        "DLT status",
        "Best response",
    ]
    .map(Column::words)
    .to_vec();
    table.rows = at_level(review).map(|patient| Row::new(&patient.id, glance(analysis, patient))).collect();
    if analysis.protocol.dlt.is_none() {
        without_window(&mut table);
    }
    table.notes.push(
        "Nadir: lowest count after the first fraction, with its study day. Recovered: back to grade 1 or better, between two samples. \
         Support: transfusions and growth factors. Best response is confirmed unless marked."
            .to_owned(),
    );
    if let Some(dlt) = &analysis.protocol.dlt {
        table.because.push(rule(
            "dlt/window",
            format!(
                "The window is {} days from the first fraction, and at least {} days after the last",
                dlt.window_days, dlt.min_days_after_last_fraction
            ),
            "protocol, [dlt]",
        ));
    }
    table
}

/// Leaves out what only a window of dose-limiting toxicity has.
fn without_window(table: &mut Table) {
    let kept: Vec<bool> = table
        .columns
        .iter()
        .map(|column| !["Day of window", "DLT status"].contains(&column.label.as_str()))
        .collect();
    let mut each = kept.iter().copied();
    table.columns.retain(|_| each.next().unwrap_or(true));
    for row in &mut table.rows {
        let mut each = kept.iter().copied();
        row.cells.retain(|_| each.next().unwrap_or(true));
    }
}

fn glance(analysis: &Analysis, patient: &PatientAnalysis) -> [Cell; 10] {
    let mut fractions = fractions(patient);
    if let Some(percent) = patient.exposure.percent() {
        fractions.text = format!("{}, {}%", fractions.text, crate::table::rounded(percent, 1));
        fractions.numbers.push(cells::number("percent of prescribed", percent, "%"));
    }
    [
        cells::date(patient.exposure.first()),
        day_of_window(analysis, patient),
        fractions,
        laboratory::nadir(patient, Analyte::Platelets),
        laboratory::recovery(patient, Analyte::Platelets),
        laboratory::nadir(patient, Analyte::Neutrophils),
        laboratory::recovery(patient, Analyte::Neutrophils),
        laboratory::support(patient),
        status(patient),
        response::best(patient),
    ]
}

/// `85 of 85`: the study day at the cut, at most the last of the window, and that last day.
pub(super) fn day_of_window(analysis: &Analysis, patient: &PatientAnalysis) -> Cell {
    let days = patient.window.as_ref().and_then(|window| {
        let last = patient.study_day(window.end)?;
        Some((patient.study_day(analysis.cut.date())?.min(last), last))
    });
    days.map_or_else(Cell::nothing, |(day, last)| {
        cells::printed(
            format!("{day} of {last}"),
            [cells::number("study day", day, ""), cells::number("last day of window", last, "")],
        )
    })
}

/// `2 of 2` fractions given of those planned.
pub(super) fn fractions(patient: &PatientAnalysis) -> Cell {
    let given = patient.exposure.fractions.iter().filter(|fraction| fraction.given.is_some()).count();
    let meant = patient.exposure.fractions.iter().filter(|fraction| fraction.is_meant()).count();
    let (given, planned) = (count(given), count(meant));
    let cell = cells::printed(
        format!("{given} of {planned}"),
        [cells::number("fractions given", given, ""), cells::number("fractions planned", planned, "")],
    );
    if given < planned { cell.flag() } else { cell }
}

/// How the patient counts, with the share of the window where it is open.
pub(super) fn status(patient: &PatientAnalysis) -> Cell {
    let words = patient.dlt.status.words();
    match patient.dlt.status {
        DltStatus::Dlt => Cell::value("DLT status", words).alert(),
        DltStatus::Pending if !patient.dlt.possible.is_empty() => {
            Cell::value("DLT status", "pending: possible DLT").alert()
        }
        DltStatus::Pending => Cell::value("DLT status", words).flag(),
        DltStatus::NotEvaluable => Cell::value("DLT status", words).flag(),
        DltStatus::NoDlt | DltStatus::NotTreated | DltStatus::NotDefined => Cell::value("DLT status", words),
    }
}

/// The advice for each way in which the pending may turn out.
fn completions(advice: &Advice) -> Table {
    let mut table =
        Table::new("E06P", "If the pending patients turn out so", "Patients pending at the cut-off");
    table.stub = "DLTs among the pending".to_owned();
    table.columns = ["Advice", "Level"].map(Column::words).to_vec();
    table.rows = advice
        .decision
        .completions
        .iter()
        .map(|completion| {
            let label: Vec<String> = completion
                .dlts
                .iter()
                .map(|at| format!("{} of {} at DL{}", at.dlts, at.undecided, at.level.number()))
                .collect();
            let level = completion.level.map(|level| format!("DL{}", level.number()));
            Row::new(
                label.join(", "),
                [Cell::value("advice", completion.action.word()), cells::words("level", level)],
            )
        })
        .collect();
    table.because.push(rule(
        "undecided/every-completion",
        "Pending is never no DLT: the design is asked for every completion",
        "",
    ));
    table
}

/// E06: what the rule would advise after the next cohort, and for the pending at their best and worst.
fn what_if(analysis: &Analysis, advice: &Advice) -> Table {
    let place = advice
        .next
        .as_ref()
        .map_or_else(|| format!("DL{}", advice.level), |next| level_label(next.level, &next.label));
    let mut table = Table::new(
        "E06",
        "What the rule would advise next",
        format!("Next patients at {place}, all evaluable"),
    );
    table.stub = "DLTs".to_owned();
    table.columns = ["Advice", "Level", "Because"].map(Column::words).to_vec();
    table.rows = advice
        .what_if
        .iter()
        .map(|row| {
            let label = match row.case {
                Case::Best => "Pending now, best case: none has a DLT".to_owned(),
                Case::Worst => "Pending now, worst case: all have a DLT".to_owned(),
                Case::NextCohort { .. } => case_words(&row.case),
            };
            let because: Vec<&str> =
                row.decision.because.iter().map(|because| because.says.as_str()).collect();
            Row::new(
                label,
                [
                    Cell::value("advice", row.decision.action.word()),
                    Cell::value("level", destination(analysis, &row.decision)),
                    Cell::text(prose(&because.join("; "))),
                ],
            )
            .kind(RowKind::Normal)
        })
        .collect();
    table.notes.push(
        "The same function makes this table and the advice above. Holds are not foreseen here.".to_owned(),
    );
    table.because.push(rule(
        "escalation/what-if",
        "The design is asked with each number of DLTs added at that level",
        "protocol, [escalation]",
    ));
    table
}

fn signatures(analysis: &Analysis) -> Vec<Block> {
    let line = |role: &str, name: &str| Signature {
        role: role.to_owned(),
        name: name.to_owned(),
        ..Signature::default()
    };
    let mut blocks = Vec::new();
    if let Some(committee) = &analysis.protocol.committee {
        let roles = if committee.quorum_roles.is_empty() {
            String::new()
        } else {
            format!(", among them {}", committee.quorum_roles.join(" and "))
        };
        blocks.push(Block::paragraph(Text::new().strong(&committee.name).plain(format!(
            ". Quorum {}{roles}; voting {}.",
            committee.quorum,
            voting_words(committee.voting)
        ))));
        let members = committee
            .member
            .iter()
            .map(|member| {
                let role =
                    if member.votes { member.role.clone() } else { format!("{} (no vote)", member.role) };
                line(&role, &member.name)
            })
            .collect();
        blocks.push(Block::Signatures(members));
    }
    let sponsor = analysis.protocol.trial.sponsor.as_deref().unwrap_or_default();
    blocks.push(Block::section(
        3,
        "sponsor",
        "Sponsor's decision: accept, accept with changes, or decline, with the reason",
    ));
    blocks.push(Block::Signatures(vec![line("For the sponsor", sponsor)]));
    blocks
}

fn voting_words(voting: posology_trial::protocol::Voting) -> &'static str {
    use posology_trial::protocol::Voting::{Majority, TwoThirds, Unanimous};
    match voting {
        Majority => "by majority",
        TwoThirds => "by two thirds",
        Unanimous => "unanimous",
    }
}

pub(super) fn action_words(action: HoldAction, within_days: Option<u32>) -> String {
    match (action, within_days) {
        (HoldAction::Hold, _) => "Hold".to_owned(),
        (HoldAction::Notify, _) => "Notify".to_owned(),
        (HoldAction::Meet, Some(days)) => format!("Meet within {days} days"),
        (HoldAction::Meet, None) => "Meet".to_owned(),
    }
}

pub(super) fn scope_words(scope: HoldScope) -> &'static str {
    match scope {
        HoldScope::Level => "this level",
        HoldScope::Trial => "the trial",
        HoldScope::Programme => "all trials of the product",
    }
}

/// The decision as data.
pub(super) fn json(review: Review<'_>) -> Value {
    let Review { cohort, .. } = review;
    if let Some(monitored) = &cohort.monitored {
        return groups::json(cohort, monitored);
    }
    let Some(advice) = &cohort.advice else {
        return json!({ "cohort": cohort.id, "advised": null });
    };
    let counts = advice.counts;
    json!({
        "cohort": cohort.id,
        "level": advice.level,
        "advised": advice.advised.word(),
        "known": advice.known,
        "pending": advice.pending,
        "not-seen": advice.unseen,
        "counts": {
            "treated": counts.treated,
            "dlt": counts.dlt,
            "no-dlt": counts.no_dlt,
            "pending": counts.pending,
            "possible-dlt": counts.possible,
            "not-evaluable": counts.not_evaluable,
        },
        "because": reasons(&advice.decision),
        "decision": advice.decision,
        "next": advice.next.as_ref().map(|next| json!({
            "level": next.level,
            "regimen": next.regimen,
            "label": next.label,
            "cohort": next.cohort,
            "patients": next.patients,
        })),
        "what-if": advice.what_if,
        "holds": advice.holds.iter().map(|triggered| json!({
            "hold": triggered.hold,
            "patients": triggered.patients,
            "because": triggered.because,
        })).collect::<Vec<_>>(),
        "misfits": review.analysis.misfits,
        "missing-counts": at_level(review)
            .flat_map(|patient| patient.dlt.gaps.iter().map(|gap| json!({ "subject": patient.id, "because": gap })))
            .collect::<Vec<_>>(),
    })
}
