//! A migration in a cluster, as flags name it.

use std::fmt;

use clap::Args;
use kube::api::DynamicObject;
use kube::config::{KubeConfigOptions, KubeconfigError};
use kube::{Api, Client, Config};

use super::kinds::{ClusterKind, KINDS, StatusExcerpt, WORKSPACE_MIGRATION};
use crate::controllers::runtime::error::chain;
use crate::k8s::by_name;

/// Which migration, in which cluster.
#[derive(Debug, Args)]
pub struct MigrationArgs {
    /// The WorkspaceMigration.
    #[arg(value_name = "[NAMESPACE/]NAME")]
    migration: String,
    /// Its kind.
    #[arg(long, value_name = "KIND", value_parser = ClusterKind::parse, default_value = WORKSPACE_MIGRATION.kind, hide = KINDS.len() == 1)]
    kind: &'static ClusterKind,
    /// Its namespace; that of the kubeconfig when left out.
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Context of the kubeconfig; the current one when left out.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Why the migration could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No kubeconfig, or no such context.
    #[error("cannot use the kubeconfig: {0}; set KUBECONFIG, or name another context with --context")]
    Kubeconfig(#[from] KubeconfigError),
    /// Neither kubeconfig nor a pod's service account.
    #[error("there is no cluster to ask: {}; set KUBECONFIG, or name a context with --context", chain(.0))]
    NoCluster(Box<kube::config::InferConfigError>),
    /// No client.
    #[error("cannot connect to Kubernetes: {}; check the server and the credentials in the kubeconfig", chain(.0))]
    Connect(Box<kube::Error>),
    /// The API server refused or failed.
    #[error("cannot read {name}: {}", chain(source))]
    Read {
        /// Which migration.
        name: MigrationName,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The kind is not installed.
    #[error(
        "this cluster has no {}s: install the definitions with `gateway-migration-operator crd | kubectl apply --server-side -f -`, or name another context with --context", .0.kind
    )]
    NotInstalled(&'static ClusterKind),
    /// There is none of that name.
    #[error("there is no {0}; kubectl get {plural} -A lists them", plural = .0.kind.plural)]
    NotFound(MigrationName),
}

/// A migration as messages name it.
#[derive(Clone, Debug)]
pub struct MigrationName {
    /// Its kind.
    pub kind: &'static ClusterKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for MigrationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.kind, self.namespace, self.name)
    }
}

/// Where a migration is, or was.
pub struct Address {
    /// Client of the cluster.
    pub client: Client,
    /// Which migration.
    pub name: MigrationName,
}

impl Address {
    /// Reads the migration.
    ///
    /// # Errors
    /// When there is none, or the API server refuses.
    pub async fn fetch(self) -> Result<FoundMigration, ClusterError> {
        let Self { client, name } = self;
        let resource = (name.kind.resource)();
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &name.namespace, &resource);
        let object = match by_name::get(&api, &name.name).await {
            Ok(object) => object,
            Err(error) => return Err(refusal(name, error)),
        };
        let status = StatusExcerpt::of(&object)
            .map_err(|error| ClusterError::Connect(Box::new(kube::Error::SerdeError(error))))?;
        Ok(FoundMigration {
            client,
            api,
            name,
            status,
        })
    }
}

/// A migration, and the way to it.
pub struct FoundMigration {
    /// Client of the cluster.
    pub client: Client,
    /// The migrations of its kind and namespace.
    pub api: Api<DynamicObject>,
    /// Which migration.
    pub name: MigrationName,
    /// Its status, as it was just read.
    pub status: StatusExcerpt,
}

impl MigrationArgs {
    /// Its kind.
    pub fn kind(&self) -> &'static ClusterKind {
        self.kind
    }

    /// Reads the migration.
    ///
    /// # Errors
    /// When there is no cluster, or no such migration in it.
    pub async fn fetch(&self) -> Result<FoundMigration, ClusterError> {
        self.address().await?.fetch().await
    }

    /// Where the migration is to be looked for.
    ///
    /// # Errors
    /// When there is no cluster.
    pub async fn address(&self) -> Result<Address, ClusterError> {
        let client = self.client().await?;
        let (namespace, name) = match self.migration.split_once('/') {
            Some((namespace, name)) => (namespace.to_owned(), name),
            None => (client.default_namespace().to_owned(), self.migration.as_str()),
        };
        Ok(Address {
            name: MigrationName {
                kind: self.kind,
                namespace,
                name: name.to_owned(),
            },
            client,
        })
    }

    async fn client(&self) -> Result<Client, ClusterError> {
        let mut config = match &self.context {
            None => Config::infer()
                .await
                .map_err(|error| ClusterError::NoCluster(Box::new(error)))?,
            Some(context) => {
                let options = KubeConfigOptions {
                    context: Some(context.clone()),
                    ..KubeConfigOptions::default()
                };
                Config::from_kubeconfig(&options).await?
            }
        };
        if let Some(namespace) = &self.namespace {
            config.default_namespace.clone_from(namespace);
        }
        Client::try_from(config).map_err(|error| ClusterError::Connect(Box::new(error)))
    }
}

fn refusal(name: MigrationName, error: kube::Error) -> ClusterError {
    match error {
        // The API server names the object where the kind is there and the object is not.
        kube::Error::Api(status) if status.is_not_found() && status.details.is_some() => {
            ClusterError::NotFound(name)
        }
        kube::Error::Api(status) if status.is_not_found() => ClusterError::NotInstalled(name.kind),
        kube::Error::Api(status) => ClusterError::Read {
            name,
            source: Box::new(kube::Error::Api(status)),
        },
        other => ClusterError::Connect(Box::new(other)),
    }
}
