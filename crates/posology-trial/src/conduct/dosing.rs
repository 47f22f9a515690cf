//! Radiopharmacy: directive before administration, readings, checks, schedule.

use super::{Breaches, Conduct, Refusal};
use crate::event::Event;

pub(super) fn admit(_conduct: &Conduct, _event: &Event, _breaches: &mut Breaches<'_>) -> Result<(), Refusal> {
    Ok(())
}
