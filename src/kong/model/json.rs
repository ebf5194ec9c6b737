//! Dotted paths into JSON: `config.redis.host`. A list on the way is entered element by element.

use serde_json::{Map, Value};

/// The value at a path that meets no list.
#[must_use]
pub fn get<'a>(body: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let mut value = body.get(parts.next()?)?;
    for part in parts {
        value = value.as_object()?.get(part)?;
    }
    Some(value)
}

/// Takes the value at a path out of the body.
pub fn remove(body: &mut Map<String, Value>, path: &str) -> Option<Value> {
    match path.split_once('.') {
        None => body.remove(path),
        Some((first, rest)) => remove(body.get_mut(first)?.as_object_mut()?, rest),
    }
}

/// Puts a value at a path, making records where there are none. False, and nothing changed, when something else is in the way.
pub fn set(body: &mut Map<String, Value>, path: &str, value: Value) -> bool {
    match path.split_once('.') {
        None => {
            body.insert(path.to_owned(), value);
            true
        }
        Some((first, rest)) => {
            let record = body.entry(first).or_insert(Value::Null);
            if record.is_null() {
                *record = Value::Object(Map::new());
            }
            record
                .as_object_mut()
                .is_some_and(|record| set(record, rest, value))
        }
    }
}

/// Adds what is missing, also inside records. A null is a value: somebody wrote it.
pub fn fill(body: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    for (field, default) in defaults {
        match (body.get_mut(field), default) {
            (None, _) => {
                body.insert(field.clone(), default.clone());
            }
            (Some(Value::Object(own)), Value::Object(default)) => fill(own, default),
            (Some(_), _) => {}
        }
    }
}

/// All values at a path, entering lists (`a[].b`) and maps of any key (`a{}.b`) on the way.
#[must_use]
pub fn select<'a>(body: &'a Map<String, Value>, path: &str) -> Vec<&'a Value> {
    let (part, rest) = match path.split_once('.') {
        Some((part, rest)) => (part, Some(rest)),
        None => (path, None),
    };
    let name = part.trim_end_matches("[]").trim_end_matches("{}");
    let Some(value) = body.get(name) else {
        return Vec::new();
    };
    let entered: Vec<&Value> = if part.ends_with("[]") {
        value.as_array().into_iter().flatten().collect()
    } else if part.ends_with("{}") {
        value.as_object().into_iter().flat_map(Map::values).collect()
    } else {
        vec![value]
    };
    match rest {
        None => entered,
        Some(rest) => entered
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|record| select(record, rest))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_reach_into_objects_lists_and_maps() {
        let value = json!({"config": {"redis": {"host": "h"}, "targets": [{"name": "a"}, {"name": "b"}], "map": {"x": {"y": 1}}}});
        let mut body = value.as_object().unwrap().clone();
        assert_eq!(get(&body, "config.redis.host"), Some(&json!("h")));
        assert_eq!(select(&body, "config.targets[].name"), [&json!("a"), &json!("b")]);
        assert_eq!(select(&body, "config.map{}.y"), [&json!(1)]);
        assert_eq!(remove(&mut body, "config.redis.host"), Some(json!("h")));
        assert_eq!(get(&body, "config.redis.host"), None);
        assert_eq!(get(&body, "config.absent.host"), None);
    }

    #[test]
    fn defaults_fill_what_nobody_has_written() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let mut body = map(json!({"a": null, "r": {"x": 1}, "l": []}));
        fill(
            &mut body,
            &map(json!({"a": 1, "b": 2, "r": {"x": 2, "y": 3}, "l": [1]})),
        );
        assert_eq!(
            Value::Object(body),
            json!({"a": null, "b": 2, "r": {"x": 1, "y": 3}, "l": []})
        );
    }
}
