use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::super::super::checkpoint::is_completed;
use super::super::super::test_support::{
    GENERATION, MigrationDraft, NOW, applied, draft, finding, ledger_after, message, next, object, rollback,
    says, services,
};
use super::*;
use crate::api::refs::LocalRef;
use crate::kong::engine;
use crate::kong::plan::rollback::findings::{STILL_REFERENCED, UNDO_REFUSED};

/// A ledger that lists something.
fn written() -> Ledger {
    ledger_after(&services(&[("a", "a.example.com")]))
}

fn after_refusal() -> Cause {
    Cause::Refused {
        told: "Konnect refused routes/1: schema violation.".into(),
        generation: Some(GENERATION),
    }
}

#[test]
fn what_can_be_undone_is_told_beforehand() {
    let mut draft = draft();
    report_rollback_ready(&written(), &rollback(2, vec![]), &mut draft);
    assert_eq!(says(&draft, "RollbackReady"), "True CanRollBack");
    assert_eq!(
        message(&draft, "RollbackReady"),
        "To undo it, by spec.rollback: 2 to delete."
    );
    let told = draft.status.rollback.unwrap();
    assert_eq!(
        (told.hash.as_str(), told.delete, told.generation),
        ("sha256:rollback", 2, Some(GENERATION))
    );
}

#[test]
fn what_would_stay_is_told_with_its_reason_and_a_policy_that_helps() {
    for (rule, advice) in [
        (&STILL_REFERENCED, ""),
        (
            &CHANGED_SINCE,
            " spec.rollbackPolicy: UndoChanged undoes also what somebody changed since.",
        ),
    ] {
        let (mut draft, id) = (draft(), rule.id);
        report_rollback_ready(&written(), &rollback(1, vec![finding(rule, "9")]), &mut draft);
        assert_eq!(says(&draft, "RollbackReady"), "False RollbackIncomplete");
        assert_eq!(
            message(&draft, "RollbackReady"),
            format!(
                "To undo it, by spec.rollback: {}. {id} routes/9: seen.{advice} Findings name what stays before the first write of a rollback, and rollback show names it now.",
                rollback(1, vec![finding(rule, "9")]).summary()
            )
        );
    }
}

#[test]
fn while_nothing_was_written_there_is_nothing_to_tell() {
    let mut draft = draft();
    report_rollback_ready(&written(), &rollback(2, vec![]), &mut draft);
    report_rollback_ready(&Ledger::default(), &rollback(0, vec![]), &mut draft);
    assert_eq!(says(&draft, "RollbackReady"), "-");
    assert!(draft.status.rollback.is_none());
}

#[test]
fn the_stored_steps_are_named_for_as_long_as_they_are_the_same() {
    let mut draft = draft();
    let stored = |draft: &MigrationDraft| draft.status.rollback.as_ref().unwrap().artefact_ref.is_some();
    report_rollback_ready(&written(), &rollback(2, vec![]), &mut draft);
    draft.status.rollback.as_mut().unwrap().artefact_ref = Some(LocalRef { name: "steps".into() });
    report_rollback_ready(&written(), &rollback(2, vec![]), &mut draft);
    assert!(stored(&draft));
    let other = Rollback {
        hash: "sha256:other".into(),
        ..rollback(1, vec![])
    };
    report_rollback_ready(&written(), &other, &mut draft);
    assert!(!stored(&draft));
}

#[test]
fn what_was_known_of_the_way_forward_holds_no_more() {
    let mut draft = draft();
    for type_ in [
        SOURCE_READY,
        PREFLIGHT_PASSED,
        PLAN_READY,
        VERIFIED,
        DRIFTED,
        PRUNE_WITHHELD,
        IN_SYNC,
    ] {
        draft.conditions.set(type_, True, "Before", "");
    }
    draft.status.checkpoint_mut().completed_generation = Some(GENERATION);
    draft.status.plan = Some(Default::default());
    draft.status.verification = Some(Default::default());
    draft.status.sync = Some(Default::default());
    let stays = rollback(1, vec![finding(&STILL_REFERENCED, "9")]);
    report_expected(&written(), &stays, &Cause::Asked, &mut draft);
    let left: Vec<_> = draft
        .conditions
        .to_vec()
        .into_iter()
        .map(|left| left.type_)
        .collect();
    assert_eq!(left, ["RollbackReady"]);
    let status = &draft.status;
    assert!(status.plan.is_none() && status.verification.is_none() && status.sync.is_none());
    assert_eq!(status.findings.as_ref().unwrap().summary, "W1");
    assert!(!is_completed(&draft));
}

#[test]
fn after_a_refusal_the_findings_go_on_telling_what_was_refused() {
    let mut draft = draft();
    let stays = rollback(1, vec![finding(&STILL_REFERENCED, "9")]);
    report_expected(&written(), &stays, &after_refusal(), &mut draft);
    assert!(draft.status.findings.is_none());
    let undone = Undone {
        applied: &applied(0, vec![]),
        refused: Vec::new(),
        left: &stays,
    };
    conclude(&undone, &written(), &after_refusal(), &mut draft);
    assert!(draft.status.findings.is_none());
}

#[test]
fn a_rollback_that_nobody_has_to_approve_goes_on() {
    let mut draft = draft();
    let held = await_approval(&object(json!({})), &rollback(1, vec![]), &mut draft);
    assert_eq!(held, None);
    assert_eq!(says(&draft, "Approved"), "True ApprovedAutomatically");
}

#[test]
fn a_rollback_waits_for_its_own_hash() {
    let with = |hash: &str| object(json!({"approval": {"policy": "Required", "planHash": hash}}));
    let mut draft = draft();
    let words = "The rollback: 1 to delete. To approve it: kubectl -n kong patch workspacemigration sales --type merge \
                 -p '{\"spec\":{\"approval\":{\"planHash\":\"sha256:rollback\"}}}'";
    let held = await_approval(&with("sha256:plan"), &rollback(1, vec![]), &mut draft);
    assert_eq!(
        held,
        Some(Outcome::held("AwaitingApproval", words).again_after(LOOK_AGAIN))
    );
    assert_eq!(says(&draft, "Approved"), "False AwaitingApproval");
    assert_eq!(says(&draft, "RolledBack"), "False AwaitingApproval");
    assert_eq!(
        message(&draft, "RolledBack"),
        "Nothing is undone before the rollback is approved."
    );
    assert_eq!(draft.status.phase, Some(Phase::AwaitingApproval));
    assert_eq!(
        await_approval(&with("sha256:rollback"), &rollback(1, vec![]), &mut draft),
        None
    );
    assert_eq!(message(&draft, "Approved"), "This rollback is approved.");
}

#[test]
fn what_has_begun_under_an_approval_goes_on_under_it() {
    let object = object(json!({"approval": {"policy": "Required", "planHash": "sha256:before"}}));
    let mut draft = draft();
    report_begun(&rollback(2, vec![]), &Cause::Asked, &mut draft);
    let mut draft = next(&draft);
    assert_eq!(await_approval(&object, &rollback(1, vec![]), &mut draft), None);
    let mut later = Draft::new(Some(&draft.to_status()), GENERATION + 1, NOW);
    assert!(
        await_approval(&object, &rollback(1, vec![]), &mut later).is_some(),
        "another spec"
    );
}

#[test]
fn a_rollback_that_begins_says_what_it_does() {
    for (cause, told) in [(Cause::Asked, "False RollingBack"), (after_refusal(), "-")] {
        let mut draft = draft();
        report_begun(&rollback(2, vec![]), &cause, &mut draft);
        assert_eq!(says(&draft, "Applied"), "False RollingBack");
        assert_eq!(
            message(&draft, "Applied"),
            "Undoing what this migration wrote: 2 to delete."
        );
        assert_eq!(says(&draft, "RolledBack"), told);
        assert_eq!(draft.status.phase, Some(Phase::RollingBack));
    }
}

#[test]
fn a_rollback_that_was_interrupted_says_how_far_it_came() {
    let error = engine::Error::ControlPlaneGone { id: "one".into() };
    let mut draft = draft();
    let run = Applied {
        deleted: 1,
        ..Applied::default()
    };
    report_interrupted(&run, &rollback(3, vec![]), &error, &mut draft);
    assert_eq!(says(&draft, "Applied"), "False ProgressingWithRetry");
    assert_eq!(
        message(&draft, "Applied"),
        format!("1 of 3 entities are undone. {error}")
    );
}

/// A rollback that deleted 2, restored 1, made 1 again, was refused these and leaves those.
fn end(
    refused: Vec<Finding>,
    kept: Vec<Finding>,
    ledger: &Ledger,
    cause: &Cause,
) -> (MigrationDraft, Outcome) {
    let mut draft = draft();
    draft.status.started_at = Some(Time(NOW));
    draft.status.completed_at = Some(Time(NOW));
    let run = Applied {
        deleted: 2,
        updated: 1,
        created: 1,
        ..Applied::default()
    };
    let undone = Undone {
        applied: &run,
        refused,
        left: &rollback(0, kept),
    };
    let outcome = conclude(&undone, ledger, cause, &mut draft);
    (draft, outcome)
}

const DONE: &str = "What this migration wrote is undone: 2 deleted, 1 restored, 1 made again.";

#[test]
fn a_rollback_that_was_asked_for_is_done() {
    let (draft, outcome) = end(vec![], vec![], &Ledger::default(), &Cause::Asked);
    let words = format!("{DONE} Set spec.rollback to false to migrate again.");
    assert_eq!(message(&draft, "RolledBack"), words);
    assert_eq!(
        outcome,
        Outcome::done("RolledBack", words).again_after(LOOK_AGAIN)
    );
    assert_eq!(says(&draft, "RolledBack"), "True RolledBack");
    assert_eq!(
        (says(&draft, "Applied"), message(&draft, "Applied")),
        ("False RolledBack".into(), DONE)
    );
    assert_eq!(draft.status.phase, Some(Phase::RolledBack));
    assert!(draft.status.completed_at.is_none() && draft.status.started_at.is_none());
}

#[test]
fn what_stays_binds_a_migration_to_its_ends() {
    let kept = vec![finding(&STILL_REFERENCED, "9")];
    let (draft, _) = end(vec![], kept, &written(), &Cause::Asked);
    assert_eq!(
        message(&draft, "Applied"),
        format!("{DONE} 1 stays: status.findings says why.")
    );
    assert!(draft.status.started_at.is_some() && draft.status.completed_at.is_none());
    assert_eq!(
        draft.status.findings.unwrap().top[0].id,
        "rollback-still-referenced"
    );
}

#[test]
fn a_rollback_after_a_refusal_blocks_until_the_spec_changes() {
    let (draft, outcome) = end(vec![], vec![], &Ledger::default(), &after_refusal());
    let words = format!("Konnect refused routes/1: schema violation. {DONE} {NEXT_AFTER_REFUSAL}");
    assert_eq!(outcome, Outcome::blocked("RolledBackOnFailure", words.clone()));
    assert_eq!(says(&draft, "RolledBack"), "True RolledBackOnFailure");
    assert_eq!(message(&draft, "RolledBack"), words);
}

#[test]
fn what_konnect_refuses_to_undo_makes_a_rollback_partial() {
    for cause in [Cause::Asked, after_refusal()] {
        let refused = vec![finding(&UNDO_REFUSED, "4"), finding(&UNDO_REFUSED, "5")];
        let (draft, outcome) = end(refused, vec![], &written(), &cause);
        let words = format!(
            "{DONE} Konnect refused to undo 2: routes/4, seen. Solve it there; it is tried again within 10 minutes."
        );
        assert_eq!(message(&draft, "RolledBack"), words);
        assert_eq!(
            outcome,
            Outcome::blocked("PartiallyRolledBack", words).again_after(LOOK_AGAIN)
        );
        assert_eq!(draft.status.phase, Some(Phase::Failed));
        assert!(draft.status.started_at.is_some() && draft.status.completed_at.is_some());
    }
}

#[test]
fn a_rollback_with_nothing_left_to_undo_says_so() {
    let mut draft = draft();
    let undone = Undone {
        applied: &applied(0, vec![]),
        refused: Vec::new(),
        left: &rollback(0, vec![]),
    };
    conclude(&undone, &Ledger::default(), &Cause::Asked, &mut draft);
    assert_eq!(
        message(&draft, "Applied"),
        "Nothing of what this migration wrote is left to undo."
    );
}
