//! What deleting a migration does: nothing to the target, or, by `deletionPolicy: DeleteMigrated`, it deletes there what was created.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use serde_json::Value;

use super::controller::WorkspaceMigrationController;
use super::error::Error;
use super::interrupted::end_deletion;
use super::rollback::{FoundRollback, Reversal, refused};
use super::status::known_entities;
use crate::api::annotations::force_delete;
use crate::api::conditions::reason;
use crate::api::events;
use crate::api::names::finalizers;
use crate::api::workspace_migration::{DeletionPolicy, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::migration::interrupts::Interrupts;
use crate::controllers::migration::queue;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::pass::Pass;
use crate::controllers::runtime::words::{counted, first_few};
use crate::k8s::events::Note;
use crate::k8s::finalizer;
use crate::kong::engine::{self, Applied};
use crate::migration::admission_queue::Priority;
use crate::migration::finding::Finding;
use crate::migration::rollback::Extent;

/// What Konnect refused may be solved there, which makes no event in the cluster.
const RECHECK: Duration = Duration::from_secs(60);
/// `spec.deletionPolicy` that leaves the target alone, which is also the default.
const ORPHAN: &str = "Orphan";
/// Entities that an event names.
const NAMED: usize = 5;

impl WorkspaceMigrationController {
    /// Does what the deletion policy says, takes backup and ledger away, and lets the object go.
    pub(super) async fn release(
        &self,
        object: &WorkspaceMigration,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Outcome, Error> {
        if deletes(object) {
            match self.delete_migrated(object, pass).await {
                Ok(None) => {}
                Ok(Some(not_yet)) => return Ok(not_yet),
                Err(Error::Engine(engine::Error::ControlPlaneGone { id })) => {
                    let message = format!("The control plane {id} is gone, and with it what was migrated.");
                    pass.draft
                        .note(Note::normal(events::MIGRATED_GONE, "Delete", message));
                }
                Err(error) => return Err(Error::Deletion(Box::new(error))),
            }
        }
        self.unwatch(&ObjectRef::from_obj(object));
        self.discard_backup(object, &mut pass.draft).await?;
        let api = self
            .context
            .namespaced::<WorkspaceMigration>(&object.namespace().unwrap_or_default());
        // Read again, because this pass may have written its status.
        if let Some(object) = api.get_opt(&object.name_any()).await? {
            finalizer::remove(&api, &object, finalizers::WORKSPACE_MIGRATION).await?;
        }
        Ok(Outcome::Gone)
    }

    /// Deletes what the ledger says was created and nobody changed since. None when all of it is done.
    async fn delete_migrated(
        &self,
        object: &WorkspaceMigration,
        pass: &mut Pass<WorkspaceMigration>,
    ) -> Result<Option<Outcome>, Error> {
        let key = ObjectRef::from_obj(object);
        let _permit = match self
            .queue
            .admit(&key, Priority::Work, known_entities(&pass.draft))
        {
            Ok(permit) => permit,
            Err(position) => return Ok(Some(queue::wait(&position, Priority::Work, &mut pass.draft))),
        };
        let interrupts = Interrupts::watch(&self.context, object);
        let looked = interrupts.unless_ended(async {
            let reversal = Reversal {
                object,
                target: self
                    .fetch_reversed(object, &interrupts.throttle, &mut pass.draft)
                    .await?,
                extent: Extent::Created,
                stop: &interrupts.stop,
            };
            let found = self.look(&reversal, &mut pass.draft).await?;
            Ok::<_, Error>((reversal, found))
        });
        let (reversal, mut found) = match looked.await {
            Ok(looked) => looked?,
            Err(ended) => return Ok(Some(end_deletion(&ended))),
        };
        if !found.rollback.is_done() {
            pass.publish_progress("Deleting what this migration created.")
                .await?;
        }
        let applied = self.undo(&reversal, &mut found, pass).await?;
        if let Some(ended) = interrupts.ended() {
            return Ok(Some(end_deletion(&ended)));
        }
        let refused = refused(&applied, &found.rollback);
        if let Some(first) = refused.first() {
            let message = format!(
                "{} deleted. Konnect refused to delete {}: {}, {}. Solve it there; it is tried again within a minute. \
                 To let go and leave the rest in the control plane, set spec.deletionPolicy to Orphan, or annotate the object with gatewaymigration.dev/force-delete=true.",
                counted(applied.deleted, "entity is", "entities are"),
                refused.len(),
                first.subject,
                first.observed
            );
            let blocked = Outcome::blocked(reason::DELETION_BLOCKED, message);
            return Ok(Some(blocked.again_after(RECHECK)));
        }
        if pass.draft.status.started_at.is_some() {
            tell(&applied, &found, &mut pass.draft);
            // From here on the ledger may be gone, and a pass after a restart must not miss it.
            pass.draft.status.started_at = None;
            pass.publish_progress("What this migration created is deleted.")
                .await?;
        }
        Ok(None)
    }
}

/// Whether deletion has to do anything to the target.
fn deletes(object: &WorkspaceMigration) -> bool {
    let held = object
        .finalizers()
        .iter()
        .any(|name| name == finalizers::WORKSPACE_MIGRATION);
    held && object.spec.deletion_policy == DeletionPolicy::DeleteMigrated
        && !force_delete(object.annotations())
}

/// The same of a manifest that cannot be read: whether deletion certainly does nothing to the target.
pub(super) fn leaves_all(stored: &DynamicObject) -> bool {
    let policy = stored.data.get("spec").and_then(Value::as_object);
    let policy = policy.map(|spec| spec.get("deletionPolicy").unwrap_or(&Value::Null));
    let orphans = policy.is_some_and(|policy| policy.is_null() || policy == ORPHAN);
    orphans || force_delete(stored.annotations())
}

/// What was deleted and what stays, as an event.
fn tell(applied: &Applied, found: &FoundRollback, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let deleted = counted(applied.deleted, "entity is", "entities are");
    let mut message = format!("{deleted} deleted in the control plane.");
    let findings = &found.rollback.findings;
    for group in findings.chunk_by(|a, b| a.id == b.id) {
        message.push_str(&stays(group));
    }
    let note = if findings.is_empty() {
        Note::normal
    } else {
        Note::warning
    };
    draft.note(note(
        events::MIGRATED_DELETED.to_owned(),
        "Delete".to_owned(),
        message,
    ));
}

fn stays(group: &[Finding]) -> String {
    let subjects = group.iter().map(|finding| &finding.subject);
    let names = first_few(subjects, NAMED, ", ", ("other", "others"));
    let id = group.first().map_or("", |finding| finding.id.as_str());
    let stay = counted(group.len(), "stays", "stay");
    format!(" {stay} ({id}): {names}.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_let_go_only_where_the_target_is_certainly_left_alone() {
        for (object, leaves) in [
            (json!({"spec": {"mode": 7}}), true),
            (json!({"spec": {"mode": 7, "deletionPolicy": "Orphan"}}), true),
            (
                json!({"spec": {"mode": 7, "deletionPolicy": "DeleteMigrated"}}),
                false,
            ),
            (json!({"spec": {"deletionPolicy": "OfALaterVersion"}}), false),
            (json!({"spec": "none"}), false),
            (
                json!({"spec": "none", "metadata": {"annotations": {"gatewaymigration.dev/force-delete": "true"}}}),
                true,
            ),
        ] {
            let stored: DynamicObject = serde_json::from_value(object).unwrap();
            assert_eq!(leaves_all(&stored), leaves, "{:?}", stored.data);
        }
    }
}
