//! 16: a name is a name, and no part of an address; and a status can be written whatever it has to tell.

use anyhow::Result;
use axum::{Json, Router};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::k8s::artefacts;
use gateway_migration_operator::k8s::by_name;
use gateway_migration_operator::k8s::secrets::{self, SecretKey};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use simulators::server::{ServeOptions, serve};

use crate::support::World;
use crate::tenant::until_gone;

/// Names that a URL would take for something else.
const NAMES: [&str; 7] = [
    "konnect-token?x=y",
    "konnect-token#",
    "konnect-token/",
    "../secrets/konnect-token",
    "./konnect-token",
    "konnect%2Dtoken",
    "konnect-token?resourceVersion=0&x=",
];

#[tokio::test(flavor = "multi_thread")]
async fn n16_what_is_no_name_is_refused_at_admission() -> Result<()> {
    let world = World::prepare("admission").await?;
    for name in NAMES {
        let mut token = world.migration("inventory", "Plan");
        token["spec"]["source"]["adminAPI"]["tokenSecretRef"]["name"] = json!(name);
        let mut certificate = world.migration("inventory", "Plan");
        certificate["spec"]["source"]["adminAPI"]["tls"]["clientCertificateSecretRef"] =
            json!({"name": name});
        let mut target = world.migration("inventory", "Plan");
        target["spec"]["target"]["controlPlaneRef"]["name"] = json!(name);
        let mut file = world.migration("inventory", "Plan");
        file["spec"]["source"] =
            json!({"declarativeConfig": {"configMapRef": {"name": name, "key": "kong.yaml"}}});
        let control_plane = json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectGatewayControlPlane", "metadata": {"name": "a"},
            "spec": {"createControlPlaneRequest": {"name": "a"}, "konnect": {"authRef": {"name": name}}},
        });
        let auth = json!({
            "apiVersion": "konnect.konghq.com/v1alpha1", "kind": "KonnectAPIAuthConfiguration", "metadata": {"name": "a"},
            "spec": {"type": "secretRef", "secretRef": {"name": name}, "serverURL": "us.api.konghq.com"},
        });
        for object in [token, certificate, target, file, control_plane, auth] {
            let Err(refused) = world.create(object.clone()).await else {
                anyhow::bail!("{name}: {object} is accepted");
            };
            let said = refused.to_string();
            assert!(said.contains("should match"), "{name}: {said}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn n16_what_comes_past_admission_reads_no_other_object() -> Result<()> {
    let world = World::prepare("addressed").await?;
    let api = world.api::<Secret>();
    for name in NAMES {
        let key = SecretKey {
            namespace: world.namespace.clone(),
            name: name.to_owned(),
        };
        assert!(secrets::get(&world.client, &key).await?.is_none(), "{name}");
        assert!(by_name::get_metadata_opt(&api, name).await?.is_none(), "{name}");
        assert!(
            artefacts::load(&world.client, &world.namespace, name)
                .await
                .is_err(),
            "{name}"
        );
    }
    // The client itself would have found it: that is what these functions are for.
    assert!(api.get_opt("konnect-token?x=y").await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn n16_a_name_deletes_no_other_object() -> Result<()> {
    let world = World::prepare("deleting").await?;
    let api = world.api::<Secret>();
    for name in NAMES {
        let refused = by_name::delete(&api, name).await.expect_err(name);
        assert!(
            matches!(&refused, kube::Error::Api(status) if status.is_not_found()),
            "{refused}"
        );
    }
    assert!(api.get_opt("konnect-token").await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn n16_a_source_that_tells_without_end_leaves_a_status_that_can_be_written() -> Result<()> {
    let mut world = World::prepare("versions").await?;
    world.control_plane("inventory").await?;
    world.start_operator()?;
    let long = "9".repeat(2_000_000);
    for answer in [
        json!({"version": format!("3.9.{long}")}),
        json!({"version": long, "edition": long, "configuration": {"database": long, "role": long, "router_flavor": long}}),
        json!({"version": "3.9.1", "configuration": {"database": long, "role": long, "router_flavor": long},
            "plugins": {"available_on_server": {long.as_str(): true}}}),
    ] {
        tells(&world, answer).await?;
    }
    world.stop().await
}

/// A migration from a source that answers everything with this ends in a status of no more than 64 KiB.
async fn tells(world: &World, answer: Value) -> Result<()> {
    let app = Router::new().fallback(async move || Json(answer.clone()));
    let server = serve(app, ServeOptions::default()).await?;
    let mut migration = world.migration("inventory", "Plan");
    migration["spec"]["source"]["adminAPI"] = json!({"url": server.url()});
    world.create(migration).await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            matches!(seen.condition("SourceReady"), Some(("False", _)))
        })
        .await?;
    let size = serde_json::to_string(&seen.0.status)?.len();
    assert!(size <= 64 * 1024, "{size} bytes");
    world
        .api::<WorkspaceMigration>()
        .delete("inventory", &DeleteParams::default())
        .await?;
    until_gone::<WorkspaceMigration>(&world.client, &world.namespace, "inventory").await
}
