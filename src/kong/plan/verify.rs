//! Compares again after the writes: the proof that source and target are equal.

use std::collections::BTreeMap;

use super::added;
use super::catalogue::Catalogue;
use super::compare::{FieldChange, differences, equal, project};
use super::digest::{BodyDigest, Digest};
use super::document::{Desired, Planned};
use super::finding::Finding;
use super::planner_rules::DIFFERS_AFTER_WRITE;
use crate::kong::model::{KongVersion, Snapshot, Subject};

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
    pub kinds: BTreeMap<&'static str, KindVerification>,
    /// Differences, and fields that only the target has.
    pub findings: Vec<Finding>,
}

/// The outcome for one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindVerification {
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

/// Compares what was planned to be in the target with a new reading of it.
#[must_use]
pub fn verify(
    planned: &Planned,
    target: &Snapshot,
    version: Option<KongVersion>,
    catalogue: &Catalogue,
) -> Verification {
    let mut verification = Verification {
        matched: 0,
        mismatched: Vec::new(),
        missing: Vec::new(),
        remaining: planned
            .deletions
            .values()
            .filter(|deletion| target.contains(&deletion.subject.key))
            .map(|deletion| deletion.subject.clone())
            .collect(),
        extra: target.len(),
        repaired: 0,
        source_digest: String::new(),
        target_digest: String::new(),
        kinds: BTreeMap::new(),
        findings: Vec::new(),
    };
    let mut source_digest = Digest::default();
    let mut target_digest = Digest::default();
    let mut kind_digests: BTreeMap<&'static str, Digest> = BTreeMap::new();
    for desired in planned.desired.values() {
        let (kind, key) = (desired.entity.kind.name, desired.entity.key());
        source_digest.add_entity(&key, &desired.digest);
        let kind_digest = kind_digests.entry(kind).or_default();
        if let Some(held) = verification.compare(desired, target, version, catalogue) {
            target_digest.add_entity(&key, &held);
            kind_digest.add_entity(&key, &held);
        }
    }
    verification.source_digest = source_digest.finish();
    verification.target_digest = target_digest.finish();
    for (kind, digest) in kind_digests {
        verification.kinds.entry(kind).or_default().target_digest = digest.finish();
    }
    verification
}

impl Verification {
    /// Compares one entity. Returns the digest of what the target holds of it; none when it is not there.
    fn compare(
        &mut self,
        desired: &Desired,
        target: &Snapshot,
        version: Option<KongVersion>,
        catalogue: &Catalogue,
    ) -> Option<BodyDigest> {
        let kind = self.kinds.entry(desired.entity.kind.name).or_default();
        let Some(actual) = target.get(&desired.entity.key()) else {
            kind.failed += 1;
            self.missing.push(desired.subject.clone());
            return None;
        };
        self.extra -= 1;
        let entity = desired.entity.unpack();
        let held = if equal(actual.kind, &entity.body, &actual.body) {
            kind.matched += 1;
            self.matched += 1;
            desired.digest
        } else {
            kind.failed += 1;
            let subject = desired.subject.clone();
            let changes = differences(actual.kind, &entity.body, &actual.body);
            let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
            let observed = format!("differs in {}", fields.join(", "));
            self.findings
                .push(Finding::new(&DIFFERS_AFTER_WRITE, subject.clone(), observed));
            self.mismatched.push((subject, changes));
            BodyDigest::of(actual.kind, &project(actual.kind, &entity.body, &actual.body))
        };
        if let Some(version) = version {
            let seen = added::observe(&desired.subject, &entity, &actual.body, version, catalogue);
            self.findings.extend(seen);
        }
        Some(held)
    }
}
