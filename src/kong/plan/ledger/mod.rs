//! What a migration has written, by target entity: what updates, deletes and rollback may touch.
//!
//! It is written ahead: before the first write of a run it names all that the run intends ([`Ledger::intend`]), after the run what
//! became of it: by the answers, where the run ended early ([`Ledger::confirm`]), else from a new reading ([`Ledger::settle`]). A process
//! that dies between two writes loses nothing: what it intended is kept as a fingerprint, and an entity that is found as it was intended
//! is ours. One that is found with another content is somebody else's ([`Standing`]).

mod claim;
mod confirm;
pub mod format;
mod intended;
mod runs;
mod standing;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use claim::ClaimRefusal;
pub use confirm::{Receipt, Receipts};
pub use intended::Intended;
pub use standing::Standing;

use super::compare::project;
use super::digest::digest_body;
use crate::kong::model::EntityKind;
use crate::kong::model::entity_kinds::named;
use crate::migration::subject::EntityKey;

/// Half a SHA-256 over the canonical form of a body: tells whether an entity is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentFingerprint([u8; 16]);

impl ContentFingerprint {
    /// Of all fields that are compared.
    #[must_use]
    pub fn of(kind: &EntityKind, body: &Map<String, Value>) -> Self {
        Self(digest_body(kind, body).half())
    }
}

impl fmt::Display for ContentFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How the target's entity looked when it was last known to be as this migration left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Everything that the target holds of it.
    pub whole: ContentFingerprint,
    /// What the source speaks of, which outlives fields that a new version of Konnect adds.
    pub spoken: ContentFingerprint,
}

impl Seen {
    /// Of an entity of the target, beside the body that was or will be written.
    #[must_use]
    pub fn of(kind: &EntityKind, desired: &Map<String, Value>, actual: &Map<String, Value>) -> Self {
        Self {
            whole: ContentFingerprint::of(kind, actual),
            spoken: ContentFingerprint::of(kind, &project(kind, desired, actual)),
        }
    }
}

/// How an entity came to be the migration's.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// It was not there.
    Created,
    /// It was there with another content.
    Overwritten {
        /// That content, as the target returned it. Holds secrets.
        before: Box<Map<String, Value>>,
        /// True when it had been adopted before it was overwritten.
        adopted: bool,
    },
    /// It was there and equal.
    Adopted,
}

/// What a run is about to do, or did before it was interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pending {
    /// Nothing.
    #[default]
    Nothing,
    /// Write it.
    Write,
    /// Delete it.
    Delete,
}

/// One entity of the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Id in the source, where it is another.
    pub source: Option<Box<str>>,
    /// How it came to be the migration's.
    pub origin: Origin,
    /// As this migration was last known to have left it, or found it and adopted it. None before that, and after a delete.
    pub seen: Option<Seen>,
    /// Intended, and not known to be done.
    pub pending: Pending,
    /// The body that is written, until it was read. None in what a former version intended.
    pub intended: Option<Intended>,
    /// What the target held when the run that is not finished began to change the entity.
    pub begun: Option<ContentFingerprint>,
    /// What somebody else had made of it when the source's content was put back the last time. Holds secrets.
    pub corrected: Option<Box<Map<String, Value>>>,
    /// What the target held when this migration deleted it, or is about to. Holds secrets.
    pub deleted: Option<Box<Map<String, Value>>>,
    /// Unix seconds of the last change of this entry.
    pub at: i64,
}

impl Entry {
    /// What the entity was before this migration touched it; none when it did not exist, or was left as it was. Holds secrets.
    #[must_use]
    pub fn before(&self) -> Option<&Map<String, Value>> {
        match &self.origin {
            Origin::Overwritten { before, .. } => Some(before),
            Origin::Created | Origin::Adopted => None,
        }
    }

    /// True when the entity was there as this migration left it, and nothing is intended: if it is gone, somebody else removed it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.pending == Pending::Nothing && self.seen.is_some()
    }

    /// True when this migration has deleted the entity: whatever stands in its place now is somebody else's.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted.is_some() && self.pending == Pending::Nothing
    }

    /// True when a delete is intended, or was done by a run that is not finished.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.deleted.is_some() && (self.pending == Pending::Delete || self.begun.is_some())
    }

    /// What the target held when the run that is not finished began to change the entity.
    #[must_use]
    pub fn begun(&self) -> Option<ContentFingerprint> {
        // A former version kept it in place of what it had left.
        let former = self
            .seen
            .filter(|_| self.pending == Pending::Write && self.intended.is_none());
        self.begun.or(former.map(|seen| seen.whole))
    }
}

/// All entries, by kind and id in the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    kinds: BTreeMap<&'static str, BTreeMap<Box<str>, Entry>>,
}

impl Ledger {
    /// Entities of which the last content is kept after they were deleted; the oldest ones fall out.
    pub const MOST_DELETED: usize = 1_000;

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.values().map(BTreeMap::len).sum()
    }

    /// True when nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.values().all(BTreeMap::is_empty)
    }

    /// The entry of an entity.
    #[must_use]
    pub fn get(&self, kind: &str, id: &str) -> Option<&Entry> {
        self.kinds.get(kind)?.get(id)
    }

    /// All entries by kind and id.
    pub fn iter(&self) -> impl Iterator<Item = (&'static EntityKind, &str, &Entry)> {
        self.kinds.iter().flat_map(|(kind, entries)| {
            let kind = named(kind);
            let entry = move |(id, entry)| Some((kind?, <Box<str> as AsRef<str>>::as_ref(id), entry));
            entries.iter().filter_map(entry)
        })
    }

    /// Takes an entry out, once what it stood for is undone.
    pub fn forget(&mut self, key: &EntityKey) {
        if let Some(entries) = self.kinds.get_mut(key.kind.as_ref()) {
            entries.remove(key.id.as_ref());
        }
    }

    fn insert(&mut self, kind: &'static EntityKind, id: &str, entry: Entry) {
        self.kinds.entry(kind.name).or_default().insert(id.into(), entry);
    }

    fn get_mut(&mut self, kind: &str, id: &str) -> Option<&mut Entry> {
        self.kinds.get_mut(kind)?.get_mut(id)
    }
}

/// Unix seconds, the precision of an entry.
fn seconds(now: Timestamp) -> i64 {
    now.as_second()
}

#[cfg(test)]
mod ownership;
#[cfg(test)]
mod tests;
