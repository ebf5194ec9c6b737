//! What of the candidates is deleted, once it is known what everything else will look like.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::document::{Deletion, DesiredEntities, InSource};
use super::super::ledger::Origin;
use super::super::named::{Names, calls, whole_of};
use super::super::select::Selected;
use super::{Gone, PRUNE_DESELECTED, PRUNE_STILL_REFERENCED, references};
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::{Listing, Write};
use crate::kong::model::{Entity, Packed};
use crate::migration::finding::Finding;
use crate::migration::plan::{Action, Operation};
use crate::migration::subject::{EntityKey, Subject};

/// What is to be deleted, and what is said of the rest.
#[derive(Debug, Default)]
pub struct Decision {
    /// In the order of the deletes.
    pub operations: Vec<Operation>,
    /// The entities, by key in the target.
    pub deletions: BTreeMap<EntityKey, Deletion>,
    /// Why others stay.
    pub findings: Vec<Finding>,
}

/// What keeps an entity from being deleted.
enum Holder {
    /// An entity that refers to it, by a foreign key or as its schema.
    Refers(Subject),
    /// An entity that calls it by name or id, and the field.
    Calls(Subject, String),
}

/// What the source wants the target to hold.
struct After<'d> {
    wanted: BTreeMap<EntityKey, &'d Packed>,
    names: OnceCell<Names>,
}

impl After<'_> {
    /// The entity of a key in the target.
    fn entity(&self, key: &EntityKey) -> Option<Entity> {
        self.wanted.get(key).map(|packed| packed.unpack())
    }

    /// True when some entity goes by this name.
    fn answers(&self, kind: &str, name: &str) -> bool {
        let names = self.names.get_or_init(|| {
            let callable = |packed: &&Packed| Names::are_given_to(packed.kind.name);
            Names::among(self.wanted.values().copied().filter(callable))
        });
        names.find(kind, name).is_some()
    }
}

impl Gone<'_> {
    /// What is deleted, given what everything else will look like.
    #[must_use]
    pub fn decide(mut self, desired: &DesiredEntities, selected: &Selected) -> Decision {
        self.tell_deselected(selected);
        if self.candidates.is_empty() {
            return Decision {
                findings: self.findings,
                ..Decision::default()
            };
        }
        let wanted: BTreeMap<EntityKey, &Packed> = desired
            .values()
            .map(|desired| (desired.entity.key(), &desired.entity))
            .collect();
        let mut candidates: Vec<&Packed> = self
            .candidates
            .values()
            .copied()
            .filter(|packed| !wanted.contains_key(&packed.key()))
            .collect();
        // Whatever refers to an entity is on a higher level.
        candidates.sort_by(|a, b| {
            b.kind
                .level
                .cmp(&a.kind.level)
                .then_with(|| a.key().cmp(&b.key()))
        });
        let after = After {
            names: OnceCell::new(),
            wanted,
        };
        loop {
            let mut decision = Decision::default();
            let called = self.place(&candidates, &after, &mut decision);
            let parts = parts_of(&called, &decision);
            if parts.is_empty() {
                decision.findings = self.findings;
                return decision;
            }
            // They stay, and so does what they refer to.
            candidates.retain(|packed| {
                let key = packed.key();
                !parts.contains_key(&key) && !called.contains_key(&key)
            });
            for (packed, observed) in parts.into_values() {
                self.tell(&PRUNE_STILL_REFERENCED, &packed, observed);
            }
        }
    }

    /// Deletes the candidates that nothing holds. Returns those that are called by name, each with who calls.
    fn place(
        &mut self,
        candidates: &[&Packed],
        after: &After<'_>,
        decision: &mut Decision,
    ) -> BTreeMap<EntityKey, Subject> {
        let mut called = BTreeMap::new();
        for packed in candidates {
            match self.released_by(packed, after, &decision.deletions) {
                Ok(released_by) => self.delete(packed, released_by, decision),
                Err(Holder::Refers(holder)) => {
                    let observed = format!("{holder} refers to it");
                    self.tell(&PRUNE_STILL_REFERENCED, packed, observed);
                }
                Err(Holder::Calls(holder, field)) => {
                    let observed = format!("{holder} names it in {field}");
                    self.tell(&PRUNE_STILL_REFERENCED, packed, observed);
                    called.insert(packed.key(), holder);
                }
            }
        }
        called
    }

    /// Those that refer to the entity now and will not, when all who do are such or deleted; else one who will.
    fn released_by(
        &self,
        packed: &Packed,
        after: &After<'_>,
        deletions: &BTreeMap<EntityKey, Deletion>,
    ) -> Result<Vec<EntityKey>, Holder> {
        let key = packed.key();
        let mut released_by = Vec::new();
        let staying = |referrer: &&EntityKey| !deletions.contains_key(*referrer);
        for referrer in self.referrers().of(&key).filter(staying) {
            match after.entity(referrer) {
                Some(entity) if !references::of(&entity).any(|named| named == key) => {
                    released_by.push(referrer.clone());
                }
                _ => return Err(Holder::Refers(self.subject(referrer))),
            }
        }
        let callers = self.referrers().callers(&key);
        for caller in callers.filter(|caller| staying(&&caller.key)) {
            match after.entity(&caller.key) {
                // What the source has names what the source has no more: so it shall be here.
                Some(entity) if calls(&entity).any(|call| *call.text == *caller.text) => {}
                Some(_) => released_by.push(caller.key.clone()),
                None if after.answers(packed.kind.name, &caller.text) => {}
                None => return Err(Holder::Calls(self.subject(&caller.key), caller.field.clone())),
            }
        }
        Ok(released_by)
    }

    /// An entity of the target, for a person.
    fn subject(&self, key: &EntityKey) -> Subject {
        let by_key = || Subject {
            key: key.clone(),
            name: None,
        };
        let entity = self.input.target.get(key);
        entity.map_or_else(by_key, |entity| entity.subject())
    }

    fn delete(&self, packed: &Packed, released_by: Vec<EntityKey>, decision: &mut Decision) {
        let entity = packed.unpack();
        let makes_room = self.room.contains(&entity.key());
        let reason = if makes_room {
            "the source has it no more, and has given its name to another"
        } else {
            "the source has it no more"
        };
        decision.operations.push(Operation {
            wave: packed.kind.level,
            action: Action::Delete,
            subject: entity.subject(),
            target_id: None,
            reason: reason.to_owned(),
            changes: Vec::new(),
        });
        let deletion = Deletion {
            subject: entity.subject(),
            entity: packed.clone(),
            makes_room,
            released_by,
            source: self.in_source(&entity),
        };
        decision.deletions.insert(entity.key(), deletion);
    }

    /// Where the source had the entity.
    fn in_source(&self, entity: &Entity) -> Option<InSource> {
        if entity.kind.presence.given {
            return None;
        }
        let id_there = |kind: &str, id: &str| -> Arc<str> {
            let entry = self.input.ledger.get(kind, id);
            entry
                .and_then(|entry| entry.source.as_deref())
                .unwrap_or(id)
                .into()
        };
        let id = id_there(entity.kind.name, &entity.id);
        let (id, parent) = match (entity.kind.write, entity.kind.source) {
            (Write::Member, _) => {
                let (group, consumer) = id.split_once('/')?;
                (consumer.into(), Some(group.into()))
            }
            (Write::PutBelow { parent, field, .. }, Listing::Below { .. }) => {
                let parent = id_there(parent, reference(&entity.body, field)?);
                (id, Some(parent))
            }
            _ => {
                // A plugin of a group may stand for an override of the group's, which is listed below it.
                let field = "consumer_group";
                let group = entity.kind.referred_by(field).zip(reference(&entity.body, field));
                (id, group.map(|(kind, group)| id_there(kind, group)))
            }
        };
        Some(InSource { id, parent })
    }

    /// What was moved before and is left out now.
    fn tell_deselected(&mut self, selected: &Selected) {
        if !self.input.policy.prune {
            return;
        }
        let (ledger, source, target) = (self.input.ledger, self.input.source, self.input.target);
        for (kind, id, entry) in ledger.iter().filter(|(_, _, e)| e.origin == Origin::Created) {
            let there = kind.key(entry.source.as_deref().unwrap_or(id));
            let leaves_out = source.contains(&there) && !selected.contains(&there);
            let packed = target.entities.get(&kind.key(id)).filter(|_| leaves_out);
            if let Some(packed) = packed.filter(|packed| entry.standing(&packed.unpack()).is_known()) {
                let observed = "spec.source.select leaves it out".to_owned();
                self.tell(&PRUNE_DESELECTED, packed, observed);
            }
        }
    }
}

/// What would be deleted of what others call by name: those are of use only with what they consist of. Each with what is said of it.
fn parts_of(
    called: &BTreeMap<EntityKey, Subject>,
    decision: &Decision,
) -> BTreeMap<EntityKey, (Packed, String)> {
    if called.is_empty() {
        return BTreeMap::new();
    }
    let part = |deletion: &Deletion| {
        let whole = whole_of(&deletion.entity.unpack())?;
        let holder = called.get(&whole)?;
        let observed = format!("{holder} names {whole}, of which it is a part");
        Some((deletion.entity.key(), (deletion.entity.clone(), observed)))
    };
    decision.deletions.values().filter_map(part).collect()
}
