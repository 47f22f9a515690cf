//! Transactions to the values that stand after the last of them: a table an item group.

use std::collections::{BTreeMap, HashMap};

use super::{Address, Change, Document, ItemGroup, KEYS, Table, Transaction};
use crate::dataset::{DataSet, Row, Variable, VariableKind, is_number};

/// Where a row stands: subject, study event, form, item group, each with its repeat key.
type Path = Vec<String>;

struct Standing<'a> {
    /// Order of first insertion.
    order: usize,
    line: u64,
    of: &'a Transaction,
    values: HashMap<&'a str, (&'a str, Option<&'a str>)>,
}

/// The tables, or the line and path of a value that is inserted where one stands.
pub(super) fn fold(document: &Document) -> Result<Vec<Table>, (u64, String)> {
    let mut standing: BTreeMap<Path, Standing<'_>> = BTreeMap::new();
    let mut sites: HashMap<&str, &str> = HashMap::new();
    for (order, transaction) in document.transactions.iter().enumerate() {
        if let Some(site) = &transaction.site {
            sites.insert(&transaction.subject, site);
        }
        let path = path(transaction);
        if transaction.change == Change::Remove {
            let within = |(key, _): &(&Path, _)| key.starts_with(&path);
            let gone: Vec<Path> =
                standing.range(path.clone()..).take_while(within).map(|(key, _)| key.clone()).collect();
            for key in gone {
                standing.remove(&key);
            }
            continue;
        }
        if transaction.items.is_empty() {
            continue;
        }
        let row = standing.entry(path).or_insert_with(|| Standing {
            order,
            line: transaction.line,
            of: transaction,
            values: HashMap::new(),
        });
        for item in &transaction.items {
            match (&item.value, item.change) {
                (_, Change::Context) => {}
                (None, _) | (_, Change::Remove) => {
                    row.values.remove(item.oid.as_str());
                }
                (Some(value), change) => {
                    let earlier = row.values.insert(&item.oid, (value, item.unit.as_deref()));
                    if change == Change::Insert && earlier.is_some() {
                        return Err((item.line, format!("{} a second time", shown(transaction, &item.oid))));
                    }
                }
            }
        }
    }
    let mut rows: Vec<Standing<'_>> = standing.into_values().filter(|row| !row.values.is_empty()).collect();
    rows.sort_by_key(|row| row.order);
    Ok(tables(document, &rows, &sites))
}

fn path(transaction: &Transaction) -> Path {
    let part = |address: &Address| match &address.repeat {
        // No identifier holds this character: XML has it not.
        Some(repeat) => format!("{}\u{0}{repeat}", address.oid),
        None => address.oid.clone(),
    };
    std::iter::once(transaction.subject.clone()).chain(transaction.path.iter().map(part)).collect()
}

fn shown(transaction: &Transaction, item: &str) -> String {
    path(transaction).join("/").replace('\u{0}', "#") + "/" + item
}

fn group_of(transaction: &Transaction) -> &str {
    transaction.path.last().map_or("", |address| address.oid.as_str())
}

fn tables(document: &Document, rows: &[Standing<'_>], sites: &HashMap<&str, &str>) -> Vec<Table> {
    let mut by_group: HashMap<&str, Vec<&Standing<'_>>> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    let mut definitions: HashMap<&str, Vec<&ItemGroup>> = HashMap::new();
    for group in document.metadata.iter().flat_map(|metadata| &metadata.item_groups) {
        definitions.entry(&group.oid).or_default().push(group);
    }
    let defined = document.metadata.iter().flat_map(|metadata| &metadata.item_groups);
    let known = defined.map(|group| group.oid.as_str());
    for group in known.chain(rows.iter().map(|row| group_of(row.of))) {
        by_group.entry(group).or_insert_with(|| {
            order.push(group);
            Vec::new()
        });
    }
    for row in rows {
        by_group.entry(group_of(row.of)).or_default().push(row);
    }
    let types: HashMap<&str, (&str, &str)> = document
        .metadata
        .iter()
        .flat_map(|metadata| &metadata.items)
        .map(|item| {
            (item.oid.as_str(), (item.data_type.as_str(), item.question.as_deref().unwrap_or(&item.name)))
        })
        .collect();
    let units: HashMap<&str, &str> =
        document.units.iter().map(|(oid, symbol)| (oid.as_str(), symbol.as_str())).collect();
    order
        .into_iter()
        .filter_map(|group| Some((group, by_group.get(group)?)))
        .map(|(group, rows)| {
            let defined = definitions.get(group).map_or(&[][..], Vec::as_slice);
            table(group, defined, rows, &types, &units, sites)
        })
        .collect()
}

fn table(
    group: &str,
    definitions: &[&ItemGroup],
    standing: &[&Standing<'_>],
    types: &HashMap<&str, (&str, &str)>,
    units: &HashMap<&str, &str>,
    sites: &HashMap<&str, &str>,
) -> Table {
    let mut items: Vec<&str> = Vec::new();
    let mut has_unit: HashMap<&str, bool> = HashMap::new();
    let mut add = |item, unit: bool| {
        *has_unit.entry(item).or_insert_with(|| {
            items.push(item);
            false
        }) |= unit;
    };
    for item in definitions.iter().flat_map(|defined| &defined.items) {
        add(item.as_str(), false);
    }
    for row in standing {
        // In the order of the file, not of a hash table.
        let mut of_row: Vec<_> = row.values.iter().collect();
        of_row.sort();
        for (item, (_, unit)) in of_row {
            add(item, unit.is_some());
        }
    }
    let mut variables: Vec<Variable> = KEYS.iter().map(|name| text(name, None)).collect();
    let mut columns: Vec<(&str, bool, bool)> = Vec::new();
    for item in items {
        let (data_type, label) = types.get(item).copied().unwrap_or_default();
        let number = matches!(data_type, "integer" | "float" | "double");
        let kind = if number { VariableKind::Number } else { VariableKind::Text };
        variables.push(Variable { kind, ..text(item, Some(label).filter(|label| !label.is_empty())) });
        columns.push((item, number, false));
        if has_unit.get(item) == Some(&true) {
            variables.push(text(&format!("{item}.unit"), None));
            columns.push((item, false, true));
        }
    }
    let label = definitions.first().map(|defined| defined.name.clone());
    let mut rows = Vec::with_capacity(standing.len());
    for (index, one) in standing.iter().enumerate() {
        let mut row = Row::default();
        row.clear(index as u64 + 1, Some(one.line));
        let (event, form, group) = (one.of.study_event(), one.of.form(), one.of.path.last());
        let oid =
            |address: Option<&'_ Address>| address.map(|address| address.oid.clone()).unwrap_or_default();
        let repeat = |address: Option<&'_ Address>| {
            address.and_then(|address| address.repeat.clone()).unwrap_or_default()
        };
        // Reference data have an item group and nothing above it.
        let (event, form) = if one.of.path.len() < 3 { (None, None) } else { (event, form) };
        row.push_text(&one.of.subject);
        row.push_text(sites.get(one.of.subject.as_str()).copied().unwrap_or_default());
        row.push_text(&oid(event));
        row.push_text(&repeat(event));
        row.push_text(&oid(form));
        row.push_text(&repeat(form));
        row.push_text(&repeat(group));
        for (item, number, is_unit) in &columns {
            match one.values.get(item) {
                Some((_, unit)) if *is_unit => {
                    row.push_text(
                        unit.map(|unit| units.get(unit).copied().unwrap_or(unit)).unwrap_or_default(),
                    );
                }
                Some((value, _)) if *number && is_number(value) => row.push_number(value),
                Some((value, _)) => row.push_text(value),
                None => row.push_missing(None),
            }
        }
        rows.push(row);
    }
    Table { data_set: DataSet { name: group.to_owned(), label, variables }, rows }
}

fn text(name: &str, label: Option<&str>) -> Variable {
    Variable {
        name: name.to_owned(),
        label: label.map(str::to_owned),
        kind: VariableKind::Text,
        length: None,
        format: None,
    }
}
