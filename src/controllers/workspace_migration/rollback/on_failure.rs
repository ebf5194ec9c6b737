//! `failurePolicy: RollbackOnFailure`: why a migration is undone, kept in the checkpoint, so that it goes on after a restart and is not
//! tried again by the same spec.

use std::time::Duration;

use super::super::checkpoint::{forget_rollback, rollback_of, set_rollback};
use crate::api::conditions::reason;
use crate::api::workspace_migration::{
    FailurePolicy, RollbackState, WorkspaceMigration, WorkspaceMigrationStatus,
};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::first_few;
use crate::kong::engine::Applied;

/// Why a migration is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Cause {
    /// `spec.rollback` is true.
    Asked,
    /// Konnect refused an entity.
    Refused {
        /// What was refused, in words.
        told: String,
        /// The generation of the spec that met the refusal.
        generation: Option<i64>,
    },
}

/// Whether what this run was refused undoes it, and then says so. Only before the migration was complete for the first time.
pub(in super::super) fn undone_by(
    object: &WorkspaceMigration,
    applied: &Applied,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) -> Option<Cause> {
    let asked = object.spec.failure_policy == FailurePolicy::RollbackOnFailure;
    if !asked || draft.status.completed_at.is_some() {
        return None;
    }
    let refused: Vec<_> = applied
        .refused
        .iter()
        .filter(|refusal| !refusal.dependent)
        .collect();
    if refused.is_empty() {
        return None;
    }
    let reasons = refused
        .iter()
        .map(|refusal| format!("{}: {}", refusal.subject, refusal.reason));
    let told = format!(
        "Konnect refused {}.",
        first_few(reasons, 1, ", and ", ("other", "others"))
    );
    let generation = object.metadata.generation;
    set_rollback(RollbackState::RollingBackOnFailure, told.clone(), draft);
    Some(Cause::Refused { told, generation })
}

/// A rollback after a refusal that was interrupted.
pub(in super::super) fn refused_before(draft: &Draft<WorkspaceMigrationStatus>) -> Option<Cause> {
    let rollback = rollback_of(draft)?;
    (rollback.state == RollbackState::RollingBackOnFailure).then(|| Cause::Refused {
        told: rollback.message.clone().unwrap_or_default(),
        generation: rollback.generation,
    })
}

/// How it stands when this very spec was undone after a refusal: it is not tried again.
pub(in super::super) fn undone_before(draft: &Draft<WorkspaceMigrationStatus>) -> Option<Outcome> {
    let rollback = rollback_of(draft)?;
    let same = rollback.state == RollbackState::RolledBackOnFailure
        && rollback.generation == Some(draft.conditions.generation());
    let message = || rollback.message.clone().unwrap_or_default();
    same.then(|| Outcome::blocked(reason::ROLLED_BACK_ON_FAILURE, message()))
}

/// The spec changed while what an older one had written was being undone: the next pass tries the new one.
pub(super) fn begin_anew(cause: &Cause, draft: &mut Draft<WorkspaceMigrationStatus>) -> Option<Outcome> {
    let Cause::Refused { generation, .. } = cause else {
        return None;
    };
    if *generation == Some(draft.conditions.generation()) {
        return None;
    }
    forget_rollback(draft);
    let message = "What an older spec had written is undone; the next pass begins anew by the present one.";
    Some(Outcome::wait(reason::PROGRESSING, message).again_after(Duration::from_secs(1)))
}

#[cfg(test)]
mod tests;
