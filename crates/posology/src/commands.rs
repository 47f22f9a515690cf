//! One file a verb: read, call the library, print.

pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod decay;
pub(crate) mod design;
mod export;
pub(crate) mod found;
pub(crate) mod grade;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod people;
pub(crate) mod prescribe;
pub(crate) mod programme;
pub(crate) mod randomise;
pub(crate) mod record;
pub(crate) mod regrade;
pub(crate) mod release;
pub(crate) mod response;
pub(crate) mod review;
pub(crate) mod serve;
pub(crate) mod sheet;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod synthesize;
pub(crate) mod trial;
pub(crate) mod verify;
