//! Writes out what a declarative file leaves to defaults: an Admin API returns every field, a file only those that somebody
//! wrote, and Konnect fills the rest with the newest defaults.
//!
//! Core entities: `core_defaults`, and the protocols of a route, which depend on the version.
//! Plugins: only defaults that are others in the newest schemas, since Konnect fills the rest with the same values.

use serde_json::{Map, Value, json};

use super::catalogue::Catalogue;
use super::core_defaults::CORE;
use super::preflight::declared::{DECLARED_DEFAULT_UNKNOWN, DECLARED_VERSION_UNKNOWN};
use crate::kong::model::entity_kind::Role;
use crate::kong::model::{Entity, KongVersion, Snapshot, json};
use crate::migration::finding::Finding;
use crate::migration::subject::{EntityKey, Subject};

/// From here on a route takes https alone, unless it says otherwise.
const HTTPS_ONLY: KongVersion = KongVersion { major: 3, minor: 14 };

/// Fills the gaps of all entities with what the gateway of `version` would have put there, and tells where that is not known.
#[must_use]
pub fn fill_defaults(
    snapshot: &mut Snapshot,
    version: Option<KongVersion>,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if version.is_none() && !snapshot.is_empty() {
        let key = EntityKey::new("_format_version", "*");
        let subject = Subject { key, name: None };
        findings.push(Finding::new(
            &DECLARED_VERSION_UNKNOWN,
            subject,
            "no version of the gateway is given",
        ));
    }
    snapshot.change(|entity| {
        fill_core(entity, version);
        if entity.kind.role == Role::Plugin {
            fill_plugin(entity, version, catalogue, &mut findings);
        }
    });
    findings
}

fn fill_core(entity: &mut Entity, version: Option<KongVersion>) {
    if let Some(Value::Object(defaults)) = CORE.get(entity.kind.name) {
        json::fill(&mut entity.body, defaults);
    }
    if entity.kind.role != Role::Route {
        return;
    }
    let expression = entity
        .body
        .get("expression")
        .is_some_and(|value| !value.is_null());
    if expression {
        // A route by expression has a priority instead.
        entity.body.remove("regex_priority");
        entity.body.entry("priority").or_insert_with(|| json!(0));
    }
    let protocols = if version.is_some_and(|version| version >= HTTPS_ONLY) {
        json!(["https"])
    } else {
        json!(["http", "https"])
    };
    entity.body.entry("protocols").or_insert(protocols);
}

fn fill_plugin(
    entity: &mut Entity,
    version: Option<KongVersion>,
    catalogue: &Catalogue,
    findings: &mut Vec<Finding>,
) {
    let subject = entity.subject();
    let Some(name) = entity.body.get("name").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    let secrets = catalogue.secrets(&name).unwrap_or_default();
    entity.body.entry("config").or_insert_with(|| json!({}));
    for (path, values) in catalogue.former_defaults(version, &name) {
        // A secret default is random, made anew by each gateway.
        if secrets.iter().any(|secret| secret == path) {
            continue;
        }
        let parts: Vec<&str> = path.split('.').collect();
        match values.as_slice() {
            [value] if !holds_records(value) => {
                fill_path(&mut entity.body, &parts, value);
            }
            // Lists of records are not given in full by the schemas, and several values cannot be chosen from.
            _ if is_missing(&entity.body, &parts) => {
                findings.push(
                    Finding::new(
                        &DECLARED_DEFAULT_UNKNOWN,
                        subject.clone(),
                        format!("plugin {name} leaves {path} out"),
                    )
                    .at(path),
                );
            }
            _ => {}
        }
    }
}

fn holds_records(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(Value::is_object),
        value => value.is_object(),
    }
}

/// Sets a missing field where the record around it is in use; `a[]` enters each element.
fn fill_path(body: &mut Map<String, Value>, path: &[&str], value: &Value) {
    match path {
        [] => {}
        [field] => {
            body.entry(*field).or_insert_with(|| value.clone());
        }
        [record, rest @ ..] => match body.get_mut(record.trim_end_matches("[]")) {
            Some(Value::Object(inner)) => fill_path(inner, rest, value),
            Some(Value::Array(items)) => {
                for inner in items.iter_mut().filter_map(Value::as_object_mut) {
                    fill_path(inner, rest, value);
                }
            }
            _ => {}
        },
    }
}

fn is_missing(body: &Map<String, Value>, path: &[&str]) -> bool {
    match path {
        [] => false,
        [field] => !body.contains_key(*field),
        [record, rest @ ..] => match body.get(record.trim_end_matches("[]")) {
            Some(Value::Object(inner)) => is_missing(inner, rest),
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(Value::as_object)
                .any(|inner| is_missing(inner, rest)),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::entity;
    use super::*;

    fn filled(kind: &str, body: Value, version: &str) -> (Map<String, Value>, Vec<String>) {
        let entity = entity(kind, body);
        let key = entity.key();
        let mut snapshot = Snapshot::from_iter([entity]);
        let findings = fill_defaults(&mut snapshot, KongVersion::parse(version), Catalogue::bundled());
        (
            snapshot.remove(&key).unwrap().body,
            findings.into_iter().map(|f| f.id).collect(),
        )
    }

    #[test]
    fn routes_keep_the_protocols_of_their_version() {
        let protocols = |version| filled("routes", json!({"id": "r"}), version).0["protocols"].clone();
        assert_eq!(protocols("3.9"), json!(["http", "https"]));
        assert_eq!(protocols("3.14"), json!(["https"]));
    }

    #[test]
    fn what_the_file_says_wins_and_records_are_completed() {
        let given =
            json!({"id": "u", "slots": 7, "hash_on": null, "healthchecks": {"active": {"timeout": 9}}});
        let (body, _) = filled("upstreams", given, "3.9");
        assert_eq!(
            (&body["slots"], &body["hash_on"], &body["algorithm"]),
            (&json!(7), &json!(null), &json!("round-robin"))
        );
        assert_eq!(body["healthchecks"]["active"]["timeout"], json!(9));
        assert_eq!(body["healthchecks"]["active"]["http_path"], json!("/"));
    }

    #[test]
    fn a_plugin_keeps_defaults_that_have_changed_since() {
        let plugin = |config: Value, version| {
            filled(
                "plugins",
                json!({"id": "p", "name": "key-auth", "config": config}),
                version,
            )
        };
        assert_eq!(
            plugin(json!({}), "3.9").0["config"],
            json!({"hide_credentials": false})
        );
        assert_eq!(
            plugin(json!({"hide_credentials": true}), "3.9").0["config"],
            json!({"hide_credentials": true})
        );
        assert_eq!(
            plugin(json!({}), "3.15").0["config"].get("hide_credentials"),
            None
        );
        let (body, findings) = plugin(json!({}), "unknown");
        assert_eq!(body["config"], json!({"hide_credentials": false}));
        assert_eq!(findings, ["declared-version-unknown"]);
    }

    #[test]
    fn a_record_that_is_not_in_use_is_not_made() {
        let plugin = |config: Value| {
            filled(
                "plugins",
                json!({"id": "p", "name": "rate-limiting", "config": config}),
                "3.9",
            )
            .0["config"]
                .clone()
        };
        assert_eq!(plugin(json!({"policy": "local"})), json!({"policy": "local"}));
        assert_eq!(
            plugin(json!({"redis": {"host": "r"}})),
            json!({"redis": {"host": "r", "ssl_verify": false}})
        );
    }

    #[test]
    fn a_default_that_cannot_be_filled_is_told() {
        let (body, findings) = filled(
            "plugins",
            json!({"id": "p", "name": "statsd", "config": {}}),
            "3.9",
        );
        assert_eq!(
            (&body["config"], findings),
            (&json!({}), vec!["declared-default-unknown".to_owned()])
        );
        let (body, _) = filled(
            "plugins",
            json!({"id": "p", "name": "session", "config": {}}),
            "3.9",
        );
        assert_eq!(body["config"].get("secret"), None);
    }
}
