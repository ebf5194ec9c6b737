//! Lets so many migrations work at a time as places and memory allow, and tells the others whom they wait for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::Stream;
use kube::Resource as _;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;

use crate::api::conditions::reason;
use crate::api::workspace_migration::{Phase, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::counted;
use crate::migration::admission_queue::{AdmissionLimits, AdmissionQueue, Priority};
use crate::telemetry::metrics::Metrics;

/// A migration.
pub(super) type Key = ObjectRef<WorkspaceMigration>;

/// What one migration holds besides its entities: answers being read, the plan's parts, status.
const BASE_BYTES: u64 = 1 << 20;
/// What one entity holds on both sides and in the plan. Measured (docs/benchmarks.md): 2.4 KiB in `first-migration-11010-20ms`, above what
/// a process without entities holds; 1.9 KiB more for each of the further ones up to 110,100.
const ENTITY_BYTES: u64 = 5 << 9;
/// Entities of a migration that has not read its source yet.
const UNKNOWN: u64 = 10_000;
/// Migrations that a message names.
const NAMED: usize = 3;

/// The queue of one controller; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    waiting: Arc<Mutex<AdmissionQueue<Key>>>,
    /// The moment that those of the queue are counted from.
    begun: Instant,
    wake: mpsc::UnboundedSender<Key>,
    metrics: Metrics,
}

/// Leave to work; given back on drop, which calls the next.
#[derive(Debug)]
pub(super) struct Permit {
    key: Key,
    queue: Queue,
}

/// Whom a migration waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Waiting before it.
    pub waiting: usize,
    /// At work, as namespace/name, sorted.
    pub working: Vec<String>,
}

impl Queue {
    /// A queue, and the stream of those whose turn has come.
    pub fn new(
        limits: AdmissionLimits,
        metrics: Metrics,
    ) -> (Self, impl Stream<Item = Key> + Send + 'static) {
        let (wake, mut called) = mpsc::unbounded_channel();
        let queue = Self {
            waiting: Arc::new(Mutex::new(AdmissionQueue::new(limits))),
            begun: Instant::now(),
            wake,
            metrics,
        };
        (
            queue,
            futures::stream::poll_fn(move |context| called.poll_recv(context)),
        )
    }

    /// Leave to work, or whom to wait for. Ask again when called.
    pub fn admit(&self, key: &Key, priority: Priority, entities: Option<u64>) -> Result<Permit, Position> {
        let mut queue = self.lock();
        let admitted = queue.admit(key, priority, bytes(entities), self.begun.elapsed());
        self.count(&queue);
        match admitted {
            Ok(()) => Ok(Permit {
                key: key.clone(),
                queue: self.clone(),
            }),
            Err(waiting) => {
                let name = |key: &Key| match &key.namespace {
                    Some(namespace) => format!("{namespace}/{}", key.name),
                    None => key.name.clone(),
                };
                let mut working: Vec<_> = queue.working().map(name).collect();
                working.sort();
                Err(Position { waiting, working })
            }
        }
    }

    /// It does not want to work any more: deleted, or suspended.
    pub fn leave(&self, key: &Key) {
        self.change(|queue| queue.leave(key));
    }

    /// Changes the queue, then calls those whose turn it makes.
    fn change(&self, change: impl FnOnce(&mut AdmissionQueue<Key>)) {
        let mut queue = self.lock();
        change(&mut queue);
        for key in queue.call(self.begun.elapsed()) {
            // The receiver lives as long as the controller; without it nobody is left to be called.
            let _ = self.wake.send(key);
        }
        self.count(&queue);
    }

    fn count(&self, queue: &AdmissionQueue<Key>) {
        let kind = WorkspaceMigration::kind(&());
        self.metrics
            .set_migrations(&kind, queue.working().count(), queue.waiting());
    }

    fn lock(&self) -> MutexGuard<'_, AdmissionQueue<Key>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Corrects what it was asked for, once the entities are counted.
    pub fn holds(&self, entities: usize) {
        let bytes = bytes(u64::try_from(entities).ok());
        self.queue.change(|queue| queue.resize(&self.key, bytes));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.queue.change(|queue| queue.release(&self.key));
    }
}

/// What a migration of so many entities needs.
fn bytes(entities: Option<u64>) -> u64 {
    BASE_BYTES.saturating_add(entities.unwrap_or(UNKNOWN).saturating_mul(ENTITY_BYTES))
}

/// Says whom it waits for. A finished migration that waits for a look stays as it is.
pub(super) fn wait(
    position: &Position,
    priority: Priority,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) -> Outcome {
    let mut named = position.working[..position.working.len().min(NAMED)].join(", ");
    if position.working.len() > NAMED {
        named = format!(
            "{named} and {}",
            counted(position.working.len() - NAMED, "other", "others")
        );
    }
    let before = match position.waiting {
        0 => "it is next".to_owned(),
        waiting => counted(waiting, "is ahead of it", "are ahead of it"),
    };
    draft.status.progress.get_or_insert_default().waiting_for =
        Some(format!("migration {named} to end; {before}"));
    // The one whose turn comes is called; the others only correct what they say, the farther the rarer.
    let far = u64::try_from(position.waiting).unwrap_or(u64::MAX);
    let again = Duration::from_secs(far.saturating_mul(2).clamp(30, 600));
    match priority {
        Priority::Look => Outcome::Unchanged(Some(again)),
        Priority::Work => {
            draft.status.phase = Some(Phase::Pending);
            let are = if position.working.len() == 1 { "is" } else { "are" };
            let message = format!(
                "Waits for a place: {named} {are} at work, {before}. See --max-concurrent-migrations and --memory-budget."
            );
            Outcome::wait(reason::QUEUED, message).again_after(again)
        }
    }
}
