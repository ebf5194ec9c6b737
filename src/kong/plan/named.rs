//! References by name, which no foreign key shows: in plugin configurations, in vault references, in the host of a service.
//!
//! The rules ([`super::preflight::references`]) and the selection ([`super::select`]) ask here, so that both mean the same.
//! Which fields they are is in the table of kinds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::{NamedReference, Role};
use crate::kong::model::entity_kinds::{ENTITY_KINDS, named, of_role};
use crate::kong::model::{Entity, Packed, Snapshot, json};
use crate::migration::subject::EntityKey;

/// The entities of a source by the names that others call them.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<&'static str, BTreeMap<Box<str>, EntityKey>>);

impl Names {
    /// Indexes the source.
    #[must_use]
    pub fn of(source: &Snapshot) -> Self {
        let called = ENTITY_KINDS.iter().filter(|kind| !kind.called_by.is_empty());
        Self::among(called.flat_map(|kind| source.of_kind(kind.name)))
    }

    /// True for a kind whose entities others call by names.
    #[must_use]
    pub fn are_given_to(kind: &str) -> bool {
        named(kind).is_some_and(|kind| !kind.called_by.is_empty())
    }

    /// Indexes some entities.
    #[must_use]
    pub fn among<'p>(entities: impl Iterator<Item = &'p Packed>) -> Self {
        let mut names = Self::default();
        for packed in entities {
            if packed.kind.called_by.is_empty() {
                continue;
            }
            let of_kind = names.0.entry(packed.kind.name).or_default();
            let key = packed.key();
            for field in packed.kind.called_by {
                // A body that is yet to be written does not have it.
                let name = match *field {
                    "id" => Some((*key.id).into()),
                    _ => packed.word(field).map(Into::into),
                };
                if let Some(name) = name {
                    of_kind.entry(name).or_insert_with(|| key.clone());
                }
            }
        }
        names
    }

    /// The entity that a text names, by name or id.
    #[must_use]
    pub fn find(&self, kind: &str, name: &str) -> Option<&EntityKey> {
        self.0.get(kind)?.get(name)
    }
}

/// Texts of an entity's places with what they may name.
pub fn places(entity: &Entity) -> impl Iterator<Item = (&'static NamedReference, &str)> {
    let plugin = entity.kind.plugin_name(&entity.body).unwrap_or_default();
    let of = move |place: &&NamedReference| place.plugins.is_empty() || place.plugins.contains(&plugin);
    entity.kind.calls.iter().filter(of).flat_map(move |place| {
        let values = json::select(&entity.body, place.field)
            .into_iter()
            .filter_map(Value::as_str);
        values
            .filter(|value| !value.is_empty())
            .map(move |value| (place, value))
    })
}

/// An entity calls another by name or id.
#[derive(Debug)]
pub struct NamedCall<'e> {
    /// Path of the field.
    pub field: String,
    /// Kind of what it calls.
    pub kind: &'static str,
    /// Name or id.
    pub text: &'e str,
}

/// All calls of an entity, whether anything answers or not.
pub fn calls(entity: &Entity) -> impl Iterator<Item = NamedCall<'_>> {
    let by_place = places(entity).map(|(place, text)| NamedCall {
        field: place.field.to_owned(),
        kind: place.kind,
        text,
    });
    let by_vault = vault_references(entity)
        .into_iter()
        .filter_map(|(field, reference)| {
            Some(NamedCall {
                field,
                kind: of_role(Role::Vault)?.name,
                text: reference.prefix,
            })
        });
    by_place.chain(by_vault)
}

/// Entities that this one names, with the field: a foreign key in all but form.
#[must_use]
pub fn named_entities(entity: &Entity, names: &Names) -> Vec<(String, EntityKey)> {
    let found = |call: NamedCall<'_>| Some((call.field, names.find(call.kind, call.text)?.clone()));
    calls(entity).filter_map(found).collect()
}

/// True for a kind whose entities are parts of others.
#[must_use]
pub fn is_part(kind: &str) -> bool {
    named(kind).is_some_and(|kind| kind.part_of.is_some())
}

/// What an entity is a part of.
#[must_use]
pub fn whole_of(part: &Entity) -> Option<EntityKey> {
    let field = part.kind.part_of?.field;
    let id = reference(&part.body, field)?;
    Some(EntityKey::new(part.kind.referred_by(field)?, id))
}

/// A reference in a text: `{vault://prefix/…}`.
#[derive(Debug)]
pub struct VaultReference<'e> {
    /// Prefix of the vault.
    pub prefix: &'e str,
    /// True when the text is the reference and nothing else, which is what data planes resolve.
    pub whole: bool,
}

impl<'e> VaultReference<'e> {
    fn find(text: &'e str) -> Option<Self> {
        let at = text.find("{vault://")?;
        let rest = text.get(at + "{vault://".len()..)?;
        let end = rest.find('}')?;
        Some(Self {
            prefix: rest.get(..end)?.split(['/', '?']).next()?,
            whole: at == 0 && end + 1 == rest.len(),
        })
    }
}

/// All references of an entity, with their fields.
#[must_use]
pub fn vault_references(entity: &Entity) -> Vec<(String, VaultReference<'_>)> {
    let mut found = Vec::new();
    // Most entities have none, and the names of their fields need not be put together.
    if entity.body.values().any(mentions_vault) {
        collect_fields(&entity.body, "", &mut found);
    }
    found
}

fn mentions_vault(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(mentions_vault),
        Value::Array(items) => items.iter().any(mentions_vault),
        Value::String(text) => text.contains("{vault://"),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn collect_fields<'e>(
    fields: &'e Map<String, Value>,
    at: &str,
    found: &mut Vec<(String, VaultReference<'e>)>,
) {
    for (name, value) in fields {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        collect_value(value, &path, found);
    }
}

fn collect_value<'e>(value: &'e Value, at: &str, found: &mut Vec<(String, VaultReference<'e>)>) {
    match value {
        Value::Object(fields) => collect_fields(fields, at, found),
        Value::Array(items) => {
            let path = format!("{at}[]");
            items.iter().for_each(|item| collect_value(item, &path, found));
        }
        Value::String(text) => {
            found.extend(VaultReference::find(text).map(|reference| (at.to_owned(), reference)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
