//! Holds in force, as the analysis of what is recorded finds them.

use super::{Conduct, HoldInForce};
use crate::analysis::Analysis;
use crate::cut::{BadCut, Cut};
use crate::event::{Fact, Kind, sha256};
use crate::protocol::{HoldAction, HoldScope};

impl Conduct {
    /// The holds of the protocol whose triggers are met by what is recorded and that nobody has lifted since.
    ///
    /// # Errors
    /// Where what is recorded cannot be analysed: then nothing can be said of holds, and nobody should be enrolled.
    pub fn holds(&self) -> Result<Vec<HoldInForce>, String> {
        let found = self.triggered(self.chain().entries().len())?;
        let mut holds: Vec<HoldInForce> = Vec::new();
        for (hold, patients) in found {
            let lifted = self.of_trial(Kind::HoldLifted).rfind(|entry| {
                matches!(&entry.event.fact, Fact::HoldLifted(lifted)
                    if lifted.hold == hold.hold && (lifted.level.is_none() || lifted.level == hold.regimen))
            });
            // Whoever lifts a hold does so upon what is then known: another patient raises it anew.
            let known = match lifted {
                Some(entry) => self.triggered(self.position(&entry.hash))?,
                None => Vec::new(),
            };
            let settled = known.iter().any(|(earlier, then)| {
                earlier.hold == hold.hold
                    && earlier.regimen == hold.regimen
                    && patients.iter().all(|patient| then.contains(patient))
            });
            if !settled && !holds.iter().any(|other| other.hold == hold.hold && other.regimen == hold.regimen)
            {
                holds.push(hold);
            }
        }
        Ok(holds)
    }

    /// Holds whose triggers are met by the first so many events, with the patients who meet them.
    fn triggered(&self, position: usize) -> Result<Vec<(HoldInForce, Vec<String>)>, String> {
        let Some(protocol) = self.protocol() else { return Ok(Vec::new()) };
        let cut = match Cut::freeze(self.chain(), None) {
            Ok(cut) => cut,
            Err(BadCut::NoFacts) => return Ok(Vec::new()),
            Err(other) => return Err(other.to_string()),
        };
        let head = position.checked_sub(1).and_then(|place| self.chain().entries().get(place));
        let Some(head) = head else { return Ok(Vec::new()) };
        let cut = Cut { position, head: head.hash.clone(), ..cut };
        let text =
            self.of_trial(Kind::ProtocolAdopted).next_back().and_then(|entry| match &entry.event.fact {
                Fact::ProtocolAdopted(adopted) => Some(adopted.text.as_str()),
                _ => None,
            });
        let hash = sha256(text.unwrap_or_default().as_bytes());
        let analysis =
            Analysis::of(protocol, &hash, self.chain(), &cut).map_err(|problem| problem.to_string())?;
        let mut found = Vec::new();
        for cohort in &analysis.cohorts {
            for triggered in analysis.holds_of(cohort) {
                if triggered.hold.action == HoldAction::Hold {
                    let regimen = (triggered.hold.scope == HoldScope::Level).then(|| cohort.regimen.clone());
                    let says = triggered.because.says.clone();
                    let hold = HoldInForce { hold: triggered.hold.id.clone(), regimen, says };
                    found.push((hold, triggered.patients.clone()));
                }
            }
        }
        Ok(found)
    }
}
