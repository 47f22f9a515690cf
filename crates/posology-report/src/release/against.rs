//! The claims against the record: counted anew at the cut, and held against the protocol.

use posology_clinic::response::Category;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::analysis::toxicity::DltStatus;
use posology_trial::analysis::{Analysis, CohortAnalysis};
use posology_trial::protocol::{Population, RateDefinition, Stratum};
use rust_decimal::Decimal;
use serde_json::json;

use super::arithmetic::edits;
use super::claims::{Asks, Counted, Reading};
use super::phrase::Measure;
use super::{Claim, Printed, Verdict};

/// Judges claims by the record, where it can.
pub(super) fn judge(analysis: &Analysis, reading: &Reading<'_>, claims: &mut [Claim]) {
    for claim in claims {
        let stratum = named_stratum(analysis, reading, (claim.start, claim.start + claim.text.len()));
        // What arithmetic or the text itself rules out stays so.
        if claim.verdict == Verdict::Contradicted {
            continue;
        }
        let judged = match &claim.asks {
            Asks::Rate { measure, printed, x, n, cohorts, confirmed } => {
                rate(analysis, measure, *printed, (*x, *n), Whom { cohorts, stratum }, *confirmed)
            }
            Asks::Count { measure, what, x, n, cohorts } => {
                count(analysis, measure.as_ref(), *what, (*x, *n), Whom { cohorts, stratum })
            }
            Asks::Level { total, parts, cohorts } => level(analysis, *total, parts, cohorts),
            Asks::Committee { unanimous, cohorts } => committee(analysis, *unanimous, cohorts),
            Asks::Opened { cohort } => opened(analysis, *cohort),
            Asks::Remain { all, cohorts } => remain(analysis, *all, Whom { cohorts, stratum }),
            Asks::Registry { id } => registry(analysis, id),
            Asks::Organisation { name } => organisation(analysis, name),
            Asks::Nothing => None,
        };
        if let Some((verdict, because, evidence)) = judged {
            claim.verdict = verdict;
            claim.because = because;
            let cut = json!({ "cut-off": analysis.cut.cut_off.to_string(), "position": analysis.cut.position, "head": analysis.cut.head });
            claim.evidence = vec![evidence, json!({ "cut": cut })];
        } else if claim.verdict == Verdict::NotCheckable
            && ["not at hand", "no record is at hand"].iter().any(|words| claim.because.contains(words))
        {
            "A record is at hand, and no rule reads this in it: someone should look."
                .clone_into(&mut claim.because);
        }
    }
}

type Judged = Option<(Verdict, String, serde_json::Value)>;

/// The cohorts of the protocol by the numbers of a text: the id that ends in the number, else the place.
fn cohorts_of<'a>(analysis: &'a Analysis, numbers: &[u32]) -> Option<Vec<&'a CohortAnalysis>> {
    let digits = |id: &str| id.chars().filter(char::is_ascii_digit).collect::<String>();
    numbers
        .iter()
        .map(|number| {
            let by_id = analysis.cohorts.iter().find(|cohort| digits(&cohort.id) == number.to_string());
            by_id.or_else(|| analysis.cohorts.get((*number as usize).checked_sub(1)?))
        })
        .collect()
}

/// Whom a claim is over, as the text names them: cohorts by number, else a kind of disease, else everyone.
#[derive(Clone, Copy)]
struct Whom<'a> {
    cohorts: &'a [u32],
    stratum: Option<&'a Stratum>,
}

impl Whom<'_> {
    /// Whether the text names nobody in particular.
    fn is_everyone(self) -> bool {
        self.cohorts.is_empty() && self.stratum.is_none()
    }
}

/// Letters and digits alone, with `ae` as `e`: `Leukaemia` and `leukemia` are one word.
fn plain(text: &str) -> String {
    let letters: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    letters.replace("ae", "e").replace('ö', "o")
}

/// The kind of disease that a claim names, or else its sentence where that names one alone: by its whole name, by one of two
/// names joined by `or`, or by its id in the same letters.
fn named_stratum<'a>(
    analysis: &'a Analysis,
    reading: &Reading<'_>,
    (start, end): (usize, usize),
) -> Option<&'a Stratum> {
    let strata = &analysis.protocol.stratum;
    if strata.len() < 2 {
        return None;
    }
    let sentence =
        reading.sentences.iter().find(|one| (one.start..one.end.max(one.start + 1)).contains(&start))?;
    let text = reading.text.get(sentence.start..sentence.end)?;
    let at = start - sentence.start;
    let mut found: Vec<(usize, &Stratum)> = Vec::new();
    for stratum in strata {
        let names = stratum.name.split(" or ").chain([stratum.name.as_str()]).map(plain);
        let words: Vec<(usize, &str)> = text
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '(' | ')' | '.'))
            .filter(|word| !word.is_empty())
            .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
            .collect();
        for name in names {
            for (first, _) in words.iter().enumerate() {
                let mut joined = String::new();
                for (_, word) in words.iter().skip(first).take(9) {
                    joined.push_str(&plain(word));
                    if joined == name || joined.strip_suffix('s') == Some(&name) {
                        found.extend(words.get(first).map(|(place, _)| (*place, stratum)));
                    }
                    if joined.len() > name.len() {
                        break;
                    }
                }
            }
        }
        let id = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        // `cohort MM` is a cohort, which may be part of the patients with that disease.
        let is_id = words.iter().enumerate().find(|(at, (_, word))| {
            let before = at.checked_sub(1).and_then(|at| words.get(at)).map_or("", |(_, word)| word);
            id(word) == id(&stratum.id)
                && !matches!(plain(before).as_str(), "cohort" | "cohorts" | "arm" | "arms")
        });
        let is_id = is_id.map(|(_, found)| found);
        found.extend(is_id.map(|(place, _)| (*place, stratum)));
    }
    // Named in the claim itself, or the only one of the sentence; between several nobody can tell.
    let within = found.iter().find(|(place, _)| (at..at + (end - start)).contains(place));
    let only = found.first().filter(|(_, first)| found.iter().all(|(_, other)| other.id == first.id));
    within.or(only).map(|(_, stratum)| *stratum)
}

/// The patients a claim is over: of its cohorts, of its kind of disease, else all.
fn patients<'a>(analysis: &'a Analysis, whom: Whom<'_>) -> Option<(Vec<&'a PatientAnalysis>, String)> {
    let numbers = whom.cohorts;
    if let (true, Some(stratum)) = (numbers.is_empty(), whom.stratum) {
        let of = |patient: &&PatientAnalysis| patient.stratum.as_deref() == Some(stratum.id.as_str());
        return Some((analysis.patients.iter().filter(of).collect(), stratum.name.clone()));
    }
    if numbers.is_empty() {
        return Some((analysis.patients.iter().collect(), "all cohorts".to_owned()));
    }
    let cohorts = cohorts_of(analysis, numbers)?;
    let ids: Vec<&str> = cohorts.iter().map(|cohort| cohort.id.as_str()).collect();
    let words = if ids.len() == 1 {
        format!("cohort {}", ids.join(""))
    } else {
        format!("cohorts {}", ids.join(", "))
    };
    Some((cohorts.iter().flat_map(|cohort| analysis.patients_of(cohort)).collect(), words))
}

/// How the record counts a measure: of whom, and with which definition. Each way is a pair of counts with its words.
fn counted(
    analysis: &Analysis,
    measure: &Measure,
    patients: &[&PatientAnalysis],
    confirmed: Option<bool>,
) -> Vec<(u32, u32, String)> {
    let mut ways = Vec::new();
    let by = |id: &str| analysis.protocol.rate.iter().find(|rate| rate.id.eq_ignore_ascii_case(id));
    let least = |category: Category| RateDefinition {
        id: category.code().to_owned(),
        name: format!("{category} or better"),
        at_least: category,
        at_least_by: std::collections::BTreeMap::new(),
        population: Population::ResponseEvaluable,
        minimum_days: None,
    };
    let standings: &[bool] = match confirmed {
        Some(true) => &[true],
        Some(false) => &[false],
        None => &[true, false],
    };
    let definition = match measure {
        Measure::OverallResponse => by("ORR").cloned().or(Some(least(Category::Partial))),
        Measure::ClinicalBenefit => {
            by("CBR").or_else(|| by("CB")).cloned().or(Some(least(Category::Minimal)))
        }
        Measure::DiseaseControl => by("DCR").cloned().or(Some(least(Category::Stable))),
        Measure::AtLeast(category) => Some(least(*category)),
        _ => None,
    };
    for standing in standings {
        let word = if *standing { "confirmed" } else { "unconfirmed" };
        if let Some(definition) = &definition {
            let rate = analysis.rate(definition, patients.iter().copied(), *standing);
            ways.push((
                rate.successes(),
                rate.denominator(),
                format!("{}, {word}, of the response-evaluable", definition.id),
            ));
        }
        if let Measure::Category(category) = measure {
            let of: Vec<_> =
                patients.iter().filter(|patient| patient.is_in(Population::ResponseEvaluable)).collect();
            let best = |patient: &PatientAnalysis| {
                if *standing { patient.response.best.confirmed } else { patient.response.best.unconfirmed }
            };
            let with = of.iter().filter(|patient| best(patient) == Some(*category)).count();
            ways.push((
                whole(with),
                whole(of.len()),
                format!("best response {category}, {word}, of the response-evaluable"),
            ));
        }
    }
    if *measure == Measure::DoseLimiting {
        let evaluable = patients.iter().filter(|patient| patient.is_in(Population::DltEvaluable)).count();
        let with = patients.iter().filter(|patient| patient.dlt.status == DltStatus::Dlt).count();
        ways.push((whole(with), whole(evaluable), "dose-limiting toxicity, of the DLT-evaluable".to_owned()));
    }
    if *measure == Measure::WholeWindow {
        // Without a toxicity over the window, as the rule counts it (the last visit may be some days early), or to its end.
        let followed = |patient: &&&&PatientAnalysis| {
            patient.dlt.status == DltStatus::NoDlt || patient.dlt.share >= Decimal::ONE
        };
        for (population, words) in
            [(Population::Treated, "of the treated"), (Population::DltEvaluable, "of the DLT-evaluable")]
        {
            let of: Vec<&&PatientAnalysis> =
                patients.iter().filter(|patient| patient.is_in(population)).collect();
            let done = of.iter().filter(followed).count();
            ways.push((whole(done), whole(of.len()), format!("followed over the whole window, {words}")));
        }
    }
    ways
}

fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn rate(
    analysis: &Analysis,
    measure: &Measure,
    printed: Printed,
    (x, n): (Option<u32>, Option<u32>),
    asked: Whom<'_>,
    confirmed: Option<bool>,
) -> Judged {
    let (patients, whom) = patients(analysis, asked)?;
    let ways = counted(analysis, measure, &patients, confirmed);
    if ways.is_empty() {
        return None;
    }
    let fits = |(with, of, _): &&(u32, u32, String)| {
        printed.is_of(*with, *of) && x.is_none_or(|x| x == *with) && n.is_none_or(|n| n == *of)
    };
    let value = printed.value;
    if let Some((with, of, words)) = ways.iter().find(fits) {
        let rate = posology_design::numeric::clopper_pearson(*with, *of, 0.95);
        let interval = rate.map(|(low, high)| json!([low, high]));
        let says = format!("In {whom}, {words}: {with} of {of}, which is {value}% as printed.");
        let query = json!({ "query": words, "of": whom, "n": with, "N": of, "interval-95": interval, "method": "Clopper-Pearson" });
        return Some((Verdict::Reproduced, says, query));
    }
    let counts: Vec<String> =
        ways.iter().map(|(with, of, words)| format!("{with} of {of} ({words})")).collect();
    // A rate of a text that names no cohort may be of some other set: it is reproduced or not, and contradicted only where
    // its patients are named.
    let says =
        format!("In {whom} the record has {}; none of these is printed as {value}%.", counts.join(", "));
    let verdict = if asked.is_everyone() { Verdict::NotReproducible } else { Verdict::Contradicted };
    Some((
        verdict,
        says,
        json!({ "of": whom, "counts": ways.iter().map(|(with, of, words)| json!({ "n": with, "N": of, "query": words })).collect::<Vec<_>>() }),
    ))
}

fn count(
    analysis: &Analysis,
    measure: Option<&Measure>,
    what: Counted,
    (x, n): (u32, Option<u32>),
    asked: Whom<'_>,
) -> Judged {
    let (patients, whom) = patients(analysis, asked)?;
    if let Some(measure) = measure {
        let ways = counted(analysis, measure, &patients, None);
        if ways.is_empty() {
            return None;
        }
        let fits = ways.iter().find(|(with, of, _)| *with == x && n.is_none_or(|n| n == *of));
        let counts: Vec<String> =
            ways.iter().map(|(with, of, words)| format!("{with} of {of} ({words})")).collect();
        let evidence = json!({ "of": whom, "counts": ways.iter().map(|(with, of, words)| json!({ "n": with, "N": of, "query": words })).collect::<Vec<_>>() });
        return Some(match fits {
            Some((with, of, words)) => {
                (Verdict::Reproduced, format!("In {whom}, {words}: {with} of {of}, as printed."), evidence)
            }
            None if asked.is_everyone() && n.is_none() => return None,
            None => (
                Verdict::Contradicted,
                format!(
                    "In {whom} the record has {}, not {x}{}.",
                    counts.join(", "),
                    n.map(|n| format!(" of {n}")).unwrap_or_default()
                ),
                evidence,
            ),
        });
    }
    if n.is_some() || asked.is_everyone() && what == Counted::Unknown {
        return None;
    }
    let enrolled = patients.iter().filter(|patient| patient.enrolled.is_some()).count();
    let treated = patients.iter().filter(|patient| patient.is_treated()).count();
    let dlt = patients.iter().filter(|patient| patient.is_in(Population::DltEvaluable)).count();
    let response = patients.iter().filter(|patient| patient.is_in(Population::ResponseEvaluable)).count();
    let of: Vec<(usize, &str)> = match what {
        Counted::Enrolled => vec![(enrolled, "enrolled")],
        Counted::Treated => vec![(treated, "treated")],
        Counted::Evaluable => {
            vec![(dlt, "evaluable for dose-limiting toxicity"), (response, "evaluable for response")]
        }
        Counted::With | Counted::Unknown => {
            vec![
                (treated, "treated"),
                (enrolled, "enrolled"),
                (dlt, "DLT-evaluable"),
                (response, "response-evaluable"),
            ]
        }
    };
    let evidence = json!({ "of": whom, "counts": of.iter().map(|(count, words)| json!({ "n": count, "query": words })).collect::<Vec<_>>() });
    if let Some((_, words)) = of.iter().find(|(count, _)| whole(*count) == x) {
        return Some((Verdict::Reproduced, format!("In {whom} {x} patients are {words}."), evidence));
    }
    if what == Counted::Unknown || asked.is_everyone() {
        return None;
    }
    let counts: Vec<String> = of.iter().map(|(count, words)| format!("{count} {words}")).collect();
    Some((
        Verdict::Contradicted,
        format!("In {whom} the record has {}, not {x}.", counts.join(" and ")),
        evidence,
    ))
}

fn level(analysis: &Analysis, total: Option<Decimal>, parts: &[Decimal], numbers: &[u32]) -> Judged {
    let protocol = &analysis.protocol;
    let total = total?;
    let mci = |regimen: &posology_trial::protocol::Regimen| {
        regimen.total_per_area().map(|total| total.mci_per_m2().normalize())
    };
    let fractions = |regimen: &posology_trial::protocol::Regimen| {
        regimen
            .required()
            .filter_map(|fraction| fraction.activity)
            .map(|one| one.mci_per_m2().normalize())
            .collect::<Vec<_>>()
    };
    let parts: Vec<Decimal> = parts.iter().map(Decimal::normalize).collect();
    let fits = |regimen: &&posology_trial::protocol::Regimen| {
        mci(regimen) == Some(total.normalize()) && (parts.is_empty() || fractions(regimen) == parts)
    };
    let version = &protocol.version.id;
    let named = cohorts_of(analysis, numbers).unwrap_or_default();
    let of_cohort = match named.as_slice() {
        [cohort] if numbers.len() == 1 => {
            protocol.regimen(&cohort.regimen).map(|regimen| (cohort.id.clone(), regimen))
        }
        _ => None,
    };
    if let Some((cohort, regimen)) = of_cohort {
        let evidence = json!({ "cohort": cohort, "regimen": regimen.id, "protocol-version": version });
        if fits(&regimen) {
            let says = format!(
                "Cohort {cohort} has the regimen {} in version {version} of the protocol.",
                regimen.title()
            );
            return Some((Verdict::Reproduced, says, evidence));
        }
        // Another level may be named in the same breath; it is contradicted only where it is none of the protocol's.
    }
    if let Some(regimen) = protocol.regimen.iter().find(fits) {
        let says = format!("{} is a regimen of version {version} of the protocol.", regimen.title());
        return Some((
            Verdict::Reproduced,
            says,
            json!({ "regimen": regimen.id, "protocol-version": version }),
        ));
    }
    let per_fraction = parts.is_empty()
        && protocol.regimen.iter().any(|regimen| fractions(regimen).contains(&total.normalize()));
    if per_fraction {
        let says =
            format!("It is the activity of one fraction of a regimen of version {version} of the protocol.");
        return Some((Verdict::Reproduced, says, json!({ "protocol-version": version })));
    }
    let ladder: Vec<String> = protocol.regimen.iter().map(posology_trial::protocol::Regimen::title).collect();
    let says =
        format!("Version {version} of the protocol has no such regimen; it has {}.", ladder.join(", "));
    // A level of no cohort that is named may be another trial's.
    let verdict =
        if parts.is_empty() || numbers.is_empty() { Verdict::NotReproducible } else { Verdict::Contradicted };
    Some((verdict, says, json!({ "ladder": ladder, "protocol-version": version })))
}

fn committee(analysis: &Analysis, unanimous: bool, numbers: &[u32]) -> Judged {
    let cohorts = if numbers.is_empty() { Vec::new() } else { cohorts_of(analysis, numbers)? };
    let made = match cohorts.as_slice() {
        [] => analysis
            .cohorts
            .iter()
            .filter_map(|cohort| cohort.recommendation.as_ref())
            .max_by_key(|made| made.review),
        [cohort] => cohort.recommendation.as_ref(),
        _ => None,
    };
    let Some(made) = made else {
        let whom = cohorts.iter().map(|cohort| cohort.id.as_str()).collect::<Vec<_>>().join(", ");
        let says = if whom.is_empty() {
            "The record has no recommendation of the committee by the cut-off.".to_owned()
        } else {
            format!("The record has no recommendation of the committee on cohort {whom} by the cut-off.")
        };
        return Some((Verdict::NotReproducible, says, json!({ "recommendation": null })));
    };
    let [for_it, against, abstained] = made.votes;
    let evidence = json!({ "review": made.review, "date": made.date.to_string(), "votes": made.votes, "recommended": made.recommended });
    let votes = format!("{for_it} for, {against} against, {abstained} abstained");
    let another = numbers.is_empty()
        && analysis.cohorts.iter().filter_map(|cohort| cohort.recommendation.as_ref()).any(|made| {
            let [for_it, against, abstained] = made.votes;
            for_it > 0 && against == 0 && abstained == 0
        });
    Some(if unanimous && (against > 0 || abstained > 0) && another {
        // Which recommendation is meant is not said, and one of them was unanimous.
        (
            Verdict::NotReproducible,
            format!(
                "The last recommendation, of review {}, had {votes}; an earlier one was unanimous, and the text does not say which it means.",
                made.review
            ),
            evidence,
        )
    } else if unanimous && (against > 0 || abstained > 0) {
        (
            Verdict::Contradicted,
            format!(
                "The recommendation of review {} on {} had {votes}: not all votes were for it.",
                made.review, made.date
            ),
            evidence,
        )
    } else if unanimous {
        (
            Verdict::Reproduced,
            format!("The recommendation of review {} on {} had {votes}.", made.review, made.date),
            evidence,
        )
    } else {
        (
            Verdict::Consistent,
            format!(
                "Review {} of {} recommended ({votes}); the words of the release go further than what is signed.",
                made.review, made.date
            ),
            evidence,
        )
    })
}

fn opened(analysis: &Analysis, number: u32) -> Judged {
    let cohorts = cohorts_of(analysis, &[number])?;
    let cohort = cohorts.first()?;
    let evidence = json!({ "cohort": cohort.id, "opened": cohort.opened.map(|day| day.to_string()) });
    Some(match cohort.opened {
        Some(day) => (Verdict::Reproduced, format!("Cohort {} was opened on {day}.", cohort.id), evidence),
        None => (
            Verdict::NotReproducible,
            format!(
                "The record has no opening of cohort {} by the cut-off: announced is not yet open.",
                cohort.id
            ),
            evidence,
        ),
    })
}

/// How many are still on study; whoever left it, completed it or died is not.
fn remain(analysis: &Analysis, all: bool, asked: Whom<'_>) -> Judged {
    let (patients, whom) = patients(analysis, asked)?;
    let treated: Vec<_> = patients.into_iter().filter(|patient| patient.is_treated()).collect();
    let on = treated
        .iter()
        .filter(|patient| patient.disposition.on_study() && patient.facts.death.is_none())
        .count();
    let progressed = treated
        .iter()
        .filter(|patient| patient.disposition.on_study() && patient.facts.death.is_none())
        .filter(|patient| patient.followed.as_ref().is_some_and(|followed| followed.progression.is_some()))
        .count();
    let evidence = json!({ "of": whom, "n": on, "N": treated.len(), "progressed": progressed, "query": "treated and neither off study nor dead" });
    let says = format!(
        "In {whom} {on} of {} treated patients are on study at the cut-off, {progressed} of them after progression.",
        treated.len()
    );
    let wanted = if all { treated.len() } else { 0 };
    // To remain may be meant without progression: who is on study and progressed leaves it open.
    let without = on - progressed;
    Some(if on == wanted || without == wanted {
        (Verdict::Reproduced, says, evidence)
    } else if asked.is_everyone() {
        (Verdict::NotReproducible, says, evidence)
    } else {
        (Verdict::Contradicted, says, evidence)
    })
}

fn registry(analysis: &Analysis, id: &str) -> Judged {
    let own = analysis.protocol.trial.registry.as_deref()?;
    let evidence = json!({ "protocol": own, "text": id });
    if own.eq_ignore_ascii_case(id) {
        return Some((
            Verdict::Reproduced,
            "It is the registry number of the protocol.".to_owned(),
            evidence,
        ));
    }
    // Another trial may be meant; one digit off is a slip.
    (edits(&own.to_lowercase(), &id.to_lowercase()) <= 1)
        .then(|| (Verdict::Contradicted, format!("The protocol has {own}, a sign away from {id}."), evidence))
}

fn organisation(analysis: &Analysis, name: &str) -> Judged {
    let sponsor = analysis.protocol.trial.sponsor.as_deref()?;
    let evidence = json!({ "protocol": sponsor, "text": name });
    if sponsor.eq_ignore_ascii_case(name) {
        return Some((Verdict::Reproduced, "It is the sponsor's name in the protocol.".to_owned(), evidence));
    }
    let off = edits(&sponsor.to_lowercase(), &name.to_lowercase());
    (off <= 2 && sponsor.split(' ').count() == name.split(' ').count()).then(|| {
        (
            Verdict::Contradicted,
            format!("The protocol writes the sponsor {sponsor:?}, the release {name:?}."),
            evidence,
        )
    })
}
