//! F10, F11: which share has had an event by each time, where death can forestall it, and how many are still at risk.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, SMALL, STRONG, WIDTH};
use super::chart::{Around, Key, MARGIN, Plot, finish, legend, nothing, x_axis, y_axis, y_title};
use super::scale::{MONTHS, Scale, ticks};
use super::style::{self, SOFT};
use super::text::spread;
use super::{DataTable, Figure, Frame, NotDrawn};

/// Heights at which a vertical axis may end.
const TOPS: [f64; 4] = [0.2, 0.4, 0.6, 1.0];
/// Dashes of the competing end.
const COMPETING: &str = "2 2.5";

/// The estimate from one time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct IncidencePoint {
    /// Time in months.
    pub months: f64,
    /// Estimated probability of having had the event by then, 0 to 1.
    pub incidence: f64,
    /// Estimated probability of having had the competing end by then, 0 to 1.
    pub competing: f64,
    /// Lower and upper bound of the pointwise interval of `incidence`, where there is one.
    pub interval: Option<(f64, f64)>,
}

/// One curve, as estimated elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidenceCurve {
    /// Who, or what: a level, or a kind of event.
    pub label: String,
    /// Patients with the event.
    pub events: u32,
    /// Times with an event or a competing end, ascending; the curve begins at 0.
    pub points: Vec<IncidencePoint>,
    /// Months to the event, the competing end or censoring, one a patient: gives the numbers at risk and the curve's end.
    pub follow_up: Vec<f64>,
}

impl IncidenceCurve {
    /// Patients whose time is at least `months`.
    pub fn at_risk(&self, months: f64) -> usize {
        self.follow_up.iter().filter(|&&time| time >= months - 1e-9).count()
    }

    fn last(&self) -> f64 {
        self.follow_up.iter().copied().filter(|time| time.is_finite()).fold(0.0, f64::max)
    }

    fn end(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.incidence)
    }
}

/// Curves of cumulative incidence.
///
/// ```
/// use posology_report::figure::*;
/// let curve = IncidenceCurve {
///     label: "All treated".into(),
///     events: 1,
///     points: vec![IncidencePoint { months: 14.0, incidence: 0.5, competing: 0.0, interval: None }],
///     follow_up: vec![14.0, 60.0],
/// };
/// let figure = Incidence::new("F10", "Any late event", "death", vec![curve], vec![]).draw(&Frame::default());
/// assert!(figure.alt.contains("All treated, 1 of 2 patients"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incidence {
    /// Name within the packet.
    pub id: String,
    /// The event, such as `Any late event`.
    pub event: String,
    /// The competing end in a word, such as `death`; drawn where there is one curve.
    pub competing: String,
    /// Curves in order.
    pub curves: Vec<IncidenceCurve>,
    /// Patients without a time.
    pub not_drawn: Vec<NotDrawn>,
}

impl Incidence {
    /// Takes curves as estimated; curves without a patient are left out.
    pub fn new(
        id: &str,
        event: &str,
        competing: &str,
        mut curves: Vec<IncidenceCurve>,
        not_drawn: Vec<NotDrawn>,
    ) -> Self {
        curves.retain(|curve| !curve.follow_up.is_empty());
        Incidence {
            id: id.to_owned(),
            event: event.to_owned(),
            competing: competing.to_owned(),
            curves,
            not_drawn,
        }
    }

    fn single(&self) -> bool {
        self.curves.len() == 1
    }

    /// Draws steps, the band and the competing end (for a single curve), and the numbers at risk.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let mut key: Vec<(Key, String)> = self
            .curves
            .iter()
            .enumerate()
            .map(|(index, curve)| {
                let (colour, dash) = style::line(index);
                let words = format!("{}, {} of {}", curve.label, curve.events, curve.follow_up.len());
                (Key::Line(colour.to_owned(), dash), words)
            })
            .collect();
        if self.single() {
            key.push((Key::Line(SOFT.to_owned(), COMPETING), format!("{} before it", self.competing)));
        }
        let top = legend(&mut canvas, 2.0, "", &key) + 20.0;
        let names: Vec<String> = self.curves.iter().map(|curve| SMALL.fit(&curve.label, 120.0)).collect();
        let name_width = SMALL.widest(names.iter().map(String::as_str)).max(SMALL.width("Number at risk"));
        let left = MARGIN + name_width.max(30.0) + 14.0;
        let end_room = if self.single() { 0.0 } else { name_width + 12.0 };
        let plot = Plot { left, top, right: WIDTH - MARGIN - end_room - 6.0, bottom: top + 215.0 };
        y_title(&mut canvas, MARGIN, top - 8.0, &format!("{}, cumulative incidence", self.event));

        let last = self.curves.iter().map(IncidenceCurve::last).fold(0.0, f64::max).max(1.0);
        let across = Scale::linear((0.0, last), (plot.left, plot.right));
        let highest = self.top();
        let scale = Scale::linear((0.0, highest), (plot.bottom, plot.top + 2.0));
        let marked: Vec<(f64, String)> =
            (0..=4).map(|part| highest * f64::from(part) / 4.0).map(|p| (p, format!("{p:.2}"))).collect();
        y_axis(&mut canvas, plot, &scale, &marked);

        for (index, curve) in self.curves.iter().enumerate() {
            let (colour, dash) = style::line(index);
            if self.single() {
                band(&mut canvas, curve, &across, &scale, colour);
                let points = steps(curve, &across, &scale, |point| point.competing);
                canvas.path(&points, SOFT, 1.2, COMPETING);
            }
            canvas.path(&steps(curve, &across, &scale, |point| point.incidence), colour, 1.6, dash);
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

    /// Where the vertical axis ends: above everything that is drawn.
    fn top(&self) -> f64 {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let heights = points.flat_map(|point| {
            let upper = point.interval.map_or(0.0, |interval| interval.1);
            if self.single() {
                [point.incidence, point.competing, upper]
            } else {
                [point.incidence, 0.0, 0.0]
            }
        });
        let most = heights.fold(0.0, f64::max);
        TOPS.into_iter().find(|top| *top >= most).unwrap_or(1.0)
    }

    /// With several curves, their names at the ends.
    fn names(&self, canvas: &mut Canvas, plot: Plot, across: &Scale, scale: &Scale, names: &[String]) {
        if self.curves.len() < 2 {
            return;
        }
        let tips: Vec<(f64, f64)> =
            self.curves.iter().map(|curve| (across.at(curve.last()), scale.at(curve.end()))).collect();
        let wanted: Vec<f64> = tips.iter().map(|tip| tip.1).collect();
        let placed = spread(&wanted, 11.0, plot.top + 4.0, plot.bottom - 4.0);
        for ((name, (x, y)), label) in names.iter().zip(tips).zip(placed) {
            let lead = [(x + 2.0, y), (plot.right + 2.0, y), (plot.right + 10.0, label)];
            canvas.path(&lead, style::RULE, 0.6, "");
            canvas.text(plot.right + 12.0, label + 3.1, Anchor::Start, SMALL, name);
        }
    }

    fn around(&self) -> Around {
        let mut rows = Vec::new();
        for curve in &self.curves {
            for point in &curve.points {
                let bound = |pick: fn((f64, f64)) -> f64| {
                    point.interval.map(|pair| pick(pair).to_string()).unwrap_or_default()
                };
                rows.push(vec![
                    curve.label.clone(),
                    point.months.to_string(),
                    curve.at_risk(point.months).to_string(),
                    point.incidence.to_string(),
                    bound(|pair| pair.0),
                    bound(|pair| pair.1),
                    point.competing.to_string(),
                ]);
            }
        }
        let ends: Vec<String> = self
            .curves
            .iter()
            .map(|curve| format!("{}, {} of {} patients", curve.label, curve.events, curve.follow_up.len()))
            .collect();
        let mut caption = "Steps are Aalen-Johansen estimates and end at the last follow-up; a patient who dies without the event \
             can no longer have it."
            .to_owned();
        if self.single() {
            caption.push_str(" The band is the pointwise 95% interval (log-log of one minus the incidence).");
        }
        let competing = format!("Cumulative incidence of {}", self.competing);
        Around {
            id: self.id.clone(),
            title: format!("{}: cumulative incidence, {} competing", self.event, self.competing),
            alt: format!(
                "Steps of the cumulative incidence of {}, in months since the first fraction, with {} as a competing end. {}.",
                lower(&self.event),
                self.competing,
                ends.join("; ")
            ),
            caption,
            data: DataTable::new(
                &["Curve", "Months", "At risk", "Incidence", "Lower 95%", "Upper 95%", &competing],
                rows,
            ),
            notes: Vec::new(),
            not_drawn: self.not_drawn.clone(),
        }
    }
}

fn steps(
    curve: &IncidenceCurve,
    across: &Scale,
    scale: &Scale,
    height: fn(&IncidencePoint) -> f64,
) -> Vec<(f64, f64)> {
    let mut points = vec![(across.at(0.0), scale.at(0.0))];
    let mut before = 0.0;
    for point in &curve.points {
        let x = across.at(point.months);
        points.push((x, scale.at(before)));
        before = height(point);
        points.push((x, scale.at(before)));
    }
    points.push((across.at(curve.last()), scale.at(before)));
    points
}

/// The interval as a pale area.
fn band(canvas: &mut Canvas, curve: &IncidenceCurve, across: &Scale, scale: &Scale, colour: &str) {
    let mut upper = Vec::new();
    let mut lower = Vec::new();
    for (index, point) in curve.points.iter().enumerate() {
        let Some((low, high)) = point.interval else { continue };
        let next = curve.points.get(index + 1).map_or(curve.last(), |next| next.months);
        for months in [point.months, next] {
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

fn lower(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
