//! What a verification found wrong, as a plan of its own: the same bodies once more.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Planned;
use super::drift::Drift;
use crate::migration::plan::{Action, Operation, Plan};
use crate::migration::subject::EntityKey;
use crate::migration::verification::Verification;

/// The part of a plan that was written and that the target does not hold as it was written; none when there is nothing to repair.
/// `not_written` has what the run did not write, by its key in the source: a repair would not write it either.
#[must_use]
pub fn build_repair(
    planned: &Planned,
    verification: &Verification,
    not_written: &BTreeSet<EntityKey>,
) -> Option<Planned> {
    let mismatched = verification.mismatched.iter().map(|(subject, _)| subject);
    let wrong: BTreeMap<&EntityKey, Action> = mismatched
        .map(|subject| (&subject.key, Action::Update))
        .chain(
            verification
                .missing
                .iter()
                .map(|subject| (&subject.key, Action::Create)),
        )
        .filter(|(key, _)| !not_written.contains(key))
        .collect();
    let written = planned
        .plan
        .operations
        .iter()
        .filter(|operation| matches!(operation.action, Action::Create | Action::Update));
    let operations: Vec<_> = written
        .filter_map(|operation| {
            let action = *wrong.get(&operation.subject.key)?;
            Some(Operation {
                action,
                ..operation.clone()
            })
        })
        .collect();
    if operations.is_empty() {
        return None;
    }
    let desired = operations.iter().filter_map(|operation| {
        let key = &operation.subject.key;
        Some((key.clone(), planned.desired.get(key)?.clone()))
    });
    Some(Planned {
        desired: desired.collect(),
        plan: Plan {
            hash: planned.plan.hash.clone(),
            source_digest: planned.plan.source_digest.clone(),
            target_digest: planned.plan.target_digest.clone(),
            operations,
            findings: Vec::new(),
        },
        // What the same run wrote is written once more, whatever has become of it.
        seen: BTreeMap::new(),
        drift: Drift::default(),
        deletions: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kong::model::{KongVersion, Snapshot};
    use crate::kong::plan::catalogue::Catalogue;
    use crate::kong::plan::diff::build_plan;
    use crate::kong::plan::input::{Circumstances, PlanInput, Policy};
    use crate::kong::plan::ledger::Ledger;
    use crate::kong::plan::test_support::{entity, snapshot};
    use crate::kong::plan::verify::verify;

    fn service(id: &str, host: &str) -> crate::kong::model::Entity {
        entity("services", json!({"id": id, "name": id, "host": host}))
    }

    /// The repair after a run that left this target, as actions by id.
    fn repair(before: &Snapshot, after: &Snapshot, not_written: &[&str]) -> Vec<(String, Action)> {
        let source: Snapshot = ["a", "b", "c"].map(|id| service(id, "h")).into_iter().collect();
        let planned = build_plan(&PlanInput {
            notes: &[],
            source: &source,
            target: before,
            ledger: &Ledger::default(),
            version: KongVersion::parse("3.9.1"),
            policy: &Policy::default(),
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances::default(),
        });
        let verification = verify(&planned, after, None, Catalogue::bundled());
        let not_written = not_written
            .iter()
            .map(|id| EntityKey::new("services", (*id).to_owned()))
            .collect();
        let repair = build_repair(&planned, &verification, &not_written);
        let operations = repair.into_iter().flat_map(|repair| {
            assert_eq!(repair.desired.len(), repair.plan.operations.len());
            repair.plan.operations
        });
        operations
            .map(|operation| (operation.subject.key.id.to_string(), operation.action))
            .collect()
    }

    #[test]
    fn what_this_run_wrote_is_written_once_more_and_nothing_else() {
        let empty = Snapshot::default();
        let wrong: Snapshot = [service("a", "h"), service("b", "other")].into_iter().collect();
        let once_more = |not_written: &[&str]| repair(&empty, &wrong, not_written);
        assert_eq!(
            once_more(&[]),
            [("b".to_owned(), Action::Update), ("c".to_owned(), Action::Create)]
        );
        assert_eq!(once_more(&["c"]), [("b".to_owned(), Action::Update)]);
        // What was equal before the run, and was changed during it, was not written by it.
        let there = snapshot(&[("services", json!({"id": "b", "name": "b", "host": "h"}))]);
        assert_eq!(repair(&there, &wrong, &[]), [("c".to_owned(), Action::Create)]);
        let all = ["a", "b", "c"].map(|id| service(id, "h")).into_iter().collect();
        assert!(repair(&empty, &all, &[]).is_empty());
    }
}
