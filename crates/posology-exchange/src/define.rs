//! Define-XML 2.1: the metadata of a package of data sets, from the same model as the data sets themselves.
//!
//! Start at [`write()`]. Every derived variable has its method in words, every coded one its list with NCI's codes and the
//! sponsor's extensions marked, and supplemental qualifiers are described one by one. The order of elements is the
//! schema's. [`STYLESHEET`] goes beside it, so that a browser shows it as tables.

use std::collections::BTreeMap;

use posology_trial::when::When;

use crate::package::{Column, Core, DataType, Origin, Package, Standard, TERMINOLOGY, Table, Value};
use crate::xml::Xml;

/// How a browser shows a `define.xml`, as `define.xsl` beside it.
pub const STYLESHEET: &str = include_str!("define.xsl");

/// The name under which the stylesheet lies beside the document.
pub const STYLESHEET_NAME: &str = "define.xsl";

/// What the representation of a dose-limiting toxicity is: no standard has a place for it.
const DOSE_LIMITING: &str = "No standard variable and no term for a dose-limiting toxicity exists. The investigator's judgement on an adverse event stands in SUPPAE as QNAM AEDLT; the committee's adjudication of that event in FA as FATESTCD DLTIND, tied to it in RELREC.";

const SYNTHETIC: &str = "Synthetic patients: none of these people exists.";

/// The Define-XML of a package whose data sets have files of an ending, such as `xpt`.
#[must_use]
pub fn write(package: &Package, ending: &str) -> String {
    let mut xml = Xml::new(Some(STYLESHEET_NAME));
    let study = &package.study;
    let created = package.source.cut_off.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (program, version) = package.source.program.split_once(' ').unwrap_or((&package.source.program, "0"));
    xml.open(
        "ODM",
        &[
            ("xmlns", "http://www.cdisc.org/ns/odm/v1.3"),
            ("xmlns:xlink", "http://www.w3.org/1999/xlink"),
            ("xmlns:def", "http://www.cdisc.org/ns/def/v2.1"),
            ("ODMVersion", "1.3.2"),
            ("FileType", "Snapshot"),
            ("FileOID", &format!("{}.{}.define", study.id, package.standard.name())),
            ("CreationDateTime", &created),
            ("SourceSystem", program),
            ("SourceSystemVersion", version),
            ("def:Context", "Submission"),
        ],
    );
    xml.open("Study", &[("OID", &study.id)]);
    xml.open("GlobalVariables", &[]);
    xml.text("StudyName", &[], &study.id);
    let description =
        if study.synthetic { format!("{}. {SYNTHETIC}", study.title) } else { study.title.clone() };
    xml.text("StudyDescription", &[], &description);
    xml.text("ProtocolName", &[], &study.protocol);
    xml.close();
    let name = format!("{} {}", package.standard.name(), package.standard.version());
    xml.open(
        "MetaDataVersion",
        &[
            ("OID", &format!("MDV.{}.{}", package.standard.name(), package.standard.version())),
            ("Name", &format!("{}, {name}", study.id)),
            ("Description", &format!("Data sets of {} by {name}", study.id)),
            ("def:DefineVersion", "2.1.0"),
        ],
    );
    standards(&mut xml, package.standard);
    value_lists(&mut xml, package);
    for table in &package.tables {
        item_group(&mut xml, package, table, ending);
    }
    for table in &package.tables {
        for (index, column) in table.columns.iter().enumerate() {
            item(&mut xml, package, table, index, column);
        }
        for qualifier in qualifiers(table) {
            qualifier_item(&mut xml, table, &qualifier);
        }
    }
    code_lists(&mut xml, package);
    methods(&mut xml, package);
    comments(&mut xml, package);
    xml.close();
    xml.close();
    xml.close();
    xml.finish()
}

fn standards(xml: &mut Xml, standard: Standard) {
    xml.open("def:Standards", &[]);
    xml.empty(
        "def:Standard",
        &[
            ("OID", "STD.IG"),
            ("Name", standard.name()),
            ("Type", "IG"),
            ("Version", standard.version()),
            ("Status", "Final"),
        ],
    );
    let set = match standard {
        Standard::Sdtm => "SDTM",
        Standard::Adam => "ADaM",
    };
    xml.empty(
        "def:Standard",
        &[
            ("OID", "STD.CT"),
            ("Name", "CDISC/NCI"),
            ("Type", "CT"),
            ("PublishingSet", set),
            ("Version", TERMINOLOGY),
            ("Status", "Final"),
        ],
    );
    xml.close();
}

/// A supplemental qualifier of a table: its name, label, origin, evaluator and longest value.
struct Qualifier {
    name: String,
    label: String,
    origin: String,
    longest: usize,
}

/// The qualifiers of a SUPP-- table, each once, by name; none of another table.
fn qualifiers(table: &Table) -> Vec<Qualifier> {
    let place = |name: &str| table.column(name);
    let (Some(name), Some(label), Some(value), Some(origin)) =
        (place("QNAM"), place("QLABEL"), place("QVAL"), place("QORIG"))
    else {
        return Vec::new();
    };
    let text = |row: &[Value], at: usize| match row.get(at) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let mut found: BTreeMap<String, Qualifier> = BTreeMap::new();
    for row in &table.rows {
        let known = found.entry(text(row, name)).or_insert_with(|| Qualifier {
            name: text(row, name),
            label: text(row, label),
            origin: text(row, origin),
            longest: 1,
        });
        known.longest = known.longest.max(text(row, value).len());
    }
    found.into_values().collect()
}

fn value_lists(xml: &mut Xml, package: &Package) {
    for table in &package.tables {
        let qualifiers = qualifiers(table);
        if qualifiers.is_empty() {
            continue;
        }
        xml.open("def:ValueListDef", &[("OID", &format!("VL.{}.QVAL", table.name))]);
        for (order, qualifier) in (1..).zip(&qualifiers) {
            let item = format!("IT.{}.QVAL.{}", table.name, qualifier.name);
            xml.open(
                "ItemRef",
                &[("ItemOID", &item), ("OrderNumber", &i32::to_string(&order)), ("Mandatory", "No")],
            );
            let clause = format!("WC.{}.{}", table.name, qualifier.name);
            xml.empty("def:WhereClauseRef", &[("WhereClauseOID", &clause)]);
            xml.close();
        }
        xml.close();
    }
    for table in &package.tables {
        for qualifier in qualifiers(table) {
            xml.open("def:WhereClauseDef", &[("OID", &format!("WC.{}.{}", table.name, qualifier.name))]);
            let item = format!("IT.{}.QNAM", table.name);
            xml.open("RangeCheck", &[("Comparator", "EQ"), ("SoftHard", "Soft"), ("def:ItemOID", &item)]);
            xml.text("CheckValue", &[], &qualifier.name);
            xml.close();
            xml.close();
        }
    }
}

/// The domain that a table belongs to: that of its rows, not of a supplement to it.
fn domain(table: &Table) -> &str {
    table.name.strip_prefix("SUPP").unwrap_or(&table.name)
}

fn item_group(xml: &mut Xml, package: &Package, table: &Table, ending: &str) {
    let repeating = table.keys.iter().any(|key| !matches!(*key, "STUDYID" | "USUBJID"));
    let yes_no = |yes: bool| if yes { "Yes" } else { "No" };
    let purpose = match package.standard {
        Standard::Sdtm => "Tabulation",
        Standard::Adam => "Analysis",
    };
    let oid = format!("IG.{}", table.name);
    let leaf = format!("LF.{}", table.name);
    let comment = format!("COM.{}", table.name);
    let mut attributes = vec![
        ("OID", oid.as_str()),
        ("Name", table.name.as_str()),
        ("Repeating", yes_no(repeating)),
        ("IsReferenceData", yes_no(table.reference)),
        ("SASDatasetName", table.name.as_str()),
    ];
    if package.standard == Standard::Sdtm {
        attributes.push(("Domain", domain(table)));
    }
    attributes.extend([
        ("Purpose", purpose),
        ("def:StandardOID", "STD.IG"),
        ("def:Structure", table.structure.as_str()),
        ("def:ArchiveLocationID", leaf.as_str()),
    ]);
    if comment_of(package, table).is_some() {
        attributes.push(("def:CommentOID", comment.as_str()));
    }
    xml.open("ItemGroupDef", &attributes);
    description(xml, &table.label);
    for (order, column) in (1..).zip(&table.columns) {
        let item = format!("IT.{}.{}", table.name, column.name);
        let order = i32::to_string(&order);
        let key = table.keys.iter().position(|key| *key == column.name).map(|at| (at + 1).to_string());
        let method = format!("MT.{}.{}", table.name, column.name);
        let mandatory = yes_no(column.core == Core::Required);
        let role = (package.standard == Standard::Sdtm).then(|| role(&table.name, column.name)).flatten();
        let mut attributes =
            vec![("ItemOID", item.as_str()), ("OrderNumber", &order), ("Mandatory", mandatory)];
        if let Some(key) = &key {
            attributes.push(("KeySequence", key));
        }
        if column.derivation.is_some() {
            attributes.push(("MethodOID", &method));
        }
        if let Some(role) = role {
            attributes.push(("Role", role));
        }
        xml.empty("ItemRef", &attributes);
    }
    xml.empty("def:Class", &[("Name", table.class.name())]);
    let file = format!("{}.{ending}", table.name.to_lowercase());
    xml.open("def:leaf", &[("ID", &leaf), ("xlink:href", &file)]);
    xml.text("def:title", &[], &file);
    xml.close();
    xml.close();
}

/// The role of a variable of SDTM, as SDTMIG 3.4 lists it; none of a variable it does not have.
fn role(table: &str, name: &str) -> Option<&'static str> {
    const IDENTIFIER: Option<&str> = Some("Identifier");
    const TOPIC: Option<&str> = Some("Topic");
    const SYNONYM: Option<&str> = Some("Synonym Qualifier");
    const RECORD: Option<&str> = Some("Record Qualifier");
    const VARIABLE: Option<&str> = Some("Variable Qualifier");
    const RESULT: Option<&str> = Some("Result Qualifier");
    const GROUPING: Option<&str> = Some("Grouping Qualifier");
    const TIMING: Option<&str> = Some("Timing");
    const RULE: Option<&str> = Some("Rule");
    match (table, name) {
        (_, "STUDYID" | "DOMAIN" | "USUBJID" | "RDOMAIN" | "IDVAR" | "IDVARVAL" | "TSSEQ") => IDENTIFIER,
        ("SV" | "TV", "VISITNUM") | ("SE" | "TE", "ETCD") | ("TA", "ARMCD") => TOPIC,
        ("SV" | "TV", "VISIT") => SYNONYM,
        (_, "VISITNUM" | "VISIT" | "VISITDY" | "EPOCH" | "TAETORD") => TIMING,
        (_, "SUBJID" | "QNAM" | "TSPARMCD" | "IETESTCD") => TOPIC,
        (_, "ARM" | "ACTARM" | "ELEMENT" | "QLABEL" | "TSPARM" | "IETEST") => SYNONYM,
        (_, "QVAL" | "TSVAL" | "TSVALNF" | "TSVALCD" | "TSVCDREF" | "TSVCDVER") => RESULT,
        (_, "TABRANCH" | "TATRANS" | "TESTRL" | "TEENRL" | "TVSTRL") => RULE,
        (_, "AGEU") => VARIABLE,
        (_, "IECAT") => GROUPING,
        ("DM" | "TA" | "TV" | "TI" | "RELREC", _) | (_, "QORIG" | "QEVAL") => RECORD,
        _ => match name.strip_prefix(table)? {
            "SEQ" | "LNKID" | "SPID" => IDENTIFIER,
            "TERM" | "TRT" | "TESTCD" => TOPIC,
            "DECOD" | "TEST" => SYNONYM,
            "CAT" | "SCAT" => GROUPING,
            "ORRES" | "STRESC" | "STRESN" => RESULT,
            "DTC" | "STDTC" | "ENDTC" | "DY" | "STDY" | "ENDY" => TIMING,
            "ORRESU" | "STRESU" | "ORNRLO" | "ORNRHI" | "STNRLO" | "STNRHI" | "NRIND" | "DOSU" | "DOSFRM"
            | "ROUTE" | "PRESP" | "LLT" | "LLTCD" | "PTCD" | "HLT" | "HLTCD" | "HLGT" | "HLGTCD"
            | "BDSYCD" | "SOC" | "SOCCD" | "EVALID" | "LAT" => VARIABLE,
            _ => RECORD,
        },
    }
}

fn description(xml: &mut Xml, text: &str) {
    xml.open("Description", &[]);
    xml.text("TranslatedText", &[("xml:lang", "en")], text);
    xml.close();
}

fn item(xml: &mut Xml, package: &Package, table: &Table, index: usize, column: &Column) {
    let oid = format!("IT.{}.{}", table.name, column.name);
    let typed = Typed::of(table, index, column);
    let mut attributes = vec![
        ("OID", oid.as_str()),
        ("Name", column.name),
        ("SASFieldName", column.name),
        ("DataType", typed.data_type),
    ];
    if let Some(length) = &typed.length {
        attributes.push(("Length", length));
    }
    if let Some(digits) = &typed.significant_digits {
        attributes.push(("SignificantDigits", digits));
    }
    if column.data_type == DataType::NumericDate {
        attributes.push(("def:DisplayFormat", "E8601DA."));
    }
    xml.open("ItemDef", &attributes);
    description(xml, column.label);
    if let Some(list) =
        column.code_list.filter(|list| package.code_lists.iter().any(|known| known.id == *list))
    {
        xml.empty("CodeListRef", &[("CodeListOID", &format!("CL.{list}"))]);
    }
    let (kind, source) = match column.origin {
        Origin::Collected => ("Collected", "Investigator"),
        Origin::Derived => ("Derived", "Sponsor"),
        Origin::Assigned => ("Assigned", "Sponsor"),
        Origin::Protocol => ("Protocol", "Sponsor"),
        Origin::Predecessor(_) => ("Predecessor", ""),
    };
    let mut attributes = vec![("Type", kind)];
    if !source.is_empty() {
        attributes.push(("Source", source));
    }
    match column.origin {
        Origin::Predecessor(from) => {
            xml.open("def:Origin", &attributes);
            description(xml, from);
            xml.close();
        }
        _ => xml.empty("def:Origin", &attributes),
    }
    if column.name == "QVAL" {
        xml.empty("def:ValueListRef", &[("ValueListOID", &format!("VL.{}.QVAL", table.name))]);
    }
    xml.close();
}

fn qualifier_item(xml: &mut Xml, table: &Table, qualifier: &Qualifier) {
    let length = qualifier.longest.to_string();
    xml.open(
        "ItemDef",
        &[
            ("OID", &format!("IT.{}.QVAL.{}", table.name, qualifier.name)),
            ("Name", &qualifier.name),
            ("SASFieldName", &qualifier.name),
            ("DataType", "text"),
            ("Length", &length),
        ],
    );
    description(xml, &qualifier.label);
    let (kind, source) =
        if qualifier.origin == "Assigned" { ("Assigned", "Sponsor") } else { ("Collected", "Investigator") };
    xml.empty("def:Origin", &[("Type", kind), ("Source", source)]);
    xml.close();
}

/// What the values of a column are, as Define-XML says it.
struct Typed {
    data_type: &'static str,
    length: Option<String>,
    significant_digits: Option<String>,
}

impl Typed {
    fn of(table: &Table, index: usize, column: &Column) -> Self {
        let values = || table.rows.iter().filter_map(|row| row.get(index));
        let plain = |data_type| Self { data_type, length: None, significant_digits: None };
        match column.data_type {
            DataType::Text => {
                let length = table.longest(index).max(1).to_string();
                Self { data_type: "text", length: Some(length), significant_digits: None }
            }
            DataType::IsoDuration => plain("durationDatetime"),
            DataType::IsoDateTime => plain(date_type(values())),
            DataType::NumericDate => {
                Self { data_type: "integer", length: Some("8".to_owned()), significant_digits: None }
            }
            DataType::Integer | DataType::Float => {
                let numbers = values().filter_map(|value| match value {
                    Value::Number(number) => Some(number.normalize()),
                    _ => None,
                });
                let (mut digits, mut decimals) = (1, 0);
                for number in numbers {
                    digits = digits.max(number.to_string().chars().filter(char::is_ascii_digit).count());
                    decimals = decimals.max(number.scale());
                }
                let length = Some(digits.to_string());
                if column.data_type == DataType::Integer && decimals == 0 {
                    Self { data_type: "integer", length, significant_digits: None }
                } else {
                    Self { data_type: "float", length, significant_digits: Some(decimals.to_string()) }
                }
            }
        }
    }
}

/// The type of dates that were recorded: the narrowest that takes all of them.
fn date_type<'a>(values: impl Iterator<Item = &'a Value>) -> &'static str {
    let (mut days, mut times, mut partial) = (false, false, false);
    for value in values {
        let Value::Text(text) = value else { continue };
        match text.parse::<When>() {
            Ok(when) if when.is_partial() => partial = true,
            Ok(when) if when.instant().is_some() => times = true,
            Ok(_) => days = true,
            Err(_) => partial = true,
        }
    }
    match (days, times, partial) {
        (_, false, false) => "date",
        (false, true, false) => "datetime",
        (_, false, true) => "partialDate",
        (true, true, false) => "partialDatetime",
        (_, true, true) => "partialDatetime",
    }
}

fn code_lists(xml: &mut Xml, package: &Package) {
    for list in &package.code_lists {
        let oid = format!("CL.{}", list.id);
        let mut attributes = vec![("OID", oid.as_str()), ("Name", list.name), ("DataType", "text")];
        if list.code.is_some() {
            attributes.push(("def:StandardOID", "STD.CT"));
        }
        xml.open("CodeList", &attributes);
        let decoded = list.terms.iter().any(|term| term.decode.is_some());
        for term in &list.terms {
            let mut attributes = vec![("CodedValue", term.value.as_str())];
            if term.extension {
                attributes.push(("def:ExtendedValue", "Yes"));
            }
            xml.open(if decoded { "CodeListItem" } else { "EnumeratedItem" }, &attributes);
            if decoded {
                xml.open("Decode", &[]);
                xml.text(
                    "TranslatedText",
                    &[("xml:lang", "en")],
                    term.decode.as_deref().unwrap_or(&term.value),
                );
                xml.close();
            }
            if let Some(code) = &term.code {
                xml.empty("Alias", &[("Name", code), ("Context", "nci:ExtCodeID")]);
            }
            xml.close();
        }
        if let Some(code) = list.code {
            xml.empty("Alias", &[("Name", code), ("Context", "nci:ExtCodeID")]);
        }
        xml.close();
    }
}

fn methods(xml: &mut Xml, package: &Package) {
    for table in &package.tables {
        for column in &table.columns {
            let Some(derivation) = &column.derivation else { continue };
            xml.open(
                "MethodDef",
                &[
                    ("OID", &format!("MT.{}.{}", table.name, column.name)),
                    ("Name", &format!("Derivation of {}.{}", table.name, column.name)),
                    ("Type", "Computation"),
                ],
            );
            description(xml, derivation);
            xml.close();
        }
    }
}

fn comment_of(package: &Package, table: &Table) -> Option<String> {
    let mut said: Vec<&str> = Vec::new();
    said.extend(table.comment.as_deref());
    if matches!(table.name.as_str(), "SUPPAE" | "FA" | "ADDLT") {
        said.push(DOSE_LIMITING);
    }
    if package.study.synthetic && matches!(table.name.as_str(), "DM" | "ADSL") {
        said.push(SYNTHETIC);
    }
    (!said.is_empty()).then(|| said.join(" "))
}

fn comments(xml: &mut Xml, package: &Package) {
    for table in &package.tables {
        if let Some(comment) = comment_of(package, table) {
            xml.open("def:CommentDef", &[("OID", &format!("COM.{}", table.name))]);
            description(xml, &comment);
            xml.close();
        }
    }
}
