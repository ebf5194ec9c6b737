//! Compares again after the writes: the proof that source and target are equal.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{FieldChange, differences, equal};
use super::diff::{digest_actual, digest_desired};
use super::document::Planned;
use super::finding::{DIFFERS_AFTER_WRITE, Finding};
use super::{Catalogue, added};
use crate::domain::{KongVersion, Snapshot, Subject};

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
        source_digest: digest_desired(planned.desired.values()),
        target_digest: digest_actual(
            planned
                .desired
                .values()
                .filter_map(|desired| Some((desired, target.get(&desired.entity.key())?))),
        ),
        kinds: digests_by_kind(planned, target),
        findings: Vec::new(),
    };
    for desired in planned.desired.values() {
        let subject = desired.subject.clone();
        let kind = verification.kinds.entry(desired.entity.kind.name).or_default();
        let Some(actual) = target.get(&desired.entity.key()) else {
            kind.failed += 1;
            verification.missing.push(subject);
            continue;
        };
        verification.extra -= 1;
        let entity = desired.entity.unpack();
        if equal(actual.kind, &entity.body, &actual.body) {
            kind.matched += 1;
            verification.matched += 1;
        } else {
            kind.failed += 1;
            let changes = differences(actual.kind, &entity.body, &actual.body);
            let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
            let observed = format!("differs in {}", fields.join(", "));
            verification
                .findings
                .push(Finding::new(&DIFFERS_AFTER_WRITE, subject.clone(), observed));
            verification.mismatched.push((subject, changes));
        }
        if let Some(version) = version {
            verification.findings.extend(added::observe(
                &desired.subject,
                &entity,
                &actual.body,
                version,
                catalogue,
            ));
        }
    }
    verification
}

/// The target's digest of each kind that was planned.
fn digests_by_kind(planned: &Planned, target: &Snapshot) -> BTreeMap<&'static str, KindVerification> {
    let kinds: BTreeSet<_> = planned
        .desired
        .values()
        .map(|desired| desired.entity.kind.name)
        .collect();
    let digest = |kind| {
        let of_kind = planned
            .desired
            .values()
            .filter(|desired| desired.entity.kind.name == kind);
        let pairs = of_kind.filter_map(|desired| Some((desired, target.get(&desired.entity.key())?)));
        let target_digest = digest_actual(pairs);
        (
            kind,
            KindVerification {
                target_digest,
                ..KindVerification::default()
            },
        )
    };
    kinds.into_iter().map(digest).collect()
}
