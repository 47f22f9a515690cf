//! The design lab, asked as a browser would, without a trial.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use posology_design::catalogue;
use posology_record::desk::Surroundings;
use posology_server::{Options, Stand, router};
use serde_json::Value;
use tower::ServiceExt as _;

/// A clock that stands still, and no chance at all: nothing is recorded here.
const HERE: Surroundings = Surroundings {
    now: || "2026-01-01T00:00:00Z".parse().unwrap(),
    draw: |_| Err("nothing is drawn".to_owned()),
    local_offset: || None,
    software: "posology test",
};

/// Answers of a site whose trial cannot be read.
fn get(paths: &[&str]) -> Vec<(StatusCode, HeaderMap, String)> {
    let site = router(Stand::Lab, HERE, Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut answers = Vec::new();
        for path in paths {
            let request = Request::get(*path).header("host", "localhost").body(Body::empty()).unwrap();
            let response = site.clone().oneshot(request).await.unwrap();
            let (status, headers) = (response.status(), response.headers().clone());
            let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
            answers.push((status, headers, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        answers
    })
}

fn one(path: &str) -> (StatusCode, HeaderMap, String) {
    get(&[path]).remove(0)
}

#[test]
fn the_lab_works_without_a_trial_and_without_script() {
    let (status, _, page) = one("/lab");
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("<title>Design lab · Posology</title>"));
    assert!(page.contains("Exact over 13145 states"));
    for field in
        ["design", "target", "cohort-size", "max-patients", "levels", "truth", "toml", "with", "set.p-under"]
    {
        assert!(page.contains(&format!("name=\"{field}\"")), "{field}");
    }
    assert!(page.contains("<button>Compute</button>") && page.contains("method=\"get\""));
    // What needs script is not offered without it.
    assert!(!page.contains("role=\"slider\""));
    assert!(page.matches("data-copy").count() == page.matches("hidden data-copy").count());
}

#[test]
fn every_design_of_the_catalogue_can_be_chosen_and_answers_at_once() {
    for listed in catalogue() {
        let design = listed.design.replace('+', "%2B");
        // Efficacy makes many more states: its designs answer at once for smaller trials.
        let most =
            if listed.settings.iter().any(|setting| setting.name == "efficacy-cutoff") { 9 } else { 24 };
        let path = format!("/api/v1/lab?design={design}&truth=0.05,0.15,0.30&max-patients={most}");
        let (_, _, text) = one(&path);
        let answer: Value = serde_json::from_str(&text).unwrap();
        let of = &answer["designs"][0];
        let method = if listed.exact || of["left_out"].is_object() { "exact" } else { "monte-carlo" };
        assert_eq!(of["method"], method, "{}: {}", listed.design, answer["detail"]);
        let oc = &answer["characteristics"];
        let all: f64 = oc["select"].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).sum();
        assert!((all + oc["select_none"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{}", listed.design);
    }
}

#[test]
fn a_setting_of_its_own_is_read_and_a_wrong_one_is_named_with_its_mend() {
    // Liu and Yuan (2015): with 0.5 and 1.5 of the target in place of 0.6 and 1.4 the boundaries lie further apart.
    let [plain, wide, wrong] = &get(&[
        "/api/v1/lab?max-patients=12",
        "/api/v1/lab?max-patients=12&set.p-under=0.10&set.p-over=0.50",
        "/lab/answer?set.p-under=0.4",
    ])[..] else {
        panic!()
    };
    let table = |answer: &str| serde_json::from_str::<Value>(answer).unwrap()["table"].clone();
    assert_ne!(table(&plain.2), table(&wide.2));
    // lambda of 0.10 and 0.30 is ln(0.9/0.7) / ln(0.3*0.9 / (0.1*0.7)) = 0.1862: of 6 patients 1 DLT escalates, as before;
    // that of 0.30 and 0.50 is ln(0.7/0.5) / ln(0.5*0.7 / (0.3*0.5)) = 0.3971: of 5 patients 2 DLTs (0.400) de-escalate.
    assert_eq!(table(&wide.2)[4]["deescalate_min"], 2);
    assert_eq!(table(&wide.2)[4]["escalate_max"], 0);
    assert!(wrong.2.contains("p-under") && wrong.2.contains("below the target"), "{}", wrong.2);
}

#[test]
fn a_link_opens_the_same_page_and_the_same_page_gives_the_same_link() {
    let asked = "/lab?design=keyboard&set.margin-below=0.08&cohort-size=2&max-patients=20&target=0.25&truth=0.1,0.2,0.35&with=3%2B3&ahead=3&scenarios=standard";
    let link = |page: &str| {
        let from = page.split("Link to this page").next().unwrap().rsplit("href=\"").next().unwrap();
        from.split('"').next().unwrap().replace("&amp;", "&")
    };
    let (_, _, first) = one(asked);
    assert_eq!(
        link(&first),
        "/lab?design=keyboard&set.margin-below=0.08&cohort-size=2&max-patients=20&target=0.25&truth=0.1,0.2,0.35&with=3%2B3&scenarios=standard&ahead=3"
    );
    let (_, _, second) = one(&link(&first));
    assert_eq!(first, second);
    // As a browser sends the form: a field for each level, empty ones too.
    let (_, _, form) = one(
        "/lab?design=keyboard&set.margin-below=0.08&set.margin-above=&toml=&cohort-size=2&max-patients=20&target=0.25&levels=3&truth=0.1&truth=0.2&truth=0.35&with=3%2B3&with=&with=&with-toml=&ahead=3&scenarios=standard",
    );
    assert_eq!(first, form);
}

#[test]
fn a_design_goes_out_as_a_file_and_comes_in_again_with_the_same_numbers() {
    let query = "design=crm&set.skeleton=0.05,0.12,0.25,0.40&truth=0.1,0.2,0.3,0.4&max-patients=18";
    let (status, headers, toml) = one(&format!("/lab/design.toml?{query}"));
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-disposition"], "attachment; filename=\"design.toml\"");
    assert!(toml.contains("skeleton = [0.05,0.12,0.25,0.40]") && !toml.contains("half-width"), "{toml}");
    let escaped: String = toml.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let [by_fields, by_file] = &get(&[
        &format!("/lab/characteristics.csv?{query}"),
        &format!("/lab/characteristics.csv?toml={escaped}&truth=0.1,0.2,0.3,0.4"),
    ])[..] else {
        panic!()
    };
    assert_eq!(by_fields.2, by_file.2);
}

#[test]
fn the_file_of_numbers_has_a_row_a_number_and_agrees_with_the_answer() {
    let query = "truth=0.05,0.15,0.30,0.45,0.60&with=3%2B3";
    let [csv, answer] =
        &get(&[&format!("/lab/characteristics.csv?{query}"), &format!("/api/v1/lab?{query}")])[..]
    else {
        panic!()
    };
    assert!(csv.1["content-type"].to_str().unwrap().starts_with("text/csv"));
    let mut rows = HashMap::new();
    for line in csv.2.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [design, "exact", "supposed rates", measure, of, value] = cells[..] else { panic!("{line}") };
        assert!(rows.insert((design, measure, of), value.parse::<f64>().unwrap()).is_none(), "{line}");
    }
    let answer: Value = serde_json::from_str(&answer.2).unwrap();
    for (place, design) in ["boin", "3+3"].into_iter().enumerate() {
        let oc = &answer["designs"][place]["characteristics"];
        assert_eq!(rows[&(design, "select", "3")], oc["select"][2].as_f64().unwrap());
        assert_eq!(rows[&(design, "p-correct", "")], oc["p_correct"].as_f64().unwrap());
        let of_size = |key: &(&str, &str, &str)| key.0 == design && key.1 == "sample-size";
        let numbers: f64 = rows.iter().filter(|(key, _)| of_size(key)).map(|(_, value)| value).sum();
        assert!((numbers - 1.0).abs() < 1e-9);
    }
    // BOIN selects level 3 with probability 0.546330 (the exact sum that the simulation is tested against).
    assert!((rows[&("boin", "select", "3")] - 0.546_330).abs() < 1e-6);
}

#[test]
fn up_to_four_designs_stand_beside_each_other_under_one_truth_and_over_the_standard_scenarios() {
    let [four, five] = &get(&[
        "/lab/answer?with=3%2B3&with=keyboard&with=mtpi-2&scenarios=standard",
        "/lab/answer?with=3%2B3&with=keyboard&with=mtpi-2&with=ccd",
    ])[..] else {
        panic!()
    };
    for name in ["boin", "3+3", "keyboard", "mtpi-2"] {
        assert!(four.2.contains(&format!("<th class=\"n\" scope=\"col\">{name}</th>")), "{name}");
    }
    for scenario in ["all safe", "all toxic", "MTD at level 5", "two levels near the target"] {
        assert!(four.2.contains(scenario), "{scenario}");
    }
    assert!(five.2.contains("at most 4 designs"), "{}", five.2);
}

#[test]
fn what_would_take_long_says_so_and_is_asked_for_with_a_button() {
    let query = "design=boin&cohort-size=1&max-patients=60&truth=0.05,0.1,0.15,0.2,0.3,0.4,0.5,0.6";
    let (_, _, page) = one(&format!("/lab/answer?{query}"));
    assert!(page.contains("too many to be computed while a curve is dragged"), "{page}");
    assert!(page.contains("how=at-length") && page.contains("how=simulated"));
    let (_, _, simulated) = one(&format!("/lab/answer?{query}&how=simulated"));
    assert!(simulated.contains("simulated trials"), "{simulated}");
}

#[test]
fn simulated_trials_agree_with_the_exact_sum_within_their_error() {
    let [exact, simulated] = &get(&["/api/v1/lab?design=boin", "/api/v1/lab?design=boin&how=simulated"])[..]
    else {
        panic!()
    };
    let of = |text: &str| serde_json::from_str::<Value>(text).unwrap()["characteristics"].clone();
    let (exact, simulated) = (of(&exact.2), of(&simulated.2));
    for level in 0..5 {
        let error = simulated["mc_se"]["select"][level].as_f64().unwrap();
        let far = exact["select"][level].as_f64().unwrap() - simulated["select"][level].as_f64().unwrap();
        assert!(far.abs() < 5.0 * error.max(1e-4), "level {level}: {far} of {error}");
    }
}

#[test]
fn levels_are_added_and_taken_away_at_the_top() {
    let [more, fewer] =
        &get(&["/api/v1/lab?truth=0.1,0.2,0.4&levels=4", "/api/v1/lab?truth=0.1,0.2,0.4&levels=2"])[..]
    else {
        panic!()
    };
    let truth = |text: &str| serde_json::from_str::<Value>(text).unwrap()["characteristics"]["truth"].clone();
    assert_eq!(truth(&more.2), serde_json::json!([0.1, 0.2, 0.4, 0.7]));
    assert_eq!(truth(&fewer.2), serde_json::json!([0.1, 0.2]));
}

#[test]
fn what_is_typed_is_text_in_the_page_and_never_a_key_of_its_own() {
    let typed = "%3Cscript%3Ealert(1)%3C/script%3E%22%0Aoffset%3D0.2";
    let (_, _, page) = one(&format!("/lab?toml={typed}&with={typed}&set.p-under={typed}"));
    assert!(!page.contains("<script>alert"), "{page}");
    let (_, _, file) = one("/lab/design.toml?set.p-under=0.1%0Aoffset%3D0.2");
    assert!(!file.lines().any(|line| line.starts_with("offset")), "{file}");
}
