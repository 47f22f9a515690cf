//! Diseases whose response is assessed and not measured in blood: assessments by the criteria of the stratum, and the
//! characteristics that are not myeloma's.

use jiff::ToSpan;
use posology_clinic::response::{Category, CriteriaSet};

use super::draw::Draw;
use super::patient::{Synthesis, visit_name};
use super::plan::BadPlan;
use crate::event::{Characteristic, Fact, ProgressionFoundBy, ResponseAssessment};

/// Below this age the play of a child is scored, and not its work: Lansky instead of Karnofsky.
const KARNOFSKY_FROM_YEARS: i64 = 16;
/// From this age on the performance of adults is scored as ECOG.
const ADULT_YEARS: i64 = 26;

impl Synthesis<'_> {
    /// The criteria by which the patient's response is assessed.
    fn criteria(&self) -> CriteriaSet {
        let named = self.plan.stratum.as_deref();
        let stratum = self.protocol.stratum_of(Some(self.cohort), named);
        self.protocol.response_of(stratum).criteria.set()
    }

    /// What the patient has: the stratum's disease, or myeloma.
    pub(super) fn diagnosis(&self) -> String {
        let stratum = self.protocol.stratum_of(Some(self.cohort), self.plan.stratum.as_deref());
        let named = stratum.and_then(|id| self.protocol.stratum(id)).map(|stratum| stratum.name.clone());
        named.unwrap_or_else(|| "Plasma cell myeloma".to_owned())
    }

    /// Characteristics of a disease other than myeloma, by age.
    pub(super) fn general_characteristics(
        &self,
        draw: &mut Draw,
        age: i64,
        years: i64,
    ) -> Vec<(&'static str, String)> {
        let ecog = draw.pick("0", &["1", "1", "2"]).to_owned();
        let score = (draw.between(7, 10) * 10).to_string();
        let performance = if age >= ADULT_YEARS {
            ("ECOG", ecog)
        } else if age >= KARNOFSKY_FROM_YEARS {
            ("Karnofsky", score)
        } else {
            ("Lansky", score)
        };
        let years = years.min((age / 2).max(1));
        vec![
            performance,
            ("Earlier lines", self.plan.earlier_lines.to_string()),
            ("Years since diagnosis", years.to_string()),
        ]
    }

    /// Characteristics that the plan gives, in place of those drawn or beside them.
    pub(super) fn record_characteristics(&mut self, drawn: Vec<(&str, String)>) {
        let planned = &self.plan.characteristic;
        let kept = drawn.into_iter().filter(|(name, _)| !planned.contains_key(*name));
        let mut all: Vec<(String, String)> = kept.map(|(name, value)| (name.to_owned(), value)).collect();
        all.extend(planned.iter().map(|(name, value)| (name.clone(), value.clone())));
        // Eligibility rests on a score, so that it is known before enrolment.
        let known = if self.plan.marker.is_some() { self.plan.enrolled } else { self.date(-7) };
        for (name, value) in all {
            let characteristic = Characteristic { subject: self.plan.subject.clone(), name, value };
            self.record(known, Fact::Characteristic(characteristic));
        }
    }

    /// The investigator's assessments that the plan gives.
    pub(super) fn assessed(&mut self) -> Result<(), BadPlan> {
        let set = self.criteria();
        for planned in &self.plan.assessed {
            if !set.categories().contains(&planned.response) {
                let known: Vec<&str> = set.categories().iter().map(|category| category.code()).collect();
                let expected = format!("a category of {set}: one of {}", known.join(", "));
                let place = format!("{}, assessed", self.place);
                return Err(BadPlan::impossible(&place, planned.response, expected));
            }
            if planned.day > self.last_day() {
                continue;
            }
            let date = self.date(planned.day);
            let assessment = ResponseAssessment {
                subject: self.plan.subject.clone(),
                criteria: Some(recorded_as(set).to_owned()),
                test: "OVRLRESP".to_owned(),
                response: Some(planned.response.code().to_owned()),
                evaluator: Some("INVESTIGATOR".to_owned()),
                evaluator_id: None,
                method: None,
                visit: Some(visit_name(planned.day)),
                at: Some(date.into()),
                progression_found_by: (planned.response == Category::Progressive)
                    .then_some(ProgressionFoundBy::Imaging),
                death_by_progression: false,
            };
            let recorded = date.saturating_add(2.days()).min(self.last_fact);
            self.record(recorded, Fact::ResponseAssessment(assessment));
        }
        Ok(())
    }
}

/// How records name the criteria.
fn recorded_as(set: CriteriaSet) -> &'static str {
    match set {
        CriteriaSet::Imwg2006 => "IMWG 2006",
        CriteriaSet::Imwg2011 => "IMWG 2011",
        CriteriaSet::Imwg2016 => "KUMAR IMWG 2016",
        CriteriaSet::Iwcll2018 => "IWCLL 2018",
        CriteriaSet::Iwwm6 => "IWWM-6",
        CriteriaSet::Iwwm11 => "IWWM-11",
        CriteriaSet::Inrc2017 => "INRC 2017",
        CriteriaSet::Lugano2014 => "LUGANO CLASSIFICATION 2014",
        CriteriaSet::Lyric => "LYRIC 2016",
        CriteriaSet::RanoHgg => "RANO 2010",
        CriteriaSet::Rano2 => "RANO 2.0",
        CriteriaSet::RapnoHgg => "RAPNO 2020",
        CriteriaSet::Recist11 => "RECIST 1.1",
        CriteriaSet::Irecist => "IRECIST",
    }
}
