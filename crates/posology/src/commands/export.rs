//! `trial export`: the data sets of a trial at a cut, in the formats of statisticians and agencies.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use posology_exchange::adam::analysis_data;
use posology_exchange::handover::{self, Format, Written};
use posology_exchange::odm;
use posology_exchange::package::{Package, Standard};
use posology_exchange::problem::Problem;
use posology_exchange::tabulation::{TrialAtCut, tabulate};
use posology_exchange::terminology;
use posology_exchange::{define, xpt_write::Unwritten};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;
use posology_trial::event::{Exported, Fact, Kind, sha256};
use serde_json::json;

use crate::desk::{self, Identity};
use crate::failure::Failure;
use crate::folder::{Folder, parse_cut, write_atomically};
use crate::output;

#[derive(Args)]
pub(crate) struct Export {
    /// Folder of the trial
    dir: PathBuf,
    /// Format of the data sets; define is their metadata alone, odm the audit trail and a snapshot
    #[arg(long, value_enum)]
    format: Wanted,
    /// Folder to write into
    #[arg(long)]
    out: PathBuf,
    /// Which data sets
    #[arg(long, value_enum, default_value_t = Sets::Both)]
    standard: Sets,
    /// Clinical cut-off, such as 2019-05-03 or 2019-05-03T12:00:00Z [default: the last recorded fact]
    #[arg(long)]
    cut: Option<String>,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    DatasetJson,
    Ndjson,
    Dsjc,
    Xpt,
    Csv,
    Define,
    Odm,
}

impl Wanted {
    /// The format of the data sets; none where only their metadata are wanted.
    fn format(self) -> Option<Format> {
        Some(match self {
            Self::DatasetJson => Format::DatasetJson,
            Self::Ndjson => Format::NdJson,
            Self::Dsjc => Format::Dsjc,
            Self::Xpt => Format::Xpt,
            Self::Csv => Format::Csv,
            Self::Define | Self::Odm => return None,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sets {
    Sdtm,
    Adam,
    Both,
}

/// The file that lists every file with its hash, as `sha256sum -c` reads it.
const SUMS: &str = "SHA256SUMS";

pub(crate) fn run(args: &Export, json: bool) -> Result<(), Failure> {
    let folder = Folder::open(&args.dir)?;
    let chain = folder.events()?;
    let cut = Cut::freeze(&chain, args.cut.as_deref().map(parse_cut).transpose()?).map_err(Failure::input)?;
    let (protocol, protocol_sha256) = folder.in_force(&chain)?;
    let analysis = Analysis::of(&protocol, &protocol_sha256, &chain, &cut).map_err(Failure::input)?;
    let of = TrialAtCut { analysis: &analysis, chain: &chain, program: desk::SOFTWARE };
    let mut files = Vec::new();
    let mut changes = Vec::new();
    let mut tables = Vec::new();
    let mut refused = Vec::new();
    if args.format == Wanted::Odm {
        files.extend(odm_files(&of)?);
    }
    let packages = if args.format == Wanted::Odm { Vec::new() } else { packages(&of, args.standard) };
    for package in packages {
        let checked = terminology::check(&package);
        refused.extend(checked.refused);
        changes.extend(checked.extended);
        let (written, changed) = written(&package, args.format.format())?;
        let folder = match package.standard {
            Standard::Sdtm => "sdtm",
            Standard::Adam => "adam",
        };
        files.extend(
            written.into_iter().map(|file| Written { name: format!("{folder}/{}", file.name), ..file }),
        );
        changes.extend(changed);
        tables.extend(package.tables.iter().map(|table| (folder, table.name.clone(), table.rows.len())));
    }
    if let Some(first) = refused.first() {
        let rest =
            if refused.len() > 1 { format!(" (and {} more)", refused.len() - 1) } else { String::new() };
        return Err(Failure::input(format!("{first}{rest}; nothing was written")));
    }
    let sums = files.iter().fold(String::new(), |mut sums, file| {
        // Writing to a string does not fail.
        let _ = writeln!(sums, "{}  {}", sha256(&file.bytes), file.name);
        sums
    });
    let digest = sha256(sums.as_bytes());
    files.push(Written { name: SUMS.to_owned(), bytes: sums.into_bytes() });
    for file in &files {
        write_atomically(&args.out.join(&file.name), &file.bytes)?;
    }
    let recorded = recorded(args, &folder, &digest)?;
    let synthetic = protocol.trial.synthetic;
    if json {
        output::json(&json!({
            "ok": true,
            "synthetic": synthetic,
            "cut": cut,
            "files": files.iter().map(|file| &file.name).collect::<Vec<_>>(),
            "data_sets": tables.iter().map(|(standard, name, rows)| json!({ "standard": standard, "name": name, "rows": rows })).collect::<Vec<_>>(),
            "changed": changes,
            "sha256": digest,
            "recorded": recorded,
        }));
        return Ok(());
    }
    let mut text = String::new();
    if synthetic {
        text.push_str("Synthetic patients: none of these people exists.\n");
    }
    let rows = tables
        .iter()
        .map(|(standard, name, rows)| vec![(*standard).to_owned(), name.clone(), rows.to_string()]);
    if !tables.is_empty() {
        text.push_str(&output::table(&["standard", "data set", "rows"], rows));
    }
    text.push_str(&format!(
        "\nWrote {} files to {}, as of {}.\n",
        files.len(),
        args.out.display(),
        cut.cut_off
    ));
    if !changes.is_empty() {
        text.push_str(&format!(
            "{} notes on values changed for the format, or beyond the lists of terms; the first:\n",
            changes.len()
        ));
        for change in changes.iter().take(SHOWN) {
            text.push_str(&format!("  {change}\n"));
        }
    }
    text.push_str(if recorded {
        "That the data left is in the record."
    } else if folder.location()?.is_some() {
        "That the data left was not recorded, since nobody was named: --as USER records it."
    } else {
        "The folder has no record in which it would stand that the data left."
    });
    output::text(&text);
    Ok(())
}

/// Changes printed; the JSON has them all.
const SHOWN: usize = 5;

fn packages(of: &TrialAtCut<'_>, sets: Sets) -> Vec<Package> {
    let mut packages = Vec::new();
    if sets != Sets::Adam {
        packages.push(tabulate(of));
    }
    if sets != Sets::Sdtm {
        packages.push(analysis_data(of));
    }
    packages
}

/// The whole record as an audit trail, and what stands at the cut.
fn odm_files(of: &TrialAtCut<'_>) -> Result<Vec<Written>, Failure> {
    let mut trail = Vec::new();
    odm::write_trail(&of.study(), of.chain, of.program, &mut trail).map_err(Failure::input)?;
    let mut snapshot = Vec::new();
    odm::write_snapshot(of, &mut snapshot).map_err(Failure::input)?;
    Ok(vec![
        Written { name: "odm/audit-trail.xml".to_owned(), bytes: trail },
        Written { name: "odm/snapshot.xml".to_owned(), bytes: snapshot },
    ])
}

/// The files of a package with its Define-XML and the stylesheet that shows it.
fn written(package: &Package, format: Option<Format>) -> Result<(Vec<Written>, Vec<Problem>), Failure> {
    let (mut files, changes) = match format {
        Some(format) => handover::files(package, format).map_err(|error| match error {
            Unwritten::Refused(problem) => Failure::input(problem),
            Unwritten::Io(error) => Failure::fault(error),
        })?,
        None => (Vec::new(), Vec::new()),
    };
    let ending = format.map_or("xpt", Format::ending);
    files.push(Written { name: "define.xml".to_owned(), bytes: define::write(package, ending).into_bytes() });
    files.push(Written {
        name: define::STYLESHEET_NAME.to_owned(),
        bytes: define::STYLESHEET.as_bytes().to_vec(),
    });
    Ok((files, changes))
}

/// Records that a copy left, where there is a record and somebody is named.
fn recorded(args: &Export, folder: &Folder, digest: &str) -> Result<bool, Failure> {
    if folder.location()?.is_none() || args.identity.user.is_none() {
        return Ok(false);
    }
    let (_, mut desk) = desk::open(&args.dir)?;
    let by = desk::acting(&mut desk, &args.identity, Kind::Exported)?;
    let what = format!(
        "data sets, {}",
        args.format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    );
    let fact = Exported { what, sha256: digest.to_owned(), at: desk::now() };
    desk.stage(by.event(desk::now(), Fact::from(fact)))?;
    desk.commit(None)?;
    Ok(true)
}
