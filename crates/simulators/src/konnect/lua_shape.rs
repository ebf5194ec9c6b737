//! Plugin schemas in the shape that gateways publish them: lists of single-key records.

use serde_json::{Map, Value, json};

/// `{fields: [{consumer}, …, {protocols}, {config}]}` of a bundled plugin.
pub fn plugin(definition: &Value) -> Value {
    let mut fields = Vec::new();
    for scope in ["service", "route", "consumer", "consumer_group"] {
        let allowed = definition["scopes"]
            .as_array()
            .is_some_and(|scopes| scopes.iter().any(|s| s == scope));
        let mut reference = json!({"type": "foreign", "reference": format!("{scope}s")});
        if !allowed {
            reference["eq"] = Value::Null;
        }
        fields.push(json!({scope: reference}));
    }
    let mut protocols = field(&definition["protocols"]);
    protocols["type"] = json!("set");
    fields.push(json!({"protocols": protocols}));
    let mut config = field(&definition["config"]);
    config["required"] = json!(true);
    fields.push(json!({"config": config}));
    json!({"fields": fields})
}

fn field(schema: &Value) -> Value {
    let mut shown = Map::new();
    let kind = match schema["type"].as_str() {
        Some("object") if schema["properties"].is_object() => "record",
        Some("object") => "map",
        Some(other) => other,
        None => "any",
    };
    shown.insert("type".to_owned(), json!(kind));
    let names = [
        ("default", "default"),
        ("enum", "one_of"),
        ("minLength", "len_min"),
        ("maxLength", "len_max"),
    ];
    for (from, to) in names {
        shown.extend(schema.get(from).map(|value| (to.to_owned(), value.clone())));
    }
    if let (Some(least), Some(most)) = (schema.get("minimum"), schema.get("maximum")) {
        shown.insert("between".to_owned(), json!([least, most]));
    }
    if schema["x-referenceable"] == true {
        shown.insert("referenceable".to_owned(), json!(true));
    }
    if let Some(items) = schema.get("items") {
        shown.insert("elements".to_owned(), field(items));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required = |name: &str| {
            schema["required"]
                .as_array()
                .is_some_and(|r| r.iter().any(|own| own == name))
        };
        let fields = properties.iter().map(|(name, property)| {
            let mut shown = field(property);
            if required(name) {
                shown["required"] = json!(true);
            }
            json!({name: shown})
        });
        shown.insert("fields".to_owned(), fields.collect());
    } else if kind == "map" {
        shown.insert("keys".to_owned(), json!({"type": "string"}));
        shown.insert("values".to_owned(), field(&schema["additionalProperties"]));
    }
    Value::Object(shown)
}
