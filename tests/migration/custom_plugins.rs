//! Custom plugins whose schemas stand in ConfigMaps.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::{Seen, World};

const PLUGIN: &str = "5b9e0c51-7a67-4b0e-9d8e-3c7a2f2f7a01";

/// A schema with one field.
fn schema(field: &str) -> String {
    format!(
        "return {{\n  name = \"stamp\",\n  fields = {{\n    {{ config = {{ type = \"record\", fields = {{ {{ {field} = {{ type = \"string\" }} }} }} }} }},\n  }},\n}}\n"
    )
}

/// Creates or replaces a ConfigMap with a schema.
async fn give(world: &World, map: &str, schema: &str) -> Result<()> {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": map}, "data": {"schema.lua": schema}});
    world
        .api::<ConfigMap>()
        .patch(map, &PatchParams::apply("test").force(), &Patch::Apply(&object))
        .await?;
    Ok(())
}

/// A world whose workspace sales has one plugin more, and the manifest of its migration.
async fn world(name: &str) -> Result<(World, Value)> {
    let world = World::start(name).await?;
    let plugin = json!({"id": PLUGIN, "name": "stamp", "enabled": true, "config": {"header": "x-stamp"}, "protocols": ["http", "https"]});
    world.bed.kong.put("sales", "plugins", plugin)?;
    let mut manifest = world.migration("sales", "Apply");
    manifest["spec"]["customPlugins"] =
        json!([{"name": "stamp", "schemaConfigMapRef": {"name": "stamp", "key": "schema.lua"}}]);
    Ok((world, manifest))
}

async fn held(world: &World) -> Result<Vec<Value>> {
    let control_plane = world.control_plane_id("sales").await?;
    Ok(world.bed.konnect.entities(&control_plane, "plugin-schemas"))
}

#[tokio::test]
async fn a_custom_plugin_moves_after_its_schema_once_the_config_map_is_there() -> Result<()> {
    let (world, manifest) = world("custom-plugin").await?;
    world.create(manifest).await?;
    let waiting = world
        .migration_until("sales", "waiting for the ConfigMap", |seen| {
            seen.is("PlanReady", "False", "ConfigMapNotFound")
        })
        .await?;
    let message = waiting.message("PlanReady");
    assert!(
        message.contains("spec.customPlugins, stamp: ConfigMap") && message.contains("/stamp does not exist"),
        "{message}"
    );
    assert!(
        waiting.is("SourceReady", "True", "SourceReachable"),
        "the source is not to blame"
    );
    assert!(held(&world).await?.is_empty());

    give(&world, "stamp", &schema("header")).await?;
    let done = world
        .migration_until("sales", "completed", Seen::is_completed)
        .await?;
    assert!(
        done.findings().contains(&"custom-plugin-on-nodes"),
        "{:?}",
        done.findings()
    );
    let schemas = held(&world).await?;
    assert_eq!(schemas.len(), 1);
    assert_eq!(schemas[0]["lua_schema"], json!(schema("header")));
    let control_plane = world.control_plane_id("sales").await?;
    let plugins = world.bed.konnect.entities(&control_plane, "plugins");
    let moved = plugins
        .iter()
        .find(|plugin| plugin["id"] == PLUGIN)
        .context("the plugin")?;
    assert_eq!(moved["config"], json!({"header": "x-stamp"}));

    let before = world.writes();
    world
        .change("sales", json!({"throttle": {"maxInFlight": 3}}))
        .await?;
    world
        .migration_until("sales", "completed again", Seen::is_completed)
        .await?;
    assert_eq!(world.writes(), before, "the second run wrote");

    let longer = schema("header").replace("\"string\"", "\"string\", len_max = 64");
    give(&world, "stamp", &longer).await?;
    world
        .migration_until("sales", "completed with the new schema", |seen| {
            let schemas = world.bed.konnect.entities(&control_plane, "plugin-schemas");
            seen.is_completed() && schemas[0]["lua_schema"] == json!(longer)
        })
        .await?;
    assert_eq!(world.writes(), before + 1, "only the schema is written");
    world.stop().await
}
