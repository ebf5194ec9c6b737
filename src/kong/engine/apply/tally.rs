//! What a run did, and what it did not.

use std::collections::BTreeSet;

use super::super::error::Error;
use crate::kong::plan::ledger::{Receipt, Receipts};
use crate::kong::plan::planner_rules::{
    BLOCKED_BY_DEPENDENCY, CHANGED_BEFORE_WRITE, DELETE_REFUSED, DIFFERS_AFTER_WRITE, NOT_TRIED,
    REFUSED_BY_TARGET, TAKEN_BY_ANOTHER,
};
use crate::kong::plan::prune::{PRUNE_STILL_REFERENCED, PRUNE_TARGET_CHANGED};
use crate::migration::finding::Finding;
use crate::migration::plan::Action;
use crate::migration::subject::{EntityKey, Subject};
use crate::migration::verification::Verification;

/// An entity that was not written, or not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The entity.
    pub subject: Subject,
    /// What was to be done with it.
    pub action: Action,
    /// The field, where the target named one.
    pub field: Option<String>,
    /// Why, in the target's words, or the entity it waits for.
    pub reason: String,
    /// True when the target was not asked, because something the entity refers to was refused.
    pub dependent: bool,
    /// True when another entity of the target holds a unique value.
    pub conflict: bool,
    /// What a look found in place of what was expected; the target was not asked then.
    pub found: Option<FoundInstead>,
}

/// What stands in the place of what a write expected. The entity was left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundInstead {
    /// For a create: an entity of this id with another content.
    Another,
    /// For an overwrite or a delete: another content than the plan saw.
    Changed,
    /// For an overwrite: nothing.
    Nothing,
    /// For a delete: this entity below it, or one that refers to it and stays.
    Below(EntityKey),
}

impl FoundInstead {
    /// The same in words.
    fn reason(&self) -> String {
        match self {
            Self::Another => {
                "the target has another entity under this id, which its list did not show".to_owned()
            }
            Self::Changed => "somebody has changed it since it was read".to_owned(),
            Self::Nothing => "somebody has deleted it since it was read".to_owned(),
            Self::Below(key) => format!("{key} belongs to it, and stays"),
        }
    }
}

impl Refusal {
    /// Of an entity that was left as it is, because of what was found there.
    pub(super) fn left(subject: Subject, action: Action, found: FoundInstead) -> Self {
        Self {
            subject,
            action,
            field: None,
            reason: found.reason(),
            dependent: false,
            conflict: false,
            found: Some(found),
        }
    }

    /// The same as a finding.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let rule = match (self.action, &self.found) {
            (Action::Delete, Some(FoundInstead::Below(_))) => &PRUNE_STILL_REFERENCED,
            (Action::Delete, Some(_)) => &PRUNE_TARGET_CHANGED,
            (Action::Delete, None) => &DELETE_REFUSED,
            (_, Some(FoundInstead::Another)) => &TAKEN_BY_ANOTHER,
            (_, Some(_)) => &CHANGED_BEFORE_WRITE,
            (_, None) if self.dependent => &BLOCKED_BY_DEPENDENCY,
            (_, None) => &REFUSED_BY_TARGET,
        };
        let finding = Finding::new(rule, self.subject.clone(), self.reason.clone());
        match &self.field {
            Some(field) => finding.at(field.clone()),
            None => finding,
        }
    }
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Entities created.
    pub created: usize,
    /// Entities replaced.
    pub updated: usize,
    /// Entities deleted, or found to be gone already.
    pub deleted: usize,
    /// Entities that were not written or deleted.
    pub refused: Vec<Refusal>,
    /// Entities that were not sent, because the run ended before; those that depend on a refused one are in `refused`.
    pub not_tried: Vec<Subject>,
    /// Why entities that were to be deleted are kept.
    pub kept: Vec<Finding>,
    /// What the answers told of all that was sent, by key in the target.
    pub receipts: Receipts,
    /// What ended the run early; the next run goes on from what the target holds.
    pub interrupted: Option<Error>,
}

impl Applied {
    /// Entities written or deleted.
    #[must_use]
    pub const fn written(&self) -> usize {
        self.created + self.updated + self.deleted
    }

    /// Entities that were to be created and were there already, equal, by key in the target: they are somebody else's too.
    pub fn shared(&self) -> impl Iterator<Item = &EntityKey> {
        let shared = self
            .receipts
            .iter()
            .filter(|(_, receipt)| **receipt == Receipt::Shared);
        shared.map(|(key, _)| key)
    }

    /// Entities that were not written or deleted, refused or not tried, by their keys in the plan.
    #[must_use]
    pub fn unwritten(&self) -> BTreeSet<&EntityKey> {
        let refused = self.refused.iter().map(|refusal| &refusal.subject.key);
        let not_tried = self.not_tried.iter().map(|subject| &subject.key);
        refused.chain(not_tried).collect()
    }

    /// What was not written, as findings.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let refused = self.refused.iter().map(Refusal::finding);
        let not_tried = self
            .not_tried
            .iter()
            .map(|subject| Finding::new(&NOT_TRIED, subject.clone(), "the run ended before its turn came"));
        refused.chain(not_tried).chain(self.kept.iter().cloned())
    }

    /// Takes out of what remains in the target what this run has not deleted, which is told already; the rest is told here.
    pub fn explain(&self, verification: &mut Verification) {
        let mut told = self.unwritten();
        told.extend(self.kept.iter().map(|finding| &finding.subject.key));
        verification
            .remaining
            .retain(|subject| !told.contains(&subject.key));
        let returned = verification.remaining.iter().map(|subject| {
            let observed = "it was deleted, and is there again";
            Finding::new(&DIFFERS_AFTER_WRITE, subject.clone(), observed)
        });
        verification.findings.extend(returned);
    }

    /// What has become of an entity, as far as it was sent.
    pub(super) fn note(&mut self, key: EntityKey, outcome: &SendOutcome) {
        match outcome {
            SendOutcome::NotTried => {}
            SendOutcome::Done(receipt) => drop(self.receipts.insert(key, *receipt)),
            SendOutcome::Refused(_) | SendOutcome::Unanswered | SendOutcome::Failed(_) => {
                self.receipts.entry(key).or_insert(Receipt::Open);
            }
        }
    }

    pub(super) const fn count(&mut self, action: Action) {
        match action {
            Action::Update => self.updated += 1,
            Action::Delete => self.deleted += 1,
            _ => self.created += 1,
        }
    }
}

/// What came of a run so far.
#[derive(Default)]
pub(super) struct Tally {
    pub applied: Applied,
    pub failed: BTreeSet<EntityKey>,
}

impl Tally {
    /// It stays, for the reason that the refusal tells.
    pub fn keep(&mut self, key: EntityKey, refusal: &Refusal) {
        self.failed.insert(key);
        self.applied.kept.push(refusal.finding());
    }

    pub fn refuse(&mut self, key: EntityKey, refusal: Refusal) {
        self.failed.insert(key);
        self.applied.refused.push(refusal);
    }
}

/// What happened to one entity.
pub(super) enum SendOutcome {
    Done(Receipt),
    Refused(Refusal),
    /// The run had ended before.
    NotTried,
    /// The run ended while it was sent, and no answer told what has become of it.
    Unanswered,
    /// The failure would meet every other write too.
    Failed(Error),
}
