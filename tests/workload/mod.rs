//! A generated workspace of any size, as an Admin API would list it.

use anyhow::{Context as _, Result};
use gateway_migration_operator::domain::entity_kinds::{MEMBERS, named};
use gateway_migration_operator::domain::{Entity, Snapshot};
use serde_json::{Value, json};
use uuid::Uuid;

/// Plugins of the routes: ten names, so that rules see variety.
const PLUGINS: [&str; 10] = [
    "bot-detection",
    "correlation-id",
    "cors",
    "ip-restriction",
    "proxy-cache",
    "rate-limiting",
    "request-size-limiting",
    "request-termination",
    "request-transformer",
    "response-transformer",
];
/// Consumers of one group.
const GROUP: usize = 100;

/// A workspace of `units`, each of 11 entities: one service, two routes with a plugin each, one upstream with one target, one
/// consumer with a key and an access-control group, and its membership in a group; and a group for each hundred units.
pub fn snapshot(units: usize) -> Result<Snapshot> {
    let mut snapshot = Snapshot::default();
    let mut add = |kind: &str, body: Value| -> Result<()> {
        let kind = named(kind).with_context(|| format!("no kind {kind}"))?;
        let body = body.as_object().cloned().context("an object")?;
        snapshot.insert(&Entity::from_body(kind, body).context("an id")?);
        Ok(())
    };
    for group in 0..units.div_ceil(GROUP) {
        let name = format!("group-{group}");
        add(
            "consumer_groups",
            json!({"id": id("group", group), "name": name, "created_at": 1}),
        )?;
    }
    for unit in 0..units {
        let [service, upstream, consumer] = ["service", "upstream", "consumer"].map(|kind| id(kind, unit));
        let common = json!({"protocol": "http", "port": 80, "retries": 5, "connect_timeout": 60000, "read_timeout": 60000, "write_timeout": 60000, "enabled": true});
        add(
            "services",
            with(
                common,
                json!({"id": service, "name": format!("service-{unit}"), "host": format!("upstream-{unit}"), "tags": ["generated"], "created_at": 1}),
            ),
        )?;
        for half in 0..2 {
            let route = id("route", unit * 2 + half);
            let name = format!("route-{unit}-{half}");
            let path = format!("/service-{unit}/{half}");
            add(
                "routes",
                json!({"id": route, "name": name, "paths": [path], "protocols": ["http", "https"], "strip_path": true, "preserve_host": false, "https_redirect_status_code": 426, "service": {"id": service}, "created_at": 1}),
            )?;
            let plugin = PLUGINS[(unit * 2 + half) % PLUGINS.len()];
            add(
                "plugins",
                json!({"id": id("plugin", unit * 2 + half), "name": plugin, "enabled": true, "protocols": ["http", "https"], "route": {"id": route}, "service": null, "consumer": null, "config": {}, "created_at": 1}),
            )?;
        }
        add(
            "upstreams",
            json!({"id": upstream, "name": format!("upstream-{unit}"), "algorithm": "round-robin", "slots": 10000, "created_at": 1}),
        )?;
        add(
            "targets",
            json!({"id": id("target", unit), "target": format!("10.0.{}.{}:80", unit / 250, unit % 250), "weight": 100, "upstream": {"id": upstream}, "created_at": 1.5}),
        )?;
        add(
            "consumers",
            json!({"id": consumer, "username": format!("consumer-{unit}"), "created_at": 1}),
        )?;
        add(
            "key-auths",
            json!({"id": id("key", unit), "key": format!("key-{unit}"), "consumer": {"id": consumer}, "created_at": 1}),
        )?;
        add(
            "acls",
            json!({"id": id("acl", unit), "group": "generated", "consumer": {"id": consumer}, "created_at": 1}),
        )?;
        add(
            MEMBERS,
            json!({"consumer_group": {"id": id("group", unit / GROUP)}, "consumer": {"id": consumer}}),
        )?;
    }
    Ok(snapshot)
}

fn id(kind: &str, number: usize) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}-{number}").as_bytes()).to_string()
}

fn with(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}
