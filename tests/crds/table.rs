//! The tables in `cases/`: per kind an object that is accepted, and per refusal what leads to it and what does not.

use anyhow::Context as _;
use gateway_migration_operator::api::crd;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject};
use serde::Deserialize;
use serde_json::{Value, json};

/// The cases of one kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The kind.
    pub kind: String,
    /// An object that is accepted; all patches apply to it.
    pub base: Value,
    /// What leads to refusals.
    pub cases: Vec<Case>,
}

/// One refusal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Part of the server's message.
    pub refusal: String,
    /// For updates: merge patch of the base that gives the object to start from.
    pub from: Option<Value>,
    /// Merge patches of the base, or of the object to start from, that are accepted.
    pub accept: Vec<Value>,
    /// Merge patches that are refused with the message.
    pub refuse: Vec<Value>,
}

/// All tables.
pub fn all() -> anyhow::Result<Vec<Table>> {
    [
        include_str!("cases/konnect_api_auth_configuration.yaml"),
        include_str!("cases/konnect_gateway_control_plane.yaml"),
        include_str!("cases/konnect_extension.yaml"),
        include_str!("cases/workspace_migration.yaml"),
    ]
    .into_iter()
    .map(|yaml| serde_saphyr::from_str(yaml).context("a table is not readable"))
    .collect()
}

/// The definition of a kind.
pub fn definition(kind: &str) -> anyhow::Result<CustomResourceDefinition> {
    let all = crd::all()?;
    all.into_iter()
        .find(|definition| definition.spec.names.kind == kind)
        .with_context(|| format!("no kind {kind}"))
}

/// A kind at each of its versions.
pub fn resources(kind: &str) -> anyhow::Result<Vec<ApiResource>> {
    let spec = definition(kind)?.spec;
    Ok(spec
        .versions
        .iter()
        .map(|version| ApiResource {
            group: spec.group.clone(),
            version: version.name.clone(),
            api_version: format!("{}/{}", spec.group, version.name),
            kind: spec.names.kind.clone(),
            plural: spec.names.plural.clone(),
        })
        .collect())
}

/// The object with the patches applied, one after another.
pub fn build_object(
    resource: &ApiResource,
    name: &str,
    base: &Value,
    patches: &[&Value],
) -> anyhow::Result<DynamicObject> {
    let mut object = base.clone();
    for patch in patches {
        merge(&mut object, patch);
    }
    let identity = json!({
        "apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name},
    });
    merge(&mut object, &identity);
    Ok(serde_json::from_value(object)?)
}

/// JSON merge patch (RFC 7386).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
