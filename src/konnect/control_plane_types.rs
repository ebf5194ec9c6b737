//! The closed words of control planes, open to words that come later.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of control plane it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ClusterType {
    /// Hybrid: the target of a workspace.
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

impl From<String> for ClusterType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "CLUSTER_TYPE_CONTROL_PLANE" => Self::ControlPlane,
            "CLUSTER_TYPE_CONTROL_PLANE_GROUP" => Self::ControlPlaneGroup,
            "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER" => Self::K8sIngressController,
            "CLUSTER_TYPE_SERVERLESS" => Self::Serverless,
            "CLUSTER_TYPE_SERVERLESS_V1" => Self::ServerlessV1,
            "CLUSTER_TYPE_KAFKA_NATIVE_EVENT_PROXY" => Self::KafkaNativeEventProxy,
            _ => Self::Other(word),
        }
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

/// How data planes show themselves to their control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum AuthType {
    /// By a certificate that is listed at the control plane.
    #[default]
    PinnedClientCerts,
    /// By a certificate of a listed CA.
    PkiClientCerts,
    /// A way that did not exist when this was written.
    Other(String),
}

impl AuthType {
    /// Konnect's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::PinnedClientCerts => "pinned_client_certs",
            Self::PkiClientCerts => "pki_client_certs",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for AuthType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "pinned_client_certs" => Self::PinnedClientCerts,
            "pki_client_certs" => Self::PkiClientCerts,
            _ => Self::Other(word),
        }
    }
}

impl From<AuthType> for String {
    fn from(auth_type: AuthType) -> Self {
        auth_type.as_str().to_owned()
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One address at which clients reach the data planes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProxyUrl {
    /// At most 120 characters.
    pub host: String,
    /// From 1.
    pub port: u32,
    /// Such as `https`; at most 32 characters.
    pub protocol: String,
}
