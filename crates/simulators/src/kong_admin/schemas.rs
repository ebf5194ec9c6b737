//! `/schemas/…`: the published shape of entities, plugins and vaults.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::reply::Reply;
use super::request::Request;

/// Schemas of Kong 3.9.1 by name, without descriptions.
static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/kong-admin-3.9.1/schemas.json")).unwrap_or_default()
});

/// `GET /schemas/{entity}`, `/schemas/plugins/{name}` and `/schemas/vaults/{name}`.
pub(super) fn schema(request: &Request<'_>, rest: &[&str]) -> Result<Reply, Reply> {
    match rest {
        ["plugins", name] => plugin(request, name).map(Reply::ok),
        ["vaults", name] => named("vaults", name)
            .map(Reply::ok)
            .ok_or_else(|| absent("vault", name)),
        [name] => named("entities", name)
            .map(Reply::ok)
            .ok_or_else(|| absent("entity", name)),
        _ => Err(Reply::not_found()),
    }
}

/// `GET /plugins/schema/{name}`: the older path, which answers the fields of `config` alone (sequence 124).
pub(super) fn plugin_config(request: &Request<'_>, name: &str) -> Result<Reply, Reply> {
    let schema = plugin(request, name)?;
    let fields = schema["fields"].as_array().into_iter().flatten();
    let config = fields
        .filter_map(|field| field.get("config"))
        .next()
        .cloned()
        .unwrap_or_default();
    Ok(Reply::ok(
        json!({ "fields": config["fields"], "entity_checks": [] }),
    ))
}

fn plugin(request: &Request<'_>, name: &str) -> Result<Value, Reply> {
    let custom = request.options.custom_plugins.get(name).cloned();
    custom
        .or_else(|| named("plugins", name))
        .ok_or_else(|| absent("plugin", name))
}

pub(super) fn named(group: &str, name: &str) -> Option<Value> {
    SCHEMAS.get(group)?.get(name).cloned()
}

fn absent(what: &str, name: &str) -> Reply {
    Reply::message(404, &format!("No {what} named '{name}'"))
}
