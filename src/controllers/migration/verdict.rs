//! How a pass ends before anything is written, whatever the kind; and what has to be approved before, a plan or a rollback, by its hash. Pure.

use std::time::Duration;

use kube::ResourceExt;
use kube::core::object::HasStatus;

use super::report::blocked_by;
use crate::api::conditions::{APPLIED, APPROVED, VERIFIED, reason};
use crate::api::migration::{Approval, ApprovalPolicy, MigrationKind, MigrationStatus, Phase};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::counted;
use crate::k8s::conditions::ConditionStatus::{False, True, Unknown};
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
    let next = match (plan.blocking().count(), plan.writes()) {
        (0, 0) => "There is nothing to write.".to_owned(),
        (0, _) => "Set spec.mode to Apply to write it.".to_owned(),
        (blocking, _) => format!(
            "{} be solved or waived before Apply writes: see status.findings.",
            counted(blocking, "finding must", "findings must")
        ),
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
    hold_for_approval(object, &proposal, why, draft).again_after(LOOK_AGAIN)
}

/// What somebody may have to approve.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// What it is: a plan, or a rollback.
    pub what: &'static str,
    /// The counts in one line.
    pub summary: &'a str,
    /// SHA-256 over it; what an approval names.
    pub hash: &'a str,
}

/// The approval that somebody has to give, if somebody has to.
pub fn required(approval: Option<&Approval>) -> Option<&Approval> {
    approval.filter(|approval| approval.policy == ApprovalPolicy::Required)
}

/// Whether the plan may be written: nobody has to approve it, or somebody has approved this very one, or it writes nothing.
pub fn report_approved<K: MigrationKind + ReconciledObject>(
    object: &K,
    plan: &Plan,
    draft: &mut Draft<<K as HasStatus>::Status>,
) {
    let Some(approval) = required(object.approval()) else {
        return approved_automatically(draft);
    };
    let (status, reason, message) = if approval.plan_hash == plan.hash {
        (True, reason::APPROVED, "This plan is approved.")
    } else if plan.writes() == 0 {
        (
            True,
            reason::APPROVAL_NOT_NEEDED,
            "The plan writes nothing: there is nothing to approve.",
        )
    } else if approval.plan_hash.is_empty() {
        (False, reason::AWAITING_APPROVAL, "Nobody has approved this plan.")
    } else {
        (
            False,
            reason::AWAITING_APPROVAL,
            "The approved hash is of another plan.",
        )
    };
    draft.conditions.set(APPROVED, status, reason, message);
}

/// The rollback may be done: nobody has to approve it, or somebody has approved it or the one that this one goes on with.
pub fn rollback_approved<K: MigrationKind + ReconciledObject>(
    object: &K,
    draft: &mut Draft<<K as HasStatus>::Status>,
) {
    if required(object.approval()).is_none() {
        return approved_automatically(draft);
    }
    let message = "This rollback is approved.";
    draft.conditions.set(APPROVED, True, reason::APPROVED, message);
}

fn approved_automatically<S: ObjectStatus>(draft: &mut Draft<S>) {
    let message = "The approval policy is Automatic.";
    draft
        .conditions
        .set(APPROVED, True, reason::APPROVED_AUTOMATICALLY, message);
}

/// The mode is not Plan any more: what was said because of it is not so.
pub fn leave_mode_plan<S: ObjectStatus>(draft: &mut Draft<S>) {
    for type_ in [APPLIED, VERIFIED] {
        let told = draft.conditions.get(type_);
        if told.is_some_and(|told| told.reason == reason::PLAN_ONLY) {
            let message = "Nothing has been written yet.";
            draft.conditions.set(type_, Unknown, reason::PENDING, message);
        }
    }
}

/// Waits for a person, and says how to approve. `why` goes before, when there is more to say.
pub fn hold_for_approval<K: MigrationKind + ReconciledObject>(
    object: &K,
    proposal: &Proposal<'_>,
    why: &str,
    draft: &mut Draft<<K as HasStatus>::Status>,
) -> Outcome {
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let Proposal { what, summary, hash } = proposal;
    let message = format!(
        "{why}The {what}: {summary}. To approve it: kubectl -n {namespace} patch {} {name} --type merge \
         -p '{{\"spec\":{{\"approval\":{{\"planHash\":\"{hash}\"}}}}}}'",
        K::KUBECTL
    );
    draft
        .conditions
        .set(APPROVED, False, reason::AWAITING_APPROVAL, message.clone());
    *draft.status.phase_mut() = Some(Phase::AwaitingApproval);
    Outcome::held(reason::AWAITING_APPROVAL, message)
}
