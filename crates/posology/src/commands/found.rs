//! `trial new`, `trial found`: a protocol to begin with, and a record that begins with it.

use std::path::PathBuf;

use clap::Args;
use posology_record::desk::{Desk, Founding};
use posology_trial::event::Mode;

use crate::desk::{self, new_secret};
use crate::failure::Failure;
use crate::folder::{Folder, write_atomically};
use crate::output;

/// Protocols to begin with, each with what it is.
const TEMPLATES: [(&str, &str, &str); 2] = [
    ("minimal", "the least a protocol must say", include_str!("../../../../examples/minimal/trial.toml")),
    (
        "clr131",
        "dose escalation of a radiotherapeutic in multiple myeloma, in one infusion or in fractions",
        include_str!("../../../../examples/clr131/trial.toml"),
    ),
];

#[derive(Args)]
pub(crate) struct New {
    /// Folder to make
    dir: PathBuf,
    /// What to begin with: minimal or clr131
    #[arg(long, default_value = "minimal")]
    template: String,
}

pub(crate) fn new(args: &New, json: bool) -> Result<(), Failure> {
    let Some((_, _, text)) = TEMPLATES.iter().find(|(name, ..)| *name == args.template) else {
        let known: Vec<String> = TEMPLATES.iter().map(|(name, says, _)| format!("{name} ({says})")).collect();
        return Err(Failure::input(format!(
            "--template: expected one of {}, found {:?}; mend: name one of them",
            known.join("; "),
            args.template
        )));
    };
    let path = args.dir.join("trial.toml");
    if path.exists() {
        return Err(Failure::input(format!(
            "{}: expected no protocol, found one; mend: choose another folder",
            path.display()
        )));
    }
    write_atomically(&path, text.as_bytes())?;
    if json {
        output::json(&serde_json::json!({ "ok": true, "wrote": path }));
    } else {
        output::text(&format!(
            "Wrote {}. Make it yours, see `posology trial check {dir}`, then begin its record with `posology trial found {dir} --as YOU --name \"Your Name\"`.",
            path.display(),
            dir = args.dir.display()
        ));
    }
    Ok(())
}

#[derive(Args)]
pub(crate) struct Found {
    /// Folder of the trial
    dir: PathBuf,
    /// User name of the founder, who becomes the administrator
    #[arg(long = "as", env = "POSOLOGY_USER", value_name = "USER")]
    user: String,
    /// Their name, as it is printed with signatures
    #[arg(long)]
    name: String,
    /// Where data originate: capture (recorded here) or follow (imported from another system)
    #[arg(long, default_value = "capture")]
    mode: String,
    /// A kind of event for which the other mode holds; may be repeated
    #[arg(long, value_name = "EVENT")]
    except: Vec<String>,
}

pub(crate) fn found(args: &Found, json: bool) -> Result<(), Failure> {
    let folder = Folder::open(&args.dir)?;
    let mode = match args.mode.as_str() {
        "capture" => Mode::Capture,
        "follow" => Mode::Follow,
        other => {
            return Err(Failure::input(format!(
                "--mode: expected capture or follow, found {other:?}; mend: write one of them"
            )));
        }
    };
    let location = desk::new_location(&folder)?;
    let passphrase = new_secret(
        "POSOLOGY_ROOT_PASSPHRASE",
        "Passphrase of the trial's root key (it certifies people; keep it apart)",
    )?;
    let password = new_secret("POSOLOGY_PASSWORD", &format!("Password of {}", args.user))?;
    let founding = Founding {
        protocol: &folder.protocol,
        text: &folder.text,
        mode,
        except: args.except.clone(),
        user: &args.user,
        name: &args.name,
        password: &password,
        passphrase: &passphrase,
    };
    let (_, recorded, root_key) = Desk::found(&location, &founding, desk::HERE)?;
    let (appended, trial) = (recorded.appended, &folder.protocol.trial.id);
    if json {
        output::json(&serde_json::json!({
            "ok": true, "trial": trial, "record": location.shown(), "root-key": root_key,
            "events": appended.last, "head": appended.hash,
        }));
    } else {
        output::text(&format!(
            "Founded the record of {trial} at {}, with version {} of its protocol.\nRoot key {root_key}\nNote the root key where the record is not: with it anyone can tell this record from another.\nNext: people (`posology trial person`), sites (`posology trial record {} site-opened --help`).",
            location.shown(),
            folder.protocol.version.id,
            args.dir.display(),
        ));
    }
    Ok(())
}
