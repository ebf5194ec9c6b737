//! Masks secrets in what servers say: validation messages quote the values they refuse.

use reqwest::header::HeaderValue;
use serde_json::Value;

use super::product::{OpenObject, SecretMarks};

/// What stands in place of a secret.
const MASK: &str = "***";

/// Shorter values are not searched for: masking every `a` would leave no message.
const SHORTEST: usize = 4;

/// Longer server texts are cut: they go into conditions and events.
const LONGEST_TEXT: usize = 1024;

/// The shortest text of an open object that is taken for a secret. The words that schemas list are mostly shorter, and a name that
/// is masked in a message costs less than a password that is not.
const SHORTEST_SETTING: usize = 12;

/// The secret values of one request body. Without `Debug`.
pub(crate) struct Redactor {
    marks: &'static SecretMarks,
    secrets: Vec<String>,
}

impl Redactor {
    /// Collects the values of the fields that the marks point at, at any depth.
    pub(crate) fn for_body(marks: &'static SecretMarks, body: Option<&Value>) -> Self {
        let mut secrets = Vec::new();
        if let Some(body) = body {
            marks.collect(body, false, &mut secrets);
            for open in marks.open_objects {
                if let Some(settings) = body.get(open.field) {
                    open.collect(settings, &mut secrets);
                }
            }
        }
        let mut redactor = Self { marks, secrets };
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
        shorten(mask_tokens(
            self.marks.token_prefixes,
            &mask_private_keys(&masked),
        ))
    }
}

impl SecretMarks {
    fn collect(&self, value: &Value, secret: bool, found: &mut Vec<String>) {
        match value {
            Value::String(text) if secret && text.len() >= SHORTEST => self.collect_text(text, found),
            Value::String(text) => found.extend(password_of(text).map(str::to_owned)),
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, secret, found)),
            Value::Object(map) => {
                for (name, value) in map {
                    self.collect(value, secret || (self.is_field)(name), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A secret text, and the parts of it that a server may quote alone.
    fn collect_text(&self, text: &str, found: &mut Vec<String>) {
        found.push(text.to_owned());
        // `Authorization: Basic abc`.
        let parts = text.split([' ', ':']).filter(|part| part.len() >= 2 * SHORTEST);
        found.extend(parts.map(str::to_owned));
        // A JSON web key is stored as text.
        if let Ok(inner @ Value::Object(_)) = serde_json::from_str(text) {
            self.collect(&inner, false, found);
        }
    }
}

impl OpenObject {
    /// Its long texts.
    fn collect(&self, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text)
                if text.len() >= SHORTEST_SETTING && !text.starts_with(self.reference_prefix) =>
            {
                found.push(text.clone());
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, found)),
            Value::Object(fields) => fields
                .iter()
                .filter(|(name, _)| !self.shown.contains(&name.as_str()))
                .for_each(|(_, value)| self.collect(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
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

/// Tokens are known by their beginnings wherever they are quoted.
fn mask_tokens(prefixes: &[&str], text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = prefixes.iter().filter_map(|prefix| rest.find(prefix)).min() {
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
    use crate::http::product::SAMPLE;

    fn for_body(body: &Value) -> Redactor {
        Redactor::for_body(&SAMPLE.secrets, Some(body))
    }

    fn without_body() -> Redactor {
        Redactor::for_body(&SAMPLE.secrets, None)
    }

    #[test]
    fn a_quoted_credential_is_masked() {
        let body = json!({"key": "s3cr3t-key", "tags": ["blue"]});
        let masked = for_body(&body).mask("key (type: unique) constraint failed for value 's3cr3t-key' blue");
        assert_eq!(
            masked,
            "key (type: unique) constraint failed for value '***' blue"
        );
    }

    #[test]
    fn parts_of_addresses_and_of_stored_json_are_masked() {
        let body = json!({
            "url": "https://logger:hunter22@logs.example.com/in",
            "key": r#"{"kid": "blue", "inner": "c2VjcmV0LWtleQ"}"#,
        });
        let masked = for_body(&body).mask("bad c2VjcmV0LWtleQ of blue, hunter22 at logs.example.com");
        assert_eq!(masked, "bad *** of blue, *** at logs.example.com");
    }

    #[test]
    fn long_texts_of_an_open_object_are_masked_whatever_their_name() {
        let body = json!({"name": "a-name-of-its-own", "settings": {
            "licence": ["AAAA-BBBB-CCCC"], "mode": "strict", "host": "long.example.com", "at": "{ref://licence}",
        }});
        let text = "a-name-of-its-own: AAAA-BBBB-CCCC is not valid in mode strict at long.example.com, {ref://licence} is";
        assert_eq!(
            for_body(&body).mask(text),
            "a-name-of-its-own: *** is not valid in mode strict at long.example.com, {ref://licence} is"
        );
    }

    #[test]
    fn the_request_s_own_token_is_masked() {
        let mut redactor = without_body();
        redactor.add_authorization(&HeaderValue::from_static("Bearer abc-def"));
        assert_eq!(redactor.mask("no such token: abc-def"), "no such token: ***");
    }

    #[test]
    fn private_keys_and_tokens_are_masked_without_knowing_the_body() {
        let masked = without_body()
            .mask("x -----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY----- y tok_Ab12 z");
        assert!(!masked.contains("MIIabc") && !masked.contains("Ab12"), "{masked}");
        assert!(
            masked.starts_with("x ") && masked.ends_with(" y *** z"),
            "{masked}"
        );
    }

    #[test]
    fn a_truncated_private_key_is_masked_to_the_end() {
        let masked = without_body().mask("x -----BEGIN PRIVATE KEY-----\nMIIabc");
        assert_eq!(masked, "x ***");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let masked = without_body().mask(&"ä".repeat(2000));
        assert!(masked.len() < 1100 && masked.ends_with('…'));
    }
}
