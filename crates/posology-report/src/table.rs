//! A table of a packet as values: what a reader sees and, behind each cell, the numbers it was made of.
//!
//! Start at [`Table`]; fill it with [`Cell`]s, whose text is computed here and nowhere else ([`Cell::count_percent`],
//! [`Cell::rate`], [`Cell::mean_sd`] and so on), so that one number reads alike in every table. [`Table::results`] gives
//! the analysis results data: one row a number. Left out: how a table looks (`html`, `pdf`) and which patients it
//! counts (the caller decides and says so in [`Table::population`] and [`Table::because`]).
//!
//! Conventions: 0 prints as `0`; a percentage stands beside its count, and is marked when its denominator is below
//! [`SMALL_DENOMINATOR`]; numbers are rounded for print only, halves away from zero on the exact decimal.

use posology_clinic::Because;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};

/// Percentages whose denominator is below this number are printed and marked with [`SMALL_MARK`].
pub const SMALL_DENOMINATOR: u32 = 5;

/// The mark of a percentage of fewer than [`SMALL_DENOMINATOR`] patients.
pub const SMALL_MARK: &str = "†";

/// What a cell shows where there is nothing to show; never a zero.
pub const NOTHING: &str = "–";

/// One table or listing.
///
/// ```
/// use posology_report::table::{Align, Cell, Column, Row, Table};
/// let mut table = Table::new("E03", "Evaluability", "Treated patients");
/// table.columns.push(Column::new("DL6 37.5 mCi/m2 in 2").n(4));
/// table.rows.push(Row::new("Treated", [Cell::count(4)]));
/// table.rows.push(Row::new("DLT", [Cell::count_percent(1, 4)]).indent(1));
/// assert_eq!(table.rows[1].cells[0].text, "1 (25.0%†)");
/// assert_eq!(table.footnotes().len(), 1);
/// assert_eq!(table.results()[2].row, "Treated / DLT");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Number of the output, such as `E01` or `AET02`; unique in a document.
    pub id: String,
    /// What the table shows.
    pub title: String,
    /// Who is counted, in words; printed under the title and carried by each analysis result.
    pub population: String,
    /// Heading of the row labels, such as `Subject`; empty where the labels explain themselves.
    pub stub: String,
    /// The columns beside the row labels, in order.
    pub columns: Vec<Column>,
    /// Headings over neighbouring columns, from the left; columns beyond the last group have none.
    pub groups: Vec<Group>,
    /// The rows in order.
    pub rows: Vec<Row>,
    /// Footnotes in the order printed; [`Table::footnotes`] adds those the cells call for.
    pub notes: Vec<String>,
    /// The rules that filled the table: printed as its programming note, and carried by each analysis result.
    pub because: Vec<Because>,
}

/// A column: a level, all patients, or a variable of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column {
    /// Heading, such as `DL1 12.5 mCi/m2 x1`.
    pub label: String,
    /// Patients in the column, printed as `(N=4)` under the label; none in a listing.
    pub n: Option<u32>,
    /// Where the cells stand.
    pub align: Align,
    /// Whether the column is set apart, as that of the level under review.
    pub is_marked: bool,
}

/// Where text stands in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// Words.
    Left,
    /// Marks and short codes.
    Center,
    /// Numbers.
    #[default]
    Right,
}

/// A heading over neighbouring columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The heading; empty for columns without one.
    pub label: String,
    /// How many columns it covers.
    pub span: usize,
}

/// A row: its label and a cell a column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// What the row counts or describes.
    pub label: String,
    /// Depth under the nearest row above with a smaller indent.
    pub indent: u8,
    /// One cell a column; missing ones at the end are printed empty.
    pub cells: Vec<Cell>,
    /// How the row is set.
    pub kind: RowKind,
}

/// How a row is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// Opens a block; its label may span the table.
    Heading,
    /// An ordinary row.
    #[default]
    Normal,
    /// A sum or a conclusion, set apart by a rule.
    Total,
}

/// What a reader sees in one place of the table, and the numbers behind it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// The text as printed; a line feed starts a new line.
    pub text: String,
    /// The numbers in the text at full precision, in the order printed; empty for plain words.
    pub numbers: Vec<Number>,
    /// Whether the cell asks for attention.
    pub emphasis: Emphasis,
}

/// How strongly a cell asks for attention; shown by weight and a mark, never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Emphasis {
    /// Nothing to see.
    #[default]
    None,
    /// Worth a look.
    Flag,
    /// Must not be overlooked.
    Alert,
}

/// One number of a cell: an analysis result without its place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Number {
    /// What it is, in words fit for a key: `count`, `percent`, `mean`, `sd`, `median`, `min`, `max`, `lower`, `upper`.
    pub statistic: String,
    /// The value, unrounded.
    pub value: Value,
    /// Unit of the value, such as `mCi/m2`; none for counts.
    pub unit: Option<String>,
    /// Patients or observations counted.
    pub n: Option<u32>,
    /// Out of how many.
    pub denominator: Option<u32>,
    /// Population, where it is not that of the table.
    pub population: Option<String>,
    /// Method, such as `Clopper-Pearson`, and the confidence level of an interval.
    pub method: Option<String>,
    /// What is counted, where the row's label does not define it: the definition of a rate.
    pub definition: Option<String>,
}

/// The value of a number; serialized as a JSON number, string or null.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// A count.
    Count(u64),
    /// A measured or computed decimal.
    Decimal(Decimal),
    /// A probability or another real number that is no decimal.
    Real(f64),
    /// A category or a date.
    Text(String),
    /// Not known.
    #[default]
    Missing,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Decimal(decimal) => match decimal.to_f64() {
                Some(real) => serializer.serialize_f64(real),
                None => serializer.serialize_none(),
            },
            Self::Real(real) if real.is_finite() => serializer.serialize_f64(*real),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Real(_) | Self::Missing => serializer.serialize_none(),
        }
    }
}

/// An interval for a probability or a rate, with the method that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Lower bound, 0 to 1.
    pub lower: f64,
    /// Upper bound, 0 to 1.
    pub upper: f64,
    /// Confidence or credibility, 0 to 1, such as 0.95.
    pub level: f64,
    /// Name of the method, such as `Clopper-Pearson`.
    pub method: String,
}

impl Interval {
    fn percent_text(&self) -> String {
        format!("({}, {})", percent_of(self.lower), percent_of(self.upper))
    }

    fn numbers(&self) -> Vec<Number> {
        let method = format!("{}, {}% interval", self.method, trimmed(self.level * 100.0));
        [("lower", self.lower), ("upper", self.upper)]
            .into_iter()
            .map(|(statistic, bound)| Number {
                statistic: statistic.to_owned(),
                value: Value::Real(bound),
                method: Some(method.clone()),
                ..Number::default()
            })
            .collect()
    }
}

/// One row of the analysis results data: a number with all that is needed to read it alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnalysisResult<'a> {
    /// Number of the output.
    pub output: &'a str,
    /// Labels of the row and of those it is indented under, outermost first, joined by ` / `.
    pub row: String,
    /// Label of the column, under its group where it has one.
    pub column: String,
    /// What the number is.
    pub statistic: &'a str,
    /// The number at full precision.
    pub value: &'a Value,
    /// Its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'a str>,
    /// Patients or observations counted.
    pub n: Option<u32>,
    /// Out of how many.
    #[serde(rename = "N")]
    pub denominator: Option<u32>,
    /// Who is counted.
    pub population: &'a str,
    /// How it was computed, where that is a choice.
    pub method: Option<&'a str>,
    /// What is counted, where the row's label does not define it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<&'a str>,
    /// The rules behind the table.
    pub because: &'a [Because],
}

impl Table {
    /// An empty table with its number, title and population.
    pub fn new(id: impl Into<String>, title: impl Into<String>, population: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), population: population.into(), ..Self::default() }
    }

    /// All footnotes as printed: those given, then those that the cells call for, then what an empty table must say.
    pub fn footnotes(&self) -> Vec<String> {
        let mut footnotes = self.notes.clone();
        let marked = self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.text.contains(SMALL_MARK));
        if marked {
            footnotes.push(format!(
                "{SMALL_MARK} Fewer than {SMALL_DENOMINATOR} in the denominator: read the counts, not the percentage."
            ));
        }
        footnotes
    }

    /// The programming note: the rules in words, with their ids and sources; the text that the data carry as `because`.
    pub fn programming_note(&self) -> String {
        let sentence = |because: &Because| {
            let says = because.says.trim_end_matches('.');
            let place = if because.source.is_empty() {
                because.rule.clone()
            } else {
                format!("{}; {}", because.rule, because.source)
            };
            format!("{says} [{place}].")
        };
        self.because.iter().map(sentence).collect::<Vec<_>>().join(" ")
    }

    /// How many columns the table needs beside the row labels; at least as many as its longest row has cells.
    pub fn width(&self) -> usize {
        let longest = self.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        self.columns.len().max(longest)
    }

    /// The analysis results data: one row for each number, in reading order.
    pub fn results(&self) -> Vec<AnalysisResult<'_>> {
        let mut results = Vec::new();
        let mut path: Vec<(u8, &str)> = Vec::new();
        for row in &self.rows {
            path.retain(|(indent, _)| *indent < row.indent);
            path.push((row.indent, &row.label));
            let labels = path.iter().map(|(_, label)| *label).filter(|label| !label.is_empty());
            let place = labels.collect::<Vec<_>>().join(" / ");
            for (position, cell) in row.cells.iter().enumerate() {
                for number in &cell.numbers {
                    results.push(AnalysisResult {
                        output: &self.id,
                        row: place.clone(),
                        column: self.column_name(position),
                        statistic: &number.statistic,
                        value: &number.value,
                        unit: number.unit.as_deref(),
                        n: number.n,
                        denominator: number.denominator,
                        population: number.population.as_deref().unwrap_or(&self.population),
                        method: number.method.as_deref(),
                        definition: number.definition.as_deref(),
                        because: &self.because,
                    });
                }
            }
        }
        results
    }

    fn column_name(&self, position: usize) -> String {
        let label = self.columns.get(position).map_or("", |column| column.label.as_str());
        let mut end = 0;
        let group = self.groups.iter().find(|group| {
            end += group.span;
            position < end
        });
        match group {
            Some(group) if !group.label.is_empty() => format!("{} / {label}", group.label),
            _ => label.to_owned(),
        }
    }
}

impl Column {
    /// A column of numbers.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A column of words.
    pub fn words(label: impl Into<String>) -> Self {
        Self { label: label.into(), align: Align::Left, ..Self::default() }
    }

    /// States how many patients the column holds.
    #[must_use]
    pub fn n(mut self, patients: u32) -> Self {
        self.n = Some(patients);
        self
    }
}

impl Row {
    /// An ordinary row.
    pub fn new(label: impl Into<String>, cells: impl IntoIterator<Item = Cell>) -> Self {
        Self { label: label.into(), cells: cells.into_iter().collect(), ..Self::default() }
    }

    /// A row that opens a block.
    pub fn heading(label: impl Into<String>) -> Self {
        Self { label: label.into(), kind: RowKind::Heading, ..Self::default() }
    }

    /// Places the row under the nearest one above with a smaller indent.
    #[must_use]
    pub fn indent(mut self, depth: u8) -> Self {
        self.indent = depth;
        self
    }

    /// Sets the row apart as a heading or a total.
    #[must_use]
    pub fn kind(mut self, kind: RowKind) -> Self {
        self.kind = kind;
        self
    }
}

impl Cell {
    /// Words, without a number behind them.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Nothing to show: neither a number nor a zero.
    pub fn nothing() -> Self {
        Self::text(NOTHING)
    }

    /// A category or date that is also a result.
    pub fn value(statistic: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let value = Value::Text(text.clone());
        Self {
            text,
            numbers: vec![Number { statistic: statistic.into(), value, ..Number::default() }],
            ..Self::default()
        }
    }

    /// A number of patients or events.
    pub fn count(n: u32) -> Self {
        Self { text: n.to_string(), numbers: vec![counted("count", n, None)], ..Self::default() }
    }

    /// `n (xx.x%)` of the denominator that the column or the row names; `0` for none.
    ///
    /// A count above its denominator is a mistake of the caller: it is printed as `n/m` without a percentage, as an alert.
    pub fn count_percent(n: u32, denominator: u32) -> Self {
        let text = match percent(n, denominator) {
            _ if n == 0 => "0".to_owned(),
            Some(percent) => format!("{n} ({percent})"),
            None => format!("{n}/{denominator}"),
        };
        Self::share(text, n, denominator)
    }

    /// `n/m (xx.x%)`, for a row with a denominator of its own; `0/m` for none and `0/0` where nobody could be counted.
    pub fn ratio(n: u32, denominator: u32) -> Self {
        Self::share(ratio_text(n, denominator), n, denominator)
    }

    /// `n/m (xx.x%)` and, on a line of its own, the interval in percent; `0/0` alone where nobody could be counted.
    pub fn rate(n: u32, denominator: u32, interval: Option<&Interval>) -> Self {
        let mut cell = Self::ratio(n, denominator);
        if let (Some(interval), true) = (interval, denominator > 0) {
            let level = trimmed(interval.level * 100.0);
            cell.text = format!("{}\n{level}% CI {}", cell.text, interval.percent_text());
            cell.numbers.extend(interval.numbers().into_iter().map(|bound| Number {
                n: Some(n),
                denominator: Some(denominator),
                ..bound
            }));
        }
        cell
    }

    /// The bounds of an interval in percent, `(xx.x, xx.x)`, where the rate stands in another column.
    pub fn interval(interval: &Interval) -> Self {
        Self { text: interval.percent_text(), numbers: interval.numbers(), ..Self::default() }
    }

    /// A probability between 0 and 1 with three decimals; [`NOTHING`] if it is not finite.
    pub fn probability(statistic: impl Into<String>, probability: f64) -> Self {
        let text = Decimal::from_f64_retain(probability)
            .map_or_else(|| NOTHING.to_owned(), |exact| rounded(exact, 3));
        let value = Value::Real(probability);
        Self {
            text,
            numbers: vec![Number { statistic: statistic.into(), value, ..Number::default() }],
            ..Self::default()
        }
    }

    /// A measured value with its decimals; the unit belongs into the label of row or column.
    pub fn decimal(statistic: impl Into<String>, value: Decimal, decimals: u32, unit: &str) -> Self {
        let number = measured(statistic.into(), value, unit, 1);
        Self { text: rounded(value, decimals), numbers: vec![number], ..Self::default() }
    }

    /// `mean (SD)` of values collected with `decimals`: one more for the mean, two more for the standard deviation
    /// (denominator n - 1). One value has no standard deviation; no value gives [`NOTHING`].
    pub fn mean_sd(values: &[Decimal], decimals: u32, unit: &str) -> Self {
        let n = size(values);
        let Some(mean) = mean(values) else { return Self::nothing() };
        let mut numbers = vec![measured("mean".to_owned(), mean, unit, n)];
        let mut text = rounded(mean, decimals + 1);
        match standard_deviation(values, mean) {
            Some(deviation) => {
                text.push_str(&format!(" ({})", rounded(deviation, decimals + 2)));
                numbers.push(measured("sd".to_owned(), deviation, unit, n));
            }
            None => text.push_str(&format!(" ({NOTHING})")),
        }
        Self { text, numbers, ..Self::default() }
    }

    /// The median of values collected with `decimals`, with one more; the mean of the middle two for an even number.
    pub fn median(values: &[Decimal], decimals: u32, unit: &str) -> Self {
        let Some(median) = median(values) else { return Self::nothing() };
        let numbers = vec![measured("median".to_owned(), median, unit, size(values))];
        Self { text: rounded(median, decimals + 1), numbers, ..Self::default() }
    }

    /// `min – max` of values collected with `decimals`.
    pub fn range(values: &[Decimal], decimals: u32, unit: &str) -> Self {
        let (Some(low), Some(high)) = (values.iter().min(), values.iter().max()) else {
            return Self::nothing();
        };
        let n = size(values);
        Self {
            text: format!("{} – {}", rounded(*low, decimals), rounded(*high, decimals)),
            numbers: vec![
                measured("min".to_owned(), *low, unit, n),
                measured("max".to_owned(), *high, unit, n),
            ],
            ..Self::default()
        }
    }

    /// `median (min – max)` in one cell, for narrow tables.
    pub fn median_range(values: &[Decimal], decimals: u32, unit: &str) -> Self {
        let mut cell = Self::median(values, decimals, unit);
        let range = Self::range(values, decimals, unit);
        if !range.numbers.is_empty() {
            cell.text = format!("{} ({})", cell.text, range.text);
            cell.numbers.extend(range.numbers);
        }
        cell
    }

    /// Marks the cell as worth a look.
    #[must_use]
    pub fn flag(mut self) -> Self {
        self.emphasis = Emphasis::Flag;
        self
    }

    /// Marks the cell as not to be overlooked.
    #[must_use]
    pub fn alert(mut self) -> Self {
        self.emphasis = Emphasis::Alert;
        self
    }

    /// Names a population for the cell's numbers that is not the table's.
    #[must_use]
    pub fn population(mut self, population: &str) -> Self {
        for number in &mut self.numbers {
            number.population = Some(population.to_owned());
        }
        self
    }

    /// States what the cell's numbers count, where the row's label does not define it.
    #[must_use]
    pub fn definition(mut self, definition: &str) -> Self {
        for number in &mut self.numbers {
            number.definition = Some(definition.to_owned());
        }
        self
    }

    /// Names the method of the cell's numbers that have none yet.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        for number in &mut self.numbers {
            number.method.get_or_insert_with(|| method.to_owned());
        }
        self
    }

    fn share(text: String, n: u32, denominator: u32) -> Self {
        let mut numbers = vec![counted("count", n, Some(denominator))];
        if let (Some(share), true) = (
            Decimal::from(n)
                .checked_mul(Decimal::ONE_HUNDRED)
                .and_then(|part| part.checked_div(denominator.into())),
            n <= denominator,
        ) {
            let value = Value::Decimal(share);
            numbers.push(Number {
                value,
                unit: Some("%".to_owned()),
                ..counted("percent", n, Some(denominator))
            });
        }
        let emphasis = if n > denominator { Emphasis::Alert } else { Emphasis::None };
        Self { text, numbers, emphasis }
    }
}

/// The decimal as printed: `decimals` places, halves away from zero.
///
/// ```
/// use posology_report::table::rounded;
/// assert_eq!(rounded("2.5".parse()?, 0), "3");
/// assert_eq!(rounded("-0.125".parse()?, 2), "-0.13");
/// assert_eq!(rounded("-0.04".parse()?, 1), "0.0");
/// # Ok::<(), rust_decimal::Error>(())
/// ```
pub fn rounded(value: Decimal, decimals: u32) -> String {
    let mut short = value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    if short.is_zero() {
        short.set_sign_positive(true);
    }
    format!("{short:.places$}", places = usize::try_from(decimals).unwrap_or(0))
}

fn ratio_text(n: u32, denominator: u32) -> String {
    match percent(n, denominator) {
        Some(percent) if n > 0 => format!("{n}/{denominator} ({percent})"),
        _ => format!("{n}/{denominator}"),
    }
}

/// `xx.x%` with its mark; none where the share does not exist.
fn percent(n: u32, denominator: u32) -> Option<String> {
    if denominator == 0 || n > denominator {
        return None;
    }
    let (n, whole) = (u64::from(n), u64::from(denominator));
    let tenths = (2000 * n + whole) / (2 * whole);
    let mark = if denominator < SMALL_DENOMINATOR { SMALL_MARK } else { "" };
    Some(format!("{}.{}%{mark}", tenths / 10, tenths % 10))
}

fn percent_of(probability: f64) -> String {
    Decimal::from_f64_retain(probability * 100.0)
        .map_or_else(|| NOTHING.to_owned(), |exact| rounded(exact, 1))
}

/// A confidence level in percent without needless zeros: 95, 97.5.
fn trimmed(percent: f64) -> String {
    let places = Decimal::from_f64_retain(percent).map(|exact| exact.round_dp(3).normalize());
    places.map_or_else(|| NOTHING.to_owned(), |short| short.to_string())
}

fn counted(statistic: &str, n: u32, denominator: Option<u32>) -> Number {
    let value = Value::Count(n.into());
    Number { statistic: statistic.to_owned(), value, n: Some(n), denominator, ..Number::default() }
}

fn measured(statistic: String, value: Decimal, unit: &str, n: u32) -> Number {
    let unit = (!unit.is_empty()).then(|| unit.to_owned());
    Number { statistic, value: Value::Decimal(value), unit, n: Some(n), ..Number::default() }
}

fn size(values: &[Decimal]) -> u32 {
    u32::try_from(values.len()).unwrap_or(u32::MAX)
}

fn mean(values: &[Decimal]) -> Option<Decimal> {
    let sum = values.iter().try_fold(Decimal::ZERO, |sum, value| sum.checked_add(*value))?;
    sum.checked_div(size(values).into())
}

fn median(values: &[Decimal]) -> Option<Decimal> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    sorted.get(middle - 1)?.checked_add(upper)?.checked_div(Decimal::TWO)
}

fn standard_deviation(values: &[Decimal], mean: Decimal) -> Option<Decimal> {
    let degrees = size(values).checked_sub(1).filter(|degrees| *degrees > 0)?;
    let squares = values.iter().try_fold(Decimal::ZERO, |sum, value| {
        let distance = value.checked_sub(mean)?;
        sum.checked_add(distance.checked_mul(distance)?)
    })?;
    square_root(squares.checked_div(degrees.into())?)
}

/// Newton's iteration in decimal, from a guess in floating point that is good to 15 digits.
fn square_root(square: Decimal) -> Option<Decimal> {
    if square.is_zero() {
        return Some(Decimal::ZERO);
    }
    let mut root = Decimal::from_f64_retain(square.to_f64()?.sqrt()).filter(|guess| !guess.is_zero())?;
    for _ in 0..3 {
        root = root.checked_add(square.checked_div(root)?)?.checked_div(Decimal::TWO)?;
    }
    Some(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimals(text: &str) -> Vec<Decimal> {
        text.split(' ').map(|number| number.parse().unwrap()).collect()
    }

    #[test]
    fn shares_are_rounded_halves_up_and_marked_below_five() {
        // By hand: 1/16 = 6.25%, 3/16 = 18.75%, 2/3 = 66.67%.
        assert_eq!(Cell::count_percent(1, 16).text, "1 (6.3%)");
        assert_eq!(Cell::count_percent(3, 16).text, "3 (18.8%)");
        assert_eq!(Cell::count_percent(2, 3).text, "2 (66.7%†)");
        assert_eq!(Cell::count_percent(4, 4).text, "4 (100.0%†)");
        assert_eq!(Cell::count_percent(5, 5).text, "5 (100.0%)");
        assert_eq!(Cell::ratio(1, 6).text, "1/6 (16.7%)");
    }

    #[test]
    fn nobody_is_zero_and_nobody_of_nobody_has_no_percentage() {
        assert_eq!(Cell::count(0).text, "0");
        assert_eq!(Cell::count_percent(0, 7).text, "0");
        assert_eq!(Cell::ratio(0, 7).text, "0/7");
        let none = Interval { lower: 0.0, upper: 1.0, level: 0.95, method: "Clopper-Pearson".into() };
        let empty = Cell::rate(0, 0, Some(&none));
        assert_eq!(empty.text, "0/0");
        assert_eq!(empty.numbers.len(), 1);
    }

    #[test]
    fn more_counted_than_there_are_is_shown_as_an_alert_without_a_percentage() {
        let cell = Cell::count_percent(5, 4);
        assert_eq!((cell.text.as_str(), cell.emphasis), ("5/4", Emphasis::Alert));
        assert!(cell.numbers.iter().all(|number| number.statistic == "count"));
    }

    #[test]
    fn a_rate_prints_its_exact_interval_and_its_method() {
        // Clopper-Pearson for 3 of 6; the bounds are given, only their print is at stake.
        let interval = Interval {
            lower: 0.1181172,
            upper: 0.8818828,
            level: 0.95,
            method: "Clopper-Pearson".to_owned(),
        };
        let cell = Cell::rate(3, 6, Some(&interval));
        assert_eq!(cell.text, "3/6 (50.0%)\n95% CI (11.8, 88.2)");
        assert_eq!(cell.numbers[2].method.as_deref(), Some("Clopper-Pearson, 95% interval"));
        assert_eq!(cell.numbers[2].denominator, Some(6));
    }

    #[test]
    fn mean_deviation_median_and_range_are_those_computed_by_hand() {
        // Mean 66; squares about it 25 + 4 + 16 + 64 + 121 = 230, over 4 is 57.5, root 7.5829; median 64.
        let ages = decimals("61 64 70 58 77");
        assert_eq!(Cell::mean_sd(&ages, 0, "years").text, "66.0 (7.58)");
        assert_eq!(Cell::median_range(&ages, 0, "years").text, "64.0 (58 – 77)");
        assert_eq!(Cell::median(&decimals("1.25 1.50"), 2, "").text, "1.375");
        assert_eq!(Cell::mean_sd(&decimals("4"), 0, "").text, "4.0 (–)");
        assert_eq!(Cell::mean_sd(&[], 0, "").text, "–");
        assert_eq!(Cell::mean_sd(&decimals("0.00 0.00"), 2, "").text, "0.000 (0.0000)");
    }

    #[test]
    fn each_number_becomes_one_result_that_can_be_read_alone() {
        let mut table = Table::new("E03", "Evaluability", "Treated");
        table.columns = vec![Column::new("DL1").n(6), Column::new("All").n(6)];
        table.groups = vec![Group { label: "Cohorts".to_owned(), span: 1 }];
        table.because =
            vec![Because::new("evaluable/1", "a DLT makes a patient evaluable").source("protocol 3, 5.2")];
        table.rows = vec![
            Row::new("Treated", [Cell::count(6), Cell::count(6)]),
            Row::new("Not evaluable", [Cell::count_percent(1, 6), Cell::nothing()]).indent(1),
            Row::new("withdrew", [Cell::count(1)]).indent(2),
            Row::new("Evaluable", [Cell::count(5)]),
        ];
        let results = table.results();
        let rows: Vec<_> =
            results.iter().map(|result| (result.row.as_str(), result.column.as_str())).collect();
        assert_eq!(rows[2], ("Treated / Not evaluable", "Cohorts / DL1"));
        assert_eq!(rows[4], ("Treated / Not evaluable / withdrew", "Cohorts / DL1"));
        assert_eq!(rows[5], ("Evaluable", "Cohorts / DL1"));
        let json = serde_json::to_value(&results[3]).unwrap();
        assert_eq!(json["statistic"], "percent");
        assert_eq!(json["N"], 6);
        assert!((json["value"].as_f64().unwrap() - 100.0 / 6.0).abs() < 1e-12);
        assert_eq!(json["because"][0]["rule"], "evaluable/1");
        assert_eq!(
            table.programming_note(),
            "a DLT makes a patient evaluable [evaluable/1; protocol 3, 5.2]."
        );
    }

    proptest! {
        #[test]
        fn the_printed_percentage_is_never_more_than_half_a_tenth_off(n in 0_u32..500, rest in 0_u32..500) {
            let whole = n + rest;
            let text = Cell::count_percent(n, whole).text;
            if let Some((_, share)) = text.split_once(" (") {
                let digits: String = share.chars().take_while(|c| *c != '%').collect();
                let off = digits.parse::<f64>().unwrap() - 100.0 * f64::from(n) / f64::from(whole);
                prop_assert!(off.abs() <= 0.05 + 1e-9);
            } else {
                prop_assert_eq!(n, 0);
            }
        }

        #[test]
        fn the_square_root_squares_back(cents in 1_i64..100_000_000_000) {
            let square = Decimal::new(cents, 4);
            let root = square_root(square).unwrap();
            prop_assert!((root * root - square).abs() < Decimal::new(1, 12));
        }

        #[test]
        fn no_values_make_a_summary_panic(values in prop::collection::vec(any::<i128>(), 0..6)) {
            let values: Vec<Decimal> =
                values.into_iter().filter_map(|value| Decimal::try_from_i128_with_scale(value >> 33, 0).ok()).collect();
            let _ = (Cell::mean_sd(&values, 0, ""), Cell::median_range(&values, 0, ""));
        }
    }
}
