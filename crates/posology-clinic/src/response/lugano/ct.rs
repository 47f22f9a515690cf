//! Response by CT, spleen and marrow: shrinkage of the sum, growth of each lesion.

use rust_decimal::Decimal;

use super::imaging::{Diameters, fell_by, rose_by};
use super::visit::{NODE, abnormal_above};
use super::{
    Anatomic, BadValue, Baseline, Components, Ct, DiameterReference, Marrow, MarrowForComplete,
    MissingComponent, NonMeasured, Patient, Settings, Sign, SignKind, SizeClass, SpleenReference, Visit,
    whole,
};
use crate::Because;
use crate::response::Category;
use crate::response::imwg::percent_change;
use crate::response::lesion::{Lesion, Role, Size};

/// Growth in mm of a lesion up to [`SMALL`], and of a larger one.
const STEP_SMALL: Decimal = whole(5);
const STEP_LARGE: Decimal = whole(10);
const SMALL: Decimal = whole(20);
/// Growth in mm of a spleen that was not enlarged.
const SPLEEN_RISE: Decimal = whole(20);

/// Response by CT of one visit.
pub(super) struct ByCt {
    pub(super) anatomic: Anatomic,
    /// What it would be without its signs of progression.
    pub(super) otherwise: Anatomic,
    pub(super) components: Components,
    pub(super) signs: Vec<Sign>,
    pub(super) sum: Option<Decimal>,
    pub(super) reasons: Vec<Because>,
}

/// Growth in mm that a lesion of this longest diameter needs.
pub(super) fn step(longest: Decimal) -> Decimal {
    if longest <= SMALL { STEP_SMALL } else { STEP_LARGE }
}

pub(super) fn basis(settings: &Settings, baseline: &Baseline) -> Result<Vec<Because>, BadValue> {
    let visit = &baseline.visit;
    visit.check()?;
    let Some(sizes) = visit.sizes() else { return Ok(Vec::new()) };
    let targets = sizes.lesions.iter().filter(|lesion| lesion.role == Role::Target);
    let mut reasons = Vec::new();
    let mut measurable: u32 = 0;
    for lesion in targets {
        let bad = |found: &str, expected: &str, mend: &str| BadValue {
            place: format!("target lesion {}", lesion.id),
            date: visit.date,
            found: found.to_owned(),
            expected: expected.to_owned(),
            mend: mend.to_owned(),
        };
        let Size::Measured { longest: Some(longest), shortest: Some(shortest) } = lesion.size else {
            return Err(bad(
                "a target at baseline without two diameters",
                "the longest diameter and the one perpendicular to it",
                "measure both, or follow it as non-target",
            ));
        };
        let limit = abnormal_above(lesion);
        let holds = longest > limit;
        measurable = measurable.saturating_add(u32::from(holds));
        let what = if lesion.is_node { "node" } else { "lesion outside nodes" };
        let verdict = if holds { "measurable" } else { "not measurable, followed as non-target" };
        reasons.push(
            settings
                .because(
                    "measurable",
                    format!(
                        "{what} {} of {longest} x {shortest} mm at baseline: {verdict} (longest diameter above {limit} mm)",
                        lesion.id
                    ),
                )
                .input("baseline", format!("{longest} x {shortest} mm")),
        );
        if measurable > settings.max_targets {
            return Err(bad(
                "one target too many",
                &format!("at most {} targets", settings.max_targets),
                "follow it as non-target, or set max-targets as the protocol says",
            ));
        }
    }
    if let Some(height) = sizes.spleen {
        let verdict = if height.excess(whole(settings.spleen_normal_mm)) > Decimal::ZERO {
            "enlarged"
        } else {
            "not enlarged"
        };
        let says = format!("spleen {height} at baseline: {verdict} (above {} mm)", settings.spleen_normal_mm);
        reasons.push(settings.because("spleen", says));
    }
    Ok(reasons)
}

impl Patient<'_> {
    pub(super) fn by_ct(&self) -> ByCt {
        let mut found = ByCt {
            anatomic: Anatomic::NotEvaluable,
            otherwise: Anatomic::NotEvaluable,
            components: Components::default(),
            signs: Vec::new(),
            sum: self.sum_at(self.now),
            reasons: Vec::new(),
        };
        found.signs.extend(self.marrow_sign());
        match &self.now.ct {
            Ct::NotDone => {
                found.reasons.push(self.because("ct-not-done", "no CT: not evaluable by CT"));
            }
            Ct::Read(anatomic) => {
                let because =
                    self.because("ct-read", format!("the reader's anatomic response is {anatomic}"));
                if *anatomic == Anatomic::Progressive {
                    found.signs.push(Sign { kind: SignKind::Reader, lesion: None, because: because.clone() });
                }
                found.reasons.push(because);
                found.otherwise = *anatomic;
            }
            Ct::Measured(_) => {
                found.signs.extend(self.lesion_signs());
                found.signs.extend(self.spleen_sign());
                found.signs.extend(self.non_measured_sign());
                let (components, anatomic, reasons) = self.without_signs();
                found.components = components;
                found.otherwise = anatomic;
                found.reasons = reasons;
            }
        }
        found.anatomic = if found.signs.is_empty() { found.otherwise } else { Anatomic::Progressive };
        found.mark_progression();
        found
    }

    /// The diameters of a lesion at a visit, where it was measured, too small or gone.
    pub(super) fn diameters(&self, visit: &Visit, id: &str) -> Option<Diameters> {
        Diameters::of(&visit.lesion(id)?.size, whole(self.settings.too_small_mm))
    }

    /// The measurable targets of the baseline.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Lesion> {
        self.lesions_at_baseline().filter(|lesion| is_measurable_target(lesion))
    }

    fn lesions_at_baseline(&self) -> impl Iterator<Item = &Lesion> {
        self.baseline.visit.sizes().into_iter().flat_map(|sizes| &sizes.lesions)
    }

    /// Sum of the products of the targets at a visit; `None` without targets, or where one was not measured.
    pub(super) fn sum_at(&self, visit: &Visit) -> Option<Decimal> {
        let mut sum = None;
        for target in self.targets() {
            let product = self.diameters(visit, &target.id)?.product();
            sum = Some(sum.unwrap_or(Decimal::ZERO).saturating_add(product));
        }
        sum
    }

    // Signs of progression.

    fn lesion_signs(&self) -> Vec<Sign> {
        let lesions = self.now.sizes().into_iter().flat_map(|sizes| &sizes.lesions);
        lesions.filter_map(|lesion| self.lesion_sign(lesion)).collect()
    }

    fn lesion_sign(&self, lesion: &Lesion) -> Option<Sign> {
        let sign = |kind, rule: &str, says: String| {
            Some(Sign { kind, lesion: Some(lesion.id.clone()), because: self.because(rule, says) })
        };
        if lesion.role == Role::New {
            return self.new_lesion(lesion);
        }
        if lesion.size == Size::Worse {
            return sign(
                SignKind::NonMeasured,
                "progression-worse",
                format!("lesion {} is unequivocally worse: PD", lesion.id),
            );
        }
        let was_gone = || {
            self.earlier()
                .rev()
                .find(|visit| visit.lesion(&lesion.id).is_some_and(|earlier| earlier.size == Size::Absent))
        };
        if lesion.size == Size::Present
            && let Some(gone) = was_gone()
        {
            return sign(
                SignKind::Regrowth,
                "progression-regrowth",
                format!("lesion {} was gone on {} and is there again: PD", lesion.id, gone.date),
            );
        }
        let now = Diameters::of(&lesion.size, whole(self.settings.too_small_mm))?;
        let earlier: Vec<(jiff::civil::Date, Diameters)> = self
            .earlier()
            .filter_map(|visit| Some((visit.date, self.diameters(visit, &lesion.id)?)))
            .collect();
        let &(nadir_date, at_nadir) = earlier.iter().min_by_key(|(_, diameters)| diameters.product())?;
        let seen =
            now.longest > Decimal::ZERO && matches!(lesion.size, Size::Measured { .. } | Size::TooSmall);
        if at_nadir.product().is_zero() && seen && (!lesion.is_node || now.longest > NODE) {
            return sign(
                SignKind::Regrowth,
                "progression-regrowth",
                format!("lesion {} was gone on {nadir_date} and is {now} again: PD", lesion.id),
            );
        }
        let above = if lesion.is_node { NODE } else { whole(self.settings.extranodal_growth_above_mm) };
        let from = match self.settings.diameter_reference {
            DiameterReference::AtProductNadir => at_nadir,
            DiameterReference::OwnNadir => Diameters {
                longest: earlier.iter().map(|(_, one)| one.longest).min()?,
                shortest: earlier.iter().map(|(_, one)| one.shortest).min()?,
            },
        };
        let class = match self.settings.size_class {
            SizeClass::Nadir => from.longest,
            SizeClass::Baseline => earlier.first()?.1.longest,
            SizeClass::Now => now.longest,
        };
        let grown = now.longest > above
            && rose_by(at_nadir.product(), now.product(), 50)
            && now.grew_by(step(class), from);
        if !grown {
            return None;
        }
        let percent = percent_change(at_nadir.product(), now.product())
            .map_or_else(String::new, |percent| format!(", product up {percent}%"));
        let mut found = sign(
            SignKind::Growth,
            "progression-growth",
            format!(
                "lesion {} is {now}, {at_nadir} at its nadir on {nadir_date}{percent}: PD (longest diameter above \
                 {above} mm, product at least 50% up, a diameter up by at least {} mm)",
                lesion.id,
                step(class)
            ),
        )?;
        found.because = found.because.input("now", now).input("nadir", at_nadir);
        Some(found)
    }

    fn new_lesion(&self, lesion: &Lesion) -> Option<Sign> {
        let limit = abnormal_above(lesion);
        let says = match &lesion.size {
            Size::Measured { longest: Some(longest), .. } if *longest > limit => {
                format!("new lesion {} of {longest} mm, above {limit} mm: PD", lesion.id)
            }
            Size::Worse => format!("new lesion {} is unequivocal: PD", lesion.id),
            _ => return None,
        };
        let because = self.because("progression-new-lesion", says);
        Some(Sign { kind: SignKind::NewLesion, lesion: Some(lesion.id.clone()), because })
    }

    fn spleen_sign(&self) -> Option<Sign> {
        let normal = whole(self.settings.spleen_normal_mm);
        let now = self.now.sizes()?.spleen?;
        let heights = self.earlier().filter_map(|visit| visit.sizes()?.spleen);
        let reference = match self.settings.spleen_reference {
            SpleenReference::Nadir => heights.min()?,
            SpleenReference::Baseline => self.baseline.visit.sizes()?.spleen?,
        };
        let rise = now.millimetres().saturating_sub(reference.millimetres());
        let excess = reference.excess(normal);
        let (grown, limit) = if excess > Decimal::ZERO {
            (rise.saturating_mul(Decimal::TWO) > excess, "by more than half of its earlier excess")
        } else {
            (
                rise >= SPLEEN_RISE && now.excess(normal) > Decimal::ZERO,
                "from a normal height by at least 2 cm",
            )
        };
        grown.then(|| Sign {
            kind: SignKind::Spleen,
            lesion: None,
            because: self
                .because("progression-spleen", format!("spleen {now}, {reference} before: PD (up {limit})"))
                .input("now", now)
                .input("before", reference),
        })
    }

    fn non_measured_sign(&self) -> Option<Sign> {
        let last = self.earlier().rev().find_map(|visit| {
            let found = visit.sizes()?.non_measured;
            (found != NonMeasured::NotAssessed).then_some((found, visit.date))
        });
        if let (NonMeasured::Present, Some((NonMeasured::Absent, day))) =
            (self.now.sizes()?.non_measured, last)
        {
            let says = format!("disease not measured was absent on {day} and is there: PD");
            let because = self.because("progression-regrowth", says);
            return Some(Sign { kind: SignKind::Regrowth, lesion: None, because });
        }
        (self.now.sizes()?.non_measured == NonMeasured::Worse).then(|| Sign {
            kind: SignKind::NonMeasured,
            lesion: None,
            because: self.because("progression-non-measured", "disease not measured is clearly worse: PD"),
        })
    }

    fn marrow_sign(&self) -> Option<Sign> {
        let was_clear = self.earlier().any(|visit| visit.marrow == Marrow::Clear);
        (self.now.marrow == Marrow::Involved && was_clear).then(|| Sign {
            kind: SignKind::Marrow,
            lesion: None,
            because: self.because("progression-marrow", "the marrow was clear and is involved: PD"),
        })
    }

    // Response.

    /// Components and response as they would be without any sign of progression.
    fn without_signs(&self) -> (Components, Anatomic, Vec<Because>) {
        let mut reasons = Vec::new();
        let targets = self.target_level(&mut reasons);
        let non_measured = self.non_measured_level(&mut reasons);
        let spleen = self.spleen_level(&mut reasons);
        let marrow = self.marrow_level(&mut reasons);
        let components = Components { targets, non_measured, spleen, marrow, ..Components::default() };
        if self.baseline.visit.sizes().is_none() {
            reasons.push(self.because("no-baseline", "no measured CT at baseline: not evaluable by CT"));
            return (components, Anatomic::NotEvaluable, reasons);
        }
        let parts: Vec<Category> = [targets, non_measured, spleen, marrow].into_iter().flatten().collect();
        if parts.is_empty() {
            reasons.push(self.because("no-evidence", "no disease at baseline and none now"));
            return (components, Anatomic::NoEvidence, reasons);
        }
        let passes_over = self.settings.missing_component == MissingComponent::PassedOver;
        let missing = |part: Option<Category>| part == Some(Category::NotEvaluable);
        let anatomic = if parts.iter().all(|part| *part == Category::Complete) {
            Anatomic::Complete
        } else if missing(targets) || (!passes_over && (missing(non_measured) || missing(spleen))) {
            Anatomic::NotEvaluable
        } else if self.is_partial(targets, spleen) {
            Anatomic::Partial
        } else {
            Anatomic::Stable
        };
        // Both responses ask for nothing new; a node of normal size is no disease.
        let new = self.now.sizes().into_iter().flat_map(|sizes| &sizes.lesions).find(|lesion| {
            lesion.role == Role::New
                && !lesion.is_node
                && !matches!(lesion.size, Size::Absent | Size::NotAssessed)
        });
        if let (Some(new), Anatomic::Complete | Anatomic::Partial) = (new, anatomic) {
            let says =
                format!("new lesion {} is too small for PD, and a response asks for nothing new: SD", new.id);
            reasons.push(self.because("new-lesion-small", says));
            return (components, Anatomic::Stable, reasons);
        }
        (components, anatomic, reasons)
    }

    fn is_partial(&self, targets: Option<Category>, spleen: Option<Category>) -> bool {
        // Nodes of normal size make the targets complete though the sum may not have halved.
        let halved = match (self.sum_at(&self.baseline.visit), self.sum_at(self.now)) {
            (Some(base), Some(now)) => fell_by(base, now, 50),
            _ => {
                self.settings.partial_by_spleen_alone
                    && targets.is_none()
                    && matches!(spleen, Some(Category::Complete | Category::Partial))
            }
        };
        halved && spleen != Some(Category::Stable)
    }

    fn target_level(&self, reasons: &mut Vec<Because>) -> Option<Category> {
        let base = self.sum_at(&self.baseline.visit)?;
        let resolved = |target: &Lesion| {
            self.now.lesion(&target.id).is_some_and(|now| {
                let diameters = Diameters::of(&now.size, whole(self.settings.too_small_mm));
                diameters.is_some_and(|one| {
                    if target.is_node { one.longest <= NODE } else { one.longest.is_zero() }
                })
            })
        };
        let Some(now) = self.sum_at(self.now) else {
            let missing: Vec<&str> = self
                .targets()
                .filter(|target| self.diameters(self.now, &target.id).is_none())
                .map(|target| target.id.as_str())
                .collect();
            reasons.push(self.because(
                "missing-target",
                format!("target {} was not measured in two directions: not evaluable", missing.join(", ")),
            ));
            return Some(Category::NotEvaluable);
        };
        let moved = match percent_change(base, now) {
            Some(percent) if now < base => format!("down {}% from", percent.abs()),
            Some(percent) if now > base => format!("up {percent}% from"),
            _ => "unchanged from".to_owned(),
        };
        let (category, limit) = if self.targets().all(resolved) {
            (Category::Complete, "every target node at most 15 mm, every other target gone")
        } else if fell_by(base, now, 50) {
            (Category::Partial, "at least 50% down")
        } else {
            (Category::Stable, "less than 50% down")
        };
        reasons.push(
            self.because(
                "targets",
                format!(
                    "sum of products {} mm², {moved} {} mm² at baseline: {category} ({limit})",
                    now.normalize(),
                    base.normalize()
                ),
            )
            .input("now", format!("{} mm²", now.normalize()))
            .input("baseline", format!("{} mm²", base.normalize())),
        );
        Some(category)
    }

    fn non_measured_level(&self, reasons: &mut Vec<Because>) -> Option<Category> {
        let lesions = self
            .lesions_at_baseline()
            .filter(|lesion| !is_measurable_target(lesion) && lesion.size != Size::Absent)
            .map(|lesion| {
                let category = match self.now.lesion(&lesion.id).map(|now| &now.size) {
                    None | Some(Size::NotAssessed) => Category::NotEvaluable,
                    Some(Size::Absent) => Category::Complete,
                    Some(Size::TooSmall) if lesion.is_node => Category::Complete,
                    Some(Size::Measured { longest: Some(longest), .. })
                        if longest.is_zero() || (lesion.is_node && *longest <= NODE) =>
                    {
                        Category::Complete
                    }
                    Some(_) => Category::NonCompleteNonProgressive,
                };
                (format!("lesion {}", lesion.id), category)
            });
        let at_baseline = self.baseline.visit.sizes().map(|sizes| sizes.non_measured);
        let organs = match (at_baseline, self.now.sizes().map(|sizes| sizes.non_measured)) {
            (_, Some(NonMeasured::Present | NonMeasured::Worse)) => Some(Category::NonCompleteNonProgressive),
            (Some(NonMeasured::Present | NonMeasured::Worse), Some(NonMeasured::Absent)) => {
                Some(Category::Complete)
            }
            (Some(NonMeasured::Present | NonMeasured::Worse), _) => Some(Category::NotEvaluable),
            _ => None,
        };
        let organs = organs.map(|category| ("disease not measured".to_owned(), category));
        // Not evaluable sorts below neither complete nor progressive, and that below complete.
        let (which, category) = lesions.chain(organs).min_by_key(|(_, category)| *category)?;
        let says = match category {
            Category::NotEvaluable => format!("{which} was there at baseline and was not assessed"),
            Category::Complete => "disease not measured is gone".to_owned(),
            _ => format!("{which} is still there, not clearly worse: no CR"),
        };
        reasons.push(self.because("non-measured", says));
        Some(category)
    }

    fn spleen_level(&self, reasons: &mut Vec<Because>) -> Option<Category> {
        let normal = whole(self.settings.spleen_normal_mm);
        let base = self.baseline.visit.sizes()?.spleen;
        let now = self.now.sizes()?.spleen;
        let was = base.map_or(Decimal::ZERO, |height| height.excess(normal));
        let (category, says) = match now {
            None if was > Decimal::ZERO => (
                Category::NotEvaluable,
                "the spleen was enlarged at baseline and was not measured".to_owned(),
            ),
            None => return None,
            Some(now) if was > Decimal::ZERO => {
                let is = now.excess(normal);
                let fall = was.saturating_sub(is);
                let category = if is.is_zero() {
                    Category::Complete
                } else if fall.saturating_mul(Decimal::TWO) > was {
                    Category::Partial
                } else {
                    Category::Stable
                };
                let says = format!(
                    "spleen {now}, an excess of {} mm after {} mm at baseline: {category} (CR normal, PR down by \
                     more than half of the excess)",
                    is.normalize(),
                    was.normalize()
                );
                (category, says)
            }
            Some(now) if now.excess(normal) > Decimal::ZERO => {
                (Category::NonCompleteNonProgressive, format!("spleen {now}, above normal: no CR"))
            }
            Some(_) => return None,
        };
        reasons.push(self.because("spleen", says));
        Some(category)
    }

    fn marrow_level(&self, reasons: &mut Vec<Because>) -> Option<Category> {
        let involved = self.earlier().any(|visit| visit.marrow == Marrow::Involved);
        let needed = involved || self.settings.marrow_for_complete == MarrowForComplete::Always;
        // A marrow once clear need not be sampled again at every visit.
        let known = std::iter::once(self.now)
            .chain(self.before.iter().rev().copied())
            .find(|visit| visit.marrow != Marrow::NotDone)
            .map(|visit| visit.marrow);
        let (category, says) = match known {
            Some(Marrow::Clear) if needed => (Category::Complete, "the marrow is clear"),
            Some(Marrow::Involved) => (Category::NonCompleteNonProgressive, "the marrow is involved: no CR"),
            Some(Marrow::Indeterminate) => (
                Category::NonCompleteNonProgressive,
                "the marrow cannot be told by morphology; immunohistochemistry is missing: no CR",
            ),
            _ if needed => {
                (Category::NotEvaluable, "no marrow sample without lymphoma since baseline: CR is not shown")
            }
            _ => return None,
        };
        reasons.push(self.because("marrow", says));
        Some(category)
    }
}

fn is_measurable_target(lesion: &Lesion) -> bool {
    lesion.role == Role::Target
        && matches!(lesion.size, Size::Measured { longest: Some(longest), .. } if longest > abnormal_above(lesion))
}

impl ByCt {
    /// Writes progression into the components it was seen in.
    fn mark_progression(&mut self) {
        for sign in &self.signs {
            let part = match sign.kind {
                SignKind::Spleen => &mut self.components.spleen,
                SignKind::Marrow => &mut self.components.marrow,
                SignKind::NonMeasured => &mut self.components.non_measured,
                SignKind::Growth | SignKind::Regrowth => &mut self.components.targets,
                SignKind::NewLesion | SignKind::Uptake | SignKind::NewFoci | SignKind::Reader => continue,
            };
            *part = Some(Category::Progressive);
        }
    }
}
