//! Masks secrets in what servers say: validation messages quote the values they refuse.

use reqwest::header::HeaderValue;
use serde_json::Value;

use crate::kong::model::secrets;

/// What stands in place of a secret.
const MASK: &str = "***";

/// Shorter values are not searched for: masking every `a` would leave no message.
const SHORTEST: usize = 4;

/// Longer server texts are cut: they go into conditions and events.
const LONGEST_TEXT: usize = 1024;

/// Names that are secret as a whole: the credentials' own fields, certificates' and keys' private parts, and
/// header lists, which carry `Authorization` in plugins such as request-transformer and http-log.
const SECRET_NAMES: [&str; 9] = [
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

/// The shortest text below `config` that is taken for a secret. The schema of a plugin, which would tell, is not known here;
/// the words that schemas list are mostly shorter, and a name that is masked in a message costs less than a password that is not.
const SHORTEST_SETTING: usize = 12;

/// The secret values of one request body. Without `Debug`.
#[derive(Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Collects the values of secret-looking fields at any depth.
    pub(crate) fn for_body(body: Option<&Value>) -> Self {
        let mut redactor = Self::default();
        if let Some(body) = body {
            collect(body, false, &mut redactor.secrets);
            if let Some(config) = body.get("config") {
                collect_settings(config, &mut redactor.secrets);
            }
        }
        redactor.sort();
        redactor
    }

    /// Adds the request's own token: a proxy in front of an API may quote the headers that it was sent.
    pub(crate) fn add_authorization(&mut self, value: &HeaderValue) {
        let Ok(text) = value.to_str() else { return };
        let token = text.strip_prefix("Bearer ").unwrap_or(text);
        if token.len() >= SHORTEST {
            self.secrets.push(token.to_owned());
            self.sort();
        }
    }

    /// The longest first: one secret may be part of another.
    fn sort(&mut self) {
        self.secrets
            .sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.secrets.dedup();
    }

    /// `text` with the secrets, tokens and private keys in it masked, cut to a length that fits a condition.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.secrets {
            masked = masked.replace(secret.as_str(), MASK);
            // A server may quote the value as JSON, with line feeds escaped.
            let escaped = Value::from(secret.as_str()).to_string();
            masked = masked.replace(escaped.trim_matches('"'), MASK);
        }
        shorten(mask_tokens(&mask_private_keys(&masked)))
    }
}

/// True when a field of this name holds a secret.
fn is_secret_field(name: &str) -> bool {
    SECRET_NAMES.contains(&name.to_ascii_lowercase().as_str()) || secrets::is_field(name)
}

fn collect(value: &Value, secret: bool, found: &mut Vec<String>) {
    match value {
        Value::String(text) if secret && text.len() >= SHORTEST => collect_text(text, found),
        Value::String(text) => found.extend(password_of(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secret, found)),
        Value::Object(map) => {
            for (name, value) in map {
                collect(value, secret || is_secret_field(name), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Long texts of a plugin's or vault's configuration.
fn collect_settings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST_SETTING && !text.starts_with("{vault://") => {
            found.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect_settings(item, found)),
        // An address alone is no secret, and often the reason of a refusal.
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| name.as_str() != "host")
            .for_each(|(_, value)| collect_settings(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A secret text, and the parts of it that a server may quote alone.
fn collect_text(text: &str, found: &mut Vec<String>) {
    found.push(text.to_owned());
    // `Authorization: Basic abc`.
    let parts = text.split([' ', ':']).filter(|part| part.len() >= 2 * SHORTEST);
    found.extend(parts.map(str::to_owned));
    // A JSON web key is stored as text.
    if let Ok(inner @ Value::Object(_)) = serde_json::from_str(text) {
        collect(&inner, false, found);
    }
}

/// The password in an address such as `https://user:password@example.com`, which any field may hold.
fn password_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user_info, _) = authority.rsplit_once('@')?;
    let (_, password) = user_info.split_once(':')?;
    (password.len() >= SHORTEST).then_some(password)
}

/// From a private key's first line to its last, or to the end of a text that was cut before it.
fn mask_private_keys(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, key)) = rest.split_once("-----BEGIN ") {
        masked.push_str(before);
        let (label, _) = key.split_once("-----").unwrap_or((key, ""));
        if label.ends_with("PRIVATE KEY") {
            masked.push_str(MASK);
            let end = format!("-----END {label}-----");
            rest = key.split_once(end.as_str()).map_or("", |(_, after)| after);
        } else {
            masked.push_str("-----BEGIN ");
            rest = key;
        }
    }
    masked.push_str(rest);
    masked
}

/// Konnect's tokens start with `kpat_` and `spat_` wherever they are quoted.
fn mask_tokens(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = ["kpat_", "spat_"]
        .iter()
        .filter_map(|prefix| rest.find(prefix))
        .min()
    {
        let (before, token) = rest.split_at(at);
        masked.push_str(before);
        masked.push_str(MASK);
        let end = token
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(token.len());
        rest = &token[end..];
    }
    masked.push_str(rest);
    masked
}

fn shorten(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        let mut end = LONGEST_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quoted_credential_is_masked() {
        let body = json!({"key": "s3cr3t-key", "tags": ["blue"]});
        let masked = Redactor::for_body(Some(&body))
            .mask("key (type: unique) constraint failed for value 's3cr3t-key' blue");
        assert_eq!(
            masked,
            "key (type: unique) constraint failed for value '***' blue"
        );
    }

    #[test]
    fn nested_plugin_secrets_and_header_lists_are_masked() {
        let body = json!({"config": {
            "redis": {"password": "hunter22", "host": "redis.example.com"},
            "add": {"headers": ["Authorization:Basic dXNlcjpwYXNz"]},
        }});
        let masked = Redactor::for_body(Some(&body)).mask("bad hunter22 at redis.example.com: dXNlcjpwYXNz");
        assert_eq!(masked, "bad *** at redis.example.com: ***");
    }

    #[test]
    fn parts_of_addresses_and_of_json_web_keys_are_masked() {
        let body = json!({
            "url": "https://logger:hunter22@logs.example.com/in",
            "jwk": r#"{"kty": "oct", "kid": "blue", "k": "c2VjcmV0LWtleQ"}"#,
        });
        let masked =
            Redactor::for_body(Some(&body)).mask("bad c2VjcmV0LWtleQ of blue, hunter22 at logs.example.com");
        assert_eq!(masked, "bad *** of blue, *** at logs.example.com");
    }

    #[test]
    fn long_texts_of_a_configuration_are_masked_whatever_their_name() {
        let body = json!({"name": "our-own", "config": {"licence": "AAAA-BBBB-CCCC", "mode": "strict"}});
        let masked =
            Redactor::for_body(Some(&body)).mask("our-own: AAAA-BBBB-CCCC is not valid in mode strict");
        assert_eq!(masked, "our-own: *** is not valid in mode strict");
    }

    #[test]
    fn the_request_s_own_token_is_masked() {
        let mut redactor = Redactor::default();
        redactor.add_authorization(&HeaderValue::from_static("Bearer abc-def"));
        assert_eq!(redactor.mask("no such token: abc-def"), "no such token: ***");
    }

    #[test]
    fn private_keys_and_tokens_are_masked_without_knowing_the_body() {
        let redactor = Redactor::default();
        let masked =
            redactor.mask("x -----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY----- y kpat_Ab12 z");
        assert!(!masked.contains("MIIabc") && !masked.contains("Ab12"), "{masked}");
        assert!(
            masked.starts_with("x ") && masked.ends_with(" y *** z"),
            "{masked}"
        );
    }

    #[test]
    fn a_truncated_private_key_is_masked_to_the_end() {
        let masked = Redactor::default().mask("x -----BEGIN PRIVATE KEY-----\nMIIabc");
        assert_eq!(masked, "x ***");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let masked = Redactor::default().mask(&"ä".repeat(2000));
        assert!(masked.len() < 1100 && masked.ends_with('…'));
    }

    #[test]
    fn ordinary_fields_are_not_secret() {
        for name in ["name", "host", "paths", "keepalive", "key_names", "hosts"] {
            assert!(!is_secret_field(name), "{name}");
        }
        for name in [
            "client_secret",
            "api_key",
            "redis_password",
            "key",
            "Authorization",
        ] {
            assert!(is_secret_field(name), "{name}");
        }
    }
}
