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
    /// Konnect.
    #[error(transparent)]
    Konnect(#[from] http::Error),
}

impl AuthError {
    /// True when the token is known to be no good; false when nothing was learnt about it.
    pub(super) fn is_verdict(&self) -> bool {
        match self {
            Self::ServerUrl(_) | Self::Unusable(_) => true,
            Self::Token(error) => !error.is_passing(),
            Self::Konnect(error) => error.class() == Class::Unauthorized,
        }
    }
}

impl ReconcileError for AuthError {
    fn class(&self) -> Class {
        match self {
            Self::ServerUrl(_) => Class::Invalid,
            Self::Token(error) => error.class(),
            // The Secret is watched, so a corrected token is seen at once.
            Self::Unusable(_) => Class::DependencyNotReady,
            Self::Konnect(error) => match error.class() {
                // Only 401 and 403 speak about the token; whatever else went wrong may pass.
                Class::Invalid
                | Class::Bug
                | Class::Conflict
                | Class::Refused
                | Class::DependencyNotReady => Class::Transient,
                class @ (Class::Transient | Class::Throttled(_) | Class::Unauthorized) => class,
            },
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ServerUrl(_) => reason::INVALID_SERVER_URL,
            Self::Token(error) => error.reason(),
            Self::Unusable(_) => reason::INVALID_SECRET,
            Self::Konnect(error) if error.class() == Class::Unauthorized => reason::INVALID,
            Self::Konnect(_) => reason::KONNECT_UNREACHABLE,
        }
    }
}
