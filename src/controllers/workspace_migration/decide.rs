//! What to do next, from what is observed. Pure.

use crate::api::workspace_migration::{Approval, ApprovalPolicy, Mode};
use crate::kong::plan::{Action, Finding, Plan};

/// The next step after planning.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A critical finding, or an error that nobody has accepted, forbids every write. The worst one.
    Halt(Finding),
    /// Mode Plan: tell, and stop.
    Report,
    /// This generation was applied and verified before; what changed since is told, not written.
    Watch,
    /// Mode Sync, and the target has all that the source has.
    Steady,
    /// Somebody has to approve the plan's hash; true when another hash was approved.
    AwaitApproval {
        /// An approval is there, and it is for another plan.
        stale: bool,
    },
    /// Write what the plan creates and updates, then verify.
    Apply,
}

/// Decides. `completed` says that this generation of the spec was applied and verified before.
pub fn next_step(mode: Mode, approval: Option<&Approval>, completed: bool, plan: &Plan) -> Step {
    if let Some(finding) = plan.critical() {
        return Step::Halt(finding.clone());
    }
    match mode {
        Mode::Plan => Step::Report,
        Mode::Apply if completed => Step::Watch,
        Mode::Apply | Mode::Sync => {
            if let Some(finding) = plan.obstacle() {
                return Step::Halt(finding.clone());
            }
            if mode == Mode::Sync && completed && difference(plan).is_none() {
                return Step::Steady;
            }
            match approval.filter(|approval| approval.policy == ApprovalPolicy::Required) {
                Some(approval) if approval.plan_hash != plan.hash => Step::AwaitApproval {
                    stale: !approval.plan_hash.is_empty(),
                },
                _ => Step::Apply,
            }
        }
    }
}

/// What a completed migration would write, or cannot write, in words; none when there is nothing.
pub fn difference(plan: &Plan) -> Option<String> {
    let changed = plan.writes() + plan.count(Action::Blocked);
    (changed > 0).then(|| plan.summary())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kong::model::{EntityKey, Subject};
    use crate::kong::plan::Operation;
    use crate::kong::plan::planner_rules::{BLOCKED_BY_DEPENDENCY, KIND_UNREADABLE, NAME_TAKEN};
    use crate::kong::plan::rule::Rule;

    fn subject() -> Subject {
        Subject {
            key: EntityKey {
                kind: "routes".into(),
                id: "r".into(),
            },
            name: None,
        }
    }

    fn plan(actions: &[Action], rules: &[&Rule]) -> Plan {
        let operation = |action: &Action| Operation {
            wave: 0,
            action: *action,
            subject: subject(),
            target_id: None,
            reason: String::new(),
            changes: Vec::new(),
        };
        Plan {
            hash: String::new(),
            source_digest: String::new(),
            target_digest: String::new(),
            operations: actions.iter().map(operation).collect(),
            findings: rules
                .iter()
                .map(|rule| Finding::new(rule, subject(), ""))
                .collect(),
        }
    }

    #[test]
    fn nothing_is_written_in_mode_plan_or_with_a_critical_finding() {
        assert_eq!(
            next_step(Mode::Plan, None, false, &plan(&[Action::Create], &[])),
            Step::Report
        );
        let critical = plan(&[Action::Create], &[&KIND_UNREADABLE]);
        assert!(matches!(
            next_step(Mode::Apply, None, false, &critical),
            Step::Halt(_)
        ));
    }

    #[test]
    fn an_error_stops_everything_until_it_is_waived() {
        let mut plan = plan(&[Action::Create], &[&NAME_TAKEN]);
        assert!(matches!(
            next_step(Mode::Apply, None, false, &plan),
            Step::Halt(_)
        ));
        assert_eq!(next_step(Mode::Plan, None, false, &plan), Step::Report);
        assert_eq!(next_step(Mode::Apply, None, true, &plan), Step::Watch);
        plan.findings[0].waived = Some("renamed later".into());
        assert_eq!(next_step(Mode::Apply, None, false, &plan), Step::Apply);
    }

    #[test]
    fn a_cause_is_told_before_what_follows_from_it() {
        let halted = |rules: &[&Rule]| match next_step(Mode::Apply, None, false, &plan(&[], rules)) {
            Step::Halt(finding) => Some(finding.id.to_string()),
            _ => None,
        };
        let both = [&BLOCKED_BY_DEPENDENCY, &NAME_TAKEN];
        assert_eq!(halted(&both).as_deref(), Some(NAME_TAKEN.id));
        let alone = [&BLOCKED_BY_DEPENDENCY];
        assert_eq!(halted(&alone).as_deref(), Some(BLOCKED_BY_DEPENDENCY.id));
    }

    #[test]
    fn nothing_is_written_before_this_very_plan_is_approved() {
        let plan = Plan {
            hash: "sha256:this".into(),
            ..plan(&[Action::Create], &[])
        };
        let step = |hash: &str| {
            let approval = Approval {
                policy: ApprovalPolicy::Required,
                plan_hash: hash.into(),
            };
            next_step(Mode::Apply, Some(&approval), false, &plan)
        };
        assert_eq!(step(""), Step::AwaitApproval { stale: false });
        assert_eq!(step("sha256:other"), Step::AwaitApproval { stale: true });
        assert_eq!(step("sha256:this"), Step::Apply);
    }

    #[test]
    fn sync_writes_whenever_there_is_something_to_write() {
        let changed = plan(&[Action::Unchanged, Action::Create], &[]);
        assert_eq!(next_step(Mode::Sync, None, true, &changed), Step::Apply);
        let steady = plan(&[Action::Unchanged, Action::StaysBehind], &[]);
        assert_eq!(next_step(Mode::Sync, None, true, &steady), Step::Steady);
        assert_eq!(next_step(Mode::Sync, None, false, &steady), Step::Apply);
        let blocked = plan(&[Action::Unchanged], &[&NAME_TAKEN]);
        assert!(matches!(
            next_step(Mode::Sync, None, true, &blocked),
            Step::Halt(_)
        ));
    }

    #[test]
    fn apply_writes_once_and_watches_afterwards() {
        let changed = plan(&[Action::Unchanged, Action::Create], &[]);
        assert_eq!(next_step(Mode::Apply, None, true, &changed), Step::Watch);
        assert!(difference(&changed).is_some_and(|words| words.contains("1 to create")));
        assert_eq!(
            difference(&plan(&[Action::Unchanged, Action::StaysBehind], &[])),
            None
        );
    }
}
