use std::time::Duration;

use serde_json::{Value, json};

use super::super::checkpoint::set_rollback;
use super::super::test_support::{MigrationDraft, NOW, draft, message, object, says};
use super::*;
use crate::api::workspace_migration::{RollbackState, SourceStatus, SyncStatus};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A draft whose source has a digest, none for one that was not read.
fn seen(digest: Option<&str>) -> MigrationDraft {
    let mut draft = draft();
    draft.status.source = Some(SourceStatus {
        digest: digest.map(str::to_owned),
        ..SourceStatus::default()
    });
    draft
}

/// The end of a pass that began with a source, at second 100, and ended at second 130.
fn end(
    spec: Value,
    before: Option<&str>,
    result: Result<Outcome, Error>,
    draft: &mut MigrationDraft,
) -> Result<Outcome, Error> {
    let before = Before::of(&seen(before), at(100));
    follow_up(&object(spec), &before, result, at(130), draft)
}

fn sync() -> Value {
    json!({"mode": "Sync", "sync": {"interval": "20s"}})
}

fn completed() -> Outcome {
    Outcome::done("Completed", "3 of 3 entities moved and verified.").again_after(Duration::from_secs(600))
}

fn status(draft: &MigrationDraft) -> &SyncStatus {
    draft.status.sync.as_ref().unwrap()
}

#[test]
fn other_modes_do_not_follow() {
    for mode in ["Plan", "Apply"] {
        let mut draft = seen(Some("a"));
        draft.conditions.set("InSync", True, "InSync", "");
        draft.status.sync = Some(SyncStatus::default());
        let outcome = end(json!({"mode": mode}), Some("b"), Ok(completed()), &mut draft).unwrap();
        assert_eq!(outcome, completed());
        assert_eq!(says(&draft, "InSync"), "-");
        assert!(draft.status.sync.is_none());
    }
}

#[test]
fn a_migration_that_is_undone_does_not_follow() {
    let mut draft = seen(Some("a"));
    set_rollback(RollbackState::RolledBack, "Undone.", &mut draft);
    let undone = Outcome::done("RolledBack", "Undone.");
    assert_eq!(end(sync(), None, Ok(undone.clone()), &mut draft).unwrap(), undone);
    assert_eq!(says(&draft, "InSync"), "-");
}

#[test]
fn what_is_done_is_in_sync_and_looks_again_after_the_interval() {
    let mut draft = seen(Some("a"));
    let outcome = end(sync(), Some("a"), Ok(completed()), &mut draft).unwrap();
    let words = "3 of 3 entities moved and verified.";
    let expected = Outcome::done("InSync", words).again_after(Duration::from_secs(20));
    assert_eq!(outcome, expected);
    assert_eq!(says(&draft, "InSync"), "True InSync");
    assert_eq!(message(&draft, "InSync"), words);
    assert_eq!(draft.status.phase, Some(Phase::Syncing));
    assert_eq!(status(&draft).lag.as_deref(), Some("0s"));
    assert!(status(&draft).last_source_change.is_none());
}

#[test]
fn without_an_interval_it_looks_every_minute() {
    let mut draft = seen(Some("a"));
    let outcome = end(json!({"mode": "Sync"}), Some("a"), Ok(completed()), &mut draft);
    assert_eq!(outcome.unwrap().again(), Some(Duration::from_secs(60)));
}

#[test]
fn a_change_of_the_source_is_seen_when_the_pass_begins() {
    let mut draft = seen(Some("b"));
    draft.status.sync = Some(SyncStatus {
        last_applied: Some(Time(at(112))),
        ..SyncStatus::default()
    });
    end(sync(), Some("a"), Ok(completed()), &mut draft).unwrap();
    assert_eq!(status(&draft).last_source_change, Some(Time(at(100))));
    assert_eq!(
        status(&draft).lag.as_deref(),
        Some("12s"),
        "until the target had it"
    );
}

#[test]
fn the_first_look_at_a_source_sees_no_change() {
    let mut draft = seen(Some("a"));
    end(sync(), None, Ok(completed()), &mut draft).unwrap();
    assert!(status(&draft).last_source_change.is_none());
}

#[test]
fn what_is_left_apart_keeps_a_target_from_being_in_sync() {
    for (type_, reason) in [("Drifted", "TargetChanged"), ("PruneWithheld", "PruneWithheld")] {
        let mut draft = seen(Some("a"));
        draft.conditions.set(type_, True, "Why", "Somebody changed it.");
        let outcome = end(sync(), Some("a"), Ok(completed()), &mut draft).unwrap();
        let expected = Outcome::done(reason, "Somebody changed it.").again_after(Duration::from_secs(20));
        assert_eq!(outcome, expected, "{type_}");
        assert_eq!(says(&draft, "InSync"), format!("False {reason}"));
        assert_eq!(message(&draft, "InSync"), "Somebody changed it.");
    }
}

#[test]
fn a_target_that_cannot_be_written_falls_behind() {
    let mut draft = seen(Some("b"));
    let halted = Outcome::blocked("BlockingFindings", "A finding forbids it.");
    let outcome = end(sync(), Some("a"), Ok(halted.clone()), &mut draft).unwrap();
    assert_eq!(outcome, halted.again_after(Duration::from_secs(20)));
    assert_eq!(says(&draft, "InSync"), "False BlockingFindings");
    assert_eq!(status(&draft).lag.as_deref(), Some("30s"), "until now");
}

#[test]
fn a_plan_that_waits_for_its_approval_falls_behind_and_keeps_its_pause() {
    let mut draft = seen(Some("b"));
    let held = Outcome::held("AwaitingApproval", "Approve it.").again_after(Duration::from_secs(600));
    assert_eq!(
        end(sync(), Some("a"), Ok(held.clone()), &mut draft).unwrap(),
        held
    );
    assert_eq!(says(&draft, "InSync"), "False AwaitingApproval");
}

#[test]
fn a_pass_that_did_not_look_says_nothing_of_it() {
    for outcome in [
        Outcome::wait("Queued", "Waits."),
        Outcome::Unchanged(None),
        Outcome::Gone,
    ] {
        let mut draft = seen(Some("a"));
        draft.conditions.set("InSync", True, "InSync", "As before.");
        assert_eq!(
            end(sync(), Some("a"), Ok(outcome.clone()), &mut draft).unwrap(),
            outcome
        );
        assert_eq!(message(&draft, "InSync"), "As before.");
    }
}

#[test]
fn a_failure_leaves_it_unknown() {
    let mut draft = seen(Some("a"));
    assert!(end(sync(), Some("a"), Err(Error::NoSource), &mut draft).is_err());
    assert_eq!(says(&draft, "InSync"), "Unknown InvalidSpec");
    assert_eq!(
        message(&draft, "InSync"),
        "Both sides could not be read or written: see Ready."
    );
}

#[test]
fn a_clock_that_was_put_back_makes_no_negative_lag() {
    assert_eq!(seconds(at(10), at(4)), "0s");
    assert_eq!(seconds(NOW, at(61)), "61s");
}
