//! References from one object to another.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pattern of an object's name, a DNS subdomain. Names go into URLs: what can be no name is refused where it is written.
pub(super) const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The same, or nothing.
const NAME_OR_NONE: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$";
/// Pattern of a key in a Secret or ConfigMap.
const KEY: &str = r"^[-._a-zA-Z0-9]+$";

/// An object of a known kind in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct LocalRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
}

/// One entry of a Secret or ConfigMap in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Key of the entry.
    #[schemars(length(min = 1, max = 253), regex(pattern = KEY))]
    pub key: String,
}

/// A Secret, as Kubernetes' own `SecretReference`: both fields are optional in its schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretRef {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = NAME_OR_NONE))]
    pub name: Option<String>,
    /// Namespace of the Secret. The namespace of the referring object when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A `KonnectAPIAuthConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct AuthRef {
    /// Name of the KonnectAPIAuthConfiguration.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Namespace of the KonnectAPIAuthConfiguration. The namespace of the referring object when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub namespace: Option<String>,
}

/// An object with a namespace, in lists of users of a `KonnectExtension`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct NamespacedRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Namespace of the object. The namespace of the referring object when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub namespace: Option<String>,
}

/// How a control plane is referred to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ControlPlaneRefType {
    /// By the name of a KonnectGatewayControlPlane.
    #[default]
    KonnectNamespacedRef,
}

/// A `KonnectGatewayControlPlane`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "self.type == 'konnectNamespacedRef' ? has(self.konnectNamespacedRef) : true",
    "when type is konnectNamespacedRef, konnectNamespacedRef must be set"
))]
pub struct ControlPlaneRef {
    /// How the control plane is referred to.
    #[serde(rename = "type", default)]
    pub type_: ControlPlaneRefType,
    /// The KonnectGatewayControlPlane, in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub konnect_namespaced_ref: Option<NamespacedRef>,
}
