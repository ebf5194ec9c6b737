//! Rows of the matrix about the cluster that the operator runs in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use gateway_migration_operator::clock::Clock;
use gateway_migration_operator::k8s::lease::LeaseOptions;
use jiff::{SignedDuration, Timestamp};

use super::case::Case;
use crate::support::World;

/// The machine's clock, put forward and back.
#[derive(Debug, Default)]
struct Jumping(AtomicI64);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        let by = SignedDuration::from_hours(self.0.load(Ordering::Relaxed));
        Timestamp::now().checked_add(by).unwrap_or(Timestamp::MAX)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_jump() -> Result<()> {
    let clock = Arc::new(Jumping::default());
    let own = clock.clone();
    let world = World::prepare("clock").await?;
    let lease = LeaseOptions::new(&world.namespace, "operator", "only");
    let case = Case::ready_in(world, |config| {
        config.clock = own;
        config.election = Some(lease);
    })
    .await?;
    case.slow_target(100);
    case.migrate().await?;
    case.written(20).await?;
    clock.0.store(24 * 365, Ordering::Relaxed);
    case.written(60).await?;
    clock.0.store(-24 * 365, Ordering::Relaxed);
    case.mend();
    case.converges().await
}
