use super::super::test_support::{
    GENERATION, draft, finding, message, object, observed, plan, planned, says, services,
};
use super::*;
use crate::controllers::migration::decide::NextStep;
use crate::controllers::migration::verdict::{await_approval, halt, report_only};
use crate::kong::plan::planner_rules::{KIND_UNREADABLE, NAME_TAKEN};
use crate::kong::plan::{Ledger, Policy};
use crate::migration::plan::Action;
use serde_json::json;

#[test]
fn a_finding_that_forbids_the_writes_is_told_with_what_to_do() {
    let plan = Plan {
        findings: vec![finding(&NAME_TAKEN, "1")],
        ..plan(&[Action::Create])
    };
    let (planned, mut draft) = (planned(plan), draft());
    let first = planned.plan.findings[0].clone();
    let words = format!(
        "1 finding forbids the writes. name-taken routes/1: seen. {} Or accept it in spec.waivers, with a reason.",
        first.remedy
    );
    let outcome = halt(&planned.plan, &first, &mut draft);
    assert_eq!(
        outcome,
        Outcome::blocked("BlockingFindings", words).again_after(LOOK_AGAIN)
    );
    assert_eq!(draft.status.phase, Some(Phase::Failed));
}

#[test]
fn a_critical_finding_cannot_be_accepted_and_the_others_are_counted() {
    let plan = Plan {
        findings: vec![finding(&KIND_UNREADABLE, "1"), finding(&NAME_TAKEN, "2")],
        ..plan(&[])
    };
    let (planned, mut draft) = (planned(plan), draft());
    let first = planned.plan.findings[0].clone();
    let Outcome::Blocked(told) = halt(&planned.plan, &first, &mut draft) else {
        panic!("not blocked")
    };
    assert!(
        told.message
            .starts_with("2 findings forbid the writes. kind-unreadable routes/1: seen."),
        "{}",
        told.message
    );
    assert!(
        told.message.ends_with(" The others are in status.findings.") && !told.message.contains("waivers"),
        "{}",
        told.message
    );
}

#[test]
fn mode_plan_ends_with_its_plan() {
    for (actions, next) in [
        (vec![Action::Create], "Set spec.mode to Apply to write it."),
        (vec![Action::Unchanged], "There is nothing to write."),
    ] {
        let (planned, mut draft) = (planned(plan(&actions)), draft());
        draft.status.checkpoint_mut().completed_generation = Some(GENERATION);
        let words = format!("The plan: {}. {next}", planned.plan.summary());
        super::super::checkpoint::forget_completed(&NextStep::Report, &mut draft);
        assert_eq!(
            report_only(&planned.plan, &mut draft),
            Outcome::done("Planned", words).again_after(LOOK_AGAIN)
        );
        assert_eq!(
            message(&draft, "Applied"),
            format!("The mode is Plan: nothing is written. {next}")
        );
        assert_eq!(says(&draft, "Applied"), "False PlanOnly");
        assert_eq!(says(&draft, "Verified"), "Unknown PlanOnly");
        assert_eq!(draft.status.phase, Some(Phase::Planned));
        assert!(!super::super::checkpoint::is_completed(&draft));
    }
}

#[test]
fn a_plan_that_needs_approval_says_how_to_give_it() {
    for (stale, why) in [
        (false, ""),
        (
            true,
            "The approved hash is of another plan: source or target changed since. ",
        ),
    ] {
        let (planned, mut draft) = (planned(plan(&[Action::Create])), draft());
        let outcome = await_approval(&object(json!({})), &planned.plan, stale, &mut draft);
        let words = format!(
            "{why}The plan: 1 to create. To approve it: kubectl -n kong patch workspacemigration sales --type merge \
             -p '{{\"spec\":{{\"approval\":{{\"planHash\":\"sha256:plan\"}}}}}}'"
        );
        assert_eq!(message(&draft, "Approved"), words);
        assert_eq!(
            outcome,
            Outcome::held("AwaitingApproval", words).again_after(LOOK_AGAIN)
        );
        assert_eq!(says(&draft, "Approved"), "False AwaitingApproval");
        assert_eq!(
            message(&draft, "Applied"),
            "Nothing is written before the plan is approved."
        );
        assert_eq!(draft.status.phase, Some(Phase::AwaitingApproval));
    }
}

#[test]
fn a_completed_migration_whose_sides_are_equal_is_quiet() {
    let (planned, mut draft) = (planned(plan(&[Action::Unchanged, Action::StaysBehind])), draft());
    let words = "1 of 2 entities moved and verified. 1 stays behind.";
    let told = Outcome::done("Completed", words).again_after(LOOK_AGAIN);
    assert_eq!(watch(&planned, &mut draft), told);
    assert_eq!(says(&draft, "Drifted"), "-");
    assert_eq!(steady(&planned), Outcome::done("InSync", words));
}

#[test]
fn a_completed_migration_tells_of_a_difference_until_it_is_gone() {
    let mut draft = draft();
    let apart = observed(services(&[("a", "new.example.com")]), services(&[]));
    let apart = apart.plan(
        &Policy::default(),
        super::super::test_support::NOW,
        &[],
        &Ledger::default(),
    );
    let words = "source and target differ since the migration (1 new in the source): 1 to create. Change the spec, for example spec.throttle, to apply again.";
    assert_eq!(
        watch(&apart, &mut draft),
        Outcome::done("Completed", words).again_after(LOOK_AGAIN)
    );
    assert_eq!(says(&draft, "Drifted"), "True SourceChanged");
    assert_eq!(message(&draft, "Drifted"), words);
    watch(&planned(plan(&[Action::Unchanged])), &mut draft);
    assert_eq!(says(&draft, "Drifted"), "-");
    assert_eq!(draft.status.phase, Some(Phase::Completed));
}

#[test]
fn a_schema_that_the_plan_replaces_is_new() {
    let mut plan = plan(&[Action::Update]);
    assert!(!has_new_schemas(&plan));
    plan.operations[0].subject.key.kind = "plugin-schemas".into();
    assert!(has_new_schemas(&plan));
    plan.operations[0].action = Action::Unchanged;
    assert!(!has_new_schemas(&plan));
}
