//! From the text of `trial.toml` to a [`Protocol`], or to every problem of the text.
//!
//! The text is parsed once, with places. The types then say what they cannot take: a wrong value or an
//! unknown key is noted with its place, set aside, and the rest read again until nothing more is wrong, so
//! that one run names all problems. Only a file in which every value could be read is searched for
//! contradictions ([`super::check`]): those of half a file would mislead.

use std::ops::Range;

use jiff::civil::Date;
use posology_clinic::dlt::{Rule, Rules};
use posology_design::Design;
use posology_design::characteristics::{BadScenario, Scenario};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer as _};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Protocol;
use super::check;
use super::problem::{Problem, Problems, Severity};

/// Longest text that is read, bytes. A protocol of a hundred regimens has about 50,000.
const LONGEST_TEXT: usize = 1 << 20;
/// After this many problems of form the search ends: the file is not a protocol.
const MOST_PROBLEMS: usize = 100;
/// At most this many settings of one table are tried when searching for the one at fault.
const MOST_SUSPECTS: usize = 64;

impl Protocol {
    /// Reads a protocol file: the protocol with the warnings about it, or every problem found.
    ///
    /// # Errors
    /// Text that is not TOML, an unknown key, a value of the wrong kind, or a contradiction; each problem says
    /// where it is, what was found, what was expected and how to mend it.
    ///
    /// ```
    /// use posology_trial::protocol::Protocol;
    /// let text = r#"
    ///     [trial]
    ///     id = "PILOT"
    ///     title = "A trial of which only the data are read"
    ///     [version]
    ///     id = "1.0"
    ///     date = 2013-01-15
    ///     reason = "First version"
    /// "#;
    /// let (protocol, warnings) = Protocol::read(text)?;
    /// assert_eq!(protocol.trial.id, "PILOT");
    /// assert!(warnings.is_empty());
    ///
    /// let problems = Protocol::read(&text.replace("title", "titel")).unwrap_err();
    /// assert_eq!((problems.as_slice()[0].line, problems.as_slice()[0].column), (4, 5));
    /// # Ok::<(), posology_trial::protocol::Problems>(())
    /// ```
    pub fn read(text: &str) -> Result<(Self, Vec<Problem>), Problems> {
        let mut file = File::parse(text)?;
        let (design, mut problems) = file.assemble::<Escalation>();
        file.root.remove("escalation");
        let (protocol, more) = file.assemble::<Self>();
        problems.extend(more);
        let (Some(mut protocol), Some(design)) = (protocol, design) else {
            return Err(Problems::new(problems));
        };
        let mut faults = Vec::new();
        protocol.escalation = design.escalation.and_then(|settings| match design_of(settings, &protocol) {
            Ok(design) => Some(design),
            Err(of_design) => {
                faults.extend(of_design);
                None
            }
        });
        faults.extend(check::faults(&protocol));
        problems.extend(faults.into_iter().map(|fault| file.locate(fault)));
        let problems = Problems::new(problems);
        if problems.as_slice().iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        Ok((protocol, problems.into_vec()))
    }
}

/// The one table of the file whose settings another crate checks, all at once, before they become a design.
#[derive(Deserialize)]
struct Escalation {
    escalation: Option<posology_design::Settings>,
}

/// A design with the names of its levels, as a design file or a trial's protocol gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignFile {
    /// The design, whole and checked; it knows how many levels it has.
    pub design: Design,
    /// What the levels are called, from the lowest up: the labels of `doses`, or the ids of a trial's regimens. Empty
    /// where the file only counts them.
    pub labels: Vec<String>,
    /// Length of the window for dose-limiting toxicity in days: the design's, else the trial's.
    pub window_days: Option<f64>,
    /// Whether the file is a trial's protocol; then data name its regimens.
    pub of_trial: bool,
    /// What someone should look at.
    pub warnings: Vec<Problem>,
}

/// Reads a design: from a file of its own, or from the `[escalation]` of a trial's protocol, whose regimens are then the
/// levels. A file with the key `design` is a file of its own.
///
/// # Errors
/// Every problem of the text, with its place, as [`Protocol::read`]; a ladder whose length the file does not say; a
/// protocol without `[escalation]`.
///
/// ```
/// use posology_trial::protocol::read_design;
/// let file = read_design("design = \"boin\"\ntarget = 0.3\ndoses = 5").unwrap();
/// assert_eq!((file.design.name(), file.design.levels()), ("boin", Some(5)));
///
/// let problems = read_design("design = \"boin\"\ntarget = 3\ndoses = 5").unwrap_err();
/// assert_eq!((problems.as_slice()[0].line, problems.as_slice()[0].column), (2, 10));
/// ```
pub fn read_design(text: &str) -> Result<DesignFile, Problems> {
    let file = File::parse(text)?;
    let of_trial =
        ["escalation", "trial", "version", "regimen"].iter().any(|key| file.root.contains_key(*key));
    if of_trial && !file.root.contains_key("design") {
        return design_of_trial(text, &file);
    }
    let Assembled { value, problems, set_aside, .. } =
        file.assemble_what_can_be::<posology_design::Settings>();
    let Some(settings) = value else { return Err(Problems::new(problems)) };
    let labels = match settings.doses() {
        Some(posology_design::Doses::Labels(labels)) => labels.clone(),
        _ => Vec::new(),
    };
    let checked = made_of(settings).and_then(|design| match design.levels() {
        Some(_) => Ok(design),
        None => Err(vec![posology_design::Problem::new(
            "doses",
            "nothing",
            "the number of levels, or a list of their labels",
            "add a line such as `doses = 5`",
        )]),
    });
    let design = match checked {
        Ok(design) if problems.is_empty() => design,
        Ok(_) => return Err(Problems::new(problems)),
        Err(faults) => {
            // Beside values that could not be read, only the settings that could are judged.
            let is_judged = |key: &String| {
                problems.is_empty()
                    || (!set_aside.contains(key) && file.nodes.iter().any(|node| node.path == *key))
            };
            let faults = faults.into_iter().filter(|fault| is_judged(&fault.key));
            let faults = faults.map(|problem| file.locate(fault_at("", problem)));
            return Err(Problems::new(problems.iter().cloned().chain(faults).collect()));
        }
    };
    let window_days = window_of(&design);
    Ok(DesignFile { design, labels, window_days, of_trial: false, warnings: Vec::new() })
}

fn design_of_trial(text: &str, file: &File<'_>) -> Result<DesignFile, Problems> {
    let (protocol, warnings) = Protocol::read(text)?;
    let Some(design) = protocol.escalation else {
        let texts = [
            "a protocol without [escalation]",
            "an escalation design",
            "add a table such as [escalation] with the line design = \"3+3\"",
        ];
        return Err(Problems::new(vec![file.problem("escalation".to_owned(), 0..0, texts)]));
    };
    let window_days =
        window_of(&design).or_else(|| protocol.dlt.as_ref().map(|dlt| f64::from(dlt.window_days)));
    let labels = protocol.regimen.iter().map(|regimen| regimen.id.clone()).collect();
    Ok(DesignFile { design, labels, window_days, of_trial: true, warnings })
}

/// Reads a small TOML file that is one value, such as how simulated trials are conducted.
///
/// # Errors
/// Every problem of the text, with its place, as [`Protocol::read`].
pub fn read_toml<T: DeserializeOwned>(text: &str) -> Result<T, Problems> {
    match File::parse(text)?.assemble::<T>() {
        (Some(value), problems) if problems.is_empty() => Ok(value),
        (_, problems) => Err(Problems::new(problems)),
    }
}

/// Reads a file that is one value and holds it against itself; a fault is a path, what was found, what was expected and how
/// to mend it.
///
/// # Errors
/// Every problem of the text, with its place, as [`Protocol::read`]; else every fault, at the place of its path.
pub fn read_checked<T: DeserializeOwned>(
    text: &str,
    faults: impl Fn(&T) -> Vec<[String; 4]>,
) -> Result<T, Problems> {
    let file = File::parse(text)?;
    let (value, mut problems) = file.assemble::<T>();
    let Some(value) = value.filter(|_| problems.is_empty()) else {
        return Err(Problems::new(problems));
    };
    problems.extend(faults(&value).into_iter().map(|[path, found, expected, mend]| {
        file.locate(Fault { severity: Severity::Error, path, found, expected, mend })
    }));
    if problems.is_empty() { Ok(value) } else { Err(Problems::new(problems)) }
}

/// Reads supposed truths for a ladder of so many levels: `[[scenario]]` tables with `name`, `truth` and, for designs on
/// efficacy, `efficacy` and `odds-ratio`.
///
/// # Errors
/// Every problem of the text, with its place; no scenario; a truth of another length than the ladder or outside 0 to 1.
///
/// ```
/// use posology_trial::protocol::read_scenarios;
/// let text = "[[scenario]]\nname = \"steep\"\ntruth = [0.05, 0.3, 0.6]";
/// assert_eq!(read_scenarios(text, 3, false).unwrap()[0].name, "steep");
/// assert_eq!(read_scenarios(text, 4, false).unwrap_err().as_slice()[0].line, 3);
/// ```
pub fn read_scenarios(text: &str, levels: usize, efficacy: bool) -> Result<Vec<Scenario>, Problems> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Scenarios {
        scenario: Vec<Scenario>,
    }
    let file = File::parse(text)?;
    let (read, problems) = file.assemble::<Scenarios>();
    let (Some(Scenarios { scenario: scenarios }), true) = (read, problems.is_empty()) else {
        return Err(Problems::new(problems));
    };
    let fault = |path: String, found: String, expected: &str, mend: &str| {
        let (expected, mend) = (expected.to_owned(), mend.to_owned());
        file.locate(Fault { severity: Severity::Error, path, found, expected, mend })
    };
    let bad = |(place, scenario): (usize, &Scenario)| {
        let why = scenario.check(levels, efficacy).err()?;
        let says = why.to_string();
        let (about, expected) = says.split_once(", expected ").unwrap_or(("", &says));
        let key = match (about.starts_with("the efficacy"), &why) {
            (true, _) => "efficacy",
            (false, BadScenario::OddsRatio { .. }) => "odds-ratio",
            (false, _) => "truth",
        };
        let found = about.split_once("found ").map_or(about, |(_, found)| found).to_owned();
        Some(fault(
            format!("scenario[{place}].{key}"),
            found,
            expected,
            "give one rate a level, each from 0 to 1",
        ))
    };
    let mut problems: Vec<Problem> =
        scenarios.iter().enumerate().filter_map(bad).take(MOST_PROBLEMS).collect();
    if scenarios.is_empty() {
        problems.push(fault(
            "scenario".to_owned(),
            "no scenario".to_owned(),
            "at least one",
            "add a [[scenario]]",
        ));
    }
    if problems.is_empty() { Ok(scenarios) } else { Err(Problems::new(problems)) }
}

/// The setting `window` of a late-onset design, in days.
fn window_of(design: &Design) -> Option<f64> {
    let settings = serde_json::to_value(posology_design::Settings::from(design.clone())).ok()?;
    settings.get("window")?.as_f64()
}

/// The design of these settings, or all that is wrong with them.
fn made_of(settings: posology_design::Settings) -> Result<Design, Vec<posology_design::Problem>> {
    let problems = settings.check();
    if problems.is_empty() {
        Design::try_from(settings).map_err(|problems| problems.0)
    } else {
        Err(problems)
    }
}

/// The problem of a setting as a fault of the table that the setting stands in.
fn fault_at(table: &str, problem: posology_design::Problem) -> Fault {
    Fault {
        severity: Severity::Error,
        path: join(table, &problem.key),
        found: problem.found,
        expected: problem.expected,
        mend: problem.mend,
    }
}

/// The design on the ladder of the regimens.
fn design_of(settings: posology_design::Settings, protocol: &Protocol) -> Result<Design, Vec<Fault>> {
    let ladder: Vec<String> = protocol.regimen.iter().map(|regimen| regimen.id.clone()).collect();
    let checked = settings.for_regimens(&ladder).map_err(|problem| vec![problem]).and_then(made_of);
    checked.map_err(|problems| problems.into_iter().map(|problem| fault_at("escalation", problem)).collect())
}

/// A problem known by the setting it concerns; its place in the text is found by [`File::locate`].
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) severity: Severity,
    pub(super) path: String,
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) mend: String,
}

/// The parsed text and the place of everything in it.
struct File<'t> {
    text: &'t str,
    root: DeTable<'t>,
    nodes: Vec<Node>,
}

/// A value of the file: its path, the keys on that path without positions, and its places.
#[derive(Debug, Clone)]
struct Node {
    path: String,
    keys: Vec<String>,
    place: Place,
    is_container: bool,
}

/// Where a value and its key stand; together they tell every value of a file from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

/// What could be read of a file.
struct Assembled<T> {
    value: Option<T>,
    problems: Vec<Problem>,
    /// Whether nothing was set aside but keys that nobody knows, so that the value is what the file meant.
    only_unknown_keys: bool,
    /// The paths set aside.
    set_aside: Vec<String>,
}

impl<'t> File<'t> {
    fn parse(text: &'t str) -> Result<Self, Problems> {
        let file = |root| Self { text, root, nodes: Vec::new() };
        if text.len() > LONGEST_TEXT {
            return Err(Problems::new(vec![file(DeTable::new()).problem(
                String::new(),
                0..0,
                [
                    &format!("a text of {} bytes", text.len()),
                    &format!("a protocol of at most {LONGEST_TEXT} bytes"),
                    "check that this is a protocol and not a data file",
                ],
            )]));
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(file(DeTable::new()).syntax_problems(&errors));
        }
        let mut root = root.into_inner();
        for (_, value) in &mut root {
            dates_as_text(value.get_mut());
        }
        let mut nodes = Vec::new();
        list_nodes(&root, "", &[], &mut nodes);
        Ok(Self { nodes, ..file(root) })
    }

    /// The parser goes on after an error and may stumble over what follows, so one problem a line is kept.
    fn syntax_problems(&self, errors: &[toml::de::Error]) -> Problems {
        let mut problems: Vec<Problem> = errors
            .iter()
            .map(|error| {
                let span = error.span().unwrap_or(0..0);
                let message = error.message();
                let (what, expected) = message.split_once(", expected ").unwrap_or((message, "TOML"));
                let (found, expected, mend) = if what == "duplicate key" {
                    (
                        format!("the key {} a second time", self.snippet(&span)),
                        "each key once in a table".to_owned(),
                        "remove one of the two, or name the second as it was meant".to_owned(),
                    )
                } else {
                    (
                        format!("{} ({what})", self.snippet(&span)),
                        expected.to_owned(),
                        "correct the TOML here; text stands in double quotes (https://toml.io)".to_owned(),
                    )
                };
                self.problem(String::new(), span, [&found, &expected, &mend])
            })
            .collect();
        problems.sort_by_key(|problem| problem.offset);
        problems.dedup_by_key(|problem| problem.line);
        problems.truncate(MOST_PROBLEMS);
        Problems::new(problems)
    }

    /// The value, and what had to be set aside to read it; no value where something that it needs is wrong.
    fn assemble<T: DeserializeOwned>(&self) -> (Option<T>, Vec<Problem>) {
        let Assembled { value, problems, only_unknown_keys, .. } = self.assemble_what_can_be();
        (value.filter(|_| only_unknown_keys), problems)
    }

    /// The value of what is left once everything wrong has been set aside.
    fn assemble_what_can_be<T: DeserializeOwned>(&self) -> Assembled<T> {
        let mut rest = self.root.clone();
        let mut problems: Vec<Problem> = Vec::new();
        let mut only_unknown_keys = true;
        let mut set_aside: Vec<String> = Vec::new();
        while problems.len() < MOST_PROBLEMS {
            let error = match read_table::<T>(&rest) {
                Ok(value) => return Assembled { value: Some(value), problems, only_unknown_keys, set_aside },
                Err(error) => error,
            };
            let (node, complaint) = self.blame::<T>(&rest, &error);
            let knock_on = match &complaint {
                Complaint::MissingKey(key) => set_aside.contains(&join(&node.path, key)),
                // A table judged as a whole without a part that was set aside.
                Complaint::Value(_) => {
                    node.is_container && set_aside.iter().any(|path| is_within(&node.path, path))
                }
                Complaint::UnknownKey { .. } => false,
            };
            if !knock_on {
                problems.push(self.explain(&node, &complaint));
            }
            if let Complaint::UnknownKey { key, known } = &complaint
                && let Some(meant) = self.meant(&node, key, known)
            {
                set_aside.push(join(parent(&node.path), meant));
            }
            only_unknown_keys &= matches!(complaint, Complaint::UnknownKey { .. });
            let removed = remove(&mut rest, &node.place);
            set_aside.push(node.path);
            if !removed {
                break;
            }
        }
        Assembled { value: None, problems, only_unknown_keys, set_aside }
    }

    /// The value that an error is about.
    fn blame<T: DeserializeOwned>(&self, rest: &DeTable<'t>, error: &toml::de::Error) -> (Node, Complaint) {
        let complaint = Complaint::of(error.message());
        let keys = keys_of(error);
        let span = error.span();
        let at =
            |node: &&Node| span.as_ref().is_none_or(|span| node.place.value == *span) && node.keys == keys;
        // A list and its first table share a place. A missing key is the table's; what a value contradicts is sought
        // from the list inwards.
        let mut containers = self.nodes.iter().filter(|node| node.is_container && at(node));
        let container = match &complaint {
            Complaint::Value(_) => containers.next(),
            Complaint::MissingKey(_) | Complaint::UnknownKey { .. } => containers.next_back(),
        };
        let container = container
            .or_else(|| self.nodes.iter().rfind(|node| node.keys == keys))
            .cloned()
            .unwrap_or_else(Node::root);
        let node = match &complaint {
            Complaint::UnknownKey { key, .. } => self
                .nodes
                .iter()
                .find(|node| node.place.key.is_some() && node.place.key == span)
                .or_else(|| self.nodes.iter().find(|node| node.path == join(&container.path, key)))
                .cloned()
                .unwrap_or(container),
            Complaint::MissingKey(_) => container,
            Complaint::Value(_) => match self.nodes.iter().find(|node| !node.is_container && at(node)) {
                Some(node) => node.clone(),
                None => self.culprit::<T>(rest, error, container),
            },
        };
        (node, complaint)
    }

    /// Some types lose the place of a value within their table. The value at fault is then the one without which
    /// the error is another; where that is true of several, they contradict each other and the table is named. An
    /// error in the same table does not count as another where the type judges the table as a whole.
    fn culprit<T: DeserializeOwned>(&self, rest: &DeTable<'t>, error: &toml::de::Error, table: Node) -> Node {
        let of_one_value = ["invalid ", "unknown variant ", "expected "]
            .iter()
            .any(|kind| error.message().starts_with(kind));
        let mut strong = Vec::new();
        let mut weak = Vec::new();
        for child in self.nodes.iter().filter(|node| is_child(&table.path, &node.path)).take(MOST_SUSPECTS) {
            let mut without = rest.clone();
            if !remove(&mut without, &child.place) {
                continue;
            }
            match read_table::<T>(&without) {
                Err(other) if other.message() == error.message() && other.span() == error.span() => {}
                Err(other) if matches!(Complaint::of(other.message()), Complaint::MissingKey(key) if child.keys.last() == Some(&key)) =>
                {
                    weak.push(child);
                }
                Err(other) if !of_one_value && child.place.key.is_some() && other.span() == error.span() => {}
                _ => strong.push(child),
            }
        }
        let found = match (strong.as_slice(), weak.as_slice()) {
            ([one], _) | ([], [one]) => (*one).clone(),
            // Of two entries of a list, the later should not have contradicted the earlier.
            ([.., last], _) if last.place.key.is_none() => (*last).clone(),
            _ => return table,
        };
        if found.is_container { self.culprit::<T>(rest, error, found) } else { found }
    }

    /// The key that a misspelt one stands for: one that its table may have and has not.
    fn meant<'k>(&self, node: &Node, key: &str, known: &'k [String]) -> Option<&'k String> {
        let absent = known.iter().filter(|known| {
            let path = join(parent(&node.path), known);
            !self.nodes.iter().any(|node| node.path == path)
        });
        nearest(key, absent)
    }

    fn explain(&self, node: &Node, complaint: &Complaint) -> Problem {
        match complaint {
            Complaint::UnknownKey { key, known } => {
                let table = if parent(&node.path).is_empty() { "the file" } else { parent(&node.path) };
                let expected = if known.is_empty() {
                    format!("no key in {table}")
                } else {
                    format!("one of {}", known.join(", "))
                };
                let mend = match self.meant(node, key, known) {
                    Some(near) => format!("write {near}, if that was meant; else remove the line"),
                    None => "remove it, or move it to the table it belongs to".to_owned(),
                };
                let span = node.place.key.clone().unwrap_or_else(|| node.place.value.clone());
                self.problem(node.path.clone(), span, [&format!("the unknown key {key}"), &expected, &mend])
            }
            Complaint::MissingKey(key) => {
                let table = if node.path.is_empty() { "the file" } else { &node.path };
                self.problem(
                    join(&node.path, key),
                    node.place.value.clone(),
                    [
                        &format!("no {key} in {table}"),
                        &format!("{key}: it has no default"),
                        &format!("add {key} to {table}"),
                    ],
                )
            }
            Complaint::Value(message) => {
                let found = self.snippet(&node.place.value);
                let [found, expected, mend] = explain_value(message, &found);
                self.problem(node.path.clone(), node.place.value.clone(), [&found, &expected, &mend])
            }
        }
    }

    /// The place of a fault: that of its setting, or of the nearest table around it that the file has.
    fn locate(&self, fault: Fault) -> Problem {
        let mut path = fault.path.as_str();
        let span = loop {
            if let Some(node) = self.nodes.iter().find(|node| node.path == path) {
                break node.place.value.clone();
            }
            let Some(cut) = path.rfind(['.', '[']) else { break 0..0 };
            path = path.get(..cut).unwrap_or_default();
        };
        let texts = [fault.found.as_str(), fault.expected.as_str(), fault.mend.as_str()];
        Problem { severity: fault.severity, ..self.problem(fault.path.clone(), span, texts) }
    }

    fn problem(&self, path: String, span: Range<usize>, [found, expected, mend]: [&str; 3]) -> Problem {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Problem {
            severity: Severity::Error,
            path,
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            offset: span.start,
            length: span.len(),
            found: found.to_owned(),
            expected: expected.to_owned(),
            mend: mend.to_owned(),
        }
    }

    /// The text at a place, short and on one line.
    fn snippet(&self, span: &Range<usize>) -> String {
        let text = self.text.get(span.clone()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let short: String = line.chars().take(60).collect();
        match (short.is_empty(), short.len() < text.len()) {
            (true, _) => "the end of the line".to_owned(),
            (false, true) => format!("{short}…"),
            (false, false) => short,
        }
    }
}

impl Node {
    fn root() -> Self {
        let place = Place { key: None, value: 0..0 };
        Self { path: String::new(), keys: Vec::new(), place, is_container: true }
    }
}

/// What a type says about a value it cannot take.
#[derive(Debug)]
enum Complaint {
    UnknownKey { key: String, known: Vec<String> },
    MissingKey(String),
    Value(String),
}

impl Complaint {
    fn of(message: &str) -> Self {
        let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
        if message.starts_with("unknown field `") {
            let key = quoted.next().unwrap_or_default();
            let mut known: Vec<String> = quoted.collect();
            known.sort();
            return Self::UnknownKey { key, known };
        }
        if message.starts_with("missing field `") {
            return Self::MissingKey(quoted.next().unwrap_or_default());
        }
        Self::Value(message.to_owned())
    }
}

/// Found, expected and mend of a value, from the message of its type and the text as it stands.
fn explain_value(message: &str, text: &str) -> [String; 3] {
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        let mut quoted = rest.split('`').step_by(2).map(str::to_owned);
        let found = quoted.next().unwrap_or_default();
        let known: Vec<String> = quoted.filter(|word| !word.trim_matches([',', ' ']).is_empty()).collect();
        let mend = match nearest(&found, known.iter()) {
            Some(near) => format!("write \"{near}\", if that was meant"),
            None => "write one of them".to_owned(),
        };
        return [text.to_owned(), format!("one of {}", known.join(", ")), mend];
    }
    if message.starts_with("invalid ")
        && let Some((_, expected)) = message.split_once(", expected ")
    {
        let expected = in_words(expected);
        let bare = text.trim_matches('"');
        let mend = if expected == TEXT && bare == text && !text.starts_with(['\'', '[', '{']) {
            format!("write \"{text}\"")
        } else if bare != text && bare.bytes().all(|byte| byte.is_ascii_digit()) && !bare.is_empty() {
            format!("write {bare} without quotes")
        } else {
            format!("write {expected}")
        };
        return [text.to_owned(), expected, mend];
    }
    let (message, mend) = message.split_once("mend:").unwrap_or((message, "correct the value"));
    let part = |name: &str, other: &str| {
        let start = message.find(name)? + name.len();
        let tail = message.get(start..)?;
        let end = tail.find(other).unwrap_or(tail.len());
        Some(tail.get(..end)?.trim().trim_end_matches([',', ';', '.', ':']).to_owned())
    };
    let expected =
        part("expected ", "found ").unwrap_or_else(|| message.trim().trim_end_matches([';', ',']).to_owned());
    let found = part("found ", "expected ").unwrap_or_else(|| text.to_owned());
    [found, expected, mend.trim().to_owned()]
}

/// What a text is called in messages.
const TEXT: &str = "text in double quotes";

/// The name of a type as a person would say it.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "a borrowed string" | "string or map" => TEXT.to_owned(),
        "variant identifier" => TEXT.to_owned(),
        "any value" => "a number of at most 18 digits".to_owned(),
        "a sequence" => "a list in square brackets, or tables headed [[…]]".to_owned(),
        "a map" => "a table".to_owned(),
        decimal if decimal.contains("Decimal") => "a number, such as 10 or 12.5".to_owned(),
        table if table.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

/// The known word that a misspelt one is nearest to, if near enough: letters swapped, or two of five others.
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w String>) -> Option<&'w String> {
    let word: Vec<char> = word.to_lowercase().chars().take(60).collect();
    let sorted = |mut letters: Vec<char>| {
        letters.sort_unstable();
        letters
    };
    let distance = |other: &str| match edits(&word, other) {
        2 if sorted(word.clone()) == sorted(other.to_lowercase().chars().collect()) => 1,
        distance => distance,
    };
    let (distance, near) = known.into_iter().map(|other| (distance(other), other)).min()?;
    (distance * 5 <= word.len() * 2).then_some(near)
}

/// Letters to insert, drop or change to turn one word into another (Levenshtein).
fn edits(word: &[char], other: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (i, b) in other.to_lowercase().chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (a, above) in word.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(*a != b);
            diagonal = *above;
            left = changed.min(diagonal + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The keys on the way to an error, which it tells only in its text.
fn keys_of(error: &toml::de::Error) -> Vec<String> {
    let text = error.to_string();
    let keys = text.trim_end().lines().last().and_then(|line| line.strip_prefix("in `")?.strip_suffix('`'));
    keys.map(|keys| keys.split('.').map(str::to_owned).collect()).unwrap_or_default()
}

fn read_table<T: DeserializeOwned>(table: &DeTable<'_>) -> Result<T, toml::de::Error> {
    let mut owned = table.clone();
    owned.make_owned();
    T::deserialize(Spanned::new(0..0, DeValue::Table(owned)).into_deserializer())
}

/// Reads a day of the calendar, for the types of this file.
pub(crate) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom("expected a date such as 2019-05-15; mend: write year, month and day as YYYY-MM-DD")
    })
}

/// Reads the rules of dose-limiting toxicity one by one, so that a rule at fault is known by its place.
pub(super) fn rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rules, D::Error> {
    #[derive(Deserialize)]
    #[serde(try_from = "Rule")]
    struct Sound(Rule);

    impl TryFrom<Rule> for Sound {
        type Error = String;

        fn try_from(rule: Rule) -> Result<Self, String> {
            let checked = Rules::new(vec![rule.clone()]);
            checked.map(|_| Self(rule)).map_err(|bad| bad.problems.into_iter().next().unwrap_or_default())
        }
    }

    let rules: Vec<Rule> =
        Vec::<Sound>::deserialize(deserializer)?.into_iter().map(|Sound(rule)| rule).collect();
    let again = rules
        .iter()
        .enumerate()
        .find(|(at, rule)| rules.iter().take(*at).any(|earlier| earlier.id == rule.id));
    if let Some((_, rule)) = again {
        let id = &rule.id;
        return Err(D::Error::custom(format!(
            "found the id {id} a second time; expected an id of its own; mend: rename one of the two; ids are never reused"
        )));
    }
    Rules::new(rules).map_err(|bad| D::Error::custom(bad.problems.into_iter().next().unwrap_or_default()))
}

/// A date may be written with or without quotes: `date = 2019-05-15` is the text of that date.
fn dates_as_text(value: &mut DeValue<'_>) {
    match value {
        DeValue::Datetime(date) => *value = DeValue::String(date.to_string().into()),
        DeValue::Array(items) => items.iter_mut().for_each(|item| dates_as_text(item.get_mut())),
        DeValue::Table(table) => table.iter_mut().for_each(|(_, item)| dates_as_text(item.get_mut())),
        _ => {}
    }
}

fn list_nodes(table: &DeTable<'_>, path: &str, keys: &[String], nodes: &mut Vec<Node>) {
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let keys: Vec<String> = keys.iter().cloned().chain([name.clone()]).collect();
        list_value(value, Some(key.span()), join(path, &name), &keys, nodes);
    }
}

fn list_value(
    value: &Spanned<DeValue<'_>>,
    key: Option<Range<usize>>,
    path: String,
    keys: &[String],
    nodes: &mut Vec<Node>,
) {
    let place = Place { key, value: value.span() };
    let is_container = value.get_ref().is_table() || value.get_ref().is_array();
    nodes.push(Node { path: path.clone(), keys: keys.to_vec(), place, is_container });
    match value.get_ref() {
        DeValue::Table(table) => list_nodes(table, &path, keys, nodes),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                list_value(item, None, format!("{path}[{index}]"), keys, nodes);
            }
        }
        _ => {}
    }
}

/// Removes the value at a place; whether it was there.
fn remove(table: &mut DeTable<'_>, place: &Place) -> bool {
    let here = table.iter().find(|(key, value)| place.key == Some(key.span()) && place.value == value.span());
    if let Some(key) = here.map(|(key, _)| key.clone()) {
        return table.remove(&key).is_some();
    }
    table.iter_mut().any(|(_, value)| remove_within(value.get_mut(), place))
}

fn remove_within(value: &mut DeValue<'_>, place: &Place) -> bool {
    match value {
        DeValue::Table(table) => remove(table, place),
        DeValue::Array(items) => {
            let is_here = |item: &Spanned<DeValue<'_>>| place.key.is_none() && place.value == item.span();
            if items.iter().any(is_here) {
                let all = std::mem::replace(items, std::iter::empty().collect());
                *items = all.into_iter().filter(|item| !is_here(item)).collect();
                return true;
            }
            items.iter_mut().any(|item| remove_within(item.get_mut(), place))
        }
        _ => false,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path of the table that a path stands in.
fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// Whether a path is below another.
fn is_within(outer: &str, path: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// Whether a path is a key or a position directly under another.
fn is_child(parent: &str, path: &str) -> bool {
    let Some(rest) = path.strip_prefix(parent) else { return false };
    let rest = if parent.is_empty() { rest } else { rest.trim_start_matches('.') };
    !rest.is_empty()
        && path != parent
        && match rest.strip_prefix('[') {
            Some(index) => index.ends_with(']') && !index.contains(['.', '[']),
            None => {
                !rest.contains(['.', '['])
                    && (parent.is_empty() || path.as_bytes().get(parent.len()) == Some(&b'.'))
            }
        }
}
