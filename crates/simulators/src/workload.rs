//! A generated workspace of any size, the same at every call: what measurements and the tests of large migrations use.
//!
//! One unit is 11 entities: a service, two routes with a plugin each, an upstream with a target, a consumer with a key and an
//! access-control group, and its membership in a consumer group; a group is added for each hundred units. The bodies are those of
//! the recorded workspace ([`crate::kong_admin::DEFAULT`]), so that each is as long as a real one.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::kong_admin::DEFAULT;
use crate::konnect::Konnect;

type Body = Map<String, Value>;

/// Plugins of the routes: ten names, so that rules see variety.
const PLUGINS: [&str; 10] = [
    "bot-detection",
    "correlation-id",
    "cors",
    "ip-restriction",
    "proxy-cache",
    "rate-limiting",
    "request-size-limiting",
    "request-termination",
    "request-transformer",
    "response-transformer",
];
/// Consumers of one group.
const GROUP: usize = 100;

/// The workspace of `units` in the form of [`crate::kong_admin::KongAdmin::load`]: `{"<list path>": [entity, …]}`.
///
/// # Errors
/// When the recorded workspace lacks what the bodies are made of.
pub fn dump(units: usize) -> anyhow::Result<Value> {
    let patterns = Patterns::recorded()?;
    let mut lists = Lists::default();
    for group in 0..units.div_ceil(GROUP) {
        let name = format!("group-{group}");
        lists.add(
            "/consumer_groups",
            json!({"id": id("group", group), "name": name, "tags": null, "created_at": 1, "updated_at": 1}),
        );
    }
    for unit in 0..units {
        add_unit(&patterns, unit, &mut lists)?;
    }
    Ok(serde_json::to_value(lists.0)?)
}

/// Creates the control plane `name` in a simulated Konnect with the same entities under the same ids, as after a migration.
///
/// # Errors
/// When the simulator refuses one.
pub fn seed(konnect: &Konnect, name: &str, units: usize) -> anyhow::Result<String> {
    let created = konnect.seed_control_plane(&json!({"name": name}))?;
    let plane = created["id"].as_str().context("a control plane without id")?;
    let Value::Object(lists) = dump(units)? else {
        anyhow::bail!("the workload is no object");
    };
    let mut lists: Vec<_> = lists.into_iter().collect();
    lists.sort_by_key(|(path, _)| turn(path));
    for (path, entities) in &lists {
        for entity in entities.as_array().into_iter().flatten() {
            seed_one(konnect, plane, path, entity).with_context(|| format!("{path} {}", entity["id"]))?;
        }
    }
    Ok(plane.to_owned())
}

/// When a list has its turn: after those that its entities refer to.
fn turn(path: &str) -> usize {
    let last = ["/routes", "/key-auths", "/acls", "/plugins"];
    match last.iter().position(|list| *list == path) {
        Some(place) => place + 2,
        None => usize::from(path.split('/').count() > 2),
    }
}

fn seed_one(konnect: &Konnect, plane: &str, path: &str, entity: &Value) -> anyhow::Result<()> {
    let own = |field: &str| entity[field]["id"].as_str().unwrap_or_default();
    let path = match path.trim_start_matches('/') {
        "key-auths" => format!("consumers/{}/key-auth", own("consumer")),
        "acls" => format!("consumers/{}/acls", own("consumer")),
        path => path.to_owned(),
    };
    let member = path.starts_with("consumer_groups/");
    let body = if member {
        json!({"consumer": entity["id"]})
    } else {
        without_nulls(entity)
    };
    konnect.seed(plane, &path, &body)?;
    Ok(())
}

/// Konnect's documents know no null where Kong answers one for every field that is not set.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Lists by path.
#[derive(Default)]
struct Lists(BTreeMap<String, Vec<Value>>);

impl Lists {
    fn add(&mut self, path: &str, entity: Value) {
        match self.0.get_mut(path) {
            Some(list) => list.push(entity),
            None => {
                self.0.insert(path.to_owned(), vec![entity]);
            }
        }
    }
}

/// Recorded bodies, of which each generated entity is a variation.
struct Patterns(BTreeMap<&'static str, Body>);

impl Patterns {
    fn recorded() -> anyhow::Result<Self> {
        let recorded: BTreeMap<String, Vec<Body>> = serde_json::from_str(DEFAULT)?;
        let targets = recorded
            .keys()
            .find(|path| path.ends_with("/targets"))
            .context("no targets")?;
        let mut patterns = BTreeMap::new();
        for (name, path) in [
            ("service", "/services"),
            ("route", "/routes"),
            ("upstream", "/upstreams"),
            ("target", targets),
            ("consumer", "/consumers"),
            ("key", "/key-auths"),
            ("acl", "/acls"),
        ] {
            let list = recorded.get(path).with_context(|| format!("no {path}"))?;
            patterns.insert(name, list.first().with_context(|| format!("no {path}"))?.clone());
        }
        let plugins = recorded.get("/plugins").context("no plugins")?;
        for name in PLUGINS {
            let plugin = plugins.iter().find(|plugin| plugin["name"] == name);
            patterns.insert(name, plugin.with_context(|| format!("no plugin {name}"))?.clone());
        }
        Ok(Self(patterns))
    }

    /// The recorded body with other values in some fields.
    fn vary(&self, name: &str, own: Value) -> anyhow::Result<Value> {
        let mut body = self.0.get(name).with_context(|| format!("no {name}"))?.clone();
        if let Value::Object(own) = own {
            body.extend(own);
        }
        Ok(Value::Object(body))
    }
}

fn add_unit(patterns: &Patterns, unit: usize, lists: &mut Lists) -> anyhow::Result<()> {
    let [service, upstream, consumer] = ["service", "upstream", "consumer"].map(|kind| id(kind, unit));
    let host = format!("upstream-{unit}");
    let own = json!({"id": service, "name": format!("service-{unit}"), "host": host, "tags": ["generated"]});
    lists.add("/services", patterns.vary("service", own)?);
    for half in 0..2 {
        let number = unit * 2 + half;
        let route = id("route", number);
        let (name, path) = (format!("route-{unit}-{half}"), format!("/service-{unit}/{half}"));
        let own = json!({"id": route, "name": name, "paths": [path], "service": {"id": service}});
        lists.add("/routes", patterns.vary("route", own)?);
        let own = json!({
            "id": id("plugin", number), "route": {"id": route}, "service": null, "consumer": null, "consumer_group": null,
            "instance_name": null,
        });
        lists.add("/plugins", patterns.vary(PLUGINS[number % PLUGINS.len()], own)?);
    }
    let own = json!({"id": upstream, "name": host, "tags": ["generated"]});
    lists.add("/upstreams", patterns.vary("upstream", own)?);
    let address = format!("10.{}.{}.{}:8080", unit / 62_500, unit / 250 % 250, unit % 250);
    let own = json!({"id": id("target", unit), "target": address, "upstream": {"id": upstream}});
    lists.add(
        &format!("/upstreams/{upstream}/targets"),
        patterns.vary("target", own)?,
    );
    let person = json!({
        "id": consumer, "username": format!("consumer-{unit}"), "custom_id": format!("custom-{unit}"), "tags": ["generated"],
    });
    let person = patterns.vary("consumer", person)?;
    let own = json!({"id": id("key", unit), "key": format!("key-{unit}"), "consumer": {"id": consumer}});
    lists.add("/key-auths", patterns.vary("key", own)?);
    let own = json!({"id": id("acl", unit), "group": "generated", "consumer": {"id": consumer}});
    lists.add("/acls", patterns.vary("acl", own)?);
    let group = id("group", unit / GROUP);
    lists.add(&format!("/consumer_groups/{group}/consumers"), person.clone());
    lists.add("/consumers", person);
    Ok(())
}

fn id(kind: &str, number: usize) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}-{number}").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kong_admin::{KongAdmin, Options};

    #[test]
    fn both_simulators_take_it() {
        let units = 120;
        let dump = dump(units).unwrap();
        KongAdmin::new(Options::default()).load("default", &dump).unwrap();
        let count: usize = dump
            .as_object()
            .unwrap()
            .values()
            .map(|list| list.as_array().unwrap().len())
            .sum();
        assert_eq!(count, units * 11 + 2);
        let konnect = Konnect::new(crate::konnect::Options::default());
        let plane = seed(&konnect, "generated", units).unwrap();
        for (path, count) in [("services", units), ("plugins", 2 * units), ("targets", units)] {
            assert_eq!(konnect.entities(&plane, path).len(), count, "{path}");
        }
        let group = id("group", 1);
        assert_eq!(konnect.group_members(&plane, &group).len(), 20);
    }
}
