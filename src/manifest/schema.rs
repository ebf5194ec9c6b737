//! The part of a structural schema that a person can break with a typing error: names, types, choices, lengths.

use serde_json::{Map, Value};

/// Drops nulls, as an API server does, and tells what does not fit.
pub fn settle(value: &mut Value, schema: &Value, path: &str) -> Vec<String> {
    let mut faults = Vec::new();
    settle_value(value, schema, path, &mut faults);
    faults
}

fn settle_value(value: &mut Value, schema: &Value, path: &str, faults: &mut Vec<String>) {
    if is_open(schema) {
        return;
    }
    if value.is_null() {
        return faults.push(format!("{path} is missing"));
    }
    if let Some(type_) = schema["type"].as_str()
        && !is_of(value, type_)
    {
        return faults.push(format!("{path} is no {type_}"));
    }
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return faults.push(format!("{path} is none of {}", choices.join(", ")));
    }
    faults.extend(length_fault(value, schema).map(|fault| format!("{path} {fault}")));
    match value {
        Value::Object(fields) => settle_fields(fields, schema, path, faults),
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                settle_value(item, &schema["items"], &format!("{path}[{at}]"), faults);
            }
            faults.extend(repetitions(items, schema, path));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn settle_fields(fields: &mut Map<String, Value>, schema: &Value, path: &str, faults: &mut Vec<String>) {
    let known = &schema["properties"];
    fields.retain(|name, value| !value.is_null() || is_open(&known[name.as_str()]));
    for (name, value) in &mut *fields {
        let path = format!("{path}.{name}");
        match known.get(name) {
            Some(schema) => settle_value(value, schema, &path, faults),
            None => {
                let known: Vec<_> = known
                    .as_object()
                    .into_iter()
                    .flat_map(Map::keys)
                    .cloned()
                    .collect();
                faults.push(format!("{path} is unknown, known are {}", known.join(", ")));
            }
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            faults.push(format!("{path}.{name} is missing"));
        }
    }
}

/// Elements of a set, or of a list with keys, that an earlier one equals.
fn repetitions(items: &[Value], schema: &Value, path: &str) -> Vec<String> {
    let keys = match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => None,
        Some("map") => schema["x-kubernetes-list-map-keys"].as_array(),
        _ => return Vec::new(),
    };
    let identity = |item: &Value| match keys {
        Some(keys) => keys
            .iter()
            .filter_map(Value::as_str)
            .map(|key| item[key].clone())
            .collect(),
        None => item.clone(),
    };
    let identities: Vec<Value> = items.iter().map(identity).collect();
    let earlier = |at: usize| {
        identities
            .iter()
            .take(at)
            .position(|one| Some(one) == identities.get(at))
    };
    let repeated = (0..items.len()).filter_map(|at| Some((at, earlier(at)?)));
    repeated
        .map(|(at, first)| format!("{path}[{at}] is the same as {path}[{first}]"))
        .collect()
}

/// True where the schema takes anything.
fn is_open(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true
}

fn is_of(value: &Value, type_: &str) -> bool {
    match type_ {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

fn length_fault(value: &Value, schema: &Value) -> Option<String> {
    let (least, most, size, of) = match value {
        Value::String(text) => (
            "minLength",
            "maxLength",
            u64::try_from(text.chars().count()),
            "characters",
        ),
        Value::Array(items) => ("minItems", "maxItems", u64::try_from(items.len()), "entries"),
        Value::Number(number) => {
            let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            let number = number.as_f64()?;
            let outside = least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most);
            return outside.then(|| {
                format!(
                    "is not between {} and {}",
                    least.unwrap_or(f64::MIN),
                    most.unwrap_or(f64::MAX)
                )
            });
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => return None,
    };
    let size = size.unwrap_or(u64::MAX);
    if let Some(least) = schema[least].as_u64().filter(|least| size < *least) {
        return Some(format!("has less than {least} {of}"));
    }
    let most = schema[most].as_u64().filter(|most| size > *most)?;
    Some(format!("has more than {most} {of}"))
}
