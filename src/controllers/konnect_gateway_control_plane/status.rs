//! What a pass does to status: pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    error::{ControlPlaneError, Doing},
    fetch::ControlPlaneRefusal,
};
use crate::{
    api::{
        conditions::{API_AUTH_VALID, PROGRAMMED, reason},
        events,
        konnect_gateway_control_plane::{KonnectEndpoints, KonnectGatewayControlPlaneStatus},
    },
    controllers::{
        konnect::session::Session,
        runtime::{
            draft::Draft,
            error::{Class, ReconcileError},
            outcome::Verdict,
        },
    },
    http::Failure,
    k8s::{conditions::ConditionStatus, events::Note, status::ObjectStatus},
    kong::konnect::ControlPlane,
};

impl ObjectStatus for KonnectGatewayControlPlaneStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }
}

type TargetDraft = Draft<KonnectGatewayControlPlaneStatus>;

/// The control plane is as the manifest says.
pub(super) fn programmed(draft: &mut TargetDraft, session: &Session, current: &ControlPlane) {
    let status = &mut draft.status;
    status.id = Some(current.id.clone());
    status.organization_id = Some(session.organization_id.clone());
    status.server_url = Some(session.server_url.clone());
    status.cluster_type = Some(current.config.cluster_type.to_string());
    status.konnect_endpoints = Some(KonnectEndpoints {
        control_plane: current.config.control_plane_endpoint.clone(),
        telemetry: current.config.telemetry_endpoint.clone(),
    });
    draft.conditions.set(
        PROGRAMMED,
        ConditionStatus::True,
        reason::PROGRAMMED,
        "The control plane in Konnect is as this manifest says.",
    );
}

/// The pass ended at something that a person has to change.
pub(super) fn blocked(draft: &mut TargetDraft, verdict: &Verdict) {
    if verdict.reason != reason::DELETION_BLOCKED {
        draft.conditions.set(
            PROGRAMMED,
            ConditionStatus::False,
            verdict.reason,
            verdict.message.clone(),
        );
    }
}

/// A vanished control plane is worth an event of its own: data planes are affected. Told once, not at every look.
pub(super) fn note_refusal(draft: &mut TargetDraft, refusal: &ControlPlaneRefusal) {
    let told = draft
        .conditions
        .get(PROGRAMMED)
        .is_some_and(|before| before.reason == reason::GONE);
    if matches!(refusal, ControlPlaneRefusal::Gone { .. }) && !told {
        draft.note(Note::warning(
            events::CONTROL_PLANE_GONE,
            "Read",
            refusal.to_string(),
        ));
    }
}

/// The pass failed. What is known to exist stays programmed unless Konnect refused the manifest itself.
pub(super) fn failed(draft: &mut TargetDraft, error: &ControlPlaneError) {
    let exists = draft.status.id.is_some();
    match error {
        ControlPlaneError::Konnect { doing, source } => {
            if *source.failure() == Failure::Unauthorized {
                draft.conditions.set(
                    API_AUTH_VALID,
                    ConditionStatus::False,
                    reason::INVALID,
                    source.to_string(),
                );
            }
            let refused = error.class() == Class::Invalid && *doing != Doing::Delete;
            if refused || !exists {
                let why = if refused {
                    error.reason()
                } else {
                    reason::KONNECT_API_OP_FAILED
                };
                draft
                    .conditions
                    .set(PROGRAMMED, ConditionStatus::False, why, source.to_string());
            }
        }
        ControlPlaneError::Session(source) if !exists => draft.conditions.set(
            PROGRAMMED,
            ConditionStatus::False,
            reason::CONDITION_WITH_STATUS_FALSE_EXISTS,
            source.to_string(),
        ),
        ControlPlaneError::Session(_)
        | ControlPlaneError::Kubernetes(_)
        | ControlPlaneError::CleanUp { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        controllers::konnect::session::SessionError,
        http::{self, error::Parts},
        kong::konnect::product::KONNECT,
    };

    /// A call for something that failed.
    fn call(doing: Doing, status: u16, failure: Failure) -> ControlPlaneError {
        doing.failed(http::Error::new(Parts {
            product: &KONNECT,
            method: "GET".to_owned(),
            host: "us.api.konghq.com".to_owned(),
            path: "/v2/control-planes".to_owned(),
            status: Some(status),
            failure,
            detail: None,
            instance: None,
            retry_after: None,
            not_executed: false,
        }))
    }

    fn refused() -> Failure {
        Failure::Rejected(Vec::new())
    }

    /// A control plane that is programmed already, or not made yet.
    fn known(exists: bool) -> TargetDraft {
        let mut draft = TargetDraft::new(None, 1, Timestamp::UNIX_EPOCH);
        if exists {
            draft.status.id = Some("one".to_owned());
            draft
                .conditions
                .set(PROGRAMMED, ConditionStatus::True, reason::PROGRAMMED, "");
            draft
                .conditions
                .set(API_AUTH_VALID, ConditionStatus::True, reason::VALID, "");
        }
        draft
    }

    /// `status reason` of a condition after a failure.
    fn after(exists: bool, error: &ControlPlaneError, type_: &str) -> String {
        let mut draft = known(exists);
        failed(&mut draft, error);
        let told = draft.conditions.get(type_);
        told.map_or_else(String::new, |told| format!("{} {}", told.status, told.reason))
    }

    #[test]
    fn what_exists_stays_programmed_unless_the_manifest_is_refused() {
        for (exists, error, programmed) in [
            (false, call(Doing::Create, 400, refused()), "False FailedToCreate"),
            (true, call(Doing::Update, 400, refused()), "False FailedToUpdate"),
            (true, call(Doing::Delete, 400, refused()), "True Programmed"),
            (true, call(Doing::Read, 503, Failure::Server), "True Programmed"),
            (
                false,
                call(Doing::Read, 503, Failure::Server),
                "False KonnectAPIOpFailed",
            ),
            (
                true,
                call(Doing::Read, 401, Failure::Unauthorized),
                "True Programmed",
            ),
            (
                true,
                ControlPlaneError::Session(SessionError::NoReference),
                "True Programmed",
            ),
            (
                false,
                ControlPlaneError::Session(SessionError::NoReference),
                "False ConditionWithStatusFalseExists",
            ),
        ] {
            assert_eq!(after(exists, &error, PROGRAMMED), programmed, "{error:?}");
        }
    }

    #[test]
    fn only_a_token_that_konnect_refuses_is_told_of_the_token() {
        let unauthorized = call(Doing::Read, 401, Failure::Unauthorized);
        assert_eq!(after(true, &unauthorized, API_AUTH_VALID), "False Invalid");
        let failing = call(Doing::Read, 503, Failure::Server);
        assert_eq!(after(true, &failing, API_AUTH_VALID), "True Valid");
    }

    #[test]
    fn a_verdict_of_deletion_says_nothing_of_being_programmed() {
        for (why, programmed) in [
            (reason::DELETION_BLOCKED, "True Programmed"),
            (reason::NAME_TAKEN, "False NameTaken"),
        ] {
            let mut draft = known(true);
            let verdict = Verdict {
                reason: why,
                message: String::new(),
                again: None,
            };
            blocked(&mut draft, &verdict);
            let told = draft.conditions.get(PROGRAMMED).unwrap();
            assert_eq!(format!("{} {}", told.status, told.reason), programmed);
        }
    }

    #[test]
    fn a_vanished_control_plane_is_told_once() {
        let gone = ControlPlaneRefusal::Gone { id: "one".to_owned() };
        let mut draft = known(true);
        note_refusal(&mut draft, &gone);
        assert_eq!(draft.notes().len(), 1);
        draft
            .conditions
            .set(PROGRAMMED, ConditionStatus::False, reason::GONE, "");
        let mut later = TargetDraft::new(Some(&draft.to_status()), 1, Timestamp::UNIX_EPOCH);
        note_refusal(&mut later, &gone);
        assert!(later.notes().is_empty());
    }
}
