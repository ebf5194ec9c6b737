//! What is to be done, in a status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::refs::LocalRef;

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// SHA-256 over the plan; what an approval names.
    pub hash: String,
    /// The counts in one line.
    pub summary: String,
    /// Entities to create.
    #[serde(default)]
    pub create: u64,
    /// Entities to update.
    #[serde(default)]
    pub update: u64,
    /// Entities to delete.
    #[serde(default)]
    pub delete: u64,
    /// Entities that are equal already.
    #[serde(default)]
    pub unchanged: u64,
    /// Entities that cannot be written as things are.
    #[serde(default)]
    pub blocked: u64,
    /// The Secret that holds the whole plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artefact_ref: Option<LocalRef>,
}
