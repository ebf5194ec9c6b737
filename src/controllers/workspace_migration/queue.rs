//! Lets so many migrations work at a time as places and memory allow, and tells the others whom they wait for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::Stream;
use tokio::sync::mpsc;

use super::line::{Key, Limits, Line, Turn};
use crate::api::conditions::reason;
use crate::api::workspace_migration::{Phase, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::controllers::runtime::words::counted;
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

/// The queue of one controller; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    line: Arc<Mutex<Line>>,
    wake: mpsc::UnboundedSender<Key>,
    metrics: Metrics,
}

/// A place to work; given back on drop, which calls the next.
#[derive(Debug)]
pub(super) struct Place {
    key: Key,
    queue: Queue,
}

/// Whom a migration waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    /// Waiting before it.
    pub waiting: usize,
    /// At work, as namespace/name, sorted.
    pub working: Vec<String>,
}

impl Queue {
    /// A queue, and the stream of those whose turn has come.
    pub fn new(limits: Limits, metrics: Metrics) -> (Self, impl Stream<Item = Key> + Send + 'static) {
        let (wake, mut called) = mpsc::unbounded_channel();
        let queue = Self {
            line: Arc::new(Mutex::new(Line::new(limits))),
            wake,
            metrics,
        };
        (
            queue,
            futures::stream::poll_fn(move |context| called.poll_recv(context)),
        )
    }

    /// A place, or whom to wait for. Ask again when called.
    pub fn ask(&self, key: &Key, turn: Turn, entities: Option<u64>) -> Result<Place, Ahead> {
        let mut line = self.lock();
        let asked = line.ask(key, turn, bytes(entities), Instant::now());
        self.count(&line);
        match asked {
            Ok(()) => Ok(Place {
                key: key.clone(),
                queue: self.clone(),
            }),
            Err(waiting) => {
                let name = |key: &Key| match &key.namespace {
                    Some(namespace) => format!("{namespace}/{}", key.name),
                    None => key.name.clone(),
                };
                let mut working: Vec<_> = line.working().map(name).collect();
                working.sort();
                Err(Ahead { waiting, working })
            }
        }
    }

    /// It does not want a place any more: deleted, or suspended.
    pub fn leave(&self, key: &Key) {
        self.change(|line| line.leave(key));
    }

    /// Changes the line, then calls those whose turn it makes.
    fn change(&self, change: impl FnOnce(&mut Line)) {
        let mut line = self.lock();
        change(&mut line);
        for key in line.call(Instant::now()) {
            // The receiver lives as long as the controller; without it nobody is left to be called.
            let _ = self.wake.send(key);
        }
        self.count(&line);
    }

    fn count(&self, line: &Line) {
        self.metrics
            .set_migrations(line.working().count(), line.waiting());
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Corrects what the place was taken for, once the entities are counted.
    pub fn holds(&self, entities: usize) {
        let bytes = bytes(u64::try_from(entities).ok());
        self.queue.change(|line| line.resize(&self.key, bytes));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.change(|line| line.done(&self.key));
    }
}

/// What a migration of so many entities needs.
fn bytes(entities: Option<u64>) -> u64 {
    BASE_BYTES.saturating_add(entities.unwrap_or(UNKNOWN).saturating_mul(ENTITY_BYTES))
}

/// Says whom it waits for. A finished migration that waits for a look stays as it is.
pub(super) fn wait(ahead: &Ahead, turn: Turn, draft: &mut Draft<WorkspaceMigrationStatus>) -> Outcome {
    let mut named = ahead.working[..ahead.working.len().min(NAMED)].join(", ");
    if ahead.working.len() > NAMED {
        named = format!(
            "{named} and {}",
            counted(ahead.working.len() - NAMED, "other", "others")
        );
    }
    let before = match ahead.waiting {
        0 => "it is next".to_owned(),
        waiting => counted(waiting, "is ahead of it", "are ahead of it"),
    };
    draft.status.progress.get_or_insert_default().waiting_for =
        Some(format!("migration {named} to end; {before}"));
    // The one whose turn comes is called; the others only correct what they say, the farther the rarer.
    let far = u64::try_from(ahead.waiting).unwrap_or(u64::MAX);
    let again = Duration::from_secs(far.saturating_mul(2).clamp(30, 600));
    match turn {
        Turn::Look => Outcome::Unchanged(Some(again)),
        Turn::Work => {
            draft.status.phase = Some(Phase::Pending);
            let are = if ahead.working.len() == 1 { "is" } else { "are" };
            let message = format!(
                "Waits for a place: {named} {are} at work, {before}. See --max-concurrent-migrations and --memory-budget."
            );
            Outcome::wait(reason::QUEUED, message).again_after(again)
        }
    }
}
