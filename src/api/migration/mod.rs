//! What the kinds of migrations have in common: parts of their specs and statuses, and how to reach them without knowing the kind.
//!
//! The parts are fields of each kind, not flattened into it: so the text of an error still names the field, and each kind says in its own
//! words what a field means there. The traits are written by hand for the same reason.
//!
//! Why two small traits, and no framework above them: `docs/decisions/0011-a-shared-core-and-two-small-traits.md`.

mod decisions;
pub mod limits;
pub(super) mod rules;
mod status;

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::core::object::HasStatus;
use serde::de::DeserializeOwned;

pub use self::decisions::{Approval, ApprovalPolicy, Mode, RollbackPolicy, WaiverSpec};
pub use self::status::{
    FindingGroup, FindingSeverity, FindingsStatus, HistoryEntry, KindProgressStatus, Phase, PlanStatus,
    ProgressStatus,
};
use super::refs::LocalRef;

/// A kind whose objects are migrations: what users decide, wherever the kind has it.
pub trait MigrationKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status: MigrationStatus>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The kind as kubectl takes it, in the singular: `workspacemigration`.
    const KUBECTL: &'static str;

    /// How far to go.
    fn mode(&self) -> Mode;

    /// Whether somebody has to approve, and what is approved.
    fn approval(&self) -> Option<&Approval>;

    /// True when nothing is to be done for now.
    fn is_suspended(&self) -> bool;

    /// How hard a run may push. One call at a time for a kind whose spec does not say.
    fn limits(&self) -> RunLimits {
        RunLimits {
            max_in_flight: 1,
            requests_per_second: 0,
        }
    }

    /// True when a pass that was begun with this version has to end because the object is `now` another one: when anything but
    /// [`MigrationKind::limits`] differs in their specs.
    fn ends_with(&self, now: &Self) -> bool;
}

/// How hard a run may push; it may change while the run lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Calls to the target at the same time.
    pub max_in_flight: u32,
    /// Calls to the target in a second; 0 leaves that to what the target tells.
    pub requests_per_second: u32,
}

/// The part of a status that every kind of migration has.
pub trait MigrationStatus {
    // Mutable access alone: whoever has a draft has it for itself, and a reading twin of each would only be one more to write.

    /// Where the migration is, for people.
    fn phase_mut(&mut self) -> &mut Option<Phase>;

    /// What is done.
    fn progress_mut(&mut self) -> &mut Option<ProgressStatus>;

    /// What somebody should know.
    fn findings_mut(&mut self) -> &mut Option<FindingsStatus>;

    /// The latest runs, the newest first.
    fn history_mut(&mut self) -> &mut Vec<HistoryEntry>;

    /// What is to be done, and where the whole plan is kept.
    fn plan_mut(&mut self) -> &mut Option<PlanStatus>;

    /// Where the name of the Secret with all that undoing would do stands; none before that is known.
    fn rollback_artefact_mut(&mut self) -> Option<&mut Option<LocalRef>>;
}
