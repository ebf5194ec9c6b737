//! A workspace written as a nested file is read back as it was.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{DEFAULT_WORKSPACE, parse, sections};
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kinds::{MEMBERS, named};
use crate::kong::model::{Entity, Snapshot};

/// Writes a snapshot in decK's form: whatever has one owner goes below it, without the reference.
fn nested_file(snapshot: &Snapshot) -> Value {
    let mut root = Map::from_iter([("_format_version".to_owned(), json!("3.0"))]);
    for entity in snapshot.iter().filter(|entity| owner(entity).is_none()) {
        push(&mut root, list(&entity), written(&entity, snapshot));
    }
    Value::Object(root)
}

fn written(entity: &Entity, snapshot: &Snapshot) -> Value {
    let mut body = entity.body.clone();
    for child in snapshot.iter() {
        if let Some((field, id)) = owner(&child)
            && id == &*entity.id
            && child
                .kind
                .foreign_keys
                .iter()
                .any(|foreign| foreign.field == field && foreign.kind == entity.kind.name)
        {
            let Value::Object(mut nested) = written(&child, snapshot) else {
                continue;
            };
            nested.remove(field);
            push(&mut body, list(&child), Value::Object(nested));
        }
    }
    Value::Object(body)
}

/// The one reference an entity nests by; several, or none, leave it at the top.
fn owner(entity: &Entity) -> Option<(&'static str, &str)> {
    if entity.kind.name == MEMBERS {
        return None;
    }
    let mut held = entity
        .kind
        .foreign_keys
        .iter()
        .filter(|foreign| !sections::is_list(foreign))
        .filter_map(|foreign| Some((foreign.field, reference(&entity.body, foreign.field)?)));
    match (held.next(), held.next()) {
        (Some(one), None) if one.0 != "client_certificate" => Some(one),
        _ => None,
    }
}

fn list(entity: &Entity) -> &'static str {
    sections::of_kind(entity.kind).map_or("", |section| section.name)
}

fn push(body: &mut Map<String, Value>, list: &str, item: Value) {
    if let Value::Array(items) = body.entry(list).or_insert_with(|| json!([])) {
        items.push(item);
    }
}

fn id(kind: &str, number: usize) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{kind}{number}").as_bytes()).to_string()
}

fn entity(kind: &str, body: Value) -> Entity {
    Entity::from_body(named(kind).unwrap(), body.as_object().unwrap().clone()).unwrap()
}

/// Workspaces in which entities refer to each other in all ways a file can nest.
fn workspaces() -> impl Strategy<Value = Snapshot> {
    let unknown = prop_oneof![
        Just(json!(null)),
        Just(json!("")),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i32>().prop_map(|number| json!({"deep": [number, null]})),
        "[ -~]{0,12}".prop_map(|text| json!(text)),
    ];
    (1..4_usize, 0..6_usize, 0..4_usize, unknown, any::<u8>()).prop_map(
        |(services, routes, consumers, unknown, scope)| {
            let mut all = Vec::new();
            for n in 0..services {
                all.push(entity("services", json!({"id": id("s", n), "name": format!("s{n}"), "host": "h", "x_new": unknown})));
            }
            for n in 0..routes {
                let owner = json!({"id": id("s", n % services)});
                all.push(entity("routes", json!({"id": id("r", n), "name": format!("r{n}"), "paths": ["/a", "~/b"], "service": owner, "x_new": unknown})));
                let mut plugin = json!({"id": id("p", n), "name": "cors", "enabled": false, "config": {"y": unknown}, "route": {"id": id("r", n)}});
                if scope % 2 == 1 && consumers > 0 {
                    plugin["consumer"] = json!({"id": id("c", 0)});
                }
                all.push(entity("plugins", plugin));
            }
            for n in 0..consumers {
                all.push(entity("consumers", json!({"id": id("c", n), "username": format!("c{n}"), "x_new": unknown})));
                all.push(entity("key-auths", json!({"id": id("k", n), "key": format!("k{n}"), "consumer": {"id": id("c", n)}})));
                all.push(entity("consumer_groups", json!({"id": id("g", n), "name": format!("g{n}")})));
                all.push(entity(MEMBERS, json!({"consumer": {"id": id("c", n)}, "consumer_group": {"id": id("g", n)}})));
                all.push(entity("plugins", json!({"id": id("gp", n), "name": "cors", "protocols": ["https"], "config": {}, "consumer_group": {"id": id("g", n)}})));
            }
            all.into_iter().collect()
        },
    )
}

proptest! {
    #[test]
    fn a_written_workspace_is_read_back_as_it_was(snapshot in workspaces()) {
        let text = nested_file(&snapshot).to_string();
        let document = parse(&text, DEFAULT_WORKSPACE).unwrap();
        prop_assert_eq!(&document.remarks, &[]);
        prop_assert_eq!(bodies(&document.snapshot), bodies(&snapshot));
    }

    #[test]
    fn two_reads_give_the_same_ids(snapshot in workspaces()) {
        let mut file = nested_file(&snapshot);
        drop_ids(&mut file);
        let text = serde_json::to_string(&file).unwrap();
        match (parse(&text, "w"), parse(&text, "w")) {
            (Ok(first), Ok(second)) => {
                prop_assert_eq!(bodies(&first.snapshot), bodies(&second.snapshot));
                prop_assert!(first.snapshot.keys().all(|key| !key.id.is_empty()));
            }
            (first, second) => prop_assert_eq!(first.err(), second.err()),
        }
    }
}

fn bodies(snapshot: &Snapshot) -> BTreeMap<String, Value> {
    let all = snapshot.iter();
    all.map(|entity| (entity.key().to_string(), Value::Object(entity.body)))
        .collect()
}

/// Without ids, but for references, which then dangle.
fn drop_ids(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.len() > 1 {
                fields.remove("id");
            }
            fields.values_mut().for_each(drop_ids);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_ids),
        _ => {}
    }
}
