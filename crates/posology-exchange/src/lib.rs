//! Other people's files: bytes to typed data sets, and data sets to facts of the trial.
//!
//! [`dataset::Reader`] reads CSV, SAS transport (XPT v5), Dataset-JSON 1.1 and Excel workbooks row by row into one
//! model, within [`limits::Limits`]; [`sdtm::import`] maps SDTM data sets to the events of a trial, [`mapping::import`]
//! a site's own tables (REDCap, workbooks, CSV) by a mapping file; both report, row by row, what they refused and
//! why, and remember rows alike ([`intake`]). The way out is [`tabulation`] (SDTM) and [`adam`], each a [`package`] that
//! [`terminology`] checks, [`handover`] writes and [`define`] describes; [`odm`] tells the record itself. Nothing is
//! guessed: what cannot be read is a [`problem::Problem`] that names the place, what was found, what was expected and how to
//! mend it. The file system and the clock stay outside.

pub mod adam;
mod csv_table;
pub mod dataset;
mod dataset_json;
pub mod dataset_json_write;
pub mod define;
pub mod handover;
pub mod intake;
pub mod limits;
mod listing;
pub mod mapping;
pub mod odm;
pub mod package;
pub mod problem;
mod redcap;
pub mod sdtm;
mod spreadsheet;
pub mod tabulation;
pub mod terminology;
mod xml;
mod xpt;
pub mod xpt_write;
