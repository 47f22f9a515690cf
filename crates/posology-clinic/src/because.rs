//! Why a result is what it is, as data that every surface shows alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One reason for a result: the rule that applied, the sentence a physician reads, the values it read and
/// where the rule is written.
///
/// ```
/// use posology_clinic::Because;
/// let because = Because::new("imwg-2016/pr-serum", "serum M-protein 4.00 to 2.00 g/dL is a fall of 50.0%")
///     .input("baseline", "4.00 g/dL")
///     .input("now", "2.00 g/dL")
///     .source("Kumar et al., Lancet Oncol 2016;17:e328-46");
/// assert_eq!(because.inputs["now"], "2.00 g/dL");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Because {
    /// Identifier of the rule, such as `imwg-2016/pr-serum`.
    pub rule: String,
    /// The reason in one sentence, with its numbers and units.
    pub says: String,
    /// The values the rule read, each with its unit, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Paper and section, regulation, or the place in the protocol.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl Because {
    /// A reason with its rule and its sentence.
    pub fn new(rule: impl Into<String>, says: impl Into<String>) -> Self {
        Self { rule: rule.into(), says: says.into(), inputs: BTreeMap::new(), source: String::new() }
    }

    /// Adds a value the rule read.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.inputs.insert(name.into(), value.to_string());
        self
    }

    /// Names where the rule is written.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }
}
