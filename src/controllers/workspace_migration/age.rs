//! How old a verification is, and what that means. Pure.
//!
//! A look at a finished migration reads both sides anyway: where it finds them equal, that is a new verification.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::LOOK_AGAIN;
use super::status::verification_status;
use crate::api::conditions::{VERIFIED, reason};
use crate::api::workspace_migration::{Mode, Sync, WorkspaceMigration, WorkspaceMigrationSpec};
use crate::controllers::draft::Draft;
use crate::engine::Observed;
use crate::k8s::conditions::ConditionStatus::{True, Unknown};
use crate::plan::{Action, Catalogue, Planned, verify};

/// Looks that may fail in a row before nothing is claimed any more.
const LOOKS: u32 = 3;

/// Both sides are read, and the plan found nothing to write: the verification is as new as this look.
pub(super) fn renew(
    observed: &Observed,
    planned: &Planned,
    now: Timestamp,
    draft: &mut Draft<WorkspaceMigration>,
) {
    let plan = &planned.plan;
    let unchanged = u64::try_from(plan.count(Action::Unchanged)).unwrap_or(u64::MAX);
    let status = draft.status.verification.get_or_insert_default();
    if status.digest.as_deref() == Some(&plan.source_digest) && status.matched == unchanged {
        // The plan has compared every entity.
        status.checked_at = Some(Time(now));
    } else {
        let verification = verify(planned, &observed.target, observed.version(), Catalogue::bundled());
        if !verification.holds() {
            return;
        }
        *status = verification_status(&verification, now);
    }
    if !draft.conditions.is_true(VERIFIED) {
        let message = format!("{unchanged} entities are equal on both sides.");
        draft.conditions.set(VERIFIED, True, reason::VERIFIED, message);
    }
}

/// A side could not be read: a verification that is too old to rely on is not claimed to hold.
pub(super) fn doubt(spec: &WorkspaceMigrationSpec, now: Timestamp, draft: &mut Draft<WorkspaceMigration>) {
    let verification = draft.status.verification.as_ref();
    let Some(checked) = verification.and_then(|verification| verification.checked_at.as_ref()) else {
        return;
    };
    let age = now.duration_since(checked.0);
    if age < tolerated(spec) || !draft.conditions.is_true(VERIFIED) {
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

/// How old a verification may be.
fn tolerated(spec: &WorkspaceMigrationSpec) -> SignedDuration {
    let look = match spec.mode {
        Mode::Sync => spec.sync.as_ref().map_or(Sync::DEFAULT_INTERVAL, Sync::pause),
        Mode::Plan | Mode::Apply => LOOK_AGAIN,
    };
    let looks: Duration = look.saturating_mul(LOOKS);
    SignedDuration::try_from(looks).unwrap_or(SignedDuration::MAX)
}
