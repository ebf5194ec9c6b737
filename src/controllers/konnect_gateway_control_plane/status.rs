//! What a pass does to status: pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    error::{ControlPlaneError, Doing},
    fetch::Refusal,
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
pub(super) fn note_refusal(draft: &mut TargetDraft, refusal: &Refusal) {
    let told = draft
        .conditions
        .get(PROGRAMMED)
        .is_some_and(|before| before.reason == reason::GONE);
    if matches!(refusal, Refusal::Gone { .. }) && !told {
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
