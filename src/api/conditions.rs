//! Condition types and reasons: the stable vocabulary of `status.conditions`. Kong's spellings are kept for what Kong's
//! operator has too. The strings are part of the API: scripts and dashboards match on them.

/// kstatus: the object is as its spec wants it. On every kind.
pub const READY: &str = "Ready";
/// kstatus, abnormal-true: work is under way. Absent otherwise.
pub const RECONCILING: &str = "Reconciling";
/// kstatus, abnormal-true: nothing will happen until somebody acts. Absent otherwise.
pub const STALLED: &str = "Stalled";

/// The Konnect token is accepted. On all Konnect kinds; Kong's.
pub const API_AUTH_VALID: &str = "APIAuthValid";
/// The token Secret may be read. On `KonnectAPIAuthConfiguration`; Kong's.
pub const RESOLVED_REFS: &str = "ResolvedRefs";
/// The counterpart in Konnect is as the spec wants it. On `KonnectGatewayControlPlane`; Kong's.
pub const PROGRAMMED: &str = "Programmed";
/// The `KonnectAPIAuthConfiguration` was found. Kong's.
pub const API_AUTH_RESOLVED_REF: &str = "APIAuthResolvedRef";
/// The mirrored control plane was found. On `KonnectGatewayControlPlane` of source Mirror; Kong's.
pub const MIRRORED: &str = "Mirrored";
/// The members of a control plane group were found. On `KonnectGatewayControlPlane`; Kong's.
pub const MEMBERS_REFERENCE_RESOLVED: &str = "MembersReferenceResolved";
/// The control plane was found and is programmed. On `KonnectExtension`; Kong's.
pub const CONTROL_PLANE_REF_VALID: &str = "ControlPlaneRefValid";
/// The client certificate is pinned in Konnect. On `KonnectExtension`; Kong's.
pub const DATA_PLANE_CERTIFICATE_PROVISIONED: &str = "DataPlaneCertificateProvisioned";

/// False when a Secret was read although no label permits it, which `--require-credential-labels=warn` allows; absent otherwise. On every
/// kind that names Secrets.
pub const CREDENTIALS_LABELLED: &str = "CredentialsLabelled";

/// The source answers and can be read. On `WorkspaceMigration`, as all that follow.
pub const SOURCE_READY: &str = "SourceReady";
/// The control plane exists and can be written.
pub const TARGET_READY: &str = "TargetReady";
/// No finding forbids the migration.
pub const PREFLIGHT_PASSED: &str = "PreflightPassed";
/// A plan for the present source and target exists.
pub const PLAN_READY: &str = "PlanReady";
/// The plan may be applied.
pub const APPROVED: &str = "Approved";
/// What the plan overwrites or deletes is saved.
pub const BACKED_UP: &str = "BackedUp";
/// Every operation of the plan is done.
pub const APPLIED: &str = "Applied";
/// The target was read again and equals the source.
pub const VERIFIED: &str = "Verified";
/// Sync mode: the target follows the source.
pub const IN_SYNC: &str = "InSync";
/// Traffic goes through the new data planes.
pub const CUT_OVER: &str = "CutOver";
/// Abnormal-true: source or target changed after the migration.
pub const DRIFTED: &str = "Drifted";
/// Abnormal-true: the source has entities no more, and none of them is deleted in the target. On migrations with `spec.prune`.
pub const PRUNE_WITHHELD: &str = "PruneWithheld";
/// Everything that this migration wrote can be undone; told without a write. Absent while there is nothing to undo.
pub const ROLLBACK_READY: &str = "RollbackReady";
/// What this migration wrote is undone. Absent unless a rollback was asked for.
pub const ROLLED_BACK: &str = "RolledBack";

/// Reasons: why a condition has its status.
pub mod reason {
    // Shared.

    /// No controller has looked at the object yet.
    pub const PENDING: &str = "Pending";
    /// Work goes on as it should.
    pub const PROGRESSING: &str = "Progressing";
    /// Something failed that may pass; it is tried again.
    pub const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
    /// All there was to do is done.
    pub const READY: &str = "Ready";
    /// Another condition of the same object is not `True`.
    pub const CONDITION_WITH_STATUS_FALSE_EXISTS: &str = "ConditionWithStatusFalseExists";
    /// The spec asks for something that this version does not do yet; nothing was called.
    pub const NOT_IMPLEMENTED: &str = "NotImplemented";
    /// The spec, or an annotation, makes no sense.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// The operator runs with `--konnect-kinds=read-only`, and waits for an object that Kong's operator owns.
    pub const READ_ONLY: &str = "ReadOnly";
    /// The object is deleted and clean-up goes on.
    pub const DELETING: &str = "Deleting";
    /// Clean-up cannot go on; the message says how to.
    pub const DELETION_BLOCKED: &str = "DeletionBlocked";
    /// A defect of this operator.
    pub const INTERNAL_ERROR: &str = "InternalError";

    // APIAuthValid, APIAuthResolvedRef, ResolvedRefs.

    /// What is referred to is right.
    pub const VALID: &str = "Valid";
    /// What is referred to is wrong.
    pub const INVALID: &str = "Invalid";
    /// All references of the object were found.
    pub const RESOLVED_REFS: &str = "ResolvedRefs";
    /// The reference was found.
    pub const RESOLVED_REF: &str = "ResolvedRef";
    /// Nothing exists by that name.
    pub const REF_NOT_FOUND: &str = "RefNotFound";
    /// The reference crosses namespaces, and nothing grants that.
    pub const REF_NOT_PERMITTED: &str = "RefNotPermitted";
    /// The reference is incomplete, or what it names is not usable.
    pub const REF_INVALID: &str = "RefInvalid";
    /// The token Secret does not exist.
    pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
    /// The Secret lacks the key, or holds nothing usable under it.
    pub const INVALID_SECRET: &str = "InvalidSecret";
    /// No label of the Secret says that it may be read for this use, or it is one that never may.
    pub const SECRET_NOT_PERMITTED: &str = "SecretNotPermitted";
    /// The operator may not call this host; the message has the flag that would allow it.
    pub const HOST_NOT_ALLOWED: &str = "HostNotAllowed";
    /// The ConfigMap does not exist.
    pub const CONFIG_MAP_NOT_FOUND: &str = "ConfigMapNotFound";
    /// The ConfigMap lacks the key, or holds no text under it.
    pub const INVALID_CONFIG_MAP: &str = "InvalidConfigMap";
    /// The declarative file cannot be read, or has faults.
    pub const INVALID_DECLARATIVE_CONFIG: &str = "InvalidDeclarativeConfig";
    /// The server URL names no Konnect region.
    pub const INVALID_SERVER_URL: &str = "InvalidServerURL";
    /// Konnect did not answer as it should: the last known verdict stands.
    pub const KONNECT_UNREACHABLE: &str = "KonnectUnreachable";

    // Programmed, Mirrored, MembersReferenceResolved.

    /// The counterpart in Konnect is as the spec wants it.
    pub const PROGRAMMED: &str = "Programmed";
    /// A call to Konnect failed.
    pub const KONNECT_API_OP_FAILED: &str = "KonnectAPIOpFailed";
    /// Konnect refused to create the counterpart.
    pub const FAILED_TO_CREATE: &str = "FailedToCreate";
    /// Konnect refused to change the counterpart.
    pub const FAILED_TO_UPDATE: &str = "FailedToUpdate";
    /// The counterpart to take over does not exist or does not fit.
    pub const FAILED_TO_ADOPT: &str = "FailedToAdopt";
    /// A control plane, or an object in Kubernetes, of that name exists that this object did not make.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// The counterpart is gone from Konnect; it is not made again without consent.
    pub const GONE: &str = "Gone";
    /// The members of the group could not be set.
    pub const FAILED_TO_SET_CONTROL_PLANE_GROUP_MEMBERS: &str = "FailedToSetControlPlaneGroupMembers";
    /// The mirrored control plane was found.
    pub const MIRRORED: &str = "Mirrored";
    /// The mirrored control plane was not found.
    pub const FAILED: &str = "Failed";
    /// All members of the group were found.
    pub const RESOLVED: &str = "Resolved";
    /// Some member of the group was not found.
    pub const SOME_MEMBER_NOT_RESOLVED: &str = "SomeMemberNotResolved";
    /// Konnect refused the members of the group.
    pub const SET_GROUP_MEMBER_FAILED: &str = "SetGroupMemberFailed";

    // KonnectExtension.

    /// The certificate is on its way.
    pub const PROVISIONING: &str = "Provisioning";
    /// The certificate is pinned in Konnect.
    pub const PROVISIONED: &str = "Provisioned";
    /// The control plane exists, and is not programmed yet.
    pub const NOT_PROGRAMMED: &str = "NotProgrammed";
    /// The object of the control plane is being deleted.
    pub const CONTROL_PLANE_DELETING: &str = "ControlPlaneDeleting";

    // WorkspaceMigration: SourceReady, TargetReady.

    /// The source answers.
    pub const SOURCE_REACHABLE: &str = "SourceReachable";
    /// The declarative file is read.
    pub const SOURCE_READ: &str = "SourceRead";
    /// The source does not answer, or not as an Admin API does.
    pub const SOURCE_UNREACHABLE: &str = "SourceUnreachable";
    /// The source refuses the token.
    pub const SOURCE_UNAUTHORIZED: &str = "SourceUnauthorized";
    /// The source has no such workspace.
    pub const WORKSPACE_NOT_FOUND: &str = "WorkspaceNotFound";
    /// The source answers, and what it says is not what an Admin API says.
    pub const SOURCE_INVALID_ANSWER: &str = "SourceInvalidAnswer";
    /// The control plane can be written.
    pub const CONTROL_PLANE_READY: &str = "ControlPlaneReady";
    /// No `KonnectGatewayControlPlane` has that name.
    pub const CONTROL_PLANE_NOT_FOUND: &str = "ControlPlaneNotFound";
    /// The control plane is of a type that takes no entities.
    pub const CLUSTER_TYPE_NOT_SUPPORTED: &str = "ClusterTypeNotSupported";
    /// Konnect does not accept the control plane's token.
    pub const TARGET_UNAUTHORIZED: &str = "TargetUnauthorized";

    // WorkspaceMigration: PreflightPassed, PlanReady, Approved, BackedUp.

    /// Nothing was found that forbids the migration.
    pub const NO_BLOCKING_FINDINGS: &str = "NoBlockingFindings";
    /// Something was found that forbids the migration.
    pub const BLOCKING_FINDINGS: &str = "BlockingFindings";
    /// The checks could not be made; that is not a pass.
    pub const NOT_CHECKED: &str = "NotChecked";
    /// The plan is made.
    pub const PLANNED: &str = "Planned";
    /// Source or target changed since the plan was made.
    pub const PLAN_STALE: &str = "PlanStale";
    /// The plan writes nothing, so nobody has to approve it.
    pub const APPROVAL_NOT_NEEDED: &str = "ApprovalNotNeeded";
    /// Approval is not asked for.
    pub const APPROVED_AUTOMATICALLY: &str = "ApprovedAutomatically";
    /// Somebody approved this very plan.
    pub const APPROVED: &str = "Approved";
    /// The plan waits for somebody to approve its hash.
    pub const AWAITING_APPROVAL: &str = "AwaitingApproval";
    /// Nothing is overwritten or deleted, so nothing needs saving.
    pub const BACKUP_NOT_NEEDED: &str = "BackupNotNeeded";
    /// It is saved before the first write.
    pub const BACKUP_PENDING: &str = "BackupPending";
    /// It is being saved.
    pub const BACKING_UP: &str = "BackingUp";
    /// It is saved.
    pub const BACKED_UP: &str = "BackedUp";
    /// The cluster does not take it, so nothing is written.
    pub const BACKUP_REFUSED: &str = "BackupRefused";
    /// It does not fit into Secrets, so nothing is written.
    pub const BACKUP_TOO_LARGE: &str = "BackupTooLarge";
    /// The list of what was written cannot be read.
    pub const LEDGER_UNREADABLE: &str = "LedgerUnreadable";

    // WorkspaceMigration: Applied, Verified, Ready, Drifted.

    /// The mode is Plan: nothing is written.
    pub const PLAN_ONLY: &str = "PlanOnly";
    /// Operations are under way.
    pub const APPLYING: &str = "Applying";
    /// Every operation is done.
    pub const APPLIED: &str = "Applied";
    /// Some operations are blocked; all others are done.
    pub const PARTIALLY_APPLIED: &str = "PartiallyApplied";
    /// An entity was refused, and the failure policy ended the run there.
    pub const STOPPED_AT_REFUSAL: &str = "StoppedAtRefusal";
    /// Other migrations have all places; it goes on when its turn comes.
    pub const QUEUED: &str = "Queued";
    /// `spec.suspend` is true: nothing is done.
    pub const SUSPENDED: &str = "Suspended";
    /// The target is being read again.
    pub const VERIFYING: &str = "Verifying";
    /// Target and source are equal.
    pub const VERIFIED: &str = "Verified";
    /// Target and source were equal, and could not be compared for a while.
    pub const VERIFICATION_STALE: &str = "VerificationStale";
    /// Target and source differ.
    pub const MISMATCH: &str = "Mismatch";
    /// The migration is complete.
    pub const COMPLETED: &str = "Completed";
    /// Mode Sync: the target has all that the source has.
    pub const IN_SYNC: &str = "InSync";
    /// The source changed after the migration.
    pub const SOURCE_CHANGED: &str = "SourceChanged";
    /// The target changed after the migration.
    pub const TARGET_CHANGED: &str = "TargetChanged";

    // WorkspaceMigration: PruneWithheld.

    /// More would be deleted than `spec.pruneLimit` allows in one pass.
    pub const PRUNE_LIMIT_EXCEEDED: &str = "PruneLimitExceeded";
    /// Mode Sync: the source has entities no more that stay in the target.
    pub const PRUNE_WITHHELD: &str = "PruneWithheld";
    /// The source did not show all that it has, or showed nothing.
    pub const SOURCE_INCOMPLETE: &str = "SourceIncomplete";

    // WorkspaceMigration: RollbackReady, RolledBack.

    /// Everything that this migration wrote can be undone.
    pub const CAN_ROLL_BACK: &str = "CanRollBack";
    /// Some of what this migration wrote cannot be undone, or may not.
    pub const ROLLBACK_INCOMPLETE: &str = "RollbackIncomplete";
    /// What was written is being undone.
    pub const ROLLING_BACK: &str = "RollingBack";
    /// The same, because Konnect refused an entity and the failure policy is RollbackOnFailure.
    pub const ROLLING_BACK_ON_FAILURE: &str = "RollingBackOnFailure";
    /// What was written is undone, but for what may not be.
    pub const ROLLED_BACK: &str = "RolledBack";
    /// The same, because Konnect refused an entity and the failure policy is RollbackOnFailure.
    pub const ROLLED_BACK_ON_FAILURE: &str = "RolledBackOnFailure";
    /// Konnect refused to undo some of it.
    pub const PARTIALLY_ROLLED_BACK: &str = "PartiallyRolledBack";
}
