//! Status as a subresource, and conditions written by server-side apply.

use gateway_migration_operator::api::crd;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{server, table};

fn condition(type_: &str, status: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": "Tried", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

/// Stores the base object of a kind's table under a fresh name.
async fn stored(client: &Client, kind: &str) -> anyhow::Result<(Api<DynamicObject>, DynamicObject)> {
    let tables = table::all()?;
    let base = tables
        .iter()
        .find(|table| table.kind == kind)
        .map(|table| &table.base);
    let base = base.ok_or_else(|| anyhow::anyhow!("no table for {kind}"))?;
    let resource = table::resources(kind)?
        .pop()
        .ok_or_else(|| anyhow::anyhow!("{kind} has no version"))?;
    let api = server::objects(client, &resource);
    let object = table::build_object(&resource, &server::unique_name(), base, &[])?;
    let object = api.create(&PostParams::default(), &object).await?;
    Ok((api, object))
}

/// Applies conditions as one manager.
async fn apply(
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    manager: &str,
    conditions: &[Value],
) -> kube::Result<DynamicObject> {
    let types = object.types.clone().unwrap_or_default();
    let name = object.metadata.name.clone().unwrap_or_default();
    let patch = json!({
        "apiVersion": types.api_version, "kind": types.kind, "metadata": {"name": name},
        "status": {"conditions": conditions},
    });
    let parameters = PatchParams::apply(manager).force();
    api.patch_status(&name, &parameters, &Patch::Apply(&patch)).await
}

fn types_of(object: &DynamicObject) -> Vec<(String, String)> {
    let conditions = object.data["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut types: Vec<_> = conditions
        .iter()
        .map(|condition| {
            [&condition["type"], &condition["status"]].map(|text| text.as_str().unwrap_or("?").to_owned())
        })
        .map(|[type_, status]| (type_, status))
        .collect();
    types.sort();
    types
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(type_, status)| ((*type_).to_owned(), (*status).to_owned()))
        .collect()
}

fn kinds() -> anyhow::Result<Vec<String>> {
    Ok(crd::all()?
        .into_iter()
        .map(|definition| definition.spec.names.kind)
        .collect())
}

#[tokio::test]
async fn conditions_of_two_managers_merge_by_type_and_each_removes_only_its_own() {
    let client = server::client().await.unwrap();
    for kind in kinds().unwrap() {
        let (api, object) = stored(&client, &kind).await.unwrap();
        let ours = [
            condition("Ready", "False"),
            condition("Programmed", "False"),
            condition("APIAuthValid", "True"),
        ];
        apply(&api, &object, "ours", &ours).await.unwrap();
        apply(&api, &object, "theirs", &[condition("Scanned", "True")])
            .await
            .unwrap();
        let merged = apply(&api, &object, "ours", &ours[..2]).await.unwrap();
        let expected = pairs(&[("Programmed", "False"), ("Ready", "False"), ("Scanned", "True")]);
        assert_eq!(types_of(&merged), expected, "{kind}");

        let again = apply(&api, &object, "ours", &ours[..2]).await.unwrap();
        assert_eq!(
            again.metadata.resource_version, merged.metadata.resource_version,
            "{kind}: the same again"
        );
        api.delete(&object.metadata.name.unwrap(), &DeleteParams::default())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_condition_taken_over_by_force_can_be_left_out_again() {
    let client = server::client().await.unwrap();
    for kind in kinds().unwrap() {
        let (api, object) = stored(&client, &kind).await.unwrap();
        let rest = [
            condition("Ready", "True"),
            condition("Programmed", "True"),
            condition("APIAuthValid", "True"),
        ];
        apply(&api, &object, "before", &[condition("Stalled", "True")])
            .await
            .unwrap();
        let mut with_stalled = rest.to_vec();
        with_stalled.push(condition("Stalled", "False"));
        apply(&api, &object, "after", &with_stalled).await.unwrap();
        apply(&api, &object, "before", &[]).await.unwrap();
        let left_out = apply(&api, &object, "after", &rest).await.unwrap();
        let expected = pairs(&[
            ("APIAuthValid", "True"),
            ("Programmed", "True"),
            ("Ready", "True"),
        ]);
        assert_eq!(types_of(&left_out), expected, "{kind}");
        api.delete(&object.metadata.name.unwrap(), &DeleteParams::default())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_status_is_written_by_its_subresource_alone() {
    let client = server::client().await.unwrap();
    for kind in kinds().unwrap() {
        let (api, object) = stored(&client, &kind).await.unwrap();
        let name = object.metadata.name.clone().unwrap();
        let status = Patch::Merge(json!({"status": {"conditions": [condition("Ready", "True")]}}));
        let with_status = api
            .patch_status(&name, &PatchParams::default(), &status)
            .await
            .unwrap();
        assert_eq!(
            with_status.metadata.generation, object.metadata.generation,
            "{kind}: status is no change of spec"
        );

        let other = Patch::Merge(json!({"status": {"conditions": [condition("Ready", "False")]}}));
        let ignored = api.patch(&name, &PatchParams::default(), &other).await.unwrap();
        assert_eq!(
            ignored.data["status"], with_status.data["status"],
            "{kind}: only by the subresource"
        );
        api.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_condition_outside_the_limits_of_kubernetes_is_refused() {
    let client = server::client().await.unwrap();
    let (api, object) = stored(&client, "WorkspaceMigration").await.unwrap();
    let refused = |field: &str, value: &str| {
        let mut condition = condition("Ready", "True");
        condition[field] = json!(value);
        condition
    };
    for (field, value) in [
        ("reason", "no spaces"),
        ("reason", ""),
        ("status", "Maybe"),
        ("type", "-Ready"),
        ("lastTransitionTime", "yesterday"),
    ] {
        let error = apply(&api, &object, "ours", &[refused(field, value)])
            .await
            .unwrap_err();
        let kube::Error::Api(status) = error else {
            panic!("{field}: {error}")
        };
        assert_eq!(status.code, 422, "{field}={value:?}: {}", status.message);
    }
    apply(&api, &object, "ours", &[condition("Ready", "True")])
        .await
        .unwrap();
    api.delete(&object.metadata.name.unwrap(), &DeleteParams::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_new_object_waits_for_its_controller_where_the_schema_says_so() {
    let client = server::client().await.unwrap();
    for (kind, expected) in [
        ("KonnectExtension", pairs(&[("Ready", "Unknown")])),
        ("WorkspaceMigration", pairs(&[("Ready", "Unknown")])),
    ] {
        let (api, object) = stored(&client, kind).await.unwrap();
        assert_eq!(types_of(&object), expected, "{kind}");
        api.delete(&object.metadata.name.unwrap(), &DeleteParams::default())
            .await
            .unwrap();
    }
    for (kind, field, expected) in [
        (
            "KonnectGatewayControlPlane",
            "id",
            pairs(&[("Programmed", "Unknown")]),
        ),
        (
            "KonnectAPIAuthConfiguration",
            "serverURL",
            pairs(&[("APIAuthValid", "Unknown")]),
        ),
    ] {
        let (api, object) = stored(&client, kind).await.unwrap();
        let name = object.metadata.name.unwrap();
        let status = Patch::Merge(json!({"status": {field: "x"}}));
        let written = api
            .patch_status(&name, &PatchParams::default(), &status)
            .await
            .unwrap();
        assert_eq!(types_of(&written), expected, "{kind}");
        api.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}
