//! The runner itself, with a kind made for it: missing definitions, malformed objects, panics, the first write.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use gateway_migration_operator::{
    clock::SystemClock,
    config::Config,
    controllers::runtime::{
        context::Context,
        outcome::Outcome,
        pass::Pass,
        runner::{Reconciler, Runner},
    },
    http::{Budgets, Transport, TransportOptions},
    k8s::{
        conditions::kstatus::{Kstatus, verdict},
        events::Events,
        lease::Leadership,
        status::ObjectStatus,
    },
    telemetry::{metrics::Metrics, readiness::Readiness},
};
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, CustomResource, CustomResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
    runtime::wait::{await_condition, conditions::is_crd_established},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::world::{HANGS, World, is};

#[derive(CustomResource, Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "test.example.com",
    version = "v1",
    kind = "Widget",
    namespaced,
    status = "WidgetStatus"
)]
struct WidgetSpec {
    size: u8,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct WidgetStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_generation: Option<i64>,
}

impl ObjectStatus for WidgetStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }

    fn set_observed_generation(&mut self, generation: i64) {
        self.observed_generation = Some(generation);
    }
}

/// Holds a widget.
const HOLD: &str = "test.example.com/hold";

/// Size 0 panics; all others are done once `go` is cancelled.
struct Widgets {
    go: CancellationToken,
}

impl Reconciler for Widgets {
    const NAME: &'static str = "widget";
    type Object = Widget;
    type Error = kube::Error;
    const FINALIZER: Option<&'static str> = Some(HOLD);

    async fn reconcile(&self, widget: &Widget, _pass: &mut Pass<Widget>) -> Result<Outcome, kube::Error> {
        assert_ne!(widget.spec.size, 0, "a widget of no size is a defect");
        self.go.cancelled().await;
        Ok(Outcome::done("Ready", "The widget is there."))
    }
}

struct Bench {
    world: World,
    readiness: Readiness,
    go: CancellationToken,
    _stop: DropGuard,
}

async fn bench() -> Result<Bench> {
    let world = World::without_operator().await?;
    let (readiness, go, stop) = (
        Readiness::default(),
        CancellationToken::new(),
        CancellationToken::new(),
    );
    let context = Context {
        client: world.client.clone(),
        config: Arc::new(Config {
            namespace: Some(world.namespace.clone()),
            ..Config::default()
        }),
        clock: Arc::new(SystemClock),
        metrics: Metrics::new(),
        events: Events::new(world.client.clone()),
        leadership: Leadership::unlimited(),
        transport: Transport::new(TransportOptions::default())?,
        budgets: Arc::new(Budgets::new(1)),
        readiness: readiness.clone(),
        stop: stop.clone(),
    };
    tokio::spawn(Runner::new(context, Widgets { go: go.clone() }).run());
    Ok(Bench {
        world,
        readiness,
        go,
        _stop: stop.drop_guard(),
    })
}

async fn install(world: &World) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(world.client.clone());
    let mut definition = serde_json::to_value(Widget::crd())?;
    // Admits what the operator cannot read, as a definition of another version would.
    let version = &mut definition["spec"]["versions"][0];
    version["schema"]["openAPIV3Schema"]["properties"]["spec"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    api.patch(
        "widgets.test.example.com",
        &PatchParams::apply("test").force(),
        &Patch::Apply(&definition),
    )
    .await?;
    await_condition(api, "widgets.test.example.com", is_crd_established()).await?;
    Ok(())
}

async fn create(world: &World, name: &str, size: serde_json::Value) -> Result<()> {
    let kind = ApiResource::erase::<Widget>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), &world.namespace, &kind);
    let object = DynamicObject::new(name, &kind).data(json!({"spec": {"size": size}}));
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

fn conditions(object: &DynamicObject) -> Vec<Condition> {
    serde_json::from_value(object.data["status"]["conditions"].clone()).unwrap_or_default()
}

/// Waits for a widget that cannot be read as one.
async fn until_stalled(world: &World, name: &str, reason: &str) -> Result<()> {
    let kind = ApiResource::erase::<Widget>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), &world.namespace, &kind);
    let stalled = |object: Option<&DynamicObject>| {
        object.is_some_and(|object| is(&conditions(object), "Stalled", "True", reason))
    };
    await_condition(api, name, stalled).await?;
    Ok(())
}

/// Waits until what `/readyz` waits for is as wanted.
async fn until(readiness: &Readiness, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let text = || readiness.waiting().into_values().collect::<Vec<_>>().join("\n");
    let waited = async {
        while !wanted(&text()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(HANGS, waited)
        .await
        .with_context(|| format!("waiting for {:?}", text()))
}

/// A widget that cannot be read, and is held, is deleted: it stays until somebody lets go of it.
async fn hold_and_let_go(world: &World) -> Result<()> {
    let kind = ApiResource::erase::<Widget>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), &world.namespace, &kind);
    let change = async |patch: serde_json::Value| {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        api.patch("malformed", &params, &patch).await
    };
    change(json!({"metadata": {"finalizers": [HOLD]}})).await?;
    api.delete("malformed", &DeleteParams::default()).await?;
    until_stalled(world, "malformed", "DeletionBlocked").await?;
    let told = world.event("malformed", "DeletionBlocked").await?;
    anyhow::ensure!(
        told.contains("correct that field") && told.contains("gatewaymigration.dev/force-delete=true"),
        "{told}"
    );
    change(json!({"metadata": {"annotations": {"gatewaymigration.dev/force-delete": "true"}}})).await?;
    let gone = await_condition(api.clone(), "malformed", |object: Option<&DynamicObject>| {
        object.is_none()
    });
    tokio::time::timeout(HANGS, gone)
        .await
        .context("it does not go")??;
    let told = world.event("malformed", "LeftBehind").await?;
    anyhow::ensure!(
        told.contains("what it has made outside the cluster stays"),
        "{told}"
    );
    Ok(())
}

/// One test, because a definition is there or not for the whole cluster.
#[tokio::test]
async fn one_bad_object_holds_up_no_other() {
    let bench = bench().await.unwrap();
    let (world, readiness) = (&bench.world, &bench.readiness);
    until(readiness, |waiting| waiting.contains("widgets.test.example.com"))
        .await
        .unwrap();
    install(world).await.unwrap();
    until(readiness, str::is_empty).await.unwrap();

    create(world, "malformed", json!("huge")).await.unwrap();
    create(world, "defect", json!(0)).await.unwrap();
    create(world, "good", json!(3)).await.unwrap();
    until_stalled(world, "malformed", "InvalidSpec").await.unwrap();
    until_stalled(world, "defect", "InternalError").await.unwrap();
    assert!(
        world
            .event("malformed", "InvalidSpec")
            .await
            .unwrap()
            .contains("huge")
    );

    hold_and_let_go(world).await.unwrap();

    // While the work is held up, tools read that it goes on, for this generation.
    let working = |widget: &Widget| {
        widget
            .status
            .as_ref()
            .is_some_and(|status| is(&status.conditions, "Reconciling", "True", "Progressing"))
    };
    let good = world.until("good", "being worked on", working).await.unwrap();
    let status = good.status.clone().unwrap();
    assert_eq!(status.observed_generation, good.metadata.generation);
    assert_eq!(verdict(&status.conditions), Kstatus::InProgress);

    bench.go.cancel();
    let done = |widget: &Widget| {
        widget
            .status
            .as_ref()
            .is_some_and(|status| is(&status.conditions, "Ready", "True", "Ready"))
    };
    let good = world.until("good", "done", done).await.unwrap();
    assert_eq!(verdict(&good.status.unwrap().conditions), Kstatus::Current);
    assert!(
        good.metadata
            .managed_fields
            .unwrap_or_default()
            .iter()
            .any(|entry| {
                entry.manager.as_deref() == Some("gateway-migration-operator/widget")
                    && entry.subresource.as_deref() == Some("status")
            })
    );
    world.event("good", "Ready").await.unwrap();
}
