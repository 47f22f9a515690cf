//! Response by PET: the Deauville score beside the uptake at baseline.

use super::{MarrowUptake, Metabolic, Patient, Pet, Scan, Score, Sign, SignKind, UnrelatedUptake, Uptake};
use crate::Because;

/// Response by PET of one visit.
pub(super) struct ByPet {
    pub(super) metabolic: Metabolic,
    /// What it would be without its signs of progression.
    pub(super) otherwise: Metabolic,
    pub(super) signs: Vec<Sign>,
    pub(super) reasons: Vec<Because>,
}

impl Patient<'_> {
    /// `None` where no PET was done.
    pub(super) fn by_pet(&self) -> Option<ByPet> {
        match self.now.pet {
            Pet::NotDone => None,
            Pet::Read(metabolic) => {
                let because =
                    self.because("pet-read", format!("the reader's metabolic response is {metabolic}"));
                let signs = if metabolic == Metabolic::Progressive {
                    vec![Sign { kind: SignKind::Reader, lesion: None, because: because.clone() }]
                } else {
                    Vec::new()
                };
                Some(ByPet { metabolic, otherwise: metabolic, signs, reasons: vec![because] })
            }
            Pet::Scored(scan) => Some(self.by_scan(scan)),
        }
    }

    fn by_scan(&self, scan: Scan) -> ByPet {
        let uptake = self.by_score(scan);
        let marrow = self.by_marrow_uptake(scan);
        let otherwise = match uptake.0 {
            Metabolic::NotEvaluable => Metabolic::NotEvaluable,
            level => marrow.as_ref().map_or(level, |marrow| level.min(marrow.0)),
        };
        let mut reasons: Vec<Because> = Vec::new();
        let mut signs = Vec::new();
        let mut sign = |kind, rule: &str, says: String| {
            let because = self.because(rule, says);
            signs.push(Sign { kind, lesion: None, because });
        };
        if scan.new_foci {
            sign(SignKind::NewFoci, "pet-new-foci", "PET shows new avid foci of lymphoma: PMD".to_owned());
        }
        if scan.uptake == Uptake::Higher && matches!(scan.score, Score::Four | Score::Five) {
            sign(
                SignKind::Uptake,
                "pet-uptake",
                format!("Deauville {} with more uptake than at baseline: PMD", scan.score),
            );
        }
        if scan.marrow == MarrowUptake::Higher {
            sign(
                SignKind::Uptake,
                "pet-marrow",
                "uptake of the marrow is new or more than at baseline: PMD".to_owned(),
            );
        }
        reasons.extend(signs.iter().map(|sign| sign.because.clone()));
        let metabolic = if signs.is_empty() {
            reasons.push(uptake.1);
            reasons.extend(marrow.map(|marrow| marrow.1));
            otherwise
        } else {
            Metabolic::Progressive
        };
        let no_disease = metabolic == Metabolic::Complete && !self.had_avid_disease();
        let metabolic = if no_disease { Metabolic::NoEvidence } else { metabolic };
        ByPet { metabolic, otherwise, signs, reasons }
    }

    /// By the score of the known sites, without regard to progression: more uptake counts as no response.
    fn by_score(&self, scan: Scan) -> (Metabolic, Because) {
        let (metabolic, says) = match (scan.score, scan.uptake) {
            (Score::One | Score::Two | Score::Three, _) => {
                (Metabolic::Complete, format!("Deauville {}, at most the liver: CMR", scan.score))
            }
            (Score::Unrelated, _) => match self.settings.unrelated_uptake {
                UnrelatedUptake::Complete => {
                    (Metabolic::Complete, "only uptake unlikely to be lymphoma (X): CMR".to_owned())
                }
                UnrelatedUptake::NotEvaluable => (
                    Metabolic::NotEvaluable,
                    "uptake unlikely to be lymphoma (X), and the known sites have no score: not evaluable"
                        .to_owned(),
                ),
            },
            (score, Uptake::Lower) => {
                (Metabolic::Partial, format!("Deauville {score} with less uptake than at baseline: PMR"))
            }
            (score, Uptake::Unchanged | Uptake::Higher) => (
                Metabolic::NoResponse,
                format!("Deauville {score} without less uptake than at baseline: NMR"),
            ),
            (score, Uptake::NotJudged) => (
                Metabolic::NotEvaluable,
                format!("Deauville {score}, and the uptake was not compared with baseline: not evaluable"),
            ),
        };
        (metabolic, self.because("pet-score", says).input("Deauville score", scan.score))
    }

    /// What the uptake of the marrow allows at most.
    fn by_marrow_uptake(&self, scan: Scan) -> Option<(Metabolic, Because)> {
        let was_avid = matches!(
            self.baseline.visit.pet,
            Pet::Scored(Scan {
                marrow: MarrowUptake::Lower | MarrowUptake::Unchanged | MarrowUptake::Higher,
                ..
            })
        );
        let (metabolic, says) = match scan.marrow {
            MarrowUptake::Lower => (Metabolic::Partial, "the marrow is avid, less than at baseline: no CMR"),
            MarrowUptake::Unchanged | MarrowUptake::Higher => {
                (Metabolic::NoResponse, "the marrow is avid, not less than at baseline: no PMR")
            }
            MarrowUptake::NotJudged if was_avid => {
                (Metabolic::Partial, "the marrow was avid at baseline and was not judged: CMR is not shown")
            }
            MarrowUptake::NotJudged | MarrowUptake::Normal => return None,
        };
        Some((metabolic, self.because("pet-marrow", says)))
    }

    /// Whether PET at baseline showed disease; one that was not done is taken to have had some.
    fn had_avid_disease(&self) -> bool {
        match self.baseline.visit.pet {
            Pet::NotDone => true,
            Pet::Read(metabolic) => metabolic != Metabolic::NoEvidence,
            Pet::Scored(scan) => {
                !matches!(scan.score, Score::One | Score::Two | Score::Three)
                    || matches!(
                        scan.marrow,
                        MarrowUptake::Lower | MarrowUptake::Unchanged | MarrowUptake::Higher
                    )
            }
        }
    }
}
