//! ADaM from a trial at a data cut: what the tables of the packet are computed from, as ADaMIG 1.3 lays it out.
//!
//! Start at [`analysis_data`]. Every number and flag is the analysis's own; nothing is computed here a second time. Each
//! value names the tabulated record on which it rests (--SEQ, SRCDOM, SRCVAR, SRCSEQ), and each variable says where it comes
//! from and by which rule of the protocol. No standard has a place for dose-limiting toxicity: the variables DLT... and
//! the data set ADDLT are the sponsor's, and say so. Left out: pharmacokinetics (ADPC, ADPP).

mod adverse;
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
/// use posology_trial::{analysis::Analysis, cut::Cut, event::{Chain, Event, sha256}, protocol::Protocol};
/// let text = include_str!("../../../examples/minimal/trial.toml");
/// let protocol = Protocol::read(text).unwrap().0;
/// let mut chain = Chain::default();
/// # let consent = serde_json::json!({"type": "subject/1", "body": {"subject": "M-01", "consent": "2026-01-05"}});
/// # let subject: posology_trial::event::Fact = serde_json::from_value(consent).unwrap();
/// # let at = "2026-01-06T08:00:00Z".parse().unwrap();
/// # chain.append(Event::new(at, "import", subject)).unwrap();
/// let cut = Cut::freeze(&chain, None)?;
/// let analysis = Analysis::of(&protocol, &sha256(text.as_bytes()), &chain, &cut)?;
/// let package = analysis_data(&TrialAtCut { analysis: &analysis, chain: &chain, program: "posology" });
/// assert_eq!(package.tables[0].name, "ADSL");
/// assert_eq!(package.tables[0].rows.len(), 1);
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
