use super::super::test_support::{
    GENERATION, MigrationDraft, applied, draft, message, plan, refusal, says, subject, verification,
};
use super::*;

fn told(plan: &Plan, applied: &Applied, verification: &Verification) -> (MigrationDraft, Outcome) {
    let mut draft = draft();
    let facts = RunFacts {
        plan,
        applied,
        verification: Some(verification),
    };
    let outcome = conclude(&facts, &mut draft).unwrap();
    (draft, outcome)
}

fn done(message: &str) -> Outcome {
    Outcome::done("Completed", message).again_after(LOOK_AGAIN)
}

fn blocked(reason: &'static str, message: &str) -> Outcome {
    Outcome::blocked(reason, message).again_after(LOOK_AGAIN)
}

fn writes(count: usize) -> Plan {
    plan(&vec![Action::Create; count])
}

#[test]
fn a_run_that_wrote_all_is_completed() {
    let (draft, outcome) = told(&writes(3), &applied(3, vec![]), &verification(3));
    assert_eq!(outcome, done("3 of 3 entities moved and verified."));
    assert_eq!(says(&draft, "Applied"), "True Applied");
    assert_eq!(
        message(&draft, "Applied"),
        "3 of 3 entities are in the control plane."
    );
    assert_eq!(says(&draft, "Verified"), "True Verified");
    assert_eq!(message(&draft, "Verified"), "3 entities are equal on both sides.");
    assert_eq!(draft.status.phase, Some(Phase::Completed));
}

#[test]
fn what_stays_behind_does_not_keep_a_run_from_its_end() {
    let plan = plan(&[Action::Create, Action::StaysBehind, Action::NotSelected]);
    let (_, outcome) = told(&plan, &applied(1, vec![]), &verification(1));
    let words =
        "1 of 3 entities moved and verified. 1 stays behind: status.findings says why and what to do.";
    assert_eq!(outcome, done(words));
}

#[test]
fn what_was_deleted_is_counted_apart() {
    for (deleted, words) in [
        (1, "1 that the source has no more is deleted."),
        (2, "2 that the source has no more are deleted."),
    ] {
        let applied = Applied {
            deleted,
            ..Applied::default()
        };
        let (_, outcome) = told(&plan(&[Action::Unchanged]), &applied, &verification(1));
        assert_eq!(
            outcome,
            done(&format!("1 of 1 entities moved and verified. {words}"))
        );
    }
}

#[test]
fn what_was_written_once_more_is_told_with_the_end() {
    let repaired = Verification {
        repaired: 2,
        ..verification(3)
    };
    let (draft, outcome) = told(&writes(3), &applied(3, vec![]), &repaired);
    let words = "2 of them were written once more after a first comparison.";
    assert_eq!(
        outcome,
        done(&format!("3 of 3 entities moved and verified. {words}"))
    );
    assert_eq!(
        message(&draft, "Verified"),
        format!("3 entities are equal on both sides. {words}")
    );
}

#[test]
fn a_control_plane_that_holds_something_else_is_a_mismatch() {
    let differs = Verification {
        mismatched: vec![(subject("1"), Vec::new())],
        missing: vec![subject("2")],
        remaining: vec![subject("3"), subject("4")],
        ..verification(1)
    };
    let (draft, outcome) = told(&writes(3), &applied(3, vec![]), &differs);
    let words = "The control plane differs from the source after the writes: see status.findings, and look for somebody else who writes to it.";
    assert_eq!(outcome, blocked("Mismatch", words));
    assert_eq!(says(&draft, "Applied"), "True Applied");
    assert_eq!(says(&draft, "Verified"), "False Mismatch");
    assert_eq!(
        message(&draft, "Verified"),
        "1 entity is equal, 1 differs, 1 is missing in the control plane, 2 were deleted and are there again."
    );
    assert_eq!(draft.status.phase, Some(Phase::Failed));
}

#[test]
fn equal_entities_with_another_digest_are_a_mismatch() {
    let other = Verification {
        target_digest: "sha256:other".into(),
        ..verification(1)
    };
    let (draft, _) = told(&writes(1), &applied(1, vec![]), &other);
    assert_eq!(says(&draft, "Verified"), "False Mismatch");
}

#[test]
fn what_was_refused_or_is_blocked_makes_a_run_partial() {
    for (plan, applied, waiting) in [
        (writes(2), applied(1, vec![refusal("1", false)]), "1 is"),
        (
            plan(&[Action::Create, Action::Blocked]),
            applied(1, vec![]),
            "1 is",
        ),
        (
            plan(&[Action::Create, Action::Create, Action::Blocked]),
            applied(1, vec![refusal("1", true)]),
            "2 are",
        ),
    ] {
        let (draft, outcome) = told(&plan, &applied, &verification(1));
        let words = format!(
            "1 of {} entities are in the control plane; {waiting} not written: see status.findings and solve what they say; the rest follows within 10 minutes.",
            plan.entities()
        );
        assert_eq!(outcome, blocked("PartiallyApplied", &words));
        assert_eq!(says(&draft, "Applied"), "False PartiallyApplied");
        assert_eq!(message(&draft, "Applied"), words);
        assert_eq!(
            says(&draft, "Verified"),
            "True Verified",
            "of what should be there"
        );
        assert_eq!(draft.status.phase, Some(Phase::Failed));
    }
}

#[test]
fn a_run_that_its_policy_stopped_says_where_and_what_was_left() {
    let stopped = Applied {
        not_tried: vec![subject("8"), subject("9")],
        ..applied(
            5,
            vec![refusal("1", false), refusal("2", true), refusal("3", true)],
        )
    };
    let (draft, outcome) = told(&writes(10), &stopped, &verification(5));
    let words = "5 entities are written. Konnect refused routes/1, and spec.failurePolicy ended the run there. 2 depend on it: routes/2, routes/3. 2 more were not tried. See status.findings, solve what was refused, then change the spec, or wait 10 minutes: the next run writes only what is left.";
    assert_eq!(outcome, blocked("StoppedAtRefusal", words));
    assert_eq!(says(&draft, "Applied"), "False StoppedAtRefusal");
    assert_eq!(draft.status.phase, Some(Phase::Failed));
}

#[test]
fn a_stopped_run_names_the_first_few() {
    let dependents = (2..7).map(|id| refusal(&id.to_string(), true));
    let stopped = Applied {
        not_tried: vec![subject("9")],
        ..applied(1, [refusal("1", false)].into_iter().chain(dependents).collect())
    };
    let (draft, _) = told(&writes(8), &stopped, &verification(1));
    let told = message(&draft, "Applied");
    assert!(told.starts_with("1 entity is written."), "{told}");
    assert!(
        told.contains(" 5 depend on it: routes/2, routes/3, routes/4, 2 others. 1 more was not tried."),
        "{told}"
    );
}

#[test]
fn a_run_that_was_interrupted_ends_with_what_interrupted_it() {
    let error = engine::Error::ControlPlaneGone { id: "one".into() };
    let interrupted = Applied {
        interrupted: Some(error.clone()),
        not_tried: vec![subject("2")],
        ..applied(1, vec![refusal("1", false)])
    };
    let (mut draft, plan) = (draft(), writes(3));
    draft.status.phase = Some(Phase::Applying);
    let facts = RunFacts {
        plan: &plan,
        applied: &interrupted,
        verification: None,
    };
    assert_eq!(
        conclude(&facts, &mut draft).unwrap_err().to_string(),
        error.to_string()
    );
    assert_eq!(says(&draft, "Applied"), "False ProgressingWithRetry");
    assert_eq!(
        message(&draft, "Applied"),
        format!("1 of 3 entities are written. {error}")
    );
    assert_eq!(
        draft.status.phase,
        Some(Phase::Applying),
        "the next pass goes on with it"
    );
    assert_eq!(says(&draft, "Verified"), "-");
}

#[test]
fn only_a_completed_run_is_remembered_as_one() {
    let mismatch = Verification {
        missing: vec![subject("0")],
        ..verification(0)
    };
    for (applied, verification, remembered) in [
        (applied(1, vec![]), verification(1), Some(GENERATION)),
        (applied(1, vec![]), mismatch, None),
        (applied(0, vec![refusal("0", false)]), verification(0), None),
    ] {
        let mut draft = draft();
        draft.status.checkpoint_mut().completed_generation = Some(GENERATION);
        let facts = RunFacts {
            plan: &writes(1),
            applied: &applied,
            verification: Some(&verification),
        };
        let outcome = conclude(&facts, &mut draft).unwrap();
        let checkpoint = draft.status.checkpoint.unwrap();
        assert_eq!(checkpoint.completed_generation, remembered, "{outcome:?}");
    }
}
