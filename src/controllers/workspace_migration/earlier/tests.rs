use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::super::test_support::{MigrationDraft, NOW, draft, events, next, says};
use super::*;
use crate::api::refs::LocalRef;
use crate::api::workspace_migration::RollbackStatus;
use crate::k8s::conditions::ConditionStatus::True;

fn target(id: &str) -> TargetStatus {
    TargetStatus {
        control_plane_id: Some(id.into()),
        cluster_type: None,
    }
}

fn secret(name: String) -> Option<LocalRef> {
    Some(LocalRef { name })
}

/// What a run leaves in status once it has written to the control plane.
fn write_to(id: &str, draft: &mut MigrationDraft) {
    resolve(target(id), draft);
    draft.status.started_at = Some(Time(NOW));
    let backup = draft.status.backup.get_or_insert_default();
    backup.artefact_ref = secret(format!("backup-{id}"));
    backup.ledger_ref = secret(format!("ledger-{id}"));
    draft.conditions.set(BACKED_UP, True, "BackedUp", "");
    draft.conditions.set(ROLLBACK_READY, True, "CanRollBack", "");
    draft.status.rollback = Some(RollbackStatus::default());
}

fn known(draft: &MigrationDraft) -> Vec<&str> {
    control_planes(draft).collect()
}

#[test]
fn the_same_control_plane_changes_nothing() {
    let mut draft = draft();
    write_to("one", &mut draft);
    let before = draft.status.clone();
    resolve(target("one"), &mut draft);
    assert_eq!(draft.status, before);
    assert_eq!(events(&draft), [""; 0]);
    assert_eq!(known(&draft), ["one"]);
}

#[test]
fn another_control_plane_begins_anew_and_the_former_one_is_remembered() {
    let mut draft = draft();
    write_to("one", &mut draft);
    resolve(target("two"), &mut draft);
    let backup = draft.status.backup.clone().unwrap();
    assert_eq!(
        backup.earlier,
        [EarlierBackup {
            control_plane_id: "one".into(),
            artefact_ref: secret("backup-one".into()),
            ledger_ref: secret("ledger-one".into()),
        }]
    );
    assert!(backup.artefact_ref.is_none() && backup.ledger_ref.is_none());
    assert!(draft.status.started_at.is_none() && draft.status.rollback.is_none());
    assert_eq!(
        (says(&draft, "BackedUp"), says(&draft, "RollbackReady")),
        ("-".into(), "-".into())
    );
    assert_eq!(events(&draft), ["ControlPlaneReplaced"]);
    assert_eq!(
        draft.notes()[0].message,
        "The control plane is two now and was one before. What was saved of the former one stays (Secret backup-one, Secret ledger-one) and goes with this object, unless spec.retainBackup is true. It holds credentials: delete it when nobody needs it any more."
    );
    assert_eq!(known(&draft), ["two", "one"]);
}

#[test]
fn a_control_plane_that_was_not_written_to_leaves_nothing() {
    let mut draft = draft();
    resolve(target("one"), &mut draft);
    resolve(target("two"), &mut draft);
    assert!(draft.status.backup.is_none());
    assert_eq!(events(&draft), [""; 0]);
    assert_eq!(known(&draft), ["two"]);
}

#[test]
fn a_control_plane_that_comes_back_is_not_an_earlier_one() {
    let mut draft = draft();
    for id in ["one", "two", "one"] {
        write_to(id, &mut draft);
    }
    assert_eq!(known(&draft), ["one", "two"]);
}

#[test]
fn secrets_that_status_does_not_name_are_told_by_the_id_in_their_names() {
    let mut draft = draft();
    resolve(target("one"), &mut draft);
    draft.status.started_at = Some(Time(NOW));
    resolve(target("two"), &mut draft);
    let told = &draft.notes()[0].message;
    assert!(
        told.contains("(the Secrets with its id in their names)"),
        "{told}"
    );
}

#[test]
fn when_the_list_is_full_the_oldest_is_given_to_its_user() {
    let mut draft = draft();
    for id in 0..=limits::EARLIER {
        write_to(&format!("cp{id}"), &mut draft);
    }
    draft = next(&draft);
    assert_eq!(known(&draft).len(), limits::EARLIER + 1);
    resolve(target("last"), &mut draft);
    assert_eq!(events(&draft), ["ControlPlaneReplaced", "BackupForgotten"]);
    assert_eq!(
        draft.notes()[1].message,
        "More than 32 control planes came before this one. What was saved of cp0 will not go with this object: delete it (Secret backup-cp0, Secret ledger-cp0)."
    );
    assert_eq!(known(&draft).len(), limits::EARLIER + 1);
    assert!(!known(&draft).contains(&"cp0"));
}
