//! The types of control planes, open to words that come later (control planes API 2.0.2).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of control plane it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ClusterType {
    /// Hybrid: the target of a workspace; also what Konnect makes when no type is given.
    #[default]
    ControlPlane,
    /// A merge of members; takes no entities itself.
    ControlPlaneGroup,
    /// Mirrors a Kong Ingress Controller; refuses entity writes.
    K8sIngressController,
    /// Kong-run serverless gateway.
    Serverless,
    /// Its successor.
    ServerlessV1,
    /// Event gateway.
    KafkaNativeEventProxy,
    /// A type that did not exist when this was written.
    Other(String),
}

impl ClusterType {
    /// Konnect's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ControlPlane => "CLUSTER_TYPE_CONTROL_PLANE",
            Self::ControlPlaneGroup => "CLUSTER_TYPE_CONTROL_PLANE_GROUP",
            Self::K8sIngressController => "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER",
            Self::Serverless => "CLUSTER_TYPE_SERVERLESS",
            Self::ServerlessV1 => "CLUSTER_TYPE_SERVERLESS_V1",
            Self::KafkaNativeEventProxy => "CLUSTER_TYPE_KAFKA_NATIVE_EVENT_PROXY",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for ClusterType {
    fn from(word: &str) -> Self {
        match word {
            "CLUSTER_TYPE_CONTROL_PLANE" => Self::ControlPlane,
            "CLUSTER_TYPE_CONTROL_PLANE_GROUP" => Self::ControlPlaneGroup,
            "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER" => Self::K8sIngressController,
            "CLUSTER_TYPE_SERVERLESS" => Self::Serverless,
            "CLUSTER_TYPE_SERVERLESS_V1" => Self::ServerlessV1,
            "CLUSTER_TYPE_KAFKA_NATIVE_EVENT_PROXY" => Self::KafkaNativeEventProxy,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<String> for ClusterType {
    fn from(word: String) -> Self {
        Self::from(word.as_str())
    }
}

impl From<ClusterType> for String {
    fn from(cluster_type: ClusterType) -> Self {
        cluster_type.as_str().to_owned()
    }
}

impl fmt::Display for ClusterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
