//! The pitfalls of ODM that the exchange chapter lists, each with its own small file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use posology_exchange::limits::Limits;
use posology_exchange::odm::{self, Change, Document};
use posology_exchange::problem::Problem;

fn read(text: &str) -> Result<Document, Problem> {
    odm::read("site.xml", text.as_bytes(), Limits::default())
}

/// What is said of a file that is refused.
fn refused(text: &str) -> Problem {
    read(text).map(|document| document.transactions).unwrap_err()
}

/// A Snapshot with clinical data of one subject, on lines of their own.
fn snapshot(attributes: &str, data: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" {attributes} FileType="Snapshot" FileOID="F.1" CreationDateTime="2026-11-22T10:15:00Z" ODMVersion="1.3.2">
<ClinicalData StudyOID="ST" MetaDataVersionOID="M"><SubjectData SubjectKey="101-001">
<StudyEventData StudyEventOID="SE.1"><FormData FormOID="F.VS"><ItemGroupData ItemGroupOID="IG.VS">
{data}
</ItemGroupData></FormData></StudyEventData></SubjectData></ClinicalData></ODM>"#
    )
}

/// A DLT flag goes from N to Y on adjudication, as a data-capture system exports it.
const ADJUDICATED: &str = r#"<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" FileType="Transactional" FileOID="TX-42" CreationDateTime="2026-11-22T10:15:00Z" ODMVersion="1.3.2" PriorFileOID="TX-41">
 <Study OID="ST"><GlobalVariables><StudyName>S</StudyName><StudyDescription>S</StudyDescription><ProtocolName>S</ProtocolName></GlobalVariables>
  <MetaDataVersion OID="M" Name="M">
   <StudyEventDef OID="SE.C1" Name="Cycle 1" Repeating="No" Type="Scheduled"><FormRef FormOID="F.AE" Mandatory="No"/></StudyEventDef>
   <FormDef OID="F.AE" Name="AE" Repeating="Yes"><ItemGroupRef ItemGroupOID="IG.AE" Mandatory="Yes"/></FormDef>
   <ItemGroupDef OID="IG.AE" Name="AE" Repeating="Yes"><ItemRef ItemOID="IT.AETERM" Mandatory="Yes"/><ItemRef ItemOID="IT.AEDLT" Mandatory="No"/></ItemGroupDef>
   <ItemDef OID="IT.AETERM" Name="AETERM" DataType="text"/>
   <ItemDef OID="IT.AEDLT" Name="AEDLT" DataType="text"><CodeListRef CodeListOID="CL.NY"/></ItemDef>
   <CodeList OID="CL.NY" Name="NY" DataType="text"><CodeListItem CodedValue="Y"><Decode><TranslatedText>Yes</TranslatedText></Decode></CodeListItem></CodeList>
  </MetaDataVersion></Study>
 <AdminData><User OID="USR.1"><FullName>Dr A</FullName></User><Location OID="LOC.101" Name="Site 101"><MetaDataVersionRef StudyOID="ST" MetaDataVersionOID="M" EffectiveDate="2026-01-01"/></Location></AdminData>
 <ClinicalData StudyOID="ST" MetaDataVersionOID="M">
  <SubjectData SubjectKey="101-001" TransactionType="Insert"><SiteRef LocationOID="LOC.101"/>
   <StudyEventData StudyEventOID="SE.C1"><FormData FormOID="F.AE" FormRepeatKey="1"><ItemGroupData ItemGroupOID="IG.AE" ItemGroupRepeatKey="1">
     <ItemData ItemOID="IT.AETERM" Value="Thrombocytopenia"/>
     <ItemData ItemOID="IT.AEDLT" Value="N"/>
   </ItemGroupData></FormData></StudyEventData></SubjectData>
  <SubjectData SubjectKey="101-001" TransactionType="Context">
   <StudyEventData StudyEventOID="SE.C1"><FormData FormOID="F.AE" FormRepeatKey="1"><ItemGroupData ItemGroupOID="IG.AE" ItemGroupRepeatKey="1">
     <ItemData ItemOID="IT.AEDLT" TransactionType="Update" Value="Y"><AuditRecord EditPoint="DataManagement" UsedImputationMethod="No"><UserRef UserOID="USR.1"/><LocationRef LocationOID="LOC.101"/><DateTimeStamp>2026-11-20T09:12:33Z</DateTimeStamp><ReasonForChange>Adjudicated as DLT</ReasonForChange><SourceID>CRF-AE-1</SourceID></AuditRecord></ItemData>
   </ItemGroupData></FormData></StudyEventData></SubjectData>
 </ClinicalData></ODM>"#;

#[test]
fn an_adjudicated_flag_stands_with_who_changed_it_when_and_why() {
    let document = read(ADJUDICATED).unwrap();
    let table = document.table("IG.AE").unwrap();
    let names: Vec<&str> = table.data_set.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names[..7], odm::KEYS);
    assert_eq!(names[7..], ["IT.AETERM", "IT.AEDLT"]);
    assert_eq!(table.rows.len(), 1);
    let row: Vec<Option<&str>> = (0..9).map(|column| table.rows[0].cell(column).text()).collect();
    let expected = ["101-001", "LOC.101", "SE.C1", "", "F.AE", "1", "1", "Thrombocytopenia", "Y"];
    assert_eq!(row, expected.map(|text| Some(text).filter(|text| !text.is_empty())));
    assert_eq!(table.rows[0].line(), Some(14));
    let update = &document.transactions[1].items[0];
    assert_eq!((update.change, update.value.as_deref()), (Change::Update, Some("Y")));
    let audit = &document.audits[update.audit.unwrap()];
    assert_eq!((audit.user.as_str(), audit.at.as_str()), ("USR.1", "2026-11-20T09:12:33Z"));
    assert_eq!(
        (audit.reason.as_deref(), audit.source.as_deref()),
        (Some("Adjudicated as DLT"), Some("CRF-AE-1"))
    );
    assert_eq!(document.metadata[0].code_lists[0].terms, [("Y".to_owned(), Some("Yes".to_owned()))]);
}

// Pitfall 14.
#[test]
fn what_vendors_keep_in_their_own_namespaces_is_passed_over() {
    let spaces = r#"xmlns:redcap="https://projectredcap.org" xmlns:mdsol="http://www.mdsol.com/ns/odm/metadata" xmlns:OpenClinica="http://www.openclinica.org/ns/odm_ext_v130/v3.1" mdsol:Draft="7""#;
    let data = r#"<ItemData ItemOID="WEIGHT" Value="80" redcap:Variable="weight" mdsol:Submission="SpecifiedItemsOnly"/>
<mdsol:Query QueryRepeatKey="1"><mdsol:Note xmlns="urn:other">why <b>80</b>?</mdsol:Note></mdsol:Query>
<OpenClinica:Notes/>"#;
    let document = read(&snapshot(spaces, data)).unwrap();
    let table = document.table("IG.VS").unwrap();
    let column = table.data_set.column("WEIGHT").unwrap();
    assert_eq!(table.rows[0].cell(column).text(), Some("80"));
    assert_eq!(table.data_set.variables.len(), odm::KEYS.len() + 1);
}

// Pitfall 15.
#[test]
fn what_breaks_the_schema_is_refused_with_its_line() {
    let cases: &[(&str, &str, u64, &str)] = &[
        (
            "<StudyName>S</StudyName>",
            "<studyName>S</studyName>",
            2,
            "element \"studyName\" in GlobalVariables",
        ),
        ("<StudyName>S</StudyName>", "", 2, "expected StudyName in GlobalVariables, found StudyDescription"),
        (
            "Repeating=\"No\" Type=\"Scheduled\"",
            "Repeating=\"Maybe\" Type=\"Scheduled\"",
            4,
            "as one of Yes, No, found Repeating=\"Maybe\"",
        ),
        (
            " Name=\"AETERM\" DataType=\"text\"",
            " DataType=\"text\"",
            7,
            "attribute Name of ItemDef, found none",
        ),
        (
            "<UserRef UserOID=\"USR.1\"/><LocationRef LocationOID=\"LOC.101\"/>",
            "<LocationRef LocationOID=\"LOC.101\"/><UserRef UserOID=\"USR.1\"/>",
            20,
            "expected UserRef in AuditRecord, found LocationRef",
        ),
        (
            "<DateTimeStamp>2026-11-20T09:12:33Z</DateTimeStamp>",
            "<DateTimeStamp>yesterday</DateTimeStamp>",
            20,
            "DateTimeStamp as a date and time",
        ),
        (
            "<DateTimeStamp>2026-11-20T09:12:33Z</DateTimeStamp>",
            "",
            20,
            "expected DateTimeStamp in AuditRecord, found ReasonForChange",
        ),
        (
            "<ItemData ItemOID=\"IT.AETERM\" Value=\"Thrombocytopenia\"/>",
            "Thrombocytopenia",
            15,
            "expected elements in ItemGroupData, found text",
        ),
        (
            "<ItemData ItemOID=\"IT.AETERM\" Value=",
            "<ItemData ItemOID=\"IT.AETERM\" Grade=\"3\" Value=",
            15,
            "found attribute Grade",
        ),
        (
            "<ItemData ItemOID=\"IT.AETERM\" Value=",
            "<ItemData ItemOID=\"IT.AETERM\" ItemOID=\"X\" Value=",
            15,
            "attribute ItemOID twice",
        ),
        (
            "<ItemData ItemOID=\"IT.AETERM\" Value=\"Thrombocytopenia\"/>",
            "<ItemDataString ItemOID=\"IT.AETERM\">T</ItemDataString>",
            16,
            "ItemData beside ItemDataString",
        ),
        (
            "</FormData></StudyEventData></SubjectData>\n  <SubjectData",
            "</FormData></SubjectData></StudyEventData>\n  <SubjectData",
            17,
            "well-formed XML",
        ),
        (
            "FileType=\"Transactional\"",
            "FileType=\"Log\"",
            1,
            "ODM/@FileType as one of Snapshot, Transactional",
        ),
        ("ODMVersion=\"1.3.2\"", "ODMVersion=\"1.2\"", 1, "found ODM 1.2"),
    ];
    for (from, to, line, said) in cases {
        assert!(ADJUDICATED.contains(from), "{from}");
        let problem = refused(&ADJUDICATED.replacen(from, to, 1));
        assert_eq!(problem.place.line, Some(*line), "{problem}");
        assert!(problem.to_string().contains(said), "{problem}");
        assert!(!problem.mend.is_empty());
    }
    let cut_off = &ADJUDICATED.replace(" </ClinicalData></ODM>", "");
    assert!(refused(cut_off).to_string().contains("end of the file within"), "{}", refused(cut_off));
    let twice = format!("{ADJUDICATED}<ODM xmlns=\"http://www.cdisc.org/ns/odm/v1.3\"/>");
    assert!(refused(&twice).to_string().contains("a second element ODM"), "{}", refused(&twice));
}

// Pitfall 16.
#[test]
fn an_update_without_an_audit_record_a_value_under_context_and_unknown_identifiers_are_refused_with_their_path()
 {
    let path = "101-001/SE.C1/F.AE[1]/IG.AE[1]/IT.AEDLT";
    let (start, end) =
        (ADJUDICATED.find("<AuditRecord").unwrap(), ADJUDICATED.find("</AuditRecord>").unwrap());
    let audit = &ADJUDICATED[start..end + "</AuditRecord>".len()];
    let unaudited = refused(&ADJUDICATED.replace(audit, ""));
    assert!(unaudited.to_string().contains("an AuditRecord with every Update"), "{unaudited}");
    assert!(unaudited.found.contains(path), "{unaudited}");
    assert_eq!(unaudited.place.line, Some(20));

    let context = refused(&ADJUDICATED.replace("TransactionType=\"Update\" ", ""));
    assert!(context.expected.contains("no value under Context"), "{context}");
    assert!(context.found.contains(path), "{context}");

    for (from, to, kind) in [
        (
            "ItemData ItemOID=\"IT.AEDLT\" TransactionType",
            "ItemData ItemOID=\"IT.X\" TransactionType",
            "ItemDef",
        ),
        ("<ItemGroupData ItemGroupOID=\"IG.AE\"", "<ItemGroupData ItemGroupOID=\"IT.X\"", "ItemGroupDef"),
        ("<FormData FormOID=\"F.AE\"", "<FormData FormOID=\"IT.X\"", "FormDef"),
        (
            "<StudyEventData StudyEventOID=\"SE.C1\"",
            "<StudyEventData StudyEventOID=\"IT.X\"",
            "StudyEventDef",
        ),
        ("UserRef UserOID=\"USR.1\"", "UserRef UserOID=\"IT.X\"", "User"),
        ("SiteRef LocationOID=\"LOC.101\"", "SiteRef LocationOID=\"IT.X\"", "Location"),
    ] {
        assert!(ADJUDICATED.contains(from), "{from}");
        let problem = refused(&ADJUDICATED.replacen(from, to, 1));
        assert!(problem.expected.contains(&format!("the identifier of one {kind}")), "{problem}");
        assert!(problem.found.contains("\"IT.X\"") && problem.place.line.is_some(), "{problem}");
    }
    // A library of forms may leave its code lists to another file: that is told, not refused.
    for (from, kind) in [
        ("FormRef FormOID=\"F.AE\"", "FormDef"),
        ("ItemRef ItemOID=\"IT.AEDLT\"", "ItemDef"),
        ("CodeListRef CodeListOID=\"CL.NY\"", "CodeList"),
    ] {
        let name = from.split('=').next().unwrap();
        let document = read(&ADJUDICATED.replacen(from, &format!("{name}=\"IT.X\""), 1)).unwrap();
        assert_eq!(document.warnings.len(), 1);
        assert!(document.warnings[0].expected.contains(&format!("the identifier of one {kind}")), "{kind}");
    }
    let in_data = ADJUDICATED.replacen("ItemData ItemOID=\"IT.AEDLT\" T", "ItemData ItemOID=\"IT.X\" T", 1);
    assert!(refused(&in_data).found.contains("101-001/SE.C1/F.AE[1]/IG.AE[1]/IT.X"), "{}", refused(&in_data));
}

#[test]
fn a_value_inserted_where_one_stands_is_refused_and_after_its_removal_it_is_not() {
    let again = ADJUDICATED.replace("TransactionType=\"Update\" ", "TransactionType=\"Insert\" ");
    let problem = refused(&again);
    assert!(problem.found.contains("101-001/SE.C1/F.AE#1/IG.AE#1/IT.AEDLT a second time"), "{problem}");
    assert_eq!(problem.place.line, Some(20));

    let removed = ADJUDICATED.replace("TransactionType=\"Update\" Value=\"Y\"", "TransactionType=\"Remove\"");
    let document = read(&removed).unwrap();
    let table = document.table("IG.AE").unwrap();
    let column = table.data_set.column("IT.AEDLT").unwrap();
    assert_eq!(table.rows[0].cell(column).text(), None, "removed is missing");

    let audit = r#"<AuditRecord><UserRef UserOID="USR.1"/><LocationRef LocationOID="LOC.101"/><DateTimeStamp>2026-11-21T09:12:33Z</DateTimeStamp></AuditRecord>"#;
    let subject = format!(
        r#"<SubjectData SubjectKey="101-001" TransactionType="Context"><StudyEventData StudyEventOID="SE.C1"><FormData FormOID="F.AE" FormRepeatKey="1" TransactionType="Remove">{audit}</FormData></StudyEventData></SubjectData>"#
    );
    let gone = read(&ADJUDICATED.replace(" </ClinicalData>", &format!("{subject}</ClinicalData>"))).unwrap();
    assert!(gone.table("IG.AE").unwrap().rows.is_empty(), "a form removed takes its item groups with it");
    let unaudited = subject.replace(audit, "");
    let problem = refused(&ADJUDICATED.replace(" </ClinicalData>", &format!("{unaudited}</ClinicalData>")));
    assert!(problem.expected.contains("every Remove"), "{problem}");
}

#[test]
fn audit_records_may_stand_at_the_end_and_are_found_by_their_id() {
    let (start, end) = (
        ADJUDICATED.find("<ItemData ItemOID=\"IT.AEDLT\" T").unwrap(),
        ADJUDICATED.rfind("</ItemData>").unwrap(),
    );
    let item = &ADJUDICATED[start..end + "</ItemData>".len()];
    let audit = &item[item.find("<AuditRecord").unwrap()..item.find("</ItemData>").unwrap()];
    let trailing = ADJUDICATED
        .replace(item, r#"<ItemDataString ItemOID="IT.AEDLT" TransactionType="Update" AuditRecordID="A.1">Y</ItemDataString>"#)
        .replace(" </ClinicalData>", &format!("<AuditRecords>{}</AuditRecords></ClinicalData>", audit.replacen("<AuditRecord ", "<AuditRecord ID=\"A.1\" ", 1)));
    let document = read(&trailing).unwrap();
    let update = &document.transactions[1].items[0];
    assert_eq!(document.audits[update.audit.unwrap()].reason.as_deref(), Some("Adjudicated as DLT"));
    let unmet = trailing.replace("ID=\"A.1\" EditPoint", "ID=\"A.2\" EditPoint");
    assert!(refused(&unmet).found.contains("none of ID \"A.1\""), "{}", refused(&unmet));
}

#[test]
fn typed_values_are_of_their_type_and_null_is_missing() {
    let data = r#"<ItemDataInteger ItemOID="AGE"> 63 </ItemDataInteger><ItemDataString ItemOID="NOTE"> as said </ItemDataString>
<ItemDataPartialDate ItemOID="FROM">2014-02</ItemDataPartialDate><ItemDataAny ItemOID="WHY" IsNull="Yes"/>"#;
    let document = read(&snapshot("", data)).unwrap();
    let values: Vec<Option<&str>> =
        document.transactions[0].items.iter().map(|item| item.value.as_deref()).collect();
    assert_eq!(values, [Some("63"), Some(" as said "), Some("2014-02"), None]);
    let table = document.table("IG.VS").unwrap();
    assert!(table.data_set.column("WHY").is_none(), "a value that is null everywhere makes no column");
    for (kind, value) in [
        ("Integer", "6.3"),
        ("Float", "high"),
        ("Boolean", "Y"),
        ("Date", "2014-02"),
        ("Datetime", "2014-02-03"),
    ] {
        let problem =
            refused(&snapshot("", &format!("<ItemData{kind} ItemOID=\"X\">{value}</ItemData{kind}>")));
        assert!(problem.expected.contains(&format!("ItemData{kind}")), "{problem}");
        assert!(problem.found.contains(value) && problem.place.line == Some(5), "{problem}");
    }
    let both = refused(&snapshot("", r#"<ItemData ItemOID="X" IsNull="Yes" Value="1"/>"#));
    assert!(both.expected.contains("either a value or IsNull"), "{both}");
}

#[test]
fn a_value_keeps_its_unit_in_a_column_of_its_own() {
    let data =
        r#"<ItemData ItemOID="ACT" Value="51.4"><MeasurementUnitRef MeasurementUnitOID="MU.1"/></ItemData>"#;
    let document = read(&snapshot("", data)).unwrap();
    let table = document.table("IG.VS").unwrap();
    let unit = table.data_set.column("ACT.unit").unwrap();
    assert_eq!(table.rows[0].cell(unit).text(), Some("MU.1"), "the symbol is not defined here");
}

#[test]
fn odm_2_dataset_xml_and_other_xml_are_refused_with_the_reason() {
    let cases = [
        (r#"<ODM xmlns="http://www.cdisc.org/ns/odm/v2.0" ODMVersion="2.0"/>"#, "found ODM 2.0"),
        (
            r#"<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" xmlns:d="http://www.cdisc.org/ns/Dataset-XML/v1.0" d:DatasetXMLVersion="1.0.0"/>"#,
            "found a Dataset-XML file",
        ),
        (r#"<ODM FileType="Snapshot"/>"#, "of no namespace"),
        (r#"<html xmlns="http://www.w3.org/1999/xhtml"/>"#, "http://www.w3.org/1999/xhtml"),
        ("", "expected an element ODM, found none"),
        ("USUBJID,AGE\n", "expected elements in the file"),
        ("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><ODM/>", "encoding \"ISO-8859-1\""),
    ];
    for (text, said) in cases {
        let problem = refused(text);
        assert!(problem.to_string().contains(said), "{problem}");
    }
    let latin =
        [b"<ODM xmlns=\"http://www.cdisc.org/ns/odm/v1.3\" FileOID=\"".as_slice(), &[0xe9], b"\"/>"].concat();
    let problem = odm::read("x.xml", latin.as_slice(), Limits::default()).map(|_| ()).unwrap_err();
    assert!(problem.expected.contains("UTF-8"), "{problem}");
}

// Pitfall 21.
#[test]
fn entities_depth_and_size_are_refused_in_bounded_time() {
    let start = Instant::now();
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let bomb = format!(
        "<!DOCTYPE ODM [<!ENTITY l0 \"ha\">{laughs}]>\n{}",
        snapshot("", "").replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "")
    );
    assert!(refused(&bomb).to_string().contains("no document type"), "{}", refused(&bomb));
    let file = "<!DOCTYPE ODM SYSTEM \"file:///etc/passwd\"><ODM/>";
    assert!(refused(file).to_string().contains("no document type"));
    let named = refused(&snapshot("", "<ItemDataString ItemOID=\"X\">&eacute;</ItemDataString>"));
    assert!(named.to_string().contains("entity \"eacute\""), "{named}");
    assert_eq!(named.place.line, Some(5));
    assert!(read(&snapshot("", "<ItemData ItemOID=\"X\" Value=\"&eacute;\"/>")).is_err());
    assert!(read(&snapshot("", "<ItemData ItemOID=\"X\" Value=\"&#0;\"/>")).is_err());
    assert!(
        read(&snapshot("", "<ItemData ItemOID=\"X\" Value=\"&#x1F;\"/>")).is_err(),
        "XML has no such character"
    );

    let deep = "<v:x>".repeat(100_000);
    let problem = refused(&snapshot("xmlns:v=\"urn:v\"", &deep));
    assert!(problem.expected.contains("deep"), "{problem}");
    let wide: String = (0..100_000).map(|n| format!(" a{n}=\"\"")).collect();
    let problem = refused(&snapshot("", &format!("<ItemData ItemOID=\"X\"{wide}/>")));
    assert!(problem.to_string().contains("attributes"), "{problem}");
    let spaces: String = (0..100_000).map(|n| format!(" xmlns:a{n}=\"u{n}\"")).collect();
    assert!(read(&snapshot(&spaces, "")).is_err());
    let long = "x".repeat(5 << 20);
    let problem = refused(&snapshot("", &format!("<ItemData ItemOID=\"X\" Value=\"{long}\"/>")));
    assert!(problem.to_string().contains("bytes"), "{problem}");
    let limits = Limits { max_bytes: 1 << 20, ..Limits::default() };
    let many = "<ItemData ItemOID=\"X\" Value=\"1\"/>".repeat(40_000);
    let problem = odm::read("x.xml", snapshot("", &many).as_bytes(), limits).map(|_| ()).unwrap_err();
    assert!(problem.to_string().contains("at most 1048576 bytes"), "{problem}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
