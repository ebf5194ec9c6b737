//! What undoing a migration would do: from the ledger and the target as it is now, an ordered list of steps, and a finding for
//! everything that stays. Pure and deterministic, so that it can be shown, approved and carried out.
//!
//! What the migration created is deleted, what it overwrote gets its former content back, and what it deleted is made again. What
//! somebody changed since, and what something foreign refers to, stays and is named.

pub mod findings;
mod judge;
mod obstacles;
pub mod report;

use std::collections::BTreeMap;

use super::catalogue::Catalogue;
use super::digest::Digest;
use super::finding::Finding;
use super::ledger::{Fingerprint, Ledger};
use super::translate::fit_for_target;
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, EntityKey, Snapshot, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a rollback does about an entity that somebody changed since it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangedSince {
    /// Leaves it, with a finding.
    #[default]
    Keep,
    /// Undoes it all the same.
    Undo,
}

/// How much is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything: deletes, restores, and makes again.
    Everything,
    /// Deletes what was created; what was overwritten stays, and is named.
    Created,
}

/// Everything that a rollback depends on.
#[derive(Clone, Copy, Debug)]
pub struct RollbackInput<'a> {
    /// What this migration has written to the target.
    pub ledger: &'a Ledger,
    /// The target as read.
    pub target: &'a Snapshot,
    /// How much is undone.
    pub extent: Extent,
    /// What happens to entities that somebody changed since.
    pub changed: ChangedSince,
}

/// What one step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Undo {
    /// Makes an entity again as it was.
    Recreate,
    /// Deletes what was created.
    Delete,
    /// Gives an entity its former content back.
    Restore,
}

/// One entity, and how it is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Steps of a wave do not depend on each other; waves are carried out in their order.
    pub wave: u8,
    /// What is done.
    pub undo: Undo,
    /// To which entity of the target.
    pub subject: Subject,
}

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// SHA-256 over the steps, with the content that each starts from and leads to, and over what stays.
    pub hash: String,
    /// By wave, kind and id: first what is made again, upwards by level; then, level by level downwards, deletes and restores.
    pub steps: Vec<Step>,
    /// Why the rest stays, worst first.
    pub findings: Vec<Finding>,
    /// Entries that are undone: gone, or as they were before.
    pub undone: Vec<EntityKey>,
    /// Entries of which nothing has to be undone; a finding says why.
    pub left: Vec<EntityKey>,
    /// How many entities stay that should be undone.
    pub kept: usize,
}

/// What is to become of one entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Undo {
        undo: Undo,
        /// What the target holds now.
        from: Option<Fingerprint>,
    },
    /// Nothing is left to do.
    Undone,
    /// Nothing has to be done, for a reason that is told.
    Left(Finding),
    /// It should be undone and stays, for this reason.
    Kept(Finding),
}

/// Decides what undoing does to every entity of the ledger.
#[must_use]
pub fn build_rollback(input: &RollbackInput<'_>) -> Rollback {
    let mut fates: BTreeMap<EntityKey, Fate> = input
        .ledger
        .iter()
        .map(|(kind, id, entry)| {
            let key = kind.key(id);
            let fate = judge::judge(input, &key, entry);
            (key, fate)
        })
        .collect();
    obstacles::keep_what_cannot_go(input, &mut fates);
    assemble(input, &fates)
}

fn assemble(input: &RollbackInput<'_>, fates: &BTreeMap<EntityKey, Fate>) -> Rollback {
    let mut rollback = Rollback {
        hash: String::new(),
        steps: Vec::new(),
        findings: Vec::new(),
        undone: Vec::new(),
        left: Vec::new(),
        kept: 0,
    };
    for (key, fate) in fates {
        match fate {
            Fate::Undo { undo, .. } => rollback.steps.extend(step(input, key, *undo)),
            Fate::Undone => rollback.undone.push(key.clone()),
            Fate::Left(finding) => {
                rollback.left.push(key.clone());
                rollback.findings.push(finding.clone());
            }
            Fate::Kept(finding) => {
                rollback.kept += 1;
                rollback.findings.push(finding.clone());
            }
        }
    }
    rollback
        .steps
        .sort_by(|a, b| (a.wave, &a.subject.key).cmp(&(b.wave, &b.subject.key)));
    rollback.findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
    rollback.hash = hash(input, fates, &rollback);
    rollback
}

fn step(input: &RollbackInput<'_>, key: &EntityKey, undo: Undo) -> Option<Step> {
    let subject = match undo {
        Undo::Recreate | Undo::Restore => before(input.ledger, key)?.subject(),
        Undo::Delete => input.target.entities.get(key)?.subject(),
    };
    Some(Step {
        wave: wave(undo, named(&key.kind)?.level),
        undo,
        subject,
    })
}

/// Made again is upwards, before anything else. Deleted and restored is downwards; on each level a delete gives names free first.
const fn wave(undo: Undo, level: u8) -> u8 {
    const LEVELS: u8 = 16;
    match undo {
        Undo::Recreate => level,
        Undo::Delete => LEVELS + 2 * LEVELS.saturating_sub(level),
        Undo::Restore => LEVELS + 2 * LEVELS.saturating_sub(level) + 1,
    }
}

fn hash(input: &RollbackInput<'_>, fates: &BTreeMap<EntityKey, Fate>, rollback: &Rollback) -> String {
    let mut digest = Digest::default();
    for step in &rollback.steps {
        let key = &step.subject.key;
        let from = match fates.get(key) {
            Some(Fate::Undo { from, .. }) => from.map(|print| print.to_string()),
            _ => None,
        };
        let to = match step.undo {
            Undo::Delete => None,
            Undo::Recreate | Undo::Restore => {
                before(input.ledger, key).map(|before| Fingerprint::of(before.kind, &before.body).to_string())
            }
        };
        digest.add(&json!([step.wave, step.subject, from, to]));
    }
    for finding in &rollback.findings {
        digest.add(&json!(finding));
    }
    digest.finish()
}

/// What an entity of the ledger was before this migration; none when it did not exist.
#[must_use]
pub fn before(ledger: &Ledger, key: &EntityKey) -> Option<Entity> {
    let kind = named(&key.kind)?;
    let body = ledger.get(&key.kind, &key.id)?.before()?.clone();
    let id = key.id.clone();
    Some(Entity { kind, id, body })
}

/// The same as Konnect takes it: without what the server makes itself.
#[must_use]
pub fn body_before(ledger: &Ledger, key: &EntityKey, catalogue: &Catalogue) -> Option<Map<String, Value>> {
    Some(fit_for_target(&before(ledger, key)?, catalogue))
}

impl Rollback {
    /// Entries that the ledger need not know any longer.
    pub fn settled(&self) -> impl Iterator<Item = &EntityKey> {
        self.undone.iter().chain(&self.left)
    }

    /// Number of steps of a sort.
    #[must_use]
    pub fn count(&self, undo: Undo) -> usize {
        self.steps.iter().filter(|step| step.undo == undo).count()
    }

    /// One line for a person.
    #[must_use]
    pub fn summary(&self) -> String {
        let parts: Vec<String> = [
            (self.count(Undo::Delete), "to delete"),
            (self.count(Undo::Restore), "to restore"),
            (self.count(Undo::Recreate), "to make again"),
            (self.kept, "to keep"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
        if parts.is_empty() {
            "nothing to undo".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// True when nothing would be written: everything is as it was, or stays.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
