//! Filling the state from a dump.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::kinds::Kind;
use super::state::State;

/// Why a dump could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The dump is no object, or a list in it no list.
    #[error("{0}: expected {1}")]
    Shape(String, &'static str),
    /// No Kong has such a list.
    #[error(
        "{0}: no such list in the Admin API; write list paths such as /services or /upstreams/<id>/targets"
    )]
    UnknownPath(String),
    /// Every entity of a dump has an id.
    #[error("{path}: entity {place} has no id (place 0 is the first)")]
    NoId {
        /// The list.
        path: String,
        /// The place in the list.
        place: usize,
    },
    /// A foreign key or membership names what is not there.
    #[error("{path}: {id} refers to {kind} {target}, which is not in the dump")]
    Dangling {
        /// The list of the referring entity.
        path: String,
        /// The referring entity.
        id: String,
        /// The kind referred to.
        kind: &'static str,
        /// The id referred to.
        target: String,
    },
}

/// A list of a dump.
enum List {
    Entities(&'static Kind),
    /// Members of the consumer group with this id.
    Members(String),
    /// Overrides of the consumer group with this id.
    Overrides(String),
}

pub(super) fn load(state: &mut State, workspace: &str, dump: &Value, now: i64) -> Result<(), LoadError> {
    let dump = dump
        .as_object()
        .ok_or_else(|| LoadError::Shape("dump".to_owned(), "an object of lists"))?;
    state.ensure_workspace(workspace, now);
    let mut lists = Vec::new();
    for (path, entities) in dump.iter().filter(|(path, _)| *path != "/tags") {
        let list = list_of(path)?;
        let entities = entities
            .as_array()
            .ok_or_else(|| LoadError::Shape(path.clone(), "a list of entities"))?;
        lists.push((path, list, entities));
    }
    // SNIs before the certificates that name them, or those would be made anew with other ids.
    lists.sort_by_key(|(_, list, _)| matches!(list, List::Entities(kind) if kind.list == "certificates"));
    for (path, list, entities) in &lists {
        for (place, entity) in entities.iter().enumerate() {
            let no_id = || LoadError::NoId {
                path: path.to_string(),
                place,
            };
            let entity = entity
                .as_object()
                .ok_or_else(|| LoadError::Shape(path.to_string(), "objects in the list"))?;
            match list {
                List::Entities(kind) => state
                    .put(workspace, kind, entity.clone(), now)
                    .ok_or_else(no_id)?,
                List::Overrides(group) => {
                    let overrides = &mut state.ensure_workspace(workspace, now).overrides;
                    overrides
                        .entry(group.clone())
                        .or_default()
                        .push(entity.clone().into());
                }
                List::Members(group) => {
                    let consumer = entity
                        .get("id")
                        .and_then(Value::as_str)
                        .ok_or_else(no_id)?
                        .to_ascii_lowercase();
                    let members = &mut state.ensure_workspace(workspace, now).members;
                    members.entry(group.clone()).or_default().insert(consumer);
                }
            }
        }
    }
    lists.iter().try_for_each(|(path, list, entities)| {
        check_references(state, workspace, (path.as_str(), list), entities)
    })
}

/// Stores one entity; `list` as in [`super::KongAdmin::put`].
pub(super) fn put(
    state: &mut State,
    workspace: &str,
    list: &str,
    entity: Value,
    now: i64,
) -> Result<(), LoadError> {
    let kind = Kind::by_list(list).ok_or_else(|| LoadError::UnknownPath(list.to_owned()))?;
    let Value::Object(entity) = entity else {
        return Err(LoadError::Shape(list.to_owned(), "an object"));
    };
    state
        .put(workspace, kind, entity, now)
        .ok_or_else(|| LoadError::NoId {
            path: list.to_owned(),
            place: 0,
        })
}

fn list_of(path: &str) -> Result<List, LoadError> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["consumer_groups", group, "consumers"] => Some(List::Members(group.to_ascii_lowercase())),
        ["consumer_groups", group, "overrides", "plugins", _] => {
            Some(List::Overrides(group.to_ascii_lowercase()))
        }
        path => Kind::leading(path).and_then(|(kind, rest)| match rest {
            [] => Some(List::Entities(kind)),
            [_, nested] => Kind::nested(kind, nested).map(|(kind, _)| List::Entities(kind)),
            _ => None,
        }),
    }
    .ok_or_else(|| LoadError::UnknownPath(path.to_owned()))
}

fn check_references(
    state: &State,
    workspace: &str,
    (path, list): (&str, &List),
    entities: &[Value],
) -> Result<(), LoadError> {
    let mut wanted: BTreeSet<(&'static str, &str, &str)> = BTreeSet::new();
    for entity in entities.iter().filter_map(Value::as_object) {
        let id = text(entity, "id");
        match list {
            List::Overrides(group) => {
                wanted.insert(("consumer_groups", group, group));
            }
            List::Members(group) => {
                wanted.insert(("consumers", group, id));
                wanted.insert(("consumer_groups", group, group));
            }
            List::Entities(kind) => wanted.extend(kind.foreign.iter().filter_map(|foreign| {
                let target = entity.get(foreign.field)?.get("id")?.as_str()?;
                Some((foreign.kind, id, target))
            })),
        }
    }
    for (kind, id, target) in wanted {
        let there = Kind::by_list(kind).is_some_and(|kind| state.find(workspace, kind, target).is_some());
        if !there {
            return Err(LoadError::Dangling {
                path: path.to_owned(),
                id: id.to_owned(),
                kind,
                target: target.to_owned(),
            });
        }
    }
    Ok(())
}

fn text<'a>(entity: &'a Map<String, Value>, field: &str) -> &'a str {
    entity.get(field).and_then(Value::as_str).unwrap_or_default()
}
