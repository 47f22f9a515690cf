//! What is true of the trial: the protocol, the facts recorded, the state at a data cut and its analysis.
//!
//! Data walks one way: a [`protocol`] is read, facts arrive as [`event`]s, [`state`] is their fold, a
//! [`cut`] freezes it, and [`analysis`] derives what a committee reads. Pure: no clock, no I/O, no global;
//! file text, times and seeds come in as values.

pub mod analysis;
pub mod board;
pub mod cohort;
pub mod committee;
pub mod conduct;
pub mod cut;
pub mod dosing;
pub mod event;
pub mod follow;
pub mod form;
pub mod history;
pub mod permission;
pub mod programme;
pub mod protocol;
pub mod randomisation;
pub mod state;
pub mod synthetic;
pub mod when;

pub use posology_clinic::Because;
