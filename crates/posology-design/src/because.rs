//! Why a result is what it is, as data that every surface shows alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One reason for a result: the rule that applied, the sentence a statistician reads, the values it read and
/// where the rule is written.
///
/// ```
/// use posology_design::Because;
/// let because = Because::new("3+3/zero-of-three", "no DLT among 3 evaluable patients at level 1")
///     .input("evaluable", 3)
///     .input("dlt", 0)
///     .source("Storer BE. Biometrics 1989;45:925-937, section 2");
/// assert_eq!(because.inputs["dlt"], "0");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Because {
    /// Identifier of the rule, such as `3+3/zero-of-three`.
    pub rule: String,
    /// The reason in one sentence, with its numbers.
    pub says: String,
    /// The values the rule read, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Paper and section.
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
