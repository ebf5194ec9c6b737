use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::super::super::test_support::{
    GENERATION, NOW, applied, draft, message, next, object, refusal, says,
};
use super::*;

fn policy(policy: &str) -> WorkspaceMigration {
    object(json!({"failurePolicy": policy}))
}

const TOLD: &str = "Konnect refused routes/1: schema violation.";

#[test]
fn only_the_policy_for_it_undoes_a_run_that_was_refused() {
    for (name, undoes) in [
        ("ContinueIndependent", false),
        ("Stop", false),
        ("RollbackOnFailure", true),
    ] {
        let mut draft = draft();
        let run = applied(1, vec![refusal("1", false)]);
        assert_eq!(
            undone_by(&policy(name), &run, &mut draft).is_some(),
            undoes,
            "{name}"
        );
        assert_eq!(says(&draft, "RolledBack") != "-", undoes, "{name}");
    }
}

#[test]
fn once_it_was_complete_nothing_is_undone() {
    let mut draft = draft();
    draft.status.completed_at = Some(Time(NOW));
    let run = applied(1, vec![refusal("1", false)]);
    assert_eq!(undone_by(&policy("RollbackOnFailure"), &run, &mut draft), None);
}

#[test]
fn what_only_depends_on_a_refusal_is_none() {
    let mut draft = draft();
    let run = applied(1, vec![refusal("1", true)]);
    assert_eq!(undone_by(&policy("RollbackOnFailure"), &run, &mut draft), None);
}

#[test]
fn the_refusals_are_told_by_the_first() {
    for (refused, words) in [
        (vec![refusal("1", false)], TOLD),
        (
            vec![refusal("0", true), refusal("1", false), refusal("2", false)],
            "Konnect refused routes/1: schema violation, and 1 other.",
        ),
        (
            vec![refusal("1", false), refusal("2", false), refusal("3", false)],
            "Konnect refused routes/1: schema violation, and 2 others.",
        ),
    ] {
        let mut draft = draft();
        let cause = undone_by(&policy("RollbackOnFailure"), &applied(0, refused), &mut draft);
        assert_eq!(
            cause,
            Some(Cause::Refused {
                told: words.into(),
                generation: Some(GENERATION)
            })
        );
        assert_eq!(says(&draft, "RolledBack"), "False RollingBackOnFailure");
        assert_eq!(message(&draft, "RolledBack"), words);
        assert_eq!(
            refused_before(&next(&draft)),
            cause,
            "the next pass goes on with it"
        );
    }
}

#[test]
fn a_spec_that_was_undone_is_not_tried_again_and_another_is() {
    let mut draft = draft();
    set_rollback(RollbackState::RolledBackOnFailure, "Undone.", &mut draft);
    let draft = next(&draft);
    assert_eq!(
        undone_before(&draft),
        Some(Outcome::blocked("RolledBackOnFailure", "Undone."))
    );
    assert_eq!(refused_before(&draft), None);
    let later = Draft::new(Some(&draft.to_status()), GENERATION + 1, NOW);
    assert_eq!(undone_before(&later), None);
}

#[test]
fn a_spec_that_changed_while_an_older_one_was_undone_begins_anew() {
    let older = |generation| Cause::Refused {
        told: TOLD.into(),
        generation: Some(generation),
    };
    let mut draft = draft();
    set_rollback(RollbackState::RolledBackOnFailure, "Undone.", &mut draft);
    assert_eq!(begin_anew(&Cause::Asked, &mut draft), None);
    assert_eq!(begin_anew(&older(GENERATION), &mut draft), None);
    let words = "What an older spec had written is undone; the next pass begins anew by the present one.";
    let anew = Outcome::wait("Progressing", words).again_after(Duration::from_secs(1));
    assert_eq!(begin_anew(&older(GENERATION - 1), &mut draft), Some(anew));
    assert_eq!(says(&draft, "RolledBack"), "-");
}
