//! `design`: what a design file says, what it advises, and how it would do. One file a verb.

mod advice;
pub(crate) mod check;
mod file;
pub(crate) mod list;
pub(crate) mod mtd;
pub(crate) mod next;
mod patients;
pub(crate) mod table;

pub(crate) use patients::Asked;
