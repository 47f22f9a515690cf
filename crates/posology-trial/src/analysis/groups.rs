//! Patients in groups: by prescribed regimen first, then as the protocol's groupings say.
//!
//! Start at [`Analysis::by_regimen`] and [`Analysis::grouped`]. A grouping by what was given is formed after baseline: who
//! tolerated, or lived to get, more activity stands in the upper group. So it has a landmark, counts the activity up to
//! that day only, leaves out who was no longer followed on it, and says that the comparison was not planned.

use posology_clinic::Because;
use posology_clinic::quantity::Activity;
use rust_decimal::Decimal;

use super::Analysis;
use super::patient::PatientAnalysis;
use crate::protocol::{CutComparison, GroupBy, Grouping, Protocol};

/// Within so much of the cut, both ways of comparing are shown, mCi.
const NEAR_MCI: Decimal = Decimal::ONE;

/// Patients in groups.
#[derive(Debug, Clone)]
pub struct Grouped {
    /// Id of the grouping, `regimen` for the prescribed regimens.
    pub id: String,
    /// What the groups are.
    pub name: String,
    /// Whether the protocol planned the comparison.
    pub planned: bool,
    /// The groups in order of print, with their patients as places in [`Analysis::patients`].
    pub groups: Vec<Group>,
    /// What a reader must know of how they were formed.
    pub notes: Vec<Because>,
    /// Treated patients in no group, each with the reason.
    pub left_out: Vec<(String, Because)>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What its patients have in common.
    pub label: String,
    /// Its patients, as places in [`Analysis::patients`].
    pub patients: Vec<usize>,
}

impl Analysis {
    /// The patients of a group.
    pub fn patients_in<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a PatientAnalysis> {
        group.patients.iter().filter_map(|place| self.patients.get(*place))
    }

    /// Treated patients by prescribed regimen, in the order of the protocol.
    #[must_use]
    pub fn by_regimen(&self) -> Grouped {
        let of = |id: &str| self.places(|patient| patient.regimen.as_deref() == Some(id));
        let groups = self
            .protocol
            .regimen
            .iter()
            .map(|regimen| Group { label: regimen.title(), patients: of(&regimen.id) })
            .filter(|group| !group.patients.is_empty());
        Grouped {
            id: "regimen".to_owned(),
            name: "Prescribed regimen".to_owned(),
            planned: true,
            groups: groups.collect(),
            notes: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Treated patients by stratum, in the order of the protocol; none where it has no strata.
    #[must_use]
    pub fn by_stratum(&self) -> Option<Grouped> {
        if self.protocol.stratum.is_empty() {
            return None;
        }
        Some(self.strata("stratum", "Stratum", true, &|_| true))
    }

    /// Treated patients by a grouping of the protocol: one set of groups, or two where a cut on activity has someone so
    /// near that the other comparison might place them otherwise.
    #[must_use]
    pub fn grouped(&self, grouping: &Grouping) -> Vec<Grouped> {
        let concerned = |patient: &PatientAnalysis| {
            grouping.strata.is_empty()
                || patient.stratum.as_ref().is_some_and(|stratum| grouping.strata.contains(stratum))
        };
        match &grouping.by {
            GroupBy::Stratum => vec![self.strata(&grouping.id, &grouping.name, grouping.planned, &concerned)],
            GroupBy::Characteristic { name, values } => {
                vec![self.by_characteristic(grouping, name, values, &concerned)]
            }
            GroupBy::TotalAdministeredActivity { cut, comparison, landmark_day } => {
                self.by_activity(grouping, *cut, *comparison, *landmark_day, &concerned)
            }
        }
    }

    fn places(&self, keep: impl Fn(&PatientAnalysis) -> bool) -> Vec<usize> {
        let treated = self.patients.iter().enumerate().filter(|(_, patient)| patient.is_treated());
        treated.filter(|(_, patient)| keep(patient)).map(|(place, _)| place).collect()
    }

    fn strata(
        &self,
        id: &str,
        name: &str,
        planned: bool,
        concerned: &dyn Fn(&PatientAnalysis) -> bool,
    ) -> Grouped {
        let of =
            |id: &str| self.places(|patient| concerned(patient) && patient.stratum.as_deref() == Some(id));
        let groups = self
            .protocol
            .stratum
            .iter()
            .map(|stratum| Group { label: stratum.name.clone(), patients: of(&stratum.id) })
            .filter(|group| !group.patients.is_empty())
            .collect();
        let without = self.places(|patient| concerned(patient) && patient.stratum.is_none());
        let reason = Because::new("group/no-stratum", "no stratum is recorded");
        let left_out = self.named(&without).map(|id| (id, reason.clone())).collect();
        Grouped { id: id.to_owned(), name: name.to_owned(), planned, groups, notes: Vec::new(), left_out }
    }

    fn named<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = String> + 'a {
        places.iter().filter_map(|place| Some(self.patients.get(*place)?.id.clone()))
    }

    fn by_characteristic(
        &self,
        grouping: &Grouping,
        name: &str,
        values: &[String],
        concerned: &dyn Fn(&PatientAnalysis) -> bool,
    ) -> Grouped {
        let value = |patient: &PatientAnalysis| -> Option<String> {
            let recorded = patient.facts.characteristics.iter().rev();
            let found = recorded.into_iter().find(|one| one.name.eq_ignore_ascii_case(name))?;
            Some(found.value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let everyone = self.places(concerned);
        let mut wanted: Vec<String> = values.to_vec();
        if wanted.is_empty() {
            wanted = everyone.iter().filter_map(|place| value(self.patients.get(*place)?)).collect();
            wanted.sort();
            wanted.dedup();
        }
        let is = |patient: &PatientAnalysis, label: &str| {
            value(patient).is_some_and(|value| value.eq_ignore_ascii_case(label))
        };
        let mut groups: Vec<Group> = wanted
            .iter()
            .map(|label| Group {
                label: label.clone(),
                patients: self.places(|patient| concerned(patient) && is(patient, label)),
            })
            .collect();
        let others = self.places(|patient| {
            concerned(patient) && value(patient).is_some() && !wanted.iter().any(|label| is(patient, label))
        });
        if !others.is_empty() {
            groups.push(Group { label: "Other".to_owned(), patients: others });
        }
        groups.retain(|group| !group.patients.is_empty());
        let without = self.places(|patient| concerned(patient) && value(patient).is_none());
        let reason = Because::new("group/not-recorded", format!("{name} is not recorded"));
        Grouped {
            id: grouping.id.clone(),
            name: grouping.name.clone(),
            planned: grouping.planned,
            groups,
            notes: unplanned(grouping).into_iter().collect(),
            left_out: self.named(&without).map(|id| (id, reason.clone())).collect(),
        }
    }

    fn by_activity(
        &self,
        grouping: &Grouping,
        cut: Activity,
        comparison: CutComparison,
        landmark_day: Option<i32>,
        concerned: &dyn Fn(&PatientAnalysis) -> bool,
    ) -> Vec<Grouped> {
        let mut given: Vec<(usize, Activity)> = Vec::new();
        let mut left_out: Vec<(String, Because)> = Vec::new();
        let mut later: Vec<String> = Vec::new();
        for place in self.places(concerned) {
            let Some(patient) = self.patients.get(place) else { continue };
            match at_landmark(&self.protocol, patient, landmark_day) {
                Ok(Landmark { activity, more_later }) => {
                    given.push((place, activity));
                    if more_later {
                        later.push(patient.id.clone());
                    }
                }
                Err(because) => left_out.push((patient.id.clone(), because)),
            }
        }
        let is_near = |activity: &Activity| (activity.mci() - cut.mci()).abs() <= NEAR_MCI;
        let near: Vec<String> = given
            .iter()
            .filter(|(_, activity)| is_near(activity))
            .filter_map(|(place, _)| Some(self.patients.get(*place)?.id.clone()))
            .collect();
        let other = match comparison {
            CutComparison::MoreThan => CutComparison::AtLeast,
            CutComparison::AtLeast => CutComparison::MoreThan,
        };
        let ways = if near.is_empty() { vec![comparison] } else { vec![comparison, other] };
        let mut notes: Vec<Because> = unplanned(grouping).into_iter().collect();
        let on = landmark_day.map_or_else(
            || "the day of the last planned fraction of the regimen".to_owned(),
            |day| format!("day {day}"),
        );
        notes.push(
            Because::new(
                "group/landmark",
                format!(
                    "groups are formed after baseline, by the activity given up to a landmark, {on}; whoever was no longer followed on that day is left out"
                ),
            )
            .source("protocol, group.by.landmark-day"),
        );
        if !later.is_empty() {
            notes.push(
                Because::new(
                    "group/later-activity",
                    format!("{} given more after the landmark, which is not counted", later.len()),
                )
                .input("subjects", later.join(", ")),
            );
        }
        if !near.is_empty() {
            notes.push(
                Because::new(
                    "group/near-cut",
                    format!("{} within 1 mCi of the cut: both ways of comparing are shown", near.len()),
                )
                .input("subjects", near.join(", ")),
            );
        }
        ways.into_iter()
            .map(|way| {
                let is_upper = |activity: &Activity| match way {
                    CutComparison::MoreThan => *activity > cut,
                    CutComparison::AtLeast => *activity >= cut,
                };
                let (below, above) = match way {
                    CutComparison::MoreThan => (format!("at most {cut}"), format!("more than {cut}")),
                    CutComparison::AtLeast => (format!("less than {cut}"), format!("at least {cut}")),
                };
                let of = |upper: bool| {
                    let mut places: Vec<usize> = given
                        .iter()
                        .filter(|(_, activity)| is_upper(activity) == upper)
                        .map(|(place, _)| *place)
                        .collect();
                    places.sort_unstable();
                    places
                };
                Grouped {
                    id: grouping.id.clone(),
                    name: grouping.name.clone(),
                    planned: grouping.planned,
                    groups: vec![
                        Group { label: below, patients: of(false) },
                        Group { label: above, patients: of(true) },
                    ],
                    notes: notes.clone(),
                    left_out: left_out.clone(),
                }
            })
            .collect()
    }
}

fn unplanned(grouping: &Grouping) -> Option<Because> {
    (!grouping.planned).then(|| {
        Because::new(
            "group/not-planned",
            "not a planned comparison: the groups differ in more than their name",
        )
        .source("protocol, group.planned")
    })
}

struct Landmark {
    activity: Activity,
    more_later: bool,
}

/// The activity given up to the landmark, of a patient who was still followed on it.
fn at_landmark(
    protocol: &Protocol,
    patient: &PatientAnalysis,
    landmark_day: Option<i32>,
) -> Result<Landmark, Because> {
    let regimen = patient.regimen.as_deref().and_then(|id| protocol.regimen(id));
    let planned = regimen.and_then(crate::protocol::Regimen::last_day).unwrap_or(1);
    let first = patient.exposure.first();
    // The last required fraction may have been given late: then its own day is the landmark.
    let last_required = patient
        .exposure
        .fractions
        .iter()
        .filter(|fraction| !fraction.optional)
        .filter_map(|fraction| fraction.given)
        .max();
    let day = landmark_day.unwrap_or(planned);
    let on = first
        .and_then(|first| first.checked_add(jiff::Span::new().try_days(i64::from(day) - 1).ok()?).ok())
        .map(|on| if landmark_day.is_none() { last_required.map_or(on, |last| on.max(last)) } else { on });
    let Some(on) = on else {
        return Err(Because::new("group/not-treated", "no fraction was given"));
    };
    let gone = patient.followed.as_ref().and_then(|followed| {
        let ended = [
            (followed.death.map(|death| death.date), "died"),
            (followed.progression, "had progressed"),
            (followed.new_therapy, "had new therapy"),
            (patient.disposition.off_study, "had left the study"),
        ];
        ended.into_iter().find_map(|(date, what)| date.filter(|date| *date < on).map(|date| (date, what)))
    });
    if let Some((date, what)) = gone {
        return Err(Because::new(
            "group/before-landmark",
            format!("{what} on {date}, before the landmark on {on}"),
        ));
    }
    if patient.followed.as_ref().is_some_and(|followed| followed.cut < on) {
        return Err(Because::new("group/before-landmark", format!("the landmark on {on} is after the cut")));
    }
    let Some(activity) = patient.exposure.administered_by(on) else {
        return Err(Because::new("group/activity-unknown", "the activity given is not recorded"));
    };
    Ok(Landmark { activity, more_later: patient.exposure.last().is_some_and(|last| last > on) })
}
