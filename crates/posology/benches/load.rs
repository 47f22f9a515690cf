//! How the pages bear 200 people at once: each on a connection of their own, on the board and in the design lab, asking again as
//! soon as they are answered. Restores the example, serves it with the program itself, signs its invented people in, a dozen
//! of the 200 sharing the session of each, and prints what it measured.
//!
//! `cargo bench -p posology --no-default-features --bench load`; after `--` it takes `--users 200`, `--seconds 60`,
//! `--pause-ms 0` (between two requests of a user), and for pages that are served already `--address
//! http://127.0.0.1:8037/`, with `--cookie NAME=VALUE` where they ask who one is. Ends with an error where any answer was one.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// What is asked of the pages, in words and as a path; rates are supposed anew for each question, as when they are dragged.
const ASKED: [&str; 3] = ["board", "design lab", "answer of the lab while a rate is dragged"];

struct Settings {
    users: u32,
    seconds: u64,
    pause: Duration,
    address: Option<String>,
    cookie: Option<String>,
}

impl Settings {
    fn read() -> Self {
        let mut settings =
            Self { users: 200, seconds: 60, pause: Duration::ZERO, address: None, cookie: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("expected a value after {word}"));
            match word.as_str() {
                "--users" => settings.users = value().parse().unwrap(),
                "--seconds" => settings.seconds = value().parse().unwrap(),
                "--pause-ms" => settings.pause = Duration::from_millis(value().parse().unwrap()),
                "--address" => settings.address = Some(value()),
                "--cookie" => settings.cookie = Some(value()),
                // Said by `cargo bench` itself.
                "--bench" => {}
                other => {
                    panic!("expected --users, --seconds, --pause-ms, --address or --cookie, found {other}")
                }
            }
        }
        settings
    }
}

/// The invented people of the example, and the password of each.
const PEOPLE: [&str; 17] = [
    "administrator",
    "sponsor",
    "medical-monitor",
    "statistician",
    "auditor",
    "member-1",
    "member-2",
    "member-3",
    "member-4",
    "site-coordinator-01",
    "investigator-01",
    "authorised-user-01",
    "pharmacist-01",
    "site-coordinator-02",
    "investigator-02",
    "authorised-user-02",
    "pharmacist-02",
];
const PASSWORD: &str = "synthetic%20patients%20only";

/// The example, served until this ends.
struct Served {
    process: Child,
    address: String,
    _stdout: ChildStdout,
    _folder: tempfile::TempDir,
}

impl Served {
    fn example() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clr131");
        let program = env!("CARGO_BIN_EXE_posology");
        let restored = Command::new(program)
            .args(["trial", "restore"])
            .args([&example, &folder.path().join("clr131")])
            .arg("--accounts")
            .arg(example.join("accounts.ndjson"))
            .env_remove("POSOLOGY_RECORD")
            .output()
            .unwrap();
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        let mut process = Command::new(program)
            .arg("serve")
            .arg(folder.path().join("clr131"))
            .args(["--port", "0", "--json"])
            .env_remove("POSOLOGY_RECORD")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = process.stdout.take().unwrap();
        let mut said = serde_json::Deserializer::from_reader(&mut stdout).into_iter::<serde_json::Value>();
        let said = said.next().unwrap().unwrap();
        let address = said["address"].as_str().unwrap().to_owned();
        Self { process, address, _stdout: stdout, _folder: folder }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What one user met.
#[derive(Default)]
struct Met {
    /// Microseconds from question to the last byte of the answer, by what was asked.
    took: BTreeMap<usize, Vec<u32>>,
    errors: BTreeMap<String, u64>,
    bytes: u64,
}

/// A connection kept open.
struct Line {
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
    /// The cookie that the last answer gave, as `NAME=VALUE`.
    cookie: Option<String>,
}

impl Line {
    async fn open(host: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream), body: Vec::new(), cookie: None })
    }

    /// The status and the whole body of an answer.
    async fn ask(&mut self, request: &str) -> std::io::Result<u16> {
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let mut head = String::new();
        self.stream.read_line(&mut head).await?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("no status in {head:?}")))?;
        let (mut length, mut chunked) = (0_usize, false);
        loop {
            head.clear();
            self.stream.read_line(&mut head).await?;
            let line = head.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            if name.eq_ignore_ascii_case("set-cookie") {
                self.cookie = value.split(';').next().map(|cookie| cookie.trim().to_owned());
            }
            chunked |= name.eq_ignore_ascii_case("transfer-encoding") && value.trim() == "chunked";
        }
        self.body.clear();
        if !chunked {
            self.body.resize(length, 0);
            self.stream.read_exact(&mut self.body).await?;
        }
        while chunked {
            head.clear();
            self.stream.read_line(&mut head).await?;
            let size = usize::from_str_radix(head.trim_end(), 16).map_err(std::io::Error::other)?;
            let start = self.body.len();
            self.body.resize(start + size + 2, 0);
            self.stream.read_exact(&mut self.body[start..]).await?;
            self.body.truncate(start + size);
            chunked = size > 0;
        }
        Ok(status)
    }
}

/// The cookie of a session begun by one of the invented people.
async fn sign_in(host: &str, user: &str) -> String {
    let form = format!("user={user}&password={PASSWORD}&next=%2F");
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let mut line = Line::open(host).await.unwrap();
    let status = line.ask(&request).await.unwrap();
    line.cookie.unwrap_or_else(|| panic!("{user} cannot sign in: {status}"))
}

/// Rates that rise from level to level, another set for each question (a linear congruential generator).
fn supposed(state: &mut u64) -> String {
    let mut rate = 0.0;
    let mut rates = Vec::new();
    for _ in 0..5 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rate += 0.01 + f64::from((*state >> 33) as u32 % 15) / 100.0;
        rates.push(format!("{rate:.2}"));
    }
    rates.join(",")
}

async fn user(number: u32, host: Arc<str>, cookie: Arc<str>, pause: Duration, until: Instant) -> Met {
    let mut met = Met::default();
    let mut state = u64::from(number) + 1;
    let mut line = None;
    let mut asked = number as usize % ASKED.len();
    while Instant::now() < until {
        let path = match asked {
            0 => "/".to_owned(),
            1 => format!("/lab?truth={}", supposed(&mut state)),
            _ => format!("/lab/answer?truth={}", supposed(&mut state)),
        };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{cookie}Connection: keep-alive\r\n\r\n");
        let start = Instant::now();
        let answer = match &mut line {
            Some(line) => line,
            none => match Line::open(&host).await {
                Ok(opened) => none.insert(opened),
                Err(error) => {
                    *met.errors.entry(format!("connecting: {error}")).or_default() += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        match answer.ask(&request).await {
            Ok(200) => {
                met.bytes += answer.body.len() as u64;
                let took = u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX);
                met.took.entry(asked).or_default().push(took);
            }
            Ok(status) => *met.errors.entry(format!("status {status} of {}", ASKED[asked])).or_default() += 1,
            Err(error) => {
                *met.errors.entry(format!("{}: {error}", ASKED[asked])).or_default() += 1;
                line = None;
            }
        }
        asked = (asked + 1) % ASKED.len();
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    met
}

fn main() -> ExitCode {
    let settings = Settings::read();
    let served = settings.address.is_none().then(Served::example);
    let address = settings.address.or_else(|| served.as_ref().map(|served| served.address.clone())).unwrap();
    let host: Arc<str> = address.trim_start_matches("http://").trim_end_matches('/').into();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (users, pause) = (settings.users, settings.pause);
    let (all, lasted) = runtime.block_on(async {
        let mut cookies: Vec<String> = settings.cookie.into_iter().collect();
        if served.is_some() {
            for person in PEOPLE {
                cookies.push(sign_in(&host, person).await);
            }
        }
        let mut cookies: Vec<Arc<str>> =
            cookies.iter().map(|cookie| format!("Cookie: {cookie}\r\n").into()).collect();
        if cookies.is_empty() {
            cookies.push("".into());
        }
        // The first look reads and analyses the record; what follows is what 200 people meet.
        for cookie in &cookies {
            let soon = Instant::now() + Duration::from_millis(1);
            user(0, Arc::clone(&host), Arc::clone(cookie), pause, soon).await;
        }
        let start = Instant::now();
        let until = start + Duration::from_secs(settings.seconds);
        let running: Vec<_> = (0..users)
            .zip(cookies.iter().cycle())
            .map(|(number, cookie)| {
                tokio::spawn(user(number, Arc::clone(&host), Arc::clone(cookie), pause, until))
            })
            .collect();
        let mut all = Met::default();
        for one in running {
            let met = one.await.unwrap();
            for (asked, took) in met.took {
                all.took.entry(asked).or_default().extend(took);
            }
            for (error, count) in met.errors {
                *all.errors.entry(error).or_default() += count;
            }
            all.bytes += met.bytes;
        }
        (all, start.elapsed())
    });
    let seconds = lasted.as_secs_f64();
    println!("{users} users for {seconds:.1} s, {} ms between two requests of a user", pause.as_millis());
    println!(
        "{:<42} {:>9} {:>11} {:>9} {:>9} {:>9}",
        "asked", "answers", "answers/s", "p50 ms", "p99 ms", "max ms"
    );
    let mut every = Vec::new();
    for (asked, mut took) in all.took {
        row(ASKED[asked], &mut took, seconds);
        every.append(&mut took);
    }
    row("all", &mut every, seconds);
    println!("{:.1} MB/s", all.bytes as f64 / seconds / 1e6);
    let errors: u64 = all.errors.values().sum();
    println!("errors: {errors}");
    for (error, count) in &all.errors {
        println!("  {count} x {error}");
    }
    if errors == 0 && !every.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn row(name: &str, took: &mut [u32], seconds: f64) {
    took.sort_unstable();
    let at = |share: f64| {
        let place = ((took.len() as f64 * share).ceil() as usize).clamp(1, took.len().max(1)) - 1;
        took.get(place).map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
    };
    println!(
        "{name:<42} {:>9} {:>11.0} {:>9.1} {:>9.1} {:>9.1}",
        took.len(),
        took.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
