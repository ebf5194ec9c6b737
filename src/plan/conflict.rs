//! What happens to an entity that the target has and that differs: the ledger decides where it speaks, else the conflict policy.

use super::finding::{Rule, TARGET_CHANGED, TARGET_DIFFERS, TARGET_OVERWRITTEN};
use super::ledger::{Ledger, Standing};
use super::policy::{ConflictPolicy, Conflicts};
use crate::domain::Entity;

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The source changed since this migration wrote the entity: write it again.
    Follow,
    /// Replace what the target has; its before-image is kept. With a finding.
    Overwrite(&'static Rule),
    /// Leave both.
    Skip,
    /// Leave it until somebody decides. With a finding.
    Block(&'static Rule),
}

/// Decides for an entity that differs, from the body that it should have and the target's own.
#[must_use]
pub fn resolve(ledger: &Ledger, conflicts: &Conflicts, desired: &Entity, actual: &Entity) -> Resolution {
    let standing = ledger.standing(actual, &desired.body);
    match (standing, conflicts.of(desired.kind.name)) {
        (Standing::Ours, _) => Resolution::Follow,
        (_, ConflictPolicy::Overwrite) => Resolution::Overwrite(&TARGET_OVERWRITTEN),
        (_, ConflictPolicy::Skip) => Resolution::Skip,
        (Standing::Changed, ConflictPolicy::Fail | ConflictPolicy::Adopt) => {
            Resolution::Block(&TARGET_CHANGED)
        }
        (Standing::Foreign, ConflictPolicy::Fail | ConflictPolicy::Adopt) => {
            Resolution::Block(&TARGET_DIFFERS)
        }
    }
}
