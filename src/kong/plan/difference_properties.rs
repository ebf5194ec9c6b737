//! Properties of the differences that a plan shows: they are all there is, and nothing more.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::canonical::{canonical, canonical_json};
use super::compare::{differences, equal, held};
use super::digest::digest_body;
use super::generated::pair;
use super::mask::MASK;
use super::outline::Outline;
use crate::kong::model::EntityKind;

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

fn leaves_of(value: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    leaves(value, "", &mut found);
    found
}

/// True when a value is shown in a form from which it cannot be read: a secret, or a list of records.
fn is_veiled(shown: &str) -> bool {
    shown == MASK || shown.starts_with('[') && shown.ends_with(" items]")
}

/// The desired body as a server returns it: sets in another order, fields of its own.
fn returned(kind: &EntityKind, desired: &Map<String, Value>) -> Map<String, Value> {
    let mut body = desired.clone();
    for set in kind.sets {
        if let Some(Value::Array(items)) = body.get_mut(*set) {
            items.reverse();
        }
    }
    body.insert("made_by_the_server".to_owned(), json!(1));
    body
}

proptest! {
    #[test]
    fn applying_the_differences_gives_the_desired_fields((kind, desired, actual) in pair()) {
        let wanted = leaves_of(&canonical(kind, &desired));
        let mut fields = leaves_of(&held(kind, &desired, &actual));
        let changes = differences(kind, &desired, &actual);
        let same = canonical_json(&canonical(kind, &desired)) == canonical_json(&held(kind, &desired, &actual));
        prop_assert_eq!(same, equal(kind, &desired, &actual));
        prop_assert_eq!(changes.is_empty(), same);
        for change in changes {
            let from = fields.get(&change.field).map_or("absent".to_owned(), Value::to_string);
            prop_assert!(is_veiled(&change.from) || from == change.from, "{kind} {}: {from} is shown as {}", change.field, change.from);
            match change.to.as_str() {
                "absent" => drop(fields.remove(&change.field)),
                veiled if is_veiled(veiled) => {
                    fields.insert(change.field.clone(), wanted[&change.field].clone());
                }
                shown => {
                    fields.insert(change.field, serde_json::from_str(shown).unwrap());
                }
            }
        }
        prop_assert_eq!(fields, wanted);
    }

    /// What a ledger goes by once the body is gone.
    #[test]
    fn digest_and_outline_of_a_body_tell_what_the_body_tells((kind, desired, actual) in pair()) {
        let outline = Outline::of(kind, &desired);
        let stored = Outline::from(outline.fields().clone());
        for other in [&actual, &desired, &returned(kind, &desired)] {
            let held = digest_body(kind, &stored.project(kind, other)) == digest_body(kind, &desired);
            prop_assert_eq!(held, equal(kind, &desired, other));
        }
        prop_assert_eq!(Outline::of(kind, &outline.project(kind, &desired)), outline);
    }

    #[test]
    fn nothing_differs_from_itself((kind, body, _) in pair()) {
        prop_assert!(differences(kind, &body, &body).is_empty());
        let again = canonical(kind, &body).as_object().cloned().unwrap_or_default();
        prop_assert!(differences(kind, &again, &body).is_empty());
    }

    #[test]
    fn what_a_server_returns_of_a_body_does_not_differ_from_it((kind, body, _) in pair()) {
        let changes = differences(kind, &body, &returned(kind, &body));
        prop_assert!(changes.is_empty(), "{kind}: {changes:?}");
    }
}
