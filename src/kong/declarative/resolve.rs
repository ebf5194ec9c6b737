//! Names to ids, ids for those without, and no entity twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::flatten::EntityDraft;
use super::ids::Naming;
use super::remark::{Remark, Topic};
use super::sections::{self, Identity};
use super::{Error, Fault};
use crate::kong::model::Entity;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::{ForeignKey, Write};
use crate::kong::model::entity_kinds::{PLUGIN_SCOPE, named};
use crate::migration::subject::EntityKey;

/// An entity, and how the file had it.
#[derive(Debug)]
pub struct Placed {
    pub entity: Entity,
    /// Where it stood.
    pub place: String,
    /// True when the file had no id for it.
    pub derived: bool,
}

/// Resolves all drafts. Kinds of lower levels come first, so that whatever an entity refers to has its id already.
///
/// # Errors
/// When an id is none, a reference contradicts the nesting, or two entities are the same.
pub fn resolve(
    drafts: Vec<EntityDraft>,
    naming: &Naming,
    remarks: &mut Vec<Remark>,
) -> Result<Vec<Placed>, Error> {
    let mut order: Vec<(usize, EntityDraft)> = drafts.into_iter().enumerate().collect();
    order.sort_by_key(|(position, draft)| (draft.kind.level, *position));
    let mut resolver = Resolver {
        naming,
        ids: BTreeMap::new(),
        names: BTreeMap::new(),
        known: BTreeSet::new(),
        faults: Vec::new(),
        remarks,
    };
    let placed: Vec<Placed> = order
        .into_iter()
        .filter_map(|(position, draft)| resolver.place(position, draft))
        .collect();
    let mut faults = resolver.faults;
    faults.extend(duplicates(&placed));
    if faults.is_empty() {
        Ok(placed)
    } else {
        Err(Error::Faults(faults))
    }
}

struct Resolver<'a> {
    naming: &'a Naming,
    /// By position in the flat list.
    ids: BTreeMap<usize, String>,
    /// By kind, name field and name.
    names: BTreeMap<(&'static str, &'static str, String), String>,
    /// By kind and id.
    known: BTreeSet<(&'static str, String)>,
    faults: Vec<Fault>,
    remarks: &'a mut Vec<Remark>,
}

impl Resolver<'_> {
    fn place(&mut self, position: usize, mut draft: EntityDraft) -> Option<Placed> {
        let mut unknown = Vec::new();
        for foreign in draft.kind.foreign_keys {
            if let Some(value) = draft.body.get_mut(foreign.field) {
                let taken = value.take();
                *value = self.resolve_field(foreign, taken, &mut unknown);
            }
        }
        if let Some((field, parent)) = draft.parent {
            let id = self.ids.get(&parent)?;
            if reference(&draft.body, field).is_some_and(|named| named != id) {
                self.faults.push(Fault {
                    place: draft.place,
                    problem: format!(
                        "names another {field} than the one it is nested in; remove one of the two"
                    ),
                });
                return None;
            }
            draft.body.insert(field.to_owned(), json!({"id": id}));
        }
        let derived = self.give_id(&mut draft)?;
        let entity = Entity::from_body(draft.kind, draft.body).or_else(|| {
            self.faults.push(Fault {
                place: draft.place.clone(),
                problem: "does not say whom it connects; name both ends".to_owned(),
            });
            None
        })?;
        self.ids.insert(position, entity.id.to_string());
        self.known.insert((entity.kind.name, entity.id.to_string()));
        if let Identity::Name(fields) = draft.section.identity {
            for field in fields {
                if let Some(name) = entity.body.get(*field).and_then(Value::as_str) {
                    self.names
                        .insert((entity.kind.name, field, name.to_owned()), entity.id.to_string());
                }
            }
        }
        for (field, kind, name) in unknown {
            // Names are shown: a reference is no secret, and without it nobody finds the place.
            let observed = format!(
                "{} names {name:?}, and the file has no such entry in {kind}",
                draft.place
            );
            let remark = Remark::of(Topic::NameNotFound, entity.subject(), observed).at(field);
            self.remarks.push(remark);
        }
        Some(Placed {
            entity,
            place: draft.place,
            derived,
        })
    }

    /// Makes sure that the body has an id, and tells whether it was derived.
    fn give_id(&mut self, draft: &mut EntityDraft) -> Option<bool> {
        if draft.kind.write == Write::Member {
            return Some(true);
        }
        match draft.body.get("id") {
            None | Some(Value::Null) => {
                let id = self.naming.id(draft.section, &draft.body);
                draft.body.insert("id".to_owned(), json!(id));
                Some(true)
            }
            Some(Value::String(id)) if Uuid::parse_str(id).is_ok() => {
                let id = id.to_ascii_lowercase();
                draft.body.insert("id".to_owned(), json!(id));
                Some(false)
            }
            Some(_) => {
                self.faults.push(Fault {
                    place: draft.place.clone(),
                    problem: "has an id that is no UUID; correct it, or leave it out".to_owned(),
                });
                None
            }
        }
    }

    /// A foreign key by name or id, as the Admin API shows it.
    fn resolve_field(
        &self,
        foreign: &ForeignKey,
        value: Value,
        unknown: &mut Vec<(&'static str, &'static str, String)>,
    ) -> Value {
        let mut id = |value: &Value| self.resolve_one(foreign, value, unknown);
        match value {
            Value::Null => Value::Null,
            Value::Array(items) => items
                .into_iter()
                .map(|item| match (id(&item), item) {
                    (Some(id), Value::Object(mut fields)) => {
                        // The link of a plugin to a partial has fields beside the reference.
                        fields.remove("name");
                        fields.insert("id".to_owned(), json!(id));
                        Value::Object(fields)
                    }
                    (Some(id), _) => json!(id),
                    (None, item) => item,
                })
                .collect(),
            value => id(&value).map_or(value, |id| json!({"id": id})),
        }
    }

    fn resolve_one(
        &self,
        foreign: &ForeignKey,
        value: &Value,
        unknown: &mut Vec<(&'static str, &'static str, String)>,
    ) -> Option<String> {
        if let Some(id) = value.get("id").and_then(Value::as_str) {
            return Some(id.to_ascii_lowercase());
        }
        let name = match value {
            Value::Object(fields) => ["name", "username", "custom_id"]
                .iter()
                .find_map(|field| fields.get(*field)?.as_str())?,
            value => value.as_str()?,
        };
        let kind = named(foreign.kind)?;
        let section = sections::of_kind(kind)?;
        let id = Uuid::parse_str(name).ok().map(|_| name.to_ascii_lowercase());
        // An entity of that id is meant before one that has it for a name.
        if let Some(id) = id
            .as_ref()
            .filter(|id| self.known.contains(&(kind.name, (*id).clone())))
        {
            return Some(id.clone());
        }
        let fields = match section.identity {
            Identity::Name(fields) => fields,
            Identity::Fields(_) => &[],
        };
        let known = fields
            .iter()
            .find_map(|field| self.names.get(&(kind.name, *field, name.to_owned())));
        if let Some(id) = known.or(id.as_ref()) {
            return Some(id.clone());
        }
        unknown.push((foreign.field, section.name, name.to_owned()));
        // The id that it would have, so that the plan blocks the entity for a reference that is missing.
        Some(self.naming.of_name(section, name))
    }
}

/// Faults for entities that are the same as one before them, by id or by a unique group of fields.
fn duplicates(placed: &[Placed]) -> Vec<Fault> {
    let mut ids: BTreeMap<EntityKey, &str> = BTreeMap::new();
    let mut groups: BTreeMap<(&str, &[&str], String), &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for Placed { entity, place, .. } in placed {
        let mut twin: Option<(&str, String)> = None;
        for fields in entity.kind.unique {
            let Some(values) = unique_values(fields, &entity.body) else {
                continue;
            };
            let first = *groups.entry((entity.kind.name, *fields, values)).or_insert(place);
            if first != place.as_str() {
                twin = Some((first, fields.join(" and ")));
            }
        }
        let first = *ids.entry(entity.key()).or_insert(place);
        if first != place.as_str() {
            let identity = if entity.kind.write == Write::Member {
                "ends"
            } else {
                "id, or nothing that tells them apart"
            };
            twin.get_or_insert((first, identity.to_owned()));
        }
        faults.extend(twin.map(|(first, what)| Fault {
            place: place.clone(),
            problem: format!("has the same {what} as {first}; remove or rename one"),
        }));
    }
    faults
}

/// The values of a unique group, unless a null in it makes the group not bind.
fn unique_values(fields: &[&str], body: &Map<String, Value>) -> Option<String> {
    let value = |field: &&str| match reference(body, field) {
        Some(id) => json!(id),
        None => body.get(*field).cloned().unwrap_or(Value::Null),
    };
    let values: Vec<Value> = fields.iter().map(value).collect();
    let bound = fields == PLUGIN_SCOPE || values.iter().all(|value| !value.is_null());
    bound.then(|| Value::Array(values).to_string())
}
