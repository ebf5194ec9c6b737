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

use serde_json::{Map, Value, json};

use super::catalogue::Catalogue;
use super::ledger::{ContentFingerprint, Ledger};
use super::translate::fit_for_target;
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, Snapshot};
use crate::migration::digest::Digest;
use crate::migration::finding::Finding;
use crate::migration::rollback::{ChangedSince, Extent, Rollback, RollbackStep, Undo};
use crate::migration::subject::EntityKey;

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

/// What is to become of one entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Undo {
        undo: Undo,
        /// What the target holds now.
        from: Option<ContentFingerprint>,
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

fn step(input: &RollbackInput<'_>, key: &EntityKey, undo: Undo) -> Option<RollbackStep> {
    let subject = match undo {
        Undo::Recreate | Undo::Restore => before(input.ledger, key)?.subject(),
        Undo::Delete => input.target.entities.get(key)?.subject(),
    };
    Some(RollbackStep {
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
            Undo::Recreate | Undo::Restore => before(input.ledger, key)
                .map(|before| ContentFingerprint::of(before.kind, &before.body).to_string()),
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

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
