//! A trial served by the real binary, and how its people sign in.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::chromium::Person;

/// The password of everyone in the example.
pub(crate) const PASSWORD: &str = "synthetic patients only";

/// A picture's place under `target/screenshots/`.
pub(crate) fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots").join(name)
}

/// A trial in a folder of its own, with its pages served on a free port until the test ends.
pub(crate) struct Served {
    pub(crate) address: String,
    /// The folder of the trial.
    pub(crate) trial: PathBuf,
    _folder: tempfile::TempDir,
    process: Child,
    /// Kept open, so that what it may say later does not end it.
    _stdout: ChildStdout,
}

impl Served {
    /// The example, restored whole with the accounts of its invented people.
    pub(crate) fn example() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clr131");
        let restored = Command::new(env!("CARGO_BIN_EXE_posology"))
            .args(["trial", "restore"])
            .args([&example, &folder.path().join("clr131")])
            .arg("--accounts")
            .arg(example.join("accounts.ndjson"))
            .env_remove("POSOLOGY_RECORD")
            .output()
            .unwrap();
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        Self::serve(folder, "clr131")
    }

    /// A trial's folder within `folder`.
    pub(crate) fn serve(folder: tempfile::TempDir, trial: &str) -> Self {
        let trial = folder.path().join(trial);
        let mut process = Command::new(env!("CARGO_BIN_EXE_posology"))
            .arg("serve")
            .arg(&trial)
            .args(["--port", "0", "--json"])
            .env_remove("POSOLOGY_RECORD")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut stdout = process.stdout.take().unwrap();
        let mut said = serde_json::Deserializer::from_reader(&mut stdout).into_iter::<serde_json::Value>();
        let said = said.next().unwrap().unwrap();
        let address = said["address"].as_str().unwrap().to_owned();
        Self { address, trial, _folder: folder, process, _stdout: stdout }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Person {
    /// Opens a page, and signs in first where the pages ask for it.
    pub(crate) fn comes_to(&self, path: &str, user: &str, password: &str, code: Option<&str>) {
        self.open(path);
        if !self.path().starts_with("/sign-in") {
            return;
        }
        self.fill("User", user);
        self.fill("Password", password);
        if let Some(code) = code {
            self.fill("Code", code);
        }
        self.press("Sign in");
        if !self.path().starts_with(path) {
            self.open(path);
        }
    }
}
