//! A migration between the servers of a bed, step by step.

use anyhow::{Context, Result};
use gateway_migration_operator::domain::KongVersion;
use gateway_migration_operator::engine::apply::initial_progress;
use gateway_migration_operator::engine::{Applied, Migration, Observed, OnRefusal, Throttle};
use gateway_migration_operator::http::{
    Budget, EndpointMap, RetryPolicy, TlsOptions, Transport, TransportOptions,
};
use gateway_migration_operator::plan::{Action, Planned, Policy};
use gateway_migration_operator::{kong_admin as client, konnect};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::kong_admin::{self, Edition};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The workspace that a trap fills.
pub const WORKSPACE: &str = "trap";

/// An id for the nth entity of a trap.
pub fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// A bed with one more workspace, filled from lists by path.
pub async fn bed_with(lists: &Value) -> Result<Bed> {
    let bed = Bed::start().await?;
    bed.kong.load(WORKSPACE, lists)?;
    Ok(bed)
}

/// A bed whose Kong is of another version and edition.
pub async fn gateway(version: &str, edition: Edition, wasm: bool) -> Result<Bed> {
    let source = kong_admin::Options {
        edition,
        version: Some(version.to_owned()),
        wasm,
        ..kong_admin::Options::default()
    };
    let target = simulators::konnect::Options {
        tokens: vec![Bed::KONNECT_TOKEN.to_owned()],
        ..simulators::konnect::Options::default()
    };
    Bed::start_from(source, target).await
}

/// Paths that the source was asked for.
pub fn asked(bed: &Bed, part: &str) -> bool {
    bed.kong_server
        .stats()
        .by_route
        .keys()
        .any(|route| route.contains(part))
}

/// A list of one of the bed's sample workspaces.
pub fn sample(workspace: &str, path: &str) -> Result<Vec<Value>> {
    let (_, text) = Bed::WORKSPACES
        .iter()
        .find(|(name, _)| *name == workspace)
        .context("no such sample")?;
    let lists: Value = serde_json::from_str(text)?;
    let list = lists[path].as_array().context("no such list")?;
    Ok(list.clone())
}

/// An entity of a sample with some fields set anew: the others are as a gateway returns them.
pub fn like(workspace: &str, path: &str, fields: Value) -> Result<Value> {
    let mut entity = sample(workspace, path)?
        .into_iter()
        .next()
        .context("an empty list")?;
    if let (Some(entity), Value::Object(fields)) = (entity.as_object_mut(), fields) {
        entity.extend(fields);
    }
    Ok(entity)
}

/// A migration of a workspace into a control plane of its own.
pub async fn migration(bed: &Bed, workspace: &str) -> Result<Migration> {
    let transport = Transport::new(TransportOptions {
        extra_roots: vec![("the bed's CA".to_owned(), bed.ca_pem.clone().into_bytes())],
        endpoints: EndpointMap::parse([format!("us.api.konghq.com={}", bed.konnect_server.url())])?,
        retry: RetryPolicy {
            base: std::time::Duration::from_millis(1),
            ..RetryPolicy::default()
        },
        ..TransportOptions::default()
    })?;
    let trusted = transport.with_tls(&TlsOptions {
        ca_pem: Some(bed.ca_pem.clone()),
        ..TlsOptions::default()
    })?;
    let token = SecretString::from(Bed::KONG_TOKEN);
    let target = konnect::Client::new(
        &transport,
        &konnect::ServerUrl::parse("us.api.konghq.com")?,
        &SecretString::from(Bed::KONNECT_TOKEN),
        Budget::new(16).into(),
    )?;
    let wanted = konnect::CreateControlPlane {
        name: workspace.to_owned(),
        ..Default::default()
    };
    Ok(Migration {
        source: client::Client::new(&trusted, &bed.kong_server.url(), Some(&token))?.into(),
        workspace: workspace.to_owned(),
        control_plane: target.create_control_plane(&wanted).await?.id,
        target,
        throttle: Throttle::new(16),
        on_refusal: OnRefusal::GoOn,
    })
}

/// The plan for what both sides hold now.
pub async fn plan_with(migration: &Migration, policy: &Policy) -> Result<Planned> {
    let source = migration.observe_source().await?;
    let target = migration.observe_target().await?;
    let observed = Observed { source, target };
    // Certificates of the samples are valid then.
    Ok(observed.plan(policy, "2026-11-21T00:00:00Z".parse()?, &[], &Default::default()))
}

/// The same without any policy.
pub async fn plan(migration: &Migration) -> Result<Planned> {
    plan_with(migration, &Policy::default()).await
}

/// Carries a plan out.
pub async fn apply(migration: &Migration, planned: &Planned) -> Applied {
    let (progress, _) = watch::channel(initial_progress(&planned.plan));
    migration
        .apply(planned, &CancellationToken::new(), &progress)
        .await
}

/// Moves everything, proves it equal, and proves that a second run writes nothing.
pub async fn move_all(bed: &Bed, migration: &Migration) -> Result<Planned> {
    let planned = plan(migration).await?;
    let applied = apply(migration, &planned).await;
    anyhow::ensure!(applied.refused.is_empty(), "refused: {:#?}", applied.refused);
    anyhow::ensure!(applied.interrupted.is_none(), "{:?}", applied.interrupted);
    let verification = migration.verify(&planned, KongVersion::parse("3.9.1")).await?;
    anyhow::ensure!(verification.holds(), "{verification:#?}");
    ensure_quiet(bed, migration, planned.desired.len()).await?;
    Ok(planned)
}

/// Proves that a run finds `unchanged` entities equal, none to update, and writes nothing.
pub async fn ensure_quiet(bed: &Bed, migration: &Migration, unchanged: usize) -> Result<()> {
    let before = bed.konnect_server.stats().writes;
    let planned = plan(migration).await?;
    let updates: Vec<_> = planned
        .plan
        .operations
        .iter()
        .filter(|operation| operation.action == Action::Update)
        .collect();
    anyhow::ensure!(updates.is_empty(), "{updates:#?}");
    anyhow::ensure!(
        planned.plan.count(Action::Unchanged) == unchanged,
        "{}",
        planned.plan.summary()
    );
    apply(migration, &planned).await;
    anyhow::ensure!(
        bed.konnect_server.stats().writes == before,
        "the second run wrote"
    );
    Ok(())
}

/// What the control plane holds of one kind and id; null when nothing.
pub fn held(bed: &Bed, migration: &Migration, path: &str, id: &str) -> Value {
    bed.konnect
        .entities(&migration.control_plane, path)
        .into_iter()
        .find(|entity| entity["id"] == json!(id))
        .unwrap_or(Value::Null)
}

/// Subjects (`kind/id`) of all findings with an id.
pub fn found(planned: &Planned, finding: &str) -> Vec<String> {
    planned
        .plan
        .findings
        .iter()
        .filter(|found| found.id == finding)
        .map(|found| found.subject.key.to_string())
        .collect()
}
