//! Writes drafts into the status of their object: by server-side apply, one patch per change, none when nothing changed.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
    core::object::HasStatus,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::draft::Draft;
use crate::{
    api::conditions::reason,
    k8s::{conditions::ConditionStatus, fit::fit, status::ReconciledObject},
};

/// Writes the status of one object as one field manager. While another replica leads, the client refuses it.
#[derive(Debug)]
pub struct Publisher<K: ReconciledObject> {
    api: Api<K>,
    manager: String,
    meta: ObjectMeta,
    /// The status that the object carries.
    written: Option<Value>,
}

impl<K: ReconciledObject> Publisher<K> {
    pub(super) fn new(api: Api<K>, manager: String, object: &K) -> Self {
        let carried = object
            .status()
            .and_then(|status| serde_json::to_value(status).ok());
        Self {
            api,
            manager,
            meta: object.meta().clone(),
            written: carried,
        }
    }

    /// Writes the draft if it differs from what the object carries.
    ///
    /// # Errors
    /// When the API server refuses or fails, and while another replica leads.
    pub async fn publish(&mut self, draft: &Draft<<K as HasStatus>::Status>) -> Result<(), kube::Error> {
        let status = fit(serde_json::to_value(draft.to_status()).map_err(kube::Error::SerdeError)?);
        if self.written.as_ref() != Some(&status) {
            apply(&self.api, &self.manager, &self.meta, &status).await?;
            self.written = Some(status);
        }
        Ok(())
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

/// Applies a status. The UID travels along, so a namesake that was created meanwhile refuses it with 409.
pub(super) async fn apply<K>(
    api: &Api<K>,
    manager: &str,
    meta: &ObjectMeta,
    status: &impl Serialize,
) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": meta.name, "uid": meta.uid},
        "status": status,
    });
    let params = PatchParams::apply(manager).force();
    let name = meta.name.as_deref().unwrap_or_default();
    api.patch_status(name, &params, &Patch::Apply(&body))
        .await
        .map(drop)
}
