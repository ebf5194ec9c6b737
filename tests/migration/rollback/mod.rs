//! What this migration wrote is undone: on request, after a refusal, with the object.

mod asked;
mod deletion;
mod killed;
mod on_failure;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::{Phase, RollbackStatus};
use serde_json::{Value, json};

use crate::support::{Seen, World};

/// Lists that the workspaces of the tests fill.
const LISTS: [&str; 17] = [
    "vaults",
    "certificates",
    "snis",
    "key-sets",
    "keys",
    "partials",
    "consumers",
    "consumer_groups",
    "services",
    "upstreams",
    "key-auths",
    "basic-auths",
    "hmac-auths",
    "jwts",
    "acls",
    "routes",
    "plugins",
];

/// Everything that a control plane holds, without the times at which it was written.
pub fn contents(world: &World, control_plane: &str) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for list in LISTS.iter().chain(&["targets"]) {
        for mut entity in world.bed.konnect.entities(control_plane, list) {
            let id = entity["id"].as_str().context("an id")?.to_owned();
            if let Some(fields) = entity.as_object_mut() {
                fields.retain(|name, _| name != "created_at" && name != "updated_at");
            }
            if *list == "consumer_groups" {
                let mut members = world.bed.konnect.group_members(control_plane, &id);
                members.sort();
                entity["members"] = json!(members);
            }
            found.insert(format!("{list}/{id}"), entity);
        }
    }
    Ok(found)
}

/// An entity of the sample workspace `inventory`, as its gateway returns it.
pub fn sample(list: &str, name: &str) -> Result<Value> {
    let source: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    let list = source[list].as_array().context("no such list")?;
    let found = list.iter().find(|entity| {
        ["name", "username", "instance_name"]
            .iter()
            .any(|field| entity[*field] == name)
    });
    found.cloned().with_context(|| format!("no {name}"))
}

/// A control plane that others use already: entities of their own, other versions of what the source has, and one that is equal.
pub async fn used_by_others(world: &World) -> Result<String> {
    let id = world.control_plane_id("inventory").await?;
    let konnect = &world.bed.konnect;
    let theirs = konnect.seed(
        &id,
        "services",
        &json!({"name": "theirs", "host": "theirs.example.com"}),
    )?;
    let route = json!({"name": "theirs", "paths": ["/theirs"], "service": {"id": theirs["id"]}});
    konnect.seed(&id, "routes", &route)?;
    let other = |list: &str, name: &str, change: Value| -> Result<Value> {
        let source = sample(list, name)?;
        let mut body = json!({"id": source["id"]});
        if let (Some(body), Value::Object(change)) = (body.as_object_mut(), change) {
            body.extend(change);
        }
        Ok(body)
    };
    let labels = json!({"name": "labels", "host": "theirs.example.com", "retries": 1, "tags": ["theirs"]});
    konnect.seed(&id, "services", &other("/services", "labels", labels)?)?;
    let consumer = other(
        "/consumers",
        "erp-sync",
        json!({"username": "erp-sync", "custom_id": "erp-01"}),
    )?;
    konnect.seed(&id, "consumers", &consumer)?;
    let credential = other(
        "/hmac-auths",
        "erp-signer",
        json!({"username": "erp-signer", "secret": "theirs"}),
    )?;
    let path = format!(
        "consumers/{}/hmac-auth",
        consumer["id"].as_str().context("an id")?
    );
    konnect.seed(&id, &path, &credential)?;
    Ok(id)
}

/// The manifest of a migration that overwrites.
pub fn overwriting(world: &World) -> Value {
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["conflictPolicy"] = json!("Overwrite");
    migration
}

/// What undoing would do, from status.
pub fn would(seen: &Seen) -> Option<RollbackStatus> {
    seen.0.status.as_ref()?.rollback.clone()
}

pub fn phase(seen: &Seen) -> Option<Phase> {
    seen.0.status.as_ref()?.phase
}

/// Changes nothing but the generation, so that a new pass begins.
pub async fn again(world: &World, name: &str, in_flight: u32) -> Result<()> {
    world
        .change(name, json!({"throttle": {"maxInFlight": in_flight}}))
        .await
}
