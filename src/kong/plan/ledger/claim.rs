//! A person says that this migration wrote an entity of which nothing tells it.

use jiff::Timestamp;

use super::{ContentFingerprint, Ledger, Pending, Seen, Standing, seconds};
use crate::kong::model::Snapshot;
use crate::migration::subject::EntityKey;

/// Why an entity cannot be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// The ledger has no entry of it.
    #[error(
        "this migration never meant to write it, by its ledger; spec.conflictPolicy decides what happens to it"
    )]
    NotIntended,
    /// The target does not have it.
    #[error("the control plane does not have it")]
    NotThere,
    /// It is known to be somebody else's.
    #[error(
        "this migration meant to write another content there, so what the control plane has is somebody else's; spec.conflictPolicy decides what happens to it"
    )]
    Foreign,
}

impl Ledger {
    /// Takes the word of a person that this migration wrote what the target holds of an entity. Only where the ledger has an intention
    /// without a fingerprint: a claim fills a gap in what is known, and takes nothing from anybody. True when the ledger changed.
    ///
    /// # Errors
    /// When there is no such gap.
    pub fn claim(
        &mut self,
        key: &EntityKey,
        target: &Snapshot,
        now: Timestamp,
    ) -> Result<bool, ClaimRefusal> {
        let entry = self.get_mut(&key.kind, &key.id);
        let entry = entry.ok_or(ClaimRefusal::NotIntended)?;
        let actual = target.get(key).ok_or(ClaimRefusal::NotThere)?;
        match entry.standing(&actual) {
            Standing::Ours | Standing::Changed => return Ok(false),
            Standing::Foreign => return Err(ClaimRefusal::Foreign),
            Standing::Unknown => {}
        }
        let print = ContentFingerprint::of(actual.kind, &actual.body);
        entry.seen = Some(Seen {
            whole: print,
            spoken: print,
        });
        (entry.pending, entry.begun, entry.at) = (Pending::Nothing, None, seconds(now));
        Ok(true)
    }
}
