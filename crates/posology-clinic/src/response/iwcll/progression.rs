//! Progression, against the lowest value so far, and what looks like it and is none.

use rust_decimal::Decimal;

use super::super::ProgressionKind;
use super::super::amount::{fell_by, moved, rose_by, whole};
use super::settings::{FallFrom, RiseFrom};
use super::visit::{CytopeniaCause, Visit};
use super::{
    HAEMOGLOBIN, HAEMOGLOBIN_FALL, LENGTH, LYMPHOCYTES, MARROW_CELLS, NODE_ENLARGED, NODE_SMALL, NODES,
    PLATELETS, Patient, SPLEEN_ENLARGED, because,
};
use crate::Because;

impl Patient<'_> {
    pub(super) fn progression(&self) -> Vec<(ProgressionKind, Because)> {
        let mut met = Vec::new();
        if self.now.transformation {
            let says = "transformation to an aggressive lymphoma: PD";
            met.push((ProgressionKind::Clinical, because("transformation", says)));
        }
        met.extend(self.node_progression().into_iter().map(|found| (ProgressionKind::Imaging, found)));
        met.extend(self.organ_progression().into_iter().map(|found| (ProgressionKind::Imaging, found)));
        if !self.settings.kinase_inhibitor {
            met.extend(self.lymphocyte_rise().map(|found| (ProgressionKind::Biochemical, found)));
        }
        if self.now.cytopenia == Some(CytopeniaCause::Disease) {
            met.extend(self.cytopenias().into_iter().map(|says| {
                let says = format!("{says}, due to the disease: PD");
                (ProgressionKind::Clinical, because("cytopenia", says))
            }));
        }
        met.extend(self.marrow_rise().map(|found| (ProgressionKind::Marrow, found)));
        met
    }

    fn node_progression(&self) -> Vec<Because> {
        let mut met = Vec::new();
        let new = |name: &str, longest: Decimal| {
            because("new-node", format!("{name} of {}: PD (at least 15 mm)", LENGTH.show(longest)))
                .input("longest", LENGTH.show(longest))
        };
        if let Some(longest) = self.now.new_node.filter(|longest| *longest >= NODE_ENLARGED) {
            met.push(new("a new node", longest));
        }
        for (name, node) in &self.now.nodes {
            let lowest =
                self.earlier().filter_map(|visit| visit.nodes.get(name)).map(|node| node.longest).min();
            let Some(lowest) = lowest else {
                if node.longest >= NODE_ENLARGED {
                    met.push(new(&format!("node {name}, not there before,"), node.longest));
                }
                continue;
            };
            if lowest < NODE_SMALL {
                if node.longest >= NODE_ENLARGED {
                    met.push(new(&format!("node {name}, small before,"), node.longest));
                }
                continue;
            }
            if self.settings.single_node_growth
                && rose_by(lowest, node.longest, 50)
                && node.longest > NODE_ENLARGED
            {
                let says = format!(
                    "longest diameter of node {name} {}, {}: PD (at least 50% up, to more than 15 mm)",
                    LENGTH.show(node.longest),
                    moved(&LENGTH, lowest, node.longest, "at its smallest")
                );
                met.push(because("node-growth", says));
            }
        }
        let enlarged = self.now.nodes.values().any(|node| node.longest > NODE_ENLARGED);
        if let (Some(nadir), Some(sum)) = (self.lowest_sum(), self.sum(self.now))
            && enlarged
            && rose_by(nadir, sum, 50)
        {
            let says = format!(
                "{} {}, {}: PD (at least 50% up)",
                NODES.name,
                NODES.show(sum),
                moved(&NODES, nadir, sum, "at the nadir")
            );
            met.push(because("nodes", says).input("now", NODES.show(sum)).input("nadir", NODES.show(nadir)));
        }
        met
    }

    /// The sum of products over the nodes of baseline; `None` unless every one of them was measured.
    pub(super) fn sum(&self, visit: &Visit) -> Option<Decimal> {
        if self.baseline.nodes.is_empty() {
            return None;
        }
        self.baseline
            .nodes
            .keys()
            .map(|name| visit.nodes.get(name).map(|node| node.product()))
            .try_fold(Decimal::ZERO, |sum, product| Some(sum.saturating_add(product?)))
    }

    fn lowest_sum(&self) -> Option<Decimal> {
        self.earlier().filter_map(|visit| self.sum(visit)).min()
    }

    fn organ_progression(&self) -> Vec<Because> {
        let least = whole(self.settings.organ_growth);
        let mut met = Vec::new();
        let spleens = self.earlier().filter_map(|visit| Some((visit.spleen?, visit.spleen_excess()?)));
        if let (Some((lowest, excess)), Some(height), Some(now)) =
            (spleens.min(), self.now.spleen, self.now.spleen_excess())
        {
            if lowest < SPLEEN_ENLARGED {
                if height >= SPLEEN_ENLARGED && (lowest.is_zero() || height.saturating_sub(lowest) >= least) {
                    met.push(because(
                        "new-spleen",
                        format!("spleen {}, newly enlarged (from 130 mm): PD", LENGTH.show(height)),
                    ));
                }
            } else if rose_by(excess, now, 50) && now.saturating_sub(excess) >= least {
                met.push(because(
                    "spleen",
                    format!(
                        "spleen {}, {} beyond 130 mm, {}: PD (at least 50% up)",
                        LENGTH.show(height),
                        LENGTH.show(now),
                        moved(&LENGTH, excess, now, "at the nadir")
                    ),
                ));
            }
        }
        let livers = self.earlier().filter_map(|visit| visit.liver);
        if let (Some(lowest), Some(now)) = (livers.min(), self.now.liver) {
            if lowest.is_zero() {
                if now > Decimal::ZERO && now >= least {
                    let says =
                        format!("liver {} below the costal margin, newly enlarged: PD", LENGTH.show(now));
                    met.push(because("new-liver", says));
                }
            } else if rose_by(lowest, now, 50) && now.saturating_sub(lowest) >= least {
                let says = format!(
                    "liver {} below the costal margin, {}: PD (at least 50% up)",
                    LENGTH.show(now),
                    moved(&LENGTH, lowest, now, "at the nadir")
                );
                met.push(because("liver", says));
            }
        }
        met
    }

    fn lymphocyte_rise(&self) -> Option<Because> {
        let now = self.now.lymphocytes?;
        let (from, of_what) = match self.settings.lymphocyte_rise_from {
            RiseFrom::Baseline => (self.baseline.lymphocytes?, "at baseline"),
            RiseFrom::Nadir => (self.earlier().filter_map(|visit| visit.lymphocytes).min()?, "at the nadir"),
        };
        let least = self.settings.lymphocytes_progression;
        (rose_by(from, now, 50) && now >= least).then(|| {
            let shown = LYMPHOCYTES.show(now);
            let says = format!(
                "lymphocytes {shown}, {}: PD (at least 50% up, to at least {})",
                moved(&LYMPHOCYTES, from, now, of_what),
                LYMPHOCYTES.show(least)
            );
            because("lymphocytes-rise", says).input("now", shown).input("from", LYMPHOCYTES.show(from))
        })
    }

    /// Falls of platelets or haemoglobin that are progression if the disease caused them.
    fn cytopenias(&self) -> Vec<String> {
        let from = |value: fn(&Visit) -> Option<Decimal>| match self.settings.cytopenia_from {
            FallFrom::Baseline => value(self.baseline).map(|value| (value, "at baseline")),
            FallFrom::Best => self.earlier().filter_map(value).max().map(|value| (value, "at best")),
        };
        let mut met = Vec::new();
        if let (Some((base, of_what)), Some(now)) = (from(|visit| visit.platelets), self.now.platelets)
            && fell_by(base, now, 50)
        {
            let change = moved(&PLATELETS, base, now, of_what);
            met.push(format!("platelets {}, {change}", PLATELETS.show(now)));
        }
        if let (Some((base, of_what)), Some(now)) = (from(|visit| visit.haemoglobin), self.now.haemoglobin)
            && base.saturating_sub(now) >= HAEMOGLOBIN_FALL
        {
            met.push(format!(
                "haemoglobin {}, {} below {} {of_what}",
                HAEMOGLOBIN.show(now),
                HAEMOGLOBIN.show(base.saturating_sub(now)),
                HAEMOGLOBIN.show(base)
            ));
        }
        met
    }

    fn marrow_rise(&self) -> Option<Because> {
        let percent = |visit: &Visit| visit.marrow.and_then(|marrow| marrow.percent);
        let now = percent(self.now)?;
        let lowest = self.earlier().filter_map(percent).min()?;
        rose_by(lowest, now, 50).then(|| {
            let says = format!(
                "{} {}, {}: PD (at least 50% up on successive biopsies)",
                MARROW_CELLS.name,
                MARROW_CELLS.show(now),
                moved(&MARROW_CELLS, lowest, now, "at the lowest")
            );
            because("marrow-rise", says)
        })
    }

    /// What looks like progression and is none, said so that nobody need ask.
    pub(super) fn not_counted_as_progression(&self) -> Vec<Because> {
        let mut said = Vec::new();
        if self.settings.kinase_inhibitor
            && let Some(rise) = self.lymphocyte_rise()
        {
            let says = rise.says.replace(": PD (", " (");
            said.push(because(
                "lymphocytosis-alone",
                format!("{says}: under a kinase inhibitor lymphocytosis alone is no PD"),
            ));
        }
        if self.now.cytopenia != Some(CytopeniaCause::Disease) {
            let why = match self.now.cytopenia {
                Some(CytopeniaCause::Therapy) => "due to therapy",
                Some(_) => "due to something else",
                None => "cause not recorded",
            };
            said.extend(
                self.cytopenias()
                    .into_iter()
                    .map(|says| because("cytopenia-no-progression", format!("{says}, {why}: no PD"))),
            );
        }
        said
    }
}
