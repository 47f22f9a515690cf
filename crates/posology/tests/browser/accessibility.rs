//! Every page can be used by everyone: axe-core (tests/vendor) finds nothing against WCAG 2.2 AA, in light and in dark, on a
//! laptop and on a tablet, and nothing needs scrolling sideways.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::chromium::{Browser, Person};
use crate::served::{PASSWORD, Served, picture};

const AXE: &str = include_str!("../vendor/axe.min.js");

/// What axe is asked: the success criteria of WCAG 2.0 to 2.2, A and AA, and good practice.
const EVERYTHING: &str = r#"runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
  rules: { "target-size": { enabled: true } }"#;

/// What can differ between light and dark: the rules that read colours.
const COLOURS: &str = r#"runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] }"#;

/// What is wider than the page, named by the first element that no box of its own scrolls.
const TOO_WIDE: &str = r#"(() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return null;
  const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1);
  const held = (one) => {
    for (let box = one.parentElement; box && box !== document.body; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible" && getComputedStyle(box).position !== "static") return true;
    return false;
  };
  const first = wide.find((one) => !held(one));
  return `${root.scrollWidth} px on ${root.clientWidth} px, by ${first?.outerHTML.slice(0, 200) ?? "nothing found"}`;
})()"#;

/// Addresses that the page leads to, without those that are fetched as files.
const LEADS_TO: &str = r#"[...document.querySelectorAll("a[href]:not([download])")]
  .map((link) => new URL(link.getAttribute("href"), location.href))
  .filter((to) => to.origin === location.origin)
  .map((to) => to.pathname + to.search)"#;

/// Pages that say other things, or offer other forms, to people in other roles.
const BY_ROLE: [&str; 5] = ["", "patients", "record", "reviews", "people"];

/// Pages that someone has still to look at: of the many of a kind (patients, forms, filtered lists) a few.
#[derive(Default)]
struct Walk {
    who: String,
    seen: BTreeSet<String>,
    looks: BTreeMap<String, usize>,
    /// Addresses, each with the page that leads there.
    left: Vec<(String, String)>,
}

impl Walk {
    fn leads_to(&mut self, address: &str, from: &str) {
        let path = address.split('?').next().unwrap_or_default();
        let file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        if file || path.starts_with("/api/") || path.starts_with("/static/") {
            return;
        }
        let mut parts = path.split('/').skip(1);
        let first = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        // The second part of a path names one of many; what comes after it, a page about that one.
        let (star, tail) =
            (if rest.is_empty() { "" } else { "*" }, rest.get(1..).unwrap_or_default().join("/"));
        let filtered = address.contains('?') && first != "record";
        let who = if BY_ROLE.contains(&first) && !filtered { self.who.as_str() } else { "" };
        let kind = format!("{first}/{star}/{tail} {filtered} {who}");
        let enough = if first == "record" { 2 } else { 1 };
        let so_far = self.looks.get(&kind).copied().unwrap_or_default();
        if so_far < enough && self.seen.insert(format!("{address} {who}")) {
            self.looks.insert(kind, so_far + 1);
            self.left.push((address.to_owned(), from.to_owned()));
        }
    }
}

/// Asks axe about the page.
fn axe(person: &Person, what: &str) -> Value {
    if person.evaluate("typeof axe") == "undefined" {
        person.evaluate(&format!("{AXE}\n;0"));
    }
    person.evaluate(&format!(
        r#"axe.run(document, {{ {what}, resultTypes: ["violations"] }}).then((found) => ({{
  checked: found.passes.length + found.inapplicable.length,
  violations: found.violations.map((one) => ({{
    id: one.id, help: one.help,
    nodes: one.nodes.map((node) => `${{node.target.join(" ")}}: ${{node.html.slice(0, 200)}} (${{node.failureSummary.replace(/\s+/g, " ")}})`),
  }})),
}}))"#
    ))
}

/// What is wrong with the page that the person looks at.
fn faults(person: &Person, name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let path = person.path();
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (768, "dark"), (768, "light")] {
        person.looks_at(width, scheme);
        let at = format!("{path} at {width} px, {scheme}");
        if let Some(wide) = person.evaluate(TOO_WIDE).as_str() {
            faults.push(format!("{at}: scrolls sideways: {wide}"));
        }
        person.screenshot(&picture(&format!("{name}-{width}-{scheme}.png")));
        faults.extend(person.problems().into_iter().map(|problem| format!("{at}: {problem}")));
        // A packet looks the same in light and dark, and is too long to be gone through by axe again for its width.
        if path.starts_with("/packet/") && (width, scheme) != (1280, "light") {
            continue;
        }
        let found = axe(person, if scheme == "light" { EVERYTHING } else { COLOURS });
        assert!(found["checked"].as_u64().unwrap() > 0, "{at}: axe has looked at the page");
        for violation in found["violations"].as_array().unwrap() {
            let nodes = violation["nodes"].as_array().unwrap();
            let first: Vec<_> = nodes.iter().take(3).map(|node| format!("\n    {node}")).collect();
            let (id, help) = (&violation["id"], &violation["help"]);
            faults.push(format!("{at}: {id} ({help}), {} times:{}", nodes.len(), first.concat()));
        }
        // What axe itself tries is no complaint about the page.
        person.problems();
    }
    faults
}

#[test]
fn every_page_is_without_a_fault_of_accessibility_in_light_and_dark_on_a_laptop_and_a_tablet() {
    let Some(browser) = Browser::start() else { return };
    // What an earlier run left would be taken for pages of this one.
    let _ = std::fs::remove_dir_all(picture("pages"));
    let served = Served::example();
    let mut walk = Walk::default();
    let mut looked_at: Vec<String> = Vec::new();
    let (mut found, mut dead) = (Vec::new(), Vec::new());
    let mut look = |person: &Person, walk: &mut Walk, address: &str| {
        for to in person.evaluate(LEADS_TO).as_array().into_iter().flatten().filter_map(Value::as_str) {
            walk.leads_to(to, address);
        }
        looked_at.push(format!("{address} as {}", walk.who));
        let name: String =
            address.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' }).collect();
        found.extend(faults(person, &format!("pages/{:02}{name}", looked_at.len())));
    };
    let nobody = browser.person("nobody", &served.address);
    "nobody".clone_into(&mut walk.who);
    nobody.open("/sign-in");
    look(&nobody, &mut walk, "/sign-in");
    walk = Walk::default();
    for user in ["member-1", "site-coordinator-01", "statistician", "administrator"] {
        let person = browser.person(user, &served.address);
        person.comes_to("/", user, PASSWORD, None);
        user.clone_into(&mut walk.who);
        walk.leads_to("/", "sign-in");
        while let Some((address, from)) = walk.left.pop() {
            person.open(&address);
            if person.status() == 200 {
                look(&person, &mut walk, &address);
            } else {
                dead.push(format!("{from} leads {user} to {address}: {} {}", person.status(), person.text()));
            }
        }
    }
    println!("{} pages:\n{}", looked_at.len(), looked_at.join("\n"));
    found.append(&mut dead);
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
    for page in [
        "/ as",
        "/patients as",
        "/patients/",
        "/record as",
        "/record/",
        "/reviews/",
        "/closed",
        "/lab",
        "/people",
    ] {
        assert!(looked_at.iter().any(|at| at.contains(page)), "no way leads to {page}: {looked_at:#?}");
    }
}

#[test]
fn the_check_finds_what_is_wrong_with_a_page_that_is_wrong() {
    let Some(browser) = Browser::start() else { return };
    let served = Served::example();
    let person = browser.person("statistician", &served.address);
    person.comes_to("/lab", "statistician", PASSWORD, None);
    person.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<input id=bare><p id=wide>wide</p>'); \
         document.getElementById('wide').style.cssText = 'width: 2000px; color: #bbb; background: #fff; position: absolute';",
    );
    person.evaluate("document.body.append(document.getElementById('wide')); fetch('http://elsewhere.example/').catch(() => 0)");
    let faults = faults(&person, "wrong/page").join("\n");
    for fault in ["scrolls sideways", "\"label\"", "\"color-contrast\"", "elsewhere.example", "ontent"] {
        assert!(faults.contains(fault), "expected {fault} among:\n{faults}");
    }
}
