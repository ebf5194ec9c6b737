//! `KonnectExtension`: what a data plane needs to join a control plane. Kong's kind.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    conditions,
    konnect_gateway_control_plane::{KonnectConfiguration, KonnectEndpoints},
    refs::{self, AuthRef, ControlPlaneRef, NamespacedRef},
    schema,
};

const LABEL_PATTERN: &str = "^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$";

/// Spec of a `KonnectExtension`.
#[derive(CustomResource, Debug, Clone, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "konnect.konghq.com",
    version = "v1alpha2",
    kind = "KonnectExtension",
    namespaced,
    category = "kong",
    category = "konnect",
    status = "KonnectExtensionStatus",
    derive = "PartialEq",
    doc = "KonnectExtension provides what a data plane needs to join a control plane in Konnect: a client certificate, \
           pinned there, and the environment to start Kong with.",
    validation = (
        "oldSelf.spec.konnect.controlPlane.ref == self.spec.konnect.controlPlane.ref",
        "spec.konnect.controlPlane.ref is immutable."
    ),
    validation = (
        "self.spec.konnect.controlPlane.ref.type == 'konnectNamespacedRef' ? !has(self.spec.konnect.configuration) : true",
        "spec.konnect.configuration must be unset when the control plane is a konnectNamespacedRef: its own authRef is used."
    ),
    printcolumn(
        name = "Ready", type_ = "string", description = "Data planes can use the extension",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct KonnectExtensionSpec {
    /// The control plane, and how data planes present themselves to it.
    pub konnect: ExtensionKonnect,
    /// The client certificate of the data planes.
    #[serde(default)]
    pub client_auth: ClientAuth,
}

/// The control plane, and how data planes present themselves to it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionKonnect {
    /// The control plane that data planes join.
    pub control_plane: ExtensionControlPlane,
    /// How data planes present themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_plane: Option<ExtensionDataPlane>,
    /// A field of v1alpha1 that has no use with a konnectNamespacedRef, and must be left out there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<KonnectConfiguration>,
}

/// The control plane that data planes join.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ExtensionControlPlane {
    /// The control plane. It cannot be changed.
    #[serde(rename = "ref")]
    pub reference: ControlPlaneRef,
}

/// How data planes present themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ExtensionDataPlane {
    /// Labels that data planes report to Konnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "data_plane_labels_schema")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// The client certificate of the data planes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "self.certificateSecret.provisioning == 'Manual' ? has(self.certificateSecret.secretRef) : true",
    "secretRef must be set when provisioning is set to Manual."
))]
#[x_kube(validation = (
    "self.certificateSecret.provisioning == 'Automatic' ? !has(self.certificateSecret.secretRef) : true",
    "secretRef must not be set when provisioning is set to Automatic."
))]
pub struct ClientAuth {
    /// The Secret of the client certificate.
    pub certificate_secret: CertificateSecret,
}

/// The Secret of the client certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSecret {
    /// Who makes the certificate: this operator (Automatic) or the user (Manual).
    #[serde(default)]
    pub provisioning: Provisioning,
    /// The Secret of type kubernetes.io/tls that holds the certificate, when provisioning is Manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<CertificateSecretRef>,
}

/// Who makes the client certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Provisioning {
    /// This operator.
    #[default]
    Automatic,
    /// The user.
    Manual,
}

/// A certificate Secret in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct CertificateSecretRef {
    /// Name of the Secret.
    #[schemars(length(max = 253), regex(pattern = refs::NAME))]
    pub name: String,
}

/// Status of a `KonnectExtension`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = json!({"conditions": schema::pending(conditions::READY)})))]
pub struct KonnectExtensionStatus {
    /// What is known about the extension: Ready, ControlPlaneRefValid, APIAuthResolvedRef, APIAuthValid and
    /// DataPlaneCertificateProvisioned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// Control planes that use the extension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub control_plane_refs: Vec<NamespacedRef>,
    /// Data planes that use the extension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub data_plane_refs: Vec<NamespacedRef>,
    /// The client certificate in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_plane_client_auth: Option<DataPlaneClientAuthStatus>,
    /// The control plane that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub konnect: Option<ExtensionKonnectStatus>,
}

/// The client certificate in use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataPlaneClientAuthStatus {
    /// The Secret that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_secret_ref: Option<CertificateSecretRef>,
}

/// The control plane that was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionKonnectStatus {
    /// Id of the control plane in Konnect.
    #[serde(rename = "controlPlaneID")]
    #[schemars(length(min = 1))]
    pub control_plane_id: String,
    /// Type of the control plane.
    pub cluster_type: ExtensionClusterType,
    /// Where data planes connect to.
    pub endpoints: KonnectEndpoints,
    /// The KonnectAPIAuthConfiguration of the control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_ref: Option<AuthRef>,
}

/// Type of a control plane, in the words of the extension's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ExtensionClusterType {
    /// A control plane of data planes.
    ControlPlane,
    /// A control plane of ingress controllers.
    K8SIngressController,
    /// A group of control planes.
    ControlPlaneGroup,
}

fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    schema::conditions(8)
}

fn data_plane_labels_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 63, "pattern": LABEL_PATTERN},
        "x-kubernetes-validations": [
            {
                "rule": format!("self.all(key, key.matches('{LABEL_PATTERN}'))"),
                "message": format!("keys must match the pattern '{LABEL_PATTERN}'."),
            },
            {
                "rule": "self.all(key, !(key.startsWith('kong') || key.startsWith('konnect') || key.startsWith('insomnia') \
                         || key.startsWith('mesh') || key.startsWith('kic') || key.startsWith('_')))",
                "message": "keys must not start with 'kong', 'konnect', 'insomnia', 'mesh', 'kic', or '_'.",
            },
            {
                "rule": "self.all(key, size(key) > 0 && size(key) < 64)",
                "message": "Too long: may not be more than 63 bytes",
            },
        ],
    })
}
