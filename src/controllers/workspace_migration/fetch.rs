//! Finds the target of a migration: the control plane with its Konnect client.

use kube::ResourceExt;

use super::error::Error;
use crate::api::conditions::PROGRAMMED;
use crate::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use crate::api::workspace_migration::{TargetStatus, WorkspaceMigration};
use crate::config::KonnectKinds;
use crate::controllers::konnect::session::{self, Trust};
use crate::controllers::runtime::context::Context;
use crate::k8s::by_name;
use crate::k8s::secrets::ReadVersions;
use crate::kong::konnect;
use crate::kong::model::ClusterType;

/// The control plane as a migration needs it.
pub struct FoundTarget {
    /// Client of its organisation.
    pub client: konnect::Client,
    /// Id in Konnect.
    pub id: String,
    /// What goes into status.
    pub status: TargetStatus,
    /// The Secret of the token, to be watched.
    pub token_read: ReadVersions,
    /// The object is being deleted: what was written may be undone, and nothing else.
    pub is_deleting: bool,
}

/// The control plane of a migration, ready to be written unless it is being deleted.
///
/// # Errors
/// When it does not exist, is not programmed, takes no entities, or its token may not be used.
pub async fn fetch_target(
    context: &Context,
    migration: &WorkspaceMigration,
    trust: Trust,
) -> Result<FoundTarget, Error> {
    let namespace = migration.namespace().unwrap_or_default();
    let name = migration.spec.target.control_plane_ref.name.clone();
    let api = context.namespaced::<KonnectGatewayControlPlane>(&namespace);
    let found = by_name::get_opt(&api, &name).await?;
    let Some(control_plane) = found else {
        return Err(Error::ControlPlaneNotFound { name });
    };
    let id = usable_id(&name, &control_plane, context.config.konnect_kinds)?;
    let auth_ref = control_plane
        .spec
        .konnect
        .as_ref()
        .map(|konnect| &konnect.auth_ref);
    let session = session::open(context, &namespace, auth_ref, trust).await?;
    let status = TargetStatus {
        control_plane_id: Some(id.clone()),
        cluster_type: cluster_type(&control_plane).map(|found| found.as_str().to_owned()),
    };
    Ok(FoundTarget {
        client: session.client,
        id,
        status,
        token_read: session.token_read,
        is_deleting: control_plane.metadata.deletion_timestamp.is_some(),
    })
}

/// Id of a control plane that takes entities and is there.
fn usable_id(
    name: &str,
    control_plane: &KonnectGatewayControlPlane,
    kinds: KonnectKinds,
) -> Result<String, Error> {
    let name = name.to_owned();
    let takes_none = |found: &ClusterType| *found != ClusterType::ControlPlane;
    if let Some(cluster_type) = cluster_type(control_plane).filter(takes_none) {
        return Err(Error::ClusterType {
            name,
            cluster_type: cluster_type.as_str().to_owned(),
        });
    }
    programmed_id(control_plane).ok_or_else(|| {
        let message = condition_message(control_plane, PROGRAMMED);
        match kinds {
            KonnectKinds::Own => Error::NotProgrammed { name, message },
            KonnectKinds::ReadOnly => Error::LeftToKong { name, message },
        }
    })
}

/// As Konnect reports it, else as the manifest asks for it.
fn cluster_type(control_plane: &KonnectGatewayControlPlane) -> Option<ClusterType> {
    let reported = control_plane
        .status
        .as_ref()
        .and_then(|status| status.cluster_type.as_deref());
    reported
        .map(ClusterType::from)
        .or_else(|| Some(control_plane.spec.effective_request()?.cluster_type()))
}

fn programmed_id(control_plane: &KonnectGatewayControlPlane) -> Option<String> {
    let status = control_plane.status.as_ref()?;
    let programmed = status
        .conditions
        .iter()
        .any(|c| c.type_ == PROGRAMMED && c.status == "True");
    status.id.clone().filter(|id| programmed && !id.is_empty())
}

fn condition_message(control_plane: &KonnectGatewayControlPlane, type_: &str) -> String {
    let conditions = control_plane
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let found = conditions.iter().find(|condition| condition.type_ == type_);
    found.map_or_else(
        || "it has not been looked at yet".to_owned(),
        |condition| condition.message.clone(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::controllers::runtime::error::{Class, ReconcileError as _};

    fn control_plane(request: Value, status: Value) -> KonnectGatewayControlPlane {
        serde_json::from_value(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectGatewayControlPlane", "metadata": {"name": "sales"},
            "spec": {"createControlPlaneRequest": request}, "status": status,
        }))
        .unwrap()
    }

    fn programmed(status: &str, id: Value) -> Value {
        json!({"id": id, "conditions": [{
            "type": "Programmed", "status": status, "reason": "Any", "message": "the name is taken",
            "lastTransitionTime": "2026-11-21T12:00:00Z",
        }]})
    }

    fn id(request: Value, status: Value, kinds: KonnectKinds) -> Result<String, Error> {
        usable_id("sales", &control_plane(request, status), kinds)
    }

    #[test]
    fn a_programmed_control_plane_can_be_written() {
        let found = id(
            json!({"name": "sales"}),
            programmed("True", json!("one")),
            KonnectKinds::Own,
        );
        assert_eq!(found.unwrap(), "one");
    }

    #[test]
    fn one_that_takes_no_entities_stalls_the_migration_whoever_says_so() {
        for (request, status) in [
            (
                json!({"name": "sales", "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}),
                json!({}),
            ),
            (
                json!({"name": "sales"}),
                json!({"clusterType": "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER"}),
            ),
        ] {
            let error = id(request, status, KonnectKinds::Own).unwrap_err();
            assert_eq!(
                (error.class(), error.reason()),
                (Class::Invalid, "ClusterTypeNotSupported")
            );
            assert!(
                error
                    .to_string()
                    .contains("name one of type CLUSTER_TYPE_CONTROL_PLANE"),
                "{error}"
            );
        }
    }

    #[test]
    fn one_that_is_not_there_yet_is_waited_for_and_says_what_it_says() {
        for (status, says) in [
            (json!({}), "it has not been looked at yet"),
            (programmed("False", json!("one")), "the name is taken"),
            (programmed("True", json!(null)), "the name is taken"),
            (programmed("True", json!("")), "the name is taken"),
        ] {
            for (kinds, reason) in [
                (KonnectKinds::Own, "NotProgrammed"),
                (KonnectKinds::ReadOnly, "ReadOnly"),
            ] {
                let error = id(json!({"name": "sales"}), status.clone(), kinds).unwrap_err();
                assert_eq!(
                    (error.class(), error.reason()),
                    (Class::DependencyNotReady, reason)
                );
                assert!(error.to_string().contains(says), "{error}");
            }
        }
    }
}
