//! Kinds that Konnect does not have, as entities of kinds that it has.
//!
//! Encrypted key credentials move as plain ones, for the Admin API returns their keys in clear. Overrides of consumer groups, which
//! `rate-limiting-advanced` used before plugins could be scoped to a group (3.4), move as such plugins.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entity::reference;
use super::entity_kind::Role;
use super::entity_kinds::{named, of_role};
use super::snapshot::Recast;
use super::{Entity, EntityKind, Packed, Snapshot};

/// The plugin whose limits consumer groups may override.
pub const RATE_LIMITING: &str = "rate-limiting-advanced";

/// Fields of the plugin that choose overrides and mean nothing in a plugin of a group.
const CHOICE: [&str; 2] = ["enforce_consumer_groups", "consumer_groups"];

/// The field that switches the choice on.
pub const CHOICE_SWITCH: &str = "config.enforce_consumer_groups";

/// All that an override may set (Kong 2.7 to 3.15, `PUT /consumer_groups/{group}/overrides/plugins/rate-limiting-advanced`).
const LIMITS: [&str; 4] = ["limit", "window_size", "window_type", "retry_after_jitter_max"];

/// Name space of derived ids.
const DERIVED: Uuid = Uuid::from_u128(0x7c0b_5ad1_4e0f_5b7e_9b1a_6f1d_0c55_9d21);

/// Replaces in a source's snapshot what can move as another kind, and notes it in [`Snapshot::recast`]. What cannot stays as it is.
pub fn recast(snapshot: &mut Snapshot) {
    let of =
        |snapshot: &Snapshot, role| -> Vec<Entity> { snapshot.of_role(role).map(Packed::unpack).collect() };
    for credential in of(snapshot, Role::EncryptedKey) {
        replace(snapshot, &credential, key_auth(&credential).into_iter().collect());
    }
    let limiting: Vec<Entity> = snapshot
        .of_role(Role::Plugin)
        .filter(|plugin| plugin.may_say(RATE_LIMITING))
        .map(Packed::unpack)
        .filter(|plugin| is_rate_limiting(&plugin.body))
        .collect();
    let (overrides, plugins): (Vec<_>, Vec<_>) = limiting
        .iter()
        .cloned()
        .partition(|plugin| is_override(snapshot, plugin, &limiting));
    for entity in overrides {
        let scoped = group_plugins(snapshot, &entity, &plugins);
        replace(snapshot, &entity, scoped);
    }
    for entity in of(snapshot, Role::GroupOverride) {
        // Newer versions show the plugins of the group in the same place.
        let plugin = of_role(Role::Plugin).map(|kind| kind.key(&entity.id));
        if plugin.is_some_and(|plugin| snapshot.contains(&plugin)) {
            snapshot.remove(&entity.key());
            continue;
        }
        let scoped = group_plugins(snapshot, &entity, &plugins);
        replace(snapshot, &entity, scoped);
    }
}

fn replace(snapshot: &mut Snapshot, old: &Entity, new: Vec<Entity>) {
    if new.is_empty() {
        return;
    }
    snapshot.remove(&old.key());
    for entity in new {
        snapshot.recast.push(Recast {
            from: old.subject(),
            to: entity.key(),
        });
        snapshot.insert(&entity);
    }
}

/// The credential without its encryption; none when the key is not shown.
fn key_auth(credential: &Entity) -> Option<Entity> {
    let key = credential.body.get("key")?.as_str()?;
    let mut body = credential.body.clone();
    body.remove("key_ident");
    (!key.is_empty()).then_some(Entity {
        kind: named(credential.kind.moves_as?)?,
        id: credential.id.clone(),
        body,
    })
}

/// True for an override that a file lists among the plugins of its group, as decK writes it: nothing but limits, and some plugin
/// of the workspace chooses by this group.
fn is_override(snapshot: &Snapshot, plugin: &Entity, limiting: &[Entity]) -> bool {
    let alone = ["service", "route", "consumer"]
        .iter()
        .all(|field| reference(&plugin.body, field).is_none());
    let limits_only = || {
        let config = plugin.body.get("config").and_then(Value::as_object);
        config.is_some_and(|config| config.keys().all(|field| LIMITS.contains(&field.as_str())))
    };
    let Some(group) = reference(&plugin.body, "consumer_group").filter(|_| alone) else {
        return false;
    };
    let name = group_name(snapshot, group);
    limits_only() && limiting.iter().any(|base| enforces(base, group, name.as_deref()))
}

fn group_name(snapshot: &Snapshot, group: &str) -> Option<String> {
    let group = snapshot.entities.get(&of_role(Role::ConsumerGroup)?.key(group))?;
    group.word("name")
}

/// The id of the plugin that stands for a group's override of another plugin.
#[must_use]
pub fn group_plugin_id(group: &str, plugin: &str) -> String {
    Uuid::new_v5(&DERIVED, format!("{group}/{plugin}").as_bytes()).to_string()
}

/// One plugin for each that enforces the override: its configuration with the group's limits, in its scope and the group's.
fn group_plugins(snapshot: &Snapshot, entity: &Entity, plugins: &[Entity]) -> Vec<Entity> {
    let (Some(kind), Some(group)) = (of_role(Role::Plugin), reference(&entity.body, "consumer_group")) else {
        return Vec::new();
    };
    if !is_rate_limiting(&entity.body) {
        return Vec::new();
    }
    let name = group_name(snapshot, group);
    plugins
        .iter()
        .filter(|base| enforces(base, group, name.as_deref()))
        .map(|base| group_plugin(kind, entity, base, group))
        .filter(|plugin| !plugins.iter().any(|other| same_scope(other, plugin)))
        .collect()
}

/// Old answers call the plugin `plugin`, lists `name`.
#[must_use]
pub fn is_rate_limiting(body: &Map<String, Value>) -> bool {
    ["name", "plugin"]
        .iter()
        .any(|field| body.get(*field).and_then(Value::as_str) == Some(RATE_LIMITING))
}

fn enforces(base: &Entity, group: &str, name: Option<&str>) -> bool {
    let config = base.body.get("config").and_then(Value::as_object);
    let named = |list: &Value| {
        let mut items = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        items.any(|item| item == group || Some(item) == name)
    };
    // A plugin of one consumer cannot be one of a group too.
    is_rate_limiting(&base.body)
        && reference(&base.body, "consumer").is_none()
        && config.is_some_and(|config| {
            config.get("enforce_consumer_groups") == Some(&Value::Bool(true))
                && config.get("consumer_groups").is_some_and(named)
        })
}

fn group_plugin(kind: &'static EntityKind, entity: &Entity, base: &Entity, group: &str) -> Entity {
    let id = group_plugin_id(group, &base.id);
    let mut body = base.body.clone();
    body.insert("id".to_owned(), json!(id));
    body.insert("consumer_group".to_owned(), json!({"id": group}));
    body.remove("instance_name");
    if let Some(Value::Object(config)) = body.get_mut("config") {
        for field in CHOICE {
            config.remove(field);
        }
        // Counters of the group are its own.
        config.insert("namespace".to_owned(), json!(id));
        let limits = entity.body.get("config").and_then(Value::as_object);
        config.extend(
            limits
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    Entity {
        kind,
        id: id.into(),
        body,
    }
}

fn same_scope(a: &Entity, b: &Entity) -> bool {
    let scope = |entity: &Entity| {
        ["service", "route", "consumer", "consumer_group"]
            .map(|field| reference(&entity.body, field).map(str::to_owned))
    };
    a.body.get("name") == b.body.get("name") && scope(a) == scope(b)
}

#[cfg(test)]
mod tests;
