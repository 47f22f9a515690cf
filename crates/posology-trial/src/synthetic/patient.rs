//! The facts of one synthetic patient: from the plan, the protocol and the patient's own draws, and nothing else.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;
use posology_clinic::body_surface::{Settings, body_surface};
use posology_clinic::ctcae::{self, Circumstances, Outcome};
use posology_clinic::laboratory::{Analyte, LabValue, Measured, Qualifier};
use posology_clinic::quantity::{Activity, BadQuantity, Length, Mass};
use posology_clinic::response::Category;
use rust_decimal::Decimal;

use super::course::{Answered, Fall, answer, marker_days, reported, whole};
use super::draw::{Draw, Stream};
use super::plan::{BadPlan, Marker, Nadir, PatientPlan, Sex};
use crate::event::{
    Adjustment, Administration, AdverseEvent, Amount, Death, Disposition, Enrolment, EvaluabilityJudgement,
    Fact, History, Laboratory, NewTherapy, Prescription, ProgressionFoundBy, ResponseAssessment, StemCells,
    Subject, Support, SupportKind, Visit, VitalSign,
};
use crate::protocol::{Cohort, Fraction, Protocol, Regimen};
use crate::when::When;

/// A fact with the day on which it was recorded.
pub(super) type Recorded = (Date, Fact);

/// Last planned day of follow-up of the window; counts and visits go on beyond it.
const WINDOW: i32 = 85;

/// How a test is reported: by which code, from what, in which unit, with how many decimals and between which limits.
struct Test {
    code: &'static str,
    analyte: Option<Analyte>,
    specimen: &'static str,
    unit: &'static str,
    method: Option<&'static str>,
    decimals: u32,
    limits: Option<(i64, i64)>,
}

const fn blood(
    code: &'static str,
    analyte: Analyte,
    unit: &'static str,
    decimals: u32,
    limits: (i64, i64),
) -> Test {
    Test {
        code,
        analyte: Some(analyte),
        specimen: "BLOOD",
        unit,
        method: None,
        decimals,
        limits: Some(limits),
    }
}

const fn serum(
    code: &'static str,
    analyte: Analyte,
    unit: &'static str,
    decimals: u32,
    limits: (i64, i64),
) -> Test {
    Test { specimen: "SERUM", ..blood(code, analyte, unit, decimals, limits) }
}

const PLATELETS: Test = blood("PLAT", Analyte::Platelets, "10^9/L", 0, (150, 400));
const NEUTROPHILS: Test = blood("NEUT", Analyte::Neutrophils, "10^9/L", 2, (180, 780));
const LEUKOCYTES: Test = blood("WBC", Analyte::Leukocytes, "10^9/L", 1, (38, 108));
const HAEMOGLOBIN_F: Test = blood("HGB", Analyte::Haemoglobin, "g/dL", 1, (120, 155));
const HAEMOGLOBIN_M: Test = blood("HGB", Analyte::Haemoglobin, "g/dL", 1, (135, 175));

/// Serum chemistry with the range of levels drawn from, and how many thousandths a sample may be off its patient's level.
const CHEMISTRY: [(Test, (i64, i64), i64); 7] = [
    (serum("ALT", Analyte::AlanineAminotransferase, "U/L", 0, (7, 55)), (14, 46), 150),
    (serum("AST", Analyte::AspartateAminotransferase, "U/L", 0, (8, 48)), (14, 40), 150),
    (serum("BILI", Analyte::Bilirubin, "mg/dL", 1, (1, 12)), (4, 10), 200),
    (serum("CREAT", Analyte::Creatinine, "mg/dL", 2, (59, 135)), (66, 122), 80),
    (serum("CA", Analyte::Calcium, "mg/dL", 1, (85, 105)), (89, 98), 30),
    (serum("ALB", Analyte::Albumin, "g/dL", 1, (35, 50)), (35, 43), 50),
    (serum("K", Analyte::Potassium, "mmol/L", 1, (35, 51)), (38, 46), 70),
];

const SERUM_M: Test = Test {
    code: "MCPROT",
    analyte: Some(Analyte::SerumMProtein),
    specimen: "SERUM",
    unit: "g/dL",
    method: Some("ELECTROPHORESIS"),
    decimals: 2,
    limits: None,
};
const URINE_M: Test = Test {
    code: "MPROTEXR",
    analyte: Some(Analyte::UrineMProtein),
    specimen: "URINE",
    unit: "mg/24h",
    method: Some("ELECTROPHORESIS"),
    decimals: 0,
    limits: None,
};
const KAPPA: Test = Test {
    method: Some("NEPHELOMETRY"),
    limits: Some((33, 194)),
    ..serum("KLCFR", Analyte::FreeKappa, "mg/dL", 2, (33, 194))
};
const LAMBDA: Test = Test {
    method: Some("NEPHELOMETRY"),
    limits: Some((57, 263)),
    ..serum("LLCFR", Analyte::FreeLambda, "mg/dL", 2, (57, 263))
};

/// Events that are drawn: term, system organ class, percent of patients, highest grade, whether related.
const COMMON: [(&str, &str, i64, i64, bool); 11] = [
    ("Fatigue", "General disorders and administration site conditions", 60, 2, true),
    ("Nausea", "Gastrointestinal disorders", 40, 2, true),
    ("Decreased appetite", "Metabolism and nutrition disorders", 25, 2, true),
    ("Constipation", "Gastrointestinal disorders", 25, 1, false),
    ("Diarrhoea", "Gastrointestinal disorders", 20, 2, true),
    ("Headache", "Nervous system disorders", 20, 1, true),
    ("Back pain", "Musculoskeletal and connective tissue disorders", 25, 2, false),
    ("Upper respiratory tract infection", "Infections and infestations", 25, 2, false),
    ("Oedema peripheral", "General disorders and administration site conditions", 15, 1, false),
    ("Dizziness", "Nervous system disorders", 12, 1, true),
    ("Epistaxis", "Respiratory, thoracic and mediastinal disorders", 15, 1, true),
];

/// One panel of counts, in whole numbers of their last decimals.
struct Panel {
    day: i32,
    platelets: i64,
    neutrophils: i64,
    leukocytes: i64,
    haemoglobin: i64,
}

/// A patient on the way from plan to facts.
pub(super) struct Synthesis<'a> {
    pub(super) protocol: &'a Protocol,
    pub(super) cohort: &'a Cohort,
    regimen: &'a Regimen,
    pub(super) plan: &'a PatientPlan,
    pub(super) place: String,
    seed: u64,
    number: u64,
    pub(super) last_fact: Date,
    female: bool,
    age: i64,
    facts: Vec<Recorded>,
}

impl<'a> Synthesis<'a> {
    pub(super) fn new(
        protocol: &'a Protocol,
        cohort: &'a Cohort,
        plan: &'a PatientPlan,
        seed: u64,
        last_fact: Date,
    ) -> Result<Self, BadPlan> {
        let place = format!("cohort {}, patient {}", cohort.id, plan.subject);
        let regimen = protocol
            .regimen(&cohort.regimen)
            .ok_or_else(|| BadPlan::impossible(&place, &cohort.regimen, "a regimen of the protocol"))?;
        let digits: String = plan.subject.chars().filter(char::is_ascii_digit).collect();
        let number = digits.parse().map_err(|_| {
            BadPlan::impossible(
                &format!("{place}, subject"),
                &plan.subject,
                "an id with 1 to 19 digits, such as CLR131-01-101",
            )
        })?;
        if !protocol.trial.site.is_empty() && !protocol.trial.site.iter().any(|site| site.id == plan.site) {
            return Err(BadPlan::impossible(&format!("{place}, site"), &plan.site, "a site of the protocol"));
        }
        let followed = plan.first_fraction.until(last_fact).map_or(i32::MAX, |span| span.get_days());
        if plan.enrolled > plan.first_fraction || !(0..10_000).contains(&followed) {
            return Err(BadPlan::impossible(
                &format!("{place}, first-fraction"),
                plan.first_fraction,
                format!(
                    "a day from enrolment ({}) to the last fact ({last_fact}), at most 10000 days before that",
                    plan.enrolled
                ),
            ));
        }
        check_bounds(&place, plan, regimen)?;
        Ok(Self {
            protocol,
            cohort,
            regimen,
            plan,
            place,
            seed,
            number,
            last_fact,
            female: false,
            age: 0,
            facts: Vec::new(),
        })
    }

    /// All facts of the patient, each with the day of its recording, in the order of their making.
    pub(super) fn facts(mut self) -> Result<Vec<Recorded>, BadPlan> {
        let height_weight = self.enrols();
        self.treats(height_weight)?;
        let panels = self.counts()?;
        self.chemistry();
        if let Some((marker, baseline)) = self.plan.marker.zip(self.plan.baseline) {
            let answered = self.markers(marker, baseline)?;
            self.assesses(marker, answered.as_ref());
        }
        self.assessed()?;
        self.supports();
        self.events(&panels);
        self.leaves();
        Ok(self.facts)
    }

    fn draw(&self, stream: Stream) -> Draw {
        Draw::new(self.seed, stream, self.number)
    }

    fn subject(&self) -> String {
        self.plan.subject.clone()
    }

    /// The date of a study day; day 1 is the first fraction and there is no day 0.
    pub(super) fn date(&self, day: i32) -> Date {
        let days = if day > 0 { day - 1 } else { day };
        self.plan.first_fraction.saturating_add(i64::from(days).days())
    }

    /// The study day of a date.
    fn study_day(&self, date: Date) -> i32 {
        let days = self.plan.first_fraction.until(date).map_or(0, |span| span.get_days());
        if days >= 0 { days + 1 } else { days }
    }

    /// The last day on which anything is seen of the patient.
    pub(super) fn last_day(&self) -> i32 {
        [self.plan.death, self.plan.withdrawal.as_ref().map(|withdrawal| withdrawal.day)]
            .into_iter()
            .flatten()
            .chain([self.study_day(self.last_fact)])
            .min()
            .unwrap_or(1)
    }

    /// The last day of samples: the confirmation of progression, else the last day seen.
    fn last_sample_day(&self) -> i32 {
        let progression = self.plan.progression();
        progression.map_or(i32::MAX, |day| (day + 14).max(WINDOW)).min(self.last_day())
    }

    /// Records a fact on the day after it happened, unless that is too late to be seen.
    pub(super) fn record(&mut self, happened: Date, fact: Fact) {
        if happened <= self.last_fact {
            self.facts.push((happened.saturating_add(1.day()), fact));
        }
    }

    fn enrols(&mut self) -> (i64, i64) {
        let mut draw = self.draw(Stream::Demography);
        self.female = draw.chance(45);
        let age = draw.between(52, 80);
        let height = if self.female { draw.between(154, 172) } else { draw.between(167, 187) };
        let weight = if self.female { draw.between(540, 840) } else { draw.between(680, 1_020) };
        self.female = self.plan.sex.map_or(self.female, |sex| sex == Sex::F);
        let age = self.plan.age.unwrap_or(age);
        self.age = age;
        let height = self.plan.height.unwrap_or(height);
        let weight = self.plan.weight.and_then(|weight| whole(weight, 1)).unwrap_or(weight);
        let consent = self.date(-(10 + draw.between(0, 8)) as i32);
        let race = if draw.chance(80) { "WHITE" } else { draw.pick("BLACK OR AFRICAN AMERICAN", &["ASIAN"]) };
        let subject = Subject {
            subject: self.subject(),
            site: Some(self.plan.site.clone()),
            age_years: Some(age.into()),
            sex: Some(if self.female { "F" } else { "M" }.to_owned()),
            race: Some(race.to_owned()),
            ethnicity: Some("NOT HISPANIC OR LATINO".to_owned()),
            country: Some("USA".to_owned()),
            arm: Some(self.cohort.id.clone()),
            no_arm_reason: None,
            consent: Some(consent.into()),
            first_treatment: None,
            death: None,
        };
        self.record(consent, Fact::Subject(subject));
        self.record(consent, self.milestone("INFORMED CONSENT OBTAINED", consent));
        let enrolment = Enrolment {
            subject: self.subject(),
            cohort: self.cohort.id.clone(),
            date: self.plan.enrolled,
            protocol_version: self.version_at(self.plan.enrolled),
            replaces: self.plan.replaces.clone(),
            stratum: self.plan.stratum.clone(),
        };
        self.record(self.plan.enrolled, Fact::Enrolment(enrolment));
        if let Some(stored) = self.plan.stem_cells {
            let date = self.date(-21);
            let cells =
                StemCells { subject: self.subject(), date, cd34_per_kg_millions: stored, autologous: true };
            self.record(self.plan.enrolled.yesterday().unwrap_or(date).max(date), Fact::StemCells(cells));
        }
        let years = draw.between(3, 11);
        let diagnosed = format!("{}", i64::from(consent.year()) - years);
        let characteristics = match self.plan.marker {
            Some(marker) => self.characteristics(&mut draw, marker, years),
            None => self.general_characteristics(&mut draw, age, years),
        };
        self.record_characteristics(characteristics);
        if let Ok(start) = diagnosed.parse() {
            let history = History {
                subject: self.subject(),
                term: self.diagnosis(),
                category: Some("PRIMARY DIAGNOSIS".to_owned()),
                start: Some(start),
                end: None,
            };
            self.record(self.plan.enrolled, Fact::History(history));
        }
        for (test, value, unit, decimals) in [("HEIGHT", height, "cm", 0), ("WEIGHT", weight, "kg", 1)] {
            let screening = self.date(-7);
            let sign = VitalSign {
                subject: self.subject(),
                test: test.to_owned(),
                result: Some(reported(value, decimals).to_string()),
                unit: Some(unit.to_owned()),
                visit: Some("SCREENING".to_owned()),
                at: Some(screening.into()),
            };
            self.record(screening, Fact::VitalSign(sign));
        }
        (height, weight)
    }

    fn milestone(&self, term: &str, date: Date) -> Fact {
        Fact::Disposition(Disposition {
            subject: self.subject(),
            term: term.to_owned(),
            standard: term.to_owned(),
            category: Some("PROTOCOL MILESTONE".to_owned()),
            scope: None,
            at: Some(date.into()),
        })
    }

    /// The version of the protocol in force on a day; the oldest before any was.
    fn version_at(&self, date: Date) -> String {
        let current = (&self.protocol.version.id, self.protocol.version.date);
        let mut versions: Vec<_> =
            self.protocol.amendment.iter().map(|amendment| (&amendment.version, amendment.date)).collect();
        versions.push(current);
        let in_force = versions.iter().rev().find(|(_, adopted)| *adopted <= date);
        in_force.or(versions.first()).map_or_else(String::new, |(id, _)| (*id).clone())
    }

    fn characteristics(&self, draw: &mut Draw, marker: Marker, years: i64) -> Vec<(&'static str, String)> {
        let lines = i64::from(self.plan.earlier_lines);
        let chain = self.involved_chain(marker);
        let kind = match marker {
            Marker::SerumIgg => "IgG",
            Marker::SerumIga => "IgA",
            Marker::Urine | Marker::FreeKappa | Marker::FreeLambda => "Light chain only",
        };
        let stage = draw.pick("I", &["II", "II", "III"]);
        let high_risk = draw.chance(40);
        let revised = match (stage, high_risk) {
            ("I", false) => "I",
            ("III", true) => "III",
            _ => "II",
        };
        let refractory = if lines >= 6 {
            draw.pick("Quad-class", &["Penta-class", "Triple-class"])
        } else {
            draw.pick("Double-class", &["Triple-class", "Triple-class"])
        };
        let ecog = draw.pick("0", &["1", "1", "2"]);
        let transplant = if draw.chance(70) { "Yes" } else { "No" };
        let extramedullary = if draw.chance(12) { "Yes" } else { "No" };
        let marrow = draw.between(8, 70).to_string();
        let risk = if high_risk { "High" } else { "Standard" };
        [
            ("ECOG", ecog),
            ("ISS stage", stage),
            ("R-ISS", revised),
            ("Cytogenetic risk", risk),
            ("M-protein type", kind),
            ("Light chain", chain),
            ("Earlier lines", &lines.to_string()),
            ("Transplant", transplant),
            ("Refractory class", refractory),
            ("Extramedullary disease", extramedullary),
            ("Marrow plasma cells %", &marrow),
            ("Years since diagnosis", &years.to_string()),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// The involved light chain: the marker's own, else kappa in two of three patients.
    fn involved_chain(&self, marker: Marker) -> &'static str {
        match marker {
            Marker::FreeKappa => "Kappa",
            Marker::FreeLambda => "Lambda",
            _ if self.number.is_multiple_of(3) => "Lambda",
            _ => "Kappa",
        }
    }

    /// Study day of each fraction as given; none for an optional fraction that is not.
    fn fraction_days(&self) -> Vec<Option<i32>> {
        let late = |index: usize| match &self.plan.delay {
            Some(delay) if index == 1 => delay.days,
            _ => 0,
        };
        let day = |(index, fraction): (usize, &Fraction)| {
            if fraction.optional { self.plan.optional_fraction } else { Some(fraction.day + late(index)) }
        };
        self.regimen.fraction.iter().enumerate().map(day).collect()
    }

    fn last_fraction_day(&self) -> i32 {
        self.fraction_days().into_iter().flatten().max().unwrap_or(1)
    }

    fn treats(&mut self, (height, weight): (i64, i64)) -> Result<(), BadPlan> {
        let mut draw = self.draw(Stream::Treatment);
        let surface = self.body_surface(height, weight)?;
        let product = self.protocol.product.clone();
        let name = product.as_ref().map_or("Study product", |product| product.name.as_str()).to_owned();
        let minutes = product.as_ref().and_then(|product| product.infusion_minutes).unwrap_or(30);
        let route = product.and_then(|product| product.route);
        for (index, (fraction, day)) in self.regimen.fraction.iter().zip(self.fraction_days()).enumerate() {
            let Some(day) = day else { continue };
            let place = format!("{}, fraction {}", self.place, index + 1);
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let per_area = fraction.activity.ok_or_else(|| {
                BadPlan::impossible(
                    &place,
                    "a fraction without activity",
                    "an activity per area in the protocol",
                )
            })?;
            let unsound = |error: BadQuantity| BadPlan::impossible(&place, &error.found, &error.expected);
            let prescribed = (per_area.mci_per_m2() * surface).round_dp(1);
            let prescription = Prescription {
                subject: self.subject(),
                fraction: number,
                per_area: Some(per_area),
                body_surface_m2: Some(surface),
                activity: Some(Activity::from_mci(prescribed).map_err(unsound)?),
                planned: Some(self.date(if fraction.optional { day } else { fraction.day }).into()),
            };
            let prescribed_on = if fraction.optional { self.date(day - 1) } else { self.date(-1) };
            self.record(prescribed_on, Fact::Prescription(prescription));
            // 95.5 to 102.5 percent before rounding to 0.1 mCi, so between 95 and 103 after it.
            let given = (prescribed * Decimal::new(draw.between(955, 1_025), 3)).round_dp(1);
            let start = draw.between(108, 156) * 5;
            let date = self.date(day);
            let administration = Administration {
                subject: self.subject(),
                treatment: name.clone(),
                fraction: Some(number),
                amount: Some(Amount::Activity(Activity::from_mci(given).map_err(unsound)?)),
                start: at_clock(date, start),
                end: Some(at_clock(date, start + i64::from(minutes))),
                route: route.clone(),
                lot: Some(format!("{:02}{:03}", date.year() % 100, date.day_of_year() / 7 + 1)),
                adjustment: self
                    .plan
                    .delay
                    .as_ref()
                    .filter(|_| index == 1)
                    .map(|delay| Adjustment { reason: delay.reason.clone(), toxicity: Some(false) }),
            };
            self.record(date, Fact::Administration(administration));
        }
        Ok(())
    }

    /// Body surface in m2 to two decimals, from cm and tenths of a kg, by the protocol's formula.
    fn body_surface(&self, height: i64, weight: i64) -> Result<Decimal, BadPlan> {
        let of_patient = self.protocol.body_surface.settings(Some(self.age.into()), reported(weight, 1));
        let settings = of_patient
            .map_err(|needed| BadPlan::impossible(&self.place, needed, "the age of the patient"))?;
        let settings = Settings { decimals: Some(2), ..settings };
        let unsound = |error: BadQuantity| BadPlan::impossible(&self.place, &error.found, &error.expected);
        let height = Length::from_centimetres(height.into()).map_err(unsound)?;
        let weight = Mass::from_kilograms(reported(weight, 1)).map_err(unsound)?;
        Ok(body_surface(height, weight, &settings).map_err(unsound)?.area.square_metres())
    }

    /// The laboratory result of a test on a study day; screening stands before the first fraction.
    fn result(&mut self, test: &Test, day: i32, visit: &str, value: i64) {
        let date = self.date(day);
        let at = if day == 1 { at_clock(date, 450) } else { date.into() };
        let result = reported(value, test.decimals).to_string();
        self.record(date, Fact::Laboratory(self.laboratory(test, at, visit, result)));
    }

    fn laboratory(&self, test: &Test, at: When, visit: &str, result: String) -> Laboratory {
        let limit = |value| reported(value, test.decimals);
        Laboratory {
            subject: self.subject(),
            test: test.code.to_owned(),
            analyte: test.analyte,
            result: Some(result),
            unit: Some(test.unit.to_owned()).filter(|unit| !unit.is_empty()),
            lower_limit: test.limits.map(|(low, _)| limit(low)),
            upper_limit: test.limits.map(|(_, high)| limit(high)),
            specimen: Some(test.specimen.to_owned()),
            method: test.method.map(str::to_owned),
            visit: Some(visit.to_owned()),
            at: Some(at),
        }
    }

    fn haemoglobin_test(&self) -> &'static Test {
        if self.female { &HAEMOGLOBIN_F } else { &HAEMOGLOBIN_M }
    }

    fn fall(
        &self,
        name: &str,
        nadir: &Nadir,
        decimals: u32,
        baseline: (i64, i64),
        grade_1: i64,
        draw: &mut Draw,
    ) -> Result<Fall, BadPlan> {
        let place = format!("{}, {name}", self.place);
        let lowest = whole(nadir.lowest, decimals).filter(|value| *value > 0).ok_or_else(|| {
            BadPlan::impossible(
                &place,
                nadir.lowest,
                format!("a positive count with at most {decimals} decimals"),
            )
        })?;
        if nadir.day < 8 || nadir.recovery_days < 3 {
            return Err(BadPlan::impossible(
                &place,
                nadir.day,
                "a nadir on day 8 or later and 3 days or more to recovery",
            ));
        }
        let baseline = draw.between(baseline.0, baseline.1).max(lowest * 13 / 10);
        let recovered =
            if lowest < grade_1 { grade_1 * (102 + draw.between(0, 6)) / 100 } else { baseline * 9 / 10 };
        let (recovered, baseline) = (recovered.max(lowest + 1), baseline.max(recovered * 11 / 10));
        Ok(Fall {
            baseline,
            lowest,
            day: nadir.day,
            recovered,
            recovery_days: nadir.recovery_days,
            level: baseline * 94 / 100,
        })
    }

    fn counts(&mut self) -> Result<Vec<Panel>, BadPlan> {
        let mut draw = self.draw(Stream::Counts);
        let platelets = self.fall("platelets", &self.plan.platelets, 0, (128, 246), 75, &mut draw)?;
        let neutrophils = self.fall("neutrophils", &self.plan.neutrophils, 2, (210, 460), 150, &mut draw)?;
        let lowest = match self.plan.haemoglobin {
            Some(value) => whole(value, 1).ok_or_else(|| {
                BadPlan::impossible(&format!("{}, haemoglobin", self.place), value, "one decimal at most")
            })?,
            None => draw.between(83, 98),
        };
        let baseline = (lowest + draw.between(9, 22)).max(90);
        let haemoglobin = Fall {
            baseline,
            lowest,
            day: draw.between(45, 55) as i32,
            recovered: (lowest + 4).max(baseline * 96 / 100),
            recovery_days: 21,
            level: baseline + 2,
        };
        let lymphocytes = draw.between(90, 170);
        let mut panels = Vec::new();
        for day in self.count_days(&platelets, &neutrophils) {
            let [p, n, h] = [&platelets, &neutrophils, &haemoglobin].map(|fall| fall.on(day, &mut draw));
            let depressed = if (15..=80).contains(&day) { 65 } else { 95 };
            let others = lymphocytes * (depressed + draw.between(-8, 8)) / 100 + draw.between(20, 45);
            panels.push(Panel {
                day,
                platelets: p,
                neutrophils: n,
                leukocytes: (n + others + 5) / 10,
                haemoglobin: h,
            });
        }
        let hgb = self.haemoglobin_test();
        for panel in &panels {
            let visit = visit_name(panel.day);
            self.result(&PLATELETS, panel.day, &visit, panel.platelets);
            self.result(&NEUTROPHILS, panel.day, &visit, panel.neutrophils);
            self.result(&LEUKOCYTES, panel.day, &visit, panel.leukocytes);
            self.result(hgb, panel.day, &visit, panel.haemoglobin);
        }
        Ok(panels)
    }

    /// Days of the counts: before treatment, weekly to day 71, day 85, then every four weeks; the lowest count and
    /// the recovery are met; twice a week at grade 3, every other day about a grade 4.
    fn count_days(&self, platelets: &Fall, neutrophils: &Fall) -> BTreeSet<i32> {
        let last = self.last_sample_day();
        let mut days: BTreeSet<i32> =
            [-7, 1].into_iter().chain((8..=71).step_by(7)).chain((WINDOW..=last).step_by(28)).collect();
        for (fall, grade_3, grade_4) in [(platelets, 50, 25), (neutrophils, 100, 50)] {
            let recovery = fall.day + fall.recovery_days;
            days.extend([fall.day, recovery]);
            if fall.lowest < grade_3 {
                let closest = fall.recovery_days / 2;
                days.extend(
                    (8..=71)
                        .step_by(7)
                        .map(|day| day + 3)
                        .filter(|day| (fall.day - closest..recovery).contains(day)),
                );
            }
            if fall.lowest < grade_4 {
                days.extend([fall.day - 2, fall.day + 2]);
            }
        }
        days.retain(|&day| day <= last);
        days
    }

    fn chemistry(&mut self) {
        let mut draw = self.draw(Stream::Chemistry);
        let last = self.last_sample_day();
        let days: Vec<i32> = [-7, 15, 29, 57, WINDOW]
            .into_iter()
            .chain((WINDOW + 56..).step_by(56))
            .take_while(|&day| day <= last)
            .collect();
        for (test, (low, high), thousandths) in &CHEMISTRY {
            let level = draw.between(*low, *high);
            for &day in &days {
                let off = level * draw.between(-thousandths, *thousandths);
                self.result(test, day, &visit_name(day), level + (off + 500 * off.signum()) / 1_000);
            }
        }
    }

    /// Records the markers of each visit and returns the course of the driving one.
    fn markers(&mut self, marker: Marker, planned: Decimal) -> Result<Option<Answered>, BadPlan> {
        let mut draw = self.draw(Stream::Markers);
        let baseline = whole(planned, marker.decimals())
            .filter(|value| *value > marker.measurable())
            .ok_or_else(|| {
                BadPlan::impossible(
                    &format!("{}, baseline", self.place),
                    planned,
                    format!("a measurable value with at most {} decimals", marker.decimals()),
                )
            })?;
        let answered = match &self.plan.response {
            Some(plan) => {
                let days = marker_days(plan.progression, self.last_sample_day());
                answer(&self.place, marker, baseline, plan, &days, &mut draw)?
            }
            None => Answered { values: vec![(-7, baseline)] },
        };
        let small_serum = draw.between(15, 45);
        let small_urine = draw.between(20, 110);
        let involved = draw.between(300, 4_800);
        let other = draw.between(30, 70);
        for &(day, value) in &answered.values {
            let share = |level: i64| (level * value / baseline).max(1);
            let noisy = |level: i64, draw: &mut Draw| level + level * draw.between(-40, 40) / 1_000;
            let visit = visit_name(day);
            let serum = match marker {
                Marker::SerumIgg | Marker::SerumIga => value,
                _ => noisy(small_serum, &mut draw),
            };
            let urine = if marker == Marker::Urine { value } else { noisy(small_urine, &mut draw) };
            // The driving marker is the difference, held in tenths; the chains are reported in hundredths.
            let involved = match marker {
                Marker::FreeKappa | Marker::FreeLambda => value * 10 + other,
                _ => noisy(share(involved), &mut draw).max(other * 3),
            };
            let (kappa, lambda) =
                if self.involved_chain(marker) == "Kappa" { (involved, other) } else { (other, involved) };
            self.result(&SERUM_M, day, &visit, serum);
            self.result(&URINE_M, day, &visit, urine);
            self.result(&KAPPA, day, &visit, kappa);
            self.result(&LAMBDA, day, &visit, lambda);
            for specimen in ["SERUM", "URINE"] {
                let test = Test {
                    code: "MPIGISO",
                    analyte: None,
                    specimen,
                    unit: "",
                    method: Some("IMMUNOFIXATION ELECTROPHORESIS"),
                    decimals: 0,
                    limits: None,
                };
                let date = self.date(day);
                let fixed = self.laboratory(&test, date.into(), &visit, "POSITIVE".to_owned());
                self.record(date, Fact::Laboratory(fixed));
            }
        }
        Ok(self.plan.response.is_some().then_some(answered))
    }

    /// The investigator's assessment at each visit with markers, by the category of that sample alone.
    fn assesses(&mut self, marker: Marker, answered: Option<&Answered>) {
        let Some((answered, plan)) = answered.zip(self.plan.response.as_ref()) else { return };
        for (day, category) in answered.categories(marker) {
            let response = match plan.investigator_differs {
                Some((differs, category)) if differs == day => category,
                _ => category,
            };
            let date = self.date(day);
            let assessment = ResponseAssessment {
                subject: self.subject(),
                criteria: Some("KUMAR IMWG 2016".to_owned()),
                test: "OVRLRESP".to_owned(),
                response: Some(response.code().to_owned()),
                evaluator: Some("INVESTIGATOR".to_owned()),
                evaluator_id: None,
                method: None,
                visit: Some(visit_name(day)),
                at: Some(date.into()),
                progression_found_by: (response == Category::Progressive)
                    .then_some(ProgressionFoundBy::Biochemical),
                death_by_progression: false,
            };
            self.record(
                date.saturating_add(2.days()).min(self.last_fact),
                Fact::ResponseAssessment(assessment),
            );
        }
    }

    fn supports(&mut self) {
        for (kind, day, product) in [
            (
                SupportKind::PlateletTransfusion,
                self.plan.platelet_transfusion,
                "Platelets, apheresis, irradiated",
            ),
            (SupportKind::RedCellTransfusion, self.plan.red_cell_transfusion, "Red cells, irradiated"),
            (SupportKind::GrowthFactor, self.plan.growth_factor, "Filgrastim"),
        ] {
            let Some(day) = day.filter(|&day| day <= self.last_day()) else { continue };
            let date = self.date(day);
            let support =
                Support { subject: self.subject(), kind, at: date.into(), product: Some(product.to_owned()) };
            self.record(date, Fact::Support(support));
        }
    }

    /// Adverse events: those that follow from the counts, those planned, those drawn; keyed in order of onset.
    fn events(&mut self, panels: &[Panel]) {
        let mut draw = self.draw(Stream::Events);
        let last = self.last_day();
        let mut events = self.events_of_counts(panels);
        events.extend(self.plan.event.iter().map(|event| Onset {
            term: event.term.clone(),
            class: event.class.clone(),
            grade: event.grade,
            start: event.start,
            end: event.end,
            related: event.related,
            serious: event.serious,
        }));
        for (term, class, percent, highest, related) in COMMON {
            let (drawn, start, length) = (draw.chance(percent), draw.between(2, 70), draw.between(3, 24));
            // The worst grade is the rarer one.
            let grade = draw.between(1, 3).min(draw.between(1, highest)) as u8;
            if drawn && start as i32 <= last.min(WINDOW) {
                let (start, end) = (start as i32, (start + length) as i32);
                let (term, class) = (term.to_owned(), class.to_owned());
                events.push(Onset { term, class, grade, start, end: Some(end), related, serious: false });
            }
        }
        events.retain(|event| event.start <= last);
        events.sort_by(|a, b| (a.start, &a.term).cmp(&(b.start, &b.term)));
        let treated = self.last_fraction_day();
        for (index, event) in events.into_iter().enumerate() {
            let end = event.end.filter(|&end| end <= last);
            let fact = AdverseEvent {
                subject: self.subject(),
                key: (index + 1).to_string(),
                verbatim: event.term.clone(),
                term: event.term,
                class: Some(event.class),
                grade: Some(event.grade),
                severity: None,
                serious: Some(event.serious),
                causality: Some(if event.related { "RELATED" } else { "NOT RELATED" }.to_owned()),
                related: Some(event.related),
                action: Some(
                    if event.start > treated { "NOT APPLICABLE" } else { "DOSE NOT CHANGED" }.to_owned(),
                ),
                outcome: Some(
                    if end.is_some() { "RECOVERED/RESOLVED" } else { "NOT RECOVERED/NOT RESOLVED" }
                        .to_owned(),
                ),
                fatal: Some(false),
                start: Some(self.date(event.start).into()),
                end: end.map(|day| self.date(day).into()),
            };
            // One record a finished event: it is written once its end is known.
            self.record(self.date(end.unwrap_or(event.start)), Fact::AdverseEvent(fact));
        }
    }

    /// One event for each count whose grade rises over baseline to 2 or more, by the protocol's version of CTCAE.
    fn events_of_counts(&self, panels: &[Panel]) -> Vec<Onset> {
        type Of = fn(&Panel) -> i64;
        let Some(version) = self.protocol.ctcae() else { return Vec::new() };
        let tests: [(&Test, Of, &str, &str); 4] = [
            (&PLATELETS, |panel| panel.platelets, "Platelet count decreased", "Investigations"),
            (&NEUTROPHILS, |panel| panel.neutrophils, "Neutrophil count decreased", "Investigations"),
            (&LEUKOCYTES, |panel| panel.leukocytes, "White blood cell count decreased", "Investigations"),
            (
                self.haemoglobin_test(),
                |panel| panel.haemoglobin,
                "Anaemia",
                "Blood and lymphatic system disorders",
            ),
        ];
        let mut events = Vec::new();
        for (test, of, term, class) in tests {
            let grades: Vec<(i32, u8)> =
                panels.iter().map(|panel| (panel.day, low_grade(version, test, of(panel)))).collect();
            let before =
                grades.iter().filter(|(day, _)| *day <= 1).map(|(_, grade)| *grade).max().unwrap_or(0);
            let floor = before.max(1);
            let Some(&(start, _)) = grades.iter().find(|(day, grade)| *day > 1 && *grade > floor) else {
                continue;
            };
            let later = grades.iter().filter(|(day, _)| *day >= start);
            let end = later.clone().find(|(_, grade)| *grade <= floor).map(|(day, _)| *day);
            let during = later.take_while(|(day, _)| end.is_none_or(|end| *day < end));
            let grade = during.map(|(_, grade)| *grade).max().unwrap_or(2);
            let (term, class) = (term.to_owned(), class.to_owned());
            events.push(Onset { term, class, grade, start, end, related: true, serious: false });
        }
        events
    }

    /// Judgement, new therapy, death or survival follow-up.
    fn leaves(&mut self) {
        let last_fraction = self.last_fraction_day();
        let date = self.date(last_fraction);
        self.record(date, self.disposition("COMPLETED", "COMPLETED", "STUDY TREATMENT", date));
        if let Some(withdrawal) = &self.plan.withdrawal {
            let date = self.date(withdrawal.day);
            let fact =
                self.disposition(&withdrawal.reason, "WITHDRAWAL BY SUBJECT", "STUDY PARTICIPATION", date);
            self.record(date, fact);
            let judgement = EvaluabilityJudgement {
                subject: self.subject(),
                evaluable: false,
                reason: withdrawal.reason.clone(),
                adjudicator: withdrawal.adjudicator.clone(),
                date: withdrawal.judged,
            };
            self.record(withdrawal.judged, Fact::EvaluabilityJudgement(judgement));
            return;
        }
        if let Some(therapy) = &self.plan.new_therapy {
            let date = self.date(therapy.day);
            let therapy = NewTherapy {
                subject: self.subject(),
                start: date.into(),
                name: Some(therapy.name.clone()),
                myelosuppressive: Some(therapy.myelosuppressive),
            };
            self.record(date, Fact::NewTherapy(therapy));
        }
        let from = self.last_sample_day();
        let last = self.last_day();
        let contacts = (1..).map(|half_year| from + half_year * 182).take_while(|&day| day < last);
        // Those alive at the end are asked for once more in the weeks before it.
        let at_end = self.plan.death.is_none().then_some(last - (self.number % 14) as i32);
        for day in contacts.chain(at_end).filter(|&day| day > from) {
            let date = self.date(day);
            let visit = Visit {
                subject: self.subject(),
                number: None,
                name: Some("SURVIVAL FOLLOW-UP".to_owned()),
                start: Some(date.into()),
                end: None,
            };
            self.record(date, Fact::Visit(visit));
        }
        if let Some(day) = self.plan.death {
            let date = self.date(day);
            let death = Death {
                subject: self.subject(),
                at: date.into(),
                cause: Some(self.diagnosis()),
                related: Some(false),
                by_progression: Some(true),
            };
            self.record(date, Fact::Death(death));
            self.record(date, self.disposition("DEATH", "DEATH", "STUDY PARTICIPATION", date));
        }
    }

    fn disposition(&self, term: &str, standard: &str, scope: &str, date: Date) -> Fact {
        Fact::Disposition(Disposition {
            subject: self.subject(),
            term: term.to_owned(),
            standard: standard.to_owned(),
            category: Some("DISPOSITION EVENT".to_owned()),
            scope: Some(scope.to_owned()),
            at: Some(date.into()),
        })
    }
}

/// Refuses days and values beyond any patient's, which keeps all arithmetic within its range, and settings that
/// contradict each other.
fn check_bounds(place: &str, plan: &PatientPlan, regimen: &Regimen) -> Result<(), BadPlan> {
    let impossible = |setting: &str, found: String, expected: &str| {
        Err(BadPlan::impossible(&format!("{place}, {setting}"), found, expected))
    };
    let response = plan.response.as_ref();
    let progression = plan.progression();
    if plan.marker.is_some() != plan.baseline.is_some() || (plan.marker.is_none() && response.is_some()) {
        let found = "one of marker, baseline and response without the others".to_owned();
        return impossible("marker", found, "a marker with its baseline, or neither and no response");
    }
    if plan.marker.is_some() && !plan.assessed.is_empty() {
        let expected = "either a marker or assessments";
        return impossible("assessed", "a marker and assessments".to_owned(), expected);
    }
    let days = [
        ("response.day", response.map(|response| response.day)),
        ("response.progression", progression),
        ("platelets.day", Some(plan.platelets.day)),
        ("platelets.recovery-days", Some(plan.platelets.recovery_days)),
        ("neutrophils.day", Some(plan.neutrophils.day)),
        ("neutrophils.recovery-days", Some(plan.neutrophils.recovery_days)),
        ("platelet-transfusion", plan.platelet_transfusion),
        ("red-cell-transfusion", plan.red_cell_transfusion),
        ("growth-factor", plan.growth_factor),
        ("delay.days", plan.delay.as_ref().map(|delay| delay.days)),
        ("withdrawal.day", plan.withdrawal.as_ref().map(|withdrawal| withdrawal.day)),
        ("new-therapy.day", plan.new_therapy.as_ref().map(|therapy| therapy.day)),
        ("death", plan.death),
        ("optional-fraction", plan.optional_fraction),
    ];
    let sizes = [
        ("age", plan.age, 0..=120),
        ("height", plan.height, 30..=250),
        ("weight", plan.weight.map(|weight| whole(weight, 1).unwrap_or(0)), 10..=4_000),
    ];
    for (setting, value, allowed) in sizes {
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            return impossible(
                setting,
                value.to_string(),
                "years, cm, or kg with one decimal, as of a patient",
            );
        }
    }
    let assessed = plan.assessed.iter().map(|assessed| ("assessed.day", Some(assessed.day)));
    let events =
        plan.event.iter().flat_map(|event| [("event.start", Some(event.start)), ("event.end", event.end)]);
    for (setting, day) in days.into_iter().chain(assessed).chain(events) {
        if let Some(day) = day.filter(|day| !(1..=10_000).contains(day)) {
            return impossible(setting, day.to_string(), "a number of days from 1 to 10000");
        }
    }
    let values = [
        ("baseline", plan.baseline),
        ("stem-cells", plan.stem_cells),
        ("platelets.lowest", Some(plan.platelets.lowest)),
        ("neutrophils.lowest", Some(plan.neutrophils.lowest)),
        ("haemoglobin", plan.haemoglobin),
        ("response.change-percent", response.map(|response| response.change_percent)),
    ];
    for (setting, value) in values {
        let allowed = -Decimal::ONE_HUNDRED..=Decimal::from(100_000);
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            return impossible(
                setting,
                value.to_string(),
                "a value up to 100000, and no percentage below -100",
            );
        }
    }
    if plan.delay.is_some() && regimen.fraction.len() < 2 {
        return impossible("delay", "a regimen of one fraction".to_owned(), "a second fraction to give late");
    }
    if let Some((therapy, progression)) = plan.new_therapy.as_ref().zip(progression)
        && therapy.day <= progression + 14
    {
        let expected = format!("a day after the sample that confirms progression, day {}", progression + 14);
        return impossible("new-therapy.day", therapy.day.to_string(), &expected);
    }
    Ok(())
}

/// An adverse event by study day.
struct Onset {
    term: String,
    class: String,
    grade: u8,
    start: i32,
    end: Option<i32>,
    related: bool,
    serious: bool,
}

/// The grade of a low count; 0 where it has none.
fn low_grade(version: ctcae::Version, test: &Test, value: i64) -> u8 {
    let measured = Measured {
        value: reported(value, test.decimals),
        qualifier: Qualifier::Exact,
        unit: test.unit.to_owned(),
    };
    let limit = test.limits.map(|(low, _)| reported(low, test.decimals));
    let Some(value) = test.analyte.and_then(|analyte| LabValue::new(analyte, measured, limit, None).ok())
    else {
        return 0;
    };
    ctcae::grade(version, &value, None, &Circumstances::default())
        .iter()
        .find(|graded| graded.direction == ctcae::Direction::Low)
        .map_or(0, |graded| match graded.outcome {
            Outcome::Grade(grade) => grade,
            _ => graded.lowest,
        })
}

/// A minute of a day at the sites' offset.
fn at_clock(date: Date, minute: i64) -> When {
    format!("{date}T{:02}:{:02}-06:00", minute / 60, minute % 60).parse().unwrap_or_else(|_| date.into())
}

pub(super) fn visit_name(day: i32) -> String {
    if day < 0 { "SCREENING".to_owned() } else { format!("DAY {day}") }
}
