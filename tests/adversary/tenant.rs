//! What somebody does who may create objects of these kinds, and nothing else.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, bail};
use gateway_migration_operator::api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::World;

const PATIENCE: Duration = Duration::from_secs(60);

impl World {
    /// Server-side apply of any object by its JSON.
    pub async fn apply<K>(&self, name: &str, object: Value) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let mut object = object;
        object["apiVersion"] = json!(K::api_version(&()));
        object["kind"] = json!(K::kind(&()));
        object["metadata"]["name"] = json!(name);
        let params = PatchParams::apply("test").force();
        Ok(self
            .api::<K>()
            .patch(name, &params, &Patch::Apply(&object))
            .await?)
    }

    /// A Secret with a token and these labels.
    pub async fn labelled_secret(&self, name: &str, token: &str, labels: Value) -> Result<()> {
        let secret = json!({"metadata": {"labels": labels}, "stringData": {"token": token}});
        self.apply::<Secret>(name, secret).await?;
        Ok(())
    }

    /// A configuration that names this Secret, and this server.
    pub async fn auth(&self, name: &str, secret: &str, server: &str) -> Result<()> {
        let spec = json!({"type": "secretRef", "secretRef": {"name": secret}, "serverURL": server});
        self.apply::<KonnectAPIAuthConfiguration>(name, json!({"spec": spec}))
            .await?;
        Ok(())
    }

    /// Waits until a condition of a configuration has this status and reason, and returns its message.
    pub async fn auth_says(&self, name: &str, condition: &str, status: &str, reason: &str) -> Result<String> {
        let mut last = None;
        let said = tokio::time::timeout(PATIENCE, async {
            loop {
                let found = self.api::<KonnectAPIAuthConfiguration>().get(name).await?;
                let conditions = found.status.map(|status| status.conditions).unwrap_or_default();
                let now = found.metadata.generation;
                let said = conditions.iter().find(|said| said.type_ == condition);
                if let Some(said) = said
                    && (said.status.as_str(), said.reason.as_str()) == (status, reason)
                    && said.observed_generation == now
                {
                    return anyhow::Ok(said.message.clone());
                }
                last = Some(conditions);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        match said.await {
            Ok(said) => said,
            Err(_) => bail!("{name} does not say {condition} {status} {reason}: {last:#?}"),
        }
    }

    /// Waits until some condition of a control plane says this, and returns its message.
    pub async fn control_plane_says(&self, name: &str, words: &str) -> Result<String> {
        let mut last = None;
        let said = tokio::time::timeout(PATIENCE, async {
            loop {
                let found = self.api::<KonnectGatewayControlPlane>().get(name).await?;
                let conditions = found.status.map(|status| status.conditions).unwrap_or_default();
                if let Some(said) = conditions.iter().find(|said| said.message.contains(words)) {
                    return anyhow::Ok(said.message.clone());
                }
                last = Some(conditions);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        match said.await {
            Ok(said) => said,
            Err(_) => bail!("{name} does not say {words:?}: {last:#?}"),
        }
    }

    /// Requests that Konnect received, on both of its addresses.
    pub fn asked_of_konnect(&self) -> u64 {
        self.bed.konnect_server.stats().total + self.bed.konnect_global.stats().total
    }

    /// Waits until a condition of a control plane is true.
    pub async fn control_plane_is(&self, name: &str, condition: &str) -> Result<()> {
        let is = async {
            loop {
                let found = self.api::<KonnectGatewayControlPlane>().get(name).await?;
                let conditions = found.status.map(|status| status.conditions).unwrap_or_default();
                if conditions
                    .iter()
                    .any(|said| said.type_ == condition && said.status == "True")
                {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, is).await?
    }

    /// Connections that were made to the Admin API.
    pub fn connected_to_kong(&self) -> u64 {
        self.bed.kong_server.stats().connections
    }
}

/// Waits until an object has gone.
pub async fn until_gone<K>(client: &Client, namespace: &str, name: &str) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let gone = async {
        while api.get_opt(name).await?.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(PATIENCE, gone).await {
        Ok(gone) => gone,
        Err(_) => bail!("{name} does not go: {:#?}", api.get(name).await?),
    }
}
