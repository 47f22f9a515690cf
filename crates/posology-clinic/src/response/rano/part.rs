//! One part of a tumour: the sum of its targets beside baseline and nadir, and what is not measured.

use rust_decimal::Decimal;

use super::{MeasuredBy, NewLesion, Part, Patient, Sign, SignKind, Tumour, Visit, whole};
use crate::Because;
use crate::response::Category;
use crate::response::imaging::{Diameters, fell_by, rose_by};
use crate::response::imwg::percent_change;
use crate::response::lesion::{Role, Size};

/// Both diameters of a measurable lesion are at least this, mm.
const MEASURABLE: Decimal = whole(10);
/// Fall and rise of the sum of products, %.
const PARTIAL: u32 = 50;
const MINOR: u32 = 25;
const PROGRESSION: u32 = 25;

/// What one part shows.
pub(super) struct ByPart {
    /// `None` where the part was not involved and is not now.
    pub(super) category: Option<Category>,
    pub(super) signs: Vec<Sign>,
    pub(super) reasons: Vec<Because>,
    pub(super) sum: Option<Decimal>,
}

/// Whether both diameters reach 10 mm.
pub(super) fn is_measurable(tumour: &Tumour) -> bool {
    matches!(
        tumour.lesion.size,
        Size::Measured { longest: Some(longest), shortest: Some(shortest) }
            if longest >= MEASURABLE && shortest >= MEASURABLE
    )
}

/// Whether a lesion is not there: absent, or measured as 0.
fn is_gone(size: &Size) -> bool {
    match size {
        Size::Absent => true,
        Size::Measured { longest, shortest } => {
            [longest, shortest].into_iter().flatten().any(Decimal::is_zero)
        }
        _ => false,
    }
}

impl Patient<'_> {
    /// The measurable targets of a part at baseline.
    fn targets(&self, part: Part) -> impl Iterator<Item = &Tumour> {
        self.at_baseline(part).filter(|tumour| tumour.lesion.role == Role::Target && is_measurable(tumour))
    }

    fn at_baseline(&self, part: Part) -> impl Iterator<Item = &Tumour> {
        self.baseline
            .visit
            .tumours
            .iter()
            .filter(move |tumour| tumour.part == part && tumour.lesion.size != Size::Absent)
    }

    /// What a lesion adds to the sum at a visit: product in mm², or volume in ml.
    fn amount(&self, visit: &Visit, id: &str) -> Option<Decimal> {
        let tumour = visit.tumour(id)?;
        match self.settings.measured_by {
            MeasuredBy::Product => {
                Diameters::of(&tumour.lesion.size, whole(self.settings.too_small_mm)).map(Diameters::product)
            }
            MeasuredBy::Volume if tumour.lesion.size == Size::Absent => Some(Decimal::ZERO),
            MeasuredBy::Volume => tumour.volume_ml,
        }
    }

    /// `None` without targets, or where one was not measured.
    fn sum_at(&self, part: Part, visit: &Visit) -> Option<Decimal> {
        let mut sum = None;
        for target in self.targets(part) {
            let amount = self.amount(visit, &target.lesion.id)?;
            sum = Some(sum.unwrap_or(Decimal::ZERO).saturating_add(amount));
        }
        sum
    }

    /// The sum of the targets that were measured now; `None` where none was.
    fn sum_of_measured(&self, part: Part) -> Option<Decimal> {
        self.targets(part)
            .filter_map(|target| self.amount(self.now, &target.lesion.id))
            .reduce(|sum, amount| sum.saturating_add(amount))
    }

    pub(super) fn by_part(&self, part: Part) -> ByPart {
        let mut found = ByPart {
            category: None,
            signs: Vec::new(),
            reasons: Vec::new(),
            sum: self.sum_at(part, self.now),
        };
        found.signs.extend(self.growth(part, found.sum));
        found.signs.extend(self.worse(part));
        found.signs.extend(self.back_again(part));
        found.category = self.level(part, found.sum, &mut found.reasons);
        if !found.signs.is_empty() {
            found.category = Some(Category::Progressive);
        }
        found
    }

    // Signs of progression.

    fn unit(&self) -> &'static str {
        match self.settings.measured_by {
            MeasuredBy::Product => "mm²",
            MeasuredBy::Volume => "ml",
        }
    }

    /// The sum against its nadir, baseline included. Targets that were not measured can only add to it, so that those
    /// that were may show progression alone.
    fn growth(&self, part: Part, now: Option<Decimal>) -> Option<Sign> {
        let now = now.or_else(|| self.sum_of_measured(part))?;
        let (nadir, on) = self
            .earlier()
            .filter_map(|visit| Some((self.sum_at(part, visit)?, visit.date)))
            .min_by_key(|(sum, _)| *sum)?;
        let percent = match self.settings.measured_by {
            MeasuredBy::Product => PROGRESSION,
            MeasuredBy::Volume => self.settings.volume_progression_percent,
        };
        // From a sum of 0 no percentage exists: there again is progression, where what is there counts.
        let counts = if nadir.is_zero() { self.is_back(part) } else { true };
        let name = self.sum_name(part);
        let unit = self.unit();
        (rose_by(nadir, now, percent) && counts).then(|| {
            let up = percent_change(nadir, now)
                .map_or_else(|| "there again".to_owned(), |percent| format!("up {percent}%"));
            let because = self
                .because(
                    "progression-growth",
                    format!(
                        "{name} {} {unit}, {up} from the nadir of {} {unit} on {on}: PD (at least {percent}%)",
                        now.normalize(),
                        nadir.normalize()
                    ),
                )
                .input("now", format!("{} {unit}", now.normalize()))
                .input("nadir", format!("{} {unit}", nadir.normalize()));
            Sign { kind: SignKind::Growth, lesion: None, because }
        })
    }

    /// Whether a target is there again so that it counts as new disease.
    fn is_back(&self, part: Part) -> bool {
        self.settings.new_lesion == NewLesion::Any
            || self.targets(part).any(|target| self.now.tumour(&target.lesion.id).is_some_and(is_measurable))
    }

    fn worse(&self, part: Part) -> Option<Sign> {
        let worse = self.now.tumours.iter().find(|tumour| {
            tumour.part == part && tumour.lesion.role != Role::New && tumour.lesion.size == Size::Worse
        })?;
        Some(Sign {
            kind: SignKind::NonMeasured,
            lesion: Some(worse.lesion.id.clone()),
            because: self.because(
                "progression-non-measured",
                format!("lesion {}, which is not measured, is clearly worse: PD", worse.lesion.id),
            ),
        })
    }

    /// A lesion outside the sum that was gone, or never there, and is there now.
    fn back_again(&self, part: Part) -> Option<Sign> {
        let back = self.now.tumours.iter().find(|tumour| {
            tumour.part == part
                && tumour.lesion.role != Role::New
                && (tumour.lesion.role == Role::NonTarget
                    || !self.targets(part).any(|target| target.lesion.id == tumour.lesion.id))
                && !is_gone(&tumour.lesion.size)
                && matches!(tumour.lesion.size, Size::Present | Size::Measured { .. })
                && (self.settings.new_lesion == NewLesion::Any || is_measurable(tumour))
                && self
                    .earlier()
                    .any(|visit| visit.tumour(&tumour.lesion.id).is_some_and(|one| is_gone(&one.lesion.size)))
        })?;
        Some(Sign {
            kind: SignKind::NewLesion,
            lesion: Some(back.lesion.id.clone()),
            because: self.because(
                "progression-back",
                format!("lesion {} was gone or absent and is there now: PD", back.lesion.id),
            ),
        })
    }

    pub(super) fn new_lesions(&self) -> (Vec<Sign>, Vec<Because>) {
        let (mut signs, mut reasons) = (Vec::new(), Vec::new());
        for tumour in self.now.tumours.iter().filter(|tumour| tumour.lesion.role == Role::New) {
            let id = &tumour.lesion.id;
            if matches!(tumour.lesion.size, Size::Absent | Size::NotAssessed) {
                continue;
            }
            if tumour.part == Part::NonEnhancing && !self.follows(Part::NonEnhancing) && !self.flair_counts()
            {
                reasons.push(self.because(
                    "new-lesion-flair",
                    format!("new lesion {id} does not enhance, and T2/FLAIR is no row here: no PD"),
                ));
                continue;
            }
            let counts = self.settings.new_lesion == NewLesion::Any
                || is_measurable(tumour)
                || tumour.lesion.size == Size::Worse;
            if counts {
                signs.push(Sign {
                    kind: SignKind::NewLesion,
                    lesion: Some(id.clone()),
                    because: self.because("progression-new-lesion", format!("new lesion {id}: PD")),
                });
            } else {
                reasons.push(self.because(
                    "new-lesion-not-measurable",
                    format!("new lesion {id} is not measurable (both diameters at least 10 mm): no PD yet"),
                ));
            }
        }
        (signs, reasons)
    }

    // Response.

    fn sum_name(&self, part: Part) -> String {
        let what = match self.settings.measured_by {
            MeasuredBy::Product => "products",
            MeasuredBy::Volume => "volumes",
        };
        format!("sum of {what} of the {part} part")
    }

    fn level(&self, part: Part, now: Option<Decimal>, reasons: &mut Vec<Because>) -> Option<Category> {
        let rest = self.non_measured_level(part);
        let Some(base) = self.sum_at(part, &self.baseline.visit) else {
            // Only what cannot be measured: stable at best, even when it is gone.
            if self.targets(part).next().is_some() {
                reasons.push(self.because("no-baseline", "a target has no size at baseline: not evaluable"));
                return Some(Category::NotEvaluable);
            }
            let category = rest.map(|rest| rest.min(Category::Stable))?;
            let says = format!("the {part} part cannot be measured: {category}, and SD at best");
            reasons.push(self.because("not-measurable", says));
            return Some(if category == Category::NotEvaluable { category } else { Category::Stable });
        };
        let Some(now) = now else {
            let missing: Vec<&str> = self
                .targets(part)
                .map(|target| target.lesion.id.as_str())
                .filter(|id| self.amount(self.now, id).is_none())
                .collect();
            reasons.push(self.because(
                "missing-target",
                format!("target {} was not measured: not evaluable", missing.join(", ")),
            ));
            return Some(Category::NotEvaluable);
        };
        let (partial, minor) = match self.settings.measured_by {
            MeasuredBy::Product => (PARTIAL, MINOR),
            MeasuredBy::Volume => (self.settings.volume_partial_percent, self.settings.volume_minor_percent),
        };
        let has_minor = self.settings.minor_response && part == Part::NonEnhancing;
        let all_gone = self.targets(part).all(|target| {
            self.now.tumour(&target.lesion.id).is_some_and(|one| {
                one.lesion.size == Size::Absent
                    || self.amount(self.now, &one.lesion.id) == Some(Decimal::ZERO)
            })
        });
        let (category, limit) = if all_gone {
            match rest {
                None | Some(Category::Complete) => (Category::Complete, "all gone".to_owned()),
                Some(Category::NotEvaluable) => {
                    (Category::Partial, "targets gone, the rest was not assessed".to_owned())
                }
                Some(_) => (Category::Partial, "targets gone, the rest is still there".to_owned()),
            }
        } else if fell_by(base, now, partial) {
            (Category::Partial, format!("at least {partial}% down"))
        } else if has_minor && fell_by(base, now, minor) {
            (Category::Minimal, format!("at least {minor}% down"))
        } else {
            (Category::Stable, "less down than the next category asks".to_owned())
        };
        let moved = match percent_change(base, now) {
            Some(percent) if now < base => format!("down {}% from", percent.abs()),
            Some(percent) if now > base => format!("up {percent}% from"),
            _ => "unchanged from".to_owned(),
        };
        let unit = self.unit();
        reasons.push(
            self.because(
                "sum",
                format!(
                    "{} {} {unit}, {moved} {} {unit} at baseline: {category} ({limit})",
                    self.sum_name(part),
                    now.normalize(),
                    base.normalize()
                ),
            )
            .input("now", format!("{} {unit}", now.normalize()))
            .input("baseline", format!("{} {unit}", base.normalize())),
        );
        Some(category)
    }

    /// The lesions of a part that are not measured; `None` where there were none.
    fn non_measured_level(&self, part: Part) -> Option<Category> {
        self.at_baseline(part)
            .filter(|tumour| tumour.lesion.role != Role::Target || !is_measurable(tumour))
            .map(|tumour| match self.now.tumour(&tumour.lesion.id).map(|now| &now.lesion.size) {
                None | Some(Size::NotAssessed) => Category::NotEvaluable,
                Some(Size::Absent) => Category::Complete,
                Some(_) => Category::NonCompleteNonProgressive,
            })
            .min()
    }
}
