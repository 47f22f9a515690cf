//! A million patient-visits of myeloma, from CSV to best response: `cargo bench -p posology --bench imwg`.
//!
//! The file is generated: subjects of ten visits each, by a fixed recurrence; a third is followed in serum alone, a third in
//! serum and urine, a third by light chains. The command itself is run and timed, reading included; its greatest memory
//! is what the kernel says. `--visits N` takes another number, `--seconds S` and `--megabytes M` fail beyond them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const VISITS_EACH: usize = 10;

/// A recurrence of 64 bits, the same on every machine (Knuth, MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn write_file(path: &Path, visits: usize) -> u64 {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(
        file,
        "subject,date,serum_m,urine_m,serum_ife,urine_ife,kappa,lambda,bmpc,clonality,first_treatment,therapy_start"
    )
    .unwrap();
    let mut numbers = Numbers(4);
    let mut line = String::new();
    let mut bytes = 0;
    for subject in 0..visits.div_ceil(VISITS_EACH) {
        let kind = subject % 3;
        let start = 20 + numbers.below(60);
        let mut tenths = start;
        for visit in 0..VISITS_EACH {
            let (year, month) = (2020 + visit / 12, visit % 12 + 1);
            let day = 1 + numbers.below(28);
            if visit > 0 {
                let change = numbers.below(5);
                tenths = match change {
                    0 | 1 => tenths / 2,
                    2 => tenths * 3 / 4,
                    3 => tenths,
                    _ => tenths + 1 + numbers.below(8),
                };
            }
            line.clear();
            write!(line, "S-{subject:06},{year}-{month:02}-{day:02},").unwrap();
            let fixation = if tenths == 0 { "negative" } else { "positive" };
            match kind {
                0 => write!(line, "{}.{} g/dL,not detected,{fixation},negative,,,", tenths / 10, tenths % 10),
                1 => write!(
                    line,
                    "{}.{} g/dL,{} mg/24 h,{fixation},{fixation},,,",
                    tenths / 10,
                    tenths % 10,
                    tenths * 20
                ),
                _ => write!(
                    line,
                    "not detected,not detected,negative,negative,{} mg/L,12.5 mg/L,",
                    tenths * 15
                ),
            }
            .unwrap();
            let marrow = visit == 0 || tenths == 0;
            let cells = if visit == 0 { 40 } else { 2 };
            if marrow {
                write!(line, "{cells} %,{},,", if visit == 0 { "present" } else { "absent" }).unwrap();
            } else {
                line.push_str(",,,");
            }
            line.push('\n');
            bytes += line.len() as u64;
            file.write_all(line.as_bytes()).unwrap();
        }
    }
    bytes
}

/// Runs the command, and the greatest memory it held, in kilobytes, as far as the kernel tells.
fn run(path: &Path) -> (Duration, u64, usize) {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_posology"))
        .args(["response", "imwg-2016"])
        .arg(path)
        .arg("--best")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = format!("/proc/{}/status", child.id());
    let mut output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut output, &mut text).unwrap();
        text.lines().count()
    });
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(peak.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "the command failed");
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = began.elapsed();
    (took, most, reader.join().unwrap())
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<f64>().ok()
    };
    let visits = option("--visits").map_or(1_000_000, |visits| visits as usize);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("markers.csv");
    let bytes = write_file(&path, visits);
    println!("{visits} visits, {} subjects, {:.0} MB", visits.div_ceil(VISITS_EACH), bytes as f64 / 1e6);
    let mut best = Duration::MAX;
    let mut memory = 0;
    for round in 1..=5 {
        let (took, most, lines) = run(&path);
        println!("{round}: {:.2} s, at most {:.0} MB, {lines} lines", took.as_secs_f64(), most as f64 / 1e3);
        best = best.min(took);
        memory = memory.max(most);
    }
    let rate = visits as f64 / best.as_secs_f64();
    println!("best {:.2} s: {:.2} million visits/s", best.as_secs_f64(), rate / 1e6);
    if option("--seconds").is_some_and(|most| best.as_secs_f64() > most) {
        panic!("slower than the limit");
    }
    if option("--megabytes").is_some_and(|most| memory as f64 / 1e3 > most) {
        panic!("more memory than the limit");
    }
}
