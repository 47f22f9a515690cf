//! F7: which share is still free of the event, with its band, and how many are still watched.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, SMALL, STRONG, WIDTH};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, nothing, x_axis, y_axis, y_title};
use super::scale::{MONTHS, Scale, ticks};
use super::style::{self, AXIS, RULE};
use super::text::spread;
use super::{DataTable, Figure, Frame, NotDrawn};

/// The estimate from one event time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KaplanMeierStep {
    /// Time of the event, in months.
    pub months: f64,
    /// Estimated probability of being free of the event from then on, 0 to 1.
    pub survival: f64,
    /// Lower and upper bound of its pointwise interval, where there is one.
    pub interval: Option<(f64, f64)>,
}

/// One curve, as estimated elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KaplanMeierCurve {
    /// Who: `All treated`, or a level.
    pub label: String,
    /// Event times ascending; the curve begins at 1.
    pub steps: Vec<KaplanMeierStep>,
    /// Months of every patient without the event, at which a tick is drawn.
    pub censored: Vec<f64>,
    /// Months to the event or to censoring, one a patient: gives the numbers at risk and the curve's end.
    pub follow_up: Vec<f64>,
    /// Estimated median in months, if reached.
    pub median: Option<f64>,
    /// Lower and upper bound of the median's interval, in months; none is "not estimable".
    pub median_interval: (Option<f64>, Option<f64>),
}

impl KaplanMeierCurve {
    /// Patients whose time is at least `months`.
    pub fn at_risk(&self, months: f64) -> usize {
        self.follow_up.iter().filter(|&&time| time >= months - 1e-9).count()
    }

    /// The estimate at `months`: 1 before the first event.
    pub fn survival_at(&self, months: f64) -> f64 {
        self.steps
            .iter()
            .take_while(|step| step.months <= months + 1e-9)
            .last()
            .map_or(1.0, |step| step.survival)
    }

    fn last(&self) -> f64 {
        self.follow_up.iter().copied().filter(|time| time.is_finite()).fold(0.0, f64::max)
    }
}

/// Kaplan-Meier curves of one endpoint.
///
/// ```
/// use posology_report::figure::*;
/// let curve = KaplanMeierCurve {
///     label: "All treated".into(),
///     steps: vec![KaplanMeierStep { months: 2.0, survival: 0.5, interval: None }],
///     censored: vec![3.0], follow_up: vec![2.0, 3.0], median: Some(2.0), median_interval: (None, None),
/// };
/// assert_eq!(curve.at_risk(2.5), 1);
/// let figure = KaplanMeier::new("Progression-free survival", "log-log", vec![curve], vec![]).draw(&Frame::default());
/// assert_eq!(figure.id, "F7");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KaplanMeier {
    /// What is measured, such as `Progression-free survival`.
    pub endpoint: String,
    /// How the band was computed, such as `Greenwood, log-log`.
    pub interval_method: String,
    /// Curves in order.
    pub curves: Vec<KaplanMeierCurve>,
    /// Patients without a time.
    pub not_drawn: Vec<NotDrawn>,
}

impl KaplanMeier {
    /// Takes curves as estimated; curves without a patient are left out.
    pub fn new(
        endpoint: &str,
        interval_method: &str,
        mut curves: Vec<KaplanMeierCurve>,
        not_drawn: Vec<NotDrawn>,
    ) -> Self {
        curves.retain(|curve| !curve.follow_up.is_empty());
        KaplanMeier {
            endpoint: endpoint.to_owned(),
            interval_method: interval_method.to_owned(),
            curves,
            not_drawn,
        }
    }

    /// Draws steps, censoring ticks, the band (for a single curve), medians and the numbers at risk.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let key: Vec<(Key, String)> = self
            .curves
            .iter()
            .enumerate()
            .map(|(index, curve)| {
                let (colour, dash) = style::line(index);
                let median = median_words(curve, !curve.steps.is_empty());
                let words = format!("{}, n = {}, {median}", curve.label, curve.follow_up.len());
                (Key::Line(colour.to_owned(), dash), words)
            })
            .collect();
        let top = legend(&mut canvas, 2.0, "", &key) + 20.0;
        let names: Vec<String> = self.curves.iter().map(|curve| SMALL.fit(&curve.label, 120.0)).collect();
        let name_width = SMALL.widest(names.iter().map(String::as_str)).max(SMALL.width("Number at risk"));
        let single = self.curves.len() == 1;
        let left = MARGIN + name_width.max(30.0) + 14.0;
        let end_room = if single { 0.0 } else { name_width + 12.0 };
        let plot = Plot { left, top, right: WIDTH - MARGIN - end_room - 6.0, bottom: top + 215.0 };
        let words = format!("{}, probability", self.endpoint);
        y_title(&mut canvas, MARGIN, top - 8.0, &words);

        let last = self.curves.iter().map(KaplanMeierCurve::last).fold(0.0, f64::max).max(1.0);
        let across = Scale::linear((0.0, last), (plot.left, plot.right));
        let scale = Scale::linear((0.0, 1.0), (plot.bottom, plot.top + 2.0));
        let marked: Vec<(f64, String)> = [0.0, 0.25, 0.5, 0.75, 1.0].map(|p| (p, format!("{p:.2}"))).into();
        y_axis(&mut canvas, plot, &scale, &marked);

        for (index, curve) in self.curves.iter().enumerate() {
            let (colour, dash) = style::line(index);
            if single {
                band(&mut canvas, curve, &across, &scale, colour);
            }
            let mut points = vec![(across.at(0.0), scale.at(1.0))];
            let mut height = 1.0;
            for step in &curve.steps {
                let x = across.at(step.months);
                points.push((x, scale.at(height)));
                height = step.survival;
                points.push((x, scale.at(height)));
            }
            points.push((across.at(curve.last()), scale.at(height)));
            canvas.path(&points, colour, 1.6, dash);
            for &months in &curve.censored {
                let (x, y) = (across.at(months), scale.at(curve.survival_at(months)));
                canvas.line((x, y - 4.0), (x, y + 4.0), colour, 1.1, "");
            }
            if let Some(median) = curve.median {
                let (x, y) = (across.at(median), scale.at(0.5));
                canvas.path(&[(plot.left, y), (x, y), (x, plot.bottom)], AXIS, 0.9, "2 2.5");
            }
        }
        self.names(&mut canvas, plot, &across, &scale, &names);
        if self.curves.is_empty() {
            nothing(&mut canvas, plot, "No patient has a time to the event or to censoring.");
        }
        let marks = ticks(0.0, last, 12, MONTHS);
        let mut y = x_axis(&mut canvas, plot, &across, &marks, "Months since first fraction") + 10.0;
        if !self.curves.is_empty() {
            canvas.text(MARGIN, y, Anchor::Start, STRONG, "Number at risk");
            for (curve, name) in self.curves.iter().zip(&names) {
                y += 12.5;
                canvas.text(MARGIN, y, Anchor::Start, SMALL, name);
                for &tick in &marks {
                    canvas.text(across.at(tick), y, Anchor::Middle, SMALL, &curve.at_risk(tick).to_string());
                }
            }
            y += 3.0;
        }
        finish(canvas, y, self.around(), frame)
    }

    /// With several curves, their names at the ends.
    fn names(&self, canvas: &mut Canvas, plot: Plot, across: &Scale, scale: &Scale, names: &[String]) {
        if self.curves.len() < 2 {
            return;
        }
        let tips: Vec<(f64, f64)> = self
            .curves
            .iter()
            .map(|curve| (across.at(curve.last()), scale.at(curve.survival_at(curve.last()))))
            .collect();
        let wanted: Vec<f64> = tips.iter().map(|tip| tip.1).collect();
        let placed = spread(&wanted, 11.0, plot.top + 4.0, plot.bottom - 4.0);
        for ((name, (x, y)), label) in names.iter().zip(tips).zip(placed) {
            canvas.path(&[(x + 2.0, y), (plot.right + 2.0, y), (plot.right + 10.0, label)], RULE, 0.6, "");
            canvas.text(plot.right + 12.0, label + 3.1, Anchor::Start, SMALL, name);
        }
    }

    fn around(&self) -> Around {
        let mut rows = Vec::new();
        for curve in &self.curves {
            rows.push(vec![
                curve.label.clone(),
                "0".into(),
                curve.follow_up.len().to_string(),
                "1".into(),
                String::new(),
                String::new(),
            ]);
            for step in &curve.steps {
                let bound = |pick: fn((f64, f64)) -> f64| {
                    step.interval.map(|pair| pick(pair).to_string()).unwrap_or_default()
                };
                rows.push(vec![
                    curve.label.clone(),
                    step.months.to_string(),
                    curve.at_risk(step.months).to_string(),
                    step.survival.to_string(),
                    bound(|pair| pair.0),
                    bound(|pair| pair.1),
                ]);
            }
        }
        let medians: Vec<String> = self
            .curves
            .iter()
            .map(|curve| {
                format!("{}, {} patients: {}", curve.label, curve.follow_up.len(), median_words(curve, true))
            })
            .collect();
        let banded = self.curves.len() == 1
            && self.curves.iter().any(|curve| curve.steps.iter().any(|step| step.interval.is_some()));
        Around {
            id: "F7".into(),
            title: self.endpoint.clone(),
            alt: format!(
                "Kaplan-Meier curve of {}, in months since the first fraction. {}.",
                lower(&self.endpoint),
                medians.join("; ")
            ),
            caption: format!(
                "Steps are Kaplan-Meier estimates and end at the last follow-up; upright ticks are censored patients.{} Dashed lines \
                 lead to the median.",
                if banded {
                    format!(" The band is the pointwise 95% interval ({}).", self.interval_method)
                } else {
                    String::new()
                }
            ),
            data: DataTable::new(
                &["Curve", "Months", "At risk", "Probability", "Lower 95%", "Upper 95%"],
                rows,
            ),
            notes: if banded {
                vec![format!("Band: pointwise 95% interval ({}).", self.interval_method)]
            } else {
                Vec::new()
            },
            not_drawn: self.not_drawn.clone(),
        }
    }
}

/// The interval as a pale area with thin edges; it stops where the interval is not estimable.
fn band(canvas: &mut Canvas, curve: &KaplanMeierCurve, across: &Scale, scale: &Scale, colour: &str) {
    let mut upper = Vec::new();
    let mut lower = Vec::new();
    for (index, step) in curve.steps.iter().enumerate() {
        let Some((low, high)) = step.interval else { break };
        let next = curve.steps.get(index + 1).map_or(curve.last(), |next| next.months);
        for months in [step.months, next] {
            upper.push((across.at(months), scale.at(high)));
            lower.push((across.at(months), scale.at(low)));
        }
    }
    if upper.is_empty() {
        return;
    }
    let area: Vec<(f64, f64)> = upper.iter().chain(lower.iter().rev()).copied().collect();
    canvas.polygon(&area, colour, 0.14);
}

fn median_words(curve: &KaplanMeierCurve, any_event: bool) -> String {
    let Some(median) = curve.median else {
        return if any_event { "median not reached".to_owned() } else { "no event".to_owned() };
    };
    let bound = |value: Option<f64>| value.map_or_else(|| "NE".to_owned(), |months| format!("{months:.1}"));
    let (low, high) = curve.median_interval;
    format!("median {median:.1} months (95% CI {} to {})", bound(low), bound(high))
}

fn lower(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
