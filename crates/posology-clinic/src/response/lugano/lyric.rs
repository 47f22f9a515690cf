//! LYRIC: a progression under an immunomodulator that may be none.
//!
//! IR(1): the sum of products up by half in the first twelve weeks, without clinical decline. IR(2): new lesions, or
//! some grown by half, while the sum is not. IR(3): more uptake without more or larger lesions. Spleen, marrow and
//! disease not measured stay progression, since the definitions speak of lesions only, and so does a progression of
//! which only the reader's word is known. Where one visit meets several, growth goes before uptake.

use rust_decimal::Decimal;

use super::ct::step;
use super::imaging::{Diameters, rose_by};
use super::{
    Biopsy, Clinical, LYRIC, Patient, Response, Sign, SignKind, Visit, days_between, is_indeterminate,
};
use crate::Because;
use crate::response::Category;

pub(super) fn judge(patient: &Patient<'_>, earlier: &[Response], lugano: Response) -> Response {
    let verdict = Lyric { patient, lugano: &lugano, open: open(patient, earlier) }.verdict();
    let Some((category, because)) = verdict else { return lugano };
    let mut reasons = vec![because];
    reasons.extend(lugano.reasons);
    Response { category, reasons, ..lugano }
}

/// The first of the indeterminate responses that no other category has resolved, and its visit.
fn open<'a>(patient: &Patient<'a>, earlier: &'a [Response]) -> Option<(&'a Response, &'a Visit)> {
    let first = earlier
        .iter()
        .rev()
        .filter(|response| response.category != Category::NotEvaluable)
        .take_while(|response| is_indeterminate(response.category))
        .last()?;
    let visit = patient.before.iter().copied().find(|visit| visit.date == first.date)?;
    Some((first, visit))
}

struct Lyric<'a> {
    patient: &'a Patient<'a>,
    lugano: &'a Response,
    open: Option<(&'a Response, &'a Visit)>,
}

impl Lyric<'_> {
    /// `None` where Lugano's category stands.
    fn verdict(&self) -> Option<(Category, Because)> {
        let says = |category, rule: &str, says: String| {
            Some((category, Because::new(format!("lyric/{rule}"), says).source(LYRIC)))
        };
        let signs = &self.lugano.signs;
        let progresses = self.lugano.category == Category::Progressive;
        if self.lugano.category.is_response() {
            return None;
        }
        let sum_grown = self.sum_grown();
        if progresses && signs.iter().any(is_hard) {
            return None;
        }
        if progresses || sum_grown == Some(true) {
            match self.patient.now.biopsy {
                Biopsy::Lymphoma => {
                    return says(Category::Progressive, "biopsy", "biopsy shows lymphoma: PD".to_owned());
                }
                Biopsy::NoLymphoma => {
                    let category = self.lugano.otherwise;
                    return says(
                        category,
                        "biopsy",
                        format!("biopsy shows no lymphoma: judged without the doubtful lesions, {category}"),
                    );
                }
                Biopsy::NotDone => {}
            }
        }
        if let Some((category, because)) = self.next_of_open() {
            return Some((category, because));
        }
        if sum_grown == Some(true) {
            return Some(self.grown_sum());
        }
        if !progresses {
            return None;
        }
        let lesions = signs.iter().any(|sign| sign.kind != SignKind::Uptake);
        if !lesions {
            return says(
                Category::IndeterminateUptake,
                "ir-3",
                "more uptake without more or larger lesions: IR(3); image again within 12 weeks, or biopsy"
                    .to_owned(),
            );
        }
        if sum_grown.is_none() && self.patient.targets().next().is_some() {
            return says(
                Category::Progressive,
                "sum-unknown",
                "the sum of products is not known, so that IR(2) is not shown: PD by Lugano stands"
                    .to_owned(),
            );
        }
        says(
            Category::IndeterminateLesions,
            "ir-2",
            "new or grown lesions while the sum of products is up by less than 50%: IR(2); image again within 12 \
             weeks, or biopsy"
                .to_owned(),
        )
    }

    /// Whether the sum of products is at least 50% above its nadir, where both are known.
    fn sum_grown(&self) -> Option<bool> {
        let now = self.patient.sum_at(self.patient.now)?;
        let nadir = self.patient.earlier().filter_map(|visit| self.patient.sum_at(visit)).min()?;
        Some(rose_by(nadir, now, 50))
    }

    /// The sum grew by half: indeterminate in the first weeks without clinical decline, progression else.
    fn grown_sum(&self) -> (Category, Because) {
        let patient = self.patient;
        let weeks = patient.settings.indeterminate_weeks;
        let start = patient.baseline.treatment_start.unwrap_or(patient.baseline.visit.date);
        let days = days_between(start, patient.now.date);
        let early = days <= i64::from(weeks).saturating_mul(7);
        let (category, why) = match patient.now.clinical {
            _ if !early => (Category::Progressive, format!("on day {days}, after {weeks} weeks: PD")),
            Clinical::NoDecline => (
                Category::IndeterminateGrowth,
                format!("on day {days}, within {weeks} weeks and without clinical decline: IR(1)"),
            ),
            Clinical::Decline => (Category::Progressive, "with clinical decline: PD".to_owned()),
            Clinical::NotJudged => {
                (Category::Progressive, "and nobody said that there was no clinical decline: PD".to_owned())
            }
        };
        let because = Because::new("lyric/ir-1", format!("the sum of products is at least 50% up {why}"));
        (category, because.source(LYRIC))
    }

    /// What an open indeterminate response becomes.
    fn next_of_open(&self) -> Option<(Category, Because)> {
        let (first, then) = self.open?;
        let says = |category, rule: &str, says: String| {
            Some((category, Because::new(format!("lyric/{rule}"), says).source(LYRIC)))
        };
        match first.category {
            Category::IndeterminateGrowth => {
                let percent = self.patient.settings.further_growth_percent;
                let (before, now) = (first.sum_of_products?, self.lugano.sum_of_products?);
                if rose_by(before, now, percent) && self.some_lesion_grew_since(then) {
                    return says(
                        Category::Progressive,
                        "ir-1-progression",
                        format!(
                            "the sum of products {} mm² is at least {percent}% above the {} mm² of the IR(1) of {}, and a \
                             lesion grew by 5 mm (up to 2 cm) or 10 mm: PD",
                            now.normalize(),
                            before.normalize(),
                            first.date
                        ),
                    );
                }
                if self.patient.now.clinical == Clinical::Decline && self.sum_grown() == Some(true) {
                    return says(
                        Category::Progressive,
                        "ir-1-decline",
                        "clinical decline while an IR(1) is open: PD".to_owned(),
                    );
                }
                (self.sum_grown() == Some(true)).then(|| {
                    let because = Because::new(
                        "lyric/ir-1-open",
                        format!("no further growth since the IR(1) of {}: still IR(1)", first.date),
                    );
                    (Category::IndeterminateGrowth, because.source(LYRIC))
                })
            }
            Category::IndeterminateLesions => {
                let lesions = self.newly_followed(first, then);
                let sums: Vec<Decimal> =
                    self.patient.earlier().filter_map(|visit| self.sum_of(&lesions, visit)).collect();
                let nadir = sums.into_iter().min()?;
                let now = self.sum_of(&lesions, self.patient.now)?;
                if rose_by(nadir, now, 50) {
                    return says(
                        Category::Progressive,
                        "ir-2-progression",
                        format!(
                            "with the new and grown lesions of {} the sum of products is {} mm², at least 50% above \
                             its nadir of {} mm²: PD",
                            first.date,
                            now.normalize(),
                            nadir.normalize()
                        ),
                    );
                }
                None
            }
            _ => None,
        }
    }

    fn some_lesion_grew_since(&self, then: &Visit) -> bool {
        self.patient.targets().any(|target| {
            let now = self.patient.diameters(self.patient.now, &target.id);
            let before = self.patient.diameters(then, &target.id);
            matches!((now, before), (Some(now), Some(before)) if now.grew_by(step(before.longest), before))
        })
    }

    /// The targets, and with them the new and grown lesions of an IR(2), the largest first, as far as there is room.
    fn newly_followed(&self, first: &Response, then: &Visit) -> Vec<String> {
        let mut lesions: Vec<String> = self.patient.targets().map(|target| target.id.clone()).collect();
        let mut more: Vec<(Decimal, String)> = first
            .signs
            .iter()
            .filter_map(|sign| sign.lesion.clone())
            .filter(|id| !lesions.contains(id))
            .filter_map(|id| Some((self.patient.diameters(then, &id)?.product(), id)))
            .collect();
        more.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let room = usize::try_from(self.patient.settings.max_targets).unwrap_or(usize::MAX);
        lesions.extend(more.into_iter().map(|(_, id)| id));
        lesions.truncate(room);
        lesions
    }

    /// Sum of the products of some lesions; one that the visit does not list although CT was done, and that came
    /// later, was not there yet.
    fn sum_of(&self, lesions: &[String], visit: &Visit) -> Option<Decimal> {
        visit.sizes()?;
        lesions.iter().try_fold(Decimal::ZERO, |sum, id| {
            let seen_before = || {
                self.patient
                    .earlier()
                    .take_while(|earlier| earlier.date <= visit.date)
                    .any(|earlier| earlier.lesion(id).is_some())
            };
            let product = match self.patient.diameters(visit, id).map(Diameters::product) {
                Some(product) => product,
                None if !seen_before() => Decimal::ZERO,
                None => return None,
            };
            Some(sum.saturating_add(product))
        })
    }
}

const fn is_hard(sign: &Sign) -> bool {
    matches!(sign.kind, SignKind::Spleen | SignKind::NonMeasured | SignKind::Marrow | SignKind::Reader)
}
