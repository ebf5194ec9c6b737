//! One run of a migration.

use crate::api::workspace_migration::WorkspaceMigration;
use crate::controllers::migration::interrupts::Interrupts;
use crate::kong::engine::{Applied, Migration, Observed};
use crate::kong::plan::Planned;

/// What a run works on.
pub(super) struct MigrationRun<'a> {
    pub object: &'a WorkspaceMigration,
    pub migration: &'a Migration,
    pub observed: &'a Observed,
    pub planned: &'a Planned,
    pub interrupts: &'a Interrupts,
}

impl MigrationRun<'_> {
    /// Something ended it before its plan was done.
    pub fn is_cut_short(&self, applied: &Applied) -> bool {
        applied.interrupted.is_some() || self.interrupts.ended().is_some()
    }
}
