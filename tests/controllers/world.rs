//! A small world per test: the shared API server, a namespace, a Konnect of its own, and an operator that sees both.
//!
//! Nothing is mocked: the API server is real, and Konnect is reached over HTTP.

use std::{fmt::Debug, time::Duration};

use anyhow::{Context as _, Result, bail};
use gateway_migration_operator::{
    config::Config,
    http::{EndpointMap, RetryPolicy, TransportOptions},
    operator::{OperatorError, operate},
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{core::v1::Secret, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    runtime::wait::await_condition,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulators::{
    konnect::{Konnect, Options, Servers, endpoints},
    server::{Behaviour, Running, ServeOptions},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cluster::{create_namespace, shared};
use crate::credentials::labels_of;

/// The token that the simulated Konnect accepts.
pub const TOKEN: &str = "kpat_simulated";
/// The host in all manifests; calls to it go to the simulator.
pub const SERVER: &str = "us.api.konghq.com";
/// Ends a test that hangs; nothing is measured with it.
pub const HANGS: Duration = Duration::from_secs(120);

/// One test's world.
pub struct World {
    /// How the cluster is reached.
    pub cluster: kube::Config,
    /// Administrator of the cluster.
    pub client: Client,
    /// The test's namespace.
    pub namespace: String,
    /// The simulated Konnect.
    pub konnect: Konnect,
    /// Its region, which has the control planes.
    pub server: Running,
    /// Its global host, which checks tokens.
    pub global: Running,
    operator: Option<Operator>,
}

struct Operator {
    stop: CancellationToken,
    task: JoinHandle<Result<(), OperatorError>>,
}

impl World {
    /// A world with a running operator.
    pub async fn start() -> Result<Self> {
        let mut world = Self::without_operator().await?;
        world.start_operator(|_| {});
        Ok(world)
    }

    /// A world whose operator is started later.
    pub async fn without_operator() -> Result<Self> {
        let cluster = shared().await?;
        let client = Client::try_from(cluster.clone())?;
        let namespace = create_namespace(&client, "test").await?;
        let konnect = Konnect::new(Options::default());
        let Servers { region, global } = Servers::start(&konnect, ServeOptions::default()).await?;
        Ok(Self {
            cluster,
            client,
            namespace,
            konnect,
            server: region,
            global,
            operator: None,
        })
    }

    /// Starts an operator that sees this namespace alone; `change` adapts its configuration.
    pub fn start_operator(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = self.config();
        change(&mut config);
        let stop = CancellationToken::new();
        let task = tokio::spawn(operate(self.cluster.clone(), config, stop.clone()));
        self.operator = Some(Operator { stop, task });
    }

    /// The configuration of an operator for this world.
    pub fn config(&self) -> Config {
        Config {
            transport: TransportOptions {
                endpoints: EndpointMap::parse(endpoints(&self.server, &self.global)).unwrap_or_default(),
                // The operator's own rhythm is what is tested here.
                retry: RetryPolicy::never(),
                ..TransportOptions::default()
            },
            namespace: Some(self.namespace.clone()),
            ..Config::default()
        }
    }

    /// Stops the operator gracefully.
    pub async fn stop_operator(&mut self) -> Result<()> {
        let operator = self.operator.take().context("no operator runs")?;
        operator.stop.cancel();
        tokio::time::timeout(HANGS, operator.task)
            .await
            .context("the operator does not end")???;
        Ok(())
    }

    /// Ends the operator in the middle of whatever it does, as a crash would.
    pub fn kill_operator(&mut self) {
        if let Some(operator) = self.operator.take() {
            operator.task.abort();
        }
    }

    /// The objects of a kind in this world.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies a manifest as a user would: server-side, into this namespace. Says why when it is refused.
    pub async fn apply<K>(&self, name: &str, rest: Value) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let mut manifest = rest;
        manifest["apiVersion"] = json!(K::api_version(&()));
        manifest["kind"] = json!(K::kind(&()));
        manifest["metadata"]["name"] = json!(name);
        let params = PatchParams::apply("user").force();
        Ok(self
            .api::<K>()
            .patch(name, &params, &Patch::Apply(&manifest))
            .await?)
    }

    /// Sets annotations; a null value takes one away.
    pub async fn annotate<K>(&self, name: &str, annotations: Value) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let patch = json!({"metadata": {"annotations": annotations}});
        self.api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }

    /// Creates or replaces a Secret with one text value, labelled for what its name says.
    pub async fn put_secret(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let metadata = json!({"labels": labels_of(name)});
        self.apply::<Secret>(name, json!({"metadata": metadata, "stringData": {key: value}}))
            .await?;
        Ok(())
    }

    /// Waits until the object is as wanted, and returns it. `what` is said when it never is.
    pub async fn until<K>(&self, name: &str, what: &str, wanted: impl Fn(&K) -> bool) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let api = self.api::<K>();
        let condition = |object: Option<&K>| object.is_some_and(&wanted);
        match tokio::time::timeout(HANGS, await_condition(api.clone(), name, condition)).await {
            Ok(found) => found?.with_context(|| format!("{name} vanished while waiting for: {what}")),
            Err(_) => bail!("{name} is not: {what}; it is {:#?}", api.get_opt(name).await?),
        }
    }

    /// Waits until an object is gone.
    pub async fn until_gone<K>(&self, name: &str) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let gone = |object: Option<&K>| object.is_none();
        tokio::time::timeout(HANGS, await_condition(self.api::<K>(), name, gone))
            .await
            .with_context(|| format!("{name} is never gone"))??;
        Ok(())
    }

    /// Asks to delete an object.
    pub async fn delete<K>(&self, name: &str) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        self.api::<K>().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until an event with this reason tells of the object, and returns its note.
    pub async fn event(&self, object: &str, reason: &str) -> Result<String> {
        let api = self.api::<Event>();
        let find = async {
            loop {
                for event in api.list(&ListParams::default()).await? {
                    let regarding = event
                        .regarding
                        .as_ref()
                        .and_then(|regarding| regarding.name.as_deref());
                    if regarding == Some(object) && event.reason.as_deref() == Some(reason) {
                        return Ok(event.note.unwrap_or_default());
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(HANGS, find)
            .await
            .with_context(|| format!("no event {reason} for {object}"))?
    }

    /// Waits until the Konnect server has been asked `count` times in all for a route (as in its statistics).
    pub async fn until_asked(&self, route: &str, count: u64) -> Result<()> {
        let asked = async {
            while self
                .server
                .stats()
                .by_route
                .get(route)
                .copied()
                .unwrap_or_default()
                < count
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(HANGS, asked).await.with_context(|| {
            format!(
                "{route} is not asked {count} times: {:?}",
                self.server.stats().by_route
            )
        })
    }

    /// Waits until Konnect has a control plane.
    pub async fn until_made(&self) -> Result<()> {
        let made = async {
            while self.konnect.control_planes().is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(HANGS, made)
            .await
            .context("no control plane is made")
    }

    /// Deletes a control plane in Konnect, as somebody else would.
    pub async fn delete_in_konnect(&self, id: &str) -> Result<()> {
        let url = format!("{}/v2/control-planes/{id}", self.server.url());
        reqwest::Client::new()
            .delete(url)
            .bearer_auth(TOKEN)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    /// Makes the Konnect server misbehave; see `simulators konnect --help` for the syntax.
    pub fn faults(&self, faults: &[&str]) -> Result<()> {
        self.server.set_behaviour(Behaviour::with_faults(faults)?);
        self.global.set_behaviour(Behaviour::with_faults(faults)?);
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_operator();
    }
}

/// Status, reason and message of one condition; empty when it is absent.
pub fn condition<'a>(conditions: &'a [Condition], type_: &str) -> (&'a str, &'a str, &'a str) {
    conditions
        .iter()
        .find(|condition| condition.type_ == type_)
        .map_or(("", "", ""), |found| {
            (&found.status, &found.reason, &found.message)
        })
}

/// Whether a condition has this status and reason.
pub fn is(conditions: &[Condition], type_: &str, status: &str, reason: &str) -> bool {
    let (found_status, found_reason, _) = condition(conditions, type_);
    (found_status, found_reason) == (status, reason)
}
