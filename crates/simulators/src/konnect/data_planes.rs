//! What belongs to the data planes of a control plane: client certificates, nodes, the expected configuration.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::certificates;
use super::document::ENTITIES;
use super::errors::Failure;
use super::state::State;

/// Client certificates that one control plane may hold.
const MAXIMUM: usize = 32;

/// Pinned certificates: `{items, page: {total_count}}`.
pub fn list_certificates(state: &mut State, control_plane: &str) -> Result<Value, Failure> {
    let items = &state
        .control_plane(control_plane)
        .map_err(|_| missing())?
        .certificates;
    Ok(json!({"items": items, "page": {"total_count": items.len()}}))
}

/// Pins a certificate; the server chooses the id.
pub fn create_certificate(state: &mut State, control_plane: &str, body: &Value) -> Result<Value, Failure> {
    validate(body)?;
    let id = state.counters().id();
    let now = state.counters().tick();
    let pinned = &mut state
        .control_plane(control_plane)
        .map_err(|_| missing())?
        .certificates;
    if pinned.len() >= MAXIMUM {
        return Err(refused("the limit of data plane client certificates is reached"));
    }
    let mut item = json!({"id": id, "cert": body["cert"], "created_at": now, "updated_at": now});
    if let Some(title) = body.get("title") {
        item["title"] = title.clone();
    }
    pinned.push(item.clone());
    Ok(json!({"item": item}))
}

/// One pinned certificate.
pub fn read_certificate(state: &mut State, control_plane: &str, id: &str) -> Result<Value, Failure> {
    let pinned = &state
        .control_plane(control_plane)
        .map_err(|_| missing())?
        .certificates;
    pinned
        .iter()
        .find(|item| item["id"] == id)
        .map(|item| json!({"item": item}))
        .ok_or_else(missing)
}

/// Replaces the text of a pinned certificate, and its title when given.
pub fn replace_certificate(
    state: &mut State,
    control_plane: &str,
    id: &str,
    body: &Value,
) -> Result<Value, Failure> {
    validate(body)?;
    let now = state.counters().tick();
    let pinned = &mut state
        .control_plane(control_plane)
        .map_err(|_| missing())?
        .certificates;
    let item = pinned
        .iter_mut()
        .find(|item| item["id"] == id)
        .ok_or_else(missing)?;
    item["cert"] = body["cert"].clone();
    if let Some(title) = body.get("title") {
        item["title"] = title.clone();
    }
    item["updated_at"] = json!(now);
    Ok(json!({"item": item}))
}

/// Removes a pin.
pub fn delete_certificate(state: &mut State, control_plane: &str, id: &str) -> Result<(), Failure> {
    let pinned = &mut state
        .control_plane(control_plane)
        .map_err(|_| missing())?
        .certificates;
    let before = pinned.len();
    pinned.retain(|item| item["id"] != id);
    if pinned.len() == before {
        Err(missing())
    } else {
        Ok(())
    }
}

/// No data plane ever connects to the simulator.
pub fn list_nodes(state: &mut State, control_plane: &str) -> Result<Value, Failure> {
    state.control_plane(control_plane)?;
    Ok(json!({"items": [], "page": {"total_count": 0}}))
}

/// The hash that connected nodes would report once they hold the configuration.
pub fn expected_hash(state: &mut State, control_plane: &str) -> Result<Value, Failure> {
    let now = state.counters().now();
    let hash = state.control_plane(control_plane)?.expected_hash();
    Ok(json!({"expected_hash": hash, "created_at": now, "updated_at": now}))
}

fn validate(body: &Value) -> Result<(), Failure> {
    let operation = ENTITIES
        .operation("POST", "/dp-client-certificates/")
        .unwrap_or(&Value::Null);
    if let Some(violation) = ENTITIES.violations(&operation["request"], body).first() {
        return Err(refused(&format!("{}: {}", violation.field, violation.message)));
    }
    let text = body["cert"].as_str().unwrap_or_default();
    certificates::parse(text)
        .map(drop)
        .map_err(|reason| refused(&reason))
}

fn refused(message: &str) -> Failure {
    Failure::Legacy(StatusCode::BAD_REQUEST, message.to_owned())
}

fn missing() -> Failure {
    Failure::Legacy(StatusCode::NOT_FOUND, "not found".to_owned())
}
