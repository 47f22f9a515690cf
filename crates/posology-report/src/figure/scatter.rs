//! F12, F13: one measured value of each patient against another, told apart by level.

use serde::Serialize;

use super::canvas::{Anchor, Canvas, SMALL, Symbol, WIDTH};
use super::chart::{
    Around, Key, MARGIN, Plot, finish, legend, level_index, level_legend, nothing, signed, x_axis, y_axis,
    y_title,
};
use super::scale::{Scale, fine_ticks};
use super::style::{self, RULE};
use super::{DataTable, Figure, Frame, Level, NotDrawn};

/// Shapes of the levels, in their order; taken again beyond the last.
const SHAPES: [Symbol; 7] = [
    Symbol::Disc,
    Symbol::Square,
    Symbol::Up,
    Symbol::Diamond,
    Symbol::Down,
    Symbol::Ring,
    Symbol::HollowDiamond,
];
const RADIUS: f64 = 4.4;

/// One patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScatterPoint {
    /// Subject identifier.
    pub subject: String,
    /// Level id.
    pub level: String,
    /// Value along the horizontal axis.
    pub across: f64,
    /// Value along the vertical axis.
    pub up: f64,
    /// Further values of the data table, such as the day, one for each name of [`Scatter::more`].
    pub more: Vec<String>,
}

/// Patients as marks between two axes.
///
/// ```
/// use posology_report::figure::*;
/// let figure = Scatter {
///     id: "F13".into(),
///     title: "Kidney absorbed dose and eGFR".into(),
///     across: "Kidney absorbed dose, Gy".into(),
///     up: "Change of eGFR, mL/min/1.73 m²".into(),
///     caption: "Nothing is judged here.".into(),
///     more: vec!["Study day".into()],
///     levels: vec![Level { id: "DL1".into(), label: "25 mCi/m² x1".into() }],
///     points: vec![ScatterPoint {
///         subject: "P-01".into(), level: "DL1".into(), across: 5.2, up: -11.0, more: vec!["740".into()],
///     }],
///     not_drawn: vec![],
/// }
/// .draw(&Frame::default());
/// assert_eq!(figure.data.rows[0], ["P-01", "DL1", "5.2", "-11", "740"]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scatter {
    /// Name within the packet.
    pub id: String,
    /// What is shown.
    pub title: String,
    /// Title of the horizontal axis, with its unit. The axis begins at 0.
    pub across: String,
    /// Title of the vertical axis, with its unit. The axis has 0 on it.
    pub up: String,
    /// How to read it.
    pub caption: String,
    /// Names of further columns of the data table.
    pub more: Vec<String>,
    /// All levels, in the order of the ladder.
    pub levels: Vec<Level>,
    /// The patients.
    pub points: Vec<ScatterPoint>,
    /// Patients without one of the two values.
    pub not_drawn: Vec<NotDrawn>,
}

impl Scatter {
    /// Draws a mark a patient, with the subject beside it where there is room.
    pub fn draw(&self, frame: &Frame) -> Figure {
        let mut canvas = Canvas::default();
        let of_levels = || self.points.iter().map(|point| point.level.as_str());
        let key =
            level_legend(&self.levels, of_levels(), |index| Key::Mark(shape(index), self.colour(index)));
        let top = legend(&mut canvas, 2.0, "", &key) + 20.0;
        y_title(&mut canvas, MARGIN, top - 8.0, &self.up);
        let values: Vec<(f64, f64)> = self.points.iter().map(|point| (point.across, point.up)).collect();
        let most = values.iter().map(|value| value.0).fold(0.0, f64::max);
        let (low, high) =
            values.iter().fold((0.0_f64, 0.0_f64), |(low, high), (_, up)| (low.min(*up), high.max(*up)));
        let (right, (low, high)) = (rounded_up(most), (-rounded_up(-low), rounded_up(high)));
        let (low, high) = if low < high { (low, high) } else { (0.0, 1.0) };
        let marked: Vec<(f64, String)> =
            fine_ticks(low, high).into_iter().map(|tick| (tick, signed(tick))).collect();
        let left = MARGIN + SMALL.widest(marked.iter().map(|(_, label)| label.as_str())) + 12.0;
        let plot = Plot { left, top, right: WIDTH - MARGIN - 12.0, bottom: top + 230.0 };
        let across = Scale::linear((0.0, right), (plot.left, plot.right));
        let scale = Scale::linear((low, high), (plot.bottom, plot.top + 2.0));
        y_axis(&mut canvas, plot, &scale, &marked);
        if low < 0.0 && high > 0.0 {
            canvas.line((plot.left, scale.at(0.0)), (plot.right, scale.at(0.0)), RULE, 0.9, "");
        }
        let places: Vec<(f64, f64)> = values.iter().map(|(x, y)| (across.at(*x), scale.at(*y))).collect();
        for (point, (x, y)) in self.points.iter().zip(&places) {
            let index = level_index(&self.levels, &point.level).unwrap_or(self.levels.len());
            canvas.symbol(shape(index), *x, *y, RADIUS, &self.colour(index));
            canvas.occupy(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS);
        }
        for (point, (x, y)) in self.points.iter().zip(&places) {
            let beside = [
                (x + 7.0, y + 3.2, Anchor::Start),
                (x - 7.0, y + 3.2, Anchor::End),
                (*x, y - 7.0, Anchor::Middle),
                (*x, y + 13.5, Anchor::Middle),
            ];
            let within = |(x, _, anchor): &(f64, f64, Anchor)| {
                let width = SMALL.width(&point.subject);
                match anchor {
                    Anchor::Start => x + width <= WIDTH - MARGIN,
                    Anchor::Middle => x + width / 2.0 <= WIDTH - MARGIN && x - width / 2.0 > plot.left,
                    Anchor::End => x - width > plot.left,
                }
            };
            let beside: Vec<_> = beside.into_iter().filter(within).collect();
            canvas.label(&beside, SMALL, &point.subject);
        }
        if self.points.is_empty() {
            nothing(&mut canvas, plot, "No patient has both values.");
        }
        let y = x_axis(&mut canvas, plot, &across, &fine_ticks(0.0, right), &self.across);
        finish(canvas, y, self.around(), frame)
    }

    fn colour(&self, index: usize) -> String {
        style::level(index, self.levels.len())
    }

    fn around(&self) -> Around {
        let mut header = vec!["Subject", "Level", self.across.as_str(), self.up.as_str()];
        header.extend(self.more.iter().map(String::as_str));
        let row = |point: &ScatterPoint| {
            let own =
                [point.subject.clone(), point.level.clone(), point.across.to_string(), point.up.to_string()];
            own.into_iter().chain(point.more.iter().cloned()).collect()
        };
        Around {
            id: self.id.clone(),
            title: self.title.clone(),
            alt: format!(
                "{} patients as marks: {} across, {} upward, told apart by level.",
                self.points.len(),
                self.across,
                self.up
            ),
            caption: self.caption.clone(),
            data: DataTable::new(&header, self.points.iter().map(row).collect()),
            notes: Vec::new(),
            not_drawn: self.not_drawn.clone(),
        }
    }
}

fn shape(index: usize) -> Symbol {
    SHAPES.get(index % SHAPES.len()).copied().unwrap_or(Symbol::Disc)
}

/// The end of an axis: the next multiple of 1, 2 or 5 of a power of ten that leaves room beyond a value; 0 for 0.
fn rounded_up(value: f64) -> f64 {
    if !(value > 0.0 && value.is_finite()) {
        return 0.0;
    }
    let unit = 10f64.powf((value * 1.05).log10().floor());
    let parts = (value * 1.05 / unit * 5.0).ceil() / 5.0;
    parts * unit
}
