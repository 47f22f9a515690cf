//! iRECIST: a progression stays unconfirmed until the next assessment agrees, and a response sets the bar anew.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::super::Category;
use super::super::lesion::{Role, Size};
use super::judge::is_there;
use super::{IMMUNE_SOURCE, Response, Settings, Visit, millimetres};
use crate::Because;

use Category::{
    Complete, ImmuneComplete, ImmuneConfirmedProgressive, ImmunePartial, ImmuneStable,
    ImmuneUnconfirmedProgressive, NotEvaluable, Partial, Progressive, Stable,
};

/// A further rise that confirms, mm.
const FURTHER_MM: u32 = 5;

/// What was seen when progression was first called, which a confirmation must exceed.
struct Bar {
    place: usize,
    target: bool,
    non_target: bool,
    sum: Option<Decimal>,
    new: BTreeMap<String, Option<Decimal>>,
    /// Lengths of the non-target lesions that were measured.
    measured: BTreeMap<String, Decimal>,
}

impl Bar {
    fn set(place: usize, visit: &Visit, response: &Response) -> Self {
        Self {
            place,
            target: response.target == Some(Progressive),
            non_target: response.non_target == Some(Progressive),
            sum: response.sum.as_ref().map(|sum| sum.sum_mm),
            new: new_lesions(visit),
            measured: measured(visit, Role::NonTarget),
        }
    }

    /// What is worse than at the bar, in words; `None` where nothing is.
    fn exceeded(&self, visit: &Visit, response: &Response) -> Option<String> {
        let now = response.sum.as_ref().map(|sum| sum.sum_mm);
        let targets = response.target == Some(Progressive);
        let others = response.non_target == Some(Progressive);
        if targets && !self.target {
            return Some("the target lesions progress as well".to_owned());
        }
        if others && !self.non_target {
            return Some("the non-target lesions progress as well".to_owned());
        }
        let new = new_lesions(visit);
        if !new.is_empty() && self.new.is_empty() {
            return Some("new lesions have appeared".to_owned());
        }
        if let (Some(now), Some(then)) = (now, self.sum)
            && self.target
            && now.saturating_sub(then) >= millimetres(FURTHER_MM)
        {
            return Some(format!("the sum rose further from {} to {} mm", then.normalize(), now.normalize()));
        }
        if others && self.non_target && self.non_target_is_larger(visit) {
            return Some("the non-target lesions are worse again".to_owned());
        }
        if let Some(id) = new.keys().find(|id| !self.new.contains_key(*id)) {
            return Some(format!("more new lesions: {id}"));
        }
        let grown = |of: &BTreeMap<String, Option<Decimal>>| {
            of.values().flatten().fold(Decimal::ZERO, |sum, length| sum.saturating_add(*length))
        };
        let rise = grown(&new).saturating_sub(grown(&self.new));
        if rise >= millimetres(FURTHER_MM) {
            return Some(format!("the new lesions are {} mm larger", rise.normalize()));
        }
        let worse =
            visit.lesions.iter().find(|lesion| lesion.role == Role::New && lesion.size == Size::Worse);
        worse.map(|lesion| format!("the new lesion {} is larger", lesion.id))
    }

    /// Any further increase; by length where both were measured, else as the reader says.
    fn non_target_is_larger(&self, visit: &Visit) -> bool {
        let now = measured(visit, Role::NonTarget);
        visit.lesions.iter().filter(|lesion| lesion.role == Role::NonTarget).any(|lesion| {
            match (now.get(&lesion.id), self.measured.get(&lesion.id)) {
                (Some(now), Some(then)) => now > then,
                _ => lesion.size == Size::Worse,
            }
        })
    }
}

fn measured(visit: &Visit, role: Role) -> BTreeMap<String, Decimal> {
    visit
        .lesions
        .iter()
        .filter(|lesion| lesion.role == role)
        .filter_map(|lesion| match &lesion.size {
            Size::Measured { longest, shortest } => {
                let (first, second) = if lesion.is_node { (shortest, longest) } else { (longest, shortest) };
                first.or(*second).map(|length| (lesion.id.clone(), length))
            }
            _ => None,
        })
        .collect()
}

fn new_lesions(visit: &Visit) -> BTreeMap<String, Option<Decimal>> {
    let lengths = measured(visit, Role::New);
    visit
        .lesions
        .iter()
        .filter(|lesion| lesion.role == Role::New && is_there(lesion))
        .map(|lesion| (lesion.id.clone(), lengths.get(&lesion.id).copied()))
        .collect()
}

/// The responses of RECIST 1.1, in date order, as iRECIST names them.
pub(super) fn unconfirmed_first(
    settings: &Settings,
    visits: &[&Visit],
    mut responses: Vec<Response>,
) -> Vec<Response> {
    let mut bar: Option<Bar> = None;
    let mut confirmed = None;
    for place in 0..responses.len() {
        let date = responses[place].date;
        let (category, name, says) = if let Some(since) = confirmed {
            (
                ImmuneConfirmedProgressive,
                "confirmed-before",
                format!("progression was confirmed on {since}: iCPD stands"),
            )
        } else if responses[place].overall == Progressive {
            match &bar {
                None => {
                    bar = Some(Bar::set(place, visits[place], &responses[place]));
                    (ImmuneUnconfirmedProgressive, "iupd", "progression for the first time, or anew after a response: iUPD until the next assessment confirms it".to_owned())
                }
                Some(bar) => {
                    let first = responses[bar.place].date;
                    let days = i64::from((date - first).get_days());
                    match bar.exceeded(visits[place], &responses[place]) {
                        None => (
                            ImmuneUnconfirmedProgressive,
                            "iupd-unchanged",
                            format!("nothing is worse than on {first}: iUPD stays unconfirmed"),
                        ),
                        Some(what) if days < i64::from(settings.immune_confirm_days) => (
                            ImmuneUnconfirmedProgressive,
                            "iupd-too-early",
                            format!(
                                "{what}, but only {days} days after {first}, fewer than {}: iUPD stays unconfirmed",
                                settings.immune_confirm_days
                            ),
                        ),
                        Some(what) => {
                            confirmed = Some(date);
                            let late = if days > i64::from(settings.immune_confirm_days_max) {
                                format!(", later than the {} days foreseen", settings.immune_confirm_days_max)
                            } else {
                                String::new()
                            };
                            (
                                ImmuneConfirmedProgressive,
                                "icpd",
                                format!(
                                    "{what} since the progression of {first}, {days} days before{late}: iCPD"
                                ),
                            )
                        }
                    }
                }
            }
        } else {
            let found = responses[place].overall;
            match (&bar, found) {
                (None, _) => continue,
                (Some(_), NotEvaluable) => (
                    NotEvaluable,
                    "iupd-not-evaluable",
                    "not evaluable: the unconfirmed progression stands open".to_owned(),
                ),
                (Some(open), _) => {
                    let named = match found {
                        Complete => ImmuneComplete,
                        Partial => ImmunePartial,
                        Stable => ImmuneStable,
                        other => other,
                    };
                    let says = format!(
                        "the progression of {} is not confirmed: {named}, and the bar is set anew",
                        responses[open.place].date
                    );
                    bar = None;
                    (named, "reset", says)
                }
            }
        };
        responses[place].overall = category;
        responses[place].reasons.push(Because::new(format!("irecist/{name}"), says).source(IMMUNE_SOURCE));
    }
    responses
}
