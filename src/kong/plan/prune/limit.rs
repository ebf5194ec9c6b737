//! How much one pass may delete: a workspace that was emptied, filtered or pointed elsewhere by mistake looks like one whose entities
//! somebody deleted, and each of them is confirmed to be gone.

use std::collections::BTreeMap;
use std::fmt;

use super::super::document::Plan;
use super::super::finding::Finding;
use super::super::ledger::Origin;
use super::super::preflight::verdict::whole_kind;
use super::{Gone, PRUNE_LIMIT, PRUNE_SOURCE_EMPTY, PRUNE_SOURCE_UNREAD};

/// The most that one pass deletes of what this migration created and the target still has. When more is gone, nothing is deleted at
/// all: a part of it in each pass would come to the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PruneLimit {
    /// [`PruneLimit::USUAL_PERCENT`], and [`PruneLimit::ALWAYS`] in any case.
    #[default]
    Usual,
    /// So many entities.
    Count(usize),
    /// So much of them, from 0 to 100, rounded down.
    Percent(u8),
}

impl PruneLimit {
    /// The usual share. octoDNS guards zones by the same one (`delete_pcnt_threshold`, 0.3).
    pub const USUAL_PERCENT: u8 = 30;
    /// So many may always go: about what one service and one consumer bring along, which in a small workspace is most of it.
    pub const ALWAYS: usize = 10;

    /// How many of so many.
    #[must_use]
    pub fn most_of(self, all: usize) -> usize {
        match self {
            Self::Usual => Self::Percent(Self::USUAL_PERCENT).most_of(all).max(Self::ALWAYS),
            Self::Count(count) => count,
            Self::Percent(percent) => all.saturating_mul(percent.into()) / 100,
        }
    }
}

impl fmt::Display for PruneLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => write!(f, "{}%, and {} in any case", Self::USUAL_PERCENT, Self::ALWAYS),
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

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
        self.findings
            .push(Finding::new(&PRUNE_LIMIT, whole_kind("workspaces"), observed));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_of_how_many() {
        let most = |limit: PruneLimit| [0, 9, 10, 33, 34, 100].map(|all| limit.most_of(all));
        assert_eq!(most(PruneLimit::Usual), [10, 10, 10, 10, 10, 30]);
        assert_eq!(most(PruneLimit::Percent(50)), [0, 4, 5, 16, 17, 50]);
        assert_eq!(most(PruneLimit::Percent(100)), [0, 9, 10, 33, 34, 100]);
        assert_eq!(most(PruneLimit::Count(3)), [3; 6]);
    }
}
