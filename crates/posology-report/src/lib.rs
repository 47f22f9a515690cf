//! What people read: tables, figures and documents as values, written as HTML, PDF, SVG and PNG.
//!
//! Tables and figures are values before they are pictures: [`table`] holds what is printed and the numbers behind it,
//! [`figure`] the marks and their SVG, [`document`] the order in which a committee reads them, and [`packet`] composes all
//! three from the analysis of a trial at a cut. The writers take a
//! document and nothing else: [`html::write`] and, with the feature `pdf`, `pdf::write` (which brings the typesetter
//! and most of the time to build). Both are pure: no clock, no file, the same document gives the same bytes.

pub mod ard;
pub mod board;
pub mod checklist;
pub mod design_section;
pub mod document;
pub mod figure;
pub mod html;
pub mod markdown;
pub mod packet;
pub mod patient;
#[cfg(feature = "pdf")]
pub mod pdf;
pub mod release;
pub mod table;
