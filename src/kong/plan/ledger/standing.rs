//! Whose an entity of the target is. What a plan, a status, a name or an id says proves nothing: ours is what this migration was seen to
//! write, or what is found exactly as it was about to write it. An intention alone takes nothing into possession.

use serde_json::{Map, Value};

use super::{ContentFingerprint, Entry, Ledger, Pending};
use crate::kong::model::Entity;
use crate::kong::plan::compare::project;

/// Whose an entity of the target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not in the ledger, or only intended and found with another content: the migration has not written this.
    Foreign,
    /// Intended by a former version, which did not keep what: nothing tells who wrote it. It counts as somebody else's.
    Unknown,
    /// Ours, and nobody else changed it.
    Ours,
    /// Ours, and somebody else changed it since.
    Changed,
}

impl Standing {
    /// True when the migration was seen to write the entity, whoever changed it since.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Ours | Self::Changed)
    }
}

impl Entry {
    /// Whose the entity is that the target has.
    #[must_use]
    pub fn standing(&self, actual: &Entity) -> Standing {
        self.standing_beside(actual, || None)
    }

    /// The same, where it is known what the source says: fields that a new version of Konnect adds are nobody's change.
    fn standing_beside(
        &self,
        actual: &Entity,
        spoken: impl FnOnce() -> Option<ContentFingerprint>,
    ) -> Standing {
        if self.is_deleted() {
            return Standing::Foreign;
        }
        let whole = ContentFingerprint::of(actual.kind, &actual.body);
        let is_held = || self.intended.as_ref().is_some_and(|body| body.is_held_by(actual));
        let is_as_left = self
            .seen
            .is_some_and(|seen| seen.whole == whole || Some(seen.spoken) == spoken());
        if is_as_left || is_held() {
            return Standing::Ours;
        }
        let is_as_found = || {
            let before = self.before();
            before.is_some_and(|before| ContentFingerprint::of(actual.kind, before) == whole)
        };
        match (self.pending, &self.intended, self.seen) {
            (Pending::Write, None, _) if !is_as_found() => Standing::Unknown,
            (_, _, Some(_)) => Standing::Changed,
            (_, _, None) => Standing::Foreign,
        }
    }
}

impl Ledger {
    /// Whose the target's entity is, given what the source wants it to be.
    #[must_use]
    pub fn standing(&self, actual: &Entity, desired: &Map<String, Value>) -> Standing {
        let spoken = || {
            let held = project(actual.kind, desired, &actual.body);
            Some(ContentFingerprint::of(actual.kind, &held))
        };
        let entry = self.get(actual.kind.name, &actual.id);
        entry.map_or(Standing::Foreign, |entry| entry.standing_beside(actual, spoken))
    }
}
