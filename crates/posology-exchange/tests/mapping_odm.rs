//! An ODM-XML file of another data-capture system to facts by a mapping: an item group is a table.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use posology_exchange::intake::{ImportOptions, ImportOutcome, KnownRows, Outcome, SourceFile};
use posology_exchange::mapping::{Mapping, import};
use posology_trial::event::{Chain, Fact};

const FILE: &str = r#"<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" FileType="Snapshot" FileOID="F" CreationDateTime="2026-11-22T10:15:00Z">
<ClinicalData StudyOID="ST" MetaDataVersionOID="M">
<SubjectData SubjectKey="101-001"><StudyEventData StudyEventOID="SE.BASE"><FormData FormOID="F.DM"><ItemGroupData ItemGroupOID="IG.DM"><ItemData ItemOID="SEX" Value="2"/></ItemGroupData></FormData></StudyEventData>
<StudyEventData StudyEventOID="SE.AE"><FormData FormOID="F.AE"><ItemGroupData ItemGroupOID="IG.AE" ItemGroupRepeatKey="1"><ItemData ItemOID="AETERM" Value="Nausea"/><ItemData ItemOID="AEGR" Value="1"/><ItemData ItemOID="AESTDAT" Value="2026-02-03"/></ItemGroupData>
<ItemGroupData ItemGroupOID="IG.AE" ItemGroupRepeatKey="2"><ItemData ItemOID="AETERM" Value="Thrombocytopenia"/><ItemData ItemOID="AEGR" Value="4"/><ItemData ItemOID="AESTDAT" Value="2026-03-20"/></ItemGroupData></FormData></StudyEventData></SubjectData>
</ClinicalData></ODM>"#;

const MAPPING: &str = r#"
[[table]]
name = "edc-subjects"
file = "edc-*.xml"
item-group = "IG.DM"
fact = "subject"
[table.fields]
subject = "SubjectKey"
sex = { column = "SEX", codes = { 1 = "M", 2 = "F" } }

[[table]]
name = "edc-events"
file = "edc-*.xml"
item-group = "IG.AE"
fact = "adverse-event"
[table.fields]
subject = "SubjectKey"
key = "ItemGroupRepeatKey"
verbatim = "AETERM"
term = "AETERM"
grade = "AEGR"
start = { column = "AESTDAT", date = "YYYY-MM-DD" }
"#;

fn run(mapping: &str, odm: &str, chain: &Chain) -> ImportOutcome {
    let bytes = odm.as_bytes().to_vec();
    let file = SourceFile {
        name: "edc-2026-11-22.xml".to_owned(),
        open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
    };
    let mapping = Mapping::read(mapping).unwrap_or_else(|problems| panic!("{problems}"));
    import(&mapping, &[file], &KnownRows::of(chain), &ImportOptions::default())
}

#[test]
fn item_groups_become_facts_and_a_later_file_is_known_by_its_repeat_keys() {
    let first = run(MAPPING, FILE, &Chain::default());
    let events: Vec<(String, Option<u8>)> = first
        .events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::AdverseEvent(event) => Some((event.term.clone(), event.grade)),
            _ => None,
        })
        .collect();
    assert_eq!(
        events,
        [("Nausea".to_owned(), Some(1)), ("Thrombocytopenia".to_owned(), Some(4))],
        "{:?}",
        first.report
    );
    let sex = first.events.iter().find_map(|event| match &event.fact {
        Fact::Subject(subject) => subject.sex.clone(),
        _ => None,
    });
    assert_eq!(sex.as_deref(), Some("F"));

    let mut chain = Chain::default();
    for event in &first.events {
        chain.append(event.clone().recorded("2026-11-23T00:00:00Z".parse().unwrap(), "import")).unwrap();
    }
    assert!(run(MAPPING, FILE, &chain).events.is_empty(), "the same file brings nothing new");
    let later = run(MAPPING, &FILE.replace("AEGR\" Value=\"4\"", "AEGR\" Value=\"3\""), &chain);
    assert_eq!(later.events.len(), 1);
    assert!(
        later.events[0]
            .clone()
            .recorded("2026-11-24T00:00:00Z".parse().unwrap(), "import")
            .corrects
            .is_some()
    );
}

#[test]
fn an_item_group_that_is_not_there_and_a_file_that_is_no_odm_are_told() {
    let refusal = |mapping: &str, odm: &str| {
        let outcome = run(mapping, odm, &Chain::default());
        let refused = outcome.report.files.iter().find_map(|file| match &file.outcome {
            Outcome::Refused(problem) => Some(problem.to_string()),
            _ => None,
        });
        refused.unwrap()
    };
    let near = refusal(&MAPPING.replace("\"IG.AE\"", "\"IG.AEE\""), FILE);
    assert!(near.contains("an item group") && near.contains("\"IG.AE\""), "{near}");
    let broken = refusal(MAPPING, &FILE.replace("</FormData>", ""));
    assert!(broken.contains("edc-2026-11-22.xml line"), "{broken}");
    for (from, to, said) in [
        ("item-group = \"IG.DM\"\n", "", "the item group of ODM"),
        ("file = \"edc-*.xml\"", "file = \"edc-*.csv\"", "only an ODM-XML file"),
    ] {
        let problems = Mapping::read(&MAPPING.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(problems.contains(said), "{problems}");
    }
}
