//! Limits of consumer groups from before plugins could be scoped to a group: `rate-limiting-advanced` chose among them by
//! itself. They move as plugins of the groups ([`recast`](crate::kong::model::recast)); here is told where that has, or may have, another effect.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::Facts;
use super::verdict::EntityVerdict;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kinds::{MEMBERS, OVERRIDES};
use crate::kong::model::recast::{CHOICE_SWITCH, group_plugin_id, is_rate_limiting};
use crate::kong::model::{Entity, GapCause, Packed, json};
use crate::migration::finding::rules;
use crate::migration::subject::EntityKey;

rules! {
    LEGACY_CONSUMER_GROUPS: Error, waivable, "legacy-consumer-groups",
        "The plugin chooses its limits by consumer group, and the limits of a group could not be read or made into a plugin of that group.",
        "Make a rate-limiting-advanced plugin on each group with the group's limits, and set enforce_consumer_groups to false.",
        "A rate-limiting-advanced plugin of one consumer with enforce_consumer_groups = true.";
    GROUP_LIMITS_MOVED: Info, waivable, "group-limits-moved",
        "The plugin chose its limits by consumer group; each group with limits gets a plugin of its own, and the choice is switched off.",
        "Nothing; this is for the record.",
        "A rate-limiting-advanced plugin with consumer_groups = [gold], and an override of the group gold.";
    GROUP_LIMITS_PRECEDE: Warning, waivable, "group-limits-precede",
        "A plugin of a consumer group goes before one of a route or service; the group's limits held only where there was no such plugin.",
        "Make a plugin of the group on that route or service too, with the limits that hold there.",
        "A global rate-limiting-advanced plugin with limits for the group gold, and another one on a route.";
    GROUP_LIMITS_AMBIGUOUS: Warning, waivable, "group-limits-ambiguous",
        "A consumer is in several groups with limits; the plugin took the first group of its list, plugins of groups go by another order.",
        "Take the consumer out of all groups but one, or compare the limits that hold after the migration.",
        "A consumer in gold and silver, and limits for both.";
}

/// Judges a plugin that chooses its limits by consumer group.
pub fn check(plugin: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    let chooses = json::get(&plugin.body, CHOICE_SWITCH) == Some(&Value::Bool(true));
    if plugin.kind.name != "plugins" || !chooses || !is_rate_limiting(&plugin.body) {
        return;
    }
    let groups = chosen(plugin, facts);
    let lost = groups.iter().filter(|group| is_lost(plugin, group, facts));
    let lost: Vec<&str> = lost.map(|group| group.name).collect();
    if is_unread(facts) || !lost.is_empty() {
        let observed = if lost.is_empty() {
            "the limits of consumer groups could not be read".to_owned()
        } else {
            format!("the limits of {} stay behind", lost.join(", "))
        };
        return verdict.tell_at(&LEGACY_CONSUMER_GROUPS, plugin, CHOICE_SWITCH, observed);
    }
    let moved: Vec<&Group<'_>> = groups.iter().filter(|group| group.moved).collect();
    let names: Vec<&str> = moved.iter().map(|group| group.name).collect();
    let observed = if names.is_empty() {
        "no group of the list has limits of its own".to_owned()
    } else {
        format!("limits of {}", names.join(", "))
    };
    verdict.tell_at(&GROUP_LIMITS_MOVED, plugin, CHOICE_SWITCH, observed);
    if let Some(other) = narrower(plugin, &moved, facts) {
        let observed = format!(
            "{} held before the limits of {}",
            other.subject(),
            names.join(", ")
        );
        verdict.tell(&GROUP_LIMITS_PRECEDE, plugin, observed);
    }
    let consumers = in_several(&moved, facts);
    if consumers > 0 {
        let observed = format!("{consumers} consumers in several of {}", names.join(", "));
        verdict.tell(&GROUP_LIMITS_AMBIGUOUS, plugin, observed);
    }
}

/// A group that a plugin names and the source has.
struct Group<'a> {
    name: &'a str,
    id: &'a str,
    /// A plugin of the group stands for its limits.
    moved: bool,
}

fn chosen<'a>(plugin: &'a Entity, facts: &'a Facts<'_>) -> Vec<Group<'a>> {
    let names = json::get(&plugin.body, "config.consumer_groups").and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    let group = |name: &'a str| {
        let id = &facts.find("consumer_groups", name)?.id;
        let made = EntityKey::new("plugins", group_plugin_id(id, &plugin.id));
        Some(Group {
            name,
            id,
            moved: facts.input.source.contains(&made),
        })
    };
    names.filter_map(group).collect()
}

/// True when the group has limits that no plugin stands for, and no plugin of the group hides them anyway.
fn is_lost(plugin: &Entity, group: &Group<'_>, facts: &Facts<'_>) -> bool {
    let of_group = |entity: &&Entity| reference(&entity.body, "consumer_group") == Some(group.id);
    let (mut left, mut hidden) = (false, false);
    for entity in facts.rate_limiting().filter(of_group) {
        left |= entity.kind.name == OVERRIDES;
        hidden |= entity.kind.name == "plugins" && places(entity) == places(plugin);
    }
    left && !hidden && !group.moved
}

/// A kind that the source does not have holds nothing.
fn is_unread(facts: &Facts<'_>) -> bool {
    let gaps = &facts.input.source.gaps;
    gaps.iter()
        .any(|gap| gap.kind.name == OVERRIDES && gap.cause != GapCause::Absent)
}

/// Service and route.
fn places(plugin: &Entity) -> [Option<&str>; 2] {
    ["service", "route"].map(|field| reference(&plugin.body, field))
}

/// Place of a plugin without a consumer in the gateway's order of precedence, lowest first: beside a consumer group, and alone.
fn rank(plugin: &Entity) -> (u8, u8) {
    match places(plugin) {
        [Some(_), Some(_)] => (2, 7),
        [None, Some(_)] => (5, 10),
        [Some(_), None] => (6, 11),
        [None, None] => (9, 12),
    }
}

/// Another plugin of the same name that held before this one, and that a plugin of a moved group goes before.
fn narrower<'a>(plugin: &Entity, moved: &[&Group<'_>], facts: &'a Facts<'_>) -> Option<&'a Entity> {
    let (beside_group, alone) = rank(plugin);
    let [service, route] = places(plugin);
    let meets = |other: &Entity| {
        let [other_service, other_route] = places(other);
        let apart =
            |one: Option<&str>, two: Option<&str>| matches!((one, two), (Some(one), Some(two)) if one != two);
        !apart(service, other_service) && !apart(route, other_route)
    };
    let has_own = |other: &Entity| {
        let own = chosen(other, facts);
        moved
            .iter()
            .all(|group| own.iter().any(|own| own.id == group.id && own.moved))
    };
    facts.rate_limiting().find(|other| {
        !moved.is_empty()
            && other.kind.name == "plugins"
            && ["consumer", "consumer_group"]
                .iter()
                .all(|field| reference(&other.body, field).is_none())
            && (beside_group..alone).contains(&rank(other).1)
            && meets(other)
            && !has_own(other)
    })
}

/// Number of consumers that are in more than one of the groups.
fn in_several(groups: &[&Group<'_>], facts: &Facts<'_>) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let members: Vec<Entity> = facts.input.source.of_kind(MEMBERS).map(Packed::unpack).collect();
    for member in &members {
        let ends = ["consumer_group", "consumer"].map(|field| reference(&member.body, field));
        if let [Some(group), Some(consumer)] = ends
            && groups.iter().any(|known| known.id == group)
        {
            *counts.entry(consumer).or_default() += 1;
        }
    }
    counts.values().filter(|count| **count > 1).count()
}
