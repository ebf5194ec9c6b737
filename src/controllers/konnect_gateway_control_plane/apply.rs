//! Writes to Konnect: create, adopt, change. The finalizer stands before each.

use kube::{Resource, ResourceExt, api::ListParams, core::DeserializeGuard};

use super::{
    desired::{build_create, build_patch},
    error::{ControlPlaneError, Doing},
    fetch::{ControlPlaneRefusal, fetch_by_name},
    prepare_write,
    validate::Wanted,
};
use crate::{
    api::{
        events,
        konnect_gateway_control_plane::{KonnectGatewayControlPlane, KonnectGatewayControlPlaneStatus},
    },
    controllers::{
        konnect::session::Session,
        runtime::{context::Context, draft::Draft, outcome::Outcome},
    },
    http::Failure,
    k8s::events::Note,
    kong::konnect::ControlPlane,
};

/// The control plane, or why it is left alone.
type ControlPlaneOrOutcome = Result<ControlPlane, Outcome>;

fn refuse(refusal: &ControlPlaneRefusal) -> Outcome {
    Outcome::blocked(refusal.reason(), refusal.to_string())
}

/// Makes the control plane, with our UID in the same call.
pub(super) async fn create(
    context: &Context,
    session: &Session,
    object: &KonnectGatewayControlPlane,
    wanted: &Wanted,
    draft: &mut Draft<KonnectGatewayControlPlaneStatus>,
) -> Result<ControlPlaneOrOutcome, ControlPlaneError> {
    prepare_write(context, object).await?;
    match session
        .client
        .create_control_plane(&build_create(wanted, object))
        .await
    {
        Ok(created) => {
            draft.note(Note::normal(
                events::CREATED,
                "Create",
                format!(
                    "Made the control plane {} ({}) in Konnect.",
                    created.name, created.id
                ),
            ));
            Ok(Ok(created))
        }
        // Somebody took the name since we looked.
        Err(error) if matches!(error.failure(), Failure::Conflict { .. }) => {
            match fetch_by_name(&session.client, &wanted.request.name).await {
                Ok(Some(other)) => Ok(Err(refuse(&ControlPlaneRefusal::NameTaken {
                    name: other.name,
                    id: other.id,
                }))),
                _ => Err(Doing::Create.failed(error)),
            }
        }
        Err(error) => Err(Doing::Create.failed(error)),
    }
}

/// Takes over a control plane unless another object in this cluster has it already.
pub(super) async fn adopt(
    context: &Context,
    session: &Session,
    object: &KonnectGatewayControlPlane,
    wanted: &Wanted,
    current: ControlPlane,
    draft: &mut Draft<KonnectGatewayControlPlaneStatus>,
) -> Result<ControlPlaneOrOutcome, ControlPlaneError> {
    if let Some(owner) = fetch_owner(context, object, &current.id).await? {
        return Ok(Err(refuse(&ControlPlaneRefusal::AdoptOwned {
            id: current.id,
            owner,
        })));
    }
    draft.note(Note::normal(
        events::ADOPTED,
        "Adopt",
        format!(
            "Took over the control plane {} ({}) in Konnect.",
            current.name, current.id
        ),
    ));
    update(context, session, object, wanted, current, draft)
        .await
        .map(Ok)
}

/// Removes the differences between manifest and Konnect; writes nothing when there are none.
pub(super) async fn update(
    context: &Context,
    session: &Session,
    object: &KonnectGatewayControlPlane,
    wanted: &Wanted,
    current: ControlPlane,
    draft: &mut Draft<KonnectGatewayControlPlaneStatus>,
) -> Result<ControlPlane, ControlPlaneError> {
    // Also at steady state: a replace from Git drops finalizers that are not in it.
    prepare_write(context, object).await?;
    // The id counts from here on, whatever becomes of the rest.
    draft.status.id = Some(current.id.clone());
    let patch = build_patch(wanted, object, &current);
    if patch.is_empty() {
        return Ok(current);
    }
    let patched = session
        .client
        .patch_control_plane(&current.id, &patch)
        .await
        .map_err(|error| Doing::Update.failed(error))?;
    draft.note(Note::normal(
        events::UPDATED,
        "Update",
        format!("Changed the control plane {} in Konnect.", current.id),
    ));
    Ok(patched)
}

/// Namespace and name of the other object whose status holds this id.
async fn fetch_owner(
    context: &Context,
    object: &KonnectGatewayControlPlane,
    id: &str,
) -> Result<Option<String>, kube::Error> {
    let all = context
        .watched::<DeserializeGuard<KonnectGatewayControlPlane>>()
        .list(&ListParams::default())
        .await?;
    Ok(all
        .into_iter()
        .filter_map(|other| other.0.ok())
        .filter(|other| other.meta().uid != object.meta().uid)
        .find(|other| {
            other
                .status
                .as_ref()
                .is_some_and(|status| status.id.as_deref() == Some(id))
        })
        .map(|other| format!("{}/{}", other.namespace().unwrap_or_default(), other.name_any())))
}
