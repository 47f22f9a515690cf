//! A real PostgreSQL server for the tests, and events to append.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::expect_used, unreachable_pub, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use posology_record::ledger::{Head, Line, Location};
use posology_trial::event::{Chain, CohortOpened, Event, canonical};

/// A server of its own in a temporary folder, stopped when the test process ends it.
pub struct Server {
    folder: PathBuf,
    bin: PathBuf,
    pub port: u16,
    as_user: bool,
    process: Mutex<Option<Child>>,
}

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static DATABASE: AtomicU32 = AtomicU32::new(0);

fn bin() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.into_iter().rev().find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"))
}

/// A command, run as a user other than root where this process is root: PostgreSQL refuses root.
fn plain(as_user: bool, program: &Path) -> Command {
    if as_user {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl Server {
    fn start(name: &str) -> Option<Self> {
        let bin = bin()?;
        let folder = std::env::temp_dir().join(format!("posology-postgres-{}{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).ok()?;
        let as_user = is_root();
        if as_user {
            let done = Command::new("chown").arg("nobody:nogroup").arg(&folder).status().ok()?;
            if !done.success() {
                return None;
            }
        }
        let data = folder.join("data");
        let made = plain(as_user, &bin.join("initdb"))
            .args(["-A", "trust", "-U", "posology", "-E", "UTF8", "--no-locale", "-D"])
            .arg(&data)
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok()?;
        if !made.success() {
            return None;
        }
        // A free port of the loopback.
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let server = Self { folder, bin, port, as_user, process: Mutex::new(None) };
        stop_with_this_process(&server);
        server.launch().then_some(server)
    }

    /// Starts the server on its folder, again after a crash; whether it answers.
    pub fn launch(&self) -> bool {
        let mut process = self.process.lock().unwrap();
        let start = Instant::now();
        // What a killed server left running lets go of its memory only in a moment; until then a new one ends at once.
        while start.elapsed() < Duration::from_secs(30) {
            let spawned = plain(self.as_user, &self.bin.join("postgres"))
                .arg("-D")
                .arg(self.folder.join("data"))
                .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-c", "max_connections=120"])
                .arg("-k")
                .arg(&self.folder)
                .current_dir(&self.folder)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut child) = spawned else { return false };
            while matches!(child.try_wait(), Ok(None)) && start.elapsed() < Duration::from_secs(60) {
                if postgres::Client::connect(&self.address("postgres"), postgres::NoTls).is_ok() {
                    *process = Some(child);
                    return true;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        false
    }

    pub fn address(&self, database: &str) -> String {
        format!("postgres://posology@127.0.0.1:{}/{database}", self.port)
    }

    /// Ends the server as a crash would: by a signal (`KILL`, `QUIT`) to its first process, which cleans nothing up.
    pub fn crash(&self, signal: &str) {
        if let Some(mut child) = self.process.lock().unwrap().take() {
            let done = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
            assert!(done.is_ok_and(|done| done.success()));
            child.wait().unwrap();
        }
    }

    /// A new empty database, kept in a folder of its own if one is given.
    pub fn create(&self, folder: Option<&Path>) -> Location {
        let name = format!("t{}", DATABASE.fetch_add(1, Ordering::Relaxed));
        let mut client = postgres::Client::connect(&self.address("postgres"), postgres::NoTls).unwrap();
        let mut sql = format!("CREATE DATABASE {name}");
        if let Some(folder) = folder {
            if self.as_user {
                assert!(Command::new("chown").arg("nobody:nogroup").arg(folder).status().unwrap().success());
            }
            let place = format!("CREATE TABLESPACE space_{name} LOCATION '{}'", folder.display());
            client.batch_execute(&place).unwrap();
            sql.push_str(&format!(" TABLESPACE space_{name}"));
        }
        client.batch_execute(&sql).unwrap();
        Location::Postgres(self.address(&name))
    }
}

/// The server of this process; `None` where there is none to be had, and the test has said so.
pub fn server() -> Option<&'static Server> {
    let server = SERVER.get_or_init(|| Server::start(""));
    if server.is_none() {
        println!("skipped: no PostgreSQL server");
    }
    server.as_ref()
}

/// A server of a test's own, that it may crash.
pub fn server_to_crash(name: &str) -> Option<Server> {
    let server = Server::start(name);
    if server.is_none() {
        println!("skipped: no PostgreSQL server");
    }
    server
}

/// A watcher outlives this process by a moment and takes the server and its folder away.
fn stop_with_this_process(server: &Server) {
    let script = format!(
        "while kill -0 {} 2>/dev/null; do sleep 0.2; done; \
         pid=$(head -1 '{folder}/data/postmaster.pid'); \
         grep -qa '{folder}' /proc/$pid/cmdline && kill -INT $pid; sleep 2; rm -rf '{folder}'",
        std::process::id(),
        folder = server.folder.display()
    );
    let _ = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

/// An empty database.
pub fn database() -> Option<Location> {
    Some(server()?.create(None))
}

/// Both stores, empty; the folder holds the file of the first.
pub fn stores() -> (tempfile::TempDir, Vec<Location>) {
    let folder = tempfile::tempdir().unwrap();
    let mut stores = vec![Location::File(folder.path().join("record.db"))];
    stores.extend(database());
    (folder, stores)
}

/// An event, different for each number.
pub fn event(number: u64) -> Event {
    let fact =
        CohortOpened { cohort: format!("C{number}"), date: jiff::civil::date(2020, 1, 1), places: None };
    Event::new("2020-01-01T00:00:00Z".parse().unwrap(), "test", fact)
}

/// Lines that follow a head.
pub fn lines(head: &Head, numbers: impl IntoIterator<Item = u64>) -> Vec<Line> {
    let mut previous = head.hash.clone();
    numbers
        .into_iter()
        .map(|number| {
            let body = canonical(&event(number)).unwrap();
            let hash = posology_trial::event::sha256(format!("{previous}{body}").as_bytes());
            previous.clone_from(&hash);
            Line { hash, body }
        })
        .collect()
}

/// A chain of so many events.
pub fn chain(count: u64) -> Chain {
    let mut chain = Chain::default();
    for number in 0..count {
        chain.append(event(number)).unwrap();
    }
    chain
}
