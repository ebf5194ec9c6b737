//! A namespace of a real cluster, an operator that looks at it alone, and both products behind it.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use gateway_migration_operator::api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::config::{Config, KonnectKinds};
use gateway_migration_operator::http::{EndpointMap, RetryPolicy, TransportOptions};
use gateway_migration_operator::k8s::artefacts;
use gateway_migration_operator::kong::plan::Ledger;
use gateway_migration_operator::kong::plan::ledger::format::LedgerEnds;
use gateway_migration_operator::operator::operate;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::kong_admin;
use simulators::konnect::Options;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cluster::{create_namespace, shared};
use crate::credentials::labels_of;
use crate::status_oracle::StatusOracle;

/// Where everything of a test stands: the flag without which an operator does not call this machine.
pub const ALLOWED_HOSTS: &str = "127.0.0.0/8";
/// How long a state may take to come about. Generous: it is a bound against hanging, not a claim about speed.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One test's part of the world.
pub struct World {
    /// Source and target.
    pub bed: Bed,
    /// How the cluster is reached, with all rights.
    pub cluster: kube::Config,
    /// Client with all rights.
    pub client: Client,
    /// Namespace of this test.
    pub namespace: String,
    stop: CancellationToken,
    operator: Option<JoinHandle<()>>,
    statuses: StatusOracle,
    konnect_kinds: KonnectKinds,
    /// Migrations at a time; set before the operator starts.
    pub at_once: u16,
    /// Memory for their entities, in bytes; set before the operator starts.
    pub memory_budget: Option<u64>,
}

impl World {
    /// Everything but the operator.
    pub async fn prepare(name: &str) -> Result<Self> {
        Self::prepare_in(shared().await?, name).await
    }

    /// The same in another cluster than the shared one.
    pub async fn prepare_in(cluster: kube::Config, name: &str) -> Result<Self> {
        Self::prepare_with(cluster, kong_admin::Options::default(), name).await
    }

    /// The same with another Kong.
    pub async fn prepare_from(kong: kong_admin::Options, name: &str) -> Result<Self> {
        Self::prepare_with(shared().await?, kong, name).await
    }

    async fn prepare_with(cluster: kube::Config, kong: kong_admin::Options, name: &str) -> Result<Self> {
        let options = Options {
            tokens: vec![Bed::KONNECT_TOKEN.to_owned()],
            ..Options::default()
        };
        let client = Client::try_from(cluster.clone())?;
        let namespace = create_namespace(&client, name).await?;
        let world = Self {
            statuses: StatusOracle::watch::<WorkspaceMigration>(&client, &namespace),
            cluster,
            bed: Bed::start_from(kong, options).await?,
            client,
            namespace,
            stop: CancellationToken::new(),
            operator: None,
            konnect_kinds: KonnectKinds::Own,
            at_once: Config::default().max_concurrent_migrations,
            memory_budget: None,
        };
        world
            .secret("konnect-token", &[("token", Bed::KONNECT_TOKEN)])
            .await?;
        world.secret("kong-admin", &[("token", Bed::KONG_TOKEN)]).await?;
        world
            .secret("kong-admin-ca", &[("ca.crt", &world.bed.ca_pem)])
            .await?;
        world
            .create(json!({
                "apiVersion": "konnect.konghq.com/v1alpha1", "kind": "KonnectAPIAuthConfiguration", "metadata": {"name": "konnect"},
                "spec": {"type": "secretRef", "secretRef": {"name": "konnect-token"}, "serverURL": "us.api.konghq.com"},
            }))
            .await?;
        Ok(world)
    }

    /// Everything, with a control plane for each workspace.
    pub async fn start(name: &str) -> Result<Self> {
        let mut world = Self::prepare(name).await?;
        for (workspace, _) in Bed::WORKSPACES {
            world.control_plane(workspace).await?;
        }
        world.start_operator()?;
        Ok(world)
    }

    /// Starts the operator in this process, for this namespace.
    pub fn start_operator(&mut self) -> Result<()> {
        self.start_operator_with(|_| {})
    }

    /// The same with other settings.
    pub fn start_operator_with(&mut self, adjust: impl FnOnce(&mut Config)) -> Result<()> {
        let mut config = self.config()?;
        adjust(&mut config);
        let (cluster, stop) = (self.cluster.clone(), self.stop.clone());
        self.operator = Some(tokio::spawn(async move {
            if let Err(error) = operate(cluster, config, stop).await {
                eprintln!("operator: {error}");
            }
        }));
        Ok(())
    }

    /// LedgerEnds the operator; another one may be started.
    pub async fn stop_operator(&mut self) -> Result<()> {
        self.stop.cancel();
        if let Some(operator) = self.operator.take() {
            operator.await.context("the operator panicked")?;
        }
        self.stop = CancellationToken::new();
        Ok(())
    }

    /// LedgerEnds the operator and starts one that leaves the Konnect kinds to Kong's operator.
    pub async fn become_read_only(&mut self) -> Result<()> {
        self.stop_operator().await?;
        self.konnect_kinds = KonnectKinds::ReadOnly;
        self.start_operator()
    }

    fn config(&self) -> Result<Config> {
        let endpoints = EndpointMap::parse(self.bed.konnect_endpoints())?;
        let retry = RetryPolicy {
            base: Duration::from_millis(10),
            max_attempts: 3,
            ..RetryPolicy::default()
        };
        let extra_roots = vec![("the bed's CA".to_owned(), self.bed.ca_pem.clone().into_bytes())];
        let transport = TransportOptions {
            endpoints,
            retry,
            extra_roots,
            ..TransportOptions::default()
        };
        Ok(Config {
            transport,
            allowed_hosts: ALLOWED_HOSTS.parse()?,
            namespace: Some(self.namespace.clone()),
            konnect_kinds: self.konnect_kinds,
            max_concurrent_migrations: self.at_once,
            memory_budget: self.memory_budget,
            ..Config::default()
        })
    }

    /// The objects of a kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates or replaces a Secret, labelled for what its name says.
    pub async fn secret(&self, name: &str, entries: &[(&str, &str)]) -> Result<()> {
        let data: serde_json::Map<String, Value> =
            entries.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        let metadata = json!({"name": name, "labels": labels_of(name)});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
        let params = PatchParams::apply("test").force();
        self.api::<Secret>()
            .patch(name, &params, &Patch::Apply(&secret))
            .await?;
        Ok(())
    }

    /// Creates any object of ours.
    pub async fn create(&self, object: Value) -> Result<()> {
        let kind = object["kind"].as_str().unwrap_or_default();
        match kind {
            "KonnectGatewayControlPlane" => self.create_as::<KonnectGatewayControlPlane>(&object).await,
            "WorkspaceMigration" => self.create_as::<WorkspaceMigration>(&object).await,
            "KonnectAPIAuthConfiguration" => self.create_as::<KonnectAPIAuthConfiguration>(&object).await,
            other => bail!("no such kind: {other}"),
        }
    }

    async fn create_as<K>(&self, object: &Value) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
    {
        let object: K = serde_json::from_value(object.clone())?;
        self.api::<K>().create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Creates a control plane of this name.
    pub async fn control_plane(&self, name: &str) -> Result<()> {
        self.create(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectGatewayControlPlane", "metadata": {"name": name},
            "spec": {"createControlPlaneRequest": {"name": name}, "konnect": {"authRef": {"name": "konnect"}}},
        }))
        .await
    }

    /// The manifest of a migration of a workspace into the control plane of the same name.
    pub fn migration(&self, workspace: &str, mode: &str) -> Value {
        json!({
            "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration", "metadata": {"name": workspace},
            "spec": {
                "source": {
                    "adminAPI": {
                        "url": self.bed.kong_server.url(),
                        "tokenSecretRef": {"name": "kong-admin", "key": "token"},
                        "tls": {"caSecretRef": {"name": "kong-admin-ca", "key": "ca.crt"}},
                    },
                    "workspace": workspace,
                },
                "target": {"controlPlaneRef": {"name": workspace}},
                "mode": mode,
                "waivers": accepted().map(|id| json!({"id": id, "reason": "known to the test"})).collect::<Vec<_>>(),
            },
        })
    }

    /// Changes the spec of a migration by a merge patch.
    pub async fn change(&self, name: &str, spec: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.api::<WorkspaceMigration>()
            .patch(name, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }

    /// Makes the operator look at a migration again, although its spec stays.
    pub async fn look_again(&self, name: &str) -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {"example.com/looked-at": "again"}}}));
        self.api::<WorkspaceMigration>()
            .patch(name, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }

    /// Deletes a control plane object and applies it again, once it has gone.
    pub async fn replace_control_plane(&self, name: &str) -> Result<()> {
        let api = self.api::<KonnectGatewayControlPlane>();
        api.delete(name, &DeleteParams::default()).await?;
        let gone = async {
            while api.get_opt(name).await?.is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, gone)
            .await
            .with_context(|| format!("control plane {name} does not go"))??;
        self.control_plane(name).await
    }

    /// Waits until a migration is in a state.
    pub async fn migration_until(&self, name: &str, what: &str, is: impl Fn(&Seen) -> bool) -> Result<Seen> {
        self.migration_within(PATIENCE, name, what, is).await
    }

    /// The same with another bound.
    pub async fn migration_within(
        &self,
        patience: Duration,
        name: &str,
        what: &str,
        is: impl Fn(&Seen) -> bool,
    ) -> Result<Seen> {
        let api = self.api::<WorkspaceMigration>();
        let mut last = None;
        let reached = tokio::time::timeout(patience, async {
            loop {
                if let Some(found) = api.get_opt(name).await?.map(Seen) {
                    if is(&found) {
                        return Ok::<_, kube::Error>(found);
                    }
                    last = Some(found);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        match reached.await {
            Ok(found) => Ok(found?),
            Err(_) => bail!(
                "{name} is not {what}: {}",
                last.map_or_else(|| "absent".to_owned(), |seen| seen.describe())
            ),
        }
    }

    /// Makes changes between two looks of a migration, so that no look sees a part of them.
    pub async fn meanwhile(&self, name: &str, change: impl FnOnce() -> Result<()>) -> Result<()> {
        self.change(name, json!({"suspend": true})).await?;
        self.migration_until(name, "suspended", |seen| seen.is("Ready", "False", "Suspended"))
            .await?;
        change()?;
        self.change(name, json!({"suspend": false})).await
    }

    /// Has a completed migration pass once more, by a change of nothing but its generation.
    pub async fn pass_again(&self, name: &str) -> Result<()> {
        self.change(name, json!({"throttle": {"maxInFlight": 15}}))
            .await?;
        self.migration_until(name, "completed once more", Seen::is_completed)
            .await?;
        Ok(())
    }

    /// The same, which must write nothing.
    pub async fn rests(&self, name: &str) -> Result<()> {
        let before = self.writes();
        self.pass_again(name).await?;
        let more = self.writes() - before;
        anyhow::ensure!(more == 0, "a further pass sent {more} writes");
        Ok(())
    }

    /// What a migration has kept of its writes.
    pub async fn ledger(&self, seen: &Seen) -> Result<Ledger> {
        let status = seen.0.status.as_ref().context("a status")?;
        let kept = status
            .backup
            .as_ref()
            .and_then(|backup| backup.ledger_ref.as_ref());
        let target = status
            .target
            .as_ref()
            .and_then(|target| target.control_plane_id.as_deref());
        let document =
            artefacts::load(&self.client, &self.namespace, &kept.context("a ledger")?.name).await?;
        let ends = LedgerEnds {
            workspace: &seen.0.spec.source.workspace,
            control_plane: target.context("a control plane")?,
        };
        Ok(Ledger::read_from(ends, document.as_slice())?)
    }

    /// Id of a control plane in Konnect, once it is programmed.
    pub async fn control_plane_id(&self, name: &str) -> Result<String> {
        for _ in 0..1200 {
            let found = self.api::<KonnectGatewayControlPlane>().get(name).await?;
            if let Some(id) = found.status.and_then(|status| status.id) {
                return Ok(id);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("control plane {name} got no id")
    }

    /// Writes that Konnect has counted.
    pub fn writes(&self) -> u64 {
        self.bed.konnect_server.stats().writes
    }

    /// Stops the operator and waits for it; fails when a status contradicted itself meanwhile.
    pub async fn stop(mut self) -> Result<()> {
        self.stop_operator().await?;
        self.statuses.finish().await
    }
}

/// A migration as it was read.
pub struct Seen(pub WorkspaceMigration);

impl Seen {
    /// Status and reason of a condition that speaks of the present generation.
    pub fn condition(&self, type_: &str) -> Option<(&str, &str)> {
        let conditions = &self.0.status.as_ref()?.conditions;
        let found = conditions.iter().find(|condition| condition.type_ == type_)?;
        (found.observed_generation == self.0.metadata.generation).then_some((&found.status, &found.reason))
    }

    /// True when a condition is so for this reason.
    pub fn is(&self, type_: &str, status: &str, reason: &str) -> bool {
        self.condition(type_) == Some((status, reason))
    }

    /// Message of a condition.
    pub fn message(&self, type_: &str) -> &str {
        let conditions = self
            .0
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.conditions);
        conditions
            .iter()
            .find(|condition| condition.type_ == type_)
            .map_or("", |condition| &condition.message)
    }

    /// Ids of the findings in status.
    pub fn findings(&self) -> Vec<&str> {
        let findings = self.0.status.as_ref().and_then(|status| status.findings.as_ref());
        findings.map_or_else(Vec::new, |findings| {
            findings.top.iter().map(|finding| finding.id.as_str()).collect()
        })
    }

    /// How many subjects a finding in status has.
    pub fn finding_count(&self, id: &str) -> Option<u64> {
        let findings = self.0.status.as_ref()?.findings.as_ref()?;
        findings
            .top
            .iter()
            .find(|finding| finding.id == id)
            .map(|finding| finding.count)
    }

    /// True when it is Ready for this generation.
    pub fn is_completed(&self) -> bool {
        self.is("Ready", "True", "Completed")
    }

    /// Fails unless everything was verified: so many entities equal, none missing, different or extra, and one digest on both sides.
    pub fn assert_digests_equal(&self, entities: u64) -> Result<()> {
        let status = self.0.status.as_ref().context("a status")?;
        let verified = status.verification.as_ref().context("a verification")?;
        let source = status.source.as_ref().context("a source")?;
        let counts = [
            verified.matched,
            verified.mismatched,
            verified.missing,
            verified.extra,
        ];
        ensure!(
            counts == [entities, 0, 0, 0],
            "matched, mismatched, missing, extra: {counts:?}; {}",
            self.describe()
        );
        ensure!(
            verified.digest.is_some() && verified.digest == source.digest,
            "digests differ: {:?} and {:?}",
            source.digest,
            verified.digest
        );
        Ok(())
    }

    fn describe(&self) -> String {
        let status = serde_json::to_string_pretty(&self.0.status).unwrap_or_default();
        format!("generation {:?}, status {status}", self.0.metadata.generation)
    }
}

/// Findings of the samples, and of the accidents that the tests arrange, which do not keep the rest from moving.
fn accepted() -> impl Iterator<Item = &'static str> {
    [
        "entity-not-movable",
        "plugin-unsupported",
        "plugin-value-unsupported",
        "name-taken",
        "blocked-by-dependency",
        "target-differs",
    ]
    .into_iter()
}

/// The kubeconfig of somebody with all rights.
pub async fn kubeconfig() -> Result<String> {
    Ok(simulators::cluster::Cluster::shared_async()
        .await?
        .kubeconfig()
        .to_owned())
}
