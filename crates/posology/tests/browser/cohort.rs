//! A cohort lived through by the people of a small trial, each at a browser of their own: enrolled and dosed, a
//! dose-limiting toxicity recorded and judged, the cut frozen, the committee's votes sealed and counted, the recommendation and the
//! sponsor's decision signed, the next cohort opened. Nobody types a command or sees what is not theirs.

use std::cell::Cell;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};

use crate::chromium::{Browser, Person};
use crate::served::{Served, picture};

const PROTOCOL: &str = r#"
[trial]
id = "T-1"
title = "A cohort in the browser"
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
regimen = "low"
planned = 3
[[cohort]]
id = "C"
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

/// The people: Bea, the committee's biostatistician, is the trial's too; Ivan treats and prescribes.
const PEOPLE: [(&str, &str, &[&str]); 5] = [
    ("sam", "Sam Sponsor", &["sponsor"]),
    ("cora", "Cora Coordinator", &["site-coordinator@01"]),
    ("ivan", "Ivan Investigator", &["investigator@01", "authorised-user@01"]),
    ("clara", "Clara Chair", &["committee-member"]),
    ("bea", "Bea Biostatistician", &["committee-member", "statistician"]),
];

fn password(user: &str) -> String {
    format!("{user} and a long password")
}

/// A founded trial with its people, a released site and cohort A open.
fn founded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("t")).unwrap();
    std::fs::write(folder.path().join("t/trial.toml"), PROTOCOL).unwrap();
    let first = "a first password";
    let run = |user: &str, password: &str, new: &str, words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_posology"))
            .args(words)
            .current_dir(folder.path())
            .env_remove("POSOLOGY_RECORD")
            .env("POSOLOGY_USER", user)
            .env("POSOLOGY_PASSWORD", password)
            .env("POSOLOGY_NEW_PASSWORD", new)
            .env("POSOLOGY_ROOT_PASSPHRASE", "the root of it all")
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let done =
        |user: &str, line: &str| run(user, &password(user), first, &line.split(' ').collect::<Vec<_>>());
    done("ada", "trial found t --as ada --name Ada");
    done("ada", "trial record t site-opened --site 01 --name Hospital --date 2026-01-06");
    for (user, name, grants) in PEOPLE {
        let mut words = vec!["trial", "person", "t", user, "--name", name];
        words.extend(grants.iter().flat_map(|grant| ["--grant", grant]));
        run("ada", &password("ada"), first, &words);
        run(user, first, &password(user), &["trial", "account", "password", "t", "--as", user]);
    }
    done("sam", "trial sign t 5 --meaning approval");
    for by in ["ethics-committee", "radiation-safety"] {
        done(
            "cora",
            &format!(
                "trial record t site-approved --site 01 --protocol-version 1.0 --by {by} --date 2026-01-07"
            ),
        );
    }
    done("sam", "trial record t site-released --site 01 --protocol-version 1.0 --date 2026-01-08");
    done("sam", "trial record t cohort-opened --cohort A --date 2026-01-09");
    folder
}

/// What they saw, in order.
struct Album(Cell<u32>);

impl Album {
    fn keeps(&self, person: &Person, name: &str) {
        self.0.set(self.0.get() + 1);
        person.screenshot(&picture(&format!("cohort/{:02}-{name}.png", self.0.get())));
    }
}

/// Fills in the form of a kind of event, reads what would be recorded, and records it.
fn records(person: &Person, kind: &str, subject: Option<&str>, fields: &[(&str, &str)], signs: Option<&str>) {
    match subject {
        Some(subject) => person.open(&format!("/record/{kind}?subject={subject}")),
        None if !person.path().starts_with(&format!("/record/{kind}")) => {
            person.open(&format!("/record/{kind}"))
        }
        None => {}
    }
    for (label, value) in fields {
        match label.split_once(" > ") {
            Some((part, label)) => person.within(part).enter(label, value),
            None => person.enter(label, value),
        }
    }
    person.press("Check what will be recorded");
    person.sees("This is what will be recorded. Nothing is recorded yet.");
    if let Some(user) = signs {
        person.enter("What the signature means", "approval");
        person.fill("Your password", &password(user));
    }
    person.press("Record it");
    person.sees("Recorded as event");
}

/// A patient from screening to the one fraction: by the coordinator and the physician in turn.
fn treat(cora: &Person, ivan: &Person, subject: &str, day: u32, album: &Album) {
    let date = format!("2026-02-{day:02}");
    let date = date.as_str();
    let of = Some(subject);
    records(cora, "subject", None, &[("Subject", subject), ("Site", "01"), ("Sex", "F")], None);
    records(cora, "screening", of, &[("Date", date), ("Protocol version", "1.0")], None);
    let eligible = [("Date", date), ("Protocol version", "1.0"), ("Eligible", "yes"), ("Regimen", "low")];
    records(ivan, "eligibility", of, &eligible, None);
    let enrolled = [("Cohort", "A"), ("Date", date), ("Protocol version", "1.0")];
    records(cora, "enrolment", of, &enrolled, None);
    let name = format!("D-{subject}");
    let directive = [
        ("Directive", name.as_str()),
        ("Date", date),
        ("Drug", "X"),
        ("Radionuclide", "I-131"),
        ("Route", "IV"),
        ("Fractions 1 > Fraction", "1"),
        ("Fractions 1 > Activity", "20"),
        ("Fractions 1 > Activity: unit", "mCi"),
        ("Fractions 1 > Planned", date),
    ];
    ivan.open("/record/written-directive");
    records(ivan, "written-directive", of, &directive, Some("ivan"));
    album.keeps(ivan, &format!("directive-{subject}"));
    let prescribed = [("Fraction", "1"), ("Activity", "20"), ("Activity: unit", "mCi"), ("Planned", date)];
    records(ivan, "prescription", of, &prescribed, None);
    let at = format!("{date}T10:00");
    let given = [
        ("Treatment", "X"),
        ("Fraction", "1"),
        ("Start", at.as_str()),
        ("Start: offset from UTC", "UTC−06:00"),
        ("Route", "INTRAVENOUS"),
        ("Amount", r#"{"activity":"20 mCi"}"#),
        ("Reason, where a rule asks for one", "No assay in this test"),
    ];
    records(cora, "administration", of, &given, None);
    album.keeps(cora, &format!("given-{subject}"));
}

#[test]
fn a_cohort_is_lived_through_by_people_at_browsers_of_their_own() {
    let Some(browser) = Browser::start() else { return };
    let served = Served::serve(founded(), "t");
    let album = Album(Cell::new(0));
    let signed_in = |user: &str| {
        let person = browser.person(user, &served.address);
        person.comes_to("/", user, &password(user), None);
        person.sees(&format!("Signed in as {user}"));
        person
    };
    let (cora, ivan, bea, clara, sam) =
        (signed_in("cora"), signed_in("ivan"), signed_in("bea"), signed_in("clara"), signed_in("sam"));
    album.keeps(&cora, "board-of-an-empty-cohort");

    // The coordinator enrols and doses three patients; the physician says who is eligible and prescribes.
    for (subject, day) in [("P-1", 2), ("P-2", 3), ("P-3", 4)] {
        treat(&cora, &ivan, subject, day, &album);
    }
    sam.open("/");
    sam.sees("P-3");

    // A toxicity, which the physician judges to be dose-limiting.
    let vomited = [
        ("Key", "1"),
        ("Verbatim", "vomiting all day"),
        ("Term", "Vomiting"),
        ("Grade", "4"),
        ("Related", "yes"),
        ("Start", "2026-02-12"),
    ];
    records(&cora, "adverse-event", Some("P-2"), &vomited, None);
    let judged = [
        ("Event", "1"),
        ("By", "investigator"),
        ("Dose limiting", "yes"),
        ("Date", "2026-02-13"),
        ("Reason", "Grade 4, and nothing but the treatment explains it"),
    ];
    records(&ivan, "dlt-judgement", Some("P-2"), &judged, None);
    ivan.open("/patients/P-2");
    ivan.sees("DLT");
    album.keeps(&ivan, "patient-with-a-dose-limiting-toxicity");
    for subject in ["P-1", "P-2", "P-3"] {
        records(&cora, "visit", Some(subject), &[("Name", "END"), ("Start", "2026-04-20")], None);
    }

    // The biostatistician freezes the cut; the packet can be read.
    bea.open("/reviews");
    bea.within("Freeze a cut").choose("Cohort", "A,");
    bea.press("Freeze cut and packet");
    bea.sees("Cut and packet of review 1 are frozen");
    album.keeps(&bea, "cut-frozen");
    clara.open("/reviews/1");
    clara.follow("Read it");
    clara.sees("T-1");
    album.keeps(&clara, "packet");

    // The meeting, the votes, sealed, and their count, for members alone.
    let now = Timestamp::now();
    let hours_ago = |hours: i64| now.checked_sub(SignedDuration::from_hours(hours)).unwrap().to_string();
    let (from, to) = (hours_ago(2), hours_ago(1));
    let (from, to, today) = (from.get(..16).unwrap(), to.get(..16).unwrap(), to.get(..10).unwrap());
    clara.open("/reviews/1");
    clara.follow("Record the meeting");
    for (row, user) in [("Attendance 1", "clara"), ("Attendance 2", "bea")] {
        let part = clara.within(row);
        part.enter("User", user);
        part.enter("Session", "closed");
        part.enter("From", from);
        part.enter("From: offset from UTC", "UTC+00:00");
        part.enter("To", to);
        part.enter("To: offset from UTC", "UTC+00:00");
    }
    records(&clara, "meeting", None, &[("Date", today)], None);
    for (person, user) in [(&clara, "clara"), (&bea, "bea")] {
        person.open("/reviews/1");
        person.choose("The recommendation voted on", "stay:");
        person.choose("The cohort that it would open", "B");
        person.choose("Your vote", "for");
        person.fill("Your password", &password(user));
        if user == "clara" {
            album.keeps(person, "vote");
        }
        person.press("Cast the vote");
        person.sees("is cast and sealed");
    }
    clara.follow("The closed session");
    clara.press("Count the votes");
    clara.sees("2 for, 0 against, 0 abstained");
    album.keeps(&clara, "closed-session");
    sam.open("/reviews/1/closed");
    assert_eq!(sam.status(), 403, "the sponsor reads nothing of a closed session");
    sam.does_not_see("2 for");

    // The recommendation and the decision, signed; then the cohort may be opened.
    clara.open("/reviews/1");
    clara.follow("Record the recommendation");
    let recommended = [
        ("Recommended", "stay:"),
        ("Next cohort", "B"),
        ("Votes", "2\n0\n0"),
        ("Reason", "One DLT of three: three more at the same level"),
    ];
    records(&clara, "recommendation", None, &recommended, Some("clara"));
    album.keeps(&clara, "recommended");
    sam.open("/reviews/1");
    sam.follow("Record the sponsor's decision");
    let decided = [("Date", today), ("Answer", "accept:"), ("Opens", "B"), ("Reason", "As recommended")];
    records(&sam, "sponsor-decision", None, &decided, Some("sam"));
    sam.open("/reviews/1");
    sam.follow("Open cohort B");
    records(&sam, "cohort-opened", None, &[("Date", today)], None);
    sam.open("/");
    sam.sees("decided in review 1");
    sam.sees("3 of 3 places free");
    album.keeps(&sam, "board-with-the-next-cohort-open");
    cora.open("/");
    cora.sees("3 of 3 places free");

    for person in [&cora, &ivan, &bea, &clara, &sam] {
        person.nothing_went_wrong();
    }
    // What they did is in a record that is whole, with their signatures.
    let verified = Command::new(env!("CARGO_BIN_EXE_posology"))
        .args(["trial", "verify"])
        .arg(&served.trial)
        .env_remove("POSOLOGY_RECORD")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success() && said.contains("The record is whole."), "{said}");
    assert!(said.contains("6 signatures"), "{said}");
}
