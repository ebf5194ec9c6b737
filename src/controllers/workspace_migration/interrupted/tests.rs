use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::super::checkpoint::set_rollback;
use super::super::test_support::{MigrationDraft, NOW, draft, message, says};
use super::*;
use crate::api::conditions::APPLIED;
use crate::api::workspace_migration::{Phase, ProgressStatus, RollbackState};
use crate::k8s::conditions::ConditionStatus::{False, True, Unknown};

/// A draft of a migration that has done so much.
fn under_way(summary: &str) -> MigrationDraft {
    let mut draft = draft();
    draft.status.started_at = Some(Time(NOW));
    draft.status.progress = Some(ProgressStatus {
        summary: summary.into(),
        in_flight: 7,
        rate: Some("41.5".into()),
        eta: Some(Time(NOW)),
        ..ProgressStatus::default()
    });
    draft
}

#[test]
fn a_suspended_migration_shows_what_is_done_and_nothing_in_flight() {
    let mut draft = under_way("4/9");
    let words = "Suspended. 4/9 entities are in the control plane.";
    assert_eq!(
        pause(&mut draft),
        Outcome::held(
            "Suspended",
            format!("{words} Set spec.suspend to false to go on.")
        )
    );
    assert_eq!(
        draft.status.progress,
        Some(ProgressStatus {
            summary: "4/9".into(),
            waiting_for: Some("spec.suspend to be false".into()),
            ..ProgressStatus::default()
        })
    );
    assert_eq!(says(&draft, "Applied"), "False Suspended");
    assert_eq!(message(&draft, "Applied"), words);
    assert_eq!(draft.status.phase, Some(Phase::Paused));
}

#[test]
fn a_migration_that_is_suspended_before_it_begins_has_done_nothing() {
    let mut draft = draft();
    assert_eq!(
        pause(&mut draft),
        Outcome::held("Suspended", "Suspended. Set spec.suspend to false to go on.")
    );
    assert_eq!(says(&draft, "Applied"), "-");
}

#[test]
fn a_completed_migration_that_is_suspended_stays_applied() {
    let mut draft = under_way("9/9");
    draft.status.completed_at = Some(Time(NOW));
    draft.conditions.set(APPLIED, True, reason::APPLIED, "All.");
    pause(&mut draft);
    assert_eq!(says(&draft, "Applied"), "True Applied");
}

#[test]
fn a_rollback_that_is_suspended_counts_what_is_undone() {
    for (state, words) in [
        (RollbackState::RollingBack, "Suspended. 4/9 entities are undone."),
        (
            RollbackState::RollingBackOnFailure,
            "Suspended. 4/9 entities are undone.",
        ),
        (
            RollbackState::RolledBack,
            "Suspended. 4/9 entities are in the control plane.",
        ),
    ] {
        let mut draft = under_way("4/9");
        set_rollback(state, "", &mut draft);
        pause(&mut draft);
        assert_eq!(message(&draft, "Applied"), words, "{state:?}");
    }
}

#[test]
fn a_pass_that_is_called_off_says_why() {
    for (ended, words) in [
        (
            Ended::OperatorStops,
            "The operator is stopping; the next one goes on from what the target holds.",
        ),
        (
            Ended::Deleted,
            "The migration is being deleted: nothing more is written.",
        ),
        (
            Ended::Changed,
            "The spec has changed: the next pass goes on by the new one.",
        ),
    ] {
        let mut draft = under_way("4/9");
        draft
            .conditions
            .set(APPLIED, Unknown, reason::APPLYING, "Writing 9 entities.");
        let outcome = end_early(ended, &mut draft).unwrap();
        assert_eq!(outcome, Outcome::wait("Progressing", words));
        assert_eq!(says(&draft, "Applied"), "Unknown Applying");
        assert_eq!(message(&draft, "Applied"), words);
    }
}

#[test]
fn a_pass_that_is_suspended_pauses() {
    let mut draft = under_way("4/9");
    let outcome = end_early(Ended::Suspended, &mut draft).unwrap();
    assert_eq!(outcome, pause(&mut under_way("4/9")));
}

#[test]
fn a_control_plane_that_goes_is_told_as_what_it_is() {
    let mut draft = under_way("4/9");
    let ended = Ended::TargetDeleted { name: "sales".into() };
    let error = end_early(ended, &mut draft).unwrap_err();
    assert!(matches!(error, Error::ControlPlaneDeleting { name } if name == "sales"));
}

#[test]
fn what_is_applied_or_being_undone_stays_told_so() {
    for (status, reason) in [(True, "Applied"), (False, "RollingBack")] {
        let mut draft = under_way("4/9");
        draft.conditions.set(APPLIED, status, reason, "As it was.");
        end_early(Ended::OperatorStops, &mut draft).unwrap();
        assert_eq!(message(&draft, "Applied"), "As it was.");
    }
    let mut draft = draft();
    end_early(Ended::OperatorStops, &mut draft).unwrap();
    assert_eq!(says(&draft, "Applied"), "-");
}
