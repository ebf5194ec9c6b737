//! Where in a migration the operator is killed.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use simulators::server::Stats;
use tokio::time::{Instant, sleep};

use crate::support::World;

/// Between two looks at the servers' counters.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// A source that was not asked for so long has been read.
const QUIET: Duration = Duration::from_millis(30);
/// Longest pause drawn between the last read and the kill, to strike while the plan is made and stored.
const PLANNING: u64 = 600;

/// A moment of a migration, by what the servers have seen until then.
#[derive(Debug, Clone, Copy)]
pub enum KillPoint {
    /// While both sides are read: after so many requests to the source.
    Read(u64),
    /// After the source was read, before or around the first write: so many milliseconds later.
    Plan(u64),
    /// While entities are written: after so many writes.
    Write(u64),
    /// While the target is read again: so many requests after the last write.
    Verify(u64),
}

/// What the operator does when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reads both sides.
    Read,
    /// Makes and stores the plan, up to the first write.
    Plan,
    /// Writes entities.
    Write,
    /// Reads the target again.
    Verify,
}

impl Phase {
    /// All, in the order of a migration.
    pub const ALL: [Self; 4] = [Self::Read, Self::Plan, Self::Write, Self::Verify];

    /// The phase in a sentence.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Read => "reading",
            Self::Plan => "planning",
            Self::Write => "writing",
            Self::Verify => "verifying",
        }
    }
}

impl KillPoint {
    /// A moment in a phase of the migration of `units`, any as likely as the others.
    pub fn draw(phase: Phase, rng: &mut Rng, units: u64, entities: u64) -> Self {
        match phase {
            // One list per kind, and the targets of each upstream.
            Phase::Read => Self::Read(rng.u64(1..=units)),
            Phase::Plan => Self::Plan(rng.u64(..PLANNING)),
            Phase::Write => Self::Write(rng.u64(1..=entities)),
            Phase::Verify => Self::Verify(rng.u64(1..=25)),
        }
    }

    /// The phase that it is in.
    pub fn phase(self) -> Phase {
        match self {
            Self::Read(_) => Phase::Read,
            Self::Plan(_) => Phase::Plan,
            Self::Write(_) => Phase::Write,
            Self::Verify(_) => Phase::Verify,
        }
    }

    /// Returns at the moment, or when the migration has passed it.
    pub async fn reached(self, world: &World, entities: u64) {
        let stats = || (world.bed.kong_server.stats(), world.bed.konnect_server.stats());
        let mut asked = (0, Instant::now());
        let mut verifying_from = None;
        loop {
            let (source, target) = stats();
            let written = writes(&target);
            if source.total != asked.0 {
                asked = (source.total, Instant::now());
            }
            if written >= entities {
                verifying_from.get_or_insert(target.total);
            }
            let there = match self {
                Self::Read(requests) => source.total >= requests || written > 0,
                Self::Plan(pause) => {
                    let quiet = source.total > 20 && asked.1.elapsed() > QUIET;
                    if quiet {
                        sleep(Duration::from_millis(pause)).await;
                    }
                    quiet
                }
                Self::Write(number) => written >= number,
                Self::Verify(requests) => verifying_from.is_some_and(|from| target.total >= from + requests),
            };
            if there {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Writes of entities, whatever was answered; those of the control plane itself are not counted.
fn writes(target: &Stats) -> u64 {
    target
        .by_parent
        .iter()
        .filter(|(parent, _)| parent.ends_with("/core-entities"))
        .map(|(_, below)| below.writes)
        .sum()
}

impl fmt::Display for KillPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(requests) => write!(f, "after {requests} requests to the source"),
            Self::Plan(pause) => write!(f, "{pause} ms after the source was read"),
            Self::Write(number) => write!(f, "after {number} writes"),
            Self::Verify(requests) => write!(f, "{requests} requests after the last write"),
        }
    }
}
