//! The set-up: Kong, Konnect, a Kubernetes API server, the definitions, the rights, the operator.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::cluster::{Binaries, Cluster, KUBERNETES_VERSION};
use simulators::server::Behaviour;

use crate::build::ensure_binary;
use crate::kubectl::{kubectl, kubectl_with};
use crate::operator::{ACCOUNT, NAMESPACE as OPERATOR_NAMESPACE, Operator};
use crate::screen::Screen;

/// The namespace of the samples.
pub const NAMESPACE: &str = "kong";
/// Where the samples are, below the project's folder.
pub const SAMPLES: &str = "config/samples";
/// What the sample Secret holds in place of a token.
const PLACEHOLDER: &str = "kpat_put-the-token-of-your-organisation-here";

/// Everything that runs. The fields end in this order.
pub struct Stage {
    /// The operator.
    pub operator: Operator,
    /// Kubernetes.
    pub cluster: Cluster,
    /// Kong and Konnect.
    pub bed: Bed,
    /// A client of the cluster's administrator.
    pub client: Client,
}

impl Stage {
    /// Sets everything up, with a line for each part and a Konnect that takes `latency` to answer.
    ///
    /// # Errors
    /// When a part is missing or does not start, with what to do.
    pub async fn set_up(screen: Screen, latency: Duration) -> anyhow::Result<Self> {
        let binary = ensure_binary().await?;
        // The first time this takes minutes, and it is here that something may be missing.
        tokio::task::spawn_blocking(|| Binaries::ensure().and(Binaries::ensure_kubectl())).await??;
        screen.heading("Setting up");
        let begun = Instant::now();
        let part = |name: &str, what: String| screen.timed(begun.elapsed(), format!("{name:<24}{what}"));
        let bed = Bed::start().await?;
        bed.konnect_server.set_behaviour(Behaviour {
            latency,
            ..Behaviour::default()
        });
        let workspaces: Vec<_> = Bed::WORKSPACES.iter().map(|(name, _)| *name).collect();
        part(
            "Kong (simulated)",
            format!("{}  workspaces {}", bed.kong_server.url(), workspaces.join(", ")),
        );
        let answers = format!("empty, answers after {} ms", latency.as_millis());
        part(
            "Konnect (simulated)",
            format!("{}  {answers}", bed.konnect_server.url()),
        );

        let mut cluster = Cluster::start_async().await?;
        part(
            "Kubernetes (real)",
            format!("{}  version {KUBERNETES_VERSION}", cluster.url()),
        );
        let client = client(&cluster).await?;
        kubectl(&cluster, &["apply", "--server-side", "-k", "config/crd"]).await?;
        kubectl(&cluster, &["wait", "--for=condition=Established", "crd", "--all"]).await?;
        kubectl(&cluster, &["apply", "-k", "config/rbac"]).await?;
        part("Definitions and rights", "config/crd, config/rbac".to_owned());

        let mut operator = Operator::start(&binary, &mut cluster, &bed).await?;
        operator.ready().await?;
        let account = format!("ServiceAccount {OPERATOR_NAMESPACE}/{ACCOUNT}");
        part(
            "Operator (real)",
            format!("process {}, with the rights of {account}", operator.id()),
        );
        Ok(Self {
            operator,
            cluster,
            bed,
            client,
        })
    }

    /// Makes what the samples need beforehand: the namespace, and two Secrets for the Admin API.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        kubectl(
            &self.cluster,
            &["apply", "-f", "config/samples/kong-namespace.yaml"],
        )
        .await?;
        let secret = |name: &str, labels: Value, key: &str, value: &str| {
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
                "stringData": {key: value},
            })
            .to_string()
        };
        let for_kong = json!({"gatewaymigration.dev/credential": "kong-admin"});
        for secret in [
            secret("kong-admin", for_kong, "token", Bed::KONG_TOKEN),
            secret("kong-admin-ca", json!({}), "ca.crt", &self.bed.ca_pem),
        ] {
            kubectl_with(&self.cluster, &["create", "-f", "-"], &secret).await?;
        }
        Ok(())
    }

    /// Applies those samples whose file name is `chosen`, with the token in the place that they leave for it. Returns the
    /// objects of the operator's kinds, each with its generation.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn apply_samples(
        &self,
        chosen: impl Fn(&str) -> bool,
    ) -> anyhow::Result<BTreeMap<String, i64>> {
        let manifests = samples(chosen)?.replace(PLACEHOLDER, Bed::KONNECT_TOKEN);
        let applied = kubectl_with(&self.cluster, &["apply", "-f", "-", "-o", "json"], &manifests).await?;
        generations(&applied)
    }

    /// Changes the manifest of a migration in a way that makes no difference to what is migrated, so that it is applied once more.
    /// Returns the new generation.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn touch(&self, migration: &str) -> anyhow::Result<i64> {
        let patch = json!({"spec": {"throttle": {"maxInFlight": 8}}}).to_string();
        let arguments = [
            "patch",
            migration,
            "-n",
            NAMESPACE,
            "--type=merge",
            "-p",
            &patch,
            "-o",
            "json",
        ];
        let touched = generations(&kubectl(&self.cluster, &arguments).await?)?;
        touched
            .get(migration)
            .copied()
            .with_context(|| format!("kubectl did not show {migration}"))
    }
}

/// A client of the cluster's administrator.
async fn client(cluster: &Cluster) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::from_yaml(cluster.kubeconfig())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// The chosen samples as one stream of YAML documents.
fn samples(chosen: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(SAMPLES);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.retain(|file| {
        file.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(&chosen)
    });
    files.sort();
    let texts: Vec<_> = files
        .iter()
        .map(|file| fs::read_to_string(file).with_context(|| file.display().to_string()))
        .collect::<anyhow::Result<_>>()?;
    Ok(texts.join("\n---\n"))
}

/// The objects of the operator's kinds in kubectl's output, an object or a list, each with its generation.
fn generations(json: &str) -> anyhow::Result<BTreeMap<String, i64>> {
    let output: Value = serde_json::from_str(json).context("kubectl did not print JSON")?;
    let objects = match output["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![output],
    };
    let mut found = BTreeMap::new();
    for object in objects {
        let group = object["apiVersion"].as_str().unwrap_or_default();
        if !group.starts_with("konnect.konghq.com/") && !group.starts_with("gatewaymigration.dev/") {
            continue;
        }
        let (Some(kind), Some(name)) = (object["kind"].as_str(), object["metadata"]["name"].as_str()) else {
            bail!("kubectl printed an object without kind or name");
        };
        let generation = object["metadata"]["generation"].as_i64().unwrap_or(1);
        found.insert(format!("{}/{name}", kind.to_lowercase()), generation);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_operators_objects_are_waited_for() {
        let object = |version: &str, kind: &str| json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x", "generation": 3}});
        let list = json!({"kind": "List", "items": [
            object("v1", "Secret"),
            object("konnect.konghq.com/v1alpha1", "KonnectExtension"),
        ]});
        let expected = BTreeMap::from([("konnectextension/x".to_owned(), 3)]);
        assert_eq!(generations(&list.to_string()).unwrap(), expected);
        let single = object("konnect.konghq.com/v1alpha1", "KonnectExtension");
        assert_eq!(generations(&single.to_string()).unwrap(), expected);
    }

    #[test]
    fn the_samples_leave_a_place_for_the_token() {
        assert_eq!(samples(|_| true).unwrap().matches(PLACEHOLDER).count(), 1);
    }
}
