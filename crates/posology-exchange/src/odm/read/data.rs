//! The data of a file: subjects down to values, what is done to each, by whom.

use std::collections::hash_map::Entry;
use std::io::Read;

use rust_decimal::Decimal;

use super::super::stream::Element;
use super::super::{Address, AuditRecord, Change, ItemChange, Signature, Transaction};
use super::{Builder, Kind, UNDEFINED, is_date_time};
use crate::problem::{Problem, quoted};

/// An element of clinical data that is open.
pub(super) struct Level {
    pub(super) element: &'static str,
    pub(super) address: Address,
    pub(super) line: u64,
    pub(super) change: Option<Change>,
    pub(super) audit: Option<usize>,
    pub(super) signature: Option<Signature>,
    pub(super) site: Option<String>,
    pub(super) items: Vec<ItemChange>,
    pub(super) told: bool,
}

/// A value that is open.
pub(super) struct ItemOpen {
    pub(super) change: ItemChange,
    pub(super) is_null: bool,
    pub(super) kind: String,
    pub(super) has_value: bool,
}

impl<R: Read> Builder<R> {
    pub(super) fn enter_data(&mut self, element: &Element) {
        let (study, version) = (element.own("StudyOID"), element.own("MetaDataVersionOID"));
        self.clinical = self.versions.get(&(study, version)).cloned();
    }

    pub(super) fn data_level(
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

    pub(super) fn level(&mut self, element_name: &'static str, element: &Element, address: Address) {
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

    pub(super) fn check_defined(&self, line: u64, kind: Kind, oid: &str) -> Result<(), Problem> {
        match &self.clinical {
            Some(defined) if !defined.has(kind, oid) => Err(self.xml.problem(
                line,
                format!("the identifier of one {} that the file defines", kind.name()),
                format!("{} at {}", quoted(oid), self.path(None)),
                UNDEFINED,
            )),
            _ => Ok(()),
        }
    }

    /// Where in the data, as a person writes it: `101-001/SE.C1/F.AE[1]/IG.AE[1]/IT.AEDLT`.
    pub(super) fn path(&self, item: Option<&str>) -> String {
        let of = |level: &Level| match &level.address.repeat {
            Some(repeat) => format!("{}[{repeat}]", level.address.oid),
            None => level.address.oid.clone(),
        };
        let parts: Vec<String> = self.levels.iter().map(of).chain(item.map(str::to_owned)).collect();
        parts.join("/")
    }

    /// The nearest audit record at or above the element that is open.
    pub(super) fn nearest_audit(&self) -> Option<usize> {
        self.levels.iter().rev().find_map(|level| level.audit)
    }

    /// What is done to an element, in words of the standard.
    pub(super) fn effective(&self, line: u64, change: Option<Change>, path: &str) -> Result<Change, Problem> {
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
    pub(super) fn tell(&mut self) -> Result<(), Problem> {
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

    pub(super) fn without_audit(&self, line: u64, change: &str, path: &str) -> Problem {
        self.xml.problem(
            line,
            format!("an AuditRecord with every {change}: who changed it, when and why"),
            format!("none at {path}"),
            "export the file with its audit trail",
        )
    }

    pub(super) fn open_item(&mut self, element: &Element) -> Result<(), Problem> {
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
                "the identifier of one ItemDef that the file defines",
                found,
                UNDEFINED,
            ));
        }
        let audit = element.get("AuditRecordID").map(|id| self.audit_named(id, element.line));
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

    pub(super) fn close_item(&mut self, text: String) -> Result<(), Problem> {
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
            Change::Update | Change::Remove
                if self.document.header.transactional
                    && item.change.audit.or_else(|| self.nearest_audit()).is_none() =>
            {
                let word = if item.change.change == Change::Update { "Update" } else { "Remove" };
                return Err(self.without_audit(line, word, &path()));
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
    pub(super) fn audit_named(&mut self, id: &str, line: u64) -> usize {
        let audits = &mut self.document.audits;
        match self.named_audits.entry(id.to_owned()) {
            Entry::Occupied(known) => known.get().0,
            Entry::Vacant(new) => {
                audits.push(AuditRecord::default());
                new.insert((audits.len() - 1, false, line)).0
            }
        }
    }

    pub(super) fn close_audit(&mut self, line: u64) -> Result<(), Problem> {
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
