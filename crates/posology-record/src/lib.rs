//! Nothing lost, nothing changed: the ledger in which a trial's events stand, who signed them and who may.
//!
//! Start at [`ledger::Ledger`]: one interface over SQLite (a site, a laptop) and PostgreSQL (many sites). What may be
//! recorded is decided by `posology_trial::conduct`; this crate stores it so that anyone can verify it years later.
//! [`signature`] binds people to events, [`account`] tells who they are. [`bundle`] carries a whole trial away and back,
//! [`verify`] tells whether it is whole. Time and randomness come in as values.

pub mod account;
pub mod bundle;
pub mod desk;
mod hexadecimal;
pub mod ledger;
pub mod record;
pub mod signature;
mod vault;
pub mod verify;
