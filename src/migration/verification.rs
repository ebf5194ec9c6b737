//! The proof that source and target are equal, or where they are not.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::plan::FieldChange;
use super::subject::Subject;

/// The outcome for all entities that should be in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Equal on both sides.
    pub matched: usize,
    /// In the target, with other content.
    pub mismatched: Vec<(Subject, Vec<FieldChange>)>,
    /// Not in the target.
    pub missing: Vec<Subject>,
    /// To be deleted, and in the target still.
    pub remaining: Vec<Subject>,
    /// In the target, not in the source: not ours, left alone.
    pub extra: usize,
    /// Written once more before this comparison, because an earlier one found them wrong.
    pub repaired: usize,
    /// SHA-256 over the translated source.
    pub source_digest: String,
    /// SHA-256 over the same entities and fields of the target; equal to the source's when everything matched.
    pub target_digest: String,
    /// The same by kind name.
    pub kinds: BTreeMap<&'static str, VerificationOfKind>,
    /// Differences, and fields that only the target has.
    pub findings: Vec<Finding>,
}

/// The outcome for one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerificationOfKind {
    /// Equal on both sides.
    pub matched: usize,
    /// Different, or not in the target.
    pub failed: usize,
    /// SHA-256 over what the target holds of the source's entities.
    pub target_digest: String,
}

impl Verification {
    /// True when every entity that should have moved is there and equal, and none that was deleted is there.
    #[must_use]
    pub fn holds(&self) -> bool {
        let nothing_is_wrong =
            self.mismatched.is_empty() && self.missing.is_empty() && self.remaining.is_empty();
        nothing_is_wrong && self.source_digest == self.target_digest
    }
}
