//! How a pass ends before anything is written, whatever the kind. Pure.

use std::time::Duration;

use kube::core::object::HasStatus;

use super::approval::{self, Proposal};
use super::report::blocked_by;
use crate::api::conditions::{APPLIED, VERIFIED, reason};
use crate::api::migration::{MigrationKind, MigrationStatus, Phase};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::k8s::conditions::ConditionStatus::{False, Unknown};
use crate::k8s::status::{ObjectStatus, ReconciledObject};
use crate::migration::finding::Finding;
use crate::migration::plan::Plan;

/// Source and target change outside the cluster, where no event tells.
pub const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// A finding forbids every write.
pub fn halt<S: ObjectStatus + MigrationStatus>(
    plan: &Plan,
    finding: &Finding,
    draft: &mut Draft<S>,
) -> Outcome {
    let message = blocked_by(plan, finding);
    *draft.status.phase_mut() = Some(Phase::Failed);
    Outcome::blocked(reason::BLOCKING_FINDINGS, message).again_after(LOOK_AGAIN)
}

/// Mode Plan ends here.
pub fn report_only<S: ObjectStatus + MigrationStatus>(plan: &Plan, draft: &mut Draft<S>) -> Outcome {
    let next = match plan.writes() {
        0 => "There is nothing to write.",
        _ => "Set spec.mode to Apply to write it.",
    };
    draft.conditions.set(
        APPLIED,
        False,
        reason::PLAN_ONLY,
        format!("The mode is Plan: nothing is written. {next}"),
    );
    draft.conditions.set(
        VERIFIED,
        Unknown,
        reason::PLAN_ONLY,
        "There is nothing to verify before the first write.",
    );
    *draft.status.phase_mut() = Some(Phase::Planned);
    Outcome::done(reason::PLANNED, format!("The plan: {}. {next}", plan.summary())).again_after(LOOK_AGAIN)
}

/// Waits for the approval of the plan; `stale` when that of another one is there.
pub fn await_approval<K: MigrationKind + ReconciledObject>(
    object: &K,
    plan: &Plan,
    stale: bool,
    draft: &mut Draft<<K as HasStatus>::Status>,
) -> Outcome {
    let why = if stale {
        "The approved hash is of another plan: source or target changed since. "
    } else {
        ""
    };
    draft.conditions.set(
        APPLIED,
        False,
        reason::AWAITING_APPROVAL,
        "Nothing is written before the plan is approved.",
    );
    let proposal = Proposal {
        what: "plan",
        summary: &plan.summary(),
        hash: &plan.hash,
    };
    approval::await_approval(object, &proposal, why, draft).again_after(LOOK_AGAIN)
}
