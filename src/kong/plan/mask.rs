//! Which values must not be shown.

use super::catalogue::Catalogue;
use crate::kong::model::{Entity, EntityKind, secrets};
use serde_json::{Map, Value};

/// What stands for a secret.
pub const MASK: &str = "***";

/// The value as text for a person, or the mask when the field may hold a secret.
///
/// `plugin` is the plugin's name where the entity is one; all text of a plugin that is not bundled is masked.
#[must_use]
pub fn shown(kind: &EntityKind, plugin: Option<&str>, path: &str, value: &Value) -> String {
    let secret = match value {
        Value::Null | Value::Bool(_) => false,
        Value::Array(items) => {
            let item = format!("{path}[]");
            is_secret(kind, plugin, path)
                || items
                    .iter()
                    .any(|value| is_secret_value(kind, plugin, &item, value))
        }
        Value::Number(_) | Value::String(_) | Value::Object(_) => is_secret_value(kind, plugin, path, value),
    };
    if secret {
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

/// A text of an entity as it may stand in a sentence, without quotes.
#[must_use]
pub fn text<'t>(entity: &Entity, path: &str, text: &'t str) -> &'t str {
    let plugin = entity.kind.plugin_name(&entity.body);
    if is_secret_text(entity.kind, plugin, path, text) {
        MASK
    } else {
        text
    }
}

/// The body with every secret value replaced by the mask. References to a vault name a secret and hold none, so they stay.
#[must_use]
pub fn masked(kind: &EntityKind, body: &Map<String, Value>) -> Map<String, Value> {
    let plugin = kind.plugin_name(body);
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
        Value::String(_) | Value::Number(_) if is_secret_value(kind, plugin, path, value) => {
            Value::from(MASK)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_secret_value(kind: &EntityKind, plugin: Option<&str>, path: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => is_secret_text(kind, plugin, path, text),
        Value::Null | Value::Bool(_) => false,
        Value::Number(_) | Value::Array(_) | Value::Object(_) => is_secret(kind, plugin, path),
    }
}

fn is_secret_text(kind: &EntityKind, plugin: Option<&str>, path: &str, text: &str) -> bool {
    let pair = || path.ends_with("[]") && holds_parameters(path) && secrets::is_telling_pair(text);
    !is_reference(text) && (is_secret(kind, plugin, path) || secrets::is_text(text) || pair())
}

/// A reference to a vault, and nothing else.
fn is_reference(text: &str) -> bool {
    text.starts_with(secrets::VAULT_REFERENCE) && text.find('}') == Some(text.len() - 1)
}

/// True when what stands at the path is secret: by the kind's row, by its name, or by the plugin's schema.
fn is_secret(kind: &EntityKind, plugin: Option<&str>, path: &str) -> bool {
    let below = |secret: &str| {
        path == secret
            || path
                .strip_prefix(secret)
                .is_some_and(|rest| rest.starts_with(['.', '[', '{']))
    };
    if kind.secrets.iter().any(|secret| below(secret)) || is_telling(path) {
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

/// True when a name on the way tells of a secret: any name, and that of a header or argument where the fields above hold such.
fn is_telling(path: &str) -> bool {
    let names: Vec<&str> = path.split('.').map(|name| name.trim_end_matches("[]")).collect();
    names.iter().enumerate().any(|(at, name)| {
        let above = names.get(..at).unwrap_or_default();
        secrets::is_field(name)
            || above.iter().any(|above| secrets::holds_parameters(above)) && secrets::is_parameter(name)
    })
}

fn holds_parameters(path: &str) -> bool {
    path.split('.').any(secrets::holds_parameters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kong::model::entity_kinds::named;

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
