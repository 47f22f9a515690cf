//! A trial conducted at the command line, from its founding to the opening of the second cohort, and what is refused on
//! the way.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

const PROTOCOL: &str = r#"
[trial]
id = "T-1"
title = "A test"
synthetic = true
[version]
id = "1.0"
date = 2026-01-05
reason = "First"
[product]
name = "X"
radionuclide = "I-131"
[[regimen]]
id = "low"
total = "10 mCi/m2"
fraction = [{ day = 1, activity = "10 mCi/m2" }]
[[regimen]]
id = "high"
total = "20 mCi/m2"
fraction = [{ day = 1, activity = "20 mCi/m2" }]
[[cohort]]
id = "A"
regimen = "low"
planned = 3
[[cohort]]
id = "B"
regimen = "high"
planned = 3
[dlt]
window-days = 28
ctcae = "5.0"
[[dlt.rules]]
id = "any-4"
text = "Vomiting of grade 4"
adverse-event = { terms = ["Vomiting"], grade-at-least = 4 }
[escalation]
design = "3+3"
[committee]
name = "The committee"
quorum = 2
quorum-roles = ["Chair"]
voting = "two-thirds"
member = [
    { name = "Clara Chair", user = "clara", role = "Chair" },
    { name = "Bea Biostatistician", user = "bea", role = "Biostatistician" },
]
"#;

/// A trial in a folder of its own.
struct Trial {
    folder: tempfile::TempDir,
}

impl Trial {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("t")).unwrap();
        let trial = Self { folder };
        trial.plan(PROTOCOL);
        trial
    }

    fn plan(&self, protocol: &str) {
        fs::write(self.path("t/trial.toml"), protocol).unwrap();
    }

    /// Founded, with the people of a small trial, who have changed their first passwords.
    fn peopled() -> Self {
        static FIRST: OnceLock<Trial> = OnceLock::new();
        let first = FIRST.get_or_init(Self::people);
        let trial = Self::new();
        fs::copy(first.path("t/record.db"), trial.path("t/record.db")).unwrap();
        trial
    }

    fn people() -> Self {
        let trial = Self::new();
        trial.found();
        trial
    }

    fn found(&self) {
        let trial = self;
        trial.done("ada", "trial found t --as ada --name Ada");
        trial.done("ada", "trial record t site-opened --site 01 --name Hospital --date 2026-01-06");
        for (user, name, grants) in [
            ("sam", "Sam Sponsor", "--grant sponsor"),
            ("cora", "Cora Coordinator", "--grant site-coordinator@01"),
            ("ivan", "Ivan Investigator", "--grant investigator@01"),
            ("aude", "Aude Authorised", "--grant authorised-user@01"),
            ("stan", "Stan Statistician", "--grant statistician"),
            ("clara", "Clara Chair", "--grant committee-member"),
            ("bea", "Bea Biostatistician", "--grant committee-member"),
        ] {
            let name = name.replace(' ', "_");
            trial.done("ada", &format!("trial person t {user} --name {name} {grants}"));
            let changed = trial
                .command("first", &format!("trial account password t --as {user}"))
                .env("POSOLOGY_NEW_PASSWORD", password(user))
                .output()
                .unwrap();
            assert!(changed.status.success(), "{}", String::from_utf8_lossy(&changed.stderr));
        }
        trial.done("sam", "trial sign t 5 --meaning approval");
        for by in ["ethics-committee", "radiation-safety"] {
            trial.done(
                "cora",
                &format!("trial record t site-approved --site 01 --protocol-version 1.0 --by {by} --date 2026-01-07"),
            );
        }
        trial.done("sam", "trial record t site-released --site 01 --protocol-version 1.0 --date 2026-01-08");
    }

    /// A command line, words parted by blanks; an underscore in a value is a blank.
    fn command(&self, user: &str, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posology"));
        command
            .args(line.split(' ').map(|word| word.replace('_', " ")))
            .current_dir(self.folder.path())
            .env_remove("POSOLOGY_RECORD")
            .env(
                "POSOLOGY_PASSWORD",
                if user == "first" { "a first password".to_owned() } else { password(user) },
            )
            .env("POSOLOGY_NEW_PASSWORD", "a first password")
            .env("POSOLOGY_ROOT_PASSPHRASE", "the root of it all");
        if user != "first" {
            command.env("POSOLOGY_USER", user);
        }
        command
    }

    fn run(&self, user: &str, line: &str) -> Output {
        self.command(user, line).output().unwrap()
    }

    fn done(&self, user: &str, line: &str) -> String {
        let output = self.run(user, line);
        assert!(output.status.success(), "{user}: {line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, user: &str, line: &str) -> Value {
        serde_json::from_str(&self.done(user, &format!("{line} --json"))).unwrap()
    }

    /// What a refused command says; nothing may have been written.
    fn refused(&self, user: &str, line: &str) -> String {
        let before = self.events();
        let output = self.run(user, line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(self.events(), before, "{line} wrote something");
        String::from_utf8(output.stderr).unwrap()
    }

    fn events(&self) -> u64 {
        let output = self.run("ada", "trial verify t --json");
        serde_json::from_slice::<Value>(&output.stdout).map_or(0, |report| report["events"].as_u64().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A patient from consent to the one fraction, with a visit at the end of the window.
    fn treat(&self, subject: &str, day: u32) {
        let day = format!("2026-02-{day:02}");
        let with = |kind: &str, rest: &str| format!("trial record t {kind} --subject {subject} {rest}");
        self.done("cora", &with("subject", "--site 01 --sex F"));
        self.done("cora", &with("screening", &format!("--date {day} --protocol-version 1.0")));
        self.done(
            "ivan",
            &with(
                "eligibility",
                &format!("--date {day} --protocol-version 1.0 --eligible yes --regimen low"),
            ),
        );
        self.done("cora", &with("enrolment", &format!("--cohort A --date {day} --protocol-version 1.0")));
        self.done(
            "aude",
            &with(
                "written-directive",
                &format!("--directive D-{subject} --date {day} --drug X --radionuclide I-131 --route IV --fractions fraction=1,activity=20_mCi,planned={day} --sign approval"),
            ),
        );
        self.done("ivan", &with("prescription", &format!("--fraction 1 --activity 20_mCi --planned {day}")));
        self.done(
            "aude",
            &with(
                "administration",
                &format!("--treatment X --fraction 1 --start {day}T10:00:00-06:00 --route INTRAVENOUS --amount {{\"activity\":\"20_mCi\"}} --because No_assay_in_this_test"),
            ),
        );
        self.done("cora", &with("visit", "--name END --start 2026-04-20"));
    }
}

fn password(user: &str) -> String {
    format!("{user} and a long password")
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_cohort_is_opened_only_by_what_the_committee_and_the_sponsor_signed() {
    let trial = Trial::peopled();
    let opening = "trial record t cohort-opened --cohort";
    says(&trial.refused("cora", &format!("{opening} A --date 2026-01-09")), &["permission/kind", "sponsor"]);
    trial.done("sam", &format!("{opening} A --date 2026-01-09"));
    says(&trial.refused("sam", &format!("{opening} B --date 2026-01-09")), &["cohort/", "mend"]);
    for (subject, day) in [("P-1", 2), ("P-2", 3), ("P-3", 4)] {
        trial.treat(subject, day);
    }
    let full = "trial record t slot-requested --slot S-9 --cohort A --site 01 --at 2026-02-05T10:00:00Z";
    says(&trial.refused("cora", full), &["mend"]);

    // The cut and the packet are bound; the same cut again adds nothing.
    let review = "review t --cohort A --out packet";
    says(&trial.refused("cora", review), &["permission/kind"]);
    let first = trial.json("stan", review);
    let packet = first["review"]["packet"].as_str().unwrap().to_owned();
    let events = trial.events();
    let again = trial.json("stan", review);
    assert_eq!(again["review"]["packet"], packet.as_str());
    assert_eq!(trial.events(), events);
    assert!(first["cover"]["cut-standing"].as_str().unwrap().contains("review 1"), "{}", first["cover"]);

    // Vote, tally, recommendation.
    let sat = |user: &str| {
        format!("--attendance user={user},session=closed,from=2026-11-20T14:00:00Z,to=2026-11-20T15:00:00Z")
    };
    let vote = "trial vote t --review 1 --motion escalate --next-cohort B --choice for";
    says(&trial.refused("clara", vote), &["committee/vote"]);
    let meeting =
        format!("trial record t meeting --review 1 --date 2026-11-20 {} {}", sat("clara"), sat("bea"));
    trial.done("clara", &meeting);
    trial.done("clara", vote);
    says(&trial.refused("clara", vote), &["committee/vote"]);
    trial.done("bea", vote);
    says(&trial.done("bea", "trial tally t --review 1"), &["2 for, 0 against, 0 abstained"]);
    says(&trial.refused("sam", "trial tally t --review 1"), &["committee"]);
    let recommend = "trial record t recommendation --review 1 --recommended escalate --next-cohort B --votes 2 --votes 0 --votes 0 --reason No_DLT";
    says(&trial.refused("bea", recommend), &["committee/chair"]);
    trial.done("clara", &format!("{recommend} --sign approval"));

    // Decision, signed; only then the opening.
    let decide = "trial record t sponsor-decision --review 1 --date 2026-11-21 --answer accept --opens B --reason As_recommended";
    let decided = trial.json("sam", decide);
    says(&trial.refused("sam", &format!("{opening} B --date 2026-11-22")), &["cohort/"]);
    trial.done("sam", &format!("trial sign t {} --meaning approval", decided["last"]));
    trial.done("sam", &format!("{opening} B --date 2026-11-22"));

    let board = trial.done("ada", "trial status t");
    says(&board, &["3 of 3 places free", "decided"]);
    let history = trial.done("ada", "trial history t P-1");
    says(&history, &["signed by Aude", "No assay in this test"]);
    assert!(trial.run("ada", "trial verify t --packets packet").status.success());
    fs::write(trial.path("packet/packet.json"), "{}").unwrap();
    assert_eq!(trial.run("ada", "trial verify t --packets packet").status.code(), Some(1));

    // Votes stay closed until lock, and no bundle has a byte of them.
    says(&trial.refused("clara", "trial unseal t"), &["committee/sealed-until-lock"]);
    trial.done("sam", "trial bundle t --out b.ndjson");
    let bundle = fs::read_to_string(trial.path("b.ndjson")).unwrap();
    assert!(!bundle.contains("\"choice\""));
    for cohort in ["A", "B"] {
        trial.done(
            "sam",
            &format!("trial record t cohort-closed --cohort {cohort} --date 2026-11-22 --reason End"),
        );
    }
    trial.done("sam", "trial record t database-locked --date 2026-11-22 --reason Completion");
    trial.done("clara", "trial unseal t");
    says(
        &trial.refused("cora", "trial record t visit --subject P-1 --name X --start 2026-05-01"),
        &["trial/locked"],
    );
    assert!(trial.run("ada", "trial verify t").status.success());
}

#[test]
fn a_bundle_restores_the_same_record_and_each_change_of_it_is_found() {
    let trial = Trial::peopled();
    trial.done("ada", "trial bundle t --out b.ndjson --accounts accounts.ndjson");
    trial.done("ada", "trial restore b.ndjson u --accounts accounts.ndjson");
    let (was, is) = (trial.json("ada", "trial verify b.ndjson"), trial.json("ada", "trial verify u"));
    assert_eq!(was["head"], is["head"]);
    assert!(trial.path("u/trial.toml").exists());
    // Everyone can work on with their password, but not with another.
    trial.done("sam", "trial record u cohort-opened --cohort A --date 2026-01-09");
    says(
        &trial
            .refused("ada", "trial record u cohort-closed --cohort A --date 2026-01-10 --reason x --as sam"),
        &["none that agree"],
    );
    says(&trial.refused("ada", "trial restore b.ndjson u"), &["mend"]);

    fs::create_dir(trial.path("other")).unwrap();
    fs::write(trial.path("other/trial.toml"), PROTOCOL.replace("T-1", "T-2")).unwrap();
    says(&trial.refused("ada", "trial restore b.ndjson other"), &["found one of T-2"]);
    assert!(!trial.path("other/record.db").exists());

    let good = fs::read_to_string(trial.path("b.ndjson")).unwrap();
    let bad = good.replacen("Sam Sponsor", "Sam Spensor", 1);
    fs::write(trial.path("bad.ndjson"), bad).unwrap();
    let output = trial.run("ada", "trial verify bad.ndjson");
    assert_eq!(output.status.code(), Some(1));
    says(&String::from_utf8_lossy(&output.stdout), &["NOT whole", "event"]);
    trial.refused("ada", "trial restore bad.ndjson v");
    assert!(!trial.path("v/record.db").exists());
}

#[test]
fn a_request_repeated_under_its_key_is_done_once() {
    let trial = Trial::peopled();
    let line = "trial record t subject --subject P-1 --site 01 --client-key k-1";
    let first = trial.json("cora", line);
    let events = trial.events();
    let again = trial.run("cora", &format!("{line} --json"));
    // The subject is there: the rule forbids it, and the key says why that is no harm.
    assert_eq!(trial.events(), events);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&again["repeated"], &again["last"]), (&Value::Bool(true), &first["last"]));
    says(
        &trial.refused("cora", "trial record t subject --subject P-2 --site 01 --client-key k-1"),
        &["client key"],
    );
}

#[test]
fn refusals_name_the_rule_and_write_nothing() {
    let trial = Trial::peopled();
    for (user, line, parts) in [
        (
            "cora",
            "trial record t enrolment --subject P-9 --cohort A --date 2026-02-02 --protocol-version 1.0",
            &["subject/known", "mend"][..],
        ),
        ("cora", "trial record t subject --subject P-9 --site 02", &["permission/site"]),
        ("sam", "trial record t subject --subject P-9 --site 01", &["permission/kind", "site-coordinator"]),
        ("cora", "trial record t visit --subject P-9", &["mend"]),
        ("cora", "trial record t vist --subject P-9", &["such as visit"]),
        (
            "cora",
            "trial record t screening --subject P-9 --date 2026-13-01 --protocol-version 1.0",
            &["--date: expected a date", "2026-13-01"],
        ),
        ("cora", "trial record t sealed --review 1", &["trial vote"]),
        ("cora", "trial sign t 999 --meaning approval", &["hash of an event"]),
        ("cora", "trial sign t 1 --meaning agreement", &["authorship, review"]),
        ("nobody", "trial record t subject --subject P-9 --site 01", &["role in this trial"]),
        ("stan", "review t --out packet", &["at least one dated fact"]),
    ] {
        says(&trial.refused(user, line), parts);
    }
    trial.done("cora", "trial record t subject --subject P-1 --site 01");
    let ahead = "trial record t visit --subject P-1 --name X --start 2099-01-01";
    says(&trial.refused("cora", ahead), &["event/in-the-future"]);
    let taken_back = "trial record t retracted --subject P-1 --reason x --event";
    let visit = trial.json("cora", "trial record t visit --subject P-1 --name X --start 2026-02-02");
    trial.done("cora", &format!("{taken_back} {}", visit["hash"].as_str().unwrap()));
    says(
        &trial.refused("cora", &format!("{taken_back} {}", visit["hash"].as_str().unwrap())),
        &["event/retraction"],
    );
}

#[test]
fn five_wrong_passwords_lock_an_account_and_an_administrator_unlocks_it() {
    let trial = Trial::peopled();
    let line = "trial record t subject --subject P-1 --site 01 --as cora";
    for _ in 0..5 {
        let output = trial.run("sam", line);
        says(&String::from_utf8_lossy(&output.stderr), &["none that agree"]);
    }
    says(&String::from_utf8_lossy(&trial.run("cora", line).stderr), &["locked until"]);
    trial.done("ada", "trial account unlock t cora");
    trial.done("cora", line);
    let bundle = trial.done("ada", "trial bundle t --out b.ndjson")
        + &fs::read_to_string(trial.path("b.ndjson")).unwrap();
    says(&bundle, &["locked-out", "unlocked", "\"refused\""]);
}

#[test]
fn keys_are_replaced_and_what_the_old_ones_signed_stands() {
    let trial = Trial::peopled();
    let run = |line: &str| {
        let output = trial
            .command("ada", line)
            .env("POSOLOGY_OWN_PASSWORD", password("sam"))
            .env("POSOLOGY_NEW_PASSPHRASE", "another root of it all")
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("trial account rotate-root t");
    // The old passphrase opens nothing any more.
    says(&trial.refused("ada", "trial account new-key t sam"), &["passphrase"]);
    let renew = trial
        .command("ada", "trial account new-key t sam")
        .env("POSOLOGY_OWN_PASSWORD", password("sam"))
        .env("POSOLOGY_ROOT_PASSPHRASE", "another root of it all")
        .output()
        .unwrap();
    assert!(renew.status.success(), "{}", String::from_utf8_lossy(&renew.stderr));
    trial.done("sam", "trial record t cohort-opened --cohort A --date 2026-01-09 --sign approval");
    let report = trial.done("ada", "trial verify t");
    says(&report, &["The record is whole.", "11 keys", "2 signatures"]);
}

#[test]
fn a_trial_that_follows_another_system_takes_snapshots_row_by_row() {
    let trial = Trial::new();
    trial.done("ada", "trial found t --as ada --name Ada --mode follow --except laboratory");
    let sdtm = |ae: &str| {
        let folder = trial.path("s");
        let _ = fs::create_dir(&folder);
        let write = |name: &str, text: &str| fs::write(Path::new(&folder).join(name), text).unwrap();
        write("dm.csv", "DOMAIN,USUBJID,SITEID,ARMCD,ARM,SEX\nDM,P-1,01,A,A,F\nDM,P-2,01,A,A,M\n");
        write(
            "ex.csv",
            "DOMAIN,USUBJID,EXSEQ,EXTRT,EXDOSE,EXDOSU,EXROUTE,EXSTDTC\nEX,P-1,1,X,20,mCi,INTRAVENOUS,2026-01-05\nEX,P-2,1,X,20,mCi,INTRAVENOUS,2026-01-06\n",
        );
        write("ae.csv", &format!("DOMAIN,USUBJID,AESEQ,AETERM,AEDECOD,AETOXGR,AESTDTC,AEREL\n{ae}"));
    };
    sdtm("AE,P-1,1,Vomiting,Vomiting,2,2026-01-10,RELATED\nAE,P-2,1,Rash,Rash,1,2026-01-11,RELATED\n");
    let before = trial.events();
    let dry = trial.json("ada", "trial import t s --dry-run");
    assert_eq!(dry["rows"].as_array().unwrap().len(), 6);
    assert_eq!(trial.events(), before);
    trial.done("ada", "trial import t s");

    sdtm("AE,P-1,1,Vomiting,Vomiting,4,2026-01-10,RELATED\n");
    let second = trial.json("ada", "trial import t s");
    let rows = second["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["change"], &rows[0]["fields"][0]["before"], &rows[0]["fields"][0]["after"]),
        (&"changed".into(), &"2".into(), &"4".into())
    );
    assert_eq!((&rows[1]["change"], &rows[1]["subject"]), (&"gone".into(), &"P-2".into()));
    let effects = second["effects"].as_array().unwrap();
    let status = effects.iter().find(|effect| effect["what"] == "DLT status").unwrap();
    assert_eq!(
        (&status["on"], &status["before"], &status["after"]),
        (&"P-1".into(), &"pending".into(), &"DLT".into())
    );

    let events = trial.events();
    says(&trial.done("ada", "trial import t s"), &["nothing was added"]);
    assert_eq!(trial.events(), events);
    says(
        &trial.refused(
            "ada",
            "trial record t visit --subject P-1 --name X --start 2026-02-02 --in-role administrator",
        ),
        &["permission/kind"],
    );
    assert!(trial.run("ada", "trial verify t").status.success());
    // A row that comes back is new; one that cannot be read keeps the others standing.
    sdtm("AE,P-1,1,Vomiting,Vomiting,4,2026-01-10,RELATED\nAE,P-2,1,Rash,Rash,1,2026-01-11,RELATED\n");
    assert_eq!(trial.json("ada", "trial import t s")["rows"][0]["change"], "new");
    sdtm("AE,P-1,1,Vomiting,Vomiting,4,2026-01-10,RELATED\nAE,P-9,1,Rash,Rash,1,2026-01-11,RELATED\n");
    let kept = trial.json("ada", "trial import t s");
    assert_eq!(kept["rows"].as_array().unwrap().len(), 0);
    assert_eq!(kept["not-retracted"].as_array().unwrap().len(), 1);
}

/// The example's folder.
fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clr131")
}

/// An event without what follows from bytes that other versions of the program write otherwise: hashes, and with them
/// signatures, commitments and digests of packets.
fn without_hashes(line: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(strip),
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::String(text) if text.len() >= 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
                text.clear()
            }
            _ => {}
        }
    }
    let mut event = serde_json::from_str::<Value>(line).unwrap()["event"].take();
    strip(&mut event);
    event
}

/// Makes the record of an example again and compares it with the one checked in, verifies it, restores it; runs more.
fn is_whole_and_made_again(name: &str, verified: &[&str], more: impl Fn(&dyn Fn(&[&str]) -> String)) {
    let trial = Trial::new();
    let example = example().parent().unwrap().join(name);
    let folder = example.display().to_string();
    let made = trial.path("events.ndjson");
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_posology"))
            .args(arguments)
            .current_dir(trial.folder.path())
            .env_remove("POSOLOGY_RECORD")
            .env("POSOLOGY_PASSWORD", "synthetic patients only")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["trial", "synthesize", &folder, "--out", "events.ndjson", "--accounts", "accounts.ndjson"]);
    let made = fs::read_to_string(made).unwrap();
    let checked_in = fs::read_to_string(example.join("events.ndjson")).unwrap();
    assert_eq!(made.lines().count(), checked_in.lines().count());
    for (made, checked_in) in made.lines().zip(checked_in.lines()) {
        assert_eq!(
            without_hashes(made),
            without_hashes(checked_in),
            "make the example anew: examples/{name}/README.md"
        );
    }
    let report = run(&["trial", "verify", &folder]);
    says(&report, &["The record is whole."]);
    says(&report, verified);
    run(&["trial", "restore", &folder, "mine", "--accounts", "accounts.ndjson"]);
    more(&run);
}

#[test]
fn the_example_is_a_whole_record_and_the_one_that_its_plan_gives() {
    is_whole_and_made_again("clr131", &["5 cuts", "18 keys"], |run| {
        says(&run(&["trial", "status", "mine"]), &["decided in review 5", "a data cut for its review"]);
        says(
            &run(&["review", "mine", "--out", "packet", "--as", "statistician"]),
            &["cut of review 6", "The rule advises: ESCALATE"],
        );
    });
}

#[test]
fn the_basket_is_a_whole_record_and_its_arms_are_watched_each_by_its_own_rule() {
    is_whole_and_made_again("clover1", &["0 cuts"], |run| {
        says(
            &run(&["review", "mine", "--cohort", "MM", "--out", "packet", "--as", "statistician"]),
            &["10 of the 11 patients of look 1 treated, 8 with CB", "The rule advises: GO ON"],
        );
    });
}

#[test]
fn the_childrens_trial_is_a_whole_record_and_one_dlt_of_six_clears_the_level() {
    is_whole_and_made_again("paediatric", &["2 cuts"], |run| {
        says(
            &run(&["review", "mine", "--out", "packet", "--as", "statistician"]),
            &["1 DLT among 6 evaluable patients", "The rule advises: ESCALATE", "cohort P4"],
        );
    });
}

#[test]
fn who_holds_the_seed_randomises_and_the_list_can_be_checked_afterwards() {
    let trial = Trial::new();
    let seed = trial.json("stan", "trial randomise t --new-seed --seed-file seed");
    let digest = seed["seed-sha256"].as_str().unwrap().to_owned();
    says(
        &String::from_utf8_lossy(&trial.run("stan", "trial randomise t --new-seed --seed-file seed").stderr),
        &["mend"],
    );
    trial.plan(&format!(
        "{}{}",
        PROTOCOL.replace("planned = 3", "planned = 5"),
        r#"
[randomised]
seed-sha256 = "DIGEST"
seed-held-by = "Stan"
outcome-day = 29
[randomised.comparison]
arms = ["A", "B"]
patients = 5
block-sizes = [2]
[[randomised.tolerability]]
id = "vomiting-2"
text = "Vomiting of grade 2"
adverse-event = { terms = ["Vomiting"], grade-at-least = 2 }
"#
        .replace("DIGEST", &digest)
    ));
    trial.found();
    for arm in ["A", "B"] {
        trial.done("sam", &format!("trial record t cohort-opened --cohort {arm} --date 2026-01-09"));
    }
    for subject in ["P-1", "P-2"] {
        let with = |kind: &str, rest: &str| format!("trial record t {kind} --subject {subject} {rest}");
        trial.done("cora", &with("subject", "--site 01"));
        trial.done("cora", &with("screening", "--date 2026-02-02 --protocol-version 1.0"));
        let eligible = "--date 2026-02-02 --protocol-version 1.0 --eligible yes --regimen low";
        trial.done("ivan", &with("eligibility", eligible));
    }
    let randomise = "trial randomise t P-1 --seed-file seed";
    says(&trial.refused("cora", randomise), &["statistician"]);
    fs::write(trial.path("other"), "another seed").unwrap();
    says(&trial.refused("stan", "trial randomise t P-1 --seed-file other"), &["SHA-256", "ask Stan"]);
    says(&trial.refused("stan", "trial record t randomisation --subject P-1"), &["trial randomise"]);
    let enrol = |subject: &str, arm: &str| {
        format!(
            "trial record t enrolment --subject {subject} --cohort {arm} --date 2026-02-02 --protocol-version 1.0"
        )
    };
    says(&trial.refused("cora", &enrol("P-1", "A")), &["enrolment/as-randomised"]);
    let said = trial.done("stan", randomise);
    let (arm, other) = if said.contains("randomised to A") { ("A", "B") } else { ("B", "A") };
    says(&trial.refused("stan", randomise), &["randomisation/once"]);
    says(&trial.refused("cora", &enrol("P-1", other)), &["enrolment/as-randomised"]);
    trial.done("cora", &enrol("P-1", arm));
    // Blocks of two: the second goes to the other arm.
    says(&trial.done("stan", "trial randomise t P-2 --seed-file seed"), &[&format!("randomised to {other}")]);
    says(&trial.done("ada", "trial status t"), &["Arm A (low): 1 of 5 planned randomised"]);
    says(
        &trial.done("ada", "trial randomise t --check --seed-file seed"),
        &["2 allocations, 0 not as the seed gives"],
    );
    let checked = trial.run("ada", "trial randomise t --check --seed-file other");
    assert_eq!(checked.status.code(), Some(2));
    says(&String::from_utf8_lossy(&checked.stdout), &["the seed is another one"]);
}
