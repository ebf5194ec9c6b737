//! `schemas/{entity}/validate`, `schemas/plugins/{name}` and the plugins linked to a partial.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::entities;
use super::errors::Failure;
use super::kinds::KINDS;
use super::lua_shape;
use super::plugins;
use super::state::ControlPlane;

/// Answers a path below `schemas`.
pub fn answer(
    control_plane: &ControlPlane,
    path: &[&str],
    body: &Value,
) -> Result<(StatusCode, Value), Failure> {
    match path {
        [entity, "validate"] => validate(control_plane, entity, body),
        ["plugins", name] => match plugins::definition(name) {
            Some(plugin) => Ok((StatusCode::OK, lua_shape::plugin(plugin))),
            None if control_plane.plugin_schemas.contains_key(*name) => {
                Ok((StatusCode::OK, json!({"fields": []})))
            }
            None => Err(plugins::no_schema(name)),
        },
        _ => Err(Failure::entity_not_found()),
    }
}

/// Accepts the list path of a kind and the names that the Admin API uses.
fn validate(
    control_plane: &ControlPlane,
    entity: &str,
    body: &Value,
) -> Result<(StatusCode, Value), Failure> {
    let named = |name: &str| name == entity || name.replace('-', "_") == entity;
    let kind = KINDS
        .iter()
        .find(|kind| named(kind.path) || named(kind.dao))
        .ok_or_else(Failure::entity_not_found)?;
    entities::validate(control_plane, kind, body)?;
    Ok((StatusCode::OK, json!({"message": "schema validation successful"})))
}

/// `partials/{id}/links`: `{data: [{id, name, instance_name}], count}`.
pub fn partial_links(control_plane: &ControlPlane, id: &str) -> Result<(StatusCode, Value), Failure> {
    control_plane
        .get("partials", id)
        .ok_or_else(Failure::entity_not_found)?;
    let links: Vec<_> = control_plane
        .of("plugins")
        .filter(|plugin| {
            plugin["partials"]
                .as_array()
                .is_some_and(|linked| linked.iter().any(|p| p["id"] == id))
        })
        .map(|plugin| json!({"id": plugin["id"], "name": plugin["name"]}))
        .collect();
    Ok((
        StatusCode::OK,
        json!({"count": links.len(), "data": links, "next": null}),
    ))
}
