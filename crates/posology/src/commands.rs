//! One file a verb: read, call the library, print.

pub(crate) mod check;
pub(crate) mod decay;
pub(crate) mod design;
pub(crate) mod grade;
pub(crate) mod import;
pub(crate) mod prescribe;
pub(crate) mod regrade;
pub(crate) mod response;
pub(crate) mod review;
pub(crate) mod status;
pub(crate) mod synthesize;
