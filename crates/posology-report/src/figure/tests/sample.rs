//! Invented trials of several sizes; the shape of the middle one is that of six published cohorts.

use super::super::*;
use super::frame;
use jiff::civil::date;
use rust_decimal::Decimal;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    Trial,
    One,
    Empty,
    Twelve,
}

impl Size {
    pub(super) const ALL: [Size; 4] = [Size::Trial, Size::One, Size::Empty, Size::Twelve];
}

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Small whole numbers that look like chance, the same in every run.
fn noise(seed: usize, below: i32) -> i32 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as i32 % below
}

pub(super) fn ladder(size: Size) -> Vec<Level> {
    let level = |id: &str, label: &str| Level { id: id.into(), label: label.into() };
    match size {
        Size::Twelve => (1..=12)
            .map(|i| {
                let activity = 12.5 + f64::from(i) * 3.125;
                level(
                    &format!("DL{i}"),
                    &format!("{activity} mCi/m² in 4 fractions, weekly, with dexamethasone 40 mg"),
                )
            })
            .collect(),
        _ => vec![
            level("DL1", "12.5 mCi/m²"),
            level("DL2", "18.75 mCi/m²"),
            level("DL3", "25 mCi/m²"),
            level("DL4", "31.25 mCi/m²"),
            level("DL5", "31.25 mCi/m² in 2"),
            level("DL6", "37.5 mCi/m² in 2"),
            level("DL7", "40 mCi/m² in 2"),
        ],
    }
}

/// Subject, index of the level, index within the trial.
pub(super) fn patients(size: Size) -> Vec<(String, String, usize)> {
    let counts: &[usize] = match size {
        Size::Trial => &[5, 4, 4, 3, 3, 4],
        Size::One => &[1],
        Size::Empty => &[],
        Size::Twelve => &[3, 3, 6, 3, 4, 3, 3, 6, 3, 3, 3, 2],
    };
    let mut all = Vec::new();
    for (level, &count) in counts.iter().enumerate() {
        for _ in 0..count {
            let index = all.len();
            let subject = match size {
                Size::Twelve => format!("CLR131-101-{:04}", index + 1),
                _ => format!("P-{:02}", index + 1),
            };
            all.push((subject, format!("DL{}", level + 1), index));
        }
    }
    all
}

fn status(size: Size, index: usize) -> DltStatus {
    match (size, index) {
        (Size::Trial, 3) => DltStatus::NotEvaluable { reason: "withdrew on day 30".into() },
        (Size::Trial, 11) | (Size::Twelve, 8 | 40) => DltStatus::Dlt,
        (Size::Trial, 20) => DltStatus::PossibleDlt,
        (Size::Trial, 21) | (Size::Twelve, 41) => DltStatus::Pending { follow_up: 0.64 },
        (Size::Trial, 22) => DltStatus::Pending { follow_up: 0.18 },
        (Size::Twelve, 7) => DltStatus::NotEvaluable { reason: "lost".into() },
        _ => DltStatus::NoDlt,
    }
}

fn fractions(size: Size, level: &str) -> Vec<i32> {
    match (size, level) {
        (Size::Twelve, _) => vec![0, 7, 14, 21],
        (_, "DL5" | "DL6") => vec![0, 7],
        _ => vec![0],
    }
}

pub(super) fn escalation(size: Size) -> EscalationHistory {
    let mut cohorts: Vec<EscalationCohort> = Vec::new();
    for (subject, level, index) in patients(size) {
        let patient = EscalationPatient { subject, status: status(size, index) };
        match cohorts.last_mut().filter(|cohort| cohort.level == level) {
            Some(cohort) => cohort.patients.push(patient),
            None => cohorts.push(EscalationCohort {
                id: format!("C{}", cohorts.len() + 1),
                level,
                backfill: false,
                patients: vec![patient],
                decision: None,
            }),
        }
    }
    let last = cohorts.len().saturating_sub(1);
    for (index, cohort) in cohorts.iter_mut().enumerate().take(last) {
        let advised = if index == 2 { Move::Stay } else { Move::Escalate };
        let date = date(2015 + index as i16 / 2, 2 + 5 * (index as i8 % 2), 12);
        cohort.decision = Some(LevelDecision { date, taken: Move::Escalate, advised: Some(advised) });
    }
    if size == Size::Trial {
        cohorts[4].backfill = true;
    }
    EscalationHistory::new(ladder(size), cohorts)
}

pub(super) fn windows(size: Size) -> Windows {
    let rows = patients(size)
        .into_iter()
        .map(|(subject, level, index)| {
            let status = status(size, index);
            let followed_to = match &status {
                DltStatus::Pending { follow_up } => (follow_up * 85.0) as i32,
                DltStatus::NotEvaluable { .. } => 30,
                _ => 130 + noise(index, 400),
            };
            let seen = |day: i32| day <= followed_to;
            let nadirs = [
                Nadir { lineage: Lineage::Platelets, day: 42 + noise(index, 12) },
                Nadir { lineage: Lineage::Neutrophils, day: 46 + noise(index + 50, 14) },
            ];
            WindowPatient {
                subject,
                fractions: if size == Size::Trial && index == 13 { vec![] } else { fractions(size, &level) },
                level,
                window_end: 85,
                followed_to,
                dlt: (status == DltStatus::Dlt).then_some(49),
                status,
                nadirs: nadirs.into_iter().filter(|nadir| seen(nadir.day)).collect(),
            }
        })
        .collect();
    Windows::new(ladder(size), rows)
}

const BEST: [&str; 23] = [
    "PD", "SD", "MR", "NE", "SD", "SD", "MR", "SD", "PD", "SD", "SD", "SD", "SD", "PR", "SD", "SD", "MR",
    "VGPR", "PR", "PR", "MR", "PR", "MR",
];
const CHANGE: [&str; 23] = [
    "168", "-12.5", "-31", "", "3.5", "-20", "-26.4", "0", "41", "-18", "-22", "-11", "-24.9", "-62", "-8",
    "-15", "-38", "-91.2", "-55", "-74", "-48", "-52", "-44",
];

pub(super) fn swimmer(size: Size) -> Swimmer {
    let bars = patients(size)
        .into_iter()
        .map(|(subject, level, index)| {
            let best = BEST[index % 23];
            let end = 60 + noise(index + 7, 420);
            let first = 28 + noise(index, 20);
            let turn = (first + 60 + noise(index + 3, 90)).min(end - 4);
            let segment = |from, to, response: &str| ResponseSegment { from, to, response: response.into() };
            let mut segments = vec![segment(first.min(end), turn, if best == "PD" { "SD" } else { best })];
            let progression = (index % 3 != 0).then_some(turn);
            if progression.is_some() {
                segments.push(segment(turn, (turn + 30).min(end), "PD"));
            }
            SwimmerPatient {
                subject,
                fractions: fractions(size, &level),
                level,
                segments,
                first_response: matches!(best, "PR" | "VGPR").then_some(first),
                progression,
                next_therapy: (index % 4 == 1).then_some((turn + 25).min(end)),
                end,
                ending: match index % 5 {
                    0 => Ending::Ongoing,
                    2 => Ending::Death,
                    _ => Ending::Off,
                },
            }
        })
        .collect();
    Swimmer::new(ladder(size), bars)
}

fn markers() -> Vec<(String, String)> {
    vec![
        ("sM".into(), "serum M-protein".into()),
        ("uM".into(), "urine M-protein".into()),
        ("dFLC".into(), "difference of free light chains".into()),
    ]
}

pub(super) fn waterfall(size: Size) -> Waterfall {
    let patients = patients(size)
        .into_iter()
        .map(|(subject, level, index)| WaterfallPatient {
            subject,
            level,
            marker: markers()[if size == Size::One { 0 } else { [0, 0, 0, 1, 0, 2][index % 6] }].0.clone(),
            change: CHANGE[index % 23].parse().ok(),
            missing: "no value after baseline".into(),
            best_response: BEST[index % 23].into(),
            confirmed: index != 21,
        })
        .collect();
    Waterfall::new(ladder(size), markers(), patients)
}

pub(super) fn spider(size: Size) -> Spider {
    let patients = patients(size)
        .into_iter()
        .map(|(subject, level, index)| {
            let best = CHANGE[index % 23].parse::<f64>().ok();
            let visits = (1..=(3 + noise(index, 7)))
                .map(|visit| {
                    let day = visit * 28 + noise(index * 31 + visit as usize, 5);
                    let course = 1.0 - (-f64::from(visit) / 1.5).exp() - 0.04 * f64::from((visit - 4).max(0));
                    let missing = (index + visit as usize).is_multiple_of(7);
                    let change = best.filter(|_| !missing).map(|best| best * course);
                    (day, change.map(|change| decimal(&format!("{change:.1}"))))
                })
                .collect();
            let end = [SpiderEnd::None, SpiderEnd::Progression, SpiderEnd::NextTherapy][index % 3];
            SpiderPatient { subject, level, visits, end }
        })
        .collect();
    Spider::new(ladder(size), "the driving marker".into(), patients)
}

/// Estimates made here the plain way, with a normal interval: the module only draws them.
fn curve(label: &str, times: &[(f64, bool)]) -> KaplanMeierCurve {
    let mut times = times.to_vec();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut survival, mut variance) = (1.0_f64, 0.0_f64);
    let mut steps = Vec::new();
    for (index, &(months, event)) in times.iter().enumerate() {
        let at_risk = (times.len() - index) as f64;
        if event {
            survival *= 1.0 - 1.0 / at_risk;
            variance += 1.0 / (at_risk * (at_risk - 1.0).max(0.5));
            let half = 1.96 * survival * variance.sqrt();
            let interval = Some(((survival - half).max(0.0), (survival + half).min(1.0)));
            steps.push(KaplanMeierStep { months, survival, interval });
        }
    }
    KaplanMeierCurve {
        label: label.into(),
        median: steps.iter().find(|step| step.survival <= 0.5).map(|step| step.months),
        median_interval: (Some(1.9), None),
        steps,
        censored: times.iter().filter(|(_, event)| !event).map(|(months, _)| *months).collect(),
        follow_up: times.iter().map(|(months, _)| *months).collect(),
    }
}

pub(super) fn survival(size: Size) -> KaplanMeier {
    let times: Vec<(f64, bool)> = patients(size)
        .iter()
        .map(|(_, _, index)| {
            (1.0 + f64::from(noise(index + 9, 150)) / 12.0, index % 4 != 0 || size == Size::One)
        })
        .collect();
    let curves = if size == Size::Twelve {
        times
            .chunks(11)
            .enumerate()
            .map(|(index, part)| curve(&format!("Levels DL{} to DL{}", 3 * index + 1, 3 * index + 3), part))
            .collect()
    } else {
        vec![curve("All treated", &times)]
    };
    KaplanMeier::new("Progression-free survival", "Greenwood, log-log", curves, vec![])
}

pub(super) fn counts(size: Size, logarithmic: bool) -> Counts {
    let (analyte, unit) = if logarithmic { ("Neutrophils", "10⁹/L") } else { ("Platelets", "10⁹/L") };
    let bounds: &[(&str, &str)] = if logarithmic {
        &[("1.0", "Grade 3"), ("0.5", "Grade 4")]
    } else {
        &[("75", "Grade 2"), ("50", "Grade 3"), ("25", "Grade 4")]
    };
    let setting = CountsSetting {
        analyte: analyte.into(),
        unit: unit.into(),
        bounds: bounds
            .iter()
            .map(|(value, label)| GradeBound { value: decimal(value), label: (*label).into() })
            .collect(),
        window_end: 85,
        logarithmic,
    };
    let patients = patients(size)
        .into_iter()
        .map(|(subject, level, index)| {
            let base = f64::from(130 + noise(index, 120));
            let depth = 0.35 + 0.09 * level[2..].parse::<f64>().unwrap().min(6.0);
            let values = [-7, 0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 85, 99, 113]
                .iter()
                .filter(|day| **day < 60 || index % 4 != 2)
                .map(|&day| {
                    let fall = depth * (-((f64::from(day) - 49.0) / 17.0).powi(2)).exp();
                    let count = base
                        * (1.0 - fall)
                        * (1.0 + f64::from(noise(index * 40 + (day + 10) as usize, 9) - 4) / 60.0);
                    let count = if logarithmic { count / 45.0 } else { count };
                    (day, decimal(&if logarithmic { format!("{count:.2}") } else { format!("{count:.0}") }))
                })
                .collect();
            CountSeries { subject, fractions: fractions(size, &level), level, values }
        })
        .collect();
    Counts::new(setting, ladder(size), patients)
}

pub(super) fn rates(size: Size) -> RateByLevel {
    let row = |label: &str, count, total, interval, pooled| RateAtLevel {
        label: label.into(),
        count,
        total,
        interval,
        pooled,
    };
    // Clopper-Pearson bounds by R's binom.test.
    let rows = match size {
        Size::Empty => vec![],
        Size::One => vec![row("DL1  12.5 mCi/m²", 0, 1, Some((0.0, 0.975)), false)],
        Size::Trial => vec![
            row("DL1  12.5 mCi/m²", 0, 5, Some((0.0, 0.521_824)), false),
            row("DL4  31.25 mCi/m²", 1, 3, Some((0.008_404, 0.905_701)), false),
            row("DL6  37.5 mCi/m² in 2", 2, 4, Some((0.067_586, 0.932_414)), false),
            row("DL7  40 mCi/m² in 2", 0, 0, None, false),
            row("All (descriptive)", 3, 12, Some((0.054_861, 0.571_858)), true),
        ],
        Size::Twelve => ladder(size)
            .iter()
            .map(|level| row(&level.label, 2, 4, Some((0.067_586, 0.932_414)), false))
            .collect(),
    };
    RateByLevel {
        short: "ORR".into(),
        definition: "Overall response (PR or better, confirmed)".into(),
        population: "response-evaluable".into(),
        interval_method: "Clopper-Pearson".into(),
        rows,
    }
}

pub(super) fn all(size: Size) -> Vec<Figure> {
    vec![
        escalation(size).draw(&frame()),
        windows(size).draw(&frame()),
        swimmer(size).draw(&frame()),
        waterfall(size).draw(&frame()),
        spider(size).draw(&frame()),
        survival(size).draw(&frame()),
        counts(size, false).draw(&frame()),
        counts(size, true).draw(&frame()),
        rates(size).draw(&frame()),
    ]
}
