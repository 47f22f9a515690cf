//! What is true of one patient: quantities with their units, body surface, decay, prescriptions, CTCAE
//! grades, dose-limiting toxicity rules and response criteria.
//!
//! Pure: no clock, no I/O, no global, and no statistics. Dates, ids and settings come in as values; each
//! result carries its reasons ([`Because`]).

mod because;
pub mod body_surface;
pub mod ctcae;
pub mod dlt;
pub mod laboratory;
pub mod nuclide;
pub mod prescription;
pub mod quantity;
pub mod response;

pub use because::Because;
