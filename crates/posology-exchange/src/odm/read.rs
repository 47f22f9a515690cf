//! ODM files of any vendor, as a stream of elements, to a [`Document`].
//!
//! The grammar has judged each element by the time it comes here; this file gives it its meaning and judges what a
//! schema cannot: that every identifier referred to is defined, that a change says who made it, that what is named for
//! context carries no value.

mod data;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::civil::DateTime;

use data::{ItemOpen, Level};

use super::stream::{Element, Node, Xml};
use super::{
    Address, AuditRecord, CodeList, Document, Item, ItemGroup, Location, MetaData, Signature, User, tables,
};
use crate::limits::Limits;
use crate::problem::{Problem, quoted};

/// Elements of one file at most; each costs memory. The trail of 5,000 events has some 150,000.
const MOST_ELEMENTS: usize = 10_000_000;

/// Warnings of one file at most.
const MOST_WARNINGS: usize = 1_000;

/// Reads an ODM-XML 1.3.2 file, Snapshot or Transactional, of any vendor. What is in namespaces of vendors is passed
/// over.
///
/// # Errors
/// The first fault, with its line: bytes that are no XML, a document type, what breaks the schema of ODM 1.3.2, an
/// identifier under which the file defines nothing and data stand, an Update or Remove without an audit record, a value under Context, an
/// Insert of what is there; ODM 2.0 and Dataset-XML; what exceeds a limit. Nothing is half taken.
///
/// ```
/// use posology_exchange::{limits::Limits, odm};
/// let file = r#"<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" FileType="Snapshot" FileOID="F" CreationDateTime="2026-02-03T08:00:00Z">
///   <ClinicalData StudyOID="S" MetaDataVersionOID="M"><SubjectData SubjectKey="01-001">
///     <StudyEventData StudyEventOID="SE"><FormData FormOID="F.VS"><ItemGroupData ItemGroupOID="IG.VS">
///       <ItemData ItemOID="WEIGHT" Value="80"/></ItemGroupData></FormData></StudyEventData>
///   </SubjectData></ClinicalData></ODM>"#;
/// let document = odm::read("vs.xml", file.as_bytes(), Limits::default())?;
/// let table = document.table("IG.VS").unwrap();
/// let weight = table.data_set.column("WEIGHT").unwrap();
/// assert_eq!(table.rows[0].cell(weight).text(), Some("80"));
/// # Ok::<(), posology_exchange::problem::Problem>(())
/// ```
pub fn read(file: &str, source: impl Read, limits: Limits) -> Result<Document, Problem> {
    let mut builder = Builder {
        xml: Xml::open(file, source, limits)?,
        document: Document { file: file.to_owned(), ..Document::default() },
        open: Vec::new(),
        refs: Vec::new(),
        clinical: None,
        versions: HashMap::new(),
        units: HashSet::new(),
        levels: Vec::new(),
        audit: None,
        signature: None,
        item: None,
        named_audits: HashMap::new(),
        elements: 0,
        people: HashMap::new(),
    };
    while let Some(node) = builder.xml.next()? {
        match node {
            Node::Open(element) => {
                builder.opened(&element)?;
                builder.open.push(element);
            }
            Node::Close(text) => {
                if let Some(element) = builder.open.pop() {
                    builder.closed(&element, text)?;
                }
            }
        }
    }
    builder.finish()
}

/// A reference within metadata: line, what it refers to, its identifier.
type Ref = (u64, Kind, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    StudyEvent,
    Form,
    ItemGroup,
    Item,
    CodeList,
    Unit,
    User,
    Location,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::StudyEvent => "StudyEventDef",
            Self::Form => "FormDef",
            Self::ItemGroup => "ItemGroupDef",
            Self::Item => "ItemDef",
            Self::CodeList => "CodeList",
            Self::Unit => "MeasurementUnit",
            Self::User => "User",
            Self::Location => "Location",
        }
    }
}

/// What a version of the forms defines, by identifier.
#[derive(Default)]
struct Defined {
    study_events: HashSet<String>,
    forms: HashSet<String>,
    item_groups: HashSet<String>,
    items: HashSet<String>,
    code_lists: HashSet<String>,
}

impl Defined {
    fn of(metadata: &MetaData) -> Self {
        let set = |pairs: &[(String, String)]| pairs.iter().map(|(oid, _)| oid.clone()).collect();
        Self {
            study_events: set(&metadata.study_events),
            forms: set(&metadata.forms),
            item_groups: metadata.item_groups.iter().map(|group| group.oid.clone()).collect(),
            items: metadata.items.iter().map(|item| item.oid.clone()).collect(),
            code_lists: metadata.code_lists.iter().map(|list| list.oid.clone()).collect(),
        }
    }

    fn has(&self, kind: Kind, oid: &str) -> bool {
        match kind {
            Kind::StudyEvent => self.study_events.contains(oid),
            Kind::Form => self.forms.contains(oid),
            Kind::ItemGroup => self.item_groups.contains(oid),
            Kind::Item => self.items.contains(oid),
            Kind::CodeList => self.code_lists.contains(oid),
            Kind::Unit | Kind::User | Kind::Location => true,
        }
    }
}

struct Builder<R: Read> {
    xml: Xml<R>,
    document: Document,
    open: Vec<Element>,
    refs: Vec<Ref>,
    /// What the clinical data that is open may refer to; none where this file does not define it.
    clinical: Option<Rc<Defined>>,
    /// Of each version of the forms, what it defines; none where it builds on another file.
    versions: HashMap<(String, String), Rc<Defined>>,
    units: HashSet<String>,
    levels: Vec<Level>,
    audit: Option<(AuditRecord, Option<String>)>,
    signature: Option<Signature>,
    item: Option<ItemOpen>,
    /// Audit records by ID: their place, whether they were met, the line that first referred to them.
    named_audits: HashMap<String, (usize, bool, u64)>,
    elements: usize,
    /// Users and locations referred to.
    people: HashMap<(Kind, String), u64>,
}

const UNDEFINED: &str = "define it, or export the data together with their metadata and administrative data";

impl<R: Read> Builder<R> {
    fn parent(&self, back: usize) -> &str {
        self.open
            .len()
            .checked_sub(back)
            .and_then(|at| self.open.get(at))
            .map_or("", |open| open.name.as_str())
    }

    fn metadata(&mut self) -> Option<&mut MetaData> {
        self.document.metadata.last_mut()
    }

    fn opened(&mut self, element: &Element) -> Result<(), Problem> {
        self.elements += 1;
        if self.elements > MOST_ELEMENTS {
            let expected = format!("a file of at most {MOST_ELEMENTS} elements");
            return Err(self.xml.problem(
                element.line,
                expected,
                "more",
                "export one site or one form at a time",
            ));
        }
        let own = |name: &str| element.own(name);
        let mut refer = |kind: Kind, name: &str| self.refs.push((element.line, kind, element.own(name)));
        match element.name.as_str() {
            "ODM" => self.header(element)?,
            "MetaDataVersion" => {
                let study = self.open.last().map(|study| study.own("OID")).unwrap_or_default();
                let name = self.document.metadata.pop_if(|last| last.oid.is_empty());
                let study_name = name.map(|last| last.study_name).unwrap_or_default();
                self.refs.clear();
                self.document.metadata.push(MetaData {
                    study_oid: study,
                    study_name,
                    oid: own("OID"),
                    ..MetaData::default()
                });
            }
            "Include" => {
                if let Some(metadata) = self.metadata() {
                    metadata.includes = true;
                }
            }
            "MeasurementUnit" => {
                self.units.insert(own("OID"));
                self.document.units.push((own("OID"), own("Name")));
            }
            "StudyEventRef" => refer(Kind::StudyEvent, "StudyEventOID"),
            "FormRef" => refer(Kind::Form, "FormOID"),
            "ItemGroupRef" => refer(Kind::ItemGroup, "ItemGroupOID"),
            "CodeListRef" => {
                refer(Kind::CodeList, "CodeListOID");
                if let Some(item) = self.metadata().and_then(|metadata| metadata.items.last_mut()) {
                    item.code_list = Some(own("CodeListOID"));
                }
            }
            "ItemRef" => {
                refer(Kind::Item, "ItemOID");
                if let Some(group) = self.metadata().and_then(|metadata| metadata.item_groups.last_mut()) {
                    group.items.push(own("ItemOID"));
                }
            }
            "StudyEventDef" => self.define(|metadata| metadata.study_events.push((own("OID"), own("Name")))),
            "FormDef" => self.define(|metadata| metadata.forms.push((own("OID"), own("Name")))),
            "ItemGroupDef" => self.define(|metadata| {
                metadata.item_groups.push(ItemGroup {
                    oid: own("OID"),
                    name: own("Name"),
                    items: Vec::new(),
                });
            }),
            "ItemDef" => self.define(|metadata| {
                let item = Item {
                    oid: own("OID"),
                    name: own("Name"),
                    data_type: own("DataType"),
                    ..Item::default()
                };
                metadata.items.push(item);
            }),
            "CodeList" => self.define(|metadata| {
                metadata.code_lists.push(CodeList { oid: own("OID"), terms: Vec::new() });
            }),
            "CodeListItem" | "EnumeratedItem" => {
                if let Some(list) = self.metadata().and_then(|metadata| metadata.code_lists.last_mut()) {
                    list.terms.push((own("CodedValue"), None));
                }
            }
            "MeasurementUnitRef" => {
                refer(Kind::Unit, "MeasurementUnitOID");
                if let Some(item) = &mut self.item {
                    item.change.unit = Some(own("MeasurementUnitOID"));
                }
            }
            "User" => self.document.users.push(User { oid: own("OID"), ..User::default() }),
            "Location" => self.document.locations.push(Location { oid: own("OID"), name: own("Name") }),
            "ClinicalData" => self.enter_data(element),
            "ReferenceData" => {
                self.enter_data(element);
                self.level("ReferenceData", element, Address { oid: String::new(), repeat: None });
            }
            "SubjectData" => {
                self.level("SubjectData", element, Address { oid: own("SubjectKey"), repeat: None })
            }
            "StudyEventData" => self.data_level(
                "StudyEventData",
                Kind::StudyEvent,
                element,
                ("StudyEventOID", "StudyEventRepeatKey"),
            )?,
            "FormData" => self.data_level("FormData", Kind::Form, element, ("FormOID", "FormRepeatKey"))?,
            "ItemGroupData" => self.data_level(
                "ItemGroupData",
                Kind::ItemGroup,
                element,
                ("ItemGroupOID", "ItemGroupRepeatKey"),
            )?,
            "SiteRef" => {
                self.people.entry((Kind::Location, own("LocationOID"))).or_insert(element.line);
                if let Some(level) = self.levels.last_mut() {
                    level.site = Some(own("LocationOID"));
                }
            }
            "AuditRecord" => {
                self.audit = Some((AuditRecord::default(), element.get("ID").map(str::to_owned)))
            }
            "Signature" => self.signature = Some(Signature::default()),
            "UserRef" => {
                self.people.entry((Kind::User, own("UserOID"))).or_insert(element.line);
                if let Some((audit, _)) = &mut self.audit {
                    audit.user = own("UserOID");
                } else if let Some(signature) = &mut self.signature {
                    signature.user = own("UserOID");
                }
            }
            "LocationRef" => {
                self.people.entry((Kind::Location, own("LocationOID"))).or_insert(element.line);
                if let Some((audit, _)) = &mut self.audit {
                    audit.location = own("LocationOID");
                } else if let Some(signature) = &mut self.signature {
                    signature.location = own("LocationOID");
                }
            }
            "SignatureRef" => {
                if let Some(signature) = &mut self.signature {
                    signature.meaning = own("SignatureOID");
                }
            }
            name if name.starts_with("ItemData") => self.open_item(element)?,
            _ => {}
        }
        Ok(())
    }

    fn header(&mut self, element: &Element) -> Result<(), Problem> {
        match element.get("ODMVersion") {
            None | Some("1.3" | "1.3.1" | "1.3.2") => {}
            Some(other) => {
                return Err(self.xml.problem(
                    element.line,
                    "ODM 1.3, 1.3.1 or 1.3.2",
                    format!("ODM {other}"),
                    "export the file as ODM-XML 1.3.2",
                ));
            }
        }
        let header = &mut self.document.header;
        header.transactional = element.get("FileType") == Some("Transactional");
        header.file_oid = element.own("FileOID");
        header.prior_file_oid = element.get("PriorFileOID").map(str::to_owned);
        header.created = element.own("CreationDateTime");
        header.as_of = element.get("AsOfDateTime").map(str::to_owned);
        header.source_system = element.get("SourceSystem").map(str::to_owned);
        for name in ["CreationDateTime", "AsOfDateTime"] {
            if let Some(at) = element.get(name) {
                self.check_time(element.line, &format!("ODM/@{name}"), at)?;
            }
        }
        Ok(())
    }

    fn check_time(&self, line: u64, place: &str, text: &str) -> Result<(), Problem> {
        if is_date_time(text) {
            return Ok(());
        }
        Err(self.xml.problem(
            line,
            format!("{place} as a date and time such as 2026-02-03T08:05:00-06:00"),
            quoted(text),
            "write date, time and offset",
        ))
    }

    fn define(&mut self, with: impl FnOnce(&mut MetaData)) {
        if let Some(metadata) = self.metadata() {
            with(metadata);
        }
    }

    fn closed(&mut self, element: &Element, text: String) -> Result<(), Problem> {
        match element.name.as_str() {
            "StudyName" => {
                // Kept until the first version of the forms comes.
                let study_name = text.trim().to_owned();
                self.document.metadata.push(MetaData { study_name, ..MetaData::default() });
            }
            "Study" => {
                let _ = self.document.metadata.pop_if(|last| last.oid.is_empty());
            }
            "MetaDataVersion" => self.check_references(),
            "TranslatedText" => self.translated(&text),
            "LoginName" | "FullName" => {
                let in_user = self.parent(1) == "User";
                if let Some(user) = self.document.users.last_mut().filter(|_| in_user) {
                    let field =
                        if element.name == "LoginName" { &mut user.login } else { &mut user.full_name };
                    *field = Some(text);
                }
            }
            "DateTimeStamp" => {
                let at = text.trim().to_owned();
                self.check_time(element.line, "DateTimeStamp", &at)?;
                if let Some((audit, _)) = &mut self.audit {
                    audit.at = at;
                } else if let Some(signature) = &mut self.signature {
                    signature.at = at;
                }
            }
            "ReasonForChange" => {
                if let Some((audit, _)) = &mut self.audit {
                    audit.reason = Some(text);
                }
            }
            "SourceID" => {
                if let Some((audit, _)) = &mut self.audit {
                    audit.source = Some(text);
                }
            }
            "CryptoBindingManifest" => {
                if let Some(signature) = &mut self.signature {
                    signature.manifest = Some(text);
                }
            }
            "AuditRecord" => self.close_audit(element.line)?,
            "Signature" => {
                let signature = self.signature.take();
                let on_level = self.item.is_none() && self.parent(1) != "Signatures";
                if let Some(level) = self.levels.last_mut().filter(|_| on_level) {
                    level.signature = signature;
                }
            }
            "ReferenceData" | "SubjectData" | "StudyEventData" | "FormData" | "ItemGroupData" => {
                self.tell()?;
                self.levels.pop();
            }
            name if name.starts_with("ItemData") => self.close_item(text)?,
            _ => {}
        }
        Ok(())
    }

    fn translated(&mut self, text: &str) {
        let text = text.trim().to_owned();
        let (parent, above) = (self.parent(1).to_owned(), self.parent(2).to_owned());
        if parent == "Symbol" {
            if let Some((_, symbol)) = self.document.units.last_mut() {
                *symbol = text;
            }
            return;
        }
        let Some(metadata) = self.document.metadata.last_mut() else { return };
        match (parent.as_str(), above.as_str()) {
            ("Question" | "Description", "ItemDef") => {
                if let Some(item) = metadata.items.last_mut() {
                    item.question.get_or_insert(text);
                }
            }
            ("Decode", _) => {
                if let Some((_, decode)) =
                    metadata.code_lists.last_mut().and_then(|list| list.terms.last_mut())
                {
                    decode.get_or_insert(text);
                }
            }
            _ => {}
        }
    }

    /// What definitions refer to and nobody defines deserves a look; data that refer to such are refused.
    fn check_references(&mut self) {
        let Some(metadata) = self.document.metadata.last().filter(|metadata| !metadata.includes) else {
            return;
        };
        let defined = Defined::of(metadata);
        let has = |kind: Kind, oid: &str| match kind {
            Kind::Unit => self.units.contains(oid),
            kind => defined.has(kind, oid),
        };
        let unknown = self.refs.iter().filter(|(_, kind, oid)| !has(*kind, oid)).take(MOST_WARNINGS);
        let warnings = unknown.map(|(line, kind, oid)| {
            let expected = format!("the identifier of one {} that {} defines", kind.name(), metadata.oid);
            self.xml.problem(*line, expected, quoted(oid), UNDEFINED)
        });
        let room = MOST_WARNINGS.saturating_sub(self.document.warnings.len());
        let warnings: Vec<Problem> = warnings.take(room).collect();
        self.versions.insert((metadata.study_oid.clone(), metadata.oid.clone()), Rc::new(defined));
        self.document.warnings.extend(warnings);
    }

    fn finish(mut self) -> Result<Document, Problem> {
        let unmet = self
            .named_audits
            .iter()
            .filter(|(_, known)| !known.1)
            .min_by(|a, b| (a.1.2, a.0).cmp(&(b.1.2, b.0)));
        if let Some((id, (_, _, line))) = unmet {
            let found = format!("none of ID {}", quoted(id));
            return Err(self.xml.problem(*line, "the AuditRecord that is referred to", found, UNDEFINED));
        }
        let users: HashSet<&str> = self.document.users.iter().map(|user| user.oid.as_str()).collect();
        let locations: HashSet<&str> =
            self.document.locations.iter().map(|location| location.oid.as_str()).collect();
        let unknown = |((kind, oid), _): &(&(Kind, String), &u64)| match kind {
            // A file without people or places leaves them to another file.
            Kind::User => !users.is_empty() && !users.contains(oid.as_str()),
            _ => !locations.is_empty() && !locations.contains(oid.as_str()),
        };
        if let Some(((kind, oid), line)) =
            self.people.iter().filter(unknown).min_by(|a, b| (a.1, &a.0.1).cmp(&(b.1, &b.0.1)))
        {
            let expected = format!("the identifier of one {} that the file defines", kind.name());
            return Err(self.xml.problem(*line, expected, quoted(oid), UNDEFINED));
        }
        self.document.tables = tables::fold(&self.document).map_err(|(line, found)| {
            self.xml.problem(
                line,
                "each value inserted once",
                found,
                "state Update where a value changes, and repeat keys where there are several",
            )
        })?;
        Ok(self.document)
    }
}

fn is_date_time(text: &str) -> bool {
    text.contains('T') && (text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok())
}
