//! The figures of one patient: what the analysis says, handed to the figures that show it. Nothing is derived here, and
//! nothing is read of another patient.

use jiff::civil::Date;
use posology_clinic::ctcae::Direction;
use posology_clinic::laboratory::Analyte;
use posology_clinic::response::Category;
use posology_trial::analysis::exposure::days_between;
use posology_trial::analysis::laboratory::LaboratoryCourse;
use posology_trial::analysis::marker::MarkerCurve;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::timeline::{Lane, Moment, Timeline};
use posology_trial::conduct::Conduct;
use posology_trial::cut::Cut;
use posology_trial::protocol::Protocol;

use crate::figure::{
    self, BandedPanel, BandedValue, BandedValues, Figure, Frame, GradeBand, MarkerChart, MarkerValue,
    TimelineItem, TimelineMark,
};

fn frame(protocol: &Protocol) -> Frame {
    Frame { cut_off: None, synthetic: protocol.trial.synthetic }
}

fn fractions(patient: &PatientAnalysis) -> Vec<i32> {
    let Some(first) = patient.exposure.first() else { return Vec::new() };
    let given = patient.exposure.fractions.iter().filter_map(|fraction| fraction.given);
    given.filter_map(|given| days_between(first, given)).collect()
}

fn since(patient: &PatientAnalysis, date: Date) -> Option<i32> {
    days_between(patient.exposure.first()?, date)
}

/// The patient from screening to last contact; `None` where nothing has a day.
#[must_use]
pub fn timeline(
    protocol: &Protocol,
    conduct: &Conduct,
    patient: &PatientAnalysis,
    cut: &Cut,
) -> Option<Figure> {
    let line = Timeline::of(conduct, patient, cut)?;
    let items = line.items.iter().map(|item| TimelineItem {
        lane: Lane::ALL.iter().position(|lane| *lane == item.lane).unwrap_or(0),
        mark: match &item.moment {
            Moment::Milestone => TimelineMark::Milestone,
            Moment::Given => TimelineMark::Given,
            Moment::NotGiven => TimelineMark::NotGiven,
            Moment::Window { open } => TimelineMark::Window(*open),
            Moment::Response(code) => TimelineMark::Response(code.clone()),
            Moment::Support => TimelineMark::Support,
            Moment::AdverseEvent(grade) => TimelineMark::AdverseEvent(*grade),
            Moment::NewTherapy => TimelineMark::NewTherapy,
            Moment::Death => TimelineMark::Death,
            Moment::Left => TimelineMark::Left,
            Moment::LastContact => TimelineMark::LastContact,
        },
        label: item.label.clone(),
        from: item.from.clone(),
        day: item.day,
        to: item.to.clone(),
        to_day: item.to_day,
        ongoing: item.ongoing,
    });
    let figure = figure::Timeline {
        subject: patient.id.clone(),
        origin: if line.from_first_fraction { "the first fraction" } else { "the first thing recorded" }
            .to_owned(),
        lanes: Lane::ALL.iter().map(|lane| lane.words().to_owned()).collect(),
        items: items.collect(),
        undated: line.undated.clone(),
    };
    Some(figure.draw(&frame(protocol)))
}

/// Blood counts, and the other analytes that CTCAE grades, each over the bands of its grades. Empty without a fraction.
#[must_use]
pub fn laboratory(protocol: &Protocol, patient: &PatientAnalysis) -> Vec<Figure> {
    let courses = LaboratoryCourse::of(protocol, patient);
    let (counts, others): (Vec<_>, Vec<_>) = courses.iter().partition(|course| course.is_count);
    [("counts", "Blood counts", counts), ("chemistry", "Chemistry", others)]
        .into_iter()
        .filter(|(.., courses)| !courses.is_empty() && patient.is_treated())
        .map(|(id, title, courses)| {
            let grading = courses.iter().find_map(|course| course.ctcae).map_or_else(
                || "no grading in the protocol".to_owned(),
                |version| format!("CTCAE {version}"),
            );
            BandedValues {
                id: id.to_owned(),
                title: title.to_owned(),
                panels: courses.into_iter().map(panel).collect(),
                fractions: fractions(patient),
                window_end: patient.window.and_then(|window| since(patient, window.end)),
                grading,
            }
            .draw(&frame(protocol))
        })
        .collect()
}

fn panel(course: &LaboratoryCourse) -> BandedPanel {
    // Values without a day since the first fraction have no place; there are none for a treated patient.
    let shown: Vec<usize> = (0..course.points.len())
        .filter(|place| course.points.get(*place).is_some_and(|point| point.day.is_some()))
        .collect();
    let values = shown.iter().filter_map(|place| {
        let point = course.points.get(*place)?;
        Some(BandedValue {
            day: point.day?,
            date: point.date.to_string(),
            value: point.value,
            reported: point.reported.clone(),
            grade: point.grade,
            supported: point.supported,
        })
    });
    let extreme = course.extreme.and_then(|extreme| shown.iter().position(|place| *place == extreme));
    BandedPanel {
        name: course.analyte.name().to_owned(),
        unit: course.unit.to_owned(),
        logarithmic: matches!(course.analyte, Analyte::Platelets | Analyte::Neutrophils | Analyte::Leukocytes)
            && course.points.iter().all(|point| point.value > rust_decimal::Decimal::ZERO),
        values: values.collect(),
        bands: course
            .bands
            .iter()
            .map(|band| GradeBand {
                grade: band.grade,
                cut: band.cut,
                below: band.direction == Direction::Low,
                rule: band.rule.clone(),
            })
            .collect(),
        extreme: extreme.map(|place| (place, course.extreme_name().to_owned())),
        note: course.limits_changed.then(|| {
            format!(
                "{}: the limits of normal changed; the bands are by the last, each grade by those of its day.",
                course.analyte.name()
            )
        }),
    }
}

/// The curves of the markers measurable at baseline, the driving one first, with the thresholds of the criteria.
#[must_use]
pub fn markers(protocol: &Protocol, patient: &PatientAnalysis) -> Vec<Figure> {
    let therapy = patient.facts.new_therapies.iter().map(|therapy| therapy.start.earliest_date()).min();
    let criteria = patient.response.criteria.to_string();
    let curves = MarkerCurve::of(protocol, patient);
    curves
        .iter()
        .enumerate()
        .map(|(place, curve)| {
            let values = curve.points.iter().map(|point| MarkerValue {
                day: point.day,
                date: point.date.to_string(),
                value: point.value,
                from_baseline: point.from_baseline,
                nadir: point.nadir,
                from_nadir: point.from_nadir,
                progresses_from: point.progresses_from,
                assessed: point.assessed.map(|category| category.code().to_owned()),
                is_progression: point.assessed == Some(Category::Progressive),
            });
            let levels = curve.levels.iter().map(|level| {
                let fall = level.fall.map(|fall| format!(" −{}%", fall.normalize())).unwrap_or_default();
                (format!("{}{fall}", level.category.code()), level.value)
            });
            MarkerChart {
                place: place + 1,
                name: curve.marker.name().to_owned(),
                unit: curve.unit.to_owned(),
                criteria: criteria.clone(),
                baseline: (curve.baseline_day, curve.baseline),
                baseline_date: curve.baseline_date.to_string(),
                values: values.collect(),
                levels: levels.collect(),
                fractions: fractions(patient),
                new_therapy: therapy.and_then(|start| since(patient, start)),
            }
            .draw(&frame(protocol))
        })
        .collect()
}
