//! Canonical JSON and its SHA-256, the form in which sides and plans are compared.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::domain::{EntityKey, Hex};

/// JSON with sorted keys and no white space; whole floating-point numbers are written as integers.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut out = Vec::new();
    write(value, &mut out);
    // JSON is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (at, (name, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_plain(name, out);
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (at, value) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(value, out);
            }
            out.push(b']');
        }
        Value::Number(number) => match number.as_f64() {
            // Beyond 2^53 a float no longer tells integers apart.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                out.extend_from_slice(format!("{float:.0}").as_bytes());
            }
            _ => write_plain(number, out),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => write_plain(value, out),
    }
}

/// As serde writes it. Neither a plain value nor a vector refuses.
fn write_plain(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

/// Running SHA-256 over canonical values.
#[derive(Default)]
pub struct Digest {
    sum: Sha256,
    text: Vec<u8>,
}

impl Digest {
    /// Adds a value.
    pub fn add(&mut self, value: &Value) {
        write(value, &mut self.text);
        self.end_line();
    }

    /// Adds `[key, body]`.
    pub fn add_entity(&mut self, key: &EntityKey, body: &Value) {
        self.text.extend_from_slice(b"[{\"id\":");
        write_plain(&*key.id, &mut self.text);
        self.text.extend_from_slice(b",\"kind\":");
        write_plain(&*key.kind, &mut self.text);
        self.text.extend_from_slice(b"},");
        write(body, &mut self.text);
        self.text.push(b']');
        self.end_line();
    }

    fn end_line(&mut self) {
        self.text.push(b'\n');
        self.sum.update(&self.text);
        self.text.clear();
    }

    /// `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        format!("sha256:{}", Hex(&self.sum.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_order_and_number_form_do_not_matter() {
        assert_eq!(
            canonical_json(&json!({"b": 1.0, "a": [true, null]})),
            r#"{"a":[true,null],"b":1}"#
        );
        assert_eq!(canonical_json(&json!(1.5)), "1.5");
        assert_eq!(canonical_json(&json!(-0.0)), canonical_json(&json!(-0.0)));
    }

    #[test]
    fn an_entity_is_a_pair_of_key_and_body() {
        let (key, body) = (EntityKey::new("services", "\"s"), json!({"b": 1.0, "a": "ä"}));
        let (mut pair, mut entity) = (Digest::default(), Digest::default());
        pair.add(&json!([key, body]));
        entity.add_entity(&key, &body);
        assert_eq!(pair.finish(), entity.finish());
    }

    #[test]
    fn different_values_have_different_digests() {
        let digest = |value| {
            let mut digest = Digest::default();
            digest.add(&value);
            digest.finish()
        };
        assert_ne!(digest(json!({"a": 1})), digest(json!({"a": "1"})));
        assert_eq!(digest(json!({})).len(), "sha256:".len() + 64);
    }
}
