//! What of the candidates is deleted, once it is known what everything else will look like.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::document::{Action, Deletion, Desired, InSource, Operation};
use super::super::finding::Finding;
use super::super::ledger::Origin;
use super::super::select::Selected;
use super::{Gone, PRUNE_DESELECTED, PRUNE_STILL_REFERENCED, references};
use crate::domain::entity::reference;
use crate::domain::entity_kind::{Listing, Write};
use crate::domain::{Entity, EntityKey, Packed, Subject};

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

impl Gone<'_> {
    /// What is deleted, given what everything else will look like.
    #[must_use]
    pub fn decide(mut self, desired: &BTreeMap<EntityKey, Desired>, selected: &Selected) -> Decision {
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
        let mut decision = Decision::default();
        for packed in candidates {
            match self.released_by(packed, &wanted, &decision.deletions) {
                Ok(released_by) => self.delete(packed, released_by, &mut decision),
                Err(holder) => {
                    let observed = format!("{holder} refers to it");
                    self.tell(&PRUNE_STILL_REFERENCED, packed, observed);
                }
            }
        }
        decision.findings = self.findings;
        decision
    }

    /// Those that refer to the entity now and will not, when all who do are such or deleted; else one who will.
    fn released_by(
        &self,
        packed: &Packed,
        wanted: &BTreeMap<EntityKey, &Packed>,
        deletions: &BTreeMap<EntityKey, Deletion>,
    ) -> Result<Vec<EntityKey>, Subject> {
        let key = packed.key();
        let mut released_by = Vec::new();
        for referrer in self.referrers().of(&key) {
            if deletions.contains_key(referrer) {
                continue;
            }
            let later = wanted.get(referrer).map(|packed| packed.unpack());
            match later {
                Some(entity) if !references::of(&entity).any(|named| named == key) => {
                    released_by.push(referrer.clone());
                }
                _ => {
                    let entity = self.input.target.get(referrer);
                    let by_key = || Subject {
                        key: referrer.clone(),
                        name: None,
                    };
                    return Err(entity.map_or_else(by_key, |entity| entity.subject()));
                }
            }
        }
        Ok(released_by)
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
                let group = reference(&entity.body, "consumer_group");
                (id, group.map(|group| id_there("consumer_groups", group)))
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
            if let Some(packed) = target.entities.get(&kind.key(id)).filter(|_| leaves_out) {
                let observed = "spec.source.select leaves it out".to_owned();
                self.tell(&PRUNE_DESELECTED, packed, observed);
            }
        }
    }
}
