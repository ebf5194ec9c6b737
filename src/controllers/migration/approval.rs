//! Approval of what is about to be written, or undone, by its hash. Pure.

use kube::ResourceExt;
use kube::core::object::HasStatus;

use crate::api::conditions::{APPROVED, reason};
use crate::api::migration::{Approval, ApprovalPolicy, MigrationKind, MigrationStatus, Phase};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::k8s::conditions::ConditionStatus::{False, True};
use crate::k8s::status::ReconciledObject;

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

/// Nobody has to approve it, or somebody has.
pub fn report_approved<K: MigrationKind + ReconciledObject>(
    object: &K,
    what: &str,
    draft: &mut Draft<<K as HasStatus>::Status>,
) {
    // Said before the step is chosen; of the steps, the one that waits for an approval takes it back in the same pass.
    let (reason, message) = match required(object.approval()) {
        Some(_) => (reason::APPROVED, format!("This {what} is approved.")),
        None => (
            reason::APPROVED_AUTOMATICALLY,
            "The approval policy is Automatic.".to_owned(),
        ),
    };
    draft.conditions.set(APPROVED, True, reason, message);
}

/// Waits for a person, and says how to approve. `why` goes before, when there is more to say.
pub fn await_approval<K: MigrationKind + ReconciledObject>(
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
