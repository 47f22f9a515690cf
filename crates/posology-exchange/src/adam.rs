//! ADaM from a trial at a data cut: what the tables of the packet are computed from, as ADaMIG 1.3 lays it out.
//!
//! Start at [`analysis_data`]. Every number and flag is the analysis's own; nothing is computed here a second time. Each
//! value names the tabulated record on which it rests (--SEQ, SRCDOM, SRCVAR, SRCSEQ), and each variable says where it comes
//! from and by which rule of the protocol. No standard has a place for dose-limiting toxicity: the variables DLT... and
//! the data set ADDLT are the sponsor's, and say so. Left out: pharmacokinetics (ADPC, ADPP), absorbed doses of organs, and the
//! incidence of late events.

mod adverse;
mod baseline;
mod exposure;
mod laboratory;
mod limiting;
mod records;
mod response;
mod sheet;
mod subjects;
mod terms;
mod times;

use posology_trial::analysis::Analysis;
use posology_trial::analysis::patient::PatientAnalysis;
use posology_trial::protocol::Protocol;

use crate::package::{Package, Standard};
use crate::tabulation::{TrialAtCut, tabulate};
use records::Records;
use sheet::{Record, of_subject};

/// What every data set is made from: the trial at its cut, the tabulated records, and the rows of ADSL.
struct Context<'a> {
    of: &'a TrialAtCut<'a>,
    records: Records,
    subjects: Vec<Record>,
}

impl<'a> Context<'a> {
    fn analysis(&self) -> &'a Analysis {
        self.of.analysis
    }

    fn protocol(&self) -> &'a Protocol {
        &self.of.analysis.protocol
    }

    /// Each patient with a row that holds what it takes from ADSL.
    fn patients(&self) -> impl Iterator<Item = (&'a PatientAnalysis, Record)> + '_ {
        self.analysis().patients.iter().zip(&self.subjects).map(|(patient, row)| (patient, of_subject(row)))
    }
}

/// The analysis data sets of a trial at a cut, ADSL first; none of the others where nothing is recorded of it.
///
/// ```
/// use posology_exchange::adam::analysis_data;
/// use posology_exchange::tabulation::TrialAtCut;
/// use posology_trial::{analysis::Analysis, cut::Cut, event::{Chain, sha256}, protocol::Protocol};
/// let text = include_str!("../../../examples/paediatric/trial.toml");
/// let (protocol, _) = Protocol::read(text).unwrap();
/// let chain = Chain::read(include_str!("../../../examples/paediatric/events.ndjson"))?;
/// let cut = Cut::freeze(&chain, None)?;
/// let analysis = Analysis::of(&protocol, &sha256(text.as_bytes()), &chain, &cut)?;
/// let package = analysis_data(&TrialAtCut { analysis: &analysis, chain: &chain, program: "posology 1" });
/// let [subjects, events, limiting, ..] = &package.tables[..] else { panic!("seven data sets") };
/// assert_eq!((subjects.name.as_str(), subjects.rows.len()), ("ADSL", analysis.patients.len()));
/// assert_eq!((events.name.as_str(), limiting.name.as_str()), ("ADAE", "ADDLT"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn analysis_data(of: &TrialAtCut<'_>) -> Package {
    let mut context = Context { of, records: Records::of(&tabulate(of)), subjects: Vec::new() };
    let (subjects, rows) = subjects::table(&context);
    context.subjects = rows;
    let mut tables = vec![
        subjects,
        adverse::table(&context),
        limiting::table(&context),
        exposure::table(&context),
        laboratory::table(&context),
        response::table(&context),
        times::table(&context),
    ];
    tables.retain(|table| table.name == "ADSL" || !table.rows.is_empty());
    let code_lists = terms::code_lists(&tables);
    Package { standard: Standard::Adam, study: of.study(), source: of.source(), tables, code_lists }
}
