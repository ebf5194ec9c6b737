//! What to do next, from what the spec says and what is observed. Pure.

use super::approval::required;
use crate::api::migration::{Approval, Mode};
use crate::migration::next_step::{self, Decisions, NextStep, Purpose};
use crate::migration::plan::Plan;
use crate::migration::rule::Rule;

/// Decides. `completed` says that this generation of the spec was applied and verified before; findings of `consequence`, where the product
/// has such a rule, only follow from others.
pub fn next_step(
    mode: Mode,
    approval: Option<&Approval>,
    completed: bool,
    (plan, consequence): (&Plan, Option<&Rule>),
) -> NextStep {
    let decisions = Decisions {
        purpose: match mode {
            Mode::Plan => Purpose::Plan,
            Mode::Apply => Purpose::Once,
            Mode::Sync => Purpose::Follow,
        },
        approved: required(approval).map(|approval| approval.plan_hash.as_str()),
        completed,
    };
    next_step::next_step(&decisions, plan, consequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::migration::ApprovalPolicy;

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
        assert_eq!(
            next_step(Mode::Plan, None, true, (&plan(), None)),
            NextStep::Report
        );
        assert_eq!(
            next_step(Mode::Apply, None, true, (&plan(), None)),
            NextStep::Watch
        );
        assert_eq!(
            next_step(Mode::Sync, None, true, (&plan(), None)),
            NextStep::Steady
        );
    }

    #[test]
    fn an_approval_counts_where_it_is_required() {
        let step = |policy| {
            let approval = Approval {
                policy,
                plan_hash: "sha256:other".into(),
            };
            next_step(Mode::Apply, Some(&approval), false, (&plan(), None))
        };
        assert_eq!(
            step(ApprovalPolicy::Required),
            NextStep::AwaitApproval { stale: true }
        );
        assert_eq!(step(ApprovalPolicy::Automatic), NextStep::Apply);
    }
}
