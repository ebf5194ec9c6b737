//! What a plan is made of. It stands below every check, so that each may look at all of it.

use super::catalogue::Catalogue;
use super::circumstances::Circumstances;
use super::ledger::Ledger;
use super::policy::Policy;
use crate::kong::model::{KongVersion, Snapshot};
use crate::migration::finding::Finding;

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
