//! The layout of a table of marker values: its columns by name, and one row as markers with their units.

use std::collections::BTreeMap;

use jiff::civil::Date;
use posology_clinic::Because;
use posology_clinic::response::CriteriaSet;
use posology_clinic::response::confirm::Course;
use posology_clinic::response::imwg::{
    Chain, Clonality, Imaging, Immunofixation, Marker, Markers, Mass, Reading, ResidualDisease,
    ResidualMethod, SerumMethod, Uptake,
};
use rust_decimal::Decimal;

/// Declares the columns once: name in the code, and the names a file may give it, the first being the one of the manual.
macro_rules! columns {
    ($($column:ident: $($name:literal)|+,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Column {
            $($column,)+
        }

        impl Column {
            const ALL: &'static [Self] = &[$(Self::$column),+];

            /// The names that a file may give it.
            const fn names(self) -> &'static [&'static str] {
                match self {
                    $(Self::$column => &[$($name),+],)+
                }
            }
        }

        /// Every name of every column.
        pub(super) const NAMES: &[&[&str]] = &[$(&[$($name),+]),+];
    };
}

columns! {
    Subject: "subject" | "usubjid",
    Date: "date" | "adt" | "lbdtc" | "trdtc" | "rsdtc",
    Baseline: "baseline" | "ablfl" | "lbblfl",
    Involved: "involved",
    SerumM: "serum_m",
    SerumMUnit: "serum_m_unit",
    SerumMMethod: "serum_m_method",
    UrineM: "urine_m",
    UrineMUnit: "urine_m_unit",
    SerumIfe: "serum_ife",
    UrineIfe: "urine_ife",
    Kappa: "kappa",
    KappaUnit: "kappa_unit",
    Lambda: "lambda",
    LambdaUnit: "lambda_unit",
    Ratio: "kappa_lambda_ratio",
    Bmpc: "bmpc",
    BmpcUnit: "bmpc_unit",
    BmpcDate: "bmpc_date",
    Clonality: "clonality",
    Plasmacytoma: "plasmacytoma",
    PlasmacytomaUnit: "plasmacytoma_unit",
    Plasmacytomas: "plasmacytomas",
    Imaging: "imaging",
    CirculatingCells: "circulating_cells",
    CirculatingCellsUnit: "circulating_cells_unit",
    Mrd: "mrd",
    MrdMethod: "mrd_method",
    MrdSensitivity: "mrd_sensitivity",
    Pet: "pet",
    Calcium: "calcium",
    CalciumDue: "calcium_due_to_myeloma",
    Haemoglobin: "haemoglobin" | "hemoglobin",
    HaemoglobinExplained: "haemoglobin_otherwise_explained" | "hemoglobin_otherwise_explained",
    Creatinine: "creatinine",
    CreatinineDue: "creatinine_due_to_myeloma",
    Hyperviscosity: "hyperviscosity",
    Spurious: "spurious",
    FirstTreatment: "first_treatment",
    LastTreatment: "last_treatment",
    TherapyStart: "therapy_start",
    Death: "death",
    Investigator: "investigator",
}

/// What is wrong with one cell.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The column as the file names it.
    pub(super) column: String,
    pub(super) says: String,
}

/// Where each column stands.
pub(super) struct Layout {
    set: CriteriaSet,
    at: [Option<usize>; Column::ALL.len()],
    names: Vec<String>,
}

/// One row in words and numbers.
pub(super) struct Entry {
    pub(super) is_baseline: bool,
    pub(super) markers: Markers,
}

/// What the rows of one subject say beside the markers.
#[derive(Default)]
pub(super) struct Told {
    pub(super) involved: Option<Chain>,
    pub(super) course: Course,
    pub(super) investigator: BTreeMap<Date, String>,
    pub(super) warnings: Vec<Because>,
    /// The unit of each measured column where it first stood.
    units: Vec<(Column, String)>,
}

impl Told {
    pub(super) fn warn(&mut self, rule: &str, says: String, date: Date, column: &str) {
        self.warnings.push(
            Because::new(format!("response/{rule}"), says)
                .input("date", date)
                .input("column", column.to_owned()),
        );
    }
}

impl Layout {
    /// The columns of a table, by their lower-case names in order.
    pub(super) fn of(set: CriteriaSet, names: Vec<String>) -> Self {
        let mut at = [None; Column::ALL.len()];
        for &column in Column::ALL {
            at[column as usize] =
                column.names().iter().find_map(|name| names.iter().position(|found| found == name));
        }
        Self { set, at, names }
    }

    fn name(&self, column: Column) -> &str {
        self.at[column as usize]
            .and_then(|index| self.names.get(index))
            .map_or(column.names().first().copied().unwrap_or_default(), String::as_str)
    }

    fn wrong(&self, column: Column, says: impl Into<String>) -> Wrong {
        Wrong { column: self.name(column).to_owned(), says: says.into() }
    }

    /// The subject of a row.
    pub(super) fn subject<'a>(&self, cell: impl Fn(usize) -> Option<&'a str>) -> Result<&'a str, Wrong> {
        self.text(Column::Subject, &cell)
            .ok_or_else(|| self.wrong(Column::Subject, "expected a subject, found none; mend: fill it in"))
    }

    /// The day of a row as written.
    pub(super) fn date_text<'a>(&self, cell: impl Fn(usize) -> Option<&'a str>) -> Option<&'a str> {
        self.text(Column::Date, &cell)
    }

    fn text<'a>(&self, column: Column, cell: &impl Fn(usize) -> Option<&'a str>) -> Option<&'a str> {
        cell(self.at[column as usize]?).map(str::trim).filter(|text| !text.is_empty())
    }

    /// One of some words, written in any case.
    fn word<'a, T: Copy>(
        &self,
        column: Column,
        cell: &impl Fn(usize) -> Option<&'a str>,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Wrong> {
        let Some(text) = self.text(column, cell) else { return Ok(None) };
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some(&(_, meaning)) => Ok(Some(meaning)),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(self.wrong(
                    column,
                    format!("expected one of {}, found {text:?}; mend: write one of them", known.join(", ")),
                ))
            }
        }
    }

    fn yes<'a>(&self, column: Column, cell: &impl Fn(usize) -> Option<&'a str>) -> Result<bool, Wrong> {
        Ok(self.word(column, cell, &[("Y", true), ("N", false)])?.unwrap_or(false))
    }

    fn date<'a>(
        &self,
        column: Column,
        cell: &impl Fn(usize) -> Option<&'a str>,
    ) -> Result<Option<Date>, Wrong> {
        let Some(text) = self.text(column, cell) else { return Ok(None) };
        let day = plain_date(text).or_else(|| text.parse().ok());
        day.map(Some).ok_or_else(|| {
            self.wrong(
                column,
                format!("expected a day of the calendar such as 2024-02-05, found {text:?}; mend: correct the date"),
            )
        })
    }

    /// A number and its unit, in the cell or in the column beside it.
    fn amount<'a>(
        &self,
        column: Column,
        unit_column: Option<Column>,
        cell: &impl Fn(usize) -> Option<&'a str>,
    ) -> Result<Option<(Decimal, &'a str)>, Wrong> {
        let Some(text) = self.text(column, cell) else { return Ok(None) };
        let (value, unit) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let beside = || unit_column.and_then(|column| self.text(column, cell)).unwrap_or("");
        let unit = if unit.is_empty() { beside() } else { unit.trim() };
        let value = value.parse().map_err(|_| {
            self.wrong(
                column,
                format!("expected a number, found {text:?}; mend: write the number and its unit"),
            )
        })?;
        Ok(Some((value, unit)))
    }

    /// A value of a marker in its canonical unit; a unit other than the subject's first is told.
    fn marker<'a>(
        &self,
        (column, unit_column): (Column, Column),
        marker: Marker,
        cell: &impl Fn(usize) -> Option<&'a str>,
        date: Date,
        told: &mut Told,
    ) -> Result<Option<Decimal>, Wrong> {
        let Some((value, unit)) = self.amount(column, Some(unit_column), cell)? else { return Ok(None) };
        let canonical = marker.canonical(value, unit).map_err(|bad| self.wrong(column, bad.to_string()))?;
        match told.units.iter().find(|(known, _)| *known == column) {
            None => told.units.push((column, unit.to_owned())),
            Some((_, first)) if first == unit => {}
            Some((_, first)) => {
                let name = self.name(column);
                let says = format!(
                    "{name} of {date} is in {unit}, the first in {first}: converted exactly; check that the unit is right"
                );
                told.warn("unit-changes", says, date, name);
            }
        }
        Ok(Some(canonical))
    }

    /// A value in the one unit that is accepted.
    fn plain<'a>(
        &self,
        column: Column,
        units: &[(&str, Decimal)],
        cell: &impl Fn(usize) -> Option<&'a str>,
    ) -> Result<Option<Decimal>, Wrong> {
        let Some((value, unit)) = self.amount(column, None, cell)? else { return Ok(None) };
        match units.iter().find(|(known, _)| *known == unit) {
            Some((_, factor)) => Ok(Some(value.saturating_mul(*factor))),
            None => {
                let known: Vec<&str> = units.iter().map(|(unit, _)| *unit).collect();
                Err(self.wrong(
                    column,
                    format!(
                        "expected one of the units {}, found {unit:?}; mend: write the value in one of them",
                        known.join(", ")
                    ),
                ))
            }
        }
    }

    fn reading<'a>(
        &self,
        columns: (Column, Column),
        marker: Marker,
        cell: &impl Fn(usize) -> Option<&'a str>,
        date: Date,
        told: &mut Told,
    ) -> Result<Reading, Wrong> {
        let Some(text) = self.text(columns.0, cell) else { return Ok(Reading::NotDone) };
        if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            let amount = self.marker(columns, marker, cell, date, told)?;
            return Ok(amount.map_or(Reading::NotDone, Reading::Quantified));
        }
        let words = [
            ("not detected", Reading::NotDetected),
            ("not-detected", Reading::NotDetected),
            ("negative", Reading::NotDetected),
            ("absent", Reading::NotDetected),
            ("trace", Reading::TracePresent),
            ("trace present", Reading::TracePresent),
            ("not done", Reading::NotDone),
            ("nd", Reading::NotDone),
        ];
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some(&(_, reading)) => Ok(reading),
            None => {
                let amount = self.marker(columns, marker, cell, date, told)?;
                Ok(amount.map_or(Reading::NotDone, Reading::Quantified))
            }
        }
    }

    fn fixation<'a>(
        &self,
        column: Column,
        cell: &impl Fn(usize) -> Option<&'a str>,
    ) -> Result<Immunofixation, Wrong> {
        let words = [
            ("positive", Immunofixation::Positive),
            ("negative", Immunofixation::Negative),
            ("therapeutic antibody", Immunofixation::TherapeuticAntibody),
            ("other isotype", Immunofixation::OtherIsotype),
            ("not done", Immunofixation::NotDone),
        ];
        Ok(self.word(column, cell, &words)?.unwrap_or_default())
    }

    /// Masses as `A 3.0 x 2.0 cm; B 1.5 x 1.0 cm`; `A gone` where one is.
    fn masses<'a>(&self, cell: &impl Fn(usize) -> Option<&'a str>) -> Result<Vec<Mass>, Wrong> {
        let Some(text) = self.text(Column::Plasmacytomas, cell) else { return Ok(Vec::new()) };
        let one = |text: &str| -> Option<Mass> {
            let (id, size) = text.trim().split_once(char::is_whitespace)?;
            let size = size.trim();
            let id = id.to_owned();
            if size.eq_ignore_ascii_case("gone") {
                return Some(Mass { id, longest: Decimal::ZERO, shortest: Decimal::ZERO });
            }
            let (lengths, unit) = size.rsplit_once(char::is_whitespace)?;
            let factor = match unit {
                "cm" => Decimal::ONE,
                "mm" => Decimal::new(1, 1),
                _ => return None,
            };
            let (longest, shortest) = lengths.split_once(['x', 'X'])?;
            let length = |text: &str| text.trim().parse::<Decimal>().ok().map(|n| n.saturating_mul(factor));
            Some(Mass { id, longest: length(longest)?, shortest: length(shortest)? })
        };
        text.split(';')
            .filter(|text| !text.trim().is_empty())
            .map(|text| {
                one(text).ok_or_else(|| {
                    self.wrong(
                        Column::Plasmacytomas,
                        format!(
                            "expected masses such as \"A 3.0 x 2.0 cm; B gone\", found {:?}; mend: write each with its \
                             name, longest and shortest diameter and their unit",
                            text.trim()
                        ),
                    )
                })
            })
            .collect()
    }

    fn residual<'a>(
        &self,
        cell: &impl Fn(usize) -> Option<&'a str>,
    ) -> Result<Option<ResidualDisease>, Wrong> {
        let found = self.word(
            Column::Mrd,
            cell,
            &[("negative", Some(false)), ("positive", Some(true)), ("not done", None)],
        )?;
        let Some(Some(found)) = found else { return Ok(None) };
        let methods = [
            ("flow", ResidualMethod::Flow),
            ("sequencing", ResidualMethod::Sequencing),
            ("mass spectrometry", ResidualMethod::MassSpectrometry),
        ];
        let method = self.word(Column::MrdMethod, cell, &methods)?.ok_or_else(|| {
            self.wrong(
                Column::MrdMethod,
                "expected flow, sequencing or mass spectrometry beside a result of residual disease, found none; mend: \
                 name the method",
            )
        })?;
        let text = self.text(Column::MrdSensitivity, cell).unwrap_or_default();
        let sensitivity = Decimal::from_scientific(text)
            .or_else(|_| text.parse())
            .ok()
            .filter(|share| *share > Decimal::ZERO && *share <= Decimal::ONE)
            .ok_or_else(|| {
                self.wrong(
                    Column::MrdSensitivity,
                    format!("expected the share of cells the assay finds, such as 1e-5, found {text:?}; mend: write it"),
                )
            })?;
        Ok(Some(ResidualDisease { method, sensitivity, found }))
    }

    fn course<'a>(
        &self,
        cell: &impl Fn(usize) -> Option<&'a str>,
        date: Date,
        told: &mut Told,
    ) -> Result<(), Wrong> {
        for column in [Column::FirstTreatment, Column::LastTreatment, Column::TherapyStart, Column::Death] {
            let Some(found) = self.date(column, cell)? else { continue };
            let course = &mut told.course;
            let known = match column {
                Column::FirstTreatment => &mut course.first_treatment,
                Column::LastTreatment => &mut course.last_treatment,
                Column::TherapyStart => &mut course.new_therapy,
                _ => &mut course.death,
            };
            match *known {
                None => *known = Some(found),
                Some(before) if before == found => {}
                Some(before) => {
                    *known = Some(before.min(found));
                    let name = self.name(column);
                    let says = format!("{name} is given as {before} and as {found}: the earlier counts");
                    told.warn("two-dates", says, date, name);
                }
            }
        }
        let chains = [("kappa", Chain::Kappa), ("lambda", Chain::Lambda)];
        if let Some(chain) = self.word(Column::Involved, cell, &chains)? {
            if told.involved.is_some_and(|known| known != chain) {
                return Err(self.wrong(
                    Column::Involved,
                    "expected one involved chain for a subject, found both; mend: it is fixed at baseline",
                ));
            }
            told.involved = Some(chain);
        }
        if let Some(said) = self.text(Column::Investigator, cell) {
            if let Err(bad) = self.set.category(said) {
                let name = self.name(Column::Investigator);
                told.warn("investigator", format!("{name} of {date}: {bad}"), date, name);
            }
            told.investigator.insert(date, said.to_owned());
        }
        Ok(())
    }

    fn spurious<'a>(
        &self,
        cell: &impl Fn(usize) -> Option<&'a str>,
        markers: &mut Markers,
    ) -> Result<(), Wrong> {
        let Some(text) = self.text(Column::Spurious, cell) else { return Ok(()) };
        for name in text.split(';').map(str::trim).filter(|name| !name.is_empty()) {
            let marker = match name.to_ascii_lowercase().as_str() {
                "serum_m" => Marker::SerumM,
                "urine_m" => Marker::UrineM,
                "kappa" | "lambda" => Marker::FreeLightChains,
                "bmpc" => Marker::PlasmaCells,
                "plasmacytoma" | "plasmacytomas" => Marker::Plasmacytoma,
                "circulating_cells" => Marker::CirculatingCells,
                _ => {
                    return Err(self.wrong(
                        Column::Spurious,
                        format!(
                            "expected names of columns such as \"serum_m; kappa\", found {name:?}; mend: name those \
                             whose value the investigator declared spurious"
                        ),
                    ));
                }
            };
            markers.spurious.insert(marker);
        }
        Ok(())
    }

    /// One row, by its cells.
    ///
    /// # Errors
    /// A cell that cannot be read: nothing is guessed.
    pub(super) fn entry<'a>(
        &self,
        cell: impl Fn(usize) -> Option<&'a str>,
        told: &mut Told,
    ) -> Result<Entry, Wrong> {
        let cell = &cell;
        let date = self
            .date(Column::Date, cell)?
            .ok_or_else(|| self.wrong(Column::Date, "expected a day, found none; mend: fill it in"))?;
        self.course(cell, date, told)?;
        let mut markers = Markers::new(date);
        markers.serum_m =
            self.reading((Column::SerumM, Column::SerumMUnit), Marker::SerumM, cell, date, told)?;
        markers.serum_method = self
            .word(
                Column::SerumMMethod,
                cell,
                &[
                    ("electrophoresis", SerumMethod::Electrophoresis),
                    ("spep", SerumMethod::Electrophoresis),
                    ("nephelometry", SerumMethod::Nephelometry),
                ],
            )?
            .unwrap_or_default();
        markers.urine_m =
            self.reading((Column::UrineM, Column::UrineMUnit), Marker::UrineM, cell, date, told)?;
        markers.serum_immunofixation = self.fixation(Column::SerumIfe, cell)?;
        markers.urine_immunofixation = self.fixation(Column::UrineIfe, cell)?;
        let chains = Marker::FreeLightChains;
        markers.kappa = self.marker((Column::Kappa, Column::KappaUnit), chains, cell, date, told)?;
        markers.lambda = self.marker((Column::Lambda, Column::LambdaUnit), chains, cell, date, told)?;
        markers.kappa_lambda_ratio = self.plain(Column::Ratio, &[("", Decimal::ONE)], cell)?;
        markers.plasma_cells =
            self.marker((Column::Bmpc, Column::BmpcUnit), Marker::PlasmaCells, cell, date, told)?;
        markers.plasma_cells_date = self.date(Column::BmpcDate, cell)?;
        markers.clonality = self
            .word(
                Column::Clonality,
                cell,
                &[
                    ("present", Clonality::Present),
                    ("absent", Clonality::Absent),
                    ("not done", Clonality::NotDone),
                ],
            )?
            .unwrap_or_default();
        let sum = (Column::Plasmacytoma, Column::PlasmacytomaUnit);
        markers.plasmacytoma = self.marker(sum, Marker::Plasmacytoma, cell, date, told)?;
        markers.masses = self.masses(cell)?;
        markers.imaging = self
            .word(
                Column::Imaging,
                cell,
                &[
                    ("no progression", Imaging::NoProgression),
                    ("new lesion", Imaging::NewLesion),
                    ("definite growth", Imaging::DefiniteGrowth),
                    ("compression fracture", Imaging::CompressionFracture),
                    ("not done", Imaging::NotDone),
                ],
            )?
            .unwrap_or_default();
        let cells = (Column::CirculatingCells, Column::CirculatingCellsUnit);
        markers.circulating_cells = self.marker(cells, Marker::CirculatingCells, cell, date, told)?;
        markers.residual_disease = self.residual(cell)?;
        markers.uptake = self
            .word(
                Column::Pet,
                cell,
                &[("gone", Uptake::Gone), ("present", Uptake::Present), ("not done", Uptake::NotDone)],
            )?
            .unwrap_or_default();
        let per_decilitre = [("mg/dL", Decimal::ONE)];
        markers.calcium = self.plain(Column::Calcium, &per_decilitre, cell)?;
        markers.calcium_due_to_myeloma = self.yes(Column::CalciumDue, cell)?;
        let grams = [("g/dL", Decimal::ONE), ("g/L", Decimal::new(1, 1))];
        markers.haemoglobin = self.plain(Column::Haemoglobin, &grams, cell)?;
        markers.haemoglobin_otherwise_explained = self.yes(Column::HaemoglobinExplained, cell)?;
        markers.creatinine = self.plain(Column::Creatinine, &per_decilitre, cell)?;
        markers.creatinine_due_to_myeloma = self.yes(Column::CreatinineDue, cell)?;
        markers.hyperviscosity = self.yes(Column::Hyperviscosity, cell)?;
        self.spurious(cell, &mut markers)?;
        let is_baseline =
            self.text(Column::Baseline, cell).is_some_and(|flag| flag.eq_ignore_ascii_case("Y"));
        Ok(Entry { is_baseline, markers })
    }
}

/// A day written `2024-02-05`, and nothing else: most are, and there are many.
fn plain_date(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let digit =
        |at: usize| -> Option<i16> { bytes[at].is_ascii_digit().then(|| i16::from(bytes[at] - b'0')) };
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = digit(0)? * 1000 + digit(1)? * 100 + digit(2)? * 10 + digit(3)?;
    let month = digit(5)? * 10 + digit(6)?;
    let day = digit(8)? * 10 + digit(9)?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
