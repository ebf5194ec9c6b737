//! One run after the other, each with its accounts.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context as _;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigrationStatus;
use serde_json::Value;
use simulators::bed::Bed;
use simulators::server::Stats;

use crate::account::{Account, Run as Which};
use crate::follow::{Follower, Reached};
use crate::operator::Operator;
use crate::recorded;
use crate::stage::Stage;

/// What one run did.
pub struct Run {
    /// One account for each workspace, in the order of the test bed.
    pub accounts: Vec<Account>,
    /// What both servers counted meanwhile.
    pub konnect: Stats,
    /// Kong's server.
    pub kong: Stats,
}

/// Waits for all objects of a run that began at `begun`, and closes the books.
///
/// # Errors
/// When an object does not get ready.
pub async fn finish(
    stage: &mut Stage,
    follower: &mut Follower,
    wanted: &BTreeMap<String, i64>,
    begun: Instant,
) -> anyhow::Result<Run> {
    let reached = follower.until_ready(wanted, &mut stage.operator, begun).await?;
    let konnect = stage.bed.konnect_server.stats();
    let mut accounts = Vec::new();
    for (workspace, _) in Bed::WORKSPACES {
        if let Some(reached) = reached.get(&migration(workspace)) {
            accounts.push(account(workspace, reached, &konnect)?);
        }
    }
    let kong = stage.bed.kong_server.stats();
    Ok(Run {
        accounts,
        konnect,
        kong,
    })
}

/// Sets the counters of both servers to zero, and starts the clock.
pub fn begin(stage: &Stage) -> Instant {
    stage.bed.konnect_server.reset_stats();
    stage.bed.kong_server.reset_stats();
    Instant::now()
}

/// Has every migration look, and apply, once more.
///
/// # Errors
/// When kubectl fails.
pub async fn touch_all(stage: &Stage, run: &Run) -> anyhow::Result<BTreeMap<String, i64>> {
    let mut wanted = BTreeMap::new();
    for account in &run.accounts {
        let object = migration(account.workspace);
        let generation = stage.touch(&object).await?;
        wanted.insert(object, generation);
    }
    Ok(wanted)
}

/// What is wrong with either run, or with the operator's rights.
pub fn complaints(operator: &Operator, first: &Run, second: &Run) -> Vec<String> {
    let of = |run: &Run, which| {
        let accounts = run.accounts.iter();
        accounts
            .flat_map(move |account| account.complaints(which))
            .collect::<Vec<_>>()
    };
    let mut all = of(first, Which::First);
    all.extend(of(second, Which::Second));
    if second.konnect.writes > 0 {
        all.push(format!("the second run wrote: {:?}", second.konnect.by_route));
    }
    let refused = operator.refusals();
    all.extend(
        refused
            .iter()
            .map(|refusal| format!("config/rbac lacks a right: the operator {refusal}")),
    );
    all
}

/// The migration of a workspace, as kubectl names it; in the samples both have one name.
pub fn migration(workspace: &str) -> String {
    format!("workspacemigration/{workspace}")
}

fn account(workspace: &'static str, reached: &Reached, konnect: &Stats) -> anyhow::Result<Account> {
    let status: WorkspaceMigrationStatus =
        serde_json::from_value(reached.status.clone()).context("a status is not as its kind says")?;
    let control_plane = reached
        .status
        .pointer("/target/controlPlaneID")
        .and_then(Value::as_str);
    let entities = format!(
        "/v2/control-planes/{}/core-entities",
        control_plane.unwrap_or_default()
    );
    Ok(Account {
        workspace,
        holding: recorded::holding(workspace)?,
        status,
        requests: konnect.by_parent.get(&entities).copied().unwrap_or_default(),
        took: reached.took,
    })
}
