//! What the source has no more: which of the migration's own entities are deleted in the target, and why others are not.
//!
//! Only what the ledger says this migration created is ever deleted. What is gone is found before any entity is placed, because an
//! entity that leaves gives its unique values free ([`Gone::make_room`]); what refers to it is known once all are placed
//! ([`Gone::decide`]).

mod references;
mod rules;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use rules::*;

use self::references::Referrers;
use super::diff::PlanInput;
use super::document::{Action, Deletion, Desired, InSource, Operation};
use super::finding::{Finding, Rule};
use super::identity::Identities;
use super::ledger::{Entry, Fingerprint, Origin, Pending};
use super::policy::ConflictPolicy;
use super::preflight::managed;
use super::preflight::verdict::whole_kind;
use super::select::Selected;
use crate::domain::entity::reference;
use crate::domain::entity_kind::{Listing, Write};
use crate::domain::{Entity, EntityKey, EntityKind, GapCause, Packed, Snapshot, Subject};

/// Every workspace of a gateway lists these, so they say nothing of one workspace (Kong Enterprise 3.10).
const SHARED: &str = "ca_certificates";

/// Entities of the target that the source has no more.
#[derive(Debug)]
pub struct Gone<'a> {
    input: &'a PlanInput<'a>,
    /// Those that are deleted unless something that stays refers to them.
    candidates: BTreeMap<EntityKey, &'a Packed>,
    /// Those that go before the writes.
    room: BTreeSet<EntityKey>,
    referrers: OnceCell<Referrers>,
    findings: Vec<Finding>,
}

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

impl<'a> Gone<'a> {
    /// Looks for what is gone.
    #[must_use]
    pub fn find(input: &'a PlanInput<'a>, identities: &Identities) -> Self {
        let mut gone = Self {
            input,
            candidates: BTreeMap::new(),
            room: BTreeSet::new(),
            referrers: OnceCell::new(),
            findings: Vec::new(),
        };
        let known: Vec<_> = input
            .ledger
            .iter()
            .filter(|(kind, id, entry)| !entry.is_deleted() && is_gone(input, identities, kind, id, entry))
            .filter_map(|(kind, id, entry)| Some((input.target.entities.get(&kind.key(id))?, entry)))
            .collect();
        let created = known.iter().filter(|(_, entry)| entry.origin == Origin::Created);
        if !input.policy.prune {
            for (packed, _) in created {
                gone.tell(&GONE_FROM_SOURCE, packed, "the source has it no more".to_owned());
            }
        } else if !gone.is_withheld(created.count()) {
            for (packed, entry) in known {
                gone.weigh(packed, entry);
            }
        }
        gone
    }

    fn tell(&mut self, rule: &Rule, packed: &Packed, observed: String) {
        self.findings
            .push(Finding::new(rule, packed.unpack().subject(), observed));
    }

    /// True when the source cannot be trusted to have shown everything.
    fn is_withheld(&mut self, count: usize) -> bool {
        if count == 0 {
            return false;
        }
        let source = self.input.source;
        if source.packed().all(|packed| packed.kind.name == SHARED) {
            let observed = format!("{count} entities that this migration created are kept");
            self.findings.push(Finding::new(
                &PRUNE_SOURCE_EMPTY,
                whole_kind("workspaces"),
                observed,
            ));
            return true;
        }
        let unread = source.gaps.iter().filter(|gap| gap.cause != GapCause::Absent);
        let findings = unread.map(|gap| {
            let observed = match &gap.cause {
                GapCause::Failed(reason) => format!("its list failed: {reason}"),
                GapCause::Forbidden | GapCause::Absent => "its list was refused with 403".to_owned(),
            };
            let observed = format!("{observed}; {count} entities that are not listed any more are kept");
            Finding::new(&PRUNE_SOURCE_UNREAD, whole_kind(gap.kind.name), observed)
        });
        let before = self.findings.len();
        self.findings.extend(findings);
        self.findings.len() > before
    }

    /// Takes an entity that is gone for a candidate, or says why not.
    fn weigh(&mut self, packed: &'a Packed, entry: &Entry) {
        if is_absent(packed.kind, self.input.source) {
            let observed = format!("{} is kept", packed.key());
            return self.tell(&PRUNE_KIND_ABSENT, packed, observed);
        }
        let was_there = match entry.origin {
            Origin::Created => None,
            Origin::Adopted => Some("it was there and equal, and was adopted"),
            Origin::Overwritten { .. } => {
                Some("it was there with another content, which is kept in the ledger")
            }
        };
        if let Some(observed) = was_there {
            return self.tell(&PRUNE_NOT_CREATED, packed, observed.to_owned());
        }
        let entity = packed.unpack();
        if let Some(tag) = managed::by_konnect(&entity) {
            return self.tell(&PRUNE_TARGET_CHANGED, packed, format!("it has the tag {tag}"));
        }
        let now = Fingerprint::of(packed.kind, &entity.body);
        let unchanged = entry.seen.is_some_and(|seen| seen.whole == now);
        let overwrite = self.input.policy.conflicts.of(packed.kind.name) == ConflictPolicy::Overwrite;
        if unchanged || overwrite {
            self.candidates.insert(packed.key(), packed);
        } else {
            let observed = "it is not as this migration left it".to_owned();
            self.tell(&PRUNE_TARGET_CHANGED, packed, observed);
        }
    }

    /// True when nothing is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// True when the entity is deleted before the writes, and with it all that refers to it: its unique values are free then.
    pub fn make_room(&mut self, holder: &EntityKey) -> bool {
        if !self.candidates.contains_key(holder) {
            return false;
        }
        let mut leaving = BTreeSet::new();
        let mut open = vec![holder.clone()];
        while let Some(key) = open.pop() {
            if !self.candidates.contains_key(&key) {
                return false;
            }
            if leaving.insert(key.clone()) {
                open.extend(self.referrers().of(&key).cloned());
            }
        }
        self.room.extend(leaving);
        true
    }

    /// The source has the entity after all: it was taken for the copy of another one.
    pub fn keep(&mut self, target: &EntityKey) {
        self.candidates.remove(target);
    }

    fn referrers(&self) -> &Referrers {
        self.referrers.get_or_init(|| {
            let wanted = self.candidates.keys().cloned().collect();
            Referrers::to(&wanted, self.input.target)
        })
    }

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
            if source.contains(&there) && !selected.contains(&there) {
                if let Some(packed) = target.entities.get(&kind.key(id)) {
                    let observed = "spec.source.select leaves it out".to_owned();
                    self.tell(&PRUNE_DESELECTED, packed, observed);
                }
            }
        }
    }
}

/// Deletes of an interrupted run that are done, by key, with what was deleted.
pub fn done<'a>(input: &PlanInput<'a>) -> impl Iterator<Item = Entity> + use<'a> {
    let (ledger, source, target, prune) = (input.ledger, input.source, input.target, input.policy.prune);
    let entries = ledger.iter().filter(move |(kind, id, entry)| {
        let there = kind.key(entry.source.as_deref().unwrap_or(id));
        prune
            && entry.pending == Pending::Delete
            && !target.contains(&kind.key(id))
            && !source.contains(&there)
    });
    entries.filter_map(|(kind, id, entry)| {
        Some(Entity {
            kind,
            id: id.into(),
            body: entry.deleted.as_deref()?.clone(),
        })
    })
}

/// True when no entity of the source is or becomes this one.
fn is_gone(
    input: &PlanInput<'_>,
    identities: &Identities,
    kind: &'static EntityKind,
    id: &str,
    entry: &Entry,
) -> bool {
    if kind.presence.given {
        return input.policy.custom_plugins.iter().all(|plugin| plugin.name != id);
    }
    let there = kind.key(entry.source.as_deref().unwrap_or(id));
    !input.source.contains(&there) && identities.source_of(&kind.key(id), input.source).is_none()
}

/// True when the source does not list the kind, or the kind below which it is listed.
fn is_absent(kind: &EntityKind, source: &Snapshot) -> bool {
    let parent = match kind.source {
        Listing::Below { parent, .. } => Some(parent),
        Listing::Within { parent, .. } => parent,
        Listing::Flat(_) => None,
    };
    source
        .gaps
        .iter()
        .any(|gap| gap.kind == kind || Some(gap.kind.name) == parent)
}

#[cfg(test)]
mod tests;
