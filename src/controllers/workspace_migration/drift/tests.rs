use super::super::test_support::{
    MigrationDraft, NOW, applied, draft, events, finding, ledger_after, message, next, observed, plan,
    planned, refusal, says, services, subject,
};
use super::*;
use crate::kong::plan::Policy;
use crate::migration::plan::Action;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A look at services of which `a` and `b` were written as they are in `written`.
fn look(source: &[(&str, &str)], target: &[(&str, &str)]) -> Planned {
    let ledger = ledger_after(&services(&[("a", "a.example.com"), ("b", "b.example.com")]));
    let observed = observed(services(source), services(target));
    observed.plan(&Policy::default(), NOW, &[], &ledger)
}

const A: (&str, &str) = ("a", "a.example.com");
const B: (&str, &str) = ("b", "b.example.com");

fn reported(planned: &Planned, mode: Mode, completed: bool) -> MigrationDraft {
    let mut draft = draft();
    draft.status.completed_at = completed.then_some(Time(NOW));
    report_drift(mode, &planned.drift, &mut draft);
    draft
}

fn counted_as(planned: &Planned) -> DriftStatus {
    let draft = reported(planned, Mode::Sync, true);
    draft.status.sync.and_then(|sync| sync.drift).unwrap()
}

#[test]
fn every_class_of_drift_is_counted_by_whose_change_it_is() {
    let none = DriftStatus::default();
    for (what, source, target, expected) in [
        ("nothing", vec![A, B], vec![A, B], none),
        (
            "source",
            vec![("a", "new"), B],
            vec![A, B],
            DriftStatus {
                changed_in_source: 1,
                ..none
            },
        ),
        (
            "target",
            vec![A, B],
            vec![("a", "other"), B],
            DriftStatus {
                changed_in_target: 1,
                ..none
            },
        ),
        (
            "both",
            vec![("a", "new"), B],
            vec![("a", "other"), B],
            DriftStatus {
                changed_in_both: 1,
                ..none
            },
        ),
        (
            "new",
            vec![A, B, ("c", "c.example.com")],
            vec![A, B],
            DriftStatus {
                missing_in_target: 1,
                ..none
            },
        ),
        (
            "removed",
            vec![A, B],
            vec![B],
            DriftStatus {
                missing_in_target: 1,
                removed_from_target: 1,
                ..none
            },
        ),
        (
            "gone",
            vec![B],
            vec![A, B],
            DriftStatus {
                missing_in_source: 1,
                ..none
            },
        ),
    ] {
        assert_eq!(counted_as(&look(&source, &target)), expected, "{what}");
    }
}

#[test]
fn before_the_first_completion_nothing_has_drifted() {
    let new = look(&[A, B, ("c", "c.example.com")], &[A, B]);
    assert!(reported(&new, Mode::Sync, false).status.sync.is_none());
}

#[test]
fn mode_apply_tells_drift_when_it_watches() {
    let changed = look(&[A, B], &[("a", "other"), B]);
    let draft = reported(&changed, Mode::Apply, true);
    assert!(draft.status.sync.is_none() && draft.conditions.get(DRIFTED).is_none());
}

#[test]
fn what_is_left_changed_is_told_once_by_an_event_and_until_it_is_not() {
    let mut changed = planned(plan(&[]));
    changed.drift.left = vec![subject("1"), subject("2")];
    let mut draft = reported(&changed, Mode::Sync, true);
    assert_eq!(says(&draft, "Drifted"), "True TargetChanged");
    assert_eq!(
        message(&draft, "Drifted"),
        "Somebody changed or removed 2 entities in the target after this migration had written there, and it is left so: routes/1, routes/2. Set spec.sync.drift to Correct to put the source's content back, or make both sides equal."
    );
    assert_eq!(events(&draft), ["Drifted"]);
    draft = next(&draft);
    report_drift(Mode::Sync, &changed.drift, &mut draft);
    assert_eq!(events(&draft), [""; 0]);
    changed.drift.left.clear();
    report_drift(Mode::Sync, &changed.drift, &mut draft);
    assert_eq!(says(&draft, "Drifted"), "-");
}

#[test]
fn many_that_are_left_are_named_in_part() {
    let mut changed = planned(plan(&[]));
    changed.drift.left = (1..=7).map(|id| subject(&id.to_string())).collect();
    let draft = reported(&changed, Mode::Sync, true);
    let told = message(&draft, "Drifted");
    assert!(
        told.contains(" left so: routes/1, routes/2, routes/3, routes/4, routes/5 and 2 more. "),
        "{told}"
    );
}

#[test]
fn whose_change_a_completed_migration_sees_decides_the_reason() {
    let (reason, words) = change_since(&look(&[("a", "new"), B], &[A, B])).unwrap();
    assert_eq!(reason, "SourceChanged");
    assert_eq!(
        words,
        "source and target differ since the migration (1 changed in the source): 1 unchanged, 1 to update"
    );
    let (reason, words) = change_since(&look(&[A, B], &[B])).unwrap();
    assert_eq!(reason, "TargetChanged");
    assert_eq!(
        words,
        "source and target differ since the migration (1 removed from the target): 1 to create, 1 unchanged"
    );
    assert_eq!(change_since(&look(&[A, B], &[A, B])), None);
}

#[test]
fn a_look_at_changes_of_every_class_names_each() {
    let written = ["a", "b", "c", "d", "e"].map(|id| (id, "first.example.com"));
    let with = |changes: &[(&'static str, &'static str)], without: &str| {
        let host = |id| {
            changes
                .iter()
                .find(|(changed, _)| *changed == id)
                .map_or("first.example.com", |(_, host)| *host)
        };
        let kept = written.iter().filter(|(id, _)| *id != without);
        let mut side: Vec<_> = kept.map(|(id, _)| (*id, host(*id))).collect();
        side.extend(
            changes
                .iter()
                .filter(|(id, _)| !written.iter().any(|(known, _)| known == id)),
        );
        services(&side)
    };
    let source = with(
        &[
            ("a", "moved.example.com"),
            ("c", "moved.example.com"),
            ("f", "new.example.com"),
        ],
        "e",
    );
    let target = with(&[("b", "theirs.example.com"), ("c", "theirs.example.com")], "d");
    let ledger = ledger_after(&services(&written));
    let planned = observed(source, target).plan(&Policy::default(), NOW, &[], &ledger);
    let (reason, words) = change_since(&planned).unwrap();
    assert_eq!(reason, "TargetChanged");
    assert!(
        words.contains(
            "(1 changed in the source, 1 changed in the target, 1 changed on both sides, 1 new in the source, 1 removed from the target, 1 gone from the source)"
        ),
        "{words}"
    );
}

#[test]
fn a_difference_of_no_class_is_told_without_one() {
    let blocked = planned(plan(&[Action::Blocked]));
    let words = "source and target differ since the migration: 1 blocked".to_owned();
    assert_eq!(change_since(&blocked), Some(("SourceChanged", words)));
}

#[test]
fn what_was_put_back_is_told_and_what_was_refused_is_not() {
    let plan = Plan {
        findings: (1..=3)
            .map(|id| finding(&DRIFT_CORRECTED, &id.to_string()))
            .collect(),
        ..plan(&[])
    };
    let run = Applied {
        not_tried: vec![subject("3")],
        ..applied(1, vec![refusal("2", false)])
    };
    let mut draft = draft();
    note_corrected(&plan, &run, &mut draft);
    assert_eq!(events(&draft), ["DriftCorrected"]);
    assert_eq!(
        draft.notes()[0].message,
        "Somebody had changed or removed entities in the target; the source's content is put back: routes/1."
    );
}

#[test]
fn a_run_that_put_nothing_back_says_nothing_of_it() {
    let mut draft = draft();
    note_corrected(&plan(&[Action::Update]), &applied(1, vec![]), &mut draft);
    assert_eq!(events(&draft), [""; 0]);
}
