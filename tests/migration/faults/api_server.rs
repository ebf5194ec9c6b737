//! Rows of the matrix about the API server: it goes away while entities are written, for shorter than the Lease is trusted and for longer.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::config::Config;
use gateway_migration_operator::k8s::lease::LeaseOptions;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use simulators::cluster::Cluster;
use simulators::konnect::Side;
use simulators::server::{Running, ServeOptions, serve};
use simulators::workload;
use tokio::time::{sleep, timeout};

use super::case::{Case, NAME, slow};
use crate::cluster::{config_of, install_definitions};
use crate::process::{Operator, Replica};
use crate::support::{Seen, World};

/// A bound against hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// A cluster of the test's own, with the operator's kinds.
async fn own_cluster() -> Result<(Cluster, kube::Config)> {
    let cluster = Cluster::start_async().await?;
    let config = config_of(&cluster).await?;
    install_definitions(&Client::try_from(config.clone())?).await?;
    Ok((cluster, config))
}

async fn stopped(mut cluster: Cluster) -> Result<Cluster> {
    let stopped = tokio::task::spawn_blocking(move || cluster.stop_api_server().map(|()| cluster));
    stopped.await?
}

async fn started(mut cluster: Cluster) -> Result<Cluster> {
    let started = tokio::task::spawn_blocking(move || cluster.start_api_server().map(|()| cluster));
    started.await?
}

/// A restart of the API server in the middle of a migration, which goes on meanwhile and comes to its end.
async fn goes_on(
    reached: kube::Config,
    cluster: Cluster,
    adjust: impl FnOnce(&mut Config),
) -> Result<Cluster> {
    let case = Case::ready_in(World::prepare_in(reached, "api-server").await?, adjust).await?;
    case.slow_target(100);
    case.migrate().await?;
    case.written(20).await?;
    let cluster = stopped(cluster).await?;
    // What was planned goes on: the target needs no API server.
    case.written(60).await?;
    let cluster = started(cluster).await?;
    case.mend();
    case.converges().await.context("after the restart")?;
    Ok(cluster)
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted() -> Result<()> {
    let (cluster, reached) = own_cluster().await?;
    goes_on(reached, cluster, |_| {}).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_while_the_lease_is_trusted() -> Result<()> {
    let (cluster, reached) = own_cluster().await?;
    let client = Client::try_from(reached.clone())?;
    // Trusted for longer than any restart takes.
    let lease = LeaseOptions {
        duration: Duration::from_secs(900),
        renew_deadline: Duration::from_secs(600),
        ..LeaseOptions::new("default", "operator", "only")
    };
    let cluster = goes_on(reached, cluster, |config| config.election = Some(lease)).await?;
    let kept = kube::Api::<Lease>::namespaced(client, "default")
        .get("operator")
        .await?;
    let spec = kept.spec.context("a Lease")?;
    assert_eq!(spec.lease_transitions, Some(0), "it was taken anew");
    drop(cluster);
    Ok(())
}

/// One Konnect with a door for every process that may write, by which their writes are told apart.
struct Doors {
    world: World,
    doors: Vec<Running>,
}

impl Doors {
    /// Units of the generated workspace, and its entities.
    const UNITS: usize = 60;
    const ENTITIES: u64 = 661;

    async fn prepare(reached: kube::Config) -> Result<Self> {
        let world = World::prepare_in(reached, "away").await?;
        world.bed.kong.clear("default");
        world.bed.kong.load(NAME, &workload::dump(Self::UNITS)?)?;
        let doors = Vec::new();
        Ok(Self { world, doors })
    }

    /// Starts the operator as a process with a door of its own, through which the workspace takes some twenty seconds.
    async fn operator(&mut self, cluster: &Cluster, identity: &'static str) -> Result<Operator> {
        let options = ServeOptions {
            behaviour: slow(500),
            ..ServeOptions::default()
        };
        let door = serve(self.world.bed.konnect.router(Side::Region), options).await?;
        let replica = Replica {
            konnect: Some(door.url()),
            ..Replica::named(identity)
        };
        self.doors.push(door);
        Operator::start_in(cluster, &self.world, &replica)
    }

    /// When the writes of entities through a door arrived.
    fn arrivals(&self, door: usize) -> Vec<Instant> {
        let writes = self.doors[door].writes().into_iter();
        let entities = writes.filter(|write| write.target.contains("/core-entities/"));
        entities.map(|write| write.began).collect()
    }

    /// Fails unless each process had sent its last write before the next one sent its first.
    fn assert_in_turns(&self) -> Result<()> {
        let mut turns: Vec<_> = (0..self.doors.len())
            .filter_map(|door| {
                let arrivals = self.arrivals(door);
                Some((*arrivals.iter().min()?, *arrivals.iter().max()?, door))
            })
            .collect();
        turns.sort_unstable();
        for pair in turns.windows(2) {
            let ((_, last, before), (next, _, after)) = (pair[0], pair[1]);
            ensure!(
                last < next,
                "{before} wrote {:?} after {after} had begun",
                last - next
            );
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn away_for_longer_than_the_lease_is_trusted() -> Result<()> {
    let (cluster, reached) = own_cluster().await?;
    let mut doors = Doors::prepare(reached).await?;
    let mut first = doors.operator(&cluster, "first").await?;
    doors.world.control_plane(NAME).await?;
    doors.world.control_plane_id(NAME).await?;
    let second = doors.operator(&cluster, "second").await?;
    second.until_standby().await?;
    doors.world.create(doors.world.migration(NAME, "Apply")).await?;
    let begun = async {
        while doors.arrivals(0).len() < 50 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, begun)
        .await
        .with_context(|| first.end_of_log())?;
    let cluster = stopped(cluster).await?;
    let ended = async {
        loop {
            if let Some(status) = first.ended()? {
                return anyhow::Ok(status);
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = timeout(PATIENCE, ended)
        .await
        .context("the first goes on without its Lease")??;
    assert!(!ended.success(), "it has to say that it lost the Lease");
    assert!(first.log()?.contains("lease was lost"), "{}", first.end_of_log());
    let left = Doors::ENTITIES - doors.arrivals(0).len() as u64;
    assert!(left > 0, "nothing is left for the next one");
    let cluster = started(cluster).await?;
    // As Kubernetes starts a container again that has ended.
    let again = doors.operator(&cluster, "first").await?;
    let completed = doors
        .world
        .migration_within(PATIENCE, NAME, "completed", Seen::is_completed)
        .await
        .with_context(|| format!("{}\n{}", second.end_of_log(), again.end_of_log()))?;
    completed.assert_digests_equal(Doors::ENTITIES)?;
    doors.assert_in_turns()?;
    let count = |doors: &Doors| (0..3).map(|door| doors.arrivals(door).len()).sum::<usize>();
    let before = count(&doors);
    println!("{before} writes, {left} left by the first");
    doors.world.pass_again(NAME).await?;
    assert_eq!(count(&doors), before, "a further pass has written");
    Ok(())
}
