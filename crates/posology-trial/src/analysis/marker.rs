//! The curve of a marker against the lines it is read by: falls that make a response, rises that make a progression.
//!
//! Start at [`MarkerCurve::of`]. Values, nadirs and thresholds are those by which the categories were assessed; the
//! thresholds belong to the edition of the criteria ([`posology_clinic::response::imwg`]).

use jiff::civil::Date;
use posology_clinic::response::Category;
use posology_clinic::response::imwg::{Change, Marker, percent_change, progression_level, response_levels};
use rust_decimal::Decimal;
use serde::Serialize;

use super::exposure::days_between;
use super::patient::PatientAnalysis;
use crate::protocol::Protocol;

/// One marker of one patient over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MarkerCurve {
    /// The marker.
    pub marker: Marker,
    /// Unit of all values.
    pub unit: &'static str,
    /// Whether response is read by this marker first.
    pub is_driving: bool,
    /// Day of the baseline.
    pub baseline_date: Date,
    /// The same in days since the first fraction.
    pub baseline_day: i32,
    /// Value at baseline.
    pub baseline: Decimal,
    /// Values after baseline, in order of date.
    pub points: Vec<MarkerPoint>,
    /// The value at which the marker alone reaches each category, the shallowest first.
    pub levels: Vec<ResponseLevel>,
}

/// A value with what it is read against.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MarkerPoint {
    /// Day.
    pub date: Date,
    /// Days since the first fraction.
    pub day: i32,
    /// Value.
    pub value: Decimal,
    /// Change from baseline, percent, cut off after one decimal.
    pub from_baseline: Option<Decimal>,
    /// The nadir before this value.
    pub nadir: Option<Decimal>,
    /// Change from that nadir, percent, cut off after one decimal.
    pub from_nadir: Option<Decimal>,
    /// The value from which this visit would have shown progression by this marker: 25% above the nadir and at least the
    /// absolute minimum of the criteria above it.
    pub progresses_from: Option<Decimal>,
    /// The category of the assessment of that day, by all markers.
    pub assessed: Option<Category>,
}

/// A threshold of response.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResponseLevel {
    /// The category.
    pub category: Category,
    /// The highest value that reaches it.
    pub value: Decimal,
    /// How far below baseline that is, percent, cut off after one decimal.
    pub fall: Option<Decimal>,
}

impl MarkerCurve {
    /// The curves of the markers measurable at baseline, the driving one first; none by criteria other than myeloma's.
    #[must_use]
    pub fn of(protocol: &Protocol, patient: &PatientAnalysis) -> Vec<Self> {
        let (Some(settings), Some(measurable)) =
            (protocol.response_of(patient.stratum.as_deref()).imwg(), &patient.response.measurable)
        else {
            return Vec::new();
        };
        let criteria = settings.criteria();
        let mut markers = measurable.markers.clone();
        markers.sort_by_key(|marker| measurable.driving != Some(*marker));
        let curve = |marker: Marker| {
            let first = patient.exposure.first()?;
            let baseline_date = patient.response.baseline.as_ref()?.date;
            let changes: Vec<&Change> = patient
                .response
                .visits
                .iter()
                .filter_map(|visit| visit.computed.as_ref())
                .flat_map(|response| &response.changes)
                .filter(|change| change.marker == marker)
                .collect();
            let baseline = changes.first()?.baseline;
            let points = changes.iter().filter_map(|change| {
                let status = patient.response.confirmed.statuses.iter().find(|one| one.date == change.date);
                Some(MarkerPoint {
                    date: change.date,
                    day: days_between(first, change.date)?,
                    value: change.value,
                    from_baseline: change.percent_from_baseline(),
                    nadir: change.nadir,
                    from_nadir: change.percent_from_nadir(),
                    progresses_from: change
                        .nadir
                        .and_then(|nadir| progression_level(&criteria, marker, Some(baseline), nadir)),
                    assessed: status.map(|status| status.assessed),
                })
            });
            let levels = response_levels(&criteria, marker, baseline).into_iter();
            Some(Self {
                marker,
                unit: marker.unit(),
                is_driving: measurable.driving == Some(marker),
                baseline_date,
                baseline_day: days_between(first, baseline_date)?,
                baseline,
                points: points.collect(),
                levels: levels
                    .map(|(category, value)| ResponseLevel {
                        category,
                        value,
                        fall: percent_change(baseline, value).map(|percent| percent.abs()),
                    })
                    .collect(),
            })
        };
        markers.into_iter().filter_map(curve).collect()
    }
}
