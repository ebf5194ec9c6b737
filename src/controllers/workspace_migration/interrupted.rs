//! How a pass ends that does not come to the end of its plan. Pure.

use super::checkpoint::{is_done, rollback_of};
use super::error::Error;
use super::interrupts::Ended;
use crate::api::conditions::{APPLIED, reason};
use crate::api::workspace_migration::{Phase, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::k8s::conditions::ConditionStatus::{False, Unknown};

/// `status.progress.waitingFor` of a suspended migration.
const SUSPENDED: &str = "spec.suspend to be false";

/// `spec.suspend` is true: nothing is read or written.
pub(super) fn pause(draft: &mut Draft<WorkspaceMigrationStatus>) -> Outcome {
    let undoing = rollback_of(draft).is_some_and(|rollback| !is_done(rollback.state));
    let progress = draft.status.progress.get_or_insert_default();
    progress.in_flight = 0;
    progress.rate = None;
    progress.eta = None;
    progress.waiting_for = Some(SUSPENDED.to_owned());
    let done = match progress.summary.as_str() {
        "" => String::new(),
        summary if undoing => format!(" {summary} entities are undone."),
        summary => format!(" {summary} entities are in the control plane."),
    };
    if draft.status.started_at.is_some() && draft.status.completed_at.is_none() {
        let message = format!("Suspended.{done}");
        draft.conditions.set(APPLIED, False, reason::SUSPENDED, message);
    }
    draft.status.phase = Some(Phase::Paused);
    Outcome::held(
        reason::SUSPENDED,
        format!("Suspended.{done} Set spec.suspend to false to go on."),
    )
}

/// The pass ends at a safe point: what was in flight has ended, and nothing more was sent.
///
/// # Errors
/// When what ended it has to be solved before the next pass can go on.
pub(super) fn end_early(ended: Ended, draft: &mut Draft<WorkspaceMigrationStatus>) -> Result<Outcome, Error> {
    let message = match &ended {
        Ended::Suspended => return Ok(pause(draft)),
        Ended::OperatorStops => "The operator is stopping; the next one goes on from what the target holds.",
        Ended::Deleted => "The migration is being deleted: nothing more is written.",
        Ended::Changed => "The spec has changed: the next pass goes on by the new one.",
        Ended::TargetDeleted { .. } => "The control plane is being deleted: nothing more is written.",
    };
    if draft
        .conditions
        .get(APPLIED)
        .is_some_and(|applied| applied.status != "True" && applied.reason != reason::ROLLING_BACK)
    {
        draft.conditions.set(APPLIED, Unknown, reason::APPLYING, message);
    }
    match ended {
        Ended::TargetDeleted { name } => Err(Error::ControlPlaneDeleting { name }),
        Ended::OperatorStops | Ended::Deleted | Ended::Suspended | Ended::Changed => {
            Ok(Outcome::wait(reason::PROGRESSING, message))
        }
    }
}

#[cfg(test)]
mod tests;
