//! Myeloma: marker values, a row an assessment.
//!
//! [`Layout`] reads a row, [`Values`] makes one subject of its rows: one baseline, one assessment a day. [`subjects`]
//! answers with reasons, [`explain`] with one patient's page, [`best`] with the best responses of a long file.

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::CriteriaSet;
use posology_clinic::response::imwg::{
    Baseline, Markers, Residual, Settings, assess_all, clinical_relapses, measurable, relapse_from_complete,
    relapse_from_negative, residual_disease,
};
use posology_clinic::response::{Category, confirm};
use serde_json::json;

use super::Subject;
use crate::failure::Failure;
use crate::rows::Rows;

mod layout;
mod page;
mod stream;

use layout::{Layout, Told, Wrong};
pub(super) use page::explain;
pub(super) use stream::best;

/// The rows of one subject.
#[derive(Default)]
struct Values {
    flagged: Vec<Markers>,
    visits: Vec<Markers>,
    told: Told,
}

/// One subject: its baseline, why that, and what came after.
struct Patient {
    baseline: Baseline,
    chosen: String,
    visits: Vec<Markers>,
    told: Told,
}

impl Values {
    /// Takes one row.
    fn take<'a>(&mut self, layout: &Layout, cell: impl Fn(usize) -> Option<&'a str>) -> Result<(), Wrong> {
        let entry = layout.entry(cell, &mut self.told)?;
        if entry.is_baseline { &mut self.flagged } else { &mut self.visits }.push(entry.markers);
        Ok(())
    }

    /// The subject, with one baseline and one assessment a day after it; `None` without any row.
    fn patient(mut self) -> Result<Option<Patient>, String> {
        self.visits.sort_by_key(|visit| visit.date);
        let mut days: Vec<Markers> = Vec::with_capacity(self.visits.len());
        for visit in self.visits {
            match days.last_mut() {
                Some(day) if day.date == visit.date => merge(day, visit, &mut self.told)?,
                _ => days.push(visit),
            }
        }
        let first_treatment = self.told.course.first_treatment;
        let (mut baseline, chosen) = if self.flagged.is_empty() {
            let before =
                days.iter().filter(|day| first_treatment.is_none_or(|first| day.date <= first)).count();
            if days.is_empty() {
                return Ok(None);
            }
            match first_treatment {
                Some(first) if before > 0 => {
                    (days.remove(before - 1), format!("the last on or before the first treatment on {first}"))
                }
                Some(first) => {
                    let date = days[0].date;
                    let says = format!(
                        "no assessment on or before the first treatment on {first}: that of {date} is taken as baseline"
                    );
                    self.told.warn("no-baseline", says, date, "date");
                    (days.remove(0), format!("the first there is, after the first treatment on {first}"))
                }
                None => (days.remove(0), "the first assessment of the subject".to_owned()),
            }
        } else {
            (flagged(self.flagged)?, "the one flagged in the file".to_owned())
        };
        let mut visits = Vec::with_capacity(days.len());
        for day in days {
            if day.date > baseline.date {
                visits.push(day);
            } else if day.date == baseline.date {
                merge(&mut baseline, day, &mut self.told)?;
            } else {
                let says = format!(
                    "the assessment of {} lies before the baseline of {}: left out",
                    day.date, baseline.date
                );
                self.told.warn("before-baseline", says, day.date, "date");
            }
        }
        let baseline = Baseline { involved: self.told.involved, ..Baseline::new(baseline) };
        Ok(Some(Patient { baseline, chosen, visits, told: self.told }))
    }
}

/// Makes one assessment of two rows of one day.
fn merge(day: &mut Markers, other: Markers, told: &mut Told) -> Result<(), String> {
    let date = day.date;
    day.merge(other).map_err(|marker| {
        format!("{date}: expected one result of {marker}, found two; mend: keep the one that counts")
    })?;
    told.warn("same-day", format!("several rows on {date} are read as one assessment"), date, "date");
    Ok(())
}

/// One baseline of the rows flagged as such, which may be of several days if none is measured twice.
fn flagged(mut rows: Vec<Markers>) -> Result<Markers, String> {
    rows.sort_by_key(|row| row.date);
    let mut rows = rows.into_iter().rev();
    let mut baseline = rows.next().unwrap_or_else(|| Markers::new(Date::ZERO));
    for mut row in rows {
        let (later, earlier) = (baseline.date, row.date);
        if row.plasma_cells.is_some() && row.plasma_cells_date.is_none() {
            row.plasma_cells_date = Some(earlier);
        }
        baseline.merge(row).map_err(|marker| {
            format!(
                "{later}: expected one baseline of {marker}, found another on {earlier}; mend: flag the one that counts"
            )
        })?;
    }
    Ok(baseline)
}

impl Patient {
    /// Whether anything was measured at baseline twice is settled; what is left is to judge.
    fn judged(self, name: String, settings: &Settings) -> Result<Judged, String> {
        let criteria = settings.criteria();
        let wrong = |bad: posology_clinic::response::imwg::BadValue| bad.to_string();
        let mut basis = measurable(&criteria, &self.baseline).map_err(wrong)?;
        let date = self.baseline.markers.date;
        basis.reasons.insert(
            0,
            Because::new(
                "response/baseline",
                format!("the baseline is the assessment of {date}: {}", self.chosen),
            ),
        );
        let responses = assess_all(&criteria, &self.baseline, &self.visits).map_err(wrong)?;
        let assessments: Vec<_> = responses.iter().cloned().map(|one| one.into_assessment()).collect();
        let confirmed = confirm::confirm(&settings.confirmation, &self.told.course, &assessments);
        let statuses: Vec<(Date, Category)> =
            confirmed.statuses.iter().map(|status| (status.date, status.status)).collect();
        let residual = residual_disease(&criteria, &statuses, &self.visits);
        let mut also = serde_json::Map::new();
        also.insert("measurable".to_owned(), json!(basis.markers));
        also.insert("driving".to_owned(), json!(basis.driving));
        also.insert("baseline".to_owned(), json!({ "date": date, "because": self.chosen }));
        also.insert("residual_disease".to_owned(), json!(residual));
        let relapses = clinical_relapses(&criteria, &self.baseline, &self.visits).map_err(wrong)?;
        also.insert("clinical_relapse".to_owned(), json!(relapses));
        let from_complete =
            relapse_from_complete(&criteria, &self.baseline, &self.visits, &statuses).map_err(wrong)?;
        also.insert("relapse_from_complete".to_owned(), json!(from_complete));
        let from_negative =
            relapse_from_negative(&criteria, &self.baseline, &self.visits, &residual).map_err(wrong)?;
        also.insert("relapse_from_negative".to_owned(), json!(from_negative));
        let mut subject = Subject::new(name);
        subject.course = self.told.course;
        subject.assessments = assessments;
        subject.investigator = self.told.investigator;
        subject.basis = basis.reasons;
        subject.also = also;
        subject.warnings = self.told.warnings;
        Ok(Judged {
            subject,
            baseline: self.baseline,
            visits: self.visits,
            changes: responses.into_iter().map(|one| (one.date, one.changes)).collect(),
            driving: basis.driving,
            residual,
            relapses: [
                ("Clinical relapse (a report of its own, no progression)", relapses),
                (
                    "Relapse from complete response (ends disease-free survival only)",
                    from_complete.into_iter().collect(),
                ),
                (
                    "Relapse from MRD-negative (ends disease-free survival only)",
                    from_negative.into_iter().collect(),
                ),
            ],
        })
    }
}

/// One subject judged, with what its page shows.
struct Judged {
    subject: Subject,
    baseline: Baseline,
    visits: Vec<Markers>,
    changes: BTreeMap<Date, Vec<posology_clinic::response::imwg::Change>>,
    driving: Option<posology_clinic::response::imwg::Marker>,
    residual: Vec<Residual>,
    relapses: [(&'static str, Vec<posology_clinic::response::imwg::Relapse>); 3],
}

impl Judged {
    /// Whether a serum value of this day was looked for.
    fn visit(&self, date: Date) -> Option<&Markers> {
        self.visits.iter().find(|visit| visit.date == date)
    }
}

const fn set(settings: &Settings) -> CriteriaSet {
    use posology_clinic::response::imwg::Edition;
    match settings.edition {
        Edition::Imwg2006 => CriteriaSet::Imwg2006,
        Edition::Imwg2011 => CriteriaSet::Imwg2011,
        Edition::Imwg2016 => CriteriaSet::Imwg2016,
    }
}

/// Every subject of a table, or the one wanted.
fn judged(settings: &Settings, rows: &Rows, wanted: Option<&str>) -> Result<Vec<Judged>, Failure> {
    rows.refuse_misspelt(layout::NAMES)?;
    let layout = Layout::of(set(settings), rows.names());
    let mut found: BTreeMap<String, Values> = BTreeMap::new();
    for line in rows.lines() {
        let wrong = |bad: Wrong, who: &str| line.wrong(&bad.column, &format!("{who}{}", bad.says));
        let name = layout.subject(|index| line.cell(index)).map_err(|bad| wrong(bad, ""))?;
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let values = found.entry(name.to_owned()).or_default();
        let date = line.text(super::DATE).map(|date| format!(" on {date}")).unwrap_or_default();
        values
            .take(&layout, |index| line.cell(index))
            .map_err(|bad| wrong(bad, &format!("subject {name}{date}: ")))?;
    }
    let mut all = Vec::new();
    for (name, values) in found {
        let bad = |says: String| rows.bad(&format!("subject {name}: {says}"));
        if let Some(patient) = values.patient().map_err(bad)? {
            all.push(patient.judged(name.clone(), settings).map_err(bad)?);
        }
    }
    Ok(all)
}

/// The subjects of a table, their assessments judged by their markers.
pub(super) fn subjects(settings: &Settings, rows: &Rows) -> Result<Vec<Subject>, Failure> {
    Ok(judged(settings, rows, None)?.into_iter().map(|judged| judged.subject).collect())
}
