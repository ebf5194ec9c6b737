//! The one form of a body in which bodies are compared and digested.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::kong::model::{EntityKind, address};

/// The form in which an entity is compared and digested: without server fields, nulls and empty records, with sets sorted.
#[must_use]
pub fn canonical(kind: &EntityKind, body: &Map<String, Value>) -> Value {
    let mut fields = Map::new();
    for (name, value) in body {
        if kind.read_only.contains(&name.as_str()) || kind.write_only.contains(&name.as_str()) {
            continue;
        }
        let Some(mut value) = dense(value) else { continue };
        if let (true, Value::Array(items)) = (kind.sets.contains(&name.as_str()), &mut value) {
            items.sort_by_cached_key(canonical_json);
            items.dedup_by_key(|item| canonical_json(item));
        }
        if let (true, Value::String(text)) = (kind.addresses.contains(&name.as_str()), &mut value) {
            *text = address::normal(text);
        }
        fields.insert(name.clone(), value);
    }
    Value::Object(fields)
}

/// The bytes of [`canonical_json`] of [`canonical`], without the values in between.
pub fn write_canonical(kind: &EntityKind, body: &Map<String, Value>, out: &mut Vec<u8>) {
    let compared = |name: &&String| {
        let name = name.as_str();
        !kind.read_only.contains(&name) && !kind.write_only.contains(&name)
    };
    write_record(body, compared, out, |name, value, out| match value {
        Value::Array(items) if kind.sets.contains(&name) => {
            write_set(items, out);
            true
        }
        Value::String(text) if kind.addresses.contains(&name) => {
            write_plain(&address::normal(text), out);
            true
        }
        _ => write_dense(value, out),
    });
}

/// Writes some of the fields by name; returns whether there were any. `write_value` returns false for a value that leaves nothing.
fn write_record<'b>(
    fields: &'b Map<String, Value>,
    wanted: impl Fn(&&'b String) -> bool,
    out: &mut Vec<u8>,
    write_value: impl Fn(&str, &'b Value, &mut Vec<u8>) -> bool,
) -> bool {
    let mut names: Vec<_> = fields.iter().filter(|(name, _)| wanted(name)).collect();
    if !names.is_sorted_by_key(|(name, _)| *name) {
        names.sort_unstable_by_key(|(name, _)| *name);
    }
    out.push(b'{');
    let mut any = false;
    for (name, value) in names {
        let before = out.len();
        if any {
            out.push(b',');
        }
        write_plain(name, out);
        out.push(b':');
        if write_value(name, value, out) {
            any = true;
        } else {
            out.truncate(before);
        }
    }
    out.push(b'}');
    any
}

fn write_dense(value: &Value, out: &mut Vec<u8>) -> bool {
    let before = out.len();
    match value {
        Value::Null => return false,
        Value::Object(fields) => {
            if !write_record(fields, |_| true, out, |_, value, out| write_dense(value, out)) {
                out.truncate(before);
                return false;
            }
        }
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                if !write_dense(item, out) {
                    out.extend_from_slice(b"null");
                }
            }
            out.push(b']');
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => write(value, out),
    }
    true
}

fn write_set(items: &[Value], out: &mut Vec<u8>) {
    let text = |item: &Value| {
        let mut text = Vec::new();
        if !write_dense(item, &mut text) {
            text.extend_from_slice(b"null");
        }
        text
    };
    let mut texts: Vec<_> = items.iter().map(text).collect();
    texts.sort_unstable();
    texts.dedup();
    out.push(b'[');
    out.extend_from_slice(&texts.join(&b','));
    out.push(b']');
}

/// The value without nulls in records; none when nothing is left. List elements keep their places.
pub(super) fn dense(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let fields: Map<_, _> = fields
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), dense(value)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Array(items) => Some(
            items
                .iter()
                .map(|item| dense(item).unwrap_or(Value::Null))
                .collect(),
        ),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
    }
}

/// JSON with sorted keys and no white space; whole floating-point numbers are written as integers.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut out = Vec::new();
    write(value, &mut out);
    // JSON is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// The same, appended.
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
                // Adding zero takes the sign of a zero away.
                out.extend_from_slice(format!("{:.0}", float + 0.0).as_bytes());
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::kong::model::entity_kinds::ENTITY_KINDS;

    #[test]
    fn key_order_and_number_form_do_not_matter() {
        assert_eq!(
            canonical_json(&json!({"b": 1.0, "a": [true, null]})),
            r#"{"a":[true,null],"b":1}"#
        );
        assert_eq!(canonical_json(&json!(1.5)), "1.5");
        assert_eq!(canonical_json(&json!(0)), canonical_json(&json!(-0.0)));
    }

    #[test]
    fn a_set_holds_a_number_once_in_whatever_form() -> Result<(), &'static str> {
        let kind = ENTITY_KINDS.iter().find(|kind| kind.sets.contains(&"tags"));
        let kind = kind.ok_or("no kind has tags")?;
        let body = Map::from_iter([("tags".to_owned(), json!([1.0, 1, "1"]))]);
        let text = canonical_json(&canonical(kind, &body));
        assert_eq!(text, r#"{"tags":["1",1]}"#);
        let mut written = Vec::new();
        write_canonical(kind, &body, &mut written);
        assert_eq!(String::from_utf8_lossy(&written), text);
        Ok(())
    }

    fn value() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2..3i64).prop_map(Value::from),
            (-2..3i32).prop_map(|n| json!(f64::from(n) / 2.0)),
            "[a-c:.]{0,3}".prop_map(Value::from),
        ];
        plain.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    fn body() -> impl Strategy<Value = (&'static EntityKind, Map<String, Value>)> {
        let kinds: Vec<&'static EntityKind> = ENTITY_KINDS.iter().collect();
        prop::sample::select(kinds).prop_flat_map(|kind| {
            let special = kind.sets.iter().chain(kind.addresses).chain(kind.read_only);
            let names: Vec<_> = special.copied().chain(["a", "config"]).collect();
            let field = (prop::sample::select(names).prop_map(str::to_owned), value());
            let fields = prop::collection::vec(field, 0..5);
            fields.prop_map(move |fields| (kind, fields.into_iter().collect()))
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_the_canonical_form((kind, body) in body()) {
            let mut out = Vec::new();
            write_canonical(kind, &body, &mut out);
            prop_assert_eq!(String::from_utf8_lossy(&out), canonical_json(&canonical(kind, &body)));
        }
    }
}
