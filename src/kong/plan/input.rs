//! What a plan is made of: both sides, what the user decides about them, and the circumstances. It stands below every check, so that each
//! may look at all of it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, json};

use super::catalogue::Catalogue;
use super::ledger::Ledger;
use super::preset::Preset;
use crate::kong::model::entity_kind::Role;
use crate::kong::model::entity_kinds::of_role;
use crate::kong::model::{Entity, KongVersion, Snapshot};
use crate::migration::finding::Finding;
use crate::migration::waivers::Waiver;

/// Everything a plan depends on.
#[derive(Debug)]
pub struct PlanInput<'a> {
    /// The source as read.
    pub source: &'a Snapshot,
    /// What reading the source brought to light.
    pub notes: &'a [Finding],
    /// The target as read.
    pub target: &'a Snapshot,
    /// What this migration has written to the target.
    pub ledger: &'a Ledger,
    /// Version of the source; none when it did not tell.
    pub version: Option<KongVersion>,
    /// What the user decided.
    pub policy: &'a Policy,
    /// Facts about Konnect.
    pub catalogue: &'a Catalogue,
    /// The time, the nodes' settings, and what the user has accepted.
    pub circumstances: &'a Circumstances,
}

/// The time, the settings of the source's nodes, and what the user has accepted. All are inputs: the planner reads no clock.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The present moment; without it nothing is judged by date.
    pub now: Option<Timestamp>,
    /// `traditional_compatible`, `traditional` or `expressions`, where the source told.
    pub router_flavor: Option<String>,
    /// The source keeps an audit log of its Admin API.
    pub audit_log: bool,
    /// Findings that somebody has accepted.
    pub waivers: Vec<Waiver>,
}

/// What a user decides about a migration, beside its two ends. The default moves everything, keeps ids, and blocks what clashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Which part of the source.
    pub select: Selection,
    /// Which ids.
    pub ids: IdPolicy,
    /// What to do with clashes.
    pub conflicts: Conflicts,
    /// What to do with what somebody else changed or removed in the target after this migration wrote it.
    pub drift: DriftPolicy,
    /// Changes on the way, in order.
    pub transforms: Vec<Transform>,
    /// Schemas of custom plugins, at most one for a name.
    pub custom_plugins: Vec<CustomPlugin>,
    /// Whether what this migration created is deleted once the source has it no more.
    pub prune: bool,
    /// How much of it one pass may delete.
    pub prune_limit: PruneLimit,
}

/// Which part of a source to move. Empty: all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// An entity needs all of these tags.
    pub tags: Vec<String>,
    /// An entity is of one of these kinds.
    pub kinds: Vec<String>,
    /// An entity is none of these.
    pub exclude: Vec<Exclusion>,
}

/// Entities to leave behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Kind name.
    pub kind: String,
    /// Name or id; all of the kind when none.
    pub name: Option<String>,
}

/// Which ids entities have in the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IdPolicy {
    /// Those of the source.
    #[default]
    Preserve,
    /// UUID version 5 of kind and source id, in the name space of the control plane's id.
    Derive {
        /// Id of the control plane.
        control_plane: String,
    },
}

/// What to do when a foreign entity of the target holds a unique value of the source's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Block the entity and what depends on it.
    #[default]
    Fail,
    /// Take the target's entity as the copy when it is equal, else block.
    Adopt,
    /// Take the target's entity as the copy and make it equal.
    Overwrite,
    /// Leave it, and the source's entity too.
    Skip,
}

/// What to do with what somebody else changed or removed in the target after this migration wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftPolicy {
    /// The conflict policy decides about what is changed; what is removed is written again.
    #[default]
    AsConflict,
    /// Tell, and leave it.
    Report,
    /// Put the source's content back.
    Correct,
}

/// The conflict policy, with exceptions by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// For all kinds without an exception.
    pub default: ConflictPolicy,
    /// By kind name.
    pub by_kind: BTreeMap<String, ConflictPolicy>,
}

impl Conflicts {
    /// The policy for a kind.
    #[must_use]
    pub fn of(&self, kind: &str) -> ConflictPolicy {
        self.by_kind.get(kind).copied().unwrap_or(self.default)
    }
}

/// A custom plugin as the user gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomPlugin {
    /// Name of the plugin.
    pub name: String,
    /// Text of its `schema.lua`.
    pub schema: String,
    /// Names of the files that stand beside it.
    pub files: Vec<String>,
}

impl CustomPlugin {
    /// The schema as an entity; none only if the table of kinds had no row for it.
    #[must_use]
    pub fn entity(&self) -> Option<Entity> {
        let body = Map::from_iter([
            ("name".to_owned(), json!(self.name)),
            ("lua_schema".to_owned(), json!(self.schema)),
        ]);
        Entity::from_body(of_role(Role::PluginSchema)?, body)
    }
}

/// How a transform changes an entity.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// By a JSON patch (RFC 6902).
    Patch(json_patch::Patch),
    /// As many migrations need it.
    Preset(Preset),
}

/// A change to entities before they are planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Kind name.
    pub kind: String,
    /// Name or id; all of the kind when none.
    pub name: Option<String>,
    /// Tags that the entity has.
    pub tags: Vec<String>,
    /// What to do to the entity as the source returned it.
    pub change: Change,
    /// Why; shown with every entity it changes.
    pub reason: String,
}

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
