//! Compares again after the writes: the proof that source and target are equal.

use std::collections::BTreeMap;

use super::added;
use super::catalogue::Catalogue;
use super::compare::{differences, equal, project};
use super::digest::digest_body;
use super::document::{Desired, Planned};
use super::planner_rules::DIFFERS_AFTER_WRITE;
use crate::kong::model::{KongVersion, Snapshot};
use crate::migration::digest::{BodyDigest, Digest};
use crate::migration::finding::Finding;
use crate::migration::verification::Verification;

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
        if let Some(held) = compare(desired, target, version, catalogue, &mut verification) {
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

/// Compares one entity. Returns the digest of what the target holds of it; none when it is not there.
fn compare(
    desired: &Desired,
    target: &Snapshot,
    version: Option<KongVersion>,
    catalogue: &Catalogue,
    verification: &mut Verification,
) -> Option<BodyDigest> {
    let kind = verification.kinds.entry(desired.entity.kind.name).or_default();
    let Some(actual) = target.get(&desired.entity.key()) else {
        kind.failed += 1;
        verification.missing.push(desired.subject.clone());
        return None;
    };
    verification.extra -= 1;
    let entity = desired.entity.unpack();
    let held = if equal(actual.kind, &entity.body, &actual.body) {
        kind.matched += 1;
        verification.matched += 1;
        desired.digest
    } else {
        kind.failed += 1;
        let subject = desired.subject.clone();
        let changes = differences(actual.kind, &entity.body, &actual.body);
        let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
        let observed = format!("differs in {}", fields.join(", "));
        verification
            .findings
            .push(Finding::new(&DIFFERS_AFTER_WRITE, subject.clone(), observed));
        verification.mismatched.push((subject, changes));
        digest_body(actual.kind, &project(actual.kind, &entity.body, &actual.body))
    };
    if let Some(version) = version {
        let seen = added::observe(&desired.subject, &entity, &actual.body, version, catalogue);
        verification.findings.extend(seen);
    }
    Some(held)
}
