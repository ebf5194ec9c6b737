//! What a check does to status: pure.

use super::error::AuthError;
use crate::{
    api::{
        conditions::{API_AUTH_VALID, RESOLVED_REFS, reason},
        konnect_api_auth_configuration::{
            ApiAuthType, KonnectAPIAuthConfiguration, KonnectApiAuthConfigurationStatus,
        },
    },
    controllers::runtime::{draft::Draft, error::ReconcileError},
    k8s::{
        conditions::{ConditionSet, ConditionStatus},
        status::ObjectStatus,
    },
    kong::konnect::Organization,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

impl ObjectStatus for KonnectApiAuthConfigurationStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }
}

type Auth = KonnectAPIAuthConfiguration;
type AuthDraft = Draft<KonnectApiAuthConfigurationStatus>;

/// The token was found. Kong's condition stands only where there is a reference.
pub(super) fn resolved(draft: &mut AuthDraft, object: &Auth) {
    match object.spec.type_ {
        ApiAuthType::Token => draft.conditions.remove(RESOLVED_REFS),
        ApiAuthType::SecretRef => draft.conditions.set(
            RESOLVED_REFS,
            ConditionStatus::True,
            reason::RESOLVED_REFS,
            "The Secret was read and holds a token.",
        ),
    }
}

/// Konnect accepts the token; returns the sentence for `Ready`.
pub(super) fn accepted(draft: &mut AuthDraft, object: &Auth, organization: &Organization) -> String {
    let place = match object.spec.type_ {
        ApiAuthType::Token => "The token",
        ApiAuthType::SecretRef => "The token from the Secret",
    };
    let message = format!("{place} is accepted by Konnect.");
    draft.status.organization_id = Some(organization.id.clone());
    draft.conditions.set(
        API_AUTH_VALID,
        ConditionStatus::True,
        reason::VALID,
        message.clone(),
    );
    message
}

/// The check failed: a verdict where the token is to blame, else the last known one with a note.
pub(super) fn failed(draft: &mut AuthDraft, object: &Auth, error: &AuthError) {
    // Before it is set anew: whether it is this spec that was looked at before.
    let is_same_spec = draft
        .conditions
        .get(RESOLVED_REFS)
        .is_some_and(|told| told.observed_generation == Some(draft.conditions.generation()));
    match error {
        AuthError::Token(token) if object.spec.type_ == ApiAuthType::SecretRef && !token.is_passing() => {
            draft.conditions.set(
                RESOLVED_REFS,
                ConditionStatus::False,
                token.reason(),
                token.to_string(),
            );
        }
        AuthError::Token(_)
        | AuthError::ServerUrl(_)
        | AuthError::Unusable(_)
        | AuthError::NoIdentityApi { .. }
        | AuthError::Konnect(_) => {}
    }
    // A Secret that worked before labels were asked for says nothing else of its token, and is remembered for clean-up
    // (`credentials::worked_before`).
    let only_unlabelled = matches!(error, AuthError::Token(token) if token.is_unlabelled());
    if error.verdict().is_some() && !(only_unlabelled && is_same_spec) {
        draft.status.organization_id = None;
    }
    verdict(&mut draft.conditions, error);
}

fn verdict(conditions: &mut ConditionSet, error: &AuthError) {
    if let Some(why) = error.verdict() {
        conditions.set(API_AUTH_VALID, ConditionStatus::False, why, error.to_string());
        return;
    }
    let known = conditions.get(API_AUTH_VALID).cloned();
    match known.as_ref().map(|known| known.status.as_str()) {
        Some("True") => conditions.set(
            API_AUTH_VALID,
            ConditionStatus::True,
            reason::VALID,
            format!("The token was accepted when last checked; the check could not be repeated: {error}"),
        ),
        Some("False") => conditions.set(
            API_AUTH_VALID,
            ConditionStatus::False,
            reason::INVALID,
            format!("The token was not accepted when last checked; the check could not be repeated: {error}"),
        ),
        _ => conditions.set(
            API_AUTH_VALID,
            ConditionStatus::Unknown,
            reason::KONNECT_UNREACHABLE,
            format!("The token could not be checked yet: {error}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controllers::konnect::credentials::TokenError,
        http::{self, Failure, InvalidToken, error::Parts},
        k8s::secrets::SecretError,
        kong::konnect::{ServerUrl, product::KONNECT},
    };
    use jiff::Timestamp;

    fn set(before: Option<ConditionStatus>, error: &AuthError) -> Condition {
        let mut conditions = ConditionSet::new(&[], 1, Timestamp::UNIX_EPOCH);
        if let Some(status) = before {
            conditions.set(API_AUTH_VALID, status, "Before", "before");
        }
        verdict(&mut conditions, error);
        conditions.get(API_AUTH_VALID).unwrap().clone()
    }

    fn unreadable() -> AuthError {
        let status = kube::core::Status {
            code: 500,
            ..kube::core::Status::default()
        };
        AuthError::Token(TokenError::Secret(SecretError::Api {
            namespace: "kong".to_owned(),
            name: "token".to_owned(),
            source: kube::Error::Api(Box::new(status)),
        }))
    }

    #[test]
    fn what_says_nothing_about_the_token_keeps_the_last_verdict() {
        for (before, status, reason) in [
            (Some(ConditionStatus::True), "True", "Valid"),
            (Some(ConditionStatus::False), "False", "Invalid"),
            (Some(ConditionStatus::Unknown), "Unknown", "KonnectUnreachable"),
            (None, "Unknown", "KonnectUnreachable"),
        ] {
            let after = set(before, &unreadable());
            assert_eq!(
                (after.status.as_str(), after.reason.as_str()),
                (status, reason),
                "{before:?}"
            );
            assert!(after.message.contains("could not be"), "{}", after.message);
        }
    }

    #[test]
    fn a_missing_token_is_a_verdict() {
        let missing = AuthError::Token(TokenError::NoName);
        let after = set(Some(ConditionStatus::True), &missing);
        assert_eq!(
            (after.status.as_str(), after.reason.as_str()),
            ("False", "Invalid")
        );
    }

    /// An answer of Konnect.
    fn answered(status: u16, failure: Failure) -> AuthError {
        AuthError::Konnect(http::Error::new(Parts {
            product: &KONNECT,
            method: "GET".to_owned(),
            host: "global.api.konghq.com".to_owned(),
            path: "/v3/organizations/me".to_owned(),
            status: Some(status),
            failure,
            detail: None,
            instance: None,
            retry_after: None,
            not_executed: false,
        }))
    }

    #[test]
    fn what_speaks_about_the_token_is_a_verdict_and_what_does_not_is_none() {
        let server = ServerUrl::parse("konnect.example.com").unwrap_err();
        for (error, status, reason) in [
            (AuthError::ServerUrl(server), "False", "InvalidServerURL"),
            (AuthError::Unusable(InvalidToken::WhiteSpace), "False", "Invalid"),
            (answered(401, Failure::Unauthorized), "False", "Invalid"),
            (answered(403, Failure::Forbidden), "False", "Invalid"),
            (answered(503, Failure::Server), "True", "Valid"),
            (answered(404, Failure::NotFound), "True", "Valid"),
            (
                answered(429, Failure::Throttled { retry_after: None }),
                "True",
                "Valid",
            ),
        ] {
            let after = set(Some(ConditionStatus::True), &error);
            assert_eq!(
                (after.status.as_str(), after.reason.as_str()),
                (status, reason),
                "{error}"
            );
            assert!(after.message.contains(&error.to_string()), "{}", after.message);
        }
    }

    #[test]
    fn a_verdict_forgets_whose_the_token_was() {
        let mut draft = AuthDraft::new(None, 1, Timestamp::UNIX_EPOCH);
        draft.status.organization_id = Some("one".to_owned());
        let auth: Auth = serde_json::from_value(serde_json::json!({
            "apiVersion": "konnect.konghq.com/v1alpha1", "kind": "KonnectAPIAuthConfiguration", "metadata": {"name": "konnect"},
            "spec": {"type": "token", "token": "kpat_x", "serverURL": "us.api.konghq.com"},
        }))
        .unwrap();
        failed(&mut draft, &auth, &answered(503, Failure::Server));
        assert_eq!(draft.status.organization_id.as_deref(), Some("one"));
        failed(&mut draft, &auth, &answered(403, Failure::Forbidden));
        assert_eq!(draft.status.organization_id, None);
        assert!(answered(403, Failure::Forbidden).to_string().contains("403"));
    }
}
