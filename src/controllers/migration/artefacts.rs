//! Documents about a migration that are kept in Secrets, for those who want more than a status can hold.

use std::io;

use kube::core::object::HasStatus;
use kube::{Client, ResourceExt};
use serde::Serialize;

use crate::api::events;
use crate::api::migration::{MigrationKind, MigrationStatus};
use crate::api::refs::LocalRef;
use crate::controllers::runtime::draft::Draft;
use crate::k8s::artefacts::{self, ArtefactError};
use crate::k8s::events::Note;
use crate::k8s::lead::NotLeading;
use crate::k8s::status::ReconciledObject;
use crate::migration::report::PlanReport;
use crate::migration::rollback::RollbackReport;

/// A document that status names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeptDocument {
    /// The whole plan.
    Plan,
    /// What undoing would do, step by step.
    Rollback,
}

impl KeptDocument {
    /// The part of the Secret's name that says what it is.
    const fn purpose(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Rollback => "rollback",
        }
    }

    /// Reason and beginning of what is told when it cannot be stored.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Plan => (events::PLAN_NOT_STORED, "The plan is"),
            Self::Rollback => (events::ROLLBACK_NOT_STORED, "The steps of a rollback are"),
        }
    }

    /// Where status names it; none while status tells of no such thing.
    fn named_in<S: MigrationStatus>(self, status: &mut S) -> Option<&mut Option<LocalRef>> {
        match self {
            Self::Plan => status.plan_mut().as_mut().map(|plan| &mut plan.artefact_ref),
            Self::Rollback => status.rollback_artefact_mut(),
        }
    }
}

/// Keeps the plan that status tells of; when all of it is too large, the plan without the bodies.
pub async fn keep_plan<K: MigrationKind + ReconciledObject, E: Serialize>(
    client: &Client,
    object: &K,
    report: impl FnOnce() -> PlanReport<E>,
    draft: &mut Draft<<K as HasStatus>::Status>,
) {
    let document = KeptDocument::Plan;
    let store = async {
        let report = report();
        match store(client, object, document, &report).await {
            Err(ArtefactError::TooLarge { .. }) => {
                let plan_alone = PlanReport {
                    entities: Vec::new(),
                    ..report
                };
                store(client, object, document, &plan_alone).await
            }
            other => other,
        }
    };
    keep(object, document, store, draft).await;
}

/// Keeps the rollback that status tells of.
pub async fn keep_rollback<K: MigrationKind + ReconciledObject, E: Serialize>(
    client: &Client,
    object: &K,
    report: &RollbackReport<E>,
    draft: &mut Draft<<K as HasStatus>::Status>,
) {
    let document = KeptDocument::Rollback;
    keep(object, document, store(client, object, document, report), draft).await;
}

/// Stores a document, as small as JSON is, and gives the name of its Secret.
async fn store<K: ReconciledObject>(
    client: &Client,
    object: &K,
    document: KeptDocument,
    content: &impl Serialize,
) -> Result<String, ArtefactError> {
    let bytes = serde_json::to_vec(content).map_err(io::Error::from)?;
    artefacts::store(client, object, document.purpose(), &bytes).await
}

/// Stores the document of what status tells of, and names it there. `store` gives the name of its Secret, and is not begun for one that is
/// stored already. One that cannot be stored is told by an event and stops nothing: it can be made again at any time.
async fn keep<K: MigrationKind + ReconciledObject>(
    object: &K,
    document: KeptDocument,
    store: impl Future<Output = Result<String, ArtefactError>>,
    draft: &mut Draft<<K as HasStatus>::Status>,
) {
    if document
        .named_in(&mut draft.status)
        .is_none_or(|named| named.is_some())
    {
        return;
    }
    match store.await {
        Ok(name) => {
            if let Some(named) = document.named_in(&mut draft.status) {
                *named = Some(LocalRef { name });
            }
        }
        // The replica that leads stores it.
        Err(error) if NotLeading::behind(&error).is_some() => {}
        Err(error) => {
            let purpose = document.purpose();
            tracing::warn!(%error, migration = object.name_any(), "the {purpose} is not stored");
            let (reason, what) = document.words();
            let message = format!("{what} not stored, and tried again with the next pass: {error}");
            draft.note(Note::warning(reason, "Plan", message));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationStatus};

    async fn kept(
        status: serde_json::Value,
        answer: Result<&str, ArtefactError>,
    ) -> Draft<WorkspaceMigrationStatus> {
        let object: WorkspaceMigration = serde_json::from_value(json!({
            "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration", "metadata": {"name": "x"},
            "spec": {"source": {"adminAPI": {"url": "https://gateway"}}, "target": {"controlPlaneRef": {"name": "x"}}},
        }))
        .unwrap();
        let status: WorkspaceMigrationStatus = serde_json::from_value(status).unwrap();
        let mut draft = Draft::new(Some(&status), 1, Timestamp::UNIX_EPOCH);
        let store = async { answer.map(str::to_owned) };
        keep(&object, KeptDocument::Rollback, store, &mut draft).await;
        draft
    }

    fn told(artefact: serde_json::Value) -> serde_json::Value {
        json!({"rollback": {"hash": "sha256:x", "summary": "2 to delete", "artefactRef": artefact}})
    }

    fn named(draft: &Draft<WorkspaceMigrationStatus>) -> Option<&str> {
        let named = draft.status.rollback.as_ref()?.artefact_ref.as_ref()?;
        Some(&named.name)
    }

    #[tokio::test]
    async fn a_document_is_stored_once_and_only_where_status_tells_of_it() {
        for (status, expected) in [
            (told(json!(null)), Some("new")),
            (told(json!({"name": "old"})), Some("old")),
            (json!({}), None),
        ] {
            let draft = kept(status, Ok("new")).await;
            assert_eq!(named(&draft), expected);
            assert!(draft.notes().is_empty());
        }
    }

    #[tokio::test]
    async fn a_document_that_is_not_stored_is_told_and_tried_again() {
        let error = ArtefactError::Missing { name: "x".into() };
        let words =
            format!("The steps of a rollback are not stored, and tried again with the next pass: {error}");
        let draft = kept(told(json!(null)), Err(error)).await;
        assert_eq!(named(&draft), None);
        assert_eq!(draft.notes(), [Note::warning("RollbackNotStored", "Plan", words)]);
    }
}
