//! Whether waiting for an object is over, for those who wait.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::find;
use crate::api::conditions::{PREFLIGHT_PASSED, READY, RECONCILING, STALLED, reason};

/// How a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The object is as its spec wants it.
    Done,
    /// It will not become so as it stands.
    Failed,
    /// It goes on when somebody has decided something: approved a plan, accepted a finding, given a token.
    NeedsPerson,
}

/// The end that conditions tell of, with the `Ready` that explains it; none while work goes on, or while they speak of an
/// older generation.
#[must_use]
pub fn ending(conditions: &[Condition], generation: Option<i64>) -> Option<(Ending, &Condition)> {
    let ready = find(conditions, READY).filter(|ready| ready.observed_generation == generation)?;
    let holds = |type_| find(conditions, type_).is_some_and(|condition| condition.status == "True");
    let blocked = find(conditions, PREFLIGHT_PASSED)
        .is_some_and(|passed| passed.status == "False" && passed.observed_generation == generation);
    let ending = if ready.status == "True" && ready.reason == reason::PLANNED && blocked {
        // As its spec wants it, which asks for a plan; and the plan says that somebody has to decide before it can be written.
        Ending::NeedsPerson
    } else if ready.status == "True" {
        Ending::Done
    } else if holds(RECONCILING) || ready.status != "False" {
        return None;
    } else if holds(STALLED) && ready.reason != reason::BLOCKING_FINDINGS {
        Ending::Failed
    } else {
        Ending::NeedsPerson
    };
    Some((ending, ready))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::k8s::conditions::{ConditionSet, ConditionStatus};

    fn seen(generation: i64, mark: impl Fn(&mut ConditionSet)) -> Option<Ending> {
        let mut conditions = ConditionSet::new(&[], 3, Timestamp::UNIX_EPOCH);
        mark(&mut conditions);
        ending(&conditions.to_vec(), Some(generation)).map(|(ending, _)| ending)
    }

    #[test]
    fn every_way_to_end_is_told_apart_from_work() {
        let held = |set: &mut ConditionSet| set.mark_held(reason::AWAITING_APPROVAL, "");
        let blocked = |set: &mut ConditionSet| set.mark_stalled(reason::BLOCKING_FINDINGS, "");
        let stalled = |set: &mut ConditionSet| set.mark_stalled(reason::PARTIALLY_APPLIED, "");
        let working = |set: &mut ConditionSet| {
            set.mark_reconciling(ConditionStatus::False, reason::APPLYING, reason::PROGRESSING, "");
        };
        assert_eq!(
            seen(3, |set| set.mark_ready(reason::COMPLETED, "")),
            Some(Ending::Done)
        );
        assert_eq!(seen(3, held), Some(Ending::NeedsPerson));
        assert_eq!(seen(3, blocked), Some(Ending::NeedsPerson));
        assert_eq!(seen(3, stalled), Some(Ending::Failed));
        assert_eq!(seen(3, working), None);
        assert_eq!(seen(3, |_| {}), None);
    }

    #[test]
    fn a_plan_that_may_not_be_written_needs_a_person() {
        for (passed, reason, ending) in [
            (ConditionStatus::True, reason::PLANNED, Ending::Done),
            (ConditionStatus::False, reason::PLANNED, Ending::NeedsPerson),
            (ConditionStatus::False, reason::COMPLETED, Ending::Done),
        ] {
            let told = |set: &mut ConditionSet| {
                set.set(PREFLIGHT_PASSED, passed, "", "");
                set.mark_ready(reason, "");
            };
            assert_eq!(seen(3, told), Some(ending), "{passed:?} {reason}");
        }
    }

    #[test]
    fn what_was_true_of_an_older_spec_is_no_end() {
        assert_eq!(seen(4, |set| set.mark_ready(reason::COMPLETED, "")), None);
        assert_eq!(seen(4, |set| set.mark_stalled(reason::INVALID_SPEC, "")), None);
    }
}
