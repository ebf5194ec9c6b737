//! Canonical JSON and its SHA-256, the form in which sides and plans are compared.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// JSON with sorted keys and no white space; whole floating-point numbers are written as integers.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (at, (name, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, value) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Number(number) => match number.as_f64() {
            // Beyond 2^53 a float no longer tells integers apart.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                out.push_str(&format!("{float:.0}"));
            }
            _ => out.push_str(&number.to_string()),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

/// Running SHA-256 over canonical values.
#[derive(Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds a value.
    pub fn add(&mut self, value: &Value) {
        self.0.update(canonical_json(value).as_bytes());
        self.0.update(b"\n");
    }

    /// `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        let hex: String = self
            .0
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("sha256:{hex}")
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
