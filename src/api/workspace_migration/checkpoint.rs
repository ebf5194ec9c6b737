//! What a migration remembers from one pass to the next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the next pass goes on from. The conditions tell the same to people and programs; the operator goes by these fields alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The metadata.generation that came to an end, good or bad: what follows are looks at whether anything changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_generation: Option<i64>,
    /// The metadata.generation that was applied and verified. In mode Apply nothing more is written until the spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_generation: Option<i64>,
    /// The control plane was not there when it was last looked for: no object, one without a control plane yet, or one that is
    /// being deleted.
    // Always written: a server-side apply that takes the last field of an object away leaves null behind, which the schema refuses.
    #[serde(default)]
    pub target_missing: bool,
    /// The latest rollback; absent once the migration goes forward again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackCheckpoint>,
}

/// How far a rollback has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackCheckpoint {
    /// Where it is.
    pub state: RollbackState,
    /// The metadata.generation of the spec that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Of a rollback after a refusal: what was refused, and, once it is done, what followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where a rollback is. The names are the reasons of the condition RolledBack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RollbackState {
    /// Somebody has to approve it first.
    AwaitingApproval,
    /// What was written is being undone, because spec.rollback asks for it.
    RollingBack,
    /// The same, because Konnect refused an entity and the failure policy is RollbackOnFailure.
    RollingBackOnFailure,
    /// Done, because spec.rollback asked for it.
    RolledBack,
    /// Done, because Konnect refused an entity. This spec is not tried again.
    RolledBackOnFailure,
    /// Konnect refused to undo some of it.
    PartiallyRolledBack,
}
