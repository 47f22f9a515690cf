//! What people read.
pub mod document;
pub mod figure;
pub mod html;
#[cfg(feature = "pdf")]
pub mod pdf;
pub mod table;
