//! How a pass ends that does not come to the end of its plan. Pure.

use super::checkpoint::{is_done, rollback_of};
use super::error::Error;
use crate::api::conditions::{SOURCE_READY, TARGET_READY, reason};
use crate::api::workspace_migration::WorkspaceMigrationStatus;
use crate::controllers::migration::interrupts::{self, Ended};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::k8s::conditions::ConditionStatus::Unknown;

/// `spec.suspend` is true: nothing is read or written.
pub(super) fn pause(draft: &mut Draft<WorkspaceMigrationStatus>) -> Outcome {
    unlooked(draft);
    let undoing = rollback_of(draft).is_some_and(|rollback| !is_done(rollback.state));
    let done = if undoing {
        "are undone"
    } else {
        "are in the control plane"
    };
    let unfinished = draft.status.started_at.is_some() && draft.status.completed_at.is_none();
    interrupts::pause(done, unfinished, draft)
}

/// A side that failed may be mended while nobody looks.
fn unlooked(draft: &mut Draft<WorkspaceMigrationStatus>) {
    for type_ in [SOURCE_READY, TARGET_READY] {
        let failed = draft.conditions.get(type_).filter(|side| side.status == "False");
        if let Some(told) = failed.map(|side| side.message.clone()) {
            let message = format!("Not looked at while suspended. Before that: {told}");
            draft.conditions.set(type_, Unknown, reason::SUSPENDED, message);
        }
    }
}

/// Why a pass ended at a safe point, and what follows: of one that migrates or undoes, and of one that deletes what was migrated, whose
/// object is there until that is done.
const fn words(ended: &Ended) -> (&'static str, &'static str) {
    let deletes = "How to delete has changed: the next pass goes by that.";
    match ended {
        Ended::OperatorStops => (
            "The operator is stopping; the next one goes on from what the target holds.",
            "The operator is stopping; the next one goes on deleting what was migrated.",
        ),
        Ended::Deleted => (
            "The migration is being deleted: nothing more is written.",
            deletes,
        ),
        Ended::Suspended => ("Suspended.", deletes),
        Ended::Changed => (
            "The spec has changed: the next pass goes on by the new one.",
            deletes,
        ),
        Ended::TargetDeleted { .. } => (
            "The control plane is being deleted: nothing more is written.",
            deletes,
        ),
    }
}

/// Ends a pass that deletes what was migrated.
pub(super) fn end_deletion(ended: &Ended) -> Outcome {
    Outcome::wait(reason::DELETING, words(ended).1)
}

/// Ends a pass that migrates or undoes: what was in flight has ended, and nothing more was sent.
///
/// # Errors
/// When what ended it has to be solved before the next pass can go on.
pub(super) fn end_early(ended: Ended, draft: &mut Draft<WorkspaceMigrationStatus>) -> Result<Outcome, Error> {
    if ended == Ended::Suspended {
        return Ok(pause(draft));
    }
    let message = words(&ended).0;
    interrupts::amend_applied(message, draft);
    match ended {
        Ended::TargetDeleted { name } => Err(Error::ControlPlaneDeleting { name }),
        Ended::OperatorStops | Ended::Deleted | Ended::Suspended | Ended::Changed => {
            Ok(Outcome::wait(reason::PROGRESSING, message))
        }
    }
}

#[cfg(test)]
mod tests;
