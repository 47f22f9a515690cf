//! Lymphoma: lesions, PET, spleen and marrow, by Lugano 2014 or LYRIC.

use std::path::Path;
use std::str::FromStr;

use posology_clinic::response::lugano::{
    Anatomic, Baseline, Ct, Height, MarrowUptake, Metabolic, NonMeasured, Pet, Scan, Score, Settings, Sizes,
    Uptake, Visit, assess_all, basis,
};
use serde_json::{Value, json};

use super::lesions::{self, More, Options, Patient, Reading};
use super::{Subject, flag, word};
use crate::failure::Failure;

/// Columns that belong to a visit.
const COLUMNS: &[&str] = &[
    "avid",
    "deauville",
    "uptake",
    "new_foci",
    "marrow_uptake",
    "metabolic",
    "anatomic",
    "spleen",
    "spleen_unit",
    "non_measured",
    "marrow",
    "clinical",
    "biopsy",
];

/// The subjects of a table of lesions, their assessments judged.
pub(super) fn subjects(
    settings: &Settings,
    file: &Path,
    reading: Reading<'_>,
) -> Result<Vec<Subject>, Failure> {
    let options = Options { set: settings.criteria, columns: COLUMNS, reading };
    let more = More { lesions_optional: true, ..More::default() };
    lesions::read_more(file, &options, more)?
        .into_iter()
        .map(|patient| subject(settings, file, patient))
        .collect()
}

fn subject(settings: &Settings, file: &Path, patient: Patient) -> Result<Subject, Failure> {
    let Patient { mut subject, baseline, visits } = patient;
    let said_avid = std::iter::once(&baseline)
        .chain(&visits)
        .find_map(|visit| flag(visit, "avid").transpose())
        .transpose()?;
    let baseline = Baseline {
        visit: visit(baseline)?,
        // Without any PET the answer does not depend on it.
        avid: said_avid.unwrap_or(true),
        treatment_start: subject.course.first_treatment,
    };
    for scored in visits.iter().filter(|visit| visit.value("deauville").is_some()) {
        if scored.value("new_foci").is_none() {
            let says = format!(
                "{}: nobody says whether PET shows new foci (column new_foci): taken to show none, which rules out PMD by them",
                scored.date
            );
            let because = posology_clinic::Because::new("response/new-foci", says).input("date", scored.date);
            subject.warnings.push(because);
        }
    }
    let visits = visits.into_iter().map(visit).collect::<Result<Vec<_>, _>>()?;
    let has_pet = visits.iter().any(|visit| visit.pet != Pet::NotDone);
    if said_avid.is_none() && has_pet {
        subject.warnings.push(posology_clinic::Because::new(
            "response/avid",
            "nobody says whether the histology takes up FDG (column avid): taken to, so that PET rules",
        ));
    }
    let wrong = |bad| Failure::input(format!("{}: subject {}: {bad}", file.display(), subject.name));
    subject.basis = basis(settings, &baseline).map_err(wrong)?;
    let assessed = assess_all(settings, &baseline, &visits).map_err(wrong)?;
    let parts: Vec<Value> = assessed
        .iter()
        .map(|response| {
            json!({
                "date": response.date, "components": response.components, "signs": response.signs,
                "sum_of_products_mm2": response.sum_of_products,
            })
        })
        .collect();
    subject.also.insert("components".to_owned(), json!(parts));
    subject.assessments = assessed.into_iter().map(|response| response.into_assessment()).collect();
    Ok(subject)
}

fn visit(read: lesions::Visit) -> Result<Visit, Failure> {
    let pet = pet(&read)?;
    let spleen = spleen(&read)?;
    let non_measured = word(&read, "non_measured")?;
    let anatomic = done::<Anatomic>(&read, "anatomic")?;
    let is_measured = !read.lesions.is_empty() || spleen.is_some() || non_measured.is_some();
    if anatomic.is_some() && is_measured {
        return Err(read.bad(
            "anatomic",
            &"expected sizes or the reader's anatomic response, found both; mend: keep one, or write the reader's category in the column investigator",
        ));
    }
    let (marrow, clinical, biopsy) =
        (word(&read, "marrow")?, word(&read, "clinical")?, word(&read, "biopsy")?);
    let ct = match anatomic {
        Some(Some(anatomic)) => Ct::Read(anatomic),
        _ if is_measured => Ct::Measured(Sizes {
            lesions: read.lesions,
            spleen,
            non_measured: non_measured.unwrap_or(NonMeasured::NotAssessed),
        }),
        _ => Ct::NotDone,
    };
    let blank = Visit::new(read.date);
    Ok(Visit {
        pet,
        ct,
        marrow: marrow.unwrap_or(blank.marrow),
        clinical: clinical.unwrap_or(blank.clinical),
        biopsy: biopsy.unwrap_or(blank.biopsy),
        ..blank
    })
}

fn pet(read: &lesions::Visit) -> Result<Pet, Failure> {
    let metabolic = done::<Metabolic>(read, "metabolic")?;
    let score: Option<Score> = word(read, "deauville")?;
    let new_foci = flag(read, "new_foci")?;
    match (metabolic, score) {
        (Some(_), Some(_)) => Err(read.bad(
            "metabolic",
            &"expected a Deauville score or the reader's metabolic response, found both; mend: keep one",
        )),
        (Some(Some(metabolic)), None) => Ok(Pet::Read(metabolic)),
        (_, Some(score)) => Ok(Pet::Scored(Scan {
            score,
            uptake: word(read, "uptake")?.unwrap_or(Uptake::NotJudged),
            new_foci: new_foci.unwrap_or(false),
            marrow: word(read, "marrow_uptake")?.unwrap_or(MarrowUptake::NotJudged),
        })),
        (_, None) => {
            match ["uptake", "new_foci", "marrow_uptake"].iter().find(|name| read.value(name).is_some()) {
                Some(column) => Err(read.bad(
                    column,
                    &"expected a Deauville score beside it, found none; mend: fill in the column deauville",
                )),
                None => Ok(Pet::NotDone),
            }
        }
    }
}

fn spleen(read: &lesions::Visit) -> Result<Option<Height>, Failure> {
    let Some(text) = read.value("spleen") else { return Ok(None) };
    let has_unit = text.contains(char::is_alphabetic);
    let unit = if has_unit { "" } else { read.value("spleen_unit").unwrap_or_default() };
    let split = text.find(char::is_alphabetic).unwrap_or(text.len());
    let (number, own) = text.split_at(split);
    format!("{} {own}{unit}", number.trim()).parse().map(Some).map_err(|bad: String| read.bad("spleen", &bad))
}

/// A response by its code; `ND` and `NOT DONE` say that there is none.
fn done<T: FromStr<Err = String>>(read: &lesions::Visit, column: &str) -> Result<Option<Option<T>>, Failure> {
    let Some(text) = read.value(column) else { return Ok(None) };
    if ["nd", "not done", "not-done"].contains(&text.to_ascii_lowercase().as_str()) {
        return Ok(Some(None));
    }
    text.parse().map(|found| Some(Some(found))).map_err(|bad| read.bad(column, &bad))
}
