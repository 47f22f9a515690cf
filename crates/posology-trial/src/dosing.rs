//! A subject's doses on one sheet each: what was directed, ordered, assayed and given, with the arithmetic between.
//!
//! Start at [`Course::of`]: from the record of a trial and a subject to one [`Sheet`] for each fraction, the gates on
//! activity, the checks, and what was retained at each release. Pure, and free of the order in which facts were recorded:
//! of several the time of each decides. It shows and flags; it never says what a flag amounts to, and it computes no
//! activity to be given. Left out: whether a fact may be recorded (`conduct`), absorbed dose.

mod arithmetic;
mod checks;
pub(crate) mod facts;
mod gates;
mod release;

use jiff::Timestamp;
use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::nuclide::HalfLife;
use posology_clinic::prescription::{Compared, Gate, percent_of_prescribed};
use posology_clinic::quantity::Activity;
use rust_decimal::Decimal;
use serde::Serialize;

pub use arithmetic::Line;
pub(crate) use arithmetic::net_of;
pub(crate) use checks::BEFORE_GIVEN;
pub use checks::{Check, Judged};
pub use facts::{Signed, Time};
pub use gates::{GateReview, SiteRules};
pub use release::{Release, Retained, retained};

use arithmetic::{carry, shown_activity, shown_percent};
use checks::{Asked, stem_cells, thyroid_after};
use facts::{Directive, Facts, Given, Recorded};
use gates::{About, Side, judge};
use release::release_of;

use crate::conduct::Conduct;
use crate::event::{
    Administration, Amount, Assay, AssayBy, Event, Extravasation, Infusion, Interruption, Residual,
};
use crate::protocol::{Protocol, ReferenceTime};

/// All doses of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Course {
    /// Subject.
    pub subject: String,
    /// Site.
    pub site: Option<String>,
    /// Regimen the subject is assigned to.
    pub regimen: Option<String>,
    /// Version of the protocol that holds for the subject.
    pub protocol_version: Option<String>,
    /// The half-life used, with its source; `None` where the radionuclide is not known.
    pub half_life: Option<String>,
    /// One sheet for each fraction, in order.
    pub fractions: Vec<Sheet>,
    /// Net administered activity of all fractions given, each at its own time; `None` where one is not known.
    pub total_administered: Option<Activity>,
    /// What concerns the course and not one fraction: blockade after the last, stem cells.
    pub checks: Vec<Check>,
    /// Each release, with what was retained then.
    pub releases: Vec<Release>,
}

/// How far a fraction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In the regimen, and no directive prescribes it yet.
    NotPrescribed,
    /// Prescribed, not given yet.
    Prescribed,
    /// Given.
    Given,
    /// Prescribed and not given.
    Omitted,
    /// No longer prescribed: its directive was revised before it was given. No deviation.
    Withheld,
}

/// The directive of a fraction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Directed {
    /// Id.
    pub directive: String,
    /// Day it was written.
    pub date: Date,
    /// Radioactive drug.
    pub drug: String,
    /// Radionuclide.
    pub radionuclide: String,
    /// Route.
    pub route: String,
    /// Prescribed dosage of this fraction.
    pub prescribed: Activity,
    /// Day it is planned for.
    pub planned: Date,
    /// Prescribed range of the whole directive.
    pub range: Option<[Activity; 2]>,
    /// All fractions that the directive covers.
    pub covers: Vec<u32>,
    /// The directive it replaced, and why.
    pub revises: Option<(String, Option<String>)>,
    /// The authorised user's signature; `None` where it is not signed.
    pub signed: Option<Signed>,
}

/// An order to the supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ordered {
    /// Id.
    pub order: String,
    /// Activity at the reference time.
    pub activity: Activity,
    /// Reference time.
    pub reference: Time,
    /// Supplier.
    pub supplier: Option<String>,
}

/// A reading, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Read {
    /// The activity as read.
    pub activity: Activity,
    /// When.
    pub at: Time,
    /// Instrument.
    pub instrument: Option<String>,
    /// How it was determined; `None` for a residual, which is measured.
    pub how: Option<AssayBy>,
    /// Lot.
    pub lot: Option<String>,
    /// Expiry.
    pub expires: Option<Timestamp>,
    /// Who determined it: as written, else who recorded it.
    pub by: Option<String>,
}

/// A fraction as given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GivenAs {
    /// Start, where a time of day was recorded.
    pub start: Option<Time>,
    /// Stop.
    pub stop: Option<Time>,
    /// The time to which readings are carried.
    pub reference: Option<Time>,
    /// Treatment as recorded.
    pub treatment: Option<String>,
    /// Route as recorded.
    pub route: Option<String>,
    /// Lot as recorded.
    pub lot: Option<String>,
    /// Vein or port.
    pub body_site: Option<String>,
    /// Interruptions.
    pub interruptions: Vec<Interruption>,
}

/// A leak beside the vein, with what it leaves inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Leak {
    /// As recorded: site, estimate, attention given.
    pub recorded: Extravasation,
    /// Net administered less the estimate outside; `None` where either is not known.
    pub net_inside: Option<Activity>,
    /// The flag, for the radiation safety officer and the investigator.
    pub because: Because,
}

/// A change of a fraction, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// `delayed`, `reduced` or `omitted`.
    pub what: &'static str,
    /// Day of the decision.
    pub date: String,
    /// Until when, or to which activity.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// Whether through toxicity, where recorded.
    pub toxicity: Option<bool>,
}

/// One fraction, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sheet {
    /// Fraction, from 1.
    pub fraction: u32,
    /// How far it is.
    pub status: Status,
    /// The settings that hold at the site on the day it was given.
    pub rules: SiteRules,
    /// The directive it was, or is to be, given under.
    pub directive: Option<Directed>,
    /// Orders, by their reference times.
    pub orders: Vec<Ordered>,
    /// The assay that counts: measured before the supplier's value, and of several the latest.
    pub assay: Option<Read>,
    /// The residual; of several the latest.
    pub residual: Option<Read>,
    /// How it was given.
    pub given: Option<GivenAs>,
    /// The arithmetic, line by line.
    pub lines: Vec<Line>,
    /// Assay at the time of administration.
    pub assayed: Option<Activity>,
    /// Residual at the time of administration.
    pub left: Option<Activity>,
    /// Net administered activity: as recorded, else assay less residual.
    pub net: Option<Activity>,
    /// Why there is no net administered activity although the fraction was given.
    pub net_missing: Option<String>,
    /// Net against prescribed, percent, not rounded.
    pub percent: Option<Decimal>,
    /// The same as printed: cut off after the first decimal.
    pub percent_shown: Option<String>,
    /// Gates 1 to 3. Gate 3 speaks of the whole directive.
    pub gates: Vec<GateReview>,
    /// What else is asked of the fraction.
    pub checks: Vec<Check>,
    /// Leaks beside the vein.
    pub extravasations: Vec<Leak>,
    /// Put off, reduced, omitted.
    pub changes: Vec<Change>,
}

impl Sheet {
    /// Everything on the sheet that asks a person to look, as sentences with their rules.
    #[must_use]
    pub fn flags(&self) -> Vec<Because> {
        let gates =
            self.gates.iter().filter(|gate| gate.flagged == Some(true)).map(|gate| gate.because.clone());
        let checks = self.checks.iter().filter(|check| check.judged == Judged::NotMet).map(Check::because);
        let leaks = self.extravasations.iter().map(|leak| leak.because.clone());
        gates.chain(checks).chain(leaks).collect()
    }
}

impl Course {
    /// The fractions of a subject, as recorded.
    ///
    /// ```
    /// use posology_trial::conduct::Conduct;
    /// use posology_trial::dosing::Course;
    /// let course = Course::of(&Conduct::default(), "01-001");
    /// assert!(course.fractions.is_empty() && course.total_administered.is_none());
    /// ```
    #[must_use]
    pub fn of(conduct: &Conduct, subject: &str) -> Self {
        Self::from_facts(&Facts::gather(conduct, subject, None))
    }

    fn from_facts(facts: &Facts<'_>) -> Self {
        let half_life = facts.half_life();
        let mut fractions: Vec<Sheet> =
            facts.fractions().into_iter().map(|fraction| sheet(facts, fraction, &half_life)).collect();
        after_use(facts, &mut fractions);
        let mut checks: Vec<Check> = thyroid_after(facts).into_iter().collect();
        // On the sheets, too, as of the day of each fraction.
        checks.extend(stem_cells(facts, None));
        let releases = facts.releases.iter().map(|release| release_of(facts, &fractions, release)).collect();
        let given: Vec<Option<Activity>> =
            fractions.iter().filter(|sheet| sheet.status == Status::Given).map(|sheet| sheet.net).collect();
        let total_administered = Some(given)
            .filter(|given| !given.is_empty())
            .and_then(|given| given.into_iter().collect::<Option<Vec<_>>>())
            .and_then(|given| Activity::total(given).ok());
        Self {
            subject: facts.subject.to_owned(),
            site: facts.site.map(str::to_owned),
            regimen: facts.regimen.map(|regimen| regimen.id.clone()),
            protocol_version: facts.protocol.map(|protocol| protocol.version.id.clone()),
            half_life: half_life.ok().map(|half_life| half_life.to_string()),
            fractions,
            total_administered,
            checks,
            releases,
        }
    }

    /// The sheet of a fraction.
    #[must_use]
    pub fn sheet(&self, fraction: u32) -> Option<&Sheet> {
        self.fractions.iter().find(|sheet| sheet.fraction == fraction)
    }
}

/// The checks of a fraction that must be met when it is given, with an administration that is not recorded yet in place of
/// the one it corrects.
pub(crate) fn checks_at(
    conduct: &Conduct,
    event: &Event,
    administration: &Administration,
    fraction: u32,
) -> Vec<Check> {
    let corrected = event.corrects.as_ref().map(|correction| correction.hash.as_str());
    let mut facts = Facts::gather(conduct, &administration.subject, corrected);
    let mut all: Vec<Recorded<'_, Administration>> =
        std::mem::take(&mut facts.administrations).into_iter().map(|(_, given)| given).collect();
    all.push(Recorded { fact: administration, by: &event.recorded_by, hash: "" });
    facts.number(all);
    let half_life = facts.half_life();
    let mut checks = sheet(&facts, fraction, &half_life).checks;
    checks.retain(|check| BEFORE_GIVEN.contains(&check.rule));
    checks
}

fn sheet(facts: &Facts<'_>, fraction: u32, half_life: &Result<HalfLife, String>) -> Sheet {
    let given = facts.given(fraction);
    let directive = facts.directive(fraction);
    let assay = facts.assay(fraction);
    let residual = facts.residual(fraction);
    let rules = SiteRules::on(facts, given.as_ref().and_then(Given::day));
    let omitted = facts.omitted.iter().any(|omitted| omitted.fraction == fraction);
    let status = match (&given, directive) {
        (Some(_), _) => Status::Given,
        (None, Some(_)) if omitted => Status::Omitted,
        (None, Some(_)) => Status::Prescribed,
        (None, None) if facts.withheld_by(fraction).is_some() => Status::Withheld,
        (None, None) if omitted => Status::Omitted,
        (None, None) => Status::NotPrescribed,
    };
    let directed = directive.and_then(|directive| directed(directive, fraction));
    let given_as = given.as_ref().map(|given| given_as(facts, given));
    let reference = given_as.as_ref().and_then(|given| given.reference.clone());
    let assay_read = assay.map(|assay| Read {
        activity: assay.fact.activity,
        at: Time::new(assay.fact.at, assay.fact.local_offset.as_deref()),
        instrument: assay.fact.instrument.clone(),
        how: Some(assay.fact.how),
        lot: assay.fact.lot.clone(),
        expires: assay.fact.expires,
        by: Some(assay.fact.determined_by.clone().unwrap_or_else(|| assay.by.to_owned())),
    });
    let residual_read = residual.map(|residual| Read {
        activity: residual.activity,
        at: Time::new(residual.at, residual.local_offset.as_deref()),
        instrument: residual.instrument.clone(),
        how: None,
        lot: None,
        expires: None,
        by: None,
    });
    let mut lines = Vec::new();
    if let Some(directed) = &directed {
        let formula = format!("written directive {}, fraction {fraction}", directed.directive);
        lines.push(Line::new("prescribed", formula, directed.prescribed.mbq(), "MBq"));
    }
    let sum = arithmetic_of(
        &mut lines,
        given.as_ref(),
        assay_read.as_ref(),
        residual_read.as_ref(),
        &reference,
        half_life,
    );
    let prescribed = directed.as_ref().map(|directed| directed.prescribed);
    let percent = sum
        .net
        .as_ref()
        .ok()
        .zip(prescribed)
        .and_then(|(net, prescribed)| percent_of_prescribed(*net, prescribed));
    if let Some(percent) = percent {
        lines.push(Line::new(
            "net of prescribed",
            "net administered divided by prescribed, times 100",
            percent,
            "%",
        ));
    }
    let before_use =
        before_use(&rules, fraction, directed.as_ref(), assay, assay_read.as_ref(), &sum, &reference);
    let tolerance = {
        let side = sum.net.clone().and_then(|delivered| {
            let prescribed = prescribed.ok_or("no directive prescribes it")?;
            Ok([Side { fraction, compared: Compared { prescribed, delivered }, reason: None }])
        });
        let about = About {
            what: "net administered".to_owned(),
            range: None,
            directive: directed.as_ref().map(|directed| directed.directive.as_str()),
        };
        let side = side.as_ref().map(<[Side; 1]>::as_slice).map_err(Clone::clone);
        judge(Gate::ProtocolTolerance, &rules, side, &about)
    };
    let asked = Asked {
        facts,
        fraction,
        given: given.as_ref(),
        directive,
        assay,
        rules: &rules,
        before_use: &before_use,
    };
    let mut checks = asked.checks();
    checks.extend(sum.disagrees);
    let extravasations = facts
        .extravasations
        .iter()
        .filter(|leak| leak.fraction == fraction)
        .map(|leak| leak_of(&mut lines, leak, sum.net.as_ref().ok().copied(), reference.as_ref(), half_life))
        .collect();
    let net_missing = match (&given, &sum.net) {
        (Some(_), Err(why)) => Some(why.clone()),
        _ => None,
    };
    Sheet {
        fraction,
        status,
        directive: directed,
        orders: facts
            .orders
            .iter()
            .filter(|order| order.fraction == fraction)
            .map(|order| Ordered {
                order: order.order.clone(),
                activity: order.activity,
                reference: Time::new(order.reference, order.local_offset.as_deref()),
                supplier: order.supplier.clone(),
            })
            .collect(),
        assay: assay_read,
        residual: residual_read,
        given: given_as,
        lines,
        assayed: sum.assayed,
        left: sum.left,
        net: sum.net.ok(),
        net_missing,
        percent,
        percent_shown: percent.map(shown_percent),
        gates: vec![tolerance, before_use],
        checks,
        extravasations,
        changes: changes(facts, fraction),
        rules,
    }
}

fn directed(directive: &Directive<'_>, fraction: u32) -> Option<Directed> {
    let fact = directive.fact;
    let part = fact.fractions.iter().find(|part| part.fraction == fraction)?;
    Some(Directed {
        directive: fact.directive.clone(),
        date: fact.date,
        drug: fact.drug.clone(),
        radionuclide: fact.radionuclide.clone(),
        route: fact.route.clone(),
        prescribed: part.activity,
        planned: part.planned,
        range: fact.range,
        covers: fact.fractions.iter().map(|part| part.fraction).collect(),
        revises: fact.revises.clone().map(|revised| (revised, fact.reason.clone())),
        signed: directive.signed.clone(),
    })
}

/// The time to which readings are carried.
fn reference_time(middle: bool, given: &Given<'_>) -> Option<Time> {
    match (given.start(), given.stop()) {
        (Some(start), Some(stop)) if middle && stop.at > start.at => {
            let half = stop.at.duration_since(start.at) / 2;
            let at = start.at.saturating_add(half).unwrap_or(start.at);
            let offset = given.infusion.and_then(|infusion| infusion.local_offset.as_deref());
            Some(Time::new(at, offset))
        }
        (start, _) => start,
    }
}

fn is_middle(protocol: Option<&Protocol>) -> bool {
    protocol.is_some_and(|protocol| protocol.dosing.administered_at == ReferenceTime::Middle)
}

/// Net administered activity of an administration that states none, from the readings of its fraction; `None` where one of
/// them, the time of administration or the radionuclide is not known.
pub(crate) fn net_of_readings(
    protocol: &Protocol,
    administration: &Administration,
    (assays, residuals, infusions): (&[Assay], &[Residual], &[Infusion]),
) -> Option<Activity> {
    let fraction = administration.fraction?;
    let product = protocol.product.as_ref()?;
    let half_life = HalfLife::of(product.radionuclide.as_deref()?, product.half_life.as_deref()).ok()?;
    let assay = assays
        .iter()
        .filter(|assay| assay.fraction == fraction)
        .max_by_key(|assay| facts::order_of(assay))?;
    let residual = residuals
        .iter()
        .filter(|residual| residual.fraction == fraction)
        .max_by_key(|residual| (residual.at, residual.activity.mbq()))?;
    let given = Given {
        administrations: vec![Recorded { fact: administration, by: "", hash: "" }],
        infusion: infusions
            .iter()
            .filter(|infusion| infusion.fraction == fraction)
            .min_by_key(|infusion| (infusion.start, infusion.stop)),
    };
    let at = reference_time(is_middle(Some(protocol)), &given)?.at;
    net_of(assay, residual, at, half_life).ok()
}

fn given_as(facts: &Facts<'_>, given: &Given<'_>) -> GivenAs {
    let first = given.administrations.first().map(|recorded| recorded.fact);
    GivenAs {
        start: given.start(),
        stop: given.stop(),
        reference: reference_time(is_middle(facts.protocol), given),
        treatment: first.map(|fact| fact.treatment.clone()),
        route: first.and_then(|fact| fact.route.clone()),
        lot: first.and_then(|fact| fact.lot.clone()),
        body_site: given.infusion.and_then(|infusion| infusion.body_site.clone()),
        interruptions: given.infusion.map(|infusion| infusion.interruptions.clone()).unwrap_or_default(),
    }
}

/// What the readings come to.
struct Sum {
    assayed: Option<Activity>,
    left: Option<Activity>,
    net: Result<Activity, String>,
    disagrees: Option<Check>,
}

/// A net activity as recorded differs from that of the readings by more than this share of it, in percent, only through
/// another reading or a slip.
const RECORDED_AGREES_PERCENT: Decimal = Decimal::ONE;

fn arithmetic_of(
    lines: &mut Vec<Line>,
    given: Option<&Given<'_>>,
    assay: Option<&Read>,
    residual: Option<&Read>,
    reference: &Option<Time>,
    half_life: &Result<HalfLife, String>,
) -> Sum {
    let recorded = given.filter(|given| !given.administrations.is_empty()).and_then(|given| {
        let amounts = given.administrations.iter().map(|recorded| match recorded.fact.amount {
            Some(Amount::Activity(activity)) => Some(activity),
            _ => None,
        });
        Activity::total(amounts.collect::<Option<Vec<_>>>()?).ok()
    });
    let mut carried = |what: &str, read: Option<&Read>| -> Result<Activity, String> {
        let read = read.ok_or_else(|| format!("no {what} recorded"))?;
        let to = reference.as_ref().ok_or("no time of administration recorded")?;
        let with = read.instrument.as_deref().map_or_else(
            || match read.how {
                Some(AssayBy::DecayOfLabel) => "supplier's value".to_owned(),
                _ => "reading".to_owned(),
            },
            |instrument| format!("reading of {instrument}"),
        );
        carry(lines, what, &with, read.activity, &read.at, to, half_life.clone()?)
    };
    let assayed = carried("assay", assay);
    let left = carried("residual", residual);
    let derived = match (&assayed, &left) {
        (Ok(assayed), Ok(left)) => assayed.minus(*left).ok_or_else(|| {
            format!(
                "the residual, {}, exceeds the assay, {}",
                shown_activity(*left),
                shown_activity(*assayed)
            )
        }),
        (Err(why), _) | (_, Err(why)) => Err(why.clone()),
    };
    if let Ok(net) = derived {
        lines.push(Line::new(
            "net administered",
            "assay at administration less residual at administration",
            net.mbq(),
            "MBq",
        ));
    }
    let disagrees = recorded.zip(derived.as_ref().ok()).map(|(recorded, derived)| {
        let off = Compared { prescribed: *derived, delivered: recorded }.deviation_percent();
        Check {
            rule: "dosing/net-agrees",
            judged: match off {
                Some(off) if off.abs() > RECORDED_AGREES_PERCENT => Judged::NotMet,
                Some(_) => Judged::Met,
                None => Judged::NotKnown,
            },
            asks: format!("a net activity as the readings give it, {}", shown_activity(*derived)),
            found: format!("{} recorded with the administration", shown_activity(recorded)),
            mend: "check readings, times and unit, and correct the one that is wrong",
            source: "assay less residual, both at the time of administration",
            for_review_by: &["radiation safety officer", "investigator"],
        }
    });
    if let Some(recorded) = recorded {
        lines.push(Line::new(
            "net administered",
            "as recorded with the administration",
            recorded.mbq(),
            "MBq",
        ));
    }
    let net = match recorded {
        Some(recorded) => Ok(recorded),
        None if given.is_none() => Err("not given yet".to_owned()),
        None => derived,
    };
    if let Ok(net) = &net {
        lines.push(Line::new("net administered", "the same divided by 37 MBq/mCi", net.mci(), "mCi"));
    }
    Sum { assayed: assayed.ok(), left: left.ok(), net, disagrees }
}

/// Gate 2 looks at the dosage before use: at the time of administration, else as measured.
fn before_use(
    rules: &SiteRules,
    fraction: u32,
    directed: Option<&Directed>,
    assay: Option<Recorded<'_, Assay>>,
    read: Option<&Read>,
    sum: &Sum,
    reference: &Option<Time>,
) -> GateReview {
    let measured =
        assay.filter(|assay| assay.fact.how != AssayBy::DecayOfLabel).map(|assay| assay.fact.activity);
    let found = match (sum.assayed, reference, measured, read) {
        (Some(activity), Some(at), _, _) => Ok((activity, format!("assay, at administration {at},"))),
        (None, None, Some(activity), Some(read)) => {
            Ok((activity, format!("assay, as measured {},", read.at)))
        }
        (_, _, _, None) => Err("no assay recorded".to_owned()),
        _ => Err("no time of use is recorded to which the supplier's value could be carried".to_owned()),
    };
    let what = found.as_ref().map_or_else(|_| String::new(), |(_, what)| what.clone());
    let side = found.and_then(|(delivered, _)| {
        let prescribed = directed.map(|directed| directed.prescribed).ok_or("no directive prescribes it")?;
        Ok([Side { fraction, compared: Compared { prescribed, delivered }, reason: None }])
    });
    let about = About {
        what,
        // A range is that of the whole directive.
        range: directed.filter(|directed| directed.covers.len() == 1).and_then(|directed| directed.range),
        directive: directed.map(|directed| directed.directive.as_str()),
    };
    let side = side.as_ref().map(<[Side; 1]>::as_slice).map_err(Clone::clone);
    judge(Gate::BeforeUse, rules, side, &about)
}

/// Gate 3 looks at each written directive as a whole, once each of its fractions was given or omitted.
fn after_use(facts: &Facts<'_>, sheets: &mut [Sheet]) {
    let mut ids: Vec<String> =
        sheets.iter().filter_map(|sheet| Some(sheet.directive.as_ref()?.directive.clone())).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let of_directive = |sheet: &&Sheet| sheet.directive.as_ref().is_some_and(|d| d.directive == id);
        let sides: Result<Vec<Side>, String> =
            sheets.iter().filter(of_directive).map(|sheet| side_after_use(facts, sheet)).collect();
        let Some(last) = sheets.iter().rfind(of_directive) else { continue };
        let directed = last.directive.as_ref();
        let about = About {
            what: format!("delivered under directive {id},"),
            range: directed.and_then(|directed| directed.range),
            directive: Some(&id),
        };
        let review = judge(Gate::AfterUse, &last.rules, sides.as_deref().map_err(Clone::clone), &about);
        for sheet in sheets.iter_mut().filter(|sheet| of_directive(&&**sheet)) {
            sheet.gates.push(review.clone());
        }
    }
    for sheet in sheets.iter_mut().filter(|sheet| sheet.directive.is_none()) {
        let why = match sheet.status {
            Status::Withheld => {
                "the fraction was withheld under a directive revised before administration, which is no deviation"
            }
            _ => "no directive prescribes it",
        };
        let about = About { what: String::new(), range: None, directive: None };
        sheet.gates.push(judge(Gate::AfterUse, &sheet.rules, Err(why.to_owned()), &about));
    }
}

fn side_after_use(facts: &Facts<'_>, sheet: &Sheet) -> Result<Side, String> {
    let number = sheet.fraction;
    let prescribed = sheet.directive.as_ref().map(|d| d.prescribed).ok_or("no directive prescribes it")?;
    let (delivered, reason) = match (sheet.status, sheet.net) {
        (Status::Given, Some(net)) => {
            let given = facts.given(number);
            let adjusted = given.and_then(|given| {
                given.administrations.iter().find_map(|a| Some(a.fact.adjustment.as_ref()?.reason.clone()))
            });
            (net, adjusted)
        }
        (Status::Given, None) => {
            let why = sheet.net_missing.as_deref().unwrap_or("net administered activity not known");
            return Err(format!("fraction {number}: {why}"));
        }
        (Status::Omitted, _) => {
            let omitted = facts.omitted.iter().find(|omitted| omitted.fraction == number);
            let reason = omitted.map(|omitted| format!("omitted, {}", omitted.adjustment.reason));
            (Activity::ZERO, reason)
        }
        _ => return Err(format!("fraction {number} is still to come")),
    };
    Ok(Side { fraction: number, compared: Compared { prescribed, delivered }, reason })
}

fn leak_of(
    lines: &mut Vec<Line>,
    leak: &Extravasation,
    net: Option<Activity>,
    reference: Option<&Time>,
    half_life: &Result<HalfLife, String>,
) -> Leak {
    let outside = leak.activity.and_then(|activity| {
        let at = Time::new(leak.at, None);
        carry(
            lines,
            "estimate beside the vein",
            "estimate",
            activity,
            &at,
            reference?,
            half_life.clone().ok()?,
        )
        .ok()
    });
    let net_inside = net.zip(outside).and_then(|(net, outside)| net.minus(outside));
    if let Some(inside) = net_inside {
        let formula = "net administered less the estimate beside the vein at administration";
        lines.push(Line::new("estimated net inside", formula, inside.mbq(), "MBq"));
    }
    let estimate = leak
        .activity
        .map_or_else(|| "not estimated".to_owned(), |activity| format!("estimated at {activity}"));
    let inside = net_inside.map_or_else(
        || "the net inside is not known".to_owned(),
        |inside| format!("estimated net inside {}", shown_activity(inside)),
    );
    let because = Because::new(
        "dosing/extravasation",
        format!(
            "fraction {}: a leak beside the vein, {}, noticed at {}, {estimate}; attention given: {}; {inside}: for review by radiation safety officer and investigator",
            leak.fraction, leak.body_site, leak.at, leak.attention
        ),
    )
    .source("protocol; NRC RIN 3150-AK91 (proposed)");
    Leak { recorded: leak.clone(), net_inside, because }
}

fn changes(facts: &Facts<'_>, fraction: u32) -> Vec<Change> {
    let delayed = facts.delayed.iter().filter(|f| f.fraction == fraction).map(|f| Change {
        what: "delayed",
        date: f.date.to_string(),
        to: f.until.as_ref().map(ToString::to_string),
        reason: f.adjustment.reason.clone(),
        toxicity: f.adjustment.toxicity,
    });
    let reduced = facts.reduced.iter().filter(|f| f.fraction == fraction).map(|f| Change {
        what: "reduced",
        date: f.date.to_string(),
        to: Some(f.activity.to_string()),
        reason: f.adjustment.reason.clone(),
        toxicity: f.adjustment.toxicity,
    });
    let omitted = facts.omitted.iter().filter(|f| f.fraction == fraction).map(|f| Change {
        what: "omitted",
        date: f.date.to_string(),
        to: None,
        reason: f.adjustment.reason.clone(),
        toxicity: f.adjustment.toxicity,
    });
    let mut changes: Vec<Change> = delayed.chain(reduced).chain(omitted).collect();
    changes.sort_by(|a, b| (&a.date, a.what, &a.reason).cmp(&(&b.date, b.what, &b.reason)));
    changes
}
