//! Lesions as imaging measures them: what RECIST, Lugano, RANO, INRC and iwCLL share.
//!
//! A lesion keeps one name over all visits. Lengths are millimetres in decimals; what was not looked at is
//! [`Size::NotAssessed`] and never zero.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What a lesion is followed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Measured at each visit; enters the sum.
    Target,
    /// Followed without entering the sum.
    NonTarget,
    /// Not there at baseline.
    New,
}

/// How a lesion was found at one visit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Measured.
    Measured {
        /// Longest diameter, mm; for a node in criteria on the short axis, `None` if only that was measured.
        longest: Option<Decimal>,
        /// Longest diameter perpendicular to it (the short axis of a node), mm.
        shortest: Option<Decimal>,
    },
    /// There, but too small to measure.
    TooSmall,
    /// Gone.
    Absent,
    /// There and not measured, neither clearly better nor worse.
    Present,
    /// There and unequivocally worse.
    Worse,
    /// Not looked at, or not to be judged.
    NotAssessed,
}

/// One lesion at one visit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lesion {
    /// Its name over all visits, such as `T01`.
    pub id: String,
    /// What it is followed as.
    pub role: Role,
    /// Whether it is a lymph node.
    pub is_node: bool,
    /// Organ or region, as recorded.
    pub site: String,
    /// How it was found.
    pub size: Size,
    /// Imaging method, as recorded, such as `CT`; empty where nobody recorded it.
    pub method: String,
}
