//! The pages in a real browser: without a fault of accessibility, and a cohort lived through by people at browsers of
//! their own. Pictures of what they saw are left under `target/screenshots/`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod accessibility;
mod api;
mod chromium;
mod cohort;
mod served;
