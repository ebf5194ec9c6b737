//! Names and texts that give a secret away where no schema marks it. Too much is masked rather than too little.

use serde_json::Value;

/// Parts of field names that hold secrets wherever they appear.
const FIELD_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private",
    "api_key",
    "apikey",
    "authorization",
    "header_value",
    "param_value",
    "auth_value",
    // Names and values of headers and arguments stand in two lists (openid-connect).
    "headers_values",
    "args_values",
    "account_json",
    "basic_auth_header",
];

/// Names that contain a word of [`FIELD_WORDS`] or end like a key, and hold none.
const HARMLESS: &[&str] = &["public_key", "counter_key", "hash_storage_key"];

/// Parts of the names under which clients and gateways send secrets: headers, arguments, form fields.
const PARAMETER_WORDS: &[&str] = &[
    "auth",
    "key",
    "token",
    "secret",
    "passw",
    "pwd",
    "credential",
    "session",
    "cookie",
    "sig",
    "jwt",
];

/// Parts of the names of fields that hold headers or arguments, by name or as `name:value`.
const PARAMETER_FIELDS: &[&str] = &["header", "query", "args", "body", "cookie", "custom", "json"];

/// Words that a secret follows in the value of a header.
const SCHEMES: &[&str] = &["bearer ", "basic ", "apikey ", "token ", "digest "];

/// Beginnings of Konnect's tokens, of people and of system accounts.
pub const TOKEN_PREFIXES: &[&str] = &["kpat_", "spat_"];

/// Beginning of JSON web tokens: `{"` in base64.
const JSON_WEB_TOKEN: &str = "eyJ";

/// Beginning of a reference to a vault, which names a secret and holds none.
pub const VAULT_REFERENCE: &str = "{vault://";

/// Names that are secret as a whole in an entity as it is written: the credentials' own fields, certificates' and keys' private
/// parts, and header lists, which carry `Authorization` in plugins such as request-transformer and http-log. The rows of the
/// kinds say the same more exactly; here the kind is not known.
const ENTITY_FIELDS: &[&str] = &[
    "key",
    "jwk",
    "pem",
    "headers",
    "http_headers",
    "querystring",
    "client_jwk",
    "d",
    "k",
];

/// True when a field of this name holds a secret, whatever it belongs to.
#[must_use]
pub fn is_field(name: &str) -> bool {
    let name = plain(name);
    let harmless = HARMLESS.iter().any(|word| name.ends_with(word));
    !harmless && (name.ends_with("_key") || FIELD_WORDS.iter().any(|word| name.contains(word)))
}

/// True when a field of this name holds a secret in an entity of any kind.
#[must_use]
pub fn is_field_of_entity(name: &str) -> bool {
    ENTITY_FIELDS.contains(&name.to_ascii_lowercase().as_str()) || is_field(name)
}

/// True when a field of this name holds headers or arguments.
#[must_use]
pub fn holds_parameters(name: &str) -> bool {
    let name = plain(name);
    PARAMETER_FIELDS.iter().any(|word| name.contains(word))
}

/// True when a header or argument of this name carries a secret.
#[must_use]
pub fn is_parameter(name: &str) -> bool {
    let name = plain(name);
    PARAMETER_WORDS.iter().any(|word| name.contains(word))
}

/// True when a text is a secret or has one in it, by its looks: a private key, a token, an address with a user or a
/// telling argument, the value of an authorization header, a JSON object with a telling field.
#[must_use]
pub fn is_text(text: &str) -> bool {
    let value = text.trim_start();
    text.contains("PRIVATE KEY-----")
        || value.starts_with(JSON_WEB_TOKEN)
        || TOKEN_PREFIXES.iter().any(|start| value.starts_with(start))
        || starts_with_scheme(value)
        || is_named_value(text)
        || has_user_info(text)
        || is_host_with_password(value)
        || has_telling_argument(text)
        || value.starts_with('{') && serde_json::from_str(value).is_ok_and(|inner| has_telling_field(&inner))
}

/// True for `name:value` where the name is that of a telling header or argument, or the value looks like a secret.
#[must_use]
pub fn is_telling_pair(text: &str) -> bool {
    let Some((name, value)) = text.split_once([':', '=']) else {
        return false;
    };
    !value.trim().is_empty() && !value.starts_with("//") && is_parameter(name)
}

/// `Authorization: Basic dXNlcg==`.
fn is_named_value(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(_, value)| starts_with_scheme(value.trim_start()))
}

fn starts_with_scheme(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            // A sentence goes on; a credential is one word.
            && text.get(scheme.len()..).is_some_and(|rest| {
                let rest = rest.trim();
                !rest.is_empty() && !rest.contains(' ')
            })
    })
}

/// `https://user:password@example.com`, and `https://token@example.com`.
fn has_user_info(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', '"']).next().unwrap_or_default();
        authority.contains('@')
    })
}

/// `user:password@example.com`.
fn is_host_with_password(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(user, host)| user.contains(':') && !host.is_empty() && !text.contains([' ', '/']))
}

/// `https://example.com/?api_key=x`.
fn has_telling_argument(text: &str) -> bool {
    let Some((_, arguments)) = text.split_once('?') else {
        return false;
    };
    arguments
        .split(['&', ';'])
        .filter_map(|argument| argument.split_once('='))
        .any(|(name, value)| !value.is_empty() && is_parameter(name))
}

fn has_telling_field(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| is_field(name) && !value.is_null() || has_telling_field(value)),
        Value::Array(items) => items.iter().any(has_telling_field),
        Value::String(text) => is_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Lower-case, with one kind of dash.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields() {
        for name in [
            "client_secret",
            "api_key",
            "redis_password",
            "X-Api-Key",
            "ssl_cert_key",
            "Authorization",
        ] {
            assert!(is_field(name), "{name}");
        }
        for name in [
            "name",
            "host",
            "paths",
            "key",
            "keepalive",
            "key_names",
            "hosts",
            "public_key",
        ] {
            assert!(!is_field(name), "{name}");
        }
    }

    #[test]
    fn names_of_fields_of_any_entity() {
        for name in ["name", "host", "paths", "keepalive", "key_names", "hosts"] {
            assert!(!is_field_of_entity(name), "{name}");
        }
        for name in [
            "client_secret",
            "api_key",
            "redis_password",
            "key",
            "Authorization",
        ] {
            assert!(is_field_of_entity(name), "{name}");
        }
    }

    #[test]
    fn texts_by_their_looks() {
        for text in [
            "-----BEGIN RSA PRIVATE KEY-----\nMII",
            "https://logger:pw@logs.example.com/in",
            "redis://pw@cache",
            "logger:pw@logs.example.com",
            "https://example.com/hook?channel=a&token=abc",
            "Bearer abc",
            "basic dXNlcjpwdw==",
            "x-upstream: Bearer abc",
            "kpat_abc",
            "eyJhbGciOiJIUzI1NiJ9.e30.x",
            r#"{"type": "service_account", "private_key": "x"}"#,
        ] {
            assert!(is_text(text), "{text}");
        }
        for text in [
            "https://logs.example.com/in?level=info",
            "someone@example.com",
            "Bearer tokens are needed",
            "local",
            r#"{"type": "object"}"#,
            "-----BEGIN CERTIFICATE-----\nMII",
        ] {
            assert!(!is_text(text), "{text}");
        }
    }

    #[test]
    fn pairs_of_a_name_and_a_value() {
        for text in [
            "Authorization:Basic x",
            "x-api-key: abc",
            "apikey=abc",
            "Cookie:id=1",
        ] {
            assert!(is_telling_pair(text), "{text}");
        }
        for text in [
            "x-colour:blue",
            "Authorization",
            "Authorization:",
            "https://example.com",
        ] {
            assert!(!is_telling_pair(text), "{text}");
        }
    }
}
