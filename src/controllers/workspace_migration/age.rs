//! How old a verification is, and what that means. Pure.
//!
//! A look at a finished migration reads both sides anyway: where it finds them equal, that is a new verification.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::drift::{change_since, not_verified};
use super::status::verification_status;
use crate::api::conditions::{VERIFIED, reason};
use crate::api::workspace_migration::{Mode, Sync, WorkspaceMigrationSpec, WorkspaceMigrationStatus};
use crate::controllers::migration::verdict::LOOK_AGAIN;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::words::counted;
use crate::k8s::conditions::ConditionStatus::{True, Unknown};
use crate::kong::engine::Observed;
use crate::kong::plan::Planned;
use crate::migration::plan::Action;

/// Looks that may fail in a row before nothing is claimed any more.
const LOOKS: u32 = 3;

/// Both sides are read. Where the plan found nothing to write, the verification is as new as this look.
pub(super) fn renew(
    observed: &Observed,
    planned: &Planned,
    now: Timestamp,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    if mark_differing(planned, draft) {
        return;
    }
    let plan = &planned.plan;
    let unchanged = u64::try_from(plan.count(Action::Unchanged)).unwrap_or(u64::MAX);
    let known = draft.status.verification.get_or_insert_default();
    let same = known.digest.as_deref() == Some(&plan.source_digest) && known.matched == unchanged;
    if same {
        // The plan has compared every entity.
        known.checked_at = Some(Time(now));
    } else {
        let verification = observed.verify(planned);
        if !verification.holds() {
            return not_verified(reason::TARGET_CHANGED, draft);
        }
        *known = verification_status(&verification, now);
    }
    if !same || !draft.conditions.is_true(VERIFIED) {
        let message = format!(
            "{} equal on both sides.",
            counted(unchanged, "entity is", "entities are")
        );
        draft.conditions.set(VERIFIED, True, reason::VERIFIED, message);
    }
}

/// Both sides are read, and differ: a verification of before does not hold any more. True when it is so.
pub(super) fn mark_differing(planned: &Planned, draft: &mut Draft<WorkspaceMigrationStatus>) -> bool {
    let left = (!planned.drift.left.is_empty()).then_some(reason::TARGET_CHANGED);
    let differs = change_since(planned).map(|(reason, _)| reason).or(left);
    if let Some(reason) = differs {
        not_verified(reason, draft);
    }
    differs.is_some()
}

/// The sides could not be compared: a verification that is too old to rely on is not claimed to hold.
pub(super) fn mark_stale(
    spec: &WorkspaceMigrationSpec,
    now: Timestamp,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) {
    let verification = draft.status.verification.as_ref();
    let Some(checked) = verification.and_then(|verification| verification.checked_at.as_ref()) else {
        return;
    };
    if !is_stale(spec, checked.0, now) || !draft.conditions.is_true(VERIFIED) {
        return;
    }
    let message = format!(
        "Both sides were equal at {}, and could not be compared since: see Ready.",
        checked.0.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    draft
        .conditions
        .set(VERIFIED, Unknown, reason::VERIFICATION_STALE, message);
}

/// True for a verification of that time that several looks should have renewed.
fn is_stale(spec: &WorkspaceMigrationSpec, checked: Timestamp, now: Timestamp) -> bool {
    let look = match spec.mode {
        Mode::Sync => spec.sync.as_ref().map_or(Sync::DEFAULT_INTERVAL, Sync::pause),
        Mode::Plan | Mode::Apply => LOOK_AGAIN,
    };
    let tolerated = SignedDuration::try_from(look.saturating_mul(LOOKS)).unwrap_or(SignedDuration::MAX);
    now.duration_since(checked) >= tolerated
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{MigrationDraft, draft, message, object, observed, says, services};
    use super::*;
    use crate::kong::plan::{Ledger, Policy};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A look at both sides, at a second.
    fn look(source: &[(&str, &str)], target: &[(&str, &str)], second: i64, draft: &mut MigrationDraft) {
        let observed = observed(services(source), services(target));
        let planned = observed.plan(&Policy::default(), at(second), &[], &Ledger::default());
        renew(&observed, &planned, at(second), draft);
    }

    fn checked(draft: &MigrationDraft) -> Option<Timestamp> {
        let verification = draft.status.verification.as_ref()?;
        verification.checked_at.as_ref().map(|checked| checked.0)
    }

    const A: (&str, &str) = ("a", "a.example.com");

    #[test]
    fn a_look_that_finds_both_sides_equal_is_a_new_verification() {
        let mut draft = draft();
        look(&[A], &[A], 100, &mut draft);
        assert_eq!(says(&draft, "Verified"), "True Verified");
        assert_eq!(message(&draft, "Verified"), "1 entity is equal on both sides.");
        assert_eq!(draft.status.verification.as_ref().unwrap().matched, 1);
        look(&[A], &[A], 200, &mut draft);
        assert_eq!(checked(&draft), Some(at(200)));
    }

    #[test]
    fn a_look_that_finds_a_difference_makes_no_verification_and_takes_back_what_was_said_of_the_last() {
        let mut draft = draft();
        look(&[A], &[A], 100, &mut draft);
        look(&[A, ("b", "b.example.com")], &[A], 200, &mut draft);
        assert_eq!(checked(&draft), Some(at(100)));
        assert_eq!(says(&draft, "Verified"), "False SourceChanged");
        look(&[A], &[A], 300, &mut draft);
        assert_eq!(says(&draft, "Verified"), "True Verified");
    }

    #[test]
    fn an_old_verification_is_not_claimed_and_a_look_makes_it_new() {
        let spec = object(json!({})).spec;
        let mut draft = draft();
        mark_stale(&spec, at(5000), &mut draft);
        assert_eq!(says(&draft, "Verified"), "-", "there was none");
        look(&[A], &[A], 100, &mut draft);
        mark_stale(&spec, at(1899), &mut draft);
        assert_eq!(says(&draft, "Verified"), "True Verified");
        mark_stale(&spec, at(1900), &mut draft);
        assert_eq!(says(&draft, "Verified"), "Unknown VerificationStale");
        assert_eq!(
            message(&draft, "Verified"),
            "Both sides were equal at 1970-01-01T00:01:40Z, and could not be compared since: see Ready."
        );
        look(&[A], &[A], 2000, &mut draft);
        assert_eq!(says(&draft, "Verified"), "True Verified");
    }

    #[test]
    fn three_looks_may_fail() {
        let stale = |seconds: i64, extra: serde_json::Value| {
            let mut spec = json!({"source": {"adminAPI": {"url": "https://kong"}}, "target": {"controlPlaneRef": {"name": "x"}}});
            if let (Some(spec), Some(extra)) = (spec.as_object_mut(), extra.as_object()) {
                spec.extend(extra.clone());
            }
            let now = Timestamp::from_second(seconds).unwrap();
            is_stale(&serde_json::from_value(spec).unwrap(), Timestamp::UNIX_EPOCH, now)
        };
        let often = || json!({"mode": "Sync", "sync": {"interval": "10s"}});
        assert!(!stale(29, often()) && stale(30, often()));
        assert!(!stale(179, json!({"mode": "Sync"})) && stale(180, json!({"mode": "Sync"})));
        assert!(!stale(1799, json!({"mode": "Apply"})) && stale(1800, json!({"mode": "Apply"})));
        assert!(!stale(-1, often()), "a clock that was put back");
    }
}
