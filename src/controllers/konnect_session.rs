//! From a reference to a `KonnectAPIAuthConfiguration` to a client of its organisation: shared by all controllers that call Konnect.

use kube::ResourceExt;
use secrecy::SecretString;

use super::context::Context;
use super::error::{Class, ReconcileError, chain};
use crate::api::conditions::{API_AUTH_VALID, reason};
use crate::api::konnect_api_auth_configuration::{ApiAuthType, KonnectAPIAuthConfiguration, TOKEN_KEY};
use crate::api::refs::AuthRef;
use crate::http::InvalidToken;
use crate::k8s::secrets::{self, SecretError, SecretKey};
use crate::konnect::{self, InvalidServerUrl, ServerUrl};

/// Why Konnect cannot be called. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The reference leads nowhere.
    #[error("KonnectAPIAuthConfiguration {namespace}/{name} does not exist; create it")]
    AuthNotFound {
        /// Namespace of the reference.
        namespace: String,
        /// Name of the reference.
        name: String,
    },
    /// The reference crosses namespaces; nothing can grant that yet.
    #[error(
        "{what} is in namespace {namespace}; references across namespaces are not permitted, move both into one"
    )]
    NotPermitted {
        /// The object referred to.
        what: String,
        /// Its namespace.
        namespace: String,
    },
    /// Konnect refused the token when it was checked.
    #[error("KonnectAPIAuthConfiguration {namespace}/{name} is not valid: {message}")]
    AuthInvalid {
        /// Namespace of the configuration.
        namespace: String,
        /// Name of the configuration.
        name: String,
        /// Message of its condition.
        message: String,
    },
    /// The token has not been checked yet.
    #[error("KonnectAPIAuthConfiguration {namespace}/{name} has not been checked yet")]
    AuthPending {
        /// Namespace of the configuration.
        namespace: String,
        /// Name of the configuration.
        name: String,
    },
    /// The Secret reference has no name.
    #[error(
        "spec.secretRef of KonnectAPIAuthConfiguration {namespace}/{name} has no name; name the Secret that holds the token"
    )]
    SecretUnnamed {
        /// Namespace of the configuration.
        namespace: String,
        /// Name of the configuration.
        name: String,
    },
    /// The token's Secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The server URL is not one of Konnect.
    #[error(transparent)]
    ServerUrl(#[from] InvalidServerUrl),
    /// The token cannot be one.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// The Kubernetes API failed.
    #[error("the Kubernetes API: {}", chain(.0))]
    Kubernetes(#[from] kube::Error),
}

impl ReconcileError for SessionError {
    fn class(&self) -> Class {
        match self {
            Self::AuthNotFound { .. } | Self::AuthPending { .. } | Self::AuthInvalid { .. } => {
                Class::DependencyNotReady
            }
            Self::Secret(SecretError::Api { source, .. }) => source.class(),
            Self::Secret(_) => Class::DependencyNotReady,
            Self::NotPermitted { .. } | Self::SecretUnnamed { .. } | Self::ServerUrl(_) | Self::Token(_) => {
                Class::Invalid
            }
            Self::Kubernetes(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::AuthNotFound { .. } => reason::REF_NOT_FOUND,
            Self::AuthPending { .. } => reason::PENDING,
            Self::AuthInvalid { .. } | Self::Token(_) => reason::INVALID,
            Self::NotPermitted { .. } => reason::REF_NOT_PERMITTED,
            Self::SecretUnnamed { .. } => reason::REF_INVALID,
            Self::Secret(SecretError::Missing { .. }) => reason::SECRET_NOT_FOUND,
            Self::Secret(SecretError::KeyMissing { .. } | SecretError::NotText { .. }) => {
                reason::INVALID_SECRET
            }
            Self::Secret(SecretError::Api { source, .. }) => source.reason(),
            Self::ServerUrl(_) => reason::INVALID_SERVER_URL,
            Self::Kubernetes(error) => error.reason(),
        }
    }
}

/// Where the token of a configuration is, when it is in a Secret of its own namespace.
///
/// # Errors
/// A reference without a name, or into another namespace.
pub fn token_secret(auth: &KonnectAPIAuthConfiguration) -> Result<Option<SecretKey>, SessionError> {
    let (own, own_name) = (auth.namespace().unwrap_or_default(), auth.name_any());
    let (ApiAuthType::SecretRef, Some(reference)) = (auth.spec.type_, &auth.spec.secret_ref) else {
        return Ok(None);
    };
    let Some(name) = reference.name.clone().filter(|name| !name.is_empty()) else {
        return Err(SessionError::SecretUnnamed {
            namespace: own,
            name: own_name,
        });
    };
    match &reference.namespace {
        Some(namespace) if *namespace != own => Err(SessionError::NotPermitted {
            what: format!("Secret {name}"),
            namespace: namespace.clone(),
        }),
        _ => Ok(Some(SecretKey { namespace: own, name })),
    }
}

/// A client for one configuration, whether its token was checked or not. Calls made with it share the organisation's budget once
/// the organisation is known, and a budget of their own before.
///
/// # Errors
/// A token that cannot be read, or a server URL that is not one.
pub async fn client_for(
    context: &Context,
    auth: &KonnectAPIAuthConfiguration,
) -> Result<konnect::Client, SessionError> {
    let server_url = ServerUrl::parse(&auth.spec.server_url)?;
    let token = match (token_secret(auth)?, &auth.spec.token) {
        (Some(secret), _) => {
            let found = secrets::get(&context.client, &secret).await?;
            secrets::text(found.as_ref(), &secret, TOKEN_KEY)?
        }
        (None, token) => SecretString::from(token.as_ref().map_or("", |token| token.expose())),
    };
    let organisation = auth
        .status
        .as_ref()
        .and_then(|status| status.organization_id.clone());
    let unknown = || format!("{}/{}", auth.namespace().unwrap_or_default(), auth.name_any());
    let budget = context.budgets.of(&organisation.unwrap_or_else(unknown));
    Ok(konnect::Client::new(
        &context.transport,
        &server_url,
        &token,
        budget,
    )?)
}

/// The configuration that an object in `namespace` refers to.
///
/// # Errors
/// When there is none, or it is in another namespace.
pub async fn fetch_auth(
    context: &Context,
    namespace: &str,
    reference: &AuthRef,
) -> Result<KonnectAPIAuthConfiguration, SessionError> {
    if let Some(other) = reference.namespace.as_ref().filter(|other| *other != namespace) {
        let what = format!("KonnectAPIAuthConfiguration {}", reference.name);
        return Err(SessionError::NotPermitted {
            what,
            namespace: other.clone(),
        });
    }
    let found = context
        .namespaced::<KonnectAPIAuthConfiguration>(namespace)
        .get_opt(&reference.name)
        .await?;
    found.ok_or_else(|| SessionError::AuthNotFound {
        namespace: namespace.to_owned(),
        name: reference.name.clone(),
    })
}

/// Fails unless Konnect accepted the token when it was last checked.
///
/// # Errors
/// When it was refused, or not checked yet.
pub fn require_valid(auth: &KonnectAPIAuthConfiguration) -> Result<(), SessionError> {
    let (namespace, name) = (auth.namespace().unwrap_or_default(), auth.name_any());
    let conditions = auth.status.as_ref().map_or(&[][..], |status| &status.conditions);
    match conditions
        .iter()
        .find(|condition| condition.type_ == API_AUTH_VALID)
    {
        Some(valid) if valid.status == "True" => Ok(()),
        Some(invalid) if invalid.status == "False" => Err(SessionError::AuthInvalid {
            namespace,
            name,
            message: invalid.message.clone(),
        }),
        _ => Err(SessionError::AuthPending { namespace, name }),
    }
}
