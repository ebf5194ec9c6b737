//! Where a migration reads from.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::refs::{KeyRef, LocalRef};

/// Where to read from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.adminAPI) != has(self.declarativeConfig)",
    "exactly one of spec.source.adminAPI and spec.source.declarativeConfig must be set"
))]
pub struct SourceSpec {
    /// The Admin API of a running Kong Gateway.
    #[serde(rename = "adminAPI", skip_serializing_if = "Option::is_none")]
    pub admin_api: Option<AdminApi>,
    /// A file in decK's or in Kong's DB-less format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declarative_config: Option<DeclarativeConfig>,
    /// Name of the workspace. Open-source Kong has only default.
    #[serde(default = "SourceSpec::default_workspace")]
    #[schemars(length(min = 1, max = 253))]
    pub workspace: String,
    /// Which part of the workspace to move. All of it when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select: Option<SelectionSpec>,
}

impl SourceSpec {
    fn default_workspace() -> String {
        "default".to_owned()
    }
}

/// The Admin API of a running Kong Gateway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminApi {
    /// URL of the Admin API, for example `https://kong-admin.kong.svc:8444`, without credentials.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = (
        "isURL(self) ? url(self).getScheme() in ['http', 'https'] && url(self).getHost() != '' : false",
        "spec.source.adminAPI.url must be an absolute URL with http or https"
    ))]
    #[x_kube(validation = (
        "!self.contains('@')",
        "spec.source.adminAPI.url must not hold credentials: put the token into a Secret and name it in tokenSecretRef"
    ))]
    pub url: String,
    /// The entry of a Secret that holds the admin token; sent as Kong-Admin-Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<KeyRef>,
    /// Whom to trust, and how to present oneself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<AdminApiTls>,
}

/// Whom to trust, and how to present oneself, when the Admin API has https.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminApiTls {
    /// The entry of a Secret that holds the CA certificates of the Admin API, in PEM, beside those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<KeyRef>,
    /// The Secret of type kubernetes.io/tls with the certificate to present to the Admin API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_secret_ref: Option<LocalRef>,
    /// Accept any certificate. The token can then be stolen on the way: only for trying things out.
    #[serde(default)]
    pub insecure_skip_verify: bool,
}

/// A file in decK's or in Kong's DB-less format: one of the two references.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.secretRef) != has(self.configMapRef)",
    "exactly one of spec.source.declarativeConfig.secretRef and spec.source.declarativeConfig.configMapRef must be set"
))]
pub struct DeclarativeConfig {
    /// The entry of a Secret that holds the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<KeyRef>,
    /// The entry of a ConfigMap that holds the file. Files with credentials or certificates belong into a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<KeyRef>,
    /// Version of the gateway that the file was written for, for example 3.9: it tells the defaults of fields that the
    /// file leaves out. When left out, those of Kong 3.13 and older are taken, and a finding says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^[0-9]+\.[0-9]+"))]
    pub kong_version: Option<String>,
}

/// Which part of a workspace to move.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectionSpec {
    /// Only entities that have all these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub tags: Vec<String>,
    /// Only entities of these kinds, in the words of the Admin API's paths, for example services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub kinds: Vec<String>,
    /// No entity that one of these names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub exclude: Vec<ExclusionSpec>,
}

/// Entities to leave behind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ExclusionSpec {
    /// Kind of the entities, in the words of the Admin API's paths, for example plugins.
    #[schemars(length(min = 1, max = 253))]
    pub kind: String,
    /// Name or id of the entity. All of the kind when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
}
