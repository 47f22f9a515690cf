//! Figures of a committee packet: marks as values first, then one SVG from which page, print and PNG are made.
//!
//! Each kind of figure answers one question. Its constructor turns plain facts (subject, day, value) into marks
//! and names whoever cannot be drawn, with the reason; `draw` turns the marks into a [`Figure`].
//!
//! | kind | question |
//! |---|---|
//! | [`Ladder`] | where each patient stands on the ladder now, with the fractions |
//! | [`Timeline`] | what happened to one patient, from screening to last contact |
//! | [`BandedValues`] | one patient's laboratory values over the bands of their grades |
//! | [`MarkerChart`] | one patient's marker against the lines of response and progression |
//! | [`EscalationHistory`] (F1) | who entered at which level, with what outcome, and what was decided |
//! | [`Windows`] (F3) | whose DLT window is open, and what happened in it |
//! | [`Swimmer`] (F4) | how long each patient was followed, in which response |
//! | [`Waterfall`] (F5) | how far the driving marker fell in each patient |
//! | [`Spider`] (F6) | how the driving marker moved over time |
//! | [`KaplanMeier`] (F7) | which share is still free of the event |
//! | [`Counts`] (F9) | how blood counts fell and recovered after each infusion |
//! | [`Incidence`] (F10, F11) | which share has had a late event, where death can forestall it |
//! | [`Scatter`] (F12, F13) | how an organ's absorbed dose lies against a count or the eGFR, patient by patient |
//! | [`Posterior`] (F2) | what the design's model makes of each level |
//! | [`SelectionBars`], [`TruthCurves`] | what designs select and whom they treat where, under which truths |
//! | [`Pathways`] | which courses the next cohorts can take |
//! | [`RateByLevel`] | a rate with its interval, level by level |
//!
//! A figure is 160 mm wide (half an A4 page), in colours safe for the colour blind, and says nothing by colour
//! alone: shape, hatching, dashes or a direct label carry the same fact. The same values give the same bytes.
//! Times are whole days since the first fraction, which is day 0. Estimation, response and DLT rules live
//! elsewhere: nothing is decided here.

mod bands;
mod canvas;
mod characteristics;
mod chart;
mod counts;
mod distributions;
mod escalation;
mod incidence;
mod ladder;
mod marker;
mod pathways;
pub mod png;
mod posterior;
mod rate;
mod scale;
mod scatter;
mod spider;
mod style;
mod survival;
mod swimmer;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod waterfall;
mod window;

use serde::Serialize;

pub use bands::{BandedPanel, BandedValue, BandedValues, GradeBand};
pub use characteristics::{DesignInScenario, ScenarioPanel, SelectionBars, TruthCurves};
pub use counts::{CountSeries, Counts, CountsSetting, GradeBound};
pub use distributions::{Distributions, Spread};
pub use escalation::{EscalationCohort, EscalationHistory, EscalationPatient, LevelDecision, Move};
pub use incidence::{Incidence, IncidenceCurve, IncidencePoint};
pub use ladder::{Ladder, LadderCohort, LadderFraction, LadderLevel, LadderPatient};
pub use marker::{MarkerChart, MarkerValue};
pub use pathways::{Course, DRAWN_MAX, Pathways};
pub use posterior::{Posterior, PosteriorLevel};
pub use rate::{RateAtLevel, RateByLevel};
pub use scatter::{Scatter, ScatterPoint};
pub use spider::{Spider, SpiderEnd, SpiderLine, SpiderPatient};
pub use survival::{KaplanMeier, KaplanMeierCurve, KaplanMeierStep};
pub use swimmer::{Ending, ResponseSegment, Swimmer, SwimmerPatient};
pub use timeline::{Timeline, TimelineItem, TimelineMark};
pub use waterfall::{Waterfall, WaterfallBar, WaterfallPatient};
pub use window::{Lineage, Nadir, WindowPatient, Windows};

/// A drawn figure with everything that stands around it: title, caption, text for those who cannot see it, and
/// the table behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Name within the packet, such as `F5`; also the stem of a file name.
    pub id: String,
    /// What is shown, without a full stop.
    pub title: String,
    /// The figure in words, for a screen reader; also inside the SVG.
    pub alt: String,
    /// How to read it: marks, rules and cuts, in sentences.
    pub caption: String,
    /// Who is not in the picture, and why.
    pub not_drawn: Vec<NotDrawn>,
    /// The values behind the picture.
    pub data: DataTable,
    svg: String,
}

impl Figure {
    /// The picture: a whole SVG document, 160 mm wide, that needs no script, style sheet or other file. Its font is
    /// Source Sans 3, with fallbacks; it may also be put into a page as it stands, since its ids begin with the
    /// figure's.
    pub fn svg(&self) -> &str {
        &self.svg
    }
}

/// A patient who is not in a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotDrawn {
    /// Subject identifier.
    pub subject: String,
    /// Why, as a clause: `no value after baseline`.
    pub reason: String,
}

impl NotDrawn {
    fn new(subject: &str, reason: impl Into<String>) -> Self {
        NotDrawn { subject: subject.to_owned(), reason: reason.into() }
    }
}

/// A rectangular table of printed values; each row is as long as the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataTable {
    /// Column names, with units.
    pub header: Vec<String>,
    /// Values in column order; an empty cell is a missing value.
    pub rows: Vec<Vec<String>>,
}

impl DataTable {
    fn new(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        DataTable { header: header.iter().map(|&name| name.to_owned()).collect(), rows }
    }
}

/// What every figure of one packet prints at its foot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The data cut-off in words, such as `2019-03-31 23:59 UTC`.
    pub cut_off: Option<String>,
    /// Whether the patients were made by a generator: prints "Synthetic patients".
    pub synthetic: bool,
}

/// A dose level as figures name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Short name, such as `DL6`: joins patients to levels and stands beside marks.
    pub id: String,
    /// Activity and schedule, such as `37.5 mCi/m² in 2`.
    pub label: String,
}

/// Where a patient stands in the DLT assessment at the cut-off.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum DltStatus {
    /// A dose-limiting toxicity, as recorded.
    Dlt,
    /// A toxicity that may prove dose-limiting: not yet adjudicated.
    PossibleDlt,
    /// Window complete without a DLT.
    NoDlt,
    /// Window still open.
    Pending {
        /// Share of the window followed, 0 to 1.
        follow_up: f64,
    },
    /// Not evaluable for DLT.
    NotEvaluable {
        /// Why, in words.
        reason: String,
    },
    /// Treated, in a trial that defines no dose-limiting toxicity.
    Treated,
}

impl DltStatus {
    /// The status in words, with the share of the window when it is open.
    pub fn words(&self) -> String {
        match self {
            DltStatus::Dlt => "DLT".into(),
            DltStatus::PossibleDlt => "possible DLT".into(),
            DltStatus::NoDlt => "no DLT".into(),
            DltStatus::Pending { follow_up } => format!("pending {}", share(*follow_up)),
            DltStatus::NotEvaluable { .. } => "not evaluable".into(),
            DltStatus::Treated => "treated".into(),
        }
    }
}

/// Whole percent, rounded down, so that an open window never reads 100%.
fn share(of_one: f64) -> String {
    format!("{}%", (of_one.clamp(0.0, 1.0) * 100.0 + 1e-9).floor())
}
