//! One patient's page: the curve of the driving marker against its limits, and every visit with its reasons.

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::Category;
use posology_clinic::response::best::best;
use posology_clinic::response::confirm::{Confirmed, Status, confirm};
use posology_clinic::response::imwg::{
    Change, Criteria, Marker, Settings, percent_change, progression_level, response_levels,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{Judged, judged};
use crate::failure::Failure;
use crate::output;
use crate::rows::Rows;

/// Lines of the plot.
const HEIGHT: usize = 13;
/// Columns left of the plot for values, and right of it for what a line means.
const LEFT: usize = 9;
const RIGHT: usize = 11;

/// Prints the page of one subject of a table.
pub(crate) fn explain(settings: &Settings, rows: &Rows, wanted: &str, json: bool) -> Result<(), Failure> {
    let Some(judged) = judged(settings, rows, Some(wanted))?.into_iter().next() else {
        return Err(
            rows.bad(&format!("--explain: expected a subject of it, found {wanted:?}; mend: name one"))
        );
    };
    if json {
        let all = posology_clinic::response::Settings::Imwg(settings.clone());
        output::json(&[super::super::document(&all, &judged.subject)]);
    } else {
        output::text(&page(settings, &judged, width()));
    }
    Ok(())
}

/// Columns of the terminal as the shell says, else 80.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns.unwrap_or(80).clamp(60, 160)
}

fn page(settings: &Settings, judged: &Judged, width: usize) -> String {
    let criteria = settings.criteria();
    let subject = &judged.subject;
    let confirmed = confirm(&settings.confirmation, &subject.course, &subject.assessments);
    let best = best(&settings.confirmation, &subject.course, &confirmed);
    let mut page = Page { width, text: String::new() };

    let title = format!("IMWG {}", settings.edition.id().trim_start_matches("imwg-"));
    page.line(&spread(&subject.name, &title, width));
    page.line(&"═".repeat(width));
    let shown = |category: Option<Category>| category.map_or("none", Category::code);
    page.line(&format!(
        "Best response: {} confirmed{}",
        shown(best.confirmed),
        best.date
            .filter(|_| best.confirmed.is_some_and(|c| c > Category::NotEvaluable))
            .map_or_else(String::new, |date| format!(", dated {date}"))
    ));
    if best.unconfirmed != best.confirmed {
        let day = best.unconfirmed_date.map_or_else(String::new, |date| format!(" on {date}"));
        page.line(&format!("As assessed:   {}{day}, not confirmed", shown(best.unconfirmed)));
    }
    if let Some(awaiting) = best.awaiting {
        let says = format!(
            "Awaiting:      a second sample; if it agrees, {} as of {}",
            awaiting.would_become, awaiting.since
        );
        page.line(&says);
    }
    if let Some(date) = best.progression {
        page.line(&format!("Progression:   confirmed, dated {date}"));
    }

    page.heading("Baseline");
    page.reasons(&subject.basis);
    if let Some(marker) = judged.driving {
        page.curve(&criteria, judged, &confirmed, marker);
    }
    page.heading("Visits");
    page.visits(judged, &confirmed);
    page.heading("Best response");
    page.reasons(&best.reasons);
    if !judged.residual.is_empty() {
        page.heading("Minimal residual disease");
        for one in &judged.residual {
            page.item(&format!("{}: {}", one.date, one.because.says));
        }
    }
    for (title, relapses) in &judged.relapses {
        if !relapses.is_empty() {
            page.heading(title);
        }
        for because in relapses.iter().flat_map(|one| one.reasons.iter().map(move |why| (one.date, why))) {
            page.item(&format!("{}: {}", because.0, because.1.says));
        }
    }
    if !subject.warnings.is_empty() || !confirmed.findings.is_empty() {
        page.heading("Doubtful");
        page.reasons(&subject.warnings);
        page.reasons(&confirmed.findings);
    }
    page.heading("Criteria");
    page.item(settings.edition.source());
    let changed = answered_otherwise(settings);
    page.item(&if changed.is_empty() {
        "every point that the edition leaves open has its default".to_owned()
    } else {
        format!("open points answered otherwise than by default: {}", changed.join(", "))
    });
    page.text
}

/// The keys whose answer is not the default, with their answers.
fn answered_otherwise(settings: &Settings) -> Vec<String> {
    let value = |criteria: &Criteria| serde_json::to_value(criteria).unwrap_or_default();
    let (chosen, default) = (value(&settings.criteria()), value(&settings.edition.criteria()));
    let rules =
        |rules: &posology_clinic::response::confirm::Rules| serde_json::to_value(rules).unwrap_or_default();
    let reference = rules(&posology_clinic::response::confirm::Rules::REFERENCE);
    let confirmation = rules(&settings.confirmation);
    let differs = |of: &serde_json::Value, from: &serde_json::Value, prefix: &str| {
        of.as_object()
            .into_iter()
            .flatten()
            .filter(|(key, value)| from.get(key.as_str()) != Some(value))
            .map(|(key, value)| match value {
                serde_json::Value::String(word) => format!("{prefix}{key} = {word}"),
                other => format!("{prefix}{key} = {other}"),
            })
            .collect::<Vec<_>>()
    };
    let mut all = differs(&chosen, &default, "");
    all.extend(differs(&confirmation, &reference, "confirmation."));
    all
}

/// One text to the left and one to the right of a line.
fn spread(left: &str, right: &str, width: usize) -> String {
    let used = left.chars().count() + right.chars().count();
    format!("{left}{}{right}", " ".repeat(width.saturating_sub(used).max(1)))
}

struct Page {
    width: usize,
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        self.line("");
        self.line(title);
        self.line(&"─".repeat(title.chars().count()));
    }

    /// One sentence, on as many lines as it needs.
    fn item(&mut self, says: &str) {
        self.hanging("  ", says);
    }

    fn hanging(&mut self, indent: &str, says: &str) {
        let wrapped = output::wrapped(says, self.width.saturating_sub(indent.len() + 2));
        for (index, line) in wrapped.lines().enumerate() {
            let mark = if index == 0 { "· " } else { "  " };
            self.line(&format!("{indent}{mark}{line}"));
        }
    }

    fn reasons(&mut self, reasons: &[Because]) {
        for because in reasons {
            self.item(&because.says);
        }
    }

    /// A row of numbers a visit, and under it why.
    fn visits(&mut self, judged: &Judged, confirmed: &Confirmed) {
        let name = judged.driving.map_or("", Marker::name);
        let unit = judged.driving.map_or("", Marker::unit);
        if !name.is_empty() {
            self.line(&format!("{name}, {unit}; change from baseline and from the nadir before the visit"));
            self.line("");
        }
        self.line("date           value  baseline    nadir   assessed  status");
        for status in &confirmed.statuses {
            let change = change_at(judged, status.date);
            let number = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            let percent = |value: Option<Decimal>| {
                number(value.map(|value| {
                    let sign = if value.is_sign_positive() && !value.is_zero() { "+" } else { "" };
                    format!("{sign}{value}%")
                }))
            };
            let reached = status.status == status.established && status.status == status.assessed;
            let stands = match (status.confirmed_by, status.counts) {
                (_, false) => "does not count".to_owned(),
                (Some(second), _) if reached => format!("{}, confirmed {second}", status.status),
                (None, _) if status.assessed > status.status || is_lone_progression(status) => {
                    format!("{}; {} unconfirmed", status.status, status.assessed)
                }
                _ => status.status.to_string(),
            };
            self.line(&format!(
                "{}{:>10}{:>10}{:>9}   {:<9} {stands}",
                status.date,
                number(change.map(|change| change.value.to_string())),
                percent(change.and_then(Change::percent_from_baseline)),
                percent(change.and_then(Change::percent_from_nadir)),
                status.assessed.code(),
            ));
            if let Some(said) = judged.subject.investigator.get(&status.date) {
                let agrees = if said == status.assessed.code() { "agrees" } else { "differs" };
                self.hanging("    ", &format!("the investigator said {said}, which {agrees}"));
            }
            for because in &status.reasons {
                self.hanging("    ", &because.says);
            }
        }
    }

    fn curve(&mut self, criteria: &Criteria, judged: &Judged, confirmed: &Confirmed, marker: Marker) {
        let base_date = judged.baseline.markers.date;
        let mut points: Vec<(Date, Decimal, Mark)> = Vec::new();
        let mut baseline = None;
        let mut steps: Vec<(Date, Decimal)> = Vec::new();
        for (date, changes) in &judged.changes {
            let Some(change) = changes.iter().find(|change| change.marker == marker) else { continue };
            baseline = Some(change.baseline);
            let progressed = confirmed
                .statuses
                .iter()
                .any(|status| status.date == *date && status.assessed == Category::Progressive);
            points.push((*date, change.value, if progressed { Mark::Progression } else { Mark::Visit }));
            let level = change
                .nadir
                .and_then(|nadir| progression_level(criteria, marker, Some(change.baseline), nadir));
            steps.extend(level.map(|level| (*date, level)));
        }
        let Some(baseline) = baseline else { return };
        points.insert(0, (base_date, baseline, Mark::Baseline));
        self.heading(&format!("Curve of {}, {}", marker.name(), marker.unit()));
        let last = judged
            .visits
            .iter()
            .map(|visit| visit.date)
            .chain(judged.subject.course.new_therapy)
            .max()
            .unwrap_or(base_date);
        let plot = Plot::new(self.width, base_date, last, &points, baseline);
        let limits: Vec<(String, Decimal)> = response_levels(criteria, marker, baseline)
            .into_iter()
            .map(|(category, level)| {
                let percent = percent_change(baseline, level).unwrap_or_default().abs().normalize();
                let word = match (marker, category) {
                    (Marker::UrineM, Category::VeryGoodPartial) => "VGPR <100".to_owned(),
                    (Marker::UrineM, Category::Partial) if level == Decimal::from(200) => {
                        "PR <200".to_owned()
                    }
                    _ => format!("{category} {percent}%"),
                };
                (word, level)
            })
            .collect();
        let text = plot.draw(&points, &limits, &steps, judged.subject.course.new_therapy, confirmed);
        self.text.push_str(&text);
    }
}

/// A progression that no second sample confirmed, in a patient who has none yet.
fn is_lone_progression(status: &Status) -> bool {
    status.assessed == Category::Progressive && status.status != Category::Progressive
}

/// The value of the driving marker on a day beside baseline and nadir.
fn change_at(judged: &Judged, date: Date) -> Option<&Change> {
    judged.visit(date)?;
    judged.changes.get(&date)?.iter().find(|change| Some(change.marker) == judged.driving)
}

/// What a point stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Baseline,
    Visit,
    Progression,
}

impl Mark {
    const fn sign(self) -> char {
        match self {
            Self::Baseline => '○',
            Self::Visit => '●',
            Self::Progression => '▲',
        }
    }
}

/// A grid of characters: time to the right, the marker upwards from 0.
struct Plot {
    columns: usize,
    first: Date,
    days: i64,
    top: Decimal,
}

fn days(first: Date, second: Date) -> i64 {
    i64::from((second - first).get_days())
}

impl Plot {
    fn new(
        width: usize,
        first: Date,
        last: Date,
        points: &[(Date, Decimal, Mark)],
        baseline: Decimal,
    ) -> Self {
        let highest = points.iter().map(|(_, value, _)| *value).max().unwrap_or(baseline).max(baseline);
        let top = if highest > Decimal::ZERO { highest } else { Decimal::ONE };
        Self {
            columns: width.saturating_sub(LEFT + RIGHT + 2).max(20),
            first,
            days: days(first, last).max(1),
            top,
        }
    }

    fn column(&self, date: Date) -> usize {
        let last = i64::try_from(self.columns - 1).unwrap_or(1);
        let column = days(self.first, date).clamp(0, self.days) * last / self.days;
        usize::try_from(column).unwrap_or(0).min(self.columns - 1)
    }

    /// The line of a value, 0 at the top; `None` above it. A difference below zero is drawn at zero.
    fn row(&self, value: Decimal) -> Option<usize> {
        let down = self.top.checked_sub(value.max(Decimal::ZERO))?;
        if down.is_sign_negative() && !down.is_zero() {
            return None;
        }
        let row = down.checked_mul(Decimal::from(HEIGHT - 1))?.checked_div(self.top)?;
        row.round().to_usize().map(|row| row.min(HEIGHT - 1))
    }

    fn draw(
        &self,
        points: &[(Date, Decimal, Mark)],
        limits: &[(String, Decimal)],
        steps: &[(Date, Decimal)],
        therapy: Option<Date>,
        confirmed: &Confirmed,
    ) -> String {
        let mut grid = vec![vec![' '; self.columns]; HEIGHT];
        let mut left: Vec<Option<String>> = vec![None; HEIGHT];
        let mut right: Vec<Option<String>> = vec![None; HEIGHT];
        left[0] = Some(short(self.top));
        left[HEIGHT - 1] = Some("0".to_owned());
        // The deepest limit of a line names it: the shallower ones are read off the words below.
        for (word, level) in limits {
            if let Some(row) = self.row(*level) {
                for cell in &mut grid[row] {
                    *cell = '╌';
                }
                left[row] = Some(short(*level));
                right[row] = Some(word.clone());
            }
        }
        let therapy = therapy.filter(|date| *date >= self.first);
        if let Some(column) = therapy.map(|date| self.column(date)) {
            for line in &mut grid {
                line[column] = '┆';
            }
        }
        let mut from = 0;
        for (index, (date, level)) in steps.iter().enumerate() {
            let to = self.column(*date);
            if let Some(row) = self.row(*level) {
                for cell in &mut grid[row][from..=to] {
                    *cell = '┈';
                }
                if index + 1 == steps.len() && right[row].is_none() {
                    right[row] = Some("PD".to_owned());
                }
            }
            from = to;
        }
        for (date, value, mark) in points {
            if let Some(row) = self.row(*value) {
                grid[row][self.column(*date)] = mark.sign();
            }
        }
        let mut text = String::new();
        for row in 0..HEIGHT {
            let line: String = grid[row].iter().collect();
            let tick = if left[row].is_some() { '┤' } else { '│' };
            text.push_str(&line_of(left[row].as_deref(), tick, &line, right[row].as_deref()));
        }
        text.push_str(&self.axis(confirmed));
        let mut legend = vec!["○ baseline", "● visit"];
        if points.iter().any(|(_, _, mark)| *mark == Mark::Progression) {
            legend.push("▲ progression as assessed");
        }
        if !limits.is_empty() {
            legend.push("╌ reached below");
        }
        if !steps.is_empty() {
            legend.push("┈ progression from here up");
        }
        let therapy = therapy.map(|date| format!("┆ new therapy {date}"));
        legend.extend(therapy.as_deref());
        let mut line = String::new();
        for item in legend {
            let length = line.chars().count() + item.chars().count() + 3;
            if !line.is_empty() && length > self.columns + RIGHT {
                text.push_str(&line_of(None, ' ', &line, None));
                line.clear();
            }
            if !line.is_empty() {
                line.push_str("   ");
            }
            line.push_str(item);
        }
        text.push_str(&line_of(None, ' ', &line, None));
        text
    }

    /// The axis of time, with the days and categories there is room for.
    fn axis(&self, confirmed: &Confirmed) -> String {
        let mut axis = vec!['─'; self.columns];
        let mut dates = Words::default();
        dates.put(0, &self.first.to_string());
        let (mut assessed, mut status) = (Words::default(), Words::default());
        for one in confirmed.statuses.iter().filter(|one| one.counts && one.date >= self.first) {
            let column = self.column(one.date);
            axis[column] = '┴';
            dates.put(column, &one.date.to_string());
            assessed.put(column, one.assessed.code());
            status.put(column, one.status.code());
        }
        axis[0] = '┴';
        let axis: String = axis.into_iter().collect();
        [
            line_of(None, '└', &axis, None),
            line_of(None, ' ', &dates.text, None),
            line_of(Some("assessed"), ' ', &assessed.text, None),
            line_of(Some("status"), ' ', &status.text, None),
        ]
        .concat()
    }
}

fn line_of(left: Option<&str>, tick: char, line: &str, right: Option<&str>) -> String {
    let right = right.map_or_else(String::new, |word| format!(" {word}"));
    let whole =
        format!("{:>LEFT$}{tick}{line}{right}", left.map_or_else(String::new, |word| format!("{word} ")));
    format!("{}\n", whole.trim_end())
}

/// A number in at most eight characters, cut off.
fn short(value: Decimal) -> String {
    let places = if value >= Decimal::from(100) { 0 } else { 2 };
    let cut = value.trunc_with_scale(places);
    cut.normalize().to_string()
}

/// Words on one line, each where there is room.
#[derive(Default)]
struct Words {
    text: String,
    used: usize,
}

impl Words {
    fn put(&mut self, column: usize, word: &str) {
        let start = column;
        if self.used > 0 && start < self.used + 1 {
            return;
        }
        while self.used < start {
            self.text.push(' ');
            self.used += 1;
        }
        self.text.push_str(word);
        self.used += word.chars().count();
    }
}
