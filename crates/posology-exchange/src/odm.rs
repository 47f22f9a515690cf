//! ODM-XML 1.3.2: the audit trail and a snapshot of a trial written, and files of any vendor read.
//!
//! [`write_trail`] is the whole record as a Transactional file, one transaction an event: Insert, Update where an
//! event corrects another, Remove where it takes one back, each with its audit record, whose SourceID is the event's
//! hash; [`restore`] makes the same record of it, hash by hash. [`write_snapshot`] is what stands at a data cut.
//! [`read`] takes files of other systems: forms and code lists, people and places, the transactions with who, when and
//! why, and as [`Document::tables`] the values that stand after the last of them, a table an item group.
//!
//! What belongs to no subject stands under the reserved SubjectKey [`TRIAL`], since ODM has clinical data of subjects
//! only; no namespace of our own is used, so that any reader of ODM reads all of it. Source: CDISC Operational Data
//! Model 1.3.2.

mod admin;
mod forms;
mod grammar;
mod items;
mod markup;
mod read;
mod restore;
mod snapshot;
mod stream;
mod tables;
mod trail;

pub use items::TRIAL;
pub use read::read;
pub use restore::restore;
pub use snapshot::write_snapshot;
pub use trail::{Unwritable, write_trail};

use crate::dataset::{DataSet, Row};
use crate::problem::Problem;

/// An ODM file as read.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Name of the file as given.
    pub file: String,
    /// What the file says of itself.
    pub header: Header,
    /// Versions of the forms that it defines.
    pub metadata: Vec<MetaData>,
    /// Measurement units: identifier and symbol.
    pub units: Vec<(String, String)>,
    /// People that it names.
    pub users: Vec<User>,
    /// Places that it names.
    pub locations: Vec<Location>,
    /// Everything done to the data, in the order of the file.
    pub transactions: Vec<Transaction>,
    /// Audit records, to which transactions and their items refer by place.
    pub audits: Vec<AuditRecord>,
    /// The values that stand after the last transaction: a table an item group, in the order of their definition.
    pub tables: Vec<Table>,
    /// What was read although it deserves a look: definitions that refer to what the file does not define.
    pub warnings: Vec<Problem>,
}

impl Document {
    /// The table of an item group.
    #[must_use]
    pub fn table(&self, item_group_oid: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.data_set.name == item_group_oid)
    }
}

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Whether it holds transactions, or a state only.
    pub transactional: bool,
    /// Identifier of the file.
    pub file_oid: String,
    /// File that it continues, if any.
    pub prior_file_oid: Option<String>,
    /// When it was made, as written.
    pub created: String,
    /// As of when its data stand, as written.
    pub as_of: Option<String>,
    /// Program that wrote it.
    pub source_system: Option<String>,
}

/// A version of the forms of a study.
#[derive(Debug, Clone, Default)]
pub struct MetaData {
    /// Study.
    pub study_oid: String,
    /// Name of the study.
    pub study_name: String,
    /// Version.
    pub oid: String,
    /// Whether definitions of another file belong to it, so that what it does not define may be defined there.
    pub includes: bool,
    /// Study events, forms: identifier and name.
    pub study_events: Vec<(String, String)>,
    /// Forms.
    pub forms: Vec<(String, String)>,
    /// Item groups.
    pub item_groups: Vec<ItemGroup>,
    /// Items.
    pub items: Vec<Item>,
    /// Code lists.
    pub code_lists: Vec<CodeList>,
}

/// An item group as defined.
#[derive(Debug, Clone, Default)]
pub struct ItemGroup {
    /// Identifier.
    pub oid: String,
    /// Name.
    pub name: String,
    /// Its items, in order.
    pub items: Vec<String>,
}

/// An item as defined.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// Identifier.
    pub oid: String,
    /// Name.
    pub name: String,
    /// Data type as ODM names it: `integer`, `partialDate`.
    pub data_type: String,
    /// Question or description, the first language given.
    pub question: Option<String>,
    /// Code list of its values.
    pub code_list: Option<String>,
}

/// A code list as defined.
#[derive(Debug, Clone, Default)]
pub struct CodeList {
    /// Identifier.
    pub oid: String,
    /// Coded values, each with what it means where that is said.
    pub terms: Vec<(String, Option<String>)>,
}

/// A person.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// Identifier within the file.
    pub oid: String,
    /// Name under which the person signs in.
    pub login: Option<String>,
    /// Full name.
    pub full_name: Option<String>,
}

/// A place.
#[derive(Debug, Clone, Default)]
pub struct Location {
    /// Identifier within the file.
    pub oid: String,
    /// Name.
    pub name: String,
}

/// What is done to an entity (TransactionType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Insert,
    /// It is there and changes.
    Update,
    /// It is there and goes, with all that is within.
    Remove,
    /// It is new or changes.
    Upsert,
    /// It is named only to say where what is within belongs.
    Context,
}

/// A form, study event or item group of a subject: its definition and which of several it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Identifier of the definition.
    pub oid: String,
    /// Repeat key, where it repeats.
    pub repeat: Option<String>,
}

/// Something done to an item group's values, or to a whole form, study event or subject.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Line of the file.
    pub line: u64,
    /// Subject; empty for reference data.
    pub subject: String,
    /// Site of the subject, where the transaction says it.
    pub site: Option<String>,
    /// Study event, form and item group, as far down as it reaches.
    pub path: Vec<Address>,
    /// What is done.
    pub change: Change,
    /// Who did it, when and why: the nearest audit record at or above, as a place in [`Document::audits`].
    pub audit: Option<usize>,
    /// Signature on the whole.
    pub signature: Option<Signature>,
    /// Values, where it reaches down to an item group.
    pub items: Vec<ItemChange>,
}

impl Transaction {
    /// The study event, where it reaches so far.
    #[must_use]
    pub fn study_event(&self) -> Option<&Address> {
        self.path.first()
    }

    /// The form, where it reaches so far.
    #[must_use]
    pub fn form(&self) -> Option<&Address> {
        self.path.get(1)
    }

    /// The item group, where it reaches so far.
    #[must_use]
    pub fn item_group(&self) -> Option<&Address> {
        self.path.get(2)
    }
}

/// Something done to a value.
#[derive(Debug, Clone)]
pub struct ItemChange {
    /// Item.
    pub oid: String,
    /// Its value; none where it is said to be missing or only named.
    pub value: Option<String>,
    /// Measurement unit, its identifier.
    pub unit: Option<String>,
    /// What is done.
    pub change: Change,
    /// The audit record of this value, where it has one of its own.
    pub audit: Option<usize>,
    /// Line of the file.
    pub line: u64,
}

/// Who did something, when and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditRecord {
    /// User, by identifier.
    pub user: String,
    /// Place, by identifier.
    pub location: String,
    /// When, as written.
    pub at: String,
    /// Why.
    pub reason: Option<String>,
    /// Where it came from.
    pub source: Option<String>,
}

/// An electronic signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// Signer, by identifier.
    pub user: String,
    /// Place, by identifier.
    pub location: String,
    /// What it means, by identifier of a signature definition.
    pub meaning: String,
    /// When, as written.
    pub at: String,
    /// What binds it to the data, where digital.
    pub manifest: Option<String>,
}

/// The rows of an item group that stand, as a data set: keys first, then the items.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name (the item group's identifier), label and variables. The first [`KEYS`] variables are the keys.
    pub data_set: DataSet,
    /// Rows in the order in which they were first inserted.
    pub rows: Vec<Row>,
}

/// The variables that say where a row belongs.
pub const KEYS: [&str; 7] = [
    "SubjectKey",
    "LocationOID",
    "StudyEventOID",
    "StudyEventRepeatKey",
    "FormOID",
    "FormRepeatKey",
    "ItemGroupRepeatKey",
];
