//! `WorkspaceMigration`: one workspace of a self-managed Kong into one control plane in Konnect.

mod checkpoint;
mod policy;
mod rules;
mod source;
mod status;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use checkpoint::{Checkpoint, RollbackCheckpoint, RollbackState};
pub use policy::{
    BackupPolicy, ConflictPolicyForKind, ConflictPolicySpec, CustomPluginSpec, DeletionPolicy,
    DriftPolicySpec, FailurePolicy, IdPolicySpec, PatchOperation, PresetName, PresetSpec, PruneLimitSpec,
    Redis, Repair, Sync, ThrottleSpec, TransformSelector, TransformSpec, VerificationPolicy,
};
pub use source::{AdminApi, AdminApiTls, DeclarativeConfig, ExclusionSpec, SelectionSpec, SourceSpec};
pub use status::{
    BackupStatus, DriftStatus, EarlierBackup, KindVerificationStatus, RollbackStatus, SourceStatus,
    SyncStatus, TargetStatus, VerificationStatus, WorkspaceMigrationStatus,
};

pub use super::migration::{
    Approval, ApprovalPolicy, FindingGroup, FindingSeverity, FindingsStatus, HistoryEntry,
    KindProgressStatus, Mode, Phase, PlanStatus, ProgressStatus, RollbackPolicy, WaiverSpec, limits,
};

use super::migration::rules::not_implemented;
use super::migration::{MigrationKind, RunLimits};
use super::{refs::LocalRef, schema};

/// Spec of a `WorkspaceMigration`.
#[derive(CustomResource, Debug, Clone, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "gatewaymigration.dev",
    version = "v1alpha1",
    kind = "WorkspaceMigration",
    namespaced,
    shortname = "wsm",
    category = "kong",
    category = "migrations",
    status = "WorkspaceMigrationStatus",
    derive = "PartialEq",
    doc = "WorkspaceMigration moves one workspace of a self-managed Kong Gateway into one control plane in Konnect.",
    validation = rules::source_immutable(),
    validation = rules::target_immutable(),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(
        name = "Ready", type_ = "string", description = "The migration is as its spec wants it",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Progress", type_ = "string", description = "Entities done and to do",
        json_path = ".status.progress.summary"
    ),
    printcolumn(
        name = "Findings", type_ = "string", description = "Findings by severity",
        json_path = ".status.findings.summary"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Workspace", type_ = "string", priority = 1, json_path = ".spec.source.workspace"
    ),
    printcolumn(
        name = "Control Plane", type_ = "string", priority = 1, json_path = ".spec.target.controlPlaneRef.name"
    ),
    printcolumn(
        name = "Verified", type_ = "date", priority = 1, description = "Since both sides were last compared",
        json_path = ".status.verification.checkedAt"
    ),
    printcolumn(
        name = "Message", type_ = "string", priority = 1,
        json_path = ".status.conditions[?(@.type=='Ready')].message"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceMigrationSpec {
    /// Where to read from. Cannot be pointed elsewhere once the first write to the target has begun.
    pub source: SourceSpec,
    /// Where to write to. Cannot be changed once the first write has begun.
    pub target: TargetSpec,
    /// How far to go: Plan only reads and tells what would happen, Apply writes once, Sync keeps the target equal until
    /// told otherwise.
    #[serde(default)]
    pub mode: Mode,
    /// Whether somebody has to approve the plan before anything is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What to do when the target has an entity of the same identity that this migration did not write.
    #[serde(default)]
    pub conflict_policy: ConflictPolicySpec,
    /// Exceptions from conflictPolicy, by entity kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into()]))]
    pub conflict_policy_per_kind: Vec<ConflictPolicyForKind>,
    /// Whether entities keep their ids (Preserve) or get ids derived from control plane and source id (Derive).
    #[serde(default)]
    pub id_policy: IdPolicySpec,
    /// What deleting this object does to the target: nothing (Orphan), or delete what it created there (DeleteMigrated). What was
    /// overwritten stays, and what somebody changed since, unless rollbackPolicy says otherwise. To restore too, set rollback first.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What is saved before the first write; nothing is written without it. Full: everything that the control plane holds, once, and
    /// what each entity was before it is overwritten. BeforeImages: only the latter, for a control plane that is too large.
    #[serde(default)]
    pub backup_policy: BackupPolicy,
    /// Keep the Secrets with the backup and the list of what was written when this object is deleted, also those of control planes
    /// that came before the present one. A migration of the same name into the same control plane then knows them again.
    #[serde(default)]
    pub retain_backup: bool,
    /// Delete in the target what this migration created and the source has no more, in modes Apply and Sync. Nothing is deleted that
    /// was there before, that somebody changed since, or that an entity which stays refers to; and nothing while a list of the source
    /// could not be read.
    #[serde(default)]
    pub prune: bool,
    /// The most that prune deletes in one pass: a number of entities, or a share such as 50% of those that this migration created and the
    /// target still has. When more would have to go, none goes, and the condition PruneWithheld says how many. Without it: 30%, and
    /// 10 entities in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::count_or_percent")]
    #[x_kube(validation = rules::count_or_percent("spec.pruneLimit"))]
    pub prune_limit: Option<PruneLimitSpec>,
    /// Findings that somebody has accepted, with a reason each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub waivers: Vec<WaiverSpec>,
    /// Changes to make on the way, as JSON patches, with a reason each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub transforms: Vec<TransformSpec>,
    /// Schemas of custom plugins, uploaded before the first plugin that needs one; those that no plugin needs are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub custom_plugins: Vec<CustomPluginSpec>,
    /// How mode Sync follows the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
    /// What follows when the target does not hold what was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationPolicy>,
    /// Limits on the calls to Konnect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleSpec>,
    /// What to do when an entity is refused: go on with what does not depend on it (ContinueIndependent), Stop, or undo
    /// everything (RollbackOnFailure). Once a migration has been complete, RollbackOnFailure is Stop.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// Do nothing until this is false again. A migration that is under way stops between two writes, and goes on from
    /// there.
    #[serde(default)]
    pub suspend: bool,
    /// Undo what this migration wrote: delete what it created, restore what it overwrote, make again what it deleted. While this is
    /// true, nothing is applied or synced; when it is false again, the migration begins anew. The condition RollbackReady tells
    /// beforehand what would be undone.
    #[serde(default)]
    pub rollback: bool,
    /// What rollback and deletionPolicy DeleteMigrated do about an entity that somebody changed in the target since this migration
    /// wrote it: leave it, with a finding (KeepChanged), or undo it all the same (UndoChanged).
    #[serde(default)]
    pub rollback_policy: RollbackPolicy,
    /// How traffic moves to the new data planes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any_object")]
    #[x_kube(validation = not_implemented("spec.cutover", "false", "nothing"))]
    pub cutover: Option<Map<String, Value>>,
}

impl WorkspaceMigrationSpec {
    /// A migration with every setting at its default.
    pub fn new(source: SourceSpec, target: TargetSpec) -> Self {
        Self {
            source,
            target,
            mode: Mode::default(),
            approval: None,
            conflict_policy: ConflictPolicySpec::default(),
            conflict_policy_per_kind: Vec::new(),
            id_policy: IdPolicySpec::default(),
            deletion_policy: DeletionPolicy::default(),
            backup_policy: BackupPolicy::default(),
            retain_backup: false,
            prune: false,
            prune_limit: None,
            waivers: Vec::new(),
            transforms: Vec::new(),
            custom_plugins: Vec::new(),
            sync: None,
            verification: None,
            throttle: None,
            failure_policy: FailurePolicy::default(),
            suspend: false,
            rollback: false,
            rollback_policy: RollbackPolicy::default(),
            cutover: None,
        }
    }

    /// How many calls to Konnect may be in flight for this migration.
    pub fn max_in_flight(&self) -> u32 {
        self.throttle
            .as_ref()
            .map_or(ThrottleSpec::DEFAULT_MAX_IN_FLIGHT, |throttle| {
                throttle.max_in_flight
            })
    }
}

impl MigrationKind for WorkspaceMigration {
    const KUBECTL: &'static str = "workspacemigration";

    fn mode(&self) -> Mode {
        self.spec.mode
    }

    fn approval(&self) -> Option<&Approval> {
        self.spec.approval.as_ref()
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn limits(&self) -> RunLimits {
        let throttle = self.spec.throttle.as_ref();
        RunLimits {
            max_in_flight: self.spec.max_in_flight(),
            requests_per_second: throttle.map_or(0, |throttle| throttle.requests_per_second),
        }
    }

    fn ends_with(&self, now: &Self) -> bool {
        let mut as_begun = now.spec.clone();
        as_begun.throttle.clone_from(&self.spec.throttle);
        as_begun != self.spec
    }
}

/// Where to write to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetSpec {
    /// The KonnectGatewayControlPlane, in the same namespace.
    pub control_plane_ref: LocalRef,
}
