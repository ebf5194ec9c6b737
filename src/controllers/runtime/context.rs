//! What all controllers share.

use std::{fmt, sync::Arc};

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::Config,
    http::{Budgets, Transport},
    k8s::{events::Events, lease::Leadership},
    telemetry::{metrics::Metrics, readiness::Readiness},
};

/// Shared by all controllers of one process.
#[derive(Clone)]
pub struct Context {
    /// The Kubernetes client. It changes nothing while this replica does not lead.
    pub client: Client,
    /// Flags.
    pub config: Arc<Config>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Metric families.
    pub metrics: Metrics,
    /// Events.
    pub events: Events,
    /// Whether this replica may write. Nobody has to ask before a write: the client does, and the transport.
    pub leadership: Leadership,
    /// The way to all remote servers.
    pub transport: Transport,
    /// One budget per Konnect server and token, shared by all controllers.
    pub budgets: Arc<Budgets>,
    /// What `/readyz` waits for.
    pub readiness: Readiness,
    /// Cancelled when the operator is asked to stop or has lost the lead: end between two steps, never inside one.
    pub stop: CancellationToken,
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// The objects of a kind that this operator looks at: one namespace, or all.
    pub fn watched<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.config.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// The objects of a kind in one namespace.
    pub fn namespaced<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }
}
