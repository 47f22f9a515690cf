//! What the facts at a cut say.
pub mod rates;
pub mod survival;
