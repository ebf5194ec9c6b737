//! `KonnectAPIAuthConfiguration`: which Konnect organisation and region, and the token for it. Kong's kind.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{conditions, refs::SecretRef, schema};

/// Key of the token in its Secret.
pub const TOKEN_KEY: &str = "token";

const TOKEN_PREFIX: &str = "self.spec.type != 'token' || !has(self.spec.token) \
    || self.spec.token.startsWith('spat_') || self.spec.token.startsWith('kpat_')";
const TOKEN_KEPT: &str = "self.spec.type != 'token' || !has(oldSelf.spec.token) || has(self.spec.token)";
const HOST_NAME: &str = "size(self) > 0 && !isURL(self) ? self.matches('^(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]).)*\
    ([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])$') : true";

/// Spec of a `KonnectAPIAuthConfiguration`.
#[derive(CustomResource, Debug, Clone, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "konnect.konghq.com",
    version = "v1alpha1",
    kind = "KonnectAPIAuthConfiguration",
    namespaced,
    category = "kong",
    category = "konnect",
    status = "KonnectApiAuthConfigurationStatus",
    derive = "PartialEq",
    doc = "KonnectAPIAuthConfiguration says which Konnect organisation and region to use, and with which token.",
    validation = (TOKEN_PREFIX, "Konnect tokens have to start with spat_ or kpat_"),
    validation = (TOKEN_KEPT, "Token is required once set"),
    printcolumn(
        name = "Valid", type_ = "string", description = "The token is accepted by Konnect",
        json_path = ".status.conditions[?(@.type=='APIAuthValid')].status"
    ),
    printcolumn(
        name = "OrgID", type_ = "string", description = "Konnect organisation of the token",
        json_path = ".status.organizationID"
    ),
    printcolumn(
        name = "ServerURL", type_ = "string", description = "Konnect server in use",
        json_path = ".status.serverURL"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "self.type == 'token' ? has(self.token) && size(self.token) > 0 : true",
    "spec.token is required if auth type is set to token"
))]
#[x_kube(validation = (
    "self.type == 'secretRef' ? has(self.secretRef) : true",
    "spec.secretRef is required if auth type is set to secretRef"
))]
#[x_kube(validation = (
    "!(has(self.token) && has(self.secretRef))",
    "spec.token and spec.secretRef cannot be set at the same time"
))]
pub struct KonnectApiAuthConfigurationSpec {
    /// Where the token is: in this object (token) or in a Secret (secretRef).
    #[serde(rename = "type")]
    pub type_: ApiAuthType,
    /// The Konnect token, when type is token. It starts with kpat_ or spat_. Prefer a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<InlineToken>,
    /// The Secret that holds the Konnect token under the key token, when type is secretRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The Konnect server: a host name such as us.api.konghq.com, or a URL with https. It cannot be changed.
    #[serde(rename = "serverURL")]
    #[x_kube(validation = ("size(self) > 0", "Server URL is required"))]
    #[x_kube(validation = ("self == oldSelf", "Server URL is immutable"))]
    #[x_kube(validation = (
        "isURL(self) ? url(self).getScheme() == 'https' : true",
        "Server URL must use HTTPs if specifying scheme"
    ))]
    #[x_kube(validation = (
        HOST_NAME,
        "Server URL must satisfy hostname (RFC 1123) regex if not a valid absolute URL"
    ))]
    pub server_url: String,
}

/// Where the token of a `KonnectAPIAuthConfiguration` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApiAuthType {
    /// In the object itself.
    Token,
    /// In a Secret.
    SecretRef,
}

/// A Konnect token written into a manifest. It never shows in debug output.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct InlineToken(String);

impl InlineToken {
    /// The token itself, for the authorization header alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for InlineToken {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl fmt::Debug for InlineToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(***)")
    }
}

/// Status of a `KonnectAPIAuthConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KonnectApiAuthConfigurationStatus {
    /// What is known about the token: APIAuthValid, ResolvedRefs and Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// Id of the Konnect organisation that the token belongs to.
    #[serde(rename = "organizationID", skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The Konnect server in use, with https.
    #[serde(rename = "serverURL", skip_serializing_if = "Option::is_none")]
    pub server_url: Option<String>,
}

fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    let mut schema = schema::conditions_pending(8, conditions::API_AUTH_VALID);
    schema.insert("minItems".to_owned(), 1.into());
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_shows_the_token() {
        let spec = KonnectApiAuthConfigurationSpec {
            type_: ApiAuthType::Token,
            token: Some("kpat_canary".to_owned().into()),
            secret_ref: None,
            server_url: "us.api.konghq.com".to_owned(),
        };
        let object = KonnectAPIAuthConfiguration::new("konnect", spec);
        assert!(!format!("{object:?}").contains("canary"));
        assert_eq!(
            serde_json::to_value(&object).unwrap()["spec"]["token"],
            "kpat_canary"
        );
    }
}
