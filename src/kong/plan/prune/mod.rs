//! What the source has no more: which of the migration's own entities are deleted in the target, and why others are not.
//!
//! Only what the ledger says this migration created is ever deleted. What is gone is found before any entity is placed, because an
//! entity that leaves gives its unique values free ([`Gone::make_room`]); what refers to it is known once all are placed
//! ([`Gone::decide`]).

mod decide;
mod limit;
mod references;
mod rules;
mod weigh;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

pub use decide::Decision;
pub use limit::withheld;
pub use rules::*;

use self::references::{Caller, Referrers};
pub(super) use self::weigh::is_unlisted;
use super::identity::Identities;
use super::input::PlanInput;
use super::ledger::{Entry, Origin, Standing};
use crate::kong::model::{Entity, EntityKind, Packed};
use crate::migration::finding::{Finding, Rule};
use crate::migration::subject::EntityKey;

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
            .filter_map(|(kind, id, entry)| {
                let packed = input.target.entities.get(&kind.key(id))?;
                Some((packed, entry, entry.standing(&packed.unpack())))
            })
            // Somebody else's, whatever was once intended under its id.
            .filter(|(.., standing)| *standing != Standing::Foreign)
            .collect();
        let created = known
            .iter()
            .filter(|(_, entry, standing)| entry.origin == Origin::Created && standing.is_known());
        if !input.policy.prune {
            for (packed, ..) in created.filter(|(packed, ..)| !is_unlisted(packed.kind, input.source)) {
                gone.tell(&GONE_FROM_SOURCE, packed, "the source has it no more".to_owned());
            }
        } else if !gone.is_withheld(created.count()) {
            for (packed, entry, standing) in known {
                gone.weigh(packed, entry, standing);
            }
            gone.hold_to_limit();
        }
        gone
    }

    fn tell(&mut self, rule: &Rule, packed: &Packed, observed: String) {
        self.findings
            .push(Finding::new(rule, packed.unpack().subject(), observed));
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
            // A name goes on to whoever takes it; an id does not.
            let by_id = |caller: &Caller| *caller.text == *key.id && self.stays(&caller.key);
            if self.referrers().callers(&key).any(by_id) {
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

    /// True for an entity that neither leaves nor follows the source.
    fn stays(&self, key: &EntityKey) -> bool {
        let entry = self.input.ledger.get(&key.kind, &key.id);
        let followed = entry.filter(|entry| !entry.is_deleted()).is_some_and(|entry| {
            let id = entry.source.as_deref().unwrap_or(&key.id);
            let there = EntityKey::new(key.kind.clone(), id);
            self.input.source.contains(&there)
        });
        !followed && !self.candidates.contains_key(key)
    }

    fn referrers(&self) -> &Referrers {
        self.referrers
            .get_or_init(|| Referrers::to(&self.candidates, self.input.target))
    }
}

/// Deletes of an interrupted run that are done, by key, with what was deleted.
pub fn done<'a>(input: &PlanInput<'a>) -> impl Iterator<Item = Entity> + use<'a> {
    let (ledger, source, target, prune) = (input.ledger, input.source, input.target, input.policy.prune);
    let entries = ledger.iter().filter(move |(kind, id, entry)| {
        let there = kind.key(entry.source.as_deref().unwrap_or(id));
        prune && entry.is_being_deleted() && !target.contains(&kind.key(id)) && !source.contains(&there)
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
pub(super) fn is_gone(
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

#[cfg(test)]
mod tests;
