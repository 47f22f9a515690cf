//! Review: cut, packet, meeting, votes, recommendation, decision, in that order.

use super::{Conduct, Context, Refusal};
use crate::event::Event;

pub(super) fn admit(_conduct: &Conduct, _event: &Event, _context: &Context) -> Result<(), Refusal> {
    Ok(())
}
