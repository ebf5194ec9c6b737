//! What the users of every kind of migration decide.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a migration goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Mode {
    /// Reads both sides and tells what would happen.
    #[default]
    Plan,
    /// Writes once.
    Apply,
    /// Keeps the target equal to the source until told otherwise.
    Sync,
}

/// Whether somebody has to approve the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Automatic: no. Required: nothing is written before planHash equals status.plan.hash, and nothing is undone before it equals
    /// status.rollback.hash.
    #[serde(default)]
    pub policy: ApprovalPolicy,
    /// Hash of the plan that is approved; with rollback: status.rollback.hash.
    #[serde(default)]
    #[schemars(length(max = 128))]
    pub plan_hash: String,
}

/// Who approves a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ApprovalPolicy {
    /// Nobody has to.
    #[default]
    Automatic,
    /// Somebody has to.
    Required,
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct WaiverSpec {
    /// Id of the finding, for example plugin-unsupported.
    #[schemars(length(min = 1, max = 253))]
    pub id: String,
    /// Subject of the finding: a kind, or a kind with an id or name, for example plugins/oauth2. All subjects when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub subject: Option<String>,
    /// Why the finding is acceptable.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// From when on the waiver no longer holds. It always holds when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

/// What undoing a migration does about an entity that somebody changed since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RollbackPolicy {
    /// Leave it, with a finding.
    #[default]
    KeepChanged,
    /// Undo it all the same.
    UndoChanged,
}
