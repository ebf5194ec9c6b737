//! A workspace of a Kong 2.8 that cannot move as it is, and the presets with which it can.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::kong_admin;

/// The workspace.
pub const WORKSPACE: &str = "shop";

const SERVICES: &str = r"
_format_version: '1.1'
services:
- name: stock
  url: http://stock.shop.example.com
  routes:
  - {name: stock, hosts: [api.shop.example.com, other.example.org], paths: ['/stock/\d+', /plain]}
upstreams:
- {name: pool, targets: [{target: '10.0.0.1:80'}]}
";

/// A Kong 2.8 of Enterprise.
pub fn kong() -> kong_admin::Options {
    kong_admin::Options {
        version: Some("2.8.4.5-enterprise-edition".to_owned()),
        ..kong_admin::Options::default()
    }
}

/// Fills the workspace: rate limits that count in the database, a regular expression without a tilde, hosts of the old domain.
pub fn fill(bed: &Bed) -> Result<()> {
    bed.kong.load_declarative(WORKSPACE, SERVICES)?;
    let simple = json!({
        "minute": 5, "policy": "cluster", "limit_by": "consumer", "fault_tolerant": true, "hide_client_headers": false,
        "redis_host": null, "redis_port": 6379, "redis_password": null, "redis_username": null, "redis_database": 0,
        "redis_timeout": 2000, "redis_ssl": false, "redis_ssl_verify": false, "redis_server_name": null,
        "header_name": null, "path": null, "second": null, "hour": null, "day": null, "month": null, "year": null,
    });
    let advanced = json!({
        "limit": [5], "window_size": [60], "window_type": "sliding", "strategy": "cluster", "sync_rate": 10, "namespace": "counters",
        "identifier": "consumer", "dictionary_name": "kong_rate_limiting_counters", "hide_client_headers": false,
        "retry_after_jitter_max": 0, "header_name": null, "path": null, "enforce_consumer_groups": false, "consumer_groups": null,
        "redis": {
            "host": null, "port": null, "timeout": 2000, "username": null, "password": null, "database": 0, "ssl": false,
            "ssl_verify": false, "server_name": null, "sentinel_master": null, "sentinel_addresses": null, "cluster_addresses": null,
        },
    });
    for (number, (name, config)) in [("rate-limiting", simple), ("rate-limiting-advanced", advanced)]
        .into_iter()
        .enumerate()
    {
        let plugin = json!({
            "id": format!("00000000-0000-4000-8000-{number:012x}"), "name": name, "config": config, "enabled": true,
            "protocols": ["http", "https"], "service": null, "route": null, "consumer": null, "tags": null, "created_at": 1_651_385_996,
        });
        bed.kong.put(WORKSPACE, "plugins", plugin)?;
    }
    Ok(())
}

/// `spec.transforms` with every preset.
pub fn transforms() -> Value {
    let hosts = json!({"name": "HostSuffix", "from": "shop.example.com", "to": "shop.example.net"});
    json!([
        {"select": {"kind": "plugins", "name": "rate-limiting"}, "preset": {"name": "RateLimitingToLocal"}, "reason": "each node counts"},
        {"select": {"kind": "plugins"}, "reason": "the new Redis",
            "preset": {"name": "RateLimitingToRedis", "redis": {"host": "redis.example.com", "ssl": true, "password": "{vault://env/redis}"}}},
        {"select": {"kind": "routes"}, "preset": {"name": "RegexPathsToTilde"}, "reason": "regular expressions of 2.8"},
        {"select": {"kind": "routes"}, "preset": hosts, "reason": "the new domain"},
        {"select": {"kind": "services"}, "preset": hosts, "reason": "the new domain"},
    ])
}

/// Proves that a control plane holds the workspace as the presets change it.
pub fn ensure_moved(bed: &Bed, control_plane: &str) -> Result<()> {
    let held = |path: &str, name: &str| {
        let found = bed.konnect.entities(control_plane, path).into_iter();
        let mut found = found.filter(|entity| entity["name"] == name);
        found.next().with_context(|| format!("no {path} {name}"))
    };
    let simple = held("plugins", "rate-limiting")?["config"].clone();
    let advanced = held("plugins", "rate-limiting-advanced")?["config"].clone();
    let route = held("routes", "stock")?;
    for (what, found, expected) in [
        ("policy", &simple["policy"], json!("local")),
        ("limit", &simple["minute"], json!(5)),
        ("strategy", &advanced["strategy"], json!("redis")),
        ("Redis", &advanced["redis"]["host"], json!("redis.example.com")),
        ("its port", &advanced["redis"]["port"], json!(6379)),
        (
            "its password",
            &advanced["redis"]["password"],
            json!("{vault://env/redis}"),
        ),
        ("its timeout", &advanced["redis"]["connect_timeout"], json!(2000)),
        ("paths", &route["paths"], json!([r"~/stock/\d+", "/plain"])),
        (
            "hosts",
            &route["hosts"],
            json!(["api.shop.example.net", "other.example.org"]),
        ),
        (
            "host",
            &held("services", "stock")?["host"],
            json!("stock.shop.example.net"),
        ),
    ] {
        ensure!(*found == expected, "{what}: {found}, not {expected}");
    }
    Ok(())
}
