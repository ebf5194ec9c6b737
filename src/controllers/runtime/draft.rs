//! The status of one object while it is being reconciled.

use kube::{Api, core::object::HasStatus};

use crate::{
    api::conditions::reason,
    clock::Clock,
    k8s::{
        conditions::{ConditionSet, ConditionStatus},
        events::Note,
        lease::Leadership,
        status::{ObjectStatus, ReconciledObject, StatusWriter},
    },
};

/// Status, conditions and events of one reconcile. Starts as a copy of what the object carries; the runner adds the
/// summary conditions and writes it at the end, on success and on failure, so what was learnt before a failure is kept.
#[derive(Debug)]
pub struct Draft<K: ReconciledObject> {
    /// The status. Its conditions are ignored: change [`Draft::conditions`].
    pub status: <K as HasStatus>::Status,
    /// The conditions. `Ready`, `Reconciling` and `Stalled` belong to the runner.
    pub conditions: ConditionSet,
    notes: Vec<Note>,
    writer: StatusWriter<K>,
    leadership: Leadership,
}

impl<K: ReconciledObject> Draft<K> {
    pub(super) fn new(
        api: Api<K>,
        manager: String,
        object: &K,
        leadership: Leadership,
        clock: &dyn Clock,
    ) -> Self {
        let status = object
            .status()
            .cloned()
            .unwrap_or_else(<K as HasStatus>::Status::at_first);
        let generation = object.meta().generation.unwrap_or_default();
        let observed = object
            .status()
            .and_then(|status| serde_json::to_value(status).ok());
        Self {
            conditions: ConditionSet::new(status.conditions(), generation, clock.now()),
            status,
            notes: Vec::new(),
            writer: StatusWriter::new(api, manager, object, observed),
            leadership,
        }
    }

    /// Adds an event that is published when the reconcile ends. For what a condition does not show, such as
    /// "created" or "gone"; the runner itself tells when `Ready` changes.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Writes now that work is under way, with everything in the draft. For work that takes more than a moment.
    pub async fn publish_progress(&mut self, message: impl Into<String>) -> Result<(), kube::Error> {
        self.conditions.mark_reconciling(
            ConditionStatus::Unknown,
            reason::PROGRESSING,
            reason::PROGRESSING,
            message,
        );
        self.publish().await
    }

    /// Writes the draft if it differs from what the object carries, and if this replica leads.
    pub(super) async fn publish(&mut self) -> Result<(), kube::Error> {
        if !self.leadership.is_held() {
            return Ok(());
        }
        self.status.set_conditions(self.conditions.to_vec());
        self.status.set_observed_generation(self.conditions.generation());
        self.writer.apply(&self.status).await.map(|_| ())
    }

    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
