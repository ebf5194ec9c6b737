//! How stored entities look in answers.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::paging::Query;
use super::state::ControlPlane;

/// An entity as lists and writes show it: write-only fields gone, a certificate's names added.
pub fn shown(control_plane: &ControlPlane, kind: &Kind, entity: &Value) -> Value {
    let mut entity = entity.clone();
    if kind.path == "certificates" {
        let mut names: Vec<_> = control_plane
            .of("snis")
            .filter(|sni| sni["certificate"]["id"] == entity["id"])
            .map(|sni| sni["name"].clone())
            .collect();
        names.sort_by_key(Value::to_string);
        entity["snis"] = json!(names);
    }
    if let Some(map) = entity.as_object_mut() {
        map.retain(|name, _| !matches!(name.as_str(), "url" | "vault" | "vault_alt"));
    }
    entity
}

/// An entity as a single read shows it: consumer groups are wrapped, with their members on request.
pub fn single(control_plane: &ControlPlane, kind: &Kind, entity: &Value, query: &Query) -> Value {
    if kind.path != "consumer_groups" {
        return shown(control_plane, kind, entity);
    }
    let mut wrapped = json!({"consumer_group": entity});
    if query.flag("list_consumers") {
        let members = control_plane
            .members
            .iter()
            .filter(|(group, _)| entity["id"] == *group);
        let members: Vec<_> = members
            .filter_map(|(_, id)| control_plane.get("consumers", id))
            .collect();
        wrapped["consumers"] = json!(members);
    }
    wrapped
}
