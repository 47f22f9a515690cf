//! What reporting standards ask of a protocol in words, and no setting holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Words of the protocol that reporting standards ask for; each may be left out, and the checklist then says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Texts {
    /// The research question and why it is asked: relevant studies of benefit and harm.
    pub rationale: Option<String>,
    /// Key findings outside people, and what they say about the starting activity.
    pub non_clinical: Option<String>,
    /// Why the starting level, the range and the steps are as they are.
    pub starting_level: Option<String>,
    /// Why this design.
    pub design_rationale: Option<String>,
    /// Transitions planned: to expansion, to another phase, to repeated or combined treatment.
    pub transitions: Option<String>,
    /// Where patients are treated, and by whom.
    pub setting: Option<String>,
    /// Care allowed and forbidden beside the product.
    pub concomitant_care: Option<String>,
    /// How missing and pending data are handled, beyond the rules of this file.
    pub missing_data: Option<String>,
    /// A summary in plain language.
    pub plain_summary: Option<String>,
    /// Who pays, and what they decide.
    pub funding: Option<String>,
    /// Where protocol, analysis plan, data and code can be had.
    pub access: Option<String>,
    /// Whether and how patients had a say.
    pub patient_involvement: Option<String>,
    /// Known limitations.
    pub limitations: Option<String>,
}
