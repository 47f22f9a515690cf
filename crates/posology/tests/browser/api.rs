//! The API asked by schemathesis what its own description says can be asked, and what it says cannot: no answer is a fault.

use std::path::Path;
use std::process::Command;

use crate::chromium::Browser;
use crate::served::{PASSWORD, Served};

#[test]
fn nothing_that_can_be_asked_of_the_api_is_answered_with_a_fault() {
    let Some(browser) = Browser::start() else { return };
    let served = Served::example();
    let person = browser.person("coordinator", &served.address);
    person.comes_to("/account", "site-coordinator-01", PASSWORD, None);
    person.fill("What it is for", "schemathesis");
    person.choose("Scope", "record");
    person.press("Make a token");
    person.sees("shown this once");
    let token = person.evaluate("document.querySelector('[role=status] code').textContent");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../posology-server/tests/schemathesis.sh");
    let asked = Command::new(script)
        .arg(&served.address)
        .args(["--max-examples", "3"])
        .env("POSOLOGY_TOKEN", token.as_str().unwrap())
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    let faults = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{said}\n{faults}");
    if said.starts_with("skipped: ") {
        print!("{said}");
        return;
    }
    assert!(said.contains("passed"), "{said}\n{faults}");
    println!("{}", said.lines().rev().take(6).collect::<Vec<_>>().join("\n"));
}
