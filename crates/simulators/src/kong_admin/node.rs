//! What the node says of itself: `/`, `/status`, `/plugins/enabled`.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::reply::Reply;
use super::request::Request;

/// `GET /` of Kong 3.9.1, without process numbers.
static NODE: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/kong-admin-3.9.1/node.json")).unwrap_or_default()
});

/// Plugins that Kong Enterprise 3.9 brings beside those of open-source Kong.
static ENTERPRISE_PLUGINS: LazyLock<Vec<String>> = LazyLock::new(|| {
    serde_json::from_str(include_str!(
        "../../data/kong-admin-3.9.1/enterprise-plugins.json"
    ))
    .unwrap_or_default()
});

/// `GET /`, and `GET /{workspace}/kong` of Enterprise.
pub(super) fn root(request: &Request<'_>) -> Reply {
    let mut node = NODE.clone();
    let enterprise = request.is_enterprise();
    node.insert(
        "edition".to_owned(),
        json!(if enterprise { "enterprise" } else { "community" }),
    );
    node.insert("version".to_owned(), json!(request.options.version()));
    node.insert("pids".to_owned(), json!({ "master": 1, "workers": [2] }));
    node.insert("timers".to_owned(), json!({ "pending": 0, "running": 0 }));
    node.insert(
        "plugins".to_owned(),
        json!({ "available_on_server": available(request), "enabled_in_cluster": configured(request) }),
    );
    if let Some(configuration) = node.get_mut("configuration").and_then(Value::as_object_mut) {
        configuration.insert("router_flavor".to_owned(), json!(request.options.router_flavor));
    }
    Reply::ok(node)
}

fn available(request: &Request<'_>) -> Map<String, Value> {
    let mut plugins = NODE["plugins"]["available_on_server"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let brought: &[String] = if request.is_enterprise() {
        &ENTERPRISE_PLUGINS
    } else {
        &[]
    };
    for name in brought.iter().chain(request.options.custom_plugins.keys()) {
        plugins.insert(name.clone(), json!({ "version": request.options.version() }));
    }
    plugins
}

/// Names of the plugins that any entity configures, in the order of the plugins' ids.
fn configured<'a>(request: &Request<'a>) -> Vec<&'a str> {
    let mut names = Vec::new();
    let Some(kind) = Kind::by_list("plugins") else {
        return names;
    };
    for workspace in request.state.workspaces.keys() {
        for name in request
            .state
            .table(workspace, kind)
            .values()
            .filter_map(|row| row.field("name"))
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// `GET /plugins/enabled`.
pub(super) fn enabled_plugins(request: &Request<'_>) -> Reply {
    let names: Vec<String> = available(request).into_iter().map(|(name, _)| name).collect();
    Reply::ok(json!({ "enabled_plugins": names }))
}

/// `GET /status`: the shape of Kong's, its counters at zero.
pub(super) fn status(request: &Request<'_>) -> Result<Reply, Reply> {
    let unit = request.query.get("unit").unwrap_or("m");
    if !["b", "k", "m", "g"].contains(&unit.to_ascii_lowercase().as_str()) {
        return Err(Reply::message(
            400,
            &format!("invalid unit '{unit}' (expected 'k/K', 'm/M', or 'g/G')"),
        ));
    }
    Ok(Reply::ok(json!({
        "database": { "reachable": true },
        "memory": { "lua_shared_dicts": {}, "workers_lua_vms": [] },
        "server": {
            "connections_accepted": 0, "connections_active": 0, "connections_handled": 0, "connections_reading": 0,
            "connections_waiting": 0, "connections_writing": 0, "total_requests": 0,
        },
    })))
}
