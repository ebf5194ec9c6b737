//! How hard a run may push, which may change while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit that a run reads before each step; clones share it.
#[derive(Clone, Debug)]
pub struct Throttle(Arc<AtomicUsize>);

impl Throttle {
    /// At most `in_flight` requests at a time, on either side; 0 counts as 1.
    #[must_use]
    pub fn new(in_flight: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(in_flight)))
    }

    /// Requests at a time, at least one.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.load(Ordering::Relaxed).max(1)
    }

    /// Changes the limit. A running step keeps to it from its next request on.
    pub fn set_in_flight(&self, in_flight: usize) {
        self.0.store(in_flight, Ordering::Relaxed);
    }
}
