//! SDTM from a trial at a data cut: what was recorded, as SDTMIG 3.4 lays it out.
//!
//! Start at [`tabulate`]. Each domain's file turns facts into lines; the frame in `frame` gives every line its study,
//! subject, sequence number, study day and epoch, and gathers supplemental qualifiers and related records. Left out:
//! whatever is derived (that is ADaM's), and who recorded or signed (that is ODM's).

mod adverse;
mod course;
mod demographics;
mod design;
mod exposure;
mod findings;
mod frame;
mod history;

use posology_trial::analysis::Analysis;
use posology_trial::event::Chain;

use crate::package::{Package, Source, Standard, Study};
use crate::terminology;
pub(crate) use course::{AT_CUT_OFF, ENTERED};
use frame::Frame;

/// A trial at a data cut: its analysis, and the chain of events on which it rests.
#[derive(Debug, Clone, Copy)]
pub struct TrialAtCut<'a> {
    /// The analysis at the cut, which holds protocol, cut and patients.
    pub analysis: &'a Analysis,
    /// The record.
    pub chain: &'a Chain,
    /// The program and its version, as the files name their source.
    pub program: &'a str,
}

impl TrialAtCut<'_> {
    /// The study as the files name it.
    #[must_use]
    pub fn study(&self) -> Study {
        let trial = &self.analysis.protocol.trial;
        Study {
            id: trial.id.clone(),
            title: trial.title.clone(),
            protocol: trial.registry.clone().unwrap_or_else(|| trial.id.clone()),
            synthetic: trial.synthetic,
        }
    }

    /// What the files were made from.
    #[must_use]
    pub fn source(&self) -> Source {
        let cut = &self.analysis.cut;
        Source {
            cut_off: cut.cut_off,
            position: cut.position as u64,
            head: cut.head.clone(),
            program: self.program.to_owned(),
        }
    }
}

/// The tabulation data sets of a trial at a cut, in the order of SDTMIG; none for a domain of which nothing is recorded.
#[must_use]
pub fn tabulate(of: &TrialAtCut<'_>) -> Package {
    let frame = Frame::of(of);
    let mut domains = vec![
        course::elements(of, &frame),
        exposure::collected(of),
        exposure::given(of),
        course::disposition(of),
        course::deviations(of),
        adverse::events(of),
        adverse::adjudications(of),
        adverse::deaths(of),
        findings::laboratory(of),
        findings::vital_signs(of),
        findings::responses(of),
        history::history(of),
        history::medications(of),
        history::procedures(of),
    ];
    domains.retain(|domain| !domain.is_empty());
    let mut tables = vec![demographics::table(of, &frame)];
    tables.extend(course::visits(of, &frame));
    tables.extend(frame.assemble(domains));
    tables.extend(design::tables(of));
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    let code_lists = terminology::code_lists(&tables);
    Package { standard: Standard::Sdtm, study: of.study(), source: of.source(), tables, code_lists }
}
