//! What somebody should know, in the words and limits of a status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;

/// What somebody should know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingsStatus {
    /// Findings of severity Critical.
    #[serde(default)]
    pub critical: u64,
    /// Findings of severity Error.
    #[serde(default)]
    pub error: u64,
    /// Findings of severity Warning.
    #[serde(default)]
    pub warning: u64,
    /// Findings of severity Info.
    #[serde(default)]
    pub info: u64,
    /// Findings that a waiver accepts; they are in none of the other counts.
    #[serde(default)]
    pub waived: u64,
    /// The counts in a word, for example C1 E2 W3.
    #[serde(default)]
    pub summary: String,
    /// The gravest findings, one entry for each id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::TOP_FINDINGS), extend("x-kubernetes-list-type" = "atomic"))]
    pub top: Vec<FindingGroup>,
}

/// All findings of one id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingGroup {
    /// Stable id, for example plugin-unsupported.
    pub id: String,
    /// How grave it is.
    pub severity: FindingSeverity,
    /// How many subjects it has.
    pub count: u64,
    /// How many of them a waiver accepts.
    #[serde(default)]
    pub waived: u64,
    /// The first five subjects, for example plugins/oauth2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::SUBJECTS), extend("x-kubernetes-list-type" = "atomic"))]
    pub subjects: Vec<String>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum FindingSeverity {
    /// The migration would do harm.
    Critical,
    /// Something cannot be moved.
    Error,
    /// Something will behave differently.
    Warning,
    /// Good to know.
    Info,
}
