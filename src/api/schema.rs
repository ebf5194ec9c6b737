//! Pieces of schema that more than one kind uses and that the derive cannot express.

use schemars::{Schema, json_schema};
use serde_json::{Value, json};

use super::conditions::reason;

/// Pattern of a condition's reason, as in Kubernetes' `metav1.Condition`.
const REASON_PATTERN: &str = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";
/// Pattern of a condition's type, as in Kubernetes' `metav1.Condition`.
const TYPE_PATTERN: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?\
                            (([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";

/// Schema of a list of conditions with the limits of `metav1.Condition`, which k8s-openapi does not carry.
///
/// The list merges by type. Each item is atomic: otherwise a manager that took a condition over by force could not
/// leave it out again, because the fields of the previous owner would stay behind.
pub(super) fn conditions(max_items: u32) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": max_items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the state of the object.",
            "x-kubernetes-map-type": "atomic",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string", "format": "date-time",
                },
                "message": {
                    "description": "What was found and what to do next, for people.",
                    "type": "string", "maxLength": 32768,
                },
                "observedGeneration": {
                    "description": "The metadata.generation that the condition is about.",
                    "type": "integer", "format": "int64", "minimum": 0,
                },
                "reason": {
                    "description": "Why the status is what it is, for programs.",
                    "type": "string", "minLength": 1, "maxLength": 1024, "pattern": REASON_PATTERN,
                },
                "status": {
                    "description": "True, False or Unknown.",
                    "type": "string", "enum": ["True", "False", "Unknown"],
                },
                "type": {
                    "description": "Name of the aspect.",
                    "type": "string", "maxLength": 316, "pattern": TYPE_PATTERN,
                },
            },
        },
    })
}

/// Conditions that start with one entry of the type, `Unknown` until a controller has looked.
pub(super) fn conditions_pending(max_items: u32, type_: &str) -> Schema {
    let mut schema = conditions(max_items);
    schema.insert("default".to_owned(), pending(type_));
    schema
}

/// A list of one condition: nobody has looked yet.
pub(super) fn pending(type_: &str) -> Value {
    json!([{
        "type": type_,
        "status": "Unknown",
        "reason": reason::PENDING,
        "message": "Waiting for controller",
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    }])
}

/// An object whose fields are not described: anything is kept as it is.
pub(super) fn any_object(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// A number, or a text such as 50%.
pub(super) fn count_or_percent(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({"maxLength": 8, "x-kubernetes-int-or-string": true})
}

/// Any JSON value, kept as it is.
pub(super) fn any_value(_: &mut schemars::SchemaGenerator) -> Schema {
    json_schema!({"x-kubernetes-preserve-unknown-fields": true})
}
