//! Solid tumours: lesions by visit.

use std::path::Path;

use posology_clinic::response::recist::{
    Baseline, Response, Settings, TumourMarkers, Visit, assess_all, confirm, milestones,
};
use serde_json::{Value, json};

use super::lesions::{self, Options, Reading};
use super::{Assessment, Subject};
use crate::failure::Failure;

/// Whether tumour markers are normal: `normal` or `raised`.
const MARKERS: &str = "tumour_markers";

/// The subjects of a table of lesions, their assessments judged.
pub(super) fn subjects(
    settings: &Settings,
    file: &Path,
    reading: Reading<'_>,
) -> Result<Vec<Subject>, Failure> {
    let options = Options { set: settings.criteria.set(), columns: &[MARKERS], reading };
    let mut subjects = Vec::new();
    for patient in lesions::read(file, &options)? {
        let mut subject = patient.subject;
        let wrong = |bad| Failure::input(format!("{}: subject {}, {bad}", file.display(), subject.name));
        let baseline = Baseline::new(settings, &visit(patient.baseline)?).map_err(wrong)?;
        let visits = patient.visits.into_iter().map(visit).collect::<Result<Vec<_>, _>>()?;
        let responses = assess_all(settings, &baseline, &visits).map_err(wrong)?;
        subject.basis = baseline.findings(settings, &subject.course);
        subject.warnings.extend(subject.basis.iter().skip(1).cloned());
        subject
            .also
            .insert("components".to_owned(), responses.iter().map(components).collect::<Vec<Value>>().into());
        subject.assessments =
            responses.into_iter().map(Response::into_assessment).collect::<Vec<Assessment>>();
        let confirmed = confirm(settings, &subject.course, &subject.assessments);
        subject
            .also
            .insert("milestones".to_owned(), json!(milestones(settings, &subject.course, &confirmed)));
        subjects.push(subject);
    }
    Ok(subjects)
}

fn components(response: &Response) -> Value {
    json!({
        "date": response.date, "target": response.target, "non_target": response.non_target,
        "new_lesions": response.new_lesions, "sum": response.sum,
    })
}

fn visit(read: lesions::Visit) -> Result<Visit, Failure> {
    let tumour_markers = match read.value(MARKERS) {
        None => TumourMarkers::NotFollowed,
        Some("normal") => TumourMarkers::Normal,
        Some("raised") => TumourMarkers::Raised,
        Some(other) => {
            return Err(read.bad(
                MARKERS,
                &format!("expected normal, raised or nothing, found {other:?}; mend: write one of them"),
            ));
        }
    };
    Ok(Visit { date: read.date, lesions: read.lesions, tumour_markers })
}
