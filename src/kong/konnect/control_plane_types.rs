//! The closed words of control planes, open to words that come later.

use std::fmt;

use serde::{Deserialize, Serialize};

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
pub struct ControlPlaneProxyUrl {
    /// At most 120 characters.
    pub host: String,
    /// From 1.
    pub port: u32,
    /// Such as `https`; at most 32 characters.
    pub protocol: String,
}
