//! What a migration reports. Lists are capped and totals are not, so that a status stays below 64 KiB whatever the size
//! of the migration.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Checkpoint, FindingsStatus, HistoryEntry, Phase, PlanStatus, ProgressStatus, limits};
use crate::api::{conditions, migration::MigrationStatus, refs::LocalRef, schema};

/// Status of a `WorkspaceMigration`. The conditions are the contract; the phase is a summary for people.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = json!({"conditions": schema::pending(conditions::READY)})))]
pub struct WorkspaceMigrationStatus {
    /// The metadata.generation that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Summary for people; programs read the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What is known about the migration: Ready, Reconciling, Stalled, SourceReady, TargetReady, PreflightPassed, PlanReady,
    /// Approved, BackedUp, Applied, Verified, InSync, CutOver, Drifted, PruneWithheld, RollbackReady and RolledBack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// When the first write to the target began. From then on source and target cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the migration was complete and verified for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Time>,
    /// What was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStatus>,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetStatus>,
    /// What was saved before the first write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupStatus>,
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// What undoing this migration would do as things are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackStatus>,
    /// What somebody should know before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<FindingsStatus>,
    /// What is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<ProgressStatus>,
    /// Whether target and source are equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationStatus>,
    /// How far the target is behind the source, in mode Sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncStatus>,
    /// The latest runs, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::HISTORY), extend("x-kubernetes-list-type" = "atomic"))]
    pub history: Vec<HistoryEntry>,
    /// What the next pass goes on from. Programs read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
}

impl WorkspaceMigrationStatus {
    /// What is remembered; empty for a migration that nothing is remembered of yet.
    pub fn checkpoint_mut(&mut self) -> &mut Checkpoint {
        self.checkpoint.get_or_insert_default()
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Version of the source, for example 3.9.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Edition of the source: community or enterprise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// How the source is deployed: traditional, hybrid or dbless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topology: Option<String>,
    /// Id of the workspace.
    #[serde(rename = "workspaceID", skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// SHA-256 over what was read and can be moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many entities were read.
    #[serde(default)]
    pub entities: u64,
}

/// Where the workspace goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Id of the control plane in Konnect.
    #[serde(rename = "controlPlaneID", skip_serializing_if = "Option::is_none")]
    pub control_plane_id: Option<String>,
    /// Type of the control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_type: Option<String>,
}

/// What was saved before the first write. Both Secrets hold credentials in clear.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupStatus {
    /// The Secret that holds everything that the control plane held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artefact_ref: Option<LocalRef>,
    /// The Secret that lists what was written, with what it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_ref: Option<LocalRef>,
    /// When the backup was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Time>,
    /// Entities in the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<u64>,
    /// What is kept of control planes that this migration wrote to before the present one, oldest first. It goes with this object,
    /// unless spec.retainBackup is true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::EARLIER), extend("x-kubernetes-list-type" = "atomic"))]
    pub earlier: Vec<EarlierBackup>,
}

/// Backup and ledger of a control plane that is the target no more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlierBackup {
    /// Id that the control plane had in Konnect.
    #[serde(rename = "controlPlaneID")]
    pub control_plane_id: String,
    /// The Secret that holds everything that the control plane held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artefact_ref: Option<LocalRef>,
    /// The Secret that lists what was written, with what it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_ref: Option<LocalRef>,
}

/// What undoing would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackStatus {
    /// SHA-256 over the steps and what stays; what an approval names.
    pub hash: String,
    /// The counts in one line.
    pub summary: String,
    /// Created entities to delete.
    #[serde(default)]
    pub delete: u64,
    /// Overwritten entities to restore.
    #[serde(default)]
    pub restore: u64,
    /// Entities that are gone, to be made again as they were.
    #[serde(default)]
    pub recreate: u64,
    /// Entities that should be undone and stay as they are; with spec.rollback, status.findings says why.
    #[serde(default)]
    pub kept: u64,
    /// SHA-256 over everything that the target held when this was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_digest: Option<String>,
    /// The metadata.generation that this was told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// The Secret that holds every step, for gateway-migration-operator rollback show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artefact_ref: Option<LocalRef>,
}

/// Whether target and source are equal.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationStatus {
    /// SHA-256 over what the target holds of the source; equal to source.digest when all was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Entities that are equal.
    #[serde(default)]
    pub matched: u64,
    /// Entities that differ.
    #[serde(default)]
    pub mismatched: u64,
    /// Entities that the target lacks.
    #[serde(default)]
    pub missing: u64,
    /// Entities that only the target has.
    #[serde(default)]
    pub extra: u64,
    /// Entities that were written once more before this comparison, because an earlier one found them wrong.
    #[serde(default)]
    pub repaired: u64,
    /// When both sides were last compared. Each look that finds a finished migration equal renews it: every ten minutes, in mode
    /// Sync at every interval. When three looks could not be made, Verified is Unknown with reason VerificationStale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Time>,
    /// The same by kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = limits::KINDS),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kind"])
    )]
    pub kinds: Vec<KindVerificationStatus>,
}

/// Whether target and source are equal in one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct KindVerificationStatus {
    /// The kind, in the words of the Admin API's paths, for example services.
    pub kind: String,
    /// SHA-256 over what the target holds of the source in this kind.
    pub digest: String,
    /// Entities that are equal.
    #[serde(default)]
    pub matched: u64,
    /// Entities that differ, or that the target lacks.
    #[serde(default)]
    pub failed: u64,
}

/// How far the target is behind the source.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatus {
    /// When the source was last seen to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_source_change: Option<Time>,
    /// When the target was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied: Option<Time>,
    /// How long the target was behind when the latest change of the source was seen, until it had it; while it is behind: until
    /// now. For example 12s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<String>,
    /// How the sides differed from what this migration left when both were last read, by whose change it is. What followed is in
    /// history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftStatus>,
}

/// Entities that are not as this migration left them, by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftStatus {
    /// Changed in the source since they were written.
    #[serde(default)]
    pub changed_in_source: u64,
    /// Changed in the target by somebody else.
    #[serde(default)]
    pub changed_in_target: u64,
    /// Changed on both sides.
    #[serde(default)]
    pub changed_in_both: u64,
    /// New in the source, or removed from the target.
    #[serde(default)]
    pub missing_in_target: u64,
    /// Of those missing in the target: written by this migration, and removed by somebody else.
    #[serde(default)]
    pub removed_from_target: u64,
    /// Written by this migration, and gone from the source.
    #[serde(default)]
    pub missing_in_source: u64,
}

impl MigrationStatus for WorkspaceMigrationStatus {
    fn phase_mut(&mut self) -> &mut Option<Phase> {
        &mut self.phase
    }

    fn progress_mut(&mut self) -> &mut Option<ProgressStatus> {
        &mut self.progress
    }

    fn findings_mut(&mut self) -> &mut Option<FindingsStatus> {
        &mut self.findings
    }

    fn history_mut(&mut self) -> &mut Vec<HistoryEntry> {
        &mut self.history
    }

    fn plan_mut(&mut self) -> &mut Option<PlanStatus> {
        &mut self.plan
    }

    fn rollback_artefact_mut(&mut self) -> Option<&mut Option<LocalRef>> {
        Some(&mut self.rollback.as_mut()?.artefact_ref)
    }
}

fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    schema::conditions(32)
}
