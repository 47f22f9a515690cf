//! The standing facts of one subject's doses, and which written directive holds for a fraction.
//!
//! Nothing here depends on the order of recording: what is chosen among several is chosen by its own times.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use posology_clinic::nuclide::HalfLife;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::conduct::Conduct;
use crate::event::{
    ActivityOrder, Administration, Assay, AssayBy, Entry, Extravasation, Fact, FractionDelayed,
    FractionOmitted, FractionReduced, Infusion, Kind, Meaning, PatientRelease, Residual, Role, SecondCheck,
    SiteSettings, StemCells, ThyroidBlockade, VitalSign, WrittenDirective,
};
use crate::protocol::{Protocol, Regimen};

/// A time as it was written, and its instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Time {
    /// The instant, UTC.
    pub at: Timestamp,
    /// As written, with the offset of the place, such as `2026-03-01T12:00:00-05:00`.
    pub written: String,
}

impl Time {
    /// An instant with the offset written beside it, such as `-05:00`; UTC where there is none.
    #[must_use]
    pub fn new(at: Timestamp, offset: Option<&str>) -> Self {
        let written = match offset.and_then(|text| Some((read_offset(text)?, text))) {
            Some((offset, text)) => format!("{}{text}", offset.to_datetime(at)),
            None => at.to_string(),
        };
        Self { at, written }
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let utc = self.at.to_string();
        if utc == self.written { f.write_str(&utc) } else { write!(f, "{} ({utc})", self.written) }
    }
}

/// Reads an offset from UTC: `Z`, `-05:00`, `+02:00`.
pub(crate) fn read_offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i32>().ok())
            .flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Who signed a directive as authorised user, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signed {
    /// Printed name.
    pub printed_name: String,
    /// When, UTC.
    pub at: Timestamp,
}

/// A written directive with its signature.
#[derive(Debug, Clone)]
pub(crate) struct Directive<'a> {
    pub(crate) fact: &'a WrittenDirective,
    pub(crate) signed: Option<Signed>,
}

impl Directive<'_> {
    pub(crate) fn covers(&self, fraction: u32) -> bool {
        self.fact.fractions.iter().any(|directed| directed.fraction == fraction)
    }

    fn signed_by(&self, at: Option<Timestamp>) -> bool {
        self.signed.as_ref().is_some_and(|signed| at.is_none_or(|at| signed.at <= at))
    }
}

/// A fact with who recorded it.
#[derive(Debug)]
pub(crate) struct Recorded<'a, T> {
    pub(crate) fact: &'a T,
    pub(crate) by: &'a str,
    pub(crate) hash: &'a str,
}

// Derived, these would ask the same of the fact.
impl<T> Clone for Recorded<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Recorded<'_, T> {}

/// A fraction as given.
#[derive(Debug, Clone)]
pub(crate) struct Given<'a> {
    pub(crate) administrations: Vec<Recorded<'a, Administration>>,
    pub(crate) infusion: Option<&'a Infusion>,
}

impl Given<'_> {
    /// Its start; `None` where no time of day was recorded.
    pub(crate) fn start(&self) -> Option<Time> {
        let offset = self.infusion.and_then(|infusion| infusion.local_offset.as_deref());
        let first = self.administrations.first().map(|recorded| &recorded.fact.start);
        match (first.and_then(|start| Some((start, start.instant()?))), self.infusion) {
            (Some((start, at)), _) if offset.is_none() => Some(Time { at, written: start.to_string() }),
            (Some((_, at)), _) => Some(Time::new(at, offset)),
            (None, Some(infusion)) => Some(Time::new(infusion.start, offset)),
            (None, None) => None,
        }
    }

    pub(crate) fn stop(&self) -> Option<Time> {
        if let Some(infusion) = self.infusion {
            return Some(Time::new(infusion.stop, infusion.local_offset.as_deref()));
        }
        let end = self.administrations.last()?.fact.end.as_ref()?;
        Some(Time { at: end.instant()?, written: end.to_string() })
    }

    /// The day at the place where it was given.
    pub(crate) fn day(&self) -> Option<Date> {
        if let (Some(start), Some(offset)) =
            (self.start(), self.infusion.and_then(|infusion| infusion.local_offset.as_deref()))
        {
            return Some(read_offset(offset).unwrap_or(Offset::UTC).to_datetime(start.at).date());
        }
        match self.administrations.first() {
            Some(recorded) => Some(recorded.fact.start.earliest_date()),
            None => self.infusion.map(|infusion| infusion.start.to_zoned(TimeZone::UTC).date()),
        }
    }

    /// By when a signature must stand: the start, or the end of its day where no time was recorded.
    pub(crate) fn by(&self) -> Option<Timestamp> {
        let end_of_day = || Some(self.day()?.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok()?.timestamp());
        self.start().map(|start| start.at).or_else(end_of_day)
    }
}

/// Everything recorded of one subject's doses.
pub(crate) struct Facts<'a> {
    pub(crate) conduct: &'a Conduct,
    pub(crate) subject: &'a str,
    pub(crate) protocol: Option<&'a Protocol>,
    pub(crate) regimen: Option<&'a Regimen>,
    pub(crate) site: Option<&'a str>,
    pub(crate) directives: Vec<Directive<'a>>,
    pub(crate) orders: Vec<&'a ActivityOrder>,
    pub(crate) assays: Vec<Recorded<'a, Assay>>,
    pub(crate) residuals: Vec<&'a Residual>,
    pub(crate) checks: Vec<Recorded<'a, SecondCheck>>,
    pub(crate) infusions: Vec<&'a Infusion>,
    pub(crate) administrations: Vec<(u32, Recorded<'a, Administration>)>,
    pub(crate) extravasations: Vec<&'a Extravasation>,
    pub(crate) releases: Vec<&'a PatientRelease>,
    pub(crate) delayed: Vec<&'a FractionDelayed>,
    pub(crate) reduced: Vec<&'a FractionReduced>,
    pub(crate) omitted: Vec<&'a FractionOmitted>,
    pub(crate) blockades: Vec<&'a ThyroidBlockade>,
    pub(crate) stem_cells: Vec<&'a StemCells>,
    weights: Vec<&'a VitalSign>,
}

/// The standing facts of a kind, but for the event of one hash.
macro_rules! standing {
    ($conduct:expr, $subject:expr, $but:expr, $kind:ident) => {
        $conduct
            .of_subject($subject, Kind::$kind)
            .filter(|entry| Some(entry.hash.as_str()) != $but)
            .filter_map(|entry| match &entry.event.fact {
                Fact::$kind(fact) => Some((fact, entry)),
                _ => None,
            })
    };
}

fn recorded<'a, T>((fact, entry): (&'a T, &'a Entry)) -> Recorded<'a, T> {
    Recorded { fact, by: &entry.event.recorded_by, hash: &entry.hash }
}

impl<'a> Facts<'a> {
    /// Gathers them, leaving out the event of a hash: one that is about to be corrected.
    pub(crate) fn gather(conduct: &'a Conduct, subject: &'a str, but: Option<&str>) -> Self {
        let assignment = conduct.assignment(subject);
        let protocol = assignment
            .and_then(|(_, _, version)| conduct.protocol_of(version))
            .or_else(|| conduct.protocol());
        let regimen = protocol.zip(assignment).and_then(|(protocol, (_, id, _))| protocol.regimen(id));
        let mut facts = Self {
            conduct,
            subject,
            protocol,
            regimen,
            site: conduct.subject_site(subject),
            directives: standing!(conduct, subject, but, WrittenDirective)
                .map(|(fact, entry)| Directive { fact, signed: signature(conduct, &entry.hash) })
                .collect(),
            orders: standing!(conduct, subject, but, ActivityOrder).map(|(fact, _)| fact).collect(),
            assays: standing!(conduct, subject, but, Assay).map(recorded).collect(),
            residuals: standing!(conduct, subject, but, Residual).map(|(fact, _)| fact).collect(),
            checks: standing!(conduct, subject, but, SecondCheck).map(recorded).collect(),
            infusions: standing!(conduct, subject, but, Infusion).map(|(fact, _)| fact).collect(),
            administrations: Vec::new(),
            extravasations: standing!(conduct, subject, but, Extravasation).map(|(fact, _)| fact).collect(),
            releases: standing!(conduct, subject, but, PatientRelease).map(|(fact, _)| fact).collect(),
            delayed: standing!(conduct, subject, but, FractionDelayed).map(|(fact, _)| fact).collect(),
            reduced: standing!(conduct, subject, but, FractionReduced).map(|(fact, _)| fact).collect(),
            omitted: standing!(conduct, subject, but, FractionOmitted).map(|(fact, _)| fact).collect(),
            blockades: standing!(conduct, subject, but, ThyroidBlockade).map(|(fact, _)| fact).collect(),
            stem_cells: standing!(conduct, subject, but, StemCells).map(|(fact, _)| fact).collect(),
            weights: standing!(conduct, subject, but, VitalSign)
                .map(|(fact, _)| fact)
                .filter(|sign| sign.test.eq_ignore_ascii_case("WEIGHT"))
                .collect(),
        };
        facts
            .directives
            .sort_by(|a, b| (a.fact.date, &a.fact.directive).cmp(&(b.fact.date, &b.fact.directive)));
        facts.orders.sort_by_key(|order| (order.reference, order.order.as_str()));
        facts.assays.sort_by_key(|assay| order_of(assay.fact));
        facts.residuals.sort_by_key(|residual| (residual.at, residual.activity.mbq()));
        facts.infusions.sort_by_key(|infusion| (infusion.start, infusion.stop));
        facts.extravasations.sort_by_key(|leak| (leak.at, leak.body_site.as_str()));
        facts.releases.sort_by_key(|release| (release.at, release.fraction));
        facts.blockades.sort_by_key(|blockade| (blockade.start, blockade.end));
        facts.stem_cells.sort_by_key(|cells| (cells.date, cells.cd34_per_kg_millions));
        let administrations: Vec<_> =
            standing!(conduct, subject, but, Administration).map(recorded).collect();
        facts.number(administrations);
        facts
    }

    /// Numbers the administrations of the product: as recorded, else the lowest number free, in the order of their starts.
    pub(crate) fn number(&mut self, mut administrations: Vec<Recorded<'a, Administration>>) {
        let is_product = |given: &Administration| {
            self.protocol.is_none_or(|protocol| protocol.is_product(&given.treatment))
        };
        administrations.retain(|recorded| is_product(recorded.fact));
        administrations.sort_by_key(|recorded| {
            let fact = recorded.fact;
            (fact.start.earliest_date(), fact.start.instant(), fact.fraction)
        });
        let mut taken: BTreeSet<u32> =
            administrations.iter().filter_map(|given| given.fact.fraction).collect();
        taken.extend(self.omitted.iter().map(|omitted| omitted.fraction));
        for given in administrations {
            let number = given.fact.fraction.or_else(|| (1..=100).find(|number| !taken.contains(number)));
            if let Some(number) = number {
                taken.insert(number);
                self.administrations.push((number, given));
            }
        }
    }

    /// The fractions of the regimen, and any other that a fact names.
    pub(crate) fn fractions(&self) -> Vec<u32> {
        let planned = self.regimen.map_or(0, |regimen| regimen.fraction.len());
        let mut all: BTreeSet<u32> = (1..=u32::try_from(planned).unwrap_or(0)).collect();
        all.extend(
            self.directives.iter().flat_map(|d| d.fact.fractions.iter().map(|directed| directed.fraction)),
        );
        all.extend(self.administrations.iter().map(|(number, _)| *number));
        all.extend(self.infusions.iter().map(|infusion| infusion.fraction));
        all.extend(self.assays.iter().map(|assay| assay.fact.fraction));
        all.extend(self.omitted.iter().map(|omitted| omitted.fraction));
        all.into_iter().collect()
    }

    pub(crate) fn given(&self, fraction: u32) -> Option<Given<'a>> {
        let administrations: Vec<_> = self
            .administrations
            .iter()
            .filter(|(number, _)| *number == fraction)
            .map(|(_, given)| *given)
            .collect();
        let infusion = self.infusions.iter().copied().find(|infusion| infusion.fraction == fraction);
        (!administrations.is_empty() || infusion.is_some()).then_some(Given { administrations, infusion })
    }

    /// The assay that counts: measured before the supplier's value, and of several the latest.
    pub(crate) fn assay(&self, fraction: u32) -> Option<Recorded<'a, Assay>> {
        self.assays.iter().rev().find(|assay| assay.fact.fraction == fraction).copied()
    }

    pub(crate) fn residual(&self, fraction: u32) -> Option<&'a Residual> {
        self.residuals.iter().rev().copied().find(|residual| residual.fraction == fraction)
    }

    /// The directive a fraction was, or is to be, given under; `None` where none prescribes it. A revision holds from its
    /// signature on for what was not given by then.
    pub(crate) fn directive(&self, fraction: u32) -> Option<&Directive<'a>> {
        let given = self.given(fraction);
        let by = given.as_ref().and_then(Given::by);
        let followed =
            given.as_ref().and_then(|given| given.infusion).map(|infusion| infusion.directive.as_str());
        let named = self.directives.iter().find(|directive| {
            Some(directive.fact.directive.as_str()) == followed && directive.covers(fraction)
        });
        if named.is_some() {
            return named;
        }
        let leaves = || self.leaves(by).filter(|directive| directive.covers(fraction));
        if let Some(leaf) = leaves().next_back() {
            return Some(leaf);
        }
        let any = || self.directives.iter().rev().filter(|directive| directive.covers(fraction));
        match given {
            Some(_) => any().find(|directive| directive.signed_by(by)).or_else(|| any().next()),
            // Once signed and then revised without this fraction: withheld. Never signed: still shown.
            None if any().any(|directive| directive.signed.is_some()) => None,
            None => any().next(),
        }
    }

    /// Whether a directive that once prescribed the fraction was revised, before it was given, into one that does not.
    pub(crate) fn withheld_by(&self, fraction: u32) -> Option<&Directive<'a>> {
        if self.given(fraction).is_some() || self.directive(fraction).is_some() {
            return None;
        }
        let earlier = self.directives.iter().rev().find(|d| d.covers(fraction) && d.signed.is_some())?;
        self.directives.iter().find(|d| {
            d.signed.is_some() && d.fact.revises.as_deref() == Some(earlier.fact.directive.as_str())
        })
    }

    /// Signed directives by a time that no other directive signed by then revises.
    fn leaves(&self, by: Option<Timestamp>) -> impl DoubleEndedIterator<Item = &Directive<'a>> {
        self.directives.iter().filter(move |directive| {
            directive.signed_by(by)
                && !self.directives.iter().any(|later| {
                    later.signed_by(by)
                        && later.fact.revises.as_deref() == Some(directive.fact.directive.as_str())
                })
        })
    }

    /// The half-life of the product's radionuclide, else of the directive's.
    pub(crate) fn half_life(&self) -> Result<HalfLife, String> {
        let product = self.protocol.and_then(|protocol| protocol.product.as_ref());
        let of_product = product.and_then(|p| Some((p.radionuclide.as_deref()?, p.half_life.as_deref())));
        let of_directive =
            || self.directives.last().map(|directive| (directive.fact.radionuclide.as_str(), None));
        let (nuclide, id) = of_product
            .or_else(of_directive)
            .ok_or("no radionuclide: neither the protocol nor a directive names one")?;
        HalfLife::of(nuclide, id).map_err(|error| error.to_string())
    }

    /// The value of a baseline characteristic.
    pub(crate) fn characteristic(&self, name: &str) -> Option<&'a str> {
        standing!(self.conduct, self.subject, None::<&str>, Characteristic)
            .filter(|(fact, _)| fact.name.eq_ignore_ascii_case(name))
            .map(|(fact, _)| fact.value.as_str())
            .next_back()
    }

    /// Weights in kilograms with their days, oldest first; one whose unit is not known is left out.
    pub(crate) fn weights(&self) -> Vec<(Date, Decimal)> {
        let mut weights: Vec<(Date, Decimal)> = self
            .weights
            .iter()
            .filter_map(|sign| {
                let value: Decimal = sign.result.as_deref()?.trim().parse().ok()?;
                let kilograms = match sign.unit.as_deref()?.trim() {
                    "kg" | "KG" => value,
                    "g" => value.checked_div(Decimal::ONE_THOUSAND)?,
                    _ => return None,
                };
                Some((sign.at.as_ref()?.date()?, kilograms))
            })
            .collect();
        weights.sort_unstable();
        weights
    }

    /// What the site had set on a day (or has set, without one), the latest first.
    pub(crate) fn site_settings(&self, on: Option<Date>) -> Option<&'a SiteSettings> {
        let mut all: Vec<&SiteSettings> = self
            .conduct
            .of_trial(Kind::SiteSettings)
            .filter_map(|entry| match &entry.event.fact {
                Fact::SiteSettings(fact) if Some(fact.site.as_str()) == self.site => Some(fact),
                _ => None,
            })
            .filter(|fact| on.is_none_or(|day| fact.date <= day))
            .collect();
        all.sort_by_key(|fact| fact.date);
        all.pop()
    }
}

/// Measured comes after a label's value, and the latest last: the last one counts.
pub(crate) fn order_of(assay: &Assay) -> (bool, Timestamp, Decimal) {
    (assay.how != AssayBy::DecayOfLabel, assay.at, assay.activity.mbq())
}

/// The first signature of an authorised user who approves the event of a hash.
pub(crate) fn signature(conduct: &Conduct, hash: &str) -> Option<Signed> {
    conduct
        .signatures_on(hash)
        .iter()
        .map(|signature| &signature.statement)
        .filter(|statement| statement.role == Role::AuthorisedUser && statement.meaning == Meaning::Approval)
        .min_by_key(|statement| (statement.at, statement.printed_name.as_str()))
        .map(|statement| Signed { printed_name: statement.printed_name.clone(), at: statement.at })
}
