//! A `WorkspaceMigration` as one of the kinds of migrations.

use super::{WorkspaceMigration, WorkspaceMigrationStatus};
use crate::api::migration::{
    Approval, HistoryEntry, MigrationKind, MigrationStatus, Mode, Phase, PlanStatus, ProgressStatus,
    RunLimits,
};
use crate::api::refs::LocalRef;

impl MigrationKind for WorkspaceMigration {
    const KUBECTL: &'static str = "workspacemigration";

    fn mode(&self) -> Mode {
        self.spec.mode
    }

    fn approval(&self) -> Option<&Approval> {
        self.spec.approval.as_ref()
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn limits(&self) -> RunLimits {
        let throttle = self.spec.throttle.as_ref();
        RunLimits {
            max_in_flight: self.spec.max_in_flight(),
            requests_per_second: throttle.map_or(0, |throttle| throttle.requests_per_second),
        }
    }

    fn ends_with(&self, now: &Self) -> bool {
        let mut as_begun = now.spec.clone();
        as_begun.throttle.clone_from(&self.spec.throttle);
        as_begun != self.spec
    }
}

impl MigrationStatus for WorkspaceMigrationStatus {
    fn phase_mut(&mut self) -> &mut Option<Phase> {
        &mut self.phase
    }

    fn progress_mut(&mut self) -> &mut Option<ProgressStatus> {
        &mut self.progress
    }

    fn history_mut(&mut self) -> &mut Vec<HistoryEntry> {
        &mut self.history
    }

    fn plan_mut(&mut self) -> &mut Option<PlanStatus> {
        &mut self.plan
    }

    fn rollback_artefact_mut(&mut self) -> Option<&mut Option<LocalRef>> {
        Some(&mut self.rollback.as_mut()?.artefact_ref)
    }
}
