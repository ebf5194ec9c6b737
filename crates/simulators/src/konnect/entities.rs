//! Core entities: list, read, create, replace, delete.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::document::ENTITIES;
use super::errors::{Detail, Failure};
use super::kinds::{self, Address, Kind};
use super::lag::Lag;
use super::paging::{Part, Query, TagFilter, entity_page};
use super::posting::PostWithId;
use super::rules::{self, Context};
use super::state::{ControlPlane, Counters};
use super::{constraints, plugins, views};

/// A page of the entities at an address: `{data, next, offset}`.
pub fn list(
    control_plane: &ControlPlane,
    lag: &mut Lag,
    path: &str,
    address: &Address,
    query: &Query,
) -> Result<Value, Failure> {
    let parent = parent_id(control_plane, address)?;
    let part = Part::of(query)?;
    // Tag filters are ignored on nested lists.
    let tags = match parent {
        Some(_) => None,
        None => TagFilter::of(query)?,
    };
    let mut left_out = Vec::new();
    let selected = at(control_plane, address, parent.as_deref(), &part.after).filter(|entity| {
        let id = entity["id"].as_str().unwrap_or_default();
        let hidden = id > part.after.as_str() && lag.leaves_out(address.kind.path, id);
        if hidden {
            left_out.push(id.to_owned());
        }
        !hidden
            && tags.as_ref().is_none_or(|tags| tags.admits(entity))
            && matches_name(query, address.kind, entity)
    });
    let (page, mut envelope) = entity_page(path, query, (&part, lag.by_position), selected);
    lag.count(address.kind.path, &left_out);
    // Moved: `json!` would copy each of them.
    let shown = page
        .into_iter()
        .map(|e| views::shown(control_plane, address.kind, e))
        .collect();
    envelope["data"] = Value::Array(shown);
    Ok(envelope)
}

/// One entity, by id or by the name that its kind is looked up by.
pub fn read(control_plane: &ControlPlane, address: &Address, query: &Query) -> Result<Value, Failure> {
    let parent = parent_id(control_plane, address)?;
    let entity = find(control_plane, address, parent.as_deref())
        .filter(|entity| is_below(address, parent.as_deref(), entity))
        .ok_or_else(Failure::entity_not_found)?;
    Ok(views::single(control_plane, address.kind, entity, query))
}

/// Deletes an entity; succeeds also when it is gone already.
pub fn delete(control_plane: &mut ControlPlane, address: &Address) -> Result<(), Failure> {
    let found = read(control_plane, address, &Query::default());
    let id = match (&found, address.kind.path) {
        (Ok(wrapped), "consumer_groups") => wrapped["consumer_group"]["id"].as_str(),
        (Ok(entity), _) => entity["id"].as_str(),
        (Err(_), _) => None,
    };
    id.map_or(Ok(()), |id| constraints::delete(control_plane, address.kind, id))
}

/// A write of one entity.
#[derive(Debug)]
pub struct Write<'a> {
    /// Where the entity goes.
    pub address: &'a Address,
    /// The schema of the request body.
    pub schema: &'a Value,
    /// The body.
    pub body: &'a Value,
    /// The query.
    pub query: &'a Query,
}

/// Creates an entity; what becomes of an id in the body is the server's choice.
pub fn create(
    control_plane: &mut ControlPlane,
    counters: &mut Counters,
    write: &Write<'_>,
    posting: PostWithId,
) -> Result<Value, Failure> {
    let body = validated(control_plane, write)?;
    let kind = write.address.kind;
    let id = match body.get("id").and_then(Value::as_str) {
        Some(id) if posting != PostWithId::AssignsIds => chosen_id(id)?,
        _ => counters.id(),
    };
    if control_plane.get(kind.path, &id).is_some() {
        match posting {
            PostWithId::Refuses => {
                return Err(Failure::constraint(vec![Detail::constraint("id", "unique", &id)]));
            }
            PostWithId::RefusesWith409 => {
                let detail = Detail::constraint("id", "unique", &id);
                return Err(Failure::Entity(
                    StatusCode::CONFLICT,
                    "already exists",
                    vec![detail],
                ));
            }
            PostWithId::RefusesByField => {
                // An index of the content is looked at first: the field that names it in place of the id.
                let free = counters.id();
                save(control_plane, counters, write, (free.clone(), body))?;
                constraints::delete(control_plane, kind, &free)?;
                return Err(Failure::constraint(vec![Detail::constraint("id", "unique", &id)]));
            }
            PostWithId::AssignsIds | PostWithId::Overwrites => {}
        }
    }
    save(control_plane, counters, write, (id, body))
}

/// Creates or replaces the entity whose id or name stands in the path. A property that the body omits returns to its
/// default.
pub fn replace(
    control_plane: &mut ControlPlane,
    counters: &mut Counters,
    write: &Write<'_>,
) -> Result<Value, Failure> {
    let kind = write.address.kind;
    let named = write.address.id.as_deref().unwrap_or_default();
    let mut body = validated(control_plane, write)?;
    let parent = parent_id(control_plane, write.address)?;
    let existing = find(control_plane, write.address, parent.as_deref())
        .and_then(|entity| entity["id"].as_str())
        .map(str::to_owned);
    let id = match (existing, kind.lookup) {
        (Some(id), _) => id,
        (None, Some(field)) if Uuid::parse_str(named).is_err() => {
            body.entry(field).or_insert_with(|| json!(named));
            counters.id()
        }
        (None, _) => chosen_id(named)?,
    };
    save(control_plane, counters, write, (id, body))
}

/// Checks a body as a write would, without keys: what `schemas/{entity}/validate` answers.
pub fn validate(control_plane: &ControlPlane, kind: &'static Kind, body: &Value) -> Result<(), Failure> {
    let address = Address {
        kind,
        parent: None,
        id: None,
    };
    let schema = json!({"$ref": kind.schema});
    let write = Write {
        address: &address,
        schema: &schema,
        body,
        query: &Query::default(),
    };
    let mut entity = defaulted(&write, validated(control_plane, &write)?);
    let context = Context {
        control_plane,
        kind,
        query: write.query,
    };
    rules::complete(&context, &mut Counters::default(), &mut entity)
}

/// The body without nulls, with the parent of the path set, after the check against the document.
fn validated(control_plane: &ControlPlane, write: &Write<'_>) -> Result<Map<String, Value>, Failure> {
    let violations = ENTITIES.violations(write.schema, write.body);
    if !violations.is_empty() {
        return Err(Failure::validation(
            violations.into_iter().map(Detail::from).collect(),
        ));
    }
    let mut body = write.body.as_object().cloned().unwrap_or_default();
    body.retain(|_, value| !value.is_null());
    if let (Some((nested, _)), Some(parent)) =
        (&write.address.parent, parent_id(control_plane, write.address)?)
    {
        body.insert(nested.field.to_owned(), json!({"id": parent}));
    }
    Ok(body)
}

fn defaulted(write: &Write<'_>, mut body: Map<String, Value>) -> Value {
    if write.address.kind.path == "plugins" {
        plugins::default_protocols(&mut body);
    }
    let mut entity = Value::Object(body);
    ENTITIES.validator().fill_defaults(write.schema, &mut entity);
    entity
}

fn save(
    control_plane: &mut ControlPlane,
    counters: &mut Counters,
    write: &Write<'_>,
    (id, body): (String, Map<String, Value>),
) -> Result<Value, Failure> {
    let kind = write.address.kind;
    let mut entity = defaulted(write, body);
    let context = Context {
        control_plane,
        kind,
        query: write.query,
    };
    rules::complete(&context, counters, &mut entity)?;
    entity["id"] = json!(id);
    stamp(control_plane, counters, kind, &mut entity);
    constraints::check(control_plane, kind, &id, &entity)?;
    constraints::store(control_plane, kind, &id, entity.clone());
    Ok(views::shown(control_plane, kind, &entity))
}

/// Sets the times that the kind's schema has; sent ones are ignored. Targets carry fractions of a second.
fn stamp(control_plane: &ControlPlane, counters: &mut Counters, kind: &Kind, entity: &mut Value) {
    let now = counters.tick();
    let schema = ENTITIES.validator().resolve(ENTITIES.schema(kind.schema), entity);
    let schema = if schema["allOf"].is_array() {
        &schema["allOf"][0]
    } else {
        schema
    };
    let time = |name: &str| match schema["properties"][name]["type"].as_str() {
        Some("number") => Some(json!(now as f64 + 0.25)),
        Some(_) => Some(json!(now)),
        None => None,
    };
    let (created, updated) = (time("created_at"), time("updated_at"));
    let id = entity["id"].as_str().unwrap_or_default();
    let known = control_plane
        .get(kind.path, id)
        .and_then(|old| old.get("created_at"))
        .cloned();
    if let Some(map) = entity.as_object_mut() {
        map.remove("created_at");
        map.remove("updated_at");
        map.extend(known.or(created).map(|time| ("created_at".to_owned(), time)));
        map.extend(updated.map(|time| ("updated_at".to_owned(), time)));
    }
}

/// Ids are lower-case UUIDs.
fn chosen_id(text: &str) -> Result<String, Failure> {
    let valid = Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text);
    let refused = || Failure::validation(vec![Detail::field("id", "must be a valid lower-case UUID")]);
    if valid {
        Ok(text.to_owned())
    } else {
        Err(refused())
    }
}

/// The id of the parent in the path; 404 when there is no such parent.
fn parent_id(control_plane: &ControlPlane, address: &Address) -> Result<Option<String>, Failure> {
    let Some((nested, named)) = &address.parent else {
        return Ok(None);
    };
    let parent = kinds::by_path(nested.parent).and_then(|kind| control_plane.find(kind, named));
    let id = parent
        .and_then(|parent| parent["id"].as_str())
        .ok_or_else(Failure::entity_not_found)?;
    Ok(Some(id.to_owned()))
}

/// The entity that the path's last segment names: by id anywhere, by name among the parent's own.
fn find<'c>(control_plane: &'c ControlPlane, address: &Address, parent: Option<&str>) -> Option<&'c Value> {
    let named = address.id.as_deref()?;
    if address.parent.is_none() || Uuid::parse_str(named).is_ok() {
        return control_plane.find(address.kind, named);
    }
    let field = address.kind.lookup?;
    at(control_plane, address, parent, "").find(|entity| entity[field] == named)
}

/// The entities at an address from an id on, in order of id.
fn at<'c>(
    control_plane: &'c ControlPlane,
    address: &Address,
    parent: Option<&str>,
    from: &str,
) -> Box<dyn Iterator<Item = &'c Value> + 'c> {
    match (&address.parent, parent) {
        (Some((nested, _)), Some(id)) => Box::new(control_plane.referring(address.kind, nested.field, id)),
        _ => Box::new(control_plane.of_from(address.kind.path, from)),
    }
}

fn is_below(address: &Address, parent: Option<&str>, entity: &Value) -> bool {
    match (&address.parent, parent) {
        (Some((nested, _)), Some(id)) => entity[nested.field]["id"] == id,
        _ => true,
    }
}

fn matches_name(query: &Query, kind: &Kind, entity: &Value) -> bool {
    let name = entity["name"].as_str().unwrap_or_default();
    let documented = kind.lookup == Some("name");
    query.iter().all(|(parameter, wanted)| match parameter {
        "filter[name][eq]" if documented => name == wanted,
        "filter[name][contains]" if documented => name.contains(wanted),
        "custom_id" if kind.path == "consumers" => entity["custom_id"] == wanted,
        _ => true,
    })
}

/// A write that the target's quirk of Kong refuses: PUT of a target that does not exist yet.
pub fn refuse_missing_target(control_plane: &ControlPlane, address: &Address) -> Result<(), Failure> {
    let parent = parent_id(control_plane, address)?;
    let missing = find(control_plane, address, parent.as_deref()).is_none();
    if address.kind.path == "targets" && missing {
        return Err(Failure::Entity(StatusCode::NOT_FOUND, "not found", Vec::new()));
    }
    Ok(())
}
