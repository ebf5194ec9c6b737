//! A migration between the servers of a bed, step by step.

use anyhow::{Context, Result};
use gateway_migration_operator::kong::engine::Migration;
use gateway_migration_operator::kong::model::KongVersion;
use gateway_migration_operator::kong::plan::Planned;
use gateway_migration_operator::migration::plan::Action;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::kong_admin::{self, Edition};

pub use super::pipeline::{apply, migration, plan, plan_with};

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
