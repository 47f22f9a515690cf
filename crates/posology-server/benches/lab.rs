//! How long the lab takes to answer while a curve is dragged: the whole round trip but for the socket.
#![allow(clippy::unwrap_used, missing_docs)]

use std::cell::Cell;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use divan::Bencher;
use posology_record::desk::Surroundings;
use posology_server::{Options, Stand, router};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// A clock that stands still, and no chance at all: nothing is recorded here.
const HERE: Surroundings = Surroundings {
    now: || "2026-01-01T00:00:00Z".parse().unwrap(),
    draw: |_| Err("nothing is drawn".to_owned()),
    local_offset: || None,
    software: "posology test",
};

fn main() {
    divan::main();
}

fn lab() -> (Runtime, Router) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    (runtime, router(Stand::Lab, HERE, Options::default()))
}

fn ask(runtime: &Runtime, site: &Router, path: &str) -> usize {
    runtime.block_on(async {
        let request = Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
        let response = site.clone().oneshot(request).await.unwrap();
        to_bytes(response.into_body(), 16 << 20).await.unwrap().len()
    })
}

/// Asks again and again with another number, so that nothing but the compiled design can be kept.
fn dragged(bencher: Bencher, path: impl Fn(f64) -> String) {
    let (runtime, site) = lab();
    let steps = Cell::new(0_u32);
    bencher.bench_local(|| {
        steps.set(steps.get() + 1);
        ask(&runtime, &site, &path(0.20 + f64::from(steps.get() % 2_000) * 1e-4))
    });
}

#[divan::bench]
fn boin_5_levels_30_patients_a_rate_is_dragged(bencher: Bencher) {
    dragged(bencher, |rate| format!("/lab/answer?truth=0.05,0.15,{rate},0.45,0.60"));
}

#[divan::bench]
fn boin_5_levels_30_patients_the_target_is_dragged(bencher: Bencher) {
    dragged(bencher, |target| format!("/lab/answer?target={target}"));
}

#[divan::bench]
fn crm_5_levels_30_patients_the_target_is_dragged(bencher: Bencher) {
    dragged(bencher, |target| format!("/lab/answer?design=crm&target={target}"));
}

#[divan::bench]
fn tite_boin_1000_simulated_trials_a_rate_is_dragged(bencher: Bencher) {
    dragged(bencher, |rate| format!("/lab/answer?design=tite-boin&truth=0.05,0.15,{rate},0.45,0.60"));
}

#[divan::bench]
fn four_designs_over_the_standard_scenarios_a_rate_is_dragged(bencher: Bencher) {
    dragged(bencher, |rate| {
        format!(
            "/lab/answer?truth=0.05,0.15,{rate},0.45,0.60&with=3%2B3&with=keyboard&with=crm&scenarios=standard"
        )
    });
}

#[divan::bench]
fn the_whole_page() -> usize {
    let (runtime, site) = lab();
    ask(&runtime, &site, "/lab")
}
