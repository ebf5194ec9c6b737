//! Looks for the control plane in Konnect. Reads only.

use kube::ResourceExt;

use super::{desired::is_made_by, validate::Wanted};
use crate::{
    api::{
        annotations::Adopt, conditions::reason, konnect_gateway_control_plane::KonnectGatewayControlPlane,
        names::konnect_labels,
    },
    http,
    kong::konnect::{self, ControlPlane, Filter},
    kong::model::ClusterType,
};

/// What Konnect holds for one manifest.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FoundControlPlane {
    /// The one that the status names, or that carries our UID.
    Known(ControlPlane),
    /// One that the annotation allows to take over, and that was not ours before.
    Adoptable(ControlPlane),
    /// None, and the name is free.
    Nothing,
    /// Something that forbids to go on.
    Refused(ControlPlaneRefusal),
}

/// Why nothing is made and nothing is taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ControlPlaneRefusal {
    /// Another control plane has the name.
    #[error(
        "a control plane named {name:?} exists in Konnect already (id {id}); change the name, or take that one over with the annotation gatewaymigration.dev/adopt: name"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The other's id.
        id: String,
    },
    /// The one that was ours is gone.
    #[error(
        "the control plane {id} does not exist in Konnect any more, and with it all it held; it is not made again by itself. Delete this object and apply it again for a new one, or name another with the annotation gatewaymigration.dev/adopt"
    )]
    Gone {
        /// Its id.
        id: String,
    },
    /// The one to take over does not exist.
    #[error(
        "the control plane {id} to adopt does not exist in Konnect; correct the annotation gatewaymigration.dev/adopt"
    )]
    NothingToAdopt {
        /// Its id.
        id: String,
    },
    /// The one to take over is of another type.
    #[error(
        "the control plane {id} to adopt is of type {cluster_type}, which takes no entities; correct the annotation gatewaymigration.dev/adopt"
    )]
    AdoptType {
        /// Its id.
        id: String,
        /// Its type.
        cluster_type: String,
    },
    /// The one to take over belongs to another object.
    #[error(
        "the control plane {id} to adopt belongs to the Kubernetes object {owner}; one control plane has one owner. Correct the annotation gatewaymigration.dev/adopt"
    )]
    AdoptOwned {
        /// Its id.
        id: String,
        /// Namespace and name, or UID, of its owner.
        owner: String,
    },
    /// Several carry our UID.
    #[error(
        "several control planes in Konnect carry the UID of this object ({}); delete all but one of them there", ids.join(", ")
    )]
    Ambiguous {
        /// Their ids.
        ids: Vec<String>,
    },
}

impl ControlPlaneRefusal {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NameTaken { .. } => reason::NAME_TAKEN,
            Self::Gone { .. } => reason::GONE,
            Self::NothingToAdopt { .. } | Self::AdoptType { .. } | Self::AdoptOwned { .. } => {
                reason::FAILED_TO_ADOPT
            }
            Self::Ambiguous { .. } => reason::KONNECT_API_OP_FAILED,
        }
    }
}

/// Looks by the id in status, by our UID label, by the annotation, and by the name, in this order.
pub(super) async fn fetch(
    client: &konnect::Client,
    object: &KonnectGatewayControlPlane,
    wanted: &Wanted,
) -> Result<FoundControlPlane, http::Error> {
    let known_id = object.status.as_ref().and_then(|status| status.id.clone());
    if let Some(id) = &known_id
        && let Some(current) = client.get_control_plane(id).await?
    {
        return Ok(FoundControlPlane::Known(current));
    }
    if let Some(found) = fetch_by_uid(client, object).await? {
        return Ok(found);
    }
    if let Some(Adopt::ById(id)) = wanted.adopt {
        let id = id.to_string();
        // The annotation still names the one that is gone: that is no consent to anything new.
        if known_id.as_ref() != Some(&id) {
            let current = client.get_control_plane(&id).await?;
            return Ok(current.map_or(
                FoundControlPlane::Refused(ControlPlaneRefusal::NothingToAdopt { id }),
                |current| judge(object, current),
            ));
        }
    }
    if let Some(id) = known_id {
        return Ok(FoundControlPlane::Refused(ControlPlaneRefusal::Gone { id }));
    }
    Ok(match fetch_by_name(client, &wanted.request.name).await? {
        None => FoundControlPlane::Nothing,
        Some(current) if wanted.adopt == Some(Adopt::ByName) => judge(object, current),
        Some(current) => FoundControlPlane::Refused(ControlPlaneRefusal::NameTaken {
            name: current.name,
            id: current.id,
        }),
    })
}

/// The one that carries our UID: made by us although the status does not know it, after a crash or a restore.
pub(super) async fn fetch_by_uid(
    client: &konnect::Client,
    object: &KonnectGatewayControlPlane,
) -> Result<Option<FoundControlPlane>, http::Error> {
    let filter = Filter::label(konnect_labels::UID, object.uid().unwrap_or_default());
    let mut found = client.list_control_planes(&filter).await?;
    Ok(match found.len() {
        0 => None,
        1 => found.pop().map(FoundControlPlane::Known),
        _ => Some(FoundControlPlane::Refused(ControlPlaneRefusal::Ambiguous {
            ids: found.into_iter().map(|one| one.id).collect(),
        })),
    })
}

/// The one that has the name.
pub(super) async fn fetch_by_name(
    client: &konnect::Client,
    name: &str,
) -> Result<Option<ControlPlane>, http::Error> {
    Ok(client.list_control_planes(&Filter::name(name)).await?.pop())
}

/// Whether a control plane that the annotation names may be taken over. Pure.
fn judge(object: &KonnectGatewayControlPlane, current: ControlPlane) -> FoundControlPlane {
    let id = current.id.clone();
    if current.config.cluster_type != ClusterType::ControlPlane {
        let cluster_type = current.config.cluster_type.to_string();
        return FoundControlPlane::Refused(ControlPlaneRefusal::AdoptType { id, cluster_type });
    }
    if is_made_by(&current, object) {
        return FoundControlPlane::Known(current);
    }
    match current.labels.get(konnect_labels::UID) {
        Some(uid) => FoundControlPlane::Refused(ControlPlaneRefusal::AdoptOwned {
            id,
            owner: owner(&current, uid),
        }),
        None => FoundControlPlane::Adoptable(current),
    }
}

fn owner(current: &ControlPlane, uid: &str) -> String {
    match (
        current.labels.get(konnect_labels::NAMESPACE),
        current.labels.get(konnect_labels::NAME),
    ) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        _ => uid.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> KonnectGatewayControlPlane {
        serde_json::from_value(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2",
            "kind": "KonnectGatewayControlPlane",
            "metadata": {"name": "inventory", "namespace": "kong", "uid": "own-uid"},
            "spec": {"name": "inventory"},
        }))
        .unwrap()
    }

    fn control_plane(cluster_type: &str, labels: serde_json::Value) -> ControlPlane {
        serde_json::from_value(json!({
            "id": "id", "name": "inventory", "labels": labels,
            "config": {
                "control_plane_endpoint": "https://a", "telemetry_endpoint": "https://b",
                "cluster_type": cluster_type, "auth_type": "pinned_client_certs",
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_free_control_plane_may_be_adopted() {
        let free = control_plane("CLUSTER_TYPE_CONTROL_PLANE", json!({"team": "stock"}));
        assert_eq!(judge(&object(), free.clone()), FoundControlPlane::Adoptable(free));
    }

    #[test]
    fn one_that_carries_our_uid_is_known_already() {
        let own = control_plane("CLUSTER_TYPE_CONTROL_PLANE", json!({"k8s-uid": "own-uid"}));
        assert_eq!(judge(&object(), own.clone()), FoundControlPlane::Known(own));
    }

    #[test]
    fn one_of_another_object_or_type_is_refused() {
        let labels = json!({"k8s-uid": "other", "k8s-name": "sales", "k8s-namespace": "kong"});
        let owned = control_plane("CLUSTER_TYPE_CONTROL_PLANE", labels);
        let expected = ControlPlaneRefusal::AdoptOwned {
            id: "id".to_owned(),
            owner: "kong/sales".to_owned(),
        };
        assert_eq!(judge(&object(), owned), FoundControlPlane::Refused(expected));
        let group = control_plane("CLUSTER_TYPE_CONTROL_PLANE_GROUP", json!({}));
        assert!(matches!(
            judge(&object(), group),
            FoundControlPlane::Refused(ControlPlaneRefusal::AdoptType { .. })
        ));
    }
}
