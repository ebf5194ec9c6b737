//! Keeps what undoing would do in Secrets, step by step, for those who want more than a status can hold.

use kube::ResourceExt;

use super::super::WorkspaceMigrationController;
use crate::api::events;
use crate::api::refs::LocalRef;
use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::k8s::artefacts::{self, ArtefactError};
use crate::k8s::events::Note;
use crate::kong::plan::rollback::report::RollbackEnds;
use crate::migration::render::rollback;
use crate::migration::rollback::RollbackReport;

/// What the stored document is.
const PURPOSE: &str = "rollback";

impl WorkspaceMigrationController {
    /// Stores the rollback that status tells of, and names it there. One that is stored already is not written again. One that cannot be
    /// stored is told by an event and stops nothing: it can be made again at any time.
    pub(in super::super) async fn keep_rollback(
        &self,
        object: &WorkspaceMigration,
        report: &RollbackReport<RollbackEnds>,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let told = draft.status.rollback.as_ref();
        let missing = told.is_some_and(|told| told.artefact_ref.is_none());
        if !missing {
            return;
        }
        let artefact_ref = match self.store_rollback(object, report).await {
            Ok(name) => Some(LocalRef { name }),
            Err(error) => {
                tracing::warn!(%error, migration = object.name_any(), "the rollback is not stored");
                let message = format!(
                    "The steps of a rollback are not stored, and tried again with the next pass: {error}"
                );
                draft.note(Note::warning(events::ROLLBACK_NOT_STORED, "Plan", message));
                None
            }
        };
        if let Some(told) = &mut draft.status.rollback {
            told.artefact_ref = artefact_ref;
        }
    }

    async fn store_rollback(
        &self,
        object: &WorkspaceMigration,
        report: &RollbackReport<RollbackEnds>,
    ) -> Result<String, ArtefactError> {
        let document = rollback::store(report).map_err(std::io::Error::from)?;
        artefacts::store(&self.context.client, object, PURPOSE, &document).await
    }
}
