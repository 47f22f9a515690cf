//! Files of another system: shown first what they would change and do, then taken.

use std::io::{Cursor, Read};

use maud::{Markup, html};
use posology_exchange::dataset::ReadOptions;
use posology_exchange::limits::Limits;
use posology_exchange::sdtm::{
    ImportOptions, ImportOutcome, ImportReport, KnownRows, Outcome, SourceFile, import as read,
};
use posology_record::desk::{Followed, Gone, Snapshot};
use posology_trial::event::{FileTaken, Kind, sha256};
use posology_trial::follow::Change;

use super::field;
use crate::View;
use crate::ask::{Answer, Asked, Failed, Upload};
use crate::layout::{self, csrf};

/// Rows of a difference that a page shows; the API gives all.
const ROWS: usize = 200;

pub(crate) fn page(asked: &Asked) -> Answer {
    let view = asked.view()?;
    let body = form(asked, &view);
    Ok(layout::page(asked, &view, "/record", "Import", &body))
}

fn form(asked: &Asked, view: &View) -> Markup {
    let user = asked.user().unwrap_or_default();
    html! {
        p { "SDTM data sets as CSV, SAS transport or Dataset-JSON. A dry run shows what they would change, row by row, and what that would do to the trial." }
        form .entry method="post" action="/import" enctype="multipart/form-data" {
            (csrf(asked))
            (field("Files", html! { input type="file" name="files" multiple required; }))
            (super::entry::roles(view, user, Kind::SnapshotImported, ""))
            p {
                button name="step" value="dry-run" { "Dry run" }
                " "
                button name="step" value="take" { "Take them into the record" }
            }
        }
    }
}

/// What a taking does, or would do, with the report on the files.
pub(crate) fn taken(
    asked: &Asked,
    dry_run: bool,
    role: Option<&str>,
) -> Result<(ImportReport, Followed), Failed> {
    if asked.files.is_empty() {
        return Err(Failed::asked("files: expected at least one data set, found none; mend: choose files"));
    }
    asked.at_desk(|desk| {
        let by = asked.actor(desk, role, Kind::SnapshotImported)?;
        let sources: Vec<SourceFile> = asked.files.iter().map(source).collect();
        let options = ImportOptions {
            read: ReadOptions {
                limits: Limits { max_bytes: 256 << 20, ..Limits::default() },
                ..ReadOptions::default()
            },
            cut_off: None,
        };
        let ImportOutcome { report, events, gone } =
            read(&sources, &KnownRows::of(desk.record().chain()), &options);
        if report.is_empty() {
            let nothing =
                Followed { rows: Vec::new(), effects: Vec::new(), notes: Vec::new(), recorded: None };
            return Ok((report, nothing));
        }
        let gone = gone
            .into_iter()
            .map(|gone| {
                let whole = report.is_whole(&gone.origin.data_set);
                Gone { whole, event: gone.event, origin: gone.origin }
            })
            .collect();
        let snapshot = Snapshot {
            source: asked.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", "),
            files: asked.files.iter().map(|file| file_taken(file, &report)).collect(),
            rows: events.into_iter().map(|new| (new.origin, new.corrects, new.fact)).collect(),
            gone,
        };
        let followed = desk.follow(&by, snapshot, dry_run)?;
        Ok((report, followed))
    })
}

fn source(file: &Upload) -> SourceFile {
    let bytes = file.bytes.clone();
    SourceFile {
        name: file.name.clone(),
        open: Box::new(move || Ok(Box::new(Cursor::new(bytes.clone())) as Box<dyn Read>)),
    }
}

fn file_taken(file: &Upload, report: &ImportReport) -> FileTaken {
    let (mut rows, mut taken, mut vanished) = (0, 0, 0);
    for one in report.files.iter().filter(|one| one.file == file.name) {
        rows += one.counts.read;
        taken += one.counts.taken + one.counts.corrected;
        vanished += one.counts.vanished;
    }
    FileTaken { name: file.name.clone(), sha256: sha256(&file.bytes), rows, taken, vanished }
}

pub(crate) fn import(asked: &Asked) -> Answer {
    let dry_run = asked.field("step") != Some("take");
    let (report, followed) = taken(asked, dry_run, asked.field("entry.role"))?;
    asked.site.forget_age();
    let view = asked.view()?;
    let body = html! {
        @match &followed.recorded {
            Some(recorded) => p .said role="status" { "Taken, as events " (recorded.appended.first) " to " (recorded.appended.last) "." },
            None if report.is_empty() => p .flag role="alert" { "Nothing could be taken." },
            None if followed.rows.is_empty() => p .said role="status" { "The same as the last snapshot: nothing was added." },
            None => p .said role="status" { "A dry run: nothing was recorded." },
        }
        h2 { "Files" }
        (files(&report))
        h2 { "Effect on the trial" }
        @if followed.effects.is_empty() { p { "None on DLT status, evaluability or advice." } } @else {
            table {
                thead { tr { th scope="col" { "On" } th scope="col" { "What" } th scope="col" { "Before" } th scope="col" { "After" } th scope="col" { "Because" } } }
                tbody {
                    @for effect in &followed.effects {
                        tr {
                            th scope="row" { (effect.on) } td { (effect.what) }
                            td { (effect.before.as_deref().unwrap_or("none")) } td { (effect.after.as_deref().unwrap_or("none")) }
                            td { (effect.because.join("; ")) }
                        }
                    }
                }
            }
        }
        @for note in &followed.notes { p .flag { (note) } }
        h2 { "Row by row" }
        (rows(&followed))
        h2 { "Again" }
        (form(asked, &view))
    };
    Ok(layout::page(asked, &view, "/record", "Import", &body))
}

fn files(report: &ImportReport) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "File" } th scope="col" .n { "Rows" } th scope="col" .n { "New" } th scope="col" .n { "Changed" } th scope="col" .n { "Unchanged" } th scope="col" .n { "Refused" } th scope="col" .n { "Set aside" } th scope="col" { "" } } }
            tbody {
                @for file in &report.files {
                    tr {
                        th scope="row" { (file.file) }
                        td .n { (file.counts.read) } td .n { (file.counts.taken) } td .n { (file.counts.corrected) }
                        td .n { (file.counts.unchanged) } td .n .alert[file.counts.refused > 0] { (file.counts.refused) } td .n { (file.counts.set_aside) }
                        td { @match &file.outcome { Outcome::Taken => "", Outcome::NotTaken(why) => (why.to_string()), Outcome::Refused(problem) => (problem.to_string()) } }
                    }
                }
            }
        }
        @for file in &report.files {
            @for problem in &file.refusals.first { p .flag { (file.file) ": " (problem.to_string()) } }
            @for problem in &file.warnings.first { p .hint { (file.file) ": " (problem.to_string()) } }
        }
    }
}

fn rows(followed: &Followed) -> Markup {
    html! {
        @if followed.rows.is_empty() { p { "No row is new, changed or gone." } } @else {
            p { (followed.rows.len()) " rows are new, changed or gone" @if followed.rows.len() > ROWS { "; the first " (ROWS) " are shown" } "." }
            table {
                thead { tr { th scope="col" { "Change" } th scope="col" { "Data set" } th scope="col" { "Row" } th scope="col" { "Fact" } th scope="col" { "What" } } }
                tbody {
                    @for row in followed.rows.iter().take(ROWS) {
                        tr {
                            td { @match row.change { Change::New => "new", Change::Changed => "changed", Change::Gone => "gone" } }
                            td { (row.data_set) } th scope="row" { (row.key) } td { (row.kind) }
                            td {
                                @for field in &row.fields {
                                    (field.field) " "
                                    @if let Some(before) = &field.before { del { (before) } " " }
                                    @if let Some(after) = &field.after { (after) }
                                    "; "
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
