//! `design`: what a design file says, what it advises, and how it would do. One file a verb.

mod advice;
pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod compare;
mod file;
pub(crate) mod list;
pub(crate) mod mtd;
pub(crate) mod next;
pub(crate) mod oc;
pub(crate) mod paths;
mod patients;
mod plot;
mod scenarios;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod trials;
pub(crate) mod two_stage;

pub(crate) use patients::Asked;
