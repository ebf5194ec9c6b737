use serde_json::json;

use super::super::checkpoint;
use super::super::error::{Error, report_failed_side};
use super::super::test_support::{
    NOW, draft, events, finding, message, next, object, observed, plan, planned, says, services,
};
use super::*;
use crate::api::refs::LocalRef;
use crate::api::workspace_migration::{BackupStatus, Phase};
use crate::controllers::konnect::session::SessionError;
use crate::controllers::migration::report::blocked_by;
use crate::kong::admin::{Edition, Node};
use crate::kong::engine;
use crate::kong::plan::planner_rules::{KIND_UNREADABLE, NAME_TAKEN};
use crate::migration::plan::Action;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

fn node() -> Node {
    Node {
        version: "3.9.1".into(),
        edition: Edition::Community,
        router_flavor: None,
        audit_log: false,
        plugins: Default::default(),
        database: Some("postgres".into()),
        role: Some("control_plane".into()),
    }
}

#[test]
fn a_source_is_told_by_what_answers_for_it() {
    let mut source = observed(services(&[("a", "a.example.com")]), services(&[])).source;
    let mut draft = draft();
    report_source(&source, "sales", &mut draft);
    assert_eq!(says(&draft, "SourceReady"), "True SourceRead");
    assert_eq!(
        message(&draft, "SourceReady"),
        "Declarative file of Kong 3.9, workspace sales, 1 entity."
    );
    source.node = Some(node());
    report_source(&source, "sales", &mut draft);
    assert_eq!(says(&draft, "SourceReady"), "True SourceReachable");
    assert_eq!(
        message(&draft, "SourceReady"),
        "Kong 3.9.1, workspace sales, 1 entity."
    );
}

#[test]
fn a_target_is_told_with_whose_its_object_is() {
    let target = services(&[("a", "a.example.com"), ("b", "b.example.com")]);
    for (kinds, whose) in [
        (KonnectKinds::Own, ""),
        (
            KonnectKinds::ReadOnly,
            " Its object is left to Kong's operator (--konnect-kinds=read-only).",
        ),
    ] {
        let mut draft = draft();
        draft.status.checkpoint_mut().target_missing = true;
        report_target(target.len(), kinds, &mut draft);
        assert_eq!(says(&draft, "TargetReady"), "True ControlPlaneReady");
        assert_eq!(
            message(&draft, "TargetReady"),
            format!("The control plane held 2 entities when it was read.{whose}")
        );
        assert!(!draft.status.checkpoint_mut().target_missing);
    }
}

#[test]
fn a_failure_turns_the_condition_of_its_side_and_no_other() {
    let name = || "sales".to_owned();
    for (error, source, target, missing) in [
        (
            Error::ControlPlaneNotFound { name: name() },
            "-",
            "False ControlPlaneNotFound",
            true,
        ),
        (
            Error::ControlPlaneDeleting { name: name() },
            "-",
            "False ControlPlaneDeleting",
            true,
        ),
        (
            Error::NotProgrammed {
                name: name(),
                message: name(),
            },
            "-",
            "False NotProgrammed",
            true,
        ),
        (
            Error::LeftToKong {
                name: name(),
                message: name(),
            },
            "-",
            "False ReadOnly",
            true,
        ),
        (
            Error::ClusterType {
                name: name(),
                cluster_type: name(),
            },
            "-",
            "False ClusterTypeNotSupported",
            false,
        ),
        (
            Error::Engine(engine::Error::ControlPlaneGone { id: name() }),
            "-",
            "False Gone",
            false,
        ),
        (
            Error::Session(SessionError::NotFound {
                namespace: name(),
                name: name(),
            }),
            "-",
            "False RefNotFound",
            true,
        ),
        (Error::NoSource, "False InvalidSpec", "-", false),
        (
            Error::Engine(engine::Error::WorkspaceNotFound {
                name: name(),
                known: vec![name()],
            }),
            "False WorkspaceNotFound",
            "-",
            false,
        ),
        (
            Error::Engine(engine::Error::NoWorkspaces { name: name() }),
            "False WorkspaceNotFound",
            "-",
            false,
        ),
        (Error::LedgerGone { name: name() }, "-", "-", false),
    ] {
        let mut draft = draft();
        report_failed_side(&error, &mut draft);
        assert_eq!(says(&draft, "SourceReady"), source, "{error}");
        assert_eq!(says(&draft, "TargetReady"), target, "{error}");
        assert_eq!(draft.status.checkpoint_mut().target_missing, missing, "{error}");
        // What an object of a version without the checkpoint says by its conditions alone is the same.
        draft.status.checkpoint = None;
        checkpoint::fill(&mut draft);
        assert_eq!(draft.status.checkpoint_mut().target_missing, missing, "{error}");
    }
}

#[test]
fn a_failure_before_the_first_look_leaves_a_migration_pending() {
    let mut draft = draft();
    report_failed_side(&Error::NoSource, &mut draft);
    assert_eq!(draft.status.phase, Some(Phase::Pending));
    draft.status.phase = Some(Phase::Completed);
    report_failed_side(&Error::NoSource, &mut draft);
    assert_eq!(draft.status.phase, Some(Phase::Completed));
}

#[test]
fn a_new_plan_is_told_by_an_event_and_the_same_one_is_not() {
    let observed = observed(services(&[("a", "a.example.com")]), services(&[]));
    let planned = planned(plan(&[Action::Create, Action::Unchanged]));
    let mut draft = draft();
    report_plan(&object(json!({})), &observed, &planned, &mut draft);
    assert_eq!(events(&draft), ["Planned"]);
    assert_eq!(says(&draft, "PlanReady"), "True Planned");
    assert_eq!(message(&draft, "PlanReady"), "1 to create, 1 unchanged");
    assert_eq!(says(&draft, "PreflightPassed"), "True NoBlockingFindings");
    assert_eq!(
        draft
            .status
            .progress
            .as_ref()
            .map(|progress| progress.summary.as_str()),
        Some("1/2")
    );
    let mut draft = next(&draft);
    report_plan(&object(json!({})), &observed, &planned, &mut draft);
    assert_eq!(events(&draft), [""; 0]);
}

#[test]
fn who_approves_a_plan_is_told_with_it() {
    let observed = observed(services(&[]), services(&[]));
    let required = |hash: &str| json!({"approval": {"policy": "Required", "planHash": hash}});
    let (writes, rests) = (plan(&[Action::Create]), plan(&[Action::Unchanged]));
    let hash = writes.hash.clone();
    for (plan, spec, told, words) in [
        (
            &writes,
            json!({}),
            "True ApprovedAutomatically",
            "The approval policy is Automatic.",
        ),
        (
            &writes,
            required(&hash),
            "True Approved",
            "This plan is approved.",
        ),
        (
            &writes,
            required(""),
            "False AwaitingApproval",
            "Nobody has approved this plan.",
        ),
        (
            &writes,
            required("sha256:other"),
            "False AwaitingApproval",
            "The approved hash is of another plan.",
        ),
        (
            &rests,
            required("sha256:other"),
            "True ApprovalNotNeeded",
            "The plan writes nothing: there is nothing to approve.",
        ),
    ] {
        let mut draft = draft();
        report_plan(&object(spec), &observed, &planned(plan.clone()), &mut draft);
        assert_eq!(says(&draft, "Approved"), told);
        assert_eq!(message(&draft, "Approved"), words);
    }
}

#[test]
fn what_forbids_the_writes_is_told_in_mode_plan_too() {
    let plan = Plan {
        findings: vec![finding(&KIND_UNREADABLE, "1"), finding(&NAME_TAKEN, "2")],
        ..plan(&[Action::Create])
    };
    let (planned, mut draft) = (planned(plan), draft());
    let sides = observed(services(&[]), services(&[]));
    report_plan(&object(json!({})), &sides, &planned, &mut draft);
    assert_eq!(says(&draft, "PreflightPassed"), "False BlockingFindings");
    assert_eq!(
        message(&draft, "PreflightPassed"),
        blocked_by(&planned.plan, &planned.plan.findings[0])
    );
}

#[test]
fn a_prune_that_is_withheld_is_told_once_and_until_it_is_not() {
    let observed = observed(services(&[]), services(&[]));
    let report = |rule, draft: &mut _| {
        let plan = Plan {
            findings: vec![finding(rule, "1")],
            ..plan(&[])
        };
        report_plan(&object(json!({})), &observed, &planned(plan), draft);
    };
    let mut draft = draft();
    report(&prune::PRUNE_LIMIT, &mut draft);
    assert_eq!(says(&draft, "PruneWithheld"), "True PruneLimitExceeded");
    assert!(
        message(&draft, "PruneWithheld").starts_with("Nothing is deleted in the target: seen. "),
        "{}",
        message(&draft, "PruneWithheld")
    );
    assert_eq!(events(&draft), ["Planned", "PruneWithheld"]);
    let mut draft = next(&draft);
    report(&prune::PRUNE_LIMIT, &mut draft);
    assert_eq!(events(&draft), [""; 0]);
    report_plan(&object(json!({})), &observed, &planned(plan(&[])), &mut draft);
    assert_eq!(says(&draft, "PruneWithheld"), "-");
}

#[test]
fn what_is_saved_is_told_by_what_there_is() {
    let secret = |name: &str| Some(LocalRef { name: name.into() });
    let ledger = BackupStatus {
        ledger_ref: secret("ledger"),
        ..BackupStatus::default()
    };
    let full = BackupStatus {
        artefact_ref: secret("backup"),
        taken_at: Some(Time(NOW)),
        ..ledger.clone()
    };
    for (backup, action, told, words) in [
        (
            None,
            Action::Unchanged,
            "True BackupNotNeeded",
            "Nothing is written.",
        ),
        (
            None,
            Action::Create,
            "Unknown BackupPending",
            "The control plane is saved before the first write.",
        ),
        (
            Some(ledger),
            Action::Create,
            "True BackedUp",
            "Secret ledger lists what was written, with what it was before. There is no full backup: spec.backupPolicy is BeforeImages.",
        ),
        (
            Some(full),
            Action::Create,
            "True BackedUp",
            "Secret backup holds the control plane as it was at 1970-01-01T00:00:00Z; Secret ledger lists what was written since, with what it was before.",
        ),
    ] {
        let mut draft = draft();
        draft.status.backup = backup;
        report_backup(&plan(&[action]), &mut draft);
        assert_eq!(says(&draft, "BackedUp"), told);
        assert_eq!(message(&draft, "BackedUp"), words);
    }
}
