//! ODM files of any vendor, as a stream of elements, to a [`Document`].
//!
//! The grammar has judged each element by the time it comes here; this file gives it its meaning and judges what a
//! schema cannot: that every identifier referred to is defined, that a change says who made it, that what is named for
//! context carries no value.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use rust_decimal::Decimal;

use super::xml::{Element, Node, Xml};
use super::{
    Address, AuditRecord, Change, CodeList, Document, Item, ItemChange, ItemGroup, Location, MetaData,
    Signature, Transaction, User, tables,
};
use crate::limits::Limits;
use crate::problem::{Problem, quoted};

/// Values of one file at most; each costs memory.
const MOST_VALUES: usize = 5_000_000;

/// Reads an ODM-XML 1.3.2 file, Snapshot or Transactional, of any vendor. What is in namespaces of vendors is passed
/// over.
///
/// # Errors
/// The first fault, with its line: bytes that are no XML, a document type, what breaks the schema of ODM 1.3.2, an
/// identifier that the file does not define, an Update or Remove without an audit record, a value under Context, an
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
        values: 0,
        people: Vec::new(),
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// An element of clinical data that is open.
struct Level {
    element: &'static str,
    address: Address,
    line: u64,
    change: Option<Change>,
    audit: Option<usize>,
    signature: Option<Signature>,
    site: Option<String>,
    items: Vec<ItemChange>,
    told: bool,
}

struct ItemOpen {
    change: ItemChange,
    is_null: bool,
    kind: String,
    has_value: bool,
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
    values: usize,
    /// Users and locations referred to.
    people: Vec<Ref>,
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
                self.people.push((element.line, Kind::Location, own("LocationOID")));
                if let Some(level) = self.levels.last_mut() {
                    level.site = Some(own("LocationOID"));
                }
            }
            "AuditRecord" => {
                self.audit = Some((AuditRecord::default(), element.get("ID").map(str::to_owned)))
            }
            "Signature" => self.signature = Some(Signature::default()),
            "UserRef" => {
                self.people.push((element.line, Kind::User, own("UserOID")));
                if let Some((audit, _)) = &mut self.audit {
                    audit.user = own("UserOID");
                } else if let Some(signature) = &mut self.signature {
                    signature.user = own("UserOID");
                }
            }
            "LocationRef" => {
                self.people.push((element.line, Kind::Location, own("LocationOID")));
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

    fn enter_data(&mut self, element: &Element) {
        let (study, version) = (element.own("StudyOID"), element.own("MetaDataVersionOID"));
        self.clinical = self.versions.get(&(study, version)).cloned();
    }

    fn data_level(
        &mut self,
        element_name: &'static str,
        kind: Kind,
        element: &Element,
        (oid, repeat): (&str, &str),
    ) -> Result<(), Problem> {
        let address = Address { oid: element.own(oid), repeat: element.get(repeat).map(str::to_owned) };
        self.tell()?;
        self.level(element_name, element, address);
        self.check_defined(element.line, kind, &element.own(oid))
    }

    fn level(&mut self, element_name: &'static str, element: &Element, address: Address) {
        let above = self.levels.last().and_then(|level| level.change);
        let change = element.get("TransactionType").and_then(change_of).or(above);
        self.levels.push(Level {
            element: element_name,
            address,
            line: element.line,
            change,
            audit: None,
            signature: None,
            site: None,
            items: Vec::new(),
            told: false,
        });
    }

    fn check_defined(&self, line: u64, kind: Kind, oid: &str) -> Result<(), Problem> {
        match &self.clinical {
            Some(defined) if !defined.has(kind, oid) => Err(self.xml.problem(
                line,
                format!("an identifier of a {} of this file", kind.name()),
                format!("{} at {}", quoted(oid), self.path(None)),
                UNDEFINED,
            )),
            _ => Ok(()),
        }
    }

    /// Where in the data, as a person writes it: `101-001/SE.C1/F.AE[1]/IG.AE[1]/IT.AEDLT`.
    fn path(&self, item: Option<&str>) -> String {
        let of = |level: &Level| match &level.address.repeat {
            Some(repeat) => format!("{}[{repeat}]", level.address.oid),
            None => level.address.oid.clone(),
        };
        let parts: Vec<String> = self.levels.iter().map(of).chain(item.map(str::to_owned)).collect();
        parts.join("/")
    }

    /// The nearest audit record at or above the element that is open.
    fn nearest_audit(&self) -> Option<usize> {
        self.levels.iter().rev().find_map(|level| level.audit)
    }

    /// What is done to an element, in words of the standard.
    fn effective(&self, line: u64, change: Option<Change>, path: &str) -> Result<Change, Problem> {
        match change {
            Some(change) => Ok(change),
            None if !self.document.header.transactional => Ok(Change::Insert),
            None if self.levels.first().is_some_and(|level| level.element == "ReferenceData") => {
                Ok(Change::Insert)
            }
            None => Err(self.xml.problem(
                line,
                "a TransactionType here or above, since the file is Transactional",
                format!("none at {path}"),
                "state Insert, Update, Remove, Upsert or Context",
            )),
        }
    }

    /// Adds the innermost open level as a transaction of its own, where it does something itself.
    fn tell(&mut self) -> Result<(), Problem> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let acts = level.audit.is_some()
            || level.signature.is_some()
            || level.change == Some(Change::Remove)
            || level.element == "ItemGroupData";
        if level.told || !acts {
            return Ok(());
        }
        let line = level.line;
        let path = self.path(None);
        let change = self.effective(line, level.change, &path)?;
        let audit = self.nearest_audit();
        if matches!(change, Change::Remove) && self.document.header.transactional && audit.is_none() {
            return Err(self.without_audit(line, "Remove", &path));
        }
        let subject = self.levels.first().map(|level| level.address.oid.clone()).unwrap_or_default();
        let site = self.levels.first().and_then(|level| level.site.clone());
        let path = self.levels.iter().skip(1).map(|level| level.address.clone()).collect();
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        level.told = true;
        let (items, signature) = (std::mem::take(&mut level.items), level.signature.take());
        self.document.transactions.push(Transaction {
            line,
            subject,
            site,
            path,
            change,
            audit,
            signature,
            items,
        });
        Ok(())
    }

    fn without_audit(&self, line: u64, change: &str, path: &str) -> Problem {
        self.xml.problem(
            line,
            format!("an AuditRecord with every {change}: who changed it, when and why"),
            format!("none at {path}"),
            "export the file with its audit trail",
        )
    }

    fn open_item(&mut self, element: &Element) -> Result<(), Problem> {
        let oid = element.own("ItemOID");
        let above = self.levels.last().and_then(|level| level.change);
        let change = element.get("TransactionType").and_then(change_of).or(above);
        let path = self.path(Some(&oid));
        let change = self.effective(element.line, change, &path)?;
        if let Some(defined) = &self.clinical
            && !defined.has(Kind::Item, &oid)
        {
            let found = format!("{} at {path}", quoted(&oid));
            return Err(self.xml.problem(
                element.line,
                "an identifier of an ItemDef of this file",
                found,
                UNDEFINED,
            ));
        }
        self.values += 1;
        if self.values > MOST_VALUES {
            let expected = format!("a file of at most {MOST_VALUES} values");
            return Err(self.xml.problem(
                element.line,
                expected,
                "more",
                "export one site or one form at a time",
            ));
        }
        let audit = match element.get("AuditRecordID") {
            Some(id) => Some(self.audit_named(id, element.line)),
            None => None,
        };
        let value = element.get("Value").map(str::to_owned);
        let is_null = element.get("IsNull").is_some();
        if is_null && value.as_deref().is_some_and(|value| !value.is_empty()) {
            let found = format!("a value although IsNull at {path}");
            return Err(self.xml.problem(
                element.line,
                "either a value or IsNull",
                found,
                "remove one of the two",
            ));
        }
        self.item = Some(ItemOpen {
            has_value: value.is_some(),
            change: ItemChange {
                oid,
                value: value.filter(|_| !is_null),
                unit: element.get("MeasurementUnitOID").map(str::to_owned),
                change,
                audit,
                line: element.line,
            },
            is_null,
            kind: element.name.trim_start_matches("ItemData").to_owned(),
        });
        Ok(())
    }

    fn close_item(&mut self, text: String) -> Result<(), Problem> {
        let Some(mut item) = self.item.take() else { return Ok(()) };
        let line = item.change.line;
        if !item.kind.is_empty() && !item.is_null {
            let typed = text.trim();
            if !is_of_type(&item.kind, typed) {
                let expected = format!("ItemData{} with such a value", item.kind);
                let found = format!("{} at {}", quoted(typed), self.path(Some(&item.change.oid)));
                return Err(self.xml.problem(
                    line,
                    expected,
                    found,
                    "export the value as what its element says it is",
                ));
            }
            item.has_value = !text.is_empty();
            let kept = matches!(item.kind.as_str(), "String" | "Any");
            item.change.value = Some(if kept { text } else { typed.to_owned() });
        }
        let path = || self.path(Some(&item.change.oid));
        match item.change.change {
            Change::Context if item.has_value || item.is_null => {
                return Err(self.xml.problem(
                    line,
                    "no value under Context, which only says where something belongs",
                    format!("one at {}", path()),
                    "state Insert or Update where the value is meant, or leave it out",
                ));
            }
            Change::Update | Change::Remove if self.document.header.transactional => {
                if item.change.audit.or_else(|| self.nearest_audit()).is_none() {
                    let word = if item.change.change == Change::Update { "Update" } else { "Remove" };
                    return Err(self.without_audit(line, word, &path()));
                }
            }
            _ => {}
        }
        if item.change.change == Change::Remove {
            item.change.value = None;
        }
        if let Some(level) = self.levels.last_mut() {
            level.items.push(item.change);
        }
        Ok(())
    }

    /// The place of an audit record that stands elsewhere in the file.
    fn audit_named(&mut self, id: &str, line: u64) -> usize {
        let audits = &mut self.document.audits;
        match self.named_audits.entry(id.to_owned()) {
            Entry::Occupied(known) => known.get().0,
            Entry::Vacant(new) => {
                audits.push(AuditRecord::default());
                new.insert((audits.len() - 1, false, line)).0
            }
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
            "MetaDataVersion" => self.check_references()?,
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

    fn close_audit(&mut self, line: u64) -> Result<(), Problem> {
        let Some((audit, id)) = self.audit.take() else { return Ok(()) };
        let place = match id {
            Some(id) => {
                let place = self.audit_named(&id, line);
                let known = self.named_audits.get_mut(&id);
                if known.is_some_and(|known| std::mem::replace(&mut known.1, true)) {
                    let found = format!("{} twice", quoted(&id));
                    return Err(self.xml.problem(
                        line,
                        "each AuditRecord ID once",
                        found,
                        "give each its own",
                    ));
                }
                if let Some(reserved) = self.document.audits.get_mut(place) {
                    *reserved = audit;
                }
                place
            }
            None => {
                self.document.audits.push(audit);
                self.document.audits.len() - 1
            }
        };
        if self.parent(1) == "AuditRecords" {
            return Ok(());
        }
        if let Some(item) = &mut self.item {
            item.change.audit = Some(place);
        } else if let Some(level) = self.levels.last_mut() {
            level.audit = Some(place);
        }
        Ok(())
    }

    fn check_references(&mut self) -> Result<(), Problem> {
        let Some(metadata) = self.document.metadata.last().filter(|metadata| !metadata.includes) else {
            return Ok(());
        };
        let defined = Defined::of(metadata);
        let has = |kind: Kind, oid: &str| match kind {
            Kind::Unit => self.units.contains(oid),
            kind => defined.has(kind, oid),
        };
        match self.refs.iter().find(|(_, kind, oid)| !has(*kind, oid)) {
            Some((line, kind, oid)) => Err(self.xml.problem(
                *line,
                format!("an identifier of a {} of {}", kind.name(), metadata.oid),
                quoted(oid),
                UNDEFINED,
            )),
            None => {
                self.versions.insert((metadata.study_oid.clone(), metadata.oid.clone()), Rc::new(defined));
                Ok(())
            }
        }
    }

    fn finish(mut self) -> Result<Document, Problem> {
        let unmet = self.named_audits.iter().filter(|(_, known)| !known.1).min_by_key(|(_, known)| known.2);
        if let Some((id, (_, _, line))) = unmet {
            let found = format!("none of ID {}", quoted(id));
            return Err(self.xml.problem(*line, "the AuditRecord that is referred to", found, UNDEFINED));
        }
        let users: HashSet<&str> = self.document.users.iter().map(|user| user.oid.as_str()).collect();
        let locations: HashSet<&str> =
            self.document.locations.iter().map(|location| location.oid.as_str()).collect();
        let unknown = |(_, kind, oid): &&Ref| match kind {
            // A file without people or places leaves them to another file.
            Kind::User => !users.is_empty() && !users.contains(oid.as_str()),
            _ => !locations.is_empty() && !locations.contains(oid.as_str()),
        };
        if let Some((line, kind, oid)) = self.people.iter().find(unknown) {
            let expected = format!("an identifier of a {} of this file", kind.name());
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

fn change_of(word: &str) -> Option<Change> {
    Some(match word {
        "Insert" => Change::Insert,
        "Update" => Change::Update,
        "Remove" => Change::Remove,
        "Upsert" => Change::Upsert,
        "Context" => Change::Context,
        _ => return None,
    })
}

fn is_date_time(text: &str) -> bool {
    text.contains('T') && (text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok())
}

/// Whether a text is of a type, for the types that a program can take for something else.
fn is_of_type(kind: &str, text: &str) -> bool {
    match kind {
        "Integer" => {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        "Float" => text.parse::<Decimal>().is_ok(),
        "Boolean" => matches!(text, "true" | "false" | "1" | "0"),
        "Date" => text.parse::<jiff::civil::Date>().is_ok(),
        "Datetime" => is_date_time(text),
        _ => true,
    }
}
