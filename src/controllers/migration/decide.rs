//! What to do next, from what the spec says and what is observed. Pure.

use super::verdict::required;
use crate::api::migration::{Approval, Mode};
use crate::migration::finding::{Finding, Rule};
use crate::migration::plan::Plan;

/// The next step after planning.
#[derive(Clone, Debug, PartialEq)]
pub enum NextStep {
    /// A critical finding, or an error that nobody has accepted, forbids every write. The worst one.
    Halt(Finding),
    /// To tell the plan, and to stop.
    Report,
    /// All was written and verified before; what changed since is told, not written.
    Watch,
    /// The source is followed, and the target has all that it has.
    Steady,
    /// Somebody has to approve the plan's hash; true when another hash was approved.
    AwaitApproval {
        /// An approval is there, and it is for another plan.
        stale: bool,
    },
    /// Write what the plan creates and updates, then verify.
    Apply,
}

/// Decides. `completed` says that this generation of the spec was applied and verified before. A finding of the rule `consequence` only
/// follows from another one, which is told instead; none for a product without such a rule.
#[must_use]
pub fn next_step(
    mode: Mode,
    approval: Option<&Approval>,
    completed: bool,
    (plan, consequence): (&Plan, Option<&Rule>),
) -> NextStep {
    // Before the mode is asked for: also a plan that nobody will carry out is not to be relied on.
    if let Some(finding) = plan.critical() {
        return NextStep::Halt(finding.clone());
    }
    match mode {
        Mode::Plan => return NextStep::Report,
        // Asked for once: what differs by now may be what somebody wants, and is theirs to decide.
        Mode::Apply if completed => return NextStep::Watch,
        Mode::Apply | Mode::Sync => {}
    }
    if let Some(finding) = plan.obstacle(consequence) {
        return NextStep::Halt(finding.clone());
    }
    if mode == Mode::Sync && completed && plan.difference().is_none() {
        return NextStep::Steady;
    }
    match required(approval).map(|approval| &approval.plan_hash) {
        // An approval holds for the one plan that somebody has seen.
        Some(hash) if *hash != plan.hash => NextStep::AwaitApproval {
            stale: !hash.is_empty(),
        },
        _ => NextStep::Apply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::migration::ApprovalPolicy;
    use crate::migration::finding::Severity;
    use crate::migration::plan::{Action, Operation};
    use crate::migration::subject::{EntityKey, Subject};

    const CAUSE: Rule = rule("cause", Severity::Error);
    const CONSEQUENCE: Rule = rule("a-consequence", Severity::Error);
    const NO_WAY: Rule = rule("no-way", Severity::Critical);

    const fn rule(id: &'static str, severity: Severity) -> Rule {
        Rule {
            id,
            severity,
            waivable: true,
            title: "",
            remedy: "",
            example: "",
        }
    }

    fn subject() -> Subject {
        Subject {
            key: EntityKey::new("things", "t"),
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

    fn step(mode: Mode, completed: bool, plan: &Plan) -> NextStep {
        next_step(mode, None, completed, (plan, Some(&CONSEQUENCE)))
    }

    #[test]
    fn nothing_is_written_where_only_a_plan_is_asked_for_or_with_a_critical_finding() {
        let creates = plan(&[Action::Create], &[]);
        assert_eq!(step(Mode::Plan, false, &creates), NextStep::Report);
        let critical = plan(&[Action::Create], &[&NO_WAY]);
        assert!(matches!(step(Mode::Apply, false, &critical), NextStep::Halt(_)));
    }

    #[test]
    fn an_error_stops_everything_until_it_is_waived() {
        let mut plan = plan(&[Action::Create], &[&CAUSE]);
        assert!(matches!(step(Mode::Apply, false, &plan), NextStep::Halt(_)));
        assert_eq!(step(Mode::Plan, false, &plan), NextStep::Report);
        assert_eq!(step(Mode::Apply, true, &plan), NextStep::Watch);
        plan.findings[0].waived = Some("renamed later".into());
        assert_eq!(step(Mode::Apply, false, &plan), NextStep::Apply);
    }

    #[test]
    fn a_cause_is_told_before_what_follows_from_it() {
        let halted = |rules: &[&Rule]| match step(Mode::Apply, false, &plan(&[], rules)) {
            NextStep::Halt(finding) => Some(finding.id),
            _ => None,
        };
        assert_eq!(halted(&[&CONSEQUENCE, &CAUSE]).as_deref(), Some(CAUSE.id));
        assert_eq!(halted(&[&CONSEQUENCE]).as_deref(), Some(CONSEQUENCE.id));
        let both = plan(&[], &[&CONSEQUENCE, &CAUSE]);
        assert_eq!(both.obstacle(None), both.findings.first());
    }

    #[test]
    fn nothing_is_written_before_this_very_plan_is_approved() {
        let plan = Plan {
            hash: "sha256:this".into(),
            ..plan(&[Action::Create], &[])
        };
        let step = |policy, hash: &str| {
            let approval = Approval {
                policy,
                plan_hash: hash.to_owned(),
            };
            next_step(Mode::Apply, Some(&approval), false, (&plan, Some(&CONSEQUENCE)))
        };
        assert_eq!(
            step(ApprovalPolicy::Required, ""),
            NextStep::AwaitApproval { stale: false }
        );
        assert_eq!(
            step(ApprovalPolicy::Required, "sha256:other"),
            NextStep::AwaitApproval { stale: true }
        );
        assert_eq!(step(ApprovalPolicy::Required, "sha256:this"), NextStep::Apply);
        assert_eq!(step(ApprovalPolicy::Automatic, "sha256:other"), NextStep::Apply);
    }

    #[test]
    fn a_source_that_is_followed_is_written_whenever_there_is_something_to_write() {
        let changed = plan(&[Action::Unchanged, Action::Create], &[]);
        assert_eq!(step(Mode::Sync, true, &changed), NextStep::Apply);
        let steady = plan(&[Action::Unchanged, Action::StaysBehind], &[]);
        assert_eq!(step(Mode::Sync, true, &steady), NextStep::Steady);
        assert_eq!(step(Mode::Sync, false, &steady), NextStep::Apply);
        let blocked = plan(&[Action::Unchanged], &[&CAUSE]);
        assert!(matches!(step(Mode::Sync, true, &blocked), NextStep::Halt(_)));
    }

    #[test]
    fn what_is_written_once_is_watched_afterwards() {
        let changed = plan(&[Action::Unchanged, Action::Create], &[]);
        assert_eq!(step(Mode::Apply, true, &changed), NextStep::Watch);
        assert!(
            changed
                .difference()
                .is_some_and(|words| words.contains("1 to create"))
        );
        let same = plan(&[Action::Unchanged, Action::StaysBehind], &[]);
        assert_eq!(same.difference(), None);
    }
}
