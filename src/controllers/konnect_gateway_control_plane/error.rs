//! How reconciling a control plane fails.

use crate::{
    api::conditions::reason,
    controllers::{
        konnect::session::SessionError,
        runtime::error::{Class, ReconcileError},
    },
    http,
};

/// What was being done in Konnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Looking.
    Read,
    /// Making.
    Create,
    /// Changing.
    Update,
    /// Deleting.
    Delete,
}

impl Doing {
    /// The failure of a call made for this.
    pub(super) fn failed(self, source: http::Error) -> ControlPlaneError {
        ControlPlaneError::Konnect { doing: self, source }
    }
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ControlPlaneError {
    /// Konnect cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A call to Konnect.
    #[error("{source}")]
    Konnect {
        /// What for.
        doing: Doing,
        /// The failure.
        source: http::Error,
    },
    /// A call to the API server.
    #[error("the object could not be written in Kubernetes")]
    Kubernetes(#[from] kube::Error),
    /// Clean-up needs Konnect.
    #[error(
        "{what} cannot be cleaned up in Konnect: {source}. Mend that, or leave it there with the annotation gatewaymigration.dev/force-delete: \"true\""
    )]
    CleanUp {
        /// What would be left behind.
        what: String,
        /// Why.
        source: SessionError,
    },
}

impl ReconcileError for ControlPlaneError {
    fn class(&self) -> Class {
        match self {
            Self::Session(source) | Self::CleanUp { source, .. } => source.class(),
            Self::Konnect { source, .. } => source.class(),
            Self::Kubernetes(source) => source.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Session(source) => source.reason(),
            Self::CleanUp { .. } => reason::DELETION_BLOCKED,
            Self::Kubernetes(source) => source.reason(),
            Self::Konnect { doing, source } => match (source.class(), doing) {
                (Class::Invalid, Doing::Create) => reason::FAILED_TO_CREATE,
                (Class::Invalid, Doing::Update) => reason::FAILED_TO_UPDATE,
                (Class::Invalid, Doing::Delete) => reason::DELETION_BLOCKED,
                _ => ReconcileError::reason(source),
            },
        }
    }
}
