//! Sees every status that is written in a namespace, and fails the test when one of them contradicts itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, pin_mut};
use gateway_migration_operator::k8s::conditions::contradictions::contradictions;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource, ResourceExt as _};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// How long the last status that was written may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was seen of one kind.
#[derive(Default)]
struct Sightings {
    /// Resource version by name.
    last: BTreeMap<String, String>,
    /// What contradicted itself, with the object as it was.
    contradictions: Vec<String>,
}

impl Sightings {
    fn judge(&mut self, object: &DynamicObject) {
        let name = object.name_any();
        let value = json!(object);
        for law in contradictions(&value) {
            let told = summary(&value);
            self.contradictions
                .push(format!("{name}: not so that {law}: {told}"));
        }
        self.last
            .insert(name, object.resource_version().unwrap_or_default());
    }
}

/// One kind in one namespace, watched from the first object on.
pub struct StatusOracle {
    api: Api<DynamicObject>,
    seen: Arc<Mutex<Sightings>>,
    watch: JoinHandle<()>,
}

impl StatusOracle {
    /// Begins to watch.
    pub fn watch<K>(client: &Client, namespace: &str) -> Self
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
        let seen = Arc::<Mutex<Sightings>>::default();
        let watch = tokio::spawn({
            let (api, seen) = (api.clone(), seen.clone());
            async move {
                let events = watcher(api, watcher::Config::default());
                pin_mut!(events);
                while let Some(event) = events.next().await {
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    match event {
                        Ok(Event::Apply(object) | Event::InitApply(object)) => seen.judge(&object),
                        Ok(Event::Delete(object)) => _ = seen.last.remove(&object.name_any()),
                        Ok(Event::Init | Event::InitDone) | Err(_) => {}
                    }
                }
            }
        });
        Self { api, seen, watch }
    }

    /// Fails when a status contradicted itself; all that was written until now is seen first.
    pub async fn finish(self) -> Result<()> {
        let stored = self.api.list(&ListParams::default()).await?;
        let last = stored
            .iter()
            .map(|object| (object.name_any(), object.resource_version().unwrap_or_default()))
            .collect::<BTreeMap<_, _>>();
        let all_seen = async {
            while self.sightings(|seen| seen.last != last) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all_seen)
            .await
            .context("the last status is not seen")
    }

    fn sightings<T>(&self, look: impl FnOnce(&Sightings) -> T) -> T {
        look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for StatusOracle {
    /// A test that has failed says why by itself.
    fn drop(&mut self) {
        self.watch.abort();
        let found = self.sightings(|seen| seen.contradictions.join("\n"));
        assert!(
            found.is_empty() || std::thread::panicking(),
            "a status contradicts itself\n{found}"
        );
    }
}

/// A status in the lines that a person compares.
fn summary(object: &Value) -> String {
    let status = &object["status"];
    let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let lines = conditions.iter().map(|condition| {
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        format!(
            "\n  {}={} {} ({}): {}",
            text("type"),
            text("status"),
            text("reason"),
            condition["observedGeneration"],
            text("message")
        )
    });
    format!(
        "generation {}, phase {}, mode {}, waitingFor {}{}",
        object["metadata"]["generation"],
        status["phase"],
        object["spec"]["mode"],
        status["progress"]["waitingFor"],
        lines.collect::<String>()
    )
}
