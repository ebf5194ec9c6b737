//! How a check fails.

use crate::{
    api::conditions::reason,
    controllers::{
        konnect::credentials::TokenError,
        runtime::error::{Class, ReconcileError},
    },
    http::{self, InvalidToken},
    kong::konnect::InvalidServerUrl,
};

/// Why a token could not be checked, or is not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthError {
    /// `spec.serverURL`, which cannot be changed.
    #[error("{0}; spec.serverURL cannot be changed, so delete this object and apply a corrected one")]
    ServerUrl(#[from] InvalidServerUrl),
    /// No token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A token that cannot be sent.
    #[error(transparent)]
    Unusable(#[from] InvalidToken),
    /// The server that was asked does not know the identity API.
    #[error(
        "{source}; the token check is a call to Konnect's identity API, which {host} does not serve: start the operator with \
         --konnect-global URL, the address at which it answers GET /v3/organizations/me"
    )]
    NoIdentityApi {
        /// The host that was asked.
        host: String,
        /// What it answered.
        source: http::Error,
    },
    /// Konnect.
    #[error(transparent)]
    Konnect(#[from] http::Error),
}

impl AuthError {
    /// Why the token is known to be no good, as a reason; none when nothing was learnt about it.
    pub(super) fn verdict(&self) -> Option<&'static str> {
        let is_verdict = match self {
            Self::ServerUrl(_) => return Some(reason::INVALID_SERVER_URL),
            Self::Unusable(_) => true,
            Self::Token(error) => !error.is_passing(),
            // A server that may not be asked never accepts anything.
            Self::Konnect(error) if error.class() == Class::Blocked => return Some(reason::HOST_NOT_ALLOWED),
            Self::Konnect(error) => error.class() == Class::Unauthorized,
            // It says nothing about the token.
            Self::NoIdentityApi { .. } => false,
        };
        is_verdict.then_some(reason::INVALID)
    }

    /// What an answer of the identity API at `host` means.
    pub(super) fn of_identity(host: &str, source: http::Error) -> Self {
        // Of the edge or of an API behind it: either way the path is not there.
        if source.status() == Some(404) {
            let host = host.to_owned();
            return Self::NoIdentityApi { host, source };
        }
        Self::Konnect(source)
    }
}

impl ReconcileError for AuthError {
    fn class(&self) -> Class {
        match self {
            Self::ServerUrl(_) => Class::Invalid,
            Self::Token(error) => error.class(),
            // The Secret is watched, so a corrected token is seen at once.
            Self::Unusable(_) => Class::MissingReference,
            // Only a restart with another flag can change it, and that begins anew; a server that comes back may.
            Self::NoIdentityApi { .. } => Class::Transient,
            Self::Konnect(error) => match error.class() {
                // Only 401 and 403 speak about the token; whatever else went wrong may pass.
                Class::Invalid
                | Class::Bug
                | Class::Conflict
                | Class::Refused
                | Class::DependencyNotReady
                | Class::MissingReference => Class::Transient,
                class @ (Class::Transient | Class::Throttled(_) | Class::Unauthorized | Class::Blocked) => {
                    class
                }
            },
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ServerUrl(_) => reason::INVALID_SERVER_URL,
            Self::Token(error) => error.reason(),
            Self::Unusable(_) => reason::INVALID_SECRET,
            Self::Konnect(error) if error.class() == Class::Unauthorized => reason::INVALID,
            Self::Konnect(error) if error.class() == Class::Blocked => reason::HOST_NOT_ALLOWED,
            Self::NoIdentityApi { .. } | Self::Konnect(_) => reason::KONNECT_UNREACHABLE,
        }
    }
}
