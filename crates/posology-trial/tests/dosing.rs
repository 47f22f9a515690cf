//! Radiopharmacy: sheets, gates, checks, release, and what the record admits.

#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;

use jiff::Timestamp;
use posology_clinic::prescription::Comparison;
use posology_clinic::quantity::Activity;
use posology_trial::conduct::{Conduct, Context};
use posology_trial::cut::Cut;
use posology_trial::dosing::{Course, GateReview, Judged, Sheet, Status, retained};
use posology_trial::event::*;
use posology_trial::protocol::Protocol;
use posology_trial::state::State;
use proptest::prelude::*;
use rust_decimal::Decimal;
use scene::{Scene, adoption, date, enrolment, subject};

/// Two fractions of 20 mCi/m2, days 1 and 8, and what `dosing` says.
fn protocol(dosing: &str) -> String {
    let low = r#"fraction = [{ day = 1, activity = "10 mCi/m2" }]"#;
    let two = r#"fraction = [{ day = 1, activity = "20 mCi/m2", days-late = 2 }, { day = 8, activity = "20 mCi/m2", days-early = 1, days-late = 3 }]"#;
    let text = scene::PROTOCOL.replacen(low, two, 1).replacen("35 mCi/m2", "60 mCi/m2", 1);
    format!("{text}\n[dosing]\n{dosing}\n")
}

fn activity(text: &str) -> Activity {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn directive(id: &str, fractions: &[(u32, &str, &str)]) -> WrittenDirective {
    WrittenDirective {
        subject: "01-001".into(),
        directive: id.into(),
        date: date("2026-02-28"),
        drug: "X".into(),
        radionuclide: "I-131".into(),
        route: "INTRAVENOUS".into(),
        per_area: Some("20 mCi/m2".parse().unwrap()),
        height: Some("175 cm".parse().unwrap()),
        weight: Some("80 kg".parse().unwrap()),
        weighed: Some(date("2026-02-27")),
        body_surface_m2: Some(decimal("1.97203")),
        fractions: fractions
            .iter()
            .map(|(fraction, prescribed, planned)| DirectedFraction {
                fraction: *fraction,
                activity: activity(prescribed),
                planned: date(planned),
            })
            .collect(),
        range: None,
        revises: None,
        reason: None,
    }
}

fn revision(id: &str, revises: &str, fractions: &[(u32, &str, &str)]) -> WrittenDirective {
    WrittenDirective {
        revises: Some(revises.into()),
        reason: Some("platelets 20 x10^9/L".into()),
        ..directive(id, fractions)
    }
}

fn assay(fraction: u32, read: &str, when: &str, how: AssayBy) -> Assay {
    Assay {
        subject: "01-001".into(),
        fraction,
        activity: activity(read),
        at: at(when),
        local_offset: None,
        how,
        instrument: Some("CAL-1".into()),
        setting: None,
        lot: Some("L7".into()),
        expires: None,
        determined_by: None,
    }
}

fn residual(fraction: u32, read: &str, when: &str) -> Residual {
    Residual {
        subject: "01-001".into(),
        fraction,
        activity: activity(read),
        at: at(when),
        local_offset: None,
        instrument: Some("CAL-1".into()),
    }
}

fn given(fraction: u32, start: &str, net: Option<&str>) -> Administration {
    Administration {
        subject: "01-001".into(),
        treatment: "X".into(),
        fraction: Some(fraction),
        amount: net.map(|net| Amount::Activity(activity(net))),
        start: start.parse().unwrap(),
        end: None,
        route: Some("INTRAVENOUS".into()),
        lot: Some("L7".into()),
        adjustment: None,
    }
}

fn check(fraction: u32, when: &str) -> SecondCheck {
    SecondCheck {
        subject: "01-001".into(),
        fraction,
        at: at(when),
        identity: true,
        drug: true,
        activity: true,
        route: true,
    }
}

fn omitted(fraction: u32) -> FractionOmitted {
    FractionOmitted {
        subject: "01-001".into(),
        fraction,
        date: date("2026-03-03").into(),
        adjustment: Adjustment { reason: "patient declined".into(), toxicity: Some(false) },
    }
}

fn blockade(start: &str, end: Option<&str>) -> ThyroidBlockade {
    ThyroidBlockade {
        subject: "01-001".into(),
        agent: "potassium iodide 130 mg daily".into(),
        start: at(start),
        end: end.map(at),
        missed: 0,
    }
}

fn site_settings() -> SiteSettings {
    serde_json::from_value(serde_json::json!({ "site": "01", "date": "2026-01-01" })).unwrap()
}

/// A file of facts: nothing is refused, so that each sheet can be looked at alone.
struct File {
    conduct: Conduct,
    now: Timestamp,
}

impl File {
    fn new(dosing: &str) -> Self {
        let mut file = Self { conduct: Conduct::default(), now: at("2026-06-01T00:00:00Z") };
        file.add(adoption(&protocol(dosing)));
        file.add(subject("01-001", "01"));
        file.add(enrolment("01-001", "A"));
        file
    }

    fn by(&mut self, user: &str, fact: impl Into<Fact>) -> String {
        let event = Event::new(self.now, user, fact);
        self.conduct.record(event, &Context::at(self.now)).unwrap().hash.clone()
    }

    fn add(&mut self, fact: impl Into<Fact>) -> String {
        self.by("ann", fact)
    }

    /// As the authorised user signs it.
    fn sign(&mut self, hash: &str, when: &str) {
        let statement = Statement {
            trial: "T-1".into(),
            signs: hash.into(),
            user: "ute".into(),
            printed_name: "Ute User".into(),
            role: Role::AuthorisedUser,
            meaning: Meaning::Approval,
            at: at(when),
            key: "aa".into(),
        };
        self.by("ute", Signature { statement, signature: "ss".into() });
    }

    fn directed(&mut self, directive: WrittenDirective) {
        let hash = self.add(directive);
        self.sign(&hash, "2026-02-28T12:00:00Z");
    }

    fn course(&self) -> Course {
        Course::of(&self.conduct, "01-001")
    }

    fn sheet(&self, fraction: u32) -> Sheet {
        self.course().sheet(fraction).unwrap().clone()
    }
}

fn judged(sheet: &Sheet, rule: &str) -> Judged {
    sheet.checks.iter().find(|check| check.rule == rule).unwrap_or_else(|| panic!("no {rule}")).judged
}

fn gate(sheet: &Sheet, number: u8) -> &GateReview {
    sheet.gates.iter().find(|gate| gate.number == number).unwrap()
}

fn flagged(sheet: &Sheet) -> [Option<bool>; 3] {
    [1, 2, 3].map(|number| gate(sheet, number).flagged)
}

fn shown<'s>(sheet: &'s Sheet, label: &str) -> &'s str {
    &sheet.lines.iter().find(|line| line.label == label).unwrap_or_else(|| panic!("no line {label}")).shown
}

/// Label 1,650 MBq, given 1.5 d later; residual 22.0 MBq measured 2 h after.
fn worked_example(offset: Option<&str>, label: &str, start: &str, after: &str) -> File {
    let mut file = File::new("");
    file.directed(directive("D-1", &[(1, "39.4405 mCi", "2026-03-03"), (2, "39.4405 mCi", "2026-03-10")]));
    let label = assay(1, "1650 MBq", label, AssayBy::DecayOfLabel);
    file.add(Assay { local_offset: offset.map(str::to_owned), ..label });
    file.add(given(1, start, None));
    file.add(Residual { local_offset: offset.map(str::to_owned), ..residual(1, "22.0 MBq", after) });
    file
}

#[test]
fn the_worked_example_of_the_radiopharmacy_to_its_digits() {
    // Source: worked by hand with a half-life of 8.0252 d: factor 0.87848, 1,449.5 MBq; residual 22.16 MBq; net
    // 1,427.3 MBq, 97.8% of the 1,459.3 MBq prescribed.
    let file = worked_example(None, "2026-03-01T12:00:00Z", "2026-03-03T00:00:00Z", "2026-03-03T02:00:00Z");
    let sheet = file.sheet(1);
    assert_eq!(shown(&sheet, "prescribed"), "1459.30");
    assert_eq!(shown(&sheet, "time from assay to administration"), "36");
    assert_eq!(shown(&sheet, "decay factor of assay"), "0.87848");
    assert_eq!(sheet.assayed.unwrap().mbq().round_dp(1).to_string(), "1449.5");
    assert_eq!(shown(&sheet, "residual at administration"), "22.16");
    assert_eq!(sheet.net.unwrap().mbq().round_dp(1).to_string(), "1427.3");
    assert_eq!(sheet.percent_shown.as_deref(), Some("97.8"));
    assert_eq!((sheet.status, flagged(&sheet)), (Status::Given, [Some(false), Some(false), None]));
    assert!(gate(&sheet, 3).because.says.contains("fraction 2 is still to come"));
    assert_eq!(file.course().half_life.as_deref(), Some("192.6048 h (ENSDF, 8.0252(6) d)"));
}

#[test]
fn the_same_instants_written_in_another_time_zone_give_the_same_net() {
    let utc = worked_example(None, "2026-03-01T12:00:00Z", "2026-03-03T00:00:00Z", "2026-03-03T02:00:00Z");
    let local = worked_example(
        Some("-05:00"),
        "2026-03-01T07:00:00-05:00",
        "2026-03-02T19:00:00-05:00",
        "2026-03-02T21:00:00-05:00",
    );
    assert_eq!(utc.sheet(1).net, local.sheet(1).net);
    assert_eq!(local.sheet(1).assay.unwrap().at.written, "2026-03-01T07:00:00-05:00");
    // A label read as UTC although it says -05:00 is five hours too early: 2^(-5/192.6048) = 0.98217, by hand.
    let slipped =
        worked_example(None, "2026-03-01T07:00:00Z", "2026-03-03T00:00:00Z", "2026-03-03T02:00:00Z");
    let ratio = slipped.sheet(1).assayed.unwrap().mbq() / utc.sheet(1).assayed.unwrap().mbq();
    assert_eq!(ratio.round_dp(5), decimal("0.98217"));
}

#[test]
fn without_a_residual_or_a_time_there_is_no_net_and_it_is_not_zero() {
    let mut file = File::new("");
    file.directed(directive("D-1", &[(1, "100 MBq", "2026-03-03")]));
    file.add(assay(1, "100 MBq", "2026-03-03T00:00:00Z", AssayBy::Measured));
    file.add(given(1, "2026-03-03T00:00:00Z", None));
    let sheet = file.sheet(1);
    assert_eq!((sheet.net, sheet.percent), (None, None));
    assert_eq!(sheet.net_missing.as_deref(), Some("no residual recorded"));
    assert_eq!(flagged(&sheet), [None, Some(false), None]);
    assert_eq!(file.course().total_administered, None);

    let mut file = File::new("");
    file.add(assay(1, "100 MBq", "2026-03-03T00:00:00Z", AssayBy::Measured));
    file.add(given(1, "2026-03-03", None));
    file.add(residual(1, "1 MBq", "2026-03-03T00:00:00Z"));
    assert_eq!(file.sheet(1).net_missing.as_deref(), Some("no time of administration recorded"));
}

#[test]
fn the_gates_differ_at_their_own_limits_and_follow_the_site() {
    let answer = |delivered: &str, site: Option<SiteSettings>| {
        let mut file = File::new("");
        if let Some(site) = site {
            file.add(site);
        }
        file.directed(directive("D-1", &[(1, "100 MBq", "2026-03-03")]));
        file.add(assay(1, delivered, "2026-03-03T00:00:00Z", AssayBy::Measured));
        file.add(given(1, "2026-03-03T00:00:00Z", Some(delivered)));
        flagged(&file.sheet(1)).map(Option::unwrap)
    };
    for (delivered, expected) in [
        ("110 MBq", [false, false, false]),
        ("110.000001 MBq", [true, false, false]),
        ("80.000001 MBq", [true, false, false]),
        ("80 MBq", [true, false, true]),
        ("120 MBq", [true, false, true]),
        ("120.000001 MBq", [true, true, true]),
    ] {
        assert_eq!(answer(delivered, None), expected, "{delivered}");
    }
    let other = SiteSettings {
        tolerance_percent: Some(decimal("5")),
        tolerance_comparison: Some(Comparison::AtLeast),
        before_use_comparison: Some(Comparison::AtLeast),
        after_use_comparison: Some(Comparison::MoreThan),
        ..site_settings()
    };
    assert_eq!(answer("105 MBq", Some(other.clone())), [true, false, false]);
    assert_eq!(answer("120 MBq", Some(other.clone())), [true, true, false]);
    // What another site sets, or sets from a later day on, does not hold.
    assert_eq!(answer("105 MBq", Some(SiteSettings { site: "02".into(), ..other.clone() })), [false; 3]);
    assert_eq!(answer("105 MBq", Some(SiteSettings { date: date("2026-03-04"), ..other })), [false; 3]);
}

#[test]
fn a_gate_says_values_operator_and_reviewer_and_declares_nothing() {
    let mut file = File::new("");
    file.add(SiteSettings { radiation_safety_officer: Some("Rosa Safe".into()), ..site_settings() });
    file.directed(WrittenDirective {
        range: Some([activity("95 MBq"), activity("105 MBq")]),
        ..directive("D-1", &[(1, "100 MBq", "2026-03-03")])
    });
    file.add(assay(1, "94.99 MBq", "2026-03-03T00:00:00Z", AssayBy::Measured));
    file.add(given(1, "2026-03-03T00:00:00Z", Some("94.99 MBq")));
    let sheet = file.sheet(1);
    assert_eq!(flagged(&sheet), [Some(false), Some(true), Some(true)], "outside the prescribed range");
    // -5.01% is cut off, not rounded; 94.99% likewise.
    assert_eq!((gate(&sheet, 1).shown.as_str(), sheet.percent_shown.as_deref()), ("-5.0%", Some("94.9")));
    assert_eq!(
        gate(&sheet, 3).because.says,
        "gate 3 (after use): delivered under directive D-1, 94.99 MBq (2.57 mCi) against 100.00 MBq (2.70 mCi) \
         prescribed is 94.9% of it, -5.0% off; the protocol asks for review at 20% or more or outside the prescribed \
         range; it is outside 95 MBq to 105 MBq: for review by radiation safety officer (Rosa Safe) and investigator"
    );
    let all = serde_json::to_string(&file.course()).unwrap().to_lowercase();
    assert!(!all.contains("medical event"), "{all}");
}

#[test]
fn a_directive_of_two_fractions_is_judged_whole_and_each_fraction_shown() {
    let course = |second: Option<&str>, single: Option<&str>| {
        let mut file = File::new("");
        file.add(SiteSettings { single_fraction_percent: single.map(decimal), ..site_settings() });
        file.directed(directive("D-1", &[(1, "100 MBq", "2026-03-03"), (2, "100 MBq", "2026-03-10")]));
        file.add(given(1, "2026-03-03T00:00:00Z", Some("50 MBq")));
        if let Some(second) = second {
            file.add(given(2, "2026-03-10T00:00:00Z", Some(second)));
        }
        file
    };
    assert_eq!(gate(&course(None, None).sheet(1), 3).flagged, None);
    let sheet = course(Some("140 MBq"), None).sheet(1);
    assert_eq!(gate(&sheet, 1).flagged, Some(true));
    assert_eq!(gate(&sheet, 3).flagged, Some(false));
    assert!(gate(&sheet, 3).because.says.contains("fraction 1 -50.0%, fraction 2 +40.0%"));
    assert_eq!(gate(&course(Some("110 MBq"), None).sheet(2), 3).flagged, Some(true), "exactly 20% off");
    assert_eq!(gate(&course(Some("140 MBq"), Some("50")).sheet(2), 3).flagged, Some(true));
    assert_eq!(gate(&course(Some("140 MBq"), Some("50.1")).sheet(2), 3).flagged, Some(false));
}

#[test]
fn a_fraction_withheld_by_a_revised_directive_is_no_deviation_and_an_omitted_one_is() {
    let first = || {
        let mut file = File::new("");
        file.directed(directive("D-1", &[(1, "100 MBq", "2026-03-03"), (2, "100 MBq", "2026-03-10")]));
        file.add(given(1, "2026-03-03T00:00:00Z", Some("100 MBq")));
        file
    };
    let mut withheld = first();
    let hash = withheld.add(revision("D-2", "D-1", &[]));
    assert_eq!(withheld.sheet(2).status, Status::Prescribed, "a revision holds once it is signed");
    withheld.sign(&hash, "2026-03-09T12:00:00Z");
    withheld.add(omitted(2));
    assert_eq!(withheld.sheet(2).status, Status::Withheld);
    assert_eq!(gate(&withheld.sheet(1), 3).flagged, Some(false));
    assert_eq!(gate(&withheld.sheet(1), 3).deviation_percent, Some(Decimal::ZERO));
    assert_eq!(withheld.sheet(1).directive.unwrap().directive, "D-1");
    assert_eq!(gate(&withheld.sheet(2), 3).flagged, None);
    assert!(gate(&withheld.sheet(2), 3).because.says.contains("no deviation"));

    let mut left_out = first();
    left_out.add(omitted(2));
    assert_eq!(left_out.sheet(2).status, Status::Omitted);
    let review = left_out.sheet(1);
    assert_eq!((gate(&review, 3).flagged, gate(&review, 3).shown.as_str()), (Some(true), "-50.0%"));
    assert!(gate(&review, 3).because.says.contains("omitted, patient declined"));

    let mut reduced = first();
    let hash = reduced.add(revision("D-2", "D-1", &[(2, "50 MBq", "2026-03-10")]));
    reduced.sign(&hash, "2026-03-09T12:00:00Z");
    reduced.add(given(2, "2026-03-10T00:00:00Z", Some("50 MBq")));
    assert_eq!(gate(&reduced.sheet(1), 3).deviation_percent, Some(Decimal::ZERO));
    assert_eq!(gate(&reduced.sheet(2), 3).deviation_percent, Some(Decimal::ZERO));
    assert_eq!(reduced.sheet(2).directive.unwrap().directive, "D-2");
}

#[test]
fn at_an_effective_half_life_of_6_5_days_47_percent_of_the_first_remains_on_day_8() {
    // Source: 39.4 + 18.7 = 58.1 mCi, worked by hand.
    let mut file = File::new("effective-half-life-days = 6.5");
    file.directed(directive("D-1", &[(1, "39.4405 mCi", "2026-03-03"), (2, "39.4405 mCi", "2026-03-10")]));
    file.add(given(1, "2026-03-03T12:00:00Z", Some("39.4405 mCi")));
    file.add(given(2, "2026-03-10T12:00:00Z", Some("39.4405 mCi")));
    let release = |basis, rate: Option<&str>, instructions| PatientRelease {
        subject: "01-001".into(),
        fraction: 2,
        at: at("2026-03-10T12:00:00Z"),
        basis,
        dose_rate_usv_h: rate.map(decimal),
        effective_half_life_days: None,
        instructions,
    };
    file.add(release(ReleaseBasis::RetainedActivity, None, false));
    let course = file.course();
    let first = &course.releases[0];
    let value = |label: &str| first.retained.lines.iter().find(|line| line.label == label).unwrap();
    assert_eq!(value("fraction 1, share retained").shown, "47.4");
    assert_eq!(value("fraction 1, time since").shown, "7");
    assert_eq!(value("fraction 2, share retained").shown, "100.0");
    assert_eq!(first.retained.activity.unwrap().mci().round_dp(1), decimal("58.1"));
    assert_eq!(first.checks.iter().map(|check| check.judged).collect::<Vec<_>>(), [Judged::NotMet; 2]);
    // Five days later 58.1 mCi are 34.1: above 33; a day more, and they are 30.7.
    let later =
        |when: &str| retained(&file.conduct, "01-001", at(when), None).activity.unwrap().mci().round_dp(1);
    assert_eq!(
        (later("2026-03-15T12:00:00Z"), later("2026-03-16T12:00:00Z")),
        (decimal("34.1"), decimal("30.7"))
    );
    let before = retained(&file.conduct, "01-001", at("2026-03-03T11:00:00Z"), None);
    assert_eq!(before.activity, None, "nothing given is not zero");

    file.add(release(ReleaseBasis::DoseRate, Some("69.9"), true));
    file.add(release(ReleaseBasis::DoseRate, Some("70"), true));
    let judged: Vec<Judged> = file
        .course()
        .releases
        .iter()
        .skip(1)
        .flat_map(|release| release.checks[0..1].iter().map(|c| c.judged))
        .collect();
    assert_eq!(judged, [Judged::Met, Judged::NotMet]);
}

#[test]
fn without_an_effective_half_life_the_physical_one_is_taken_and_said() {
    let mut file = File::new("");
    file.directed(directive("D-1", &[(1, "100 MBq", "2026-03-03")]));
    file.add(given(1, "2026-03-03T12:00:00Z", Some("100 MBq")));
    let left = retained(&file.conduct, "01-001", at("2026-03-11T12:00:00Z"), None);
    // 8 days: 0.50109, by hand.
    assert_eq!(left.activity.unwrap().mbq().round_dp(3), decimal("50.109"));
    assert!(left.half_life_from.contains("physical"));
    let named = retained(&file.conduct, "01-001", at("2026-03-11T12:00:00Z"), Some(decimal("8")));
    assert_eq!(named.activity.unwrap().mbq(), decimal("50"));
}

#[test]
fn the_second_check_is_by_another_person_whole_and_before() {
    let with = |user: &str, check: SecondCheck| {
        let mut file = File::new("");
        file.by("paul", assay(1, "100 MBq", "2026-03-03T00:00:00Z", AssayBy::Measured));
        file.by("gina", given(1, "2026-03-03T01:00:00Z", Some("100 MBq")));
        file.by(user, check);
        judged(&file.sheet(1), "dosing/second-check")
    };
    let fine = check(1, "2026-03-03T00:30:00Z");
    assert_eq!(with("otto", fine.clone()), Judged::Met);
    assert_eq!(with("paul", fine.clone()), Judged::NotMet, "who assayed");
    assert_eq!(with("gina", fine.clone()), Judged::NotMet, "who gave");
    assert_eq!(with("otto", SecondCheck { route: false, ..fine.clone() }), Judged::NotMet);
    assert_eq!(with("otto", check(1, "2026-03-03T01:00:01Z")), Judged::NotMet, "after the start");
    assert_eq!(with("otto", SecondCheck { fraction: 2, ..fine }), Judged::NotMet, "of another fraction");
    let mut none = File::new("second-check = false");
    none.add(given(1, "2026-03-03T01:00:00Z", Some("100 MBq")));
    assert!(none.sheet(1).checks.iter().all(|check| check.rule != "dosing/second-check"));
    none.add(SiteSettings { second_check: Some(true), ..site_settings() });
    assert_eq!(judged(&none.sheet(1), "dosing/second-check"), Judged::NotMet);
}

#[test]
fn weight_window_and_expiry_are_held_to_their_limits() {
    let weighed = |kilograms: &str, day: &str| {
        let mut file = File::new("weigh-again-within-days = 3");
        file.directed(directive("D-1", &[(1, "100 MBq", "2026-03-03"), (2, "100 MBq", "2026-03-10")]));
        file.add(given(1, "2026-03-03T00:00:00Z", Some("100 MBq")));
        file.add(given(2, "2026-03-10T12:00:00Z", Some("100 MBq")));
        let sign = serde_json::json!({ "subject": "01-001", "test": "WEIGHT", "result": kilograms, "unit": "kg", "at": day });
        file.add(serde_json::from_value::<VitalSign>(sign).unwrap());
        judged(&file.sheet(2), "dosing/weight")
    };
    assert_eq!(weighed("88", "2026-03-07"), Judged::Met, "exactly 10% and exactly 3 days");
    assert_eq!(weighed("88.01", "2026-03-07"), Judged::NotMet);
    assert_eq!(weighed("71.99", "2026-03-09"), Judged::NotMet);
    assert_eq!(weighed("80", "2026-03-06"), Judged::NotMet, "four days before");

    let second_given = |start: &str| {
        let mut file = File::new("");
        file.directed(directive("D-1", &[(2, "100 MBq", "2026-03-10")]));
        file.add(Assay {
            expires: Some(at("2026-03-13T12:00:00Z")),
            ..assay(2, "100 MBq", "2026-03-08T00:00:00Z", AssayBy::Measured)
        });
        file.add(given(2, start, Some("100 MBq")));
        (judged(&file.sheet(2), "dosing/window"), judged(&file.sheet(2), "dosing/expiry"))
    };
    assert_eq!(second_given("2026-03-09T00:00:00Z").0, Judged::Met);
    assert_eq!(second_given("2026-03-08T23:59:00Z").0, Judged::NotMet);
    assert_eq!(second_given("2026-03-13T11:59:00Z"), (Judged::Met, Judged::Met));
    assert_eq!(second_given("2026-03-13T12:00:00Z"), (Judged::Met, Judged::NotMet));
    // The day is that of the place: still the 13th there.
    assert_eq!(second_given("2026-03-13T23:30:00-05:00").0, Judged::Met);
    assert_eq!(second_given("2026-03-14T00:30:00-05:00").0, Judged::NotMet);
}

#[test]
fn the_thyroid_is_blocked_from_a_day_before_to_14_days_after() {
    let taken = |courses: &[(&str, Option<&str>)], missed: u32| {
        let mut file = File::new("");
        file.add(given(1, "2026-03-03T12:00:00Z", Some("100 MBq")));
        for (start, end) in courses {
            file.add(ThyroidBlockade { missed, ..blockade(start, *end) });
        }
        let after = file.course().checks.iter().find(|c| c.rule == "dosing/thyroid-after").unwrap().judged;
        (judged(&file.sheet(1), "dosing/thyroid-before"), after)
    };
    let from = "2026-03-02T12:00:00Z";
    assert_eq!(taken(&[(from, Some("2026-03-17T12:00:00Z"))], 0), (Judged::Met, Judged::Met));
    assert_eq!(taken(&[(from, Some("2026-03-17T11:59:00Z"))], 0), (Judged::Met, Judged::NotMet));
    assert_eq!(taken(&[("2026-03-02T12:01:00Z", None)], 0), (Judged::NotMet, Judged::NotKnown));
    assert_eq!(taken(&[(from, Some("2026-03-17T12:00:00Z"))], 1), (Judged::Met, Judged::NotMet));
    assert_eq!(taken(&[], 0), (Judged::NotMet, Judged::NotMet));
    let two = [("2026-03-10T08:00:00Z", Some("2026-03-20T00:00:00Z")), (from, Some("2026-03-09T20:00:00Z"))];
    assert_eq!(taken(&two, 0), (Judged::Met, Judged::Met), "one agent after another");
    let text = protocol("").replace("I-131", "Lu-177");
    let (protocol, _) = Protocol::read(&text).unwrap();
    assert!(!protocol.dosing.blocks_thyroid(protocol.product.as_ref()), "lutetium is no iodine");
}

#[test]
fn stem_cells_are_asked_for_by_the_planned_total_of_all_courses() {
    // The regimen plans 40 mCi/m2.
    let stored = |rule: &str, earlier: Option<&str>, cells: Option<&str>| {
        let mut file = File::new(&format!("stem-cells = {{ {rule} }}"));
        if let Some(value) = earlier {
            let name = "earlier courses".to_owned();
            file.add(Characteristic { subject: "01-001".into(), name, value: value.into() });
        }
        if let Some(cells) = cells {
            file.add(StemCells {
                subject: "01-001".into(),
                date: date("2026-01-10"),
                cd34_per_kg_millions: decimal(cells),
                autologous: true,
            });
        }
        judged(&file.sheet(1), "dosing/stem-cells")
    };
    let more_than = r#"above = "40 mCi/m2", cd34-per-kg-millions = 2"#;
    let at_least = r#"above = "40 mCi/m2", comparison = "at-least", cd34-per-kg-millions = 2"#;
    assert_eq!(stored(more_than, Some("0 mCi/m2"), None), Judged::Met, "exactly 40 is not above 40");
    assert_eq!(stored(at_least, Some("0 mCi/m2"), None), Judged::NotMet);
    assert_eq!(stored(more_than, Some("0.01 mCi/m2"), None), Judged::NotMet);
    assert_eq!(stored(more_than, None, None), Judged::NotKnown, "not recorded is not none");
    assert_eq!(stored(more_than, Some("none"), None), Judged::NotKnown);
    assert_eq!(stored(at_least, None, None), Judged::NotMet, "whatever was given before, it is 40 already");
    assert_eq!(stored(at_least, None, Some("2")), Judged::Met);
    assert_eq!(stored(at_least, None, Some("1.99")), Judged::NotMet);
    let none = File::new("").sheet(1);
    assert!(none.checks.iter().all(|check| check.rule != "dosing/stem-cells"), "absent by default");
}

#[test]
fn a_leak_shows_site_estimate_attention_and_what_is_inside() {
    let mut file = File::new("");
    file.directed(directive("D-1", &[(1, "100 MBq", "2026-03-03")]));
    file.add(given(1, "2026-03-03T12:00:00Z", Some("100 MBq")));
    file.add(Extravasation {
        subject: "01-001".into(),
        fraction: 1,
        at: at("2026-03-03T12:00:00Z"),
        body_site: "left forearm".into(),
        activity: Some(activity("12.5 MBq")),
        attention: "limb raised, warmed".into(),
    });
    let sheet = file.sheet(1);
    assert_eq!(sheet.extravasations[0].net_inside, Some(activity("87.5 MBq")));
    let says = sheet.flags().last().unwrap().says.clone();
    for part in
        ["left forearm", "12.5 MBq", "limb raised, warmed", "radiation safety officer and investigator"]
    {
        assert!(says.contains(part), "{says}");
    }
}

/// A trial with a subject enrolled, on the last day of February 2026.
fn conducted(dosing: &str) -> Scene {
    let mut scene = Scene::open_with(&protocol(dosing));
    scene.eligible("01-001");
    scene.by(Role::SiteCoordinator, enrolment("01-001", "A"));
    scene.now = at("2026-02-28T08:00:00Z");
    scene
}

/// With a signed directive and blockade, on the day of the first fraction.
fn directed(dosing: &str) -> Scene {
    let mut scene = conducted(dosing);
    scene.by(
        Role::AuthorisedUser,
        directive("D-1", &[(1, "100 MBq", "2026-03-03"), (2, "100 MBq", "2026-03-10")]),
    );
    scene.sign(Role::AuthorisedUser, Meaning::Approval);
    scene.now = at("2026-03-03T10:00:00Z");
    scene.by(Role::SiteCoordinator, blockade("2026-03-01T08:00:00Z", None));
    scene
}

fn prepared() -> Scene {
    let mut scene = directed("");
    scene.now = at("2026-03-03T14:00:00Z");
    scene.by(Role::Pharmacist, assay(1, "102 MBq", "2026-03-03T11:00:00Z", AssayBy::Measured));
    scene.by(Role::Investigator, check(1, "2026-03-03T11:30:00Z"));
    scene
}

#[test]
fn a_fraction_prepared_as_asked_is_recorded_without_a_flag() {
    let mut scene = prepared();
    scene.by(Role::SiteCoordinator, given(1, "2026-03-03T12:00:00Z", None));
    scene.by(Role::Pharmacist, residual(1, "2 MBq", "2026-03-03T13:00:00Z"));
    assert_eq!(scene.conduct.flags(), []);
    let sheet = Course::of(&scene.conduct, "01-001").sheet(1).unwrap().clone();
    assert_eq!(sheet.flags(), []);
    assert_eq!(sheet.directive.unwrap().signed.unwrap().printed_name, "The authorised-user");
}

#[test]
fn what_happened_against_a_rule_needs_a_reason_and_then_stands_with_a_flag() {
    let fraction = given(1, "2026-03-03T12:00:00Z", None);
    let told = |scene: &mut Scene, fact: Administration, first: &str, rules: &[&str]| {
        assert_eq!(scene.refused(Role::SiteCoordinator, fact.clone()), first);
        let event = Event { reason: Some("emergency".into()), ..scene.event(Role::SiteCoordinator, fact) };
        scene.take(event);
        let found: Vec<&str> = scene.conduct.flags().iter().map(|flag| flag.rule).collect();
        assert_eq!(found, rules);
        assert_eq!(scene.conduct.flags()[0].reason.as_deref(), Some("emergency"));
    };
    let mut nothing = conducted("");
    nothing.now = at("2026-03-03T14:00:00Z");
    let all = ["dosing/directive-signed", "dosing/assay", "dosing/second-check", "dosing/thyroid-before"];
    told(&mut nothing, fraction.clone(), all[0], &all);

    let mut unsigned = conducted("");
    unsigned.by(Role::AuthorisedUser, directive("D-1", &[(1, "100 MBq", "2026-03-03")]));
    unsigned.now = at("2026-03-03T14:00:00Z");
    assert_eq!(unsigned.refused(Role::SiteCoordinator, fraction.clone()), "dosing/directive-signed");
    // Signed at two in the afternoon, given at noon.
    unsigned.sign(Role::AuthorisedUser, Meaning::Approval);
    assert_eq!(unsigned.refused(Role::SiteCoordinator, fraction.clone()), "dosing/directive-signed");

    let mut late = prepared();
    late.now = at("2026-03-06T14:00:00Z");
    late.by(Role::Pharmacist, assay(1, "102 MBq", "2026-03-06T11:00:00Z", AssayBy::Measured));
    told(&mut late, given(1, "2026-03-06T12:00:00Z", None), "dosing/window", &["dosing/window"]);

    let mut expired = prepared();
    let again = assay(1, "102 MBq", "2026-03-03T11:10:00Z", AssayBy::Measured);
    expired.by(Role::Pharmacist, Assay { expires: Some(at("2026-03-03T11:59:00Z")), ..again });
    told(&mut expired, fraction.clone(), "dosing/expiry", &["dosing/expiry"]);

    let mut drug = prepared();
    let oral = Administration { route: Some("ORAL".into()), ..fraction.clone() };
    told(&mut drug, oral, "dosing/as-directed", &["dosing/as-directed"]);

    let mut second = directed("second-check = false");
    second.now = at("2026-03-10T14:00:00Z");
    second.by(Role::Pharmacist, assay(2, "100 MBq", "2026-03-10T12:00:00Z", AssayBy::Measured));
    let skipped = given(2, "2026-03-10T12:00:00Z", None);
    told(&mut second, skipped, "dosing/fractions-in-order", &["dosing/fractions-in-order"]);

    let mut unstored = directed("second-check = false\nstem-cells = { above = \"40 mCi/m2\" }");
    unstored.now = at("2026-03-03T14:00:00Z");
    unstored.by(Role::Pharmacist, assay(1, "100 MBq", "2026-03-03T12:00:00Z", AssayBy::Measured));
    assert_eq!(unstored.refused(Role::SiteCoordinator, fraction), "dosing/stem-cells");
}

#[test]
fn a_dosage_beyond_gate_2_is_used_once_the_authorised_user_signed_its_assay() {
    let mut scene = directed("second-check = false");
    scene.now = at("2026-03-03T11:00:00Z");
    scene.by(Role::Pharmacist, assay(1, "121 MBq", "2026-03-03T11:00:00Z", AssayBy::Measured));
    let fraction = || given(1, "2026-03-03T11:30:00Z", None);
    scene.now = at("2026-03-03T12:00:00Z");
    assert_eq!(scene.refused(Role::SiteCoordinator, fraction()), "dosing/before-use");
    scene.now = at("2026-03-03T11:10:00Z");
    scene.sign(Role::AuthorisedUser, Meaning::Approval);
    scene.now = at("2026-03-03T12:00:00Z");
    scene.by(Role::SiteCoordinator, fraction());
    assert_eq!(scene.conduct.flags(), []);
}

#[test]
fn acts_out_of_order_are_refused() {
    use Role::{AuthorisedUser, Investigator, Pharmacist, SiteCoordinator};
    let mut stranger = conducted("");
    stranger.eligible("01-002");
    let of_other = |mut assay: Assay| {
        assay.subject = "01-002".into();
        assay
    };
    let reading = || assay(1, "100 MBq", "2026-02-28T08:00:00Z", AssayBy::Measured);
    assert_eq!(stranger.refused(Pharmacist, of_other(reading())), "dosing/assigned");

    let mut scene = prepared();
    let refused = |scene: &Scene, directive| scene.refused(AuthorisedUser, directive);
    let day = "2026-03-03";
    assert_eq!(refused(&scene, directive("D-1", &[(1, "1 mCi", day)])), "directive/once");
    assert_eq!(refused(&scene, directive("D-2", &[(3, "1 mCi", day)])), "dosing/fraction");
    assert_eq!(refused(&scene, directive("D-2", &[])), "directive/fractions");
    assert_eq!(refused(&scene, directive("D-2", &[(1, "1 mCi", day)])), "directive/one-for-each-fraction");
    assert_eq!(refused(&scene, revision("D-2", "D-9", &[(1, "1 mCi", day)])), "directive/revises");
    assert_eq!(refused(&scene, revision("D-2", "D-1", &[(1, "0 mCi", day)])), "directive/activity");
    let twice = revision("D-2", "D-1", &[(1, "1 mCi", day), (1, "2 mCi", day)]);
    assert_eq!(refused(&scene, twice), "directive/fractions");
    let silent = WrittenDirective { reason: None, ..revision("D-2", "D-1", &[(1, "1 mCi", day)]) };
    assert_eq!(refused(&scene, silent), "directive/revises");
    let lutetium = WrittenDirective { radionuclide: "Lu-177".into(), ..revision("D-2", "D-1", &[]) };
    assert_eq!(refused(&scene, lutetium), "directive/radionuclide");
    let backwards = Some([activity("2 mCi"), activity("1 mCi")]);
    let range = WrittenDirective { range: backwards, ..revision("D-2", "D-1", &[]) };
    assert_eq!(refused(&scene, range), "directive/range");

    let after = residual(1, "2 MBq", "2026-03-03T13:00:00Z");
    assert_eq!(scene.refused(Pharmacist, after.clone()), "dosing/residual-after-given");
    let somewhere = Assay { local_offset: Some("CET".into()), ..reading() };
    assert_eq!(scene.refused(Pharmacist, somewhere), "dosing/offset");
    let nameless = Administration { fraction: None, ..given(1, "2026-03-03T12:00:00Z", None) };
    assert_eq!(scene.refused(SiteCoordinator, nameless), "dosing/fraction");
    let leak = |when: &str| Extravasation {
        subject: "01-001".into(),
        fraction: 1,
        at: at(when),
        body_site: "hand".into(),
        activity: None,
        attention: "none".into(),
    };
    assert_eq!(scene.refused(Investigator, leak("2026-03-03T12:10:00Z")), "dosing/after-given");

    let hash = scene.by(SiteCoordinator, given(1, "2026-03-03T12:00:00Z", None));
    let again = given(1, "2026-03-03T13:00:00Z", None);
    assert_eq!(scene.refused(SiteCoordinator, again.clone()), "dosing/given-once");
    assert_eq!(scene.refused(Pharmacist, residual(1, "2 MBq", "2026-03-03T11:59:00Z")), "dosing/times");
    let more = residual(1, "2 mCi", "2026-03-03T13:00:00Z"); // 74 MBq are less than 102.
    assert!(scene.conduct.admit(&scene.event(Pharmacist, more), &Context::at(scene.now)).is_ok());
    let more = residual(1, "20 mCi", "2026-03-03T13:00:00Z");
    assert_eq!(scene.refused(Pharmacist, more), "dosing/residual-less-than-assay");
    let assayed_later = assay(1, "100 MBq", "2026-03-03T12:01:00Z", AssayBy::Measured);
    assert_eq!(scene.refused(Pharmacist, assayed_later), "dosing/times");
    assert_eq!(scene.refused(Investigator, leak("2026-03-03T11:00:00Z")), "dosing/times");
    assert_eq!(scene.refused(Investigator, omitted(1)), "dosing/omitted-before-given");
    let changed = revision("D-2", "D-1", &[(1, "1 mCi", day)]);
    assert_eq!(refused(&scene, changed), "directive/before-administration");
    let infusion = |directive: &str, stop: &str| Infusion {
        subject: "01-001".into(),
        fraction: 1,
        directive: directive.into(),
        start: at("2026-03-03T12:00:00Z"),
        stop: at(stop),
        local_offset: None,
        interruptions: Vec::new(),
        body_site: None,
    };
    assert_eq!(
        scene.refused(SiteCoordinator, infusion("D-7", "2026-03-03T12:30:00Z")),
        "dosing/infusion-directive"
    );
    assert_eq!(scene.refused(SiteCoordinator, infusion("D-1", "2026-03-03T11:30:00Z")), "dosing/times");
    let broken = Interruption { from: at("2026-03-03T12:40:00Z"), to: None, reason: None };
    let broken = Infusion { interruptions: vec![broken], ..infusion("D-1", "2026-03-03T12:30:00Z") };
    assert_eq!(scene.refused(SiteCoordinator, broken), "dosing/times");
    scene.by(SiteCoordinator, infusion("D-1", "2026-03-03T12:30:00Z"));
    scene.by(Pharmacist, after);

    // A correction takes the place of the event it corrects.
    let moved = Event {
        corrects: Some(Correction { hash, reason: "clock".into() }),
        ..scene.event(SiteCoordinator, given(1, "2026-03-03T12:02:00Z", None))
    };
    scene.take(moved);
    // A dexamethasone tablet is no fraction.
    let tablet = Administration { treatment: "Dexamethasone".into(), fraction: None, ..again };
    scene.by(SiteCoordinator, tablet);
}

#[test]
fn the_analysis_takes_the_net_of_the_readings_where_the_administration_states_none() {
    let mut scene = prepared();
    scene.by(Role::SiteCoordinator, given(1, "2026-03-03T12:00:00Z", None));
    let amount = |scene: &Scene| {
        let cut = Cut::freeze(scene.conduct.chain(), None).unwrap();
        let state = State::fold(scene.conduct.chain(), &cut);
        let patient = &state.patients["01-001"];
        assert_eq!(patient.prescriptions.len(), 2, "as the signed directive says");
        patient.administrations[0].amount.clone()
    };
    assert_eq!(amount(&scene), None, "without a residual it is not known");
    scene.by(Role::Pharmacist, residual(1, "2 MBq", "2026-03-03T13:00:00Z"));
    let net = Course::of(&scene.conduct, "01-001").sheet(1).unwrap().net.unwrap();
    assert_eq!(amount(&scene), Some(Amount::Activity(net)));
}

/// The facts of a course; two agents, two assays, and everything else once.
fn facts() -> Vec<(&'static str, Fact)> {
    vec![
        ("paul", assay(1, "1650 MBq", "2026-03-01T12:00:00Z", AssayBy::DecayOfLabel).into()),
        ("paul", assay(1, "1452 MBq", "2026-03-03T00:00:00Z", AssayBy::Measured).into()),
        ("paul", assay(2, "1450 MBq", "2026-03-10T00:00:00Z", AssayBy::Measured).into()),
        ("otto", check(1, "2026-03-03T00:10:00Z").into()),
        ("gina", given(1, "2026-03-03T00:30:00Z", None).into()),
        ("gina", given(2, "2026-03-10T00:30:00Z", None).into()),
        ("paul", residual(1, "22 MBq", "2026-03-03T02:00:00Z").into()),
        ("paul", residual(2, "20 MBq", "2026-03-10T02:00:00Z").into()),
        ("paul", residual(2, "21 MBq", "2026-03-10T03:00:00Z").into()),
        ("cleo", blockade("2026-03-01T08:00:00Z", Some("2026-03-09T08:00:00Z")).into()),
        ("cleo", blockade("2026-03-09T20:00:00Z", None).into()),
        ("gina", SiteSettings { tolerance_percent: Some(decimal("1")), ..site_settings() }.into()),
    ]
}

fn course_of(order: &[usize]) -> Course {
    let mut file = File::new("effective-half-life-days = 6.5");
    let facts = facts();
    for place in order {
        let (user, fact) = &facts[*place];
        file.by(user, fact.clone());
    }
    file.directed(directive("D-1", &[(1, "39.4405 mCi", "2026-03-03"), (2, "39.4405 mCi", "2026-03-10")]));
    file.course()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_recording_does_not_change_a_sheet(order in Just((0..facts().len()).collect::<Vec<_>>()).prop_shuffle()) {
        let in_order: Vec<usize> = (0..facts().len()).collect();
        prop_assert_eq!(course_of(&order), course_of(&in_order));
    }

    #[test]
    fn net_is_never_above_the_assay_and_falls_with_time(
        read in 100_000u32..3_000_000, left in 0u32..90_000, before in 0i64..200, later in 1i64..300,
    ) {
        let net = |hours: i64| {
            let mut file = File::new("");
            let start = at("2026-03-01T00:00:00Z") + jiff::SignedDuration::from_hours(hours);
            let mut reading = assay(1, "1 MBq", "2026-03-01T00:00:00Z", AssayBy::Measured);
            reading.activity = Activity::from_mbq(Decimal::new(read.into(), 3)).unwrap();
            let mut rest = residual(1, "1 MBq", "2026-03-01T00:00:00Z");
            rest.at = start;
            rest.activity = Activity::from_mbq(Decimal::new(left.into(), 6)).unwrap();
            file.add(reading);
            file.add(given(1, &start.to_string(), None));
            file.add(rest);
            file.sheet(1)
        };
        let (now, then) = (net(before), net(before + later));
        prop_assert!(now.net.unwrap() <= now.assayed.unwrap());
        prop_assert!(then.assayed.unwrap() < now.assayed.unwrap());
        prop_assert!(then.net.unwrap() < now.net.unwrap());
        prop_assert!(then.net.unwrap() <= then.assay.unwrap().activity);
    }
}
