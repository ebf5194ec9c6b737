//! One run of a migration.

use crate::api::workspace_migration::WorkspaceMigration;
use crate::controllers::migration::interrupts::Interrupts;
use crate::kong::engine::{Applied, Migration, Observed};
use crate::kong::plan::Planned;
use crate::kong::plan::document::PlanEnds;

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

    /// What its plan is about.
    pub fn ends(&self) -> PlanEnds {
        PlanEnds {
            workspace: self.migration.workspace.clone(),
            source_version: self.observed.source.version_text().unwrap_or_default(),
            control_plane: self.migration.control_plane.clone(),
            control_plane_name: None,
            control_plane_ref: Some(self.object.spec.target.control_plane_ref.name.clone()),
        }
    }
}
