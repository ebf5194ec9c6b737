//! `KonnectGatewayControlPlane`: a control plane in Konnect. Kong's kind.
//!
//! Kong has the control plane's fields inline in v1alpha1 and below `createControlPlaneRequest` in v1alpha2. Here both
//! versions share one schema that has both places, and CEL demands exactly one of them; read them through
//! [`KonnectGatewayControlPlaneSpec::effective_request`].

mod effective;
mod rules;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{conditions, refs::AuthRef, schema};

/// Spec of a `KonnectGatewayControlPlane`, with the inline and the nested form.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "konnect.konghq.com",
    version = "v1alpha2",
    kind = "KonnectGatewayControlPlane",
    namespaced,
    category = "kong",
    category = "konnect",
    status = "KonnectGatewayControlPlaneStatus",
    derive = "PartialEq",
    doc = "KonnectGatewayControlPlane is a control plane in Konnect: made there (Origin) or only looked at (Mirror).",
    validation = rules::auth_ref_immutable(
        conditions::PROGRAMMED,
        "spec.konnect.authRef is immutable when an entity is already Programmed",
    ),
    validation = rules::auth_ref_immutable(
        conditions::API_AUTH_VALID,
        "spec.konnect.authRef is immutable when an entity refers to a Valid API Auth Configuration",
    ),
    printcolumn(
        name = "Programmed", type_ = "string", description = "The control plane in Konnect is as specified",
        json_path = ".status.conditions[?(@.type=='Programmed')].status"
    ),
    printcolumn(name = "ID", type_ = "string", description = "Id in Konnect", json_path = ".status.id"),
    printcolumn(
        name = "OrgID", type_ = "string", description = "Konnect organisation of the control plane",
        json_path = ".status.organizationID"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = rules::exactly_one_form())]
#[x_kube(validation = rules::no_inline_beside_nested())]
#[x_kube(validation = rules::mirror_has_no_request())]
#[x_kube(validation = rules::cluster_type_known())]
#[x_kube(validation = rules::cluster_type_immutable())]
#[x_kube(validation = rules::members_only_in_groups())]
#[x_kube(validation = rules::no_cloud_gateway_for_ingress())]
#[x_kube(validation = ("self.source == oldSelf.source", "spec.source is immutable"))]
#[x_kube(validation = (
    "self.source == 'Mirror' ? has(self.mirror) : true",
    "mirror field must be set for type Mirror"
))]
#[x_kube(validation = (
    "self.source == 'Origin' ? !has(self.mirror) : true",
    "mirror field cannot be set for type Origin"
))]
pub struct KonnectGatewayControlPlaneSpec {
    /// The control plane to make, in the form of v1alpha2. Not together with the inline fields of v1alpha1.
    #[serde(rename = "createControlPlaneRequest", skip_serializing_if = "Option::is_none")]
    pub create_control_plane_request: Option<CreateControlPlaneRequest>,
    /// Name of the control plane (the form of v1alpha1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Description of the control plane in Konnect (the form of v1alpha1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Type of the control plane (the form of v1alpha1): CLUSTER_TYPE_CONTROL_PLANE, CLUSTER_TYPE_CONTROL_PLANE_GROUP or
    /// CLUSTER_TYPE_K8S_INGRESS_CONTROLLER. It cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_type: Option<String>,
    /// How data planes authenticate (the form of v1alpha1): pinned_client_certs or pki_client_certs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,
    /// Whether cloud gateways may use the control plane (the form of v1alpha1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_gateway: Option<bool>,
    /// URLs at which the data planes are reached (the form of v1alpha1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_urls: Option<Vec<ProxyUrl>>,
    /// Labels of the control plane in Konnect (the form of v1alpha1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::labels_schema")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether the control plane is made here (Origin) or exists in Konnect and is only looked at (Mirror).
    #[serde(default)]
    pub source: EntitySource,
    /// The control plane to look at, when source is Mirror.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<MirrorSpec>,
    /// Members of a control plane group: KonnectGatewayControlPlanes in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberRef>>,
    /// The Konnect organisation and region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub konnect: Option<KonnectConfiguration>,
}

/// The control plane to make, as Konnect's `CreateControlPlaneRequest` (control-planes v2).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct CreateControlPlaneRequest {
    /// Name of the control plane.
    pub name: String,
    /// Description of the control plane in Konnect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Type of the control plane: CLUSTER_TYPE_CONTROL_PLANE, CLUSTER_TYPE_CONTROL_PLANE_GROUP or
    /// CLUSTER_TYPE_K8S_INGRESS_CONTROLLER. It cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_type: Option<String>,
    /// How data planes authenticate: pinned_client_certs or pki_client_certs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,
    /// Whether cloud gateways may use the control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_gateway: Option<bool>,
    /// URLs at which the data planes are reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_urls: Option<Vec<ProxyUrl>>,
    /// Labels of the control plane in Konnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::labels_schema")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// A URL at which data planes are reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ProxyUrl {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: i64,
    /// Protocol, for example https.
    pub protocol: String,
}

/// Whether a Konnect object is made here or only looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum EntitySource {
    /// Made and owned here.
    #[default]
    Origin,
    /// Exists in Konnect and is only looked at.
    Mirror,
}

/// Which control plane a mirror shows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct MirrorSpec {
    /// The control plane in Konnect.
    pub konnect: MirrorKonnect,
}

/// A control plane in Konnect by its id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct MirrorKonnect {
    /// Id of the control plane in Konnect.
    #[schemars(
        length(max = 36),
        regex(pattern = r"^[0-9a-f]{8}(?:\-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    )]
    pub id: String,
}

/// A member of a control plane group, as Kubernetes' own `LocalObjectReference`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct MemberRef {
    /// Name of the KonnectGatewayControlPlane.
    #[serde(default)]
    pub name: String,
}

/// The Konnect organisation and region of an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KonnectConfiguration {
    /// The KonnectAPIAuthConfiguration to use. It cannot be changed once the control plane is programmed.
    pub auth_ref: AuthRef,
}

/// Status of a `KonnectGatewayControlPlane`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KonnectGatewayControlPlaneStatus {
    /// What is known about the control plane: Programmed, APIAuthResolvedRef, APIAuthValid and Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// Id of the control plane in Konnect. Empty until it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub id: Option<String>,
    /// Id of the Konnect organisation that the control plane is in.
    #[serde(rename = "organizationID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub organization_id: Option<String>,
    /// The Konnect server that the control plane is on.
    #[serde(rename = "serverURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub server_url: Option<String>,
    /// Type of the control plane, as Konnect reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_type: Option<String>,
    /// Where data planes connect to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub konnect_endpoints: Option<KonnectEndpoints>,
}

/// Where data planes connect to, verbatim as Konnect reports it (with https).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KonnectEndpoints {
    /// Endpoint for configuration.
    #[schemars(length(min = 1))]
    pub control_plane: String,
    /// Endpoint for telemetry.
    #[schemars(length(min = 1))]
    pub telemetry: String,
}

fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    schema::conditions_pending(8, conditions::PROGRAMMED)
}
