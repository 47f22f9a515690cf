//! Brain tumours: lesions by part, T2/FLAIR, steroids and clinical status, by RANO 2010, RANO 2.0 or RAPNO.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::CriteriaSet;
use posology_clinic::response::lesion::Lesion;
use posology_clinic::response::rano::{
    Baseline, Followed, Part, Settings, Steroids, Tumour, Visit, assess_all, basis,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::lesions::{self, More, Options, Patient, Reading};
use super::{Subject, flag, word};
use crate::failure::Failure;

/// Columns that belong to a visit; the last three say something of the whole course.
const COLUMNS: &[&str] = &[
    "flair",
    "steroids",
    "clinical",
    "histology",
    "diffusion",
    "followed",
    "anti_angiogenic",
    "radiotherapy_end",
];
/// Columns that belong to a lesion.
const LESION_COLUMNS: &[&str] = &["part", "volume", "outside_isodose"];

/// The subjects of a table of lesions, their assessments judged.
pub(super) fn subjects(
    settings: &Settings,
    file: &Path,
    reading: Reading<'_>,
) -> Result<Vec<Subject>, Failure> {
    let options = Options { set: settings.criteria, columns: COLUMNS, reading };
    let more = More { lesion_columns: LESION_COLUMNS, lesions_optional: false };
    lesions::read_more(file, &options, more)?
        .into_iter()
        .map(|patient| subject(settings, file, patient))
        .collect()
}

fn subject(settings: &Settings, file: &Path, patient: Patient) -> Result<Subject, Failure> {
    let Patient { mut subject, baseline: first, visits } = patient;
    let parts = parts(settings, &subject.name, std::iter::once(&first).chain(&visits))?;
    let all = || std::iter::once(&first).chain(&visits);
    let followed: Option<Followed> =
        all().find_map(|visit| word(visit, "followed").transpose()).transpose()?;
    let anti_angiogenic = all().find_map(|visit| flag(visit, "anti_angiogenic").transpose()).transpose()?;
    let radiotherapy_end: Option<Date> = all()
        .find_map(|visit| visit.value("radiotherapy_end").map(|text| (visit, text)))
        .map(|(visit, text)| {
            let wrong = |error: jiff::Error| {
                let says = format!(
                    "expected a date such as 2024-03-01, found {text:?} ({error}); mend: write it so"
                );
                visit.bad("radiotherapy_end", &says)
            };
            text.parse().map_err(wrong)
        })
        .transpose()?;
    let followed = match followed {
        Some(followed) => followed,
        // What is measured at baseline says which parts there are.
        None => {
            let has = |part| first.lesions.iter().any(|lesion| parts.get(&lesion.id) == Some(&part));
            match (has(Part::Enhancing), has(Part::NonEnhancing)) {
                (true, true) => Followed::Mixed,
                (false, true) => Followed::NonEnhancing,
                _ => Followed::Enhancing,
            }
        }
    };
    let baseline = Baseline {
        visit: visit(&parts, &first)?,
        radiotherapy_end,
        anti_angiogenic: anti_angiogenic.unwrap_or(false),
        followed,
    };
    if subject.course.first_treatment.is_none() && settings.min_stable_disease_days > 0 {
        subject.course.first_treatment = Some(baseline.visit.date);
        subject.warnings.push(Because::new(
            "response/first-treatment",
            format!(
                "first_treatment is not given: stable disease is counted from the baseline of {}",
                baseline.visit.date
            ),
        ));
    }
    let visits = visits.iter().map(|read| visit(&parts, read)).collect::<Result<Vec<_>, _>>()?;
    let wrong = |bad| Failure::input(format!("{}: subject {}: {bad}", file.display(), subject.name));
    subject.basis = basis(settings, &baseline).map_err(wrong)?;
    let assessed = assess_all(settings, &baseline, &visits).map_err(wrong)?;
    let told: Vec<Value> = assessed
        .iter()
        .map(|response| {
            json!({
                "date": response.date, "components": response.components, "signs": response.signs,
                "preliminary": response.preliminary,
            })
        })
        .collect();
    subject.also.insert("components".to_owned(), json!(told));
    subject.also.insert("followed".to_owned(), json!(baseline.followed));
    subject.assessments = assessed.into_iter().map(|response| response.into_assessment()).collect();
    Ok(subject)
}

/// The part of each lesion, said once. The targets of RANO 2010 and RAPNO enhance; RANO 2.0 must say.
fn parts<'a>(
    settings: &Settings,
    subject: &str,
    visits: impl Iterator<Item = &'a lesions::Visit> + Clone,
) -> Result<BTreeMap<String, Part>, Failure> {
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    let lesions = || visits.clone().flat_map(|visit| visit.lesions.iter().map(move |lesion| (visit, lesion)));
    for (visit, lesion) in lesions() {
        let Some(text) = visit.of_lesion(&lesion.id, "part") else { continue };
        let part: Part = text.parse().map_err(|bad: String| visit.bad_lesion(&lesion.id, "part", &bad))?;
        if parts.insert(lesion.id.clone(), part).is_some_and(|before| before != part) {
            let says =
                "expected a lesion to keep its part, found both; mend: give the other part a name of its own";
            return Err(visit.bad_lesion(&lesion.id, "part", &format!("subject {subject}: {says}")));
        }
    }
    for (visit, lesion) in lesions() {
        if parts.contains_key(&lesion.id) {
            continue;
        }
        if settings.criteria == CriteriaSet::Rano2 {
            let says = format!(
                "subject {subject}: expected the part of a lesion, found none; mend: write enhancing or non-enhancing"
            );
            return Err(visit.bad_lesion(&lesion.id, "part", &says));
        }
        parts.insert(lesion.id.clone(), Part::Enhancing);
    }
    Ok(parts)
}

fn visit(parts: &BTreeMap<String, Part>, read: &lesions::Visit) -> Result<Visit, Failure> {
    let tumours =
        read.lesions.iter().map(|lesion| tumour(parts, read, lesion)).collect::<Result<Vec<_>, Failure>>()?;
    let blank = Visit::new(read.date);
    let steroids: Option<Steroids> = word(read, "steroids")?;
    Ok(Visit {
        tumours,
        flair: word(read, "flair")?.unwrap_or(blank.flair),
        steroids: steroids.unwrap_or(blank.steroids),
        clinical: word(read, "clinical")?.unwrap_or(blank.clinical),
        histology: word(read, "histology")?.unwrap_or(blank.histology),
        diffusion: word(read, "diffusion")?.unwrap_or(blank.diffusion),
        ..blank
    })
}

fn tumour(parts: &BTreeMap<String, Part>, read: &lesions::Visit, lesion: &Lesion) -> Result<Tumour, Failure> {
    let id = lesion.id.as_str();
    let volume_ml = read
        .of_lesion(id, "volume")
        .map(|text| millilitres(text).map_err(|bad| read.bad_lesion(id, "volume", &bad)))
        .transpose()?;
    let outside_isodose = match read.of_lesion(id, "outside_isodose").map(str::to_ascii_uppercase).as_deref()
    {
        None => None,
        Some("Y") => Some(true),
        Some("N") => Some(false),
        Some(other) => {
            let says =
                format!("expected Y or N, found {other:?}; mend: write Y outside the 80% isodose line");
            return Err(read.bad_lesion(id, "outside_isodose", &says));
        }
    };
    let part = parts.get(id).copied().unwrap_or(Part::Enhancing);
    Ok(Tumour { lesion: lesion.clone(), part, volume_ml, outside_isodose })
}

/// A volume with its unit, in ml. A unit is never guessed.
fn millilitres(text: &str) -> Result<Decimal, String> {
    let split = text.find(char::is_alphabetic).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: Decimal = number
        .trim()
        .parse()
        .map_err(|_| format!("expected a volume such as 12.5 ml, found {text:?}; mend: write it so"))?;
    let volume = match unit.trim().to_ascii_lowercase().as_str() {
        "ml" | "cm3" | "cm³" => Some(number),
        "mm3" | "mm³" => number.checked_div(Decimal::ONE_THOUSAND),
        other => {
            return Err(format!(
                "expected ml, cm3 or mm3, found the unit {other:?}; mend: write the unit, as 12.5 ml"
            ));
        }
    };
    volume.ok_or_else(|| format!("expected a volume up to 10,000 ml, found {text:?}; mend: correct it"))
}
