//! What is asked of the lab: the whole question as the keys of an address, so that a link is the page.

use std::collections::BTreeMap;

use posology_design::starting::{Wanted, settings};
use posology_design::{catalogue, settings::Listed};
use posology_trial::protocol::read_toml;
use serde::Deserialize;

use super::fields::{Field, fields};

/// Designs beside each other, the first among them.
pub(crate) const DESIGNS_MAX: usize = 4;
/// The longest ladder of the lab: its curve can still be taken by hand.
pub(crate) const LEVELS_MAX: usize = 12;
/// Keys that are read; every other is left alone.
const PATIENTS_MAX: u32 = 200;

/// How the numbers are had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum How {
    /// At once, while a rate is dragged.
    #[default]
    AtOnce,
    /// Exactly, however many states there are up to the lab's bound; or with many simulated trials.
    AtLength,
    /// By simulated trials, though an exact sum exists.
    Simulated,
}

impl How {
    /// Its value in an address.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::AtOnce => "",
            Self::AtLength => "at-length",
            Self::Simulated => "simulated",
        }
    }
}

/// The question: a design by its settings or as TOML, the supposed rates, and the designs to compare with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub(crate) struct Asked {
    /// Name of the design.
    pub(crate) design: String,
    /// Target DLT rate, as written.
    pub(crate) target: String,
    /// Patients in a cohort, as written.
    pub(crate) cohort_size: String,
    /// Most patients, as written.
    pub(crate) max_patients: String,
    /// Supposed DLT rate at each level, as written.
    pub(crate) truth: Vec<String>,
    /// Supposed efficacy rate at each level, as written; read by designs on efficacy alone.
    pub(crate) efficacy: Vec<String>,
    /// How many levels there shall be, as written; empty for as many as there are rates.
    pub(crate) levels: String,
    /// The design's own settings, as written.
    pub(crate) set: BTreeMap<String, String>,
    /// The design as TOML; empty where the settings above make it.
    pub(crate) toml: String,
    /// Names of the designs to compare with; empty places are kept.
    pub(crate) with: Vec<String>,
    /// Files of designs to compare with.
    pub(crate) with_toml: Vec<String>,
    /// Whether over the standard scenarios too.
    pub(crate) standard: bool,
    /// Cohorts to look ahead, as written.
    pub(crate) ahead: String,
    /// How the numbers are had.
    pub(crate) how: How,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            design: "boin".to_owned(),
            target: "0.3".to_owned(),
            cohort_size: "3".to_owned(),
            max_patients: "30".to_owned(),
            truth: ["0.05", "0.15", "0.30", "0.45", "0.60"].map(str::to_owned).to_vec(),
            efficacy: Vec::new(),
            levels: String::new(),
            set: BTreeMap::new(),
            toml: String::new(),
            with: Vec::new(),
            with_toml: Vec::new(),
            standard: false,
            ahead: "2".to_owned(),
            how: How::AtOnce,
        }
    }
}

impl From<Vec<(String, String)>> for Asked {
    fn from(pairs: Vec<(String, String)>) -> Self {
        let mut asked = Self::default();
        let (mut truth, mut efficacy) = (Vec::new(), Vec::new());
        // A list is given as one value with commas, or as a value for each level.
        let list = |value: &str| value.split(',').map(|rate| rate.trim().to_owned()).collect::<Vec<_>>();
        for (key, value) in pairs {
            match key.as_str() {
                "design" => asked.design = value,
                "target" => asked.target = value.trim().to_owned(),
                "cohort-size" => asked.cohort_size = value.trim().to_owned(),
                "max-patients" => asked.max_patients = value.trim().to_owned(),
                "truth" => truth.extend(list(&value)),
                "efficacy" => efficacy.extend(list(&value)),
                "levels" => asked.levels = value.trim().to_owned(),
                "toml" if value.trim().is_empty() => {}
                "toml" => asked.toml = value,
                "with" if !value.trim().is_empty() => asked.with.push(value),
                "with-toml" if !value.trim().is_empty() => asked.with_toml.push(value),
                "scenarios" => asked.standard = value == "standard",
                "ahead" => asked.ahead = value.trim().to_owned(),
                "how" => {
                    let all = [How::AtOnce, How::AtLength, How::Simulated];
                    asked.how = all.into_iter().find(|how| how.word() == value).unwrap_or_default();
                }
                key => {
                    if let Some(setting) = key.strip_prefix("set.").filter(|_| !value.trim().is_empty()) {
                        asked.set.insert(setting.to_owned(), value.trim().to_owned());
                    }
                }
            }
        }
        if !truth.is_empty() {
            asked.truth = truth;
        }
        asked.efficacy = efficacy;
        asked.fit_levels();
        asked
    }
}

/// A number as it was written, within bounds.
fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy>(
    key: &str,
    text: &str,
    from: T,
    to: T,
) -> Result<T, String> {
    let number = text.parse::<T>().ok().filter(|number| *number >= from && *number <= to);
    number.ok_or_else(|| {
        format!("{key}: expected a number from {from} to {to}, found {text:?}; mend: write it such as {from}")
    })
}

fn rates(key: &str, texts: &[String]) -> Result<Vec<f64>, String> {
    let rate = |text: &String| text.parse::<f64>().ok().filter(|rate| (0.0..=1.0).contains(rate));
    let rates: Option<Vec<f64>> = texts.iter().map(rate).collect();
    rates.filter(|rates| (1..=LEVELS_MAX).contains(&rates.len())).ok_or_else(|| {
        format!(
            "{key}: expected 1 to {LEVELS_MAX} rates between 0 and 1 with commas between them, found {:?}; mend: write them such as 0.05,0.15,0.30",
            texts.join(",")
        )
    })
}

/// A setting as a line of TOML: what can be read as it stands does; a list may leave its brackets out, a word its quotes.
fn line(key: &str, text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let reads = |value: &str| read_toml::<serde_json::Value>(&format!("x = {value}")).is_ok();
    let listed = format!("[{text}]");
    if reads(&text) {
        format!("{key} = {text}\n")
    } else if text.contains(',') && reads(&listed) {
        format!("{key} = {listed}\n")
    } else {
        format!("{key} = {}\n", serde_json::Value::from(text))
    }
}

impl Asked {
    /// Adds levels above, or takes the highest away, until there are as many as asked for.
    fn fit_levels(&mut self) {
        let Some(levels) =
            self.levels.parse::<usize>().ok().filter(|levels| (1..=LEVELS_MAX).contains(levels))
        else {
            self.levels.clear();
            return;
        };
        self.levels.clear();
        self.truth.truncate(levels);
        while self.truth.len() < levels {
            // A new level on top lies half way between the last one and certainty.
            let last = self.truth.last().and_then(|rate| rate.parse::<f64>().ok()).unwrap_or(0.1);
            self.truth.push(format!("{:.2}", (last + 1.0) / 2.0));
        }
        self.efficacy.truncate(levels);
    }

    /// Supposed DLT rates.
    pub(crate) fn rates(&self) -> Result<Vec<f64>, String> {
        rates("truth", &self.truth)
    }

    /// Supposed efficacy rates for so many levels: those given, else rates that rise from 0.20 by steps of 0.10.
    pub(crate) fn efficacy_rates(&self, levels: usize) -> Result<Vec<f64>, String> {
        let texts: Vec<String> = (0..levels)
            .map(|level| match self.efficacy.get(level) {
                Some(given) => given.clone(),
                None => format!("{:.2}", (0.2 + 0.1 * level as f64).min(0.9)),
            })
            .collect();
        rates("efficacy", &texts)
    }

    /// The target that right and wrong are judged by where the design has none.
    pub(crate) fn target(&self) -> Result<f64, String> {
        number("target", &self.target, 0.01, 0.99)
    }

    /// Cohorts to look ahead.
    pub(crate) fn cohorts_ahead(&self) -> u32 {
        self.ahead.parse::<u32>().unwrap_or(2).clamp(1, 4)
    }

    fn wanted(&self, levels: usize) -> Result<Wanted, String> {
        Ok(Wanted {
            levels: u32::try_from(levels).unwrap_or(u32::MAX),
            target: self.target()?,
            cohort_size: number("cohort-size", &self.cohort_size, 1, 20)?,
            max_patients: number("max-patients", &self.max_patients, 1, PATIENTS_MAX)?,
        })
    }

    /// The first design as a file.
    pub(crate) fn file(&self) -> Result<String, String> {
        if !self.toml.is_empty() {
            return Ok(self.toml.clone());
        }
        made(&self.design, self.wanted(self.truth.len())?, &self.set)
    }

    /// Every design as a file: the first, then those to compare with.
    pub(crate) fn files(&self) -> Result<Vec<String>, String> {
        let mut all = vec![self.file()?];
        for name in &self.with {
            all.push(made(name, self.wanted(self.truth.len())?, &BTreeMap::new())?);
        }
        all.extend(self.with_toml.iter().cloned());
        if all.len() > DESIGNS_MAX {
            return Err(format!(
                "expected at most {DESIGNS_MAX} designs beside each other, found {}; mend: compare fewer",
                all.len()
            ));
        }
        Ok(all)
    }

    /// The fields of the design's own settings, each with the value that stands where nothing is written.
    pub(crate) fn own_fields(&self) -> Vec<Field> {
        let starting =
            self.wanted(self.truth.len()).map(|wanted| settings(&self.design, wanted)).unwrap_or_default();
        fields(&self.design, &starting)
    }

    /// The question as the query of an address; what is as by default is left out.
    pub(crate) fn query(&self) -> String {
        let usual = Self::default();
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut add = |key: &str, value: &str| pairs.push((key.to_owned(), value.to_owned()));
        if self.toml.is_empty() {
            add("design", &self.design);
            for (key, value) in &self.set {
                add(&format!("set.{key}"), value);
            }
            add("cohort-size", &self.cohort_size);
            add("max-patients", &self.max_patients);
        } else {
            add("toml", &self.toml);
        }
        add("target", &self.target);
        add("truth", &self.truth.join(","));
        if !self.efficacy.is_empty() {
            add("efficacy", &self.efficacy.join(","));
        }
        for name in &self.with {
            add("with", name);
        }
        for file in &self.with_toml {
            add("with-toml", file);
        }
        if self.standard {
            add("scenarios", "standard");
        }
        if self.ahead != usual.ahead {
            add("ahead", &self.ahead);
        }
        if self.how != How::AtOnce {
            add("how", self.how.word());
        }
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{}={}", escaped(key), escaped(value))).collect();
        pairs.join("&")
    }
}

/// A design file of a name, what is wanted of it, and its own settings.
fn made(design: &str, wanted: Wanted, own: &BTreeMap<String, String>) -> Result<String, String> {
    let known: Vec<Listed> = catalogue();
    let Some(listed) = known.iter().find(|listed| listed.design == design) else {
        let names: Vec<&str> = known.iter().map(|listed| listed.design).collect();
        return Err(format!(
            "design: expected one of {}, found {design:?}; mend: name one of them",
            names.join(", ")
        ));
    };
    let mut text = format!("design = \"{}\"\n", listed.design);
    let starting = settings(listed.design, wanted);
    let one_of_two = |key: &str| {
        // A skeleton takes the place of the settings that would make one, pairs in order that of listed orders.
        (matches!(key, "half-width" | "prior-mtd") && own.contains_key("skeleton"))
            || (key == "orders" && own.contains_key("before"))
    };
    for (key, value) in starting.iter().filter(|(key, _)| !own.contains_key(*key) && !one_of_two(key)) {
        text.push_str(&format!("{key} = {value}\n"));
    }
    for (key, value) in own {
        if listed.settings.iter().any(|setting| setting.name == *key) {
            text.push_str(&line(key, value));
        }
    }
    Ok(text)
}

/// A part of an address in which everything but letters, digits and `-._,` is escaped.
fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b',' => all.push(char::from(byte)),
            _ => all.push_str(&format!("%{byte:02X}")),
        }
    }
    all
}
