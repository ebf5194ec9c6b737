//! Finds the token of a `KonnectAPIAuthConfiguration`: in the object itself, or in one Secret read by name.

use k8s_openapi::api::core::v1::Secret;
use kube::{Client, Resource, ResourceExt};
use secrecy::SecretString;

use super::super::runtime::{
    error::{Class, ReconcileError},
    labels::Unlabelled,
};
use crate::{
    api::{
        conditions::{RESOLVED_REFS, reason},
        konnect_api_auth_configuration::{ApiAuthType, KonnectAPIAuthConfiguration, TOKEN_KEY},
    },
    config::CredentialLabels,
    k8s::{
        conditions::find,
        secret_use::{self, SecretUse},
        secrets::{self, ReadVersions, SecretError, SecretKey},
    },
};

/// Where the token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// In the object.
    Inline,
    /// In this Secret, under the key [`TOKEN_KEY`].
    Secret(SecretKey),
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Type `token` without a token; admission refuses that, so the object is older than its definition.
    #[error("spec.token is empty; write the token there, or set spec.type to secretRef")]
    NoToken,
    /// Type `secretRef` without a name.
    #[error("spec.secretRef names no Secret; set spec.secretRef.name")]
    NoName,
    /// The Secret is in another namespace.
    #[error(
        "spec.secretRef points into the namespace {namespace:?}, which nothing permits; put the Secret {name:?} into this object's namespace and leave spec.secretRef.namespace out"
    )]
    OtherNamespace {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
    },
    /// The Secret, or what is in it.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl ReconcileError for TokenError {
    fn class(&self) -> Class {
        match self {
            Self::NoToken | Self::NoName => Class::Invalid,
            Self::OtherNamespace { .. }
            | Self::Secret(SecretError::NotPermitted { .. } | SecretError::ClustersOwn { .. }) => {
                Class::Refused
            }
            Self::Secret(
                SecretError::Missing { .. } | SecretError::KeyMissing { .. } | SecretError::NotText { .. },
            ) => Class::MissingReference,
            Self::Secret(SecretError::Api { source, .. }) => source.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoToken | Self::NoName => reason::REF_INVALID,
            Self::OtherNamespace { .. } => reason::REF_NOT_PERMITTED,
            Self::Secret(SecretError::NotPermitted { .. } | SecretError::ClustersOwn { .. }) => {
                reason::SECRET_NOT_PERMITTED
            }
            Self::Secret(SecretError::Missing { .. }) => reason::SECRET_NOT_FOUND,
            Self::Secret(SecretError::KeyMissing { .. } | SecretError::NotText { .. }) => {
                reason::INVALID_SECRET
            }
            Self::Secret(SecretError::Api { source, .. }) => source.reason(),
        }
    }
}

impl TokenError {
    /// True when the reference could not be followed just now, which says nothing about the reference itself.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Secret(SecretError::Api { .. }))
    }

    /// True when the Secret may be there and good, and only lacks the label of its use.
    pub fn is_unlabelled(&self) -> bool {
        matches!(self, Self::Secret(SecretError::NotPermitted { .. }))
    }
}

/// Where the object says its token is.
pub fn token_source(auth: &KonnectAPIAuthConfiguration) -> Result<TokenSource, TokenError> {
    if auth.spec.type_ == ApiAuthType::Token {
        return Ok(TokenSource::Inline);
    }
    let reference = auth.spec.secret_ref.clone().unwrap_or_default();
    let name = reference
        .name
        .filter(|name| !name.is_empty())
        .ok_or(TokenError::NoName)?;
    let own = auth.namespace().unwrap_or_default();
    match reference.namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) if namespace != own => Err(TokenError::OtherNamespace { namespace, name }),
        _ => Ok(TokenSource::Secret(SecretKey { namespace: own, name })),
    }
}

/// A token, or why there is none, and which Secrets were read on the way: they are to be watched in either case.
pub struct Token {
    /// The token.
    pub result: Result<SecretString, TokenError>,
    /// The Secrets.
    pub read: ReadVersions,
    /// Those of them that no label permits.
    pub unlabelled: Unlabelled,
}

/// Whether the label of a Konnect token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelDemand {
    /// As the operator's flag says.
    Asked(CredentialLabels),
    /// No: for clean-up with a Secret that was used before labels were asked for.
    Waived,
}

/// Whether the present spec's Secret was read and its token accepted: what was written with it may be cleaned up with it, labelled or not.
/// The condition speaks of a generation; another Secret is another generation.
pub fn worked_before(auth: &KonnectAPIAuthConfiguration) -> bool {
    let Some(status) = &auth.status else { return false };
    let told = find(&status.conditions, RESOLVED_REFS);
    let told_of_this = told.is_some_and(|told| told.observed_generation == auth.metadata.generation);
    told_of_this && status.organization_id.is_some()
}

/// Reads the token now.
pub async fn fetch_token(client: &Client, auth: &KonnectAPIAuthConfiguration, demand: LabelDemand) -> Token {
    let mut unlabelled = Unlabelled::default();
    let (result, read) = match token_source(auth) {
        Err(error) => (Err(error), ReadVersions::new()),
        Ok(TokenSource::Inline) => (inline(auth), ReadVersions::new()),
        Ok(TokenSource::Secret(key)) => match secrets::get(client, &key).await {
            Ok(found) => (
                take(found.as_ref(), &key, demand, &mut unlabelled).map_err(TokenError::from),
                ReadVersions::from([(key, version(found.as_ref()))]),
            ),
            Err(error) => (Err(error.into()), ReadVersions::from([(key, None)])),
        },
    };
    Token {
        result,
        read,
        unlabelled,
    }
}

fn take(
    found: Option<&Secret>,
    key: &SecretKey,
    demand: LabelDemand,
    unlabelled: &mut Unlabelled,
) -> Result<SecretString, SecretError> {
    let checked = secret_use::check(found, key, SecretUse::KonnectToken);
    match demand {
        LabelDemand::Asked(rule) => unlabelled.admit(rule, checked)?,
        // Nobody is told: the object goes.
        LabelDemand::Waived => Unlabelled::default().admit(CredentialLabels::Warn, checked)?,
    }
    secrets::text(found, key, TOKEN_KEY)
}

fn inline(auth: &KonnectAPIAuthConfiguration) -> Result<SecretString, TokenError> {
    let token = auth
        .spec
        .token
        .as_ref()
        .map(|token| token.expose().trim())
        .unwrap_or_default();
    if token.is_empty() {
        Err(TokenError::NoToken)
    } else {
        Ok(SecretString::from(token))
    }
}

fn version(secret: Option<&Secret>) -> Option<String> {
    secret?.meta().resource_version.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn auth(spec: Value) -> KonnectAPIAuthConfiguration {
        serde_json::from_value(json!({
            "apiVersion": "konnect.konghq.com/v1alpha1",
            "kind": "KonnectAPIAuthConfiguration",
            "metadata": {"name": "konnect", "namespace": "kong"},
            "spec": spec,
        }))
        .unwrap()
    }

    fn by_secret(reference: Value) -> KonnectAPIAuthConfiguration {
        auth(json!({"type": "secretRef", "serverURL": "us.api.konghq.com", "secretRef": reference}))
    }

    #[test]
    fn the_secret_is_in_the_namespace_of_the_object() {
        let key = SecretKey {
            namespace: "kong".to_owned(),
            name: "token".to_owned(),
        };
        for reference in [
            json!({"name": "token"}),
            json!({"name": "token", "namespace": "kong"}),
        ] {
            assert_eq!(
                token_source(&by_secret(reference)).unwrap(),
                TokenSource::Secret(key.clone())
            );
        }
    }

    #[test]
    fn a_secret_elsewhere_is_refused() {
        let error = token_source(&by_secret(json!({"name": "token", "namespace": "other"}))).unwrap_err();
        assert_eq!(
            (error.class(), error.reason()),
            (Class::Refused, "RefNotPermitted")
        );
    }

    #[test]
    fn a_reference_without_a_name_is_invalid() {
        let error = token_source(&by_secret(json!({}))).unwrap_err();
        assert_eq!((error.class(), error.reason()), (Class::Invalid, "RefInvalid"));
    }

    #[test]
    fn an_empty_inline_token_is_invalid() {
        let empty = auth(json!({"type": "token", "token": " ", "serverURL": "us.api.konghq.com"}));
        assert_eq!(token_source(&empty).unwrap(), TokenSource::Inline);
        assert!(matches!(inline(&empty), Err(TokenError::NoToken)));
    }
}
