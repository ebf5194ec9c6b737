//! Makes a source entity into the body that Konnect takes, and names every field that does not fit.

use serde_json::{Map, Value};

use super::aliases::remove_aliases;
use super::catalogue::{Catalogue, FieldSchema, Shape};
use super::mask;
use super::path::Path;
use super::planner_rules::{ALIAS_DIFFERS, FIELD_NOT_IN_TARGET};
use crate::kong::model::entity_kind::Role;
use crate::kong::model::{Entity, json, recast};
use crate::migration::finding::Finding;

/// An entity for the target and what did not fit.
#[derive(Debug)]
pub struct Translated {
    /// With all explicit values of the source, null where the target's schema takes null.
    pub entity: Entity,
    /// A finding for each field with a value that the target does not know.
    pub findings: Vec<Finding>,
}

/// Translates one entity. Kinds without a published schema (memberships) pass as they are.
#[must_use]
pub fn translate(mut entity: Entity, catalogue: &Catalogue) -> Translated {
    let subject = entity.subject();
    let schema = catalogue.entity(entity.kind, &entity.body);
    let body = &mut entity.body;
    for field in entity.kind.read_only {
        body.remove(*field);
    }
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    let mut plugin = None;
    if entity.kind.role == Role::Plugin {
        let name = body
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        for path in remove_aliases(&name, body) {
            let observed = format!("plugin {name}: {path} differs from its successor");
            findings.push(Finding::new(&ALIAS_DIFFERS, subject.clone(), observed).at(path));
        }
        if let (Some(shape), Some(config)) = (catalogue.shape(&name), body.get_mut("config")) {
            fit_config(config, &shape.config, &Path::field("config"), &mut unknown);
        }
        forget_group_choice(body);
        plugin = Some(name);
    }
    if let Some(schema) = schema {
        fit(body, schema, None, &mut unknown);
    }
    let inert = entity.kind.inert;
    unknown.retain(|(path, value)| {
        !inert
            .iter()
            .any(|(field, meaningless)| field == path && meaningless.is(value))
    });
    findings.extend(unknown.into_iter().map(|(path, value)| {
        let observed = format!(
            "{path} = {}",
            mask::shown(entity.kind, plugin.as_deref(), &path, &value)
        );
        Finding::new(&FIELD_NOT_IN_TARGET, subject.clone(), observed).at(path)
    }));
    Translated { entity, findings }
}

/// A body that the target returned, as the target takes it again: without what the server makes itself, without nulls that it does
/// not take.
#[must_use]
pub fn fit_for_target(entity: &Entity, catalogue: &Catalogue) -> Map<String, Value> {
    let mut body = entity.body.clone();
    for field in entity.kind.read_only {
        body.remove(*field);
    }
    if let Some(schema) = catalogue.entity(entity.kind, &entity.body) {
        // What the target returns and does not take, it makes itself.
        fit(&mut body, schema, None, &mut Vec::new());
    }
    body
}

/// Limits of consumer groups move as plugins of the groups ([`crate::kong::model::recast`]); in Konnect there is nothing to choose.
fn forget_group_choice(body: &mut Map<String, Value>) {
    if recast::is_rate_limiting(body) && json::get(body, recast::CHOICE_SWITCH) == Some(&Value::Bool(true)) {
        json::set(body, recast::CHOICE_SWITCH, Value::Bool(false));
    }
}

/// Fields with a value that the target does not know, by path.
type Unknown = Vec<(String, Value)>;

/// Leaves out what a closed object does not know and nulls it does not take; collects unknown fields that hold a value.
fn fit(body: &mut Map<String, Value>, schema: &FieldSchema, at: Option<&Path<'_>>, unknown: &mut Unknown) {
    let Some(fields) = &schema.fields else { return };
    body.retain(|name, value| match (fields.get(name), &*value) {
        (Some(field), Value::Null) => field.null,
        (None, Value::Null) => false,
        (Some(field), _) => {
            fit_value(value, field, &Path::below(at, name), unknown);
            true
        }
        (None, _) => {
            unknown.push((Path::below(at, name).to_string(), value.take()));
            false
        }
    });
}

fn fit_value(value: &mut Value, schema: &FieldSchema, path: &Path<'_>, unknown: &mut Unknown) {
    match value {
        Value::Object(fields) if !schema.open => fit(fields, schema, Some(path), unknown),
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for item in items {
                    fit_value(item, schema, &path.items(), unknown);
                }
            }
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Leaves out configuration fields that the plugin's schema does not have; collects those that hold a value.
fn fit_config(value: &mut Value, shape: &Shape, path: &Path<'_>, unknown: &mut Unknown) {
    match (value, shape) {
        (Value::Object(fields), Shape::Record(known)) => {
            fields.retain(|name, value| {
                let path = path.then(name);
                match known.get(name).or_else(|| known.get("*")) {
                    Some(shape) => fit_config(value, shape, &path, unknown),
                    None if value.is_null() => return false,
                    None => {
                        unknown.push((path.to_string(), value.take()));
                        return false;
                    }
                }
                true
            });
        }
        (Value::Array(items), Shape::List(shapes)) => {
            for (item, shape) in items.iter_mut().zip(shapes.iter().cycle()) {
                fit_config(item, shape, &path.items(), unknown);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::entity;
    use super::*;

    fn translated(kind: &str, body: Value) -> Translated {
        translate(entity(kind, body), Catalogue::bundled())
    }

    #[test]
    fn explicit_values_stay_and_server_fields_go() {
        let service = translated(
            "services",
            json!({"id": "s", "host": "h", "retries": null, "created_at": 1, "tls_verify": false}),
        );
        assert_eq!(
            Value::Object(service.entity.body),
            json!({"host": "h", "retries": null, "tls_verify": false})
        );
        assert!(service.findings.is_empty());
    }

    #[test]
    fn a_null_that_the_schema_forbids_is_omitted() {
        let upstream = translated(
            "upstreams",
            json!({"id": "u", "name": "n", "healthchecks": {"active": {"https_sni": null}}}),
        );
        assert!(upstream.findings.is_empty());
        assert_eq!(upstream.entity.body["healthchecks"], json!({"active": {}}));
    }

    #[test]
    fn an_unknown_field_with_a_value_is_named_and_one_without_is_not() {
        let consumer = translated(
            "consumers",
            json!({"id": "c", "username": "u", "type": 0, "quota": 7, "note": null}),
        );
        assert_eq!(consumer.findings.len(), 1);
        assert_eq!(consumer.findings[0].field.as_deref(), Some("quota"));
        let developer = translated("consumers", json!({"id": "c", "username": "u", "type": 1}));
        assert_eq!(developer.findings[0].field.as_deref(), Some("type"));
    }

    #[test]
    fn fields_inside_known_records_are_checked_too() {
        let key = translated(
            "keys",
            json!({"id": "k", "kid": "1", "pem": {"private_key": "p", "hint": "secret place"}}),
        );
        assert_eq!(key.findings[0].field.as_deref(), Some("pem.hint"));
        assert_eq!(key.findings[0].observed, "pem.hint = ***");
    }

    #[test]
    fn an_expression_route_is_checked_against_its_own_form() {
        let route = translated(
            "routes",
            json!({"id": "r", "expression": "http.path == \"/\"", "priority": 1, "regex_priority": 2}),
        );
        assert_eq!(route.findings[0].field.as_deref(), Some("regex_priority"));
        assert_eq!(route.entity.body["priority"], json!(1));
    }

    #[test]
    fn a_router_of_expressions_returns_both_priorities_and_the_other_one_means_nothing() {
        let expression =
            json!({"id": "r", "expression": "http.path == \"/\"", "priority": 0, "regex_priority": 0});
        let traditional =
            json!({"id": "r", "expression": null, "paths": ["/"], "priority": 0, "regex_priority": 0});
        for (route, kept, dropped) in [
            (expression, "priority", "regex_priority"),
            (traditional, "regex_priority", "priority"),
        ] {
            let route = translated("routes", route);
            assert!(route.findings.is_empty(), "{:?}", route.findings);
            assert_eq!(route.entity.body[kept], json!(0));
            assert!(!route.entity.body.contains_key(dropped));
        }
    }

    #[test]
    fn plugin_configuration_travels_whole() {
        let config = json!({"anything": null, "deep": {"x": [1]}});
        let plugin = translated(
            "plugins",
            json!({"id": "p", "name": "our-own", "config": config.clone(), "consumer": null}),
        );
        assert_eq!(plugin.entity.body["config"], config);
        assert!(plugin.findings.is_empty());
    }
}
