//! Excel workbooks (ISO/IEC 29500, `.xlsx`): a sheet to a table.
//!
//! Start at [`read_sheet`] for the table of a site and at [`Sheets`] for data sets. The row with the names is declared. Dates become ISO 8601 by the
//! format of their cell, numbers decimal text without binary noise, and text stays text even where it looks like a
//! number. What a person would not see or not expect is told: hidden sheets, rows and columns, merged cells. A cell
//! with an error (`#N/A`), or with a formula that was never computed, refuses its row. Left out: formats older than
//! `.xlsx`, macros, encryption.

mod archive;
mod cell;
mod xml;

use std::collections::BTreeMap;

use posology_trial::protocol::nearest;
use quick_xml::events::BytesStart;

use crate::dataset::{DataSet, Row, Variable, VariableKind, check_names};
use crate::limits::Limits;
use crate::listing::Listing;
use crate::problem::{Problem, Unreadable, quoted};
use archive::Archive;
use cell::{Value, day_and_time, is_date_id, letters, number, place, shows_date};
use xml::{Texts, Told, attribute, each_event, is_true};

/// Cells of a sheet at most.
const MOST_CELLS: usize = 5_000_000;

/// Reads a sheet by its name; where no name is given, the only one that is not hidden.
pub(crate) fn read_sheet(
    file: &str,
    bytes: Vec<u8>,
    sheet: Option<&str>,
    header_row: u32,
    limits: Limits,
) -> Result<Listing, Problem> {
    let mut workbook = Workbook::open(file, bytes, limits)?;
    let names: Vec<String> = workbook.sheets.iter().map(|sheet| sheet.name.clone()).collect();
    let refuse =
        |expected: &str, found: String, mend: String| Err(Problem::in_file(file, expected, found, mend));
    let place = match sheet {
        Some(name) => match names.iter().position(|known| known == name) {
            Some(place) => place,
            None => {
                let mend = match nearest(name, &names) {
                    Some(near) => format!("write sheet = {near:?}, if that was meant"),
                    None => format!("write one of {}", names.join(", ")),
                };
                return refuse("a sheet of the workbook", quoted(name), mend);
            }
        },
        None => {
            let seen: Vec<usize> = workbook.visible().collect();
            let [only] = seen.as_slice() else {
                let found = format!("{} sheets", seen.len());
                return refuse(
                    "one sheet, or the name of one",
                    found,
                    format!("say which: sheet, one of {}", names.join(", ")),
                );
            };
            *only
        }
    };
    workbook.listing(place, header_row)
}

/// The sheets of a workbook as data sets: names of variables in the first row, hidden sheets passed over.
pub(crate) struct Sheets {
    workbook: Workbook,
    /// Places of the sheets to come, the next one last.
    left: Vec<usize>,
    listing: Listing,
    next: usize,
}

impl Sheets {
    pub(crate) fn open(file: &str, bytes: Vec<u8>, limits: Limits) -> Result<Self, Problem> {
        let workbook = Workbook::open(file, bytes, limits)?;
        let mut left: Vec<usize> = workbook.visible().collect();
        left.reverse();
        let nothing = DataSet { name: String::new(), label: None, variables: Vec::new() };
        let mut sheets = Self { workbook, left, listing: Listing::new(file, nothing), next: 0 };
        if sheets.next_sheet()? {
            return Ok(sheets);
        }
        Err(Problem::in_file(file, "a sheet that is shown", "none", "show the sheet with the data"))
    }

    /// Goes on to the next sheet; `false` where there is none.
    pub(crate) fn next_sheet(&mut self) -> Result<bool, Problem> {
        let Some(sheet) = self.left.pop() else { return Ok(false) };
        let listing = self.workbook.listing(sheet, 1)?;
        check_names(&listing.file, &listing.data_set.variables)?;
        (self.listing, self.next) = (listing, 0);
        Ok(true)
    }

    pub(crate) fn data_set(&self) -> &DataSet {
        &self.listing.data_set
    }

    pub(crate) fn next_row(&mut self, row: &mut Row) -> Result<bool, Unreadable> {
        let Some(read) = self.listing.rows.get(self.next) else { return Ok(false) };
        self.next += 1;
        row.clone_from(read.as_ref().map_err(|problem| Unreadable::Row(problem.clone()))?);
        Ok(true)
    }

    pub(crate) fn take_warnings(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.listing.warnings)
    }
}

/// An open workbook.
struct Workbook {
    file: String,
    archive: Archive,
    sheets: Vec<Sheet>,
    from_1904: bool,
    strings: Vec<String>,
    /// Whether a style shows a date or time, in the order of styles.
    dates: Vec<bool>,
}

struct Sheet {
    name: String,
    part: String,
    hidden: bool,
}

impl Workbook {
    /// Opens a workbook and reads what its sheets share.
    fn open(file: &str, bytes: Vec<u8>, limits: Limits) -> Result<Self, Problem> {
        let archive = Archive::open(file, bytes, limits)?;
        let mut workbook = Self {
            file: file.to_owned(),
            archive,
            sheets: Vec::new(),
            from_1904: false,
            strings: Vec::new(),
            dates: Vec::new(),
        };
        workbook.read_sheets()?;
        workbook.read_strings()?;
        workbook.read_styles()?;
        Ok(workbook)
    }

    /// Places of the sheets that are not hidden.
    fn visible(&self) -> impl Iterator<Item = usize> {
        self.sheets.iter().enumerate().filter(|(_, sheet)| !sheet.hidden).map(|(place, _)| place)
    }

    fn part(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.archive.part(name)
    }

    fn read_sheets(&mut self) -> Result<(), Problem> {
        let Some(book) = self.part("xl/workbook.xml")? else {
            let mend = "save it as .xlsx, or give the file the ending of its format";
            return Err(Problem::in_file(
                &self.file,
                "an Excel workbook (.xlsx)",
                "a ZIP file of another kind",
                mend,
            ));
        };
        let mut targets: BTreeMap<String, String> = BTreeMap::new();
        if let Some(relations) = self.part("xl/_rels/workbook.xml.rels")? {
            each_event(&self.file, &relations, |event| {
                if let Told::Start(element) | Told::Empty(element) = event
                    && element.local_name().as_ref() == "Relationship"
                    && let (Some(id), Some(target)) = (attribute(element, "Id"), attribute(element, "Target"))
                {
                    let part = match target.strip_prefix('/') {
                        Some(absolute) => absolute.to_owned(),
                        None => format!("xl/{target}"),
                    };
                    targets.insert(id, part);
                }
                Ok(())
            })?;
        }
        let (mut sheets, mut from_1904) = (Vec::new(), false);
        each_event(&self.file, &book, |event| {
            let (Told::Start(element) | Told::Empty(element)) = event else { return Ok(()) };
            match element.local_name().as_ref() {
                "workbookPr" => from_1904 = is_true(attribute(element, "date1904")),
                "sheet" => {
                    let part = attribute(element, "id").and_then(|id| targets.get(&id).cloned());
                    if let (Some(name), Some(part)) = (attribute(element, "name"), part) {
                        let hidden = attribute(element, "state").is_some_and(|state| state != "visible");
                        sheets.push(Sheet { name, part, hidden });
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        (self.sheets, self.from_1904) = (sheets, from_1904);
        Ok(())
    }

    fn read_strings(&mut self) -> Result<(), Problem> {
        let Some(part) = self.part("xl/sharedStrings.xml")? else { return Ok(()) };
        let mut strings = Vec::new();
        let mut text = Texts::default();
        each_event(&self.file, &part, |event| {
            text.hear(&event);
            if let Told::End("si") = event {
                strings.push(text.take());
            } else if let Told::Empty(element) = event
                && element.local_name().as_ref() == "si"
            {
                strings.push(String::new());
            }
            Ok(())
        })?;
        self.strings = strings;
        Ok(())
    }

    fn read_styles(&mut self) -> Result<(), Problem> {
        let Some(part) = self.part("xl/styles.xml")? else { return Ok(()) };
        let mut own: BTreeMap<u32, bool> = BTreeMap::new();
        let (mut dates, mut in_cell_styles) = (Vec::new(), false);
        each_event(&self.file, &part, |event| {
            match event {
                Told::End("cellXfs") => in_cell_styles = false,
                Told::Start(element) | Told::Empty(element) => {
                    let id = attribute(element, "numFmtId").and_then(|id| id.parse().ok());
                    match element.local_name().as_ref() {
                        "cellXfs" => in_cell_styles = true,
                        "numFmt" => {
                            if let (Some(id), Some(format)) = (id, attribute(element, "formatCode")) {
                                own.insert(id, shows_date(&format));
                            }
                        }
                        "xf" if in_cell_styles => {
                            let id = id.unwrap_or(0);
                            dates.push(own.get(&id).copied().unwrap_or_else(|| is_date_id(id)));
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        self.dates = dates;
        Ok(())
    }

    /// A sheet as a table; rows without any value are passed over.
    fn listing(&mut self, sheet: usize, header_row: u32) -> Result<Listing, Problem> {
        let Some((name, part, hidden)) =
            self.sheets.get(sheet).map(|sheet| (sheet.name.clone(), sheet.part.clone(), sheet.hidden))
        else {
            return Err(Problem::in_file(&self.file, "a sheet", "none", "save the workbook again as .xlsx"));
        };
        let Some(text) = self.part(&part)? else {
            let mend = "fetch it again from its source";
            return Err(Problem::in_file(
                &self.file,
                "an undamaged workbook",
                format!("no part {part}"),
                mend,
            ));
        };
        let seen = self.cells_of(&text)?;
        let mut listing = table(&self.file, &name, header_row, &seen)?;
        let mut warn = |expected: &str, found: String, mend: &str| {
            listing.warnings.push(Problem::in_file(&self.file, expected, found, mend));
        };
        if hidden {
            warn(
                "a sheet that is shown",
                format!("{} hidden", quoted(&name)),
                "read all the same; show it or leave it out",
            );
        }
        let told = |rows: &[u32]| {
            rows.iter().take(10).map(|row| (row + 1).to_string()).collect::<Vec<_>>().join(", ")
        };
        let data = |row: &u32| {
            *row + 1 > header_row && seen.cells.range((*row, 0)..=(*row, u32::MAX)).next().is_some()
        };
        let rows: Vec<u32> = seen.hidden_rows.iter().copied().filter(data).collect();
        if !rows.is_empty() {
            let found = format!("{} hidden or filtered away: {}", rows.len(), told(&rows));
            warn("rows that are shown", found, "read all the same; show them, or leave them out by where");
        }
        if !seen.hidden_columns.is_empty() {
            let columns: Vec<String> =
                seen.hidden_columns.iter().take(10).map(|column| letters(*column)).collect();
            let found = format!("hidden: {}", columns.join(", "));
            warn("columns that are shown", found, "read all the same; show them, or do not name them");
        }
        for merged in &seen.merged {
            let last = merged.split(':').next_back().and_then(place);
            if last.is_some_and(|(_, row)| row + 1 >= header_row) {
                let mend = "only the first has the value; part them and fill each, or leave the rows out";
                warn("cells of their own", format!("{merged} merged"), mend);
            }
        }
        Ok(listing)
    }

    fn cells_of(&self, text: &str) -> Result<Seen, Problem> {
        let mut seen = Seen::default();
        let mut at = (0_u32, 0_u32);
        let mut next_row = 0_u32;
        let mut open: Option<OpenCell> = None;
        let mut texts = Texts::default();
        let (mut in_value, mut in_data) = (false, false);
        each_event(&self.file, text, |event| {
            match event {
                Told::Start(element) | Told::Empty(element) => {
                    let is_empty = matches!(event, Told::Empty(_));
                    match element.local_name().as_ref() {
                        "sheetData" => in_data = true,
                        "row" if in_data => {
                            let number = attribute(element, "r").and_then(|row| row.parse::<u32>().ok());
                            let row = number.map_or(next_row, |row| row.saturating_sub(1)).min(1_048_575);
                            (at, next_row) = ((row, 0), row + 1);
                            if is_true(attribute(element, "hidden")) {
                                seen.hidden_rows.push(row);
                            }
                        }
                        "c" if in_data => {
                            if let Some(reference) = attribute(element, "r") {
                                let Some((column, row)) = place(&reference) else {
                                    let found = quoted(&reference);
                                    return Err(["a cell within the sheet".to_owned(), found]);
                                };
                                at = (row, column);
                            }
                            open = (!is_empty).then(|| OpenCell::of(element));
                            if is_empty {
                                at.1 += 1;
                            }
                        }
                        "f" => {
                            if let Some(open) = &mut open {
                                open.formula = true;
                            }
                        }
                        "v" if !is_empty => in_value = true,
                        "col" if is_true(attribute(element, "hidden")) => {
                            let bound =
                                |name| attribute(element, name).and_then(|bound| bound.parse::<u32>().ok());
                            if let (Some(first), Some(last)) = (bound("min"), bound("max")) {
                                seen.hidden_columns.extend(
                                    (first..=last.min(16_384)).filter(|n| *n > 0).map(|n| n - 1).take(100),
                                );
                            }
                        }
                        "mergeCell" if seen.merged.len() < 100 => {
                            seen.merged.extend(attribute(element, "ref"))
                        }
                        _ => {}
                    }
                }
                Told::Text(piece) if in_value => {
                    if let Some(open) = &mut open {
                        open.value.push_str(piece);
                    }
                }
                Told::End("v") => in_value = false,
                Told::End("sheetData") => in_data = false,
                Told::End("c") if in_data => {
                    if let Some(cell) = open.take() {
                        let inline = texts.take();
                        if let Some(value) = self.value_of(cell, inline) {
                            seen.cells.insert(at, value);
                        }
                        if seen.cells.len() > MOST_CELLS {
                            return Err([
                                format!("a sheet of at most {MOST_CELLS} cells"),
                                "a larger one".to_owned(),
                            ]);
                        }
                    }
                    at.1 = at.1.saturating_add(1);
                }
                _ => {}
            }
            texts.hear(&event);
            Ok(())
        })?;
        Ok(seen)
    }

    fn value_of(&self, cell: OpenCell, inline: String) -> Option<Value> {
        let is_text = |text: String| (!text.trim().is_empty()).then_some(Value::Text(text));
        let OpenCell { kind, style, formula, value } = cell;
        if kind == "inlineStr" {
            return is_text(inline);
        }
        if value.is_empty() {
            let found = "a formula that was never computed".to_owned();
            let mend = "open the workbook in a spreadsheet program and save it";
            return (formula && kind != "str").then_some(Value::Fault(found, mend));
        }
        match kind.as_str() {
            "s" => match value.parse::<usize>().ok().and_then(|place| self.strings.get(place)) {
                Some(text) => is_text(text.clone()),
                None => Some(Value::Fault(
                    "a text that is not there".to_owned(),
                    "save the workbook again as .xlsx",
                )),
            },
            "str" => is_text(value),
            "b" => is_text(if is_true(Some(value)) { "TRUE" } else { "FALSE" }.to_owned()),
            "e" => {
                Some(Value::Fault(value, "mend the formula, or empty the cell: an error is no missing value"))
            }
            "d" => is_text(value.trim_end_matches("T00:00:00").to_owned()),
            _ if self.dates.get(style).copied().unwrap_or(false) => {
                Some(day_and_time(&value, self.from_1904))
            }
            _ => Some(number(&value)),
        }
    }
}

/// What a sheet holds.
#[derive(Default)]
struct Seen {
    /// Values by row and column, from 0.
    cells: BTreeMap<(u32, u32), Value>,
    hidden_rows: Vec<u32>,
    hidden_columns: Vec<u32>,
    merged: Vec<String>,
}

/// A cell whose end has not come.
struct OpenCell {
    kind: String,
    style: usize,
    formula: bool,
    value: String,
}

impl OpenCell {
    fn of(element: &BytesStart<'_>) -> Self {
        Self {
            kind: attribute(element, "t").unwrap_or_default(),
            style: attribute(element, "s").and_then(|style| style.parse().ok()).unwrap_or(0),
            formula: false,
            value: String::new(),
        }
    }
}

fn table(file: &str, sheet: &str, header_row: u32, seen: &Seen) -> Result<Listing, Problem> {
    let header = header_row.saturating_sub(1);
    let last = seen.cells.range((header, 0)..).map(|((_, column), _)| *column).max();
    let named = seen.cells.range((header, 0)..=(header, u32::MAX)).next().is_some();
    let (Some(last), true) = (last, named) else {
        return Err(Problem::in_file(
            file,
            format!("names of columns in row {header_row} of sheet {}", quoted(sheet)),
            "an empty row",
            "say where they stand: header-row",
        ));
    };
    let name = |column: u32| match seen.cells.get(&(header, column)) {
        Some(Value::Text(text)) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Some(Value::Number(text)) => text.clone(),
        // A column without a name has its letters, which no name of a variable in brackets is.
        None | Some(Value::Fault(..)) => format!("({})", letters(column)),
    };
    let variables: Vec<Variable> = (0..=last)
        .map(|column| Variable {
            name: name(column),
            label: None,
            kind: VariableKind::Text,
            length: None,
            format: None,
        })
        .collect();
    let data_set = DataSet { name: sheet.to_owned(), label: None, variables };
    let mut listing = Listing::new(file, data_set);
    let mut rows: Vec<u32> = seen.cells.range((header + 1, 0)..).map(|((row, _), _)| *row).collect();
    rows.dedup();
    let mut row = Row::default();
    for (sheet_row, number) in rows.into_iter().zip(1..) {
        row.clear(number, Some(u64::from(sheet_row) + 1));
        let mut fault = None;
        for column in 0..=last {
            match seen.cells.get(&(sheet_row, column)) {
                None => row.push_missing(None),
                Some(Value::Text(text)) => row.push_text(text),
                Some(Value::Number(text)) => row.push_number(text),
                Some(Value::Fault(found, mend)) => {
                    row.push_missing(None);
                    let problem = Problem::in_file(file, "a value", found.clone(), *mend);
                    fault.get_or_insert(problem.at_row(number, row.line()).in_column(name(column)));
                }
            }
        }
        listing.push(fault.map_or_else(|| Ok(row.clone()), Err))?;
    }
    Ok(listing)
}
