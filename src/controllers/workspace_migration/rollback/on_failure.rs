//! `failurePolicy: RollbackOnFailure`: why a migration is undone, kept in a condition, so that it goes on after a restart and is not
//! tried again by the same spec.

use std::time::Duration;

use crate::api::conditions::{ROLLED_BACK, reason};
use crate::api::workspace_migration::{FailurePolicy, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::counted;
use crate::k8s::conditions::ConditionStatus::False;
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
    let first = refused.first()?;
    let others = match refused.len() {
        1 => String::new(),
        several => format!(", and {}", counted(several - 1, "other", "others")),
    };
    let told = format!("Konnect refused {}: {}{others}.", first.subject, first.reason);
    let generation = object.metadata.generation;
    draft
        .conditions
        .set(ROLLED_BACK, False, reason::ROLLING_BACK_ON_FAILURE, told.clone());
    Some(Cause::Refused { told, generation })
}

/// A rollback after a refusal that was interrupted.
pub(in super::super) fn refused_before(draft: &Draft<WorkspaceMigrationStatus>) -> Option<Cause> {
    let rolled_back = draft.conditions.get(ROLLED_BACK)?;
    (rolled_back.reason == reason::ROLLING_BACK_ON_FAILURE).then(|| Cause::Refused {
        told: rolled_back.message.clone(),
        generation: rolled_back.observed_generation,
    })
}

/// How it stands when this very spec was undone after a refusal: it is not tried again.
pub(in super::super) fn undone_before(draft: &Draft<WorkspaceMigrationStatus>) -> Option<Outcome> {
    let rolled_back = draft.conditions.get(ROLLED_BACK)?;
    let same = rolled_back.reason == reason::ROLLED_BACK_ON_FAILURE
        && rolled_back.observed_generation == Some(draft.conditions.generation());
    same.then(|| Outcome::blocked(reason::ROLLED_BACK_ON_FAILURE, rolled_back.message.clone()))
}

/// The spec changed while what an older one had written was being undone: the next pass tries the new one.
pub(super) fn begin_anew(cause: &Cause, draft: &mut Draft<WorkspaceMigrationStatus>) -> Option<Outcome> {
    let Cause::Refused { generation, .. } = cause else {
        return None;
    };
    if *generation == Some(draft.conditions.generation()) {
        return None;
    }
    draft.conditions.remove(ROLLED_BACK);
    let message = "What an older spec had written is undone; the next pass begins anew by the present one.";
    Some(Outcome::wait(reason::PROGRESSING, message).again_after(Duration::from_secs(1)))
}
