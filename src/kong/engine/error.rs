//! Why the pipeline stopped.

use std::fmt;

use crate::{http, kong::declarative};

/// Which side a failure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The Kong Admin API.
    Source,
    /// Konnect.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// A failure that stops the run as a whole; failures of single entities are part of the outcome.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A remote call failed.
    #[error("{side}: {error}")]
    Remote {
        /// Whose call.
        side: Side,
        /// The call's failure.
        error: http::Error,
    },
    /// Somebody has deleted the control plane in Konnect.
    #[error(
        "target: the control plane {id} does not exist in Konnect any more, and with it all it held. Delete its KonnectGatewayControlPlane and apply it again for a new one, into which everything is migrated, or name another"
    )]
    ControlPlaneGone {
        /// Its id.
        id: String,
    },
    /// The source has workspaces, and none of that name.
    #[error("source: there is no workspace {name}; there are {}: name one of them in spec.source.workspace", known.join(", "))]
    WorkspaceNotFound {
        /// The name asked for.
        name: String,
        /// The names there are, at most ten.
        known: Vec<String>,
    },
    /// The source has no workspaces, as an open-source gateway.
    #[error(
        "source: the gateway has no list of workspaces, as an open-source one, so there is no {name}: use default, or check that the URL is the Admin API itself"
    )]
    NoWorkspaces {
        /// The name asked for.
        name: String,
    },
    /// The declarative file is no source.
    #[error("source: {0}")]
    Declarative(#[from] declarative::Error),
    /// The source answers 404 where every gateway has a list.
    #[error(
        "source: there is no list of {kind}, which every gateway has: check that the URL is the Admin API itself"
    )]
    KindMissing {
        /// Kind of the list.
        kind: &'static str,
    },
    /// An entity without an id, or a membership without its ends.
    #[error("{side}: an entry of {kind} has no id: check that the address is the API itself")]
    WithoutId {
        /// Whose list.
        side: Side,
        /// Kind of the list.
        kind: &'static str,
    },
}

impl Error {
    /// A failed call to the source.
    #[must_use]
    pub const fn source(error: http::Error) -> Self {
        Self::Remote {
            side: Side::Source,
            error,
        }
    }

    /// A failed call to the target.
    #[must_use]
    pub const fn target(error: http::Error) -> Self {
        Self::Remote {
            side: Side::Target,
            error,
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn side(&self) -> Side {
        match self {
            Self::Remote { side, .. } | Self::WithoutId { side, .. } => *side,
            Self::ControlPlaneGone { .. } => Side::Target,
            Self::WorkspaceNotFound { .. }
            | Self::NoWorkspaces { .. }
            | Self::Declarative(_)
            | Self::KindMissing { .. } => Side::Source,
        }
    }
}
