//! The columns of a table: dose levels in ascending order, then all patients.

use posology_clinic::Because;
use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::rates::Rate;
use posology_trial::protocol::Population;
use rust_decimal::Decimal;

use crate::table::{Cell, Column, Interval, Row, Table};

/// Who a table counts, column by column.
pub(super) struct Levels<'a> {
    columns: Vec<(String, Vec<&'a PatientAnalysis>)>,
    population: String,
}

impl<'a> Levels<'a> {
    /// The patients of a population by level. A level has a column once someone is enrolled at it, even where nobody
    /// of the population is.
    pub(super) fn of(
        analysis: &'a Analysis,
        population: impl Into<String>,
        included: impl Fn(&PatientAnalysis) -> bool,
    ) -> Self {
        let patients: Vec<&PatientAnalysis> =
            analysis.patients.iter().filter(|patient| included(patient)).collect();
        let mut columns = Vec::new();
        for (index, regimen) in analysis.protocol.regimen.iter().enumerate() {
            let at = |patient: &PatientAnalysis| patient.regimen.as_deref() == Some(regimen.id.as_str());
            if analysis.patients.iter().any(|patient| is_enrolled(patient) && at(patient)) {
                let label = level_label(index + 1, &regimen.title());
                columns.push((label, patients.iter().copied().filter(|patient| at(patient)).collect()));
            }
        }
        let unassigned: Vec<_> = patients
            .iter()
            .copied()
            .filter(|patient| patient.regimen.is_none() && is_enrolled(patient))
            .collect();
        if !columns.is_empty() && !unassigned.is_empty() {
            columns.push(("No level".to_owned(), unassigned));
        }
        columns.push(("All".to_owned(), patients));
        Self { columns, population: population.into() }
    }

    /// The patients of a population by the groups of a grouping, then all of those.
    pub(super) fn grouped(
        analysis: &'a Analysis,
        grouped: &'a posology_trial::analysis::groups::Grouped,
        population: Population,
    ) -> Self {
        let of = |group: &'a posology_trial::analysis::groups::Group| -> Vec<&'a PatientAnalysis> {
            analysis.patients_in(group).filter(|patient| patient.is_in(population)).collect()
        };
        let mut columns: Vec<(String, Vec<&PatientAnalysis>)> =
            grouped.groups.iter().map(|group| (group.label.clone(), of(group))).collect();
        let all = columns.iter().flat_map(|(_, patients)| patients.iter().copied()).collect();
        columns.push(("All of these".to_owned(), all));
        Self { columns, population: population_words(population) }
    }

    /// One of the protocol's populations by level.
    pub(super) fn population(analysis: &'a Analysis, population: Population) -> Self {
        Self::of(analysis, population_words(population), |patient| patient.is_in(population))
    }

    /// All patients of the population.
    pub(super) fn all(&self) -> &[&'a PatientAnalysis] {
        self.columns.last().map_or(&[], |(_, patients)| patients)
    }

    /// An empty table with these columns.
    pub(super) fn table(&self, id: &str, title: &str) -> Table {
        let mut table = Table::new(id, title, &self.population);
        table.columns = self
            .columns
            .iter()
            .map(|(label, patients)| Column::new(label).n(count(patients.len())))
            .collect();
        table
    }

    /// A row whose cells are made from the patients of each column.
    pub(super) fn row(&self, label: impl Into<String>, cell: impl Fn(&[&'a PatientAnalysis]) -> Cell) -> Row {
        Row::new(label, self.columns.iter().map(|(_, patients)| cell(patients)))
    }

    /// `n (xx.x%)` of the column's patients who meet a condition.
    pub(super) fn share(&self, label: impl Into<String>, meets: impl Fn(&PatientAnalysis) -> bool) -> Row {
        self.row(label, |patients| Cell::count_percent(number_of(patients, &meets), count(patients.len())))
    }

    /// A plain number of patients who meet a condition.
    pub(super) fn number(&self, label: impl Into<String>, meets: impl Fn(&PatientAnalysis) -> bool) -> Row {
        self.row(label, |patients| Cell::count(number_of(patients, &meets)))
    }

    /// Number, mean, median and range of a measured value; who has none is counted in a row of its own.
    pub(super) fn summary(
        &self,
        label: impl Into<String>,
        decimals: u32,
        unit: &str,
        value: impl Fn(&PatientAnalysis) -> Option<Decimal>,
    ) -> Vec<Row> {
        let values = |patients: &[&PatientAnalysis]| -> Vec<Decimal> {
            patients.iter().filter_map(|patient| value(patient)).collect()
        };
        let mut rows = vec![
            Row::heading(label),
            self.row("n", |patients| Cell::count(count(values(patients).len()))).indent(1),
            self.row("Mean (SD)", |patients| Cell::mean_sd(&values(patients), decimals, unit)).indent(1),
            self.row("Median", |patients| Cell::median(&values(patients), decimals, unit)).indent(1),
            self.row("Min – max", |patients| Cell::range(&values(patients), decimals, unit)).indent(1),
        ];
        if values(self.all()).len() < self.all().len() {
            rows.push(self.number("Missing", |patient| value(patient).is_none()).indent(1));
        }
        rows
    }

    /// A rate under its name: n of m, then the exact 95% interval.
    pub(super) fn rate(
        &self,
        label: impl Into<String>,
        definition: &str,
        of: impl Fn(&[&'a PatientAnalysis]) -> Rate,
    ) -> [Row; 3] {
        [
            Row::heading(label),
            self.row("n/m (%)", |patients| rate(&of(patients), definition)).indent(1),
            self.row("95% CI, %", |patients| interval(&of(patients), definition)).indent(1),
        ]
    }

    /// The median of measured values, then their range.
    pub(super) fn spread(
        &self,
        label: &str,
        decimals: u32,
        unit: &str,
        value: impl Fn(&PatientAnalysis) -> Option<Decimal>,
    ) -> [Row; 2] {
        let values = |patients: &[&PatientAnalysis]| -> Vec<Decimal> {
            patients.iter().filter_map(|patient| value(patient)).collect()
        };
        [
            self.row(label, |patients| Cell::median(&values(patients), decimals, unit)),
            self.row("min – max", |patients| Cell::range(&values(patients), decimals, unit)).indent(1),
        ]
    }
}

/// Enrolled into the trial; a treated patient is, whatever the record says.
pub(crate) fn is_enrolled(patient: &PatientAnalysis) -> bool {
    patient.facts.enrolment.is_some() || patient.is_treated()
}

/// The heading of a level, such as `DL6 37.5 mCi/m2 in 2`.
pub(super) fn level_label(level: usize, title: &str) -> String {
    format!("DL{level} {title}")
}

/// The short name of a patient's level, such as `DL6`.
pub(super) fn level_of(analysis: &Analysis, patient: &PatientAnalysis) -> String {
    patient
        .regimen
        .as_deref()
        .and_then(|regimen| analysis.protocol.level_of(regimen))
        .map_or_else(|| crate::table::NOTHING.to_owned(), |level| format!("DL{level}"))
}

/// Treated patients in the order of listings: level, then subject.
pub(super) fn treated(analysis: &Analysis) -> Vec<&PatientAnalysis> {
    let mut patients: Vec<_> = analysis.patients.iter().filter(|patient| patient.is_treated()).collect();
    let level = |patient: &PatientAnalysis| {
        patient
            .regimen
            .as_deref()
            .and_then(|regimen| analysis.protocol.level_of(regimen))
            .unwrap_or(usize::MAX)
    };
    patients.sort_by(|a, b| (level(a), &a.id).cmp(&(level(b), &b.id)));
    patients
}

/// A population as subtitles name it.
pub(super) fn population_words(population: Population) -> String {
    let name = match population {
        Population::Treated => "Treated",
        Population::ResponseEvaluable => "Response-evaluable",
        Population::DltEvaluable => "DLT-evaluable",
    };
    format!("{name}: {}", population.words())
}

/// `n/m (xx.x%)` of a rate, with its definition and population.
pub(super) fn rate(rate: &Rate, definition: &str) -> Cell {
    Cell::ratio(rate.successes(), rate.denominator())
        .population(&rate.population().words)
        .definition(definition)
}

/// The exact interval of a rate in percent; nothing where nobody is in its population.
pub(super) fn interval(rate: &Rate, definition: &str) -> Cell {
    rate.interval().map_or_else(Cell::nothing, |interval| {
        let mut cell = Cell::interval(&Interval {
            lower: interval.lower,
            upper: interval.upper,
            level: rate.confidence().probability(),
            method: interval.method.to_owned(),
        });
        for bound in &mut cell.numbers {
            (bound.n, bound.denominator) = (Some(rate.successes()), Some(rate.denominator()));
        }
        cell.population(&rate.population().words).definition(definition)
    })
}

pub(super) fn count(patients: usize) -> u32 {
    u32::try_from(patients).unwrap_or(u32::MAX)
}

pub(super) fn number_of(patients: &[&PatientAnalysis], meets: impl Fn(&PatientAnalysis) -> bool) -> u32 {
    count(patients.iter().filter(|patient| meets(patient)).count())
}

/// The rule behind a table.
pub(super) fn rule(id: &str, says: impl Into<String>, source: impl Into<String>) -> Because {
    Because::new(id, says).source(source)
}

/// The same words with a capital at the start.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A listing without rows says so.
pub(super) fn or_none(mut table: Table, words: &str) -> Table {
    if table.rows.is_empty() {
        table.rows.push(Row::heading(words));
    }
    table
}
