//! What is measured, what is required, and what decK needs for the same.

/// What one run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Phase {
    /// Read the workspace.
    SourceRead,
    /// Read both sides, which are equal, and plan.
    SteadyState,
    /// Read both sides, plan, write everything into an empty control plane, read again and verify.
    FirstMigration,
    /// The same without the verification.
    Writes,
    /// Read both sides, of which the source has other tags by now, plan, and overwrite.
    Updates,
    /// Read the control plane, which holds a migration and nothing else, and undo it.
    Rollback,
    /// Nothing: the operator holds finished migrations.
    Idle,
    /// Nothing in this process: the operator plans many migrations under a memory budget.
    Queue,
}

/// One row of the table. Times are in milliseconds, memory in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name in `benchmarks.json`.
    pub name: &'static str,
    /// What one run does.
    pub phase: Phase,
    /// Size of the workspace; see `simulators::workload`.
    pub units: usize,
    /// Waited by both servers before every answer.
    pub latency_ms: u64,
    /// Requests per second that Konnect takes; it answers 429 to others, and says nothing of when to return.
    pub limit: Option<u32>,
    /// Time required and aimed at.
    pub wall_ms: Option<(u64, u64)>,
    /// Peak memory required and aimed at.
    pub rss_kib: Option<(u64, u64)>,
    /// decK's time and peak memory, measured on a machine of the same kind with the same workload.
    pub deck: (Option<u64>, Option<u64>),
}

/// Megabytes in KiB.
const fn mb(megabytes: u64) -> u64 {
    megabytes * 1_000_000 / 1_024
}

const NOTHING: Case = Case {
    name: "",
    phase: Phase::SteadyState,
    units: 1_000,
    latency_ms: 0,
    limit: None,
    wall_ms: None,
    rss_kib: None,
    deck: (None, None),
};

/// All cases. Those without a requirement show how memory and time grow.
pub const CASES: &[Case] = &[
    Case {
        name: "source-read-11010-20ms",
        phase: Phase::SourceRead,
        latency_ms: 20,
        wall_ms: Some((2_000, 1_000)),
        deck: (Some(22_700), Some(mb(180))),
        ..NOTHING
    },
    Case {
        name: "steady-state-11010-20ms",
        latency_ms: 20,
        wall_ms: Some((3_000, 1_500)),
        deck: (Some(46_200), Some(mb(199))),
        ..NOTHING
    },
    Case {
        name: "first-migration-11010-20ms",
        phase: Phase::FirstMigration,
        latency_ms: 20,
        wall_ms: Some((7_000, 5_500)),
        deck: (Some(29_200), None),
        ..NOTHING
    },
    Case {
        name: "writes-2202-limit-200",
        phase: Phase::Writes,
        units: 200,
        limit: Some(200),
        wall_ms: Some((15_000, 12_500)),
        deck: (Some(102_000), None),
        ..NOTHING
    },
    // One read by id for each overwrite.
    Case {
        name: "updates-2202-20ms",
        phase: Phase::Updates,
        units: 200,
        latency_ms: 20,
        ..NOTHING
    },
    // One read by id for each delete, and one list for each kind that can be below what is deleted.
    Case {
        name: "rollback-2202-20ms",
        phase: Phase::Rollback,
        units: 200,
        latency_ms: 20,
        ..NOTHING
    },
    Case {
        name: "steady-state-11010-0ms",
        ..NOTHING
    },
    Case {
        name: "steady-state-55050-0ms",
        units: 5_000,
        ..NOTHING
    },
    Case {
        name: "steady-state-110100-0ms",
        units: 10_000,
        wall_ms: Some((6_000, 4_000)),
        rss_kib: Some((mb(250), mb(150))),
        deck: (Some(73_300), Some(mb(2_084))),
        ..NOTHING
    },
    Case {
        name: "idle-rss-100-migrations",
        phase: Phase::Idle,
        units: 100,
        rss_kib: Some((30 * 1024, 20 * 1024)),
        ..NOTHING
    },
    // The budget of 64 MiB, and what the operator holds beside it.
    Case {
        name: "thousand-migrations-64mib",
        phase: Phase::Queue,
        units: 1_000,
        ..NOTHING
    },
];

impl Phase {
    /// True when Konnect holds the workload at the beginning.
    pub fn begins_full(self) -> bool {
        matches!(self, Self::SteadyState | Self::Updates | Self::Rollback)
    }

    /// True when a run changes what Konnect holds at the beginning, so that each needs a Konnect of its own.
    pub fn changes_what_is_there(self) -> bool {
        matches!(self, Self::Updates | Self::Rollback)
    }
}

impl Case {
    /// A hundredth of it.
    pub fn shortened(&self) -> Self {
        Self {
            units: (self.units / 100).max(2),
            ..*self
        }
    }

    /// The least time that so many requests can take: one round trip for each place in flight, or the server's limit.
    pub fn floor_ms(&self, requests: u64, writes: u64) -> u64 {
        let in_flight = self.latency_ms * requests / super::run::IN_FLIGHT as u64;
        let limited = self.limit.map_or(0, |limit| writes * 1_000 / u64::from(limit));
        in_flight.max(limited)
    }
}
