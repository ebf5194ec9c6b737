//! Waiting: for a state, never for a time.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use gateway_migration_operator::api::konnect_extension::KonnectExtension;
use k8s_openapi::{
    NamespaceResourceScope, api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{Resource, api::ListParams};
use serde::{Serialize, de::DeserializeOwned};

use crate::bed::{Bed, EXTENSION};

/// Long enough for a machine that does much else; reached only when something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Whether an extension is ready, as its own generation has it.
pub fn is_ready(extension: KonnectExtension) -> Option<Condition> {
    let conditions = extension.status?.conditions;
    let ready = conditions
        .into_iter()
        .find(|condition| condition.type_ == "Ready")?;
    (ready.status == "True" && ready.observed_generation == extension.metadata.generation).then_some(ready)
}

impl Bed {
    /// Waits until the extension has this condition.
    pub async fn wait_for(&self, type_: &str, status: &str, reason: &str) -> anyhow::Result<Condition> {
        let what = format!("{type_}={status} for {reason}");
        self.wait_until(&what, |extension| {
            let conditions = extension
                .status
                .map(|status| status.conditions)
                .unwrap_or_default();
            conditions
                .into_iter()
                .find(|found| found.type_ == type_ && found.status == status && found.reason == reason)
        })
        .await
    }

    /// Waits until the extension looks as wanted.
    pub async fn wait_until<T>(
        &self,
        what: &str,
        probe: impl FnMut(KonnectExtension) -> Option<T>,
    ) -> anyhow::Result<T> {
        self.wait_until_named(EXTENSION, what, probe).await
    }

    /// Waits until an extension looks as wanted.
    pub async fn wait_until_named<T>(
        &self,
        name: &str,
        what: &str,
        mut probe: impl FnMut(KonnectExtension) -> Option<T>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            let extension: KonnectExtension = self.api().get(name).await?;
            if let Some(found) = probe(extension.clone()) {
                return Ok(found);
            }
            if begun.elapsed() > PATIENCE {
                let status = serde_json::to_string_pretty(&extension.status)?;
                bail!("{what} did not come; status: {status}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until there are this many pins.
    pub async fn wait_for_pins(&self, count: usize) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.pins().len() != count {
            ensure!(begun.elapsed() < PATIENCE, "not {count} pins: {:?}", self.pins());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until the extension is gone.
    pub async fn wait_gone(&self) -> anyhow::Result<()> {
        self.wait_absent::<KonnectExtension>(EXTENSION).await
    }

    /// Waits until an object is gone.
    pub async fn wait_absent<K>(&self, name: &str) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
    {
        let begun = Instant::now();
        while let Some(left) = self.api::<K>().get_opt(name).await? {
            ensure!(
                begun.elapsed() < PATIENCE,
                "still there: {}",
                serde_json::to_string_pretty(&left)?
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until Konnect has been called this often.
    pub async fn wait_for_calls(&self, calls: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.server.stats().total < calls {
            ensure!(
                begun.elapsed() < PATIENCE,
                "not {calls} calls: {:?}",
                self.server.stats()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits for an event in the namespace, and returns its text.
    pub async fn wait_for_event(&self, reason: &str) -> anyhow::Result<String> {
        let begun = Instant::now();
        loop {
            let events = self.api::<Event>().list(&ListParams::default()).await?;
            if let Some(event) = events
                .into_iter()
                .find(|event| event.reason.as_deref() == Some(reason))
            {
                return Ok(event.note.unwrap_or_default());
            }
            ensure!(begun.elapsed() < PATIENCE, "no event {reason}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
