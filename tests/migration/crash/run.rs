//! One migration during which the operator is killed, and started again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::Value;
use simulators::konnect::Konnect;
use simulators::server::{Behaviour, Write};
use simulators::workload;
use tokio::time::{sleep, timeout};

use super::kill_point::{KillPoint, Phase};
use crate::process::{Operator, Replica};
use crate::support::{Seen, World};

/// Units of the generated workspace, of 11 entities each.
const UNITS: usize = 182;
/// Its entities: the units, and a consumer group for each hundred of them.
pub const ENTITIES: u64 = 2004;
/// Name of the workspace, its control plane and its migration.
pub const NAME: &str = "generated";
/// Pause of Konnect before each answer, so that some writes are always in flight.
const LATENCY: Duration = Duration::from_millis(2);
/// The operator that is killed, and the one that takes over.
static FIRST: Replica = Replica::named("first");
static SECOND: Replica = Replica::named("second");
/// Name of the Lease that replicas share.
const LEASE: &str = "gateway-migration-operator";
/// A server that was not asked for so long has received everything.
const QUIET: Duration = Duration::from_millis(500);
/// Longest wait for the rest of the migration.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a run has shown.
#[derive(Debug)]
pub struct Report {
    /// Draws the kill point.
    pub seed: u64,
    /// When the operator was killed.
    pub point: KillPoint,
    /// Entities that the target held then.
    pub present: u64,
    /// Requests that were in flight to the target then.
    pub in_flight: u64,
    /// Writes of entities by the second operator.
    pub rewritten: u64,
    /// Entities written twice.
    pub repeated: u64,
    /// From the second start to its holding the Lease: that of the dead leader has run out by then.
    pub takeover: Duration,
    /// From the second start to Completed.
    pub recovery: Duration,
}

impl Report {
    /// Writes beyond those of entities that the target did not hold yet.
    pub fn beyond(&self) -> u64 {
        (self.present + self.rewritten).saturating_sub(ENTITIES)
    }
}

/// Migrates a workspace of 2,004 entities, kills the operator at a moment of a phase drawn by `seed`, starts it again, and checks that nothing
/// is lost, doubled or written more often than it must be.
pub async fn run(phase: Phase, seed: u64) -> Result<Report> {
    let dump = workload::dump(UNITS)?;
    let source = contents(&dump)?;
    ensure!(source.len() as u64 == ENTITIES, "{} entities", source.len());
    let point = KillPoint::draw(phase, &mut Rng::with_seed(seed), UNITS as u64, ENTITIES);
    let world = World::prepare("crash").await?;
    // Its CA certificates are those of every workspace.
    world.bed.kong.clear("default");
    world.bed.kong.load(NAME, &dump)?;
    world.bed.konnect_server.set_behaviour(Behaviour {
        latency: LATENCY,
        ..Behaviour::default()
    });
    world.control_plane(NAME).await?;
    world.create(world.migration(NAME, "Apply")).await?;
    killed_and_resumed(&world, &source, seed, point)
        .await
        .with_context(|| format!("seed {seed}: killed {point}"))
}

async fn killed_and_resumed(
    world: &World,
    source: &BTreeSet<String>,
    seed: u64,
    point: KillPoint,
) -> Result<Report> {
    let mut first = Operator::start_as(world, &FIRST)?;
    let reached = tokio::select! {
        failed = first.keep_running(world, &FIRST) => match failed? {},
        reached = timeout(PATIENCE, point.reached(world, ENTITIES)) => reached,
    };
    let mut in_flight = world.bed.konnect_server.stats().in_flight;
    first.kill()?;
    reached.with_context(|| format!("not reached; the operator says:\n{}", first.end_of_log()))?;
    settled(world).await;
    // Also one whose body was cut off: it is refused, and nobody hears the answer.
    let undone = |write: &&Write| write.status.is_none_or(|status| status >= 300);
    let cut = world.bed.konnect_server.writes().iter().filter(undone).count();
    // Counted twice, because some more were sent between the count and the kill.
    in_flight = in_flight.max(u64::try_from(cut)?);
    let before = entity_writes(world);
    let present = target_contents(&world.bed.konnect)?.len() as u64;

    let started = Instant::now();
    let mut second = Operator::start_as(world, &SECOND)?;
    let recovered = async {
        let leases = world.api::<Lease>();
        while !leases
            .get(LEASE)
            .await
            .is_ok_and(|lease| is_held(&lease, "second"))
        {
            sleep(Duration::from_millis(20)).await;
        }
        let takeover = started.elapsed();
        let completed = |seen: &Seen| seen.is_completed();
        let seen = world
            .migration_within(PATIENCE, NAME, "completed", completed)
            .await?;
        anyhow::Ok((takeover, seen))
    };
    let recovered = tokio::select! {
        failed = second.keep_running(world, &SECOND) => match failed? {},
        recovered = timeout(PATIENCE, recovered) => recovered,
    };
    let (takeover, completed) = recovered
        .context("nobody takes over")
        .flatten()
        .with_context(|| second.end_of_log())?;
    let recovery = started.elapsed();

    completed.assert_digests_equal(ENTITIES)?;
    let target = target_contents(&world.bed.konnect)?;
    let lost: Vec<_> = source.difference(&target).take(3).collect();
    let doubled: Vec<_> = target.difference(source).take(3).collect();
    ensure!(
        lost.is_empty() && doubled.is_empty(),
        "lost {lost:?}, not of the source {doubled:?}"
    );
    ensure!(
        world.bed.konnect.control_planes().len() == 1,
        "the control plane was made twice"
    );
    let writes = entity_writes(world);
    // Each process sends its first create twice, to see what a POST does with what is there.
    let rewritten = ((writes.len() - before.len()) as u64).saturating_sub(1);
    let remaining = ENTITIES - present;
    ensure!(
        rewritten <= remaining + in_flight,
        "{rewritten} writes for {remaining} remaining entities and {in_flight} in flight"
    );
    // Konnect refuses to make what is there; each process has it do so once, on purpose.
    let all = world.bed.konnect_server.writes();
    let refused = all.iter().filter(|write| is_made_again(write)).count() as u64;
    let repeated = refused.saturating_sub(2);
    let put = all
        .iter()
        .filter(|write| write.target.starts_with("PUT "))
        .count();
    ensure!(
        repeated <= in_flight && put == 0,
        "{repeated} entities were written more than once, with {in_flight} in flight, and {put} written over"
    );
    let rests = tokio::select! {
        failed = second.keep_running(world, &SECOND) => match failed? {},
        rests = world.rests(NAME) => rests,
    };
    rests.with_context(|| second.end_of_log())?;
    Ok(Report {
        seed,
        point,
        present,
        in_flight,
        rewritten,
        repeated,
        takeover,
        recovery,
    })
}

/// Returns when nothing is on its way any more that the dead operator has sent: what it left in the sockets is still read by the servers.
pub async fn settled(world: &World) {
    let mut last = (world.bed.konnect_server.stats().total, Instant::now());
    while last.1.elapsed() < QUIET {
        sleep(Duration::from_millis(10)).await;
        let stats = world.bed.konnect_server.stats();
        if stats.in_flight > 0 || stats.total != last.0 {
            last = (stats.total, Instant::now());
        }
    }
}

/// A create of what was there already.
fn is_made_again(write: &Write) -> bool {
    let creates = write.target.starts_with("POST ") && write.target.contains("/core-entities/");
    creates && matches!(write.status, Some(400 | 409))
}

fn is_held(lease: &Lease, by: &str) -> bool {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
    holder.is_some_and(|holder| holder.starts_with(by))
}

/// All writes of entities that Konnect has received, in order.
fn entity_writes(world: &World) -> Vec<String> {
    let writes = world.bed.konnect_server.writes().into_iter();
    let entities = writes.filter(|write| write.target.contains("/core-entities/"));
    entities.map(|write| write.target).collect()
}

/// Lists and ids of a dump; of a membership the ids of both ends.
pub fn contents(dump: &Value) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (path, list) in dump.as_object().context("a dump")? {
        for entity in list.as_array().context("a list")? {
            let id = entity["id"].as_str().context("an id")?;
            let path = path.trim_start_matches('/');
            let list = if path.ends_with("/targets") {
                "targets"
            } else {
                path
            };
            found.insert(format!("{list}/{id}"));
        }
    }
    Ok(found)
}

/// The same of what Konnect holds, in whichever control plane.
pub fn target_contents(konnect: &Konnect) -> Result<BTreeSet<String>> {
    const LISTS: [&str; 9] = [
        "services",
        "routes",
        "plugins",
        "upstreams",
        "targets",
        "consumers",
        "key-auths",
        "acls",
        "consumer_groups",
    ];
    let mut found = BTreeSet::new();
    for plane in konnect.control_planes() {
        let plane = plane["id"].as_str().context("an id")?;
        for list in LISTS {
            for entity in konnect.entities(plane, list) {
                let id = entity["id"].as_str().context("an id")?;
                found.insert(format!("{list}/{id}"));
                if list == "consumer_groups" {
                    let members = konnect.group_members(plane, id).into_iter();
                    found.extend(members.map(|member| format!("consumer_groups/{id}/consumers/{member}")));
                }
            }
        }
    }
    Ok(found)
}
