//! A declarative file as the source.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::World;

const FILE: &str = "
_format_version: '3.0'
services:
- name: orders
  url: http://orders.example.com
  routes:
  - {name: orders, paths: [/orders], plugins: [{name: key-auth, config: {key_names: [apikey]}}]}
consumers:
- {username: alice, keyauth_credentials: [{key: canary-key}]}
";

/// The manifest of a migration out of one entry of a Secret or ConfigMap.
fn manifest(declared: Value) -> Value {
    json!({
        "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration", "metadata": {"name": "file"},
        "spec": {
            "source": {"declarativeConfig": declared},
            "target": {"controlPlaneRef": {"name": "default"}},
            "mode": "Apply",
        },
    })
}

#[tokio::test]
async fn a_file_in_a_secret_moves_and_a_corrected_one_is_seen_at_once() -> Result<()> {
    let world = World::start("file-secret").await?;
    world.secret("dump", &[("kong.yaml", "services: []")]).await?;
    world
        .create(manifest(
            json!({"secretRef": {"name": "dump", "key": "kong.yaml"}, "kongVersion": "3.9"}),
        ))
        .await?;
    let refused = world
        .migration_until("file", "refused for its file", |seen| {
            seen.is("SourceReady", "False", "InvalidDeclarativeConfig")
        })
        .await?;
    let message = refused.message("SourceReady");
    assert!(message.contains("_format_version missing"), "{message}");

    world.secret("dump", &[("kong.yaml", FILE)]).await?;
    let done = world
        .migration_until("file", "completed", crate::support::Seen::is_completed)
        .await?;
    assert!(!serde_json::to_string(&done.0.status)?.contains("canary-key"));
    let control_plane = world.control_plane_id("default").await?;
    let routes = world.bed.konnect.entities(&control_plane, "routes");
    let route = routes.first().context("no route")?;
    assert_eq!(
        route["protocols"],
        json!(["http", "https"]),
        "the default of Kong 3.9, not of Konnect"
    );
    assert_eq!(world.bed.konnect.entities(&control_plane, "key-auths").len(), 1);
    world.stop().await
}

#[tokio::test]
async fn a_file_in_a_config_map_may_come_after_the_migration() -> Result<()> {
    let world = World::start("file-config-map").await?;
    world
        .create(manifest(
            json!({"configMapRef": {"name": "dump", "key": "kong.yaml"}}),
        ))
        .await?;
    world
        .migration_until("file", "waiting for its ConfigMap", |seen| {
            seen.is("SourceReady", "False", "ConfigMapNotFound")
        })
        .await?;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dump"}, "data": {"kong.yaml": FILE}});
    world
        .api::<ConfigMap>()
        .patch("dump", &PatchParams::apply("test").force(), &Patch::Apply(&map))
        .await?;
    let done = world
        .migration_until("file", "completed", crate::support::Seen::is_completed)
        .await?;
    assert_eq!(done.findings(), ["declared-version-unknown", "drift-unknown"]);
    world.stop().await
}
