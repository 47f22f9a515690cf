//! Radiopharmacy: directive before administration, readings, checks, schedule.
//!
//! An act that cannot stand beside what is recorded (a second administration of a fraction, a residual before the
//! infusion, a directive for a fraction that the regimen does not have) is refused. What happened although a rule forbids
//! it (an infusion without a signed directive) is taken with a reason and stands with a flag.

use jiff::Timestamp;

use super::{Breaches, Conduct, Refusal};
use crate::dosing::facts::{Facts, Given, read_offset};
use crate::dosing::{Judged, checks_at, net_of};
use crate::event::{
    Administration, Assay, AssayBy, Event, Extravasation, Fact, FractionReduced, Infusion, PatientRelease,
    Residual, SecondCheck, WrittenDirective,
};
use crate::protocol::Regimen;

pub(super) fn admit(conduct: &Conduct, event: &Event, breaches: &mut Breaches<'_>) -> Result<(), Refusal> {
    let Some(subject) = event.fact.subject().filter(|_| event.origin.is_none()) else { return Ok(()) };
    let corrected = event.corrects.as_ref().map(|correction| correction.hash.as_str());
    let facts = Facts::gather(conduct, subject, corrected);
    match &event.fact {
        Fact::Administration(given) if !facts.protocol.is_none_or(|p| p.is_product(&given.treatment)) => {
            return Ok(());
        }
        Fact::ThyroidBlockade(taken) => {
            return in_order("the first intake", taken.start, "the last", taken.end.unwrap_or(taken.start));
        }
        Fact::StemCells(_) | Fact::Prescription(_) => return Ok(()),
        _ => {}
    }
    let regimen = is_assigned(conduct, &facts)?;
    match &event.fact {
        Fact::WrittenDirective(directive) => admit_directive(&facts, regimen, directive),
        Fact::ActivityOrder(order) => {
            has_fraction(regimen, order.fraction)?;
            is_offset(order.local_offset.as_deref())
        }
        Fact::Assay(assay) => admit_assay(&facts, regimen, assay),
        Fact::Residual(residual) => admit_residual(&facts, regimen, residual),
        Fact::SecondCheck(check) => {
            has_fraction(regimen, check.fraction)?;
            note_late_check(&facts, check, breaches);
            Ok(())
        }
        Fact::Infusion(infusion) => admit_infusion(&facts, regimen, infusion),
        Fact::Administration(given) => admit_administration(&facts, regimen, event, given, breaches),
        Fact::FractionDelayed(delayed) => {
            has_fraction(regimen, delayed.fraction)?;
            is_not_given(&facts, delayed.fraction, "dosing/delayed-before-given")
        }
        Fact::FractionReduced(reduced) => admit_reduced(&facts, regimen, reduced),
        Fact::FractionOmitted(omitted) => {
            has_fraction(regimen, omitted.fraction)?;
            is_not_given(&facts, omitted.fraction, "dosing/omitted-before-given")?;
            if facts.omitted.iter().any(|earlier| earlier.fraction == omitted.fraction) {
                return Err(Refusal::new(
                    "dosing/omitted-once",
                    "a fraction that is not omitted yet",
                    format!("fraction {} omitted", omitted.fraction),
                    "correct the earlier event",
                ));
            }
            Ok(())
        }
        Fact::Extravasation(leak) => admit_extravasation(&facts, leak),
        Fact::PatientRelease(release) => admit_release(&facts, release),
        _ => Ok(()),
    }
}

/// The regimen of the subject's assignment.
fn is_assigned<'a>(conduct: &Conduct, facts: &Facts<'a>) -> Result<&'a Regimen, Refusal> {
    facts.regimen.ok_or_else(|| {
        let found = match conduct.assignment(facts.subject) {
            Some((_, regimen, version)) => {
                format!("regimen {regimen:?}, which version {version} does not have")
            }
            None => format!("{:?}, not enrolled", facts.subject),
        };
        Refusal::new(
            "dosing/assigned",
            "a subject enrolled into a cohort, and so assigned to a regimen",
            found,
            "enrol the subject first (`enrolment`)",
        )
    })
}

fn has_fraction(regimen: &Regimen, fraction: u32) -> Result<(), Refusal> {
    let has = usize::try_from(fraction).is_ok_and(|number| (1..=regimen.fraction.len()).contains(&number));
    if has {
        return Ok(());
    }
    Err(Refusal::new(
        "dosing/fraction",
        format!("a fraction of regimen {}: 1 to {}", regimen.id, regimen.fraction.len()),
        fraction.to_string(),
        "write the fraction's number in the regimen",
    ))
}

fn is_offset(offset: Option<&str>) -> Result<(), Refusal> {
    match offset {
        Some(text) if read_offset(text).is_none() => Err(Refusal::new(
            "dosing/offset",
            "an offset from UTC such as -05:00, or Z",
            format!("{text:?}"),
            "write the offset as on the label",
        )),
        _ => Ok(()),
    }
}

fn in_order(first: &str, earlier: Timestamp, second: &str, later: Timestamp) -> Result<(), Refusal> {
    if earlier <= later {
        return Ok(());
    }
    Err(Refusal::new(
        "dosing/times",
        format!("{first} before {second}"),
        format!("{earlier} and {later}"),
        "check dates, times and time zones",
    ))
}

fn is_not_given(facts: &Facts<'_>, fraction: u32, rule: &'static str) -> Result<(), Refusal> {
    if facts.given(fraction).is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        rule,
        "a fraction that is not given",
        format!("fraction {fraction}, given"),
        "correct the administration if it was not given",
    ))
}

fn start_of(facts: &Facts<'_>, fraction: u32) -> Option<Timestamp> {
    facts.given(fraction)?.start().map(|start| start.at)
}

fn admit_directive(
    facts: &Facts<'_>,
    regimen: &Regimen,
    directive: &WrittenDirective,
) -> Result<(), Refusal> {
    let id = directive.directive.as_str();
    if facts.directives.iter().any(|earlier| earlier.fact.directive == id) {
        return Err(Refusal::new(
            "directive/once",
            "an id that is not used yet",
            format!("{id:?}"),
            "take the next free id; a change of a directive is a new one that revises it",
        ));
    }
    if directive.fractions.is_empty() && directive.revises.is_none() {
        return Err(Refusal::new(
            "directive/fractions",
            "the fractions that it prescribes",
            "none",
            "name each fraction with its activity and day",
        ));
    }
    let product = facts.protocol.and_then(|protocol| protocol.product.as_ref());
    if let Some(nuclide) = product.and_then(|product| product.radionuclide.as_deref())
        && !nuclide.eq_ignore_ascii_case(&directive.radionuclide)
    {
        return Err(Refusal::new(
            "directive/radionuclide",
            format!("the product's radionuclide, {nuclide}"),
            directive.radionuclide.clone(),
            "write the product's radionuclide",
        ));
    }
    if let Some([low, high]) = directive.range.filter(|[low, high]| low > high) {
        return Err(Refusal::new(
            "directive/range",
            "the lowest activity of the range first",
            format!("{low} to {high}"),
            "write the range from low to high",
        ));
    }
    for (place, part) in directive.fractions.iter().enumerate() {
        has_fraction(regimen, part.fraction)?;
        is_not_given(facts, part.fraction, "directive/before-administration")?;
        if part.activity.mbq().is_zero() {
            return Err(Refusal::new(
                "directive/activity",
                "a prescribed activity above zero",
                format!("{} for fraction {}", part.activity, part.fraction),
                "leave out a fraction that is not to be given",
            ));
        }
        let again = directive.fractions.iter().take(place).any(|other| other.fraction == part.fraction);
        if again {
            return Err(Refusal::new(
                "directive/fractions",
                "each fraction once",
                format!("fraction {} twice", part.fraction),
                "name it once",
            ));
        }
    }
    revises(facts, directive)
}

/// A directive revises one that stands, before administration, and no fraction is prescribed by two.
fn revises(facts: &Facts<'_>, directive: &WrittenDirective) -> Result<(), Refusal> {
    let revised = directive.revises.as_deref();
    if let Some(id) = revised {
        let Some(earlier) = facts.directives.iter().find(|earlier| earlier.fact.directive == id) else {
            return Err(Refusal::new(
                "directive/revises",
                "a directive of this subject",
                format!("{id:?}"),
                "write the id of the directive that is revised",
            ));
        };
        let later = facts.directives.iter().find(|other| other.fact.revises.as_deref() == Some(id));
        if let Some(later) = later {
            return Err(Refusal::new(
                "directive/revises",
                "a directive that is not revised yet",
                format!("{id:?}, revised by {:?}", later.fact.directive),
                "revise the one that holds now",
            ));
        }
        let open = earlier.fact.fractions.iter().any(|part| facts.given(part.fraction).is_none());
        if !open {
            return Err(Refusal::new(
                "directive/before-administration",
                "a fraction of the revised directive that is not given yet",
                format!("every fraction of {id:?} given"),
                "a directive is changed before administration only; record a deviation",
            ));
        }
        if directive.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
            return Err(Refusal::new(
                "directive/revises",
                "why it revises",
                "no reason",
                "write the reason into the directive",
            ));
        }
    }
    let is_revised =
        |id: &str| facts.directives.iter().any(|other| other.fact.revises.as_deref() == Some(id));
    for other in &facts.directives {
        let id = other.fact.directive.as_str();
        if Some(id) == revised || is_revised(id) {
            continue;
        }
        if let Some(part) = directive.fractions.iter().find(|part| other.covers(part.fraction)) {
            return Err(Refusal::new(
                "directive/one-for-each-fraction",
                "a fraction that no other directive prescribes",
                format!("fraction {}, prescribed by {id:?}", part.fraction),
                "name the directive that this one revises",
            ));
        }
    }
    Ok(())
}

fn admit_assay(facts: &Facts<'_>, regimen: &Regimen, assay: &Assay) -> Result<(), Refusal> {
    has_fraction(regimen, assay.fraction)?;
    is_offset(assay.local_offset.as_deref())?;
    match start_of(facts, assay.fraction) {
        Some(start) if assay.how != AssayBy::DecayOfLabel => {
            in_order("the assay", assay.at, "the administration", start)
        }
        _ => Ok(()),
    }
}

fn admit_residual(facts: &Facts<'_>, regimen: &Regimen, residual: &Residual) -> Result<(), Refusal> {
    has_fraction(regimen, residual.fraction)?;
    is_offset(residual.local_offset.as_deref())?;
    let Some(given) = facts.given(residual.fraction) else {
        return Err(Refusal::new(
            "dosing/residual-after-given",
            "a fraction that was given",
            format!("fraction {}, not given", residual.fraction),
            "record the administration first (`administration`)",
        ));
    };
    let Some(start) = given.start() else { return Ok(()) };
    in_order("the administration", start.at, "the residual", residual.at)?;
    let (Some(assay), Ok(half_life)) = (facts.assay(residual.fraction), facts.half_life()) else {
        return Ok(());
    };
    net_of(assay.fact, residual, start.at, half_life).map(|_| ()).map_err(|found| {
        Refusal::new(
            "dosing/residual-less-than-assay",
            "less left than there was",
            found,
            "check units and times of the two readings",
        )
    })
}

/// A check recorded after the administration is taken, and told if it was made after its start.
fn note_late_check(facts: &Facts<'_>, check: &SecondCheck, breaches: &mut Breaches<'_>) {
    if let Some(start) = start_of(facts, check.fraction).filter(|start| check.at > *start) {
        breaches.note(Refusal::new(
            "dosing/second-check",
            format!("a check before the administration, {start}"),
            check.at.to_string(),
            "check date and time zone",
        ));
    }
}

fn admit_infusion(facts: &Facts<'_>, regimen: &Regimen, infusion: &Infusion) -> Result<(), Refusal> {
    has_fraction(regimen, infusion.fraction)?;
    is_offset(infusion.local_offset.as_deref())?;
    if facts.infusions.iter().any(|earlier| earlier.fraction == infusion.fraction) {
        return Err(given_twice(infusion.fraction));
    }
    let named = facts.directives.iter().find(|directive| directive.fact.directive == infusion.directive);
    if !named.is_some_and(|directive| directive.covers(infusion.fraction)) {
        return Err(Refusal::new(
            "dosing/infusion-directive",
            format!("a directive that prescribes fraction {}", infusion.fraction),
            format!("{:?}", infusion.directive),
            "name the directive that was followed",
        ));
    }
    in_order("the start", infusion.start, "the stop", infusion.stop)?;
    let mut since = infusion.start;
    for interruption in &infusion.interruptions {
        in_order("the start, or what went before", since, "an interruption", interruption.from)?;
        since = interruption.to.unwrap_or(interruption.from);
        in_order("the interruption", interruption.from, "its end", since)?;
    }
    in_order("the last interruption", since, "the stop", infusion.stop)
}

fn given_twice(fraction: u32) -> Refusal {
    Refusal::new(
        "dosing/given-once",
        "a fraction that is not given yet",
        format!("fraction {fraction}, given"),
        "correct the earlier event, or write the fraction that was given",
    )
}

fn admit_administration(
    facts: &Facts<'_>,
    regimen: &Regimen,
    event: &Event,
    given: &Administration,
    breaches: &mut Breaches<'_>,
) -> Result<(), Refusal> {
    let Some(fraction) = given.fraction else {
        return Err(Refusal::new(
            "dosing/fraction",
            format!("the fraction of regimen {}, 1 to {}", regimen.id, regimen.fraction.len()),
            "none",
            "name the fraction that was given",
        ));
    };
    if facts.administrations.iter().any(|(number, _)| *number == fraction) {
        return Err(given_twice(fraction));
    }
    if let (Some(start), Some(end)) =
        (given.start.instant(), given.end.as_ref().and_then(crate::when::When::instant))
    {
        in_order("the start", start, "the end", end)?;
    }
    // It happened: what the regimen does not foresee is told and not refused.
    if let Err(beyond) = has_fraction(regimen, fraction) {
        breaches.note(beyond);
    }
    if facts.omitted.iter().any(|omitted| omitted.fraction == fraction) {
        breaches.note(Refusal::new(
            "dosing/omitted-before-given",
            "a fraction that was not omitted",
            format!("fraction {fraction}, omitted"),
            "correct the omission",
        ));
    }
    note_order(facts, fraction, given, breaches);
    for check in checks_at(facts.conduct, event, given, fraction) {
        // Whether cells are needed must be known by now.
        let unknown = check.judged == Judged::NotKnown && check.rule == "dosing/stem-cells";
        if check.judged == Judged::NotMet || unknown {
            breaches.note(Refusal::new(check.rule, check.asks, check.found, check.mend));
        }
    }
    Ok(())
}

/// The fractions before it are given before it, or omitted, or withheld.
fn note_order(facts: &Facts<'_>, fraction: u32, given: &Administration, breaches: &mut Breaches<'_>) {
    for earlier in 1..fraction {
        let found = match facts.given(earlier) {
            Some(before) => before
                .day()
                .filter(|day| *day > given.start.latest_date())
                .map(|day| format!("fraction {earlier} given on {day}, later")),
            None => {
                let settled = facts.omitted.iter().any(|omitted| omitted.fraction == earlier)
                    || facts.withheld_by(earlier).is_some();
                (!settled).then(|| format!("fraction {earlier} neither given nor omitted"))
            }
        };
        if let Some(found) = found {
            breaches.note(Refusal::new(
                "dosing/fractions-in-order",
                format!("the fractions before fraction {fraction} given or omitted before it"),
                found,
                "record what became of the earlier fraction",
            ));
            return;
        }
    }
}

fn admit_reduced(facts: &Facts<'_>, regimen: &Regimen, reduced: &FractionReduced) -> Result<(), Refusal> {
    has_fraction(regimen, reduced.fraction)?;
    is_not_given(facts, reduced.fraction, "dosing/reduced-before-given")?;
    // A directive already revised to the reduced activity agrees with it; only a greater one is none.
    let prescribed = facts.directives.iter().filter_map(|directive| {
        directive
            .fact
            .fractions
            .iter()
            .find(|part| part.fraction == reduced.fraction)
            .map(|part| part.activity)
    });
    match prescribed.reduce(|a, b| if b > a { b } else { a }) {
        Some(first) if reduced.activity >= first => Err(Refusal::new(
            "dosing/reduced-below-prescribed",
            format!("less than the {first} prescribed"),
            reduced.activity.to_string(),
            "check number and unit",
        )),
        _ => Ok(()),
    }
}

fn admit_extravasation(facts: &Facts<'_>, leak: &Extravasation) -> Result<(), Refusal> {
    let given = was_given(facts, leak.fraction)?;
    match given.start() {
        Some(start) => in_order("the administration", start.at, "the leak", leak.at),
        None => Ok(()),
    }
}

fn admit_release(facts: &Facts<'_>, release: &PatientRelease) -> Result<(), Refusal> {
    let given = was_given(facts, release.fraction)?;
    if let Some(start) = given.start() {
        in_order("the administration", start.at, "the release", release.at)?;
    }
    match release.effective_half_life_days {
        Some(days) if days <= rust_decimal::Decimal::ZERO => Err(Refusal::new(
            "dosing/effective-half-life",
            "an effective half-life above 0 days",
            days.to_string(),
            "write it in days, such as 6.5, or leave it out",
        )),
        _ => Ok(()),
    }
}

fn was_given<'a>(facts: &Facts<'a>, fraction: u32) -> Result<Given<'a>, Refusal> {
    facts.given(fraction).ok_or_else(|| {
        Refusal::new(
            "dosing/after-given",
            "a fraction that was given",
            format!("fraction {fraction}, not given"),
            "record the administration first (`administration`)",
        )
    })
}
