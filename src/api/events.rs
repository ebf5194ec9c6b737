//! Reasons of events that tell of an act, or of a find, and not of the state of an object. The strings are part of the API: people
//! filter by them. Whatever changes `Ready` is told beside these, with the reason of the condition ([`super::conditions::reason`]).

/// An object whose manifest cannot be read is deleted, and nothing is cleaned up for it. On every kind.
pub const LEFT_BEHIND: &str = "LeftBehind";

/// A Secret was read although no label permits it, which `--require-credential-labels=warn` allows. On every kind that names Secrets.
pub const UNLABELLED_SECRET: &str = "UnlabelledSecret";

// KonnectGatewayControlPlane.

/// The control plane was made in Konnect.
pub const CREATED: &str = "Created";
/// A control plane that was there is taken over.
pub const ADOPTED: &str = "Adopted";
/// The control plane in Konnect was changed to be as the spec wants it.
pub const UPDATED: &str = "Updated";
/// The control plane was deleted in Konnect with its object.
pub const DELETED: &str = "Deleted";
/// The object goes, and the control plane stays in Konnect as it is.
pub const RETAINED: &str = "Retained";
/// The control plane is gone from Konnect without the operator's doing.
pub const CONTROL_PLANE_GONE: &str = "ControlPlaneGone";

// KonnectExtension.

/// The client certificate was pinned in Konnect.
pub const CERTIFICATE_PINNED: &str = "CertificatePinned";
/// The pins that the extension made were removed with it.
pub const PINS_REMOVED: &str = "PinsRemoved";
/// A pin stays, because another extension uses the same certificate.
pub const PIN_KEPT: &str = "PinKept";
/// The object is let go by force, and its pins stay in Konnect.
pub const PINS_LEFT_BEHIND: &str = "PinsLeftBehind";

// KonnectExtension and WorkspaceMigration.

/// The control plane is another one than before; what was made for the former one stays.
pub const CONTROL_PLANE_REPLACED: &str = "ControlPlaneReplaced";

// WorkspaceMigration.

/// There is a plan, and it differs from the one before.
pub const PLANNED: &str = "Planned";
/// The plan could not be stored in a Secret for people to read.
pub const PLAN_NOT_STORED: &str = "PlanNotStored";
/// The steps of a rollback could not be stored in a Secret for people to read.
pub const ROLLBACK_NOT_STORED: &str = "RollbackNotStored";
/// The list of what was written is gone.
pub const LEDGER_LOST: &str = "LedgerLost";
/// Secrets have the names of what was saved of a migration that goes, and do not prove to be that; they stay.
pub const SECRETS_LEFT: &str = "SecretsLeft";
/// Entities count as written by the migration, because a person says so.
pub const OWNERSHIP_CLAIMED: &str = "OwnershipClaimed";
/// Entities were claimed for the migration that cannot be.
pub const CLAIM_REFUSED: &str = "ClaimRefused";
/// The status names no more earlier control planes than it has room for, so that what was saved of the oldest stays with its user.
pub const BACKUP_FORGOTTEN: &str = "BackupForgotten";
/// The source has entities no more, and none of them is deleted in the target.
pub const PRUNE_WITHHELD: &str = "PruneWithheld";
/// Somebody changed or removed entities in the target, and they are left so.
pub const DRIFTED: &str = "Drifted";
/// The source's content was put back over what somebody had changed or removed in the target.
pub const DRIFT_CORRECTED: &str = "DriftCorrected";
/// What the target did not hold as it was written was written once more.
pub const REPAIRED: &str = "Repaired";
/// What was migrated was deleted with the object.
pub const MIGRATED_DELETED: &str = "MigratedDeleted";
/// What was migrated is gone with its control plane, so that there was nothing to delete.
pub const MIGRATED_GONE: &str = "MigratedGone";
