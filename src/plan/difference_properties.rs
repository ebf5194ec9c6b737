//! Properties of the differences that a plan shows: they are all there is, and nothing more.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::canonical::canonical;
use super::compare::{differences, project};
use crate::domain::EntityKind;
use crate::domain::entity_kinds::named;

/// Values small enough to be shown whole.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..9u8).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    let list = prop::collection::vec(scalar.clone(), 0..3).prop_map(Value::from);
    prop_oneof![scalar, list].prop_recursive(3, 12, 3, |inner| {
        prop::collection::btree_map("[x-z]", inner, 0..3)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    })
}

/// A body of fields that hold no secret.
fn body() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        Just("name".to_owned()),
        Just("tags".to_owned()),
        Just("slots".to_owned()),
        Just("healthchecks".to_owned()),
        Just("hosts".to_owned()),
        Just("target".to_owned()),
        Just("ca_certificates".to_owned()),
        Just("created_at".to_owned()),
        Just("snis".to_owned()),
    ];
    prop::collection::btree_map(name, value(), 0..4).prop_map(|fields| fields.into_iter().collect())
}

/// Values by dotted path.
fn leaves(value: &Value, at: &str, found: &mut BTreeMap<String, Value>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            let path = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            leaves(value, &path, found);
        }
    } else if !at.is_empty() {
        found.insert(at.to_owned(), value.clone());
    }
}

fn canonical_leaves(kind: &EntityKind, body: &Map<String, Value>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    leaves(&canonical(kind, body), "", &mut found);
    found
}

/// Kinds with sets, addresses, fields that only the server makes, and none of these.
fn kind() -> impl Strategy<Value = &'static EntityKind> {
    prop::sample::select(vec![
        "upstreams",
        "services",
        "routes",
        "targets",
        "certificates",
        "consumers",
    ])
    .prop_map(|name| named(name).unwrap())
}

proptest! {
    #[test]
    fn applying_the_differences_gives_the_desired_fields(kind in kind(), desired in body(), actual in body()) {
        // Records without a plain field would show counts instead of values.
        prop_assume!(!desired.values().chain(actual.values()).any(|value| value.as_array().is_some_and(|items| items.iter().any(Value::is_object))));
        let mut fields = canonical_leaves(kind, &project(&desired, &actual));
        for change in differences(kind, &desired, &actual) {
            let from = fields.get(&change.field).map_or("absent".to_owned(), Value::to_string);
            prop_assert_eq!(&from, &change.from);
            if change.to == "absent" {
                fields.remove(&change.field);
            } else {
                fields.insert(change.field, serde_json::from_str(&change.to).unwrap());
            }
        }
        prop_assert_eq!(fields, canonical_leaves(kind, &desired));
    }

    #[test]
    fn nothing_differs_from_itself(kind in kind(), body in body()) {
        prop_assert!(differences(kind, &body, &body).is_empty());
        let again = canonical(kind, &body).as_object().cloned().unwrap_or_default();
        prop_assert!(differences(kind, &again, &body).is_empty());
    }
}
