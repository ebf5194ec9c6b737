//! What to do next, from what the spec says and what is observed. Pure.

use crate::api::workspace_migration::{Approval, Mode};
use crate::controllers::migration::approval::required;
use crate::kong::plan::planner_rules::BLOCKED_BY_DEPENDENCY;
use crate::migration::next_step::{self, Decisions, NextStep, Purpose};
use crate::migration::plan::Plan;

/// Decides. `completed` says that this generation of the spec was applied and verified before.
pub fn next_step(mode: Mode, approval: Option<&Approval>, completed: bool, plan: &Plan) -> NextStep {
    let decisions = Decisions {
        purpose: match mode {
            Mode::Plan => Purpose::Plan,
            Mode::Apply => Purpose::Once,
            Mode::Sync => Purpose::Follow,
        },
        approved: required(approval).map(|approval| approval.plan_hash.as_str()),
        completed,
    };
    next_step::next_step(&decisions, plan, &BLOCKED_BY_DEPENDENCY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::workspace_migration::ApprovalPolicy;

    fn plan() -> Plan {
        Plan {
            hash: "sha256:this".into(),
            source_digest: String::new(),
            target_digest: String::new(),
            operations: Vec::new(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn each_mode_has_a_purpose() {
        assert_eq!(next_step(Mode::Plan, None, true, &plan()), NextStep::Report);
        assert_eq!(next_step(Mode::Apply, None, true, &plan()), NextStep::Watch);
        assert_eq!(next_step(Mode::Sync, None, true, &plan()), NextStep::Steady);
    }

    #[test]
    fn an_approval_counts_where_it_is_required() {
        let step = |policy| {
            let approval = Approval {
                policy,
                plan_hash: "sha256:other".into(),
            };
            next_step(Mode::Apply, Some(&approval), false, &plan())
        };
        assert_eq!(
            step(ApprovalPolicy::Required),
            NextStep::AwaitApproval { stale: true }
        );
        assert_eq!(step(ApprovalPolicy::Automatic), NextStep::Apply);
    }
}
