//! Which control plane an extension means, and whether data planes can join it yet.

use kube::ResourceExt;

use crate::api::{
    conditions::PROGRAMMED,
    konnect_extension::{ExtensionClusterType, ExtensionKonnectStatus, KonnectExtension},
    konnect_gateway_control_plane::KonnectGatewayControlPlane,
    refs::AuthRef,
};
use crate::k8s::conditions::find;
use crate::kong::model::ClusterType;

/// Why an extension has no control plane that data planes can join.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlPlaneFault {
    /// The reference names another namespace.
    #[error(
        "spec.konnect.controlPlane.ref names namespace {namespace:?}, but a KonnectExtension and its control plane must be in the \
         same one; leave the namespace out and create the extension beside KonnectGatewayControlPlane {namespace}/{name}"
    )]
    OtherNamespace {
        /// The namespace that is named.
        namespace: String,
        /// Name of the control plane.
        name: String,
    },
    /// The reference names nothing.
    #[error("spec.konnect.controlPlane.ref names no control plane; set konnectNamespacedRef.name")]
    Unnamed,
    /// There is no such object.
    #[error("KonnectGatewayControlPlane {namespace}/{name} does not exist; create it")]
    Missing {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// It is not, or not any more, a control plane that can be joined.
    #[error("KonnectGatewayControlPlane {name} is not ready for data planes: {why}")]
    NotProgrammed {
        /// Name of the control plane.
        name: String,
        /// What it says about itself, or what it lacks.
        why: String,
    },
    /// It is of a type that this version does not serve.
    #[error(
        "KonnectGatewayControlPlane {name} is of type {cluster_type}, whose data planes need settings that this version does not make; \
         refer to one of type CLUSTER_TYPE_CONTROL_PLANE"
    )]
    NotImplemented {
        /// Name of the control plane.
        name: String,
        /// Konnect's word for the type.
        cluster_type: String,
    },
}

/// The name of the control plane, which is in the extension's own namespace.
///
/// # Errors
/// A reference without a name, or across namespaces.
pub fn referenced_name(extension: &KonnectExtension) -> Result<&str, ControlPlaneFault> {
    let reference = extension
        .spec
        .konnect
        .control_plane
        .reference
        .konnect_namespaced_ref
        .as_ref();
    let reference = reference.ok_or(ControlPlaneFault::Unnamed)?;
    match reference.namespace.as_deref() {
        Some(other) if !other.is_empty() && Some(other) != extension.metadata.namespace.as_deref() => {
            Err(ControlPlaneFault::OtherNamespace {
                namespace: other.to_owned(),
                name: reference.name.clone(),
            })
        }
        _ => Ok(&reference.name),
    }
}

/// What data planes must know about a control plane, once it is programmed.
///
/// # Errors
/// What it lacks.
pub fn joinable(
    control_plane: &KonnectGatewayControlPlane,
) -> Result<ExtensionKonnectStatus, ControlPlaneFault> {
    let name = control_plane.name_any();
    let cluster_type = cluster_type(control_plane)?;
    let not_programmed = |why: &str| ControlPlaneFault::NotProgrammed {
        name: name.clone(),
        why: why.to_owned(),
    };
    if control_plane.metadata.deletion_timestamp.is_some() {
        return Err(not_programmed("it is being deleted"));
    }
    let status = control_plane.status.clone().unwrap_or_default();
    match find(&status.conditions, PROGRAMMED) {
        Some(programmed) if programmed.status == "True" => {}
        Some(programmed) if programmed.message.is_empty() => return Err(not_programmed(&programmed.reason)),
        Some(programmed) => return Err(not_programmed(&programmed.message)),
        None => return Err(not_programmed("no controller has looked at it yet")),
    }
    let control_plane_id = status.id.ok_or_else(|| not_programmed("its status has no id"))?;
    let endpoints = status
        .konnect_endpoints
        .ok_or_else(|| not_programmed("its status has no endpoints"))?;
    let auth_ref = control_plane
        .spec
        .konnect
        .as_ref()
        .map(|konnect| &konnect.auth_ref);
    let auth_ref = auth_ref.ok_or_else(|| not_programmed("it refers to no KonnectAPIAuthConfiguration"))?;
    Ok(ExtensionKonnectStatus {
        control_plane_id,
        cluster_type,
        endpoints,
        auth_ref: Some(with_namespace(auth_ref, control_plane)),
    })
}

/// Groups serve data planes like any control plane; an ingress controller's nodes run without one.
fn cluster_type(
    control_plane: &KonnectGatewayControlPlane,
) -> Result<ExtensionClusterType, ControlPlaneFault> {
    let reported = control_plane
        .status
        .as_ref()
        .and_then(|status| status.cluster_type.as_deref());
    let wanted = || {
        control_plane
            .spec
            .effective_request()
            .map(|request| request.cluster_type())
    };
    match reported
        .map(ClusterType::from)
        .or_else(wanted)
        .unwrap_or(ClusterType::ControlPlane)
    {
        ClusterType::ControlPlane => Ok(ExtensionClusterType::ControlPlane),
        ClusterType::ControlPlaneGroup => Ok(ExtensionClusterType::ControlPlaneGroup),
        other => Err(ControlPlaneFault::NotImplemented {
            name: control_plane.name_any(),
            cluster_type: other.as_str().to_owned(),
        }),
    }
}

/// The reference with its namespace written out: it is kept in the extension's status, where the control plane's own
/// namespace no longer goes without saying.
fn with_namespace(auth_ref: &AuthRef, control_plane: &KonnectGatewayControlPlane) -> AuthRef {
    AuthRef {
        name: auth_ref.name.clone(),
        namespace: auth_ref.namespace.clone().or_else(|| control_plane.namespace()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn extension(reference: Value) -> KonnectExtension {
        serde_json::from_value(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectExtension",
            "metadata": {"name": "edge", "namespace": "kong"},
            "spec": {"konnect": {"controlPlane": {"ref": reference}}},
        }))
        .unwrap()
    }

    fn control_plane() -> Value {
        json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectGatewayControlPlane",
            "metadata": {"name": "inventory", "namespace": "kong"},
            "spec": {"createControlPlaneRequest": {"name": "inventory"}, "konnect": {"authRef": {"name": "konnect"}}},
            "status": {
                "id": "one", "clusterType": "CLUSTER_TYPE_CONTROL_PLANE",
                "konnectEndpoints": {"controlPlane": "https://cp.example.com", "telemetry": "https://tp.example.com"},
                "conditions": [{"type": "Programmed", "status": "True", "reason": "Programmed", "message": "",
                    "lastTransitionTime": "2026-11-21T12:00:00Z"}],
            },
        })
    }

    fn joined(control_plane: Value) -> Result<ExtensionKonnectStatus, ControlPlaneFault> {
        joinable(&serde_json::from_value(control_plane).unwrap())
    }

    #[test]
    fn the_own_namespace_may_be_named_or_left_out() {
        for reference in [
            json!({"name": "inventory"}),
            json!({"name": "inventory", "namespace": "kong"}),
        ] {
            let extension = extension(json!({"konnectNamespacedRef": reference}));
            assert_eq!(referenced_name(&extension), Ok("inventory"));
        }
    }

    #[test]
    fn another_namespace_is_refused_not_ignored() {
        let extension =
            extension(json!({"konnectNamespacedRef": {"name": "inventory", "namespace": "other"}}));
        let fault = referenced_name(&extension).unwrap_err();
        assert!(
            matches!(fault, ControlPlaneFault::OtherNamespace { .. }),
            "{fault}"
        );
        assert!(fault.to_string().contains("other/inventory"), "{fault}");
    }

    #[test]
    fn a_programmed_control_plane_can_be_joined() {
        let found = joined(control_plane()).unwrap();
        assert_eq!(found.control_plane_id, "one");
        assert_eq!(found.cluster_type, ExtensionClusterType::ControlPlane);
        assert_eq!(found.auth_ref.unwrap().namespace.as_deref(), Some("kong"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (pointer, value, said) in [
            ("/status", json!(null), "no controller has looked"),
            ("/status/id", json!(null), "no id"),
            ("/status/konnectEndpoints", json!(null), "no endpoints"),
            ("/status/conditions/0/status", json!("False"), "Programmed"),
            (
                "/status/conditions/0/message",
                json!("name taken"),
                "ready for data planes: ",
            ),
            ("/spec/konnect", json!(null), "KonnectAPIAuthConfiguration"),
        ] {
            let mut object = control_plane();
            *object.pointer_mut(pointer).unwrap() = value;
            if pointer.ends_with("message") {
                object["status"]["conditions"][0]["status"] = json!("False");
            }
            let fault = joined(object).unwrap_err();
            assert!(
                matches!(fault, ControlPlaneFault::NotProgrammed { .. }),
                "{pointer}: {fault}"
            );
            assert!(fault.to_string().contains(said), "{pointer}: {fault}");
        }
    }

    #[test]
    fn a_control_plane_that_goes_away_is_not_joined() {
        let mut object = control_plane();
        object["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:00Z");
        assert!(
            joined(object)
                .unwrap_err()
                .to_string()
                .ends_with("it is being deleted")
        );
    }

    #[test]
    fn a_type_that_comes_later_is_named() {
        let mut object = control_plane();
        object["status"]["clusterType"] = json!("CLUSTER_TYPE_K8S_INGRESS_CONTROLLER");
        let fault = joined(object).unwrap_err();
        assert!(
            matches!(fault, ControlPlaneFault::NotImplemented { .. }),
            "{fault}"
        );
        let mut object = control_plane();
        object["status"]["clusterType"] = json!("CLUSTER_TYPE_CONTROL_PLANE_GROUP");
        assert_eq!(
            joined(object).unwrap().cluster_type,
            ExtensionClusterType::ControlPlaneGroup
        );
    }
}
