//! `/v2/control-planes`: list, create, read, change, delete.

use serde_json::{Map, Value, json};

use super::document::CONTROL_PLANES;
use super::errors::Failure;
use super::labels;
use super::paging::{Query, numbered_page};
use super::state::{ControlPlane, State};
use super::validator::{Rule, Violation};
use axum::http::StatusCode;

/// Control planes that the filters admit, oldest first unless `sort` says otherwise.
pub fn list(state: &State, query: &Query) -> Result<Value, Failure> {
    refuse_unknown_filters(query)?;
    let mut found: Vec<_> = state
        .control_planes
        .values()
        .map(|c| c.record.clone())
        .filter(|record| admits(query, record))
        .collect();
    found.sort_by_key(|record| (text(&record["created_at"]), text(&record["id"])));
    if query
        .get("sort")
        .is_some_and(|sort| sort.trim_end().ends_with("desc"))
    {
        found.reverse();
    }
    numbered_page(query, found)
}

/// A new control plane from a `CreateControlPlaneRequest`; the name must be free.
pub fn create(state: &mut State, body: &Value) -> Result<Value, Failure> {
    validate("CreateControlPlaneRequest", body)?;
    refuse_taken_name(state, &body["name"], "")?;
    let id = state.counters().id();
    let now = timestamp(state.counters().tick());
    let prefix: String = id.chars().filter(char::is_ascii_hexdigit).take(10).collect();
    let geo = state.options.geo.clone();
    let record = json!({
        "id": id,
        "name": body["name"],
        "description": or(&body["description"], json!("")),
        "labels": or(&body["labels"], json!({})),
        "config": {
            "control_plane_endpoint": format!("https://{prefix}.{geo}.cp.konghq.com"),
            "telemetry_endpoint": format!("https://{prefix}.{geo}.tp.konghq.com"),
            "cluster_type": or(&body["cluster_type"], json!("CLUSTER_TYPE_CONTROL_PLANE")),
            "auth_type": or(&body["auth_type"], json!("pinned_client_certs")),
            "cloud_gateway": or(&body["cloud_gateway"], json!(false)),
            "proxy_urls": or(&body["proxy_urls"], json!([])),
        },
        "created_at": now,
        "updated_at": now,
    });
    state.control_planes.insert(id, ControlPlane::new(record.clone()));
    Ok(record)
}

/// One control plane.
pub fn read(state: &State, id: &str) -> Result<Value, Failure> {
    let found = state
        .control_planes
        .get(id)
        .ok_or_else(Failure::control_plane_not_found)?;
    Ok(found.record.clone())
}

/// Changes what an `UpdateControlPlaneRequest` names; labels and proxy URLs are replaced as a whole.
pub fn update(state: &mut State, id: &str, body: &Value) -> Result<Value, Failure> {
    let mut record = read(state, id)?;
    validate("UpdateControlPlaneRequest", body)?;
    refuse_taken_name(state, &body["name"], id)?;
    for field in ["name", "description", "labels"] {
        if let Some(value) = body.get(field) {
            record[field] = value.clone();
        }
    }
    for field in ["auth_type", "proxy_urls"] {
        if let Some(value) = body.get(field) {
            record["config"][field] = value.clone();
        }
    }
    record["updated_at"] = json!(timestamp(state.counters().tick()));
    if let Some(control_plane) = state.control_planes.get_mut(id) {
        control_plane.record = record.clone();
    }
    Ok(record)
}

/// Deletes a control plane with everything in it.
pub fn delete(state: &mut State, id: &str) -> Result<(), Failure> {
    state
        .control_planes
        .remove(id)
        .map(drop)
        .ok_or_else(Failure::control_plane_not_found)
}

fn validate(schema: &str, body: &Value) -> Result<(), Failure> {
    let mut violations = CONTROL_PLANES.violations(CONTROL_PLANES.schema(schema), body);
    violations.extend(labels::violations(&body["labels"]));
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_parameters("body", violations))
    }
}

fn refuse_taken_name(state: &State, name: &Value, own_id: &str) -> Result<(), Failure> {
    let taken = state
        .control_planes
        .iter()
        .any(|(id, other)| id != own_id && !name.is_null() && other.record["name"] == *name);
    let detail = format!(
        "Key (org_id, name)=({}, {name}) already exists.",
        state.options.organisation.id
    );
    if taken {
        Err(Failure::Problem(StatusCode::CONFLICT, detail, Vec::new()))
    } else {
        Ok(())
    }
}

fn refuse_unknown_filters(query: &Query) -> Result<(), Failure> {
    const KNOWN: [&str; 9] = [
        "filter[id][eq]",
        "filter[id][oeq]",
        "filter[name][eq]",
        "filter[name][neq]",
        "filter[name][contains]",
        "filter[cluster_type][eq]",
        "filter[cluster_type][neq]",
        "filter[cluster_type][oeq]",
        "filter[cloud_gateway]",
    ];
    let unknown: Vec<_> = query
        .iter()
        .filter(|(name, _)| name.starts_with("filter") && !KNOWN.contains(name))
        .map(|(name, _)| {
            let message = "is not a documented filter".to_owned();
            Violation {
                field: name.to_owned(),
                rule: Rule::Unknown,
                message,
            }
        })
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_parameters("query", unknown))
    }
}

fn admits(query: &Query, record: &Value) -> bool {
    let config = &record["config"];
    query.iter().all(|(name, wanted)| match name {
        "filter[id][eq]" => record["id"] == wanted,
        "filter[id][oeq]" => wanted.split(',').any(|id| record["id"] == id),
        "filter[name][eq]" => record["name"] == wanted,
        "filter[name][neq]" => record["name"] != wanted,
        "filter[name][contains]" => text(&record["name"]).contains(wanted),
        "filter[cluster_type][eq]" => config["cluster_type"] == wanted,
        "filter[cluster_type][neq]" => config["cluster_type"] != wanted,
        "filter[cluster_type][oeq]" => wanted.split(',').any(|kind| config["cluster_type"] == kind),
        "filter[cloud_gateway]" => text(&config["cloud_gateway"]) == wanted,
        "labels" => record["labels"]
            .as_object()
            .is_some_and(|labels| has_labels(labels, wanted)),
        _ => true,
    })
}

/// `key:value,otherKey`: every label must be there, with the value where one is given.
fn has_labels(labels: &Map<String, Value>, wanted: &str) -> bool {
    wanted.split(',').all(|part| match part.split_once(':') {
        Some((key, value)) => labels.get(key).is_some_and(|own| own == value),
        None => labels.contains_key(part),
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn or(value: &Value, default: Value) -> Value {
    if value.is_null() { default } else { value.clone() }
}

/// RFC 3339 in UTC.
pub fn timestamp(seconds: u64) -> String {
    jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default())
        .unwrap_or_default()
        .to_string()
}
