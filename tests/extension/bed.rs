//! One namespace of the shared cluster, one Konnect, and operators that come and go.

use std::{
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use gateway_migration_operator::{
    api::{
        konnect_api_auth_configuration::KonnectAPIAuthConfiguration, konnect_extension::KonnectExtension,
        konnect_gateway_control_plane::KonnectGatewayControlPlane,
    },
    clock::SystemClock,
    config::Config,
    controllers::{self, konnect_extension, runtime::context::Context},
    http::{Budget, Budgets, EndpointMap, RetryPolicy, Transport, TransportOptions},
    k8s::{events::Events, lease::Leadership},
    kong::konnect::{self, ServerUrl},
    telemetry::{metrics::Metrics, readiness::Readiness},
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use simulators::{
    konnect::{Konnect, Options, Servers, endpoints},
    server::{Behaviour, Running, ServeOptions},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::{create_namespace, shared},
    credentials::labels_of,
    wait::PATIENCE,
};

/// The extension of most tests.
pub const EXTENSION: &str = "edge";
/// What the operator makes for it.
pub const MADE: &str = "konnect-extension-edge";
/// A token that the simulator takes.
pub const TOKEN: &str = "kpat_simulated";

/// What one test has to itself.
pub struct Bed {
    pub client: Client,
    pub namespace: String,
    pub konnect: Konnect,
    /// Its region, which has the control planes.
    pub server: Running,
    /// Its global host, which checks tokens.
    global: Running,
    /// Id of the control plane in Konnect.
    pub control_plane: String,
}

impl Bed {
    /// A namespace, and a Konnect with one control plane.
    pub async fn new() -> anyhow::Result<Self> {
        let client = Client::try_from(shared().await?)?;
        let namespace = create_namespace(&client, "extension").await?;
        let konnect = Konnect::new(Options::default());
        let made = konnect.seed_control_plane(&json!({"name": "inventory"}))?;
        let Servers { region, global } = Servers::start(&konnect, ServeOptions::default()).await?;
        let control_plane = made["id"]
            .as_str()
            .context("a control plane without id")?
            .to_owned();
        Ok(Self {
            client,
            namespace,
            konnect,
            server: region,
            global,
            control_plane,
        })
    }

    /// A namespace with everything an extension needs, and the extension.
    pub async fn with_extension(spec: Value) -> anyhow::Result<Self> {
        let bed = Self::new().await?;
        bed.create_auth().await?;
        bed.create_control_plane().await?;
        bed.create_extension(EXTENSION, spec).await?;
        Ok(bed)
    }

    /// The token Secret, and a configuration whose token was accepted.
    pub async fn create_auth(&self) -> anyhow::Result<()> {
        self.create_secret("token", json!({"token": TOKEN})).await?;
        self.create_unchecked_auth().await?;
        self.set_auth_valid("True").await
    }

    /// A configuration that refers to the Secret `token`.
    pub async fn create_unchecked_auth(&self) -> anyhow::Result<()> {
        let spec =
            json!({"type": "secretRef", "secretRef": {"name": "token"}, "serverURL": "us.api.konghq.com"});
        self.create::<KonnectAPIAuthConfiguration>("konnect", spec).await
    }

    /// The verdict on the token.
    pub async fn set_auth_valid(&self, status: &str) -> anyhow::Result<()> {
        let status = json!({"conditions": [condition("APIAuthValid", status)], "organizationID": "org"});
        self.write_status::<KonnectAPIAuthConfiguration>("konnect", status)
            .await
    }

    /// A control plane that is programmed.
    pub async fn create_control_plane(&self) -> anyhow::Result<()> {
        self.create_pending_control_plane().await?;
        self.set_programmed("True", "CLUSTER_TYPE_CONTROL_PLANE").await
    }

    /// A control plane that no controller has looked at.
    pub async fn create_pending_control_plane(&self) -> anyhow::Result<()> {
        self.create_named_control_plane("inventory").await
    }

    /// The control plane, with this name in Konnect.
    pub async fn create_named_control_plane(&self, name: &str) -> anyhow::Result<()> {
        let spec =
            json!({"createControlPlaneRequest": {"name": name}, "konnect": {"authRef": {"name": "konnect"}}});
        self.create::<KonnectGatewayControlPlane>("inventory", spec).await
    }

    /// What the control plane says about itself.
    pub async fn set_programmed(&self, programmed: &str, cluster_type: &str) -> anyhow::Result<()> {
        let endpoints = json!({"controlPlane": "https://abc.us.cp.konghq.com", "telemetry": "https://abc.us.tp.konghq.com"});
        let status = json!({
            "id": self.control_plane, "clusterType": cluster_type, "konnectEndpoints": endpoints,
            "conditions": [condition("Programmed", programmed)],
        });
        self.write_status::<KonnectGatewayControlPlane>("inventory", status)
            .await
    }

    /// An extension of the control plane `inventory`; `spec` is merged over that.
    pub async fn create_extension(&self, name: &str, spec: Value) -> anyhow::Result<()> {
        let mut whole = json!({"konnect": {"controlPlane": {"ref": {
            "type": "konnectNamespacedRef", "konnectNamespacedRef": {"name": "inventory"}}}}});
        merge(&mut whole, spec);
        self.create::<KonnectExtension>(name, whole).await
    }

    pub async fn create_secret(&self, name: &str, data: Value) -> anyhow::Result<()> {
        let metadata = json!({"name": name, "labels": labels_of(name)});
        let secret = serde_json::from_value(json!({"metadata": metadata, "stringData": data}))?;
        self.api::<Secret>()
            .create(&PostParams::default(), &secret)
            .await?;
        Ok(())
    }

    async fn create<K>(&self, name: &str, spec: Value) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
    {
        let object = serde_json::from_value(json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": {"name": name}, "spec": spec,
        }))?;
        self.api::<K>().create(&PostParams::default(), &object).await?;
        Ok(())
    }

    async fn write_status<K>(&self, name: &str, status: Value) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(json!({"status": status}));
        self.api::<K>()
            .patch_status(name, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn patch<K>(&self, name: &str, patch: Value) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }

    pub async fn delete<K>(&self, name: &str) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.api::<K>().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    pub async fn extension(&self) -> anyhow::Result<KonnectExtension> {
        Ok(self.api().get(EXTENSION).await?)
    }

    pub async fn secret(&self) -> anyhow::Result<Secret> {
        Ok(self.api().get(MADE).await?)
    }

    pub async fn config_map(&self) -> anyhow::Result<ConfigMap> {
        Ok(self.api().get(MADE).await?)
    }

    /// One entry of the Secret that the operator made.
    pub async fn secret_text(&self, key: &str) -> anyhow::Result<String> {
        let data = self.secret().await?.data.unwrap_or_default();
        Ok(String::from_utf8(
            data.get(key).with_context(|| format!("no {key}"))?.0.clone(),
        )?)
    }

    /// Pins a certificate as a user does in Konnect.
    pub async fn pin_by_hand(&self, pem: &str) -> anyhow::Result<()> {
        let transport = Transport::new(self.transport_options()?)?;
        let server_url = ServerUrl::parse("us.api.konghq.com")?;
        let client = konnect::Client::new(
            &transport,
            &server_url,
            &TOKEN.to_owned().into(),
            Arc::new(Budget::new(1)),
        )?;
        client
            .create_data_plane_certificate(&self.control_plane, pem, None)
            .await?;
        Ok(())
    }

    fn transport_options(&self) -> anyhow::Result<TransportOptions> {
        Ok(TransportOptions {
            endpoints: EndpointMap::parse(endpoints(&self.server, &self.global))?,
            retry: RetryPolicy::never(),
            ..TransportOptions::default()
        })
    }

    /// PEM, without white space at its ends, and title of every pin.
    pub fn pins(&self) -> Vec<(String, Option<String>)> {
        let text = |value: &Value| value.as_str().map(|text| text.trim().to_owned());
        let pins = self.konnect.data_plane_certificates(&self.control_plane);
        pins.iter()
            .map(|pin| (text(&pin["cert"]).unwrap_or_default(), text(&pin["title"])))
            .collect()
    }

    /// Makes the server misbehave.
    pub fn misbehave(&self, faults: &[&str]) -> anyhow::Result<()> {
        self.server.set_behaviour(Behaviour::with_faults(faults)?);
        Ok(())
    }

    /// Starts the controller, as one process would.
    pub fn start(&self) -> anyhow::Result<Operator> {
        let context = self.context()?;
        Ok(Operator {
            stop: context.stop.clone(),
            metrics: context.metrics.clone(),
            task: tokio::spawn(konnect_extension::run(context)),
        })
    }

    /// Starts every controller, as the operator does.
    pub fn start_all(&self) -> anyhow::Result<Operator> {
        let context = self.context()?;
        Ok(Operator {
            stop: context.stop.clone(),
            metrics: context.metrics.clone(),
            task: tokio::spawn(async move {
                let mut tasks = controllers::spawn_all(&context);
                while tasks.join_next().await.is_some() {}
            }),
        })
    }

    fn context(&self) -> anyhow::Result<Context> {
        let config = Config {
            namespace: Some(self.namespace.clone()),
            ..Config::default()
        };
        Ok(Context {
            client: self.client.clone(),
            config: Arc::new(config),
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(),
            events: Events::new(self.client.clone()),
            leadership: Leadership::unlimited(),
            transport: Transport::new(self.transport_options()?)?,
            budgets: Arc::new(Budgets::new(4)),
            readiness: Readiness::default(),
            stop: CancellationToken::new(),
        })
    }
}

/// A running controller; dropping it is as good as killing it between two steps.
pub struct Operator {
    stop: CancellationToken,
    metrics: Metrics,
    task: JoinHandle<()>,
}

impl Operator {
    /// Stops it gracefully.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }

    /// Kills it: whatever it is doing ends here.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// How many reconciles have ended well.
    pub fn reconciles(&self) -> anyhow::Result<u64> {
        let wanted = r#"reconciles_total{controller="konnect-extension",outcome="done"} "#;
        let metrics = self.metrics.encode()?;
        let done = metrics
            .lines()
            .find_map(|line| line.split_once(wanted))
            .map(|(_, done)| done.parse());
        Ok(done.transpose()?.unwrap_or(0))
    }

    /// Waits until this many reconciles have ended well.
    pub async fn wait_for_reconciles(&self, count: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.reconciles()? < count {
            ensure!(
                begun.elapsed() < PATIENCE,
                "not {count} reconciles: {}",
                self.metrics.encode()?
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

fn condition(type_: &str, status: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": "Tried", "message": "said by the test",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
