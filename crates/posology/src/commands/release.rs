//! `release`: what a company says of a trial, checked and drafted.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use posology_report::checklist::{Standard, checklist};
use posology_report::release::{Checked, Verdict, check as check_text};
use posology_trial::analysis::Analysis;
use posology_trial::cut::Cut;

use crate::failure::Failure;
use crate::folder::{Folder, parse_cut, write_atomically};
use crate::output;

#[derive(Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Find the claims of a release and give each a verdict, against the text itself and, with a trial, against its record
    Check {
        /// Folder of the trial, and the text of the release; or the text alone
        #[arg(required = true, num_args = 1..=2, value_names = ["DIR", "FILE"])]
        paths: Vec<PathBuf>,
        /// Clinical cut-off of the release, a date or a time with its offset [default: the last recorded fact]
        #[arg(long)]
        cut: Option<String>,
    },
    /// Draft a summary of a data cut, cohort by cohort, with the claim sheet behind it
    Draft {
        /// Folder of the trial
        dir: PathBuf,
        /// Clinical cut-off, a date or a time with its offset [default: the last recorded fact]
        #[arg(long)]
        cut: Option<String>,
        /// Folder to write into
        #[arg(long)]
        out: PathBuf,
    },
    /// A reporting standard's checklist, filled from protocol and record, with what is missing
    Checklist {
        /// Folder of the trial
        dir: PathBuf,
        /// Which standard
        #[arg(long, value_parser = ["consort-define", "spirit-define"])]
        standard: String,
        /// Clinical cut-off, a date or a time with its offset [default: the last recorded fact]
        #[arg(long)]
        cut: Option<String>,
        /// Folder to write into; without, it is printed
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

pub(crate) fn run(command: &ReleaseCommand, json: bool) -> Result<(), Failure> {
    match command {
        ReleaseCommand::Check { paths, cut } => check(paths, cut.as_deref(), json),
        ReleaseCommand::Checklist { dir, standard, cut, out } => {
            let analysis = analysed(dir, cut.as_deref())?;
            let standard =
                if standard == "spirit-define" { Standard::SpiritDefine } else { Standard::ConsortDefine };
            let filled = checklist(standard, &analysis);
            if let Some(out) = out {
                let written = write(out, "checklist", &filled.document, "checklist.json", &filled.json())?;
                if !json {
                    output::text(&format!("Wrote {} to {}.", written.join(", "), out.display()));
                    return Ok(());
                }
            }
            if json {
                output::json(&filled.json());
            } else {
                output::text(&posology_report::markdown::write(&filled.document));
            }
            Ok(())
        }
        ReleaseCommand::Draft { dir, cut, out } => draft(dir, cut.as_deref(), out, json),
    }
}

/// A trial analysed at a cut.
fn analysed(dir: &Path, cut: Option<&str>) -> Result<Analysis, Failure> {
    let folder = Folder::open(dir)?;
    let chain = folder.events()?;
    let cut = Cut::freeze(&chain, cut.map(parse_cut).transpose()?).map_err(Failure::input)?;
    let (protocol, sha256) = folder.in_force(&chain)?;
    Analysis::of(&protocol, &sha256, &chain, &cut).map_err(Failure::input)
}

fn check(paths: &[PathBuf], cut: Option<&str>, json: bool) -> Result<(), Failure> {
    let (dir, file) = match paths {
        [dir, file] => (Some(dir), file),
        [file] => (None, file),
        _ => return Err(Failure::input("expected the text of a release; mend: name its file")),
    };
    if dir.is_none() && cut.is_some() {
        return Err(Failure::input(
            "--cut: expected a trial beside it, found a text alone; mend: name the folder of the trial before the file",
        ));
    }
    let bytes = fs::read(file).map_err(|error| Failure::unreadable(file, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::input(format!(
            "{}: expected text in UTF-8, found another byte at {at}; mend: save the text as UTF-8",
            file.display()
        ))
    })?;
    let analysis = dir.map(|dir| analysed(dir, cut)).transpose()?;
    let checked = check_text(&text, analysis.as_ref())
        .map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
    if json {
        output::json(&checked.json());
    } else {
        output::text(&shown(&checked, analysis.as_ref()));
    }
    if checked.is_contradicted() { Err(Failure::DoesNotHold) } else { Ok(()) }
}

fn draft(dir: &Path, cut: Option<&str>, out: &Path, json: bool) -> Result<(), Failure> {
    let analysis = analysed(dir, cut)?;
    let drafted = posology_report::release::draft(&analysis);
    let sheet = drafted.json();
    let names = write(out, "release", &drafted.document, "claims.json", &sheet)?;
    if json {
        output::json(&sheet);
        return Ok(());
    }
    output::text(&format!(
        "Wrote {} to {}: {} claims, each with its query and evidence. It is a draft: read it, and check what you change with `release check`.",
        names.join(", "),
        out.display(),
        drafted.claims.len()
    ));
    Ok(())
}

/// A document as Markdown, HTML and, where it is built in, PDF, with its data; the names written.
fn write(
    out: &Path,
    name: &str,
    document: &posology_report::document::Document,
    data_name: &str,
    data: &serde_json::Value,
) -> Result<Vec<String>, Failure> {
    let mut files = vec![
        (format!("{name}.md"), posology_report::markdown::write(document).into_bytes()),
        (format!("{name}.html"), posology_report::html::write(document).into_bytes()),
        (data_name.to_owned(), format!("{data:#}\n").into_bytes()),
    ];
    #[cfg(feature = "pdf")]
    files.push((format!("{name}.pdf"), posology_report::pdf::write(document).map_err(Failure::fault)?));
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    fs::create_dir_all(out).map_err(|error| Failure::unreadable(out, &error))?;
    for (name, bytes) in &files {
        write_atomically(&out.join(name), bytes)?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn shown(checked: &Checked, analysis: Option<&Analysis>) -> String {
    const WIDTH: usize = 100;
    let mut text = String::new();
    if let Some(analysis) = analysis {
        if analysis.protocol.trial.synthetic {
            text.push_str("Synthetic patients: none of these people exists.\n");
        }
        text.push_str(&format!("Against {} at {}\n", analysis.protocol.trial.id, analysis.cut.cut_off));
    }
    for verdict in Verdict::ALL {
        let of: Vec<_> = checked.claims.iter().filter(|claim| claim.verdict == verdict).collect();
        if of.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{} ({})\n", verdict.word().to_uppercase(), of.len()));
        for claim in of {
            let said = claim.text.split_whitespace().collect::<Vec<_>>().join(" ");
            text.push_str(&format!("  line {}, {}: \"{said}\"\n", claim.line, claim.kind.word()));
            for line in output::wrapped(&claim.because, WIDTH).lines() {
                text.push_str(&format!("      {line}\n"));
            }
        }
    }
    if !checked.not_read.is_empty() {
        text.push_str(&format!(
            "\nNOT READ ({}): no rule reads these; someone should\n",
            checked.not_read.len()
        ));
        for sentence in &checked.not_read {
            let said = sentence.text.split_whitespace().collect::<Vec<_>>().join(" ");
            for (place, line) in output::wrapped(&said, WIDTH).lines().enumerate() {
                let lead =
                    if place == 0 { format!("  line {}: ", sentence.line) } else { "      ".to_owned() };
                text.push_str(&format!("{lead}{line}\n"));
            }
        }
    }
    let sums: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, checked.claims.iter().filter(|claim| claim.verdict == verdict).count()))
        .map(|(verdict, count)| format!("{count} {}", verdict.word()))
        .collect();
    text.push_str(&format!("\n{} claims: {}.", checked.claims.len(), sums.join(", ")));
    text
}
