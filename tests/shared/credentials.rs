//! The labels by which Secrets of tests say what they may be read for.

use serde_json::{Value, json};

/// The labels of a Secret, by the name that tests give to those of its use; a token of the Admin API where the name says nothing.
pub fn labels_of(name: &str) -> Value {
    match name {
        "konnect-token" | "token" => json!({"konghq.com/credential": "konnect"}),
        "kong-admin-ca" => json!({}),
        "dump" => json!({"gatewaymigration.dev/credential": "declarative-config"}),
        "client-certificate" => json!({"gatewaymigration.dev/credential": "client-certificate"}),
        "own-certificate" => json!({"konghq.com/konnect-dp-cert": "true"}),
        _ => json!({"gatewaymigration.dev/credential": "kong-admin"}),
    }
}
