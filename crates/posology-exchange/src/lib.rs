//! Other people's files: bytes to typed data sets, and data sets to facts of the trial.
//!
//! [`dataset::Reader`] reads CSV, SAS transport (XPT v5) and Dataset-JSON 1.1 row by row into one model, within
//! [`limits::Limits`]; [`sdtm::import`] maps SDTM data sets to the events of a trial and reports, row by row,
//! what it refused and why. Nothing is guessed: what cannot be read is a [`problem::Problem`] that names the
//! place, what was found, what was expected and how to mend it. The file system and the clock stay outside.

mod csv_table;
pub mod dataset;
mod dataset_json;
pub mod dataset_json_write;
pub mod limits;
pub mod odm;
pub mod package;
pub mod problem;
pub mod sdtm;
pub mod tabulation;
mod xpt;
