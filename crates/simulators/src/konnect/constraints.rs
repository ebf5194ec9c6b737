//! Unique and foreign keys, and what a delete does to the entities that refer to the deleted one.

use serde_json::Value;

use super::errors::{Detail, Failure};
use super::kinds::{KINDS, Kind, Unique};
use super::state::ControlPlane;

/// Refuses an entity whose references do not exist or whose keys another entity holds.
pub fn check(control_plane: &ControlPlane, kind: &Kind, id: &str, entity: &Value) -> Result<(), Failure> {
    let mut details = Vec::new();
    for foreign in kind.foreign {
        let Some(target) = entity.get(foreign.field).filter(|reference| !reference.is_null()) else {
            continue;
        };
        let target = target["id"].as_str().unwrap_or_default();
        if control_plane.get(foreign.kind, target).is_none() {
            details.push(Detail::constraint(
                &format!("{}.id", foreign.field),
                "foreign",
                target,
            ));
        }
    }
    for unique in kind.unique {
        let Some(key) = index_key(kind, unique, entity) else {
            continue;
        };
        if control_plane.unique.get(&key).is_some_and(|owner| owner != id) {
            details.push(Detail::constraint(unique.label, "unique", &shown(unique, entity)));
        }
    }
    if details.is_empty() {
        Ok(())
    } else {
        Err(Failure::constraint(details))
    }
}

/// Stores an entity in place of the one with its id, keys included.
pub fn store(control_plane: &mut ControlPlane, kind: &'static Kind, id: &str, entity: Value) {
    forget_keys(control_plane, kind, id);
    for unique in kind.unique {
        if let Some(key) = index_key(kind, unique, &entity) {
            control_plane.unique.insert(key, id.to_owned());
        }
    }
    control_plane.insert(kind, id, entity);
}

/// Deletes an entity and what hangs on it, or refuses when something refers to it that a delete does not take along.
pub fn delete(control_plane: &mut ControlPlane, kind: &'static Kind, id: &str) -> Result<(), Failure> {
    let mut doomed = vec![(kind, id.to_owned())];
    let mut next = 0;
    while let Some((kind, id)) = doomed.get(next).cloned() {
        next += 1;
        refuse_linked(control_plane, kind, &id)?;
        for child in KINDS {
            for foreign in child.foreign.iter().filter(|foreign| foreign.kind == kind.path) {
                let ids: Vec<_> = control_plane
                    .referring(child, foreign.field, &id)
                    .filter_map(|entity| entity["id"].as_str())
                    .map(str::to_owned)
                    .collect();
                if !foreign.cascade && !ids.is_empty() {
                    return Err(still_referenced(child.path, kind.path));
                }
                doomed.extend(ids.into_iter().map(|id| (child, id)));
            }
        }
    }
    for (kind, id) in doomed {
        forget_keys(control_plane, kind, &id);
        control_plane.remove(kind, &id);
        control_plane
            .members
            .retain(|(group, consumer)| *group != id && *consumer != id);
    }
    control_plane.revision += 1;
    Ok(())
}

/// References held in lists: partials linked by plugins, CA certificates trusted by services.
fn refuse_linked(control_plane: &ControlPlane, kind: &Kind, id: &str) -> Result<(), Failure> {
    let lists = |entity: &Value, field: &str| {
        entity[field]
            .as_array()
            .is_some_and(|items| items.iter().any(|item| *item == *id || item["id"] == *id))
    };
    match kind.path {
        "partials"
            if control_plane
                .of("plugins")
                .any(|plugin| lists(plugin, "partials")) =>
        {
            Err(still_referenced("plugins", "partials"))
        }
        "ca_certificates"
            if control_plane
                .of("services")
                .any(|service| lists(service, "ca_certificates")) =>
        {
            Err(still_referenced("services", "ca_certificates"))
        }
        _ => Ok(()),
    }
}

fn still_referenced(child: &str, parent: &str) -> Failure {
    let mut detail = Detail::constraint("id", "foreign", "");
    detail.message = format!("an existing '{child}' entity references this '{parent}' entity");
    Failure::constraint(vec![detail])
}

fn forget_keys(control_plane: &mut ControlPlane, kind: &Kind, id: &str) {
    let Some(old) = control_plane.get(kind.path, id) else {
        return;
    };
    let keys: Vec<_> = kind
        .unique
        .iter()
        .filter_map(|unique| index_key(kind, unique, old))
        .collect();
    for key in keys {
        control_plane.unique.remove(&key);
    }
}

/// The key of an entity in the index, or nothing when an absent property exempts it.
fn index_key(kind: &Kind, unique: &Unique, entity: &Value) -> Option<String> {
    let mut key = format!("{}\u{0}{}", kind.path, unique.label);
    for field in unique.fields {
        let value = part(entity, field);
        if value.is_none() && !unique.absent_counts {
            return None;
        }
        key.push('\u{0}');
        key.push_str(value.unwrap_or_default());
    }
    Some(key)
}

fn part<'a>(entity: &'a Value, field: &str) -> Option<&'a str> {
    let value = entity.get(field)?;
    value.as_str().or_else(|| value["id"].as_str())
}

fn shown(unique: &Unique, entity: &Value) -> String {
    let parts: Vec<_> = unique
        .fields
        .iter()
        .filter_map(|field| part(entity, field))
        .collect();
    parts.join(",")
}
