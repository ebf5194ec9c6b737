//! The API server that all tests of one binary share, and a namespace for each of them.

use anyhow::Result;
use gateway_migration_operator::api::crd;
use k8s_openapi::{
    api::core::v1::Namespace, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::wait::{await_condition, conditions::is_crd_established},
};
use serde_json::json;
use simulators::cluster::Cluster;
use tokio::sync::OnceCell;

/// How the shared cluster is reached, with all rights; the operator's kinds are installed by then.
pub async fn shared() -> Result<Config> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let cluster = Cluster::shared_async().await?;
    let config = config_of(cluster).await?;
    let client = Client::try_from(config.clone())?;
    INSTALLED
        .get_or_try_init(async || install_definitions(&client).await)
        .await?;
    Ok(config)
}

/// How a cluster is reached, with all rights.
pub async fn config_of(cluster: &Cluster) -> Result<Config> {
    let kubeconfig = Kubeconfig::from_yaml(cluster.kubeconfig())?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}

/// Makes a namespace that no other test has; its name begins with `prefix`.
pub async fn create_namespace(client: &Client, prefix: &str) -> Result<String> {
    let api: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"generateName": format!("{prefix}-")}}))?;
    Ok(api.create(&PostParams::default(), &namespace).await?.name_any())
}

/// Installs the operator's kinds, and waits until they are served.
pub async fn install_definitions(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in crd::all()? {
        let name = definition.name_any();
        let params = PatchParams::apply("test").force();
        api.patch(&name, &params, &Patch::Apply(&definition)).await?;
        await_condition(api.clone(), &name, is_crd_established()).await?;
    }
    Ok(())
}
