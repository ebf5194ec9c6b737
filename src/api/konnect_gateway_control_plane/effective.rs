//! The one place that knows about the inline form (v1alpha1) and the nested form (v1alpha2) of a control plane.

use super::{CreateControlPlaneRequest, KonnectGatewayControlPlaneSpec};
use crate::kong::model::ClusterType;

impl CreateControlPlaneRequest {
    /// Type of the control plane to make.
    pub fn cluster_type(&self) -> ClusterType {
        self.cluster_type
            .as_deref()
            .map_or(ClusterType::ControlPlane, ClusterType::from)
    }
}

impl KonnectGatewayControlPlaneSpec {
    /// The control plane to make, whichever form the manifest has: equal values in either form give equal requests.
    ///
    /// `None` when neither form is there, as with source Mirror.
    pub fn effective_request(&self) -> Option<CreateControlPlaneRequest> {
        self.create_control_plane_request
            .clone()
            .or_else(|| self.inline_request())
    }

    fn inline_request(&self) -> Option<CreateControlPlaneRequest> {
        Some(CreateControlPlaneRequest {
            name: self.name.clone()?,
            description: self.description.clone(),
            cluster_type: self.cluster_type.clone(),
            auth_type: self.auth_type.clone(),
            cloud_gateway: self.cloud_gateway,
            proxy_urls: self.proxy_urls.clone(),
            labels: self.labels.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(json: Value) -> KonnectGatewayControlPlaneSpec {
        serde_json::from_value(json).unwrap()
    }

    fn all_fields() -> Value {
        json!({
            "name": "inventory",
            "description": "stock",
            "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE",
            "auth_type": "pinned_client_certs",
            "cloud_gateway": false,
            "proxy_urls": [{"host": "api.example.com", "port": 443, "protocol": "https"}],
            "labels": {"team": "stock"},
        })
    }

    #[test]
    fn inline_and_nested_form_give_the_same_request() {
        let inline = spec(all_fields()).effective_request();
        let nested = spec(json!({"createControlPlaneRequest": all_fields()})).effective_request();
        assert_eq!(inline, nested);
        assert_eq!(serde_json::to_value(inline).unwrap(), all_fields());
    }

    #[test]
    fn a_mirror_has_no_request() {
        let mirror = spec(json!({"source": "Mirror", "mirror": {"konnect": {"id": "x"}}}));
        assert_eq!(mirror.effective_request(), None);
    }

    #[test]
    fn a_control_plane_without_a_type_takes_entities() {
        let request = |cluster_type: Option<&str>| CreateControlPlaneRequest {
            cluster_type: cluster_type.map(str::to_owned),
            ..CreateControlPlaneRequest::default()
        };
        assert_eq!(request(None).cluster_type(), ClusterType::ControlPlane);
        for name in ["CLUSTER_TYPE_CONTROL_PLANE_GROUP", "CLUSTER_TYPE_SERVERLESS"] {
            assert_eq!(request(Some(name)).cluster_type().as_str(), name);
        }
    }
}
