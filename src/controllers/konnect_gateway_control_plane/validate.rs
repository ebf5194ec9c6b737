//! What the manifest asks for, checked before anything is called. Pure.

use crate::{
    api::{
        annotations::{Adopt, ControlPlaneDeletionPolicy, InvalidAnnotation},
        conditions::reason,
        konnect_gateway_control_plane::{
            CreateControlPlaneRequest, EntitySource, KonnectGatewayControlPlane,
        },
    },
    kong::konnect::ControlPlaneProxyUrl,
    kong::model::ClusterType,
};

/// A control plane that this operator can make.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The request, of type CLUSTER_TYPE_CONTROL_PLANE.
    pub request: CreateControlPlaneRequest,
    /// The proxy URLs with checked ports; `None` when the manifest is silent.
    pub proxy_urls: Option<Vec<ControlPlaneProxyUrl>>,
    /// Which existing control plane may be taken over.
    pub adopt: Option<Adopt>,
}

/// Why Konnect is not called at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejection {
    /// Valid, and not done by this version.
    #[error("{0} is not supported by this version; nothing was called. {1}")]
    NotImplemented(&'static str, &'static str),
    /// Konnect would refuse it (control-planes 2.0.2).
    #[error("{0}")]
    Invalid(String),
    /// An annotation.
    #[error(transparent)]
    Annotation(#[from] InvalidAnnotation),
}

impl Rejection {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NotImplemented(..) => reason::NOT_IMPLEMENTED,
            Self::Invalid(_) | Self::Annotation(_) => reason::INVALID_SPEC,
        }
    }
}

/// Checks the manifest and its annotations.
pub(super) fn validate(object: &KonnectGatewayControlPlane) -> Result<Wanted, Rejection> {
    let spec = &object.spec;
    if spec.source == EntitySource::Mirror {
        return Err(Rejection::NotImplemented(
            "source Mirror",
            "Use source Origin with the annotation gatewaymigration.dev/adopt to work with an existing control plane.",
        ));
    }
    let request = spec
        .effective_request()
        .ok_or_else(|| Rejection::Invalid("the manifest names no control plane; set spec.name".to_owned()))?;
    require_supported(
        &request,
        spec.members.as_ref().is_some_and(|members| !members.is_empty()),
    )?;
    require_limits(&request)?;
    let proxy_urls = request.proxy_urls.as_deref().map(proxy_urls).transpose()?;
    let annotations = object.metadata.annotations.clone().unwrap_or_default();
    // Checked now, so that a mistake shows before the object is deleted.
    ControlPlaneDeletionPolicy::from_annotations(&annotations)?;
    let adopt = Adopt::from_annotations(&annotations)?;
    Ok(Wanted {
        request,
        proxy_urls,
        adopt,
    })
}

fn require_supported(request: &CreateControlPlaneRequest, has_members: bool) -> Result<(), Rejection> {
    const USE: &str = "Use cluster_type CLUSTER_TYPE_CONTROL_PLANE.";
    match request.cluster_type() {
        ClusterType::ControlPlane => {}
        ClusterType::ControlPlaneGroup => {
            return Err(Rejection::NotImplemented("a control plane group", USE));
        }
        ClusterType::K8sIngressController => {
            return Err(Rejection::NotImplemented(
                "a control plane for an ingress controller",
                USE,
            ));
        }
        ClusterType::Serverless
        | ClusterType::ServerlessV1
        | ClusterType::KafkaNativeEventProxy
        | ClusterType::Other(_) => return Err(Rejection::NotImplemented("this cluster_type", USE)),
    }
    if has_members {
        return Err(Rejection::NotImplemented(
            "a control plane group",
            "Leave spec.members out.",
        ));
    }
    if request.cloud_gateway == Some(true) {
        return Err(Rejection::NotImplemented(
            "a cloud gateway",
            "Leave cloud_gateway out.",
        ));
    }
    Ok(())
}

fn require_limits(request: &CreateControlPlaneRequest) -> Result<(), Rejection> {
    let name = request.name.chars().count();
    if !(2..=256).contains(&name) {
        return Err(Rejection::Invalid(format!(
            "name has {name} characters; Konnect takes 2 to 256"
        )));
    }
    let description = request
        .description
        .as_ref()
        .map_or(0, |text| text.chars().count());
    if description > 2048 {
        return Err(Rejection::Invalid(format!(
            "description has {description} characters; Konnect takes 2048"
        )));
    }
    match request.auth_type.as_deref() {
        None | Some("pinned_client_certs" | "pki_client_certs") => Ok(()),
        Some(other) => Err(Rejection::Invalid(format!(
            "auth_type is {other:?}; set it to pinned_client_certs or pki_client_certs"
        ))),
    }
}

fn proxy_urls(
    urls: &[crate::api::konnect_gateway_control_plane::ProxyUrl],
) -> Result<Vec<ControlPlaneProxyUrl>, Rejection> {
    if urls.len() > 5 {
        return Err(Rejection::Invalid(format!(
            "there are {} proxy_urls; Konnect takes 5",
            urls.len()
        )));
    }
    urls.iter()
        .map(|url| {
            let port = u16::try_from(url.port)
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| {
                    Rejection::Invalid(format!(
                        "the port of proxy URL {:?} is {}; set it to 1 to 65535",
                        url.host, url.port
                    ))
                })?;
            Ok(ControlPlaneProxyUrl {
                host: url.host.clone(),
                port: port.into(),
                protocol: url.protocol.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(spec: Value, annotations: Value) -> KonnectGatewayControlPlane {
        serde_json::from_value(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2",
            "kind": "KonnectGatewayControlPlane",
            "metadata": {"name": "inventory", "namespace": "kong", "annotations": annotations},
            "spec": spec,
        }))
        .unwrap()
    }

    fn rejection(spec: Value) -> Rejection {
        validate(&object(spec, json!({}))).unwrap_err()
    }

    #[test]
    fn a_plain_control_plane_is_accepted_in_either_form() {
        let inline = validate(&object(json!({"name": "inventory"}), json!({}))).unwrap();
        let nested = validate(&object(
            json!({"createControlPlaneRequest": {"name": "inventory"}}),
            json!({}),
        ))
        .unwrap();
        assert_eq!(inline, nested);
    }

    #[test]
    fn what_comes_later_is_named_and_not_called() {
        for spec in [
            json!({"source": "Mirror", "mirror": {"konnect": {"id": "8a4a2b32-0b0e-4b4c-9d6a-0c1a6f1e2d3c"}}}),
            json!({"name": "group", "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP"}),
            json!({"name": "kic", "cluster_type": "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER"}),
            json!({"name": "group", "members": [{"name": "inventory"}]}),
            json!({"name": "cloud", "cloud_gateway": true}),
        ] {
            let rejection = rejection(spec);
            assert_eq!(rejection.reason(), "NotImplemented", "{rejection}");
        }
    }

    #[test]
    fn what_konnect_would_refuse_is_said_before_the_call() {
        for spec in [
            json!({"name": "x"}),
            json!({"name": "n".repeat(257)}),
            json!({"name": "inventory", "description": "d".repeat(2049)}),
            json!({"name": "inventory", "auth_type": "password"}),
            json!({"name": "inventory", "proxy_urls": [{"host": "a", "port": 70000, "protocol": "https"}]}),
        ] {
            let rejection = rejection(spec);
            assert_eq!(rejection.reason(), "InvalidSpec", "{rejection}");
        }
    }

    #[test]
    fn a_misspelt_annotation_is_said_at_once() {
        let annotations = json!({"gatewaymigration.dev/deletion-policy": "Keep"});
        let rejection = validate(&object(json!({"name": "inventory"}), annotations)).unwrap_err();
        assert_eq!(rejection.reason(), "InvalidSpec");
    }
}
