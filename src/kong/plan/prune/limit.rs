//! How much one pass may delete: a workspace that was emptied, filtered or pointed elsewhere by mistake looks like one whose entities
//! somebody deleted, and each of them is confirmed to be gone.

use std::collections::BTreeMap;

use super::super::ledger::Origin;
use super::{Gone, PRUNE_LIMIT, PRUNE_SOURCE_EMPTY, PRUNE_SOURCE_UNREAD};
use crate::migration::finding::Finding;
use crate::migration::plan::Plan;
use crate::migration::subject::Subject;

impl Gone<'_> {
    /// Deletes nothing when more is gone than one pass may delete. What turns out to be still referred to counts too: this is
    /// decided before anything is placed.
    pub(super) fn hold_to_limit(&mut self) {
        let doomed = self.candidates.len();
        let (ledger, target, limit) = (
            self.input.ledger,
            self.input.target,
            self.input.policy.prune_limit,
        );
        let created = ledger.iter().filter(|(kind, id, entry)| {
            let key = kind.key(id);
            // What an interrupted run has made so far does not count yet: the run's own progress must not move the limit.
            let counts = entry.seen.is_some() || self.candidates.contains_key(&key);
            counts && entry.origin == Origin::Created && !entry.is_deleted() && target.contains(&key)
        });
        let all = created.count();
        let most = limit.most_of(all);
        if doomed <= most {
            return;
        }
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for packed in self.candidates.values() {
            *kinds.entry(packed.kind.name).or_default() += 1;
        }
        let kinds: Vec<_> = kinds
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let observed = format!(
            "{doomed} of the {all} entities that this migration created would be deleted ({}), and spec.pruneLimit allows {most} ({limit})",
            kinds.join(", ")
        );
        self.findings.push(Finding::new(
            &PRUNE_LIMIT,
            Subject::whole_kind("workspaces"),
            observed,
        ));
        self.candidates.clear();
    }
}

/// Why nothing at all is deleted of what the source has no more; none when each entity was judged for itself.
#[must_use]
pub fn withheld(plan: &Plan) -> Option<&Finding> {
    let rules = [PRUNE_LIMIT.id, PRUNE_SOURCE_EMPTY.id, PRUNE_SOURCE_UNREAD.id];
    plan.findings
        .iter()
        .find(|finding| rules.contains(&finding.id.as_str()))
}
