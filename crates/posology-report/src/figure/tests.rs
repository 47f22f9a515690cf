//! Marks are asserted as values; then every picture is laid out by another program (usvg) to see that no text is
//! clipped or covers another; snapshots of the SVG were viewed, in colour and in grey, before they were accepted.

mod sample;

use proptest::prelude::*;
use resvg::usvg;
use rust_decimal::Decimal;

use super::*;
use sample::{Size, all};

fn frame() -> Frame {
    Frame { cut_off: Some("2019-03-31 23:59 UTC".into()), synthetic: true }
}

/// Outline of each text as drawn, with its words.
fn texts(svg: &str) -> Vec<(String, usvg::Rect)> {
    fn walk(group: &usvg::Group, found: &mut Vec<(String, usvg::Rect)>) {
        for node in group.children() {
            match node {
                usvg::Node::Group(group) => walk(group, found),
                usvg::Node::Text(text) => {
                    let words = text.chunks().iter().map(usvg::TextChunk::text).collect();
                    let turned = text.abs_transform();
                    found.push((words, text.flattened().bounding_box().transform(turned).unwrap()));
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(png::parse(svg).unwrap().root(), &mut found);
    found
}

fn layout_faults(figure: &Figure) -> Vec<String> {
    let tree = png::parse(figure.svg()).unwrap();
    // 160 mm at 96 dots an inch; text is measured in quarter millimetres.
    assert!((tree.size().width() - 604.72).abs() < 0.1);
    let (width, height) = (640.0, tree.size().height() * 640.0 / tree.size().width());
    let texts = texts(figure.svg());
    let mut faults = Vec::new();
    for (index, (words, area)) in texts.iter().enumerate() {
        if area.left() < 0.0 || area.top() < 0.0 || area.right() > width || area.bottom() > height {
            faults.push(format!("{}: {words:?} is clipped", figure.id));
        }
        for (other, taken) in &texts[index + 1..] {
            let across = area.right().min(taken.right()) - area.left().max(taken.left());
            let down = area.bottom().min(taken.bottom()) - area.top().max(taken.top());
            if across > 0.3 && down > 0.5 {
                faults.push(format!(
                    "{}: {words:?} and {other:?} overlap by {across:.1} x {down:.1}",
                    figure.id
                ));
            }
        }
    }
    faults
}

#[test]
fn no_text_is_clipped_or_covers_another_whatever_the_size_of_the_trial() {
    let mut faults = Vec::new();
    for size in Size::ALL {
        for figure in all(size) {
            faults.extend(layout_faults(&figure).into_iter().map(|fault| format!("{size:?} {fault}")));
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
#[ignore = "writes pictures to look at, to the folder in FIGURES"]
fn pictures_to_look_at() {
    let folder = std::path::PathBuf::from(std::env::var_os("FIGURES").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for size in Size::ALL {
        for figure in all(size) {
            let stem = format!("{size:?}-{}", figure.id);
            std::fs::write(folder.join(format!("{stem}.svg")), figure.svg()).unwrap();
            std::fs::write(folder.join(format!("{stem}.png")), png::write(figure.svg(), 1280).unwrap())
                .unwrap();
        }
    }
}

#[test]
fn waterfall_draws_each_patient_with_a_value_once_and_names_the_rest() {
    let figure = sample::waterfall(Size::Trial);
    assert_eq!(figure.bars.len(), 22);
    assert!(figure.bars.is_sorted_by(|a, b| a.change >= b.change));
    assert_eq!(figure.bars[0].change, Decimal::from(168), "the value is kept whole, only its bar is cut");
    assert_eq!(figure.not_drawn, [NotDrawn::new("P-04", "no value after baseline")]);
    let drawn = figure.draw(&frame());
    assert!(drawn.svg().contains("+168%"));
    assert!(drawn.svg().contains("P-04 (no value after baseline)"));
    assert_eq!(drawn.data.rows.len(), 22);
}

#[test]
fn spider_breaks_a_line_at_a_missing_visit_and_starts_at_nought() {
    let percent = |value: i32| Some(Decimal::from(value));
    let visits = vec![(28, percent(-10)), (56, None), (84, None), (112, percent(-30)), (140, percent(-35))];
    let patient = |subject: &str, visits| SpiderPatient {
        subject: subject.into(),
        level: "DL1".into(),
        visits,
        end: SpiderEnd::None,
    };
    let patients = vec![patient("P-01", visits), patient("P-02", vec![(28, None)]), patient("P-03", vec![])];
    let figure = Spider::new(vec![], "serum M-protein".into(), patients);
    let point = |day: i32, change: i32| (day, Decimal::from(change));
    assert_eq!(
        figure.lines[0].pieces,
        [vec![point(0, 0), point(28, -10)], vec![point(112, -30), point(140, -35)]]
    );
    let absent: Vec<&str> = figure.not_drawn.iter().map(|absent| absent.subject.as_str()).collect();
    assert_eq!(absent, ["P-02", "P-03"]);
}

#[test]
fn windows_of_untreated_patients_are_named_and_open_ones_keep_their_share() {
    let figure = sample::windows(Size::Trial);
    assert_eq!(figure.rows.len(), 22);
    assert_eq!(figure.not_drawn, [NotDrawn::new("P-14", "no fraction given")]);
    assert!(figure.rows.is_sorted_by_key(|row| row.level.clone()));
    let drawn = figure.draw(&frame());
    assert!(drawn.svg().contains("pending 64%") && drawn.svg().contains("possible DLT"));
}

#[test]
fn an_open_window_never_reads_as_complete() {
    assert_eq!(DltStatus::Pending { follow_up: 0.999 }.words(), "pending 99%");
    assert_eq!(DltStatus::Pending { follow_up: 0.29 }.words(), "pending 29%");
}

#[test]
fn swimmer_puts_the_longest_follow_up_first() {
    let figure = sample::swimmer(Size::Trial);
    assert_eq!(figure.bars.len(), 23);
    assert!(figure.bars.is_sorted_by(|a, b| a.end >= b.end));
}

#[test]
fn a_decision_against_the_rule_names_its_advice() {
    let drawn = sample::escalation(Size::Trial).draw(&frame());
    assert_eq!(drawn.svg().matches("rule: stay").count(), 1);
    assert_eq!(drawn.data.rows.len(), 23);
    assert_eq!(drawn.data.rows[11][4], "DLT");
}

#[test]
fn a_cohort_at_a_level_off_the_ladder_is_named_patient_by_patient() {
    let cohorts = sample::escalation(Size::Trial).cohorts;
    let ladder = sample::ladder(Size::Trial)[..5].to_vec();
    let figure = EscalationHistory::new(ladder, cohorts);
    assert_eq!(figure.cohorts.len(), 5);
    assert_eq!(figure.not_drawn.len(), 4);
    assert!(figure.not_drawn.iter().all(|absent| absent.reason.contains("DL6")));
}

#[test]
fn numbers_at_risk_count_those_whose_time_has_not_passed() {
    let curve = KaplanMeierCurve {
        label: "All".into(),
        steps: vec![KaplanMeierStep { months: 2.0, survival: 2.0 / 3.0, interval: None }],
        censored: vec![1.0, 3.0],
        follow_up: vec![1.0, 2.0, 3.0, 3.0],
        median: None,
        median_interval: (None, None),
    };
    assert_eq!([0.0, 1.0, 1.5, 2.0, 3.0, 3.5].map(|months| curve.at_risk(months)), [4, 4, 3, 3, 2, 0]);
    assert_eq!((curve.survival_at(1.9), curve.survival_at(2.0)), (1.0, 2.0 / 3.0));
}

#[test]
fn counts_of_nought_are_marked_on_a_logarithmic_axis_and_not_moved_up() {
    let mut figure = sample::counts(Size::One, true);
    figure.lines[0].values.push((200, Decimal::ZERO));
    let drawn = figure.draw(&frame());
    assert!(drawn.svg().contains("Hollow triangles: values of 0"));
    assert_eq!(drawn.data.rows.last().unwrap()[3], "0");
}

#[test]
fn a_rate_of_nought_of_nought_has_neither_percent_nor_mark() {
    let drawn = sample::rates(Size::Trial).draw(&frame());
    assert!(drawn.svg().contains(">0/0<"));
    assert_eq!(drawn.svg().matches("<circle").count(), 3);
}

#[test]
fn the_same_values_give_the_same_bytes() {
    for (first, again) in all(Size::Trial).into_iter().zip(all(Size::Trial)) {
        assert_eq!(first, again);
    }
    let svg = sample::waterfall(Size::Trial).draw(&frame());
    assert_eq!(png::write(svg.svg(), 640).unwrap(), png::write(svg.svg(), 640).unwrap());
}

#[test]
fn only_synthetic_patients_are_called_so() {
    assert!(sample::swimmer(Size::One).draw(&frame()).svg().contains("Synthetic patients"));
    assert!(!sample::swimmer(Size::One).draw(&Frame::default()).svg().contains("Synthetic"));
}

#[test]
fn every_figure_has_a_title_and_a_description_and_a_rectangular_table() {
    for figure in Size::ALL.into_iter().flat_map(all) {
        assert!(figure.svg().contains("<title id=") && figure.svg().contains("<desc id="), "{}", figure.id);
        assert!(figure.data.rows.iter().all(|row| row.len() == figure.data.header.len()), "{}", figure.id);
    }
}

#[test]
fn pictures_out_of_range_and_texts_that_are_no_svg_are_refused() {
    let svg = sample::rates(Size::One).draw(&frame());
    for width in [0, png::WIDTH_MAX + 1, u32::MAX] {
        assert!(matches!(png::write(svg.svg(), width), Err(png::BadPicture::Size { .. })), "{width}");
    }
    assert!(matches!(png::write("<p>no</p>", 100), Err(png::BadPicture::Svg(_))));
}

#[test]
fn spread_labels_keep_their_distance_their_order_and_their_bounds() {
    let placed = text::spread(&[50.0, 50.0, 50.0, 90.0], 10.0, 0.0, 95.0);
    assert_eq!(placed, [40.0, 50.0, 60.0, 90.0]);
    assert_eq!(text::spread(&[5.0, 5.0, 5.0], 10.0, 0.0, 10.0), [0.0, 5.0, 10.0]);
}

#[test]
fn widths_of_texts_are_those_of_the_bundled_font() {
    // Laid out by usvg; kerning may make a text a little narrower than the sum of its advances.
    for words in ["Weeks since first fraction", "CLR131-101-0042", "37.5 mCi in 2"] {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 90\" font-family=\"Source Sans 3\">\
             <text x=\"10\" y=\"40\" font-size=\"10\">{words}</text></svg>"
        );
        let drawn = f64::from(texts(&svg)[0].1.width());
        let reckoned = text::width(words, 10.0, text::Weight::Regular);
        assert!(drawn <= reckoned && reckoned - drawn < 3.0, "{words}: {drawn} drawn, {reckoned} reckoned");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_patient_is_drawn_once_or_named_and_any_text_gives_an_svg(
        people in prop::collection::vec(("\\PC{0,24}", prop::option::of(-100_i64..400), -9_i32..900, any::<bool>()), 0..40)
    ) {
        let patients: Vec<_> = people.into_iter().enumerate()
            .map(|(order, (name, change, day, treated))| (format!("{order} {name}\u{1}<&\"'"), (change, day, treated)))
            .collect();
        let waterfall = Waterfall::new(vec![], vec![], patients.iter().map(|(subject, (change, ..))| WaterfallPatient {
            subject: subject.clone(), level: subject.clone(), marker: "sM".into(), change: change.map(Decimal::from),
            missing: "no value".into(), best_response: "SD".into(), confirmed: true,
        }).collect());
        let drawn: Vec<&String> = waterfall.bars.iter().map(|bar| &bar.subject)
            .chain(waterfall.not_drawn.iter().map(|absent| &absent.subject)).collect();
        prop_assert_eq!(sorted(drawn), sorted(patients.iter().map(|(subject, _)| subject).collect()));

        let swimmer = Swimmer::new(vec![], patients.iter().map(|(subject, (_, end, treated))| SwimmerPatient {
            subject: subject.clone(), level: "DL1".into(), fractions: if *treated { vec![0] } else { vec![] },
            segments: vec![], first_response: None, progression: None, next_therapy: None, end: *end, ending: Ending::Off,
        }).collect());
        let drawn: Vec<&String> = swimmer.bars.iter().map(|bar| &bar.subject)
            .chain(swimmer.not_drawn.iter().map(|absent| &absent.subject)).collect();
        prop_assert_eq!(sorted(drawn), sorted(patients.iter().map(|(subject, _)| subject).collect()));

        let spider = Spider::new(vec![], "M".into(), patients.iter().map(|(subject, (change, day, _))| SpiderPatient {
            subject: subject.clone(), level: "DL1".into(), visits: vec![(*day, change.map(Decimal::from))], end: SpiderEnd::None,
        }).collect());
        prop_assert_eq!(spider.lines.len() + spider.not_drawn.len(), patients.len());

        for figure in [waterfall.draw(&frame()), swimmer.draw(&frame()), spider.draw(&frame())] {
            prop_assert!(png::parse(figure.svg()).is_ok());
        }
    }
}

fn sorted(mut subjects: Vec<&String>) -> Vec<&String> {
    subjects.sort();
    subjects
}
