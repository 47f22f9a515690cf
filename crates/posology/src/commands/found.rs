//! `trial new`, `trial found`: a protocol to begin with, and a record that begins with it.

use std::path::PathBuf;

use clap::Args;
use posology_record::account::{Account, LockedRoot, Settings};
use posology_record::record::Record;
use posology_record::signature::SecretKey;
use posology_trial::conduct::Context;
use posology_trial::event::{
    Fact, KeyIssued, Mode, Person, ProtocolAdopted, Role, RoleGranted, TrialFounded,
};

use crate::desk::{self, ROOT, actor, entropy, new_secret};
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
    if args.user.starts_with('@') {
        return Err(Failure::input("--as: expected a name that does not begin with @; mend: choose another"));
    }
    let location = desk::new_location(&folder)?;
    let trial = folder.protocol.trial.id.clone();
    let mut record = Record::create(&location, &trial)?;

    let passphrase = new_secret(
        "POSOLOGY_ROOT_PASSPHRASE",
        "Passphrase of the trial's root key (it certifies people; keep it apart)",
    )?;
    let password = new_secret("POSOLOGY_PASSWORD", &format!("Password of {}", args.user))?;
    let (settings, now) = (Settings::default(), desk::now());
    let (root, key) = (SecretKey::from_entropy(entropy()?), SecretKey::from_entropy(entropy()?));
    let locked = LockedRoot::lock(&root, &passphrase, &entropy()?, &settings).map_err(Failure::input)?;
    let account = Account::create(&args.user, &password, false, &key, &entropy()?, now, &settings)
        .map_err(Failure::input)?;

    let founder = actor(&args.user, Role::Administrator);
    let user = args.user.clone();
    let certificate = root.certify(&trial, &user, &key.public()).map_err(Failure::input)?;
    let root_key = root.public().to_string();
    let facts: [Fact; 5] = [
        TrialFounded { trial: trial.clone(), root_key: root_key.clone(), mode, except: args.except.clone() }
            .into(),
        Person { user: user.clone(), printed_name: args.name.clone(), discipline: None }.into(),
        RoleGranted { user: user.clone(), role: Role::Administrator, site: None }.into(),
        KeyIssued { user: user.clone(), key: key.public().to_string(), certificate }.into(),
        adoption(&folder).into(),
    ];
    for fact in facts {
        record.stage(founder.event(now, fact), &Context::at(now))?;
    }
    // The keys first: a record whose root key nobody holds could never be worked with.
    for (name, body) in [
        (ROOT, serde_json::to_string(&locked).map_err(Failure::fault)?),
        (user.as_str(), serde_json::to_string(&account).map_err(Failure::fault)?),
    ] {
        let ledger = record.ledger();
        let version = ledger.account(&trial, name).map_err(Failure::input)?.map_or(0, |there| there.version);
        ledger.put_account(&trial, name, version, &body).map_err(Failure::input)?;
    }
    let (appended, _) = record.commit(None)?;
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

/// The folder's protocol, as a version adopted.
fn adoption(folder: &Folder) -> ProtocolAdopted {
    let version = &folder.protocol.version;
    ProtocolAdopted {
        version: version.id.clone(),
        date: version.date,
        reason: version.reason.clone(),
        sha256: folder.protocol_sha256(),
        text: folder.text.clone(),
    }
}
