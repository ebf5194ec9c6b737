//! Lets so many migrations work at a time as places and memory allow, and tells the others whom they wait for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::Stream;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;

use crate::api::conditions::reason;
use crate::api::migration::{MigrationKind, MigrationStatus, Phase};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::{counted, first_few};
use crate::k8s::status::ObjectStatus;
use crate::migration::admission_queue::{AdmissionLimits, AdmissionQueue, Priority};
use crate::telemetry::metrics::Metrics;

/// What one migration holds besides its entities: answers being read, the plan's parts, status.
const BASE_BYTES: u64 = 1 << 20;
/// What one entity holds on both sides and in the plan. Measured (docs/benchmarks.md): 2.4 KiB in `first-migration-11010-20ms`, above what
/// a process without entities holds; 1.9 KiB more for each of the further ones up to 110,100.
const ENTITY_BYTES: u64 = 5 << 9;
/// Entities of a migration that has not read its source yet.
const UNKNOWN: u64 = 10_000;
/// Migrations that a message names.
const NAMED: usize = 3;

/// Which migration, of whatever kind.
type Key = ObjectRef<DynamicObject>;

/// The queue of all kinds of migrations of one process; clones share it.
#[derive(Clone, Debug)]
pub struct Queue {
    shared: Arc<Mutex<SharedQueue>>,
    /// The moment that those of the queue are counted from.
    begun: Instant,
    metrics: Metrics,
}

#[derive(Debug)]
struct SharedQueue {
    migrations: AdmissionQueue<Key>,
    /// Who is told when the turn of a migration of theirs has come, by kind.
    wakes: BTreeMap<String, mpsc::UnboundedSender<Key>>,
}

/// Leave to work; given back on drop, which calls the next.
#[derive(Debug)]
pub struct Permit {
    key: Key,
    queue: Queue,
}

/// Whom a migration waits for.
#[derive(Debug, PartialEq, Eq)]
pub struct Position {
    /// Waiting before it.
    pub waiting: usize,
    /// At work, as namespace/name, sorted.
    pub working: Vec<String>,
}

impl Queue {
    /// A queue that nobody is in.
    pub fn new(limits: AdmissionLimits, metrics: Metrics) -> Self {
        let shared = SharedQueue {
            migrations: AdmissionQueue::new(limits),
            wakes: BTreeMap::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            begun: Instant::now(),
            metrics,
        }
    }

    /// The migrations of a kind whose turn has come. For the one controller of that kind.
    pub fn called<K: MigrationKind>(&self) -> impl Stream<Item = ObjectRef<K>> + Send + use<K> {
        // Unbounded: it is sent to under the lock, where nothing may wait, and holds no more than those who wait for their turn.
        let (wake, mut called) = mpsc::unbounded_channel::<Key>();
        self.lock().wakes.insert(K::kind(&()).into_owned(), wake);
        futures::stream::poll_fn(move |context| {
            let of_kind = |key: Key| ObjectRef::new(&key.name).within(&key.namespace.unwrap_or_default());
            called.poll_recv(context).map(|key| key.map(of_kind))
        })
    }

    /// Leave to work, or whom to wait for. Ask again when called.
    pub fn admit<K: MigrationKind>(
        &self,
        object: &ObjectRef<K>,
        priority: Priority,
        entities: Option<u64>,
    ) -> Result<Permit, Position> {
        let key = object.clone().erase();
        let mut queue = self.lock();
        let now = self.begun.elapsed();
        let admitted = queue.migrations.admit(&key, priority, bytes(entities), now);
        self.count(&queue);
        match admitted {
            Ok(()) => Ok(Permit {
                key,
                queue: self.clone(),
            }),
            Err(waiting) => {
                let name = |key: &Key| match &key.namespace {
                    Some(namespace) => format!("{namespace}/{}", key.name),
                    None => key.name.clone(),
                };
                let mut working: Vec<_> = queue.migrations.working().map(name).collect();
                working.sort();
                Err(Position { waiting, working })
            }
        }
    }

    /// It does not want to work any more: deleted, or suspended.
    pub fn leave<K: MigrationKind>(&self, object: &ObjectRef<K>) {
        self.change(|queue| queue.leave(&object.clone().erase()));
    }

    /// Changes the queue, then calls those whose turn it makes.
    fn change(&self, change: impl FnOnce(&mut AdmissionQueue<Key>)) {
        let mut queue = self.lock();
        change(&mut queue.migrations);
        for key in queue.migrations.call(self.begun.elapsed()) {
            // The receiver lives as long as the controller; without it nobody is left to be called.
            if let Some(wake) = queue.wakes.get(&key.dyntype.kind) {
                let _ = wake.send(key);
            }
        }
        self.count(&queue);
    }

    fn count(&self, queue: &SharedQueue) {
        for kind in queue.wakes.keys() {
            let of_kind = |key: &&Key| key.dyntype.kind == *kind;
            let working = queue.migrations.working().filter(of_kind).count();
            let waiting = queue.migrations.waiting().filter(of_kind).count();
            self.metrics.set_migrations(kind, working, waiting);
        }
    }

    fn lock(&self) -> MutexGuard<'_, SharedQueue> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
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
pub fn wait(
    position: &Position,
    priority: Priority,
    draft: &mut Draft<impl MigrationStatus + ObjectStatus>,
) -> Outcome {
    let named = first_few(&position.working, NAMED, " and ", ("other", "others"));
    let before = match position.waiting {
        0 => "it is next".to_owned(),
        waiting => counted(waiting, "is ahead of it", "are ahead of it"),
    };
    draft.status.progress_mut().get_or_insert_default().waiting_for =
        Some(format!("migration {named} to end; {before}"));
    // The one whose turn comes is called; the others only correct what they say, the farther the rarer.
    let far = u64::try_from(position.waiting).unwrap_or(u64::MAX);
    let again = Duration::from_secs(far.saturating_mul(2).clamp(30, 600));
    match priority {
        Priority::Look => Outcome::Unchanged(Some(again)),
        Priority::Work => {
            *draft.status.phase_mut() = Some(Phase::Pending);
            let are = if position.working.len() == 1 { "is" } else { "are" };
            let message = format!(
                "Waits for a place: {named} {are} at work, {before}. See --max-concurrent-migrations and --memory-budget."
            );
            Outcome::wait(reason::QUEUED, message).again_after(again)
        }
    }
}
