//! Response criteria.
pub mod best;
pub mod confirm;
pub mod imwg;
