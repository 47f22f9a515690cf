//! The elements of ODM 1.3.2: which attributes each has, and which elements stand in it, in which order.
//!
//! One line an element, `name [attributes] content`. An attribute with `!` must be there; `=Name` says of which words
//! it is. Content is `text`, or elements in order: `?` at most one, `*` any number, `+` at least one, `a|b` one of.
//! Source: CDISC Operational Data Model 1.3.2, element definitions. Elements and attributes of other namespaces are
//! no part of it and are passed over before it is asked.

use std::collections::HashMap;
use std::sync::LazyLock;

const ELEMENTS: &str = "
ODM [Description FileType!=FileType Granularity=Granularity Archival=Yes FileOID! CreationDateTime! PriorFileOID AsOfDateTime ODMVersion=Version Originator SourceSystem SourceSystemVersion ID] Study* AdminData* ReferenceData* ClinicalData* Association*
Study [OID!] GlobalVariables BasicDefinitions? MetaDataVersion*
GlobalVariables [] StudyName StudyDescription ProtocolName
StudyName [] text
StudyDescription [] text
ProtocolName [] text
BasicDefinitions [] MeasurementUnit*
MeasurementUnit [OID! Name!] Symbol Alias*
Symbol [] TranslatedText+
TranslatedText [] text
MetaDataVersion [OID! Name! Description] Include? Protocol? StudyEventDef* FormDef* ItemGroupDef* ItemDef* CodeList* ImputationMethod* Presentation* ConditionDef* MethodDef*
Include [StudyOID! MetaDataVersionOID!]
Protocol [] Description? StudyEventRef* Alias*
Description [] TranslatedText+
Alias [Context! Name!]
StudyEventRef [StudyEventOID! OrderNumber Mandatory!=YesNo CollectionExceptionConditionOID]
StudyEventDef [OID! Name! Repeating!=YesNo Type!=EventType Category] Description? FormRef* Alias*
FormRef [FormOID! OrderNumber Mandatory!=YesNo CollectionExceptionConditionOID]
FormDef [OID! Name! Repeating!=YesNo] Description? ItemGroupRef* ArchiveLayout* Alias*
ItemGroupRef [ItemGroupOID! OrderNumber Mandatory!=YesNo CollectionExceptionConditionOID]
ArchiveLayout [OID! PdfFileName! PresentationOID]
ItemGroupDef [OID! Name! Repeating!=YesNo IsReferenceData=YesNo SASDatasetName Domain Origin Role Purpose Comment] Description? ItemRef* Alias*
ItemRef [ItemOID! KeySequence MethodOID ImputationMethodOID Role RoleCodeListOID OrderNumber Mandatory!=YesNo CollectionExceptionConditionOID]
ItemDef [OID! Name! DataType!=DataType Length SignificantDigits SASFieldName SDSVarName Origin Comment] Description? Question? ExternalQuestion? MeasurementUnitRef* RangeCheck* CodeListRef? Role* Alias*
Question [] TranslatedText+
ExternalQuestion [Dictionary Version Code]
MeasurementUnitRef [MeasurementUnitOID!]
RangeCheck [Comparator=Comparator SoftHard!=SoftHard] CheckValue|FormalExpression+ MeasurementUnitRef? ErrorMessage?
CheckValue [] text
FormalExpression [Context] text
ErrorMessage [] TranslatedText+
CodeListRef [CodeListOID!]
Role [] text
CodeList [OID! Name! DataType!=CodeType SASFormatName] Description? CodeListItem|ExternalCodeList|EnumeratedItem+ Alias*
CodeListItem [CodedValue! Rank OrderNumber] Decode Alias*
EnumeratedItem [CodedValue! Rank OrderNumber] Alias*
Decode [] TranslatedText+
ExternalCodeList [Dictionary Version href ref]
ImputationMethod [OID!] text
Presentation [OID!] text
ConditionDef [OID! Name!] Description FormalExpression* Alias*
MethodDef [OID! Name! Type=MethodType] Description FormalExpression* Alias*
AdminData [StudyOID] User* Location* SignatureDef*
User [OID! UserType=UserType] LoginName? DisplayName? FullName? FirstName? LastName? Organization? Address* Email* Picture? Pager? Fax* Phone* LocationRef* Certificate*
LoginName [] text
DisplayName [] text
FullName [] text
FirstName [] text
LastName [] text
Organization [] text
Address [] StreetName* City? StateProv? Country? PostalCode? OtherText?
StreetName [] text
City [] text
StateProv [] text
Country [] text
PostalCode [] text
OtherText [] text
Email [] text
Picture [PictureFileName! ImageType]
Pager [] text
Fax [] text
Phone [] text
LocationRef [LocationOID!]
Certificate [] text
Location [OID! Name! LocationType=LocationType] MetaDataVersionRef+
MetaDataVersionRef [StudyOID! MetaDataVersionOID! EffectiveDate!]
SignatureDef [OID! Methodology=Methodology] Meaning LegalReason
Meaning [] text
LegalReason [] text
ReferenceData [StudyOID! MetaDataVersionOID!] ItemGroupData* AuditRecords* Signatures* Annotations*
ClinicalData [StudyOID! MetaDataVersionOID!] SubjectData* AuditRecords* Signatures* Annotations*
SubjectData [SubjectKey! TransactionType=Transaction] AuditRecord? Signature? InvestigatorRef? SiteRef? Annotation* StudyEventData*
InvestigatorRef [UserOID!]
SiteRef [LocationOID!]
StudyEventData [StudyEventOID! StudyEventRepeatKey TransactionType=Transaction] AuditRecord? Signature? Annotation* FormData*
FormData [FormOID! FormRepeatKey TransactionType=Transaction] AuditRecord? Signature? ArchiveLayoutRef? Annotation* ItemGroupData*
ArchiveLayoutRef [ArchiveLayoutOID!]
ItemGroupData [ItemGroupOID! ItemGroupRepeatKey TransactionType=Transaction] AuditRecord? Signature? Annotation* ITEMS*
ItemData [ItemOID! TransactionType=Transaction IsNull=Yes Value] AuditRecord? Signature? MeasurementUnitRef? Annotation*
TYPED [ItemOID! TransactionType=Transaction IsNull=Yes AuditRecordID SignatureID AnnotationID MeasurementUnitOID] text
AuditRecord [EditPoint=EditPoint UsedImputationMethod=YesNo ID] UserRef LocationRef DateTimeStamp ReasonForChange? SourceID?
UserRef [UserOID!]
DateTimeStamp [] text
ReasonForChange [] text
SourceID [] text
Signature [ID] UserRef LocationRef SignatureRef DateTimeStamp CryptoBindingManifest?
SignatureRef [SignatureOID!]
CryptoBindingManifest [] text
Annotation [SeqNum! TransactionType=Transaction ID] Comment? Flag*
Comment [SponsorOrSite=SponsorOrSite] text
Flag [] FlagValue FlagType?
FlagValue [CodeListOID!] text
FlagType [CodeListOID!] text
AuditRecords [] AuditRecord*
Signatures [] Signature*
Annotations [] Annotation*
Association [StudyOID! MetaDataVersionOID!] KeySet KeySet Annotation
KeySet [StudyOID! SubjectKey StudyEventOID StudyEventRepeatKey FormOID FormRepeatKey ItemGroupOID ItemGroupRepeatKey ItemOID OID]
";

const WORDS: &[(&str, &str)] = &[
    ("FileType", "Snapshot Transactional"),
    ("Granularity", "All Metadata AdminData ReferenceData AllClinicalData SingleSite SingleSubject"),
    ("Yes", "Yes"),
    ("YesNo", "Yes No"),
    ("Version", "1.2 1.2.1 1.3 1.3.1 1.3.2"),
    ("EventType", "Scheduled Unscheduled Common"),
    ("Comparator", "LT LE GT GE EQ NE IN NOTIN"),
    ("SoftHard", "Soft Hard"),
    ("Transaction", "Insert Update Remove Upsert Context"),
    ("UserType", "Sponsor Investigator Lab Other"),
    ("LocationType", "Sponsor Site CRO Lab Other"),
    ("SponsorOrSite", "Sponsor Site"),
    ("Methodology", "Digital Electronic"),
    ("EditPoint", "Monitoring DataManagement DBAudit"),
    ("MethodType", "Computation Imputation Transpose Other"),
    ("CodeType", "integer float text string"),
    (
        "DataType",
        "integer float date datetime time text string double URI boolean hexBinary base64Binary hexFloat base64Float partialDate partialTime partialDatetime durationDatetime intervalDatetime incompleteDatetime incompleteDate incompleteTime",
    ),
];

/// What the typed elements of a value may be, after `ItemData`.
pub(super) const TYPES: [&str; 22] = [
    "URI",
    "Any",
    "Boolean",
    "String",
    "Integer",
    "Float",
    "Double",
    "Date",
    "Time",
    "Datetime",
    "HexBinary",
    "Base64Binary",
    "HexFloat",
    "Base64Float",
    "PartialDate",
    "PartialTime",
    "PartialDatetime",
    "DurationDatetime",
    "IntervalDatetime",
    "IncompleteDatetime",
    "IncompleteDate",
    "IncompleteTime",
];

/// An element of the standard.
#[derive(Debug)]
pub(super) struct Rule {
    attributes: Vec<AttributeRule>,
    slots: Vec<Slot>,
    /// Whether it holds text instead of elements.
    pub(super) text: bool,
}

#[derive(Debug)]
struct AttributeRule {
    name: &'static str,
    required: bool,
    words: Option<&'static str>,
}

/// A place in an element's content.
#[derive(Debug)]
struct Slot {
    names: Vec<&'static str>,
    required: bool,
    many: bool,
}

static RULES: LazyLock<HashMap<&'static str, Rule>> = LazyLock::new(|| {
    let mut rules: HashMap<&'static str, Rule> = ELEMENTS.lines().filter_map(rule).collect();
    rules.remove("TYPED");
    rules
});

static TYPED: LazyLock<Option<Rule>> = LazyLock::new(|| {
    ELEMENTS.lines().filter_map(rule).find(|(name, _)| *name == "TYPED").map(|(_, rule)| rule)
});

fn rule(line: &'static str) -> Option<(&'static str, Rule)> {
    let (name, rest) = line.split_once(" [")?;
    let (attributes, content) = rest.split_once(']')?;
    let attributes = attributes.split_whitespace().map(|word| {
        let (word, words) = word.split_once('=').map_or((word, None), |(word, words)| (word, Some(words)));
        let words =
            words.and_then(|key| WORDS.iter().find(|(name, _)| *name == key)).map(|(_, words)| *words);
        AttributeRule { name: word.trim_end_matches('!'), required: word.ends_with('!'), words }
    });
    let content = content.trim();
    let slots = content.split_whitespace().filter(|word| *word != "text").map(|word| {
        let names = word.trim_end_matches(['?', '*', '+']);
        let names = if names == "ITEMS" { vec!["ItemData"] } else { names.split('|').collect() };
        Slot { names, required: !word.ends_with(['?', '*']), many: word.ends_with(['*', '+']) }
    });
    Some((name, Rule { attributes: attributes.collect(), slots: slots.collect(), text: content == "text" }))
}

/// The rule of an element, if it is one of the standard.
pub(super) fn of(name: &str) -> Option<&'static Rule> {
    match name.strip_prefix("ItemData") {
        Some(kind) if TYPES.contains(&kind) => TYPED.as_ref(),
        _ => RULES.get(name),
    }
}

/// What is at fault, what was expected there.
pub(super) struct Fault {
    pub(super) found: String,
    pub(super) expected: String,
}

impl Rule {
    /// Judges the attributes of an element.
    pub(super) fn attributes(&self, name: &str, attributes: &[(String, String)]) -> Result<(), Fault> {
        for (key, value) in attributes {
            let Some(rule) = self.attributes.iter().find(|rule| rule.name == key) else {
                let known: Vec<&str> = self.attributes.iter().map(|rule| rule.name).collect();
                let expected = if known.is_empty() {
                    format!("{name} without attributes")
                } else {
                    format!("of {name} no attributes but {}", known.join(", "))
                };
                return Err(Fault { found: format!("attribute {key}"), expected });
            };
            let allowed = rule.words.is_none_or(|words| words.split(' ').any(|word| word == value));
            if !allowed {
                let words = rule.words.unwrap_or_default().replace(' ', ", ");
                return Err(Fault {
                    found: format!("{key}={}", crate::problem::quoted(value)),
                    expected: format!("{name}/@{key} as one of {words}"),
                });
            }
            if rule.required && value.is_empty() && !matches!(rule.name, "CodedValue" | "Context" | "Name") {
                return Err(Fault {
                    found: format!("an empty {key}"),
                    expected: format!("a value of {name}/@{key}"),
                });
            }
        }
        let lacking =
            |rule: &&AttributeRule| rule.required && !attributes.iter().any(|(key, _)| key == rule.name);
        match self.attributes.iter().find(lacking) {
            Some(rule) => Err(Fault {
                found: "none".to_owned(),
                expected: format!("attribute {} of {name}", rule.name),
            }),
            None => Ok(()),
        }
    }
}

/// How far the content of an open element has come.
#[derive(Debug)]
pub(super) struct Progress {
    rule: &'static Rule,
    slot: usize,
    last: Option<String>,
}

impl Progress {
    pub(super) fn of(rule: &'static Rule) -> Self {
        Self { rule, slot: 0, last: None }
    }

    pub(super) fn holds_text(&self) -> bool {
        self.rule.text
    }

    /// Takes the next element within.
    pub(super) fn take(&mut self, within: &str, child: &str) -> Result<(), Fault> {
        let typed = |name: &str| {
            name.strip_prefix("ItemData").is_some_and(|kind| !kind.is_empty() && TYPES.contains(&kind))
        };
        let same =
            |slot: &Slot| slot.names.contains(&child) || typed(child) && slot.names.contains(&"ItemData");
        while let Some(slot) = self.rule.slots.get(self.slot) {
            if same(slot) {
                let chosen = self.last.as_deref();
                let mixes = chosen.is_some_and(|last| last != child && !(typed(last) && typed(child)));
                if mixes {
                    return Err(Fault {
                        found: format!("{child} beside {}", chosen.unwrap_or_default()),
                        expected: format!("one or the other in {within}"),
                    });
                }
                if slot.many {
                    self.last = Some(child.to_owned());
                } else {
                    self.slot += 1;
                    self.last = None;
                }
                return Ok(());
            }
            if slot.required && self.last.is_none() {
                return Err(Fault {
                    found: child.to_owned(),
                    expected: format!("{} in {within}", slot.names.join(" or ")),
                });
            }
            self.slot += 1;
            self.last = None;
        }
        let known = self.rule.slots.iter().any(same);
        let expected = if known {
            format!("{child} in its place among {}", self.order(within))
        } else if self.rule.slots.is_empty() {
            format!("{within} without elements")
        } else {
            self.order(within)
        };
        Err(Fault { found: child.to_owned(), expected })
    }

    /// Judges that nothing is missing at the end of the element.
    pub(super) fn end(&self, within: &str) -> Result<(), Fault> {
        let rest = self.rule.slots.iter().skip(self.slot).enumerate();
        let mut lacking = rest.filter(|(place, slot)| slot.required && !(*place == 0 && self.last.is_some()));
        match lacking.next() {
            Some((_, slot)) => Err(Fault {
                found: format!("the end of {within}"),
                expected: format!("{} in {within}", slot.names.join(" or ")),
            }),
            None => Ok(()),
        }
    }

    fn order(&self, within: &str) -> String {
        let names: Vec<String> = self.rule.slots.iter().map(|slot| slot.names.join(" or ")).collect();
        format!("the elements of {within} in order: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_named_in_a_content_has_a_rule() {
        for (name, rule) in RULES.iter() {
            for slot in &rule.slots {
                for child in &slot.names {
                    assert!(of(child).is_some(), "{child} in {name}");
                }
            }
        }
        assert_eq!(RULES.len(), 97);
        assert!(of("ItemDataPartialDate").is_some());
        assert!(of("ItemDataX").is_none());
    }

    #[test]
    fn every_set_of_words_is_known() {
        for line in ELEMENTS.lines() {
            for word in line.split_whitespace().filter_map(|word| word.split_once('=')) {
                let key = word.1.trim_end_matches(']');
                assert!(WORDS.iter().any(|(name, _)| *name == key), "{key}");
            }
        }
    }
}
