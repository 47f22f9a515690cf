//! `trial import`: data sets to events, in one transaction, with a report.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use posology_exchange::dataset::{CsvEncoding, ReadOptions, stem};
use posology_exchange::limits::Limits;
use posology_exchange::mapping::{self, DryRun, Mapping};
use posology_exchange::odm;
use posology_exchange::sdtm::{
    FileReport, ImportOptions, ImportOutcome, ImportReport, KnownRows, Outcome, SourceFile, import,
};
use posology_record::desk::{Followed, Gone, Snapshot};
use posology_trial::analysis::regrade::{Regrading, regrade};
use posology_trial::cut::Cut;
use posology_trial::event::{Chain, Event, Fact, FileTaken, Kind, ProtocolAdopted, sha256};
use posology_trial::follow::{Change, Effect, RowChange, difference};
use posology_trial::protocol::Protocol;

use crate::desk::{self, Identity};
use crate::failure::Failure;
use crate::folder::{Folder, is_founded, write_atomically};
use crate::output;

#[derive(Args)]
pub(crate) struct Import {
    /// Folder of the trial
    dir: PathBuf,
    /// Folder of data sets, or one file
    path: PathBuf,
    /// Encoding of CSV files that are not UTF-8 (windows-1252)
    #[arg(long)]
    encoding: Option<String>,
    /// Largest size of one file after decompression, bytes
    #[arg(long, default_value_t = 2 << 30)]
    max_bytes: u64,
    /// Time stamp of the new events where there is no record [default: now]
    #[arg(long)]
    recorded_at: Option<jiff::Timestamp>,
    /// What the columns of a site's own files mean (a mapping file); without it they are SDTM
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Show what would change, row by row, and what that would do to the trial; write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    identity: Identity,
}

/// Refusals and warnings printed of each file; the report in JSON has more.
const SHOWN: usize = 5;

pub(crate) fn run(args: &Import, json: bool) -> Result<(), Failure> {
    let folder = Folder::open(&args.dir)?;
    let is_xml = args.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("xml"));
    if args.mapping.is_none() && is_xml {
        return trail(args, &folder, json);
    }
    if folder.location()?.is_some() {
        return into_record(args, json);
    }
    let _lock = folder.lock()?;
    let mut chain = folder.events()?;
    if is_founded(&chain) {
        return Err(Failure::input(format!(
            "{}: expected a file of facts, found the events of a founded trial; mend: restore its record (`posology trial restore {} DIR`) and import there",
            folder.events_path().display(),
            folder.path.display()
        )));
    }
    let outcome = read(args, &chain)?;

    let recorded_at = args.recorded_at.unwrap_or_else(jiff::Timestamp::now);
    let user = args.identity.user.as_deref().unwrap_or("import");
    let nothing = outcome.report.is_empty();
    let mut regraded = None;
    let events: Vec<Event> =
        outcome.events.into_iter().map(|event| event.recorded(recorded_at, user)).collect();
    let rows = difference(&chain, &events);
    if !nothing {
        regraded = ctcae_change(&folder, &chain)?;
        let before = chain.entries().len();
        adopt(&folder, &mut chain, recorded_at, user)?;
        for event in events {
            chain.append(event).map_err(Failure::fault)?;
        }
        if chain.entries().len() > before && !args.dry_run {
            let text = chain.write();
            write_atomically(&folder.events_path(), text.as_bytes())?;
        }
    }
    if json {
        output::json(&serde_json::json!({
            "ok": !nothing,
            "events": chain.entries().len(),
            "head": chain.head(),
            "report": outcome.report,
            "rows": rows,
            "regraded": regraded,
        }));
    } else {
        print(&outcome.report);
        if args.dry_run {
            print_rows(&rows);
            output::text("A dry run: nothing was written.");
        }
        if let Some(report) = &regraded {
            output::text(&format!(
                "The amendment changes the CTCAE version.\n{}",
                super::regrade::words(report)
            ));
        }
    }
    if nothing {
        return Err(nothing_taken(args));
    }
    Ok(())
}

/// Takes an audit trail that `trial export --format odm` wrote into a trial that has no events yet: the same events, hash
/// by hash. What other systems export as ODM comes in by a mapping file.
fn trail(args: &Import, folder: &Folder, json: bool) -> Result<(), Failure> {
    let _lock = folder.lock()?;
    if folder.location()?.is_some() || folder.events_path().exists() {
        return Err(Failure::input(format!(
            "{}: expected a trial without events for an audit trail, found one with a record of its own; mend: import it into a new folder, or give --mapping for another system's ODM",
            folder.path.display()
        )));
    }
    let file = File::open(&args.path).map_err(|error| Failure::unreadable(&args.path, &error))?;
    let limits = Limits { max_bytes: args.max_bytes, ..Limits::default() };
    let name = args.path.display().to_string();
    let document = odm::read(&name, file, limits).map_err(Failure::input)?;
    let chain = odm::restore(&document).map_err(Failure::input)?;
    if !args.dry_run {
        write_atomically(&folder.events_path(), chain.write().as_bytes())?;
    }
    let (events, head) = (chain.entries().len(), chain.head());
    if json {
        output::json(
            &serde_json::json!({ "ok": true, "dry-run": args.dry_run, "events": events, "head": head }),
        );
    } else {
        let done = if args.dry_run {
            "A dry run: nothing was written."
        } else {
            "Taken as they stand in the trail."
        };
        output::text(&format!("{events} events, the last with hash {head}. {done}"));
    }
    Ok(())
}

fn nothing_taken(args: &Import) -> Failure {
    Failure::Input(format!("{}: nothing could be taken; nothing was written", args.path.display()))
}

/// Reads the files and says what they add to a chain.
fn read(args: &Import, chain: &Chain) -> Result<ImportOutcome, Failure> {
    let encoding = match args.encoding.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("utf-8" | "utf8") => CsvEncoding::Utf8,
        Some("windows-1252" | "cp1252") => CsvEncoding::Windows1252,
        Some(other) => {
            return Err(Failure::input(format!(
                "--encoding: expected utf-8 or windows-1252, found {other:?}; mend: convert the files to UTF-8"
            )));
        }
    };
    let read = ReadOptions { limits: Limits { max_bytes: args.max_bytes, ..Limits::default() }, encoding };
    let files: Vec<SourceFile> =
        sources(&args.path, args.mapping.is_some())?.into_iter().map(source).collect();
    let bar = output::progress("reading data sets");
    let options = ImportOptions { read, cut_off: None };
    let known = KnownRows::of(chain);
    let outcome = match &args.mapping {
        None => import(&files, &known, &options),
        Some(path) => {
            let mapping = mapping_of(path)?;
            if args.dry_run {
                print_mapped(&mapping::dry_run(&mapping, &files, &known, &options, MAPPED));
            }
            mapping::import(&mapping, &files, &known, &options)
        }
    };
    bar.finish_and_clear();
    Ok(outcome)
}

fn mapping_of(path: &Path) -> Result<Mapping, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    Mapping::read(&text).map_err(|problems| Failure::Problems {
        file: path.display().to_string(),
        text: text.clone(),
        problems: problems.into_vec(),
    })
}

/// Rows of each table shown by a dry run.
const MAPPED: usize = 5;

/// The first rows of each table as the facts that they would be, or why they are none; on standard error, beside what a
/// dry run says anyway.
fn print_mapped(dry: &DryRun) {
    for table in &dry.tables {
        output::error(&format!("{} ({}): {}", table.table, table.file, table.fact));
        for row in &table.rows {
            let each = row.each.as_deref().map(|each| format!(", {each}")).unwrap_or_default();
            let said = match (&row.fact, &row.because) {
                (Some(fact), _) => {
                    serde_json::to_value(fact).map_or_else(|_| String::new(), |fact| fact["body"].to_string())
                }
                (None, Some(because)) => because.clone(),
                (None, None) => "unchanged".to_owned(),
            };
            output::error(&format!("  row {}{each}: {said}", row.row));
        }
        if !table.columns_not_read.is_empty() {
            output::error(&format!("  columns that nothing reads: {}", table.columns_not_read.join(", ")));
        }
    }
}

/// Takes a snapshot into the record: its difference to the last, in one append, with what it does to the trial.
fn into_record(args: &Import, json: bool) -> Result<(), Failure> {
    let (_, mut desk) = desk::open(&args.dir)?;
    let outcome = read(args, desk.record().chain())?;
    if outcome.report.is_empty() {
        if json {
            output::json(&serde_json::json!({ "ok": false, "report": outcome.report }));
        } else {
            print(&outcome.report);
        }
        return Err(nothing_taken(args));
    }
    let role = desk::role(&desk, &args.identity, Kind::SnapshotImported)?;
    let by = desk.actor(args.identity.user()?, role);
    let ImportOutcome { report, events, gone, .. } = outcome;
    let gone = gone
        .into_iter()
        .map(|gone| {
            let whole = report.is_whole(&gone.origin.data_set);
            Gone { whole, event: gone.event, origin: gone.origin }
        })
        .collect();
    let snapshot = Snapshot {
        source: args.path.display().to_string(),
        files: files_taken(args, &report)?,
        rows: events.into_iter().map(|new| (new.origin, new.corrects, new.fact)).collect(),
        gone,
    };
    if !args.dry_run {
        desk::sign_in(&mut desk, &args.identity)?;
    }
    let Followed { rows, effects, notes, recorded } = desk.follow(&by, snapshot, args.dry_run)?;

    if json {
        output::json(&serde_json::json!({
            "ok": true, "dry-run": args.dry_run, "events": desk.record().chain().entries().len(),
            "head": desk.record().chain().head(), "report": report, "rows": rows, "effects": effects,
            "flags": recorded.as_ref().map(|recorded| &recorded.flags), "not-retracted": notes,
        }));
        return Ok(());
    }
    print(&report);
    print_rows(&rows);
    print_effects(&effects);
    for note in &notes {
        output::text(&format!("Note: {note}."));
    }
    match recorded {
        Some(recorded) => desk::say(&recorded, "a snapshot and its difference to the last", false),
        None if rows.is_empty() => output::text("The same as the last snapshot: nothing was added."),
        None => output::text("A dry run: nothing was written."),
    }
    Ok(())
}

fn files_taken(args: &Import, report: &ImportReport) -> Result<Vec<FileTaken>, Failure> {
    let mut files = Vec::new();
    for path in sources(&args.path, args.mapping.is_some())? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = fs::read(&path).map_err(|error| Failure::unreadable(&path, &error))?;
        let counts = report.files.iter().filter(|file| file.file == name);
        let (mut rows, mut taken, mut vanished) = (0, 0, 0);
        for file in counts {
            rows += file.counts.read;
            taken += file.counts.taken + file.counts.corrected;
            vanished += file.counts.vanished;
        }
        files.push(FileTaken { name, sha256: sha256(&bytes), rows, taken, vanished });
    }
    Ok(files)
}

/// Rows of a difference printed; the report in JSON has all.
const ROWS: usize = 40;

fn print_rows(rows: &[RowChange]) {
    if rows.is_empty() {
        return;
    }
    let count = |change| rows.iter().filter(|row| row.change == change).count();
    output::text(&format!(
        "Row by row: {} new, {} changed, {} gone.",
        count(Change::New),
        count(Change::Changed),
        count(Change::Gone)
    ));
    // What was known and is no longer so comes first.
    let mut shown: Vec<&RowChange> = rows.iter().collect();
    shown.sort_by_key(|row| row.change == Change::New);
    let table = shown.iter().take(ROWS).map(|row| {
        let fields: Vec<String> = row
            .fields
            .iter()
            .filter(|field| row.change == Change::Changed || field.field != "subject")
            .map(|field| match (&field.before, &field.after) {
                (Some(before), Some(after)) => format!("{}: {before} -> {after}", field.field),
                (None, Some(after)) if row.change == Change::New => format!("{} {after}", field.field),
                (None, Some(after)) => format!("{}: none -> {after}", field.field),
                (Some(before), None) if row.change == Change::Gone => format!("{} {before}", field.field),
                (Some(before), None) => format!("{}: {before} -> none", field.field),
                (None, None) => String::new(),
            })
            .collect();
        vec![
            match row.change {
                Change::New => "new".to_owned(),
                Change::Changed => "changed".to_owned(),
                Change::Gone => "gone".to_owned(),
            },
            row.data_set.clone(),
            row.key.clone(),
            row.kind.to_owned(),
            output::wrapped(&fields.join(", "), 70),
        ]
    });
    output::text(&output::table(&["", "data set", "row", "fact", "what"], table));
    if rows.len() > ROWS {
        output::text(&format!("{} more rows (--json lists them).", rows.len() - ROWS));
    }
}

fn print_effects(effects: &[Effect]) {
    if effects.is_empty() {
        output::text("Effect: none on DLT status, evaluability or advice.");
        return;
    }
    let none = || "none".to_owned();
    let rows = effects.iter().map(|effect| {
        vec![
            effect.on.clone(),
            effect.what.to_owned(),
            effect.before.clone().unwrap_or_else(none),
            effect.after.clone().unwrap_or_else(none),
            output::wrapped(&effect.because.join("; "), 60),
        ]
    });
    output::text("Effect:");
    output::text(&output::table(&["on", "", "before", "after", "because"], rows));
}

/// What a change of the CTCAE version since the protocol last adopted does to the patients so far; `None` if the
/// version is the same, or nothing was adopted before. The change is refused unless the protocol is a new version.
fn ctcae_change(folder: &Folder, chain: &posology_trial::event::Chain) -> Result<Option<Regrading>, Failure> {
    let adopted = chain.entries().iter().rev().find_map(|entry| match &entry.event.fact {
        Fact::ProtocolAdopted(adopted) => Some(adopted),
        _ => None,
    });
    let Some(adopted) = adopted else { return Ok(None) };
    let Ok((earlier, _)) = Protocol::read(&adopted.text) else { return Ok(None) };
    let (Some(from), Some(to)) =
        (earlier.dlt.as_ref().map(|dlt| dlt.ctcae), folder.protocol.dlt.as_ref().map(|dlt| dlt.ctcae))
    else {
        return Ok(None);
    };
    if from == to {
        return Ok(None);
    }
    if adopted.version == folder.protocol.version.id {
        return Err(Failure::input(format!(
            "trial.toml, dlt.ctcae: expected {from}, under which version {} of the protocol was adopted on {}, found {to}; mend: keep {from}, or amend the protocol ([version] with a new id, date and reason) with the report of `posology toxicity regrade --ctcae {to}`",
            adopted.version, adopted.date
        )));
    }
    let cut = Cut::freeze(chain, None).map_err(Failure::input)?;
    regrade(&earlier, &adopted.sha256, chain, &cut, to).map(Some).map_err(Failure::input)
}

/// Records the protocol in force before the first event under it.
fn adopt(
    folder: &Folder,
    chain: &mut posology_trial::event::Chain,
    recorded_at: jiff::Timestamp,
    user: &str,
) -> Result<(), Failure> {
    let sha256 = folder.protocol_sha256();
    let adopted = chain.entries().iter().rev().find_map(|entry| match &entry.event.fact {
        Fact::ProtocolAdopted(adopted) => Some(adopted.sha256.as_str()),
        _ => None,
    });
    if adopted == Some(sha256.as_str()) {
        return Ok(());
    }
    let version = &folder.protocol.version;
    let fact = Fact::ProtocolAdopted(ProtocolAdopted {
        version: version.id.clone(),
        date: version.date,
        reason: version.reason.clone(),
        sha256,
        text: folder.text.clone(),
    });
    let event = Event::new(recorded_at, user, fact);
    chain.append(event).map(|_| ()).map_err(Failure::fault)
}

/// The files of a folder by name, or the one file named.
fn sources(path: &Path, mapped: bool) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| Failure::unreadable(path, &error);
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        let is_known = entry.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            stem(name).is_some() || mapped && name.to_ascii_lowercase().ends_with(".xml")
        });
        if entry.is_file() && is_known {
            files.push(entry);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::input(format!(
            "{}: expected data sets (.csv, .csv.gz, .xpt, .json, .ndjson, .dsjc, .xlsx), found none; mend: name the folder that holds them",
            path.display()
        )));
    }
    Ok(files)
}

fn source(path: PathBuf) -> SourceFile {
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    SourceFile { name, open: Box::new(move || File::open(&path).map(|file| Box::new(file) as Box<dyn Read>)) }
}

fn print(report: &ImportReport) {
    let rows = report.files.iter().map(|file| {
        let counts = file.counts;
        let what = match &file.outcome {
            Outcome::Taken => "taken".to_owned(),
            Outcome::NotTaken(why) => format!("not taken: {why}"),
            Outcome::Refused(_) => "refused whole".to_owned(),
        };
        vec![
            file.file.clone(),
            file.domain.clone().unwrap_or_else(|| "-".to_owned()),
            counts.read.to_string(),
            counts.taken.to_string(),
            counts.corrected.to_string(),
            counts.unchanged.to_string(),
            counts.refused.to_string(),
            counts.set_aside.to_string(),
            what,
        ]
    });
    output::text(&output::table(
        &["file", "domain", "rows", "taken", "corrected", "unchanged", "refused", "set aside", ""],
        rows,
    ));
    for file in &report.files {
        print_file(file);
    }
    let total = report.total;
    output::text(&format!(
        "{} rows read: {} taken, {} corrected, {} unchanged, {} refused, {} set aside, {} vanished.",
        total.read,
        total.taken,
        total.corrected,
        total.unchanged,
        total.refused,
        total.set_aside,
        total.vanished
    ));
}

fn print_file(file: &FileReport) {
    if let Outcome::Refused(problem) = &file.outcome {
        output::text(&format!("refused: {problem}"));
    }
    for (what, listed) in [("refused", &file.refusals), ("warning", &file.warnings)] {
        for problem in listed.first.iter().take(SHOWN) {
            output::text(&format!("{what}: {problem}"));
        }
        let more = listed.count.saturating_sub(SHOWN as u64);
        if more > 0 {
            output::text(&format!("{what}: {} more in {} (--json lists them)", more, file.file));
        }
    }
    for (reason, count) in &file.set_aside_because {
        output::text(&format!("set aside: {}: {count} rows: {reason}", file.file));
    }
}
