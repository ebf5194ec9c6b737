//! How far a run has come.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;

/// What is done.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressStatus {
    /// Entities done and to do, for example 42/128.
    #[serde(default)]
    pub summary: String,
    /// The same by entity kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = limits::KINDS),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kind"])
    )]
    pub kinds: Vec<KindProgressStatus>,
    /// Calls to Konnect that wait for an answer.
    #[serde(default)]
    pub in_flight: u64,
    /// Entities written per second, for example 41.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// When the run is expected to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<Time>,
    /// What the migration waits for, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
}

/// What is done for one entity kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct KindProgressStatus {
    /// The kind, in the words of the Admin API's paths, for example services.
    pub kind: String,
    /// Entities done.
    #[serde(default)]
    pub completed: u64,
    /// Entities to be done in all.
    #[serde(default)]
    pub total: u64,
    /// Entities that the target refused.
    #[serde(default)]
    pub failed: u64,
}
