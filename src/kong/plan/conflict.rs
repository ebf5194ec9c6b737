//! What happens to an entity that the target has and that differs: the ledger decides where it speaks, else a policy.

use super::ledger::Standing;
use super::planner_rules::{DRIFT_CORRECTED, DRIFT_LEFT, TARGET_CHANGED, TARGET_DIFFERS, TARGET_OVERWRITTEN};
use super::policy::{ConflictPolicy, DriftPolicy, Policy};
use crate::kong::model::EntityKind;
use crate::migration::rule::Rule;

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The source changed since this migration wrote the entity: write it again.
    Follow,
    /// Replace what the target has; its before-image is kept. With a finding.
    Overwrite(&'static Rule),
    /// Leave both.
    Skip,
    /// Leave what somebody else changed. With a finding.
    Leave(&'static Rule),
    /// Leave it until somebody decides. With a finding.
    Block(&'static Rule),
}

/// Decides for an entity of a kind that differs, from whose it is.
#[must_use]
pub fn resolve(standing: Standing, policy: &Policy, kind: &EntityKind) -> Resolution {
    match (standing, policy.drift, policy.conflicts.of(kind.name)) {
        (Standing::Ours, _, _) => Resolution::Follow,
        (Standing::Changed, DriftPolicy::Report, _) => Resolution::Leave(&DRIFT_LEFT),
        (Standing::Changed, DriftPolicy::Correct, _) => Resolution::Overwrite(&DRIFT_CORRECTED),
        (_, _, ConflictPolicy::Overwrite) => Resolution::Overwrite(&TARGET_OVERWRITTEN),
        (_, _, ConflictPolicy::Skip) => Resolution::Skip,
        (Standing::Changed, DriftPolicy::AsConflict, ConflictPolicy::Fail | ConflictPolicy::Adopt) => {
            Resolution::Block(&TARGET_CHANGED)
        }
        (Standing::Foreign, _, ConflictPolicy::Fail | ConflictPolicy::Adopt) => {
            Resolution::Block(&TARGET_DIFFERS)
        }
    }
}
