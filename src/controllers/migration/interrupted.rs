//! How a pass of a suspended migration ends, whatever the kind. Pure.

use crate::api::conditions::{APPLIED, reason};
use crate::api::migration::{MigrationStatus, Phase};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::k8s::conditions::ConditionStatus::{False, Unknown};
use crate::k8s::status::ObjectStatus;

/// `status.progress.waitingFor` of a suspended migration.
const SUSPENDED: &str = "spec.suspend to be false";

/// `spec.suspend` is true: nothing is read or written. `done` says what became of the entities that the progress counts, as in "are in the
/// control plane"; `unfinished` that a run has begun and not come to its end.
pub fn pause<S: ObjectStatus + MigrationStatus>(
    done: &str,
    unfinished: bool,
    draft: &mut Draft<S>,
) -> Outcome {
    let progress = draft.status.progress_mut().get_or_insert_default();
    progress.in_flight = 0;
    progress.rate = None;
    progress.eta = None;
    progress.waiting_for = Some(SUSPENDED.to_owned());
    let done = match progress.summary.as_str() {
        "" => String::new(),
        summary => format!(" {summary} entities {done}."),
    };
    if unfinished {
        let message = format!("Suspended.{done}");
        draft.conditions.set(APPLIED, False, reason::SUSPENDED, message);
    }
    *draft.status.phase_mut() = Some(Phase::Paused);
    Outcome::held(
        reason::SUSPENDED,
        format!("Suspended.{done} Set spec.suspend to false to go on."),
    )
}

/// Amends what the condition says of a run that was under way and ended early; nothing is decided by it.
pub fn amend_applied<S: ObjectStatus>(message: &str, draft: &mut Draft<S>) {
    let applied = draft.conditions.get(APPLIED);
    if applied.is_some_and(|applied| applied.status != "True" && applied.reason != reason::ROLLING_BACK) {
        draft.conditions.set(APPLIED, Unknown, reason::APPLYING, message);
    }
}
