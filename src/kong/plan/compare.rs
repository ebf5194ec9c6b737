//! When a target holds what the source says: [`equal`] decides it without making a canonical form of either side, [`differences`] names by the
//! canonical form ([`super::canonical`], which digests go by as well) what differs. The two must agree; the tests below hold them together.
//!
//! Compared are the translated fields of the source. Not compared: what a server makes itself (timestamps, a certificate's `snis`),
//! key-auth `ttl`, order within sets, the form of a target's address. Null equals absent. A field that only the target has is the business of [`super::added`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::canonical::{canonical, canonical_json, dense};
use super::mask;
use crate::kong::model::EntityKind;
use crate::migration::plan::FieldChange;

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
pub(super) fn in_order(items: &[Value]) -> Value {
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
    desired.iter().all(|(name, wanted)| {
        let field = name.as_str();
        kind.read_only.contains(&field)
            || kind.write_only.contains(&field)
            || (!(kind.sets.contains(&field) && holds_records(wanted)) && same(wanted, actual.get(name)))
            || same_in_another_form(kind, name, wanted, actual.get(name))
    })
}

/// What [`project`] and [`canonical`] say of two values, without making either.
fn same(desired: &Value, actual: Option<&Value>) -> bool {
    let Some(actual) = actual else {
        return is_void(desired);
    };
    match (desired, actual) {
        (Value::Object(desired), Value::Object(actual)) => {
            desired.iter().all(|(name, value)| same(value, actual.get(name)))
        }
        (Value::Array(desired), Value::Array(actual)) => {
            desired.len() == actual.len() && desired.iter().zip(actual).all(|(a, b)| same(a, Some(b)))
        }
        (Value::Number(a), Value::Number(b)) => a == b || canonical_json(desired) == canonical_json(actual),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        _ => is_void(desired) && is_void(actual),
    }
}

/// True for a list whose items may be matched in more than one way.
pub(super) fn holds_records(value: &Value) -> bool {
    let items = value.as_array();
    items.is_some_and(|items| items.iter().any(|item| item.is_object() || item.is_array()))
}

/// True when the canonical form leaves nothing of a value.
fn is_void(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_void),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The same for a set in another order, or an address in another form.
fn same_in_another_form(kind: &EntityKind, name: &str, desired: &Value, actual: Option<&Value>) -> bool {
    if !kind.sets.contains(&name) && !kind.addresses.contains(&name) {
        return false;
    }
    let body = |value: &Value| Map::from_iter([(name.to_owned(), value.clone())]);
    let (desired, actual) = (body(desired), actual.map(body).unwrap_or_default());
    canonical_json(&canonical(kind, &desired)) == canonical_json(&held(kind, &desired, &actual))
}

/// All differences by field, sorted, with secrets masked.
#[must_use]
pub fn differences(
    kind: &EntityKind,
    desired: &Map<String, Value>,
    actual: &Map<String, Value>,
) -> Vec<FieldChange> {
    let plugin = kind.plugin_name(desired);
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
    use crate::kong::model::entity_kinds::named;

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
