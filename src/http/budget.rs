//! One limit for all calls that share a Konnect organisation, because Konnect limits by organisation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Calls in flight at the same time, and a pause that the server asked for. Shared as `Arc<Budget>`.
///
/// The limit is fixed now; this is the place where it becomes adaptive.
#[derive(Debug)]
pub struct Budget {
    max_in_flight: usize,
    permits: Semaphore,
    in_flight: AtomicUsize,
    peak_in_flight: AtomicUsize,
    paused_until: Mutex<Option<Instant>>,
}

impl Budget {
    /// A budget for `max_in_flight` calls at the same time; 0 counts as 1.
    pub fn new(max_in_flight: usize) -> Self {
        let max_in_flight = max_in_flight.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            max_in_flight,
            permits: Semaphore::new(max_in_flight),
            in_flight: AtomicUsize::new(0),
            peak_in_flight: AtomicUsize::new(0),
            paused_until: Mutex::new(None),
        }
    }

    /// The limit.
    pub fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// Calls in flight now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The most calls that were in flight at the same time.
    pub fn peak_in_flight(&self) -> usize {
        self.peak_in_flight.load(Ordering::Relaxed)
    }

    /// Holds back all new calls for `duration` from now. A longer pause that is already running stays.
    pub fn pause(&self, duration: Duration) {
        let until = Instant::now() + duration;
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |running| running.max(until)));
    }

    /// What is left of a pause.
    pub fn paused_for(&self) -> Option<Duration> {
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = (*paused)?.saturating_duration_since(Instant::now());
        if left.is_zero() {
            *paused = None;
            return None;
        }
        Some(left)
    }

    /// Waits for a free place and for the end of a pause. Dropping the permit, or the waiting future, frees the place.
    ///
    /// # Errors
    /// A pause that lasts longer than `patience`, with what is left of it.
    pub(crate) async fn acquire(&self, patience: Duration) -> Result<Permit<'_>, Duration> {
        loop {
            self.wait_out_pause(patience).await?;
            // Never closed, so this does not fail; without a permit the call would go unlimited, not astray.
            let permit = self.permits.acquire().await.ok();
            // Another call may have been throttled while this one queued.
            if self.paused_for().is_none() {
                return Ok(Permit::new(self, permit));
            }
        }
    }

    async fn wait_out_pause(&self, patience: Duration) -> Result<(), Duration> {
        while let Some(left) = self.paused_for() {
            if left > patience {
                return Err(left);
            }
            tokio::time::sleep(left).await;
        }
        Ok(())
    }
}

/// One call's place in a [`Budget`]; given back on drop.
#[derive(Debug)]
pub(crate) struct Permit<'b> {
    budget: &'b Budget,
    _permit: Option<SemaphorePermit<'b>>,
}

impl<'b> Permit<'b> {
    fn new(budget: &'b Budget, permit: Option<SemaphorePermit<'b>>) -> Self {
        let now = budget.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        budget.peak_in_flight.fetch_max(now, Ordering::Relaxed);
        Self {
            budget,
            _permit: permit,
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.budget.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The budgets of all organisations, by a key the caller chooses: the organisation's id, or before it is known
/// something that stands for the token, never the token itself.
#[derive(Debug)]
pub struct Budgets {
    max_in_flight: usize,
    by_key: Mutex<HashMap<String, Arc<Budget>>>,
}

impl Budgets {
    /// No budgets yet; each will allow `max_in_flight` calls at the same time.
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            max_in_flight,
            by_key: Mutex::default(),
        }
    }

    /// The one budget of `key`, made when it is asked for first.
    pub fn of(&self, key: &str) -> Arc<Budget> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = by_key.get(key) {
            return Arc::clone(budget);
        }
        let budget = Arc::new(Budget::new(self.max_in_flight));
        by_key.insert(key.to_owned(), Arc::clone(&budget));
        budget
    }

    /// Every key with its budget, for metrics.
    pub fn all(&self) -> Vec<(String, Arc<Budget>)> {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key
            .iter()
            .map(|(key, budget)| (key.clone(), Arc::clone(budget)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn no_more_than_the_limit_are_in_flight() {
        let budget = Budget::new(2);
        let first = budget.acquire(PATIENCE).await.unwrap();
        let _second = budget.acquire(PATIENCE).await.unwrap();
        let mut third = Box::pin(budget.acquire(PATIENCE));
        assert!(futures::poll!(&mut third).is_pending());
        drop(first);
        let _third = third.await.unwrap();
        assert_eq!(
            (
                budget.in_flight(),
                budget.peak_in_flight(),
                budget.max_in_flight()
            ),
            (2, 2, 2)
        );
    }

    #[tokio::test]
    async fn dropping_the_one_who_waits_loses_no_place() {
        let budget = Budget::new(1);
        let first = budget.acquire(PATIENCE).await.unwrap();
        let mut waiting = Box::pin(budget.acquire(PATIENCE));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(waiting);
        drop(first);
        let _again = budget.acquire(PATIENCE).await.unwrap();
        assert_eq!(budget.in_flight(), 1);
    }

    #[tokio::test]
    async fn a_pause_holds_back_everybody_and_the_longer_one_counts() {
        let budget = Budget::new(4);
        budget.pause(Duration::from_secs(3600));
        budget.pause(Duration::from_millis(1));
        assert!(budget.paused_for().unwrap() > Duration::from_secs(3000));
        assert!(budget.acquire(PATIENCE).await.unwrap_err() > PATIENCE);
        assert_eq!(budget.in_flight(), 0);
    }

    #[tokio::test]
    async fn a_short_pause_is_waited_out() {
        let budget = Budget::new(1);
        budget.pause(Duration::from_millis(5));
        let _permit = budget.acquire(PATIENCE).await.unwrap();
        assert_eq!(budget.paused_for(), None);
    }

    #[test]
    fn one_key_has_one_budget() {
        let budgets = Budgets::new(8);
        assert!(Arc::ptr_eq(&budgets.of("org-1"), &budgets.of("org-1")));
        assert!(!Arc::ptr_eq(&budgets.of("org-1"), &budgets.of("org-2")));
        assert_eq!(budgets.of("org-1").max_in_flight(), 8);
    }
}
