//! What the rows of the matrix have in common: a migration, a fault in it, what the user sees, and the end that it comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::config::Config;
use serde_json::json;
use simulators::server::Behaviour;
use simulators::workload;

use crate::support::{Seen, World};

/// Name of the workspace, its control plane and its migration.
pub const NAME: &str = "generated";
/// Units of the generated workspace.
const UNITS: usize = 10;
/// Its entities.
pub const ENTITIES: u64 = 111;
/// A bound against hanging.
const PATIENCE: Duration = Duration::from_secs(90);

/// A migration that goes wrong.
pub struct Case {
    pub world: World,
}

/// How tools that know kstatus see an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kstatus {
    /// Goes on by itself.
    InProgress,
    /// Waits for something that the operator looks for by itself, at intervals or by a watch.
    Waiting,
    /// Somebody has to act.
    Failed,
}

/// What the user sees.
pub struct Shown<'a> {
    /// Type of the condition that is False.
    pub condition: &'a str,
    pub reason: &'a str,
    pub kstatus: Kstatus,
    /// Parts of its message: the object, what happened, what to do.
    pub says: &'a [&'a str],
}

/// Answers that take longer than two seconds are given up.
pub fn impatient(config: &mut Config) {
    config.transport.request_timeout = Duration::from_secs(2);
}

/// A server that takes so many milliseconds for each answer.
pub fn slow(latency: u64) -> Behaviour {
    Behaviour {
        latency: Duration::from_millis(latency),
        ..Behaviour::default()
    }
}

impl Case {
    /// An operator with nothing to do yet, a workspace of 111 entities, and a control plane for it.
    pub async fn ready(name: &str) -> Result<Self> {
        Self::ready_with(name, |_| {}).await
    }

    /// The same with other settings of the operator.
    pub async fn ready_with(name: &str, adjust: impl FnOnce(&mut Config)) -> Result<Self> {
        Self::ready_in(World::prepare(name).await?, adjust).await
    }

    /// The same in a world of the caller's.
    pub async fn ready_in(mut world: World, adjust: impl FnOnce(&mut Config)) -> Result<Self> {
        // The CA certificates of one workspace are those of all.
        world.bed.kong.clear("default");
        world.bed.kong.load(NAME, &workload::dump(UNITS)?)?;
        world.control_plane(NAME).await?;
        world.start_operator_with(adjust)?;
        world.control_plane_id(NAME).await?;
        Ok(Self { world })
    }

    /// Faults of the source from now on, written as for `--fault`.
    pub fn break_source(&self, faults: &[&str]) -> Result<()> {
        let behaviour = Behaviour::with_faults(faults)?;
        self.world.bed.kong_server.set_behaviour(behaviour);
        Ok(())
    }

    /// Faults of Konnect from now on.
    pub fn break_target(&self, faults: &[&str]) -> Result<()> {
        let behaviour = Behaviour::with_faults(faults)?;
        self.world.bed.konnect_server.set_behaviour(behaviour);
        Ok(())
    }

    /// Has Konnect take so many milliseconds for each answer, so that there is a middle to do something in.
    pub fn slow_target(&self, latency: u64) {
        self.world.bed.konnect_server.set_behaviour(slow(latency));
    }

    /// Ends all faults of both servers.
    pub fn mend(&self) {
        self.world.bed.kong_server.set_behaviour(Behaviour::default());
        self.world.bed.konnect_server.set_behaviour(Behaviour::default());
    }

    /// Lets the migration begin.
    pub async fn migrate(&self) -> Result<()> {
        self.world.create(self.world.migration(NAME, "Apply")).await
    }

    /// Waits until so many entities have been written, whatever was answered.
    pub async fn written(&self, count: usize) -> Result<()> {
        let reached = async {
            while self.writes().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        reached.with_context(|| format!("{} of {count} writes", self.writes().len()))
    }

    /// Waits until the user sees this.
    pub async fn shows(&self, shown: &Shown<'_>) -> Result<Seen> {
        let what = format!("{} False {}, {:?}", shown.condition, shown.reason, shown.kstatus);
        let as_expected = |seen: &Seen| {
            seen.is(shown.condition, "False", shown.reason) && kstatus(seen) == Some(shown.kstatus)
        };
        let seen = self.until(&what, as_expected).await?;
        let message = seen.message(shown.condition);
        for part in shown.says {
            ensure!(message.contains(part), "{part:?} is not in {message:?}");
        }
        Ok(seen)
    }

    /// Waits until the migration is in a state.
    pub async fn until(&self, what: &str, is: impl Fn(&Seen) -> bool) -> Result<Seen> {
        self.world.migration_within(PATIENCE, NAME, what, is).await
    }

    /// Waits until the migration has come to its end as if nothing had happened: digests equal, every entity written once, and a further
    /// pass that writes nothing.
    pub async fn converges(self) -> Result<()> {
        self.converges_to(ENTITIES).await
    }

    /// The same with another number of entities.
    pub async fn converges_to(self, entities: u64) -> Result<()> {
        let seen = self.until("completed", Seen::is_completed).await?;
        seen.assert_digests_equal(entities)?;
        ensure!(
            self.world.bed.konnect.control_planes().len() == 1,
            "control planes"
        );
        let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
        for (target, status) in self.writes() {
            if status.is_some_and(|status| status < 300) {
                *accepted.entry(target).or_default() += 1;
            }
        }
        let puts = accepted.iter().filter(|(target, _)| target.starts_with("PUT "));
        let again: Vec<_> = puts.filter(|(_, times)| **times > 1).collect();
        ensure!(again.is_empty(), "written again although it was there: {again:?}");
        let before = self.writes().len();
        self.world
            .change(NAME, json!({"throttle": {"maxInFlight": 7}}))
            .await?;
        self.until("completed again", |seen| {
            seen.0.metadata.generation > Some(1) && seen.is_completed()
        })
        .await?;
        ensure!(self.writes().len() == before, "a further pass has written");
        self.world.stop().await
    }

    /// Writes of entities that Konnect has received, with the status that was answered.
    pub fn writes(&self) -> Vec<(String, Option<u16>)> {
        let writes = self.world.bed.konnect_server.writes().into_iter();
        let entities = writes.filter(|write| write.target.contains("/core-entities/"));
        entities.map(|write| (write.target, write.status)).collect()
    }
}

fn kstatus(seen: &Seen) -> Option<Kstatus> {
    let is = |type_| seen.condition(type_).is_some_and(|(status, _)| status == "True");
    match (is("Ready"), is("Reconciling"), is("Stalled")) {
        (false, true, false) => Some(Kstatus::InProgress),
        (false, false, true) => Some(Kstatus::Failed),
        (false, false, false) => Some(Kstatus::Waiting),
        _ => None,
    }
}
