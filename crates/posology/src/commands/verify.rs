//! `trial verify`: whether a record, or a bundle, is whole.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;
use posology_record::bundle::read_sealed;
use posology_record::ledger::Ledger;
use posology_record::verify::{self, Against};

use crate::failure::Failure;
use crate::folder::{Folder, location};
use crate::output;

#[derive(Args)]
pub(crate) struct Verify {
    /// Folder of the trial, or a bundle
    path: PathBuf,
    /// A hash noted elsewhere, on a packet for example: an event of it must be in the record
    #[arg(long)]
    head: Option<String>,
    /// The trial's root key, as noted at the founding
    #[arg(long)]
    root_key: Option<String>,
    /// Folder with the files of a packet, to hold against the hashes in the record
    #[arg(long)]
    packets: Option<PathBuf>,
    /// File with the contents of closed sessions (`trial bundle --sealed`)
    #[arg(long)]
    sealed: Option<PathBuf>,
}

pub(crate) fn run(args: &Verify, json: bool) -> Result<(), Failure> {
    let sealed = match &args.sealed {
        Some(path) => {
            let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
            read_sealed(BufReader::new(file)).map_err(Failure::input)?.1
        }
        None => Vec::new(),
    };
    let against = Against {
        head: args.head.as_deref(),
        root_key: args.root_key.as_deref(),
        sealed: &sealed,
        packets: args.packets.as_deref(),
    };
    let bundle = |path: &PathBuf| {
        let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
        Ok::<_, Failure>(verify::bundle(BufReader::new(file), &against))
    };
    let report = if args.path.is_dir() {
        match location(&args.path)? {
            Some(location) => {
                let mut ledger = Ledger::open(&location).map_err(Failure::input)?;
                let trial = match ledger.trials().map_err(Failure::input)?.as_slice() {
                    [one] => one.clone(),
                    _ => Folder::open(&args.path)?.protocol.trial.id,
                };
                verify::ledger(&mut ledger, &trial, &against).map_err(Failure::input)?
            }
            None => bundle(&args.path.join("events.ndjson"))?,
        }
    } else {
        bundle(&args.path)?
    };
    if json {
        let mut document = serde_json::to_value(&report).map_err(Failure::fault)?;
        document["ok"] = report.is_whole().into();
        output::json(&document);
    } else {
        output::text(&report.to_string());
    }
    if report.is_whole() { Ok(()) } else { Err(Failure::DoesNotHold) }
}
