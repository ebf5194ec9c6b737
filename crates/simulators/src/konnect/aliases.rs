//! Deprecated names of configuration fields (`redis_host` for `redis.host`), which gateways up to 3.9 return beside the
//! new ones. They are accepted, moved to the new field, and not kept.

use serde_json::{Map, Value, json};

use super::errors::Detail;
use super::plugins;
use super::validator::{Validator, join};

/// Moves every deprecated field of a configuration; a value that contradicts the new field is refused.
pub fn translate(plugin: &str, config: &mut Value, details: &mut Vec<Detail>) {
    for alias in plugins::deprecated(plugin) {
        let record = path(&alias["record"]);
        let Some(record) = record.iter().try_fold(&mut *config, |at, name| at.get_mut(*name)) else {
            continue;
        };
        let name = alias["name"].as_str().unwrap_or_default();
        let Some(value) = record.as_object_mut().and_then(|record| record.remove(name)) else {
            continue;
        };
        if value.is_null() {
            continue;
        }
        let schema = json!({"type": alias["type"]});
        for violation in Validator::plugin_config().violations(&schema, &value) {
            details.push(Detail::field(join("config", name), violation.message));
        }
        set(record, name, &path(&alias["replaced_by"]), value, details);
    }
}

fn path(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn set(record: &mut Value, name: &str, path: &[&str], value: Value, details: &mut Vec<Detail>) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut at = record;
    for parent in parents {
        if at[*parent].is_null() {
            at[*parent] = Value::Object(Map::new());
        }
        at = &mut at[*parent];
        // The check against the plugin's schema reports what is no record.
        if !at.is_object() {
            return;
        }
    }
    if at[*last].is_null() {
        at[*last] = value;
    } else if at[*last] != value {
        let new = path.join(".");
        let message =
            format!("both deprecated and new field are used but their values mismatch: {name} and {new}");
        details.push(Detail::field(join("config", name), message));
    }
}
