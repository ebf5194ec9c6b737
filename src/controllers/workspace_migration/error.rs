//! Why a migration does not go on, and what that says of its two sides.

use crate::api::annotations::HOSTS;
use crate::api::conditions::{PREFLIGHT_PASSED, SOURCE_READY, TARGET_READY, reason};
use crate::api::workspace_migration::{Phase, WorkspaceMigrationStatus};
use crate::controllers::konnect::session::SessionError;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::error::{Class, ReconcileError, chain};
use crate::http::{self, Failure, TransportError};
use crate::k8s::artefacts::ArtefactError;
use crate::k8s::conditions::ConditionStatus::{False, Unknown};
use crate::k8s::config_maps::ConfigMapError;
use crate::k8s::secrets::SecretError;
use crate::kong::admin::InvalidClient;
use crate::kong::engine::{self, error::Side};
use crate::kong::plan::ledger::format::LedgerError;
use crate::manifest::InvalidPolicy;

/// A failure of one pass. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such control plane object.
    #[error(
        "KonnectGatewayControlPlane {name} does not exist in this namespace; create it, or correct spec.target.controlPlaneRef"
    )]
    ControlPlaneNotFound {
        /// Name of the reference.
        name: String,
    },
    /// The control plane is not there yet.
    #[error("KonnectGatewayControlPlane {name} is not programmed yet: {message}")]
    NotProgrammed {
        /// Name of the object.
        name: String,
        /// Message of its condition.
        message: String,
    },
    /// Kong's operator owns the control plane and has not made it yet.
    #[error(
        "KonnectGatewayControlPlane {name} is not programmed yet: {message}. This operator runs with --konnect-kinds=read-only and does not write it: look at Kong's operator"
    )]
    LeftToKong {
        /// Name of the object.
        name: String,
        /// Message of its condition.
        message: String,
    },
    /// The control plane is on its way out.
    #[error(
        "KonnectGatewayControlPlane {name} is being deleted, and nothing more is written into its control plane; delete this migration too \
         (with spec.deletionPolicy DeleteMigrated what it created goes first), or, once {name} is gone, apply it again for a new one"
    )]
    ControlPlaneDeleting {
        /// Name of the object.
        name: String,
    },
    /// The control plane cannot hold entities of its own.
    #[error(
        "KonnectGatewayControlPlane {name} is of type {cluster_type}, which takes no entities; name one of type CLUSTER_TYPE_CONTROL_PLANE"
    )]
    ClusterType {
        /// Name of the object.
        name: String,
        /// Its type.
        cluster_type: String,
    },
    /// Konnect cannot be called.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The manifest names no source. Its schema forbids that.
    #[error("neither spec.source.adminAPI nor an entry in spec.source.declarativeConfig is set")]
    NoSource,
    /// The schema of a custom plugin.
    #[error("spec.customPlugins, {name}: {source}")]
    CustomPlugin {
        /// Name of the plugin.
        name: String,
        /// What is wrong with its ConfigMap.
        source: Box<ConfigMapError>,
    },
    /// A ConfigMap of the source.
    #[error(transparent)]
    ConfigMap(#[from] ConfigMapError),
    /// A Secret of the source.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The Secret with the Admin token says to which hosts it may go, and this is none of them.
    #[error(
        "Secret {namespace}/{name} lists in its annotation {HOSTS} where it may be sent, and {host} is not among them: {problem}; correct \
         spec.source.adminAPI.url, or add the host there"
    )]
    SecretNotForHost {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// Host of the Admin API.
        host: String,
        /// What the annotation says.
        problem: String,
    },
    /// TLS settings of the source that cannot be used.
    #[error("spec.source.adminAPI.tls: {0}")]
    Tls(#[from] TransportError),
    /// URL or token of the source that cannot be used.
    #[error("spec.source.adminAPI: {0}")]
    Source(#[from] InvalidClient),
    /// Decisions of the spec that cannot be used.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// The backup cannot be stored.
    #[error("the backup is not stored: {}{}", chain(.0), next_for_backup(.0))]
    Backup(#[source] ArtefactError),
    /// The ledger cannot be stored or read.
    #[error("the list of what was written: {}{}", chain(.0), next_for_ledger(.0))]
    Ledger(#[source] ArtefactError),
    /// What is stored as the ledger is none.
    #[error(
        "Secret {name} is not the list of what this migration wrote: {problem}; restore it, or delete it to go on without it: rollback and prune then know nothing of what was written before"
    )]
    LedgerInvalid {
        /// Name of the Secret.
        name: String,
        /// What is wrong.
        problem: LedgerError,
    },
    /// There was a ledger, and it is gone.
    #[error(
        "Secret {name}, the list of what was written, is gone, so it is not known what to undo. Restore it, or undo by hand what the backup tells"
    )]
    LedgerGone {
        /// Name of the Secret.
        name: String,
    },
    /// What was migrated cannot be deleted now, and the finalizer stays.
    #[error(
        "spec.deletionPolicy is DeleteMigrated, and what was migrated is not deleted yet: {}. To let go and leave it in the control plane, set spec.deletionPolicy to Orphan, or annotate the object with gatewaymigration.dev/force-delete=true",
        chain(.0)
    )]
    Deletion(#[source] Box<Error>),
    /// Reading or writing failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The Kubernetes API failed.
    #[error("the Kubernetes API: {}", chain(.0))]
    Kubernetes(#[from] kube::Error),
}

impl Error {
    /// The side whose condition turns false.
    pub fn side(&self) -> Option<Side> {
        match self {
            Self::ControlPlaneNotFound { .. }
            | Self::NotProgrammed { .. }
            | Self::LeftToKong { .. }
            | Self::ControlPlaneDeleting { .. }
            | Self::ClusterType { .. }
            | Self::Session(_) => Some(Side::Target),
            Self::NoSource
            | Self::ConfigMap(_)
            | Self::Secret(_)
            | Self::SecretNotForHost { .. }
            | Self::Tls(_)
            | Self::Source(_) => Some(Side::Source),
            Self::Engine(error) => Some(error.side()),
            Self::Deletion(error) => error.side(),
            Self::Policy(_)
            | Self::CustomPlugin { .. }
            | Self::Backup(_)
            | Self::Ledger(_)
            | Self::LedgerInvalid { .. }
            | Self::LedgerGone { .. }
            | Self::Kubernetes(_) => None,
        }
    }

    /// The control plane is not there: no object, one without a control plane yet, or one that is being deleted.
    pub fn is_target_missing(&self) -> bool {
        matches!(
            self,
            Self::ControlPlaneNotFound { .. }
                | Self::NotProgrammed { .. }
                | Self::LeftToKong { .. }
                | Self::ControlPlaneDeleting { .. }
                | Self::Session(SessionError::NotFound { .. })
        )
    }
}

impl ReconcileError for Error {
    fn class(&self) -> Class {
        match self {
            Self::ControlPlaneNotFound { .. } => Class::MissingReference,
            Self::NotProgrammed { .. } | Self::LeftToKong { .. } | Self::ControlPlaneDeleting { .. } => {
                Class::DependencyNotReady
            }
            Self::ClusterType { .. } | Self::NoSource | Self::Tls(_) | Self::Source(_) | Self::Policy(_) => {
                Class::Invalid
            }
            Self::Session(error) => error.class(),
            Self::Secret(SecretError::NotPermitted { .. } | SecretError::ClustersOwn { .. })
            | Self::SecretNotForHost { .. } => Class::Refused,
            Self::Secret(SecretError::Api { source, .. }) => source.class(),
            Self::Secret(_) => Class::MissingReference,
            Self::ConfigMap(error) => config_map_class(error),
            Self::CustomPlugin { source, .. } => config_map_class(source),
            Self::Engine(engine::Error::Remote { error, .. }) => remote_class(error),
            // A workspace can be made in Kong at any time, and nothing in the cluster tells.
            Self::Engine(engine::Error::WorkspaceNotFound { .. }) => Class::MissingReference,
            // A new control plane object is what goes on, and its coming is watched.
            Self::Engine(engine::Error::ControlPlaneGone { .. }) => Class::DependencyNotReady,
            Self::Engine(engine::Error::NoWorkspaces { .. } | engine::Error::Declarative(_)) => {
                Class::Invalid
            }
            Self::Engine(engine::Error::WithoutId { .. } | engine::Error::KindMissing { .. }) => {
                Class::Transient
            }
            Self::Backup(error) | Self::Ledger(error) => artefact_class(error),
            Self::LedgerInvalid { .. } | Self::LedgerGone { .. } => Class::Refused,
            Self::Deletion(error) => error.class(),
            Self::Kubernetes(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ControlPlaneNotFound { .. } => reason::CONTROL_PLANE_NOT_FOUND,
            Self::NotProgrammed { .. } => reason::NOT_PROGRAMMED,
            Self::LeftToKong { .. } => reason::READ_ONLY,
            Self::ControlPlaneDeleting { .. } => reason::CONTROL_PLANE_DELETING,
            Self::ClusterType { .. } => reason::CLUSTER_TYPE_NOT_SUPPORTED,
            Self::Session(error) => error.reason(),
            Self::NoSource | Self::Source(_) | Self::Policy(_) => reason::INVALID_SPEC,
            Self::Secret(SecretError::Missing { .. }) => reason::SECRET_NOT_FOUND,
            Self::Secret(SecretError::KeyMissing { .. } | SecretError::NotText { .. }) | Self::Tls(_) => {
                reason::INVALID_SECRET
            }
            Self::Secret(SecretError::NotPermitted { .. } | SecretError::ClustersOwn { .. })
            | Self::SecretNotForHost { .. } => reason::SECRET_NOT_PERMITTED,
            Self::Secret(SecretError::Api { source, .. }) => source.reason(),
            Self::ConfigMap(error) => config_map_reason(error),
            Self::CustomPlugin { source, .. } => config_map_reason(source),
            Self::Engine(engine::Error::Declarative(_)) => reason::INVALID_DECLARATIVE_CONFIG,
            Self::Engine(engine::Error::Remote { side, error }) => remote_reason(*side, error),
            Self::Engine(engine::Error::ControlPlaneGone { .. }) => reason::GONE,
            Self::Engine(engine::Error::WorkspaceNotFound { .. } | engine::Error::NoWorkspaces { .. }) => {
                reason::WORKSPACE_NOT_FOUND
            }
            Self::Engine(engine::Error::WithoutId { .. } | engine::Error::KindMissing { .. }) => {
                reason::SOURCE_INVALID_ANSWER
            }
            Self::Backup(ArtefactError::TooLarge { .. }) | Self::Ledger(ArtefactError::TooLarge { .. }) => {
                reason::BACKUP_TOO_LARGE
            }
            Self::Ledger(ArtefactError::Damaged { .. } | ArtefactError::OfAnother { .. })
            | Self::LedgerInvalid { .. }
            | Self::LedgerGone { .. } => reason::LEDGER_UNREADABLE,
            Self::Deletion(_) => reason::DELETION_BLOCKED,
            Self::Backup(_) | Self::Ledger(_) => reason::BACKUP_REFUSED,
            Self::Kubernetes(error) => error.reason(),
        }
    }
}

/// Turns the condition of the side that failed.
pub(super) fn report_failed_side(error: &Error, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let type_ = match error.side() {
        Some(Side::Source) => SOURCE_READY,
        Some(Side::Target) => TARGET_READY,
        None => return,
    };
    draft.conditions.set(type_, False, error.reason(), chain(error));
    if type_ == TARGET_READY {
        draft.status.checkpoint_mut().target_missing = error.is_target_missing();
    }
    if draft.status.phase.is_none() {
        draft.status.phase = Some(Phase::Pending);
    }
}

/// Both sides could not be read: what was found before is not known to hold any more.
pub(super) fn mark_unchecked(error: &Error, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let message = match error.side() {
        Some(_) => "Source and target could not both be read.",
        None => "There is no plan to check.",
    };
    draft
        .conditions
        .set(PREFLIGHT_PASSED, Unknown, reason::NOT_CHECKED, message);
}

fn artefact_class(error: &ArtefactError) -> Class {
    match error {
        ArtefactError::Kubernetes { source, .. } => source.class(),
        ArtefactError::TooLarge { .. }
        | ArtefactError::Taken { .. }
        | ArtefactError::OfAnother { .. }
        | ArtefactError::Damaged { .. } => Class::Refused,
        ArtefactError::Missing { .. } | ArtefactError::Compress(_) => Class::Transient,
    }
}

/// What to do about a backup that is not stored.
fn next_for_backup(error: &ArtefactError) -> &'static str {
    match error {
        ArtefactError::TooLarge { .. } => {
            "; set spec.backupPolicy to BeforeImages to save only what is overwritten, and dump the control plane by other means first"
        }
        other => next_for_ledger(other),
    }
}

fn next_for_ledger(error: &ArtefactError) -> &'static str {
    match error {
        ArtefactError::Kubernetes { .. } => {
            "; let the operator create and patch Secrets in this namespace, and leave room for them in its ResourceQuota"
        }
        ArtefactError::Damaged { .. } => {
            "; restore them, or delete them to go on without: rollback and prune then know nothing of what was written before"
        }
        ArtefactError::TooLarge { .. } => "; split the migration by spec.source.select",
        ArtefactError::Taken { .. }
        | ArtefactError::OfAnother { .. }
        | ArtefactError::Missing { .. }
        | ArtefactError::Compress(_) => "",
    }
}

fn config_map_class(error: &ConfigMapError) -> Class {
    match error {
        ConfigMapError::Api { source, .. } => source.class(),
        ConfigMapError::Missing { .. } | ConfigMapError::KeyMissing { .. } => Class::MissingReference,
    }
}

fn config_map_reason(error: &ConfigMapError) -> &'static str {
    match error {
        ConfigMapError::Missing { .. } => reason::CONFIG_MAP_NOT_FOUND,
        ConfigMapError::KeyMissing { .. } => reason::INVALID_CONFIG_MAP,
        ConfigMapError::Api { source, .. } => source.reason(),
    }
}

/// A migration reads and writes whole collections, so what concerns one entity never gets here.
fn remote_class(error: &http::Error) -> Class {
    match error.failure() {
        Failure::Throttled { retry_after } => Class::Throttled(*retry_after),
        Failure::Unauthorized | Failure::Forbidden => Class::Unauthorized,
        Failure::HostNotAllowed => Class::Blocked,
        // An address that answers something else, or refuses to be read, may be a proxy or a server in trouble: it may pass.
        Failure::Unreachable
        | Failure::Fenced
        | Failure::Timeout
        | Failure::Server
        | Failure::Garbage
        | Failure::Tls
        | Failure::NotFound
        | Failure::Conflict { .. }
        | Failure::NotAnId
        | Failure::Rejected(_) => Class::Transient,
    }
}

fn remote_reason(side: Side, error: &http::Error) -> &'static str {
    match (side, error.failure()) {
        (_, Failure::HostNotAllowed) => reason::HOST_NOT_ALLOWED,
        (Side::Source, Failure::Unauthorized | Failure::Forbidden) => reason::SOURCE_UNAUTHORIZED,
        (
            Side::Source,
            Failure::Garbage
            | Failure::NotAnId
            | Failure::NotFound
            | Failure::Rejected(_)
            | Failure::Conflict { .. },
        ) => reason::SOURCE_INVALID_ANSWER,
        (
            Side::Source,
            Failure::Unreachable
            | Failure::Fenced
            | Failure::Timeout
            | Failure::Server
            | Failure::Tls
            | Failure::Throttled { .. },
        ) => reason::SOURCE_UNREACHABLE,
        (Side::Target, Failure::Unauthorized | Failure::Forbidden) => reason::TARGET_UNAUTHORIZED,
        (
            Side::Target,
            Failure::Unreachable
            | Failure::Fenced
            | Failure::Timeout
            | Failure::Server
            | Failure::Tls
            | Failure::Throttled { .. }
            | Failure::NotAnId
            | Failure::Garbage
            | Failure::NotFound
            | Failure::Rejected(_)
            | Failure::Conflict { .. },
        ) => reason::KONNECT_API_OP_FAILED,
    }
}
