//! Dose-escalation designs: what to do next, and why; which level to select, and why; exact statistics.
//!
//! Patients by level go in ([`Data`]), a [`Decision`] with its [`Because`]s comes out of a [`Design`]. The crate
//! knows no patient: it sees counts by level and shares of follow-up, so no identifier can reach it. It reads
//! no file, no clock and no random source; randomness comes in as a seed.
//!
//! - [`ladder`] and [`data`]: levels, and the patients at them;
//! - [`design`] and [`decision`]: the one interface that every design answers, what it answers, and what pending
//!   patients do to an answer; [`catalogue`] lists the designs;
//! - one module a design, from [`three_plus_three`] to [`partial_order`]; [`settings`]: what a design file says,
//!   checked whole before a design exists;
//! - [`graph`]: every state a trial can reach, and exact sums over them; [`simulate`] for designs in time;
//!   [`characteristics`]: what both measure; [`scenario`]: sets of truths; [`paths`]: the courses of the next cohorts;
//!   [`calibrate`]: choosing among designs;
//! - after escalation: [`randomised`] choice between regimens, [`two_stage`], [`single_stage`], [`predictive`],
//!   [`bop2`] and [`basket`];
//! - [`numeric`]: special functions, quadrature and intervals, with their accuracy; [`random`]: numbers by address.
//!
//! ```
//! use posology_design::{Action, Data, Design, Level};
//! let design: Design = serde_json::from_str(r#"{"design": "3+3", "doses": 4}"#).unwrap();
//! let decision = design.next(&Data::from_outcomes(4, "1NNN 2NNT")?)?;
//! assert_eq!((decision.action, decision.level, decision.enrol), (Action::Stay, Level::new(2), 3));
//! assert_eq!(decision.because[0].says, "1 DLT among 3 evaluable patients at level 2: 3 more are needed there, to make 6");
//! # Ok::<(), posology_design::BadData>(())
//! ```

pub mod accelerated_titration;
pub mod basket;
pub mod because;
pub mod bf_boin;
pub mod blrm;
pub mod bma_crm;
pub mod boin;
pub mod boin12;
pub mod boin_comb;
pub mod boin_et;
pub mod bop2;
pub mod calibrate;
pub mod ccd;
pub mod characteristics;
pub mod crm;
pub mod data;
pub mod decision;
pub mod decision_table;
pub mod design;
pub mod ewoc;
pub mod graph;
pub mod i3plus3;
pub mod interval;
pub mod keyboard;
pub mod ladder;
pub mod late_onset;
pub mod monitoring;
pub mod mtpi;
pub mod mtpi_2;
pub mod numeric;
pub mod partial_order;
pub mod paths;
pub mod predictive;
pub mod random;
pub mod randomised;
pub mod rolling_six;
pub mod scenario;
pub mod settings;
pub mod simulate;
pub mod single_stage;
pub mod starting;
pub mod three_plus_three;
pub mod tite_boin;
pub mod tite_crm;
pub mod tite_keyboard;
pub mod two_stage;

pub use because::Because;
pub use data::{AtLevel, BadData, Data, LastCohort};
pub use decision::{Action, Case, Completion, Decision, Estimate, Numbers, Parameter, Selection, WhatIf};
pub use design::{Boundaries, Design, Settings, catalogue};
pub use ladder::{Doses, Level};
pub use settings::{Problem, Problems};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
