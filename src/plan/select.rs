//! Which source entities take part: the selected ones, what they own, and what they refer to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::policy::{Exclusion, Selection};
use crate::domain::entity::reference;
use crate::domain::entity_kind::Write;
use crate::domain::entity_kinds::MEMBERS;
use crate::domain::{Entity, EntityKey, Packed, Snapshot};

/// The outcome of a selection.
#[derive(Debug, Default)]
pub struct Selected {
    taken: Option<BTreeSet<EntityKey>>,
    excluded: BTreeSet<EntityKey>,
}

impl Selected {
    /// True when the entity takes part.
    #[must_use]
    pub fn contains(&self, key: &EntityKey) -> bool {
        !self.excluded.contains(key) && self.taken.as_ref().is_none_or(|taken| taken.contains(key))
    }

    /// True when the user left it out by name or kind.
    #[must_use]
    pub fn is_excluded(&self, key: &EntityKey) -> bool {
        self.excluded.contains(key)
    }
}

/// Evaluates a selection. What a selected entity refers to comes along, unless it is excluded.
#[must_use]
pub fn select(source: &Snapshot, selection: &Selection) -> Selected {
    let excluded: BTreeSet<EntityKey> = selection
        .exclude
        .iter()
        .flat_map(|exclusion| named(source, exclusion))
        .collect();
    if selection.tags.is_empty() && selection.kinds.is_empty() {
        return Selected {
            taken: None,
            excluded,
        };
    }
    let of_kind = |entity: &Entity| {
        selection.kinds.is_empty() || selection.kinds.iter().any(|kind| kind == entity.kind.name)
    };
    let direct: BTreeSet<EntityKey> = source
        .iter()
        .filter(|entity| entity.kind.name != MEMBERS && of_kind(entity) && has_tags(entity, &selection.tags))
        .map(|entity| entity.key())
        .filter(|key| !excluded.contains(key))
        .collect();
    let owned = source
        .iter()
        .filter(|entity| of_kind(entity) || entity.kind.name == MEMBERS);
    let owned = owned.filter(|entity| {
        owners(entity).is_some_and(|owners| owners.iter().all(|owner| direct.contains(owner)))
    });
    let mut taken: BTreeSet<EntityKey> = owned
        .map(|entity| entity.key())
        .chain(direct.iter().cloned())
        .collect();
    close(source, &excluded, &mut taken);
    Selected {
        taken: Some(taken),
        excluded,
    }
}

/// Adds everything that is referred to, directly or not.
fn close(source: &Snapshot, excluded: &BTreeSet<EntityKey>, taken: &mut BTreeSet<EntityKey>) {
    let mut open: Vec<EntityKey> = taken.iter().cloned().collect();
    while let Some(key) = open.pop() {
        let entity = source.get(&key);
        let references = entity.as_ref().map(Entity::references).unwrap_or_default();
        for reference in references {
            if !excluded.contains(&reference) && taken.insert(reference.clone()) {
                open.push(reference);
            }
        }
    }
}

/// The entities that an entity without tags of its own belongs to: a credential to its consumer, a target to its upstream, a server
/// name to its certificate, a membership to both of its ends.
fn owners(entity: &Entity) -> Option<Vec<EntityKey>> {
    let owner = |kind: &'static str, field| Some(EntityKey::new(kind, reference(&entity.body, field)?));
    match entity.kind.write {
        Write::PutBelow { parent, field, .. } => Some(vec![owner(parent, field)?]),
        Write::Member => Some(vec![
            owner("consumer_groups", "consumer_group")?,
            owner("consumers", "consumer")?,
        ]),
        Write::Put(_) | Write::Impossible(_) if entity.kind.name == "snis" => {
            Some(vec![owner("certificates", "certificate")?])
        }
        _ => None,
    }
}

/// True when an entity is the one meant, by name or id.
#[must_use]
pub fn is_named(entity: &Entity, name: &str) -> bool {
    let field = |field: &str| entity.body.get(field).and_then(Value::as_str) == Some(name);
    *entity.id == *name || field("name") || entity.kind.labels.iter().any(|label| field(label))
}

/// Keys of what an exclusion means.
fn named(source: &Snapshot, exclusion: &Exclusion) -> Vec<EntityKey> {
    let of_kind = source
        .packed()
        .filter(|packed| packed.kind.name == exclusion.kind);
    let meant = of_kind.filter(|packed| {
        exclusion
            .name
            .as_ref()
            .is_none_or(|name| is_named(&packed.unpack(), name))
    });
    meant.map(Packed::key).collect()
}

/// True when an entity has all of the tags.
#[must_use]
pub fn has_tags(entity: &Entity, tags: &[String]) -> bool {
    let own = entity.body.get("tags").and_then(Value::as_array);
    tags.iter()
        .all(|tag| own.is_some_and(|own| own.iter().any(|value| value.as_str() == Some(tag))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::snapshot;
    use super::*;

    fn taken(selection: &Selection) -> Vec<String> {
        let source = snapshot(&[
            ("services", json!({"id": "s", "name": "api", "host": "h"})),
            ("services", json!({"id": "t", "name": "other", "host": "h"})),
            (
                "routes",
                json!({"id": "r", "tags": ["shop"], "service": {"id": "s"}}),
            ),
            ("consumers", json!({"id": "c", "tags": ["shop"], "username": "u"})),
            ("key-auths", json!({"id": "k", "consumer": {"id": "c"}})),
            ("consumer_groups", json!({"id": "g", "name": "gold"})),
            (
                "consumer_group_members",
                json!({"consumer_group": {"id": "g"}, "consumer": {"id": "c"}}),
            ),
        ]);
        let selected = select(&source, selection);
        source
            .keys()
            .filter(|key| selected.contains(key))
            .map(ToString::to_string)
            .collect()
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn everything_takes_part_by_default() {
        assert_eq!(taken(&Selection::default()).len(), 7);
    }

    #[test]
    fn tags_take_what_is_owned_and_what_is_referred_to() {
        let selection = Selection {
            tags: strings(&["shop"]),
            ..Selection::default()
        };
        assert_eq!(
            taken(&selection),
            ["consumers/c", "key-auths/k", "routes/r", "services/s"]
        );
    }

    #[test]
    fn kinds_take_their_dependencies() {
        let selection = Selection {
            kinds: strings(&["routes"]),
            ..Selection::default()
        };
        assert_eq!(taken(&selection), ["routes/r", "services/s"]);
        let selection = Selection {
            kinds: strings(&["consumers", "consumer_groups"]),
            ..Selection::default()
        };
        assert_eq!(
            taken(&selection),
            ["consumer_group_members/g/c", "consumer_groups/g", "consumers/c"]
        );
    }

    #[test]
    fn an_exclusion_wins_over_a_dependency() {
        let exclude = vec![Exclusion {
            kind: "services".into(),
            name: Some("api".into()),
        }];
        let selection = Selection {
            kinds: strings(&["routes"]),
            exclude,
            ..Selection::default()
        };
        assert_eq!(taken(&selection), ["routes/r"]);
    }
}
