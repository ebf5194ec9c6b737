//! Deletion: by default only what this object made and what holds no entities; else a condition that says how to go on.

use std::time::Duration;

use kube::{ResourceExt, api::DynamicObject};

use super::{
    GatewayControlPlane,
    desired::is_made_by,
    error::{ControlPlaneError, Doing},
    fetch::{FoundControlPlane, fetch_by_uid},
};
use crate::{
    api::{
        annotations::{ControlPlaneDeletionPolicy, force_delete},
        conditions::reason,
        events,
        konnect_gateway_control_plane::{KonnectGatewayControlPlane, KonnectGatewayControlPlaneStatus},
        names::finalizers,
    },
    controllers::{
        konnect::session::{self, Trust},
        runtime::{draft::Draft, outcome::Outcome},
    },
    http,
    k8s::{events::Note, finalizer},
    kong::konnect::{self, ControlPlane},
    kong::model::{entity_kind::Listing, entity_kinds::ENTITY_KINDS},
};

/// Somebody may empty the control plane in Konnect, which makes no event in the cluster.
const RECHECK: Duration = Duration::from_secs(60);

impl GatewayControlPlane {
    /// Does what the policy says, then lets the object go.
    pub(super) async fn clean_up(
        &self,
        object: &KonnectGatewayControlPlane,
        draft: &mut Draft<KonnectGatewayControlPlaneStatus>,
    ) -> Result<Outcome, ControlPlaneError> {
        if !object
            .finalizers()
            .iter()
            .any(|name| name == finalizers::KONNECT_CLEANUP)
        {
            return Ok(Outcome::Gone);
        }
        let annotations = object.annotations();
        let policy = match ControlPlaneDeletionPolicy::from_annotations(annotations) {
            Ok(policy) => policy,
            Err(error) => return Ok(Outcome::blocked(reason::DELETION_BLOCKED, error.to_string())),
        };
        if force_delete(annotations) || policy == Some(ControlPlaneDeletionPolicy::Retain) {
            draft.note(Note::normal(
                events::RETAINED,
                "Delete",
                format!("Left {} in Konnect as it is.", name_remote(object)),
            ));
            return self.let_go(object).await;
        }
        let client = self.open_for_clean_up(object).await?;
        let current = match fetch_own(&client, object)
            .await
            .map_err(|error| Doing::Read.failed(error))?
        {
            FoundControlPlane::Known(current) | FoundControlPlane::Adoptable(current) => current,
            FoundControlPlane::Nothing => return self.let_go(object).await,
            FoundControlPlane::Refused(refusal) => {
                return Ok(
                    Outcome::blocked(reason::DELETION_BLOCKED, refusal.to_string()).again_after(RECHECK)
                );
            }
        };
        if policy.is_none()
            && let Some(obstacle) = self.obstacle(&client, object, &current).await?
        {
            return Ok(Outcome::blocked(reason::DELETION_BLOCKED, obstacle).again_after(RECHECK));
        }
        client
            .delete_control_plane(&current.id)
            .await
            .map_err(|error| Doing::Delete.failed(error))?;
        draft.note(Note::normal(
            events::DELETED,
            "Delete",
            format!("Deleted the control plane {} in Konnect.", current.id),
        ));
        self.let_go(object).await
    }

    async fn let_go(&self, object: &KonnectGatewayControlPlane) -> Result<Outcome, ControlPlaneError> {
        let api = self.context.namespaced(&object.namespace().unwrap_or_default());
        finalizer::remove(&api, object, finalizers::KONNECT_CLEANUP).await?;
        Ok(Outcome::Gone)
    }

    /// Any token will do: clean-up has to end also while the token cannot be checked.
    async fn open_for_clean_up(
        &self,
        object: &KonnectGatewayControlPlane,
    ) -> Result<konnect::Client, ControlPlaneError> {
        let auth_ref = object.spec.konnect.as_ref().map(|konnect| &konnect.auth_ref);
        let namespace = object.namespace().unwrap_or_default();
        session::open(&self.context, &namespace, auth_ref, Trust::Any)
            .await
            .map(|session| session.client)
            .map_err(|source| ControlPlaneError::CleanUp {
                what: name_remote(object),
                source,
            })
    }

    /// Why the default policy does not delete this control plane.
    async fn obstacle(
        &self,
        client: &konnect::Client,
        object: &KonnectGatewayControlPlane,
        current: &ControlPlane,
    ) -> Result<Option<String>, ControlPlaneError> {
        const CHOOSE: &str = "set the annotation gatewaymigration.dev/deletion-policy to Retain to leave it there, or to Delete to delete it with all it holds";
        let id = &current.id;
        if !is_made_by(current, object) {
            return Ok(Some(format!(
                "The control plane {id} was adopted, not made here; {CHOOSE}."
            )));
        }
        let held = fetch_held(client, id)
            .await
            .map_err(|error| Doing::Read.failed(error))?;
        Ok((!held.is_empty()).then(|| {
            format!(
                "The control plane {id} still holds entities ({}); {CHOOSE}.",
                held.join(", ")
            )
        }))
    }
}

/// Whether the annotations leave the control plane as it is, whatever the manifest says.
pub(super) fn leaves_all(stored: &DynamicObject) -> bool {
    let annotations = stored.annotations();
    force_delete(annotations)
        || ControlPlaneDeletionPolicy::from_annotations(annotations)
            == Ok(Some(ControlPlaneDeletionPolicy::Retain))
}

/// The control plane to delete: by the id in status, else by our UID label. One that somebody else deleted is no more.
async fn fetch_own(
    client: &konnect::Client,
    object: &KonnectGatewayControlPlane,
) -> Result<FoundControlPlane, http::Error> {
    if let Some(id) = object.status.as_ref().and_then(|status| status.id.as_deref())
        && let Some(current) = client.get_control_plane(id).await?
    {
        return Ok(FoundControlPlane::Known(current));
    }
    Ok(fetch_by_uid(client, object)
        .await?
        .unwrap_or(FoundControlPlane::Nothing))
}

/// The kinds of which the control plane holds anything. How many is not asked: this look comes back every minute, and a list has pages
/// without end.
async fn fetch_held(client: &konnect::Client, id: &str) -> Result<Vec<&'static str>, http::Error> {
    let mut held = Vec::new();
    for kind in ENTITY_KINDS {
        // What is listed below something else falls with it.
        let Some(Listing::Flat(path)) = kind.target else {
            continue;
        };
        if client.holds_any(id, path).await? {
            held.push(kind.name);
        }
    }
    Ok(held)
}

fn name_remote(object: &KonnectGatewayControlPlane) -> String {
    match object.status.as_ref().and_then(|status| status.id.as_deref()) {
        Some(id) => format!("the control plane {id}"),
        None => "the control plane, if one was made,".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_annotation_lets_go_of_what_cannot_be_read() {
        let stored = |annotations| -> DynamicObject {
            serde_json::from_value(json!({"metadata": {"name": "x", "annotations": annotations}})).unwrap()
        };
        for (annotations, leaves) in [
            (json!({}), false),
            (json!({"gatewaymigration.dev/deletion-policy": "Delete"}), false),
            (json!({"gatewaymigration.dev/deletion-policy": "Retain"}), true),
            (json!({"gatewaymigration.dev/force-delete": "true"}), true),
        ] {
            assert_eq!(leaves_all(&stored(annotations)), leaves);
        }
    }
}
