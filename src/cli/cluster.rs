//! A WorkspaceMigration in a cluster, as flags name it.

use clap::Args;
use kube::config::{KubeConfigOptions, KubeconfigError};
use kube::{Api, Client, Config};

use crate::api::workspace_migration::WorkspaceMigration;
use crate::controllers::runtime::error::chain;

/// Which migration, in which cluster.
#[derive(Debug, Args)]
pub struct MigrationArgs {
    /// The WorkspaceMigration.
    #[arg(value_name = "[NAMESPACE/]NAME")]
    migration: String,
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
    #[error("cannot read WorkspaceMigration {name}: {}", chain(source))]
    Read {
        /// Namespace and name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The kind is not installed.
    #[error(
        "this cluster has no WorkspaceMigrations: install the definitions with `gateway-migration-operator crd | kubectl apply --server-side -f -`, or name another context with --context"
    )]
    NotInstalled,
    /// There is none of that name.
    #[error("there is no WorkspaceMigration {0}; kubectl get workspacemigrations -A lists them")]
    NotFound(String),
}

/// Where a migration is, or was.
pub struct Address {
    /// Client of the cluster.
    pub client: Client,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Address {
    /// Namespace and name.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Reads the migration.
    ///
    /// # Errors
    /// When there is none, or the API server refuses.
    pub async fn fetch(self) -> Result<Found, ClusterError> {
        let api: Api<WorkspaceMigration> = Api::namespaced(self.client.clone(), &self.namespace);
        let full_name = self.full_name();
        match api.get(&self.name).await {
            Ok(migration) => Ok(Found {
                client: self.client,
                api,
                namespace: self.namespace,
                full_name,
                migration,
            }),
            Err(error) => Err(refusal(full_name, error)),
        }
    }
}

/// A migration, and the way to it.
pub struct Found {
    /// Client of the cluster.
    pub client: Client,
    /// The migrations of its namespace.
    pub api: Api<WorkspaceMigration>,
    /// Its namespace.
    pub namespace: String,
    /// Namespace and name.
    pub full_name: String,
    /// As it was just read.
    pub migration: WorkspaceMigration,
}

impl MigrationArgs {
    /// Reads the migration.
    ///
    /// # Errors
    /// When there is no cluster, or no such migration in it.
    pub async fn fetch(&self) -> Result<Found, ClusterError> {
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
            namespace,
            name: name.to_owned(),
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

fn refusal(name: String, error: kube::Error) -> ClusterError {
    match error {
        // The API server names the object where the kind is there and the object is not.
        kube::Error::Api(status) if status.is_not_found() && status.details.is_some() => {
            ClusterError::NotFound(name)
        }
        kube::Error::Api(status) if status.is_not_found() => ClusterError::NotInstalled,
        kube::Error::Api(status) => ClusterError::Read {
            name,
            source: Box::new(kube::Error::Api(status)),
        },
        other => ClusterError::Connect(Box::new(other)),
    }
}
