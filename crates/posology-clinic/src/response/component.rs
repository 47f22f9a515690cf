//! One assessment judged part by part: what each component of the criteria says, and the whole.

use jiff::civil::Date;
use serde::Serialize;

use super::{Assessment, Category, ProgressionKind};
use crate::Because;

/// What one component of the criteria says at one assessment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component<Verdict> {
    /// The component, such as `lymphocytes` or `primary`.
    pub name: &'static str,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, with its numbers.
    pub because: Because,
}

/// The category of one assessment, unconfirmed, beside the verdicts it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response<Verdict> {
    /// Day of the assessment.
    pub date: Date,
    /// The category; progressive disease wherever any criterion of progression is met.
    pub category: Category,
    /// By what progression was seen, the weightiest of several.
    pub kind: Option<ProgressionKind>,
    /// Each component, in the order of the criteria.
    pub components: Vec<Component<Verdict>>,
    /// Why this category: what decides first.
    pub reasons: Vec<Because>,
}

impl<Verdict> Response<Verdict> {
    /// The verdict of a component.
    pub fn verdict(&self, name: &str) -> Option<&Verdict> {
        self.components.iter().find(|component| component.name == name).map(|component| &component.verdict)
    }

    /// As an assessment to be confirmed.
    pub fn into_assessment(self) -> Assessment {
        Assessment { date: self.date, category: self.category, kind: self.kind, reasons: self.reasons }
    }
}
