//! Which values must not be shown.

use serde_json::{Map, Value};

use super::Catalogue;
use crate::domain::EntityKind;

/// What stands for a secret.
pub const MASK: &str = "***";

/// Parts of field names that hold secrets wherever they appear.
const TELLING: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "private",
    "api_key",
    "apikey",
    "authorization",
    "passphrase",
    "header_value",
    "access_key",
    "signing_key",
    "json_key",
    "auth_value",
];

/// The value as text for a person, or the mask when the field may hold a secret.
///
/// `plugin` is the plugin's name where the entity is one; all text of a plugin that is not bundled is masked.
#[must_use]
pub fn shown(kind: &EntityKind, plugin: Option<&str>, path: &str, value: &Value) -> String {
    if is_secret(kind, plugin, path) && !value.is_null() {
        return MASK.to_owned();
    }
    match value {
        // A record or list may hide a secret further down.
        Value::Object(fields) => format!("{{{} fields}}", fields.len()),
        Value::Array(items) if items.iter().any(|i| i.is_object() || i.is_array()) => {
            format!("[{} items]", items.len())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            value.to_string().chars().take(120).collect()
        }
    }
}

/// The body with every secret value replaced by the mask. References to a vault name a secret and hold none, so they stay.
#[must_use]
pub fn masked(kind: &EntityKind, body: &Map<String, Value>) -> Map<String, Value> {
    let plugin = (kind.name == "plugins")
        .then(|| body.get("name").and_then(Value::as_str))
        .flatten();
    let fields = body.iter().map(|(name, value)| {
        let value = masked_value(kind, plugin, name, value);
        (name.clone(), value)
    });
    fields.collect()
}

fn masked_value(kind: &EntityKind, plugin: Option<&str>, path: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let masked = |(name, value): (&String, &Value)| {
                let path = format!("{path}.{name}");
                (name.clone(), masked_value(kind, plugin, &path, value))
            };
            Value::Object(fields.iter().map(masked).collect())
        }
        Value::Array(items) => {
            let path = format!("{path}[]");
            items
                .iter()
                .map(|item| masked_value(kind, plugin, &path, item))
                .collect()
        }
        Value::String(text) if text.starts_with("{vault://") => value.clone(),
        Value::String(_) | Value::Number(_) if is_secret(kind, plugin, path) => Value::from(MASK),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_secret(kind: &EntityKind, plugin: Option<&str>, path: &str) -> bool {
    let below = |secret: &str| {
        path == secret
            || path
                .strip_prefix(secret)
                .is_some_and(|rest| rest.starts_with(['.', '[', '{']))
    };
    if kind.secrets.iter().any(|secret| below(secret)) {
        return true;
    }
    let lower = path.to_ascii_lowercase();
    if TELLING.iter().any(|word| lower.contains(word)) {
        return true;
    }
    match plugin {
        Some(name) if path.starts_with("config") => match Catalogue::bundled().secrets(name) {
            Some(secrets) => secrets.iter().any(|secret| below(secret)),
            None => true,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::entity_kinds::named;

    #[test]
    fn secrets_of_kinds_plugins_and_telling_names_are_masked() {
        let show =
            |kind: &str, plugin, path: &str| shown(named(kind).unwrap(), plugin, path, &json!("canary"));
        assert_eq!(show("key-auths", None, "key"), MASK);
        assert_eq!(show("keys", None, "pem.private_key"), MASK);
        assert_eq!(show("partials", None, "config.sentinel_password"), MASK);
        assert_eq!(
            show("plugins", Some("openid-connect"), "config.client_secret[]"),
            MASK
        );
        assert_eq!(show("plugins", Some("our-own"), "config.anything"), MASK);
        assert_eq!(
            show("plugins", Some("rate-limiting"), "config.policy"),
            "\"canary\""
        );
        assert_eq!(show("services", None, "host"), "\"canary\"");
    }

    #[test]
    fn a_masked_body_keeps_its_shape_and_its_vault_references() {
        let body = json!({
            "name": "our-own",
            "enabled": true,
            "config": {"deep": [{"x": "canary"}, 7], "on": true, "ref": "{vault://env/x}"},
            "consumer": {"id": "c"},
        });
        let body = body.as_object().unwrap();
        let masked = masked(named("plugins").unwrap(), body);
        assert_eq!(
            Value::Object(masked),
            json!({
                "name": "our-own",
                "enabled": true,
                "config": {"deep": [{"x": MASK}, MASK], "on": true, "ref": "{vault://env/x}"},
                "consumer": {"id": "c"},
            })
        );
    }
}
