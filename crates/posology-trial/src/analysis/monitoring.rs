//! Where an arm that is watched stands: how many have responded, at which look, and what its rule says.
//!
//! A look takes the first patients, in the order of treatment, who count for the rate or may still come to; who is
//! not decided yet is asked for in every way it may turn out, and only where all agree does the rule speak.

use jiff::ToSpan as _;
use posology_clinic::Because;
use posology_design::monitoring::{Characteristics, Look};
use posology_design::numeric::incomplete_beta_upper;
use posology_design::two_stage::{Inference, Observed, infer};

use super::Analysis;
use super::patient::PatientAnalysis;
use crate::protocol::{Monitoring, MonitoringRule, RateDefinition};

/// What the rule of an arm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Enrolment goes on to the next look.
    GoOn,
    /// Patients of this look are not decided, and can change what the rule says.
    Wait,
    /// Too few responses at a look before the last.
    Futile,
    /// Too few responses at the end.
    NotTakenFurther,
    /// Enough responses: at the end, or at a look that may stop for it.
    Promising,
}

impl Watched {
    /// In a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::GoOn => "go on",
            Self::Wait => "wait",
            Self::Futile => "stop for futility",
            Self::NotTakenFurther => "not taken further",
            Self::Promising => "promising",
        }
    }
}

/// How a patient stands for the rate that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Responded,
    Without,
    Awaited,
    NotCounted,
}

/// An arm that is watched, at the cut.
#[derive(Debug, Clone)]
pub struct Monitored {
    /// The rate that is watched.
    pub rate: String,
    /// The rule in a few words.
    pub title: String,
    /// Where the rule is written.
    pub source: &'static str,
    /// The numbers of responders at which it stops.
    pub looks: Vec<Look>,
    /// The look that is judged, or enrolled for, from 0.
    pub look: usize,
    /// Patients that count so far with a response.
    pub responded: u32,
    /// Patients that count so far without one.
    pub without: u32,
    /// Patients who may still respond.
    pub awaited: Vec<String>,
    /// Treated patients who count neither way.
    pub not_counted: Vec<String>,
    /// What the rule says.
    pub advised: Watched,
    /// Why.
    pub because: Vec<Because>,
    /// What the rule does at the rate that is too low, and at the one that is wanted.
    pub characteristics: [Characteristics; 2],
    /// After an arm of two stages has ended: estimate and interval that belong to the design.
    pub estimate: Option<Inference>,
}

impl Monitored {
    /// The advice in a line: the form that a recommendation quotes.
    #[must_use]
    pub fn in_words(&self) -> String {
        let because: Vec<&str> = self.because.iter().map(|because| because.says.as_str()).collect();
        format!("{}: {}", self.advised.word(), because.join("; "))
    }

    /// The look that is judged, or enrolled for.
    #[must_use]
    pub fn at(&self) -> Option<&Look> {
        self.looks.get(self.look)
    }
}

/// Derives where an arm stands from its patients.
pub(crate) fn derive(
    analysis: &Analysis,
    monitoring: &Monitoring,
    members: &[&PatientAnalysis],
) -> Result<Monitored, String> {
    let protocol = &analysis.protocol;
    let Some(definition) = protocol.rate.iter().find(|rate| rate.id == monitoring.rate) else {
        return Err(format!("expected a rate of the protocol to watch, found {:?}", monitoring.rate));
    };
    let broken = |problems: Vec<posology_design::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let looks = monitoring.rule.looks().map_err(broken)?;
    let characteristics = monitoring.rule.characteristics().map_err(broken)?;
    let mut treated: Vec<&PatientAnalysis> =
        members.iter().copied().filter(|patient| patient.is_treated()).collect();
    treated.sort_by_key(|patient| (patient.exposure.first(), patient.id.clone()));
    let standing: Vec<(&str, Standing)> = treated
        .iter()
        .map(|patient| (patient.id.as_str(), stands(analysis, monitoring, definition, patient)))
        .collect();
    let named = |wanted: Standing| {
        standing
            .iter()
            .filter(|(_, standing)| *standing == wanted)
            .map(|(id, _)| (*id).to_owned())
            .collect::<Vec<_>>()
    };
    let counted: Vec<Standing> = standing
        .iter()
        .map(|(_, standing)| *standing)
        .filter(|standing| *standing != Standing::NotCounted)
        .collect();
    let judged = judge(&looks, &counted);
    let (responded, without) = (count(&counted, Standing::Responded), count(&counted, Standing::Without));
    let (awaited, not_counted) = (named(Standing::Awaited), named(Standing::NotCounted));
    let mut because = vec![reason(monitoring, &looks, &judged, &awaited)];
    if let MonitoringRule::Bayesian { p0, prior, .. } = &monitoring.rule {
        let above = incomplete_beta_upper(prior.a + f64::from(responded), prior.b + f64::from(without), *p0);
        because.push(
            Because::new(
                "monitoring/posterior",
                format!(
                    "of those decided {responded} of {} responded: the posterior probability that the rate is above {p0} is {above:.3}",
                    responded + without
                ),
            )
            .input("prior", format!("Beta({}, {})", prior.a, prior.b))
            .source(monitoring.rule.source()),
        );
    }
    Ok(Monitored {
        rate: definition.id.clone(),
        title: monitoring.rule.title(),
        source: monitoring.rule.source(),
        estimate: estimate(&monitoring.rule, &counted, judged.advised),
        look: judged.look,
        looks,
        responded,
        without,
        awaited,
        not_counted,
        advised: judged.advised,
        because,
        characteristics,
    })
}

fn count(standing: &[Standing], wanted: Standing) -> u32 {
    u32::try_from(standing.iter().filter(|standing| **standing == wanted).count()).unwrap_or(u32::MAX)
}

fn stands(
    analysis: &Analysis,
    monitoring: &Monitoring,
    definition: &RateDefinition,
    patient: &PatientAnalysis,
) -> Standing {
    let counts = patient.is_in(definition.population);
    if counts && patient.response.meets(definition, monitoring.confirmed) {
        return Standing::Responded;
    }
    let too_late = monitoring.awaited_until_day.is_some_and(|day| {
        let last =
            patient.exposure.first().and_then(|first| first.checked_add((i64::from(day) - 1).days()).ok());
        last.is_some_and(|last| analysis.cut.date() > last)
    });
    let ended = patient.followed.as_ref().is_some_and(|followed| {
        followed.progression.is_some() || followed.death.is_some() || followed.new_therapy.is_some()
    });
    match (ended || too_late || patient.disposition.left, counts) {
        (true, true) => Standing::Without,
        (true, false) => Standing::NotCounted,
        (false, _) => Standing::Awaited,
    }
}

struct Judged {
    look: usize,
    advised: Watched,
    /// Responses, without, awaited among the patients of the look, or so far.
    counts: [u32; 3],
}

/// The rule on patients in the order of treatment, those who count neither way left out.
fn judge(looks: &[Look], counted: &[Standing]) -> Judged {
    let mut passed = Judged { look: 0, advised: Watched::GoOn, counts: [0; 3] };
    for (place, look) in looks.iter().enumerate() {
        let size = look.n as usize;
        let of: &[Standing] = counted.get(..size).unwrap_or(counted);
        let counts =
            [Standing::Responded, Standing::Without, Standing::Awaited].map(|wanted| count(of, wanted));
        let [responded, _, awaited] = counts;
        passed = Judged { look: place, advised: Watched::GoOn, counts };
        if of.len() < size {
            return passed;
        }
        let is_last = place + 1 == looks.len();
        let at_best = responded + awaited;
        let is_futile = |responses: u32| look.futility_max.is_some_and(|most| responses <= most);
        let is_enough = |responses: u32| {
            !is_futile(responses) && (is_last || look.efficacy_min.is_some_and(|least| responses >= least))
        };
        passed.advised = if is_futile(at_best) {
            if is_last { Watched::NotTakenFurther } else { Watched::Futile }
        } else if is_enough(responded) {
            Watched::Promising
        } else if is_futile(responded) || is_enough(at_best) {
            Watched::Wait
        } else {
            // Neither boundary can be met any more, whatever those awaited turn out to be: on to the next look.
            continue;
        };
        return passed;
    }
    passed
}

fn reason(monitoring: &Monitoring, looks: &[Look], judged: &Judged, awaited: &[String]) -> Because {
    let [responded, without, open] = judged.counts;
    let so_far = responded + without + open;
    let look = looks.get(judged.look);
    let n = look.map_or(0, |look| look.n);
    let limit = |bound: Option<u32>| bound.map_or_else(|| "none".to_owned(), |bound| bound.to_string());
    let futility = limit(look.and_then(|look| look.futility_max));
    let rate = &monitoring.rate;
    let says = match judged.advised {
        Watched::GoOn => format!(
            "{so_far} of the {n} patients of look {} treated, {responded} with {rate}; it is judged once all {n} are decided",
            judged.look + 1
        ),
        Watched::Wait => format!(
            "{responded} of {n} with {rate} and {open} not decided: at most {futility} is too few, so those awaited can change it"
        ),
        Watched::Futile | Watched::NotTakenFurther => format!(
            "{responded} of {n} with {rate}{}, at most {futility} is too few",
            if open > 0 { format!(" and {open} not decided, who cannot change it") } else { String::new() }
        ),
        Watched::Promising => {
            format!("{responded} of {n} with {rate}, more than the {futility} that are too few")
        }
    };
    let mut because = Because::new("monitoring/look", says)
        .input("look", judged.look + 1)
        .input("patients of the look", n)
        .input("responses", responded)
        .input("without", without)
        .input("too few", futility)
        .source(monitoring.rule.source());
    if !awaited.is_empty() {
        because = because.input("awaited", awaited.join(", "));
    }
    because
}

/// The estimate and interval of a two-stage design, once the arm has ended and everyone is decided.
fn estimate(rule: &MonitoringRule, counted: &[Standing], advised: Watched) -> Option<Inference> {
    let MonitoringRule::Simon { p0, n1, r1, n, .. } = rule else { return None };
    if matches!(advised, Watched::GoOn | Watched::Wait) || counted.contains(&Standing::Awaited) {
        return None;
    }
    let responses = |most: u32| count(counted.get(..most as usize).unwrap_or(counted), Standing::Responded);
    let size = |most: u32| u32::try_from(counted.len()).unwrap_or(u32::MAX).min(most);
    let total = if advised == Watched::Futile { *n1 } else { *n };
    let observed =
        Observed { n1: size(*n1), responses1: responses(*n1), n: size(total), responses: responses(total) };
    infer(*r1, *p0, 0.95, &observed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(text: &str) -> Vec<Standing> {
        let each = |letter| match letter {
            'R' => Standing::Responded,
            'N' => Standing::Without,
            _ => Standing::Awaited,
        };
        text.chars().map(each).collect()
    }

    fn simon(text: &str) -> (usize, Watched) {
        // Simon 1989: 10% against 30%, 1 of 10 and 5 of 29.
        let looks = [
            Look { n: 10, futility_max: Some(1), efficacy_min: None },
            Look { n: 29, futility_max: Some(5), efficacy_min: Some(6) },
        ];
        let judged = judge(&looks, &standing(text));
        (judged.look, judged.advised)
    }

    #[test]
    fn a_first_stage_that_is_not_full_goes_on() {
        assert_eq!(simon("NNNN"), (0, Watched::GoOn));
        assert_eq!(simon("RRNNNNNNN"), (0, Watched::GoOn));
    }

    #[test]
    fn one_response_of_ten_is_futile_and_two_go_on_to_the_second_stage() {
        assert_eq!(simon("RNNNNNNNNN"), (0, Watched::Futile));
        assert_eq!(simon("RRNNNNNNNN"), (1, Watched::GoOn));
    }

    #[test]
    fn whoever_is_awaited_is_asked_for_in_every_way() {
        // With one response and one awaited the first stage can still go either way.
        assert_eq!(simon("RNNNNNNNNP"), (0, Watched::Wait));
        // With none and one awaited it cannot.
        assert_eq!(simon("NNNNNNNNNP"), (0, Watched::Futile));
        // With two responses those awaited change nothing.
        assert_eq!(simon("RRPPPPPPPP"), (1, Watched::GoOn));
    }

    #[test]
    fn the_end_is_judged_on_all_patients() {
        let with = |responses: usize| format!("{}{}", "R".repeat(responses), "N".repeat(29 - responses));
        assert_eq!(simon(&with(5)), (1, Watched::NotTakenFurther));
        assert_eq!(simon(&with(6)), (1, Watched::Promising));
        assert_eq!(simon(&with(5).replacen('N', "P", 1)), (1, Watched::Wait));
    }

    #[test]
    fn patients_beyond_a_look_do_not_enter_it() {
        // Ten without, then a response: the first stage ended at ten.
        assert_eq!(simon("NNNNNNNNNNRRR"), (0, Watched::Futile));
    }

    #[test]
    fn after_a_first_stage_the_interval_is_the_one_of_the_design() {
        // Koyama and Chen's interval, as clinfun's twostage.inference gives it for 3 of 10, then 7 of 29.
        let rule = MonitoringRule::Simon { p0: 0.1, p1: 0.3, n1: 10, r1: 1, n: 29, r: 5 };
        let text = format!("RRRNNNNNNN{}{}", "R".repeat(4), "N".repeat(15));
        let found = estimate(&rule, &standing(&text), Watched::Promising).unwrap();
        assert!((found.estimate - 0.282_153_095_219_648).abs() < 1e-12);
        assert!(estimate(&rule, &standing("RRRP"), Watched::GoOn).is_none());
    }
}
