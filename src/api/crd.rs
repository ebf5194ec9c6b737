//! The CustomResourceDefinitions as they are installed: what the derive gives, made fit for a real API server.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value};

use super::{
    konnect_api_auth_configuration::KonnectAPIAuthConfiguration, konnect_extension::KonnectExtension,
    konnect_gateway_control_plane::KonnectGatewayControlPlane, workspace_migration::WorkspaceMigration,
};

/// Version of the Konnect kinds whose form Kong wrote inline; served beside the stored v1alpha2.
const OLDER_VERSION: &str = "v1alpha1";

/// All kinds, in the order in which they refer to each other.
///
/// # Errors
/// When a derived definition is not the JSON that Kubernetes expects: a defect of this program.
pub fn all() -> Result<Vec<CustomResourceDefinition>, serde_json::Error> {
    Ok(vec![
        finish(KonnectAPIAuthConfiguration::crd())?,
        with_older_version(finish(KonnectGatewayControlPlane::crd())?),
        with_older_version(finish(KonnectExtension::crd())?),
        finish(WorkspaceMigration::crd())?,
    ])
}

/// Serves the one version that there is under a second name. Both share one schema, so nothing is converted, and nothing
/// is lost between them.
fn with_older_version(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    // Why not a schema for each version and a webhook that converts: docs/decisions/0001-no-conversion-webhook.md.
    let older = crd.spec.versions.first().cloned().map(|mut version| {
        version.name = OLDER_VERSION.to_owned();
        version.storage = false;
        version
    });
    crd.spec.versions.splice(..0, older);
    crd
}

/// Cleans the derived schemas.
fn finish(crd: CustomResourceDefinition) -> Result<CustomResourceDefinition, serde_json::Error> {
    let mut json = serde_json::to_value(crd)?;
    for schema in json
        .pointer_mut("/spec/versions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(root) = schema
            .pointer_mut("/schema/openAPIV3Schema")
            .and_then(Value::as_object_mut)
        {
            root.remove("title");
            clean(root);
        }
    }
    serde_json::from_value(json)
}

/// Drops what schemars says and Kubernetes should not hear: `nullable`, with which nulls would be stored that `has()` takes
/// for absent, and the formats of unsigned integers, which Kubernetes does not know.
fn clean(schema: &mut Map<String, Value>) {
    schema.remove("nullable");
    if schema
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.remove("format");
    }
    for keyword in ["items", "additionalProperties", "not"] {
        if let Some(inner) = schema.get_mut(keyword).and_then(Value::as_object_mut) {
            clean(inner);
        }
    }
    // The names below `properties` are field names, which may be spelled like a keyword.
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties
            .values_mut()
            .filter_map(Value::as_object_mut)
            .for_each(clean);
    }
}
