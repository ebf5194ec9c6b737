//! Takes over what a person claims for a migration: the annotation `gatewaymigration.dev/claim`, which goes once it is heard.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::controller::WorkspaceMigrationController;
use super::error::Error;
use crate::api::annotations::CLAIM;
use crate::api::events;
use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::words::first_few;
use crate::k8s::events::Note;
use crate::kong::model::Snapshot;
use crate::kong::plan::Ledger;
use crate::migration::subject::EntityKey;

/// Entities that an event names.
const NAMED: usize = 5;

impl WorkspaceMigrationController {
    /// Records the claims in the ledger, tells what has become of them, and takes the annotation away. Heard twice, a claim says the same.
    pub(super) async fn take_claims(
        &self,
        (object, control_plane): (&WorkspaceMigration, &str),
        ledger: &mut Ledger,
        held: &Snapshot,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<(), Error> {
        let Some(claimed) = object.annotations().get(CLAIM) else {
            return Ok(());
        };
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for text in claimed.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let Some((kind, id)) = text.split_once('/') else {
                refused.push(format!("{text:?}: write a kind and an id, as services/ID"));
                continue;
            };
            let key = EntityKey::new(kind.to_owned(), id);
            match ledger.claim(&key, held, self.context.clock.now()) {
                Ok(true) => taken.push(key),
                Ok(false) => {}
                Err(refusal) => refused.push(format!("{text:?}: {refusal}")),
            }
        }
        if !taken.is_empty() {
            self.keep_ledger((object, control_plane), ledger, draft).await?;
            let names = first_few(taken.iter(), NAMED, ", ", ("other", "others"));
            let message = format!("Counts as written by this migration from now on: {names}.");
            draft.note(Note::normal(events::OWNERSHIP_CLAIMED, "Plan", message));
        }
        if !refused.is_empty() {
            let reasons = first_few(refused.iter(), NAMED, "; ", ("other", "others"));
            let message = format!("Not taken over by the annotation {CLAIM}: {reasons}.");
            draft.note(Note::warning(events::CLAIM_REFUSED, "Plan", message));
        }
        self.end_claim(object, claimed).await
    }

    /// Removes the annotation, unless it says something else by now.
    async fn end_claim(&self, object: &WorkspaceMigration, claimed: &str) -> Result<(), Error> {
        let namespace = object.namespace().unwrap_or_default();
        let api = self.context.namespaced::<WorkspaceMigration>(&namespace);
        let Some(now) = api.get_metadata_opt(&object.name_any()).await? else {
            return Ok(());
        };
        if now.annotations().get(CLAIM).is_none_or(|text| text != claimed) {
            return Ok(());
        }
        let patch = json!({"metadata": {
            "resourceVersion": now.resource_version(),
            "annotations": {CLAIM: null},
        }});
        match api
            .patch_metadata(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            // Somebody changed the object this moment: the next pass hears the claim again, which says the same.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(()),
            other => Ok(other.map(|_| ())?),
        }
    }
}
