//! A folder of packet files, by their hashes.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use posology_trial::event::PacketFile;
use sha2::{Digest, Sha256};

use crate::hexadecimal;

/// The files of a folder and of the folders in it.
pub(super) struct Folder {
    hashes: HashSet<String>,
    by_name: BTreeMap<String, String>,
}

/// Whether a frozen file is in the folder.
pub(super) enum Held {
    /// With the bytes frozen.
    Same,
    /// Under its name, with other bytes: their SHA-256.
    Other(String),
    /// Not at all.
    NotThere,
}

/// Folders in folders, at most: packets lie one below the other.
const DEPTH: usize = 4;

impl Folder {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let mut folder = Self { hashes: HashSet::new(), by_name: BTreeMap::new() };
        folder.add(path, DEPTH).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(folder)
    }

    fn add(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && depth > 0 {
                self.add(&entry.path(), depth - 1)?;
            } else if kind.is_file() {
                let hash = sha256_of(&entry.path())?;
                self.by_name.insert(entry.file_name().to_string_lossy().into_owned(), hash.clone());
                self.hashes.insert(hash);
            }
        }
        Ok(())
    }

    pub(super) fn holds(&self, file: &PacketFile) -> Held {
        if self.hashes.contains(&file.sha256) {
            return Held::Same;
        }
        let name = Path::new(&file.name).file_name().map(|name| name.to_string_lossy().into_owned());
        name.and_then(|name| self.by_name.get(&name)).map_or(Held::NotThere, |hash| Held::Other(hash.clone()))
    }
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher) = (fs::File::open(path)?, Sha256::new());
    let mut buffer = [0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hexadecimal::write(&hasher.finalize()));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}
