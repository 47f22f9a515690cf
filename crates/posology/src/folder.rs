//! A trial's folder: `trial.toml`, and its events: those of its record, or of `events.ndjson` where it has none.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use posology_record::ledger::{Ledger, Location};
use posology_trial::event::{Chain, Fact, sha256};
use posology_trial::protocol::{Problem, Protocol};
use serde::Deserialize;

use crate::failure::Failure;

/// A trial's folder, read.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) protocol: Protocol,
    pub(crate) warnings: Vec<Problem>,
}

impl Folder {
    /// Reads the protocol of a folder, or of a `trial.toml` named itself.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let (path, file) = if path.is_file() {
            (path.parent().unwrap_or(Path::new(".")).to_owned(), path.to_owned())
        } else {
            (path.to_owned(), path.join("trial.toml"))
        };
        let bytes = fs::read(&file).map_err(|error| Failure::unreadable(&file, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Failure::input(format!(
                "{}: expected UTF-8 text, found another byte at {}; mend: save the file as UTF-8",
                file.display(),
                error.utf8_error().valid_up_to()
            ))
        })?;
        match Protocol::read(&text) {
            Ok((protocol, warnings)) => Ok(Self { path, text, protocol, warnings }),
            Err(problems) => Err(Failure::Problems {
                file: file.display().to_string(),
                problems: problems.into_vec(),
                text,
            }),
        }
    }

    /// SHA-256 of the protocol file.
    pub(crate) fn protocol_sha256(&self) -> String {
        sha256(self.text.as_bytes())
    }

    /// Where its events stand.
    pub(crate) fn events_path(&self) -> PathBuf {
        self.path.join("events.ndjson")
    }

    /// Where its record is kept, if it has one: named by `POSOLOGY_RECORD` or by `record` in `posology.toml`, or else a
    /// `record.db` in the folder.
    pub(crate) fn location(&self) -> Result<Option<Location>, Failure> {
        location(&self.path)
    }

    /// Its events, verified; none where there is no file yet.
    pub(crate) fn events(&self) -> Result<Chain, Failure> {
        if let Some(location) = self.location()? {
            let mut ledger = Ledger::open(&location).map_err(Failure::input)?;
            return ledger.chain(&self.protocol.trial.id).map_err(Failure::input);
        }
        let path = self.events_path();
        match fs::read_to_string(&path) {
            Ok(text) => Chain::read(&text)
                .map_err(|problem| Failure::input(format!("{}: {problem}", self.path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Chain::default()),
            Err(error) => Err(Failure::unreadable(&path, &error)),
        }
    }

    /// The protocol by which events are judged, with the SHA-256 of its text: the one adopted last in a record, else the
    /// folder's, so that what another protocol would say can be tried on a file of events.
    pub(crate) fn in_force(&self, chain: &Chain) -> Result<(Protocol, String), Failure> {
        let adopted = chain.entries().iter().rev().find_map(|entry| match &entry.event.fact {
            Fact::ProtocolAdopted(adopted) => Some(adopted),
            _ => None,
        });
        if self.location()?.is_some()
            && let Some(adopted) = adopted.filter(|_| is_founded(chain))
            && let Ok((protocol, _)) = Protocol::read(&adopted.text)
        {
            return Ok((protocol, adopted.sha256.clone()));
        }
        Ok((self.protocol.clone(), self.protocol_sha256()))
    }
}

/// Whether events are those of a founded trial, not a mere file of facts.
pub(crate) fn is_founded(chain: &Chain) -> bool {
    chain.entries().first().is_some_and(|entry| matches!(entry.event.fact, Fact::TrialFounded(_)))
}

/// Settings of a folder that are no part of the protocol: `posology.toml`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// Where the record is kept: a path, or a `postgres://` address.
    record: Option<String>,
}

/// Where the record of a folder is kept, if it has one.
pub(crate) fn location(dir: &Path) -> Result<Option<Location>, Failure> {
    if let Ok(named) = std::env::var("POSOLOGY_RECORD")
        && !named.is_empty()
    {
        return Ok(Some(Location::parse(&named)));
    }
    let path = dir.join("posology.toml");
    let settings: Settings = match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|error| {
            Failure::input(format!(
                "{}: expected `record = \"…\"`, found {}; mend: write where the record is kept, a path or postgres://…",
                path.display(),
                error.message()
            ))
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Settings::default(),
        Err(error) => return Err(Failure::unreadable(&path, &error)),
    };
    if let Some(named) = settings.record {
        return Ok(Some(match Location::parse(&named) {
            Location::File(file) => Location::File(dir.join(file)),
            other => other,
        }));
    }
    let file = dir.join("record.db");
    Ok(file.is_file().then_some(Location::File(file)))
}

/// Held while the events of a folder are read and written again, so that two commands cannot lose each other's.
pub(crate) struct Lock(PathBuf);

impl Folder {
    /// Takes the lock of the folder's events.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        let path = self.path.join("events.ndjson.lock");
        match fs::File::create_new(&path) {
            Ok(_) => Ok(Lock(path)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::input(format!(
                "{}: expected no other command at work on these events, found its lock; mend: wait for it, or delete the lock if none runs",
                path.display()
            ))),
            Err(error) => Err(Failure::unreadable(&path, &error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes a file whole or not at all: beside its place first, then renamed.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| {
        Failure::input(format!(
            "{}: cannot be written: {error}; mend: check the folder and its rights",
            path.display()
        ))
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = fs::File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        unwritable(error)
    })
}

/// A cut-off: a day counts to its end, in UTC.
pub(crate) fn parse_cut(text: &str) -> Result<Timestamp, Failure> {
    posology_trial::cut::cut_off(text).ok_or_else(|| {
        Failure::input(format!(
            "--cut: expected a day such as 2019-05-03 or a time such as 2019-05-03T12:00:00Z, found {text:?}; mend: write it so"
        ))
    })
}
