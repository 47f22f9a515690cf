//! Absorbed doses of organs: each belongs to a fraction that was given, and stands once.

use super::{Conduct, Refusal};
use crate::event::{Event, Fact, Kind, OrganAbsorbedDose};

pub(super) fn admit(conduct: &Conduct, event: &Event) -> Result<(), Refusal> {
    let Fact::OrganAbsorbedDose(value) = &event.fact else { return Ok(()) };
    for (name, number) in [("fraction", value.fraction), ("course", value.course)] {
        if number == Some(0) {
            let expected = format!("a {name} from 1");
            return Err(Refusal::new("organ/number", expected, "0", "count from 1, or leave it out"));
        }
    }
    if value.organ.trim().is_empty() {
        let mend = "write the organ in a word, such as marrow or kidney";
        return Err(Refusal::new("organ/name", "the name of an organ", "none", mend));
    }
    // Imported rows were given a place by their file; the analysis says what cannot be added.
    if event.origin.is_some() {
        return Ok(());
    }
    if let Some(fraction) = value.fraction
        && !is_given(conduct, &value.subject, fraction)
    {
        let mend = "record the administration first, or correct the fraction";
        let found = format!("fraction {fraction}, of which no administration is recorded");
        return Err(Refusal::new("organ/fraction-given", "a fraction that was given", found, mend));
    }
    let corrected = event.corrects.as_ref().map(|correction| correction.hash.as_str());
    let stands = conduct
        .of_subject(&value.subject, Kind::OrganAbsorbedDose)
        .filter(|entry| Some(entry.hash.as_str()) != corrected)
        .any(|entry| matches!(&entry.event.fact, Fact::OrganAbsorbedDose(other) if is_same(other, value)));
    if stands {
        let mend = "correct the value that stands, where this one replaces it";
        let found = format!("a second one of the {}", value.organ);
        return Err(Refusal::new(
            "organ/once",
            "one value for an organ of a fraction or course",
            found,
            mend,
        ));
    }
    Ok(())
}

fn is_given(conduct: &Conduct, subject: &str, fraction: u32) -> bool {
    let mut given = conduct.of_subject(subject, Kind::Administration);
    given.any(
        |entry| matches!(&entry.event.fact, Fact::Administration(given) if given.fraction == Some(fraction)),
    )
}

fn is_same(one: &OrganAbsorbedDose, other: &OrganAbsorbedDose) -> bool {
    one.organ.trim().eq_ignore_ascii_case(other.organ.trim())
        && (one.fraction, one.course) == (other.fraction, other.course)
}
