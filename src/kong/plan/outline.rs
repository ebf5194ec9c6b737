//! Which fields a body speaks of, without their values. A fingerprint says whether two bodies are the same; with the outline of one of them
//! it says whether the other holds it, whatever else that has: [`super::compare::equal`] for a body that is no longer there.

use serde_json::{Map, Value};

use super::compare::{holds_records, in_order};
use crate::kong::model::EntityKind;

/// The fields of a body, and of its records; a value is a `1`. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline(Map<String, Value>);

impl Outline {
    /// Of the fields that are compared.
    #[must_use]
    pub fn of(kind: &EntityKind, body: &Map<String, Value>) -> Self {
        let compared = |name: &str| !kind.read_only.contains(&name) && !kind.write_only.contains(&name);
        let fields = body.iter().filter(|(name, _)| compared(name));
        let outlined = fields.map(|(name, value)| {
            let outline = match value {
                Value::Array(items) if kind.sets.contains(&name.as_str()) && holds_records(value) => {
                    outline(&in_order(items))
                }
                value => outline(value),
            };
            (name.clone(), outline)
        });
        Self(outlined.collect())
    }

    /// What a body holds of these fields, as [`super::compare::project`] says it of the body that the outline is of.
    #[must_use]
    pub fn project(&self, kind: &EntityKind, actual: &Map<String, Value>) -> Map<String, Value> {
        let part = |(name, outline): (&String, &Value)| {
            let held = match (outline, actual.get(name)?) {
                (Value::Array(_), Value::Array(items)) if kind.sets.contains(&name.as_str()) => {
                    part_of(outline, &in_order(items))
                }
                (outline, actual) => part_of(outline, actual),
            };
            Some((name.clone(), held))
        };
        self.0.iter().filter_map(part).collect()
    }

    /// As it is stored.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// As it was stored.
impl From<Map<String, Value>> for Outline {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

fn outline(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| (name.clone(), outline(value));
            Value::Object(fields.iter().map(field).collect())
        }
        // Of a list without records all is compared or nothing.
        Value::Array(items) if holds_records(value) => items.iter().map(outline).collect(),
        _ => Value::from(1),
    }
}

fn part_of(outline: &Value, actual: &Value) -> Value {
    match (outline, actual) {
        (Value::Object(outline), Value::Object(actual)) => {
            let part = |(name, outline): (&String, &Value)| {
                Some((name.clone(), part_of(outline, actual.get(name)?)))
            };
            Value::Object(outline.iter().filter_map(part).collect())
        }
        (Value::Array(outline), Value::Array(actual)) if outline.len() == actual.len() => {
            let items = outline.iter().zip(actual);
            items.map(|(outline, actual)| part_of(outline, actual)).collect()
        }
        _ => actual.clone(),
    }
}
