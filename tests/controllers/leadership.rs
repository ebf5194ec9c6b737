//! Two replicas and one Lease.

use std::time::Duration;

use anyhow::Result;
use gateway_migration_operator::{
    api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration as Auth,
    config::Config,
    k8s::lease::LeaseOptions,
    operator::{OperatorError, operate},
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{SERVER, TOKEN, World, is};

const LEASE: &str = "operator";

struct Replica {
    stop: CancellationToken,
    task: JoinHandle<Result<(), OperatorError>>,
}

fn start(world: &World, identity: &str) -> Replica {
    let options = LeaseOptions {
        duration: Duration::from_secs(5),
        renew_deadline: Duration::from_secs(3),
        retry_period: Duration::from_millis(200),
        ..LeaseOptions::new(&world.namespace, LEASE, identity)
    };
    let config = Config {
        election: Some(options),
        ..world.config()
    };
    let stop = CancellationToken::new();
    let task = tokio::spawn(operate(world.cluster.clone(), config, stop.clone()));
    Replica { stop, task }
}

async fn until_holder(world: &World, identity: &str) -> Result<()> {
    let held = |lease: &Lease| holder(lease) == Some(identity);
    world
        .until::<Lease>(LEASE, &format!("held by {identity}"), held)
        .await?;
    Ok(())
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref()
}

/// Applies an object and waits until somebody has reconciled it.
async fn until_worked_on(world: &World, name: &str) -> Result<()> {
    let spec = json!({"spec": {"type": "token", "token": TOKEN, "serverURL": SERVER}});
    world.apply::<Auth>(name, spec).await?;
    let valid = |auth: &Auth| {
        auth.status
            .as_ref()
            .is_some_and(|status| is(&status.conditions, "Ready", "True", "Valid"))
    };
    world.until(name, "valid", valid).await?;
    Ok(())
}

#[tokio::test]
async fn a_standby_takes_over_when_the_leader_lets_go_and_when_it_dies() {
    let world = World::without_operator().await.unwrap();
    let first = start(&world, "first");
    until_holder(&world, "first").await.unwrap();
    until_worked_on(&world, "a").await.unwrap();

    let second = start(&world, "second");
    first.stop.cancel();
    first.task.await.unwrap().unwrap();
    until_holder(&world, "second").await.unwrap();
    until_worked_on(&world, "b").await.unwrap();

    let third = start(&world, "third");
    second.task.abort();
    assert!(second.task.await.unwrap_err().is_cancelled());
    until_holder(&world, "third").await.unwrap();
    until_worked_on(&world, "c").await.unwrap();
    third.stop.cancel();
    third.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_leader_that_was_replaced_stops() {
    let world = World::without_operator().await.unwrap();
    let first = start(&world, "first");
    until_holder(&world, "first").await.unwrap();
    let usurped = json!({"spec": {"holderIdentity": "somebody-else"}});
    world
        .api::<Lease>()
        .patch(LEASE, &PatchParams::default(), &Patch::Merge(&usurped))
        .await
        .unwrap();
    let ended = first.task.await.unwrap();
    assert!(matches!(ended, Err(OperatorError::LeaseLost)), "{ended:?}");
}

#[tokio::test]
async fn a_standby_writes_nothing() {
    let world = World::without_operator().await.unwrap();
    let lease = json!({"spec": {
        "holderIdentity": "somebody-else", "leaseDurationSeconds": 3600,
        "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z",
    }});
    world.apply::<Lease>(LEASE, lease).await.unwrap();
    let standby = start(&world, "standby");
    let witness = World::start().await.unwrap();
    let spec = json!({"spec": {"type": "token", "token": TOKEN, "serverURL": SERVER}});
    world.apply::<Auth>("a", spec).await.unwrap();
    until_worked_on(&witness, "a").await.unwrap();
    assert_eq!(world.server.stats().total + world.global.stats().total, 0);
    standby.stop.cancel();
    standby.task.await.unwrap().unwrap();
    let lease = world.api::<Lease>().get(LEASE).await.unwrap();
    assert_eq!(holder(&lease), Some("somebody-else"));
}
