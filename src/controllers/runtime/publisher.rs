//! Writes drafts into the status of their object.

use kube::{Api, core::object::HasStatus};

use super::draft::Draft;
use crate::{
    api::conditions::reason,
    k8s::{
        conditions::ConditionStatus,
        lease::Leadership,
        status::{ReconciledObject, StatusWriter},
    },
};

/// Writes the status of one object for as long as this replica leads.
#[derive(Debug)]
pub struct Publisher<K: ReconciledObject> {
    writer: StatusWriter<K>,
    leadership: Leadership,
}

impl<K: ReconciledObject> Publisher<K> {
    pub(super) fn new(api: Api<K>, manager: String, object: &K, leadership: Leadership) -> Self {
        let carried = object
            .status()
            .and_then(|status| serde_json::to_value(status).ok());
        Self {
            writer: StatusWriter::new(api, manager, object, carried),
            leadership,
        }
    }

    /// Writes the draft if it differs from what the object carries, and if this replica leads.
    ///
    /// # Errors
    /// When the API server refuses or fails.
    pub async fn publish(&mut self, draft: &Draft<<K as HasStatus>::Status>) -> Result<(), kube::Error> {
        if !self.leadership.is_held() {
            return Ok(());
        }
        self.writer.apply(&draft.to_status()).await.map(|_| ())
    }

    /// Writes now that work is under way, with everything in the draft. For work that takes more than a moment.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub async fn publish_progress(
        &mut self,
        draft: &mut Draft<<K as HasStatus>::Status>,
        message: impl Into<String>,
    ) -> Result<(), kube::Error> {
        draft.conditions.mark_reconciling(
            ConditionStatus::Unknown,
            reason::PROGRESSING,
            reason::PROGRESSING,
            message,
        );
        self.publish(draft).await
    }
}
