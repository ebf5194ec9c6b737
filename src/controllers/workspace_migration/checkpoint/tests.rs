use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::interrupted::pause;
use super::super::rollback::{Cause, refused_before, undone_before};
use super::*;
use crate::api::workspace_migration::Mode;
use crate::controllers::migration::decide::{NextStep, next_step};
use crate::controllers::runtime::outcome::Outcome;
use crate::kong::plan::planner_rules::BLOCKED_BY_DEPENDENCY;
use crate::migration::plan::{Action, Operation, Plan};
use crate::migration::subject::{EntityKey, Subject};

type MigrationDraft = Draft<WorkspaceMigrationStatus>;

/// One condition as a former version stored it.
fn condition(type_: &str, status: &str, reason: &str, generation: i64) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": format!("{type_} says so."),
        "observedGeneration": generation, "lastTransitionTime": "2026-11-21T12:00:00Z",
    })
}

/// The status of an object of generation 3 that a former version left behind.
fn left(conditions: &[Value], rest: Value) -> MigrationDraft {
    let mut status =
        json!({"observedGeneration": 3, "startedAt": "2026-11-21T12:00:00Z", "conditions": conditions});
    if let (Some(status), Value::Object(rest)) = (status.as_object_mut(), rest) {
        status.extend(rest);
    }
    let status: WorkspaceMigrationStatus = serde_json::from_value(status).unwrap();
    let mut draft = Draft::new(Some(&status), 3, Timestamp::UNIX_EPOCH);
    let before = draft.conditions.clone();
    fill(&mut draft);
    assert_eq!(draft.conditions, before, "a former version reads them again");
    draft
}

fn completed_before() -> Vec<Value> {
    vec![
        condition("Applied", "True", "Applied", 3),
        condition("Ready", "True", "Completed", 3),
        condition("Verified", "True", "Verified", 3),
    ]
}

fn checkpoint(draft: &MigrationDraft) -> &Checkpoint {
    draft.status.checkpoint.as_ref().unwrap()
}

/// A plan that would write.
fn changed() -> Plan {
    Plan {
        hash: "sha256:other".into(),
        source_digest: String::new(),
        target_digest: String::new(),
        operations: vec![Operation {
            wave: 0,
            action: Action::Create,
            subject: Subject {
                key: EntityKey::new("routes", "r"),
                name: None,
            },
            target_id: None,
            reason: String::new(),
            changes: Vec::new(),
        }],
        findings: Vec::new(),
    }
}

/// Whether mode Apply would write to the target.
fn writes(draft: &MigrationDraft) -> bool {
    next_step(
        Mode::Apply,
        None,
        is_completed(draft),
        (&changed(), Some(&BLOCKED_BY_DEPENDENCY)),
    ) != NextStep::Watch
}

#[test]
fn a_completed_migration_of_a_former_version_is_watched() {
    let draft = left(&completed_before(), json!({}));
    assert_eq!(
        *checkpoint(&draft),
        Checkpoint {
            settled_generation: Some(3),
            completed_generation: Some(3),
            ..Checkpoint::default()
        }
    );
    assert!(!writes(&draft) && is_settled(&draft));
}

#[test]
fn a_stale_verification_of_a_former_version_is_one() {
    let mut conditions = completed_before();
    conditions[1] = condition("Ready", "False", "SourceUnreachable", 3);
    conditions[2] = condition("Verified", "Unknown", "VerificationStale", 3);
    let draft = left(&conditions, json!({}));
    assert_eq!(checkpoint(&draft).completed_generation, Some(3));
    assert_eq!(checkpoint(&draft).settled_generation, None);
    assert!(!writes(&draft));
}

#[test]
fn a_migration_that_a_former_version_completed_for_another_spec_is_applied() {
    let older: Vec<_> = ["Applied", "Verified"]
        .map(|type_| condition(type_, "True", type_, 2))
        .into();
    assert!(writes(&left(&older, json!({}))));
    let mut half = completed_before();
    half[2] = condition("Verified", "False", "Mismatch", 3);
    assert!(writes(&left(&half, json!({}))));
    half[2] = condition("Verified", "True", "Verified", 2);
    assert!(writes(&left(&half, json!({}))), "verified for an older spec");
}

#[test]
fn what_a_former_version_rolled_back_stays_rolled_back() {
    let conditions = [
        condition("Applied", "False", "RolledBack", 3),
        condition("Ready", "True", "RolledBack", 3),
        condition("RolledBack", "True", "RolledBack", 3),
    ];
    let draft = left(&conditions, json!({}));
    let rollback = rollback_of(&draft).unwrap();
    assert_eq!(
        (rollback.state, rollback.generation, &rollback.message),
        (RollbackState::RolledBack, Some(3), &None)
    );
    assert!(refused_before(&draft).is_none() && undone_before(&draft).is_none());
    assert!(is_settled(&draft) && !is_completed(&draft));
}

#[test]
fn what_a_former_version_rolled_back_after_a_failure_is_not_tried_again() {
    let conditions = [
        condition("Applied", "False", "RolledBack", 3),
        condition("Ready", "False", "RolledBackOnFailure", 3),
        condition("RolledBack", "True", "RolledBackOnFailure", 3),
        condition("Stalled", "True", "RolledBackOnFailure", 3),
    ];
    let draft = left(&conditions, json!({}));
    let told = Outcome::blocked("RolledBackOnFailure", "RolledBack says so.");
    assert_eq!(undone_before(&draft), Some(told));
    assert!(is_settled(&draft));
    let mut other_spec = conditions.clone();
    other_spec[2] = condition("RolledBack", "True", "RolledBackOnFailure", 2);
    assert_eq!(undone_before(&left(&other_spec, json!({}))), None);
}

#[test]
fn a_rollback_after_a_refusal_that_a_former_version_began_goes_on() {
    let conditions = [
        condition("Applied", "False", "RollingBack", 2),
        condition("Ready", "Unknown", "Progressing", 3),
        condition("RolledBack", "False", "RollingBackOnFailure", 2),
    ];
    let draft = left(&conditions, json!({}));
    let cause = Cause::Refused {
        told: "RolledBack says so.".to_owned(),
        generation: Some(2),
    };
    assert_eq!(refused_before(&draft), Some(cause));
    assert!(undone_before(&draft).is_none() && !is_settled(&draft));
}

#[test]
fn a_rollback_that_a_former_version_was_asked_for_and_interrupted_goes_on() {
    let conditions = [
        condition("Applied", "False", "ProgressingWithRetry", 3),
        condition("RolledBack", "False", "RollingBack", 3),
    ];
    let mut draft = left(&conditions, json!({"progress": {"summary": "4/9"}}));
    let rollback = rollback_of(&draft).unwrap();
    assert_eq!(
        (rollback.state, rollback.generation),
        (RollbackState::RollingBack, Some(3))
    );
    assert!(
        matches!(pause(&mut draft), Outcome::Held(held) if held.message.contains("4/9 entities are undone"))
    );
}

#[test]
fn a_run_that_a_former_version_began_goes_on() {
    let conditions = [
        condition("Applied", "Unknown", "Applying", 3),
        condition("Ready", "Unknown", "Progressing", 3),
        condition("Reconciling", "True", "Progressing", 3),
        condition("Verified", "Unknown", "Pending", 3),
    ];
    let draft = left(&conditions, json!({}));
    assert_eq!(*checkpoint(&draft), Checkpoint::default());
    assert!(writes(&draft));
}

#[test]
fn a_target_that_a_former_version_missed_is_told_when_it_comes() {
    for (status, reason, missing) in [
        ("False", "ControlPlaneNotFound", true),
        ("False", "ControlPlaneDeleting", true),
        ("False", "NotProgrammed", true),
        ("False", "ReadOnly", true),
        ("False", "RefNotFound", true),
        ("False", "KonnectAPIOpFailed", false),
        ("Unknown", "NotProgrammed", false),
        ("True", "ControlPlaneReady", false),
    ] {
        let draft = left(&[condition("TargetReady", status, reason, 3)], json!({}));
        assert_eq!(checkpoint(&draft).target_missing, missing, "{status} {reason}");
    }
}

#[test]
fn the_generation_that_a_rollback_was_told_of_is_that_of_its_condition() {
    let told = json!({"rollback": {"hash": "sha256:x", "summary": "2 to delete"}});
    let draft = left(&[condition("RollbackReady", "True", "CanRollBack", 2)], told);
    assert_eq!(draft.status.rollback.unwrap().generation, Some(2));
}

#[test]
fn an_object_that_nobody_has_looked_at_has_nothing_to_remember() {
    let mut draft = MigrationDraft::new(None, 1, Timestamp::UNIX_EPOCH);
    fill(&mut draft);
    assert_eq!(*checkpoint(&draft), Checkpoint::default());
}

#[test]
fn what_is_remembered_is_not_read_from_conditions_again() {
    let mut draft = left(&completed_before(), json!({}));
    draft.status.checkpoint_mut().completed_generation = None;
    fill(&mut draft);
    assert!(!is_completed(&draft));
}

/// A former version started again drops the fields, and goes by the conditions: both have to say the same at any time.
#[test]
fn every_state_of_a_rollback_survives_a_former_version() {
    for state in STATES {
        let mut draft = MigrationDraft::new(None, 5, Timestamp::UNIX_EPOCH);
        fill(&mut draft);
        set_rollback(state, "Why and how.", &mut draft);
        let remembered = checkpoint(&draft).clone();
        let stored = WorkspaceMigrationStatus {
            checkpoint: None,
            ..draft.to_status()
        };
        let mut again = Draft::new(Some(&stored), 5, Timestamp::UNIX_EPOCH);
        fill(&mut again);
        assert_eq!(*checkpoint(&again), remembered, "{state:?}");
        forget_rollback(&mut again);
        assert!(rollback_of(&again).is_none() && again.conditions.get(ROLLED_BACK).is_none());
    }
}

#[test]
fn what_came_to_an_end_is_settled_and_what_goes_on_is_not() {
    let after = |change: fn(&mut ConditionSet)| {
        let mut draft = MigrationDraft::new(None, 4, Timestamp::UNIX_EPOCH);
        fill(&mut draft);
        change(&mut draft.conditions);
        let status = draft.to_status();
        status.checkpoint.unwrap().settled_generation
    };
    assert_eq!(
        after(|conditions| conditions.mark_ready("Completed", "")),
        Some(4)
    );
    assert_eq!(
        after(|conditions| conditions.mark_stalled("Mismatch", "")),
        Some(4)
    );
    assert_eq!(after(|conditions| conditions.mark_held("Suspended", "")), None);
    let works = |conditions: &mut ConditionSet| {
        conditions.mark_reconciling(ConditionStatus::Unknown, "Progressing", "Progressing", "");
    };
    assert_eq!(after(works), None);
}
