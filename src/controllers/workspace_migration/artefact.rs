//! Keeps the whole plan in Secrets, for those who want more than a status can hold.

use kube::ResourceExt;

use super::WorkspaceMigrationController;
use crate::api::events;
use crate::api::refs::LocalRef;
use crate::api::workspace_migration::{PlanStatus, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::k8s::artefacts::{self, ArtefactError};
use crate::k8s::events::Note;
use crate::kong::engine::{Migration, Observed};
use crate::kong::plan::Planned;
use crate::kong::plan::report::{PlanEnds, plan_report};
use crate::migration::render::json;
use crate::migration::report::{PlanReport, Secrets};

/// What the stored document is.
const PURPOSE: &str = "plan";

impl WorkspaceMigrationController {
    /// Stores the plan and names it in status. A plan that is stored already is not written again. A plan that cannot be
    /// stored is told by an event and stops nothing: it can be made again at any time.
    pub(super) async fn keep_plan(
        &self,
        object: &WorkspaceMigration,
        read: (&Migration, &Observed, &Planned),
        before: Option<PlanStatus>,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let (migration, observed, planned) = read;
        let stored = before
            .filter(|before| before.hash == planned.plan.hash)
            .and_then(|before| before.artefact_ref);
        let artefact_ref = match stored {
            Some(stored) => Some(stored),
            None => {
                let report = plan_report(planned, ends(object, migration, observed), Secrets::Masked);
                match self.store(object, report).await {
                    Ok(name) => Some(LocalRef { name }),
                    Err(error) => {
                        tracing::warn!(%error, migration = object.name_any(), "the plan is not stored");
                        let message =
                            format!("The plan is not stored, and tried again with the next pass: {error}");
                        draft.note(Note::warning(events::PLAN_NOT_STORED, "Plan", message));
                        None
                    }
                }
            }
        };
        if let Some(plan) = &mut draft.status.plan {
            plan.artefact_ref = artefact_ref;
        }
    }

    /// Stores all of it; when that is too large, the plan without the bodies.
    async fn store(
        &self,
        object: &WorkspaceMigration,
        report: PlanReport<PlanEnds>,
    ) -> Result<String, ArtefactError> {
        let write = |report: &PlanReport<PlanEnds>| {
            let document = json::store(report).map_err(std::io::Error::from);
            let client = &self.context.client;
            async move { artefacts::store(client, object, PURPOSE, &document?).await }
        };
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
