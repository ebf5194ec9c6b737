use super::*;
use crate::api::conditions::reason::{PROGRESSING, PROGRESSING_WITH_RETRY};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn types(set: &ConditionSet) -> Vec<String> {
    set.to_vec()
        .into_iter()
        .map(|condition| condition.type_)
        .collect()
}

#[test]
fn transition_time_moves_only_when_the_status_flips() {
    let mut first = ConditionSet::new(&[], 1, at(10));
    first.set("Programmed", ConditionStatus::False, "Pending", "waiting");
    let mut second = ConditionSet::new(&first.to_vec(), 2, at(20));
    second.set(
        "Programmed",
        ConditionStatus::False,
        "FailedToCreate",
        "other words",
    );
    let programmed = second.get("Programmed").unwrap();
    assert_eq!(programmed.last_transition_time, Time(at(10)));
    assert_eq!(programmed.observed_generation, Some(2));
    second.set("Programmed", ConditionStatus::True, "Programmed", "");
    assert_eq!(
        second.get("Programmed").unwrap().last_transition_time,
        Time(at(20))
    );
}

#[test]
fn reconciling_and_stalled_never_stand_together_and_vanish_when_ready() {
    let mut set = ConditionSet::new(&[], 1, at(10));
    set.mark_reconciling(ConditionStatus::Unknown, PROGRESSING, PROGRESSING, "looking");
    assert_eq!(types(&set), [READY, RECONCILING]);
    set.mark_stalled("InvalidSpec", "fix it");
    assert_eq!(types(&set), [READY, STALLED]);
    set.mark_reconciling(
        ConditionStatus::False,
        "KonnectUnavailable",
        PROGRESSING_WITH_RETRY,
        "retrying",
    );
    assert_eq!(types(&set), [READY, RECONCILING]);
    set.mark_held("AwaitingApproval", "approve it");
    assert_eq!(types(&set), [READY]);
    assert!(!set.is_true(READY));
    set.mark_ready("Valid", "");
    assert_eq!(types(&set), [READY]);
    assert!(set.is_true(READY));
}

#[test]
fn a_set_that_says_the_same_again_is_equal_later() {
    let mut first = ConditionSet::new(&[], 3, at(10));
    first.set("Zebra", ConditionStatus::True, "A", "a");
    first.mark_ready("Done", "done");
    let mut later = ConditionSet::new(&first.to_vec(), 3, at(999));
    later.mark_ready("Done", "done");
    later.set("Zebra", ConditionStatus::True, "A", "a");
    assert_eq!(first.to_vec(), later.to_vec());
}

#[test]
fn a_generation_counts_as_seen_once_ready_speaks_of_it() {
    let mut set = ConditionSet::new(&[], 1, at(10));
    assert!(!set.has_seen_generation());
    set.mark_ready("Done", "");
    assert!(set.has_seen_generation());
    assert!(!ConditionSet::new(&set.to_vec(), 2, at(10)).has_seen_generation());
}

#[test]
fn long_messages_are_cut_at_a_character_boundary() {
    let mut set = ConditionSet::new(&[], 1, at(10));
    set.mark_ready("Done", "ä".repeat(MESSAGE_LIMIT));
    let message = &set.get(READY).unwrap().message;
    assert!(message.len() <= MESSAGE_LIMIT);
    assert!(message.ends_with('…'));
}
