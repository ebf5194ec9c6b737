//! Equality, defined once.
//!
//! Compared are the translated fields of the source. Not compared: what a server makes itself (timestamps, a certificate's `snis`),
//! key-auth `ttl`, order within sets, the form of a target's address. Null equals absent. A field that only the target has is the business of [`super::added`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::digest::canonical_json;
use super::mask;
use crate::domain::{EntityKind, address};

/// One difference; values are shown masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Dotted path.
    pub field: String,
    /// In the target.
    pub from: String,
    /// In the source.
    pub to: String,
}

/// The form in which an entity is compared and digested: without server fields, nulls and empty records, with sets sorted.
#[must_use]
pub fn canonical(kind: &EntityKind, body: &Map<String, Value>) -> Value {
    let mut fields = Map::new();
    for (name, value) in body {
        if kind.read_only.contains(&name.as_str()) || kind.write_only.contains(&name.as_str()) {
            continue;
        }
        let Some(mut value) = dense(value) else { continue };
        if let (true, Value::Array(items)) = (kind.sets.contains(&name.as_str()), &mut value) {
            items.sort_by_cached_key(canonical_json);
            items.dedup();
        }
        if let (true, Value::String(text)) = (kind.addresses.contains(&name.as_str()), &mut value) {
            *text = address::normal(text);
        }
        fields.insert(name.clone(), value);
    }
    Value::Object(fields)
}

/// The value without nulls in records; none when nothing is left. List elements keep their places.
fn dense(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let fields: Map<_, _> = fields
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), dense(value)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Array(items) => Some(
            items
                .iter()
                .map(|item| dense(item).unwrap_or(Value::Null))
                .collect(),
        ),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
    }
}

/// The part of a target's body that the source speaks of, nulls included: a null in the source must not hide a value in the target.
#[must_use]
pub fn project(
    kind: &EntityKind,
    desired: &Map<String, Value>,
    actual: &Map<String, Value>,
) -> Map<String, Value> {
    let part = |(name, desired): (&String, &Value)| {
        let actual = actual.get(name)?;
        let held = match (desired, actual) {
            (Value::Array(desired), Value::Array(actual)) if kind.sets.contains(&name.as_str()) => {
                project_value(&in_order(desired), &in_order(actual))
            }
            _ => project_value(desired, actual),
        };
        Some((name.clone(), held))
    };
    desired.iter().filter_map(part).collect()
}

/// A set in the one order that both sides can be brought into.
fn in_order(items: &[Value]) -> Value {
    let mut items = items.to_vec();
    items.sort_by_cached_key(|item| canonical_json(&dense(item).unwrap_or(Value::Null)));
    Value::Array(items)
}

fn project_fields(desired: &Map<String, Value>, actual: &Map<String, Value>) -> Map<String, Value> {
    let part =
        |(name, desired): (&String, &Value)| Some((name.clone(), project_value(desired, actual.get(name)?)));
    desired.iter().filter_map(part).collect()
}

fn project_value(desired: &Value, actual: &Value) -> Value {
    match (desired, actual) {
        // An empty record says nothing about its fields: the target may have filled them.
        (Value::Object(desired), Value::Object(actual)) => Value::Object(project_fields(desired, actual)),
        (Value::Array(desired), Value::Array(actual)) if desired.len() == actual.len() => desired
            .iter()
            .zip(actual)
            .map(|(desired, actual)| project_value(desired, actual))
            .collect(),
        _ => actual.clone(),
    }
}

/// What the target holds of the fields that the source speaks of, in canonical form.
#[must_use]
pub fn held(kind: &EntityKind, desired: &Map<String, Value>, actual: &Map<String, Value>) -> Value {
    canonical(kind, &project(kind, desired, actual))
}

/// True when the target's body holds everything the desired one says.
#[must_use]
pub fn equal(kind: &EntityKind, desired: &Map<String, Value>, actual: &Map<String, Value>) -> bool {
    canonical_json(&canonical(kind, desired)) == canonical_json(&held(kind, desired, actual))
}

/// All differences by field, sorted, with secrets masked.
#[must_use]
pub fn differences(
    kind: &EntityKind,
    desired: &Map<String, Value>,
    actual: &Map<String, Value>,
) -> Vec<FieldChange> {
    let plugin = (kind.name == "plugins")
        .then(|| desired.get("name").and_then(Value::as_str))
        .flatten();
    let leaves = |body: &Value| {
        let mut leaves = BTreeMap::new();
        collect_leaves(body, "", &mut leaves);
        leaves
    };
    let to = leaves(&canonical(kind, desired));
    let from = leaves(&held(kind, desired, actual));
    let mut fields: Vec<&String> = from.keys().chain(to.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    let show = |field: &str, value: Option<&Value>| {
        value.map_or("absent".into(), |v| mask::shown(kind, plugin, field, v))
    };
    fields
        .into_iter()
        .filter(|field| from.get(*field).map(canonical_json) != to.get(*field).map(canonical_json))
        .map(|field| FieldChange {
            field: field.clone(),
            from: show(field, from.get(field)),
            to: show(field, to.get(field)),
        })
        .collect()
}

fn collect_leaves(value: &Value, at: &str, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                collect_leaves(value, &path, leaves);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            leaves.insert(at.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::entity_kinds::named;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn same(kind: &str, desired: Value, actual: Value) -> bool {
        let (desired, actual) = (map(desired), map(actual));
        let kind = named(kind).unwrap();
        let equal = equal(kind, &desired, &actual);
        assert_eq!(equal, differences(kind, &desired, &actual).is_empty());
        equal
    }

    #[test]
    fn timestamps_set_order_and_nulls_do_not_matter() {
        assert!(same(
            "routes",
            json!({"tags": ["a", "b"], "protocols": ["http", "https"], "created_at": 1, "name": null}),
            json!({"tags": ["b", "a"], "protocols": ["https", "http"], "created_at": 2}),
        ));
        assert!(same(
            "key-auths",
            json!({"key": "k", "ttl": 10}),
            json!({"key": "k", "ttl": 9})
        ));
        assert!(same(
            "certificates",
            json!({"cert": "c", "snis": ["a"]}),
            json!({"cert": "c", "snis": []})
        ));
    }

    #[test]
    fn the_order_of_hosts_and_paths_decides_nothing() {
        assert!(same(
            "routes",
            json!({"hosts": ["a", "b"], "paths": ["/a", "/b"]}),
            json!({"hosts": ["b", "a"], "paths": ["/b", "/a"]})
        ));
    }

    #[test]
    fn records_of_a_set_are_told_apart_by_what_they_say_and_not_by_their_place() {
        let both = json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2", "port": 80}]);
        let returned = json!([{"ip": "10.0.0.2", "port": 80}, {"ip": "10.0.0.1", "port": null}]);
        assert!(same(
            "routes",
            json!({"destinations": both.clone()}),
            json!({"destinations": returned})
        ));
        assert!(!same(
            "routes",
            json!({"destinations": both}),
            json!({"destinations": [{"ip": "10.0.0.2", "port": 80}, {"ip": "10.0.0.3"}]})
        ));
    }

    #[test]
    fn a_target_without_a_port_is_the_one_with_the_default_port() {
        assert!(same(
            "targets",
            json!({"target": "a"}),
            json!({"target": "a:8000"})
        ));
        assert!(!same(
            "targets",
            json!({"target": "a"}),
            json!({"target": "a:80"})
        ));
    }

    #[test]
    fn the_order_of_plugin_lists_matters() {
        assert!(!same(
            "plugins",
            json!({"config": {"add": ["x", "y"]}}),
            json!({"config": {"add": ["y", "x"]}})
        ));
    }

    #[test]
    fn a_null_in_the_source_does_not_hide_a_value_in_the_target() {
        assert!(!same(
            "services",
            json!({"host": "h", "retries": null}),
            json!({"host": "h", "retries": 5})
        ));
    }

    #[test]
    fn a_field_that_only_the_target_has_does_not_differ() {
        assert!(same(
            "services",
            json!({"host": "h"}),
            json!({"host": "h", "tls_sans": {"dnsnames": ["d"]}})
        ));
        assert!(same(
            "plugins",
            json!({"config": {"a": {"b": 1}}}),
            json!({"config": {"a": {"b": 1, "c": 2}}})
        ));
    }

    #[test]
    fn a_lost_field_and_a_changed_secret_are_differences() {
        assert!(!same(
            "consumers",
            json!({"username": "u", "custom_id": "1"}),
            json!({"username": "u"})
        ));
        let kind = named("key-auths").unwrap();
        let changes = differences(
            kind,
            &map(json!({"key": "old canary"})),
            &map(json!({"key": "new canary"})),
        );
        assert_eq!(
            changes,
            [FieldChange {
                field: "key".into(),
                from: mask::MASK.into(),
                to: mask::MASK.into()
            }]
        );
    }
}
