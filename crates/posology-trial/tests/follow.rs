//! Following another system: what a snapshot changes, and where each kind of fact may come from.
#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;

use jiff::Timestamp;
use posology_trial::conduct::{Conduct, Context};
use posology_trial::event::*;
use posology_trial::follow::{Change, can_be_followed, difference, mode_of};
use proptest::prelude::*;

fn at(minute: i64) -> Timestamp {
    "2026-03-01T08:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minute)
}

fn history(subject: u8, row: u8, term: &str) -> Event {
    let subject = format!("P-{subject}");
    let origin =
        Origin { data_set: "mh".into(), key: format!("{subject}/{row}"), row_hash: sha256(term.as_bytes()) };
    let fact = History { subject, term: term.into(), category: None, start: None, end: None };
    Event { origin: Some(origin), ..Event::new(at(0), "import", fact) }
}

#[test]
fn a_row_is_new_changed_field_by_field_or_gone() {
    let mut chain = Chain::default();
    let first = chain.append(history(1, 1, "Gout")).unwrap().to_owned();
    let second = chain.append(history(1, 2, "Asthma")).unwrap().to_owned();
    let correction = Correction { hash: first, reason: "changed in the source".into() };
    let changed = Event { corrects: Some(correction), ..history(1, 1, "Podagra") };
    let gone = Retracted { subject: "P-1".into(), event: second, reason: "Gone from the source".into() };
    let gone = Event { origin: history(1, 2, "Asthma").origin, ..Event::new(at(1), "import", gone) };

    let rows = difference(&chain, &[history(2, 1, "Migraine"), gone.clone(), changed.clone()]);
    let told: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.change, row.kind)).collect();
    assert_eq!(
        told,
        [
            ("P-1/1", Change::Changed, "history"),
            ("P-1/2", Change::Gone, "history"),
            ("P-2/1", Change::New, "history"),
        ]
    );
    assert_eq!(rows[0].fields.len(), 1);
    assert_eq!(rows[0].fields[0].before.as_deref(), Some("Gout"));
    assert_eq!(rows[0].fields[0].after.as_deref(), Some("Podagra"));

    // What is gone or changed counts no longer, and cannot be taken back twice.
    chain.append(changed).unwrap();
    chain.append(gone.clone()).unwrap();
    assert!(chain.append(gone).is_err());
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(
        rows in proptest::collection::btree_map((1_u8..4, 1_u8..9), "[A-C]", 1..12),
        shuffled in any::<proptest::sample::Index>(),
    ) {
        let events: Vec<Event> =
            rows.iter().map(|((subject, row), term)| history(*subject, *row, term)).collect();
        let mut others = events.clone();
        others.rotate_left(shuffled.index(events.len()));
        let chain = Chain::default();
        prop_assert_eq!(difference(&chain, &events), difference(&chain, &others));
        prop_assert_eq!(difference(&chain, &events).len(), events.len());
    }
}

#[test]
fn an_event_comes_from_where_its_kind_originates() {
    for (mode, except) in [(Mode::Capture, None), (Mode::Follow, None), (Mode::Follow, Some("laboratory"))] {
        let founded = TrialFounded {
            trial: "T-1".into(),
            root_key: "aa".into(),
            mode,
            except: except.into_iter().map(str::to_owned).collect(),
        };
        for kind in Kind::ALL {
            let follows = (mode == Mode::Follow) != (except == Some(kind.word()));
            assert_eq!(mode_of(&founded, *kind) == Mode::Follow, follows, "{}", kind.word());
        }
        for kind in [
            Kind::DltJudgement,
            Kind::Sealed,
            Kind::SponsorDecision,
            Kind::PacketFrozen,
            Kind::WrittenDirective,
        ] {
            assert!(!can_be_followed(kind), "{} originates here", kind.word());
        }

        let mut conduct = Conduct::default();
        let founder =
            |fact: Fact| Event { recorded_as: Some(Role::Administrator), ..Event::new(at(0), "ada", fact) };
        let person = Person { user: "ada".into(), printed_name: "Ada".into(), discipline: None };
        let granted = RoleGranted { user: "ada".into(), role: Role::Administrator, site: None };
        for fact in [Fact::from(founded), person.into(), granted.into()] {
            conduct.record(founder(fact), &Context::at(at(0))).unwrap();
        }
        let imported = Event {
            recorded_as: Some(Role::Administrator),
            recorded_by: "ada".into(),
            ..history(1, 1, "Gout")
        };
        // Whatever the mode, nobody smuggles an act in as an import.
        let act = CohortOpened { cohort: "A".into(), date: jiff::civil::date(2026, 2, 1), places: None };
        let act = Event { fact: act.into(), ..imported.clone() };
        let refused = conduct.admit(&act, &Context::at(at(1))).unwrap_err();
        assert_eq!(refused.rule, "follow/originates-here");
        let answer = conduct.admit(&imported, &Context::at(at(1)));
        match mode {
            Mode::Follow => assert!(answer.is_ok(), "{answer:?}"),
            Mode::Capture => assert_eq!(answer.unwrap_err().rule, "follow/mode"),
        }
    }
}

#[test]
fn what_is_followed_is_not_recorded_by_hand() {
    let scene = scene::Scene::peopled();
    let founded = scene.conduct.founded().unwrap();
    assert_eq!(founded.mode, Mode::Capture);
    // The same people in a record that follows.
    let mut follows = Conduct::default();
    for entry in scene.conduct.chain().entries() {
        let fact = match &entry.event.fact {
            Fact::TrialFounded(founded) => TrialFounded { mode: Mode::Follow, ..founded.clone() }.into(),
            fact => fact.clone(),
        };
        let event = Event { fact, ..entry.event.clone() };
        let now = event.recorded_at;
        follows.record(event, &Context::at(now)).unwrap();
    }
    let subject: Fact = serde_json::from_value(
        serde_json::json!({"type": "subject/1", "body": {"subject": "P-1", "site": "01"}}),
    )
    .unwrap();
    let by_hand = Event {
        recorded_as: Some(Role::SiteCoordinator),
        ..Event::new(scene.now, "site-coordinator", subject)
    };
    assert!(scene.conduct.admit(&by_hand, &Context::at(scene.now)).is_ok());
    assert_eq!(follows.admit(&by_hand, &Context::at(scene.now)).unwrap_err().rule, "follow/origin");
}
