//! What a migration remembers from one pass to the next. Pure.
//!
//! Conditions are output, and only [`fill`] goes by them, once for each object that a version without these fields left behind:
//! docs/decisions/0012-conditions-are-output.md.

use crate::api::conditions::{APPLIED, ROLLBACK_READY, ROLLED_BACK, TARGET_READY, VERIFIED, reason};
use crate::api::workspace_migration::{
    Checkpoint, RollbackCheckpoint, RollbackState, WorkspaceMigrationStatus,
};
use crate::controllers::migration::decide::NextStep;
use crate::controllers::runtime::draft::Draft;
use crate::k8s::conditions::ConditionStatus::{False, True};
use crate::k8s::conditions::{ConditionSet, ConditionStatus, MESSAGE_LIMIT, bounded};

/// Fills in what a former version kept in conditions alone, so that an upgrade neither writes to the target again nor undoes anything
/// twice.
pub(super) fn fill(draft: &mut Draft<WorkspaceMigrationStatus>) {
    if draft.status.checkpoint.is_some() {
        return;
    }
    draft.status.checkpoint = Some(from_conditions(&draft.conditions));
    if let Some(rollback) = &mut draft.status.rollback {
        let told = draft.conditions.get(ROLLBACK_READY);
        rollback.generation = told.and_then(|told| told.observed_generation);
    }
}

fn from_conditions(conditions: &ConditionSet) -> Checkpoint {
    Checkpoint {
        settled_generation: conditions.settled_generation(),
        completed_generation: completed(conditions),
        target_missing: target_missing(conditions),
        rollback: rollback(conditions),
    }
}

/// Applied, and verified for the same generation. A verification that is too old to be claimed was one all the same.
fn completed(conditions: &ConditionSet) -> Option<i64> {
    let applied = conditions
        .get(APPLIED)
        .filter(|applied| applied.status == True.as_str())?;
    let verified = conditions.get(VERIFIED)?;
    let same =
        verified.status == True.as_str() && verified.observed_generation == applied.observed_generation;
    let holds = same || verified.reason == reason::VERIFICATION_STALE;
    applied.observed_generation.filter(|_| holds)
}

fn target_missing(conditions: &ConditionSet) -> bool {
    conditions.get(TARGET_READY).is_some_and(|told| {
        told.status == False.as_str()
            && matches!(
                told.reason.as_str(),
                reason::CONTROL_PLANE_NOT_FOUND
                    | reason::CONTROL_PLANE_DELETING
                    | reason::NOT_PROGRAMMED
                    | reason::READ_ONLY
                    | reason::REF_NOT_FOUND
            )
    })
}

fn rollback(conditions: &ConditionSet) -> Option<RollbackCheckpoint> {
    let told = conditions.get(ROLLED_BACK)?;
    let state = STATES
        .into_iter()
        .find(|state| in_condition(*state).1 == told.reason)?;
    Some(RollbackCheckpoint {
        state,
        generation: told.observed_generation,
        message: is_on_failure(state).then(|| told.message.clone()),
    })
}

/// All states of a rollback.
const STATES: [RollbackState; 6] = [
    RollbackState::AwaitingApproval,
    RollbackState::RollingBack,
    RollbackState::RollingBackOnFailure,
    RollbackState::RolledBack,
    RollbackState::RolledBackOnFailure,
    RollbackState::PartiallyRolledBack,
];

/// Status and reason of the condition `RolledBack`.
const fn in_condition(state: RollbackState) -> (ConditionStatus, &'static str) {
    match state {
        RollbackState::AwaitingApproval => (False, reason::AWAITING_APPROVAL),
        RollbackState::RollingBack => (False, reason::ROLLING_BACK),
        RollbackState::RollingBackOnFailure => (False, reason::ROLLING_BACK_ON_FAILURE),
        RollbackState::RolledBack => (True, reason::ROLLED_BACK),
        RollbackState::RolledBackOnFailure => (True, reason::ROLLED_BACK_ON_FAILURE),
        RollbackState::PartiallyRolledBack => (False, reason::PARTIALLY_ROLLED_BACK),
    }
}

const fn is_on_failure(state: RollbackState) -> bool {
    matches!(
        state,
        RollbackState::RollingBackOnFailure | RollbackState::RolledBackOnFailure
    )
}

/// What was to be undone is undone.
pub(super) const fn is_done(state: RollbackState) -> bool {
    matches!(
        state,
        RollbackState::RolledBack | RollbackState::RolledBackOnFailure
    )
}

/// Remembers where a rollback is, and tells it.
pub(super) fn set_rollback(
    state: RollbackState,
    message: impl Into<String>,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    let message = message.into();
    let (status, reason) = in_condition(state);
    draft.status.checkpoint_mut().rollback = Some(RollbackCheckpoint {
        state,
        generation: Some(draft.conditions.generation()),
        message: is_on_failure(state).then(|| bounded(message.clone(), MESSAGE_LIMIT)),
    });
    draft.conditions.set(ROLLED_BACK, status, reason, message);
}

/// The migration goes forward again.
pub(super) fn forget_rollback(draft: &mut Draft<WorkspaceMigrationStatus>) {
    draft.status.checkpoint_mut().rollback = None;
    draft.conditions.remove(ROLLED_BACK);
}

/// The latest rollback, unless the migration went forward since.
pub(super) fn rollback_of(draft: &Draft<WorkspaceMigrationStatus>) -> Option<&RollbackCheckpoint> {
    draft.status.checkpoint.as_ref()?.rollback.as_ref()
}

/// True when this generation was applied and verified before.
pub(super) fn is_completed(draft: &Draft<WorkspaceMigrationStatus>) -> bool {
    let checkpoint = draft.status.checkpoint.as_ref();
    let completed = checkpoint.and_then(|checkpoint| checkpoint.completed_generation);
    completed == Some(draft.conditions.generation())
}

/// Whatever was completed before is not what the spec asks for, when it asks for the plan alone or for an approval first.
pub(super) fn forget_completed(step: &NextStep, draft: &mut Draft<WorkspaceMigrationStatus>) {
    if matches!(step, NextStep::Report | NextStep::AwaitApproval { .. }) {
        draft.status.checkpoint_mut().completed_generation = None;
    }
}

/// True when this generation came to an end before, good or bad.
pub(super) fn is_settled(draft: &Draft<WorkspaceMigrationStatus>) -> bool {
    let checkpoint = draft.status.checkpoint.as_ref();
    let settled = checkpoint.and_then(|checkpoint| checkpoint.settled_generation);
    settled == Some(draft.conditions.generation())
}

#[cfg(test)]
mod tests;
