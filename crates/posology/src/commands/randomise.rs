//! `trial randomise`: the next place of the list, for whoever holds the seed; and whether all allocations are those of the seed.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use posology_record::desk::Draft;
use posology_trial::conduct::Conduct;
use posology_trial::event::{Kind, Randomisation};
use posology_trial::protocol::Protocol;
use posology_trial::randomisation::{Place, seed_sha256, stratum_number, unlike};
use serde_json::json;

use crate::desk::{self, Identity};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::output;

/// Bytes of a new seed.
const SEED_BYTES: usize = 32;
/// Longest seed that is read, bytes.
const LONGEST_SEED: u64 = 4096;

#[derive(Args)]
pub(crate) struct Randomise {
    /// Folder of the trial
    dir: PathBuf,
    /// Subject to allocate
    #[arg(required_unless_present_any = ["check", "new_seed"])]
    subject: Option<String>,
    /// The subject's category of each factor, in the protocol's order; may be repeated
    #[arg(long, value_name = "CATEGORY")]
    stratum: Vec<String>,
    /// File that holds the seed; kept by its holder, outside the trial's folder
    #[arg(long, value_name = "FILE")]
    seed_file: PathBuf,
    /// Write a new seed into the file, and print its SHA-256 for the protocol
    #[arg(long, conflicts_with_all = ["subject", "check"])]
    new_seed: bool,
    /// Compare all allocations of the record with those of the seed
    #[arg(long, conflicts_with = "subject")]
    check: bool,
    #[command(flatten)]
    identity: Identity,
}

pub(crate) fn run(args: &Randomise, as_json: bool) -> Result<(), Failure> {
    if args.new_seed {
        return new_seed(&args.seed_file, as_json);
    }
    let seed = read_seed(&args.seed_file)?;
    if args.check {
        return check(args, &seed, as_json);
    }
    let subject = args.subject.as_deref().unwrap_or_default();
    let (_, mut desk) = desk::open(&args.dir)?;
    let by = desk::acting(&mut desk, &args.identity, Kind::Randomisation)?;
    let date = desk.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let fact = next(desk.conduct(), &seed, subject, &args.stratum, date)?;
    let what = format!("{subject} randomised to {}", fact.arm);
    let draft = Draft { fact: fact.into(), reason: None, corrects: None };
    let recorded = desk.record_draft(&draft, &by, None, None)?;
    desk::say(&recorded, &what, as_json);
    Ok(())
}

fn protocol_of(conduct: &Conduct) -> Result<(&Protocol, &posology_trial::protocol::RandomisedPart), Failure> {
    conduct.protocol().and_then(|protocol| Some((protocol, protocol.randomised.as_ref()?))).ok_or_else(|| {
        Failure::input(
            "expected [randomised] in the protocol in force, found none; mend: adopt a protocol that has it",
        )
    })
}

/// The allocation that the seed gives a subject next.
fn next(
    conduct: &Conduct,
    seed: &str,
    subject: &str,
    stratum: &[String],
    date: jiff::civil::Date,
) -> Result<Randomisation, Failure> {
    let (protocol, part) = protocol_of(conduct)?;
    let settings = &part.comparison;
    let digest = seed_sha256(seed);
    if digest != part.seed_sha256 {
        return Err(Failure::input(format!(
            "--seed-file: expected the seed whose SHA-256 the protocol states, {}, found one with {digest}; mend: ask {} for the seed",
            part.seed_sha256, part.seed_held_by
        )));
    }
    let number = stratum_number(settings, stratum).ok_or_else(|| {
        let factors: Vec<String> = settings
            .strata
            .iter()
            .map(|factor| format!("{}: {}", factor.name, factor.categories.join(" or ")))
            .collect();
        Failure::input(format!(
            "--stratum: expected a category of each factor ({}), found {}; mend: give one --stratum for each, in this order",
            if factors.is_empty() { "none".to_owned() } else { factors.join("; ") },
            if stratum.is_empty() { "none".to_owned() } else { stratum.join(", ") }
        ))
    })?;
    let taken = conduct.randomised().iter().filter(|made| made.stratum == stratum).count();
    let place =
        Place::next(&protocol.trial.id, seed, settings, number, u32::try_from(taken).unwrap_or(u32::MAX));
    let arm = place.and_then(|place| settings.arms.get(place.arm));
    let (Some(place), Some(arm)) = (place, arm) else {
        return Err(Failure::input(
            "the list has no further place; mend: correct the block lengths of the protocol",
        ));
    };
    Ok(Randomisation {
        subject: subject.to_owned(),
        arm: arm.clone(),
        stratum: stratum.to_vec(),
        block: place.block,
        position: place.position,
        date,
        seed_sha256: digest,
    })
}

fn check(args: &Randomise, seed: &str, as_json: bool) -> Result<(), Failure> {
    let folder = Folder::open(&args.dir)?;
    let chain = folder.events()?;
    let conduct = Conduct::replay(&chain).map_err(Failure::input)?;
    let (protocol, part) = protocol_of(&conduct)?;
    let made = conduct.randomised();
    let stated = seed_sha256(seed) == part.seed_sha256;
    let unlike = unlike(protocol, seed, &made);
    if as_json {
        output::json(&json!({ "allocations": made.len(), "seed-as-stated": stated, "unlike": unlike }));
    } else {
        let seed =
            if stated { "the seed is the one that the protocol states" } else { "the seed is another one" };
        output::text(&format!(
            "{} allocations, {} not as the seed gives them; {seed}.",
            made.len(),
            unlike.len()
        ));
        for line in &unlike {
            output::text(&format!("  {line}"));
        }
    }
    if stated && unlike.is_empty() {
        return Ok(());
    }
    Err(Failure::Input(format!("{}: allocations and seed do not agree", args.dir.display())))
}

fn new_seed(path: &Path, as_json: bool) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::input(format!(
            "{}: expected no file, found one; mend: name another, a seed is never overwritten",
            path.display()
        )));
    }
    let bytes: [u8; SEED_BYTES] = desk::entropy()?;
    let seed: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_secret(path, &seed).map_err(|error| Failure::unreadable(path, &error))?;
    let digest = seed_sha256(&seed);
    if as_json {
        output::json(&json!({ "seed-sha256": digest }));
    } else {
        output::text(&format!(
            "seed-sha256 = \"{digest}\"\nThe seed stands in {}: whoever reads it knows every allocation to come.",
            path.display()
        ));
    }
    Ok(())
}

/// Readable by its owner alone, where the system knows owners.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn read_seed(path: &Path) -> Result<String, Failure> {
    let length = fs::metadata(path).map_err(|error| Failure::unreadable(path, &error))?.len();
    if length > LONGEST_SEED {
        return Err(Failure::input(format!(
            "{}: expected a seed of at most {LONGEST_SEED} bytes, found {length}; mend: name the file with the seed alone",
            path.display()
        )));
    }
    let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    let seed = text.trim().to_owned();
    if seed.is_empty() {
        return Err(Failure::input(format!("{}: expected a seed, found nothing", path.display())));
    }
    Ok(seed)
}
