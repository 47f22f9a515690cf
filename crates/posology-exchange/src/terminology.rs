//! CDISC's controlled terminology: the check of a package against it before anything is written, and the lists that its
//! Define-XML names.
//!
//! Start at [`check`]. Rule engines leave values of code lists unread, so that `SCR` for `sCR` or `X` for a sex passes them;
//! here a term is the list's own to the letter, or, where the list takes others, a sponsor's extension that is declared. The
//! terms are those of SDTM controlled terminology 2022-09-30 (`terminology.tsv`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use crate::package::{CodeList, Core, Package, Standard, Table, Term, Value};
use crate::problem::{Problem, quoted};

/// A list of the terminology.
struct List {
    code: &'static str,
    name: &'static str,
    extensible: bool,
    /// Terms with their codes, empty where the package of terminology at hand has none.
    terms: HashMap<&'static str, &'static str>,
}

static LISTS: LazyLock<BTreeMap<&'static str, List>> = LazyLock::new(|| {
    let mut lists: BTreeMap<&str, List> = BTreeMap::new();
    let mut here = "";
    for line in include_str!("terminology.tsv").lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<&'static str> = line.split('\t').collect();
        match parts.as_slice() {
            ["=", id, code, extensible, name] => {
                here = id;
                let list = List { code, name, extensible: *extensible == "yes", terms: HashMap::new() };
                lists.insert(id, list);
            }
            [term, code] => {
                if let Some(list) = lists.get_mut(here) {
                    list.terms.insert(term, code);
                }
            }
            _ => {}
        }
    }
    lists
});

/// Pairs of short and long names, of which one term of the first list belongs to one of the second: both have one code.
const PAIRS: [(&str, &str); 7] = [
    ("FATESTCD", "FATEST"),
    ("DDTESTCD", "DDTEST"),
    ("LBTESTCD", "LBTEST"),
    ("VSTESTCD", "VSTEST"),
    ("ONCRTSCD", "ONCRTS"),
    ("TSPARMCD", "TSPARM"),
    ("RSTESTCD", "RSTEST"),
];

/// Parameters of the trial summary whose values are terms of a list.
const SUMMARY: [(&str, &str); 19] = [
    ("ADAPT", "NY"),
    ("DMCIND", "NY"),
    ("DOSFRQ", "FREQ"),
    ("DOSU", "UNIT"),
    ("EXTTIND", "NY"),
    ("HLTSUBJI", "NY"),
    ("INTMODEL", "INTMODEL"),
    ("INTTYPE", "INTTYPE"),
    ("PDSTIND", "NY"),
    ("PIPIND", "NY"),
    ("RANDOM", "NY"),
    ("RDIND", "NY"),
    ("ROUTE", "ROUTE"),
    ("SEXPOP", "SEXPOP"),
    ("STYPE", "STYPE"),
    ("TBLIND", "TBLIND"),
    ("TCNTRL", "TCNTRL"),
    ("TPHASE", "TPHASE"),
    ("TTYPE", "TTYPE"),
];

/// Terms that this program adds to lists which take others, and why is said in Define-XML.
const EXTENSIONS: [(&str, &str); 6] = [
    ("UNIT", "mCi/m2"),
    ("UNIT", "MBq/m2"),
    ("UNIT", "GBq/m2"),
    ("FATESTCD", "DLTIND"),
    ("FATEST", "Dose Limiting Toxicity Indicator"),
    ("ONCRSCAT", "PROTOCOL DEFINED RESPONSE CRITERIA"),
];

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What must not be written.
    pub refused: Vec<Problem>,
    /// Terms that a sponsor adds to a list which takes others, each once: declared in Define-XML as extensions.
    pub extended: Vec<Problem>,
}

/// Checks tables of SDTM against the terminology, and every table against what the guide asks of any.
///
/// ```
/// use posology_exchange::terminology::check;
/// use posology_exchange::package::{Package, Source, Standard, Study};
/// let study = Study { id: "S".into(), title: "A study".into(), protocol: "P".into(), synthetic: true };
/// let source = Source { cut_off: "2019-05-03T23:59:59Z".parse()?, position: 0, head: String::new(), program: "p 1".into() };
/// let package = Package { standard: Standard::Sdtm, study, source, tables: Vec::new(), code_lists: Vec::new() };
/// assert!(check(&package).refused.is_empty());
/// # Ok::<(), jiff::Error>(())
/// ```
#[must_use]
pub fn check(package: &Package) -> Checked {
    let mut checked = Checked::default();
    for table in &package.tables {
        structure(table, &mut checked.refused);
        if package.standard == Standard::Sdtm {
            terms(table, &mut checked);
            pairs(table, &mut checked.refused);
            amounts(table, &mut checked.refused);
            summary(table, &mut checked.refused);
        }
    }
    checked
}

fn problem(
    table: &Table,
    row: Option<usize>,
    column: &str,
    expected: &str,
    found: &str,
    mend: &str,
) -> Problem {
    let problem = Problem::in_file(&table.name, expected, found, mend).in_column(column);
    match row {
        Some(row) => problem.at_row(row as u64 + 1, None),
        None => problem,
    }
}

/// Names, labels, required values, keys.
fn structure(table: &Table, refused: &mut Vec<Problem>) {
    let is_name = |name: &str| {
        name.len() <= 8
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    for column in &table.columns {
        if !is_name(column.name) || column.label.len() > 40 {
            let found = format!("{} {}", column.name, quoted(column.label));
            let expected = "a name of at most 8 capitals and a label of at most 40 bytes";
            refused.push(problem(table, None, column.name, expected, &found, "shorten it"));
        }
    }
    let keys: Vec<usize> = table.keys.iter().filter_map(|key| table.column(key)).collect();
    let mut seen = BTreeSet::new();
    for (number, row) in table.rows.iter().enumerate() {
        for (column, value) in table.columns.iter().zip(row) {
            if column.core == Core::Required && *value == Value::Missing {
                let mend = "record it: the implementation guide has no row without it";
                refused.push(problem(table, Some(number), column.name, "a value", "none", mend));
            }
        }
        let key: Vec<&Value> = keys.iter().filter_map(|at| row.get(*at)).collect();
        if !keys.is_empty() && !seen.insert(key) {
            let expected = format!("each {} once", table.keys.join(", "));
            let first = table.keys.last().copied().unwrap_or_default();
            refused.push(problem(table, Some(number), first, &expected, "it again", "correct the record"));
        }
    }
}

/// Each value of a column with a list, once: of the list to the letter, or an extension of one that takes any.
fn terms(table: &Table, checked: &mut Checked) {
    for (index, column) in table.columns.iter().enumerate() {
        let Some((id, list)) = column.code_list.and_then(|id| Some((id, LISTS.get(id)?))) else { continue };
        let mut seen = BTreeSet::new();
        for (number, row) in table.rows.iter().enumerate() {
            let Some(Value::Text(text)) = row.get(index) else { continue };
            if list.terms.contains_key(text.as_str()) || !seen.insert(text.as_str()) {
                continue;
            }
            let spelt = list.terms.keys().find(|term| term.eq_ignore_ascii_case(text.trim()));
            let expected = format!("a term of {id} ({})", list.code);
            match spelt {
                Some(term) => {
                    let mend = format!("write {term}: terms are spelt to the letter");
                    checked.refused.push(problem(
                        table,
                        Some(number),
                        column.name,
                        &expected,
                        &quoted(text),
                        &mend,
                    ));
                }
                None if EXTENSIONS.contains(&(id, text.as_str())) => {}
                None if list.extensible => {
                    let mend =
                        "declared as the sponsor's extension; use a term of the list if one means the same";
                    checked.extended.push(problem(
                        table,
                        Some(number),
                        column.name,
                        &expected,
                        &quoted(text),
                        mend,
                    ));
                }
                None => {
                    let mut known: Vec<&str> = list.terms.keys().copied().take(12).collect();
                    known.sort_unstable();
                    let mend = format!("the list takes no other: {}", known.join(", "));
                    checked.refused.push(problem(
                        table,
                        Some(number),
                        column.name,
                        &expected,
                        &quoted(text),
                        &mend,
                    ));
                }
            }
        }
    }
}

/// A test's code and its name are one concept.
fn pairs(table: &Table, refused: &mut Vec<Problem>) {
    let of = |list: &str| table.columns.iter().position(|column| column.code_list == Some(list));
    for (short, long) in PAIRS {
        let (Some(code), Some(name)) = (of(short), of(long)) else { continue };
        let (Some(codes), Some(names)) = (LISTS.get(short), LISTS.get(long)) else { continue };
        let mut said: BTreeMap<&str, &str> = BTreeMap::new();
        for (number, row) in table.rows.iter().enumerate() {
            let (Some(Value::Text(code)), Some(Value::Text(name))) = (row.get(code), row.get(name)) else {
                continue;
            };
            let concepts = (codes.terms.get(code.as_str()), names.terms.get(name.as_str()));
            let differ = matches!(concepts, (Some(a), Some(b)) if !a.is_empty() && !b.is_empty() && a != b);
            let earlier = said.insert(code, name);
            if differ || earlier.is_some_and(|earlier| earlier != name) {
                let found = format!("{code} with {}", quoted(name));
                let mend = "write the name that belongs to the code";
                refused.push(problem(
                    table,
                    Some(number),
                    short,
                    "one name for each test code",
                    &found,
                    mend,
                ));
            }
        }
    }
}

/// A value of the trial summary is a term of its parameter's list, and the code beside it is that term's (rule engines
/// take any code of the terminology).
fn summary(table: &Table, refused: &mut Vec<Problem>) {
    let of = |name: &str| (table.name == "TS").then(|| table.column(name)).flatten();
    let (Some(parameter), Some(value), Some(code)) = (of("TSPARMCD"), of("TSVAL"), of("TSVALCD")) else {
        return;
    };
    for (number, row) in table.rows.iter().enumerate() {
        let text = |at: usize| match row.get(at) {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        let list = SUMMARY.iter().find(|(name, _)| *name == text(parameter));
        let Some((id, list)) = list.and_then(|(_, id)| Some((id, LISTS.get(id)?))) else { continue };
        let (value, code) = (text(value), text(code));
        match list.terms.get(value) {
            _ if value.is_empty() => {}
            Some(known) if known.is_empty() || *known == code || code.is_empty() => {}
            Some(known) => {
                let found = format!("{value} with {}", quoted(code));
                let mend = format!("write {known}, or another value");
                refused.push(problem(table, Some(number), "TSVALCD", "the code of the value", &found, &mend));
            }
            None if list.extensible && code.is_empty() => {}
            None => {
                let expected = format!("a term of {id} ({}) for {}", list.code, text(parameter));
                let mend = "write a term of the list, or leave the code empty where the list takes others";
                refused.push(problem(table, Some(number), "TSVAL", &expected, &quoted(value), mend));
            }
        }
    }
}

/// What was administered is an amount, never one per area.
fn amounts(table: &Table, refused: &mut Vec<Problem>) {
    let Some(unit) = (table.name == "EX").then(|| table.column("EXDOSU")).flatten() else { return };
    for (number, row) in table.rows.iter().enumerate() {
        if let Some(Value::Text(text)) = row.get(unit)
            && text.contains('/')
        {
            let mend = "EX holds what was administered; what is prescribed per area belongs to EC, SCHEDULED";
            refused.push(problem(table, Some(number), "EXDOSU", "a unit of an amount", &quoted(text), mend));
        }
    }
}

/// The code lists that tables of SDTM name, with the terms in use, their codes and the sponsor's extensions.
#[must_use]
pub fn code_lists(tables: &[Table]) -> Vec<CodeList> {
    let mut used: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for table in tables {
        for (index, column) in table.columns.iter().enumerate() {
            let Some(id) = column.code_list.filter(|id| LISTS.contains_key(id)) else { continue };
            let values = table.rows.iter().filter_map(|row| match row.get(index) {
                Some(Value::Text(text)) => Some(text.as_str()),
                _ => None,
            });
            used.entry(id).or_default().extend(values);
        }
    }
    let lists = used.into_iter().filter(|(_, terms)| !terms.is_empty()).filter_map(|(id, terms)| {
        let list = LISTS.get(id)?;
        let term = |value: &str| {
            let code = list.terms.get(value).filter(|code| !code.is_empty()).map(|code| (*code).to_owned());
            let known = list.terms.contains_key(value);
            Term { value: value.to_owned(), decode: None, code, extension: !known }
        };
        let terms = terms.into_iter().map(term).collect();
        Some(CodeList { id, name: list.name, code: Some(list.code), extensible: list.extensible, terms })
    });
    lists.collect()
}
