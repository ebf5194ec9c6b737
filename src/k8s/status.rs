//! What the runtime must reach of the kinds that controllers own.

use std::fmt::Debug;

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{Resource, core::object::HasStatus};
use serde::{Serialize, de::DeserializeOwned};

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
    /// The spec has changed: what the former one waited for is not waited for any more.
    fn begin_generation(&mut self) {}
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
