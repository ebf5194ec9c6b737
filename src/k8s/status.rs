//! Status by server-side apply: one field manager per controller, one patch per change, none when nothing changed.

use std::fmt::Debug;

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::object::HasStatus,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// What the runtime must reach inside a kind's status.
pub trait ObjectStatus: Clone + Default + Debug + Serialize + Send + Sync + 'static {
    /// The conditions as they are.
    fn conditions(&self) -> &[Condition];
    /// Replaces all conditions.
    fn set_conditions(&mut self, conditions: Vec<Condition>);
    /// Records the generation that this status speaks of. Kong's schemas have no such field: there, each condition
    /// carries the generation, and there is nothing to do.
    fn set_observed_generation(&mut self, _generation: i64) {}
    /// Records the generation that has come to an end, good or bad, none when work goes on: for kinds that remember it.
    fn set_settled_generation(&mut self, _generation: Option<i64>) {}
    /// The status of an object that nobody has looked at before.
    fn at_first() -> Self {
        Self::default()
    }
}

/// A namespaced kind that a controller can own. Implemented for all that qualify.
pub trait ReconciledObject:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status: ObjectStatus>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<K> ReconciledObject for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasStatus<Status: ObjectStatus>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// Writes the status of one object as one field manager.
#[derive(Clone, Debug)]
pub struct StatusWriter<K> {
    api: Api<K>,
    manager: String,
    name: String,
    uid: Option<String>,
    written: Option<Value>,
}

impl<K> StatusWriter<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    /// A writer for `object`, whose present status is `observed` (an equal one is not written again).
    pub fn new(api: Api<K>, manager: String, object: &K, observed: Option<Value>) -> Self {
        Self {
            api,
            manager,
            name: object.name_any(),
            uid: object.uid(),
            written: observed,
        }
    }

    /// Applies the status unless the object already carries it; says whether a patch was sent.
    ///
    /// The UID travels along, so a namesake that was created meanwhile refuses the patch with 409.
    pub async fn apply(&mut self, status: &impl Serialize) -> Result<bool, kube::Error> {
        let status = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
        if self.written.as_ref() == Some(&status) {
            return Ok(false);
        }
        let body = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": {"name": self.name, "uid": self.uid},
            "status": status,
        });
        let params = PatchParams::apply(&self.manager).force();
        self.api
            .patch_status(&self.name, &params, &Patch::Apply(&body))
            .await?;
        self.written = Some(status);
        Ok(true)
    }
}
