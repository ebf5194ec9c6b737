//! Opens Konnect for an object that names a `KonnectAPIAuthConfiguration`, and reports that in Kong's two conditions.

use kube::ResourceExt;

use super::{
    super::runtime::context::Context,
    super::runtime::error::{Class, ReconcileError},
    credentials::{LabelDemand, TokenError, fetch_token, worked_before},
};
use crate::{
    api::{
        conditions::{API_AUTH_RESOLVED_REF, API_AUTH_VALID, RESOLVED_REFS, reason},
        konnect_api_auth_configuration::KonnectAPIAuthConfiguration,
        refs::AuthRef,
    },
    http::InvalidToken,
    k8s::{
        by_name,
        conditions::{ConditionSet, ConditionStatus, find},
        secrets::ReadVersions,
    },
    kong::konnect::{self, InvalidServerUrl, ServerUrl},
};

/// Konnect, as one object may use it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Calls count against the budget of its server and token.
    pub client: konnect::Client,
    /// Id of the organisation.
    pub organization_id: String,
    /// The server, with https.
    pub server_url: String,
    /// The Secret that the token was read from, if it was one: to be watched by whoever must notice a new token.
    pub token_read: ReadVersions,
}

/// How far the last check of the token has to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The token must be known to be accepted.
    Accepted,
    /// The same, or a token that was accepted before and lacks nothing but a label: for undoing what was written with it.
    UsedBefore,
    /// Any token will do: for clean-up, which has to end also when the check cannot be made.
    Any,
}

/// Why Konnect cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No reference at all.
    #[error("spec.konnect.authRef is missing; name the KonnectAPIAuthConfiguration to use")]
    NoReference,
    /// A reference into another namespace.
    #[error(
        "spec.konnect.authRef points into the namespace {namespace:?}, which nothing permits; use a KonnectAPIAuthConfiguration in this namespace"
    )]
    OtherNamespace {
        /// The other namespace.
        namespace: String,
    },
    /// Nothing by that name.
    #[error("KonnectAPIAuthConfiguration {namespace}/{name} does not exist; create it")]
    NotFound {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// Not checked yet.
    #[error(
        "KonnectAPIAuthConfiguration {namespace}/{name} has not been checked yet; this goes on by itself"
    )]
    NotChecked {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// Checked and not accepted.
    #[error("KonnectAPIAuthConfiguration {namespace}/{name} has no token that can be used: {why}")]
    NotAccepted {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// As its condition says it, with what to do.
        why: String,
    },
    /// Its server URL.
    #[error(transparent)]
    ServerUrl(#[from] InvalidServerUrl),
    /// Its token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A token that cannot be sent.
    #[error(transparent)]
    Unusable(#[from] InvalidToken),
    /// The API server.
    #[error("the KonnectAPIAuthConfiguration could not be read")]
    Kubernetes(#[from] kube::Error),
}

impl ReconcileError for SessionError {
    fn class(&self) -> Class {
        match self {
            Self::NoReference => Class::Invalid,
            Self::OtherNamespace { .. } => Class::Refused,
            Self::NotFound { .. } => Class::MissingReference,
            Self::NotChecked { .. } | Self::NotAccepted { .. } => Class::DependencyNotReady,
            // Whose defects these are is for the other object to say; this one waits for it.
            Self::ServerUrl(_) | Self::Unusable(_) => Class::DependencyNotReady,
            Self::Token(error) if error.is_passing() => error.class(),
            Self::Token(error) if error.class() == Class::MissingReference => Class::MissingReference,
            Self::Token(_) => Class::DependencyNotReady,
            Self::Kubernetes(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoReference => reason::REF_INVALID,
            Self::OtherNamespace { .. } => reason::REF_NOT_PERMITTED,
            Self::NotFound { .. } => reason::REF_NOT_FOUND,
            Self::NotChecked { .. } => reason::PENDING,
            Self::NotAccepted { .. } | Self::ServerUrl(_) | Self::Token(_) | Self::Unusable(_) => {
                reason::INVALID
            }
            Self::Kubernetes(error) => error.reason(),
        }
    }
}

/// Opens Konnect through the referenced object, which has to be in `namespace`.
pub async fn open(
    context: &Context,
    namespace: &str,
    auth_ref: Option<&AuthRef>,
    trust: Trust,
) -> Result<Session, SessionError> {
    let name = referenced(namespace, auth_ref)?;
    let api = context.namespaced::<KonnectAPIAuthConfiguration>(namespace);
    let auth = by_name::get_opt(&api, name)
        .await?
        .ok_or_else(|| SessionError::NotFound {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })?;
    let worked_before = worked_before(&auth);
    match trust {
        Trust::Accepted => require_accepted(&auth)?,
        Trust::UsedBefore if worked_before && lacks_label(&auth) => {}
        Trust::UsedBefore => require_accepted(&auth)?,
        Trust::Any => {}
    }
    let server_url = ServerUrl::parse(&auth.spec.server_url)?;
    let demand = match trust {
        Trust::Any | Trust::UsedBefore if worked_before => LabelDemand::Waived,
        Trust::Any | Trust::UsedBefore | Trust::Accepted => {
            LabelDemand::Asked(context.config.credential_labels)
        }
    };
    let token = fetch_token(&context.client, &auth, demand).await;
    let organization_id = auth
        .status
        .and_then(|status| status.organization_id)
        .unwrap_or_default();
    let secret = token.result?;
    let budget = context.budgets.of(&server_url.authority(), &secret);
    let client = konnect::Client::new(&context.transport, &server_url, &secret, budget)?;
    Ok(Session {
        client,
        organization_id,
        server_url: server_url.with_scheme(),
        token_read: token.read,
    })
}

fn referenced<'a>(namespace: &str, auth_ref: Option<&'a AuthRef>) -> Result<&'a str, SessionError> {
    let auth_ref = auth_ref.ok_or(SessionError::NoReference)?;
    match auth_ref.namespace.as_deref() {
        Some(other) if other != namespace => Err(SessionError::OtherNamespace {
            namespace: other.to_owned(),
        }),
        _ => Ok(&auth_ref.name),
    }
}

fn require_accepted(auth: &KonnectAPIAuthConfiguration) -> Result<(), SessionError> {
    let (namespace, name) = (auth.namespace().unwrap_or_default(), auth.name_any());
    let conditions = auth
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let valid = find(conditions, API_AUTH_VALID);
    match valid.map(|condition| (condition.status.as_str(), condition.message.as_str())) {
        Some(("True", _)) => Ok(()),
        Some(("False", why)) => Err(SessionError::NotAccepted {
            namespace,
            name,
            why: match why {
                "" => "its conditions say no more; look at its token".to_owned(),
                why => why.to_owned(),
            },
        }),
        _ => Err(SessionError::NotChecked { namespace, name }),
    }
}

/// Whether its Secret was refused for nothing but its labels.
fn lacks_label(auth: &KonnectAPIAuthConfiguration) -> bool {
    let status = auth.status.as_ref();
    let conditions = status.map_or(&[][..], |status| &status.conditions);
    find(conditions, RESOLVED_REFS).is_some_and(|told| told.reason == reason::SECRET_NOT_PERMITTED)
}

/// Writes `APIAuthResolvedRef` and `APIAuthValid` for the end of [`open`].
pub fn report(conditions: &mut ConditionSet, result: &Result<Session, SessionError>) {
    let error = match result {
        Ok(_) => {
            let message = "Its token is accepted by Konnect.";
            return set_verdict(conditions, ConditionStatus::True, reason::VALID, message);
        }
        Err(error) => error,
    };
    let message = error.to_string();
    match error {
        SessionError::NoReference | SessionError::OtherNamespace { .. } | SessionError::NotFound { .. } => {
            let reason = error.reason();
            conditions.set(API_AUTH_RESOLVED_REF, ConditionStatus::False, reason, message);
            conditions.remove(API_AUTH_VALID);
        }
        SessionError::NotChecked { .. } => {
            set_verdict(conditions, ConditionStatus::Unknown, reason::PENDING, message);
        }
        // Nothing was learnt.
        SessionError::Token(token) if token.is_passing() => {}
        SessionError::Kubernetes(_) => {}
        SessionError::NotAccepted { .. }
        | SessionError::ServerUrl(_)
        | SessionError::Unusable(_)
        | SessionError::Token(_) => {
            set_verdict(conditions, ConditionStatus::False, reason::INVALID, message);
        }
    }
}

/// The object was found; what it says of its token follows.
fn set_verdict(
    conditions: &mut ConditionSet,
    status: ConditionStatus,
    reason: &str,
    message: impl Into<String>,
) {
    conditions.set(
        API_AUTH_RESOLVED_REF,
        ConditionStatus::True,
        reason::RESOLVED_REF,
        "The KonnectAPIAuthConfiguration was found.",
    );
    conditions.set(API_AUTH_VALID, status, reason, message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;

    fn auth(status: &str) -> KonnectAPIAuthConfiguration {
        serde_json::from_value(json!({
            "apiVersion": "konnect.konghq.com/v1alpha1",
            "kind": "KonnectAPIAuthConfiguration",
            "metadata": {"name": "konnect", "namespace": "kong"},
            "spec": {"type": "token", "token": "kpat_x", "serverURL": "us.api.konghq.com"},
            "status": {"conditions": [{
                "type": "APIAuthValid", "status": status, "reason": "Any", "message": "Secret kong/token does not exist; create it",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }]},
        }))
        .unwrap()
    }

    #[test]
    fn only_an_accepted_token_is_trusted() {
        assert!(require_accepted(&auth("True")).is_ok());
        let refused = require_accepted(&auth("False")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "KonnectAPIAuthConfiguration kong/konnect has no token that can be used: Secret kong/token does not exist; create it"
        );
        assert!(matches!(
            require_accepted(&auth("Unknown")),
            Err(SessionError::NotChecked { .. })
        ));
    }

    #[test]
    fn a_reference_must_stay_in_the_namespace() {
        let elsewhere = AuthRef {
            name: "konnect".to_owned(),
            namespace: Some("other".to_owned()),
        };
        let error = referenced("kong", Some(&elsewhere)).unwrap_err();
        assert_eq!(
            (error.class(), error.reason()),
            (Class::Refused, "RefNotPermitted")
        );
        assert!(matches!(referenced("kong", None), Err(SessionError::NoReference)));
        let same = AuthRef {
            name: "konnect".to_owned(),
            namespace: Some("kong".to_owned()),
        };
        assert_eq!(referenced("kong", Some(&same)).unwrap(), "konnect");
    }

    #[test]
    fn a_reference_that_leads_nowhere_says_nothing_about_a_token() {
        let namespace = "default".to_owned();
        for (error, reason) in [
            (SessionError::NoReference, "RefInvalid"),
            (SessionError::OtherNamespace { namespace }, "RefNotPermitted"),
        ] {
            let mut conditions = ConditionSet::new(&[], 1, Timestamp::UNIX_EPOCH);
            report(&mut conditions, &Err(error));
            let resolved = conditions.get(API_AUTH_RESOLVED_REF).unwrap();
            assert_eq!(
                (resolved.status.as_str(), resolved.reason.as_str()),
                ("False", reason)
            );
            assert!(conditions.get(API_AUTH_VALID).is_none());
        }
    }
}
