//! Killed, out of room, damaged: nothing acknowledged is lost, nothing unacknowledged is half there.
//!
//! 21 CFR 11.10(a), (c); ICH E6(R3) 4.2 (integrity), 4.3.4. A process killed loses no write that the operating system has
//! taken; that a commit is also on disk is asked of the stores (`synchronous`), and not tried here by cutting power.

#![allow(clippy::unwrap_used, clippy::panic)]

mod record;
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use posology_record::bundle::{self, Reader};
use posology_record::ledger::{self, Appended, Ledger, LedgerError, Location};
use posology_record::record::{Record, RecordError};
use posology_record::verify::{self, Against};
use posology_trial::conduct::Context;
use posology_trial::event::{Entry, Event, Fact, Meaning, Role, Statement};
use record::{TRIAL, bundled, key, laboratory, small};

/// What a process that this test started is to do.
const JOB: &str = "POSOLOGY_TEST_JOB";
const PLACE: &str = "POSOLOGY_TEST_PLACE";
const FROM: &str = "POSOLOGY_TEST_FROM";

/// Numbers that look random, from a seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }
}

/// Events of a group: from 1 to 6 results, and after those of every third group a signature.
fn size(group: u64) -> u64 {
    1 + Draw(group).below(6)
}

/// A trial that goes on being recorded.
struct Site {
    record: Record,
    now: Timestamp,
}

impl Site {
    /// Opens the record, or makes it from a bundle where there is none yet.
    fn open(location: &Location) -> Result<Self, RecordError> {
        let record = match Record::open(location, Some(TRIAL)) {
            Err(RecordError::Ledger(LedgerError::Absent { .. })) => {
                let mut ledger = Ledger::open_or_create(location)?;
                let text = bundled(small(1).chain());
                match bundle::restore(Reader::open(text.as_bytes()).unwrap(), &mut ledger) {
                    Ok(_) => Record::open(location, Some(TRIAL))?,
                    Err(bundle::BadBundle::Ledger(error)) => return Err(error.into()),
                    Err(other) => panic!("{other}"),
                }
            }
            other => other?,
        };
        let now = record.chain().entries().last().unwrap().event.recorded_at;
        Ok(Self { record, now })
    }

    fn stage(&mut self, role: Role, fact: impl Into<Fact>) -> Result<String, RecordError> {
        self.now = self.now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let event = Event { recorded_as: Some(role), ..Event::new(self.now, role.word(), fact) };
        self.record.stage(event, &Context::at(self.now))
    }

    /// Records a group, whole, under its own client key.
    fn group(&mut self, group: u64) -> Result<Appended, RecordError> {
        let size = size(group);
        let mut last = String::new();
        for place in 1..=size {
            let mut result = laboratory("S-1", "2020-02-01", &(group % 400).to_string());
            result.visit = Some(format!("{group} {place} {size}"));
            last = self.stage(Role::SiteCoordinator, result)?;
        }
        if group.is_multiple_of(3) {
            let secret = key(5);
            let statement = Statement {
                trial: TRIAL.into(),
                signs: last,
                user: Role::Sponsor.word().into(),
                printed_name: "Søren Üz".into(),
                role: Role::Sponsor,
                meaning: Meaning::Review,
                at: self.now.checked_add(SignedDuration::from_secs(1)).unwrap(),
                key: secret.public().to_string(),
            };
            self.stage(Role::Sponsor, secret.sign(statement).unwrap())?;
        }
        let command = ledger::Command { client_key: format!("group {group}"), digest: group.to_string() };
        Ok(self.record.commit(Some(&command))?.0)
    }
}

/// The process that is killed: records group after group and says of each when it begins and what was acknowledged.
fn writer() {
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    };
    // Whatever the harness printed, what follows stands in lines of its own.
    say(String::new());
    let location = Location::parse(&std::env::var(PLACE).unwrap());
    let first: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let mut site = match Site::open(&location) {
        Ok(site) => site,
        Err(error) => return say(format!("stopped {error:?}")),
    };
    say("ready".to_owned());
    for group in first.. {
        say(format!("begins {group}"));
        match site.group(group) {
            Ok(done) => say(format!("done {group} {} {} {}", done.first, done.last, done.hash)),
            Err(error) => return say(format!("stopped {error:?}")),
        }
    }
}

fn is_job(name: &str) -> bool {
    std::env::var(JOB).is_ok_and(|job| job == name)
}

/// This test binary again, to run one test only, which then does its job.
fn process(test: &str, location: &Location, from: u64) -> Command {
    let place = match location {
        Location::File(path) => path.display().to_string(),
        Location::Postgres(address) => address.clone(),
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(JOB, test).env(PLACE, place).env(FROM, from.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// A process that writes, and what it has said so far.
struct Writer {
    child: Child,
    lines: BufReader<ChildStdout>,
    text: String,
}

impl Writer {
    fn start(test: &str, location: &Location, from: u64) -> Self {
        let mut child = process(test, location, from).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, text: String::new() }
    }

    /// Waits for a line that begins with a word.
    fn says(&mut self, word: &str) {
        loop {
            let from = self.text.len();
            let read = self.lines.read_line(&mut self.text).unwrap();
            assert_ne!(read, 0, "the writer ended by itself: {}", self.text);
            if self.text[from..].split(' ').next().unwrap().trim() == word {
                return;
            }
        }
    }

    /// Kills it at a random moment, and gives back all that it said. One in four at any moment from its start; the
    /// others after none to three appends, in the time that one and a half take.
    fn killed(mut self, draw: &mut Draw) -> String {
        let mut pace = Duration::from_millis(60);
        if draw.below(4) > 0 {
            self.says("ready");
            let start = Instant::now();
            let appends = u32::try_from(draw.below(4)).unwrap();
            for _ in 0..appends {
                self.says("done");
            }
            pace = start.elapsed().checked_div(appends).unwrap_or(Duration::from_millis(10));
        }
        let most = u64::try_from(pace.as_micros()).unwrap() * 3 / 2;
        std::thread::sleep(Duration::from_micros(draw.below(most.max(1))));
        self.child.kill().unwrap();
        self.ended()
    }

    /// All that it said, once it has ended.
    fn ended(mut self) -> String {
        self.child.wait().unwrap();
        self.lines.read_to_string(&mut self.text).unwrap();
        self.text
    }
}

/// What was said of a record by all the processes that wrote to it.
#[derive(Default)]
struct Witness {
    done: BTreeMap<u64, (u64, u64, String)>,
    begun: Option<u64>,
    /// How many processes were killed before they could write, and how many between beginning and acknowledgement.
    early: u64,
    midway: u64,
}

impl Witness {
    /// Takes in what a process said; why it stopped, if it did so by itself.
    fn hears(&mut self, text: &str) -> Option<String> {
        let (mut ready, mut pending) = (false, false);
        let mut stopped = None;
        for line in text.lines() {
            let mut words = line.split(' ');
            let word = words.next().unwrap_or_default();
            let mut number = || words.next().unwrap().parse::<u64>().unwrap();
            match word {
                "ready" => ready = true,
                "begins" => {
                    self.begun = Some(number());
                    pending = true;
                }
                // A line cut short by the kill was no acknowledgement: it ends with the 64 digits of a hash.
                "done" if line.rsplit(' ').next().is_some_and(|hash| hash.len() == 64) => {
                    let (group, first, last) = (number(), number(), number());
                    self.done.insert(group, (first, last, words.next().unwrap().to_owned()));
                    pending = false;
                }
                "stopped" => stopped = Some(line.to_owned()),
                _ => {}
            }
        }
        self.early += u64::from(!ready);
        self.midway += u64::from(pending);
        stopped
    }

    /// The group to begin with next: the last one begun again, under its own key, whether it was done or not.
    fn next(&self) -> u64 {
        self.begun.unwrap_or(1)
    }

    /// Holds the record against what was said of it.
    #[track_caller]
    fn holds(&self, location: &Location) {
        let mut ledger = match Ledger::open(location) {
            Err(LedgerError::Absent { .. }) => {
                assert!(self.done.is_empty(), "a record acknowledged is not there");
                return;
            }
            other => other.unwrap(),
        };
        let mut entries: Vec<Entry> = Vec::new();
        ledger
            .for_each::<LedgerError>(TRIAL, 1, |position, line| {
                assert_eq!(position, entries.len() as u64 + 1, "positions without gaps");
                entries.push(Entry::of(&line.body, &line.hash, 1).unwrap());
                Ok(())
            })
            .unwrap();
        let founded = small_events();
        if entries.is_empty() {
            assert!(self.done.is_empty(), "a record acknowledged is empty");
            return;
        }
        assert!(entries.len() >= founded, "a bundle restored half: {} events", entries.len());
        let mut groups: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        let mut place = founded;
        while let Some(entry) = entries.get(place) {
            let number = |entry: &Entry| match &entry.event.fact {
                Fact::Laboratory(result) => {
                    result.visit.as_deref().unwrap().split(' ').map(|word| word.parse().unwrap()).collect()
                }
                other => vec![u64::MAX, other.kind() as u64],
            };
            let group: u64 = number(entry)[0];
            for part in 1..=size(group) {
                let found = entries.get(place).map(number);
                assert_eq!(found, Some(vec![group, part, size(group)]), "group {group}, event {}", place + 1);
                place += 1;
            }
            if group.is_multiple_of(3) {
                let fact = entries.get(place).map(|entry| &entry.event.fact);
                assert!(matches!(fact, Some(Fact::Signature(_))), "group {group} without its signature");
                place += 1;
            }
            let first = groups.last_key_value().map_or(founded as u64, |(_, (_, last))| *last) + 1;
            assert!(groups.insert(group, (first, place as u64)).is_none(), "group {group} twice");
        }
        for (group, (first, last, hash)) in &self.done {
            assert_eq!(groups.get(group), Some(&(*first, *last)), "group {group} was acknowledged");
            assert_eq!(&entries[usize::try_from(*last).unwrap() - 1].hash, hash);
        }
        let numbers: Vec<u64> = groups.keys().copied().collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "groups without gaps");
        assert!(numbers.len() as u64 <= self.begun.unwrap_or(0), "a group that nobody began");
        let report = verify::ledger(&mut ledger, TRIAL, &Against::default()).unwrap();
        assert!(report.is_whole(), "{report}");
    }
}

fn small_events() -> usize {
    use std::sync::OnceLock;
    static EVENTS: OnceLock<usize> = OnceLock::new();
    *EVENTS.get_or_init(|| small(1).chain().entries().len())
}

const SEQUENCES: u64 = 200;
/// Sequences upon one record.
const ROUND: u64 = 10;

/// Two hundred processes killed while they write, ten upon each record.
fn two_hundred_kills(test: &str, seed: u64, mut fresh: impl FnMut() -> Location, settled: fn(&Location)) {
    let mut draw = Draw(seed);
    let (mut done, mut early, mut midway) = (0, 0, 0);
    for _ in 0..SEQUENCES / ROUND {
        let location = fresh();
        let mut witness = Witness::default();
        for _ in 0..ROUND {
            let text = Writer::start(test, &location, witness.next()).killed(&mut draw);
            let stopped = witness.hears(&text);
            assert_eq!(stopped, None, "the writer stopped by itself");
            settled(&location);
            witness.holds(&location);
        }
        // The next process repeats what was begun last, under its key: then it is there, and once.
        let mut site = Site::open(&location).unwrap();
        let group = witness.next();
        let again = site.group(group).unwrap();
        witness.begun = Some(group);
        witness.done.insert(group, (again.first, again.last, again.hash));
        witness.holds(&location);
        done += witness.done.len();
        early += witness.early;
        midway += witness.midway;
    }
    println!(
        "seed {seed}: {SEQUENCES} processes killed, {early} before they wrote, {midway} in the midst of an append; \
         {done} appends acknowledged, none lost"
    );
    assert!(midway >= 20 && done >= 150, "too few were killed while writing: {midway}, {done}");
}

#[test]
fn nothing_acknowledged_is_lost_when_writers_on_sqlite_are_killed() {
    const NAME: &str = "nothing_acknowledged_is_lost_when_writers_on_sqlite_are_killed";
    if is_job(NAME) {
        return writer();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut files = 0;
    let fresh = || {
        files += 1;
        Location::File(folder.path().join(format!("{files}.db")))
    };
    two_hundred_kills(NAME, 20_200_201, fresh, |location| {
        let Location::File(path) = location else { panic!("a file") };
        if path.is_file() {
            let database = rusqlite::Connection::open(path).unwrap();
            let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(sound, "ok");
        }
    });
}

/// Waits until the server has noticed that the client is gone, and finished or undone what it had begun.
fn nobody_else_writes(location: &Location) {
    let Location::Postgres(address) = location else { panic!("a server") };
    let mut client = postgres::Client::connect(address, postgres::NoTls).unwrap();
    let start = Instant::now();
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while client.query_one(sql, &[]).unwrap().get::<_, i64>(0) > 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "the server still serves a killed client");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_writers_on_postgresql_are_killed() {
    const NAME: &str = "nothing_acknowledged_is_lost_when_writers_on_postgresql_are_killed";
    if is_job(NAME) {
        return writer();
    }
    if support::server().is_none() {
        return;
    }
    two_hundred_kills(NAME, 20_200_202, || support::database().unwrap(), nobody_else_writes);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    const NAME: &str = "nothing_acknowledged_is_lost_when_the_server_is_killed";
    if is_job(NAME) {
        return writer();
    }
    let Some(server) = support::server_to_crash("-crash") else { return };
    let location = server.create(None);
    let mut draw = Draw(20_200_203);
    let mut witness = Witness::default();
    // A connection that outlives each crash: told that the store is gone, and served again when it is back.
    let mut held = Ledger::open_or_create(&location).unwrap();
    for signal in ["KILL", "QUIT", "KILL", "QUIT"] {
        let mut writer = Writer::start(NAME, &location, witness.next());
        for _ in 0..5 + draw.below(10) {
            writer.says("done");
        }
        std::thread::sleep(Duration::from_micros(draw.below(20_000)));
        server.crash(signal);
        let stopped = witness.hears(&writer.ended());
        assert!(stopped.as_ref().is_some_and(|why| why.contains("Unreachable")), "{signal}: {stopped:?}");
        let gone = held.head(TRIAL).unwrap_err();
        assert!(matches!(gone, LedgerError::Unreachable { .. }), "{gone}");
        assert!(server.launch(), "the server does not start again");
        nobody_else_writes(&location);
        witness.holds(&location);
        assert!(held.head(TRIAL).unwrap().position > 0);
    }
    println!(
        "seed 20200203: 4 crashes of the server, {} appends acknowledged, none lost",
        witness.done.len()
    );
    assert!(witness.done.len() >= 16, "{}", witness.done.len());
    server.crash("INT");
}

/// Records until there is no room, makes room and goes on: on the same connection, and on a new one.
fn until_full(location: &Location, filler: &Path, bytes: usize) {
    std::fs::write(filler, vec![7; bytes]).unwrap();
    let mut site = Site::open(location).unwrap();
    let mut witness = Witness::default();
    let mut group = 1;
    for _ in 0..2 {
        let error = loop {
            witness.begun = Some(group);
            match site.group(group) {
                Ok(done) => {
                    witness.done.insert(group, (done.first, done.last, done.hash));
                    group += 1;
                }
                Err(error) => break error,
            }
            assert!(group < 100_000, "the disk is never full");
        };
        let RecordError::Ledger(full @ LedgerError::Full { .. }) = &error else { panic!("{error:?}") };
        assert!(full.to_string().contains("expected room to write, found none"), "{full}");
        println!("{full} (after {group} appends)");
        // What is there can be read and is whole, though nothing can be written.
        let mut chain = Vec::new();
        site.record
            .ledger()
            .for_each::<LedgerError>(TRIAL, 1, |_, line| {
                chain.push(line);
                Ok(())
            })
            .unwrap();
        assert_eq!(chain.last().map(|line| &line.hash), witness.done.values().last().map(|done| &done.2));
        std::fs::remove_file(filler).unwrap();
        let done = site.group(group).unwrap();
        assert!(!done.repeated);
        witness.done.insert(group, (done.first, done.last, done.hash));
        witness.holds(location);
        group += 1;
        drop(site);
        site = Site::open(location).unwrap();
        // As much of it as there is room for.
        let _ = std::fs::write(filler, vec![7; bytes / 2]);
    }
}

/// Runs a test again in a mount namespace of its own, where a folder is a small file system; whether mounting was
/// permitted. It goes away with the process.
fn on_a_small_disk(test: &str, kib: u32) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=\"$1\"k tmpfs \"$2\" || exit 77; shift 2; exec \"$@\"";
    let job = process(test, &Location::File(folder.path().to_owned()), 1);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", &kib.to_string()]).arg(folder.path());
    command.arg(job.get_program()).args(job.get_args());
    command.envs(job.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(output) = command.stdin(Stdio::null()).output() else { return None };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Some(text),
        Some(77 | 1) if !text.contains("running 1 test") => None,
        _ => panic!("{text}"),
    }
}

/// A folder on the small file system, given to a job.
fn small_disk() -> PathBuf {
    PathBuf::from(std::env::var(PLACE).unwrap())
}

#[test]
fn a_full_disk_under_sqlite_refuses_whole_appends_and_takes_them_when_there_is_room() {
    const NAME: &str = "a_full_disk_under_sqlite_refuses_whole_appends_and_takes_them_when_there_is_room";
    if is_job(NAME) {
        let disk = small_disk();
        return until_full(&Location::File(disk.join("record.db")), &disk.join("filler"), 600_000);
    }
    match on_a_small_disk(NAME, 2048) {
        Some(text) => println!("full disk: a tmpfs of 2 MiB\n{text}"),
        None => println!("full disk: mounting is refused here; see the test of a file-size limit"),
    }
}

#[test]
fn a_full_disk_under_postgresql_refuses_whole_appends_and_takes_them_when_there_is_room() {
    const NAME: &str = "a_full_disk_under_postgresql_refuses_whole_appends_and_takes_them_when_there_is_room";
    if is_job(NAME) {
        let disk = small_disk();
        let space = disk.join("space");
        std::fs::create_dir(&space).unwrap();
        let location = support::server().unwrap().create(Some(&space));
        until_full(&location, &disk.join("filler"), 2_000_000);
        return support::server().unwrap().crash("INT");
    }
    if support::server().is_none() {
        return;
    }
    match on_a_small_disk(NAME, 8 * 1024) {
        Some(text) => println!("full disk: a tablespace on a tmpfs of 8 MiB\n{text}"),
        None => println!("skipped: a full disk under PostgreSQL: mounting is refused here"),
    }
}

#[test]
fn a_file_size_limit_stops_a_writer_and_what_was_acknowledged_stands() {
    const NAME: &str = "a_file_size_limit_stops_a_writer_and_what_was_acknowledged_stands";
    if is_job(NAME) {
        return writer();
    }
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("record.db"));
    let job = process(NAME, &location, 1);
    // A limit of 600 or, where a block is 1,024 bytes, 1,200 kB; the signal that would end the process is ignored.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1200; exec \"$@\"", "sh"]);
    command.arg(job.get_program()).args(job.get_args());
    command.envs(job.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let mut witness = Witness::default();
    let stopped = witness.hears(&String::from_utf8(output.stdout).unwrap()).unwrap();
    println!("full disk: a file-size limit (ulimit -f), {} appends, then {stopped}", witness.done.len());
    assert!(stopped.contains("Full") || stopped.contains("Unreachable"), "{stopped}");
    assert!(witness.done.len() > 10 && witness.midway == 1);
    witness.holds(&location);
    let group = witness.next();
    let done = Site::open(&location).unwrap().group(group).unwrap();
    witness.done.insert(group, (done.first, done.last, done.hash));
    witness.holds(&location);
}
