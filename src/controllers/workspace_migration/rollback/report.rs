//! What a rollback would do, does and did, into status and conditions. Pure.

use super::super::checkpoint::{is_done, rollback_of, set_rollback};
use super::super::findings::report_undone;
use super::super::status::rollback_status;
use super::Cause;
use crate::api::conditions::{
    APPLIED, DRIFTED, IN_SYNC, PLAN_READY, PREFLIGHT_PASSED, PRUNE_WITHHELD, ROLLBACK_READY, SOURCE_READY,
    VERIFIED, reason,
};
use crate::api::migration::MigrationKind as _;
use crate::api::workspace_migration::{
    Phase, RollbackState, RollbackStatus, WorkspaceMigration, WorkspaceMigrationStatus,
};
use crate::controllers::migration::verdict::{
    LOOK_AGAIN, Proposal, hold_for_approval, required, rollback_approved,
};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::counted;
use crate::k8s::conditions::ConditionStatus::{False, True};
use crate::kong::engine::Applied;
use crate::kong::plan::Ledger;
use crate::kong::plan::rollback::findings::CHANGED_SINCE;
use crate::migration::finding::Finding;
use crate::migration::rollback::Rollback;

/// What undoing would do as things are: told in every look, without a write.
pub(in super::super) fn report_rollback_ready(
    ledger: &Ledger,
    rollback: &Rollback,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    if ledger.is_empty() {
        draft.status.rollback = None;
        draft.conditions.remove(ROLLBACK_READY);
        return;
    }
    let told = draft.status.rollback.take();
    let stored = told.filter(|told| told.hash == rollback.hash);
    draft.status.rollback = Some(RollbackStatus {
        generation: Some(draft.conditions.generation()),
        artefact_ref: stored.and_then(|told| told.artefact_ref),
        ..rollback_status(rollback)
    });
    let would = format!("To undo it, by spec.rollback: {}.", rollback.summary());
    if rollback.kept == 0 {
        draft
            .conditions
            .set(ROLLBACK_READY, True, reason::CAN_ROLL_BACK, would);
        return;
    }
    let why = rollback.findings.first().map_or_else(String::new, |finding| {
        format!(" {} {}: {}.", finding.id, finding.subject, finding.observed)
    });
    let changed = |finding: &Finding| finding.id == CHANGED_SINCE.id;
    // Of what stays for other reasons, nothing is gained by it.
    let advice = if rollback.findings.iter().any(changed) {
        " spec.rollbackPolicy: UndoChanged undoes also what somebody changed since."
    } else {
        ""
    };
    let message = format!("{would}{why}{advice} {WHERE_TOLD}");
    draft
        .conditions
        .set(ROLLBACK_READY, False, reason::ROLLBACK_INCOMPLETE, message);
}

/// Where to read of each entity that stays.
const WHERE_TOLD: &str =
    "Findings name what stays before the first write of a rollback, and rollback show names it now.";

/// What is about to be undone, with a finding for all that stays. What was known of the way forward holds no more.
pub(super) fn report_expected(
    ledger: &Ledger,
    rollback: &Rollback,
    cause: &Cause,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    report_rollback_ready(ledger, rollback, draft);
    for type_ in [
        SOURCE_READY,
        PREFLIGHT_PASSED,
        PLAN_READY,
        VERIFIED,
        DRIFTED,
        PRUNE_WITHHELD,
        IN_SYNC,
    ] {
        draft.conditions.remove(type_);
    }
    draft.status.checkpoint_mut().completed_generation = None;
    draft.status.plan = None;
    draft.status.verification = None;
    draft.status.sync = None;
    if matches!(cause, Cause::Asked) {
        report_undone(rollback, &[], draft);
    }
}

/// Whether somebody has to approve the rollback first, and how. What has begun under an approval goes on under it.
pub(super) fn await_approval(
    object: &WorkspaceMigration,
    rollback: &Rollback,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) -> Option<Outcome> {
    let is_open = required(object.approval()).is_some_and(|approval| approval.plan_hash != rollback.hash);
    if !is_open || has_begun(draft) {
        rollback_approved(object, draft);
        return None;
    }
    let waits = "Nothing is undone before the rollback is approved.";
    set_rollback(RollbackState::AwaitingApproval, waits, draft);
    let proposal = Proposal {
        what: "rollback",
        summary: &rollback.summary(),
        hash: &rollback.hash,
    };
    Some(hold_for_approval(object, &proposal, "", draft).again_after(LOOK_AGAIN))
}

/// A rollback of this generation was interrupted.
fn has_begun(draft: &Draft<WorkspaceMigrationStatus>) -> bool {
    rollback_of(draft).is_some_and(|rollback| {
        rollback.state == RollbackState::RollingBack
            && rollback.generation == Some(draft.conditions.generation())
    })
}

/// The first write of the rollback comes next.
pub(super) fn report_begun(rollback: &Rollback, cause: &Cause, draft: &mut Draft<WorkspaceMigrationStatus>) {
    draft.status.phase = Some(Phase::RollingBack);
    let message = format!("Undoing what this migration wrote: {}.", rollback.summary());
    draft
        .conditions
        .set(APPLIED, False, reason::ROLLING_BACK, message.clone());
    // What Konnect refused stays told until the end.
    if matches!(cause, Cause::Asked) {
        set_rollback(RollbackState::RollingBack, message, draft);
    }
}

/// Something that passes ended the rollback early.
pub(super) fn report_interrupted(
    applied: &Applied,
    rollback: &Rollback,
    error: &crate::kong::engine::Error,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    let message = format!(
        "{} of {} entities are undone. {error}",
        applied.written(),
        rollback.steps.len()
    );
    draft
        .conditions
        .set(APPLIED, False, reason::PROGRESSING_WITH_RETRY, message);
}

/// How a rollback ended.
pub(super) struct Undone<'a> {
    /// What this pass did.
    pub applied: &'a Applied,
    /// What Konnect refused.
    pub refused: Vec<Finding>,
    /// What undoing would still do.
    pub left: &'a Rollback,
}

impl Undone<'_> {
    /// What was done and what stays, in words.
    fn words(&self) -> String {
        let parts: Vec<String> = [
            (self.applied.deleted, "deleted"),
            (self.applied.updated, "restored"),
            (self.applied.created, "made again"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
        let done = if parts.is_empty() {
            "Nothing of what this migration wrote is left to undo.".to_owned()
        } else {
            format!("What this migration wrote is undone: {}.", parts.join(", "))
        };
        match self.left.kept {
            0 => done,
            kept => format!(
                "{done} {}: status.findings says why.",
                counted(kept, "stays", "stay")
            ),
        }
    }
}

/// The endings of a rollback that was not called off.
enum RollbackEnding<'a> {
    /// All that may be undone is undone.
    RolledBack,
    /// The same, after a refusal, in words.
    RolledBackOnFailure(&'a str),
    /// Konnect refused to undo some of it, this first.
    PartiallyRolledBack(&'a Finding),
}

impl<'a> Undone<'a> {
    fn ending(&'a self, cause: &'a Cause) -> RollbackEnding<'a> {
        match (self.refused.first(), cause) {
            (Some(first), _) => RollbackEnding::PartiallyRolledBack(first),
            (None, Cause::Asked) => RollbackEnding::RolledBack,
            (None, Cause::Refused { told, .. }) => RollbackEnding::RolledBackOnFailure(told),
        }
    }
}

/// Conditions and outcome of a rollback that came to its end.
pub(super) fn conclude(
    undone: &Undone<'_>,
    ledger: &Ledger,
    cause: &Cause,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) -> Outcome {
    report_rollback_ready(ledger, undone.left, draft);
    if matches!(cause, Cause::Asked) {
        report_undone(undone.left, &undone.refused, draft);
    }
    let words = undone.words();
    let (state, message, outcome) = match undone.ending(cause) {
        RollbackEnding::RolledBack => {
            let message = format!("{words} Set spec.rollback to false to migrate again.");
            let outcome = Outcome::done(reason::ROLLED_BACK, message.clone()).again_after(LOOK_AGAIN);
            (RollbackState::RolledBack, message, outcome)
        }
        RollbackEnding::RolledBackOnFailure(told) => {
            let message = format!("{told} {words} {NEXT_AFTER_REFUSAL}");
            let outcome = Outcome::blocked(reason::ROLLED_BACK_ON_FAILURE, message.clone());
            (RollbackState::RolledBackOnFailure, message, outcome)
        }
        RollbackEnding::PartiallyRolledBack(first) => {
            let message = format!(
                "{words} Konnect refused to undo {}: {}, {}. Solve it there; it is tried again within 10 minutes.",
                undone.refused.len(),
                first.subject,
                first.observed
            );
            let reason = reason::PARTIALLY_ROLLED_BACK;
            let outcome = Outcome::blocked(reason, message.clone()).again_after(LOOK_AGAIN);
            (RollbackState::PartiallyRolledBack, message, outcome)
        }
    };
    set_rollback(state, message, draft);
    if !is_done(state) {
        draft.status.phase = Some(Phase::Failed);
        return outcome;
    }
    draft.status.phase = Some(Phase::RolledBack);
    draft.status.completed_at = None;
    if ledger.is_empty() {
        // Nothing binds the migration to its ends any more.
        draft.status.started_at = None;
    }
    draft.conditions.set(APPLIED, False, reason::ROLLED_BACK, words);
    outcome
}

/// What to do after a migration was undone because of a refusal.
const NEXT_AFTER_REFUSAL: &str = "Solve what was refused (status.findings), in the source or by spec.transforms or spec.waivers, then change the spec, for example spec.throttle, to try again.";

#[cfg(test)]
mod tests;
