//! What a run that ended early knows by the answers to its requests. What it has not sent is taken back, and what it sent without an
//! answer that tells stays intended: the next reading shows whose it is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ContentFingerprint, Entry, Ledger, Origin, Pending, Seen, seconds};
use crate::kong::model::EntityKind;
use crate::kong::model::entity_kinds::named;
use crate::kong::plan::document::Planned;
use crate::migration::plan::Action;
use crate::migration::subject::EntityKey;

/// What is known of an entity that a run has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It was written, and the answer had what the target holds.
    Written(Seen),
    /// To be created, it was there already, with the very same content: it is somebody else's too.
    Shared,
    /// It was deleted.
    Deleted,
    /// Refused, or no answer that tells: an attempt before it may have been carried out.
    Open,
}

/// What is known of all entities that a run has sent, by key in the target.
pub type Receipts = BTreeMap<EntityKey, Receipt>;

impl Ledger {
    /// Records what the answers told of a plan, without a reading. True when the ledger changed.
    pub fn confirm(&mut self, planned: &Planned, receipts: &Receipts, now: Timestamp) -> bool {
        let mut changed = false;
        for operation in &planned.plan.operations {
            if !matches!(operation.action, Action::Create | Action::Update | Action::Delete) {
                continue;
            }
            let key = operation.target_key();
            let Some(kind) = named(&key.kind) else { continue };
            let Some(entry) = self.get_mut(kind.name, &key.id) else {
                continue;
            };
            let before = (entry.pending, entry.origin == Origin::Adopted);
            let kept = match receipts.get(&key) {
                Some(receipt) => {
                    entry.confirm(kind, *receipt);
                    true
                }
                None => entry.take_back(kind),
            };
            if before != (entry.pending, entry.origin == Origin::Adopted) {
                entry.at = seconds(now);
                changed = true;
            }
            if !kept {
                self.forget(&key);
                changed = true;
            }
        }
        changed
    }
}

impl Entry {
    fn confirm(&mut self, kind: &EntityKind, receipt: Receipt) {
        match (receipt, self.pending) {
            // A list may show it in another form than the answer did, so what was written stays known beside what was seen.
            (Receipt::Written(seen), Pending::Write) => {
                (self.seen, self.pending) = (Some(seen), Pending::Nothing);
            }
            // As if the plan had found it so.
            (Receipt::Shared, Pending::Write) if self.origin == Origin::Created => {
                self.origin = Origin::Adopted;
            }
            (Receipt::Deleted, Pending::Delete) => {
                let last = self.deleted.as_deref();
                self.begun = last.map(|body| ContentFingerprint::of(kind, body));
                (self.seen, self.intended, self.pending) = (None, None, Pending::Nothing);
            }
            _ => {}
        }
    }

    /// Nothing was sent of what is intended. Whether the entry stays.
    fn take_back(&mut self, kind: &EntityKind) -> bool {
        match self.pending {
            Pending::Nothing => return true,
            Pending::Delete => self.deleted = None,
            Pending::Write => {
                let Some(seen) = self.seen else {
                    // What was overwritten before, and removed by somebody since, is still owed its before-image.
                    let is_owed = matches!(self.origin, Origin::Overwritten { .. }) && self.begun.is_none();
                    (self.pending, self.intended) = (Pending::Nothing, None);
                    return is_owed;
                };
                self.intended = None;
                let is_as_adopted = match &self.origin {
                    Origin::Overwritten {
                        before,
                        adopted: true,
                    } => ContentFingerprint::of(kind, before) == seen.whole,
                    _ => false,
                };
                if is_as_adopted {
                    self.origin = Origin::Adopted;
                }
            }
        }
        self.pending = Pending::Nothing;
        true
    }
}
