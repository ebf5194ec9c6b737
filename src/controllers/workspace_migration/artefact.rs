//! Plan and rollback as documents in Secrets.

use super::controller::WorkspaceMigrationController;
use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::migration::artefacts::{KeptDocument, keep};
use crate::controllers::runtime::draft::Draft;
use crate::k8s::artefacts::{self, ArtefactError};
use crate::kong::engine::{Migration, Observed};
use crate::kong::plan::Planned;
use crate::kong::plan::report::{PlanEnds, plan_report};
use crate::kong::plan::rollback::report::RollbackEnds;
use crate::migration::render::{json, rollback};
use crate::migration::report::{PlanReport, Secrets};
use crate::migration::rollback::RollbackReport;

impl WorkspaceMigrationController {
    /// Keeps the plan that status tells of; when all of it is too large, the plan without the bodies.
    pub(super) async fn keep_plan(
        &self,
        object: &WorkspaceMigration,
        (migration, observed, planned): (&Migration, &Observed, &Planned),
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let write = |report: &PlanReport<PlanEnds>| {
            let document = json::store(report).map_err(std::io::Error::from);
            async move { self.store(object, KeptDocument::Plan, &document?).await }
        };
        let store = async {
            let report = plan_report(planned, ends(object, migration, observed), Secrets::Masked);
            match write(&report).await {
                Err(ArtefactError::TooLarge { .. }) => {
                    let plan_alone = PlanReport {
                        entities: Vec::new(),
                        ..report
                    };
                    write(&plan_alone).await
                }
                other => other,
            }
        };
        keep(object, KeptDocument::Plan, store, draft).await;
    }

    /// Keeps the rollback that status tells of.
    pub(super) async fn keep_rollback(
        &self,
        object: &WorkspaceMigration,
        report: &RollbackReport<RollbackEnds>,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let store = async {
            let document = rollback::store(report).map_err(std::io::Error::from)?;
            self.store(object, KeptDocument::Rollback, &document).await
        };
        keep(object, KeptDocument::Rollback, store, draft).await;
    }

    async fn store(
        &self,
        object: &WorkspaceMigration,
        document: KeptDocument,
        bytes: &[u8],
    ) -> Result<String, ArtefactError> {
        artefacts::store(&self.context.client, object, document.purpose(), bytes).await
    }
}

fn ends(object: &WorkspaceMigration, migration: &Migration, observed: &Observed) -> PlanEnds {
    PlanEnds {
        workspace: migration.workspace.clone(),
        source_version: observed.source.version_text().unwrap_or_default(),
        control_plane: migration.control_plane.clone(),
        control_plane_name: None,
        control_plane_ref: Some(object.spec.target.control_plane_ref.name.clone()),
    }
}
