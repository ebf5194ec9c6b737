//! What every kind of migration tells in its status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mode, limits};
use crate::api::refs::LocalRef;

/// Where a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Phase {
    /// Waits for source or target.
    Pending,
    /// Source and target are read and checked.
    Preflight,
    /// The plan is made, and the mode is Plan.
    Planned,
    /// The plan waits for approval.
    AwaitingApproval,
    /// What will be overwritten is saved.
    BackingUp,
    /// The target is written.
    Applying,
    /// The target is read again and compared.
    Verifying,
    /// The target follows the source.
    Syncing,
    /// The target is ready for traffic.
    AwaitingCutover,
    /// Traffic moves.
    CuttingOver,
    /// Done.
    Completed,
    /// Suspended.
    Paused,
    /// What was written is being undone.
    RollingBack,
    /// What was written is undone.
    RolledBack,
    /// Somebody has to act.
    Failed,
}

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

/// One run of a migration.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When the run began.
    pub started_at: Time,
    /// When the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// How far the run was to go.
    pub mode: Mode,
    /// Hash of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// The metadata.generation of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// How the run ended, as the reason of a condition.
    pub outcome: String,
    /// What was done, in one line.
    pub summary: String,
}
